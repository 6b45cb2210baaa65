/* SPDX-License-Identifier: Apache-2.0 */
/* checker.c - the kernel checker: every kernel of the table that this machine can run, whatever ANTIQUANT_CPU
 * and ANTIQUANT_KERNEL say, against the specification as oracle.c words it. Options, counting, reporting. */
#include "kernels/checker.h"

#include <argp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/data.h"
#include "kernels/planes_oracle.h"
#include "kernels/registry.h"
#include "kernels/scaled.h"
#include "support/sanitizer.h"

ck_state ck;

typedef struct options {
    const char *kernel;
    bool list, bench;
} options;

void ck_begin_subject(const char *name)
{
    ck.subject = name;
    ck.number = ck.failed_here = ck.declined_here = 0;
    memset(ck.declined_because, 0, sizeof ck.declined_because);
}

static uint64_t hash(const char *text)
{
    uint64_t h = 0;
    for (; *text != '\0'; text++)
        h = ck_mix(h, (unsigned char)*text);
    return h;
}

bool ck_begin(const char *format, ...)
{
    uint64_t chance = ck_mix(hash(ck.subject), (uint64_t)++ck.number);
    if (chance % (uint64_t)ck.share != 0)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ck.text, sizeof ck.text, format, arguments);
    va_end(arguments);
    ck.case_failed = false;
    ck.layout = NULL;
    ck_random_start(ck_mix(ck.seed, chance));
    return true;
}

void ck_set_layout(const char *name)
{
    ck.layout = name;
}

/* Only the first fault of a case is shown. */
void ck_fail(const char *format, ...)
{
    if (ck.case_failed)
        return;
    ck.case_failed = true;
    if (++ck.failed_here > CK_SHOWN_FAILURES)
        return;
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    printf("FAIL %s: %s%s%s, seed %llu: %s\n", ck.subject, ck.text, ck.layout != NULL ? ", memory " : "",
           ck.layout != NULL ? ck.layout : "", (unsigned long long)ck.seed, what);
    fflush(stdout);
}

void ck_end(void)
{
    if (ck.case_failed)
        ck.failed++;
    else
        ck.passed++;
}

aq_kernel_query ck_query(aq_order order, int64_t m, int64_t n, int64_t k, aq_recipe recipe)
{
    aq_kernel_query query = {
        .m = m, .n = n, .k = k, .order = order, .recipe = recipe, .stride_k = n, .stride_n = 1};
    if (order == AQ_ORDER_T) {
        query.stride_k = 1;
        query.stride_n = k > 1 ? k : 2; /* with both strides 1 the order would be P */
    }
    return query;
}

bool ck_declines(const aq_kernel *kernel, const aq_kernel_query *query)
{
    const char *why = kernel->declines != NULL ? kernel->declines(query) : NULL;
    if (why == NULL)
        return false;
    ck.declined_here++;
    for (size_t i = 0; i < sizeof ck.declined_because / sizeof ck.declined_because[0]; i++) {
        if (ck.declined_because[i] == NULL)
            ck.declined_because[i] = why;
        if (strcmp(ck.declined_because[i], why) == 0)
            break;
    }
    return true;
}

static void report_subject(long passed_before)
{
    printf("%-40s %6ld passed %4ld failed", ck.subject, ck.passed - passed_before, ck.failed_here);
    if (ck.declined_here > 0)
        printf(", declined %ld:", ck.declined_here);
    for (size_t i = 0; i < sizeof ck.declined_because / sizeof ck.declined_because[0]; i++)
        if (ck.declined_because[i] != NULL)
            printf(" (%s)", ck.declined_because[i]);
    printf("\n");
    if (ck.failed_here > CK_SHOWN_FAILURES)
        printf("%-40s the first %d failures are shown\n", "", CK_SHOWN_FAILURES);
    fflush(stdout);
}

static void check_kernel(const aq_kernel *kernel)
{
    long passed = ck.passed;
    ck_begin_subject(kernel->name);
    if (kernel->role == AQ_ROLE_STREAM) {
        if (kernel->stream != NULL)
            ck_check_stream(kernel);
        if (kernel->stream_scaled != NULL)
            ck_check_scaled_stream(kernel);
    } else if (kernel->role == AQ_ROLE_PLANES) {
        ck_check_planes(kernel);
    } else {
        ck_check_rows(kernel);
        ck_check_panel(kernel);
        ck_check_scaled_panels(kernel);
        ck_check_all_weights(kernel);
        ck_check_tile(kernel);
        ck_check_product(kernel);
    }
    if (ck.number == 0) { /* in the table and never used */
        snprintf(ck.text, sizeof ck.text, "no problem");
        ck.case_failed = false;
        ck_fail("declines every problem");
        ck_end();
    }
    report_subject(passed);
}

