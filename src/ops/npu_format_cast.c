/* SPDX-License-Identifier: Apache-2.0 */
/* npu_format_cast.c - aclnnNpuFormatCast between ND and FRACTAL_NZ, and the shape that its result has.
 * Checks: companions page 2.4. How blocks are moved is nz_move.c's. */
#include "aclnnop/aclnn_npu_format_cast.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "matmul/plan.h"
#include "ops/cast_side.h"
#include "ops/finding.h"
#include "ops/hold.h"
#include "ops/nz_move.h"
#include "parallel/parallel.h"
#include "runtime/executor.h"
#include "tensor/dtype.h"
#include "tensor/fractal_nz.h"
#include "tensor/misuse.h"

#define PAGE "companions page 2.4"

enum { MIN_RANK = 2 };

enum { SRC, DST, TENSORS };
static const char *const tensor_names[TENSORS] = {"srcTensor", "dstTensor"};

typedef struct format_plan {
    aq_nz_move move;
    bool to_storage;
    bool serial; /* elements of the plain result may share bytes */
} format_plan;

typedef struct format_call {
    const aclTensor *tensor[TENSORS];
    aq_view view[TENSORS];
    int64_t elements;
    int nz_side, plain_side; /* SRC or DST each */
    aq_nz nz;
    format_plan plan;
} format_call;

/* ---- rules that both functions share; true = broken ---- */

static bool type_broken(const aq_view *view, aq_finding *finding)
{
    if (aq_nz_element_of(view->dtype) != AQ_NZ_NONE)
        return false;
    aq_say_rule(finding, "dtype must have elements of whole bytes, or be INT4");
    aq_say_actual(finding, "%s (%d)", aq_dtype_name(view->dtype), (int)view->dtype);
    aq_say_nearest(finding, "INT8");
    return true;
}

static bool rank_broken(const aq_view *view, aq_finding *finding)
{
    if (view->rank >= MIN_RANK && view->rank <= AQ_NZ_MAX_RANK)
        return false;
    aq_say_rule(finding, "rank must be %d to %d", MIN_RANK, AQ_NZ_MAX_RANK);
    aq_say_shape(finding, view);
    aq_say_nearest(finding, "rank %d", view->rank < MIN_RANK ? MIN_RANK : AQ_NZ_MAX_RANK);
    return true;
}

static void say_size(aq_finding *finding, const aq_view *view)
{
    aq_say_rule(finding, "dims must not be negative, and the bytes of all padded elements must fit 64 bits");
    aq_say_shape(finding, view);
    aq_say_nearest(finding, "a smaller shape");
}

static void say_format(aq_finding *finding, aclFormat format)
{
    aq_say_actual(finding, "%s (%d)", aq_format_name(format), (int)format);
}

/* ---- rules of aclnnNpuFormatCast ---- */

static bool breaks_type(format_call *call, aq_finding *finding)
{
    const aq_view *src = &call->view[SRC], *dst = &call->view[DST];
    finding->argument = tensor_names[SRC];
    if (type_broken(src, finding))
        return true;
    if (src->dtype == dst->dtype)
        return false;
    finding->argument = tensor_names[DST];
    aq_say_rule(finding, "dtype must be srcTensor's, %s", aq_dtype_name(src->dtype));
    aq_say_actual(finding, "%s (%d)", aq_dtype_name(dst->dtype), (int)dst->dtype);
    aq_say_nearest(finding, "%s", aq_dtype_name(src->dtype));
    return true;
}

static bool breaks_format(format_call *call, aq_finding *finding)
{
    aclFormat src = call->view[SRC].format, dst = call->view[DST].format;
    bool from_nz = src == ACL_FORMAT_FRACTAL_NZ;
    call->nz_side = from_nz ? SRC : DST;
    call->plain_side = from_nz ? DST : SRC;
    if (!from_nz && aq_format_is_private(src)) {
        finding->argument = tensor_names[SRC];
        aq_say_rule(finding,
                    "format must be ND (NCHW, NCL and other plain formats count as ND) or FRACTAL_NZ");
        say_format(finding, src);
        aq_say_nearest(finding, "FRACTAL_NZ");
        return true;
    }
    if (from_nz ? !aq_format_is_private(dst) : dst == ACL_FORMAT_FRACTAL_NZ)
        return false;
    finding->argument = tensor_names[DST];
    aq_say_rule(finding, "format must be %s, as srcTensor's is %s", from_nz ? "ND" : "FRACTAL_NZ",
                aq_format_name(src));
    say_format(finding, dst);
    aq_say_nearest(finding, from_nz ? "ND" : "FRACTAL_NZ");
    return true;
}

