/* SPDX-License-Identifier: Apache-2.0 */
/* The whole life of one aclnnWeightQuantBatchMatmul, written as a program for the device is: out = x1 @ W,
 * with x1 in fp16, and W made from the int8 matrix x2:
 *
 *   W = ((x2 + antiquantOffset) * antiquantScale + addOffset) * mulScale
 *
 * Build it against an installed antiquant; ROOT is the directory it is installed in. Valid C11 and C++11.
 *
 *   cc weight_quant_batch_matmul.c -I$ROOT/include -I$ROOT/include/aclnn \
 *      -L$ROOT/lib64 -lascendcl -lnnopbase -lopapi
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"
#include "aclnn/acl_meta.h"
#include "aclnnop/aclnn_cast.h"
#include "aclnnop/aclnn_trans_quant_param.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul.h"

enum { K = 4, N = 4, EDGE = 32 }; /* EDGE: side of diagonalMatrix, fixed by the operator */

/* Every call tells how it went, and the library keeps a text that says what was wrong and what would be
 * right. */
#define CHECK(call) check((call), #call)

static void check(int status, const char *call)
{
    if (status != 0) {
        const char *message = aclGetRecentErrMsg();
        fprintf(stderr, "%s\n  returned %d\n%s\n", call, status, message ? message : "");
        exit(1);
    }
}

/* A contiguous matrix or vector (rows 0) in device memory; host may be NULL. The tensor only points at the
 * memory: both are released separately. */
typedef struct {
    void *data;
    aclTensor *tensor;
} array;

static array array_create(int64_t rows, int64_t columns, aclDataType type, const void *host)
{
    const int64_t both[2] = {rows, columns};
    const int64_t *shape = rows ? both : both + 1;
    const uint64_t rank = rows ? 2 : 1;
    const size_t bytes = (size_t)((rows ? rows : 1) * columns) * aclDataTypeSize(type);
    array a;

    CHECK(aclrtMalloc(&a.data, bytes, ACL_MEM_MALLOC_HUGE_FIRST));
    if (host) {
        CHECK(aclrtMemcpy(a.data, bytes, host, bytes, ACL_MEMCPY_HOST_TO_DEVICE));
    }
    /* Strides NULL: contiguous. The storage behind the view has the same shape. */
    a.tensor = aclCreateTensor(shape, rank, type, NULL, 0, ACL_FORMAT_ND, shape, rank, a.data);
    if (!a.tensor) {
        check(ACLNN_ERR_INNER, "aclCreateTensor");
    }
    return a;
}

static void array_destroy(array a)
{
    CHECK(aclDestroyTensor(a.tensor));
    CHECK(aclrtFree(a.data));
}

/* Phase 2 of any operator: lend it a workspace, queue it on the stream, wait for the stream. */
typedef aclnnStatus (*phase2)(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                              aclrtStream stream);

static void run(phase2 operation, uint64_t workspaceSize, aclOpExecutor *executor, aclrtStream stream)
{
    void *workspace = NULL;

    if (workspaceSize > 0) {
        CHECK(aclrtMalloc(&workspace, workspaceSize, ACL_MEM_MALLOC_HUGE_FIRST));
    }
    CHECK(operation(workspace, workspaceSize, executor, stream));
    CHECK(aclrtSynchronizeStream(stream));
    if (workspace) {
        CHECK(aclrtFree(workspace));
    }
}

/* The host has floats, the operator wants fp16: aclnnCast converts on the device. */
static array array_create_fp16(int64_t rows, int64_t columns, const float *host, aclrtStream stream)
{
    array from = array_create(rows, columns, ACL_FLOAT, host);
    array to = array_create(rows, columns, ACL_FLOAT16, NULL);
    uint64_t workspaceSize = 0;
    aclOpExecutor *executor = NULL;

    CHECK(aclnnCastGetWorkspaceSize(from.tensor, ACL_FLOAT16, to.tensor, &workspaceSize, &executor));
    run(aclnnCast, workspaceSize, executor, stream);
    array_destroy(from);
    return to;
}

/* The parameters of the weight. Up to 64 rows of x1 the operator takes them in the form of deq*, above that
 * in the form of addOffset and mulScale; passing both lets one caller serve any number of rows. */
typedef struct {
    array x2, diagonal, deqOffset, deqScale, addOffset, mulScale;
} weight;

