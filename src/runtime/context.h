/* SPDX-License-Identifier: Apache-2.0 */
/* context.h - contexts: a device, a default stream, and whether they still live. A context is counted: by its
 * owner (a device, or the program that created it), by every thread that has it current, and by every stream
 * and event that belongs to it, so a pointer to one is never stale; `ended` says that it may not be used. */
#ifndef AQ_RUNTIME_CONTEXT_H
#define AQ_RUNTIME_CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct aq_stream;

typedef struct aq_context {
    atomic_size_t references;
    atomic_bool ended;
    int32_t device;
    bool primary;
    struct aq_stream *default_stream; /* ended with the context; null afterwards is never seen */
} aq_context;

/* A context of device that is in the set of live handles; the caller owns one reference, and ends it by
 * aq_context_end. Null: out of memory, with its text. */
aq_context *aq_context_create(const char *function, int32_t device, bool primary);

/* The context takes no more work; waits until its streams have done theirs, then drops the owner's reference.
 * Called once per context. Streams and events that belong to it stay valid handles. */
void aq_context_end(aq_context *context);

void aq_context_retain(aq_context *context);
void aq_context_release(aq_context *context); /* null is fine */

/* The calling thread's current context; null when it has none or that one has ended. Borrowed: good until the
 * thread changes its current context. */
aq_context *aq_context_current(void);
/* The same question, for those who need the answer only. */
bool aq_context_is_current(void);

/* Whether the calling thread may use an object of this context. 0 when it is the current one, or when the
 * thread has none (the object carries its own); else 107003, or 107002 when it has ended and none is current.
 * argument: "stream", "event". */
int aq_context_check(const char *function, const char *argument, aq_context *context);

#endif
