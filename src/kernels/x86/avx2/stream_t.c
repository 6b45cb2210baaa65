/* SPDX-License-Identifier: Apache-2.0 */
/* stream_t.c - few rows times a weight whose columns run along k (order T), AVX2. Lanes run across k: two
 * vectors are the 16 partial sums of a (row, column). 64 k of a column are dequantised into registers and
 * multiplied by every row of x. Knows nothing of threads. */
#include "kernels/x86/avx2/weights.h"

enum {
    ROWS = 16,      /* most rows of a tile */
    DEPTH = 4,      /* times 16 k of a step; divides the chunk */
    QUICK_ROWS = 16 /* beyond, the gemm kernel is quicker */
};

/* The fixed tree over 16 partial sums, kernel.h. */
AQ_INLINE float tree(__m256 low, __m256 high)
{
    __m256 eight = _mm256_add_ps(low, high);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* depth times 16 k of one column, all rows. low, high of the 16 weights beyond count become +0 whatever the
 * offset. x: at the step's first k. sums: rows x 16 floats. */
AQ_INLINE void step(const aq_stream_tile *tile, const float *x, const int8_t *column, aq_params256 params,
                    int depth, int64_t count, bool quick, float *sums)
{
    __m256 low[DEPTH], high[DEPTH];
    int8_t tail[16] = {0};
    if (count < 16) {
        memcpy(tail, column, (size_t)count);
        column = tail;
    }
#pragma GCC unroll 4
    for (int i = 0; i < depth; i++) {
        low[i] = aq_weights256(column + i * 16, params, quick);
        high[i] = aq_weights256(column + i * 16 + 8, params, quick);
    }
    if (count < 16) {
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        __m256i left = _mm256_set1_epi32((int)count);
        low[0] = _mm256_and_ps(low[0], _mm256_castsi256_ps(_mm256_cmpgt_epi32(left, lane)));
        left = _mm256_sub_epi32(left, _mm256_set1_epi32(8));
        high[0] = _mm256_and_ps(high[0], _mm256_castsi256_ps(_mm256_cmpgt_epi32(left, lane)));
    }
    for (int64_t r = 0; r < tile->rows; r++) {
        __m256 sum0 = _mm256_load_ps(sums), sum1 = _mm256_load_ps(sums + 8);
#pragma GCC unroll 4
        for (int i = 0; i < depth; i++) {
            sum0 = _mm256_fmadd_ps(_mm256_loadu_ps(x + i * 16), low[i], sum0);
            sum1 = _mm256_fmadd_ps(_mm256_loadu_ps(x + i * 16 + 8), high[i], sum1);
        }
        _mm256_store_ps(sums, sum0);
        _mm256_store_ps(sums + 8, sum1);
        sums += 16;
        x += tile->x_stride;
    }
}

/* All k of one column into sum, the column's total of row 0. */
AQ_INLINE void one_column(const aq_stream_tile *tile, const int8_t *column, aq_params256 params, bool quick,
                          float *total)
{
    _Alignas(64) float sums[ROWS * 16];
    for (int64_t k0 = 0; k0 < tile->k; k0 += AQ_CHUNK_T) {
        int64_t k1 = tile->k - k0 < AQ_CHUNK_T ? tile->k : k0 + AQ_CHUNK_T, k = k0;
        memset(sums, 0, (size_t)tile->rows * 16 * sizeof *sums);
        for (; k + DEPTH * 16 <= k1; k += DEPTH * 16)
            step(tile, tile->x + k, column + k, params, DEPTH, 16, quick, sums);
        for (; k < k1; k += 16)
            step(tile, tile->x + k, column + k, params, 1, k1 - k, quick, sums);
        for (int64_t r = 0; r < tile->rows; r++) {
            float sum = tree(_mm256_load_ps(sums + r * 16), _mm256_load_ps(sums + r * 16 + 8));
            total[r * tile->sum_stride] = k0 == 0 ? sum : total[r * tile->sum_stride] + sum;
        }
    }
}

static void stream(const aq_stream_tile *tile)
{
    aq_prepared prepared;
    for (int64_t first = 0; first < tile->n; first += AQ_BLOCK_COLUMNS) {
        int64_t n = tile->n - first < AQ_BLOCK_COLUMNS ? tile->n - first : AQ_BLOCK_COLUMNS;
        aq_prepare_columns(&prepared, &tile->columns, first, n);
        for (int64_t j = 0; j < n; j++) {
            const int8_t *column = tile->weight.data + (first + j) * tile->weight.stride_n;
            aq_params256 params = aq_broadcast_params256(&prepared, j);
            if (prepared.quick)
                one_column(tile, column, params, true, tile->sum + first + j);
            else
                one_column(tile, column, params, false, tile->sum + first + j);
        }
    }
}

static const char *declines(const aq_kernel_query *query)
{
    if (query->recipe != AQ_RECIPE_FIXPIPE)
        return "takes fixpipe weights only";
    if (query->order != AQ_ORDER_T || query->stride_k != 1)
        return "takes weights with k contiguous only";
    if (query->m > QUICK_ROWS)
        return "a gemm kernel is quicker beyond 16 rows";
    return NULL;
}

const aq_kernel aq_stream_t_avx2 = {
    .name = "stream_f16_s8c_t_16x1_avx2",
    .level = AQ_CPU_AVX2,
    .role = AQ_ROLE_STREAM,
    .mr = ROWS,
    .nr = 1,
    .declines = declines,
    .stream = stream,
};
