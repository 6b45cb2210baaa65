/* SPDX-License-Identifier: Apache-2.0 */
/* matmul_v1.c - a call of aclnnWeightQuantBatchMatmul, captured from tensors and translated into a problem.
 */
#include "ops/matmul_v1.h"

#include <string.h>

#include "ops/layout.h"
#include "tensor/packed.h"

void aq_v1_capture(const aclTensor *const tensors[AQ_V1_TENSORS], bool transpose_x1, aq_v1_call *call)
{
    memset(call, 0, sizeof *call);
    for (int t = 0; t < AQ_V1_TENSORS; t++) {
        call->present[t] = tensors[t] != NULL;
        if (call->present[t])
            aq_view_of(tensors[t], &call->view[t]);
    }
    call->transpose_x1 = transpose_x1;
    const aclTensor *x1 = tensors[AQ_V1_X1];
    if (x1 != NULL && x1->view_rank >= 2)
        call->rows = x1->view_dims[x1->view_rank - (transpose_x1 ? 1 : 2)];
}

void aq_v1_problem(const aq_v1_call *call, aq_problem *problem)
{
    const aq_view *view = call->view;
    memset(problem, 0, sizeof *problem);
    problem->recipe = call->fixpipe ? AQ_RECIPE_FIXPIPE : AQ_RECIPE_COMPOSED;
    problem->m = call->m;
    problem->n = call->n;
    problem->k = call->k;
    int batch_rank = problem->batch_rank = (int)view[AQ_V1_OUT].rank - 2;
    memcpy(problem->batch_dims, view[AQ_V1_OUT].dims, (size_t)batch_rank * sizeof(int64_t));
    problem->x = aq_layout_of(&view[AQ_V1_X1], call->transpose_x1, batch_rank, false);
    problem->weight = aq_layout_of(&view[AQ_V1_X2], call->transpose_x2, batch_rank, false);
    if (aq_format_is_packed(view[AQ_V1_X2].format))
        aq_layout_packed(&view[AQ_V1_X2], call->transpose_x2, problem);
    problem->out = aq_layout_of(&view[AQ_V1_OUT], false, batch_rank, false);
    problem->bias_type = AQ_NUMBER_F32;
    problem->round_bias = !call->fixpipe;
    problem->bias = aq_vector_of(&view[AQ_V1_BIAS], call->present[AQ_V1_BIAS]);
    if (call->fixpipe) {
        problem->deq_offset = aq_vector_of(&view[AQ_V1_DEQ_OFFSET], true);
        problem->deq_scale = aq_vector_of(&view[AQ_V1_DEQ_SCALE], true);
        problem->diagonal_present = true;
        problem->diagonal_row = view[AQ_V1_DIAGONAL].strides[0];
        problem->diagonal_column = view[AQ_V1_DIAGONAL].strides[1];
        return;
    }
    problem->shift = call->antiquant_offset;
    problem->factor = call->antiquant_scale;
    problem->add_present = call->present[AQ_V1_ADD_OFFSET];
    problem->mul_present = call->present[AQ_V1_MUL_SCALE];
    if (problem->add_present)
        problem->add = aq_layout_of(&view[AQ_V1_ADD_OFFSET], call->transpose_x2, batch_rank, true);
    if (problem->mul_present)
        problem->mul = aq_layout_of(&view[AQ_V1_MUL_SCALE], call->transpose_x2, batch_rank, true);
}

uint32_t aq_v1_used(const aq_v1_call *call)
{
    uint32_t used = 0;
    if (call->empty)
        return used;
    used |= 1u << AQ_V1_OUT;
    if (call->present[AQ_V1_BIAS])
        used |= 1u << AQ_V1_BIAS;
    if (call->k == 0)
        return used;
    used |= 1u << AQ_V1_X1 | 1u << AQ_V1_X2;
    if (call->fixpipe)
        return used | 1u << AQ_V1_DIAGONAL | 1u << AQ_V1_DEQ_OFFSET | 1u << AQ_V1_DEQ_SCALE;
    if (call->present[AQ_V1_ADD_OFFSET])
        used |= 1u << AQ_V1_ADD_OFFSET;
    if (call->present[AQ_V1_MUL_SCALE])
        used |= 1u << AQ_V1_MUL_SCALE;
    return used;
}
