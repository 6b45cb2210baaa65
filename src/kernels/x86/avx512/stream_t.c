/* SPDX-License-Identifier: Apache-2.0 */
/* stream_t.c - few rows times a weight whose columns run along k (order T), AVX-512. Lanes run across k: one
 * vector is the 16 partial sums of a (row, column). Four columns share each vector of x: 64 k of them are
 * dequantised into registers and multiplied by every row of x; one row has a loop of its own. Knows nothing
 * of threads. */
#include "kernels/x86/avx512/weights.h"
#include "kernels/x86/few_rows.h"

enum {
    ROWS = 16,   /* most rows of a tile */
    COLUMNS = 4, /* that share each vector of x */
    DEPTH = 4,   /* vectors of 16 k of a step: a cache line of each column; divides the chunk */
};

/* Four columns of weight; where the slice has fewer, its last one again. */
typedef struct four_columns {
    const int8_t *at[COLUMNS];
    aq_params512 params[COLUMNS];
} four_columns;

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
AQ_INLINE __m512 weights(const int8_t *column, int64_t count, aq_params512 params, aq_fixpipe_way way)
{
    if (count >= 16)
        return aq_weights512(_mm_loadu_si128((const __m128i *)(const void *)column), params, way);
    __mmask16 lanes = aq_lanes512(count);
    return _mm512_maskz_mov_ps(lanes, aq_weights512(_mm_maskz_loadu_epi8(lanes, column), params, way));
}

/* Brings the same k of the next four columns to L2: a column's first lines, in a page of their own, would
 * wait for memory. */
AQ_INLINE void prefetch(const aq_stream_tile *tile, const four_columns *four, int64_t k)
{
    const uintptr_t ahead = (uintptr_t)(COLUMNS * tile->weight.stride_n + k);
#pragma GCC unroll 4
    for (int c = 0; c < COLUMNS; c++)
        _mm_prefetch((const void *)((uintptr_t)four->at[c] + ahead), _MM_HINT_T1);
}

/* depth vectors of k (DEPTH, or 1 with count k of it) from k0 on, all rows. sums: rows x 4 vectors. */
AQ_INLINE void step(const aq_stream_tile *tile, const four_columns *four, int64_t k0, int depth,
                    int64_t count, aq_fixpipe_way way, float *sums)
{
    __m512 w[DEPTH][COLUMNS];
#pragma GCC unroll 4
    for (int i = 0; i < depth; i++)
#pragma GCC unroll 4
        for (int c = 0; c < COLUMNS; c++)
            w[i][c] = weights(four->at[c] + k0 + i * 16, count, four->params[c], way);
    const float *x = tile->x + k0;
    for (int64_t r = 0; r < tile->rows; r++, sums += 16 * COLUMNS, x += tile->x_stride) {
        __m512 sum0 = _mm512_load_ps(sums), sum1 = _mm512_load_ps(sums + 16);
        __m512 sum2 = _mm512_load_ps(sums + 32), sum3 = _mm512_load_ps(sums + 48);
#pragma GCC unroll 4
        for (int i = 0; i < depth; i++) {
            __m512 values = _mm512_loadu_ps(x + i * 16);
            AQ_IN_REGISTER512(values);
            sum0 = _mm512_fmadd_ps(values, w[i][0], sum0);
            sum1 = _mm512_fmadd_ps(values, w[i][1], sum1);
            sum2 = _mm512_fmadd_ps(values, w[i][2], sum2);
            sum3 = _mm512_fmadd_ps(values, w[i][3], sum3);
        }
        _mm512_store_ps(sums, sum0);
        _mm512_store_ps(sums + 16, sum1);
        _mm512_store_ps(sums + 32, sum2);
        _mm512_store_ps(sums + 48, sum3);
    }
}

/* One row: k0 .. k1 - 1 of a chunk. */
AQ_INLINE __m128 chunk_of_one_row(const aq_stream_tile *tile, const four_columns *four, int64_t k0,
                                  int64_t k1, aq_fixpipe_way way)
{
    __m512 sum0 = _mm512_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    int64_t k = k0;
    for (; k + 16 * DEPTH <= k1; k += 16 * DEPTH) {
        prefetch(tile, four, k);
        for (int64_t i = k; i < k + 16 * DEPTH; i += 16) {
            __m512 x = _mm512_loadu_ps(tile->x + i);
            sum0 = _mm512_fmadd_ps(x, weights(four->at[0] + i, 16, four->params[0], way), sum0);
            sum1 = _mm512_fmadd_ps(x, weights(four->at[1] + i, 16, four->params[1], way), sum1);
            sum2 = _mm512_fmadd_ps(x, weights(four->at[2] + i, 16, four->params[2], way), sum2);
            sum3 = _mm512_fmadd_ps(x, weights(four->at[3] + i, 16, four->params[3], way), sum3);
        }
    }
    for (; k < k1; k += 16) {
        __m512 x = _mm512_loadu_ps(tile->x + k);
        sum0 = _mm512_fmadd_ps(x, weights(four->at[0] + k, k1 - k, four->params[0], way), sum0);
        sum1 = _mm512_fmadd_ps(x, weights(four->at[1] + k, k1 - k, four->params[1], way), sum1);
        sum2 = _mm512_fmadd_ps(x, weights(four->at[2] + k, k1 - k, four->params[2], way), sum2);
        sum3 = _mm512_fmadd_ps(x, weights(four->at[3] + k, k1 - k, four->params[3], way), sum3);
    }
    return trees(sum0, sum1, sum2, sum3);
}

