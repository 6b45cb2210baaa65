/* SPDX-License-Identifier: Apache-2.0 */
/* columns.h - the operator's parameters, read from the caller's tensors at run time and spread to one fp32 or
 * int32 entry a column, as the kernels take them. */
#ifndef AQ_MATMUL_COLUMNS_H
#define AQ_MATMUL_COLUMNS_H

#include "kernels/ref/pack.h"
#include "matmul/plan.h"

typedef struct aq_column_data {
    aq_columns columns;        /* for the kernels, at column 0 */
    aq_parameters parameters;  /* the same in general form, for the generic packer */
    const float *bias;         /* one a column; null when there is none */
    const float *scale, *zero; /* planes, not by groups: w = integer * scale + zero, one a column; zero may be
                                  null */
    const float *quant_scale;  /* one a column, when out is INT8 */
    const int32_t *quant_offset;
    bool generic; /* this data is beyond the kernels: a diagonal that is not the identity, or offsets
                     next to the limits of int32 */
} aq_column_data;

/* operands: of one matrix (batch offsets applied). Writes the column areas of workspace. */
void aq_columns_read(const aq_plan *plan, const aq_operands *operands, char *workspace, aq_column_data *data);

#endif
