/* SPDX-License-Identifier: Apache-2.0 */
/* test_trace.c - what the library draws with ANTIQUANT_TRACE: a track for each stream, spans of tasks,
 * copies, waits and callbacks with their numbers, arrows between them. Each scenario is a process; the parent
 * reads the file back (support/trace.h checks all that the format and the viewers want). */
#include <pthread.h>

#include "aclnnop/aclnn_cast.h"
#include "support/child.h"
#include "support/message.h"
#include "support/scratch.h"
#include "support/tasks.h"
#include "support/trace.h"
#include "support/v1.h"

static void must(bool good)
{
    if (!good)
        abort();
}

static int draw(void (*body)(void *result), const char *more)
{
    char variable[128], unused;
    snprintf(variable, sizeof variable, "ANTIQUANT_TRACE=%s", scratch_path("t.json"));
    return in_child((const char *const[]){variable, more, NULL}, body, &unused, 1);
}

static void drawn(void (*body)(void *result), const char *more, traced *trace)
{
    assert_int_equal(draw(body, more), 0);
    trace_read(scratch_path("t.json"), trace);
}

/* The event must be there and have this text. */
static const traced_event *expect(const traced_event *event, const char *what)
{
    if (!event)
        fail_msg("no event that has %s", what);
    else if (!strstr(event->line, what))
        fail_msg("no %s in %s", what, event->line);
    return event;
}

/* ---- scenarios ---- */

static void multiply(aclrtStream stream)
{
    static uint16_t x[3 * 32], out[3 * 40];
    static int8_t weight[32 * 40], diagonal[32 * 32];
    static int32_t offset[40];
    static uint64_t word[40];
    v1_call call = {.scale = 1};
    uint64_t size;
    aclOpExecutor *executor;
    for (int i = 0; i < 32; i++)
        diagonal[i * 33] = 1;
    call.t[V1_X1] = v1_tensor(ACL_FLOAT16, x, 2, (int64_t)3, (int64_t)32);
    call.t[V1_X2] = v1_tensor(ACL_INT8, weight, 2, (int64_t)32, (int64_t)40);
    call.t[V1_OUT] = v1_tensor(ACL_FLOAT16, out, 2, (int64_t)3, (int64_t)40);
    call.t[V1_DIAGONAL] = v1_tensor(ACL_INT8, diagonal, 2, (int64_t)32, (int64_t)32);
    call.t[V1_OFFSET] = v1_tensor(ACL_INT32, offset, 1, (int64_t)40);
    call.t[V1_SCALE] = v1_tensor(ACL_UINT64, word, 1, (int64_t)40);
    must(v1_phase1(&call, &size, &executor) == 0);
    must(aclnnWeightQuantBatchMatmul(NULL, 0, executor, stream) == 0);
    v1_destroy(&call);
}

static void compute_and_copy(void *unused)
{
    (void)unused;
    static char host[1 << 16];
    void *device[2];
    aclrtStream stream;
    must(aclInit(NULL) == 0 && aclrtSetDevice(0) == 0 && aclrtCreateStream(&stream) == 0);
    for (int i = 0; i < 2; i++)
        must(aclrtMalloc(&device[i], sizeof host, ACL_MEM_MALLOC_NORMAL_ONLY) == 0);
    must(aclrtMemcpy(device[0], sizeof host, host, sizeof host, ACL_MEMCPY_HOST_TO_DEVICE) == 0);
    must(aclrtMemset(device[1], 100, 1, 100) == 0);
    must(aclrtMemsetAsync(device[1], 200, 1, 200, stream) == 0);
    must(aclrtMemcpyAsync(device[0], 300, device[1], 300, ACL_MEMCPY_DEVICE_TO_DEVICE, stream) == 0);
    multiply(stream);
    must(aclrtSynchronizeStream(stream) == 0 && aclrtSynchronizeDevice() == 0);
    must(aclrtDestroyStream(stream) == 0 && aclrtResetDevice(0) == 0 && aclFinalize() == 0);
}

static void record_and_wait(void *unused)
{
    (void)unused;
    static test_door door = TEST_DOOR_INITIALIZER;
    aclrtStream a, b;
    aclrtEvent event;
    must(aclrtSetDevice(0) == 0 && aclrtCreateStream(&a) == 0 && aclrtCreateStream(&b) == 0);
    must(aclrtCreateEvent(&event) == 0 && test_queue_door(a, &door) == 0);
    must(aclrtRecordEvent(event, a) == 0 && aclrtStreamWaitEvent(b, event) == 0);
    must(test_queue_note(b, 1) == 0);
    test_door_open(&door);
    must(aclrtSynchronizeStream(b) == 0 && aclrtSynchronizeEvent(event) == 0);
    must(aclFinalize() == 0);
}

