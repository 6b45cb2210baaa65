/* SPDX-License-Identifier: Apache-2.0 */
/* rules_v1.c - the checks of operator page 1.3 as one table, in the order in which they decide status and
 * message. A rule looks at the captured call only; it neither allocates nor touches data. */
#include <string.h>

#include "aclnn/aclnn_base.h"
#include "antiquant.h"
#include "base/settings.h"
#include "ops/matmul_v1.h"
#include "tensor/dtype.h"
#include "tensor/packed.h"

const char *const aq_v1_tensor_names[AQ_V1_TENSORS] = {
    "x1", "x2", "diagonalMatrix", "deqOffset", "deqScale", "addOffset", "mulScale", "bias", "out"};

static const aclDataType dtypes[AQ_V1_TENSORS] = {ACL_FLOAT16, ACL_INT8,    ACL_INT8,  ACL_INT32,  ACL_UINT64,
                                                  ACL_FLOAT16, ACL_FLOAT16, ACL_FLOAT, ACL_FLOAT16};

/* The path looks at the tensor if it is there. */
static bool active(const aq_v1_call *call, int tensor)
{
    switch (tensor) {
    case AQ_V1_DIAGONAL:
    case AQ_V1_DEQ_OFFSET:
    case AQ_V1_DEQ_SCALE:
        return call->fixpipe;
    case AQ_V1_ADD_OFFSET:
    case AQ_V1_MUL_SCALE:
        return !call->fixpipe && call->present[tensor];
    case AQ_V1_BIAS:
        return call->present[tensor];
    default:
        return true;
    }
}

static int64_t last_dim(const aq_view *view, int from_end)
{
    return view->dims[view->rank - 1 - (uint64_t)from_end];
}

static bool one_or(int64_t dim, int64_t n)
{
    return dim == 1 || dim == n;
}

/* ---- the rules: true = broken, the finding is filled in ---- */

/* An x2 that aq_pack_weight packed goes with the transposeX2 that it was packed for. */
static bool breaks_packed(const aq_v1_call *call, aq_finding *finding)
{
    aclFormat format = call->view[AQ_V1_X2].format;
    bool transposed = (int)format == AQ_FORMAT_PACKED_TRANSPOSED;
    if (transposed == call->transpose_x2)
        return false;
    finding->argument = aq_v1_tensor_names[AQ_V1_X2];
    aq_say_rule(finding, "must be packed by aq_pack_weight for the transposeX2 of the call, %s",
                call->transpose_x2 ? "true" : "false");
    aq_say_actual(finding, "%s (0x%x)", aq_format_name(format), (unsigned)format);
    aq_say_nearest(finding, "transposeX2 = %s", transposed ? "true" : "false");
    return true;
}

static bool breaks_format(const aq_v1_call *call, aq_finding *finding)
{
    for (int t = 0; t < AQ_V1_TENSORS; t++) {
        if (!active(call, t) || !aq_format_is_private(call->view[t].format))
            continue;
        if (t == AQ_V1_X2 && aq_format_is_packed(call->view[t].format)) {
            if (breaks_packed(call, finding))
                return true;
            continue;
        }
        finding->argument = aq_v1_tensor_names[t];
        aq_say_rule(finding, "format must be ND (NCHW, NHWC, NCL and other plain formats count as ND)");
        aq_say_actual(finding, "%s (%d)", aq_format_name(call->view[t].format), (int)call->view[t].format);
        aq_say_nearest(finding, "ACL_FORMAT_ND");
        return true;
    }
    return false;
}

