/* SPDX-License-Identifier: Apache-2.0 */
/* acl_rt.h - devices, contexts, streams, events, memory, callbacks: what a program sets up around its
 * operators.
 *
 * Said once for the whole header:
 * - Every device is the host CPU; "device memory" is memory of the host. ANTIQUANT_DEVICES says how many
 * there are.
 * - Every function may be called from any thread. The current context is a property of the thread; a new
 * thread has none. "Needs a current context" means: without one the function returns 107002.
 * - Functions return 0 or a status; on a status, outputs are untouched and aclGetRecentErrMsg has the
 * explanation. An out-parameter may never be null (100000) and stays the caller's.
 * - A stream is an in-order queue with a worker of its own. Streams do not wait for one another unless told
 * to. A null stream means the default stream of the current context. Functions that take a stream return
 * 107002 for a null one without a current context, 107003 for one of another context than the current, and
 * 107017 for one that has been destroyed; below this is "the stream statuses". A thread without a current
 * context may use any stream whose context has not ended (then: 107002).
 * - Functions that take an event return 100000 for null, 107003 for one of another context than the stream's
 * or the current one, 107002 for one of an ended context in a thread that has none, and 107017 for one that
 * has been destroyed; below "the event statuses".
 * - Errors of arguments are returned at once. Errors of execution are returned by the next synchronise or
 * query of that stream, and by aclrtGetLastError; below "an execution error".
 * - Releasing streams, events and memory works after aclrtResetDevice and aclFinalize too: they outlive the
 * context. Sources: runtime pages 4.2 (model), 4.3 (functions), 4.4 (values), 4.5 (statuses). */
#ifndef ACL_ACL_RT_H
#define ACL_ACL_RT_H

#include "acl_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of aclrtCreateEventWithFlag, to be or-ed. */
#define ACL_EVENT_SYNC                    0x00000001u /**< for waiting between streams */
#define ACL_EVENT_CAPTURE_STREAM_PROGRESS 0x00000002u /**< for asking how far a stream is */
#define ACL_EVENT_TIME_LINE               0x00000008u /**< for measuring time */

/* Flags of aclrtCreateStreamWithConfig, to be or-ed. */
#define ACL_STREAM_FAST_LAUNCH 0x00000001u
#define ACL_STREAM_FAST_SYNC   0x00000002u

/* Modes of aclrtSetStreamFailureMode. */
#define ACL_CONTINUE_ON_FAILURE 0x00000000u /**< commands after one that failed run all the same */
#define ACL_STOP_ON_FAILURE     0x00000001u /**< they are dropped */

/** Where the calling program runs. */
typedef enum aclrtRunMode { ACL_DEVICE = 0, ACL_HOST = 1 } aclrtRunMode;

/** Direction of a copy. All memory is the host's, so the direction changes only the checks. */
typedef enum aclrtMemcpyKind {
    ACL_MEMCPY_HOST_TO_HOST = 0,
    ACL_MEMCPY_HOST_TO_DEVICE = 1,
    ACL_MEMCPY_DEVICE_TO_HOST = 2,
    ACL_MEMCPY_DEVICE_TO_DEVICE = 3,
    ACL_MEMCPY_DEFAULT = 4,
    ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE = 5,
    ACL_MEMCPY_INNER_DEVICE_TO_DEVICE = 6, /**< refused with 100000 */
    ACL_MEMCPY_INTER_DEVICE_TO_DEVICE = 7  /**< refused with 100000 */
} aclrtMemcpyKind;

/** What pages to take for an allocation. A hint; it changes no result. */
typedef enum aclrtMemMallocPolicy {
    ACL_MEM_MALLOC_HUGE_FIRST = 0,
    ACL_MEM_MALLOC_HUGE_ONLY = 1,
    ACL_MEM_MALLOC_NORMAL_ONLY = 2,
    ACL_MEM_MALLOC_HUGE_FIRST_P2P = 3,
    ACL_MEM_MALLOC_HUGE_ONLY_P2P = 4,
    ACL_MEM_MALLOC_NORMAL_ONLY_P2P = 5
} aclrtMemMallocPolicy;

