/* SPDX-License-Identifier: Apache-2.0 */
/* stream_p.c - few rows times a weight whose rows run along n (order P), AVX2. Lanes run across n. The weight
 * is walked in blocks of 64 columns and 32 k rows, so that a row's cache line is read whole and each page is
 * visited few times; the next blocks are prefetched to L2, since the rows are as many streams as no hardware
 * prefetcher follows. Four k rows of 16 columns are dequantised into registers and multiplied by every row of
 * x; one row of x has a loop of its own. Knows nothing of threads. */
#include "kernels/x86/avx2/weights.h"
#include "kernels/x86/few_rows.h"

enum {
    ROWS = 16,       /* most rows of a tile */
    MOST_M = 16,     /* beyond, the gemm kernel is quicker */
    COLUMNS = 16,    /* of a step: two vectors, so that each broadcast x serves two fma */
    DEPTH = 4,       /* k rows of a step */
    GROUP = 32,      /* k rows of a block; divides the chunk */
    LINE = 64,       /* columns of a block */
    HALF = 32,       /* columns of one row's loop */
    AHEAD = 2,       /* blocks from the prefetch to the use: about 0.3 us for one row */
    SUMS = 16 * 1024 /* floats of the chunk's sums: 64 KiB of stack, in L2 */
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

/* One row: k0 .. k1 - 1 of 32 columns from j on, sums in registers. ahead: the lines to prefetch. */
AQ_INLINE void half_of_one_row(const aq_stream_tile *tile, const int8_t *weight, uintptr_t ahead,
                               const aq_prepared *prepared, int64_t j, int64_t k0, int64_t k1, bool quick,
                               float *sums)
{
    aq_params256 p0 = aq_load_params256(prepared, j), p1 = aq_load_params256(prepared, j + 8);
    aq_params256 p2 = aq_load_params256(prepared, j + 16), p3 = aq_load_params256(prepared, j + 24);
    __m256 sum0 = _mm256_load_ps(sums), sum1 = _mm256_load_ps(sums + 8);
    __m256 sum2 = _mm256_load_ps(sums + 16), sum3 = _mm256_load_ps(sums + 24);
    const int64_t stride = tile->weight.stride_k;
    for (int64_t k = k0; k < k1; k++, weight += stride, ahead += (uintptr_t)stride) {
        __m256 x = _mm256_set1_ps(tile->x[k]);
        _mm_prefetch((const void *)ahead, _MM_HINT_T1);
        sum0 = _mm256_fmadd_ps(x, aq_weights256(weight, p0, quick), sum0);
        sum1 = _mm256_fmadd_ps(x, aq_weights256(weight + 8, p1, quick), sum1);
        sum2 = _mm256_fmadd_ps(x, aq_weights256(weight + 16, p2, quick), sum2);
        sum3 = _mm256_fmadd_ps(x, aq_weights256(weight + 24, p3, quick), sum3);
    }
    _mm256_store_ps(sums, sum0);
    _mm256_store_ps(sums + 8, sum1);
    _mm256_store_ps(sums + 16, sum2);
    _mm256_store_ps(sums + 24, sum3);
}

/* k0 .. k1 - 1 of the count columns (64, but for the last block) from j on. sums: for each 16 columns, rows x
 * 16 floats. */
AQ_INLINE void block(const aq_stream_tile *tile, const int8_t *weight, uintptr_t ahead,
                     const aq_prepared *prepared, int64_t j, int64_t k0, int64_t k1, int64_t count,
                     bool quick, float *sums)
{
    const int64_t stride = tile->weight.stride_k;
    const int64_t full = count < LINE ? count / COLUMNS * COLUMNS : LINE;
    int64_t k = k0;
    for (; k + DEPTH <= k1; k += DEPTH, weight += DEPTH * stride) {
        for (int64_t i = 0; i < DEPTH; i++, ahead += (uintptr_t)stride)
            _mm_prefetch((const void *)ahead, _MM_HINT_T1);
        for (int64_t c = 0; c < full; c += COLUMNS)
            step(tile, weight + c, prepared, j + c, k, DEPTH, COLUMNS, quick, sums + c * tile->rows);
        if (full < LINE && full < count)
            step(tile, weight + full, prepared, j + full, k, DEPTH, count - full, quick,
                 sums + full * tile->rows);
    }
    for (; k < k1; k++, weight += stride)
        for (int64_t c = 0; c < LINE && c < count; c += COLUMNS)
            step(tile, weight + c, prepared, j + c, k, 1, count - c, quick, sums + c * tile->rows);
}

/* Adds k0 .. k1 - 1 of columns first .. first + n - 1 to the chunk's sums. */
AQ_INLINE void chunk(const aq_stream_tile *tile, const aq_prepared *prepared, int64_t first, int64_t n,
                     int64_t k0, int64_t k1, bool quick, float *sums)
{
    const int64_t stride = tile->weight.stride_k;
    const int8_t *weight = tile->weight.data + first + k0 * stride;
    for (int64_t k = k0; k < k1; k += GROUP, weight += GROUP * stride) {
        int64_t end = k1 - k < GROUP ? k1 : k + GROUP;
        for (int64_t j = 0; j < n; j += LINE) {
            int64_t next = j + AHEAD * LINE; /* columns; beyond the slice, those of the next 32 k rows */
            uintptr_t ahead = (uintptr_t)weight + (uintptr_t)(next < n ? next : next - n + GROUP * stride);
            float *own = sums + j * tile->rows;
            if (tile->rows == 1 && n - j >= LINE) {
                half_of_one_row(tile, weight + j, ahead, prepared, j, k, end, quick, own);
                half_of_one_row(tile, weight + j + HALF, ahead, prepared, j + HALF, k, end, quick,
                                own + HALF);
            } else {
                block(tile, weight + j, ahead, prepared, j, k, end, n - j, quick, own);
            }
        }
    }
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
    int64_t block = SUMS / tile->rows / LINE * LINE;
    if (block > AQ_BLOCK_COLUMNS)
        block = AQ_BLOCK_COLUMNS;
    for (int64_t first = 0; first < tile->n; first += block) {
        int64_t n = tile->n - first < block ? tile->n - first : block;
        aq_prepare_columns(&prepared, &tile->columns, first, n, false);
        for (int64_t k0 = 0; k0 < tile->k; k0 += AQ_CHUNK_P) {
            int64_t k1 = tile->k - k0 < AQ_CHUNK_P ? tile->k : k0 + AQ_CHUNK_P;
            memset(sums, 0, (size_t)((n + COLUMNS - 1) / COLUMNS * COLUMNS * tile->rows) * sizeof *sums);
            if (prepared.way == AQ_FIXPIPE_QUICK)
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
    return aq_too_many_rows(query->m, MOST_M);
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
