/* SPDX-License-Identifier: Apache-2.0 */
/* test_out_of_memory.c - one program that uses every function that can run out of memory, run again and again
 * with its first, second, third ... allocation failing. The function that meets it must give the code of its
 * docstring and leave its outputs alone. Then either that allocation alone has failed, and the same call
 * succeeds, or everything fails from there on, and all that was made must still be torn down. Every run is a
 * process of its own, so that what is made once per process is made in each; address sanitizer builds look
 * for leaks at the end of each. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "aclnn/aclnn_base.h"
#include "aclnnop/aclnn_cast.h"
#include "aclnnop/aclnn_convert_weight_to_int4_pack.h"
#include "aclnnop/aclnn_npu_format_cast.h"
#include "aclnnop/aclnn_trans_matmul_weight.h"
#include "aclnnop/aclnn_trans_quant_param.h"
#include "aclnnop/aclnn_trans_quant_param_v2.h"
#include "aclnnop/aclnn_trans_quant_param_v3.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_nz.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v3.h"
#include "antiquant.h"
#include "base/memory.h"
#include "support/child.h"
#include "support/layers.h"
#include "support/message.h"

#if defined(__SANITIZE_ADDRESS__)
int __lsan_do_recoverable_leak_check(void);
#define LEAKS() __lsan_do_recoverable_leak_check()
#else
#define LEAKS() 0
#endif

enum { STOPPED = -1, N = 64 }; /* a function of the program: 0, the line of a failed check, or STOPPED */

static bool everything_fails; /* from the first failure on */
static int failures;

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return __LINE__;                                                                                 \
    } while (0)

/* One entry point: 0, or code when memory is out, and then untouched holds. */
#define TRY(call, code, untouched)                                                                           \
    do {                                                                                                     \
        int status_ = (call);                                                                                \
        if (status_ != 0) {                                                                                  \
            CHECK(status_ == (code) && failures == 0 && (untouched) && aclGetRecentErrMsg() != NULL);        \
            failures++;                                                                                      \
            if (everything_fails)                                                                            \
                return STOPPED;                                                                              \
            CHECK(aq_memory_fail_from(0) == 1);                                                              \
            CHECK((call) == 0);                                                                              \
        }                                                                                                    \
    } while (0)

/* One that gives a pointer. */
#define MAKE(variable, call) TRY(((variable) = (call)) ? 0 : 1, 1, true)

#define RUN(part)                                                                                            \
    do {                                                                                                     \
        int line_ = (part);                                                                                  \
        if (line_ != 0)                                                                                      \
            return line_;                                                                                    \
    } while (0)

/* ---- What the program has made so far ---- */

static struct {
    int devices;
    aclrtContext context;
    aclrtStream streams[2];
    aclrtEvent events[3];
    void *blocks[2], *host;
    aclTensor *tensors[LAYER_TENSORS], *lone[6];
    aclTensorList *list;
    aclIntArray *ints;
    aclFloatArray *floats;
    aclBoolArray *bools;
    aclScalar *scalar;
    aclScalarList *scalars;
    aclOpExecutor *executor;
    uint64_t *words;
    int64_t *dims;
} made;

static void free_and_forget(void *pointer_to_pointer)
{
    void **pointer = pointer_to_pointer;
    free(*pointer);
    *pointer = NULL;
}

#define END(handle, call)                                                                                    \
    do {                                                                                                     \
        if (handle)                                                                                          \
            CHECK((call)(handle) == 0);                                                                      \
        (handle) = NULL;                                                                                     \
    } while (0)

/* Never needs memory. */
static int end_tensors(void)
{
    for (int i = 0; i < LAYER_TENSORS; i++)
        END(made.tensors[i], aclDestroyTensor);
    for (int i = 0; i < 6; i++)
        END(made.lone[i], aclDestroyTensor);
    END(made.list, aclDestroyTensorList);
    END(made.ints, aclDestroyIntArray);
    END(made.floats, aclDestroyFloatArray);
    END(made.bools, aclDestroyBoolArray);
    END(made.scalar, aclDestroyScalar);
    END(made.scalars, aclDestroyScalarList);
    END(made.executor, aclDestroyAclOpExecutor);
    free_and_forget(&made.words);
    free_and_forget(&made.dims);
    return 0;
}