static void check_generic_packer(void)
{
    long passed = ck.passed;
    ck_begin_subject("the generic packer");
    ck_check_all_weights(NULL);
    ck_check_generic();
    report_subject(passed);
}

/* The levels may share their functions; then the same ones are checked again. */
static void check_ends(void)
{
    for (int level = 0; level < AQ_CPU_LEVELS; level++) {
        char name[64];
        snprintf(name, sizeof name, "the ends, %s", aq_cpu_level_name((aq_cpu_level)level));
        if (!aq_cpu_level_supported((aq_cpu_level)level)) {
            ck.skipped++;
            printf("%-40s skipped: not on this CPU\n", name);
            continue;
        }
        long passed = ck.passed;
        ck_begin_subject(name);
        ck_check_ends((aq_cpu_level)level);
        report_subject(passed);
    }
}

static const struct argp_option option_list[] = {
    {"kernel", 'k', "NAME", 0, "check only this kernel", 0},
    {"seed", 's', "NUMBER", 0, "of the random data; default: from the clock", 0},
    {"list", 'l', NULL, 0, "print the table of kernels and end", 0},
    {"bench", 'b', NULL, 0, "measure instead of checking", 0},
    {"quick", 'q', NULL, 0,
     "a sixth of the cases; always so in a sanitizer build, of the thread sanitizer a thirty-sixth", 0},
    {0},
};

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    options *o = state->input;
    char *end = NULL;
    switch (key) {
    case 'k':
        o->kernel = argument;
        return 0;
    case 's':
        ck.seed = strtoull(argument, &end, 0);
        if (*argument == '\0' || *end != '\0')
            argp_error(state, "--seed=%s is not a number", argument);
        return 0;
    case 'l':
        o->list = true;
        return 0;
    case 'b':
        o->bench = true;
        return 0;
    case 'q':
        ck.share = ck.share > CK_QUICK_SHARE ? ck.share : CK_QUICK_SHARE;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Kernels that this machine cannot run are skipped, and named. */
static void visit(const aq_kernel *kernel, const options *o)
{
    if (o->kernel != NULL && strcmp(o->kernel, kernel->name) != 0)
        return;
    bool runs = aq_cpu_level_supported(kernel->level);
    if (o->list) {
        printf("%-40s %-7s %2d x %2d  %s%s\n", kernel->name, aq_role_name(kernel->role), kernel->mr,
               kernel->nr, aq_cpu_level_name(kernel->level), runs ? "" : " (not on this CPU)");
    } else if (!runs) {
        ck.skipped++;
        printf("%-40s skipped: needs %s (%s)\n", kernel->name, aq_cpu_level_name(kernel->level),
               aq_cpu_level_instructions(kernel->level));
    } else if (o->bench) {
        ck_bench(kernel);
    } else {
        check_kernel(kernel);
    }
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        option_list, take_option, NULL, "Checks every kernel of the table that this CPU can run.",
        NULL,        NULL,        NULL};
    options o = {0};
    ck.seed = (uint64_t)time(NULL);
    ck.share = UNDER_THREAD_SANITIZER ? CK_THREADS_SHARE : UNDER_SANITIZER ? CK_QUICK_SHARE : 1;
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    ck_guard_start();
    size_t known = 0;
    for (size_t i = 0; i < aq_kernel_table_size() && o.kernel != NULL; i++)
        known += strcmp(o.kernel, aq_kernel_at(i)->name) == 0;
    if (o.kernel != NULL && known == 0) {
        fprintf(stderr, "kernel_checker: no kernel is called %s; --list names them\n", o.kernel);
        return 2;
    }
    if (!o.list && !o.bench) {
        printf("seed %llu", (unsigned long long)ck.seed);
        if (ck.share > 1)
            printf(", one case in %d", ck.share);
        puts("");
        if (!ck_catches_crashes())
            printf("a sanitizer build: crashes are not caught, the sanitizer reports them\n");
        if (o.kernel == NULL) {
            check_generic_packer();
            check_ends();
        }
    }
    for (size_t i = 0; i < aq_kernel_table_size(); i++)
        visit(aq_kernel_at(i), &o);
    if (!o.list && !o.bench)
        printf("%ld passed, %ld failed, %ld skipped\n", ck.passed, ck.failed, ck.skipped);
    return ck.failed == 0 ? 0 : 1;
}