/* k0 .. k1 - 1 of a chunk into sums: rows x 4 vectors. */
AQ_INLINE void chunk(const aq_stream_tile *tile, const four_columns *four, int64_t k0, int64_t k1,
                     aq_fixpipe_way way, float *sums)
{
    int64_t k = k0;
    memset(sums, 0, (size_t)tile->rows * 16 * COLUMNS * sizeof *sums);
    for (; k + 16 * DEPTH <= k1; k += 16 * DEPTH) {
        prefetch(tile, four, k);
        step(tile, four, k, DEPTH, 16, way, sums);
    }
    for (; k < k1; k += 16)
        step(tile, four, k, 1, k1 - k, way, sums);
}

/* All k of count columns (1 to 4) from the block's column j on; total: theirs in row 0. */
AQ_INLINE void columns(const aq_stream_tile *tile, const aq_prepared *prepared, const int8_t *weight,
                       int64_t j, int64_t count, aq_fixpipe_way way, float *total)
{
    _Alignas(64) float sums[ROWS * 16 * COLUMNS];
    const __mmask8 lanes = (__mmask8)((1 << count) - 1);
    four_columns four;
#pragma GCC unroll 4
    for (int c = 0; c < COLUMNS; c++) {
        int64_t own = c < count ? c : count - 1;
        four.at[c] = weight + own * tile->weight.stride_n;
        four.params[c] = aq_broadcast_params512(prepared, j + own);
    }
    for (int64_t k0 = 0; k0 < tile->k; k0 += AQ_CHUNK_T) {
        int64_t k1 = tile->k - k0 < AQ_CHUNK_T ? tile->k : k0 + AQ_CHUNK_T;
        if (tile->rows > 1)
            chunk(tile, &four, k0, k1, way, sums);
        for (int64_t r = 0; r < tile->rows; r++) {
            float *own = total + r * tile->sum_stride;
            const __m512 *partial = (const __m512 *)(const void *)(sums + r * 16 * COLUMNS);
            __m128 sum = tile->rows > 1 ? trees(partial[0], partial[1], partial[2], partial[3])
                                        : chunk_of_one_row(tile, &four, k0, k1, way);
            if (k0 > 0)
                sum = _mm_add_ps(_mm_maskz_loadu_ps(lanes, own), sum);
            _mm_mask_storeu_ps(own, lanes, sum);
        }
    }
}

static void stream(const aq_stream_tile *tile)
{
    aq_prepared prepared;
    for (int64_t first = 0; first < tile->n; first += AQ_BLOCK_COLUMNS) {
        int64_t n = tile->n - first < AQ_BLOCK_COLUMNS ? tile->n - first : AQ_BLOCK_COLUMNS;
        aq_prepare_columns(&prepared, &tile->columns, first, n, true);
        for (int64_t j = 0; j < n; j += COLUMNS) {
            const int8_t *weight = tile->weight.data + (first + j) * tile->weight.stride_n;
            int64_t count = n - j < COLUMNS ? n - j : COLUMNS;
            if (prepared.way == AQ_FIXPIPE_PLAIN)
                columns(tile, &prepared, weight, j, count, AQ_FIXPIPE_PLAIN, tile->sum + first + j);
            else if (prepared.way == AQ_FIXPIPE_QUICK)
                columns(tile, &prepared, weight, j, count, AQ_FIXPIPE_QUICK, tile->sum + first + j);
            else
                columns(tile, &prepared, weight, j, count, AQ_FIXPIPE_CONVERT, tile->sum + first + j);
        }
    }
}

static const char *declines(const aq_kernel_query *query)
{
    if (query->recipe != AQ_RECIPE_FIXPIPE)
        return "takes fixpipe weights only";
    if (query->order != AQ_ORDER_T || query->stride_k != 1)
        return "takes weights with k contiguous only";
    return aq_too_many_rows(query->m, AQ_FEW_ROWS_AVX512);
}

const aq_kernel aq_stream_t_avx512 = {
    .name = "stream_f16_s8c_t_16x4_avx512",
    .level = AQ_CPU_AVX512,
    .role = AQ_ROLE_STREAM,
    .mr = ROWS,
    .nr = COLUMNS,
    .declines = declines,
    .stream = stream,
};
