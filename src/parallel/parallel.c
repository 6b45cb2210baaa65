/* SPDX-License-Identifier: Apache-2.0 */
/* parallel.c - spreads indices over threads: the caller, threads that look for something to do, and the
 * pool's own, which sleep. Decides who is woken, and that a pool which cannot be made means fewer threads.
 * Knows nothing of kernels and streams.
 *
 * Nobody waits for a thread to come. A loop is open while it has places and indices left; who comes later
 * finds it closed, and its caller waits only for those who are inside. Indices are handed out one by one, so
 * that a thread which the system takes away does not keep its share waiting. They lie in as many parts as the
 * loop has places, and a thread begins with the part of the CPU it is on: where the same loop comes again,
 * the caches of that CPU still hold what it read the last time.
 *
 * There is one loop at a time and all its state is static: a thread that comes late reads nothing that is
 * gone. Locking: `turn` is held by the caller of the loop; the rest is atomic. */
#include "parallel/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/float_environment.h"
#include "base/memory.h"
#include "base/settings.h"
#include "base/start_thread.h"
#include "base/trace.h"
#include "cpu/cpu.h"

#define CACHE_LINE 64

enum {
    /* About what it takes from waking a thread until it runs (30 to 50 us in a virtual machine whose CPUs are
     * idle): who looks as long as that before sleeping loses at most as much again, and finds the next of
     * several loops, or calls, that follow each other closely. */
    LOOK_NS = 50000,
    LOOKS = 16, /* between two looks at the clock */
    /* Who was off its CPU for so long has found other programs' threads waiting for it. For some time after
     * that nobody looks: on such a machine waking a thread takes 5 us, and who looks is in the way. */
    LOST_NS = 100000,
    CROWDED_NS = 10000000,
    PLACE = 1 << 16, /* gate: places that are left above, threads that came below */
    CAME = PLACE - 1,
    MOST_PARTS = 64, /* the bits of `filled` */
    FAN_OUT = 4,     /* threads that one wakes, at about 5 us each; those wake the next */
    DOZES = 1 << 16  /* inside: the caller sleeps until the last thread leaves */
};

static struct {
    aq_parallel_body body;
    void *context;
    size_t count;
} loop;
static struct {
    alignas(CACHE_LINE) atomic_size_t next; /* index that nobody has yet */
    size_t end;
} part[MOST_PARTS];
static size_t parts;
static alignas(CACHE_LINE) _Atomic uint64_t filled; /* bit p: part p may have such indices */
static alignas(CACHE_LINE) atomic_int gate;         /* 0: no loop, or none that takes more threads */
static alignas(CACHE_LINE) atomic_int inside; /* threads that came, counted when the gate is shut, less those
                                               * that left */
static sem_t left;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static alignas(CACHE_LINE) atomic_int looking; /* threads that see an open gate, or will, by themselves */
static _Atomic int64_t crowded_until;          /* aq_trace_time's */
static atomic_int asleep;                      /* threads of the pool that nobody is about to wake */
static atomic_int owed;                        /* posts of wake that are still to be made */
static sem_t wake;
static bool has_pool; /* under decision until the pool's threads pass it */
static pthread_mutex_t decision = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;
static _Thread_local bool of_pool;

static bool ready; /* false: all loops are serial */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void pause_a_little(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory"); /* yield does nothing on most cores; this takes about as long */
#endif
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0) /* a signal */
        ;
}

static void make_pool(void);

/* ---- Taking part ---- */

/* What one thread did of a loop. */
static void trace_share(size_t done, int64_t from)
{
    aq_json members = {.length = 0};
    aq_json_count(&members, "pieces", (int64_t)done);
    aq_json_count(&members, "of", (int64_t)loop.count);
    if (of_pool)
        aq_trace_name_own("pool thread");
    aq_trace_end("loop", "loop", from, &members);
}

/* Takes `most` of the pool's threads that are asleep, or fewer: they are awake from now on. */
static int take_asleep(int most)
{
    int sleepers = atomic_load(&asleep), taken;
    do
        taken = sleepers < most ? sleepers : most;
    while (taken > 0 && !atomic_compare_exchange_weak(&asleep, &sleepers, sleepers - taken));
    return taken;
}

