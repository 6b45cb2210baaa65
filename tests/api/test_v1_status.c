/* SPDX-License-Identifier: Apache-2.0 */
/* Every check of operator page 1.3: status, order, and what the message says. A call is legal but for what a
 * row changes. The other setting of ANTIQUANT_STATUS is test_v1_status_device.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "support/v1.h"

enum { K = 8, N = 6, NONE = -1 };

/* Room for any operand; the values do not matter here. */
static uint64_t words[128 * 128];

typedef struct row {
    const char *what;
    int64_t m;
    bool transpose_x2;
    int tensor; /* replaced by dtype, format, dims; NONE: nothing is */
    aclDataType dtype;
    aclFormat format;
    int rank; /* -1: null */
    int64_t dims[9];
    int status;
    const char *argument, *text; /* in the message */
} row;

static const aclDataType legal_dtypes[V1_TENSORS] = {
    ACL_FLOAT16, ACL_INT8, ACL_INT8, ACL_INT32, ACL_UINT64, ACL_FLOAT16, ACL_FLOAT16, ACL_FLOAT, ACL_FLOAT16};

static v1_call legal_call(int64_t m, bool transpose_x2)
{
    int64_t k = K, n = N, one = 1, d = 32;
    v1_call call = {.transpose_x2 = transpose_x2, .scale = 1.0f};
    call.t[V1_X1] = v1_tensor(ACL_FLOAT16, words, 2, m, k);
    call.t[V1_X2] = transpose_x2 ? v1_tensor(ACL_INT8, words, 2, n, k) : v1_tensor(ACL_INT8, words, 2, k, n);
    call.t[V1_DIAGONAL] = v1_tensor(ACL_INT8, words, 2, d, d);
    call.t[V1_OFFSET] = v1_tensor(ACL_INT32, words, 1, n);
    call.t[V1_SCALE] = v1_tensor(ACL_UINT64, words, 2, one, n);
    call.t[V1_ADD] =
        transpose_x2 ? v1_tensor(ACL_FLOAT16, words, 2, n, one) : v1_tensor(ACL_FLOAT16, words, 1, n);
    call.t[V1_MUL] = v1_tensor(ACL_FLOAT16, words, 2, one, one);
    call.t[V1_BIAS] = v1_tensor(ACL_FLOAT, words, 1, n);
    call.t[V1_OUT] = v1_tensor(ACL_FLOAT16, words, 2, m, n);
    return call;
}

#define SHAPE(tensor, rank, ...)                                                                             \
    tensor, legal_dtypes_##tensor, ACL_FORMAT_ND, rank,                                                      \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#define NULLED(tensor)                                                                                       \
    tensor, ACL_FLOAT16, ACL_FORMAT_ND, -1,                                                                  \
    {                                                                                                        \
        0                                                                                                    \
    }
#define DTYPE(tensor, dtype)                                                                                 \
    tensor, dtype, ACL_FORMAT_ND, -2,                                                                        \
    {                                                                                                        \
        0                                                                                                    \
    }
#define FORMAT(tensor, format)                                                                               \
    tensor, ACL_DT_UNDEFINED, format, -2,                                                                    \
    {                                                                                                        \
        0                                                                                                    \
    }
enum {
    legal_dtypes_V1_X1 = ACL_FLOAT16,
    legal_dtypes_V1_X2 = ACL_INT8,
    legal_dtypes_V1_DIAGONAL = ACL_INT8,
    legal_dtypes_V1_OFFSET = ACL_INT32,
    legal_dtypes_V1_SCALE = ACL_UINT64,
    legal_dtypes_V1_ADD = ACL_FLOAT16,
    legal_dtypes_V1_MUL = ACL_FLOAT16,
    legal_dtypes_V1_BIAS = ACL_FLOAT,
    legal_dtypes_V1_OUT = ACL_FLOAT16
};

