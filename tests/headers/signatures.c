/* SPDX-License-Identifier: Apache-2.0 */
/* signatures.c - every public function, assigned to a pointer of the type that the specification gives it
 * (runtime page 4.3; operator page 1.1; companions pages 2.1 to 2.4). A wrong parameter does not compile, as
 * C11 or C++11; a function without C linkage shows in the object's undefined names; a missing one does not
 * link. In C the empty list of a prototype is void. */
/* one function a line is the point of this file */
/* clang-format off */
#include "acl/acl.h"
#include "aclnn/aclnn_base.h"
#include "aclnnop/aclnn_cast.h"
#include "aclnnop/aclnn_convert_weight_to_int4_pack.h"
#include "aclnnop/aclnn_npu_format_cast.h"
#include "aclnnop/aclnn_trans_matmul_weight.h"
#include "aclnnop/aclnn_trans_quant_param.h"
#include "aclnnop/aclnn_trans_quant_param_v2.h"
#include "aclnnop/aclnn_trans_quant_param_v3.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_nz.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v3.h"

#ifdef __cplusplus
#define LINKAGE extern "C"
#else
#define LINKAGE extern
#endif

/* External, so that the compiler keeps the pointer and thus the reference. */
#define FUNCTION(type, name, parameters) LINKAGE type (*signature_##name) parameters; type (*signature_##name) parameters = name;
#define RT(name, parameters) FUNCTION(aclError, name, parameters)
#define NN(name, parameters) FUNCTION(aclnnStatus, name, parameters)

/* acl.h, acl_base.h */
RT(aclInit, (const char *))
RT(aclFinalize, (void))
RT(aclFinalizeReference, (uint64_t *))
FUNCTION(const char *, aclGetRecentErrMsg, (void))
RT(aclrtGetVersion, (int32_t *, int32_t *, int32_t *))
FUNCTION(float, aclFloat16ToFloat, (aclFloat16))
FUNCTION(aclFloat16, aclFloatToFloat16, (float))
FUNCTION(size_t, aclDataTypeSize, (aclDataType))
FUNCTION(void, aclAppLog, (aclLogLevel, const char *, const char *, uint32_t, const char *, ...))

/* devices */
FUNCTION(const char *, aclrtGetSocName, (void))
RT(aclrtSetDevice, (int32_t))
RT(aclrtResetDevice, (int32_t))
RT(aclrtGetDevice, (int32_t *))
RT(aclrtSynchronizeDevice, (void))
RT(aclrtGetDeviceCount, (uint32_t *))
RT(aclrtGetRunMode, (aclrtRunMode *))
RT(aclrtDeviceCanAccessPeer, (int32_t *, int32_t, int32_t))
RT(aclrtDeviceEnablePeerAccess, (int32_t, uint32_t))

/* contexts */
RT(aclrtCreateContext, (aclrtContext *, int32_t))
RT(aclrtDestroyContext, (aclrtContext))
RT(aclrtSetCurrentContext, (aclrtContext))
RT(aclrtGetCurrentContext, (aclrtContext *))
RT(aclrtCtxSetSysParamOpt, (aclSysParamOpt, int64_t))
RT(aclrtSetSysParamOpt, (aclSysParamOpt, int64_t))

/* streams */
RT(aclrtCreateStream, (aclrtStream *))
RT(aclrtCreateStreamWithConfig, (aclrtStream *, uint32_t, uint32_t))
RT(aclrtDestroyStream, (aclrtStream))
RT(aclrtDestroyStreamForce, (aclrtStream))
RT(aclrtSynchronizeStream, (aclrtStream))
RT(aclrtSynchronizeStreamWithTimeout, (aclrtStream, int32_t))
RT(aclrtStreamQuery, (aclrtStream, aclrtStreamStatus *))
RT(aclrtStreamWaitEvent, (aclrtStream, aclrtEvent))
RT(aclrtSetStreamFailureMode, (aclrtStream, uint64_t))

/* events */
RT(aclrtCreateEvent, (aclrtEvent *))
RT(aclrtCreateEventWithFlag, (aclrtEvent *, uint32_t))
RT(aclrtCreateEventExWithFlag, (aclrtEvent *, uint32_t))
RT(aclrtDestroyEvent, (aclrtEvent))
RT(aclrtRecordEvent, (aclrtEvent, aclrtStream))
RT(aclrtSynchronizeEvent, (aclrtEvent))
RT(aclrtQueryEventStatus, (aclrtEvent, aclrtEventRecordedStatus *))
RT(aclrtQueryEvent, (aclrtEvent, aclrtEventStatus *))
RT(aclrtEventElapsedTime, (float *, aclrtEvent, aclrtEvent))

