/* SPDX-License-Identifier: Apache-2.0 */
/* callback.c - decides which thread runs a stream's callbacks and when. A callback is a task that, when its
 * turn comes, hands a report to the subscribed thread and, if it blocks, stays until that thread has run it.
 * With ANTIQUANT_SYNC=1 whoever launches a callback runs it.
 *
 * A subscriber is one thread with all the streams it is subscribed to and the reports that are ready for it.
 * It lives while it has subscriptions, reports, or a thread inside aclrtProcessReport.
 *
 * Locking: one mutex over all of it. Under it: the lock of one stream at a time (to wake its worker). No
 * callback is called under it. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "acl/acl_rt.h"
#include "base/memory.h"
#include "base/settings.h"
#include "runtime/fork.h"
#include "runtime/queue.h"
#include "runtime/refuse.h"
#include "runtime/spans.h"

typedef enum aq_report_state {
    AQ_REPORT_READY,
    AQ_REPORT_RUNNING,
    AQ_REPORT_RUN,
    AQ_REPORT_GIVEN_UP
} aq_report_state;

typedef struct aq_report {
    aq_task task;
    int references; /* of the task, of the queue of reports */
    aclrtCallback function;
    void *data;
    bool blocks;
    aq_stream *stream; /* alive while its task is; of a report that does not block it is only compared */
    aq_report_state state;
    atomic_bool over; /* run or given up: the task may go on */
    uint64_t number;  /* within the subscriber */
    struct aq_report *next;
    int64_t arrow; /* in the trace, from the stream's track to the thread that runs it; 0: none */
    int64_t posted_at;
    aq_track posted_on;
} aq_report;

typedef struct aq_subscriber {
    uint64_t thread;
    size_t streams;   /* subscriptions */
    size_t users;     /* threads inside aclrtProcessReport */
    aq_report *first; /* ready, oldest first */
    aq_report **end;  /* where the next one is linked */
    uint64_t last_number;
    bool has_run; /* ANTIQUANT_SYNC=1: callbacks have run since the last aclrtProcessReport */
    pthread_cond_t change;
    struct aq_subscriber *next;
} aq_subscriber;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t blocking_report_over = PTHREAD_COND_INITIALIZER;
static aq_subscriber *subscribers;

/* ---- Subscribers and their reports; all with the lock held ---- */

static aq_subscriber *subscriber_of(uint64_t thread)
{
    aq_subscriber *subscriber = subscribers;
    while (subscriber && subscriber->thread != thread)
        subscriber = subscriber->next;
    return subscriber;
}

static void free_if_unused(aq_subscriber *subscriber)
{
    if (subscriber->streams > 0 || subscriber->users > 0 || subscriber->first)
        return;
    aq_subscriber **link = &subscribers;
    while (*link != subscriber)
        link = &(*link)->next;
    *link = subscriber->next;
    pthread_cond_destroy(&subscriber->change);
    aq_free(subscriber);
}

static aq_subscriber *find_or_make(uint64_t thread)
{
    aq_subscriber *subscriber = subscriber_of(thread);
    if (subscriber)
        return subscriber;
    subscriber = aq_calloc(1, sizeof *subscriber);
    if (!subscriber)
        return NULL;
    subscriber->thread = thread;
    subscriber->end = &subscriber->first;
    aq_queue_init_condition(&subscriber->change);
    subscriber->next = subscribers;
    subscribers = subscriber;
    return subscriber;
}

static void release_report(aq_report *report)
{
    if (--report->references == 0)
        aq_free(report);
}

static void post(aq_subscriber *subscriber, aq_report *report)
{
    static int64_t arrows;
    report->posted_at = aq_trace_begin();
    if (report->posted_at) {
        report->arrow = ++arrows;
        report->posted_on = aq_trace_track();
    }
    report->number = ++subscriber->last_number;
    report->references++;
    report->next = NULL;
    *subscriber->end = report;
    subscriber->end = &report->next;
    pthread_cond_broadcast(&subscriber->change);
}

