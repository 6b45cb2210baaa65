/* SPDX-License-Identifier: Apache-2.0 */
/* check_scaled_stream.c - stream_scaled: rows, columns, k and groups around every edge, each problem in all
 * four memory layouts and in slices, against the sums of page 5 and their fp64 bound. */
#include <stdlib.h>
#include <string.h>

#include "kernels/checker.h"
#include "kernels/scaled.h"

typedef struct stream_case {
    const aq_kernel *kernel;
    ck_scaled p;
    int64_t rows;
    ck_x_kind x_kind;
    float *x;
    ck_sum *expected;
} stream_case;

typedef struct stream_call {
    const aq_kernel *kernel;
    aq_scaled_stream_tile tile;
} stream_call;

static void call_stream(void *argument)
{
    const stream_call *call = argument;
    call->kernel->stream_scaled(&call->tile);
}

static void make_x(stream_case *c)
{
    int64_t count = c->rows * c->p.k;
    uint16_t *bits = ck_alloc(count, sizeof *bits);
    c->x = ck_alloc(count, sizeof *c->x);
    ck_fill_x(bits, count, c->x_kind);
    for (int64_t i = 0; i < count; i++) /* any fp16 is a number of x; for bf16 as good, rounded */
        c->x[i] = (float)ck_round_half(ck_f16_value(bits[i]), c->p.half);
    free(bits);
}

static void compare(const stream_case *c, const aq_scaled_stream_tile *tile)
{
    for (int64_t r = 0; r < tile->rows; r++)
        for (int64_t j = 0; j < tile->n; j++) {
            const ck_sum *e = &c->expected[r * c->p.n + tile->n0 + j];
            float got = tile->sum[r * tile->sum_stride + j];
            if (!ck_same(got, e->sum)) {
                ck_fail("sum (%lld,%lld) is %a, the reference has %a", (long long)r,
                        (long long)(tile->n0 + j), (double)got, (double)e->sum);
                return;
            }
            /* the bound knows no overflow and no underflow of fp32, which bf16 numbers can bring about */
            if (c->p.half == AQ_F16 || (e->bound > 0x1p-126 && e->bound < 0x1p102))
                ck_expect_bound(got, e);
        }
}

/* slice: columns of a call, a multiple of nr. */
static void run_layout(const stream_case *c, ck_layout layout, int64_t slice)
{
    const ck_scaled *p = &c->p;
    aq_weight weight;
    aq_scaled scaled;
    ck_scaled_place(p, layout, &weight, &scaled);
    int64_t padded = (p->k + 15) / 16 * 16;
    ck_rows x = ck_place(CK_X, layout, c->rows, padded * 4, 4 * ck_random_below(20), 4);
    for (int64_t r = 0; r < c->rows; r++) {
        memset(x.base + r * x.stride, 0, (size_t)padded * 4);
        memcpy(x.base + r * x.stride, c->x + r * p->k, (size_t)p->k * 4);
    }
    ck_remember(CK_X);
    for (int64_t n0 = 0; n0 < p->n; n0 += slice) {
        int64_t n = p->n - n0 < slice ? p->n - n0 : slice;
        ck_rows sum = ck_place(CK_SUM, layout, c->rows, n * 4, 4 * ck_random_below(20), 4);
        stream_call call = {.kernel = c->kernel,
                            .tile = {.weight = &weight,
                                     .scaled = &scaled,
                                     .n0 = n0,
                                     .x = (const float *)(void *)x.base,
                                     .x_stride = x.stride / 4,
                                     .sum = (float *)(void *)sum.base,
                                     .sum_stride = sum.stride / 4,
                                     .rows = c->rows,
                                     .n = n,
                                     .k = p->k}};
        if (!ck_survives(call_stream, &call))
            return;
        compare(c, &call.tile);
        ck_expect_poison_around(CK_SUM, "sum");
    }
    ck_expect_unchanged(CK_X, "x");
    ck_scaled_expect_unchanged(p);
}

static void check_case(stream_case c)
{
    aq_kernel_query query = ck_scaled_query(&c.p, c.rows);
    if (ck_declines(c.kernel, &query))
        return;
    if (!ck_begin("rows %lld x kind %d %s", (long long)c.rows, c.x_kind, ck_scaled_name(&c.p)))
        return;
    ck_scaled_make(&c.p);
    make_x(&c);
    c.expected = ck_alloc(c.rows * c.p.n, sizeof *c.expected);
    ck_product product = {c.p.order == AQ_ORDER_T, c.rows, c.p.n, c.p.k, c.x, c.p.expected};
    for (int64_t i = 0; i < c.rows * c.p.n; i++)
        c.expected[i] = ck_product_element(&product, i / c.p.n, i % c.p.n);
    for (int layout = 0; layout < CK_LAYOUTS; layout++) {
        ck_set_layout(ck_layout_name((ck_layout)layout));
        int64_t nr = c.kernel->nr, slices = (c.p.n + nr - 1) / nr;
        run_layout(&c, (ck_layout)layout, (1 + ck_random_below(slices)) * nr);
    }
    ck_scaled_free(&c.p);
    free(c.x);
    free(c.expected);
    ck_end();
}

