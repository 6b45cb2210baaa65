/* SPDX-License-Identifier: Apache-2.0 */
/* caller.h - for tests that call V2 and V3 the way a known program does: random operands as logical matrices,
 * which each test lays out itself, and the comparison with v2_answer.h. */
#ifndef AQ_TEST_CALLER_H
#define AQ_TEST_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/acl.h"
#include "aclnn/aclnn_base.h"
#include "support/v2_answer.h"

typedef struct caller_sizes {
    int64_t m, k, n;
    int64_t group; /* 0: one for all of k */
    bool int4, bf16, transposed;
    bool zeros; /* with offsets, 8 - zero (int8: 128 - zero) as AWQ and GPTQ have them */
    bool bias, quantised;
} caller_sizes;

/* Logical operands; offset, bias and words are null when there are none. */
typedef struct caller_model {
    caller_sizes sizes;
    int64_t groups;
    uint16_t *x, *scale, *offset; /* bits: (m,k), (groups,n), (groups,n) */
    int8_t *w;                    /* (k,n) */
    float *bias;                  /* (n); exact in 16 bits */
    float *quant_scale;           /* (n) */
    uint64_t *words;              /* what quant_scale comes to */
    v2_logical logical;
} caller_model;

void caller_make(caller_model *model, const caller_sizes *sizes, uint64_t *seed);
void caller_free(caller_model *model);

/* y: `columns` columns of the answer, from `first` on, row-major: 16-bit values, or INT8 when quantised. */
void caller_expect(const caller_model *model, const void *y, int64_t first, int64_t columns);

/* Device memory with these bytes. Release with aclrtFree. */
void *caller_device(const void *host, size_t bytes);

/* storage: 1-D and of just the length that the view reaches, offset included. strides may be null. */
aclTensor *caller_tensor(aclDataType dtype, aclFormat format, void *data, int rank, const int64_t *dims,
                         const int64_t *strides, int64_t offset);

/* Bits (4 each, two a byte, the even one low) of values. */
void caller_nibbles(const int8_t *values, int64_t count, uint8_t *packed);

#endif
