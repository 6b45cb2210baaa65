/* SPDX-License-Identifier: Apache-2.0 */
/* rules_v2_limits.c - rules about numbers: sizes, group sizes, what single kinds of weights ask for.
 * Operators pages 3.1 and 3.2, in the order of page 3.3, check 4. */
#include "base/checked.h"
#include "ops/rules_v2.h"
#include "tensor/dtype.h"

bool aq_v2_breaks_k(const aq_v2_call *call, aq_finding *finding)
{
    int64_t k = aq_v2_dim(&call->view[AQ_V2_X], 0);
    if (k == call->k)
        return false;
    char text[80];
    finding->argument = "x, weight";
    aq_say_rule(finding, "x is (m,k) and weight is (%s): both must have the same k",
                call->weight_is_n_k ? "n,k" : "k,n");
    aq_say_actual(finding, "k = %lld in x, %lld in weight of shape %s", (long long)k, (long long)call->k,
                  aq_view_shape_text(&call->view[AQ_V2_WEIGHT], text, sizeof text));
    aq_say_nearest(finding, "k = %lld in both", (long long)k);
    return true;
}

/* Batch dims count: what is empty is refused whatever makes it so. */
bool aq_v2_breaks_empty(const aq_v2_call *call, aq_finding *finding)
{
    for (int t = AQ_V2_X; t <= AQ_V2_WEIGHT; t++) {
        int64_t elements = 0;
        if (aq_view_elements(&call->view[t], &elements) && elements > 0)
            continue;
        finding->argument = aq_v2_tensor_names[t];
        aq_say_rule(finding, "must not be empty: m, k, n and batch dims must be at least 1");
        aq_say_shape(finding, &call->view[t]);
        return true;
    }
    return false;
}

/* value is over its limit in the case that when names. */
static bool over(const aq_v2_call *call, int tensor, const char *name, const char *when, int64_t value,
                 int64_t most, aq_finding *finding)
{
    if (value <= most)
        return false;
    finding->argument = aq_v2_tensor_names[tensor];
    aq_say_rule(finding, "%s must be at most %lld%s on profile %s", name, (long long)most, when,
                call->profile->name);
    aq_say_actual(finding, "%s = %lld", name, (long long)value);
    aq_say_nearest(finding, "%s = %lld", name, (long long)most);
    return true;
}

bool aq_v2_breaks_limits(const aq_v2_call *call, aq_finding *finding)
{
    const aq_profile *profile = call->profile;
    int64_t grouped;
    if (!aq_mul_i64(call->m, call->k, &grouped))
        grouped = INT64_MAX;
    bool transposed = call->x_transposed;
    return over(call, AQ_V2_WEIGHT, "k", "", call->k, profile->most_k, finding) ||
           over(call, AQ_V2_WEIGHT, "n", "", call->n, profile->most_n, finding) ||
           over(call, AQ_V2_X, "m", transposed ? " when x is transposed" : "", call->m,
                transposed ? profile->most_transposed_m : profile->most_m, finding) ||
           (call->group_size > 0 &&
            over(call, AQ_V2_X, "m * k", " with a group size", grouped, profile->most_grouped_mk, finding));
}

/* INT32 and FLOAT hold whole words. */
bool aq_v2_breaks_even_axis(const aq_v2_call *call, aq_finding *finding)
{
    int64_t inner = call->weight_transposed ? call->k : call->n;
    if (call->profile->odd_nibbles || !aq_v2_is_4bit(call->weight_dtype) || inner % 2 == 0)
        return false;
    const char *name = call->weight_transposed ? "k" : "n";
    finding->argument = aq_v2_tensor_names[AQ_V2_WEIGHT];
    aq_say_rule(finding, "%s, the inner axis of a 4-bit weight in memory, must be even", name);
    aq_say_actual(finding, "%s = %lld", name, (long long)inner);
    aq_say_nearest(finding, "%s = %lld", name, (long long)inner + 1);
    return true;
}

bool aq_v2_breaks_group_size(const aq_v2_call *call, aq_finding *finding)
{
    const int64_t step = 32; /* operators page 3.1 */
    int64_t group = call->group_size;
    if (group == 0 || (call->profile->any_group && group > 0) ||
        (group % step == 0 && group >= step && group < call->k))
        return false;
    finding->argument = "antiquantGroupSize";
    aq_say_actual(finding, "%d", call->group_size);
    if (call->profile->any_group) {
        aq_say_rule(finding, "must be 0 or at least 1");
        aq_say_nearest(finding, "0");
        return true;
    }
    aq_say_rule(finding, "must be 0, or a multiple of 32 from 32 to k - 1 = %lld", (long long)call->k - 1);
    int64_t nearest = group < step ? step : aq_round_up(group, step);
    if (nearest >= call->k)
        nearest = (call->k - 1) / step * step;
    aq_say_nearest(finding, "%lld", (long long)(group < 0 ? 0 : nearest));
    return true;
}

