/* SPDX-License-Identifier: Apache-2.0 */
/* acl_meta.h - what operators work on: tensors, scalars, arrays, lists, and the executor between the two
 * phases of an operator. Descriptions only; running anything is up to the operators and acl/acl_rt.h.
 *
 * Said once for the whole header:
 * - Functions need no current context and no device, and work before aclInit and after aclFinalize.
 * - Functions may be called from any thread; an object is not locked, so while one thread changes or destroys
 * it (aclInitTensor, aclSet*, aclDestroy*) no other may use it. Reading the same object in many threads is
 * fine.
 * - Creators copy the arrays they are given, which stay the caller's; the object they return is the caller's,
 * who ends it by the matching aclDestroy*. They return null when they refuse or memory is out;
 * aclGetRecentErrMsg then explains.
 * - aclDestroy* of null returns 0, as does destroying after aclrtResetDevice and aclFinalize.
 * - On a status, outputs are untouched. Out-parameters are never null.
 * Sources: runtime pages 4.3 (functions) and 4.6 (behaviour). */
#ifndef ACLNN_ACL_META_H
#define ACLNN_ACL_META_H

/* Relative, so that the header is found by any of the include roots DIR, DIR/aclnn and DIR/aclnnop alone. */
#include "../acl/acl_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Status of an operator's phases and of the functions below: 0 or one of the codes that follow. */
typedef int32_t aclnnStatus;

#define ACLNN_SUCCESS                     0
#define ACLNN_ERR_PARAM_NULLPTR           161001 /**< a required argument is null */
#define ACLNN_ERR_PARAM_INVALID           161002 /**< an argument breaks a rule on dtype, shape, ... */
#define ACLNN_ERR_RUNTIME_ERROR           361001 /**< never here: the runtime's codes pass unchanged */
#define ACLNN_ERR_INNER                   561000 /**< not a live executor; an invalid ANTIQUANT_* variable */
#define ACLNN_ERR_INNER_INFERSHAPE_ERROR  561001 /**< never here */
#define ACLNN_ERR_INNER_TILING_ERROR      561002 /**< never here */
#define ACLNN_ERR_INNER_FIND_KERNEL_ERROR 561003 /**< never here */
#define ACLNN_ERR_INNER_CREATE_EXECUTOR   561101 /**< no memory for the executor */
#define ACLNN_ERR_INNER_NULLPTR           561103 /**< null executor, failing broadcast, no memory */

/** A described, strided array; the elements are never the tensor's own. */
typedef struct aclTensor aclTensor;
/** One value with its type. */
typedef struct aclScalar aclScalar;
/** Several int64_t. */
typedef struct aclIntArray aclIntArray;
/** Several float. */
typedef struct aclFloatArray aclFloatArray;
/** Several bool. */
typedef struct aclBoolArray aclBoolArray;
/** Several tensors, which it owns. */
typedef struct aclTensorList aclTensorList;
/** Several scalars, which it owns. */
typedef struct aclScalarList aclScalarList;
/** What phase 1 of an operator decided, for phase 2 to run. */
typedef struct aclOpExecutor aclOpExecutor;

/* ---- Tensors ---- */