static bool breaks_dtype(const aq_v1_call *call, aq_finding *finding)
{
    for (int t = 0; t < AQ_V1_TENSORS; t++) {
        aclDataType dtype = call->view[t].dtype;
        if (!active(call, t) || dtype == dtypes[t])
            continue;
        finding->argument = aq_v1_tensor_names[t];
        aq_say_rule(finding, "dtype must be %s%s", aq_dtype_name(dtypes[t]),
                    t == AQ_V1_OUT && dtype == ACL_INT8
                        ? " (INT8 is listed but has no quantScale to go with it)"
                        : "");
        aq_say_actual(finding, "%s (%d)", aq_dtype_name(dtype), (int)dtype);
        aq_say_nearest(finding, "%s", aq_dtype_name(dtypes[t]));
        return true;
    }
    return false;
}

static bool breaks_rank(const aq_v1_call *call, aq_finding *finding)
{
    for (int t = AQ_V1_X1; t <= AQ_V1_X2; t++) {
        uint64_t rank = call->view[t].rank;
        if (rank >= 2 && rank <= AQ_MAX_RANK)
            continue;
        finding->argument = aq_v1_tensor_names[t];
        aq_say_rule(finding, "rank must be 2 to %d", AQ_MAX_RANK);
        aq_say_actual(finding, "rank %llu", (unsigned long long)rank);
        aq_say_nearest(finding, "rank %d", rank < 2 ? 2 : AQ_MAX_RANK);
        return true;
    }
    return false;
}

/* Not on the page: a tensor that no memory can hold. Ranks beyond the limit fall to their own checks. */
static bool breaks_size(const aq_v1_call *call, aq_finding *finding)
{
    for (int t = 0; t < AQ_V1_TENSORS; t++) {
        int64_t elements;
        const aq_view *view = &call->view[t];
        if (!active(call, t) || view->rank > AQ_MAX_RANK || aq_view_elements(view, &elements))
            continue;
        finding->argument = aq_v1_tensor_names[t];
        aq_say_rule(finding, "dims must not be negative and their product must fit 64 bits");
        aq_say_shape(finding, view);
        aq_say_nearest(finding, "dims >= 0 with a product of at most %lld", (long long)INT64_MAX);
        return true;
    }
    return false;
}

/* Nor is this: strides or an offset that lead nowhere. */
static bool breaks_reach(const aq_v1_call *call, aq_finding *finding)
{
    for (int t = 0; t < AQ_V1_TENSORS; t++) {
        const aq_view *view = &call->view[t];
        if (!active(call, t) || view->rank > AQ_MAX_RANK || aq_view_reach_fits(view))
            continue;
        finding->argument = aq_v1_tensor_names[t];
        aq_say_rule(finding,
                    "offset and strides must lead to elements whose distance from the data, in bytes, "
                    "fits 64 bits");
        aq_say_strides(finding, view);
        aq_say_nearest(finding, "contiguous strides, offset 0");
        return true;
    }
    return false;
}

/* Nor this: a packed x2 so large that its padding leads nowhere. aq_pack_weight makes none. */
static bool breaks_packed_size(const aq_v1_call *call, aq_finding *finding)
{
    const aq_view *x2 = &call->view[AQ_V1_X2];
    aq_packed packed;
    if (!aq_format_is_packed(x2->format) || aq_packed_of(x2, call->transpose_x2, &packed))
        return false;
    finding->argument = aq_v1_tensor_names[AQ_V1_X2];
    aq_say_rule(finding, "the bytes of a packed weight, padding included, must fit 64 bits");
    aq_say_shape(finding, x2);
    aq_say_nearest(finding, "a smaller shape");
    return true;
}

/* A fixpipe parameter or bias: one element or one a column. */
static bool breaks_vector(const aq_v1_call *call, int tensor, bool scalar_is_fine, aq_finding *finding)
{
    const aq_view *view = &call->view[tensor];
    int64_t elements = 0;
    bool fine = view->rank == 0 ? scalar_is_fine
                                : view->rank <= AQ_MAX_RANK && one_or(last_dim(view, 0), call->n) &&
                                      aq_view_elements(view, &elements) && one_or(elements, call->n);
    if (fine)
        return false;
    finding->argument = aq_v1_tensor_names[tensor];
    aq_say_rule(finding, "must hold 1 or n = %lld elements, with a last dim of 1 or n%s", (long long)call->n,
                scalar_is_fine ? "" : ", and a rank of at least 1");
    aq_say_shape(finding, view);
    aq_say_nearest(finding, "shape (%lld)", (long long)call->n);
    return true;
}

