/* SPDX-License-Identifier: Apache-2.0 */
/* probe.c - the two probes. Each runs a few times on all threads at once and the best time counts: what
 * disturbs a probe makes it slower, never quicker. */
#include "probe.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "antiquant.h"
#include "cli.h"

enum {
    ROUNDS = 5,
    LEAST_READ = 96 << 20, /* bytes of all threads together; more where the last cache is larger */
    MOST_READ = 512 << 20,
    STEPS = 1 << 17, /* of a chain of multiply-adds, some 0.2 ms */
    CHAINS = 12      /* covers a latency of 4 to 5 cycles at 2 multiply-adds a cycle */
};

/* One thread of a probe: does the work once and keeps the compiler from leaving it out. */
typedef struct probe probe;
struct probe {
    void (*work)(probe *self);
    const uint64_t *from; /* read */
    size_t words;
    volatile uint64_t seen;
    pthread_barrier_t *begin, *end;
    pthread_t thread;
};

/* ---- read ---- */

typedef uint64_t pair __attribute__((vector_size(16))); /* every CPU of the two architectures has it */

/* Plain loads, 64 bytes a step. */
static void read_words(probe *self)
{
    const pair *from = (const pair *)(const void *)self->from;
    pair a = {0}, b = a, c = a, d = a;
    for (size_t i = 0; i + 4 <= self->words / 2; i += 4) {
        a ^= from[i];
        b ^= from[i + 1];
        c ^= from[i + 2];
        d ^= from[i + 3];
    }
    a ^= b ^ c ^ d;
    self->seen = a[0] ^ a[1];
}

/* ---- multiply-adds: CHAINS independent chains a = a * b + c of the level's widest vectors ---- */

#define CHAIN_LOOP(vector, set, fma, keep)                                                                   \
    vector b = set(0.999f), c = set(0.001f), a0 = set(0), a1 = set(1), a2 = set(2), a3 = set(3);             \
    vector a4 = set(4), a5 = set(5), a6 = set(6), a7 = set(7), a8 = set(8), a9 = set(9), a10 = set(10);      \
    vector a11 = set(11);                                                                                    \
    for (int i = 0; i < STEPS; i++) {                                                                        \
        a0 = fma(a0, b, c), a1 = fma(a1, b, c), a2 = fma(a2, b, c), a3 = fma(a3, b, c);                      \
        a4 = fma(a4, b, c), a5 = fma(a5, b, c), a6 = fma(a6, b, c), a7 = fma(a7, b, c);                      \
        a8 = fma(a8, b, c), a9 = fma(a9, b, c), a10 = fma(a10, b, c), a11 = fma(a11, b, c);                  \
    }                                                                                                        \
    a0 = fma(fma(fma(a0, a1, a2), a3, a4), fma(a5, a6, a7), fma(fma(a8, a9, a10), b, a11));                  \
    float kept[sizeof a0 / sizeof(float)];                                                                   \
    keep(kept, a0);                                                                                          \
    self->seen = kept[0] > 0

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static void fma_avx512(probe *self)
{
    CHAIN_LOOP(__m512, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps);
}

__attribute__((target("avx2,fma"))) static void fma_avx2(probe *self)
{
    CHAIN_LOOP(__m256, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps);
}

#define MULTIPLY_ADD(a, b, c) _mm_add_ps(_mm_mul_ps(a, b), c)
static void fma_base(probe *self)
{
    CHAIN_LOOP(__m128, _mm_set1_ps, MULTIPLY_ADD, _mm_storeu_ps);
}
#elif defined(__aarch64__)
#define MULTIPLY_ADD(a, b, c) vfmaq_f32(c, a, b)
static void fma_base(probe *self)
{
    CHAIN_LOOP(float32x4_t, vdupq_n_f32, MULTIPLY_ADD, vst1q_f32);
}
#else
#define ITSELF(value)         (value)
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define KEEP(to, value)       (*(to) = (value))
static void fma_base(probe *self)
{
    CHAIN_LOOP(float, ITSELF, MULTIPLY_ADD, KEEP);
}
#endif

typedef struct peak_probe {
    void (*work)(probe *self);
    int lanes;
} peak_probe;

