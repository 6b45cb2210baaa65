/* SPDX-License-Identifier: Apache-2.0 */
/* test_executor_ops.c - executors of real operators: repeated, given other addresses, used by several threads
 * at once, outliving their tensors, handed to the wrong operator. Results are compared with those of one
 * thread. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"
#include "aclnnop/aclnn_cast.h"
#include "aclnnop/aclnn_npu_format_cast.h"
#include "aclnnop/aclnn_trans_matmul_weight.h"
#include "aclnnop/aclnn_trans_quant_param_v2.h"
#include "aclnnop/aclnn_trans_quant_param_v3.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v3.h"
#include "support/layers.h"
#include "support/message.h"
#include "support/v1.h"

enum { THREADS = 6, ROUNDS = 60 };

static layer layers[LAYERS];
static uint64_t size;

static int set_device(void **state)
{
    (void)state;
    return aclrtSetDevice(0);
}

static int reset_device(void **state)
{
    (void)state;
    return aclrtResetDevice(0);
}

static bool is_answer(const layer *one, const uint16_t *out)
{
    return memcmp(out, one->answer, layer_out_bytes(one)) == 0;
}

/* Every layer, run again and again to new places, with tensors that are long gone. */
static void test_repeated_without_tensors(void **state)
{
    (void)state;
    for (int i = 0; i < LAYERS; i++) {
        const layer *one = &layers[i];
        aclTensor *tensors[LAYER_TENSORS];
        aclOpExecutor *executor = NULL;
        uint16_t *outs[5];
        aclTensor *any = v1_tensor(ACL_FLOAT16, NULL, 1, (int64_t)1);
        layer_tensors(one, one->x, NULL, tensors);
        assert_int_equal(layer_phase1_of(one, tensors, &size, &executor), 0);
        layer_destroy(tensors);
        assert_int_equal(aclSetAclOpExecutorRepeatable(executor), 0);
        assert_refused(aclnnWeightQuantBatchMatmul(NULL, 0, executor, NULL), 161001, "out");
        for (int run = 0; run < 5; run++) {
            outs[run] = calloc(1, layer_out_bytes(one));
            assert_int_equal(aclSetOutputTensorAddr(executor, 0, any, outs[run]), 0);
            assert_int_equal(aclnnWeightQuantBatchMatmul(NULL, 0, executor, NULL), 0);
        }
        assert_int_equal(aclDestroyAclOpExecutor(executor), 0); /* while runs are queued */
        assert_int_equal(aclrtSynchronizeStream(NULL), 0);
        for (int run = 0; run < 5; run++) {
            assert_true(is_answer(one, outs[run]));
            free(outs[run]);
        }
        aclDestroyTensor(any);
    }
}

/* ---- Several threads ---- */

typedef struct shared {
    const layer *layer;
    aclOpExecutor *executor;
    aclTensor *tensor;
    pthread_mutex_t lock; /* an address and the run that reads it belong together */
    pthread_barrier_t start;
    atomic_int done, refused, wrong;
} shared;

static void run_threads(shared *all, void *(*body)(void *shared))
{
    pthread_t threads[THREADS];
    pthread_mutex_init(&all->lock, NULL);
    pthread_barrier_init(&all->start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, all), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&all->start);
    pthread_mutex_destroy(&all->lock);
}

static void *run_to_own_place(void *argument)
{
    shared *all = argument;
    aclrtStream stream = NULL;
    uint16_t out[LAYER_MOST_OUT];
    if (aclrtSetDevice(0) != 0 || aclrtCreateStream(&stream) != 0)
        atomic_fetch_add(&all->wrong, 1);
    for (int i = 0; i < ROUNDS; i++) {
        memset(out, 0, sizeof out);
        pthread_mutex_lock(&all->lock);
        int status = aclSetOutputTensorAddr(all->executor, 0, all->tensor, out) ||
                     aclnnWeightQuantBatchMatmul(NULL, 0, all->executor, stream);
        pthread_mutex_unlock(&all->lock);
        bool right = !status && aclrtSynchronizeStream(stream) == 0 && is_answer(all->layer, out);
        atomic_fetch_add(right ? &all->done : &all->wrong, 1);
    }
    if (aclrtDestroyStream(stream) != 0 || aclrtResetDevice(0) != 0)
        atomic_fetch_add(&all->wrong, 1);
    return NULL;
}

static void test_one_executor_in_many_streams(void **state)
{
    (void)state;
    for (int i = 0; i < LAYERS; i += 3) {
        shared all = {.layer = &layers[i], .tensor = v1_tensor(ACL_FLOAT16, NULL, 1, (int64_t)1)};
        assert_int_equal(layer_phase1(all.layer, all.layer->x, NULL, &size, &all.executor), 0);
        assert_int_equal(aclSetAclOpExecutorRepeatable(all.executor), 0);
        run_threads(&all, run_to_own_place);
        assert_int_equal(atomic_load(&all.wrong), 0);
        assert_int_equal(atomic_load(&all.done), THREADS * ROUNDS);
        assert_int_equal(aclDestroyAclOpExecutor(all.executor), 0);
        aclDestroyTensor(all.tensor);
    }
}

