/* SPDX-License-Identifier: Apache-2.0 */
/* aq_explain_matmul: the same statuses, messages, workspace and kernels as phase 1 and its runs have, bytes
 * and times as plain formulas give them, and what it refuses itself. */
#include <math.h>

#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "antiquant.h"
#include "support/child.h"
#include "support/message.h"
#include "support/scratch.h"
#include "support/v1.h"
#include "support/v2_case.h"

static const char *const storages[] = {"plain",         "transposed", "nz",
                                       "nz-transposed", "packed",     "packed-transposed"};
static const char *const ops[] = {"V2", "aclnnWeightQuantBatchMatmulV3", "Nz"};

static aq_matmul plain_call(int64_t m, int64_t k, int64_t n)
{
    return (aq_matmul){.op = "V2", .m = m, .k = k, .n = n, .x_dtype = ACL_FLOAT16, .weight_dtype = ACL_INT8};
}

/* The call that a program makes for it. */
static v2_case case_of(const aq_matmul *call, int op, int storage)
{
    bool turn = storage % 2 == 1, nz = storage / 2 == 1, n_k = nz && strcmp(call->profile, "310p") == 0;
    aclDataType half = (aclDataType)call->x_dtype, weight = (aclDataType)call->weight_dtype;
    int64_t groups = call->group_size > 0 ? (call->k + call->group_size - 1) / call->group_size : 0;
    v2_case c = {.op = op, .profile = call->profile, .group = call->group_size};
    c.t[V2_X] = v2_2(half, call->m, call->k);
    c.t[V2_Y] = v2_2(half, call->m, call->n);
    c.t[V2_W] = n_k ? v2_2(weight, call->n, call->k) : v2_2(weight, call->k, call->n);
    if (turn && !n_k)
        c.t[V2_W] = v2_turned(c.t[V2_W]);
    if (nz)
        c.t[V2_W].format = ACL_FORMAT_FRACTAL_NZ;
    if (storage >= 4)
        c.t[V2_W].format = (aclFormat)AQ_FORMAT_PACKED;
    aclDataType scale = weight == ACL_FLOAT4_E2M1 && !nz ? ACL_FLOAT8_E8M0 : half;
    c.t[V2_S] = groups == 0 ? v2_1(scale, call->n)
                : n_k       ? v2_2(scale, call->n, groups)
                            : v2_2(scale, groups, call->n);
    if (groups > 0 && turn && !n_k)
        c.t[V2_S] = v2_turned(c.t[V2_S]);
    if (call->offset)
        c.t[V2_O] = c.t[V2_S];
    return c;
}

/* What aclGetRecentErrMsg has behind the name of the function. */
static const char *rule_of(const char *function)
{
    const char *message = aclGetRecentErrMsg(), *at = message != NULL ? strstr(message, function) : NULL;
    return at != NULL ? at + strlen(function) : "";
}

/* Every storage, type, group, offset and entry point on every profile. */
static void test_agrees_with_the_rules(void **state)
{
    (void)state;
    static const int weights[] = {ACL_INT8, ACL_INT4, ACL_FLOAT8_E4M3FN, ACL_FLOAT4_E2M1};
    int accepted = 0, refused = 0;
    for (int at = 0; at < 5 * 3 * 6 * 4 * 3 * 2 * 2; at++) {
        int rest = at, profile = rest % 5, op = (rest /= 5) % 3, storage = (rest /= 3) % 6;
        int weight = (rest /= 6) % 4, group = (rest /= 4) % 3, offset = (rest /= 3) % 2;
        aq_matmul call = plain_call(3, 256, 128);
        call.op = ops[op];
        call.profile = v2_profiles[profile];
        call.storage = storages[storage];
        call.weight_dtype = weights[weight];
        call.group_size = (const int[]){0, 128, 32}[group];
        call.offset = offset != 0;
        call.x_dtype = rest / 2 ? ACL_BF16 : ACL_FLOAT16;
        v2_case made = case_of(&call, op, storage);
        aq_v2_call checked;
        aq_matmul_explanation answer = {.threads = 77};
        int status = aq_explain_matmul(&call, &answer);
        char said[1024];
        snprintf(said, sizeof said, "%s", rule_of("aq_explain_matmul: "));
        assert_int_equal(status, v2_verdict(&made, &checked));
        assert_string_equal(said, rule_of("test: "));
        assert_int_equal(answer.threads == 77, status != 0);
        accepted += status == 0;
        refused += status != 0;
    }
    assert_true(accepted > 100 && refused > 100);
}

