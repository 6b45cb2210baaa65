/* SPDX-License-Identifier: Apache-2.0 */
#include "support/v2_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_nz.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v3.h"
#include "antiquant.h"
#include "support/float8.h"
#include "support/half.h"
#include "support/nz.h"
#include "support/v1.h"
#include "support/v2_answer.h"

enum { X, WEIGHT, SCALE, OFFSET, QUANT, QUANT_OFFSET, BIAS, Y, TENSORS, MOST_BUFFERS = 64 };

typedef struct v2_trial {
    const v2_spec *spec;
    uint64_t *seed;
    int64_t groups, batches, x_batches, weight_batches;
    v2_logical logical; /* of one matrix; x and weights change with the batch */
    double *x, *w;      /* of all batches */
    aclTensor *t[TENSORS];
    void *y;
    void *buffers[MOST_BUFFERS];
    int buffer_count;
} v2_trial;

static void *buffer(v2_trial *trial, int64_t count, size_t size)
{
    void *memory = calloc((size_t)count + 1, size); /* one more: never of size 0 */
    assert_non_null(memory);
    assert_true(trial->buffer_count < MOST_BUFFERS);
    return trial->buffers[trial->buffer_count++] = memory;
}

static double half_of(const v2_trial *trial, uint16_t bits)
{
    return trial->spec->bf16 ? bfloat_value(bits) : half_value(bits);
}

/* Bits of x's type; small magnitudes, and now and then something special. */
static uint16_t random_bits(v2_trial *trial)
{
    static const uint16_t fp16[] = {0x7C00, 0xFC00, 0x7E00, 1, 0x83FF, 0x7BFF, 0xFBFF, 0x8000};
    static const uint16_t bf16[] = {0x7F80, 0xFF80, 0x7FC0, 1, 0x807F, 0x7F7F, 0xFF7F, 0x8000};
    uint64_t r = v1_random(trial->seed);
    if (trial->spec->specials && r % 37 == 0)
        return trial->spec->bf16 ? bf16[r / 37 % 8] : fp16[r / 37 % 8];
    double value = ldexp(1024 + (double)(r >> 8 & 1023), -(int)(r >> 20 & 7) - 12) * (r >> 32 & 1 ? -1 : 1);
    return trial->spec->bf16 ? bfloat_bits(bfloat_round(value)) : half_bits(half_round(value));
}

static aclTensor *tensor(aclDataType dtype, aclFormat format, void *data, int rank, const int64_t *dims,
                         const int64_t *strides, int storage_rank, const int64_t *storage)
{
    return aclCreateTensor(dims, (uint64_t)rank, dtype, strides, 0, format, storage, (uint64_t)storage_rank,
                           data);
}

static aclDataType half_dtype(const v2_spec *spec)
{
    return spec->bf16 ? ACL_BF16 : ACL_FLOAT16;
}

static void make_x(v2_trial *trial)
{
    const v2_spec *spec = trial->spec;
    int64_t m = spec->m, k = spec->k, count = trial->x_batches * m * k;
    uint16_t *stored = buffer(trial, count, 2);
    trial->x = buffer(trial, count, sizeof(double));
    for (int64_t i = 0; i < count; i++) {
        uint16_t bits = random_bits(trial);
        trial->x[i] = half_of(trial, bits);
        int64_t at = spec->x_transposed ? i % k * m + i / k : i;
        stored[at] = bits;
    }
    int64_t dims[3] = {spec->x_batch, m, k}, strides[2] = {1, m}, flat = count;
    int skip = spec->x_batch > 0 ? 0 : 1;
    trial->t[X] = tensor(half_dtype(spec), ACL_FORMAT_ND, stored, 3 - skip, dims + skip,
                         spec->x_transposed ? strides : NULL, 1, &flat); /* a 1-D storage, as callers pass */
}

static double weight_value(const v2_spec *spec, uint8_t code)
{
    double value;
    switch (spec->weight) {
    case V2_INT8:
        return (int8_t)code;
    case V2_INT4:
    case V2_INT32:
        return code >= 8 ? code - 16 : code;
    case V2_F8E4M3:
        value = f8e4m3_value(code);
        break;
    case V2_HIF8:
        value = hif8_value(code);
        break;
    default:
        value = f4e2m1_value(code);
        break;
    }
    return spec->bf16 ? bfloat_round(value) : half_round(value);
}

