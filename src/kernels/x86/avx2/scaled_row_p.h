/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_row_p.h - one row of x times a line of scaled_lines_p.h, AVX2, 32 bytes at a time: 4 vectors of int8
 * with all they need in registers, or 8 vectors of int4 whose parameters are read as they are used. */
#ifndef AQ_KERNELS_X86_AVX2_SCALED_ROW_P_H
#define AQ_KERNELS_X86_AVX2_SCALED_ROW_P_H

#include "kernels/x86/avx2/lanes.h"
#include "kernels/x86/avx2/weights_scaled.h"
#include "kernels/x86/scaled_lines_p.h"

/* Half of a line: where the weights, parameters and sums of its 32 bytes begin. */
typedef struct aq_half_line {
    const int8_t *from;
    uintptr_t ahead;
    bool brings; /* what is ahead; outside FRACTAL_NZ the first half brings it for both */
    const float *scale, *more, *offset;
    float *sums;
} aq_half_line;

#define AQ_EACH_BYTE_P(X) X(0) X(1) X(2) X(3)
#define AQ_DECLARE_BYTE_P(i)                                                                                 \
    const aq_eight params##i = {_mm256_loadu_ps(half.scale + i * 8), _mm256_loadu_ps(half.more + i * 8),     \
                                _mm256_loadu_ps(half.offset + i * 8)};                                       \
    __m256 sum##i = _mm256_loadu_ps(half.sums + i * 8);
#define AQ_BYTE_P(i)                                                                                         \
    sum##i = _mm256_fmadd_ps(                                                                                \
        x, aq_eight_weights(aq_byte_eight(from + i * 8), params##i, offset_present, way), sum##i);
#define AQ_STORE_BYTE_P(i) _mm256_storeu_ps(half.sums + i * 8, sum##i);

/* k0 .. k1 - 1 of 32 int8 columns. */
AQ_INLINE void aq_row_of_bytes_p(const aq_scaled_stream_tile *tile, const aq_line_p *line, aq_half_line half,
                                 int64_t k0, int64_t k1, bool offset_present, aq_way way)
{
    const int8_t *from = half.from;
    AQ_EACH_BYTE_P(AQ_DECLARE_BYTE_P)
    for (int64_t k = k0; k < k1; k++, from += line->stride) {
        const __m256 x = _mm256_set1_ps(tile->x[k]);
        if (half.brings) {
            _mm_prefetch((const void *)half.ahead, _MM_HINT_T1);
            half.ahead += (uintptr_t)line->ahead_stride;
        }
        AQ_EACH_BYTE_P(AQ_BYTE_P)
    }
    AQ_EACH_BYTE_P(AQ_STORE_BYTE_P)
}

/* The vectors of int4 are 16 floats apart, of which a half line is 8. */
#define AQ_EACH_NIBBLE_P(X)    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define AQ_DECLARE_NIBBLE_P(i) __m256 sum##i = _mm256_loadu_ps(half.sums + i * 16);
#define AQ_NIBBLE_P(i)                                                                                       \
    {                                                                                                        \
        const aq_eight params = {_mm256_loadu_ps(scale + i * 16), _mm256_loadu_ps(half.more + i * 16),       \
                                 _mm256_loadu_ps(half.offset + i * 16)};                                     \
        sum##i = _mm256_fmadd_ps(                                                                            \
            x, aq_eight_weights(aq_nibble_eight(words, i), params, offset_present, way), sum##i);            \
    }
#define AQ_STORE_NIBBLE_P(i) _mm256_storeu_ps(half.sums + i * 16, sum##i);

/* k0 .. k1 - 1 of 64 int4 columns. */
AQ_INLINE void aq_row_of_nibbles_p(const aq_scaled_stream_tile *tile, const aq_line_p *line,
                                   aq_half_line half, int64_t k0, int64_t k1, bool offset_present, aq_way way)
{
    const int8_t *from = half.from;
    AQ_EACH_NIBBLE_P(AQ_DECLARE_NIBBLE_P)
    for (int64_t k = k0; k < k1; k++, from += line->stride) {
        const __m256 x = _mm256_set1_ps(tile->x[k]);
        const __m256i words = _mm256_loadu_si256((const __m256i *)(const void *)from);
        const float *scale = half.scale;
        if (half.brings) {
            _mm_prefetch((const void *)half.ahead, _MM_HINT_T1);
            half.ahead += (uintptr_t)line->ahead_stride;
        }
        /* 16 parameters and 8 sums do not fit the registers: keeps compilers from trying */
        __asm__("" : "+r"(scale), "+r"(half.more), "+r"(half.offset));
        AQ_EACH_NIBBLE_P(AQ_NIBBLE_P)
    }
    AQ_EACH_NIBBLE_P(AQ_STORE_NIBBLE_P)
}

/* k0 .. k1 - 1 of the line of columns j. plain: outside FRACTAL_NZ, or a line that was copied. */
AQ_INLINE void aq_one_row_of_line(const aq_scaled_stream_tile *tile, const aq_block_p *block,
                                  const aq_line_p *line, int64_t j, int64_t k0, int64_t k1,
                                  aq_weight_type type, aq_way way, bool plain, float *sums)
{
    for (int h = 0; h < 2; h++) {
        const int64_t at = j + h * (type == AQ_S4 ? 8 : 32);
        const aq_half_line half = {.from = h == 0 ? line->low : line->high,
                                   .ahead = h == 0 ? line->ahead_low : line->ahead_high,
                                   .brings = h == 0 || !plain,
                                   .scale = block->scale + at,
                                   .more = block->more + at,
                                   .offset = block->offset + at,
                                   .sums = sums + at - j};
        if (type == AQ_S4)
            aq_row_of_nibbles_p(tile, line, half, k0, k1, block->offset_present, way);
        else
            aq_row_of_bytes_p(tile, line, half, k0, k1, block->offset_present, way);
    }
}

/* Two rows have too many sums for sixteen registers. */
AQ_INLINE bool aq_few_rows_of_line(const aq_scaled_stream_tile *tile, const aq_block_p *block,
                                   const aq_line_p *line, int64_t j, int64_t k0, int64_t k1,
                                   aq_weight_type type, aq_way way, bool plain, float *sums)
{
    (void)tile, (void)block, (void)line, (void)j, (void)k0, (void)k1, (void)type, (void)way, (void)plain;
    (void)sums;
    return false;
}

#endif
