/* SPDX-License-Identifier: Apache-2.0 */
/* event.c - decides what an event means at the moment it is waited for. Each aclrtRecordEvent makes a record
 * of its own: waiting captures the newest one, so a later record, or the end of the event, changes nothing
 * for those who wait already. A wait depends only on what was queued before it, so waits cannot form a
 * circle.
 *
 * Everything is counted: a record by its event (the newest), by its place in the stream and by each wait; an
 * event by its handle and by each record.
 *
 * Locking: one mutex per event, over the event and its records. Under it: the lock of one stream at a time
 * (to wake its worker). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "acl/acl_rt.h"
#include "base/handles.h"
#include "base/memory.h"
#include "runtime/fork.h"
#include "runtime/queue.h"
#include "runtime/refuse.h"

typedef struct aq_event aq_event;
typedef struct aq_record aq_record;

/* A stream that waits for a record, as the task it is in. */
typedef struct aq_wait {
    aq_task task;
    aq_record *record; /* counted */
    aq_stream *stream;
    atomic_bool ready;
    struct aq_wait *next; /* in the record's list while the task is parked */
} aq_wait;

struct aq_record {
    aq_task task;
    size_t references;
    aq_event *event;   /* counted */
    aq_stream *stream; /* counted */
    bool done;
    int64_t time; /* ns of CLOCK_MONOTONIC, when done */
    aq_wait *waits;
};

struct aq_event {
    size_t references;
    aq_context *context; /* counted */
    pthread_mutex_t lock;
    pthread_cond_t done;
    aq_record *newest; /* null: never recorded */
};

static aq_handle_set live = AQ_HANDLE_SET_INITIALIZER;

/* ---- Counting ---- */

static void retain_event(void *handle)
{
    aq_event *event = handle;
    pthread_mutex_lock(&event->lock);
    event->references++;
    pthread_mutex_unlock(&event->lock);
}

static void release_event(aq_event *event)
{
    pthread_mutex_lock(&event->lock);
    bool last = --event->references == 0;
    pthread_mutex_unlock(&event->lock);
    if (!last)
        return;
    aq_context_release(event->context);
    pthread_cond_destroy(&event->done);
    pthread_mutex_destroy(&event->lock);
    aq_free(event);
}

static void release_record(aq_record *record)
{
    if (!record)
        return;
    aq_event *event = record->event;
    pthread_mutex_lock(&event->lock);
    bool last = --record->references == 0;
    pthread_mutex_unlock(&event->lock);
    if (!last)
        return;
    aq_stream_release(record->stream);
    aq_free(record);
    release_event(event);
}

/* The newest record, counted; null: never recorded. */
static aq_record *newest_of(aq_event *event)
{
    pthread_mutex_lock(&event->lock);
    aq_record *record = event->newest;
    if (record)
        record->references++;
    pthread_mutex_unlock(&event->lock);
    return record;
}

static bool is_done(aq_record *record)
{
    pthread_mutex_lock(&record->event->lock);
    bool done = record->done;
    pthread_mutex_unlock(&record->event->lock);
    return done;
}

/* ---- Handles ---- */

void aq_events_forget_all(void)
{
    aq_handles_forget_all(&live);
}

static int refuse_dead(const char *function, const char *argument)
{
    return aq_refuse(107017,
                     &(aq_refusal){.function = function,
                                   .argument = argument,
                                   .rule = "must be a live event",
                                   .actual = "destroyed already, made before a fork, or never an event",
                                   .page = AQ_RUNTIME_PAGE});
}

/* The event behind a handle, counted. any_context: it may be of another context than the current one. */
static int find(const char *function, const char *argument, aclrtEvent handle, bool any_context,
                aq_event **event)
{
    if (!handle)
        return aq_runtime_refuse_null(function, argument);
    if (!aq_handles_take(&live, handle, retain_event))
        return refuse_dead(function, argument);
    *event = handle;
    int status = any_context ? 0 : aq_context_check(function, argument, (*event)->context);
    if (status)
        release_event(*event);
    return status;
}

static int create(const char *function, aclrtEvent *event)
{
    if (!event)
        return aq_runtime_refuse_null(function, "event");
    aq_context *context = aq_context_current();
    if (!context)
        return aq_runtime_refuse_no_context(function);
    aq_event *created = aq_calloc(1, sizeof *created);
    if (!created)
        return aq_error(207001, "%s: out of memory for an event", function);
    created->references = 1;
    created->context = context;
    aq_context_retain(context);
    pthread_mutex_init(&created->lock, NULL);
    pthread_cond_init(&created->done, NULL);
    if (!aq_handles_add(&live, created)) {
        release_event(created);
        return aq_error(207001, "%s: out of memory for an event", function);
    }
    *event = created;
    return 0;
}

aclError aclrtCreateEvent(aclrtEvent *event)
{
    return create("aclrtCreateEvent", event);
}

aclError aclrtCreateEventWithFlag(aclrtEvent *event, uint32_t flag)
{
    (void)flag;
    return create("aclrtCreateEventWithFlag", event);
}

