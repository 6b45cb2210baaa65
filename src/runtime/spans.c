/* SPDX-License-Identifier: Apache-2.0 */
/* spans.c - which tracks there are and what the spans of tasks say. Must not know what a task does: its
 * kind tells that itself.
 *
 * A device is a process of the picture and a stream a thread of it; numbers begin beyond all that Linux gives
 * to real ones (2^22). */
#include "runtime/spans.h"

#include <stdio.h>

#include "runtime/description.h"

enum { FIRST_NUMBER = 10000000 };

/* Unique, and small enough for readers that keep numbers as doubles. */
static int64_t arrow_of(const aq_stream *stream, uint64_t ordinal)
{
    return (int64_t)stream->number << 32 | (int64_t)(ordinal & UINT32_MAX);
}

aq_track aq_stream_track(const aq_stream *stream)
{
    return (aq_track){.process = FIRST_NUMBER + stream->device, .thread = FIRST_NUMBER + stream->number};
}

void aq_span_stream_made(const aq_stream *stream)
{
    static _Atomic uint64_t named; /* bit d: device d; there are at most 64 */
    char name[48];
    if (!aq_trace_on())
        return;
    aq_track track = aq_stream_track(stream);
    uint64_t bit = UINT64_C(1) << (stream->device % 64);
    if (!(atomic_fetch_or(&named, bit) & bit)) {
        snprintf(name, sizeof name, "device %d", (int)stream->device);
        aq_trace_name_process(track.process, name);
    }
    snprintf(name, sizeof name, "stream %u%s", (unsigned)stream->number,
             stream->is_default ? " (default)" : "");
    aq_trace_name_track(track, name);
}

static void count_queued(const aq_stream *stream, int64_t time, uint64_t queued)
{
    char name[48];
    snprintf(name, sizeof name, "tasks in stream %u", (unsigned)stream->number);
    aq_trace_count(aq_stream_track(stream), name, time, (int64_t)queued);
}

void aq_span_queued(const char *function, const aq_stream *stream, uint64_t ordinal, uint64_t queued,
                    int64_t from)
{
    if (!from)
        return;
    aq_json members = {.length = 0};
    aq_json_count(&members, "stream", stream->number);
    aq_json_count(&members, "task", (int64_t)ordinal);
    aq_trace_arrow(aq_trace_track(), false, "queued", arrow_of(stream, ordinal), from);
    aq_trace_end("enqueue", function, from, &members);
    count_queued(stream, from, queued);
}

void aq_task_span_begin(aq_task_span *span, const aq_stream *stream)
{
    span->from = aq_trace_begin();
    if (span->from)
        span->before = aq_trace_enter(aq_stream_track(stream));
}

void aq_task_span_end(const aq_task_span *span, const aq_stream *stream, const aq_task *task,
                      uint64_t ordinal, bool dropped, int status)
{
    if (!span->from)
        return;
    int64_t now = aq_trace_time();
    aq_json members = {.length = 0};
    aq_json_count(&members, "task", (int64_t)ordinal);
    if (dropped)
        aq_json_text(&members, "dropped", "not run");
    else if (task->describe)
        task->describe(task, now - span->from, &members);
    if (status)
        aq_json_count(&members, "status", status);
    aq_track track = aq_stream_track(stream);
    aq_trace_span(track, task->category ? task->category : "task", task->name, span->from, now, &members);
    aq_trace_arrow(track, true, "queued", arrow_of(stream, ordinal), span->from);
    count_queued(stream, now, atomic_load_explicit(&stream->submitted, memory_order_relaxed) - ordinal);
    aq_trace_enter(span->before);
}

void aq_span_waited(const char *function, const aq_stream *stream, int64_t from)
{
    if (!from)
        return;
    aq_json members = {.length = 0};
    if (stream)
        aq_json_count(&members, "stream", stream->number);
    aq_trace_end("wait", function, from, &members);
    aq_trace_flush(true);
}

void aq_span_copied(const char *function, int64_t count, int64_t from)
{
    if (!from)
        return;
    aq_json members = {.length = 0};
    int64_t ns = aq_trace_time() - from;
    aq_json_count(&members, "bytes", count);
    aq_json_decimal(&members, "GB/s", aq_gigabytes_per_second(count, ns), 2);
    aq_trace_end("copy", function, from, &members);
}
