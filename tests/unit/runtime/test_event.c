/* SPDX-License-Identifier: Apache-2.0 */
/* test_event.c - what events mean to streams and to the host: order across streams, destruction while in use,
 * recording again. Doors hold streams back, so that "not ready yet" is certain and not a matter of time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "support/tasks.h"

#define ROUNDS 200

static aclrtStream a, b;
static aclrtEvent event;

static int set_up(void **state)
{
    (void)state;
    test_notes_clear();
    return aclrtSetDevice(0) || aclrtCreateStream(&a) || aclrtCreateStream(&b) || aclrtCreateEvent(&event);
}

static int tear_down(void **state)
{
    (void)state;
    if (event && aclrtDestroyEvent(event) != 0)
        return -1;
    event = NULL;
    return aclrtDestroyStream(a) || aclrtDestroyStream(b) || aclrtResetDevice(0);
}

/* Both ways to ask agree, with their inverted numbers; 0 not ready, 1 complete. */
static int is_complete(aclrtEvent which)
{
    aclrtEventRecordedStatus recorded = (aclrtEventRecordedStatus)-1;
    aclrtEventStatus status = ACL_EVENT_STATUS_RESERVED;
    assert_int_equal(aclrtQueryEventStatus(which, &recorded), 0);
    assert_int_equal(aclrtQueryEvent(which, &status), 0);
    assert_int_equal((int)status, 1 - (int)recorded);
    return (int)recorded;
}

static void an_event_never_recorded_is_complete(void **state)
{
    (void)state;
    assert_int_equal(is_complete(event), 1);
    assert_int_equal(aclrtSynchronizeEvent(event), 0);
    assert_int_equal(aclrtStreamWaitEvent(a, event), 0);
    assert_int_equal(test_queue_note(a, 1), 0);
    assert_int_equal(aclrtSynchronizeStream(a), 0);
    assert_int_equal(test_notes_count(), 1);
}

static void host_waits_for_what_was_recorded(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    assert_int_equal(test_queue_door(a, &door), 0);
    assert_int_equal(test_queue_note(a, 1), 0);
    assert_int_equal(aclrtRecordEvent(event, a), 0);
    assert_int_equal(is_complete(event), 0);
    test_door_open(&door);
    assert_int_equal(aclrtSynchronizeEvent(event), 0);
    assert_int_equal(test_notes_count(), 1);
    assert_int_equal(is_complete(event), 1);
}

static void a_stream_waits_for_another(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    assert_int_equal(test_queue_door(a, &door), 0);
    assert_int_equal(test_queue_note(a, 1), 0);
    assert_int_equal(aclrtRecordEvent(event, a), 0);
    assert_int_equal(aclrtStreamWaitEvent(b, event), 0);
    assert_int_equal(aclrtStreamWaitEvent(NULL, event), 0);
    assert_int_equal(test_queue_note(b, 2), 0);
    aclrtStreamStatus status;
    assert_int_equal(aclrtStreamQuery(b, &status), 0);
    assert_int_equal(status, ACL_STREAM_STATUS_NOT_READY);
    assert_int_equal(aclrtSynchronizeStreamWithTimeout(b, 1), 507046);
    test_door_open(&door);
    assert_int_equal(aclrtSynchronizeStream(b), 0);
    assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    assert_int_equal(test_notes_count(), 2);
    assert_int_equal(test_note(0), 1);
    assert_int_equal(test_note(1), 2);
}

/* Two streams hand a baton to and fro; the notes can only come in one order. */
static void streams_take_turns(void **state)
{
    (void)state;
    aclrtEvent other = NULL;
    assert_int_equal(aclrtCreateEventWithFlag(&other, ACL_EVENT_SYNC), 0);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(aclrtStreamWaitEvent(a, other), 0);
        assert_int_equal(test_queue_note(a, 2 * i), 0);
        assert_int_equal(aclrtRecordEvent(event, a), 0);
        assert_int_equal(aclrtStreamWaitEvent(b, event), 0);
        assert_int_equal(test_queue_note(b, 2 * i + 1), 0);
        assert_int_equal(aclrtRecordEvent(other, b), 0);
    }
    assert_int_equal(aclrtSynchronizeDevice(), 0);
    assert_int_equal(test_notes_count(), 2 * ROUNDS);
    for (int i = 0; i < 2 * ROUNDS; i++)
        assert_int_equal(test_note((size_t)i), i);
    assert_int_equal(aclrtDestroyEvent(other), 0);
}

