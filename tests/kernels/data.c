/* SPDX-License-Identifier: Apache-2.0 */
/* data.c - see data.h. */
#include "kernels/data.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/checker.h"

static uint64_t random_state;

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit. */
uint64_t ck_mix(uint64_t a, uint64_t b)
{
    uint64_t z = a + 0x9E3779B97F4A7C15u * (b + 1);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

void ck_random_start(uint64_t seed)
{
    random_state = seed;
}

uint64_t ck_random(void)
{
    return ck_mix(random_state++, 0);
}

int64_t ck_random_below(int64_t limit)
{
    return (int64_t)(ck_random() % (uint64_t)limit);
}

void *ck_alloc(int64_t count, int64_t size)
{
    void *memory = calloc((size_t)count, (size_t)size);
    if (memory == NULL) {
        perror("kernel_checker: calloc");
        exit(2);
    }
    return memory;
}

/* A random fp16 with an exponent field in [low, high]. */
static uint16_t random_f16(int low, int high)
{
    uint64_t r = ck_random();
    uint64_t exponent = (uint64_t)low + (r >> 16) % (uint64_t)(high - low + 1);
    return (uint16_t)((r & 0x83FFu) | exponent << 10);
}

static uint16_t special_f16(void)
{
    static const uint16_t values[] = {0x7C00, 0xFC00, 0x7E00, 0xFE01, 0x7D00, 0x8000, 0x0000, 0x0001,
                                      0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x3C00, 0xBC00, 0x7C00, 0x7801};
    return values[ck_random_below(sizeof values / sizeof values[0])];
}

void ck_fill_x(uint16_t *x, int64_t count, ck_x_kind kind)
{
    for (int64_t i = 0; i < count; i++) {
        switch (kind) {
        case CK_X_WIDE:
            x[i] = random_f16(0, 30);
            break;
        case CK_X_SUBNORMAL:
            x[i] = random_f16(0, 0);
            break;
        case CK_X_LARGEST:
            x[i] = ck_random() & 1 ? 0x7BFF : 0xFBFF;
            break;
        default:
            x[i] = random_f16(12, 16);
            break;
        }
    }
    /* One or two in the whole array, so that most rows stay finite. */
    for (int i = 0; kind == CK_X_SPECIAL && i < 3; i++)
        x[ck_random_below(count)] = special_f16();
}

void ck_fill_weight(int8_t *weight, int64_t count, ck_w_kind kind)
{
    for (int64_t i = 0; i < count; i++)
        weight[i] = (int8_t)(kind == CK_W_LOWEST    ? -128
                             : kind == CK_W_HIGHEST ? 127
                                                    : (int)(ck_random() % 256) - 128);
}

static float random_sign(double value)
{
    return (float)(ck_random() & 1 ? value : -value);
}

static double random_unit(void)
{
    return 1.0 + (double)(ck_random() >> 12) * 0x1p-52;
}

float ck_eleven_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits &= 0xFFFFE000u;
    memcpy(&value, &bits, sizeof bits);
    return value;
}

static float special_f32(void)
{
    static const float values[] = {INFINITY, -INFINITY, NAN,     0.0f, -0.0f,
                                   FLT_MIN,  0x1p-149f, FLT_MAX, 1.0f, 0x1p-24f};
    return values[ck_random_below(sizeof values / sizeof values[0])];
}

static int32_t make_offset(ck_c_kind kind)
{
    static const int32_t limits[] = {AQ_OFFSET_LIMIT,
                                     -AQ_OFFSET_LIMIT,
                                     AQ_OFFSET_LIMIT - 1,
                                     1 << 24,
                                     (1 << 24) + 1,
                                     -(1 << 24) - 3,
                                     (1 << 30) + 65,
                                     65504,
                                     -8192,
                                     0};
    static const int32_t borders[] = {0, 1, -128, 127, 1920, 2047, -4095, 8063, -8063, 8062};
    switch (kind) {
    case CK_C_LIMIT:
        return limits[ck_random_below(sizeof limits / sizeof limits[0])];
    case CK_C_BORDER: /* 8063 + 128 has 13 bits; most columns stay below, a few go to 14 */
        if (ck_random() % 2)
            return borders[ck_random_below(sizeof borders / sizeof borders[0])];
        return (int32_t)ck_random_below(16127) - 8063 + (ck_random() % 8 ? 0 : 8064);
    case CK_C_SPECIAL:
        return (int32_t)ck_random_below(3) - 1;
    default:
        return (int32_t)ck_random_below(301) - 150;
    }
}

