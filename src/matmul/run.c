/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - follows a plan: for each matrix of the batch, tasks over threads, tiles over kernels, sums to out.
 * Few rows are run_stream.c's, integers run_planes.c's.
 *
 * Only two things are decided here, because only the data tells: parameters beyond the kernels (a diagonal
 * that is not the identity, offsets next to the limits of int32) send a stream plan to the gemm loops and the
 * panels through the generic packer. The bits are the same on every way. */
#include <stddef.h>

#include "base/checked.h"
#include "base/trace.h"
#include "cpu/cpu.h"
#include "matmul/run.h"
#include "parallel/parallel.h"

void aq_store_sums(const aq_matrix_run *run, const float *sum, int64_t sum_stride, int64_t row, int64_t rows,
                   int64_t column, int64_t n)
{
    const aq_matrix_layout *out = &run->plan->problem.out;
    const aq_column_data *data = &run->data;
    run->store(&(aq_store_job){
        .sum = sum,
        .sum_stride = sum_stride,
        .bias = data->bias != NULL ? data->bias + column : NULL,
        .out = (char *)run->at.out + (row * out->row + column * out->column) * (int64_t)run->out_size,
        .stride_m = out->row,
        .stride_n = out->column,
        .rows = rows,
        .n = n,
        .quant_scale = data->quant_scale != NULL ? data->quant_scale + column : NULL,
        .quant_offset = data->quant_offset != NULL ? data->quant_offset + column : NULL});
}

aq_columns aq_columns_from(const aq_matrix_run *run, int64_t column)
{
    aq_columns columns = run->data.columns;
    if (columns.recipe == AQ_RECIPE_FIXPIPE) {
        columns.offset += column;
        columns.scale += column;
    } else {
        columns.add = columns.add != NULL ? columns.add + column : NULL;
        columns.mul = columns.mul != NULL ? columns.mul + column : NULL;
    }
    return columns;
}

aq_weight aq_weight_at(const aq_matrix_run *run, int64_t k, int64_t column)
{
    aq_weight weight = aq_weight_around(run, column);
    weight.data += weight.first + k * weight.stride_k + column * weight.stride_n;
    weight.first = 0;
    return weight;
}

/* ---- many rows ---- */

/* Packed rows lie chunk by chunk, tile by tile within a chunk. */
static float *packed_rows(const aq_matrix_run *run, int64_t k0, int64_t steps, int64_t tile)
{
    int64_t mr = run->plan->gemm->mr, padded = aq_round_up(run->rows, mr);
    return aq_floats_at(run, run->plan->workspace.rows) + k0 * padded + tile * steps * mr;
}

static void pack_tile_of_rows(void *context, size_t thread, size_t index)
{
    (void)thread;
    const aq_matrix_run *run = context;
    const aq_plan *plan = run->plan;
    const aq_matrix_layout *x = &plan->problem.x;
    int64_t chunk = aq_chunk_length(plan->order), tile = (int64_t)index, row = tile * plan->gemm->mr;
    for (int64_t k0 = 0; k0 < plan->problem.k; k0 += chunk) {
        int64_t k = aq_min_i64(chunk, plan->problem.k - k0), steps = aq_packed_steps(plan->order, k);
        aq_rows_job job = {.order = plan->order,
                           .x = run->at.x + (run->row0 + row) * x->row + k0 * x->column,
                           .stride_m = x->row,
                           .stride_k = x->column,
                           .rows = aq_min_i64(plan->gemm->mr, run->rows - row),
                           .k = k,
                           .steps = steps,
                           .packed = packed_rows(run, k0, steps, tile),
                           .half = plan->problem.half};
        plan->gemm->pack_rows(&job);
    }
}

void aq_pack_any_panel(const aq_matrix_run *run, int64_t k0, int64_t k, int64_t column, int64_t n,
                       float *panel)
{
    const aq_plan *plan = run->plan;
    const aq_weight weight = aq_weight_around(run, column);
    aq_pack_panel_generic(&(aq_generic_panel_job){.order = plan->order,
                                                  .weight = &weight,
                                                  .parameters = &run->data.parameters,
                                                  .k_total = plan->problem.k,
                                                  .k0 = k0,
                                                  .n0 = column,
                                                  .k = k,
                                                  .n = n,
                                                  .steps = aq_packed_steps(plan->order, k),
                                                  .nr = plan->gemm->nr,
                                                  .panel = panel});
}

