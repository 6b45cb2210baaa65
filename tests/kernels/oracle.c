/* SPDX-License-Identifier: Apache-2.0 */
/* oracle.c - see oracle.h. Slow on purpose: each line is one sentence of the specification. */
#include "kernels/oracle.h"

#include <math.h>
#include <string.h>

double ck_f16_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double magnitude = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
    if (exponent == 31)
        magnitude = fraction == 0 ? (double)INFINITY : (double)NAN;
    return bits >> 15 ? -magnitude : magnitude;
}

double ck_bf16_value(uint16_t bits)
{
    int exponent = bits >> 7 & 255, fraction = bits & 127;
    double magnitude = exponent == 0 ? ldexp(fraction, -133) : ldexp(128 + fraction, exponent - 134);
    if (exponent == 255)
        magnitude = fraction == 0 ? (double)INFINITY : (double)NAN;
    return bits >> 15 ? -magnitude : magnitude;
}

double ck_round_f16(double value)
{
    if (isnan(value) || isinf(value) || value == 0)
        return value;
    int exponent;
    frexp(value, &exponent);      /* 2^(exponent - 1) <= |value| < 2^exponent */
    int last_bit = exponent - 11; /* 11 significant bits */
    if (last_bit < -24)
        last_bit = -24; /* subnormals are multiples of 2^-24 */
    double rounded = ldexp(rint(ldexp(value, -last_bit)), last_bit);
    if (fabs(rounded) > 65504)
        return copysign((double)INFINITY, value);
    return rounded;
}

float ck_fixpipe_weight(int64_t mixed, int32_t offset, float scale)
{
    int64_t t = mixed + offset;
    if (t > 2147483647)
        t = 2147483647;
    if (t < -2147483647 - 1)
        t = -2147483647 - 1;
    /* An fp32 times an fp32 is exact in fp64: one rounding, to the fp32 product. */
    float product = (float)((double)(float)t * (double)scale);
    double h = ck_round_f16((double)product);
    if (h > 65504)
        h = 65504;
    if (h < -65504)
        h = -65504;
    return (float)h;
}

float ck_composed_weight(int8_t stored, ck_composed with)
{
    /* fp64 has more than twice the bits of fp32: rounding its sum or product again to fp32 is as one
     * rounding. */
    float w = (float)stored;
    if (with.shift != NULL)
        w = (float)((double)w + (double)*with.shift);
    if (with.factor != NULL)
        w = (float)((double)w * (double)*with.factor);
    double h = ck_round_f16((double)w);
    if (with.add != NULL)
        h = ck_round_f16(h + ck_f16_value(*with.add));
    if (with.mul != NULL)
        h = ck_round_f16(h * ck_f16_value(*with.mul));
    return (float)h;
}

/* "P: in a chunk acc = fma(x_k, w_k, acc) from 0 with k rising. T: in a chunk 16 partial sums, the l-th takes
 * k = 16i + l with i rising, by fma from 0; then p[l] += p[l+8] for l < 8, then +4, +2, +1." */
float ck_chunk_sum(bool transposed, int64_t k, const float *x, const float *w, int64_t w_stride)
{
    float p[16] = {0};
    for (int64_t i = 0; i < k; i++) {
        int l = transposed ? (int)(i % 16) : 0;
        p[l] = fmaf(x[i], w[i * w_stride], p[l]);
    }
    if (!transposed)
        return p[0];
    for (int l = 0; l < 8; l++)
        p[l] += p[l + 8];
    for (int l = 0; l < 4; l++)
        p[l] += p[l + 4];
    for (int l = 0; l < 2; l++)
        p[l] += p[l + 2];
    return p[0] + p[1];
}

ck_sum ck_product_element(const ck_product *product, int64_t row, int64_t column)
{
    const float *x = product->x + row * product->k, *w = product->w + column;
    int64_t chunk = product->transposed ? 1024 : 256, chunks = 0;
    ck_sum s = {0};
    double magnitude = 0;
    for (int64_t begin = 0; begin < product->k; begin += chunk, chunks++) {
        int64_t length = product->k - begin < chunk ? product->k - begin : chunk;
        float one = ck_chunk_sum(product->transposed, length, x + begin, w + begin * product->n, product->n);
        s.sum = begin == 0 ? one : s.sum + one;
    }
    for (int64_t k = 0; k < product->k; k++) {
        double term = (double)x[k] * (double)w[k * product->n];
        s.exact += term;
        magnitude += fabs(term);
    }
    /* The longest chain: the fmas of a full chunk, or of one lane and the four levels of the tree, then the
     * later chunks' sums. */
    int64_t full = product->k < chunk ? product->k : chunk;
    int64_t chain = (product->transposed ? (full + 15) / 16 + 4 : full) + chunks - 1;
    s.bound = ldexp((double)(chain + 2), -24) * magnitude;
    return s;
}

int64_t ck_position(bool transposed, int64_t steps, int64_t k)
{
    if (!transposed)
        return k;
    int64_t lane = k % 16;
    int64_t reversed = (lane & 1) << 3 | (lane & 2) << 1 | (lane & 4) >> 1 | (lane & 8) >> 3;
    return reversed * (steps / 16) + k / 16;
}

bool ck_same(float a, float b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    return a == b;
}
