/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of aclnnNpuFormatCast and aclnnNpuFormatCastCalculateSizeAndFormat: status, argument, text, and
 * that a refusal writes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aclnnop/aclnn_npu_format_cast.h"
#include "base/memory.h"
#include "support/child.h"
#include "support/message.h"
#include "support/phases.h"
#include "support/v1.h"

static unsigned char memory[8192];

typedef struct described {
    aclDataType dtype;
    aclFormat format;
    uint64_t rank;
    int64_t dims[9];
    uint64_t storage_rank;
    int64_t storage[8];
    const int64_t *strides;
    int64_t offset;
} described;

static aclTensor *make(const described *d, void *data)
{
    aclTensor *tensor = aclCreateTensor(d->dims, d->rank, d->dtype, d->strides, d->offset, d->format,
                                        d->storage, d->storage_rank, data);
    assert_non_null(tensor);
    return tensor;
}

#define ND   ACL_FORMAT_ND
#define NZ   ACL_FORMAT_FRACTAL_NZ
#define C0_8 ACL_FORMAT_FRACTAL_NZ_C0_8
#define FOUR                                                                                                 \
    {                                                                                                        \
        1, 1, 16, 32                                                                                         \
    }

static const int64_t far[2] = {INT64_MAX, 1}, turned[2] = {1, 17};

