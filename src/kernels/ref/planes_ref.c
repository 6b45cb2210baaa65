/* SPDX-License-Identifier: Apache-2.0 */
/* planes_ref.c - the integer kernels in plain C, for any CPU and for the checker to compare with. Digits lie
 * row by row as 16-bit integers, weights as bytes, k by k. */
#include <math.h>

#include "base/float16.h"
#include "kernels/digits.h"
#include "kernels/weight.h"

/* Of a tile's block: high, then, in mode exact, low; each [row][k]. */
enum { PLANE = AQ_DIGIT_ROWS * AQ_BLOCK };

static void make_digits(aq_digits_job *job)
{
    for (int r = 0; r < AQ_DIGIT_ROWS; r++)
        job->fits[r] = true;
    const int64_t bytes = PLANE * (int64_t)sizeof(int16_t) * (job->exact ? 2 : 1);
    for (int64_t b = 0; b < job->blocks; b++) {
        char *at = job->digits + b * (bytes + (int64_t)sizeof(aq_digits_tail));
        aq_digits_tail *tail = (aq_digits_tail *)(void *)(at + bytes);
        memset(at, 0, (size_t)bytes + sizeof *tail);
        for (int64_t r = 0; r < job->rows; r++) {
            aq_block_digits block;
            aq_make_block(job->x + r * job->x_stride + b * AQ_BLOCK, job->exact, &block);
            job->fits[r] = job->fits[r] && block.fits;
            int16_t *high = (int16_t *)(void *)at + r * AQ_BLOCK;
            memcpy(high, block.high, sizeof block.high);
            if (job->exact)
                memcpy(high + PLANE, block.low, sizeof block.low);
            aq_sum_segments(&block, job->segments, tail, (int)r);
        }
    }
}

static void pack_panel(const aq_integers_job *job)
{
    const int64_t columns = aq_panel_columns(job->weight->type);
    int8_t *panel = job->panel;
    memset(panel, 0, (size_t)(AQ_BLOCK * columns));
    for (int64_t k = 0; k < job->k; k++)
        for (int64_t j = 0; j < job->n; j++)
            panel[k * columns + j] = (int8_t)aq_weight_integer(job->weight, job->k0 + k, job->n0 + j);
}

/* Sum over a segment of digits * weights of one column. */
static int32_t dot(const int16_t *digits, const int8_t *weights, int64_t columns, int length)
{
    int32_t sum = 0;
    for (int i = 0; i < length; i++)
        sum += digits[i] * weights[i * columns];
    return sum;
}

static void multiply(const aq_planes_tile *tile)
{
    const int length = AQ_BLOCK / tile->segments;
    const int64_t columns = tile->columns;
    const aq_digits_tail *tail =
        (const aq_digits_tail *)(const void *)(tile->digits + PLANE * (tile->exact ? 4 : 2));
    for (int64_t r = 0; r < tile->rows; r++)
        for (int64_t j = 0; j < columns; j++)
            for (int s = 0; s < tile->segments; s++) {
                const int16_t *high = (const int16_t *)(const void *)tile->digits + r * AQ_BLOCK + s * length;
                const int8_t *weights = (const int8_t *)tile->panel + s * length * columns + j;
                float *acc = &tile->acc[r * tile->acc_stride + j];
                float f = (float)dot(high, weights, columns, length);
                if (tile->exact)
                    f = fmaf(f, 256.0f, (float)dot(high + PLANE, weights, columns, length));
                if (tile->scale == NULL) {
                    *acc = fmaf(f, tail->scale[r], *acc);
                    continue;
                }
                *acc = fmaf(f * tail->scale[r], tile->scale[s * columns + j], *acc);
                if (tile->zero != NULL)
                    *acc = fmaf(tail->x_sum[s][r], tile->zero[s * columns + j], *acc);
            }
}

static float half_value(uint16_t bits, aq_half half)
{
    return half == AQ_F16 ? aq_f16_to_f32(bits) : aq_bf16_to_f32(bits);
}

static void group_scales(const aq_group_scales *job)
{
    const aq_scaled *scaled = job->scaled;
    const int64_t columns = aq_panel_columns(job->type), length = AQ_BLOCK / job->segments;
    for (int64_t s = 0; s < job->segments; s++)
        for (int64_t j = 0; j < columns; j++) {
            float scale = 0.0f, offset = 0.0f;
            if (s * length < job->k && j < job->n) {
                int64_t group = (job->k0 + s * length) / scaled->group, column = job->n0 + j;
                int64_t at = group * scaled->scale_group + column * scaled->scale_n;
                scale = half_value(((const uint16_t *)scaled->scale)[at], scaled->half);
                if (job->zero != NULL)
                    offset =
                        half_value(scaled->offset[group * scaled->offset_group + column * scaled->offset_n],
                                   scaled->half);
            }
            job->scale[s * columns + j] = scale;
            if (job->zero != NULL)
                job->zero[s * columns + j] = offset * scale;
        }
}

static bool finish(const aq_finish_job *job)
{
    bool finite = true;
    for (int64_t j = 0; j < job->n; j++) {
        float value = job->acc[j];
        if (job->scale != NULL)
            value = value * job->scale[j];
        if (job->zero != NULL)
            value = fmaf(job->x_total, job->zero[j], value);
        job->out[j] = value;
        finite = finite && isfinite(value);
    }
    return finite;
}

static const aq_planes planes = {.tile_rows = AQ_DIGIT_ROWS,
                                 .digit_bytes = {PLANE * 2, PLANE * 4},
                                 .tail_bytes = sizeof(aq_digits_tail),
                                 .cuts_k = true,
                                 .make_digits = make_digits,
                                 .pack_panel = pack_panel,
                                 .multiply = multiply,
                                 .group_scales = group_scales,
                                 .finish = finish};

const aq_kernel aq_planes_ref = {
    .name = "planes_f16_s8s4_4x64_scalar",
    .level = AQ_CPU_SCALAR,
    .role = AQ_ROLE_PLANES,
    .mr = AQ_DIGIT_ROWS,
    .nr = AQ_PANEL_MOST,
    .declines = aq_planes_decline,
    .planes = &planes,
};