/** Describes an array to the operators. Nothing is checked beyond what is said here: operators do the rest.
 *
 * The element at index i is at tensorData + (offset + sum of i[d] * stride[d]) * size of dataType.
 *
 * @param viewDims @p viewDimsNum dims in elements; may be null when that is 0.
 * @param viewDimsNum rank; 0 is a scalar with one element.
 * @param dataType type of the elements.
 * @param stride @p viewDimsNum strides in elements (4-bit types count nibbles); null = contiguous.
 * @param offset elements from @p tensorData to the first element of the view.
 * @param format order of the storage; ACL_FORMAT_ND for plain arrays.
 * @param storageDims @p storageDimsNum dims of the storage; may be null when that is 0.
 * @param storageDimsNum rank of the storage.
 * @param tensorData the elements, in device memory; stays the caller's. May be null until phase 2 of the
 * operator is called, which is when it is read.
 * @return a tensor, ended by aclDestroyTensor; null when viewDims or storageDims is null and its count is not
 * 0, or memory is out.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclTensor *aclCreateTensor(const int64_t *viewDims, uint64_t viewDimsNum,
                                               aclDataType dataType, const int64_t *stride, int64_t offset,
                                               aclFormat format, const int64_t *storageDims,
                                               uint64_t storageDimsNum, void *tensorData);

/** Describes another array with a tensor that exists already. Executors made before keep their own plan.
 *
 * @param tensor the tensor to change, not null. The other parameters are those of aclCreateTensor.
 * @param viewDims as there.
 * @param viewDimsNum as there.
 * @param dataType as there.
 * @param stride as there.
 * @param offset as there.
 * @param format as there.
 * @param storageDims as there.
 * @param storageDimsNum as there.
 * @param tensorData as there.
 * @return 0; 161001 @p tensor is null, or viewDims or storageDims is null and its count is not 0; 561103 no
 * memory (the tensor is unchanged).
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclInitTensor(aclTensor *tensor, const int64_t *viewDims,
                                              uint64_t viewDimsNum, aclDataType dataType,
                                              const int64_t *stride, int64_t offset, aclFormat format,
                                              const int64_t *storageDims, uint64_t storageDimsNum,
                                              void *tensorData);

/** Ends a tensor, not its data. Allowed between the phases of an operator and right after phase 2.
 *
 * @param tensor may be null. One that is in a list is ended by the list instead.
 * @return 0.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclDestroyTensor(const aclTensor *tensor);

/** Dims of the view.
 *
 * @param tensor not null.
 * @param viewDims out: an array of @p viewDimsNum dims that the caller releases by free() (or delete[]).
 * @param viewDimsNum out: the rank.
 * @return 0; 161001 a parameter is null; 561103 no memory.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclGetViewShape(const aclTensor *tensor, int64_t **viewDims,
                                                uint64_t *viewDimsNum);

/** Dims of the storage.
 *
 * @param tensor not null.
 * @param storageDims out: an array of @p storageDimsNum dims that the caller releases by free() (or
 * delete[]).
 * @param storageDimsNum out: the rank of the storage.
 * @return as aclGetViewShape.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclGetStorageShape(const aclTensor *tensor, int64_t **storageDims,
                                                   uint64_t *storageDimsNum);

/** Strides of the view, in elements; those of a contiguous array when none were given.
 *
 * @param tensor not null.
 * @param stridesValue out: an array of @p stridesNum strides that the caller releases by free() (or
 * delete[]).
 * @param stridesNum out: the rank of the view.
 * @return as aclGetViewShape.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclGetViewStrides(const aclTensor *tensor, int64_t **stridesValue,
                                                  uint64_t *stridesNum);

/** Offset of the view, in elements.
 *
 * @param tensor not null.
 * @param offset out.
 * @return 0; 161001 a parameter is null.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclGetViewOffset(const aclTensor *tensor, int64_t *offset);

/** Format of the storage.
 *
 * @param tensor not null.
 * @param format out.
 * @return 0; 161001 a parameter is null.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclGetFormat(const aclTensor *tensor, aclFormat *format);

/** Type of the elements.
 *
 * @param tensor not null.
 * @param dataType out.
 * @return 0; 161001 a parameter is null.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclGetDataType(const aclTensor *tensor, aclDataType *dataType);

/** Changes where a tensor's data begins. An executor made from the tensor uses it at its next phase 2.
 *
 * @param tensor not null.
 * @param addr device memory, stays the caller's; may be null until phase 2.
 * @return 0; 161001 @p tensor is null.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclSetRawTensorAddr(aclTensor *tensor, void *addr);

/** Where a tensor's data begins, without its offset.
 *
 * @param tensor not null.
 * @param addr out: the caller's own pointer, possibly null.
 * @return 0; 161001 a parameter is null.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclGetRawTensorAddr(const aclTensor *tensor, void **addr);

/* ---- Scalars, arrays, lists ---- */

/** Makes a scalar.
 *
 * @param value one value of @p dataType, aclDataTypeSize bytes, copied; not null.
 * @param dataType its type, one that has a size.
 * @return a scalar, ended by aclDestroyScalar; null when it refuses or memory is out.
 *
 * Source: runtime page 4.3. */
ACL_FUNC_VISIBILITY aclScalar *aclCreateScalar(void *value, aclDataType dataType);

