/* SPDX-License-Identifier: Apache-2.0 */
/* rules_v2_dtypes.c - rules about data types: operators page 3.1's rows, in the order of page 3.3, check 4.
 */
#include <stdio.h>

#include "ops/rules_v2.h"
#include "tensor/dtype.h"

static bool refuse_dtype(const aq_v2_call *call, int tensor, aq_dtype_set legal, const char *why,
                         aq_finding *finding)
{
    char names[160];
    aclDataType dtype = call->view[tensor].dtype;
    finding->argument = aq_v2_tensor_names[tensor];
    aq_dtype_set_text(legal, names, sizeof names);
    aq_say_rule(finding, "dtype must be %s %s", names, why);
    aq_say_actual(finding, "%s (%d)", aq_dtype_name(dtype), (int)dtype);
    aq_say_nearest(finding, "%s", names);
    return true;
}

static bool refuse_on_profile(const aq_v2_call *call, int tensor, aq_dtype_set legal, aq_finding *finding)
{
    char on[40];
    snprintf(on, sizeof on, "on profile %s", call->profile->name);
    return refuse_dtype(call, tensor, legal, on, finding);
}

bool aq_v2_breaks_dtypes(const aq_v2_call *call, aq_finding *finding)
{
    const aq_profile *profile = call->profile;
    const aq_view *view = call->view;
    if (!aq_dtype_in(view[AQ_V2_X].dtype, profile->x))
        return refuse_on_profile(call, AQ_V2_X, profile->x, finding);
    if (!aq_dtype_in(view[AQ_V2_WEIGHT].dtype, profile->weight))
        return refuse_on_profile(call, AQ_V2_WEIGHT, profile->weight, finding);
    aq_dtype_set scales = profile->scale;
    if (view[AQ_V2_WEIGHT].dtype != ACL_FLOAT) /* UINT8 passes for E8M0 there */
        scales &= ~AQ_DTYPE_BIT(ACL_UINT8);
    if (!aq_dtype_in(view[AQ_V2_SCALE].dtype, scales))
        return refuse_on_profile(call, AQ_V2_SCALE, scales, finding);
    aq_dtype_set outs = AQ_DTYPE_BIT(view[AQ_V2_X].dtype);
    if (profile->quantises)
        outs |= AQ_DTYPE_BIT(ACL_INT8);
    if (!aq_dtype_in(view[AQ_V2_Y].dtype, outs))
        return refuse_dtype(call, AQ_V2_Y, outs,
                            profile->quantises ? "(x's, or INT8 with quantScale)" : "as x", finding);
    return false;
}

bool aq_v2_breaks_int8_y(const aq_v2_call *call, aq_finding *finding)
{
    bool quantised = call->present[AQ_V2_QUANT_SCALE];
    if (quantised == (call->view[AQ_V2_Y].dtype == ACL_INT8))
        return false;
    return refuse_dtype(call, AQ_V2_Y, AQ_DTYPE_BIT(quantised ? ACL_INT8 : call->view[AQ_V2_X].dtype),
                        quantised ? "when quantScale is given" : "when quantScale is null", finding);
}

/* FP8_E4M3FN and HIFLOAT8 have no NZ form on any profile. */
bool aq_v2_breaks_nz_dtype(const aq_v2_call *call, aq_finding *finding)
{
    aclDataType dtype = call->weight_dtype;
    if (!call->weight_is_nz || dtype == ACL_INT8 || aq_v2_is_4bit(dtype))
        return false;
    return refuse_dtype(call, AQ_V2_WEIGHT,
                        AQ_DTYPE_BIT(ACL_INT8) | AQ_DTYPE_BIT(ACL_INT4) | AQ_DTYPE_BIT(ACL_FLOAT4_E2M1),
                        "in format FRACTAL_NZ", finding);
}

bool aq_v2_breaks_int32_offset(const aq_v2_call *call, aq_finding *finding)
{
    if (!call->present[AQ_V2_OFFSET] || call->view[AQ_V2_OFFSET].dtype != ACL_INT32 || call->fixpipe)
        return false;
    return refuse_dtype(call, AQ_V2_OFFSET, AQ_DTYPE_BIT(call->view[AQ_V2_X].dtype),
                        "(INT32 needs an antiquantScale of UINT64 or INT64)", finding);
}

