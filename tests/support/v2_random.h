/* SPDX-License-Identifier: Apache-2.0 */
/* v2_random.h - random calls of V2, V3 and Nz: a mode of operators page 3 with sizes that mostly fit it, then
 * none, one or a few random changes. */
#ifndef AQ_TESTS_V2_RANDOM_H
#define AQ_TESTS_V2_RANDOM_H

#include "support/v2_case.h"

/* From 0 to below - 1. state: any seed. */
uint64_t v2_rand(uint64_t *state, uint64_t below);

/* A call that follows one of the modes; sizes may break a rule. */
v2_case v2_random_mode(uint64_t *state);

/* One random change of anything. */
void v2_random_change(uint64_t *state, v2_case *c);

/* A mode, and in more than half of the cases changes. */
v2_case v2_random(uint64_t *state);

#endif
