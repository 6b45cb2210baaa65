/* SPDX-License-Identifier: Apache-2.0 */
/* check_pack.c - the packers of gemm kernels: rows of x in every orientation, panels of the weight with every
 * recipe. Each packed position is looked up where ck_position says, and padding must be +0 to the bit. */
#include <stdlib.h>
#include <string.h>

#include "kernels/checker.h"
#include "kernels/data.h"
#include "kernels/ref/pack.h"

/* How x lies in memory: (r, k) at r * stride_m + k * stride_k. */
typedef enum x_view { X_ROWS, X_COLUMNS, X_STEPPED, X_REVERSED, X_ONE_ROW, X_ONE_COLUMN, X_VIEWS } x_view;

typedef struct pack_call {
    const aq_kernel *kernel;
    aq_rows_job rows;
    aq_panel_job panel;
    aq_generic_panel_job generic;
} pack_call;

static void call_pack_rows(void *argument)
{
    const pack_call *call = argument;
    call->kernel->pack_rows(&call->rows);
}

static void call_pack_panel(void *argument)
{
    const pack_call *call = argument;
    call->kernel->pack_panel(&call->panel);
}

static void call_generic(void *argument)
{
    const pack_call *call = argument;
    aq_pack_panel_generic(&call->generic);
}

static bool is_plus_zero(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits == 0;
}

/* packed[position * width + i] for the `used` entries and k values of expected[i * k_total + k], +0
 * elsewhere. */
static void compare_packed(const float *packed, const float *expected, aq_order order, int64_t steps,
                           int64_t k, int64_t width, int64_t used)
{
    for (int64_t p = 0; p < steps; p++) { /* p runs over unpadded k, then over padded ones */
        const float *got = packed + ck_position(order == AQ_ORDER_T, steps, p) * width;
        for (int64_t i = 0; i < width; i++) {
            bool padding = p >= k || i >= used;
            bool right = padding ? is_plus_zero(got[i]) : ck_same(got[i], expected[i * k + p]);
            if (!right) {
                ck_fail("k %lld, row or column %lld is %a, not %a", (long long)p, (long long)i,
                        (double)got[i], padding ? 0.0 : (double)expected[i * k + p]);
                return;
            }
        }
    }
}

static const uint16_t *place_x(const uint16_t *x, x_view view, ck_layout layout, aq_rows_job *job)
{
    int64_t outer = view == X_COLUMNS ? job->k : job->rows, inner = view == X_COLUMNS ? job->rows : job->k;
    int64_t step = view == X_STEPPED ? 3 : view == X_ONE_COLUMN ? 0 : 1;
    int64_t extent = (inner - 1) * step + 1;
    ck_rows rows =
        ck_place(CK_X, layout, view == X_ONE_ROW ? 1 : outer, extent * 2, 2 * ck_random_below(9), 2);
    int64_t stride = view == X_ONE_ROW ? 0 : rows.stride / 2;
    uint16_t *first = (uint16_t *)(void *)rows.base;
    if (view == X_REVERSED) {
        first += (outer - 1) * stride + extent - 1;
        stride = -stride;
        step = -step;
    }
    job->stride_m = view == X_COLUMNS ? step : stride;
    job->stride_k = view == X_COLUMNS ? stride : step;
    for (int64_t r = 0; r < job->rows; r++)
        for (int64_t k = 0; k < job->k; k++)
            first[r * job->stride_m + k * job->stride_k] = x[r * job->k + k];
    ck_remember(CK_X);
    return first;
}

static void run_rows(const aq_kernel *kernel, aq_rows_job job, const uint16_t *x, const float *expected,
                     x_view view)
{
    for (int layout = 0; layout < CK_LAYOUTS; layout++) {
        ck_set_layout(ck_layout_name((ck_layout)layout));
        job.x = place_x(x, view, (ck_layout)layout, &job);
        job.packed =
            (float *)(void *)ck_place(CK_PACKED, (ck_layout)layout, 1, job.steps * kernel->mr * 4, 0, 64)
                .base;
        pack_call call = {.kernel = kernel, .rows = job};
        if (!ck_survives(call_pack_rows, &call))
            continue;
        compare_packed(job.packed, expected, job.order, job.steps, job.k, kernel->mr, job.rows);
        ck_expect_poison_around(CK_PACKED, "packed rows");
        ck_expect_unchanged(CK_X, "x");
    }
}

