/* SPDX-License-Identifier: Apache-2.0 */
/* rules_v2_layouts.c - rules about what is there and how it lies in memory: entry point, nulls, formats,
 * strides. Operators page 3.3, checks 1 to 3 and layouts and formats of check 4. */
#include <string.h>

#include "antiquant.h"
#include "base/checked.h"
#include "ops/rules_v2.h"
#include "tensor/dtype.h"
#include "tensor/packed.h"

static const char *const operator_names[AQ_OPERATORS_V2] = {
    "aclnnWeightQuantBatchMatmulV2", "aclnnWeightQuantBatchMatmulV3", "aclnnWeightQuantBatchMatmulNz"};

bool aq_v2_breaks_entry(const aq_v2_call *call, aq_finding *finding)
{
    if (call->profile->weight_formats[call->op] != 0)
        return false;
    finding->argument = operator_names[call->op];
    aq_say_rule(finding, "does not exist on profile %s (ANTIQUANT_PROFILE)", call->profile->name);
    aq_say_actual(finding, "profile %s", call->profile->name);
    aq_say_nearest(finding, "aclnnWeightQuantBatchMatmulV2, or profile 950 or any");
    return true;
}

bool aq_v2_breaks_nulls(const aq_v2_call *call, aq_finding *finding)
{
    static const int needed[] = {AQ_V2_X, AQ_V2_WEIGHT, AQ_V2_SCALE, AQ_V2_Y};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0] && finding->argument == NULL; i++)
        if (!call->present[needed[i]])
            finding->argument = aq_v2_tensor_names[needed[i]];
    if (finding->argument == NULL && !call->has_workspace_size)
        finding->argument = "workspaceSize";
    if (finding->argument == NULL && !call->has_executor)
        finding->argument = "executor";
    if (finding->argument == NULL)
        return false;
    aq_say_rule(finding, "must not be null");
    aq_say_actual(finding, "null");
    return true;
}

bool aq_v2_breaks_no_quant(const aq_v2_call *call, aq_finding *finding)
{
    for (int t = AQ_V2_QUANT_SCALE; t <= AQ_V2_QUANT_OFFSET; t++) {
        if (call->profile->quantises || !call->present[t])
            continue;
        finding->argument = aq_v2_tensor_names[t];
        aq_say_rule(finding, "must be null on profile %s, which has no INT8 output", call->profile->name);
        aq_say_actual(finding, "not null");
        aq_say_nearest(finding, "null");
        return true;
    }
    return false;
}

/* As a bit of the sets of profiles.h; 0: no form of a weight. */
static unsigned weight_format_bit(aclFormat format)
{
    if (format == ACL_FORMAT_FRACTAL_NZ)
        return AQ_WEIGHT_NZ;
    if (format == ACL_FORMAT_FRACTAL_NZ_C0_2)
        return AQ_WEIGHT_NZ_C0_2;
    return aq_format_is_private(format) ? 0 : AQ_WEIGHT_ND;
}

/* What aq_pack_weight makes is an integer weight for every entry point. */
static bool breaks_packed(const aq_view *weight, aq_finding *finding)
{
    bool integers = weight->dtype == ACL_INT8 || weight->dtype == ACL_INT4 || weight->dtype == ACL_INT32;
    if (integers && (int)weight->format == AQ_FORMAT_PACKED)
        return false;
    aq_say_rule(finding, "a weight packed by aq_pack_weight must be INT8, INT4 or INT32, and packed with "
                         "transpose = false");
    aq_say_actual(finding, "%s, %s (0x%x)", aq_dtype_name(weight->dtype), aq_format_name(weight->format),
                  (unsigned)weight->format);
    aq_say_nearest(finding, "AQ_PACKED");
    return true;
}

bool aq_v2_breaks_weight_format(const aq_v2_call *call, aq_finding *finding)
{
    aclFormat format = call->view[AQ_V2_WEIGHT].format;
    unsigned legal = call->profile->weight_formats[call->op];
    finding->argument = aq_v2_tensor_names[AQ_V2_WEIGHT];
    if (aq_format_is_packed(format))
        return breaks_packed(&call->view[AQ_V2_WEIGHT], finding);
    if (weight_format_bit(format) & legal)
        return false;
    aq_say_rule(finding, "format must be %s%s%s for %s on profile %s",
                legal & AQ_WEIGHT_ND ? "ND" : "FRACTAL_NZ",
                (legal & AQ_WEIGHT_ND) && (legal & AQ_WEIGHT_NZ) ? " or FRACTAL_NZ" : "",
                legal & AQ_WEIGHT_NZ_C0_2 ? " or FRACTAL_NZ_C0_2" : "", operator_names[call->op],
                call->profile->name);
    aq_say_actual(finding, "%s (%d)", aq_format_name(format), (int)format);
    aq_say_nearest(finding, legal & AQ_WEIGHT_ND ? "ACL_FORMAT_ND" : "ACL_FORMAT_FRACTAL_NZ");
    return true;
}

bool aq_v2_breaks_inner_precise(const aq_v2_call *call, aq_finding *finding)
{
    if (call->inner_precise == 0 || call->inner_precise == 1)
        return false;
    finding->argument = "innerPrecise";
    aq_say_rule(finding, "must be 0 or 1");
    aq_say_actual(finding, "%d", call->inner_precise);
    aq_say_nearest(finding, "%d", call->inner_precise > 1);
    return true;
}

static bool packing_fits(const aq_v2_call *call, int tensor)
{
    const aq_view *view = &call->view[tensor];
    aq_packed packed;
    return tensor != AQ_V2_WEIGHT || !aq_format_is_packed(view->format) || view->rank < 2 ||
           aq_packed_of(view, false, &packed);
}

