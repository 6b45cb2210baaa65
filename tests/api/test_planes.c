/* SPDX-License-Identifier: Apache-2.0 */
/* Modes exact and fast by integers (numerics page 5): every element within the mode's bound of an fp64 sum
 * over integer and 4-bit weights, channels and groups, plain and transposed; the same bits for any CPU level,
 * thread count and batch; rows that integers cannot hold. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "antiquant.h"
#include "support/child.h"
#include "support/half.h"
#include "support/levels.h"
#include "support/v1.h"

enum { MOST_M = 300, MOST_K = 2000, MOST_N = 530, MOST_GROUPS = MOST_K / 32 + 1 };

typedef struct test_case {
    int m, k, n, group; /* group 0: one scale a column; -1: one scale */
    bool int4, transposed, bf16, offset, hostile;
} test_case;

static const test_case cases[] = {
    {1, 128, 64, 0, false, false, false, false, false},
    {1, 300, 200, 0, false, false, false, true, false},
    {1, 1024, 530, 0, false, true, false, true, false},
    {1, 1100, 300, 0, true, false, false, false, false},
    {1, 1100, 300, 0, true, true, true, true, false},
    {1, 640, 256, 128, true, false, false, true, false},
    {1, 640, 130, 32, true, true, false, true, false},
    {2, 129, 65, 0, false, false, true, true, false},
    {3, 512, 128, 64, false, false, false, true, false},
    {4, 1000, 260, 96, false, true, true, false, false},
    {5, 260, 130, 32, true, false, true, true, false},
    {7, 384, 192, 256, true, true, false, true, false},
    {9, 130, 70, -1, false, false, false, true, false},
    {17, 700, 258, 128, false, false, false, true, false},
    {70, 333, 96, 0, false, true, false, true, false},
    {300, 256, 66, 0, true, false, false, true, false},
    {70, 520, 300, 32, true, false, false, true, false},
    /* digits beyond a second-level cache of 2 MiB */
    {250, 2000, 140, 0, false, true, false, false, false},
    {250, 1990, 140, 32, true, true, false, true, false},
    {6, 257, 140, 0, false, false, false, true, true},
    {6, 258, 140, 32, true, true, true, true, true},
};

enum { CASES = sizeof cases / sizeof cases[0] };

static struct {
    uint16_t x[MOST_M * MOST_K], scale[MOST_GROUPS * MOST_N], offset[MOST_GROUPS * MOST_N], bias[MOST_N],
        y[MOST_M * MOST_N], alone[MOST_N];
    float bias_f32[MOST_N];
    int8_t w[MOST_K * MOST_N], stored[MOST_K * MOST_N];
} o;

static double value(uint16_t bits, bool bf16)
{
    if (!bf16)
        return half_value(bits);
    uint32_t wide = (uint32_t)bits << 16;
    float f;
    memcpy(&f, &wide, sizeof f);
    return (double)f;
}

/* x: mostly of size 1, some outliers, some zeros; hostile: a row each of NaN, infinity, the type's extremes,
 * zeros and subnormals. */
static uint16_t random_x(uint64_t *seed, bool bf16)
{
    float f = (float)(int)(v1_random(seed) % 20001 - 10000) * 0x1p-13f;
    if (v1_random(seed) % 61 == 0)
        f *= 900.0f;
    if (v1_random(seed) % 37 == 0)
        f = 0.0f;
    uint32_t wide;
    memcpy(&wide, &f, sizeof wide);
    return bf16 ? (uint16_t)(wide >> 16) : half_bits((double)f);
}

