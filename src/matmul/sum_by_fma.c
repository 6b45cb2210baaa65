/* SPDX-License-Identifier: Apache-2.0 */
/* sum_by_fma.c - single rows or elements in fp32 with weights that no step rounds: the generic packer and the
 * gemm kernel, one tile at a time. Slow, for what integers cannot hold. */
#include <string.h>

#include "base/checked.h"
#include "kernels/ref/pack.h"
#include "matmul/run.h"

/* Rows of x that may lie anywhere, packed row by row into one tile. */
static void pack_rows(const aq_matrix_run *run, const int64_t *row, int64_t count, int64_t k0, int64_t k,
                      int64_t steps, float *packed)
{
    const aq_plan *plan = run->plan;
    const int64_t mr = plan->gemm->mr;
    memset(packed, 0, (size_t)(steps * mr) * sizeof *packed);
    for (int64_t i = 0; i < count; i++)
        aq_pack_row_generic(
            &(aq_rows_job){.order = plan->order,
                           .x = run->at.x + row[i] * plan->problem.x.row + k0 * plan->problem.x.column,
                           .stride_k = plan->problem.x.column,
                           .k = k,
                           .steps = steps,
                           .packed = packed + i,
                           .half = plan->problem.half},
            mr);
}

static void sum_tile(const aq_matrix_run *run, const int64_t *row, int64_t count, int64_t column, int64_t n,
                     float *sum, char *scratch)
{
    const aq_plan *plan = run->plan;
    const int64_t mr = plan->gemm->mr, nr = plan->gemm->nr, chunk = aq_chunk_length(plan->order),
                  most = aq_packed_steps(plan->order, aq_min_i64(plan->problem.k, chunk));
    float *tile = (float *)(void *)scratch, *panel = tile + mr * nr, *packed = panel + most * nr;
    for (int64_t k0 = 0; k0 < plan->problem.k; k0 += chunk) {
        int64_t k = aq_min_i64(chunk, plan->problem.k - k0), steps = aq_packed_steps(plan->order, k);
        aq_pack_any_panel(run, k0, k, column, n, panel);
        pack_rows(run, row, count, k0, k, steps, packed);
        plan->gemm->gemm(&(aq_gemm_tile){.order = plan->order,
                                         .packed = packed,
                                         .panel = panel,
                                         .steps = steps,
                                         .sum = tile,
                                         .sum_stride = nr,
                                         .first = k0 == 0,
                                         .rows = count,
                                         .columns = n});
    }
    memcpy(sum, tile, (size_t)(count * nr) * sizeof *sum);
}

void aq_sum_by_fma(const aq_matrix_run *run, const int64_t *row, int64_t count, int64_t column, int64_t n,
                   float *sum, char *scratch)
{
    const int64_t mr = run->plan->gemm->mr;
    for (int64_t i = 0; i < count; i += mr)
        sum_tile(run, row + i, aq_min_i64(mr, count - i), column, n, sum + i * run->plan->gemm->nr, scratch);
}