/* Not on the page: a tensor that no memory can hold. 16 bytes are the largest element. It comes before the
 * layouts, since strides of such shapes mean nothing. Ranks over the limit fall to their own checks. */
bool aq_v2_breaks_size(const aq_v2_call *call, aq_finding *finding)
{
    for (int t = 0; t < AQ_V2_TENSORS; t++) {
        int64_t elements, bytes;
        const aq_view *view = &call->view[t];
        if (!call->present[t] || view->rank > AQ_MAX_RANK ||
            (aq_view_elements(view, &elements) && aq_mul_i64(elements, 16, &bytes) &&
             aq_view_reach_fits(view) && packing_fits(call, t)))
            continue;
        finding->argument = aq_v2_tensor_names[t];
        aq_say_rule(finding,
                    "dims must not be negative, their product must fit the memory, and strides must stay "
                    "within 64 bits of bytes");
        aq_say_strides(finding, view);
        aq_say_nearest(finding, "dims >= 0 of a tensor that fits the memory, contiguous strides");
        return true;
    }
    return false;
}

/* Operators page 3.2. A private format counts as contiguous; what may not have one is a later check. A packed
 * weight has the strides of what it was packed from, which are asked instead. */
static bool lies_well(const aq_v2_call *call, int tensor)
{
    const aq_view *view = &call->view[tensor];
    bool packed = tensor == AQ_V2_WEIGHT && aq_format_is_packed(view->format);
    if ((aq_format_is_private(view->format) && !packed) || view->rank > AQ_MAX_RANK ||
        aq_view_contiguous(view))
        return true;
    switch (tensor) {
    case AQ_V2_X:
    case AQ_V2_WEIGHT:
        return aq_view_transposed(view);
    case AQ_V2_SCALE:
    case AQ_V2_OFFSET:
        return call->weight_transposed;
    case AQ_V2_Y:
        return call->profile->y_strided;
    default:
        return false;
    }
}

static void say_row_major(aq_finding *finding, const aq_view *view)
{
    char strides[120];
    aq_view dense = *view;
    int64_t step = 1;
    for (uint64_t d = view->rank; d-- > 0;) {
        dense.dims[d] = step;
        step *= view->dims[d] > 0 ? view->dims[d] : 1; /* fits: the sizes are checked */
    }
    aq_say_nearest(finding, "strides %s", aq_view_shape_text(&dense, strides, sizeof strides));
}

bool aq_v2_breaks_layout(const aq_v2_call *call, aq_finding *finding)
{
    static const int order[] = {AQ_V2_X, AQ_V2_WEIGHT,      AQ_V2_SCALE,        AQ_V2_OFFSET,
                                AQ_V2_Y, AQ_V2_QUANT_SCALE, AQ_V2_QUANT_OFFSET, AQ_V2_BIAS};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        int t = order[i];
        if (!call->present[t] || lies_well(call, t))
            continue;
        finding->argument = aq_v2_tensor_names[t];
        aq_say_rule(
            finding,
            t <= AQ_V2_WEIGHT
                ? "must be contiguous, or transposed: rank 2 to 6, stride[-2] = 1, stride[-1] = dim[-2], "
                  "dense batches"
            : t <= AQ_V2_OFFSET ? "must be contiguous when weight is not transposed"
                                : "must be contiguous");
        aq_say_strides(finding, &call->view[t]);
        say_row_major(finding, &call->view[t]);
        return true;
    }
    return false;
}

/* The page asks nothing of y's format; a private one would be filled in the wrong order, so it is refused
 * here. */
bool aq_v2_breaks_formats(const aq_v2_call *call, aq_finding *finding)
{
    for (int t = 0; t < AQ_V2_TENSORS; t++) {
        aclFormat format = call->view[t].format;
        bool exactly_nd = t >= AQ_V2_SCALE && t <= AQ_V2_QUANT_OFFSET;
        if (!call->present[t] || t == AQ_V2_WEIGHT ||
            (exactly_nd ? format == ACL_FORMAT_ND : !aq_format_is_private(format)))
            continue;
        finding->argument = aq_v2_tensor_names[t];
        aq_say_rule(finding, exactly_nd
                                 ? "format must be ND"
                                 : "format must be ND (NCHW, NHWC, NCL and other plain formats count as ND)");
        aq_say_actual(finding, "%s (%d)", aq_format_name(format), (int)format);
        aq_say_nearest(finding, "ACL_FORMAT_ND");
        return true;
    }
    return false;
}

/* Where one dim is 1, plain and transposed are the same memory. */
bool aq_v2_breaks_scale_layout(const aq_v2_call *call, aq_finding *finding)
{
    const aq_view *scale = &call->view[AQ_V2_SCALE];
    if (!call->profile->scale_like_weight || !call->weight_transposed || scale->rank != 2 ||
        aq_view_transposed(scale) ||
        (aq_view_contiguous(scale) && (scale->dims[0] == 1 || scale->dims[1] == 1)))
        return false;
    finding->argument = aq_v2_tensor_names[AQ_V2_SCALE];
    aq_say_rule(finding, "a scale of rank 2 must be transposed exactly like weight on profile %s",
                call->profile->name);
    aq_say_strides(finding, scale);
    aq_say_nearest(finding, "strides (1,%lld)", (long long)scale->dims[0]);
    return true;
}

bool aq_v2_breaks_x_contiguous(const aq_v2_call *call, aq_finding *finding)
{
    const aq_view *x = &call->view[AQ_V2_X];
    if (!call->profile->x_contiguous || aq_view_contiguous(x))
        return false;
    finding->argument = aq_v2_tensor_names[AQ_V2_X];
    aq_say_rule(finding, "must be contiguous on profile %s", call->profile->name);
    aq_say_strides(finding, x);
    say_row_major(finding, x);
    return true;
}
