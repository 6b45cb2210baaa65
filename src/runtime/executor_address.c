/* SPDX-License-Identifier: Apache-2.0 */
/* executor_address.c - the functions that give a tensor of an executor another address, by its position in
 * the operator's prototype. Must not know when the address is read (phase 2).
 *
 * No operator of this library takes a list of tensors yet; the functions for lists say so. */
#include <stdio.h>

#include "base/status.h"
#include "runtime/executor_internal.h"

static int refuse_null(const char *function, const char *argument)
{
    return aq_refuse(561103, &(aq_refusal){.function = function,
                                           .argument = argument,
                                           .rule = "must not be null",
                                           .actual = "null",
                                           .page = "runtime page 4.6"});
}

static int refuse_index(const char *function, const char *what, size_t index, size_t count)
{
    char rule[96], actual[32], nearest[32];
    snprintf(rule, sizeof rule, "must be less than the number of %s, %zu", what, count);
    snprintf(actual, sizeof actual, "%zu", index);
    snprintf(nearest, sizeof nearest, "%zu", count ? count - 1 : 0);
    return aq_refuse(161002, &(aq_refusal){.function = function,
                                           .argument = "index",
                                           .rule = rule,
                                           .actual = actual,
                                           .nearest = count ? nearest : NULL,
                                           .page = "runtime page 4.6"});
}

static int refuse_absent(const char *function, const aclOpExecutor *executor, size_t position)
{
    return aq_refuse(161002, &(aq_refusal){.function = function,
                                           .argument = executor->op->tensor_names[position],
                                           .rule = "must have been given to phase 1 to get an address",
                                           .actual = "null in phase 1",
                                           .page = "runtime page 4.6"});
}

typedef enum aq_side { INPUTS, OUTPUTS, BOTH } aq_side;

static int set_held(const char *function, aclOpExecutor *executor, aq_side side, size_t index, void *address)
{
    static const char *const names[] = {"inputs", "outputs", "tensors"};
    size_t first = side == OUTPUTS ? executor->inputs : 0;
    size_t count = side == OUTPUTS ? executor->outputs : executor->inputs;
    if (side == BOTH)
        count += executor->outputs;
    if (index >= count)
        return refuse_index(function, names[side], index, count);
    aq_operand *operand = &executor->operands[first + index];
    if (!operand->tensor)
        return refuse_absent(function, executor, first + index);
    atomic_store(&operand->address, address);
    atomic_store_explicit(&operand->replaced, true, memory_order_release);
    return 0;
}

static int set_address(const char *function, aclOpExecutor *executor, aq_side side, size_t index,
                       const aclTensor *tensor, void *address)
{
    if (executor && !tensor)
        return refuse_null(function, "tensor");
    int status = aq_executor_hold(function, executor, 561103);
    if (status)
        return status;
    status = set_held(function, executor, side, index, address);
    aq_executor_let_go(executor);
    return status;
}

static int set_in_list(const char *function, aclOpExecutor *executor, size_t index,
                       const aclTensorList *tensors)
{
    if (executor && !tensors)
        return refuse_null(function, "tensors");
    int status = aq_executor_hold(function, executor, 561103);
    if (status)
        return status;
    char actual[96];
    snprintf(actual, sizeof actual, "argument %zu of %s is no list", index, executor->op->name);
    status = aq_refuse(161002, &(aq_refusal){.function = function,
                                             .argument = "irIndex",
                                             .rule = "must name an argument that is a list of tensors",
                                             .actual = actual,
                                             .nearest = "the same function without Dynamic, for one tensor",
                                             .page = "runtime page 4.6"});
    aq_executor_let_go(executor);
    return status;
}

aclnnStatus aclSetInputTensorAddr(aclOpExecutor *executor, const size_t index, aclTensor *tensor, void *addr)
{
    return set_address("aclSetInputTensorAddr", executor, INPUTS, index, tensor, addr);
}

aclnnStatus aclSetOutputTensorAddr(aclOpExecutor *executor, const size_t index, aclTensor *tensor, void *addr)
{
    return set_address("aclSetOutputTensorAddr", executor, OUTPUTS, index, tensor, addr);
}

aclnnStatus aclSetTensorAddr(aclOpExecutor *executor, const size_t index, aclTensor *tensor, void *addr)
{
    return set_address("aclSetTensorAddr", executor, BOTH, index, tensor, addr);
}

aclnnStatus aclSetDynamicInputTensorAddr(aclOpExecutor *executor, size_t irIndex, const size_t relativeIndex,
                                         aclTensorList *tensors, void *addr)
{
    (void)relativeIndex, (void)addr;
    return set_in_list("aclSetDynamicInputTensorAddr", executor, irIndex, tensors);
}

aclnnStatus aclSetDynamicOutputTensorAddr(aclOpExecutor *executor, size_t irIndex, const size_t relativeIndex,
                                          aclTensorList *tensors, void *addr)
{
    (void)relativeIndex, (void)addr;
    return set_in_list("aclSetDynamicOutputTensorAddr", executor, irIndex, tensors);
}

aclnnStatus aclSetDynamicTensorAddr(aclOpExecutor *executor, size_t irIndex, const size_t relativeIndex,
                                    aclTensorList *tensors, void *addr)
{
    (void)relativeIndex, (void)addr;
    return set_in_list("aclSetDynamicTensorAddr", executor, irIndex, tensors);
}

aclnnStatus AclSetInputTensorAddr(aclOpExecutor *executor, const size_t index, aclTensor *tensor, void *addr)
{
    return aclSetInputTensorAddr(executor, index, tensor, addr);
}

aclnnStatus AclSetOutputTensorAddr(aclOpExecutor *executor, const size_t index, aclTensor *tensor, void *addr)
{
    return aclSetOutputTensorAddr(executor, index, tensor, addr);
}

aclnnStatus AclSetTensorAddr(aclOpExecutor *executor, const size_t index, aclTensor *tensor, void *addr)
{
    return aclSetTensorAddr(executor, index, tensor, addr);
}

aclnnStatus AclSetDynamicInputTensorAddr(aclOpExecutor *executor, size_t irIndex, const size_t relativeIndex,
                                         aclTensorList *tensors, void *addr)
{
    return aclSetDynamicInputTensorAddr(executor, irIndex, relativeIndex, tensors, addr);
}

aclnnStatus AclSetDynamicOutputTensorAddr(aclOpExecutor *executor, size_t irIndex, const size_t relativeIndex,
                                          aclTensorList *tensors, void *addr)
{
    return aclSetDynamicOutputTensorAddr(executor, irIndex, relativeIndex, tensors, addr);
}

aclnnStatus AclSetDynamicTensorAddr(aclOpExecutor *executor, size_t irIndex, const size_t relativeIndex,
                                    aclTensorList *tensors, void *addr)
{
    return aclSetDynamicTensorAddr(executor, irIndex, relativeIndex, tensors, addr);
}
