/* SPDX-License-Identifier: Apache-2.0 */
/* scaled.c - see scaled.h. Slow on purpose. */
#include "kernels/scaled.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/checker.h"

double ck_half_value(uint16_t bits, aq_half half)
{
    if (half == AQ_F16)
        return ck_f16_value(bits);
    int exponent = bits >> 7 & 255, fraction = bits & 127;
    double magnitude = exponent == 0 ? ldexp(fraction, -133) : ldexp(128 + fraction, exponent - 134);
    if (exponent == 255)
        magnitude = fraction == 0 ? (double)INFINITY : (double)NAN;
    return bits >> 15 ? -magnitude : magnitude;
}

double ck_round_half(double value, aq_half half)
{
    if (half == AQ_F16)
        return ck_round_f16(value);
    if (isnan(value) || isinf(value) || value == 0)
        return value;
    int exponent;
    frexp(value, &exponent);
    int last_bit = exponent - 8; /* 8 significant bits */
    if (last_bit < -133)
        last_bit = -133; /* subnormals are multiples of 2^-133 */
    double rounded = ldexp(rint(ldexp(value, -last_bit)), last_bit);
    return fabs(rounded) >= 0x1p128 ? copysign((double)INFINITY, value) : rounded;
}

float ck_scaled_weight(int stored, uint16_t scale, const uint16_t *offset, aq_half half)
{
    double a = stored;
    if (offset != NULL) {
        float sum = (float)(a + ck_half_value(*offset, half)); /* in fp32, as all that is not R */
        a = ck_round_half((double)sum, half);
    }
    float product = (float)(a * ck_half_value(scale, half));
    return (float)ck_round_half((double)product, half);
}

/* Finite, with an unbiased exponent in [low, high]. */
static uint16_t random_half(aq_half half, int low, int high)
{
    uint64_t r = ck_random();
    int exponent = low + (int)((r >> 20) % (uint64_t)(high - low + 1));
    if (half == AQ_F16)
        return (uint16_t)((r & 0x83FFu) | (uint64_t)(exponent + 15) << 10);
    return (uint16_t)((r & 0x807Fu) | (uint64_t)(exponent + 127) << 7);
}

/* The bits of a whole number that the type has. */
static uint16_t half_of(double value, aq_half half)
{
    int exponent, fraction_bits = half == AQ_F16 ? 10 : 7, bias = half == AQ_F16 ? 15 : 127;
    double fraction = frexp(fabs(value), &exponent) * 2 - 1; /* 1 + fraction times 2^(exponent - 1) */
    if (value == 0)
        return 0;
    int bits = (exponent - 1 + bias) << fraction_bits | (int)ldexp(fraction, fraction_bits);
    return (uint16_t)(value < 0 ? bits | 0x8000 : bits);
}

static uint16_t special_half(aq_half half)
{
    static const uint16_t f16[] = {0x7C00, 0xFC00, 0x7E00, 0xFD01, 0x0000, 0x8000, 0x0001, 0x03FF, 0x7BFF};
    static const uint16_t bf16[] = {0x7F80, 0xFF80, 0x7FC0, 0xFFFF, 0x0000, 0x8000, 0x0001, 0x007F, 0x7F7F};
    return (half == AQ_F16 ? f16 : bf16)[ck_random_below(sizeof f16 / sizeof f16[0])];
}

uint16_t ck_random_scale(ck_s_kind kind, aq_half half, aq_weight_type type)
{
    const int widest = half == AQ_F16 ? 15 : 127;
    if (kind == CK_S_WIDE)
        return random_half(half, -widest, widest);
    if (kind == CK_S_SPECIAL && ck_random() % 8 == 0)
        return special_half(half);
    if (kind == CK_S_BORDER) { /* smallest normal weights, or the largest ones */
        const int most = half == AQ_F16 ? 16 : 128, bits = type == AQ_S8 ? 7 : 3;
        int low = half == AQ_F16 ? -14 : -126;
        return ck_random() % 2 ? random_half(half, low, low)
                               : random_half(half, most - bits - 2, most - bits);
    }
    return random_half(half, -8, -5);
}

uint16_t ck_random_offset(ck_s_kind kind, aq_half half, aq_weight_type type)
{
    const int64_t reach = type == AQ_S8 ? 128 : 8;
    if (kind == CK_S_WIDE)
        return random_half(half, half == AQ_F16 ? -15 : -127, half == AQ_F16 ? 15 : 127);
    if (kind == CK_S_SPECIAL && ck_random() % 8 == 0)
        return special_half(half);
    if (kind == CK_S_FRACTIONS)
        return random_half(half, -5, type == AQ_S8 ? 6 : 2);
    if (kind == CK_S_BORDER) { /* about the largest offset whose sums are all exact */
        int64_t most = (half == AQ_F16 ? 2048 : 256) - reach;
        double value = ck_round_half((double)(most - 2 + ck_random_below(5)), half);
        return half_of(ck_random() % 2 ? value : -value, half);
    }
    return half_of((double)(ck_random_below(2 * reach + 1) - reach), half);
}

