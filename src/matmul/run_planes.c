/* SPDX-License-Identifier: Apache-2.0 */
/* run_planes.c - the loops of modes exact and fast over the integer kernels: rows become digits, a task is a
 * slice of columns, a panel of one block of k is packed once for all rows of the block of rows.
 *
 * The data decides two things here, for each row or element by itself: a row with infinity, NaN or exponents
 * too far apart goes through fp32 fma, and so does an element whose sum came out not finite, since only the
 * weights' own numbers then say what IEEE makes of it. */
#include <stddef.h>
#include <string.h>

#include "base/checked.h"
#include "kernels/planes.h"
#include "matmul/run.h"
#include "matmul/run_planes_k.h"
#include "parallel/parallel.h"

enum {
    FMA_ROWS = 16,      /* rows that one fallback takes at once */
    FEW_TILES = 2,      /* of rows: see multiply_panel */
    FEW_TILES_T = 8,    /* likewise in order T, for kernels that take all rows: AVX2, 16 rows of int8 */
    BLOCKS_AHEAD_T = 4, /* see blocks_ahead */
    PANEL_LINES = 128   /* of memory that a panel of one block is packed from */
};

/* Where digits and what belongs to them are, the thread's own or everybody's. */
static char *rows_of(const aq_matrix_run *run, size_t thread)
{
    return run->plan->own_digits ? aq_scratch_of(run, thread) : run->workspace;
}

static float *x_totals(const aq_matrix_run *run, size_t thread)
{
    return (float *)(void *)(rows_of(run, thread) + run->plan->workspace.x_totals);
}

/* A flag a row of the block: nonzero where only fma serves it. */
static int32_t *by_fma(const aq_matrix_run *run, size_t thread)
{
    return (int32_t *)(void *)(x_totals(run, thread) + run->plan->rows_block);
}

/* A thread's digits are there. */
static int32_t *made(const aq_matrix_run *run, size_t thread)
{
    return by_fma(run, thread) + run->plan->rows_block;
}

static char *digits_of(const aq_matrix_run *run, size_t thread, int64_t tile)
{
    const aq_workspace_layout *layout = &run->plan->workspace;
    return rows_of(run, thread) + layout->rows + tile * layout->digits_bytes;
}

static float *floats_in(const aq_matrix_run *run, size_t thread, int64_t at)
{
    return (float *)(void *)(aq_scratch_of(run, thread) + at);
}

/* Sums lie panel after panel, row after row in a panel. */
static float *sums_of(const aq_matrix_run *run, size_t thread, int64_t p, int64_t row)
{
    const aq_plan *plan = run->plan;
    int64_t rows = plan->planes_stream ? 1 : plan->rows_block;
    return floats_in(run, thread, plan->workspace.scratch_sums) + p * rows +
           row * aq_panel_columns(plan->problem.weight_type);
}

/* ---- rows ---- */

static void total_x(const aq_matrix_run *run, size_t thread, int64_t tile, int64_t row)
{
    const aq_plan *plan = run->plan;
    const bool exact = aq_plan_exact(plan);
    const aq_planes *planes = plan->planes->planes;
    const char *at = digits_of(run, thread, tile) + planes->digit_bytes[exact];
    float total = 0.0f;
    for (int64_t b = 0; b < plan->row_stride / AQ_BLOCK; b++, at += aq_digits_bytes(planes, exact))
        total += aq_tail_x_sums(planes, at, 0)[row];
    x_totals(run, thread)[tile * plan->tile_rows + row] = total;
}

