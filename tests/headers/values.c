/* SPDX-License-Identifier: Apache-2.0 */
/* values.c - every value of runtime page 4.4, and how it is spelt: enumerator of its type, macro, or object.
 * The same file is compiled as C11 and as C++11; nothing is linked or run. */
/* one value a line is the point of this file */
/* clang-format off */
#include "acl/acl.h"
#include "acl/error_codes/rt_error_codes.h"
#include "aclnn/acl_meta.h"
#include "aclnn/aclnn_base.h"
#include "aclnnop/aclnn_cast.h"
#include "aclnnop/aclnn_trans_quant_param.h"
#include "aclnnop/aclnn_util.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul.h"

#include <assert.h>

#define SAME_VALUE(name, value) static_assert((long long)(name) == (value), #name " must be " #value);

#ifdef __cplusplus
template <class A, class B> struct same_type { static const bool yes = false; };
template <class A> struct same_type<A, A> { static const bool yes = true; };
#define SAME_TYPE(type, name) static_assert(same_type<type, decltype(name)>::yes, #name " must be of type " #type);
/* A constant object is a constant expression in C++ only, so its value is checked there. */
#define OBJECT(name, value) SAME_TYPE(const int, name) SAME_VALUE(name, value)
#else
/* In C every enumerator is an int; that the enumeration exists is checked by naming it. */
#define SAME_TYPE(type, name) static_assert(sizeof(type) == sizeof(int), #type " must be an enumeration");
#define OBJECT(name, value) static_assert(_Generic(&name, const int *: 1, default: 0), #name " must be a const int");
#endif

/* An enumerator of enumeration type. */
#define VALUE(type, name, value) SAME_TYPE(type, name) SAME_VALUE(name, value)
/* A macro: its text after expansion is its number, shorter than any name here. */
#define TEXT(x) #x
#define TEXT_OF(x) TEXT(x)
#define MACRO(name, value) SAME_VALUE(name, value) static_assert(sizeof(TEXT_OF(name)) != sizeof(#name), #name " must be a macro");


/* aclDataType */
VALUE(aclDataType, ACL_DT_UNDEFINED, -1)
VALUE(aclDataType, ACL_FLOAT, 0)
VALUE(aclDataType, ACL_FLOAT16, 1)
VALUE(aclDataType, ACL_INT8, 2)
VALUE(aclDataType, ACL_INT32, 3)
VALUE(aclDataType, ACL_UINT8, 4)
VALUE(aclDataType, ACL_INT16, 6)
VALUE(aclDataType, ACL_UINT16, 7)
VALUE(aclDataType, ACL_UINT32, 8)
VALUE(aclDataType, ACL_INT64, 9)
VALUE(aclDataType, ACL_UINT64, 10)
VALUE(aclDataType, ACL_DOUBLE, 11)
VALUE(aclDataType, ACL_BOOL, 12)
VALUE(aclDataType, ACL_STRING, 13)
VALUE(aclDataType, ACL_COMPLEX64, 16)
VALUE(aclDataType, ACL_COMPLEX128, 17)
VALUE(aclDataType, ACL_BF16, 27)
VALUE(aclDataType, ACL_INT4, 29)
VALUE(aclDataType, ACL_UINT1, 30)
VALUE(aclDataType, ACL_COMPLEX32, 33)
VALUE(aclDataType, ACL_HIFLOAT8, 34)
VALUE(aclDataType, ACL_FLOAT8_E5M2, 35)
VALUE(aclDataType, ACL_FLOAT8_E4M3FN, 36)
VALUE(aclDataType, ACL_FLOAT8_E8M0, 37)
VALUE(aclDataType, ACL_FLOAT6_E3M2, 38)
VALUE(aclDataType, ACL_FLOAT6_E2M3, 39)
VALUE(aclDataType, ACL_FLOAT4_E2M1, 40)
VALUE(aclDataType, ACL_FLOAT4_E1M2, 41)

