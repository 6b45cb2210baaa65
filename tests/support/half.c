/* SPDX-License-Identifier: Apache-2.0 */
#include "support/half.h"

#include <math.h>

static double rounded(double value)
{
    if (isnan(value) || isinf(value) || value == 0.0)
        return value;
    int exponent = ilogb(value);
    double step = ldexp(1.0, (exponent < -14 ? -14 : exponent) - 10);
    return nearbyint(value / step) * step; /* the default rounding mode: to nearest even */
}

double half_round(double value)
{
    double result = rounded(value);
    return fabs(result) > 65504.0 ? copysign(INFINITY, result) : result;
}

double half_round_saturating(double value)
{
    double result = rounded(value);
    return fabs(result) > 65504.0 ? copysign(65504.0, result) : result;
}

double half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double magnitude = exponent == 31  ? (fraction ? NAN : INFINITY)
                       : exponent == 0 ? ldexp(fraction, -24)
                                       : ldexp(1024 + fraction, exponent - 25);
    return bits & 0x8000 ? -magnitude : magnitude;
}

uint16_t half_bits(double value)
{
    if (isnan(value))
        return 0x7E00;
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double magnitude = fabs(value);
    if (isinf(value))
        return sign | 0x7C00;
    if (magnitude < ldexp(1.0, -14))
        return sign | (uint16_t)ldexp(magnitude, 24);
    int exponent = ilogb(magnitude);
    return sign | (uint16_t)((exponent + 15) << 10 | ((int)ldexp(magnitude, 10 - exponent) & 1023));
}

int half_same(uint16_t a, uint16_t b)
{
    double x = half_value(a), y = half_value(b);
    return (isnan(x) && isnan(y)) || x == y;
}

double bfloat_round(double value)
{
    if (isnan(value) || isinf(value) || value == 0.0)
        return value;
    int exponent = ilogb(value);
    double step = ldexp(1.0, (exponent < -126 ? -126 : exponent) - 7);
    double result = nearbyint(value / step) * step;
    return fabs(result) >= ldexp(1.0, 128) ? copysign(INFINITY, result) : result;
}

double bfloat_value(uint16_t bits)
{
    int exponent = bits >> 7 & 255, fraction = bits & 127;
    double magnitude = exponent == 255 ? (fraction ? NAN : INFINITY)
                       : exponent == 0 ? ldexp(fraction, -133)
                                       : ldexp(128 + fraction, exponent - 134);
    return bits & 0x8000 ? -magnitude : magnitude;
}

uint16_t bfloat_bits(double value)
{
    if (isnan(value))
        return 0x7FC0;
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double magnitude = fabs(value);
    if (isinf(value))
        return sign | 0x7F80;
    if (magnitude < ldexp(1.0, -126))
        return sign | (uint16_t)ldexp(magnitude, 133);
    int exponent = ilogb(magnitude);
    return sign | (uint16_t)((exponent + 127) << 7 | ((int)ldexp(magnitude, 7 - exponent) & 127));
}
