/* SPDX-License-Identifier: Apache-2.0 */
/* rt_error_codes.h - the status codes of the runtime, as macros. Conditions under which antiquant returns a
 * code are given here once; the functions name the codes they can return. Codes marked "never here" belong to
 * the interface and are kept so that programs which compare with them compile. Source: runtime pages 4.4
 * and 4.5. */
#ifndef ACL_ERROR_CODES_RT_ERROR_CODES_H
#define ACL_ERROR_CODES_RT_ERROR_CODES_H

#define ACL_RT_SUCCESS 0 /**< done, or accepted into a stream */

/* 107xxx: the caller's arguments or order of calls */
#define ACL_ERROR_RT_PARAM_INVALID            107000 /**< count beyond the destination; timeout < -1 */
#define ACL_ERROR_RT_INVALID_DEVICEID         107001 /**< device id out of range */
#define ACL_ERROR_RT_CONTEXT_NULL             107002 /**< the thread has no current context and needs one */
#define ACL_ERROR_RT_STREAM_CONTEXT           107003 /**< stream or event of another context */
#define ACL_ERROR_RT_EVENT_TIMESTAMP_INVALID  107006 /**< never here */
#define ACL_ERROR_RT_EVENT_TIMESTAMP_REVERSAL 107007 /**< never here */
#define ACL_ERROR_RT_STREAM_SUBSCRIBE         107011 /**< the stream is subscribed already */
#define ACL_ERROR_RT_THREAD_SUBSCRIBE         107012 /**< the thread, or this pair, is not subscribed */
#define ACL_ERROR_RT_STREAM_NO_CB_REG         107015 /**< callback on a stream that nobody is subscribed to */
#define ACL_ERROR_RT_INVALID_MEMORY_TYPE      107016 /**< never here */
#define ACL_ERROR_RT_INVALID_HANDLE           107017 /**< stream, event or context that has been destroyed */
#define ACL_ERROR_RT_WAIT_TIMEOUT             107019 /**< never here */
#define ACL_ERROR_RT_SYSPARAMOPT_NOT_SET      107021 /**< never here */

/* 207xxx: resources and features */
#define ACL_ERROR_RT_FEATURE_NOT_SUPPORT 207000 /**< this library lacks the feature, on purpose */
#define ACL_ERROR_RT_MEMORY_ALLOCATION   207001 /**< out of memory */
#define ACL_ERROR_RT_MEMORY_FREE         207002 /**< pointer that this library did not hand out */
#define ACL_ERROR_RT_NO_DEVICE           207004 /**< never here: the CPU is always there */
#define ACL_ERROR_RT_RESOURCE_ALLOC_FAIL 207005 /**< no further worker thread to be had */

/* 507xxx: execution */
#define ACL_ERROR_RT_INTERNAL_ERROR        507000 /**< elapsed time of an event never recorded */
#define ACL_ERROR_RT_EVENT_NOT_COMPLETE    507006 /**< elapsed time of an event still under way */
#define ACL_ERROR_RT_CONTEXT_RELEASE_ERROR 507007 /**< one aclrtResetDevice too many */
#define ACL_ERROR_RT_REPORT_TIMEOUT        507012 /**< no callback became ready in time */
#define ACL_ERROR_RT_AICORE_EXCEPTION      507015 /**< never here */
#define ACL_ERROR_RT_AICPU_EXCEPTION       507018 /**< never here */
#define ACL_ERROR_RT_STREAM_SYNC_TIMEOUT   507046 /**< the stream was not done in time */
#define ACL_ERROR_RT_EVENT_SYNC_TIMEOUT    507047 /**< never here */

#endif