/* Phase 1 asks for the workspace of the plan, and 64 bytes to align it. */
static void test_agrees_with_phase_1(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 256, 128}, {5, 4096, 1024}, {100, 320, 384}, {700, 128, 64}};
    for (int i = 0; i < 4; i++) {
        for (int storage = 0; storage < 6; storage++) {
            aq_matmul call = plain_call(sizes[i][0], sizes[i][1], sizes[i][2]);
            call.profile = "a2";
            call.storage = storages[storage];
            aq_matmul_explanation answer;
            assert_int_equal(aq_explain_matmul(&call, &answer), 0);
            v2_case c = case_of(&call, 0, storage);
            aclTensor *tensors[V2_TENSORS];
            uint64_t size;
            aclOpExecutor *executor;
            v2_make(&c, tensors);
            assert_int_equal(v2_phase1(&c, tensors, &size, &executor), 0);
            assert_int_equal(size, answer.workspace_bytes + 64);
            assert_int_equal(aclDestroyAclOpExecutor(executor), 0);
            v2_unmake(tensors);
        }
    }
}

static void test_bytes(void **state)
{
    (void)state;
    aq_matmul call = plain_call(5, 320, 96);
    aq_matmul_explanation answer;
    call.weight_dtype = ACL_INT4;
    call.group_size = 64;
    call.offset = true;
    assert_int_equal(aq_explain_matmul(&call, &answer), 0);
    assert_int_equal(answer.weight_bytes, 320 * 96 / 2);
    assert_int_equal(answer.parameter_bytes, 5 * 96 * 2 * 2); /* groups, columns, fp16, scale and offset */
    assert_int_equal(answer.x_bytes, 5 * 320 * 2);
    assert_int_equal(answer.y_bytes, 5 * 96 * 2);
    assert_true(answer.flops == 2.0 * 5 * 320 * 96);
    assert_true(answer.intensity == answer.flops / (320 * 96 / 2 + 5 * 96 * 4 + 5 * 320 * 2 + 5 * 96 * 2));
    assert_string_equal(answer.path, "scaled");
    assert_true(answer.chunk == 256 && strcmp(answer.order, "P") == 0);

    call = plain_call(64, 320, 96); /* fixpipe: int32 offset, a word for the scale, the diagonal */
    call.op = "V1";
    assert_int_equal(aq_explain_matmul(&call, &answer), 0);
    assert_string_equal(answer.path, "fixpipe");
    assert_int_equal(answer.parameter_bytes, 96 * (4 + 8) + 32 * 32);
    call.m = 65;
    call.offset = true;
    call.storage = "transposed";
    assert_int_equal(aq_explain_matmul(&call, &answer), 0);
    assert_string_equal(answer.path, "composed");
    assert_int_equal(answer.parameter_bytes, 96 * 2 * 2);
    assert_true(answer.chunk == 1024 && strcmp(answer.order, "T") == 0);
    for (int packed = 4; packed < 6; packed++) { /* x2 is (k,n), then (n,k) */
        call.storage = storages[packed];
        assert_int_equal(aq_explain_matmul(&call, &answer), 0);
        assert_string_equal(answer.order, packed == 4 ? "P" : "T");
    }
}

static void test_times(void **state)
{
    (void)state;
    aq_matmul call = plain_call(1, 4096, 2048);
    aq_matmul_explanation answer;
    assert_int_equal(aq_explain_matmul(&call, &answer), 0); /* no limits, no times */
    assert_true(answer.read_us == 0 && answer.peak_us == 0 && answer.roof_us == 0 && answer.share == 0);
    double bytes = 4096.0 * 2048 + 2048 * 2 + 4096 * 2 + 2048 * 2;
    call.read = 20;
    assert_int_equal(aq_explain_matmul(&call, &answer), 0);
    assert_true(fabs(answer.read_us - bytes / 20e3) < 1e-6);
    assert_true(answer.peak_us == 0 && answer.roof_us == 0 && answer.expected_us == 0);
    call.peak = 200;
    assert_int_equal(aq_explain_matmul(&call, &answer), 0);
    assert_true(fabs(answer.peak_us - 2.0 * 4096 * 2048 / 200e3) < 1e-6);
    assert_true(answer.roof_us == answer.read_us); /* one row: memory */
    call.m = 512;
    assert_int_equal(aq_explain_matmul(&call, &answer), 0);
    assert_true(answer.roof_us == answer.peak_us); /* many: arithmetic */
    assert_true(answer.share >= 0 && answer.share <= 1);
    assert_int_equal(answer.share > 0, strcmp(answer.level, "scalar") != 0);
    if (answer.share > 0) {
        assert_true(fabs(answer.share * answer.expected_us - answer.roof_us) < 1e-6 * answer.roof_us);
        double before = answer.expected_us;
        call.level_peak = 100; /* the kernel's own level can do half: twice the time */
        assert_int_equal(aq_explain_matmul(&call, &answer), 0);
        assert_true(fabs(answer.expected_us - 2 * before) < 1e-6 * before);
    }
}

