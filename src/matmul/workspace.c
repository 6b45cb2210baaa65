/* SPDX-License-Identifier: Apache-2.0 */
/* workspace.c - the only place that adds up sizes. The workspace of one call, in this order:
 *
 *   | first column | second column | bias | quantisation of out | rows of x | sums of parts of k |
 *   scratch of thread 0 | of thread 1 | ...
 *
 * Columns are n entries of 4 bytes. fp32 kernels: rows serve the stream kernel (m rows, flat) or the gemm
 * kernel (one block of rows, packed), whichever needs more, since the data can turn a stream plan into a gemm
 * run; a scratch piece is one dequantised panel and the sums of one task. Integer kernels: rows are the
 * digits of a block of rows; the pieces of a scratch are named in plan.h. */
#include "base/checked.h"
#include "kernels/planes.h"
#include "matmul/plan.h"

enum { LINE = 64, FALSE_SHARING_PAD = 128 };

/* *at is where the piece begins; *total grows by its size, rounded up to whole lines. */
static bool carve(int64_t *total, int64_t elements, int64_t *at)
{
    int64_t bytes, end;
    *at = *total;
    if (!aq_mul_i64(elements, (int64_t)sizeof(float), &bytes) || !aq_add_i64(*total, bytes, &end) ||
        end > INT64_MAX - LINE)
        return false;
    *total = aq_round_up(end, LINE);
    return true;
}

static bool gemm_rows(const aq_plan *plan, int64_t *floats)
{
    int64_t chunk = aq_chunk_length(plan->order), k = plan->problem.k;
    int64_t whole = k / chunk * chunk;
    int64_t steps = whole + aq_packed_steps(plan->order, k - whole);
    return aq_mul_i64(steps, plan->rows_block, floats);
}

/* The scratch that aq_sum_by_fma needs: a dequantised panel, one packed tile of rows. */
static bool carve_fma(const aq_plan *plan, int64_t *scratch, int64_t *at)
{
    int64_t steps = aq_packed_steps(plan->order, aq_min_i64(plan->problem.k, aq_chunk_length(plan->order)));
    return carve(scratch, steps * (plan->gemm->nr + plan->gemm->mr) + plan->gemm->mr * plan->gemm->nr, at);
}

/* f of all blocks of all slices; s and X of the blocks of each row, and a flag for each part of k. */
static bool carve_blocks(aq_plan *plan, int64_t *total)
{
    aq_workspace_layout *layout = &plan->workspace;
    const int64_t rows = aq_plan_sum_rows(plan), blocks = aq_ceil_div(plan->problem.k, AQ_BLOCK);
    int64_t sums, of_rows;
    return aq_mul_i64(aq_ceil_div(plan->problem.n, plan->slice) * plan->slice, rows, &sums) &&
           aq_mul_i64(sums, blocks, &sums) && carve(total, sums, &layout->chunk_sums) &&
           aq_mul_i64(2 * blocks + plan->k_parts, plan->rows_block, &of_rows) &&
           carve(total, of_rows, &layout->block_rows);
}

static bool lay_out_planes(aq_plan *plan, int64_t *total)
{
    aq_workspace_layout *layout = &plan->workspace;
    const aq_planes *planes = plan->planes->planes;
    const int64_t columns = aq_panel_columns(plan->problem.weight_type), floats = (int64_t)sizeof(float);
    int64_t digits, scratch = 0, ignored, tiles = aq_ceil_div(plan->rows_block, plan->tile_rows);
    if (!aq_mul_i64(plan->row_stride / AQ_BLOCK, aq_digits_bytes(planes, aq_plan_form(plan)), &digits) ||
        !aq_mul_i64(digits, tiles, &ignored))
        return false;
    layout->digits_bytes = digits;
    int64_t affine = plan->by_groups ? 0 : plan->problem.n;
    if (!carve(total, affine, &layout->scale) || !carve(total, affine, &layout->zero))
        return false;
    /* fits: the digits of four rows, checked above, are more bytes than these are floats */
    const int64_t blocks = aq_max_i64(1, plan->blocks_together),
                  side_by_side = plan->packs_slices ? aq_ceil_div(plan->slice, columns) : 1,
                  panel = aq_block_panel_bytes(plan->problem.weight_type, aq_plan_form(plan)),
                  panels = aq_max_i64(AQ_PANEL_BYTES, blocks * side_by_side * panel);
    int64_t line = aq_max_i64(plan->slice, plan->row_stride * AQ_DIGIT_ROWS);
    int64_t *rows = plan->own_digits ? &scratch : total;
    if (!carve(&scratch, panels / floats, &ignored) || !carve(rows, digits * tiles / floats, &layout->rows) ||
        !carve(rows, 2 * plan->rows_block + 1, &layout->x_totals) ||
        !carve(&scratch, plan->rows_block * plan->slice, &layout->scratch_sums) ||
        !carve(&scratch, plan->by_groups ? 2 * columns * AQ_SEGMENTS * blocks : 0, &layout->scratch_scale) ||
        !carve(&scratch, line, &layout->scratch_line) ||
        !carve(&scratch, plan->planes_stream ? 3 * plan->slice + 2 * plan->row_stride : 0,
               &layout->scratch_ints) ||
        !carve_fma(plan, &scratch, &layout->scratch_fma) || (plan->k_parts > 1 && !carve_blocks(plan, total)))
        return false;
    layout->scratch_bytes = scratch;
    return true;
}

