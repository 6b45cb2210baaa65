/* SPDX-License-Identifier: Apache-2.0 */
/* gemm_panel.c - dequantises a panel for the AVX2 gemm kernel: both recipes, weights with n contiguous (order
 * P) and with k contiguous (order T, transposed 16 x 16 bytes at a time). Knows nothing of x. */
#include "kernels/x86/avx2/gemm.h"
#include "kernels/x86/avx2/transpose.h"
#include "kernels/x86/avx2/weights.h"

enum {
    NR = AQ_GEMM256_NR,
    EIGHTS = NR / 8,
    AHEAD = 48,   /* k rows from a prefetch to its use in order P */
    K_AHEAD = 128 /* k from a prefetch to its use in order T */
};

enum way { QUICK, CONVERT, COMPOSED };

/* Of 8 columns. */
typedef struct eight {
    aq_params256 fixpipe;
    __m256 add, mul;
    __m256 lanes; /* all bits set where the column exists */
} eight;

/* operator page 1.2, the composed path. The conversion to fp16 is exact while neither step is present. */
AQ_INLINE __m256 composed(const int8_t *weights, const aq_columns *columns, const eight *params)
{
    __m256 w = _mm256_cvtepi32_ps(aq_widen256(weights));
    if (columns->shift_present)
        w = _mm256_add_ps(w, _mm256_set1_ps(columns->shift));
    if (columns->factor_present)
        w = _mm256_mul_ps(w, _mm256_set1_ps(columns->factor));
    if (columns->shift_present || columns->factor_present)
        w = aq_round_f16_256(w);
    if (columns->add)
        w = aq_round_f16_256(_mm256_add_ps(w, params->add));
    if (columns->mul)
        w = aq_round_f16_256(_mm256_mul_ps(w, params->mul));
    return w;
}

/* The weights of 8 * count columns of one k into the panel; +0 for columns that do not exist. */
AQ_INLINE void dequantise(float *panel, const int8_t *weights, const aq_columns *columns, const eight *params,
                          int count, enum way way)
{
#pragma GCC unroll 8
    for (int v = 0; v < count; v++) {
        __m256 w = way == COMPOSED ? composed(weights + v * 8, columns, &params[v])
                                   : aq_weights256(weights + v * 8, params[v].fixpipe, way == QUICK);
        _mm256_store_ps(panel + v * 8, _mm256_and_ps(w, params[v].lanes));
    }
}

/* A row of the panel is a cache line of the weight, in a page of its own: prefetched far ahead. */
AQ_INLINE void pack_p(const aq_panel_job *job, const eight *params, enum way way)
{
    const int8_t *row = job->weight.data;
    float *panel = job->panel;
    for (int64_t k = 0; k < job->k; k++, row += job->weight.stride_k, panel += NR) {
        _mm_prefetch((const void *)((uintptr_t)row + AHEAD * (uintptr_t)job->weight.stride_k), _MM_HINT_T1);
        if (job->n == NR) {
            dequantise(panel, row, &job->columns, params, EIGHTS, way);
        } else {
            int8_t tail[NR] = {0};
            memcpy(tail, row, (size_t)job->n);
            dequantise(panel, tail, &job->columns, params, EIGHTS, way);
        }
    }
}

/* 64 k from k on, of which count exist, of 16 columns from `first` on; the rest becomes 0. */
static void fetch(const aq_panel_job *job, int64_t first, int64_t k, int64_t count, int8_t *in)
{
    for (int64_t j = first; j < first + 16; j++, in += 64) {
        const int8_t *column = job->weight.data + j * job->weight.stride_n + k;
        _mm_prefetch((const void *)((uintptr_t)column + K_AHEAD), _MM_HINT_T1);
        if (j < job->n && count >= 64) {
            memcpy(in, column, 64);
        } else {
            memset(in, 0, 64);
            if (j < job->n)
                memcpy(in, column, (size_t)count);
        }
    }
}

/* 64 bytes of each column are fetched at once: columns are often multiples of 4 KiB apart, and 16 lines of
 * one cache set would not stay until the next 16 k. */
AQ_INLINE void pack_t(const aq_panel_job *job, const eight *params, enum way way)
{
    _Alignas(64) int8_t in[16 * 64], out[16 * 16];
    const int64_t lane_steps = job->steps / AQ_LANES_T;
    for (int64_t first = 0; first < NR; first += 16, params += 2)
        for (int64_t k = 0; k < job->steps; k += 16) {
            if (k % 64 == 0)
                fetch(job, first, k, job->k - k < 64 ? job->k - k : 64, in);
            aq_transpose_16(in + k % 64, out);
            for (int64_t i = 0; i < 16; i++) {
                float *panel = job->panel + (aq_lane_order[i] * lane_steps + k / 16) * NR + first;
                if (k + i < job->k)
                    dequantise(panel, out + i * 16, &job->columns, params, 2, way);
                else
                    memset(panel, 0, 16 * sizeof *panel);
            }
        }
}

AQ_INLINE void pack(const aq_panel_job *job, const eight *params, enum way way)
{
    if (job->order == AQ_ORDER_P)
        pack_p(job, params, way);
    else
        pack_t(job, params, way);
}

/* The 8 floats of a parameter that exist, 0 for the others. */
static __m256 load_some(const float *values, int64_t count)
{
    float some[8] = {0};
    for (int64_t i = 0; i < 8 && i < count; i++)
        some[i] = values[i];
    return _mm256_loadu_ps(some);
}

void aq_gemm256_pack_panel(const aq_panel_job *job)
{
    static const uint32_t masks[16] = {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u};
    eight params[EIGHTS];
    const aq_columns *columns = &job->columns;
    aq_prepared prepared;
    enum way way = COMPOSED;
    if (columns->recipe == AQ_RECIPE_FIXPIPE) {
        aq_prepare_columns(&prepared, columns, 0, job->n, false);
        way = prepared.way == AQ_FIXPIPE_QUICK ? QUICK : CONVERT;
    }
    for (int64_t v = 0; v < EIGHTS; v++) {
        eight *own = &params[v];
        int64_t count = job->n - v * 8, absent = count >= 8 ? 0 : count <= 0 ? 8 : 8 - count;
        own->lanes = _mm256_castsi256_ps(_mm256_loadu_si256((const __m256i *)(const void *)(masks + absent)));
        if (way != COMPOSED)
            own->fixpipe = aq_load_params256(&prepared, v * 8);
        if (way == COMPOSED && columns->add)
            own->add = load_some(columns->add + v * 8, count);
        if (way == COMPOSED && columns->mul)
            own->mul = load_some(columns->mul + v * 8, count);
    }
    if (way == QUICK)
        pack(job, params, QUICK);
    else if (way == CONVERT)
        pack(job, params, CONVERT);
    else
        pack(job, params, COMPOSED);
}
