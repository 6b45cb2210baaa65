/* SPDX-License-Identifier: Apache-2.0 */
/* test_stream.c - order, waiting, errors and ends of streams, with tasks of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "support/tasks.h"

#define TASKS 500

static int set_up(void **state)
{
    (void)state;
    test_notes_clear();
    return aclrtSetDevice(0);
}

static int tear_down(void **state)
{
    (void)state;
    return aclrtResetDevice(0);
}

static aclrtStream new_stream(void)
{
    aclrtStream stream = NULL;
    assert_int_equal(aclrtCreateStream(&stream), 0);
    assert_non_null(stream);
    return stream;
}

static void tasks_run_in_order(void **state)
{
    (void)state;
    aclrtStream streams[2] = {new_stream(), NULL}; /* null: the default stream */
    for (int s = 0; s < 2; s++) {
        test_notes_clear();
        for (int i = 0; i < TASKS; i++)
            assert_int_equal(test_queue_note(streams[s], i), 0);
        assert_int_equal(aclrtSynchronizeStream(streams[s]), 0);
        assert_int_equal(test_notes_count(), TASKS);
        for (int i = 0; i < TASKS; i++)
            assert_int_equal(test_note((size_t)i), i);
    }
    assert_int_equal(aclrtDestroyStream(streams[0]), 0);
}

