/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of aclnnTransQuantParamV2 and V3 in the order of companions page 2.1: status, argument, text,
 * and that a refusal changes neither outputs nor tensors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "aclnnop/aclnn_trans_quant_param_v2.h"
#include "aclnnop/aclnn_trans_quant_param_v3.h"
#include "base/memory.h"
#include "support/child.h"
#include "support/message.h"
#include "support/phases.h"
#include "support/v1.h"

static float floats[64];
static uint64_t words[64];

typedef struct described {
    aclDataType dtype;
    aclFormat format;
    int rank;
    int64_t dims[9];
} described;

#define ND ACL_FORMAT_ND
#define FLOATS(n)                                                                                            \
    {                                                                                                        \
        ACL_FLOAT, ND, 1,                                                                                    \
        {                                                                                                    \
            n                                                                                                \
        }                                                                                                    \
    }
#define WORDS(n)                                                                                             \
    {                                                                                                        \
        ACL_INT64, ND, 1,                                                                                    \
        {                                                                                                    \
            n                                                                                                \
        }                                                                                                    \
    }
#define NO_OFFSET                                                                                            \
    {                                                                                                        \
        ACL_DT_UNDEFINED, ND, 0,                                                                             \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

typedef struct row {
    const char *argument, *text;
    described scale, offset, out;
    int64_t mode;
} row;

/* Each row has the later faults as well, so that the order shows. */
static const row rows[] = {
    {"scale",
     "FLOAT16",
     {ACL_FLOAT16, ACL_FORMAT_FRACTAL_NZ, 3, {1, 2, 3}},
     {ACL_INT8, ND, 1, {4}},
     {ACL_INT32, ND, 1, {1}},
     9},
    {"offset",
     "must be FLOAT",
     {ACL_FLOAT, ACL_FORMAT_NCHW, 1, {0}},
     {ACL_INT32, ND, 1, {4}},
     {ACL_INT32, ND, 1, {1}},
     9},
    {"out", "UINT64 or INT64", {ACL_FLOAT, ACL_FORMAT_NCHW, 1, {0}}, NO_OFFSET, {ACL_INT32, ND, 1, {1}}, 9},
    {"out", "DOUBLE", {ACL_FLOAT, ND, 1, {0}}, FLOATS(0), {ACL_DOUBLE, ND, 1, {1}}, 9},
    {"scale",
     "NCHW",
     {ACL_FLOAT, ACL_FORMAT_NCHW, 1, {0}},
     {ACL_FLOAT, ACL_FORMAT_NCL, 0, {0}},
     {ACL_UINT64, ACL_FORMAT_NCL, 1, {1}},
     9},
    {"offset",
     "NCL",
     FLOATS(0),
     {ACL_FLOAT, ACL_FORMAT_NCL, 0, {0}},
     {ACL_UINT64, ACL_FORMAT_NCL, 1, {1}},
     9},
    {"out", "FRACTAL_NZ", FLOATS(0), FLOATS(0), {ACL_UINT64, ACL_FORMAT_FRACTAL_NZ, 1, {1}}, 9},
    {"scale", "shape ()", {ACL_FLOAT, ND, 0, {0}}, FLOATS(0), WORDS(0), 9},
    {"scale", "shape (0)", FLOATS(0), FLOATS(0), WORDS(0), 9},
    {"scale", "shape (-3)", FLOATS(-3), FLOATS(0), WORDS(0), 9},
    {"scale", "nearest legal: shape (6)", {ACL_FLOAT, ND, 2, {2, 3}}, FLOATS(0), WORDS(0), 9},
    {"scale", "shape (3,1)", {ACL_FLOAT, ND, 2, {3, 1}}, FLOATS(0), WORDS(0), 9},
    {"scale", "shape (1,0)", {ACL_FLOAT, ND, 2, {1, 0}}, FLOATS(0), WORDS(0), 9},
    {"scale", "shape (1,1,3)", {ACL_FLOAT, ND, 3, {1, 1, 3}}, FLOATS(0), WORDS(0), 9},
    {"scale", "rank 9", {ACL_FLOAT, ND, 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}}, FLOATS(0), WORDS(0), 9},
    {"offset", "shape (0)", FLOATS(3), FLOATS(0), WORDS(0), 9},
    {"offset", "shape (4,4)", FLOATS(3), {ACL_FLOAT, ND, 2, {4, 4}}, WORDS(0), 9},
    {"offset", "nearest legal: shape (3)", FLOATS(3), FLOATS(4), WORDS(0), 9},
    {"offset", "as many as scale, 3", {ACL_FLOAT, ND, 2, {1, 3}}, {ACL_FLOAT, ND, 2, {1, 2}}, WORDS(0), 9},
    {"roundMode", "actual: 2", FLOATS(3), FLOATS(1), WORDS(0), 2},
    {"roundMode", "nearest legal: 0", FLOATS(3), FLOATS(1), WORDS(0), -1},
    {"roundMode", "nearest legal: 1", FLOATS(3), FLOATS(1), WORDS(0), INT64_MAX},
    {"roundMode", "4294967296", FLOATS(3), FLOATS(1), WORDS(0), INT64_C(1) << 32},
    {"out", "3 words", FLOATS(3), FLOATS(1), WORDS(2), 1},
    {"out", "3 words", FLOATS(1), FLOATS(3), WORDS(2), 0},
    {"out", "3 words", FLOATS(3), NO_OFFSET, WORDS(0), 0},
    {"out",
     "nearest legal: shape (3)",
     FLOATS(3),
     NO_OFFSET,
     {ACL_INT64, ND, 9, {3, 1, 1, 1, 1, 1, 1, 1, 1}},
     0},
    {"out", "shape (-3,-1)", FLOATS(3), NO_OFFSET, {ACL_INT64, ND, 2, {-3, -1}}, 0},
    {"out", "64 bits", FLOATS(3), NO_OFFSET, {ACL_INT64, ND, 1, {INT64_MAX}}, 0},
    {"scale", "64 bits", FLOATS(INT64_MAX), NO_OFFSET, {ACL_INT64, ND, 1, {INT64_MAX}}, 0},
};

