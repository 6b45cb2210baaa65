/* SPDX-License-Identifier: Apache-2.0 */
/* pack_weight.c - aq_packed_weight_size and aq_pack_weight: which weights can be packed, and the copy. Where
 * the elements go is tensor/packed.h's. */
#include <inttypes.h>
#include <string.h>

#include "aclnn/aclnn_base.h"
#include "antiquant.h"
#include "base/checked.h"
#include "base/settings.h"
#include "kernels/weight.h"
#include "matmul/plan.h"
#include "ops/hold.h"
#include "ops/rules_v2.h"
#include "parallel/parallel.h"
#include "tensor/dtype.h"
#include "tensor/misuse.h"
#include "tensor/packed.h"

#define PAGE "antiquant.h"

enum {
    PART_ROWS = 16,    /* k of a piece of work with panels: as many rows as prefetchers follow */
    PART_COLUMNS = 16, /* columns of one without */
    SERIAL = 1 << 17   /* bytes that are not worth waking a second thread for */
};

typedef struct pack_call {
    aq_view view; /* what the packed weight is seen as: the source's, but FRACTAL_NZ with dense strides */
    bool transpose, nz;
    aq_packed packed;
    aq_weight source; /* of the first matrix; its data is set last */
    int64_t batch_strides[AQ_MAX_RANK];
} pack_call;

/* ---- rules: true = broken, the finding is filled in ---- */

static bool breaks_type(pack_call *call, aq_finding *finding)
{
    aclDataType dtype = call->view.dtype;
    if (dtype == ACL_INT8 || (!call->transpose && (dtype == ACL_INT4 || dtype == ACL_INT32)))
        return false;
    aq_say_rule(finding, "dtype must be INT8%s", call->transpose ? " with transpose" : ", INT4 or INT32");
    aq_say_actual(finding, "%s (%d)", aq_dtype_name(dtype), (int)dtype);
    aq_say_nearest(finding, "INT8");
    return true;
}

static bool breaks_format(pack_call *call, aq_finding *finding)
{
    aclFormat format = call->view.format;
    bool n_k = aq_profile_of(aq_settings_get()->chip)->nz_is_n_k;
    call->nz = format == ACL_FORMAT_FRACTAL_NZ;
    if (call->nz ? !call->transpose && !n_k : !aq_format_is_private(format))
        return false;
    aq_say_rule(finding, "format must be ND (NCHW, NCL and other plain formats count as ND)%s",
                call->transpose ? " with transpose"
                : n_k           ? " on profile 310p"
                                : " or FRACTAL_NZ");
    aq_say_actual(finding, "%s (%d)", aq_format_name(format), (int)format);
    aq_say_nearest(finding, "ND");
    return true;
}

static bool breaks_rank(pack_call *call, aq_finding *finding)
{
    const aq_view *view = &call->view;
    uint64_t most = view->dtype == ACL_INT32 ? 2 : call->nz ? AQ_NZ_MAX_RANK : AQ_MAX_RANK;
    if (view->rank >= 2 && view->rank <= most)
        return false;
    aq_say_rule(finding, "rank must be 2%s%s", most == 2 ? " for packed words" : " to ",
                most == 2  ? ""
                : call->nz ? "6"
                           : "8");
    aq_say_actual(finding, "rank %" PRIu64, view->rank);
    aq_say_nearest(finding, "rank %" PRIu64, view->rank < 2 ? 2 : most);
    return true;
}

static void say_size(aq_finding *finding, const aq_view *view)
{
    aq_say_rule(finding,
                "dims must not be negative, and the bytes of the weight, packed and not, must fit 64 "
                "bits");
    aq_say_strides(finding, view);
    aq_say_nearest(finding, "a smaller shape, contiguous");
}

static bool breaks_size(pack_call *call, aq_finding *finding)
{
    int64_t elements;
    if (aq_view_elements(&call->view, &elements) && (call->nz || aq_view_reach_fits(&call->view)))
        return false;
    say_size(finding, &call->view);
    return true;
}

/* The elements of a word lie along the axis that is contiguous, so one must be. */
static bool breaks_words(pack_call *call, aq_finding *finding)
{
    const aq_view *view = &call->view;
    if (view->dtype != ACL_INT32 || call->nz || aq_view_contiguous(view) || aq_view_transposed(view))
        return false;
    aq_say_rule(finding, "a weight of packed words must be contiguous or transposed");
    aq_say_strides(finding, view);
    aq_say_nearest(finding, "a contiguous tensor");
    return true;
}

static bool (*const rules[])(pack_call *call, aq_finding *finding) = {
    breaks_type, breaks_format, breaks_rank, breaks_size, breaks_words,
};

/* ---- where the source is ---- */

