/* SPDX-License-Identifier: Apache-2.0 */
/* registry.c - kernels.inc as a table, and which of its kernels this process may use: the CPU level in use
 * and ANTIQUANT_KERNEL decide, then each kernel's own word on the query. Texts are made once, at the first
 * question, and stay. Refusing an invalid variable is up to the callers; here it narrows nothing. */
#include "kernels/registry.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/settings.h"

#define AQ_KERNEL(symbol) extern const aq_kernel symbol;
#include "kernels/kernels.inc"
#undef AQ_KERNEL

static const aq_kernel *const table[] = {
#define AQ_KERNEL(symbol) &symbol,
#include "kernels/kernels.inc"
#undef AQ_KERNEL
};

enum { TABLE_SIZE = sizeof table / sizeof table[0] };

static const aq_kernel *named; /* the kernel that ANTIQUANT_KERNEL names, null for none */
static char level_reason[AQ_CPU_LEVELS][128];
static char named_reason[192];
static char invalid[1792]; /* in an error text of 2048, after the caller's name */

static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *format, ...)
{
    size_t length = strnlen(text, size);
    if (length >= size)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + length, size - length, format, arguments);
    va_end(arguments);
}

static void explain_levels(void)
{
    aq_cpu_level in_use = aq_cpu_level_in_use();
    for (int l = 0; l < AQ_CPU_LEVELS; l++) {
        aq_cpu_level level = (aq_cpu_level)l;
        /* a level that is not for use is not asked for: the system might grant it */
        const bool held_back = level > in_use && *aq_cpu_invalid() == '\0' && aq_settings_get()->cpu != NULL;
        const bool usable = held_back ? aq_cpu_level_possible(level) : aq_cpu_level_supported(level);
        if (usable && level <= in_use)
            continue;
        if (usable)
            snprintf(level_reason[l], sizeof level_reason[l], "needs %s, ANTIQUANT_CPU is %s",
                     aq_cpu_level_name(level), aq_cpu_level_name(in_use));
        else
            snprintf(level_reason[l], sizeof level_reason[l], "needs %s (%s), which this %s",
                     aq_cpu_level_name(level), aq_cpu_level_instructions(level),
                     aq_cpu_level_possible(level) ? "system does not grant" : "CPU does not have");
    }
}

/* "" when the kernel's level is in use. */
static const char *level_text(const aq_kernel *kernel)
{
    return level_reason[kernel->level];
}

/* The setting is shown without control characters, quotes and non-ASCII bytes. */
static void explain_invalid(const char *setting)
{
    char shown[64];
    size_t length = 0;
    for (; setting[length] && length < sizeof shown - 1; length++) {
        char c = setting[length];
        shown[length] = c >= ' ' && c <= '~' && c != '"' ? c : '?';
    }
    shown[length] = '\0';
    append(invalid, sizeof invalid, "ANTIQUANT_KERNEL=\"%s%s\" is not valid; valid values:", shown,
           setting[length] ? "..." : "");
    for (size_t i = 0, count = 0; i < TABLE_SIZE; i++)
        if (*level_text(table[i]) == '\0')
            append(invalid, sizeof invalid, "%s %s", count++ == 0 ? "" : ",", table[i]->name);
    for (int l = 0; l < AQ_CPU_LEVELS; l++) {
        if (*level_reason[l] == '\0')
            continue;
        append(invalid, sizeof invalid, "; not here, each %s:", level_reason[l]);
        for (size_t i = 0, count = 0; i < TABLE_SIZE; i++)
            if ((int)table[i]->level == l)
                append(invalid, sizeof invalid, "%s %s", count++ == 0 ? "" : ",", table[i]->name);
    }
}

static void obey_setting(void)
{
    explain_levels();
    const char *setting = aq_settings_get()->kernel;
    if (setting == NULL)
        return;
    for (size_t i = 0; i < TABLE_SIZE; i++)
        if (strcmp(setting, table[i]->name) == 0 && *level_text(table[i]) == '\0')
            named = table[i];
    if (named != NULL)
        snprintf(named_reason, sizeof named_reason, "ANTIQUANT_KERNEL is %s", named->name);
    else
        explain_invalid(setting);
}

static void obey_setting_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, obey_setting);
}

const char *aq_role_name(aq_role role)
{
    static const char *const names[] = {
        [AQ_ROLE_STREAM] = "stream", [AQ_ROLE_GEMM] = "gemm", [AQ_ROLE_PLANES] = "planes"};
    return names[role];
}

size_t aq_kernel_table_size(void)
{
    return TABLE_SIZE;
}

const aq_kernel *aq_kernel_at(size_t index)
{
    return table[index];
}

/* The references stay beside whichever kernel is named: some kernel must take a query that the named one
 * declines, and the arithmetic of a mode must not hang on a name. */
const char *aq_kernel_unusable(const aq_kernel *kernel)
{
    obey_setting_once();
    const char *why = level_text(kernel);
    if (*why)
        return why;
    if (named != NULL && kernel != named && kernel->level != AQ_CPU_SCALAR)
        return named_reason;
    return NULL;
}

static const char *why_not(const aq_kernel *kernel, const aq_kernel_query *query)
{
    const char *why = aq_kernel_unusable(kernel);
    if (why == NULL && kernel->declines != NULL)
        why = kernel->declines(query);
    return why;
}

const aq_kernel *aq_kernel_choose(aq_role role, const aq_kernel_query *query)
{
    for (size_t i = 0; i < TABLE_SIZE; i++)
        if (table[i]->role == role && why_not(table[i], query) == NULL)
            return table[i];
    return NULL;
}

void aq_kernel_why_not(aq_role role, const aq_kernel_query *query, const aq_kernel *chosen,
                       const char *not_asked, char *text, size_t size)
{
    for (size_t i = 0; i < TABLE_SIZE && table[i] != chosen; i++) {
        if (table[i]->role != role)
            continue;
        const char *why = why_not(table[i], query);
        why = why != NULL ? why : not_asked;
        size_t wanted = strlen(table[i]->name) + strlen(why) + sizeof ": \n" - 1;
        if (wanted >= size || strnlen(text, size) >= size - wanted)
            return;
        append(text, size, "%s: %s\n", table[i]->name, why);
    }
}

const char *aq_kernel_setting_invalid(void)
{
    obey_setting_once();
    return invalid;
}