static void queueing_does_not_wait_and_query_tells(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    aclrtStream stream = new_stream();
    aclrtStreamStatus status = ACL_STREAM_STATUS_RESERVED;
    assert_int_equal(aclrtStreamQuery(stream, &status), 0);
    assert_int_equal(status, ACL_STREAM_STATUS_COMPLETE);
    assert_int_equal(test_queue_door(stream, &door), 0);
    assert_int_equal(test_queue_note(stream, 7), 0);
    assert_int_equal(aclrtStreamQuery(stream, &status), 0);
    assert_int_equal(status, ACL_STREAM_STATUS_NOT_READY);
    assert_int_equal(aclrtSynchronizeStreamWithTimeout(stream, 0), 507046);
    assert_int_equal(aclrtSynchronizeStreamWithTimeout(stream, 2), 507046);
    assert_true(test_error_has("0 of 2 tasks"));
    assert_int_equal(test_notes_count(), 0);
    test_door_open(&door);
    assert_int_equal(aclrtSynchronizeStreamWithTimeout(stream, -1), 0);
    assert_int_equal(test_notes_count(), 1);
    assert_int_equal(aclrtStreamQuery(stream, &status), 0);
    assert_int_equal(status, ACL_STREAM_STATUS_COMPLETE);
    assert_int_equal(aclrtSynchronizeStreamWithTimeout(stream, 0), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
}

static void streams_do_not_wait_for_one_another(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    aclrtStream held = new_stream(), free_one = new_stream();
    assert_int_equal(test_queue_door(held, &door), 0);
    assert_int_equal(test_queue_note(free_one, 1), 0);
    assert_int_equal(test_queue_note(NULL, 2), 0);
    assert_int_equal(aclrtSynchronizeStream(free_one), 0);
    assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    assert_int_equal(test_notes_count(), 2);
    test_door_open(&door);
    assert_int_equal(aclrtDestroyStream(held), 0);
    assert_int_equal(aclrtDestroyStream(free_one), 0);
}

static void device_synchronise_reaches_every_stream(void **state)
{
    (void)state;
    aclrtStream streams[4];
    for (int i = 0; i < 4; i++)
        streams[i] = new_stream();
    for (int i = 0; i < 40; i++)
        assert_int_equal(test_queue_note(streams[i % 4], i), 0);
    assert_int_equal(test_queue_note(NULL, 40), 0);
    assert_int_equal(test_queue_failure(streams[2], 507000, "out of luck"), 0);
    assert_int_equal(aclrtSynchronizeDevice(), 507000);
    assert_true(test_error_has("out of luck"));
    assert_int_equal(test_notes_count(), 41);
    assert_int_equal(aclrtSynchronizeDevice(), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(aclrtDestroyStream(streams[i]), 0);
    assert_int_equal(aclrtGetLastError(ACL_RT_THREAD_LEVEL), 507000);
}

static void destroy_waits_for_tasks(void **state)
{
    (void)state;
    aclrtStream stream = new_stream();
    int finished = test_tasks_finished();
    for (int i = 0; i < TASKS; i++)
        assert_int_equal(test_queue_note(stream, i), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
    assert_int_equal(test_notes_count(), TASKS);
    assert_int_equal(test_tasks_finished() - finished, TASKS);
}

typedef struct end_from_within {
    aclrtStream stream;
    aclError (*destroy)(aclrtStream stream);
    test_door *door; /* passed first, so that everything is queued by then */
    aclError status;
} end_from_within;

static int end_own_stream(void *argument)
{
    end_from_within *end = argument;
    test_door_pass(end->door);
    end->status = end->destroy(end->stream);
    return 0;
}

/* A task that ends its own stream: nobody waits for himself. Afterwards the rest is run, or dropped. */
static void end_stream_from_within(aclError (*destroy)(aclrtStream stream), size_t expected_notes)
{
    test_door door = TEST_DOOR_INITIALIZER;
    end_from_within end = {new_stream(), destroy, &door, -1};
    int finished = test_tasks_finished();
    assert_int_equal(test_queue_call(end.stream, end_own_stream, &end), 0);
    for (int i = 0; i < TASKS; i++)
        assert_int_equal(test_queue_note(end.stream, i), 0);
    test_door_open(&door);
    test_tasks_await(finished + TASKS + 1);
    assert_int_equal(end.status, 0);
    assert_int_equal(test_notes_count(), expected_notes);
    assert_int_equal(aclrtSynchronizeStream(end.stream), 107017);
    assert_int_equal(aclrtDestroyStream(end.stream), 107017);
}

static void a_task_may_destroy_its_stream(void **state)
{
    (void)state;
    test_needs_worker();
    end_stream_from_within(aclrtDestroyStream, TASKS);
}

static void forced_destroy_drops_what_has_not_begun(void **state)
{
    (void)state;
    test_needs_worker();
    end_stream_from_within(aclrtDestroyStreamForce, 0);
}

static int synchronise_own(void *stream)
{
    return aclrtSynchronizeStream(stream);
}

static void waiting_for_oneself_is_refused(void **state)
{
    (void)state;
    aclrtStream stream = new_stream();
    assert_int_equal(test_queue_call(stream, synchronise_own, stream), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 107000);
    assert_true(test_error_has("task: call, number 1 of stream"));
    assert_int_equal(aclrtDestroyStream(stream), 0);
    assert_int_equal(aclrtGetLastError(ACL_RT_THREAD_LEVEL), 107000);
}

static void failures_are_told_once_by_synchronise_or_query(void **state)
{
    (void)state;
    aclrtStream stream = new_stream();
    aclrtStreamStatus status = ACL_STREAM_STATUS_RESERVED;
    assert_int_equal(test_queue_failure(stream, 507015, "first"), 0);
    assert_int_equal(test_queue_failure(stream, 507018, "second"), 0);
    assert_int_equal(test_queue_note(stream, 1), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 507015);
    assert_true(test_error_has("EE1001: first\n    task: failure, number 1 of stream "));
    assert_int_equal(test_notes_count(), 1); /* the stream went on */
    assert_int_equal(aclrtSynchronizeStream(stream), 0);
    assert_int_equal(test_queue_failure(stream, 507000, NULL), 0);
    assert_int_equal(aclrtSynchronizeStream(NULL), 0); /* another stream's error is not ours */
    while (aclrtStreamQuery(stream, &status) == 0)
        assert_int_equal(status, ACL_STREAM_STATUS_NOT_READY); /* until the failure is told, it is not done */
    assert_true(test_error_has("task: failure, number 4 of stream "));
    assert_int_equal(aclrtStreamQuery(stream, &status), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
    aclrtGetLastError(ACL_RT_THREAD_LEVEL);
}

static void stop_on_failure_drops_later_tasks(void **state)
{
    (void)state;
    aclrtStream stream = new_stream();
    int finished = test_tasks_finished();
    assert_int_equal(aclrtSetStreamFailureMode(stream, ACL_STOP_ON_FAILURE), 0);
    assert_int_equal(test_queue_note(stream, 1), 0);
    assert_int_equal(test_queue_failure(stream, 507015, "broken"), 0);
    assert_int_equal(test_queue_note(stream, 2), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 507015);
    assert_int_equal(test_queue_note(stream, 3), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 507015); /* told until the mode changes */
    assert_int_equal(test_notes_count(), 1);
    assert_int_equal(test_tasks_finished() - finished, 4);
    assert_int_equal(aclrtSetStreamFailureMode(stream, ACL_CONTINUE_ON_FAILURE), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 507015);
    assert_int_equal(test_queue_note(stream, 4), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 0);
    assert_int_equal(test_notes_count(), 2);
    assert_int_equal(aclrtSetStreamFailureMode(stream, 2), 100000);
    assert_int_equal(aclrtDestroyStream(stream), 0);
    aclrtGetLastError(ACL_RT_THREAD_LEVEL);
}

static int last_error_of_this_thread(void *unused)
{
    (void)unused;
    return aclrtGetLastError(ACL_RT_THREAD_LEVEL);
}

/* Each thread is told of the tasks it queued itself. */
static void last_error_belongs_to_the_queueing_thread(void **state)
{
    (void)state;
    aclrtStream stream = new_stream();
    assert_int_equal(aclrtGetLastError(ACL_RT_THREAD_LEVEL), 0);
    assert_int_equal(test_queue_failure(stream, 507015, "older"), 0);
    assert_int_equal(test_queue_failure(stream, 507018, "newer"), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 507015);
    assert_int_equal(test_in_thread(last_error_of_this_thread, NULL), 0);
    assert_int_equal(aclrtPeekAtLastError(ACL_RT_THREAD_LEVEL), 507018);
    assert_int_equal(aclrtGetLastError(ACL_RT_THREAD_LEVEL), 507018);
    assert_true(test_error_has("newer"));
    assert_int_equal(aclrtGetLastError(ACL_RT_THREAD_LEVEL), 0);
    assert_int_equal(aclrtGetLastError((aclrtLastErrLevel)1), 100000);
    assert_int_equal(aclrtPeekAtLastError((aclrtLastErrLevel)-1), 100000);
    assert_int_equal(aclrtDestroyStream(stream), 0);
}

static int queue_failure_and_end(void *stream)
{
    int status = aclrtSetDevice(0);
    if (!status)
        status = test_queue_failure(stream, 507015, "orphan");
    return status ? status : aclrtResetDevice(0);
}

static void a_thread_may_end_before_its_tasks(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    aclrtStream stream = new_stream();
    assert_int_equal(test_queue_door(stream, &door), 0);
    assert_int_equal(test_in_thread(queue_failure_and_end, stream), 0);
    test_door_open(&door);
    assert_int_equal(aclrtSynchronizeStream(stream), 507015);
    assert_int_equal(aclrtGetLastError(ACL_RT_THREAD_LEVEL), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
}

static int destroy_once(void *stream)
{
    return aclrtDestroyStream(stream);
}

static void *destroy_in_thread(void *stream)
{
    return destroy_once(stream) == 0 ? stream : NULL;
}

static void of_many_destroyers_one_succeeds(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        aclrtStream stream = new_stream();
        assert_int_equal(test_queue_note(stream, round), 0);
        pthread_t threads[4];
        int successes = 0;
        for (int i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, destroy_in_thread, stream), 0);
        for (int i = 0; i < 4; i++) {
            void *result;
            pthread_join(threads[i], &result);
            successes += result != NULL;
        }
        assert_int_equal(successes, 1);
    }
    assert_int_equal(test_notes_count(), 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tasks_run_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queueing_does_not_wait_and_query_tells, set_up, tear_down),
        cmocka_unit_test_setup_teardown(streams_do_not_wait_for_one_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(device_synchronise_reaches_every_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(destroy_waits_for_tasks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_task_may_destroy_its_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forced_destroy_drops_what_has_not_begun, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiting_for_oneself_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_are_told_once_by_synchronise_or_query, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stop_on_failure_drops_later_tasks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(last_error_belongs_to_the_queueing_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_thread_may_end_before_its_tasks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_many_destroyers_one_succeeds, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