static aclTensor *make(const described *d, void *data)
{
    if (d->dtype == ACL_DT_UNDEFINED)
        return NULL;
    aclTensor *tensor = aclCreateTensor(d->dims, (uint64_t)d->rank, d->dtype, NULL, 0, d->format, d->dims,
                                        (uint64_t)d->rank, data);
    assert_non_null(tensor);
    return tensor;
}

static void refused(const row *r, const aclTensor *scale, const aclTensor *offset, const aclTensor *out,
                    bool v3)
{
    char argument[48];
    aclDataType dtype;
    snprintf(argument, sizeof argument, "argument: %s\n", r->argument);
    phase_reset();
    int status =
        v3 ? aclnnTransQuantParamV3GetWorkspaceSize(scale, offset, r->mode, out, &phase_size, &phase_executor)
           : aclnnTransQuantParamV2GetWorkspaceSize(scale, offset, out, &phase_size, &phase_executor);
    assert_int_equal(status, 161002);
    const char *message = aclGetRecentErrMsg();
    assert_non_null(message);
    const char *name = v3 ? "aclnnTransQuantParamV3Get" : "aclnnTransQuantParamV2Get";
    if (!strstr(message, argument) || !strstr(message, r->text) || !strstr(message, name) ||
        !strstr(message, "companions page 2.1") || !strstr(message, "nearest legal: "))
        fail_msg("no \"%s\", \"%s\" in: %s", argument, r->text, message);
    phase_check_untouched();
    assert_int_equal(aclGetDataType(out, &dtype), 0);
    assert_true(dtype != ACL_UINT64 || strcmp(r->argument, "out") == 0 || strstr(r->text, "NC"));
}

static void rules_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const row *r = &rows[i];
        aclTensor *scale = make(&r->scale, floats), *offset = make(&r->offset, floats);
        aclTensor *out = make(&r->out, words);
        refused(r, scale, offset, out, true);
        if (strcmp(r->argument, "roundMode") != 0)
            refused(r, scale, offset, out, false);
        aclDestroyTensor(scale);
        aclDestroyTensor(offset);
        aclDestroyTensor(out);
    }
}

#define V2(scale, offset, out, size, executor)                                                               \
    aclnnTransQuantParamV2GetWorkspaceSize(scale, offset, out, size, executor)
#define V3(scale, offset, out, size, executor)                                                               \
    aclnnTransQuantParamV3GetWorkspaceSize(scale, offset, 7, out, size, executor)

