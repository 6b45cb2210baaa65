/* SPDX-License-Identifier: Apache-2.0 */
/* float8.h - values of 8-bit and 4-bit float codes for tests, by arithmetic from the descriptions of
 * successors page 3.1: shares nothing with src/base/float8.h. */
#ifndef AQ_TEST_FLOAT8_H
#define AQ_TEST_FLOAT8_H

#include <stdint.h>

double f8e4m3_value(uint8_t code);
double hif8_value(uint8_t code);
double f4e2m1_value(uint8_t code);

#endif