/** Which memory aclrtGetMemInfo is asked about. Here they are all the host's. */
typedef enum aclrtMemAttr {
    ACL_DDR_MEM = 0,
    ACL_HBM_MEM = 1,
    ACL_DDR_MEM_HUGE = 2,
    ACL_DDR_MEM_NORMAL = 3,
    ACL_HBM_MEM_HUGE = 4,
    ACL_HBM_MEM_NORMAL = 5
} aclrtMemAttr;

/** Whether the stream waits for a callback. */
typedef enum aclrtCallbackBlockType {
    ACL_CALLBACK_NO_BLOCK = 0, /**< later commands may start before the callback has run */
    ACL_CALLBACK_BLOCK = 1     /**< later commands start after it has returned */
} aclrtCallbackBlockType;

/** Settings of a context or of the process. */
typedef enum aclSysParamOpt {
    ACL_OPT_DETERMINISTIC = 0, /**< accepted and always true: results here never depend on scheduling */
    ACL_OPT_ENABLE_DEBUG_KERNEL = 1,
    ACL_OPT_STRONG_CONSISTENCY = 2,
    ACL_OPT_ENABLE_KERNEL_EARLY_START = 3
} aclSysParamOpt;

/** Whose last error is meant. */
typedef enum aclrtLastErrLevel { ACL_RT_THREAD_LEVEL = 0 } aclrtLastErrLevel;

/** Answer of aclrtQueryEvent. Mind that aclrtEventRecordedStatus counts the other way round. */
typedef enum aclrtEventStatus {
    ACL_EVENT_STATUS_COMPLETE = 0,
    ACL_EVENT_STATUS_NOT_READY = 1,
    ACL_EVENT_STATUS_RESERVED = 2
} aclrtEventStatus;

/** Answer of aclrtQueryEventStatus. Mind that aclrtEventStatus counts the other way round. */
typedef enum aclrtEventRecordedStatus {
    ACL_EVENT_RECORDED_STATUS_NOT_READY = 0,
    ACL_EVENT_RECORDED_STATUS_COMPLETE = 1
} aclrtEventRecordedStatus;

/** State of a stream's wait for an event. No function of this library hands it out. */
typedef enum aclrtEventWaitStatus {
    ACL_EVENT_WAIT_STATUS_COMPLETE = 0,
    ACL_EVENT_WAIT_STATUS_NOT_READY = 1,
    ACL_EVENT_WAIT_STATUS_RESERVED = 0xffff
} aclrtEventWaitStatus;

/** Answer of aclrtStreamQuery. */
typedef enum aclrtStreamStatus {
    ACL_STREAM_STATUS_COMPLETE = 0,
    ACL_STREAM_STATUS_NOT_READY = 1,
    ACL_STREAM_STATUS_RESERVED = 0xffff
} aclrtStreamStatus;

/** A function that the host runs at a point of a stream's queue. */
typedef void (*aclrtCallback)(void *userData);

/* ---- Devices ---- */

/** Name of the chip whose limits are in force: "Ascend910B3", or as ANTIQUANT_PROFILE says.
 *
 * @return static text, never null, not to be freed.
 *
 * Source: runtime page 4.3, operators page 3.1. */
ACL_FUNC_VISIBILITY const char *aclrtGetSocName(void);

/** Makes the primary context of a device the calling thread's current one, creating it at first use.
 *
 * Every call counts: as many aclrtResetDevice end the primary context.
 *
 * @param deviceId 0 to device count - 1.
 * @return 0; 107001 no such device; 207001 out of memory.
 *
 * Source: runtime pages 4.2 and 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtSetDevice(int32_t deviceId);

/** Takes back one aclrtSetDevice. With the last one the primary context ends once its work is done, and
 * threads that held it have no current context.
 *
 * @param deviceId 0 to device count - 1.
 * @return 0; 107001 no such device; 507007 more resets than sets.
 *
 * Source: runtime pages 4.2 and 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtResetDevice(int32_t deviceId);

/** Device of the current context. Needs a current context.
 *
 * @param deviceId out.
 * @return 0; 100000 null; 107002 no current context.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtGetDevice(int32_t *deviceId);

/** Waits until every stream of the current context's device is empty. Needs a current context.
 *
 * @return 0; 107002 no current context; an execution error.
 *
 * Source: runtime page 4.2. */
