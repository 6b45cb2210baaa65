/* SPDX-License-Identifier: Apache-2.0 */
/* test_context.c - current contexts of threads, primary contexts and their counts, what a context's end
 * leaves, with three devices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "support/child.h"
#include "support/tasks.h"

#define DEVICES 3

static int current_device(void)
{
    int32_t device = -1;
    int status = aclrtGetDevice(&device);
    return status ? status : device;
}

static void setting_a_device_makes_its_primary_context_current(void **state)
{
    (void)state;
    aclrtContext first = NULL, second = NULL, again = NULL;
    uint32_t count = 0;
    assert_int_equal(aclrtGetDeviceCount(&count), 0);
    assert_int_equal(count, DEVICES);
    assert_int_equal(current_device(), 107002);
    assert_int_equal(aclrtGetCurrentContext(&first), 107002);
    assert_null(first);
    assert_int_equal(aclrtSetDevice(0), 0);
    assert_int_equal(current_device(), 0);
    assert_int_equal(aclrtGetCurrentContext(&first), 0);
    assert_int_equal(aclrtSetDevice(2), 0);
    assert_int_equal(current_device(), 2);
    assert_int_equal(aclrtGetCurrentContext(&second), 0);
    assert_ptr_not_equal(first, second);
    assert_int_equal(aclrtSetCurrentContext(first), 0);
    assert_int_equal(current_device(), 0);
    assert_int_equal(aclrtSetDevice(0), 0);
    assert_int_equal(aclrtGetCurrentContext(&again), 0);
    assert_ptr_equal(first, again); /* one primary context for all */
    assert_int_equal(aclrtDestroyContext(first), 100000);
    assert_int_equal(aclrtResetDevice(0), 0);
    assert_int_equal(current_device(), 0); /* one of two taken back */
    assert_int_equal(aclrtResetDevice(0), 0);
    assert_int_equal(current_device(), 107002);
    assert_int_equal(aclrtResetDevice(0), 507007);
    assert_true(test_error_has("EE1001: aclrtResetDevice"));
    assert_int_equal(aclrtSetCurrentContext(first), 107017);
    assert_int_equal(aclrtSetCurrentContext(second), 0);
    assert_int_equal(aclrtResetDevice(2), 0);
    assert_int_equal(aclrtGetCurrentContext(&again), 107002);
}

static void device_numbers_are_checked(void **state)
{
    (void)state;
    static const int32_t wrong[] = {-1, DEVICES, INT32_MAX, INT32_MIN};
    aclrtContext context = NULL;
    int32_t can = 7;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(aclrtSetDevice(wrong[i]), 107001);
        assert_int_equal(aclrtResetDevice(wrong[i]), 107001);
        assert_int_equal(aclrtCreateContext(&context, wrong[i]), 107001);
        assert_int_equal(aclrtDeviceCanAccessPeer(&can, 0, wrong[i]), 107001);
        assert_int_equal(aclrtDeviceCanAccessPeer(&can, wrong[i], 0), 107001);
        assert_int_equal(aclrtDeviceEnablePeerAccess(wrong[i], 0), 107001);
    }
    assert_int_equal(aclrtSetDevice(DEVICES), 107001);
    assert_true(test_error_has("nearest legal: 2"));
    assert_null(context);
    assert_int_equal(aclrtDeviceCanAccessPeer(&can, 1, 1), 100000);
    assert_int_equal(can, 7);
    assert_int_equal(aclrtDeviceCanAccessPeer(&can, 1, 2), 0);
    assert_int_equal(can, 1);
    assert_int_equal(aclrtDeviceEnablePeerAccess(1, 0), 107002);
    assert_int_equal(aclrtSetDevice(0), 0);
    assert_int_equal(aclrtDeviceEnablePeerAccess(1, 1), 100000);
    assert_int_equal(aclrtDeviceEnablePeerAccess(0, 0), 100000);
    assert_int_equal(aclrtDeviceEnablePeerAccess(1, 0), 0);
    assert_int_equal(aclrtResetDevice(0), 0);
}

static int use_in_new_thread(void *context)
{
    aclrtContext mine = NULL;
    aclrtStream stream = NULL;
    if (aclrtGetCurrentContext(&mine) != 107002 || aclrtCreateStream(&stream) != 107002 ||
        aclrtSynchronizeStream(NULL) != 107002)
        return 1;
    if (aclrtSetCurrentContext(context) != 0 || aclrtGetCurrentContext(&mine) != 0 || mine != context)
        return 2;
    if (test_queue_note(NULL, 1) != 0 || aclrtSynchronizeStream(NULL) != 0)
        return 3;
    return 0; /* ends with the context current */
}

