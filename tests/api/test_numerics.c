/* SPDX-License-Identifier: Apache-2.0 */
/* aq_executor_set_numerics: what it refuses, what it changes, for a repeatable executor as often as one
 * likes; V1 in modes exact and fast, with parameters that integers take and that they do not; empty tensors;
 * the same bits for every storage of one weight. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "aclnnop/aclnn_cast.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "antiquant.h"
#include "support/half.h"
#include "support/nz.h"
#include "support/v1.h"

enum { MOST_M = 70, K = 260, N = 48 };

static struct {
    uint16_t x[MOST_M * K], add[K * N], mul[K * N], out[MOST_M * N], other[MOST_M * N];
    int8_t w[K * N], turned[K * N], diagonal[1024];
    int32_t offset[N];
    uint64_t scale[N];
    float bias[N];
} o;

typedef struct v1_case {
    int m;
    bool transposed, mixes; /* mixes: a diagonal matrix that is none */
    int32_t offset;         /* about this */
    bool by_k;              /* addOffset and mulScale vary along k */
} v1_case;

static const float factor = 0.017f, shift = -2.3f;

static void fill(const v1_case *c)
{
    uint64_t seed = 4711 + (uint64_t)c->m;
    for (int i = 0; i < MOST_M * K; i++)
        o.x[i] = v1_random_half(&seed);
    for (int i = 0; i < K * N; i++) {
        o.w[i] = (int8_t)v1_random(&seed);
        o.turned[i % N * K + i / N] = o.w[i];
        o.add[i] = v1_random_half(&seed);
        o.mul[i] = v1_random_half(&seed);
    }
    for (int i = 0; i < 1024; i++)
        o.diagonal[i] = (int8_t)(c->mixes ? (int)(v1_random(&seed) % 5) - 2 : i % 33 == 0);
    for (int j = 0; j < N; j++) {
        int more = (int)(v1_random(&seed) % 100);
        o.offset[j] = c->offset > 0 ? c->offset - more : c->offset + more;
        /* weights of any size: their sums must not leave fp16 */
        o.scale[j] = v1_word((float)(1 + v1_random(&seed) % 4000) *
                             ldexpf(1, -16 - (int)log2f(2.0f * fabsf((float)c->offset) + 300)));
        o.bias[j] = (float)(int64_t)(v1_random(&seed) % 2001 - 1000) * 0x1.2345p-8f;
    }
}

static v1_call call_of(const v1_case *c, void *out)
{
    int64_t m = c->m, k = K, n = N, d = 32, rows = c->by_k ? K : 1;
    v1_call call = {.transpose_x2 = c->transposed, .scale = factor, .offset = shift};
    call.t[V1_X1] = v1_tensor(ACL_FLOAT16, o.x, 2, m, k);
    call.t[V1_X2] =
        c->transposed ? v1_tensor(ACL_INT8, o.turned, 2, n, k) : v1_tensor(ACL_INT8, o.w, 2, k, n);
    call.t[V1_DIAGONAL] = v1_tensor(ACL_INT8, o.diagonal, 2, d, d);
    call.t[V1_OFFSET] = v1_tensor(ACL_INT32, o.offset, 1, n);
    call.t[V1_SCALE] = v1_tensor(ACL_UINT64, o.scale, 1, n);
    call.t[V1_ADD] =
        c->transposed ? v1_tensor(ACL_FLOAT16, o.add, 2, n, rows) : v1_tensor(ACL_FLOAT16, o.add, 2, rows, n);
    call.t[V1_MUL] =
        c->transposed ? v1_tensor(ACL_FLOAT16, o.mul, 2, n, rows) : v1_tensor(ACL_FLOAT16, o.mul, 2, rows, n);
    call.t[V1_BIAS] = v1_tensor(ACL_FLOAT, o.bias, 1, n);
    call.t[V1_OUT] = v1_tensor(ACL_FLOAT16, out, 2, m, n);
    return call;
}

