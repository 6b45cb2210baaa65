/* SPDX-License-Identifier: Apache-2.0 */
/* The inference engines of successors page 3.6, each by the calls that it makes: llama.cpp's CANN backend
 * with Q8_0 and Q4_0, vllm-ascend's W8A16, AWQ and GPTQ weights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "support/caller.h"
#include "support/v2_run.h"

enum { SPLIT = 65535, BLOCK = 32 };

static aclrtStream stream;

/* V2 with what all callers have in common: a workspace from aclrtMalloc, the tensors destroyed when phase 2
 * has returned and before anybody waits. The workspace is the caller's to release. */
static void *call_v2(aclTensor *x, aclTensor *weight, aclTensor *scale, aclTensor *offset, aclTensor *bias,
                     int group, aclTensor *y)
{
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    void *workspace = NULL;
    int status = aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(x, weight, scale, offset, NULL, NULL, bias,
                                                               group, y, &size, &executor);
    if (status != 0)
        fail_msg("status %d: %s", status, aclGetRecentErrMsg());
    if (size > 0)
        assert_int_equal(aclrtMalloc(&workspace, size, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    assert_int_equal(aclnnWeightQuantBatchMatmulV2(workspace, size, executor, stream), 0);
    aclTensor *all[] = {x, weight, scale, offset, bias, y};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i] != NULL)
            assert_int_equal(aclDestroyTensor(all[i]), 0);
    return workspace;
}

static void done(void *const *memory, int count)
{
    for (int i = 0; i < count; i++)
        if (memory[i] != NULL)
            assert_int_equal(aclrtFree(memory[i]), 0);
}

/* y of the device, checked and released. */
static void expect(const caller_model *model, void *y, int64_t first, int64_t columns)
{
    size_t bytes = (size_t)(model->sizes.m * columns) * 2;
    void *host = malloc(bytes);
    assert_non_null(host);
    assert_int_equal(aclrtMemcpy(host, bytes, y, bytes, ACL_MEMCPY_DEVICE_TO_HOST), 0);
    caller_expect(model, host, first, columns);
    free(host);
    done(&y, 1);
}

/* llama.cpp keeps a weight as one buffer: n rows of k quantised values, then n rows of k/32 scales. */
static uint8_t *llama_buffer(const caller_model *model, size_t *scales_at, size_t *bytes)
{
    int64_t k = model->sizes.k, n = model->sizes.n, blocks = k / BLOCK;
    int8_t *rows = malloc((size_t)(n * k));
    *scales_at = (size_t)(n * k) / (model->sizes.int4 ? 2 : 1);
    *bytes = *scales_at + (size_t)(n * blocks) * 2;
    uint8_t *buffer = calloc(*bytes, 1);
    assert_true(rows != NULL && buffer != NULL);
    for (int64_t i = 0; i < n * k; i++)
        rows[i] = model->w[i % k * n + i / k];
    if (model->sizes.int4)
        caller_nibbles(rows, n * k, buffer);
    else
        memcpy(buffer, rows, *scales_at);
    for (int64_t i = 0; i < n * blocks; i++)
        memcpy(buffer + *scales_at + i * 2, &model->scale[i % blocks * n + i / blocks], 2);
    free(rows);
    return buffer;
}

static void llama(int64_t m, int64_t k, int64_t n, bool q4)
{
    uint64_t seed = 36001 + (uint64_t)(k + n);
    caller_model model;
    caller_sizes sizes = {
        .m = m, .k = k, .n = n, .group = k > BLOCK ? BLOCK : 0, .int4 = q4, .transposed = true};
    caller_make(&model, &sizes, &seed);
    size_t scales_at, bytes;
    uint8_t *host = llama_buffer(&model, &scales_at, &bytes);
    uint8_t *weights = caller_device(host, bytes);
    void *x = caller_device(model.x, (size_t)(m * k) * 2), *workspaces[4] = {0}, *ys[4] = {0};
    int slices = 0;
    for (int64_t first = 0; first < n; first += SPLIT, slices++) {
        int64_t count = n - first < SPLIT ? n - first : SPLIT, blocks = k / BLOCK;
        int64_t x_dims[] = {m, k}, w_dims[] = {k, count}, w_strides[] = {1, k};
        int64_t s_dims[] = {blocks, count}, s_strides[] = {1, blocks}, y_dims[] = {m, count};
        uint8_t *slice = weights + (q4 ? first * k / 2 : first * k);
        assert_int_equal(aclrtMalloc(&ys[slices], (size_t)(m * count) * 2, ACL_MEM_MALLOC_HUGE_FIRST), 0);
        workspaces[slices] =
            call_v2(caller_tensor(ACL_FLOAT16, ACL_FORMAT_ND, x, 2, x_dims, NULL, 0),
                    caller_tensor(q4 ? ACL_INT4 : ACL_INT8, ACL_FORMAT_ND, slice, 2, w_dims, w_strides, 0),
                    caller_tensor(ACL_FLOAT16, ACL_FORMAT_ND, weights + scales_at + first * blocks * 2, 2,
                                  s_dims, s_strides, 0),
                    NULL, NULL, k > BLOCK ? BLOCK : 0,
                    caller_tensor(ACL_FLOAT16, ACL_FORMAT_ND, ys[slices], 2, y_dims, NULL, 0));
    }
    assert_int_equal(aclrtSynchronizeStream(stream), 0);
    for (int i = 0; i < slices; i++)
        expect(&model, ys[i], (int64_t)i * SPLIT, n - i * SPLIT < SPLIT ? n - i * SPLIT : SPLIT);
    done(workspaces, slices);
    done((void *[]){weights, x}, 2);
    free(host);
    caller_free(&model);
}

