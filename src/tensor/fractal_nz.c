/* SPDX-License-Identifier: Apache-2.0 */
/* fractal_nz.c - sizes of FRACTAL_NZ storage and which c0 it has. The rules are companions page 2.4's. */
#include "tensor/fractal_nz.h"

#include <string.h>

#include "base/checked.h"
#include "base/settings.h"
#include "tensor/dtype.h"

/* A row of a block is 32 bytes, but for the 4-bit weights of profile 950, and words that hold eight of them.
 */
#define ROW_BYTES        32
#define ROW_NIBBLES_950  16
#define NIBBLES_PER_WORD 8

int64_t aq_nz_c0(aclDataType dtype)
{
    bool is_950 = aq_settings_get()->chip == AQ_CHIP_950;
    switch (dtype) {
    case ACL_INT4:
        return is_950 ? ROW_NIBBLES_950 : 2 * ROW_BYTES;
    case ACL_FLOAT4_E2M1:
        return is_950 ? ROW_NIBBLES_950 : 0;
    case ACL_INT32:
    case ACL_FLOAT:
        return is_950 ? ROW_NIBBLES_950 / NIBBLES_PER_WORD : ROW_BYTES / 4;
    case ACL_UINT1: /* the elements of these are not whole bytes either */
    case ACL_FLOAT4_E1M2:
    case ACL_FLOAT6_E3M2:
    case ACL_FLOAT6_E2M3:
        return 0;
    default: {
        size_t size = aq_dtype_size(dtype);
        return size == 0 ? 0 : ROW_BYTES / (int64_t)size;
    }
    }
}

bool aq_nz_c0_may_be(aclDataType dtype, int64_t c0)
{
    switch (dtype) {
    case ACL_INT8:
        return c0 == 32;
    case ACL_INT4:
        return c0 == 16 || c0 == 32 || c0 == 64;
    case ACL_INT32:
        return c0 == 2 || c0 == 8;
    default:
        return false;
    }
}

bool aq_nz_make(const aq_view *view, int64_t c0, aq_nz *nz)
{
    if (view->rank < 2 || view->rank > AQ_NZ_MAX_RANK)
        return false;
    const int64_t *matrix = view->dims + view->rank - 2;
    aq_view batch = {.rank = view->rank - 2};
    memcpy(batch.dims, view->dims, batch.rank * sizeof batch.dims[0]);
    if (matrix[0] < 0 || matrix[1] < 0 || !aq_view_elements(&batch, &nz->batches))
        return false;
    nz->transposed = aq_view_transposed(view);
    nz->rows = matrix[nz->transposed ? 1 : 0];
    nz->columns = matrix[nz->transposed ? 0 : 1];
    nz->c0 = c0;
    int64_t rows, total, first;
    return aq_add_i64(nz->rows, AQ_NZ_ROWS - 1, &rows) &&
           aq_mul_i64(rows / AQ_NZ_ROWS * AQ_NZ_ROWS, c0, &nz->block_stride) &&
           aq_mul_i64(aq_nz_blocks(nz), nz->block_stride, &nz->batch_stride) &&
           aq_mul_i64(nz->batches, nz->batch_stride, &total) &&
           aq_mul_i64(total, 16, &total) && /* 16: bytes of the largest type */
           aq_mul_i64(view->offset, 16, &first) && aq_add_i64(first, total, &total);
}

uint64_t aq_nz_storage_dims(const aq_view *view, const aq_nz *nz, int64_t dims[AQ_NZ_MAX_RANK + 2])
{
    uint64_t batch_rank = view->rank - 2;
    memcpy(dims, view->dims, batch_rank * sizeof dims[0]);
    dims[batch_rank] = aq_nz_blocks(nz);
    dims[batch_rank + 1] = nz->block_stride / (AQ_NZ_ROWS * nz->c0);
    dims[batch_rank + 2] = AQ_NZ_ROWS;
    dims[batch_rank + 3] = nz->c0;
    return view->rank + 2;
}

int64_t aq_nz_stored_c0(const aclTensor *tensor, const aq_view *view)
{
    aq_nz nz;
    int64_t dims[AQ_NZ_MAX_RANK + 2];
    if (view->rank < 2 || view->rank > AQ_NZ_MAX_RANK || tensor->storage_rank != view->rank + 2)
        return 0;
    int64_t c0 = tensor->storage_dims[tensor->storage_rank - 1];
    if (c0 <= 0 || !aq_nz_make(view, c0, &nz))
        return 0;
    aq_nz_storage_dims(view, &nz, dims);
    return memcmp(dims, tensor->storage_dims, tensor->storage_rank * sizeof dims[0]) == 0 ? c0 : 0;
}

bool aq_nz_of(const aclTensor *tensor, const aq_view *view, aq_nz *nz)
{
    int64_t c0 = aq_nz_stored_c0(tensor, view);
    if (!aq_nz_c0_may_be(view->dtype, c0))
        c0 = aq_nz_c0(view->dtype);
    return c0 > 0 && aq_nz_make(view, c0, nz);
}
