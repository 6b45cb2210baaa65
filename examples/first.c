/* SPDX-License-Identifier: Apache-2.0 */
/* y = x @ (w * scale) for 65 rows: int8 weights, one fp16 scale a column. On a CPU any memory is device
 * memory. */
#include "acl/acl.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul.h"
#include <stdio.h>

static aclTensor *matrix(aclDataType dtype, int64_t rows, int64_t columns, void *data)
{
    int64_t shape[] = {rows, columns};
    return aclCreateTensor(shape, 2, dtype, NULL, 0, ACL_FORMAT_ND, shape, 2, data);
}

int main(void)
{
    static aclFloat16 x[65 * 3], y[65 * 2], scale[2];
    static int8_t w[3 * 2] = {1, 2, 3, 4, 5, 6};
    for (int i = 0; i < 65 * 3; i++)
        x[i] = aclFloatToFloat16(1.0f);
    scale[0] = aclFloatToFloat16(0.5f), scale[1] = aclFloatToFloat16(0.25f);
    aclTensor *t[] = {matrix(ACL_FLOAT16, 65, 3, x), matrix(ACL_INT8, 3, 2, w),
                      matrix(ACL_FLOAT16, 1, 2, scale), matrix(ACL_FLOAT16, 65, 2, y)};
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    void *workspace = NULL;
    if (aclInit(NULL) || aclrtSetDevice(0) ||
        aclnnWeightQuantBatchMatmulGetWorkspaceSize(t[0], t[1], NULL, NULL, NULL, NULL, t[2], NULL, false,
                                                    false, 1.0f, 0.0f, t[3], &size, &executor) ||
        aclrtMalloc(&workspace, size, ACL_MEM_MALLOC_HUGE_FIRST) ||
        aclnnWeightQuantBatchMatmul(workspace, size, executor, NULL) || aclrtSynchronizeStream(NULL))
        return fprintf(stderr, "%s\n", aclGetRecentErrMsg()), 1;
    printf("%g %g\n", aclFloat16ToFloat(y[0]), aclFloat16ToFloat(y[1])); /* (1+3+5) / 2 and (2+4+6) / 4 */
    for (int i = 0; i < 4; i++)
        aclDestroyTensor(t[i]);
    return aclrtFree(workspace) || aclrtResetDevice(0) || aclFinalize();
}
