/* SPDX-License-Identifier: Apache-2.0 */
/* panel.h - stored weights of one block to a panel (vnni.h), from rows along n, columns along k, or one by
 * one. What the bytes hold is up to the kernel. */
#ifndef AQ_KERNELS_X86_VNNI_PANEL_H
#define AQ_KERNELS_X86_VNNI_PANEL_H

#include <string.h>

#include "kernels/x86/vnni/lines.h"

/* A weight as a byte. */
typedef enum aq_panel_bytes {
    AQ_BYTES_UNSIGNED, /* + 128, or + 8 */
    AQ_BYTES_SIGNED    /* as it is, or, of 4 bits, times 16: as it lies in the upper half */
} aq_panel_bytes;

AQ_INLINE __m512i aq_line_bytes(__m512i stored, aq_weight_type type, aq_panel_bytes as)
{
    return as == AQ_BYTES_UNSIGNED ? aq_unsigned(stored, type) : stored;
}

/* The nibbles of stored bytes. */
AQ_INLINE __m512i aq_low_half(__m512i bytes, aq_panel_bytes as)
{
    const __m512i upper = _mm512_set1_epi8((char)0xF0);
    return as == AQ_BYTES_UNSIGNED ? aq_low_nibbles(bytes)
                                   : _mm512_and_si512(_mm512_slli_epi16(bytes, 4), upper);
}

AQ_INLINE __m512i aq_high_half(__m512i bytes, aq_panel_bytes as)
{
    const __m512i upper = _mm512_set1_epi8((char)0xF0);
    return as == AQ_BYTES_UNSIGNED ? aq_high_nibbles(bytes) : _mm512_and_si512(bytes, upper);
}

enum {
    AQ_PACK_LINES = 64, /* brought for each panel */
    AQ_PACK_QUAD_LINES = AQ_PACK_LINES / AQ_QUADS,
    AQ_PACK_BAND_K = 16 /* rows read side by side, for many panels: prefetchers follow no more than 32 runs */
};

/* k k from first on, of the block and of the n columns from n0 + j on. */
AQ_INLINE void aq_pack_rows(const aq_integers_job *job, int64_t first, int64_t end, int64_t j, int64_t n,
                            char *panel, aq_weight_type type, aq_panel_bytes as, bool full)
{
    const aq_lines lines = aq_lines_at(job->weight, false, job->n0 + j, job->k0 + first);
    const int64_t bytes = type == AQ_S4 ? (n + 1) / 2 : n, quad_bytes = aq_panel_columns(type) * 4;
    const char *at = lines.data;
    char *out = panel + first / 4 * quad_bytes;
    for (int64_t k = first; k < end && k < job->k; k += 4, out += quad_bytes) {
        __m512i row[4], quads[4];
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++, at += lines.outer_bytes)
            row[i] = k + i < job->k ? aq_load_line(&lines, at, bytes, full) : _mm512_setzero_si512();
        aq_make_quads(row, quads);
        if (job->ahead != NULL)
            aq_bring(job->ahead, AQ_PACK_QUAD_LINES);
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++)
            if (type == AQ_S4) {
                _mm512_store_si512(out + q * 64, aq_low_half(quads[q], as));
                _mm512_store_si512(out + 256 + q * 64, aq_high_half(quads[q], as));
            } else {
                _mm512_store_si512(out + q * 64, aq_line_bytes(quads[q], type, as));
            }
    }
    memset(out, 0, (size_t)(panel + end / 4 * quad_bytes - out));
}

AQ_INLINE void aq_pack_band(const aq_integers_job *job, int64_t first, int64_t end, aq_weight_type type,
                            aq_panel_bytes as)
{
    const int64_t columns = aq_panel_columns(type);
    char *panel = job->panel;
    int64_t j = 0;
    for (; j + columns <= job->n; j += columns, panel += AQ_BLOCK * columns)
        aq_pack_rows(job, first, end, j, columns, panel, type, as, true);
    if (j < job->n)
        aq_pack_rows(job, first, end, j, job->n - j, panel, type, as, false);
}