/* aclFormat */
VALUE(aclFormat, ACL_FORMAT_UNDEFINED, -1)
VALUE(aclFormat, ACL_FORMAT_NCHW, 0)
VALUE(aclFormat, ACL_FORMAT_NHWC, 1)
VALUE(aclFormat, ACL_FORMAT_ND, 2)
VALUE(aclFormat, ACL_FORMAT_NC1HWC0, 3)
VALUE(aclFormat, ACL_FORMAT_FRACTAL_Z, 4)
VALUE(aclFormat, ACL_FORMAT_NC1HWC0_C04, 12)
VALUE(aclFormat, ACL_FORMAT_HWCN, 16)
VALUE(aclFormat, ACL_FORMAT_NDHWC, 27)
VALUE(aclFormat, ACL_FORMAT_FRACTAL_NZ, 29)
VALUE(aclFormat, ACL_FORMAT_NCDHW, 30)
VALUE(aclFormat, ACL_FORMAT_NDC1HWC0, 32)
VALUE(aclFormat, ACL_FRACTAL_Z_3D, 33)
VALUE(aclFormat, ACL_FORMAT_NC, 35)
VALUE(aclFormat, ACL_FORMAT_NCL, 47)
VALUE(aclFormat, ACL_FORMAT_FRACTAL_NZ_C0_16, 50)
VALUE(aclFormat, ACL_FORMAT_FRACTAL_NZ_C0_32, 51)
VALUE(aclFormat, ACL_FORMAT_FRACTAL_NZ_C0_2, 52)
VALUE(aclFormat, ACL_FORMAT_FRACTAL_NZ_C0_4, 53)
VALUE(aclFormat, ACL_FORMAT_FRACTAL_NZ_C0_8, 54)

/* aclrtMemcpyKind */
VALUE(aclrtMemcpyKind, ACL_MEMCPY_HOST_TO_HOST, 0)
VALUE(aclrtMemcpyKind, ACL_MEMCPY_HOST_TO_DEVICE, 1)
VALUE(aclrtMemcpyKind, ACL_MEMCPY_DEVICE_TO_HOST, 2)
VALUE(aclrtMemcpyKind, ACL_MEMCPY_DEVICE_TO_DEVICE, 3)
VALUE(aclrtMemcpyKind, ACL_MEMCPY_DEFAULT, 4)
VALUE(aclrtMemcpyKind, ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE, 5)
VALUE(aclrtMemcpyKind, ACL_MEMCPY_INNER_DEVICE_TO_DEVICE, 6)
VALUE(aclrtMemcpyKind, ACL_MEMCPY_INTER_DEVICE_TO_DEVICE, 7)

/* aclrtMemMallocPolicy */
VALUE(aclrtMemMallocPolicy, ACL_MEM_MALLOC_HUGE_FIRST, 0)
VALUE(aclrtMemMallocPolicy, ACL_MEM_MALLOC_HUGE_ONLY, 1)
VALUE(aclrtMemMallocPolicy, ACL_MEM_MALLOC_NORMAL_ONLY, 2)
VALUE(aclrtMemMallocPolicy, ACL_MEM_MALLOC_HUGE_FIRST_P2P, 3)
VALUE(aclrtMemMallocPolicy, ACL_MEM_MALLOC_HUGE_ONLY_P2P, 4)
VALUE(aclrtMemMallocPolicy, ACL_MEM_MALLOC_NORMAL_ONLY_P2P, 5)

/* aclrtMemAttr */
VALUE(aclrtMemAttr, ACL_DDR_MEM, 0)
VALUE(aclrtMemAttr, ACL_HBM_MEM, 1)
VALUE(aclrtMemAttr, ACL_DDR_MEM_HUGE, 2)
VALUE(aclrtMemAttr, ACL_DDR_MEM_NORMAL, 3)
VALUE(aclrtMemAttr, ACL_HBM_MEM_HUGE, 4)
VALUE(aclrtMemAttr, ACL_HBM_MEM_NORMAL, 5)

/* aclrtRunMode */
VALUE(aclrtRunMode, ACL_DEVICE, 0)
VALUE(aclrtRunMode, ACL_HOST, 1)

/* aclLogLevel */
VALUE(aclLogLevel, ACL_DEBUG, 0)
VALUE(aclLogLevel, ACL_INFO, 1)
VALUE(aclLogLevel, ACL_WARNING, 2)
VALUE(aclLogLevel, ACL_ERROR, 3)

/* aclrtCallbackBlockType */
VALUE(aclrtCallbackBlockType, ACL_CALLBACK_NO_BLOCK, 0)
VALUE(aclrtCallbackBlockType, ACL_CALLBACK_BLOCK, 1)

/* aclSysParamOpt */
VALUE(aclSysParamOpt, ACL_OPT_DETERMINISTIC, 0)
VALUE(aclSysParamOpt, ACL_OPT_ENABLE_DEBUG_KERNEL, 1)
VALUE(aclSysParamOpt, ACL_OPT_STRONG_CONSISTENCY, 2)
VALUE(aclSysParamOpt, ACL_OPT_ENABLE_KERNEL_EARLY_START, 3)

