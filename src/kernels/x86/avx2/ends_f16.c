/* SPDX-License-Identifier: Apache-2.0 */
/* ends_f16.c - bias, fp16 rounding and store with F16C, eight columns at a time, and blocks that are added
 * up. Also serves the AVX-512 level: the store moves 6 bytes an element and is bound by them. */
#if !defined(__AVX2__) || !defined(__F16C__)
#error "compile this folder with -mavx2 -mfma -mf16c"
#endif

#include <immintrin.h>

#include "kernels/ends.h"

void aq_widen_f16_avx2(const aq_widen_job *job)
{
    int64_t vectors = job->stride == 1 ? job->k / 8 * 8 : 0;
    for (int64_t i = 0; i < vectors; i += 8)
        _mm256_storeu_ps(job->row + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(job->x + i))));
    aq_widen_job rest = *job;
    rest.x += vectors * job->stride;
    rest.row += vectors;
    rest.k -= vectors;
    rest.padded -= vectors;
    aq_widen_f16_ref(&rest);
}

static __m128i rounded(const float *sum, const float *bias)
{
    __m256 value = _mm256_loadu_ps(sum);
    if (bias != NULL)
        value = _mm256_add_ps(value, _mm256_loadu_ps(bias));
    /* vcvtps2ph keeps a NaN's sign and payload; the contract is one NaN */
    __m256 quiet = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FC00000));
    value = _mm256_blendv_ps(value, quiet, _mm256_cmp_ps(value, value, _CMP_UNORD_Q));
    return _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

void aq_store_f16_avx2(const aq_store_job *job)
{
    int64_t vectors = job->stride_n == 1 ? job->n / 8 * 8 : 0;
    for (int64_t r = 0; r < job->rows; r++) {
        const float *sum = job->sum + r * job->sum_stride;
        uint16_t *out = (uint16_t *)job->out + r * job->stride_m;
        for (int64_t j = 0; j < vectors; j += 8)
            _mm_storeu_si128((__m128i *)(out + j),
                             rounded(sum + j, job->bias != NULL ? job->bias + j : NULL));
    }
    if (vectors == job->n)
        return;
    aq_store_job rest = *job;
    rest.sum += vectors;
    rest.bias = job->bias != NULL ? job->bias + vectors : NULL;
    rest.out = (uint16_t *)job->out + vectors * job->stride_n;
    rest.n -= vectors;
    aq_store_f16_ref(&rest);
}

void aq_add_block_avx2(const aq_block_job *job)
{
    const __m256 s = _mm256_set1_ps(job->s), x = _mm256_set1_ps(job->x);
    for (int64_t j = 0; j < job->n; j += 8) {
        __m256 f = _mm256_loadu_ps(job->f + j), acc = _mm256_loadu_ps(job->acc + j);
        if (job->scale == NULL)
            acc = _mm256_fmadd_ps(f, s, acc);
        else
            acc = _mm256_fmadd_ps(_mm256_mul_ps(f, s), _mm256_loadu_ps(job->scale + j), acc);
        if (job->zero != NULL)
            acc = _mm256_fmadd_ps(x, _mm256_loadu_ps(job->zero + j), acc);
        _mm256_storeu_ps(job->acc + j, acc);
    }
}
