/* SPDX-License-Identifier: Apache-2.0 */
/* ANTIQUANT_NUMERICS=exact (numerics page 5): weights that no step rounds, an unrounded bias, each element
 * within the mode's bound of an fp64 sum, and the same bits for any CPU level and thread count. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "antiquant.h"
#include "support/child.h"
#include "support/half.h"
#include "support/v1.h"

enum { MOST_M = 70, K = 300, N = 50, GROUP = 64, GROUPS = (K + GROUP - 1) / GROUP, PROBLEMS = 6 };

typedef struct operands {
    uint16_t x[MOST_M * K], add[N], mul[N], scale[GROUPS * N], offset[GROUPS * N], bias_half[N],
        out[MOST_M * N];
    int8_t w[K * N], diagonal[1024];
    int32_t deq_offset[N];
    uint64_t deq_scale[N];
    float bias[N];
} operands;

static operands o;

static void fill(uint64_t seed)
{
    for (int i = 0; i < MOST_M * K; i++)
        o.x[i] = v1_random_half(&seed);
    for (int i = 0; i < K * N; i++)
        o.w[i] = (int8_t)v1_random(&seed);
    for (int i = 0; i < 32; i++)
        o.diagonal[i * 33] = 1;
    for (int j = 0; j < N; j++) {
        o.add[j] = v1_random_half(&seed);
        o.mul[j] = v1_random_half(&seed);
        o.deq_offset[j] = (int32_t)(v1_random(&seed) % 9) - 4;
        o.deq_scale[j] = v1_word((float)(1 + v1_random(&seed) % 4000) * 0x1p-18f);
        o.bias[j] = (float)(int64_t)(v1_random(&seed) % 2001 - 1000) * 0x1.2345p-8f;
        o.bias_half[j] = v1_random_half(&seed);
    }
    for (int i = 0; i < GROUPS * N; i++) {
        o.scale[i] = v1_random_half(&seed);
        o.offset[i] = v1_random_half(&seed);
    }
}

typedef enum kind { FIXPIPE, COMPOSED, SCALED } kind;
static const float factor = 0.013f, shift = 1.3f;

/* The mathematical weight, and what the bound counts for it: (|q| + |o|) * |s|. */
static double weight(kind what, int k, int n, double *counted)
{
    double q = o.w[k * N + n];
    if (what == FIXPIPE) {
        uint32_t bits = (uint32_t)o.deq_scale[n] & 0xFFFFE000u;
        float scale;
        memcpy(&scale, &bits, sizeof scale);
        *counted = (fabs(q) + abs(o.deq_offset[n])) * fabs((double)scale);
        return (q + o.deq_offset[n]) * (double)scale;
    }
    if (what == COMPOSED) {
        double add = half_value(o.add[n]), mul = half_value(o.mul[n]);
        *counted = ((fabs(q) + fabs((double)shift)) * fabs((double)factor) + fabs(add)) * fabs(mul);
        return ((q + (double)shift) * (double)factor + add) * mul;
    }
    int at = k / GROUP * N + n;
    double offset = half_value(o.offset[at]), scale = half_value(o.scale[at]);
    *counted = (fabs(q) + fabs(offset)) * fabs(scale);
    return (q + offset) * scale;
}

/* out lies between the roundings of the ends of the interval that the bound leaves. */
static void check(kind what, int m, bool order_t)
{
    double chain = order_t ? 64 + 4 + 1 + 1 : 256 + 2 + 1;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < N; j++) {
            double exact = what == SCALED ? half_value(o.bias_half[j]) : (double)o.bias[j],
                   bound = fabs(exact);
            for (int k0 = 0; k0 < K; k0 += 128) {
                double most = 0, sum = 0;
                for (int k = k0; k < k0 + 128 && k < K; k++) {
                    double counted, x = half_value(o.x[i * K + k]);
                    exact += x * weight(what, k, j, &counted);
                    most = fabs(x) > most ? fabs(x) : most;
                    sum += counted;
                }
                bound += most * sum;
            }
            bound *= ldexp(1, -22) + ldexp(chain + 2, -24);
            double got = half_value(o.out[i * N + j]);
            if (!(got >= half_round(exact - bound) && got <= half_round(exact + bound)))
                fail_msg("kind %d, m %d, order %c, element (%d,%d): %.9g, exact %.9g, bound %.3g", what, m,
                         order_t ? 'T' : 'P', i, j, got, exact, bound);
        }
}

