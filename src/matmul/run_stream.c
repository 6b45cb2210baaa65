/* SPDX-License-Identifier: Apache-2.0 */
/* run_stream.c - the loops over stream kernels: few rows, a task is a slice of columns, or some chunks of its
 * k where there are so few slices that threads would be idle. The chunks' sums are then added up in their
 * order, as a kernel does that gets all of k: the bits are the same. */
#include "base/checked.h"
#include "matmul/run.h"
#include "parallel/parallel.h"

/* The parameters of a matrix whose first row is k. */
static aq_scaled scaled_from(const aq_matrix_run *run, int64_t k)
{
    aq_scaled scaled = run->data.parameters.scaled;
    int64_t group = k / scaled.group;
    scaled.scale = (const char *)scaled.scale + group * scaled.scale_group * (scaled.e8m0 ? 1 : 2);
    scaled.offset = scaled.offset != NULL ? scaled.offset + group * scaled.offset_group : NULL;
    return scaled;
}

/* All rows of x, k k and n columns of the weight from k0 and column on. */
typedef struct stream_piece {
    const float *x; /* at k0 */
    int64_t k0, k, column, n;
} stream_piece;

static void stream_rows(const aq_matrix_run *run, const stream_piece *piece, int64_t row, int64_t rows,
                        float *sum, int64_t sum_stride)
{
    const aq_plan *plan = run->plan;
    const float *x = piece->x + row * plan->row_stride;
    if (plan->problem.recipe == AQ_RECIPE_SCALED) {
        const aq_weight weight = aq_weight_from(run, aq_weight_around(run, piece->column), piece->k0);
        const aq_scaled scaled = scaled_from(run, piece->k0);
        plan->stream->stream_scaled(&(aq_scaled_stream_tile){.weight = &weight,
                                                             .scaled = &scaled,
                                                             .n0 = piece->column,
                                                             .x = x,
                                                             .x_stride = plan->row_stride,
                                                             .sum = sum,
                                                             .sum_stride = sum_stride,
                                                             .rows = rows,
                                                             .n = piece->n,
                                                             .k = piece->k});
    } else {
        plan->stream->stream(&(aq_stream_tile){.weight = aq_weight_at(run, piece->k0, piece->column),
                                               .x = x,
                                               .x_stride = plan->row_stride,
                                               .columns = aq_columns_from(run, piece->column),
                                               .sum = sum,
                                               .sum_stride = sum_stride,
                                               .rows = rows,
                                               .n = piece->n,
                                               .k = piece->k});
    }
}

/* As many rows at once as the kernel takes. */
static void stream_all_rows(const aq_matrix_run *run, const stream_piece *piece, float *sums)
{
    const aq_plan *plan = run->plan;
    const int64_t sum_stride = aq_round_up(plan->slice, AQ_LANES_T), m = plan->problem.m;
    int64_t rows;
    for (int64_t row = 0; row < m; row += rows) {
        rows = aq_min_i64(plan->stream->mr, m - row);
        stream_rows(run, piece, row, rows, sums + row * sum_stride, sum_stride);
    }
}

static stream_piece slice_of(const aq_plan *plan, int64_t slice)
{
    int64_t column = slice * plan->slice;
    return (stream_piece){
        .column = column, .n = aq_min_i64(plan->slice, plan->problem.n - column), .k = plan->problem.k};
}

/* k of all rows from k0 on. */
static void widen_rows(const aq_matrix_run *run, int64_t k0, int64_t k, float *rows)
{
    const aq_plan *plan = run->plan;
    const aq_matrix_layout *x = &plan->problem.x;
    for (int64_t row = 0; row < plan->problem.m; row++)
        run->widen(&(aq_widen_job){.x = run->at.x + row * x->row + k0 * x->column,
                                   .stride = x->column,
                                   .k = k,
                                   .padded = aq_round_up(k, AQ_LANES_T),
                                   .row = rows + row * plan->row_stride});
}

static void stream_slice(void *context, size_t thread, size_t index)
{
    const aq_matrix_run *run = context;
    const aq_plan *plan = run->plan;
    stream_piece slice = slice_of(plan, (int64_t)index);
    float *sums = (float *)(void *)(aq_scratch_of(run, thread) + plan->workspace.scratch_sums);
    slice.x = aq_floats_at(run, plan->workspace.rows);
    stream_all_rows(run, &slice, sums);
    aq_store_sums(run, sums, aq_round_up(plan->slice, AQ_LANES_T), 0, plan->problem.m, slice.column, slice.n);
}

/* Sums of one chunk of k, of all rows and the columns of one slice. */
static float *sums_of_chunk(const aq_matrix_run *run, int64_t slice, int64_t k0)
{
    const aq_plan *plan = run->plan;
    int64_t chunk = aq_chunk_length(plan->order), chunks = aq_ceil_div(plan->problem.k, chunk);
    return aq_floats_at(run, plan->workspace.chunk_sums) +
           (slice * chunks + k0 / chunk) * plan->problem.m * aq_round_up(plan->slice, AQ_LANES_T);
}

/* The chunks of one part of k, each by itself. */
static void stream_part(void *context, size_t thread, size_t index)
{
    const aq_matrix_run *run = context;
    const aq_plan *plan = run->plan;
    const int64_t chunk = aq_chunk_length(plan->order), slice = (int64_t)index / plan->k_parts,
                  begin = (int64_t)index % plan->k_parts * plan->part_k,
                  end = aq_min_i64(begin + plan->part_k, plan->problem.k);
    float *x = (float *)(void *)(aq_scratch_of(run, thread) + plan->workspace.scratch_sums);
    stream_piece piece = slice_of(plan, slice);
    widen_rows(run, begin, end - begin, x);
    for (piece.k0 = begin; piece.k0 < end; piece.k0 += chunk) {
        piece.x = x + (piece.k0 - begin);
        piece.k = aq_min_i64(chunk, end - piece.k0);
        stream_all_rows(run, &piece, sums_of_chunk(run, slice, piece.k0));
    }
}

/* What the chunks of a slice add up to, in their order. */
static void add_chunks(const aq_matrix_run *run, int64_t index)
{
    const aq_plan *plan = run->plan;
    const int64_t stride = aq_round_up(plan->slice, AQ_LANES_T), m = plan->problem.m,
                  chunk = aq_chunk_length(plan->order);
    const stream_piece slice = slice_of(plan, index);
    float *total = sums_of_chunk(run, index, 0);
    for (int64_t k0 = chunk; k0 < plan->problem.k; k0 += chunk)
        for (int64_t row = 0; row < m; row++)
            aq_add_sums(total + row * stride, sums_of_chunk(run, index, k0) + row * stride, slice.n);
    aq_store_sums(run, total, stride, 0, m, slice.column, slice.n);
}

void aq_run_stream(aq_matrix_run *run)
{
    const aq_plan *plan = run->plan;
    const int64_t slices = aq_ceil_div(plan->problem.n, plan->slice);
    if (plan->k_parts == 1) {
        widen_rows(run, 0, plan->problem.k, aq_floats_at(run, plan->workspace.rows));
        aq_parallel_for(plan->threads, (size_t)slices, stream_slice, run);
        return;
    }
    aq_parallel_for(plan->threads, (size_t)(slices * plan->k_parts), stream_part, run);
    for (int64_t slice = 0; slice < slices; slice++)
        add_chunks(run, slice);
}
