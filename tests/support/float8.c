/* SPDX-License-Identifier: Apache-2.0 */
#include "support/float8.h"

#include <math.h>
#include <string.h>

double f8e4m3_value(uint8_t code)
{
    int e = code / 8 % 16, f = code % 8;
    double v = e == 15 && f == 7 ? NAN : e == 0 ? ldexp(f / 8.0, -6) : ldexp(1 + f / 8.0, e - 7);
    return code >= 128 ? -v : v;
}

/* Reads the code as a string of bits, field by field. */
double hif8_value(uint8_t code)
{
    static const struct {
        const char *prefix;
        int exponent_bits, mantissa_bits;
    } forms[] = {{"11", 4, 1}, {"10", 3, 2}, {"01", 2, 3}, {"001", 1, 3}, {"0001", 0, 3}};
    char bits[9] = "";
    for (int i = 0; i < 8; i++)
        bits[i] = code >> (7 - i) & 1 ? '1' : '0';
    if (code == 0)
        return 0;
    if (code == 0x80)
        return NAN;
    double sign = bits[0] == '1' ? -1 : 1;
    if ((code & 0x7F) == 0x6F)
        return sign * INFINITY;
    for (int f = 0; f < 5; f++) {
        size_t length = strlen(forms[f].prefix);
        if (strncmp(bits + 1, forms[f].prefix, length) != 0)
            continue;
        const char *at = bits + 1 + length;
        int magnitude = forms[f].exponent_bits > 0, negative = 0, mantissa = 0;
        for (int i = 0; i < forms[f].exponent_bits; i++, at++) {
            if (i == 0)
                negative = *at == '1';
            else
                magnitude = magnitude * 2 + (*at == '1');
        }
        for (int i = 0; i < forms[f].mantissa_bits; i++, at++)
            mantissa = mantissa * 2 + (*at == '1');
        double significand = 1 + mantissa / (double)(1 << forms[f].mantissa_bits);
        return sign * ldexp(significand, negative ? -magnitude : magnitude);
    }
    return sign * ldexp(1, (code & 7) - 23);
}

double f4e2m1_value(uint8_t code)
{
    int e = code / 2 % 4, f = code % 2;
    double v = e == 0 ? f * 0.5 : ldexp(1 + f * 0.5, e - 1);
    return code % 16 >= 8 ? -v : v;
}
