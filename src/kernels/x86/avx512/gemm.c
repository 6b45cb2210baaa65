/* SPDX-License-Identifier: Apache-2.0 */
/* gemm.c - one tile of packed rows times a dequantised panel, AVX-512, both orders. A panel is 64 columns
 * wide, a whole cache line of an int8 weight in order P, and is multiplied 32 columns at a time. The 16 sums
 * have names instead of an array, which gcc 12 would keep on the stack. */
#include "kernels/x86/avx512/gemm.h"
#include "kernels/x86/avx512/weights.h"
#include "kernels/x86/rows.h"

enum {
    MR = AQ_GEMM512_MR,
    NR = AQ_GEMM512_NR,
    PART = 32,       /* columns whose sums are in registers at a time */
    LEVELS = 4,      /* log2 of the 16 lanes of order T */
    AHEAD = MR * 256 /* floats of packed rows from a prefetch to its use: a tile of order P */
};

#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define DECLARE(r)  __m512 left##r, right##r;
#define CLEAR(r)    left##r = right##r = _mm512_setzero_ps();
#define MULTIPLY(r)                                                                                          \
    {                                                                                                        \
        __m512 x = _mm512_set1_ps(packed[r]);                                                                \
        AQ_IN_REGISTER512(x);                                                                                \
        left##r = _mm512_fmadd_ps(x, w0, left##r);                                                           \
        right##r = _mm512_fmadd_ps(x, w1, right##r);                                                         \
    }
/* from and to are rows of stride floats. */
#define ADD(r)                                                                                               \
    left##r = _mm512_add_ps(_mm512_load_ps(from + r * stride), left##r);                                     \
    right##r = _mm512_add_ps(_mm512_load_ps(from + r * stride + 16), right##r);
#define STORE(r)                                                                                             \
    _mm512_store_ps(to + r * stride, left##r);                                                               \
    _mm512_store_ps(to + r * stride + 16, right##r);

/* Order P is one chain over all steps. Order T is 16 chains, packed one after the other in the order of a
 * binary counter: after chain c, as many waiting sums are added as c has trailing ones, which is kernel.h's
 * tree. */
AQ_INLINE void part(const aq_gemm_tile *tile, int64_t column)
{
    _Alignas(64) float waiting[LEVELS][MR * PART];
    const int64_t lanes = tile->order == AQ_ORDER_P ? 1 : AQ_LANES_T;
    const int64_t steps = tile->steps / lanes;
    const float *packed = tile->packed, *panel = tile->panel + column;
    EACH_ROW(DECLARE)
    for (int64_t lane = 0;; lane++) {
        EACH_ROW(CLEAR)
        for (int64_t i = 0; i < steps; i++, packed += MR, panel += NR) {
            _mm_prefetch((const void *)((uintptr_t)packed + AHEAD * sizeof *packed), _MM_HINT_T0);
            __m512 w0 = _mm512_load_ps(panel), w1 = _mm512_load_ps(panel + 16);
            EACH_ROW(MULTIPLY)
        }
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
    for (int64_t column = 0; column < NR; column += PART)
        part(tile, column);
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
    .name = "gemm_f16_s8_8x64_avx512",
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