/** Makes an array of integers.
 *
 * @param value @p size values; may be null when that is 0.
 * @param size number of values; 0 makes an empty array.
 * @return an array, ended by aclDestroyIntArray; null when @p value is null with a size, or memory is out.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclIntArray *aclCreateIntArray(const int64_t *value, uint64_t size);

/** As aclCreateIntArray, of float; ended by aclDestroyFloatArray.
 *
 * @param value as there.
 * @param size as there.
 * @return as there.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclFloatArray *aclCreateFloatArray(const float *value, uint64_t size);

/** As aclCreateIntArray, of bool; ended by aclDestroyBoolArray.
 *
 * @param value as there.
 * @param size as there.
 * @return as there.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclBoolArray *aclCreateBoolArray(const bool *value, uint64_t size);

/** Makes a list of tensors and takes the tensors over: destroying the list destroys them.
 *
 * @param value @p size tensors; may be null when that is 0. The array of pointers stays the caller's.
 * @param size number of tensors; 0 makes an empty list.
 * @return a list, ended by aclDestroyTensorList; null (nothing taken over) when @p value is null with a size,
 * or memory is out.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclTensorList *aclCreateTensorList(const aclTensor *const *value, uint64_t size);

/** As aclCreateTensorList, of scalars; ended by aclDestroyScalarList.
 *
 * @param value as there.
 * @param size as there.
 * @return as there.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclScalarList *aclCreateScalarList(const aclScalar *const *value, uint64_t size);

/** Ends a scalar. @param scalar may be null. @return 0. Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclDestroyScalar(const aclScalar *scalar);

/** Ends an array. @param array may be null. @return 0. Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclDestroyIntArray(const aclIntArray *array);

/** Ends an array. @param array may be null. @return 0. Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclDestroyFloatArray(const aclFloatArray *array);

/** Ends an array. @param array may be null. @return 0. Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclDestroyBoolArray(const aclBoolArray *array);

/** Ends a list and the tensors in it. @param array may be null. @return 0. Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclDestroyTensorList(const aclTensorList *array);

/** Ends a list and the scalars in it. @param array may be null. @return 0. Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclDestroyScalarList(const aclScalarList *array);

/** Number of values.
 *
 * @param array not null.
 * @param size out.
 * @return 0; 161001 a parameter is null.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclGetIntArraySize(const aclIntArray *array, uint64_t *size);

/** As aclGetIntArraySize. @param array as there. @param size as there. @return as there. */
ACL_FUNC_VISIBILITY aclnnStatus aclGetFloatArraySize(const aclFloatArray *array, uint64_t *size);

/** As aclGetIntArraySize. @param array as there. @param size as there. @return as there. */
ACL_FUNC_VISIBILITY aclnnStatus aclGetBoolArraySize(const aclBoolArray *array, uint64_t *size);

/** As aclGetIntArraySize, tensors. @param tensorList as there. @param size as there. @return as there. */
ACL_FUNC_VISIBILITY aclnnStatus aclGetTensorListSize(const aclTensorList *tensorList, uint64_t *size);

/** As aclGetIntArraySize, scalars. @param scalarList as there. @param size as there. @return as there. */
ACL_FUNC_VISIBILITY aclnnStatus aclGetScalarListSize(const aclScalarList *scalarList, uint64_t *size);

/* ---- Executors ----
 *
 * Phase 2 consumes its executor, also when it fails, unless the executor was made repeatable. One executor
 * may be used by one thread at a time. An executor that is consumed already, or a pointer that never was one,
 * is refused with 561000 by every function here; null with 561103. */