/* aclrtLastErrLevel */
VALUE(aclrtLastErrLevel, ACL_RT_THREAD_LEVEL, 0)

/* aclrtEventStatus */
VALUE(aclrtEventStatus, ACL_EVENT_STATUS_COMPLETE, 0)
VALUE(aclrtEventStatus, ACL_EVENT_STATUS_NOT_READY, 1)
VALUE(aclrtEventStatus, ACL_EVENT_STATUS_RESERVED, 2)

/* aclrtEventRecordedStatus: inverted */
VALUE(aclrtEventRecordedStatus, ACL_EVENT_RECORDED_STATUS_NOT_READY, 0)
VALUE(aclrtEventRecordedStatus, ACL_EVENT_RECORDED_STATUS_COMPLETE, 1)

/* aclrtEventWaitStatus */
VALUE(aclrtEventWaitStatus, ACL_EVENT_WAIT_STATUS_COMPLETE, 0)
VALUE(aclrtEventWaitStatus, ACL_EVENT_WAIT_STATUS_NOT_READY, 1)
VALUE(aclrtEventWaitStatus, ACL_EVENT_WAIT_STATUS_RESERVED, 0xffff)

/* aclrtStreamStatus */
VALUE(aclrtStreamStatus, ACL_STREAM_STATUS_COMPLETE, 0)
VALUE(aclrtStreamStatus, ACL_STREAM_STATUS_NOT_READY, 1)
VALUE(aclrtStreamStatus, ACL_STREAM_STATUS_RESERVED, 0xffff)

/* flags and modes */
MACRO(ACL_EVENT_SYNC, 1)
MACRO(ACL_EVENT_CAPTURE_STREAM_PROGRESS, 2)
MACRO(ACL_EVENT_TIME_LINE, 8)
MACRO(ACL_STREAM_FAST_LAUNCH, 1)
MACRO(ACL_STREAM_FAST_SYNC, 2)
MACRO(ACL_CONTINUE_ON_FAILURE, 0)
MACRO(ACL_STOP_ON_FAILURE, 1)

/* error_codes/rt_error_codes.h */
MACRO(ACL_RT_SUCCESS, 0)
MACRO(ACL_ERROR_RT_PARAM_INVALID, 107000)
MACRO(ACL_ERROR_RT_INVALID_DEVICEID, 107001)
MACRO(ACL_ERROR_RT_CONTEXT_NULL, 107002)
MACRO(ACL_ERROR_RT_STREAM_CONTEXT, 107003)
MACRO(ACL_ERROR_RT_EVENT_TIMESTAMP_INVALID, 107006)
MACRO(ACL_ERROR_RT_EVENT_TIMESTAMP_REVERSAL, 107007)
MACRO(ACL_ERROR_RT_STREAM_SUBSCRIBE, 107011)
MACRO(ACL_ERROR_RT_THREAD_SUBSCRIBE, 107012)
MACRO(ACL_ERROR_RT_STREAM_NO_CB_REG, 107015)
MACRO(ACL_ERROR_RT_INVALID_MEMORY_TYPE, 107016)
MACRO(ACL_ERROR_RT_INVALID_HANDLE, 107017)
MACRO(ACL_ERROR_RT_WAIT_TIMEOUT, 107019)
MACRO(ACL_ERROR_RT_SYSPARAMOPT_NOT_SET, 107021)
MACRO(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, 207000)
MACRO(ACL_ERROR_RT_MEMORY_ALLOCATION, 207001)
MACRO(ACL_ERROR_RT_MEMORY_FREE, 207002)
MACRO(ACL_ERROR_RT_NO_DEVICE, 207004)
MACRO(ACL_ERROR_RT_RESOURCE_ALLOC_FAIL, 207005)
MACRO(ACL_ERROR_RT_INTERNAL_ERROR, 507000)
MACRO(ACL_ERROR_RT_EVENT_NOT_COMPLETE, 507006)
MACRO(ACL_ERROR_RT_CONTEXT_RELEASE_ERROR, 507007)
MACRO(ACL_ERROR_RT_REPORT_TIMEOUT, 507012)
MACRO(ACL_ERROR_RT_AICORE_EXCEPTION, 507015)
MACRO(ACL_ERROR_RT_AICPU_EXCEPTION, 507018)
MACRO(ACL_ERROR_RT_STREAM_SYNC_TIMEOUT, 507046)
MACRO(ACL_ERROR_RT_EVENT_SYNC_TIMEOUT, 507047)

