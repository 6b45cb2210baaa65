/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/half.h"
#include "support/v1.h"

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double v1_weight(const v1_logical *p, int64_t k, int64_t n)
{
    if (p->fixpipe) {
        int64_t t = p->w[k * p->n + n];
        if (p->d != NULL) {
            t = 0;
            for (int64_t j = 0, base = k / 32 * 32; j < 32 && base + j < p->k; j++)
                t += (int64_t)p->d[k % 32 * 32 + j] * p->w[(base + j) * p->n + n];
        }
        t += p->off[n];
        t = t > INT32_MAX ? INT32_MAX : t < INT32_MIN ? INT32_MIN : t;
        float product = (float)t * float_of((uint32_t)p->deq[n] & 0xFFFFE000u);
        return half_round_saturating(product);
    }
    float w = p->w[k * p->n + n];
    if (!(fabsf(p->offset) <= 0x1p-23f))
        w = w + p->offset;
    if (!(fabsf(p->scale - 1.0f) <= 0x1p-23f))
        w = w * p->scale;
    double h = half_round(w);
    if (p->add != NULL)
        h = half_round(h + half_value(p->add[k * p->n + n])); /* exact in double: 40 bits at most */
    if (p->mul != NULL)
        h = half_round(h * half_value(p->mul[k * p->n + n]));
    return h;
}

/* p[l] of a chunk of order T that begins at k0, added up as the page's tree says. */
static float chunk_t(const v1_logical *p, int64_t m, int64_t n, int64_t k0)
{
    float part[16] = {0};
    for (int64_t i = 0; i < 1024 && k0 + i < p->k; i++) {
        float x = (float)half_value(p->x[m * p->k + k0 + i]);
        part[i % 16] = fmaf(x, (float)v1_weight(p, k0 + i, n), part[i % 16]);
    }
    for (int width = 8; width >= 1; width /= 2)
        for (int l = 0; l < width; l++)
            part[l] += part[l + width];
    return part[0];
}

static float chunk_p(const v1_logical *p, int64_t m, int64_t n, int64_t k0)
{
    float sum = 0;
    for (int64_t k = k0; k < k0 + 256 && k < p->k; k++)
        sum = fmaf((float)half_value(p->x[m * p->k + k]), (float)v1_weight(p, k, n), sum);
    return sum;
}

/* Numerics page 5, mode npu: C is the longest chain of dependent additions. */
static void check_bound(const v1_logical *p, int64_t m, int64_t n, double sum, double bias)
{
    double exact = bias, magnitude = fabs(bias);
    for (int64_t k = 0; k < p->k; k++) {
        double term = half_value(p->x[m * p->k + k]) * v1_weight(p, k, n);
        exact += term;
        magnitude += fabs(term);
    }
    if (!isfinite(magnitude))
        return;
    double chunks = p->order_t ? (p->k + 1023) / 1024 : (p->k + 255) / 256;
    double chain = (p->order_t ? 64 + 4 : 256) + chunks + 1;
    assert_true(fabs(sum - exact) <= ldexp(chain + 2, -24) * magnitude);
}

uint16_t v1_answer(const v1_logical *p, int64_t m, int64_t n)
{
    float sum = 0;
    int64_t chunk = p->order_t ? 1024 : 256;
    for (int64_t k0 = 0; k0 < p->k; k0 += chunk) {
        float part = p->order_t ? chunk_t(p, m, n, k0) : chunk_p(p, m, n, k0);
        sum = k0 == 0 ? part : sum + part;
    }
    float bias = 0;
    if (p->bias != NULL) {
        bias = p->fixpipe ? p->bias[n] : (float)half_round(p->bias[n]);
        sum += bias;
    }
    check_bound(p, m, n, sum, bias);
    return half_bits(half_round(sum));
}
