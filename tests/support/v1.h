/* SPDX-License-Identifier: Apache-2.0 */
/* v1.h - calls of aclnnWeightQuantBatchMatmul for tests, and the answer they should give, computed from
 * operator page 1.2 and numerics page 5 with plain loops over logical matrices: no tensors, strides or
 * kernels. */
#ifndef AQ_TEST_V1_H
#define AQ_TEST_V1_H

#include <stdbool.h>
#include <stdint.h>

#include "aclnnop/aclnn_weight_quant_batch_matmul.h"

/* ---- the answer ---- */

typedef struct v1_logical {
    int64_t m, n, k;
    bool fixpipe;
    bool order_t;        /* numerics page 5: sk == 1 and sn != 1 */
    const uint16_t *x;   /* m x k, fp16 bits */
    const int8_t *w;     /* k x n */
    const int8_t *d;     /* 32 x 32; null = identity */
    const int32_t *off;  /* n */
    const uint64_t *deq; /* n words */
    float scale, offset; /* antiquantScale, antiquantOffset */
    const uint16_t *add; /* k x n, fp16 bits; null = absent */
    const uint16_t *mul;
    const float *bias; /* n; null = absent */
} v1_logical;

/* The dequantised weight (k, n), exactly. */
double v1_weight(const v1_logical *problem, int64_t k, int64_t n);

/* The output bits of element (m, n), in the fixed order of the sum. Asserts on its way that the fp32 sum is
 * within the bound of numerics page 5 of a plain fp64 sum. */
uint16_t v1_answer(const v1_logical *problem, int64_t m, int64_t n);

/* ---- the call ---- */

enum { V1_X1, V1_X2, V1_DIAGONAL, V1_OFFSET, V1_SCALE, V1_ADD, V1_MUL, V1_BIAS, V1_OUT, V1_TENSORS };

typedef struct v1_call {
    aclTensor *t[V1_TENSORS];
    bool transpose_x1, transpose_x2;
    float scale, offset;
} v1_call;

/* A tensor of rank dims, dims given as int64_t values, row-major. */
aclTensor *v1_tensor(aclDataType dtype, void *data, int rank, ...);
aclTensor *v1_strided(aclDataType dtype, void *data, int rank, const int64_t *dims, const int64_t *strides,
                      int64_t offset);

int v1_phase1(const v1_call *call, uint64_t *workspace_size, aclOpExecutor **executor);
/* Both phases on the default stream with a workspace of aclrtMalloc, and synchronise. The first status that
 * is not 0, else 0. */
int v1_run(const v1_call *call);
void v1_destroy(v1_call *call);

/* aclrtSetDevice(0); 0. For cmocka's group setup. */
int v1_setup(void **state);

/* xorshift; seed must not be 0. */
uint64_t v1_random(uint64_t *seed);
/* fp16 bits of a value in [-1, 1]. */
uint16_t v1_random_half(uint64_t *seed);
/* The word that aclnnTransQuantParam makes of scale, without its offset bits. */
uint64_t v1_word(float scale);

#endif
