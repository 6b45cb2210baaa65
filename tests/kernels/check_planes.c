/* SPDX-License-Identifier: Apache-2.0 */
/* check_planes.c - the integer kernels of modes exact and fast: which problems they are given, in which turn.
 */
#include <stdlib.h>

#include "kernels/checker.h"
#include "kernels/planes.h"
#include "kernels/planes_oracle.h"

/* The scales as the contract has them: of 16 bits by groups, any fp32 by columns. */
static void make_scales(ck_planes_case *c)
{
    int64_t count = c->p.groups * c->p.n;
    c->scale = ck_alloc(count, sizeof *c->scale);
    c->zero = ck_alloc(count, sizeof *c->zero);
    for (int64_t i = 0; i < count; i++) {
        double more = c->by_groups ? 1 : 1 + (double)ck_random_below(1 << 24) * 0x1p-25;
        c->scale[i] = c->lone ? 1.0f : (float)(ck_half_value(c->p.scale[i], c->p.half) * more);
        c->zero[i] = (float)(ck_half_value(c->p.offset[i], c->p.half) * (double)c->scale[i]);
    }
    if (!c->p.offset_present || c->lone) {
        free(c->zero);
        c->zero = NULL;
    }
}

static void make_case(ck_planes_case *c)
{
    ck_scaled *p = &c->p;
    ck_scaled_make(p);
    if (c->w_kind != CK_W_RANDOM)
        for (int64_t i = 0; i < p->n * p->k; i++)
            p->stored[i] = (int8_t)(c->w_kind == CK_W_LOWEST ? p->type == AQ_S8 ? -128 : -8
                                    : p->type == AQ_S8       ? 127
                                                             : 7);
    make_scales(c);
    ck_planes problem = {.exact = c->exact,
                         .segments = c->by_groups ? c->segments : 0,
                         .n = p->n,
                         .k = p->k,
                         .group = p->group,
                         .w = p->stored,
                         .scale = c->scale,
                         .zero = c->zero};
    c->x = ck_alloc(c->rows * p->k, sizeof *c->x);
    c->digits = ck_alloc(c->rows, sizeof *c->digits);
    c->expected = ck_alloc(c->rows * p->n, sizeof *c->expected);
    for (int64_t r = 0; r < c->rows; r++) {
        float *x = c->x + r * p->k;
        ck_planes_fill_x(x, p->k, c->x_kind);
        if (c->w_kind != CK_W_RANDOM && ck_random() & 1)
            for (int64_t i = 0; i < p->k; i++) /* all of one sign: the greatest sums */
                x[i] = x[i] < 0 ? -x[i] : x[i];
        ck_planes_cut(x, p->k, c->exact, &c->digits[r]);
        for (int64_t j = 0; j < p->n && c->digits[r].fits; j++)
            c->expected[r * p->n + j] = ck_planes_element(&problem, x, &c->digits[r], j);
    }
}

static void check_case(ck_planes_case c)
{
    c.by_groups = c.p.group < c.p.k;
    c.lone = c.lone && !c.by_groups;
    c.segments = !c.by_groups ? 1 : c.p.group % 128 == 0 ? 1 : c.p.group % 64 == 0 ? 2 : 4;
    aq_kernel_query query = ck_scaled_query(&c.p, c.rows);
    query.exact = true;
    if (ck_declines(c.kernel, &query) ||
        !ck_begin("mode %s rows %lld x kind %d weights %d%s%s %s", c.exact ? "exact" : "fast",
                  (long long)c.rows, c.x_kind, c.w_kind, c.anyhow ? " anyhow" : "", c.lone ? " sums" : "",
                  ck_scaled_name(&c.p)))
        return;
    make_case(&c);
    for (int layout = 0; layout < CK_LAYOUTS; layout++) {
        ck_set_layout(ck_layout_name((ck_layout)layout));
        ck_planes_run(&c, (ck_layout)layout);
    }
    ck_scaled_free(&c.p);
    free(c.x);
    free(c.scale);
    free(c.zero);
    free(c.digits);
    free(c.expected);
    ck_end();
}