static float make_scale(ck_c_kind kind, int32_t offset)
{
    static const int exponent[CK_C_KINDS] = {
        [CK_C_PLAIN] = -7, [CK_C_FULL] = -7, [CK_C_SUBNORMAL] = -27, [CK_C_LARGE] = 7, [CK_C_LIMIT] = -31};
    if (kind == CK_C_ZERO)
        return random_sign(0.0);
    if (kind == CK_C_SPECIAL && ck_random() % 2)
        return special_f32();
    if (kind == CK_C_BORDER) {
        static const double ends[] = {0x1p-14, 0x1p-14, 0x1.ffcp-15, 0, 1};
        int64_t end = ck_random_below(9);
        /* else about the scale that takes the largest sum to 65504 */
        double reach = fabs((double)offset) + 128;
        return end < 5 ? random_sign(ends[end])
                       : ck_eleven_bits(random_sign(65504 / reach * (1 + (double)(end - 7) * 0x1p-10)));
    }
    float scale = random_sign(ldexp(random_unit(), exponent[kind] + (int)ck_random_below(3)));
    return kind == CK_C_PLAIN ? ck_eleven_bits(scale) : scale;
}

static uint16_t make_f16(ck_c_kind kind, bool mul)
{
    switch (kind) {
    case CK_C_ZERO:
        return mul ? (uint16_t)(ck_random() & 0x8000u) : random_f16(12, 18);
    case CK_C_SUBNORMAL:
        return mul ? random_f16(0, 3) : random_f16(0, 2);
    case CK_C_LARGE:
        return random_f16(26, 30);
    case CK_C_SPECIAL:
        return ck_random() % 2 ? special_f16() : random_f16(0, 30);
    default:
        return mul ? random_f16(8, 15) : random_f16(12, 20);
    }
}

void ck_make_parameters(ck_parameters *p, int recipe, int64_t n, ck_c_kind kind)
{
    *p = (ck_parameters){.recipe = recipe == 0 ? AQ_RECIPE_FIXPIPE : AQ_RECIPE_COMPOSED, .n = n};
    int steps = recipe - 1;
    p->shift_present = recipe > 0 && (steps & 1);
    p->factor_present = recipe > 0 && (steps & 2);
    p->add_present = recipe > 0 && (steps & 4);
    p->mul_present = recipe > 0 && (steps & 8);
    p->offset = ck_alloc(n, sizeof *p->offset);
    p->scale = ck_alloc(n, sizeof *p->scale);
    p->add = ck_alloc(n, sizeof *p->add);
    p->mul = ck_alloc(n, sizeof *p->mul);
    const bool no_offset = ck_random() % 3 == 0; /* kernels have a way of their own for that */
    for (int64_t j = 0; j < n; j++) {
        p->offset[j] = no_offset ? 0 : make_offset(kind);
        p->scale[j] = make_scale(kind, p->offset[j]);
        p->add[j] = make_f16(kind, false);
        p->mul[j] = make_f16(kind, true);
    }
    p->shift = kind == CK_C_SPECIAL && ck_random() % 4 == 0 ? special_f32() : random_sign(random_unit() * 9);
    p->factor = make_scale(kind, 0);
}

void ck_free_parameters(ck_parameters *p)
{
    free(p->offset);
    free(p->scale);
    free(p->add);
    free(p->mul);
}

const char *ck_recipe_name(int recipe)
{
    static const char *const names[CK_RECIPES] = {"fixpipe",
                                                  "composed",
                                                  "composed shift",
                                                  "composed factor",
                                                  "composed shift factor",
                                                  "composed add",
                                                  "composed shift add",
                                                  "composed factor add",
                                                  "composed shift factor add",
                                                  "composed mul",
                                                  "composed shift mul",
                                                  "composed factor mul",
                                                  "composed shift factor mul",
                                                  "composed add mul",
                                                  "composed shift add mul",
                                                  "composed factor add mul",
                                                  "composed shift factor add mul"};
    return names[recipe];
}

float ck_expected_weight(const ck_parameters *p, int8_t stored, int64_t column)
{
    if (p->recipe == AQ_RECIPE_FIXPIPE)
        return ck_fixpipe_weight(stored, p->offset[column], p->scale[column]);
    ck_composed with = {p->shift_present ? &p->shift : NULL, p->factor_present ? &p->factor : NULL,
                        p->add_present ? &p->add[column] : NULL, p->mul_present ? &p->mul[column] : NULL};
    return ck_composed_weight(stored, with);
}

static const float *place_f16(ck_array array, const uint16_t *values, int64_t n, ck_layout layout)
{
    float *placed =
        (float *)(void *)ck_place(array, layout, 1, n * (int64_t)sizeof(float), 0, sizeof(float)).base;
    for (int64_t j = 0; j < n; j++)
        placed[j] = (float)ck_f16_value(values[j]);
    ck_remember(array);
    return placed;
}