/* Takes *link out of the queue; the queue's reference is the caller's now. */
static aq_report *take_out(aq_subscriber *subscriber, aq_report **link)
{
    aq_report *report = *link;
    *link = report->next;
    if (!report->next)
        subscriber->end = link;
    return report;
}

static void withdraw(aq_subscriber *subscriber, const aq_report *report)
{
    aq_report **link = &subscriber->first;
    while (*link && *link != report)
        link = &(*link)->next;
    if (*link)
        release_report(take_out(subscriber, link));
}

/* The stream whose task waits for the report goes on; it stays until the lock is given up. */
static void end_report(aq_report *report, aq_report_state state)
{
    report->state = state;
    if (!report->blocks)
        return;
    atomic_store(&report->over, true);
    aq_queue_poke(report->stream);
    pthread_cond_broadcast(&blocking_report_over);
}

/* Reports of the stream that block are given up; the others are owed to the thread still. */
static void unsubscribe(aq_stream *stream)
{
    aq_subscriber *subscriber = stream->subscriber;
    stream->subscriber = NULL;
    aq_report **link = &subscriber->first;
    while (*link) {
        if ((*link)->stream != stream || !(*link)->blocks) {
            link = &(*link)->next;
            continue;
        }
        aq_report *report = take_out(subscriber, link);
        end_report(report, AQ_REPORT_GIVEN_UP);
        release_report(report);
    }
    subscriber->streams--;
    pthread_cond_broadcast(&subscriber->change);
    free_if_unused(subscriber);
}

void aq_callbacks_forget(aq_stream *stream, bool only_own)
{
    pthread_mutex_lock(&lock);
    if (stream->subscriber && (!only_own || stream->subscriber->thread == (uint64_t)pthread_self()))
        unsubscribe(stream);
    pthread_mutex_unlock(&lock);
}

void aq_callbacks_lock(void)
{
    pthread_mutex_lock(&lock);
}

void aq_callbacks_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

void aq_callbacks_forget_all(void)
{
    subscribers = NULL;
    blocking_report_over = (pthread_cond_t)PTHREAD_COND_INITIALIZER; /* those who waited are gone */
}

/* ---- The task ---- */

static int refuse_nobody(const char *actual)
{
    return aq_refuse(107015, &(aq_refusal){.function = "aclrtLaunchCallback",
                                           .argument = "stream",
                                           .rule = "a thread must be subscribed to the stream",
                                           .actual = actual,
                                           .nearest = "call aclrtSubscribeReport before",
                                           .page = AQ_RUNTIME_PAGE});
}

/* Called and left with the lock held, given up in between: the report is over on return. A stream that is
 * being dropped takes back a report nobody has begun; one that runs is waited for. */
static void wait_for_report(aq_report *report)
{
    pthread_mutex_unlock(&lock);
    aq_queue_park(report->stream, &report->over);
    pthread_mutex_lock(&lock);
    if (report->state == AQ_REPORT_READY) {
        report->state = AQ_REPORT_GIVEN_UP;
        withdraw(report->stream->subscriber, report);
    }
    while (report->state == AQ_REPORT_RUNNING)
        pthread_cond_wait(&blocking_report_over, &lock);
}

static int run_callback_here(const aq_report *report)
{
    report->function(report->data);
    pthread_mutex_lock(&lock);
    aq_subscriber *subscriber = report->stream->subscriber;
    if (subscriber) {
        subscriber->has_run = true;
        pthread_cond_broadcast(&subscriber->change);
    }
    pthread_mutex_unlock(&lock);
    return 0;
}

static int run_callback(aq_task *task)
{
    aq_report *report = (aq_report *)task;
    if (aq_settings_get()->synchronous)
        return run_callback_here(report);
    bool given_up = false;
    pthread_mutex_lock(&lock);
    aq_subscriber *subscriber = report->stream->subscriber;
    if (subscriber) {
        post(subscriber, report);
        if (report->blocks)
            wait_for_report(report);
        given_up = report->state == AQ_REPORT_GIVEN_UP;
    }
    pthread_mutex_unlock(&lock);
    return !subscriber || given_up ? refuse_nobody("unsubscribed before the callback could run") : 0;
}

