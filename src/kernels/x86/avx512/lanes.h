/* SPDX-License-Identifier: Apache-2.0 */
/* lanes.h - sixteen floats or words as the kernels of kernels/x86/scaled_*.h use them, AVX-512. The AVX2
 * folder has a file of the same name and the same functions. Knows no tile. */
#ifndef AQ_KERNELS_X86_AVX512_LANES_H
#define AQ_KERNELS_X86_AVX512_LANES_H

#if !defined(__AVX512F__) || !defined(__AVX512BW__) || !defined(__AVX512VL__) || !defined(__AVX512DQ__)
#error "compile this folder with -mavx512f -mavx512bw -mavx512vl -mavx512dq"
#endif

#include <immintrin.h>

#include "kernels/kernel.h"

#ifndef AQ_INLINE
#define AQ_INLINE static inline __attribute__((always_inline))
#endif

typedef __m512 aq_lanes;
typedef __m512i aq_words;

AQ_INLINE aq_lanes aq_lanes_load(const float *from)
{
    return _mm512_loadu_ps(from);
}

AQ_INLINE void aq_lanes_store(float *to, aq_lanes value)
{
    _mm512_storeu_ps(to, value);
}

AQ_INLINE aq_lanes aq_lanes_all(float value)
{
    return _mm512_set1_ps(value);
}

AQ_INLINE aq_lanes aq_lanes_add(aq_lanes a, aq_lanes b)
{
    return _mm512_add_ps(a, b);
}

AQ_INLINE aq_lanes aq_lanes_sub(aq_lanes a, aq_lanes b)
{
    return _mm512_sub_ps(a, b);
}

AQ_INLINE aq_lanes aq_lanes_mul(aq_lanes a, aq_lanes b)
{
    return _mm512_mul_ps(a, b);
}

AQ_INLINE aq_lanes aq_lanes_fma(aq_lanes a, aq_lanes b, aq_lanes c)
{
    return _mm512_fmadd_ps(a, b, c);
}

/* c - a b, rounded once. */
AQ_INLINE aq_lanes aq_lanes_fnma(aq_lanes a, aq_lanes b, aq_lanes c)
{
    return _mm512_fnmadd_ps(a, b, c);
}

/* Keeps compilers from folding the load of an operand into each of the fma that share it. */
#define AQ_LANES_IN_REGISTER(value) __asm__("" : "+v"(value))

/* The lanes below count, +0 in the others. */
AQ_INLINE aq_lanes aq_lanes_keep(aq_lanes value, int64_t count)
{
    __mmask16 lanes = count >= 16 ? (__mmask16)0xFFFF : (__mmask16)((1u << count) - 1u);
    return _mm512_maskz_mov_ps(lanes, value);
}

/* Rounded to nearest even to the 16-bit type, and back. For bf16 a NaN must have 0 in its low half, or the
 * addition could carry it over into the sign: those that bf16 numbers bring, and the processor's own, do. */
AQ_INLINE aq_lanes aq_lanes_round(aq_lanes value, aq_half half)
{
    if (half == AQ_F16)
        return _mm512_cvtph_ps(_mm512_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    __m512i bits = _mm512_castps_si512(value);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7FFF)), odd);
    return _mm512_castsi512_ps(_mm512_and_si512(up, _mm512_set1_epi32((int)0xFFFF0000u)));
}

/* 16 int8. */
AQ_INLINE aq_words aq_words_from_bytes(const int8_t *from)
{
    return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)from));
}

AQ_INLINE aq_lanes aq_lanes_from_bytes(const int8_t *from)
{
    return _mm512_cvtepi32_ps(aq_words_from_bytes(from));
}

/* 32 bytes from each. */
AQ_INLINE aq_words aq_words_load(const int8_t *low, const int8_t *high)
{
    __m512i words = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(const void *)low));
    return _mm512_inserti64x4(words, _mm256_loadu_si256((const __m256i *)(const void *)high), 1);
}

AQ_INLINE aq_words aq_words_load_line(const int8_t *from)
{
    return _mm512_loadu_si512(from);
}

AQ_INLINE aq_words aq_words_shift(aq_words words, int bits)
{
    return _mm512_srli_epi32(words, (unsigned)bits);
}

/* The 16 nibbles of 8 bytes, each in the low bits of its lane, in the order of aq_lanes_in_order. */
AQ_INLINE aq_words aq_words_nibbles(const int8_t *from)
{
    int64_t bytes;
    __builtin_memcpy(&bytes, from, sizeof bytes);
    const __m512i shifts = _mm512_setr_epi32(0, 0, 4, 4, 8, 8, 12, 12, 16, 16, 20, 20, 24, 24, 28, 28);
    return _mm512_srlv_epi32(_mm512_set1_epi64(bytes), shifts);
}

/* A table of 16, which keeps its form for many look-ups. */
typedef struct aq_table {
    __m512 values;
} aq_table;

AQ_INLINE aq_table aq_table_of(aq_lanes values)
{
    return (aq_table){values};
}

/* By the low four bits of each word. */
AQ_INLINE aq_lanes aq_table_at(aq_table table, aq_words words)
{
    return _mm512_permutexvar_ps(words, table.values);
}

/* The stored integers of 16 nibbles: the i-th of each word; those of 8 bytes, in the order of
 * aq_words_nibbles. values: theirs as floats. */
AQ_INLINE aq_lanes aq_lanes_of_nibble(aq_table values, aq_words words, int i)
{
    return aq_table_at(values, aq_words_shift(words, 4 * i));
}

AQ_INLINE aq_lanes aq_lanes_of_nibbles(aq_table values, const int8_t *from)
{
    return aq_table_at(values, aq_words_nibbles(from));
}

/* Of 16 values in natural order: in the order that aq_words_nibbles gives. */
AQ_INLINE aq_lanes aq_lanes_in_order(aq_lanes value)
{
    return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15),
                                 value);
}

/* And back. */
AQ_INLINE aq_lanes aq_lanes_natural(aq_lanes value)
{
    return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15),
                                 value);
}

/* The fixed tree of kernel.h over four sets of 16 partial sums; lane i of the result: the i-th set's sum. */
AQ_INLINE __m128 aq_lanes_trees(aq_lanes a, aq_lanes b, aq_lanes c, aq_lanes d)
{
    __m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
    __m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xEE));
    __m512 four = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xDD));
    __m512 two = _mm512_add_ps(four, _mm512_permute_ps(four, 0x4E));
    __m512 one = _mm512_add_ps(two, _mm512_permute_ps(two, 0xB1));
    const __m512i first = _mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
    return _mm512_castps512_ps128(_mm512_permutexvar_ps(first, one));
}

#endif
