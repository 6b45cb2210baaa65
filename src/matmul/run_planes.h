/* SPDX-License-Identifier: Apache-2.0 */
/* run_planes.h - what the loops over integer kernels share: run_planes.c, sum_planes.c, and run_planes_k.c,
 * where tasks share the k of a slice. thread: whose scratch is meant. */
#ifndef AQ_MATMUL_RUN_PLANES_H
#define AQ_MATMUL_RUN_PLANES_H

#include "kernels/planes.h"
#include "matmul/run.h"

/* Where digits and what belongs to them are, the thread's own or everybody's. */
static inline char *aq_planes_rows(const aq_matrix_run *run, size_t thread)
{
    return run->plan->own_digits ? aq_scratch_of(run, thread) : run->workspace;
}

static inline float *aq_planes_x_totals(const aq_matrix_run *run, size_t thread)
{
    return (float *)(void *)(aq_planes_rows(run, thread) + run->plan->workspace.x_totals);
}

/* A flag a row of the block: nonzero where only fma serves it. */
static inline int32_t *aq_planes_by_fma(const aq_matrix_run *run, size_t thread)
{
    return (int32_t *)(void *)(aq_planes_x_totals(run, thread) + run->plan->rows_block);
}

/* A thread's digits are there. */
static inline int32_t *aq_planes_made(const aq_matrix_run *run, size_t thread)
{
    return aq_planes_by_fma(run, thread) + run->plan->rows_block;
}

static inline char *aq_planes_digits(const aq_matrix_run *run, size_t thread, int64_t tile)
{
    const aq_workspace_layout *layout = &run->plan->workspace;
    return aq_planes_rows(run, thread) + layout->rows + tile * layout->digits_bytes;
}

static inline float *aq_scratch_floats(const aq_matrix_run *run, size_t thread, int64_t at)
{
    return (float *)(void *)(aq_scratch_of(run, thread) + at);
}

/* Sums lie panel after panel, row after row in a panel. */
static inline float *aq_planes_sums(const aq_matrix_run *run, size_t thread, int64_t p, int64_t row)
{
    const aq_plan *plan = run->plan;
    const int64_t rows = aq_plan_sum_rows(plan);
    return aq_scratch_floats(run, thread, plan->workspace.scratch_sums) + p * rows +
           row * aq_panel_columns(plan->problem.weight_type);
}

/* The index-th AQ_DIGIT_ROWS rows of the block to digits. context: the aq_matrix_run. */
void aq_planes_make_digits(void *context, size_t thread, size_t index);

/* Sums of all rows of the block for n columns from `column` on, to where aq_planes_sums says. */
void aq_planes_sum_slice(const aq_matrix_run *run, size_t thread, int64_t column, int64_t n);

/* Scales and zero terms by groups, of the panel at column n0 and a block's segments; null what there is none
 * of. They are the thread's until it asks again. */
typedef struct aq_planes_scales {
    const float *scale, *zero;
} aq_planes_scales;

aq_planes_scales aq_planes_group_scales(const aq_matrix_run *run, size_t thread, int64_t block, int64_t n0,
                                        bool in_order);

/* The row's sums of such a slice to out. */
void aq_planes_finish_row(const aq_matrix_run *run, size_t thread, int64_t row, int64_t column, int64_t n);

/* The rows that aq_planes_by_fma marks, from x to out. */
void aq_planes_finish_by_fma(const aq_matrix_run *run, size_t thread, int64_t column, int64_t n);

/* The whole matrix, all of whose rows are one block, where plan->k_parts > 1. */
void aq_run_planes_by_k(aq_matrix_run *run);

#endif
