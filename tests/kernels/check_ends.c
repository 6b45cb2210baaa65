/* SPDX-License-Identifier: Apache-2.0 */
/* check_ends.c - the two ends of a sum, at each CPU level: fp16 rows widened, sums with bias rounded and
 * stored. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/checker.h"
#include "kernels/data.h"
#include "kernels/ends.h"

typedef struct ends_call {
    const aq_ends *ends;
    aq_widen_job widen;
    aq_store_job store;
} ends_call;

static void call_widen(void *argument)
{
    const ends_call *call = argument;
    call->ends->widen(&call->widen);
}

static void call_store(void *argument)
{
    const ends_call *call = argument;
    call->ends->store(&call->store);
}

static void run_widen(const aq_ends *ends, const uint16_t *x, int64_t k, int64_t step, ck_layout layout)
{
    int64_t padded = (k + 15) / 16 * 16, extent = (k - 1) * llabs(step) + 1;
    uint16_t *first = (uint16_t *)(void *)ck_place(CK_X, layout, 1, extent * 2, 0, 2).base;
    if (step < 0)
        first += extent - 1;
    for (int64_t i = 0; i < k; i++)
        first[i * step] = x[i];
    ck_remember(CK_X);
    float *row = (float *)(void *)ck_place(CK_PACKED, layout, 1, padded * 4, 0, 64).base;
    ends_call call = {.ends = ends, .widen = {first, step, k, padded, row}};
    if (!ck_survives(call_widen, &call))
        return;
    for (int64_t i = 0; i < padded; i++) {
        float expected = i < k ? (float)ck_f16_value(first[i * step]) : 0.0f;
        if (!ck_same(row[i], expected) || (i >= k && signbit(row[i])))
            ck_fail("position %lld is %a, not %a", (long long)i, (double)row[i], (double)expected);
    }
    ck_expect_unchanged(CK_X, "x");
    ck_expect_poison_around(CK_PACKED, "the widened row");
}

static void check_widen(const aq_ends *ends, int64_t k, int64_t step)
{
    if (!ck_begin("widen k %lld step %lld", (long long)k, (long long)step))
        return;
    uint16_t *x = ck_alloc(k, sizeof *x);
    if (k == 65536)
        for (int64_t i = 0; i < k; i++)
            x[i] = (uint16_t)i;
    else
        ck_fill_x(x, k, (ck_x_kind)(ck.number % CK_X_KINDS));
    for (int layout = 0; layout < CK_LAYOUTS; layout++) {
        ck_set_layout(ck_layout_name((ck_layout)layout));
        run_widen(ends, x, k, step, (ck_layout)layout);
    }
    free(x);
    ck_end();
}

/* Sums about a tie between two fp16 numbers, at fp16's ends, and special ones. */
static float random_sum(void)
{
    static const float edges[] = {65504.0f,     65519.996f,      65520.0f,  -65520.0f, 0x1p-24f,
                                  0x1p-25f,     0x1.000002p-25f, 0x1p-26f,  0x1p-14f,  0x1.ffcp-15f,
                                  0x1.ffep-15f, INFINITY,        -INFINITY, NAN,       0.0f,
                                  -0.0f,        3.4e38f,         0x1p-149f};
    int64_t which = ck_random_below(40);
    if (which < (int64_t)(sizeof edges / sizeof edges[0]))
        return edges[which];
    double value = ck_f16_value((uint16_t)(ck_random() % 0x7C00));
    double half_step = fmax(ldexp(value, -12), 0x1p-25);
    double moved = value + half_step * (double)(ck_random_below(5) - 2) +
                   half_step * 0x1p-9 * (double)(ck_random_below(3) - 1);
    return (float)(ck_random() & 1 ? moved : -moved);
}

typedef struct store_case {
    const aq_ends *ends;
    int64_t rows, n, step; /* step: from column to column of out */
    bool bias, turned;     /* turned: out's rows run along columns of memory */
    float *sum, *bias_values;
} store_case;

static void compare_store(const store_case *c, const aq_store_job *job)
{
    for (int64_t r = 0; r < c->rows; r++)
        for (int64_t j = 0; j < c->n; j++) {
            float total = c->sum[r * c->n + j];
            if (c->bias)
                total = (float)((double)total + (double)c->bias_values[j]);
            double expected = ck_round_f16((double)total);
            uint16_t bits = ((uint16_t *)job->out)[r * job->stride_m + j * job->stride_n];
            double got = ck_f16_value(bits);
            bool right = isnan(expected) ? bits == 0x7E00 : got == expected;
            if (!right) {
                ck_fail("out (%lld,%lld) of sum %a is 0x%04x, not %a", (long long)r, (long long)j,
                        (double)total, bits, expected);
                return;
            }
        }
}

