/* SPDX-License-Identifier: Apache-2.0 */
/* rules_v2.h - the predicates behind the table of rules_v2.c, by theme, and the small words they share. */
#ifndef AQ_OPS_RULES_V2_H
#define AQ_OPS_RULES_V2_H

#include "ops/matmul_v2.h"

typedef bool aq_v2_predicate(const aq_v2_call *call, aq_finding *finding);

/* rules_v2_layouts.c: what is there, formats, strides */
aq_v2_predicate aq_v2_breaks_entry, aq_v2_breaks_nulls, aq_v2_breaks_no_quant, aq_v2_breaks_weight_format,
    aq_v2_breaks_inner_precise, aq_v2_breaks_size, aq_v2_breaks_layout, aq_v2_breaks_formats,
    aq_v2_breaks_scale_layout, aq_v2_breaks_x_contiguous;

/* rules_v2_dtypes.c */
aq_v2_predicate aq_v2_breaks_dtypes, aq_v2_breaks_int8_y, aq_v2_breaks_nz_dtype, aq_v2_breaks_int32_offset,
    aq_v2_breaks_fixpipe_dtypes, aq_v2_breaks_scale_dtype, aq_v2_breaks_bias_dtype, aq_v2_breaks_quant_dtype;

/* rules_v2_shapes.c */
aq_v2_predicate aq_v2_breaks_packed_rank, aq_v2_breaks_ranks, aq_v2_breaks_parameter_ranks,
    aq_v2_breaks_y_shape, aq_v2_breaks_batch, aq_v2_breaks_scale_shape, aq_v2_breaks_offset_shape,
    aq_v2_breaks_quant_shape, aq_v2_breaks_bias_shape;

/* rules_v2_limits.c: numbers */
aq_v2_predicate aq_v2_breaks_k, aq_v2_breaks_empty, aq_v2_breaks_limits, aq_v2_breaks_even_axis,
    aq_v2_breaks_group_size, aq_v2_breaks_float_weight, aq_v2_breaks_nz, aq_v2_breaks_fixpipe_limits;

/* rules_v2_derive.c: what a call is known to be. The tensors are there; their ranks may be anything. */
void aq_v2_derive_forms(aq_v2_call *call);
/* x and weight have their last two dims. */
void aq_v2_derive_sizes(aq_v2_call *call);
/* antiquantScale, and the offset if any, have their shapes. */
void aq_v2_derive_scale(aq_v2_call *call);
/* All rules hold. */
void aq_v2_derive_weight(aq_v2_call *call);
/* Geometry of an NZ weight. false: its storage does not fit 64 bits. */
bool aq_v2_nz_of(const aq_v2_call *call, aq_nz *nz);

/* dims counted from the end; the rank is known to reach */
static inline int64_t aq_v2_dim(const aq_view *view, uint64_t from_end)
{
    return view->dims[view->rank - 1 - from_end];
}

static inline bool aq_v2_is_4bit(aclDataType dtype)
{
    return dtype == ACL_INT4 || dtype == ACL_FLOAT4_E2M1;
}

static inline bool aq_v2_is_float8(aclDataType dtype)
{
    return dtype == ACL_FLOAT8_E4M3FN || dtype == ACL_HIFLOAT8;
}

#endif