/* memory */
RT(aclrtMalloc, (void **, size_t, aclrtMemMallocPolicy))
RT(aclrtMallocAlign32, (void **, size_t, aclrtMemMallocPolicy))
RT(aclrtFree, (void *))
RT(aclrtMallocHost, (void **, size_t))
RT(aclrtFreeHost, (void *))
RT(aclrtGetMemInfo, (aclrtMemAttr, size_t *, size_t *))
RT(aclrtMemcpy, (void *, size_t, const void *, size_t, aclrtMemcpyKind))
RT(aclrtMemcpyAsync, (void *, size_t, const void *, size_t, aclrtMemcpyKind, aclrtStream))
RT(aclrtMemset, (void *, size_t, int32_t, size_t))
RT(aclrtMemsetAsync, (void *, size_t, int32_t, size_t, aclrtStream))

/* callbacks and errors */
RT(aclrtLaunchCallback, (aclrtCallback, void *, aclrtCallbackBlockType, aclrtStream))
RT(aclrtSubscribeReport, (uint64_t, aclrtStream))
RT(aclrtUnSubscribeReport, (uint64_t, aclrtStream))
RT(aclrtProcessReport, (int32_t))
RT(aclrtPeekAtLastError, (aclrtLastErrLevel))
RT(aclrtGetLastError, (aclrtLastErrLevel))

/* absent features */
RT(aclrtReserveMemAddress, (void **, size_t, size_t, void *, uint64_t))
RT(aclrtReleaseMemAddress, (void *))
RT(aclrtMallocPhysical, (aclrtDrvMemHandle *, size_t, const aclrtPhysicalMemProp *, uint64_t))
RT(aclrtFreePhysical, (aclrtDrvMemHandle))
RT(aclrtMapMem, (void *, size_t, size_t, aclrtDrvMemHandle, uint64_t))
RT(aclrtUnmapMem, (void *))
RT(aclrtMemGetAllocationGranularity, (aclrtPhysicalMemProp *, aclrtMemGranularityOptions, size_t *))
RT(aclmdlRICaptureBegin, (aclrtStream, aclmdlRICaptureMode))
RT(aclmdlRICaptureEnd, (aclrtStream, aclmdlRI *))
RT(aclmdlRIExecuteAsync, (aclmdlRI, aclrtStream))
RT(aclmdlRIDestroy, (aclmdlRI))

/* tensors */
FUNCTION(aclTensor *, aclCreateTensor, (const int64_t *, uint64_t, aclDataType, const int64_t *, int64_t, aclFormat, const int64_t *, uint64_t, void *))
NN(aclInitTensor, (aclTensor *, const int64_t *, uint64_t, aclDataType, const int64_t *, int64_t, aclFormat, const int64_t *, uint64_t, void *))
NN(aclDestroyTensor, (const aclTensor *))
NN(aclGetViewShape, (const aclTensor *, int64_t **, uint64_t *))
NN(aclGetStorageShape, (const aclTensor *, int64_t **, uint64_t *))
NN(aclGetViewStrides, (const aclTensor *, int64_t **, uint64_t *))
NN(aclGetViewOffset, (const aclTensor *, int64_t *))
NN(aclGetFormat, (const aclTensor *, aclFormat *))
NN(aclGetDataType, (const aclTensor *, aclDataType *))
NN(aclSetRawTensorAddr, (aclTensor *, void *))
NN(aclGetRawTensorAddr, (const aclTensor *, void **))

/* scalars, arrays, lists */
FUNCTION(aclScalar *, aclCreateScalar, (void *, aclDataType))
FUNCTION(aclIntArray *, aclCreateIntArray, (const int64_t *, uint64_t))
FUNCTION(aclFloatArray *, aclCreateFloatArray, (const float *, uint64_t))
FUNCTION(aclBoolArray *, aclCreateBoolArray, (const bool *, uint64_t))
FUNCTION(aclTensorList *, aclCreateTensorList, (const aclTensor *const *, uint64_t))
FUNCTION(aclScalarList *, aclCreateScalarList, (const aclScalar *const *, uint64_t))
NN(aclDestroyScalar, (const aclScalar *))
NN(aclDestroyIntArray, (const aclIntArray *))
NN(aclDestroyFloatArray, (const aclFloatArray *))
NN(aclDestroyBoolArray, (const aclBoolArray *))
NN(aclDestroyTensorList, (const aclTensorList *))
NN(aclDestroyScalarList, (const aclScalarList *))
NN(aclGetIntArraySize, (const aclIntArray *, uint64_t *))
NN(aclGetFloatArraySize, (const aclFloatArray *, uint64_t *))
NN(aclGetBoolArraySize, (const aclBoolArray *, uint64_t *))
NN(aclGetTensorListSize, (const aclTensorList *, uint64_t *))
NN(aclGetScalarListSize, (const aclScalarList *, uint64_t *))

