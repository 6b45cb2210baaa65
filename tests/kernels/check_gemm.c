/* SPDX-License-Identifier: Apache-2.0 */
/* check_gemm.c - gemm kernels: one tile of packed data at a time, then whole products, put together from the
 * kernel's own packers and tiles the way the loops of matmul/ do. */
#include <stdlib.h>
#include <string.h>

#include "kernels/checker.h"
#include "kernels/data.h"

typedef struct tile_call {
    const aq_kernel *kernel;
    aq_gemm_tile tile;
} tile_call;

static void call_gemm(void *argument)
{
    const tile_call *call = argument;
    call->kernel->gemm(&call->tile);
}

/* A logical (count, k) array of 16-bit floats, and the same packed `width` to a position. */
typedef struct operand {
    int64_t count, k;
    float *values; /* count rows of k */
} operand;

/* bf16 numbers. Two CK_X_SUBNORMAL ones have a product about the end of fp32's range, which no rounding of a
 * product of its own would leave as it is; so have two CK_X_LARGEST ones, about the other end. */
static uint16_t random_bf16(ck_x_kind kind)
{
    static const struct {
        int low, high; /* of the exponent field */
    } range[CK_X_KINDS] = {{120, 130}, {0, 254}, {52, 66}, {187, 191}, {0, 255}};
    int exponent = range[kind].low + (int)ck_random_below(range[kind].high - range[kind].low + 1);
    return (uint16_t)((ck_random() & 0x807Fu) | (unsigned)exponent << 7);
}

static operand make_operand(int64_t count, int64_t k, ck_x_kind kind, aq_half half)
{
    operand o = {count, k, ck_alloc(count * k, sizeof(float))};
    uint16_t *bits = ck_alloc(count * k, sizeof *bits);
    ck_fill_x(bits, count * k, kind);
    for (int64_t i = 0; i < count * k; i++)
        o.values[i] = (float)(half == AQ_F16 ? ck_f16_value(bits[i]) : ck_bf16_value(random_bf16(kind)));
    free(bits);
    return o;
}

static const float *place_operand(const operand *o, aq_order order, ck_array array, ck_layout layout)
{
    float *packed = (float *)(void *)ck_place(array, layout, 1, o->count * o->k * 4, 0, 64).base;
    for (int64_t k = 0; k < o->k; k++)
        for (int64_t i = 0; i < o->count; i++)
            packed[ck_position(order == AQ_ORDER_T, o->k, k) * o->count + i] = o->values[i * o->k + k];
    ck_remember(array);
    return packed;
}

typedef struct tile_case {
    const aq_kernel *kernel;
    aq_order order;
    int64_t steps;
    bool first;
    ck_x_kind x_kind, w_kind;
    aq_half half;
    bool unrounded;        /* weights of mode exact: any fp32 */
    int64_t rows, columns; /* that exist */
} tile_case;

static void run_tile(const tile_case *c, const operand *x, const operand *w, const float *before,
                     ck_layout layout)
{
    int64_t mr = c->kernel->mr, nr = c->kernel->nr;
    ck_rows rows = ck_place(CK_SUM, layout, mr, nr * 4, 64 * ck_random_below(3), 64);
    tile_call call = {c->kernel,
                      {.order = c->order,
                       .packed = place_operand(x, c->order, CK_PACKED, layout),
                       .panel = place_operand(w, c->order, CK_PANEL, layout),
                       .steps = c->steps,
                       .sum = (float *)(void *)rows.base,
                       .sum_stride = rows.stride / 4,
                       .first = c->first,
                       .rows = c->rows,
                       .columns = c->columns}};
    for (int64_t r = 0; r < mr && !c->first; r++) /* a first sum is written over poison */
        memcpy(rows.base + r * rows.stride, before + r * nr, (size_t)nr * 4);
    if (!ck_survives(call_gemm, &call))
        return;
    for (int64_t i = 0; i < mr * nr; i++) {
        if (i / nr >= c->rows || i % nr >= c->columns) /* whatever it likes */
            continue;
        float expected = ck_chunk_sum(c->order == AQ_ORDER_T, c->steps, x->values + i / nr * c->steps,
                                      w->values + i % nr * c->steps, 1);
        if (!c->first)
            expected = before[i] + expected;
        float got = call.tile.sum[i / nr * call.tile.sum_stride + i % nr];
        if (!ck_same(got, expected)) {
            ck_fail("sum (%lld,%lld) is %a, the reference has %a", (long long)(i / nr), (long long)(i % nr),
                    (double)got, (double)expected);
            break;
        }
    }
    ck_expect_poison_around(CK_SUM, "sum");
    ck_expect_unchanged(CK_PACKED, "packed rows");
    ck_expect_unchanged(CK_PANEL, "panel");
}

