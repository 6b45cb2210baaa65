/* SPDX-License-Identifier: Apache-2.0 */
/* bench.h - what the files of `antiquant bench` that drive it share: the job, a child's part, the table. */
#ifndef AQ_CLI_BENCH_H
#define AQ_CLI_BENCH_H

#include <jansson.h>
#include <stdio.h>

#include "bench_shapes.h"

enum { AQ_BENCH_LISTED = 16, AQ_BENCH_SCHEMA = 1 };

typedef struct aq_bench_job {
    aq_bench_shapes shapes;
    const char *modes[AQ_BENCH_LISTED];
    int mode_count;
    double seconds;
} aq_bench_job;

/* Measures all shapes on so many threads; sends lines {"machine":...}, {"record":...}, {"limit":...} to out.
 * To be called before anything else is asked of the library in this process: it sets variables that are read
 * once. Returns an exit code of cli.h. */
int aq_bench_child(const aq_bench_job *job, int threads, FILE *out);

/* The machine's description, as bench/README.md has it. A new reference, or null with a message. */
json_t *aq_bench_machine(void);

/* A line of the table; with its head when first. */
void aq_bench_print(FILE *table, const json_t *record, bool first);

#endif
