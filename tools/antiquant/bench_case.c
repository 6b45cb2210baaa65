/* SPDX-License-Identifier: Apache-2.0 */
/* bench_case.c - aclnnWeightQuantBatchMatmulV2 on random data. Storage as frameworks have it: a transposed
 * weight is seen as (k,n) with strides (1,k), its scales of groups likewise; FRACTAL_NZ is made by
 * aclnnNpuFormatCast (companions page 2.4). */
#include "bench_case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aclnnop/aclnn_npu_format_cast.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "antiquant.h"
#include "bench_data.h"
#include "cli.h"
#include "device_parts.h"

enum { ALIGNMENT = 64 };

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static aclDataType half_type(const aq_bench_shape *shape)
{
    return shape->bf16 ? ACL_BF16 : ACL_FLOAT16;
}

static aclDataType weight_type(const aq_bench_shape *shape)
{
    return shape->int4 ? ACL_INT4 : ACL_INT8;
}

static size_t weight_bytes(const aq_bench_shape *shape, int64_t elements)
{
    return shape->int4 ? (size_t)(elements + 1) / 2 : (size_t)elements;
}

/* rows x columns, rank 1 for rows = 0; turned: stored columns x rows. Null, with a message, when refused. */
static aclTensor *tensor(int64_t rows, int64_t columns, bool turned, aclDataType type, void *data)
{
    int64_t dims[] = {rows, columns}, strides[] = {turned ? 1 : columns, turned ? rows : 1};
    int64_t storage = (rows > 0 ? rows : 1) * columns;
    int skip = rows > 0 ? 0 : 1;
    aclTensor *made = aclCreateTensor(dims + skip, (uint64_t)(2 - skip), type, strides + skip, 0,
                                      ACL_FORMAT_ND, &storage, 1, data);
    if (made == NULL) {
        aq_cli_error("aclCreateTensor gave no tensor");
    }
    return made;
}

/* The (k,n) weight in FRACTAL_NZ over data; *elements, with padding. */
static aclTensor *nz_tensor(const aq_bench_shape *shape, void *data, int64_t *elements)
{
    aclTensor *plain = tensor(shape->k, shape->n, false, weight_type(shape), NULL), *made = NULL;
    int64_t *dims = NULL, view[] = {shape->k, shape->n}, strides[] = {shape->n, 1};
    uint64_t rank = 0;
    int format = 0;
    if (plain != NULL && aq_cli_acl(aclnnNpuFormatCastCalculateSizeAndFormat(plain, ACL_FORMAT_FRACTAL_NZ, -1,
                                                                             &dims, &rank, &format),
                                    "aclnnNpuFormatCastCalculateSizeAndFormat")) {
        *elements = 1;
        for (uint64_t i = 0; i < rank; i++) {
            *elements *= dims[i];
        }
        made = aclCreateTensor(view, 2, weight_type(shape), strides, 0, (aclFormat)format, dims, rank, data);
        if (made == NULL) {
            aq_cli_error("aclCreateTensor gave no tensor for FRACTAL_NZ");
        }
    }
    free(dims);
    aq_cli_destroy(plain);
    return made;
}

/* The weight in the order of aq_pack_weight over data; *bytes, with padding. */
static aclTensor *packed_tensor(const aq_bench_shape *shape, void *data, size_t *bytes)
{
    bool turned = aq_bench_turned(shape);
    aclTensor *plain = tensor(shape->k, shape->n, turned, weight_type(shape), NULL), *made = NULL;
    int64_t view[] = {shape->k, shape->n};
    int64_t strides[] = {turned ? 1 : shape->n, turned ? shape->k : 1};
    uint64_t size = 0;
    if (plain != NULL && aq_cli_acl(aq_packed_weight_size(plain, false, &size), "aq_packed_weight_size")) {
        int64_t storage = (int64_t)size;
        *bytes = (size_t)size;
        made = aclCreateTensor(view, 2, weight_type(shape), strides, 0, (aclFormat)AQ_FORMAT_PACKED, &storage,
                               1, data);
        if (made == NULL) {
            aq_cli_error("aclCreateTensor gave no tensor for a packed weight");
        }
    }
    aq_cli_destroy(plain);
    return made;
}

/* Where the parts of a copy are; all of it without a pointer to data. */
typedef struct aq_bench_layout {
    size_t scale, offset, end;
} aq_bench_layout;

