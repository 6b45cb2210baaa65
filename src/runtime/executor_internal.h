/* SPDX-License-Identifier: Apache-2.0 */
/* executor_internal.h - what the files executor*.c share: the executor's contents and its life. Other files
 * use executor.h.
 *
 * An executor is live from phase 1 until it is consumed or destroyed. While a function works on it, it holds
 * it, so that it stays in memory when another thread ends its life meanwhile. */
#ifndef AQ_RUNTIME_EXECUTOR_INTERNAL_H
#define AQ_RUNTIME_EXECUTOR_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/executor.h"

typedef struct aq_operand {
    aclTensor *tensor;     /* null = absent */
    aclDataType dtype;     /* frozen by phase 1, as the plan is */
    int64_t offset;        /* likewise */
    void *_Atomic address; /* counts instead of the tensor's data once replaced is set */
    atomic_bool replaced;
} aq_operand;

struct aclOpExecutor {
    atomic_uint holders; /* being live counts as one */
    atomic_bool repeatable;
    const aq_op *op;
    aq_operand operands[AQ_MAX_TENSORS]; /* inputs, then outputs */
    size_t inputs, outputs;
    uint32_t used;
    uint64_t workspace_bytes;
    size_t plan_size;
    max_align_t plan[];
};

/* Room for aligning a workspace that begins anywhere. */
#define AQ_WORKSPACE_ALIGNMENT 64

/* What phase 1 tells the caller and phase 2 asks for. */
static inline uint64_t aq_executor_workspace_size(const aclOpExecutor *executor)
{
    return executor->workspace_bytes ? executor->workspace_bytes + AQ_WORKSPACE_ALIGNMENT : 0;
}

/* Holds executor for the caller. 0; null_status when it is null; 561000 when it is not live. Never
 * dereferences what is not live. */
int aq_executor_hold(const char *function, aclOpExecutor *executor, int null_status);

/* Ends one hold; the last releases the tensors. */
void aq_executor_let_go(aclOpExecutor *executor);

/* Ends the life of an executor that the caller holds. 0; 561000 when another thread was quicker. */
int aq_executor_end(const char *function, aclOpExecutor *executor);

#endif
