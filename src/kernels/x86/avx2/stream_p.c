/* SPDX-License-Identifier: Apache-2.0 */
/* stream_p.c - few rows times a weight whose rows run along n (order P), AVX2. Lanes run across n. Four k
 * rows of 16 columns are dequantised into registers and multiplied by every row of x; the chunk's sums wait
 * in a buffer of L1 size meanwhile, so the weight is read as four sequential streams. Knows nothing of
 * threads. */
#include "kernels/x86/avx2/weights.h"

enum {
    ROWS = 16,         /* most rows of a tile */
    COLUMNS = 16,      /* of a step: two vectors, so that each broadcast x serves two fma */
    DEPTH = 4,         /* k rows of a step; divides the chunk */
    SUMS = ROWS * 256, /* floats of the chunk's sums: 16 KiB, half of the smallest L1 */
    QUICK_ROWS = 16    /* beyond, the gemm kernel is quicker */
};

/* depth k rows (DEPTH or 1) from k0 on, columns j .. j + 15 of the block, all rows. sums: rows x 16 floats.
 */
AQ_INLINE void step(const aq_stream_tile *tile, const int8_t *weight, const aq_prepared *prepared, int64_t j,
                    int64_t k0, int depth, int64_t count, bool quick, float *sums)
{
    aq_params256 left = aq_load_params256(prepared, j), right = aq_load_params256(prepared, j + 8);
    __m256 w0[DEPTH], w1[DEPTH];
#pragma GCC unroll 4
    for (int i = 0; i < depth; i++) {
        const int8_t *row = weight + i * tile->weight.stride_k;
        int8_t tail[COLUMNS] = {0};
        if (count < COLUMNS) {
            memcpy(tail, row, (size_t)count);
            row = tail;
        }
        w0[i] = aq_weights256(row, left, quick);
        w1[i] = aq_weights256(row + 8, right, quick);
    }
    const float *x = tile->x + k0;
    for (int64_t r = 0; r < tile->rows; r++) {
        __m256 sum0 = _mm256_load_ps(sums), sum1 = _mm256_load_ps(sums + 8);
#pragma GCC unroll 4
        for (int i = 0; i < depth; i++) {
            __m256 value = _mm256_set1_ps(x[i]);
            sum0 = _mm256_fmadd_ps(value, w0[i], sum0);
            sum1 = _mm256_fmadd_ps(value, w1[i], sum1);
        }
        _mm256_store_ps(sums, sum0);
        _mm256_store_ps(sums + 8, sum1);
        sums += COLUMNS;
        x += tile->x_stride;
    }
}

/* The chunk's sums of columns first .. first + n - 1. */
AQ_INLINE void chunk(const aq_stream_tile *tile, const aq_prepared *prepared, int64_t first, int64_t n,
                     int64_t k0, int64_t k1, bool quick, float *sums)
{
    const int8_t *weight = tile->weight.data + first + k0 * tile->weight.stride_k;
    int64_t k = k0, area = tile->rows * COLUMNS;
    for (; k + DEPTH <= k1; k += DEPTH, weight += DEPTH * tile->weight.stride_k) {
        int64_t j = 0;
        for (; j + COLUMNS <= n; j += COLUMNS)
            step(tile, weight + j, prepared, j, k, DEPTH, COLUMNS, quick, sums + j / COLUMNS * area);
        if (j < n)
            step(tile, weight + j, prepared, j, k, DEPTH, n - j, quick, sums + j / COLUMNS * area);
    }
    for (; k < k1; k++, weight += tile->weight.stride_k)
        for (int64_t j = 0; j < n; j += COLUMNS)
            step(tile, weight + j, prepared, j, k, 1, n - j, quick, sums + j / COLUMNS * area);
}

/* sum = first chunk ? chunk's sums : sum + chunk's sums. */
static void add_chunk(const aq_stream_tile *tile, int64_t first, int64_t n, bool first_chunk,
                      const float *sums)
{
    for (int64_t j = 0; j < n; j += COLUMNS)
        for (int64_t r = 0; r < tile->rows; r++, sums += COLUMNS) {
            float *total = tile->sum + r * tile->sum_stride + first + j;
            int64_t count = n - j < COLUMNS ? n - j : COLUMNS;
            for (int64_t i = 0; i < count; i++)
                total[i] = first_chunk ? sums[i] : total[i] + sums[i];
        }
}

static void stream(const aq_stream_tile *tile)
{
    _Alignas(64) float sums[SUMS];
    aq_prepared prepared;
    int64_t block = SUMS / tile->rows / 64 * 64;
    if (block > AQ_BLOCK_COLUMNS)
        block = AQ_BLOCK_COLUMNS;
    for (int64_t first = 0; first < tile->n; first += block) {
        int64_t n = tile->n - first < block ? tile->n - first : block;
        aq_prepare_columns(&prepared, &tile->columns, first, n);
        for (int64_t k0 = 0; k0 < tile->k; k0 += AQ_CHUNK_P) {
            int64_t k1 = tile->k - k0 < AQ_CHUNK_P ? tile->k : k0 + AQ_CHUNK_P;
            memset(sums, 0, (size_t)((n + COLUMNS - 1) / COLUMNS * COLUMNS * tile->rows) * sizeof *sums);
            if (prepared.quick)
                chunk(tile, &prepared, first, n, k0, k1, true, sums);
            else
                chunk(tile, &prepared, first, n, k0, k1, false, sums);
            add_chunk(tile, first, n, k0 == 0, sums);
        }
    }
}

static const char *declines(const aq_kernel_query *query)
{
    if (query->recipe != AQ_RECIPE_FIXPIPE)
        return "takes fixpipe weights only";
    if (query->order != AQ_ORDER_P || query->stride_n != 1)
        return "takes weights with n contiguous only";
    if (query->m > QUICK_ROWS)
        return "a gemm kernel is quicker beyond 16 rows";
    return NULL;
}

const aq_kernel aq_stream_p_avx2 = {
    .name = "stream_f16_s8c_p_16x64_avx2",
    .level = AQ_CPU_AVX2,
    .role = AQ_ROLE_STREAM,
    .mr = ROWS,
    .nr = 64,
    .declines = declines,
    .stream = stream,
};
