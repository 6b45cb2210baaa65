/* SPDX-License-Identifier: Apache-2.0 */
/* oracle.h - what every kernel must give, in doubles and in the plainest words: operator page 1.2 for a
 * weight, numerics page 5 for the sums and their bound. Uses nothing of the library, so as not to share its
 * mistakes. */
#ifndef AQ_TESTS_KERNELS_ORACLE_H
#define AQ_TESTS_KERNELS_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

/* The value of an fp16 bit pattern, and the nearest fp16 number (ties to even, beyond 65520 infinity). */
double ck_f16_value(uint16_t bits);
double ck_round_f16(double value);
double ck_bf16_value(uint16_t bits);

/* The parameters of a composed weight; null: the step is absent. */
typedef struct ck_composed {
    const float *shift, *factor;
    const uint16_t *add, *mul; /* fp16 */
} ck_composed;

float ck_fixpipe_weight(int64_t mixed, int32_t offset, float scale);
float ck_composed_weight(int8_t stored, ck_composed with);

/* The product of x (m,k) and w (k,n), row-major, element (row, column). */
typedef struct ck_product {
    bool transposed; /* order T */
    int64_t m, n, k;
    const float *x, *w;
} ck_product;

typedef struct ck_sum {
    float sum;    /* fp32, in the order of page 5 */
    double exact; /* fp64 */
    double bound; /* of |sum - exact|, page 5 */
} ck_sum;

ck_sum ck_product_element(const ck_product *product, int64_t row, int64_t column);

/* sum[row * n + column] = 16 partial sums or one chain over k, as above, but one chunk and fp32 only. */
float ck_chunk_sum(bool transposed, int64_t k, const float *x, const float *w, int64_t w_stride);

/* Where a packed chunk of `steps` positions holds its k-th value. P: in place. T: lane k % 16 is a run of
 * steps / 16 positions, and the runs come in the order of the lane's number with its four bits reversed. */
int64_t ck_position(bool transposed, int64_t steps, int64_t k);

/* Equal bits, or both NaN, or both zero: page 5 leaves NaN payloads and the sign of zero open. */
bool ck_same(float a, float b);

#endif
