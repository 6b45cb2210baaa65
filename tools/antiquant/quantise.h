/* SPDX-License-Identifier: Apache-2.0 */
/* quantise.h - made-up rows and weights, floats to int8 per output channel, and the folding of operator
 * page 1.5. */
#ifndef AQ_CLI_QUANTISE_H
#define AQ_CLI_QUANTISE_H

#include <stdbool.h>
#include <stdint.h>

#include "weights.h"

/* Symmetric int8 for each of the n output channels of a weight stored (n,k) (transposed) or (k,n):
 * scale = max |w| / 127 rounded to fp16, because both paths of the operator hold an fp16 value exactly and so
 * work with the same weights; q = w / scale, rounded to nearest even and kept in -127..127. A channel of
 * zeros gets scale 1. False, with a message that starts with `what`, for NaN, inf or |w| > 65504. */
bool aq_cli_quantise(const float *w, int64_t k, int64_t n, bool transposed, const char *what, int8_t *q,
                     float *scale);

/* For V2 and V3: a weight stored (n,k) to int8 or int4 with one scale, and with format->asymmetric one
 * offset, for each column and group; both (n, groups) and exact in 16 bits. Symmetric: scale = max |w| / 127
 * (7), q in -127..127 (-7..7). Asymmetric: 256 (16) steps from the least to the greatest value, 0 among them;
 * w = (q + offset) * scale, offset = 128 (8) - zero. offset may be null when symmetric. Fails as above. */
bool aq_cli_quantise_groups(const float *w, int64_t k, int64_t n, const aq_cli_format *format,
                            const char *what, int8_t *q, float *scale, float *offset);

/* What the fixpipe path wants instead of (antiquantScale, antiquantOffset, addOffset, mulScale):
 * ((q + ao) * as + add) * mul = (q + (add / as + ao)) * (as * mul). Note the plus: subtracting ao is right
 * only for ao = 0. add may be null. */
void aq_cli_fold(const float *mul, const float *add, float antiquant_scale, float antiquant_offset, int64_t n,
                 int32_t *deq_offset, float *deq_scale);

/* The same numbers on every machine: 64-bit splitmix and integer arithmetic. */
typedef struct aq_cli_random {
    uint64_t state;
} aq_cli_random;

aq_cli_random aq_cli_random_start(uint64_t seed, const char *name);
uint64_t aq_cli_random_bits(aq_cli_random *random);
double aq_cli_random_uniform(aq_cli_random *random); /* in [0, 1) */
double
aq_cli_random_normal(aq_cli_random *random); /* mean 0, variance 1: the sum of 12 uniform numbers, less 6 */

/* (rows,k) values of 16 bits, rows `stride` apart, as a transformer's linear layer sees them behind a
 * LayerNorm: normal, times a gain per channel in [0.5, 1.5), plus a shift per channel in [-0.1, 0.1); one
 * channel in 256, at least one, is an outlier with 20 times the gain. Row i does not depend on the number of
 * rows. What lies between the rows is left alone. */
void aq_cli_activations(aq_cli_random *random, bool bf16, int64_t rows, int64_t k, int64_t stride,
                        float *gain_and_shift, uint16_t *x);

#endif
