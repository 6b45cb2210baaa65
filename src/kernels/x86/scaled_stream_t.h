/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_stream_t.h - few rows times a weight of AQ_RECIPE_SCALED whose columns run along k (order T): lanes
 * run across k, one vector is the 16 partial sums of a (row, column). Four columns are taken at a time. An
 * int4 weight is one of 16 values of its column and group, which are looked up; an int8 weight is computed.
 * One row has a loop of its own; more rows share weights kept in registers. Written once for both x86 levels:
 * include the folder's lanes.h first and define AQ_STREAM_T_DEPTH, vectors of 16 k of a step of many rows. */
#ifndef AQ_KERNELS_X86_SCALED_STREAM_T_H
#define AQ_KERNELS_X86_SCALED_STREAM_T_H

#include "kernels/x86/scaled_weights.h"

enum {
    AQ_STREAM_T_ROWS = 16,
    AQ_STREAM_T_COLUMNS = 4,
    AQ_STREAM_T_PART = 64 /* k between two prefetches; divides the chunk */
};

/* A column: where it begins, and its parameters for the group at hand. */
typedef struct aq_column_t {
    const int8_t *at;
    aq_lanes scale, shift; /* int8 */
    aq_table table;        /* int4 */
} aq_column_t;

typedef struct aq_four_t {
    aq_column_t column[AQ_STREAM_T_COLUMNS];
    aq_lanes inverse_step;
    bool offset_present;
} aq_four_t;

/* The parameters of one group, for columns n .. n + count - 1 and the last of them again up to four. */
AQ_INLINE aq_way aq_prepare_four(aq_four_t *four, const aq_scaled *scaled, aq_weight_type type, int64_t group,
                                 int64_t n, int64_t count)
{
    const aq_half_limits limits = aq_limits_of(scaled->half);
    const aq_way steps = scaled->half == AQ_F16 ? AQ_STEPS_F16 : AQ_STEPS_BF16;
    float scale[AQ_STREAM_T_COLUMNS], offset[AQ_STREAM_T_COLUMNS];
    int quick = 1;
#pragma GCC unroll 4
    for (int c = 0; c < AQ_STREAM_T_COLUMNS; c++) {
        int64_t column = n + (c < count ? c : count - 1);
        scale[c] = aq_scale_at(scaled, group, column);
        offset[c] = aq_offset_at(scaled, group, column);
        if (type == AQ_S8)
            quick &= aq_scaled_is_quick(scale[c], offset[c], aq_largest_weight(type), limits);
    }
#pragma GCC unroll 4
    for (int c = 0; c < AQ_STREAM_T_COLUMNS; c++) {
        aq_column_t *own = &four->column[c];
        if (type == AQ_S4) {
            aq_lanes s = aq_lanes_all(scale[c]), o = aq_lanes_all(offset[c]), values = aq_nibble_values();
            own->table =
                aq_table_of(steps == AQ_STEPS_F16
                                ? aq_scaled_weights(values, s, o, four->offset_present, s, AQ_STEPS_F16)
                                : aq_scaled_weights(values, s, o, four->offset_present, s, AQ_STEPS_BF16));
        } else {
            float factor = quick ? scale[c] * limits.step : scale[c];
            own->scale = aq_lanes_all(factor);
            own->shift = aq_lanes_all(quick ? offset[c] * factor : offset[c]);
        }
    }
    return type == AQ_S4 || quick ? AQ_QUICK : steps;
}

/* 16 weights at byte `at`. int4: in the order of aq_lanes_in_order. */
AQ_INLINE aq_lanes aq_weights_t(const aq_four_t *four, int c, int64_t at, aq_weight_type type, aq_way way)
{
    const aq_column_t *own = &four->column[c];
    if (type == AQ_S4)
        return aq_table_at(own->table, aq_words_nibbles(own->at + at));
    return aq_scaled_weights(aq_lanes_from_bytes(own->at + at), own->scale, own->shift, four->offset_present,
                             four->inverse_step, way);
}

/* The same in natural order; of the 16 the first count exist, the others become +0. */
AQ_INLINE aq_lanes aq_weights_natural_t(const aq_four_t *four, int c, int64_t at, int64_t count,
                                        aq_weight_type type, aq_way way)
{
    const bool nibbles = type == AQ_S4;
    if (count >= 16) {
        aq_lanes w = aq_weights_t(four, c, at, type, way);
        return nibbles ? aq_lanes_natural(w) : w;
    }
    int8_t tail[16] = {0};
    memcpy(tail, four->column[c].at + at, (size_t)(nibbles ? (count + 1) / 2 : count));
    aq_four_t copy = *four;
    copy.column[c].at = tail;
    aq_lanes w = aq_weights_t(&copy, c, 0, type, way);
    return aq_lanes_keep(nibbles ? aq_lanes_natural(w) : w, count);
}

/* Byte of k within a column. */
AQ_INLINE int64_t aq_byte_t(const aq_weight *weight, int64_t k, aq_weight_type type)
{
    return aq_along(weight, k) >> (type == AQ_S4);
}

