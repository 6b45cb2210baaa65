/* SPDX-License-Identifier: Apache-2.0 */
/* lanes.h - sixteen floats or words as the kernels of kernels/x86/scaled_*.h use them, AVX2: two registers
 * each. The AVX-512 folder has a file of the same name and the same functions. Knows no tile. */
#ifndef AQ_KERNELS_X86_AVX2_LANES_H
#define AQ_KERNELS_X86_AVX2_LANES_H

#if !defined(__AVX2__) || !defined(__FMA__) || !defined(__F16C__)
#error "compile this folder with -mavx2 -mfma -mf16c"
#endif

#include <immintrin.h>

#include "kernels/kernel.h"

#ifndef AQ_INLINE
#define AQ_INLINE static inline __attribute__((always_inline))
#endif

typedef struct aq_lanes {
    __m256 low, high;
} aq_lanes;

typedef struct aq_words {
    __m256i low, high;
} aq_words;

AQ_INLINE aq_lanes aq_lanes_load(const float *from)
{
    return (aq_lanes){_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
}

AQ_INLINE void aq_lanes_store(float *to, aq_lanes value)
{
    _mm256_storeu_ps(to, value.low);
    _mm256_storeu_ps(to + 8, value.high);
}

AQ_INLINE aq_lanes aq_lanes_all(float value)
{
    __m256 all = _mm256_set1_ps(value);
    return (aq_lanes){all, all};
}

AQ_INLINE aq_lanes aq_lanes_add(aq_lanes a, aq_lanes b)
{
    return (aq_lanes){_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}

AQ_INLINE aq_lanes aq_lanes_sub(aq_lanes a, aq_lanes b)
{
    return (aq_lanes){_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}

AQ_INLINE aq_lanes aq_lanes_mul(aq_lanes a, aq_lanes b)
{
    return (aq_lanes){_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}

AQ_INLINE aq_lanes aq_lanes_fma(aq_lanes a, aq_lanes b, aq_lanes c)
{
    return (aq_lanes){_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}

/* c - a b, rounded once. */
AQ_INLINE aq_lanes aq_lanes_fnma(aq_lanes a, aq_lanes b, aq_lanes c)
{
    return (aq_lanes){_mm256_fnmadd_ps(a.low, b.low, c.low), _mm256_fnmadd_ps(a.high, b.high, c.high)};
}

/* Keeps compilers from folding the load of an operand into each of the fma that share it. */
#define AQ_LANES_IN_REGISTER(value) __asm__("" : "+x"((value).low), "+x"((value).high))

/* The lanes below count, +0 in the others. */
AQ_INLINE aq_lanes aq_lanes_keep(aq_lanes value, int64_t count)
{
    if (count >= 16)
        return value;
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i low = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lane);
    __m256i high = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count - 8), lane);
    return (aq_lanes){_mm256_and_ps(value.low, _mm256_castsi256_ps(low)),
                      _mm256_and_ps(value.high, _mm256_castsi256_ps(high))};
}

AQ_INLINE __m256 aq_round_eight(__m256 value, aq_half half)
{
    if (half == AQ_F16)
        return _mm256_cvtph_ps(_mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    __m256i bits = _mm256_castps_si256(value);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7FFF)), odd);
    return _mm256_castsi256_ps(_mm256_and_si256(up, _mm256_set1_epi32((int)0xFFFF0000u)));
}

/* Rounded to nearest even to the 16-bit type, and back. For bf16 a NaN must have 0 in its low half, or the
 * addition could carry it over into the sign: those that bf16 numbers bring, and the processor's own, do. */
AQ_INLINE aq_lanes aq_lanes_round(aq_lanes value, aq_half half)
{
    return (aq_lanes){aq_round_eight(value.low, half), aq_round_eight(value.high, half)};
}

/* 16 int8. */
AQ_INLINE aq_words aq_words_from_bytes(const int8_t *from)
{
    __m128i low = _mm_loadl_epi64((const __m128i *)(const void *)from);
    __m128i high = _mm_loadl_epi64((const __m128i *)(const void *)(from + 8));
    return (aq_words){_mm256_cvtepi8_epi32(low), _mm256_cvtepi8_epi32(high)};
}

AQ_INLINE aq_lanes aq_lanes_from_bytes(const int8_t *from)
{
    aq_words words = aq_words_from_bytes(from);
    return (aq_lanes){_mm256_cvtepi32_ps(words.low), _mm256_cvtepi32_ps(words.high)};
}

/* 32 bytes from each. */
AQ_INLINE aq_words aq_words_load(const int8_t *low, const int8_t *high)
{
    return (aq_words){_mm256_loadu_si256((const __m256i *)(const void *)low),
                      _mm256_loadu_si256((const __m256i *)(const void *)high)};
}

AQ_INLINE aq_words aq_words_load_line(const int8_t *from)
{
    return aq_words_load(from, from + 32);
}

/* A table of 16, of which this level has no use. */
typedef struct aq_table {
    __m256 low, high;
} aq_table;

AQ_INLINE aq_table aq_table_of(aq_lanes values)
{
    return (aq_table){values.low, values.high};
}

/* The i-th nibble of each word as a signed number: two shifts, where a permute of 16 values takes five. */
AQ_INLINE __m256 aq_nibble_eight(__m256i words, int i)
{
    return _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(words, 28 - 4 * i), 28));
}

/* The stored integers of 16 nibbles: the i-th of each word; those of 8 bytes, in natural order. */
AQ_INLINE aq_lanes aq_lanes_of_nibble(aq_table values, aq_words words, int i)
{
    (void)values;
    return (aq_lanes){aq_nibble_eight(words.low, i), aq_nibble_eight(words.high, i)};
}

AQ_INLINE aq_lanes aq_lanes_of_nibbles(aq_table values, const int8_t *from)
{
    (void)values;
    int32_t bytes[2];
    __builtin_memcpy(bytes, from, sizeof bytes);
    const __m256i shifts = _mm256_setr_epi32(28, 24, 20, 16, 12, 8, 4, 0);
    __m256i low = _mm256_sllv_epi32(_mm256_set1_epi32(bytes[0]), shifts);
    __m256i high = _mm256_sllv_epi32(_mm256_set1_epi32(bytes[1]), shifts);
    return (aq_lanes){_mm256_cvtepi32_ps(_mm256_srai_epi32(low, 28)),
                      _mm256_cvtepi32_ps(_mm256_srai_epi32(high, 28))};
}

/* Of 16 values in natural order: in the order that aq_lanes_of_nibbles gives. */
AQ_INLINE aq_lanes aq_lanes_in_order(aq_lanes value)
{
    return value;
}

/* And back. */
AQ_INLINE aq_lanes aq_lanes_natural(aq_lanes value)
{
    return value;
}

/* The fixed tree of kernel.h over 16 partial sums. */
AQ_INLINE float aq_lanes_tree(aq_lanes p)
{
    __m256 eight = _mm256_add_ps(p.low, p.high);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* The same over four sets; lane i of the result: the i-th set's sum. */
AQ_INLINE __m128 aq_lanes_trees(aq_lanes a, aq_lanes b, aq_lanes c, aq_lanes d)
{
    return _mm_setr_ps(aq_lanes_tree(a), aq_lanes_tree(b), aq_lanes_tree(c), aq_lanes_tree(d));
}

#endif
