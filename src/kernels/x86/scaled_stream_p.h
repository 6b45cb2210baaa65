/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_stream_p.h - few rows times a weight of AQ_RECIPE_SCALED whose rows run along n (order P): lanes run
 * across n. The weight is walked in lines of 64 bytes and 32 k rows, so that a line is read whole and each
 * page is visited few times; lines ahead are prefetched to L2, since the rows are as many streams as no
 * hardware prefetcher follows. One row of x has a loop of its own; more rows share weights kept in registers.
 * Written once for both x86 levels: include the folder's lanes.h first and define AQ_STREAM_P_VECTORS (1 or
 * 2) and AQ_STREAM_P_DEPTH, vectors and k rows of a step of many rows, and AQ_STREAM_P_WIDE, whether the
 * registers hold what one row needs for all eight vectors of an int4 line.
 *
 * A line of int8 is 4 vectors of 16 columns. One of int4 is 8 vectors: the i-th nibbles of its 16 words, so
 * that lane d of vector i is column 8d + i; parameters and sums of a line lie in that order. */
#ifndef AQ_KERNELS_X86_SCALED_STREAM_P_H
#define AQ_KERNELS_X86_SCALED_STREAM_P_H

#include "kernels/x86/rows.h"
#include "kernels/x86/scaled_weights.h"

enum {
    AQ_STREAM_P_ROWS = 16,
    AQ_STREAM_P_GROUP = 32,   /* k rows that a line is followed down; divides the chunk */
    AQ_STREAM_P_AHEAD_S8 = 4, /* lines from the prefetch to the use: about 0.5 us for one row */
    AQ_STREAM_P_AHEAD_S4 = 2,
    AQ_STREAM_P_MOST = 2048,     /* columns whose parameters are prepared at a time */
    AQ_STREAM_P_SUMS = 16 * 1024 /* floats of the chunk's sums: 64 KiB of stack, in L2 */
};

/* Columns first .. first + n - 1 of the slice, with their parameters for one group. */
typedef struct aq_block_p {
    _Alignas(64) float scale[AQ_STREAM_P_MOST];
    float more[AQ_STREAM_P_MOST], offset[AQ_STREAM_P_MOST];
    int64_t first, n;
    aq_way way;
    bool offset_present;
} aq_block_p;

/* Where a line lies: two halves of 32 bytes, and what leads to the same of the next k. */
typedef struct aq_line_p {
    const int8_t *low, *high;
    int64_t stride;
    uintptr_t ahead_low, ahead_high; /* prefetched */
    int64_t ahead_stride;
} aq_line_p;

AQ_INLINE int64_t aq_line_columns(aq_weight_type type)
{
    return type == AQ_S4 ? 128 : 64;
}

/* 128 floats, [16][8] to [8][16] or back. */
AQ_INLINE void aq_turn_line(float *line, bool back)
{
    __m256 low[8], high[8];
    for (int i = 0; i < 8; i++) {
        low[i] = _mm256_loadu_ps(back ? line + i * 16 : line + i * 8);
        high[i] = _mm256_loadu_ps(back ? line + i * 16 + 8 : line + 64 + i * 8);
    }
    aq_transpose_8x8(low);
    aq_transpose_8x8(high);
    for (int i = 0; i < 8; i++) {
        _mm256_storeu_ps(back ? line + i * 8 : line + i * 16, low[i]);
        _mm256_storeu_ps(back ? line + 64 + i * 8 : line + i * 16 + 8, high[i]);
    }
}

AQ_INLINE void aq_prepare_block(aq_block_p *block, const aq_scaled_stream_tile *tile, int64_t group,
                                aq_weight_type type)
{
    const int64_t line = aq_line_columns(type);
    for (int64_t j = block->n / 8 * 8; j < (block->n + line - 1) / line * line; j++)
        block->scale[j] = block->more[j] = block->offset[j] = 0.0f;
    block->way = aq_prepare_scaled(block->scale, block->more, block->offset, tile->scaled, type, group,
                                   tile->n0 + block->first, block->n);
    for (int64_t j = 0; type == AQ_S4 && j < block->n; j += line) {
        aq_turn_line(block->scale + j, false);
        aq_turn_line(block->more + j, false);
        if (block->offset_present)
            aq_turn_line(block->offset + j, false);
    }
}