static int weight_bits(const v2_spec *spec)
{
    return spec->weight == V2_INT8 || spec->weight == V2_F8E4M3 || spec->weight == V2_HIF8 ? 8 : 4;
}

static aclDataType weight_dtype(const v2_spec *spec)
{
    static const aclDataType dtypes[] = {[V2_INT8] = ACL_INT8,     [V2_INT4] = ACL_INT4,
                                         [V2_INT32] = ACL_INT32,   [V2_F8E4M3] = ACL_FLOAT8_E4M3FN,
                                         [V2_HIF8] = ACL_HIFLOAT8, [V2_F4E2M1] = ACL_FLOAT4_E2M1,
                                         [V2_F4_FLOAT] = ACL_FLOAT};
    return dtypes[spec->weight];
}

/* The dense storage: rows x columns with columns contiguous, in bytes or nibbles. */
static void make_weight(v2_trial *trial)
{
    const v2_spec *spec = trial->spec;
    bool turned = spec->storage == V2_TRANSPOSED || spec->storage == V2_NZ_TRANSPOSED;
    bool nz = spec->storage == V2_NZ || spec->storage == V2_NZ_TRANSPOSED;
    int64_t k = spec->k, n = spec->n, rows = turned ? n : k, columns = turned ? k : n,
            b = trial->weight_batches;
    int bits = weight_bits(spec);
    unsigned char *dense = buffer(trial, b * rows * columns + spec->weight_offset, 1);
    trial->w = buffer(trial, b * k * n, sizeof(double));
    for (int64_t i = 0; i < b * k * n; i++) {
        uint8_t code = (uint8_t)(v1_random(trial->seed) & (bits == 8 ? 255 : 15));
        int64_t in = i % (k * n), at = i - in + (turned ? in % n * k + in / n : in);
        trial->w[i] = weight_value(spec, code);
        nz_copy(dense, at + spec->weight_offset, &code, 0, bits);
    }
    int64_t per_word = spec->weight == V2_INT32 || spec->weight == V2_F4_FLOAT ? 8 : 1;
    int64_t view_rows = rows,
            view_columns = columns / per_word; /* of the stored matrix, in stored elements */
    int64_t dims[3] = {spec->weight_batch, view_rows, view_columns},
            strides[3] = {view_rows * view_columns, view_columns, 1};
    if (turned && !spec->nz_is_n_k) { /* the view is the transpose of what is stored */
        dims[1] = view_columns, dims[2] = view_rows;
        strides[1] = 1, strides[2] = view_columns;
    }
    int skip = spec->weight_batch > 0 ? 0 : 1;
    if (!nz) {
        int64_t flat = b * view_rows * view_columns + spec->weight_offset;
        trial->t[WEIGHT] = aclCreateTensor(dims + skip, (uint64_t)(3 - skip), weight_dtype(spec),
                                           turned ? strides + skip : NULL, spec->weight_offset, ACL_FORMAT_ND,
                                           &flat, 1, dense);
        return;
    }
    int64_t c0 = spec->c0 ? spec->c0 : bits == 8 ? 32 : 64;
    void *blocks = nz_of(dense, b, rows, columns, c0, bits);
    trial->buffers[trial->buffer_count++] = blocks;
    int64_t storage[5] = {spec->weight_batch, (columns + c0 - 1) / c0, (rows + 15) / 16, 16, c0 / per_word};
    trial->t[WEIGHT] = tensor(weight_dtype(spec), ACL_FORMAT_FRACTAL_NZ, blocks, 3 - skip, dims + skip,
                              strides + skip, 5 - skip, storage + skip);
}

/* groups x n (or one) random halves in the storage the spec asks for; exact: their values, spread to groups x
 * n. */
