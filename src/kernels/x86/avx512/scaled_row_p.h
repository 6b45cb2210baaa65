/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_row_p.h - one row of x times a line of scaled_lines_p.h, AVX-512: the registers hold what a row
 * needs for all eight vectors of an int4 line. */
#ifndef AQ_KERNELS_X86_AVX512_SCALED_ROW_P_H
#define AQ_KERNELS_X86_AVX512_SCALED_ROW_P_H

#include "kernels/x86/avx512/lanes.h"
#include "kernels/x86/scaled_lines_p.h"

#define AQ_EACH_P(X)      X(0) X(1) X(2) X(3)
#define AQ_EACH_WIDE_P(X) X(4) X(5) X(6) X(7)
#define AQ_ONE_ROW_P(i)                                                                                      \
    sum##i = aq_lanes_fma(                                                                                   \
        x, aq_weights_p(low, high, v + i, values, params##i, offset_present, type, way, plain), sum##i);
#define AQ_DECLARE_P(i)                                                                                      \
    const aq_params params##i = aq_params_p(block, j, v + i % vectors);                                      \
    aq_lanes sum##i = aq_lanes_load(sums + (v + i % vectors) * 16);
#define AQ_STORE_P(i) aq_lanes_store(sums + (v + i) * 16, sum##i);

/* k0 .. k1 - 1 of vectors (4 or 8) vectors from v on of the line of columns j. plain: outside FRACTAL_NZ, the
 * line is whole. */
AQ_INLINE void aq_one_row_p(const aq_scaled_stream_tile *tile, const aq_block_p *block, const aq_line_p *line,
                            int64_t j, int v, int vectors, int64_t k0, int64_t k1, aq_weight_type type,
                            aq_way way, bool plain, float *sums)
{
    const aq_table values = aq_table_of(aq_nibble_values());
    const bool offset_present = block->offset_present;
    const int8_t *low = line->low, *high = line->high;
    uintptr_t ahead_low = line->ahead_low, ahead_high = line->ahead_high;
    AQ_EACH_P(AQ_DECLARE_P)
    AQ_EACH_WIDE_P(AQ_DECLARE_P) /* with four vectors nobody uses them */
    for (int64_t k = k0; k < k1; k++, low += line->stride, high += line->stride) {
        aq_lanes x = aq_lanes_all(tile->x[k]);
        if (v == 0) {
            _mm_prefetch((const void *)ahead_low, _MM_HINT_T1);
            if (!plain)
                _mm_prefetch((const void *)ahead_high, _MM_HINT_T1);
            ahead_low += (uintptr_t)line->ahead_stride;
            ahead_high += (uintptr_t)line->ahead_stride;
        }
        AQ_EACH_P(AQ_ONE_ROW_P)
        if (vectors == 8) {
            AQ_EACH_WIDE_P(AQ_ONE_ROW_P)
        }
    }
    AQ_EACH_P(AQ_STORE_P)
    if (vectors == 8) {
        AQ_EACH_WIDE_P(AQ_STORE_P)
    }
}

AQ_INLINE void aq_one_row_of_line(const aq_scaled_stream_tile *tile, const aq_block_p *block,
                                  const aq_line_p *line, int64_t j, int64_t k0, int64_t k1,
                                  aq_weight_type type, aq_way way, bool plain, float *sums)
{
    aq_one_row_p(tile, block, line, j, 0, type == AQ_S4 ? 8 : 4, k0, k1, type, way, plain, sums);
}

#endif
