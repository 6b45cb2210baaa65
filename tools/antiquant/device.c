/* SPDX-License-Identifier: Apache-2.0 */
/* device.c - the public API, called in the order that CANN's own samples call it. Each status is looked at;
 * what was made is released on every way out. */
#include "device.h"

#include <stdlib.h>
#include <string.h>

#include "aclnnop/aclnn_cast.h"
#include "aclnnop/aclnn_trans_quant_param.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul.h"
#include "cli.h"
#include "device_parts.h"

enum { DIAGONAL = 32, LAST_FIXPIPE = 64, MOST_TIMINGS = 1000 };

bool aq_cli_device_open(aq_cli_device *device)
{
    device->initialised = aq_cli_acl(aclInit(NULL), "aclInit");
    device->set = device->initialised && aq_cli_acl(aclrtSetDevice(0), "aclrtSetDevice");
    return device->set && aq_cli_acl(aclrtCreateStream(&device->stream), "aclrtCreateStream");
}

void aq_cli_device_close(aq_cli_device *device)
{
    if (device->workspace != NULL) {
        aq_cli_acl(aclrtFree(device->workspace), "aclrtFree");
    }
    if (device->stream != NULL) {
        aq_cli_acl(aclrtDestroyStream(device->stream), "aclrtDestroyStream");
    }
    if (device->set) {
        aq_cli_acl(aclrtResetDevice(0), "aclrtResetDevice");
    }
    if (device->initialised) {
        aq_cli_acl(aclFinalize(), "aclFinalize");
    }
    memset(device, 0, sizeof *device);
}

bool aq_cli_to_device(const void *host, int64_t count, size_t size, void **memory)
{
    size_t bytes = (size_t)count * size;
    if (!aq_cli_acl(aclrtMalloc(memory, bytes > 0 ? bytes : 1, ACL_MEM_MALLOC_HUGE_FIRST), "aclrtMalloc")) {
        *memory = NULL;
        return false;
    }
    return host == NULL ||
           aq_cli_acl(aclrtMemcpy(*memory, bytes, host, bytes, ACL_MEMCPY_HOST_TO_DEVICE), "aclrtMemcpy");
}

void aq_cli_release(void *memory)
{
    if (memory != NULL) {
        aq_cli_acl(aclrtFree(memory), "aclrtFree");
    }
}

/* A contiguous tensor of rank 1 (columns = 0) or 2 over device memory; null, with a message, when refused. */
static aclTensor *tensor(int64_t rows, int64_t columns, aclDataType type, void *data)
{
    int64_t shape[2] = {rows, columns};
    uint64_t rank = columns > 0 ? 2 : 1;
    aclTensor *made = aclCreateTensor(shape, rank, type, NULL, 0, ACL_FORMAT_ND, shape, rank, data);
    if (made == NULL) {
        aq_cli_error("aclCreateTensor gave no tensor");
    }
    return made;
}

void aq_cli_destroy(aclTensor *made)
{
    if (made != NULL) {
        aq_cli_acl(aclDestroyTensor(made), "aclDestroyTensor");
    }
}

bool aq_cli_want_workspace(aq_cli_device *device, uint64_t size, aclOpExecutor *executor)
{
    if (size <= device->workspace_size) {
        return true;
    }
    aq_cli_release(device->workspace);
    device->workspace = NULL;
    device->workspace_size = 0;
    if (!aq_cli_to_device(NULL, (int64_t)size, 1, &device->workspace)) {
        aq_cli_acl(aclDestroyAclOpExecutor(executor), "aclDestroyAclOpExecutor");
        return false;
    }
    device->workspace_size = size;
    return true;
}

bool aq_cli_cast_to_device(aq_cli_device *device, const float *values, int64_t count, aclDataType type,
                           void **halves)
{
    void *wide = NULL;
    bool good =
        aq_cli_to_device(values, count, sizeof(float), &wide) && aq_cli_to_device(NULL, count, 2, halves);
    aclTensor *from = good ? tensor(count, 0, ACL_FLOAT, wide) : NULL;
    aclTensor *to = good ? tensor(count, 0, type, *halves) : NULL;
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    good = from != NULL && to != NULL &&
           aq_cli_acl(aclnnCastGetWorkspaceSize(from, type, to, &size, &executor),
                      "aclnnCastGetWorkspaceSize") &&
           aq_cli_want_workspace(device, size, executor) &&
           aq_cli_acl(aclnnCast(device->workspace, size, executor, device->stream), "aclnnCast") &&
           aq_cli_acl(aclrtSynchronizeStream(device->stream), "aclrtSynchronizeStream");
    aq_cli_destroy(from);
    aq_cli_destroy(to);
    aq_cli_release(wide);
    return good;
}

