/* SPDX-License-Identifier: Apache-2.0 */
/* describe.h - the plan of a multiplication in words and numbers, for the two optional functions of aq_op. */
#ifndef AQ_OPS_DESCRIBE_H
#define AQ_OPS_DESCRIBE_H

#include <stddef.h>

#include "matmul/plan.h"
#include "runtime/description.h"

/* frozen: an aq_plan, for operators that freeze nothing else. */
void aq_describe_matmul(const void *frozen, aq_description *description);

/* Tiles, bytes, and why the kernels before the one that the plan takes were not taken, as aq_op's details
 * wants it. */
void aq_details_matmul(const void *frozen, char *text, size_t size);

/* Plans again for another numerics mode, as aq_op's replan wants it. */
int aq_replan_matmul(const char *function, void *frozen, int numerics, uint64_t *workspace_bytes);

#endif
