/* SPDX-License-Identifier: Apache-2.0 */
/* bench_loops.c - the inner loops of the probes, once a level. Each function asks for its instructions
 * itself, so this file is compiled for the baseline as all others are. Accumulators are as many as latency
 * times units of any core of the level need, and few enough to stay in registers. */
#include "bench_probe.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define EIGHT(F)   F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7)
#define TWELVE(F)  EIGHT(F) F(8) F(9) F(10) F(11)
#define SIXTEEN(F) TWELVE(F) F(12) F(13) F(14) F(15)

/* Any CPU: vectors of 16 bytes as the compiler makes them; no fused operation, a product and a sum. */
typedef float aq_bench_floats __attribute__((vector_size(16)));
typedef uint32_t aq_bench_words __attribute__((vector_size(16), may_alias));

#define KEEP(i) __asm__ volatile("" ::"m"(sum##i));

static void read_scalar(const void *data, size_t blocks)
{
    const aq_bench_words *at = data;
#define DECLARE(i) aq_bench_words sum##i = {0};
#define TAKE(i)    sum##i |= at[i];
    EIGHT(DECLARE)
    for (blocks *= 4; blocks > 0; blocks--, at += 8) {
        EIGHT(TAKE)
    }
    EIGHT(KEEP)
#undef DECLARE
#undef TAKE
}

#if defined(__aarch64__)
#define MULTIPLY_ADD(sum, a, b) vfmaq_f32(b, sum, a)
#else
#define MULTIPLY_ADD(sum, a, b) ((sum) * (a) + (b))
#endif

static void multiply_scalar(int64_t rounds)
{
    aq_bench_floats a = {0.999f, 0.999f, 0.999f, 0.999f}, b = {0.001f, 0.001f, 0.001f, 0.001f};
#define DECLARE(i) aq_bench_floats sum##i = b * (float)(i);
#define STEP(i)    sum##i = MULTIPLY_ADD(sum##i, a, b);
    TWELVE(DECLARE)
    for (; rounds > 0; rounds--) {
        TWELVE(STEP)
    }
    TWELVE(KEEP)
#undef DECLARE
#undef STEP
}

#undef KEEP

#if defined(__x86_64__)

__attribute__((target("avx512f"))) static void read_avx512(const void *data, size_t blocks)
{
    const __m512i *at = data;
#define DECLARE(i) __m512i sum##i = _mm512_setzero_si512();
#define TAKE(i)    sum##i = _mm512_or_si512(sum##i, _mm512_loadu_si512(at + (i)));
#define KEEP(i)    __asm__ volatile("" ::"v"(sum##i));
    EIGHT(DECLARE)
    for (; blocks > 0; blocks--, at += 8) {
        EIGHT(TAKE)
    }
    EIGHT(KEEP)
#undef DECLARE
#undef TAKE
#undef KEEP
}

__attribute__((target("avx512f"))) static void multiply_avx512(int64_t rounds)
{
    __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
#define DECLARE(i) __m512 sum##i = _mm512_set1_ps(0.5f + (i));
#define STEP(i)    sum##i = _mm512_fmadd_ps(sum##i, a, b);
#define KEEP(i)    __asm__ volatile("" ::"v"(sum##i));
    SIXTEEN(DECLARE)
    for (; rounds > 0; rounds--) {
        SIXTEEN(STEP)
    }
    SIXTEEN(KEEP)
#undef DECLARE
#undef STEP
#undef KEEP
}

__attribute__((target("avx2,fma"))) static void read_avx2(const void *data, size_t blocks)
{
    const __m256i *at = data;
#define DECLARE(i) __m256i sum##i = _mm256_setzero_si256();
#define TAKE(i)    sum##i = _mm256_or_si256(sum##i, _mm256_loadu_si256(at + (i)));
#define KEEP(i)    __asm__ volatile("" ::"x"(sum##i));
    EIGHT(DECLARE)
    for (blocks *= 2; blocks > 0; blocks--, at += 8) {
        EIGHT(TAKE)
    }
    EIGHT(KEEP)
#undef DECLARE
#undef TAKE
#undef KEEP
}

__attribute__((target("avx2,fma"))) static void multiply_avx2(int64_t rounds)
{
    __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
#define DECLARE(i) __m256 sum##i = _mm256_set1_ps(0.5f + (i));
#define STEP(i)    sum##i = _mm256_fmadd_ps(sum##i, a, b);
#define KEEP(i)    __asm__ volatile("" ::"x"(sum##i));
    TWELVE(DECLARE)
    for (; rounds > 0; rounds--) {
        TWELVE(STEP)
    }
    TWELVE(KEEP)
#undef DECLARE
#undef STEP
#undef KEEP
}

#endif

const aq_bench_loops aq_bench_loops_all[] = {
#if defined(__x86_64__)
    {"avx512", read_avx512, multiply_avx512, 16 * 16 * 2},
    {"avx2", read_avx2, multiply_avx2, 12 * 8 * 2},
#endif
    {"scalar", read_scalar, multiply_scalar, 12 * 4 * 2},
};

const size_t aq_bench_loops_count = sizeof aq_bench_loops_all / sizeof aq_bench_loops_all[0];
