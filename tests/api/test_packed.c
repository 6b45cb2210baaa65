/* SPDX-License-Identifier: Apache-2.0 */
/* aq_pack_weight: a packed weight gives the bits that the weight gives, for every operator, type, order,
 * numerics mode, number of rows, level and thread count, with sizes on both sides of every panel and line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_nz.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v3.h"
#include "antiquant.h"
#include "support/child.h"
#include "support/half.h"
#include "support/nz.h"
#include "support/packed.h"
#include "support/phases.h"
#include "support/v1.h"

static const char *const modes[] = {"npu", "exact", "fast"};

static void *halves(int64_t count, bool bf16, float size, uint64_t *seed)
{
    uint16_t *memory = malloc((size_t)count * 2);
    for (int64_t i = 0; i < count; i++) {
        double value = (double)((float)((int64_t)(v1_random(seed) % 2001) - 1000) * size);
        memory[i] = bf16 ? bfloat_bits(bfloat_round(value)) : half_bits(half_round(value));
    }
    return memory;
}

/* ---- V2, V3 and Nz ---- */

enum { PLAIN, TURNED, NZ, NZ_TURNED, STORAGES };

typedef struct v2_call {
    aclDataType dtype;
    int storage, op; /* op: 0 V2, 1 V3, 2 Nz */
    int64_t batch, m, k, n, group;
    bool offset, bf16, odd; /* odd: an int4 weight begins in the middle of a byte */
    bool words;             /* quantisation words for scales */
} v2_call;

typedef struct v2_data {
    void *stored, *x, *scale, *offset;
    uint16_t *y;
} v2_data;

/* Elements of 4 or 8 bits in whatever a weight's storage is. */
static aclTensor *v2_weight(const v2_call *c, void **stored, uint64_t *seed)
{
    const bool turned = c->storage == TURNED || c->storage == NZ_TURNED, nz = c->storage >= NZ;
    const int bits = c->dtype == ACL_INT8 ? 8 : 4;
    const int64_t rows = turned ? c->n : c->k, columns = turned ? c->k : c->n,
                  batches = c->batch > 0 ? c->batch : 1, per_word = c->dtype == ACL_INT32 ? 8 : 1,
                  offset = c->odd ? 1 : 0, c0 = bits == 8 ? 32 : 64;
    *stored = block(nz_bytes(batches * rows * columns + offset, bits), seed);
    int64_t view_columns = columns / per_word;
    int64_t dims[3] = {batches, rows, view_columns}, strides[3] = {rows * view_columns, view_columns, 1};
    if (turned) {
        dims[1] = view_columns, dims[2] = rows;
        strides[1] = 1, strides[2] = view_columns;
    }
    const int skip = c->batch > 0 ? 0 : 1;
    if (!nz)
        return described(c->dtype, ACL_FORMAT_ND, 3 - skip, dims + skip, strides + skip, offset, 1, dims,
                         *stored);
    void *blocks = nz_of(*stored, batches, rows, columns, c0, bits);
    free(*stored);
    *stored = blocks;
    int64_t storage[5] = {batches, (columns + c0 - 1) / c0, (rows + 15) / 16, 16, c0 / per_word};
    return described(c->dtype, ACL_FORMAT_FRACTAL_NZ, 3 - skip, dims + skip, strides + skip, 0, 5 - skip,
                     storage + skip, blocks);
}