/* Phase 2 with just the workspace that was asked for, and synchronise. */
static int run(aclOpExecutor *executor, uint64_t size)
{
    void *workspace = size > 0 ? malloc(size) : NULL;
    if (workspace != NULL)
        memset(workspace, 0xC3, size);
    int status = aclnnWeightQuantBatchMatmul(workspace, size, executor, NULL);
    if (status == 0)
        status = aclrtSynchronizeStream(NULL);
    free(workspace);
    return status;
}

static int run_mode(const v1_case *c, const char *mode, void *out)
{
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    v1_call call = call_of(c, out);
    int status = v1_phase1(&call, &size, &executor);
    if (status == 0)
        status = aq_executor_set_numerics(executor, mode, &size);
    if (status == 0)
        status = run(executor, size);
    v1_destroy(&call);
    return status;
}

/* ---- statuses ---- */

static aclOpExecutor *cast_executor(aclTensor **tensors)
{
    static float from[4];
    static uint16_t to[4];
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    tensors[0] = v1_tensor(ACL_FLOAT, from, 1, (int64_t)4);
    tensors[1] = v1_tensor(ACL_FLOAT16, to, 1, (int64_t)4);
    assert_int_equal(aclnnCastGetWorkspaceSize(tensors[0], ACL_FLOAT16, tensors[1], &size, &executor), 0);
    return executor;
}

static void test_statuses(void **state)
{
    (void)state;
    const v1_case c = {.m = 3, .offset = 5};
    uint64_t size = 0, told = 12345;
    aclOpExecutor *executor = NULL;
    fill(&c);
    v1_call call = call_of(&c, o.out);
    assert_int_equal(v1_phase1(&call, &size, &executor), 0);
    assert_int_equal(aq_executor_set_numerics(NULL, "exact", &told), 161001);
    assert_int_equal(aq_executor_set_numerics(executor, NULL, &told), 161001);
    assert_non_null(strstr(aclGetRecentErrMsg(), "mode"));
    assert_int_equal(aq_executor_set_numerics(executor, "exact", NULL), 161001);
    assert_non_null(strstr(aclGetRecentErrMsg(), "workspace_size"));
    static const char *const unknown[] = {"", "Exact", "exact ", "best", "npu,exact"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_int_equal(aq_executor_set_numerics(executor, unknown[i], &told), 161002);
        assert_non_null(strstr(aclGetRecentErrMsg(), "npu, exact, fast"));
    }
    aclTensor *tensors[2];
    aclOpExecutor *cast = cast_executor(tensors);
    assert_int_equal(aq_executor_set_numerics(cast, "exact", &told), 161002);
    assert_non_null(strstr(aclGetRecentErrMsg(), "aclnnCast"));
    assert_int_equal(told, 12345);
    assert_int_equal(aclnnCast(NULL, 0, cast, NULL), 0); /* nothing has changed */
    assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    aclDestroyTensor(tensors[0]);
    aclDestroyTensor(tensors[1]);

    assert_int_equal(run(executor, size), 0); /* still npu */
    memcpy(o.other, o.out, sizeof o.out);
    assert_int_equal(v1_run(&call), 0);
    assert_memory_equal(o.out, o.other, (size_t)c.m * N * 2);
    assert_int_equal(aq_executor_set_numerics(executor, "exact", &told), 561000); /* consumed */
    assert_int_equal(told, 12345);
    v1_destroy(&call);
}

/* ---- switching ---- */

static void test_repeatable(void **state)
{
    (void)state;
    static const char *const modes[] = {"exact", "fast", "npu", "fast", "fast", "exact", "npu"};
    for (int m = 4; m <= MOST_M; m += 66) {
        const v1_case c = {.m = m, .transposed = m > 4, .offset = -4};
        uint64_t size = 0;
        aclOpExecutor *executor = NULL;
        fill(&c);
        v1_call call = call_of(&c, o.out);
        assert_int_equal(v1_phase1(&call, &size, &executor), 0);
        assert_int_equal(aclSetAclOpExecutorRepeatable(executor), 0);
        for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
            assert_int_equal(aq_executor_set_numerics(executor, modes[i], &size), 0);
            for (int repeat = 0; repeat < 2; repeat++) {
                memset(o.out, 0xFF, sizeof o.out);
                assert_int_equal(run(executor, size), 0);
                assert_int_equal(run_mode(&c, modes[i], o.other), 0);
                assert_memory_equal(o.out, o.other, (size_t)m * N * 2);
            }
        }
        assert_int_equal(aq_executor_set_numerics(executor, "fast", &size), 0);
        if (size > 0) /* the size that is told is the size that counts */
            assert_int_equal(aclnnWeightQuantBatchMatmul(o.other, size - 1, executor, NULL), 161002);
        assert_int_equal(aclDestroyAclOpExecutor(executor), 0);
        v1_destroy(&call);
    }
}