/* A wait is for the record that was newest when it was queued, whatever is recorded later. */
static void waiting_captures_the_newest_record(void **state)
{
    (void)state;
    test_needs_worker();
    test_door first = TEST_DOOR_INITIALIZER, second = TEST_DOOR_INITIALIZER;
    assert_int_equal(aclrtRecordEvent(event, a), 0);
    assert_int_equal(test_queue_door(a, &first), 0);
    assert_int_equal(aclrtStreamWaitEvent(b, event), 0); /* the record before the door */
    assert_int_equal(aclrtRecordEvent(event, a), 0);
    assert_int_equal(test_queue_note(b, 1), 0);
    assert_int_equal(aclrtSynchronizeStream(b), 0);
    assert_int_equal(test_notes_count(), 1);
    assert_int_equal(is_complete(event), 0);
    /* Recorded last in a stream that is free: complete, though an older record is not. */
    assert_int_equal(aclrtRecordEvent(event, b), 0);
    assert_int_equal(aclrtSynchronizeEvent(event), 0);
    assert_int_equal(is_complete(event), 1);
    test_door_open(&first);
    assert_int_equal(test_queue_door(a, &second), 0);
    test_door_await(&second, 1);
    assert_int_equal(is_complete(event), 1);
    test_door_open(&second);
    assert_int_equal(aclrtSynchronizeStream(a), 0); /* doors must stay until they have been passed */
}

static void an_event_may_end_while_streams_use_it(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    assert_int_equal(test_queue_door(a, &door), 0);
    assert_int_equal(test_queue_note(a, 1), 0);
    assert_int_equal(aclrtRecordEvent(event, a), 0);
    assert_int_equal(aclrtStreamWaitEvent(b, event), 0);
    assert_int_equal(test_queue_note(b, 2), 0);
    assert_int_equal(aclrtDestroyEvent(event), 0);
    test_door_open(&door);
    assert_int_equal(aclrtSynchronizeStream(b), 0);
    assert_int_equal(test_note(0), 1);
    assert_int_equal(test_note(1), 2);
    event = NULL;
}