/* The kinds of everything take turns. */
static void check_shape(stream_case c, int64_t n, int64_t k)
{
    static const int64_t groups[] = {0, 32, 64, 16, 128, 0, 96, 256, 1024, 2048};
    c.p.n = n;
    c.p.k = k;
    int64_t group = groups[ck.number % 10];
    c.p.group = group == 0 ? k + ck.number % 3 : group;
    c.p.offset_present = ck.number / 2 % 2 == 1;
    c.p.kind = (ck_s_kind)(ck.number / 3 % CK_S_KINDS);
    c.p.view = (ck_s_view)(ck.number / 5 % CK_S_VIEWS);
    c.p.rows = (ck_view)(ck.number / 7 % CK_VIEWS);
    c.x_kind = ck.number % 3 == 0 ? (ck_x_kind)(ck.number / 3 % CK_X_KINDS) : CK_X_PLAIN;
    check_case(c);
}

static void check_grid(const stream_case *c, int64_t rows, const int64_t *columns, int64_t widths,
                       const int64_t *depths, int64_t count)
{
    stream_case with = *c;
    with.rows = rows;
    for (int64_t i = 0; i < widths; i++)
        for (int64_t j = 0; j < count && columns[i] > 0; j++)
            check_shape(with, columns[i], depths[j]);
}

#define GRID(rows, columns, depths)                                                                          \
    check_grid(c, rows, columns, sizeof(columns) / sizeof *(columns), depths,                                \
               sizeof(depths) / sizeof *(depths))

static void check_edges(const stream_case *c)
{
    const int64_t chunk = aq_chunk_length(c->p.order), nr = c->kernel->nr;
    const int64_t columns[] = {1, 2, 15, 17, 33, nr - 1, nr, nr + 1, 2 * nr + 1, 2 * nr - 1, 97};
    const int64_t depths[] = {1, 2, 8, 15, 16, 17, 31, 33, 61, 64, 65, 127, chunk - 1, chunk, chunk + 33};
    GRID(1, columns, depths);
    GRID(c->kernel->mr, columns, depths);
    const int64_t few_columns[] = {1, 17, nr + 1, 35};
    const int64_t few_depths[] = {1, 17, 61, chunk + 1};
    for (int64_t rows = 2; rows < c->kernel->mr; rows++)
        GRID(rows, few_columns, few_depths);
    /* Wider than any block of columns that a kernel prepares at a time. */
    const int64_t wide[] = {255, 513, 1029, 2049, 4353};
    const int64_t flat[] = {17, 131};
    GRID(1, wide, flat);
    GRID(c->kernel->mr, wide, flat);
    const int64_t one[] = {3 * nr + 5};
    const int64_t deep[] = {3 * chunk + 13, 2 * chunk};
    GRID(1, one, deep);
    GRID(c->kernel->mr, one, deep);
}

/* Every kind of x with every kind of parameters, at a shape with tails everywhere. */
static void check_kinds(const stream_case *c)
{
    stream_case with = *c;
    for (int i = 0; i < CK_X_KINDS * CK_S_KINDS * 4; i++) {
        with.x_kind = (ck_x_kind)(i % CK_X_KINDS);
        with.p.kind = (ck_s_kind)(i / CK_X_KINDS % CK_S_KINDS);
        with.p.offset_present = i / (CK_X_KINDS * CK_S_KINDS) % 2 == 1;
        with.p.view = (ck_s_view)(i % CK_S_VIEWS);
        with.p.n = c->kernel->nr + 3;
        with.p.k = c->p.order == AQ_ORDER_P ? 259 : 1043;
        with.p.group = i / (CK_X_KINDS * CK_S_KINDS) / 2 ? 64 : with.p.k;
        with.rows = i % 2 ? 1 : c->kernel->mr;
        check_case(with);
    }
}

void ck_check_scaled_stream(const aq_kernel *kernel)
{
    for (int i = 0; i < 8; i++) {
        stream_case c = {.kernel = kernel,
                         .p = {.order = i % 2 ? AQ_ORDER_T : AQ_ORDER_P,
                               .type = i / 2 % 2 ? AQ_S4 : AQ_S8,
                               .half = i / 4 ? AQ_BF16 : AQ_F16}};
        for (c.p.block = 0; c.p.block <= 64; c.p.block += c.p.block == 0 ? 16 : c.p.block)
            check_edges(&c);
        c.p.block = 0;
        check_kinds(&c);
    }
}
