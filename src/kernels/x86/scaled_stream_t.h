/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_stream_t.h - few rows times a weight of AQ_RECIPE_SCALED whose columns run along k (order T): lanes
 * run across k, one vector is the 16 partial sums of a (row, column). Four columns are taken at a time. One
 * row has a loop of its own, aq_chunk_of_one_row_t in the folder's scaled_row_t.h, which also says how a
 * weight is made; more rows share weights kept in registers. Written once for both x86 levels: include that
 * header first and define AQ_STREAM_T_DEPTH, vectors of 16 k of a step of many rows. */
#ifndef AQ_KERNELS_X86_SCALED_STREAM_T_H
#define AQ_KERNELS_X86_SCALED_STREAM_T_H

#include "kernels/x86/scaled_columns_t.h"

/* ---- more rows ---- */

/* depth vectors of 16 k from k on (one, with count k of it, where depth is 1) of columns c and c + 1, all
 * rows. sums: rows times two vectors. */
AQ_INLINE void aq_step_t(const aq_scaled_stream_tile *tile, const aq_span_t *span, const aq_four_t *four,
                         aq_place_t place, int c, int64_t k, int depth, int64_t count, aq_case_t with,
                         float *sums)
{
    aq_lanes w0[AQ_STREAM_T_DEPTH], w1[AQ_STREAM_T_DEPTH];
    aq_own_t own0 = aq_own_of(four, c, place.group, with), own1 = aq_own_of(four, c + 1, place.group, with);
#pragma GCC unroll 8
    for (int i = 0; i < depth; i++) {
        int64_t at = aq_byte_t(span, k + i * 16, with);
        if (i > 0 && place.left == i * 16) {
            place = (aq_place_t){place.group + 1, place.left + tile->scaled->group};
            own0 = aq_own_of(four, c, place.group, with);
            own1 = aq_own_of(four, c + 1, place.group, with);
        }
        w0[i] = aq_weights_natural_t(four, &own0, four->at[c] + at, count, with);
        w1[i] = aq_weights_natural_t(four, &own1, four->at[c + 1] + at, count, with);
    }
    const float *x = tile->x + k;
    for (int64_t r = 0; r < tile->rows; r++, sums += 32, x += tile->x_stride) {
        aq_lanes sum0 = aq_lanes_load(sums), sum1 = aq_lanes_load(sums + 16);
#pragma GCC unroll 8
        for (int i = 0; i < depth; i++) {
            aq_lanes values = aq_lanes_load(x + i * 16);
            AQ_LANES_IN_REGISTER(values);
            sum0 = aq_lanes_fma(values, w0[i], sum0);
            sum1 = aq_lanes_fma(values, w1[i], sum1);
        }
        aq_lanes_store(sums, sum0);
        aq_lanes_store(sums + 16, sum1);
    }
}

/* depth times 16 k, or count of them, of all four columns. place moves on. */
AQ_INLINE void aq_both_t(const aq_scaled_stream_tile *tile, const aq_span_t *span, const aq_four_t *four,
                         aq_place_t *place, int64_t k, int depth, int64_t count, aq_case_t with, float *sums)
{
    for (int c = 0; c < AQ_STREAM_T_COLUMNS; c += 2, sums += tile->rows * 32)
        aq_step_t(tile, span, four, *place, c, k, depth, count, with, sums);
    place->left -= depth * AQ_LANES_T;
    for (; place->left <= 0; place->group++)
        place->left += tile->scaled->group;
}

AQ_INLINE void aq_chunk_t(const aq_scaled_stream_tile *tile, const aq_span_t *span, const aq_four_t *four,
                          int64_t k0, int64_t k1, aq_case_t with, float *sums)
{
    enum { STEP = AQ_LANES_T * AQ_STREAM_T_DEPTH };
    const int64_t part = aq_part_t(with);
    memset(sums, 0, (size_t)tile->rows * 16 * AQ_STREAM_T_COLUMNS * sizeof *sums);
    aq_place_t place = aq_place_of(tile->scaled, k0);
    int64_t k = k0;
    for (; aq_is_quick(with.way) && k + STEP <= k1; k += STEP) {
        for (int64_t i = 0; i < STEP; i += part)
            if ((k + i) % part == 0)
                aq_prefetch_t(four, aq_byte_t(span, k + i, with));
        aq_both_t(tile, span, four, &place, k, AQ_STREAM_T_DEPTH, 16, with, sums);
    }
    for (; k + 32 <= k1; k += 32) {
        if (k % part == 0)
            aq_prefetch_t(four, aq_byte_t(span, k, with));
        aq_both_t(tile, span, four, &place, k, 2, 16, with, sums);
    }
    for (; k < k1; k += 16)
        aq_both_t(tile, span, four, &place, k, 1, k1 - k, with, sums);
}

/* ---- both ---- */