static const row rows[] = {
    {"legal, fixpipe", 64, false, DTYPE(V1_X1, ACL_FLOAT16), 0, NULL, NULL},
    {"legal, composed", 65, true, DTYPE(V1_X1, ACL_FLOAT16), 0, NULL, NULL},
    /* 1 */
    {"x1", 64, false, NULLED(V1_X1), 161001, "x1", "null"},
    {"x2", 64, false, NULLED(V1_X2), 161001, "x2", "null"},
    {"out", 65, false, NULLED(V1_OUT), 161001, "out", "null"},
    {"diagonal", 64, false, NULLED(V1_DIAGONAL), 161001, "diagonalMatrix", "m = 64"},
    {"deqOffset", 1, false, NULLED(V1_OFFSET), 161001, "deqOffset", "m = 1"},
    {"deqScale", 64, true, NULLED(V1_SCALE), 161001, "deqScale", "null"},
    {"diagonal unused", 65, false, NULLED(V1_DIAGONAL), 0, NULL, NULL},
    {"deqOffset unused", 65, false, NULLED(V1_OFFSET), 0, NULL, NULL},
    {"deqScale unused", 65, false, NULLED(V1_SCALE), 0, NULL, NULL},
    {"addOffset optional", 65, false, NULLED(V1_ADD), 0, NULL, NULL},
    {"mulScale optional", 65, false, NULLED(V1_MUL), 0, NULL, NULL},
    {"bias optional", 65, false, NULLED(V1_BIAS), 0, NULL, NULL},
    /* an x1 of rank < 2 counts as m <= 64, and nulls come before ranks */
    {"x1 rank 1", 65, false, SHAPE(V1_X1, 1, 65), 161002, "x1", "rank 1"},
    /* 2a */
    {"x2 NZ", 1, false, FORMAT(V1_X2, ACL_FORMAT_FRACTAL_NZ), 161002, "x2", "FRACTAL_NZ"},
    {"x1 NC1HWC0", 1, false, FORMAT(V1_X1, ACL_FORMAT_NC1HWC0), 161002, "x1", "NC1HWC0"},
    {"bias NDC1HWC0", 65, false, FORMAT(V1_BIAS, ACL_FORMAT_NDC1HWC0), 161002, "bias", "NDC1HWC0"},
    {"out FRACTAL_Z", 65, false, FORMAT(V1_OUT, ACL_FORMAT_FRACTAL_Z), 161002, "out", "FRACTAL_Z"},
    {"NCHW", 65, false, FORMAT(V1_X1, ACL_FORMAT_NCHW), 0, NULL, NULL},
    {"NHWC", 65, false, FORMAT(V1_X2, ACL_FORMAT_NHWC), 0, NULL, NULL},
    {"NCL", 1, false, FORMAT(V1_OUT, ACL_FORMAT_NCL), 0, NULL, NULL},
    {"unused format", 65, false, FORMAT(V1_SCALE, ACL_FORMAT_FRACTAL_NZ), 0, NULL, NULL},
    {"unused format", 64, false, FORMAT(V1_MUL, ACL_FORMAT_FRACTAL_NZ), 0, NULL, NULL},
    /* 2b */
    {"x1 bf16", 1, false, DTYPE(V1_X1, ACL_BF16), 161002, "x1", "BF16"},
    {"x2 uint8", 1, false, DTYPE(V1_X2, ACL_UINT8), 161002, "x2", "UINT8"},
    {"x2 int4", 65, false, DTYPE(V1_X2, ACL_INT4), 161002, "x2", "INT4"},
    {"diagonal", 1, false, DTYPE(V1_DIAGONAL, ACL_FLOAT16), 161002, "diagonalMatrix", "FLOAT16"},
    {"deqOffset", 1, false, DTYPE(V1_OFFSET, ACL_INT64), 161002, "deqOffset", "INT64"},
    {"deqScale", 1, false, DTYPE(V1_SCALE, ACL_INT64), 161002, "deqScale", "UINT64"},
    {"addOffset", 65, false, DTYPE(V1_ADD, ACL_FLOAT), 161002, "addOffset", "FLOAT16"},
    {"mulScale", 65, false, DTYPE(V1_MUL, ACL_BF16), 161002, "mulScale", "BF16"},
    {"bias", 65, false, DTYPE(V1_BIAS, ACL_FLOAT16), 161002, "bias", "FLOAT16"},
    {"out int8", 65, false, DTYPE(V1_OUT, ACL_INT8), 161002, "out", "quantScale"},
    {"out float", 1, false, DTYPE(V1_OUT, ACL_FLOAT), 161002, "out", "FLOAT"},
    {"unused dtype", 65, false, DTYPE(V1_OFFSET, ACL_INT8), 0, NULL, NULL},
    {"unused dtype", 64, false, DTYPE(V1_ADD, ACL_INT8), 0, NULL, NULL},
    /* 3 */
    {"x2 rank 1", 1, false, SHAPE(V1_X2, 1, K), 161002, "x2", "rank 1"},
    {"x2 rank 0", 65, false, SHAPE(V1_X2, 0, 0), 161002, "x2", "rank 0"},
    {"x2 rank 9", 1, false, SHAPE(V1_X2, 9, 1, 1, 1, 1, 1, 1, 1, K, N), 161002, "x2", "rank 9"},
    {"x1 rank 9", 65, false, SHAPE(V1_X1, 9, 1, 1, 1, 1, 1, 1, 1, 65, K), 161002, "x1", "rank 9"},
    {"negative dim", 1, false, SHAPE(V1_X2, 2, K, -N), 161002, "x2", "negative"},
    /* 4 */
    {"deqOffset rank 0", 1, false, SHAPE(V1_OFFSET, 0, 0), 0, NULL, NULL},
    {"deqOffset 1", 1, false, SHAPE(V1_OFFSET, 1, 1), 0, NULL, NULL},
    {"deqOffset (n,1)", 1, false, SHAPE(V1_OFFSET, 2, N, 1), 0, NULL, NULL},
    {"deqOffset 2", 1, false, SHAPE(V1_OFFSET, 1, 2), 161002, "deqOffset", "(2)"},
    {"deqOffset padded", 1, false, SHAPE(V1_OFFSET, 1, 16), 161002, "deqOffset", "shape (6)"},
    {"deqScale (2,n)", 1, false, SHAPE(V1_SCALE, 2, 2, N), 161002, "deqScale", "(2,6)"},
    {"deqScale (1,k)", 1, false, SHAPE(V1_SCALE, 2, 1, K), 161002, "deqScale", "(1,8)"},
    {"deqScale (2,3)", 1, false, SHAPE(V1_SCALE, 2, 2, 3), 161002, "deqScale", "last dim"},
    {"deqScale rank 9", 1, false, SHAPE(V1_SCALE, 9, 1, 1, 1, 1, 1, 1, 1, 1, N), 161002, "deqScale",
     "deqScale"},
    {"unused shape", 65, false, SHAPE(V1_SCALE, 2, 2, 3), 0, NULL, NULL},
    /* 5 */
    {"diagonal (16,16)", 1, false, SHAPE(V1_DIAGONAL, 2, 16, 16), 161002, "diagonalMatrix", "(32,32)"},
    {"diagonal (1024)", 1, false, SHAPE(V1_DIAGONAL, 1, 1024), 161002, "diagonalMatrix", "(1024)"},
    {"diagonal (1,32,32)", 1, false, SHAPE(V1_DIAGONAL, 3, 1, 32, 32), 161002, "diagonalMatrix", "(1,32,32)"},
    {"unused diagonal", 65, false, SHAPE(V1_DIAGONAL, 1, 1), 0, NULL, NULL},
    /* 6 */
    {"addOffset 3", 65, false, SHAPE(V1_ADD, 1, 3), 161002, "addOffset", "check 6"},
    {"mulScale (1,k)", 65, false, SHAPE(V1_MUL, 2, 1, K), 161002, "mulScale", "check 6"},
    {"addOffset (k,n)", 65, false, SHAPE(V1_ADD, 2, K, N), 0, NULL, NULL},
    {"addOffset (k,1)", 65, false, SHAPE(V1_ADD, 2, K, 1), 0, NULL, NULL},
    {"addOffset scalar", 65, false, SHAPE(V1_ADD, 0, 0), 0, NULL, NULL},
    /* 7 */
    {"addOffset (n)", 65, true, SHAPE(V1_ADD, 1, N), 161002, "addOffset", "shape (6,1)"},
    {"mulScale (1)", 65, true, SHAPE(V1_MUL, 1, 1), 0, NULL, NULL},
    {"mulScale (n,1)", 65, true, SHAPE(V1_MUL, 2, N, 1), 0, NULL, NULL},
    {"mulScale (2,1)", 65, true, SHAPE(V1_MUL, 2, 2, 1), 161002, "mulScale", "check 7"},
    {"mulScale (1,k)", 65, true, SHAPE(V1_MUL, 2, 1, K), 0, NULL, NULL},
    /* 8 */
    {"addOffset (n,1)", 65, false, SHAPE(V1_ADD, 2, N, 1), 561103, "addOffset", "broadcast"},
    {"mulScale (1,1,n)", 65, false, SHAPE(V1_MUL, 3, 1, 1, N), 561103, "mulScale", "broadcast"},
    {"mulScale (n,3)", 65, true, SHAPE(V1_MUL, 2, N, 3), 561103, "mulScale", "shape (6,8)"},
    /* 9 */
    {"bias 1", 65, false, SHAPE(V1_BIAS, 1, 1), 0, NULL, NULL},
    {"bias (1,n)", 1, false, SHAPE(V1_BIAS, 2, 1, N), 0, NULL, NULL},
    {"bias scalar", 65, false, SHAPE(V1_BIAS, 0, 0), 161002, "bias", "check 9"},
    {"bias 2", 1, false, SHAPE(V1_BIAS, 1, 2), 161002, "bias", "(2)"},
    {"bias (2,n)", 65, false, SHAPE(V1_BIAS, 2, 2, N), 161002, "bias", "(2,6)"},
    /* 10 */
    {"k", 1, false, SHAPE(V1_X1, 2, 1, K + 1), 161002, "x1, x2", "k = 9 in x1, 8 in x2"},
    {"out m", 1, false, SHAPE(V1_OUT, 2, 2, N), 161002, "out", "shape (1,6)"},
    {"out n", 65, false, SHAPE(V1_OUT, 2, 65, N + 1), 161002, "out", "shape (65,6)"},
    {"out rank", 1, false, SHAPE(V1_OUT, 1, N), 161002, "out", "(6)"},
    {"out batch", 65, false, SHAPE(V1_OUT, 3, 1, 65, N), 161002, "out", "(1,65,6)"},
    {"x2 batch", 65, false, SHAPE(V1_X2, 3, 2, K, N), 161002, "x2", "batch"},
    {"x2 batch 1", 65, false, SHAPE(V1_X2, 3, 1, K, N), 161002, "x2", "batch"},
};