/* All want to use up, or to end, the same one. */
static void *use_up(void *argument)
{
    shared *all = argument;
    if (aclrtSetDevice(0) != 0)
        atomic_fetch_add(&all->wrong, 1);
    pthread_barrier_wait(&all->start);
    int status = aclnnWeightQuantBatchMatmul(NULL, 0, all->executor, NULL);
    atomic_fetch_add(status == 0 ? &all->done : status == 561000 ? &all->refused : &all->wrong, 1);
    if (aclrtSynchronizeStream(NULL) != 0 || aclrtResetDevice(0) != 0)
        atomic_fetch_add(&all->wrong, 1);
    return NULL;
}

static void *use_or_destroy(void *argument)
{
    shared *all = argument;
    if (aclrtSetDevice(0) != 0)
        atomic_fetch_add(&all->wrong, 1);
    pthread_barrier_wait(&all->start);
    for (int i = 0; i < 20; i++) {
        int status = aclnnWeightQuantBatchMatmul(NULL, 0, all->executor, NULL);
        if (status != 0 && status != 561000)
            atomic_fetch_add(&all->wrong, 1);
    }
    int status = aclDestroyAclOpExecutor(all->executor);
    atomic_fetch_add(status == 0 ? &all->done : status == 561000 ? &all->refused : &all->wrong, 1);
    if (aclrtSynchronizeStream(NULL) != 0 || aclrtResetDevice(0) != 0)
        atomic_fetch_add(&all->wrong, 1);
    return NULL;
}

static void test_one_of_many_threads_wins(void **state)
{
    (void)state;
    static uint16_t out[LAYER_MOST_OUT];
    for (int round = 0; round < 20; round++) {
        bool repeatable = round % 2 == 1;
        shared all = {.layer = &layers[1]};
        memset(out, 0, sizeof out);
        assert_int_equal(layer_phase1(all.layer, all.layer->x, out, &size, &all.executor), 0);
        if (repeatable)
            assert_int_equal(aclSetAclOpExecutorRepeatable(all.executor), 0);
        run_threads(&all, repeatable ? use_or_destroy : use_up);
        assert_int_equal(atomic_load(&all.wrong), 0);
        assert_int_equal(atomic_load(&all.done), 1);
        assert_int_equal(atomic_load(&all.refused), THREADS - 1);
        assert_true(is_answer(all.layer, out));
    }
}

/* ---- The wrong operator ---- */

typedef aclnnStatus (*phase2)(void *, uint64_t, aclOpExecutor *, aclrtStream);

static char source[4096], target[4096];

static aclTensor *matrix(aclDataType dtype, void *data, int64_t rows, int64_t columns)
{
    return v1_tensor(dtype, data, 2, rows, columns);
}

static int make_v1(aclOpExecutor **executor)
{
    static uint16_t out[LAYER_MOST_OUT];
    return layer_phase1(&layers[1], layers[1].x, out, &size, executor);
}

static int make_scaled(bool v3, aclOpExecutor **executor)
{
    aclTensor *x = matrix(ACL_FLOAT16, source, 2, 16), *weight = matrix(ACL_INT8, source, 16, 16);
    aclTensor *scale = v1_tensor(ACL_FLOAT16, source, 1, (int64_t)16),
              *y = matrix(ACL_FLOAT16, target, 2, 16);
    int status = v3 ? aclnnWeightQuantBatchMatmulV3GetWorkspaceSize(x, weight, scale, NULL, NULL, NULL, NULL,
                                                                    0, 0, y, &size, executor)
                    : aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(x, weight, scale, NULL, NULL, NULL, NULL,
                                                                    0, y, &size, executor);
    return status || aclDestroyTensor(x) || aclDestroyTensor(weight) || aclDestroyTensor(scale) ||
           aclDestroyTensor(y);
}

static int make_v2(aclOpExecutor **executor)
{
    return make_scaled(false, executor);
}

static int make_v3(aclOpExecutor **executor)
{
    return make_scaled(true, executor);
}

static int make_cast(aclOpExecutor **executor)
{
    aclTensor *from = matrix(ACL_FLOAT, source, 4, 4), *to = matrix(ACL_FLOAT16, target, 4, 4);
    return aclnnCastGetWorkspaceSize(from, ACL_FLOAT16, to, &size, executor) || aclDestroyTensor(from) ||
           aclDestroyTensor(to);
}

static int make_words(bool v3, aclOpExecutor **executor)
{
    aclTensor *from = v1_tensor(ACL_FLOAT, source, 1, (int64_t)4);
    aclTensor *to = v1_tensor(ACL_UINT64, target, 1, (int64_t)4);
    int status = v3 ? aclnnTransQuantParamV3GetWorkspaceSize(from, NULL, 0, to, &size, executor)
                    : aclnnTransQuantParamV2GetWorkspaceSize(from, NULL, to, &size, executor);
    return status || aclDestroyTensor(from) || aclDestroyTensor(to);
}