static const char *granularity_name(const aq_v2_call *call)
{
    static const char *const names[] = {"per tensor", "per channel", "per group"};
    return names[call->granularity];
}

/* FP8 and FP4 of operators page 3.1. The rules are the types' own, so they hold on every profile that has
 * them. */
bool aq_v2_breaks_float_weight(const aq_v2_call *call, aq_finding *finding)
{
    const char *dtype = aq_dtype_name(call->weight_dtype);
    bool float8 = aq_v2_is_float8(call->weight_dtype);
    if (float8 && call->granularity != AQ_PER_CHANNEL) {
        finding->argument = aq_v2_tensor_names[AQ_V2_SCALE];
        aq_say_rule(finding, "must be per channel, with antiquantGroupSize 0, for %s weights", dtype);
        aq_say_actual(finding, "%s, antiquantGroupSize %d", granularity_name(call), call->group_size);
        aq_say_nearest(finding, "shape (%lld), antiquantGroupSize 0", (long long)call->n);
        return true;
    }
    if (call->mx && call->group_size != 32) {
        finding->argument = "antiquantGroupSize";
        aq_say_rule(finding, "must be 32 with FLOAT8_E8M0 scales");
        aq_say_actual(finding, "%d", call->group_size);
        aq_say_nearest(finding, "32");
        return true;
    }
    if (!call->present[AQ_V2_OFFSET] || !(float8 || call->weight_dtype == ACL_FLOAT4_E2M1))
        return false;
    finding->argument = aq_v2_tensor_names[AQ_V2_OFFSET];
    aq_say_rule(finding, "must be null for %s weights", dtype);
    aq_say_actual(finding, "not null");
    aq_say_nearest(finding, "null");
    return true;
}

/* The rule is said by the caller. */
static bool refuse_granularity(const aq_v2_call *call, const char *nearest, aq_finding *finding)
{
    finding->argument = aq_v2_tensor_names[AQ_V2_SCALE];
    aq_say_rule(finding, "must not be %s for an NZ weight of %s on profile %s", granularity_name(call),
                aq_dtype_name(call->view[AQ_V2_WEIGHT].dtype), call->profile->name);
    aq_say_actual(finding, "%s", granularity_name(call));
    aq_say_nearest(finding, "%s", nearest);
    return true;
}

static bool refuse_orientation(const aq_v2_call *call, int tensor, bool transposed, aq_finding *finding)
{
    finding->argument = aq_v2_tensor_names[tensor];
    aq_say_rule(finding, "must %sbe transposed for a %s NZ weight of %s on profile %s",
                transposed ? "not " : "", granularity_name(call),
                aq_dtype_name(call->view[AQ_V2_WEIGHT].dtype), call->profile->name);
    aq_say_actual(finding, transposed ? "transposed" : "not transposed");
    aq_say_nearest(finding, transposed ? "not transposed" : "transposed");
    return true;
}

static bool breaks_nz_groups(const aq_v2_call *call, const aq_nz_limits *limits, aq_finding *finding)
{
    bool listed = limits->groups[0] == 0;
    for (int i = 0; i < AQ_MAX_GROUPS; i++)
        listed = listed || limits->groups[i] == call->group_size;
    if (!listed || (limits->whole_groups && call->k % call->group_size != 0)) {
        finding->argument = "antiquantGroupSize";
        aq_say_rule(finding, "must be %d, %d%s%s for an NZ weight of %s on profile %s", limits->groups[0],
                    limits->groups[1], limits->groups[2] != 0 ? ", 128 or 256" : "",
                    limits->whole_groups ? " and divide k" : "",
                    aq_dtype_name(call->view[AQ_V2_WEIGHT].dtype), call->profile->name);
        aq_say_actual(finding, "%d, k = %lld", call->group_size, (long long)call->k);
        aq_say_nearest(finding, "%d", limits->groups[0]);
        return true;
    }
    int64_t step = limits->group_n_step;
    if (step == 0 || call->n % step == 0)
        return false;
    finding->argument = aq_v2_tensor_names[AQ_V2_WEIGHT];
    aq_say_rule(finding, "n must be a multiple of %lld for a per group NZ weight of %s on profile %s",
                (long long)step, aq_dtype_name(call->view[AQ_V2_WEIGHT].dtype), call->profile->name);
    aq_say_actual(finding, "n = %lld", (long long)call->n);
    aq_say_nearest(finding, "n = %lld", (long long)aq_round_up(call->n, step));
    return true;
}