static void test_llama(void **state)
{
    (void)state;
    for (int q4 = 0; q4 < 2; q4++) {
        llama(1, 256, 96, q4);
        llama(7, 64, 33, q4); /* an odd n: the inner axis of the memory is k */
        llama(70, 320, 48, q4);
        llama(5, 32, 40, q4); /* a single block: group size 0 */
        llama(1, 32, SPLIT + 61, q4);
        llama(2, 64, SPLIT + 1, q4); /* the last slice has one column */
    }
}

/* The output of a single row through strides that only a matrix of one row may have. */
static void test_llama_row_of_a_wider_output(void **state)
{
    (void)state;
    uint64_t seed = 36002;
    caller_model model;
    caller_sizes sizes = {.m = 1, .k = 96, .n = 40, .group = BLOCK, .transposed = true};
    caller_make(&model, &sizes, &seed);
    size_t scales_at, bytes;
    uint8_t *host = llama_buffer(&model, &scales_at, &bytes);
    uint8_t *weights = caller_device(host, bytes);
    void *x = caller_device(model.x, 96 * 2), *y = caller_device(host, 40 * 2);
    int64_t x_dims[] = {1, 96}, w_dims[] = {96, 40}, w_strides[] = {1, 96}, s_dims[] = {3, 40};
    int64_t s_strides[] = {1, 3}, y_dims[] = {1, 40}, y_strides[] = {4000, 1};
    void *workspace =
        call_v2(caller_tensor(ACL_FLOAT16, ACL_FORMAT_ND, x, 2, x_dims, NULL, 0),
                caller_tensor(ACL_INT8, ACL_FORMAT_ND, weights, 2, w_dims, w_strides, 0),
                caller_tensor(ACL_FLOAT16, ACL_FORMAT_ND, weights + scales_at, 2, s_dims, s_strides, 0), NULL,
                NULL, BLOCK, caller_tensor(ACL_FLOAT16, ACL_FORMAT_ND, y, 2, y_dims, y_strides, 0));
    assert_int_equal(aclrtSynchronizeStream(stream), 0);
    expect(&model, y, 0, 40);
    done((void *[]){workspace, weights, x}, 3);
    free(host);
    caller_free(&model);
}

