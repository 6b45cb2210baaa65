/* SPDX-License-Identifier: Apache-2.0 */
/* check_planes.c - the integer kernels of modes exact and fast. How digits and panels lie is a kernel's own
 * affair, so its functions are called one after the other as the loops do, each with its arrays against
 * inaccessible pages, and judged by what only the contract says: the rows that fit, the sums of x, the scales
 * of groups, and every result, bit for bit. */
#include <stdlib.h>
#include <string.h>

#include "kernels/checker.h"
#include "kernels/planes.h"
#include "kernels/planes_oracle.h"

typedef struct planes_case {
    const aq_kernel *kernel;
    ck_scaled p;
    bool exact, anyhow; /* anyhow: ck_planes_place_anyhow */
    bool lone;          /* sums without a scale */
    int64_t rows;
    ck_planes_x x_kind;
    ck_w_kind w_kind;
    /* made */
    bool by_groups;
    int segments;
    float *x, *scale, *zero; /* scale, zero: [n] or [groups][n] */
    ck_digits *digits;       /* [rows] */
    ck_sum *expected;        /* [rows][n] */
} planes_case;

/* One function of the kernel, for ck_survives. */
typedef struct planes_call {
    const aq_planes *planes;
    aq_digits_job *digits;
    const aq_integers_job *integers;
    const aq_group_scales *scales;
    const aq_planes_tile *tile;
    const aq_planes_stream *stream;
    const aq_finish_job *finish;
    bool finite;
} planes_call;

static void call_planes(void *argument)
{
    planes_call *call = argument;
    if (call->digits != NULL)
        call->planes->make_digits(call->digits);
    if (call->integers != NULL)
        call->planes->pack_panel(call->integers);
    if (call->scales != NULL)
        call->planes->group_scales(call->scales);
    if (call->tile != NULL)
        call->planes->multiply(call->tile);
    if (call->stream != NULL)
        call->planes->stream(call->stream);
    if (call->finish != NULL)
        call->finite = call->planes->finish(call->finish);
}

#define CALL(c, ...) ck_survives(call_planes, &(planes_call){.planes = (c)->kernel->planes, __VA_ARGS__})

static int64_t columns_of(const planes_case *c)
{
    return aq_panel_columns(c->p.type);
}

static int64_t blocks_of(const planes_case *c)
{
    return (c->p.k + CK_BLOCK - 1) / CK_BLOCK;
}

static int64_t row_bytes_of(const planes_case *c)
{
    return aq_digits_bytes(c->kernel->planes, c->exact);
}

/* Lines somewhere, as the loops ask for them: bringing them changes nothing. */
static aq_ahead *some_ahead(const aq_weight *weight, aq_ahead *ahead)
{
    *ahead = (aq_ahead){.at = (uintptr_t)weight->data,
                        .stride = (uintptr_t)ck_random_below(5000),
                        .run = 1 + ck_random_below(3),
                        .lines = ck_random_below(300)};
    return ck_random_below(3) == 0 ? NULL : ahead;
}

/* ---- rows ---- */

static const aq_digits_tail *tail_of(const planes_case *c, const ck_rows *packed, int64_t block)
{
    const unsigned char *at =
        packed->base + block * row_bytes_of(c) + c->kernel->planes->digit_bytes[c->exact];
    return (const aq_digits_tail *)(const void *)at;
}

static void compare_tails(const planes_case *c, const aq_digits_job *job, const ck_rows *packed)
{
    for (int64_t r = 0; r < c->rows; r++) {
        if (job->fits[r] != c->digits[r].fits)
            ck_fail("row %lld %s", (long long)r, job->fits[r] ? "must not fit" : "must fit");
        for (int64_t b = 0; b < blocks_of(c) && c->digits[r].fits; b++) {
            const aq_digits_tail *tail = tail_of(c, packed, b);
            float scale = c->digits[r].scale[b];
            if (scale != 0 && tail->scale[r] != scale)
                ck_fail("row %lld, block %lld: scale %a, not %a", (long long)r, (long long)b,
                        (double)tail->scale[r], (double)scale);
            for (int s = 0; s < c->segments; s++) {
                int64_t length = CK_BLOCK / c->segments;
                float sum = ck_planes_x_sum(&c->digits[r], c->p.k, b * CK_BLOCK + s * length, length);
                if (!ck_same(tail->x_sum[s][r], sum))
                    ck_fail("row %lld, block %lld, segment %d: x sums to %a, not %a", (long long)r,
                            (long long)b, s, (double)tail->x_sum[s][r], (double)sum);
            }
        }
    }
}