/* Brings the same k of the next four columns to L2: a column's first lines, in a page of their own, would
 * wait for memory. */
AQ_INLINE void aq_prefetch_t(const aq_four_t *four, const aq_weight *weight, int64_t at, aq_weight_type type)
{
    const uintptr_t ahead =
        (uintptr_t)((AQ_STREAM_T_COLUMNS * weight->stride_n) >> (type == AQ_S4)) + (uintptr_t)at;
#pragma GCC unroll 4
    for (int c = 0; c < AQ_STREAM_T_COLUMNS; c++)
        _mm_prefetch((const void *)((uintptr_t)four->column[c].at + ahead), _MM_HINT_T1);
}

/* ---- one row ---- */

/* k0 .. k1 - 1, of one group, added to the four sums, which are in the order of the weights. */
AQ_INLINE void aq_one_row_t(const aq_scaled_stream_tile *tile, const aq_four_t *four, int64_t k0, int64_t k1,
                            aq_weight_type type, aq_way way, aq_lanes *sum0, aq_lanes *sum1, aq_lanes *sum2,
                            aq_lanes *sum3)
{
    int64_t k = k0;
    for (; k + 16 <= k1; k += 16) {
        int64_t at = aq_byte_t(tile->weight, k, type);
        if (k % AQ_STREAM_T_PART == 0)
            aq_prefetch_t(four, tile->weight, at, type);
        aq_lanes x = aq_lanes_load(tile->x + k);
        if (type == AQ_S4)
            x = aq_lanes_in_order(x);
        *sum0 = aq_lanes_fma(x, aq_weights_t(four, 0, at, type, way), *sum0);
        *sum1 = aq_lanes_fma(x, aq_weights_t(four, 1, at, type, way), *sum1);
        *sum2 = aq_lanes_fma(x, aq_weights_t(four, 2, at, type, way), *sum2);
        *sum3 = aq_lanes_fma(x, aq_weights_t(four, 3, at, type, way), *sum3);
    }
    if (k == k1)
        return;
    int64_t at = aq_byte_t(tile->weight, k, type);
    aq_lanes x = aq_lanes_load(tile->x + k), w[AQ_STREAM_T_COLUMNS];
#pragma GCC unroll 4
    for (int c = 0; c < AQ_STREAM_T_COLUMNS; c++) {
        w[c] = aq_weights_natural_t(four, c, at, k1 - k, type, way);
        if (type == AQ_S4)
            w[c] = aq_lanes_in_order(w[c]);
    }
    if (type == AQ_S4)
        x = aq_lanes_in_order(x);
    *sum0 = aq_lanes_fma(x, w[0], *sum0);
    *sum1 = aq_lanes_fma(x, w[1], *sum1);
    *sum2 = aq_lanes_fma(x, w[2], *sum2);
    *sum3 = aq_lanes_fma(x, w[3], *sum3);
}

/* The end of k's group, or the chunk's. */
AQ_INLINE int64_t aq_group_end(const aq_scaled *scaled, int64_t k, int64_t k1)
{
    int64_t left = scaled->group - k % scaled->group;
    return k1 - k <= left ? k1 : k + left;
}

/* k0 .. k1 - 1 of a chunk, columns n .. n + count - 1: their sums. */
AQ_INLINE __m128 aq_chunk_of_one_row_t(const aq_scaled_stream_tile *tile, aq_four_t *four, int64_t n,
                                       int64_t count, int64_t k0, int64_t k1, aq_weight_type type)
{
    aq_lanes sum0 = aq_lanes_all(0.0f), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    int64_t end;
    for (int64_t k = k0; k < k1; k = end) {
        end = aq_group_end(tile->scaled, k, k1);
        aq_way way = aq_prepare_four(four, tile->scaled, type, k / tile->scaled->group, n, count);
        if (type == AQ_S4 || way == AQ_QUICK)
            aq_one_row_t(tile, four, k, end, type, AQ_QUICK, &sum0, &sum1, &sum2, &sum3);
        else if (way == AQ_STEPS_F16)
            aq_one_row_t(tile, four, k, end, type, AQ_STEPS_F16, &sum0, &sum1, &sum2, &sum3);
        else
            aq_one_row_t(tile, four, k, end, type, AQ_STEPS_BF16, &sum0, &sum1, &sum2, &sum3);
    }
    if (type == AQ_S4)
        return aq_lanes_trees(aq_lanes_natural(sum0), aq_lanes_natural(sum1), aq_lanes_natural(sum2),
                              aq_lanes_natural(sum3));
    return aq_lanes_trees(sum0, sum1, sum2, sum3);
}

/* ---- more rows ---- */

/* depth vectors of 16 k from k on (one, with count k of it, where depth is 1) of columns c and c + 1, all
 * rows. sums: rows times two vectors. */