void ck_scaled_expect(ck_scaled *p)
{
    for (int64_t k = 0; k < p->k; k++)
        for (int64_t n = 0; n < p->n; n++) {
            int64_t at = k / p->group * p->n + n;
            p->expected[k * p->n + n] = ck_scaled_weight(p->stored[k * p->n + n], p->scale[at],
                                                         p->offset_present ? &p->offset[at] : NULL, p->half);
        }
}

void ck_scaled_make(ck_scaled *p)
{
    p->groups = (p->k + p->group - 1) / p->group;
    p->stored = ck_alloc(p->k * p->n, 1);
    p->scale = ck_alloc(p->groups * p->n, sizeof *p->scale);
    p->offset = ck_alloc(p->groups * p->n, sizeof *p->offset);
    p->expected = ck_alloc(p->k * p->n, sizeof *p->expected);
    int64_t values = p->type == AQ_S8 ? 256 : 16;
    for (int64_t i = 0; i < p->k * p->n; i++)
        p->stored[i] = (int8_t)(ck_random_below(values) - values / 2);
    for (int64_t i = 0; i < p->n && p->block == 0 && p->rows == CK_REPEATED; i++)
        for (int64_t k = 0; k < p->k; k++)
            p->stored[k * p->n + i] = p->order == AQ_ORDER_P ? p->stored[i] : p->stored[k * p->n];
    for (int64_t i = 0; i < p->groups * p->n; i++) {
        bool first = i == 0 || p->view != CK_S_TENSOR;
        p->scale[i] = first ? ck_random_scale(p->kind, p->half, p->type) : p->scale[0];
        p->offset[i] = first ? ck_random_offset(p->kind, p->half, p->type) : p->offset[0];
    }
    ck_scaled_expect(p);
}

void ck_scaled_free(ck_scaled *p)
{
    free(p->stored);
    free(p->scale);
    free(p->offset);
    free(p->expected);
}

/* Element number `at` of the array at base. */
static void put(unsigned char *base, aq_weight_type type, int64_t at, int value)
{
    if (type == AQ_S8) {
        base[at] = (unsigned char)value;
        return;
    }
    unsigned char *byte = &base[at / 2];
    *byte = (unsigned char)(at % 2 ? (*byte & 15) | (value & 15) << 4 : (*byte & 240) | (value & 15));
}

static void fill_randomly(ck_rows rows)
{
    for (int64_t r = 0; r < rows.rows; r++)
        for (int64_t i = 0; i < rows.row_bytes; i++)
            rows.base[r * rows.stride + i] = (unsigned char)ck_random();
}

/* Rows of the axis of stride 1, as in ck_place_weight. */
static aq_weight place_plain(const ck_scaled *p, ck_layout layout)
{
    const int64_t outer = p->order == AQ_ORDER_P ? p->k : p->n, inner = p->order == AQ_ORDER_P ? p->n : p->k;
    const int64_t in_byte = p->type == AQ_S8 ? 1 : 2, row_bytes = (inner + in_byte - 1) / in_byte;
    /* now and then a page holds one row and a part of the next, of which kernels take notice */
    enum { WIDE = 2048, WIDE_ROWS = 512 };
    const int64_t wide = outer <= WIDE_ROWS && ck_random_below(3) == 0 ? WIDE : 0;
    int64_t gap = p->rows == CK_GAPPED ? wide + 1 + ck_random_below(40) : 0;
    if (row_bytes == 1 && gap == 0)
        gap = 1; /* with both strides 1 the order would be P */
    ck_rows rows = ck_place(CK_WEIGHT, layout, p->rows == CK_REPEATED ? 1 : outer, row_bytes, gap, 1);
    fill_randomly(rows);
    int64_t step = p->rows == CK_REPEATED ? 0 : rows.stride;
    unsigned char *first = rows.base;
    if (p->rows == CK_REVERSED) {
        first += (outer - 1) * step;
        step = -step;
    }
    for (int64_t k = 0; k < p->k; k++)
        for (int64_t n = 0; n < p->n; n++) {
            int64_t o = p->order == AQ_ORDER_P ? k : n, i = p->order == AQ_ORDER_P ? n : k;
            put(first + o * step, p->type, i, p->stored[k * p->n + n]);
        }
    aq_weight weight = {.data = (const int8_t *)first, .stride_k = 1, .stride_n = 1, .type = p->type};
    *(p->order == AQ_ORDER_P ? &weight.stride_k : &weight.stride_n) = step * in_byte;
    return weight;
}