static aclTensor *make_parameter(v2_trial *trial, double *exact)
{
    const v2_spec *spec = trial->spec;
    int64_t groups = trial->groups, n = spec->per_tensor ? 1 : spec->n, count = groups * n;
    uint16_t *stored = buffer(trial, count, 2);
    for (int64_t g = 0; g < groups; g++)
        for (int64_t j = 0; j < n; j++) {
            uint16_t bits = random_bits(trial);
            stored[spec->scale_transposed ? j * groups + g : g * n + j] = bits;
            for (int64_t to = spec->per_tensor ? 0 : j; to < (spec->per_tensor ? spec->n : j + 1); to++)
                exact[g * spec->n + to] = half_of(trial, bits);
        }
    int64_t dims[2] = {groups, n}, strides[2] = {1, groups};
    int skip = spec->group > 0 || spec->scale_rank_2 ? 0 : 1;
    return tensor(half_dtype(spec), ACL_FORMAT_ND, stored, 2 - skip, dims + skip,
                  spec->scale_transposed && skip == 0 ? strides : NULL, 1, &count);
}

/* Bytes, powers of two around 1; rounded to x's type before use. */
static void make_mx_scale(v2_trial *trial, double *exact)
{
    const v2_spec *spec = trial->spec;
    int64_t groups = trial->groups, n = spec->n, count = groups * n, strides[2] = {1, groups},
            dims[2] = {groups, n};
    uint8_t *stored = buffer(trial, count, 1);
    for (int64_t i = 0; i < count; i++) {
        uint64_t r = v1_random(trial->seed);
        uint8_t code = (uint8_t)(spec->specials && r % 11 == 0 ? r >> 8 : 115 + r % 20);
        double value = code == 255 ? NAN : ldexp(1.0, code - 127);
        stored[spec->scale_transposed ? i % n * groups + i / n : i] = code;
        exact[i] = spec->bf16 ? bfloat_round(value) : half_round(value);
    }
    trial->t[SCALE] = tensor(ACL_FLOAT8_E8M0, ACL_FORMAT_ND, stored, 2, dims,
                             spec->scale_transposed ? strides : NULL, 1, &count);
}

static void make_words(v2_trial *trial, const uint64_t **kept, int at)
{
    int64_t n = trial->spec->n;
    uint64_t *words = buffer(trial, n, 8);
    for (int64_t j = 0; j < n; j++) {
        uint64_t r = v1_random(trial->seed);
        words[j] = v1_word((float)(1 + r % 1000) * (at == QUANT ? 0x1p-6f : 0x1p-17f)) | (r >> 20 & 0x1FF)
                                                                                             << 37;
    }
    *kept = words;
    trial->t[at] = tensor(ACL_UINT64, ACL_FORMAT_ND, words, 1, &n, NULL, 1, &n);
}

static void make_scaling(v2_trial *trial)
{
    const v2_spec *spec = trial->spec;
    v2_logical *logical = &trial->logical;
    int64_t n = spec->n;
    if (spec->fixpipe) {
        make_words(trial, &logical->fixpipe_words, SCALE);
        if (!spec->offset)
            return;
        int32_t *offset = buffer(trial, n, 4);
        for (int64_t j = 0; j < n; j++)
            offset[j] = (int32_t)(v1_random(trial->seed) % 21) - 10;
        logical->fixpipe_offset = offset;
        trial->t[OFFSET] = tensor(ACL_INT32, ACL_FORMAT_ND, offset, 1, &n, NULL, 1, &n);
        return;
    }
    double *scale = buffer(trial, trial->groups * n, sizeof(double));
    logical->scale = scale;
    if (spec->mx)
        make_mx_scale(trial, scale);
    else
        trial->t[SCALE] = make_parameter(trial, scale);
    if (!spec->offset)
        return;
    double *offset = buffer(trial, trial->groups * n, sizeof(double));
    logical->offset = offset;
    trial->t[OFFSET] = make_parameter(trial, offset);
}

static void make_bias(v2_trial *trial)
{
    const v2_spec *spec = trial->spec;
    int64_t n = spec->n;
    double *exact = buffer(trial, n, sizeof(double));
    bool is_float = spec->bias_float != spec->bf16; /* the page's default: fp32 for bf16, fp16 for fp16 */
    float *floats = buffer(trial, n, 4);
    uint16_t *halves = buffer(trial, n, 2);
    for (int64_t j = 0; j < n; j++) {
        floats[j] = (float)((int64_t)(v1_random(trial->seed) % 20001) - 10000) * 0x1.7p-11f;
        halves[j] = random_bits(trial);
        exact[j] = is_float ? floats[j] : half_of(trial, halves[j]);
    }
    trial->logical.bias = exact;
    trial->t[BIAS] = tensor(is_float ? ACL_FLOAT : half_dtype(spec), ACL_FORMAT_ND,
                            is_float ? (void *)floats : halves, 1, &n, NULL, 1, &n);
}

