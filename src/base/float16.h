/* SPDX-License-Identifier: Apache-2.0 */
/* float16.h - fp16 and bf16 scalars in plain C: the reference for every vector conversion.
 *
 * All conversions to the narrow type round to nearest even, keep subnormals, give inf on overflow and keep
 * NaN (quiet, payload not kept: 0x7E00, 0x7FC0 with the sign of the input). */
#ifndef AQ_BASE_FLOAT16_H
#define AQ_BASE_FLOAT16_H

#include <stdint.h>
#include <string.h>

static inline uint32_t aq_f32_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float aq_f32_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float aq_f16_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t magnitude = half & 0x7FFFu;
    if (magnitude >= 0x7C00u) /* inf, NaN */
        return aq_f32_from_bits(sign | 0x7F800000u | (magnitude & 0x3FFu) << 13);
    if (magnitude >= 0x0400u) /* normal: rebias the exponent from 15 to 127 */
        return aq_f32_from_bits(sign | ((magnitude << 13) + (112u << 23)));
    /* subnormal: magnitude * 2^-24 is exact in fp32 */
    return aq_f32_from_bits(sign | aq_f32_bits((float)magnitude * 0x1p-24f));
}

static inline uint16_t aq_f32_to_f16(float value)
{
    uint32_t bits = aq_f32_bits(value);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    uint32_t magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u)
        return sign | 0x7E00u;
    if (magnitude >= 0x477FF000u) /* 65520: halfway between 65504 and 65536 */
        return sign | 0x7C00u;
    if (magnitude <
        0x38800000u) { /* below 2^-14: adding 0.5 leaves the result, in steps of 2^-24, in the low bits */
        float shifted = aq_f32_from_bits(magnitude) + 0.5f;
        return sign | (uint16_t)(aq_f32_bits(shifted) - 0x3F000000u);
    }
    magnitude += 0xFFFu + (magnitude >> 13 & 1u);
    return sign | (uint16_t)((magnitude - (112u << 23)) >> 13);
}

static inline float aq_bf16_to_f32(uint16_t bf16)
{
    return aq_f32_from_bits((uint32_t)bf16 << 16);
}

static inline uint16_t aq_f32_to_bf16(float value)
{
    uint32_t bits = aq_f32_bits(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
        return (uint16_t)((bits >> 16 & 0x8000u) | 0x7FC0u);
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

/* value rounded to fp16 and back: the R16 of the specification. */
static inline float aq_round_f16(float value)
{
    return aq_f16_to_f32(aq_f32_to_f16(value));
}

/* R16, but saturating to +-65504 instead of overflowing to inf: the H of operator page 1.2. */
static inline float aq_round_f16_saturating(float value)
{
    if (value > 65504.0f)
        return 65504.0f;
    if (value < -65504.0f)
        return -65504.0f;
    return aq_round_f16(value);
}

#endif