/* What a stream plan needs: all rows of x once and the sums of a task, or, where tasks share the k of a
 * slice, the sums of all chunks and rows of x for each thread. In floats. */
static bool stream_needs(const aq_plan *plan, int64_t *rows, int64_t *chunk_sums, int64_t *scratch)
{
    const aq_problem *problem = &plan->problem;
    const int64_t m = problem->m, columns = aq_round_up(plan->slice, AQ_LANES_T);
    *rows = *chunk_sums = 0;
    *scratch = m * columns;
    if (plan->k_parts == 1)
        return aq_mul_i64(m, plan->row_stride, rows);
    int64_t chunks = aq_ceil_div(problem->k, aq_chunk_length(plan->order)), of_chunk;
    return aq_mul_i64(m, aq_ceil_div(problem->n, plan->slice) * columns, &of_chunk) &&
           aq_mul_i64(of_chunk, chunks, chunk_sums) && aq_mul_i64(m, plan->row_stride, scratch);
}

static bool lay_out_fp32(aq_plan *plan, int64_t *total)
{
    aq_workspace_layout *layout = &plan->workspace;
    const aq_problem *problem = &plan->problem;
    int64_t rows = 0, stream_rows = 0, chunk_sums = 0, stream_scratch = 0, scratch = 0, ignored;
    if (!gemm_rows(plan, &rows) ||
        (plan->stream != NULL && !stream_needs(plan, &stream_rows, &chunk_sums, &stream_scratch)))
        return false;
    int64_t steps = aq_packed_steps(plan->order, aq_min_i64(problem->k, aq_chunk_length(plan->order)));
    int64_t panel = steps * plan->gemm->nr, sums = plan->rows_part * plan->gemm->nr * plan->panels_part;
    if (!carve(total, aq_max_i64(rows, stream_rows), &layout->rows) ||
        !carve(total, chunk_sums, &layout->chunk_sums) || !carve(&scratch, panel, &ignored) ||
        !carve(&scratch, aq_max_i64(sums, stream_scratch), &layout->scratch_sums))
        return false;
    layout->scratch_bytes = scratch;
    return true;
}

bool aq_workspace_lay_out(aq_plan *plan)
{
    aq_workspace_layout *layout = &plan->workspace;
    const aq_problem *problem = &plan->problem;
    int64_t total = 0;

    if (problem->k > INT64_MAX - AQ_BLOCK || problem->n > INT64_MAX / 2 - AQ_PANEL_MOST)
        return false;
    if (!carve(&total, problem->n, &layout->first_column) ||
        !carve(&total, problem->n, &layout->second_column) || !carve(&total, problem->n, &layout->bias) ||
        !carve(&total, problem->out_type == AQ_NUMBER_S8 ? 2 * problem->n : 0, &layout->quant))
        return false;
    if (!(plan->planes != NULL ? lay_out_planes(plan, &total) : lay_out_fp32(plan, &total)))
        return false;
    layout->scratch_bytes += FALSE_SHARING_PAD;
    layout->scratch = total;
    int64_t pieces;
    return aq_mul_i64(layout->scratch_bytes, plan->threads, &pieces) &&
           aq_add_i64(total, pieces, &layout->total);
}
