/* SPDX-License-Identifier: Apache-2.0 */
/* Parallel loops: every index once, threads within their bounds and never twice at once, memory ordered both
 * ways, several callers at once, and no pool where threads run out. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "parallel/parallel.h"
#include "support/child.h"
#include "support/sanitizer.h"

#define MAX_COUNT   1000
#define MAX_THREADS 70 /* more than a loop has parts */

typedef struct record {
    size_t factor;         /* plain: written before the loop, read by the bodies */
    size_t out[MAX_COUNT]; /* plain: written by the bodies, read after the loop */
    atomic_int calls[MAX_COUNT];
    atomic_int busy[MAX_THREADS];
    atomic_bool bad_thread, overlap;
    size_t threads;
} record;

static void body(void *context, size_t thread, size_t index)
{
    record *r = context;
    if (thread >= r->threads) {
        atomic_store(&r->bad_thread, true);
        return;
    }
    if (atomic_fetch_add(&r->busy[thread], 1) != 0)
        atomic_store(&r->overlap, true);
    atomic_fetch_add(&r->calls[index], 1);
    r->out[index] = index * r->factor;
    atomic_fetch_sub(&r->busy[thread], 1);
}

/* One loop looked at from all sides; the record is on the stack of the caller, and used again at once. */
static bool loop_is_right(int max_threads, size_t count, size_t factor)
{
    record r;
    memset(&r, 0, sizeof r);
    r.factor = factor;
    r.threads = max_threads < 1 ? 1 : (size_t)max_threads;
    if (r.threads > (size_t)aq_parallel_threads())
        r.threads = (size_t)aq_parallel_threads();
    aq_parallel_for(max_threads, count, body, &r);
    for (size_t i = 0; i < MAX_COUNT; i++)
        if (atomic_load(&r.calls[i]) != (i < count) || r.out[i] != (i < count ? i * factor : 0))
            return false;
    return !atomic_load(&r.bad_thread) && !atomic_load(&r.overlap);
}

static void all_shapes(void *result)
{
    bool right = true;
    static const size_t counts[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, MAX_COUNT};
    for (int max_threads = -1; max_threads <= MAX_THREADS + 1; max_threads++)
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
            right = right && loop_is_right(max_threads, counts[i], i + 3);
    *(bool *)result = right;
}

static void test_every_index_once(void **state)
{
    (void)state;
    static const char *const threads[] = {"ANTIQUANT_THREADS=1", "ANTIQUANT_THREADS=2", "ANTIQUANT_THREADS=3",
                                          "ANTIQUANT_THREADS=8", "ANTIQUANT_THREADS=70"};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        bool right = false;
        const char *const variables[] = {threads[i], NULL};
        assert_int_equal(in_child(variables, all_shapes, &right, sizeof right), 0);
        assert_true(right);
    }
}

/* Two indices that wait for each other end only if two threads run them. */
static void meet(void *context, size_t thread, size_t index)
{
    atomic_int *arrived = context;
    (void)thread, (void)index;
    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) < 2)
        sched_yield();
}

static void two_meet(void *result)
{
    atomic_int arrived = 0;
    aq_parallel_for(2, 2, meet, &arrived);
    *(int *)result = atomic_load(&arrived);
}

static void test_really_parallel(void **state)
{
    (void)state;
    const char *const variables[] = {"ANTIQUANT_THREADS=2", NULL};
    int arrived = 0;
    assert_int_equal(in_child(variables, two_meet, &arrived, sizeof arrived), 0);
    assert_int_equal(arrived, 2);
}

static void *loop_often(void *failed)
{
    for (size_t i = 0; i < 300; i++)
        if (!loop_is_right((int)(i % 5), i % 70, i))
            atomic_store((atomic_bool *)failed, true);
    return NULL;
}

static void four_callers(void *result)
{
    atomic_bool failed = false;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, loop_often, &failed) != 0)
            return;
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    *(bool *)result = !atomic_load(&failed);
}

