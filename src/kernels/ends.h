/* SPDX-License-Identifier: Apache-2.0 */
/* ends.h - the two ends of a sum: a row of 16-bit x widened to fp32 before it, and bias, rounding and
 * store after it. Not part of the kernel table: every level gives the same bits, and there is nothing to
 * choose but the level. */
#ifndef AQ_KERNELS_ENDS_H
#define AQ_KERNELS_ENDS_H

#include <stdint.h>

#include "kernels/kernel.h"

/* row[i] = (float)x[i * stride] for i < k, +0 for k <= i < padded. */
typedef struct aq_widen_job {
    const uint16_t *x; /* fp16 or bf16 */
    int64_t stride;
    int64_t k, padded;
    float *row;
} aq_widen_job;

/* v = sum[r * sum_stride + j] + bias[j] (bias may be null: then nothing is added) becomes element (r, j) of
 * out, at out[r * stride_m + j * stride_n] for r < rows, j < n. R16 and its like for bf16; a NaN is stored as
 * 0x7E00, 0x7FC0 (numerics page 5). INT8 (successors page 3.4): clamp(clamp(rne(v * quant_scale[j]), -256,
 * 255) + quant_offset[j], -128, 127), NaN gives 0. */
typedef struct aq_store_job {
    const float *sum;
    int64_t sum_stride;
    const float *bias;
    void *out;
    int64_t stride_m, stride_n;
    int64_t rows, n;
    const float *quant_scale; /* INT8 only */
    const int32_t *quant_offset;
} aq_store_job;

/* One block of k of modes exact and fast, made apart (planes.h): acc = fma(f, s, acc), or, with scales by
 * groups, acc = fma(f * s, scale, acc) and then, where there is a zero, acc = fma(x, zero, acc). */
typedef struct aq_block_job {
    const float *f, *scale, *zero; /* n of each; scale and zero may be null */
    float s, x;
    int64_t n; /* a multiple of 16 */
    float *acc;
} aq_block_job;

typedef void (*aq_widen_function)(const aq_widen_job *job);
typedef void (*aq_store_function)(const aq_store_job *job);
typedef void (*aq_block_function)(const aq_block_job *job);

typedef struct aq_ends {
    aq_widen_function widen, widen_bf16;
    aq_store_function store, store_bf16, store_s8;
    aq_block_function add_block;
} aq_ends;

/* sum[j] += more[j] for j < n: sums of chunks that were made apart. */
void aq_add_sums(float *restrict sum, const float *restrict more, int64_t n);

/* The functions of a level; static, never null. */
const aq_ends *aq_ends_for(aq_cpu_level level);

void aq_widen_f16_ref(const aq_widen_job *job);
void aq_widen_bf16_ref(const aq_widen_job *job);
void aq_store_f16_ref(const aq_store_job *job);
void aq_store_bf16_ref(const aq_store_job *job);
void aq_store_s8_ref(const aq_store_job *job);
void aq_add_block_ref(const aq_block_job *job);
#if defined(AQ_HAVE_X86_KERNELS)
void aq_widen_f16_avx2(const aq_widen_job *job);
void aq_store_f16_avx2(const aq_store_job *job);
void aq_add_block_avx2(const aq_block_job *job);
#endif

#endif
