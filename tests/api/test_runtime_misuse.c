/* SPDX-License-Identifier: Apache-2.0 */
/* test_runtime_misuse.c - devices, contexts, streams and callbacks called wrongly, through public names only:
 * the rows of runtime page 4.5, a null in every pointer position, calls without a context, dead handles. Each
 * answer has a text of the form of page 4.6. Events: unit/runtime/test_event.c. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"

static void callback(void *unused)
{
    (void)unused;
}

/* The call answers status, with a text that is there once. */
#define assert_told(call, status)                                                                            \
    do {                                                                                                     \
        (void)aclGetRecentErrMsg();                                                                          \
        assert_int_equal(call, status);                                                                      \
        const char *text_ = aclGetRecentErrMsg();                                                            \
        assert_non_null(text_);                                                                              \
        assert_memory_equal(text_, "EE1001: aclrt", 13);                                                     \
        assert_null(aclGetRecentErrMsg());                                                                   \
    } while (0)

static void null_is_refused_everywhere(void **state)
{
    (void)state;
    aclrtStream stream = NULL;
    assert_int_equal(aclrtSetDevice(0), 0);
    assert_told(aclrtGetDevice(NULL), 100000);
    assert_told(aclrtGetDeviceCount(NULL), 100000);
    assert_told(aclrtGetRunMode(NULL), 100000);
    assert_told(aclrtDeviceCanAccessPeer(NULL, 0, 1), 100000);
    assert_told(aclrtCreateContext(NULL, 0), 100000);
    assert_told(aclrtDestroyContext(NULL), 100000);
    assert_told(aclrtSetCurrentContext(NULL), 100000);
    assert_told(aclrtGetCurrentContext(NULL), 100000);
    assert_told(aclrtCreateStream(NULL), 100000);
    assert_told(aclrtCreateStreamWithConfig(NULL, 0, ACL_STREAM_FAST_LAUNCH), 100000);
    assert_told(aclrtDestroyStream(NULL), 100000);
    assert_told(aclrtDestroyStreamForce(NULL), 100000);
    assert_told(aclrtStreamQuery(NULL, NULL), 100000);
    assert_told(aclrtStreamWaitEvent(NULL, NULL), 100000);
    assert_told(aclrtLaunchCallback(NULL, NULL, ACL_CALLBACK_BLOCK, NULL), 100000);
    assert_told(aclrtRecordEvent(NULL, NULL), 100000);
    assert_null(stream);
    assert_int_equal(aclrtResetDevice(0), 0);
}

/* A null stream is the default stream: good wherever a stream is, except where one is destroyed. */
static void null_is_the_default_stream(void **state)
{
    (void)state;
    aclrtStreamStatus status = ACL_STREAM_STATUS_RESERVED;
    aclrtEvent event = NULL;
    uint64_t self = (uint64_t)pthread_self();
    assert_int_equal(aclrtSetDevice(0), 0);
    assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    assert_int_equal(aclrtSynchronizeStreamWithTimeout(NULL, 0), 0);
    assert_int_equal(aclrtStreamQuery(NULL, &status), 0);
    assert_int_equal(status, ACL_STREAM_STATUS_COMPLETE);
    assert_int_equal(aclrtSetStreamFailureMode(NULL, ACL_CONTINUE_ON_FAILURE), 0);
    assert_int_equal(aclrtCreateEvent(&event), 0);
    assert_int_equal(aclrtRecordEvent(event, NULL), 0);
    assert_int_equal(aclrtStreamWaitEvent(NULL, event), 0);
    assert_int_equal(aclrtSynchronizeEvent(event), 0);
    assert_int_equal(aclrtSubscribeReport(self, NULL), 0);
    assert_int_equal(aclrtLaunchCallback(callback, NULL, ACL_CALLBACK_NO_BLOCK, NULL), 0);
    assert_int_equal(aclrtProcessReport(-1), 0);
    assert_int_equal(aclrtUnSubscribeReport(self, NULL), 0);
    assert_int_equal(aclrtDestroyEvent(event), 0);
    assert_int_equal(aclrtResetDevice(0), 0);
}

static void without_a_context(void **state)
{
    (void)state;
    int32_t device = 7;
    aclrtContext context = NULL;
    aclrtStream stream = NULL;
    aclrtEvent event = NULL;
    aclrtStreamStatus status = ACL_STREAM_STATUS_RESERVED;
    assert_told(aclrtGetDevice(&device), 107002);
    assert_told(aclrtSynchronizeDevice(), 107002);
    assert_told(aclrtGetCurrentContext(&context), 107002);
    assert_told(aclrtCtxSetSysParamOpt(ACL_OPT_DETERMINISTIC, 1), 107002);
    assert_told(aclrtCreateStream(&stream), 107002);
    assert_told(aclrtCreateStreamWithConfig(&stream, 0, 0), 107002);
    assert_told(aclrtCreateEvent(&event), 107002);
    assert_told(aclrtCreateEventWithFlag(&event, ACL_EVENT_SYNC), 107002);
    assert_told(aclrtCreateEventExWithFlag(&event, ACL_EVENT_SYNC), 107002);
    assert_told(aclrtSynchronizeStream(NULL), 107002);
    assert_told(aclrtSynchronizeStreamWithTimeout(NULL, 1), 107002);
    assert_told(aclrtStreamQuery(NULL, &status), 107002);
    assert_told(aclrtSetStreamFailureMode(NULL, 0), 107002);
    assert_told(aclrtLaunchCallback(callback, NULL, ACL_CALLBACK_BLOCK, NULL), 107002);
    assert_told(aclrtSubscribeReport(1, NULL), 107002);
    assert_told(aclrtUnSubscribeReport(1, NULL), 107002);
    assert_int_equal(device, 7);
    assert_null(stream);
    assert_null(event);
    assert_null(context);
    assert_int_equal(status, ACL_STREAM_STATUS_RESERVED);
    uint32_t count = 0;
    assert_int_equal(aclrtGetDeviceCount(&count), 0); /* needs none */
    assert_int_equal(count, 1);
    assert_told(aclrtResetDevice(0), 507007);
    assert_told(aclrtSetDevice(1), 107001);
}