static int tear_down(void)
{
    if (made.context)
        CHECK(aclrtSetCurrentContext(made.context) == 0);
    if (made.devices > 0 || made.context)
        CHECK(aclrtSynchronizeDevice() == 0);
    RUN(end_tensors());
    for (int i = 0; i < 3; i++)
        END(made.events[i], aclrtDestroyEvent);
    for (int i = 0; i < 2; i++) {
        END(made.streams[i], aclrtDestroyStream);
        END(made.blocks[i], aclrtFree);
    }
    END(made.host, aclrtFreeHost);
    END(made.context, aclrtDestroyContext);
    for (; made.devices > 0; made.devices--)
        CHECK(aclrtResetDevice(0) == 0);
    return 0;
}

/* ---- The program ---- */

static void call_back(void *called)
{
    ++*(int *)called;
}

static int callbacks(void)
{
    static int called;
    uint64_t self = (uint64_t)pthread_self();
    TRY(aclrtSubscribeReport(self, made.streams[0]), 207001, true);
    TRY(aclrtLaunchCallback(call_back, &called, ACL_CALLBACK_NO_BLOCK, made.streams[0]), 207001, true);
    CHECK(aclrtProcessReport(-1) == 0 && called == 1);
    CHECK(aclrtUnSubscribeReport(self, made.streams[0]) == 0);
    return 0;
}

static int streams_and_memory(void)
{
    TRY(aclrtSetDevice(0), 207001, aclrtGetCurrentContext(&(aclrtContext){NULL}) == 107002);
    made.devices = 1;
    TRY(aclrtCreateContext(&made.context, 0), 207001, !made.context);
    TRY(aclrtCreateStream(&made.streams[0]), 207001, !made.streams[0]);
    TRY(aclrtCreateStreamWithConfig(&made.streams[1], 0, ACL_STREAM_FAST_LAUNCH), 207001, !made.streams[1]);
    TRY(aclrtCreateEvent(&made.events[0]), 207001, !made.events[0]);
    TRY(aclrtCreateEventWithFlag(&made.events[1], ACL_EVENT_TIME_LINE), 207001, !made.events[1]);
    TRY(aclrtCreateEventExWithFlag(&made.events[2], ACL_EVENT_SYNC), 207001, !made.events[2]);
    TRY(aclrtMalloc(&made.blocks[0], 4096, ACL_MEM_MALLOC_HUGE_FIRST), 207001, !made.blocks[0]);
    TRY(aclrtMallocAlign32(&made.blocks[1], 4096, ACL_MEM_MALLOC_HUGE_FIRST), 207001, !made.blocks[1]);
    TRY(aclrtMallocHost(&made.host, 4096), 207001, !made.host);
    memset(made.host, 7, 4096);
    TRY(aclrtMemsetAsync(made.blocks[0], 4096, 1, 4096, made.streams[0]), 207001, true);
    TRY(aclrtMemcpyAsync(made.blocks[1], 4096, made.host, 4096, ACL_MEMCPY_HOST_TO_DEVICE, made.streams[1]),
        207001, true);
    TRY(aclrtRecordEvent(made.events[0], made.streams[1]), 207001, true);
    TRY(aclrtStreamWaitEvent(made.streams[0], made.events[0]), 207001, true);
    TRY(aclrtMemcpyAsync(made.blocks[0], 4096, made.blocks[1], 4096, ACL_MEMCPY_DEVICE_TO_DEVICE,
                         made.streams[0]),
        207001, true);
    CHECK(aclrtSynchronizeStream(made.streams[0]) == 0);
    CHECK(((char *)made.blocks[0])[4095] == 7);
    return callbacks();
}