static bool make_digits(const planes_case *c, ck_layout layout, ck_rows *packed)
{
    int64_t padded = blocks_of(c) * CK_BLOCK;
    ck_rows x = ck_place(CK_X, layout, c->rows, padded * 4, 4 * ck_random_below(20), 4);
    for (int64_t r = 0; r < c->rows; r++) {
        memset(x.base + r * x.stride, 0, (size_t)padded * 4);
        memcpy(x.base + r * x.stride, c->x + r * c->p.k, (size_t)c->p.k * 4);
    }
    ck_remember(CK_X);
    *packed = ck_place(CK_PACKED, layout, 1, blocks_of(c) * row_bytes_of(c), 0, AQ_LINE_BYTES);
    aq_digits_job job = {.x = (const float *)(void *)x.base,
                         .x_stride = x.stride / 4,
                         .rows = c->rows,
                         .blocks = blocks_of(c),
                         .segments = c->segments,
                         .exact = c->exact,
                         .type = c->p.type,
                         .digits = (char *)packed->base};
    if (!CALL(c, .digits = &job))
        return false;
    ck_expect_unchanged(CK_X, "x");
    ck_expect_poison_around(CK_PACKED, "digits");
    compare_tails(c, &job, packed);
    ck_remember(CK_PACKED);
    return true;
}

/* ---- panels ---- */

/* The scales of one panel and block, by columns, then judged; or in the panel's order, for the tile. */
static bool get_scales(const planes_case *c, const aq_scaled *scaled, int64_t block, int64_t n0, int64_t n,
                       ck_layout layout, bool ordered, aq_planes_tile *tile)
{
    const int64_t count = columns_of(c) * c->segments;
    ck_rows scale = ck_place(CK_ADD, layout, 1, count * 4, 0, AQ_LINE_BYTES), zero = {0};
    if (c->p.offset_present)
        zero = ck_place(CK_MUL, layout, 1, count * 4, 0, AQ_LINE_BYTES);
    aq_group_scales job = {.scaled = scaled,
                           .type = c->p.type,
                           .k0 = block * CK_BLOCK,
                           .k = c->p.k - block * CK_BLOCK < CK_BLOCK ? c->p.k - block * CK_BLOCK : CK_BLOCK,
                           .n0 = n0,
                           .n = n,
                           .segments = c->segments,
                           .in_order = ordered,
                           .scale = (float *)(void *)scale.base,
                           .zero = (float *)(void *)zero.base};
    if (!CALL(c, .scales = &job))
        return false;
    ck_expect_poison_around(CK_ADD, "scale");
    if (zero.base != NULL)
        ck_expect_poison_around(CK_MUL, "zero");
    if (!ordered)
        return true;
    for (int64_t k = 0; k < job.k; k++) {
        int64_t at = k / (CK_BLOCK / c->segments) * columns_of(c), group = (job.k0 + k) / c->p.group;
        for (int64_t j = 0; j < n; j++)
            if (!ck_same(job.scale[at + j], c->scale[group * c->p.n + n0 + j]) ||
                (job.zero != NULL && !ck_same(job.zero[at + j], c->zero[group * c->p.n + n0 + j])))
                ck_fail("scale or zero of k %lld, column %lld", (long long)(job.k0 + k), (long long)(n0 + j));
    }
    tile->scale = job.scale;
    tile->zero = job.zero;
    return true;
}

static bool multiply_block(const planes_case *c, const aq_weight *weight, const aq_scaled *scaled,
                           int64_t block, int64_t n0, int64_t n, ck_layout layout, aq_planes_tile *tile)
{
    aq_ahead ahead;
    ck_rows panel = ck_place(CK_PANEL, layout, 1, AQ_PANEL_BYTES, 0, AQ_LINE_BYTES);
    int64_t k0 = block * CK_BLOCK;
    aq_integers_job job = {.weight = weight,
                           .k0 = k0,
                           .n0 = n0,
                           .k = c->p.k - k0 < CK_BLOCK ? c->p.k - k0 : CK_BLOCK,
                           .n = n,
                           .panel = panel.base,
                           .ahead = some_ahead(weight, &ahead)};
    if (!CALL(c, .integers = &job))
        return false;
    ck_expect_poison_around(CK_PANEL, "panel");
    ck_remember(CK_PANEL);
    if (c->by_groups && (!get_scales(c, scaled, block, n0, n, layout, true, tile) ||
                         !get_scales(c, scaled, block, n0, n, layout, false, tile)))
        return false;
    tile->panel = panel.base;
    tile->ahead = some_ahead(weight, &ahead);
    if (!CALL(c, .tile = tile))
        return false;
    ck_expect_unchanged(CK_PANEL, "panel");
    ck_expect_unchanged(CK_PACKED, "digits");
    ck_expect_poison_around(CK_SUM, "sums");
    return true;
}

/* ---- results ---- */

