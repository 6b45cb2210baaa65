/* SPDX-License-Identifier: Apache-2.0 */
/* test_stress.c - many threads, each with many streams, doing at random what programs do: matrix products and
 * casts on blocks that are freed while they are in use, copies, events across threads, callbacks, waiting,
 * destroying. Every product must have the bits that one thread alone computed. The seed is printed;
 * AQ_STRESS_SEED repeats a run's decisions (not its timing). */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "aclnnop/aclnn_cast.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul.h"
#include "support/layers.h"
#include "support/v1.h"

enum {
    THREADS = 8,
    STREAMS = 16, /* of each thread */
    STEPS = 2500, /* of each thread */
    EVENTS = 24,  /* of all threads together */
    PENDING = 8   /* results of a stream that nobody has looked at */
};

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return __LINE__;                                                                                 \
    } while (0)

static layer layers[LAYERS];
static aclrtEvent shared_events[EVENTS];
static atomic_bool reporter_ready, all_done;
static uint64_t reporter_id;
static atomic_size_t products;

/* What a stream will have copied to host memory when it is synchronised. */
typedef struct result {
    void *host;
    const layer *layer; /* null: a block of `fill` bytes */
    size_t bytes;
    int fill;
} result;

typedef struct lane {
    aclrtStream stream;
    result pending[PENDING];
    size_t count;
    atomic_size_t called; /* callbacks that have run */
    size_t launched;
} lane;

typedef struct worker {
    uint64_t random;
    lane lanes[STREAMS];
    int line; /* of the check that failed; 0 */
} worker;

static uint64_t below(worker *self, uint64_t limit)
{
    return (v1_random(&self->random) >> 11) % limit;
}

/* A forced end gives up a callback that nobody has begun; whoever waits for that stream, or all, may be told.
 */
static bool fine(int status)
{
    return status == 0 || status == 107015;
}

/* ---- Results ---- */

static bool is_right(const result *one)
{
    if (one->layer)
        return memcmp(one->host, one->layer->answer, one->bytes) == 0;
    for (size_t i = 0; i < one->bytes; i++)
        if (((unsigned char *)one->host)[i] != one->fill)
            return false;
    return true;
}

/* The stream has done everything, or (dropped) has been forced not to. */
static int settle(lane *one, bool dropped)
{
    bool right = true;
    for (size_t i = 0; i < one->count; i++) {
        right &= dropped || is_right(&one->pending[i]);
        CHECK(aclrtFreeHost(one->pending[i].host) == 0);
    }
    one->count = 0;
    CHECK(right);
    return 0;
}

static int synchronise(lane *one)
{
    CHECK(aclrtSynchronizeStream(one->stream) == 0);
    CHECK(atomic_load(&one->called) == one->launched);
    return settle(one, false);
}

/* Room for one more result. */
static int make_room(lane *one)
{
    return one->count < PENDING ? 0 : synchronise(one);
}

/* The block's bytes to host memory, in stream order; the block is freed while they are still to be copied. */
static int fetch(lane *one, void *block, result what)
{
    CHECK(aclrtMallocHost(&what.host, what.bytes) == 0);
    memset(what.host, 0x5A, what.bytes);
    CHECK(aclrtMemcpyAsync(what.host, what.bytes, block, what.bytes, ACL_MEMCPY_DEVICE_TO_HOST,
                           one->stream) == 0);
    one->pending[one->count++] = what;
    CHECK(aclrtFree(block) == 0);
    return 0;
}

/* ---- Steps ---- */

