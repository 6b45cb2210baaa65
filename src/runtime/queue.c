/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c - decides when a stream's tasks run, in which thread, and when those who wait for them go on. Knows
 * neither handles nor what a task does.
 *
 * A stream has no worker until its first task. At any time one thread runs its tasks: the worker, or who
 * waits for them without a limit and finds them lying there, since waking the worker takes longer than many
 * a task. Those who find another thread running them look whether it needs help with a parallel loop
 * (parallel.h), and sleep when it does not. With ANTIQUANT_SYNC=1 there is no worker: whoever queues a task
 * runs it, in order.
 *
 * Locking: each stream has one mutex. Under it nothing else is locked, and no task's code is called. */
#include "runtime/queue.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/float_environment.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/settings.h"
#include "base/start_thread.h"
#include "parallel/parallel.h"
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

/* Those who look for work see it before who brought it has given the lock back: they had better wait that
 * moment out than sleep and have to be woken. */
static void init_lock(pthread_mutex_t *lock)
{
#if defined(__GLIBC__)
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
#else
    pthread_mutex_init(lock, NULL);
#endif
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
    init_lock(&stream->lock);
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
    uint64_t ordinal = task->ordinal;
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

/* What a thread that looks without the lock may find; with the lock it looks again. */
static void publish(aq_stream *stream)
{
    const aq_task *first = stream->first;
    aq_stream_offer offer = AQ_OFFER_NOTHING;
    if (!stream->running && (first || stream->closing))
        offer = first && first->by_anyone ? AQ_OFFER_ANYONE : AQ_OFFER_WORKER;
    atomic_store_explicit(&stream->offer, offer, memory_order_release);
}

static bool is_finished(const aq_stream *stream, uint64_t count)
{
    return atomic_load_explicit(&stream->finished, memory_order_acquire) >= count;
}

/* Runs tasks until `count` are finished; not those that are for the worker, unless it is the worker. Called
 * and left with the lock held, when nobody else runs them. */
static void run_until(aq_stream *stream, uint64_t count, bool is_worker)
{
    stream->running = true;
    stream->run_on = sched_getcpu();
    publish(stream);
    while (stream->first && (is_worker || stream->first->by_anyone) && !is_finished(stream, count))
        run_first(stream);
    stream->running = false;
    publish(stream);
}

static bool worker_has_something(void *stream)
{
    return atomic_load_explicit(&((aq_stream *)stream)->offer, memory_order_acquire) != AQ_OFFER_NOTHING;
}

/* A worker that is called and finds its task taken looks again, but not on the CPU of who queued it, who may
 * be waiting for that CPU. False: the stream is closed and empty. Called and left with the lock held. */
static bool wait_for_work(aq_stream *stream)
{
    bool looked = sched_getcpu() == stream->queued_on;
    while (stream->running || !stream->first) {
        if (stream->closing && !stream->first)
            return false;
        if (!looked) {
            pthread_mutex_unlock(&stream->lock);
            looked = !aq_parallel_look(worker_has_something, stream, false);
            pthread_mutex_lock(&stream->lock);
            continue;
        }
        stream->asleep = true;
        pthread_cond_wait(&stream->work, &stream->lock);
        if (stream->called)
            aq_parallel_expect(-1);
        looked = !stream->called || sched_getcpu() == stream->queued_on;
        stream->called = false;
    }
    stream->asleep = false;
    return true;
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
    while (wait_for_work(stream))
        run_until(stream, UINT64_MAX, true);
    stream->worker_is_gone = true;
    pthread_cond_broadcast(&stream->done);
    pthread_mutex_unlock(&stream->lock);
    aq_stream_release(stream);
    return NULL;
}

static int start_worker(const char *function, aq_stream *stream)
{
    aq_stream_retain(stream);
    int error = aq_start_thread(&stream->worker, work, stream);
    if (error) {
        aq_stream_release(stream);
        return aq_error(207005, "%s: no worker thread for stream %u: %s", function, stream->number,
                        error == EAGAIN ? "the system has no room for another thread"
                                        : "pthread_create failed");
    }
    stream->has_worker = true;
    return 0;
}

/* The worker, which sleeps, is about to be woken. Called with the lock held. */
static void call_worker(aq_stream *stream)
{
    stream->asleep = false;
    stream->called = true;
    aq_parallel_expect(1);
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
    task->ordinal = atomic_load_explicit(&stream->submitted, memory_order_relaxed) + 1;
    atomic_store_explicit(&stream->submitted, task->ordinal, memory_order_release);
    publish(stream);
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

/* The calling thread runs tasks in the worker's place, until `count` are finished or one is the worker's.
 * Called and left with the lock held, when nobody runs them. */
static void run_here(aq_stream *stream, uint64_t count, bool is_worker)
{
    char text[AQ_ERROR_TEXT_SIZE];
    fenv_t callers;
    aq_peek_error(text, sizeof text); /* the thread's own; a task that fails shall find and leave none */
    aq_take_error();
    aq_float_environment_enter(&callers);
    run_until(stream, count, is_worker);
    aq_float_environment_leave(&callers);
    if (text[0])
        aq_set_error(text);
    if (stream->closing)
        pthread_cond_broadcast(&stream->done);
    if (stream->asleep && (stream->first || stream->closing)) {
        call_worker(stream);
        pthread_cond_signal(&stream->work);
    }
}

/* ANTIQUANT_SYNC=1. A task queued from inside a task runs as soon as whoever runs that stream comes to it:
 * waiting for it here could be waiting for oneself. */
static void run_or_wait(aq_stream *stream)
{
    if (!stream->running)
        run_here(stream, UINT64_MAX, true);
    else if (!innermost)
        wait_for_count(stream, atomic_load_explicit(&stream->submitted, memory_order_relaxed));
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
    stream->queued_on = sched_getcpu();
    uint64_t ordinal = atomic_load_explicit(&stream->submitted, memory_order_relaxed);
    uint64_t queued = ordinal - atomic_load_explicit(&stream->finished, memory_order_relaxed);
    bool wake = stream->asleep && !stream->running; /* who runs them wakes the worker for the rest */
    if (wake)
        call_worker(stream);
    if (synchronous)
        run_or_wait(stream);
    pthread_mutex_unlock(&stream->lock);
    if (wake)
        pthread_cond_signal(&stream->work);
    aq_span_queued(function, stream, ordinal, queued, from);
    return 0;
}

/* ---- Waiting ---- */

typedef struct aq_wish {
    const aq_stream *stream;
    uint64_t count;
} aq_wish;

/* There is nothing more to wait for, or something to run. */
static bool waiter_has_something(void *context)
{
    const aq_wish *wish = context;
    return is_finished(wish->stream, wish->count) ||
           atomic_load_explicit(&wish->stream->offer, memory_order_acquire) == AQ_OFFER_ANYONE;
}

/* As aq_parallel_look. Called and left with the lock held, given up in between. */
static bool look(aq_stream *stream, uint64_t count)
{
    fenv_t callers;
    pthread_mutex_unlock(&stream->lock);
    aq_float_environment_enter(&callers);
    bool found = aq_parallel_look(waiter_has_something, &(aq_wish){stream, count}, false);
    aq_float_environment_leave(&callers);
    pthread_mutex_lock(&stream->lock);
    return found;
}

/* Returns when `count` are finished or there is nothing to help with. Called and left with the lock held. */
static void help_until(aq_stream *stream, uint64_t count)
{
    bool found = true;
    while (found && !is_finished(stream, count)) {
        if (!stream->running && stream->first->by_anyone)
            run_here(stream, count, false);
        else
            found = sched_getcpu() != stream->run_on && look(stream, count);
    }
}

/* A thread that runs a task's code already waits, as the worker would. */
bool aq_queue_wait(aq_stream *stream, uint64_t count, const struct timespec *deadline)
{
    if (is_finished(stream, count))
        return true;
    bool late = false;
    pthread_mutex_lock(&stream->lock);
    if (!deadline && !innermost)
        help_until(stream, count);
    while (!is_finished(stream, count) && !late) {
        if (count < stream->wake_at)
            stream->wake_at = count;
        if (deadline)
            late = pthread_cond_timedwait(&stream->done, &stream->lock, deadline) == ETIMEDOUT;
        else
            pthread_cond_wait(&stream->done, &stream->lock);
    }
    bool reached = is_finished(stream, count);
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
    publish(stream);
    pthread_cond_broadcast(&stream->work);
    while (!inside && ((stream->has_worker && !stream->worker_is_gone) || stream->running))
        pthread_cond_wait(&stream->done, &stream->lock);
    bool claim = stream->has_worker && !stream->worker_is_claimed;
    stream->worker_is_claimed = true;
    pthread_mutex_unlock(&stream->lock);
    if (claim && inside)
        pthread_detach(stream->worker);
    else if (claim)
        pthread_join(stream->worker, NULL);
}
