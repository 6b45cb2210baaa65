/* SPDX-License-Identifier: Apache-2.0 */
/* ends.c - the two ends in plain C, and the choice by CPU level. */
#include "kernels/ends.h"

#include <stddef.h>

#include "base/float16.h"

void aq_widen_f16_ref(const aq_widen_job *job)
{
    for (int64_t i = 0; i < job->k; i++)
        job->row[i] = aq_f16_to_f32(job->x[i * job->stride]);
    for (int64_t i = job->k; i < job->padded; i++)
        job->row[i] = 0.0f;
}

void aq_store_f16_ref(const aq_store_job *job)
{
    for (int64_t r = 0; r < job->rows; r++) {
        const float *sum = job->sum + r * job->sum_stride;
        uint16_t *out = job->out + r * job->stride_m;
        for (int64_t j = 0; j < job->n; j++) {
            float value = job->bias != NULL ? sum[j] + job->bias[j] : sum[j];
            out[j * job->stride_n] = value != value ? 0x7E00u : aq_f32_to_f16(value);
        }
    }
}

const aq_ends *aq_ends_for(aq_cpu_level level)
{
    static const aq_ends reference = {aq_widen_f16_ref, aq_store_f16_ref};
#if defined(AQ_HAVE_X86_KERNELS)
    static const aq_ends avx2 = {aq_widen_f16_avx2, aq_store_f16_avx2};
    if (level >= AQ_CPU_AVX2)
        return &avx2;
#endif
    (void)level;
    return &reference;
}