/* As a weight of V2 is, so that both read the same elements. false: its storage does not fit 64 bits. */
static bool find_nz(const aclTensor *weight, pack_call *call)
{
    const aclTensor *tensors[AQ_V2_TENSORS] = {[AQ_V2_WEIGHT] = weight};
    aq_v2_call asked;
    aq_nz nz;
    aq_v2_capture(tensors, &asked);
    asked.profile = aq_profile_of(aq_settings_get()->chip);
    aq_v2_derive_forms(&asked);
    aq_view *view = &call->view;
    int64_t *strides = view->strides + view->rank - 2, step = 1;
    for (uint64_t d = view->rank; d-- > 0; step *= view->dims[d] > 0 ? view->dims[d] : 1)
        view->strides[d] = step; /* fits: the elements do */
    if (asked.weight_transposed) {
        strides[0] = 1;
        strides[1] = view->dims[view->rank - 2];
    }
    view->offset = 0;
    if (!aq_packed_of(view, false, &call->packed))
        return false;
    asked.k = call->packed.k;
    asked.n = call->packed.n;
    if (!aq_v2_nz_of(&asked, &nz))
        return false;
    call->source.stride_k = asked.weight_transposed ? 1 : nz.c0;
    call->source.stride_n = asked.weight_transposed ? nz.c0 : 1;
    call->source.block = nz.c0;
    call->source.block_stride = nz.block_stride;
    int64_t stride = nz.batch_stride;
    for (uint64_t d = view->rank - 2; d-- > 0; stride *= view->dims[d])
        call->batch_strides[d] = stride;
    return true;
}

static bool find_plain(pack_call *call)
{
    aq_view *view = &call->view;
    aq_packed *packed = &call->packed;
    const int64_t *strides = view->strides + view->rank - 2;
    if (!aq_packed_of(view, call->transpose, packed))
        return false;
    call->source.stride_k = strides[call->transpose ? 1 : 0];
    call->source.stride_n = strides[call->transpose ? 0 : 1];
    if (view->dtype == ACL_INT32) {
        call->source.stride_k = packed->along_k ? 1 : packed->n;
        call->source.stride_n = packed->along_k ? packed->k : 1;
    }
    call->source.first = view->dtype == ACL_INT4 ? view->offset & 1 : 0;
    memcpy(call->batch_strides, view->strides, (view->rank - 2) * sizeof view->strides[0]);
    view->offset = 0;
    return true;
}

/* Checks and finds; the tensor is held. */
static int find(const char *function, const aclTensor *weight, bool transpose, pack_call *call)
{
    memset(call, 0, sizeof *call);
    aq_view_of(weight, &call->view);
    call->transpose = transpose;
    aq_finding finding = {.argument = "weight"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i](call, &finding))
            return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, function, PAGE, &finding);
    call->source.type = call->view.dtype == ACL_INT8 ? AQ_S8 : AQ_S4;
    if (call->nz ? find_nz(weight, call) : find_plain(call))
        return 0;
    say_size(&finding, &call->view);
    return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, function, PAGE, &finding);
}

/* ---- the copy ---- */

/* count elements along k or n from (k,n) on to bytes that are 0. */
static void copy_run(const aq_weight *from, bool along_k, int64_t k, int64_t n, int64_t count, int8_t *to)
{
    const bool nibbles = from->type == AQ_S4, dense = (along_k ? from->stride_k : from->stride_n) == 1;
    const int64_t first = along_k ? k : n;
    int64_t run;
    for (int64_t i = 0; i < count; i += run) {
        const int64_t at_k = along_k ? k + i : k, at_n = along_k ? n : n + i,
                      index = aq_weight_index(from, at_k, at_n);
        run = dense ? count - i : 1;
        if (from->block > 0)
            run = aq_min_i64(run, from->block - (first + i) % from->block);
        if (!nibbles) {
            memcpy(to + i, from->data + index, (size_t)run);
        } else if (((index | i) & 1) == 0 && run > 1) {
            memcpy(to + i / 2, from->data + index / 2, (size_t)(run + 1) / 2);
            if (run % 2 != 0)
                to[(i + run) / 2] &= 15;
        } else {
            run = 1;
            to[i / 2] |= (int8_t)(aq_weight_code(from, at_k, at_n) << (i % 2 * 4));
        }
    }
}

typedef struct pack_work {
    const pack_call *call;
    int8_t *to;
    int64_t parts; /* of one matrix */
} pack_work;

static void pack_rows(const aq_packed *packed, const aq_weight *from, int64_t k0, int8_t *to)
{
    const int64_t end = aq_min_i64(k0 + PART_ROWS, packed->k), line = packed->panel >> packed->nibbles;
    for (int64_t n = 0; n < packed->n; n += packed->panel, to += packed->panel_stride >> packed->nibbles) {
        const int64_t count = aq_min_i64(packed->panel, packed->n - n);
        memset(to + k0 * line, 0, (size_t)((end - k0) * line));
        for (int64_t k = k0; k < end; k++)
            copy_run(from, false, k, n, count, to + k * line);
    }
}

