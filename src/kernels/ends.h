/* SPDX-License-Identifier: Apache-2.0 */
/* ends.h - the two ends of a sum: a row of fp16 x widened to fp32 before it, and bias, rounding to fp16 and
 * store after it. Not part of the kernel table: every level gives the same bits, and there is nothing to
 * choose but the level. */
#ifndef AQ_KERNELS_ENDS_H
#define AQ_KERNELS_ENDS_H

#include <stdint.h>

#include "cpu/cpu.h"

/* row[i] = (float)x[i * stride] for i < k, +0 for k <= i < padded. */
typedef struct aq_widen_job {
    const uint16_t *x; /* fp16 */
    int64_t stride;
    int64_t k, padded;
    float *row;
} aq_widen_job;

/* out[r * stride_m + j * stride_n] = R16(sum[r * sum_stride + j] + bias[j]) for r < rows, j < n; a NaN is
 * stored as 0x7E00 (numerics page 5). bias may be null: then nothing is added. */
typedef struct aq_store_job {
    const float *sum;
    int64_t sum_stride;
    const float *bias;
    uint16_t *out;
    int64_t stride_m, stride_n;
    int64_t rows, n;
} aq_store_job;

typedef struct aq_ends {
    void (*widen)(const aq_widen_job *job);
    void (*store)(const aq_store_job *job);
} aq_ends;

/* The functions of a level; static, never null. */
const aq_ends *aq_ends_for(aq_cpu_level level);

void aq_widen_f16_ref(const aq_widen_job *job);
void aq_store_f16_ref(const aq_store_job *job);
#if defined(AQ_HAVE_X86_KERNELS)
void aq_widen_f16_avx2(const aq_widen_job *job);
void aq_store_f16_avx2(const aq_store_job *job);
#endif

#endif
