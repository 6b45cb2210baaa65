/* SPDX-License-Identifier: Apache-2.0 */
/* parallel.c - spreads indices over pthreadpool's threads. Decides when the pool is made and that a pool
 * which cannot be made means serial loops. Knows nothing of kernels and streams.
 *
 * Indices are handed out one by one through a shared counter, so that a thread which the system takes away
 * does not keep its share waiting. */
#include "parallel/parallel.h"

#include <pthread.h>
#include <pthreadpool.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/float_environment.h"
#include "base/memory.h"
#include "base/settings.h"
#include "base/trace.h"
#include "cpu/cpu.h"

#define CACHE_LINE 64

/* Workers sleep between loops. Without the flag they spin for about 30 ms after each loop and take the CPUs
 * from the caller, its stream and the program; with it the 50 ms after a loop cost 0.1 ms of CPU time. The
 * price is the wake-up: an empty loop of 2 threads on 2 cores takes 4.5 us instead of 0.4 us back to back,
 * and 8 us instead of 1 us after a pause of 200 us (medians; AMD EPYC, Linux). */
#define POOL_FLAGS PTHREADPOOL_FLAG_YIELD_WORKERS

/* One parallel loop. published and finished order memory between the caller and the slots whatever the pool
 * does, and where race detectors can see it: the pool itself is not instrumented for them. */
typedef struct aq_loop {
    aq_parallel_body body;
    void *context;
    size_t count;
    pthread_t caller;
    atomic_bool published;
    alignas(CACHE_LINE) atomic_size_t next; /* index that nobody has yet; written by all threads */
    atomic_size_t finished;
} aq_loop;

static pthreadpool_t pool; /* null: serial */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The gate is locked until all probing threads were made. */
static void *wait_at_gate(void *gate)
{
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

/* Whether the system gives us that many more threads at once. pthreadpool_create does not look at what
 * pthread_create returns and then waits for ever for a thread that never was, so it must not be tried where
 * threads run out. */
static bool can_make_threads(size_t count)
{
    pthread_t *threads = aq_malloc(count * sizeof *threads);
    if (!threads)
        return false;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    size_t made = 0;
    pthread_mutex_lock(&gate);
    while (made < count && pthread_create(&threads[made], NULL, wait_at_gate, &gate) == 0)
        made++;
    pthread_mutex_unlock(&gate);
    for (size_t i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&gate);
    aq_free(threads);
    return made == count;
}

/* The threads of the pool are not there in the child of a fork: it makes a pool of its own when it needs one.
 * The old one is not freed, that would be waiting for its threads. */
static void forget_pool(void)
{
    pool = NULL;
    once = (pthread_once_t)PTHREAD_ONCE_INIT;
}

/* The pool lives until the process ends. Without room to be told of forks there is none. */
static void make_pool(void)
{
    static bool told_of_forks; /* a child inherits that */
    size_t threads = (size_t)aq_parallel_threads();
    if (!told_of_forks)
        told_of_forks = pthread_atfork(NULL, NULL, forget_pool) == 0;
    if (!told_of_forks || threads <= 1 || !can_make_threads(threads - 1)) /* the caller of a loop is one */
        return;
    fenv_t callers; /* the pool's threads inherit what is set now */
    aq_float_environment_enter(&callers);
    pool = pthreadpool_create(threads);
    aq_float_environment_leave(&callers);
}

/* What one thread did of a loop. */
static void trace_share(const aq_loop *loop, size_t done, int64_t from)
{
    aq_json members = {.length = 0};
    aq_json_count(&members, "pieces", (int64_t)done);
    aq_json_count(&members, "of", (int64_t)loop->count);
    if (!pthread_equal(pthread_self(), loop->caller))
        aq_trace_name_own("pool thread");
    aq_trace_end("loop", "loop", from, &members);
}

static void run_slot(void *argument, size_t slot)
{
    aq_loop *loop = argument;
    (void)atomic_load_explicit(&loop->published, memory_order_acquire);
    size_t i, done = 0;
    int64_t from = aq_trace_begin();
    for (; (i = atomic_fetch_add_explicit(&loop->next, 1, memory_order_relaxed)) < loop->count; done++)
        loop->body(loop->context, slot, i);
    if (from && done > 0)
        trace_share(loop, done, from);
    atomic_fetch_add_explicit(&loop->finished, 1, memory_order_release);
}

int aq_parallel_threads(void)
{
    int threads = aq_settings_get()->threads;
    return threads > 0 ? threads : aq_cpu_count();
}

void aq_parallel_for(int max_threads, size_t count, aq_parallel_body body, void *context)
{
    size_t slots = (size_t)aq_parallel_threads();
    if (max_threads < 1)
        max_threads = 1;
    if (slots > (size_t)max_threads)
        slots = (size_t)max_threads;
    if (slots > count)
        slots = count;
    if (slots > 1)
        pthread_once(&once, make_pool);
    if (slots <= 1 || !pool) {
        for (size_t i = 0; i < count; i++)
            body(context, 0, i);
        return;
    }
    aq_loop loop = {.body = body, .context = context, .count = count, .caller = pthread_self()};
    atomic_init(&loop.next, 0);
    atomic_init(&loop.finished, 0);
    atomic_store_explicit(&loop.published, true, memory_order_release);
    pthreadpool_parallelize_1d(pool, run_slot, &loop, slots, POOL_FLAGS);
    (void)atomic_load_explicit(&loop.finished, memory_order_acquire);
}
