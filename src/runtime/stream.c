/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c - decides which stream a handle means, whether the caller may use it, and when a stream ends. How
 * a stream runs its tasks is queue.c's.
 *
 * Locking: one mutex over the list of streams that are not closed. Nothing else is locked under it, and it is
 * never held while somebody waits. */
#include "runtime/stream.h"

#include <stdio.h>

#include "base/handles.h"
#include "base/log.h"
#include "runtime/fork.h"
#include "runtime/queue.h"
#include "runtime/refuse.h"
#include "runtime/spans.h"

static aq_handle_set live = AQ_HANDLE_SET_INITIALIZER;

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static aq_stream *oldest, *newest; /* by number, as streams are created */

/* ---- The list ---- */

void aq_streams_enlist(aq_stream *stream)
{
    pthread_mutex_lock(&list_lock);
    stream->previous = newest;
    if (newest)
        newest->next = stream;
    else
        oldest = stream;
    newest = stream;
    stream->listed = true;
    pthread_mutex_unlock(&list_lock);
}

static void delist(aq_stream *stream)
{
    pthread_mutex_lock(&list_lock);
    if (stream->listed) {
        if (stream->previous)
            stream->previous->next = stream->next;
        else
            oldest = stream->next;
        if (stream->next)
            stream->next->previous = stream->previous;
        else
            newest = stream->previous;
        stream->listed = false;
    }
    pthread_mutex_unlock(&list_lock);
}

/* Closing comes first: until then the stream is reached, so that those who wait for all streams wait for it.
 */
static void end(aq_stream *stream, bool drop)
{
    aq_callbacks_forget(stream, true);
    aq_queue_close(stream, drop);
    aq_callbacks_forget(stream, false);
    delist(stream);
}

void aq_streams_end(aq_context *context)
{
    for (;;) {
        pthread_mutex_lock(&list_lock);
        aq_stream *stream = oldest;
        while (stream && stream->context != context)
            stream = stream->next;
        if (stream)
            aq_stream_retain(stream);
        pthread_mutex_unlock(&list_lock);
        if (!stream)
            return;
        end(stream, false);
        aq_stream_release(stream);
    }
}

void aq_streams_forget_all(void)
{
    list_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    oldest = newest = NULL;
    aq_handles_forget_all(&live);
}

/* ---- Handles ---- */

static void retain(void *stream)
{
    aq_stream_retain(stream);
}

static int refuse_dead(const char *function)
{
    return aq_refuse(107017,
                     &(aq_refusal){.function = function,
                                   .argument = "stream",
                                   .rule = "must be a live stream, or null for the default stream",
                                   .actual = "destroyed already, made before a fork, or never a stream",
                                   .page = AQ_RUNTIME_PAGE});
}

int aq_stream_find(const char *function, aclrtStream handle, aq_stream **stream)
{
    if (!handle) {
        aq_context *current = aq_context_current();
        if (!current)
            return aq_runtime_refuse_no_context(function);
        *stream = current->default_stream;
        aq_stream_retain(*stream);
        return 0;
    }
    if (!aq_handles_take(&live, handle, retain))
        return refuse_dead(function);
    *stream = handle;
    int status = aq_context_check(function, "stream", (*stream)->context);
    if (status)
        aq_stream_release(*stream);
    return status;
}

int aq_stream_submit(const char *function, aclrtStream handle, aq_task *task)
{
    aq_stream *stream = NULL;
    int status = aq_stream_find(function, handle, &stream);
    if (!status) {
        status = aq_queue_push(function, stream, task);
        aq_stream_release(stream);
    }
    if (status)
        task->finish(task);
    return status;
}

static int create(const char *function, aclrtStream *stream)
{
    if (!stream)
        return aq_runtime_refuse_null(function, "stream");
    aq_context *context = aq_context_current();
    if (!context)
        return aq_runtime_refuse_no_context(function);
    aq_stream *created = aq_queue_create(function, context, false);
    if (!created)
        return 207001;
    if (!aq_handles_add(&live, created)) {
        aq_stream_release(created);
        return aq_error(207001, "%s: out of memory for a stream", function);
    }
    aq_streams_enlist(created);
    *stream = created;
    return 0;
}

aclError aclrtCreateStream(aclrtStream *stream)
{
    return create("aclrtCreateStream", stream);
}

aclError aclrtCreateStreamWithConfig(aclrtStream *stream, uint32_t priority, uint32_t flag)
{
    (void)priority;
    (void)flag;
    return create("aclrtCreateStreamWithConfig", stream);
}

/* Of several threads that destroy the same stream exactly one finds its handle and owns the reference. */
static int destroy(const char *function, aclrtStream handle, bool drop)
{
    if (!handle)
        return aq_runtime_refuse_null(function, "stream");
    if (!aq_handles_remove(&live, handle))
        return refuse_dead(function);
    end(handle, drop);
    aq_log(AQ_LOG_INFO, "%s: stream %u ended", function, (unsigned)((aq_stream *)handle)->number);
    aq_stream_release(handle);
    return 0;
}

aclError aclrtDestroyStream(aclrtStream stream)
{
    return destroy("aclrtDestroyStream", stream, false);
}

aclError aclrtDestroyStreamForce(aclrtStream stream)
{
    return destroy("aclrtDestroyStreamForce", stream, true);
}

/* ---- Waiting ---- */

