/* SPDX-License-Identifier: Apache-2.0 */
#include "support/trace.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_check.h"
#include "support/scratch.h"

/* ---- reading ---- */

static const char *value_of(const char *line, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(line, quoted);
    return at ? at + strlen(quoted) : NULL;
}

static double number(const char *line, const char *key)
{
    const char *value = value_of(line, key);
    return value ? strtod(value, NULL) : -1;
}

static void text(const char *line, const char *key, char *to, size_t size)
{
    const char *value = value_of(line, key);
    if (value && *value == '"')
        snprintf(to, size, "%.*s", (int)strcspn(value + 1, "\""), value + 1);
}

static void must(bool good, const char *what, const char *line)
{
    if (!good)
        fail_msg("%s: %s", what, line);
}

static void read_event(char *line, traced_event *event)
{
    char phase[4] = "";
    memset(event, 0, sizeof *event);
    size_t length = strlen(line);
    if (length > 0 && line[length - 1] == ',')
        line[length - 1] = '\0';
    event->line = line;
    text(line, "ph", phase, sizeof phase);
    event->phase = phase[0];
    must(strlen(phase) == 1 && strchr("XsfCM", event->phase), "phase", line);
    must(value_of(line, "pid") && value_of(line, "tid") && value_of(line, "ts"), "a key is missing", line);
    event->pid = (long)number(line, "pid");
    event->tid = (long)number(line, "tid");
    event->ts = number(line, "ts");
    event->dur = number(line, "dur");
    event->id = value_of(line, "id") ? atol(value_of(line, "id")) : 0;
    text(line, "name", event->name, sizeof event->name);
    text(line, "cat", event->category, sizeof event->category);
    must(event->ts >= 0 && event->pid > 0 && event->name[0], "pid, ts or name", line);
    must((event->phase == 'X') == (event->dur >= 0), "dur is for spans", line);
    bool arrow = event->phase == 's' || event->phase == 'f';
    must(arrow == (event->id > 0), "id is for arrows", line);
    must((arrow || event->phase == 'X') == (event->category[0] != '\0'), "category", line);
}

static void read_events(traced *trace)
{
    size_t room = 0;
    char *rest = strchr(trace->text, '\n') + 1;
    trace->events = NULL;
    trace->count = 0;
    for (char *line = strsep(&rest, "\n"); line && line[0] == '{'; line = strsep(&rest, "\n")) {
        if (trace->count == room) {
            room = room ? room * 2 : 256;
            trace->events = realloc(trace->events, room * sizeof *trace->events);
            if (!trace->events)
                abort();
        }
        read_event(line, &trace->events[trace->count++]);
    }
}

/* ---- structure ---- */

static bool same_track(const traced_event *a, const traced_event *b)
{
    return a->pid == b->pid && a->tid == b->tid;
}

/* Times have three digits behind the point; sums of two of them are a little off in binary. */
static bool before(double a, double b)
{
    return a <= b + 1e-6;
}

static bool holds(const traced_event *span, const traced_event *event)
{
    return span->phase == 'X' && same_track(span, event) && before(span->ts, event->ts) &&
           before(event->ts, span->ts + span->dur);
}

static void check_span(const traced *trace, const traced_event *span)
{
    bool named = false;
    for (size_t i = 0; i < trace->count; i++) {
        const traced_event *other = &trace->events[i];
        named = named ||
                (other->phase == 'M' && same_track(span, other) && strcmp(other->name, "thread_name") == 0);
        if (other->phase != 'X' || other == span || !same_track(span, other))
            continue;
        double end = span->ts + span->dur, others_end = other->ts + other->dur;
        bool apart = before(end, other->ts) || before(others_end, span->ts);
        bool nested = (before(span->ts, other->ts) && before(others_end, end)) ||
                      (before(other->ts, span->ts) && before(end, others_end));
        if (!apart && !nested)
            fail_msg("spans cross: %s and %s", span->line, other->line);
    }
    must(named, "no name for the track of", span->line);
}

static void check_arrow(const traced *trace, const traced_event *arrow)
{
    bool in_span = false, matched = false;
    for (size_t i = 0; i < trace->count; i++) {
        const traced_event *other = &trace->events[i];
        in_span = in_span || holds(other, arrow);
        if (other == arrow || (other->phase != 's' && other->phase != 'f') || other->id != arrow->id ||
            strcmp(other->category, arrow->category) != 0)
            continue;
        must(!matched && other->phase != arrow->phase, "two arrows of one id", arrow->line);
        matched = true;
        must(arrow->phase == 's' ? before(arrow->ts, other->ts) : before(other->ts, arrow->ts),
             "arrives before it leaves", arrow->line);
    }
    must(matched, "half an arrow", arrow->line);
    must(in_span, "in no span", arrow->line);
}

void trace_read(const char *path, traced *trace)
{
    size_t offset;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    bool valid = aq_json_check(file, &offset);
    fclose(file);
    if (!valid)
        fail_msg("no JSON from byte %zu on", offset);
    trace->text = scratch_read(path);
    read_events(trace);
    for (size_t i = 0; i < trace->count; i++) {
        const traced_event *event = &trace->events[i];
        if (event->phase == 'X')
            check_span(trace, event);
        else if (event->phase == 's' || event->phase == 'f')
            check_arrow(trace, event);
        else if (event->phase == 'C')
            must(number(event->line, "value") >= 0, "a negative count", event->line);
    }
}

void trace_free(traced *trace)
{
    free(trace->events);
    free(trace->text);
}

/* ---- questions ---- */

const traced_event *trace_find(const traced *trace, char phase, const char *name, const char *category,
                               size_t n)
{
    for (size_t i = 0; i < trace->count; i++) {
        const traced_event *event = &trace->events[i];
        if (event->phase == phase && (!name || strcmp(event->name, name) == 0) &&
            (!category || strcmp(event->category, category) == 0) && n-- == 0)
            return event;
    }
    return NULL;
}

size_t trace_count(const traced *trace, char phase, const char *name, const char *category)
{
    size_t count = 0;
    while (trace_find(trace, phase, name, category, count))
        count++;
    return count;
}

/* The innermost span around an end of an arrow. */
static const traced_event *span_around(const traced *trace, const traced_event *end)
{
    const traced_event *best = NULL;
    for (size_t i = 0; i < trace->count; i++)
        if (holds(&trace->events[i], end) && (!best || trace->events[i].dur < best->dur))
            best = &trace->events[i];
    return best;
}

const traced_event *trace_origin(const traced *trace, const traced_event *span, const char *category)
{
    for (size_t i = 0; i < trace->count; i++) {
        const traced_event *end = &trace->events[i];
        if (end->phase != 'f' || strcmp(end->category, category) != 0 || !holds(span, end))
            continue;
        for (size_t j = 0; j < trace->count; j++)
            if (trace->events[j].phase == 's' && trace->events[j].id == end->id &&
                strcmp(trace->events[j].category, category) == 0)
                return span_around(trace, &trace->events[j]);
    }
    return NULL;
}
