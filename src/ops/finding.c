/* SPDX-License-Identifier: Apache-2.0 */
/* finding.c - printing into the texts of a finding. */
#include "ops/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void aq_say_rule(aq_finding *finding, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(finding->rule, sizeof finding->rule, format, list);
    va_end(list);
}

void aq_say_actual(aq_finding *finding, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(finding->actual, sizeof finding->actual, format, list);
    va_end(list);
}

void aq_say_nearest(aq_finding *finding, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(finding->nearest, sizeof finding->nearest, format, list);
    va_end(list);
}

void aq_say_shape(aq_finding *finding, const aq_view *view)
{
    char text[120];
    aq_say_actual(finding, "shape %s", aq_view_shape_text(view, text, sizeof text));
}

void aq_say_strides(aq_finding *finding, const aq_view *view)
{
    char shape[60], strides[80];
    aq_view as_dims = *view;
    memcpy(as_dims.dims, view->strides, sizeof as_dims.dims);
    aq_say_actual(finding, "shape %s, strides %s, offset %lld", aq_view_shape_text(view, shape, sizeof shape),
                  aq_view_shape_text(&as_dims, strides, sizeof strides), (long long)view->offset);
}

int aq_refuse_finding(int status, const char *function, const char *page, const aq_finding *finding)
{
    return aq_refuse(status, &(aq_refusal){.function = function,
                                           .argument = finding->argument,
                                           .rule = finding->rule,
                                           .actual = finding->actual,
                                           .nearest = finding->nearest,
                                           .page = page});
}

int aq_refuse_null_argument(int status, const char *function, const char *argument, const char *page)
{
    return aq_refuse(status, &(aq_refusal){.function = function,
                                           .argument = argument,
                                           .rule = "must not be null",
                                           .actual = "null",
                                           .nearest = "a valid pointer",
                                           .page = page});
}
