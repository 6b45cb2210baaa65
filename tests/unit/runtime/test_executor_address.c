/* SPDX-License-Identifier: Apache-2.0 */
/* test_executor_address.c - giving the tensors of an executor other addresses, and using one executor from
 * several threads at once. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/message.h"
#include "support/tasks.h"
#include "support/toy_op.h"

static int32_t x_data[2 + TOY_LENGTH] = {-1, -1, 1, 2, 3, 4}, y_data[TOY_LENGTH];
static aclTensor *x, *y; /* x's view begins 2 elements behind its data */

static int set_up(void **state)
{
    (void)state;
    memset(y_data, 0, sizeof y_data);
    x = toy_tensor(x_data, 2);
    y = toy_tensor(y_data, 0);
    return aclrtSetDevice(0);
}

static int tear_down(void **state)
{
    (void)state;
    aclDestroyTensor(x);
    aclDestroyTensor(y);
    return aclrtResetDevice(0);
}

/* y = x + 100, no bias. */
static aclOpExecutor *prepare(bool repeatable)
{
    toy call = {.x = x, .y = y, .amount = 100};
    uint64_t size = 99;
    aclOpExecutor *executor = NULL;
    assert_int_equal(toy_prepare(&call, &size, &executor), 0);
    assert_int_equal(size, 0);
    if (repeatable)
        assert_int_equal(aclSetAclOpExecutorRepeatable(executor), 0);
    return executor;
}

static void test_addresses(void **state)
{
    (void)state;
    test_needs_worker();
    int32_t other_x[2 + TOY_LENGTH] = {-1, -1, 5, 6, 7, 8}, other_y[TOY_LENGTH] = {0}, third_y[TOY_LENGTH];
    aclOpExecutor *executor = prepare(true);
    test_door door = TEST_DOOR_INITIALIZER;
    assert_int_equal(test_queue_door(NULL, &door), 0);
    assert_int_equal(toy_run(executor, NULL), 0);
    assert_int_equal(aclSetInputTensorAddr(executor, 0, x, other_x), 0);
    assert_int_equal(aclSetOutputTensorAddr(executor, 0, y, other_y), 0);
    assert_int_equal(toy_run(executor, NULL), 0);
    assert_int_equal(AclSetTensorAddr(executor, 2, y, third_y), 0);
    assert_int_equal(AclSetInputTensorAddr(executor, 0, x, x_data), 0);
    assert_int_equal(toy_run(executor, NULL), 0);
    test_door_open(&door);
    assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    /* each run used what held when it was queued; the offset of the view holds for any address */
    for (int i = 0; i < TOY_LENGTH; i++) {
        assert_int_equal(y_data[i], 101 + i);
        assert_int_equal(other_y[i], 105 + i);
        assert_int_equal(third_y[i], 101 + i);
    }
    /* the tensor itself keeps its address, and changing it no longer matters */
    void *raw = NULL;
    assert_int_equal(aclGetRawTensorAddr(y, &raw), 0);
    assert_ptr_equal(raw, y_data);
    assert_int_equal(aclSetRawTensorAddr(y, NULL), 0);
    assert_int_equal(AclSetOutputTensorAddr(executor, 0, y, other_y), 0);
    assert_int_equal(aclSetTensorAddr(executor, 0, x, x_data), 0);
    assert_int_equal(toy_run(executor, NULL), 0);
    assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    assert_int_equal(other_y[0], 101);
    /* null is an address too: no data */
    assert_int_equal(aclSetTensorAddr(executor, 0, x, NULL), 0);
    assert_refused(toy_run(executor, NULL), 161001, "x");
    assert_int_equal(aclDestroyAclOpExecutor(executor), 0);
}

/* Before the only run of an executor that is not repeatable. */
static void test_address_before_first_run(void **state)
{
    (void)state;
    int32_t other[TOY_LENGTH] = {0};
    aclOpExecutor *executor = prepare(false);
    assert_int_equal(aclSetTensorAddr(executor, 2, y, other), 0);
    assert_int_equal(toy_run(executor, NULL), 0);
    assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    assert_int_equal(other[3], 104);
    assert_int_equal(y_data[3], 0);
    assert_refused(aclSetTensorAddr(executor, 2, y, other), 561000, "executor");
}

typedef aclnnStatus set_function(aclOpExecutor *, const size_t, aclTensor *, void *);
typedef aclnnStatus set_dynamic(aclOpExecutor *, size_t, const size_t, aclTensorList *, void *);

