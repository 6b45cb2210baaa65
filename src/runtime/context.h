/* SPDX-License-Identifier: Apache-2.0 */
/* context.h - what the rest of the runtime may ask about contexts. */
#ifndef AQ_RUNTIME_CONTEXT_H
#define AQ_RUNTIME_CONTEXT_H

#include <stdbool.h>

/* Whether the calling thread has a current context. Thread-safe, no allocation. */
bool aq_context_is_current(void);

#endif
