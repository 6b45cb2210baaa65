/* SPDX-License-Identifier: Apache-2.0 */
/* pack.c - packing for every layout and every parameter: element by element, no instruction beyond plain C.
 * Decides nothing; where a packed position comes from is kernel.h's, what a weight becomes is recipe.h's. */
#include "kernels/ref/pack.h"

#include "kernels/ref/recipe.h"
#include "kernels/weight.h"

enum { DIAGONAL = 32 }; /* rows and columns of the diagonal matrix, operator page 1.1 */

/* Row k % 32 of the diagonal block times the 32 weights around k, operator page 1.2. */
static int32_t mix_rows(const aq_weight *weight, const aq_parameters *parameters, int64_t k_total, int64_t k,
                        int64_t n)
{
    int64_t base = k / DIAGONAL * DIAGONAL;
    int64_t rows = k_total - base < DIAGONAL ? k_total - base : DIAGONAL;
    const int8_t *row = parameters->diagonal + (k - base) * parameters->diagonal_stride_i;
    int32_t sum = 0;
    for (int64_t j = 0; j < rows; j++) {
        int32_t stored = aq_weight_integer(weight, base + j, n);
        sum += row[j * parameters->diagonal_stride_j] * stored;
    }
    return sum;
}

static float half_to_f32(uint16_t bits, aq_half half)
{
    return half == AQ_F16 ? aq_f16_to_f32(bits) : aq_bf16_to_f32(bits);
}

static float scaled_value(const aq_weight *weight, const aq_scaled *scaled, int64_t k, int64_t n, bool exact)
{
    int64_t group = k / scaled->group;
    int64_t at = group * scaled->scale_group + n * scaled->scale_n;
    /* what is no 16-bit value is rounded to one before it is used: float weights and powers of two (page 3.1)
     */
    float scale = scaled->e8m0
                      ? aq_round_half(aq_e8m0_to_f32(((const uint8_t *)scaled->scale)[at]), scaled->half)
                      : half_to_f32(((const uint16_t *)scaled->scale)[at], scaled->half);
    float stored = aq_round_half(aq_weight_number(weight, k, n), scaled->half);
    if (scaled->offset == NULL)
        return aq_recipe_scaled(stored, NULL, scale, scaled->half, exact);
    float offset =
        half_to_f32(scaled->offset[group * scaled->offset_group + n * scaled->offset_n], scaled->half);
    return aq_recipe_scaled(stored, &offset, scale, scaled->half, exact);
}

float aq_weight_value(const aq_weight *weight, const aq_parameters *parameters, int64_t k_total, int64_t k,
                      int64_t n)
{
    if (parameters->recipe == AQ_RECIPE_SCALED)
        return scaled_value(weight, &parameters->scaled, k, n, parameters->exact);
    int8_t stored = (int8_t)aq_weight_integer(weight, k, n);
    if (parameters->recipe == AQ_RECIPE_FIXPIPE) {
        int32_t mixed = parameters->diagonal == NULL ? stored : mix_rows(weight, parameters, k_total, k, n);
        return aq_recipe_fixpipe(mixed, parameters->offset[n], parameters->scale[n], parameters->exact);
    }
    aq_scalar_steps steps = {parameters->shift_present, parameters->factor_present, parameters->shift,
                             parameters->factor, parameters->exact};
    float add = 0.0f, mul = 0.0f;
    if (parameters->add != NULL)
        add = aq_f16_to_f32(parameters->add[k * parameters->add_stride_k + n * parameters->add_stride_n]);
    if (parameters->mul != NULL)
        mul = aq_f16_to_f32(parameters->mul[k * parameters->mul_stride_k + n * parameters->mul_stride_n]);
    return aq_recipe_composed(stored, &steps, parameters->add == NULL ? NULL : &add,
                              parameters->mul == NULL ? NULL : &mul);
}

/* The k of the chunk that packed position p holds (kernel.h, at aq_lane_order); padding if beyond the chunk.
 */
static int64_t k_at(aq_order order, int64_t steps, int64_t p)
{
    if (order == AQ_ORDER_P)
        return p;
    int64_t in_lane = steps / AQ_LANES_T;
    return p % in_lane * AQ_LANES_T + aq_lane_order[p / in_lane];
}

void aq_pack_panel_generic(const aq_generic_panel_job *job)
{
    for (int64_t p = 0; p < job->steps; p++) {
        int64_t k = k_at(job->order, job->steps, p);
        float *row = job->panel + p * job->nr;
        for (int64_t j = 0; j < job->nr; j++) {
            row[j] = 0.0f;
            if (k < job->k && j < job->n)
                row[j] =
                    aq_weight_value(job->weight, job->parameters, job->k_total, job->k0 + k, job->n0 + j);
        }
    }
}

void aq_pack_row_generic(const aq_rows_job *job, int64_t mr)
{
    for (int64_t p = 0; p < job->steps; p++) {
        int64_t k = k_at(job->order, job->steps, p);
        job->packed[p * mr] = k < job->k ? half_to_f32(job->x[k * job->stride_k], job->half) : 0.0f;
    }
}

void aq_pack_rows_generic(const aq_rows_job *job, int64_t mr)
{
    for (int64_t p = 0; p < job->steps; p++) {
        int64_t k = k_at(job->order, job->steps, p);
        float *column = job->packed + p * mr;
        for (int64_t r = 0; r < mr; r++) {
            column[r] = 0.0f;
            if (k < job->k && r < job->rows)
                column[r] = half_to_f32(job->x[r * job->stride_m + k * job->stride_k], job->half);
        }
    }
}