AQ_INLINE void aq_step_t(const aq_scaled_stream_tile *tile, const aq_four_t *four, int c, int64_t k,
                         int depth, int64_t count, aq_weight_type type, aq_way way, float *sums)
{
    aq_lanes w0[AQ_STREAM_T_DEPTH], w1[AQ_STREAM_T_DEPTH];
#pragma GCC unroll 8
    for (int i = 0; i < depth; i++) {
        int64_t at = aq_byte_t(tile->weight, k + i * 16, type);
        w0[i] = aq_weights_natural_t(four, c, at, count, type, way);
        w1[i] = aq_weights_natural_t(four, c + 1, at, count, type, way);
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

AQ_INLINE void aq_steps_t(const aq_scaled_stream_tile *tile, const aq_four_t *four, int64_t k0, int64_t k1,
                          aq_weight_type type, aq_way way, float *sums)
{
    float *right = sums + tile->rows * 32;
    int64_t k = k0;
    for (; k + 16 * AQ_STREAM_T_DEPTH <= k1; k += 16 * AQ_STREAM_T_DEPTH) {
        if (k % AQ_STREAM_T_PART == 0)
            aq_prefetch_t(four, tile->weight, aq_byte_t(tile->weight, k, type), type);
        aq_step_t(tile, four, 0, k, AQ_STREAM_T_DEPTH, 16, type, way, sums);
        aq_step_t(tile, four, 2, k, AQ_STREAM_T_DEPTH, 16, type, way, right);
    }
    for (; k + 32 <= k1; k += 32) {
        aq_step_t(tile, four, 0, k, 2, 16, type, way, sums);
        aq_step_t(tile, four, 2, k, 2, 16, type, way, right);
    }
    for (; k < k1; k += 16) {
        aq_step_t(tile, four, 0, k, 1, k1 - k, type, way, sums);
        aq_step_t(tile, four, 2, k, 1, k1 - k, type, way, right);
    }
}

AQ_INLINE void aq_chunk_t(const aq_scaled_stream_tile *tile, aq_four_t *four, int64_t n, int64_t count,
                          int64_t k0, int64_t k1, aq_weight_type type, float *sums)
{
    memset(sums, 0, (size_t)tile->rows * 16 * AQ_STREAM_T_COLUMNS * sizeof *sums);
    int64_t end;
    for (int64_t k = k0; k < k1; k = end) {
        end = aq_group_end(tile->scaled, k, k1);
        aq_way way = aq_prepare_four(four, tile->scaled, type, k / tile->scaled->group, n, count);
        if (type == AQ_S4 || way == AQ_QUICK)
            aq_steps_t(tile, four, k, end, type, AQ_QUICK, sums);
        else if (way == AQ_STEPS_F16)
            aq_steps_t(tile, four, k, end, type, AQ_STEPS_F16, sums);
        else
            aq_steps_t(tile, four, k, end, type, AQ_STEPS_BF16, sums);
    }
}

/* Sets or adds to count sums. */
AQ_INLINE void aq_total_t(float *total, __m128 sum, int64_t count, bool first)
{
    float values[AQ_STREAM_T_COLUMNS];
    _mm_storeu_ps(values, sum);
    for (int64_t c = 0; c < count; c++)
        total[c] = first ? values[c] : total[c] + values[c];
}

/* The whole tile. */
AQ_INLINE void aq_scaled_stream_t(const aq_scaled_stream_tile *tile, aq_weight_type type)
{
    _Alignas(64) float sums[AQ_STREAM_T_ROWS * 16 * AQ_STREAM_T_COLUMNS];
    const aq_weight *weight = tile->weight;
    aq_four_t four;
    four.inverse_step = aq_lanes_all(1 / aq_limits_of(tile->scaled->half).step);
    four.offset_present = tile->scaled->offset != NULL;
    for (int64_t j = 0; j < tile->n; j += AQ_STREAM_T_COLUMNS) {
        int64_t count = tile->n - j < AQ_STREAM_T_COLUMNS ? tile->n - j : AQ_STREAM_T_COLUMNS,
                n = tile->n0 + j;
#pragma GCC unroll 4
        for (int c = 0; c < AQ_STREAM_T_COLUMNS; c++) {
            int64_t column = weight->first + (n + (c < count ? c : count - 1)) * weight->stride_n;
            four.column[c].at = weight->data + (column >> (type == AQ_S4));
        }
        for (int64_t k0 = 0; k0 < tile->k; k0 += AQ_CHUNK_T) {
            int64_t k1 = tile->k - k0 < AQ_CHUNK_T ? tile->k : k0 + AQ_CHUNK_T;
            if (tile->rows == 1) {
                aq_total_t(tile->sum + j, aq_chunk_of_one_row_t(tile, &four, n, count, k0, k1, type), count,
                           k0 == 0);
                continue;
            }
            aq_chunk_t(tile, &four, n, count, k0, k1, type, sums);
            for (int64_t r = 0; r < tile->rows; r++) {
                const float *left = sums + r * 32, *right = left + tile->rows * 32;
                aq_total_t(tile->sum + r * tile->sum_stride + j,
                           aq_lanes_trees(aq_lanes_load(left), aq_lanes_load(left + 16), aq_lanes_load(right),
                                          aq_lanes_load(right + 16)),
                           count, k0 == 0);
            }
        }
    }
}

#endif
