/* SPDX-License-Identifier: Apache-2.0 */
/* test_stream_stress.c - many threads and streams at once with a fixed seed, a long queue, and every
 * allocation failing in turn. What must hold: tasks of one stream run in order, no record is passed before it
 * is reached, every task is finished once, nothing hangs. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "base/memory.h"
#include "runtime/stream.h"
#include "support/tasks.h"

#define THREADS 8
#define STREAMS 16 /* of each thread */
#define STEPS   2000
#define QUEUED  100000
#define SEED    20250611u

static atomic_size_t created, finished, disorder;

/* One stream and what its tasks must find: the counter of the task before. */
typedef struct test_lane {
    aclrtStream stream;
    aclrtEvent event;
    uint64_t queued;    /* the queueing thread's */
    atomic_ullong done; /* the worker's */
    atomic_ullong mark; /* tasks that were queued when event was last recorded */
} test_lane;

typedef struct test_step {
    aq_task head;
    test_lane *lane;
    uint64_t ordinal;
    const test_lane *after; /* this lane must have done so much */
    uint64_t after_count;
} test_step;

static int run_step(aq_task *task)
{
    test_step *me = (test_step *)task;
    if (atomic_load(&me->lane->done) != me->ordinal)
        atomic_fetch_add(&disorder, 1);
    if (me->after && atomic_load(&me->after->done) < me->after_count)
        atomic_fetch_add(&disorder, 1);
    atomic_store(&me->lane->done, me->ordinal + 1);
    return 0;
}

static void finish_step(aq_task *task)
{
    atomic_fetch_add(&finished, 1);
    free(task);
}

static int queue_step(test_lane *lane, const test_lane *after, uint64_t after_count)
{
    test_step *task = malloc(sizeof *task);
    if (!task)
        return -1;
    *task = (test_step){
        {.name = "step", .run = run_step, .finish = finish_step}, lane, lane->queued, after, after_count};
    atomic_fetch_add(&created, 1);
    lane->queued++;
    return aq_stream_submit("test", lane->stream, &task->head);
}

static int open_lane(test_lane *lane)
{
    lane->queued = 0;
    atomic_store(&lane->done, 0);
    atomic_store(&lane->mark, 0);
    return aclrtCreateStream(&lane->stream) || aclrtCreateEvent(&lane->event);
}

static int close_lane(test_lane *lane)
{
    return aclrtDestroyEvent(lane->event) || aclrtDestroyStream(lane->stream) ||
           atomic_load(&lane->done) != lane->queued;
}

static uint32_t next_random(uint32_t *state)
{
    *state =
        *state * 1664525u + 1013904223u; /* Numerical Recipes' generator: its high bits are good enough */
    return *state >> 8;
}

/* A lane that is closed and opened again would look behind to those that wait for it, so all are brought to
 * rest before. */
static int rest(test_lane *lanes)
{
    for (int i = 0; i < STREAMS; i++)
        if (aclrtSynchronizeStream(lanes[i].stream) != 0)
            return 1;
    return 0;
}

static int take_step(test_lane *lanes, uint32_t *random)
{
    test_lane *one = &lanes[next_random(random) % STREAMS], *other = &lanes[next_random(random) % STREAMS];
    switch (next_random(random) % 16) {
    case 0:
        return aclrtSynchronizeStream(one->stream);
    case 1:
        return aclrtSynchronizeEvent(one->event);
    case 2:
        return rest(lanes) || close_lane(one) || open_lane(one);
    case 3:
    case 4:
        atomic_store(&one->mark, one->queued);
        return aclrtRecordEvent(one->event, one->stream);
    case 5:
    case 6: /* what one does next comes after all that other had queued at its record */
        return aclrtStreamWaitEvent(one->stream, other->event) ||
               queue_step(one, other, atomic_load(&other->mark));
    case 7: {
        aclrtStreamStatus status;
        return aclrtStreamQuery(one->stream, &status);
    }
    default:
        return queue_step(one, NULL, 0);
    }
}