bool aq_cli_device_cast(aq_cli_device *device, const float *values, int64_t count, uint16_t *halves)
{
    void *cast = NULL;
    size_t bytes = (size_t)count * sizeof *halves;
    bool good = aq_cli_cast_to_device(device, values, count, ACL_FLOAT16, &cast) &&
                aq_cli_acl(aclrtMemcpy(halves, bytes, cast, bytes, ACL_MEMCPY_DEVICE_TO_HOST), "aclrtMemcpy");
    aq_cli_release(cast);
    return good;
}

/* The words of deqScale. The function pads them to a multiple of 16; only the first n are ours. */
static bool load_words(const aq_cli_weight *weight, void **words)
{
    uint64_t *made = NULL, count = 0;
    if (!aq_cli_acl(aclnnTransQuantParam(weight->deq_scale, (uint64_t)weight->n, NULL, 0, &made, &count),
                    "aclnnTransQuantParam")) {
        return false;
    }
    bool good = count >= (uint64_t)weight->n;
    if (!good) {
        aq_cli_error("aclnnTransQuantParam gave %llu words for %lld scales", (unsigned long long)count,
                     (long long)weight->n);
    }
    good = good && aq_cli_to_device(made, weight->n, sizeof *made, words);
    free(made);
    return good;
}

bool aq_cli_load(aq_cli_device *device, const aq_cli_weight *weight, aq_cli_loaded *loaded)
{
    int8_t identity[DIAGONAL * DIAGONAL] = {0};
    for (int i = 0; i < DIAGONAL; i++) {
        identity[i * DIAGONAL + i] = 1;
    }
    loaded->weight = weight;
    if (weight->format.op != AQ_CLI_V1) {
        return aq_cli_load_v2(device, loaded);
    }
    return aq_cli_to_device(weight->q, weight->k * weight->n, 1, &loaded->x2) &&
           aq_cli_to_device(identity, sizeof identity, 1, &loaded->diagonal) &&
           aq_cli_to_device(weight->deq_offset, weight->n, sizeof(int32_t), &loaded->deq_offset) &&
           load_words(weight, &loaded->deq_scale) &&
           (weight->add == NULL ||
            aq_cli_cast_to_device(device, weight->add, weight->n, ACL_FLOAT16, &loaded->add_offset)) &&
           aq_cli_cast_to_device(device, weight->mul, weight->n, ACL_FLOAT16, &loaded->mul_scale) &&
           (weight->bias == NULL || aq_cli_to_device(weight->bias, weight->n, sizeof(float), &loaded->bias));
}

void aq_cli_unload(aq_cli_loaded *loaded)
{
    void *memory[] = {loaded->x2,         loaded->diagonal,  loaded->deq_offset, loaded->deq_scale,
                      loaded->add_offset, loaded->mul_scale, loaded->bias};
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) {
        aq_cli_release(memory[i]);
    }
    memset(loaded, 0, sizeof *loaded);
}

/* The tensors of one problem; null where the path does not use one. */
typedef struct aq_cli_tensors {
    aclTensor *x1, *x2, *diagonal, *deq_offset, *deq_scale, *add_offset, *mul_scale, *bias, *out;
} aq_cli_tensors;

static bool make_tensors(const aq_cli_loaded *loaded, int64_t m, void *x1, bool transpose_x1, void *out,
                         aq_cli_tensors *made)
{
    const aq_cli_weight *w = loaded->weight;
    bool fixpipe = m <= LAST_FIXPIPE, good = true;
    /* Operator page 1.3, check 7: with x2 stored (n,k) the composed path wants its parameters as (n,1). */
    int64_t across = w->transposed ? 1 : 0;
    good = (made->x1 = tensor(transpose_x1 ? w->k : m, transpose_x1 ? m : w->k, ACL_FLOAT16, x1)) != NULL;
    made->x2 = tensor(w->transposed ? w->n : w->k, w->transposed ? w->k : w->n, ACL_INT8, loaded->x2);
    made->out = tensor(m, w->n, ACL_FLOAT16, out);
    good = good && made->x2 != NULL && made->out != NULL;
    if (fixpipe) {
        made->diagonal = tensor(DIAGONAL, DIAGONAL, ACL_INT8, loaded->diagonal);
        made->deq_offset = tensor(w->n, 0, ACL_INT32, loaded->deq_offset);
        made->deq_scale = tensor(w->n, 0, ACL_UINT64, loaded->deq_scale);
        good = good && made->diagonal != NULL && made->deq_offset != NULL && made->deq_scale != NULL;
    } else {
        made->mul_scale = tensor(w->n, across, ACL_FLOAT16, loaded->mul_scale);
        good = good && made->mul_scale != NULL;
    }
    if (!fixpipe && loaded->add_offset != NULL) {
        made->add_offset = tensor(w->n, across, ACL_FLOAT16, loaded->add_offset);
        good = good && made->add_offset != NULL;
    }
    if (loaded->bias != NULL) {
        made->bias = tensor(w->n, 0, ACL_FLOAT, loaded->bias);
        good = good && made->bias != NULL;
    }
    return good;
}

