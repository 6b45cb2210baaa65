/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c - decides when a stream's tasks run, in which thread, and when those who wait for them go on. Knows
 * neither handles nor what a task does.
 *
 * A stream has no thread until its first task. Those who wait sleep at once and never spin: measured on two
 * busy CPUs, looking for 5 us before sleeping tripled the median round trip (5.6 to 16.7 us), because the
 * thread that looks keeps the CPU from the one it looks for. With ANTIQUANT_SYNC=1 there is no worker:
 * whoever queues a task runs it, in order.
 *
 * Locking: each stream has one mutex. Under it nothing else is locked, and no task's code is called. */
#include "runtime/queue.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/float_environment.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/settings.h"
#include "runtime/spans.h"
#include "runtime/thread.h"

static _Thread_local aq_queue_frame *innermost;

void aq_queue_enter(aq_queue_frame *frame, const aq_stream *stream)
{
    *frame = (aq_queue_frame){.stream = stream, .outer = innermost};
    innermost = frame;
}

void aq_queue_leave(const aq_queue_frame *frame)
{
    innermost = frame->outer;
}

bool aq_queue_is_inside(const aq_stream *stream)
{
    const aq_queue_frame *frame = innermost;
    while (frame && frame->stream != stream)
        frame = frame->outer;
    return frame != NULL;
}

void aq_queue_init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct timespec aq_queue_deadline(int32_t milliseconds)
{
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += milliseconds / 1000;
    deadline.tv_nsec += milliseconds % 1000 * 1000000L;
    if (deadline.tv_nsec >= 1000000000L) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000L;
    }
    return deadline;
}

aq_stream *aq_queue_create(const char *function, aq_context *context, bool is_default)
{
    static atomic_uint last_number;
    aq_stream *stream = aq_calloc(1, sizeof *stream);
    if (!stream) {
        aq_error(207001, "%s: out of memory for a stream", function);
        return NULL;
    }
    atomic_init(&stream->references, 1);
    stream->number = atomic_fetch_add(&last_number, 1) + 1;
    stream->context = context;
    stream->device = context->device;
    stream->is_default = is_default;
    stream->wake_at = UINT64_MAX;
    pthread_mutex_init(&stream->lock, NULL);
    aq_queue_init_condition(&stream->work);
    aq_queue_init_condition(&stream->done);
    if (!is_default)
        aq_context_retain(context);
    aq_span_stream_made(stream);
    aq_log(AQ_LOG_INFO, "%s: stream %u made on device %d", function, (unsigned)stream->number,
           (int)stream->device);
    return stream;
}

void aq_stream_retain(aq_stream *stream)
{
    atomic_fetch_add_explicit(&stream->references, 1, memory_order_relaxed);
}

void aq_stream_release(aq_stream *stream)
{
    if (!stream || atomic_fetch_sub_explicit(&stream->references, 1, memory_order_acq_rel) != 1)
        return;
    if (!stream->is_default)
        aq_context_release(stream->context);
    pthread_cond_destroy(&stream->done);
    pthread_cond_destroy(&stream->work);
    pthread_mutex_destroy(&stream->lock);
    aq_free(stream);
}

/* ---- Running tasks ---- */

/* Keeps the first failure for the stream and hands the newest to the thread that queued the task. */
static void note_failure(aq_stream *stream, const aq_task *task, uint64_t ordinal, int status)
{
    char text[AQ_ERROR_TEXT_SIZE];
    aq_peek_error(text, sizeof text);
    aq_take_error();
    size_t length = strlen(text);
    snprintf(text + length, sizeof text - length, "%s\n    task: %s, number %llu of stream %u",
             length ? "" : "EE1001: a task failed", task->name, (unsigned long long)ordinal, stream->number);
    pthread_mutex_lock(&stream->lock);
    if (!stream->status) {
        stream->status = status;
        memcpy(stream->text, text, sizeof text);
    }
    pthread_mutex_unlock(&stream->lock);
    aq_thread_report(task->thread, status, text);
    aq_log(AQ_LOG_ERROR, "task failed, status %d: %s", status, text);
}

