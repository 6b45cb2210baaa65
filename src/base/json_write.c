/* SPDX-License-Identifier: Apache-2.0 */
/* json_write.c - how a value looks in JSON. printf's %f is not used: its point is the locale's. */
#include "base/json_write.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char *aq_decimal_text(double value, int digits, char text[AQ_DECIMAL_TEXT])
{
    static const int64_t powers[] = {1, 10, 100, 1000};
    double scaled = value * (double)powers[digits];
    if (!(fabs(scaled) < 9e15)) { /* beyond it doubles skip whole numbers */
        strcpy(text, "0");
        return text;
    }
    int64_t units = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    int64_t size = units < 0 ? -units : units, one = powers[digits];
    int length = snprintf(text, AQ_DECIMAL_TEXT, "%s%" PRId64, units < 0 ? "-" : "", size / one);
    if (digits > 0)
        text[length++] = '.';
    for (int64_t digit = one / 10; digit > 0; digit /= 10)
        text[length++] = (char)('0' + size % one / digit % 10);
    text[length] = '\0';
    return text;
}

size_t aq_json_quote(const char *value, char *text, size_t size)
{
    size_t length = 0;
    text[length++] = '"';
    for (; *value && length + 3 < size; value++) {
        char c = *value;
        if (c == '"' || c == '\\')
            text[length++] = '\\';
        text[length++] = c >= ' ' && c <= '~' ? c : '?';
    }
    text[length++] = '"';
    text[length] = '\0';
    return length;
}

__attribute__((format(printf, 2, 3))) static void add(aq_json *json, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof json->text - json->length;
    int wanted = vsnprintf(json->text + json->length, room, format, arguments);
    va_end(arguments);
    if (wanted > 0 && (size_t)wanted < room)
        json->length += (size_t)wanted;
    json->text[json->length] = '\0';
}

static const char *comma(const aq_json *json)
{
    return json->length > 0 ? "," : "";
}

void aq_json_text(aq_json *json, const char *key, const char *value)
{
    char quoted[512];
    if (!value)
        return;
    aq_json_quote(value, quoted, sizeof quoted);
    add(json, "%s\"%s\":%s", comma(json), key, quoted);
}

void aq_json_count(aq_json *json, const char *key, int64_t value)
{
    add(json, "%s\"%s\":%" PRId64, comma(json), key, value);
}

void aq_json_decimal(aq_json *json, const char *key, double value, int digits)
{
    char text[AQ_DECIMAL_TEXT];
    add(json, "%s\"%s\":%s", comma(json), key, aq_decimal_text(value, digits, text));
}