static int multiply(worker *self, lane *one)
{
    const layer *what = &layers[below(self, LAYERS)];
    size_t x_bytes = layer_x_bytes(what), out_bytes = layer_out_bytes(what);
    void *x = NULL, *out = NULL, *workspace = NULL;
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    int line = make_room(one);
    if (line)
        return line;
    CHECK(aclrtMalloc(&x, x_bytes, ACL_MEM_MALLOC_HUGE_FIRST) == 0);
    CHECK(aclrtMalloc(&out, out_bytes, ACL_MEM_MALLOC_NORMAL_ONLY) == 0);
    CHECK(aclrtMemcpy(x, x_bytes, what->x, x_bytes, ACL_MEMCPY_HOST_TO_DEVICE) == 0);
    CHECK(layer_phase1(what, x, out, &size, &executor) == 0);
    bool brings = below(self, 2) == 0; /* a workspace; else the library does */
    if (brings && size > 0)
        CHECK(aclrtMalloc(&workspace, size, ACL_MEM_MALLOC_HUGE_FIRST) == 0);
    CHECK(aclnnWeightQuantBatchMatmul(workspace, brings ? size : 0, executor, one->stream) == 0);
    CHECK(aclrtFree(x) == 0);
    CHECK(!workspace || aclrtFree(workspace) == 0);
    atomic_fetch_add(&products, 1);
    return fetch(one, out, (result){.layer = what, .bytes = out_bytes});
}

/* A repeatable executor runs twice, the second time to another block. */
static int multiply_twice(worker *self, lane *one)
{
    const layer *what = &layers[below(self, LAYERS)];
    size_t bytes = layer_out_bytes(what);
    aclTensor *tensors[LAYER_TENSORS];
    void *out[2] = {NULL, NULL};
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    for (int i = 0; i < 2; i++)
        CHECK(aclrtMalloc(&out[i], bytes, ACL_MEM_MALLOC_HUGE_FIRST) == 0);
    layer_tensors(what, what->x, out[0], tensors);
    CHECK(layer_phase1_of(what, tensors, &size, &executor) == 0);
    CHECK(aclSetAclOpExecutorRepeatable(executor) == 0);
    for (int i = 0; i < 2; i++) {
        int line = make_room(one);
        if (line)
            return line;
        CHECK(aclSetOutputTensorAddr(executor, 0, tensors[LAYER_OUT], out[i]) == 0);
        CHECK(aclnnWeightQuantBatchMatmul(NULL, 0, executor, one->stream) == 0);
        line = fetch(one, out[i], (result){.layer = what, .bytes = bytes});
        if (line)
            return line;
    }
    atomic_fetch_add(&products, 2);
    layer_destroy(tensors);
    CHECK(aclDestroyAclOpExecutor(executor) == 0);
    return 0;
}

/* A value of fp16 becomes fp32 and comes back: all in one stream, on blocks that are gone when it happens. */
static int cast(worker *self, lane *one)
{
    enum { LENGTH = 96 };
    int64_t dims[1] = {(int64_t)(1 + below(self, LENGTH))};
    size_t bytes = (size_t)dims[0] * 2;
    void *half = NULL, *wide = NULL;
    uint64_t size = 0;
    aclOpExecutor *there = NULL, *back = NULL;
    int line = make_room(one);
    if (line)
        return line;
    CHECK(aclrtMalloc(&half, bytes, ACL_MEM_MALLOC_HUGE_FIRST) == 0);
    CHECK(aclrtMalloc(&wide, 2 * bytes, ACL_MEM_MALLOC_HUGE_FIRST) == 0);
    CHECK(aclrtMemsetAsync(half, bytes, 0x3C, bytes, one->stream) == 0); /* 0x3C3C = 1.05859375 */
    aclTensor *narrow = aclCreateTensor(dims, 1, ACL_FLOAT16, NULL, 0, ACL_FORMAT_ND, dims, 1, half);
    aclTensor *broad = aclCreateTensor(dims, 1, ACL_FLOAT, NULL, 0, ACL_FORMAT_ND, dims, 1, wide);
    CHECK(aclnnCastGetWorkspaceSize(narrow, ACL_FLOAT, broad, &size, &there) == 0);
    CHECK(aclnnCastGetWorkspaceSize(broad, ACL_FLOAT16, narrow, &size, &back) == 0);
    CHECK(aclDestroyTensor(narrow) == 0 && aclDestroyTensor(broad) == 0);
    CHECK(aclnnCast(NULL, 0, there, one->stream) == 0);
    CHECK(aclrtMemsetAsync(half, bytes, 0xFF, bytes, one->stream) == 0);
    CHECK(aclnnCast(NULL, 0, back, one->stream) == 0);
    CHECK(aclrtFree(wide) == 0);
    return fetch(one, half, (result){.bytes = bytes, .fill = 0x3C});
}