static bool breaks_rank(format_call *call, aq_finding *finding)
{
    finding->argument = tensor_names[SRC];
    return rank_broken(&call->view[SRC], finding);
}

static bool breaks_shape(format_call *call, aq_finding *finding)
{
    const aq_view *src = &call->view[SRC], *dst = &call->view[DST];
    if (src->rank == dst->rank && memcmp(src->dims, dst->dims, src->rank * sizeof src->dims[0]) == 0)
        return false;
    char text[120];
    finding->argument = tensor_names[DST];
    aq_say_rule(finding, "view shape must be srcTensor's");
    aq_say_shape(finding, dst);
    aq_say_nearest(finding, "shape %s", aq_view_shape_text(src, text, sizeof text));
    return true;
}

/* The storage's own c0 where it has the form; a storage of another rank says nothing, and the type decides.
 */
static bool breaks_storage(format_call *call, aq_finding *finding)
{
    const aclTensor *tensor = call->tensor[call->nz_side];
    const aq_view *view = &call->view[call->nz_side];
    bool fits = aq_view_elements(view, &call->elements);
    if (fits && call->elements == 0)
        return false;
    if (!fits || !aq_nz_make(view, aq_nz_c0(view->dtype), &call->nz)) {
        finding->argument = tensor_names[SRC];
        say_size(finding, view);
        return true;
    }
    if (tensor->storage_rank != view->rank + 2)
        return false;
    int64_t c0 = aq_nz_stored_c0(tensor, view);
    if (c0 >= 2 && c0 <= 64 && (c0 & (c0 - 1)) == 0) /* the c0 of some type, from COMPLEX128 to INT4 */
        return !aq_nz_make(view, c0, &call->nz);
    char text[120];
    aq_view shown = {.rank = view->rank + 2};
    memcpy(shown.dims, tensor->storage_dims, shown.rank * sizeof shown.dims[0]);
    finding->argument = tensor_names[call->nz_side];
    aq_say_rule(finding, "storage shape must be [..., ceil(C/c0), ceil(R/16), 16, c0] of the matrix that is "
                         "stored, c0 a power of 2 from 2 to 64");
    aq_say_actual(finding, "storage shape %s", aq_view_shape_text(&shown, text, sizeof text));
    aq_nz_storage_dims(view, &call->nz, shown.dims);
    aq_say_nearest(finding, "storage shape %s", aq_view_shape_text(&shown, text, sizeof text));
    return true;
}

static bool breaks_reach(format_call *call, aq_finding *finding)
{
    aq_cast_side side;
    const aq_view *plain = &call->view[call->plain_side];
    if (call->elements == 0)
        return false;
    if (aq_cast_side_of(plain, &side)) {
        /* Two nibbles share a byte, and in an array with strides of its own elements may coincide. */
        call->plan.serial =
            plain->dtype == ACL_INT4 || !(aq_view_contiguous(plain) || aq_view_transposed(plain));
        return false;
    }
    finding->argument = tensor_names[call->plain_side];
    aq_say_rule(finding, "offset and strides must lead to elements whose distance from the data, in bytes, "
                         "fits 64 bits");
    aq_say_actual(finding, "offset %" PRId64 ", last strides %" PRId64 ", %" PRId64, plain->offset,
                  plain->strides[plain->rank - 2], plain->strides[plain->rank - 1]);
    aq_say_nearest(finding, "a contiguous tensor");
    return true;
}

