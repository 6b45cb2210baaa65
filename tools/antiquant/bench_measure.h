/* SPDX-License-Identifier: Apache-2.0 */
/* bench_measure.h - times one case between probes of the machine's limits. Functions that return bool have
 * printed the reason when they return false. */
#ifndef AQ_CLI_BENCH_MEASURE_H
#define AQ_CLI_BENCH_MEASURE_H

#include "bench_case.h"
#include "bench_probe.h"

typedef struct aq_bench_spread {
    double median, p10, p90;
    int64_t runs;
} aq_bench_spread;

typedef enum aq_bench_limit { AQ_BENCH_READ, AQ_BENCH_BOTH, AQ_BENCH_PEAK } aq_bench_limit;

/* What it takes to work out how near to its limit a case ran. */
typedef struct aq_bench_times {
    aq_bench_limit limit;
    aq_bench_spread run;               /* seconds of phase 2 and synchronise */
    aq_bench_spread read, peak;        /* bytes, operations a second; runs = 0: not probed */
    aq_bench_spread share;             /* limit's time over the run's, from neighbours */
    aq_bench_spread call, empty, over; /* hot only: both phases and synchronise; an empty round trip; one less
                                          the other, from neighbours. runs = 0: none */
} aq_bench_times;

/* By the rows: bytes, both, operations. */
aq_bench_limit aq_bench_limit_of(int64_t m);

/* Sorts values. */
aq_bench_spread aq_bench_spread_of(double *values, int64_t count);

/* At least three runs, for about `seconds`, probes included. */
bool aq_bench_measure(aq_cli_device *device, aq_bench_probe *probe, aq_bench_case *made, const char *mode,
                      double seconds, aq_bench_times *times);

#endif