static void pack_panel(const aq_matrix_run *run, int64_t k0, int64_t k, int64_t column, int64_t n,
                       float *panel)
{
    const aq_plan *plan = run->plan;
    const aq_weight weight = aq_weight_around(run, column);
    int64_t steps = aq_packed_steps(plan->order, k);
    if (run->generic_panel)
        aq_pack_any_panel(run, k0, k, column, n, panel);
    else if (plan->problem.recipe == AQ_RECIPE_SCALED)
        plan->gemm->pack_scaled(&(aq_scaled_panel_job){.order = plan->order,
                                                       .weight = &weight,
                                                       .scaled = &run->data.parameters.scaled,
                                                       .k0 = k0,
                                                       .n0 = column,
                                                       .k = k,
                                                       .n = n,
                                                       .steps = steps,
                                                       .panel = panel});
    else
        plan->gemm->pack_panel(&(aq_panel_job){.order = plan->order,
                                               .weight = aq_weight_at(run, k0, column),
                                               .columns = aq_columns_from(run, column),
                                               .k = k,
                                               .n = n,
                                               .steps = steps,
                                               .panel = panel});
}

/* One chunk of one panel of n columns times rows row .. row + rows - 1 of those that are packed. */
static void gemm_panel(const aq_matrix_run *run, int64_t k0, int64_t row, int64_t rows, int64_t column,
                       int64_t n, float *panel, float *sums)
{
    const aq_plan *plan = run->plan;
    const int64_t mr = plan->gemm->mr, nr = plan->gemm->nr,
                  k = aq_min_i64(aq_chunk_length(plan->order), plan->problem.k - k0),
                  steps = aq_packed_steps(plan->order, k);
    pack_panel(run, k0, k, column, n, panel);
    for (int64_t r = 0; r < rows; r += mr)
        plan->gemm->gemm(&(aq_gemm_tile){.order = plan->order,
                                         .packed = packed_rows(run, k0, steps, (row + r) / mr),
                                         .panel = panel,
                                         .steps = steps,
                                         .sum = sums + r * nr,
                                         .sum_stride = nr,
                                         .first = k0 == 0,
                                         .rows = aq_min_i64(mr, rows - r),
                                         .columns = n});
}

/* Some panels of columns times one part of the packed rows. */
static void gemm_task(void *context, size_t thread, size_t index)
{
    const aq_matrix_run *run = context;
    const aq_plan *plan = run->plan;
    const int64_t nr = plan->gemm->nr, parts = aq_ceil_div(run->rows, plan->rows_part);
    int64_t row = (int64_t)index % parts * plan->rows_part,
            rows = aq_min_i64(plan->rows_part, run->rows - row);
    int64_t column = (int64_t)index / parts * nr * plan->panels_part,
            end = aq_min_i64(column + nr * plan->panels_part, plan->problem.n);
    float *panel = (float *)(void *)aq_scratch_of(run, thread);
    float *sums = (float *)(void *)(aq_scratch_of(run, thread) + plan->workspace.scratch_sums);

    for (int64_t k0 = 0; k0 < plan->problem.k; k0 += aq_chunk_length(plan->order))
        for (int64_t at = column; at < end; at += nr)
            gemm_panel(run, k0, row, rows, at, aq_min_i64(nr, end - at), panel,
                       sums + (at - column) * plan->rows_part);
    for (int64_t at = column; at < end; at += nr)
        aq_store_sums(run, sums + (at - column) * plan->rows_part, nr, run->row0 + row, rows, at,
                      aq_min_i64(nr, end - at));
}

static void run_gemm(aq_matrix_run *run)
{
    const aq_plan *plan = run->plan;
    int64_t panels = aq_ceil_div(plan->problem.n, plan->gemm->nr * plan->panels_part);
    for (run->row0 = 0; run->row0 < plan->problem.m; run->row0 += plan->rows_block) {
        run->rows = aq_min_i64(plan->rows_block, plan->problem.m - run->row0);
        aq_parallel_for(plan->threads, (size_t)aq_ceil_div(run->rows, plan->gemm->mr), pack_tile_of_rows,
                        run);
        aq_parallel_for(plan->threads, (size_t)(panels * aq_ceil_div(run->rows, plan->rows_part)), gemm_task,
                        run);
    }
}

