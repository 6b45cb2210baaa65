/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.h - what tests of streams are made of: doors that a task waits at until the test opens them, so that
 * no test needs to sleep, and tasks that note the order in which they ran. */
#ifndef AQ_TEST_TASKS_H
#define AQ_TEST_TASKS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "acl/acl_rt.h"

typedef struct test_door {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool open;
    int arrived; /* tasks that have come to the door */
} test_door;

#define TEST_DOOR_INITIALIZER                                                                                \
    {                                                                                                        \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0                                        \
    }

/* For tests that a stream without a worker cannot pass: skips the test, and says so, with ANTIQUANT_SYNC=1.
 */
void test_needs_worker(void);

void test_door_open(test_door *door);
/* Counts the caller as arrived and waits until the door is open. */
void test_door_pass(test_door *door);
/* Waits until so many have arrived. */
void test_door_await(test_door *door, int arrived);

/* Every task below, when finished, counts here; await waits for such a count. */
int test_tasks_finished(void);
void test_tasks_await(int finished);

/* Each queues one task and returns what aq_stream_submit returned. A door needs a worker to stand at it. */
int test_queue_door(aclrtStream stream, test_door *door);
/* Appends number to a log that all streams share. */
int test_queue_note(aclrtStream stream, int number);
/* Fails with this status, and with text as its message when that is not null. */
int test_queue_failure(aclrtStream stream, int status, const char *text);
/* Calls function(argument) and returns its result. */
int test_queue_call(aclrtStream stream, int (*function)(void *argument), void *argument);
/* The same, in the worker or in a thread that waits for the stream. */
int test_queue_call_by_anyone(aclrtStream stream, int (*function)(void *argument), void *argument);

/* The log: forget it; how many notes; one of them. */
void test_notes_clear(void);
size_t test_notes_count(void);
int test_note(size_t i);
void test_add_note(int number);

/* Runs function(argument) in a thread of its own and waits for its end; its result. */
int test_in_thread(int (*function)(void *argument), void *argument);

/* Takes the calling thread's error text and says whether it contains all of what. */
bool test_error_has(const char *what);

#endif