/* Takes the first task off and runs it. Called and left with the lock held, given up in between. */
static void run_first(aq_stream *stream)
{
    aq_task *task = stream->first;
    stream->first = task->next;
    if (!stream->first)
        stream->last = NULL;
    bool skip = stream->dropping || (stream->stop_on_failure && stream->status);
    uint64_t ordinal = atomic_load_explicit(&stream->finished, memory_order_relaxed) + 1;
    pthread_mutex_unlock(&stream->lock);
    int status = 0;
    aq_task_span span;
    aq_task_span_begin(&span, stream);
    if (!skip) {
        aq_queue_frame frame;
        aq_queue_enter(&frame, stream);
        status = task->run(task);
        aq_queue_leave(&frame);
        if (status)
            note_failure(stream, task, ordinal, status);
    }
    aq_task_span_end(&span, stream, task, ordinal, skip, status);
    task->finish(task);
    pthread_mutex_lock(&stream->lock);
    atomic_store_explicit(&stream->finished, ordinal, memory_order_release);
    if (ordinal >= stream->wake_at) {
        stream->wake_at = UINT64_MAX; /* those who wait for more set it again */
        pthread_cond_broadcast(&stream->done);
    }
}

/* Returns with a task to run or with the stream closed. Called and left with the lock held. */
static void wait_for_work(aq_stream *stream)
{
    while (!stream->first && !stream->closing) {
        stream->asleep = true;
        pthread_cond_wait(&stream->work, &stream->lock);
    }
    stream->asleep = false;
}

static void *work(void *argument)
{
    aq_stream *stream = argument;
    char name[16];
    snprintf(name, sizeof name, "aq-stream-%u", stream->number);
    pthread_setname_np(pthread_self(), name);
    fenv_t inherited;
    aq_float_environment_enter(&inherited);
    pthread_mutex_lock(&stream->lock);
    for (;;) {
        wait_for_work(stream);
        if (!stream->first)
            break;
        run_first(stream);
    }
    stream->worker_is_gone = true;
    pthread_cond_broadcast(&stream->done);
    pthread_mutex_unlock(&stream->lock);
    aq_stream_release(stream);
    return NULL;
}

/* The program's signals are for the program's threads; only those that a fault raises in the worker itself
 * must stay open, or the program's handler for them would not be called. */
static int start_worker(const char *function, aq_stream *stream)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    aq_stream_retain(stream);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int error = pthread_create(&stream->worker, NULL, work, stream);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        aq_stream_release(stream);
        return aq_error(207005, "%s: no worker thread for stream %u: %s", function, stream->number,
                        error == EAGAIN ? "the system has no room for another thread"
                                        : "pthread_create failed");
    }
    stream->has_worker = true;
    return 0;
}

/* ---- Queueing ---- */

static void append(aq_stream *stream, aq_task *task)
{
    task->next = NULL;
    if (stream->last)
        stream->last->next = task;
    else
        stream->first = task;
    stream->last = task;
    uint64_t submitted = atomic_load_explicit(&stream->submitted, memory_order_relaxed);
    atomic_store_explicit(&stream->submitted, submitted + 1, memory_order_release);
}

/* Called and left with the lock held. */
static void wait_for_count(aq_stream *stream, uint64_t count)
{
    while (atomic_load_explicit(&stream->finished, memory_order_relaxed) < count) {
        if (count < stream->wake_at)
            stream->wake_at = count;
        pthread_cond_wait(&stream->done, &stream->lock);
    }
}

/* ANTIQUANT_SYNC=1. A task queued from inside a task runs as soon as whoever runs that stream comes to it:
 * waiting for it here could be waiting for oneself. */
