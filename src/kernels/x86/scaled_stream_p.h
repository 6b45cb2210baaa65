/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_stream_p.h - few rows times a weight of AQ_RECIPE_SCALED whose rows run along n (order P): lanes run
 * across n. The weight is walked in lines of 64 bytes and 32 k rows, so that a line is read whole and each
 * page is visited few times; lines ahead are prefetched to L2, since the rows are as many streams as no
 * hardware prefetcher follows. One row of x has a loop of its own, aq_one_row_of_line in the folder's
 * scaled_row_p.h, and so have a few rows; more rows share weights kept in registers. Written once
 * for both x86 levels: include that header first and define AQ_STREAM_P_VECTORS (1 or 2) and
 * AQ_STREAM_P_DEPTH, vectors and k rows of a step of many rows. */
#ifndef AQ_KERNELS_X86_SCALED_STREAM_P_H
#define AQ_KERNELS_X86_SCALED_STREAM_P_H

#include "kernels/x86/scaled_lines_p.h"

/* ---- more rows ---- */

/* depth k rows from k on, vectors v (and v + 1), all rows. sums: for each vector, rows times 16 floats. */
AQ_INLINE void aq_step_p(const aq_scaled_stream_tile *tile, const aq_block_p *block, const int8_t *low,
                         const int8_t *high, int64_t stride, int64_t j, int v, int64_t k, int depth,
                         aq_weight_type type, aq_way way, bool plain, float *sums)
{
    const aq_table values = aq_table_of(aq_nibble_values());
    const bool offset_present = block->offset_present;
    const bool pair = AQ_STREAM_P_VECTORS == 2;
    const aq_params params0 = aq_params_p(block, j, v);
    /* without a pair nobody reads it: NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores) */
    const aq_params params1 = aq_params_p(block, j, pair ? v + 1 : v);
    aq_lanes w0[AQ_STREAM_P_DEPTH], w1[AQ_STREAM_P_DEPTH];
#pragma GCC unroll 16
    for (int i = 0; i < depth; i++, low += stride, high += stride) {
        w0[i] = aq_weights_p(low, high, v, values, params0, offset_present, type, way, plain);
        if (pair)
            w1[i] = aq_weights_p(low, high, v + 1, values, params1, offset_present, type, way, plain);
    }
    const float *x = tile->x + k;
    float *left = sums + v * tile->rows * 16, *right = left + tile->rows * 16;
    for (int64_t r = 0; r < tile->rows; r++, left += 16, right += 16, x += tile->x_stride) {
        aq_lanes sum0 = aq_lanes_load(left);
        aq_lanes sum1 = aq_lanes_load(pair ? right : left); /* NOLINT(clang-analyzer-deadcode.DeadStores) */
#pragma GCC unroll 16
        for (int i = 0; i < depth; i++) {
            aq_lanes value = aq_lanes_all(x[i]);
            sum0 = aq_lanes_fma(value, w0[i], sum0);
            if (pair)
                sum1 = aq_lanes_fma(value, w1[i], sum1);
        }
        aq_lanes_store(left, sum0);
        if (pair)
            aq_lanes_store(right, sum1);
    }
}

AQ_INLINE void aq_rows_p(const aq_scaled_stream_tile *tile, const aq_block_p *block, const aq_line_p *line,
                         int64_t j, int64_t k0, int64_t k1, aq_weight_type type, aq_way way, bool plain,
                         float *sums)
{
    const int vectors = type == AQ_S4 ? 8 : 4;
    const int8_t *low = line->low, *high = line->high;
    uintptr_t ahead_low = line->ahead_low, ahead_high = line->ahead_high;
    int64_t k = k0;
    for (; k + AQ_STREAM_P_DEPTH <= k1; k += AQ_STREAM_P_DEPTH) {
        for (int i = 0; i < AQ_STREAM_P_DEPTH; i++) {
            _mm_prefetch((const void *)ahead_low, _MM_HINT_T1);
            if (!plain)
                _mm_prefetch((const void *)ahead_high, _MM_HINT_T1);
            ahead_low += (uintptr_t)line->ahead_stride;
            ahead_high += (uintptr_t)line->ahead_stride;
        }
        for (int v = 0; v < vectors; v += AQ_STREAM_P_VECTORS)
            aq_step_p(tile, block, low, high, line->stride, j, v, k, AQ_STREAM_P_DEPTH, type, way, plain,
                      sums);
        low += AQ_STREAM_P_DEPTH * line->stride;
        high += AQ_STREAM_P_DEPTH * line->stride;
    }
    for (; k < k1; k++, low += line->stride, high += line->stride)
        for (int v = 0; v < vectors; v += AQ_STREAM_P_VECTORS)
            aq_step_p(tile, block, low, high, line->stride, j, v, k, 1, type, way, plain, sums);
}

