/* SPDX-License-Identifier: Apache-2.0 */
/* device_v2.c - V2 and V3 as frameworks call them: the weight in its natural storage [n,k], seen as (k,n)
 * with strides (1,k), scales of groups stored [n,groups] and seen the same way, 1-D storage dims, n in slices
 * of at most 65535, which is what the chips take (successors pages 3.1, 3.2, 3.6). */
#include <stdlib.h>
#include <string.h>

#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v3.h"
#include "cli.h"
#include "device_parts.h"

enum { MOST_COLUMNS = 65535 };

static aclDataType half_type(const aq_cli_weight *weight)
{
    return weight->format.bf16 ? ACL_BF16 : ACL_FLOAT16;
}

/* Two values a byte, the even one low (companions page 2.3). k is even. */
static bool load_int4(const aq_cli_weight *weight, void **memory)
{
    int64_t bytes = weight->n * weight->k / 2;
    uint8_t *packed = aq_cli_alloc(bytes, 1, "a packed weight");
    for (int64_t i = 0; packed != NULL && i < bytes; i++) {
        packed[i] = (uint8_t)((weight->q[2 * i] & 15) | (weight->q[2 * i + 1] & 15) << 4);
    }
    bool good = packed != NULL && aq_cli_to_device(packed, bytes, 1, memory);
    free(packed);
    return good;
}

bool aq_cli_load_v2(aq_cli_device *device, aq_cli_loaded *loaded)
{
    const aq_cli_weight *w = loaded->weight;
    int64_t scales = w->n * aq_cli_groups(&w->format, w->k);
    aclDataType type = half_type(w);
    return (w->format.int4 ? load_int4(w, &loaded->x2)
                           : aq_cli_to_device(w->q, w->n * w->k, 1, &loaded->x2)) &&
           aq_cli_cast_to_device(device, w->mul, scales, type, &loaded->mul_scale) &&
           (w->add == NULL || aq_cli_cast_to_device(device, w->add, scales, type, &loaded->add_offset)) &&
           (w->bias == NULL ||
            (w->format.bf16 ? aq_cli_to_device(w->bias, w->n, sizeof(float), &loaded->bias)
                            : aq_cli_cast_to_device(device, w->bias, w->n, type, &loaded->bias)));
}

/* The tensors of one slice; null where there is none. */
typedef struct aq_cli_call_v2 {
    const aq_cli_format *format;
    aclTensor *x, *weight, *scale, *offset, *bias, *y;
} aq_cli_call_v2;

/* rows x columns over data that holds it as columns x rows when turned; rank 1 for rows = 0. */
static bool make(int64_t rows, int64_t columns, bool turned, aclDataType type, void *data, aclTensor **made)
{
    int64_t shape[] = {rows, columns}, strides[] = {turned ? 1 : columns, turned ? rows : 1};
    int64_t storage = (rows > 0 ? rows : 1) * columns;
    int skip = rows > 0 ? 0 : 1;
    *made = aclCreateTensor(shape + skip, (uint64_t)(2 - skip), type, strides + skip, 0, ACL_FORMAT_ND,
                            &storage, 1, data);
    if (*made == NULL) {
        aq_cli_error("aclCreateTensor gave no tensor");
    }
    return *made != NULL;
}

static char *shifted(void *memory, int64_t bytes)
{
    return memory == NULL ? NULL : (char *)memory + bytes;
}

/* Columns first .. first+n-1. */
static bool make_call(const aq_cli_loaded *loaded, int64_t m, void *x, int64_t first, int64_t n, void *y,
                      aq_cli_call_v2 *call)
{
    const aq_cli_weight *w = loaded->weight;
    aclDataType type = half_type(w), bias_type = w->format.bf16 ? ACL_FLOAT : type;
    int64_t groups = aq_cli_groups(&w->format, w->k), rows = w->format.group > 0 ? groups : 0;
    int64_t bytes = w->format.int4 ? first * w->k / 2 : first * w->k, at = first * groups * 2;
    call->format = &w->format;
    return make(m, w->k, false, type, x, &call->x) &&
           make(w->k, n, true, w->format.int4 ? ACL_INT4 : ACL_INT8, shifted(loaded->x2, bytes),
                &call->weight) &&
           make(rows, n, rows > 0, type, shifted(loaded->mul_scale, at), &call->scale) &&
           (w->add == NULL ||
            make(rows, n, rows > 0, type, shifted(loaded->add_offset, at), &call->offset)) &&
           (w->bias == NULL || make(0, n, false, bias_type,
                                    shifted(loaded->bias, first * (w->format.bf16 ? 4 : 2)), &call->bias)) &&
           make(m, n, false, type, y, &call->y);
}