static void a_recording_stream_may_end(void **state)
{
    (void)state;
    aclrtStream stream = NULL;
    assert_int_equal(aclrtCreateStream(&stream), 0);
    assert_int_equal(aclrtRecordEvent(event, stream), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
    assert_int_equal(aclrtSynchronizeEvent(event), 0);
    assert_int_equal(aclrtStreamWaitEvent(b, event), 0);
    assert_int_equal(aclrtSynchronizeStream(b), 0);
}

/* A stream that waits can be destroyed by force; a record that is dropped lets its waits go. */
static void forced_destroy_frees_those_who_wait(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    aclrtStream waiting = NULL, stopped = NULL;
    assert_int_equal(aclrtCreateStream(&waiting), 0);
    assert_int_equal(aclrtCreateStream(&stopped), 0);
    assert_int_equal(test_queue_door(a, &door), 0);
    assert_int_equal(aclrtRecordEvent(event, a), 0);
    assert_int_equal(aclrtStreamWaitEvent(waiting, event), 0);
    assert_int_equal(test_queue_note(waiting, 1), 0);
    assert_int_equal(aclrtDestroyStreamForce(waiting), 0); /* the door is still shut */
    assert_int_equal(test_notes_count(), 0);
    test_door_open(&door);
    assert_int_equal(aclrtSynchronizeStream(a), 0);

    assert_int_equal(aclrtSetStreamFailureMode(stopped, ACL_STOP_ON_FAILURE), 0);
    assert_int_equal(test_queue_failure(stopped, 507015, NULL), 0);
    assert_int_equal(aclrtRecordEvent(event, stopped), 0);
    assert_int_equal(aclrtStreamWaitEvent(b, event), 0);
    assert_int_equal(aclrtSynchronizeStream(b), 0);
    assert_int_equal(aclrtSynchronizeEvent(event), 507015);
    assert_int_equal(aclrtDestroyStream(stopped), 0);
    assert_int_equal(aclrtGetLastError(ACL_RT_THREAD_LEVEL), 507015);
}

/* The host learns of the failure by the event, and the stream's own synchronise still tells it. */
static void synchronising_an_event_tells_the_error_of_its_stream(void **state)
{
    (void)state;
    assert_int_equal(test_queue_failure(a, 507018, "broken"), 0);
    assert_int_equal(aclrtRecordEvent(event, a), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(aclrtSynchronizeEvent(event), 507018);
        assert_true(test_error_has("broken"));
    }
    assert_int_equal(aclrtSynchronizeStream(a), 507018);
    assert_int_equal(aclrtSynchronizeEvent(event), 0);
    assert_int_equal(aclrtGetLastError(ACL_RT_THREAD_LEVEL), 507018);
}

static void elapsed_time_is_that_between_the_records(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    aclrtEvent end = NULL;
    float ms = -1;
    struct timespec before, after;
    assert_int_equal(aclrtCreateEventExWithFlag(&end, ACL_EVENT_TIME_LINE), 0);
    assert_int_equal(aclrtEventElapsedTime(&ms, event, end), 507000);
    assert_true(test_error_has("startEvent"));
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(aclrtRecordEvent(event, a), 0);
    assert_int_equal(aclrtSynchronizeEvent(event), 0);
    assert_int_equal(aclrtEventElapsedTime(&ms, event, end), 507000);
    assert_true(test_error_has("endEvent"));
    assert_int_equal(test_queue_door(a, &door), 0);
    assert_int_equal(aclrtRecordEvent(end, a), 0);
    assert_int_equal(aclrtEventElapsedTime(&ms, event, end), 507006);
    assert_true(ms == -1);
    test_door_open(&door);
    assert_int_equal(aclrtSynchronizeEvent(end), 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_int_equal(aclrtEventElapsedTime(&ms, event, end), 0);
    double most =
        (double)(after.tv_sec - before.tv_sec) * 1e3 + (double)(after.tv_nsec - before.tv_nsec) / 1e6;
    assert_true(ms > 0 && ms <= (float)most * 1.0001f);
    assert_int_equal(aclrtEventElapsedTime(&ms, event, event), 0);
    assert_true(ms == 0);
    assert_int_equal(aclrtDestroyEvent(end), 0);
}

static void misuse_is_refused(void **state)
{
    (void)state;
    aclrtEventRecordedStatus recorded;
    aclrtEventStatus status;
    float ms;
    int object;
    assert_int_equal(aclrtCreateEvent(NULL), 100000);
    assert_int_equal(aclrtCreateEventWithFlag(NULL, 0), 100000);
    assert_int_equal(aclrtCreateEventExWithFlag(NULL, 0), 100000);
    assert_int_equal(aclrtDestroyEvent(NULL), 100000);
    assert_int_equal(aclrtRecordEvent(NULL, a), 100000);
    assert_int_equal(aclrtSynchronizeEvent(NULL), 100000);
    assert_int_equal(aclrtStreamWaitEvent(a, NULL), 100000);
    assert_int_equal(aclrtQueryEvent(NULL, &status), 100000);
    assert_int_equal(aclrtQueryEvent(event, NULL), 100000);
    assert_int_equal(aclrtQueryEventStatus(NULL, &recorded), 100000);
    assert_int_equal(aclrtQueryEventStatus(event, NULL), 100000);
    assert_int_equal(aclrtEventElapsedTime(NULL, event, event), 100000);
    assert_int_equal(aclrtEventElapsedTime(&ms, NULL, event), 100000);
    assert_int_equal(aclrtEventElapsedTime(&ms, event, NULL), 100000);
    assert_int_equal(aclrtDestroyEvent(event), 0);
    aclrtEvent dead[] = {event, &object, a};
    event = NULL;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(aclrtDestroyEvent(dead[i]), 107017);
        assert_true(test_error_has("EE1001: aclrtDestroyEvent: event refused, status 107017"));
        assert_int_equal(aclrtRecordEvent(dead[i], a), 107017);
        assert_int_equal(aclrtSynchronizeEvent(dead[i]), 107017);
        assert_int_equal(aclrtStreamWaitEvent(a, dead[i]), 107017);
        assert_int_equal(aclrtQueryEvent(dead[i], &status), 107017);
        assert_int_equal(aclrtQueryEventStatus(dead[i], &recorded), 107017);
        assert_int_equal(aclrtEventElapsedTime(&ms, dead[i], dead[i]), 107017);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_never_recorded_is_complete, set_up, tear_down),
        cmocka_unit_test_setup_teardown(host_waits_for_what_was_recorded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_waits_for_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(streams_take_turns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiting_captures_the_newest_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_may_end_while_streams_use_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_recording_stream_may_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forced_destroy_frees_those_who_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(synchronising_an_event_tells_the_error_of_its_stream, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(elapsed_time_is_that_between_the_records, set_up, tear_down),
        cmocka_unit_test_setup_teardown(misuse_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
