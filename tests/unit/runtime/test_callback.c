/* SPDX-License-Identifier: Apache-2.0 */
/* test_callback.c - who runs callbacks, when, and what happens when somebody leaves. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "base/settings.h"
#include "support/tasks.h"

static aclrtStream stream;

static uint64_t self(void)
{
    return (uint64_t)pthread_self();
}

static int set_up(void **state)
{
    (void)state;
    test_notes_clear();
    return aclrtSetDevice(0) || aclrtCreateStream(&stream);
}

static int tear_down(void **state)
{
    (void)state;
    if (stream && aclrtDestroyStream(stream) != 0)
        return -1;
    stream = NULL;
    aclrtGetLastError(ACL_RT_THREAD_LEVEL);
    return aclrtResetDevice(0);
}

static void note(void *number)
{
    test_add_note(*(int *)number);
}

static int numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

static void misuse_is_refused(void **state)
{
    (void)state;
    assert_int_equal(aclrtLaunchCallback(NULL, NULL, ACL_CALLBACK_BLOCK, stream), 100000);
    assert_int_equal(aclrtLaunchCallback(note, NULL, (aclrtCallbackBlockType)2, stream), 100000);
    assert_int_equal(aclrtLaunchCallback(note, NULL, ACL_CALLBACK_BLOCK, stream), 107015);
    assert_true(test_error_has("aclrtSubscribeReport"));
    assert_int_equal(aclrtLaunchCallback(note, NULL, ACL_CALLBACK_NO_BLOCK, NULL), 107015);
    assert_int_equal(aclrtProcessReport(0), 100000);
    assert_int_equal(aclrtProcessReport(-2), 100000);
    assert_int_equal(aclrtProcessReport(1), 107012);
    assert_int_equal(aclrtProcessReport(-1), 107012);
    assert_int_equal(aclrtUnSubscribeReport(self(), stream), 107012);
    assert_int_equal(aclrtSubscribeReport(self(), stream), 0);
    assert_int_equal(aclrtSubscribeReport(self(), stream), 107011);
    assert_int_equal(aclrtSubscribeReport(self() + 1, stream), 107011);
    assert_int_equal(aclrtUnSubscribeReport(self() + 1, stream), 107012);
    assert_int_equal(aclrtProcessReport(1), 507012);
    assert_int_equal(aclrtUnSubscribeReport(self(), stream), 0);
    assert_int_equal(aclrtUnSubscribeReport(self(), stream), 107012);
    assert_int_equal(aclrtProcessReport(1), 107012);
    aclrtStream dead = stream;
    assert_int_equal(aclrtDestroyStream(stream), 0);
    stream = NULL;
    assert_int_equal(aclrtLaunchCallback(note, NULL, ACL_CALLBACK_BLOCK, dead), 107017);
    assert_int_equal(aclrtSubscribeReport(self(), dead), 107017);
    assert_int_equal(aclrtUnSubscribeReport(self(), dead), 107017);
}

static void reports_run_in_order_when_processed(void **state)
{
    (void)state;
    assert_int_equal(aclrtSubscribeReport(self(), stream), 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(aclrtLaunchCallback(note, &numbers[i], ACL_CALLBACK_NO_BLOCK, stream), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 0); /* does not wait for callbacks that do not block */
    assert_int_equal(test_notes_count(), 0);
    assert_int_equal(aclrtProcessReport(-1), 0);
    assert_int_equal(test_notes_count(), 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(test_note((size_t)i), i);
    assert_int_equal(aclrtProcessReport(1), 507012);
    assert_int_equal(aclrtUnSubscribeReport(self(), stream), 0);
}

static void a_blocking_callback_holds_the_stream(void **state)
{
    (void)state;
    aclrtStreamStatus status;
    assert_int_equal(aclrtSubscribeReport(self(), stream), 0);
    assert_int_equal(aclrtLaunchCallback(note, &numbers[1], ACL_CALLBACK_BLOCK, stream), 0);
    assert_int_equal(test_queue_note(stream, 2), 0);
    assert_int_equal(aclrtLaunchCallback(note, &numbers[3], ACL_CALLBACK_BLOCK, stream), 0);
    assert_int_equal(aclrtSynchronizeStreamWithTimeout(stream, 1), 507046);
    assert_int_equal(test_notes_count(), 0);
    assert_int_equal(aclrtProcessReport(-1), 0); /* the second is not ready before the first has run */
    assert_int_equal(test_note(0), 1);
    assert_int_equal(aclrtProcessReport(-1), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 0);
    assert_int_equal(aclrtStreamQuery(stream, &status), 0);
    assert_int_equal(status, ACL_STREAM_STATUS_COMPLETE);
    assert_int_equal(test_notes_count(), 3);
    assert_int_equal(test_note(1), 2);
    assert_int_equal(test_note(2), 3);
    assert_int_equal(aclrtUnSubscribeReport(self(), stream), 0);
}