static int v2_run(const v2_call *c, const v2_data *data, const aclTensor *weight, const char *mode)
{
    const aclDataType half = c->bf16 ? ACL_BF16 : ACL_FLOAT16;
    const int skip = c->batch > 0 ? 0 : 1;
    int64_t x_dims[3] = {c->batch, c->m, c->k}, y_dims[3] = {c->batch, c->m, c->n},
            groups = c->group > 0 ? (c->k + c->group - 1) / c->group : 1, scale_dims[2] = {groups, c->n};
    int flat = c->group > 0 ? 0 : 1;
    aclTensor *x = described(half, ACL_FORMAT_ND, 3 - skip, x_dims + skip, NULL, 0, 1, x_dims, data->x),
              *y = described(half, ACL_FORMAT_ND, 3 - skip, y_dims + skip, NULL, 0, 1, y_dims, data->y),
              *scale = described(c->words ? ACL_UINT64 : half, ACL_FORMAT_ND, 2 - flat, scale_dims + flat,
                                 NULL, 0, 1, scale_dims, data->scale),
              *offset = c->offset ? described(half, ACL_FORMAT_ND, 2 - flat, scale_dims + flat, NULL, 0, 1,
                                              scale_dims, data->offset)
                                  : NULL;
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    int group = (int)c->group;
    int status =
        c->op == 0 ? aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(x, weight, scale, offset, NULL, NULL, NULL,
                                                                   group, y, &size, &executor)
        : c->op == 1 ? aclnnWeightQuantBatchMatmulV3GetWorkspaceSize(x, weight, scale, offset, NULL, NULL,
                                                                     NULL, group, 1, y, &size, &executor)
                     : aclnnWeightQuantBatchMatmulNzGetWorkspaceSize(x, weight, scale, offset, NULL, NULL,
                                                                     NULL, group, y, &size, &executor);
    memset(data->y, 0x55, (size_t)(c->m * c->n * (c->batch > 0 ? c->batch : 1)) * 2);
    if (status == 0)
        status = aq_executor_set_numerics(executor, mode, &size);
    if (status == 0)
        status = (c->op == 0   ? aclnnWeightQuantBatchMatmulV2
                  : c->op == 1 ? aclnnWeightQuantBatchMatmulV3
                               : aclnnWeightQuantBatchMatmulNz)(NULL, 0, executor, NULL);
    if (status == 0)
        status = aclrtSynchronizeStream(NULL);
    aclTensor *all[] = {x, y, scale, offset};
    for (int i = 0; i < 4; i++)
        aclDestroyTensor(all[i]);
    return status;
}

/* What a child found: how many results it compared, and the first that was wrong. */
typedef struct finding {
    bool no_level; /* the CPU does not have it */
    int64_t compared;
    char text[400];
} finding;

static bool v2_compare(const v2_call *c, uint64_t *seed, finding *found)
{
    const int64_t batches = c->batch > 0 ? c->batch : 1, count = batches * c->m * c->n,
                  groups = c->group > 0 ? (c->k + c->group - 1) / c->group : 1;
    v2_data data = {.x = halves(batches * c->m * c->k, c->bf16, 0x1p-9f, seed),
                    .scale = halves(groups * c->n, c->bf16, 0x1p-14f, seed),
                    .offset = halves(groups * c->n, c->bf16, 0x1p-6f, seed),
                    .y = malloc((size_t)count * 2)};
    if (c->words) {
        free(data.scale);
        uint64_t *words = data.scale = malloc((size_t)c->n * 8);
        for (int64_t j = 0; j < c->n; j++)
            words[j] = v1_word((float)(1 + v1_random(seed) % 999) * 0x1p-17f);
    }
    if (c->m > 4) /* a row that integers do not hold */
        ((uint16_t *)data.x)[2 * c->k + c->k / 2] = c->bf16 ? 0x7F80 : 0x7C00;
    aclTensor *weight = v2_weight(c, &data.stored, seed);
    uint16_t *expected[3];
    void *memory = NULL;
    int status = 0;
    for (int mode = 0; mode < 3; mode++) {
        expected[mode] = malloc((size_t)count * 2);
        v2_call plain = *c;
        plain.op = c->op == 2 && c->storage < NZ ? 0 : c->op; /* Nz takes no ND but a packed one */
        status |= v2_run(&plain, &data, weight, modes[mode]);
        memcpy(expected[mode], data.y, (size_t)count * 2);
    }
    aclTensor *packed = status == 0 ? pack(weight, false, &memory) : NULL;
    aclDestroyTensor(weight); /* neither it nor its data is needed now */
    free(data.stored);
    for (int mode = 0; mode < 3; mode++) {
        if (packed != NULL)
            status |= v2_run(c, &data, packed, modes[mode]);
        bool same = packed != NULL && memcmp(expected[mode], data.y, (size_t)count * 2) == 0;
        found->compared++;
        if ((status != 0 || !same) && found->text[0] == '\0') {
            const char *why = aclGetRecentErrMsg();
            snprintf(
                found->text, sizeof found->text,
                "dtype %d storage %d op %d batch %d m %d k %d n %d group %d offset %d bf16 %d odd %d mode "
                "%s: status %d %.150s",
                (int)c->dtype, c->storage, c->op, (int)c->batch, (int)c->m, (int)c->k, (int)c->n,
                (int)c->group, c->offset, c->bf16, c->odd, modes[mode], status, why ? why : "");
        }
        free(expected[mode]);
    }
    aclDestroyTensor(packed);
    free(memory);
    free(data.x), free(data.scale), free(data.offset), free(data.y);
    return found->text[0] == '\0';
}

