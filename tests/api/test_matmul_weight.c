/* SPDX-License-Identifier: Apache-2.0 */
/* aclnnCalculateMatmulWeightSize, V2 and aclnnTransMatmulWeight (companions page 2.4): sizes, the whole
 * storage against the page's formula, what becomes of the tensor, and the checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aclnnop/aclnn_trans_matmul_weight.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v3.h"
#include "base/memory.h"
#include "support/child.h"
#include "support/message.h"
#include "support/nz.h"
#include "support/phases.h"
#include "support/v1.h"

/* ---- sizes ---- */

static void sizes(void **state)
{
    (void)state;
    static const struct {
        uint64_t rank;
        int64_t dims[6];
        uint64_t fp16, int8;
    } rows[] = {{2, {510, 270}, 512 * 272, 147456},
                {2, {1, 1}, 16 * 16, 16 * 32},
                {2, {16, 32}, 16 * 32, 16 * 32},
                {2, {17, 33}, 32 * 48, 32 * 64},
                {3, {5, 17, 33}, 5 * 32 * 48, 5 * 32 * 64},
                {6, {2, 3, 5, 7, 16, 16}, 210 * 256, 210 * 512},
                {3, {INT64_C(1) << 53, 1, 1}, UINT64_C(1) << 61, UINT64_C(1) << 62}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        aclIntArray *shape = aclCreateIntArray(rows[i].dims, rows[i].rank);
        uint64_t size = 0;
        assert_int_equal(aclnnCalculateMatmulWeightSize(shape, &size), 0);
        assert_int_equal(size, rows[i].fp16);
        static const aclDataType narrow[] = {ACL_FLOAT16, ACL_BF16},
                                 wide[] = {ACL_INT8, ACL_UINT8, ACL_FLOAT, ACL_INT4, ACL_INT32};
        for (int t = 0; t < 2; t++) {
            assert_int_equal(aclnnCalculateMatmulWeightSizeV2(shape, narrow[t], &size), 0);
            assert_int_equal(size, rows[i].fp16);
        }
        for (int t = 0; t < 5; t++) {
            assert_int_equal(aclnnCalculateMatmulWeightSizeV2(shape, wide[t], &size), 0);
            assert_int_equal(size, rows[i].int8);
        }
        aclDestroyIntArray(shape);
    }
}

static void size_refusals(void **state)
{
    (void)state;
    static const struct {
        uint64_t rank;
        int64_t dims[7];
        const char *text;
    } rows[] = {{0, {0}, "nearest legal: 2 dims"},
                {1, {16}, "nearest legal: 2 dims"},
                {7, {1, 1, 1, 1, 1, 1, 1}, "nearest legal: 6 dims"},
                {2, {0, 16}, "dim 0 is 0"},
                {3, {4, 16, 0}, "dim 2 is 0"},
                {3, {4, -16, 1}, "dim 1 is -16"},
                {2, {INT64_C(1) << 32, INT64_C(1) << 32}, "64 bits"},
                {2, {INT64_MAX, INT64_MAX}, "64 bits"},
                {3, {INT64_MAX, 1, 1}, "64 bits"},
                {4, {INT64_C(1) << 62, 8, 16, 32}, "64 bits"}}; /* 2^65 before the last dims */
    uint64_t size = 4711;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        aclIntArray *shape = aclCreateIntArray(rows[i].dims, rows[i].rank);
        assert_refused(aclnnCalculateMatmulWeightSizeV2(shape, ACL_INT8, &size), 161002, rows[i].text);
        assert_refused(aclnnCalculateMatmulWeightSize(shape, &size), 161002, rows[i].text);
        assert_refused(aclnnCalculateMatmulWeightSize(shape, &size), 161002, "argument: shape\n");
        assert_refused(aclnnCalculateMatmulWeightSize(shape, NULL), 161001, "argument: size\n");
        assert_refused(aclnnCalculateMatmulWeightSizeV2(shape, ACL_INT8, NULL), 161001, "argument: size\n");
        aclDestroyIntArray(shape);
        assert_refused(aclnnCalculateMatmulWeightSize(shape, &size), 161002, "live aclIntArray");
    }
    assert_refused(aclnnCalculateMatmulWeightSize(NULL, NULL), 161001, "argument: shape\n");
    assert_refused(aclnnCalculateMatmulWeightSizeV2(NULL, ACL_INT8, &size), 161001, "argument: shape\n");
    assert_int_equal(size, 4711);
}

