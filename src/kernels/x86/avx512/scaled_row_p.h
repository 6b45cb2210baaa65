/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_row_p.h - one to four rows of x times a line of scaled_lines_p.h, AVX-512: the registers hold what
 * one row needs for all eight vectors of an int4 line, or four rows for half of them. */
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

/* ---- two to four rows: the sums of four vectors, and what makes their weights, fit the registers ---- */

/* For as many rows as there are, 2 to 4. */
#define AQ_FEW_EACH(DO)                                                                                      \
    DO(0)                                                                                                    \
    DO(1)                                                                                                    \
    if (rows > 2) {                                                                                          \
        DO(2)                                                                                                \
    }                                                                                                        \
    if (rows > 3) {                                                                                          \
        DO(3)                                                                                                \
    }
#define AQ_FEW_LOAD(r)                                                                                       \
    a##r = _mm512_load_ps(own + (r)*16);                                                                     \
    b##r = _mm512_load_ps(own + stride + (r)*16);                                                            \
    c##r = _mm512_load_ps(own + 2 * stride + (r)*16);                                                        \
    d##r = _mm512_load_ps(own + 3 * stride + (r)*16);
#define AQ_FEW_STORE(r)                                                                                      \
    _mm512_store_ps(own + (r)*16, a##r);                                                                     \
    _mm512_store_ps(own + stride + (r)*16, b##r);                                                            \
    _mm512_store_ps(own + 2 * stride + (r)*16, c##r);                                                        \
    _mm512_store_ps(own + 3 * stride + (r)*16, d##r);
#define AQ_FEW_MULTIPLY(r)                                                                                   \
    {                                                                                                        \
        __m512 value = _mm512_set1_ps(x[(r)*tile->x_stride]);                                                \
        AQ_LANES_IN_REGISTER(value);                                                                         \
        a##r = _mm512_fmadd_ps(value, w0, a##r);                                                             \
        b##r = _mm512_fmadd_ps(value, w1, b##r);                                                             \
        c##r = _mm512_fmadd_ps(value, w2, c##r);                                                             \
        d##r = _mm512_fmadd_ps(value, w3, d##r);                                                             \
    }

/* k0 .. k1 - 1 of vectors v to v + 3 of the line of columns j. rows: a constant, 2 to 4. sums: for each
 * vector, rows times 16 floats. */
AQ_INLINE void aq_few_rows_p(const aq_scaled_stream_tile *tile, const aq_block_p *block,
                             const aq_line_p *line, int64_t j, int v, int rows, int64_t k0, int64_t k1,
                             aq_weight_type type, aq_way way, bool plain, float *sums)
{
    const aq_table values = aq_table_of(aq_nibble_values());
    const bool offset_present = block->offset_present;
    const int8_t *low = line->low, *high = line->high;
    uintptr_t ahead_low = line->ahead_low, ahead_high = line->ahead_high;
    const aq_params params0 = aq_params_p(block, j, v), params1 = aq_params_p(block, j, v + 1),
                    params2 = aq_params_p(block, j, v + 2), params3 = aq_params_p(block, j, v + 3);
    const int64_t stride = tile->rows * 16;
    const float *x = tile->x + k0;
    float *own = sums + v * stride;
    __m512 a0, b0, c0, d0, a1, b1, c1, d1, a2, b2, c2, d2, a3, b3, c3, d3;
    AQ_FEW_EACH(AQ_FEW_LOAD)
    for (int64_t k = k0; k < k1; k++, x++, low += line->stride, high += line->stride) {
        if (v == 0) {
            _mm_prefetch((const void *)ahead_low, _MM_HINT_T1);
            if (!plain)
                _mm_prefetch((const void *)ahead_high, _MM_HINT_T1);
            ahead_low += (uintptr_t)line->ahead_stride;
            ahead_high += (uintptr_t)line->ahead_stride;
        }
        aq_lanes w0 = aq_weights_p(low, high, v, values, params0, offset_present, type, way, plain);
        aq_lanes w1 = aq_weights_p(low, high, v + 1, values, params1, offset_present, type, way, plain);
        aq_lanes w2 = aq_weights_p(low, high, v + 2, values, params2, offset_present, type, way, plain);
        aq_lanes w3 = aq_weights_p(low, high, v + 3, values, params3, offset_present, type, way, plain);
        AQ_FEW_EACH(AQ_FEW_MULTIPLY)
    }
    AQ_FEW_EACH(AQ_FEW_STORE)
}

AQ_INLINE void aq_few_rows_of_vectors(const aq_scaled_stream_tile *tile, const aq_block_p *block,
                                      const aq_line_p *line, int64_t j, int v, int64_t k0, int64_t k1,
                                      aq_weight_type type, aq_way way, bool plain, float *sums)
{
    if (tile->rows == 2)
        aq_few_rows_p(tile, block, line, j, v, 2, k0, k1, type, way, plain, sums);
    else if (tile->rows == 3)
        aq_few_rows_p(tile, block, line, j, v, 3, k0, k1, type, way, plain, sums);
    else
        aq_few_rows_p(tile, block, line, j, v, 4, k0, k1, type, way, plain, sums);
}

/* False: there are more, aq_rows_p is for them. */
AQ_INLINE bool aq_few_rows_of_line(const aq_scaled_stream_tile *tile, const aq_block_p *block,
                                   const aq_line_p *line, int64_t j, int64_t k0, int64_t k1,
                                   aq_weight_type type, aq_way way, bool plain, float *sums)
{
    if (tile->rows > 4)
        return false;
    aq_few_rows_of_vectors(tile, block, line, j, 0, k0, k1, type, way, plain, sums);
    if (type == AQ_S4)
        aq_few_rows_of_vectors(tile, block, line, j, 4, k0, k1, type, way, plain, sums);
    return true;
}

#endif
