/* SPDX-License-Identifier: Apache-2.0 */
/* stream_p.c - few rows times a weight whose rows run along n (order P), AVX-512. Lanes run across n. The
 * weight is walked in blocks of 64 columns and 32 k rows, so that a row's cache line is read whole and each
 * page is visited few times; the next blocks are prefetched to L2, since the rows are as many streams as no
 * hardware prefetcher follows. Eight k rows of 32 columns are dequantised into registers and multiplied by
 * every row of x; one row of x has a loop of its own. Knows nothing of threads. */
#include "kernels/x86/avx512/weights.h"
#include "kernels/x86/few_rows.h"

enum {
    ROWS = 16,       /* most rows of a tile */
    COLUMNS = 32,    /* of a step: two vectors, so that each broadcast x serves two fma */
    DEPTH = 8,       /* k rows of a step */
    GROUP = 32,      /* k rows of a block; divides the chunk */
    LINE = 64,       /* columns of a block */
    AHEAD = 4,       /* blocks from the prefetch to the use: about 0.5 us for one row */
    SUMS = 16 * 1024 /* floats of the chunk's sums: 64 KiB of stack, in L2 */
};

/* depth k rows (DEPTH or 1) from k0 on, columns j .. j + 31 of the block, all rows. sums: rows x 32 floats.
 */
AQ_INLINE void step(const aq_stream_tile *tile, const int8_t *weight, const aq_prepared *prepared, int64_t j,
                    int64_t k0, int depth, int64_t count, aq_fixpipe_way way, float *sums)
{
    aq_params512 left = aq_load_params512(prepared, j), right = aq_load_params512(prepared, j + 16);
    __mmask16 left_lanes = aq_lanes512(count), right_lanes = aq_lanes512(count - 16);
    __m512 w0[DEPTH], w1[DEPTH];
#pragma GCC unroll 8
    for (int i = 0; i < depth; i++) {
        const int8_t *row = weight + i * tile->weight.stride_k;
        __m128i bytes0, bytes1;
        if (count >= COLUMNS) {
            bytes0 = _mm_loadu_si128((const __m128i *)(const void *)row);
            bytes1 = _mm_loadu_si128((const __m128i *)(const void *)(row + 16));
        } else {
            bytes0 = _mm_maskz_loadu_epi8(left_lanes, row);
            bytes1 = _mm_maskz_loadu_epi8(right_lanes, row + 16);
        }
        w0[i] = aq_weights512(bytes0, left, way);
        w1[i] = aq_weights512(bytes1, right, way);
    }
    const float *x = tile->x + k0;
    for (int64_t r = 0; r < tile->rows; r++) {
        __m512 sum0 = _mm512_load_ps(sums), sum1 = _mm512_load_ps(sums + 16);
#pragma GCC unroll 8
        for (int i = 0; i < depth; i++) {
            __m512 value = _mm512_set1_ps(x[i]);
            sum0 = _mm512_fmadd_ps(value, w0[i], sum0);
            sum1 = _mm512_fmadd_ps(value, w1[i], sum1);
        }
        _mm512_store_ps(sums, sum0);
        _mm512_store_ps(sums + 16, sum1);
        sums += COLUMNS;
        x += tile->x_stride;
    }
}

/* One row: k0 .. k1 - 1 of 64 columns from j on, sums in registers. ahead: the block to prefetch. */
AQ_INLINE void block_of_one_row(const aq_stream_tile *tile, const int8_t *weight, uintptr_t ahead,
                                const aq_prepared *prepared, int64_t j, int64_t k0, int64_t k1,
                                aq_fixpipe_way way, float *sums)
{
    aq_params512 p0 = aq_load_params512(prepared, j), p1 = aq_load_params512(prepared, j + 16);
    aq_params512 p2 = aq_load_params512(prepared, j + 32), p3 = aq_load_params512(prepared, j + 48);
    __m512 sum0 = _mm512_load_ps(sums), sum1 = _mm512_load_ps(sums + 16);
    __m512 sum2 = _mm512_load_ps(sums + 32), sum3 = _mm512_load_ps(sums + 48);
    const int64_t stride = tile->weight.stride_k;
    for (int64_t k = k0; k < k1; k++, weight += stride, ahead += (uintptr_t)stride) {
        const __m128i *row = (const __m128i *)(const void *)weight;
        __m512 x = _mm512_set1_ps(tile->x[k]);
        _mm_prefetch((const void *)ahead, _MM_HINT_T1);
        sum0 = _mm512_fmadd_ps(x, aq_weights512(_mm_loadu_si128(row), p0, way), sum0);
        sum1 = _mm512_fmadd_ps(x, aq_weights512(_mm_loadu_si128(row + 1), p1, way), sum1);
        sum2 = _mm512_fmadd_ps(x, aq_weights512(_mm_loadu_si128(row + 2), p2, way), sum2);
        sum3 = _mm512_fmadd_ps(x, aq_weights512(_mm_loadu_si128(row + 3), p3, way), sum3);
    }
    _mm512_store_ps(sums, sum0);
    _mm512_store_ps(sums + 16, sum1);
    _mm512_store_ps(sums + 32, sum2);
    _mm512_store_ps(sums + 48, sum3);
}