/* The thread of the samples: processes reports until it is no longer subscribed. */
typedef struct test_server {
    pthread_t thread;
    test_door subscribed;
    int status; /* what ended it */
    int reports;
} test_server;

static void *serve(void *argument)
{
    test_server *me = argument;
    test_door_pass(&me->subscribed);
    while ((me->status = aclrtProcessReport(-1)) == 0)
        me->reports++;
    return NULL;
}

static void start_server(test_server *server, aclrtStream first, aclrtStream second)
{
    server->subscribed = (test_door)TEST_DOOR_INITIALIZER;
    server->reports = 0;
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
    assert_int_equal(aclrtSubscribeReport((uint64_t)server->thread, first), 0);
    if (second != first)
        assert_int_equal(aclrtSubscribeReport((uint64_t)server->thread, second), 0);
    test_door_open(&server->subscribed);
}

static void one_thread_serves_two_streams(void **state)
{
    (void)state;
    test_server server;
    start_server(&server, stream, NULL);
    for (int i = 0; i < 10; i++)
        assert_int_equal(aclrtLaunchCallback(note, &numbers[i], ACL_CALLBACK_BLOCK, i % 2 ? NULL : stream),
                         0);
    assert_int_equal(aclrtSynchronizeDevice(), 0);
    assert_int_equal(test_notes_count(), 10);
    int last[2] = {-2, -1};
    for (int i = 0; i < 10; i++) { /* each stream's in order */
        int number = test_note((size_t)i);
        assert_int_equal(number, last[number % 2] + 2);
        last[number % 2] = number;
    }
    assert_int_equal(aclrtUnSubscribeReport((uint64_t)server.thread, stream), 0);
    assert_int_equal(aclrtUnSubscribeReport((uint64_t)server.thread, NULL), 0);
    pthread_join(server.thread, NULL);
    assert_int_equal(server.status, 107012);
    assert_in_range(server.reports, 1, 10);
}

static void leaving_gives_up_what_blocks(void **state)
{
    (void)state;
    assert_int_equal(aclrtSubscribeReport(self(), stream), 0);
    assert_int_equal(aclrtLaunchCallback(note, &numbers[1], ACL_CALLBACK_NO_BLOCK, stream), 0);
    assert_int_equal(aclrtLaunchCallback(note, &numbers[2], ACL_CALLBACK_BLOCK, stream), 0);
    assert_int_equal(aclrtLaunchCallback(note, &numbers[3], ACL_CALLBACK_BLOCK, stream), 0);
    assert_int_equal(test_queue_note(stream, 4), 0);
    assert_int_equal(aclrtSynchronizeStreamWithTimeout(stream, 1), 507046);
    assert_int_equal(aclrtUnSubscribeReport(self(), stream), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 107015);
    assert_true(test_error_has("task: aclrtLaunchCallback"));
    assert_int_equal(test_notes_count(), 1);
    assert_int_equal(test_note(0), 4);
    /* The one that did not block may or may not have been handed over before; if it was, it is still owed. */
    int status = aclrtProcessReport(1);
    assert_true(status == 0 || status == 107012);
    assert_int_equal(test_notes_count(), status == 0 ? 2 : 1);
}

