/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h - every decision about a problem that can be made without its data: order, kernels, tiles, threads,
 * workspace. Frozen in the executor; run.c only follows it. */
#ifndef AQ_MATMUL_PLAN_H
#define AQ_MATMUL_PLAN_H

#include "base/settings.h"
#include "kernels/planes.h"
#include "matmul/problem.h"

/* Byte offsets into the workspace, all multiples of 64. Made by workspace.c, the only place that adds up
 * sizes. */
typedef struct aq_workspace_layout {
    int64_t first_column;  /* int32 deqOffset, or fp32 addOffset, one a column */
    int64_t second_column; /* fp32 deqScale, or fp32 mulScale, one a column */
    int64_t scale, zero;   /* planes, not by groups: fp32, one each a column */
    int64_t bias;          /* fp32, one a column */
    int64_t quant;         /* fp32 scale, then int32 offset, one each a column; only for INT8 output */
    int64_t rows;     /* x: for stream fp32 rows of row_stride, for gemm packed tiles, for planes digits */
    int64_t x_totals; /* planes: fp32, one a row of the block; then a flag a row: only fma serves it; then a
                         flag: these are made. Both within a thread's piece where own_digits */
    int64_t digits_bytes; /* planes: of one tile of rows, all k */
    int64_t chunk_sums;   /* where k is cut: of each slice of columns, chunk after chunk, planes: block */
    int64_t block_rows;   /* planes, where k is cut: s and X of each block and row; flags of parts and rows */
    int64_t scratch;      /* one piece a thread: a panel, then sums */
    int64_t scratch_sums; /* offset of the sums within a piece */
    int64_t scratch_scale; /* planes: likewise of the scales by groups of a panel, then its zero terms */
    int64_t scratch_line; /* planes: likewise of one row of sums in column order; before, of four rows of x */
    int64_t scratch_ints; /* planes: likewise of the integer sums of a stream */
    int64_t scratch_fma;  /* planes: likewise of what aq_sum_by_fma needs */
    int64_t scratch_bytes; /* one piece, padded against false sharing */
    int64_t total;
} aq_workspace_layout;

typedef struct aq_plan {
    aq_problem problem;
    aq_order order;
    aq_numerics_mode numerics;
    const aq_kernel *stream; /* null: gemm takes all rows */
    const aq_kernel *gemm;   /* never null: also where the data rules the stream kernel out */
    const aq_kernel *planes; /* null: mode npu, or what integers do not serve; else instead of both */
    bool planes_stream;      /* its stream takes the one row */
    bool own_digits;         /* planes: the rows are so few that each thread makes digits of its own */
    bool packs_slices;       /* planes: panels of a block are packed for the whole slice, then multiplied */
    int segments;            /* planes: of a block of k */
    int64_t blocks_together; /* planes: > 0: blocks of k that all panels of a slice are done for at a time */
    int64_t tile_rows;       /* planes: of a tile of digits, of all but the last */
    bool by_groups;          /* planes: scales come with each segment, not at the end */
    bool generic_panel;      /* layout or parameters that only the generic packer takes */
    int threads;             /* >= 1 */
    int64_t slice;   /* stream, planes: columns of a task, a multiple of the kernel's nr but for the last */
    int64_t k_parts; /* stream, planes: tasks that share the k of a slice, where n gives too few tasks */
    int64_t part_k;  /* k of a part, whole chunks or blocks but for the last; all of k where there is one */
    int64_t row_stride;  /* stream: floats from row to row of x, or of its part */
    int64_t rows_block;  /* gemm: rows whose packed form is in the workspace at a time, a multiple of mr */
    int64_t rows_part;   /* gemm: rows of a task, a multiple of mr */
    int64_t panels_part; /* gemm: panels of a task, side by side */
    aq_workspace_layout workspace;
} aq_plan;

/* Neither weights nor bias are rounded before the sum: every mode but npu. */
static inline bool aq_plan_unrounded(const aq_plan *plan)
{
    return plan->numerics != AQ_NUMERICS_NPU;
}

/* Integer kernels hold x to 24 bits, else to 16: what their `exact` means. */
static inline bool aq_plan_exact(const aq_plan *plan)
{
    return plan->numerics == AQ_NUMERICS_EXACT;
}

/* Planes: how digits and panels lie. */
static inline aq_digits_form aq_plan_form(const aq_plan *plan)
{
    /* 4096 x 4096, groups of 32, exact: 128 rows 11 % quicker, 16 and 32 rows, whose panels are twice the
     * work, 3 to 5 % slower */
    enum { MANY_ROWS = 48 };
    return aq_form_of(plan->planes->planes, aq_plan_exact(plan), plan->problem.weight_type, plan->segments,
                      plan->problem.m > MANY_ROWS);
}

/* Planes: rows of sums of a task; a stream has one. */
static inline int64_t aq_plan_sum_rows(const aq_plan *plan)
{
    return plan->planes_stream ? 1 : plan->rows_block;
}

/* 0; 161002 when sizes do not fit 64 bits (message set, argument names x1 and x2); 561000 when an environment
 * variable is invalid. `function` is the caller's, for messages. */
int aq_plan_make(const char *function, const aq_problem *problem, aq_numerics_mode numerics, aq_plan *plan);

/* 0, or 561000 with a message: an environment variable that plans depend on is invalid. Every phase 1 asks.
 */
int aq_settings_check(const char *function);

/* The text behind it: null or which variable, its value, the valid ones. */
const char *aq_settings_problem(void);

/* The query that the kernels of a problem are asked with. */
aq_kernel_query aq_plan_query(const aq_problem *problem, aq_order order);

/* Order T iff stride_k == 1 and stride_n != 1 (numerics page 5). */
aq_order aq_plan_order(const aq_problem *problem);

/* Fills in plan->workspace. false: does not fit. */
bool aq_workspace_lay_out(aq_plan *plan);

/* Runs the plan. workspace: 64-byte aligned, plan->workspace.total bytes. Cannot fail. */
void aq_matmul_run(const aq_plan *plan, const aq_operands *operands, void *workspace);

#endif
