/* SPDX-License-Identifier: Apache-2.0 */
/* check_weights.c - all 256 weights under thousands of parameters, chosen at the edges of fp16, fp32 and
 * int32 and at random; through each kernel's packer, and through the generic one with what only that one
 * takes. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/checker.h"
#include "kernels/data.h"

enum { WEIGHTS = 256, RANDOM_VALUES = 48 };

/* fp16's edges as products: 2^-24 and its halves, where subnormals tie; 65504 and 65520, where H saturates
 * and R16 overflows; 1040 * 63 and 1008 * 65 = 65520 exactly; 12-bit factors, which tie with odd weights. */
static const float edge_scales[] = {
    0.0f,         -0.0f,         1.0f,           -1.0f,         0.5f,          0x1p-7f,     0x1p-14f,
    0x1p-15f,     0x1p-24f,      0x1p-25f,       -0x1p-25f,     0x3p-26f,      0x1p-26f,    0x1.8p-25f,
    0x1p-31f,     0x1p-32f,      0x1p-33f,       0x1.8p-32f,    FLT_MIN,       0x1p-149f,   0x1p-140f,
    65504.0f,     65519.0f,      65520.0f,       65536.0f,      1040.0f,       1008.0f,     511.75f,
    511.875f,     512.0f,        0x1.002p0f,     0x1.004p0f,    0x1.ffep0f,    0x1.ffcp-3f, 0x1.006p-9f,
    0x1.ff8p-20f, 0x1.000002p0f, 0x1.fffffep-1f, 0x1.002002p0f, 0x1.001ffep0f, FLT_MAX,     INFINITY,
    -INFINITY,    NAN,           3e-8f,          2.98e-8f};
static const int32_t edge_offsets[] = {0,
                                       1,
                                       -1,
                                       2,
                                       127,
                                       128,
                                       129,
                                       -127,
                                       -128,
                                       255,
                                       1919,
                                       1920,
                                       2047,
                                       2048,
                                       4095,
                                       8191,
                                       -8192,
                                       65504,
                                       65519,
                                       65520,
                                       -65520,
                                       (1 << 24),
                                       (1 << 24) + 1,
                                       (1 << 24) + 3,
                                       -(1 << 24) - 1,
                                       (1 << 30) + 1,
                                       AQ_OFFSET_LIMIT,
                                       -AQ_OFFSET_LIMIT,
                                       AQ_OFFSET_LIMIT - 1};
static const int32_t small_offsets[] = {0,    1,    -1,   127,  128,  129,  -127, -128,
                                        1919, 1920, 2047, 2048, 4095, 8062, 8063, -8063};
static const int32_t saturating_offsets[] = {INT32_MAX,       INT32_MIN,       INT32_MAX - 1,
                                             INT32_MIN + 1,   INT32_MAX - 127, INT32_MIN + 127,
                                             INT32_MIN + 128, INT32_MAX - 64};
static const float edge_shifts[] = {0.5f,     -3.0f,     128.0f, -127.0f,  0.4999f,   65392.0f,
                                    65519.0f, 1e9f,      -0.0f,  0x1p-25f, 0x1p-140f, 0x1.000002p0f,
                                    INFINITY, -INFINITY, NAN,    33.3f};
static const float edge_factors[] = {0.0f,     -1.0f,  0.0123f, 0x1p-24f,  0x1p-25f,   0x3p-26f,
                                     511.75f,  512.0f, 1e30f,   0x1p-140f, 0x1.002p0f, 0x1.001ffep0f,
                                     INFINITY, NAN,    1.0f,    0.1f};
static const uint16_t edge_halves[] = {0x0000, 0x8000, 0x3C00, 0xBC00, 0x0001, 0x8001, 0x03FF, 0x0400,
                                       0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0x3C01, 0x3BFF, 0x4000,
                                       0x1400, 0x2E66, 0x5800, 0xD803, 0x6BFF, 0x7800, 0x0200, 0x8003};

#define COUNT(array) ((int64_t)(sizeof(array) / sizeof(array)[0]))

/* The columns of a check, handed to the packers nr at a time. */
typedef struct weights_case {
    const aq_kernel *kernel; /* null: the generic packer */
    aq_order order;
    int64_t width;
    ck_parameters parameters;
} weights_case;

typedef struct weights_call {
    const aq_kernel *kernel;
    aq_panel_job job;
    aq_generic_panel_job generic;
} weights_call;