static void make_some_digits(void *context, size_t thread, size_t index)
{
    const aq_matrix_run *run = context;
    const aq_plan *plan = run->plan;
    const aq_problem *problem = &plan->problem;
    int64_t first = (int64_t)index * AQ_DIGIT_ROWS, tile = first / plan->tile_rows,
            in_tile = first % plan->tile_rows;
    float *x = floats_in(run, thread, plan->workspace.scratch_line);
    aq_digits_job job = {.x = x,
                         .x_stride = plan->row_stride,
                         .first = in_tile,
                         .rows = aq_min_i64(AQ_DIGIT_ROWS, run->rows - first),
                         .blocks = plan->row_stride / AQ_BLOCK,
                         .segments = plan->segments,
                         .exact = aq_plan_exact(plan),
                         .type = problem->weight_type,
                         .digits = digits_of(run, thread, tile)};
    for (int64_t r = 0; r < job.rows; r++)
        run->widen(&(aq_widen_job){.x = run->at.x + (run->row0 + first + r) * problem->x.row,
                                   .stride = problem->x.column,
                                   .k = problem->k,
                                   .padded = plan->row_stride,
                                   .row = x + r * plan->row_stride});
    plan->planes->planes->make_digits(&job);
    for (int64_t r = 0; r < job.rows; r++) {
        by_fma(run, thread)[first + r] = run->data.generic || !job.fits[r];
        if (run->data.zero != NULL)
            total_x(run, thread, tile, in_tile + r);
    }
}

/* ---- sums ---- */

/* Blocks of k that are brought at a time. In order T columns come in runs of so many: shorter ones, such as
 * one line of each of 128 columns, are half as quick, since no prefetcher sees where they lead. */
static int64_t blocks_ahead(const aq_plan *plan)
{
    const bool runs = plan->order == AQ_ORDER_T && plan->problem.weight_block == 0;
    return runs && !plan->planes->planes->all_rows ? BLOCKS_AHEAD_T : 1;
}

/* What is read after so many blocks from (k, column .. column + n - 1) of a slice on: the same columns of as
 * many more; in order T, after the last, the next panel's first. */
static aq_ahead ahead_of(const aq_matrix_run *run, int64_t k, int64_t column, int64_t n)
{
    const aq_plan *plan = run->plan;
    const aq_weight around = aq_weight_around(run, column), *weight = &around;
    const int per_byte = weight->type == AQ_S4 ? 2 : 1;
    const bool order_t = plan->order == AQ_ORDER_T;
    int64_t length = blocks_ahead(plan) * AQ_BLOCK;
    k += length;
    if (order_t && k >= plan->problem.k) {
        k = 0;
        column += n;
    }
    if (k >= plan->problem.k || column >= plan->problem.n)
        return (aq_ahead){.lines = 0};
    length = aq_min_i64(length, aq_round_up(plan->problem.k - k, AQ_BLOCK));
    int64_t inner = order_t ? weight->stride_n : weight->stride_k, runs = order_t ? n : length,
            run_length = order_t ? length : n;
    int64_t at = weight->first + k * weight->stride_k + column * weight->stride_n;
    if (weight->block > 0) { /* FRACTAL_NZ: a block is one run of its rows */
        int64_t along = order_t ? k : column, across = order_t ? column : k;
        at = weight->first + along / weight->block * weight->block_stride + across * inner;
        runs = aq_ceil_div(run_length, weight->block);
        run_length = weight->block * (order_t ? n : AQ_BLOCK);
        inner = weight->block_stride;
    }
    if (inner == run_length) { /* a packed panel is one run, too */
        run_length *= runs;
        runs = 1;
    }
    int64_t lines = aq_ceil_div(run_length / per_byte, AQ_LINE_BYTES);
    return (aq_ahead){.at = (uintptr_t)weight->data + (uintptr_t)(at / per_byte),
                      .stride = (uintptr_t)(inner / per_byte),
                      .run = aq_max_i64(lines, 1),
                      .lines = runs * aq_max_i64(lines, 1)};
}

/* k of the block, and columns of the panel at column n0, that exist. */
static int64_t k_of(const aq_matrix_run *run, int64_t k0)
{
    return aq_min_i64(AQ_BLOCK, run->plan->problem.k - k0);
}

static int64_t columns_of(const aq_matrix_run *run, int64_t n0)
{
    const aq_problem *problem = &run->plan->problem;
    return aq_min_i64(aq_panel_columns(problem->weight_type), problem->n - n0);
}

/* One block of a slice to panels that lie one after the other. */
static void pack_slice(const aq_matrix_run *run, size_t thread, int64_t column, int64_t n, int64_t block)
{
    run->plan->planes->planes->pack_panel(&(aq_integers_job){.weight = &run->weight,
                                                             .k0 = block * AQ_BLOCK,
                                                             .n0 = column,
                                                             .k = k_of(run, block * AQ_BLOCK),
                                                             .n = n,
                                                             .panel = aq_scratch_of(run, thread)});
}