/* k0 .. k1 - 1 of the count columns (64, but for the last block) from j on. sums: two times rows x 32 floats.
 */
AQ_INLINE void block(const aq_stream_tile *tile, const int8_t *weight, uintptr_t ahead,
                     const aq_prepared *prepared, int64_t j, int64_t k0, int64_t k1, int64_t count,
                     aq_fixpipe_way way, float *sums)
{
    const int64_t stride = tile->weight.stride_k;
    float *right = sums + tile->rows * COLUMNS;
    int64_t k = k0;
    for (; k + DEPTH <= k1; k += DEPTH, weight += DEPTH * stride) {
        for (int64_t i = 0; i < DEPTH; i++, ahead += (uintptr_t)stride)
            _mm_prefetch((const void *)ahead, _MM_HINT_T1);
        if (count >= LINE) {
            step(tile, weight, prepared, j, k, DEPTH, COLUMNS, way, sums);
            step(tile, weight + COLUMNS, prepared, j + COLUMNS, k, DEPTH, COLUMNS, way, right);
        } else {
            step(tile, weight, prepared, j, k, DEPTH, count, way, sums);
            step(tile, weight + COLUMNS, prepared, j + COLUMNS, k, DEPTH, count - COLUMNS, way, right);
        }
    }
    for (; k < k1; k++, weight += stride) {
        step(tile, weight, prepared, j, k, 1, count, way, sums);
        step(tile, weight + COLUMNS, prepared, j + COLUMNS, k, 1, count - COLUMNS, way, right);
    }
}

/* Adds k0 .. k1 - 1 of columns first .. first + n - 1 to the chunk's sums. */
AQ_INLINE void chunk(const aq_stream_tile *tile, const aq_prepared *prepared, int64_t first, int64_t n,
                     int64_t k0, int64_t k1, aq_fixpipe_way way, float *sums)
{
    const int64_t stride = tile->weight.stride_k;
    const int8_t *weight = tile->weight.data + first + k0 * stride;
    for (int64_t k = k0; k < k1; k += GROUP, weight += GROUP * stride) {
        int64_t end = k1 - k < GROUP ? k1 : k + GROUP;
        for (int64_t j = 0; j < n; j += LINE) {
            int64_t next = j + AHEAD * LINE; /* columns; beyond the slice, those of the next 32 k rows */
            uintptr_t ahead = (uintptr_t)weight + (uintptr_t)(next < n ? next : next - n + GROUP * stride);
            float *own = sums + j * tile->rows;
            if (tile->rows == 1 && n - j >= LINE)
                block_of_one_row(tile, weight + j, ahead, prepared, j, k, end, way, own);
            else
                block(tile, weight + j, ahead, prepared, j, k, end, n - j, way, own);
        }
    }
}

/* sum = first chunk ? chunk's sums : sum + chunk's sums. */
static void add_chunk(const aq_stream_tile *tile, int64_t first, int64_t n, bool first_chunk,
                      const float *sums)
{
    for (int64_t j = 0; j < n; j += COLUMNS)
        for (int64_t r = 0; r < tile->rows; r++, sums += COLUMNS)
            for (int64_t half = 0; half < COLUMNS; half += 16) {
                float *total = tile->sum + r * tile->sum_stride + first + j + half;
                __mmask16 lanes = aq_lanes512(n - j - half);
                __m512 value = _mm512_load_ps(sums + half);
                if (!first_chunk)
                    value = _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, total), value);
                _mm512_mask_storeu_ps(total, lanes, value);
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
        aq_prepare_columns(&prepared, &tile->columns, first, n, true);
        for (int64_t k0 = 0; k0 < tile->k; k0 += AQ_CHUNK_P) {
            int64_t k1 = tile->k - k0 < AQ_CHUNK_P ? tile->k : k0 + AQ_CHUNK_P;
            memset(sums, 0, (size_t)((n + LINE - 1) / LINE * LINE * tile->rows) * sizeof *sums);
            if (prepared.way == AQ_FIXPIPE_PLAIN)
                chunk(tile, &prepared, first, n, k0, k1, AQ_FIXPIPE_PLAIN, sums);
            else if (prepared.way == AQ_FIXPIPE_QUICK)
                chunk(tile, &prepared, first, n, k0, k1, AQ_FIXPIPE_QUICK, sums);
            else
                chunk(tile, &prepared, first, n, k0, k1, AQ_FIXPIPE_CONVERT, sums);
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
    return aq_too_many_rows(query->m, AQ_FEW_ROWS_AVX512);
}

const aq_kernel aq_stream_p_avx512 = {
    .name = "stream_f16_s8c_p_16x64_avx512",
    .level = AQ_CPU_AVX512,
    .role = AQ_ROLE_STREAM,
    .mr = ROWS,
    .nr = 64,
    .declines = declines,
    .stream = stream,
};