static void check_tile(const tile_case *c)
{
    if (!ck_begin("gemm tile %s%s order %s steps %lld %s x kind %d weight kind %d",
                  c->half == AQ_F16 ? "fp16" : "bf16", c->unrounded ? " unrounded" : "",
                  c->order == AQ_ORDER_P ? "P" : "T", (long long)c->steps, c->first ? "first" : "later",
                  c->x_kind, c->w_kind))
        return;
    int64_t mr = c->kernel->mr, nr = c->kernel->nr;
    operand x = make_operand(mr, c->steps, c->x_kind, c->half),
            w = make_operand(nr, c->steps, c->w_kind, c->half);
    for (int64_t i = 0; i < nr * c->steps && c->unrounded; i++)
        w.values[i] *= 0x1.555556p0f;
    operand before = make_operand(mr, nr, CK_X_PLAIN, AQ_F16);
    for (int64_t i = 0; i < mr * nr; i++)
        before.values[i] *= 0x1.555556p0f; /* no longer an fp16 number: sums have all 24 bits */
    for (int layout = 0; layout < CK_LAYOUTS; layout++) {
        ck_set_layout(ck_layout_name((ck_layout)layout));
        run_tile(c, &x, &w, before.values, (ck_layout)layout);
    }
    free(x.values);
    free(w.values);
    free(before.values);
    ck_end();
}

void ck_check_tile(const aq_kernel *kernel)
{
    for (int o = AQ_ORDER_P; o <= AQ_ORDER_T; o++) {
        aq_order order = (aq_order)o;
        static const int64_t depths[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 31, 61, 62, 63, 64};
        for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++)
            for (int x = 0; x < CK_X_KINDS; x++)
                for (int first = 0; first < 2; first++) {
                    /* P: up to 256 positions, in ones and in fours. T: up to 64 for each of the 16 lanes. */
                    int64_t scale = order == AQ_ORDER_T ? 16 : x % 2 ? 4 : 1;
                    tile_case c = {
                        .kernel = kernel, .order = order, .steps = depths[i] * scale, .first = first != 0};
                    /* the whole tile, and every number of rows and of columns in between */
                    c.rows = i % 2 == 0 ? kernel->mr : 1 + ck_random_below(kernel->mr);
                    c.columns = i % 2 == 0 ? kernel->nr : 1 + ck_random_below(kernel->nr);
                    c.x_kind = (ck_x_kind)x;
                    c.w_kind = i % 4 == 0 ? (ck_x_kind)(i / 4 % CK_X_KINDS) : CK_X_PLAIN;
                    check_tile(&c);
                    c.unrounded = true;
                    check_tile(&c);
                    c.unrounded = false;
                    c.half = AQ_BF16;
                    c.w_kind = c.x_kind;
                    check_tile(&c);
                }
    }
}

