/* SPDX-License-Identifier: Apache-2.0 */
/* matmul_v2_problem.c - a checked call of V2, V3 or Nz as a problem: page 3.4's recipe over groups, or, with
 * quantisation words for scales, the fixpipe recipe of V1. */
#include <string.h>

#include "ops/layout.h"
#include "ops/matmul_v2.h"
#include "tensor/packed.h"

static aq_number number_of(aclDataType dtype)
{
    switch (dtype) {
    case ACL_BF16:
        return AQ_NUMBER_BF16;
    case ACL_FLOAT:
        return AQ_NUMBER_F32;
    case ACL_INT8:
        return AQ_NUMBER_S8;
    default:
        return AQ_NUMBER_F16;
    }
}

static aq_weight_type weight_type_of(aclDataType dtype)
{
    switch (dtype) {
    case ACL_INT4:
        return AQ_S4;
    case ACL_FLOAT8_E4M3FN:
        return AQ_F8E4M3;
    case ACL_HIFLOAT8:
        return AQ_HIF8;
    case ACL_FLOAT4_E2M1:
        return AQ_F4E2M1;
    default:
        return AQ_S8;
    }
}

static void describe_weight(const aq_v2_call *call, aq_problem *problem)
{
    const aq_view *view = &call->view[AQ_V2_WEIGHT];
    problem->weight_type = weight_type_of(call->weight_dtype);
    problem->weight = aq_layout_of(view, false, problem->batch_rank, false); /* for the batch strides */
    /* executors hand out byte addresses: what an INT4 view's odd offset leaves is one nibble */
    problem->weight_first = view->dtype == ACL_INT4 || view->dtype == ACL_FLOAT4_E2M1 ? view->offset & 1 : 0;
    if (aq_format_is_packed(view->format)) {
        aq_layout_packed(view, false, problem);
        if (call->n == 1 && !call->weight_transposed)
            problem->weight.column = 1; /* the stride of a dim of 1 does not count here: order P */
        return;
    }
    if (!call->weight_is_nz) {
        problem->weight.row = call->weight_strides[0];
        problem->weight.column = call->weight_strides[1];
        return;
    }
    const aq_nz *nz = &call->weight_nz;
    problem->weight.row = call->weight_transposed ? 1 : nz->c0;
    problem->weight.column = call->weight_transposed ? nz->c0 : 1;
    problem->weight_block = nz->c0;
    problem->weight_block_stride = nz->block_stride;
    /* matrices of a batch lie one after the other; a leading dim of 1 is broadcast */
    int64_t stride = nz->batch_stride;
    for (int d = problem->batch_rank - 1, at = (int)view->rank - 3; d >= 0; d--, at--) {
        int64_t dim = at >= 0 ? view->dims[at] : 1;
        problem->weight.batch[d] = dim == 1 ? 0 : stride;
        stride *= dim;
    }
}

static void describe_scaling(const aq_v2_call *call, aq_problem *problem)
{
    if (call->fixpipe) {
        problem->recipe = AQ_RECIPE_FIXPIPE;
        problem->deq_scale = aq_vector_of(&call->view[AQ_V2_SCALE], true);
        problem->deq_offset = aq_vector_of(&call->view[AQ_V2_OFFSET], call->present[AQ_V2_OFFSET]);
        return;
    }
    problem->recipe = AQ_RECIPE_SCALED;
    problem->scaled_offset_present = call->present[AQ_V2_OFFSET];
    problem->scaled = (aq_scaled){.half = problem->half,
                                  .group = call->granularity == AQ_PER_GROUP ? call->group_size : call->k,
                                  .e8m0 = call->mx,
                                  .scale_group = call->scale_strides[0],
                                  .scale_n = call->scale_strides[1],
                                  .offset_group = call->offset_strides[0],
                                  .offset_n = call->offset_strides[1]};
}

void aq_v2_problem(const aq_v2_call *call, aq_problem *problem)
{
    const aq_view *view = call->view;
    memset(problem, 0, sizeof *problem);
    problem->m = call->m;
    problem->n = call->n;
    problem->k = call->k;
    problem->half = view[AQ_V2_X].dtype == ACL_BF16 ? AQ_BF16 : AQ_F16;
    int batch_rank = problem->batch_rank = (int)view[AQ_V2_Y].rank - 2;
    memcpy(problem->batch_dims, view[AQ_V2_Y].dims, (size_t)batch_rank * sizeof(int64_t));
    problem->x = aq_layout_of(&view[AQ_V2_X], false, batch_rank, false);
    problem->out = aq_layout_of(&view[AQ_V2_Y], false, batch_rank, false);
    problem->out_type = number_of(view[AQ_V2_Y].dtype);
    describe_weight(call, problem);
    describe_scaling(call, problem);
    problem->bias = aq_vector_of(&view[AQ_V2_BIAS], call->present[AQ_V2_BIAS]);
    problem->bias_type = number_of(view[AQ_V2_BIAS].dtype);
    problem->quant_scale = aq_vector_of(&view[AQ_V2_QUANT_SCALE], call->present[AQ_V2_QUANT_SCALE]);
}
