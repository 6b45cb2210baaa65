/* SPDX-License-Identifier: Apache-2.0 */
/* runtime.c - what the runtime costs: queueing a task, a round trip through a stream, events, a long queue's
 * memory, tensors, the phases of a tiny multiplication. Prints a table; docs/PERFORMANCE.md records one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "acl/acl.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul.h"
#include "runtime/stream.h"
#include "support/layers.h"
#include "support/tasks.h"

enum { SAMPLES = 2000, LONG_QUEUE = 100000 };

static double samples[SAMPLES];
static aclrtStream stream;
static aclrtEvent event;
static layer layers[LAYERS];
static int failures;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void must(int status)
{
    failures += status != 0;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* One row from the samples: they are sorted. */
static void print(const char *what, const char *target)
{
    qsort(samples, SAMPLES, sizeof *samples, compare);
    printf("| %-50s | %8.2f | %8.2f | %8.2f | %-8s |\n", what, samples[SAMPLES / 2], samples[SAMPLES / 10],
           samples[SAMPLES * 9 / 10], target);
}

/* ---- Tasks that do nothing, allocated beforehand ---- */

static int do_nothing(aq_task *task)
{
    (void)task;
    return 0;
}

static void leave(aq_task *task)
{
    (void)task;
}

static aq_task *make_tasks(size_t count)
{
    aq_task *tasks = calloc(count, sizeof *tasks);
    if (!tasks)
        exit(1);
    for (size_t i = 0; i < count; i++)
        tasks[i] = (aq_task){.name = "nothing", .run = do_nothing, .finish = leave, .by_anyone = true};
    return tasks;
}

/* ---- Rows ---- */

static void enqueue_to_busy_worker(void)
{
    test_door door = TEST_DOOR_INITIALIZER;
    aq_task *tasks = make_tasks(SAMPLES);
    must(test_queue_door(stream, &door));
    test_door_await(&door, 1);
    for (int i = 0; i < SAMPLES; i++) {
        double start = now();
        must(aq_stream_submit("bench", stream, &tasks[i]));
        samples[i] = now() - start;
    }
    test_door_open(&door);
    must(aclrtSynchronizeStream(stream));
    free(tasks);
    print("queue an empty task, worker busy", "< 1");
}

/* The worker sleeps again a little after it was waited for. */
static void enqueue_to_sleeping_worker(void)
{
    aq_task *tasks = make_tasks(SAMPLES);
    for (int i = 0; i < SAMPLES; i++) {
        usleep(100);
        double start = now();
        must(aq_stream_submit("bench", stream, &tasks[i]));
        samples[i] = now() - start;
        must(aclrtSynchronizeStream(stream));
    }
    free(tasks);
    print("queue an empty task, worker asleep", "");
}

/* The stream of tasks that a program makes: the worker is asleep at the first, then keeps up or does not. */
static void enqueue_many(void)
{
    enum { BURST = 100 };
    aq_task *tasks = make_tasks(BURST);
    for (int i = 0; i < SAMPLES; i++) {
        double start = now();
        for (int j = 0; j < BURST; j++)
            must(aq_stream_submit("bench", stream, &tasks[j]));
        samples[i] = (now() - start) / BURST;
        must(aclrtSynchronizeStream(stream));
    }
    free(tasks);
    print("queue an empty task, one of 100 in a row", "< 1");
}

static void round_trip(void)
{
    aq_task *tasks = make_tasks(SAMPLES);
    for (int i = 0; i < SAMPLES; i++) {
        double start = now();
        must(aq_stream_submit("bench", stream, &tasks[i]));
        must(aclrtSynchronizeStream(stream));
        samples[i] = now() - start;
    }
    free(tasks);
    print("round trip of an empty task", "< 10");
}

static void record_and_wait(void)
{
    test_door door = TEST_DOOR_INITIALIZER;
    must(test_queue_door(stream, &door));
    test_door_await(&door, 1);
    for (int i = 0; i < SAMPLES; i++) {
        double start = now();
        must(aclrtRecordEvent(event, stream));
        samples[i] = now() - start;
    }
    print("aclrtRecordEvent, worker busy", "");
    for (int i = 0; i < SAMPLES; i++) {
        double start = now();
        must(aclrtStreamWaitEvent(NULL, event));
        samples[i] = now() - start;
    }
    print("aclrtStreamWaitEvent on another stream's event", "");
    test_door_open(&door);
    must(aclrtSynchronizeDevice());
    for (int i = 0; i < SAMPLES; i++) {
        double start = now();
        must(aclrtRecordEvent(event, stream));
        must(aclrtStreamWaitEvent(NULL, event));
        must(aclrtSynchronizeStream(NULL));
        samples[i] = now() - start;
    }
    print("record, wait in another stream, synchronise that", "");
}

