/* SPDX-License-Identifier: Apache-2.0 */
/* gemm.c - one tile of packed rows times a dequantised panel, AVX2, both orders. A panel is 64 columns wide,
 * a whole cache line of an int8 weight in order P, whose rows are each in a page of their own, and is
 * multiplied 16 columns at a time. The 12 sums have names instead of an array, which gcc 12 would keep on the
 * stack. */
#include "kernels/x86/avx2/gemm.h"
#include "kernels/x86/avx2/weights.h"
#include "kernels/x86/rows.h"

enum {
    MR = AQ_GEMM256_MR,
    NR = AQ_GEMM256_NR,
    PART = 16,   /* columns whose sums are in registers at a time */
    FEW = 4,     /* rows that take two thirds of the time */
    LEVELS = 4,  /* log2 of the 16 lanes of order T */
    AHEAD = 2048 /* bytes of packed rows from a prefetch to its use, 500 cycles: they come from L3 */
};

#define FIRST_ROWS(X) X(0) X(1) X(2) X(3)
#define LAST_ROWS(X)  X(4) X(5)
#define EACH_ROW(X)                                                                                          \
    FIRST_ROWS(X)                                                                                            \
    if (!few) {                                                                                              \
        LAST_ROWS(X)                                                                                         \
    }
#define DECLARE(r) __m256 left##r, right##r;
#define CLEAR(r)   left##r = right##r = _mm256_setzero_ps();
#define MULTIPLY(r)                                                                                          \
    {                                                                                                        \
        __m256 x = _mm256_set1_ps(packed[r]);                                                                \
        AQ_IN_REGISTER256(x);                                                                                \
        left##r = _mm256_fmadd_ps(x, w0, left##r);                                                           \
        right##r = _mm256_fmadd_ps(x, w1, right##r);                                                         \
        AQ_IN_REGISTER256(left##r); /* the steps one after the other, or gcc runs out of registers */        \
        AQ_IN_REGISTER256(right##r);                                                                         \
    }
/* One step. The rows of the next tile follow those of this one. */
#define STEP(p)                                                                                              \
    {                                                                                                        \
        const float *packed = at + (p)*MR;                                                                   \
        __m256 w0 = _mm256_load_ps(panel + (p)*NR), w1 = _mm256_load_ps(panel + (p)*NR + 8);                 \
        EACH_ROW(MULTIPLY)                                                                                   \
    }
/* from and to are rows of stride floats. */
#define ADD(r)                                                                                               \
    left##r = _mm256_add_ps(_mm256_load_ps(from + r * stride), left##r);                                     \
    right##r = _mm256_add_ps(_mm256_load_ps(from + r * stride + 8), right##r);
#define STORE(r)                                                                                             \
    _mm256_store_ps(to + r * stride, left##r);                                                               \
    _mm256_store_ps(to + r * stride + 8, right##r);

/* Order P is one chain over all steps. Order T is 16 chains, packed one after the other in the order of a
 * binary counter: after chain c, as many waiting sums are added as c has trailing ones, which is kernel.h's
 * tree. few: of the first FEW rows only. The macros are
 * many statements: NOLINTNEXTLINE(readability-function-size) */
AQ_INLINE void multiply(const aq_gemm_tile *tile, int64_t column, bool few)
{
    _Alignas(64) float waiting[LEVELS][MR * PART];
    const int64_t lanes = tile->order == AQ_ORDER_P ? 1 : AQ_LANES_T;
    const int64_t steps = tile->steps / lanes;
    const float *at = tile->packed, *panel = tile->panel + column;
    FIRST_ROWS(DECLARE)
    LAST_ROWS(DECLARE) /* with few rows nobody uses them */
    if (!tile->first)
        for (int64_t r = 0; r < MR; r++)
            _mm_prefetch((const void *)(tile->sum + r * tile->sum_stride + column), _MM_HINT_T0);
    for (int64_t lane = 0;; lane++) {
        EACH_ROW(CLEAR)
        int64_t i = steps;
        for (; i >= 4; i -= 4, at += 4 * MR, panel += 4 * NR) { /* 96 bytes of packed rows */
            _mm_prefetch((const void *)((uintptr_t)at + AHEAD), _MM_HINT_T0);
            _mm_prefetch((const void *)((uintptr_t)at + AHEAD + 64), _MM_HINT_T0);
            STEP(0)
            STEP(1)
            STEP(2)
            STEP(3)
        }
        for (; i > 0; i--, at += MR, panel += NR)
            STEP(0)
        int64_t level = 0, stride = PART;
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
    float *to = tile->sum + column;
    if (!tile->first) {
        const float *from = to;
        EACH_ROW(ADD)
    }
    EACH_ROW(STORE)
}

static void gemm(const aq_gemm_tile *tile)
{
    for (int64_t column = 0; column < tile->columns; column += PART)
        if (tile->rows <= FEW)
            multiply(tile, column, true);
        else
            multiply(tile, column, false);
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

const aq_kernel aq_gemm_avx2 = {
    .name = "gemm_f16_s8_6x64_avx2",
    .level = AQ_CPU_AVX2,
    .role = AQ_ROLE_GEMM,
    .mr = MR,
    .nr = NR,
    .declines = declines,
    .pack_rows = pack_rows,
    .pack_panel = aq_gemm256_pack_panel,
    .scaled_declines = aq_gemm256_scaled_declines,
    .pack_scaled = aq_gemm256_pack_scaled,
    .gemm = gemm,
};
