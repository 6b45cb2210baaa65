/* SPDX-License-Identifier: Apache-2.0 */
/* tensor.h - aclTensor: a counted description of a strided array. The tensor never owns its data.
 *
 * A tensor may be destroyed by its creator while executors still hold it; it goes when the last holder lets
 * go. Descriptions are immutable but for aclInitTensor and the data pointer. */
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

/* "(3,4)" into text, for messages; texts that do not fit end in "...", ranks over the
 * limit read "rank 9". size >= 8. Returns text. */
char *aq_view_shape_text(const aq_view *view, char *text, size_t size);

/* First element of the view when its data begins at base: base + offset * element size; for INT4 the byte
 * that contains it (an odd offset means its high nibble). */
void *aq_view_address(const aq_view *view, void *base);

#endif
