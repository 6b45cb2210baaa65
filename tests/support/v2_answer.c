/* SPDX-License-Identifier: Apache-2.0 */
#include "support/v2_answer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/half.h"

static double to_half(const v2_logical *p, double value)
{
    return p->bf16 ? bfloat_round(value) : half_round(value);
}

static float word_scale(uint64_t word)
{
    uint32_t bits = (uint32_t)word & 0xFFFFE000u;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double v2_weight(const v2_logical *p, int64_t k, int64_t n)
{
    double w = p->w[k * p->n + n];
    if (p->fixpipe_words != NULL) {
        int64_t t = (int64_t)w + (p->fixpipe_offset != NULL ? p->fixpipe_offset[n] : 0);
        t = t > INT32_MAX ? INT32_MAX : t < INT32_MIN ? INT32_MIN : t;
        float product = (float)t * word_scale(p->fixpipe_words[n]);
        return half_round_saturating(product);
    }
    int64_t at = k / p->group * p->n + n;
    float a = (float)w;
    if (p->offset != NULL)
        a = (float)to_half(p, (float)w + (float)p->offset[at]);
    float product = a * (float)p->scale[at];
    return to_half(p, product);
}

static float chunk_sum(const v2_logical *p, int64_t m, int64_t n, int64_t k0)
{
    float part[16] = {0};
    int64_t length = p->order_t ? 1024 : 256;
    for (int64_t i = 0; i < length && k0 + i < p->k; i++) {
        float *sum = &part[p->order_t ? i % 16 : 0];
        *sum = fmaf((float)p->x[m * p->k + k0 + i], (float)p->weights[(k0 + i) * p->n + n], *sum);
    }
    for (int width = 8; p->order_t && width >= 1; width /= 2)
        for (int l = 0; l < width; l++)
            part[l] += part[l + width];
    return part[0];
}

static void check_bound(const v2_logical *p, int64_t m, int64_t n, double sum)
{
    double bias = p->bias != NULL ? p->bias[n] : 0, exact = bias, magnitude = fabs(bias);
    for (int64_t k = 0; k < p->k; k++) {
        double term = p->x[m * p->k + k] * p->weights[k * p->n + n];
        exact += term;
        magnitude += fabs(term);
    }
    if (!(magnitude < 0x1p127)) /* fp32 may overflow on the way */
        return;
    double chunks = p->order_t ? (p->k + 1023) / 1024 : (p->k + 255) / 256;
    double chain = (p->order_t ? 64 + 4 : 256) + chunks + 1;
    /* bf16 reaches so low that sums are rounded to fp32's subnormals: half a step of 2^-149 each time */
    assert_true(fabs(sum - exact) <= ldexp(chain + 2, -24) * magnitude + ldexp((double)p->k, -149));
}

static double limited(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

int v2_answer(const v2_logical *p, int64_t m, int64_t n)
{
    float sum = 0;
    int64_t chunk = p->order_t ? 1024 : 256;
    for (int64_t k0 = 0; k0 < p->k; k0 += chunk) {
        float part = chunk_sum(p, m, n, k0);
        sum = k0 == 0 ? part : sum + part;
    }
    if (p->bias != NULL)
        sum += (float)p->bias[n];
    check_bound(p, m, n, sum);
    if (p->words != NULL) {
        float product = sum * word_scale(p->words[n]);
        int offset = (int)(p->words[n] >> 37 & 0x1FF);
        offset = offset >= 256 ? offset - 512 : offset;
        if (isnan(product))
            return 0;
        return (int)limited(limited(nearbyint(product), -256, 255) + offset, -128, 127);
    }
    return p->bf16 ? bfloat_bits(bfloat_round(sum)) : half_bits(half_round(sum));
}

/* INT8 y of a sum, successors page 3.4. */
static int quantised(uint64_t word, double sum)
{
    int offset = (int)(word >> 37 & 0x1FF);
    offset = offset >= 256 ? offset - 512 : offset;
    return (int)limited(limited(nearbyint(sum * (double)word_scale(word)), -256, 255) + offset, -128, 127);
}

/* The weight of modes exact and fast, and (|q| + |o|) * |s| of the bound. */
static double exact_weight(const v2_logical *p, int64_t k, int64_t n, double *size)
{
    double w = p->w[k * p->n + n], offset, scale;
    if (p->fixpipe_words != NULL) {
        offset = p->fixpipe_offset != NULL ? p->fixpipe_offset[n] : 0;
        scale = (double)word_scale(p->fixpipe_words[n]);
    } else {
        int64_t at = k / p->group * p->n + n;
        offset = p->offset != NULL ? p->offset[at] : 0;
        scale = p->scale[at];
    }
    *size = (fabs(w) + fabs(offset)) * fabs(scale);
    return (w + offset) * scale;
}

bool v2_within(const v2_logical *p, int64_t m, int64_t n, bool fast, int64_t chain, int got)
{
    double sum = p->bias != NULL ? p->bias[n] : 0, bound = fabs(sum);
    for (int64_t k0 = 0; k0 < p->k; k0 += 128) {
        double most = 0, sizes = 0, size;
        for (int64_t k = k0; k < k0 + 128 && k < p->k; k++) {
            double x = p->x[m * p->k + k];
            sum += x * exact_weight(p, k, n, &size);
            most = fabs(x) > most ? fabs(x) : most;
            sizes += size;
        }
        bound += most * sizes;
    }
    bound *= ldexp(1, fast ? -14 : -22) + ldexp((double)chain + 2, -24);
    bound += ldexp((double)p->k, -149); /* fp32's subnormals */
    if (!isfinite(sum) || !(bound < 0x1p100))
        return true;
    if (p->words != NULL) { /* at the ends of what fp32 makes of the sum and of one product */
        double slack = fabs(sum) * 0x1p-23;
        int a = quantised(p->words[n], sum - bound - slack), b = quantised(p->words[n], sum + bound + slack);
        return got >= (a < b ? a : b) && got <= (a < b ? b : a);
    }
    double value = p->bf16 ? bfloat_value((uint16_t)got) : half_value((uint16_t)got);
    return value >= to_half(p, sum - bound) && value <= to_half(p, sum + bound);
}

bool v2_same(const v2_logical *p, int got, int expected)
{
    if (p->words != NULL)
        return got == expected;
    double a = p->bf16 ? bfloat_value((uint16_t)got) : half_value((uint16_t)got);
    double b = p->bf16 ? bfloat_value((uint16_t)expected) : half_value((uint16_t)expected);
    return (isnan(a) && isnan(b)) || a == b;
}