static void wake_some(void)
{
    for (int i = 0; i < FAN_OUT; i++) {
        int posts = atomic_load(&owed);
        while (posts > 0 && !atomic_compare_exchange_weak(&owed, &posts, posts - 1))
            ;
        if (posts <= 0)
            return;
        sem_post(&wake);
    }
}

/* So many places are open, and so many threads come by themselves: as many are woken as are missing. */
static void call_pool(int places, int coming)
{
    int missing = places - coming;
    if (missing <= 0)
        return;
    pthread_once(&pool_once, make_pool);
    atomic_fetch_add(&owed, take_asleep(missing));
    wake_some();
}

/* Those who were coming when the loop was opened should be here by now. They are not where they turned to
 * something else, or the system keeps the CPU that they were woken on from them: then the pool has to do. */
static bool has_called_again(int64_t opened)
{
    int open = atomic_load_explicit(&gate, memory_order_relaxed);
    if (open < PLACE)
        return true;
    if (aq_trace_time() - opened < LOOK_NS)
        return false;
    call_pool(open / PLACE, 0);
    return true;
}

static void fill_parts(size_t count, size_t wanted)
{
    parts = wanted < MOST_PARTS ? wanted : MOST_PARTS;
    for (size_t p = 0, next = 0; p < parts; p++, next = part[p - 1].end) {
        part[p].end = next + count / parts + (p < count % parts);
        atomic_store_explicit(&part[p].next, next, memory_order_relaxed);
    }
    atomic_store_explicit(&filled, UINT64_MAX >> (MOST_PARTS - parts), memory_order_relaxed);
}

/* From the part p or the nearest after it that has one, which p becomes. false: none is left. */
static bool take_index(size_t *p, size_t *index)
{
    uint64_t some;
    while ((some = atomic_load_explicit(&filled, memory_order_relaxed)) != 0) {
        const uint64_t from_here = some >> *p << *p;
        *p = (size_t)__builtin_ctzll(from_here != 0 ? from_here : some);
        *index = atomic_fetch_add_explicit(&part[*p].next, 1, memory_order_relaxed);
        if (*index + 1 >= part[*p].end)
            atomic_fetch_and_explicit(&filled, ~(UINT64_C(1) << *p), memory_order_relaxed);
        if (*index < part[*p].end)
            return true;
    }
    return false;
}

/* Whoever finds no index shuts the gate for all others. What it was. opened: when, for the loop's caller; 0
 * for the others. */
static int run_slot(size_t slot, int64_t opened)
{
    size_t i, done = 0, p = (size_t)aq_cpu_rank() % parts;
    int64_t from = aq_trace_begin();
    bool called = opened == 0;
    for (; take_index(&p, &i); done++) {
        loop.body(loop.context, slot, i);
        called = called || has_called_again(opened);
    }
    int was = atomic_fetch_and_explicit(&gate, CAME, memory_order_relaxed);
    if (from && done > 0)
        trace_share(done, from);
    return was;
}

/* false: no loop is open. */
static bool take_part(void)
{
    int seen = atomic_load_explicit(&gate, memory_order_relaxed);
    while (seen >= PLACE) {
        if (!atomic_compare_exchange_weak_explicit(&gate, &seen, seen - PLACE + 1, memory_order_acquire,
                                                   memory_order_relaxed))
            continue;
        run_slot((size_t)(seen & CAME) + 1, 0);
        if (atomic_fetch_sub_explicit(&inside, 1, memory_order_acq_rel) == DOZES + 1)
            sem_post(&left);
        return true;
    }
    return false;
}

bool aq_parallel_look(bool (*done)(void *context), void *context, bool yields)
{
    bool is_done = done(context);
    if (is_done)
        return true;
    atomic_fetch_add(&looking, 1);
    int64_t now = aq_trace_time(), seen = now;
    int64_t until = now < atomic_load_explicit(&crowded_until, memory_order_relaxed) ? now : now + LOOK_NS;
    for (unsigned looks = 1; !(is_done = done(context)); looks++) {
        if (take_part()) {
            now = aq_trace_time();
            until = now + LOOK_NS;
        } else if (looks % LOOKS != 0) {
            pause_a_little();
            continue;
        } else {
            if (yields)
                sched_yield();
            now = aq_trace_time();
            if (now - seen > LOST_NS)
                atomic_store_explicit(&crowded_until, now + CROWDED_NS, memory_order_relaxed);
            if (now - seen > LOST_NS || now > until)
                break;
        }
        seen = now;
    }
    atomic_fetch_sub(&looking, 1);
    return is_done;
}