static int arrays(void)
{
    static const int64_t two[2] = {2, 3};
    static const float halves[2] = {0.5f, 1.5f};
    static const bool flags[2] = {true, false};
    double value = 1;
    uint64_t size = 99, rank = 99;
    MAKE(made.ints, aclCreateIntArray(two, 2));
    MAKE(made.floats, aclCreateFloatArray(halves, 2));
    MAKE(made.bools, aclCreateBoolArray(flags, 2));
    MAKE(made.scalar, aclCreateScalar(&value, ACL_DOUBLE));
    const aclScalar *scalars[1] = {made.scalar};
    MAKE(made.scalars, aclCreateScalarList(scalars, 1));
    made.scalar = NULL; /* the list's now */
    MAKE(made.lone[0], aclCreateTensor(two, 2, ACL_FLOAT, NULL, 0, ACL_FORMAT_ND, two, 2, NULL));
    TRY(aclInitTensor(made.lone[0], two, 2, ACL_INT32, NULL, 0, ACL_FORMAT_ND, two, 2, NULL), 561103, true);
    TRY(aclGetViewShape(made.lone[0], &made.dims, &rank), 561103, !made.dims && rank == 99);
    free_and_forget(&made.dims);
    TRY(aclGetStorageShape(made.lone[0], &made.dims, &rank), 561103, !made.dims);
    free_and_forget(&made.dims);
    TRY(aclGetViewStrides(made.lone[0], &made.dims, &rank), 561103, !made.dims);
    const aclTensor *tensors[1] = {made.lone[0]};
    MAKE(made.list, aclCreateTensorList(tensors, 1));
    made.lone[0] = NULL;
    TRY(aclnnCalculateMatmulWeightSize(made.ints, &size), 1, false);
    return end_tensors();
}

static const layer *layer_of_run;

static int tensors_of_layer(const layer *one, void *out)
{
    const int64_t dims[LAYER_TENSORS][2] = {[LAYER_X1] = {one->m, one->k},
                                            [LAYER_X2] = {one->k, one->n},
                                            [2] = {32, 32},
                                            [3] = {one->n},
                                            [4] = {one->n},
                                            [LAYER_OUT] = {one->m, one->n}};
    const struct {
        int rank;
        aclDataType dtype;
        void *data;
    } what[LAYER_TENSORS] = {[LAYER_X1] = {2, ACL_FLOAT16, one->x}, [LAYER_X2] = {2, ACL_INT8, one->weight},
                             [2] = {2, ACL_INT8, one->diagonal},    [3] = {1, ACL_INT32, one->offset},
                             [4] = {1, ACL_UINT64, one->word},      [LAYER_OUT] = {2, ACL_FLOAT16, out}};
    for (int i = 0; i < LAYER_TENSORS; i++)
        if (what[i].rank > 0)
            MAKE(made.tensors[i],
                 aclCreateTensor(dims[i], (uint64_t)what[i].rank, what[i].dtype, NULL, 0, ACL_FORMAT_ND,
                                 dims[i], (uint64_t)what[i].rank, what[i].data));
    return 0;
}

/* Phase 1's outputs, before and after it is refused. */
static uint64_t size;
#define UNTOUCHED (size == 99 && !made.executor)

/* The first layer has work for several threads, so this also makes the pool; without memory for it the loop
 * is serial. */
static int multiply(void)
{
    static uint16_t out[LAYER_MOST_OUT];
    const layer *one = layer_of_run;
    RUN(tensors_of_layer(one, out));
    for (int own = 0; own < 2; own++) { /* a workspace of the caller's, or the library's */
        size = 99;
        TRY(layer_phase1_of(one, made.tensors, &size, &made.executor), 561101, UNTOUCHED);
        TRY(aclSetAclOpExecutorRepeatable(made.executor), 1, false);
        TRY(aclSetTensorAddr(made.executor, LAYER_OUT, made.tensors[LAYER_OUT], out), 1, false);
        if (own) {
            END(made.blocks[0], aclrtFree);
            TRY(aclrtMalloc(&made.blocks[0], size, ACL_MEM_MALLOC_HUGE_FIRST), 207001, !made.blocks[0]);
        }
        TRY(aclnnWeightQuantBatchMatmul(own ? made.blocks[0] : NULL, own ? size : 0, made.executor,
                                        made.streams[0]),
            207001, true);
        CHECK(aclrtSynchronizeStream(made.streams[0]) == 0);
        for (int64_t i = 0; i < one->m * one->n; i++)
            CHECK(out[i] == one->answer[i]);
        memset(out, 0, sizeof out);
        END(made.executor, aclDestroyAclOpExecutor);
    }
    return end_tensors();
}