static void replace(v1_call *call, const row *r)
{
    aclTensor **tensor = &call->t[r->tensor];
    int64_t *dims = NULL;
    uint64_t rank = 0;
    aclGetViewShape(*tensor, &dims, &rank);
    aclDestroyTensor(*tensor);
    *tensor = NULL;
    const int64_t *new_dims = r->rank == -2 ? dims : r->dims;
    uint64_t new_rank = r->rank == -2 ? rank : (uint64_t)r->rank;
    aclDataType dtype = r->dtype == ACL_DT_UNDEFINED ? legal_dtypes[r->tensor] : r->dtype;
    if (r->rank != -1)
        *tensor = aclCreateTensor(new_dims, new_rank, dtype, NULL, 0, r->format, new_dims, new_rank, words);
    free(dims);
}

static void test_every_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        v1_call call = legal_call(rows[i].m, rows[i].transpose_x2);
        replace(&call, &rows[i]);
        uint64_t size = 12345;
        aclOpExecutor *executor = (aclOpExecutor *)words;
        int status = v1_phase1(&call, &size, &executor);
        const char *message = aclGetRecentErrMsg();
        if (status != rows[i].status)
            fail_msg("row %d, %s: status %d, expected %d; %s", (int)i, rows[i].what, status, rows[i].status,
                     message ? message : "no message");
        if (status == 0) {
            assert_int_equal(aclSetAclOpExecutorRepeatable(executor), 0);
            assert_int_equal(aclDestroyAclOpExecutor(executor), 0);
        } else {
            assert_int_equal(size, 12345);
            assert_ptr_equal(executor, words);
            if (message == NULL || strstr(message, rows[i].argument) == NULL ||
                strstr(message, rows[i].text) == NULL)
                fail_msg("row %d, %s: message lacks \"%s\" or \"%s\": %s", (int)i, rows[i].what,
                         rows[i].argument, rows[i].text, message ? message : "no message");
            assert_null(aclGetRecentErrMsg()); /* once */
        }
        v1_destroy(&call);
    }
}

