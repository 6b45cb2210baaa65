/* SPDX-License-Identifier: Apache-2.0 */
/* spans.h - streams and tasks in the trace: a stream is a track of its device, a task a span on it, an arrow
 * leads there from the call that queued it. Everything does nothing when no trace is written. */
#ifndef AQ_RUNTIME_SPANS_H
#define AQ_RUNTIME_SPANS_H

#include "base/trace.h"
#include "runtime/queue.h"

aq_track aq_stream_track(const aq_stream *stream);

/* Names the stream's track. */
void aq_span_stream_made(const aq_stream *stream);

/* function, which began at from, has queued task number ordinal; so many are queued now. from 0: nothing. */
void aq_span_queued(const char *function, const aq_stream *stream, uint64_t ordinal, uint64_t queued,
                    int64_t from);

/* Around a task's run: meanwhile the thread's events go to the stream's track. */
typedef struct aq_task_span {
    int64_t from; /* 0: nothing */
    aq_track before;
} aq_task_span;
void aq_task_span_begin(aq_task_span *span, const aq_stream *stream);
/* dropped: the task was not run. */
void aq_task_span_end(const aq_task_span *span, const aq_stream *stream, const aq_task *task,
                      uint64_t ordinal, bool dropped, int status);

/* The calling thread has waited since from, in function, for a stream; 0 and null: not known. */
void aq_span_waited(const char *function, const aq_stream *stream, int64_t from);

/* Moved count bytes, in function, since from. */
void aq_span_copied(const char *function, int64_t count, int64_t from);

#endif
