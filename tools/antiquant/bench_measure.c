/* SPDX-License-Identifier: Apache-2.0 */
/* bench_measure.c - probe, run, probe, run, ..., probe: a run is held against the two probes next to it, so
 * that whatever else the machine does slows both. */
#include "bench_measure.h"

#include <stdlib.h>

#include "cli.h"

enum {
    FEWEST_RUNS = 3,
    MOST_RUNS = 2000,
    LAST_READ = 2,  /* rows; more reuse the weight enough for arithmetic to count */
    FIRST_PEAK = 16 /* rows; from here on reading is at most a third of the time on any core we know */
};

/* Seconds of a probe: long enough for the clock, short enough to be a neighbour. */
static const double least_probe = 2e-4, most_probe = 1e-2;

aq_bench_limit aq_bench_limit_of(int64_t m)
{
    return m <= LAST_READ ? AQ_BENCH_READ : m < FIRST_PEAK ? AQ_BENCH_BOTH : AQ_BENCH_PEAK;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

aq_bench_spread aq_bench_spread_of(double *values, int64_t count)
{
    if (count == 0) {
        return (aq_bench_spread){0};
    }
    qsort(values, (size_t)count, sizeof *values, compare);
    double middle = count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
    return (aq_bench_spread){middle, values[(count - 1) / 10], values[count - 1 - (count - 1) / 10], count};
}

/* One measurement under way. */
typedef struct aq_bench_run {
    aq_cli_device *device;
    aq_bench_probe *probe;
    aq_bench_case *made;
    const char *mode;
    double seconds; /* of the last run */
} aq_bench_run;

/* The copy that is furthest from those of the last and the next runs. Hot: the copy, until a probe is long
 * enough. */
static double probe_read(aq_bench_run *run, double rate)
{
    aq_bench_case *made = run->made;
    int64_t other = (made->next + made->copies / 2) % made->copies;
    double passes = made->shape.cold ? 0.0 : 1.0 + least_probe * rate / (double)made->copy_bytes;
    return aq_bench_probe_read(run->probe, made->copy[other].data, made->copy_bytes,
                               passes < 1e6 ? (int)passes : 1000000);
}

static double probe_peak(aq_bench_run *run)
{
    double seconds = run->seconds;
    seconds = seconds < least_probe ? least_probe : seconds > most_probe ? most_probe : seconds;
    return aq_bench_probe_multiply(run->probe, NULL, seconds);
}

/* *whole: with phase 1. Between the phases, where the mode is chosen, no time counts: a program would set it
 * for all by ANTIQUANT_NUMERICS. */
static bool run_once(aq_bench_run *run, double *whole)
{
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    double begin = aq_cli_seconds();
    bool good = aq_bench_phase1(run->made, &size, &executor);
    *whole = aq_cli_seconds() - begin;
    if (!good || !aq_bench_choose(run->device, run->mode, &size, executor)) {
        return false;
    }
    double start = aq_cli_seconds();
    good = aq_bench_phase2(run->device, size, executor);
    run->seconds = aq_cli_seconds() - start;
    *whole += run->seconds;
    return good;
}

/* A task that is as good as none, through the stream and back. */
static bool empty_round_trip(aq_bench_run *run, double *seconds)
{
    enum { BYTES = 64 };
    double start = aq_cli_seconds();
    bool good = aq_cli_acl(aclrtMemsetAsync(run->made->y, BYTES, 0, BYTES, run->device->stream),
                           "aclrtMemsetAsync") &&
                aq_cli_acl(aclrtSynchronizeStream(run->device->stream), "aclrtSynchronizeStream");
    *seconds = aq_cli_seconds() - start;
    return good;
}

typedef struct aq_bench_arrays {
    double run[MOST_RUNS], share[MOST_RUNS], read[MOST_RUNS + 1], peak[MOST_RUNS + 1];
} aq_bench_arrays;

static void probe_limits(aq_bench_run *run, aq_bench_limit limit, aq_bench_arrays *arrays, int64_t at)
{
    if (limit != AQ_BENCH_PEAK) {
        arrays->read[at] = probe_read(run, at > 0 ? arrays->read[at - 1] : 0.0);
    }
    if (limit != AQ_BENCH_READ) {
        arrays->peak[at] = probe_peak(run);
    }
}

static void work_out(const aq_bench_case *made, aq_bench_arrays *arrays, int64_t runs, aq_bench_times *times)
{
    for (int64_t i = 0; i < runs; i++) {
        double reading = 0.0, computing = 0.0;
        if (times->limit != AQ_BENCH_PEAK) {
            reading = made->bytes / ((arrays->read[i] + arrays->read[i + 1]) / 2);
        }
        if (times->limit != AQ_BENCH_READ) {
            computing = made->flops / ((arrays->peak[i] + arrays->peak[i + 1]) / 2);
        }
        arrays->share[i] = (reading > computing ? reading : computing) / arrays->run[i];
    }
    times->run = aq_bench_spread_of(arrays->run, runs);
    times->share = aq_bench_spread_of(arrays->share, runs);
    times->read = aq_bench_spread_of(arrays->read, times->limit != AQ_BENCH_PEAK ? runs + 1 : 0);
    times->peak = aq_bench_spread_of(arrays->peak, times->limit != AQ_BENCH_READ ? runs + 1 : 0);
}

static bool measure_runs(aq_bench_run *run, double budget, aq_bench_arrays *arrays, aq_bench_times *times)
{
    double start = aq_cli_seconds(), whole;
    int64_t runs = 0;
    probe_limits(run, times->limit, arrays, 0); /* so that the first of the loop knows how long to take */
    for (; runs < MOST_RUNS && (runs < FEWEST_RUNS || aq_cli_seconds() - start < budget); runs++) {
        probe_limits(run, times->limit, arrays, runs);
        if (!run_once(run, &whole)) {
            return false;
        }
        arrays->run[runs] = run->seconds;
    }
    probe_limits(run, times->limit, arrays, runs);
    work_out(run->made, arrays, runs, times);
    return true;
}

/* What a caller waits for, beside an empty round trip. */
static bool measure_calls(aq_bench_run *run, double budget, aq_bench_arrays *arrays, aq_bench_times *times)
{
    double start = aq_cli_seconds(), *empty = arrays->read, *call = arrays->run, *over = arrays->share;
    int64_t calls = 0;
    bool good = empty_round_trip(run, &empty[0]);
    for (; good && calls < MOST_RUNS && (calls < FEWEST_RUNS || aq_cli_seconds() - start < budget); calls++) {
        good = run_once(run, &call[calls]) && empty_round_trip(run, &empty[calls + 1]);
        over[calls] = call[calls] - (empty[calls] + empty[calls + 1]) / 2;
    }
    times->call = aq_bench_spread_of(call, good ? calls : 0);
    times->empty = aq_bench_spread_of(empty, good ? calls + 1 : 0);
    times->over = aq_bench_spread_of(over, good ? calls : 0);
    return good;
}

bool aq_bench_measure(aq_cli_device *device, aq_bench_probe *probe, aq_bench_case *made, const char *mode,
                      double seconds, aq_bench_times *times)
{
    aq_bench_arrays *arrays = aq_cli_alloc(1, sizeof *arrays, "times");
    aq_bench_run run = {device, probe, made, mode, 0.0};
    double whole;
    *times = (aq_bench_times){.limit = aq_bench_limit_of(made->shape.m)};
    bool hot = !made->shape.cold;
    bool good = arrays != NULL && run_once(&run, &whole) && /* warms up */
                measure_runs(&run, hot ? 0.75 * seconds : seconds, arrays, times) &&
                (!hot || measure_calls(&run, 0.25 * seconds, arrays, times));
    free(arrays);
    return good;
}
