/* SPDX-License-Identifier: Apache-2.0 */
/* event.c - decides what an event means to streams: its records, and the waits for them, which depend only on
 * what was queued before them, so that they cannot form a circle. What the program itself asks and waits for
 * is event_host.c's. */
#include "runtime/event.h"

#include "base/handles.h"
#include "base/memory.h"
#include "runtime/fork.h"
#include "runtime/refuse.h"
#include "runtime/spans.h"

static aq_handle_set live = AQ_HANDLE_SET_INITIALIZER;
static atomic_uint last_number;

/* ---- Counting ---- */

static void retain_event(void *handle)
{
    aq_event *event = handle;
    pthread_mutex_lock(&event->lock);
    event->references++;
    pthread_mutex_unlock(&event->lock);
}

void aq_event_release(aq_event *event)
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

void aq_record_release(aq_record *record)
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
    aq_event_release(event);
}

aq_record *aq_event_newest(aq_event *event)
{
    pthread_mutex_lock(&event->lock);
    aq_record *record = event->newest;
    if (record)
        record->references++;
    pthread_mutex_unlock(&event->lock);
    return record;
}

bool aq_record_is_done(aq_record *record)
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

int aq_event_find(const char *function, const char *argument, aclrtEvent handle, bool any_context,
                  aq_event **event)
{
    if (!handle)
        return aq_runtime_refuse_null(function, argument);
    if (!aq_handles_take(&live, handle, retain_event))
        return refuse_dead(function, argument);
    *event = handle;
    int status = any_context ? 0 : aq_context_check(function, argument, (*event)->context);
    if (status)
        aq_event_release(*event);
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
    created->number = atomic_fetch_add(&last_number, 1) + 1;
    created->context = context;
    aq_context_retain(context);
    pthread_mutex_init(&created->lock, NULL);
    pthread_cond_init(&created->done, NULL);
    if (!aq_handles_add(&live, created)) {
        aq_event_release(created);
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
    aq_record_release(newest);
    aq_event_release(event);
    return 0;
}

/* ---- Recording ---- */

/* Reaching it is all; a record that is dropped is done too, or its waits would never end. */
static int run_record(aq_task *task)
{
    ((aq_record *)task)->traced_at = aq_trace_begin();
    return 0;
}

static void describe_record(const aq_task *task, int64_t ns, aq_json *members)
{
    (void)ns;
    aq_json_count(members, "event", ((const aq_record *)task)->event->number);
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
    aq_record_release(record);
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
    record->task = (aq_task){.name = function,
                             .run = run_record,
                             .finish = finish_record,
                             .category = "event",
                             .by_anyone = true,
                             .describe = describe_record};
    record->references = 2; /* the stream's and the event's */
    record->event = event;
    record->stream = stream;
    retain_event(event);
    aq_stream_retain(stream);
    int status = aq_queue_push(function, stream, &record->task);
    if (status) {
        record->references = 1;
        aq_record_release(record);
        return status;
    }
    pthread_mutex_lock(&event->lock);
    aq_record *before = event->newest;
    event->newest = record;
    pthread_mutex_unlock(&event->lock);
    aq_record_release(before);
    return 0;
}

aclError aclrtRecordEvent(aclrtEvent handle, aclrtStream stream_handle)
{
    static const char function[] = "aclrtRecordEvent";
    aq_event *event = NULL;
    aq_stream *stream = NULL;
    int status = aq_event_find(function, "event", handle, false, &event);
    if (status)
        return status;
    status = aq_stream_find(function, stream_handle, &stream);
    if (!status) {
        status = record_on(function, event, stream);
        aq_stream_release(stream);
    }
    aq_event_release(event);
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
    if (waits) {
        aq_queue_park(wait->stream, &wait->ready);
        pthread_mutex_lock(&record->event->lock);
        unlink_wait(wait); /* it is still there when the stream is being dropped */
        pthread_mutex_unlock(&record->event->lock);
    }
    wait->traced_at = aq_trace_begin();
    return 0;
}

/* The arrow comes from the record, if that was reached: it is not when its stream, or this, is dropped. */
static void describe_wait(const aq_task *task, int64_t ns, aq_json *members)
{
    static _Atomic int64_t arrows;
    (void)ns;
    const aq_wait *wait = (const aq_wait *)task;
    const aq_record *record = wait->record;
    aq_json_count(members, "event", record->event->number);
    aq_json_count(members, "recorded in stream", record->stream->number);
    if (!wait->traced_at || !aq_record_is_done(wait->record) || !record->traced_at)
        return;
    int64_t arrow = atomic_fetch_add(&arrows, 1) + 1;
    aq_trace_arrow(aq_stream_track(record->stream), false, "event", arrow, record->traced_at);
    aq_trace_arrow(aq_stream_track(wait->stream), true, "event", arrow, wait->traced_at);
}

static void finish_wait(aq_task *task)
{
    aq_wait *wait = (aq_wait *)task;
    aq_record_release(wait->record);
    aq_free(wait);
}

/* What is done already, or queued before in the same stream, needs no waiting. */
static int wait_for(const char *function, aq_stream *stream, aq_event *event)
{
    aq_record *record = aq_event_newest(event);
    if (!record || record->stream == stream || aq_record_is_done(record)) {
        aq_record_release(record);
        return 0;
    }
    aq_wait *wait = aq_calloc(1, sizeof *wait);
    if (!wait) {
        aq_record_release(record);
        return aq_error(207001, "%s: out of memory for a wait", function);
    }
    wait->task = (aq_task){.name = function,
                           .run = run_wait,
                           .finish = finish_wait,
                           .category = "event",
                           .describe = describe_wait};
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
    int status = aq_event_find(function, "event", handle, true, &event);
    if (status)
        return status;
    status = aq_stream_find(function, stream_handle, &stream);
    if (!status) {
        status = wait_for(function, stream, event);
        aq_stream_release(stream);
    }
    aq_event_release(event);
    return status;
}
