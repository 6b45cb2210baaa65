/* SPDX-License-Identifier: Apache-2.0 */
/* bench_table.c - records for people, and the machine's description. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "antiquant.h"
#include "bench.h"
#include "cli.h"

/* PRETTY_NAME of os-release(5), else the name of the system. */
static void system_name(char *name, size_t size)
{
    struct utsname system;
    snprintf(name, size, "%s", uname(&system) == 0 ? system.sysname : "unknown");
    FILE *file = fopen("/etc/os-release", "r");
    char line[256], found[200];
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "PRETTY_NAME=\"%199[^\"]", found) == 1) {
            snprintf(name, size, "%s", found);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

static const char *compiler(void)
{
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#else
    return "unknown";
#endif
}

static json_t *levels(void)
{
    json_t *list = json_array();
    aq_cpu_level_info level;
    for (size_t i = 0; aq_cpu_level_get(i, &level) == 0; i++) {
        if (level.supported) {
            json_array_append_new(list, json_string(level.name));
        }
    }
    return list;
}

/* The first word of a file of a cache of the first CPU; false when there is none. */
static bool cache_word(int index, const char *name, char word[32])
{
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, name);
    FILE *file = fopen(path, "r");
    bool good = file != NULL && fscanf(file, "%31s", word) == 1;
    if (file != NULL) {
        fclose(file);
    }
    return good;
}

/* Bytes of the data caches L1, L2, L3; 0 where the system does not tell. (sysconf counts those of all cores
 * of the package together.) */
static json_t *caches(void)
{
    json_int_t bytes[4] = {0};
    char level[32], type[32], size[32];
    for (int i = 0;
         cache_word(i, "level", level) && cache_word(i, "type", type) && cache_word(i, "size", size); i++) {
        long at = strtol(level, NULL, 10);
        if (at >= 1 && at <= 3 && strcmp(type, "Instruction") != 0) {
            char *unit;
            bytes[at] = strtoll(size, &unit, 10) * (*unit == 'M' ? 1 << 20 : *unit == 'K' ? 1 << 10 : 1);
        }
    }
    return json_pack("[I, I, I]", bytes[1], bytes[2], bytes[3]);
}

json_t *aq_bench_machine(void)
{
    char name[256], date[32] = "";
    time_t now = time(NULL);
    struct tm utc;
    double load[1] = {0.0};
    system_name(name, sizeof name);
    if (gmtime_r(&now, &utc) != NULL) {
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
    (void)!getloadavg(load, 1);
    json_t *machine = json_pack("{s:s, s:I, s:o, s:o, s:s, s:s, s:s, s:s, s:f}", "cpu", aq_cpu_model(),
                                "cores", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "levels", levels(),
                                "caches", caches(), "os", name, "compiler", compiler(), "library_version",
                                aq_version(), "date", date, "load", load[0]);
    if (machine == NULL) {
        aq_cli_error("the machine cannot be described");
    }
    return machine;
}

static const char *text(const json_t *record, const char *name)
{
    const char *value = json_string_value(json_object_get(record, name));
    return value != NULL ? value : "-";
}

static double number(const json_t *record, const char *name)
{
    return json_number_value(json_object_get(record, name));
}

static long long integer(const json_t *record, const char *name)
{
    return (long long)json_integer_value(json_object_get(record, name));
}

void aq_bench_print(FILE *table, const json_t *record, bool first)
{
    if (first) {
        fprintf(table, "%3s %4s %5s x %-5s  %-4s %-14s %-10s %-4s %-5s %10s %7s %8s  %-21s  %-7s  %s\n",
                "thr", "rows", "k", "n", "x", "weight", "storage", "", "mode", "us", "GB/s", "GFLOP/s",
                "share (tenths) of", "error", "kernel");
    }
    const json_t *us = json_object_get(record, "us");
    char weight[48], share[64];
    snprintf(weight, sizeof weight, "%s %s%s", text(record, "weight"), text(record, "granularity"),
             json_is_true(json_object_get(record, "offset")) ? " +" : "");
    snprintf(share, sizeof share, "%.2f (%.2f-%.2f) %s", number(record, "share"), number(record, "share_p10"),
             number(record, "share_p90"),
             strcmp(text(record, "limit"), "min(peak, read)") == 0 ? "min" : text(record, "limit"));
    fprintf(table,
            "%3lld %4lld %5lld x %-5lld  %-4s %-14s %-10s %-4s %-5s %10.1f %7.2f %8.2f  %-21s  %7.1e  %s\n",
            integer(record, "threads"), integer(record, "m"), integer(record, "k"), integer(record, "n"),
            text(record, "x"), weight, text(record, "storage"),
            json_is_true(json_object_get(record, "cold")) ? "cold" : "hot", text(record, "mode"),
            number(us, "median"), number(record, "gb_s"), number(record, "gflop_s"), share,
            number(record, "error"), text(record, "kernel"));
    const json_t *call = json_object_get(record, "us_call");
    if (json_is_object(call)) {
        fprintf(table, "%32swhole call %.1f us, an empty round trip %.1f us, more by %.1f us\n", "",
                number(call, "median"), number(json_object_get(record, "us_empty"), "median"),
                number(json_object_get(record, "us_over"), "median"));
    }
    fflush(table);
}
