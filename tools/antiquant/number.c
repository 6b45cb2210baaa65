/* SPDX-License-Identifier: Apache-2.0 */
/* number.c - the two types of 16 bits, written to be obviously right: scaling by powers of two and rint. */
#include "number.h"

#include <math.h>
#include <string.h>

/* One type: how many bits its fraction has, and its exponent range. */
typedef struct aq_cli_type {
    int fraction, bias;
    uint16_t infinity, nan;
} aq_cli_type;

static const aq_cli_type fp16 = {10, 15, 0x7C00, 0x7E00}, bfloat = {7, 127, 0x7F80, 0x7FC0};

static uint16_t to_bits(const aq_cli_type *type, double value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double size = fabs(value);
    if (isnan(value)) {
        return type->nan;
    }
    /* Half way from the greatest value to the next that there would be, both exact in double. */
    if (size >= ldexp(2.0 - ldexp(0.5, -type->fraction), type->bias)) {
        return sign | type->infinity;
    }
    int least = 1 - type->bias; /* the exponent of the smallest normal number */
    if (size < ldexp(1.0, least)) {
        /* Subnormal: a whole number of steps; one more than the largest is the first normal number. */
        return sign | (uint16_t)rint(ldexp(size, type->fraction - least));
    }
    int exponent;
    double fraction = frexp(size, &exponent); /* in [0.5, 1) */
    int one = 1 << type->fraction, significand = (int)rint(ldexp(fraction, type->fraction + 1)) - one;
    /* significand is 0..one; one carries into the exponent */
    return sign | (uint16_t)((exponent - 1 + type->bias) * one + significand);
}

uint16_t aq_cli_half(double value)
{
    return to_bits(&fp16, value);
}

uint16_t aq_cli_bfloat(double value)
{
    return to_bits(&bfloat, value);
}

double aq_cli_half_value(uint16_t bits)
{
    int exponent = (bits >> 10) & 31, significand = bits & 1023;
    double size = exponent == 31  ? (significand != 0 ? NAN : INFINITY)
                  : exponent == 0 ? significand * 0x1p-24
                                  : 0.0;
    if (exponent > 0 && exponent < 31) { /* the same number as an fp32 pattern: bias 127 for 15 */
        uint32_t pattern = (uint32_t)(exponent + 112) << 23 | (uint32_t)significand << 13;
        float value;
        memcpy(&value, &pattern, sizeof value);
        size = value;
    }
    return (bits & 0x8000) != 0 ? -size : size;
}

double aq_cli_bfloat_value(uint16_t bits)
{
    uint32_t pattern = (uint32_t)bits << 16; /* the upper half of an fp32 */
    float value;
    memcpy(&value, &pattern, sizeof value);
    return value;
}

uint16_t aq_cli_to_16(bool bf16, double value)
{
    return bf16 ? aq_cli_bfloat(value) : aq_cli_half(value);
}

double aq_cli_of_16(bool bf16, uint16_t bits)
{
    return bf16 ? aq_cli_bfloat_value(bits) : aq_cli_half_value(bits);
}

double aq_cli_round_16(bool bf16, double value)
{
    return aq_cli_of_16(bf16, aq_cli_to_16(bf16, value));
}

double aq_cli_distance(bool bf16, uint16_t bits, double exact)
{
    const aq_cli_type *type = bf16 ? &bfloat : &fp16;
    uint16_t magnitude = bits & 0x7FFF;
    double mirrored = (bits & 0x8000) != 0 ? -exact : exact, value = aq_cli_of_16(bf16, magnitude);
    double step = ldexp(1.0, 1 - type->bias - type->fraction); /* of subnormals */
    double below = magnitude == 0 ? -step : aq_cli_of_16(bf16, (uint16_t)(magnitude - 1));
    double beyond = ldexp(2.0, type->bias); /* what would follow the greatest value */
    double above = magnitude + 1 >= type->infinity ? beyond : aq_cli_of_16(bf16, (uint16_t)(magnitude + 1));
    bool infinite = magnitude == type->infinity;
    double low = infinite ? (below + beyond) / 2 : (below + value) / 2;
    double high = infinite ? INFINITY : (value + above) / 2;
    return mirrored < low ? low - mirrored : mirrored > high ? mirrored - high : 0.0;
}

uint64_t aq_cli_digest(uint64_t digest, const uint16_t *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        digest = (digest ^ (values[i] & 0xFF)) * UINT64_C(0x100000001b3);
        digest = (digest ^ (values[i] >> 8)) * UINT64_C(0x100000001b3);
    }
    return digest;
}