ACL_FUNC_VISIBILITY aclError aclrtSynchronizeDevice(void);

/** Number of devices: ANTIQUANT_DEVICES (default 1), less those that ASCEND_RT_VISIBLE_DEVICES hides.
 *
 * @param count out.
 * @return 0; 100000 null.
 *
 * Source: runtime page 4.2. */
ACL_FUNC_VISIBILITY aclError aclrtGetDeviceCount(uint32_t *count);

/** Where the program runs: always ACL_HOST.
 *
 * @param runMode out.
 * @return 0; 100000 null.
 *
 * Source: runtime page 4.4. */
ACL_FUNC_VISIBILITY aclError aclrtGetRunMode(aclrtRunMode *runMode);

/** Whether one device may read another's memory.
 *
 * @param canAccessPeer out: 1 yes, 0 no.
 * @param deviceId the device that reads.
 * @param peerDeviceId the device that is read.
 * @return 0; 100000 null, or both ids equal; 107001 no such device.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtDeviceCanAccessPeer(int32_t *canAccessPeer, int32_t deviceId,
                                                      int32_t peerDeviceId);

/** Lets the current device read another's memory. All memory is the host's, so only the arguments are
 * checked. Needs a current context.
 *
 * @param peerDeviceId the device to read from.
 * @param flags reserved, 0.
 * @return 0; 100000 @p flags is not 0; 107001 no such device; 107002 no current context.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtDeviceEnablePeerAccess(int32_t peerDeviceId, uint32_t flags);

/* ---- Contexts ---- */

/** Creates a context with a default stream of its own and makes it the calling thread's current one.
 *
 * @param context out: the caller ends it by aclrtDestroyContext.
 * @param deviceId 0 to device count - 1.
 * @return 0; 100000 null; 107001 no such device; 207001 out of memory.
 *
 * Source: runtime pages 4.2 and 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtCreateContext(aclrtContext *context, int32_t deviceId);

/** Ends a context once its work is done. Threads that held it have no current context. A primary context is
 * ended by aclrtResetDevice, not here.
 *
 * @param context made by aclrtCreateContext.
 * @return 0; 100000 null or a primary context; 107017 not a context, or destroyed already.
 *
 * Source: runtime pages 4.2 and 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtDestroyContext(aclrtContext context);

/** Makes a context the calling thread's current one, also one that another thread created.
 *
 * @param context a living context.
 * @return 0; 100000 null; 107017 not a context, or destroyed already.
 *
 * Source: runtime page 4.2. */
ACL_FUNC_VISIBILITY aclError aclrtSetCurrentContext(aclrtContext context);

/** The calling thread's current context. Needs a current context.
 *
 * @param context out: shared, not to be destroyed on account of this call.
 * @return 0; 100000 null; 107002 no current context.
 *
 * Source: runtime page 4.2. */
ACL_FUNC_VISIBILITY aclError aclrtGetCurrentContext(aclrtContext *context);

/** Sets an option of the current context. Options are accepted and change no result. Needs a current context.
 *
 * @param opt the option.
 * @param value its value.
 * @return 0; 100000 unknown option; 107002 no current context.
 *
 * Source: runtime page 4.3. */
ACL_FUNC_VISIBILITY aclError aclrtCtxSetSysParamOpt(aclSysParamOpt opt, int64_t value);

/** Sets an option of the process. Options are accepted and change no result.
 *
 * @param opt the option.
 * @param value its value.
 * @return 0; 100000 unknown option.
 *
 * Source: runtime page 4.3. */
ACL_FUNC_VISIBILITY aclError aclrtSetSysParamOpt(aclSysParamOpt opt, int64_t value);

/* ---- Streams ---- */

/** Creates a stream in the current context. Needs a current context. The worker thread begins with the first
 * command: whatever queues one returns 207005 when there is no thread to be had.
 *
 * @param stream out: the caller ends it by aclrtDestroyStream.
 * @return 0; 100000 null; 107002 no current context; 207001 out of memory.
 *
 * Source: runtime pages 4.2 and 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtCreateStream(aclrtStream *stream);

/** As aclrtCreateStream. Priority and flags are hints that change nothing here.
 *
 * @param stream out, as there.
 * @param priority 0 is the highest; ignored.
 * @param flag ACL_STREAM_FAST_LAUNCH, ACL_STREAM_FAST_SYNC, both or 0; ignored.
 * @return as aclrtCreateStream.
 *
 * Source: runtime pages 4.3 and 4.4. */
