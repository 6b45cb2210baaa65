/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c - aq_explain_call: a described call before the table of rules that phase 1 asks. Decides nothing.
 */
#include <stdio.h>
#include <string.h>

#include "aclnn/aclnn_base.h"
#include "antiquant.h"
#include "base/settings.h"
#include "matmul/plan.h"
#include "ops/matmul_v2.h"

#define FUNCTION "aq_explain_call"
#define PAGE     "antiquant.h"

static const char *const suffixes[AQ_OPERATORS_V2] = {"V2", "V3", "Nz"};
static const char stem[] = "aclnnWeightQuantBatchMatmul";

static bool operator_of(const char *name, aq_v2_operator *op)
{
    size_t length = sizeof stem - 1;
    const char *suffix = strncmp(name, stem, length) == 0 ? name + length : name;
    for (int i = 0; i < AQ_OPERATORS_V2; i++) {
        if (strcmp(suffix, suffixes[i]) != 0)
            continue;
        *op = (aq_v2_operator)i;
        return true;
    }
    return false;
}

static int refuse_name(const char *argument, const char *actual, const char *valid)
{
    char shown[AQ_SHOWN_VALUE + 4];
    aq_finding finding = {.argument = argument};
    aq_say_rule(&finding, "must be one of %s", valid);
    aq_say_actual(&finding, "\"%s\"", aq_settings_shown(actual, shown));
    return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, FUNCTION, PAGE, &finding);
}

/* As aq_view_of makes it of a tensor that aclCreateTensor made of the same. */
static void view_of(const aq_call_tensor *tensor, aq_view *view)
{
    *view = (aq_view){
        .dtype = (aclDataType)tensor->dtype, .format = (aclFormat)tensor->format, .rank = tensor->rank};
    if (tensor->rank > AQ_MAX_RANK)
        return;
    int64_t step = 1;
    for (size_t d = tensor->rank; d-- > 0;) {
        view->dims[d] = tensor->dims[d];
        view->strides[d] = tensor->strides != NULL ? tensor->strides[d] : step;
        if (__builtin_mul_overflow(step, tensor->dims[d], &step))
            step = INT64_MAX;
    }
}

static int describe(const aq_call *call, aq_v2_call *described)
{
    for (int t = 0; t < AQ_CALL_TENSORS; t++) {
        const aq_call_tensor *tensor = &call->tensors[t];
        described->present[t] = tensor->given;
        if (!tensor->given)
            continue;
        if (tensor->rank > 0 && tensor->dims == NULL)
            return aq_refuse_null_argument(ACLNN_ERR_PARAM_NULLPTR, FUNCTION, "call->tensors[].dims", PAGE);
        view_of(tensor, &described->view[t]);
    }
    aq_v2_drop_empty_bias(described);
    const aq_call_tensor *weight = &call->tensors[AQ_CALL_WEIGHT];
    if (weight->given && weight->storage_dims != NULL && weight->storage_rank <= AQ_MAX_RANK) {
        described->storage_rank = weight->storage_rank;
        memcpy(described->storage_dims, weight->storage_dims,
               weight->storage_rank * sizeof described->storage_dims[0]);
    }
    described->group_size = call->antiquant_group_size;
    described->inner_precise = described->op == AQ_OPERATOR_V3 ? call->inner_precise : 0;
    described->has_workspace_size = described->has_executor = true;
    return 0;
}

static void fill(const aq_v2_rule *broken, const aq_finding *finding, aq_v2_operator op, aq_verdict *verdict)
{
    char function[64];
    snprintf(function, sizeof function, "%s%sGetWorkspaceSize", stem, suffixes[op]);
    memset(verdict, 0, sizeof *verdict);
    if (broken == NULL)
        return;
    verdict->status = broken->status;
    snprintf(verdict->argument, sizeof verdict->argument, "%s", finding->argument);
    snprintf(verdict->rule, sizeof verdict->rule, "%s", finding->rule);
    snprintf(verdict->actual, sizeof verdict->actual, "%s", finding->actual);
    snprintf(verdict->nearest, sizeof verdict->nearest, "%s", finding->nearest);
    snprintf(verdict->check, sizeof verdict->check, "%s", broken->page);
    aq_refusal_text(broken->status,
                    &(aq_refusal){.function = function,
                                  .argument = finding->argument,
                                  .rule = finding->rule,
                                  .actual = finding->actual,
                                  .nearest = finding->nearest,
                                  .page = broken->page},
                    verdict->message, sizeof verdict->message);
}

int aq_explain_call(const aq_call *call, aq_verdict *verdict)
{
    if (call == NULL || call->op == NULL || verdict == NULL)
        return aq_refuse_null_argument(ACLNN_ERR_PARAM_NULLPTR, FUNCTION,
                                       call == NULL       ? "call"
                                       : call->op == NULL ? "call->op"
                                                          : "verdict",
                                       PAGE);
    int status = aq_settings_check(FUNCTION);
    if (status != 0)
        return status;
    aq_v2_call described;
    memset(&described, 0, sizeof described);
    if (!operator_of(call->op, &described.op))
        return refuse_name("call->op", call->op, "V2, V3, Nz, or these behind aclnnWeightQuantBatchMatmul");
    aq_chip chip = aq_settings_get()->chip;
    if (call->profile != NULL && !aq_chip_of(call->profile, &chip))
        return refuse_name("call->profile", call->profile, aq_chip_names);
    described.profile = aq_profile_of(chip);
    status = describe(call, &described);
    if (status != 0)
        return status;
    aq_finding finding;
    const aq_v2_rule *broken = aq_v2_judge(&described, &finding);
    fill(broken, &finding, described.op, verdict);
    return 0;
}