static void run_here(aq_stream *stream)
{
    uint64_t mine = atomic_load_explicit(&stream->submitted, memory_order_relaxed);
    if (stream->draining) {
        if (!innermost)
            wait_for_count(stream, mine);
        return;
    }
    stream->draining = true;
    fenv_t callers;
    aq_float_environment_enter(&callers);
    while (stream->first)
        run_first(stream);
    aq_float_environment_leave(&callers);
    stream->draining = false;
    if (stream->closing)
        pthread_cond_broadcast(&stream->done);
}

int aq_queue_push(const char *function, aq_stream *stream, aq_task *task)
{
    int64_t from = aq_trace_begin();
    task->thread = aq_thread_number();
    bool synchronous = aq_settings_get()->synchronous;
    pthread_mutex_lock(&stream->lock);
    int status = 0;
    if (stream->closing)
        status = aq_error(107017, "%s: the stream is being destroyed", function);
    else if (!synchronous && !stream->has_worker)
        status = start_worker(function, stream);
    if (status) {
        pthread_mutex_unlock(&stream->lock);
        return status;
    }
    append(stream, task);
    uint64_t ordinal = atomic_load_explicit(&stream->submitted, memory_order_relaxed);
    uint64_t queued = ordinal - atomic_load_explicit(&stream->finished, memory_order_relaxed);
    bool wake = stream->asleep;
    stream->asleep = false;
    if (synchronous)
        run_here(stream);
    pthread_mutex_unlock(&stream->lock);
    if (wake)
        pthread_cond_signal(&stream->work);
    aq_span_queued(function, stream, ordinal, queued, from);
    return 0;
}

/* ---- Waiting ---- */

bool aq_queue_wait(aq_stream *stream, uint64_t count, const struct timespec *deadline)
{
    if (atomic_load_explicit(&stream->finished, memory_order_acquire) >= count)
        return true;
    bool reached = false, late = false;
    pthread_mutex_lock(&stream->lock);
    for (;;) {
        reached = atomic_load_explicit(&stream->finished, memory_order_relaxed) >= count;
        if (reached || late)
            break;
        if (count < stream->wake_at)
            stream->wake_at = count;
        if (deadline)
            late = pthread_cond_timedwait(&stream->done, &stream->lock, deadline) == ETIMEDOUT;
        else
            pthread_cond_wait(&stream->done, &stream->lock);
    }
    pthread_mutex_unlock(&stream->lock);
    return reached;
}

int aq_queue_error(aq_stream *stream, bool take)
{
    char text[AQ_ERROR_TEXT_SIZE];
    pthread_mutex_lock(&stream->lock);
    int status = stream->status;
    if (status) {
        memcpy(text, stream->text, sizeof text);
        if (take && !stream->stop_on_failure)
            stream->status = 0;
    }
    pthread_mutex_unlock(&stream->lock);
    if (status)
        aq_set_error(text);
    return status;
}

bool aq_queue_park(aq_stream *stream, atomic_bool *ready)
{
    pthread_mutex_lock(&stream->lock);
    while (!atomic_load(ready) && !stream->dropping)
        pthread_cond_wait(&stream->work, &stream->lock);
    pthread_mutex_unlock(&stream->lock);
    return atomic_load(ready);
}

void aq_queue_poke(aq_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    pthread_cond_broadcast(&stream->work);
    pthread_mutex_unlock(&stream->lock);
}

void aq_queue_close(aq_stream *stream, bool drop)
{
    bool inside = aq_queue_is_inside(stream);
    pthread_mutex_lock(&stream->lock);
    stream->closing = true;
    stream->dropping |= drop;
    stream->asleep = false;
    pthread_cond_broadcast(&stream->work);
    while (!inside && ((stream->has_worker && !stream->worker_is_gone) || stream->draining))
        pthread_cond_wait(&stream->done, &stream->lock);
    bool claim = stream->has_worker && !stream->worker_is_claimed;
    stream->worker_is_claimed = true;
    pthread_mutex_unlock(&stream->lock);
    if (claim && inside)
        pthread_detach(stream->worker);
    else if (claim)
        pthread_join(stream->worker, NULL);
}