ACL_FUNC_VISIBILITY aclError aclrtCreateStreamWithConfig(aclrtStream *stream, uint32_t priority,
                                                         uint32_t flag);

/** Ends a stream: waits for what it has queued, then releases it. Works after aclrtResetDevice and
 * aclFinalize.
 *
 * @param stream created by this process; the default stream cannot be destroyed.
 * @return 0; 100000 null; 107017 destroyed already.
 *
 * Source: runtime pages 4.2 and 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtDestroyStream(aclrtStream stream);

/** As aclrtDestroyStream, but commands that have not started are dropped.
 *
 * @param stream as there.
 * @return as there.
 *
 * Source: runtime pages 4.2 and 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtDestroyStreamForce(aclrtStream stream);

/** Waits until everything queued on a stream so far is done.
 *
 * @param stream may be null.
 * @return 0; the stream statuses; 107000 called from a callback that the stream waits for; an execution
 * error.
 *
 * Source: runtime page 4.2. */
ACL_FUNC_VISIBILITY aclError aclrtSynchronizeStream(aclrtStream stream);

/** As aclrtSynchronizeStream, for a limited time.
 *
 * @param stream may be null.
 * @param timeout milliseconds; -1 for no limit.
 * @return as there, and: 107000 @p timeout < -1; 507046 time is up, the work goes on.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtSynchronizeStreamWithTimeout(aclrtStream stream, int32_t timeout);

/** Whether a stream has finished all it was given, without waiting.
 *
 * @param stream may be null.
 * @param status out: ACL_STREAM_STATUS_COMPLETE or ACL_STREAM_STATUS_NOT_READY.
 * @return 0; 100000 @p status is null; the stream statuses; an execution error.
 *
 * Source: runtime pages 4.2 and 4.4. */
ACL_FUNC_VISIBILITY aclError aclrtStreamQuery(aclrtStream stream, aclrtStreamStatus *status);

/** Makes later commands of a stream wait for an event; returns at once. An event never recorded is complete.
 *
 * @param stream may be null.
 * @param event the event, of any stream of any context or device.
 * @return 0; 100000 null event; 107017 the event has been destroyed; the stream statuses; 207001 out of
 * memory; 207005 no worker thread.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtStreamWaitEvent(aclrtStream stream, aclrtEvent event);

/** Says what a stream does with the commands after one that failed.
 *
 * @param stream may be null.
 * @param mode ACL_CONTINUE_ON_FAILURE (how streams begin) or ACL_STOP_ON_FAILURE.
 * @return 0; 100000 unknown mode; the stream statuses.
 *
 * Source: runtime pages 4.3 and 4.4. */
ACL_FUNC_VISIBILITY aclError aclrtSetStreamFailureMode(aclrtStream stream, uint64_t mode);

/* ---- Events ---- */

/** Creates an event in the current context. Needs a current context.
 *
 * @param event out: the caller ends it by aclrtDestroyEvent.
 * @return 0; 100000 null; 107002 no current context; 207001 out of memory.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtCreateEvent(aclrtEvent *event);

/** As aclrtCreateEvent. The flags are hints: every event here can be waited for, queried and timed.
 *
 * @param event out, as there.
 * @param flag ACL_EVENT_* or-ed.
 * @return as there.
 *
 * Source: runtime page 4.4. */
ACL_FUNC_VISIBILITY aclError aclrtCreateEventWithFlag(aclrtEvent *event, uint32_t flag);

/** The same as aclrtCreateEventWithFlag in this library.
 *
 * @param event out, as there.
 * @param flag ACL_EVENT_* or-ed.
 * @return as there.
 *
 * Source: runtime page 4.4. */
ACL_FUNC_VISIBILITY aclError aclrtCreateEventExWithFlag(aclrtEvent *event, uint32_t flag);