bool aq_v2_breaks_nz(const aq_v2_call *call, aq_finding *finding)
{
    if (!call->weight_is_nz)
        return false;
    const aq_nz_limits *limits = &call->profile->nz[call->weight_kind];
    aq_v2_granularity granularity = call->granularity;
    aq_nz nz;
    if (!aq_v2_nz_of(call, &nz)) { /* not on the page */
        finding->argument = aq_v2_tensor_names[AQ_V2_WEIGHT];
        aq_say_rule(finding, "its storage in FRACTAL_NZ must fit the memory");
        aq_say_shape(finding, &call->view[AQ_V2_WEIGHT]);
        return true;
    }
    if ((granularity == AQ_PER_TENSOR && limits->no_tensor) ||
        (granularity == AQ_PER_CHANNEL && limits->no_channel) ||
        (granularity == AQ_PER_GROUP && limits->no_group))
        return refuse_granularity(call, limits->no_channel ? "per group" : "per channel", finding);
    if (limits->no_quant && call->present[AQ_V2_QUANT_SCALE]) {
        finding->argument = aq_v2_tensor_names[AQ_V2_QUANT_SCALE];
        aq_say_rule(finding, "must be null for an NZ weight of %s on profile %s",
                    aq_dtype_name(call->view[AQ_V2_WEIGHT].dtype), call->profile->name);
        aq_say_actual(finding, "not null");
        aq_say_nearest(finding, "null");
        return true;
    }
    bool grouped = granularity == AQ_PER_GROUP, plain = limits->plain || (grouped && limits->group_plain);
    if (call->weight_transposed && plain)
        return refuse_orientation(call, AQ_V2_WEIGHT, true, finding);
    if (!call->weight_transposed && !grouped && limits->channel_transposed)
        return refuse_orientation(call, AQ_V2_WEIGHT, false, finding);
    if (call->x_transposed && grouped && limits->group_plain)
        return refuse_orientation(call, AQ_V2_X, true, finding);
    if (grouped && breaks_nz_groups(call, limits, finding))
        return true;
    static const char nz_weight[] = " for an NZ weight";
    if ((limits->most_k > 0 && over(call, AQ_V2_WEIGHT, "k", nz_weight, call->k, limits->most_k, finding)) ||
        (limits->most_n > 0 && over(call, AQ_V2_WEIGHT, "n", nz_weight, call->n, limits->most_n, finding)))
        return true;
    if (call->n >= limits->least_n)
        return false;
    finding->argument = aq_v2_tensor_names[AQ_V2_WEIGHT];
    aq_say_rule(finding, "n of an NZ weight must be at least %lld on profile %s", (long long)limits->least_n,
                call->profile->name);
    aq_say_actual(finding, "n = %lld", (long long)call->n);
    aq_say_nearest(finding, "n = %lld", (long long)limits->least_n);
    return true;
}

/* Operators page 3.4. Page 3.5 does not list them, so they hold on profile any too. */
bool aq_v2_breaks_fixpipe_limits(const aq_v2_call *call, aq_finding *finding)
{
    const int64_t step = 64, most_m = 96;
    if (!call->fixpipe)
        return false;
    finding->argument = "antiquantScale";
    if (call->weight_is_nz || !call->weight_transposed || call->x_transposed) {
        aq_say_rule(finding, "UINT64 and INT64 need a transposed ND weight and an x that is not transposed");
        aq_say_actual(finding, "weight %s%s, x %s", call->weight_is_nz ? "FRACTAL_NZ, " : "",
                      call->weight_transposed ? "transposed" : "not transposed",
                      call->x_transposed ? "transposed" : "not transposed");
        return true;
    }
    if (call->granularity != AQ_PER_CHANNEL) {
        aq_say_rule(finding, "UINT64 and INT64 must be per channel");
        aq_say_actual(finding, "%s", granularity_name(call));
        aq_say_nearest(finding, "shape (%lld), antiquantGroupSize 0", (long long)call->n);
        return true;
    }
    if (call->k % step == 0 && call->n % step == 0 && call->m <= most_m)
        return false;
    aq_say_rule(finding, "UINT64 and INT64 need k and n that are multiples of 64, and m <= 96");
    aq_say_actual(finding, "m = %lld, k = %lld, n = %lld", (long long)call->m, (long long)call->k,
                  (long long)call->n);
    aq_say_nearest(finding, "m = %lld, k = %lld, n = %lld", (long long)aq_min_i64(call->m, most_m),
                   (long long)aq_round_up(call->k, step), (long long)aq_round_up(call->n, step));
    return true;
}
