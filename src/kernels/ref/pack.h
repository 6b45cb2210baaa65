/* SPDX-License-Identifier: Apache-2.0 */
/* pack.h - packing that takes every layout and every parameter, in plain C: what the reference kernel uses,
 * and what every gemm kernel falls back to where its own packer does not reach. Plainly written: it is the
 * oracle's nearest relative. */
#ifndef AQ_KERNELS_REF_PACK_H
#define AQ_KERNELS_REF_PACK_H

#include "kernels/kernel.h"

/* Parameters in their full generality: element (k,n) of a parameter is data[k * stride_k + n * stride_n],
 * strides in elements, 0 where it is broadcast. add and mul may be null. */
typedef struct aq_parameters {
    aq_recipe recipe;
    const int32_t *offset; /* fixpipe: per column, any value */
    const float *scale;
    const int8_t
        *diagonal; /* fixpipe: null = identity; else 32 x 32, element (i,j) at i * stride_i + j * stride_j */
    int64_t diagonal_stride_i, diagonal_stride_j;
    bool shift_present, factor_present;
    float shift, factor;
    const uint16_t *add, *mul; /* fp16 */
    int64_t add_stride_k, add_stride_n, mul_stride_k, mul_stride_n;
    aq_scaled scaled; /* scaled: nothing else counts but exact */
    bool exact;       /* numerics page 5, mode exact: weights are not rounded */
} aq_parameters;

/* One dequantised weight. weight is the whole (k_total, n) matrix: a diagonal that is not the identity mixes
 * the 32 rows around k; rows beyond k_total count as zero. */
float aq_weight_value(const aq_weight *weight, const aq_parameters *parameters, int64_t k_total, int64_t k,
                      int64_t n);

/* As a kernel's pack_panel for the chunk that begins at (k0, n0), for a panel of width nr. */
typedef struct aq_generic_panel_job {
    aq_order order;
    const aq_weight *weight; /* the whole matrix */
    const aq_parameters *parameters;
    int64_t k_total, k0, n0, k, n, steps, nr;
    float *panel;
} aq_generic_panel_job;

void aq_pack_panel_generic(const aq_generic_panel_job *job);

/* Row 0 of a job as row 0 of a tile of mr rows; the other rows are not touched. */
void aq_pack_row_generic(const aq_rows_job *job, int64_t mr);

/* As a kernel's pack_rows, for a tile of mr rows. */
void aq_pack_rows_generic(const aq_rows_job *job, int64_t mr);

#endif
