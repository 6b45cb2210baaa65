/* SPDX-License-Identifier: Apache-2.0 */
/* Few columns and a long k, or one row that two threads read in whole rows of a weight from memory: several
 * tasks share the k of a column. The bits are those of one thread, in
 * every mode, order, type, recipe and grouping, with rows that integers cannot hold, and in batches; and the
 * plans say that they cut k. One thread cuts nothing; that its answers are right, other tests check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "aclnnop/aclnn_npu_format_cast.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "antiquant.h"
#include "support/child.h"
#include "support/half.h"
#include "support/levels.h"
#include "support/packed.h"
#include "support/v1.h"

enum {
    MOST_X = 5 * 40000,
    MOST_WEIGHT = 1040 * 4100,
    MOST_PARAMETERS = 40000,
    MOST_Y = 2 * 64 * 260,
    MOST_N = 4100
};

typedef struct test_case {
    int batch, m, k, n, group; /* group 0: one scale a column; -1: V1, fixpipe */
    bool int4, transposed, bf16, offset, hostile;
    bool cut; /* at least in mode npu or in the others, 8 threads cut k, levels permitting */
    enum { DENSE, NZ, PACKED } form;
} test_case;

static const test_case cases[] = {
    {1, 1, 11008, 64, 0, false, false, false, false, false, true, DENSE},
    {1, 1, 11008, 64, 0, false, true, false, true, false, true, DENSE},
    {1, 1, 9001, 60, 0, false, false, true, true, false, true, DENSE},
    {1, 1, 16000, 16, 0, false, true, false, false, false, true, DENSE},
    {1, 1, 20000, 1, 0, false, false, false, true, false, false, DENSE},
    {1, 1, 9000, 128, 0, true, false, false, true, false, true, DENSE},
    {1, 1, 9000, 130, 128, true, false, false, true, false, true, DENSE},
    {1, 1, 9000, 130, 128, true, true, false, false, false, true, DENSE},
    {1, 1, 8192, 64, 32, false, false, false, true, false, true, DENSE},
    {1, 1, 9000, 64, 96, true, false, false, false, false, false, DENSE},
    {1, 1, 9000, 64, 512, true, false, true, true, false, true, DENSE},
    {1, 2, 5000, 70, 256, false, true, true, true, false, true, DENSE},
    {1, 3, 4097, 64, 0, false, false, false, true, true, true, DENSE},
    {1, 4, 4100, 65, 128, false, false, true, true, true, true, DENSE},
    {1, 5, 4000, 64, 128, true, true, false, true, true, true, DENSE},
    {1, 7, 2600, 130, 0, true, false, false, false, false, true, DENSE},
    {1, 9, 2100, 60, 128, true, true, true, true, false, true, DENSE},
    {1, 16, 2310, 64, 0, false, false, false, true, true, true, DENSE},
    {1, 16, 2310, 48, 128, true, false, false, true, false, true, DENSE},
    {1, 33, 1500, 64, 0, false, true, false, true, false, true, DENSE},
    {1, 65, 700, 64, 0, false, false, false, true, false, false, DENSE},
    {2, 3, 3000, 100, 0, false, false, false, true, true, true, DENSE},
    {1, 1, 9000, 64, 0, false, false, false, true, false, true, NZ},
    {1, 1, 9000, 40, 0, false, true, false, true, false, true, NZ},
    {1, 1, 8192, 128, 128, true, false, false, true, false, true, NZ},
    {1, 4, 5000, 64, 256, true, true, false, true, false, true, NZ},
    {1, 1, 9000, 100, 128, false, false, false, true, false, true, PACKED},
    {1, 1, 9000, 60, 0, true, true, false, false, false, true, PACKED},
    {1, 6, 5000, 130, 128, true, false, true, true, true, true, PACKED},
    {1, 1, 10000, 64, -1, false, false, false, true, false, true, DENSE},
    {1, 6, 4000, 40, -1, false, true, false, true, false, true, DENSE},
    {1, 1, 1040, 4100, 0, false, false, false, true, false, false, DENSE},
    {1, 1, 1040, 4100, 0, false, false, true, false, true, false, DENSE},
    {1, 1, 1040, 4100, 0, true, false, false, false, false, false, DENSE},
    {1, 1, 1040, 4100, 128, true, false, true, true, false, false, DENSE},
    {1, 1, 1040, 4100, 256, false, false, false, true, true, false, DENSE},
    {1, 1, 1040, 4100, -1, false, false, false, true, false, false, DENSE},
};

enum { CASES = sizeof cases / sizeof cases[0], MODES = 3 };

