/* SPDX-License-Identifier: Apache-2.0 */
/* planes_oracle.c - see planes_oracle.h. Slow on purpose. */
#include "kernels/planes_oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is given ---- */

static double random_value(double size)
{
    return size * ((double)ck_random_below(2001) - 1000) / 1000;
}

/* Whole numbers, `step` more, and the greatest. */
static void fill_block(float *x, int64_t count, double most, double step)
{
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)(floor(random_value(most / 2)) + step);
    x[ck_random_below(count)] = (float)(ck_random() & 1 ? most : -most);
}

static void scale_block(float *x, int64_t count, int exponent)
{
    for (int64_t i = 0; i < count; i++)
        x[i] = ldexpf(x[i], exponent);
}

static void fill_special_block(float *x, int64_t count, ck_planes_x kind)
{
    static const double limits[] = {8355711,   8355711.5, 8355712, 8355840, 8388607,
                                    8388607.5, 4194304,   8351744, 32639,   32639.25,
                                    32639.5,   32640,     32767.5, 16384,   32624};
    static const int exponents[] = {-127, -82, -81, -80, -79, -14, 79, 80, 81, 127};
    static const float odd[] = {INFINITY, -INFINITY, NAN, -0.0f, -0.0f, 0x1p-149f};
    double most = 4194304.0 + (double)ck_random_below(4000000);
    switch (kind) {
    case CK_PX_LIMIT:
        fill_block(x, count, limits[ck_random_below(sizeof limits / sizeof limits[0])], 0);
        scale_block(x, count, (int)ck_random_below(80) - 60);
        break;
    case CK_PX_TIES:
        most = ck_random() & 1 ? most : 16384.0 + (double)ck_random_below(16000);
        fill_block(x, count, most, 0.5);
        break;
    case CK_PX_RANGE:
        for (int64_t i = 0; i < count; i++)
            x[i] = (float)random_value(1);
        x[ck_random_below(count)] = (float)(1.5 + random_value(0.49));
        scale_block(x, count, ck_random_below(3) ? 0 : exponents[ck_random_below(10)]);
        break;
    case CK_PX_SPECIAL:
        if (ck_random_below(4) == 0)
            x[ck_random_below(count)] = odd[ck_random_below(sizeof odd / sizeof odd[0])];
        break;
    default: /* zeros */
        for (int64_t i = 0; i < count; i++)
            x[i] = ck_random_below(3) ? 0.0f : -0.0f;
        if (ck_random_below(3) == 0)
            x[ck_random_below(count)] = (float)random_value(1);
        break;
    }
}

void ck_planes_fill_x(float *x, int64_t count, ck_planes_x kind)
{
    static const ck_x_kind halves[] = {
        [CK_PX_WIDE] = CK_X_WIDE, [CK_PX_SUBNORMAL] = CK_X_SUBNORMAL, [CK_PX_LARGEST] = CK_X_LARGEST};
    uint16_t *bits = ck_alloc(count, sizeof *bits);
    ck_fill_x(bits, count, kind >= CK_PX_WIDE && kind <= CK_PX_LARGEST ? halves[kind] : CK_X_PLAIN);
    for (int64_t i = 0; i < count; i++) {
        x[i] = (float)ck_f16_value(bits[i]);
        if (kind == CK_PX_OUTLIERS && ck_random_below(50) == 0)
            x[i] *= (float)ck_random_below(2000);
    }
    free(bits);
    for (int64_t i = 0; i < count && kind >= CK_PX_LIMIT; i += CK_BLOCK)
        fill_special_block(x + i, count - i < CK_BLOCK ? count - i : CK_BLOCK, kind);
}

aq_weight ck_planes_place_anyhow(const ck_scaled *p, ck_layout layout)
{
    const bool nibbles = p->type == AQ_S4, along_n = p->order == AQ_ORDER_P;
    int64_t inner = along_n && ck_random_below(3) ? 1 + ck_random_below(3) : 1, count = along_n ? p->n : p->k;
    int64_t outer = (count - 1) * inner + 1 + ck_random_below(4);
    if (outer == 1)
        outer = 2; /* with both strides 1 the order would be P */
    if (along_n && ck_random_below(4) == 0)
        inner = -inner;
    if (ck_random_below(3) == 0)
        outer = -outer;
    aq_weight weight = {
        .type = p->type, .stride_k = along_n ? outer : inner, .stride_n = along_n ? inner : outer};
    int64_t end_k = (p->k - 1) * weight.stride_k, end_n = (p->n - 1) * weight.stride_n;
    int64_t least = (end_k < 0 ? end_k : 0) + (end_n < 0 ? end_n : 0),
            most = (end_k > 0 ? end_k : 0) + (end_n > 0 ? end_n : 0);
    int64_t half = nibbles ? ck_random_below(2) : 0, before = ck_random_below(4);
    int64_t bytes = nibbles ? (most - least + half) / 2 + 1 : most - least + 1;
    ck_rows rows = ck_place(CK_WEIGHT, layout, 1, bytes, 0, 1);
    for (int64_t i = 0; i < bytes; i++)
        rows.base[i] = (unsigned char)ck_random();
    for (int64_t k = 0; k < p->k; k++)
        for (int64_t n = 0; n < p->n; n++) {
            int64_t at = k * weight.stride_k + n * weight.stride_n - least + half;
            int value = p->stored[k * p->n + n];
            unsigned char *byte = &rows.base[nibbles ? at / 2 : at];
            if (!nibbles)
                *byte = (unsigned char)value;
            else
                *byte =
                    (unsigned char)(at % 2 ? (*byte & 15) | (value & 15) << 4 : (*byte & 240) | (value & 15));
        }
    ck_remember(CK_WEIGHT);
    weight.data = (const int8_t *)rows.base - before;
    weight.first = half - least + before * (nibbles ? 2 : 1);
    return weight;
}

