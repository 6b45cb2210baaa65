/* SPDX-License-Identifier: Apache-2.0 */
/* hold.c - see hold.h. */
#include "ops/hold.h"

#include "ops/finding.h"
#include "tensor/misuse.h"
#include "tensor/tensor.h"

int aq_require_arguments(const char *function, const char *page, const aq_argument arguments[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (arguments[i].pointer == NULL)
            return aq_refuse_null_argument(ACLNN_ERR_PARAM_NULLPTR, function, arguments[i].name, page);
    return 0;
}

int aq_hold_tensors(const char *function, const aclTensor *const tensors[], const char *const names[],
                    size_t count)
{
    for (size_t t = 0; t < count; t++) {
        if (tensors[t] == NULL || aq_tensor_acquire(tensors[t]))
            continue;
        aq_let_tensors_go(tensors, t);
        return aq_refuse_handle(function, names[t], "aclTensor", tensors[t]);
    }
    return 0;
}

void aq_let_tensors_go(const aclTensor *const tensors[], size_t count)
{
    for (size_t t = 0; t < count; t++)
        if (tensors[t] != NULL)
            aq_tensor_release((aclTensor *)tensors[t]); /* const is the caller's promise, holders are ours */
}
