/* SPDX-License-Identifier: Apache-2.0 */
/* test_nulls.c - a null in every pointer position of every function of runtime page 4.3, one a line, and what
 * it must answer (runtime pages 4.5 and 4.6). Phase 1 of each operator has tests of its own. Where null means
 * something (the default stream, no value, nothing to destroy) that is what the line shows. */
#include <string.h>

#include "aclnn/aclnn_base.h"
#include "aclnnop/aclnn_cast.h"
#include "aclnnop/aclnn_npu_format_cast.h"
#include "aclnnop/aclnn_trans_matmul_weight.h"
#include "aclnnop/aclnn_trans_quant_param.h"
#include "aclnnop/aclnn_trans_quant_param_v2.h"
#include "aclnnop/aclnn_trans_quant_param_v3.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_nz.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v3.h"
#include "support/message.h"
#include "support/v1.h"

/* The call gives code; when that is an error, it says so in a text. */
#define IS(code, call)                                                                                       \
    do {                                                                                                     \
        (void)aclGetRecentErrMsg();                                                                          \
        int status_ = (call);                                                                                \
        if (status_ != (code) || ((code) != 0 && !aclGetRecentErrMsg()))                                     \
            fail_msg("%s gave %d", #call, status_);                                                          \
    } while (0)

/* Values that a refused call must not write. */
static int32_t number;
static uint64_t count;
static void *pointer;
static size_t bytes;
static float ms;
static char room[64];

static int set_up(void **state)
{
    (void)state;
    number = 77;
    count = bytes = 77;
    pointer = NULL;
    ms = 77;
    return aclrtSetDevice(0);
}

static int tear_down(void **state)
{
    (void)state;
    return aclrtResetDevice(0) || number != 77 || count != 77 || bytes != 77 || pointer || ms != 77;
}

static void process_and_devices(void **state)
{
    (void)state;
    IS(100000, aclFinalizeReference(NULL));
    IS(0, aclnnInit(NULL));
    IS(100000, aclrtGetVersion(NULL, &number, &number));
    IS(100000, aclrtGetVersion(&number, NULL, &number));
    IS(100000, aclrtGetVersion(&number, &number, NULL));
    IS(100000, aclrtGetDevice(NULL));
    IS(100000, aclrtGetDeviceCount(NULL));
    IS(100000, aclrtGetRunMode(NULL));
    IS(100000, aclrtDeviceCanAccessPeer(NULL, 0, 1));
    IS(100000, aclrtCreateContext(NULL, 0));
    IS(100000, aclrtDestroyContext(NULL));
    IS(100000, aclrtSetCurrentContext(NULL));
    IS(100000, aclrtGetCurrentContext(NULL));
    aclAppLog(ACL_DEBUG, NULL, NULL, 0, NULL);
}

static void call_back(void *data)
{
    (void)data;
}

static void streams_and_events(void **state)
{
    (void)state;
    aclrtEvent event = NULL;
    aclrtEventStatus event_status = ACL_EVENT_STATUS_RESERVED;
    aclrtEventRecordedStatus recorded_status = ACL_EVENT_RECORDED_STATUS_NOT_READY;
    aclrtStreamStatus stream_status = ACL_STREAM_STATUS_RESERVED;
    assert_int_equal(aclrtCreateEvent(&event), 0);
    IS(100000, aclrtCreateStream(NULL));
    IS(100000, aclrtCreateStreamWithConfig(NULL, 0, 0));
    IS(100000, aclrtDestroyStream(NULL));
    IS(100000, aclrtDestroyStreamForce(NULL));
    IS(0, aclrtSynchronizeStream(NULL)); /* the default stream, as in all that follow */
    IS(0, aclrtSynchronizeStreamWithTimeout(NULL, 1));
    IS(0, aclrtStreamQuery(NULL, &stream_status));
    IS(100000, aclrtStreamQuery(NULL, NULL));
    IS(0, aclrtStreamWaitEvent(NULL, event));
    IS(100000, aclrtStreamWaitEvent(NULL, NULL));
    IS(0, aclrtSetStreamFailureMode(NULL, ACL_CONTINUE_ON_FAILURE));
    IS(100000, aclrtCreateEvent(NULL));
    IS(100000, aclrtCreateEventWithFlag(NULL, ACL_EVENT_SYNC));
    IS(100000, aclrtCreateEventExWithFlag(NULL, ACL_EVENT_SYNC));
    IS(100000, aclrtDestroyEvent(NULL));
    IS(0, aclrtRecordEvent(event, NULL));
    IS(100000, aclrtRecordEvent(NULL, NULL));
    IS(0, aclrtSynchronizeEvent(event));
    IS(100000, aclrtSynchronizeEvent(NULL));
    IS(100000, aclrtQueryEvent(NULL, &event_status));
    IS(100000, aclrtQueryEvent(event, NULL));
    IS(100000, aclrtQueryEventStatus(NULL, &recorded_status));
    IS(100000, aclrtQueryEventStatus(event, NULL));
    IS(100000, aclrtEventElapsedTime(NULL, event, event));
    IS(100000, aclrtEventElapsedTime(&ms, NULL, event));
    IS(100000, aclrtEventElapsedTime(&ms, event, NULL));
    IS(100000, aclrtLaunchCallback(NULL, room, ACL_CALLBACK_BLOCK, NULL));
    IS(107015, aclrtLaunchCallback(call_back, NULL, ACL_CALLBACK_BLOCK, NULL));
    IS(107012, aclrtUnSubscribeReport(1, NULL));
    IS(0, aclrtSubscribeReport(1, NULL));
    IS(0, aclrtUnSubscribeReport(1, NULL));
    assert_int_equal(event_status, ACL_EVENT_STATUS_RESERVED);
    IS(0, aclrtDestroyEvent(event));
}

static void memory(void **state)
{
    (void)state;
    IS(100000, aclrtMalloc(NULL, 1, ACL_MEM_MALLOC_HUGE_FIRST));
    IS(100000, aclrtMallocAlign32(NULL, 1, ACL_MEM_MALLOC_HUGE_FIRST));
    IS(100000, aclrtFree(NULL));
    IS(100000, aclrtMallocHost(NULL, 1));
    IS(100000, aclrtFreeHost(NULL));
    IS(100000, aclrtGetMemInfo(ACL_HBM_MEM, NULL, &bytes));
    IS(100000, aclrtGetMemInfo(ACL_HBM_MEM, &bytes, NULL));
    IS(100000, aclrtMemcpy(NULL, 8, room, 8, ACL_MEMCPY_HOST_TO_DEVICE));
    IS(100000, aclrtMemcpy(room, 8, NULL, 8, ACL_MEMCPY_HOST_TO_DEVICE));
    IS(100000, aclrtMemcpyAsync(NULL, 8, room, 8, ACL_MEMCPY_HOST_TO_DEVICE, NULL));
    IS(100000, aclrtMemcpyAsync(room, 8, NULL, 8, ACL_MEMCPY_HOST_TO_DEVICE, NULL));
    IS(0, aclrtMemcpyAsync(room, 8, room + 8, 8, ACL_MEMCPY_HOST_TO_DEVICE, NULL));
    IS(0, aclrtMemcpy(NULL, 0, NULL, 0, ACL_MEMCPY_HOST_TO_DEVICE)); /* count 0 comes before any check */
    IS(100000, aclrtMemset(NULL, 8, 0, 8));
    IS(100000, aclrtMemsetAsync(NULL, 8, 0, 8, NULL));
    IS(207000, aclrtReserveMemAddress(NULL, 1, 0, NULL, 0));
    IS(207000, aclrtReleaseMemAddress(NULL));
    IS(207000, aclrtMallocPhysical(NULL, 1, NULL, 0));
    IS(207000, aclrtFreePhysical(NULL));
    IS(207000, aclrtMapMem(NULL, 1, 0, NULL, 0));
    IS(207000, aclrtUnmapMem(NULL));
    IS(207000, aclrtMemGetAllocationGranularity(NULL, ACL_RT_MEM_ALLOC_GRANULARITY_MINIMUM, NULL));
    IS(207000, aclmdlRICaptureBegin(NULL, ACL_MODEL_RI_CAPTURE_MODE_GLOBAL));
    IS(207000, aclmdlRICaptureEnd(NULL, NULL));
    IS(207000, aclmdlRIExecuteAsync(NULL, NULL));
    IS(207000, aclmdlRIDestroy(NULL));
    IS(0, InitHugeMemThreadLocal(NULL, false));
    UnInitHugeMemThreadLocal(NULL, false);
    ReleaseHugeMem(NULL, false);
}

static void lists(void **state)
{
    (void)state;
    uint64_t size = 9;
    aclIntArray *ints = aclCreateIntArray(NULL, 0);
    aclFloatArray *floats = aclCreateFloatArray(NULL, 0);
    aclBoolArray *bools = aclCreateBoolArray(NULL, 0);
    aclTensorList *tensors = aclCreateTensorList(NULL, 0);
    aclScalarList *scalars = aclCreateScalarList(NULL, 0);
    assert_true(ints && floats && bools && tensors && scalars);
    assert_true(!aclCreateIntArray(NULL, 1) && !aclCreateFloatArray(NULL, 1) &&
                !aclCreateBoolArray(NULL, 1) && !aclCreateTensorList(NULL, 1) &&
                !aclCreateScalarList(NULL, 1) && !aclCreateScalar(NULL, ACL_FLOAT));
    assert_true(aclGetIntArraySize(ints, &size) == 0 && size == 0);
    assert_true(aclGetFloatArraySize(floats, &size) == 0 && size == 0);
    assert_true(aclGetBoolArraySize(bools, &size) == 0 && size == 0);
    assert_true(aclGetTensorListSize(tensors, &size) == 0 && size == 0);
    assert_true(aclGetScalarListSize(scalars, &size) == 0 && size == 0);
    IS(161001, aclGetIntArraySize(NULL, &count));
    IS(161001, aclGetIntArraySize(ints, NULL));
    IS(161001, aclGetFloatArraySize(NULL, &count));
    IS(161001, aclGetFloatArraySize(floats, NULL));
    IS(161001, aclGetBoolArraySize(NULL, &count));
    IS(161001, aclGetBoolArraySize(bools, NULL));
    IS(161001, aclGetTensorListSize(NULL, &count));
    IS(161001, aclGetTensorListSize(tensors, NULL));
    IS(161001, aclGetScalarListSize(NULL, &count));
    IS(161001, aclGetScalarListSize(scalars, NULL));
    assert_true(aclDestroyIntArray(ints) == 0 && aclDestroyFloatArray(floats) == 0 &&
                aclDestroyBoolArray(bools) == 0 && aclDestroyTensorList(tensors) == 0 &&
                aclDestroyScalarList(scalars) == 0);
    IS(0, aclDestroyIntArray(NULL));
    IS(0, aclDestroyFloatArray(NULL));
    IS(0, aclDestroyBoolArray(NULL));
    IS(0, aclDestroyTensorList(NULL));
    IS(0, aclDestroyScalarList(NULL));
    IS(0, aclDestroyScalar(NULL));
    IS(0, aclDestroyTensor(NULL));
}

static void tensors(void **state)
{
    (void)state;
    static const int64_t two[1] = {2};
    int64_t *dims = NULL, offset = 77;
    aclFormat format = ACL_FORMAT_UNDEFINED;
    aclDataType dtype = ACL_DT_UNDEFINED;
    assert_null(aclCreateTensor(NULL, 1, ACL_FLOAT, NULL, 0, ACL_FORMAT_ND, two, 1, room));
    assert_null(aclCreateTensor(two, 1, ACL_FLOAT, NULL, 0, ACL_FORMAT_ND, NULL, 1, room));
    aclTensor *one = aclCreateTensor(two, 1, ACL_FLOAT, NULL, 0, ACL_FORMAT_ND, two, 1, NULL);
    assert_non_null(one);
    IS(161001, aclInitTensor(NULL, two, 1, ACL_FLOAT, NULL, 0, ACL_FORMAT_ND, two, 1, room));
    IS(0, aclInitTensor(one, two, 1, ACL_FLOAT, NULL, 0, ACL_FORMAT_ND, two, 1, NULL));
    IS(161001, aclGetViewShape(NULL, &dims, &count));
    IS(161001, aclGetViewShape(one, NULL, &count));
    IS(161001, aclGetViewShape(one, &dims, NULL));
    IS(161001, aclGetStorageShape(NULL, &dims, &count));
    IS(161001, aclGetStorageShape(one, NULL, &count));
    IS(161001, aclGetStorageShape(one, &dims, NULL));
    IS(161001, aclGetViewStrides(NULL, &dims, &count));
    IS(161001, aclGetViewStrides(one, NULL, &count));
    IS(161001, aclGetViewStrides(one, &dims, NULL));
    IS(161001, aclGetViewOffset(NULL, &offset));
    IS(161001, aclGetViewOffset(one, NULL));
    IS(161001, aclGetFormat(NULL, &format));
    IS(161001, aclGetFormat(one, NULL));
    IS(161001, aclGetDataType(NULL, &dtype));
    IS(161001, aclGetDataType(one, NULL));
    IS(161001, aclGetRawTensorAddr(NULL, &pointer));
    IS(161001, aclGetRawTensorAddr(one, NULL));
    IS(161001, aclSetRawTensorAddr(NULL, room));
    IS(0, aclSetRawTensorAddr(one, NULL));
    IS(161001, AclSetRawTensorAddr(NULL, room));
    assert_true(!dims && offset == 77 && format == ACL_FORMAT_UNDEFINED && dtype == ACL_DT_UNDEFINED);
    IS(0, aclDestroyTensor(one));
}

/* A live executor of a cast. */
static aclOpExecutor *cast_of(aclTensor *from, aclTensor *to)
{
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    assert_int_equal(aclnnCastGetWorkspaceSize(from, ACL_FLOAT16, to, &size, &executor), 0);
    return executor;
}

#define ADDRESS(function)                                                                                    \
    do {                                                                                                     \
        IS(561103, function(NULL, 0, from, room));                                                           \
        IS(561103, function(executor, 0, NULL, room));                                                       \
        IS(0, function(executor, 0, from, NULL));                                                            \
    } while (0)

/* No operator takes a list, so that a list is all there is to be refused. */
#define ADDRESS_IN_LIST(function)                                                                            \
    do {                                                                                                     \
        IS(561103, function(NULL, 0, 0, list, room));                                                        \
        IS(561103, function(executor, 0, 0, NULL, room));                                                    \
        IS(161002, function(executor, 0, 0, list, NULL));                                                    \
    } while (0)

static void executors(void **state)
{
    (void)state;
    aclTensor *from = v1_tensor(ACL_FLOAT, room, 1, (int64_t)2);
    aclTensor *to = v1_tensor(ACL_FLOAT16, room + 32, 1, (int64_t)2);
    aclTensorList *list = aclCreateTensorList(NULL, 0);
    aclOpExecutor *executor = cast_of(from, to);
    ADDRESS(aclSetInputTensorAddr);
    ADDRESS(AclSetInputTensorAddr);
    ADDRESS(aclSetOutputTensorAddr);
    ADDRESS(AclSetOutputTensorAddr);
    ADDRESS(aclSetTensorAddr);
    ADDRESS(AclSetTensorAddr);
    ADDRESS_IN_LIST(aclSetDynamicInputTensorAddr);
    ADDRESS_IN_LIST(AclSetDynamicInputTensorAddr);
    ADDRESS_IN_LIST(aclSetDynamicOutputTensorAddr);
    ADDRESS_IN_LIST(AclSetDynamicOutputTensorAddr);
    ADDRESS_IN_LIST(aclSetDynamicTensorAddr);
    ADDRESS_IN_LIST(AclSetDynamicTensorAddr);
    IS(561103, aclSetAclOpExecutorRepeatable(NULL));
    IS(561103, aclDestroyAclOpExecutor(NULL));
    IS(161001, aclnnCast(NULL, 0, executor, NULL)); /* both addresses are null now; it is consumed */
    IS(561000, aclDestroyAclOpExecutor(executor));
    assert_int_equal(aclDestroyTensor(from) || aclDestroyTensor(to) || aclDestroyTensorList(list), 0);
}

static void second_phases(void **state)
{
    (void)state;
    static aclnnStatus (*const phases[])(void *, uint64_t, aclOpExecutor *, aclrtStream) = {
        aclnnWeightQuantBatchMatmul,
        aclnnWeightQuantBatchMatmulV2,
        aclnnWeightQuantBatchMatmulV3,
        aclnnWeightQuantBatchMatmulNz,
        aclnnCast,
        aclnnNpuFormatCast,
        aclnnTransMatmulWeight,
        aclnnTransQuantParamV2,
        aclnnTransQuantParamV3,
    };
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        IS(161001, phases[i](NULL, 0, NULL, NULL));
        IS(161001, phases[i](room, sizeof room, NULL, NULL));
    }
}

