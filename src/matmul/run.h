/* SPDX-License-Identifier: Apache-2.0 */
/* run.h - one matrix on its way, shared by the loops over fp32 kernels (run.c, run_stream.c) and over integer
 * kernels (run_planes.c). Not for other rooms. */
#ifndef AQ_MATMUL_RUN_H
#define AQ_MATMUL_RUN_H

#include "kernels/ends.h"
#include "matmul/columns.h"
#include "matmul/plan.h"

typedef struct aq_matrix_run {
    const aq_plan *plan;
    aq_operands at; /* of this matrix */
    char *workspace;
    aq_column_data data;
    aq_widen_function widen;
    aq_store_function store;
    aq_block_function add_block;
    size_t out_size;      /* bytes of an element of out */
    aq_weight weight;     /* the whole matrix; packed in panels: its first, see aq_weight_around */
    int64_t weight_batch; /* number of its first element, where a pointer cannot tell */
    bool generic_panel;
    int64_t row0, rows; /* gemm, planes: the block of rows that is packed */
} aq_matrix_run;

static inline float *aq_floats_at(const aq_matrix_run *run, int64_t bytes)
{
    return (float *)(void *)(run->workspace + bytes);
}

static inline char *aq_scratch_of(const aq_matrix_run *run, size_t thread)
{
    return run->workspace + run->plan->workspace.scratch +
           (int64_t)thread * run->plan->workspace.scratch_bytes;
}

/* The weight as the columns around `column` see it: a packed panel is a plain array, and what its columns'
 * own numbers lead to is right for them alone. */
static inline aq_weight aq_weight_around(const aq_matrix_run *run, int64_t column)
{
    const aq_problem *problem = &run->plan->problem;
    aq_weight weight = run->weight;
    if (problem->weight_panel > 0) {
        int64_t panel = column / problem->weight_panel;
        weight.first += panel * (problem->weight_panel_stride - problem->weight_panel);
    }
    return weight;
}

/* A weight as a kernel sees it for which row k, where a block of FRACTAL_NZ begins, is the first. */
static inline aq_weight aq_weight_from(const aq_matrix_run *run, aq_weight weight, int64_t k)
{
    const bool in_blocks = run->plan->order == AQ_ORDER_T && weight.block > 0;
    const int64_t at = in_blocks ? k / weight.block * weight.block_stride : k * weight.stride_k;
    if (weight.type == AQ_S4)
        weight.first += at;
    else
        weight.data += at;
    return weight;
}

/* The columns' parameters from `column` on. */
aq_columns aq_columns_from(const aq_matrix_run *run, int64_t column);

/* The weight from (k, column) on; only of 8-bit weights outside FRACTAL_NZ, whose elements pointers can
 * reach.
 */
aq_weight aq_weight_at(const aq_matrix_run *run, int64_t k, int64_t column);

/* Bias, rounding, store of a rectangle of sums. */
void aq_store_sums(const aq_matrix_run *run, const float *sum, int64_t sum_stride, int64_t row, int64_t rows,
                   int64_t column, int64_t n);

/* k k from k0 on of n columns from `column` on, at most plan->gemm->nr, as a gemm panel: every layout and
 * parameter, through the generic packer. */
void aq_pack_any_panel(const aq_matrix_run *run, int64_t k0, int64_t k, int64_t column, int64_t n,
                       float *panel);

/* The whole matrix by plan->stream. */
void aq_run_stream(aq_matrix_run *run);

/* The whole matrix by plan->planes; where its parameters are beyond them, by aq_sum_by_fma. */
void aq_run_planes(aq_matrix_run *run);

/* Sums of rows row[0 .. count - 1] and columns column .. column + n - 1 by fp32 fma with weights that no step
 * rounds, in the order of page 5: what numbers take that integers cannot hold. n is at most plan->gemm->nr;
 * sum: count rows of nr. scratch: the thread's, from scratch_fma on. */
void aq_sum_by_fma(const aq_matrix_run *run, const int64_t *row, int64_t count, int64_t column, int64_t n,
                   float *sum, char *scratch);

#endif
