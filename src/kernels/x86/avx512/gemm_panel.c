/* SPDX-License-Identifier: Apache-2.0 */
/* gemm_panel.c - dequantises a panel for the AVX-512 gemm kernel: both recipes, weights with n contiguous
 * (order P) and with k contiguous (order T, transposed 16 x 16 bytes at a time). Knows nothing of x. */
#include "kernels/x86/avx512/gemm.h"
#include "kernels/x86/avx512/transpose.h"
#include "kernels/x86/avx512/weights.h"

enum {
    NR = AQ_GEMM512_NR,
    VECTORS = NR / 16,
    AHEAD = 48,   /* k from a prefetch to its use in order P */
    K_AHEAD = 128 /* and in T: more streams than the hardware follows */
};

enum way { CONVERT = AQ_FIXPIPE_CONVERT, QUICK = AQ_FIXPIPE_QUICK, PLAIN = AQ_FIXPIPE_PLAIN, COMPOSED };

/* Of 16 columns; of the composed recipe, shift and factor are kept in the job. */
typedef struct sixteen {
    aq_params512 fixpipe;
    __m512 add, mul;
    __mmask16 lanes; /* columns that exist */
} sixteen;

/* operator page 1.2, the composed path. The conversion to fp16 is exact while neither step is present. */
AQ_INLINE __m512 composed(__m128i bytes, const aq_columns *columns, sixteen params)
{
    __m512 w = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
    if (columns->shift_present)
        w = _mm512_add_ps(w, _mm512_set1_ps(columns->shift));
    if (columns->factor_present)
        w = _mm512_mul_ps(w, _mm512_set1_ps(columns->factor));
    if (columns->shift_present || columns->factor_present)
        w = aq_round_f16_512(w);
    if (columns->add)
        w = aq_round_f16_512(_mm512_add_ps(w, params.add));
    if (columns->mul)
        w = aq_round_f16_512(_mm512_mul_ps(w, params.mul));
    return w;
}

/* The 16 weights of one k; +0 for columns that do not exist. */
AQ_INLINE __m512 dequantise(__m128i bytes, const aq_columns *columns, sixteen params, enum way way)
{
    __m512 w = way == COMPOSED ? composed(bytes, columns, params)
                               : aq_weights512(bytes, params.fixpipe, (aq_fixpipe_way)way);
    return _mm512_maskz_mov_ps(params.lanes, w);
}

/* A row of the panel is a cache line of the weight, in a page of its own: prefetched far ahead. */
AQ_INLINE void pack_p(const aq_panel_job *job, const sixteen *params, enum way way)
{
    const sixteen own[VECTORS] = {params[0], params[1], params[2], params[3]};
    const int8_t *row = job->weight.data;
    float *panel = job->panel;
    for (int64_t k = 0; k < job->k; k++, row += job->weight.stride_k, panel += NR) {
        _mm_prefetch((const void *)((uintptr_t)row + AHEAD * (uintptr_t)job->weight.stride_k), _MM_HINT_T1);
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            __m128i bytes = _mm_maskz_loadu_epi8(own[v].lanes, row + v * 16);
            _mm512_store_ps(panel + v * 16, dequantise(bytes, &job->columns, own[v], way));
        }
    }
}

/* 64 bytes of each column are fetched at once: columns are often multiples of 4 KiB apart, and 16 lines of
 * one cache set would not stay until the next 16 k. */
AQ_INLINE void pack_t(const aq_panel_job *job, const sixteen *params, enum way way)
{
    _Alignas(64) int8_t in[16 * 64], out[64 * 16];
    const int64_t lane_steps = job->steps / AQ_LANES_T;
    for (int64_t v = 0; v < VECTORS; v++) {
        const int8_t *columns = job->weight.data + v * 16 * job->weight.stride_n;
        const sixteen own = params[v];
        for (int64_t k = 0; k < job->steps; k += 64) {
            int64_t count = job->k - k < 64 ? job->k - k : 64;
            __mmask64 bytes = count >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << count) - 1;
            for (int64_t j = 0; j < 16; j++) {
                uintptr_t ahead = (uintptr_t)(j * job->weight.stride_n + k + K_AHEAD);
                _mm_prefetch((const void *)((uintptr_t)columns + ahead), _MM_HINT_T1);
                __m512i run = _mm512_setzero_si512();
                if (v * 16 + j < job->n)
                    run = _mm512_maskz_loadu_epi8(bytes, columns + j * job->weight.stride_n + k);
                _mm512_store_si512(in + j * 64, run);
            }
            aq_transpose_64(in, out);
            int64_t positions = job->steps - k < 64 ? job->steps - k : 64;
            for (int64_t i = 0; i < positions; i++) {
                __m128i weights = _mm_load_si128((const __m128i *)(const void *)(out + i * 16));
                int64_t position = aq_lane_order[i % 16] * lane_steps + (k + i) / 16;
                __m512 w = i < count ? dequantise(weights, &job->columns, own, way) : _mm512_setzero_ps();
                _mm512_store_ps(job->panel + position * NR + v * 16, w);
            }
        }
    }
}

AQ_INLINE void pack(const aq_panel_job *job, const sixteen *params, enum way way)
{
    if (job->order == AQ_ORDER_P)
        pack_p(job, params, way);
    else
        pack_t(job, params, way);
}

void aq_gemm512_pack_panel(const aq_panel_job *job)
{
    sixteen params[VECTORS];
    const aq_columns *columns = &job->columns;
    aq_prepared prepared;
    enum way way = COMPOSED;
    if (columns->recipe == AQ_RECIPE_FIXPIPE) {
        aq_prepare_columns(&prepared, columns, 0, job->n, true);
        way = (enum way)prepared.way;
    }
    for (int64_t v = 0; v < VECTORS; v++) {
        sixteen *own = &params[v];
        own->lanes = aq_lanes512(job->n - v * 16);
        if (way != COMPOSED) {
            own->fixpipe = aq_load_params512(&prepared, v * 16);
            continue;
        }
        if (columns->add)
            own->add = _mm512_maskz_loadu_ps(own->lanes, columns->add + v * 16);
        if (columns->mul)
            own->mul = _mm512_maskz_loadu_ps(own->lanes, columns->mul + v * 16);
    }
    if (way == PLAIN)
        pack(job, params, PLAIN);
    else if (way == QUICK)
        pack(job, params, QUICK);
    else if (way == CONVERT)
        pack(job, params, CONVERT);
    else
        pack(job, params, COMPOSED);
}