/* W8A16: weight [n,k] transposed to (k,n), scale and offset flattened to (n), group 0. */
static void vllm(int64_t m, bool bf16, bool bias)
{
    enum { K = 200, N = 72 };
    uint64_t seed = 36003 + (uint64_t)m;
    caller_model model;
    caller_sizes sizes = {
        .m = m, .k = K, .n = N, .bf16 = bf16, .bias = bias, .zeros = true, .transposed = true};
    caller_make(&model, &sizes, &seed);
    int8_t rows[N * K];
    for (int i = 0; i < N * K; i++)
        rows[i] = model.w[i % K * N + i / K];
    uint16_t halves[N]; /* a bias of fp16 with fp16 x */
    for (int j = 0; bias && j < N; j++)
        halves[j] = aclFloatToFloat16(model.bias[j]);
    aclDataType type = bf16 ? ACL_BF16 : ACL_FLOAT16;
    void *x = caller_device(model.x, (size_t)(m * K) * 2), *w = caller_device(rows, sizeof rows);
    void *scale = caller_device(model.scale, N * 2), *offset = caller_device(model.offset, N * 2);
    void *b = !bias ? NULL : bf16 ? caller_device(model.bias, N * 4) : caller_device(halves, N * 2);
    void *y = NULL;
    assert_int_equal(aclrtMalloc(&y, (size_t)(m * N) * 2, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    int64_t x_dims[] = {m, K}, w_dims[] = {K, N}, w_strides[] = {1, K}, n_dims[] = {N}, y_dims[] = {m, N};
    void *workspace =
        call_v2(caller_tensor(type, ACL_FORMAT_ND, x, 2, x_dims, NULL, 0),
                caller_tensor(ACL_INT8, ACL_FORMAT_ND, w, 2, w_dims, w_strides, 0),
                caller_tensor(type, ACL_FORMAT_ND, scale, 1, n_dims, NULL, 0),
                caller_tensor(type, ACL_FORMAT_ND, offset, 1, n_dims, NULL, 0),
                bias ? caller_tensor(bf16 ? ACL_FLOAT : type, ACL_FORMAT_ND, b, 1, n_dims, NULL, 0) : NULL, 0,
                caller_tensor(type, ACL_FORMAT_ND, y, 2, y_dims, NULL, 0));
    assert_int_equal(aclrtSynchronizeStream(stream), 0);
    expect(&model, y, 0, N);
    done((void *[]){workspace, x, w, scale, offset, b}, 6);
    caller_free(&model);
}

static void test_vllm(void **state)
{
    (void)state;
    for (int v = 0; v < 8; v++)
        vllm(v & 1 ? 1 : 100, v & 2, v & 4);
}

/* INT32-packed (k, n/8) or INT4 (k,n), code - 8 of each; offset = 8 - zero and scale (k/g, n); bias fp32 with
 * bf16 x, fp16 with fp16 x. */
static void awq(int64_t m, bool packed, bool bf16)
{
    enum { K = 384, N = 64, GROUP = 128, GROUPS = K / GROUP };
    uint64_t seed = 36004 + (uint64_t)m;
    caller_model model;
    caller_sizes sizes = {.m = m, .k = K, .n = N, .group = GROUP, .int4 = true, .bf16 = bf16, .zeros = true};
    sizes.bias = true;
    caller_make(&model, &sizes, &seed);
    uint8_t bytes[K * N / 2];
    memset(bytes, 0, sizeof bytes);
    caller_nibbles(model.w, K * N, bytes);
    uint16_t halves[N];
    for (int j = 0; j < N; j++)
        halves[j] = aclFloatToFloat16(model.bias[j]);
    aclDataType type = bf16 ? ACL_BF16 : ACL_FLOAT16;
    void *x = caller_device(model.x, (size_t)(m * K) * 2), *w = caller_device(bytes, sizeof bytes), *y = NULL;
    void *scale = caller_device(model.scale, GROUPS * N * 2);
    void *offset = caller_device(model.offset, GROUPS * N * 2);
    void *b = bf16 ? caller_device(model.bias, N * 4) : caller_device(halves, N * 2);
    assert_int_equal(aclrtMalloc(&y, (size_t)(m * N) * 2, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    int64_t x_dims[] = {m, K}, w_dims[] = {K, packed ? N / 8 : N}, s_dims[] = {GROUPS, N}, n_dims[] = {N},
            y_dims[] = {m, N};
    void *workspace =
        call_v2(caller_tensor(type, ACL_FORMAT_ND, x, 2, x_dims, NULL, 0),
                caller_tensor(packed ? ACL_INT32 : ACL_INT4, ACL_FORMAT_ND, w, 2, w_dims, NULL, 0),
                caller_tensor(type, ACL_FORMAT_ND, scale, 2, s_dims, NULL, 0),
                caller_tensor(type, ACL_FORMAT_ND, offset, 2, s_dims, NULL, 0),
                caller_tensor(bf16 ? ACL_FLOAT : type, ACL_FORMAT_ND, b, 1, n_dims, NULL, 0), GROUP,
                caller_tensor(type, ACL_FORMAT_ND, y, 2, y_dims, NULL, 0));
    assert_int_equal(aclrtSynchronizeStream(stream), 0);
    expect(&model, y, 0, N);
    done((void *[]){workspace, x, w, scale, offset, b}, 6);
    caller_free(&model);
}

static void test_awq(void **state)
{
    (void)state;
    for (int v = 0; v < 8; v++)
        awq(v & 1 ? 1 : 90, v & 2, v & 4);
}

static int setup(void **state)
{
    return v2_setup(state) || aclrtCreateStream(&stream);
}

static int teardown(void **state)
{
    (void)state;
    return aclrtDestroyStream(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_llama),
        cmocka_unit_test(test_llama_row_of_a_wider_output),
        cmocka_unit_test(test_vllm),
        cmocka_unit_test(test_awq),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
