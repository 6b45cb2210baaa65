/* SPDX-License-Identifier: Apache-2.0 */
/* cast_side.c - walks a strided array run by run along its last dim. */
#include "ops/cast_side.h"

#include <string.h>

#include "base/checked.h"
#include "tensor/dtype.h"

bool aq_cast_side_of(const aq_view *view, aq_cast_side *side)
{
    memset(side, 0, sizeof *side);
    side->size = aq_dtype_size(view->dtype);
    if (!aq_view_reach_fits(view))
        return false;
    for (uint64_t d = 0; d < view->rank; d++) {
        int64_t dim = view->dims[d], outer;
        if (dim == 1)
            continue;
        int64_t stride = view->strides[d] * (int64_t)side->size; /* fits, as dim - 1 >= 1 of them do */
        int last = side->rank - 1;
        if (last >= 0 && aq_mul_i64(stride, dim, &outer) && side->strides[last] == outer)
            side->dims[last] *= dim;
        else
            side->dims[++last] = dim;
        side->strides[last] = stride;
        side->rank = last + 1;
    }
    return true;
}

bool aq_cast_side_dense(const aq_cast_side *side)
{
    return side->rank == 0 || (side->rank == 1 && side->strides[0] == (int64_t)side->size);
}

/* Where a walk is: the index in each dim, and the bytes from base. */
typedef struct position {
    int64_t index[AQ_MAX_RANK];
    int64_t bytes;
} position;

static position locate(const aq_cast_side *side, int64_t element)
{
    position at = {.bytes = 0};
    for (int d = side->rank - 1; d >= 0; d--) {
        at.index[d] = element % side->dims[d];
        at.bytes += at.index[d] * side->strides[d];
        element /= side->dims[d];
    }
    return at;
}

/* Elements to the end of the last dim. */
static int64_t run_length(const aq_cast_side *side, const position *at)
{
    return side->rank == 0 ? 1 : side->dims[side->rank - 1] - at->index[side->rank - 1];
}

static int64_t run_stride(const aq_cast_side *side)
{
    return side->rank == 0 ? (int64_t)side->size : side->strides[side->rank - 1];
}

/* To the end of the current run, which is the first element of the next. */
static void next_run(const aq_cast_side *side, position *at)
{
    int last = side->rank - 1;
    at->bytes -= at->index[last] * side->strides[last];
    at->index[last] = 0;
    for (int d = last - 1; d >= 0; d--) {
        if (++at->index[d] < side->dims[d]) {
            at->bytes += side->strides[d];
            return;
        }
        at->bytes -= (side->dims[d] - 1) * side->strides[d];
        at->index[d] = 0;
    }
}

#define COPY_STRIDED(bytes)                                                                                  \
    for (int64_t i = 0; i < count; i++)                                                                      \
        memcpy(to + i * to_stride, from + i * from_stride, bytes);                                           \
    break

static void copy_run(size_t size, const char *from, int64_t from_stride, char *to, int64_t to_stride,
                     int64_t count)
{
    if (from_stride == (int64_t)size && to_stride == (int64_t)size) {
        memcpy(to, from, (size_t)count * size);
        return;
    }
    switch (size) { /* copies of a constant size are one load and one store */
    case 1:
        COPY_STRIDED(1);
    case 2:
        COPY_STRIDED(2);
    case 4:
        COPY_STRIDED(4);
    default:
        COPY_STRIDED(8);
    }
}

void aq_cast_gather(const aq_cast_side *side, const void *base, int64_t first, int64_t count, void *block)
{
    position at = locate(side, first);
    for (char *to = block;;) {
        int64_t run = aq_min_i64(run_length(side, &at), count);
        copy_run(side->size, (const char *)base + at.bytes, run_stride(side), to, (int64_t)side->size, run);
        if ((count -= run) == 0)
            return;
        to += (size_t)run * side->size;
        next_run(side, &at);
    }
}

void aq_cast_scatter(const aq_cast_side *side, void *base, int64_t first, int64_t count, const void *block)
{
    position at = locate(side, first);
    for (const char *from = block;;) {
        int64_t run = aq_min_i64(run_length(side, &at), count);
        copy_run(side->size, from, (int64_t)side->size, (char *)base + at.bytes, run_stride(side), run);
        if ((count -= run) == 0)
            return;
        from += (size_t)run * side->size;
        next_run(side, &at);
    }
}