/* Tensors over a copy at data, or with no data when that is null. */
static bool make_copy(const aq_bench_shape *shape, char *data, aq_bench_layout *layout, aq_bench_copy *copy)
{
    bool turned = aq_bench_turned(shape);
    int64_t elements = shape->k * shape->n, groups = aq_bench_groups(shape);
    int64_t rows = shape->group > 0 ? groups : 0, columns = shape->group == AQ_BENCH_TENSOR ? 1 : shape->n;
    aclDataType type = half_type(shape);
    copy->data = data;
    size_t packed = 0;
    copy->weight = aq_bench_packed(shape) ? packed_tensor(shape, data, &packed)
                   : shape->storage == AQ_BENCH_NZ
                       ? nz_tensor(shape, data, &elements)
                       : tensor(shape->k, shape->n, turned, weight_type(shape), data);
    size_t scales = aligned((size_t)(groups * columns) * sizeof(uint16_t));
    layout->scale = aligned(packed > 0 ? packed : weight_bytes(shape, elements));
    layout->offset = layout->scale + scales;
    layout->end = layout->offset + (shape->offset ? scales : 0);
    copy->scale = tensor(rows, columns, turned && rows > 0, type, data != NULL ? data + layout->scale : NULL);
    copy->offset = shape->offset ? tensor(rows, columns, turned && rows > 0, type,
                                          data != NULL ? data + layout->offset : NULL)
                                 : NULL;
    return copy->weight != NULL && copy->scale != NULL && (copy->offset != NULL || !shape->offset);
}

static void free_copy(aq_bench_copy *copy)
{
    aq_cli_destroy(copy->weight);
    aq_cli_destroy(copy->scale);
    aq_cli_destroy(copy->offset);
}

static bool make_rows(aq_bench_case *made)
{
    const aq_bench_shape *shape = &made->shape;
    made->x_tensor = tensor(shape->m, shape->k, false, half_type(shape), made->x);
    made->y_tensor = tensor(shape->m, shape->n, false, half_type(shape), made->y);
    return made->x_tensor != NULL && made->y_tensor != NULL;
}

static bool phase1(const aq_bench_case *made, const aq_bench_copy *copy, uint64_t *size,
                   aclOpExecutor **executor)
{
    int group = made->shape.group > 0 ? (int)made->shape.group : 0;
    return aq_cli_acl(aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(made->x_tensor, copy->weight, copy->scale,
                                                                    copy->offset, NULL, NULL, NULL, group,
                                                                    made->y_tensor, size, executor),
                      "aclnnWeightQuantBatchMatmulV2GetWorkspaceSize");
}

bool aq_bench_case_legal(const aq_bench_shape *shape)
{
    aq_bench_case asked = {.shape = *shape};
    aq_bench_copy copy = {0};
    aq_bench_layout layout;
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    bool legal = make_copy(shape, NULL, &layout, &copy) && make_rows(&asked) &&
                 phase1(&asked, &copy, &size, &executor) &&
                 aq_cli_acl(aclDestroyAclOpExecutor(executor), "aclDestroyAclOpExecutor");
    if (!legal) {
        char text[AQ_BENCH_DESCRIPTION];
        aq_cli_error("that was shape '%s'", aq_bench_describe(shape, text));
    }
    free_copy(&copy);
    aq_bench_case_free(&asked);
    return legal;
}

/* ---- Data to the device ---- */

static bool to_device(void *memory, const void *host, size_t bytes)
{
    return aq_cli_acl(aclrtMemcpy(memory, bytes, host, bytes, ACL_MEMCPY_HOST_TO_DEVICE), "aclrtMemcpy");
}

/* q, packed two to a byte (the even one low, companions page 2.3) where it is int4. */
static bool load_weight(const aq_bench_shape *shape, const int8_t *q, void *memory)
{
    int64_t elements = shape->k * shape->n;
    size_t bytes = weight_bytes(shape, elements);
    if (!shape->int4) {
        return to_device(memory, q, bytes);
    }
    uint8_t *packed = aq_cli_alloc((int64_t)bytes, 1, "a packed weight");
    for (int64_t i = 0; packed != NULL && i < elements; i++) {
        packed[i / 2] |= (uint8_t)((q[i] & 15) << (i % 2 * 4));
    }
    bool good = packed != NULL && to_device(memory, packed, bytes);
    free(packed);
    return good;
}