/* Each row has the later faults as well. */
static const struct {
    const char *argument, *text;
    described src, dst;
} rows[] = {
    {"srcTensor",
     "STRING",
     {ACL_STRING, C0_8, 1, {3}, 0, {0}, NULL, 0},
     {ACL_INT8, C0_8, 1, {4}, 0, {0}, NULL, 0}},
    {"srcTensor",
     "UINT1",
     {ACL_UINT1, C0_8, 1, {3}, 0, {0}, NULL, 0},
     {ACL_INT8, C0_8, 1, {4}, 0, {0}, NULL, 0}},
    {"srcTensor",
     "FLOAT4_E2M1",
     {ACL_FLOAT4_E2M1, ND, 2, {3, 4}, 0, {0}, NULL, 0},
     {ACL_FLOAT4_E2M1, NZ, 2, {3, 4}, 0, {0}, NULL, 0}},
    {"dstTensor",
     "nearest legal: INT4",
     {ACL_INT4, C0_8, 1, {3}, 0, {0}, NULL, 0},
     {ACL_INT8, C0_8, 1, {4}, 0, {0}, NULL, 0}},
    {"srcTensor",
     "FRACTAL_NZ_C0_8",
     {ACL_INT8, C0_8, 1, {3}, 0, {0}, NULL, 0},
     {ACL_INT8, C0_8, 1, {4}, 0, {0}, NULL, 0}},
    {"dstTensor",
     "nearest legal: FRACTAL_NZ",
     {ACL_INT8, ND, 1, {3}, 0, {0}, NULL, 0},
     {ACL_INT8, C0_8, 1, {4}, 0, {0}, NULL, 0}},
    {"dstTensor",
     "actual: ND",
     {ACL_INT8, ND, 1, {3}, 0, {0}, NULL, 0},
     {ACL_INT8, ND, 1, {4}, 0, {0}, NULL, 0}},
    {"dstTensor",
     "srcTensor's is NCHW",
     {ACL_INT8, ACL_FORMAT_NCHW, 1, {3}, 0, {0}, NULL, 0},
     {ACL_INT8, ND, 1, {4}, 0, {0}, NULL, 0}},
    {"dstTensor",
     "actual: FRACTAL_NZ",
     {ACL_INT8, NZ, 1, {3}, 0, {0}, NULL, 0},
     {ACL_INT8, NZ, 1, {4}, 0, {0}, NULL, 0}},
    {"dstTensor",
     "nearest legal: ND",
     {ACL_INT8, NZ, 1, {3}, 0, {0}, NULL, 0},
     {ACL_INT8, C0_8, 1, {4}, 0, {0}, NULL, 0}},
    {"srcTensor",
     "nearest legal: rank 2",
     {ACL_INT8, NZ, 1, {-3}, 0, {0}, NULL, 0},
     {ACL_INT8, ND, 1, {4}, 0, {0}, NULL, 0}},
    {"srcTensor",
     "nearest legal: rank 6",
     {ACL_INT8, ND, 7, {1, 1, 1, 1, 1, 1, 1}, 0, {0}, NULL, 0},
     {ACL_INT8, NZ, 1, {4}, 0, {0}, NULL, 0}},
    {"srcTensor",
     "rank 9",
     {ACL_INT8, ND, 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}, 0, {0}, NULL, 0},
     {ACL_INT8, NZ, 1, {4}, 0, {0}, NULL, 0}},
    {"dstTensor",
     "nearest legal: shape (3,-4)",
     {ACL_INT8, ND, 2, {3, -4}, 0, {0}, NULL, 0},
     {ACL_INT8, NZ, 2, {4, 3}, 4, FOUR, NULL, 0}},
    {"dstTensor",
     "actual: shape (1,3,4)",
     {ACL_INT8, ND, 2, {3, 4}, 0, {0}, NULL, 0},
     {ACL_INT8, NZ, 3, {1, 3, 4}, 4, FOUR, NULL, 0}},
    {"srcTensor",
     "negative",
     {ACL_INT8, ND, 2, {3, -4}, 0, {0}, far, 0},
     {ACL_INT8, NZ, 2, {3, -4}, 4, FOUR, NULL, 0}},
    {"srcTensor",
     "64 bits",
     {ACL_INT8, ND, 2, {3, INT64_MAX}, 0, {0}, far, 0},
     {ACL_INT8, NZ, 2, {3, INT64_MAX}, 4, FOUR, NULL, 0}},
    {"dstTensor",
     "actual: storage shape (1,1,16,32)",
     {ACL_INT8, ND, 2, {17, 70}, 0, {0}, far, 0},
     {ACL_INT8, NZ, 2, {17, 70}, 4, FOUR, NULL, 0}},
    {"dstTensor",
     "nearest legal: storage shape (3,2,16,32)",
     {ACL_INT8, ND, 2, {17, 70}, 0, {0}, far, 0},
     {ACL_INT8, NZ, 2, {17, 70}, 4, {3, 2, 8, 32}, NULL, 0}},
    {"dstTensor",
     "nearest legal: storage shape (3,2,16,32)",
     {ACL_INT8, ND, 2, {17, 70}, 0, {0}, NULL, 0},
     {ACL_INT8, NZ, 2, {17, 70}, 4, {1, 2, 16, 128}, NULL, 0}},
    {"dstTensor",
     "nearest legal: storage shape (3,2,16,32)",
     {ACL_INT8, ND, 2, {17, 70}, 0, {0}, NULL, 0},
     {ACL_INT8, NZ, 2, {17, 70}, 4, {3, 2, 16, 24}, NULL, 0}},
    {"dstTensor",
     "nearest legal: storage shape (1,5,16,32)",
     {ACL_INT8, ND, 2, {17, 70}, 0, {0}, NULL, 0},
     {ACL_INT8, NZ, 2, {17, 70}, 4, {3, 2, 16, 32}, turned, 0}},
    {"srcTensor",
     "nearest legal: storage shape (3,2,16,32)",
     {ACL_INT8, NZ, 2, {17, 70}, 4, {0, 0, 0, 0}, NULL, 0},
     {ACL_INT8, ND, 2, {17, 70}, 0, {0}, far, 0}},
    {"srcTensor",
     "9223372036854775807",
     {ACL_INT8, ND, 2, {3, 4}, 0, {0}, far, 0},
     {ACL_INT8, NZ, 2, {3, 4}, 4, FOUR, NULL, 0}},
    {"dstTensor",
     "nearest legal: a contiguous tensor",
     {ACL_INT8, NZ, 2, {3, 4}, 4, FOUR, NULL, 0},
     {ACL_INT8, ND, 2, {3, 4}, 0, {0}, far, 0}},
    {"dstTensor",
     "nearest legal: offset 4",
     {ACL_INT4, ND, 2, {3, 4}, 0, {0}, NULL, 1},
     {ACL_INT4, NZ, 2, {3, 4}, 0, {0}, NULL, 5}},
    {"srcTensor",
     "offset must be even",
     {ACL_INT4, NZ, 2, {3, 4}, 0, {0}, NULL, 5},
     {ACL_INT4, ND, 2, {3, 4}, 0, {0}, NULL, 1}},
};

#define CAST(src, dst) aclnnNpuFormatCastGetWorkspaceSize(src, dst, &phase_size, &phase_executor)