AQ_INLINE void aq_pack_bands(const aq_integers_job *job, aq_weight_type type, aq_panel_bytes as)
{
    if (job->n <= aq_panel_columns(type)) {
        aq_pack_band(job, 0, AQ_BLOCK, type, as);
        return;
    }
    for (int64_t k = 0; k < AQ_BLOCK; k += AQ_PACK_BAND_K)
        aq_pack_band(job, k, k + AQ_PACK_BAND_K, type, as);
}

/* Column that dword 4 * lane + i of a vector holds. */
AQ_INLINE int aq_panel_column(aq_weight_type type, int vector, int lane, int i)
{
    return type == AQ_S4 ? 32 * lane + 8 * (vector & 3) + 2 * i + (vector >> 2) : 16 * lane + 4 * vector + i;
}

/* 16 columns' 16 dwords: in place, vector d becomes the columns' dword d. */
AQ_INLINE void aq_transpose_dwords(__m512i v[16])
{
    __m512i t[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        v[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        v[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        v[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        v[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    /* v[4 a + b], lane l: columns 4 a .. 4 a + 3 of dword 4 l + b */
#pragma GCC unroll 4
    for (int b = 0; b < 4; b++) {
        __m512i c0 = _mm512_shuffle_i32x4(v[b], v[4 + b], 0x88),
                c1 = _mm512_shuffle_i32x4(v[8 + b], v[12 + b], 0x88);
        __m512i d0 = _mm512_shuffle_i32x4(v[b], v[4 + b], 0xDD),
                d1 = _mm512_shuffle_i32x4(v[8 + b], v[12 + b], 0xDD);
        t[b] = _mm512_shuffle_i32x4(c0, c1, 0x88);
        t[8 + b] = _mm512_shuffle_i32x4(c0, c1, 0xDD);
        t[4 + b] = _mm512_shuffle_i32x4(d0, d1, 0x88);
        t[12 + b] = _mm512_shuffle_i32x4(d0, d1, 0xDD);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        v[i] = t[i];
}

/* Within each lane of 128 bits: dword i of v[d] becomes dword d of v[i]. */
AQ_INLINE void aq_transpose_in_lanes(__m512i v[4])
{
    __m512i a = _mm512_unpacklo_epi32(v[0], v[1]), b = _mm512_unpackhi_epi32(v[0], v[1]),
            c = _mm512_unpacklo_epi32(v[2], v[3]), d = _mm512_unpackhi_epi32(v[2], v[3]);
    v[0] = _mm512_unpacklo_epi64(a, c);
    v[1] = _mm512_unpackhi_epi64(a, c);
    v[2] = _mm512_unpacklo_epi64(b, d);
    v[3] = _mm512_unpackhi_epi64(b, d);
}

AQ_INLINE __m512i aq_load_pair(const char *low, const char *high)
{
    const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)low),
                  b = _mm256_loadu_si256((const __m256i *)(const void *)high);
    return _mm512_mask_broadcast_i64x4(_mm512_castsi256_si512(a), 0xF0, b);
}

/* 32 bytes of each of 16 columns to 8 vectors of their dwords. The first column begins at `at`, the next
 * three of a lane `unit` bytes on each, those of the next lane `step`. Loads put halves into place, which
 * spares a quarter of aq_transpose_dwords' shuffles. */
AQ_INLINE void aq_transpose_halves(const char *at, int64_t unit, int64_t step, aq_weight_type type,
                                   aq_panel_bytes as, __m512i v[8])
{
    __m512i a[4], b[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++, at += unit) {
        a[i] = aq_line_bytes(aq_load_pair(at, at + step), type, as);
        b[i] = aq_line_bytes(aq_load_pair(at + 2 * step, at + 3 * step), type, as);
    }
    aq_transpose_in_lanes(a);
    aq_transpose_in_lanes(b);
#pragma GCC unroll 4
    for (int d = 0; d < 4; d++) {
        v[d] = _mm512_shuffle_i32x4(a[d], b[d], 0x88);
        v[4 + d] = _mm512_shuffle_i32x4(a[d], b[d], 0xDD);
    }
}

/* The nibbles of two bytes of each dword as four bytes: order puts the bytes into the lower halves of the 16
 * bits, or, for signed ones, into the upper. */
AQ_INLINE __m512i aq_spread_nibbles(__m512i v, __m512i order, aq_panel_bytes as)
{
    __m512i apart = _mm512_shuffle_epi8(v, order);
    if (as == AQ_BYTES_UNSIGNED)
        return _mm512_and_si512(_mm512_or_si512(apart, _mm512_slli_epi32(apart, 4)), _mm512_set1_epi8(15));
    return aq_high_half(_mm512_or_si512(apart, _mm512_srli_epi16(apart, 4)), as);
}

/* dwords vectors of 16 columns' dwords to their places in the panel, from the first's on. */
AQ_INLINE void aq_store_dwords(const __m512i *v, int dwords, char *out, aq_weight_type type,
                               aq_panel_bytes as)
{
    const int64_t quad_bytes = aq_panel_columns(type) * 4;
    /* bytes 0 and 1 of each dword, then 2 and 3, each in 16 bits; a signed one moves up by one byte */
    const __m128i low = _mm_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1),
                  high = _mm_setr_epi8(2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1);
    const bool up = as == AQ_BYTES_SIGNED;
    const __m512i first = _mm512_broadcast_i32x4(up ? _mm_alignr_epi8(low, low, 15) : low),
                  second = _mm512_broadcast_i32x4(up ? _mm_alignr_epi8(high, high, 15) : high);
#pragma GCC unroll 16
    for (int i = 0; i < dwords; i++)
        if (type == AQ_S8) {
            _mm512_store_si512(out + i * quad_bytes, v[i]);
        } else {
            _mm512_store_si512(out + 2 * i * quad_bytes, aq_spread_nibbles(v[i], first, as));
            _mm512_store_si512(out + (2 * i + 1) * quad_bytes, aq_spread_nibbles(v[i], second, as));
        }
}

/* A panel of which nothing is missing. */
AQ_INLINE void aq_pack_whole_columns(const aq_integers_job *job, aq_weight_type type, aq_panel_bytes as)
{
    const int vectors = type == AQ_S4 ? 8 : 4, lines_each = type == AQ_S4 ? 1 : 2,
              half_quads = AQ_QUADS / (2 * lines_each);
    const int64_t quad_bytes = aq_panel_columns(type) * 4;
    for (int vector = 0; vector < vectors; vector++)
        for (int line = 0; line < lines_each; line++) {
            const aq_lines lines =
                aq_lines_at(job->weight, true, job->k0 + line * AQ_BLOCK / lines_each, job->n0);
            const char *at = lines.data + aq_panel_column(type, vector, 0, 0) * lines.outer_bytes;
            char *out = (char *)job->panel + line * (AQ_QUADS / lines_each) * quad_bytes + vector * 64;
            if (job->ahead != NULL)
                aq_bring(job->ahead, AQ_PACK_LINES / (vectors * lines_each));
#pragma GCC unroll 2
            for (int half = 0; half < 2; half++) {
                __m512i v[8];
                aq_transpose_halves(at + half * lines.half_bytes,
                                    aq_panel_column(type, 0, 0, 1) * lines.outer_bytes,
                                    aq_panel_column(type, 0, 1, 0) * lines.outer_bytes, type, as, v);
                aq_store_dwords(v, 8, out + half * half_quads * quad_bytes, type, as);
            }
        }
}

/* Any part of a panel. */
AQ_INLINE void aq_pack_columns(const aq_integers_job *job, aq_weight_type type, aq_panel_bytes as)
{
    const aq_weight *weight = job->weight;
    const int64_t quad_bytes = aq_panel_columns(type) * 4;
    const int vectors = type == AQ_S4 ? 8 : 4, parts = type == AQ_S4 ? 1 : 2; /* lines of a column */
    const int64_t line_k = AQ_BLOCK / parts;
    for (int part = 0; part < parts; part++) {
        const int64_t k = part * line_k, left = job->k - k,
                      bytes = left <= 0       ? 0
                              : type == AQ_S4 ? (left + 1) / 2
                                              : left;
        aq_lines lines = {.data = NULL};
        if (bytes > 0)
            lines = aq_lines_at(weight, true, job->k0 + k, job->n0);
        for (int vector = 0; vector < vectors; vector++) {
            __m512i v[16];
            if (job->ahead != NULL)
                aq_bring(job->ahead, AQ_PACK_LINES / (vectors * parts));
#pragma GCC unroll 16
            for (int i = 0; i < 16; i++) {
                int column = aq_panel_column(type, vector, i / 4, i % 4);
                v[i] = bytes > 0 && column < job->n
                           ? aq_line_bytes(aq_load_line(&lines, lines.data + column * lines.outer_bytes,
                                                        bytes, bytes >= AQ_LINE_BYTES),
                                           type, as)
                           : _mm512_setzero_si512();
            }
            aq_transpose_dwords(v);
            aq_store_dwords(v, 16, (char *)job->panel + part * 16 * quad_bytes + vector * 64, type, as);
        }
    }
}

/* Any layout, a weight at a time. */
AQ_INLINE void aq_pack_each(const aq_integers_job *job, aq_panel_bytes as)
{
    const aq_weight_type type = job->weight->type;
    const int64_t quad_bytes = aq_panel_columns(type) * 4;
    const int vectors = type == AQ_S4 ? 8 : 4, factor = as == AQ_BYTES_SIGNED && type == AQ_S4 ? 16 : 1,
              bias = as == AQ_BYTES_SIGNED ? 0
                     : type == AQ_S4       ? 8
                                           : 128;
    uint8_t *panel = job->panel;
    memset(panel, 0, (size_t)(AQ_QUADS * quad_bytes));
    for (int vector = 0; vector < vectors; vector++)
        for (int i = 0; i < 16; i++) {
            int column = aq_panel_column(type, vector, i / 4, i % 4);
            for (int64_t k = 0; k < job->k && column < job->n; k++)
                panel[k / 4 * quad_bytes + vector * 64 + i * 4 + k % 4] =
                    (uint8_t)(aq_weight_integer(job->weight, job->k0 + k, job->n0 + column) * factor + bias);
        }
}

/* One panel of any layout, or panels of rows along n. */
AQ_INLINE void aq_pack_one(const aq_integers_job *job, aq_panel_bytes as)
{
    const aq_weight *weight = job->weight;
    const bool order_t = aq_weight_order(weight) == AQ_ORDER_T,
               whole = job->k == AQ_BLOCK && job->n == aq_panel_columns(weight->type);
    if (aq_lines_decline(weight, order_t) != NULL)
        aq_pack_each(job, as);
    else if (order_t && whole && weight->type == AQ_S4)
        aq_pack_whole_columns(job, AQ_S4, as);
    else if (order_t && whole)
        aq_pack_whole_columns(job, AQ_S8, as);
    else if (order_t && weight->type == AQ_S4)
        aq_pack_columns(job, AQ_S4, as);
    else if (order_t)
        aq_pack_columns(job, AQ_S8, as);
    else if (weight->type == AQ_S4)
        aq_pack_bands(job, AQ_S4, as);
    else
        aq_pack_bands(job, AQ_S8, as);
}

/* A panel, or many. */
AQ_INLINE void aq_pack_panels(const aq_integers_job *job, aq_panel_bytes as)
{
    const int64_t columns = aq_panel_columns(job->weight->type);
    const bool rows =
        aq_weight_order(job->weight) == AQ_ORDER_P && aq_lines_decline(job->weight, false) == NULL;
    aq_integers_job one = *job;
    if (rows || job->n <= columns) {
        aq_pack_one(job, as);
        return;
    }
    for (int64_t j = 0; j < job->n; j += columns) {
        one.n0 = job->n0 + j;
        one.n = job->n - j < columns ? job->n - j : columns;
        one.panel = (char *)job->panel + j * AQ_BLOCK;
        aq_pack_one(&one, as);
    }
}

#endif
