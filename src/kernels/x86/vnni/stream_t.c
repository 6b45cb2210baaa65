/* SPDX-License-Identifier: Apache-2.0 */
/* stream_t.c - one row times weights whose columns run along k, AVX-512 VNNI, without a panel: lanes run
 * across k, 16 columns are reduced together at the end of each block. The next 16 columns are brought to L2
 * meanwhile. */
#include <string.h>

#include "kernels/x86/vnni/lines.h"

enum { COLUMNS = 16 };

/* In each 128-bit lane the four sums over that lane of a, b, c, d. */
AQ_INLINE __m512i sum_in_lanes(__m512i a, __m512i b, __m512i c, __m512i d)
{
    __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    return _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
}

/* The sums over all lanes of the columns that four such vectors hold. */
AQ_INLINE __m512i sum_lanes(__m512i a, __m512i b, __m512i c, __m512i d)
{
    __m512i ab = _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xDD));
    __m512i cd = _mm512_add_epi32(_mm512_shuffle_i32x4(c, d, 0x88), _mm512_shuffle_i32x4(c, d, 0xDD));
    return _mm512_add_epi32(_mm512_shuffle_i32x4(ab, cd, 0x88), _mm512_shuffle_i32x4(ab, cd, 0xDD));
}

typedef struct column_sums {
    __m512i high, low;
} column_sums;

/* One column's block: the sums of high and of low in 16 lanes. d: two vectors a plane, from the block's
 * digits in the order in which the column's bytes, or its even and then its odd nibbles, lie. */
AQ_INLINE column_sums sum_column(const aq_lines *lines, const char *at, __m512i d[3][2], int64_t bytes,
                                 bool full, aq_weight_type type, int planes)
{
    __m512i w0, w1, s0 = _mm512_setzero_si512(), s1 = s0, s2 = s0;
    if (type == AQ_S4) {
        __m512i both = aq_load_line(lines, at, bytes, full);
        w0 = aq_low_nibbles(both);
        w1 = aq_high_nibbles(both);
    } else {
        w0 = aq_unsigned(aq_load_line(lines, at, bytes, full), type);
        w1 = aq_unsigned(aq_load_line(lines, at + AQ_LINE_BYTES, bytes - AQ_LINE_BYTES, full), type);
    }
    AQ_ADD_PRODUCTS(s0, w0, d[0][0]);
    AQ_ADD_PRODUCTS(s0, w1, d[0][1]);
    AQ_ADD_PRODUCTS(s1, w0, d[1][0]);
    AQ_ADD_PRODUCTS(s1, w1, d[1][1]);
    if (planes > 2) {
        AQ_ADD_PRODUCTS(s2, w0, d[2][0]);
        AQ_ADD_PRODUCTS(s2, w1, d[2][1]);
    }
    return (column_sums){_mm512_add_epi32(_mm512_slli_epi32(s0, 8), s1), s2};
}

/* Digits of the one row, plane by plane, in the order of a column's bytes. */
AQ_INLINE void order_digits(const aq_planes_stream *stream, aq_weight_type type, int planes)
{
    const int64_t blocks = (stream->k + AQ_BLOCK - 1) / AQ_BLOCK,
                  block_bytes = aq_vnni_digits(planes == 3) + (int64_t)sizeof(aq_digits_tail);
    const __m512i apart =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
    for (int64_t b = 0; b < blocks; b++)
        for (int p = 0; p < planes; p++) {
            const int32_t *from =
                (const int32_t *)(const void *)(stream->digits + b * block_bytes) + p * AQ_DIGIT_ROWS;
            int32_t *to = stream->room + (b * planes + p) * AQ_QUADS;
            for (int i = 0; i < AQ_QUADS; i++)
                to[i] = from[i * planes * AQ_DIGIT_ROWS];
            if (type == AQ_S4) {
                const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14),
                              odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
                __m512i low = _mm512_shuffle_epi8(_mm512_loadu_si512(to), apart),
                        high = _mm512_shuffle_epi8(_mm512_loadu_si512(to + 16), apart);
                _mm512_storeu_si512(to, _mm512_permutex2var_epi64(low, even, high));
                _mm512_storeu_si512(to + 16, _mm512_permutex2var_epi64(low, odd, high));
            }
        }
}

/* Lane s of a, b, c, d, side by side. */
AQ_INLINE void part_lanes(__m512i a, __m512i b, __m512i c, __m512i d, __m512i of[AQ_SEGMENTS])
{
    const __m512i even_ab = _mm512_shuffle_i32x4(a, b, 0x88), even_cd = _mm512_shuffle_i32x4(c, d, 0x88),
                  odd_ab = _mm512_shuffle_i32x4(a, b, 0xDD), odd_cd = _mm512_shuffle_i32x4(c, d, 0xDD);
    of[0] = _mm512_shuffle_i32x4(even_ab, even_cd, 0x88);
    of[1] = _mm512_shuffle_i32x4(odd_ab, odd_cd, 0x88);
    of[2] = _mm512_shuffle_i32x4(even_ab, even_cd, 0xDD);
    of[3] = _mm512_shuffle_i32x4(odd_ab, odd_cd, 0xDD);
}