static void tensors(void)
{
    const int64_t dims[2] = {4096, 4096};
    for (int i = 0; i < SAMPLES; i++) {
        double start = now();
        must(aclDestroyTensor(
            aclCreateTensor(dims, 2, ACL_INT8, NULL, 0, ACL_FORMAT_ND, dims, 2, layers[0].weight)));
        samples[i] = now() - start;
    }
    print("aclCreateTensor and aclDestroyTensor", "");
}

static void multiplications(void)
{
    static uint16_t out[LAYER_MOST_OUT];
    const layer *tiny = &layers[1]; /* 2 x 33 x 40: 2640 multiply-adds */
    aclTensor *all[LAYER_TENSORS];
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    layer_tensors(tiny, tiny->x, out, all);
    for (int i = 0; i < SAMPLES; i++) {
        double start = now();
        must(layer_phase1_of(tiny, all, &size, &executor));
        samples[i] = now() - start;
        must(aclDestroyAclOpExecutor(executor));
    }
    print("phase 1 of aclnnWeightQuantBatchMatmul", "");
    for (int i = 0; i < SAMPLES; i++) {
        must(layer_phase1_of(tiny, all, &size, &executor));
        double start = now();
        must(aclnnWeightQuantBatchMatmul(NULL, 0, executor, stream));
        samples[i] = now() - start;
        must(aclrtSynchronizeStream(stream));
    }
    print("phase 2 of it, 2 x 40 x 33, worker asleep", "");
    for (int i = 0; i < SAMPLES; i++) {
        double start = now();
        must(layer_phase1_of(tiny, all, &size, &executor));
        must(aclnnWeightQuantBatchMatmul(NULL, 0, executor, stream));
        must(aclrtSynchronizeStream(stream));
        samples[i] = now() - start;
    }
    print("both phases and synchronise", "");
    layer_destroy(all);
}

/* ---- A long queue ---- */

static long resident_kib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%*s %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void *block;

static void queue_fills(void)
{
    for (int i = 0; i < LONG_QUEUE; i++)
        must(aclrtMemsetAsync(block, 64, i, 64, stream));
}

static void queue_with(void *workspace)
{
    static uint16_t out[LAYER_MOST_OUT];
    const layer *tiny = &layers[1];
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    aclTensor *all[LAYER_TENSORS];
    layer_tensors(tiny, tiny->x, out, all);
    for (int i = 0; i < LONG_QUEUE; i++) {
        must(layer_phase1_of(tiny, all, &size, &executor));
        must(aclnnWeightQuantBatchMatmul(workspace, workspace ? size : 0, executor, stream));
    }
    layer_destroy(all);
}

static void queue_products(void)
{
    static char workspace[1 << 16];
    queue_with(workspace);
}

static void queue_products_alone(void)
{
    queue_with(NULL);
}

static void long_queue(const char *what, void (*queue)(void))
{
    test_door door = TEST_DOOR_INITIALIZER;
    must(test_queue_door(stream, &door));
    test_door_await(&door, 1);
    long before = resident_kib();
    double start = now();
    queue();
    double queued = now();
    long after = resident_kib();
    test_door_open(&door);
    must(aclrtSynchronizeStream(stream));
    printf("| %-50s | %8.2f | %8.2f | %8.1f | %8ld |\n", what, (queued - start) / LONG_QUEUE,
           (now() - queued) / LONG_QUEUE, (double)(after - before) / 1024.0,
           (after - before) * 1024 / LONG_QUEUE);
}

int main(void)
{
    if (layers_make(layers, 1, false) || aclrtSetDevice(0) || aclrtCreateStream(&stream) ||
        aclrtCreateEvent(&event) || aclrtMalloc(&block, 64, ACL_MEM_MALLOC_HUGE_FIRST)) {
        printf("the runtime does not start\n");
        return 1;
    }
    printf("| %-50s | %8s | %8s | %8s | %-8s |\n", "us", "median", "10 %", "90 %", "target");
    printf("|---|---|---|---|---|\n");
    enqueue_to_busy_worker();
    enqueue_to_sleeping_worker();
    enqueue_many();
    round_trip();
    record_and_wait();
    tensors();
    multiplications();
    printf("\n| %-50s | %8s | %8s | %8s | %8s |\n", "100000 tasks in one stream, us each", "queue", "run",
           "MiB more", "bytes each");
    printf("|---|---|---|---|---|\n");
    long_queue("aclrtMemsetAsync of 64 bytes", queue_fills);
    long_queue("aclnnWeightQuantBatchMatmul, both phases", queue_products);
    long_queue("the same, the library brings the workspace", queue_products_alone);
    must(aclrtDestroyEvent(event) || aclrtDestroyStream(stream) || aclrtFree(block) || aclrtResetDevice(0));
    layers_free(layers);
    if (failures > 0)
        printf("%d calls failed\n", failures);
    return failures > 0;
}