static void test_null_outputs(void **state)
{
    (void)state;
    v1_call call = legal_call(1, false);
    uint64_t size = 5;
    aclOpExecutor *executor = NULL;
    assert_int_equal(v1_phase1(&call, NULL, &executor), 161001);
    assert_non_null(strstr(aclGetRecentErrMsg(), "workspaceSize"));
    assert_null(executor);
    assert_int_equal(v1_phase1(&call, &size, NULL), 161001);
    assert_non_null(strstr(aclGetRecentErrMsg(), "executor"));
    assert_int_equal(size, 5);
    v1_destroy(&call);
}

/* Nulls come before dtypes, dtypes before shapes (operator page 1.3). */
static void test_order_of_checks(void **state)
{
    (void)state;
    v1_call call = legal_call(1, false);
    uint64_t size;
    aclOpExecutor *executor;
    aclDestroyTensor(call.t[V1_X1]);
    aclDestroyTensor(call.t[V1_OUT]);
    call.t[V1_X1] = v1_tensor(ACL_BF16, words, 1, (int64_t)3);
    call.t[V1_OUT] = v1_tensor(ACL_FLOAT16, words, 2, (int64_t)9, (int64_t)9);
    aclTensor *scale = call.t[V1_SCALE];
    call.t[V1_SCALE] = NULL;
    assert_int_equal(v1_phase1(&call, &size, &executor), 161001);
    assert_non_null(strstr(aclGetRecentErrMsg(), "deqScale"));
    call.t[V1_SCALE] = scale;
    assert_int_equal(v1_phase1(&call, &size, &executor), 161002);
    assert_non_null(strstr(aclGetRecentErrMsg(), "dtype"));
    aclDestroyTensor(call.t[V1_X1]);
    call.t[V1_X1] = v1_tensor(ACL_FLOAT16, words, 1, (int64_t)3);
    assert_int_equal(v1_phase1(&call, &size, &executor), 161002);
    assert_non_null(strstr(aclGetRecentErrMsg(), "rank"));
    v1_destroy(&call);
}