/* Who brings the next lines: with few rows packing brings half of them, while memory is what it waits for
 * anyway; else the products do, evenly, so that nothing waits. */
static bool packing_brings(const aq_matrix_run *run)
{
    const aq_plan *plan = run->plan;
    const bool all_rows = plan->planes->planes->all_rows;
    const int64_t tiles = aq_ceil_div(run->rows, AQ_DIGIT_ROWS);
    if (plan->packs_slices)
        return false;
    return tiles <= (!all_rows ? 1 : plan->order == AQ_ORDER_T ? FEW_TILES_T : FEW_TILES);
}

/* Of the next lines, those that each call of multiply brings. Of a slice that was packed before the
 * prefetchers bring some by themselves. */
static int lines_of(const aq_matrix_run *run, int64_t calls)
{
    const aq_plan *plan = run->plan;
    if (packing_brings(run))
        return PANEL_LINES - plan->planes->planes->pack_lines;
    return (int)aq_min_i64(plan->packs_slices ? PANEL_LINES / 2 : PANEL_LINES,
                           aq_ceil_div(PANEL_LINES, calls));
}

/* One panel of one block times all rows of the block of rows. */
static void multiply_panel(const aq_matrix_run *run, size_t thread, int64_t column, int64_t p, int64_t block,
                           aq_ahead *ahead)
{
    const aq_plan *plan = run->plan;
    const aq_workspace_layout *layout = &plan->workspace;
    const aq_planes *planes = plan->planes->planes;
    const aq_problem *problem = &plan->problem;
    const bool exact = aq_plan_exact(plan);
    const int64_t columns = aq_panel_columns(problem->weight_type), k0 = block * AQ_BLOCK, k = k_of(run, k0),
                  n0 = column + p, n = columns_of(run, n0);
    const aq_weight weight = aq_weight_around(run, n0);
    const bool packed = plan->packs_slices, few = packing_brings(run);
    char *panel = aq_scratch_of(run, thread) + (packed ? p * AQ_BLOCK : 0);
    float *scale = floats_in(run, thread, layout->scratch_scale),
          *zero = run->data.parameters.scaled.offset != NULL ? scale + columns * AQ_SEGMENTS : NULL;
    if (!packed)
        planes->pack_panel(&(aq_integers_job){.weight = &weight,
                                              .k0 = k0,
                                              .n0 = n0,
                                              .k = k,
                                              .n = n,
                                              .panel = panel,
                                              .ahead = few ? ahead : NULL});
    if (plan->by_groups)
        planes->group_scales(&(aq_group_scales){.scaled = &run->data.parameters.scaled,
                                                .type = problem->weight_type,
                                                .k0 = k0,
                                                .k = k,
                                                .n0 = n0,
                                                .n = n,
                                                .segments = plan->segments,
                                                .scale = scale,
                                                .zero = zero});
    const int64_t at_once = planes->all_rows ? run->rows : plan->tile_rows,
                  calls = aq_ceil_div(run->rows, at_once);
    for (int64_t r = 0; r < run->rows; r += at_once) {
        const int64_t next = r + at_once < run->rows ? r + at_once : 0,
                      at = block * aq_digits_bytes(planes, exact);
        planes->multiply(&(aq_planes_tile){.digits = digits_of(run, thread, r / plan->tile_rows) + at,
                                           .digits_stride = layout->digits_bytes,
                                           .tile_rows = plan->tile_rows,
                                           .panel = panel,
                                           .acc = sums_of(run, thread, p, r),
                                           .acc_stride = columns,
                                           .rows = aq_min_i64(at_once, run->rows - r),
                                           .columns = columns,
                                           .segments = plan->segments,
                                           .exact = exact,
                                           .scale = plan->by_groups ? scale : NULL,
                                           .zero = plan->by_groups ? zero : NULL,
                                           .ahead = !few || r == 0 ? ahead : NULL,
                                           .lines = lines_of(run, calls),
                                           .next_digits = digits_of(run, thread, next / plan->tile_rows) + at,
                                           .next_acc = sums_of(run, thread, p, next)});
    }
}

