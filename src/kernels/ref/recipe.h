/* SPDX-License-Identifier: Apache-2.0 */
/* recipe.h - the recipes of operator page 1.2 and successors page 3.4 for one weight, in plain C. Every step
 * is a separate statement, so that each is rounded once; the project compiles with -ffp-contract=off. Knows
 * nothing of layouts. */
#ifndef AQ_KERNELS_REF_RECIPE_H
#define AQ_KERNELS_REF_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/float16.h"
#include "kernels/kernel.h"

/* In mode exact no step of any recipe rounds to 16 bits, and nothing saturates but the integer addition. */

/* H((float)sat32(mixed + offset) * scale). mixed is the int8 weight, or a row of the diagonal matrix times 32
 * of them: at most 32 * 128 * 128, so that only the addition of the offset can leave int32. */
static inline float aq_recipe_fixpipe(int32_t mixed, int32_t offset, float scale, bool exact)
{
    int64_t sum = (int64_t)mixed + offset;
    if (sum > INT32_MAX)
        sum = INT32_MAX;
    if (sum < INT32_MIN)
        sum = INT32_MIN;
    float product = (float)sum * scale;
    return exact ? product : aq_round_f16_saturating(product);
}

/* The steps that are the same for every column. */
typedef struct aq_scalar_steps {
    bool shift_present, factor_present;
    float shift, factor;
    bool exact;
} aq_scalar_steps;

/* R16(R16(R16((w + shift) * factor) + *add) * *mul). add and mul hold fp16 values; null skips the step. */
static inline float aq_recipe_composed(int8_t weight, const aq_scalar_steps *steps, const float *add,
                                       const float *mul)
{
    float w = weight;
    if (steps->shift_present)
        w = w + steps->shift;
    if (steps->factor_present)
        w = w * steps->factor;
    float h = steps->exact ? w : aq_round_f16(w);
    if (add != NULL) {
        h = h + *add;
        h = steps->exact ? h : aq_round_f16(h);
    }
    if (mul != NULL) {
        h = h * *mul;
        h = steps->exact ? h : aq_round_f16(h);
    }
    return h;
}

/* Rounded to nearest even to the 16-bit type, and back. */
static inline float aq_round_half(float value, aq_half half)
{
    return half == AQ_F16 ? aq_round_f16(value) : aq_bf16_to_f32(aq_f32_to_bf16(value));
}

/* R(R(w + *offset) * scale); offset null skips the first step. Successors page 3.4. */
static inline float aq_recipe_scaled(float weight, const float *offset, float scale, aq_half half, bool exact)
{
    float a = weight;
    if (offset != NULL)
        a = exact ? a + *offset : aq_round_half(a + *offset, half);
    float product = a * scale;
    return exact ? product : aq_round_half(product, half);
}

#endif