static int refuse_inside(const char *function)
{
    return aq_refuse(107000, &(aq_refusal){.function = function,
                                           .argument = "stream",
                                           .rule = "a callback that a stream waits for cannot wait for it",
                                           .actual = "called from such a callback",
                                           .nearest = "aclrtStreamQuery, or ACL_CALLBACK_NO_BLOCK",
                                           .page = AQ_RUNTIME_PAGE});
}

static int synchronize(const char *function, aclrtStream handle, const struct timespec *deadline)
{
    aq_stream *stream = NULL;
    int64_t from = aq_trace_begin();
    int status = aq_stream_find(function, handle, &stream);
    if (status)
        return status;
    if (aq_queue_is_inside(stream))
        status = refuse_inside(function);
    else if (!aq_queue_wait(stream, atomic_load(&stream->submitted), deadline))
        status = aq_error(507046, "%s: time is up; stream %u has %llu of %llu tasks done", function,
                          stream->number, (unsigned long long)atomic_load(&stream->finished),
                          (unsigned long long)atomic_load(&stream->submitted));
    else
        status = aq_queue_error(stream, true);
    aq_span_waited(function, stream, from);
    aq_stream_release(stream);
    return status;
}

int aq_stream_synchronize(const char *function, aclrtStream stream)
{
    return synchronize(function, stream, NULL);
}

aclError aclrtSynchronizeStream(aclrtStream stream)
{
    return synchronize("aclrtSynchronizeStream", stream, NULL);
}

aclError aclrtSynchronizeStreamWithTimeout(aclrtStream stream, int32_t timeout)
{
    static const char function[] = "aclrtSynchronizeStreamWithTimeout";
    if (timeout < -1) {
        char actual[16];
        snprintf(actual, sizeof actual, "%d", (int)timeout);
        return aq_refuse(107000, &(aq_refusal){.function = function,
                                               .argument = "timeout",
                                               .rule = "must be milliseconds, or -1 for no limit",
                                               .actual = actual,
                                               .nearest = "-1",
                                               .page = AQ_RUNTIME_PAGE});
    }
    if (timeout == -1)
        return synchronize(function, stream, NULL);
    struct timespec deadline = aq_queue_deadline(timeout);
    return synchronize(function, stream, &deadline);
}

/* The first listed stream of the device beyond `number`, retained. */
static aq_stream *next_of_device(int32_t device, uint32_t number, uint32_t last_number)
{
    pthread_mutex_lock(&list_lock);
    aq_stream *stream = oldest;
    while (stream && (stream->device != device || stream->number <= number))
        stream = stream->next;
    if (stream && stream->number > last_number)
        stream = NULL;
    if (stream)
        aq_stream_retain(stream);
    pthread_mutex_unlock(&list_lock);
    return stream;
}

/* All streams are waited for; the first error is told, the others stay with their streams. */
aclError aclrtSynchronizeDevice(void)
{
    static const char function[] = "aclrtSynchronizeDevice";
    const aq_context *context = aq_context_current();
    if (!context)
        return aq_runtime_refuse_no_context(function);
    int64_t from = aq_trace_begin();
    pthread_mutex_lock(&list_lock);
    uint32_t last_number = newest ? newest->number : 0;
    pthread_mutex_unlock(&list_lock);
    int status = 0;
    uint32_t number = 0;
    aq_stream *stream = NULL;
    while ((stream = next_of_device(context->device, number, last_number))) {
        number = stream->number;
        if (aq_queue_is_inside(stream)) {
            status = status ? status : refuse_inside(function);
        } else {
            aq_queue_wait(stream, atomic_load(&stream->submitted), NULL);
            status = status ? status : aq_queue_error(stream, true);
        }
        aq_stream_release(stream);
    }
    aq_span_waited(function, NULL, from);
    return status;
}

aclError aclrtStreamQuery(aclrtStream handle, aclrtStreamStatus *status)
{
    static const char function[] = "aclrtStreamQuery";
    if (!status)
        return aq_runtime_refuse_null(function, "status");
    aq_stream *stream = NULL;
    int result = aq_stream_find(function, handle, &stream);
    if (result)
        return result;
    uint64_t finished = atomic_load(&stream->finished);
    bool complete = finished == atomic_load(&stream->submitted);
    result = aq_queue_error(stream, true);
    if (!result)
        *status = complete ? ACL_STREAM_STATUS_COMPLETE : ACL_STREAM_STATUS_NOT_READY;
    aq_stream_release(stream);
    return result;
}

aclError aclrtSetStreamFailureMode(aclrtStream handle, uint64_t mode)
{
    static const char function[] = "aclrtSetStreamFailureMode";
    if (mode > ACL_STOP_ON_FAILURE) {
        char actual[24];
        snprintf(actual, sizeof actual, "%llu", (unsigned long long)mode);
        return aq_refuse(100000, &(aq_refusal){.function = function,
                                               .argument = "mode",
                                               .rule = "must be ACL_CONTINUE_ON_FAILURE (0) or "
                                                       "ACL_STOP_ON_FAILURE (1)",
                                               .actual = actual,
                                               .nearest = "1",
                                               .page = AQ_RUNTIME_PAGE});
    }
    aq_stream *stream = NULL;
    int status = aq_stream_find(function, handle, &stream);
    if (status)
        return status;
    pthread_mutex_lock(&stream->lock);
    stream->stop_on_failure = mode == ACL_STOP_ON_FAILURE;
    pthread_mutex_unlock(&stream->lock);
    aq_stream_release(stream);
    return 0;
}
