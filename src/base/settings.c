/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c - reads the environment variables of runtime page 4.8 once and decides what each value means. An
 * empty value counts as unset; an invalid one leaves the default and a text. Names of CPU levels and kernels
 * are not judged here. */
#include "base/settings.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS     1024
#define MAX_DEVICES     64
#define MAX_STREAM_ROWS 1000000
#define NAME_BYTES      128
#define PATH_BYTES      4096

static aq_settings settings = {
    .threads = 0, .stream_rows = -1, .numerics = AQ_NUMERICS_NPU, .chip = AQ_CHIP_A2, .devices = 1};
static char cpu_name[NAME_BYTES];
static char kernel_name[NAME_BYTES];
static char trace_path[PATH_BYTES];

/* Null when unset or empty. */
static const char *value_of(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

char *aq_settings_shown(const char *value, char text[AQ_SHOWN_VALUE + 4])
{
    size_t length = 0;
    for (; value[length] && length < AQ_SHOWN_VALUE; length++) {
        char c = value[length];
        text[length] = c >= ' ' && c <= '~' && c != '"' ? c : '?';
    }
    strcpy(text + length, value[length] ? "..." : "");
    return text;
}

/* Keeps the first complaint only. */
static void complain(const char *variable, const char *value, const char *valid)
{
    char shown[AQ_SHOWN_VALUE + 4];
    if (settings.invalid[0] == '\0')
        snprintf(settings.invalid, sizeof settings.invalid, "%s=\"%s\" is not valid; valid values: %s",
                 variable, aq_settings_shown(value, shown), valid);
}

/* A decimal number in [min, max], digits only; no change and a complaint when it is not. */
static void read_number(const char *variable, int min, int max, int *number)
{
    const char *value = value_of(variable);
    if (!value)
        return;
    int parsed = 0;
    const char *c = value;
    for (; *c >= '0' && *c <= '9' && parsed <= max; c++)
        parsed = parsed * 10 + (*c - '0');
    if (*c == '\0' && parsed >= min && parsed <= max) {
        *number = parsed;
        return;
    }
    char valid[64];
    if (max - min <= 2) {
        size_t length = 0;
        for (int i = min; i <= max; i++)
            length += (size_t)snprintf(valid + length, sizeof valid - length, i > min ? ", %d" : "%d", i);
    } else {
        snprintf(valid, sizeof valid, "a whole number from %d to %d", min, max);
    }
    complain(variable, value, valid);
}

/* A name longer than the copy is cut off, and then no name of anything. */
static const char *read_name(const char *variable, char copy[NAME_BYTES])
{
    const char *value = value_of(variable);
    if (!value)
        return NULL;
    size_t length = strnlen(value, NAME_BYTES - 1);
    memcpy(copy, value, length);
    copy[length] = '\0';
    return copy;
}

bool aq_numerics_of(const char *name, aq_numerics_mode *mode)
{
    for (int m = AQ_NUMERICS_NPU; m <= AQ_NUMERICS_FAST; m++)
        if (strcmp(name, aq_numerics_name((aq_numerics_mode)m)) == 0) {
            *mode = (aq_numerics_mode)m;
            return true;
        }
    return false;
}

const char *aq_numerics_name(aq_numerics_mode mode)
{
    static const char *const names[] = {
        [AQ_NUMERICS_NPU] = "npu", [AQ_NUMERICS_EXACT] = "exact", [AQ_NUMERICS_FAST] = "fast"};
    return names[mode];
}

static void read_numerics(void)
{
    const char *value = value_of("ANTIQUANT_NUMERICS");
    if (value && !aq_numerics_of(value, &settings.numerics))
        complain("ANTIQUANT_NUMERICS", value, AQ_NUMERICS_NAMES);
}

static void read_profile(void)
{
    const char *value = value_of("ANTIQUANT_PROFILE");
    if (value && !aq_chip_of(value, &settings.chip))
        complain("ANTIQUANT_PROFILE", value, aq_chip_names);
}

static void read_status(void)
{
    const char *value = value_of("ANTIQUANT_STATUS");
    if (!value || strcmp(value, "documented") == 0)
        return;
    if (strcmp(value, "device") == 0)
        settings.device_status = true;
    else
        complain("ANTIQUANT_STATUS", value, "documented, device");
}

static void read_trace(void)
{
    const char *value = value_of("ANTIQUANT_TRACE");
    if (!value)
        return;
    if (strlen(value) >= sizeof trace_path) {
        complain("ANTIQUANT_TRACE", value, "the path of a file, at most 4095 bytes long");
        return;
    }
    strcpy(trace_path, value);
    settings.trace = trace_path;
}

static void read_all(void)
{
    settings.cpu = read_name("ANTIQUANT_CPU", cpu_name);
    if (settings.cpu && strcmp(settings.cpu, "best") == 0)
        settings.cpu = NULL;
    settings.kernel = read_name("ANTIQUANT_KERNEL", kernel_name);

    read_number("ANTIQUANT_THREADS", 1, MAX_THREADS, &settings.threads);
    read_number("ANTIQUANT_STREAM_ROWS", 0, MAX_STREAM_ROWS, &settings.stream_rows);
    read_numerics();
    read_profile();
    read_status();
    int devices = 1, synchronous = 0, guard = 0;
    read_number("ANTIQUANT_DEVICES", 1, MAX_DEVICES, &devices);
    read_number("ANTIQUANT_SYNC", 0, 1, &synchronous);
    read_number("ANTIQUANT_GUARD", 0, 1, &guard);
    read_number("ANTIQUANT_VERBOSE", 0, 2, &settings.verbose);
    read_trace();
    settings.devices = (uint32_t)devices;
    settings.synchronous = synchronous != 0;
    settings.guard = guard != 0;
}

const aq_settings *aq_settings_get(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_all);
    return &settings;
}
