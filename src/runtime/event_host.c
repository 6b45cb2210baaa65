/* SPDX-License-Identifier: Apache-2.0 */
/* event_host.c - what the program asks of events and waits for itself: synchronise, query, elapsed time. */
#include "runtime/event.h"
#include "runtime/refuse.h"
#include "runtime/spans.h"

/* The execution error stays with the stream, whose synchronise tells it too. */
static int wait_here(const char *function, aq_event *event, aq_record *record)
{
    bool inside = aq_queue_is_inside(record->stream);
    if (!inside)
        aq_queue_wait(record->stream, record->task.ordinal, NULL); /* which may run what comes before it */
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
    int64_t from = aq_trace_begin();
    aq_event *event = NULL;
    int status = aq_event_find(function, "event", handle, false, &event);
    if (status)
        return status;
    aq_record *record = aq_event_newest(event);
    if (record)
        status = wait_here(function, event, record);
    aq_span_waited(function, record ? record->stream : NULL, from);
    aq_record_release(record);
    aq_event_release(event);
    return status;
}

static int query(const char *function, aclrtEvent handle, const void *status, bool *complete)
{
    if (!status)
        return aq_runtime_refuse_null(function, "status");
    aq_event *event = NULL;
    int result = aq_event_find(function, "event", handle, false, &event);
    if (result)
        return result;
    aq_record *record = aq_event_newest(event);
    *complete = !record || aq_record_is_done(record);
    aq_record_release(record);
    aq_event_release(event);
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
    aq_record *record = aq_event_newest(event);
    int status = !record ? 507000 : aq_record_is_done(record) ? 0 : 507006;
    if (!status)
        *time = record->time;
    aq_record_release(record);
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
    int status = aq_event_find(function, "startEvent", startEvent, false, &start);
    if (status)
        return status;
    status = aq_event_find(function, "endEvent", endEvent, false, &end);
    if (!status) {
        status = elapsed(function, ms, start, end);
        aq_event_release(end);
    }
    aq_event_release(start);
    return status;
}