/* Sizes around lines, panels, blocks and chunks; n and k that the axis of words divides are made of them. */
static const int64_t sizes[][2] = {{1, 1},    {5, 3},     {64, 64},   {128, 128},  {129, 65},
                                   {300, 70}, {257, 200}, {640, 131}, {1100, 130}, {2, 513}};
static const int64_t rows[] = {1, 2, 3, 5, 17, 70};
static const int64_t groups[] = {0, 32, 128, 48, 17};

static int64_t most_rows; /* the reference kernels take long over the greatest */

static void v2_all(void *result)
{
    static const aclDataType dtypes[] = {ACL_INT8, ACL_INT4, ACL_INT32};
    finding *found = result;
    uint64_t seed = 4711;
    int turn = 0;
    found->no_level = aq_settings_error() != NULL;
    if (found->no_level)
        return;
    aclrtSetDevice(0);
    for (int type = 0; type < 3; type++)
        for (int storage = 0; storage < STORAGES; storage++)
            for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
                for (size_t r = 0; r < sizeof rows / sizeof rows[0] && rows[r] <= most_rows; r++, turn++) {
                    v2_call c = {.dtype = dtypes[type],
                                 .storage = storage,
                                 .op = turn % 3,
                                 .batch = dtypes[type] != ACL_INT32 && turn % 7 == 0 ? 2 : 0,
                                 .m = rows[r],
                                 .k = sizes[s][0],
                                 .n = sizes[s][1],
                                 .group = groups[turn % 5],
                                 .offset = turn / 2 % 2 == 0,
                                 .bf16 = turn / 3 % 3 == 0,
                                 .odd = dtypes[type] == ACL_INT4 && storage < NZ && turn % 4 == 1};
                    if (c.batch > 0)
                        c.group = 0; /* scales of groups have rank 2, beside matrices of rank 2 */
                    if (dtypes[type] == ACL_INT32 && storage % 2 == 1)
                        c.k = (c.k + 7) / 8 * 8;
                    else if (dtypes[type] == ACL_INT32) /* not one word, which is eight k */
                        c.n = (c.n + 7) / 8 * 8 + (c.k == 1 ? 8 : 0);
                    if (!v2_compare(&c, &seed, found))
                        return;
                }
    for (size_t r = 0; r < sizeof rows / sizeof rows[0] && rows[r] <= most_rows; r++) {
        v2_call c = {.dtype = ACL_INT8, .storage = TURNED, .m = rows[r], .k = 320, .n = 192, .words = true};
        if (!v2_compare(&c, &seed, found))
            return;
    }
}

/* ---- V1 ---- */

typedef struct v1_case {
    int64_t batch, m, k, n;
    bool turned, strided, generic; /* generic: a diagonalMatrix that is not the identity */
} v1_case;

static int v1_once(const v1_case *c, const aclTensor *x2, aclTensor *const others[V1_TENSORS],
                   const char *mode)
{
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    int status = aclnnWeightQuantBatchMatmulGetWorkspaceSize(
        others[V1_X1], x2, others[V1_DIAGONAL], others[V1_OFFSET], others[V1_SCALE], others[V1_ADD],
        others[V1_MUL], others[V1_BIAS], false, c->turned, 1.25f, 3.0f, others[V1_OUT], &size, &executor);
    if (status == 0)
        status = aq_executor_set_numerics(executor, mode, &size);
    if (status == 0)
        status = aclnnWeightQuantBatchMatmul(NULL, 0, executor, NULL);
    return status == 0 ? aclrtSynchronizeStream(NULL) : status;
}

