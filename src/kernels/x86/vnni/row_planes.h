/* SPDX-License-Identifier: Apache-2.0 */
/* row_planes.h - a block of a row of x as planes of signed bytes. */
#ifndef AQ_KERNELS_X86_VNNI_ROW_PLANES_H
#define AQ_KERNELS_X86_VNNI_ROW_PLANES_H

#include "kernels/digits.h"
#include "kernels/x86/vnni/vnni.h"

/* A row's block as bytes, plane by plane, with the sum of each plane over each segment. */
typedef struct aq_row_planes {
    _Alignas(64) int8_t plane[3][AQ_BLOCK];
    int32_t sum[3][AQ_SEGMENTS];
    float scale;
} aq_row_planes;

/* Sums of 128 signed bytes over each segment. */
AQ_INLINE void aq_sum_bytes(const int8_t *plane, int segments, int32_t sum[AQ_SEGMENTS])
{
    const __m512i ones = _mm512_set1_epi8(1);
    __m512i a = _mm512_setzero_si512(), b = a;
    AQ_ADD_PRODUCTS(a, ones, _mm512_load_si512(plane));
    AQ_ADD_PRODUCTS(b, ones, _mm512_load_si512(plane + 64));
    if (segments == 1) {
        sum[0] = _mm512_reduce_add_epi32(_mm512_add_epi32(a, b));
    } else if (segments == 2) {
        sum[0] = _mm512_reduce_add_epi32(a);
        sum[1] = _mm512_reduce_add_epi32(b);
    } else {
        sum[0] = _mm512_mask_reduce_add_epi32(0x00FF, a);
        sum[1] = _mm512_mask_reduce_add_epi32(0xFF00, a);
        sum[2] = _mm512_mask_reduce_add_epi32(0x00FF, b);
        sum[3] = _mm512_mask_reduce_add_epi32(0xFF00, b);
    }
}

/* As aq_make_block, to which it must agree to the bit. false: does not fit. */
AQ_INLINE bool aq_make_planes(const float *x, bool exact, int segments, aq_row_planes *row)
{
    __m512i most = _mm512_setzero_si512();
#pragma GCC unroll 8
    for (int i = 0; i < AQ_BLOCK / 16; i++)
        most = _mm512_max_epu32(most, _mm512_and_si512(_mm512_castps_si512(_mm512_loadu_ps(x + i * 16)),
                                                       _mm512_set1_epi32(0x7FFFFFFF)));
    const aq_block_scale chosen = aq_choose_scale(_mm512_reduce_max_epu32(most), exact);
    const __m512 inverse = _mm512_set1_ps(chosen.inverse);
    const __m512i half = _mm512_set1_epi32(128);
    row->scale = chosen.scale;
#pragma GCC unroll 8
    for (int i = 0; i < AQ_BLOCK / 16; i++) {
        __m512 value =
            chosen.fits ? _mm512_mul_ps(_mm512_loadu_ps(x + i * 16), inverse) : _mm512_setzero_ps();
        __m512i v = _mm512_cvt_roundps_epi32(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), high = v;
        if (exact) {
            high = _mm512_srai_epi32(_mm512_add_epi32(v, half), 8);
            _mm_store_si128((__m128i *)(void *)(row->plane[2] + i * 16), _mm512_cvtepi32_epi8(v));
        }
        _mm_store_si128((__m128i *)(void *)(row->plane[0] + i * 16),
                        _mm512_cvtepi32_epi8(_mm512_srai_epi32(_mm512_add_epi32(high, half), 8)));
        _mm_store_si128((__m128i *)(void *)(row->plane[1] + i * 16), _mm512_cvtepi32_epi8(high));
    }
    for (int p = 0; p < aq_plane_count(exact); p++)
        aq_sum_bytes(row->plane[p], segments, row->sum[p]);
    return chosen.fits;
}

/* X of a segment. */
AQ_INLINE float aq_planes_x_sum(const aq_row_planes *row, bool exact, int segment)
{
    int32_t total = row->sum[0][segment] * 256 + row->sum[1][segment];
    return row->scale * (float)(exact ? total * 256 + row->sum[2][segment] : total);
}

#endif
