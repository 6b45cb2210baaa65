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

/* The nibbles of stored bytes, by now unsigned where that is asked for. */
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

enum { AQ_PACK_LINES = 64 /* brought for each panel */, AQ_PACK_QUAD_LINES = AQ_PACK_LINES / AQ_QUADS };

AQ_INLINE void aq_pack_rows(const aq_integers_job *job, aq_weight_type type, aq_panel_bytes as, bool full)
{
    const aq_lines lines = aq_lines_at(job->weight, false, job->n0, job->k0);
    const int64_t bytes = type == AQ_S4 ? (job->n + 1) / 2 : job->n, quad_bytes = aq_panel_columns(type) * 4;
    const char *at = lines.data;
    char *out = job->panel;
    for (int64_t k = 0; k < job->k; k += 4, out += quad_bytes) {
        __m512i row[4], quads[4];
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++, at += lines.outer_bytes)
            row[i] = k + i < job->k ? aq_line_bytes(aq_load_line(&lines, at, bytes, full), type, as)
                                    : _mm512_setzero_si512();
        aq_make_quads(row, quads);
        if (job->ahead != NULL)
            aq_bring(job->ahead, AQ_PACK_QUAD_LINES);
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++)
            if (type == AQ_S4) {
                _mm512_store_si512(out + q * 64, aq_low_half(quads[q], as));
                _mm512_store_si512(out + 256 + q * 64, aq_high_half(quads[q], as));
            } else {
                _mm512_store_si512(out + q * 64, quads[q]);
            }
    }
    memset(out, 0, (size_t)((char *)job->panel + AQ_QUADS * quad_bytes - out));
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

/* The nibbles of two bytes of each dword as four bytes: order puts the bytes into the lower halves of the 16
 * bits, or, for signed ones, into the upper. */
AQ_INLINE __m512i aq_spread_nibbles(__m512i v, __m512i order, aq_panel_bytes as)
{
    __m512i apart = _mm512_shuffle_epi8(v, order);
    if (as == AQ_BYTES_UNSIGNED)
        return aq_low_nibbles(_mm512_or_si512(apart, _mm512_slli_epi32(apart, 4)));
    return aq_high_half(_mm512_or_si512(apart, _mm512_srli_epi16(apart, 4)), as);
}

AQ_INLINE void aq_pack_columns(const aq_integers_job *job, aq_weight_type type, aq_panel_bytes as)
{
    const aq_weight *weight = job->weight;
    const int64_t quad_bytes = aq_panel_columns(type) * 4;
    const int vectors = type == AQ_S4 ? 8 : 4, parts = type == AQ_S4 ? 1 : 2; /* lines of a column */
    const int64_t line_k = AQ_BLOCK / parts;
    /* bytes 0 and 1 of each dword, then 2 and 3, each in 16 bits; a signed one moves up by one byte */
    const __m128i low = _mm_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1),
                  high = _mm_setr_epi8(2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1);
    const int up = as == AQ_BYTES_UNSIGNED ? 0 : 1;
    const __m512i first = _mm512_broadcast_i32x4(up ? _mm_alignr_epi8(low, low, 15) : low),
                  second = _mm512_broadcast_i32x4(up ? _mm_alignr_epi8(high, high, 15) : high);
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
            char *out = (char *)job->panel + part * 16 * quad_bytes + vector * 64;
            if (type == AQ_S8) {
#pragma GCC unroll 16
                for (int i = 0; i < 16; i++)
                    _mm512_store_si512(out + i * quad_bytes, v[i]);
            } else {
#pragma GCC unroll 16
                for (int i = 0; i < 16; i++) {
                    _mm512_store_si512(out + 2 * i * quad_bytes, aq_spread_nibbles(v[i], first, as));
                    _mm512_store_si512(out + (2 * i + 1) * quad_bytes, aq_spread_nibbles(v[i], second, as));
                }
            }
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

AQ_INLINE void aq_pack_panel(const aq_integers_job *job, aq_panel_bytes as)
{
    const aq_weight *weight = job->weight;
    const bool order_t = aq_weight_order(weight) == AQ_ORDER_T, int4 = weight->type == AQ_S4;
    const bool full = job->n == aq_panel_columns(weight->type);
    if (aq_lines_decline(weight, order_t) != NULL)
        aq_pack_each(job, as);
    else if (order_t && int4)
        aq_pack_columns(job, AQ_S4, as);
    else if (order_t)
        aq_pack_columns(job, AQ_S8, as);
    else if (int4 && full)
        aq_pack_rows(job, AQ_S4, as, true);
    else if (int4)
        aq_pack_rows(job, AQ_S4, as, false);
    else if (full)
        aq_pack_rows(job, AQ_S8, as, true);
    else
        aq_pack_rows(job, AQ_S8, as, false);
}

#endif