bool aq_v2_breaks_fixpipe_dtypes(const aq_v2_call *call, aq_finding *finding)
{
    static const struct {
        int tensor;
        aclDataType dtype;
    } legal[] = {
        {AQ_V2_X, ACL_FLOAT16}, {AQ_V2_WEIGHT, ACL_INT8}, {AQ_V2_OFFSET, ACL_INT32}, {AQ_V2_Y, ACL_FLOAT16}};
    for (size_t i = 0; call->fixpipe && i < sizeof legal / sizeof legal[0]; i++) {
        int t = legal[i].tensor;
        if (call->present[t] && call->view[t].dtype != legal[i].dtype)
            return refuse_dtype(call, t, AQ_DTYPE_BIT(legal[i].dtype),
                                "when antiquantScale is UINT64 or INT64", finding);
    }
    return false;
}

/* FP4 in ND has no scales but E8M0 (operators page 3.1). The offset of MX, of any dtype, falls to its own
 * check. */
bool aq_v2_breaks_scale_dtype(const aq_v2_call *call, aq_finding *finding)
{
    const aq_view *view = call->view;
    bool float4 = call->weight_dtype == ACL_FLOAT4_E2M1;
    if (call->fixpipe || (call->mx && float4))
        return false;
    if (float4 && !call->weight_is_nz)
        return refuse_dtype(call, AQ_V2_SCALE, AQ_DTYPE_BIT(ACL_FLOAT8_E8M0), "for FLOAT4 weights in ND",
                            finding);
    aq_dtype_set legal = AQ_DTYPE_BIT(view[AQ_V2_X].dtype);
    if (!aq_dtype_in(view[AQ_V2_SCALE].dtype, legal))
        return refuse_dtype(call, AQ_V2_SCALE, legal, "as x", finding);
    if (call->present[AQ_V2_OFFSET] && view[AQ_V2_OFFSET].dtype != view[AQ_V2_SCALE].dtype)
        return refuse_dtype(call, AQ_V2_OFFSET, legal, "as antiquantScale", finding);
    return false;
}

bool aq_v2_breaks_bias_dtype(const aq_v2_call *call, aq_finding *finding)
{
    if (!call->present[AQ_V2_BIAS])
        return false;
    const aq_profile *profile = call->profile;
    bool bf16 = call->view[AQ_V2_X].dtype == ACL_BF16;
    aq_dtype_set legal = bf16 ? profile->bias_of_bf16[call->weight_kind] : profile->bias_of_fp16;
    if (aq_dtype_in(call->view[AQ_V2_BIAS].dtype, legal))
        return false;
    char why[80];
    snprintf(why, sizeof why, "for %s x with this weight on profile %s", bf16 ? "BF16" : "FLOAT16",
             profile->name);
    return refuse_dtype(call, AQ_V2_BIAS, legal, why, finding);
}

/* quantOffset's dtype is not checked: operators page 3.1. */
bool aq_v2_breaks_quant_dtype(const aq_v2_call *call, aq_finding *finding)
{
    if (!call->present[AQ_V2_QUANT_SCALE]) {
        if (!call->present[AQ_V2_QUANT_OFFSET])
            return false;
        finding->argument = aq_v2_tensor_names[AQ_V2_QUANT_OFFSET];
        aq_say_rule(finding, "must be null when quantScaleOptional is null");
        aq_say_actual(finding, "not null");
        aq_say_nearest(finding, "null");
        return true;
    }
    aq_dtype_set words = AQ_DTYPE_BIT(ACL_UINT64) | AQ_DTYPE_BIT(ACL_INT64);
    return !aq_dtype_in(call->view[AQ_V2_QUANT_SCALE].dtype, words) &&
           refuse_dtype(call, AQ_V2_QUANT_SCALE, words, "(words of aclnnTransQuantParamV2)", finding);
}
