/* SPDX-License-Identifier: Apache-2.0 */
/* rows.h - packing rows of fp16 or bf16 x for a gemm kernel of at most 8 rows, with F16C and AVX; both x86
 * levels use it. Knows no weights. */
#ifndef AQ_KERNELS_X86_ROWS_H
#define AQ_KERNELS_X86_ROWS_H

#if !defined(__AVX2__) || !defined(__F16C__)
#error "compile this folder with -mavx2 -mfma -mf16c"
#endif

#include <immintrin.h>
#include <string.h>

#include "kernels/ref/pack.h"

#ifndef AQ_INLINE
#define AQ_INLINE static inline __attribute__((always_inline))
#endif

/* Packed position of k within a chunk. The lane order of kernel.h reverses four bits: its own inverse. */
AQ_INLINE int64_t aq_packed_position(aq_order order, int64_t steps, int64_t k)
{
    return order == AQ_ORDER_P ? k : aq_lane_order[k % AQ_LANES_T] * (steps / AQ_LANES_T) + k / AQ_LANES_T;
}

/* mr (a constant, 6 or 8) floats, and not one more. */
AQ_INLINE void aq_store_position(float *packed, __m256 values, int mr)
{
    if (mr == 8) {
        _mm256_storeu_ps(packed, values);
    } else {
        _mm_storeu_ps(packed, _mm256_castps256_ps128(values));
        _mm_storel_pi((__m64 *)(void *)(packed + 4), _mm256_extractf128_ps(values, 1));
    }
}

/* Eight numbers of 16 bits. */
AQ_INLINE __m256 aq_widen_eight(const uint16_t *x, aq_half half)
{
    __m128i bits = _mm_loadu_si128((const __m128i *)(const void *)x);
    if (half == AQ_F16)
        return _mm256_cvtph_ps(bits);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}

/* v[i] lane j becomes v[j] lane i. */
AQ_INLINE void aq_transpose_8x8(__m256 v[8])
{
    __m256 pair[8], quad[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
        pair[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
        quad[i] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0x44);
        quad[i + 1] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0xEE);
        quad[i + 2] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0x44);
        quad[i + 3] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0xEE);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        v[i] = _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x20);
        v[i + 4] = _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x31);
    }
}

/* 8 k from k on, of which count exist; k + 8 or fewer positions are written, those below job->steps' k. */
AQ_INLINE void aq_pack_rows_block(const aq_rows_job *job, int64_t k, int64_t count, int64_t positions, int mr,
                                  aq_half half)
{
    __m256 v[8];
#pragma GCC unroll 8
    for (int r = 0; r < 8; r++) {
        v[r] = _mm256_setzero_ps();
        if (r >= mr || r >= job->rows)
            continue;
        const uint16_t *x = job->x + r * job->stride_m + k;
        if (count >= 8) {
            v[r] = aq_widen_eight(x, half);
        } else if (count > 0) {
            uint16_t tail[8] = {0};
            memcpy(tail, x, (size_t)count * sizeof *x);
            v[r] = aq_widen_eight(tail, half);
        }
    }
    aq_transpose_8x8(v);
    for (int64_t i = 0; i < positions; i++)
        aq_store_position(job->packed + aq_packed_position(job->order, job->steps, k + i) * mr, v[i], mr);
}

/* stride_m == 1 and a full tile: mr neighbouring numbers a k. */
AQ_INLINE void aq_pack_rows_across(const aq_rows_job *job, int mr, aq_half half)
{
    int64_t positions = job->steps;
    for (int64_t k = 0; k < positions; k++) {
        uint16_t values[8] = {0};
        if (k < job->k)
            memcpy(values, job->x + k * job->stride_k, (size_t)mr * sizeof *values);
        aq_store_position(job->packed + aq_packed_position(job->order, job->steps, k) * mr,
                          aq_widen_eight(values, half), mr);
    }
}

AQ_INLINE void aq_pack_rows_of(const aq_rows_job *job, int mr, aq_half half)
{
    if (job->stride_k != 1) {
        if (job->stride_m == 1 && job->rows == mr)
            aq_pack_rows_across(job, mr, half);
        else
            aq_pack_rows_generic(job, mr);
        return;
    }
    for (int64_t k = 0; k < job->steps; k += 8) {
        int64_t positions = job->steps - k < 8 ? job->steps - k : 8;
        aq_pack_rows_block(job, k, job->k - k, positions, mr, half);
    }
}

AQ_INLINE void aq_pack_rows_x86(const aq_rows_job *job, int mr)
{
    if (job->half == AQ_F16)
        aq_pack_rows_of(job, mr, AQ_F16);
    else
        aq_pack_rows_of(job, mr, AQ_BF16);
}

#endif
