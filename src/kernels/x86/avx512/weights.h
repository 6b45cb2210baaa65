/* SPDX-License-Identifier: Apache-2.0 */
/* weights.h - sixteen int8 weights to their fp32 values, AVX-512. */
#ifndef AQ_KERNELS_X86_AVX512_WEIGHTS_H
#define AQ_KERNELS_X86_AVX512_WEIGHTS_H

#if !defined(__AVX512F__) || !defined(__AVX512BW__) || !defined(__AVX512VL__) || !defined(__AVX512DQ__)
#error "compile this folder with -mavx512f -mavx512bw -mavx512vl -mavx512dq"
#endif

#include <immintrin.h>

#include "kernels/x86/columns.h"

#define AQ_INLINE static inline __attribute__((always_inline))

/* Keeps compilers from folding the load of an operand into each of the fma that share it, two loads for one.
 */
#define AQ_IN_REGISTER512(value) __asm__("" : "+v"(value))

/* The lanes below count, all 16 beyond. */
AQ_INLINE __mmask16 aq_lanes512(int64_t count)
{
    return count >= 16 ? (__mmask16)0xFFFF : count <= 0 ? (__mmask16)0 : (__mmask16)((1u << count) - 1u);
}

typedef struct aq_params512 {
    __m512i offset;
    __m512 scale, shift;
} aq_params512;

AQ_INLINE aq_params512 aq_load_params512(const aq_prepared *prepared, int64_t column)
{
    return (aq_params512){_mm512_loadu_si512(prepared->offset + column),
                          _mm512_loadu_ps(prepared->scale + column),
                          _mm512_loadu_ps(prepared->shift + column)};
}

AQ_INLINE aq_params512 aq_broadcast_params512(const aq_prepared *prepared, int64_t column)
{
    return (aq_params512){_mm512_set1_epi32(prepared->offset[column]),
                          _mm512_set1_ps(prepared->scale[column]), _mm512_set1_ps(prepared->shift[column])};
}

AQ_INLINE __m512 aq_round_f16_512(__m512 value)
{
    return _mm512_cvtph_ps(_mm512_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/* H((float)(w + offset) * scale); way is prepared->way, a constant where this is inlined. min and max
 * return their second operand when one is NaN, so a NaN passes through. */
AQ_INLINE __m512 aq_weights512(__m128i bytes, aq_params512 params, aq_fixpipe_way way)
{
    if (way == AQ_FIXPIPE_PLAIN) {
        __m512 w = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
        return _mm512_fnmadd_ps(w, params.scale, _mm512_mul_ps(w, params.shift));
    }
    __m512i sum = _mm512_add_epi32(_mm512_cvtepi8_epi32(bytes), params.offset);
    if (way == AQ_FIXPIPE_QUICK) {
        __m512 step = _mm512_fmadd_ps(_mm512_castsi512_ps(sum), params.scale, params.shift);
        __m512 rounded = _mm512_fmadd_ps(step, _mm512_set1_ps(1 / AQ_ROUND_STEP), step);
        return _mm512_sub_ps(rounded, step);
    }
    __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), params.scale);
    product = _mm512_min_ps(_mm512_set1_ps(65504.0f), product);
    return aq_round_f16_512(_mm512_max_ps(_mm512_set1_ps(-65504.0f), product));
}

#endif
