/* SPDX-License-Identifier: Apache-2.0 */
/* layout.h - from a checked view to the strides that a problem holds. */
#ifndef AQ_OPS_LAYOUT_H
#define AQ_OPS_LAYOUT_H

#include "matmul/problem.h"
#include "tensor/tensor.h"

/* Strides of the view's last two dims (exchanged when transpose), and of its leading dims aligned to
 * batch_rank batch dims; a leading dim of 1 gets stride 0. broadcast_matrix: so does one of the last two. */
aq_matrix_layout aq_layout_of(const aq_view *view, bool transpose, int batch_rank, bool broadcast_matrix);

/* A vector of one element, or of all its elements in row-major order. view is not looked at when absent. */
aq_vector_layout aq_vector_of(const aq_view *view, bool present);

/* Where a packed weight's elements are, into problem, whose batch is known: strides, panels, and matrices one
 * after the other, a leading dim of 1 broadcast. The sizes are known to fit. */
void aq_layout_packed(const aq_view *view, bool transpose, aq_problem *problem);

#endif