/** Lets phase 2 run an executor any number of times. From then on the caller ends it, by
 * aclDestroyAclOpExecutor.
 *
 * @param executor from a phase 1, not consumed yet.
 * @return 0; 561103 null; 561000 not a live executor.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclSetAclOpExecutorRepeatable(aclOpExecutor *executor);

/** Ends an executor. Work that its phase 2 has queued still runs.
 *
 * @param executor from a phase 1, not consumed yet.
 * @return 0; 561103 null; 561000 not a live executor.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclDestroyAclOpExecutor(aclOpExecutor *executor);

/** Gives an input another address, for the next and later runs of an executor. Shape and aclTensor stay as
 * they are.
 *
 * @param executor not null; repeatable, or not run yet.
 * @param index which input: tensors of the operator's prototype in order, lists counted element by element.
 * An absent optional tensor keeps its index.
 * @param tensor the tensor that phase 1 was given there, not null.
 * @param addr device memory of the same layout; stays the caller's.
 * @return 0; 561103 @p executor or @p tensor is null; 561000 not a live executor; 161002 @p index is out of
 * range, or that tensor was null in phase 1.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclSetInputTensorAddr(aclOpExecutor *executor, const size_t index,
                                                      aclTensor *tensor, void *addr);

/** As aclSetInputTensorAddr, for an output.
 *
 * @param executor as there.
 * @param index which output, from 0.
 * @param tensor as there.
 * @param addr as there.
 * @return as there.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclSetOutputTensorAddr(aclOpExecutor *executor, const size_t index,
                                                       aclTensor *tensor, void *addr);

/** As aclSetInputTensorAddr, for any tensor.
 *
 * @param executor as there.
 * @param index which tensor, the inputs first, then the outputs.
 * @param tensor as there.
 * @param addr as there.
 * @return as there.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclSetTensorAddr(aclOpExecutor *executor, const size_t index,
                                                 aclTensor *tensor, void *addr);

/** As aclSetInputTensorAddr, for one tensor of a list among the inputs.
 *
 * @param executor as there.
 * @param irIndex which input of the prototype, a list counted once.
 * @param relativeIndex which tensor of that list, from 0.
 * @param tensors the list that phase 1 was given there, not null.
 * @param addr as there.
 * @return 0; 561103 @p executor or @p tensors is null; 561000 not a live executor; 161002 an index is out of
 * range, or the input is not a list.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclSetDynamicInputTensorAddr(aclOpExecutor *executor, size_t irIndex,
                                                             const size_t relativeIndex,
                                                             aclTensorList *tensors, void *addr);

/** As aclSetDynamicInputTensorAddr, for a list among the outputs.
 *
 * @param executor as there.
 * @param irIndex which output of the prototype, a list counted once.
 * @param relativeIndex as there.
 * @param tensors as there.
 * @param addr as there.
 * @return as there.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclSetDynamicOutputTensorAddr(aclOpExecutor *executor, size_t irIndex,
                                                              const size_t relativeIndex,
                                                              aclTensorList *tensors, void *addr);

/** As aclSetDynamicInputTensorAddr, for a list anywhere.
 *
 * @param executor as there.
 * @param irIndex which argument, the inputs first, then the outputs, a list counted once.
 * @param relativeIndex as there.
 * @param tensors as there.
 * @param addr as there.
 * @return as there.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY aclnnStatus aclSetDynamicTensorAddr(aclOpExecutor *executor, size_t irIndex,
                                                        const size_t relativeIndex, aclTensorList *tensors,
                                                        void *addr);

/* The same functions under their other spelling; the docstrings above hold. Source: runtime page 4.3. */
ACL_FUNC_VISIBILITY aclnnStatus AclSetInputTensorAddr(aclOpExecutor *executor, const size_t index,
                                                      aclTensor *tensor, void *addr);
ACL_FUNC_VISIBILITY aclnnStatus AclSetOutputTensorAddr(aclOpExecutor *executor, const size_t index,
                                                       aclTensor *tensor, void *addr);
ACL_FUNC_VISIBILITY aclnnStatus AclSetTensorAddr(aclOpExecutor *executor, const size_t index,
                                                 aclTensor *tensor, void *addr);
ACL_FUNC_VISIBILITY aclnnStatus AclSetDynamicInputTensorAddr(aclOpExecutor *executor, size_t irIndex,
                                                             const size_t relativeIndex,
                                                             aclTensorList *tensors, void *addr);
ACL_FUNC_VISIBILITY aclnnStatus AclSetDynamicOutputTensorAddr(aclOpExecutor *executor, size_t irIndex,
                                                              const size_t relativeIndex,
                                                              aclTensorList *tensors, void *addr);
ACL_FUNC_VISIBILITY aclnnStatus AclSetDynamicTensorAddr(aclOpExecutor *executor, size_t irIndex,
                                                        const size_t relativeIndex, aclTensorList *tensors,
                                                        void *addr);
ACL_FUNC_VISIBILITY aclnnStatus AclSetRawTensorAddr(aclTensor *tensor, void *addr);

#ifdef __cplusplus
}
#endif
#endif
