/* SPDX-License-Identifier: Apache-2.0 */
/* trans_quant_param_v2.c - aclnnTransQuantParamV2 and V3: scales and offsets in tensors into quantisation
 * words. Their checks in the order of companions page 2.1, their run. V2 is V3 with roundMode 0. */
#include <string.h>

#include "aclnnop/aclnn_trans_quant_param_v2.h"
#include "aclnnop/aclnn_trans_quant_param_v3.h"
#include "base/checked.h"
#include "base/float16.h"
#include "matmul/plan.h"
#include "ops/cast_side.h"
#include "ops/finding.h"
#include "ops/hold.h"
#include "ops/quant_word.h"
#include "runtime/executor.h"
#include "tensor/dtype.h"

#define PAGE "companions page 2.1"

/* What the scale keeps: sign, exponent, 10 bits of the mantissa. */
#define KEPT 0xFFFFE000u

enum { SCALE, OFFSET, OUT, TENSORS };
static const char *const tensor_names[TENSORS] = {"scale", "offset", "out"};

enum { BLOCK = 256 }; /* words that are made at a time */

typedef struct quant_plan {
    aq_cast_side side[TENSORS];
    int64_t count[2]; /* of scales, of offsets; 0: no offset */
    int64_t words;
    int64_t round_mode;
} quant_plan;

typedef struct quant_call {
    bool present[TENSORS];
    aq_view view[TENSORS];
    quant_plan plan;
} quant_call;

/* ---- checks ---- */

static bool breaks_type(quant_call *call, aq_finding *finding)
{
    for (int t = 0; t < TENSORS; t++) {
        aclDataType dtype = call->view[t].dtype;
        if (!call->present[t] || (t == OUT ? dtype == ACL_UINT64 || dtype == ACL_INT64 : dtype == ACL_FLOAT))
            continue;
        finding->argument = tensor_names[t];
        aq_say_rule(finding, "dtype must be %s", t == OUT ? "UINT64 or INT64" : "FLOAT");
        aq_say_actual(finding, "%s (%d)", aq_dtype_name(dtype), (int)dtype);
        aq_say_nearest(finding, "%s", t == OUT ? "UINT64" : "FLOAT");
        return true;
    }
    return false;
}

static bool breaks_format(quant_call *call, aq_finding *finding)
{
    for (int t = 0; t < TENSORS; t++) {
        aclFormat format = call->view[t].format;
        if (!call->present[t] || format == ACL_FORMAT_ND)
            continue;
        finding->argument = tensor_names[t];
        aq_say_rule(finding, "format must be ND");
        aq_say_actual(finding, "%s (%d)", aq_format_name(format), (int)format);
        aq_say_nearest(finding, "ND");
        return true;
    }
    return false;
}

static bool breaks_shape(quant_call *call, aq_finding *finding)
{
    for (int t = SCALE; t <= OFFSET; t++) {
        const aq_view *view = &call->view[t];
        if (!call->present[t])
            continue;
        bool vector = view->rank == 1 || (view->rank == 2 && view->dims[0] == 1);
        int64_t count = vector ? view->dims[view->rank - 1] : 0;
        if (count > 0) {
            call->plan.count[t] = count;
            continue;
        }
        finding->argument = tensor_names[t];
        aq_say_rule(finding, "shape must be (t) or (1,n), t and n > 0");
        aq_say_shape(finding, view);
        int64_t elements;
        if (!aq_view_elements(view, &elements) || elements == 0)
            elements = 1;
        aq_say_nearest(finding, "shape (%lld)", (long long)elements);
        return true;
    }
    return false;
}

static bool breaks_counts(quant_call *call, aq_finding *finding)
{
    const int64_t scales = call->plan.count[SCALE], offsets = call->plan.count[OFFSET];
    call->plan.words = aq_max_i64(scales, offsets);
    if (scales == 1 || offsets <= 1 || scales == offsets)
        return false;
    finding->argument = "offset";
    aq_say_rule(finding, "must have 1 element or as many as scale, %lld", (long long)scales);
    aq_say_shape(finding, &call->view[OFFSET]);
    aq_say_nearest(finding, "shape (%lld)", (long long)scales);
    return true;
}