static weight weight_create(aclrtStream stream)
{
    static const float add[N] = {1, 1, 1, 0};
    static const float mul[N] = {2, 2, 1, 1};
    /* The int8 weight of this sample is the memory of 4 floats 1.0f: each of its 4 rows is 0, 0, -128, 63. */
    static const float ones[K * N / 4] = {1, 1, 1, 1};
    int8_t diagonal[EDGE * EDGE];
    int32_t deqOffset[N];
    uint64_t *words = NULL;
    uint64_t count = 0;
    weight w;

    memset(diagonal, 0, sizeof(diagonal));
    for (int i = 0; i < EDGE; i++) {
        diagonal[i * EDGE + i] = 1;
    }
    /* (x2 + ao) * as + add = (x2 + (ao + add / as)) * as: deqOffset is round(add / as + ao), a sum. Here as,
     * the antiquantScale, is 1 and ao, the antiquantOffset, is 0. */
    for (int i = 0; i < N; i++) {
        deqOffset[i] = (int32_t)add[i];
    }
    /* aclnnTransQuantParam, a host function, makes the scale words: here of as * mul. It pads them to a
     * multiple of 16; the tensor is declared with the N that count. The caller frees the words. */
    CHECK(aclnnTransQuantParam(mul, N, NULL, 0, &words, &count));

    w.x2 = array_create(K, N, ACL_INT8, ones);
    w.diagonal = array_create(EDGE, EDGE, ACL_INT8, diagonal);
    w.deqOffset = array_create(0, N, ACL_INT32, deqOffset);
    w.deqScale = array_create(0, N, ACL_UINT64, words);
    w.addOffset = array_create_fp16(0, N, add, stream);
    w.mulScale = array_create_fp16(0, N, mul, stream);
    free(words);
    return w;
}

static void weight_destroy(weight w)
{
    array_destroy(w.x2);
    array_destroy(w.diagonal);
    array_destroy(w.deqOffset);
    array_destroy(w.deqScale);
    array_destroy(w.addOffset);
    array_destroy(w.mulScale);
}

/* m rows of ones times the weight; prints the result. Returns 0 when all rows are equal, as they should be.
 */
static int multiply(int m, weight w, aclrtStream stream)
{
    const size_t count = (size_t)m * N;
    float *ones = (float *)malloc((size_t)m * K * sizeof(*ones));
    aclFloat16 *host = (aclFloat16 *)malloc(count * sizeof(*host));
    uint64_t workspaceSize = 0;
    aclOpExecutor *executor = NULL;
    int differing = 0;

    if (!ones || !host) {
        check(ACL_ERROR_BAD_ALLOC, "malloc");
    }
    for (int i = 0; i < m * K; i++) {
        ones[i] = 1.0f;
    }
    array x1 = array_create_fp16(m, K, ones, stream);
    array out = array_create(m, N, ACL_FLOAT16, NULL);

    /* Phase 1 checks the arguments and plans; nothing is computed yet. No bias, nothing transposed, scale 1
     * and offset 0 for the whole weight. */
    CHECK(aclnnWeightQuantBatchMatmulGetWorkspaceSize(
        x1.tensor, w.x2.tensor, w.diagonal.tensor, w.deqOffset.tensor, w.deqScale.tensor, w.addOffset.tensor,
        w.mulScale.tensor, NULL, false, false, 1.0f, 0.0f, out.tensor, &workspaceSize, &executor));
    run(aclnnWeightQuantBatchMatmul, workspaceSize, executor, stream);

    CHECK(
        aclrtMemcpy(host, count * sizeof(*host), out.data, count * sizeof(*host), ACL_MEMCPY_DEVICE_TO_HOST));
    for (int i = 1; i < m; i++) {
        differing += memcmp(host, host + (size_t)i * N, N * sizeof(*host)) != 0;
    }
    printf("%3d rows, each:", m);
    for (int i = 0; i < N; i++) {
        printf("%s%g", i ? ", " : " ", (double)aclFloat16ToFloat(host[i]));
    }
    printf("%s\n", differing ? " (but not all are equal!)" : "");

    array_destroy(x1);
    array_destroy(out);
    free(ones);
    free(host);
    return differing != 0;
}

int main(void)
{
    aclrtStream stream = NULL;
    int failed = 0;

    CHECK(aclInit(NULL));
    CHECK(aclrtSetDevice(0));
    CHECK(aclrtCreateStream(&stream));

    weight w = weight_create(stream);
    failed |= multiply(128, w, stream); /* takes addOffset and mulScale */
    failed |= multiply(32, w, stream);  /* takes diagonalMatrix, deqOffset and deqScale */
    weight_destroy(w);

    CHECK(aclrtDestroyStream(stream));
    CHECK(aclrtResetDevice(0));
    CHECK(aclFinalize());
    return failed;
}