/* ---- aclnnTransMatmulWeight ---- */

#define TRANS(tensor) aclnnTransMatmulWeightGetWorkspaceSize(tensor, &phase_size, &phase_executor)

static void check_tensor(const aclTensor *tensor, uint64_t rank, const int64_t *dims, const int64_t *strides,
                         const int64_t *storage)
{
    int64_t *got;
    uint64_t count;
    aclFormat format;
    assert_int_equal(aclGetFormat(tensor, &format), 0);
    assert_int_equal(format, ACL_FORMAT_FRACTAL_NZ);
    assert_int_equal(aclGetViewShape(tensor, &got, &count), 0);
    assert_int_equal(count, rank);
    assert_memory_equal(got, dims, rank * sizeof *dims);
    free(got);
    assert_int_equal(aclGetViewStrides(tensor, &got, &count), 0);
    assert_memory_equal(got, strides, rank * sizeof *strides);
    free(got);
    assert_int_equal(aclGetStorageShape(tensor, &got, &count), 0);
    assert_int_equal(count, rank + 2);
    assert_memory_equal(got, storage, (rank + 2) * sizeof *storage);
    free(got);
}

/* batch: leading dims, of which there are rank - 2. rows x columns: what lies in memory. */
static void check(aclDataType dtype, uint64_t rank, const int64_t *batch, int64_t rows, int64_t columns,
                  bool transposed, int64_t lead, uint64_t *seed)
{
    int64_t size = dtype == ACL_INT8 || dtype == ACL_UINT8 ? 1 : 2, c0 = 32 / size, batches = 1;
    int64_t dims[6], strides[6], storage[8];
    for (uint64_t d = 0; d < rank - 2; d++) {
        batches *= batch[d];
        dims[d] = storage[d] = batch[d];
    }
    dims[rank - 2] = transposed ? columns : rows;
    dims[rank - 1] = transposed ? rows : columns;
    strides[rank - 2] = transposed ? 1 : columns;
    strides[rank - 1] = transposed ? columns : 1;
    for (uint64_t d = rank - 2; d-- > 0;)
        strides[d] = d + 1 == rank - 2 ? rows * columns : strides[d + 1] * dims[d + 1];
    storage[rank - 2] = (columns + c0 - 1) / c0;
    storage[rank - 1] = (rows + 15) / 16;
    storage[rank] = 16;
    storage[rank + 1] = c0;

    size_t used = (size_t)(batches * rows * columns * size);
    size_t room = nz_bytes(batches * nz_size(rows, columns, c0), (int)size * 8),
           before = (size_t)(lead * size);
    unsigned char *memory = malloc(before + room), *plain = malloc(used);
    for (size_t i = 0; i < used; i++)
        plain[i] = (unsigned char)v1_random(seed);
    memset(memory, 0x6B, before + room);
    memcpy(memory + before, plain, used);
    unsigned char *expected = nz_of(plain, batches, rows, columns, c0, (int)size * 8);

    aclTensor *tensor = aclCreateTensor(dims, rank, dtype, strides, lead, ACL_FORMAT_ND, dims, rank, memory);
    phase_reset();
    assert_int_equal(TRANS(tensor), 0);
    assert_true(phase_size >= used);
    check_tensor(tensor, rank, dims, strides, storage);
    assert_memory_equal(memory + before, plain, used); /* phase 1 leaves the data alone */
    aclDestroyTensor(tensor);
    assert_int_equal(phase2(aclnnTransMatmulWeight, rows % 2 == 0), 0);
    for (size_t i = 0; i < before; i++)
        assert_int_equal(memory[i], 0x6B);
    assert_memory_equal(memory + before, expected, room);
    free(expected);
    free(plain);
    free(memory);
}