static void make_y(v2_trial *trial)
{
    const v2_spec *spec = trial->spec;
    int64_t dims[3] = {trial->batches, spec->m, spec->n}, count = trial->batches * spec->m * spec->n;
    int skip = spec->x_batch > 0 || spec->weight_batch > 0 ? 0 : 1;
    trial->y = buffer(trial, count, 2);
    memset(trial->y, 0x55, (size_t)count * 2);
    trial->t[Y] = tensor(spec->int8_out ? ACL_INT8 : half_dtype(spec), ACL_FORMAT_ND, trial->y, 3 - skip,
                         dims + skip, NULL, 1, &count);
}

static int phase1(const v2_trial *c, uint64_t *size, aclOpExecutor **executor)
{
    aclTensor *const *t = c->t;
    int group = (int)c->spec->group;
    if (c->spec->op == V2_OP_V3)
        return aclnnWeightQuantBatchMatmulV3GetWorkspaceSize(t[X], t[WEIGHT], t[SCALE], t[OFFSET], t[QUANT],
                                                             t[QUANT_OFFSET], t[BIAS], group,
                                                             c->spec->inner_precise, t[Y], size, executor);
    if (c->spec->op == V2_OP_NZ)
        return aclnnWeightQuantBatchMatmulNzGetWorkspaceSize(t[X], t[WEIGHT], t[SCALE], t[OFFSET], t[QUANT],
                                                             t[QUANT_OFFSET], t[BIAS], group, t[Y], size,
                                                             executor);
    return aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(t[X], t[WEIGHT], t[SCALE], t[OFFSET], t[QUANT],
                                                         t[QUANT_OFFSET], t[BIAS], group, t[Y], size,
                                                         executor);
}

static int run(v2_trial *trial)
{
    static aclnnStatus (*const phase2[])(void *, uint64_t, aclOpExecutor *,
                                         aclrtStream) = {[V2_OP_V2] = aclnnWeightQuantBatchMatmulV2,
                                                         [V2_OP_V3] = aclnnWeightQuantBatchMatmulV3,
                                                         [V2_OP_NZ] = aclnnWeightQuantBatchMatmulNz};
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    int status = phase1(trial, &size, &executor);
    if (status == 0 && trial->spec->numerics != NULL)
        status = aq_executor_set_numerics(executor, trial->spec->numerics, &size);
    if (status != 0)
        return status;
    void *workspace = buffer(trial, (int64_t)size, 1);
    status = phase2[trial->spec->op](workspace, size, executor, NULL);
    for (int i = 0; i < TENSORS; i++) /* right after phase 2, as callers do */
        aclDestroyTensor(trial->t[i]);
    memset(trial->t, 0, sizeof trial->t);
    return status != 0 ? status : aclrtSynchronizeStream(NULL);
}

static const char *in_words(const v2_spec *s)
{
    static char text[512];
    snprintf(
        text, sizeof text,
        "%s op %d, m %d k %d n %d group %d, weight type %d storage %d c0 %d,%s%s%s%s%s%s%s%s%s%s%s batches "
        "%d %d",
        s->numerics != NULL ? s->numerics : "npu", s->op, (int)s->m, (int)s->k, (int)s->n, (int)s->group,
        s->weight, s->storage, (int)s->c0, s->bf16 ? " bf16" : "", s->offset ? " offset" : "",
        s->bias ? " bias" : "", s->int8_out ? " int8 out" : "", s->fixpipe ? " fixpipe" : "",
        s->per_tensor ? " per tensor" : "", s->scale_rank_2 ? " scale rank 2" : "",
        s->scale_transposed ? " scale transposed" : "", s->x_transposed ? " x transposed" : "",
        s->mx ? " mx" : "", s->specials ? " specials" : "", (int)s->x_batch, (int)s->weight_batch);
    return text;
}

