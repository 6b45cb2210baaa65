/* SPDX-License-Identifier: Apache-2.0 */
/* thread.h - what the runtime keeps per thread: its current context, and the last execution error of the work
 * it queued. Knows neither streams nor tasks. */
#ifndef AQ_RUNTIME_THREAD_H
#define AQ_RUNTIME_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/context.h"

/* The number of the calling thread, never 0 and never used again; 0 when the system has no room to keep
 * anything for one more thread. */
uint64_t aq_thread_number(void);

/* The calling thread's current context, ended or not; null when it has none. Borrowed: good until the thread
 * sets another one. */
aq_context *aq_thread_context(void);
/* Takes over one reference of context (null = none) and drops that of the context before. 0; 207001. */
int aq_thread_set_context(aq_context *context);

/* From any thread: status and text become the last execution error of the thread with this number. Nothing
 * happens when that thread has ended. */
void aq_thread_report(uint64_t number, int status, const char *text);

#endif
