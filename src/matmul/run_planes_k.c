/* SPDX-License-Identifier: Apache-2.0 */
/* run_planes_k.c - integer kernels where tasks share the k of a slice, because n gives fewer slices than
 * threads, or so that each thread reads whole rows. Sums of blocks are not added where they are made, since
 * each addition is rounded: a task leaves f of planes.h of its blocks, for which the kernels get s = 1, no
 * groups, and sums that are zero: fma(f, 1, 0) is f. Then the blocks are added in their order, as a kernel
 * does that gets all of k: the bits are the same. A stream's first part is added up at once.
 *
 * A task sees a plan and a run of its own, in which its part of k, or one block of it, is all there is. */
#include <string.h>

#include "base/checked.h"
#include "matmul/run_planes.h"
#include "parallel/parallel.h"

typedef struct parts_run {
    const aq_matrix_run *run;
    int64_t rows_at_once, columns_at_once; /* of a task that adds blocks up; whole panels of a slice */
} parts_run;

/* s and X of a row and block. */
typedef struct block_row {
    float s, x;
} block_row;

static int64_t blocks_of(const aq_plan *plan)
{
    return aq_ceil_div(plan->problem.k, AQ_BLOCK);
}

static block_row *block_rows(const aq_matrix_run *run, int64_t block)
{
    return (block_row *)(void *)(run->workspace + run->plan->workspace.block_rows) +
           block * run->plan->rows_block;
}

/* A flag a row: nonzero where only fma serves it, for what this part of k holds. */
static int32_t *flags_of(const aq_matrix_run *run, int64_t part)
{
    return (int32_t *)(void *)block_rows(run, blocks_of(run->plan)) + part * run->plan->rows_block;
}

/* Where f of a block of a slice is in the workspace: as a task's sums lie, in bytes. */
static int64_t block_sums(const aq_plan *plan, int64_t slice, int64_t block)
{
    const int64_t rows = aq_plan_sum_rows(plan);
    return plan->workspace.chunk_sums +
           (slice * blocks_of(plan) + block) * rows * plan->slice * (int64_t)sizeof(float);
}

/* The first part's blocks are not apart: block_sums of block 0 is their sum. */
static bool adds_first(const aq_plan *plan)
{
    return plan->planes_stream;
}

/* ---- a part of k ---- */

/* Keeps s and X of the part's blocks, of which the first is number `block`; takes s away, which leaves 1. */
static void take_scales(const aq_matrix_run *piece, const parts_run *parts, size_t thread, int64_t block,
                        bool keep, bool take)
{
    const aq_plan *plan = piece->plan;
    const aq_planes *planes = plan->planes->planes;
    const aq_digits_form form = aq_plan_form(plan);
    for (int64_t row = 0; row < piece->rows; row++) {
        const int64_t r = row % plan->tile_rows;
        char *tail = aq_planes_digits(piece, thread, row / plan->tile_rows) + planes->digit_bytes[form];
        for (int64_t b = 0; b < plan->row_stride / AQ_BLOCK; b++, tail += aq_digits_bytes(planes, form)) {
            float *s = &aq_tail_scales(planes, tail)[r];
            if (keep)
                block_rows(parts->run, block + b)[row] =
                    (block_row){.s = *s, .x = aq_tail_x_sums(planes, tail, 0)[r]};
            *s = take ? 1.0f : *s;
        }
    }
}

