/* SPDX-License-Identifier: Apache-2.0 */
/* number.h - fp16 and bf16 by arithmetic in double, and the digest of results. Calls nothing of the library.
 */
#ifndef AQ_CLI_NUMBER_H
#define AQ_CLI_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Rounds to fp16, nearest even; overflow gives inf, NaN gives 0x7E00. */
uint16_t aq_cli_half(double value);
double aq_cli_half_value(uint16_t bits);

/* Likewise for bf16, 8 significant bits and the exponents of fp32; NaN gives 0x7FC0. */
uint16_t aq_cli_bfloat(double value);
double aq_cli_bfloat_value(uint16_t bits);

/* Of the type that bf16 chooses. */
uint16_t aq_cli_to_16(bool bf16, double value);
double aq_cli_of_16(bool bf16, uint16_t bits);
double aq_cli_round_16(bool bf16, double value);

/* How far `exact` is from the reals that round to `bits`: 0 when it is one of them. bits: no NaN. */
double aq_cli_distance(bool bf16, uint16_t bits, double exact);

/* FNV-1a, 64 bits, over the little-endian bytes of count 16-bit values; goes on from `digest`. */
#define AQ_CLI_DIGEST_START UINT64_C(0xcbf29ce484222325)
uint64_t aq_cli_digest(uint64_t digest, const uint16_t *values, int64_t count);

#endif
