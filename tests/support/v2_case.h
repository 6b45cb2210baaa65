/* SPDX-License-Identifier: Apache-2.0 */
/* v2_case.h - calls of aclnnWeightQuantBatchMatmulV2, V3 and Nz as plain values, so that tests can write them
 * in one line, change one thing, and hand them to the library and to the model alike. */
#ifndef AQ_TESTS_V2_CASE_H
#define AQ_TESTS_V2_CASE_H

#include <stdbool.h>
#include <stdint.h>

#include "aclnn/acl_meta.h"
#include "ops/matmul_v2.h"

#define V2_MAX_RANK 9

enum { V2_X, V2_W, V2_S, V2_O, V2_QS, V2_QO, V2_B, V2_Y, V2_TENSORS };

typedef struct v2_tensor {
    bool given;
    aclDataType dtype;
    aclFormat format;
    int rank;
    int64_t dims[V2_MAX_RANK], strides[V2_MAX_RANK];
    int storage_rank; /* 0: one dim of some length, as real callers pass it */
    int64_t storage[V2_MAX_RANK];
    int64_t offset;
    void *data;
} v2_tensor;

typedef struct v2_case {
    int op; /* an aq_v2_operator */
    const char *profile;
    v2_tensor t[V2_TENSORS];
    int group, inner;
    bool no_workspace, no_executor; /* null out-parameters */
} v2_case;

/* Row-major, format ND, no data. */
v2_tensor v2_dims(aclDataType dtype, int rank, const int64_t *dims);
v2_tensor v2_1(aclDataType dtype, int64_t a);
v2_tensor v2_2(aclDataType dtype, int64_t a, int64_t b);
v2_tensor v2_3(aclDataType dtype, int64_t a, int64_t b, int64_t c);
/* View (a,b) of the row-major (b,a). */
v2_tensor v2_2t(aclDataType dtype, int64_t a, int64_t b);
/* The same tensor with its last two dims' strides as if it were the transpose of a row-major one. */
v2_tensor v2_turned(v2_tensor tensor);
v2_tensor v2_with_format(v2_tensor tensor, aclFormat format);

/* x (m,k) fp16, weight (k,n) int8, scale (n): legal on every profile. */
v2_case v2_plain(const char *profile, int64_t m, int64_t k, int64_t n);

extern const char *const v2_profiles[]; /* null-terminated */

/* The tensors of a case, null where not given. */
void v2_make(const v2_case *c, aclTensor *tensors[V2_TENSORS]);
void v2_unmake(aclTensor *tensors[V2_TENSORS]);

/* What phase 1 has the rules judge. */
void v2_capture(const v2_case *c, aclTensor *const tensors[V2_TENSORS], aq_v2_call *call);

/* aq_v2_check of the case; call is filled in. */
int v2_verdict(const v2_case *c, aq_v2_call *call);

/* Phase 1 of the case's entry point, on the profile of this process; out-parameters are the caller's. */
int v2_phase1(const v2_case *c, aclTensor *const tensors[V2_TENSORS], uint64_t *size,
              aclOpExecutor **executor);

/* In words, for messages of tests. Static buffer. */
const char *v2_text(const v2_case *c);

#endif
