/* SPDX-License-Identifier: Apache-2.0 */
/* oracle.h - what the answer has to be: the weights of operator page 1.2 by their recipe, sums in fp64, and
 * the bound of numerics page 5 for mode `npu`. Plain C of its own; it calls nothing of the library, so that
 * an error there cannot hide here. */
#ifndef AQ_CLI_ORACLE_H
#define AQ_CLI_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

/* What operator V1 is given for one weight. Arrays belong to the caller; n values each unless noted. */
typedef struct aq_cli_weight {
    int64_t k, n;
    bool transposed;           /* q is stored (n,k), else (k,n) */
    float antiquant_scale;     /* of the whole tensor; composed path */
    float antiquant_offset;    /* likewise */
    const int8_t *q;           /* k * n values */
    const float *mul;          /* scales, rounded to fp16 for mulScale */
    const float *add;          /* offsets, rounded to fp16 for addOffset; null: none */
    const float *bias;         /* null: none */
    const int32_t *deq_offset; /* fixpipe path: round(add / antiquant_scale + antiquant_offset) */
    const float *deq_scale;    /* fixpipe path: antiquant_scale * mul, before its word is made */
} aq_cli_weight;

/* Rounds to fp16, nearest even; overflow gives inf, NaN gives 0x7E00. */
uint16_t aq_cli_half(double value);
double aq_cli_half_value(uint16_t bits);

/* The longest chain of dependent fp32 additions for this weight: C of numerics page 5. *order is 'P' or 'T'.
 */
int64_t aq_cli_chain(int64_t k, bool transposed, bool bias, char *order);

/* Element (row, column) of x, fp16: x[row * row_stride + column * column_stride]. */
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

/* FNV-1a, 64 bits, over the little-endian bytes of count fp16 values; goes on from `digest`. */
#define AQ_CLI_DIGEST_START UINT64_C(0xcbf29ce484222325)
uint64_t aq_cli_digest(uint64_t digest, const uint16_t *values, int64_t count);

#endif