/* A few blocks of k at a time, for which it goes from panel to panel (plan.h). */
static void sum_by_chunks(const aq_matrix_run *run, size_t thread, int64_t column, int64_t n)
{
    const aq_plan *plan = run->plan;
    const int64_t columns = aq_panel_columns(plan->problem.weight_type), blocks = plan->row_stride / AQ_BLOCK;
    for (int64_t b0 = 0, end; b0 < blocks; b0 = end) {
        end = aq_min_i64(b0 + plan->blocks_together, blocks);
        for (int64_t p = 0; p < n; p += columns)
            for (int64_t b = b0; b < end; b++) {
                /* at the end of a panel's chunk the next block is the next panel's first */
                const bool turns = b + 1 == end && p + columns < n;
                const int64_t next = p + (turns ? columns : 0);
                aq_ahead ahead = ahead_of(run, (turns ? b0 - 1 : b) * AQ_BLOCK, column + next,
                                          aq_min_i64(columns, n - next));
                multiply_panel(run, thread, column, p, b, &ahead);
            }
    }
}

static void sum_slice(const aq_matrix_run *run, size_t thread, int64_t column, int64_t n)
{
    const aq_plan *plan = run->plan;
    const int64_t columns = aq_panel_columns(plan->problem.weight_type), blocks = plan->row_stride / AQ_BLOCK;
    float *acc = floats_in(run, thread, plan->workspace.scratch_sums);
    if (plan->planes_stream) {
        const aq_weight weight = aq_weight_around(run, column);
        plan->planes->planes->stream(&(aq_planes_stream){
            .weight = &weight,
            .scaled = plan->by_groups ? &run->data.parameters.scaled : NULL,
            .zero = plan->by_groups && run->data.parameters.scaled.offset != NULL,
            .n0 = column,
            .n = n,
            .k = plan->problem.k,
            .digits = digits_of(run, thread, 0),
            .acc = acc,
            .segments = plan->segments,
            .exact = aq_plan_exact(plan),
            .room = (int32_t *)(void *)floats_in(run, thread, plan->workspace.scratch_ints)});
        return;
    }
    memset(acc, 0, (size_t)(plan->rows_block * plan->slice) * sizeof *acc);
    const aq_planes *planes = plan->planes->planes;
    if (planes->enter != NULL)
        planes->enter(plan->tile_rows, plan->segments);
    if (plan->blocks_together > 0) {
        sum_by_chunks(run, thread, column, n);
    } else if (plan->order == AQ_ORDER_T) {
        aq_ahead ahead = {.lines = 0};
        for (int64_t p = 0; p < n; p += columns)
            for (int64_t b = 0; b < blocks; b++) {
                if (b % blocks_ahead(plan) == 0)
                    ahead = ahead_of(run, b * AQ_BLOCK, column + p, aq_min_i64(columns, n - p));
                multiply_panel(run, thread, column, p, b, &ahead);
            }
    } else {
        for (int64_t b = 0; b < blocks; b++) {
            aq_ahead ahead = ahead_of(run, b * AQ_BLOCK, column, n);
            if (plan->packs_slices)
                pack_slice(run, thread, column, n, b);
            for (int64_t p = 0; p < n; p += columns)
                multiply_panel(run, thread, column, p, b, &ahead);
        }
    }
    if (planes->leave != NULL)
        planes->leave();
}

/* ---- results ---- */

/* line: the row's sums of this slice. Those that are not finite come again by fma. */
static void repair(const aq_matrix_run *run, size_t thread, int64_t row, int64_t column, int64_t n,
                   float *line)
{
    float sum[AQ_MAX_NR];
    for (int64_t j = 0; j < n; j++)
        if (!(line[j] - line[j] == 0.0f)) {
            int64_t one = run->row0 + row;
            aq_sum_by_fma(run, &one, 1, column + j, 1, sum,
                          aq_scratch_of(run, thread) + run->plan->workspace.scratch_fma);
            line[j] = sum[0];
        }
}