/* C of numerics page 5 in modes exact and fast: blocks or their segments, each with an offset, the digits,
 * zero, the bias; what integers do not take is summed in order P or T. */
static int64_t chain_of(const v2_spec *spec, bool order_t)
{
    int64_t k = spec->k, group = spec->group > 0 && spec->group < k ? spec->group : 0;
    if (spec->weight > V2_INT32 || group % 32 != 0)
        return (order_t ? 64 + 4 : 256) + (k + 255) / 256 + 1;
    int64_t segment = group % 128 == 0 ? 128 : group % 64 == 0 ? 64 : 32;
    return (k + 127) / 128 * (128 / segment) * (group > 0 ? 2 : 1) + 3;
}

static void compare(v2_trial *trial, int64_t batch)
{
    const v2_spec *spec = trial->spec;
    int64_t m = spec->m, n = spec->n, step = m * n * spec->k > 1000000 ? 7 : 1;
    for (int64_t i = 0; i < m * n; i += step) {
        int64_t at = batch * m * n + i;
        int got = spec->int8_out ? ((int8_t *)trial->y)[at] : ((uint16_t *)trial->y)[at];
        if (spec->numerics != NULL) {
            bool fast = strcmp(spec->numerics, "fast") == 0;
            int64_t chain = chain_of(spec, trial->logical.order_t);
            if (!v2_within(&trial->logical, i / n, i % n, fast, chain, got))
                fail_msg("%s: batch %d, element (%d,%d) is 0x%04x, beyond the bound", in_words(spec),
                         (int)batch, (int)(i / n), (int)(i % n), got);
            continue;
        }
        int expected = v2_answer(&trial->logical, i / n, i % n);
        if (!v2_same(&trial->logical, got, expected))
            fail_msg("%s: batch %d, element (%d,%d) is 0x%04x, expected 0x%04x", in_words(spec), (int)batch,
                     (int)(i / n), (int)(i % n), got, expected);
    }
}

void v2_try(const v2_spec *spec, uint64_t *seed)
{
    v2_trial trial = {.spec = spec, .seed = seed};
    int64_t k = spec->k, n = spec->n;
    trial.groups = spec->group > 0 ? (k + spec->group - 1) / spec->group : 1;
    trial.x_batches = spec->x_batch > 0 ? spec->x_batch : 1;
    trial.weight_batches = spec->weight_batch > 0 ? spec->weight_batch : 1;
    trial.batches = trial.x_batches > trial.weight_batches ? trial.x_batches : trial.weight_batches;
    bool turned = spec->storage == V2_TRANSPOSED || spec->storage == V2_NZ_TRANSPOSED;
    bool nz = spec->storage == V2_NZ || spec->storage == V2_NZ_TRANSPOSED;
    trial.logical = (v2_logical){
        .m = spec->m, .n = n, .k = k, .group = spec->group > 0 ? spec->group : k, .bf16 = spec->bf16};
    trial.logical.order_t = turned && (nz || k != 1);
    make_x(&trial);
    make_weight(&trial);
    make_scaling(&trial);
    if (spec->bias)
        make_bias(&trial);
    if (spec->int8_out)
        make_words(&trial, &trial.logical.words, QUANT);
    make_y(&trial);
    int status = run(&trial);
    if (status != 0)
        fail_msg("%s: status %d, %s", in_words(spec), status, aclGetRecentErrMsg());
    double *weights = buffer(&trial, k * n, sizeof(double));
    trial.logical.weights = weights;
    for (int64_t batch = 0; batch < trial.batches; batch++) {
        trial.logical.x = trial.x + (trial.x_batches > 1 ? batch : 0) * spec->m * k;
        trial.logical.w = trial.w + (trial.weight_batches > 1 ? batch : 0) * k * n;
        for (int64_t i = 0; i < k * n; i++)
            weights[i] = v2_weight(&trial.logical, i / n, i % n);
        compare(&trial, batch);
    }
    for (int i = 0; i < trial.buffer_count; i++)
        free(trial.buffers[i]);
}

int v2_setup(void **state)
{
    (void)state;
    return aclrtSetDevice(0);
}
