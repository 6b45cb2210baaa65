/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.c - doors and tasks for tests of streams. Tasks are allocated by malloc, so that tests which let the
 * library's allocations fail can still queue them. */
#include "support/tasks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/settings.h"
#include "base/status.h"
#include "runtime/stream.h"

#define MAX_NOTES 4096

typedef struct test_task {
    aq_task head;
    int (*function)(void *argument);
    void *argument;
    int number;
    const char *text;
} test_task;

static pthread_mutex_t finished_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t finished_change = PTHREAD_COND_INITIALIZER;
static int finished;

static pthread_mutex_t notes_lock = PTHREAD_MUTEX_INITIALIZER;
static int notes[MAX_NOTES];
static size_t notes_count;

void test_needs_worker(void)
{
    if (!aq_settings_get()->synchronous)
        return;
    print_message("needs a worker, which there is not with ANTIQUANT_SYNC=1\n");
    skip();
}

void test_door_open(test_door *door)
{
    pthread_mutex_lock(&door->lock);
    door->open = true;
    pthread_cond_broadcast(&door->change);
    pthread_mutex_unlock(&door->lock);
}

void test_door_pass(test_door *door)
{
    pthread_mutex_lock(&door->lock);
    door->arrived++;
    pthread_cond_broadcast(&door->change);
    while (!door->open)
        pthread_cond_wait(&door->change, &door->lock);
    pthread_mutex_unlock(&door->lock);
}

void test_door_await(test_door *door, int arrived)
{
    pthread_mutex_lock(&door->lock);
    while (door->arrived < arrived)
        pthread_cond_wait(&door->change, &door->lock);
    pthread_mutex_unlock(&door->lock);
}

int test_tasks_finished(void)
{
    pthread_mutex_lock(&finished_lock);
    int count = finished;
    pthread_mutex_unlock(&finished_lock);
    return count;
}

void test_tasks_await(int count)
{
    pthread_mutex_lock(&finished_lock);
    while (finished < count)
        pthread_cond_wait(&finished_change, &finished_lock);
    pthread_mutex_unlock(&finished_lock);
}

static void finish(aq_task *task)
{
    free(task);
    pthread_mutex_lock(&finished_lock);
    finished++;
    pthread_cond_broadcast(&finished_change);
    pthread_mutex_unlock(&finished_lock);
}

static int queue(aclrtStream stream, const char *name, int (*run)(aq_task *task), test_task content)
{
    test_task *task = malloc(sizeof *task);
    if (!task)
        return -1;
    *task = content;
    task->head = (aq_task){.name = name, .run = run, .finish = finish, .by_anyone = content.head.by_anyone};
    return aq_stream_submit("test", stream, &task->head);
}

static int run_door(aq_task *task)
{
    test_door_pass(((test_task *)task)->argument);
    return 0;
}

int test_queue_door(aclrtStream stream, test_door *door)
{
    test_needs_worker();
    return queue(stream, "door", run_door, (test_task){.argument = door});
}

static int run_note(aq_task *task)
{
    test_add_note(((test_task *)task)->number);
    return 0;
}

int test_queue_note(aclrtStream stream, int number)
{
    return queue(stream, "note", run_note, (test_task){.number = number});
}

static int run_failure(aq_task *task)
{
    const test_task *failure = (test_task *)task;
    return failure->text ? aq_error(failure->number, "%s", failure->text) : failure->number;
}

int test_queue_failure(aclrtStream stream, int status, const char *text)
{
    return queue(stream, "failure", run_failure, (test_task){.number = status, .text = text});
}

static int run_call(aq_task *task)
{
    const test_task *call = (test_task *)task;
    return call->function(call->argument);
}

int test_queue_call(aclrtStream stream, int (*function)(void *argument), void *argument)
{
    return queue(stream, "call", run_call, (test_task){.function = function, .argument = argument});
}

int test_queue_call_by_anyone(aclrtStream stream, int (*function)(void *argument), void *argument)
{
    return queue(stream, "call", run_call,
                 (test_task){.head = {.by_anyone = true}, .function = function, .argument = argument});
}

void test_notes_clear(void)
{
    pthread_mutex_lock(&notes_lock);
    notes_count = 0;
    pthread_mutex_unlock(&notes_lock);
}

size_t test_notes_count(void)
{
    pthread_mutex_lock(&notes_lock);
    size_t count = notes_count;
    pthread_mutex_unlock(&notes_lock);
    return count;
}

int test_note(size_t i)
{
    pthread_mutex_lock(&notes_lock);
    int number = i < notes_count ? notes[i] : -1;
    pthread_mutex_unlock(&notes_lock);
    return number;
}

void test_add_note(int number)
{
    pthread_mutex_lock(&notes_lock);
    if (notes_count < MAX_NOTES)
        notes[notes_count++] = number;
    pthread_mutex_unlock(&notes_lock);
}

typedef struct test_thread {
    int (*function)(void *argument);
    void *argument;
    int result;
} test_thread;

static void *run_thread(void *argument)
{
    test_thread *thread = argument;
    thread->result = thread->function(thread->argument);
    return NULL;
}

int test_in_thread(int (*function)(void *argument), void *argument)
{
    test_thread thread = {.function = function, .argument = argument, .result = -1};
    pthread_t id;
    if (pthread_create(&id, NULL, run_thread, &thread) != 0)
        return -1;
    pthread_join(id, NULL);
    return thread.result;
}

bool test_error_has(const char *what)
{
    const char *text = aq_take_error();
    return text && strstr(text, what);
}
