/* SPDX-License-Identifier: Apache-2.0 */
/* description.c - how a description reads, in a line and in JSON: the same words in the same order. */
#include "runtime/description.h"

#include <stdio.h>

/* One per nanosecond is 10^9 per second. */
double aq_gigabytes_per_second(int64_t count, int64_t ns)
{
    return ns > 0 ? (double)count / (double)ns : 0;
}

static void add(char *text, size_t size, size_t *length, const char *label, const char *value)
{
    if (!value || !*value || *length >= size)
        return;
    int wanted = snprintf(text + *length, size - *length, "%s%s%s", *length > 0 ? " " : "", label, value);
    if (wanted > 0)
        *length += (size_t)wanted;
}

void aq_description_text(const aq_description *description, int64_t ns, char *text, size_t size)
{
    const struct {
        const char *label, *value;
    } words[] = {{"", description->shape},     {"dtypes=", description->dtypes},
                 {"path=", description->path}, {"kernel=", description->kernel},
                 {"isa=", description->isa},   {"order=", description->order}};
    char number[AQ_DECIMAL_TEXT];
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        add(text, size, &length, words[i].label, words[i].value);
    if (description->threads > 0)
        add(text, size, &length, "threads=", aq_decimal_text(description->threads, 0, number));
    if (ns <= 0)
        return;
    add(text, size, &length, "us=", aq_decimal_text((double)ns / 1e3, 1, number));
    if (description->bytes > 0)
        add(text, size, &length,
            "GB/s=", aq_decimal_text(aq_gigabytes_per_second(description->bytes, ns), 2, number));
    if (description->flops > 0)
        add(text, size, &length,
            "GFLOP/s=", aq_decimal_text(aq_gigabytes_per_second(description->flops, ns), 2, number));
}

void aq_description_members(const aq_description *description, int64_t ns, aq_json *members)
{
    aq_json_text(members, "shape", description->shape[0] ? description->shape : NULL);
    aq_json_text(members, "dtypes", description->dtypes[0] ? description->dtypes : NULL);
    aq_json_text(members, "path", description->path);
    aq_json_text(members, "kernel", description->kernel);
    aq_json_text(members, "isa", description->isa);
    aq_json_text(members, "order", description->order);
    if (description->threads > 0)
        aq_json_count(members, "threads", description->threads);
    if (description->bytes > 0) {
        aq_json_count(members, "bytes", description->bytes);
        aq_json_decimal(members, "GB/s", aq_gigabytes_per_second(description->bytes, ns), 2);
    }
    if (description->flops > 0)
        aq_json_decimal(members, "GFLOP/s", aq_gigabytes_per_second(description->flops, ns), 2);
}