static bool phase1_v2(const void *data, uint64_t *size, aclOpExecutor **executor)
{
    const aq_cli_call_v2 *c = data;
    return aq_cli_acl(
        aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(c->x, c->weight, c->scale, c->offset, NULL, NULL,
                                                      c->bias, (int)c->format->group, c->y, size, executor),
        "aclnnWeightQuantBatchMatmulV2GetWorkspaceSize");
}

static bool phase2_v2(aq_cli_device *device, uint64_t size, aclOpExecutor *executor)
{
    return aq_cli_acl(aclnnWeightQuantBatchMatmulV2(device->workspace, size, executor, device->stream),
                      "aclnnWeightQuantBatchMatmulV2");
}

static bool phase1_v3(const void *data, uint64_t *size, aclOpExecutor **executor)
{
    const aq_cli_call_v2 *c = data;
    return aq_cli_acl(aclnnWeightQuantBatchMatmulV3GetWorkspaceSize(
                          c->x, c->weight, c->scale, c->offset, NULL, NULL, c->bias, (int)c->format->group, 1,
                          c->y, size, executor),
                      "aclnnWeightQuantBatchMatmulV3GetWorkspaceSize");
}

static bool phase2_v3(aq_cli_device *device, uint64_t size, aclOpExecutor *executor)
{
    return aq_cli_acl(aclnnWeightQuantBatchMatmulV3(device->workspace, size, executor, device->stream),
                      "aclnnWeightQuantBatchMatmulV3");
}

/* One slice: y (m,n) on the device, read back into rows `stride` apart. */
static bool run_slice(aq_cli_device *device, const aq_cli_call_v2 *call, int64_t m, int64_t n, void *y,
                      int64_t repeat, double budget, uint16_t *out, int64_t stride, aq_cli_timing *timing)
{
    static const aq_cli_phases phases[] = {{phase1_v2, phase2_v2}, {phase1_v3, phase2_v3}};
    size_t row = (size_t)n * sizeof *out, bytes = (size_t)m * row;
    aq_cli_timing slice = {0};
    if (!aq_cli_acl(aclrtMemset(y, bytes, 0xFF, bytes), "aclrtMemset") ||
        !aq_cli_repeat(device, &phases[call->format->op == AQ_CLI_V3], call, repeat, budget, &slice)) {
        return false;
    }
    timing->runs = slice.runs;
    timing->phase1 += slice.phase1;
    timing->phase2 += slice.phase2;
    if (n == stride) {
        return aq_cli_acl(aclrtMemcpy(out, bytes, y, bytes, ACL_MEMCPY_DEVICE_TO_HOST), "aclrtMemcpy");
    }
    for (int64_t i = 0; i < m; i++) {
        if (!aq_cli_acl(aclrtMemcpy(out + i * stride, row, (char *)y + (size_t)i * row, row,
                                    ACL_MEMCPY_DEVICE_TO_HOST),
                        "aclrtMemcpy")) {
            return false;
        }
    }
    return true;
}

bool aq_cli_multiplied_v2(aq_cli_device *device, const aq_cli_loaded *loaded, int64_t m, const uint16_t *x,
                          int64_t repeat, double budget, uint16_t *out, aq_cli_timing *timing)
{
    const aq_cli_weight *w = loaded->weight;
    int64_t widest = w->n < MOST_COLUMNS ? w->n : MOST_COLUMNS;
    void *x_memory = NULL, *y_memory = NULL;
    bool good = aq_cli_to_device(x, m * w->k, sizeof *x, &x_memory) &&
                aq_cli_to_device(NULL, m * widest, sizeof *out, &y_memory);
    memset(timing, 0, sizeof *timing);
    for (int64_t first = 0; good && first < w->n; first += MOST_COLUMNS) {
        int64_t n = w->n - first < MOST_COLUMNS ? w->n - first : MOST_COLUMNS;
        aq_cli_call_v2 call = {0};
        good = make_call(loaded, m, x_memory, first, n, y_memory, &call) &&
               run_slice(device, &call, m, n, y_memory, repeat, budget, out + first, w->n, timing);
        aclTensor *tensors[] = {call.x, call.weight, call.scale, call.offset, call.bias, call.y};
        for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
            aq_cli_destroy(tensors[i]);
        }
    }
    aq_cli_release(x_memory);
    aq_cli_release(y_memory);
    return good;
}