/* ---- values of V1 ---- */

/* T of the fixpipe path: saturated; *size: what the bound counts for it, unscaled. */
static double mixed(int k, int n, double *size)
{
    int64_t sum = 0;
    for (int i = 0; i < 32 && k / 32 * 32 + i < K; i++)
        sum += o.diagonal[k % 32 * 32 + i] * o.w[(k / 32 * 32 + i) * N + n];
    *size = fabs((double)sum) + fabs((double)o.offset[n]);
    sum += o.offset[n];
    return (double)(sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : sum);
}

static double weight(const v1_case *c, int k, int n, double *size)
{
    if (c->m <= 64) {
        uint32_t bits = (uint32_t)o.scale[n] & 0xFFFFE000u;
        float scale;
        memcpy(&scale, &bits, sizeof scale);
        double t = mixed(k, n, size);
        *size *= fabs((double)scale);
        return t * (double)scale;
    }
    int at = !c->by_k ? n : c->transposed ? n * K + k : k * N + n;
    double q = o.w[k * N + n], add = half_value(o.add[at]), mul = half_value(o.mul[at]);
    *size = ((fabs(q) + fabs((double)shift)) * fabs((double)factor) + fabs(add)) * fabs(mul);
    return ((q + (double)shift) * (double)factor + add) * mul;
}

/* planes: integers take it, 3 blocks, two digits, zero, bias; else fma in order P or T. */
static void check(const v1_case *c, bool fast, bool planes)
{
    double chain = planes ? 6 : c->transposed ? K / 16 + 1 + 4 + 1 : 256 + 2;
    for (int i = 0; i < c->m; i++)
        for (int j = 0; j < N; j++) {
            double sum = (double)o.bias[j], bound = fabs(sum);
            for (int k0 = 0; k0 < K; k0 += 128) {
                double most = 0, sizes = 0, size;
                for (int k = k0; k < k0 + 128 && k < K; k++) {
                    double x = half_value(o.x[i * K + k]);
                    sum += x * weight(c, k, j, &size);
                    most = fabs(x) > most ? fabs(x) : most;
                    sizes += size;
                }
                bound += most * sizes;
            }
            bound *= ldexp(1, fast ? -14 : -22) + ldexp(chain + 2, -24);
            double got = half_value(o.out[i * N + j]);
            if (!(got >= half_round(sum - bound) && got <= half_round(sum + bound)))
                fail_msg("m %d, %s, offset %d, mixes %d, by k %d, element (%d,%d): %.9g, not %.9g +- %.3g",
                         c->m, fast ? "fast" : "exact", c->offset, c->mixes, c->by_k, i, j, got, sum, bound);
        }
}