static void in_place(void **state)
{
    (void)state;
    static const aclDataType dtypes[] = {ACL_FLOAT16, ACL_BF16, ACL_INT8, ACL_UINT8};
    static const int64_t shapes[][2] = {{1, 1},   {2, 3},     {16, 16}, {16, 32},  {17, 33},
                                        {15, 31}, {510, 270}, {1, 100}, {100, 1},  {33, 64},
                                        {64, 33}, {130, 7},   {7, 130}, {300, 512}};
    static const int64_t batch[4] = {2, 1, 3, 2};
    uint64_t seed = 12;
    for (size_t t = 0; t < 4; t++)
        for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
            for (int transposed = 0; transposed < 2; transposed++) {
                /* the transpose of a column is a row that is as contiguous */
                bool turned = transposed && (shapes[s][0] > 1 || shapes[s][1] > 1);
                check(dtypes[t], 2, batch, shapes[s][0], shapes[s][1], turned, 0, &seed);
                check(dtypes[t], 3, batch, shapes[s][0], shapes[s][1], turned, 5, &seed);
                if (shapes[s][0] * shapes[s][1] < 5000)
                    check(dtypes[t], 6, batch, shapes[s][0], shapes[s][1], turned, 0, &seed);
            }
}

typedef struct described {
    aclDataType dtype;
    aclFormat format;
    uint64_t rank;
    int64_t dims[9];
    const int64_t *strides;
} described;

static const int64_t gap[3] = {20, 5, 1}, outer_gap[3] = {13, 1, 3}, turned_batch[3] = {1, 8, 2};

#define ND ACL_FORMAT_ND

/* Each row has the later faults as well. */
static const struct {
    const char *text;
    described weight;
} rows[] = {
    {"actual: FLOAT (0)", {ACL_FLOAT, ACL_FORMAT_NCHW, 1, {-3}, NULL}},
    {"actual: INT4", {ACL_INT4, ND, 2, {16, 64}, NULL}},
    {"actual: INT32", {ACL_INT32, ND, 2, {0, 64}, NULL}},
    {"nearest legal: FLOAT16", {ACL_INT16, ND, 2, {16, 64}, NULL}},
    {"FRACTAL_NZ (29)", {ACL_INT8, ACL_FORMAT_FRACTAL_NZ, 1, {-3}, NULL}},
    {"NCHW", {ACL_FLOAT16, ACL_FORMAT_NCHW, 1, {0}, NULL}},
    {"NCL", {ACL_FLOAT16, ACL_FORMAT_NCL, 3, {2, 3, 4}, NULL}},
    {"shape ()", {ACL_FLOAT16, ND, 0, {0}, NULL}},
    {"nearest legal: rank 2", {ACL_FLOAT16, ND, 1, {-3}, NULL}},
    {"nearest legal: rank 6", {ACL_BF16, ND, 7, {0, 1, 1, 1, 1, 1, 1}, NULL}},
    {"rank 9", {ACL_BF16, ND, 9, {0, 1, 1, 1, 1, 1, 1, 1, 1}, NULL}},
    {"shape (2,-3)", {ACL_UINT8, ND, 2, {2, -3}, NULL}},
    {"64 bits", {ACL_UINT8, ND, 3, {INT64_MAX, 2, 3}, gap}},
    {"64 bits", {ACL_UINT8, ND, 2, {INT64_MAX, 1}, NULL}},
    {"strides (20,5,1)", {ACL_UINT8, ND, 3, {2, 3, 4}, gap}},
    {"strides (13,1,3)", {ACL_INT8, ND, 3, {2, 3, 4}, outer_gap}},
    {"nearest legal: a contiguous tensor", {ACL_INT8, ND, 3, {2, 3, 4}, turned_batch}},
};