static const char *const modes[MODES] = {"npu", "exact", "fast"};

static struct {
    uint16_t x[MOST_X], scale[MOST_PARAMETERS], offset[MOST_PARAMETERS], y[MOST_Y];
    uint16_t bias[MOST_N];
    float bias_f32[MOST_N];
    int8_t weight[MOST_WEIGHT], diagonal[1024];
    int32_t deq_offset[MOST_N];
    uint64_t deq_scale[MOST_N];
} o;

static uint16_t bits_of(float value, bool bf16)
{
    uint32_t wide;
    memcpy(&wide, &value, sizeof wide);
    return bf16 ? (uint16_t)(wide >> 16) : half_bits((double)value);
}

/* hostile: the second row has infinity near the end, the third NaN near the beginning; one row infinity. */
static void fill(const test_case *c)
{
    uint64_t seed = (uint64_t)(c - cases) * 7919 + 3;
    const int groups = c->group > 0 ? (c->k + c->group - 1) / c->group : 1;
    for (int i = 0; i < c->batch * c->m * c->k; i++)
        o.x[i] = bits_of((float)(int)(v1_random(&seed) % 20001 - 10000) * 0x1p-13f, c->bf16);
    if (c->hostile && c->m == 1)
        o.x[c->k - 3] = c->bf16 ? 0x7F80 : 0x7C00;
    for (int b = 0; c->hostile && c->m > 1 && b < c->batch; b++) {
        o.x[b * c->m * c->k + 2 * c->k - 3] = c->bf16 ? 0x7F80 : 0x7C00;
        o.x[b * c->m * c->k + 2 * c->k + 5] = c->bf16 ? 0x7FC0 : 0x7E00;
    }
    for (int i = 0; i < c->batch * c->k * c->n / (c->int4 ? 2 : 1); i++)
        o.weight[i] = (int8_t)v1_random(&seed);
    for (int i = 0; i < groups * c->n; i++) {
        o.scale[i] = bits_of((float)(1 + v1_random(&seed) % 1000) * 0x1p-17f, c->bf16);
        o.offset[i] = bits_of((float)(int)(v1_random(&seed) % 101 - 50), c->bf16);
    }
    for (int j = 0; j < c->n; j++) {
        o.deq_offset[j] = (int32_t)(v1_random(&seed) % 9) - 4;
        o.deq_scale[j] = v1_word((float)(1 + v1_random(&seed) % 500) * 0x1p-16f);
    }
    for (int i = 0; i < 32; i++)
        o.diagonal[i * 33] = 1;
}

/* Minus what came out for a row: what comes out with it are the lowest bits of the row's fp32 sums. */
static void set_bias(const test_case *c, int row)
{
    for (int j = 0; j < c->n; j++) {
        uint16_t y = o.y[row * c->n + j];
        uint32_t wide = (uint32_t)y << 16;
        memcpy(&o.bias_f32[j], &wide, sizeof wide);
        o.bias_f32[j] = -(c->bf16 ? o.bias_f32[j] : (float)half_value(y));
        o.bias[j] = y ^ 0x8000;
    }
}

/* Any bytes are an NZ weight of some numbers: no order to make. */
static aclTensor *nz_weight(const test_case *c)
{
    const aclDataType type = c->int4 ? ACL_INT4 : ACL_INT8;
    const int64_t rows = c->transposed ? c->n : c->k, columns = c->transposed ? c->k : c->n;
    const int64_t dims[] = {c->k, c->n}, strides[] = {c->transposed ? 1 : c->n, c->transposed ? c->k : 1};
    aclTensor *stored = v1_tensor(type, o.weight, 2, rows, columns), *made = NULL;
    int64_t *storage = NULL;
    uint64_t rank = 0;
    int format = 0;
    if (aclnnNpuFormatCastCalculateSizeAndFormat(stored, ACL_FORMAT_FRACTAL_NZ, -1, &storage, &rank,
                                                 &format) == 0)
        made = aclCreateTensor(dims, 2, type, strides, 0, (aclFormat)format, storage, rank, o.weight);
    free(storage);
    aclDestroyTensor(stored);
    return made;
}

static aclTensor *weight_of(const test_case *c)
{
    if (c->form == NZ)
        return nz_weight(c);
    const int64_t matrix = (int64_t)c->k * c->n;
    const int64_t dims[] = {c->batch, c->k, c->n},
                  strides[] = {matrix, c->transposed ? 1 : c->n, c->transposed ? c->k : 1};
    const int skip = c->batch > 1 ? 0 : 1;
    return v1_strided(c->int4 ? ACL_INT4 : ACL_INT8, o.weight, 3 - skip, dims + skip, strides + skip, 0);
}