/* Weight plain at `plain` to FRACTAL_NZ where `copy` is. */
static bool cast_weight(aq_cli_device *device, const aq_bench_shape *shape, void *plain, aq_bench_copy *copy)
{
    aclTensor *from = tensor(shape->k, shape->n, false, weight_type(shape), plain);
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    bool good = from != NULL &&
                aq_cli_acl(aclnnNpuFormatCastGetWorkspaceSize(from, copy->weight, &size, &executor),
                           "aclnnNpuFormatCastGetWorkspaceSize") &&
                aq_cli_want_workspace(device, size, executor) &&
                aq_cli_acl(aclnnNpuFormatCast(device->workspace, size, executor, device->stream),
                           "aclnnNpuFormatCast") &&
                aq_cli_acl(aclrtSynchronizeStream(device->stream), "aclrtSynchronizeStream");
    aq_cli_destroy(from);
    return good;
}

/* Weight plain at `plain` to the order of aq_pack_weight where `copy` is. */
static bool pack_weight(const aq_bench_shape *shape, void *plain, size_t bytes, aq_bench_copy *copy)
{
    aclTensor *from = tensor(shape->k, shape->n, aq_bench_turned(shape), weight_type(shape), plain),
              *made = NULL;
    bool good =
        from != NULL && aq_cli_acl(aq_pack_weight(from, false, copy->data, bytes, &made), "aq_pack_weight");
    aq_cli_destroy(from);
    aq_cli_destroy(made); /* copy->weight is its like */
    return good;
}

static bool fill_first(aq_cli_device *device, const aq_bench_shape *shape, const aq_bench_data *data,
                       const aq_bench_layout *layout, aq_bench_copy *copy)
{
    bool good = true;
    if (shape->storage == AQ_BENCH_NZ || aq_bench_packed(shape)) {
        void *plain = NULL;
        good = aq_cli_to_device(NULL, (int64_t)weight_bytes(shape, shape->k * shape->n), 1, &plain) &&
               load_weight(shape, data->q, plain) &&
               (aq_bench_packed(shape) ? pack_weight(shape, plain, layout->scale, copy)
                                       : cast_weight(device, shape, plain, copy));
        aq_cli_release(plain);
    } else {
        good = load_weight(shape, data->q, copy->data);
    }
    size_t scales = (size_t)data->scales * sizeof *data->scale;
    return good && to_device(copy->data + layout->scale, data->scale, scales) &&
           (data->offset == NULL || to_device(copy->data + layout->offset, data->offset, scales));
}

/* One block of device memory: copies behind each other. */
static bool make_copies(aq_cli_device *device, size_t fill, const aq_bench_data *data, aq_bench_case *made)
{
    const aq_bench_shape *shape = &made->shape;
    aq_bench_layout layout;
    aq_bench_copy measure = {0};
    bool good = make_copy(shape, NULL, &layout, &measure);
    free_copy(&measure);
    if (!good) {
        return false;
    }
    made->copy_bytes = layout.end;
    made->copies = (int64_t)(fill / layout.end) + 1;
    made->copy = aq_cli_alloc(made->copies, sizeof *made->copy, "copies of the weight");
    if (made->copy == NULL || !aq_cli_to_device(NULL, made->copies * (int64_t)layout.end, 1, &made->arena)) {
        return false;
    }
    for (int64_t i = 0; good && i < made->copies; i++) {
        aq_bench_copy *copy = &made->copy[i];
        char *at = (char *)made->arena + (size_t)i * layout.end;
        good = make_copy(shape, at, &layout, copy) &&
               (i == 0 ? fill_first(device, shape, data, &layout, copy)
                       : aq_cli_acl(aclrtMemcpy(at, layout.end, made->arena, layout.end,
                                                ACL_MEMCPY_DEVICE_TO_DEVICE),
                                    "aclrtMemcpy"));
    }
    return good;
}