static void a_created_context_can_be_used_by_any_thread(void **state)
{
    (void)state;
    aclrtContext context = NULL, current = NULL;
    test_notes_clear();
    assert_int_equal(aclrtCreateContext(&context, 1), 0);
    assert_int_equal(aclrtGetCurrentContext(&current), 0);
    assert_ptr_equal(current, context); /* creating makes it current */
    assert_int_equal(current_device(), 1);
    assert_int_equal(test_in_thread(use_in_new_thread, context), 0);
    assert_int_equal(test_notes_count(), 1);
    assert_int_equal(aclrtDestroyContext(context), 0);
    assert_int_equal(aclrtGetCurrentContext(&current), 107002);
    assert_int_equal(aclrtDestroyContext(context), 107017);
    assert_int_equal(aclrtSetCurrentContext(context), 107017);
    assert_int_equal(aclrtSetCurrentContext(&context), 107017);
    assert_int_equal(aclrtResetDevice(1), 507007); /* creating a context does not count as aclrtSetDevice */
}

typedef struct holder {
    test_door has_context, context_ended;
    int before, after, stream;
} holder;

static void *hold(void *argument)
{
    holder *me = argument;
    aclrtStream stream = NULL;
    me->before = aclrtSetDevice(1) || aclrtResetDevice(1) ? -1 : current_device();
    test_door_pass(&me->has_context);
    test_door_pass(&me->context_ended);
    me->after = current_device();
    me->stream = aclrtCreateStream(&stream);
    return NULL;
}

static void threads_that_held_an_ended_context_have_none(void **state)
{
    (void)state;
    test_needs_worker();
    holder other = {TEST_DOOR_INITIALIZER, TEST_DOOR_INITIALIZER, -1, -1, -1};
    pthread_t thread;
    assert_int_equal(aclrtSetDevice(1), 0);
    assert_int_equal(pthread_create(&thread, NULL, hold, &other), 0);
    test_door_open(&other.has_context);
    test_door_await(&other.has_context, 1);
    assert_int_equal(aclrtResetDevice(1), 0);
    assert_int_equal(aclrtSetDevice(1), 0); /* a new primary context is not the one the thread held */
    test_door_open(&other.context_ended);
    pthread_join(thread, NULL);
    assert_int_equal(other.before, 1);
    assert_int_equal(other.after, 107002);
    assert_int_equal(other.stream, 107002);
    assert_int_equal(aclrtResetDevice(1), 0);
}

static int misuse_of_others(aclrtStream stream, aclrtEvent event)
{
    aclrtStreamStatus status;
    aclrtEventStatus event_status;
    aclrtEventRecordedStatus recorded;
    float ms;
    int wrong = 0;
    wrong += aclrtSynchronizeStream(stream) != 107003;
    wrong += aclrtSynchronizeStreamWithTimeout(stream, 1) != 107003;
    wrong += aclrtStreamQuery(stream, &status) != 107003;
    wrong += aclrtSetStreamFailureMode(stream, 1) != 107003;
    wrong += aclrtSubscribeReport(1, stream) != 107003;
    wrong += aclrtUnSubscribeReport(1, stream) != 107003;
    wrong += test_queue_note(stream, 0) != 107003;
    wrong += aclrtRecordEvent(event, NULL) != 107003;
    wrong += aclrtRecordEvent(event, stream) != 107003;
    wrong += aclrtSynchronizeEvent(event) != 107003;
    wrong += aclrtQueryEvent(event, &event_status) != 107003;
    wrong += aclrtQueryEventStatus(event, &recorded) != 107003;
    wrong += aclrtEventElapsedTime(&ms, event, event) != 107003;
    wrong += aclrtStreamWaitEvent(stream, event) != 107003;
    return wrong;
}