void aq_parallel_expect(int threads)
{
    atomic_fetch_add(&looking, threads);
}

/* ---- The pool ---- */

/* Either the caller of a loop sees who falls asleep, or he who falls asleep sees the loop. */
static void sleep_until_woken(void)
{
    atomic_fetch_add(&asleep, 1);
    if (atomic_load(&gate) >= PLACE && take_asleep(1) == 1)
        return;
    wait_for(&wake);
    wake_some();
}

static bool never(void *unused)
{
    (void)unused;
    return false;
}

/* Nobody passes before it is decided whether there shall be a pool. */
static void *serve(void *unused)
{
    pthread_mutex_lock(&decision);
    pthread_mutex_unlock(&decision);
    if (!has_pool)
        return unused;
    of_pool = true;
    pthread_setname_np(pthread_self(), "aq-pool");
    fenv_t inherited;
    aq_float_environment_enter(&inherited);
    for (;;) {
        aq_parallel_look(never, NULL, true);
        sleep_until_woken();
    }
}

/* All threads or none: where they run out, the few that the system still has are for the program. The pool
 * lives until the process ends. */
static void make_pool(void)
{
    size_t count = (size_t)aq_parallel_threads() - 1, made = 0; /* the caller of a loop is one */
    pthread_t *threads = aq_malloc(count * sizeof *threads);
    if (!threads)
        return;
    pthread_mutex_lock(&decision);
    while (made < count && aq_start_thread(&threads[made], serve, NULL) == 0)
        made++;
    has_pool = made == count;
    pthread_mutex_unlock(&decision);
    for (size_t i = 0; i < made; i++)
        if (has_pool)
            pthread_detach(threads[i]);
        else
            pthread_join(threads[i], NULL);
    aq_free(threads);
}

/* ---- Loops ---- */

static void make_semaphores(void)
{
    sem_init(&left, 0, 0);
    sem_init(&wake, 0, 0);
}

/* In the child of a fork nobody is in a loop, looks or sleeps: it makes a pool of its own when it needs one.
 */
static void forget_all(void)
{
    turn = decision = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    pool_once = (pthread_once_t)PTHREAD_ONCE_INIT;
    has_pool = false;
    atomic_store(&gate, 0);
    atomic_store(&inside, 0);
    atomic_store(&looking, 0);
    atomic_store(&asleep, 0);
    atomic_store(&owed, 0);
    make_semaphores();
}

/* Without room to be told of forks all loops are serial. */
static void prepare(void)
{
    make_semaphores();
    ready = pthread_atfork(NULL, NULL, forget_all) == 0;
}

static bool is_our_turn(void *unused)
{
    (void)unused;
    return pthread_mutex_trylock(&turn) == 0;
}

static bool all_left(void *unused)
{
    (void)unused;
    return atomic_load_explicit(&inside, memory_order_acquire) == 0;
}

/* So many came, and no more will. */
static void wait_for_those_inside(int came)
{
    atomic_fetch_add_explicit(&inside, came, memory_order_acq_rel);
    if (aq_parallel_look(all_left, NULL, false))
        return;
    bool all = atomic_fetch_add_explicit(&inside, DOZES, memory_order_acq_rel) == 0;
    if (!all)
        wait_for(&left);
    atomic_fetch_sub_explicit(&inside, DOZES, memory_order_acq_rel);
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
        pthread_once(&once, prepare);
    if (slots <= 1 || !ready) {
        for (size_t i = 0; i < count; i++)
            body(context, 0, i);
        return;
    }
    if (!aq_parallel_look(is_our_turn, NULL, false))
        pthread_mutex_lock(&turn);
    loop.body = body;
    loop.context = context;
    loop.count = count;
    fill_parts(count, slots);
    atomic_store(&gate, (int)(slots - 1) * PLACE);
    call_pool((int)slots - 1, atomic_load(&looking));
    wait_for_those_inside(run_slot(0, aq_trace_time()) & CAME);
    pthread_mutex_unlock(&turn);
}
