/* SPDX-License-Identifier: Apache-2.0 */
/* bench_probe.c - the threads of the probes. All start a piece of work together, from a barrier where they
 * spin, so that waking them is not counted; the time is from the first start to the last end. */
#include "bench_probe.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "antiquant.h"
#include "cli.h"

enum { BLOCK = 512, PIECE = 16 << 20, PIECES = 17, TRIES = 9, MOST_LOOPS = 4 };

typedef struct aq_bench_work {
    const aq_bench_loops *loops;
    const char *data; /* null: multiply */
    size_t bytes;
    int passes;
    int64_t rounds;
} aq_bench_work;

typedef struct aq_bench_worker {
    aq_bench_probe *probe;
    int index;
    pthread_t thread;
    double start, end;
} aq_bench_worker;

struct aq_bench_probe {
    const aq_bench_loops *widest, *cold; /* cold: which reads cold memory fastest, at cold_rate */
    double cold_rate;
    int threads;
    double rounds_a_second; /* the best so far; 0: none yet */
    pthread_mutex_t lock;   /* guards turn, stopping; work is written before turn changes */
    pthread_cond_t changed;
    uint64_t turn;
    bool stopping;
    atomic_int arrived, finished;
    aq_bench_work work;
    int started; /* workers that have a thread */
    aq_bench_worker workers[];
};

/* This CPU has the level, whatever ANTIQUANT_CPU says. The last is for all CPUs. */
static bool usable(size_t loops)
{
    aq_cpu_level_info level;
    for (size_t l = 0; aq_cpu_level_get(l, &level) == 0; l++) {
        if (strcmp(level.name, aq_bench_loops_all[loops].level) == 0) {
            return level.supported;
        }
    }
    return loops + 1 == aq_bench_loops_count;
}

/* Spins, but lets others run when it takes long: on a busy machine the one that is waited for may need this
 * very core. */
