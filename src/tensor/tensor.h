/* SPDX-License-Identifier: Apache-2.0 */
/* tensor.h - aclTensor: a counted description of a strided array. The tensor never owns its data.
 *
 * A tensor may be destroyed by its creator while executors still hold it; it goes when the last holder lets
 * go. Descriptions are immutable but for aclInitTensor, the data pointer, and the operators that say they
 * change them. */
#ifndef AQ_TENSOR_TENSOR_H
#define AQ_TENSOR_TENSOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aclnn/acl_meta.h"

#define AQ_MAX_RANK 8 /* operator page 1.3, check 3 */

/* Counts of dims beyond this are taken for garbage, which must not be followed into the caller's memory. */
#define AQ_MAX_GIVEN_DIMS 65536

struct aclTensor {
    atomic_uint holders;
    aclDataType dtype;
    aclFormat format;
    uint64_t view_rank, storage_rank; /* as given, up to AQ_MAX_GIVEN_DIMS */
    int64_t *view_dims;               /* view_rank dims, then view_rank strides, then storage_rank dims */
    int64_t *strides; /* elements; contiguous when the caller passed none, INT64_MAX where that overflows */
    int64_t *storage_dims;
    int64_t offset; /* elements (nibbles for INT4) from data to the first element of the view */
    void *_Atomic data;
};

/* Looks a pointer from a caller up and adds a holder when it is a live tensor. false: null, never one, or
 * destroyed already; nothing was dereferenced. */
bool aq_tensor_acquire(const aclTensor *tensor);
/* Adds a holder to a tensor that the caller of this function holds already. */
void aq_tensor_retain(aclTensor *tensor);
/* Takes one away; frees the description (not the data) with the last. */
void aq_tensor_release(aclTensor *tensor);

/* What aclDestroyTensor does: false when tensor is null or not live, and then nothing happens. */
bool aq_tensor_end(const aclTensor *tensor);

/* Changes what the storage is; the view stays. For operators that work in place: no other thread may use the
 * tensor meanwhile. false: out of memory, nothing changed. */
bool aq_tensor_set_storage(aclTensor *tensor, aclFormat format, const int64_t *dims, uint64_t rank);
/* Likewise the type of its elements. */
void aq_tensor_set_dtype(aclTensor *tensor, aclDataType dtype);

/* What operators look at: a copy of the description, without the data pointer. rank > AQ_MAX_RANK keeps only
 * the number: dims and strides are then not filled in. */
typedef struct aq_view {
    aclDataType dtype;
    aclFormat format;
    uint64_t rank;
    int64_t dims[AQ_MAX_RANK];
    int64_t strides[AQ_MAX_RANK];
    int64_t offset;
} aq_view;

void aq_view_of(const aclTensor *tensor, aq_view *view);

/* Product of the dims; 1 for rank 0. false: a dim is negative, rank is over the limit, or it does not fit. */
bool aq_view_elements(const aq_view *view, int64_t *elements);

/* Row-major without gaps. Dims of 1 may have any stride; a view of at most one element is contiguous. The
 * view is one that aq_view_elements takes. */
bool aq_view_contiguous(const aq_view *view);

/* The transpose of its last two dims is row-major (operators page 3.2): rank 2 to 6, stride[-2] == 1,
 * stride[-1] == dim[-2], batches dense, and not 1 x 1. May hold of a contiguous view too. */
bool aq_view_transposed(const aq_view *view);

/* Whether offset and strides lead from the data to every element by distances that fit 64 bits in bytes (INT4
 * counts as a byte); true of a view without elements. Rank within the limit. */
bool aq_view_reach_fits(const aq_view *view);

/* "(3,4)" into text, for messages; texts that do not fit end in "...", ranks over the
 * limit read "rank 9". size >= 8. Returns text. */
char *aq_view_shape_text(const aq_view *view, char *text, size_t size);

/* First element of the view when its data begins at base: base + offset * element size; for INT4 the byte
 * that contains it (an odd offset means its high nibble). */
void *aq_view_address(const aq_view *view, void *base);

#endif
