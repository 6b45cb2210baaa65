/* SPDX-License-Identifier: Apache-2.0 */
/* test_executor.c - the life of an executor: used once, made repeatable, destroyed, misused; its workspace,
 * and the tensors and blocks it refers to disappearing at the worst moment. Wrong pointers must be refused
 * without being looked at, which the address sanitizer would see. */
#include <stdio.h>

#include "base/memory.h"
#include "runtime/device_memory.h"
#include "support/message.h"
#include "support/tasks.h"
#include "support/toy_op.h"

static int32_t x_data[TOY_LENGTH] = {1, 2, 3, 4}, bias_data[TOY_LENGTH] = {10, 20, 30, 40};
static int32_t y_data[TOY_LENGTH];
static toy call; /* y = x + bias + 100 */

static int set_up(void **state)
{
    (void)state;
    memset(y_data, 0, sizeof y_data);
    call = (toy){.x = toy_tensor(x_data, 0), .bias = toy_tensor(bias_data, 0), .y = toy_tensor(y_data, 0)};
    call.amount = 100;
    return aclrtSetDevice(0);
}

static int tear_down(void **state)
{
    (void)state;
    aclDestroyTensor(call.x);
    aclDestroyTensor(call.bias);
    aclDestroyTensor(call.y);
    return aclrtResetDevice(0);
}

static aclOpExecutor *prepare(void)
{
    aclOpExecutor *executor = NULL;
    uint64_t size = 99;
    assert_int_equal(toy_prepare(&call, &size, &executor), 0);
    assert_int_equal(size > 0, call.workspace_bytes > 0);
    assert_non_null(executor);
    return executor;
}

static void assert_result(const int32_t *y, int32_t first, int32_t second)
{
    assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    assert_int_equal(y[0], first);
    assert_int_equal(y[1], second);
}

static void test_used_once(void **state)
{
    (void)state;
    aclOpExecutor *executor = prepare();
    assert_int_equal(toy_run(executor, NULL), 0);
    assert_result(y_data, 111, 122);
    assert_refused(toy_run(executor, NULL), 561000, "aclnnToy");
    assert_refused(aclDestroyAclOpExecutor(executor), 561000, "phase 1");
    assert_refused(aclSetAclOpExecutorRepeatable(executor), 561000, "executor");
    executor = prepare();
    assert_int_equal(aclDestroyAclOpExecutor(executor), 0);
    assert_refused(aclDestroyAclOpExecutor(executor), 561000, "executor");
}

static void test_repeatable(void **state)
{
    (void)state;
    test_needs_worker();
    aclOpExecutor *executor = prepare();
    assert_int_equal(aclSetAclOpExecutorRepeatable(executor), 0);
    assert_int_equal(aclSetAclOpExecutorRepeatable(executor), 0);
    for (int i = 0; i < 3; i++) {
        x_data[0] = i;
        assert_int_equal(toy_run(executor, NULL), 0);
        assert_result(y_data, 110 + i, 122);
    }
    x_data[0] = 1;
    /* an error does not consume it either */
    call.workspace_bytes = 0;
    assert_refused(aq_executor_run(&toy_op, NULL, 1, executor, NULL), 161001, "workspace");
    /* what is queued survives the executor */
    test_door door = TEST_DOOR_INITIALIZER;
    memset(y_data, 0, sizeof y_data);
    assert_int_equal(test_queue_door(NULL, &door), 0);
    assert_int_equal(toy_run(executor, NULL), 0);
    assert_int_equal(aclDestroyAclOpExecutor(executor), 0);
    assert_refused(toy_run(executor, NULL), 561000, "executor");
    assert_int_equal(y_data[0], 0);
    test_door_open(&door);
    assert_result(y_data, 111, 122);
}

