/* SPDX-License-Identifier: Apache-2.0 */
/* lines.h - 64 bytes of stored weights along the axis of stride 1, plain or in blocks of FRACTAL_NZ. */
#ifndef AQ_KERNELS_X86_VNNI_LINES_H
#define AQ_KERNELS_X86_VNNI_LINES_H

#include "kernels/weight.h"
#include "kernels/x86/vnni/vnni.h"

/* How lines of a weight lie. The inner axis is that of stride 1, the outer the other. */
typedef struct aq_lines {
    const char *data;
    int64_t outer_bytes; /* from one outer index to the next */
    int64_t half_bytes;  /* from the first 32 bytes of a line to the second */
    bool whole;          /* a line is 64 bytes in a row */
} aq_lines;

/* From inner element `inner`, a multiple of a line's elements, and outer element `outer` on. */
AQ_INLINE aq_lines aq_lines_at(const aq_weight *weight, bool order_t, int64_t inner, int64_t outer)
{
    const int64_t per_byte = weight->type == AQ_S4 ? 2 : 1, half = AQ_LINE_BYTES / 2 * per_byte;
    const int64_t stride = order_t ? weight->stride_n : weight->stride_k;
    const int64_t block = weight->block,
                  along = block > 0 ? inner / block * weight->block_stride + inner % block : inner;
    bool whole = block == 0 || block % (2 * half) == 0;
    return (aq_lines){.data =
                          (const char *)weight->data + (weight->first + along + outer * stride) / per_byte,
                      .outer_bytes = stride / per_byte,
                      .half_bytes = whole ? AQ_LINE_BYTES / 2 : weight->block_stride / per_byte,
                      .whole = whole};
}

/* Whether that is so: every line begins at a byte and has at least 32 bytes in a row. */
AQ_INLINE const char *aq_lines_decline(const aq_weight *weight, bool order_t)
{
    const int64_t bits = weight->type == AQ_S4 ? 1 : 0;
    const int64_t least = AQ_LINE_BYTES / 2 * (1 + bits);
    if (order_t ? weight->stride_k != 1 : weight->stride_n != 1)
        return "takes weights with n or k contiguous only";
    if ((weight->first | weight->block_stride | (order_t ? weight->stride_n : weight->stride_k)) & bits)
        return "takes 4-bit weights whose rows begin at a byte only";
    if (weight->block % least != 0)
        return "takes FRACTAL_NZ in blocks of multiples of 32 bytes only";
    return NULL;
}

/* The first `bytes` of a line, 0 beyond; full: all 64. */
AQ_INLINE __m512i aq_load_line(const aq_lines *lines, const char *at, int64_t bytes, bool full)
{
    if (lines->whole)
        return full ? _mm512_loadu_si512(at) : _mm512_maskz_loadu_epi8(aq_bytes512(bytes), at);
    if (full)
        return _mm512_inserti64x4(
            _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(const void *)at)),
            _mm256_loadu_si256((const __m256i *)(const void *)(at + lines->half_bytes)), 1);
    __m256i low = _mm256_maskz_loadu_epi8((__mmask32)aq_bytes512(bytes), at),
            high = bytes > 32
                       ? _mm256_maskz_loadu_epi8((__mmask32)aq_bytes512(bytes - 32), at + lines->half_bytes)
                       : _mm256_setzero_si256();
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* Four rows of 64 bytes to four vectors of quads (vnni.h). */
AQ_INLINE void aq_make_quads(const __m512i row[4], __m512i quads[4])
{
    __m512i low01 = _mm512_unpacklo_epi8(row[0], row[1]), high01 = _mm512_unpackhi_epi8(row[0], row[1]);
    __m512i low23 = _mm512_unpacklo_epi8(row[2], row[3]), high23 = _mm512_unpackhi_epi8(row[2], row[3]);
    quads[0] = _mm512_unpacklo_epi16(low01, low23);
    quads[1] = _mm512_unpackhi_epi16(low01, low23);
    quads[2] = _mm512_unpacklo_epi16(high01, high23);
    quads[3] = _mm512_unpackhi_epi16(high01, high23);
}

/* Makes stored numbers unsigned: + 128, or + 8 in each nibble. */
AQ_INLINE __m512i aq_unsigned(__m512i stored, aq_weight_type type)
{
    return _mm512_xor_si512(stored, _mm512_set1_epi8((char)(type == AQ_S4 ? 0x88 : 0x80)));
}

/* The low and the high nibbles of stored bytes, each made unsigned: (x ^ 8) & 15. */
AQ_INLINE __m512i aq_low_nibbles(__m512i stored)
{
    return _mm512_ternarylogic_epi32(stored, _mm512_set1_epi8(8), _mm512_set1_epi8(15), 0x28);
}

AQ_INLINE __m512i aq_high_nibbles(__m512i stored)
{
    return aq_low_nibbles(_mm512_srli_epi16(stored, 4));
}

/* 16 times the high nibbles of unsigned bytes. */
AQ_INLINE __m512i aq_sixteen_high(__m512i bytes)
{
    return _mm512_and_si512(bytes, _mm512_set1_epi8((char)0xF0));
}

#endif
