/* SPDX-License-Identifier: Apache-2.0 */
/* status.h - the calling thread's pending error text, which aclGetRecentErrMsg hands out (runtime page 4.6).
 *
 * Every function of the library that refuses something calls aq_refuse or aq_error once, at the place that
 * knows why, and returns the status it got back. The text lives in thread-local storage: nothing is
 * allocated. */
#ifndef AQ_BASE_STATUS_H
#define AQ_BASE_STATUS_H

#include <stddef.h>

/* Bytes of the longest text, its end included; longer ones are cut off. */
#define AQ_ERROR_TEXT_SIZE 2048

/* What a caller did wrong with one argument, for people. Each text is a printf result the caller of aq_refuse
 * owns; null or empty lines are left out of the message. */
typedef struct aq_refusal {
    const char *function; /* as the caller knows it: "aclnnCastGetWorkspaceSize" */
    const char *argument; /* as the caller named it: "x1" */
    const char *rule;     /* what must hold: "dtype must be FLOAT16" */
    const char *actual;   /* what was found: "INT8" */
    const char *nearest;  /* the nearest legal value: "FLOAT16" */
    const char *page;     /* where it is written: "operator page 1.3, check 2" */
} aq_refusal;

/* Replaces the thread's pending text by the refusal and returns status. First line "EZ1001: ..." for
 * operators (1610xx), "EE1001: ..." for the runtime (100xxx..107xxx, 2xxxxx, 300xxx,
 * 500xxx..507xxx), "EZ9999: ..." for inner errors (other). */
int aq_refuse(int status, const aq_refusal *refusal);

/* The text of it, cut to size, without setting anything. */
void aq_refusal_text(int status, const aq_refusal *refusal, char *text, size_t size);

/* Same for errors that are not about one argument: "<code>: <text>". */
int aq_error(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The pending text, once: the next call gives null until another error is set. Valid until the thread's next
 * call of any function of the library that can fail. */
const char *aq_take_error(void);

/* Copies the pending text without taking it ("" if none): how a worker hands its text to the thread that will
 * be told. */
void aq_peek_error(char *text, size_t size);

/* Sets the pending text as it is; null or "" leaves none pending. */
void aq_set_error(const char *text);

#endif
