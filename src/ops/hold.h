/* SPDX-License-Identifier: Apache-2.0 */
/* hold.h - the beginning of every phase 1: no required argument is null, and the caller's tensors are held,
 * so that a stale or foreign pointer is refused and another thread's aclDestroyTensor does no harm. */
#ifndef AQ_OPS_HOLD_H
#define AQ_OPS_HOLD_H

#include <stddef.h>

#include "aclnn/acl_meta.h"

typedef struct aq_argument {
    const char *name;
    const void *pointer;
} aq_argument;

/* 0; 161001 with a message when one of them is null, the first one. */
int aq_require_arguments(const char *function, const char *page, const aq_argument arguments[], size_t count);

/* Adds a holder to each tensor that is not null. 0; 161002 with a message when one is not a live tensor, and
 * then none is held. */
int aq_hold_tensors(const char *function, const aclTensor *const tensors[], const char *const names[],
                    size_t count);

void aq_let_tensors_go(const aclTensor *const tensors[], size_t count);

#endif
