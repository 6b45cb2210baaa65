/* SPDX-License-Identifier: Apache-2.0 */
/* matmul_v2.h - aclnnWeightQuantBatchMatmulV2, V3 and Nz between their entry points and the matmul room: the
 * call as one value, its rules, its translation into a problem. The three operators differ in entry point,
 * innerPrecise and the formats of the weight; everything else is this one path. */
#ifndef AQ_OPS_MATMUL_V2_H
#define AQ_OPS_MATMUL_V2_H

#include "matmul/problem.h"
#include "ops/finding.h"
#include "ops/profiles.h"
#include "tensor/fractal_nz.h"

/* Tensors in prototype order: inputs, then the output. */
typedef enum aq_v2_tensor {
    AQ_V2_X,
    AQ_V2_WEIGHT,
    AQ_V2_SCALE,
    AQ_V2_OFFSET,
    AQ_V2_QUANT_SCALE,
    AQ_V2_QUANT_OFFSET,
    AQ_V2_BIAS,
    AQ_V2_Y,
    AQ_V2_TENSORS
} aq_v2_tensor;

extern const char *const aq_v2_tensor_names[AQ_V2_TENSORS]; /* "x", "weight", "antiquantScale", ... */

typedef enum aq_v2_granularity { AQ_PER_TENSOR, AQ_PER_CHANNEL, AQ_PER_GROUP } aq_v2_granularity;

typedef struct aq_v2_call {
    aq_v2_operator op;
    const aq_profile *profile;
    bool present[AQ_V2_TENSORS]; /* a bias of rank 1 and length 0 counts as absent */
    aq_view view[AQ_V2_TENSORS];
    uint64_t storage_rank; /* of the weight, for NZ geometry; 0: unknown, or over AQ_MAX_RANK */
    int64_t storage_dims[AQ_MAX_RANK];
    int group_size;    /* antiquantGroupSize */
    int inner_precise; /* V3; 0 elsewhere */
    bool has_workspace_size, has_executor;

    /* filled in by aq_v2_check, valid when it returned 0: */
    int64_t m, n, k;        /* of one matrix; k and n in elements, packing undone */
    bool x_transposed;      /* by strides, operators page 3.2 */
    bool weight_transposed; /* likewise, or marked, for NZ: the inner axis in memory is k */
    bool weight_is_nz;
    bool weight_is_n_k;       /* its view is (n,k), not (k,n): NZ on 310P */
    int64_t weight_per_word;  /* elements in one element of the view: 8 when packed, else 1 */
    aclDataType weight_dtype; /* INT8, INT4, FLOAT8_E4M3FN, HIFLOAT8 or FLOAT4_E2M1: packing undone */
    aq_weight_kind weight_kind;
    int64_t weight_strides[2];     /* of the logical (k, n) in elements, packing undone; ND only */
    aq_nz weight_nz;               /* likewise; NZ only */
    aq_v2_granularity granularity; /* of antiquantScale; n = 1 counts as per channel */
    int64_t groups;                /* ceil(k / group_size), or 1 */
    int64_t scale_strides[2];      /* elements: group, n; 0 where broadcast */
    int64_t offset_strides[2];
    bool fixpipe; /* UINT64/INT64 scale: the last mode of operators page 3.4 */
    bool mx;      /* E8M0 scales */
} aq_v2_call;

/* Clears the call; fills in present, view, storage from the caller's tensors, each of which may be null. The
 * rest above the line is the caller's to set. */
void aq_v2_capture(const aclTensor *const tensors[AQ_V2_TENSORS], aq_v2_call *call);

/* A bias of rank 1 and length 0 means none (operators page 3.2). aq_v2_capture has done it. */
void aq_v2_drop_empty_bias(aq_v2_call *call);

/* One row of the table of rules. */
typedef struct aq_v2_rule {
    const char *page; /* "operators page 3.3, check 4: layout" */
    int status;
    const char *says; /* one sentence for docs/SUPPORT.md */
    /* true: broken, the finding is filled in */
    bool (*breaks)(const aq_v2_call *call, aq_finding *finding);
    /* null, or what the call is known to be once this rule holds, for the rules below */
    void (*then)(aq_v2_call *call);
} aq_v2_rule;

size_t aq_v2_rule_count(void);
const aq_v2_rule *aq_v2_rule_at(size_t index);

/* Asks the rules in their order. Null: all hold, the call is filled in. Else the first that does not, with
 * its finding. */
const aq_v2_rule *aq_v2_judge(aq_v2_call *call, aq_finding *finding);

/* The same for phase 1: 0, or the status, with the finding's message set as the thread's text. */
int aq_v2_check(const char *function, aq_v2_call *call);

/* The problem of a checked call. */
void aq_v2_problem(const aq_v2_call *call, aq_problem *problem);

/* Bit i: a checked call reads or writes tensor i. quantOffset's data is never read (operators page 3.2). */
uint32_t aq_v2_used(const aq_v2_call *call);

#endif
