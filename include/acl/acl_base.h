/* SPDX-License-Identifier: Apache-2.0 */
/* acl_base.h - the types, enumerations and status codes that everything else is written in, three helpers for
 * fp16 and element sizes, and the application's way into the log. No devices, no streams, no tensors.
 *
 * Functions of this header may be called from any thread, need no current context, and work before aclInit
 * and after aclFinalize. Source: runtime pages 4.3 and 4.4. */
#ifndef ACL_ACL_BASE_H
#define ACL_ACL_BASE_H

#ifndef __cplusplus
#include <stdbool.h>
#endif
#include <stddef.h>
#include <stdint.h>

#include "error_codes/rt_error_codes.h"

/** Marks a function that the libraries export. */
#if defined(__GNUC__)
#define ACL_FUNC_VISIBILITY __attribute__((visibility("default")))
#define AQ_MAYBE_UNUSED     __attribute__((unused))
#else
#define ACL_FUNC_VISIBILITY
#define AQ_MAYBE_UNUSED
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Status of a runtime function: 0 or one of the codes below and in error_codes/rt_error_codes.h. */
typedef int aclError;

/** An fp16 number as its 16 bits. */
typedef uint16_t aclFloat16;

/** Handles. They belong to the library; nothing behind them may be read. */
typedef void *aclrtContext; /**< ends by aclrtDestroyContext, or aclrtResetDevice for a primary context */
typedef void *aclrtStream;  /**< ends by aclrtDestroyStream; null = default stream of the current context */
typedef void *aclrtEvent;   /**< ends by aclrtDestroyEvent */

/* Status codes of the runtime's outer layer. They are objects, as in the original, so that their addresses
 * can be taken and C++ code can shadow them; where a constant expression is needed in C, use the number.
 * Where no condition is given, antiquant does not return the code. */
static const int ACL_SUCCESS AQ_MAYBE_UNUSED = 0;
static const int ACL_ERROR_NONE AQ_MAYBE_UNUSED = 0;

static const int ACL_ERROR_INVALID_PARAM AQ_MAYBE_UNUSED = 100000; /**< null, zero or unknown value */
static const int ACL_ERROR_UNINITIALIZE AQ_MAYBE_UNUSED = 100001;
static const int ACL_ERROR_REPEAT_INITIALIZE AQ_MAYBE_UNUSED = 100002; /**< aclInit a second time */
static const int ACL_ERROR_INVALID_FILE AQ_MAYBE_UNUSED = 100003;      /**< configuration not readable */
static const int ACL_ERROR_WRITE_FILE AQ_MAYBE_UNUSED = 100004;
static const int ACL_ERROR_INVALID_FILE_SIZE AQ_MAYBE_UNUSED = 100005;
static const int ACL_ERROR_PARSE_FILE AQ_MAYBE_UNUSED = 100006; /**< configuration empty or not JSON */
static const int ACL_ERROR_FILE_MISSING_ATTR AQ_MAYBE_UNUSED = 100007;
static const int ACL_ERROR_FILE_ATTR_INVALID AQ_MAYBE_UNUSED = 100008;
static const int ACL_ERROR_UNSUPPORTED_DATA_TYPE AQ_MAYBE_UNUSED = 100026;
static const int ACL_ERROR_FORMAT_NOT_MATCH AQ_MAYBE_UNUSED = 100027;
static const int ACL_ERROR_STREAM_NOT_SUBSCRIBE AQ_MAYBE_UNUSED = 100034;
static const int ACL_ERROR_THREAD_NOT_SUBSCRIBE AQ_MAYBE_UNUSED = 100035;
static const int ACL_ERROR_WAIT_CALLBACK_TIMEOUT AQ_MAYBE_UNUSED = 100036;
static const int ACL_ERROR_REPEAT_FINALIZE AQ_MAYBE_UNUSED = 100037; /**< aclFinalize without aclInit */

static const int ACL_ERROR_BAD_ALLOC AQ_MAYBE_UNUSED = 200000;
static const int ACL_ERROR_API_NOT_SUPPORT AQ_MAYBE_UNUSED = 200001;
static const int ACL_ERROR_INVALID_DEVICE AQ_MAYBE_UNUSED = 200002;
static const int ACL_ERROR_MEMORY_ADDRESS_UNALIGNED AQ_MAYBE_UNUSED = 200003;
static const int ACL_ERROR_RESOURCE_NOT_MATCH AQ_MAYBE_UNUSED = 200004;
static const int ACL_ERROR_INVALID_RESOURCE_HANDLE AQ_MAYBE_UNUSED = 200005;
static const int ACL_ERROR_FEATURE_UNSUPPORTED AQ_MAYBE_UNUSED = 200006;
static const int ACL_ERROR_STORAGE_OVER_LIMIT AQ_MAYBE_UNUSED = 300000;

static const int ACL_ERROR_INTERNAL_ERROR AQ_MAYBE_UNUSED = 500000;
static const int ACL_ERROR_FAILURE AQ_MAYBE_UNUSED = 500001;
static const int ACL_ERROR_GE_FAILURE AQ_MAYBE_UNUSED = 500002;
static const int ACL_ERROR_RT_FAILURE AQ_MAYBE_UNUSED = 500003;
static const int ACL_ERROR_DRV_FAILURE AQ_MAYBE_UNUSED = 500004;
static const int ACL_ERROR_PROFILING_FAILURE AQ_MAYBE_UNUSED = 500005;