/* executors */
NN(aclSetAclOpExecutorRepeatable, (aclOpExecutor *))
NN(aclDestroyAclOpExecutor, (aclOpExecutor *))
NN(aclSetInputTensorAddr, (aclOpExecutor *, size_t, aclTensor *, void *))
NN(aclSetOutputTensorAddr, (aclOpExecutor *, size_t, aclTensor *, void *))
NN(aclSetTensorAddr, (aclOpExecutor *, size_t, aclTensor *, void *))
NN(aclSetDynamicInputTensorAddr, (aclOpExecutor *, size_t, size_t, aclTensorList *, void *))
NN(aclSetDynamicOutputTensorAddr, (aclOpExecutor *, size_t, size_t, aclTensorList *, void *))
NN(aclSetDynamicTensorAddr, (aclOpExecutor *, size_t, size_t, aclTensorList *, void *))
NN(AclSetInputTensorAddr, (aclOpExecutor *, size_t, aclTensor *, void *))
NN(AclSetOutputTensorAddr, (aclOpExecutor *, size_t, aclTensor *, void *))
NN(AclSetTensorAddr, (aclOpExecutor *, size_t, aclTensor *, void *))
NN(AclSetDynamicInputTensorAddr, (aclOpExecutor *, size_t, size_t, aclTensorList *, void *))
NN(AclSetDynamicOutputTensorAddr, (aclOpExecutor *, size_t, size_t, aclTensorList *, void *))
NN(AclSetDynamicTensorAddr, (aclOpExecutor *, size_t, size_t, aclTensorList *, void *))
NN(AclSetRawTensorAddr, (aclTensor *, void *))
NN(aclnnInit, (const char *))
NN(aclnnFinalize, (void))
FUNCTION(int, InitHugeMemThreadLocal, (void *, bool))
FUNCTION(void, UnInitHugeMemThreadLocal, (void *, bool))
FUNCTION(void, ReleaseHugeMem, (void *, bool))

/* operators */
NN(aclnnTransQuantParam, (const float *, uint64_t, const float *, uint64_t, uint64_t **, uint64_t *))
NN(aclnnTransQuantParamV2GetWorkspaceSize, (const aclTensor *, const aclTensor *, const aclTensor *, uint64_t *, aclOpExecutor **))
NN(aclnnTransQuantParamV2, (void *, uint64_t, aclOpExecutor *, aclrtStream))
NN(aclnnTransQuantParamV3GetWorkspaceSize, (const aclTensor *, const aclTensor *, int64_t, const aclTensor *, uint64_t *, aclOpExecutor **))
NN(aclnnTransQuantParamV3, (void *, uint64_t, aclOpExecutor *, aclrtStream))
NN(aclnnConvertWeightToINT4PackGetWorkspaceSize, (const aclTensor *, aclTensor *, uint64_t *, aclOpExecutor **))
NN(aclnnConvertWeightToINT4Pack, (void *, uint64_t, aclOpExecutor *, aclrtStream))
NN(aclnnCalculateMatmulWeightSize, (const aclIntArray *, uint64_t *))
NN(aclnnCalculateMatmulWeightSizeV2, (const aclIntArray *, aclDataType, uint64_t *))
NN(aclnnTransMatmulWeightGetWorkspaceSize, (aclTensor *, uint64_t *, aclOpExecutor **))
NN(aclnnTransMatmulWeight, (void *, uint64_t, aclOpExecutor *, aclrtStream))
NN(aclnnNpuFormatCastCalculateSizeAndFormat, (const aclTensor *, int, int, int64_t **, uint64_t *, int *))
NN(aclnnNpuFormatCastGetWorkspaceSize, (const aclTensor *, aclTensor *, uint64_t *, aclOpExecutor **))
NN(aclnnNpuFormatCast, (void *, uint64_t, aclOpExecutor *, aclrtStream))
NN(aclnnCastGetWorkspaceSize, (const aclTensor *, aclDataType, aclTensor *, uint64_t *, aclOpExecutor **))
NN(aclnnCast, (void *, uint64_t, aclOpExecutor *, aclrtStream))
NN(aclnnWeightQuantBatchMatmulGetWorkspaceSize, (const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, bool, bool, float, float, aclTensor *, uint64_t *, aclOpExecutor **))
NN(aclnnWeightQuantBatchMatmul, (void *, uint64_t, aclOpExecutor *, aclrtStream))
NN(aclnnWeightQuantBatchMatmulV2GetWorkspaceSize, (const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, int, const aclTensor *, uint64_t *, aclOpExecutor **))
NN(aclnnWeightQuantBatchMatmulV2, (void *, uint64_t, aclOpExecutor *, aclrtStream))
NN(aclnnWeightQuantBatchMatmulV3GetWorkspaceSize, (const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, int, int, const aclTensor *, uint64_t *, aclOpExecutor **))
NN(aclnnWeightQuantBatchMatmulV3, (void *, uint64_t, aclOpExecutor *, aclrtStream))
NN(aclnnWeightQuantBatchMatmulNzGetWorkspaceSize, (const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, const aclTensor *, int, const aclTensor *, uint64_t *, aclOpExecutor **))
NN(aclnnWeightQuantBatchMatmulNz, (void *, uint64_t, aclOpExecutor *, aclrtStream))
