/* SPDX-License-Identifier: Apache-2.0 */
/* rules_v2_derive.c - what follows from a call's tensors: orientation, packing, sizes, strides. Refuses
 * nothing; each step relies on the rules that come before it in the table. */
#include <string.h>

#include "base/checked.h"
#include "ops/rules_v2.h"

#define PER_WORD 8 /* 4-bit elements in an INT32 or a FLOAT: companions page 2.3, operators page 3.1 */

/* In a row of an NZ block: FLOAT4 everywhere, and every 4-bit type in the format that is called C0_2, two
 * words. */
#define C0_TWO_WORDS 16

static aq_weight_kind kind_of(aclDataType dtype, bool nz)
{
    switch (dtype) {
    case ACL_INT4:
        return nz ? AQ_INT4_NZ : AQ_INTEGER_ND;
    case ACL_FLOAT4_E2M1:
        return nz ? AQ_FLOAT4_NZ : AQ_FLOAT_ND;
    case ACL_FLOAT8_E4M3FN:
    case ACL_HIFLOAT8:
        return AQ_FLOAT_ND; /* has no other form: the rules refuse NZ before they ask */
    default:
        return nz ? AQ_INT8_NZ : AQ_INTEGER_ND;
    }
}

void aq_v2_derive_forms(aq_v2_call *call)
{
    const aq_view *weight = &call->view[AQ_V2_WEIGHT], *scale = &call->view[AQ_V2_SCALE];
    bool words = weight->dtype == ACL_INT32 || weight->dtype == ACL_FLOAT;
    call->weight_per_word = words ? PER_WORD : 1;
    call->weight_dtype = weight->dtype == ACL_INT32   ? ACL_INT4
                         : weight->dtype == ACL_FLOAT ? ACL_FLOAT4_E2M1
                                                      : weight->dtype;
    call->weight_is_nz =
        weight->format == ACL_FORMAT_FRACTAL_NZ || weight->format == ACL_FORMAT_FRACTAL_NZ_C0_2;
    call->weight_is_n_k = call->weight_is_nz && call->profile->nz_is_n_k;
    call->weight_kind = kind_of(call->weight_dtype, call->weight_is_nz);
    call->x_transposed = aq_view_transposed(&call->view[AQ_V2_X]);
    /* A word of 1 x 1 holds eight elements of one column. The page says so of INT32; FLOAT is packed alike.
     */
    bool one_word = words && weight->rank == 2 && weight->dims[0] == 1 && weight->dims[1] == 1;
    call->weight_transposed = call->weight_is_n_k || one_word || aq_view_transposed(weight);
    call->fixpipe = scale->dtype == ACL_UINT64 || scale->dtype == ACL_INT64;
    call->mx = scale->dtype == ACL_FLOAT8_E8M0 || scale->dtype == ACL_UINT8;
}

/* Undoes the packing of one dim; what does not fit is beyond every limit anyway. */
static int64_t unpacked(int64_t dim, int64_t per_word)
{
    int64_t elements;
    return aq_mul_i64(dim, per_word, &elements) ? elements : INT64_MAX;
}

void aq_v2_derive_sizes(aq_v2_call *call)
{
    const aq_view *weight = &call->view[AQ_V2_WEIGHT];
    call->m = aq_v2_dim(&call->view[AQ_V2_X], 1);
    call->k = aq_v2_dim(weight, call->weight_is_n_k ? 0 : 1);
    call->n = aq_v2_dim(weight, call->weight_is_n_k ? 1 : 0);
    int64_t *inner = call->weight_transposed ? &call->k : &call->n;
    *inner = unpacked(*inner, call->weight_per_word);
    bool grouped = call->group_size > 0 && call->k > 0;
    call->groups = grouped ? (call->k - 1) / call->group_size + 1 : 1;
}

/* Strides of a parameter whose shape holds: along groups and along columns. */
static void strides_of(const aq_v2_call *call, const aq_view *view, int64_t strides[2])
{
    strides[0] = strides[1] = 0;
    uint64_t column = call->weight_is_n_k && view->rank == 2 ? 0 : view->rank - 1;
    if (view->dims[column] > 1)
        strides[1] = view->strides[column];
    if (view->rank == 2 && view->dims[1 - column] > 1)
        strides[0] = view->strides[1 - column];
}

void aq_v2_derive_scale(aq_v2_call *call)
{
    const aq_view *scale = &call->view[AQ_V2_SCALE];
    int64_t elements = 0;
    aq_view_elements(scale, &elements);
    call->granularity = call->group_size > 0  ? AQ_PER_GROUP
                        : elements == call->n ? AQ_PER_CHANNEL
                                              : AQ_PER_TENSOR;
    strides_of(call, scale, call->scale_strides);
    if (call->present[AQ_V2_OFFSET])
        strides_of(call, &call->view[AQ_V2_OFFSET], call->offset_strides);
}

/* Elements of a row of a block, in elements of the view. Companions page 2.4. */
static int64_t c0_of(const aq_v2_call *call, const aq_view *view)
{
    const struct aclTensor stored = {.storage_rank = call->storage_rank,
                                     .storage_dims = (int64_t *)call->storage_dims};
    int64_t c0 = aq_nz_stored_c0(&stored, view);
    if (aq_nz_c0_may_be(view->dtype, c0))
        return c0;
    if (!aq_v2_is_4bit(call->weight_dtype))
        return aq_nz_c0(view->dtype);
    bool two_words = call->weight_dtype == ACL_FLOAT4_E2M1 || view->format == ACL_FORMAT_FRACTAL_NZ_C0_2;
    return (two_words ? C0_TWO_WORDS : call->profile->int4_c0) / call->weight_per_word;
}

bool aq_v2_nz_of(const aq_v2_call *call, aq_nz *nz)
{
    aq_view view = call->view[AQ_V2_WEIGHT];
    uint64_t r = view.rank;
    if (call->weight_is_n_k) { /* strides mark nothing here: the view is the stored matrix */
        view.strides[r - 1] = 1;
        view.strides[r - 2] = view.dims[r - 1];
    }
    int64_t c0 = c0_of(call, &view) * call->weight_per_word;
    /* As if it had not been packed: the blocks are the same, since whole words lie along a row. */
    if (!call->weight_is_n_k) {
        view.dims[r - 2] = call->k;
        view.dims[r - 1] = call->n;
        view.strides[r - 2] = call->weight_transposed ? 1 : call->n;
        view.strides[r - 1] = call->weight_transposed ? call->k : 1;
    }
    bool fits = c0 > 0 && aq_nz_make(&view, c0, nz);
    nz->transposed = call->weight_transposed;
    return fits;
}

void aq_v2_derive_weight(aq_v2_call *call)
{
    if (call->weight_is_nz) {
        (void)aq_v2_nz_of(call, &call->weight_nz); /* fits: a rule */
        return;
    }
    /* Contiguous or transposed, by the rules; dims of 1 may have had any stride. */
    call->weight_strides[0] = call->weight_transposed ? 1 : call->n;
    call->weight_strides[1] = call->weight_transposed ? call->k : 1;
}
