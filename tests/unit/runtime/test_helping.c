/* SPDX-License-Identifier: Apache-2.0 */
/* test_helping.c - threads that wait for a stream run its tasks in the worker's place: in order, one at a
 * time, only those that anyone may run, and without a trace in the thread itself. */
#include <fenv.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "base/status.h"
#include "runtime/queue.h"
#include "support/tasks.h"

enum { TASKS = 60, ROUNDS = 300, WAITERS = 3 };

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

/* A stream whose worker never comes: it is said to be there. */
static aq_stream *stream_without_worker(void)
{
    aclrtStream handle = NULL;
    assert_int_equal(aclrtCreateStream(&handle), 0);
    aq_stream *stream = handle;
    stream->has_worker = stream->worker_is_gone = stream->worker_is_claimed = true;
    return stream;
}

typedef struct test_own_call {
    pthread_t thread;
    int number;
    bool elsewhere;
} test_own_call;

static int note_call(void *argument)
{
    test_own_call *call = argument;
    call->elsewhere = !pthread_equal(pthread_self(), call->thread);
    test_add_note(call->number);
    return 0;
}

static void who_waits_runs_what_lies_there(void **state)
{
    (void)state;
    test_needs_worker();
    test_own_call calls[TASKS];
    aq_stream *stream = stream_without_worker();
    for (int i = 0; i < TASKS; i++) {
        calls[i] = (test_own_call){pthread_self(), i, true};
        assert_int_equal(test_queue_call_by_anyone(stream, note_call, &calls[i]), 0);
    }
    assert_true(aq_queue_wait(stream, TASKS / 3, NULL));
    assert_int_equal(test_notes_count(), TASKS / 3); /* and not those that nobody waits for */
    assert_int_equal(aclrtSynchronizeStream(stream), 0);
    assert_int_equal(test_notes_count(), TASKS);
    for (int i = 0; i < TASKS; i++) {
        assert_int_equal(test_note((size_t)i), i);
        assert_false(calls[i].elsewhere);
    }
    assert_int_equal(aclrtDestroyStream(stream), 0);
}

static void a_limited_wait_does_not_help(void **state)
{
    (void)state;
    test_needs_worker();
    test_own_call call = {pthread_self(), 1, true};
    aq_stream *stream = stream_without_worker();
    assert_int_equal(test_queue_call_by_anyone(stream, note_call, &call), 0);
    assert_int_equal(aclrtSynchronizeStreamWithTimeout(stream, 1), 507046);
    assert_int_equal(test_notes_count(), 0);
    assert_int_equal(aclrtSynchronizeDevice(), 0);
    assert_int_equal(test_notes_count(), 1);
    assert_int_equal(aclrtDestroyStream(stream), 0);
}

static int fail_without_a_text(void *rounding)
{
    *(int *)rounding = fegetround();
    return 507015;
}

static void the_thread_keeps_its_text_and_rounding(void **state)
{
    (void)state;
    test_needs_worker();
    int inside = -1;
    char text[256];
    aq_stream *stream = stream_without_worker();
    assert_int_equal(test_queue_call_by_anyone(stream, fail_without_a_text, &inside), 0);
    aq_set_error("the thread's own");
    assert_int_equal(fesetround(FE_UPWARD), 0);
    assert_true(aq_queue_wait(stream, 1, NULL));
    assert_int_equal(fegetround(), FE_UPWARD);
    fesetround(FE_TONEAREST);
    assert_int_equal(inside, FE_TONEAREST);
    aq_peek_error(text, sizeof text);
    assert_string_equal(text, "the thread's own");
    assert_int_equal(aclrtSynchronizeStream(stream), 507015);
    assert_true(test_error_has("EE1001: a task failed\n    task: call, number 1 of stream"));
    assert_int_equal(aclrtGetLastError(ACL_RT_THREAD_LEVEL), 507015);
    assert_int_equal(aclrtDestroyStream(stream), 0);
}

static int queue_failure_by_anyone(void *stream)
{
    static int rounding;
    int status = aclrtSetDevice(0);
    status = status ? status : test_queue_call_by_anyone(stream, fail_without_a_text, &rounding);
    status = status ? status : aclrtPeekAtLastError(ACL_RT_THREAD_LEVEL);
    return status;
}

