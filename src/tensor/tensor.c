/* SPDX-License-Identifier: Apache-2.0 */
/* tensor.c - makes, changes, counts and ends tensor descriptions, and hands out their parts. Checks nothing
 * that an operator may be of another opinion about (runtime page 4.6): negative dims and wild strides are
 * kept as they are. */
#include "tensor/tensor.h"

#include <string.h>

#include "base/handles.h"
#include "base/memory.h"
#include "tensor/dtype.h"
#include "tensor/misuse.h"

/* Tensors between aclCreateTensor and aclDestroyTensor: it is what makes a second destruction an error. A
 * look-up costs about 10 ns. */
static aq_handle_set live = AQ_HANDLE_SET_INITIALIZER;

/* What the caller of aclCreateTensor and aclInitTensor says, but for the data. */
typedef struct aq_description {
    const int64_t *view_dims, *strides, *storage_dims;
    uint64_t view_rank, storage_rank;
    int64_t offset;
    aclDataType dtype;
    aclFormat format;
} aq_description;

static int check(const char *function, const aq_description *given)
{
    if (!given->view_dims && given->view_rank > 0)
        return aq_refuse_null(function, "viewDims");
    if (!given->storage_dims && given->storage_rank > 0)
        return aq_refuse_null(function, "storageDims");
    if (given->view_rank > AQ_MAX_GIVEN_DIMS)
        return aq_refuse_count(function, "viewDimsNum", given->view_rank);
    if (given->storage_rank > AQ_MAX_GIVEN_DIMS)
        return aq_refuse_count(function, "storageDimsNum", given->storage_rank);
    return ACLNN_SUCCESS;
}

static void copy_dims(int64_t *to, const int64_t *from, uint64_t count)
{
    if (count > 0)
        memcpy(to, from, count * sizeof *to);
}

/* A product that does not fit stays INT64_MAX: no view of such an array passes an operator's checks. */
static void fill_contiguous(const int64_t *dims, int64_t *strides, uint64_t rank)
{
    int64_t stride = 1;
    for (uint64_t i = rank; i-- > 0;) {
        strides[i] = stride;
        if (__builtin_mul_overflow(stride, dims[i], &stride))
            stride = INT64_MAX;
    }
}

/* Reads all of given before it touches the tensor; the old arrays are freed last: given may point into them.
 * false: out of memory, nothing changed. */
static bool describe(aclTensor *tensor, const aq_description *given)
{
    uint64_t count = 2 * given->view_rank + given->storage_rank;
    int64_t *numbers = aq_malloc(count * sizeof *numbers);
    if (!numbers)
        return false;
    int64_t *strides = numbers + given->view_rank;
    int64_t *storage_dims = strides + given->view_rank;
    copy_dims(numbers, given->view_dims, given->view_rank);
    copy_dims(storage_dims, given->storage_dims, given->storage_rank);
    if (given->strides)
        copy_dims(strides, given->strides, given->view_rank);
    else
        fill_contiguous(numbers, strides, given->view_rank);

    aq_free(tensor->view_dims);
    tensor->view_dims = numbers;
    tensor->strides = strides;
    tensor->storage_dims = storage_dims;
    tensor->view_rank = given->view_rank;
    tensor->storage_rank = given->storage_rank;
    tensor->offset = given->offset;
    tensor->dtype = given->dtype;
    tensor->format = given->format;
    return true;
}

aclTensor *aclCreateTensor(const int64_t *viewDims, uint64_t viewDimsNum, aclDataType dataType,
                           const int64_t *stride, int64_t offset, aclFormat format,
                           const int64_t *storageDims, uint64_t storageDimsNum, void *tensorData)
{
    aq_description given = {viewDims,       stride, storageDims, viewDimsNum,
                            storageDimsNum, offset, dataType,    format};
    if (check(__func__, &given) != ACLNN_SUCCESS)
        return NULL;
    aclTensor *tensor = aq_calloc(1, sizeof *tensor);
    if (tensor) {
        atomic_init(&tensor->holders, 1);
        atomic_init(&tensor->data, tensorData);
        if (describe(tensor, &given) && aq_handles_add(&live, tensor))
            return tensor;
        aq_tensor_release(tensor);
    }
    aq_refuse_memory(__func__);
    return NULL;
}

aclnnStatus aclInitTensor(aclTensor *tensor, const int64_t *viewDims, uint64_t viewDimsNum,
                          aclDataType dataType, const int64_t *stride, int64_t offset, aclFormat format,
                          const int64_t *storageDims, uint64_t storageDimsNum, void *tensorData)
{
    if (!aq_tensor_acquire(tensor))
        return aq_refuse_handle(__func__, "tensor", "aclTensor", tensor);
    aq_description given = {viewDims,       stride, storageDims, viewDimsNum,
                            storageDimsNum, offset, dataType,    format};
    int status = check(__func__, &given);
    if (status == ACLNN_SUCCESS && !describe(tensor, &given))
        status = aq_refuse_memory(__func__);
    if (status == ACLNN_SUCCESS)
        atomic_store_explicit(&tensor->data, tensorData, memory_order_release);
    aq_tensor_release(tensor);
    return status;
}

bool aq_tensor_set_storage(aclTensor *tensor, aclFormat format, const int64_t *dims, uint64_t rank)
{
    aq_description given = {tensor->view_dims, tensor->strides, dims,  tensor->view_rank, rank,
                            tensor->offset,    tensor->dtype,   format};
    return describe(tensor, &given);
}

void aq_tensor_set_dtype(aclTensor *tensor, aclDataType dtype)
{
    tensor->dtype = dtype;
}