static bool breaks_fixpipe_vectors(const aq_v1_call *call, aq_finding *finding)
{
    return call->fixpipe && (breaks_vector(call, AQ_V1_DEQ_OFFSET, true, finding) ||
                             breaks_vector(call, AQ_V1_DEQ_SCALE, true, finding));
}

static bool breaks_diagonal(const aq_v1_call *call, aq_finding *finding)
{
    const aq_view *view = &call->view[AQ_V1_DIAGONAL];
    if (!call->fixpipe || (view->rank == 2 && view->dims[0] == 32 && view->dims[1] == 32))
        return false;
    finding->argument = aq_v1_tensor_names[AQ_V1_DIAGONAL];
    aq_say_rule(finding, "shape must be (32,32)");
    aq_say_shape(finding, view);
    aq_say_nearest(finding, "shape (32,32)");
    return true;
}

static bool breaks_plain_parameter(const aq_v1_call *call, aq_finding *finding)
{
    for (int t = AQ_V1_ADD_OFFSET; t <= AQ_V1_MUL_SCALE; t++) {
        const aq_view *view = &call->view[t];
        if (call->transpose_x2 || !active(call, t) || view->rank == 0 ||
            (view->rank <= AQ_MAX_RANK && one_or(last_dim(view, 0), call->n)))
            continue;
        finding->argument = aq_v1_tensor_names[t];
        aq_say_rule(finding, "last dim must be 1 or n = %lld", (long long)call->n);
        aq_say_shape(finding, view);
        aq_say_nearest(finding, "shape (%lld)", (long long)call->n);
        return true;
    }
    return false;
}

static bool breaks_transposed_parameter(const aq_v1_call *call, aq_finding *finding)
{
    for (int t = AQ_V1_ADD_OFFSET; t <= AQ_V1_MUL_SCALE; t++) {
        const aq_view *view = &call->view[t];
        if (!call->transpose_x2 || !active(call, t) || view->rank == 0 ||
            (view->rank == 1 && view->dims[0] == 1) ||
            (view->rank >= 2 && view->rank <= AQ_MAX_RANK && one_or(last_dim(view, 1), call->n)))
            continue;
        finding->argument = aq_v1_tensor_names[t];
        aq_say_rule(
            finding,
            "with transposeX2 it is broadcast onto the stored (n,k): rank 1 must be (1), rank 2 and more "
            "must have a last but one dim of 1 or n = %lld",
            (long long)call->n);
        aq_say_shape(finding, view);
        aq_say_nearest(finding, "shape (%lld,1)", (long long)call->n);
        return true;
    }
    return false;
}

static bool broadcasts_onto(const aq_view *from, const aq_view *onto)
{
    if (from->rank > onto->rank)
        return false;
    for (uint64_t d = 0; d < from->rank; d++)
        if (!one_or(last_dim(from, (int)d), last_dim(onto, (int)d)))
            return false;
    return true;
}

static bool breaks_parameter_broadcast(const aq_v1_call *call, aq_finding *finding)
{
    for (int t = AQ_V1_ADD_OFFSET; t <= AQ_V1_MUL_SCALE; t++) {
        if (!active(call, t) || call->fixpipe || broadcasts_onto(&call->view[t], &call->view[AQ_V1_X2]))
            continue;
        char stored[120];
        aq_view_shape_text(&call->view[AQ_V1_X2], stored, sizeof stored);
        finding->argument = aq_v1_tensor_names[t];
        aq_say_rule(finding, "must broadcast onto the stored x2, shape %s, without enlarging it", stored);
        aq_say_shape(finding, &call->view[t]);
        aq_say_nearest(finding, call->transpose_x2 ? "shape (%lld,1)" : "shape (%lld)", (long long)call->n);
        return true;
    }
    return false;
}

