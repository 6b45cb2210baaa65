/* SPDX-License-Identifier: Apache-2.0 */
/* toy_op.h - the smallest operator, for tests of executors: y = x + bias + amount on int32 vectors, bias
 * optional, through a workspace when one is asked for. */
#ifndef AQ_TESTS_TOY_OP_H
#define AQ_TESTS_TOY_OP_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/executor.h"

enum { TOY_LENGTH = 4 };

extern const aq_op toy_op, other_op; /* other_op does the same under another name */

typedef struct toy {
    aclTensor *x, *bias, *y; /* bias may be null */
    int32_t amount;
    uint64_t workspace_bytes; /* 0, or at least 4 * TOY_LENGTH */
} toy;

/* A contiguous vector whose view begins offset elements behind data. */
aclTensor *toy_tensor(void *data, int64_t offset);

/* Phase 1. */
int toy_prepare(const toy *call, uint64_t *workspaceSize, aclOpExecutor **executor);

/* Phase 2 with no workspace. */
int toy_run(aclOpExecutor *executor, aclrtStream stream);

/* Where the last run of this process had its workspace; null when it had none. */
void *toy_last_workspace(void);

#endif
