/* SPDX-License-Identifier: Apache-2.0 */
/* packed.h - the geometry of a weight that aq_pack_weight has packed (docs/PACKING.md): where an element of a
 * matrix is. Numbers only; knows no data and no operator.
 *
 *   n contiguous (order P)  [panel of columns][k][column of the panel]: what a kernel takes at a time is one
 *                           run of memory; a row of a panel is a line of 64 bytes
 *   k contiguous (order T)  [column][k], a column padded to an odd number of lines: columns begin at lines,
 *                           and neighbours fall into different sets of the caches
 *
 * The view is the source's: its strides say which of the two. Matrices of a batch lie one after the other. */
#ifndef AQ_TENSOR_PACKED_H
#define AQ_TENSOR_PACKED_H

#include "tensor/tensor.h"

/* Distances count elements, of 8 or 4 bits. */
typedef struct aq_packed {
    int64_t k, n;               /* of one matrix, whole words undone */
    bool nibbles;               /* elements of 4 bits */
    bool along_k;               /* k is contiguous */
    int64_t stride_k, stride_n; /* within a panel; without panels in all of it */
    int64_t panel;              /* columns of a panel; 0: no panels */
    int64_t panel_stride;       /* from one to the next */
    int64_t matrix, batches;    /* from one matrix to the next; how many */
    int64_t bytes;              /* of all, with padding */
} aq_packed;

/* Whether it is one of the two formats of antiquant.h. */
bool aq_format_is_packed(aclFormat format);

/* view: INT8, INT4, or INT32 that holds eight int4; rank 2 to AQ_MAX_RANK, no negative dim. transpose: its
 * matrices are (n,k), else (k,n). false: a distance or the bytes do not fit 64 bits. */
bool aq_packed_of(const aq_view *view, bool transpose, aq_packed *packed);

#endif