static bool breaks_round_mode(quant_call *call, aq_finding *finding)
{
    int64_t mode = call->plan.round_mode;
    if (mode == 0 || mode == 1)
        return false;
    finding->argument = "roundMode";
    aq_say_rule(finding, "must be 0 (cut off) or 1 (nearest even)");
    aq_say_actual(finding, "%lld", (long long)mode);
    aq_say_nearest(finding, "%d", mode < 0 ? 0 : 1);
    return true;
}

static bool breaks_out_size(quant_call *call, aq_finding *finding)
{
    int64_t elements;
    const aq_view *out = &call->view[OUT];
    if (aq_view_elements(out, &elements) && elements >= call->plan.words)
        return false;
    finding->argument = "out";
    aq_say_rule(finding, "must have rank 0 to %d and room for %lld words, one per scale or offset",
                AQ_MAX_RANK, (long long)call->plan.words);
    aq_say_shape(finding, out);
    aq_say_nearest(finding, "shape (%lld)", (long long)call->plan.words);
    return true;
}

static bool breaks_reach(quant_call *call, aq_finding *finding)
{
    for (int t = 0; t < TENSORS; t++) {
        if (!call->present[t] || aq_cast_side_of(&call->view[t], &call->plan.side[t]))
            continue;
        finding->argument = tensor_names[t];
        aq_say_rule(finding, "offset and strides must lead to elements whose distance from the data, in "
                             "bytes, fits 64 bits");
        aq_say_actual(finding, "offset %lld, last stride %lld", (long long)call->view[t].offset,
                      call->view[t].rank > 0 ? (long long)call->view[t].strides[call->view[t].rank - 1] : 0);
        aq_say_nearest(finding, "a contiguous tensor");
        return true;
    }
    return false;
}

static bool (*const rules[])(quant_call *call, aq_finding *finding) = {
    breaks_type, breaks_format, breaks_shape, breaks_counts, breaks_round_mode, breaks_out_size, breaks_reach,
};

static int check(const char *function, quant_call *call)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        aq_finding finding = {.argument = NULL};
        if (rules[i](call, &finding))
            return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, function, PAGE, &finding);
    }
    return 0;
}

/* ---- run ---- */

/* roundMode 1: to 10 bits of mantissa, nearest even; the carry may reach the exponent, and infinity. */
static uint32_t rounded_scale(uint32_t bits)
{
    uint32_t exponent = bits >> 23 & 0xFFu;
    if (exponent == 0)
        return bits & 0x80000000u;
    if (exponent == 0xFF)
        return bits & KEPT;
    return (bits + 0xFFFu + (bits >> 13 & 1u)) & KEPT;
}

static void read_block(const aq_cast_side *side, const void *data, int64_t count, int64_t first, int64_t size,
                       float *values)
{
    if (count != 1) {
        aq_cast_gather(side, data, first, size, values);
        return;
    }
    aq_cast_gather(side, data, 0, 1, values);
    for (int64_t i = 1; i < size; i++)
        values[i] = values[0];
}

static int run(const void *frozen, void *const addresses[AQ_MAX_TENSORS], void *workspace)
{
    (void)workspace;
    const quant_plan *plan = frozen;
    float scale[BLOCK], offset[BLOCK];
    uint64_t words[BLOCK];
    for (int64_t first = 0; first < plan->words; first += BLOCK) {
        int64_t size = aq_min_i64(BLOCK, plan->words - first);
        read_block(&plan->side[SCALE], addresses[SCALE], plan->count[SCALE], first, size, scale);
        if (plan->count[OFFSET] > 0)
            read_block(&plan->side[OFFSET], addresses[OFFSET], plan->count[OFFSET], first, size, offset);
        for (int64_t i = 0; i < size; i++) {
            uint32_t bits = aq_f32_bits(scale[i]);
            words[i] = AQ_QUANT_HAS_SCALE | (plan->round_mode == 1 ? rounded_scale(bits) : bits & KEPT);
            if (plan->count[OFFSET] > 0)
                words[i] |= aq_quant_offset_bits(offset[i], rintf); /* half to even */
        }
        aq_cast_scatter(&plan->side[OUT], addresses[OUT], first, size, words);
    }
    return 0;
}