static void sum_part(void *context, size_t thread, size_t index)
{
    const parts_run *parts = context;
    const aq_matrix_run *run = parts->run;
    const aq_plan *plan = run->plan;
    const int64_t slice = (int64_t)index / plan->k_parts, part = (int64_t)index % plan->k_parts,
                  begin = part * plan->part_k, k = aq_min_i64(plan->part_k, plan->problem.k - begin),
                  column = slice * plan->slice, n = aq_min_i64(plan->slice, plan->problem.n - column),
                  block_bytes = aq_digits_bytes(plan->planes->planes, aq_plan_form(plan));
    const char *scratch = aq_scratch_of(run, thread);
    const bool adds = adds_first(plan) && part == 0;
    aq_plan own = *plan;
    aq_matrix_run piece = *run;
    own.by_groups = adds && plan->by_groups;
    own.k_parts = adds ? 1 : plan->k_parts;
    own.problem.k = k;
    own.row_stride = aq_round_up(k, AQ_BLOCK);
    piece.plan = &own;
    piece.at.x = run->at.x + begin * plan->problem.x.column;
    piece.data.zero = NULL;
    for (int64_t row = 0; row < run->rows; row += AQ_DIGIT_ROWS)
        aq_planes_make_digits(&piece, thread, (size_t)(row / AQ_DIGIT_ROWS));
    take_scales(&piece, parts, thread, begin / AQ_BLOCK, slice == 0, !adds);
    if (slice == 0)
        memcpy(flags_of(run, part), aq_planes_by_fma(run, thread), (size_t)run->rows * sizeof(int32_t));
    /* a stream leaves all blocks of the part in one call, the others one after the other */
    const int64_t step = plan->planes_stream ? plan->part_k : AQ_BLOCK;
    for (int64_t k0 = begin; k0 < begin + k; k0 += step) {
        own.problem.k = aq_min_i64(step, begin + k - k0);
        own.row_stride = aq_round_up(own.problem.k, AQ_BLOCK);
        own.workspace.rows = plan->workspace.rows + (k0 - begin) / AQ_BLOCK * block_bytes;
        own.workspace.scratch_sums = run->workspace - scratch + block_sums(plan, slice, k0 / AQ_BLOCK);
        piece.weight = aq_weight_from(run, run->weight, k0);
        aq_planes_sum_slice(&piece, thread, column, n);
    }
}

/* ---- all of k ---- */

static bool only_by_fma(const aq_matrix_run *run, int64_t row)
{
    bool any = false;
    for (int64_t part = 0; part < run->plan->k_parts; part++)
        any |= flags_of(run, part)[row] != 0;
    return any;
}

/* A rectangle of sums: whole panels of one slice, and rows of the matrix. */
typedef struct rectangle {
    int64_t n0, n, row, end;
} rectangle;

/* Adds f of a block to the sums of some rows of the p-th column on: of a panel, or, of one row without
 * groups, of all. */
static void add_block(const parts_run *parts, size_t thread, const rectangle *sums, int64_t p, int64_t n,
                      int64_t block)
{
    const aq_matrix_run *run = parts->run;
    const aq_plan *plan = run->plan;
    const int64_t columns = aq_panel_columns(plan->problem.weight_type), rows = aq_plan_sum_rows(plan);
    const bool in_order = plan->planes_stream && plan->planes->planes->stream_in_order(plan->order);
    const aq_planes_scales by_groups = aq_planes_group_scales(run, thread, block, sums->n0 + p, in_order);
    const float *f = aq_floats_at(run, block_sums(plan, sums->n0 / plan->slice, block)) +
                     (sums->n0 % plan->slice + p) * rows;
    for (int64_t row = sums->row; row < sums->end; row++)
        run->add_block(&(aq_block_job){.f = f + row * columns,
                                       .s = block_rows(run, block)[row].s,
                                       .scale = by_groups.scale,
                                       .zero = by_groups.zero,
                                       .x = block_rows(run, block)[row].x,
                                       .n = aq_round_up(n, in_order ? AQ_LANES_T : columns),
                                       .acc = aq_planes_sums(run, thread, p, row)});
}