static void fill(const test_case *c)
{
    uint64_t seed = (uint64_t)(c - cases) + 77;
    int groups = c->group > 0 ? (c->k + c->group - 1) / c->group : 1;
    for (int i = 0; i < c->m * c->k; i++)
        o.x[i] = random_x(&seed, c->bf16);
    if (c->hostile)
        for (int k = 0; k < c->k; k++) {
            static const uint16_t odd[2][4] = {{0x7E00, 0x7C00, 0x7BFF, 0x0001},
                                               {0x7FC0, 0xFF80, 0x7F00, 0x0001}};
            o.x[k] = k == 5 ? odd[c->bf16][0] : o.x[k];
            o.x[c->k + k] = k == c->k - 1 ? odd[c->bf16][1] : o.x[c->k + k];
            o.x[2 * c->k + k] = k % 3 == 0 ? odd[c->bf16][2] : o.x[2 * c->k + k];
            o.x[3 * c->k + k] = 0;
            o.x[4 * c->k + k] = odd[c->bf16][3];
        }
    for (int i = 0; i < c->k * c->n; i++)
        o.w[i] = c->int4 ? (int8_t)((int)(v1_random(&seed) & 15) - 8) : (int8_t)v1_random(&seed);
    for (int i = 0; i < groups * c->n; i++) {
        float s = (float)(1 + v1_random(&seed) % 1000) * (v1_random(&seed) & 1 ? 0x1p-17f : -0x1p-17f);
        float z = (float)(int)(v1_random(&seed) % 4001 - 2000) * 0x1p-7f;
        uint32_t ws, wz;
        memcpy(&ws, &s, sizeof ws);
        memcpy(&wz, &z, sizeof wz);
        o.scale[i] = c->bf16 ? (uint16_t)(ws >> 16) : half_bits((double)s);
        o.offset[i] = c->bf16 ? (uint16_t)(wz >> 16) : half_bits((double)z);
    }
    for (int j = 0; j < c->n; j++) {
        o.bias_f32[j] = (float)(int)(v1_random(&seed) % 2001 - 1000) * 0x1p-7f;
        o.bias[j] = half_bits((double)o.bias_f32[j]);
    }
    memset(o.stored, 0, sizeof o.stored);
    for (int k = 0; k < c->k; k++)
        for (int j = 0; j < c->n; j++) {
            int at = c->transposed ? j * c->k + k : k * c->n + j;
            int8_t w = o.w[k * c->n + j];
            if (c->int4)
                o.stored[at / 2] = (int8_t)(o.stored[at / 2] | (w & 15) << (at & 1) * 4);
            else
                o.stored[at] = w;
        }
}

static int run(const test_case *c, int row, int rows, const char *mode, uint16_t *y)
{
    aclDataType half = c->bf16 ? ACL_BF16 : ACL_FLOAT16;
    int64_t m = rows, k = c->k, n = c->n, one = 1;
    int64_t groups = c->group > 0 ? (c->k + c->group - 1) / c->group : 1;
    int64_t dims[2] = {k, n}, strides[2] = {1, k};
    aclTensor *x = v1_tensor(half, o.x + (int64_t)row * k, 2, m, k);
    aclTensor *w =
        v1_strided(c->int4 ? ACL_INT4 : ACL_INT8, o.stored, 2, dims, c->transposed ? strides : NULL, 0);
    bool single = c->group < 0;
    aclTensor *scale = single         ? v1_tensor(half, o.scale, 1, one)
                       : c->group > 0 ? v1_tensor(half, o.scale, 2, groups, n)
                                      : v1_tensor(half, o.scale, 1, n);
    aclTensor *offset = !c->offset     ? NULL
                        : single       ? v1_tensor(half, o.offset, 1, one)
                        : c->group > 0 ? v1_tensor(half, o.offset, 2, groups, n)
                                       : v1_tensor(half, o.offset, 1, n);
    aclTensor *bias = c->bf16 ? v1_tensor(ACL_FLOAT, o.bias_f32, 1, n) : v1_tensor(half, o.bias, 1, n);
    aclTensor *out = v1_tensor(half, y, 2, m, n);
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    int status = aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(
        x, w, scale, offset, NULL, NULL, bias, c->group > 0 ? c->group : 0, out, &size, &executor);
    if (status == 0)
        status = aq_executor_set_numerics(executor, mode, &size);
    void *workspace = size > 0 ? malloc(size) : NULL;
    if (workspace != NULL)
        memset(workspace, 0xC3, size);
    if (status == 0)
        status = aclnnWeightQuantBatchMatmulV2(workspace, size, executor, NULL);
    if (status == 0)
        status = aclrtSynchronizeStream(NULL);
    free(workspace);
    aclTensor *all[] = {x, w, scale, offset, bias, out};
    for (int i = 0; i < 6; i++)
        aclDestroyTensor(all[i]);
    return status;
}

/* The bits of a value rounded to the output's type. */
static double rounded(double v, bool bf16)
{
    if (!bf16)
        return half_round(v);
    if (isnan(v) || isinf(v) || v == 0)
        return v;
    int exponent;
    frexp(v, &exponent);
    int last = exponent - 8 < -133 ? -133 : exponent - 8;
    double result = ldexp(nearbyint(ldexp(v, -last)), last);
    return fabs(result) > 0x1.FEp127 ? copysign(INFINITY, result) : result;
}

