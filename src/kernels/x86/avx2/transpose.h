/* SPDX-License-Identifier: Apache-2.0 */
/* transpose.h - bytes of 16 columns along k to rows of 16 columns, AVX2. */
#ifndef AQ_KERNELS_X86_AVX2_TRANSPOSE_H
#define AQ_KERNELS_X86_AVX2_TRANSPOSE_H

#include <immintrin.h>
#include <stdint.h>

#ifndef AQ_INLINE
#define AQ_INLINE static inline __attribute__((always_inline))
#endif

/* 16 columns of 16 k (rows of in, 64 bytes apart) to 16 k of 16 columns. */
AQ_INLINE void aq_transpose_16(const int8_t *in, int8_t *out)
{
    __m256i a[8], b[8];
#pragma GCC unroll 8
    for (int j = 0; j < 8; j++) { /* columns j and j + 8 in the two halves; so everywhere below */
        const __m128i *column = (const __m128i *)(const void *)(in + j * 64);
        a[j] = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_load_si128(column)),
                                       _mm_load_si128(column + 32), 1);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) { /* b[j], b[4 + j]: columns 2j, 2j + 1 of k 0..7, k 8..15 */
        b[j] = _mm256_unpacklo_epi8(a[2 * j], a[2 * j + 1]);
        b[4 + j] = _mm256_unpackhi_epi8(a[2 * j], a[2 * j + 1]);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) { /* a[2j], a[2j + 1]: four columns (0.. for even j, 4.. for odd) of four k */
        a[2 * j] = _mm256_unpacklo_epi16(b[2 * j], b[2 * j + 1]);
        a[2 * j + 1] = _mm256_unpackhi_epi16(b[2 * j], b[2 * j + 1]);
    }
#pragma GCC unroll 4
    for (int q = 0; q < 4; q++) { /* k 4q .. 4q + 3 */
        int from = q / 2 * 4 + q % 2;
        __m256i low = _mm256_unpacklo_epi32(a[from], a[from + 2]),
                high = _mm256_unpackhi_epi32(a[from], a[from + 2]);
        __m256i *to = (__m256i *)(void *)(out + q * 64);
        _mm256_store_si256(to, _mm256_permute4x64_epi64(low, 0xD8));
        _mm256_store_si256(to + 1, _mm256_permute4x64_epi64(high, 0xD8));
    }
}

/* in: 16 columns of 64 k, 64 bytes each. out: 64 rows of 16 columns. Both 32-byte aligned. */
AQ_INLINE void aq_transpose_64(const int8_t *in, int8_t *out)
{
    for (int64_t k = 0; k < 64; k += 16)
        aq_transpose_16(in + k, out + k * 16);
}

#endif
