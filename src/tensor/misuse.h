/* SPDX-License-Identifier: Apache-2.0 */
/* misuse.h - the refusals that all functions of this room share. Each sets the thread's message and returns
 * the status. */
#ifndef AQ_TENSOR_MISUSE_H
#define AQ_TENSOR_MISUSE_H

#include <stdint.h>

#include "acl/acl_base.h"

/* 161001: argument is null. */
int aq_refuse_null(const char *function, const char *argument);

/* 161001 when handle is null, else 161002: it is not, or no longer, an object of that type ("aclTensor"). */
int aq_refuse_handle(const char *function, const char *argument, const char *type, const void *handle);

/* 161002: a count that cannot be meant. */
int aq_refuse_count(const char *function, const char *argument, uint64_t count);

/* 161002: a type whose elements have no size. */
int aq_refuse_dtype(const char *function, const char *argument, aclDataType dtype);

/* 561103: out of memory. */
int aq_refuse_memory(const char *function);

#endif