typedef struct product_case {
    const aq_kernel *kernel;
    aq_order order;
    int recipe;
    int64_t m, n, k;
    ck_x_kind x_kind;
    ck_c_kind c_kind;
    ck_view view;
    /* placed */
    const uint16_t *x;
    int64_t x_stride;
    aq_weight weight;
    aq_columns columns;
    float *packed, *panel, *sum, *result;
    int64_t sum_stride;
} product_case;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* One tile of the result at (m0, n0), chunk after chunk. */
static void multiply_tile(const product_case *c, int64_t m0, int64_t n0)
{
    int64_t mr = c->kernel->mr, nr = c->kernel->nr;
    int64_t rows = smaller(mr, c->m - m0), columns = smaller(nr, c->n - n0);
    for (int64_t k0 = 0; k0 < c->k; k0 += aq_chunk_length(c->order)) {
        int64_t k = smaller(aq_chunk_length(c->order), c->k - k0), steps = aq_packed_steps(c->order, k);
        aq_weight weight = c->weight;
        weight.data += k0 * weight.stride_k + n0 * weight.stride_n;
        aq_rows_job rows_job = {.order = c->order,
                                .x = c->x + m0 * c->x_stride + k0,
                                .stride_m = c->x_stride,
                                .stride_k = 1,
                                .rows = rows,
                                .k = k,
                                .steps = steps,
                                .packed = c->packed};
        aq_panel_job panel_job = {c->order, weight,  ck_columns_from(c->columns, n0), k, columns,
                                  steps,    c->panel};
        aq_gemm_tile tile = {c->order,      c->packed, c->panel, steps,  c->sum,
                             c->sum_stride, k0 == 0,   rows,     columns};
        c->kernel->pack_rows(&rows_job);
        c->kernel->pack_panel(&panel_job);
        c->kernel->gemm(&tile);
    }
    for (int64_t r = 0; r < rows; r++)
        memcpy(c->result + (m0 + r) * c->n + n0, c->sum + r * c->sum_stride, (size_t)columns * 4);
}

static void multiply(void *argument)
{
    const product_case *c = argument;
    for (int64_t m0 = 0; m0 < c->m; m0 += c->kernel->mr)
        for (int64_t n0 = 0; n0 < c->n; n0 += c->kernel->nr)
            multiply_tile(c, m0, n0);
}

static void place_product(product_case *c, const uint16_t *x, const int8_t *stored,
                          const ck_parameters *parameters, ck_layout layout)
{
    int64_t mr = c->kernel->mr, nr = c->kernel->nr,
            steps = aq_packed_steps(c->order, aq_chunk_length(c->order));
    ck_rows rows = ck_place(CK_X, layout, c->m, c->k * 2, 2 * ck_random_below(9), 2);
    for (int64_t r = 0; r < c->m; r++)
        memcpy(rows.base + r * rows.stride, x + r * c->k, (size_t)c->k * 2);
    ck_remember(CK_X);
    c->x = (const uint16_t *)(void *)rows.base;
    c->x_stride = rows.stride / 2;
    c->weight = ck_place_weight(stored, c->order, c->n, c->k, c->view, layout);
    c->columns = ck_place_columns(parameters, layout);
    c->packed = (float *)(void *)ck_place(CK_PACKED, layout, 1, steps * mr * 4, 0, 64).base;
    c->panel = (float *)(void *)ck_place(CK_PANEL, layout, 1, steps * nr * 4, 0, 64).base;
    ck_rows sum = ck_place(CK_SUM, layout, mr, nr * 4, 0, 64);
    c->sum = (float *)(void *)sum.base;
    c->sum_stride = sum.stride / 4;
}

static void compare_product(const product_case *c, const ck_sum *expected)
{
    for (int64_t i = 0; i < c->m * c->n; i++) {
        if (!ck_same(c->result[i], expected[i].sum)) {
            ck_fail("sum (%lld,%lld) is %a, the reference has %a", (long long)(i / c->n),
                    (long long)(i % c->n), (double)c->result[i], (double)expected[i].sum);
            return;
        }
        ck_expect_bound(c->result[i], &expected[i]);
    }
}

