/* SPDX-License-Identifier: Apache-2.0 */
/* v2_case.c - see v2_case.h. */
#include "support/v2_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aclnnop/aclnn_weight_quant_batch_matmul_nz.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v3.h"

const char *const v2_profiles[] = {"310p", "a2", "a3", "950", "any", NULL};

v2_tensor v2_dims(aclDataType dtype, int rank, const int64_t *dims)
{
    v2_tensor t = {.given = true, .dtype = dtype, .format = ACL_FORMAT_ND, .rank = rank};
    uint64_t step = 1; /* unsigned: absurd dims wrap */
    for (int d = rank - 1; d >= 0; d--) {
        t.dims[d] = dims[d];
        t.strides[d] = (int64_t)step;
        step *= (uint64_t)dims[d];
    }
    return t;
}

v2_tensor v2_1(aclDataType dtype, int64_t a)
{
    return v2_dims(dtype, 1, &a);
}

v2_tensor v2_2(aclDataType dtype, int64_t a, int64_t b)
{
    return v2_dims(dtype, 2, (const int64_t[]){a, b});
}

v2_tensor v2_3(aclDataType dtype, int64_t a, int64_t b, int64_t c)
{
    return v2_dims(dtype, 3, (const int64_t[]){a, b, c});
}

v2_tensor v2_turned(v2_tensor t)
{
    if (t.rank >= 2) {
        t.strides[t.rank - 2] = 1;
        t.strides[t.rank - 1] = t.dims[t.rank - 2];
    }
    return t;
}

v2_tensor v2_2t(aclDataType dtype, int64_t a, int64_t b)
{
    return v2_turned(v2_2(dtype, a, b));
}

v2_tensor v2_with_format(v2_tensor t, aclFormat format)
{
    t.format = format;
    return t;
}

v2_case v2_plain(const char *profile, int64_t m, int64_t k, int64_t n)
{
    v2_case c = {.op = AQ_OPERATOR_V2, .profile = profile};
    c.t[V2_X] = v2_2(ACL_FLOAT16, m, k);
    c.t[V2_W] = v2_2(ACL_INT8, k, n);
    c.t[V2_S] = v2_1(ACL_FLOAT16, n);
    c.t[V2_Y] = v2_2(ACL_FLOAT16, m, n);
    return c;
}

void v2_make(const v2_case *c, aclTensor *tensors[V2_TENSORS])
{
    for (int i = 0; i < V2_TENSORS; i++) {
        const v2_tensor *t = &c->t[i];
        int64_t length = 1;
        for (int d = 0; d < t->rank; d++)
            length = t->dims[d] > 0 && t->dims[d] < 4096 && length < (1 << 20) ? length * t->dims[d] : length;
        tensors[i] = !t->given
                         ? NULL
                         : aclCreateTensor(t->dims, (uint64_t)t->rank, t->dtype, t->strides, t->offset,
                                           t->format, t->storage_rank > 0 ? t->storage : &length,
                                           t->storage_rank > 0 ? (uint64_t)t->storage_rank : 1, t->data);
    }
}

void v2_unmake(aclTensor *tensors[V2_TENSORS])
{
    for (int i = 0; i < V2_TENSORS; i++)
        aclDestroyTensor(tensors[i]);
}

void v2_capture(const v2_case *c, aclTensor *const tensors[V2_TENSORS], aq_v2_call *call)
{
    aq_chip chip = AQ_CHIP_A2;
    if (!aq_chip_of(c->profile, &chip))
        abort();
    aq_v2_capture((const aclTensor *const *)tensors, call);
    call->op = (aq_v2_operator)c->op;
    call->profile = aq_profile_of(chip);
    call->group_size = c->group;
    call->inner_precise = c->op == AQ_OPERATOR_V3 ? c->inner : 0;
    call->has_workspace_size = !c->no_workspace;
    call->has_executor = !c->no_executor;
}

int v2_verdict(const v2_case *c, aq_v2_call *call)
{
    aclTensor *tensors[V2_TENSORS];
    v2_make(c, tensors);
    v2_capture(c, tensors, call);
    int status = aq_v2_check("test", call);
    v2_unmake(tensors);
    return status;
}

int v2_phase1(const v2_case *c, aclTensor *const t[V2_TENSORS], uint64_t *size, aclOpExecutor **executor)
{
    switch (c->op) {
    case AQ_OPERATOR_V2:
        return aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(t[V2_X], t[V2_W], t[V2_S], t[V2_O], t[V2_QS],
                                                             t[V2_QO], t[V2_B], c->group, t[V2_Y], size,
                                                             executor);
    case AQ_OPERATOR_V3:
        return aclnnWeightQuantBatchMatmulV3GetWorkspaceSize(t[V2_X], t[V2_W], t[V2_S], t[V2_O], t[V2_QS],
                                                             t[V2_QO], t[V2_B], c->group, c->inner, t[V2_Y],
                                                             size, executor);
    default:
        return aclnnWeightQuantBatchMatmulNzGetWorkspaceSize(t[V2_X], t[V2_W], t[V2_S], t[V2_O], t[V2_QS],
                                                             t[V2_QO], t[V2_B], c->group, t[V2_Y], size,
                                                             executor);
    }
}

const char *v2_text(const v2_case *c)
{
    static const char *const names[] = {"x", "w", "s", "o", "qs", "qo", "b", "y"};
    static char text[3000];
    size_t at = (size_t)snprintf(text, sizeof text, "profile %s op %d group %d inner %d%s%s", c->profile,
                                 c->op, c->group, c->inner, c->no_workspace ? " no workspaceSize" : "",
                                 c->no_executor ? " no executor" : "");
    for (int i = 0; i < V2_TENSORS; i++) {
        const v2_tensor *t = &c->t[i];
        if (!t->given)
            continue;
        at += (size_t)snprintf(text + at, sizeof text - at, "\n  %s dtype %d format %d dims", names[i],
                               (int)t->dtype, (int)t->format);
        for (int d = 0; d < t->rank; d++)
            at += (size_t)snprintf(text + at, sizeof text - at, " %lld/%lld", (long long)t->dims[d],
                                   (long long)t->strides[d]);
    }
    return text;
}