static aclTensor *make(const described *d, void *data)
{
    aclTensor *tensor =
        aclCreateTensor(d->dims, d->rank, d->dtype, d->strides, 0, d->format, d->dims, d->rank, data);
    assert_non_null(tensor);
    return tensor;
}

static void rules_in_order(void **state)
{
    (void)state;
    unsigned char memory[64] = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        aclTensor *weight = make(&rows[i].weight, memory);
        aclFormat format;
        PHASE1_REFUSED(161002, "mmWeightRef", "see: companions page 2.4", TRANS(weight));
        PHASE1_REFUSED(161002, "mmWeightRef", "nearest legal: ", TRANS(weight));
        phase_reset();
        assert_refused(TRANS(weight), 161002, rows[i].text);
        assert_int_equal(aclGetFormat(weight, &format), 0);
        assert_int_equal(format, rows[i].weight.format);
        aclDestroyTensor(weight);
    }
}

static const described small = {ACL_INT8, ND, 2, {3, 4}, NULL};

static void nulls_empty_and_twice(void **state)
{
    (void)state;
    static const described bad = {ACL_FLOAT, ACL_FORMAT_NCHW, 1, {-3}, NULL};
    static const described empty[] = {{ACL_INT8, ND, 2, {0, 4}, NULL},
                                      {ACL_BF16, ND, 3, {2, 4, 0}, NULL},
                                      {ACL_BF16, ND, 2, {INT64_MAX, 0}, gap}};
    unsigned char memory[512] = {0};
    aclTensor *t = make(&bad, memory);
    PHASE1_REFUSED(161001, "mmWeightRef", "null", TRANS(NULL));
    PHASE1_REFUSED(161001, "workspaceSize", "null",
                   aclnnTransMatmulWeightGetWorkspaceSize(t, NULL, &phase_executor));
    PHASE1_REFUSED(161001, "executor", "null", aclnnTransMatmulWeightGetWorkspaceSize(t, &phase_size, NULL));
    PHASE1_REFUSED(161002, "mmWeightRef", "live aclTensor", TRANS((aclTensor *)memory));
    aclDestroyTensor(t);
    assert_refused(aclnnTransMatmulWeight(NULL, 0, NULL, NULL), 161001, "executor");
    for (int i = 0; i < 3; i++) {
        t = make(&empty[i], NULL);
        assert_int_equal(TRANS(t), 0);
        assert_int_equal(phase_size, 0);
        assert_int_equal(phase2(aclnnTransMatmulWeight, 1), 0);
        aclDestroyTensor(t);
    }
    t = make(&small, memory);
    assert_int_equal(TRANS(t), 0);
    assert_int_equal(phase2(aclnnTransMatmulWeight, 1), 0);
    PHASE1_REFUSED(161002, "mmWeightRef", "FRACTAL_NZ", TRANS(t));
    aclDestroyTensor(t);
    t = make(&small, NULL);
    assert_int_equal(TRANS(t), 0);
    assert_refused(aclnnTransMatmulWeight(NULL, 0, phase_executor, NULL), 161001, "mmWeightRef");
    aclDestroyTensor(t);
    t = make(&small, memory);
    assert_int_equal(TRANS(t), 0);
    assert_refused(aclnnTransMatmulWeight(memory, 3, phase_executor, NULL), 161002, "workspaceSize");
    aclDestroyTensor(t);
}

/* Each allocation of phase 1 fails once: the tensor stays as it was. */
static void out_of_memory(void **state)
{
    (void)state;
    unsigned char memory[512] = {0};
    aclTensor *t = make(&small, memory);
    uint64_t n = 1;
    for (;; n++) {
        aclFormat format;
        int64_t *dims;
        uint64_t rank;
        phase_reset();
        aq_memory_fail_from(n);
        int status = TRANS(t);
        aq_memory_fail_from(0);
        if (status == 0)
            break;
        assert_true(status == 561101 || status == 561103);
        assert_non_null(strstr(aclGetRecentErrMsg(), "out of memory"));
        phase_check_untouched();
        assert_int_equal(aclGetFormat(t, &format), 0);
        assert_int_equal(format, ACL_FORMAT_ND);
        assert_int_equal(aclGetStorageShape(t, &dims, &rank), 0);
        assert_int_equal(rank, 2);
        free(dims);
    }
    assert_true(n > 2); /* the executor, the storage shape */
    aq_memory_fail_from(1);
    int status = aclnnTransMatmulWeight(NULL, 0, phase_executor, NULL);
    aq_memory_fail_from(0);
    assert_int_equal(status, 207001);
    aclDestroyTensor(t);
}