/* aclnnStatus */
MACRO(ACLNN_SUCCESS, 0)
MACRO(ACLNN_ERR_PARAM_NULLPTR, 161001)
MACRO(ACLNN_ERR_PARAM_INVALID, 161002)
MACRO(ACLNN_ERR_RUNTIME_ERROR, 361001)
MACRO(ACLNN_ERR_INNER, 561000)
MACRO(ACLNN_ERR_INNER_INFERSHAPE_ERROR, 561001)
MACRO(ACLNN_ERR_INNER_TILING_ERROR, 561002)
MACRO(ACLNN_ERR_INNER_FIND_KERNEL_ERROR, 561003)
MACRO(ACLNN_ERR_INNER_CREATE_EXECUTOR, 561101)
MACRO(ACLNN_ERR_INNER_NULLPTR, 561103)

/* acl_base.h */
OBJECT(ACL_SUCCESS, 0)
OBJECT(ACL_ERROR_NONE, 0)
OBJECT(ACL_ERROR_INVALID_PARAM, 100000)
OBJECT(ACL_ERROR_UNINITIALIZE, 100001)
OBJECT(ACL_ERROR_REPEAT_INITIALIZE, 100002)
OBJECT(ACL_ERROR_INVALID_FILE, 100003)
OBJECT(ACL_ERROR_WRITE_FILE, 100004)
OBJECT(ACL_ERROR_INVALID_FILE_SIZE, 100005)
OBJECT(ACL_ERROR_PARSE_FILE, 100006)
OBJECT(ACL_ERROR_FILE_MISSING_ATTR, 100007)
OBJECT(ACL_ERROR_FILE_ATTR_INVALID, 100008)
OBJECT(ACL_ERROR_UNSUPPORTED_DATA_TYPE, 100026)
OBJECT(ACL_ERROR_FORMAT_NOT_MATCH, 100027)
OBJECT(ACL_ERROR_STREAM_NOT_SUBSCRIBE, 100034)
OBJECT(ACL_ERROR_THREAD_NOT_SUBSCRIBE, 100035)
OBJECT(ACL_ERROR_WAIT_CALLBACK_TIMEOUT, 100036)
OBJECT(ACL_ERROR_REPEAT_FINALIZE, 100037)
OBJECT(ACL_ERROR_BAD_ALLOC, 200000)
OBJECT(ACL_ERROR_API_NOT_SUPPORT, 200001)
OBJECT(ACL_ERROR_INVALID_DEVICE, 200002)
OBJECT(ACL_ERROR_MEMORY_ADDRESS_UNALIGNED, 200003)
OBJECT(ACL_ERROR_RESOURCE_NOT_MATCH, 200004)
OBJECT(ACL_ERROR_INVALID_RESOURCE_HANDLE, 200005)
OBJECT(ACL_ERROR_FEATURE_UNSUPPORTED, 200006)
OBJECT(ACL_ERROR_STORAGE_OVER_LIMIT, 300000)
OBJECT(ACL_ERROR_INTERNAL_ERROR, 500000)
OBJECT(ACL_ERROR_FAILURE, 500001)
OBJECT(ACL_ERROR_GE_FAILURE, 500002)
OBJECT(ACL_ERROR_RT_FAILURE, 500003)
OBJECT(ACL_ERROR_DRV_FAILURE, 500004)
OBJECT(ACL_ERROR_PROFILING_FAILURE, 500005)

/* handles and plain types */
static_assert(sizeof(aclFloat16) == sizeof(uint16_t) && (aclFloat16)-1 > 0, "aclFloat16 must be uint16_t");
static_assert(sizeof(aclnnStatus) == sizeof(int32_t) && (aclnnStatus)-1 < 0, "aclnnStatus must be int32_t");
static_assert(sizeof(aclError) == sizeof(int) && (aclError)-1 < 0, "aclError must be int");
#ifdef __cplusplus
static_assert(same_type<aclrtStream, void *>::yes && same_type<aclrtEvent, void *>::yes &&
              same_type<aclrtContext, void *>::yes, "handles must be void pointers");
static_assert(same_type<aclrtCallback, void (*)(void *)>::yes, "aclrtCallback takes a void pointer");
#else
#define IS(type, is) _Generic((type){0}, is: 1, default: 0)
static_assert(IS(aclrtStream, void *) && IS(aclrtEvent, void *) && IS(aclrtContext, void *),
              "handles must be void pointers");
static_assert(IS(aclError, int) && IS(aclnnStatus, int32_t) && IS(aclFloat16, uint16_t), "plain types");
#endif

#if !defined(ACL_FUNC_VISIBILITY) || !defined(ACLNN_API)
#error "the visibility marks must be macros"
#endif