static bool breaks_bias(const aq_v1_call *call, aq_finding *finding)
{
    return call->present[AQ_V1_BIAS] && breaks_vector(call, AQ_V1_BIAS, false, finding);
}

static bool breaks_k(const aq_v1_call *call, aq_finding *finding)
{
    int64_t k = last_dim(&call->view[AQ_V1_X1], call->transpose_x1 ? 1 : 0);
    if (k == call->k)
        return false;
    char text[120];
    finding->argument = "x1, x2";
    aq_say_rule(finding, "x1 is (%s) and x2 is (%s): both must have the same k",
                call->transpose_x1 ? "k,m" : "m,k", call->transpose_x2 ? "n,k" : "k,n");
    aq_say_actual(finding, "k = %lld in x1, %lld in x2 of shape %s", (long long)k, (long long)call->k,
                  aq_view_shape_text(&call->view[AQ_V1_X2], text, sizeof text));
    aq_say_nearest(finding, "k = %lld in both", (long long)k);
    return true;
}

static bool breaks_out(const aq_v1_call *call, aq_finding *finding)
{
    const aq_view *x1 = &call->view[AQ_V1_X1], *out = &call->view[AQ_V1_OUT];
    bool fine = out->rank == x1->rank && last_dim(out, 1) == call->m && last_dim(out, 0) == call->n;
    for (uint64_t d = 0; fine && d + 2 < x1->rank; d++)
        fine = out->dims[d] == x1->dims[d];
    if (fine)
        return false;
    aq_view legal = *x1;
    legal.dims[legal.rank - 2] = call->m;
    legal.dims[legal.rank - 1] = call->n;
    char text[120];
    finding->argument = aq_v1_tensor_names[AQ_V1_OUT];
    aq_say_rule(finding, "shape must be x1's batch dims, then (m,n) = (%lld,%lld)", (long long)call->m,
                (long long)call->n);
    aq_say_shape(finding, out);
    aq_say_nearest(finding, "shape %s", aq_view_shape_text(&legal, text, sizeof text));
    return true;
}

static bool breaks_batch(const aq_v1_call *call, aq_finding *finding)
{
    const aq_view *x2 = &call->view[AQ_V1_X2], *out = &call->view[AQ_V1_OUT];
    bool fine = x2->rank <= out->rank;
    for (uint64_t d = 2; fine && d < x2->rank; d++)
        fine = one_or(last_dim(x2, (int)d), last_dim(out, (int)d));
    if (fine)
        return false;
    char text[120];
    finding->argument = aq_v1_tensor_names[AQ_V1_X2];
    aq_say_rule(finding, "batch dims must broadcast to out's, out has shape %s",
                aq_view_shape_text(out, text, sizeof text));
    aq_say_shape(finding, x2);
    aq_say_nearest(finding, "no batch dims");
    return true;
}

typedef struct rule {
    const char *page;
    int status;
    bool (*breaks)(const aq_v1_call *call, aq_finding *finding);
} rule;

