/* SPDX-License-Identifier: Apache-2.0 */
/* misuse.c - words for what callers do wrong with tensors, arrays and lists. */
#include "tensor/misuse.h"

#include <inttypes.h>
#include <stdio.h>

#include "aclnn/acl_meta.h"
#include "base/status.h"
#include "tensor/dtype.h"

#define PAGE "runtime page 4.6"

int aq_refuse_null(const char *function, const char *argument)
{
    return aq_refuse(ACLNN_ERR_PARAM_NULLPTR, &(aq_refusal){.function = function,
                                                            .argument = argument,
                                                            .rule = "must not be null",
                                                            .actual = "null",
                                                            .nearest = "a valid pointer",
                                                            .page = PAGE});
}

int aq_refuse_handle(const char *function, const char *argument, const char *type, const void *handle)
{
    if (!handle)
        return aq_refuse_null(function, argument);
    char rule[64], actual[96];
    snprintf(rule, sizeof rule, "must be a live %s", type);
    snprintf(actual, sizeof actual, "%p, which is none: never created as one, or destroyed already", handle);
    return aq_refuse(
        ACLNN_ERR_PARAM_INVALID,
        &(aq_refusal){
            .function = function, .argument = argument, .rule = rule, .actual = actual, .page = PAGE});
}

int aq_refuse_count(const char *function, const char *argument, uint64_t count)
{
    char actual[32];
    snprintf(actual, sizeof actual, "%" PRIu64, count);
    return aq_refuse(ACLNN_ERR_PARAM_INVALID,
                     &(aq_refusal){.function = function,
                                   .argument = argument,
                                   .rule = "must be the number of values that are there",
                                   .actual = actual,
                                   .page = PAGE});
}

int aq_refuse_dtype(const char *function, const char *argument, aclDataType dtype)
{
    char actual[64];
    snprintf(actual, sizeof actual, "%s (%d)", aq_dtype_name(dtype), (int)dtype);
    return aq_refuse(ACLNN_ERR_PARAM_INVALID,
                     &(aq_refusal){.function = function,
                                   .argument = argument,
                                   .rule = "must be a type whose elements have a size",
                                   .actual = actual,
                                   .page = "companions page 2.2"});
}

int aq_refuse_memory(const char *function)
{
    return aq_error(ACLNN_ERR_INNER_NULLPTR, "%s: out of memory", function);
}
