/* SPDX-License-Identifier: Apache-2.0 */
/* problem.h - one matrix multiplication as numbers: out = op(x) @ dequantised weight + bias, batched. Made by
 * the operators' rules from checked tensors; below this header there is no aclTensor. Plain data, copied
 * freely. */
#ifndef AQ_MATMUL_PROBLEM_H
#define AQ_MATMUL_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/kernel.h"

#define AQ_MAX_BATCH_RANK 6 /* operator page 1.3: rank 8, less the matrix */
#define AQ_VECTOR_RANK    8

/* Where an operand's matrices lie, in elements: batch[i] steps along batch dim i (0: broadcast). */
typedef struct aq_matrix_layout {
    int64_t batch[AQ_MAX_BATCH_RANK];
    int64_t row, column;
} aq_matrix_layout;

/* A per-column vector: one element for all columns, or n elements in the row-major order of dims. */
typedef struct aq_vector_layout {
    bool present, single;
    int rank;
    int64_t dims[AQ_VECTOR_RANK], strides[AQ_VECTOR_RANK];
} aq_vector_layout;

/* What the sums become, and what the bias comes in. */
typedef enum aq_number { AQ_NUMBER_F16, AQ_NUMBER_BF16, AQ_NUMBER_F32, AQ_NUMBER_S8 } aq_number;

typedef struct aq_problem {
    aq_recipe recipe;
    int64_t m, n, k; /* m, n >= 1, k >= 0 */
    int batch_rank;
    int64_t batch_dims[AQ_MAX_BATCH_RANK]; /* of out, all >= 1 */
    aq_matrix_layout x;                    /* rows m, columns k: the transpose flag is resolved */
    aq_matrix_layout weight;               /* rows k, columns n, likewise */
    aq_matrix_layout out;
    aq_vector_layout bias;
    aq_number bias_type; /* F32, F16 or BF16 */
    bool round_bias;     /* to fp16 before it is added */
    aq_number out_type;  /* F16, BF16, or S8 through quant_scale */
    aq_half half;        /* of x */
    /* of the weight, as in aq_weight: type, and the blocks of FRACTAL_NZ */
    aq_weight_type weight_type;
    int64_t weight_first, weight_block, weight_block_stride;
    /* packed with n contiguous: panels of so many columns that lie so far apart, each an array of its own; 0:
     * none */
    int64_t weight_panel, weight_panel_stride;
    /* fixpipe */
    aq_vector_layout deq_offset, deq_scale; /* int32; quantisation words */
    bool diagonal_present;                  /* absent: the identity */
    int64_t diagonal_row, diagonal_column;  /* strides of the 32 x 32 matrix */
    /* composed: rows k, columns n of the logical weight, 0 = broadcast */
    bool add_present, mul_present;
    aq_matrix_layout add, mul;
    float shift, factor; /* antiquantOffset, antiquantScale */
    /* scaled: strides by group and column, the data pointers left null */
    aq_scaled scaled;
    bool scaled_offset_present;
    aq_vector_layout quant_scale; /* quantisation words, when out_type is S8 */
} aq_problem;

/* First elements of the operands; null where the problem does not have them. */
typedef struct aq_operands {
    const uint16_t *x; /* fp16 or bf16 */
    const int8_t *weight;
    const int8_t *diagonal;
    const int32_t *deq_offset;
    const uint64_t *deq_scale;
    const uint16_t *add, *mul; /* fp16 */
    const void *bias;
    const void *scale;      /* scaled: of x's type, or bytes */
    const uint16_t *offset; /* scaled */
    const uint64_t *quant_scale;
    void *out;
} aq_operands;

#endif