static void has(const char *argument, const char *text, const char *function)
{
    char line[48] = "argument: ";
    strcat(strcat(line, argument), "\n");
    const char *message = aclGetRecentErrMsg();
    assert_non_null(message);
    if (!strstr(message, line) || !strstr(message, text) || !strstr(message, function) ||
        !strstr(message, "nearest legal: ") || !strstr(message, "companions page 2.4"))
        fail_msg("no \"%s\", \"%s\" in: %s", argument, text, message);
}

static void rules_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        aclTensor *src = make(&rows[i].src, memory), *dst = make(&rows[i].dst, memory);
        phase_reset();
        assert_int_equal(CAST(src, dst), 161002);
        has(rows[i].argument, rows[i].text, "aclnnNpuFormatCastGetWorkspaceSize");
        phase_check_untouched();
        aclDestroyTensor(src);
        aclDestroyTensor(dst);
    }
}

static const described nd = {ACL_INT8, ND, 2, {3, 4}, 0, {0}, NULL, 0},
                       nz = {ACL_INT8, NZ, 2, {3, 4}, 4, FOUR, NULL, 0};

static void nulls_and_data(void **state)
{
    (void)state;
    static const described bad = {ACL_STRING, C0_8, 1, {-3}, 0, {0}, NULL, 0};
    aclTensor *t = make(&bad, memory), *from = make(&nd, memory), *to = make(&nz, memory + 4096);
    aclTensor *no_from = make(&nd, NULL), *no_to = make(&nz, NULL);
    PHASE1_REFUSED(161001, "srcTensor", "null", CAST(NULL, NULL));
    PHASE1_REFUSED(161001, "dstTensor", "null", CAST(t, NULL));
    PHASE1_REFUSED(161001, "workspaceSize", "null", aclnnNpuFormatCastGetWorkspaceSize(t, t, NULL, NULL));
    PHASE1_REFUSED(161001, "executor", "null", aclnnNpuFormatCastGetWorkspaceSize(t, t, &phase_size, NULL));
    PHASE1_REFUSED(161002, "srcTensor", "live aclTensor", CAST((aclTensor *)memory, t));
    PHASE1_REFUSED(161002, "dstTensor", "live aclTensor", CAST(t, (aclTensor *)memory));
    assert_refused(aclnnNpuFormatCast(NULL, 0, NULL, NULL), 161001, "executor");
    assert_int_equal(CAST(no_from, to), 0);
    assert_refused(aclnnNpuFormatCast(NULL, 0, phase_executor, NULL), 161001, "srcTensor");
    assert_int_equal(CAST(from, no_to), 0);
    assert_refused(aclnnNpuFormatCast(NULL, 0, phase_executor, NULL), 161001, "dstTensor");
    for (uint64_t n = 1;; n++) {
        phase_reset();
        aq_memory_fail_from(n);
        int status = CAST(from, to);
        aq_memory_fail_from(0);
        if (status == 0) {
            assert_true(n > 1);
            break;
        }
        assert_int_equal(status, 561101);
        phase_check_untouched();
    }
    assert_int_equal(phase2(aclnnNpuFormatCast, 0), 0);
    aclTensor *all[] = {t, from, to, no_from, no_to};
    for (int i = 0; i < 5; i++)
        aclDestroyTensor(all[i]);
}

/* ---- aclnnNpuFormatCastCalculateSizeAndFormat ---- */

static int64_t *shape;
static uint64_t shape_size;
static int format;

#define SHAPE(src, dst, additional)                                                                          \
    aclnnNpuFormatCastCalculateSizeAndFormat(src, dst, additional, &shape, &shape_size, &format)

static void shape_untouched(void)
{
    assert_ptr_equal(shape, (int64_t *)memory);
    assert_int_equal(shape_size, 4711);
    assert_int_equal(format, 4711);
}

