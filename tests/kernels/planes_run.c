/* SPDX-License-Identifier: Apache-2.0 */
/* planes_run.c - one case of check_planes.c in one memory layout. How digits and panels lie is a kernel's own
 * affair, so its functions are called one after the other as the loops do, each with its arrays against
 * inaccessible pages, and judged by what only the contract says: the rows that fit, the sums of x, the scales
 * of groups, and every result, bit for bit. */
#include <math.h>
#include <string.h>

#include "kernels/checker.h"
#include "kernels/planes.h"
#include "kernels/planes_oracle.h"

enum { APART_BLOCKS = 64, APART_COLUMNS = 4096 }; /* beyond, no case with blocks apart */

/* One function of the kernel, for ck_survives. */
typedef struct planes_call {
    const aq_planes *planes;
    aq_digits_job *digits;
    const aq_integers_job *integers;
    const aq_group_scales *scales;
    const aq_planes_tile *tile;
    const aq_planes_stream *stream;
    const aq_finish_job *finish;
    aq_digits_form form;
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
    if (call->tile != NULL && call->planes->enter != NULL)
        call->planes->enter(call->tile->tile_rows, call->tile->segments, call->form);
    if (call->tile != NULL)
        call->planes->multiply(call->tile);
    if (call->tile != NULL && call->planes->leave != NULL)
        call->planes->leave();
    if (call->stream != NULL)
        call->planes->stream(call->stream);
    if (call->finish != NULL)
        call->finite = call->planes->finish(call->finish);
}

#define CALL(c, ...)                                                                                         \
    ck_survives(call_planes, &(planes_call){.planes = (c)->kernel->planes, .form = form_of(c), __VA_ARGS__})

static int64_t columns_of(const ck_planes_case *c)
{
    return aq_panel_columns(c->p.type);
}

static int64_t blocks_of(const ck_planes_case *c)
{
    return (c->p.k + CK_BLOCK - 1) / CK_BLOCK;
}

static aq_digits_form form_of(const ck_planes_case *c)
{
    return aq_form_of(c->kernel->planes, c->exact, c->p.type, c->segments, c->rows % 3 != 0);
}

static int64_t panel_bytes_of(const ck_planes_case *c)
{
    return aq_block_panel_bytes(c->p.type, form_of(c));
}

static int64_t row_bytes_of(const ck_planes_case *c)
{
    return aq_digits_bytes(c->kernel->planes, form_of(c));
}