static void test_v1(void **state)
{
    (void)state;
    static const v1_case cases[] = {
        {.m = 5, .offset = 3},
        {.m = 64, .offset = -100000, .transposed = true},
        {.m = 1, .offset = INT32_MAX - 128},  /* the last that integers take */
        {.m = 1, .offset = -INT32_MAX + 128}, /* likewise */
        {.m = 3, .offset = INT32_MAX},        /* saturates */
        {.m = 3, .offset = INT32_MIN, .transposed = true},
        {.m = 6, .offset = -7, .mixes = true},
        {.m = 6, .offset = INT32_MAX - 200, .mixes = true, .transposed = true},
        {.m = 65, .offset = 1},
        {.m = MOST_M, .offset = 1, .transposed = true},
        {.m = 66, .offset = 1, .by_k = true},
        {.m = 66, .offset = 1, .by_k = true, .transposed = true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int fast = 0; fast < 2; fast++) {
            const v1_case *c = &cases[i];
            bool planes = c->m > 64 ? !c->by_k : !c->mixes && llabs(c->offset) <= INT32_MAX - 128;
            fill(c);
            memset(o.out, 0xFF, sizeof o.out);
            assert_int_equal(run_mode(c, fast ? "fast" : "exact", o.out), 0);
            check(c, fast, planes);
        }
}

/* ---- empty tensors ---- */

static void test_empty(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {{0, 8, 8}, {8, 0, 8}, {8, 8, 0}, {70, 0, 8}, {0, 0, 0}};
    const v1_case c = {.m = 3};
    fill(&c);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int mode = 0; mode < 3; mode++) {
            static const char *const modes[] = {"npu", "exact", "fast"};
            int64_t m = shapes[i][0], k = shapes[i][1], n = shapes[i][2], d = 32;
            uint64_t size = 0;
            aclOpExecutor *executor = NULL;
            v1_call call = {.scale = 1};
            call.t[V1_X1] = v1_tensor(ACL_FLOAT16, o.x, 2, m, k);
            call.t[V1_X2] = v1_tensor(ACL_INT8, o.w, 2, k, n);
            call.t[V1_DIAGONAL] = v1_tensor(ACL_INT8, o.diagonal, 2, d, d);
            call.t[V1_SCALE] = v1_tensor(ACL_UINT64, o.scale, 1, n);
            call.t[V1_OFFSET] = v1_tensor(ACL_INT32, o.offset, 1, n);
            call.t[V1_MUL] = v1_tensor(ACL_FLOAT16, o.mul, 1, n);
            call.t[V1_BIAS] = v1_tensor(ACL_FLOAT, o.bias, 1, n);
            call.t[V1_OUT] = v1_tensor(ACL_FLOAT16, o.out, 2, m, n);
            memset(o.out, 0x55, sizeof o.out);
            int status = v1_phase1(&call, &size, &executor);
            if (status == 0) {
                assert_int_equal(aq_executor_set_numerics(executor, modes[mode], &size), 0);
                assert_int_equal(run(executor, size), 0);
                for (int64_t e = 0; e < m * n; e++) /* nothing but the bias */
                    assert_int_equal(o.out[e], half_bits(half_round((double)o.bias[e % n])));
                assert_int_equal(o.out[m * n], 0x5555);
            }
            v1_destroy(&call);
            assert_int_equal(status, 0);
        }
}

/* ---- storages ---- */

static aclTensor *nz_tensor(aclDataType dtype, void *data, int64_t rows, int64_t columns, int64_t c0)
{
    int64_t dims[2] = {rows, columns}, strides[2] = {columns, 1},
            storage[4] = {(columns + c0 - 1) / c0, (rows + 15) / 16, 16, c0};
    return aclCreateTensor(dims, 2, dtype, strides, 0, ACL_FORMAT_FRACTAL_NZ, storage, 4, data);
}

/* Scales are in o.add, offsets in o.mul: (n), or (groups, n). */
static int run_v2(const aclTensor *weight, int m, int group, bool offset, const char *mode, uint16_t *out)
{
    int64_t rows = m, k = K, n = N, dims[2] = {group > 0 ? (K + group - 1) / group : 1, N};
    const int rank = group > 0 ? 2 : 1;
    aclTensor *t[] = {v1_tensor(ACL_FLOAT16, o.x, 2, rows, k),
                      v1_strided(ACL_FLOAT16, o.add, rank, dims + 2 - rank, NULL, 0),
                      offset ? v1_strided(ACL_FLOAT16, o.mul, rank, dims + 2 - rank, NULL, 0) : NULL,
                      v1_tensor(ACL_FLOAT16, out, 2, rows, n)};
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    int status = aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(t[0], weight, t[1], t[2], NULL, NULL, NULL,
                                                               group, t[3], &size, &executor);
    if (status == 0)
        status = aq_executor_set_numerics(executor, mode, &size);
    void *workspace = malloc(size + 1);
    if (status == 0)
        status = aclnnWeightQuantBatchMatmulV2(workspace, size, executor, NULL);
    if (status == 0)
        status = aclrtSynchronizeStream(NULL);
    free(workspace);
    for (int i = 0; i < 4; i++)
        aclDestroyTensor(t[i]);
    return status;
}

