/* SPDX-License-Identifier: Apache-2.0 */
/* life.c - the life of a program, in the orders in which real ones begin and end (runtime pages 4.2 and 4.6):
 * each order runs from the first call to the last in this one process, one after the other. */
#include <stdio.h>
#include <string.h>

#include "acl/acl.h"
#include "aclnn/acl_meta.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul.h"

enum { M = 65, N = 2, K = 3 };

static int failures;

#define CHECK(call, expected)                                                                                \
    do {                                                                                                     \
        int status_ = (call);                                                                                \
        if (status_ != (expected)) {                                                                         \
            const char *text_ = aclGetRecentErrMsg();                                                        \
            printf("%s: line %d: %s gave %d\n%s\n", order, __LINE__, #call, status_, text_ ? text_ : "");    \
            failures++;                                                                                      \
        }                                                                                                    \
    } while (0)

/* y = x @ (w * scale), x of ones: columns of (1 + 3 + 5) / 2 and (2 + 4 + 6) / 4. */
typedef struct work {
    aclrtStream streams[2];
    aclrtEvent events[2];
    void *x, *w, *scale, *y, *workspace, *host;
    aclTensor *tensors[4];
} work;

static aclTensor *matrix(aclDataType dtype, int64_t rows, int64_t columns, void *data)
{
    int64_t shape[2] = {rows, columns};
    return aclCreateTensor(shape, 2, dtype, NULL, 0, ACL_FORMAT_ND, shape, 2, data);
}

static void allocate(const char *order, work *w)
{
    static const int8_t weight[K * N] = {1, 2, 3, 4, 5, 6};
    aclFloat16 ones[M * K], scale[N];
    memset(w, 0, sizeof *w);
    for (int i = 0; i < 2; i++) {
        CHECK(aclrtCreateStream(&w->streams[i]), 0);
        CHECK(aclrtCreateEvent(&w->events[i]), 0);
    }
    CHECK(aclrtMalloc(&w->x, sizeof ones, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    CHECK(aclrtMalloc(&w->w, sizeof weight, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    CHECK(aclrtMalloc(&w->scale, sizeof scale, ACL_MEM_MALLOC_NORMAL_ONLY), 0);
    CHECK(aclrtMalloc(&w->y, M * N * sizeof(aclFloat16), ACL_MEM_MALLOC_HUGE_FIRST), 0);
    CHECK(aclrtMallocHost(&w->host, M * N * sizeof(aclFloat16)), 0);
    for (int i = 0; i < M * K; i++)
        ones[i] = aclFloatToFloat16(1.0f);
    scale[0] = aclFloatToFloat16(0.5f);
    scale[1] = aclFloatToFloat16(0.25f);
    CHECK(aclrtMemcpy(w->x, sizeof ones, ones, sizeof ones, ACL_MEMCPY_HOST_TO_DEVICE), 0);
    CHECK(aclrtMemcpy(w->w, sizeof weight, weight, sizeof weight, ACL_MEMCPY_HOST_TO_DEVICE), 0);
    CHECK(aclrtMemcpy(w->scale, sizeof scale, scale, sizeof scale, ACL_MEMCPY_HOST_TO_DEVICE), 0);
    w->tensors[0] = matrix(ACL_FLOAT16, M, K, w->x);
    w->tensors[1] = matrix(ACL_INT8, K, N, w->w);
    w->tensors[2] = matrix(ACL_FLOAT16, 1, N, w->scale);
    w->tensors[3] = matrix(ACL_FLOAT16, M, N, w->y);
}

/* The product in one stream, the copy to the host in another that waits for it by an event. */
static void queue(const char *order, work *w)
{
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    aclTensor **t = w->tensors;
    CHECK(aclrtRecordEvent(w->events[0], w->streams[0]), 0);
    CHECK(aclnnWeightQuantBatchMatmulGetWorkspaceSize(t[0], t[1], NULL, NULL, NULL, NULL, t[2], NULL, false,
                                                      false, 1.0f, 0.0f, t[3], &size, &executor),
          0);
    CHECK(aclrtMalloc(&w->workspace, size, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    CHECK(aclnnWeightQuantBatchMatmul(w->workspace, size, executor, w->streams[0]), 0);
    CHECK(aclrtRecordEvent(w->events[1], w->streams[0]), 0);
    CHECK(aclrtStreamWaitEvent(w->streams[1], w->events[1]), 0);
    CHECK(aclrtMemcpyAsync(w->host, M * N * sizeof(aclFloat16), w->y, M * N * sizeof(aclFloat16),
                           ACL_MEMCPY_DEVICE_TO_HOST, w->streams[1]),
          0);
}

static void look(const char *order, const work *w)
{
    const aclFloat16 *y = (const aclFloat16 *)w->host;
    for (int i = 0; i < M * N; i++)
        if (aclFloat16ToFloat(y[i]) != (i % 2 ? 3.0f : 4.5f)) {
            printf("%s: y[%d] is %g\n", order, i, aclFloat16ToFloat(y[i]));
            failures++;
            break;
        }
}

static void wait_all(const char *order, const work *w)
{
    float ms = -1;
    CHECK(aclrtSynchronizeStream(w->streams[1]), 0);
    CHECK(aclrtEventElapsedTime(&ms, w->events[0], w->events[1]), 0);
    if (!(ms >= 0)) {
        printf("%s: %g ms passed\n", order, ms);
        failures++;
    }
}

static void destroy_tensors(const char *order, const work *w)
{
    for (int i = 0; i < 4; i++)
        CHECK(aclDestroyTensor(w->tensors[i]), 0);
}

static void free_device_memory(const char *order, const work *w)
{
    CHECK(aclrtFree(w->x), 0);
    CHECK(aclrtFree(w->w), 0);
    CHECK(aclrtFree(w->scale), 0);
    CHECK(aclrtFree(w->y), 0);
    CHECK(aclrtFree(w->workspace), 0);
}

static void destroy_streams(const char *order, const work *w)
{
    for (int i = 0; i < 2; i++) {
        CHECK(aclrtDestroyEvent(w->events[i]), 0);
        CHECK(aclrtDestroyStream(w->streams[i]), 0);
    }
}

/* As the documentation does it. */
static void by_the_book(void)
{
    static const char order[] = "by the book";
    work w;
    CHECK(aclInit(NULL), 0);
    CHECK(aclrtSetDevice(0), 0);
    allocate(order, &w);
    queue(order, &w);
    wait_all(order, &w);
    look(order, &w);
    destroy_tensors(order, &w);
    free_device_memory(order, &w);
    CHECK(aclrtFreeHost(w.host), 0);
    destroy_streams(order, &w);
    CHECK(aclrtResetDevice(0), 0);
    CHECK(aclFinalize(), 0);
}

/* Device and process end first; what belongs to them is released after. */
static void frees_after_finalize(void)
{
    static const char order[] = "frees after finalize";
    work w;
    CHECK(aclInit(""), 0);
    CHECK(aclrtSetDevice(0), 0);
    allocate(order, &w);
    queue(order, &w);
    wait_all(order, &w);
    look(order, &w);
    CHECK(aclrtResetDevice(0), 0);
    CHECK(aclFinalize(), 0);
    destroy_streams(order, &w);
    free_device_memory(order, &w);
    destroy_tensors(order, &w);
    CHECK(aclrtFreeHost(w.host), 0);
    CHECK(aclrtFree(w.x), 207002);
    CHECK(aclrtDestroyStream(w.streams[0]), 107017);
}

/* Everything that may go, goes as soon as phase 2 has been called. */
static void frees_at_once(void)
{
    static const char order[] = "frees at once";
    work w;
    CHECK(aclrtSetDevice(0), 0); /* before aclInit */
    CHECK(aclInit(NULL), 0);
    allocate(order, &w);
    queue(order, &w);
    destroy_tensors(order, &w);
    free_device_memory(order, &w);
    destroy_streams(order, &w); /* waits for what is queued */
    look(order, &w);
    CHECK(aclrtFreeHost(w.host), 0);
    CHECK(aclFinalize(), 0);
    CHECK(aclFinalize(), 100037);
    CHECK(aclrtResetDevice(0), 0); /* after aclFinalize */
    CHECK(aclrtResetDevice(0), 507007);
}

/* aclFinalize with work under way: it ends nothing that still runs. */
static void finalize_first(void)
{
    static const char order[] = "finalize first";
    work w;
    CHECK(aclInit(NULL), 0);
    CHECK(aclrtSetDevice(0), 0);
    allocate(order, &w);
    queue(order, &w);
    CHECK(aclFinalize(), 0);
    wait_all(order, &w);
    look(order, &w);
    destroy_streams(order, &w);
    CHECK(aclrtResetDevice(0), 0);
    destroy_tensors(order, &w);
    free_device_memory(order, &w);
    CHECK(aclrtFreeHost(w.host), 0);
}

/* No aclInit at all, a context of the program's own, ended before its streams. */
static void own_context(void)
{
    static const char order[] = "own context";
    work w;
    aclrtContext context = NULL, current = NULL;
    int32_t device = -1;
    CHECK(aclrtCreateContext(&context, 0), 0);
    CHECK(aclrtGetCurrentContext(&current), 0);
    CHECK(aclrtGetDevice(&device), 0);
    CHECK(current == context && device == 0, 1);
    allocate(order, &w);
    queue(order, &w);
    CHECK(aclrtDestroyContext(context), 0); /* waits for its streams */
    look(order, &w);
    CHECK(aclrtGetDevice(&device), 107002);
    destroy_streams(order, &w);
    destroy_tensors(order, &w);
    free_device_memory(order, &w);
    CHECK(aclrtFreeHost(w.host), 0);
}

int main(void)
{
    for (int round = 0; round < 3; round++) {
        by_the_book();
        frees_after_finalize();
        frees_at_once();
        finalize_first();
        own_context();
    }
    printf("%d failures\n", failures);
    return failures != 0;
}
