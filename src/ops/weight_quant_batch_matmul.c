/* SPDX-License-Identifier: Apache-2.0 */
/* weight_quant_batch_matmul.c - CANN's argument order of aclnnWeightQuantBatchMatmul, and nothing else. */
#include "aclnnop/aclnn_weight_quant_batch_matmul.h"

#include <stddef.h>
#include <stdio.h>

#include "matmul/plan.h"
#include "ops/describe.h"
#include "ops/hold.h"
#include "ops/matmul_v1.h"
#include "runtime/executor.h"

typedef struct v1_plan {
    bool empty;
    aq_plan plan;
} v1_plan;

static int run(const void *plan, void *const addresses[AQ_MAX_TENSORS], void *workspace)
{
    const v1_plan *frozen = plan;
    if (frozen->empty)
        return 0;
    aq_matmul_run(&frozen->plan,
                  &(aq_operands){.x = addresses[AQ_V1_X1],
                                 .weight = addresses[AQ_V1_X2],
                                 .diagonal = addresses[AQ_V1_DIAGONAL],
                                 .deq_offset = addresses[AQ_V1_DEQ_OFFSET],
                                 .deq_scale = addresses[AQ_V1_DEQ_SCALE],
                                 .add = addresses[AQ_V1_ADD_OFFSET],
                                 .mul = addresses[AQ_V1_MUL_SCALE],
                                 .bias = addresses[AQ_V1_BIAS],
                                 .out = addresses[AQ_V1_OUT]},
                  workspace);
    return 0;
}

static void describe(const void *plan, aq_description *description)
{
    const v1_plan *frozen = plan;
    if (frozen->empty) {
        snprintf(description->shape, sizeof description->shape, "empty");
        return;
    }
    aq_describe_matmul(&frozen->plan, description);
}

static void details(const void *plan, char *text, size_t size)
{
    const v1_plan *frozen = plan;
    if (!frozen->empty)
        aq_details_matmul(&frozen->plan, text, size);
}

static int replan(const char *function, void *plan, int numerics, uint64_t *workspace_bytes)
{
    v1_plan *frozen = plan;
    return frozen->empty ? 0 : aq_replan_matmul(function, &frozen->plan, numerics, workspace_bytes);
}

static const aq_op op = {.name = "aclnnWeightQuantBatchMatmul",
                         .tensor_names = aq_v1_tensor_names,
                         .run = run,
                         .describe = describe,
                         .details = details,
                         .replan = replan};

/* Checks, plans, freezes. The tensors are held. */
static int make(const char *function, const aclTensor *const tensors[AQ_V1_TENSORS], aq_v1_call *call,
                uint64_t *workspaceSize, aclOpExecutor **executor)
{
    int status = aq_v1_check(function, call, workspaceSize != NULL, executor != NULL);
    if (status != 0)
        return status;
    v1_plan frozen = {.empty = call->empty};
    if (!call->empty) {
        aq_problem problem;
        aq_v1_problem(call, &problem);
        status = aq_plan_make(function, &problem, aq_settings_get()->numerics, &frozen.plan);
        if (status != 0)
            return status;
    }
    aq_executor_spec spec = {.op = &op,
                             .plan = &frozen,
                             .plan_size = sizeof frozen,
                             .inputs = AQ_V1_OUT,
                             .outputs = 1,
                             .used = aq_v1_used(call),
                             .workspace_bytes = (uint64_t)frozen.plan.workspace.total};
    for (int t = 0; t < AQ_V1_TENSORS; t++)
        spec.tensors[t] = tensors[t];
    return aq_executor_create(&spec, workspaceSize, executor);
}

aclnnStatus aclnnWeightQuantBatchMatmulGetWorkspaceSize(
    const aclTensor *x1, const aclTensor *x2, const aclTensor *diagonalMatrix, const aclTensor *deqOffset,
    const aclTensor *deqScale, const aclTensor *addOffset, const aclTensor *mulScale, const aclTensor *bias,
    bool transposeX1, bool transposeX2, float antiquantScale, float antiquantOffset, aclTensor *out,
    uint64_t *workspaceSize, aclOpExecutor **executor)
{
    static const char function[] = "aclnnWeightQuantBatchMatmulGetWorkspaceSize";
    const aclTensor *tensors[AQ_V1_TENSORS] = {x1,        x2,       diagonalMatrix, deqOffset, deqScale,
                                               addOffset, mulScale, bias,           out};
    int status = aq_settings_check(function);
    if (status == 0)
        status = aq_hold_tensors(function, tensors, aq_v1_tensor_names, AQ_V1_TENSORS);
    if (status != 0)
        return status;
    aq_v1_call call;
    aq_v1_capture(tensors, transposeX1, &call);
    call.transpose_x2 = transposeX2;
    call.antiquant_scale = antiquantScale;
    call.antiquant_offset = antiquantOffset;
    status = make(function, tensors, &call, workspaceSize, executor);
    aq_let_tensors_go(tensors, AQ_V1_TENSORS);
    return status;
}

aclnnStatus aclnnWeightQuantBatchMatmul(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                                        const aclrtStream stream)
{
    return aq_executor_run(&op, workspace, workspaceSize, executor, stream);
}
