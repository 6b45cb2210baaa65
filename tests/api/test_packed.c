/* SPDX-License-Identifier: Apache-2.0 */
/* aq_pack_weight: a packed weight gives the bits that the weight gives, for every operator, type, order,
 * numerics mode, number of rows, level and thread count, with sizes on both sides of every panel and line; it
 * outlives the weight; and what is refused, here and by what does not know the format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "aclnnop/aclnn_cast.h"
#include "aclnnop/aclnn_npu_format_cast.h"
#include "aclnnop/aclnn_trans_matmul_weight.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_nz.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v3.h"
#include "antiquant.h"
#include "support/child.h"
#include "support/half.h"
#include "support/message.h"
#include "support/nz.h"
#include "support/phases.h"
#include "support/v1.h"

static const char *const modes[] = {"npu", "exact", "fast"};

static aclTensor *described(aclDataType dtype, aclFormat format, int rank, const int64_t *dims,
                            const int64_t *strides, int64_t offset, int storage_rank, const int64_t *storage,
                            void *data)
{
    return aclCreateTensor(dims, (uint64_t)rank, dtype, strides, offset, format, storage,
                           (uint64_t)storage_rank, data);
}

/* Memory of exactly that size, which a sanitizer watches; filled with something. */
static void *block(size_t bytes, uint64_t *seed)
{
    unsigned char *memory = malloc(bytes > 0 ? bytes : 1);
    for (size_t i = 0; i < bytes; i++)
        memory[i] = (unsigned char)v1_random(seed);
    return memory;
}

static void *halves(int64_t count, bool bf16, float size, uint64_t *seed)
{
    uint16_t *memory = malloc((size_t)count * 2);
    for (int64_t i = 0; i < count; i++) {
        double value = (double)((float)((int64_t)(v1_random(seed) % 2001) - 1000) * size);
        memory[i] = bf16 ? bfloat_bits(bfloat_round(value)) : half_bits(half_round(value));
    }
    return memory;
}