static int copy(worker *self, lane *one)
{
    size_t bytes = 1 + below(self, 5000);
    int value = (int)below(self, 256);
    void *first = NULL, *second = NULL;
    int line = make_room(one);
    if (line)
        return line;
    CHECK(aclrtMalloc(&first, bytes, ACL_MEM_MALLOC_HUGE_FIRST) == 0);
    CHECK(aclrtMallocAlign32(&second, bytes, ACL_MEM_MALLOC_HUGE_FIRST) == 0);
    CHECK(aclrtMemsetAsync(first, bytes, value, bytes, one->stream) == 0);
    CHECK(aclrtMemcpyAsync(second, bytes, first, bytes, ACL_MEMCPY_DEVICE_TO_DEVICE, one->stream) == 0);
    CHECK(aclrtFree(first) == 0);
    return fetch(one, second, (result){.bytes = bytes, .fill = value});
}

static void count_call(void *counter)
{
    atomic_fetch_add((atomic_size_t *)counter, 1);
}

/* Blocks, so that a synchronised stream has had all its callbacks. */
static int call_back(lane *one)
{
    one->launched++;
    CHECK(aclrtLaunchCallback(count_call, &one->called, ACL_CALLBACK_BLOCK, one->stream) == 0);
    return 0;
}

static int open_lane(lane *one)
{
    CHECK(aclrtCreateStream(&one->stream) == 0);
    CHECK(aclrtSubscribeReport(reporter_id, one->stream) == 0);
    atomic_store(&one->called, 0);
    one->launched = 0;
    return 0;
}

/* Gently everything happens first; a callback that has nobody left to run it is an error of its stream, so
 * what is queued is awaited before. */
static int close_lane(lane *one, bool force)
{
    aclrtStream stream = one->stream;
    if (!force) {
        CHECK(aclrtSynchronizeStream(stream) == 0);
        CHECK(aclrtDestroyStream(stream) == 0);
    } else {
        CHECK(aclrtDestroyStreamForce(stream) == 0);
    }
    CHECK(aclrtSynchronizeStream(stream) == 107017);
    return settle(one, force);
}

static int ask(worker *self, const lane *one)
{
    aclrtStreamStatus stream_status = ACL_STREAM_STATUS_RESERVED;
    aclrtEventStatus event_status = ACL_EVENT_STATUS_RESERVED;
    CHECK(aclrtStreamQuery(one->stream, &stream_status) == 0);
    CHECK(stream_status == ACL_STREAM_STATUS_COMPLETE || stream_status == ACL_STREAM_STATUS_NOT_READY);
    CHECK(aclrtQueryEvent(shared_events[below(self, EVENTS)], &event_status) == 0);
    CHECK(event_status == ACL_EVENT_STATUS_COMPLETE || event_status == ACL_EVENT_STATUS_NOT_READY);
    return 0;
}