static float x_total(const planes_case *c, int64_t row)
{
    float total = 0;
    for (int64_t b = 0; b < blocks_of(c); b++)
        total += ck_planes_x_sum(&c->digits[row], c->p.k, b * CK_BLOCK, CK_BLOCK);
    return total;
}

static void compare(const planes_case *c, int64_t row, int64_t n0, const aq_finish_job *job, bool finite)
{
    bool all = true;
    for (int64_t j = 0; j < job->n; j++) {
        const ck_sum *e = &c->expected[row * c->p.n + n0 + j];
        all = all && job->out[j] - job->out[j] == 0;
        if (!ck_same(job->out[j], e->sum)) {
            ck_fail("sum (%lld,%lld) is %a, the reference has %a", (long long)row, (long long)(n0 + j),
                    (double)job->out[j], (double)e->sum);
            return;
        }
        if (e->bound > 0x1p-126 && e->bound < 0x1p102) /* it knows no over- and underflow of fp32 */
            ck_expect_bound(job->out[j], e);
    }
    if (finite != all)
        ck_fail("row %lld, columns from %lld: finish says %d", (long long)row, (long long)n0, finite);
}

static const float *place_column_values(ck_array array, ck_layout layout, const float *values, int64_t n)
{
    ck_rows rows = ck_place(array, layout, 1, n * 4, 0, 4);
    memcpy(rows.base, values, (size_t)n * 4);
    ck_remember(array);
    return (const float *)(void *)rows.base;
}

static bool finish_row(const planes_case *c, int64_t row, int64_t n0, int64_t n, const float *acc,
                       bool in_order, ck_layout layout)
{
    ck_rows out = ck_place(CK_PANEL_GENERIC, layout, 1, columns_of(c) * 4, 0, AQ_LINE_BYTES);
    aq_finish_job job = {.type = c->p.type,
                         .acc = acc,
                         .in_order = in_order,
                         .n = n,
                         .out = (float *)(void *)out.base,
                         .x_total = x_total(c, row)};
    if (!c->by_groups && !c->lone) {
        job.scale = place_column_values(CK_ADD, layout, c->scale + n0, n);
        if (c->zero != NULL)
            job.zero = place_column_values(CK_MUL, layout, c->zero + n0, n);
    }
    planes_call call = {.planes = c->kernel->planes, .finish = &job};
    if (!ck_survives(call_planes, &call))
        return false;
    ck_expect_poison_around(CK_PANEL_GENERIC, "out");
    if (job.scale != NULL)
        ck_expect_unchanged(CK_ADD, "scale");
    if (job.zero != NULL)
        ck_expect_unchanged(CK_MUL, "zero");
    compare(c, row, n0, &job, call.finite);
    return true;
}

/* ---- a case ---- */

static bool run_panels(const planes_case *c, const aq_weight *weight, const aq_scaled *scaled,
                       const ck_rows *packed, ck_layout layout)
{
    const int64_t columns = columns_of(c);
    /* rows that are no rows of x are zero; so are their sums, where every scale is finite */
    const int64_t rows = c->p.kind <= CK_S_FRACTIONS && layout % 2 ? AQ_DIGIT_ROWS : c->rows;
    for (int64_t n0 = 0; n0 < c->p.n; n0 += columns) {
        int64_t n = c->p.n - n0 < columns ? c->p.n - n0 : columns;
        ck_rows sums =
            ck_place(CK_SUM, layout, rows, columns * 4, AQ_LINE_BYTES * ck_random_below(3), AQ_LINE_BYTES);
        for (int64_t r = 0; r < rows; r++)
            memset(sums.base + r * sums.stride, 0, (size_t)columns * 4);
        aq_planes_tile tile = {.acc = (float *)(void *)sums.base,
                               .acc_stride = sums.stride / 4,
                               .rows = rows,
                               .columns = columns,
                               .segments = c->segments,
                               .exact = c->exact};
        for (int64_t b = 0; b < blocks_of(c); b++) {
            tile.digits = (const char *)packed->base + b * row_bytes_of(c);
            if (!multiply_block(c, weight, scaled, b, n0, n, layout, &tile))
                return false;
        }
        for (int64_t r = 0; r < c->rows; r++)
            if (c->digits[r].fits && !finish_row(c, r, n0, n, tile.acc + r * tile.acc_stride, false, layout))
                return false;
        for (int64_t i = c->rows * columns; i < rows * columns; i++) {
            float sum = tile.acc[i / columns * tile.acc_stride + i % columns];
            if (!(sum == 0))
                ck_fail("row %lld, which is none of x, has a sum", (long long)(i / columns));
        }
    }
    return true;
}

