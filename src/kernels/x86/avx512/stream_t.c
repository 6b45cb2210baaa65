/* SPDX-License-Identifier: Apache-2.0 */
/* stream_t.c - few rows times a weight whose columns run along k (order T), AVX-512. Lanes run across k: one
 * vector is the 16 partial sums of a (row, column). Two columns of 128 k are dequantised into registers and
 * multiplied by every row of x; one row has a loop of its own. Knows nothing of threads. */
#include "kernels/x86/avx512/weights.h"

enum {
    ROWS = 16,    /* most rows of a tile */
    DEPTH = 8,    /* vectors of 16 k of a step; divides the chunk */
    TOGETHER = 4, /* columns of one row that share each vector of x */
};

/* The fixed tree of kernel.h over four sets of 16 partial sums; lane i of the result: the i-th set's sum. */
AQ_INLINE __m128 trees(__m512 a, __m512 b, __m512 c, __m512 d)
{
    __m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
    __m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xEE));
    __m512 four = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xDD));
    __m512 two = _mm512_add_ps(four, _mm512_permute_ps(four, 0x4E));
    __m512 one = _mm512_add_ps(two, _mm512_permute_ps(two, 0xB1));
    const __m512i first = _mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
    return _mm512_castps512_ps128(_mm512_permutexvar_ps(first, one));
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

/* Brings the two columns after next to L2, so that a column's first lines, in a page of their own, do not
 * wait for memory. */
AQ_INLINE void prefetch(const aq_stream_tile *tile, const int8_t *column, int64_t k, int64_t columns)
{
    uintptr_t at = (uintptr_t)column + (uintptr_t)(columns * tile->weight.stride_n + k);
    _mm_prefetch((const void *)at, _MM_HINT_T1);
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
    memset(sums, 0, sizeof sums);
    for (int64_t k0 = 0; k0 < tile->k; k0 += AQ_CHUNK_T) {
        int64_t k1 = tile->k - k0 < AQ_CHUNK_T ? tile->k : k0 + AQ_CHUNK_T, k = k0;
        for (; k + DEPTH * 16 <= k1; k += DEPTH * 16) {
            prefetch(tile, left, k, 2);
            prefetch(tile, left, k + 64, 2);
            prefetch(tile, right, k, 2);
            prefetch(tile, right, k + 64, 2);
            step(tile, left, right, left_params, right_params, k, DEPTH, 16, quick, sums);
        }
        for (; k < k1; k += 16)
            step(tile, left, right, left_params, right_params, k, 1, k1 - k, quick, sums);
        for (int64_t r = 0; r < tile->rows; r += 2) { /* sums has an even number of rows */
            __m512 *row = (__m512 *)(void *)(sums + r * 32);
            float sum[4], *total = tile->sum + r * tile->sum_stride + first + j;
            _mm_storeu_ps(sum, trees(row[0], row[1], row[2], row[3]));
            row[0] = row[1] = row[2] = row[3] = _mm512_setzero_ps();
            for (int64_t i = 0; i < 2 && r + i < tile->rows; i++, total += tile->sum_stride) {
                total[0] = k0 == 0 ? sum[2 * i] : total[0] + sum[2 * i];
                if (pair)
                    total[1] = k0 == 0 ? sum[2 * i + 1] : total[1] + sum[2 * i + 1];
            }
        }
    }
}

/* One row, all k of the four columns from first + j on. */
AQ_INLINE void four_columns_of_one_row(const aq_stream_tile *tile, const aq_prepared *prepared, int64_t first,
                                       int64_t j, bool quick)
{
    const int64_t stride = tile->weight.stride_n;
    const int8_t *c0 = tile->weight.data + (first + j) * stride;
    const int8_t *c1 = c0 + stride, *c2 = c1 + stride, *c3 = c2 + stride;
    aq_params512 p0 = aq_broadcast_params512(prepared, j), p1 = aq_broadcast_params512(prepared, j + 1);
    aq_params512 p2 = aq_broadcast_params512(prepared, j + 2), p3 = aq_broadcast_params512(prepared, j + 3);
    __m128 total = _mm_setzero_ps();
    for (int64_t k0 = 0; k0 < tile->k; k0 += AQ_CHUNK_T) {
        int64_t k1 = tile->k - k0 < AQ_CHUNK_T ? tile->k : k0 + AQ_CHUNK_T, k = k0;
        __m512 sum0 = _mm512_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
        for (; k + 64 <= k1; k += 64) {
            prefetch(tile, c0, k, TOGETHER);
            prefetch(tile, c1, k, TOGETHER);
            prefetch(tile, c2, k, TOGETHER);
            prefetch(tile, c3, k, TOGETHER);
            for (int64_t i = k; i < k + 64; i += 16) {
                __m512 x = _mm512_loadu_ps(tile->x + i);
                sum0 = _mm512_fmadd_ps(x, weights(c0 + i, 16, p0, quick), sum0);
                sum1 = _mm512_fmadd_ps(x, weights(c1 + i, 16, p1, quick), sum1);
                sum2 = _mm512_fmadd_ps(x, weights(c2 + i, 16, p2, quick), sum2);
                sum3 = _mm512_fmadd_ps(x, weights(c3 + i, 16, p3, quick), sum3);
            }
        }
        for (; k < k1; k += 16) {
            __m512 x = _mm512_loadu_ps(tile->x + k);
            sum0 = _mm512_fmadd_ps(x, weights(c0 + k, k1 - k, p0, quick), sum0);
            sum1 = _mm512_fmadd_ps(x, weights(c1 + k, k1 - k, p1, quick), sum1);
            sum2 = _mm512_fmadd_ps(x, weights(c2 + k, k1 - k, p2, quick), sum2);
            sum3 = _mm512_fmadd_ps(x, weights(c3 + k, k1 - k, p3, quick), sum3);
        }
        __m128 sum = trees(sum0, sum1, sum2, sum3);
        total = k0 == 0 ? sum : _mm_add_ps(total, sum);
    }
    _mm_storeu_ps(tile->sum + first + j, total);
}

AQ_INLINE void columns(const aq_stream_tile *tile, const aq_prepared *prepared, int64_t first, int64_t n,
                       bool quick)
{
    int64_t j = 0;
    if (tile->rows == 1)
        for (; j + TOGETHER <= n; j += TOGETHER)
            four_columns_of_one_row(tile, prepared, first, j, quick);
    for (; j < n; j += 2)
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
    if (query->m > ROWS)
        return "a gemm kernel is quicker beyond 16 rows";
    return NULL;
}

const aq_kernel aq_stream_t_avx512 = {
    .name = "stream_f16_s8c_t_16x4_avx512",
    .level = AQ_CPU_AVX512,
    .role = AQ_ROLE_STREAM,
    .mr = ROWS,
    .nr = TOGETHER,
    .declines = declines,
    .stream = stream,
};