static void count_call(void *data)
{
    ++*(int *)data;
}

static void call_back(void *unused)
{
    (void)unused;
    aclrtStream stream;
    int calls = 0;
    must(aclrtSetDevice(0) == 0 && aclrtCreateStream(&stream) == 0);
    must(aclrtSubscribeReport((uint64_t)pthread_self(), stream) == 0);
    must(aclrtLaunchCallback(count_call, &calls, ACL_CALLBACK_BLOCK, stream) == 0);
    must(aclrtProcessReport(-1) == 0);
    must(aclrtLaunchCallback(count_call, &calls, ACL_CALLBACK_NO_BLOCK, stream) == 0);
    must(aclrtProcessReport(-1) == 0 && calls == 2);
    must(aclrtUnSubscribeReport((uint64_t)pthread_self(), stream) == 0);
    must(aclrtSynchronizeStream(stream) == 0 && aclFinalize() == 0);
}

static void fail_and_drop(void *unused)
{
    (void)unused;
    aclrtStream stream;
    must(aclrtSetDevice(0) == 0 && aclrtCreateStream(&stream) == 0);
    must(aclrtSetStreamFailureMode(stream, ACL_STOP_ON_FAILURE) == 0);
    must(test_queue_failure(stream, 507015, "broken") == 0 && test_queue_note(stream, 1) == 0);
    must(aclrtSynchronizeStream(stream) == 507015 && aclFinalize() == 0);
}

enum { THREADS = 6, TASKS = 20 };

static void *use_a_stream(void *unused)
{
    (void)unused;
    aclrtStream stream;
    must(aclrtSetDevice(0) == 0 && aclrtCreateStream(&stream) == 0);
    for (int i = 0; i < TASKS; i++)
        must(test_queue_note(stream, i) == 0);
    must(aclrtSynchronizeStream(stream) == 0 && aclrtDestroyStream(stream) == 0);
    return NULL;
}