bool aq_bench_case_make(aq_cli_device *device, const aq_bench_shape *shape, size_t fill, aq_bench_case *made)
{
    aq_bench_data data = {0};
    made->shape = *shape;
    int64_t inputs = shape->m * shape->k, outputs = shape->m * shape->n;
    bool good = aq_bench_data_make(shape, &data) && make_copies(device, fill, &data, made) &&
                aq_cli_to_device(data.x, inputs, sizeof(uint16_t), &made->x) &&
                aq_cli_to_device(NULL, outputs, sizeof(uint16_t), &made->y) && make_rows(made);
    made->sample = good ? aq_bench_sample_make(shape, &data) : NULL;
    made->bytes = (double)made->copy_bytes + 2.0 * (double)inputs + 2.0 * (double)outputs;
    made->flops = 2.0 * (double)shape->m * (double)shape->k * (double)shape->n;
    aq_bench_data_free(&data);
    /* Every element has to be written: what is not stays NaN. */
    size_t bytes = (size_t)outputs * sizeof(uint16_t);
    return made->sample != NULL && aq_cli_acl(aclrtMemset(made->y, bytes, 0xFF, bytes), "aclrtMemset");
}

void aq_bench_case_free(aq_bench_case *made)
{
    for (int64_t i = 0; made->copy != NULL && i < made->copies; i++) {
        free_copy(&made->copy[i]);
    }
    free(made->copy);
    aq_cli_destroy(made->x_tensor);
    aq_cli_destroy(made->y_tensor);
    aq_cli_release(made->arena);
    aq_cli_release(made->x);
    aq_cli_release(made->y);
    aq_bench_sample_free(made->sample);
    memset(made, 0, sizeof *made);
}

/* ---- Runs ---- */

bool aq_bench_phase1(aq_bench_case *made, uint64_t *size, aclOpExecutor **executor)
{
    const aq_bench_copy *copy = &made->copy[made->next];
    made->next = (made->next + 1) % made->copies;
    return phase1(made, copy, size, executor);
}

bool aq_bench_choose(aq_cli_device *device, const char *mode, uint64_t *size, aclOpExecutor *executor)
{
    bool good = aq_cli_acl(aq_executor_set_numerics(executor, mode, size), "aq_executor_set_numerics");
    if (!good) {
        aq_cli_acl(aclDestroyAclOpExecutor(executor), "aclDestroyAclOpExecutor");
    }
    return good && aq_cli_want_workspace(device, *size, executor);
}

bool aq_bench_phase2(aq_cli_device *device, uint64_t size, aclOpExecutor *executor)
{
    return aq_cli_acl(aclnnWeightQuantBatchMatmulV2(device->workspace, size, executor, device->stream),
                      "aclnnWeightQuantBatchMatmulV2") &&
           aq_cli_acl(aclrtSynchronizeStream(device->stream), "aclrtSynchronizeStream");
}

const char *aq_bench_case_kernel(const aq_bench_case *made, const char *mode)
{
    const aq_bench_shape *shape = &made->shape;
    aq_matmul call = {.op = "V2",
                      .numerics = mode,
                      .storage = aq_bench_storage_name(shape->storage),
                      .m = shape->m,
                      .k = shape->k,
                      .n = shape->n,
                      .x_dtype = half_type(shape),
                      .weight_dtype = weight_type(shape),
                      .group_size = shape->group > 0 ? (int)shape->group : 0,
                      .offset = shape->offset};
    aq_matmul_explanation plan;
    return shape->group != AQ_BENCH_TENSOR && aq_explain_matmul(&call, &plan) == 0 ? plan.kernel : NULL;
}

bool aq_bench_case_error(const aq_bench_case *made, double *error, double *rounding)
{
    const aq_bench_shape *shape = &made->shape;
    const aq_bench_sample *sample = made->sample;
    size_t bytes = (size_t)(shape->m * shape->n) * sizeof(uint16_t);
    uint16_t *y = aq_cli_alloc(shape->m * shape->n, sizeof *y, "the result");
    if (y == NULL ||
        !aq_cli_acl(aclrtMemcpy(y, bytes, made->y, bytes, ACL_MEMCPY_DEVICE_TO_HOST), "aclrtMemcpy")) {
        free(y);
        return false;
    }
    double size = 0.0, wrong = 0.0, rounded = 0.0;
    for (int64_t i = 0; i < sample->rows; i++) {
        for (int64_t c = 0; c < sample->columns; c++) {
            double exact = sample->exact[i * sample->columns + c];
            uint16_t got = y[i * sample->row_step * shape->n + c * sample->column_step];
            double off = aq_cli_of_16(shape->bf16, got) - exact;
            double least = aq_cli_round_16(shape->bf16, exact) - exact;
            size += exact * exact;
            wrong += off * off;
            rounded += least * least;
        }
    }
    free(y);
    *error = sqrt(wrong / size);
    *rounding = sqrt(rounded / size);
    return true;
}
