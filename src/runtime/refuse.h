/* SPDX-License-Identifier: Apache-2.0 */
/* refuse.h - the refusals that several functions of the runtime share, so that they read the same everywhere.
 * Each sets the calling thread's error text and returns the status, as a constant that static analysis sees.
 */
#ifndef AQ_RUNTIME_REFUSE_H
#define AQ_RUNTIME_REFUSE_H

#include "base/status.h"

#define AQ_RUNTIME_PAGE "runtime page 4.5"

static inline int aq_runtime_refuse_null(const char *function, const char *argument)
{
    aq_refuse(100000, &(aq_refusal){.function = function,
                                    .argument = argument,
                                    .rule = "must not be null",
                                    .actual = "null",
                                    .nearest = "a valid pointer",
                                    .page = AQ_RUNTIME_PAGE});
    return 100000;
}

static inline int aq_runtime_refuse_no_context(const char *function)
{
    aq_refuse(107002, &(aq_refusal){.function = function,
                                    .argument = "current context",
                                    .rule = "the calling thread needs a current context",
                                    .actual = "none",
                                    .nearest = "call aclrtSetDevice or aclrtSetCurrentContext before",
                                    .page = AQ_RUNTIME_PAGE});
    return 107002;
}

#endif
