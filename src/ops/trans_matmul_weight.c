/* SPDX-License-Identifier: Apache-2.0 */
/* trans_matmul_weight.c - aclnnTransMatmulWeight, which turns a weight into FRACTAL_NZ where it lies, and the
 * two functions that say how much room that takes. Checks: companions page 2.4. How blocks are moved is
 * nz_move.c's. */
#include "aclnnop/aclnn_trans_matmul_weight.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "matmul/plan.h"
#include "ops/finding.h"
#include "ops/hold.h"
#include "ops/nz_move.h"
#include "parallel/parallel.h"
#include "runtime/executor.h"
#include "tensor/dtype.h"
#include "tensor/fractal_nz.h"
#include "tensor/lists.h"
#include "tensor/misuse.h"

#define PAGE "companions page 2.4"

enum { MIN_RANK = 2 };

/* ---- aclnnCalculateMatmulWeightSize, V2 ---- */

static bool breaks_size_shape(const aclIntArray *shape, aq_finding *finding)
{
    finding->argument = "shape";
    aq_say_rule(finding, "must have %d to %d dims, none of them 0 or negative", MIN_RANK, AQ_NZ_MAX_RANK);
    if (shape->size < MIN_RANK || shape->size > AQ_NZ_MAX_RANK) {
        aq_say_actual(finding, "%" PRIu64 " dims", shape->size);
        aq_say_nearest(finding, "%d dims", shape->size < MIN_RANK ? MIN_RANK : AQ_NZ_MAX_RANK);
        return true;
    }
    for (uint64_t d = 0; d < shape->size; d++) {
        if (shape->values[d] > 0)
            continue;
        aq_say_actual(finding, "dim %" PRIu64 " is %" PRId64, d, shape->values[d]);
        aq_say_nearest(finding, "1");
        return true;
    }
    return false;
}

/* Rounds up and multiplies. false: does not fit. */
static bool times_aligned(uint64_t *product, int64_t dim, uint64_t step)
{
    uint64_t aligned = ((uint64_t)dim + step - 1) / step * step; /* dim is at most 2^63 - 1 */
    return !__builtin_mul_overflow(*product, aligned, product);
}

static int weight_size(const char *function, const aclIntArray *shape, aclDataType dtype, uint64_t *size)
{
    const aq_argument required[] = {{"shape", shape}, {"size", size}};
    int status = aq_require_arguments(function, PAGE, required, 2);
    if (status != 0)
        return status;
    if (!aq_int_array_live(shape))
        return aq_refuse_handle(function, "shape", "aclIntArray", shape);
    aq_finding finding = {.argument = NULL};
    if (breaks_size_shape(shape, &finding)) {
        return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, function, PAGE, &finding);
    }
    uint64_t elements = 1, rank = shape->size;
    bool fits = true;
    for (uint64_t d = 0; d < rank; d++) {
        uint64_t last = dtype == ACL_FLOAT16 || dtype == ACL_BF16 ? 16 : 32;
        uint64_t step = d == rank - 1 ? last : d == rank - 2 ? AQ_NZ_ROWS : 1;
        fits = fits && times_aligned(&elements, shape->values[d], step);
    }
    if (!fits) {
        finding = (aq_finding){.argument = "shape"};
        aq_say_rule(&finding, "the number of padded elements must fit 64 bits");
        aq_say_actual(&finding, "last dims %" PRId64 ", %" PRId64, shape->values[rank - 2],
                      shape->values[rank - 1]);
        aq_say_nearest(&finding, "a smaller shape");
        return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, function, PAGE, &finding);
    }
    *size = elements;
    return 0;
}

aclnnStatus aclnnCalculateMatmulWeightSize(const aclIntArray *shape, uint64_t *size)
{
    return weight_size("aclnnCalculateMatmulWeightSize", shape, ACL_FLOAT16, size);
}

aclnnStatus aclnnCalculateMatmulWeightSizeV2(const aclIntArray *shape, aclDataType dtype, uint64_t *size)
{
    return weight_size("aclnnCalculateMatmulWeightSizeV2", shape, dtype, size);
}

/* ---- aclnnTransMatmulWeight: checks ---- */

static const char name[] = "mmWeightRef";

typedef struct trans_plan {
    aq_nz_move move; /* from the workspace, where the stored matrices are dense */
    size_t bytes;    /* of them; 0: nothing to do, and move is not filled in */
} trans_plan;

typedef struct trans_call {
    aq_view view;
    int64_t elements;
    aq_nz nz;
    trans_plan plan;
} trans_call;

static bool breaks_type(trans_call *call, aq_finding *finding)
{
    switch (call->view.dtype) {
    case ACL_FLOAT16:
    case ACL_BF16:
    case ACL_INT8:
    case ACL_UINT8:
        return false;
    default:
        aq_say_rule(finding, "dtype must be FLOAT16, BF16, INT8 or UINT8");
        aq_say_actual(finding, "%s (%d)", aq_dtype_name(call->view.dtype), (int)call->view.dtype);
        aq_say_nearest(finding, "FLOAT16");
        return true;
    }
}

static bool breaks_format(trans_call *call, aq_finding *finding)
{
    if (call->view.format == ACL_FORMAT_ND)
        return false;
    aq_say_rule(finding, "format must be ND");
    aq_say_actual(finding, "%s (%d)%s", aq_format_name(call->view.format), (int)call->view.format,
                  call->view.format == ACL_FORMAT_FRACTAL_NZ ? ", what this function turns ND into" : "");
    aq_say_nearest(finding, "ND");
    return true;
}