static void test_misuse(void **state)
{
    static const struct {
        set_function *set;
        const char *name;
        size_t count; /* of what it counts */
    } functions[] = {
        {aclSetInputTensorAddr, "aclSetInputTensorAddr", 2},
        {AclSetInputTensorAddr, "SetInputTensorAddr", 2},
        {aclSetOutputTensorAddr, "aclSetOutputTensorAddr", 1},
        {AclSetOutputTensorAddr, "SetOutputTensorAddr", 1},
        {aclSetTensorAddr, "aclSetTensorAddr", 3},
        {AclSetTensorAddr, "SetTensorAddr", 3},
    };
    aclOpExecutor *executor = prepare(true);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        set_function *set = functions[i].set;
        assert_refused(set(NULL, 0, x, y_data), 561103, "executor");
        assert_refused(set(executor, 0, NULL, y_data), 561103, "tensor");
        assert_refused(set((aclOpExecutor *)state, 0, x, y_data), 561000, functions[i].name);
        assert_refused(set(executor, functions[i].count, x, y_data), 161002, "index");
        assert_refused(set(executor, SIZE_MAX, x, y_data), 161002, functions[i].name);
        if (functions[i].count > 1) /* the bias, which keeps its index although it is absent */
            assert_refused(set(executor, 1, x, y_data), 161002, "bias");
    }
    assert_int_equal(aclDestroyAclOpExecutor(executor), 0);
}

static void test_misuse_of_lists(void **state)
{
    static const struct {
        set_dynamic *set;
        const char *name;
    } functions[] = {
        {aclSetDynamicInputTensorAddr, "aclSetDynamicInputTensorAddr"},
        {AclSetDynamicInputTensorAddr, "SetDynamicInputTensorAddr"},
        {aclSetDynamicOutputTensorAddr, "aclSetDynamicOutputTensorAddr"},
        {AclSetDynamicOutputTensorAddr, "SetDynamicOutputTensorAddr"},
        {aclSetDynamicTensorAddr, "aclSetDynamicTensorAddr"},
        {AclSetDynamicTensorAddr, "SetDynamicTensorAddr"},
    };
    aclTensor *const only[] = {toy_tensor(x_data, 0)};
    aclTensorList *list = aclCreateTensorList((const aclTensor *const *)only, 1);
    aclOpExecutor *executor = prepare(true);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        set_dynamic *set = functions[i].set;
        assert_refused(set(NULL, 0, 0, list, y_data), 561103, "executor");
        assert_refused(set(executor, 0, 0, NULL, y_data), 561103, "tensors");
        assert_refused(set((aclOpExecutor *)state, 0, 0, list, y_data), 561000, functions[i].name);
        assert_refused(set(executor, 0, 0, list, y_data), 161002, "list");
        assert_refused(set(executor, SIZE_MAX, SIZE_MAX, list, y_data), 161002, "list");
    }
    assert_int_equal(aclDestroyTensorList(list), 0);
    assert_int_equal(aclDestroyAclOpExecutor(executor), 0);
}

static int do_nothing(const void *plan, void *const addresses[AQ_MAX_TENSORS], void *workspace)
{
    (void)plan, (void)workspace;
    return addresses[0] ? 0 : 500000; /* runs at once in several workers: reads only */
}

static const char *const reader_names[] = {"x"};
static const aq_op reader_op = {.name = "aclnnRead", .tensor_names = reader_names, .run = do_nothing};

static aclOpExecutor *prepare_reader(void)
{
    aq_executor_spec spec = {.op = &reader_op, .tensors = {x}, .inputs = 1, .used = 1, .workspace_bytes = 0};
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    assert_int_equal(aq_executor_create(&spec, &size, &executor), 0);
    return executor;
}

static int read_once(aclOpExecutor *executor, aclrtStream stream)
{
    return aq_executor_run(&reader_op, NULL, 0, executor, stream);
}

enum { THREADS = 4, ROUNDS = 200 };

typedef struct shared {
    pthread_barrier_t start;
    aclOpExecutor *repeatable, *one_shot[ROUNDS];
    atomic_int won[ROUNDS], surprises;
} shared;

/* Runs the repeatable executor on a stream of its own, and races the others for the one-shot ones. */
static void *use(void *argument)
{
    shared *all = argument;
    aclrtStream stream = NULL;
    if (aclrtSetDevice(0) || aclrtCreateStream(&stream))
        atomic_fetch_add(&all->surprises, 1);
    pthread_barrier_wait(&all->start);
    for (int i = 0; i < ROUNDS; i++) {
        if (read_once(all->repeatable, stream))
            atomic_fetch_add(&all->surprises, 1);
        int status = i % 2 ? read_once(all->one_shot[i], stream) : aclDestroyAclOpExecutor(all->one_shot[i]);
        if (status == 0)
            atomic_fetch_add(&all->won[i], 1);
        else if (status != 561000)
            atomic_fetch_add(&all->surprises, 1);
    }
    if (aclrtSynchronizeStream(stream) || aclrtDestroyStream(stream) || aclrtResetDevice(0))
        atomic_fetch_add(&all->surprises, 1);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    static shared all;
    assert_int_equal(pthread_barrier_init(&all.start, NULL, THREADS), 0);
    all.repeatable = prepare_reader();
    assert_int_equal(aclSetAclOpExecutorRepeatable(all.repeatable), 0);
    for (int i = 0; i < ROUNDS; i++)
        all.one_shot[i] = prepare_reader();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, &all), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(all.surprises, 0);
    for (int i = 0; i < ROUNDS; i++)
        assert_int_equal(all.won[i], 1);
    assert_int_equal(aclDestroyAclOpExecutor(all.repeatable), 0);
    pthread_barrier_destroy(&all.start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_address_before_first_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_misuse, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_misuse_of_lists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