static void objects_of_another_context_are_refused(void **state)
{
    (void)state;
    test_needs_worker();
    aclrtContext one = NULL, two = NULL;
    aclrtStream stream = NULL, own = NULL;
    aclrtEvent event = NULL;
    test_notes_clear();
    assert_int_equal(aclrtCreateContext(&one, 0), 0);
    assert_int_equal(aclrtCreateStream(&stream), 0);
    assert_int_equal(aclrtCreateEvent(&event), 0);
    assert_int_equal(aclrtCreateContext(&two, 0), 0); /* same device, another context */
    assert_int_equal(aclrtCreateStream(&own), 0);
    assert_int_equal(misuse_of_others(stream, event), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 107003);
    assert_true(test_error_has("aclrtSetCurrentContext"));
    assert_int_equal(test_notes_count(), 0);
    /* A stream may wait for any event: that is how contexts and devices wait for one another. */
    test_door door = TEST_DOOR_INITIALIZER;
    assert_int_equal(aclrtSetCurrentContext(one), 0);
    assert_int_equal(test_queue_door(stream, &door), 0);
    assert_int_equal(test_queue_note(stream, 1), 0);
    assert_int_equal(aclrtRecordEvent(event, stream), 0);
    assert_int_equal(aclrtSetCurrentContext(two), 0);
    assert_int_equal(aclrtStreamWaitEvent(own, event), 0);
    assert_int_equal(test_queue_note(own, 2), 0);
    test_door_open(&door);
    assert_int_equal(aclrtSynchronizeStream(own), 0);
    assert_int_equal(test_note(0), 1);
    assert_int_equal(test_note(1), 2);
    /* Destroying needs no context at all. */
    assert_int_equal(aclrtDestroyContext(two), 0);
    assert_int_equal(aclrtDestroyStream(own), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
    assert_int_equal(aclrtDestroyEvent(event), 0);
    assert_int_equal(aclrtDestroyContext(one), 0);
}

typedef struct strangers {
    aclrtStream stream;
    aclrtEvent event;
} strangers;

/* A thread without a context may use streams and events, each for itself. */
static int use_without_context(void *argument)
{
    const strangers *objects = argument;
    aclrtStreamStatus status;
    if (test_queue_note(objects->stream, 1) != 0 || aclrtSynchronizeStream(objects->stream) != 0 ||
        aclrtStreamQuery(objects->stream, &status) != 0 || aclrtSynchronizeEvent(objects->event) != 0)
        return 1;
    return aclrtRecordEvent(objects->event, objects->stream);
}

static void an_event_is_recorded_in_its_own_context(void **state)
{
    (void)state;
    strangers objects = {NULL, NULL};
    assert_int_equal(aclrtSetDevice(1), 0);
    assert_int_equal(aclrtCreateEvent(&objects.event), 0);
    assert_int_equal(aclrtSetDevice(0), 0);
    assert_int_equal(aclrtCreateStream(&objects.stream), 0);
    assert_int_equal(test_in_thread(use_without_context, &objects), 107003);
    assert_int_equal(aclrtDestroyEvent(objects.event), 0);
    assert_int_equal(aclrtCreateEvent(&objects.event), 0);
    assert_int_equal(test_in_thread(use_without_context, &objects), 0);
    assert_int_equal(aclrtDestroyEvent(objects.event), 0);
    assert_int_equal(aclrtDestroyStream(objects.stream), 0);
    assert_int_equal(aclrtResetDevice(0), 0);
    assert_int_equal(aclrtResetDevice(1), 0);
}

static void synchronising_a_device_leaves_the_others(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    test_notes_clear();
    assert_int_equal(aclrtSetDevice(1), 0);
    assert_int_equal(test_queue_door(NULL, &door), 0);
    assert_int_equal(aclrtSetDevice(0), 0);
    assert_int_equal(test_queue_note(NULL, 1), 0);
    assert_int_equal(aclrtSynchronizeDevice(), 0); /* the door of device 1 is shut */
    assert_int_equal(test_notes_count(), 1);
    test_door_open(&door);
    assert_int_equal(aclrtResetDevice(1), 0);
    assert_int_equal(aclrtResetDevice(0), 0);
}

static void objects_outlive_their_context(void **state)
{
    (void)state;
    aclrtStream stream = NULL, unused = NULL;
    aclrtEvent event = NULL, unrecorded = NULL;
    test_notes_clear();
    assert_int_equal(aclrtSetDevice(0), 0);
    assert_int_equal(aclrtCreateStream(&stream), 0);
    assert_int_equal(aclrtCreateStream(&unused), 0);
    assert_int_equal(aclrtCreateEvent(&event), 0);
    assert_int_equal(aclrtCreateEvent(&unrecorded), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(test_queue_note(i % 2 ? stream : NULL, i), 0);
    assert_int_equal(aclrtRecordEvent(event, stream), 0);
    assert_int_equal(aclrtResetDevice(0), 0);
    assert_int_equal(test_notes_count(), 100); /* the end waits for queued work */
    assert_int_equal(aclrtSynchronizeStream(stream), 107002);
    assert_int_equal(test_queue_note(stream, 0), 107002);
    assert_int_equal(aclrtSynchronizeEvent(event), 107002);
    assert_int_equal(aclrtSetDevice(0), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 107003);
    assert_int_equal(aclrtSynchronizeDevice(), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
    assert_int_equal(aclrtResetDevice(0), 0);
    assert_int_equal(aclrtDestroyStreamForce(unused), 0);
    assert_int_equal(aclrtDestroyEvent(event), 0);
    assert_int_equal(aclrtDestroyEvent(unrecorded), 0);
    assert_int_equal(aclrtDestroyStream(stream), 107017);
}

static int reset_from_within(void *unused)
{
    (void)unused;
    return aclrtResetDevice(0);
}

static void a_task_may_end_its_own_context(void **state)
{
    (void)state;
    int finished = test_tasks_finished();
    assert_int_equal(aclrtSetDevice(0), 0);
    assert_int_equal(test_queue_call(NULL, reset_from_within, NULL), 0);
    test_tasks_await(finished + 1);
    assert_int_equal(current_device(), 107002);
}

static void *churn(void *unused)
{
    (void)unused;
    for (int i = 0; i < 300; i++) {
        aclrtStream stream = NULL;
        if (aclrtSetDevice(i % DEVICES) != 0)
            return "set";
        if (aclrtCreateStream(&stream) != 0 || test_queue_note(stream, i) != 0 ||
            test_queue_note(NULL, i) != 0)
            return "use";
        if (i % 2 ? aclrtDestroyStream(stream) : aclrtSynchronizeStream(stream))
            return "wait";
        if (aclrtResetDevice(i % DEVICES) != 0)
            return "reset";
        if (i % 2 == 0 && aclrtDestroyStream(stream) != 0)
            return "destroy";
    }
    return NULL;
}

static void threads_set_and_reset_devices_at_once(void **state)
{
    (void)state;
    pthread_t threads[6];
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, NULL), 0);
    for (int i = 0; i < 6; i++) {
        void *trouble;
        pthread_join(threads[i], &trouble);
        if (trouble)
            fail_msg("%s", (char *)trouble);
    }
    for (int i = 0; i < DEVICES; i++)
        assert_int_equal(aclrtResetDevice(i), 507007);
}

static void options_are_accepted(void **state)
{
    (void)state;
    assert_int_equal(aclrtSetSysParamOpt(ACL_OPT_DETERMINISTIC, 1), 0);
    assert_int_equal(aclrtSetSysParamOpt((aclSysParamOpt)4, 1), 100000);
    assert_int_equal(aclrtCtxSetSysParamOpt(ACL_OPT_DETERMINISTIC, 1), 107002);
    assert_int_equal(aclrtSetDevice(0), 0);
    assert_int_equal(aclrtCtxSetSysParamOpt(ACL_OPT_ENABLE_KERNEL_EARLY_START, 0), 0);
    assert_int_equal(aclrtCtxSetSysParamOpt((aclSysParamOpt)-1, 0), 100000);
    aclrtRunMode mode = ACL_DEVICE;
    assert_int_equal(aclrtGetRunMode(&mode), 0);
    assert_int_equal(mode, ACL_HOST);
    assert_int_equal(aclrtResetDevice(0), 0);
}

static void count_devices(void *count)
{
    if (aclrtGetDeviceCount(count) != 0)
        *(uint32_t *)count = 99;
}

static void visible_devices_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        uint32_t count;
    } cases[] = {{"ASCEND_RT_VISIBLE_DEVICES=0,1,2,3", 4}, {"ASCEND_RT_VISIBLE_DEVICES=3", 1},
                 {"ASCEND_RT_VISIBLE_DEVICES=2,0", 2},     {"ASCEND_RT_VISIBLE_DEVICES=0,9,1", 1},
                 {"ASCEND_RT_VISIBLE_DEVICES=1,1", 1},     {"ASCEND_RT_VISIBLE_DEVICES=-1", 0},
                 {"ASCEND_RT_VISIBLE_DEVICES=x", 0},       {"ASCEND_RT_VISIBLE_DEVICES=", 4},
                 {"ASCEND_RT_VISIBLE_DEVICES=0,", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *variables[] = {"ANTIQUANT_DEVICES=4", cases[i].list, NULL};
        uint32_t count = 99;
        assert_int_equal(in_child(variables, count_devices, &count, sizeof count), 0);
        assert_int_equal(count, cases[i].count);
    }
}

int main(void)
{
    setenv("ANTIQUANT_DEVICES", "3", 1);
    unsetenv("ASCEND_RT_VISIBLE_DEVICES");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(visible_devices_are_counted), /* first: its children read the environment anew */
        cmocka_unit_test(setting_a_device_makes_its_primary_context_current),
        cmocka_unit_test(device_numbers_are_checked),
        cmocka_unit_test(a_created_context_can_be_used_by_any_thread),
        cmocka_unit_test(threads_that_held_an_ended_context_have_none),
        cmocka_unit_test(objects_of_another_context_are_refused),
        cmocka_unit_test(an_event_is_recorded_in_its_own_context),
        cmocka_unit_test(synchronising_a_device_leaves_the_others),
        cmocka_unit_test(objects_outlive_their_context),
        cmocka_unit_test(a_task_may_end_its_own_context),
        cmocka_unit_test(threads_set_and_reset_devices_at_once),
        cmocka_unit_test(options_are_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
