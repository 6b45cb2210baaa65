/* SPDX-License-Identifier: Apache-2.0 */
/* rules_v2_shapes.c - rules about ranks and shapes: operators page 3.2, in the order of page 3.3, check 4. */
#include <string.h>

#include "ops/rules_v2.h"
#include "tensor/dtype.h"

static bool refuse_rank(const aq_v2_call *call, int tensor, uint64_t least, uint64_t most,
                        aq_finding *finding)
{
    uint64_t rank = call->view[tensor].rank;
    if (!call->present[tensor] || (rank >= least && rank <= most))
        return false;
    finding->argument = aq_v2_tensor_names[tensor];
    if (least == most)
        aq_say_rule(finding, "rank must be %llu on profile %s", (unsigned long long)most,
                    call->profile->name);
    else
        aq_say_rule(finding, "rank must be %llu to %llu on profile %s", (unsigned long long)least,
                    (unsigned long long)most, call->profile->name);
    aq_say_actual(finding, "rank %llu", (unsigned long long)rank);
    aq_say_nearest(finding, "rank %llu", (unsigned long long)(rank < least ? least : most));
    return true;
}

static bool refuse_shape(const aq_v2_call *call, int tensor, const aq_view *legal, aq_finding *finding)
{
    char text[120];
    finding->argument = aq_v2_tensor_names[tensor];
    aq_say_shape(finding, &call->view[tensor]);
    aq_say_nearest(finding, "shape %s", aq_view_shape_text(legal, text, sizeof text));
    return true;
}

static aq_view shape_1(int64_t a)
{
    return (aq_view){.rank = 1, .dims = {a}};
}

static aq_view shape_2(int64_t a, int64_t b)
{
    return (aq_view){.rank = 2, .dims = {a, b}};
}

static bool is_shape(const aq_view *view, aq_view shape)
{
    return view->rank == shape.rank && memcmp(view->dims, shape.dims, view->rank * sizeof view->dims[0]) == 0;
}

/* The page says so of INT32. FLOAT, where it is a weight at all, is packed alike. */
bool aq_v2_breaks_packed_rank(const aq_v2_call *call, aq_finding *finding)
{
    aclDataType dtype = call->view[AQ_V2_WEIGHT].dtype;
    bool packed = dtype == ACL_INT32 || (dtype == ACL_FLOAT && aq_dtype_in(dtype, call->profile->weight));
    if (!packed || !refuse_rank(call, AQ_V2_WEIGHT, 2, 2, finding))
        return false;
    aq_say_rule(finding, "rank must be 2 when eight 4-bit weights are packed into one %s",
                aq_dtype_name(dtype));
    return true;
}

bool aq_v2_breaks_ranks(const aq_v2_call *call, aq_finding *finding)
{
    uint64_t most = call->profile->most_rank;
    return refuse_rank(call, AQ_V2_X, 2, most, finding) ||
           refuse_rank(call, AQ_V2_WEIGHT, 2, most, finding) || refuse_rank(call, AQ_V2_Y, 2, most, finding);
}

bool aq_v2_breaks_parameter_ranks(const aq_v2_call *call, aq_finding *finding)
{
    for (int t = AQ_V2_SCALE; t <= AQ_V2_QUANT_OFFSET; t++)
        if (refuse_rank(call, t, 1, 2, finding))
            return true;
    return refuse_rank(call, AQ_V2_BIAS, 1, call->profile->most_bias_rank, finding);
}

bool aq_v2_breaks_y_shape(const aq_v2_call *call, aq_finding *finding)
{
    const aq_view *y = &call->view[AQ_V2_Y];
    if (aq_v2_dim(y, 1) == call->m && aq_v2_dim(y, 0) == call->n)
        return false;
    aq_view legal = *y;
    legal.dims[legal.rank - 2] = call->m;
    legal.dims[legal.rank - 1] = call->n;
    aq_say_rule(finding, "last two dims must be (m,n) = (%lld,%lld)", (long long)call->m, (long long)call->n);
    return refuse_shape(call, AQ_V2_Y, &legal, finding);
}

/* Of view, as if it had rank dims: 1 in front. d counts batch dims from the end. */
static int64_t batch_dim(const aq_view *view, uint64_t d)
{
    return d + 2 < view->rank ? aq_v2_dim(view, d + 2) : 1;
}