static void call_packer(void *argument)
{
    const weights_call *call = argument;
    if (call->kernel != NULL)
        call->kernel->pack_panel(&call->job);
    else
        aq_pack_panel_generic(&call->generic);
}

static bool right_columns(const weights_case *c, const float *panel, int64_t n0, int64_t n)
{
    for (int64_t j = 0; j < n; j++)
        for (int w = 0; w < WEIGHTS; w++) {
            float got = panel[ck_position(c->order == AQ_ORDER_T, WEIGHTS, w) * c->width + j];
            float expected = ck_expected_weight(&c->parameters, (int8_t)(w - 128), n0 + j);
            if (ck_same(got, expected))
                continue;
            const ck_parameters *p = &c->parameters;
            if (p->recipe == AQ_RECIPE_FIXPIPE)
                ck_fail("weight %d offset %d scale %a is %a, not %a", w - 128, p->offset[n0 + j],
                        (double)p->scale[n0 + j], (double)got, (double)expected);
            else
                ck_fail("weight %d shift %a factor %a add 0x%04x mul 0x%04x is %a, not %a", w - 128,
                        (double)p->shift, (double)p->factor, p->add[n0 + j], p->mul[n0 + j], (double)got,
                        (double)expected);
            return false;
        }
    return true;
}

/* 2^-24 to 2, either sign. */
static float random_scale(void)
{
    uint32_t bits = (uint32_t)(ck_random() % (25u << 23)) + (103u << 23);
    float scale;
    memcpy(&scale, &bits, sizeof bits);
    return ck_random() & 1 ? scale : -scale;
}

/* Column j holds every weight in turn, for the j-th parameters. */
static void check_columns(const weights_case *c)
{
    int8_t *stored = ck_alloc(WEIGHTS * c->parameters.n, sizeof *stored);
    for (int64_t i = 0; i < WEIGHTS * c->parameters.n; i++)
        stored[i] = (int8_t)(i / c->parameters.n - 128);
    ck_set_layout("right");
    aq_weight weight = ck_place_weight(stored, c->order, c->parameters.n, WEIGHTS, CK_DENSE, CK_RIGHT);
    aq_columns columns = ck_place_columns(&c->parameters, CK_RIGHT);
    aq_parameters full = ck_generic_parameters(&c->parameters);
    float *panel = (float *)(void *)ck_place(CK_PANEL, CK_RIGHT, 1, WEIGHTS * c->width * 4, 0, 64).base;
    for (int64_t n0 = 0; n0 < c->parameters.n; n0 += c->width) {
        int64_t n = c->parameters.n - n0 < c->width ? c->parameters.n - n0 : c->width;
        weights_call call = {
            .kernel = c->kernel,
            .job = {c->order, weight, columns, WEIGHTS, n, WEIGHTS, panel},
            .generic = {c->order, &weight, &full, WEIGHTS, 0, n0, WEIGHTS, n, WEIGHTS, c->width, panel},
        };
        call.job.weight.data += n0 * weight.stride_n;
        call.job.columns = ck_columns_from(columns, n0);
        memset(panel, 0x5A, (size_t)(WEIGHTS * c->width) * sizeof *panel);
        if (!ck_survives(call_packer, &call) || !right_columns(c, panel, n0, n))
            break;
    }
    free(stored);
}

/* Each edge scale, then random ones of 11 and of 24 bits, with the given offsets and random ones up to
 * `reach`. */
static void check_fixpipe(const weights_case *subject, const int32_t *offsets, int64_t count, int32_t reach)
{
    for (int64_t s = 0; s < COUNT(edge_scales) + RANDOM_VALUES; s++) {
        weights_case c = *subject;
        if (!ck_begin("all weights fixpipe order %s scale %lld offsets to %d",
                      c.order == AQ_ORDER_P ? "P" : "T", (long long)s, reach))
            continue;
        ck_make_parameters(&c.parameters, 0, count + RANDOM_VALUES, CK_C_PLAIN);
        for (int64_t j = 0; j < c.parameters.n; j++) {
            float scale = s < COUNT(edge_scales) ? edge_scales[s] : random_scale();
            c.parameters.scale[j] = s % 2 ? scale : ck_eleven_bits(scale);
            c.parameters.offset[j] =
                j < count ? offsets[j] : (int32_t)(ck_random_below(2 * (int64_t)reach + 1) - reach);
        }
        check_columns(&c);
        ck_free_parameters(&c.parameters);
        ck_end();
    }
}

