/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_row_t.h - weights of order T, and one row of x times four columns of them, AVX-512. An int4 weight
 * is one of 16 values of its column and group, which are looked up; an int8 weight is computed. */
#ifndef AQ_KERNELS_X86_AVX512_SCALED_ROW_T_H
#define AQ_KERNELS_X86_AVX512_SCALED_ROW_T_H

#include "kernels/x86/avx512/lanes.h"

#define AQ_STREAM_T_SPAN   8192 /* 32 KiB of x */
#define AQ_STREAM_T_COPIES 1
#include "kernels/x86/scaled_columns_t.h"

/* The parameters of a column and group. */
struct aq_own_t {
    aq_params params; /* int8 */
    aq_table table;   /* int4 */
};

AQ_INLINE aq_own_t aq_own_of(const aq_four_t *four, int c, int64_t group, aq_case_t with)
{
    const int64_t at = c * four->groups + group;
    const aq_params params = {aq_lanes_all(four->scale[at]), aq_lanes_all(four->more[at]),
                              aq_lanes_all(four->offset[at])};
    if (with.type == AQ_S8)
        return (aq_own_t){.params = params};
    return (aq_own_t){
        .table = aq_table_of(aq_scaled_weights(aq_nibble_values(), params, four->offset_present, with.way))};
}

AQ_INLINE aq_lanes aq_weights_t(const aq_four_t *four, const aq_own_t *own, const int8_t *at, aq_case_t with)
{
    if (with.type == AQ_S4)
        return aq_table_at(own->table, aq_words_nibbles(at));
    return aq_scaled_weights(aq_lanes_from_bytes(at), own->params, four->offset_present, with.way);
}

/* 16 k of the row of x as an int4 weight is multiplied with them. */
AQ_INLINE void aq_store_row_t(float *to, aq_lanes x, aq_half half)
{
    (void)half;
    aq_lanes_store(to, aq_lanes_in_order(x));
}

typedef struct aq_sums_t {
    aq_lanes sum0, sum1, sum2, sum3; /* in the order of the weights */
} aq_sums_t;

/* 16 k from k on, of which count exist, at a byte of their columns. */
AQ_INLINE void aq_sixteen_t(aq_sums_t *sums, const aq_span_t *span, const aq_four_t *four,
                            const aq_own_t *own, int64_t k, int64_t at, int64_t count, aq_case_t with)
{
    aq_lanes x = aq_lanes_load(span->x + (k - span->k0)), w[AQ_STREAM_T_COLUMNS];
#pragma GCC unroll 4
    for (int c = 0; c < AQ_STREAM_T_COLUMNS; c++) {
        if (count >= 16) {
            w[c] = aq_weights_t(four, own + c, four->at[c] + at, with);
            continue;
        }
        w[c] = aq_weights_natural_t(four, own + c, four->at[c] + at, count, with);
        if (with.type == AQ_S4)
            w[c] = aq_lanes_in_order(w[c]);
    }
    sums->sum0 = aq_lanes_fma(x, w[0], sums->sum0);
    sums->sum1 = aq_lanes_fma(x, w[1], sums->sum1);
    sums->sum2 = aq_lanes_fma(x, w[2], sums->sum2);
    sums->sum3 = aq_lanes_fma(x, w[3], sums->sum3);
}

/* k0 .. k1 - 1 of a chunk, all groups. */
AQ_INLINE __m128 aq_chunk_of_one_row_t(const aq_scaled_stream_tile *tile, const aq_span_t *span,
                                       const aq_four_t *four, int64_t k0, int64_t k1, aq_case_t with)
{
    const aq_lanes zero = aq_lanes_all(0.0f);
    const int64_t part = aq_part_t(with);
    aq_sums_t sums = {zero, zero, zero, zero};
    aq_place_t place = aq_place_of(tile->scaled, k0);
    int64_t end;
    for (int64_t k = k0; k < k1; k = end, place = (aq_place_t){place.group + 1, tile->scaled->group}) {
        end = k1 - k <= place.left ? k1 : k + place.left;
        const aq_own_t own[AQ_STREAM_T_COLUMNS] = {
            aq_own_of(four, 0, place.group, with), aq_own_of(four, 1, place.group, with),
            aq_own_of(four, 2, place.group, with), aq_own_of(four, 3, place.group, with)};
        int64_t i = k;
        for (; i + part <= end; i += part) {
            const int64_t at = aq_byte_t(span, i, with);
            aq_prefetch_t(four, at);
#pragma GCC unroll 8
            for (int64_t j = 0; j < part; j += 16)
                aq_sixteen_t(&sums, span, four, own, i + j,
                             with.plain ? at + (j >> (with.type == AQ_S4)) : aq_byte_t(span, i + j, with), 16,
                             with);
        }
        if (i < end && i % part == 0)
            aq_prefetch_t(four, aq_byte_t(span, i, with));
        for (; i + 16 <= end; i += 16)
            aq_sixteen_t(&sums, span, four, own, i, aq_byte_t(span, i, with), 16, with);
        if (i < end)
            aq_sixteen_t(&sums, span, four, own, i, aq_byte_t(span, i, with), end - i, with);
    }
    if (with.type == AQ_S4)
        return aq_lanes_trees(aq_lanes_natural(sums.sum0), aq_lanes_natural(sums.sum1),
                              aq_lanes_natural(sums.sum2), aq_lanes_natural(sums.sum3));
    return aq_lanes_trees(sums.sum0, sums.sum1, sums.sum2, sums.sum3);
}

#endif
