/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of aclnnCast in the order of companions page 2.2: status, the argument in the message, and that
 * a refusal writes nothing and keeps nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "base/memory.h"
#include "support/cast.h"
#include "support/child.h"
#include "support/message.h"
#include "support/v1.h"

static uint64_t words[64], untouched = 4711;
static aclOpExecutor *const no_executor = (aclOpExecutor *)&untouched;

typedef struct shape {
    int rank;
    int64_t dims[9];
} shape;

/* Refused with status and all three texts, outputs as they were. */
static void refused(int status, const char *argument, const char *text, const aclTensor *self,
                    aclDataType dtype, aclTensor *out)
{
    uint64_t size = 4711;
    aclOpExecutor *executor = no_executor;
    (void)aclGetRecentErrMsg();
    assert_int_equal(aclnnCastGetWorkspaceSize(self, dtype, out, &size, &executor), status);
    const char *message = aclGetRecentErrMsg();
    assert_non_null(message);
    if (!strstr(message, argument) || !strstr(message, text) || !strstr(message, "aclnnCast"))
        fail_msg("no \"%s\", \"%s\" in: %s", argument, text, message);
    assert_int_equal(size, 4711);
    assert_ptr_equal(executor, no_executor);
}

static void nulls(void **state)
{
    (void)state;
    int64_t dims[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    uint64_t size = 4711;
    aclOpExecutor *executor = no_executor;
    aclTensor *good = cast_tensor(ACL_FLOAT, words, 1, dims, NULL, 0);
    aclTensor *bad = cast_tensor(ACL_COMPLEX64, words, 9, dims, NULL, 0); /* nulls come before all else */
    refused(161001, "argument: self\n", "null", NULL, ACL_STRING, bad);
    refused(161001, "argument: out\n", "null", bad, ACL_STRING, NULL);
    assert_refused(aclnnCastGetWorkspaceSize(bad, ACL_STRING, good, NULL, &executor), 161001,
                   "workspaceSize");
    assert_refused(aclnnCastGetWorkspaceSize(bad, ACL_STRING, good, &size, NULL), 161001,
                   "argument: executor\n");
    assert_int_equal(size, 4711);
    assert_ptr_equal(executor, no_executor);
    assert_refused(aclnnCast(NULL, 0, NULL, NULL), 161001, "executor");
    aclDestroyTensor(good);
    aclDestroyTensor(bad);
    refused(161002, "argument: self\n", "live aclTensor", (const aclTensor *)words, ACL_FLOAT,
            (aclTensor *)words);
}

typedef struct row {
    int status;
    const char *argument, *text;
    aclDataType self, dtype, out;
    shape self_shape, out_shape;
} row;

#define VECTOR                                                                                               \
    {                                                                                                        \
        1,                                                                                                   \
        {                                                                                                    \
            4                                                                                                \
        }                                                                                                    \
    }
#define EMPTY                                                                                                \
    {                                                                                                        \
        2,                                                                                                   \
        {                                                                                                    \
            0, 3                                                                                             \
        }                                                                                                    \
    }
#define NINE                                                                                                 \
    {                                                                                                        \
        9,                                                                                                   \
        {                                                                                                    \
            1, 1, 1, 1, 1, 1, 1, 1, 1                                                                        \
        }                                                                                                    \
    }

static const row rows[] = {
    {161002, "self", "COMPLEX64", ACL_COMPLEX64, ACL_FLOAT, ACL_FLOAT, VECTOR, VECTOR},
    {161002, "self", "COMPLEX128", ACL_COMPLEX128, ACL_FLOAT, ACL_FLOAT, VECTOR, VECTOR},
    {161002, "self", "INT4", ACL_INT4, ACL_FLOAT, ACL_FLOAT, VECTOR, VECTOR},
    {161002, "self", "STRING", ACL_STRING, ACL_FLOAT, ACL_FLOAT, VECTOR, VECTOR},
    {161002, "self", "-1", ACL_DT_UNDEFINED, ACL_FLOAT, ACL_FLOAT, VECTOR, VECTOR},
    {161002, "self", "FLOAT8_E5M2", ACL_FLOAT8_E5M2, ACL_FLOAT, ACL_FLOAT, VECTOR, VECTOR},
    {161002, "self", "1000", (aclDataType)1000, ACL_FLOAT, ACL_FLOAT, VECTOR, VECTOR},
    {161002, "self", "UINT1", ACL_UINT1, ACL_FLOAT, ACL_FLOAT, VECTOR, VECTOR},
    {161002, "dtype", "COMPLEX64", ACL_FLOAT, ACL_COMPLEX64, ACL_COMPLEX64, VECTOR, VECTOR},
    {161002, "dtype", "(5)", ACL_FLOAT, (aclDataType)5, ACL_FLOAT, VECTOR, VECTOR},
    {161002, "dtype", "(31)", ACL_FLOAT, (aclDataType)31, ACL_FLOAT, VECTOR, VECTOR},
    {161002, "self", "rank 9", ACL_FLOAT, ACL_FLOAT, ACL_FLOAT, NINE, NINE},
    {161002, "self", "rank 9", ACL_FLOAT, ACL_FLOAT, ACL_FLOAT, NINE, VECTOR},
    {161002, "out", "rank 9", ACL_FLOAT, ACL_FLOAT, ACL_FLOAT, VECTOR, NINE},
    {161002, "out", "(4,1)", ACL_FLOAT, ACL_FLOAT, ACL_FLOAT, VECTOR, {2, {4, 1}}},
    {161002, "out", "nearest legal: shape (4)", ACL_FLOAT, ACL_FLOAT, ACL_FLOAT, VECTOR, {1, {5}}},
    {161002, "out", "()", ACL_FLOAT, ACL_FLOAT, ACL_FLOAT, {1, {1}}, {0, {0}}},
    {161002, "out", "(3,0)", ACL_FLOAT, ACL_FLOAT, ACL_FLOAT, EMPTY, {2, {3, 0}}},
    {161002, "self", "(-4)", ACL_FLOAT, ACL_FLOAT, ACL_FLOAT, {1, {-4}}, {1, {-4}}},
    {161002,
     "self",
     "64 bits",
     ACL_INT8,
     ACL_INT8,
     ACL_INT8,
     {2, {INT64_C(1) << 32, INT64_C(1) << 31}},
     {2, {INT64_C(1) << 32, INT64_C(1) << 31}}},
    {161002,
     "self",
     "64 bits",
     ACL_FLOAT,
     ACL_INT8,
     ACL_INT8,
     {1, {INT64_C(1) << 62}},
     {1, {INT64_C(1) << 62}}},
    {161002,
     "out",
     "64 bits",
     ACL_INT8,
     ACL_FLOAT,
     ACL_FLOAT,
     {1, {INT64_C(1) << 62}},
     {1, {INT64_C(1) << 62}}},
    {561103, "dtype", "FLOAT16", ACL_FLOAT, ACL_FLOAT16, ACL_FLOAT, VECTOR, VECTOR},
    {561103, "dtype", "COMPLEX64", ACL_FLOAT, ACL_FLOAT16, ACL_COMPLEX64, VECTOR, VECTOR},
    /* order: type of self, dtype, rank, shape; then dtype against out's */
    {161002, "self", "STRING", ACL_STRING, ACL_INT4, ACL_FLOAT, NINE, VECTOR},
    {161002, "dtype", "INT4", ACL_FLOAT, ACL_INT4, ACL_FLOAT, NINE, VECTOR},
    {161002, "self", "rank 9", ACL_FLOAT, ACL_FLOAT16, ACL_FLOAT, NINE, VECTOR},
    {161002, "out", "shape", ACL_FLOAT, ACL_FLOAT16, ACL_FLOAT, VECTOR, EMPTY},
    {161002, "dtype", "INT4", ACL_FLOAT, ACL_INT4, ACL_FLOAT, EMPTY, EMPTY},
};

static void rules_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const row *r = &rows[i];
        char argument[32];
        snprintf(argument, sizeof argument, "argument: %s\n", r->argument);
        aclTensor *self = cast_tensor(r->self, words, r->self_shape.rank, r->self_shape.dims, NULL, 0);
        aclTensor *out = cast_tensor(r->out, words, r->out_shape.rank, r->out_shape.dims, NULL, 0);
        refused(r->status, argument, r->text, self, r->dtype, out);
        aclDestroyTensor(self);
        aclDestroyTensor(out);
    }
}