static double half_value(uint16_t bits, aq_half half)
{
    return half == AQ_F16 ? ck_f16_value(bits) : ck_bf16_value(bits);
}

static void check_rows(const aq_kernel *kernel, aq_order order, int64_t rows, int64_t k, x_view view)
{
    aq_half half = ck.number % 5 == 4 ? AQ_BF16 : AQ_F16;
    if (!ck_begin("pack_rows %s order %s rows %lld k %lld view %d", half == AQ_F16 ? "fp16" : "bf16",
                  order == AQ_ORDER_P ? "P" : "T", (long long)rows, (long long)k, view))
        return;
    uint16_t *x = ck_alloc(rows * k, sizeof *x);
    float *expected = ck_alloc(rows * k, sizeof *expected);
    ck_fill_x(x, rows * k, (ck_x_kind)(ck.number % CK_X_KINDS));
    for (int64_t i = 0; i < rows * k; i++) {
        if (view == X_ONE_ROW)
            x[i] = x[i % k];
        if (view == X_ONE_COLUMN)
            x[i] = x[i / k * k];
        expected[i] = (float)half_value(x[i], half);
    }
    aq_rows_job job = {
        .order = order, .rows = rows, .k = k, .steps = aq_packed_steps(order, k), .half = half};
    run_rows(kernel, job, x, expected, view);
    free(x);
    free(expected);
    ck_end();
}

/* All 65536 bit patterns through the packer's conversion. */
static void check_all_halves(const aq_kernel *kernel, x_view view, aq_half half)
{
    if (!ck_begin("pack_rows of every %s, view %d", half == AQ_F16 ? "fp16" : "bf16", view))
        return;
    int64_t rows = kernel->mr, k = 256, count = rows * k;
    uint16_t *x = ck_alloc(count, sizeof *x);
    float *expected = ck_alloc(count, sizeof *expected);
    for (int64_t begin = 0; begin < 65536; begin += count) {
        for (int64_t i = 0; i < count; i++) {
            x[i] = (uint16_t)(begin + i);
            expected[i] = (float)half_value(x[i], half);
        }
        aq_rows_job job = {.order = AQ_ORDER_P, .rows = rows, .k = k, .steps = k, .half = half};
        run_rows(kernel, job, x, expected, view);
    }
    free(x);
    free(expected);
    ck_end();
}

void ck_check_rows(const aq_kernel *kernel)
{
    for (int o = AQ_ORDER_P; o <= AQ_ORDER_T; o++) {
        int64_t chunk = aq_chunk_length((aq_order)o);
        const int64_t depths[] = {1,  2,  7,  8,  9,   15,         16,        17,
                                  31, 33, 61, 64, 113, chunk - 16, chunk - 1, chunk};
        for (int64_t rows = 1; rows <= kernel->mr; rows++)
            for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++)
                for (int view = 0; view < X_VIEWS; view++)
                    check_rows(kernel, (aq_order)o, rows, depths[i], (x_view)view);
    }
    for (int half = AQ_F16; half <= AQ_BF16; half++) {
        check_all_halves(kernel, X_ROWS, (aq_half)half);
        check_all_halves(kernel, X_COLUMNS, (aq_half)half);
        check_all_halves(kernel, X_STEPPED, (aq_half)half);
    }
}

typedef struct panel_case {
    const aq_kernel *kernel;
    aq_order order;
    int recipe;
    int64_t n, k;
    ck_w_kind w_kind;
    ck_c_kind c_kind;
    ck_view view;
} panel_case;

