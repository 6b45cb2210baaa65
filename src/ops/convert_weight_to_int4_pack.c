/* SPDX-License-Identifier: Apache-2.0 */
/* convert_weight_to_int4_pack.c - aclnnConvertWeightToINT4Pack: its checks, and its work, all of it in phase
 * 1 and in the caller's thread (companions page 2.3). How nibbles are moved is nz_move.c's. */
#include "aclnnop/aclnn_convert_weight_to_int4_pack.h"

#include <string.h>

#include "base/checked.h"
#include "matmul/plan.h"
#include "ops/cast_side.h"
#include "ops/finding.h"
#include "ops/hold.h"
#include "ops/nz_move.h"
#include "parallel/parallel.h"
#include "tensor/dtype.h"
#include "tensor/fractal_nz.h"

#define PAGE "companions page 2.3"

enum { PER_WORD = 8 }; /* int4 values in an INT32 */

typedef struct pack_call {
    const aclTensor *pack_tensor;
    aq_view weight, pack;
    bool words; /* the pack is INT32 */
    int64_t elements;
    aq_nz nz; /* of the pack, in nibbles */
    aq_nz_move move;
} pack_call;

/* ---- checks ---- */

static bool breaks_type(pack_call *call, aq_finding *finding)
{
    aclDataType weight = call->weight.dtype, pack = call->pack.dtype;
    call->words = pack == ACL_INT32;
    bool of_weight = weight != ACL_INT32;
    if (!of_weight && (pack == ACL_INT4 || pack == ACL_INT32))
        return false;
    finding->argument = of_weight ? "weight" : "weightInt4Pack";
    aclDataType dtype = of_weight ? weight : pack;
    aq_say_rule(finding,
                of_weight ? "dtype must be INT32, one value per word" : "dtype must be INT4 or INT32");
    aq_say_actual(finding, "%s (%d)", aq_dtype_name(dtype), (int)dtype);
    aq_say_nearest(finding, "%s", of_weight ? "INT32" : "INT4");
    return true;
}

static bool breaks_format(pack_call *call, aq_finding *finding)
{
    bool of_weight = aq_format_is_private(call->weight.format);
    aclFormat format = of_weight ? call->weight.format : call->pack.format;
    if (!aq_format_is_private(format) || (!of_weight && format == ACL_FORMAT_FRACTAL_NZ))
        return false;
    finding->argument = of_weight ? "weight" : "weightInt4Pack";
    aq_say_rule(finding, "format must be ND%s (NCHW, NCL and other plain formats count as ND)",
                of_weight ? "" : " or FRACTAL_NZ");
    aq_say_actual(finding, "%s (%d)", aq_format_name(format), (int)format);
    aq_say_nearest(finding, of_weight ? "ND" : "FRACTAL_NZ");
    return true;
}

static bool breaks_rank(pack_call *call, aq_finding *finding)
{
    const aq_view *weight = &call->weight, *pack = &call->pack;
    bool of_weight = weight->rank < 2 || weight->rank > 3;
    if (!of_weight && pack->rank == weight->rank)
        return false;
    finding->argument = of_weight ? "weight" : "weightInt4Pack";
    aq_say_rule(finding, of_weight ? "rank must be 2 or 3" : "rank must be weight's");
    aq_say_shape(finding, of_weight ? weight : pack);
    aq_say_nearest(finding, "rank %d", of_weight ? (weight->rank < 2 ? 2 : 3) : (int)weight->rank);
    return true;
}

static bool breaks_elements(pack_call *call, aq_finding *finding)
{
    if (aq_view_elements(&call->weight, &call->elements))
        return false;
    finding->argument = "weight";
    aq_say_rule(finding, "dims must not be negative and their product must fit 64 bits");
    aq_say_shape(finding, &call->weight);
    return true;
}

static bool breaks_last_dim(pack_call *call, aq_finding *finding)
{
    int64_t multiple = call->words ? PER_WORD : 2, last = call->weight.dims[call->weight.rank - 1];
    if (last % multiple == 0)
        return false;
    finding->argument = "weight";
    aq_say_rule(finding, "last dim must be a multiple of %lld for a pack of %s", (long long)multiple,
                call->words ? "INT32" : "INT4");
    aq_say_shape(finding, &call->weight);
    int64_t below = last / multiple * multiple;
    aq_say_nearest(finding, "last dim %lld", (long long)(below > 0 ? below : multiple));
    return true;
}

static bool breaks_shape(pack_call *call, aq_finding *finding)
{
    aq_view expected = call->weight;
    if (call->words)
        expected.dims[expected.rank - 1] /= PER_WORD;
    if (memcmp(expected.dims, call->pack.dims, expected.rank * sizeof expected.dims[0]) == 0)
        return false;
    char text[120];
    finding->argument = "weightInt4Pack";
    aq_say_rule(finding, call->words ? "shape must be weight's with the last dim divided by 8"
                                     : "shape must be weight's");
    aq_say_shape(finding, &call->pack);
    aq_say_nearest(finding, "shape %s", aq_view_shape_text(&expected, text, sizeof text));
    return true;
}