static void destroy_tensors(const aq_cli_tensors *made)
{
    aclTensor *all[] = {made->x1,         made->x2,        made->diagonal, made->deq_offset, made->deq_scale,
                        made->add_offset, made->mul_scale, made->bias,     made->out};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        aq_cli_destroy(all[i]);
    }
}

/* Phase 1 and phase 2 of V1, for aq_cli_repeat. */
typedef struct aq_cli_call_v1 {
    const aq_cli_weight *weight;
    const aq_cli_tensors *tensors;
    bool transpose_x1;
} aq_cli_call_v1;

static bool phase1(const void *call, uint64_t *size, aclOpExecutor **executor)
{
    const aq_cli_call_v1 *v1 = call;
    const aq_cli_tensors *t = v1->tensors;
    return aq_cli_acl(aclnnWeightQuantBatchMatmulGetWorkspaceSize(
                          t->x1, t->x2, t->diagonal, t->deq_offset, t->deq_scale, t->add_offset, t->mul_scale,
                          t->bias, v1->transpose_x1, v1->weight->transposed, v1->weight->antiquant_scale,
                          v1->weight->antiquant_offset, t->out, size, executor),
                      "aclnnWeightQuantBatchMatmulGetWorkspaceSize");
}

static bool phase2(aq_cli_device *device, uint64_t size, aclOpExecutor *executor)
{
    return aq_cli_acl(aclnnWeightQuantBatchMatmul(device->workspace, size, executor, device->stream),
                      "aclnnWeightQuantBatchMatmul");
}

static bool run_once(aq_cli_device *device, const aq_cli_phases *phases, const void *call, double *seconds1,
                     double *seconds2)
{
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    double start = aq_cli_seconds();
    bool good = phases->first(call, &size, &executor);
    *seconds1 = aq_cli_seconds() - start;
    if (!good || !aq_cli_want_workspace(device, size, executor)) {
        return false;
    }
    start = aq_cli_seconds();
    good = phases->second(device, size, executor) &&
           aq_cli_acl(aclrtSynchronizeStream(device->stream), "aclrtSynchronizeStream");
    *seconds2 = aq_cli_seconds() - start;
    return good;
}

static int compare_seconds(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int64_t count)
{
    qsort(values, (size_t)count, sizeof *values, compare_seconds);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

bool aq_cli_repeat(aq_cli_device *device, const aq_cli_phases *phases, const void *call, int64_t repeat,
                   double budget, aq_cli_timing *timing)
{
    double first[MOST_TIMINGS], second[MOST_TIMINGS], start = aq_cli_seconds();
    int64_t most = repeat < MOST_TIMINGS ? repeat : MOST_TIMINGS;
    for (timing->runs = 0; timing->runs < most; timing->runs++) {
        if (timing->runs > 0 && aq_cli_seconds() - start > budget) {
            break;
        }
        if (!run_once(device, phases, call, &first[timing->runs], &second[timing->runs])) {
            return false;
        }
    }
    timing->phase1 = median(first, timing->runs);
    timing->phase2 = median(second, timing->runs);
    return true;
}

bool aq_cli_multiplied(aq_cli_device *device, const aq_cli_loaded *loaded, int64_t m, const uint16_t *x1,
                       bool transpose_x1, int64_t repeat, double budget, uint16_t *out, aq_cli_timing *timing)
{
    static const aq_cli_phases phases = {phase1, phase2};
    const aq_cli_weight *weight = loaded->weight;
    if (weight->format.op != AQ_CLI_V1) {
        return aq_cli_multiplied_v2(device, loaded, m, x1, repeat, budget, out, timing);
    }
    size_t bytes = (size_t)(m * weight->n) * sizeof *out;
    void *x1_memory = NULL, *out_memory = NULL;
    aq_cli_tensors tensors = {0};
    aq_cli_call_v1 call = {weight, &tensors, transpose_x1};
    bool good =
        aq_cli_to_device(x1, m * weight->k, sizeof *x1, &x1_memory) &&
        aq_cli_to_device(NULL, m * weight->n, sizeof *out, &out_memory) &&
        aq_cli_acl(aclrtMemset(out_memory, bytes, 0xFF, bytes), "aclrtMemset") &&
        make_tensors(loaded, m, x1_memory, transpose_x1, out_memory, &tensors) &&
        aq_cli_repeat(device, &phases, &call, repeat, budget, timing) &&
        aq_cli_acl(aclrtMemcpy(out, bytes, out_memory, bytes, ACL_MEMCPY_DEVICE_TO_HOST), "aclrtMemcpy");
    destroy_tensors(&tensors);
    aq_cli_release(x1_memory);
    aq_cli_release(out_memory);
    return good;
}
