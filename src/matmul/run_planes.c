/* SPDX-License-Identifier: Apache-2.0 */
/* run_planes.c - the loops of modes exact and fast over the integer kernels: rows become digits, a task is a
 * slice of columns (sum_planes.c).
 *
 * The data decides two things here, for each row or element by itself: a row with infinity, NaN or exponents
 * too far apart goes through fp32 fma, and so does an element whose sum came out not finite, since only the
 * weights' own numbers then say what IEEE makes of it. */
#include <stddef.h>
#include <string.h>

#include "base/checked.h"
#include "matmul/run_planes.h"
#include "parallel/parallel.h"

enum { FMA_ROWS = 16 /* rows that one fallback takes at once */ };

/* ---- rows ---- */

static void total_x(const aq_matrix_run *run, size_t thread, int64_t tile, int64_t row)
{
    const aq_plan *plan = run->plan;
    const aq_digits_form form = aq_plan_form(plan);
    const aq_planes *planes = plan->planes->planes;
    const char *at = aq_planes_digits(run, thread, tile) + planes->digit_bytes[form];
    float total = 0.0f;
    for (int64_t b = 0; b < plan->row_stride / AQ_BLOCK; b++, at += aq_digits_bytes(planes, form))
        total += aq_tail_x_sums(planes, at, 0)[row];
    aq_planes_x_totals(run, thread)[tile * plan->tile_rows + row] = total;
}

void aq_planes_make_digits(void *context, size_t thread, size_t index)
{
    const aq_matrix_run *run = context;
    const aq_plan *plan = run->plan;
    const aq_problem *problem = &plan->problem;
    int64_t first = (int64_t)index * AQ_DIGIT_ROWS, tile = first / plan->tile_rows,
            in_tile = first % plan->tile_rows;
    float *x = aq_scratch_floats(run, thread, plan->workspace.scratch_line);
    aq_digits_job job = {.x = x,
                         .x_stride = plan->row_stride,
                         .first = in_tile,
                         .rows = aq_min_i64(AQ_DIGIT_ROWS, run->rows - first),
                         .blocks = plan->row_stride / AQ_BLOCK,
                         .segments = plan->segments,
                         .exact = aq_plan_exact(plan),
                         .form = aq_plan_form(plan),
                         .type = problem->weight_type,
                         .digits = aq_planes_digits(run, thread, tile)};
    for (int64_t r = 0; r < job.rows; r++)
        run->widen(&(aq_widen_job){.x = run->at.x + (run->row0 + first + r) * problem->x.row,
                                   .stride = problem->x.column,
                                   .k = problem->k,
                                   .padded = plan->row_stride,
                                   .row = x + r * plan->row_stride});
    plan->planes->planes->make_digits(&job);
    for (int64_t r = 0; r < job.rows; r++) {
        aq_planes_by_fma(run, thread)[first + r] = run->data.generic || !job.fits[r];
        if (run->data.zero != NULL)
            total_x(run, thread, tile, in_tile + r);
    }
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

void aq_planes_finish_row(const aq_matrix_run *run, size_t thread, int64_t row, int64_t column, int64_t n)
{
    const aq_plan *plan = run->plan;
    const int64_t columns = aq_panel_columns(plan->problem.weight_type);
    float *line = aq_scratch_floats(run, thread, plan->workspace.scratch_line);
    bool finite = true;
    for (int64_t p = 0; p < n; p += columns)
        finite &= plan->planes->planes->finish(&(aq_finish_job){
            .type = plan->problem.weight_type,
            .acc = aq_planes_sums(run, thread, p, row),
            .in_order = plan->planes_stream && plan->planes->planes->stream_in_order(plan->order),
            .scale = run->data.scale != NULL ? run->data.scale + column + p : NULL,
            .zero = run->data.zero != NULL ? run->data.zero + column + p : NULL,
            .x_total = run->data.zero != NULL ? aq_planes_x_totals(run, thread)[row] : 0.0f,
            .n = aq_min_i64(columns, n - p),
            .out = line + p});
    if (!finite)
        repair(run, thread, row, column, n, line);
    aq_store_sums(run, line, plan->slice, run->row0 + row, 1, column, n);
}

/* The rows that only fma serves, a few at once. */
void aq_planes_finish_by_fma(const aq_matrix_run *run, size_t thread, int64_t column, int64_t n)
{
    const aq_plan *plan = run->plan;
    const int64_t nr = plan->gemm->nr;
    int64_t rows[FMA_ROWS], count = 0;
    float sum[FMA_ROWS * AQ_MAX_NR];
    for (int64_t r = 0; r < run->rows; r++) {
        if (aq_planes_by_fma(run, thread)[r])
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
    if (plan->own_digits && !*aq_planes_made(run, thread)) {
        aq_planes_make_digits(context, thread, 0);
        *aq_planes_made(run, thread) = 1;
    }
    for (int64_t r = 0; r < run->rows; r++) {
        any |= aq_planes_by_fma(run, thread)[r] != 0;
        all &= aq_planes_by_fma(run, thread)[r] != 0;
    }
    if (!all) {
        aq_planes_sum_slice(run, thread, column, n);
        for (int64_t r = 0; r < run->rows; r++)
            if (!aq_planes_by_fma(run, thread)[r])
                aq_planes_finish_row(run, thread, r, column, n);
    }
    if (any)
        aq_planes_finish_by_fma(run, thread, column, n);
}

void aq_run_planes(aq_matrix_run *run)
{
    const aq_plan *plan = run->plan;
    const aq_problem *problem = &plan->problem;
    if (plan->k_parts > 1) {
        aq_run_planes_by_k(run);
        return;
    }
    for (run->row0 = 0; run->row0 < problem->m; run->row0 += plan->rows_block) {
        run->rows = aq_min_i64(plan->rows_block, problem->m - run->row0);
        if (plan->own_digits)
            for (int thread = 0; thread < plan->threads; thread++)
                *aq_planes_made(run, (size_t)thread) = 0;
        else
            aq_parallel_for(plan->threads, (size_t)aq_ceil_div(run->rows, AQ_DIGIT_ROWS),
                            aq_planes_make_digits, run);
        aq_parallel_for(plan->threads, (size_t)aq_ceil_div(problem->n, plan->slice), planes_task, run);
    }
}
