/* SPDX-License-Identifier: Apache-2.0 */
/* workspace.c - the only place that adds up sizes. The workspace of one call, in this order:
 *
 *   | first column | second column | bias | quantisation of out | rows of x as fp32 | scratch of thread 0 |
 * of thread 1 | ...
 *
 * Columns are n entries of 4 bytes; rows serve the stream kernel (m rows, flat) or the gemm kernel (one block
 * of rows, packed), whichever needs more, since the data can turn a stream plan into a gemm run; a scratch
 * piece is one dequantised panel and the sums of one task. */
#include "base/checked.h"
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

bool aq_workspace_lay_out(aq_plan *plan)
{
    aq_workspace_layout *layout = &plan->workspace;
    const aq_problem *problem = &plan->problem;
    int64_t total = 0, rows = 0, stream_rows, panel, sums, scratch = 0;

    if (problem->k > INT64_MAX - AQ_LANES_T || problem->n > INT64_MAX - AQ_MAX_NR)
        return false;
    if (!gemm_rows(plan, &rows))
        return false;
    if (plan->stream != NULL) {
        if (!aq_mul_i64(problem->m, plan->row_stride, &stream_rows))
            return false;
        rows = aq_max_i64(rows, stream_rows);
    }
    int64_t steps = aq_packed_steps(plan->order, aq_min_i64(problem->k, aq_chunk_length(plan->order)));
    panel = steps * plan->gemm->nr;
    sums = plan->rows_part * plan->gemm->nr;
    if (plan->stream != NULL)
        sums = aq_max_i64(sums, problem->m * aq_round_up(plan->slice, AQ_LANES_T));

    if (!carve(&total, problem->n, &layout->first_column) ||
        !carve(&total, problem->n, &layout->second_column) || !carve(&total, problem->n, &layout->bias) ||
        !carve(&total, rows, &layout->rows))
        return false;
    int64_t ignored;
    if (!carve(&scratch, panel, &ignored) || !carve(&scratch, sums, &layout->scratch_sums))
        return false;
    layout->scratch_bytes = scratch + FALSE_SHARING_PAD;
    layout->scratch = total;
    int64_t pieces;
    return aq_mul_i64(layout->scratch_bytes, plan->threads, &pieces) &&
           aq_add_i64(total, pieces, &layout->total);
}
