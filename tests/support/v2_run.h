/* SPDX-License-Identifier: Apache-2.0 */
/* v2_run.h - one random call of V2, V3 or Nz, run and compared with v2_answer.h element by element. */
#ifndef AQ_TEST_V2_RUN_H
#define AQ_TEST_V2_RUN_H

#include <stdbool.h>
#include <stdint.h>

typedef enum v2_weight_type {
    V2_INT8,
    V2_INT4,
    V2_INT32,
    V2_F8E4M3,
    V2_HIF8,
    V2_F4E2M1,
    V2_F4_FLOAT
} v2_weight_type;
typedef enum v2_storage { V2_PLAIN, V2_TRANSPOSED, V2_NZ, V2_NZ_TRANSPOSED } v2_storage;
typedef enum v2_op { V2_OP_V2, V2_OP_V3, V2_OP_NZ } v2_op;

typedef struct v2_spec {
    v2_op op;
    int64_t m, k, n;
    int64_t group; /* 0: none */
    v2_weight_type weight;
    v2_storage storage;
    int64_t c0; /* NZ: of the storage, in elements; 0: 32 for INT8, 64 for INT4 */
    bool bf16, offset, bias, int8_out, fixpipe, per_tensor, scale_rank_2, scale_transposed, x_transposed;
    bool mx;         /* E8M0 scales */
    bool bias_float; /* fp32 bias where the default would be x's type */
    bool specials;   /* inf, NaN, subnormal and huge values in x, scale and offset */
    int inner_precise;
    bool nz_is_n_k; /* 310P: the view of an NZ weight is (n,k) */
    /* 310P: batch dims of x and weight, broadcast to each other; 0: none. Each is 1 or the larger. */
    int64_t x_batch, weight_batch;
    const char *numerics;  /* of aq_executor_set_numerics, "exact" or "fast"; null: npu, of the process */
    int64_t weight_offset; /* elements before the weight's first; not for NZ or packed words */
} v2_spec;

/* Makes the call with random operands, expects status 0, compares. Fails with the spec in words. */
void v2_try(const v2_spec *spec, uint64_t *seed);

/* aclrtSetDevice(0); 0. */
int v2_setup(void **state);

#endif
