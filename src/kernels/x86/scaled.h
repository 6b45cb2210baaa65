/* SPDX-License-Identifier: Apache-2.0 */
/* scaled.h - the parameters of AQ_RECIPE_SCALED for columns of one group of k, prepared once, and the choice
 * between the two ways to round a weight to the 16-bit type. For both x86 levels; knows no tile.
 *
 * Quick way, when every column at hand allows it: with A = w + offset exact, the exact product p = A * scale
 * is rounded by r = (p + c) - c, c = step * p, where step puts the sum in the binade whose last bit is the
 * type's last bit of p: 2^(24 - 11) for fp16, 2^(24 - 8) for bf16. Since (step + 1) * scale has no more than
 * 24 bits, p + c is one product, and the rest one fma. Exact while A is an integer of no more than 11 (8)
 * bits and p does not overflow: the scale has as few bits, and where p is subnormal it is a multiple of the
 * type's smallest number, as the scale is, so that nothing is rounded. The sign of a zero weight is lost,
 * which no sum shows (but for the sign of a zero). Otherwise each step is rounded for itself.
 */
#ifndef AQ_KERNELS_X86_SCALED_H
#define AQ_KERNELS_X86_SCALED_H

#if !defined(__AVX2__) || !defined(__F16C__)
#error "compile this folder with -mavx2 -mfma -mf16c"
#endif

#include <immintrin.h>
#include <string.h>

#include "base/float16.h"
#include "base/float8.h"
#include "kernels/kernel.h"

#ifndef AQ_INLINE
#define AQ_INLINE static inline __attribute__((always_inline))
#endif

typedef enum aq_way {
    AQ_QUICK,        /* without offsets */
    AQ_QUICK_OFFSET, /* with them */
    AQ_STEPS_F16,
    AQ_STEPS_BF16
} aq_way;

AQ_INLINE bool aq_is_quick(aq_way way)
{
    return way == AQ_QUICK || way == AQ_QUICK_OFFSET;
}

/* What the quick way needs to know of a 16-bit type. */
typedef struct aq_half_limits {
    float step;
    float most_sum; /* integers up to here are numbers of the type */
    float most;     /* |p| of the quick way; (step + 1) * most does not overflow */
} aq_half_limits;

AQ_INLINE aq_half_limits aq_limits_of(aq_half half)
{
    return half == AQ_F16 ? (aq_half_limits){0x1p13f, 0x1p11f, 65504.0f}
                          : (aq_half_limits){0x1p16f, 0x1p8f, 0x1p80f};
}

/* The largest |w| of a type of integers. */
AQ_INLINE float aq_largest_weight(aq_weight_type type)
{
    return type == AQ_S4 ? 8.0f : 128.0f;
}

AQ_INLINE float aq_half_value(uint16_t bits, aq_half half)
{
    return half == AQ_F16 ? _cvtsh_ss(bits) : aq_bf16_to_f32(bits);
}

AQ_INLINE __m256 aq_half_eight(__m128i bits, aq_half half)
{
    if (half == AQ_F16)
        return _mm256_cvtph_ps(bits);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}

/* out[i] = from[i * stride] for i < n, +0 up to the next multiple of 8. */
AQ_INLINE void aq_halves_to_floats(float *out, const uint16_t *from, int64_t stride, int64_t n, aq_half half)
{
    for (int64_t i = 0; i < n; i += 8) {
        const uint16_t *eight = from + i * stride;
        __m128i bits;
        if (n - i < 8) {
            uint16_t some[8] = {0};
            for (int64_t j = 0; i + j < n; j++)
                some[j] = eight[j * stride];
            bits = _mm_loadu_si128((const __m128i *)(const void *)some);
        } else if (stride == 1) {
            bits = _mm_loadu_si128((const __m128i *)(const void *)eight);
        } else { /* not by way of memory: a load waits long for narrower stores */
            bits = _mm_cvtsi32_si128(eight[0]);
            bits = _mm_insert_epi16(bits, eight[stride], 1);
            bits = _mm_insert_epi16(bits, eight[2 * stride], 2);
            bits = _mm_insert_epi16(bits, eight[3 * stride], 3);
            bits = _mm_insert_epi16(bits, eight[4 * stride], 4);
            bits = _mm_insert_epi16(bits, eight[5 * stride], 5);
            bits = _mm_insert_epi16(bits, eight[6 * stride], 6);
            bits = _mm_insert_epi16(bits, eight[7 * stride], 7);
        }
        _mm256_storeu_ps(out + i, aq_half_eight(bits, half));
    }
}

static inline float aq_scale_at(const aq_scaled *scaled, int64_t group, int64_t column)
{
    int64_t at = group * scaled->scale_group + column * scaled->scale_n;
    if (scaled->e8m0) {
        float power = aq_e8m0_to_f32(((const uint8_t *)scaled->scale)[at]);
        return scaled->half == AQ_F16 ? aq_round_f16(power) : aq_bf16_to_f32(aq_f32_to_bf16(power));
    }
    return aq_half_value(((const uint16_t *)scaled->scale)[at], scaled->half);
}