static void test_message_form(void **state)
{
    (void)state;
    v1_call call = legal_call(1, false);
    uint64_t size;
    aclOpExecutor *executor;
    aclDestroyTensor(call.t[V1_X2]);
    call.t[V1_X2] = v1_tensor(ACL_FLOAT, words, 2, (int64_t)K, (int64_t)N);
    assert_int_equal(v1_phase1(&call, &size, &executor), 161002);
    const char *message = aclGetRecentErrMsg();
    assert_int_equal(strncmp(message, "EZ1001: ", 8), 0);
    assert_non_null(strstr(message, "aclnnWeightQuantBatchMatmulGetWorkspaceSize"));
    assert_non_null(strstr(message, "\n    "));
    assert_non_null(strstr(message, "x2"));
    assert_non_null(strstr(message, "INT8"));
    v1_destroy(&call);
}

static void test_overflowing_sizes(void **state)
{
    (void)state;
    int64_t big = (int64_t)1 << 31;
    uint64_t size = 5;
    aclOpExecutor *executor = NULL;
    for (int64_t m = 1; m <= 128; m += 127) {
        v1_call call = legal_call(m, false);
        for (int t = 0; t < V1_TENSORS; t++) {
            if (t != V1_X1 && t != V1_X2 && t != V1_OUT && t != V1_DIAGONAL)
                continue;
            aclDestroyTensor(call.t[t]);
        }
        int64_t x_rows = m == 1 ? 2 : big;
        call.t[V1_X1] = v1_tensor(ACL_FLOAT16, NULL, 2, x_rows, big);
        call.t[V1_X2] = v1_tensor(ACL_INT8, NULL, 2, big, big);
        call.t[V1_OUT] = v1_tensor(ACL_FLOAT16, NULL, 2, x_rows, big);
        call.t[V1_DIAGONAL] = v1_tensor(ACL_INT8, words, 2, (int64_t)32, (int64_t)32);
        for (int t = V1_OFFSET; t <= V1_BIAS; t++) {
            aclDestroyTensor(call.t[t]);
            call.t[t] = v1_tensor(legal_dtypes[t], words, 1, (int64_t)1);
        }
        int status = v1_phase1(&call, &size, &executor);
        assert_int_equal(status, 161002); /* 2 * 2^31 * 2^31 is 2^63 */
        assert_non_null(strstr(aclGetRecentErrMsg(), "64 bits"));
        assert_int_equal(size, 5);
        v1_destroy(&call);
    }
}

