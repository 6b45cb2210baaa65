/* SPDX-License-Identifier: Apache-2.0 */
/* checker.h - what the files of the kernel checker share: the case under way and how it ends. One case is one
 * problem (shape, recipe, data) given to one kernel in every memory layout of guard.h. Its data depend on the
 * seed, the kernel's name and the case's number alone, so that --seed and --kernel bring a failure back. */
#ifndef AQ_TESTS_KERNELS_CHECKER_H
#define AQ_TESTS_KERNELS_CHECKER_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/kernel.h"

typedef struct ck_state {
    uint64_t seed;
    int share; /* one case in so many */
    long passed, failed, skipped;
    /* the subject under way */
    const char *subject; /* a kernel's name, or "the generic packer" */
    long number;         /* of its cases so far */
    long failed_here;
    long declined_here;
    const char *declined_because[4]; /* different reasons, null-terminated unless full */
    bool case_failed;
    char text[256];     /* the case, in words */
    const char *layout; /* where it is in memory just now, or null */
} ck_state;

extern ck_state ck;

enum {
    CK_QUICK_SHARE = 6,
    CK_THREADS_SHARE =
        36, /* with the thread sanitizer: kernels know no threads, and it takes most of an hour */
    CK_SHOWN_FAILURES = 12 /* of a subject; the rest is only counted */
};

void ck_begin_subject(const char *name);

/* false: this case is left out. Else its random numbers begin afresh. */
bool ck_begin(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ck_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ck_set_layout(const char *name); /* part of what ck_fail reports */
void ck_end(void);

/* The query for a densely stored weight. */
aq_kernel_query ck_query(aq_order order, int64_t m, int64_t n, int64_t k, aq_recipe recipe);

/* Whether the kernel declines the problem, which then is no case; the first reasons are kept for the report.
 */
bool ck_declines(const aq_kernel *kernel, const aq_kernel_query *query);

/* The families of cases. */
void ck_check_stream(const aq_kernel *kernel);
void ck_check_rows(const aq_kernel *kernel);
void ck_check_panel(const aq_kernel *kernel);
void ck_check_tile(const aq_kernel *kernel);
void ck_check_product(const aq_kernel *kernel);
void ck_check_all_weights(const aq_kernel *kernel); /* null: the generic packer */
void ck_check_generic(void);
void ck_check_ends(aq_cpu_level level);

void ck_bench(const aq_kernel *kernel);

/* Seconds of one call: best of several runs; and the line that reports them. */
double ck_time_call(void (*call)(void *), void *argument);
void ck_print_time(const char *name, const char *shape, double seconds, double bytes, double flops);

#endif