bool aq_tensor_end(const aclTensor *tensor)
{
    if (!aq_handles_remove(&live, tensor))
        return false;
    aq_tensor_release((aclTensor *)tensor);
    return true;
}

aclnnStatus aclDestroyTensor(const aclTensor *tensor)
{
    if (tensor && !aq_tensor_end(tensor))
        return aq_refuse_handle(__func__, "tensor", "aclTensor", tensor);
    return ACLNN_SUCCESS;
}

static void retain_handle(void *handle)
{
    aq_tensor_retain(handle);
}

bool aq_tensor_acquire(const aclTensor *tensor)
{
    return aq_handles_take(&live, tensor, retain_handle);
}

void aq_tensor_retain(aclTensor *tensor)
{
    atomic_fetch_add_explicit(&tensor->holders, 1, memory_order_relaxed);
}

void aq_tensor_release(aclTensor *tensor)
{
    /* The last holder sees all that the others did to the tensor before it frees it. */
    if (atomic_fetch_sub_explicit(&tensor->holders, 1, memory_order_acq_rel) > 1)
        return;
    aq_free(tensor->view_dims);
    aq_free(tensor);
}

/* The way into every getter: both arguments there and the tensor live and held, or a refusal. */
static int open_getter(const char *function, const aclTensor *tensor, const void *out, const char *out_name)
{
    if (!tensor)
        return aq_refuse_null(function, "tensor");
    if (!out)
        return aq_refuse_null(function, out_name);
    if (!aq_tensor_acquire(tensor))
        return aq_refuse_handle(function, "tensor", "aclTensor", tensor);
    return ACLNN_SUCCESS;
}

/* A copy for the caller, who frees it; not null for rank 0 either. */
static int hand_out(const char *function, const int64_t *from, uint64_t count, int64_t **dims, uint64_t *num)
{
    int64_t *copy = aq_malloc(count * sizeof *copy);
    if (!copy)
        return aq_refuse_memory(function);
    copy_dims(copy, from, count);
    *dims = copy;
    *num = count;
    return ACLNN_SUCCESS;
}

aclnnStatus aclGetViewShape(const aclTensor *tensor, int64_t **viewDims, uint64_t *viewDimsNum)
{
    if (tensor && viewDims && !viewDimsNum)
        return aq_refuse_null(__func__, "viewDimsNum");
    int status = open_getter(__func__, tensor, viewDims, "viewDims");
    if (status != ACLNN_SUCCESS)
        return status;
    status = hand_out(__func__, tensor->view_dims, tensor->view_rank, viewDims, viewDimsNum);
    aq_tensor_release((aclTensor *)tensor);
    return status;
}

aclnnStatus aclGetStorageShape(const aclTensor *tensor, int64_t **storageDims, uint64_t *storageDimsNum)
{
    if (tensor && storageDims && !storageDimsNum)
        return aq_refuse_null(__func__, "storageDimsNum");
    int status = open_getter(__func__, tensor, storageDims, "storageDims");
    if (status != ACLNN_SUCCESS)
        return status;
    status = hand_out(__func__, tensor->storage_dims, tensor->storage_rank, storageDims, storageDimsNum);
    aq_tensor_release((aclTensor *)tensor);
    return status;
}

aclnnStatus aclGetViewStrides(const aclTensor *tensor, int64_t **stridesValue, uint64_t *stridesNum)
{
    if (tensor && stridesValue && !stridesNum)
        return aq_refuse_null(__func__, "stridesNum");
    int status = open_getter(__func__, tensor, stridesValue, "stridesValue");
    if (status != ACLNN_SUCCESS)
        return status;
    status = hand_out(__func__, tensor->strides, tensor->view_rank, stridesValue, stridesNum);
    aq_tensor_release((aclTensor *)tensor);
    return status;
}

aclnnStatus aclGetViewOffset(const aclTensor *tensor, int64_t *offset)
{
    int status = open_getter(__func__, tensor, offset, "offset");
    if (status != ACLNN_SUCCESS)
        return status;
    *offset = tensor->offset;
    aq_tensor_release((aclTensor *)tensor);
    return ACLNN_SUCCESS;
}

aclnnStatus aclGetFormat(const aclTensor *tensor, aclFormat *format)
{
    int status = open_getter(__func__, tensor, format, "format");
    if (status != ACLNN_SUCCESS)
        return status;
    *format = tensor->format;
    aq_tensor_release((aclTensor *)tensor);
    return ACLNN_SUCCESS;
}

aclnnStatus aclGetDataType(const aclTensor *tensor, aclDataType *dataType)
{
    int status = open_getter(__func__, tensor, dataType, "dataType");
    if (status != ACLNN_SUCCESS)
        return status;
    *dataType = tensor->dtype;
    aq_tensor_release((aclTensor *)tensor);
    return ACLNN_SUCCESS;
}

aclnnStatus aclSetRawTensorAddr(aclTensor *tensor, void *addr)
{
    if (!aq_tensor_acquire(tensor))
        return aq_refuse_handle(__func__, "tensor", "aclTensor", tensor);
    atomic_store_explicit(&tensor->data, addr, memory_order_release);
    aq_tensor_release(tensor);
    return ACLNN_SUCCESS;
}

aclnnStatus AclSetRawTensorAddr(aclTensor *tensor, void *addr)
{
    return aclSetRawTensorAddr(tensor, addr);
}

aclnnStatus aclGetRawTensorAddr(const aclTensor *tensor, void **addr)
{
    int status = open_getter(__func__, tensor, addr, "addr");
    if (status != ACLNN_SUCCESS)
        return status;
    *addr = atomic_load_explicit(&((aclTensor *)tensor)->data, memory_order_acquire);
    aq_tensor_release((aclTensor *)tensor);
    return ACLNN_SUCCESS;
}