static const struct {
    const char *argument, *text;
    described src;
    int format, additional;
} shape_rows[] = {
    {"srcTensor", "STRING", {ACL_STRING, C0_8, 1, {3}, 0, {0}, NULL, 0}, 2, 99},
    {"srcTensor", "FRACTAL_NZ_C0_8", {ACL_INT8, C0_8, 1, {3}, 0, {0}, NULL, 0}, 2, 99},
    {"srcTensor", "nearest legal: rank 2", {ACL_INT8, ND, 1, {3}, 0, {0}, NULL, 0}, 2, 99},
    {"srcTensor",
     "nearest legal: rank 6",
     {ACL_INT8, ND, 8, {3, 1, 1, 1, 1, 1, 1, 1}, 0, {0}, NULL, 0},
     2,
     99},
    {"dstFormat", "nearest legal: 29", {ACL_INT8, ND, 2, {-3, 4}, 0, {0}, NULL, 0}, 2, 99},
    {"dstFormat", "actual: FRACTAL_NZ_C0_16 (50)", {ACL_INT8, ND, 2, {-3, 4}, 0, {0}, NULL, 0}, 50, 99},
    {"dstFormat", "actual: unknown (12345)", {ACL_INT8, ND, 2, {-3, 4}, 0, {0}, NULL, 0}, 12345, 99},
    {"dstFormat", "nearest legal: 2", {ACL_INT8, NZ, 2, {-3, 4}, 0, {0}, NULL, 0}, 29, 99},
    {"additionalDtype", "unknown (99)", {ACL_INT8, ND, 2, {-3, 4}, 0, {0}, NULL, 0}, 29, 99},
    {"additionalDtype", "nearest legal: -1", {ACL_INT8, ND, 2, {-3, 4}, 0, {0}, NULL, 0}, 29, -2},
    {"additionalDtype", "STRING", {ACL_INT8, NZ, 2, {-3, 4}, 0, {0}, NULL, 0}, 2, ACL_STRING},
    {"srcTensor", "negative", {ACL_INT8, ND, 2, {-3, 4}, 0, {0}, NULL, 0}, 29, -1},
    {"srcTensor", "64 bits", {ACL_INT8, ND, 2, {INT64_MAX, 4}, 0, {0}, NULL, 0}, 29, ACL_FLOAT16},
};

static void shape_rules(void **state)
{
    (void)state;
    shape = (int64_t *)memory;
    shape_size = 4711;
    format = 4711;
    for (size_t i = 0; i < sizeof shape_rows / sizeof shape_rows[0]; i++) {
        aclTensor *src = make(&shape_rows[i].src, NULL);
        (void)aclGetRecentErrMsg();
        assert_int_equal(SHAPE(src, shape_rows[i].format, shape_rows[i].additional), 161002);
        has(shape_rows[i].argument, shape_rows[i].text, "aclnnNpuFormatCastCalculateSizeAndFormat");
        shape_untouched();
        aclDestroyTensor(src);
    }
    aclTensor *good = make(&nd, NULL), *bad = make(&shape_rows[0].src, NULL);
#define NULL_OF(argument, ...)                                                                               \
    assert_refused(aclnnNpuFormatCastCalculateSizeAndFormat(__VA_ARGS__), 161001, "argument: " argument "\n")
    NULL_OF("srcTensor", NULL, 2, 99, NULL, NULL, NULL);
    NULL_OF("dstShape", bad, 2, 99, NULL, &shape_size, &format);
    NULL_OF("dstShapeSize", bad, 2, 99, &shape, NULL, &format);
    NULL_OF("actualFormat", bad, 2, 99, &shape, &shape_size, NULL);
    assert_refused(SHAPE((aclTensor *)memory, 29, -1), 161002, "live aclTensor");
    aq_memory_fail_from(1);
    assert_int_equal(SHAPE(good, 29, -1), 561103);
    aq_memory_fail_from(0);
    shape_untouched();
    aclDestroyTensor(good);
    aclDestroyTensor(bad);
}

static void ask_with_bad_setting(void *result)
{
    *(int *)result = aclnnNpuFormatCastGetWorkspaceSize(NULL, NULL, NULL, NULL);
}

static void invalid_setting(void **state)
{
    (void)state;
    const char *const variables[] = {"ANTIQUANT_CPU=abacus", NULL};
    int status = 0;
    assert_int_equal(in_child(variables, ask_with_bad_setting, &status, sizeof status), 0);
    assert_int_equal(status, 561000);
}

int main(void)
{
    /* First the one that forks before this process has read its settings. */
    const struct CMUnitTest tests[] = {cmocka_unit_test(invalid_setting),
                                       cmocka_unit_test_setup(rules_in_order, v1_setup),
                                       cmocka_unit_test(nulls_and_data), cmocka_unit_test(shape_rules)};
    return cmocka_run_group_tests_name("format_cast: status", tests, NULL, NULL);
}