AQ_INLINE void aq_line_of(const aq_scaled_stream_tile *tile, const aq_block_p *block, const aq_line_p *line,
                          int64_t j, int64_t k0, int64_t k1, aq_weight_type type, aq_way way, bool plain,
                          float *sums)
{
    if (tile->rows > 1 && aq_few_rows_of_line(tile, block, line, j, k0, k1, type, way, plain, sums))
        return;
    if (tile->rows > 1) {
        aq_rows_p(tile, block, line, j, k0, k1, type, way, plain, sums);
        return;
    }
    aq_one_row_of_line(tile, block, line, j, k0, k1, type, way, plain, sums);
}

/* ---- both ---- */

/* Byte of (k, column) in the whole matrix. */
AQ_INLINE int64_t aq_byte_p(const aq_weight *weight, int64_t k, int64_t column, aq_weight_type type)
{
    return (weight->first + aq_along(weight, column) + k * weight->stride_k) >> (type == AQ_S4);
}

/* A line that the slice does not fill, copied: rows of 64 bytes, 0 where the slice has ended. */
AQ_INLINE void aq_copy_line(aq_line_p *line, int8_t *copy, int64_t rows, int64_t bytes)
{
    const int64_t low = bytes < 32 ? bytes : 32, high = bytes - low;
    memset(copy, 0, (size_t)rows * 64);
    for (int64_t i = 0; i < rows; i++) {
        memcpy(copy + i * 64, line->low + i * line->stride, (size_t)low);
        if (high > 0)
            memcpy(copy + i * 64 + 32, line->high + i * line->stride, (size_t)high);
    }
    line->low = copy;
    line->high = copy + 32;
    line->stride = 64;
}

/* Adds k0 .. k1 - 1, of one group, to the block's sums. */
AQ_INLINE void aq_rows_of_block(const aq_scaled_stream_tile *tile, const aq_block_p *block, int64_t k0,
                                int64_t k1, aq_weight_type type, aq_way way, bool plain, float *sums)
{
    _Alignas(64) int8_t copy[AQ_STREAM_P_GROUP * 64];
    const aq_weight *weight = tile->weight;
    const int64_t columns = aq_line_columns(type), first = tile->n0 + block->first;
    for (int64_t j = 0; j < block->n; j += columns) {
        int64_t next = j + (type == AQ_S4 ? AQ_STREAM_P_AHEAD_S4 : AQ_STREAM_P_AHEAD_S8) * columns,
                next_k = k0;
        if (next >= block->n) { /* those of the next k rows */
            next -= block->n;
            next_k += AQ_STREAM_P_GROUP;
        }
        int64_t stride = weight->stride_k >> (type == AQ_S4);
        const uintptr_t base = (uintptr_t)weight->data;
        aq_line_p line = {.low = weight->data + aq_byte_p(weight, k0, first + j, type),
                          .high = weight->data + aq_byte_p(weight, k0, first + j + columns / 2, type),
                          .stride = stride,
                          .ahead_low = base + (uintptr_t)aq_byte_p(weight, next_k, first + next, type),
                          .ahead_high =
                              base + (uintptr_t)aq_byte_p(weight, next_k, first + next + columns / 2, type),
                          .ahead_stride = stride};
        if (block->n - j < columns)
            aq_copy_line(&line, copy, k1 - k0, (block->n - j + (type == AQ_S4)) >> (type == AQ_S4));
        aq_line_of(tile, block, &line, j, k0, k1, type, way, plain, sums + j * tile->rows);
    }
}