/* Where the pack's nibbles may be: elements share bytes, so an array of them has no gaps. */
static bool breaks_layout(pack_call *call, aq_finding *finding)
{
    const aq_view *pack = &call->pack;
    bool nz = pack->format == ACL_FORMAT_FRACTAL_NZ;
    bool strides = nz ? call->words && aq_view_transposed(pack) : !aq_view_contiguous(pack);
    bool odd = !call->words && pack->offset % 2 != 0;
    if (call->elements == 0 || (!strides && !odd))
        return false;
    finding->argument = "weightInt4Pack";
    if (strides) {
        aq_view shown = *pack;
        memcpy(shown.dims, pack->strides, sizeof shown.dims);
        char text[120];
        aq_say_rule(finding, "must be contiguous: packing runs along the last dim");
        aq_say_actual(finding, "strides %s", aq_view_shape_text(&shown, text, sizeof text));
        aq_say_nearest(finding, "a contiguous tensor");
    } else {
        aq_say_rule(finding, "offset must be even: two elements share a byte");
        aq_say_actual(finding, "offset %lld", (long long)pack->offset);
        aq_say_nearest(finding, "offset %lld", (long long)pack->offset / 2 * 2);
    }
    return true;
}

static bool breaks_reach(pack_call *call, aq_finding *finding)
{
    aq_cast_side side;
    if (call->elements == 0)
        return false;
    bool of_weight = !aq_cast_side_of(&call->weight, &side);
    bool nz = call->pack.format == ACL_FORMAT_FRACTAL_NZ;
    if (!of_weight &&
        (nz ? aq_nz_of(call->pack_tensor, &call->pack, &call->nz) : aq_cast_side_of(&call->pack, &side)))
        return false;
    finding->argument = of_weight ? "weight" : "weightInt4Pack";
    aq_say_rule(finding, "all bytes from the data to the furthest element must fit 64 bits");
    aq_say_shape(finding, of_weight ? &call->weight : &call->pack);
    aq_say_nearest(finding, "a smaller tensor, or contiguous strides");
    return true;
}

static bool (*const rules[])(pack_call *call, aq_finding *finding) = {
    breaks_type,     breaks_format, breaks_rank,   breaks_elements,
    breaks_last_dim, breaks_shape,  breaks_layout, breaks_reach,
};

/* ---- work ---- */

/* An ND pack is storage of one matrix a row, with one row of one block. */
static void lay_out_plain(pack_call *call)
{
    aq_view rows = call->weight;
    uint64_t last = rows.rank - 1;
    int64_t columns = rows.dims[last];
    rows.dims[last + 1] = columns;
    rows.strides[last + 1] = rows.strides[last];
    rows.dims[last] = 1;
    rows.strides[last] = 0;
    rows.rank++;
    call->nz = (aq_nz){.rows = 1,
                       .columns = columns,
                       .c0 = columns,
                       .block_stride = columns,
                       .batch_stride = columns,
                       .batches = call->elements / columns};
    aq_nz_move_of(&rows, &call->nz, AQ_NZ_WORD_TO_NIBBLE, &call->move);
}

static void lay_out_nz(pack_call *call)
{
    aq_nz *nz = &call->nz;
    if (call->words) { /* a word is eight columns */
        nz->columns *= PER_WORD;
        nz->c0 *= PER_WORD;
        nz->block_stride *= PER_WORD;
        nz->batch_stride *= PER_WORD;
    }
    aq_nz_move_of(&call->weight, nz, AQ_NZ_WORD_TO_NIBBLE, &call->move);
}

/* Both tensors are held. */
static int pack(const char *function, const aclTensor *weight, aclTensor *weightInt4Pack)
{
    pack_call call;
    memset(&call, 0, sizeof call);
    call.pack_tensor = weightInt4Pack;
    aq_view_of(weight, &call.weight);
    aq_view_of(weightInt4Pack, &call.pack);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        aq_finding finding = {.argument = NULL};
        if (rules[i](&call, &finding))
            return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, function, PAGE, &finding);
    }
    if (call.elements == 0)
        return 0;
    void *from = atomic_load(&((aclTensor *)weight)->data), *to = atomic_load(&weightInt4Pack->data);
    if (from == NULL || to == NULL)
        return aq_refuse_null_argument(ACLNN_ERR_PARAM_NULLPTR, function,
                                       from == NULL ? "weight's data" : "weightInt4Pack's data", PAGE);
    if (call.pack.format == ACL_FORMAT_FRACTAL_NZ)
        lay_out_nz(&call);
    else
        lay_out_plain(&call);
    aq_nz_to_storage(&call.move, aq_view_address(&call.weight, from), aq_view_address(&call.pack, to),
                     aq_parallel_threads());
    return 0;
}

aclnnStatus aclnnConvertWeightToINT4PackGetWorkspaceSize(const aclTensor *weight, aclTensor *weightInt4Pack,
                                                         uint64_t *workspaceSize, aclOpExecutor **executor)
{
    static const char function[] = "aclnnConvertWeightToINT4PackGetWorkspaceSize";
    static const char *const names[] = {"weight", "weightInt4Pack"};
    const aclTensor *const tensors[] = {weight, weightInt4Pack};
    const aq_argument required[] = {{names[0], weight}, {names[1], weightInt4Pack}};
    (void)workspaceSize; /* untouched, so not required either */
    (void)executor;
    int status = aq_settings_check(function);
    if (status == 0)
        status = aq_require_arguments(function, PAGE, required, 2);
    if (status == 0)
        status = aq_hold_tensors(function, tensors, names, 2);
    if (status != 0)
        return status;
    status = pack(function, weight, weightInt4Pack);
    aq_let_tensors_go(tensors, 2);
    return status;
}

aclnnStatus aclnnConvertWeightToINT4Pack(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                                         aclrtStream stream)
{
    (void)workspace;
    (void)workspaceSize;
    (void)executor;
    (void)stream;
    return 0;
}