static void finish_callback(aq_task *task)
{
    pthread_mutex_lock(&lock);
    release_report((aq_report *)task);
    pthread_mutex_unlock(&lock);
}

static int launch(aclrtCallback fn, void *userData, bool blocks, aq_stream *stream)
{
    static const char function[] = "aclrtLaunchCallback";
    pthread_mutex_lock(&lock);
    bool subscribed = stream->subscriber != NULL;
    pthread_mutex_unlock(&lock);
    if (!subscribed)
        return refuse_nobody("nobody is subscribed");
    aq_report *report = aq_calloc(1, sizeof *report);
    if (!report)
        return aq_error(207001, "%s: out of memory for a callback", function);
    report->task =
        (aq_task){.name = function, .run = run_callback, .finish = finish_callback, .category = "callback"};
    report->references = 1;
    report->function = fn;
    report->data = userData;
    report->blocks = blocks;
    report->stream = stream;
    int status = aq_queue_push(function, stream, &report->task);
    if (status)
        aq_free(report);
    return status;
}

aclError aclrtLaunchCallback(aclrtCallback fn, void *userData, aclrtCallbackBlockType blockType,
                             aclrtStream handle)
{
    static const char function[] = "aclrtLaunchCallback";
    if (!fn)
        return aq_runtime_refuse_null(function, "fn");
    if (blockType != ACL_CALLBACK_NO_BLOCK && blockType != ACL_CALLBACK_BLOCK) {
        char actual[16];
        snprintf(actual, sizeof actual, "%d", (int)blockType);
        return aq_refuse(100000, &(aq_refusal){.function = function,
                                               .argument = "blockType",
                                               .rule = "must be ACL_CALLBACK_NO_BLOCK (0) or "
                                                       "ACL_CALLBACK_BLOCK (1)",
                                               .actual = actual,
                                               .nearest = "ACL_CALLBACK_BLOCK (1)",
                                               .page = AQ_RUNTIME_PAGE});
    }
    aq_stream *stream = NULL;
    int status = aq_stream_find(function, handle, &stream);
    if (status)
        return status;
    status = launch(fn, userData, blockType == ACL_CALLBACK_BLOCK, stream);
    aq_stream_release(stream);
    return status;
}

/* ---- Subscribing ---- */

aclError aclrtSubscribeReport(uint64_t threadId, aclrtStream handle)
{
    static const char function[] = "aclrtSubscribeReport";
    aq_stream *stream = NULL;
    int status = aq_stream_find(function, handle, &stream);
    if (status)
        return status;
    pthread_mutex_lock(&lock);
    if (stream->subscriber) {
        status = aq_refuse(107011, &(aq_refusal){.function = function,
                                                 .argument = "stream",
                                                 .rule = "has one subscribed thread",
                                                 .actual = "a thread is subscribed already",
                                                 .nearest = "call aclrtUnSubscribeReport before",
                                                 .page = AQ_RUNTIME_PAGE});
    } else {
        stream->subscriber = find_or_make(threadId);
        if (stream->subscriber)
            stream->subscriber->streams++;
        else
            status = aq_error(207001, "%s: out of memory for a subscription", function);
    }
    pthread_mutex_unlock(&lock);
    aq_stream_release(stream);
    return status;
}

