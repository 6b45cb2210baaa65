/* SPDX-License-Identifier: Apache-2.0 */
/* bench_probe.h - what the machine can do at most, on so many threads at once: read memory, multiply and add.
 * Measured, never assumed. Knows neither the operator nor the library's threads. */
#ifndef AQ_CLI_BENCH_PROBE_H
#define AQ_CLI_BENCH_PROBE_H

#include <stddef.h>
#include <stdint.h>

/* The loops for one level of instructions. */
typedef struct aq_bench_loops {
    const char *level;                             /* as aq_cpu_level_get names it */
    void (*read)(const void *data, size_t blocks); /* of 512 bytes; plain vector loads */
    void (*multiply)(int64_t rounds);              /* independent fused multiply-adds */
    double flops;                                  /* of one round, fp32 */
} aq_bench_loops;

/* Best first; the last runs on any CPU of the architecture. */
extern const aq_bench_loops aq_bench_loops_all[];
extern const size_t aq_bench_loops_count;

/* The best of them whose level this CPU has, whatever ANTIQUANT_CPU says. */
const aq_bench_loops *aq_bench_loops_best(void);

/* Threads that sleep between probes; the caller is one of them. */
typedef struct aq_bench_probe aq_bench_probe;

/* Null, with a message, when a thread cannot be made. */
aq_bench_probe *aq_bench_probe_start(int threads);
void aq_bench_probe_stop(aq_bench_probe *probe); /* null is fine */

/* Bytes a second of reading data[0, bytes), cut into one piece a thread, `passes` times. What is left of a
 * piece after whole blocks of 512 bytes is neither read nor counted. bytes >= 512 * threads. */
double aq_bench_probe_read(aq_bench_probe *probe, const void *data, size_t bytes, int passes);

/* Operations a second of fp32 multiply-adds, for about so many seconds. */
double aq_bench_probe_multiply(aq_bench_probe *probe, double seconds);

#endif