/* The parameters of vector v of the line of columns j. */
AQ_INLINE aq_params aq_params_p(const aq_block_p *block, int64_t j, int v)
{
    return (aq_params){aq_lanes_load(block->scale + j + v * 16), aq_lanes_load(block->more + j + v * 16),
                       aq_lanes_load(block->offset + j + v * 16)};
}

/* The weights of vector v of a line. */
AQ_INLINE aq_lanes aq_weights_p(const int8_t *low, const int8_t *high, int v, aq_table values,
                                aq_params params, bool offset_present, aq_weight_type type, aq_way way,
                                bool plain)
{
    aq_lanes w;
    if (type == AQ_S8) {
        w = aq_lanes_from_bytes(plain || v < 2 ? low + v * 16 : high + (v - 2) * 16);
    } else {
        aq_words words = plain ? aq_words_load_line(low) : aq_words_load(low, high);
        w = aq_table_at(values, aq_words_shift(words, 4 * v));
    }
    return aq_scaled_weights(w, params, offset_present, way);
}

/* ---- one row ---- */

#define AQ_EACH_P(X)      X(0) X(1) X(2) X(3)
#define AQ_EACH_WIDE_P(X) X(4) X(5) X(6) X(7)
#define AQ_ONE_ROW_P(i)                                                                                      \
    sum##i = aq_lanes_fma(                                                                                   \
        x, aq_weights_p(low, high, v + i, values, params##i, offset_present, type, way, plain), sum##i);
#define AQ_DECLARE_P(i)                                                                                      \
    const aq_params params##i = aq_params_p(block, j, v + i % vectors);                                      \
    aq_lanes sum##i = aq_lanes_load(sums + (v + i % vectors) * 16);
#define AQ_STORE_P(i) aq_lanes_store(sums + (v + i) * 16, sum##i);

/* k0 .. k1 - 1 of vectors (4 or 8) vectors from v on of the line of columns j. plain: outside FRACTAL_NZ, the
 * line is whole. */
AQ_INLINE void aq_one_row_p(const aq_scaled_stream_tile *tile, const aq_block_p *block, const aq_line_p *line,
                            int64_t j, int v, int vectors, int64_t k0, int64_t k1, aq_weight_type type,
                            aq_way way, bool plain, float *sums)
{
    const aq_table values = aq_table_of(aq_nibble_values());
    const bool offset_present = block->offset_present;
    const int8_t *low = line->low, *high = line->high;
    uintptr_t ahead_low = line->ahead_low, ahead_high = line->ahead_high;
    AQ_EACH_P(AQ_DECLARE_P)
    AQ_EACH_WIDE_P(AQ_DECLARE_P) /* with four vectors nobody uses them */
    for (int64_t k = k0; k < k1; k++, low += line->stride, high += line->stride) {
        aq_lanes x = aq_lanes_all(tile->x[k]);
        if (v == 0) {
            _mm_prefetch((const void *)ahead_low, _MM_HINT_T1);
            if (!plain)
                _mm_prefetch((const void *)ahead_high, _MM_HINT_T1);
            ahead_low += (uintptr_t)line->ahead_stride;
            ahead_high += (uintptr_t)line->ahead_stride;
        }
        AQ_EACH_P(AQ_ONE_ROW_P)
        if (vectors == 8) {
            AQ_EACH_WIDE_P(AQ_ONE_ROW_P)
        }
    }
    AQ_EACH_P(AQ_STORE_P)
    if (vectors == 8) {
        AQ_EACH_WIDE_P(AQ_STORE_P)
    }
}

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
    if (tile->rows > 1) {
        aq_rows_p(tile, block, line, j, k0, k1, type, way, plain, sums);
        return;
    }
    const bool wide = type == AQ_S4 && AQ_STREAM_P_WIDE;
    aq_one_row_p(tile, block, line, j, 0, wide ? 8 : 4, k0, k1, type, way, plain, sums);
    if (type == AQ_S4 && !wide)
        aq_one_row_p(tile, block, line, j, 4, 4, k0, k1, type, way, plain, sums);
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
