/* SPDX-License-Identifier: Apache-2.0 */
/* The bits of out do not depend on threads, CPU level, kernel, strides of x, alignment, or the other rows
 * (numerics page 5). Variables are read once a process, so each setting runs in a forked child that computes
 * the same problems and sends its outputs back; invalid settings are refused with 561000. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "antiquant.h"
#include "support/v1.h"

typedef struct problem {
    int64_t m, k, n;
    bool transpose_x2;
} problem;

static const problem problems[] = {{1, 777, 530, false},  {1, 2100, 260, true},  {7, 1300, 300, false},
                                   {16, 1030, 200, true}, {64, 300, 257, false}, {65, 515, 193, false},
                                   {65, 1100, 129, true}, {300, 600, 200, true}, {600, 270, 300, false},
                                   {130, 2050, 70, false}};
enum { PROBLEMS = sizeof problems / sizeof problems[0], MOST_OUT = 600 * 300 };

typedef struct operands {
    uint16_t *x, *add, *out;
    int8_t *w, diagonal[1024];
    int32_t *off;
    uint64_t *deq;
    float *bias;
} operands;

static operands make_operands(const problem *p)
{
    uint64_t seed = (uint64_t)(p->m * 1000003 + p->k * 1009 + p->n);
    operands o = {.x = malloc((size_t)(p->m * p->k * 2 + 64) * 2),
                  .add = malloc((size_t)p->n * 2),
                  .w = malloc((size_t)(p->k * p->n)),
                  .off = malloc((size_t)p->n * 4),
                  .deq = malloc((size_t)p->n * 8),
                  .bias = malloc((size_t)p->n * 4)};
    for (int64_t i = 0; i < p->m * p->k; i++)
        o.x[i] = v1_random_half(&seed);
    for (int64_t i = 0; i < p->k * p->n; i++)
        o.w[i] = (int8_t)v1_random(&seed);
    for (int64_t j = 0; j < p->n; j++) {
        o.add[j] = v1_random_half(&seed);
        o.off[j] = (int32_t)(v1_random(&seed) % 9) - 4;
        o.deq[j] = v1_word((float)(1 + v1_random(&seed) % 500) * 0x1p-16f);
        o.bias[j] = (float)(v1_random(&seed) % 100) * 0.01f;
    }
    for (int i = 0; i < 32; i++)
        o.diagonal[i * 33] = 1;
    return o;
}

static void free_operands(operands *o)
{
    free(o->x), free(o->add), free(o->w), free(o->off), free(o->deq), free(o->bias);
}

/* m rows of x from `x`, row stride, column stride, into out. */
static int run_rows(const problem *p, operands *o, uint16_t *x, int64_t m, int64_t row, int64_t column,
                    uint16_t *out)
{
    int64_t dims[2] = {m, p->k}, strides[2] = {row, column}, n = p->n, one = 1;
    v1_call call = {.transpose_x2 = p->transpose_x2, .scale = 0.013f, .offset = 1.5f};
    call.t[V1_X1] = v1_strided(ACL_FLOAT16, x, 2, dims, strides, 0);
    call.t[V1_X2] =
        p->transpose_x2 ? v1_tensor(ACL_INT8, o->w, 2, n, p->k) : v1_tensor(ACL_INT8, o->w, 2, p->k, n);
    call.t[V1_DIAGONAL] = v1_tensor(ACL_INT8, o->diagonal, 2, (int64_t)32, (int64_t)32);
    call.t[V1_OFFSET] = v1_tensor(ACL_INT32, o->off, 1, n);
    call.t[V1_SCALE] = v1_tensor(ACL_UINT64, o->deq, 1, n);
    call.t[V1_ADD] =
        p->transpose_x2 ? v1_tensor(ACL_FLOAT16, o->add, 2, n, one) : v1_tensor(ACL_FLOAT16, o->add, 1, n);
    call.t[V1_BIAS] = v1_tensor(ACL_FLOAT, o->bias, 1, n);
    call.t[V1_OUT] = v1_tensor(ACL_FLOAT16, out, 2, m, n);
    int status = v1_run(&call);
    v1_destroy(&call);
    return status;
}

static int run_all(uint16_t *outs)
{
    int status = aclrtSetDevice(0);
    for (int i = 0; i < PROBLEMS && status == 0; i++) {
        operands o = make_operands(&problems[i]);
        status = run_rows(&problems[i], &o, o.x, problems[i].m, problems[i].k, 1, outs + i * MOST_OUT);
        free_operands(&o);
    }
    return status;
}

