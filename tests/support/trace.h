/* SPDX-License-Identifier: Apache-2.0 */
/* trace.h - reads a trace back for tests, by nothing but the format: JSON with one event a line, and what
 * every viewer needs of it. */
#ifndef AQ_TESTS_TRACE_H
#define AQ_TESTS_TRACE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct traced_event {
    char phase;        /* X, s, f, C, M */
    long pid, tid, id; /* id: 0 when there is none */
    double ts, dur;    /* us; -1: none */
    char name[96], category[32];
    const char *line; /* the whole event */
} traced_event;

typedef struct traced {
    traced_event *events;
    size_t count;
    char *text;
} traced;

/* Fails the test unless the file is JSON and each event has what its phase needs; spans on a track lie inside
 * or beside one another; each arrow that arrives has left before, and both ends lie in spans; each track that
 * has spans has a name. */
void trace_read(const char *path, traced *trace);
void trace_free(traced *trace);

/* The n-th (from 0) event of this phase, name and category (null: any), in the order of the file; null: none.
 */
const traced_event *trace_find(const traced *trace, char phase, const char *name, const char *category,
                               size_t n);
size_t trace_count(const traced *trace, char phase, const char *name, const char *category);

/* The span that the arrow which ends in this span comes from; null: none does. */
const traced_event *trace_origin(const traced *trace, const traced_event *span, const char *category);

#endif