static bool breaks_nibble(format_call *call, aq_finding *finding)
{
    const aq_view *view = &call->view[call->nz_side];
    if (call->elements == 0 || view->dtype != ACL_INT4 || view->offset % 2 == 0)
        return false;
    finding->argument = tensor_names[call->nz_side];
    aq_say_rule(finding, "offset must be even: two elements share a byte");
    aq_say_actual(finding, "offset %" PRId64, view->offset);
    aq_say_nearest(finding, "offset %" PRId64, view->offset / 2 * 2);
    return true;
}

static bool (*const rules[])(format_call *call, aq_finding *finding) = {
    breaks_type, breaks_format, breaks_rank, breaks_shape, breaks_storage, breaks_reach, breaks_nibble,
};

/* ---- aclnnNpuFormatCast ---- */

static int run(const void *frozen, void *const addresses[AQ_MAX_TENSORS], void *workspace)
{
    (void)workspace;
    const format_plan *plan = frozen;
    if (aq_nz_elements(&plan->move.nz) == 0)
        return 0;
    if (plan->to_storage)
        aq_nz_to_storage(&plan->move, addresses[SRC], addresses[DST], aq_parallel_threads());
    else
        aq_nz_to_plain(&plan->move, addresses[SRC], addresses[DST], plan->serial ? 1 : aq_parallel_threads());
    return 0;
}

static const aq_op op = {.name = "aclnnNpuFormatCast", .tensor_names = tensor_names, .run = run};

/* Both tensors are held. */
static int make(const char *function, const aclTensor *const tensors[TENSORS], uint64_t *workspaceSize,
                aclOpExecutor **executor)
{
    format_call call;
    memset(&call, 0, sizeof call);
    for (int t = 0; t < TENSORS; t++) {
        call.tensor[t] = tensors[t];
        aq_view_of(tensors[t], &call.view[t]);
    }
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        aq_finding finding = {.argument = NULL};
        if (rules[i](&call, &finding))
            return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, function, PAGE, &finding);
    }
    const aq_view *plain = &call.view[call.plain_side];
    aq_nz_move_of(plain, &call.nz, aq_nz_element_of(plain->dtype), &call.plan.move);
    call.plan.to_storage = call.nz_side == DST;
    return aq_executor_create(&(aq_executor_spec){.op = &op,
                                                  .plan = &call.plan,
                                                  .plan_size = sizeof call.plan,
                                                  .tensors = {tensors[SRC], tensors[DST]},
                                                  .inputs = 1,
                                                  .outputs = 1,
                                                  .used = call.elements > 0 ? 3u : 0u},
                              workspaceSize, executor);
}

aclnnStatus aclnnNpuFormatCastGetWorkspaceSize(const aclTensor *srcTensor, aclTensor *dstTensor,
                                               uint64_t *workspaceSize, aclOpExecutor **executor)
{
    static const char function[] = "aclnnNpuFormatCastGetWorkspaceSize";
    const aclTensor *const tensors[TENSORS] = {srcTensor, dstTensor};
    const aq_argument required[] = {{tensor_names[SRC], srcTensor},
                                    {tensor_names[DST], dstTensor},
                                    {"workspaceSize", workspaceSize},
                                    {"executor", executor}};
    int status = aq_settings_check(function);
    if (status == 0)
        status = aq_require_arguments(function, PAGE, required, sizeof required / sizeof required[0]);
    if (status == 0)
        status = aq_hold_tensors(function, tensors, tensor_names, TENSORS);
    if (status != 0)
        return status;
    status = make(function, tensors, workspaceSize, executor);
    aq_let_tensors_go(tensors, TENSORS);
    return status;
}

aclnnStatus aclnnNpuFormatCast(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                               aclrtStream stream)
{
    return aq_executor_run(&op, workspace, workspaceSize, executor, stream);
}

/* ---- aclnnNpuFormatCastCalculateSizeAndFormat ---- */

typedef struct shape_call {
    aq_view src;
    int format, additional_dtype;
    int64_t dims[AQ_NZ_MAX_RANK + 2];
    uint64_t rank;
} shape_call;

static bool breaks_src(shape_call *call, aq_finding *finding)
{
    const aq_view *src = &call->src;
    finding->argument = tensor_names[SRC];
    if (type_broken(src, finding))
        return true;
    if (aq_format_is_private(src->format) && src->format != ACL_FORMAT_FRACTAL_NZ) {
        aq_say_rule(finding,
                    "format must be ND (NCHW, NCL and other plain formats count as ND) or FRACTAL_NZ");
        say_format(finding, src->format);
        aq_say_nearest(finding, "FRACTAL_NZ");
        return true;
    }
    return rank_broken(src, finding);
}