static void test_modes(void **state)
{
    (void)state;
    aq_matmul call = plain_call(4, 256, 64);
    aq_matmul_explanation answer;
    call.numerics = "exact";
    assert_int_equal(aq_explain_matmul(&call, &answer), 0);
    assert_string_equal(answer.numerics, "exact");
    call.numerics = "npu";
    assert_int_equal(aq_explain_matmul(&call, &answer), 0);
    assert_string_equal(answer.numerics, "npu");
    call.numerics = NULL;
    assert_int_equal(aq_explain_matmul(&call, &answer), 0);
    assert_string_equal(answer.numerics, aq_numerics());
}

/* Each better kernel is named once, with a reason that is not empty; those in plain C, for any CPU, are not.
 */
static void test_why(void **state)
{
    (void)state;
    aq_matmul call = plain_call(300, 256, 64);
    aq_matmul_explanation answer;
    assert_int_equal(aq_explain_matmul(&call, &answer), 0);
    assert_string_equal(answer.role, "gemm");
    bool before = true;
    for (size_t i = 0; i < aq_kernel_count(); i++) {
        aq_kernel_info info;
        char name[96];
        assert_int_equal(aq_kernel_get(i, &info), 0);
        before = before && strcmp(info.name, answer.kernel) != 0;
        snprintf(name, sizeof name, "%s: ", info.name);
        const char *line = strstr(answer.why, name);
        bool named = strcmp(info.level, "scalar") != 0 && (before || strcmp(info.role, "stream") == 0);
        assert_int_equal(line != NULL, named);
        if (line != NULL)
            assert_true(line[strlen(name)] >= 'a' || line[strlen(name)] == 'A');
    }
}

/* ---- the text, and the same from a run ---- */

static void explain_scalar(void *result)
{
    aq_matmul call = plain_call(3, 32, 40);
    call.op = "aclnnWeightQuantBatchMatmul";
    int status = aq_explain_matmul(&call, result);
    if (status != 0)
        abort();
}

static void test_text(void **state)
{
    (void)state;
    aq_matmul_explanation answer;
    assert_int_equal(
        in_child((const char *const[]){"ANTIQUANT_CPU=scalar", NULL}, explain_scalar, &answer, sizeof answer),
        0);
    assert_string_equal(answer.lines,
                        "tiles    4 x 16; 3 tasks of 3 x 16; packs 3 rows at a time; chunks of 256 k\n"
                        "bytes    weight 1280, parameters 1504, x 192, y 240: 3216; workspace 3520\n"
                        "work     7680 FLOP, 2.39 for each byte\n");
}

static uint16_t x[3 * 32], y[3 * 40], scale[40];
static int8_t weight[32 * 40];

static void run_v2(void *result)
{
    aq_matmul call = plain_call(3, 32, 40);
    if (aq_explain_matmul(&call, result) != 0 || freopen(scratch_path("stderr"), "w", stderr) == NULL)
        abort();
    v2_case c = v2_plain("a2", 3, 32, 40);
    c.t[V2_X].data = x;
    c.t[V2_W].data = weight;
    c.t[V2_S].data = scale;
    c.t[V2_Y].data = y;
    aclTensor *tensors[V2_TENSORS];
    uint64_t size;
    aclOpExecutor *executor;
    v2_make(&c, tensors);
    if (aclrtSetDevice(0) != 0 || v2_phase1(&c, tensors, &size, &executor) != 0 ||
        aclnnWeightQuantBatchMatmulV2(NULL, 0, executor, NULL) != 0 || aclrtSynchronizeStream(NULL) != 0)
        abort();
}

/* ANTIQUANT_VERBOSE=2 tells the same lines of a run of the same call, whatever the level. */
static void test_run_tells_the_same(void **state)
{
    (void)state;
    static const char *const levels[] = {"ANTIQUANT_CPU=", "ANTIQUANT_CPU=scalar",
                                         "ANTIQUANT_NUMERICS=exact"};
    for (int i = 0; i < 3; i++) {
        const char *const variables[] = {"ANTIQUANT_VERBOSE=2", levels[i], NULL};
        aq_matmul_explanation answer;
        assert_int_equal(in_child(variables, run_v2, &answer, sizeof answer), 0);
        char expected[8192], words[256];
        size_t length = 0;
        for (const char *at = answer.lines; *at; at = strchr(at, '\n') + 1)
            length += (size_t)snprintf(expected + length, sizeof expected - length, "antiquant:   %.*s\n",
                                       (int)strcspn(at, "\n"), at);
        for (const char *at = answer.why; *at; at = strchr(at, '\n') + 1)
            length += (size_t)snprintf(expected + length, sizeof expected - length, "antiquant:   not %.*s\n",
                                       (int)strcspn(at, "\n"), at);
        char *text = scratch_read(scratch_path("stderr"));
        assert_non_null(text);
        snprintf(words, sizeof words, " path=%s kernel=%s isa=%s order=%s threads=%d us=", answer.path,
                 answer.kernel, answer.level, answer.order, answer.threads);
        assert_non_null(strstr(text, words));
        assert_string_equal(strchr(text, '\n') + 1, expected);
        free(text);
    }
}