/* The kinds of everything take turns, each with its own period. */
static void check_shape(ck_planes_case c, int64_t rows, int64_t n, int64_t k)
{
    static const int64_t groups[] = {0, 32, 0, 64, 128, 0, 96, 0, 256, 160, 0};
    long i = ck.number;
    int64_t group = groups[i % 11];
    c.rows = rows;
    c.p.n = n;
    c.p.k = k;
    c.p.group = group == 0 ? k + i % 3 : group;
    c.p.half = i / 2 % 3 == 0 ? AQ_BF16 : AQ_F16;
    c.p.offset_present = i % 3 != 0;
    c.p.kind = i % 5 == 0 ? (ck_s_kind)(i / 5 % CK_S_KINDS) : CK_S_PLAIN;
    c.p.view = (ck_s_view)(i / 3 % CK_S_VIEWS);
    c.p.rows = (ck_view)(i / 2 % CK_VIEWS);
    c.x_kind = (ck_planes_x)(i % 7 % 2 ? i / 7 % CK_PX_KINDS : 0);
    c.w_kind = i % 13 < 10 ? CK_W_RANDOM : (ck_w_kind)(i % 13 - 10);
    c.lone = i % 17 == 0;
    check_case(c);
}

static int64_t most_rows(const aq_kernel *kernel)
{
    const int64_t tile = kernel->planes->tile_rows;
    return kernel->planes->all_rows ? 2 * tile + 3 : tile;
}

static void check_shapes(ck_planes_case c)
{
    const int64_t columns = aq_panel_columns(c.p.type);
    const int64_t widths[] = {1,  2,  15,          16,      17,          31,
                              33, 63, columns - 1, columns, columns + 1, 2 * columns + 3};
    const int64_t depths[] = {1, 2, 3, 4, 5, 31, 32, 33, 63, 64, 65, 97, 127, 128, 129, 255, 257, 385};
    const int64_t most = most_rows(c.kernel);
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
        for (size_t j = 0; j < sizeof depths / sizeof depths[0]; j++)
            check_shape(c, 1 + (int64_t)(i + j) % most, widths[i], depths[j]);
    check_shape(c, 1, 3 * columns + 7, 11 * CK_BLOCK + 5);
    check_shape(c, c.kernel->planes->tile_rows, columns + 9, 15 * CK_BLOCK);
    check_shape(c, 1, 5 * columns, 128);
    if (c.kernel->planes->many_blocks) /* which has its own order for many tiles of rows */
        for (int64_t tiles = 2; tiles <= 9; tiles++)
            check_shape(c, (tiles - tiles / 3 % 2) * c.kernel->planes->tile_rows + tiles / 3 % 2 * 5, columns,
                        3 * CK_BLOCK - tiles);
}

/* Every kind of x with every kind of weights, scale and cut, at a shape with tails everywhere. */
static void check_kinds(ck_planes_case c)
{
    static const int64_t groups[] = {0, 32, 64, 128};
    const int64_t columns = aq_panel_columns(c.p.type);
    c.p.n = columns + 21;
    c.p.k = 2 * CK_BLOCK + 37;
    for (int i = 0; i < CK_PX_KINDS * CK_W_KINDS * 4; i++) {
        c.x_kind = (ck_planes_x)(i % CK_PX_KINDS);
        c.w_kind = (ck_w_kind)(i / CK_PX_KINDS % CK_W_KINDS);
        int64_t group = groups[i / (CK_PX_KINDS * CK_W_KINDS)];
        c.p.group = group == 0 ? c.p.k : group;
        c.p.kind = (ck_s_kind)(ck.number / 2 % CK_S_KINDS);
        c.p.offset_present = ck.number % 4 != 0;
        c.p.view = (ck_s_view)(ck.number % CK_S_VIEWS);
        c.rows =
            i % 3 == 0 ? 1 : 1 + i % (c.kernel->planes->all_rows ? 2 * c.kernel->planes->tile_rows + 1 : 4);
        check_case(c);
    }
}

void ck_check_planes(const aq_kernel *kernel)
{
    for (int i = 0; i < 8; i++) {
        ck_planes_case c = {
            .kernel = kernel,
            .exact = i / 4 == 0,
            .p = {.order = i % 2 ? AQ_ORDER_T : AQ_ORDER_P, .type = i / 2 % 2 ? AQ_S4 : AQ_S8}};
        for (c.p.block = 0; c.p.block <= 64; c.p.block += c.p.block == 0 ? 16 : c.p.block)
            check_shapes(c);
        c.p.block = 0;
        check_kinds(c);
        c.anyhow = true;
        check_shapes(c);
    }
}
