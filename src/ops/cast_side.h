/* SPDX-License-Identifier: Apache-2.0 */
/* cast_side.h - one side of a cast, self or out: a strided array read or written in the order of its logical
 * elements, any run of them at a time. Knows sizes of elements, not their types. */
#ifndef AQ_OPS_CAST_SIDE_H
#define AQ_OPS_CAST_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

/* Dims of 1 are left out and dims that lie behind each other in memory are one, so a dense array has rank 0
 * or 1. */
typedef struct aq_cast_side {
    size_t size; /* bytes of an element: 1, 2, 4 or 8 */
    int rank;
    int64_t dims[AQ_MAX_RANK];
    int64_t strides[AQ_MAX_RANK]; /* bytes */
} aq_cast_side;

/* false: some element is so far from the data pointer that the distance in bytes does not fit 64 bits. view:
 * dims and their product are fine, no dim is 0. */
bool aq_cast_side_of(const aq_view *view, aq_cast_side *side);

/* One element behind the other, without gaps. */
bool aq_cast_side_dense(const aq_cast_side *side);

/* Copies the elements first ... first + count - 1 between the array, whose element 0 is at base, and block,
 * where they are dense. first + count is at most the number of elements, count > 0. */
void aq_cast_gather(const aq_cast_side *side, const void *base, int64_t first, int64_t count, void *block);
void aq_cast_scatter(const aq_cast_side *side, void *base, int64_t first, int64_t count, const void *block);

#endif