static void run_store(const store_case *c, ck_layout layout)
{
    ck_rows sum = ck_place(CK_SUM, layout, c->rows, c->n * 4, 4 * ck_random_below(5), 4);
    for (int64_t r = 0; r < c->rows; r++)
        memcpy(sum.base + r * sum.stride, c->sum + r * c->n, (size_t)c->n * 4);
    ck_remember(CK_SUM);
    float *bias = NULL;
    if (c->bias) {
        bias = (float *)(void *)ck_place(CK_SCALE, layout, 1, c->n * 4, 0, 4).base;
        memcpy(bias, c->bias_values, (size_t)c->n * 4);
        ck_remember(CK_SCALE);
    }
    /* With a step, out's row is placed as single elements: what lies between them stays poison. */
    int64_t outer = c->turned || c->step > 1 ? c->n : c->rows, inner = c->turned ? c->rows : c->n;
    if (c->step > 1)
        inner = 1;
    ck_rows out = ck_place(CK_X, layout, outer, inner * 2, 2 * ck_random_below(5) + 2 * (c->step - 1), 2);
    ends_call call = {.ends = c->ends,
                      .store = {.sum = (float *)(void *)sum.base,
                                .sum_stride = sum.stride / 4,
                                .bias = bias,
                                .out = (uint16_t *)(void *)out.base,
                                .stride_m = out.stride / 2,
                                .stride_n = 1,
                                .rows = c->rows,
                                .n = c->n}};
    if (c->turned || c->step > 1) {
        call.store.stride_m = 1;
        call.store.stride_n = out.stride / 2;
    }
    if (!ck_survives(call_store, &call))
        return;
    compare_store(c, &call.store);
    ck_expect_poison_around(CK_X, "out");
    ck_expect_unchanged(CK_SUM, "sum");
    if (c->bias)
        ck_expect_unchanged(CK_SCALE, "bias");
}

static void check_store(store_case c)
{
    if (!ck_begin("store rows %lld n %lld step %lld%s%s", (long long)c.rows, (long long)c.n,
                  (long long)c.step, c.bias ? " bias" : "", c.turned ? " turned" : ""))
        return;
    c.sum = ck_alloc(c.rows * c.n, sizeof *c.sum);
    c.bias_values = ck_alloc(c.n, sizeof *c.bias_values);
    for (int64_t i = 0; i < c.rows * c.n; i++)
        c.sum[i] = random_sum();
    for (int64_t i = 0; i < c.n; i++)
        c.bias_values[i] = random_sum();
    for (int layout = 0; layout < CK_LAYOUTS; layout++) {
        ck_set_layout(ck_layout_name((ck_layout)layout));
        run_store(&c, (ck_layout)layout);
    }
    free(c.sum);
    free(c.bias_values);
    ck_end();
}

static void call_add_block(void *argument)
{
    const struct {
        const aq_ends *ends;
        aq_block_job job;
    } *call = argument;
    call->ends->add_block(&call->job);
}

static float *place_floats(ck_array slot, ck_layout layout, const float *from, int64_t n)
{
    float *at = (float *)(void *)ck_place(slot, layout, 1, n * 4, 0, 64).base;
    memcpy(at, from, (size_t)n * 4);
    ck_remember(slot);
    return at;
}

/* variant: 0 no scale, 1 by groups, 2 by groups with a zero. values: f, scale, zero, acc, n of each. */
static void run_add_block(const aq_ends *ends, int64_t n, int variant, const float *values, ck_layout layout)
{
    const float *scale = values + n, *zero = values + 2 * n, *acc = values + 3 * n;
    struct {
        const aq_ends *ends;
        aq_block_job job;
    } call = {.ends = ends,
              .job = {.f = place_floats(CK_SUM, layout, values, n),
                      .scale = variant > 0 ? place_floats(CK_SCALE, layout, scale, n) : NULL,
                      .zero = variant > 1 ? place_floats(CK_X, layout, zero, n) : NULL,
                      .s = 0x1.35p-9f,
                      .x = -0x1.7cp3f,
                      .n = n,
                      .acc = place_floats(CK_PACKED, layout, acc, n)}};
    if (!ck_survives(call_add_block, &call))
        return;
    for (int64_t j = 0; j < n; j++) {
        float expected = variant == 0 ? fmaf(values[j], call.job.s, acc[j])
                                      : fmaf(values[j] * call.job.s, scale[j], acc[j]);
        if (variant > 1)
            expected = fmaf(call.job.x, zero[j], expected);
        if (!ck_same(call.job.acc[j], expected))
            ck_fail("acc %lld is %a, not %a", (long long)j, (double)call.job.acc[j], (double)expected);
    }
    ck_expect_unchanged(CK_SUM, "f");
    ck_expect_poison_around(CK_PACKED, "acc");
}

static void check_add_block(const aq_ends *ends, int64_t n, int variant)
{
    if (!ck_begin("add_block n %lld variant %d", (long long)n, variant))
        return;
    float *values = ck_alloc(4 * n, sizeof *values);
    for (int64_t i = 0; i < 4 * n; i++)
        values[i] = (float)(ck_random_below(1 << 24) - (1 << 23)) * (i < n ? 1.0f : 0x1p-20f);
    for (int layout = 0; layout < CK_LAYOUTS; layout++) {
        ck_set_layout(ck_layout_name((ck_layout)layout));
        run_add_block(ends, n, variant, values, (ck_layout)layout);
    }
    free(values);
    ck_end();
}

void ck_check_ends(aq_cpu_level level)
{
    const aq_ends *ends = aq_ends_for(level);
    static const int64_t lengths[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 61, 64, 100, 1000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (int64_t step = -3; step <= 3; step++)
            check_widen(ends, lengths[i], step);
        for (int64_t rows = 1; rows <= 9; rows += 4)
            for (int variant = 0; variant < 6; variant++) {
                store_case c = {
                    .ends = ends, .rows = rows, .n = lengths[i], .step = 1, .bias = variant % 2 == 1};
                c.turned = variant / 2 == 1;
                c.step = variant / 2 == 2 && rows == 1 ? 3 : 1;
                check_store(c);
            }
    }
    for (int64_t n = 16; n <= 128; n *= 2)
        for (int variant = 0; variant < 3; variant++)
            check_add_block(ends, n, variant);
    check_widen(ends, 65536, 1);
    check_widen(ends, 65536, 2);
}