static void use_threads(void *unused)
{
    (void)unused;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        must(pthread_create(&threads[i], NULL, use_a_stream, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    must(aclFinalize() == 0);
}

static void ask_phase_1(void *result)
{
    static float from[4];
    static uint16_t to[4];
    uint64_t size;
    aclOpExecutor *executor;
    aclTensor *self = v1_tensor(ACL_FLOAT, from, 1, (int64_t)4),
              *out = v1_tensor(ACL_FLOAT16, to, 1, (int64_t)4);
    int status = aclnnCastGetWorkspaceSize(self, ACL_FLOAT16, out, &size, &executor);
    const char *message = aclGetRecentErrMsg();
    snprintf(result, 512, "%d %s", status, message ? message : "");
}

/* ---- tests ---- */

static void test_operators_and_copies(void **state)
{
    (void)state;
    traced trace;
    drawn(compute_and_copy, NULL, &trace);
    const traced_event *op =
        expect(trace_find(&trace, 'X', "aclnnWeightQuantBatchMatmul", "op", 0),
               "\"shape\":\"m=3 k=32 n=40\",\"dtypes\":\"FLOAT16,INT8,FLOAT16\",\"path\":"
               "\"fixpipe\",\"kernel\":\"");
    expect(op, "\"bytes\":1280,\"GB/s\":");
    expect(op, "\"GFLOP/s\":");
    expect(op, "\"threads\":1,");
    const traced_event *queued = trace_origin(&trace, op, "queued");
    expect(queued, "\"name\":\"aclnnWeightQuantBatchMatmul\"");
    assert_string_equal(queued->category, "enqueue");
    assert_true(queued->pid != op->pid);
    const traced_event *kernel = trace_find(&trace, 'X', NULL, "kernel", 0);
    assert_non_null(kernel);
    assert_true(kernel->tid == op->tid && kernel->ts >= op->ts && kernel->dur <= op->dur);

    expect(trace_find(&trace, 'X', "aclrtMemcpy", "copy", 0), "\"bytes\":65536,\"GB/s\":");
    expect(trace_find(&trace, 'X', "aclrtMemset", "copy", 0), "\"bytes\":100,");
    assert_int_equal(expect(trace_find(&trace, 'X', "aclrtMemsetAsync", "copy", 0), "\"bytes\":200,")->tid,
                     op->tid);
    assert_int_equal(expect(trace_find(&trace, 'X', "aclrtMemcpyAsync", "copy", 0), "\"bytes\":300,")->tid,
                     op->tid);
    assert_int_equal(trace_find(&trace, 'X', "aclrtSynchronizeStream", "wait", 0)->pid, queued->pid);
    assert_int_equal(trace_count(&trace, 'X', "aclrtSynchronizeDevice", "wait"), 1);
    assert_int_equal(trace_count(&trace, 'X', NULL, "enqueue"), 3);
    expect(trace_find(&trace, 'M', "process_name", NULL, 1), "\"name\":\"device 0\"");
    expect(trace_find(&trace, 'M', "thread_name", NULL, 0), "\"name\":\"stream 1 (default)\"");
    expect(trace_find(&trace, 'M', "thread_name", NULL, 1), "\"name\":\"stream 2\"");
    assert_int_equal(trace_count(&trace, 'C', "tasks in stream 2", NULL), 6);
    trace_free(&trace);
}

static void test_events(void **state)
{
    (void)state;
    traced trace;
    drawn(record_and_wait, NULL, &trace);
    const traced_event *record =
        expect(trace_find(&trace, 'X', "aclrtRecordEvent", "event", 0), "\"event\":1");
    const traced_event *wait =
        expect(trace_find(&trace, 'X', "aclrtStreamWaitEvent", "event", 0), "\"event\":1");
    assert_true(wait->tid != record->tid && wait->pid == record->pid);
    assert_ptr_equal(trace_origin(&trace, wait, "event"), record);
    assert_true(record->ts <= wait->ts + wait->dur); /* the wait went on when the record was reached */
    const traced_event *note = trace_find(&trace, 'X', "note", "task", 0);
    assert_true(note && note->ts >= record->ts);
    trace_free(&trace);
}

static void test_callbacks(void **state)
{
    (void)state;
    traced trace;
    drawn(call_back, NULL, &trace);
    for (size_t i = 0; i < 2; i++) {
        const traced_event *call = trace_find(&trace, 'X', "callback", "callback", i);
        assert_non_null(call);
        const traced_event *task = trace_find(&trace, 'X', "aclrtLaunchCallback", "callback", i);
        assert_non_null(task);
        assert_true(call->pid != task->pid);
        assert_ptr_equal(trace_origin(&trace, call, "callback"), task);
        if (i == 0) /* it blocks: the stream waits for it */
            assert_true(task->ts + task->dur >= call->ts + call->dur);
    }
    assert_int_equal(trace_count(&trace, 'X', "aclrtProcessReport", "wait"), 2);
    trace_free(&trace);
}

static void test_failures(void **state)
{
    (void)state;
    traced trace;
    drawn(fail_and_drop, NULL, &trace);
    expect(trace_find(&trace, 'X', "failure", "task", 0), "\"status\":507015");
    expect(trace_find(&trace, 'X', "note", "task", 0), "\"dropped\":");
    trace_free(&trace);
}

/* Everything in one thread: the task's span is the stream's all the same, within the time of the call. */
static void test_synchronous(void **state)
{
    (void)state;
    traced trace;
    drawn(compute_and_copy, "ANTIQUANT_SYNC=1", &trace);
    const traced_event *op = trace_find(&trace, 'X', "aclnnWeightQuantBatchMatmul", "op", 0);
    const traced_event *queued = op ? trace_origin(&trace, op, "queued") : NULL;
    assert_non_null(queued);
    assert_true(op->pid != queued->pid && op->ts >= queued->ts && op->dur <= queued->dur);
    trace_free(&trace);
}

static void test_threads(void **state)
{
    (void)state;
    traced trace;
    drawn(use_threads, NULL, &trace);
    assert_int_equal(trace_count(&trace, 'X', "note", "task"), THREADS * TASKS);
    assert_int_equal(trace_count(&trace, 'X', "test", "enqueue"), THREADS * TASKS);
    assert_int_equal(trace_count(&trace, 'X', "aclrtSynchronizeStream", "wait"), THREADS);
    trace_free(&trace);
}

static void test_off(void **state)
{
    (void)state;
    char unused;
    assert_int_equal(in_child((const char *const[]){NULL}, compute_and_copy, &unused, 1), 0);
    assert_int_equal(scratch_each(scratch, NULL), 0);
}

static void test_a_path_that_cannot_be_written(void **state)
{
    (void)state;
    char answer[512];
    assert_int_equal(in_child((const char *const[]){"ANTIQUANT_TRACE=/nowhere/t.json", NULL}, ask_phase_1,
                              answer, sizeof answer),
                     0);
    assert_memory_equal(answer,
                        "561000 EZ9999: aclnnCastGetWorkspaceSize: ANTIQUANT_TRACE=\"/nowhere/t.json\" ", 76);
    assert_int_equal(draw(compute_and_copy, NULL), 0); /* and one that can is fine */
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_operators_and_copies),
        TEST(test_events),
        TEST(test_callbacks),
        TEST(test_failures),
        TEST(test_synchronous),
        TEST(test_threads),
        TEST(test_off),
        TEST(test_a_path_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