/* Integer sums have no order: what numerics page 5 asks of strides of x holds for storages of the weight. */
static void test_storages(void **state)
{
    (void)state;
    const v1_case c = {.m = 7};
    int64_t turned[2] = {1, K}, dims[2] = {K, N};
    fill(&c);
    void *nz = nz_of(o.w, 1, K, N, 32, 8);
    aclTensor *weights[] = {v1_tensor(ACL_INT8, o.w, 2, (int64_t)K, (int64_t)N),
                            v1_strided(ACL_INT8, o.turned, 2, dims, turned, 0),
                            nz_tensor(ACL_INT8, nz, K, N, 32)};
    for (int m = 1; m <= 7; m += 3)
        for (int fast = 0; fast < 2; fast++)
            for (int i = 0; i < 3; i++) {
                memset(o.other, 0xFF, sizeof o.other);
                int status =
                    run_v2(weights[i], m, 0, true, fast ? "fast" : "exact", i == 0 ? o.out : o.other);
                if (status != 0)
                    fail_msg("storage %d: %d, %s", i, status, aclGetRecentErrMsg());
                if (i > 0)
                    assert_memory_equal(o.out, o.other, (size_t)m * N * 2);
            }
    for (int i = 0; i < 3; i++)
        aclDestroyTensor(weights[i]);
    free(nz);
}

/* ---- scales that are no numbers ---- */

/* Sums of infinite weights of both signs are NaN: only the weights themselves tell, not their integers' sum.
 */
static void test_odd_scales(void **state)
{
    (void)state;
    static const uint16_t odd[] = {0x3C00, 0x7C00, 0xFC00, 0x7E00, 0x0000, 0x7C00};
    const v1_case c = {.m = 7};
    for (int v = 0; v < 8; v++) {
        const int group = v & 1 ? 64 : 0, m = v & 2 ? 1 : 7;
        const char *mode = v & 4 ? "fast" : "exact";
        fill(&c);
        for (int k = 0; k < K; k++) {
            o.x[k] = (uint16_t)((o.x[k] & 0x7FFF) | 1); /* row 0: positive */
            for (int j = 5; j < N; j += 6)
                o.w[k * N + j] = (int8_t)(1 + (o.w[k * N + j] & 63)); /* and these weights */
        }
        for (int i = 0; i < 5 * N; i++) /* by groups: in two of the five */
            o.add[i] = i / N % 3 == 0 ? odd[i % N % 6] : 0x3400;
        aclTensor *weight = v1_tensor(ACL_INT8, o.w, 2, (int64_t)K, (int64_t)N);
        assert_int_equal(run_v2(weight, m, group, false, mode, o.out), 0);
        aclDestroyTensor(weight);
        for (int i = 0; i < m * N; i++) {
            double sum = 0, got = half_value(o.out[i]);
            for (int k = 0; k < K; k++)
                sum += half_value(o.x[i / N * K + k]) * o.w[k * N + i % N] *
                       half_value(o.add[(group > 0 ? k / group * N : 0) + i % N]);
            bool right = isnan(sum) ? isnan(got) : isinf(sum) ? got == sum : isfinite(got);
            if (!right)
                fail_msg("%s, group %d, m %d, element %d: %g, not %g", mode, group, m, i, got, sum);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses), cmocka_unit_test(test_repeatable), cmocka_unit_test(test_v1),
        cmocka_unit_test(test_empty),    cmocka_unit_test(test_storages),   cmocka_unit_test(test_odd_scales),
    };
    return cmocka_run_group_tests(tests, v1_setup, NULL);
}