/* sum = first chunk ? chunk's sums : sum + chunk's sums. */
AQ_INLINE void aq_add_chunk_p(const aq_scaled_stream_tile *tile, const aq_block_p *block, aq_weight_type type,
                              bool first_chunk, const float *sums)
{
    const int64_t columns = aq_line_columns(type), rows = tile->rows;
    _Alignas(64) float line[128];
    for (int64_t j = 0; j < block->n; j += columns)
        for (int64_t r = 0; r < rows; r++) {
            float *total = tile->sum + r * tile->sum_stride + block->first + j;
            int64_t count = block->n - j < columns ? block->n - j : columns;
            for (int64_t v = 0; v < columns / 16; v++)
                aq_lanes_store(line + v * 16, aq_lanes_load(sums + (j + v * 16) * rows + r * 16));
            if (type == AQ_S4)
                aq_turn_line(line, true);
            for (int64_t i = 0; i < count; i++)
                total[i] = first_chunk ? line[i] : total[i] + line[i];
        }
}

/* The slow ways do without code of their own for plain weights: what serves FRACTAL_NZ serves them. */
AQ_INLINE void aq_chunk_p(const aq_scaled_stream_tile *tile, aq_block_p *block, int64_t k0, int64_t k1,
                          aq_weight_type type, float *sums)
{
    const int64_t group = tile->scaled->group;
    int64_t end;
    for (int64_t k = k0; k < k1; k = end) {
        int64_t in_group = k % group;
        end = k1 - k < AQ_STREAM_P_GROUP ? k1 : k + AQ_STREAM_P_GROUP;
        if (end - k > group - in_group)
            end = k + group - in_group;
        if (k == 0 || in_group == 0)
            aq_prepare_block(block, tile, k / group, type);
        if (block->way == AQ_QUICK && tile->weight->block == 0)
            aq_rows_of_block(tile, block, k, end, type, AQ_QUICK, true, sums);
        else if (block->way == AQ_QUICK)
            aq_rows_of_block(tile, block, k, end, type, AQ_QUICK, false, sums);
        else if (block->way == AQ_QUICK_OFFSET && tile->weight->block == 0)
            aq_rows_of_block(tile, block, k, end, type, AQ_QUICK_OFFSET, true, sums);
        else if (block->way == AQ_QUICK_OFFSET)
            aq_rows_of_block(tile, block, k, end, type, AQ_QUICK_OFFSET, false, sums);
        else if (block->way == AQ_STEPS_F16)
            aq_rows_of_block(tile, block, k, end, type, AQ_STEPS_F16, false, sums);
        else
            aq_rows_of_block(tile, block, k, end, type, AQ_STEPS_BF16, false, sums);
    }
}

/* The whole tile. */
AQ_INLINE void aq_scaled_stream_p(const aq_scaled_stream_tile *tile, aq_weight_type type)
{
    _Alignas(64) float sums[AQ_STREAM_P_SUMS];
    const int64_t line = aq_line_columns(type);
    aq_block_p block;
    block.offset_present = tile->scaled->offset != NULL;
    int64_t most = AQ_STREAM_P_SUMS / tile->rows / line * line;
    if (most > AQ_STREAM_P_MOST)
        most = AQ_STREAM_P_MOST;
    for (block.first = 0; block.first < tile->n; block.first += most) {
        block.n = tile->n - block.first < most ? tile->n - block.first : most;
        for (int64_t k0 = 0; k0 < tile->k; k0 += AQ_CHUNK_P) {
            int64_t k1 = tile->k - k0 < AQ_CHUNK_P ? tile->k : k0 + AQ_CHUNK_P;
            memset(sums, 0, (size_t)((block.n + line - 1) / line * line * tile->rows) * sizeof *sums);
            aq_chunk_p(tile, &block, k0, k1, type, sums);
            aq_add_chunk_p(tile, &block, type, k0 == 0, sums);
        }
    }
}

#endif
