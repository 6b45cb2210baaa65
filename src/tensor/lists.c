/* SPDX-License-Identifier: Apache-2.0 */
/* lists.c - makes and ends scalars, arrays and lists. Each kind has its set of live objects, so that
 * destroying twice, or as the wrong kind, is an error and not a crash. Knows no operator. */
#include "tensor/lists.h"

#include <stddef.h>
#include <string.h>

#include "base/handles.h"
#include "base/memory.h"
#include "tensor/dtype.h"
#include "tensor/misuse.h"
#include "tensor/tensor.h"

/* Sizes beyond this are taken for garbage, which must not be followed into the caller's memory. */
#define MAX_SIZE INT32_MAX

typedef struct aq_kind {
    const char *type;
    aq_handle_set live;
} aq_kind;

static aq_kind scalars = {"aclScalar", AQ_HANDLE_SET_INITIALIZER};
static aq_kind int_arrays = {"aclIntArray", AQ_HANDLE_SET_INITIALIZER};
static aq_kind float_arrays = {"aclFloatArray", AQ_HANDLE_SET_INITIALIZER};
static aq_kind bool_arrays = {"aclBoolArray", AQ_HANDLE_SET_INITIALIZER};
static aq_kind tensor_lists = {"aclTensorList", AQ_HANDLE_SET_INITIALIZER};
static aq_kind scalar_lists = {"aclScalarList", AQ_HANDLE_SET_INITIALIZER};

/* What all arrays and lists are to the functions that do not care for the values. */
typedef struct aq_array {
    uint64_t size;
    unsigned char values[];
} aq_array;

_Static_assert(offsetof(aclIntArray, values) == offsetof(aq_array, values), "one layout");
_Static_assert(offsetof(aclFloatArray, values) == offsetof(aq_array, values), "one layout");
_Static_assert(offsetof(aclBoolArray, values) == offsetof(aq_array, values), "one layout");
_Static_assert(offsetof(aclTensorList, tensors) == offsetof(aq_array, values), "one layout");
_Static_assert(offsetof(aclScalarList, scalars) == offsetof(aq_array, values), "one layout");

/* Copies size values of element bytes each; null and the thread's message when refused. */
static void *create_array(const char *function, aq_kind *kind, const void *value, uint64_t size,
                          size_t element)
{
    if (!value && size > 0) {
        aq_refuse_null(function, "value");
        return NULL;
    }
    if (size > MAX_SIZE) {
        aq_refuse_count(function, "size", size);
        return NULL;
    }
    aq_array *array = aq_malloc(sizeof *array + size * element);
    if (array) {
        array->size = size;
        if (size > 0)
            memcpy(array->values, value, size * element);
        if (aq_handles_add(&kind->live, array))
            return array;
        aq_free(array);
    }
    aq_refuse_memory(function);
    return NULL;
}

static int destroy(const char *function, const char *argument, aq_kind *kind, const void *object)
{
    if (!object)
        return ACLNN_SUCCESS;
    if (!aq_handles_remove(&kind->live, object))
        return aq_refuse_handle(function, argument, kind->type, object);
    aq_free((void *)object);
    return ACLNN_SUCCESS;
}

static int get_size(const char *function, const char *argument, aq_kind *kind, const void *object,
                    uint64_t *size)
{
    if (!object)
        return aq_refuse_null(function, argument);
    if (!size)
        return aq_refuse_null(function, "size");
    if (!aq_handles_contain(&kind->live, object))
        return aq_refuse_handle(function, argument, kind->type, object);
    *size = ((const aq_array *)object)->size;
    return ACLNN_SUCCESS;
}

bool aq_int_array_live(const aclIntArray *array)
{
    return aq_handles_contain(&int_arrays.live, array);
}

bool aq_tensor_list_live(const aclTensorList *list)
{
    return aq_handles_contain(&tensor_lists.live, list);
}

/* ---- scalars ---- */

aclScalar *aclCreateScalar(void *value, aclDataType dataType)
{
    size_t bytes = aq_dtype_size(dataType);
    if (!value) {
        aq_refuse_null(__func__, "value");
        return NULL;
    }
    if (bytes == 0) {
        aq_refuse_dtype(__func__, "dataType", dataType);
        return NULL;
    }
    aclScalar *scalar = aq_calloc(1, sizeof *scalar);
    if (scalar) {
        scalar->dtype = dataType;
        memcpy(scalar->value, value, bytes);
        if (aq_handles_add(&scalars.live, scalar))
            return scalar;
        aq_free(scalar);
    }
    aq_refuse_memory(__func__);
    return NULL;
}

