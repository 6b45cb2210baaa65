/* SPDX-License-Identifier: Apache-2.0 */
/* describe.h - a plan in words and numbers, for ANTIQUANT_VERBOSE, ANTIQUANT_TRACE and antiquant.h. Decides
 * nothing. Whoever adds a decision to aq_plan says here, and only here, what it means to a reader. */
#ifndef AQ_MATMUL_DESCRIBE_H
#define AQ_MATMUL_DESCRIBE_H

#include <stddef.h>

#include "matmul/plan.h"

typedef struct aq_plan_description {
    const char *path;     /* "fixpipe", "composed", "scaled" */
    const char *numerics; /* "npu", "exact" */
    const char *order;    /* "P", "T" */
    const char *kernel, *level, *role;
    int threads;
    int tile_rows, tile_columns;     /* of the kernel; stream: at most so many rows of x at a time */
    int64_t chunk;                   /* k of one chunk of the sum */
    int64_t block_rows;              /* rows of x that are packed at a time; 0: none are (stream) */
    int64_t task_rows, task_columns; /* what a thread does in one go */
    int64_t task_k;                  /* likewise, where tasks share the k of their columns; 0: all of it */
    int64_t tasks;                   /* of a matrix, or of one block of its rows */
    const char *panel;               /* null, or why the generic packer makes the weight */
    double weight_bytes;             /* of all matrices of the batch, as if no two shared one */
    double parameter_bytes;          /* likewise: scales, offsets, bias, diagonal */
    double x_bytes, y_bytes;
    int64_t workspace_bytes;
    double flops; /* 2 m n k of each matrix */
    double slots; /* what the kernel does, in multiply-adds of one fp32 lane; 0: not known */
} aq_plan_description;

void aq_plan_describe(const aq_plan *plan, aq_plan_description *description);

/* Lines "label    words\n": tiles, panels (where generic), bytes, work. Likewise cut. */
void aq_plan_lines(const aq_plan_description *description, char *text, size_t size);

/* Lines "kernel: reason\n", one for each kernel before the one that the plan takes. Whole lines, cut to size
 * (those that fit: one that does not is left out); "" when there is none. */
void aq_plan_why_not(const aq_plan *plan, char *text, size_t size);

/* Of a description, for people: sizes beyond 2^62 are told as that. */
static inline int64_t aq_plan_whole(double count)
{
    return count < 0x1p62 ? (int64_t)count : INT64_C(1) << 62;
}

/* Seconds of a kernel with `slots` and `bytes` where `read` bytes and `lanes` multiply-adds fit a second: the
 * longer of the two, as if they overlap. */
double aq_plan_seconds(double bytes, double slots, double read, double lanes);

#endif
