/* SPDX-License-Identifier: Apache-2.0 */
/* stream.h - streams as in-order queues with one worker thread each, and the task that travels through them.
 * Knows nothing of what a task does. */
#ifndef AQ_RUNTIME_STREAM_H
#define AQ_RUNTIME_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "acl/acl_rt.h"
#include "base/json_write.h"

/* The head of every task; what follows it belongs to the kind of task. The creator fills in name, run and
 * finish. */
typedef struct aq_task {
    struct aq_task *next; /* the stream's */
    uint64_t thread;      /* the stream's: number of the thread that queued the task */
    uint64_t ordinal;     /* the stream's: of this task in it, from 1 */
    const char *name;     /* static text: "aclnnCast", for error texts and traces */
    /* Runs in the stream's worker, or in who waits for the stream if by_anyone is set (in the caller with
     * ANTIQUANT_SYNC=1). 0, or a status after
     * aq_error/aq_refuse: status and text are then told by the stream's next synchronise or query and by
     * aclrtGetLastError. */
    int (*run)(struct aq_task *task);
    /* Called exactly once, after run or instead of it (stream destroyed, an earlier task failed and the
     * stream stops on failure, submit refused); frees the task. */
    void (*finish)(struct aq_task *task);
    /* For the trace, both may be null: static text, "op", "copy", "event", "callback"; and what there is to
     * tell of the task between its run, which took ns, and its finish. */
    const char *category;
    bool by_anyone; /* run neither waits nor calls the program */
    void (*describe)(const struct aq_task *task, int64_t ns, aq_json *members);
} aq_task;

/* Appends task to the stream behind handle; null = the default stream of the current context. Takes the task
 * over in every case: when it is refused it has been finished on return. 0; 107002 null stream without a
 * current context; 107003 stream of another context than the current one; 107017 not a live stream;
 * 207001/207005 no memory or no thread for the worker. function: the public function, for error texts. */
int aq_stream_submit(const char *function, aclrtStream handle, aq_task *task);

/* Waits until everything queued on stream so far is done, and returns its pending execution error: what
 * aclrtSynchronizeStream does. */
int aq_stream_synchronize(const char *function, aclrtStream stream);

#endif
