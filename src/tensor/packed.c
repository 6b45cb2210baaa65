/* SPDX-License-Identifier: Apache-2.0 */
/* packed.c - see packed.h. */
#include "tensor/packed.h"

#include <string.h>

#include "antiquant.h"
#include "base/checked.h"

#define LINE_BYTES 64
#define PER_WORD   8

bool aq_format_is_packed(aclFormat format)
{
    return (int)format == AQ_FORMAT_PACKED || (int)format == AQ_FORMAT_PACKED_TRANSPOSED;
}

/* Words lie along k when the view is a transpose or one word (operators page 3.2); else k is contiguous by
 * its strides (numerics page 5). */
static bool along_k(const aq_view *view, bool transpose)
{
    const int64_t *dims = view->dims + view->rank - 2, *strides = view->strides + view->rank - 2;
    if (view->dtype == ACL_INT32)
        return aq_view_transposed(view) || (view->rank == 2 && dims[0] == 1 && dims[1] == 1);
    return strides[transpose ? 1 : 0] == 1 && strides[transpose ? 0 : 1] != 1;
}

static bool distances_fit(aq_packed *packed)
{
    const int64_t line = packed->nibbles ? 2 * LINE_BYTES : LINE_BYTES,
                  inner = packed->along_k ? packed->k : packed->n, lines = inner / line + (inner % line != 0);
    packed->stride_k = packed->stride_n = 1;
    if (packed->along_k)
        return aq_mul_i64(lines | 1, line, &packed->stride_n) &&
               aq_mul_i64(packed->n, packed->stride_n, &packed->matrix);
    packed->stride_k = packed->panel = line;
    return aq_mul_i64(packed->k, line, &packed->panel_stride) &&
           aq_mul_i64(lines, packed->panel_stride, &packed->matrix);
}

bool aq_packed_of(const aq_view *view, bool transpose, aq_packed *packed)
{
    const int64_t *dims = view->dims + view->rank - 2;
    aq_view batch = {.rank = view->rank - 2};
    memcpy(batch.dims, view->dims, batch.rank * sizeof batch.dims[0]);
    memset(packed, 0, sizeof *packed);
    packed->k = dims[transpose ? 1 : 0];
    packed->n = dims[transpose ? 0 : 1];
    packed->nibbles = view->dtype != ACL_INT8;
    packed->along_k = along_k(view, transpose);
    int64_t *inner = packed->along_k ? &packed->k : &packed->n;
    bool fits = view->dtype != ACL_INT32 || aq_mul_i64(*inner, PER_WORD, inner);
    fits = fits && aq_view_elements(&batch, &packed->batches) && distances_fit(packed) &&
           aq_mul_i64(packed->batches, packed->matrix, &packed->bytes);
    packed->bytes /= packed->nibbles ? 2 : 1; /* whole lines */
    return fits;
}
