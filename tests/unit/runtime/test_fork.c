/* SPDX-License-Identifier: Apache-2.0 */
/* test_fork.c - a child of fork() while streams work: what was made before answers and never hangs, memory
 * and tensors are there, and the child can begin anew. The parent notices nothing. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parallel/parallel.h"
#include "runtime/stream.h"
#include "support/message.h"
#include "support/sanitizer.h"
#include "support/tasks.h"
#include "support/toy_op.h"

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return __LINE__;                                                                                 \
    } while (0)

static aclrtStream stream;
static aclrtEvent event;
static aclrtContext context;
static void *block;
static aclTensor *x, *y;

static int set_up(void **state)
{
    (void)state;
    int status = aclrtSetDevice(0) || aclrtGetCurrentContext(&context) || aclrtCreateStream(&stream) ||
                 aclrtCreateEvent(&event) || aclrtMalloc(&block, 1000, ACL_MEM_MALLOC_HUGE_FIRST) ||
                 aclrtMemset(block, 1000, 7, 1000);
    x = toy_tensor(block, 0);
    y = toy_tensor((char *)block + 512, 0);
    return status;
}

static int tear_down(void **state)
{
    (void)state;
    return aclDestroyTensor(x) || aclDestroyTensor(y) || aclrtFree(block) || aclrtDestroyEvent(event) ||
           aclrtDestroyStream(stream) || aclrtResetDevice(0);
}

/* The line in which the story failed in the child, 0 when it did not. */
static int in_fork(int (*story)(void))
{
    pid_t child = fork();
    if (child == 0)
        _exit(story() & 0xFF);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void set_slot(void *seen, size_t thread, size_t index)
{
    (void)thread;
    atomic_fetch_add(&((atomic_int *)seen)[index], 1);
}

/* Everything from the beginning, as if there had been no parent. */
static int begin_anew(void)
{
    aclrtStream own = NULL;
    aclrtEvent mark = NULL;
    aclOpExecutor *executor = NULL;
    uint64_t size = 1;
    CHECK(aclrtSetDevice(0) == 0);
    CHECK(aclrtCreateStream(&own) == 0 && aclrtCreateEvent(&mark) == 0);
    memset(block, 0, 16);
    CHECK(toy_prepare(&(toy){.x = x, .y = y, .amount = 9}, &size, &executor) == 0);
    CHECK(toy_run(executor, own) == 0);
    CHECK(aclrtRecordEvent(mark, own) == 0);
    CHECK(aclrtStreamWaitEvent(NULL, mark) == 0);
    CHECK(aclrtSynchronizeStream(NULL) == 0);
    CHECK(((int32_t *)block)[128] == 9);
    atomic_int seen[100] = {0};
    aq_parallel_for(4, 100, set_slot, seen);
    for (int i = 0; i < 100; i++)
        CHECK(atomic_load(&seen[i]) == 1);
    CHECK(aclrtSynchronizeDevice() == 0);
    CHECK(aclrtDestroyEvent(mark) == 0 && aclrtDestroyStream(own) == 0);
    CHECK(aclrtResetDevice(0) == 0);
    return 0;
}

static int handles_are_dead(void)
{
    aclrtStreamStatus stream_status = ACL_STREAM_STATUS_COMPLETE;
    aclrtEventStatus event_status = ACL_EVENT_STATUS_COMPLETE;
    int32_t device = -1;
    void *pointer = NULL;
    CHECK(aclrtGetDevice(&device) == 107002);
    CHECK(aclrtMalloc(&pointer, 1, ACL_MEM_MALLOC_HUGE_FIRST) == 107002);
    CHECK(aclrtSynchronizeStream(NULL) == 107002);
    CHECK(aclrtSynchronizeStream(stream) == 107017);
    CHECK(test_error_has("made before a fork"));
    CHECK(aclrtStreamQuery(stream, &stream_status) == 107017);
    CHECK(aclrtDestroyStreamForce(stream) == 107017);
    CHECK(aclrtDestroyStream(stream) == 107017);
    CHECK(aclrtQueryEvent(event, &event_status) == 107017);
    CHECK(aclrtSynchronizeEvent(event) == 107017);
    CHECK(aclrtDestroyEvent(event) == 107017);
    CHECK(aclrtSetCurrentContext(context) == 107017);
    CHECK(aclrtDestroyContext(context) == 107017);
    CHECK(aclrtProcessReport(1) == 107012);
    CHECK(aclrtResetDevice(0) == 507007);
    CHECK(((char *)block)[999] == 7);
    return 0;
}

static int free_inherited(void)
{
    CHECK(aclrtFree(block) == 0);
    CHECK(aclrtFree(block) == 207002);
    CHECK(aclDestroyTensor(x) == 0 && aclDestroyTensor(y) == 0);
    return 0;
}

static int child_and_grandchild(void)
{
    int line = handles_are_dead();
    line = line ? line : begin_anew();
    line = line ? line : in_fork(begin_anew);
    line = line ? line : begin_anew();
    return line ? line : free_inherited();
}

/* The worker stands in the middle of a task, more are queued, and somebody is subscribed. */
static void test_child_of_busy_streams(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    atomic_int seen[100] = {0};
    aq_parallel_for(4, 100, set_slot, seen); /* the parent's pool is there */
    assert_int_equal(aclrtSubscribeReport((uint64_t)pthread_self(), stream), 0);
    assert_int_equal(test_queue_door(stream, &door), 0);
    assert_int_equal(test_queue_door(NULL, &door), 0);
    assert_int_equal(aclrtMemsetAsync(block, 1000, 7, 1000, stream), 0);
    assert_int_equal(aclrtRecordEvent(event, stream), 0);
    test_door_await(&door, 2);
    int line = in_fork(child_and_grandchild);
    test_door_open(&door);
    assert_int_equal(aclrtSynchronizeStream(stream), 0);
    assert_int_equal(aclrtSynchronizeEvent(event), 0);
    assert_int_equal(aclrtUnSubscribeReport((uint64_t)pthread_self(), stream), 0);
    assert_int_equal(begin_anew(), 0); /* the parent's own device count goes up and down */
    if (line)
        fail_msg("the check in line %d failed in the child", line);
}

static int allocate_and_begin(void)
{
    void *pointer = NULL;
    CHECK(aclrtSetDevice(0) == 0);
    CHECK(aclrtMalloc(&pointer, 100, ACL_MEM_MALLOC_HUGE_FIRST) == 0);
    CHECK(aclrtMemsetAsync(pointer, 100, 1, 100, NULL) == 0);
    CHECK(aclrtSynchronizeStream(NULL) == 0);
    CHECK(aclrtFree(pointer) == 0);
    return aclrtResetDevice(0);
}

/* Workers pin and unpin blocks all the time; wherever a fork finds them, the child can allocate. */
static void test_forks_at_any_moment(void **state)
{
    (void)state;
    for (int fork_number = 0; fork_number < 30; fork_number++) {
        for (int i = 0; i < 200; i++)
            assert_int_equal(aclrtMemsetAsync(block, 1000, i, 1000, i % 2 ? stream : NULL), 0);
        int line = in_fork(allocate_and_begin);
        if (line)
            fail_msg("fork %d: the check in line %d failed in the child", fork_number, line);
    }
    assert_int_equal(aclrtSynchronizeDevice(), 0);
}

int main(void)
{
    if (UNDER_SANITIZER) { /* its allocator's locks stay with threads that the child does not have */
        puts("skipped: the sanitizers' own runtime does not survive a fork while threads allocate or start");
        return 77; /* ctest counts it as skipped */
    }
    setenv("ANTIQUANT_THREADS", "4", 1); /* a pool, on every machine */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_child_of_busy_streams, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forks_at_any_moment, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