static void finish_row(const aq_matrix_run *run, size_t thread, int64_t row, int64_t column, int64_t n)
{
    const aq_plan *plan = run->plan;
    const int64_t columns = aq_panel_columns(plan->problem.weight_type);
    float *line = floats_in(run, thread, plan->workspace.scratch_line);
    bool finite = true;
    for (int64_t p = 0; p < n; p += columns)
        finite &= plan->planes->planes->finish(&(aq_finish_job){
            .type = plan->problem.weight_type,
            .acc = sums_of(run, thread, p, row),
            .in_order = plan->planes_stream && plan->planes->planes->stream_in_order(plan->order),
            .scale = run->data.scale != NULL ? run->data.scale + column + p : NULL,
            .zero = run->data.zero != NULL ? run->data.zero + column + p : NULL,
            .x_total = run->data.zero != NULL ? x_totals(run, thread)[row] : 0.0f,
            .n = aq_min_i64(columns, n - p),
            .out = line + p});
    if (!finite)
        repair(run, thread, row, column, n, line);
    aq_store_sums(run, line, plan->slice, run->row0 + row, 1, column, n);
}

/* The rows that only fma serves, a few at once. */
static void finish_by_fma(const aq_matrix_run *run, size_t thread, int64_t column, int64_t n)
{
    const aq_plan *plan = run->plan;
    const int64_t nr = plan->gemm->nr;
    int64_t rows[FMA_ROWS], count = 0;
    float sum[FMA_ROWS * AQ_MAX_NR];
    for (int64_t r = 0; r < run->rows; r++) {
        if (by_fma(run, thread)[r])
            rows[count++] = run->row0 + r;
        if (count == 0 || (count < FMA_ROWS && r + 1 < run->rows))
            continue;
        for (int64_t p = 0; p < n; p += nr) {
            int64_t some = aq_min_i64(nr, n - p);
            aq_sum_by_fma(run, rows, count, column + p, some, sum,
                          aq_scratch_of(run, thread) + plan->workspace.scratch_fma);
            for (int64_t i = 0; i < count; i++)
                aq_store_sums(run, sum + i * nr, nr, rows[i], 1, column + p, some);
        }
        count = 0;
    }
}

static void planes_task(void *context, size_t thread, size_t index)
{
    const aq_matrix_run *run = context;
    const aq_plan *plan = run->plan;
    int64_t column = (int64_t)index * plan->slice, n = aq_min_i64(plan->slice, plan->problem.n - column);
    bool any = false, all = true;
    if (plan->own_digits && !*made(run, thread)) {
        make_some_digits(context, thread, 0);
        *made(run, thread) = 1;
    }
    for (int64_t r = 0; r < run->rows; r++) {
        any |= by_fma(run, thread)[r] != 0;
        all &= by_fma(run, thread)[r] != 0;
    }
    if (!all) {
        sum_slice(run, thread, column, n);
        for (int64_t r = 0; r < run->rows; r++)
            if (!by_fma(run, thread)[r])
                finish_row(run, thread, r, column, n);
    }
    if (any)
        finish_by_fma(run, thread, column, n);
}

void aq_run_planes(aq_matrix_run *run)
{
    static const aq_planes_steps steps = {make_some_digits, sum_slice, finish_row, finish_by_fma,
                                          digits_of,        x_totals,  by_fma,     sums_of};
    const aq_plan *plan = run->plan;
    const aq_problem *problem = &plan->problem;
    if (plan->k_parts > 1) {
        aq_run_planes_by_k(run, &steps);
        return;
    }
    for (run->row0 = 0; run->row0 < problem->m; run->row0 += plan->rows_block) {
        run->rows = aq_min_i64(plan->rows_block, problem->m - run->row0);
        if (plan->own_digits)
            for (int thread = 0; thread < plan->threads; thread++)
                *made(run, (size_t)thread) = 0;
        else
            aq_parallel_for(plan->threads, (size_t)aq_ceil_div(run->rows, AQ_DIGIT_ROWS), make_some_digits,
                            run);
        aq_parallel_for(plan->threads, (size_t)aq_ceil_div(problem->n, plan->slice), planes_task, run);
    }
}