/* ---- misuse ---- */

static void test_misuse(void **state)
{
    (void)state;
    aq_matmul call = plain_call(1, 64, 64), broken;
    aq_matmul_explanation answer = {.threads = 77};
    assert_refused(aq_explain_matmul(NULL, &answer), 161001, "call");
    assert_refused(aq_explain_matmul(&call, NULL), 161001, "explanation");
    broken = (aq_matmul){.m = 1};
    assert_refused(aq_explain_matmul(&broken, &answer), 161001, "call->op");
    static const char *const wrong[] = {"", "V4", "v2", "aclnnWeightQuantBatchMatmulV1", "aclnnCast"};
    for (int i = 0; i < 5; i++) {
        broken = call;
        broken.op = wrong[i];
        assert_refused(aq_explain_matmul(&broken, &answer), 161002, "V1, V2, V3, Nz");
    }
    broken = call;
    broken.profile = "a4";
    assert_refused(aq_explain_matmul(&broken, &answer), 161002, "a2, 310p, a3, 950, any");
    broken = call;
    broken.numerics = "best";
    assert_refused(aq_explain_matmul(&broken, &answer), 161002, "npu, exact");
    broken = call;
    broken.storage = "NZ";
    assert_refused(aq_explain_matmul(&broken, &answer), 161002, "plain, transposed, nz, nz-transposed");
    int64_t aq_matmul_sizes[] = {0, -1, INT64_MIN};
    for (int i = 0; i < 9; i++) {
        broken = call;
        *(i % 3 == 0 ? &broken.m : i % 3 == 1 ? &broken.k : &broken.n) = aq_matmul_sizes[i / 3];
        assert_refused(aq_explain_matmul(&broken, &answer), 161002, "m, k, n");
    }
    const double rates[] = {-1, NAN, INFINITY};
    for (int i = 0; i < 9; i++) {
        broken = call;
        *(i % 3 == 0 ? &broken.read : i % 3 == 1 ? &broken.peak : &broken.level_peak) = rates[i / 3];
        assert_refused(aq_explain_matmul(&broken, &answer), 161002, "finite");
    }
    broken = call;
    broken.op = "V1";
    broken.group_size = 32;
    assert_refused(aq_explain_matmul(&broken, &answer), 161002, "group_size");
    broken.group_size = 0;
    broken.x_dtype = ACL_BF16;
    assert_refused(aq_explain_matmul(&broken, &answer), 161002, "x1");
    broken.x_dtype = ACL_FLOAT16;
    broken.storage = "nz";
    assert_refused(aq_explain_matmul(&broken, &answer), 161002, "x2");
    broken = call;
    broken.op = "V1";
    broken.m = broken.k = INT64_C(1) << 31;
    broken.n = 4;
    assert_refused(aq_explain_matmul(&broken, &answer), 161002, "64 bits");
    broken.n = INT64_MAX;
    assert_refused(aq_explain_matmul(&broken, &answer), 161002, "64 bits");
    assert_int_equal(answer.threads, 77);
    broken.m = INT64_C(1) << 61; /* as large as it gets: told, not overflowed */
    broken.k = broken.n = 1;
    assert_int_equal(aq_explain_matmul(&broken, &answer), 0);
    assert_int_equal(answer.x_bytes, INT64_C(1) << 62);
}

static void explain_with_setting(void *result)
{
    aq_matmul call = plain_call(1, 64, 64);
    aq_matmul_explanation answer;
    *(int *)result = aq_explain_matmul(&call, &answer);
}

static void test_settings(void **state)
{
    (void)state;
    int status = 0;
    assert_int_equal(in_child((const char *const[]){"ANTIQUANT_THREADS=none", NULL}, explain_with_setting,
                              &status, sizeof status),
                     0);
    assert_int_equal(status, 561000);
}

#define CHILDREN(function) cmocka_unit_test_setup_teardown(function, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings), /* first: children read the environment, which is read once */
        cmocka_unit_test(test_text),
        CHILDREN(test_run_tells_the_same),
        cmocka_unit_test(test_agrees_with_the_rules),
        cmocka_unit_test(test_agrees_with_phase_1),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_why),
        cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