static aclTensor *rows_of(const test_case *c, uint16_t *data, int64_t columns)
{
    const aclDataType half = c->bf16 ? ACL_BF16 : ACL_FLOAT16;
    return c->batch > 1 ? v1_tensor(half, data, 3, (int64_t)c->batch, (int64_t)c->m, columns)
                        : v1_tensor(half, data, 2, (int64_t)c->m, columns);
}

static int run_v1(const test_case *c, const char *mode, bool biased)
{
    const int64_t k = c->k, n = c->n;
    v1_call call = {.transpose_x2 = c->transposed, .scale = 1, .offset = 0};
    call.t[V1_X1] = rows_of(c, o.x, k);
    call.t[V1_X2] =
        c->transposed ? v1_tensor(ACL_INT8, o.weight, 2, n, k) : v1_tensor(ACL_INT8, o.weight, 2, k, n);
    call.t[V1_DIAGONAL] = v1_tensor(ACL_INT8, o.diagonal, 2, (int64_t)32, (int64_t)32);
    call.t[V1_OFFSET] = v1_tensor(ACL_INT32, o.deq_offset, 1, n);
    call.t[V1_SCALE] = v1_tensor(ACL_UINT64, o.deq_scale, 1, n);
    call.t[V1_BIAS] = biased ? v1_tensor(ACL_FLOAT, o.bias_f32, 1, n) : NULL;
    call.t[V1_OUT] = rows_of(c, o.y, n);
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    int status = v1_phase1(&call, &size, &executor);
    if (status == 0)
        status = aq_executor_set_numerics(executor, mode, &size);
    if (status == 0)
        status = aclnnWeightQuantBatchMatmul(NULL, 0, executor, NULL);
    if (status == 0)
        status = aclrtSynchronizeStream(NULL);
    v1_destroy(&call);
    return status;
}

static int run_v2(const test_case *c, const char *mode, bool biased)
{
    const aclDataType half = c->bf16 ? ACL_BF16 : ACL_FLOAT16;
    const int64_t n = c->n, groups = c->group > 0 ? (c->k + c->group - 1) / c->group : 1;
    aclTensor *x = rows_of(c, o.x, c->k), *w = weight_of(c), *y = rows_of(c, o.y, n), *dense = NULL;
    void *packed = NULL;
    if (c->form == PACKED) {
        dense = w;
        w = pack(dense, false, &packed);
    }
    aclTensor *scale = c->group > 0 ? v1_tensor(half, o.scale, 2, groups, n) : v1_tensor(half, o.scale, 1, n);
    aclTensor *offset = !c->offset     ? NULL
                        : c->group > 0 ? v1_tensor(half, o.offset, 2, groups, n)
                                       : v1_tensor(half, o.offset, 1, n);
    aclTensor *bias = !biased   ? NULL
                      : c->bf16 ? v1_tensor(ACL_FLOAT, o.bias_f32, 1, n)
                                : v1_tensor(half, o.bias, 1, n);
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    int status = aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(
        x, w, scale, offset, NULL, NULL, bias, c->group > 0 ? c->group : 0, y, &size, &executor);
    if (status == 0)
        status = aq_executor_set_numerics(executor, mode, &size);
    void *workspace = size > 0 ? malloc(size) : NULL;
    if (workspace != NULL)
        memset(workspace, 0xC3, size);
    if (status == 0)
        status = aclnnWeightQuantBatchMatmulV2(workspace, size, executor, NULL);
    if (status == 0)
        status = aclrtSynchronizeStream(NULL);
    aclTensor *all[] = {x, w, scale, offset, bias, y, dense};
    for (int i = 0; i < 7; i++)
        aclDestroyTensor(all[i]);
    free(workspace);
    free(packed);
    return status;
}

/* Whether the plan of a call of one matrix says that k is cut. */
static bool is_cut(const test_case *c, const char *mode)
{
    static const char *const storages[][2] = {[DENSE] = {"plain", "transposed"},
                                              [NZ] = {"nz", "nz-transposed"},
                                              [PACKED] = {"packed", "packed-transposed"}};
    aq_matmul call = {.op = c->group < 0 ? "V1" : "V2",
                      .numerics = mode,
                      .storage = storages[c->form][c->transposed],
                      .m = c->m,
                      .k = c->k,
                      .n = c->n,
                      .x_dtype = c->bf16 ? ACL_BF16 : ACL_FLOAT16,
                      .weight_dtype = c->int4 ? ACL_INT4 : ACL_INT8,
                      .group_size = c->group > 0 ? c->group : 0,
                      .offset = c->offset};
    aq_matmul_explanation plan;
    return aq_explain_matmul(&call, &plan) == 0 && strstr(plan.lines, " of k;") != NULL;
}

