/* SPDX-License-Identifier: Apache-2.0 */
/* verbose.c - the lines of ANTIQUANT_VERBOSE. All lines of a run are one write, so those of several streams
 * do not mix. */
#include "runtime/verbose.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/settings.h"

enum { LINES_SIZE = AQ_DETAILS_SIZE + 2048 }; /* each line gets "antiquant:   " in front */

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

static void add_details(const aq_op *op, const void *plan, char *text, size_t *length)
{
    char details[AQ_DETAILS_SIZE] = "", *rest = details;
    op->details(plan, details, sizeof details);
    for (const char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        if (*line)
            add(text, length, "antiquant:   %s\n", line);
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
    if (aq_settings_get()->verbose > 1 && op->details)
        add_details(op, plan, text, &length);
    fwrite(text, 1, length, stderr);
    fflush(stderr); /* the program may have given it a buffer */
}
