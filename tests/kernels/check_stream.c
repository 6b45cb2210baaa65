/* SPDX-License-Identifier: Apache-2.0 */
/* check_stream.c - stream kernels: rows x columns x k around every edge, each problem in all four layouts,
 * against the sums of page 5 and their fp64 bound. */
#include <stdlib.h>
#include <string.h>

#include "kernels/checker.h"
#include "kernels/data.h"

typedef struct stream_case {
    const aq_kernel *kernel;
    aq_order order;
    int64_t rows, n, k;
    ck_x_kind x_kind;
    ck_w_kind w_kind;
    ck_c_kind c_kind;
    ck_view view;
    /* logical arrays and what is expected of them */
    float *x, *w;
    uint16_t *x_bits;
    int8_t *stored;
    ck_parameters parameters;
    ck_sum *expected;
} stream_case;

static void make_data(stream_case *c)
{
    c->x_bits = ck_alloc(c->rows * c->k, sizeof *c->x_bits);
    c->x = ck_alloc(c->rows * c->k, sizeof *c->x);
    c->stored = ck_alloc(c->k * c->n, sizeof *c->stored);
    c->w = ck_alloc(c->k * c->n, sizeof *c->w);
    c->expected = ck_alloc(c->rows * c->n, sizeof *c->expected);
    ck_fill_x(c->x_bits, c->rows * c->k, c->x_kind);
    ck_make_weight(c->stored, c->order, c->n, c->k, c->w_kind, c->view);
    ck_make_parameters(&c->parameters, 0, c->n, c->c_kind);
    for (int64_t i = 0; i < c->rows * c->k; i++)
        c->x[i] = (float)ck_f16_value(c->x_bits[i]);
    for (int64_t i = 0; i < c->k * c->n; i++)
        c->w[i] = ck_expected_weight(&c->parameters, c->stored[i], i % c->n);
    ck_product product = {c->order == AQ_ORDER_T, c->rows, c->n, c->k, c->x, c->w};
    for (int64_t i = 0; i < c->rows * c->n; i++)
        c->expected[i] = ck_product_element(&product, i / c->n, i % c->n);
}

static void free_data(stream_case *c)
{
    free(c->x_bits);
    free(c->x);
    free(c->stored);
    free(c->w);
    free(c->expected);
    ck_free_parameters(&c->parameters);
}

typedef struct stream_call {
    const aq_kernel *kernel;
    aq_stream_tile tile;
} stream_call;

static void call_stream(void *argument)
{
    const stream_call *call = argument;
    call->kernel->stream(&call->tile);
}

static void compare(const stream_case *c, const float *sum, int64_t stride)
{
    for (int64_t i = 0; i < c->rows * c->n; i++) {
        float got = sum[i / c->n * stride + i % c->n];
        const ck_sum *e = &c->expected[i];
        if (!ck_same(got, e->sum)) {
            ck_fail("sum (%lld,%lld) is %a, the reference has %a", (long long)(i / c->n),
                    (long long)(i % c->n), (double)got, (double)e->sum);
            return;
        }
        ck_expect_bound(got, e);
    }
}

static void run_layout(stream_case *c, ck_layout layout)
{
    int64_t padded = (c->k + 15) / 16 * 16;
    ck_rows x = ck_place(CK_X, layout, c->rows, padded * 4, 4 * ck_random_below(20), 4);
    for (int64_t r = 0; r < c->rows; r++) {
        memset(x.base + r * x.stride, 0, (size_t)padded * 4);
        memcpy(x.base + r * x.stride, c->x + r * c->k, (size_t)c->k * 4);
    }
    ck_remember(CK_X);
    ck_rows sum = ck_place(CK_SUM, layout, c->rows, c->n * 4, 4 * ck_random_below(20), 4);
    stream_call call = {.kernel = c->kernel,
                        .tile = {.weight = ck_place_weight(c->stored, c->order, c->n, c->k, c->view, layout),
                                 .x = (const float *)(void *)x.base,
                                 .x_stride = x.stride / 4,
                                 .columns = ck_place_columns(&c->parameters, layout),
                                 .sum = (float *)(void *)sum.base,
                                 .sum_stride = sum.stride / 4,
                                 .rows = c->rows,
                                 .n = c->n,
                                 .k = c->k}};
    if (!ck_survives(call_stream, &call))
        return;
    compare(c, call.tile.sum, call.tile.sum_stride);
    ck_expect_poison_around(CK_SUM, "sum");
    ck_expect_unchanged(CK_X, "x");
    ck_expect_unchanged(CK_WEIGHT, "weight");
    ck_expect_columns_unchanged(&c->parameters);
}

