/* SPDX-License-Identifier: Apache-2.0 */
/* weight_quant_batch_matmul_v2.c - CANN's argument order of aclnnWeightQuantBatchMatmulV2, V3 and Nz, and
 * nothing else: one call, whoever asked. */
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"

#include <stddef.h>

#include "aclnnop/aclnn_weight_quant_batch_matmul_nz.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v3.h"
#include "base/settings.h"
#include "matmul/plan.h"
#include "ops/describe.h"
#include "ops/hold.h"
#include "ops/matmul_v2.h"
#include "runtime/executor.h"

static int run(const void *plan, void *const addresses[AQ_MAX_TENSORS], void *workspace)
{
    aq_matmul_run(plan,
                  &(aq_operands){.x = addresses[AQ_V2_X],
                                 .weight = addresses[AQ_V2_WEIGHT],
                                 .deq_offset = addresses[AQ_V2_OFFSET], /* with words for scales */
                                 .deq_scale = addresses[AQ_V2_SCALE],
                                 .scale = addresses[AQ_V2_SCALE], /* else */
                                 .offset = addresses[AQ_V2_OFFSET],
                                 .quant_scale = addresses[AQ_V2_QUANT_SCALE],
                                 .bias = addresses[AQ_V2_BIAS],
                                 .out = addresses[AQ_V2_Y]},
                  workspace);
    return 0;
}

static const aq_op ops[AQ_OPERATORS_V2] = {
    [AQ_OPERATOR_V2] = {.name = "aclnnWeightQuantBatchMatmulV2",
                        .tensor_names = aq_v2_tensor_names,
                        .run = run,
                        .describe = aq_describe_matmul,
                        .details = aq_details_matmul,
                        .replan = aq_replan_matmul},
    [AQ_OPERATOR_V3] = {.name = "aclnnWeightQuantBatchMatmulV3",
                        .tensor_names = aq_v2_tensor_names,
                        .run = run,
                        .describe = aq_describe_matmul,
                        .details = aq_details_matmul,
                        .replan = aq_replan_matmul},
    [AQ_OPERATOR_NZ] = {.name = "aclnnWeightQuantBatchMatmulNz",
                        .tensor_names = aq_v2_tensor_names,
                        .run = run,
                        .describe = aq_describe_matmul,
                        .details = aq_details_matmul,
                        .replan = aq_replan_matmul},
};

/* Checks, plans, freezes. The tensors are held. */
static int make(const char *function, const aclTensor *const tensors[AQ_V2_TENSORS], aq_v2_call *call,
                uint64_t *workspaceSize, aclOpExecutor **executor)
{
    aq_problem problem;
    aq_plan plan;
    int status = aq_v2_check(function, call);
    if (status != 0)
        return status;
    aq_v2_problem(call, &problem);
    status = aq_plan_make(function, &problem, aq_settings_get()->numerics, &plan);
    if (status != 0)
        return status;
    aq_executor_spec spec = {.op = &ops[call->op],
                             .plan = &plan,
                             .plan_size = sizeof plan,
                             .inputs = AQ_V2_Y,
                             .outputs = 1,
                             .used = aq_v2_used(call),
                             .workspace_bytes = (uint64_t)plan.workspace.total};
    for (int t = 0; t < AQ_V2_TENSORS; t++)
        spec.tensors[t] = tensors[t];
    return aq_executor_create(&spec, workspaceSize, executor);
}

static int phase_1(const char *function, aq_v2_operator op, const aclTensor *const tensors[AQ_V2_TENSORS],
                   int group_size, int inner_precise, uint64_t *workspaceSize, aclOpExecutor **executor)
{
    int status = aq_settings_check(function);
    if (status == 0)
        status = aq_hold_tensors(function, tensors, aq_v2_tensor_names, AQ_V2_TENSORS);
    if (status != 0)
        return status;
    aq_v2_call call;
    aq_v2_capture(tensors, &call);
    call.op = op;
    call.profile = aq_profile_of(aq_settings_get()->chip);
    call.group_size = group_size;
    call.inner_precise = inner_precise;
    call.has_workspace_size = workspaceSize != NULL;
    call.has_executor = executor != NULL;
    status = make(function, tensors, &call, workspaceSize, executor);
    aq_let_tensors_go(tensors, AQ_V2_TENSORS);
    return status;
}

#define TENSORS                                                                                              \
    {                                                                                                        \
        x, weight, antiquantScale, antiquantOffsetOptional, quantScaleOptional, quantOffsetOptional,         \
            biasOptional, y                                                                                  \
    }

aclnnStatus aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(
    const aclTensor *x, const aclTensor *weight, const aclTensor *antiquantScale,
    const aclTensor *antiquantOffsetOptional, const aclTensor *quantScaleOptional,
    const aclTensor *quantOffsetOptional, const aclTensor *biasOptional, int antiquantGroupSize,
    const aclTensor *y, uint64_t *workspaceSize, aclOpExecutor **executor)
{
    const aclTensor *tensors[AQ_V2_TENSORS] = TENSORS;
    return phase_1("aclnnWeightQuantBatchMatmulV2GetWorkspaceSize", AQ_OPERATOR_V2, tensors,
                   antiquantGroupSize, 0, workspaceSize, executor);
}

aclnnStatus aclnnWeightQuantBatchMatmulV3GetWorkspaceSize(
    const aclTensor *x, const aclTensor *weight, const aclTensor *antiquantScale,
    const aclTensor *antiquantOffsetOptional, const aclTensor *quantScaleOptional,
    const aclTensor *quantOffsetOptional, const aclTensor *biasOptional, int antiquantGroupSize,
    int innerPrecise, const aclTensor *y, uint64_t *workspaceSize, aclOpExecutor **executor)
{
    const aclTensor *tensors[AQ_V2_TENSORS] = TENSORS;
    return phase_1("aclnnWeightQuantBatchMatmulV3GetWorkspaceSize", AQ_OPERATOR_V3, tensors,
                   antiquantGroupSize, innerPrecise, workspaceSize, executor);
}

aclnnStatus aclnnWeightQuantBatchMatmulNzGetWorkspaceSize(
    const aclTensor *x, const aclTensor *weight, const aclTensor *antiquantScale,
    const aclTensor *antiquantOffsetOptional, const aclTensor *quantScaleOptional,
    const aclTensor *quantOffsetOptional, const aclTensor *biasOptional, int antiquantGroupSize,
    const aclTensor *y, uint64_t *workspaceSize, aclOpExecutor **executor)
{
    const aclTensor *tensors[AQ_V2_TENSORS] = TENSORS;
    return phase_1("aclnnWeightQuantBatchMatmulNzGetWorkspaceSize", AQ_OPERATOR_NZ, tensors,
                   antiquantGroupSize, 0, workspaceSize, executor);
}

aclnnStatus aclnnWeightQuantBatchMatmulV2(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                                          aclrtStream stream)
{
    return aq_executor_run(&ops[AQ_OPERATOR_V2], workspace, workspaceSize, executor, stream);
}

aclnnStatus aclnnWeightQuantBatchMatmulV3(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                                          aclrtStream stream)
{
    return aq_executor_run(&ops[AQ_OPERATOR_V3], workspace, workspaceSize, executor, stream);
}

aclnnStatus aclnnWeightQuantBatchMatmulNz(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                                          aclrtStream stream)
{
    return aq_executor_run(&ops[AQ_OPERATOR_NZ], workspace, workspaceSize, executor, stream);
}
