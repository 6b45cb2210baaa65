/* SPDX-License-Identifier: Apache-2.0 */
/* The published sample (operator page 1.4): x2 is declared INT8 over a buffer of floats, fp16 tensors lie
 * over buffers of floats, a stale workspace pointer is passed, and teardown comes after aclFinalize. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "aclnnop/aclnn_cast.h"
#include "aclnnop/aclnn_trans_quant_param.h"
#include "support/half.h"
#include "support/v1.h"

enum { M_MOST = 128, N = 4 };

/* The operands of the sample at m rows, on the device; words: deqScale's. */
typedef struct sample {
    float x_floats[M_MOST * N], weight_floats[N * N];
    uint16_t x[M_MOST * N * 2], add[N * 2], mul[N * 2], out[M_MOST * N * 2]; /* twice the needed size */
    int8_t diagonal[32 * 32];
    int32_t offset[N];
    uint64_t word[16];
} sample;

static sample data;

static void cast_to_half(float *from, uint16_t *to, int64_t rows, int64_t columns)
{
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    aclTensor *source = v1_tensor(ACL_FLOAT, from, 2, rows, columns);
    aclTensor *target = v1_tensor(ACL_FLOAT16, to, 2, rows, columns);
    assert_int_equal(aclnnCastGetWorkspaceSize(source, ACL_FLOAT16, target, &size, &executor), 0);
    assert_int_equal(aclnnCast(NULL, size, executor, NULL), 0);
    aclDestroyTensor(source); /* right after phase 2, as callers do */
    aclDestroyTensor(target);
    assert_int_equal(aclrtSynchronizeStream(NULL), 0);
}

static void fill(int64_t m)
{
    static float add[N] = {1, 1, 1, 0}, mul[N] = {2, 2, 1, 1};
    static const int32_t offset[N] = {1, 1, 1, 0};
    memset(&data, 0, sizeof data);
    for (int i = 0; i < M_MOST * N; i++)
        data.x_floats[i] = 1.0f;
    for (int i = 0; i < N * N; i++)
        data.weight_floats[i] = 1.0f;
    for (int i = 0; i < 32; i++)
        data.diagonal[i * 32 + i] = 1;
    memcpy(data.offset, offset, sizeof offset);
    memset(data.out, 0x55, sizeof data.out);
    cast_to_half(data.x_floats, data.x, m, N);
    cast_to_half(add, data.add, 1, N);
    cast_to_half(mul, data.mul, 1, N);
    uint64_t *words = NULL, count = 0;
    assert_int_equal(aclnnTransQuantParam(mul, N, NULL, 0, &words, &count), 0);
    assert_int_equal(count, 16);
    memcpy(data.word, words, sizeof data.word);
    free(words);
}

static v1_call sample_call(int64_t m)
{
    int64_t n = N;
    return (v1_call){.t = {[V1_X1] = v1_tensor(ACL_FLOAT16, data.x, 2, m, n),
                           [V1_X2] = v1_tensor(ACL_INT8, data.weight_floats, 2, n, n),
                           [V1_DIAGONAL] = v1_tensor(ACL_INT8, data.diagonal, 2, (int64_t)32, (int64_t)32),
                           [V1_OFFSET] = v1_tensor(ACL_INT32, data.offset, 1, n),
                           [V1_SCALE] = v1_tensor(ACL_UINT64, data.word, 1, n),
                           [V1_ADD] = v1_tensor(ACL_FLOAT16, data.add, 1, n),
                           [V1_MUL] = v1_tensor(ACL_FLOAT16, data.mul, 1, n),
                           [V1_OUT] = v1_tensor(ACL_FLOAT16, data.out, 2, m, n)},
                     .scale = 1.0f};
}

static void expect_rows(int64_t m, const double expected[N])
{
    for (int64_t i = 0; i < m * N; i++)
        assert_int_equal(data.out[i], half_bits(expected[i % N]));
    for (int64_t i = m * N; i < M_MOST * N * 2; i++)
        assert_int_equal(data.out[i], 0x5555);
}