static void test_callers_take_turns(void **state)
{
    (void)state;
    bool right = false;
    const char *const variables[] = {"ANTIQUANT_THREADS=3", NULL};
    assert_int_equal(in_child(variables, four_callers, &right, sizeof right), 0);
    assert_true(right);
}

typedef struct looker {
    atomic_bool stop;
    atomic_size_t pieces;
} looker;

static looker lookers[2];
static _Thread_local looker *own;

static bool is_stopped(void *context)
{
    return atomic_load(&((looker *)context)->stop);
}

static void *look_often(void *context)
{
    own = context;
    while (!aq_parallel_look(is_stopped, context, context == &lookers[0]))
        ;
    return NULL;
}

static void count_for_looker(void *calls, size_t thread, size_t index)
{
    (void)thread;
    atomic_fetch_add(&((atomic_int *)calls)[index], 1);
    if (own)
        atomic_fetch_add(&own->pieces, 1);
}

/* Loops go on until both who look have taken part; a thread that never does ends the test by its limit. */
static void two_look(void *result)
{
    pthread_t threads[2];
    bool right = true;
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, look_often, &lookers[i]) != 0)
            return;
    for (size_t i = 0; right && (i < 300 || !lookers[0].pieces || !lookers[1].pieces); i++) {
        atomic_int calls[40] = {0};
        aq_parallel_for(3, 40, count_for_looker, calls);
        for (int j = 0; j < 40; j++)
            right = right && atomic_load(&calls[j]) == 1;
        right = right && loop_is_right((int)(i % 5), i % 70, i);
    }
    for (int i = 0; i < 2; i++) {
        atomic_store(&lookers[i].stop, true);
        pthread_join(threads[i], NULL);
    }
    *(bool *)result = right;
}

static void test_who_looks_takes_part(void **state)
{
    (void)state;
    bool right = false;
    const char *const variables[] = {"ANTIQUANT_THREADS=3", NULL};
    assert_int_equal(in_child(variables, two_look, &right, sizeof right), 0);
    assert_true(right);
}

static void thread_count(void *result)
{
    *(int *)result = aq_parallel_threads();
}

static void test_thread_count(void **state)
{
    (void)state;
    int threads = 0;
    const char *const seven[] = {"ANTIQUANT_THREADS=7", NULL}, *const unset[] = {NULL};
    assert_int_equal(in_child(seven, thread_count, &threads, sizeof threads), 0);
    assert_int_equal(threads, 7);
    cpu_set_t mask;
    assert_int_equal(sched_getaffinity(0, sizeof mask, &mask), 0);
    assert_int_equal(in_child(unset, thread_count, &threads, sizeof threads), 0);
    assert_int_equal(threads, CPU_COUNT(&mask));
}

#if !UNDER_SANITIZER
/* Address space for a few stacks only; a pool that hangs is ended by the alarm. */
static void threads_run_out(void *result)
{
    alarm(20);
    struct rlimit limit = {(rlim_t)64 << 20, (rlim_t)64 << 20};
    setrlimit(RLIMIT_AS, &limit);
    *(bool *)result = loop_is_right(MAX_THREADS, MAX_COUNT, 5);
}
#endif

static void test_serial_where_threads_run_out(void **state)
{
    (void)state;
#if UNDER_SANITIZER
    print_message("the address space cannot be limited under this sanitizer\n");
    skip();
#else
    bool right = false;
    const char *const variables[] = {"ANTIQUANT_THREADS=1024", NULL};
    assert_int_equal(in_child(variables, threads_run_out, &right, sizeof right), 0);
    assert_true(right);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_index_once),   cmocka_unit_test(test_really_parallel),
        cmocka_unit_test(test_callers_take_turns), cmocka_unit_test(test_who_looks_takes_part),
        cmocka_unit_test(test_thread_count),       cmocka_unit_test(test_serial_where_threads_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