/* A packed tensor over exact memory, which is *memory; null when it was refused. */
static aclTensor *pack(const aclTensor *weight, bool transpose, void **memory)
{
    uint64_t size = 0, seed = 99;
    aclTensor *packed = NULL;
    if (aq_packed_weight_size(weight, transpose, &size) != 0)
        return NULL;
    *memory = block(size, &seed);
    return aq_pack_weight(weight, transpose, *memory, size, &packed) == 0 ? packed : NULL;
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
    static const char *const levels[] = {"scalar", "avx2", "avx512", "avx512vnni"},
                             *const threads[] = {"ANTIQUANT_THREADS=1", "ANTIQUANT_THREADS=3"};
    for (int i = 0; i < 4; i++) {
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

/* ---- sizes, what becomes of the tensor, lifetime ---- */

static uint64_t size_of(aclDataType dtype, bool transpose, int64_t a, int64_t b, int64_t stride_a,
                        int64_t stride_b)
{
    int64_t dims[2] = {a, b}, strides[2] = {stride_a, stride_b};
    uint64_t size = 4711;
    aclTensor *weight = described(dtype, ACL_FORMAT_ND, 2, dims, strides, 0, 2, dims, NULL);
    assert_int_equal(aq_packed_weight_size(weight, transpose, &size), 0);
    aclDestroyTensor(weight);
    return size;
}

/* Panels of a line: 64 columns of int8, 128 of int4. Columns of lines: an odd number. */
static void packed_sizes(void **state)
{
    (void)state;
    assert_int_equal(size_of(ACL_INT8, false, 100, 64, 64, 1), 6400);
    assert_int_equal(size_of(ACL_INT8, false, 100, 65, 65, 1), 12800);
    assert_int_equal(size_of(ACL_INT8, true, 65, 100, 1, 65), 12800); /* (n,k), n contiguous */
    assert_int_equal(size_of(ACL_INT8, false, 100, 65, 7, 3), 12800);
    assert_int_equal(size_of(ACL_INT4, false, 100, 128, 128, 1), 6400);
    assert_int_equal(size_of(ACL_INT4, false, 100, 129, 129, 1), 12800);
    assert_int_equal(size_of(ACL_INT8, false, 64, 10, 1, 64), 640);
    assert_int_equal(size_of(ACL_INT8, false, 65, 10, 1, 65), 1920); /* two lines would be even */
    assert_int_equal(size_of(ACL_INT8, true, 10, 65, 65, 1), 1920);
    assert_int_equal(size_of(ACL_INT4, false, 4096, 10, 1, 4096), 10 * 33 * 64);
    assert_int_equal(size_of(ACL_INT32, false, 100, 16, 16, 1), 6400);
    assert_int_equal(size_of(ACL_INT32, false, 16, 10, 1, 16), 640);
    assert_int_equal(size_of(ACL_INT8, false, 0, 64, 64, 1), 0);
    assert_int_equal(size_of(ACL_INT8, false, 64, 0, 0, 1), 0);
    assert_int_equal(size_of(ACL_INT8, true, 0, 64, 64, 1), 0);
}

static void tensor_of_a_packed_weight(void **state)
{
    (void)state;
    int8_t data[2 * 3 * 5] = {0};
    int64_t dims[3] = {2, 3, 5}, strides[3] = {15, 1, 3}, *got;
    uint64_t count, bytes;
    aclFormat format;
    aclDataType dtype;
    void *memory, *address;
    for (int transpose = 0; transpose < 2; transpose++) {
        aclTensor *weight = described(ACL_INT8, ACL_FORMAT_NCL, 3, dims, strides, 0, 1, dims, data);
        aclTensor *packed = pack(weight, transpose != 0, &memory);
        assert_non_null(packed);
        assert_int_equal(aq_packed_weight_size(weight, transpose != 0, &bytes), 0);
        aclDestroyTensor(weight);
        assert_int_equal(aclGetFormat(packed, &format), 0);
        assert_int_equal(format, transpose ? AQ_FORMAT_PACKED_TRANSPOSED : AQ_FORMAT_PACKED);
        assert_int_equal(aclGetDataType(packed, &dtype), 0);
        assert_int_equal(dtype, ACL_INT8);
        assert_int_equal(aclGetViewShape(packed, &got, &count), 0);
        assert_memory_equal(got, dims, sizeof dims);
        free(got);
        assert_int_equal(aclGetViewStrides(packed, &got, &count), 0);
        assert_memory_equal(got, strides, sizeof strides);
        free(got);
        assert_int_equal(aclGetStorageShape(packed, &got, &count), 0);
        assert_int_equal(count, 1);
        assert_int_equal(got[0], bytes);
        free(got);
        assert_int_equal(aclGetRawTensorAddr(packed, &address), 0);
        assert_ptr_equal(address, memory);
        assert_int_equal(aclDestroyTensor(packed), 0);
        assert_refused(aclDestroyTensor(packed), 161002, "live aclTensor");
        free(memory);
    }
}

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

/* Not needed: memory, for a weight without elements. Bytes beyond the size that was told stay what they are.
 */
static void edges_of_memory(void **state)
{
    (void)state;
    int64_t empty[2] = {0, 7}, dims[2] = {3, 70};
    aclTensor *packed = NULL, *weight = described(ACL_INT8, ACL_FORMAT_ND, 2, empty, NULL, 0, 2, empty, NULL);
    assert_int_equal(aq_pack_weight(weight, false, NULL, 0, &packed), 0);
    assert_non_null(packed);
    aclDestroyTensor(packed);
    aclDestroyTensor(weight);
    uint64_t seed = 3;
    unsigned char *data = block(3 * 70, &seed), memory[3 * 128 + 8];
    memset(memory, 0x6B, sizeof memory);
    weight = described(ACL_INT8, ACL_FORMAT_ND, 2, dims, NULL, 0, 2, dims, data);
    assert_int_equal(aq_pack_weight(weight, false, memory, sizeof memory, &packed), 0);
    for (int k = 0; k < 3; k++)
        for (int j = 0; j < 128; j++)
            assert_int_equal(memory[j / 64 * 3 * 64 + k * 64 + j % 64], j < 70 ? data[k * 70 + j] : 0);
    for (size_t i = 3 * 128; i < sizeof memory; i++)
        assert_int_equal(memory[i], 0x6B);
    aclDestroyTensor(packed);
    aclDestroyTensor(weight);
    free(data);
}

/* ---- what is refused ---- */

typedef struct refusal {
    aclDataType dtype;
    int format, rank;
    int64_t dims[9], strides[9];
    bool transpose;
    const char *text;
} refusal;

static void refusals(void **state)
{
    (void)state;
    static const refusal rows_of[] = {
        {ACL_FLOAT16, ACL_FORMAT_ND, 2, {4, 4}, {4, 1}, false, "INT8, INT4 or INT32"},
        {ACL_FLOAT8_E4M3FN, ACL_FORMAT_ND, 2, {4, 4}, {4, 1}, false, "FLOAT8_E4M3FN"},
        {ACL_INT4, ACL_FORMAT_ND, 2, {4, 4}, {4, 1}, true, "dtype must be INT8 with transpose"},
        {ACL_INT8, ACL_FORMAT_FRACTAL_NZ, 2, {4, 4}, {4, 1}, true, "with transpose"},
        {ACL_INT8, ACL_FORMAT_FRACTAL_Z, 2, {4, 4}, {4, 1}, false, "FRACTAL_NZ"},
        {ACL_INT8, AQ_FORMAT_PACKED, 2, {4, 4}, {4, 1}, false, "AQ_PACKED"},
        {ACL_INT8, AQ_FORMAT_PACKED_TRANSPOSED, 2, {4, 4}, {4, 1}, true, "AQ_PACKED_TRANSPOSED"},
        {ACL_INT8, ACL_FORMAT_ND, 1, {4}, {1}, false, "nearest legal: rank 2"},
        {ACL_INT8,
         ACL_FORMAT_ND,
         9,
         {1, 1, 1, 1, 1, 1, 1, 1, 1},
         {1, 1, 1, 1, 1, 1, 1, 1, 1},
         false,
         "rank 8"},
        {ACL_INT8, ACL_FORMAT_FRACTAL_NZ, 7, {1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1}, false, "rank 6"},
        {ACL_INT32, ACL_FORMAT_ND, 3, {1, 4, 4}, {16, 4, 1}, false, "rank must be 2 for packed words"},
        {ACL_INT8, ACL_FORMAT_ND, 2, {-1, 4}, {4, 1}, false, "negative"},
        {ACL_INT8, ACL_FORMAT_ND, 2, {INT64_MAX, 4}, {4, 1}, false, "64 bits"},
        {ACL_INT8, ACL_FORMAT_ND, 2, {2, 4}, {INT64_MAX, INT64_MAX}, false, "64 bits"},
        {ACL_INT8, ACL_FORMAT_ND, 2, {INT64_MAX / 8, 2}, {0, 1}, false, "64 bits"}, /* not but for the padding
                                                                                     */
        {ACL_INT32, ACL_FORMAT_ND, 2, {4, 4}, {8, 1}, false, "contiguous or transposed"},
    };
    uint64_t size = 4711;
    int8_t memory[64] = {0};
    for (size_t i = 0; i < sizeof rows_of / sizeof rows_of[0]; i++) {
        const refusal *r = &rows_of[i];
        aclTensor *weight = described(r->dtype, (aclFormat)r->format, r->rank, r->dims, r->strides, 0,
                                      r->rank, r->dims, memory),
                  *packed = NULL;
        assert_refused(aq_packed_weight_size(weight, r->transpose, &size), 161002, r->text);
        assert_refused(aq_pack_weight(weight, r->transpose, memory, sizeof memory, &packed), 161002, r->text);
        assert_refused(aq_pack_weight(weight, r->transpose, memory, sizeof memory, &packed), 161002,
                       "argument: weight\n");
        assert_null(packed);
        aclDestroyTensor(weight);
        assert_refused(aq_packed_weight_size(weight, r->transpose, &size), 161002, "live aclTensor");
    }
    assert_int_equal(size, 4711);
}

static void nulls_and_sizes(void **state)
{
    (void)state;
    int8_t data[16] = {0}, memory[256] = {0};
    uint64_t size = 4711;
    int64_t dims[2] = {4, 4};
    aclTensor *weight = described(ACL_INT8, ACL_FORMAT_ND, 2, dims, NULL, 0, 2, dims, data),
              *without = described(ACL_INT8, ACL_FORMAT_ND, 2, dims, NULL, 0, 2, dims, NULL), *packed = NULL;
    assert_refused(aq_packed_weight_size(NULL, false, &size), 161001, "argument: weight\n");
    assert_refused(aq_packed_weight_size(weight, false, NULL), 161001, "argument: size\n");
    assert_refused(aq_pack_weight(NULL, false, memory, 256, &packed), 161001, "argument: weight\n");
    assert_refused(aq_pack_weight(weight, false, memory, 256, NULL), 161001, "argument: packed_weight\n");
    assert_refused(aq_pack_weight(weight, false, NULL, 256, &packed), 161001, "argument: packed\n");
    assert_refused(aq_pack_weight(without, false, memory, 256, &packed), 161001, "its data");
    assert_refused(aq_pack_weight(weight, false, memory, 255, &packed), 161002, "nearest legal: 256");
    assert_null(packed);
    assert_int_equal(aq_packed_weight_size(without, false, &size), 0);
    assert_int_equal(size, 256);
    assert_int_equal(aq_pack_weight(weight, false, memory, 256, &packed), 0);
    aclDestroyTensor(weight), aclDestroyTensor(without), aclDestroyTensor(packed);
}

/* Every other function refuses the format, by its name; V1 another transposeX2, V2 a transposed one. */
static void strangers(void **state)
{
    (void)state;
    int8_t data[16] = {0};
    void *memory[2];
    int64_t dims[2] = {4, 4};
    aclTensor *weight = described(ACL_INT8, ACL_FORMAT_ND, 2, dims, NULL, 0, 2, dims, data),
              *to = described(ACL_FLOAT16, ACL_FORMAT_ND, 2, dims, NULL, 0, 2, dims, NULL),
              *scale = described(ACL_FLOAT16, ACL_FORMAT_ND, 1, dims, NULL, 0, 1, dims, NULL),
              *packed[2] = {pack(weight, false, &memory[0]), pack(weight, true, &memory[1])};
    phase_reset();
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "AQ_PACKED (" : "AQ_PACKED_TRANSPOSED (";
        assert_refused(aclnnCastGetWorkspaceSize(packed[i], ACL_FLOAT16, to, &phase_size, &phase_executor),
                       161002, name);
        assert_refused(aclnnNpuFormatCastGetWorkspaceSize(packed[i], weight, &phase_size, &phase_executor),
                       161002, name);
        assert_refused(aclnnNpuFormatCastGetWorkspaceSize(weight, packed[i], &phase_size, &phase_executor),
                       161002, name);
        assert_refused(aclnnTransMatmulWeightGetWorkspaceSize(packed[i], &phase_size, &phase_executor),
                       161002, name);
        assert_refused(aclnnWeightQuantBatchMatmulGetWorkspaceSize(to, packed[i], weight, scale, scale, NULL,
                                                                   NULL, NULL, false, i == 0, 1, 0, to,
                                                                   &phase_size, &phase_executor),
                       161002,
                       i == 0 ? "nearest legal: transposeX2 = false" : "nearest legal: transposeX2 = true");
        assert_refused(aclnnWeightQuantBatchMatmulGetWorkspaceSize(packed[i], weight, weight, scale, scale,
                                                                   NULL, NULL, NULL, false, false, 1, 0, to,
                                                                   &phase_size, &phase_executor),
                       161002, name);
        assert_refused(aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(packed[i], weight, scale, NULL, NULL,
                                                                     NULL, NULL, 0, to, &phase_size,
                                                                     &phase_executor),
                       161002, "argument: x\n");
    }
    assert_refused(aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(to, packed[1], scale, NULL, NULL, NULL, NULL,
                                                                 0, to, &phase_size, &phase_executor),
                   161002, "AQ_PACKED_TRANSPOSED (");
    aclTensor *floats =
        described(ACL_FLOAT8_E4M3FN, (aclFormat)AQ_FORMAT_PACKED, 2, dims, NULL, 0, 2, dims, data);
    assert_refused(aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(to, floats, scale, NULL, NULL, NULL, NULL, 0,
                                                                 to, &phase_size, &phase_executor),
                   161002, "must be INT8, INT4 or INT32");
    phase_check_untouched();
    aclTensor *all[] = {weight, to, scale, packed[0], packed[1], floats};
    for (int i = 0; i < 6; i++)
        aclDestroyTensor(all[i]);
    free(memory[0]), free(memory[1]);
}

typedef struct invalid {
    int status[2], nz_on_310p;
    bool named;
} invalid;

static void with_wrong_environment(void *result)
{
    invalid *found = result;
    int8_t data[16] = {0}, memory[256];
    int64_t dims[2] = {4, 4};
    uint64_t size = 0;
    aclTensor *weight = described(ACL_INT8, ACL_FORMAT_ND, 2, dims, NULL, 0, 2, dims, data), *packed = NULL;
    found->status[0] = aq_packed_weight_size(weight, false, &size);
    found->status[1] = aq_pack_weight(weight, false, memory, sizeof memory, &packed);
    const char *why = aclGetRecentErrMsg();
    found->named = why && strstr(why, "ANTIQUANT_CPU");
    aclDestroyTensor(weight);
}

static void nz_on_310p(void *result)
{
    invalid *found = result;
    int64_t dims[2] = {4, 4};
    uint64_t size = 0;
    aclTensor *weight = described(ACL_INT8, ACL_FORMAT_FRACTAL_NZ, 2, dims, NULL, 0, 2, dims, NULL);
    found->nz_on_310p = aq_packed_weight_size(weight, false, &size);
    const char *why = aclGetRecentErrMsg();
    found->named = why && strstr(why, "310p");
    aclDestroyTensor(weight);
}

static void environments(void **state)
{
    (void)state;
    invalid found;
    assert_int_equal(in_child((const char *const[]){"ANTIQUANT_CPU=abacus", NULL}, with_wrong_environment,
                              &found, sizeof found),
                     0);
    assert_int_equal(found.status[0], 561000);
    assert_int_equal(found.status[1], 561000);
    assert_true(found.named);
    assert_int_equal(
        in_child((const char *const[]){"ANTIQUANT_PROFILE=310p", NULL}, nz_on_310p, &found, sizeof found), 0);
    assert_int_equal(found.nz_on_310p, 161002);
    assert_true(found.named);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v2_same_bits),
        cmocka_unit_test(v1_same_bits), /* these three before all others: everywhere() says why */
        cmocka_unit_test(environments),
        cmocka_unit_test(packed_sizes),
        cmocka_unit_test(tensor_of_a_packed_weight),
        cmocka_unit_test(every_byte),
        cmocka_unit_test(edges_of_memory),
        cmocka_unit_test(refusals),
        cmocka_unit_test(nulls_and_sizes),
        cmocka_unit_test(strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