static bool supported(const char *name)
{
    aq_cpu_level_info info;
    for (size_t i = 0; i < aq_cpu_level_count(); i++)
        if (aq_cpu_level_get(i, &info) == 0 && strcmp(info.name, name) == 0)
            return info.supported;
    return false;
}

static peak_probe peak_of(const char *level)
{
#if defined(__x86_64__)
    if (level != NULL && strcmp(level, "scalar") == 0)
        return (peak_probe){fma_base, 4};
    if (supported("avx512") && (level == NULL || strcmp(level, "avx2") != 0))
        return (peak_probe){fma_avx512, 16};
    if (supported("avx2"))
        return (peak_probe){fma_avx2, 8};
    return (peak_probe){fma_base, 4};
#elif defined(__aarch64__)
    (void)supported, (void)level;
    return (peak_probe){fma_base, 4};
#else
    (void)supported, (void)level;
    return (peak_probe){fma_base, 1};
#endif
}

/* ---- rounds ---- */

static void *run_probe(void *argument)
{
    probe *self = argument;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(self->begin);
        self->work(self);
        pthread_barrier_wait(self->end);
    }
    return NULL;
}

/* Seconds of the best round of all probes at once; the caller is the first of them. 0: no threads to be
 * had. */
static double best_round(probe *probes, int threads)
{
    pthread_barrier_t begin, end;
    pthread_barrier_init(&begin, NULL, (unsigned)threads);
    pthread_barrier_init(&end, NULL, (unsigned)threads);
    int started = 1;
    for (int t = 0; t < threads; t++) {
        probes[t].begin = &begin;
        probes[t].end = &end;
    }
    while (started < threads &&
           pthread_create(&probes[started].thread, NULL, run_probe, &probes[started]) == 0)
        started++;
    if (started < threads) {
        aq_cli_error("cannot start %d threads to measure the limits with", threads);
        exit(AQ_CLI_BAD); /* those that did start wait for the others, and end with the process */
    }
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&begin);
        double from = aq_cli_seconds();
        probes[0].work(&probes[0]);
        pthread_barrier_wait(&end);
        double seconds = aq_cli_seconds() - from;
        best = round == 0 || seconds < best ? seconds : best;
    }
    for (int t = 1; t < threads; t++)
        pthread_join(probes[t].thread, NULL);
    pthread_barrier_destroy(&begin);
    pthread_barrier_destroy(&end);
    return best;
}

/* Twice the last cache that the system tells of, so that little of it is found there again. */
static size_t read_bytes(void)
{
    long cache = sysconf(_SC_LEVEL3_CACHE_SIZE), twice = cache > MOST_READ / 2 ? MOST_READ : 2 * cache;
    return (size_t)(twice > LEAST_READ ? twice : LEAST_READ);
}

bool aq_cli_limit_read(int threads, double *rate)
{
    size_t bytes = read_bytes();
    probe *probes = aq_cli_alloc(threads, sizeof *probes, "the threads that measure the limits");
    if (probes == NULL) {
        return false;
    }
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        aq_cli_error("out of memory: %zu MiB to measure the read limit with", bytes >> 20);
        free(probes);
        return false;
    }
    (void)madvise(memory, bytes, MADV_HUGEPAGE); /* fewer faults; the rate is that of memory either way */
    memset(memory, 1, bytes);
    size_t words = bytes / sizeof(uint64_t) / (size_t)threads;
    for (int t = 0; t < threads; t++) {
        probes[t].work = read_words;
        probes[t].from = (const uint64_t *)memory + (size_t)t * words;
        probes[t].words = words;
    }
    *rate = 1e-9 * (double)(words * sizeof(uint64_t)) * threads / best_round(probes, threads);
    munmap(memory, bytes);
    free(probes);
    return true;
}

bool aq_cli_limit_peak(int threads, const char *level, double *rate)
{
    probe *probes = aq_cli_alloc(threads, sizeof *probes, "the threads that measure the limits");
    if (probes == NULL) {
        return false;
    }
    peak_probe peak = peak_of(level);
    for (int t = 0; t < threads; t++)
        probes[t].work = peak.work;
    *rate = 1e-9 * 2.0 * CHAINS * STEPS * peak.lanes * threads / best_round(probes, threads);
    free(probes);
    return true;
}