aclError aclrtUnSubscribeReport(uint64_t threadId, aclrtStream handle)
{
    static const char function[] = "aclrtUnSubscribeReport";
    aq_stream *stream = NULL;
    int status = aq_stream_find(function, handle, &stream);
    if (status)
        return status;
    pthread_mutex_lock(&lock);
    if (stream->subscriber && stream->subscriber->thread == threadId)
        unsubscribe(stream);
    else
        status = aq_refuse(107012,
                           &(aq_refusal){.function = function,
                                         .argument = "threadId",
                                         .rule = "must be subscribed to the stream",
                                         .actual = stream->subscriber ? "another thread is" : "no thread is",
                                         .page = AQ_RUNTIME_PAGE});
    pthread_mutex_unlock(&lock);
    aq_stream_release(stream);
    return status;
}

/* ---- Running callbacks ---- */

static int refuse_unsubscribed(const char *function)
{
    return aq_refuse(107012,
                     &(aq_refusal){.function = function,
                                   .argument = "calling thread",
                                   .rule = "must be subscribed to a stream",
                                   .actual = "is not",
                                   .nearest = "call aclrtSubscribeReport with its pthread_self() before",
                                   .page = AQ_RUNTIME_PAGE});
}

/* Called and left with the lock held, given up while the callback runs. */
static void run_report(aq_subscriber *subscriber)
{
    aq_report *report = take_out(subscriber, &subscriber->first);
    report->state = AQ_REPORT_RUNNING;
    pthread_mutex_unlock(&lock);
    aq_queue_frame frame;
    if (report->blocks)
        aq_queue_enter(&frame, report->stream);
    int64_t from = aq_trace_begin();
    report->function(report->data);
    if (from && report->arrow) {
        aq_trace_arrow(report->posted_on, false, "callback", report->arrow, report->posted_at);
        aq_trace_arrow(aq_trace_track(), true, "callback", report->arrow, from);
    }
    aq_trace_end("callback", "callback", from, NULL);
    if (report->blocks)
        aq_queue_leave(&frame);
    pthread_mutex_lock(&lock);
    end_report(report, AQ_REPORT_RUN);
    release_report(report);
}

/* Runs what is ready now; what becomes ready meanwhile is for the next call, so that each call ends. Called
 * and left with the lock held. */
static int process(const char *function, aq_subscriber *subscriber, const struct timespec *deadline)
{
    bool late = false;
    while (!subscriber->first && !subscriber->has_run && subscriber->streams > 0 && !late) {
        if (deadline)
            late = pthread_cond_timedwait(&subscriber->change, &lock, deadline) == ETIMEDOUT;
        else
            pthread_cond_wait(&subscriber->change, &lock);
    }
    if (!subscriber->first && !subscriber->has_run)
        return subscriber->streams == 0
                   ? refuse_unsubscribed(function)
                   : aq_error(507012, "%s: time is up, no callback became ready", function);
    subscriber->has_run = false;
    uint64_t last = subscriber->last_number;
    while (subscriber->first && subscriber->first->number <= last)
        run_report(subscriber);
    return 0;
}

aclError aclrtProcessReport(int32_t timeout)
{
    static const char function[] = "aclrtProcessReport";
    if (timeout == 0 || timeout < -1) {
        char actual[16];
        snprintf(actual, sizeof actual, "%d", (int)timeout);
        return aq_refuse(100000, &(aq_refusal){.function = function,
                                               .argument = "timeout",
                                               .rule = "must be milliseconds > 0, or -1 for no limit",
                                               .actual = actual,
                                               .nearest = timeout == 0 ? "1" : "-1",
                                               .page = AQ_RUNTIME_PAGE});
    }
    int64_t from = aq_trace_begin();
    struct timespec deadline = aq_queue_deadline(timeout > 0 ? timeout : 0);
    pthread_mutex_lock(&lock);
    aq_subscriber *subscriber = subscriber_of((uint64_t)pthread_self());
    int status;
    if (subscriber) {
        subscriber->users++;
        status = process(function, subscriber, timeout > 0 ? &deadline : NULL);
        subscriber->users--;
        free_if_unused(subscriber);
    } else {
        status = refuse_unsubscribed(function);
    }
    pthread_mutex_unlock(&lock);
    aq_span_waited(function, NULL, from);
    return status;
}
