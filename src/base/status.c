/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - decides how an error reads and keeps the calling thread's last one. Knows no operator and no
 * rule. Texts are composed aside and then copied, so that a caller may pass parts of the pending text. Every
 * error is also a line of the log. */
#include "base/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

static _Thread_local char pending_text[AQ_ERROR_TEXT_SIZE];
static _Thread_local bool pending;

/* Runtime pages 4.4 and 4.6: aclnn refuses arguments with 161xxx and fails inside with 361xxx and 561xxx;
 * all other ranges belong to AscendCL. */
static const char *code_of(int status)
{
    int family = status / 1000;
    if (family == 161)
        return "EZ1001";
    bool runtime = (family >= 100 && family <= 107) || (family >= 200 && family <= 299) || family == 300 ||
                   (family >= 500 && family <= 507);
    return runtime ? "EE1001" : "EZ9999";
}

/* Appends to text, which holds *length characters; what does not fit is cut off. */
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t *length, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = AQ_ERROR_TEXT_SIZE - *length;
    int wanted = vsnprintf(text + *length, room, format, arguments);
    va_end(arguments);
    if (wanted > 0)
        *length += (size_t)wanted < room ? (size_t)wanted : room - 1;
}

static void append_line(char *text, size_t *length, const char *label, const char *value)
{
    if (value && *value)
        append(text, length, "\n    %s: %s", label, value);
}

void aq_set_error(const char *text)
{
    size_t length = text ? strnlen(text, AQ_ERROR_TEXT_SIZE - 1) : 0;
    if (length > 0)
        memmove(pending_text, text, length);
    pending_text[length] = '\0';
    pending = length > 0;
}

static void compose(int status, const aq_refusal *refusal, char text[AQ_ERROR_TEXT_SIZE])
{
    size_t length = 0;
    append(text, &length, "%s: ", code_of(status));
    if (refusal->function && *refusal->function)
        append(text, &length, "%s: ", refusal->function);
    if (refusal->argument && *refusal->argument)
        append(text, &length, "%s refused, status %d", refusal->argument, status);
    else
        append(text, &length, "refused, status %d", status);
    append_line(text, &length, "argument", refusal->argument);
    append_line(text, &length, "rule", refusal->rule);
    append_line(text, &length, "actual", refusal->actual);
    append_line(text, &length, "nearest legal", refusal->nearest);
    append_line(text, &length, "see", refusal->page);
}

/* That time is up is an answer to a program that asked for a limit, and one that polls asks often. */
static int tell(int status, const char *text)
{
    bool time_is_up = status == 507012 || status == 507046 || status == 507047;
    aq_set_error(text);
    aq_log(time_is_up ? AQ_LOG_WARNING : AQ_LOG_ERROR, "%s", text);
    return status;
}

int aq_refuse(int status, const aq_refusal *refusal)
{
    char text[AQ_ERROR_TEXT_SIZE];
    compose(status, refusal, text);
    return tell(status, text);
}

void aq_refusal_text(int status, const aq_refusal *refusal, char *text, size_t size)
{
    char whole[AQ_ERROR_TEXT_SIZE];
    compose(status, refusal, whole);
    snprintf(text, size, "%s", whole);
}

int aq_error(int status, const char *format, ...)
{
    char text[AQ_ERROR_TEXT_SIZE];
    size_t length = 0;
    append(text, &length, "%s: ", code_of(status));
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + length, sizeof text - length, format, arguments);
    va_end(arguments);
    return tell(status, text);
}

const char *aq_take_error(void)
{
    if (!pending)
        return NULL;
    pending = false;
    return pending_text;
}

void aq_peek_error(char *text, size_t size)
{
    if (!text || size == 0)
        return;
    size_t length = pending ? strnlen(pending_text, size - 1) : 0;
    memmove(text, pending_text, length);
    text[length] = '\0';
}
