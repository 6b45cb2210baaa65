/* SPDX-License-Identifier: Apache-2.0 */
/* panel.c - stored weights of one block to a VNNI panel, from rows along n, columns along k, or one by one.
 */
#include <string.h>

#include "kernels/x86/vnni/lines.h"

enum { LINES = 64 /* brought for each panel */, QUAD_LINES = LINES / AQ_QUADS };

AQ_INLINE void pack_rows(const aq_integers_job *job, aq_weight_type type, bool full)
{
    const aq_lines lines = aq_lines_at(job->weight, false, job->n0, job->k0);
    const int64_t bytes = type == AQ_S4 ? (job->n + 1) / 2 : job->n, quad_bytes = aq_panel_columns(type) * 4;
    const char *at = lines.data;
    char *out = job->panel;
    for (int64_t k = 0; k < job->k; k += 4, out += quad_bytes) {
        __m512i row[4], quads[4];
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++, at += lines.outer_bytes)
            row[i] = k + i < job->k ? aq_unsigned(aq_load_line(&lines, at, bytes, full), type)
                                    : _mm512_setzero_si512();
        aq_make_quads(row, quads);
        if (job->ahead != NULL)
            aq_bring(job->ahead, QUAD_LINES);
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++)
            if (type == AQ_S4) {
                _mm512_store_si512(out + q * 64, aq_low_nibbles(quads[q]));
                _mm512_store_si512(out + 256 + q * 64, aq_high_nibbles(quads[q]));
            } else {
                _mm512_store_si512(out + q * 64, quads[q]);
            }
    }
    memset(out, 0, (size_t)((char *)job->panel + AQ_QUADS * quad_bytes - out));
}

/* Column that dword 4 * lane + i of a vector holds. */
AQ_INLINE int column_of(aq_weight_type type, int vector, int lane, int i)
{
    return type == AQ_S4 ? 32 * lane + 8 * (vector & 3) + 2 * i + (vector >> 2) : 16 * lane + 4 * vector + i;
}

/* 16 columns' 16 dwords: in place, vector d becomes the columns' dword d. */
AQ_INLINE void transpose_dwords(__m512i v[16])
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

/* The nibbles of two bytes of each dword as four bytes. */
AQ_INLINE __m512i spread_nibbles(__m512i v, __m512i order)
{
    __m512i apart = _mm512_shuffle_epi8(v, order);
    return aq_low_nibbles(_mm512_or_si512(apart, _mm512_slli_epi32(apart, 4)));
}

AQ_INLINE void pack_columns(const aq_integers_job *job, aq_weight_type type)
{
    const aq_weight *weight = job->weight;
    const int64_t quad_bytes = aq_panel_columns(type) * 4;
    const int vectors = type == AQ_S4 ? 8 : 4, parts = type == AQ_S4 ? 1 : 2; /* lines of a column */
    const int64_t line_k = AQ_BLOCK / parts;
    const __m512i first = _mm512_broadcast_i32x4(
                      _mm_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1)),
                  second = _mm512_broadcast_i32x4(
                      _mm_setr_epi8(2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1));
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
                aq_bring(job->ahead, LINES / (vectors * parts));
#pragma GCC unroll 16
            for (int i = 0; i < 16; i++) {
                int column = column_of(type, vector, i / 4, i % 4);
                v[i] = bytes > 0 && column < job->n
                           ? aq_unsigned(aq_load_line(&lines, lines.data + column * lines.outer_bytes, bytes,
                                                      bytes >= AQ_LINE_BYTES),
                                         type)
                           : _mm512_setzero_si512();
            }
            transpose_dwords(v);
            char *out = (char *)job->panel + part * 16 * quad_bytes + vector * 64;
            if (type == AQ_S8) {
#pragma GCC unroll 16
                for (int i = 0; i < 16; i++)
                    _mm512_store_si512(out + i * quad_bytes, v[i]);
            } else {
#pragma GCC unroll 16
                for (int i = 0; i < 16; i++) {
                    _mm512_store_si512(out + 2 * i * quad_bytes, spread_nibbles(v[i], first));
                    _mm512_store_si512(out + (2 * i + 1) * quad_bytes, spread_nibbles(v[i], second));
                }
            }
        }
    }
}

/* Any layout, a weight at a time. */
static void pack_each(const aq_integers_job *job)
{
    const aq_weight_type type = job->weight->type;
    const int64_t quad_bytes = aq_panel_columns(type) * 4;
    const int vectors = type == AQ_S4 ? 8 : 4;
    uint8_t *panel = job->panel;
    memset(panel, 0, (size_t)(AQ_QUADS * quad_bytes));
    for (int vector = 0; vector < vectors; vector++)
        for (int i = 0; i < 16; i++) {
            int column = column_of(type, vector, i / 4, i % 4);
            for (int64_t k = 0; k < job->k && column < job->n; k++)
                panel[k / 4 * quad_bytes + vector * 64 + i * 4 + k % 4] =
                    (uint8_t)(aq_weight_integer(job->weight, job->k0 + k, job->n0 + column) +
                              (type == AQ_S4 ? 8 : 128));
        }
}

void aq_vnni_pack_panel(const aq_integers_job *job)
{
    const aq_weight *weight = job->weight;
    const bool order_t = aq_weight_order(weight) == AQ_ORDER_T, int4 = weight->type == AQ_S4;
    const bool full = job->n == aq_panel_columns(weight->type);
    if (aq_lines_decline(weight, order_t) != NULL)
        pack_each(job);
    else if (order_t && int4)
        pack_columns(job, AQ_S4);
    else if (order_t)
        pack_columns(job, AQ_S8);
    else if (int4 && full)
        pack_rows(job, AQ_S4, true);
    else if (int4)
        pack_rows(job, AQ_S4, false);
    else if (full)
        pack_rows(job, AQ_S8, true);
    else
        pack_rows(job, AQ_S8, false);
}