static void test_nulls_and_foreign_pointers(void **state)
{
    (void)state;
    assert_refused(toy_run(NULL, NULL), 161001, "executor");
    assert_refused(aclDestroyAclOpExecutor(NULL), 561103, "aclDestroyAclOpExecutor");
    assert_refused(aclSetAclOpExecutorRepeatable(NULL), 561103, "aclSetAclOpExecutorRepeatable");
    aclOpExecutor *executor = prepare();
    char little = 0; /* smaller than an executor: reading one there would be caught */
    void *const foreign[] = {&little, call.x, (char *)executor + 1, (void *)(uintptr_t)8,
                             (void *)UINTPTR_MAX};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        assert_refused(toy_run(foreign[i], NULL), 561000, "never one");
        assert_refused(aclDestroyAclOpExecutor(foreign[i]), 561000, "never one");
        assert_refused(aclSetAclOpExecutorRepeatable(foreign[i]), 561000, "never one");
    }
    /* another operator's: refused, and still good for its own */
    assert_refused(aq_executor_run(&other_op, NULL, 0, executor, NULL), 561000, "aclnnToy");
    assert_int_equal(toy_run(executor, NULL), 0);
    assert_result(y_data, 111, 122);
}

/* A consumed executor's address is not given to the next one, so that a stale pointer stays stale. */
static void test_addresses_rest(void **state)
{
    (void)state;
    aclOpExecutor *stale = prepare();
    assert_int_equal(aclDestroyAclOpExecutor(stale), 0);
    for (int i = 0; i < 50; i++) {
        aclOpExecutor *executor = prepare();
        assert_ptr_not_equal(executor, stale);
        assert_int_equal(aclDestroyAclOpExecutor(executor), 0);
    }
    assert_refused(toy_run(stale, NULL), 561000, "executor");
}

static void test_missing_data(void **state)
{
    (void)state;
    assert_int_equal(aclSetRawTensorAddr(call.bias, NULL), 0);
    aclOpExecutor *executor = prepare();
    /* a tensor without data comes before a wrong workspace */
    assert_refused(aq_executor_run(&toy_op, NULL, 1, executor, NULL), 161001, "bias");
    assert_refused(toy_run(executor, NULL), 561000, "executor");
    /* given between the phases */
    executor = prepare();
    assert_int_equal(aclSetRawTensorAddr(call.bias, bias_data), 0);
    assert_int_equal(toy_run(executor, NULL), 0);
    assert_result(y_data, 111, 122);
    /* not used: absent, or there without data */
    aclTensor *bias = call.bias;
    call.bias = NULL;
    assert_int_equal(toy_run(prepare(), NULL), 0);
    call.bias = bias;
    assert_result(y_data, 101, 102);
}