/* An event of its own, used and destroyed while streams still wait for it. */
static int short_event(worker *self, const lane *one)
{
    aclrtEvent event = NULL;
    CHECK(aclrtCreateEvent(&event) == 0);
    CHECK(aclrtRecordEvent(event, one->stream) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(aclrtStreamWaitEvent(self->lanes[below(self, STREAMS)].stream, event) == 0);
    CHECK(below(self, 4) != 0 || aclrtSynchronizeEvent(event) == 0);
    CHECK(aclrtDestroyEvent(event) == 0);
    return 0;
}

static int step(worker *self)
{
    lane *one = &self->lanes[below(self, STREAMS)];
    switch (below(self, 20)) {
    case 0:
    case 1:
    case 2:
    case 3:
        return multiply(self, one);
    case 4:
        return multiply_twice(self, one);
    case 5:
    case 6:
        return cast(self, one);
    case 7:
    case 8:
        return copy(self, one);
    case 9:
        return synchronise(one);
    case 10: { /* closed and opened again */
        int line = close_lane(one, below(self, 2) == 0);
        return line ? line : open_lane(one);
    }
    case 11:
        CHECK(below(self, 8) != 0 || fine(aclrtSynchronizeDevice()));
        return 0;
    case 12:
        return short_event(self, one);
    case 13:
    case 14:
        return call_back(one);
    case 15:
        CHECK(fine(aclrtSynchronizeEvent(shared_events[below(self, EVENTS)])));
        return 0;
    case 16:
        return ask(self, one);
    case 17:
        CHECK(aclrtRecordEvent(shared_events[below(self, EVENTS)], one->stream) == 0);
        return 0;
    default:
        CHECK(aclrtStreamWaitEvent(one->stream, shared_events[below(self, EVENTS)]) == 0);
        return 0;
    }
}

static int run_all(worker *self)
{
    CHECK(aclrtSetDevice(0) == 0);
    for (int i = 0; i < STREAMS; i++) {
        int line = open_lane(&self->lanes[i]);
        if (line)
            return line;
    }
    for (int i = 0; i < STEPS; i++) {
        int line = step(self);
        if (line)
            return line;
    }
    for (int i = 0; i < STREAMS; i++) {
        int line = close_lane(&self->lanes[i], false);
        if (line)
            return line;
    }
    CHECK(fine(aclrtGetLastError(ACL_RT_THREAD_LEVEL)));
    CHECK(aclrtResetDevice(0) == 0);
    return 0;
}

static void *work(void *argument)
{
    worker *self = argument;
    self->line = run_all(self);
    return NULL;
}

/* Runs the callbacks of all streams. */
static void *report(void *argument)
{
    (void)argument;
    reporter_id = (uint64_t)pthread_self();
    atomic_store(&reporter_ready, true);
    while (!atomic_load(&all_done))
        (void)aclrtProcessReport(5); /* 107012 while no stream is there, 507012 when nothing came */
    return NULL;
}

static void test_stress(void **state)
{
    (void)state;
    static worker workers[THREADS];
    pthread_t threads[THREADS], reporter;
    const char *text = getenv("AQ_STRESS_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : 20251122;
    printf("seed %llu\n", (unsigned long long)seed);
    assert_int_equal(layers_make(layers, seed | 1, true), 0);
    assert_int_equal(aclrtSetDevice(0), 0);
    for (int i = 0; i < EVENTS; i++)
        assert_int_equal(aclrtCreateEvent(&shared_events[i]), 0);
    assert_int_equal(pthread_create(&reporter, NULL, report, NULL), 0);
    while (!atomic_load(&reporter_ready))
        sched_yield();
    for (int i = 0; i < THREADS; i++) {
        workers[i].random = (seed + (uint64_t)i) * UINT64_C(0x9E3779B97F4A7C15) | 1;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    int failed = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        if (workers[i].line) {
            failed++;
            print_error("thread %d: the check in line %d failed\n", i, workers[i].line);
        }
    }
    atomic_store(&all_done, true);
    pthread_join(reporter, NULL);
    assert_int_equal(failed, 0);
    for (int i = 0; i < EVENTS; i++)
        assert_int_equal(aclrtDestroyEvent(shared_events[i]), 0);
    assert_int_equal(aclrtResetDevice(0), 0);
    layers_free(layers);
    printf("%zu products compared or dropped\n", atomic_load(&products));
    assert_true(atomic_load(&products) > 100);
}

int main(void)
{
    setenv("ANTIQUANT_THREADS", "4", 1); /* a pool that all streams share, on every machine */
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stress)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
