/* SPDX-License-Identifier: Apache-2.0 */
/* trace_file.h - the file of a trace: a list of events that is a whole JSON text after every write. Knows
 * nothing of what an event says. Callers see to it that one thread at a time is inside. */
#ifndef AQ_BASE_TRACE_FILE_H
#define AQ_BASE_TRACE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Makes or empties the file at path; when another process writes a trace to it, the file "PATH.PID" instead.
 * null, or why it cannot be written (a text that stays until the next call). */
const char *aq_trace_file_open(const char *path);

/* Adds one event, a JSON object; it is written when the buffer is full, or by the flush. */
void aq_trace_file_add(const char *event, size_t length);

/* Writes what is not written yet. false: the file takes no more; it holds a whole trace still. */
bool aq_trace_file_flush(void);

/* In a forked child: leaves the file to the parent. */
void aq_trace_file_abandon(void);

#endif
