/* SPDX-License-Identifier: Apache-2.0 */
/* op_plugin_caller LIBRARY: what torch_npu's op-plugin does (successors page 3.6): everything by name from
 * the handle of libopapi.so, the hugemem functions among it, then V2 and, with inner_precise 1, V3. Small
 * integers, so that the answer is known. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "acl/acl.h"
#include "aclnn/aclnn_base.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v3.h"

enum { M = 2, K = 4, N = 3 };

static void *library;

static void *find(const char *symbol)
{
    void *address = dlsym(library, symbol);
    if (!address) {
        printf("failed: %s\n", dlerror());
        exit(1);
    }
    return address;
}

#define FIND(function) __typeof__(&function) p_##function = (__typeof__(&function))find(#function)

static aclTensor *tensor(aclDataType type, int64_t rows, int64_t columns, bool turned, void *data)
{
    FIND(aclCreateTensor);
    const int64_t shape[2] = {rows, columns}, storage[1] = {rows * columns};
    const int64_t strides[2] = {turned ? 1 : columns, turned ? rows : 1};
    return p_aclCreateTensor(shape, 2, type, strides, 0, ACL_FORMAT_ND, storage, 1, data);
}

/* The status of the first call that fails, else 0. */
static int multiply(int inner_precise, void *x, void *weight, void *scale, void *y)
{
    FIND(InitHugeMemThreadLocal);
    FIND(UnInitHugeMemThreadLocal);
    FIND(ReleaseHugeMem);
    FIND(aclDestroyTensor);
    FIND(aclrtSynchronizeStream);
    FIND(aclnnWeightQuantBatchMatmulV2GetWorkspaceSize);
    FIND(aclnnWeightQuantBatchMatmulV2);
    FIND(aclnnWeightQuantBatchMatmulV3GetWorkspaceSize);
    FIND(aclnnWeightQuantBatchMatmulV3);
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    p_InitHugeMemThreadLocal(NULL, false);
    aclTensor *t[4] = {tensor(ACL_FLOAT16, M, K, false, x), tensor(ACL_INT8, K, N, true, weight),
                       tensor(ACL_FLOAT16, 1, N, false, scale), tensor(ACL_FLOAT16, M, N, false, y)};
    int status = inner_precise
                     ? p_aclnnWeightQuantBatchMatmulV3GetWorkspaceSize(t[0], t[1], t[2], NULL, NULL, NULL,
                                                                       NULL, 0, 1, t[3], &size, &executor)
                     : p_aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(t[0], t[1], t[2], NULL, NULL, NULL,
                                                                       NULL, 0, t[3], &size, &executor);
    void *workspace = malloc(size + 1);
    if (status == 0) {
        status = inner_precise ? p_aclnnWeightQuantBatchMatmulV3(workspace, size, executor, NULL)
                               : p_aclnnWeightQuantBatchMatmulV2(workspace, size, executor, NULL);
    }
    for (int i = 0; i < 4; i++) {
        p_aclDestroyTensor(t[i]);
    }
    p_ReleaseHugeMem(NULL, false);
    p_UnInitHugeMemThreadLocal(NULL, false);
    if (status == 0) {
        status = p_aclrtSynchronizeStream(NULL);
    }
    free(workspace);
    return status;
}

int main(int argc, char **argv)
{
    library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library) {
        printf("failed: %s\n", dlerror());
        return 1;
    }
    FIND(aclrtSetDevice);
    FIND(aclrtResetDevice);
    FIND(aclFloatToFloat16);
    FIND(aclFloat16ToFloat);
    uint16_t x[M * K], scale[N], y[M * N];
    int8_t weight[N * K]; /* stored (n,k) */
    for (int i = 0; i < M * K; i++) {
        x[i] = p_aclFloatToFloat16((float)(i - 3));
    }
    for (int i = 0; i < N * K; i++) {
        weight[i] = (int8_t)(7 * i - 40);
    }
    for (int j = 0; j < N; j++) {
        scale[j] = p_aclFloatToFloat16(0.5f);
    }
    int failures = p_aclrtSetDevice(0) != 0;
    for (int inner_precise = 0; inner_precise < 2; inner_precise++) {
        int status = multiply(inner_precise, x, weight, scale, y);
        failures += status != 0;
        for (int i = 0; i < M * N && status == 0; i++) {
            int sum = 0;
            for (int k = 0; k < K; k++) {
                sum += (i / N * K + k - 3) * (7 * (i % N * K + k) - 40);
            }
            failures += p_aclFloat16ToFloat(y[i]) != (float)sum / 2;
        }
    }
    failures += p_aclrtResetDevice(0) != 0;
    printf("%d failures\n", failures);
    return failures != 0;
}
