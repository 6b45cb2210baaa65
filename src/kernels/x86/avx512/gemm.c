/* SPDX-License-Identifier: Apache-2.0 */
/* gemm.c - one tile of packed rows times a dequantised panel, AVX-512, both orders. A panel is 64 columns
 * wide, a whole cache line of an int8 weight in order P, and is read from its first float to its last: half
 * of its columns at a time would be every other pair of lines, in half the sets of the first-level cache. The
 * 24 sums have names instead of an array, which gcc 12 would keep on the stack. */
#include "kernels/x86/avx512/gemm.h"
#include "kernels/x86/avx512/weights.h"
#include "kernels/x86/rows.h"

enum {
    MR = AQ_GEMM512_MR,
    NR = AQ_GEMM512_NR,
    FEW = 4,     /* rows that take two thirds of the time */
    LEVELS = 4,  /* log2 of the 16 lanes of order T */
    UNROLL = 4,  /* steps of a round: 96 bytes of packed rows */
    AHEAD = 6144 /* bytes of packed rows from a prefetch to its use: a tile of order P */
};

#define FIRST_ROWS(X) X(0) X(1) X(2) X(3)
#define LAST_ROWS(X)  X(4) X(5)
#define EACH_ROW(X)                                                                                          \
    FIRST_ROWS(X)                                                                                            \
    if (!few) {                                                                                              \
        LAST_ROWS(X)                                                                                         \
    }
#define DECLARE(r) __m512 a##r, b##r, c##r, d##r;
#define CLEAR(r)   a##r = b##r = c##r = d##r = _mm512_setzero_ps();
#define MULTIPLY(r)                                                                                          \
    {                                                                                                        \
        __m512 x = _mm512_set1_ps(packed[r]);                                                                \
        AQ_IN_REGISTER512(x);                                                                                \
        a##r = _mm512_fmadd_ps(x, w0, a##r);                                                                 \
        b##r = _mm512_fmadd_ps(x, w1, b##r);                                                                 \
        c##r = _mm512_fmadd_ps(x, w2, c##r);                                                                 \
        d##r = _mm512_fmadd_ps(x, w3, d##r);                                                                 \
        AQ_IN_REGISTER512(a##r); /* the steps one after the other, or gcc runs out of registers */           \
        AQ_IN_REGISTER512(b##r);                                                                             \
        AQ_IN_REGISTER512(c##r);                                                                             \
        AQ_IN_REGISTER512(d##r);                                                                             \
    }
/* One step. The rows of the next tile follow those of this one. */
#define STEP(p)                                                                                              \
    {                                                                                                        \
        const float *packed = at + (p)*MR;                                                                   \
        __m512 w0 = _mm512_load_ps(panel + (p)*NR), w1 = _mm512_load_ps(panel + (p)*NR + 16);                \
        __m512 w2 = _mm512_load_ps(panel + (p)*NR + 32), w3 = _mm512_load_ps(panel + (p)*NR + 48);           \
        AQ_IN_REGISTER512(w0);                                                                               \
        AQ_IN_REGISTER512(w1);                                                                               \
        AQ_IN_REGISTER512(w2);                                                                               \
        AQ_IN_REGISTER512(w3);                                                                               \
        EACH_ROW(MULTIPLY)                                                                                   \
    }
/* from and to are rows of stride floats. */
#define ADD(r)                                                                                               \
    a##r = _mm512_add_ps(_mm512_load_ps(from + r * stride), a##r);                                           \
    b##r = _mm512_add_ps(_mm512_load_ps(from + r * stride + 16), b##r);                                      \
    c##r = _mm512_add_ps(_mm512_load_ps(from + r * stride + 32), c##r);                                      \
    d##r = _mm512_add_ps(_mm512_load_ps(from + r * stride + 48), d##r);
#define STORE(r)                                                                                             \
    _mm512_store_ps(to + r * stride, a##r);                                                                  \
    _mm512_store_ps(to + r * stride + 16, b##r);                                                             \
    _mm512_store_ps(to + r * stride + 32, c##r);                                                             \
    _mm512_store_ps(to + r * stride + 48, d##r);

/* Order P is one chain over all steps. Order T is 16 chains, packed one after the other in the order of a
 * binary counter: after chain c, as many waiting sums are added as c has trailing ones, which is kernel.h's
 * tree. few: of the first FEW rows only. The macros are
 * many statements: NOLINTNEXTLINE(readability-function-size) */
AQ_INLINE void multiply(const aq_gemm_tile *tile, bool few)
{
    _Alignas(64) float waiting[LEVELS][MR * NR];
    const int64_t lanes = tile->order == AQ_ORDER_P ? 1 : AQ_LANES_T;
    const int64_t steps = tile->steps / lanes;
    const float *at = tile->packed, *panel = tile->panel;
    FIRST_ROWS(DECLARE)
    LAST_ROWS(DECLARE) /* with few rows nobody uses them */
    for (int64_t lane = 0;; lane++) {
        EACH_ROW(CLEAR)
        int64_t i = steps;
        for (; i >= UNROLL; i -= UNROLL, at += UNROLL * MR, panel += UNROLL * NR) {
            _mm_prefetch((const void *)((uintptr_t)at + AHEAD), _MM_HINT_T0);
            _mm_prefetch((const void *)((uintptr_t)at + AHEAD + 64), _MM_HINT_T0);
            STEP(0)
            STEP(1)
            STEP(2)
            STEP(3)
        }
        for (; i > 0; i--, at += MR, panel += NR)
            STEP(0)
        int64_t level = 0, stride = NR;
        for (; lane >> level & 1; level++) {
            const float *from = waiting[level];
            EACH_ROW(ADD)
        }
        if (lane == lanes - 1)
            break;
        float *to = waiting[level];
        EACH_ROW(STORE)
    }
    const int64_t stride = tile->sum_stride;
    float *to = tile->sum;
    if (!tile->first) {
        const float *from = to;
        EACH_ROW(ADD)
    }
    EACH_ROW(STORE)
}

static void gemm(const aq_gemm_tile *tile)
{
    if (tile->rows <= FEW)
        multiply(tile, true);
    else
        multiply(tile, false);
}

static void pack_rows(const aq_rows_job *job)
{
    aq_pack_rows_x86(job, MR);
}

static const char *declines(const aq_kernel_query *query)
{
    (void)query;
    return NULL;
}

const aq_kernel aq_gemm_avx512 = {
    .name = "gemm_f16_s8_6x64_avx512",
    .level = AQ_CPU_AVX512,
    .role = AQ_ROLE_GEMM,
    .mr = MR,
    .nr = NR,
    .declines = declines,
    .pack_rows = pack_rows,
    .pack_panel = aq_gemm512_pack_panel,
    .scaled_declines = aq_gemm512_scaled_declines,
    .pack_scaled = aq_gemm512_pack_scaled,
    .gemm = gemm,
};