/* Sets or adds to the sums of four columns; row: of the slice. */
AQ_INLINE void aq_total_t(float *row, __m128 sum, const aq_four_t *four, bool first)
{
    float values[AQ_STREAM_T_COLUMNS], *total = row + four->j;
    if (four->count == AQ_STREAM_T_COLUMNS && four->apart == 1) {
        _mm_storeu_ps(total, first ? sum : _mm_add_ps(_mm_loadu_ps(total), sum));
        return;
    }
    _mm_storeu_ps(values, sum);
    for (int64_t c = 0; c < four->count; c++, total += four->apart)
        *total = first ? values[c] : *total + values[c];
}

/* One chunk of four columns. */
AQ_INLINE void aq_columns_t(const aq_scaled_stream_tile *tile, const aq_span_t *span, const aq_four_t *four,
                            int64_t k0, int64_t k1, aq_case_t with, float *sums)
{
    if (tile->rows == 1) {
        aq_total_t(tile->sum, aq_chunk_of_one_row_t(tile, span, four, k0, k1, with), four, k0 == 0);
        return;
    }
    aq_chunk_t(tile, span, four, k0, k1, with, sums);
    for (int64_t r = 0; r < tile->rows; r++) {
        const float *left = sums + r * 32, *right = left + tile->rows * 32;
        aq_total_t(tile->sum + r * tile->sum_stride,
                   aq_lanes_trees(aq_lanes_load(left), aq_lanes_load(left + 16), aq_lanes_load(right),
                                  aq_lanes_load(right + 16)),
                   four, k0 == 0);
    }
}

/* The slow ways do without code of their own for plain weights. */
AQ_INLINE void aq_any_case_t(const aq_scaled_stream_tile *tile, const aq_span_t *span, const aq_four_t *four,
                             int64_t k0, int64_t k1, aq_weight_type type, aq_way way, float *sums)
{
    const bool plain = tile->weight->block == 0;
    if (way == AQ_QUICK && plain)
        aq_columns_t(tile, span, four, k0, k1, (aq_case_t){type, true, AQ_QUICK}, sums);
    else if (way == AQ_QUICK)
        aq_columns_t(tile, span, four, k0, k1, (aq_case_t){type, false, AQ_QUICK}, sums);
    else if (way == AQ_QUICK_OFFSET && plain)
        aq_columns_t(tile, span, four, k0, k1, (aq_case_t){type, true, AQ_QUICK_OFFSET}, sums);
    else if (way == AQ_QUICK_OFFSET)
        aq_columns_t(tile, span, four, k0, k1, (aq_case_t){type, false, AQ_QUICK_OFFSET}, sums);
    else if (way == AQ_STEPS_F16)
        aq_columns_t(tile, span, four, k0, k1, (aq_case_t){type, false, AQ_STEPS_F16}, sums);
    else
        aq_columns_t(tile, span, four, k0, k1, (aq_case_t){type, false, AQ_STEPS_BF16}, sums);
}

AQ_INLINE void aq_span_of(aq_span_t *span, const aq_scaled_stream_tile *tile, aq_weight_type type, int64_t k0)
{
    span->k0 = k0;
    span->k1 = tile->k - k0 < AQ_STREAM_T_SPAN ? tile->k : k0 + AQ_STREAM_T_SPAN;
    span->x = tile->x + k0;
    for (int64_t k = k0; k < span->k1; k += AQ_LANES_T)
        span->at[(k - k0) / AQ_LANES_T] = aq_along(tile->weight, k) >> (type == AQ_S4);
    if (type == AQ_S4 && tile->rows == 1) {
        for (int64_t k = k0; k < span->k1; k += AQ_LANES_T)
            aq_store_row_t(span->in_order + (k - k0) * AQ_STREAM_T_COPIES, aq_lanes_load(tile->x + k),
                           tile->scaled->half);
        span->x = span->in_order;
    }
}

/* The whole tile. */
AQ_INLINE void aq_scaled_stream_t(const aq_scaled_stream_tile *tile, aq_weight_type type)
{
    _Alignas(64) float sums[AQ_STREAM_T_ROWS * 16 * AQ_STREAM_T_COLUMNS];
    aq_four_t four = {0};
    aq_span_t span;
    aq_store_t store;
    four.offset_present = tile->scaled->offset != NULL;
    four.ahead = (AQ_STREAM_T_AHEAD * tile->weight->stride_n) >> (type == AQ_S4);
    for (int64_t begin = 0; begin < tile->k; begin += AQ_STREAM_T_SPAN) {
        aq_span_of(&span, tile, type, begin);
        for (int64_t i = 0; i * AQ_STREAM_T_COLUMNS < tile->n; i++) {
            aq_place_four_t(&four, tile, i, type);
            for (int64_t k0 = begin; k0 < span.k1; k0 += AQ_CHUNK_T) {
                int64_t k1 = span.k1 - k0 < AQ_CHUNK_T ? span.k1 : k0 + AQ_CHUNK_T;
                if (tile->scaled->group < tile->k)
                    aq_prepare_groups_t(&store, &four, tile, type, k0, k1);
                else if (k0 == begin)
                    aq_prepare_columns_t(&store, &four, tile, type);
                aq_any_case_t(tile, &span, &four, k0, k1, type, store.way, sums);
            }
        }
    }
}

#endif