typedef struct outcome {
    uint64_t digest[MODES][CASES];
    bool cut[CASES];
    int failed;
} outcome;

static outcome first; /* of one thread */

static void run(outcome *all, int number, int mode, bool biased)
{
    const test_case *c = &cases[number];
    memset(o.y, 0xFF, sizeof o.y);
    int status = c->group < 0 ? run_v1(c, modes[mode], biased) : run_v2(c, modes[mode], biased);
    if (status != 0) {
        printf("case %d, %s: %d, %s\n", number, modes[mode], status, aclGetRecentErrMsg());
        all->failed++;
    }
    for (int e = 0; e < c->batch * c->m * c->n; e++)
        all->digest[mode][number] = (all->digest[mode][number] ^ o.y[e]) * 1099511628211u;
}

static void compute(void *result)
{
    outcome *all = result;
    all->failed = aclInit(NULL) != 0 || aclrtSetDevice(0) != 0;
    for (int i = 0; i < CASES; i++) {
        fill(&cases[i]);
        for (int mode = 0; mode < MODES; mode++) {
            run(all, i, mode, false);
            set_bias(&cases[i], 0);
            run(all, i, mode, true);
            run(all, i, mode, false);
            set_bias(&cases[i], cases[i].m - 1);
            run(all, i, mode, true);
            all->cut[i] = all->cut[i] || is_cut(&cases[i], modes[mode]);
        }
    }
    fflush(stdout);
}

/* More than the second-level caches of two threads hold. */
static bool is_wide(const test_case *c)
{
    return c->m == 1 && c->n > 4000 && (int64_t)c->k * c->n > 2 * (int64_t)sysconf(_SC_LEVEL2_CACHE_SIZE);
}

/* cut: the plans must say so. wide: those that is_wide, of two threads, must. */
static void compare(const char *const settings[], bool cut, bool wide)
{
    static outcome other;
    assert_int_equal(in_child(settings, compute, &other, sizeof other), 0);
    assert_int_equal(other.failed, 0);
    for (int i = 0; i < MODES * CASES; i++)
        if (other.digest[i / CASES][i % CASES] != first.digest[i / CASES][i % CASES])
            fail_msg("%s, %s: case %d differs in mode %s", settings[0], settings[1], i % CASES,
                     modes[i / CASES]);
    for (int i = 0; i < CASES; i++)
        if (((cut && cases[i].cut) || (wide && is_wide(&cases[i]))) && !other.cut[i])
            fail_msg("%s, %s: case %d does not cut k", settings[0], settings[1], i);
}

static void test_threads(void **state)
{
    (void)state;
    const char *const one[] = {"ANTIQUANT_THREADS=1", "ANTIQUANT_PROFILE=any", NULL};
    assert_int_equal(in_child(one, compute, &first, sizeof first), 0);
    assert_int_equal(first.failed, 0);
    for (int i = 0; i < CASES; i++)
        assert_false(first.cut[i]);
    const char *const two[] = {"ANTIQUANT_THREADS=2", "ANTIQUANT_PROFILE=any", NULL};
    const char *const three[] = {"ANTIQUANT_THREADS=3", "ANTIQUANT_PROFILE=any", NULL};
    const char *const eight[] = {"ANTIQUANT_THREADS=8", "ANTIQUANT_PROFILE=any", NULL};
    const char *const panels[] = {"ANTIQUANT_THREADS=8", "ANTIQUANT_STREAM_ROWS=0", "ANTIQUANT_PROFILE=any",
                                  NULL};
    compare(two, false, true);
    compare(three, false, false);
    compare(eight, false, false);
    compare(panels, false, false);
}

static void test_levels(void **state)
{
    (void)state;
    levels all;
    assert_int_equal(ask_levels(&all), 0);
    for (size_t level = 0; level < all.count; level++) {
        char cpu[64];
        snprintf(cpu, sizeof cpu, "ANTIQUANT_CPU=%s", all.level[level].name);
        const char *const settings[] = {cpu, "ANTIQUANT_THREADS=8", "ANTIQUANT_PROFILE=any", NULL};
        /* the reference has no streams, and rows of AMX are better not cut */
        bool cut = level > 0 && strcmp(all.level[level].name, "amx") != 0;
        if (all.level[level].supported)
            compare(settings, cut, false);
        else
            print_message("skipped: level %s is not on this CPU\n", all.level[level].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
