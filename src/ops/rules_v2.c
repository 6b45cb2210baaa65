/* SPDX-License-Identifier: Apache-2.0 */
/* rules_v2.c - the checks of operators page 3.3 as one table, in the order in which they decide status and
 * message; the library, the dry run and docs/SUPPORT.md share it. A rule looks at the captured call only. */
#include "ops/rules_v2.h"

#include "aclnn/aclnn_base.h"

#define NULLPTR ACLNN_ERR_PARAM_NULLPTR
#define INVALID ACLNN_ERR_PARAM_INVALID

#define CHECK(number, name) "operators page 3.3, check " #number ": " name

static const aq_v2_rule rules[] = {
    {CHECK(1, "entry point"), ACLNN_ERR_RUNTIME_ERROR, "The entry point exists on the profile.",
     aq_v2_breaks_entry, NULL},
    {CHECK(2, "null"), NULLPTR,
     "x, weight, antiquantScale and y, then workspaceSize and executor, are not null.", aq_v2_breaks_nulls,
     aq_v2_derive_forms},
    {CHECK(3, "no quantisation"), NULLPTR,
     "quantScale and quantOffset are null where the profile has no INT8 output.", aq_v2_breaks_no_quant,
     NULL},
    {CHECK(4, "weight format"), INVALID, "The weight has a format of the entry point.",
     aq_v2_breaks_weight_format, NULL},
    {CHECK(4, "innerPrecise"), INVALID, "innerPrecise is 0 or 1.", aq_v2_breaks_inner_precise, NULL},
    {CHECK(4, "size"), INVALID,
     "No dim is negative, and no tensor and no stride leads beyond an address space.", aq_v2_breaks_size,
     NULL},
    {CHECK(4, "layout"), INVALID,
     "x and weight are contiguous or transposed; antiquantScale and antiquantOffset are contiguous, or "
     "anything "
     "where weight is transposed; y, quantScale, quantOffset and bias are contiguous.",
     aq_v2_breaks_layout, NULL},
    {CHECK(4, "packed rank"), INVALID, "A weight of packed words has rank 2.", aq_v2_breaks_packed_rank,
     NULL},
    {CHECK(4, "dtype"), INVALID, "x, weight, antiquantScale and y have dtypes of the profile.",
     aq_v2_breaks_dtypes, NULL},
    {CHECK(4, "INT8 y"), INVALID, "y is INT8 exactly when quantScale is given.", aq_v2_breaks_int8_y, NULL},
    {CHECK(4, "NZ dtype"), INVALID, "An NZ weight is INT8, 4-bit integers or FLOAT4.", aq_v2_breaks_nz_dtype,
     NULL},
    {CHECK(4, "rank"), INVALID, "x, weight and y have ranks of the profile.", aq_v2_breaks_ranks,
     aq_v2_derive_sizes},
    {CHECK(4, "INT32 offset"), INVALID,
     "An INT32 antiquantOffset comes with a UINT64 or INT64 antiquantScale.", aq_v2_breaks_int32_offset,
     NULL},
    {CHECK(4, "fixpipe dtype"), INVALID,
     "With a UINT64 or INT64 antiquantScale x and y are FLOAT16, weight INT8, antiquantOffset null or INT32.",
     aq_v2_breaks_fixpipe_dtypes, NULL},
    {CHECK(4, "scale dtype"), INVALID,
     "Any other antiquantScale has the dtype of x (E8M0 for MX), antiquantOffset that of antiquantScale.",
     aq_v2_breaks_scale_dtype, NULL},
    {CHECK(4, "bias dtype"), INVALID, "bias has the dtype that goes with x and weight.",
     aq_v2_breaks_bias_dtype, NULL},
    {CHECK(4, "format"), INVALID,
     "x, bias and y have plain formats; antiquantScale, antiquantOffset, quantScale and quantOffset are ND.",
     aq_v2_breaks_formats, NULL},
    {CHECK(4, "parameter rank"), INVALID, "All other tensors have rank 1 or 2.", aq_v2_breaks_parameter_ranks,
     NULL},
    {CHECK(4, "quantScale"), INVALID, "quantOffset comes with quantScale; quantScale is UINT64 or INT64.",
     aq_v2_breaks_quant_dtype, NULL},
    {CHECK(4, "k"), INVALID, "x and weight have the same k.", aq_v2_breaks_k, NULL},
    {CHECK(4, "empty"), INVALID, "m, k, n and batch dims are at least 1.", aq_v2_breaks_empty, NULL},
    {CHECK(4, "limit"), INVALID, "m, k and n are within the profile's limits.", aq_v2_breaks_limits, NULL},
    {CHECK(4, "even axis"), INVALID, "The inner axis of a 4-bit weight in memory is even.",
     aq_v2_breaks_even_axis, NULL},
    {CHECK(4, "y shape"), INVALID, "The last two dims of y are (m,n).", aq_v2_breaks_y_shape, NULL},
    {CHECK(4, "batch"), INVALID, "Batch dims of x and weight broadcast to those of y.", aq_v2_breaks_batch,
     NULL},
    {CHECK(4, "group size"), INVALID, "antiquantGroupSize is 0 or one of the profile's.",
     aq_v2_breaks_group_size, NULL},
    {CHECK(4, "scale shape"), INVALID, "antiquantScale has the shape of its mode.", aq_v2_breaks_scale_shape,
     NULL},
    {CHECK(4, "offset shape"), INVALID, "antiquantOffset has antiquantScale's shape.",
     aq_v2_breaks_offset_shape, aq_v2_derive_scale},
    {"operators page 3.1: scale layout", INVALID,
     "A 2-D antiquantScale is transposed exactly like the weight where the profile says so.",
     aq_v2_breaks_scale_layout, NULL},
    {CHECK(4, "float weight"), INVALID,
     "FP8 weights are per channel, E8M0 scales go with group size 32, float weights have no offset.",
     aq_v2_breaks_float_weight, NULL},
    {CHECK(4, "quant shape"), INVALID, "quantScale is (1), (n) or (1,n), quantOffset has its shape.",
     aq_v2_breaks_quant_shape, NULL},
    {CHECK(4, "bias shape"), INVALID, "bias is (n) or (1,n).", aq_v2_breaks_bias_shape, NULL},
    {CHECK(4, "NZ"), INVALID, "An NZ weight is within the profile's limits for NZ.", aq_v2_breaks_nz, NULL},
    {CHECK(4, "x contiguous"), INVALID, "x is contiguous where the profile says so.",
     aq_v2_breaks_x_contiguous, NULL},
    {CHECK(4, "fixpipe limits"), INVALID,
     "With a UINT64 or INT64 antiquantScale weight is ND and transposed, x is not, scales are per channel, k "
     "and "
     "n are multiples of 64, m <= 96.",
     aq_v2_breaks_fixpipe_limits, aq_v2_derive_weight},
};

size_t aq_v2_rule_count(void)
{
    return sizeof rules / sizeof rules[0];
}

const aq_v2_rule *aq_v2_rule_at(size_t index)
{
    return &rules[index];
}

const aq_v2_rule *aq_v2_judge(aq_v2_call *call, aq_finding *finding)
{
    for (size_t i = 0; i < aq_v2_rule_count(); i++) {
        aq_finding_begin(finding);
        if (rules[i].breaks(call, finding))
            return &rules[i];
        if (rules[i].then != NULL)
            rules[i].then(call);
    }
    return NULL;
}

int aq_v2_check(const char *function, aq_v2_call *call)
{
    aq_finding finding;
    const aq_v2_rule *broken = aq_v2_judge(call, &finding);
    return broken == NULL ? 0 : aq_refuse_finding(broken->status, function, broken->page, &finding);
}
