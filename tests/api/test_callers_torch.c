/* SPDX-License-Identifier: Apache-2.0 */
/* torch_npu's op-plugin by the calls that it makes (successors page 3.6): 1-D storage dims, the format that
 * belongs to a tensor's rank, weights as transposed views with a storage offset, V3 when inner_precise is 1
 * and V2 else, a float quant scale through aclnnTransQuantParamV2. That it finds its symbols by name is for
 * tests/install. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aclnnop/aclnn_trans_quant_param_v2.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v3.h"
#include "support/caller.h"
#include "support/child.h"
#include "support/v2_run.h"

/* A tensor as torch knows it; strides dense unless turned. data is device memory. */
typedef struct torch_tensor {
    bool given;
    aclDataType type;
    int rank;
    int64_t sizes[5];
    bool turned; /* the last two dims as a transpose has them */
    int64_t offset;
    void *data;
} torch_tensor;

static aclTensor *converted(const torch_tensor *t)
{
    static const aclFormat formats[] = {[3] = ACL_FORMAT_NCL, [4] = ACL_FORMAT_NCHW, [5] = ACL_FORMAT_NCDHW};
    if (!t->given)
        return NULL;
    int64_t strides[5], step = 1;
    for (int d = t->rank - 1; d >= 0; d--) {
        strides[d] = step;
        step *= t->sizes[d];
    }
    if (t->turned) {
        strides[t->rank - 2] = 1;
        strides[t->rank - 1] = t->sizes[t->rank - 2];
    }
    return caller_tensor(t->type, t->rank >= 3 ? formats[t->rank] : ACL_FORMAT_ND, t->data, t->rank, t->sizes,
                         strides, t->offset);
}