static void run_product(product_case *c, const uint16_t *x, const int8_t *stored,
                        const ck_parameters *parameters)
{
    float *x32 = ck_alloc(c->m * c->k, sizeof *x32), *w = ck_alloc(c->k * c->n, sizeof *w);
    ck_sum *expected = ck_alloc(c->m * c->n, sizeof *expected);
    for (int64_t i = 0; i < c->m * c->k; i++)
        x32[i] = (float)ck_f16_value(x[i]);
    for (int64_t i = 0; i < c->k * c->n; i++)
        w[i] = ck_expected_weight(parameters, stored[i], i % c->n);
    ck_product product = {c->order == AQ_ORDER_T, c->m, c->n, c->k, x32, w};
    for (int64_t i = 0; i < c->m * c->n; i++)
        expected[i] = ck_product_element(&product, i / c->n, i % c->n);
    for (int layout = 0; layout < CK_LAYOUTS; layout++) {
        ck_set_layout(ck_layout_name((ck_layout)layout));
        place_product(c, x, stored, parameters, (ck_layout)layout);
        if (ck_survives(multiply, c))
            compare_product(c, expected);
        ck_expect_unchanged(CK_X, "x");
        ck_expect_unchanged(CK_WEIGHT, "weight");
        ck_expect_columns_unchanged(parameters);
    }
    free(x32);
    free(w);
    free(expected);
}

static void check_product(product_case c)
{
    aq_kernel_query query =
        ck_query(c.order, c.m, c.n, c.k, c.recipe == 0 ? AQ_RECIPE_FIXPIPE : AQ_RECIPE_COMPOSED);
    if (ck_declines(c.kernel, &query) ||
        !ck_begin("product order %s %s m %lld n %lld k %lld x kind %d column kind %d view %d",
                  c.order == AQ_ORDER_P ? "P" : "T", ck_recipe_name(c.recipe), (long long)c.m, (long long)c.n,
                  (long long)c.k, c.x_kind, c.c_kind, c.view))
        return;
    ck_parameters parameters;
    ck_make_parameters(&parameters, c.recipe, c.n, c.c_kind);
    uint16_t *x = ck_alloc(c.m * c.k, sizeof *x);
    int8_t *stored = ck_alloc(c.k * c.n, sizeof *stored);
    c.result = ck_alloc(c.m * c.n, sizeof *c.result);
    ck_fill_x(x, c.m * c.k, c.x_kind);
    ck_make_weight(stored, c.order, c.n, c.k, ck.number % 5 ? CK_W_RANDOM : CK_W_LOWEST, c.view);
    run_product(&c, x, stored, &parameters);
    free(x);
    free(stored);
    free(c.result);
    ck_free_parameters(&parameters);
    ck_end();
}

static void check_shape(const aq_kernel *kernel, aq_order order, int64_t m, int64_t n, int64_t k)
{
    product_case c = {.kernel = kernel, .order = order, .m = m, .n = n, .k = k};
    c.recipe = ck.number % 2 ? (int)(ck.number / 2 % CK_RECIPES) : 0;
    c.view = (ck_view)(ck.number % CK_VIEWS);
    if (ck.number % 3 == 0) {
        c.x_kind = (ck_x_kind)(ck.number / 3 % CK_X_KINDS);
        c.c_kind = (ck_c_kind)(ck.number / 3 % CK_C_KINDS);
    }
    check_product(c);
}

void ck_check_product(const aq_kernel *kernel)
{
    int64_t mr = kernel->mr, nr = kernel->nr;
    const int64_t rows[] = {1, mr - 1, mr, mr + 1, 2 * mr + 1};
    const int64_t columns[] = {1, 15, 16, 17, nr - 1, nr, nr + 1, 2 * nr + 1};
    for (int o = AQ_ORDER_P; o <= AQ_ORDER_T; o++) {
        int64_t chunk = aq_chunk_length((aq_order)o);
        const int64_t depths[] = {
            1, 2, 15, 16, 17, 61, chunk - 1, chunk, chunk + 1, 2 * chunk + 17, 3 * chunk + 7};
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            for (size_t j = 0; j < sizeof columns / sizeof columns[0]; j++)
                for (size_t l = 0; l < sizeof depths / sizeof depths[0]; l++)
                    if (rows[i] > 0)
                        check_shape(kernel, (aq_order)o, rows[i], columns[j], depths[l]);
        for (int i = 0; i < 80; i++) {
            ck_random_start(
                ck_mix(ck.seed, (uint64_t)i)); /* the shape; the data begin afresh with the case */
            int64_t m = 1 + ck_random_below(3 * mr), n = 1 + ck_random_below(3 * nr);
            check_shape(kernel, (aq_order)o, m, n, 1 + ck_random_below(i % 2 ? 100 : 1500));
        }
    }
}
