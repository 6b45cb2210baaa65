/* SPDX-License-Identifier: Apache-2.0 */
/* matmul_v1.c - a call of aclnnWeightQuantBatchMatmul, captured from tensors and translated into a problem.
 */
#include "ops/matmul_v1.h"

#include <string.h>

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

/* Strides of a stored matrix, broadcast (stride 0 for a dim of 1) to the batch dims of out; swapped for a
 * transpose flag. */
static aq_matrix_layout layout_of(const aq_view *view, bool transpose, int batch_rank, bool broadcast_matrix)
{
    aq_matrix_layout layout = {.row = 0};
    int64_t strides[AQ_MAX_RANK] = {0}; /* from the end */
    for (uint64_t d = 0; d < view->rank; d++) {
        uint64_t at = view->rank - 1 - d;
        bool keep = view->dims[at] != 1 || (d < 2 && !broadcast_matrix);
        strides[d] = keep ? view->strides[at] : 0;
    }
    layout.row = strides[transpose ? 0 : 1];
    layout.column = strides[transpose ? 1 : 0];
    for (int d = 0; d < batch_rank; d++)
        layout.batch[batch_rank - 1 - d] = strides[d + 2];
    return layout;
}

static aq_vector_layout vector_of(const aq_view *view, bool present)
{
    aq_vector_layout layout = {.present = present, .single = true};
    for (uint64_t d = 0; present && d < view->rank; d++) {
        if (view->dims[d] == 1)
            continue;
        layout.single = false;
        layout.dims[layout.rank] = view->dims[d];
        layout.strides[layout.rank++] = view->strides[d];
    }
    return layout;
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
    problem->x = layout_of(&view[AQ_V1_X1], call->transpose_x1, batch_rank, false);
    problem->weight = layout_of(&view[AQ_V1_X2], call->transpose_x2, batch_rank, false);
    problem->out = layout_of(&view[AQ_V1_OUT], false, batch_rank, false);
    problem->bias = vector_of(&view[AQ_V1_BIAS], call->present[AQ_V1_BIAS]);
    if (call->fixpipe) {
        problem->deq_offset = vector_of(&view[AQ_V1_DEQ_OFFSET], true);
        problem->deq_scale = vector_of(&view[AQ_V1_DEQ_SCALE], true);
        problem->diagonal_row = view[AQ_V1_DIAGONAL].strides[0];
        problem->diagonal_column = view[AQ_V1_DIAGONAL].strides[1];
        return;
    }
    problem->shift = call->antiquant_offset;
    problem->factor = call->antiquant_scale;
    problem->add_present = call->present[AQ_V1_ADD_OFFSET];
    problem->mul_present = call->present[AQ_V1_MUL_SCALE];
    if (problem->add_present)
        problem->add = layout_of(&view[AQ_V1_ADD_OFFSET], call->transpose_x2, batch_rank, true);
    if (problem->mul_present)
        problem->mul = layout_of(&view[AQ_V1_MUL_SCALE], call->transpose_x2, batch_rank, true);
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