static void test_tensors_and_blocks_go_first(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    int32_t *x = NULL;
    assert_int_equal(aclrtMalloc((void **)&x, sizeof x_data, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    memcpy(x, x_data, sizeof x_data);
    aclTensor *tensor = toy_tensor(x, 0);
    toy with_block = {.x = tensor, .y = call.y, .amount = 5, .workspace_bytes = 64};
    aclOpExecutor *executor = NULL;
    uint64_t size = 0;
    void *workspace = NULL;
    assert_int_equal(toy_prepare(&with_block, &size, &executor), 0);
    assert_int_equal(aclDestroyTensor(tensor), 0);
    assert_int_equal(aclrtMalloc(&workspace, size, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    assert_int_equal(test_queue_door(NULL, &door), 0);
    assert_int_equal(aq_executor_run(&toy_op, workspace, size, executor, NULL), 0);
    assert_int_equal(aclrtFree(x), 0);
    assert_int_equal(aclrtFree(workspace), 0);
    assert_int_equal(aq_memory_kind_of(x), AQ_MEMORY_FOREIGN);
    test_door_open(&door);
    assert_result(y_data, 6, 7);
}

static void test_workspace(void **state)
{
    (void)state;
    static _Alignas(64) char memory[512];
    call.workspace_bytes = 100;
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    assert_int_equal(toy_prepare(&call, &size, &executor), 0);
    assert_true(size >= 100 && size <= sizeof memory - 64);
    assert_refused(aq_executor_run(&toy_op, NULL, size, executor, NULL), 161001, "workspace");
    assert_refused(aq_executor_run(&toy_op, memory, size, executor, NULL), 561000, "executor");
    char told[32];
    snprintf(told, sizeof told, "%llu", (unsigned long long)size);
    assert_refused(aq_executor_run(&toy_op, memory, size - 1, prepare(), NULL), 161002, told);
    /* wherever it begins: aligned inside, and within its end */
    for (size_t begin = 0; begin < 64; begin += 7) {
        memset(memory, 0x55, sizeof memory);
        assert_int_equal(aq_executor_run(&toy_op, memory + begin, size, prepare(), NULL), 0);
        assert_result(y_data, 111, 122);
        char *used = toy_last_workspace();
        assert_int_equal((uintptr_t)used % 64, 0);
        assert_true(used >= memory + begin && used + 100 <= memory + begin + size);
    }
    /* size 0: the pointer is stale and the library brings a workspace */
    assert_int_equal(aq_executor_run(&toy_op, (void *)(uintptr_t)64, 0, prepare(), NULL), 0);
    assert_result(y_data, 111, 122);
    assert_int_equal((uintptr_t)toy_last_workspace() % 64, 0);
    assert_non_null(toy_last_workspace());
    /* more than needed, where none is needed */
    call.workspace_bytes = 0;
    assert_int_equal(aq_executor_run(&toy_op, memory, 1, prepare(), NULL), 0);
    assert_result(y_data, 111, 122);
    assert_null(toy_last_workspace());
}

static int run_without_context(void *executor)
{
    return toy_run(executor, NULL);
}

static void test_stream_comes_last(void **state)
{
    aclOpExecutor *executor = prepare();
    assert_int_equal(test_in_thread(run_without_context, executor), 107002);
    assert_refused(toy_run(executor, NULL), 561000, "executor");
    assert_refused(toy_run(prepare(), (aclrtStream)state), 107017, "aclnnToy");
    call.workspace_bytes = UINT64_MAX - 10; /* and after it: a workspace */
    uint64_t size = 7;
    assert_refused(toy_prepare(&call, &size, &executor), 561101, "aclnnToy");
    assert_int_equal(size, 7);
    call.workspace_bytes = UINT64_MAX - 100;
    assert_refused(toy_run(prepare(), (aclrtStream)state), 107017, "aclnnToy");
    assert_refused(toy_run(prepare(), NULL), 207001, "aclnnToy");
}

/* Tasks that wait in one stream without workspaces of their own share one, until a larger one is needed. */
static void test_shared_workspace(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    call.workspace_bytes = 64;
    aclOpExecutor *first = prepare(), *second = prepare();
    call.workspace_bytes = 128;
    aclOpExecutor *larger = prepare();
    assert_int_equal(test_queue_door(NULL, &door), 0);
    test_door_await(&door, 1);
    assert_int_equal(toy_run(first, NULL), 0);
    aq_memory_fail_from(2); /* the task's own allocation */
    int status = toy_run(second, NULL);
    aq_memory_fail_from(3); /* and two for the larger workspace */
    int status_of_larger = toy_run(larger, NULL);
    aq_memory_fail_from(0);
    assert_int_equal(status, 0);
    assert_int_equal(status_of_larger, 207001);
    call.workspace_bytes = 128;
    assert_int_equal(toy_run(prepare(), NULL), 0);
    test_door_open(&door);
    assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    assert_result(y_data, 111, 122);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    call.workspace_bytes = 64;
    assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    int refused[2] = {0};
    for (uint64_t n = 1;; n++) {
        aclOpExecutor *executor = NULL;
        uint64_t size = 7;
        memset(y_data, 0, sizeof y_data);
        aq_memory_fail_from(n);
        int first = toy_prepare(&call, &size, &executor);
        int second = first ? 0 : toy_run(executor, NULL);
        aq_memory_fail_from(0);
        assert_result(y_data, first || second ? 0 : 111, first || second ? 0 : 122);
        if (!first && !second)
            break;
        if (first) {
            assert_int_equal(first, 561101);
            assert_null(executor);
            assert_int_equal(size, 7);
            refused[0]++;
        } else {
            assert_true(second == 207001 || second == 207005);
            assert_int_equal(aclDestroyAclOpExecutor(executor), 561000);
            refused[1]++;
        }
    }
    assert_true(refused[0] >= 1 && refused[1] >= 2); /* the executor; the task and its workspace */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_used_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repeatable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nulls_and_foreign_pointers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_addresses_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tensors_and_blocks_go_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_workspace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stream_comes_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shared_workspace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_out_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