aclError aclrtCreateEventExWithFlag(aclrtEvent *event, uint32_t flag)
{
    (void)flag;
    return create("aclrtCreateEventExWithFlag", event);
}

aclError aclrtDestroyEvent(aclrtEvent handle)
{
    static const char function[] = "aclrtDestroyEvent";
    if (!handle)
        return aq_runtime_refuse_null(function, "event");
    if (!aq_handles_remove(&live, handle))
        return refuse_dead(function, "event");
    aq_event *event = handle;
    pthread_mutex_lock(&event->lock);
    aq_record *newest = event->newest;
    event->newest = NULL;
    pthread_mutex_unlock(&event->lock);
    release_record(newest);
    release_event(event);
    return 0;
}

/* ---- Recording ---- */

static int run_record(aq_task *task)
{
    (void)task; /* reaching it is all; a record that is dropped is done too, or its waits would never end */
    return 0;
}

/* A stream that is woken cannot go before this is left: its wait still takes the event's lock. */
static void finish_record(aq_task *task)
{
    aq_record *record = (aq_record *)task;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&record->event->lock);
    record->done = true;
    record->time = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
    for (aq_wait *wait = record->waits; wait; wait = wait->next) {
        atomic_store(&wait->ready, true);
        aq_queue_poke(wait->stream);
    }
    record->waits = NULL;
    pthread_cond_broadcast(&record->event->done);
    pthread_mutex_unlock(&record->event->lock);
    release_record(record);
}

static int refuse_other_context(const char *function)
{
    return aq_refuse(107003, &(aq_refusal){.function = function,
                                           .argument = "event",
                                           .rule = "must belong to the context of the stream",
                                           .actual = "one of another context",
                                           .page = AQ_RUNTIME_PAGE});
}

/* Queues a record and makes it the newest. Both references that are taken for it go with it. */
static int record_on(const char *function, aq_event *event, aq_stream *stream)
{
    if (event->context != stream->context)
        return refuse_other_context(function);
    aq_record *record = aq_calloc(1, sizeof *record);
    if (!record)
        return aq_error(207001, "%s: out of memory for a record", function);
    record->task = (aq_task){.name = function, .run = run_record, .finish = finish_record};
    record->references = 2; /* the stream's and the event's */
    record->event = event;
    record->stream = stream;
    retain_event(event);
    aq_stream_retain(stream);
    int status = aq_queue_push(function, stream, &record->task);
    if (status) {
        record->references = 1;
        release_record(record);
        return status;
    }
    pthread_mutex_lock(&event->lock);
    aq_record *before = event->newest;
    event->newest = record;
    pthread_mutex_unlock(&event->lock);
    release_record(before);
    return 0;
}

aclError aclrtRecordEvent(aclrtEvent handle, aclrtStream stream_handle)
{
    static const char function[] = "aclrtRecordEvent";
    aq_event *event = NULL;
    aq_stream *stream = NULL;
    int status = find(function, "event", handle, false, &event);
    if (status)
        return status;
    status = aq_stream_find(function, stream_handle, &stream);
    if (!status) {
        status = record_on(function, event, stream);
        aq_stream_release(stream);
    }
    release_event(event);
    return status;
}

/* ---- Waiting in a stream ---- */

static void unlink_wait(aq_wait *wait)
{
    aq_wait **link = &wait->record->waits;
    while (*link && *link != wait)
        link = &(*link)->next;
    if (*link)
        *link = wait->next;
}

/* With ANTIQUANT_SYNC=1 a callback may wait for a record that is queued behind the callback itself; it would
 * wait for ever. */
static int run_wait(aq_task *task)
{
    aq_wait *wait = (aq_wait *)task;
    aq_record *record = wait->record;
    pthread_mutex_lock(&record->event->lock);
    bool waits = !record->done && !aq_queue_is_inside(record->stream);
    if (waits) {
        wait->next = record->waits;
        record->waits = wait;
    }
    pthread_mutex_unlock(&record->event->lock);
    if (!waits)
        return 0;
    aq_queue_park(wait->stream, &wait->ready);
    pthread_mutex_lock(&record->event->lock);
    unlink_wait(wait); /* it is still there when the stream is being dropped */
    pthread_mutex_unlock(&record->event->lock);
    return 0;
}

static void finish_wait(aq_task *task)
{
    aq_wait *wait = (aq_wait *)task;
    release_record(wait->record);
    aq_free(wait);
}

/* What is done already, or queued before in the same stream, needs no waiting. */
static int wait_for(const char *function, aq_stream *stream, aq_event *event)
{
    aq_record *record = newest_of(event);
    if (!record || record->stream == stream || is_done(record)) {
        release_record(record);
        return 0;
    }
    aq_wait *wait = aq_calloc(1, sizeof *wait);
    if (!wait) {
        release_record(record);
        return aq_error(207001, "%s: out of memory for a wait", function);
    }
    wait->task = (aq_task){.name = function, .run = run_wait, .finish = finish_wait};
    wait->record = record;
    wait->stream = stream;
    int status = aq_queue_push(function, stream, &wait->task);
    if (status)
        finish_wait(&wait->task);
    return status;
}

