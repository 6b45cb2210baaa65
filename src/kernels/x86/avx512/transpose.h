/* SPDX-License-Identifier: Apache-2.0 */
/* transpose.h - bytes of 16 columns along k to rows of 16 columns, AVX-512. */
#ifndef AQ_KERNELS_X86_AVX512_TRANSPOSE_H
#define AQ_KERNELS_X86_AVX512_TRANSPOSE_H

#include <immintrin.h>
#include <stdint.h>

#ifndef AQ_INLINE
#define AQ_INLINE static inline __attribute__((always_inline))
#endif

/* in: 16 columns of 64 k, 64 bytes each. out: 64 rows of 16 columns. Both 64-byte aligned. */
AQ_INLINE void aq_transpose_64(const int8_t *in, int8_t *out)
{
#pragma GCC unroll 4
    for (int64_t part = 0; part < 4; part++, in += 16) {
        __m512i z[4];
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++) { /* lane b of z[q]: column 4b + q, 16 k */
            const __m128i *column = (const __m128i *)(const void *)(in + q * 64);
            z[q] = _mm512_castsi128_si512(_mm_load_si128(column));
            z[q] = _mm512_inserti32x4(z[q], _mm_load_si128(column + 16), 1);
            z[q] = _mm512_inserti32x4(z[q], _mm_load_si128(column + 32), 2);
            z[q] = _mm512_inserti32x4(z[q], _mm_load_si128(column + 48), 3);
        }
        __m512i low01 = _mm512_unpacklo_epi8(z[0], z[1]), high01 = _mm512_unpackhi_epi8(z[0], z[1]);
        __m512i low23 = _mm512_unpacklo_epi8(z[2], z[3]), high23 = _mm512_unpackhi_epi8(z[2], z[3]);
        /* dword d of lane b: columns 4b .. 4b + 3 of k 4m + d, for the m-th of these four */
        __m512i m0 = _mm512_unpacklo_epi16(low01, low23), m1 = _mm512_unpackhi_epi16(low01, low23);
        __m512i m2 = _mm512_unpacklo_epi16(high01, high23), m3 = _mm512_unpackhi_epi16(high01, high23);
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        _mm512_store_si512(out + part * 256, _mm512_permutexvar_epi32(order, m0));
        _mm512_store_si512(out + part * 256 + 64, _mm512_permutexvar_epi32(order, m1));
        _mm512_store_si512(out + part * 256 + 128, _mm512_permutexvar_epi32(order, m2));
        _mm512_store_si512(out + part * 256 + 192, _mm512_permutexvar_epi32(order, m3));
    }
}

#endif
