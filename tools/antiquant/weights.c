/* SPDX-License-Identifier: Apache-2.0 */
/* weights.c - the dequantisation of each operator, step by step as its page writes it. Modes `exact`
 * and `fast` leave the roundings out (numerics page 5). */
#include "weights.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

enum { LAST_FIXPIPE = 64 /* operator page 1.2 */ };

int64_t aq_cli_groups(const aq_cli_format *format, int64_t k)
{
    return format->group > 0 ? (k + format->group - 1) / format->group : 1;
}

bool aq_cli_fixpipe(const aq_cli_weight *weight, int64_t m)
{
    return weight->format.op == AQ_CLI_V1 && m <= LAST_FIXPIPE;
}

/* Operator page 1.2, fixpipe path, steps 1 and 2, for an identity matrix D. */
static double fixpipe_weight(const aq_cli_weight *weight, int value, int64_t column, double *size)
{
    int32_t offset = weight->deq_offset[column];
    float scale = weight->deq_scale[column];
    int64_t sum = (int64_t)value + offset;
    int32_t t = (int32_t)(sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : sum);
    uint32_t pattern;
    memcpy(&pattern, &scale, sizeof pattern);
    pattern &= UINT32_C(0xFFFFE000);
    memcpy(&scale, &pattern, sizeof scale);
    *size = (abs(value) + fabs((double)offset)) * fabs((double)scale);
    if (weight->numerics != AQ_CLI_NPU) {
        return (double)t * scale;
    }
    float product = (float)t * scale;
    double rounded = aq_cli_half_value(aq_cli_half(product));
    return isinf(rounded) ? copysign(65504.0, rounded) : rounded;
}

/* Operator page 1.2, composed path, steps 1 to 6. */
static double composed_weight(const aq_cli_weight *weight, int value, int64_t column, double *size)
{
    bool has_offset = !(fabsf(weight->antiquant_offset) <= FLT_EPSILON);
    bool has_scale = !(fabsf(weight->antiquant_scale - 1.0f) <= FLT_EPSILON);
    double offset = has_offset ? weight->antiquant_offset : 0.0;
    double scale = has_scale ? weight->antiquant_scale : 1.0;
    double add = weight->add != NULL ? aq_cli_round_16(false, weight->add[column]) : 0.0;
    double mul = aq_cli_round_16(false, weight->mul[column]);
    *size = ((abs(value) + fabs(offset)) * fabs(scale) + fabs(add)) * fabs(mul);
    if (weight->numerics != AQ_CLI_NPU) {
        return ((value + offset) * scale + add) * mul;
    }
    float w = (float)value;
    w = has_offset ? w + weight->antiquant_offset : w;
    w = has_scale ? w * weight->antiquant_scale : w;
    double h = aq_cli_round_16(false, w);
    if (weight->add != NULL) {
        h = aq_cli_round_16(false, h + add);
    }
    return aq_cli_round_16(false, h * mul);
}

/* Successors page 3.4, steps 1 and 2: A = R(W + O), Wd = R(A * S). Each sum and product of 16-bit values is
 * made in fp32 there; that it is exact here changes nothing, 24 bits are 2 * 11 + 2. */
static double successor_weight(const aq_cli_weight *weight, int value, int64_t column, int64_t group,
                               double *size)
{
    bool bf16 = weight->format.bf16;
    int64_t at = column * aq_cli_groups(&weight->format, weight->k) + group;
    double scale = aq_cli_round_16(bf16, weight->mul[at]);
    double offset = weight->add != NULL ? aq_cli_round_16(bf16, weight->add[at]) : 0.0;
    *size = (abs(value) + fabs(offset)) * fabs(scale);
    if (weight->numerics != AQ_CLI_NPU) {
        return (value + offset) * scale;
    }
    double a = weight->add != NULL ? aq_cli_round_16(bf16, value + offset) : value;
    return aq_cli_round_16(bf16, a * scale);
}

double aq_cli_weight_value(const aq_cli_weight *weight, bool fixpipe, int value, int64_t column,
                           int64_t group, double *size)
{
    return weight->format.op != AQ_CLI_V1 ? successor_weight(weight, value, column, group, size)
           : fixpipe                      ? fixpipe_weight(weight, value, column, size)
                                          : composed_weight(weight, value, column, size);
}

double aq_cli_bias_value(const aq_cli_weight *weight, bool fixpipe, int64_t column)
{
    if (weight->bias == NULL) {
        return 0.0;
    }
    /* V1's composed path rounds its fp32 bias (operator page 1.2, step 7), but not in
     * `exact` and `fast`; the successors
     * are given fp16 with fp16 x, and fp32 with bf16 x. */
    double bias = weight->bias[column];
    bool rounded =
        weight->format.op == AQ_CLI_V1 ? !fixpipe && weight->numerics == AQ_CLI_NPU : !weight->format.bf16;
    return rounded ? aq_cli_round_16(false, bias) : bias;
}