static void check(const test_case *c, bool fast)
{
    int group = c->group > 0 ? c->group : c->k;
    double chain = c->transposed ? 80 : 256 + 9; /* of the longest order that an element may take */
    chain = c->hostile || c->k / 32 + 3 > chain ? chain : c->k / 32 + 3;
    for (int i = 0; i < c->m; i++)
        for (int j = 0; j < c->n; j++) {
            double exact = c->bf16 ? (double)o.bias_f32[j] : half_value(o.bias[j]), bound = fabs(exact);
            for (int k0 = 0; k0 < c->k; k0 += 128) {
                double most = 0, sum = 0;
                for (int k = k0; k < k0 + 128 && k < c->k; k++) {
                    double x = value(o.x[i * c->k + k], c->bf16), q = o.w[k * c->n + j];
                    int at = c->group < 0 ? 0 : k / group * c->n + j;
                    double s = value(o.scale[at], c->bf16), z = c->offset ? value(o.offset[at], c->bf16) : 0;
                    exact += x * ((q + z) * s);
                    most = fabs(x) > most ? fabs(x) : most;
                    sum += (fabs(q) + fabs(z)) * fabs(s);
                }
                bound += most * sum;
            }
            bound *= ldexp(1, fast ? -14 : -22) + ldexp(chain + 2, -24);
            double got = value(o.y[i * c->n + j], c->bf16);
            bool right = isnan(exact) ? isnan(got)
                                      : got >= rounded(exact - bound, c->bf16) &&
                                            got <= rounded(exact + bound, c->bf16);
            if (isinf(exact) && isinf(got))
                right = exact == got;
            if (!right) {
                printf("case %d %s, element (%d,%d): %.9g, exact %.9g, bound %.3g\n", (int)(c - cases),
                       fast ? "fast" : "exact", i, j, got, exact, bound);
                abort();
            }
        }
}

typedef struct outcome {
    uint64_t digest[2][CASES];
    int failed;
} outcome;

static bool checked; /* against fp64: once is enough, the others must have the same bits */

static void compute(void *result)
{
    outcome *all = result;
    all->failed = aclInit(NULL) != 0 || aclrtSetDevice(0) != 0;
    for (int fast = 0; fast < 2; fast++)
        for (int i = 0; i < CASES; i++) {
            const test_case *c = &cases[i];
            fill(c);
            memset(o.y, 0xFF, sizeof o.y);
            int status = run(c, 0, c->m, fast ? "fast" : "exact", o.y);
            if (status != 0) {
                printf("case %d: %d, %s\n", i, status, aclGetRecentErrMsg());
                all->failed++;
                continue;
            }
            if (checked)
                check(c, fast);
            uint64_t digest = 14695981039346656037u;
            for (int e = 0; e < c->m * c->n; e++)
                digest = (digest ^ o.y[e]) * 1099511628211u;
            all->digest[fast][i] = digest;
            for (int row = 0; row < c->m && row < 8; row++) { /* as if it were alone */
                all->failed += run(c, row, 1, fast ? "fast" : "exact", o.alone) != 0;
                if (memcmp(o.alone, o.y + row * c->n, (size_t)c->n * 2) != 0) {
                    printf("case %d, row %d differs when it is alone\n", i, row);
                    all->failed++;
                }
            }
        }
    fflush(stdout);
}

static outcome first;

static void test_bounds(void **state)
{
    (void)state;
    checked = true;
    const char *const settings[] = {"ANTIQUANT_PROFILE=any", NULL};
    assert_int_equal(in_child(settings, compute, &first, sizeof first), 0);
    assert_int_equal(first.failed, 0);
    checked = false;
}

/* One row through panels, as more rows go. */
static void test_without_streams(void **state)
{
    (void)state;
    const char *const settings[] = {"ANTIQUANT_PROFILE=any", "ANTIQUANT_STREAM_ROWS=0", NULL};
    static outcome other;
    assert_int_equal(in_child(settings, compute, &other, sizeof other), 0);
    assert_int_equal(other.failed, 0);
    for (int i = 0; i < 2 * CASES; i++)
        assert_int_equal(other.digest[i / CASES][i % CASES], first.digest[i / CASES][i % CASES]);
}

static void test_levels_and_threads(void **state)
{
    (void)state;
    levels all;
    assert_int_equal(ask_levels(&all), 0);
    for (size_t level = 0; level < all.count; level++)
        for (int threads = 1; threads <= 3; threads += 2) {
            const aq_cpu_level_info info = all.level[level];
            if (!info.supported) {
                print_message("skipped: level %s is not on this CPU\n", info.name);
                continue;
            }
            char cpu[64], count[64];
            snprintf(cpu, sizeof cpu, "ANTIQUANT_CPU=%s", info.name);
            snprintf(count, sizeof count, "ANTIQUANT_THREADS=%d", threads);
            const char *const settings[] = {"ANTIQUANT_PROFILE=any", cpu, count, NULL};
            outcome other;
            assert_int_equal(in_child(settings, compute, &other, sizeof other), 0);
            assert_int_equal(other.failed, 0);
            for (int i = 0; i < 2 * CASES; i++)
                if (other.digest[i / CASES][i % CASES] != first.digest[i / CASES][i % CASES])
                    fail_msg("%s, %s: case %d differs in mode %s", cpu, count, i % CASES,
                             i / CASES ? "fast" : "exact");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_without_streams),
        cmocka_unit_test(test_levels_and_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