/* Strides and offsets that lead out of the 64-bit address space; formats that strides do not describe. */
static void far_and_foreign(void **state)
{
    (void)state;
    const int64_t dims[2] = {3, 4}, far[2] = {INT64_MAX / 2, 1}, back[2] = {INT64_MIN, 1};
    aclTensor *good = cast_tensor(ACL_INT16, words, 2, dims, NULL, 0);
    aclTensor *bad[4] = {cast_tensor(ACL_INT16, words, 2, dims, far, 0),
                         cast_tensor(ACL_INT16, words, 2, dims, back, 0),
                         cast_tensor(ACL_INT16, words, 2, dims, NULL, INT64_MAX),
                         cast_tensor(ACL_INT16, words, 2, dims, NULL, INT64_MAX / 2 - 5)};
    for (int i = 0; i < 4; i++) {
        refused(161002, "argument: self\n", "64 bits", bad[i], ACL_INT16, good);
        refused(161002, "argument: out\n", "64 bits", good, ACL_INT16, bad[i]);
        aclDestroyTensor(bad[i]);
    }
    aclTensor *nz = aclCreateTensor(dims, 2, ACL_INT16, NULL, 0, ACL_FORMAT_FRACTAL_NZ, dims, 2, words);
    aclTensor *nchw = aclCreateTensor(dims, 2, ACL_INT16, NULL, 0, ACL_FORMAT_NCHW, dims, 2, words);
    refused(161002, "argument: self\n", "FRACTAL_NZ", nz, ACL_INT16, good);
    refused(161002, "argument: out\n", "FRACTAL_NZ", good, ACL_INT16, nz);
    assert_int_equal(cast_run(nchw, good, ACL_INT16, NULL), 0);
    aclDestroyTensor(nz);
    aclDestroyTensor(nchw);
    aclDestroyTensor(good);
}

