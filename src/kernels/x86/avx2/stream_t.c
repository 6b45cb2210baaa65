/* SPDX-License-Identifier: Apache-2.0 */
/* stream_t.c - few rows times a weight whose columns run along k (order T), AVX2. Lanes run across k: two
 * vectors are the 16 partial sums of a (row, column). Two columns share each vector of x: 32 k of them are
 * dequantised into registers and multiplied by every row of x; one row has a loop of its own. Knows nothing
 * of threads. */
#include "kernels/x86/avx2/weights.h"
#include "kernels/x86/few_rows.h"

enum {
    ROWS = 16,   /* most rows of a tile */
    MOST_M = 10, /* beyond, the gemm kernel is quicker */
    COLUMNS = 2, /* that share each vector of x */
    DEPTH = 2,   /* times 16 k of a step; divides the chunk */
};

/* Two columns of weight; where the slice has one left, that one twice. */
typedef struct two_columns {
    const int8_t *at[COLUMNS];
    aq_params256 params[COLUMNS];
} two_columns;

/* The fixed tree over 16 partial sums, kernel.h. */
AQ_INLINE float tree(__m256 low, __m256 high)
{
    __m256 eight = _mm256_add_ps(low, high);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* 16 weights of a column, of which the first count exist; the rest become +0 whatever the offset. */
AQ_INLINE void weights(__m256 *low, __m256 *high, const int8_t *column, int64_t count, aq_params256 params,
                       bool quick)
{
    int8_t tail[16] = {0};
    if (count < 16)
        column = memcpy(tail, column, (size_t)count);
    *low = aq_weights256(column, params, quick);
    *high = aq_weights256(column + 8, params, quick);
    if (count < 16) {
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        __m256i left = _mm256_set1_epi32((int)count), right = _mm256_set1_epi32((int)count - 8);
        *low = _mm256_and_ps(*low, _mm256_castsi256_ps(_mm256_cmpgt_epi32(left, lane)));
        *high = _mm256_and_ps(*high, _mm256_castsi256_ps(_mm256_cmpgt_epi32(right, lane)));
    }
}

/* Brings the same 64 k of the next two columns to L2: a column's first lines, in a page of their own, would
 * wait for memory. */
AQ_INLINE void prefetch(const aq_stream_tile *tile, const two_columns *two, int64_t k)
{
    const uintptr_t ahead = (uintptr_t)(COLUMNS * tile->weight.stride_n + k);
    _mm_prefetch((const void *)((uintptr_t)two->at[0] + ahead), _MM_HINT_T1);
    _mm_prefetch((const void *)((uintptr_t)two->at[1] + ahead), _MM_HINT_T1);
}

/* depth times 16 k (DEPTH, or 1 with count k of it) from k0 on, rows rows (a constant 1 or tile->rows). sums:
 * rows x 4 vectors. */
AQ_INLINE void step(const aq_stream_tile *tile, const two_columns *two, int64_t rows, int64_t k0, int depth,
                    int64_t count, bool quick, __m256 *sums)
{
    __m256 low0[DEPTH], high0[DEPTH], low1[DEPTH], high1[DEPTH];
#pragma GCC unroll 2
    for (int i = 0; i < depth; i++) {
        weights(&low0[i], &high0[i], two->at[0] + k0 + i * 16, count, two->params[0], quick);
        weights(&low1[i], &high1[i], two->at[1] + k0 + i * 16, count, two->params[1], quick);
    }
    const float *x = tile->x + k0;
    for (int64_t r = 0; r < rows; r++, sums += 4, x += tile->x_stride) {
        __m256 sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
#pragma GCC unroll 2
        for (int i = 0; i < depth; i++) {
            __m256 low = _mm256_loadu_ps(x + i * 16), high = _mm256_loadu_ps(x + i * 16 + 8);
            AQ_IN_REGISTER256(low);
            AQ_IN_REGISTER256(high);
            sum0 = _mm256_fmadd_ps(low, low0[i], sum0);
            sum1 = _mm256_fmadd_ps(high, high0[i], sum1);
            sum2 = _mm256_fmadd_ps(low, low1[i], sum2);
            sum3 = _mm256_fmadd_ps(high, high1[i], sum3);
        }
        sums[0] = sum0;
        sums[1] = sum1;
        sums[2] = sum2;
        sums[3] = sum3;
    }
}

/* k0 .. k1 - 1 of a chunk into sums: rows x 4 vectors. */
AQ_INLINE void chunk(const aq_stream_tile *tile, const two_columns *two, int64_t rows, int64_t k0, int64_t k1,
                     bool quick, __m256 *sums)
{
    int64_t k = k0;
    for (int64_t i = 0; i < rows * 4; i++)
        sums[i] = _mm256_setzero_ps();
    for (; k + 64 <= k1; k += 64) {
        prefetch(tile, two, k);
        if (rows == 1) { /* nothing to keep the weights for: 16 k at a time leave the registers to the sums */
            for (int64_t i = k; i < k + 64; i += 16)
                step(tile, two, 1, i, 1, 16, quick, sums);
        } else {
            step(tile, two, rows, k, DEPTH, 16, quick, sums);
            step(tile, two, rows, k + 32, DEPTH, 16, quick, sums);
        }
    }
    for (; k < k1; k += 16)
        step(tile, two, rows, k, 1, k1 - k, quick, sums);
}

/* All k of one or two (pair) columns from the block's column j on; total: theirs in row 0. */
AQ_INLINE void columns(const aq_stream_tile *tile, const aq_prepared *prepared, const int8_t *weight,
                       int64_t j, bool pair, bool quick, float *total)
{
    __m256 sums[ROWS * 4];
    two_columns two = {
        {weight, pair ? weight + tile->weight.stride_n : weight},
        {aq_broadcast_params256(prepared, j), aq_broadcast_params256(prepared, pair ? j + 1 : j)}};
    for (int64_t k0 = 0; k0 < tile->k; k0 += AQ_CHUNK_T) {
        int64_t k1 = tile->k - k0 < AQ_CHUNK_T ? tile->k : k0 + AQ_CHUNK_T;
        if (tile->rows == 1) {
            __m256 own[4]; /* in registers */
            chunk(tile, &two, 1, k0, k1, quick, own);
            sums[0] = own[0];
            sums[1] = own[1];
            sums[2] = own[2];
            sums[3] = own[3];
        } else {
            chunk(tile, &two, tile->rows, k0, k1, quick, sums);
        }
        for (int64_t r = 0; r < tile->rows; r++) {
            float *own = total + r * tile->sum_stride;
            float left = tree(sums[4 * r], sums[4 * r + 1]), right = tree(sums[4 * r + 2], sums[4 * r + 3]);
            own[0] = k0 == 0 ? left : own[0] + left;
            if (pair)
                own[1] = k0 == 0 ? right : own[1] + right;
        }
    }
}

static void stream(const aq_stream_tile *tile)
{
    aq_prepared prepared;
    for (int64_t first = 0; first < tile->n; first += AQ_BLOCK_COLUMNS) {
        int64_t n = tile->n - first < AQ_BLOCK_COLUMNS ? tile->n - first : AQ_BLOCK_COLUMNS;
        aq_prepare_columns(&prepared, &tile->columns, first, n, false);
        for (int64_t j = 0; j < n; j += COLUMNS) {
            const int8_t *weight = tile->weight.data + (first + j) * tile->weight.stride_n;
            if (prepared.way == AQ_FIXPIPE_QUICK)
                columns(tile, &prepared, weight, j, j + 1 < n, true, tile->sum + first + j);
            else
                columns(tile, &prepared, weight, j, j + 1 < n, false, tile->sum + first + j);
        }
    }
}

static const char *declines(const aq_kernel_query *query)
{
    if (query->recipe != AQ_RECIPE_FIXPIPE)
        return "takes fixpipe weights only";
    if (query->order != AQ_ORDER_T || query->stride_k != 1)
        return "takes weights with k contiguous only";
    return aq_too_many_rows(query->m, MOST_M);
}

const aq_kernel aq_stream_t_avx2 = {
    .name = "stream_f16_s8c_t_16x2_avx2",
    .level = AQ_CPU_AVX2,
    .role = AQ_ROLE_STREAM,
    .mr = ROWS,
    .nr = COLUMNS,
    .declines = declines,
    .stream = stream,
};