/* The stored x2, (k,n) or (n,k); strided: every third of columns, rows with a gap, from an offset on. */
static aclTensor *v1_x2(const v1_case *c, void **stored, uint64_t *seed)
{
    const int64_t batches = c->batch > 0 ? c->batch : 1, a = c->turned ? c->n : c->k,
                  b = c->turned ? c->k : c->n, step = c->strided ? 3 : 1,
                  row = b * step + (c->strided ? 5 : 0);
    int64_t dims[3] = {batches, a, b}, strides[3] = {a * row, row, step};
    const int skip = c->batch > 0 ? 0 : 1;
    *stored = block((size_t)(batches * a * row + 2), seed);
    return described(ACL_INT8, ACL_FORMAT_ND, 3 - skip, dims + skip, strides + skip, c->strided ? 2 : 0, 1,
                     dims, *stored);
}

static bool v1_compare(const v1_case *c, uint64_t *seed, finding *found)
{
    const int64_t batches = c->batch > 0 ? c->batch : 1, count = batches * c->m * c->n;
    const int skip = c->batch > 0 ? 0 : 1;
    int8_t diagonal[32 * 32] = {0};
    int32_t *offset = malloc((size_t)c->n * 4);
    uint64_t *words = malloc((size_t)c->n * 8);
    for (int i = 0; i < 32; i++)
        diagonal[i * 33] = (int8_t)(c->generic ? 1 + i % 3 : 1);
    for (int64_t j = 0; j < c->n; j++) {
        offset[j] = (int32_t)(v1_random(seed) % 41) - 20;
        words[j] = v1_word((float)(1 + v1_random(seed) % 999) * 0x1p-17f);
    }
    void *x = halves(batches * c->m * c->k, false, 0x1p-9f, seed), *add = halves(c->n, false, 0x1p-5f, seed),
         *mul = halves(c->n, false, 0x1p-14f, seed), *stored, *memory = NULL;
    uint16_t *y = malloc((size_t)count * 2), *expected = malloc((size_t)count * 2);
    int64_t x_dims[3] = {batches, c->m, c->k}, y_dims[3] = {batches, c->m, c->n}, square[2] = {32, 32},
            n = c->n, column[2] = {c->turned ? n : 1, c->turned ? 1 : n};
    aclTensor *t[V1_TENSORS] = {
        [V1_X1] = described(ACL_FLOAT16, ACL_FORMAT_ND, 3 - skip, x_dims + skip, NULL, 0, 1, x_dims, x),
        [V1_DIAGONAL] = described(ACL_INT8, ACL_FORMAT_ND, 2, square, NULL, 0, 2, square, diagonal),
        [V1_OFFSET] = described(ACL_INT32, ACL_FORMAT_ND, 1, &n, NULL, 0, 1, &n, offset),
        [V1_SCALE] = described(ACL_UINT64, ACL_FORMAT_ND, 1, &n, NULL, 0, 1, &n, words),
        [V1_ADD] = described(ACL_FLOAT16, ACL_FORMAT_ND, 2, column, NULL, 0, 1, &n, add),
        [V1_MUL] = described(ACL_FLOAT16, ACL_FORMAT_ND, 2, column, NULL, 0, 1, &n, mul),
        [V1_OUT] = described(ACL_FLOAT16, ACL_FORMAT_ND, 3 - skip, y_dims + skip, NULL, 0, 1, y_dims, y)};
    aclTensor *x2 = v1_x2(c, &stored, seed), *packed = pack(x2, c->turned, &memory);
    for (int mode = 0; mode < 3; mode++) {
        int status = packed == NULL ? 1 : v1_once(c, x2, t, modes[mode]);
        memcpy(expected, y, (size_t)count * 2);
        memset(y, 0x55, (size_t)count * 2);
        if (status == 0)
            status = v1_once(c, packed, t, modes[mode]);
        found->compared++;
        if ((status != 0 || memcmp(expected, y, (size_t)count * 2) != 0) && found->text[0] == '\0') {
            const char *why = aclGetRecentErrMsg();
            snprintf(found->text, sizeof found->text,
                     "V1 batch %d m %d k %d n %d turned %d strided %d generic %d mode %s: status %d %.150s",
                     (int)c->batch, (int)c->m, (int)c->k, (int)c->n, c->turned, c->strided, c->generic,
                     modes[mode], status, why ? why : "");
        }
    }
    for (int i = 0; i < V1_TENSORS; i++)
        aclDestroyTensor(t[i]);
    aclDestroyTensor(x2), aclDestroyTensor(packed);
    free(offset), free(words), free(x), free(add), free(mul), free(stored), free(memory), free(y);
    free(expected);
    return found->text[0] == '\0';
}