/* FRACTAL_NZ: blocks of `block` of the inner axis, in a block one run for each index of the outer one. */
static aq_weight place_blocks(const ck_scaled *p, ck_layout layout)
{
    const int64_t outer = p->order == AQ_ORDER_P ? p->k : p->n, inner = p->order == AQ_ORDER_P ? p->n : p->k;
    const int64_t in_byte = p->type == AQ_S8 ? 1 : 2;
    int64_t block_stride = (outer + ck_random_below(3)) * p->block;
    int64_t last = (inner - 1) / p->block * block_stride + (outer - 1) * p->block + (inner - 1) % p->block;
    ck_rows rows = ck_place(CK_WEIGHT, layout, 1, last / in_byte + 1, 0, 1);
    fill_randomly(rows);
    for (int64_t k = 0; k < p->k; k++)
        for (int64_t n = 0; n < p->n; n++) {
            int64_t o = p->order == AQ_ORDER_P ? k : n, i = p->order == AQ_ORDER_P ? n : k;
            put(rows.base, p->type, i / p->block * block_stride + o * p->block + i % p->block,
                p->stored[k * p->n + n]);
        }
    return (aq_weight){.data = (const int8_t *)rows.base,
                       .stride_k = p->order == AQ_ORDER_P ? p->block : 1,
                       .stride_n = p->order == AQ_ORDER_P ? 1 : p->block,
                       .type = p->type,
                       .block = p->block,
                       .block_stride = block_stride};
}

static const uint16_t *place_parameter(const ck_scaled *p, const uint16_t *values, ck_array array,
                                       ck_layout layout, int64_t *stride_group, int64_t *stride_n)
{
    const bool turned = p->view == CK_S_COLUMNS, single = p->view == CK_S_TENSOR;
    int64_t outer = single ? 1 : turned ? p->n : p->groups, inner = single ? 1 : turned ? p->groups : p->n;
    int64_t step = p->view == CK_S_STEPPED ? 3 : 1;
    ck_rows rows = ck_place(array, layout, outer, ((inner - 1) * step + 1) * 2, 2 * ck_random_below(4), 2);
    fill_randomly(rows);
    uint16_t *first = (uint16_t *)(void *)rows.base;
    *stride_group = single ? 0 : turned ? step : rows.stride / 2;
    *stride_n = single ? 0 : turned ? rows.stride / 2 : step;
    for (int64_t g = 0; g < p->groups; g++)
        for (int64_t n = 0; n < p->n; n++)
            first[g * *stride_group + n * *stride_n] = values[g * p->n + n];
    ck_remember(array);
    return first;
}

void ck_scaled_place(const ck_scaled *p, ck_layout layout, aq_weight *weight, aq_scaled *scaled)
{
    *weight = p->block > 0 ? place_blocks(p, layout) : place_plain(p, layout);
    int64_t bytes = ck_random_below(3) * 6; /* a first element that is not number 0 */
    weight->first = p->type == AQ_S8 ? bytes : bytes * 2;
    weight->data -= bytes;
    ck_remember(CK_WEIGHT);
    *scaled = (aq_scaled){.half = p->half, .group = p->group};
    scaled->scale = place_parameter(p, p->scale, CK_SCALE, layout, &scaled->scale_group, &scaled->scale_n);
    if (p->offset_present)
        scaled->offset =
            place_parameter(p, p->offset, CK_OFFSET, layout, &scaled->offset_group, &scaled->offset_n);
}

void ck_scaled_expect_unchanged(const ck_scaled *p)
{
    ck_expect_unchanged(CK_WEIGHT, "weight");
    ck_expect_unchanged(CK_SCALE, "scale");
    if (p->offset_present)
        ck_expect_unchanged(CK_OFFSET, "offset");
}

aq_kernel_query ck_scaled_query(const ck_scaled *p, int64_t m)
{
    aq_kernel_query query = ck_query(p->order, m, p->n, p->k, AQ_RECIPE_SCALED);
    query.half = p->half;
    query.type = p->type;
    query.block = p->block;
    query.group = p->group < p->k ? p->group : 0;
    if (p->block > 0)
        *(p->order == AQ_ORDER_P ? &query.stride_k : &query.stride_n) = p->block;
    return query;
}

const char *ck_scaled_name(const ck_scaled *p)
{
    static char text[160];
    snprintf(text, sizeof text,
             "order %s %s %s n %lld k %lld group %lld block %lld kind %d view %d rows %d%s",
             p->order == AQ_ORDER_P ? "P" : "T", p->type == AQ_S8 ? "int8" : "int4",
             p->half == AQ_F16 ? "fp16" : "bf16", (long long)p->n, (long long)p->k, (long long)p->group,
             (long long)p->block, p->kind, p->view, p->rows, p->offset_present ? " offset" : "");
    return text;
}