/* Scales and offsets at the borders of what a short cut for small sums and normal weights may take: a few
 * columns at a time, so that all of them can be within. */
static void check_borders(const weights_case *subject)
{
    for (int i = 0; i < 4 * RANDOM_VALUES; i++) {
        weights_case c = *subject;
        if (!ck_begin("all weights fixpipe order %s at the borders, %d", c.order == AQ_ORDER_P ? "P" : "T",
                      i))
            continue;
        ck_make_parameters(&c.parameters, 0, 1 + ck_random_below(4), CK_C_BORDER);
        check_columns(&c);
        ck_free_parameters(&c.parameters);
        ck_end();
    }
}

/* Products of 25 bits that lie one unit beside a tie between two fp16 numbers: rounded to fp32 first, as the
 * recipe says, they are ties; a short cut that keeps more or fewer bits on the way decides them otherwise.
 * scale: odd numbers of `bits` bits; sum: the only one below 2^14 whose product with it ends in 2^13 +
 * beside. */
static void check_near_ties(const weights_case *subject, int bits, int beside)
{
    weights_case c = *subject;
    if (!ck_begin("all weights fixpipe order %s beside ties, %d bits %+d", c.order == AQ_ORDER_P ? "P" : "T",
                  bits, beside))
        return;
    ck_make_parameters(&c.parameters, 0, 1, CK_C_PLAIN);
    for (uint32_t scale = (1u << (bits - 1)) + 1; scale < 1u << bits; scale += 2) {
        uint32_t inverse = scale; /* modulo 2^3; each round doubles the bits */
        for (int i = 0; i < 3; i++)
            inverse *= 2 - scale * inverse;
        uint32_t sum = inverse * (uint32_t)(8192 + beside) % 16384, product = sum * scale;
        if (product < 1u << 24 || product >= 1u << 25)
            continue;
        c.parameters.offset[0] = (int32_t)sum - (int32_t)ck_random_below(128);
        c.parameters.scale[0] = ldexpf((float)scale, 2 - bits - (int)ck_random_below(8));
        check_columns(&c);
    }
    ck_free_parameters(&c.parameters);
    ck_end();
}

static void check_composed(const weights_case *subject)
{
    for (int64_t i = 0; i <= COUNT(edge_shifts); i++)
        for (int64_t j = 0; j <= COUNT(edge_factors); j++) {
            weights_case c = *subject;
            if (!ck_begin("all weights composed order %s shift %lld factor %lld",
                          c.order == AQ_ORDER_P ? "P" : "T", (long long)i, (long long)j))
                continue;
            int add_mul = (int)((i * 5 + j) % 4);
            int recipe = 1 + (i < COUNT(edge_shifts)) + 2 * (j < COUNT(edge_factors)) + 4 * add_mul;
            ck_make_parameters(&c.parameters, recipe, COUNT(edge_halves) * 2, CK_C_SPECIAL);
            c.parameters.shift = i < COUNT(edge_shifts) ? edge_shifts[i] : 0;
            c.parameters.factor = j < COUNT(edge_factors) ? edge_factors[j] : 1;
            for (int64_t h = 0; h < COUNT(edge_halves); h++) {
                c.parameters.add[h] = edge_halves[h];
                c.parameters.mul[h] = edge_halves[(h * 7 + i + j) % COUNT(edge_halves)];
            }
            check_columns(&c);
            ck_free_parameters(&c.parameters);
            ck_end();
        }
}

void ck_check_all_weights(const aq_kernel *kernel)
{
    for (int o = AQ_ORDER_P; o <= AQ_ORDER_T; o++) {
        weights_case c = {.kernel = kernel, .order = (aq_order)o, .width = kernel != NULL ? kernel->nr : 16};
        check_fixpipe(&c, edge_offsets, COUNT(edge_offsets), 1 << 16);
        check_fixpipe(&c, small_offsets, COUNT(small_offsets), 8063);
        check_borders(&c);
        for (int bits = 11; bits <= 13; bits++) {
            check_near_ties(&c, bits, 1);
            check_near_ties(&c, bits, -1);
        }
        check_composed(&c);
        if (kernel == NULL)
            check_fixpipe(&c, saturating_offsets, COUNT(saturating_offsets), AQ_OFFSET_LIMIT);
    }
}
