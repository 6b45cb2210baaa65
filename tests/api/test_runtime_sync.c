/* SPDX-License-Identifier: Apache-2.0 */
/* test_runtime_sync.c - ANTIQUANT_SYNC=1: everything has happened, in the caller's thread, when the call that
 * queued it returns; statuses stay where they are without it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "support/tasks.h"

static aclrtStream stream;

static int set_up(void **state)
{
    (void)state;
    test_notes_clear();
    return aclrtSetDevice(0) || aclrtCreateStream(&stream);
}

static int tear_down(void **state)
{
    (void)state;
    return aclrtDestroyStream(stream) || aclrtResetDevice(0);
}

static int is_same_thread(void *expected)
{
    test_add_note(pthread_equal(*(pthread_t *)expected, pthread_self()) ? 1 : 0);
    return 0;
}

static void tasks_run_in_the_caller_at_once(void **state)
{
    (void)state;
    pthread_t self = pthread_self();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(test_queue_call(i % 2 ? stream : NULL, is_same_thread, &self), 0);
        assert_int_equal(test_notes_count(), i + 1);
        assert_int_equal(test_note((size_t)i), 1);
    }
}

static void failures_are_told_by_synchronise(void **state)
{
    (void)state;
    assert_int_equal(test_queue_failure(stream, 507015, "broken"), 0); /* queueing itself was fine */
    assert_int_equal(aclrtPeekAtLastError(ACL_RT_THREAD_LEVEL), 507015);
    assert_int_equal(aclrtSynchronizeStream(stream), 507015);
    assert_true(test_error_has("broken"));
    assert_int_equal(aclrtSynchronizeStream(stream), 0);
    assert_int_equal(aclrtGetLastError(ACL_RT_THREAD_LEVEL), 507015);
}

static void events_are_complete_at_once(void **state)
{
    (void)state;
    aclrtEvent event = NULL;
    aclrtEventStatus status = ACL_EVENT_STATUS_RESERVED;
    assert_int_equal(aclrtCreateEvent(&event), 0);
    assert_int_equal(aclrtRecordEvent(event, stream), 0);
    assert_int_equal(aclrtQueryEvent(event, &status), 0);
    assert_int_equal(status, ACL_EVENT_STATUS_COMPLETE);
    assert_int_equal(aclrtStreamWaitEvent(NULL, event), 0);
    assert_int_equal(aclrtSynchronizeDevice(), 0);
    assert_int_equal(aclrtDestroyEvent(event), 0);
}

static aclrtEvent later;

/* Queues behind itself, in its own stream and in another one that then waits for it. */
static void queue_more(void *number)
{
    assert_int_equal(test_queue_note(stream, *(int *)number + 1), 0);
    assert_int_equal(aclrtRecordEvent(later, stream), 0);
    assert_int_equal(aclrtStreamWaitEvent(NULL, later), 0);
    test_add_note(*(int *)number);
}

static void callbacks_run_at_once_and_are_reported(void **state)
{
    (void)state;
    int number = 5;
    assert_int_equal(aclrtCreateEvent(&later), 0);
    assert_int_equal(aclrtLaunchCallback(queue_more, &number, ACL_CALLBACK_BLOCK, stream), 107015);
    assert_int_equal(aclrtSubscribeReport((uint64_t)pthread_self(), stream), 0);
    assert_int_equal(aclrtProcessReport(1), 507012);
    assert_int_equal(aclrtLaunchCallback(queue_more, &number, ACL_CALLBACK_BLOCK, stream), 0);
    assert_int_equal(test_notes_count(), 2);
    assert_int_equal(test_note(0), 5);
    assert_int_equal(test_note(1), 6);
    assert_int_equal(aclrtProcessReport(-1), 0);
    assert_int_equal(aclrtProcessReport(1), 507012);
    assert_int_equal(aclrtUnSubscribeReport((uint64_t)pthread_self(), stream), 0);
    assert_int_equal(aclrtDestroyEvent(later), 0);
}

static void *queue_many(void *context)
{
    if (aclrtSetCurrentContext(context) != 0)
        return context;
    for (int i = 0; i < 500; i++)
        if (test_queue_note(stream, i) != 0 || aclrtSynchronizeStream(stream) != 0)
            return context;
    return NULL;
}

/* Several threads on one stream: each runs its own tasks or waits for the one that does. */
static void threads_take_turns(void **state)
{
    (void)state;
    aclrtContext context = NULL;
    pthread_t threads[4];
    assert_int_equal(aclrtGetCurrentContext(&context), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, queue_many, context), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(test_notes_count(), 2000);
}

int main(void)
{
    setenv("ANTIQUANT_SYNC", "1", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tasks_run_in_the_caller_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_are_told_by_synchronise, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_are_complete_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(callbacks_run_at_once_and_are_reported, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_take_turns, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