bool aq_v2_breaks_batch(const aq_v2_call *call, aq_finding *finding)
{
    const aq_view *x = &call->view[AQ_V2_X], *weight = &call->view[AQ_V2_WEIGHT], *y = &call->view[AQ_V2_Y];
    aq_view legal = {.rank = x->rank > weight->rank ? x->rank : weight->rank};
    legal.dims[legal.rank - 2] = call->m;
    legal.dims[legal.rank - 1] = call->n;
    for (uint64_t d = 0; d + 2 < legal.rank; d++) {
        int64_t of_x = batch_dim(x, d), of_weight = batch_dim(weight, d);
        if (of_x != of_weight && of_x != 1 && of_weight != 1) {
            aq_say_rule(finding, "batch dims must broadcast with x's");
            aq_view nearest = *weight;
            nearest.dims[nearest.rank - 3 - d] = of_x;
            return refuse_shape(call, AQ_V2_WEIGHT, &nearest, finding);
        }
        legal.dims[legal.rank - 3 - d] = of_x == 1 ? of_weight : of_x;
    }
    if (is_shape(y, legal))
        return false;
    aq_say_rule(finding, "batch dims must be x's and weight's, broadcast");
    return refuse_shape(call, AQ_V2_Y, &legal, finding);
}

bool aq_v2_breaks_scale_shape(const aq_v2_call *call, aq_finding *finding)
{
    const aq_view *scale = &call->view[AQ_V2_SCALE];
    long long n = (long long)call->n, groups = (long long)call->groups;
    if (call->group_size > 0) {
        aq_view legal = call->weight_is_n_k ? shape_2(n, groups) : shape_2(groups, n);
        if (is_shape(scale, legal))
            return false;
        aq_say_rule(finding, "shape must be %s = (%lld,%lld) when antiquantGroupSize is %d",
                    call->weight_is_n_k ? "(n,ceil(k/antiquantGroupSize))" : "(ceil(k/antiquantGroupSize),n)",
                    (long long)legal.dims[0], (long long)legal.dims[1], call->group_size);
        return refuse_shape(call, AQ_V2_SCALE, &legal, finding);
    }
    if (is_shape(scale, shape_1(1)) || is_shape(scale, shape_1(n)))
        return false;
    if (call->weight_is_n_k ? is_shape(scale, shape_2(n, 1))
                            : is_shape(scale, shape_2(1, 1)) || is_shape(scale, shape_2(1, n)))
        return false;
    aq_say_rule(finding, "shape must be (1), (n) or %s, n = %lld, when antiquantGroupSize is 0",
                call->weight_is_n_k ? "(n,1)" : "those behind a 1", n);
    return refuse_shape(call, AQ_V2_SCALE, &(aq_view){.rank = 1, .dims = {n}}, finding);
}

bool aq_v2_breaks_offset_shape(const aq_v2_call *call, aq_finding *finding)
{
    const aq_view *scale = &call->view[AQ_V2_SCALE];
    if (!call->present[AQ_V2_OFFSET] || is_shape(&call->view[AQ_V2_OFFSET], *scale))
        return false;
    aq_say_rule(finding, "shape must be exactly antiquantScale's");
    return refuse_shape(call, AQ_V2_OFFSET, scale, finding);
}

/* (1,1) only where it is (1,n). */
bool aq_v2_breaks_quant_shape(const aq_v2_call *call, aq_finding *finding)
{
    const aq_view *scale = &call->view[AQ_V2_QUANT_SCALE];
    if (!call->present[AQ_V2_QUANT_SCALE])
        return false;
    if (!is_shape(scale, shape_1(1)) && !is_shape(scale, shape_1(call->n)) &&
        !is_shape(scale, shape_2(1, call->n))) {
        aq_view legal = shape_1(call->n);
        aq_say_rule(finding, "shape must be (1), (n) or (1,n), n = %lld", (long long)call->n);
        return refuse_shape(call, AQ_V2_QUANT_SCALE, &legal, finding);
    }
    if (!call->present[AQ_V2_QUANT_OFFSET] || is_shape(&call->view[AQ_V2_QUANT_OFFSET], *scale))
        return false;
    aq_say_rule(finding, "shape must be quantScaleOptional's");
    return refuse_shape(call, AQ_V2_QUANT_OFFSET, scale, finding);
}

/* The page gives (n) and (1,n), and a rank of up to 6 on 310P: more dims of 1 in front, then. */
bool aq_v2_breaks_bias_shape(const aq_v2_call *call, aq_finding *finding)
{
    const aq_view *bias = &call->view[AQ_V2_BIAS];
    if (!call->present[AQ_V2_BIAS])
        return false;
    bool fine = aq_v2_dim(bias, 0) == call->n;
    for (uint64_t d = 1; d < bias->rank; d++)
        fine = fine && aq_v2_dim(bias, d) == 1;
    if (fine)
        return false;
    aq_view legal = shape_1(call->n);
    aq_say_rule(finding, "shape must be (n) or (1,n), n = %lld", (long long)call->n);
    return refuse_shape(call, AQ_V2_BIAS, &legal, finding);
}