static rectangle rectangle_of(const parts_run *parts, int64_t index)
{
    const aq_matrix_run *run = parts->run;
    const aq_plan *plan = run->plan;
    const int64_t by_rows = aq_ceil_div(run->rows, parts->rows_at_once),
                  by_columns = aq_ceil_div(plan->slice, parts->columns_at_once),
                  row = index % by_rows * parts->rows_at_once, part = index / by_rows,
                  slice = part / by_columns * plan->slice,
                  column = part % by_columns * parts->columns_at_once;
    return (rectangle){.n0 = slice + column,
                       .n = aq_min_i64(aq_min_i64(parts->columns_at_once, plan->slice - column),
                                       plan->problem.n - slice - column),
                       .row = row,
                       .end = aq_min_i64(row + parts->rows_at_once, run->rows)};
}

static void add_parts(void *context, size_t thread, size_t index)
{
    const parts_run *parts = context;
    const aq_matrix_run *run = parts->run;
    const aq_plan *plan = run->plan;
    const rectangle sums = rectangle_of(parts, (int64_t)index);
    const int64_t columns = aq_panel_columns(plan->problem.weight_type),
                  step = plan->planes_stream && !plan->by_groups ? parts->columns_at_once : columns;
    if (adds_first(plan))
        memcpy(aq_planes_sums(run, thread, 0, 0),
               aq_floats_at(run, block_sums(plan, sums.n0 / plan->slice, 0)) + sums.n0 % plan->slice,
               (size_t)aq_max_i64(0, aq_round_up(sums.n, columns)) * sizeof(float));
    for (int64_t p = 0; p < sums.n && !adds_first(plan); p += columns) /* a panel's rows follow each other */
        memset(aq_planes_sums(run, thread, p, sums.row), 0,
               (size_t)((sums.end - sums.row) * columns) * sizeof(float));
    for (int64_t block = adds_first(plan) ? plan->part_k / AQ_BLOCK : 0; block < blocks_of(plan); block++)
        for (int64_t p = 0; p < sums.n; p += step)
            add_block(parts, thread, &sums, p, aq_min_i64(step, sums.n - p), block);
    for (int64_t row = sums.row; row < sums.end && sums.n > 0; row++) {
        float *total = &aq_planes_x_totals(run, thread)[row];
        *total = 0.0f;
        for (int64_t block = 0; block < blocks_of(plan); block++)
            *total += block_rows(run, block)[row].x;
        if (!only_by_fma(run, row))
            aq_planes_finish_row(run, thread, row, sums.n0, sums.n);
    }
}

static void finish_others(const parts_run *parts)
{
    const aq_matrix_run *run = parts->run;
    const aq_plan *plan = run->plan;
    bool any = false;
    for (int64_t row = 0; row < run->rows; row++) {
        aq_planes_by_fma(run, 0)[row] = only_by_fma(run, row);
        any |= aq_planes_by_fma(run, 0)[row] != 0;
    }
    for (int64_t column = 0; any && column < plan->problem.n; column += plan->slice)
        aq_planes_finish_by_fma(run, 0, column, aq_min_i64(plan->slice, plan->problem.n - column));
}

void aq_run_planes_by_k(aq_matrix_run *run)
{
    const aq_plan *plan = run->plan;
    const int64_t slices = aq_ceil_div(plan->problem.n, plan->slice),
                  columns = aq_panel_columns(plan->problem.weight_type);
    run->row0 = 0;
    run->rows = plan->problem.m;
    /* one row is added up in runs as long as can be */
    parts_run parts = {
        .run = run,
        .rows_at_once = aq_ceil_div(run->rows, plan->threads),
        .columns_at_once =
            run->rows > 1 ? columns : aq_round_up(aq_ceil_div(plan->slice * slices, plan->threads), columns)};
    parts.columns_at_once = aq_min_i64(parts.columns_at_once, plan->slice);
    aq_parallel_for(plan->threads, (size_t)(slices * plan->k_parts), sum_part, &parts);
    aq_parallel_for(plan->threads,
                    (size_t)(slices * aq_ceil_div(plan->slice, parts.columns_at_once) *
                             aq_ceil_div(run->rows, parts.rows_at_once)),
                    add_parts, &parts);
    finish_others(&parts);
}