/* The sums of the columns that four such vectors hold, segment by segment: of 4 bits a lane has 32 k. */
AQ_INLINE void sum_segments(const __m512i four[4], int segments, __m512i sum[AQ_SEGMENTS])
{
    if (segments == 1) {
        sum[0] = sum_lanes(four[0], four[1], four[2], four[3]);
        return;
    }
    part_lanes(four[0], four[1], four[2], four[3], sum);
    if (segments == 2) {
        sum[0] = _mm512_add_epi32(sum[0], sum[1]);
        sum[1] = _mm512_add_epi32(sum[2], sum[3]);
    }
}

/* f of planes.h of one block of 16 columns, for each segment; columns that do not exist are the last again.
 * data: the block's first byte in the first column; offset: from there to the others. */
AQ_INLINE void sum_block(const char *data, const int64_t offset[COLUMNS], const aq_lines *lines,
                         int64_t bytes, bool full, const int32_t *digits, const aq_digits_tail *tail,
                         aq_weight_type type, int planes, int segments, int brings, aq_ahead *ahead,
                         __m512 f[AQ_SEGMENTS])
{
    __m512i d[3][2], high[4], low[4], h[AQ_SEGMENTS], l[AQ_SEGMENTS];
#pragma GCC unroll 3
    for (int p = 0; p < 3; p++) {
        d[p][0] = p < planes ? _mm512_loadu_si512(digits + p * AQ_QUADS) : _mm512_setzero_si512();
        d[p][1] = p < planes ? _mm512_loadu_si512(digits + p * AQ_QUADS + 16) : _mm512_setzero_si512();
    }
#pragma GCC unroll 4
    for (int four = 0; four < 4; four++) {
        column_sums sum[4];
        aq_bring(ahead, brings);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            sum[i] = sum_column(lines, data + offset[four * 4 + i], d, bytes, full, type, planes);
        high[four] = sum_in_lanes(sum[0].high, sum[1].high, sum[2].high, sum[3].high);
        low[four] = planes > 2 ? sum_in_lanes(sum[0].low, sum[1].low, sum[2].low, sum[3].low) : high[four];
    }
    sum_segments(high, segments, h);
    if (planes > 2)
        sum_segments(low, segments, l);
#pragma GCC unroll 4
    for (int s = 0; s < segments; s++) {
        f[s] =
            _mm512_cvtepi32_ps(_mm512_add_epi32(h[s], _mm512_set1_epi32(tail->correction[s][AQ_OF_HIGH][0])));
        if (planes > 2)
            f[s] = _mm512_fmadd_ps(f[s], _mm512_set1_ps(256.0f),
                                   _mm512_cvtepi32_ps(_mm512_add_epi32(
                                       l[s], _mm512_set1_epi32(tail->correction[s][AQ_OF_LOW][0]))));
    }
}

/* Which columns are taken side by side: 16, of which the first n exist, each `apart` columns on. */
typedef struct side_by_side {
    int64_t j, n, apart;
} side_by_side;

/* The scales of such columns, as if they were next to each other. */
AQ_INLINE aq_scaled scales_of(const aq_planes_stream *stream, const side_by_side *columns)
{
    aq_scaled some = *stream->scaled;
    const int64_t first = stream->n0 + columns->j;
    some.scale = (const uint16_t *)some.scale + first * some.scale_n;
    some.scale_n *= columns->apart;
    if (stream->zero) {
        some.offset += first * some.offset_n;
        some.offset_n *= columns->apart;
    }
    return some;
}

