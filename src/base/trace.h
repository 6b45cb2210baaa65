/* SPDX-License-Identifier: Apache-2.0 */
/* trace.h - ANTIQUANT_TRACE: what happened when, as events of a Chrome trace (docs/TRACING.md). Every room
 * may add events; this one knows only tracks, spans, arrows and counts. Off, each question costs one load.
 *
 * A track is a row of the picture: a thread of the program, or what its owner says (a stream). Times are
 * aq_trace_time's. Texts are copied. All functions may be called from any thread and do nothing when off. */
#ifndef AQ_BASE_TRACE_H
#define AQ_BASE_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json_write.h"

/* ---- on or off ---- */

enum { AQ_TRACE_UNDECIDED, AQ_TRACE_OFF, AQ_TRACE_ON };
extern atomic_int aq_trace_state;
/* The first question: opens the file if one is asked for. */
bool aq_trace_decide(void);

static inline bool aq_trace_on(void)
{
    int state = atomic_load_explicit(&aq_trace_state, memory_order_relaxed);
    return state != AQ_TRACE_OFF && (state == AQ_TRACE_ON || aq_trace_decide());
}

/* null, or that ANTIQUANT_TRACE names a file that cannot be written, and why: static text. */
const char *aq_trace_invalid(void);

/* ---- time ---- */

/* ns of CLOCK_MONOTONIC; never 0. */
int64_t aq_trace_time(void);

/* When something begins: the time when on, else 0, by which its end knows that there is nothing to tell. */
static inline int64_t aq_trace_begin(void)
{
    return aq_trace_on() ? aq_trace_time() : 0;
}

/* ---- tracks ---- */

typedef struct aq_track {
    int64_t process, thread; /* process 0: none */
} aq_track;

/* Where the calling thread's events go. */
aq_track aq_trace_track(void);
/* From now on there; no track: to the thread's own. Returns where they went before, for putting it back. */
aq_track aq_trace_enter(aq_track track);

void aq_trace_name_process(int64_t process, const char *name);
void aq_trace_name_track(aq_track track, const char *name);
/* Names the calling thread's own track, unless it has a name already; else it gets the thread's. */
void aq_trace_name_own(const char *name);

/* ---- events ---- */

/* Something that took from `from` to `to`. category, name: ASCII. members: more to tell, null for nothing. */
void aq_trace_span(aq_track track, const char *category, const char *name, int64_t from, int64_t to,
                   const aq_json *members);
/* The same, on the calling thread's track and until now; nothing when from is 0. */
void aq_trace_end(const char *category, const char *name, int64_t from, const aq_json *members);

/* An arrow leaves the span that holds time on track, or arrives at it; both ends have category and id. */
void aq_trace_arrow(aq_track track, bool arrives, const char *category, int64_t id, int64_t time);

/* From time on, what is called name counts value. */
void aq_trace_count(aq_track track, const char *name, int64_t time, int64_t value);

/* Writes out what waits; if_older: only when the last time is more than a moment ago. */
void aq_trace_flush(bool if_older);

#endif