/* What does not block is owed to the thread after it has left, too. */
static void leaving_keeps_what_does_not_block(void **state)
{
    (void)state;
    assert_int_equal(aclrtSubscribeReport(self(), stream), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(aclrtLaunchCallback(note, &numbers[i], ACL_CALLBACK_NO_BLOCK, stream), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 0);
    assert_int_equal(aclrtUnSubscribeReport(self(), stream), 0);
    assert_int_equal(aclrtProcessReport(-1), 0);
    assert_int_equal(test_notes_count(), 3);
    assert_int_equal(aclrtProcessReport(-1), 107012);
}

/* Destroying a stream waits for its callbacks, as long as another thread can run them. */
static void destroy_waits_for_callbacks(void **state)
{
    (void)state;
    test_server server;
    start_server(&server, stream, stream);
    for (int i = 0; i < 10; i++)
        assert_int_equal(aclrtLaunchCallback(note, &numbers[i], ACL_CALLBACK_BLOCK, stream), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
    stream = NULL;
    assert_int_equal(test_notes_count(), 10);
    pthread_join(server.thread, NULL); /* the end of the stream ends the subscription */
    assert_int_equal(server.status, 107012);
}

static void relaunch(void *count)
{
    test_add_note(*(int *)count);
    if (--*(int *)count > 0)
        assert_int_equal(aclrtLaunchCallback(relaunch, count, ACL_CALLBACK_NO_BLOCK, stream), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 0); /* allowed: the stream does not wait for us */
}

/* What becomes ready while reports are processed is for the next call. */
static void each_processing_ends(void **state)
{
    (void)state;
    int count = 3;
    assert_int_equal(aclrtSubscribeReport(self(), stream), 0);
    assert_int_equal(aclrtLaunchCallback(relaunch, &count, ACL_CALLBACK_NO_BLOCK, stream), 0);
    for (size_t i = 1; i <= 3; i++) {
        assert_int_equal(aclrtProcessReport(-1), 0);
        assert_int_equal(test_notes_count(), i);
    }
    assert_int_equal(aclrtProcessReport(1), 507012);
    assert_int_equal(aclrtUnSubscribeReport(self(), stream), 0);
}

static aclError destroyed;

static void destroy_stream(void *forced)
{
    destroyed = *(int *)forced ? aclrtDestroyStreamForce(stream) : aclrtDestroyStream(stream);
}

/* Whoever destroys a stream from a callback that it waits for does not wait for it. */
static void a_callback_may_destroy_its_stream(void **state)
{
    (void)state;
    for (int forced = 0; forced < 2; forced++) {
        int finished = test_tasks_finished();
        destroyed = -1;
        assert_int_equal(stream ? 0 : aclrtCreateStream(&stream), 0);
        assert_int_equal(aclrtSubscribeReport(self(), stream), 0);
        assert_int_equal(aclrtLaunchCallback(destroy_stream, &numbers[forced], ACL_CALLBACK_BLOCK, stream),
                         0);
        assert_int_equal(test_queue_note(stream, 1), 0);
        assert_int_equal(aclrtProcessReport(-1), 0);
        assert_int_equal(destroyed, 0);
        assert_int_equal(aclrtSynchronizeStream(stream), 107017);
        stream = NULL;
        test_tasks_await(finished + 1);
        assert_int_equal(test_notes_count(), 1); /* run the first time, dropped the second */
        assert_int_equal(aclrtProcessReport(1), 107012);
    }
}

static aclError waited[2];
static aclrtEvent event;

static void wait_for_own_stream(void *unused)
{
    (void)unused;
    waited[0] = aclrtSynchronizeStream(stream);
    assert_int_equal(aclrtRecordEvent(event, stream), 0);
    waited[1] = aclrtSynchronizeEvent(event);
}

static void a_callback_that_would_wait_for_itself_is_refused(void **state)
{
    (void)state;
    assert_int_equal(aclrtCreateEvent(&event), 0);
    assert_int_equal(aclrtSubscribeReport(self(), stream), 0);
    assert_int_equal(aclrtLaunchCallback(wait_for_own_stream, NULL, ACL_CALLBACK_BLOCK, stream), 0);
    assert_int_equal(aclrtProcessReport(-1), 0);
    assert_int_equal(waited[0], 107000);
    assert_int_equal(waited[1], 107000);
    assert_int_equal(aclrtSynchronizeEvent(event), 0);
    assert_int_equal(aclrtDestroyEvent(event), 0);
    assert_int_equal(aclrtUnSubscribeReport(self(), stream), 0);
}

/* Destroying a stream whose callbacks nobody but the caller could run must not hang. */
static void the_subscriber_may_destroy_a_stream_it_has_not_served(void **state)
{
    (void)state;
    assert_int_equal(aclrtSubscribeReport(self(), stream), 0);
    assert_int_equal(aclrtLaunchCallback(note, &numbers[1], ACL_CALLBACK_BLOCK, stream), 0);
    assert_int_equal(test_queue_note(stream, 2), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
    stream = NULL;
    assert_int_equal(test_notes_count(), 1);
    assert_int_equal(test_note(0), 2);
    assert_int_equal(aclrtProcessReport(1), 107012);
}

static void *destroy_by_force(void *target)
{
    return aclrtDestroyStreamForce(target) == 0 ? NULL : target;
}

/* By force, from a thread that is not subscribed: a report that nobody has begun is taken back. */
static void forced_destroy_takes_reports_back(void **state)
{
    (void)state;
    assert_int_equal(aclrtSubscribeReport(self(), stream), 0);
    assert_int_equal(aclrtLaunchCallback(note, &numbers[1], ACL_CALLBACK_BLOCK, stream), 0);
    assert_int_equal(test_queue_note(stream, 2), 0);
    pthread_t thread;
    void *failed;
    assert_int_equal(pthread_create(&thread, NULL, destroy_by_force, stream), 0);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    stream = NULL;
    assert_int_equal(aclrtProcessReport(1), 107012);
    assert_int_equal(test_notes_count(), 0);
}

int main(void)
{
    if (aq_settings_get()->synchronous) {
        puts("skipped: with ANTIQUANT_SYNC=1 there is no worker that hands callbacks to another thread");
        return 77; /* ctest: skipped */
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(misuse_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reports_run_in_order_when_processed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_blocking_callback_holds_the_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_thread_serves_two_streams, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaving_gives_up_what_blocks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaving_keeps_what_does_not_block, set_up, tear_down),
        cmocka_unit_test_setup_teardown(destroy_waits_for_callbacks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_processing_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_callback_may_destroy_its_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_callback_that_would_wait_for_itself_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_subscriber_may_destroy_a_stream_it_has_not_served, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(forced_destroy_takes_reports_back, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