/* ---- what must come of it ---- */

void ck_planes_cut(const float *x, int64_t k, bool exact, ck_digits *digits)
{
    const double limit = 0x7F7F7F;
    digits->fits = true;
    for (int64_t b = 0; b * CK_BLOCK < k; b++) {
        double most = 0;
        for (int64_t i = b * CK_BLOCK; i < k && i < (b + 1) * CK_BLOCK; i++) {
            if (!isfinite(x[i]))
                digits->fits = false;
            else if (fabs((double)x[i]) > most)
                most = fabs((double)x[i]);
        }
        digits->most[b] = most;
        digits->scale[b] = 0;
        if (most != 0) {
            int exponent;
            frexp(most, &exponent); /* most = fraction * 2^exponent, fraction from 1/2 to 1 */
            exponent--;
            if (exponent < -80 || exponent > 80)
                digits->fits = false;
            double scale = ldexp(1, exponent - 22);
            digits->scale[b] =
                exact ? (float)(most / scale > limit ? 2 * scale : scale) : (float)most / 32639.0f;
        }
        if (!digits->fits)
            return;
        const float inverse = 32639.0f / (float)(most != 0 ? most : 1);
        for (int64_t i = b * CK_BLOCK; i < k && i < (b + 1) * CK_BLOCK; i++)
            digits->v[i] = most == 0 ? 0
                           : exact   ? (int64_t)nearbyint((double)x[i] / (double)digits->scale[b])
                                     : (int64_t)nearbyintf(x[i] * inverse);
    }
}

float ck_planes_x_sum(const ck_digits *digits, int64_t k, int64_t begin, int64_t count)
{
    int64_t sum = 0;
    for (int64_t i = begin; i < k && i < begin + count; i++)
        sum += digits->v[i];
    return digits->scale[begin / CK_BLOCK] * (float)sum;
}

/* f of planes.h. */
static float weighed(const ck_planes *p, const ck_digits *digits, int64_t begin, int64_t count,
                     int64_t column)
{
    int64_t high_sum = 0, low_sum = 0;
    for (int64_t i = begin; i < p->k && i < begin + count; i++) {
        int64_t v = digits->v[i], low = 0;
        if (p->exact) {
            low = v % 256; /* rounds towards zero */
            if (low < -128)
                low += 256;
            if (low > 127)
                low -= 256;
            v = (v - low) / 256;
        }
        high_sum += v * p->w[i * p->n + column];
        low_sum += low * p->w[i * p->n + column];
    }
    return p->exact ? fmaf((float)high_sum, 256.0f, (float)low_sum) : (float)high_sum;
}

static double bound(const ck_planes *p, const ck_digits *digits, int64_t column)
{
    double size = 0;
    int64_t blocks = (p->k + CK_BLOCK - 1) / CK_BLOCK;
    for (int64_t i = 0; i < p->k; i++) {
        int64_t at = (p->segments > 0 ? i / p->group * p->n : 0) + column;
        double weight = fabs(p->w[i * p->n + column] * (double)p->scale[at]);
        if (p->zero != NULL)
            weight += fabs((double)p->zero[at]);
        size += digits->most[i / CK_BLOCK] * weight;
    }
    int64_t chain = p->segments > 0 ? blocks * p->segments * 2 + 1 : blocks + 2;
    return size * (ldexp(1, p->exact ? -22 : -14) + ldexp((double)(chain + 2), -24));
}

static double exact_sum(const ck_planes *p, const float *x, int64_t column)
{
    double sum = 0;
    for (int64_t i = 0; i < p->k; i++) {
        int64_t at = (p->segments > 0 ? i / p->group * p->n : 0) + column;
        double weight = p->w[i * p->n + column] * (double)p->scale[at];
        sum += (double)x[i] * (weight + (p->zero != NULL ? (double)p->zero[at] : 0));
    }
    return sum;
}

ck_sum ck_planes_element(const ck_planes *p, const float *x, const ck_digits *digits, int64_t column)
{
    float acc = 0, x_total = 0;
    int64_t length = p->segments > 0 ? CK_BLOCK / p->segments : CK_BLOCK;
    for (int64_t i = 0; i < p->k; i += length) {
        float s = digits->scale[i / CK_BLOCK], f = weighed(p, digits, i, length, column),
              x_sum = ck_planes_x_sum(digits, p->k, i, length);
        if (p->segments == 0) {
            acc = fmaf(f, s, acc);
            x_total += x_sum;
            continue;
        }
        int64_t at = i / p->group * p->n + column;
        acc = fmaf(f * s, p->scale[at], acc);
        if (p->zero != NULL)
            acc = fmaf(x_sum, p->zero[at], acc);
    }
    if (p->segments == 0) {
        acc = acc * p->scale[column];
        if (p->zero != NULL)
            acc = fmaf(x_total, p->zero[column], acc);
    }
    return (ck_sum){acc, exact_sum(p, x, column), bound(p, digits, column)};
}