static const void *place_words(ck_array array, const void *values, int64_t n, ck_layout layout)
{
    void *placed = ck_place(array, layout, 1, n * 4, 0, 4).base;
    memcpy(placed, values, (size_t)n * 4);
    ck_remember(array);
    return placed;
}

aq_columns ck_place_columns(const ck_parameters *p, ck_layout layout)
{
    aq_columns columns = {.recipe = p->recipe};
    if (p->recipe == AQ_RECIPE_FIXPIPE) {
        columns.offset = place_words(CK_OFFSET, p->offset, p->n, layout);
        columns.scale = place_words(CK_SCALE, p->scale, p->n, layout);
        return columns;
    }
    columns.shift_present = p->shift_present;
    columns.factor_present = p->factor_present;
    columns.shift = p->shift_present ? p->shift : NAN; /* a kernel that takes an absent step shows */
    columns.factor = p->factor_present ? p->factor : NAN;
    if (p->add_present)
        columns.add = place_f16(CK_ADD, p->add, p->n, layout);
    if (p->mul_present)
        columns.mul = place_f16(CK_MUL, p->mul, p->n, layout);
    return columns;
}

aq_columns ck_columns_from(aq_columns columns, int64_t n0)
{
    if (columns.offset != NULL)
        columns.offset += n0;
    if (columns.scale != NULL)
        columns.scale += n0;
    if (columns.add != NULL)
        columns.add += n0;
    if (columns.mul != NULL)
        columns.mul += n0;
    return columns;
}

void ck_expect_columns_unchanged(const ck_parameters *p)
{
    if (p->recipe == AQ_RECIPE_FIXPIPE) {
        ck_expect_unchanged(CK_OFFSET, "offset");
        ck_expect_unchanged(CK_SCALE, "scale");
    }
    if (p->add_present)
        ck_expect_unchanged(CK_ADD, "add");
    if (p->mul_present)
        ck_expect_unchanged(CK_MUL, "mul");
}

aq_parameters ck_generic_parameters(const ck_parameters *p)
{
    return (aq_parameters){.recipe = p->recipe,
                           .offset = p->offset,
                           .scale = p->scale,
                           .shift_present = p->shift_present,
                           .factor_present = p->factor_present,
                           .shift = p->shift_present ? p->shift : NAN,
                           .factor = p->factor_present ? p->factor : NAN,
                           .add = p->add_present ? p->add : NULL,
                           .mul = p->mul_present ? p->mul : NULL,
                           .add_stride_n = 1,
                           .mul_stride_n = 1};
}

void ck_expect_bound(float sum, const ck_sum *expected)
{
    bool right = isfinite(expected->exact) ? fabs((double)sum - expected->exact) <= expected->bound
                                           : ck_same(sum, (float)expected->exact);
    if (!right)
        ck_fail("sum is %a, exactly it is %a: beyond the bound %a", (double)sum, expected->exact,
                expected->bound);
}

void ck_make_weight(int8_t *stored, aq_order order, int64_t n, int64_t k, ck_w_kind kind, ck_view view)
{
    ck_fill_weight(stored, n * k, kind);
    if (view != CK_REPEATED)
        return;
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < n; j++)
            stored[i * n + j] = order == AQ_ORDER_P ? stored[j] : stored[i * n];
}

aq_weight ck_place_weight(const int8_t *stored, aq_order order, int64_t n, int64_t k, ck_view view,
                          ck_layout layout)
{
    int64_t outer = order == AQ_ORDER_P ? k : n, inner = order == AQ_ORDER_P ? n : k;
    int64_t gap = view == CK_GAPPED ? 1 + ck_random_below(40) : 0;
    if (order == AQ_ORDER_T && inner == 1 && gap == 0)
        gap = 1; /* with both strides 1 the order would be P */
    ck_rows rows = ck_place(CK_WEIGHT, layout, view == CK_REPEATED ? 1 : outer, inner, gap, 1);
    int64_t stride = view == CK_REPEATED ? 0 : rows.stride;
    int8_t *first = (int8_t *)rows.base;
    if (view == CK_REVERSED) {
        first += (outer - 1) * stride;
        stride = -stride;
    }
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < n; j++)
            first[order == AQ_ORDER_P ? i * stride + j : j * stride + i] = stored[i * n + j];
    ck_remember(CK_WEIGHT);
    if (order == AQ_ORDER_P)
        return (aq_weight){.data = first, .stride_k = stride, .stride_n = 1};
    return (aq_weight){.data = first, .stride_k = 1, .stride_n = stride};
}
