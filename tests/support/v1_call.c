/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"
#include "support/v1.h"

aclTensor *v1_strided(aclDataType dtype, void *data, int rank, const int64_t *dims, const int64_t *strides,
                      int64_t offset)
{
    return aclCreateTensor(dims, (uint64_t)rank, dtype, strides, offset, ACL_FORMAT_ND, dims, (uint64_t)rank,
                           data);
}

aclTensor *v1_tensor(aclDataType dtype, void *data, int rank, ...)
{
    int64_t dims[16];
    va_list list;
    va_start(list, rank);
    for (int d = 0; d < rank; d++)
        dims[d] = va_arg(list, int64_t);
    va_end(list);
    return v1_strided(dtype, data, rank, dims, NULL, 0);
}

int v1_phase1(const v1_call *c, uint64_t *workspace_size, aclOpExecutor **executor)
{
    return aclnnWeightQuantBatchMatmulGetWorkspaceSize(
        c->t[V1_X1], c->t[V1_X2], c->t[V1_DIAGONAL], c->t[V1_OFFSET], c->t[V1_SCALE], c->t[V1_ADD],
        c->t[V1_MUL], c->t[V1_BIAS], c->transpose_x1, c->transpose_x2, c->scale, c->offset, c->t[V1_OUT],
        workspace_size, executor);
}

int v1_run(const v1_call *call)
{
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    void *workspace = NULL;
    int status = v1_phase1(call, &size, &executor);
    if (status == 0 && size > 0)
        status = aclrtMalloc(&workspace, size, ACL_MEM_MALLOC_HUGE_FIRST);
    if (status == 0)
        status = aclnnWeightQuantBatchMatmul(workspace, size, executor, NULL);
    if (status == 0)
        status = aclrtSynchronizeStream(NULL);
    if (workspace != NULL)
        aclrtFree(workspace);
    return status;
}

void v1_destroy(v1_call *call)
{
    for (int t = 0; t < V1_TENSORS; t++)
        aclDestroyTensor(call->t[t]);
    memset(call->t, 0, sizeof call->t);
}

int v1_setup(void **state)
{
    (void)state;
    return aclrtSetDevice(0);
}

uint64_t v1_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

uint16_t v1_random_half(uint64_t *seed)
{
    uint64_t bits = v1_random(seed);
    uint16_t exponent = 5 + bits % 10; /* 2^-10 .. 2^-1 */
    return (uint16_t)((bits >> 16 & 0x83FF) | exponent << 10);
}

uint64_t v1_word(float scale)
{
    uint32_t bits;
    memcpy(&bits, &scale, sizeof bits);
    return 1ull << 46 | bits;
}