static const double published[N] = {8, 8, -508, 252};

static void test_composed(void **state)
{
    (void)state;
    fill(128);
    v1_call call = sample_call(128);
    assert_int_equal(v1_run(&call), 0);
    expect_rows(128, published);
    v1_destroy(&call);
}

static void test_fixpipe(void **state)
{
    (void)state;
    fill(32);
    v1_call call = sample_call(32);
    assert_int_equal(v1_run(&call), 0);
    expect_rows(32, published);
    v1_destroy(&call);
}

static void test_zero_words(void **state)
{
    static const double zeros[N];
    (void)state;
    fill(32);
    memset(data.word, 0, sizeof data.word);
    v1_call call = sample_call(32);
    assert_int_equal(v1_run(&call), 0);
    expect_rows(32, zeros);
    v1_destroy(&call);
}

/* Not used by the path: null, wrong dtype and wrong shape are all fine (operator page 1.2). */
static void test_unused_arguments(void **state)
{
    (void)state;
    int64_t one = 1, n = N;
    fill(128);
    v1_call call = sample_call(128);
    for (int t = V1_DIAGONAL; t <= V1_SCALE; t++)
        aclDestroyTensor(call.t[t]);
    call.t[V1_DIAGONAL] = NULL;
    call.t[V1_OFFSET] = v1_tensor(ACL_FLOAT, NULL, 3, one, n, (int64_t)7);
    call.t[V1_SCALE] = NULL;
    assert_int_equal(v1_run(&call), 0);
    expect_rows(128, published);
    v1_destroy(&call);

    fill(32);
    call = sample_call(32);
    aclDestroyTensor(call.t[V1_ADD]);
    aclDestroyTensor(call.t[V1_MUL]);
    call.t[V1_ADD] = v1_tensor(ACL_INT8, NULL, 1, (int64_t)3);
    call.t[V1_MUL] = NULL;
    call.scale = 123.0f;
    call.offset = -5.0f;
    assert_int_equal(v1_run(&call), 0);
    expect_rows(32, published);
    v1_destroy(&call);
}

/* Workspace, tensors and results outlive device and process state; frees come last. */
static void test_sample_teardown(void **state)
{
    (void)state;
    fill(128);
    v1_call call = sample_call(128);
    aclrtStream stream = NULL;
    void *device = NULL, *workspace = NULL;
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    assert_int_equal(aclrtCreateStream(&stream), 0);
    assert_int_equal(aclrtMalloc(&device, 64, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    assert_int_equal(v1_phase1(&call, &size, &executor), 0);
    if (size > 0)
        assert_int_equal(aclrtMalloc(&workspace, size, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    assert_int_equal(aclnnWeightQuantBatchMatmul(workspace, size, executor, stream), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 0);
    expect_rows(128, published);
    /* a pointer left over from an earlier call is ignored when the size is 0 */
    assert_int_equal(v1_phase1(&call, &size, &executor), 0);
    memset(data.out, 0, sizeof data.out);
    assert_int_equal(aclnnWeightQuantBatchMatmul((void *)(uintptr_t)64, 0, executor, stream), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 0);
    assert_int_equal(data.out[0], half_bits(8));

    assert_int_equal(aclrtResetDevice(0), 0);
    assert_int_equal(aclFinalize(), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
    assert_int_equal(aclrtFree(device), 0);
    if (workspace != NULL)
        assert_int_equal(aclrtFree(workspace), 0);
    v1_destroy(&call);
}

static int setup(void **state)
{
    return aclInit(NULL) != 0 || v1_setup(state) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_composed),        cmocka_unit_test(test_fixpipe),
        cmocka_unit_test(test_zero_words),      cmocka_unit_test(test_unused_arguments),
        cmocka_unit_test(test_sample_teardown), /* ends the runtime: last */
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