aclError aclrtStreamWaitEvent(aclrtStream stream_handle, aclrtEvent handle)
{
    static const char function[] = "aclrtStreamWaitEvent";
    aq_event *event = NULL;
    aq_stream *stream = NULL;
    int status = find(function, "event", handle, true, &event);
    if (status)
        return status;
    status = aq_stream_find(function, stream_handle, &stream);
    if (!status) {
        status = wait_for(function, stream, event);
        aq_stream_release(stream);
    }
    release_event(event);
    return status;
}

/* ---- Waiting and asking in the host ---- */

/* The execution error stays with the stream, whose synchronise tells it too. */
static int wait_here(const char *function, aq_event *event, aq_record *record)
{
    bool inside = aq_queue_is_inside(record->stream);
    pthread_mutex_lock(&event->lock);
    while (!record->done && !inside)
        pthread_cond_wait(&event->done, &event->lock);
    bool done = record->done;
    pthread_mutex_unlock(&event->lock);
    if (done)
        return aq_queue_error(record->stream, false);
    return aq_refuse(107000, &(aq_refusal){.function = function,
                                           .argument = "event",
                                           .rule = "a callback cannot wait for what is queued behind it",
                                           .actual = "recorded behind the callback that waits",
                                           .nearest = "aclrtQueryEventStatus, or ACL_CALLBACK_NO_BLOCK",
                                           .page = AQ_RUNTIME_PAGE});
}

aclError aclrtSynchronizeEvent(aclrtEvent handle)
{
    static const char function[] = "aclrtSynchronizeEvent";
    aq_event *event = NULL;
    int status = find(function, "event", handle, false, &event);
    if (status)
        return status;
    aq_record *record = newest_of(event);
    if (record)
        status = wait_here(function, event, record);
    release_record(record);
    release_event(event);
    return status;
}

static int query(const char *function, aclrtEvent handle, const void *status, bool *complete)
{
    if (!status)
        return aq_runtime_refuse_null(function, "status");
    aq_event *event = NULL;
    int result = find(function, "event", handle, false, &event);
    if (result)
        return result;
    aq_record *record = newest_of(event);
    *complete = !record || is_done(record);
    release_record(record);
    release_event(event);
    return 0;
}

aclError aclrtQueryEventStatus(aclrtEvent event, aclrtEventRecordedStatus *status)
{
    bool complete = false;
    int result = query("aclrtQueryEventStatus", event, status, &complete);
    if (!result)
        *status = complete ? ACL_EVENT_RECORDED_STATUS_COMPLETE : ACL_EVENT_RECORDED_STATUS_NOT_READY;
    return result;
}

aclError aclrtQueryEvent(aclrtEvent event, aclrtEventStatus *status)
{
    bool complete = false;
    int result = query("aclrtQueryEvent", event, status, &complete);
    if (!result)
        *status = complete ? ACL_EVENT_STATUS_COMPLETE : ACL_EVENT_STATUS_NOT_READY;
    return result;
}

/* When the newest record was done. 0; 507000; 507006. */
static int time_of(const char *function, const char *argument, aq_event *event, int64_t *time)
{
    aq_record *record = newest_of(event);
    int status = !record ? 507000 : is_done(record) ? 0 : 507006;
    if (!status)
        *time = record->time;
    release_record(record);
    if (status)
        aq_refuse(status, &(aq_refusal){.function = function,
                                        .argument = argument,
                                        .rule = "must be recorded and complete",
                                        .actual = status == 507000 ? "never recorded" : "not complete yet",
                                        .nearest = status == 507000 ? "call aclrtRecordEvent before"
                                                                    : "call aclrtSynchronizeEvent before",
                                        .page = AQ_RUNTIME_PAGE});
    return status;
}

static int elapsed(const char *function, float *ms, aq_event *start, aq_event *end)
{
    int64_t from = 0, to = 0;
    int status = time_of(function, "startEvent", start, &from);
    if (!status)
        status = time_of(function, "endEvent", end, &to);
    if (!status)
        *ms = (float)((double)(to - from) / 1e6);
    return status;
}

aclError aclrtEventElapsedTime(float *ms, aclrtEvent startEvent, aclrtEvent endEvent)
{
    static const char function[] = "aclrtEventElapsedTime";
    if (!ms)
        return aq_runtime_refuse_null(function, "ms");
    if (!startEvent || !endEvent)
        return aq_runtime_refuse_null(function, startEvent ? "endEvent" : "startEvent");
    aq_event *start = NULL, *end = NULL;
    int status = find(function, "startEvent", startEvent, false, &start);
    if (status)
        return status;
    status = find(function, "endEvent", endEvent, false, &end);
    if (!status) {
        status = elapsed(function, ms, start, end);
        release_event(end);
    }
    release_event(start);
    return status;
}
