/* SPDX-License-Identifier: Apache-2.0 */
/* bench_probe.h - what the machine can do at most, on so many threads at once: read memory, multiply and add.
 * Measured, never assumed. Knows neither the operator nor the library's threads. `antiquant explain` asks
 * too. */
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

/* Threads that sleep between probes; the caller is one of them. */
typedef struct aq_bench_probe aq_bench_probe;

/* Finds out which loop reads cold memory fastest: not on every CPU that with the widest loads. Null, with a
 * message, when there is no memory or a thread cannot be made. */
aq_bench_probe *aq_bench_probe_start(int threads);
void aq_bench_probe_stop(aq_bench_probe *probe); /* null is fine */

/* Bytes a second of reading data[0, bytes), cut into one piece a thread, once from cold memory (passes = 0),
 * or `passes` times from the caches. What is left of a piece after whole blocks of 512 bytes is neither read
 * nor counted. bytes >= 512 * threads. */
double aq_bench_probe_read(aq_bench_probe *probe, const void *data, size_t bytes, int passes);

/* The same of cold memory, as it was found at the start, and the level of the loop. */
double aq_bench_probe_cold(const aq_bench_probe *probe, const char **level);

/* Operations a second of fp32 multiply-adds, for about so many seconds: within a level of aq_cpu_level_get,
 * or, for null and levels that are not known here, within the best that this CPU has. */
double aq_bench_probe_multiply(aq_bench_probe *probe, const char *level, double seconds);

#endif