static bool run_stream(const planes_case *c, const aq_weight *weight, const aq_scaled *scaled,
                       const ck_rows *packed, ck_layout layout)
{
    const int64_t columns = columns_of(c), panels = (c->p.n + columns - 1) / columns,
                  slice = (1 + ck_random_below(panels)) * columns;
    for (int64_t n0 = 0; n0 < c->p.n; n0 += slice) {
        int64_t n = c->p.n - n0 < slice ? c->p.n - n0 : slice, room = (n + columns - 1) / columns * columns;
        int64_t ints = 3 * room, least = blocks_of(c) * CK_BLOCK * 3 / 4;
        ck_rows acc = ck_place(CK_SUM, layout, 1, room * 4, 0, AQ_LINE_BYTES),
                spare = ck_place(CK_DIAGONAL, layout, 1, 4 * (ints > least ? ints : least), 0, AQ_LINE_BYTES);
        aq_planes_stream job = {.weight = weight,
                                .scaled = c->by_groups ? scaled : NULL,
                                .zero = c->by_groups && c->p.offset_present,
                                .segments = c->segments,
                                .n0 = n0,
                                .n = n,
                                .k = c->p.k,
                                .digits = (const char *)packed->base,
                                .acc = (float *)(void *)acc.base,
                                .exact = c->exact,
                                .room = (int32_t *)(void *)spare.base};
        if (!CALL(c, .stream = &job))
            return false;
        ck_expect_poison_around(CK_SUM, "sums");
        ck_expect_poison_around(CK_DIAGONAL, "room");
        ck_expect_unchanged(CK_PACKED, "digits");
        for (int64_t p = 0; p < n && c->digits[0].fits; p += columns)
            if (!finish_row(c, 0, n0 + p, n - p < columns ? n - p : columns, job.acc + p,
                            c->kernel->planes->stream_in_order(c->p.order), layout))
                return false;
    }
    return true;
}

/* The query as matmul/plan.c makes it for a weight that lies there. */
static aq_kernel_query placed_query(const planes_case *c, const aq_weight *weight)
{
    const bool along_n = c->p.order == AQ_ORDER_P;
    aq_kernel_query query = ck_scaled_query(&c->p, c->rows);
    query.exact = true;
    query.stride_k = weight->stride_k;
    query.stride_n = along_n && c->p.n == 1 ? 1 : weight->stride_n;
    int64_t bits = weight->first | weight->block | weight->block_stride |
                   (along_n ? weight->stride_k : weight->stride_n);
    query.odd_rows = c->p.type == AQ_S4 && (bits & 1);
    return query;
}

static void run_layout(const planes_case *c, ck_layout layout)
{
    const aq_planes *planes = c->kernel->planes;
    aq_weight weight;
    aq_scaled scaled;
    ck_rows packed;
    ck_scaled_place(&c->p, layout, &weight, &scaled);
    if (c->anyhow)
        weight = ck_planes_place_anyhow(&c->p, layout);
    if (!make_digits(c, layout, &packed) || !run_panels(c, &weight, &scaled, &packed, layout))
        return;
    ck_scaled_expect_unchanged(&c->p);
    aq_kernel_query query = placed_query(c, &weight);
    if (c->rows == 1 && planes->stream != NULL && planes->stream_declines(&query) == NULL &&
        run_stream(c, &weight, &scaled, &packed, layout))
        ck_scaled_expect_unchanged(&c->p);
}

/* The scales as the contract has them: of 16 bits by groups, any fp32 by columns. */
static void make_scales(planes_case *c)
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

static void make_case(planes_case *c)
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

static void check_case(planes_case c)
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
        run_layout(&c, (ck_layout)layout);
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
static void check_shape(planes_case c, int64_t rows, int64_t n, int64_t k)
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

static void check_shapes(planes_case c)
{
    const int64_t columns = aq_panel_columns(c.p.type);
    const int64_t widths[] = {1,  2,  15,          16,      17,          31,
                              33, 63, columns - 1, columns, columns + 1, 2 * columns + 3};
    const int64_t depths[] = {1, 2, 3, 4, 5, 31, 32, 33, 63, 64, 65, 97, 127, 128, 129, 255, 257, 385};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
        for (size_t j = 0; j < sizeof depths / sizeof depths[0]; j++)
            check_shape(c, 1 + (int64_t)(i + j) % 4, widths[i], depths[j]);
    check_shape(c, 1, 3 * columns + 7, 11 * CK_BLOCK + 5);
    check_shape(c, 4, columns + 9, 15 * CK_BLOCK);
    check_shape(c, 1, 5 * columns, 128);
}

/* Every kind of x with every kind of weights, scale and cut, at a shape with tails everywhere. */
static void check_kinds(planes_case c)
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
        c.rows = i % 3 == 0 ? 1 : 1 + i % 4;
        check_case(c);
    }
}

void ck_check_planes(const aq_kernel *kernel)
{
    for (int i = 0; i < 8; i++) {
        planes_case c = {.kernel = kernel,
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