static void *work(void *number)
{
    test_lane *lanes = calloc(STREAMS, sizeof *lanes);
    uint32_t random = SEED + (uint32_t)(uintptr_t)number;
    if (!lanes || aclrtSetDevice(0) != 0)
        return "start";
    for (int i = 0; i < STREAMS; i++)
        if (open_lane(&lanes[i]) != 0)
            return "create";
    for (int i = 0; i < STEPS; i++)
        if (take_step(lanes, &random) != 0)
            return "step";
    for (int i = 0; i < STREAMS; i++)
        if (close_lane(&lanes[i]) != 0)
            return "destroy";
    free(lanes);
    return aclrtResetDevice(0) == 0 ? NULL : "reset";
}

static void many_threads_and_streams(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    print_message("seed %u\n", SEED);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)i), 0);
    for (int i = 0; i < THREADS; i++) {
        void *trouble;
        pthread_join(threads[i], &trouble);
        if (trouble)
            fail_msg("a thread failed: %s", (char *)trouble);
    }
    assert_int_equal(atomic_load(&disorder), 0);
    assert_int_equal(atomic_load(&finished), atomic_load(&created));
}

static void a_long_queue_is_finished_in_order(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    test_lane lane;
    assert_int_equal(aclrtSetDevice(0), 0);
    assert_int_equal(open_lane(&lane), 0);
    assert_int_equal(test_queue_door(lane.stream, &door), 0);
    for (int i = 0; i < QUEUED; i++)
        assert_int_equal(queue_step(&lane, NULL, 0), 0);
    assert_int_equal(atomic_load(&lane.done), 0);
    test_door_open(&door);
    assert_int_equal(aclrtSynchronizeStream(lane.stream), 0);
    assert_int_equal(atomic_load(&lane.done), QUEUED);
    assert_int_equal(atomic_load(&disorder), 0);
    assert_int_equal(close_lane(&lane), 0);
    assert_int_equal(aclrtResetDevice(0), 0);
}

static void nothing(void *unused)
{
    (void)unused;
}

/* What can be refused for lack of memory is; the rest goes on. Returns the number of refusals. */
static int count_refusals(uint64_t n)
{
    aclrtContext context = NULL;
    aclrtStream stream = NULL;
    aclrtEvent event = NULL;
    test_door door = TEST_DOOR_INITIALIZER;
    int refused = 0;
#define attempt(call)                                                                                        \
    do {                                                                                                     \
        int status_ = (call);                                                                                \
        assert_true(status_ == 0 || status_ == 207001);                                                      \
        refused += status_ != 0;                                                                             \
    } while (0)
    aq_memory_fail_from(n);
    attempt(aclrtSetDevice(0));
    bool set = refused == 0;
    attempt(aclrtCreateContext(&context, 0));
    if (set || context) {
        attempt(aclrtCreateStream(&stream));
        attempt(aclrtCreateEvent(&event));
        assert_int_equal(test_queue_door(NULL, &door), 0);
    }
    if (event) {
        attempt(aclrtRecordEvent(event, NULL));
        attempt(stream ? aclrtStreamWaitEvent(stream, event) : 0);
    }
    if (stream) {
        attempt(aclrtSubscribeReport((uint64_t)pthread_self(), stream));
        int launched = aclrtLaunchCallback(nothing, NULL, ACL_CALLBACK_BLOCK, stream);
        assert_true(launched == 0 || launched == 107015 || launched == 207001);
        refused += launched != 0;
    }
    aq_memory_fail_from(0);
    test_door_open(&door);
    if (set || context)
        assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    assert_int_equal(stream ? aclrtDestroyStreamForce(stream) : 0, 0);
    assert_int_equal(event ? aclrtDestroyEvent(event) : 0, 0);
    assert_int_equal(context ? aclrtDestroyContext(context) : 0, 0);
    assert_int_equal(set ? aclrtResetDevice(0) : 0, 0);
    return refused;
#undef attempt
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    test_needs_worker();
    uint64_t n = 1;
    while (count_refusals(n) > 0)
        n++;
    assert_in_range(n, 8, 100); /* two contexts with their streams, a stream, an event, record, wait, ... */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(a_long_queue_is_finished_in_order),
        cmocka_unit_test(many_threads_and_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