static void pack_columns(const aq_packed *packed, const aq_weight *from, int64_t n0, int8_t *to)
{
    const int64_t end = aq_min_i64(n0 + PART_COLUMNS, packed->n),
                  column = packed->stride_n >> packed->nibbles;
    memset(to + n0 * column, 0, (size_t)((end - n0) * column));
    for (int64_t n = n0; n < end; n++)
        copy_run(from, true, 0, n, packed->k, to + n * column);
}

static void pack_part(void *context, size_t thread, size_t index)
{
    (void)thread;
    const pack_work *work = context;
    const pack_call *call = work->call;
    const aq_packed *packed = &call->packed;
    int64_t matrix = (int64_t)index / work->parts, part = (int64_t)index % work->parts, rest = matrix;
    aq_weight from = call->source;
    for (uint64_t d = call->view.rank - 2; d-- > 0; rest /= call->view.dims[d])
        from.first += rest % call->view.dims[d] * call->batch_strides[d];
    int8_t *to = work->to + (matrix * packed->matrix >> packed->nibbles);
    if (packed->along_k)
        pack_columns(packed, &from, part * PART_COLUMNS, to);
    else
        pack_rows(packed, &from, part * PART_ROWS, to);
}

static void pack(const pack_call *call, void *to)
{
    const aq_packed *packed = &call->packed;
    pack_work work = {.call = call,
                      .to = to,
                      .parts = packed->along_k ? aq_ceil_div(packed->n, PART_COLUMNS)
                                               : aq_ceil_div(packed->k, PART_ROWS)};
    aq_parallel_for(packed->bytes <= SERIAL ? 1 : aq_parallel_threads(),
                    (size_t)(packed->batches * work.parts), pack_part, &work);
}

/* ---- the two functions ---- */

static int open_weight(const char *function, const aclTensor *weight, const aq_argument arguments[],
                       size_t count)
{
    int status = aq_settings_check(function);
    if (status == 0)
        status = aq_require_arguments(function, PAGE, arguments, count);
    if (status == 0 && !aq_tensor_acquire(weight))
        status = aq_refuse_handle(function, "weight", "aclTensor", weight);
    return status;
}

int aq_packed_weight_size(const struct aclTensor *weight, bool transpose, uint64_t *size)
{
    static const char function[] = "aq_packed_weight_size";
    const aq_argument required[] = {{"weight", weight}, {"size", size}};
    int status = open_weight(function, weight, required, 2);
    if (status != 0)
        return status;
    pack_call call;
    status = find(function, weight, transpose, &call);
    if (status == 0)
        *size = (uint64_t)call.packed.bytes;
    aq_tensor_release((aclTensor *)weight);
    return status;
}

/* The weight is held and can be packed. */
static int make(const char *function, const aclTensor *weight, pack_call *call, void *packed, uint64_t size,
                aclTensor **packed_weight)
{
    const aq_view *view = &call->view;
    const uint64_t needed = (uint64_t)call->packed.bytes;
    aq_view source;
    aq_view_of(weight, &source);
    void *data = atomic_load_explicit(&((aclTensor *)weight)->data, memory_order_acquire);
    if (needed > 0 && (packed == NULL || data == NULL)) {
        aq_finding finding = {.argument = packed == NULL ? "packed" : "weight"};
        aq_say_rule(&finding, "%s must not be null where the weight has elements",
                    packed == NULL ? "the memory" : "its data");
        aq_say_actual(&finding, "null");
        return aq_refuse_finding(ACLNN_ERR_PARAM_NULLPTR, function, PAGE, &finding);
    }
    if (size < needed) {
        aq_finding finding = {.argument = "size"};
        aq_say_rule(&finding, "must be at least what aq_packed_weight_size tells");
        aq_say_actual(&finding, "%" PRIu64, size);
        aq_say_nearest(&finding, "%" PRIu64, needed);
        return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, function, PAGE, &finding);
    }
    aclTensor *made =
        aclCreateTensor(view->dims, view->rank, view->dtype, view->strides, 0,
                        (aclFormat)(call->transpose ? AQ_FORMAT_PACKED_TRANSPOSED : AQ_FORMAT_PACKED),
                        &call->packed.bytes, 1, packed);
    if (made == NULL)
        return aq_refuse_memory(function);
    call->source.data = aq_view_address(&source, data);
    if (needed > 0)
        pack(call, packed);
    *packed_weight = made;
    return 0;
}

int aq_pack_weight(const struct aclTensor *weight, bool transpose, void *packed, uint64_t size,
                   struct aclTensor **packed_weight)
{
    static const char function[] = "aq_pack_weight";
    const aq_argument required[] = {{"weight", weight}, {"packed_weight", packed_weight}};
    int status = open_weight(function, weight, required, 2);
    if (status != 0)
        return status;
    pack_call call;
    status = find(function, weight, transpose, &call);
    if (status == 0)
        status = make(function, weight, &call, packed, size, packed_weight);
    aq_tensor_release((aclTensor *)weight);
    return status;
}