static void v1_all(void *result)
{
    finding *found = result;
    uint64_t seed = 815;
    int turn = 0;
    found->no_level = aq_settings_error() != NULL;
    if (found->no_level)
        return;
    aclrtSetDevice(0);
    for (int turned = 0; turned < 2; turned++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            for (size_t r = 0; r < sizeof rows / sizeof rows[0] && rows[r] <= most_rows; r++, turn++) {
                v1_case c = {.batch = turn % 5 == 0 ? 2 : 0,
                             .m = rows[r],
                             .k = sizes[s][0],
                             .n = sizes[s][1],
                             .turned = turned != 0,
                             .strided = turn % 3 == 1,
                             .generic = turn % 7 == 3};
                if (!v1_compare(&c, &seed, found))
                    return;
            }
}

/* ---- every level and thread count ---- */

/* What the environment says is read once: this process asks nothing of the library before its children did.
 */
static void everywhere(void (*body)(void *result))
{
    static const char *const levels[] = {"scalar", "avx2", "avx512", "avx512vnni", "amx"},
                             *const threads[] = {"ANTIQUANT_THREADS=1", "ANTIQUANT_THREADS=3"};
    for (int i = 0; i < 5; i++) {
        char level[64];
        snprintf(level, sizeof level, "ANTIQUANT_CPU=%s", levels[i]);
        most_rows = i == 0 ? 5 : 70;
        for (int t = 0; t < 2; t++) {
            const char *const variables[] = {"ANTIQUANT_PROFILE=any", level, threads[t], NULL};
            finding found;
            assert_int_equal(in_child(variables, body, &found, sizeof found), 0);
            if (found.no_level) {
                print_message("skipped: level %s is not on this CPU\n", levels[i]);
                break;
            }
            if (found.text[0] != '\0')
                fail_msg("%s %s: %s", level, threads[t], found.text);
            assert_true(found.compared > 150);
        }
    }
}

static void v2_same_bits(void **state)
{
    (void)state;
    everywhere(v2_all);
}

static void v1_same_bits(void **state)
{
    (void)state;
    everywhere(v1_all);
}

/* ---- where each weight goes ---- */

/* All bytes by the formula of docs/PACKING.md, with zeros where the weight has ended. */
static void every_byte(void **state)
{
    (void)state;
    static const int64_t shapes[][2] = {{1, 1}, {3, 129}, {129, 3}, {70, 200}, {256, 64}, {130, 257}};
    uint64_t seed = 8;
    for (int at = 0; at < 2 * 2 * 6; at++) {
        const bool nibbles = at % 2 != 0, turned = at / 2 % 2 != 0;
        const int64_t k = shapes[at / 4][0], n = shapes[at / 4][1], line = nibbles ? 128 : 64;
        const int bits = nibbles ? 4 : 8;
        v2_call c = {
            .dtype = nibbles ? ACL_INT4 : ACL_INT8, .storage = turned ? TURNED : PLAIN, .k = k, .n = n};
        void *stored, *memory;
        uint64_t size;
        aclTensor *weight = v2_weight(&c, &stored, &seed), *packed = pack(weight, false, &memory);
        assert_non_null(packed);
        assert_int_equal(aq_packed_weight_size(weight, false, &size), 0);
        unsigned char *expected = calloc(size, 1);
        const bool by_columns = turned && k > 1; /* strides (1,1) do not mark a transpose */
        const int64_t lines = (k + line - 1) / line, column = (lines % 2 == 0 ? lines + 1 : lines) * line;
        for (int64_t i = 0; i < k; i++)
            for (int64_t j = 0; j < n; j++)
                nz_copy(expected, by_columns ? j * column + i : (j / line * k + i) * line + j % line, stored,
                        turned ? j * k + i : i * n + j, bits);
        assert_memory_equal(expected, memory, size);
        free(expected), free(memory), free(stored);
        aclDestroyTensor(weight), aclDestroyTensor(packed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v2_same_bits),
        cmocka_unit_test(v1_same_bits), /* these two before the other: everywhere() says why */
        cmocka_unit_test(every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