static int run_v1(int m, bool transposed)
{
    int64_t rows = m, k = K, n = N, d = 32, dims[2] = {N, K};
    v1_call call = {.transpose_x2 = transposed, .scale = factor, .offset = shift};
    int8_t *turned = malloc(sizeof o.w);
    for (int i = 0; i < K * N; i++)
        turned[i % N * K + i / N] = o.w[i];
    call.t[V1_X1] = v1_tensor(ACL_FLOAT16, o.x, 2, rows, k);
    call.t[V1_X2] =
        transposed ? v1_strided(ACL_INT8, turned, 2, dims, NULL, 0) : v1_tensor(ACL_INT8, o.w, 2, k, n);
    call.t[V1_DIAGONAL] = v1_tensor(ACL_INT8, o.diagonal, 2, d, d);
    call.t[V1_OFFSET] = v1_tensor(ACL_INT32, o.deq_offset, 1, n);
    call.t[V1_SCALE] = v1_tensor(ACL_UINT64, o.deq_scale, 1, n);
    call.t[V1_ADD] =
        transposed ? v1_tensor(ACL_FLOAT16, o.add, 2, n, (int64_t)1) : v1_tensor(ACL_FLOAT16, o.add, 1, n);
    call.t[V1_MUL] =
        transposed ? v1_tensor(ACL_FLOAT16, o.mul, 2, n, (int64_t)1) : v1_tensor(ACL_FLOAT16, o.mul, 1, n);
    call.t[V1_BIAS] = v1_tensor(ACL_FLOAT, o.bias, 1, n);
    call.t[V1_OUT] = v1_tensor(ACL_FLOAT16, o.out, 2, rows, n);
    int status = v1_run(&call);
    v1_destroy(&call);
    free(turned);
    return status;
}

static int run_v2(int m)
{
    int64_t rows = m, k = K, n = N, groups = GROUPS;
    aclTensor *t[] = {
        v1_tensor(ACL_FLOAT16, o.x, 2, rows, k),       v1_tensor(ACL_INT8, o.w, 2, k, n),
        v1_tensor(ACL_FLOAT16, o.scale, 2, groups, n), v1_tensor(ACL_FLOAT16, o.offset, 2, groups, n),
        v1_tensor(ACL_FLOAT16, o.bias_half, 1, n),     v1_tensor(ACL_FLOAT16, o.out, 2, rows, n)};
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    int status = aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(t[0], t[1], t[2], t[3], NULL, NULL, t[4],
                                                               GROUP, t[5], &size, &executor);
    if (status == 0)
        status = aclnnWeightQuantBatchMatmulV2(NULL, 0, executor, NULL);
    if (status == 0)
        status = aclrtSynchronizeStream(NULL);
    for (int i = 0; i < 6; i++)
        aclDestroyTensor(t[i]);
    return status;
}

/* Runs problem p; 0 or the status. */
static int run_problem(int p)
{
    (void)aclrtSetDevice(0);
    fill((uint64_t)p + 17);
    return p < 4 ? run_v1(p & 1 ? MOST_M : 5, p & 2) : run_v2(p & 1 ? MOST_M : 5);
}

static void test_bound(void **state)
{
    (void)state;
    assert_string_equal(aq_numerics(), "exact");
    for (int p = 0; p < PROBLEMS; p++) {
        assert_int_equal(run_problem(p), 0);
        int m = p & 1 ? MOST_M : 5;
        check(p >= 4 ? SCALED : p & 1 ? COMPOSED : FIXPIPE, m, p < 4 && p & 2);
    }
}

typedef struct outs {
    uint16_t bits[PROBLEMS][MOST_M * N];
    int failed;
} outs;

static void compute_all(void *result)
{
    outs *all = result;
    all->failed = aclrtSetDevice(0);
    for (int p = 0; p < PROBLEMS && !all->failed; p++) {
        memset(o.out, 0, sizeof o.out);
        all->failed = run_problem(p);
        memcpy(all->bits[p], o.out, sizeof o.out);
    }
}

static void test_same_bits(void **state)
{
    (void)state;
    static const char *const settings[] = {"ANTIQUANT_CPU=scalar", "ANTIQUANT_CPU=avx2",
                                           "ANTIQUANT_THREADS=1"};
    static outs first, other;
    const char *variables[] = {"ANTIQUANT_NUMERICS=exact", NULL, NULL};
    assert_int_equal(in_child(variables, compute_all, &first, sizeof first), 0);
    assert_int_equal(first.failed, 0);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        variables[1] = settings[i];
        assert_int_equal(in_child(variables, compute_all, &other, sizeof other), 0);
        if (other.failed == 561000) {
            print_message("skipped: %s is not for this CPU\n", settings[i]);
            continue;
        }
        assert_int_equal(other.failed, 0);
        assert_memory_equal(first.bits, other.bits, sizeof first.bits);
    }
}

/* Not the same as npu: rounding the weights shows. */
static void test_differs_from_npu(void **state)
{
    (void)state;
    static outs exact, npu;
    const char *variables[] = {"ANTIQUANT_NUMERICS=exact", NULL};
    assert_int_equal(in_child(variables, compute_all, &exact, sizeof exact), 0);
    variables[0] = "ANTIQUANT_NUMERICS=npu";
    assert_int_equal(in_child(variables, compute_all, &npu, sizeof npu), 0);
    for (int p = 0; p < PROBLEMS; p++)
        assert_memory_not_equal(exact.bits[p], npu.bits[p], sizeof exact.bits[p]);
}

int main(void)
{
    setenv("ANTIQUANT_NUMERICS", "exact", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits), /* these fork: before anything runs in this process */
        cmocka_unit_test(test_differs_from_npu),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
