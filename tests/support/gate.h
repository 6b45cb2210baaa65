/* SPDX-License-Identifier: Apache-2.0 */
/* gate.h - for tests: a task that keeps a stream's worker until the test opens it, so that what is queued
 * behind it is surely not done yet. No sleeps, no clocks. */
#ifndef AQ_TESTS_GATE_H
#define AQ_TESTS_GATE_H

#include <semaphore.h>

#include "runtime/stream.h"

typedef struct test_gate {
    aq_task head; /* first */
    sem_t open;
} test_gate;

static int test_gate_run(aq_task *task)
{
    while (sem_wait(&((test_gate *)task)->open) != 0)
        ;
    return 0;
}

static void test_gate_finish(aq_task *task)
{
    (void)task; /* the test owns it */
}

/* Keeps stream from now on. gate must outlive the stream's next synchronise. 0, or the submit's status. */
static inline int test_gate_close(test_gate *gate, aclrtStream stream)
{
    *gate = (test_gate){.head = {.name = "gate", .run = test_gate_run, .finish = test_gate_finish}};
    sem_init(&gate->open, 0, 0);
    return aq_stream_submit("gate", stream, &gate->head);
}

static inline void test_gate_open(test_gate *gate)
{
    sem_post(&gate->open);
}

#endif
