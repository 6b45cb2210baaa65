/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_row_t.h - weights of order T, and one row of x times four columns of them, AVX2. A weight is
 * computed, but for one row of int4: there its 16 values by column and group are looked up, 16 bits of each
 * by two byte shuffles, and made into floats without a conversion. Two columns share a register, each in its
 * half.
 *
 * An fp16 number moved 13 bits up, its sign kept in place, is a float 2^112 times too small, subnormals too.
 * So x is stored 2^112 times as large, which no fp16 number overflows, and every product is the same. */
#ifndef AQ_KERNELS_X86_AVX2_SCALED_ROW_T_H
#define AQ_KERNELS_X86_AVX2_SCALED_ROW_T_H

#include "kernels/x86/avx2/weights_scaled.h"

#define AQ_STREAM_T_SPAN   2048 /* 16 KiB of x: half of L1 */
#define AQ_STREAM_T_COPIES 2    /* one for either half of a register */
#include "kernels/x86/scaled_columns_t.h"

struct aq_own_t {
    aq_params params;
};

AQ_INLINE aq_own_t aq_own_of(const aq_four_t *four, int c, int64_t group, aq_case_t with)
{
    const int64_t at = c * four->groups + group;
    (void)with;
    return (aq_own_t){.params = {aq_lanes_all(four->scale[at]), aq_lanes_all(four->more[at]),
                                 aq_lanes_all(four->offset[at])}};
}

AQ_INLINE aq_lanes aq_weights_t(const aq_four_t *four, const aq_own_t *own, const int8_t *at, aq_case_t with)
{
    const aq_table none = {0};
    aq_lanes w = with.type == AQ_S4 ? aq_lanes_of_nibbles(none, at) : aq_lanes_from_bytes(at);
    return aq_scaled_weights(w, own->params, four->offset_present, with.way);
}

/* ---- int4: two columns, side by side ---- */

/* Bytes of the 16 values of both columns, by the nibble that is stored. */
typedef struct aq_values_t {
    __m256i low, high;
} aq_values_t;

/* Sum j, lane d of either half: the partial sum 4d + j of kernel.h's 16, of that half's column. */
typedef struct aq_pair_t {
    __m256 sum0, sum1, sum2, sum3;
} aq_pair_t;

/* 16 k in the order of aq_pair_t's sums, for both columns. */
AQ_INLINE void aq_store_row_t(float *to, aq_lanes x, aq_half half)
{
    const __m128 factor = _mm_set1_ps(half == AQ_F16 ? 0x1p112f : 1.0f);
    __m128 k0 = _mm256_castps256_ps128(x.low), k4 = _mm256_extractf128_ps(x.low, 1);
    __m128 k8 = _mm256_castps256_ps128(x.high), k12 = _mm256_extractf128_ps(x.high, 1);
    _MM_TRANSPOSE4_PS(k0, k4, k8, k12);
    const __m128 four[4] = {k0, k4, k8, k12};
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        __m128 scaled = _mm_mul_ps(four[i], factor);
        _mm256_store_ps(to + i * 8, _mm256_set_m128(scaled, scaled));
    }
}

