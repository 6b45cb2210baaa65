/* SPDX-License-Identifier: Apache-2.0 */
/* cast.c - aclnnCast: its checks in the order of companions page 2.2, its plan, its run. How one value turns
 * into another is cast_convert.c's, how strided arrays are walked is cast_side.c's. */
#include "aclnnop/aclnn_cast.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/status.h"
#include "matmul/plan.h"
#include "ops/cast_convert.h"
#include "ops/cast_side.h"
#include "ops/finding.h"
#include "parallel/parallel.h"
#include "runtime/executor.h"
#include "tensor/dtype.h"
#include "tensor/misuse.h"

#define PAGE "companions page 2.2"

enum {
    /* Elements of a piece of work, a multiple of AQ_CAST_BLOCK; about 50 us, ten times what it costs to wake
     * a second thread. What is not more than two pieces stays in one thread. */
    PIECE = 1 << 15
};

typedef struct cast_plan {
    int64_t elements; /* 0: nothing to do, and the rest is not filled in */
    int threads;
    aclDataType from, to;
    aq_cast_steps steps;
    aq_cast_side self, out;
} cast_plan;

typedef struct cast_call {
    aq_view self, out;
    aclDataType dtype;
    cast_plan plan;
} cast_call;

/* ---- checks ---- */

static bool breaks_type(const char *argument, aclDataType dtype, aq_finding *finding)
{
    if (aq_cast_supports(dtype))
        return false;
    finding->argument = argument;
    aq_say_rule(finding, "dtype must be one of %s", aq_cast_type_names);
    aq_say_actual(finding, "%s (%d)", aq_dtype_name(dtype), (int)dtype);
    aq_say_nearest(finding, "FLOAT");
    return true;
}

static bool breaks_types(cast_call *call, aq_finding *finding)
{
    return breaks_type("self", call->self.dtype, finding) || breaks_type("dtype", call->dtype, finding);
}

static bool breaks_ranks(cast_call *call, aq_finding *finding)
{
    bool self = call->self.rank > AQ_MAX_RANK;
    if (!self && call->out.rank <= AQ_MAX_RANK)
        return false;
    finding->argument = self ? "self" : "out";
    aq_say_rule(finding, "rank must be at most %d", AQ_MAX_RANK);
    aq_say_shape(finding, self ? &call->self : &call->out);
    aq_say_nearest(finding, "rank %d", AQ_MAX_RANK);
    return true;
}

static bool breaks_shape(cast_call *call, aq_finding *finding)
{
    const aq_view *self = &call->self, *out = &call->out;
    if (self->rank == out->rank && memcmp(self->dims, out->dims, self->rank * sizeof self->dims[0]) == 0)
        return false;
    char text[120];
    finding->argument = "out";
    aq_say_rule(finding, "shape must be that of self");
    aq_say_shape(finding, out);
    aq_say_nearest(finding, "shape %s", aq_view_shape_text(self, text, sizeof text));
    return true;
}

/* Page 2.2 leaves it open what happens to blocked formats: an element of one is not where its strides say. */
static bool breaks_format(cast_call *call, aq_finding *finding)
{
    bool self = aq_format_is_private(call->self.format);
    if (!self && !aq_format_is_private(call->out.format))
        return false;
    aclFormat format = self ? call->self.format : call->out.format;
    finding->argument = self ? "self" : "out";
    aq_say_rule(finding, "format must be ND or another one that strides describe");
    aq_say_actual(finding, "%s (%d)", aq_format_name(format), (int)format);
    aq_say_nearest(finding, "ND");
    return true;
}

static bool breaks_size(cast_call *call, aq_finding *finding)
{
    if (aq_view_elements(&call->self, &call->plan.elements))
        return false;
    finding->argument = "self";
    aq_say_rule(finding, "dims must not be negative and their product must fit 64 bits");
    aq_say_shape(finding, &call->self);
    return true;
}

static bool breaks_reach(cast_call *call, aq_finding *finding)
{
    if (call->plan.elements == 0)
        return false;
    bool self = !aq_cast_side_of(&call->self, &call->plan.self);
    if (!self && aq_cast_side_of(&call->out, &call->plan.out))
        return false;
    const aq_view *view = self ? &call->self : &call->out;
    aq_view strides = *view;
    memcpy(strides.dims, view->strides, sizeof strides.dims);
    char text[120];
    finding->argument = self ? "self" : "out";
    aq_say_rule(finding, "offset and strides must lead to elements whose distance from the data, in bytes, "
                         "fits 64 bits");
    aq_say_actual(finding, "offset %lld, strides %s", (long long)view->offset,
                  aq_view_shape_text(&strides, text, sizeof text));
    return true;
}

static bool breaks_out_type(cast_call *call, aq_finding *finding)
{
    if (call->plan.elements == 0 || call->dtype == call->out.dtype)
        return false;
    finding->argument = "dtype";
    aq_say_rule(finding, "must be the dtype of out, %s", aq_dtype_name(call->out.dtype));
    aq_say_actual(finding, "%s (%d)", aq_dtype_name(call->dtype), (int)call->dtype);
    aq_say_nearest(finding, "%s", aq_dtype_name(call->out.dtype));
    return true;
}