/* ---- k = 0: the sum is empty (operator page 1.3) ---- */

static void run_empty_sum(aq_matrix_run *run)
{
    static const float zeros[AQ_MAX_NR];
    const aq_problem *problem = &run->plan->problem;
    for (int64_t column = 0; column < problem->n; column += AQ_MAX_NR)
        aq_store_sums(run, zeros, 0, 0, problem->m, column, aq_min_i64(AQ_MAX_NR, problem->n - column));
}

static void run_matrix(aq_matrix_run *run)
{
    const aq_plan *plan = run->plan;
    const aq_problem *problem = &plan->problem;
    run->weight = (aq_weight){.data = run->at.weight,
                              .stride_k = problem->weight.row,
                              .stride_n = problem->weight.column,
                              .type = problem->weight_type,
                              .first = problem->weight_first + run->weight_batch,
                              .block = problem->weight_block,
                              .block_stride = problem->weight_block_stride};
    aq_columns_read(plan, &run->at, run->workspace, &run->data);
    run->generic_panel = plan->generic_panel || run->data.generic;
    int64_t from = aq_trace_begin();
    if (plan->problem.k == 0) {
        run_empty_sum(run);
    } else if (plan->planes != NULL) {
        aq_run_planes(run);
        aq_trace_end("kernel", plan->planes->name, from, NULL);
    } else if (plan->stream != NULL && !run->data.generic) {
        aq_run_stream(run);
        aq_trace_end("kernel", plan->stream->name, from, NULL);
    } else {
        run_gemm(run);
        aq_trace_end("kernel", plan->gemm->name, from, NULL);
    }
}

static int64_t batch_offset(const aq_matrix_layout *layout, const int64_t *index, int rank)
{
    int64_t offset = 0;
    for (int d = 0; d < rank; d++)
        offset += index[d] * layout->batch[d];
    return offset;
}

static aq_store_function store_of(const aq_ends *ends, aq_number type)
{
    if (type == AQ_NUMBER_S8)
        return ends->store_s8;
    return type == AQ_NUMBER_BF16 ? ends->store_bf16 : ends->store;
}

void aq_matmul_run(const aq_plan *plan, const aq_operands *operands, void *workspace)
{
    const aq_problem *problem = &plan->problem;
    const aq_ends *ends = aq_ends_for(aq_cpu_level_in_use());
    aq_matrix_run run = {.plan = plan,
                         .workspace = workspace,
                         .widen = problem->half == AQ_F16 ? ends->widen : ends->widen_bf16,
                         .store = store_of(ends, problem->out_type),
                         .add_block = ends->add_block,
                         .out_size = problem->out_type == AQ_NUMBER_S8 ? 1 : 2};
    bool by_number = problem->weight_type == AQ_S4 || problem->weight_type == AQ_F4E2M1;
    int64_t index[AQ_MAX_BATCH_RANK] = {0};
    int d;
    do {
        run.at = *operands;
        if (problem->k > 0) { /* else neither is read, and both may be null */
            run.at.x += batch_offset(&problem->x, index, problem->batch_rank);
            int64_t weight = batch_offset(&problem->weight, index, problem->batch_rank);
            if (by_number)
                run.weight_batch = weight;
            else
                run.at.weight += weight;
        }
        run.at.out = (char *)run.at.out +
                     batch_offset(&problem->out, index, problem->batch_rank) * (int64_t)run.out_size;
        if (run.at.add != NULL)
            run.at.add += batch_offset(&problem->add, index, problem->batch_rank);
        if (run.at.mul != NULL)
            run.at.mul += batch_offset(&problem->mul, index, problem->batch_rank);
        run_matrix(&run);
        for (d = problem->batch_rank - 1; d >= 0 && ++index[d] == problem->batch_dims[d]; d--)
            index[d] = 0;
    } while (d >= 0);
}
