/* SPDX-License-Identifier: Apache-2.0 */
/* oracle.h - what the answer has to be: the weights by their recipe (weights.h), sums in fp64, and the bounds
 * of numerics page 5 for modes `npu`, `exact` and `fast`. Plain C of its own; it calls nothing of the
 * library, so that an error there cannot hide here. */
#ifndef AQ_CLI_ORACLE_H
#define AQ_CLI_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "number.h"
#include "weights.h"

/* The longest chain of dependent fp32 additions for this weight: C of numerics page 5. *order is 'P' or 'T'.
 */
int64_t aq_cli_chain(const aq_cli_weight *weight, char *order);

/* Element (row, column) of x, fp16 or bf16: x[row * row_stride + column * column_stride]. */
typedef struct aq_cli_rows {
    const uint16_t *x;
    int64_t row_stride, column_stride;
} aq_cli_rows;

/* One run with m rows and what is found about it. Every row_step-th row is looked at, from row 0. */
typedef struct aq_cli_check {
    int64_t m;
    const uint16_t *out; /* (m,n), contiguous */
    double share;        /* smallest error before the final rounding that explains the worst element, over the
                            allowed error there; inf when no error does */
    double max_error;    /* max |out - acc64| over finite acc64 */
    double relative;     /* |out - acc64| / |acc64|, Frobenius */
    double quantisation; /* |out - y| / |y|, y = the unquantised layer in fp64; NaN without one */
    int64_t broken;      /* elements outside the bound; the first of them: */
    int64_t bad_row, bad_column;
    double bad_value, bad_low, bad_high; /* the output, and the range it should lie in */
} aq_cli_check;

/* Fills the results of all checks, which share weight and rows: run i used the first checks[i].m rows. plain:
 * the unquantised weight, stored like q, or null. False, with a message, when out of memory. */
bool aq_cli_oracle(const aq_cli_weight *weight, aq_cli_rows rows, const float *plain, int64_t row_step,
                   aq_cli_check *checks, int count);

#endif