/* After all checks: out empty is a success that does nothing (operator page 1.3). */
static void test_empty(void **state)
{
    (void)state;
    int64_t shapes[3][3] = {{0, K, N}, {5, K, 0}, {100, K, 0}};
    for (int i = 0; i < 3; i++) {
        int64_t m = shapes[i][0], k = shapes[i][1], n = shapes[i][2];
        v1_call call = {.scale = 1.0f};
        call.t[V1_X1] = v1_tensor(ACL_FLOAT16, NULL, 2, m, k);
        call.t[V1_X2] = v1_tensor(ACL_INT8, NULL, 2, k, n);
        call.t[V1_OUT] = v1_tensor(ACL_FLOAT16, NULL, 2, m, n);
        uint64_t size = 77;
        aclOpExecutor *executor = NULL;
        if (m <= 64) { /* all checks come first */
            assert_int_equal(v1_phase1(&call, &size, &executor), 161001);
            call.t[V1_DIAGONAL] = v1_tensor(ACL_INT8, NULL, 2, (int64_t)32, (int64_t)32);
            call.t[V1_OFFSET] = v1_tensor(ACL_INT32, NULL, 1, n);
            call.t[V1_SCALE] = v1_tensor(ACL_UINT64, NULL, 1, n);
        }
        assert_int_equal(v1_phase1(&call, &size, &executor), 0);
        assert_int_equal(size, 0);
        assert_int_equal(aclnnWeightQuantBatchMatmul(NULL, 0, executor, NULL), 0);
        assert_int_equal(aclrtSynchronizeStream(NULL), 0);
        v1_destroy(&call);
    }
}

