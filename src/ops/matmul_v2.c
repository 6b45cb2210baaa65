/* SPDX-License-Identifier: Apache-2.0 */
/* matmul_v2.c - a call of aclnnWeightQuantBatchMatmulV2, V3 or Nz, captured from tensors. */
#include "ops/matmul_v2.h"

#include <string.h>

const char *const aq_v2_tensor_names[AQ_V2_TENSORS] = {"x",
                                                       "weight",
                                                       "antiquantScale",
                                                       "antiquantOffsetOptional",
                                                       "quantScaleOptional",
                                                       "quantOffsetOptional",
                                                       "biasOptional",
                                                       "y"};

void aq_v2_drop_empty_bias(aq_v2_call *call)
{
    const aq_view *bias = &call->view[AQ_V2_BIAS];
    if (bias->rank == 1 && bias->dims[0] == 0)
        call->present[AQ_V2_BIAS] = false;
}

void aq_v2_capture(const aclTensor *const tensors[AQ_V2_TENSORS], aq_v2_call *call)
{
    memset(call, 0, sizeof *call);
    for (int t = 0; t < AQ_V2_TENSORS; t++) {
        call->present[t] = tensors[t] != NULL;
        if (call->present[t])
            aq_view_of(tensors[t], &call->view[t]);
    }
    aq_v2_drop_empty_bias(call);
    const aclTensor *weight = tensors[AQ_V2_WEIGHT];
    if (weight != NULL && weight->storage_rank <= AQ_MAX_RANK) {
        call->storage_rank = weight->storage_rank;
        memcpy(call->storage_dims, weight->storage_dims, weight->storage_rank * sizeof call->storage_dims[0]);
    }
}

uint32_t aq_v2_used(const aq_v2_call *call)
{
    uint32_t used = 0;
    for (int t = 0; t < AQ_V2_TENSORS; t++)
        if (call->present[t] && t != AQ_V2_QUANT_OFFSET)
            used |= 1u << t;
    return used;
}
