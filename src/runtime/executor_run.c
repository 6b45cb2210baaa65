/* SPDX-License-Identifier: Apache-2.0 */
/* executor_run.c - phase 2: checks what the caller brought, copies all that the run needs into a task, and
 * queues it. From then on the task knows nothing of the executor. Must not know any operator.
 *
 * The task is one allocation; when the caller brings no workspace it shares one with the stream's others. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/settings.h"
#include "base/status.h"
#include "base/trace.h"
#include "runtime/device_memory.h"
#include "runtime/executor_internal.h"
#include "runtime/scratch.h"
#include "runtime/stream.h"
#include "runtime/verbose.h"
#include "tensor/tensor.h"

typedef struct run_task {
    aq_task head;
    const aq_op *op;
    void *addresses[AQ_MAX_TENSORS];
    aq_block *pins[AQ_MAX_TENSORS + 1]; /* null: nothing of ours */
    size_t pin_count;
    void *workspace;     /* aligned; null when none is needed */
    aq_scratch *scratch; /* null when the caller brought it */
    max_align_t plan[];
} run_task;

static int run(aq_task *head)
{
    run_task *task = (run_task *)head;
    if (aq_settings_get()->verbose == 0)
        return task->op->run(task->plan, task->addresses, task->workspace);
    int64_t from = aq_trace_time();
    int status = task->op->run(task->plan, task->addresses, task->workspace);
    aq_verbose_tell(task->op, task->plan, aq_trace_time() - from, status);
    return status;
}

static void describe(const aq_task *head, int64_t ns, aq_json *members)
{
    const run_task *task = (const run_task *)head;
    aq_description description;
    if (!task->op->describe)
        return;
    memset(&description, 0, sizeof description);
    task->op->describe(task->plan, &description);
    aq_description_members(&description, ns, members);
}

static void finish(aq_task *head)
{
    run_task *task = (run_task *)head;
    for (size_t i = 0; i < task->pin_count; i++)
        aq_block_unpin(task->pins[i]);
    aq_scratch_release(task->scratch);
    aq_free(task);
}

/* Where operand's view begins; null when it has no data. */
static void *address_of(aq_operand *operand)
{
    if (!operand->tensor)
        return NULL;
    void *data = atomic_load_explicit(&operand->replaced, memory_order_acquire)
                     ? atomic_load(&operand->address)
                     : atomic_load(&operand->tensor->data);
    aq_view view = {.dtype = operand->dtype, .offset = operand->offset};
    return data ? aq_view_address(&view, data) : NULL;
}

static int read_addresses(aclOpExecutor *executor, void *addresses[AQ_MAX_TENSORS])
{
    const aq_op *op = executor->op;
    for (size_t i = 0; i < AQ_MAX_TENSORS; i++) {
        addresses[i] = address_of(&executor->operands[i]);
        if (!addresses[i] && executor->used >> i & 1u)
            return aq_refuse(161001,
                             &(aq_refusal){.function = op->name,
                                           .argument = op->tensor_names[i],
                                           .rule = "has elements and takes part, so its data must not "
                                                   "be null when phase 2 is called",
                                           .actual = "null data",
                                           .nearest = "a tensor made with its data, or aclSetTensorAddr",
                                           .page = "operator page 1.3"});
    }
    return 0;
}

static int refuse_small(const aclOpExecutor *executor, uint64_t workspaceSize, uint64_t needed)
{
    char actual[64], nearest[64];
    snprintf(actual, sizeof actual, "%llu", (unsigned long long)workspaceSize);
    snprintf(nearest, sizeof nearest, "%llu", (unsigned long long)needed);
    return aq_refuse(161002, &(aq_refusal){.function = executor->op->name,
                                           .argument = "workspaceSize",
                                           .rule = "must be at least what phase 1 told, or 0",
                                           .actual = actual,
                                           .nearest = nearest,
                                           .page = "operator page 1.3"});
}

