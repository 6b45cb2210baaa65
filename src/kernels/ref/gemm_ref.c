/* SPDX-License-Identifier: Apache-2.0 */
/* gemm_ref.c - the reference kernel: the summation orders of numerics page 5 in plain C, on any CPU. It comes
 * last in the table, takes everything, and every other kernel must give its bits. Where a product is exact in
 * fp32, a product and a sum are an fma; that saves most calls of fmaf, which is a library function where the
 * baseline CPU has no such instruction. */
#include <math.h>
#include <string.h>

#include "kernels/ref/pack.h"
#include "kernels/ref/recipe.h"

enum { MR = 4, NR = 16 };

static void pack_rows(const aq_rows_job *job)
{
    aq_pack_rows_generic(job, MR);
}

static float column_weight(const aq_panel_job *job, int64_t k, int64_t j)
{
    const aq_columns *columns = &job->columns;
    int8_t stored = job->weight.data[k * job->weight.stride_k + j * job->weight.stride_n];
    if (columns->recipe == AQ_RECIPE_FIXPIPE)
        return aq_recipe_fixpipe(stored, columns->offset[j], columns->scale[j], false);
    aq_scalar_steps steps = {.shift_present = columns->shift_present,
                             .factor_present = columns->factor_present,
                             .shift = columns->shift,
                             .factor = columns->factor};
    return aq_recipe_composed(stored, &steps, columns->add == NULL ? NULL : &columns->add[j],
                              columns->mul == NULL ? NULL : &columns->mul[j]);
}

static void pack_panel(const aq_panel_job *job)
{
    memset(job->panel, 0, (size_t)(job->steps * NR) * sizeof(float));
    int64_t in_lane = job->steps / AQ_LANES_T;
    for (int64_t p = 0; p < job->steps; p++) {
        int64_t k = p; /* the k that position p holds: kernel.h, at aq_lane_order */
        if (job->order == AQ_ORDER_T)
            k = p % in_lane * AQ_LANES_T + aq_lane_order[p / in_lane];
        for (int64_t j = 0; k < job->k && j < job->n; j++)
            job->panel[p * NR + j] = column_weight(job, k, j);
    }
}

/* Numbers of at most 12 significant bits between 2^-60 and 2^60, as all fp16 and most bf16 numbers are:
 * products of two such are exact in fp32. Weights that mode exact does not round need not be. */
static bool within(const float *values, int64_t count)
{
    int outside = 0;
    for (int64_t i = 0; i < count; i++) {
        float magnitude = fabsf(values[i]);
        outside |= !((magnitude >= 0x1p-60f && magnitude <= 0x1p60f) || magnitude == 0);
        outside |= (aq_f32_bits(magnitude) & 0xFFFu) != 0;
    }
    return outside == 0;
}

/* s = fma chains over `count` consecutive packed positions, from 0. exact: so are all products. */
static void chain(const float *packed, const float *panel, int64_t count, bool exact, float s[MR][NR])
{
    memset(s, 0, sizeof(float[MR][NR]));
    for (int64_t p = 0; p < count && exact; p++)
        for (int r = 0; r < MR; r++)
            for (int j = 0; j < NR; j++)
                s[r][j] += packed[p * MR + r] * panel[p * NR + j];
    for (int64_t p = 0; p < count && !exact; p++)
        for (int r = 0; r < MR; r++)
            for (int j = 0; j < NR; j++)
                s[r][j] = fmaf(packed[p * MR + r], panel[p * NR + j], s[r][j]);
}

/* The 16 partial sums of order T and their tree. */
static void chunk_t(const aq_gemm_tile *tile, bool exact, float s[MR][NR])
{
    float lane[AQ_LANES_T][MR][NR];
    int64_t in_lane = tile->steps / AQ_LANES_T;
    for (int l = 0; l < AQ_LANES_T; l++)
        chain(tile->packed + l * in_lane * MR, tile->panel + l * in_lane * NR, in_lane, exact,
              lane[aq_lane_order[l]]);
    for (int width = AQ_LANES_T / 2; width >= 1; width /= 2)
        for (int l = 0; l < width; l++)
            for (int r = 0; r < MR; r++)
                for (int j = 0; j < NR; j++)
                    lane[l][r][j] += lane[l + width][r][j];
    memcpy(s, lane[0], sizeof lane[0]);
}

static void gemm(const aq_gemm_tile *tile)
{
    float s[MR][NR];
    bool exact = within(tile->packed, tile->steps * MR) && within(tile->panel, tile->steps * NR);
    if (tile->order == AQ_ORDER_P)
        chain(tile->packed, tile->panel, tile->steps, exact, s);
    else
        chunk_t(tile, exact, s);
    for (int r = 0; r < MR; r++)
        for (int j = 0; j < NR; j++) {
            float *sum = &tile->sum[r * tile->sum_stride + j];
            *sum = tile->first ? s[r][j] : *sum + s[r][j];
        }
}

const aq_kernel aq_gemm_ref = {
    .name = "gemm_f16_s8_4x16_scalar",
    .level = AQ_CPU_SCALAR,
    .role = AQ_ROLE_GEMM,
    .mr = MR,
    .nr = NR,
    .pack_rows = pack_rows,
    .pack_panel = pack_panel,
    .gemm = gemm,
};
