/* SPDX-License-Identifier: Apache-2.0 */
/* weights_scaled.h - eight stored weights of AQ_RECIPE_SCALED to their values, AVX2: what
 * kernels/x86/scaled_weights.h is for sixteen. */
#ifndef AQ_KERNELS_X86_AVX2_WEIGHTS_SCALED_H
#define AQ_KERNELS_X86_AVX2_WEIGHTS_SCALED_H

#include "kernels/x86/avx2/lanes.h"
#include "kernels/x86/scaled_weights.h"

/* What eight weights need, from the arrays of aq_choose_way. */
typedef struct aq_eight {
    __m256 scale, more, offset;
} aq_eight;

/* Eight int8 as floats. */
AQ_INLINE __m256 aq_byte_eight(const int8_t *from)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)from)));
}

AQ_INLINE __m256 aq_eight_weights(__m256 w, aq_eight params, bool offset_present, aq_way way)
{
    if (aq_is_quick(way)) {
        if (way == AQ_QUICK_OFFSET)
            w = _mm256_add_ps(w, params.offset);
        return _mm256_fnmadd_ps(w, params.scale, _mm256_mul_ps(w, params.more));
    }
    const aq_half half = way == AQ_STEPS_F16 ? AQ_F16 : AQ_BF16;
    if (offset_present)
        w = aq_round_eight(_mm256_add_ps(w, params.offset), half);
    return aq_round_eight(_mm256_mul_ps(w, params.scale), half);
}

#endif