static void failures_are_not_the_helpers(void **state)
{
    (void)state;
    test_needs_worker();
    aq_stream *stream = stream_without_worker();
    assert_int_equal(test_in_thread(queue_failure_by_anyone, stream), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 507015); /* the stream's error is told to who waits */
    assert_int_equal(aclrtGetLastError(ACL_RT_THREAD_LEVEL), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
}

static void a_stream_that_stops_drops_in_the_helper_too(void **state)
{
    (void)state;
    test_needs_worker();
    int rounding, finished = test_tasks_finished();
    test_own_call call = {pthread_self(), 1, false};
    aq_stream *stream = stream_without_worker();
    assert_int_equal(aclrtSetStreamFailureMode(stream, ACL_STOP_ON_FAILURE), 0);
    assert_int_equal(test_queue_call_by_anyone(stream, fail_without_a_text, &rounding), 0);
    assert_int_equal(test_queue_call_by_anyone(stream, note_call, &call), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 507015);
    assert_int_equal(test_notes_count(), 0);
    assert_int_equal(test_tasks_finished() - finished, 2);
    assert_int_equal(aclrtDestroyStream(stream), 0);
    aclrtGetLastError(ACL_RT_THREAD_LEVEL);
}

/* Who waits for an event runs what its record is behind. */
static void waiting_for_an_event_helps(void **state)
{
    (void)state;
    test_needs_worker();
    int rounding;
    aclrtEvent event = NULL;
    aq_stream *stream = stream_without_worker();
    assert_int_equal(aclrtCreateEvent(&event), 0);
    assert_int_equal(test_queue_call_by_anyone(stream, fail_without_a_text, &rounding), 0);
    assert_int_equal(aclrtRecordEvent(event, stream), 0);
    assert_int_equal(test_queue_call_by_anyone(stream, fail_without_a_text, &rounding), 0);
    assert_int_equal(aclrtSynchronizeEvent(event), 507015);
    assert_int_equal(atomic_load(&stream->finished), 2);
    assert_int_equal(aclrtSynchronizeStream(stream), 507015);
    assert_int_equal(aclrtDestroyEvent(event), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
    aclrtGetLastError(ACL_RT_THREAD_LEVEL);
}

/* ---- With a worker ---- */

static _Thread_local bool waits;

typedef struct test_lane {
    aclrtStream stream;
    atomic_int inside, done, trouble;
    int plain; /* written by whoever runs the stream, so a race is seen */
} test_lane;

typedef struct test_lane_call {
    test_lane *lane;
    int ordinal;
    bool for_worker;
} test_lane_call;

static int run_lane_call(void *argument)
{
    const test_lane_call *call = argument;
    test_lane *lane = call->lane;
    if (atomic_fetch_add(&lane->inside, 1) != 0 || atomic_load(&lane->done) != call->ordinal ||
        lane->plain != call->ordinal || (call->for_worker && waits))
        atomic_fetch_add(&lane->trouble, 1);
    lane->plain++;
    atomic_fetch_add(&lane->done, 1);
    atomic_fetch_sub(&lane->inside, 1);
    return 0;
}

static int wait_often(void *argument)
{
    test_lane *lane = argument;
    int status = aclrtSetDevice(0);
    waits = true;
    while (!status && atomic_load(&lane->done) < ROUNDS * 4)
        status = aclrtSynchronizeStream(lane->stream);
    return status ? status : aclrtResetDevice(0);
}

static void *wait_in_thread(void *lane)
{
    return wait_often(lane) == 0 ? lane : NULL;
}

/* Several wait at once while tasks of both kinds come. */
static void one_at_a_time_and_in_order(void **state)
{
    (void)state;
    test_needs_worker();
    static test_lane_call calls[ROUNDS * 4];
    test_lane lane = {.plain = 0};
    pthread_t threads[WAITERS];
    assert_int_equal(aclrtCreateStream(&lane.stream), 0);
    for (int i = 0; i < WAITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_in_thread, &lane), 0);
    waits = true;
    for (int i = 0; i < ROUNDS * 4; i++) {
        calls[i] = (test_lane_call){&lane, i, i % 7 == 3};
        assert_int_equal((calls[i].for_worker ? test_queue_call : test_queue_call_by_anyone)(
                             lane.stream, run_lane_call, &calls[i]),
                         0);
        if (i % 5 == 0)
            assert_int_equal(aclrtSynchronizeStream(lane.stream), 0);
    }
    waits = false;
    for (int i = 0; i < WAITERS; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        assert_non_null(result);
    }
    assert_int_equal(aclrtSynchronizeStream(lane.stream), 0);
    assert_int_equal(atomic_load(&lane.trouble), 0);
    assert_int_equal(lane.plain, ROUNDS * 4);
    assert_int_equal(aclrtDestroyStream(lane.stream), 0);
}

static int pass_door(void *door)
{
    test_door_pass(door);
    return 0;
}

static int synchronise(void *stream)
{
    int status = aclrtSetDevice(0);
    if (!status)
        status = aclrtSynchronizeStream(stream);
    if (status == 107017) /* it may be gone before it is asked for */
        status = 0;
    return status ? status : aclrtResetDevice(0);
}

static void *synchronise_in_thread(void *stream)
{
    return synchronise(stream) == 0 ? stream : NULL;
}

/* The task is in the worker or in the thread that waits; the end of the stream waits for either. */
static void the_end_waits_for_the_helper(void **state)
{
    (void)state;
    test_needs_worker();
    for (int round = 0; round < ROUNDS / 3; round++) {
        test_door door = TEST_DOOR_INITIALIZER;
        pthread_t thread;
        aclrtStream stream = NULL;
        void *result = NULL;
        int finished = test_tasks_finished();
        assert_int_equal(aclrtCreateStream(&stream), 0);
        if (round % 2 == 0) { /* surely in the helper */
            aclrtDestroyStream(stream);
            stream = stream_without_worker();
        }
        assert_int_equal(test_queue_call_by_anyone(stream, pass_door, &door), 0);
        assert_int_equal(pthread_create(&thread, NULL, synchronise_in_thread, stream), 0);
        test_door_await(&door, 1);
        test_door_open(&door);
        assert_int_equal((round % 3 ? aclrtDestroyStream : aclrtDestroyStreamForce)(stream), 0);
        assert_int_equal(test_tasks_finished() - finished, 1);
        pthread_join(thread, &result);
        assert_non_null(result);
    }
}

typedef struct test_end {
    aq_stream *stream;
    test_door door;
    pthread_t helper;
    atomic_bool is_queued, is_helped;
} test_end;

static int pass_and_tell(void *argument)
{
    test_end *end = argument;
    atomic_store(&end->is_helped, pthread_equal(pthread_self(), end->helper) != 0);
    test_door_pass(&end->door);
    return 0;
}

/* The stream is closing and, if another thread runs its tasks, its worker has seen that and sleeps again. */
static bool sleeps_again(test_end *end)
{
    pthread_mutex_lock(&end->stream->lock);
    bool sleeps = end->stream->closing && (end->stream->asleep || !atomic_load(&end->is_helped));
    pthread_mutex_unlock(&end->stream->lock);
    return sleeps;
}

static void *open_when_it_sleeps(void *argument)
{
    test_end *end = argument;
    while (!sleeps_again(end))
        sched_yield();
    test_door_open(&end->door);
    return NULL;
}

static void *destroy_behind_the_door(void *argument)
{
    test_end *end = argument;
    pthread_t opener;
    void *result = NULL;
    while (!atomic_load(&end->is_queued))
        sched_yield();
    test_door_await(&end->door, 1);
    if (pthread_create(&opener, NULL, open_when_it_sleeps, end) == 0) {
        result = aclrtDestroyStream(end->stream) == 0 ? end : NULL;
        pthread_join(opener, NULL);
    }
    return result;
}

/* The worker sees the end coming while a helper still has tasks before it; it must hear when they are done.
 */
static void the_worker_ends_after_the_helper(void **state)
{
    (void)state;
    test_needs_worker();
    for (int round = 0; round < ROUNDS / 6; round++) {
        test_end end = {.door = TEST_DOOR_INITIALIZER, .helper = pthread_self()};
        aclrtStream handle = NULL;
        pthread_t thread;
        void *result = NULL;
        test_own_call last = {pthread_self(), round, false};
        assert_int_equal(aclrtCreateStream(&handle), 0);
        end.stream = handle;
        aq_stream_retain(end.stream);
        assert_int_equal(test_queue_note(handle, round), 0);
        assert_int_equal(aclrtSynchronizeStream(handle), 0);
        assert_int_equal(pthread_create(&thread, NULL, destroy_behind_the_door, &end), 0);
        assert_int_equal(test_queue_call_by_anyone(handle, pass_and_tell, &end), 0);
        assert_int_equal(test_queue_call_by_anyone(handle, note_call, &last), 0);
        atomic_store(&end.is_queued, true);
        assert_true(aq_queue_wait(end.stream, 3, NULL)); /* the handle may be gone */
        pthread_join(thread, &result);
        assert_non_null(result);
        aq_stream_release(end.stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_waits_runs_what_lies_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_limited_wait_does_not_help, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_thread_keeps_its_text_and_rounding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_are_not_the_helpers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_that_stops_drops_in_the_helper_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiting_for_an_event_helps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_at_a_time_and_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_waits_for_the_helper, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_worker_ends_after_the_helper, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
