/* SPDX-License-Identifier: Apache-2.0 */
/* v2_answer.h - what aclnnWeightQuantBatchMatmulV2, V3 and Nz should compute, from successors page 3.4 and
 * numerics page 5, with plain loops over logical matrices. */
#ifndef AQ_TEST_V2_ANSWER_H
#define AQ_TEST_V2_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct v2_logical {
    int64_t m, n, k, group; /* group: k of a group; k when there is one */
    bool bf16;              /* else fp16: x, scale, offset, rounding, y */
    bool order_t;
    const double *x;       /* m x k, exactly */
    const double *w;       /* k x n: the stored value, exactly; float weights already rounded to x's type */
    const double *scale;   /* groups x n, exactly */
    const double *offset;  /* groups x n; null = absent */
    const double *bias;    /* n; null = absent */
    const uint64_t *words; /* n; not null: y is INT8 through them */
    /* not null: the fixpipe mode; scale and offset above are not looked at */
    const uint64_t *fixpipe_words; /* n */
    const int32_t *fixpipe_offset; /* n; null = zeros */
    const double *weights;         /* k x n: v2_weight of each, for v2_answer */
} v2_logical;

double v2_weight(const v2_logical *problem, int64_t k, int64_t n);

/* Bits of y (m, n): fp16, bf16, or the INT8 value. Asserts the bound of numerics page 5 on its way. */
int v2_answer(const v2_logical *problem, int64_t m, int64_t n);

/* Whether got is expected, as v2_answer gives it: equal, both NaN, or both zero. */
bool v2_same(const v2_logical *problem, int got, int expected);

/* Modes exact and fast: whether y (m, n), bits or INT8 value, is within the bound of numerics page 5 of the
 * fp64 sum over weights that no step rounds. chain: C of page 5. Where fp64 has no number or the bound none
 * of fp32's, anything is. */
bool v2_within(const v2_logical *problem, int64_t m, int64_t n, bool fast, int64_t chain, int got);

#endif
