/* SPDX-License-Identifier: Apache-2.0 */
/* verbose.c - the lines of ANTIQUANT_VERBOSE. All lines of a run are one write, so those of several streams
 * do not mix. */
#include "runtime/verbose.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/settings.h"

enum { LINES_SIZE = 4096, WHY_SIZE = 2048 };

/* Appends; what does not fit is cut off. */
__attribute__((format(printf, 3, 4))) static void add(char *text, size_t *length, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(text + *length, LINES_SIZE - *length, format, arguments);
    va_end(arguments);
    if (wanted > 0)
        *length += (size_t)wanted;
    if (*length >= LINES_SIZE)
        *length = LINES_SIZE - 1;
}

static void add_why_not(const aq_op *op, const void *plan, char *text, size_t *length)
{
    char why[WHY_SIZE] = "", *rest = why;
    op->why_not(plan, why, sizeof why);
    for (const char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        if (*line)
            add(text, length, "antiquant:   not %s\n", line);
}

void aq_verbose_tell(const aq_op *op, const void *plan, int64_t ns, int status)
{
    aq_description description;
    char text[LINES_SIZE], words[1024];
    size_t length = 0;
    memset(&description, 0, sizeof description);
    if (op->describe)
        op->describe(plan, &description);
    aq_description_text(&description, ns, words, sizeof words);
    add(text, &length, "antiquant: %s%s%s", op->name, words[0] ? " " : "", words);
    if (status)
        add(text, &length, " status=%d", status);
    add(text, &length, "\n");
    if (aq_settings_get()->verbose > 1 && op->why_not)
        add_why_not(op, plan, text, &length);
    fwrite(text, 1, length, stderr);
    fflush(stderr); /* the program may have given it a buffer */
}
