/* SPDX-License-Identifier: Apache-2.0 */
/* A weight that is used again and again, packed once: y = x @ (w * scale), 64 times, from the packed copy.
 * Any operator takes either; the bits are the same. */
#include "acl/acl.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "antiquant.h"
#include <stdio.h>
#include <string.h>

enum { K = 256, N = 100, TIMES = 64 };

static int multiply(const aclTensor *x, const aclTensor *weight, const aclTensor *scale, const aclTensor *y)
{
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    return aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(x, weight, scale, NULL, NULL, NULL, NULL, 0, y,
                                                         &size, &executor) ||
           aclnnWeightQuantBatchMatmulV2(NULL, 0, executor, NULL) || aclrtSynchronizeStream(NULL);
}

static aclTensor *matrix(aclDataType dtype, int64_t rows, int64_t columns, void *data)
{
    int64_t shape[] = {rows, columns};
    return aclCreateTensor(shape, 2, dtype, NULL, 0, ACL_FORMAT_ND, shape, 2, data);
}

int main(void)
{
    static aclFloat16 x[K], scale[N], y[N], first[N];
    static int8_t w[K * N];
    for (int k = 0; k < K; k++)
        x[k] = aclFloatToFloat16(0.125f * (float)(k % 5));
    for (int n = 0; n < N; n++)
        scale[n] = aclFloatToFloat16(0.25f);
    for (int i = 0; i < K * N; i++)
        w[i] = (int8_t)(i % 7 - 3);
    aclTensor *t[] = {matrix(ACL_FLOAT16, 1, K, x), matrix(ACL_INT8, K, N, w),
                      matrix(ACL_FLOAT16, 1, N, scale), matrix(ACL_FLOAT16, 1, N, y)},
              *packed = NULL;
    uint64_t size = 0;
    void *memory = NULL;
    int failed = aclInit(NULL) || aclrtSetDevice(0) || multiply(t[0], t[1], t[2], t[3]) ||
                 aq_packed_weight_size(t[1], false, &size) ||
                 aclrtMalloc(&memory, size, ACL_MEM_MALLOC_HUGE_FIRST) ||
                 aq_pack_weight(t[1], false, memory, size, &packed);
    memcpy(first, y, sizeof y);
    memset(w, 0, sizeof w); /* the packed weight is a copy */
    for (int i = 0; !failed && i < TIMES; i++)
        failed = multiply(t[0], packed, t[2], t[3]);
    if (failed)
        return fprintf(stderr, "%s\n", aclGetRecentErrMsg()), 1;
    printf("%d bytes became %d\n", K * N, (int)size); /* 100 columns are two panels of 64 */
    printf("%g: %s\n", aclFloat16ToFloat(y[0]),
           memcmp(first, y, sizeof y) == 0 ? "the same bits" : "not the same");
    for (int i = 0; i < 4; i++)
        aclDestroyTensor(t[i]);
    aclDestroyTensor(packed);
    return aclrtFree(memory) || aclrtResetDevice(0) || aclFinalize();
}
