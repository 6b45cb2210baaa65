/* SPDX-License-Identifier: Apache-2.0 */
/* executor.c - decides how long an executor lives: made by phase 1, consumed by phase 2 or destroyed by the
 * caller, and refused, not dereferenced, ever after. Must not know any operator nor what phase 2 does. */
#include "runtime/executor.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/handles.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/status.h"
#include "runtime/executor_internal.h"
#include "tensor/tensor.h"

static aq_handle_set live = AQ_HANDLE_SET_INITIALIZER;

/* The last executors that ended, oldest next to be replaced. The allocator would hand out their addresses
 * again at once, and a stale pointer would then name somebody else's executor instead of being refused. */
#define RESTING 64
static pthread_mutex_t resting_lock = PTHREAD_MUTEX_INITIALIZER;
static aclOpExecutor *resting[RESTING];
static size_t oldest;

static void lay_to_rest(aclOpExecutor *executor)
{
    pthread_mutex_lock(&resting_lock);
    aclOpExecutor *expired = resting[oldest];
    resting[oldest] = executor;
    oldest = (oldest + 1) % RESTING;
    pthread_mutex_unlock(&resting_lock);
    aq_free(expired);
}

static void fill_operands(aclOpExecutor *executor, const aq_executor_spec *spec)
{
    for (size_t i = 0; i < AQ_MAX_TENSORS; i++) {
        aq_operand *operand = &executor->operands[i];
        aclTensor *tensor =
            (aclTensor *)spec->tensors[i]; /* const is the caller's promise, holders are ours */
        operand->tensor = tensor;
        atomic_init(&operand->address, NULL);
        atomic_init(&operand->replaced, false);
        if (!tensor)
            continue;
        operand->dtype = tensor->dtype;
        operand->offset = tensor->offset;
        aq_tensor_retain(tensor);
    }
}

static void log_phase_1(const aq_executor_spec *spec, uint64_t workspaceSize)
{
    aq_description description;
    char words[512] = "";
    if (!aq_log_wants(AQ_LOG_INFO))
        return;
    memset(&description, 0, sizeof description);
    if (spec->op->describe) {
        spec->op->describe(spec->plan, &description);
        aq_description_text(&description, 0, words, sizeof words);
    }
    aq_log(AQ_LOG_INFO, "%s: phase 1: workspace of %llu bytes%s%s", spec->op->name,
           (unsigned long long)workspaceSize, words[0] ? ", " : "", words);
}

int aq_executor_create(const aq_executor_spec *spec, uint64_t *workspaceSize, aclOpExecutor **executor)
{
    size_t size;
    bool fits = aq_add_size(sizeof(aclOpExecutor), spec->plan_size, &size) &&
                spec->workspace_bytes <= UINT64_MAX - AQ_WORKSPACE_ALIGNMENT;
    aclOpExecutor *made = fits ? aq_malloc(size) : NULL;
    if (!made)
        return aq_error(561101, "%s: out of memory for the executor", spec->op->name);
    atomic_init(&made->holders, 1);
    atomic_init(&made->repeatable, false);
    made->op = spec->op;
    made->inputs = spec->inputs;
    made->outputs = spec->outputs;
    made->used = spec->used;
    made->workspace_bytes = spec->workspace_bytes;
    made->plan_size = spec->plan_size;
    if (spec->plan_size > 0)
        memcpy(made->plan, spec->plan, spec->plan_size);
    fill_operands(made, spec);
    uint64_t told = aq_executor_workspace_size(made);
    if (!aq_handles_add(&live, made)) {
        for (size_t i = 0; i < AQ_MAX_TENSORS; i++)
            if (made->operands[i].tensor)
                aq_tensor_release(made->operands[i].tensor);
        aq_free(made);
        return aq_error(561101, "%s: out of memory for the executor", spec->op->name);
    }
    *workspaceSize = told;
    *executor = made;
    log_phase_1(spec, told);
    return 0;
}

static int refuse_not_live(const char *function)
{
    return aq_refuse(561000, &(aq_refusal){.function = function,
                                           .argument = "executor",
                                           .rule = "must come from a phase 1 and not be used up",
                                           .actual = "not a live executor: used by a phase 2 or destroyed "
                                                     "already, or never one",
                                           .nearest = "call phase 1 again, or aclSetAclOpExecutorRepeatable "
                                                      "before the first run",
                                           .page = "runtime page 4.6"});
}

static void take_hold(void *handle)
{
    aclOpExecutor *executor = handle;
    atomic_fetch_add_explicit(&executor->holders, 1, memory_order_relaxed);
}

int aq_executor_hold(const char *function, aclOpExecutor *executor, int null_status)
{
    if (!executor)
        return aq_refuse(null_status, &(aq_refusal){.function = function,
                                                    .argument = "executor",
                                                    .rule = "must not be null",
                                                    .actual = "null",
                                                    .page = "runtime page 4.6"});
    return aq_handles_take(&live, executor, take_hold) ? 0 : refuse_not_live(function);
}

void aq_executor_let_go(aclOpExecutor *executor)
{
    if (atomic_fetch_sub_explicit(&executor->holders, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < AQ_MAX_TENSORS; i++)
        if (executor->operands[i].tensor)
            aq_tensor_release(executor->operands[i].tensor);
    lay_to_rest(executor);
}

int aq_executor_end(const char *function, aclOpExecutor *executor)
{
    if (!aq_handles_remove(&live, executor))
        return refuse_not_live(function);
    aq_executor_let_go(executor); /* the hold of being live; the caller's own remains */
    return 0;
}

int aq_executor_replan(const char *function, aclOpExecutor *executor, int numerics, uint64_t *workspaceSize)
{
    int status = aq_executor_hold(function, executor, 161001);
    if (status)
        return status;
    if (executor->op->replan)
        status = executor->op->replan(function, executor->plan, numerics, &executor->workspace_bytes);
    else
        status = aq_refuse(161002, &(aq_refusal){.function = function,
                                                 .argument = "executor",
                                                 .rule = "must be of a matrix multiplication",
                                                 .actual = executor->op->name,
                                                 .nearest = "aclnnWeightQuantBatchMatmul, V2, V3 or Nz",
                                                 .page = "antiquant.h"});
    if (!status)
        *workspaceSize = aq_executor_workspace_size(executor);
    aq_executor_let_go(executor);
    return status;
}

aclnnStatus aclSetAclOpExecutorRepeatable(aclOpExecutor *executor)
{
    int status = aq_executor_hold("aclSetAclOpExecutorRepeatable", executor, 561103);
    if (status)
        return status;
    atomic_store(&executor->repeatable, true);
    aq_executor_let_go(executor);
    return 0;
}

aclnnStatus aclDestroyAclOpExecutor(aclOpExecutor *executor)
{
    static const char function[] = "aclDestroyAclOpExecutor";
    int status = aq_executor_hold(function, executor, 561103);
    if (status)
        return status;
    status = aq_executor_end(function, executor);
    aq_executor_let_go(executor);
    return status;
}