static bool breaks_dst_format(shape_call *call, aq_finding *finding)
{
    aclFormat wanted = call->src.format == ACL_FORMAT_FRACTAL_NZ ? ACL_FORMAT_ND : ACL_FORMAT_FRACTAL_NZ;
    if (call->format == (int)wanted)
        return false;
    finding->argument = "dstFormat";
    aq_say_rule(finding, "must be %s (%d), as srcTensor's format is %s", aq_format_name(wanted), (int)wanted,
                aq_format_name(call->src.format));
    say_format(finding, (aclFormat)call->format);
    aq_say_nearest(finding, "%d", (int)wanted);
    return true;
}

static bool breaks_additional(shape_call *call, aq_finding *finding)
{
    if (call->additional_dtype == -1)
        call->additional_dtype = (int)call->src.dtype;
    if (aq_nz_c0((aclDataType)call->additional_dtype) > 0)
        return false;
    finding->argument = "additionalDtype";
    aq_say_rule(finding, "must be -1 (that of srcTensor), a type of whole bytes, or INT4");
    aq_say_actual(finding, "%s (%d)", aq_dtype_name((aclDataType)call->additional_dtype),
                  call->additional_dtype);
    aq_say_nearest(finding, "-1");
    return true;
}

/* The result is contiguous, whatever the strides of srcTensor are. */
static bool breaks_dims(shape_call *call, aq_finding *finding)
{
    aq_nz nz;
    int64_t elements;
    aq_view view = call->src;
    memset(view.strides, 0, sizeof view.strides);
    if (!aq_view_elements(&view, &elements) ||
        !aq_nz_make(&view, aq_nz_c0((aclDataType)call->additional_dtype), &nz)) {
        finding->argument = tensor_names[SRC];
        say_size(finding, &view);
        return true;
    }
    call->rank = view.rank;
    memcpy(call->dims, view.dims, view.rank * sizeof view.dims[0]);
    if (call->format == (int)ACL_FORMAT_FRACTAL_NZ)
        call->rank = aq_nz_storage_dims(&view, &nz, call->dims);
    return false;
}

static bool (*const shape_rules[])(shape_call *call, aq_finding *finding) = {
    breaks_src,
    breaks_dst_format,
    breaks_additional,
    breaks_dims,
};

aclnnStatus aclnnNpuFormatCastCalculateSizeAndFormat(const aclTensor *srcTensor, const int dstFormat,
                                                     int additionalDtype, int64_t **dstShape,
                                                     uint64_t *dstShapeSize, int *actualFormat)
{
    static const char function[] = "aclnnNpuFormatCastCalculateSizeAndFormat";
    const aq_argument required[] = {{tensor_names[SRC], srcTensor},
                                    {"dstShape", dstShape},
                                    {"dstShapeSize", dstShapeSize},
                                    {"actualFormat", actualFormat}};
    int status = aq_require_arguments(function, PAGE, required, sizeof required / sizeof required[0]);
    if (status == 0)
        status = aq_hold_tensors(function, &srcTensor, tensor_names, 1);
    if (status != 0)
        return status;
    shape_call call = {.format = dstFormat, .additional_dtype = additionalDtype};
    aq_view_of(srcTensor, &call.src);
    aq_let_tensors_go(&srcTensor, 1);
    for (size_t i = 0; i < sizeof shape_rules / sizeof shape_rules[0]; i++) {
        aq_finding finding = {.argument = NULL};
        if (shape_rules[i](&call, &finding))
            return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, function, PAGE, &finding);
    }
    int64_t *dims = aq_malloc(call.rank * sizeof *dims);
    if (dims == NULL)
        return aq_refuse_memory(function);
    memcpy(dims, call.dims, call.rank * sizeof *dims);
    *dstShape = dims;
    *dstShapeSize = call.rank;
    *actualFormat = call.format;
    return 0;
}
