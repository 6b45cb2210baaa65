/* SPDX-License-Identifier: Apache-2.0 */
/* layout.c - see layout.h. */
#include "ops/layout.h"

#include "tensor/packed.h"

aq_matrix_layout aq_layout_of(const aq_view *view, bool transpose, int batch_rank, bool broadcast_matrix)
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

void aq_layout_packed(const aq_view *view, bool transpose, aq_problem *problem)
{
    aq_packed packed;
    (void)aq_packed_of(view, transpose, &packed); /* fits: a rule */
    problem->weight.row = packed.stride_k;
    problem->weight.column = packed.stride_n;
    problem->weight_panel = packed.panel;
    problem->weight_panel_stride = packed.panel_stride;
    int64_t stride = packed.matrix;
    for (int d = problem->batch_rank - 1, at = (int)view->rank - 3; d >= 0; d--, at--) {
        int64_t dim = at >= 0 ? view->dims[at] : 1;
        problem->weight.batch[d] = dim == 1 ? 0 : stride;
        stride *= dim;
    }
}

aq_vector_layout aq_vector_of(const aq_view *view, bool present)
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