/* Phase 2 (operator page 1.3, runtime page 4.6). */
static void test_second_phase(void **state)
{
    (void)state;
    v1_call call = legal_call(1, false);
    uint64_t size;
    aclOpExecutor *executor = NULL;
    assert_int_equal(aclnnWeightQuantBatchMatmul(NULL, 0, NULL, NULL), 161001);
    assert_non_null(strstr(aclGetRecentErrMsg(), "executor"));

    assert_int_equal(v1_phase1(&call, &size, &executor), 0);
    assert_int_equal(aclnnWeightQuantBatchMatmul(NULL, 4096 + size, executor, NULL), 161001);
    assert_int_equal(aclnnWeightQuantBatchMatmul(NULL, 0, executor, NULL),
                     561000); /* consumed by the error */

    for (int t = 0; t < V1_TENSORS; t++) {
        void *data = NULL;
        assert_int_equal(aclGetRawTensorAddr(call.t[t], &data), 0);
        assert_int_equal(aclSetRawTensorAddr(call.t[t], NULL), 0);
        assert_int_equal(v1_phase1(&call, &size, &executor), 0); /* data may be null until phase 2 */
        bool used = t != V1_ADD && t != V1_MUL;
        assert_int_equal(aclnnWeightQuantBatchMatmul(NULL, 0, executor, NULL), used ? 161001 : 0);
        assert_int_equal(aclrtSynchronizeStream(NULL), 0);
        assert_int_equal(aclnnWeightQuantBatchMatmul(NULL, 0, executor, NULL), 561000);
        assert_int_equal(aclSetRawTensorAddr(call.t[t], data), 0);
    }
    v1_destroy(&call);
}

/* Strides and offsets that lead nowhere. */
static void test_reach(void **state)
{
    (void)state;
    static const int64_t far[][3] = {{INT64_MAX, 1, 0},          {INT64_MIN, 1, 0}, {(int64_t)1 << 62, 1, 0},
                                     {1, INT64_MAX / 2, 0},      {K, 1, INT64_MAX}, {-K, 1, INT64_MIN},
                                     {1, (int64_t)1 << 61, -500}};
    static const int tensors[] = {V1_X1, V1_X2, V1_OUT};
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++)
        for (int t = 0; t < 3; t++) {
            v1_call call = legal_call(70, false);
            int64_t *dims = NULL;
            uint64_t rank, size = 5;
            aclOpExecutor *executor;
            aclTensor **tensor = &call.t[tensors[t]];
            aclGetViewShape(*tensor, &dims, &rank);
            aclDestroyTensor(*tensor);
            *tensor = v1_strided(legal_dtypes[tensors[t]], words, 2, dims, far[i], far[i][2]);
            free(dims);
            int status = v1_phase1(&call, &size, &executor);
            const char *message = aclGetRecentErrMsg();
            if (status != 161002 || strstr(message, "strides") == NULL)
                fail_msg("strides %d of tensor %d: status %d, %s", (int)i, tensors[t], status,
                         message != NULL ? message : "no message");
            assert_int_equal(size, 5);
            v1_destroy(&call);
        }
}

/* A destroyed or foreign tensor is refused, never dereferenced. */
static void test_stale_tensor(void **state)
{
    (void)state;
    v1_call call = legal_call(1, false);
    aclTensor *stale = call.t[V1_X2];
    uint64_t size;
    aclOpExecutor *executor;
    aclDestroyTensor(stale);
    assert_int_equal(v1_phase1(&call, &size, &executor), 161002);
    assert_non_null(strstr(aclGetRecentErrMsg(), "x2"));
    call.t[V1_X2] = (aclTensor *)&words[5];
    assert_int_equal(v1_phase1(&call, &size, &executor), 161002);
    call.t[V1_X2] = NULL;
    v1_destroy(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_check),
        cmocka_unit_test(test_null_outputs),
        cmocka_unit_test(test_order_of_checks),
        cmocka_unit_test(test_message_form),
        cmocka_unit_test(test_overflowing_sizes),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_second_phase),
        cmocka_unit_test(test_stale_tensor),
        cmocka_unit_test(test_reach),
    };
    return cmocka_run_group_tests(tests, v1_setup, NULL);
}