/* ---- the two phases ---- */

static const aq_op op_v2 = {.name = "aclnnTransQuantParamV2", .tensor_names = tensor_names, .run = run};
static const aq_op op_v3 = {.name = "aclnnTransQuantParamV3", .tensor_names = tensor_names, .run = run};

/* The tensors are held. */
static int make(const char *function, const aq_op *op, const aclTensor *const tensors[TENSORS],
                int64_t round_mode, uint64_t *workspaceSize, aclOpExecutor **executor)
{
    quant_call call;
    memset(&call, 0, sizeof call);
    call.plan.round_mode = round_mode;
    for (int t = 0; t < TENSORS; t++) {
        call.present[t] = tensors[t] != NULL;
        if (call.present[t])
            aq_view_of(tensors[t], &call.view[t]);
    }
    int status = check(function, &call);
    if (status == 0)
        status = aq_executor_create(&(aq_executor_spec){.op = op,
                                                        .plan = &call.plan,
                                                        .plan_size = sizeof call.plan,
                                                        .tensors = {tensors[0], tensors[1], tensors[2]},
                                                        .inputs = 2,
                                                        .outputs = 1,
                                                        .used = call.present[OFFSET] ? 7u : 5u},
                                    workspaceSize, executor);
    /* What takes the words as a tensor, deqScale for one, wants UINT64. */
    if (status == 0 && call.view[OUT].dtype == ACL_INT64)
        aq_tensor_set_dtype((aclTensor *)tensors[OUT], ACL_UINT64);
    return status;
}

static int phase1(const char *function, const aq_op *op, const aclTensor *const tensors[TENSORS],
                  int64_t round_mode, uint64_t *workspaceSize, aclOpExecutor **executor)
{
    const aq_argument required[] = {{"scale", tensors[SCALE]},
                                    {"out", tensors[OUT]},
                                    {"workspaceSize", workspaceSize},
                                    {"executor", executor}};
    int status = aq_settings_check(function);
    if (status == 0)
        status = aq_require_arguments(function, PAGE, required, sizeof required / sizeof required[0]);
    if (status == 0)
        status = aq_hold_tensors(function, tensors, tensor_names, TENSORS);
    if (status != 0)
        return status;
    status = make(function, op, tensors, round_mode, workspaceSize, executor);
    aq_let_tensors_go(tensors, TENSORS);
    return status;
}

aclnnStatus aclnnTransQuantParamV2GetWorkspaceSize(const aclTensor *scale, const aclTensor *offset,
                                                   const aclTensor *out, uint64_t *workspaceSize,
                                                   aclOpExecutor **executor)
{
    const aclTensor *const tensors[TENSORS] = {scale, offset, out};
    return phase1("aclnnTransQuantParamV2GetWorkspaceSize", &op_v2, tensors, 0, workspaceSize, executor);
}

aclnnStatus aclnnTransQuantParamV2(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                                   aclrtStream stream)
{
    return aq_executor_run(&op_v2, workspace, workspaceSize, executor, stream);
}

aclnnStatus aclnnTransQuantParamV3GetWorkspaceSize(const aclTensor *scale, const aclTensor *offset,
                                                   int64_t roundMode, const aclTensor *out,
                                                   uint64_t *workspaceSize, aclOpExecutor **executor)
{
    const aclTensor *const tensors[TENSORS] = {scale, offset, out};
    return phase1("aclnnTransQuantParamV3GetWorkspaceSize", &op_v3, tensors, roundMode, workspaceSize,
                  executor);
}

aclnnStatus aclnnTransQuantParamV3(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                                   aclrtStream stream)
{
    return aq_executor_run(&op_v3, workspace, workspaceSize, executor, stream);
}
