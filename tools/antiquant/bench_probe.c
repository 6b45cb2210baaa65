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

enum { BLOCK = 512 };

typedef struct aq_bench_work {
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
    const aq_bench_loops *loops;
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

const aq_bench_loops *aq_bench_loops_best(void)
{
    for (size_t i = 0; i + 1 < aq_bench_loops_count; i++) {
        aq_cpu_level_info level;
        for (size_t l = 0; aq_cpu_level_get(l, &level) == 0; l++) {
            if (level.supported && strcmp(level.name, aq_bench_loops_all[i].level) == 0) {
                return &aq_bench_loops_all[i];
            }
        }
    }
    return &aq_bench_loops_all[aq_bench_loops_count - 1];
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
        probe->loops->multiply(work->rounds);
    }
    for (int i = 0; work->data != NULL && i < work->passes; i++) {
        probe->loops->read(work->data + (size_t)worker->index * piece, piece / BLOCK);
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

aq_bench_probe *aq_bench_probe_start(int threads)
{
    aq_bench_probe *probe = calloc(1, sizeof *probe + (size_t)threads * sizeof probe->workers[0]);
    if (probe == NULL) {
        aq_cli_error("out of memory for %d threads that probe the machine", threads);
        return NULL;
    }
    probe->loops = aq_bench_loops_best();
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
    return probe;
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
    double seconds = run(probe, (aq_bench_work){.data = data, .bytes = bytes, .passes = passes});
    return (double)piece_bytes(probe) * probe->threads * passes / seconds;
}

double aq_bench_probe_multiply(aq_bench_probe *probe, double seconds)
{
    enum { FIRST = 20000 }; /* rounds, well below a millisecond */
    if (probe->rounds_a_second == 0.0) {
        probe->rounds_a_second = FIRST / run(probe, (aq_bench_work){.rounds = FIRST});
    }
    int64_t rounds = 1 + (int64_t)(seconds * probe->rounds_a_second);
    double rate = (double)rounds / run(probe, (aq_bench_work){.rounds = rounds});
    if (rate > probe->rounds_a_second) {
        probe->rounds_a_second = rate;
    }
    return rate * probe->loops->flops * probe->threads;
}