static void host_functions(void **state)
{
    (void)state;
    static const float scale[1] = {1};
    uint64_t *words = NULL;
    int64_t *dims = NULL;
    int format = 77;
    aclTensor *source = v1_tensor(ACL_INT8, room, 2, (int64_t)2, (int64_t)2);
    aclIntArray *shape = aclCreateIntArray((const int64_t[]){2, 2}, 2);
    IS(161002, aclnnTransQuantParam(NULL, 1, NULL, 0, &words, &count));
    IS(161001, aclnnTransQuantParam(scale, 1, NULL, 0, NULL, &count));
    IS(161001, aclnnTransQuantParam(scale, 1, NULL, 0, &words, NULL));
    IS(161001, aclnnNpuFormatCastCalculateSizeAndFormat(NULL, 29, -1, &dims, &count, &format));
    IS(161001, aclnnNpuFormatCastCalculateSizeAndFormat(source, 29, -1, NULL, &count, &format));
    IS(161001, aclnnNpuFormatCastCalculateSizeAndFormat(source, 29, -1, &dims, NULL, &format));
    IS(161001, aclnnNpuFormatCastCalculateSizeAndFormat(source, 29, -1, &dims, &count, NULL));
    IS(161001, aclnnCalculateMatmulWeightSize(NULL, &count));
    IS(161001, aclnnCalculateMatmulWeightSize(shape, NULL));
    IS(161001, aclnnCalculateMatmulWeightSizeV2(NULL, ACL_INT8, &count));
    IS(161001, aclnnCalculateMatmulWeightSizeV2(shape, ACL_INT8, NULL));
    assert_true(!words && !dims && format == 77);
    assert_int_equal(aclDestroyTensor(source) || aclDestroyIntArray(shape), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(process_and_devices), TEST(streams_and_events), TEST(memory),         TEST(lists), TEST(tensors),
        TEST(executors),           TEST(second_phases),      TEST(host_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