/* The kernel's packer against the oracle, and the generic one, given the same, against the kernel's. */
static void run_panel(const panel_case *c, const int8_t *stored, const ck_parameters *parameters,
                      const float *expected, ck_layout layout)
{
    int64_t nr = c->kernel->nr, steps = aq_packed_steps(c->order, c->k);
    aq_weight weight = ck_place_weight(stored, c->order, c->n, c->k, c->view, layout);
    float *panel = (float *)(void *)ck_place(CK_PANEL, layout, 1, steps * nr * 4, 0, 64).base;
    float *other = (float *)(void *)ck_place(CK_PANEL_GENERIC, layout, 1, steps * nr * 4, 0, 64).base;
    aq_parameters full = ck_generic_parameters(parameters);
    pack_call call = {
        .kernel = c->kernel,
        .panel = {c->order, weight, ck_place_columns(parameters, layout), c->k, c->n, steps, panel},
        .generic = {c->order, &weight, &full, c->k, 0, 0, c->k, c->n, steps, nr, other},
    };
    if (ck_survives(call_pack_panel, &call))
        compare_packed(panel, expected, c->order, steps, c->k, nr, c->n);
    if (ck_survives(call_generic, &call))
        for (int64_t i = 0; i < steps * nr; i++)
            if (!ck_same(panel[i], other[i])) {
                ck_fail("position %lld is %a, the generic packer gives %a", (long long)i, (double)panel[i],
                        (double)other[i]);
                break;
            }
    ck_expect_poison_around(CK_PANEL, "panel");
    ck_expect_poison_around(CK_PANEL_GENERIC, "the generic packer's panel");
    ck_expect_unchanged(CK_WEIGHT, "weight");
    ck_expect_columns_unchanged(parameters);
}

static void check_panel(const panel_case *c)
{
    if (!ck_begin("pack_panel order %s %s n %lld k %lld weight kind %d column kind %d view %d",
                  c->order == AQ_ORDER_P ? "P" : "T", ck_recipe_name(c->recipe), (long long)c->n,
                  (long long)c->k, c->w_kind, c->c_kind, c->view))
        return;
    ck_parameters parameters;
    ck_make_parameters(&parameters, c->recipe, c->n, c->c_kind);
    int8_t *stored = ck_alloc(c->n * c->k, sizeof *stored);
    float *expected = ck_alloc(c->n * c->k, sizeof *expected);
    ck_make_weight(stored, c->order, c->n, c->k, c->w_kind, c->view);
    for (int64_t j = 0; j < c->n; j++)
        for (int64_t k = 0; k < c->k; k++)
            expected[j * c->k + k] = ck_expected_weight(&parameters, stored[k * c->n + j], j);
    for (int layout = 0; layout < CK_LAYOUTS; layout++) {
        ck_set_layout(ck_layout_name((ck_layout)layout));
        run_panel(c, stored, &parameters, expected, (ck_layout)layout);
    }
    free(stored);
    free(expected);
    ck_free_parameters(&parameters);
    ck_end();
}

void ck_check_panel(const aq_kernel *kernel)
{
    int64_t nr = kernel->nr;
    const int64_t columns[] = {1, 2, 8, 15, 16, 17, nr / 2 + 1, nr - 1, nr};
    for (int o = AQ_ORDER_P; o <= AQ_ORDER_T; o++) {
        int64_t chunk = aq_chunk_length((aq_order)o);
        const int64_t depths[] = {1, 2, 7, 15, 16, 17, 33, 61, chunk - 1, chunk};
        for (int recipe = 0; recipe < CK_RECIPES; recipe++)
            for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
                for (size_t j = 0; j < sizeof depths / sizeof depths[0]; j++) {
                    if (columns[i] > nr || (columns[i] < nr - 1 && recipe > 0 && depths[j] > 61))
                        continue;
                    panel_case c = {kernel,    (aq_order)o, recipe,     columns[i],
                                    depths[j], CK_W_RANDOM, CK_C_PLAIN, CK_DENSE};
                    c.view = (ck_view)(ck.number % CK_VIEWS);
                    c.c_kind = (ck_c_kind)(ck.number / 2 % CK_C_KINDS);
                    c.w_kind = ck.number % 5 == 0 ? (ck_w_kind)(ck.number / 5 % CK_W_KINDS) : CK_W_RANDOM;
                    check_panel(&c);
                }
    }
}
