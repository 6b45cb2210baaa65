/* SPDX-License-Identifier: Apache-2.0 */
/* float8.h - the 8-bit and 4-bit floats that weights and scales come in, to fp32, exactly (successors
 * page 3.1). Scalars in plain C, for tables and the reference. */
#ifndef AQ_BASE_FLOAT8_H
#define AQ_BASE_FLOAT8_H

#include <stdint.h>

#include "base/float16.h"

#define AQ_F32_NAN 0x7FC00000u

/* 2^exponent, -126 <= exponent <= 127. */
static inline float aq_power_of_two(int exponent)
{
    return aq_f32_from_bits((uint32_t)(exponent + 127) << 23);
}

/* OCP E4M3 without infinities: bias 7, 0x7F and 0xFF are NaN. */
static inline float aq_f8e4m3_to_f32(uint8_t code)
{
    int exponent = code >> 3 & 15, mantissa = code & 7;
    float magnitude;
    if (exponent == 15 && mantissa == 7)
        magnitude = aq_f32_from_bits(AQ_F32_NAN);
    else if (exponent == 0)
        magnitude = (float)mantissa * 0x1p-9f;
    else
        magnitude = (float)(8 + mantissa) * aq_power_of_two(exponent - 10);
    return code & 0x80 ? -magnitude : magnitude;
}

/* HIFLOAT8: a prefix says how many exponent bits follow (4 to 0); the exponent is a sign and a magnitude
 * whose leading one is not stored; what is left is mantissa. Prefix 0000: 2^(mantissa - 23). */
static inline float aq_hif8_to_f32(uint8_t code)
{
    int body = code & 0x7F, bits, mantissa_bits;
    if (code == 0x80)
        return aq_f32_from_bits(AQ_F32_NAN);
    if (body == 0)
        return 0.0f;
    if (body == 0x6F)
        return aq_f32_from_bits(code & 0x80 ? 0xFF800000u : 0x7F800000u);
    if (body < 8) /* prefix 0000 */
        return code & 0x80 ? -aq_power_of_two(body - 23) : aq_power_of_two(body - 23);
    if (body >= 0x20) { /* prefix of two bits: 11, 10, 01 leave 5 bits for exponent and mantissa */
        bits = (body >> 5) + 1;
        mantissa_bits = 5 - bits;
    } else { /* 001 leaves 4, 0001 leaves 3 */
        bits = body >> 4;
        mantissa_bits = 3;
    }
    int exponent = 0;
    if (bits > 0) {
        int field = body >> mantissa_bits & ((1 << bits) - 1);
        int sign_bit = 1 << (bits - 1);
        int magnitude =
            sign_bit | (field & (sign_bit - 1)); /* the hidden one stands where the sign is stored */
        exponent = field & sign_bit ? -magnitude : magnitude;
    }
    int mantissa = body & ((1 << mantissa_bits) - 1);
    float value = (float)((1 << mantissa_bits) + mantissa) * aq_power_of_two(exponent - mantissa_bits);
    return code & 0x80 ? -value : value;
}

/* E2M1: 0, .5, 1, 1.5, 2, 3, 4, 6, and bit 3 the sign. */
static inline float aq_f4e2m1_to_f32(uint8_t code)
{
    static const float magnitudes[8] = {0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f};
    float magnitude = magnitudes[code & 7];
    return code & 8 ? -magnitude : magnitude;
}

/* E8M0: 2^(code - 127), 255 is NaN. */
static inline float aq_e8m0_to_f32(uint8_t code)
{
    if (code == 255)
        return aq_f32_from_bits(AQ_F32_NAN);
    return code == 0 ? 0x1p-127f : aq_power_of_two(code - 127);
}

#endif
