/* SPDX-License-Identifier: Apache-2.0 */
/* trace.c - how events look in the Chrome format, and when the file is opened and brought up to date: at the
 * first question, and when the buffer is full, every now and then, when the program waits or finalizes, and
 * at exit. A forked child traces nothing.
 *
 * Locking: one mutex over the file; taken with an event ready made, held while it is written. Nothing else is
 * locked under it but the log's. */
#include "base/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/settings.h"
#include "base/trace_file.h"

enum {
    EVENT_SIZE = 2048,
    OLD = 100000000,            /* ns: events do not wait longer while others come */
    OLD_WHEN_WAITING = 10000000 /* ns: while the program waits anyway */
};

atomic_int aq_trace_state = AQ_TRACE_UNDECIDED;
static char invalid[256];
static _Atomic int64_t origin; /* time 0 of the picture */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t last_flush;

static _Thread_local aq_track entered, own;

/* ---- on or off ---- */

int64_t aq_trace_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Needs the lock. */
static void flush(int64_t now)
{
    last_flush = now;
    if (aq_trace_file_flush())
        return;
    int error = errno;
    atomic_store(&aq_trace_state, AQ_TRACE_OFF);
    aq_log(AQ_LOG_ERROR, "ANTIQUANT_TRACE: the trace ends early: %s", strerror(error));
}

static void flush_at_exit(void)
{
    aq_trace_flush(false);
}

static void forget_in_child(void)
{
    atomic_store(&aq_trace_state, AQ_TRACE_OFF);
    aq_trace_file_abandon();
}

static void open_trace(void)
{
    const char *path = aq_settings_get()->trace;
    const char *why = path ? aq_trace_file_open(path) : NULL;
    if (why) {
        char shown[AQ_SHOWN_VALUE + 4];
        snprintf(
            invalid, sizeof invalid,
            "ANTIQUANT_TRACE=\"%s\" is not valid: %s; valid values: the path of a file that can be written",
            aq_settings_shown(path, shown), why);
        aq_log(AQ_LOG_ERROR, "%s", invalid);
    }
    if (!path || why) {
        atomic_store(&aq_trace_state, AQ_TRACE_OFF);
        return;
    }
    atomic_store(&origin, aq_trace_time());
    atexit(flush_at_exit);
    pthread_atfork(NULL, NULL, forget_in_child);
    atomic_store(&aq_trace_state, AQ_TRACE_ON);
    aq_trace_name_process(getpid(), program_invocation_short_name);
}

bool aq_trace_decide(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_trace);
    return atomic_load(&aq_trace_state) == AQ_TRACE_ON;
}

const char *aq_trace_invalid(void)
{
    aq_trace_decide();
    return invalid[0] ? invalid : NULL;
}

void aq_trace_flush(bool if_older)
{
    if (atomic_load_explicit(&aq_trace_state, memory_order_relaxed) != AQ_TRACE_ON)
        return;
    int64_t now = aq_trace_time();
    pthread_mutex_lock(&lock);
    if (!if_older || now - last_flush > OLD_WHEN_WAITING)
        flush(now);
    pthread_mutex_unlock(&lock);
}

/* ---- events ---- */

/* An event under construction. Names are cut, so that everything has room. */
typedef struct event_text {
    size_t length;
    char text[EVENT_SIZE];
} event_text;

__attribute__((format(printf, 2, 3))) static void add(event_text *event, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int wanted =
        vsnprintf(event->text + event->length, sizeof event->text - event->length, format, arguments);
    va_end(arguments);
    if (wanted > 0)
        event->length += (size_t)wanted;
    if (event->length >= sizeof event->text) /* cannot be: see the sizes of names and of aq_json */
        event->length = sizeof event->text - 1;
}