aclnnStatus aclDestroyScalar(const aclScalar *scalar)
{
    return destroy(__func__, "scalar", &scalars, scalar);
}

/* ---- arrays ---- */

aclIntArray *aclCreateIntArray(const int64_t *value, uint64_t size)
{
    return create_array(__func__, &int_arrays, value, size, sizeof *value);
}

aclFloatArray *aclCreateFloatArray(const float *value, uint64_t size)
{
    return create_array(__func__, &float_arrays, value, size, sizeof *value);
}

aclBoolArray *aclCreateBoolArray(const bool *value, uint64_t size)
{
    return create_array(__func__, &bool_arrays, value, size, sizeof *value);
}

aclnnStatus aclDestroyIntArray(const aclIntArray *array)
{
    return destroy(__func__, "array", &int_arrays, array);
}

aclnnStatus aclDestroyFloatArray(const aclFloatArray *array)
{
    return destroy(__func__, "array", &float_arrays, array);
}

aclnnStatus aclDestroyBoolArray(const aclBoolArray *array)
{
    return destroy(__func__, "array", &bool_arrays, array);
}

aclnnStatus aclGetIntArraySize(const aclIntArray *array, uint64_t *size)
{
    return get_size(__func__, "array", &int_arrays, array, size);
}

aclnnStatus aclGetFloatArraySize(const aclFloatArray *array, uint64_t *size)
{
    return get_size(__func__, "array", &float_arrays, array, size);
}

aclnnStatus aclGetBoolArraySize(const aclBoolArray *array, uint64_t *size)
{
    return get_size(__func__, "array", &bool_arrays, array, size);
}

/* ---- lists ---- */

/* Lets go of the first count tensors. */
static void release_tensors(aclTensorList *list, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (list->tensors[i])
            aq_tensor_release(list->tensors[i]);
}

aclTensorList *aclCreateTensorList(const aclTensor *const *value, uint64_t size)
{
    aclTensorList *list = create_array(__func__, &tensor_lists, value, size, sizeof *value);
    for (uint64_t i = 0; list && i < size; i++) {
        if (!list->tensors[i] || aq_tensor_acquire(list->tensors[i]))
            continue;
        const void *stranger = list->tensors[i];
        release_tensors(list, i);
        destroy(__func__, "value", &tensor_lists, list);
        aq_refuse_handle(__func__, "value", "aclTensor", stranger);
        return NULL;
    }
    return list;
}

aclScalarList *aclCreateScalarList(const aclScalar *const *value, uint64_t size)
{
    aclScalarList *list = create_array(__func__, &scalar_lists, value, size, sizeof *value);
    for (uint64_t i = 0; list && i < size; i++) {
        if (!list->scalars[i] || aq_handles_contain(&scalars.live, list->scalars[i]))
            continue;
        const void *stranger = list->scalars[i];
        destroy(__func__, "value", &scalar_lists, list);
        aq_refuse_handle(__func__, "value", "aclScalar", stranger);
        return NULL;
    }
    return list;
}

aclnnStatus aclDestroyTensorList(const aclTensorList *array)
{
    if (!array)
        return ACLNN_SUCCESS;
    if (!aq_handles_remove(&tensor_lists.live, array))
        return aq_refuse_handle(__func__, "array", tensor_lists.type, array);
    aclTensorList *list = (aclTensorList *)array;
    for (uint64_t i = 0; i < list->size; i++)
        aq_tensor_end(list->tensors[i]); /* already ended, on its own or as another element: nothing to do */
    release_tensors(list, list->size);
    aq_free(list);
    return ACLNN_SUCCESS;
}

aclnnStatus aclDestroyScalarList(const aclScalarList *array)
{
    if (!array)
        return ACLNN_SUCCESS;
    if (!aq_handles_remove(&scalar_lists.live, array))
        return aq_refuse_handle(__func__, "array", scalar_lists.type, array);
    aclScalarList *list = (aclScalarList *)array;
    for (uint64_t i = 0; i < list->size; i++)
        if (aq_handles_remove(&scalars.live, list->scalars[i]))
            aq_free(list->scalars[i]);
    aq_free(list);
    return ACLNN_SUCCESS;
}

aclnnStatus aclGetTensorListSize(const aclTensorList *tensorList, uint64_t *size)
{
    return get_size(__func__, "tensorList", &tensor_lists, tensorList, size);
}

aclnnStatus aclGetScalarListSize(const aclScalarList *scalarList, uint64_t *size)
{
    return get_size(__func__, "scalarList", &scalar_lists, scalarList, size);
}