static void check_case(stream_case c)
{
    aq_kernel_query query = ck_query(c.order, c.rows, c.n, c.k, AQ_RECIPE_FIXPIPE);
    if (ck_declines(c.kernel, &query))
        return;
    if (!ck_begin("order %s rows %lld n %lld k %lld x kind %d weight kind %d column kind %d view %d",
                  c.order == AQ_ORDER_P ? "P" : "T", (long long)c.rows, (long long)c.n, (long long)c.k,
                  c.x_kind, c.w_kind, c.c_kind, c.view))
        return;
    make_data(&c);
    for (int layout = 0; layout < CK_LAYOUTS; layout++) {
        ck_set_layout(ck_layout_name((ck_layout)layout));
        run_layout(&c, (ck_layout)layout);
    }
    free_data(&c);
    ck_end();
}

/* Most cases are plain; the kinds of data and views take turns. */
static void check_shape(const aq_kernel *kernel, aq_order order, int64_t rows, int64_t n, int64_t k)
{
    stream_case c = {.kernel = kernel, .order = order, .rows = rows, .n = n, .k = k};
    c.view = (ck_view)(ck.number % CK_VIEWS);
    if (ck.number % 3 == 0) {
        c.x_kind = (ck_x_kind)(ck.number / 3 % CK_X_KINDS);
        c.c_kind = (ck_c_kind)(ck.number / 3 % CK_C_KINDS);
        c.w_kind = (ck_w_kind)(ck.number / 3 % CK_W_KINDS);
    }
    check_case(c);
}

static void check_grid(const aq_kernel *kernel, aq_order order, int64_t rows, const int64_t *columns,
                       int64_t widths, const int64_t *depths, int64_t count)
{
    for (int64_t i = 0; i < widths; i++)
        for (int64_t j = 0; j < count && columns[i] > 0; j++)
            check_shape(kernel, order, rows, columns[i], depths[j]);
}

#define GRID(rows, columns, depths)                                                                          \
    check_grid(kernel, order, rows, columns, sizeof(columns) / sizeof *(columns), depths,                    \
               sizeof(depths) / sizeof *(depths))

/* One row and the most rows at every edge; the numbers between at fewer. */
static void check_edges(const aq_kernel *kernel, aq_order order)
{
    int64_t chunk = aq_chunk_length(order), nr = kernel->nr;
    const int64_t columns[] = {1, 2, 15, 16, 17, 31, 33, nr - 1, nr, nr + 1, 2 * nr - 1, 2 * nr + 1, 97};
    const int64_t depths[] = {1,
                              2,
                              7,
                              8,
                              9,
                              15,
                              16,
                              17,
                              31,
                              32,
                              33,
                              61,
                              63,
                              65,
                              chunk - 1,
                              chunk,
                              chunk + 1,
                              chunk + 16,
                              chunk * 2 - 1,
                              2 * chunk + 17,
                              3 * chunk + 13};
    GRID(1, columns, depths);
    GRID(kernel->mr, columns, depths);
    const int64_t few_columns[] = {1, 17, nr - 1, nr + 1, 35};
    const int64_t few_depths[] = {1, 16, 17, 61, chunk + 1};
    for (int64_t rows = 2; rows < kernel->mr; rows++)
        GRID(rows, few_columns, few_depths);
    /* Wider than any block of columns that a kernel prepares at a time. */
    const int64_t wide[] = {127, 257, 513, 1029, 2049, 4101};
    const int64_t flat[] = {1, 17, 131};
    GRID(1, wide, flat);
    GRID(kernel->mr, wide, flat);
    check_shape(kernel, order, kernel->mr, 2051, chunk + 3);
    check_shape(kernel, order, 1, 4099, 259);
}

/* Every kind of x with every kind of weight and of parameters, at a shape with tails everywhere. */
static void check_kinds(const aq_kernel *kernel, aq_order order)
{
    stream_case c = {.kernel = kernel, .order = order, .rows = kernel->mr, .n = kernel->nr + 3, .k = 0};
    for (int x = 0; x < CK_X_KINDS; x++)
        for (int w = 0; w < CK_W_KINDS; w++)
            for (int kind = 0; kind < CK_C_KINDS; kind++) {
                c.x_kind = (ck_x_kind)x;
                c.w_kind = (ck_w_kind)w;
                c.c_kind = (ck_c_kind)kind;
                c.view = (ck_view)((x + w + kind) % CK_VIEWS);
                c.k = order == AQ_ORDER_P ? 259 : 1043;
                check_case(c);
                c.k = 45;
                check_case(c);
            }
}

static void check_random(const aq_kernel *kernel, aq_order order)
{
    for (int i = 0; i < 150; i++) {
        ck_random_start(ck_mix(ck.seed, (uint64_t)i)); /* the shape; the data begin afresh with the case */
        int64_t rows = 1 + ck_random_below(kernel->mr), n = 1 + ck_random_below(3 * kernel->nr);
        int64_t k = 1 + ck_random_below(i % 2 ? 100 : 1500);
        check_shape(kernel, order, rows, n, k);
    }
}

void ck_check_stream(const aq_kernel *kernel)
{
    for (int o = AQ_ORDER_P; o <= AQ_ORDER_T; o++) {
        aq_order order = (aq_order)o;
        check_edges(kernel, order);
        check_kinds(kernel, order);
        check_random(kernel, order);
    }
}