/* All of them begin so. */
static void begin(event_text *event, char phase, aq_track track, const char *name)
{
    char quoted[160];
    aq_json_quote(name, quoted, sizeof quoted);
    event->length = 0;
    add(event, "{\"ph\":\"%c\",\"pid\":%" PRId64 ",\"tid\":%" PRId64 ",\"name\":%s", phase, track.process,
        track.thread, quoted);
}

/* Microseconds, with the nanoseconds behind the point. */
static void add_time(event_text *event, const char *key, int64_t nanoseconds)
{
    if (nanoseconds < 0)
        nanoseconds = 0;
    add(event, ",\"%s\":%" PRId64 ".%03d", key, nanoseconds / 1000, (int)(nanoseconds % 1000));
}

static void finish(event_text *event)
{
    add(event, "}");
    int64_t now = aq_trace_time();
    pthread_mutex_lock(&lock);
    if (atomic_load_explicit(&aq_trace_state, memory_order_relaxed) == AQ_TRACE_ON) {
        aq_trace_file_add(event->text, event->length);
        if (now - last_flush > OLD)
            flush(now);
    }
    pthread_mutex_unlock(&lock);
}

void aq_trace_span(aq_track track, const char *category, const char *name, int64_t from, int64_t to,
                   const aq_json *members)
{
    if (!aq_trace_on())
        return;
    event_text event;
    begin(&event, 'X', track, name);
    add_time(&event, "ts", from - atomic_load(&origin));
    add_time(&event, "dur", to - from);
    add(&event, ",\"cat\":\"%s\"", category);
    if (members && members->length > 0)
        add(&event, ",\"args\":{%s}", members->text);
    finish(&event);
}

void aq_trace_end(const char *category, const char *name, int64_t from, const aq_json *members)
{
    if (from)
        aq_trace_span(aq_trace_track(), category, name, from, aq_trace_time(), members);
}

void aq_trace_arrow(aq_track track, bool arrives, const char *category, int64_t id, int64_t time)
{
    if (!aq_trace_on())
        return;
    event_text event;
    begin(&event, arrives ? 'f' : 's', track, category);
    add_time(&event, "ts", time - atomic_load(&origin));
    add(&event, ",\"cat\":\"%s\",\"id\":%" PRId64 "%s", category, id, arrives ? ",\"bp\":\"e\"" : "");
    finish(&event);
}

void aq_trace_count(aq_track track, const char *name, int64_t time, int64_t value)
{
    if (!aq_trace_on())
        return;
    event_text event;
    begin(&event, 'C', track, name);
    add_time(&event, "ts", time - atomic_load(&origin));
    add(&event, ",\"args\":{\"value\":%" PRId64 "}", value);
    finish(&event);
}

/* ---- tracks ---- */

static void add_name(aq_track track, const char *what, const char *name)
{
    char quoted[160];
    if (!aq_trace_on())
        return;
    event_text event;
    aq_json_quote(name, quoted, sizeof quoted);
    begin(&event, 'M', track, what);
    add(&event, ",\"ts\":0,\"args\":{\"name\":%s}", quoted);
    finish(&event);
}

void aq_trace_name_process(int64_t process, const char *name)
{
    add_name((aq_track){.process = process, .thread = 0}, "process_name", name);
}

void aq_trace_name_track(aq_track track, const char *name)
{
    add_name(track, "thread_name", name);
}

void aq_trace_name_own(const char *name)
{
    if (own.process)
        return;
    own = (aq_track){.process = getpid(), .thread = syscall(SYS_gettid)};
    aq_trace_name_track(own, name);
}

static aq_track own_track(void)
{
    char name[32] = "thread"; /* 16 characters are the system's limit */
    if (!own.process) {
        pthread_getname_np(pthread_self(), name, sizeof name);
        aq_trace_name_own(name);
    }
    return own;
}

aq_track aq_trace_track(void)
{
    return entered.process ? entered : own_track();
}

aq_track aq_trace_enter(aq_track track)
{
    aq_track before = entered;
    entered = track;
    return before;
}
