/* SPDX-License-Identifier: Apache-2.0 */
/* ends.c - the two ends in plain C, and the choice by CPU level. */
#include "kernels/ends.h"

#include <math.h>
#include <stddef.h>

#include "base/float16.h"

void aq_widen_f16_ref(const aq_widen_job *job)
{
    for (int64_t i = 0; i < job->k; i++)
        job->row[i] = aq_f16_to_f32(job->x[i * job->stride]);
    for (int64_t i = job->k; i < job->padded; i++)
        job->row[i] = 0.0f;
}

void aq_widen_bf16_ref(const aq_widen_job *job)
{
    for (int64_t i = 0; i < job->k; i++)
        job->row[i] = aq_bf16_to_f32(job->x[i * job->stride]);
    for (int64_t i = job->k; i < job->padded; i++)
        job->row[i] = 0.0f;
}

static float value_at(const aq_store_job *job, int64_t r, int64_t j)
{
    float sum = job->sum[r * job->sum_stride + j];
    return job->bias != NULL ? sum + job->bias[j] : sum;
}

void aq_store_f16_ref(const aq_store_job *job)
{
    for (int64_t r = 0; r < job->rows; r++) {
        uint16_t *out = (uint16_t *)job->out + r * job->stride_m;
        for (int64_t j = 0; j < job->n; j++) {
            float value = value_at(job, r, j);
            out[j * job->stride_n] = value != value ? 0x7E00u : aq_f32_to_f16(value);
        }
    }
}

void aq_store_bf16_ref(const aq_store_job *job)
{
    for (int64_t r = 0; r < job->rows; r++) {
        uint16_t *out = (uint16_t *)job->out + r * job->stride_m;
        for (int64_t j = 0; j < job->n; j++) {
            float value = value_at(job, r, j);
            out[j * job->stride_n] = value != value ? 0x7FC0u : aq_f32_to_bf16(value);
        }
    }
}

/* value: what is multiplied by the scale; rounded to nearest even by the addition of 1.5 * 2^23. */
static int8_t quantised(float value, int32_t offset)
{
    if (value != value)
        return 0;
    float limited = value < -256.0f ? -256.0f : value > 255.0f ? 255.0f : value;
    volatile float shifted = limited + 12582912.0f;
    int32_t result = (int32_t)(shifted - 12582912.0f) + offset;
    return (int8_t)(result < -128 ? -128 : result > 127 ? 127 : result);
}

void aq_store_s8_ref(const aq_store_job *job)
{
    for (int64_t r = 0; r < job->rows; r++) {
        int8_t *out = (int8_t *)job->out + r * job->stride_m;
        for (int64_t j = 0; j < job->n; j++)
            out[j * job->stride_n] =
                quantised(value_at(job, r, j) * job->quant_scale[j], job->quant_offset[j]);
    }
}

void aq_add_block_ref(const aq_block_job *job)
{
    for (int64_t j = 0; j < job->n; j++) {
        float acc = job->acc[j];
        acc =
            job->scale == NULL ? fmaf(job->f[j], job->s, acc) : fmaf(job->f[j] * job->s, job->scale[j], acc);
        job->acc[j] = job->zero != NULL ? fmaf(job->x, job->zero[j], acc) : acc;
    }
}

void aq_add_sums(float *restrict sum, const float *restrict more, int64_t n)
{
    for (int64_t j = 0; j < n; j++)
        sum[j] += more[j];
}

const aq_ends *aq_ends_for(aq_cpu_level level)
{
    static const aq_ends reference = {aq_widen_f16_ref,  aq_widen_bf16_ref, aq_store_f16_ref,
                                      aq_store_bf16_ref, aq_store_s8_ref,   aq_add_block_ref};
#if defined(AQ_HAVE_X86_KERNELS)
    /* bf16 is integer shifts, which compilers turn into vectors by themselves */
    static const aq_ends avx2 = {aq_widen_f16_avx2, aq_widen_bf16_ref, aq_store_f16_avx2,
                                 aq_store_bf16_ref, aq_store_s8_ref,   aq_add_block_avx2};
    if (level >= AQ_CPU_AVX2)
        return &avx2;
#endif
    (void)level;
    return &reference;
}