static bool breaks_rank(trans_call *call, aq_finding *finding)
{
    if (call->view.rank >= MIN_RANK && call->view.rank <= AQ_NZ_MAX_RANK)
        return false;
    aq_say_rule(finding, "rank must be %d to %d", MIN_RANK, AQ_NZ_MAX_RANK);
    aq_say_shape(finding, &call->view);
    aq_say_nearest(finding, "rank %d", call->view.rank < MIN_RANK ? MIN_RANK : AQ_NZ_MAX_RANK);
    return true;
}

static bool breaks_size(trans_call *call, aq_finding *finding)
{
    const aq_view *view = &call->view;
    if (aq_view_elements(view, &call->elements) &&
        (call->elements == 0 || aq_nz_make(view, aq_nz_c0(view->dtype), &call->nz)))
        return false;
    aq_say_rule(finding, "dims must not be negative, and the bytes of all padded elements must fit 64 bits");
    aq_say_shape(finding, view);
    aq_say_nearest(finding, "a smaller shape");
    return true;
}

/* The strides stay as the mark of a transpose, so they must be a transpose's or none. */
static bool breaks_strides(trans_call *call, aq_finding *finding)
{
    if (call->elements == 0 || call->nz.transposed || aq_view_contiguous(&call->view))
        return false;
    aq_view shown = call->view;
    memcpy(shown.dims, call->view.strides, sizeof shown.dims);
    char text[120];
    aq_say_rule(finding, "must be contiguous, or the transpose of a contiguous matrix, as it is changed in "
                         "place");
    aq_say_actual(finding, "strides %s", aq_view_shape_text(&shown, text, sizeof text));
    aq_say_nearest(finding, "a contiguous tensor");
    return true;
}

static bool (*const rules[])(trans_call *call, aq_finding *finding) = {
    breaks_type, breaks_format, breaks_rank, breaks_size, breaks_strides,
};

/* ---- aclnnTransMatmulWeight: run ---- */

static int run(const void *frozen, void *const addresses[AQ_MAX_TENSORS], void *workspace)
{
    const trans_plan *plan = frozen;
    if (plan->bytes == 0)
        return 0;
    memcpy(workspace, addresses[0], plan->bytes);
    aq_nz_to_storage(&plan->move, workspace, addresses[0], aq_parallel_threads());
    return 0;
}

static const char *const tensor_names[] = {name};
static const aq_op op = {.name = "aclnnTransMatmulWeight", .tensor_names = tensor_names, .run = run};

/* ---- aclnnTransMatmulWeight: the two phases ---- */

/* The matrices as they lie in memory, without the view's transpose. */
static void plan_move(trans_call *call)
{
    aq_nz nz = call->nz;
    int64_t matrix = nz.rows * nz.columns;
    aq_view dense = {
        .rank = 3, .dims = {nz.batches, nz.rows, nz.columns}, .strides = {matrix, nz.columns, 1}};
    nz.transposed = false;
    aq_nz_move_of(&dense, &nz, aq_nz_element_of(call->view.dtype), &call->plan.move);
    call->plan.bytes = (size_t)call->elements * aq_dtype_size(call->view.dtype);
}

/* The tensor is held. It changes last, when nothing else can fail. */
static int make(const char *function, aclTensor *tensor, uint64_t *workspaceSize, aclOpExecutor **executor)
{
    trans_call call;
    memset(&call, 0, sizeof call);
    aq_view_of(tensor, &call.view);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        aq_finding finding = {.argument = name};
        if (rules[i](&call, &finding))
            return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, function, PAGE, &finding);
    }
    if (call.elements > 0)
        plan_move(&call);
    uint64_t size;
    aclOpExecutor *made;
    int status = aq_executor_create(&(aq_executor_spec){.op = &op,
                                                        .plan = &call.plan,
                                                        .plan_size = sizeof call.plan,
                                                        .tensors = {tensor},
                                                        .inputs = 1,
                                                        .used = call.elements > 0 ? 1u : 0u,
                                                        .workspace_bytes = call.plan.bytes},
                                    &size, &made);
    if (status != 0)
        return status;
    int64_t dims[AQ_NZ_MAX_RANK + 2];
    if (call.elements > 0 && !aq_tensor_set_storage(tensor, ACL_FORMAT_FRACTAL_NZ, dims,
                                                    aq_nz_storage_dims(&call.view, &call.nz, dims))) {
        aclDestroyAclOpExecutor(made);
        return aq_refuse_memory(function);
    }
    *workspaceSize = size;
    *executor = made;
    return 0;
}

aclnnStatus aclnnTransMatmulWeightGetWorkspaceSize(aclTensor *mmWeightRef, uint64_t *workspaceSize,
                                                   aclOpExecutor **executor)
{
    static const char function[] = "aclnnTransMatmulWeightGetWorkspaceSize";
    const aq_argument required[] = {
        {name, mmWeightRef}, {"workspaceSize", workspaceSize}, {"executor", executor}};
    int status = aq_settings_check(function);
    if (status == 0)
        status = aq_require_arguments(function, PAGE, required, sizeof required / sizeof required[0]);
    if (status != 0)
        return status;
    if (!aq_tensor_acquire(mmWeightRef))
        return aq_refuse_handle(function, name, "aclTensor", mmWeightRef);
    status = make(function, mmWeightRef, workspaceSize, executor);
    aq_tensor_release(mmWeightRef);
    return status;
}

aclnnStatus aclnnTransMatmulWeight(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                                   aclrtStream stream)
{
    return aq_executor_run(&op, workspace, workspaceSize, executor, stream);
}
