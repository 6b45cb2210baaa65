/* SPDX-License-Identifier: Apache-2.0 */
/* madd_lanes.h - a vector of 32-bit integers or floats as kernels/x86/madd_*.h use it, AVX-512. The AVX2
 * folder has a file of the same name and the same functions. Knows no layout. */
#ifndef AQ_KERNELS_X86_AVX512_MADD_LANES_H
#define AQ_KERNELS_X86_AVX512_MADD_LANES_H

#if !defined(__AVX512F__) || !defined(__AVX512BW__) || !defined(__F16C__)
#error "compile this folder with -mavx512f -mavx512bw -mavx2 -mfma -mf16c"
#endif

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#ifndef AQ_INLINE
#define AQ_INLINE static inline __attribute__((always_inline))
#endif

enum { AQ_MADD_LANES = 16 };

typedef __m512i aq_ints;
typedef __m512 aq_floats;

/* Keeps compilers from folding the load of an operand into each of the products that share it. */
#define AQ_INTS_IN_REGISTER(value) __asm__("" : "+v"(value))

AQ_INLINE aq_ints aq_ints_zero(void)
{
    return _mm512_setzero_si512();
}

AQ_INLINE aq_ints aq_ints_load(const int16_t *from)
{
    return _mm512_load_si512(from);
}

/* Two 16-bit integers to every lane. */
AQ_INLINE aq_ints aq_ints_all(const int16_t *pair)
{
    int32_t both;
    memcpy(&both, pair, sizeof both);
    return _mm512_set1_epi32(both);
}

/* sum + a.low * b.low + a.high * b.high. */
AQ_INLINE aq_ints aq_ints_madd(aq_ints sum, aq_ints a, aq_ints b)
{
    return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
}

AQ_INLINE aq_floats aq_floats_of(aq_ints value)
{
    return _mm512_cvtepi32_ps(value);
}

AQ_INLINE aq_floats aq_floats_all(float value)
{
    return _mm512_set1_ps(value);
}

AQ_INLINE aq_floats aq_floats_load(const float *from)
{
    return _mm512_load_ps(from);
}

AQ_INLINE void aq_floats_store(float *to, aq_floats value)
{
    _mm512_store_ps(to, value);
}

AQ_INLINE aq_floats aq_floats_mul(aq_floats a, aq_floats b)
{
    return _mm512_mul_ps(a, b);
}

AQ_INLINE aq_floats aq_floats_fma(aq_floats a, aq_floats b, aq_floats c)
{
    return _mm512_fmadd_ps(a, b, c);
}

#endif
