/* SPDX-License-Identifier: Apache-2.0 */
/* queue.h - the inside of a stream: tasks in a line, the worker that runs them, and those who wait. For
 * stream.c, event.c and callback.c; everyone else knows stream.h only. */
#ifndef AQ_RUNTIME_QUEUE_H
#define AQ_RUNTIME_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/status.h"
#include "runtime/context.h"
#include "runtime/stream.h"

struct aq_scratch;
struct aq_subscriber;

/* What lies in a stream while nobody runs its tasks. */
typedef enum aq_stream_offer { AQ_OFFER_NOTHING, AQ_OFFER_WORKER, AQ_OFFER_ANYONE } aq_stream_offer;

typedef struct aq_stream {
    atomic_size_t references; /* of the handle, of the worker, of everyone who uses the stream just now */
    uint32_t number;          /* for people: "aq-stream-3" */
    aq_context *context;      /* counted, except by the default stream, which its context owns */
    int32_t device;           /* the context's */
    bool is_default;

    pthread_mutex_t lock; /* guards what follows, down to scratch */
    pthread_cond_t work;  /* the worker waits: for tasks, or inside a task that is parked */
    pthread_cond_t done;  /* everyone else waits: for tasks to finish, for the worker to end */
    aq_task *first, *last;
    _Atomic uint64_t submitted, finished; /* counts of tasks; written under the lock, read without */
    uint64_t wake_at;                     /* smallest count that somebody waits for */
    pthread_t worker;
    bool has_worker, worker_is_gone, worker_is_claimed; /* claimed: somebody joins or detaches it */
    bool asleep;                                        /* the worker waits for tasks */
    bool called;                                        /* and is told of one; it is on its way */
    bool running;                                       /* the worker, or another thread, runs tasks */
    int queued_on, run_on;                              /* CPUs: of who queued the last task, of who ran it */
    _Atomic aq_stream_offer offer;                      /* written under the lock, read without */
    bool closing;                                       /* takes no more tasks */
    bool dropping; /* tasks that have not begun are finished without being run */
    bool stop_on_failure;
    int status; /* of the first task that failed since somebody was told; 0 = none */
    char text[AQ_ERROR_TEXT_SIZE];
    struct aq_scratch *scratch; /* what waiting tasks share as a workspace; null = none; theirs, not ours */

    struct aq_subscriber *subscriber; /* callback.c's, under its lock */
    bool listed;                      /* the rest is stream.c's, under its lock */
    struct aq_stream *previous, *next;
} aq_stream;

/* One reference, no worker yet. Null: out of memory, with its text. */
aq_stream *aq_queue_create(const char *function, aq_context *context, bool is_default);
void aq_stream_retain(aq_stream *stream);
void aq_stream_release(aq_stream *stream); /* null is fine */

/* As aq_stream_submit, on a stream the caller has a reference of. On a status the task is untouched. */
int aq_queue_push(const char *function, aq_stream *stream, aq_task *task);

/* Waits until `count` tasks are finished. deadline: of CLOCK_MONOTONIC, null = none. false: time is up. */
bool aq_queue_wait(aq_stream *stream, uint64_t count, const struct timespec *deadline);

/* The pending execution error, as status and as the thread's text. take forgets it, unless the stream stops
 * on failure. */
int aq_queue_error(aq_stream *stream, bool take);

/* No more tasks: runs, or drops, those that are queued and ends the worker. Any number of threads may call
 * it. Does not wait when called from inside a task of this stream. */
void aq_queue_close(aq_stream *stream, bool drop);

/* Inside a task's run: waits until *ready, which another thread sets before it calls aq_queue_poke. false:
 * not ready, but the stream is being dropped. */
bool aq_queue_park(aq_stream *stream, atomic_bool *ready);
void aq_queue_poke(aq_stream *stream);

/* The calling thread is inside a task of this stream, where waiting for the stream would never end. A thread
 * that runs a task's code for the worker says so with a frame. */
typedef struct aq_queue_frame {
    const aq_stream *stream;
    struct aq_queue_frame *outer;
} aq_queue_frame;
void aq_queue_enter(aq_queue_frame *frame, const aq_stream *stream);
void aq_queue_leave(const aq_queue_frame *frame);
bool aq_queue_is_inside(const aq_stream *stream);

/* ---- stream.c ---- */

/* The stream behind a caller's handle, retained; null = the default stream of the current context. 0; 107002;
 * 107003; 107017. */
int aq_stream_find(const char *function, aclrtStream handle, aq_stream **stream);

/* Puts a stream among those that aclrtSynchronizeDevice and the end of a context reach. */
void aq_streams_enlist(aq_stream *stream);
/* Closes every stream of the context; their handles stay. */
void aq_streams_end(aq_context *context);

/* ---- callback.c ---- */

/* Nobody is subscribed to the stream from now on; callbacks it waits for are given up. only_own: if it is the
 * calling thread that is subscribed, which cannot run them while it waits for the stream. */
void aq_callbacks_forget(aq_stream *stream, bool only_own);

/* ---- Small things that streams, events and callbacks share ---- */

/* now + milliseconds, of CLOCK_MONOTONIC. */
struct timespec aq_queue_deadline(int32_t milliseconds);
/* A condition variable whose timed waits count on CLOCK_MONOTONIC. */
void aq_queue_init_condition(pthread_cond_t *condition);

#endif