/** Ends an event. Streams that wait for it still see it through. Works after aclrtResetDevice and
 * aclFinalize.
 *
 * @param event the event.
 * @return 0; 100000 null; 107017 destroyed already.
 *
 * Source: runtime pages 4.2 and 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtDestroyEvent(aclrtEvent event);

/** Queues "set this event" on a stream; a second record replaces the first.
 *
 * @param event the event.
 * @param stream may be null.
 * @return 0; the event statuses; the stream statuses; 207001 out of memory.
 *
 * Source: runtime page 4.3. */
ACL_FUNC_VISIBILITY aclError aclrtRecordEvent(aclrtEvent event, aclrtStream stream);

/** Waits until an event is set; at once when it was never recorded.
 *
 * @param event the event.
 * @return 0; the event statuses; 107000 called from a callback that the event's stream waits for, before the
 * event; an execution error that its stream has not told yet, which stays with the stream.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtSynchronizeEvent(aclrtEvent event);

/** Whether an event is set. One that was never recorded is complete.
 *
 * @param event the event.
 * @param status out. The values are inverted against aclrtQueryEvent: 0 not ready, 1 complete.
 * @return 0; the event statuses; 100000 @p status is null.
 *
 * Source: runtime pages 4.4 and 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtQueryEventStatus(aclrtEvent event, aclrtEventRecordedStatus *status);

/** As aclrtQueryEventStatus, older form.
 *
 * @param event the event.
 * @param status out: 0 complete, 1 not ready.
 * @return as there.
 *
 * Source: runtime pages 4.4 and 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtQueryEvent(aclrtEvent event, aclrtEventStatus *status);

/** Time between two events.
 *
 * @param ms out: milliseconds from @p startEvent to @p endEvent.
 * @param startEvent recorded and complete.
 * @param endEvent recorded and complete.
 * @return 0; 100000 null; the event statuses; 507000 an event was never recorded; 507006 an event is still
 * under way. Negative when @p endEvent was first.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtEventElapsedTime(float *ms, aclrtEvent startEvent, aclrtEvent endEvent);

/* ---- Memory ---- */

/** Allocates device memory, uninitialised, aligned to 64 bytes. Needs a current context.
 *
 * The usable size is @p size rounded up to a multiple of 32, plus 32 bytes.
 *
 * @param devPtr out: the caller releases it by aclrtFree.
 * @param size bytes, > 0.
 * @param policy a hint.
 * @return 0; 100000 null or size 0; 107002 no current context; 207001 out of memory.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtMalloc(void **devPtr, size_t size, aclrtMemMallocPolicy policy);

/** As aclrtMalloc, for callers content with 32 bytes of alignment and no spare bytes at the end.
 *
 * @param devPtr out, as there.
 * @param size bytes, > 0.
 * @param policy a hint.
 * @return as there.
 *
 * Source: runtime page 4.3. */
ACL_FUNC_VISIBILITY aclError aclrtMallocAlign32(void **devPtr, size_t size, aclrtMemMallocPolicy policy);

/** Releases device memory. Work already queued that uses the block is not disturbed: the block is really
 * released after it. Works without a context, after aclrtResetDevice and after aclFinalize.
 *
 * @param devPtr from aclrtMalloc or aclrtMallocAlign32, the start of the block.
 * @return 0; 100000 null; 207002 not such a pointer, or released already.
 *
 * Source: runtime pages 4.2 and 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtFree(void *devPtr);

/** Allocates host memory that asynchronous copies may use directly. Needs a current context.
 *
 * @param hostPtr out: uninitialised; the caller releases it by aclrtFreeHost.
 * @param size bytes, > 0.
 * @return 0; 100000 null or size 0; 107002 no current context; 207001 out of memory.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtMallocHost(void **hostPtr, size_t size);

/** Releases memory of aclrtMallocHost. Works without a context.
 *
 * @param hostPtr the start of the block.
 * @return 0; 100000 null; 207002 not such a pointer, or released already.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtFreeHost(void *hostPtr);

/** How much memory there is. Needs a current context.
 *
 * @param attr which memory; all are the host's.
 * @param free out: bytes.
 * @param total out: bytes.
 * @return 0; 100000 null or unknown @p attr; 107002 no current context.
 *
 * Source: runtime page 4.3. */