/* Runs the problems in a child with the variable set; outs is memory both share. The child's status. */
static int run_child(const char *name, const char *value, uint16_t *outs)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setenv(name, value, 1);
        int status = run_all(outs);
        _exit(status == 0 ? 0 : status == 561000 ? 56 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static uint16_t *shared_outs(void)
{
    size_t size = (size_t)PROBLEMS * MOST_OUT * sizeof(uint16_t);
    uint16_t *outs = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(outs != MAP_FAILED);
    return outs;
}

static void test_settings(void **state)
{
    (void)state;
    static const char *const settings[][2] = {
        {"ANTIQUANT_THREADS", "1"},     {"ANTIQUANT_THREADS", "2"},        {"ANTIQUANT_THREADS", "3"},
        {"ANTIQUANT_CPU", "scalar"},    {"ANTIQUANT_CPU", "avx2"},         {"ANTIQUANT_CPU", "avx512"},
        {"ANTIQUANT_CPU", "avxvnni"},   {"ANTIQUANT_CPU", "avx512vnni"},   {"ANTIQUANT_CPU", "amx"},
        {"ANTIQUANT_STREAM_ROWS", "0"}, {"ANTIQUANT_STREAM_ROWS", "1000"}, {"ANTIQUANT_CPU", "best"}};
    size_t size = (size_t)PROBLEMS * MOST_OUT * sizeof(uint16_t);
    uint16_t *first = shared_outs(), *outs = shared_outs();
    assert_int_equal(run_child("ANTIQUANT_CPU", "", first), 0);
    assert_int_not_equal(first[0], 0);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        memset(outs, 0, size);
        int status = run_child(settings[i][0], settings[i][1], outs);
        if (status == 56) { /* this CPU does not have the level: refused, as page 4.8 says */
            print_message("skipped: %s=%s is not for this CPU\n", settings[i][0], settings[i][1]);
            continue;
        }
        assert_int_equal(status, 0);
        if (memcmp(first, outs, size) != 0)
            fail_msg("%s=%s changes the bits", settings[i][0], settings[i][1]);
    }
    munmap(outs, size);
    munmap(first, size);
}

static void test_kernels(void **state)
{
    (void)state;
    size_t size = (size_t)PROBLEMS * MOST_OUT * sizeof(uint16_t);
    uint16_t *first = shared_outs(), *outs = shared_outs();
    assert_int_equal(run_child("ANTIQUANT_KERNEL", "", first), 0);
    int pipes[2];
    char names[32][64];
    assert_int_equal(pipe(pipes), 0);
    fflush(NULL);
    pid_t child = fork(); /* the parent must not read its settings before the children do */
    if (child == 0) {
        for (size_t i = 0; i < aq_kernel_count(); i++) {
            aq_kernel_info info;
            char name[64] = "";
            if (aq_kernel_get(i, &info) == 0 && info.declines == NULL)
                snprintf(name, sizeof name, "%s", info.name);
            if (write(pipes[1], name, sizeof name) != sizeof name)
                _exit(1);
        }
        _exit(0);
    }
    close(pipes[1]);
    size_t count = 0;
    while (count < 32 && read(pipes[0], names[count], 64) == 64)
        count++;
    close(pipes[0]);
    int status;
    waitpid(child, &status, 0);
    assert_true(count >= 1);
    for (size_t i = 0; i < count; i++) {
        if (names[i][0] == '\0')
            continue;
        memset(outs, 0, size);
        assert_int_equal(run_child("ANTIQUANT_KERNEL", names[i], outs), 0);
        if (memcmp(first, outs, size) != 0)
            fail_msg("ANTIQUANT_KERNEL=%s changes the bits", names[i]);
    }
    munmap(outs, size);
    munmap(first, size);
}

static void test_invalid_settings(void **state)
{
    (void)state;
    static const char *const settings[][2] = {{"ANTIQUANT_CPU", "pentium"},    {"ANTIQUANT_KERNEL", "none"},
                                              {"ANTIQUANT_THREADS", "0"},      {"ANTIQUANT_THREADS", "two"},
                                              {"ANTIQUANT_NUMERICS", "wrong"}, {"ANTIQUANT_STATUS", "maybe"}};
    uint16_t *outs = shared_outs();
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (run_child(settings[i][0], settings[i][1], outs) != 56)
            fail_msg("%s=%s is not refused with 561000", settings[i][0], settings[i][1]);
    munmap(outs, (size_t)PROBLEMS * MOST_OUT * sizeof(uint16_t));
}

/* Row i alone, and rows through other strides and at another alignment, give row i of the whole. */
static void test_rows_and_strides(void **state)
{
    (void)state;
    assert_int_equal(aclrtSetDevice(0), 0);
    for (int i = 0; i < PROBLEMS; i++) {
        const problem *p = &problems[i];
        operands o = make_operands(p);
        size_t count = (size_t)(p->m * p->n);
        uint16_t *whole = malloc(count * 2), *part = malloc(count * 2),
                 *spread = malloc((size_t)(p->m * p->k * 2 + 9) * 2);
        assert_int_equal(run_rows(p, &o, o.x, p->m, p->k, 1, whole), 0);
        /* as many rows as stay on the same path */
        int64_t few = p->m <= 64 ? 1 : 65;
        for (int64_t row = 0; row + few <= p->m; row += p->m <= 64 ? 13 : 180) {
            assert_int_equal(run_rows(p, &o, o.x + row * p->k, few, p->k, 1, part), 0);
            assert_memory_equal(part, whole + row * p->n, (size_t)(few * p->n) * 2);
        }
        /* every other element, and the transpose */
        for (int64_t r = 0; r < p->m * p->k; r++)
            spread[9 + r * 2] = o.x[r];
        assert_int_equal(run_rows(p, &o, spread + 9, p->m, p->k * 2, 2, part), 0);
        assert_memory_equal(part, whole, count * 2);
        for (int64_t r = 0; r < p->m; r++)
            for (int64_t c = 0; c < p->k; c++)
                spread[1 + c * p->m + r] = o.x[r * p->k + c];
        assert_int_equal(run_rows(p, &o, spread + 1, p->m, 1, p->m, part), 0);
        assert_memory_equal(part, whole, count * 2);
        free(whole), free(part), free(spread);
        free_operands(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings), /* these fork: before anything runs in this process */
        cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_invalid_settings),
        cmocka_unit_test(test_rows_and_strides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