AQ_INLINE __m512 sum_columns(const aq_planes_stream *stream, const side_by_side *columns, aq_weight_type type,
                             int planes, bool grouped, int segments, int brings, aq_ahead *ahead)
{
    const int64_t block_bytes = aq_vnni_digits(planes == 3) + (int64_t)sizeof(aq_digits_tail),
                  weight_bytes = AQ_BLOCK / (type == AQ_S4 ? 2 : 1);
    const aq_lines lines = aq_lines_at(stream->weight, true, 0, stream->n0 + columns->j);
    const char *data = lines.data;
    __m512 total = _mm512_setzero_ps();
    _Alignas(64) float scale[AQ_SEGMENTS * AQ_PANEL_MOST], zero[AQ_SEGMENTS * AQ_PANEL_MOST];
    int64_t offset[COLUMNS];
    for (int64_t i = 0; i < COLUMNS; i++)
        offset[i] = (i < columns->n ? i : columns->n - 1) * columns->apart * lines.outer_bytes;
    aq_scaled scaled = {.scale = NULL};
    if (grouped)
        scaled = scales_of(stream, columns);
    for (int64_t k0 = 0; k0 < stream->k; k0 += AQ_BLOCK, data += weight_bytes) {
        const int64_t k = stream->k - k0, bytes = type == AQ_S4 ? (k + 1) / 2 : k;
        const aq_digits_tail *tail = aq_tail_of(stream->digits + k0 / AQ_BLOCK * block_bytes, planes == 3);
        const int32_t *digits = stream->room + k0 / AQ_BLOCK * planes * AQ_QUADS;
        __m512 f[AQ_SEGMENTS];
        if (k >= AQ_BLOCK)
            sum_block(data, offset, &lines, weight_bytes, true, digits, tail, type, planes, segments, brings,
                      ahead, f);
        else
            sum_block(data, offset, &lines, bytes, false, digits, tail, type, planes, segments, brings, ahead,
                      f);
        __m512 s = _mm512_set1_ps(tail->scale[0]);
        if (stream->block_step > 0) {
            _mm512_store_ps(aq_stream_acc(stream, k0 / AQ_BLOCK) + columns->j, _mm512_mul_ps(f[0], s));
            continue;
        }
        if (!grouped) {
            total = _mm512_fmadd_ps(f[0], s, total);
            continue;
        }
        aq_vnni_group_scales(&(aq_group_scales){.scaled = &scaled,
                                                .type = type,
                                                .k0 = k0,
                                                .k = k,
                                                .n0 = 0,
                                                .n = columns->n,
                                                .segments = segments,
                                                .in_order = true,
                                                .scale = scale,
                                                .zero = stream->zero ? zero : NULL});
#pragma GCC unroll 4
        for (int i = 0; i < segments; i++) {
            const int64_t at = i * aq_panel_columns(type);
            total = _mm512_fmadd_ps(_mm512_mul_ps(f[i], s), _mm512_load_ps(scale + at), total);
            if (stream->zero)
                total = _mm512_fmadd_ps(_mm512_set1_ps(tail->x_sum[i][0]), _mm512_load_ps(zero + at), total);
        }
    }
    return total;
}

AQ_INLINE void stream_of(const aq_planes_stream *stream, aq_weight_type type, int planes, bool grouped,
                         int segments)
{
    const int64_t line_k = AQ_LINE_BYTES * (type == AQ_S4 ? 2 : 1), run = (stream->k + line_k - 1) / line_k;
    const int64_t column_bytes = aq_lines_at(stream->weight, true, 0, 0).outer_bytes,
                  apart = column_bytes > 0 && column_bytes < AQ_PAGE_BYTES && stream->block_step == 0 ? 2 : 1;
    /* lines ahead for each four columns' */
    const int brings =
        (type == AQ_S4 ? 4 : 8) / (column_bytes <= 0 || column_bytes * apart >= AQ_PAGE_BYTES ? 2 : 1);
    order_digits(stream, type, planes);
    for (int64_t j = 0; j < stream->n; j += COLUMNS * apart) {
        __m512 sum[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
        for (int64_t p = 0; p < apart && j + p < stream->n; p++) {
            const int64_t n = (stream->n - j - p + apart - 1) / apart,
                          after = p + 1 < apart ? 1 : COLUMNS * apart - p;
            const side_by_side columns = {.j = j + p, .n = n < COLUMNS ? n : COLUMNS, .apart = apart};
            const aq_lines next = aq_lines_at(stream->weight, true, 0, stream->n0 + j + p + after);
            aq_ahead ahead = {.at = (uintptr_t)next.data,
                              .stride = (uintptr_t)(next.outer_bytes * apart),
                              .run = run,
                              .lines = j + p + after < stream->n ? run * COLUMNS : 0};
            sum[p] = sum_columns(stream, &columns, type, planes, grouped, segments, brings, &ahead);
        }
        if (stream->block_step > 0)
            continue;
        if (apart == 1) {
            _mm512_store_ps(stream->acc + j, sum[0]);
        } else {
            const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
                          high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
            _mm512_store_ps(stream->acc + j, _mm512_permutex2var_ps(sum[0], low, sum[1]));
            _mm512_store_ps(stream->acc + j + COLUMNS, _mm512_permutex2var_ps(sum[0], high, sum[1]));
        }
    }
}

AQ_INLINE void stream_by_segments(const aq_planes_stream *stream, aq_weight_type type, int planes)
{
    if (stream->scaled == NULL)
        stream_of(stream, type, planes, false, 1);
    else if (type == AQ_S8 || stream->segments == 1)
        stream_of(stream, type, planes, true, 1);
    else if (stream->segments == 2)
        stream_of(stream, type, planes, true, 2);
    else
        stream_of(stream, type, planes, true, AQ_SEGMENTS);
}

void aq_vnni_stream_t(const aq_planes_stream *stream)
{
    if (stream->weight->type == AQ_S8) {
        if (stream->exact)
            stream_by_segments(stream, AQ_S8, 3);
        else
            stream_by_segments(stream, AQ_S8, 2);
    } else {
        if (stream->exact)
            stream_by_segments(stream, AQ_S4, 3);
        else
            stream_by_segments(stream, AQ_S4, 2);
    }
}
