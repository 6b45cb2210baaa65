/* SPDX-License-Identifier: Apache-2.0 */
/* finding.h - what a broken rule has to say: the texts of a refusal, with room to print into. */
#ifndef AQ_OPS_FINDING_H
#define AQ_OPS_FINDING_H

#include <stddef.h>

#include "base/status.h"
#include "tensor/tensor.h"

typedef struct aq_finding {
    const char *argument; /* as the caller named it */
    char rule[240], actual[160], nearest[160];
} aq_finding;

/* No texts yet. Every phase 1 does it for every rule: not all of the room for them is written. */
static inline void aq_finding_begin(aq_finding *finding)
{
    finding->argument = NULL;
    finding->rule[0] = finding->actual[0] = finding->nearest[0] = '\0';
}

/* Each writes one text, printf-like, cut to fit. */
void aq_say_rule(aq_finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));
void aq_say_actual(aq_finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));
void aq_say_nearest(aq_finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "actual: shape (3,4)". */
void aq_say_shape(aq_finding *finding, const aq_view *view);

/* "actual: shape (3,4), strides (4,1), offset 0". */
void aq_say_strides(aq_finding *finding, const aq_view *view);

/* Turns the finding into the thread's message and returns status. */
int aq_refuse_finding(int status, const char *function, const char *page, const aq_finding *finding);

/* The frequent one: argument must not be null. Returns status. */
int aq_refuse_null_argument(int status, const char *function, const char *argument, const char *page);

#endif
