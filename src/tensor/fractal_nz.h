/* SPDX-License-Identifier: Apache-2.0 */
/* fractal_nz.h - the geometry of FRACTAL_NZ (companions page 2.4): where an element of a matrix is. Numbers
 * only; knows no data and no operator.
 *
 * A matrix of rows x columns is stored as [ceil(columns / c0), ceil(rows / 16), 16, c0], padded with zeros:
 * columns are cut into blocks of c0, and a block is a dense array of rows of c0 elements. So element (r, c)
 * is at (c / c0) * block_stride + r * c0 + c % c0. */
#ifndef AQ_TENSOR_FRACTAL_NZ_H
#define AQ_TENSOR_FRACTAL_NZ_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/tensor.h"

#define AQ_NZ_ROWS     16 /* rows are padded to a multiple of this */
#define AQ_NZ_MAX_RANK 6  /* of the view: storage has two dims more */

/* Distances count elements (nibbles for INT4, words for INT32 that holds eight int4). */
typedef struct aq_nz {
    int64_t rows, columns; /* of the stored matrix */
    int64_t c0;
    int64_t block_stride; /* from one block of columns to the next: padded rows * c0 */
    int64_t batch_stride; /* from one matrix to the next: all its blocks */
    int64_t batches;      /* product of the view's leading dims */
    bool transposed;      /* the view is (columns, rows) of the stored matrix */
} aq_nz;

/* Elements of a row of a block when the storage does not say otherwise; 0: the type has no such form. The one
 * place that knows what chips differ in. */
int64_t aq_nz_c0(aclDataType dtype);

/* Whether the storage's last dim counts as c0 of a weight when all dims fit; otherwise aq_nz_c0 holds. */
bool aq_nz_c0_may_be(aclDataType dtype, int64_t c0);

/* view: rank 2 to 6, no negative dim; its strides matter only as the mark of a transpose. false: the rank, a
 * dim, or a storage so large, or with so large an offset, that its bytes do not fit 64 bits. c0 > 0. */
bool aq_nz_make(const aq_view *view, int64_t c0, aq_nz *nz);

/* The last of the storage's dims when they are exactly what the formula gives for view; else 0. */
int64_t aq_nz_stored_c0(const aclTensor *tensor, const aq_view *view);

/* How a weight of that view is stored: aq_nz_make with the c0 of its storage, where that may be one, else of
 * its type. false: as aq_nz_make, or the type has no such form. */
bool aq_nz_of(const aclTensor *tensor, const aq_view *view, aq_nz *nz);

/* [..., ceil(columns / c0), ceil(rows / 16), 16, c0]: view->rank + 2 dims, which is also what is returned.
 * view: the one nz was made of. */
uint64_t aq_nz_storage_dims(const aq_view *view, const aq_nz *nz, int64_t dims[AQ_NZ_MAX_RANK + 2]);

/* Blocks of columns in one matrix. */
static inline int64_t aq_nz_blocks(const aq_nz *nz)
{
    return nz->columns / nz->c0 + (nz->columns % nz->c0 != 0);
}

/* Elements of the storage, padding included. */
static inline int64_t aq_nz_elements(const aq_nz *nz)
{
    return nz->batches * nz->batch_stride;
}

/* Of the stored matrix's element, from the matrix's first. */
static inline int64_t aq_nz_address(const aq_nz *nz, int64_t row, int64_t column)
{
    return column / nz->c0 * nz->block_stride + row * nz->c0 + column % nz->c0;
}

#endif
