/* SPDX-License-Identifier: Apache-2.0 */
/* madd_lanes.h - a vector of 32-bit integers or floats as kernels/x86/madd_*.h use it, AVX2 or AVX-VNNI. The
 * AVX-512 folder has a file of the same name and the same functions. Knows no layout. */
#ifndef AQ_KERNELS_X86_AVX2_MADD_LANES_H
#define AQ_KERNELS_X86_AVX2_MADD_LANES_H

#if !defined(__AVX2__) || !defined(__FMA__) || !defined(__F16C__)
#error "compile this folder with -mavx2 -mfma -mf16c"
#endif

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifndef AQ_INLINE
#define AQ_INLINE static inline __attribute__((always_inline))
#endif

enum { AQ_MADD_LANES = 8 };

typedef __m256i aq_ints;
typedef __m256 aq_floats;

/* Keeps compilers from folding the load of an operand into each of the products that share it. */
#define AQ_INTS_IN_REGISTER(value) __asm__("" : "+x"(value))

AQ_INLINE aq_ints aq_ints_zero(void)
{
    return _mm256_setzero_si256();
}

AQ_INLINE aq_ints aq_ints_load(const int16_t *from)
{
    return _mm256_load_si256((const __m256i *)(const void *)from);
}

#define AQ_WIDENS_WORDS 1

/* The two bytes of each word as 16-bit integers, the lower first: products with 1 and 0, since shifts compete
 * with the shuffles of packing for two ports. */
AQ_INLINE void aq_widen_bytes(__m256i words, __m256i out[2])
{
    out[0] = _mm256_maddubs_epi16(_mm256_set1_epi16(0x0001), words);
    out[1] = _mm256_maddubs_epi16(_mm256_set1_epi16(0x0100), words);
}

/* The two bytes or four nibbles of each word. Nibbles first become bytes: (q ^ 8) - 8 gives 0 .. 15 its sign.
 */
AQ_INLINE void aq_widen_words(__m256i words, bool nibbles, __m256i out[4])
{
    if (!nibbles) {
        aq_widen_bytes(words, out);
        return;
    }
    const __m256i lower = _mm256_set1_epi8(15), sign = _mm256_set1_epi8(8);
    words = _mm256_xor_si256(words, _mm256_set1_epi8((char)0x88));
    __m256i even = _mm256_sub_epi8(_mm256_and_si256(words, lower), sign),
            odd = _mm256_sub_epi8(_mm256_and_si256(_mm256_srli_epi16(words, 4), lower), sign);
    __m256i of_odd[2];
    aq_widen_bytes(odd, of_odd);
    aq_widen_bytes(even, out);
    out[2] = out[1];
    out[1] = of_odd[0];
    out[3] = of_odd[1];
}

/* Two 16-bit integers to every lane. */
AQ_INLINE aq_ints aq_ints_all(const int16_t *pair)
{
    int32_t both;
    memcpy(&both, pair, sizeof both);
    return _mm256_set1_epi32(both);
}

/* sum + a.low * b.low + a.high * b.high. */
AQ_INLINE aq_ints aq_ints_madd(aq_ints sum, aq_ints a, aq_ints b)
{
#if defined(__AVXVNNI__)
    return _mm256_dpwssd_avx_epi32(sum, a, b);
#else
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
#endif
}

AQ_INLINE aq_floats aq_floats_of(aq_ints value)
{
    return _mm256_cvtepi32_ps(value);
}

AQ_INLINE aq_floats aq_floats_all(float value)
{
    return _mm256_set1_ps(value);
}

AQ_INLINE aq_floats aq_floats_load(const float *from)
{
    return _mm256_load_ps(from);
}

AQ_INLINE void aq_floats_store(float *to, aq_floats value)
{
    _mm256_store_ps(to, value);
}

AQ_INLINE aq_floats aq_floats_mul(aq_floats a, aq_floats b)
{
    return _mm256_mul_ps(a, b);
}

AQ_INLINE aq_floats aq_floats_fma(aq_floats a, aq_floats b, aq_floats c)
{
    return _mm256_fmadd_ps(a, b, c);
}

#endif
