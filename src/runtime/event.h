/* SPDX-License-Identifier: Apache-2.0 */
/* event.h - the inside of events, for the files event*.c. Each aclrtRecordEvent makes a record of its own:
 * waiting captures the newest one, so a later record, or the end of the event, changes nothing for those who
 * wait already.
 *
 * Everything is counted: a record by its event (the newest), by its place in the stream and by each wait; an
 * event by its handle and by each record.
 *
 * Locking: one mutex per event, over the event and its records. Under it: the lock of one stream at a time
 * (to wake its worker). */
#ifndef AQ_RUNTIME_EVENT_H
#define AQ_RUNTIME_EVENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/acl_rt.h"
#include "runtime/queue.h"

typedef struct aq_event aq_event;
typedef struct aq_record aq_record;

/* A stream that waits for a record, as the task it is in. */
typedef struct aq_wait {
    aq_task task;
    aq_record *record; /* counted */
    aq_stream *stream;
    atomic_bool ready;
    int64_t traced_at;    /* the end of waiting; 0: not traced */
    struct aq_wait *next; /* in the record's list while the task is parked */
} aq_wait;

struct aq_record {
    aq_task task;
    size_t references;
    aq_event *event;   /* counted */
    aq_stream *stream; /* counted */
    bool done;
    int64_t time;      /* ns of CLOCK_MONOTONIC, when done */
    int64_t traced_at; /* within its span; 0: not traced */
    aq_wait *waits;
};

struct aq_event {
    size_t references;
    uint32_t number;     /* for people */
    aq_context *context; /* counted */
    pthread_mutex_t lock;
    pthread_cond_t done;
    aq_record *newest; /* null: never recorded */
};

/* The event behind a handle, counted. any_context: it may be of another context than the current one. 0;
 * 100000 null; 107002; 107003; 107017. */
int aq_event_find(const char *function, const char *argument, aclrtEvent handle, bool any_context,
                  aq_event **event);
void aq_event_release(aq_event *event);

/* The newest record, counted; null: never recorded. */
aq_record *aq_event_newest(aq_event *event);
bool aq_record_is_done(aq_record *record);
void aq_record_release(aq_record *record); /* null is fine */

#endif
