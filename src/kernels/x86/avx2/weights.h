/* SPDX-License-Identifier: Apache-2.0 */
/* weights.h - eight int8 weights to their fp32 values, AVX2. */
#ifndef AQ_KERNELS_X86_AVX2_WEIGHTS_H
#define AQ_KERNELS_X86_AVX2_WEIGHTS_H

#if !defined(__AVX2__) || !defined(__FMA__) || !defined(__F16C__)
#error "compile this folder with -mavx2 -mfma -mf16c"
#endif

#include <immintrin.h>

#include "kernels/x86/columns.h"

#define AQ_INLINE static inline __attribute__((always_inline))

/* Keeps compilers from folding the load of an operand into each of the fma that share it, two loads for one.
 */
#define AQ_IN_REGISTER256(value) __asm__("" : "+x"(value))

typedef struct aq_params256 {
    __m256i offset;
    __m256 scale, shift;
} aq_params256;

AQ_INLINE aq_params256 aq_load_params256(const aq_prepared *prepared, int64_t column)
{
    return (aq_params256){_mm256_loadu_si256((const __m256i *)(const void *)(prepared->offset + column)),
                          _mm256_loadu_ps(prepared->scale + column),
                          _mm256_loadu_ps(prepared->shift + column)};
}

AQ_INLINE aq_params256 aq_broadcast_params256(const aq_prepared *prepared, int64_t column)
{
    return (aq_params256){_mm256_set1_epi32(prepared->offset[column]),
                          _mm256_set1_ps(prepared->scale[column]), _mm256_set1_ps(prepared->shift[column])};
}

AQ_INLINE __m256i aq_widen256(const int8_t *weights)
{
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)weights));
}

AQ_INLINE __m256 aq_round_f16_256(__m256 value)
{
    return _mm256_cvtph_ps(_mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/* H((float)(w + offset) * scale) of 8 bytes; quick is prepared->way == AQ_FIXPIPE_QUICK, a constant where
 * this is inlined. min and max return their second operand when one is NaN, so a NaN passes through. */
AQ_INLINE __m256 aq_weights256(const int8_t *weights, aq_params256 params, bool quick)
{
    __m256i sum = _mm256_add_epi32(aq_widen256(weights), params.offset);
    if (quick) {
        __m256 step = _mm256_fmadd_ps(_mm256_castsi256_ps(sum), params.scale, params.shift);
        __m256 rounded = _mm256_fmadd_ps(step, _mm256_set1_ps(1 / AQ_ROUND_STEP), step);
        return _mm256_sub_ps(rounded, step);
    }
    __m256 product = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), params.scale);
    product = _mm256_min_ps(_mm256_set1_ps(65504.0f), product);
    return aq_round_f16_256(_mm256_max_ps(_mm256_set1_ps(-65504.0f), product));
}

#endif