static int make_words_v2(aclOpExecutor **executor)
{
    return make_words(false, executor);
}

static int make_words_v3(aclOpExecutor **executor)
{
    return make_words(true, executor);
}

static int make_weight(aclOpExecutor **executor)
{
    aclTensor *weight = matrix(ACL_INT8, source, 32, 32);
    return aclnnTransMatmulWeightGetWorkspaceSize(weight, &size, executor) || aclDestroyTensor(weight);
}

static int make_format(aclOpExecutor **executor)
{
    static const int64_t dims[2] = {32, 32}, stored[4] = {1, 2, 16, 32};
    aclTensor *from = matrix(ACL_INT8, source, 32, 32);
    aclTensor *to = aclCreateTensor(dims, 2, ACL_INT8, NULL, 0, ACL_FORMAT_FRACTAL_NZ, stored, 4, target);
    return aclnnNpuFormatCastGetWorkspaceSize(from, to, &size, executor) || aclDestroyTensor(from) ||
           aclDestroyTensor(to);
}

/* Every phase 2 refuses every other operator's executor, and leaves it to its own. */
static void test_wrong_operator(void **state)
{
    (void)state;
    static const struct {
        int (*make)(aclOpExecutor **executor);
        phase2 run;
        const char *name;
    } operators[] = {
        {make_v1, aclnnWeightQuantBatchMatmul, "aclnnWeightQuantBatchMatmul"},
        {make_v2, aclnnWeightQuantBatchMatmulV2, "aclnnWeightQuantBatchMatmulV2"},
        {make_v3, aclnnWeightQuantBatchMatmulV3, "aclnnWeightQuantBatchMatmulV3"},
        {make_cast, aclnnCast, "aclnnCast"},
        {make_words_v2, aclnnTransQuantParamV2, "aclnnTransQuantParamV2"},
        {make_words_v3, aclnnTransQuantParamV3, "aclnnTransQuantParamV3"},
        {make_weight, aclnnTransMatmulWeight, "aclnnTransMatmulWeight"},
        {make_format, aclnnNpuFormatCast, "aclnnNpuFormatCast"},
    };
    enum { OPERATORS = sizeof operators / sizeof operators[0] };
    for (int mine = 0; mine < OPERATORS; mine++) {
        aclOpExecutor *executor = NULL;
        assert_int_equal(operators[mine].make(&executor), 0);
        for (int other = 0; other < OPERATORS; other++)
            if (other != mine)
                assert_refused(operators[other].run(NULL, 0, executor, NULL), 561000, operators[mine].name);
        assert_int_equal(operators[mine].run(NULL, 0, executor, NULL), 0);
        assert_refused(operators[mine].run(NULL, 0, executor, NULL), 561000, "executor");
        assert_refused(aclSetAclOpExecutorRepeatable(executor), 561000, "executor");
        assert_refused(aclDestroyAclOpExecutor(executor), 561000, "executor");
        assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    }
}

/* Consumed also when it could not be queued. */
static void test_used_up_by_errors(void **state)
{
    (void)state;
    static uint16_t out[LAYER_MOST_OUT];
    aclOpExecutor *executor = NULL;
    aclrtStream stream = NULL;
    assert_int_equal(aclrtCreateStream(&stream), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
    assert_int_equal(layer_phase1(&layers[3], layers[3].x, out, &size, &executor), 0);
    assert_refused(aclnnWeightQuantBatchMatmul(NULL, 0, executor, stream), 107017, "stream");
    assert_refused(aclnnWeightQuantBatchMatmul(NULL, 0, executor, NULL), 561000, "executor");
    assert_int_equal(layer_phase1(&layers[3], layers[3].x, out, &size, &executor), 0);
    assert_true(size > 0);
    assert_refused(aclnnWeightQuantBatchMatmul(out, size - 1, executor, NULL), 161002, "workspaceSize");
    assert_refused(aclnnWeightQuantBatchMatmul(NULL, 0, executor, NULL), 561000, "executor");
    /* not when it may be repeated */
    assert_int_equal(layer_phase1(&layers[3], layers[3].x, out, &size, &executor), 0);
    assert_int_equal(aclSetAclOpExecutorRepeatable(executor), 0);
    assert_refused(aclnnWeightQuantBatchMatmul(NULL, 0, executor, stream), 107017, "stream");
    assert_refused(aclnnWeightQuantBatchMatmul(NULL, size, executor, NULL), 161001, "workspace");
    assert_int_equal(aclnnWeightQuantBatchMatmul(NULL, 0, executor, NULL), 0);
    assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    assert_true(is_answer(&layers[3], out));
    assert_int_equal(aclDestroyAclOpExecutor(executor), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeated_without_tensors), cmocka_unit_test(test_one_executor_in_many_streams),
        cmocka_unit_test(test_one_of_many_threads_wins), cmocka_unit_test(test_wrong_operator),
        cmocka_unit_test(test_used_up_by_errors),
    };
    if (layers_make(layers, 3, true) != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, set_device, reset_device);
    layers_free(layers);
    return failed;
}