/** Type of one element. */
typedef enum aclDataType {
    ACL_DT_UNDEFINED = -1,
    ACL_FLOAT = 0,
    ACL_FLOAT16 = 1,
    ACL_INT8 = 2,
    ACL_INT32 = 3,
    ACL_UINT8 = 4,
    ACL_INT16 = 6,
    ACL_UINT16 = 7,
    ACL_UINT32 = 8,
    ACL_INT64 = 9,
    ACL_UINT64 = 10,
    ACL_DOUBLE = 11,
    ACL_BOOL = 12,
    ACL_STRING = 13,
    ACL_COMPLEX64 = 16,
    ACL_COMPLEX128 = 17,
    ACL_BF16 = 27,
    ACL_INT4 = 29, /**< two to a byte, the even element in the low nibble */
    ACL_UINT1 = 30,
    ACL_COMPLEX32 = 33,
    ACL_HIFLOAT8 = 34,
    ACL_FLOAT8_E5M2 = 35,
    ACL_FLOAT8_E4M3FN = 36,
    ACL_FLOAT8_E8M0 = 37,
    ACL_FLOAT6_E3M2 = 38,
    ACL_FLOAT6_E2M3 = 39,
    ACL_FLOAT4_E2M1 = 40,
    ACL_FLOAT4_E1M2 = 41
} aclDataType;

/** Order of the elements in storage. Plain formats (NCHW, NHWC, NCL, ...) count as ND in this library. */
typedef enum aclFormat {
    ACL_FORMAT_UNDEFINED = -1,
    ACL_FORMAT_NCHW = 0,
    ACL_FORMAT_NHWC = 1,
    ACL_FORMAT_ND = 2,
    ACL_FORMAT_NC1HWC0 = 3,
    ACL_FORMAT_FRACTAL_Z = 4,
    ACL_FORMAT_NC1HWC0_C04 = 12,
    ACL_FORMAT_HWCN = 16,
    ACL_FORMAT_NDHWC = 27,
    ACL_FORMAT_FRACTAL_NZ = 29,
    ACL_FORMAT_NCDHW = 30,
    ACL_FORMAT_NDC1HWC0 = 32,
    ACL_FRACTAL_Z_3D = 33,
    ACL_FORMAT_NC = 35,
    ACL_FORMAT_NCL = 47,
    ACL_FORMAT_FRACTAL_NZ_C0_16 = 50,
    ACL_FORMAT_FRACTAL_NZ_C0_32 = 51,
    ACL_FORMAT_FRACTAL_NZ_C0_2 = 52,
    ACL_FORMAT_FRACTAL_NZ_C0_4 = 53,
    ACL_FORMAT_FRACTAL_NZ_C0_8 = 54
} aclFormat;

/** Weight of a log line. */
typedef enum aclLogLevel { ACL_DEBUG = 0, ACL_INFO = 1, ACL_WARNING = 2, ACL_ERROR = 3 } aclLogLevel;

/** Widens an fp16 to fp32.
 *
 * Exact for every finite value, subnormals included. Not IEEE at the top: the exponent of infinities and NaNs
 * is read as one more power of two, so that 0x7C00 gives 65536.0, 0xFC00 -65536.0 and 0x7E00 98304.0.
 *
 * @param value the 16 bits.
 * @return the fp32 value. There is no failure.
 *
 * Source: companions page 2.2. */
ACL_FUNC_VISIBILITY float aclFloat16ToFloat(aclFloat16 value);

/** Rounds an fp32 to fp16, to nearest even, subnormals kept.
 *
 * Not IEEE at the top: infinities, NaNs and whatever rounds beyond 65504 give 0x7BFF, 0xFBFF when negative.
 *
 * @param value any fp32.
 * @return the 16 bits. There is no failure.
 *
 * Source: companions page 2.2. */
ACL_FUNC_VISIBILITY aclFloat16 aclFloatToFloat16(float value);

/** Bytes that one element takes.
 *
 * @param dataType the type.
 * @return bytes per element; 1 for ACL_INT4 and ACL_UINT1, whose elements share a byte; 0 for ACL_STRING,
 *     ACL_DT_UNDEFINED and any other value that has no element size.
 *
 * Source: companions page 2.2. */
ACL_FUNC_VISIBILITY size_t aclDataTypeSize(aclDataType dataType);

/** Adds a line of the application's own to the log, where the level set for the process lets it through.
 *
 * @param logLevel weight of the line.
 * @param func name of the calling function; may be null.
 * @param file name of the source file; may be null.
 * @param line line in @p file.
 * @param fmt printf format of the text, followed by its arguments; null adds nothing.
 *
 * All strings stay the caller's and are read before the call returns.
 * Source: runtime pages 4.3 and 4.7. */
ACL_FUNC_VISIBILITY void aclAppLog(aclLogLevel logLevel, const char *func, const char *file, uint32_t line,
                                   const char *fmt, ...);

#ifdef __cplusplus
}
#endif
#endif