static void *workspace_of(uint64_t size)
{
    void *workspace = NULL;
    if (size > 0)
        assert_int_equal(aclrtMalloc(&workspace, size, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    return workspace;
}

static void destroy(aclTensor **tensors, int count)
{
    for (int i = 0; i < count; i++)
        if (tensors[i] != NULL)
            assert_int_equal(aclDestroyTensor(tensors[i]), 0);
}

/* The words of a float quant scale, as an int64 tensor, which is what torch has. */
static torch_tensor trans_quant_param(const torch_tensor *scale)
{
    torch_tensor words = *scale;
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    words.type = ACL_INT64;
    assert_int_equal(aclrtMalloc(&words.data, (size_t)scale->sizes[0] * 8, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    aclTensor *t[] = {converted(scale), converted(&words)};
    assert_int_equal(aclnnTransQuantParamV2GetWorkspaceSize(t[0], NULL, t[1], &size, &executor), 0);
    void *workspace = workspace_of(size);
    assert_int_equal(aclnnTransQuantParamV2(workspace, size, executor, NULL), 0);
    destroy(t, 2);
    return words;
}

typedef struct torch_call {
    torch_tensor x, weight, scale, offset, quant_scale, bias, y;
    int64_t group, inner_precise;
} torch_call;

/* npu_weight_quant_batchmatmul. */
static void torch_matmul(const torch_call *call)
{
    torch_tensor words = {0};
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    assert_int_equal(InitHugeMemThreadLocal(NULL, false), 0);
    if (call->quant_scale.given)
        words = trans_quant_param(&call->quant_scale);
    aclTensor *t[] = {converted(&call->x),      converted(&call->weight), converted(&call->scale),
                      converted(&call->offset), converted(&words),        converted(&call->bias),
                      converted(&call->y)};
    int status =
        call->inner_precise == 1
            ? aclnnWeightQuantBatchMatmulV3GetWorkspaceSize(t[0], t[1], t[2], t[3], t[4], NULL, t[5],
                                                            (int)call->group, 1, t[6], &size, &executor)
            : aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(t[0], t[1], t[2], t[3], t[4], NULL, t[5],
                                                            (int)call->group, t[6], &size, &executor);
    if (status != 0)
        fail_msg("status %d: %s", status, aclGetRecentErrMsg());
    void *workspace = workspace_of(size);
    status = call->inner_precise == 1 ? aclnnWeightQuantBatchMatmulV3(workspace, size, executor, NULL)
                                      : aclnnWeightQuantBatchMatmulV2(workspace, size, executor, NULL);
    assert_int_equal(status, 0);
    destroy(t, 7);
    ReleaseHugeMem(NULL, false);
    UnInitHugeMemThreadLocal(NULL, false);
    assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    if (workspace != NULL)
        assert_int_equal(aclrtFree(workspace), 0);
    if (words.given)
        assert_int_equal(aclrtFree(words.data), 0);
}

enum { SKIPPED = 12 /* elements of the weight's storage before its view */ };

/* Device copies of the model's operands. The weight is stored (n,k), or (k,n) when it is not transposed. */
static torch_call prepared(const caller_model *model)
{
    const caller_sizes *s = &model->sizes;
    int64_t k = s->k, n = s->n, groups = model->groups;
    aclDataType type = s->bf16 ? ACL_BF16 : ACL_FLOAT16;
    torch_call call = {.group = s->group};
    int8_t *stored = calloc((size_t)(k * n + SKIPPED), 1);
    uint8_t *bytes = calloc((size_t)(k * n + SKIPPED), 1);
    assert_true(stored != NULL && bytes != NULL);
    for (int64_t i = 0; i < k * n; i++)
        stored[SKIPPED + (s->transposed ? i % n * k + i / n : i)] = model->w[i];
    if (s->int4)
        caller_nibbles(stored, k * n + SKIPPED, bytes);
    else
        memcpy(bytes, stored, (size_t)(k * n + SKIPPED));
    call.x =
        (torch_tensor){true, type, 2, {s->m, k}, false, 0, caller_device(model->x, (size_t)(s->m * k) * 2)};
    call.weight = (torch_tensor){true,
                                 s->int4 ? ACL_INT4 : ACL_INT8,
                                 2,
                                 {k, n},
                                 s->transposed,
                                 SKIPPED,
                                 caller_device(bytes, (size_t)(k * n + SKIPPED))};
    call.scale = (torch_tensor){.given = true, .type = type, .rank = s->group > 0 ? 2 : 1};
    call.scale.sizes[0] = s->group > 0 ? groups : n;
    call.scale.sizes[1] = n;
    call.offset = call.scale;
    call.offset.given = s->zeros;
    call.scale.data = caller_device(model->scale, (size_t)(groups * n) * 2);
    if (s->zeros)
        call.offset.data = caller_device(model->offset, (size_t)(groups * n) * 2);
    if (s->quantised)
        call.quant_scale = (torch_tensor){
            true, ACL_FLOAT, 1, {n}, false, 0, caller_device(model->quant_scale, (size_t)n * 4)};
    if (s->bias) {
        uint16_t *halves = calloc((size_t)n, 2);
        assert_non_null(halves);
        for (int64_t j = 0; j < n; j++)
            halves[j] = aclFloatToFloat16(model->bias[j]);
        call.bias = (torch_tensor){true, s->bf16 ? ACL_FLOAT : type, 1, {n}, false, 0, NULL};
        call.bias.data =
            s->bf16 ? caller_device(model->bias, (size_t)n * 4) : caller_device(halves, (size_t)n * 2);
        free(halves);
    }
    call.y = (torch_tensor){true, s->quantised ? ACL_INT8 : type, 2, {s->m, n}, false, 0, NULL};
    assert_int_equal(aclrtMalloc(&call.y.data, (size_t)(s->m * n) * 2, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    free(stored);
    free(bytes);
    return call;
}

/* Makes the call, compares, releases. */
static void finish(caller_model *model, torch_call *call)
{
    const caller_sizes *s = &model->sizes;
    size_t bytes = (size_t)(s->m * s->n) * (s->quantised ? 1 : 2);
    void *host = malloc(bytes);
    assert_non_null(host);
    torch_matmul(call);
    assert_int_equal(aclrtMemcpy(host, bytes, call->y.data, bytes, ACL_MEMCPY_DEVICE_TO_HOST), 0);
    caller_expect(model, host, 0, s->n);
    free(host);
    torch_tensor *all[] = {&call->x,           &call->weight, &call->scale, &call->offset,
                           &call->quant_scale, &call->bias,   &call->y};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i]->given)
            assert_int_equal(aclrtFree(all[i]->data), 0);
    caller_free(model);
}

/* Every combination of what a user of npu_weight_quant_batchmatmul can give on the default profile. */
static void test_matrices(void **state)
{
    (void)state;
    uint64_t seed = 36101;
    for (int v = 0; v < 128; v++) {
        caller_model model;
        caller_sizes sizes = {.m = v % 3 == 0 ? 1 : 40,
                              .k = 96,
                              .n = 24,
                              .group = v & 1 ? 32 : 0,
                              .int4 = v & 2,
                              .bf16 = v & 4,
                              .transposed = v & 8,
                              .zeros = v & 16,
                              .bias = v & 32,
                              .quantised = v & 64};
        caller_make(&model, &sizes, &seed);
        torch_call call = prepared(&model);
        call.inner_precise = v % 5 == 0;
        finish(&model, &call);
    }
}

/* x of rank 3 to 5 with its format; the weight has the same rank or is one matrix for all batches. Profiles
 * a2 and a3 take rank 2 only. */
static void batches(void *result)
{
    uint64_t seed = 36102;
    v2_setup(NULL);
    for (int v = 0; v < 24; v++) {
        caller_model model;
        caller_sizes sizes = {
            .m = 4 * 6, .k = 64, .n = 18, .transposed = v & 1, .zeros = v & 2, .bias = v & 4};
        caller_make(&model, &sizes, &seed);
        torch_call call = prepared(&model);
        int rank = 3 + v % 3, weight_rank = v & 8 ? rank : 2;
        call.x = (torch_tensor){true, ACL_FLOAT16, rank, {0}, false, 0, call.x.data};
        for (int d = 0; d < rank - 2; d++)
            call.x.sizes[d] = d == rank - 3 ? 4 : 1;
        call.y.rank = rank;
        memcpy(call.y.sizes, call.x.sizes, sizeof call.y.sizes);
        call.x.sizes[rank - 2] = call.y.sizes[rank - 2] = 6;
        call.x.sizes[rank - 1] = 64;
        call.y.sizes[rank - 1] = 18;
        call.weight.rank = weight_rank;
        for (int d = 0; d < weight_rank; d++)
            call.weight.sizes[d] = d < weight_rank - 2 ? 1 : d == weight_rank - 2 ? 64 : 18;
        finish(&model, &call);
    }
    *(int *)result = 1;
}

static void test_batches(void **state)
{
    (void)state;
    static const char *const profiles[] = {"ANTIQUANT_PROFILE=310p", "ANTIQUANT_PROFILE=any"};
    for (int i = 0; i < 2; i++) {
        int finished = 0;
        assert_int_equal(
            in_child((const char *const[]){profiles[i], NULL}, batches, &finished, sizeof finished), 0);
        assert_int_equal(finished, 1);
    }
}

static void on_this_process(void *result)
{
    v2_setup(NULL);
    test_matrices(NULL);
    *(int *)result = 1;
}

/* The same calls where they may come from any chip that has them. */
static void test_matrices_a3(void **state)
{
    (void)state;
    int finished = 0;
    assert_int_equal(in_child((const char *const[]){"ANTIQUANT_PROFILE=a3", NULL}, on_this_process, &finished,
                              sizeof finished),
                     0);
    assert_int_equal(finished, 1);
}

static void test_matrices_here(void **state)
{
    assert_int_equal(v2_setup(state), 0);
    test_matrices(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches), /* children first: they read the environment, which is read once */
        cmocka_unit_test(test_matrices_a3),
        cmocka_unit_test(test_matrices_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
