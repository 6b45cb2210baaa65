/* SPDX-License-Identifier: Apache-2.0 */
/* stream_t.c - few rows times a weight whose columns run along k (order T), AVX-512. Lanes run across k: one
 * vector is the 16 partial sums of a (row, column). Two columns of 128 k are dequantised into registers and
 * multiplied by every row of x; one row has a loop of its own. Knows nothing of threads. */
#include "kernels/x86/avx512/weights.h"

enum {
    ROWS = 16,      /* most rows of a tile */
    DEPTH = 8,      /* vectors of 16 k of a step; divides the chunk */
    QUICK_ROWS = 16 /* beyond, the gemm kernel is quicker */
};

/* The fixed tree over 16 partial sums, kernel.h. */
AQ_INLINE float tree(__m512 sums)
{
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(sums), _mm512_extractf32x8_ps(sums, 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* 16 weights of a column, of which the first count exist; the rest become +0 whatever the offset. */
AQ_INLINE __m512 weights(const int8_t *column, int64_t count, aq_params512 params, bool quick)
{
    if (count >= 16)
        return aq_weights512(_mm_loadu_si128((const __m128i *)(const void *)column), params, quick);
    __mmask16 lanes = aq_lanes512(count);
    return _mm512_maskz_mov_ps(lanes, aq_weights512(_mm_maskz_loadu_epi8(lanes, column), params, quick));
}

/* depth vectors of k (DEPTH, or 1 with count k of it) from k0 on, two columns, all rows. sums: rows x 2
 * vectors. */
AQ_INLINE void step(const aq_stream_tile *tile, const int8_t *left, const int8_t *right,
                    aq_params512 left_params, aq_params512 right_params, int64_t k0, int depth, int64_t count,
                    bool quick, float *sums)
{
    __m512 w0[DEPTH], w1[DEPTH];
#pragma GCC unroll 8
    for (int i = 0; i < depth; i++) {
        w0[i] = weights(left + k0 + i * 16, count, left_params, quick);
        w1[i] = weights(right + k0 + i * 16, count, right_params, quick);
    }
    const float *x = tile->x + k0;
    for (int64_t r = 0; r < tile->rows; r++) {
        __m512 sum0 = _mm512_load_ps(sums), sum1 = _mm512_load_ps(sums + 16);
#pragma GCC unroll 8
        for (int i = 0; i < depth; i++) {
            __m512 values = _mm512_loadu_ps(x + i * 16);
            sum0 = _mm512_fmadd_ps(values, w0[i], sum0);
            sum1 = _mm512_fmadd_ps(values, w1[i], sum1);
        }
        _mm512_store_ps(sums, sum0);
        _mm512_store_ps(sums + 16, sum1);
        sums += 32;
        x += tile->x_stride;
    }
}

/* All k of columns first + j and, when it exists, first + j + 1. */
AQ_INLINE void column_pair(const aq_stream_tile *tile, const aq_prepared *prepared, int64_t first, int64_t j,
                           bool pair, bool quick)
{
    _Alignas(64) float sums[ROWS * 32];
    const int8_t *left = tile->weight.data + (first + j) * tile->weight.stride_n;
    const int8_t *right = pair ? left + tile->weight.stride_n : left;
    aq_params512 left_params = aq_broadcast_params512(prepared, j);
    aq_params512 right_params = aq_broadcast_params512(prepared, pair ? j + 1 : j);
    for (int64_t k0 = 0; k0 < tile->k; k0 += AQ_CHUNK_T) {
        int64_t k1 = tile->k - k0 < AQ_CHUNK_T ? tile->k : k0 + AQ_CHUNK_T, k = k0;
        memset(sums, 0, (size_t)tile->rows * 32 * sizeof *sums);
        for (; k + DEPTH * 16 <= k1; k += DEPTH * 16)
            step(tile, left, right, left_params, right_params, k, DEPTH, 16, quick, sums);
        for (; k < k1; k += 16)
            step(tile, left, right, left_params, right_params, k, 1, k1 - k, quick, sums);
        for (int64_t r = 0; r < tile->rows; r++) {
            float *total = tile->sum + r * tile->sum_stride + first + j;
            float sum0 = tree(_mm512_load_ps(sums + r * 32)), sum1 = tree(_mm512_load_ps(sums + r * 32 + 16));
            total[0] = k0 == 0 ? sum0 : total[0] + sum0;
            if (pair)
                total[1] = k0 == 0 ? sum1 : total[1] + sum1;
        }
    }
}

AQ_INLINE void columns(const aq_stream_tile *tile, const aq_prepared *prepared, int64_t first, int64_t n,
                       bool quick)
{
    for (int64_t j = 0; j < n; j += 2)
        column_pair(tile, prepared, first, j, j + 1 < n, quick);
}

static void stream(const aq_stream_tile *tile)
{
    aq_prepared prepared;
    for (int64_t first = 0; first < tile->n; first += AQ_BLOCK_COLUMNS) {
        int64_t n = tile->n - first < AQ_BLOCK_COLUMNS ? tile->n - first : AQ_BLOCK_COLUMNS;
        aq_prepare_columns(&prepared, &tile->columns, first, n);
        if (prepared.quick)
            columns(tile, &prepared, first, n, true);
        else
            columns(tile, &prepared, first, n, false);
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

const aq_kernel aq_stream_t_avx512 = {
    .name = "stream_f16_s8c_t_16x2_avx512",
    .level = AQ_CPU_AVX512,
    .role = AQ_ROLE_STREAM,
    .mr = ROWS,
    .nr = 2,
    .declines = declines,
    .stream = stream,
};