static int check_workspace(const aclOpExecutor *executor, const void *workspace, uint64_t workspaceSize)
{
    uint64_t needed = aq_executor_workspace_size(executor);
    if (workspaceSize == 0) /* the library brings its own if one is needed; workspace is not looked at */
        return 0;
    if (!workspace)
        return aq_refuse(161001, &(aq_refusal){.function = executor->op->name,
                                               .argument = "workspace",
                                               .rule = "must not be null with workspaceSize > 0",
                                               .actual = "null",
                                               .page = "operator page 1.3"});
    return workspaceSize < needed ? refuse_small(executor, workspaceSize, needed) : 0;
}

/* The caller's workspace, or the stream's. */
static int bring_workspace(run_task *task, const aclOpExecutor *executor, void *workspace,
                           uint64_t workspaceSize, aclrtStream stream)
{
    if (executor->workspace_bytes == 0)
        return 0;
    if (workspaceSize == 0) {
        size_t bytes = executor->workspace_bytes <= SIZE_MAX ? (size_t)executor->workspace_bytes : SIZE_MAX;
        int status = aq_scratch_take(executor->op->name, stream, bytes, &task->scratch);
        if (!status)
            task->workspace = aq_scratch_memory(task->scratch);
        return status;
    }
    uintptr_t misaligned = (uintptr_t)workspace % AQ_WORKSPACE_ALIGNMENT;
    task->workspace = (char *)workspace + (misaligned ? AQ_WORKSPACE_ALIGNMENT - misaligned : 0);
    task->pins[task->pin_count++] = aq_block_pin(task->workspace);
    return 0;
}

/* A task with copies of all but the workspace; null when out of memory. */
static run_task *make_task(const aclOpExecutor *executor, void *const addresses[AQ_MAX_TENSORS])
{
    /* no overflow: the executor, larger than a task's head, held as large a plan */
    run_task *task = aq_malloc(sizeof *task + executor->plan_size);
    if (!task)
        return NULL;
    task->head = (aq_task){.name = executor->op->name,
                           .run = run,
                           .finish = finish,
                           .category = "op",
                           .by_anyone = true,
                           .describe = describe};
    task->op = executor->op;
    task->pin_count = 0;
    task->workspace = NULL;
    task->scratch = NULL;
    memcpy(task->addresses, addresses, sizeof task->addresses);
    memcpy(task->plan, executor->plan, executor->plan_size);
    for (size_t i = 0; i < AQ_MAX_TENSORS; i++)
        if (executor->used >> i & 1u)
            task->pins[task->pin_count++] = aq_block_pin(addresses[i]);
    return task;
}

static int prepare(aclOpExecutor *executor, void *workspace, uint64_t workspaceSize, aclrtStream stream,
                   run_task **task)
{
    void *addresses[AQ_MAX_TENSORS] = {NULL};
    int status = read_addresses(executor, addresses);
    if (!status)
        status = check_workspace(executor, workspace, workspaceSize);
    if (status)
        return status;
    run_task *made = make_task(executor, addresses);
    if (!made)
        return aq_error(207001, "%s: out of memory for the task", executor->op->name);
    status = bring_workspace(made, executor, workspace, workspaceSize, stream);
    if (status)
        finish(&made->head);
    else
        *task = made;
    return status;
}

int aq_executor_run(const aq_op *op, void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                    aclrtStream stream)
{
    int status = aq_executor_hold(op->name, executor, 161001);
    if (status)
        return status;
    run_task *task = NULL;
    if (executor->op != op)
        status = aq_refuse(561000, &(aq_refusal){.function = op->name,
                                                 .argument = "executor",
                                                 .rule = "must come from this operator's phase 1",
                                                 .actual = executor->op->name,
                                                 .nearest = op->name,
                                                 .page = "runtime page 4.6"});
    else if (!atomic_load(&executor->repeatable))
        status = aq_executor_end(op->name, executor);
    if (!status)
        status = prepare(executor, workspace, workspaceSize, stream, &task);
    aq_executor_let_go(executor);
    if (status)
        return status;
    if (workspaceSize == 0 && task->scratch)
        aq_log(AQ_LOG_INFO, "%s: no workspace given, the library brings one", op->name);
    aq_log(AQ_LOG_INFO, "%s: phase 2", op->name);
    return aq_stream_submit(op->name, stream, &task->head);
}