/* Success without work, and without data; the types of dtype and out need not agree. */
static void empty(void **state)
{
    (void)state;
    const shape shapes[] = {
        {1, {0}}, {3, {4, 0, 5}}, {2, {INT64_MAX, 0}}, {8, {1, 2, 3, 4, 0, 6, 7, INT64_MAX}}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        aclTensor *self = cast_tensor(ACL_FLOAT, NULL, shapes[i].rank, shapes[i].dims, NULL, 0);
        aclTensor *out = cast_tensor(ACL_INT64, NULL, shapes[i].rank, shapes[i].dims, NULL, 0);
        assert_int_equal(cast_run(self, out, ACL_INT64, NULL), 0);
        assert_int_equal(cast_run(self, out, ACL_BF16, NULL), 0);
        aclDestroyTensor(self);
        aclDestroyTensor(out);
    }
}

static void phase2(void **state)
{
    (void)state;
    const int64_t dims[1] = {4};
    uint64_t size;
    aclOpExecutor *executor;
    aclTensor *data = cast_tensor(ACL_FLOAT, words, 1, dims, NULL, 0);
    aclTensor *none = cast_tensor(ACL_FLOAT, NULL, 1, dims, NULL, 0);
    assert_int_equal(aclnnCastGetWorkspaceSize(none, ACL_FLOAT, data, &size, &executor), 0);
    assert_refused(aclnnCast(NULL, 0, executor, NULL), 161001, "self");
    assert_int_equal(aclnnCastGetWorkspaceSize(data, ACL_FLOAT, none, &size, &executor), 0);
    assert_refused(aclnnCast(NULL, 0, executor, NULL), 161001, "out");
    assert_refused(aclnnCast(NULL, 0, executor, NULL), 561000, "executor"); /* it was used up */
    aclDestroyTensor(data);
    aclDestroyTensor(none);
}

/* Each allocation of phase 1 fails once, and all after it. */
static void out_of_memory(void **state)
{
    (void)state;
    const int64_t dims[1] = {4};
    aclTensor *self = cast_tensor(ACL_FLOAT, words, 1, dims, NULL, 0);
    aclTensor *out = cast_tensor(ACL_FLOAT16, words + 8, 1, dims, NULL, 0);
    assert_int_equal(cast_run(self, out, ACL_FLOAT16, NULL), 0);
    aq_memory_fail_from(1);
    refused(561101, "out of", "memory", self, ACL_FLOAT16, out);
    aq_memory_fail_from(0);
    assert_int_equal(cast_run(self, out, ACL_FLOAT16, NULL), 0);
    aclDestroyTensor(self);
    aclDestroyTensor(out);
}

typedef struct answer {
    int status;
    bool named;
} answer;

static void ask_with_bad_setting(void *result)
{
    answer *a = result;
    a->status = aclnnCastGetWorkspaceSize(NULL, ACL_STRING, NULL, NULL, NULL); /* comes before the nulls */
    const char *message = aclGetRecentErrMsg();
    a->named = message && strstr(message, "ANTIQUANT_CPU") && strstr(message, "scalar");
}

static void invalid_setting(void **state)
{
    (void)state;
    const char *const variables[] = {"ANTIQUANT_CPU=abacus", NULL};
    answer a = {0, false};
    assert_int_equal(in_child(variables, ask_with_bad_setting, &a, sizeof a), 0);
    assert_int_equal(a.status, 561000);
    assert_true(a.named);
}

int main(void)
{
    /* First the one that forks before this process has read its settings. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invalid_setting), cmocka_unit_test_setup(nulls, v1_setup),
        cmocka_unit_test(rules_in_order),  cmocka_unit_test(far_and_foreign),
        cmocka_unit_test(empty),           cmocka_unit_test(phase2),
        cmocka_unit_test(out_of_memory)};
    return cmocka_run_group_tests_name("cast: status", tests, NULL, NULL);
}