/* The 16 values of a column and group in the 16-bit type. */
AQ_INLINE __m256i aq_sixteen_values(const aq_four_t *four, int c, int64_t group, aq_case_t with, aq_half half)
{
    const aq_own_t own = aq_own_of(four, c, group, with);
    const aq_lanes w = aq_scaled_weights(aq_nibble_values(), own.params, four->offset_present, with.way);
    if (half == AQ_F16) /* exact: they are rounded */
        return _mm256_set_m128i(_mm256_cvtps_ph(w.high, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
                                _mm256_cvtps_ph(w.low, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    __m256i low = _mm256_srli_epi32(_mm256_castps_si256(w.low), 16);
    __m256i high = _mm256_srli_epi32(_mm256_castps_si256(w.high), 16);
    return _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xD8);
}

AQ_INLINE aq_values_t aq_values_of(const aq_four_t *four, int c, int64_t group, aq_case_t with, aq_half half)
{
    const __m256i bits = _mm256_set1_epi16(0xFF);
    __m256i left = aq_sixteen_values(four, c, group, with, half);
    __m256i right = aq_sixteen_values(four, c + 1, group, with, half);
    __m256i low = _mm256_packus_epi16(_mm256_and_si256(left, bits), _mm256_and_si256(right, bits));
    __m256i high = _mm256_packus_epi16(_mm256_srli_epi16(left, 8), _mm256_srli_epi16(right, 8));
    return (aq_values_t){_mm256_permute4x64_epi64(low, 0xD8), _mm256_permute4x64_epi64(high, 0xD8)};
}

/* The even (0) or odd (1) ones of 16 numbers of 16 bits as floats, those of fp16 2^112 times too small. */
AQ_INLINE __m256 aq_every_second(__m256i numbers, int odd, aq_half half)
{
    if (half == AQ_F16) {
        const __m256i up = _mm256_set1_epi32(odd ? 1 << (13 + 16) : 1 << 13);
        __m256i moved = _mm256_madd_epi16(numbers, up); /* the sign goes to bits 28 to 31 */
        return _mm256_castsi256_ps(_mm256_and_si256(moved, _mm256_set1_epi32((int)0x8FFFFFFFu)));
    }
    return _mm256_castsi256_ps(odd ? _mm256_and_si256(numbers, _mm256_set1_epi32((int)0xFFFF0000u))
                                   : _mm256_slli_epi32(numbers, 16));
}

/* 16 k: even and odd ones of both columns. */
AQ_INLINE void aq_multiply_pair(aq_pair_t *sums, const float *x, __m256i even, __m256i odd, aq_half half)
{
#define AQ_FOUR_K(j, numbers, second)                                                                        \
    sums->sum##j =                                                                                           \
        _mm256_fmadd_ps(aq_every_second(numbers, second, half), _mm256_load_ps(x + (j)*8), sums->sum##j);
    AQ_FOUR_K(0, even, 0)
    AQ_FOUR_K(1, odd, 0)
    AQ_FOUR_K(2, even, 1)
    AQ_FOUR_K(3, odd, 1)
#undef AQ_FOUR_K
}

/* 32 k, or 16, at a byte of either column, from x on, which holds each four k twice. */
AQ_INLINE void aq_pair_step(aq_pair_t *sums, const float *x, const int8_t *left, const int8_t *right,
                            aq_values_t values, bool both, aq_half half)
{
    const __m128i *first = (const __m128i *)(const void *)left,
                  *second = (const __m128i *)(const void *)right;
    const __m256i low_bits = _mm256_set1_epi8(15);
    __m256i bytes = both ? _mm256_blend_epi32(_mm256_broadcastsi128_si256(_mm_loadu_si128(first)),
                                              _mm256_broadcastsi128_si256(_mm_loadu_si128(second)), 0xF0)
                         : _mm256_set_m128i(_mm_loadl_epi64(second), _mm_loadl_epi64(first));
    __m256i even = _mm256_and_si256(bytes, low_bits);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low_bits);
    __m256i even_low = _mm256_shuffle_epi8(values.low, even), odd_low = _mm256_shuffle_epi8(values.low, odd);
    __m256i even_high = _mm256_shuffle_epi8(values.high, even),
            odd_high = _mm256_shuffle_epi8(values.high, odd);
    aq_multiply_pair(sums, x, _mm256_unpacklo_epi8(even_low, even_high),
                     _mm256_unpacklo_epi8(odd_low, odd_high), half);
    if (both)
        aq_multiply_pair(sums, x + 32, _mm256_unpackhi_epi8(even_low, even_high),
                         _mm256_unpackhi_epi8(odd_low, odd_high), half);
}

/* 16 k of a pair, of which count exist: x is +0 beyond, the weights are finite. */
AQ_INLINE void aq_pair_end(aq_pair_t *sums, const float *x, const int8_t *left, const int8_t *right,
                           aq_values_t values, int64_t count, aq_half half)
{
    int8_t some[2][8] = {{0}};
    if (count < AQ_LANES_T) {
        left = memcpy(some[0], left, (size_t)(count + 1) / 2);
        right = memcpy(some[1], right, (size_t)(count + 1) / 2);
    }
    aq_pair_step(sums, x, left, right, values, false, half);
}

/* k .. end - 1, of one group, of columns c and c + 1. */
AQ_INLINE void aq_group_of_pair(aq_pair_t *sums, const aq_span_t *span, const aq_four_t *four, int c,
                                int64_t group, int64_t k, int64_t end, aq_case_t with, aq_half half)
{
    const aq_values_t values = aq_values_of(four, c, group, with, half);
    const int8_t *left = four->at[c], *right = four->at[c + 1];
    const int64_t part = aq_part_t(with);
    aq_pair_t own = *sums;
    const float *x = span->x + 2 * (k - span->k0);
    for (; k + part <= end; k += part, x += 2 * part) {
        const int64_t at = aq_byte_t(span, k, with);
        aq_prefetch_two_t(four, c, at);
#pragma GCC unroll 4
        for (int64_t j = 0; j < part; j += 32)
            if (with.plain)
                aq_pair_step(&own, x + 2 * j, left + at + j / 2, right + at + j / 2, values, true, half);
            else
                for (int64_t i = j; i < j + 32; i += 16) {
                    const int64_t piece = aq_byte_t(span, k + i, with);
                    aq_pair_step(&own, x + 2 * i, left + piece, right + piece, values, false, half);
                }
    }
    if (k < end && k % part == 0)
        aq_prefetch_two_t(four, c, aq_byte_t(span, k, with));
    for (; with.plain && k + 32 <= end; k += 32, x += 64)
        aq_pair_step(&own, x, left + k / 2, right + k / 2, values, true, half);
    for (; k < end; k += 16, x += 32) {
        const int64_t at = aq_byte_t(span, k, with);
        aq_pair_end(&own, x, left + at, right + at, values, end - k, half);
    }
    *sums = own;
}

/* kernel.h's tree: in lanes 0 and 4 the sums of the two columns. */
AQ_INLINE __m256 aq_tree_of_pair(aq_pair_t sums)
{
    __m256 low01 = _mm256_unpacklo_ps(sums.sum0, sums.sum1),
           high01 = _mm256_unpackhi_ps(sums.sum0, sums.sum1);
    __m256 low23 = _mm256_unpacklo_ps(sums.sum2, sums.sum3),
           high23 = _mm256_unpackhi_ps(sums.sum2, sums.sum3);
    __m256 p0 = _mm256_shuffle_ps(low01, low23, 0x44), p4 = _mm256_shuffle_ps(low01, low23, 0xEE);
    __m256 p8 = _mm256_shuffle_ps(high01, high23, 0x44), p12 = _mm256_shuffle_ps(high01, high23, 0xEE);
    __m256 four = _mm256_add_ps(_mm256_add_ps(p0, p8), _mm256_add_ps(p4, p12));
    __m256 two = _mm256_add_ps(four, _mm256_permute_ps(four, 0x4E));
    return _mm256_add_ps(two, _mm256_permute_ps(two, 0xB1));
}

AQ_INLINE __m256 aq_chunk_of_pair(const aq_scaled_stream_tile *tile, const aq_span_t *span,
                                  const aq_four_t *four, int c, int64_t k0, int64_t k1, aq_case_t with,
                                  aq_half half)
{
    const __m256 zero = _mm256_setzero_ps();
    aq_pair_t sums = {zero, zero, zero, zero};
    aq_place_t place = aq_place_of(tile->scaled, k0);
    int64_t end;
    for (int64_t k = k0; k < k1; k = end, place = (aq_place_t){place.group + 1, tile->scaled->group}) {
        end = k1 - k <= place.left ? k1 : k + place.left;
        aq_group_of_pair(&sums, span, four, c, place.group, k, end, with, half);
    }
    return aq_tree_of_pair(sums);
}

/* ---- int8, and what is not quick: two columns, one after the other ---- */

typedef struct aq_two_t {
    aq_lanes left, right;
} aq_two_t;

/* 16 k from k on, of which count exist, at a byte of columns c and c + 1. */
AQ_INLINE void aq_sixteen_t(aq_two_t *sums, const float *x, const aq_four_t *four, int c,
                            const aq_own_t *left, const aq_own_t *right, int64_t at, int64_t count,
                            aq_case_t with)
{
    aq_lanes values = aq_lanes_load(x);
    AQ_LANES_IN_REGISTER(values);
    sums->left =
        aq_lanes_fma(values, aq_weights_natural_t(four, left, four->at[c] + at, count, with), sums->left);
    sums->right = aq_lanes_fma(values, aq_weights_natural_t(four, right, four->at[c + 1] + at, count, with),
                               sums->right);
}

AQ_INLINE aq_two_t aq_chunk_of_two(const aq_scaled_stream_tile *tile, const aq_span_t *span,
                                   const aq_four_t *four, int c, int64_t k0, int64_t k1, aq_case_t with)
{
    const aq_lanes zero = aq_lanes_all(0.0f);
    const int64_t part = aq_part_t(with);
    aq_two_t sums = {zero, zero};
    aq_place_t place = aq_place_of(tile->scaled, k0);
    int64_t end;
    for (int64_t k = k0; k < k1; k = end, place = (aq_place_t){place.group + 1, tile->scaled->group}) {
        end = k1 - k <= place.left ? k1 : k + place.left;
        const aq_own_t left = aq_own_of(four, c, place.group, with),
                       right = aq_own_of(four, c + 1, place.group, with);
        int64_t i = k;
        for (; i + part <= end; i += part) {
            const int64_t at = aq_byte_t(span, i, with);
            aq_prefetch_two_t(four, c, at);
#pragma GCC unroll 8
            for (int64_t j = 0; j < part; j += 16)
                aq_sixteen_t(&sums, tile->x + i + j, four, c, &left, &right,
                             with.plain ? at + (j >> (with.type == AQ_S4)) : aq_byte_t(span, i + j, with), 16,
                             with);
        }
        if (i < end && i % part == 0)
            aq_prefetch_two_t(four, c, aq_byte_t(span, i, with));
        for (; i + 16 <= end; i += 16)
            aq_sixteen_t(&sums, tile->x + i, four, c, &left, &right, aq_byte_t(span, i, with), 16, with);
        if (i < end)
            aq_sixteen_t(&sums, tile->x + i, four, c, &left, &right, aq_byte_t(span, i, with), end - i, with);
    }
    return sums;
}

/* k0 .. k1 - 1 of a chunk, all groups. */
AQ_INLINE __m128 aq_chunk_of_one_row_t(const aq_scaled_stream_tile *tile, const aq_span_t *span,
                                       const aq_four_t *four, int64_t k0, int64_t k1, aq_case_t with)
{
    if (with.type == AQ_S4 && aq_is_quick(with.way)) {
        __m256 left, right;
        if (tile->scaled->half == AQ_F16) {
            left = aq_chunk_of_pair(tile, span, four, 0, k0, k1, with, AQ_F16);
            right = aq_chunk_of_pair(tile, span, four, 2, k0, k1, with, AQ_F16);
        } else {
            left = aq_chunk_of_pair(tile, span, four, 0, k0, k1, with, AQ_BF16);
            right = aq_chunk_of_pair(tile, span, four, 2, k0, k1, with, AQ_BF16);
        }
        __m256 both = _mm256_unpacklo_ps(left, right); /* columns 0 and 2, 1 and 3 */
        return _mm_unpacklo_ps(_mm256_castps256_ps128(both), _mm256_extractf128_ps(both, 1));
    }
    const aq_two_t left = aq_chunk_of_two(tile, span, four, 0, k0, k1, with);
    const aq_two_t right = aq_chunk_of_two(tile, span, four, 2, k0, k1, with);
    return aq_lanes_trees(left.left, left.right, right.left, right.right);
}

#endif
