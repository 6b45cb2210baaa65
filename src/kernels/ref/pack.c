/* SPDX-License-Identifier: Apache-2.0 */
/* pack.c - packing for every layout and every parameter: element by element, no instruction beyond plain C.
 * Decides nothing; where a packed position comes from is kernel.h's, what a weight becomes is recipe.h's. */
#include "kernels/ref/pack.h"

#include "kernels/ref/recipe.h"

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
        int8_t stored = weight->data[(base + j) * weight->stride_k + n * weight->stride_n];
        sum += row[j * parameters->diagonal_stride_j] * stored;
    }
    return sum;
}

float aq_weight_value(const aq_weight *weight, const aq_parameters *parameters, int64_t k_total, int64_t k,
                      int64_t n)
{
    int8_t stored = weight->data[k * weight->stride_k + n * weight->stride_n];
    if (parameters->recipe == AQ_RECIPE_FIXPIPE) {
        int32_t mixed = parameters->diagonal == NULL ? stored : mix_rows(weight, parameters, k_total, k, n);
        return aq_recipe_fixpipe(mixed, parameters->offset[n], parameters->scale[n]);
    }
    aq_scalar_steps steps = {parameters->shift_present, parameters->factor_present, parameters->shift,
                             parameters->factor};
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

void aq_pack_rows_generic(const aq_rows_job *job, int64_t mr)
{
    for (int64_t p = 0; p < job->steps; p++) {
        int64_t k = k_at(job->order, job->steps, p);
        float *column = job->packed + p * mr;
        for (int64_t r = 0; r < mr; r++) {
            column[r] = 0.0f;
            if (k < job->k && r < job->rows)
                column[r] = aq_f16_to_f32(job->x[r * job->stride_m + k * job->stride_k]);
        }
    }
}
