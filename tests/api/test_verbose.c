/* SPDX-License-Identifier: Apache-2.0 */
/* test_verbose.c - ANTIQUANT_VERBOSE (runtime page 4.7): one line on stderr for each run of an operator, with
 * 2 also its tiles, bytes, and a line for each better kernel. Every case is a process whose stderr is a file.
 */
#include "aclnnop/aclnn_cast.h"
#include "antiquant.h"
#include "support/child.h"
#include "support/message.h"
#include "support/scratch.h"
#include "support/toy_op.h"
#include "support/v1.h"

static void must(bool good)
{
    if (!good)
        abort();
}

/* What body left on stderr, to be freed. */
static char *seen_on_stderr(void (*body)(void *result), const char *first, const char *second)
{
    const char *const variables[] = {first, second, NULL};
    char unused;
    assert_int_equal(in_child(variables, body, &unused, 1), 0);
    char *text = scratch_read(scratch_path("stderr"));
    assert_non_null(text);
    return text;
}

static void begin(void)
{
    must(freopen(scratch_path("stderr"), "w", stderr) != NULL);
    must(aclrtSetDevice(0) == 0);
}

static uint16_t x[80 * 32], out[80 * 40], mul[40];
static int8_t weight[32 * 40], diagonal[32 * 32];
static int32_t offset[40];
static uint64_t word[40];

/* m, n, k of the fixpipe path, or of the composed path for m > 64 with the weight stored (n, k). */
static void multiply(int64_t m, int64_t n, int64_t k)
{
    bool fixpipe = m <= 64;
    v1_call call = {.scale = 1, .transpose_x2 = !fixpipe};
    for (int i = 0; i < 32; i++)
        diagonal[i * 33] = 1;
    call.t[V1_X1] = v1_tensor(ACL_FLOAT16, x, 2, m, k);
    call.t[V1_X2] = fixpipe ? v1_tensor(ACL_INT8, weight, 2, k, n) : v1_tensor(ACL_INT8, weight, 2, n, k);
    call.t[V1_OUT] = v1_tensor(ACL_FLOAT16, out, 2, m, n);
    if (fixpipe) {
        call.t[V1_DIAGONAL] = v1_tensor(ACL_INT8, diagonal, 2, (int64_t)32, (int64_t)32);
        call.t[V1_OFFSET] = v1_tensor(ACL_INT32, offset, 1, n);
        call.t[V1_SCALE] = v1_tensor(ACL_UINT64, word, 1, n);
    } else {
        call.t[V1_MUL] = v1_tensor(ACL_FLOAT16, mul, 2, n, (int64_t)1);
    }
    must(v1_run(&call) == 0);
    v1_destroy(&call);
}

static void run_fixpipe(void *unused)
{
    (void)unused;
    begin();
    multiply(3, 40, 32);
}

static void run_both_paths(void *unused)
{
    (void)unused;
    begin();
    multiply(3, 40, 32);
    multiply(80, 40, 32);
}

static void run_empty(void *unused)
{
    (void)unused;
    begin();
    multiply(0, 40, 32);
}

static void run_cast(void *unused)
{
    (void)unused;
    static float from[100];
    uint64_t size;
    aclOpExecutor *executor;
    begin();
    aclTensor *self = v1_tensor(ACL_FLOAT, from, 1, (int64_t)100),
              *to = v1_tensor(ACL_FLOAT16, x, 1, (int64_t)100);
    must(aclnnCastGetWorkspaceSize(self, ACL_FLOAT16, to, &size, &executor) == 0);
    must(aclnnCast(NULL, 0, executor, NULL) == 0 && aclrtSynchronizeStream(NULL) == 0);
}

/* An operator that does not describe itself. */
static void run_toy(void *unused)
{
    (void)unused;
    static int32_t from[TOY_LENGTH], to[TOY_LENGTH];
    uint64_t size;
    aclOpExecutor *executor;
    begin();
    toy call = {.x = toy_tensor(from, 0), .y = toy_tensor(to, 0)};
    must(toy_prepare(&call, &size, &executor) == 0 && toy_run(executor, NULL) == 0);
    must(aclrtSynchronizeStream(NULL) == 0);
}

/* Takes the number behind label out of line; -1: there is none, or what follows is no number. */
static double number_in(const char *line, const char *label)
{
    const char *at = strstr(line, label);
    char *end;
    if (!at)
        return -1;
    double value = strtod(at + strlen(label), &end);
    return end > at + strlen(label) && (*end == ' ' || *end == '\n') ? value : -1;
}

static void test_off(void **state)
{
    (void)state;
    const char *const values[] = {"ANTIQUANT_VERBOSE=0", "ANTIQUANT_VERBOSE="};
    for (int i = 0; i < 2; i++) {
        char *text = seen_on_stderr(run_both_paths, values[i], NULL);
        assert_string_equal(text, "");
        free(text);
    }
}

