/* SPDX-License-Identifier: Apache-2.0 */
/* probe.h - what this machine can do at most, measured now: bytes from memory and fp32 multiply-adds. A
 * quick look (a third of a second), for `antiquant explain`; bench/ measures with care. */
#ifndef AQ_CLI_PROBE_H
#define AQ_CLI_PROBE_H

#include <stdbool.h>

/* GB/s at which `threads` threads read memory that no cache holds. False: out of memory or threads, told. */
bool aq_cli_limit_read(int threads, double *rate);

/* GFLOP/s of multiply-adds of `threads` threads within a CPU level of aq_cpu_level_get ("avx2"), or, for
 * null, the best that this CPU supports. Levels that are not known here count as the best. */
bool aq_cli_limit_peak(int threads, const char *level, double *rate);

#endif