/* Bytes from the digits of a tile of rows to the next's. */
static int64_t tile_bytes_of(const ck_planes_case *c)
{
    return blocks_of(c) * row_bytes_of(c);
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

static char *tail_of(const ck_planes_case *c, const aq_digits_job *job, int64_t block)
{
    return job->digits + block * row_bytes_of(c) + c->kernel->planes->digit_bytes[form_of(c)];
}

/* Of a tile, as matmul/plan.c chooses: all of one tile, else a number that the tiles are to be high. */
static int64_t tile_rows_of(const ck_planes_case *c)
{
    const int64_t most = c->kernel->planes->tile_rows;
    if (most == AQ_DIGIT_ROWS || c->rows <= most)
        return most == AQ_DIGIT_ROWS ? most : c->rows;
    return most - c->rows / 2 % (most / AQ_DIGIT_ROWS) * AQ_DIGIT_ROWS;
}

/* The job's rows are the first .. of the case. */
static void compare_tails(const ck_planes_case *c, const aq_digits_job *job, int64_t first)
{
    for (int64_t r = 0; r < job->rows; r++) {
        const int64_t row = first + r;
        const ck_digits *digits = &c->digits[row];
        if (job->fits[r] != digits->fits)
            ck_fail("row %lld %s", (long long)row, job->fits[r] ? "must not fit" : "must fit");
        for (int64_t b = 0; b < blocks_of(c) && digits->fits; b++) {
            const aq_planes *planes = c->kernel->planes;
            char *tail = tail_of(c, job, b);
            const float s_of_x = aq_tail_scales(planes, tail)[job->first + r];
            float scale = digits->scale[b];
            if (scale != 0 && s_of_x != scale)
                ck_fail("row %lld, block %lld: scale %a, not %a", (long long)row, (long long)b,
                        (double)s_of_x, (double)scale);
            for (int s = 0; s < c->segments; s++) {
                int64_t length = CK_BLOCK / c->segments;
                float sum = ck_planes_x_sum(digits, c->p.k, b * CK_BLOCK + s * length, length);
                const float x_sum = aq_tail_x_sums(planes, tail, s)[job->first + r];
                if (!ck_same(x_sum, sum))
                    ck_fail("row %lld, block %lld, segment %d: x sums to %a, not %a", (long long)row,
                            (long long)b, s, (double)x_sum, (double)sum);
            }
        }
    }
}

static bool make_digits(const ck_planes_case *c, ck_layout layout, ck_rows *packed)
{
    int64_t padded = blocks_of(c) * CK_BLOCK;
    ck_rows x = ck_place(CK_X, layout, c->rows, padded * 4, 4 * ck_random_below(20), 4);
    for (int64_t r = 0; r < c->rows; r++) {
        memset(x.base + r * x.stride, 0, (size_t)padded * 4);
        memcpy(x.base + r * x.stride, c->x + r * c->p.k, (size_t)c->p.k * 4);
    }
    ck_remember(CK_X);
    const int64_t tile_rows = tile_rows_of(c), tiles = (c->rows + tile_rows - 1) / tile_rows;
    *packed = ck_place(CK_PACKED, layout, 1, tiles * tile_bytes_of(c), 0, AQ_LINE_BYTES);
    for (int64_t first = 0; first < c->rows; first += AQ_DIGIT_ROWS) {
        aq_digits_job job = {.x = (const float *)(void *)(x.base + first * x.stride),
                             .x_stride = x.stride / 4,
                             .first = first % tile_rows,
                             .rows = c->rows - first < AQ_DIGIT_ROWS ? c->rows - first : AQ_DIGIT_ROWS,
                             .blocks = blocks_of(c),
                             .segments = c->segments,
                             .exact = c->exact,
                             .form = form_of(c),
                             .type = c->p.type,
                             .digits = (char *)packed->base + first / tile_rows * tile_bytes_of(c)};
        if (!CALL(c, .digits = &job))
            return false;
        ck_expect_unchanged(CK_X, "x");
        ck_expect_poison_around(CK_PACKED, "digits");
        compare_tails(c, &job, first);
    }
    ck_remember(CK_PACKED);
    return true;
}

/* ---- panels ---- */

/* Where the scales and zeros of a few blocks shall be. */
static void place_scales(const ck_planes_case *c, int64_t blocks, ck_layout layout, aq_planes_tile *tile)
{
    const int64_t count = columns_of(c) * (AQ_SEGMENTS * (blocks - 1) + c->segments);
    tile->scale = (const float *)(void *)ck_place(CK_ADD, layout, 1, count * 4, 0, AQ_LINE_BYTES).base;
    tile->zero = NULL;
    if (c->p.offset_present)
        tile->zero = (const float *)(void *)ck_place(CK_MUL, layout, 1, count * 4, 0, AQ_LINE_BYTES).base;
}

/* The scales of one panel and a block, the i-th of the tile's, by columns, then judged; or in the panel's
 * order, for the tile. */
static bool get_scales(const ck_planes_case *c, const aq_scaled *scaled, int64_t block, int64_t i, int64_t n0,
                       int64_t n, bool ordered, const aq_planes_tile *tile)
{
    const int64_t first = i * AQ_SEGMENTS * columns_of(c);
    aq_group_scales job = {.scaled = scaled,
                           .type = c->p.type,
                           .k0 = block * CK_BLOCK,
                           .k = c->p.k - block * CK_BLOCK < CK_BLOCK ? c->p.k - block * CK_BLOCK : CK_BLOCK,
                           .n0 = n0,
                           .n = n,
                           .segments = c->segments,
                           .in_order = ordered,
                           .scale = (float *)(uintptr_t)tile->scale + first,
                           .zero = tile->zero != NULL ? (float *)(uintptr_t)tile->zero + first : NULL};
    if (!CALL(c, .scales = &job))
        return false;
    ck_expect_poison_around(CK_ADD, "scale");
    if (tile->zero != NULL)
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
    return true;
}

/* tile->blocks of them from `block` on. */
static bool multiply_blocks(const ck_planes_case *c, const aq_weight *weight, const aq_scaled *scaled,
                            int64_t block, int64_t n0, int64_t n, ck_layout layout, aq_planes_tile *tile)
{
    aq_ahead ahead;
    const int64_t bytes = c->kernel->planes->many_blocks ? panel_bytes_of(c) : AQ_PANEL_BYTES;
    ck_rows panels =
        ck_place(CK_PANEL, layout, tile->blocks, bytes, AQ_LINE_BYTES * ck_random_below(3), AQ_LINE_BYTES);
    tile->panel = panels.base;
    tile->panel_stride = panels.stride;
    if (c->by_groups)
        place_scales(c, tile->blocks, layout, tile);
    for (int64_t b = 0; b < tile->blocks; b++) {
        const int64_t k0 = (block + b) * CK_BLOCK;
        aq_integers_job job = {.weight = weight,
                               .k0 = k0,
                               .n0 = n0,
                               .k = c->p.k - k0 < CK_BLOCK ? c->p.k - k0 : CK_BLOCK,
                               .n = n,
                               .form = form_of(c),
                               .panel = panels.base + b * panels.stride,
                               .ahead = some_ahead(weight, &ahead)};
        if (!CALL(c, .integers = &job))
            return false;
        ck_expect_poison_around(CK_PANEL, "panel");
        if (c->by_groups && (!get_scales(c, scaled, block + b, b, n0, n, true, tile) ||
                             !get_scales(c, scaled, block + b, b, n0, n, false, tile)))
            return false;
    }
    ck_remember(CK_PANEL);
    tile->ahead = some_ahead(weight, &ahead);
    tile->lines = (int)ck_random_below(300);
    if (!CALL(c, .tile = tile))
        return false;
    ck_expect_unchanged(CK_PANEL, "panel");
    ck_expect_unchanged(CK_PACKED, "digits");
    ck_expect_poison_around(CK_SUM, "sums");
    return true;
}

/* A block's panels packed in one call are those packed one by one. */
static bool pack_many(const ck_planes_case *c, const aq_weight *weight, ck_layout layout)
{
    const int64_t columns = columns_of(c), bytes = panel_bytes_of(c),
                  panels = (c->p.n + columns - 1) / columns, k0 = ck_random_below(blocks_of(c)) * CK_BLOCK;
    ck_rows many = ck_place(CK_PANEL, layout, 1, panels * bytes, 0, AQ_LINE_BYTES),
            single = ck_place(CK_PANEL_GENERIC, layout, 1, AQ_PANEL_BYTES, 0, AQ_LINE_BYTES);
    aq_integers_job job = {.weight = weight,
                           .k0 = k0,
                           .k = c->p.k - k0 < CK_BLOCK ? c->p.k - k0 : CK_BLOCK,
                           .n = c->p.n,
                           .form = form_of(c),
                           .panel = many.base};
    if (!CALL(c, .integers = &job))
        return false;
    ck_expect_poison_around(CK_PANEL, "panels");
    for (int64_t p = 0; p < panels; p++) {
        aq_integers_job one = job;
        one.n0 = p * columns;
        one.n = c->p.n - one.n0 < columns ? c->p.n - one.n0 : columns;
        one.panel = single.base;
        if (!CALL(c, .integers = &one))
            return false;
        if (memcmp(many.base + p * bytes, single.base, (size_t)bytes) != 0)
            ck_fail("panel %lld of many, k from %lld, is not as packed alone", (long long)p, (long long)k0);
    }
    return true;
}

/* ---- results ---- */

static float x_total(const ck_planes_case *c, int64_t row)
{
    float total = 0;
    for (int64_t b = 0; b < blocks_of(c); b++)
        total += ck_planes_x_sum(&c->digits[row], c->p.k, b * CK_BLOCK, CK_BLOCK);
    return total;
}

static void compare(const ck_planes_case *c, int64_t row, int64_t n0, const aq_finish_job *job, bool finite)
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

static bool finish_row(const ck_planes_case *c, int64_t row, int64_t n0, int64_t n, const float *acc,
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

static bool run_panels(const ck_planes_case *c, const aq_weight *weight, const aq_scaled *scaled,
                       const ck_rows *packed, ck_layout layout)
{
    const int64_t columns = columns_of(c);
    /* rows that are no rows of x are zero; so are their sums, where every scale is finite */
    const int64_t whole = (c->rows + AQ_DIGIT_ROWS - 1) / AQ_DIGIT_ROWS * AQ_DIGIT_ROWS,
                  rows = c->p.kind <= CK_S_FRACTIONS && layout % 2 && tile_rows_of(c) % AQ_DIGIT_ROWS == 0
                             ? whole
                             : c->rows;
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
                               .exact = c->exact,
                               .form = form_of(c),
                               .digits_stride = tile_bytes_of(c),
                               .tile_rows = tile_rows_of(c)};
        for (int64_t b = 0; b < blocks_of(c); b += tile.blocks) {
            tile.blocks = c->kernel->planes->many_blocks
                              ? 1 + ck_random_below(blocks_of(c) - b < 5 ? blocks_of(c) - b : 5)
                              : 1;
            tile.digits = (const char *)packed->base + b * row_bytes_of(c);
            if (!multiply_blocks(c, weight, scaled, b, n0, n, layout, &tile))
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

/* Blocks apart, with s = 1: f of each, which added up as the contract says gives acc of the whole. */
static bool run_blocks_apart(const ck_planes_case *c, const aq_planes_stream *whole, char *digits,
                             ck_layout layout)
{
    const aq_planes *planes = c->kernel->planes;
    const int64_t columns = columns_of(c), room = (whole->n + columns - 1) / columns * columns,
                  blocks = blocks_of(c);
    aq_planes_stream job = *whole;
    float scale[APART_BLOCKS], sum[APART_COLUMNS];
    if (blocks > APART_BLOCKS || room > APART_COLUMNS)
        return true;
    memcpy(sum, whole->acc, (size_t)room * sizeof *sum);
    ck_rows acc =
        ck_place(CK_SUM, layout, blocks, room * 4, AQ_LINE_BYTES * ck_random_below(3), AQ_LINE_BYTES);
    job.acc = (float *)(void *)acc.base;
    job.block_step = acc.stride / 4;
    for (int64_t b = 0; b < blocks; b++) {
        float *s = aq_tail_scales(planes, digits + b * row_bytes_of(c) + planes->digit_bytes[c->exact]);
        scale[b] = *s;
        *s = 1.0f;
    }
    const bool good = CALL(c, .stream = &job);
    for (int64_t b = 0; b < blocks; b++)
        *aq_tail_scales(planes, digits + b * row_bytes_of(c) + planes->digit_bytes[c->exact]) = scale[b];
    if (!good)
        return false;
    ck_expect_poison_around(CK_SUM, "sums of blocks");
    for (int64_t j = 0; j < whole->n && c->digits[0].fits; j++) {
        float total = 0.0f;
        for (int64_t b = 0; b < blocks; b++)
            total = fmaf(job.acc[b * job.block_step + j], scale[b], total);
        if (memcmp(&total, sum + j, sizeof total) != 0) {
            ck_fail("sum %lld of blocks apart: %a, not %a", (long long)j, (double)total, (double)sum[j]);
            return false;
        }
    }
    return true;
}

static bool run_stream(const ck_planes_case *c, const aq_weight *weight, const aq_scaled *scaled,
                       const ck_rows *packed, ck_layout layout)
{
    const int64_t columns = columns_of(c), panels = (c->p.n + columns - 1) / columns,
                  slice = (1 + ck_random_below(panels)) * columns;
    for (int64_t n0 = 0; n0 < c->p.n; n0 += slice) {
        int64_t n = c->p.n - n0 < slice ? c->p.n - n0 : slice, room = (n + columns - 1) / columns * columns;
        int64_t ints = 3 * room + 2 * blocks_of(c) * CK_BLOCK;
        ck_rows acc = ck_place(CK_SUM, layout, 1, room * 4, 0, AQ_LINE_BYTES),
                spare = ck_place(CK_DIAGONAL, layout, 1, 4 * ints, 0, AQ_LINE_BYTES);
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
        if (!c->by_groups && c->segments == 1 && !run_blocks_apart(c, &job, (char *)packed->base, layout))
            return false;
        ck_expect_unchanged(CK_PACKED, "digits");
    }
    return true;
}

/* The query as matmul/plan.c makes it for a weight that lies there. */
static aq_kernel_query placed_query(const ck_planes_case *c, const aq_weight *weight)
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

void ck_planes_run(const ck_planes_case *c, ck_layout layout)
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
    if (planes->many_panels && !pack_many(c, &weight, layout))
        return;
    ck_scaled_expect_unchanged(&c->p);
    aq_kernel_query query = placed_query(c, &weight);
    if (c->rows == 1 && planes->stream != NULL && planes->stream_declines(&query) == NULL &&
        run_stream(c, &weight, &scaled, &packed, layout))
        ck_scaled_expect_unchanged(&c->p);
}