/* In the order of operator page 1.3. The nulls, check 1, come before them in aq_v1_check. */
static const rule rules[] = {
    {"operator page 1.3, check 2a", ACLNN_ERR_PARAM_INVALID, breaks_format},
    {"operator page 1.3, check 2b", ACLNN_ERR_PARAM_INVALID, breaks_dtype},
    {"operator page 1.3, check 3", ACLNN_ERR_PARAM_INVALID, breaks_rank},
    {"operator page 1.1", ACLNN_ERR_PARAM_INVALID, breaks_size},
    {"operator page 1.3, check 4", ACLNN_ERR_PARAM_INVALID, breaks_fixpipe_vectors},
    {"operator page 1.3, check 5", ACLNN_ERR_PARAM_INVALID, breaks_diagonal},
    {"operator page 1.3, check 6", ACLNN_ERR_PARAM_INVALID, breaks_plain_parameter},
    {"operator page 1.3, check 7", ACLNN_ERR_PARAM_INVALID, breaks_transposed_parameter},
    {"operator page 1.3, check 8", ACLNN_ERR_INNER_NULLPTR, breaks_parameter_broadcast},
    {"operator page 1.3, check 9", ACLNN_ERR_PARAM_INVALID, breaks_bias},
    {"operator page 1.3, check 10", ACLNN_ERR_PARAM_INVALID, breaks_k},
    {"operator page 1.3, check 10", ACLNN_ERR_PARAM_INVALID, breaks_out},
    {"operator page 1.3, check 10", ACLNN_ERR_PARAM_INVALID, breaks_batch},
    {"operator page 1.6", ACLNN_ERR_PARAM_INVALID, breaks_reach},
    {"antiquant.h", ACLNN_ERR_PARAM_INVALID, breaks_packed_size},
};

static int check_nulls(const char *function, const aq_v1_call *call, bool has_workspace_size,
                       bool has_executor)
{
    static const char page[] = "operator page 1.3, check 1";
    /* The shipped library answers every failed check of V1, these included, with PARAM_INVALID. */
    int status = aq_settings_get()->device_status ? ACLNN_ERR_PARAM_INVALID : ACLNN_ERR_PARAM_NULLPTR;
    static const int always[] = {AQ_V1_X1, AQ_V1_X2, AQ_V1_OUT};
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        if (!call->present[always[i]])
            return aq_refuse_null_argument(status, function, aq_v1_tensor_names[always[i]], page);
    if (!has_workspace_size)
        return aq_refuse_null_argument(ACLNN_ERR_PARAM_NULLPTR, function, "workspaceSize", page);
    if (!has_executor)
        return aq_refuse_null_argument(ACLNN_ERR_PARAM_NULLPTR, function, "executor", page);
    for (int t = AQ_V1_DIAGONAL; call->fixpipe && t <= AQ_V1_DEQ_SCALE; t++) {
        if (call->present[t])
            continue;
        aq_finding finding = {.argument = aq_v1_tensor_names[t]};
        aq_say_rule(&finding, "must not be null when m <= %d", AQ_V1_FIXPIPE_MOST_M);
        aq_say_actual(&finding, "null, m = %lld", (long long)call->rows);
        aq_say_nearest(&finding, "a tensor, or m > %d", AQ_V1_FIXPIPE_MOST_M);
        return aq_refuse_finding(status, function, page, &finding);
    }
    return 0;
}

int aq_v1_check(const char *function, aq_v1_call *call, bool has_workspace_size, bool has_executor)
{
    call->fixpipe = call->rows <= AQ_V1_FIXPIPE_MOST_M;
    int status = check_nulls(function, call, has_workspace_size, has_executor);
    if (status != 0)
        return status;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        aq_finding finding;
        aq_finding_begin(&finding);
        if (rules[i].breaks(call, &finding))
            return aq_refuse_finding(rules[i].status, function, rules[i].page, &finding);
        if (rules[i].breaks == breaks_rank) { /* from here on x1 and x2 have their last two dims */
            call->m = last_dim(&call->view[AQ_V1_X1], call->transpose_x1 ? 0 : 1);
            call->k = last_dim(&call->view[AQ_V1_X2], call->transpose_x2 ? 0 : 1);
            call->n = last_dim(&call->view[AQ_V1_X2], call->transpose_x2 ? 1 : 0);
        }
    }
    int64_t elements = 0;
    call->empty = !aq_view_elements(&call->view[AQ_V1_OUT], &elements) || elements == 0;
    return 0;
}
