/* SPDX-License-Identifier: Apache-2.0 */
/* matmul_v1.h - aclnnWeightQuantBatchMatmul between its entry points and the matmul room: the call as one
 * value, its table of rules, its translation into a problem. */
#ifndef AQ_OPS_MATMUL_V1_H
#define AQ_OPS_MATMUL_V1_H

#include "matmul/problem.h"
#include "ops/finding.h"

/* Tensors in prototype order: inputs, then the output. */
typedef enum aq_v1_tensor {
    AQ_V1_X1,
    AQ_V1_X2,
    AQ_V1_DIAGONAL,
    AQ_V1_DEQ_OFFSET,
    AQ_V1_DEQ_SCALE,
    AQ_V1_ADD_OFFSET,
    AQ_V1_MUL_SCALE,
    AQ_V1_BIAS,
    AQ_V1_OUT,
    AQ_V1_TENSORS
} aq_v1_tensor;

extern const char *const aq_v1_tensor_names[AQ_V1_TENSORS];

typedef struct aq_v1_call {
    bool present[AQ_V1_TENSORS];
    aq_view view[AQ_V1_TENSORS]; /* where present */
    int64_t rows;                /* m by x1 alone, whatever its rank; 0 when it has no two dims */
    bool transpose_x1, transpose_x2;
    float antiquant_scale, antiquant_offset;
    /* filled in by aq_v1_check: */
    bool fixpipe;    /* m <= 64, or x1 has no rows to count */
    int64_t m, n, k; /* logical; n and k of x2 */
    bool empty;      /* out has no elements */
} aq_v1_call;

/* Largest m that takes the fixpipe path (operator page 1.2). */
#define AQ_V1_FIXPIPE_MOST_M 64

/* Fills in present, view and rows from the caller's tensors, each of which may be null. The flags and scalars
 * are the caller's to set. */
void aq_v1_capture(const aclTensor *const tensors[AQ_V1_TENSORS], bool transpose_x1, aq_v1_call *call);

/* All checks of operator page 1.3 in their order; has_...: the out-parameter is
 * not null. 0 or the status, with the message set. */
int aq_v1_check(const char *function, aq_v1_call *call, bool has_workspace_size, bool has_executor);

/* The problem of a checked, not empty call. */
void aq_v1_problem(const aq_v1_call *call, aq_problem *problem);

/* Bit i: tensor i is read or written by a checked call (operator page 1.3, second phase). */
uint32_t aq_v1_used(const aq_v1_call *call);

#endif