static void test_one_line_a_call(void **state)
{
    (void)state;
    char *text = seen_on_stderr(run_both_paths, "ANTIQUANT_VERBOSE=1", "ANTIQUANT_CPU=scalar");
    static const char first[] = "antiquant: aclnnWeightQuantBatchMatmul m=3 k=32 n=40 "
                                "dtypes=FLOAT16,INT8,FLOAT16 path=fixpipe kernel=";
    static const char second[] = "antiquant: aclnnWeightQuantBatchMatmul m=80 k=32 n=40 "
                                 "dtypes=FLOAT16,INT8,FLOAT16 path=composed kernel=";
    assert_memory_equal(text, first, sizeof first - 1);
    char *next = strchr(text, '\n') + 1;
    assert_memory_equal(next, second, sizeof second - 1);
    assert_non_null(strstr(text, " isa=scalar order=P threads="));
    assert_non_null(strstr(next, " isa=scalar order=T threads="));
    assert_string_equal(strchr(next, '\n'), "\n");
    free(text);
}

/* The rates are those of the sizes and the time in the same line. */
static void test_numbers_agree(void **state)
{
    (void)state;
    char *text = seen_on_stderr(run_both_paths, "ANTIQUANT_VERBOSE=1", NULL);
    const char *line = text;
    const double flops[] = {2.0 * 3 * 40 * 32, 2.0 * 80 * 40 * 32};
    for (int i = 0; i < 2; i++, line = strchr(line, '\n') + 1) {
        double ns = number_in(line, " us=") * 1e3;
        assert_true(ns > 0);
        assert_true(number_in(line, " threads=") >= 1);
        /* us has one digit behind the point, the rates two */
        double bytes_rate = number_in(line, " GB/s="), rate = number_in(line, " GFLOP/s=");
        assert_true(bytes_rate >= 32 * 40 / (ns + 51) - 0.0051 && bytes_rate <= 32 * 40 / (ns - 51) + 0.0051);
        assert_true(rate >= flops[i] / (ns + 51) - 0.0051 && rate <= flops[i] / (ns - 51) + 0.0051);
    }
    assert_string_equal(line, "");
    free(text);
}

/* Tiles, bytes and work; then each kernel that stands before the chosen one in its role, with its reason. */
static void test_why_not(void **state)
{
    (void)state;
    char *text = seen_on_stderr(run_fixpipe, "ANTIQUANT_VERBOSE=2", "ANTIQUANT_CPU=scalar");
    assert_memory_equal(text, "antiquant: aclnnWeightQuantBatchMatmul ", 39);
    static const char plan[] =
        "\nantiquant:   tiles    4 x 16; 3 tasks of 3 x 16; packs 3 rows at a time; chunks of 256 k"
        "\nantiquant:   bytes    weight 1280, parameters 1504, x 192, y 240: 3216; workspace 3520"
        "\nantiquant:   work     7680 FLOP, 2.39 for each byte\n";
    const char *told = strchr(text, '\n');
    assert_memory_equal(told, plan, sizeof plan - 1);
    size_t lines = 0, named = 0;
    for (const char *line = told + sizeof plan - 1; *line; line = strchr(line, '\n') + 1, lines++)
        assert_memory_equal(line, "antiquant:   not ", 17);
    for (size_t i = 0; i < aq_kernel_count(); i++) {
        aq_kernel_info info;
        char words[160];
        assert_int_equal(aq_kernel_get(i, &info), 0);
        snprintf(words, sizeof words, "antiquant:   not %s: needs %s", info.name, info.level);
        if (strcmp(info.level, "scalar") == 0 || strcmp(info.role, "planes") == 0)
            continue; /* mode npu asks no kernel of integers */
        assert_non_null(strstr(text, words));
        named++;
    }
    assert_int_equal(lines, named);
    free(text);
}

static void test_other_operators(void **state)
{
    (void)state;
    char *text = seen_on_stderr(run_cast, "ANTIQUANT_VERBOSE=2", NULL);
    assert_memory_equal(text, "antiquant: aclnnCast elements=100 dtypes=FLOAT,FLOAT16 threads=1 us=", 67);
    assert_true(number_in(text, " GB/s=") >= 0);
    assert_null(strstr(text, "FLOP"));
    free(text);
    text = seen_on_stderr(run_toy, "ANTIQUANT_VERBOSE=2", "ANTIQUANT_SYNC=1");
    assert_memory_equal(text, "antiquant: aclnnToy us=", 23);
    free(text);
    text = seen_on_stderr(run_empty, "ANTIQUANT_VERBOSE=2", NULL);
    assert_memory_equal(text, "antiquant: aclnnWeightQuantBatchMatmul empty us=", 48);
    assert_string_equal(strchr(text, '\n'), "\n");
    free(text);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_off),     TEST(test_one_line_a_call), TEST(test_numbers_agree), TEST(test_other_operators),
        TEST(test_why_not), /* last: it reads the variables in this process, which children then inherit */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