static void limits_of_values(void **state)
{
    (void)state;
    assert_int_equal(aclrtSetDevice(0), 0);
    assert_told(aclrtSynchronizeStreamWithTimeout(NULL, -2), 107000);
    assert_told(aclrtSetStreamFailureMode(NULL, 2), 100000);
    assert_told(aclrtProcessReport(0), 100000);
    assert_told(aclrtProcessReport(INT32_MIN), 100000);
    assert_told(aclrtProcessReport(5), 107012);
    assert_told(aclrtLaunchCallback(callback, NULL, ACL_CALLBACK_BLOCK, NULL), 107015);
    assert_told(aclrtDeviceEnablePeerAccess(0, 1), 100000);
    int32_t can;
    assert_told(aclrtDeviceCanAccessPeer(&can, 0, 0), 100000);
    assert_told(aclrtSetSysParamOpt((aclSysParamOpt)99, 0), 100000);
    assert_told(aclrtGetLastError((aclrtLastErrLevel)3), 100000);
    assert_told(aclrtPeekAtLastError((aclrtLastErrLevel)3), 100000);
    assert_int_equal(aclrtResetDevice(0), 0);
}

static void handles_that_are_none(void **state)
{
    (void)state;
    aclrtStreamStatus status = ACL_STREAM_STATUS_RESERVED;
    aclrtStream destroyed = NULL;
    aclrtEvent event = NULL;
    char object[256];
    memset(object, 0x5a, sizeof object);
    assert_int_equal(aclrtSetDevice(0), 0);
    assert_int_equal(
        aclrtCreateStreamWithConfig(&destroyed, 3, ACL_STREAM_FAST_LAUNCH | ACL_STREAM_FAST_SYNC), 0);
    assert_int_equal(aclrtDestroyStreamForce(destroyed), 0);
    assert_int_equal(aclrtCreateEvent(&event), 0);
    aclrtStream dead[] = {destroyed, object, event, (aclrtStream)(uintptr_t)1, (aclrtStream)UINTPTR_MAX};
    for (size_t i = 0; i < sizeof dead / sizeof *dead; i++) {
        assert_told(aclrtDestroyStream(dead[i]), 107017);
        assert_told(aclrtDestroyStreamForce(dead[i]), 107017);
        assert_told(aclrtSynchronizeStream(dead[i]), 107017);
        assert_told(aclrtSynchronizeStreamWithTimeout(dead[i], 1), 107017);
        assert_told(aclrtStreamQuery(dead[i], &status), 107017);
        assert_told(aclrtStreamWaitEvent(dead[i], event), 107017);
        assert_told(aclrtRecordEvent(event, dead[i]), 107017);
        assert_told(aclrtSetStreamFailureMode(dead[i], 0), 107017);
        assert_told(aclrtLaunchCallback(callback, NULL, ACL_CALLBACK_BLOCK, dead[i]), 107017);
        assert_told(aclrtSubscribeReport(1, dead[i]), 107017);
        assert_told(aclrtUnSubscribeReport(1, dead[i]), 107017);
        assert_told(aclrtSetCurrentContext(dead[i]), 107017);
        assert_told(aclrtDestroyContext(dead[i]), 107017);
    }
    assert_int_equal(aclrtDestroyEvent(event), 0);
    assert_int_equal(aclrtResetDevice(0), 0);
}

/* The order in which real programs tear down. */
static void objects_are_destroyed_after_the_end(void **state)
{
    (void)state;
    aclrtStream stream = NULL;
    aclrtEvent event = NULL;
    assert_int_equal(aclInit(NULL), 0);
    assert_int_equal(aclrtSetDevice(0), 0);
    assert_int_equal(aclrtCreateStream(&stream), 0);
    assert_int_equal(aclrtCreateEvent(&event), 0);
    assert_int_equal(aclrtRecordEvent(event, stream), 0);
    assert_int_equal(aclrtResetDevice(0), 0);
    assert_int_equal(aclFinalize(), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
    assert_int_equal(aclrtDestroyEvent(event), 0);
    assert_int_equal(aclrtSetDevice(0), 0); /* and it all works again */
    assert_int_equal(aclrtCreateStream(&stream), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
    assert_int_equal(aclrtResetDevice(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_is_refused_everywhere), cmocka_unit_test(null_is_the_default_stream),
        cmocka_unit_test(without_a_context),          cmocka_unit_test(limits_of_values),
        cmocka_unit_test(handles_that_are_none),      cmocka_unit_test(objects_are_destroyed_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