ACL_FUNC_VISIBILITY aclError aclrtGetMemInfo(aclrtMemAttr attr, size_t *free, size_t *total);

/** Copies, and returns when it is done. Waits for no stream: synchronise first. Needs a current context.
 *
 * With @p count 0 it returns 0 before any other check. The checks go in the order of the statuses below.
 *
 * @param dst destination, host or device.
 * @param destMax bytes that fit at @p dst.
 * @param src source, host or device; must not overlap the destination.
 * @param count bytes to copy.
 * @param kind 0 to 5.
 * @return 0; 100000 null; 100000 @p kind outside 0 to 5; 107000 @p count > @p destMax; 107002 no current
 * context.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtMemcpy(void *dst, size_t destMax, const void *src, size_t count,
                                         aclrtMemcpyKind kind);

/** Queues a copy on a stream.
 *
 * With pageable host memory (not from aclrtMallocHost) on one side it behaves as synchronise, then a blocking
 * copy, so that the caller may reuse the source on return. Else both sides must live until the copy is done.
 *
 * @param dst destination, host or device.
 * @param destMax bytes that fit at @p dst.
 * @param src source, host or device; must not overlap the destination.
 * @param count bytes to copy; 0 returns 0 before any other check.
 * @param kind 0 to 5, not host to host.
 * @param stream may be null.
 * @return as aclrtMemcpy, and: 207000 host to host; the stream statuses; 207001 out of memory; an execution
 * error where it synchronises.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtMemcpyAsync(void *dst, size_t destMax, const void *src, size_t count,
                                              aclrtMemcpyKind kind, aclrtStream stream);

/** Fills memory with a byte, and returns when it is done. Waits for no stream. Needs a current context.
 *
 * @param devPtr host or device memory.
 * @param maxCount bytes that fit there.
 * @param value its low 8 bits are the byte.
 * @param count bytes to fill.
 * @return 0; 100000 null; 107000 @p count > @p maxCount; 107002 no current context.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtMemset(void *devPtr, size_t maxCount, int32_t value, size_t count);

/** Queues aclrtMemset on a stream.
 *
 * @param devPtr as there; must live until the command is done.
 * @param maxCount as there.
 * @param value as there.
 * @param count as there.
 * @param stream may be null.
 * @return 0; 100000 null; 107000 @p count > @p maxCount; the stream statuses; 207001 out of memory.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtMemsetAsync(void *devPtr, size_t maxCount, int32_t value, size_t count,
                                              aclrtStream stream);

/* ---- Callbacks ---- */

/** Queues a call of a host function on a stream. The subscribed thread makes it, inside aclrtProcessReport.
 *
 * @param fn the function.
 * @param userData handed to it as it is, may be null, stays the caller's.
 * @param blockType whether later commands of the stream wait for it.
 * @param stream may be null.
 * @return 0; 100000 @p fn is null or @p blockType unknown; the stream statuses; 107015 nobody is subscribed
 * to the stream; 207001 out of memory.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtLaunchCallback(aclrtCallback fn, void *userData,
                                                 aclrtCallbackBlockType blockType, aclrtStream stream);

/** Says which thread runs the callbacks of a stream.
 *
 * @param threadId pthread_self() of that thread.
 * @param stream may be null.
 * @return 0; the stream statuses; 107011 the stream is subscribed already; 207001 out of memory.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtSubscribeReport(uint64_t threadId, aclrtStream stream);

/** Takes a subscription back. Callbacks that are ready and block their stream are given up (the stream's next
 * synchronise tells 107015); ready ones that do not block are still run by the thread's next
 * aclrtProcessReport.
 *
 * @param threadId as it was subscribed.
 * @param stream may be null.
 * @return 0; the stream statuses; 107012 this thread is not subscribed to this stream.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtUnSubscribeReport(uint64_t threadId, aclrtStream stream);

/** Waits for callbacks of the calling thread's streams and runs all that are ready. Needs no current context.
 *
 * @param timeout milliseconds, > 0; -1 for no limit.
 * @return 0; 100000 @p timeout is 0 or < -1; 107012 the thread is not subscribed; 507012 none became ready in
 * time.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclrtProcessReport(int32_t timeout);

/* ---- Errors ---- */