static void wait_for_all(atomic_int *count, int threads)
{
    enum { PATIENCE = 2000 };
    for (int i = 0; atomic_load_explicit(count, memory_order_acquire) < threads; i++) {
        if (i >= PATIENCE) {
            sched_yield();
        }
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
}

static size_t piece_bytes(const aq_bench_probe *probe)
{
    return probe->work.bytes / (size_t)probe->threads / BLOCK * BLOCK;
}

static void do_piece(aq_bench_worker *worker)
{
    aq_bench_probe *probe = worker->probe;
    const aq_bench_work *work = &probe->work;
    size_t piece = piece_bytes(probe);
    atomic_fetch_add(&probe->arrived, 1);
    wait_for_all(&probe->arrived, probe->threads);
    worker->start = aq_cli_seconds();
    if (work->data == NULL) {
        work->loops->multiply(work->rounds);
    }
    for (int i = 0; work->data != NULL && i < work->passes; i++) {
        work->loops->read(work->data + (size_t)worker->index * piece, piece / BLOCK);
    }
    worker->end = aq_cli_seconds();
    atomic_fetch_add(&probe->finished, 1);
}

static void *serve(void *data)
{
    aq_bench_worker *worker = data;
    aq_bench_probe *probe = worker->probe;
    for (uint64_t seen = 0;;) {
        pthread_mutex_lock(&probe->lock);
        while (probe->turn == seen && !probe->stopping) {
            pthread_cond_wait(&probe->changed, &probe->lock);
        }
        seen = probe->turn;
        bool stop = probe->stopping;
        pthread_mutex_unlock(&probe->lock);
        if (stop) {
            return NULL;
        }
        do_piece(worker);
    }
}

void aq_bench_probe_stop(aq_bench_probe *probe)
{
    if (probe == NULL) {
        return;
    }
    pthread_mutex_lock(&probe->lock);
    probe->stopping = true;
    pthread_cond_broadcast(&probe->changed);
    pthread_mutex_unlock(&probe->lock);
    for (int i = 1; i < probe->started; i++) {
        pthread_join(probe->workers[i].thread, NULL);
    }
    pthread_cond_destroy(&probe->changed);
    pthread_mutex_destroy(&probe->lock);
    free(probe);
}

/* Seconds from the first start to the last end. */
static double run(aq_bench_probe *probe, aq_bench_work work)
{
    pthread_mutex_lock(&probe->lock);
    probe->work = work;
    atomic_store(&probe->arrived, 0);
    atomic_store(&probe->finished, 0);
    probe->turn++;
    pthread_cond_broadcast(&probe->changed);
    pthread_mutex_unlock(&probe->lock);
    do_piece(&probe->workers[0]);
    wait_for_all(&probe->finished, probe->threads);
    double start = probe->workers[0].start, end = probe->workers[0].end;
    for (int i = 1; i < probe->threads; i++) {
        start = probe->workers[i].start < start ? probe->workers[i].start : start;
        end = probe->workers[i].end > end ? probe->workers[i].end : end;
    }
    return end - start > 1e-9 ? end - start : 1e-9;
}

double aq_bench_probe_read(aq_bench_probe *probe, const void *data, size_t bytes, int passes)
{
    int times = passes > 0 ? passes : 1;
    double seconds = run(probe, (aq_bench_work){.loops = passes > 0 ? probe->widest : probe->cold,
                                                .data = data,
                                                .bytes = bytes,
                                                .passes = times});
    return (double)piece_bytes(probe) * probe->threads * times / seconds;
}

double aq_bench_probe_cold(const aq_bench_probe *probe, const char **level)
{
    *level = probe->cold->level;
    return probe->cold_rate;
}

double aq_bench_probe_multiply(aq_bench_probe *probe, const char *level, double seconds)
{
    enum { FIRST = 20000 }; /* rounds, well below a millisecond */
    aq_bench_work work = {.loops = probe->widest, .rounds = FIRST};
    for (size_t l = 0; level != NULL && l < aq_bench_loops_count; l++) {
        if (strcmp(level, aq_bench_loops_all[l].level) == 0 && usable(l)) {
            work.loops = &aq_bench_loops_all[l];
        }
    }
    if (probe->rounds_a_second == 0.0) {
        probe->rounds_a_second = FIRST / run(probe, work);
    }
    work.rounds = 1 + (int64_t)(seconds * probe->rounds_a_second);
    double rate = (double)work.rounds / run(probe, work);
    if (rate > probe->rounds_a_second) {
        probe->rounds_a_second = rate;
    }
    return rate * work.loops->flops * probe->threads;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* All loops in turn over more memory than caches hold; the best median wins. */
static bool choose(aq_bench_probe *probe)
{
    double rates[MOST_LOOPS][TRIES];
    size_t turn = 0;
    char *data = aq_cli_alloc((int64_t)PIECES * PIECE, 1, "memory to read");
    if (data == NULL) {
        return false;
    }
    memset(data, 1, (size_t)PIECES * PIECE); /* so that it has pages of its own */
    for (int try = 0; try < TRIES; try++) {
        for (size_t l = 0; l < aq_bench_loops_count && l < MOST_LOOPS; l++, turn++) {
            probe->cold = &aq_bench_loops_all[l];
            rates[l][try] =
                usable(l) ? aq_bench_probe_read(probe, data + turn % PIECES * PIECE, PIECE, 0) : 0.0;
        }
    }
    free(data);
    for (size_t l = aq_bench_loops_count; l-- > 0;) {
        qsort(rates[l], TRIES, sizeof rates[l][0], compare);
        if (rates[l][TRIES / 2] > probe->cold_rate) {
            probe->cold_rate = rates[l][TRIES / 2];
            probe->cold = &aq_bench_loops_all[l];
        }
        probe->widest = usable(l) ? &aq_bench_loops_all[l] : probe->widest;
    }
    return true;
}

aq_bench_probe *aq_bench_probe_start(int threads)
{
    aq_bench_probe *probe = calloc(1, sizeof *probe + (size_t)threads * sizeof probe->workers[0]);
    if (probe == NULL) {
        aq_cli_error("out of memory for %d threads that probe the machine", threads);
        return NULL;
    }
    probe->threads = threads;
    pthread_mutex_init(&probe->lock, NULL);
    pthread_cond_init(&probe->changed, NULL);
    for (int i = 0; i < threads; i++) {
        aq_bench_worker *worker = &probe->workers[i];
        *worker = (aq_bench_worker){.probe = probe, .index = i};
        if (i > 0 && pthread_create(&worker->thread, NULL, serve, worker) != 0) {
            aq_cli_error("cannot start thread %d of %d that probe the machine", i + 1, threads);
            aq_bench_probe_stop(probe);
            return NULL;
        }
        probe->started = i + 1;
    }
    if (!choose(probe)) {
        aq_bench_probe_stop(probe);
        return NULL;
    }
    return probe;
}