static const struct {
    int status;
    bool (*breaks)(cast_call *call, aq_finding *finding);
} rules[] = {
    {ACLNN_ERR_PARAM_INVALID, breaks_types}, {ACLNN_ERR_PARAM_INVALID, breaks_ranks},
    {ACLNN_ERR_PARAM_INVALID, breaks_shape}, {ACLNN_ERR_PARAM_INVALID, breaks_format},
    {ACLNN_ERR_PARAM_INVALID, breaks_size},  {ACLNN_ERR_INNER_NULLPTR, breaks_out_type},
    {ACLNN_ERR_PARAM_INVALID, breaks_reach}, /* after out_type: it asks how large out's elements are */
};

static int check(const char *function, cast_call *call)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        aq_finding finding = {.argument = NULL};
        if (rules[i].breaks(call, &finding))
            return aq_refuse_finding(rules[i].status, function, PAGE, &finding);
    }
    return 0;
}

/* ---- run ---- */

typedef struct cast_run {
    const cast_plan *plan;
    const void *self;
    void *out;
} cast_run;

static void run_piece(void *context, size_t thread, size_t index)
{
    (void)thread;
    const cast_run *run = context;
    const cast_plan *plan = run->plan;
    int64_t first = (int64_t)index * PIECE, end = aq_min_i64(first + PIECE, plan->elements);
    aq_cast_block from, middle, to;
    memset(&from, 0, sizeof from); /* whole blocks are converted, the last one may not be full */
    for (; first < end; first += AQ_CAST_BLOCK) {
        int64_t count = aq_min_i64(AQ_CAST_BLOCK, end - first);
        aq_cast_gather(&plan->self, run->self, first, count, &from);
        if (plan->steps.load != NULL) {
            plan->steps.load(&from, &middle);
            plan->steps.store(&middle, &to);
        }
        aq_cast_scatter(&plan->out, run->out, first, count, plan->steps.load != NULL ? &to : &from);
    }
}

static int run(const void *frozen, void *const addresses[AQ_MAX_TENSORS], void *workspace)
{
    (void)workspace;
    const cast_plan *plan = frozen;
    cast_run run = {.plan = plan, .self = addresses[0], .out = addresses[1]};
    aq_parallel_for(plan->threads, (size_t)aq_ceil_div(plan->elements, PIECE), run_piece, &run);
    return 0;
}

static void describe(const void *frozen, aq_description *description)
{
    const cast_plan *plan = frozen;
    snprintf(description->shape, sizeof description->shape, "elements=%lld", (long long)plan->elements);
    snprintf(description->dtypes, sizeof description->dtypes, "%s,%s", aq_dtype_name(plan->from),
             aq_dtype_name(plan->to));
    description->threads = plan->threads;
    description->bytes = plan->elements * (int64_t)(plan->self.size + plan->out.size);
}

/* ---- the two phases ---- */

static const char *const tensor_names[] = {"self", "out"};
static const aq_op op = {.name = "aclnnCast", .tensor_names = tensor_names, .run = run, .describe = describe};

/* Both tensors are held by the caller. */
static int make(const char *function, const aclTensor *self, aclDataType dtype, const aclTensor *out,
                uint64_t *workspaceSize, aclOpExecutor **executor)
{
    cast_call call;
    memset(&call, 0, sizeof call);
    aq_view_of(self, &call.self);
    aq_view_of(out, &call.out);
    call.dtype = dtype;
    int status = check(function, &call);
    if (status != 0)
        return status;
    cast_plan *plan = &call.plan;
    plan->from = call.self.dtype;
    plan->to = dtype;
    if (plan->elements > 0)
        plan->steps = aq_cast_steps_of(call.self.dtype, dtype);
    /* Elements of an out that is not dense may share memory: then the last one stays, as without threads. */
    bool serial = plan->elements <= 2 * PIECE || !aq_cast_side_dense(&plan->out);
    plan->threads = serial ? 1 : aq_parallel_threads();
    return aq_executor_create(&(aq_executor_spec){.op = &op,
                                                  .plan = plan,
                                                  .plan_size = sizeof *plan,
                                                  .tensors = {self, out},
                                                  .inputs = 1,
                                                  .outputs = 1,
                                                  .used = plan->elements > 0 ? 3u : 0u},
                              workspaceSize, executor);
}

aclnnStatus aclnnCastGetWorkspaceSize(const aclTensor *self, const aclDataType dtype, aclTensor *out,
                                      uint64_t *workspaceSize, aclOpExecutor **executor)
{
    static const char function[] = "aclnnCastGetWorkspaceSize";
    int status = aq_settings_check(function);
    if (status != 0)
        return status;
    const struct {
        const char *name;
        const void *pointer;
    } arguments[] = {{"self", self}, {"out", out}, {"workspaceSize", workspaceSize}, {"executor", executor}};
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++)
        if (arguments[i].pointer == NULL)
            return aq_refuse_null_argument(ACLNN_ERR_PARAM_NULLPTR, function, arguments[i].name, PAGE);

    if (!aq_tensor_acquire(self))
        return aq_refuse_handle(function, "self", "aclTensor", self);
    if (aq_tensor_acquire(out)) {
        status = make(function, self, dtype, out, workspaceSize, executor);
        aq_tensor_release(out);
    } else {
        status = aq_refuse_handle(function, "out", "aclTensor", out);
    }
    aq_tensor_release((aclTensor *)self);
    return status;
}

aclnnStatus aclnnCast(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor, aclrtStream stream)
{
    return aq_executor_run(&op, workspace, workspaceSize, executor, stream);
}