/** The calling thread's last execution error: of the newest failed command among those this thread queued,
 * on whatever stream. It stays pending.
 *
 * @param level ACL_RT_THREAD_LEVEL.
 * @return that error, 0 when none is pending; 100000 unknown level.
 *
 * Source: runtime page 4.2. */
ACL_FUNC_VISIBILITY aclError aclrtPeekAtLastError(aclrtLastErrLevel level);

/** As aclrtPeekAtLastError, and the error is no longer pending.
 *
 * @param level ACL_RT_THREAD_LEVEL.
 * @return as there.
 *
 * Source: runtime page 4.2. */
ACL_FUNC_VISIBILITY aclError aclrtGetLastError(aclrtLastErrLevel level);

/* ---- Absent features ----
 *
 * Reserving virtual addresses and recording graphs make no sense on a host CPU. The functions exist so that
 * programs link and can ask; each returns 207000, looks at none of its arguments and writes nothing. Source:
 * runtime pages 4.3 and 4.5. */

typedef void *aclrtDrvMemHandle;                          /**< physical memory */
typedef struct aclrtPhysicalMemProp aclrtPhysicalMemProp; /**< its properties; never defined here */
typedef void *aclmdlRI;                                   /**< a recorded graph */

/** What granularity is asked for. */
typedef enum aclrtMemGranularityOptions {
    ACL_RT_MEM_ALLOC_GRANULARITY_MINIMUM = 0,
    ACL_RT_MEM_ALLOC_GRANULARITY_RECOMMENDED = 1
} aclrtMemGranularityOptions;

/** Which threads' calls a recording forbids. */
typedef enum aclmdlRICaptureMode {
    ACL_MODEL_RI_CAPTURE_MODE_GLOBAL = 0,
    ACL_MODEL_RI_CAPTURE_MODE_THREAD_LOCAL = 1,
    ACL_MODEL_RI_CAPTURE_MODE_RELAXED = 2
} aclmdlRICaptureMode;

/** Reserves virtual addresses. @return 207000. */
ACL_FUNC_VISIBILITY aclError aclrtReserveMemAddress(void **virPtr, size_t size, size_t alignment,
                                                    void *expectPtr, uint64_t flags);

/** Gives virtual addresses back. @return 207000. */
ACL_FUNC_VISIBILITY aclError aclrtReleaseMemAddress(void *virPtr);

/** Allocates physical memory. @return 207000. */
ACL_FUNC_VISIBILITY aclError aclrtMallocPhysical(aclrtDrvMemHandle *handle, size_t size,
                                                 const aclrtPhysicalMemProp *prop, uint64_t flags);

/** Releases physical memory. @return 207000. */
ACL_FUNC_VISIBILITY aclError aclrtFreePhysical(aclrtDrvMemHandle handle);

/** Maps physical memory at virtual addresses. @return 207000. */
ACL_FUNC_VISIBILITY aclError aclrtMapMem(void *virPtr, size_t size, size_t offset, aclrtDrvMemHandle handle,
                                         uint64_t flags);

/** Undoes a mapping. @return 207000. */
ACL_FUNC_VISIBILITY aclError aclrtUnmapMem(void *virPtr);

/** Unit of physical memory. @return 207000. */
ACL_FUNC_VISIBILITY aclError aclrtMemGetAllocationGranularity(aclrtPhysicalMemProp *prop,
                                                              aclrtMemGranularityOptions option,
                                                              size_t *granularity);

/** Begins to record what is given to a stream. @return 207000. */
ACL_FUNC_VISIBILITY aclError aclmdlRICaptureBegin(aclrtStream stream, aclmdlRICaptureMode mode);

/** Ends a recording. @return 207000. */
ACL_FUNC_VISIBILITY aclError aclmdlRICaptureEnd(aclrtStream stream, aclmdlRI *modelRI);

/** Replays a recording. @return 207000. */
ACL_FUNC_VISIBILITY aclError aclmdlRIExecuteAsync(aclmdlRI modelRI, aclrtStream stream);

/** Releases a recording. @return 207000. */
ACL_FUNC_VISIBILITY aclError aclmdlRIDestroy(aclmdlRI modelRI);

#ifdef __cplusplus
}
#endif
#endif