/* Whether the quick way is exact for every weight of the type in a column. False for NaN and infinity. */
AQ_INLINE int aq_scaled_is_quick(float scale, float offset, float largest, aq_half_limits limits)
{
    float magnitude = scale < 0 ? -scale : scale, reach = (offset < 0 ? -offset : offset) + largest;
    int whole = (offset + 0x1.8p23f) - 0x1.8p23f == offset; /* an integer, while reach is short */
    int is_short = reach <= limits.most_sum;
    int in_range = magnitude * reach <= limits.most;
    return whole & is_short & in_range;
}

/* Makes n scales and offsets (0 where there is none) into the parameters of the quick way, if that is exact
 * for all of them: scale becomes step * scale, more (step + 1) * scale. Otherwise both stay as they are. */
AQ_INLINE aq_way aq_choose_way(float *scale, float *more, const float *offset, int64_t n, aq_weight_type type,
                               const aq_scaled *scaled)
{
    const aq_half_limits limits = aq_limits_of(scaled->half);
    const float largest = aq_largest_weight(type);
    int quick = 1;
    for (int64_t j = 0; j < n; j++)
        quick &= aq_scaled_is_quick(scale[j], offset[j], largest, limits);
    if (!quick)
        return scaled->half == AQ_F16 ? AQ_STEPS_F16 : AQ_STEPS_BF16;
    for (int64_t j = 0; j < n; j++) {
        more[j] = scale[j] * (limits.step + 1);
        scale[j] *= limits.step;
    }
    return scaled->offset != NULL ? AQ_QUICK_OFFSET : AQ_QUICK;
}

/* The scales (and the offsets, 0 where there is none) of n neighbours from (group, column) on, along columns
 * or along groups; up to the next multiple of 8 both are +0, which makes a weight of 0 from a stored 0. */
AQ_INLINE void aq_read_parameters(float *scale, float *offset, const aq_scaled *scaled, int64_t group,
                                  int64_t column, int64_t n, bool along_groups)
{
    if (scaled->e8m0) {
        for (int64_t j = 0; j < (n + 7) / 8 * 8; j++)
            scale[j] = j >= n         ? 0.0f
                       : along_groups ? aq_scale_at(scaled, group + j, column)
                                      : aq_scale_at(scaled, group, column + j);
    } else {
        int64_t at = group * scaled->scale_group + column * scaled->scale_n;
        aq_halves_to_floats(scale, (const uint16_t *)scaled->scale + at,
                            along_groups ? scaled->scale_group : scaled->scale_n, n, scaled->half);
    }
    if (scaled->offset == NULL) {
        memset(offset, 0, (size_t)((n + 7) / 8 * 8) * sizeof *offset);
        return;
    }
    int64_t at = group * scaled->offset_group + column * scaled->offset_n;
    aq_halves_to_floats(offset, scaled->offset + at, along_groups ? scaled->offset_group : scaled->offset_n,
                        n, scaled->half);
}

AQ_INLINE aq_way aq_prepare_scaled(float *scale, float *more, float *offset, const aq_scaled *scaled,
                                   aq_weight_type type, int64_t group, int64_t column, int64_t n)
{
    aq_read_parameters(scale, offset, scaled, group, column, n, false);
    return aq_choose_way(scale, more, offset, n, type, scaled);
}

/* Signed values of the 32 nibbles of 16 bytes, in their order. */
AQ_INLINE void aq_expand_nibbles(__m128i bytes, int8_t *out)
{
    const __m128i low_bits = _mm_set1_epi8(15);
    const __m128i values = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1);
    __m128i even = _mm_shuffle_epi8(values, _mm_and_si128(bytes, low_bits));
    __m128i odd = _mm_shuffle_epi8(values, _mm_and_si128(_mm_srli_epi16(bytes, 4), low_bits));
    __m128i *to = (__m128i *)(void *)out;
    _mm_storeu_si128(to, _mm_unpacklo_epi8(even, odd));
    _mm_storeu_si128(to + 1, _mm_unpackhi_epi8(even, odd));
}

/* The index of kernel.h along the axis of stride 1. */
AQ_INLINE int64_t aq_along(const aq_weight *weight, int64_t i)
{
    return weight->block > 0 ? i / weight->block * weight->block_stride + i % weight->block : i;
}

/* What every kernel of this recipe asks for. least_block: the shortest block of FRACTAL_NZ that it takes. */
static inline const char *aq_scaled_declines(const aq_kernel_query *query, int64_t least_block)
{
    if (query->recipe != AQ_RECIPE_SCALED)
        return "takes scaled weights only";
    if (query->exact)
        return "takes rounded weights only";
    if (query->type != AQ_S8 && query->type != AQ_S4)
        return "takes integer weights only";
    if (query->odd_rows)
        return "takes 4-bit weights whose rows begin at a byte only";
    if (query->order == AQ_ORDER_P ? query->stride_n != 1 : query->stride_k != 1)
        return "takes weights with n or k contiguous only";
    if (query->block % least_block != 0)
        return "takes FRACTAL_NZ in larger blocks only";
    if (query->group % AQ_LANES_T != 0)
        return "takes groups of multiples of 16 only";
    return NULL;
}

#endif
