/* SPDX-License-Identifier: Apache-2.0 */
/* half.h - fp16 and bf16 for tests, by arithmetic in double: shares nothing with src/base/float16.h. */
#ifndef AQ_TEST_HALF_H
#define AQ_TEST_HALF_H

#include <stdint.h>

/* value rounded once to 11 significant bits (10 below 2^-14), nearest even; beyond 65504 inf; NaN stays. */
double half_round(double value);
/* As half_round, but beyond 65504 the result is +-65504. */
double half_round_saturating(double value);
double half_value(uint16_t bits);
/* Of a value that half_round gave; any NaN is 0x7E00. */
uint16_t half_bits(double value);
/* The same for bf16: 8 significant bits, the exponents of fp32; any NaN is 0x7FC0. */
double bfloat_round(double value);
double bfloat_value(uint16_t bits);
uint16_t bfloat_bits(double value);
/* Equal, or both NaN, or both zero. */
int half_same(uint16_t a, uint16_t b);

#endif