#define TENSOR(index, dtype, data, ...)                                                                      \
    MAKE(made.lone[index],                                                                                   \
         aclCreateTensor((const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / 8, dtype,  \
                         NULL, 0, ACL_FORMAT_ND, (const int64_t[]){__VA_ARGS__},                             \
                         sizeof((const int64_t[]){__VA_ARGS__}) / 8, data))

/* Phase 1, then phase 2, which takes the executor also when memory is out. */
#define PHASES(phase1, phase2)                                                                               \
    do {                                                                                                     \
        size = 99;                                                                                           \
        TRY(phase1, 561101, UNTOUCHED);                                                                      \
        TRY(aclSetAclOpExecutorRepeatable(made.executor), 1, false);                                         \
        TRY(phase2(NULL, 0, made.executor, made.streams[0]), 207001, true);                                  \
        CHECK(aclrtSynchronizeStream(made.streams[0]) == 0);                                                 \
        END(made.executor, aclDestroyAclOpExecutor);                                                         \
    } while (0)

static uint16_t halves[N * N], half_out[N * N];
static float floats[N * N];
static int32_t integers[N * N];
static int8_t bytes[N * N], byte_out[N * N];
static uint64_t word_out[N];

static aclFormat format_of(const aclTensor *tensor)
{
    aclFormat format = ACL_FORMAT_UNDEFINED;
    return aclGetFormat(tensor, &format) == 0 ? format : ACL_FORMAT_UNDEFINED;
}

static int matrices(void)
{
    TENSOR(0, ACL_FLOAT16, halves, 16, N);
    TENSOR(1, ACL_INT8, bytes, N, N);
    TENSOR(2, ACL_FLOAT16, halves, N);
    TENSOR(3, ACL_FLOAT16, half_out, 16, N);
    PHASES(aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(made.lone[0], made.lone[1], made.lone[2], NULL, NULL,
                                                         NULL, NULL, 0, made.lone[3], &size, &made.executor),
           aclnnWeightQuantBatchMatmulV2);
    PHASES(aclnnWeightQuantBatchMatmulV3GetWorkspaceSize(made.lone[0], made.lone[1], made.lone[2], NULL, NULL,
                                                         NULL, NULL, 0, 0, made.lone[3], &size,
                                                         &made.executor),
           aclnnWeightQuantBatchMatmulV3);
    static int8_t packed[N * N];
    TRY(aq_packed_weight_size(made.lone[1], false, &size), 1, false);
    TRY(aq_pack_weight(made.lone[1], false, packed, sizeof packed, &made.lone[4]), 561103, !made.lone[4]);
    PHASES(aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(made.lone[0], made.lone[4], made.lone[2], NULL, NULL,
                                                         NULL, NULL, 0, made.lone[3], &size, &made.executor),
           aclnnWeightQuantBatchMatmulV2);
    size = 99;
    TRY(aclnnTransMatmulWeightGetWorkspaceSize(made.lone[1], &size, &made.executor),
        status_ == 561103 ? 561103 : 561101, UNTOUCHED && format_of(made.lone[1]) == ACL_FORMAT_ND);
    CHECK(aclSetAclOpExecutorRepeatable(made.executor) == 0); /* or an error would consume it */
    TRY(aclnnTransMatmulWeight(NULL, 0, made.executor, made.streams[0]), 207001, true);
    CHECK(aclrtSynchronizeStream(made.streams[0]) == 0);
    END(made.executor, aclDestroyAclOpExecutor);
    PHASES(aclnnWeightQuantBatchMatmulNzGetWorkspaceSize(made.lone[0], made.lone[1], made.lone[2], NULL, NULL,
                                                         NULL, NULL, 0, made.lone[3], &size, &made.executor),
           aclnnWeightQuantBatchMatmulNz);
    return end_tensors();
}

static int companions(void)
{
    static const float scales[N] = {1, 2, 3};
    uint64_t count = 99;
    int format = 99;
    TRY(aclnnTransQuantParam(scales, N, NULL, 0, &made.words, &count), 561103, !made.words && count == 99);
    TENSOR(0, ACL_FLOAT, floats, N);
    TENSOR(1, ACL_UINT64, word_out, N);
    TENSOR(2, ACL_FLOAT16, half_out, N);
    TENSOR(3, ACL_INT8, bytes, N, N);
    PHASES(aclnnTransQuantParamV2GetWorkspaceSize(made.lone[0], NULL, made.lone[1], &size, &made.executor),
           aclnnTransQuantParamV2);
    PHASES(aclnnTransQuantParamV3GetWorkspaceSize(made.lone[0], NULL, 0, made.lone[1], &size, &made.executor),
           aclnnTransQuantParamV3);
    PHASES(aclnnCastGetWorkspaceSize(made.lone[0], ACL_FLOAT16, made.lone[2], &size, &made.executor),
           aclnnCast);
    TRY(aclnnNpuFormatCastCalculateSizeAndFormat(made.lone[3], ACL_FORMAT_FRACTAL_NZ, -1, &made.dims, &count,
                                                 &format),
        561103, !made.dims && format == 99);
    MAKE(made.lone[4], aclCreateTensor((const int64_t[]){N, N}, 2, ACL_INT8, NULL, 0, ACL_FORMAT_FRACTAL_NZ,
                                       made.dims, count, byte_out));
    PHASES(aclnnNpuFormatCastGetWorkspaceSize(made.lone[3], made.lone[4], &size, &made.executor),
           aclnnNpuFormatCast);
    RUN(end_tensors());
    TENSOR(0, ACL_INT32, integers, N, N);
    TENSOR(1, ACL_INT32, byte_out, N, N / 8);
    TRY(aclnnConvertWeightToINT4PackGetWorkspaceSize(made.lone[0], made.lone[1], &size, &made.executor), 1,
        false);
    return end_tensors();
}

static int program(void)
{
    RUN(streams_and_memory());
    RUN(arrays());
    RUN(multiply());
    RUN(matrices());
    RUN(companions());
    return 0;
}

/* ---- The runs ---- */

typedef struct outcome {
    uint64_t n; /* asked */
    bool everything_fails;
    int line, end_line, failures, leaks;
    uint64_t left;
    char text[512];
} outcome;

static outcome asked;

static void run_program(void *memory)
{
    outcome *result = memory;
    *result = asked;
    everything_fails = asked.everything_fails;
    aq_memory_fail_from(asked.n);
    int line = program();
    result->line = line == STOPPED ? 0 : line;
    const char *text = line > 0 ? aclGetRecentErrMsg() : NULL;
    snprintf(result->text, sizeof result->text, "%s", text ? text : "");
    result->failures = failures;
    result->end_line = tear_down();
    result->left = aq_memory_fail_from(0);
    result->leaks = LEAKS();
}

/* Until a run in which no allocation failed. Returns how many runs met an error. */
static int all_runs(bool all_fail, layer layers[LAYERS])
{
    static const char *const variables[] = {"ANTIQUANT_THREADS=2", "ANTIQUANT_PROFILE=any", NULL};
    int errors = 0;
    layer_of_run = &layers[0];
    for (uint64_t n = 1;; n++) {
        outcome result;
        asked = (outcome){.n = n, .everything_fails = all_fail};
        int status = in_child(variables, run_program, &result, sizeof result);
        if (status != 0 || result.line || result.end_line || result.leaks)
            fail_msg("allocation %d: status %d, line %d, at the end line %d, leaks %d; %s", (int)n, status,
                     result.line, result.end_line, result.leaks, result.text);
        errors += result.failures;
        if (result.left > 1 && result.failures == 0)
            return errors;
        assert_true(n < 2000);
    }
}

static layer layers[LAYERS];

static void test_one_failure(void **state)
{
    (void)state;
    int errors = all_runs(false, layers);
    printf("%d allocations made a function fail, and only once\n", errors);
    assert_true(errors > 60);
}

static void test_all_fail_from_there_on(void **state)
{
    (void)state;
    assert_true(all_runs(true, layers) > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_failure),
        cmocka_unit_test(test_all_fail_from_there_on),
    };
    if (layers_make(layers, 7, true) != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    layers_free(layers);
    return failed;
}
