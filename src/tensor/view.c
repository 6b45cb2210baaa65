/* SPDX-License-Identifier: Apache-2.0 */
/* view.c - what operators look at instead of the tensor: sizes, addresses, words. Knows no rule of any
 * operator. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

void aq_view_of(const aclTensor *tensor, aq_view *view)
{
    *view = (aq_view){.dtype = tensor->dtype,
                      .format = tensor->format,
                      .rank = tensor->view_rank,
                      .offset = tensor->offset};
    if (view->rank > AQ_MAX_RANK)
        return;
    memcpy(view->dims, tensor->view_dims, view->rank * sizeof view->dims[0]);
    memcpy(view->strides, tensor->strides, view->rank * sizeof view->strides[0]);
}

bool aq_view_elements(const aq_view *view, int64_t *elements)
{
    if (view->rank > AQ_MAX_RANK)
        return false;
    bool empty = false;
    for (uint64_t i = 0; i < view->rank; i++) {
        if (view->dims[i] < 0)
            return false;
        empty = empty || view->dims[i] == 0;
    }
    int64_t product = empty ? 0 : 1; /* an empty view has 0 elements however large its other dims are */
    for (uint64_t i = 0; i < view->rank && !empty; i++)
        if (!aq_mul_i64(product, view->dims[i], &product))
            return false;
    *elements = product;
    return true;
}

/* The first count dims are row-major, with stride from one element of the innermost of them to the next. */
static bool dense(const aq_view *view, uint64_t count, int64_t stride)
{
    for (uint64_t i = count; i-- > 0;) {
        if (view->dims[i] != 1 && view->strides[i] != stride)
            return false;
        if (!aq_mul_i64(stride, view->dims[i], &stride))
            return false;
    }
    return true;
}

bool aq_view_contiguous(const aq_view *view)
{
    int64_t elements;
    if (aq_view_elements(view, &elements) && elements <= 1)
        return true;
    return view->rank <= AQ_MAX_RANK && dense(view, view->rank, 1);
}

bool aq_view_transposed(const aq_view *view)
{
    if (view->rank < 2 || view->rank > 6)
        return false;
    const int64_t *dims = view->dims + view->rank - 2, *strides = view->strides + view->rank - 2;
    int64_t matrix;
    return strides[0] == 1 && strides[1] == dims[0] && (dims[0] != 1 || dims[1] != 1) &&
           aq_mul_i64(dims[0], dims[1], &matrix) && dense(view, view->rank - 2, matrix);
}

char *aq_view_shape_text(const aq_view *view, char *text, size_t size)
{
    if (view->rank > AQ_MAX_RANK) {
        snprintf(text, size, "rank %" PRIu64, view->rank);
        return text;
    }
    char whole[AQ_MAX_RANK * 21 + 3]; /* 20 characters hold any int64, and a comma */
    size_t length = 0;
    whole[length++] = '(';
    for (uint64_t i = 0; i < view->rank; i++)
        length += (size_t)snprintf(whole + length, sizeof whole - length, i > 0 ? ",%" PRId64 : "%" PRId64,
                                   view->dims[i]);
    snprintf(whole + length, sizeof whole - length, ")");
    if (length + 1 < size)
        memcpy(text, whole, length + 2);
    else
        snprintf(text, size, "%.*s...", (int)(size - 4), whole);
    return text;
}

/* The furthest elements on both sides: then so does all that is added up on the way to any other. */
bool aq_view_reach_fits(const aq_view *view)
{
    int64_t size = (int64_t)aq_dtype_size(view->dtype), low = 0, high = 0, offset;
    for (uint64_t d = 0; d < view->rank; d++)
        if (view->dims[d] == 0)
            return true;
    for (uint64_t d = 0; d < view->rank; d++) {
        int64_t reach;
        if (!aq_mul_i64(view->dims[d] - 1, view->strides[d], &reach) || !aq_mul_i64(reach, size, &reach))
            return false;
        int64_t *end = reach < 0 ? &low : &high;
        if (!aq_add_i64(*end, reach, end))
            return false;
    }
    return aq_mul_i64(view->offset, size, &offset) && aq_add_i64(offset, low, &low) &&
           aq_add_i64(offset, high, &high);
}

void *aq_view_address(const aq_view *view, void *base)
{
    /* Unsigned: operators have checked the offset by the time the address is used, but maybe not before. */
    uintptr_t bytes = (uintptr_t)view->offset * aq_dtype_size(view->dtype);
    if (view->dtype == ACL_INT4 || view->dtype == ACL_FLOAT4_E2M1 || view->dtype == ACL_FLOAT4_E1M2)
        bytes = (uintptr_t)(view->offset >> 1); /* offsets count nibbles: runtime page 4.6 */
    return (void *)((uintptr_t)base + bytes);
}
