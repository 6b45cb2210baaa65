/* SPDX-License-Identifier: Apache-2.0 */
/* toy_op.c - see toy_op.h. */
#include "support/toy_op.h"

#include <stdatomic.h>
#include <string.h>

typedef struct toy_plan {
    int32_t amount;
    bool has_workspace;
} toy_plan;

static void *_Atomic last_workspace;

static int run(const void *plan_bytes, void *const addresses[AQ_MAX_TENSORS], void *workspace)
{
    const toy_plan *plan = plan_bytes;
    const int32_t *x = addresses[0], *bias = addresses[1];
    int32_t *y = addresses[2], *sum = plan->has_workspace ? workspace : y;
    for (int i = 0; i < TOY_LENGTH; i++)
        sum[i] = x[i] + (bias ? bias[i] : 0) + plan->amount;
    if (sum != y)
        memcpy(y, sum, TOY_LENGTH * sizeof *y);
    atomic_store(&last_workspace, workspace);
    return 0;
}

static const char *const names[] = {"x", "bias", "y"};
const aq_op toy_op = {.name = "aclnnToy", .tensor_names = names, .run = run};
const aq_op other_op = {.name = "aclnnOther", .tensor_names = names, .run = run};

aclTensor *toy_tensor(void *data, int64_t offset)
{
    int64_t dims[1] = {TOY_LENGTH}, storage[1] = {offset + TOY_LENGTH};
    return aclCreateTensor(dims, 1, ACL_INT32, NULL, offset, ACL_FORMAT_ND, storage, 1, data);
}

int toy_prepare(const toy *call, uint64_t *workspaceSize, aclOpExecutor **executor)
{
    toy_plan plan = {.amount = call->amount, .has_workspace = call->workspace_bytes > 0};
    aq_executor_spec spec = {.op = &toy_op,
                             .plan = &plan,
                             .plan_size = sizeof plan,
                             .tensors = {call->x, call->bias, call->y},
                             .inputs = 2,
                             .outputs = 1,
                             .used = call->bias ? 7 : 5,
                             .workspace_bytes = call->workspace_bytes};
    return aq_executor_create(&spec, workspaceSize, executor);
}

int toy_run(aclOpExecutor *executor, aclrtStream stream)
{
    return aq_executor_run(&toy_op, NULL, 0, executor, stream);
}

void *toy_last_workspace(void)
{
    return atomic_load(&last_workspace);
}