static void ask_with_bad_setting(void *result)
{
    *(int *)result = aclnnTransMatmulWeightGetWorkspaceSize(NULL, NULL, NULL);
}

static void invalid_setting(void **state)
{
    (void)state;
    const char *const variables[] = {"ANTIQUANT_CPU=abacus", NULL};
    int status = 0;
    assert_int_equal(in_child(variables, ask_with_bad_setting, &status, sizeof status), 0);
    assert_int_equal(status, 561000);
}

/* The weight that it makes is one of V2 and V3, for the same bits. */
static void taken_as_a_weight(void **state)
{
    (void)state;
    enum { M = 5, K = 100, N = 70 };
    static uint16_t x[M * K], scale[N], y[M * N], expected[M * N];
    static int8_t memory[128 * 128];
    static const int64_t dims[2] = {K, N}, turned[2] = {1, K}, plain[2] = {N, 1};
    uint64_t seed = 5;
    for (int transposed = 0; transposed < 2; transposed++) {
        for (int i = 0; i < M * K; i++)
            x[i] = v1_random_half(&seed);
        for (int i = 0; i < N; i++)
            scale[i] = v1_random_half(&seed);
        for (int i = 0; i < K * N; i++)
            memory[i] = (int8_t)v1_random(&seed);
        aclTensor *t[] = {
            v1_tensor(ACL_FLOAT16, x, 2, INT64_C(5), INT64_C(100)),
            aclCreateTensor(dims, 2, ACL_INT8, transposed ? turned : plain, 0, ND, dims, 2, memory),
            v1_tensor(ACL_FLOAT16, scale, 1, INT64_C(70)),
            v1_tensor(ACL_FLOAT16, y, 2, INT64_C(5), INT64_C(70))};
        for (int form = 0; form < 3; form++) {
            if (form == 1) {
                assert_int_equal(TRANS(t[1]), 0);
                assert_int_equal(phase2(aclnnTransMatmulWeight, true), 0);
            }
            int status =
                form == 2
                    ? aclnnWeightQuantBatchMatmulV3GetWorkspaceSize(t[0], t[1], t[2], NULL, NULL, NULL, NULL,
                                                                    0, 0, t[3], &phase_size, &phase_executor)
                    : aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(t[0], t[1], t[2], NULL, NULL, NULL, NULL,
                                                                    0, t[3], &phase_size, &phase_executor);
            assert_int_equal(status, 0);
            memset(y, 0x55, sizeof y);
            assert_int_equal(
                phase2(form == 2 ? aclnnWeightQuantBatchMatmulV3 : aclnnWeightQuantBatchMatmulV2, true), 0);
            if (form == 0)
                memcpy(expected, y, sizeof y);
            assert_memory_equal(expected, y, sizeof y);
        }
        for (int i = 0; i < 4; i++)
            aclDestroyTensor(t[i]);
    }
}

int main(void)
{
    /* First the one that forks before this process has read its settings. */
    const struct CMUnitTest tests[] = {cmocka_unit_test(invalid_setting),
                                       cmocka_unit_test(sizes),
                                       cmocka_unit_test(size_refusals),
                                       cmocka_unit_test_setup(in_place, v1_setup),
                                       cmocka_unit_test_setup(taken_as_a_weight, v1_setup),
                                       cmocka_unit_test(rules_in_order),
                                       cmocka_unit_test(nulls_empty_and_twice),
                                       cmocka_unit_test(out_of_memory)};
    return cmocka_run_group_tests_name("matmul_weight", tests, NULL, NULL);
}