static void nulls_and_handles(void **state)
{
    (void)state;
    static const described bad = {ACL_INT8, ACL_FORMAT_FRACTAL_NZ, 3, {1, 2, 3}};
    aclTensor *t = make(&bad, floats); /* nulls come before all else */
    PHASE1_REFUSED(161001, "scale", "null", V2(NULL, t, NULL, &phase_size, &phase_executor));
    PHASE1_REFUSED(161001, "out", "null", V2(t, t, NULL, NULL, &phase_executor));
    PHASE1_REFUSED(161001, "workspaceSize", "null", V2(t, t, t, NULL, NULL));
    PHASE1_REFUSED(161001, "executor", "null", V2(t, NULL, t, &phase_size, NULL));
    PHASE1_REFUSED(161001, "scale", "null", V3(NULL, t, NULL, &phase_size, &phase_executor));
    PHASE1_REFUSED(161001, "out", "null", V3(t, t, NULL, NULL, &phase_executor));
    PHASE1_REFUSED(161001, "workspaceSize", "null", V3(t, t, t, NULL, NULL));
    PHASE1_REFUSED(161001, "executor", "null", V3(t, NULL, t, &phase_size, NULL));
    const aclTensor *none = (const aclTensor *)words;
    PHASE1_REFUSED(161002, "scale", "live aclTensor", V2(none, t, t, &phase_size, &phase_executor));
    PHASE1_REFUSED(161002, "offset", "live aclTensor", V2(t, none, t, &phase_size, &phase_executor));
    PHASE1_REFUSED(161002, "out", "live aclTensor", V3(t, t, none, &phase_size, &phase_executor));
    aclDestroyTensor(t);
    assert_refused(aclnnTransQuantParamV2(NULL, 0, NULL, NULL), 161001, "executor");
    assert_refused(aclnnTransQuantParamV3(NULL, 0, NULL, NULL), 161001, "executor");
}

static void phase2_data(void **state)
{
    (void)state;
    static const described three = FLOATS(3), room = WORDS(3);
    static const char *const names[3] = {"scale", "offset", "out"};
    for (int missing = 0; missing < 3; missing++) {
        aclTensor *scale = make(&three, missing == 0 ? NULL : floats);
        aclTensor *offset = make(&three, missing == 1 ? NULL : floats);
        aclTensor *out = make(&room, missing == 2 ? NULL : words);
        assert_int_equal(V2(scale, offset, out, &phase_size, &phase_executor), 0);
        assert_refused(aclnnTransQuantParamV2(NULL, 0, phase_executor, NULL), 161001, names[missing]);
        assert_refused(aclnnTransQuantParamV2(NULL, 0, phase_executor, NULL), 561000, "executor");
        aclDestroyTensor(scale);
        aclDestroyTensor(offset);
        aclDestroyTensor(out);
    }
    aclTensor *scale = make(&three, floats), *out = make(&room, words);
    assert_int_equal(V2(scale, NULL, out, &phase_size, &phase_executor), 0);
    assert_refused(aclnnTransQuantParamV3(NULL, 0, phase_executor, NULL), 561000, "operator");
    assert_int_equal(aclDestroyAclOpExecutor(phase_executor), 0);
    aclDestroyTensor(scale);
    aclDestroyTensor(out);
}

static void out_of_memory(void **state)
{
    (void)state;
    static const described three = FLOATS(3), room = WORDS(3);
    aclTensor *scale = make(&three, floats), *out = make(&room, words);
    aclDataType dtype;
    for (uint64_t n = 1;; n++) {
        phase_reset();
        aq_memory_fail_from(n);
        int status = V2(scale, NULL, out, &phase_size, &phase_executor);
        aq_memory_fail_from(0);
        if (status == 0) {
            assert_true(n > 1);
            break;
        }
        assert_int_equal(status, 561101);
        phase_check_untouched();
        assert_int_equal(aclGetDataType(out, &dtype), 0);
        assert_int_equal(dtype, ACL_INT64);
    }
    assert_int_equal(phase2(aclnnTransQuantParamV2, 0), 0);
    aclDestroyTensor(scale);
    aclDestroyTensor(out);
}

static void ask_with_bad_setting(void *result)
{
    int *status = result;
    status[0] = aclnnTransQuantParamV2GetWorkspaceSize(NULL, NULL, NULL, NULL, NULL);
    status[1] = aclnnTransQuantParamV3GetWorkspaceSize(NULL, NULL, 9, NULL, NULL, NULL);
}

static void invalid_setting(void **state)
{
    (void)state;
    const char *const variables[] = {"ANTIQUANT_CPU=abacus", NULL};
    int status[2] = {0, 0};
    assert_int_equal(in_child(variables, ask_with_bad_setting, status, sizeof status), 0);
    assert_int_equal(status[0], 561000);
    assert_int_equal(status[1], 561000);
}

int main(void)
{
    /* First the one that forks before this process has read its settings. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invalid_setting), cmocka_unit_test_setup(rules_in_order, v1_setup),
        cmocka_unit_test(nulls_and_handles), cmocka_unit_test(phase2_data), cmocka_unit_test(out_of_memory)};
    return cmocka_run_group_tests_name("trans_quant_param_v2: status", tests, NULL, NULL);
}
