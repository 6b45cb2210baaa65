/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_stream_t.h - few rows times a weight of AQ_RECIPE_SCALED whose columns run along k (order T): lanes
 * run across k, one vector is the 16 partial sums of a (row, column). Four columns are taken at a time. An
 * int4 weight is one of 16 values of its column and group, which are looked up; an int8 weight is computed.
 * One row has a loop of its own; more rows share weights kept in registers. Written once for both x86 levels:
 * include the folder's lanes.h first and define AQ_STREAM_T_DEPTH, vectors of 16 k of a step of many rows. */
#ifndef AQ_KERNELS_X86_SCALED_STREAM_T_H
#define AQ_KERNELS_X86_SCALED_STREAM_T_H

#include "kernels/x86/scaled_weights.h"

enum {
    AQ_STREAM_T_ROWS = 16,
    AQ_STREAM_T_COLUMNS = 4,
    AQ_STREAM_T_AHEAD = 16,  /* columns from a prefetch to its use: 0.5 to 2 us for one row */
    AQ_STREAM_T_SPAN = 8192, /* k of a span: 32 KiB of x */
    AQ_STREAM_T_GROUPS = (AQ_CHUNK_T / AQ_LANES_T + 1 + 7) / 8 * 8 /* most groups that a chunk meets */,
    AQ_STREAM_T_MOST = 128 /* columns of one group that are prepared at a time */
};

/* What the functions are compiled for. */
typedef struct aq_case_t {
    aq_weight_type type;
    bool plain; /* outside FRACTAL_NZ */
    aq_way way;
} aq_case_t;

/* What all columns share, of k0 .. k1 - 1. */
typedef struct aq_span_t {
    int64_t k0, k1;
    const float *x;                            /* one row: from k0 on, in the weights' order */
    int64_t at[AQ_STREAM_T_SPAN / AQ_LANES_T]; /* byte of each 16 k within a column */
    _Alignas(64) float in_order[AQ_STREAM_T_SPAN];
} aq_span_t;

/* Four columns in one chunk: where they begin, and their parameters, [column][group], a column's `groups`
 * apart. */
typedef struct aq_four_t {
    const int8_t *at[AQ_STREAM_T_COLUMNS];
    const float *scale, *more, *offset;
    int64_t groups;
    int64_t ahead; /* bytes from a column to the one that is prefetched */
    bool offset_present;
} aq_four_t;

/* Where parameters are prepared: of one group, for AQ_STREAM_T_MOST columns at a time; of more, for four
 * columns and a chunk. */
typedef struct aq_store_t {
    float scale[AQ_STREAM_T_COLUMNS * AQ_STREAM_T_GROUPS], more[AQ_STREAM_T_COLUMNS * AQ_STREAM_T_GROUPS],
        offset[AQ_STREAM_T_COLUMNS * AQ_STREAM_T_GROUPS];
    aq_way way;
} aq_store_t;

/* The parameters of a column and group. */
typedef struct aq_own_t {
    aq_params params; /* int8 */
    aq_table table;   /* int4 */
} aq_own_t;

/* A place in the groups of a chunk: the group's number, and the k that are left of it, from there on. */
typedef struct aq_place_t {
    int64_t group, left;
} aq_place_t;

AQ_INLINE aq_place_t aq_place_of(const aq_scaled *scaled, int64_t k0)
{
    return (aq_place_t){0, scaled->group - k0 % scaled->group};
}

/* All groups that k0 .. k1 - 1 meet, for columns n .. n + count - 1 and the last of them again up to four. */
AQ_INLINE void aq_prepare_groups_t(aq_store_t *store, aq_four_t *four, const aq_scaled *scaled,
                                   aq_weight_type type, int64_t n, int64_t count, int64_t k0, int64_t k1)
{
    const int64_t first = k0 / scaled->group, groups = (k1 - 1) / scaled->group - first + 1;
    four->groups = (groups + 7) / 8 * 8;
    if (scaled->scale_group == 1) /* a column's groups lie together, in lines of their own */
        for (int64_t c = 0; c < AQ_STREAM_T_COLUMNS; c++) {
            int64_t next = n + AQ_STREAM_T_AHEAD + c;
            const uintptr_t scale = (uintptr_t)scaled->scale, offset = (uintptr_t)scaled->offset;
            _mm_prefetch((const void *)(scale + 2 * (uintptr_t)(first + next * scaled->scale_n)),
                         _MM_HINT_T0);
            if (scaled->offset != NULL)
                _mm_prefetch((const void *)(offset + 2 * (uintptr_t)(first + next * scaled->offset_n)),
                             _MM_HINT_T0);
        }
    for (int64_t c = 0; c < AQ_STREAM_T_COLUMNS; c++)
        aq_read_parameters(store->scale + c * four->groups, store->offset + c * four->groups, scaled, first,
                           n + (c < count ? c : count - 1), groups, true);
    four->scale = store->scale;
    four->more = store->more;
    four->offset = store->offset;
    store->way = aq_choose_way(store->scale, store->more, store->offset, AQ_STREAM_T_COLUMNS * four->groups,
                               type, scaled);
}

/* One group: those of columns n + j to n + j + 3, which are prepared with their neighbours where j is the
 * first of them; 0 where the slice has ended. */
AQ_INLINE void aq_prepare_columns_t(aq_store_t *store, aq_four_t *four, const aq_scaled_stream_tile *tile,
                                    aq_weight_type type, int64_t j)
{
    const int64_t at = j % AQ_STREAM_T_MOST,
                  n = tile->n - j < AQ_STREAM_T_MOST ? tile->n - j : AQ_STREAM_T_MOST;
    if (at == 0) {
        store->way = aq_prepare_scaled(store->scale, store->more, store->offset, tile->scaled, type, 0,
                                       tile->n0 + j, n);
        for (int64_t i = n; i < (n + 3) / 4 * 4; i++)
            store->more[i] = 0.0f;
    }
    four->groups = 1;
    four->scale = store->scale + at;
    four->more = store->more + at;
    four->offset = store->offset + at;
}

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

/* 16 weights at a byte of column c. int4: in the order of aq_lanes_in_order. */
AQ_INLINE aq_lanes aq_weights_t(const aq_four_t *four, const aq_own_t *own, const int8_t *at, aq_case_t with)
{
    if (with.type == AQ_S4)
        return aq_table_at(own->table, aq_words_nibbles(at));
    return aq_scaled_weights(aq_lanes_from_bytes(at), own->params, four->offset_present, with.way);
}

/* The same in natural order; of the 16 the first count exist, the others become +0. */
AQ_INLINE aq_lanes aq_weights_natural_t(const aq_four_t *four, const aq_own_t *own, const int8_t *from,
                                        int64_t count, aq_case_t with)
{
    const bool nibbles = with.type == AQ_S4;
    int8_t tail[16] = {0};
    if (count < 16)
        from = memcpy(tail, from, (size_t)(nibbles ? (count + 1) / 2 : count));
    aq_lanes w = aq_weights_t(four, own, from, with);
    if (nibbles)
        w = aq_lanes_natural(w);
    return count < 16 ? aq_lanes_keep(w, count) : w;
}

/* Byte of k within a column. */
AQ_INLINE int64_t aq_byte_t(const aq_span_t *span, int64_t k, aq_case_t with)
{
    if (with.plain)
        return k >> (with.type == AQ_S4);
    return span->at[(k - span->k0) / AQ_LANES_T];
}

/* k from one prefetch to the next: a line of a column, or its piece in a block of FRACTAL_NZ. */
AQ_INLINE int64_t aq_part_t(aq_case_t with)
{
    return (with.type == AQ_S4 ? 128 : 64) >> (with.plain ? 0 : 1);
}

/* Brings the same k of columns to come to L2: a column's first lines, in a page of their own, would
 * wait for memory. */
AQ_INLINE void aq_prefetch_t(const aq_four_t *four, int64_t at)
{
#pragma GCC unroll 4
    for (int c = 0; c < AQ_STREAM_T_COLUMNS; c++)
        _mm_prefetch((const void *)((uintptr_t)four->at[c] + (uintptr_t)(four->ahead + at)), _MM_HINT_T1);
}

/* ---- one row ---- */

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

/* ---- more rows ---- */

/* depth vectors of 16 k from k on (one, with count k of it, where depth is 1) of columns c and c + 1, all
 * rows. sums: rows times two vectors. */
AQ_INLINE void aq_step_t(const aq_scaled_stream_tile *tile, const aq_span_t *span, const aq_four_t *four,
                         aq_place_t place, int c, int64_t k, int depth, int64_t count, aq_case_t with,
                         float *sums)
{
    aq_lanes w0[AQ_STREAM_T_DEPTH], w1[AQ_STREAM_T_DEPTH];
    aq_own_t own0 = aq_own_of(four, c, place.group, with), own1 = aq_own_of(four, c + 1, place.group, with);
#pragma GCC unroll 8
    for (int i = 0; i < depth; i++) {
        int64_t at = aq_byte_t(span, k + i * 16, with);
        if (i > 0 && place.left == i * 16) {
            place = (aq_place_t){place.group + 1, place.left + tile->scaled->group};
            own0 = aq_own_of(four, c, place.group, with);
            own1 = aq_own_of(four, c + 1, place.group, with);
        }
        w0[i] = aq_weights_natural_t(four, &own0, four->at[c] + at, count, with);
        w1[i] = aq_weights_natural_t(four, &own1, four->at[c + 1] + at, count, with);
    }
    const float *x = tile->x + k;
    for (int64_t r = 0; r < tile->rows; r++, sums += 32, x += tile->x_stride) {
        aq_lanes sum0 = aq_lanes_load(sums), sum1 = aq_lanes_load(sums + 16);
#pragma GCC unroll 8
        for (int i = 0; i < depth; i++) {
            aq_lanes values = aq_lanes_load(x + i * 16);
            AQ_LANES_IN_REGISTER(values);
            sum0 = aq_lanes_fma(values, w0[i], sum0);
            sum1 = aq_lanes_fma(values, w1[i], sum1);
        }
        aq_lanes_store(sums, sum0);
        aq_lanes_store(sums + 16, sum1);
    }
}

/* depth times 16 k, or count of them, of all four columns. place moves on. */
AQ_INLINE void aq_both_t(const aq_scaled_stream_tile *tile, const aq_span_t *span, const aq_four_t *four,
                         aq_place_t *place, int64_t k, int depth, int64_t count, aq_case_t with, float *sums)
{
    for (int c = 0; c < AQ_STREAM_T_COLUMNS; c += 2, sums += tile->rows * 32)
        aq_step_t(tile, span, four, *place, c, k, depth, count, with, sums);
    place->left -= depth * AQ_LANES_T;
    for (; place->left <= 0; place->group++)
        place->left += tile->scaled->group;
}

AQ_INLINE void aq_chunk_t(const aq_scaled_stream_tile *tile, const aq_span_t *span, const aq_four_t *four,
                          int64_t k0, int64_t k1, aq_case_t with, float *sums)
{
    enum { STEP = AQ_LANES_T * AQ_STREAM_T_DEPTH };
    const int64_t part = aq_part_t(with);
    memset(sums, 0, (size_t)tile->rows * 16 * AQ_STREAM_T_COLUMNS * sizeof *sums);
    aq_place_t place = aq_place_of(tile->scaled, k0);
    int64_t k = k0;
    for (; aq_is_quick(with.way) && k + STEP <= k1; k += STEP) {
        for (int64_t i = 0; i < STEP; i += part)
            if ((k + i) % part == 0)
                aq_prefetch_t(four, aq_byte_t(span, k + i, with));
        aq_both_t(tile, span, four, &place, k, AQ_STREAM_T_DEPTH, 16, with, sums);
    }
    for (; k + 32 <= k1; k += 32) {
        if (k % part == 0)
            aq_prefetch_t(four, aq_byte_t(span, k, with));
        aq_both_t(tile, span, four, &place, k, 2, 16, with, sums);
    }
    for (; k < k1; k += 16)
        aq_both_t(tile, span, four, &place, k, 1, k1 - k, with, sums);
}

/* ---- both ---- */

/* Sets or adds to count sums. */
AQ_INLINE void aq_total_t(float *total, __m128 sum, int64_t count, bool first)
{
    float values[AQ_STREAM_T_COLUMNS];
    if (count == AQ_STREAM_T_COLUMNS) {
        _mm_storeu_ps(total, first ? sum : _mm_add_ps(_mm_loadu_ps(total), sum));
        return;
    }
    _mm_storeu_ps(values, sum);
    for (int64_t c = 0; c < count; c++)
        total[c] = first ? values[c] : total[c] + values[c];
}

/* One chunk of four columns; count of them exist. total: theirs in row 0. */
AQ_INLINE void aq_columns_t(const aq_scaled_stream_tile *tile, const aq_span_t *span, const aq_four_t *four,
                            int64_t count, int64_t k0, int64_t k1, aq_case_t with, float *sums, float *total)
{
    if (tile->rows == 1) {
        aq_total_t(total, aq_chunk_of_one_row_t(tile, span, four, k0, k1, with), count, k0 == 0);
        return;
    }
    aq_chunk_t(tile, span, four, k0, k1, with, sums);
    for (int64_t r = 0; r < tile->rows; r++) {
        const float *left = sums + r * 32, *right = left + tile->rows * 32;
        aq_total_t(total + r * tile->sum_stride,
                   aq_lanes_trees(aq_lanes_load(left), aq_lanes_load(left + 16), aq_lanes_load(right),
                                  aq_lanes_load(right + 16)),
                   count, k0 == 0);
    }
}

/* The slow ways do without code of their own for plain weights. */
AQ_INLINE void aq_any_case_t(const aq_scaled_stream_tile *tile, const aq_span_t *span, const aq_four_t *four,
                             int64_t count, int64_t k0, int64_t k1, aq_weight_type type, aq_way way,
                             float *sums, float *total)
{
    const bool plain = tile->weight->block == 0;
    if (way == AQ_QUICK && plain)
        aq_columns_t(tile, span, four, count, k0, k1, (aq_case_t){type, true, AQ_QUICK}, sums, total);
    else if (way == AQ_QUICK)
        aq_columns_t(tile, span, four, count, k0, k1, (aq_case_t){type, false, AQ_QUICK}, sums, total);
    else if (way == AQ_QUICK_OFFSET && plain)
        aq_columns_t(tile, span, four, count, k0, k1, (aq_case_t){type, true, AQ_QUICK_OFFSET}, sums, total);
    else if (way == AQ_QUICK_OFFSET)
        aq_columns_t(tile, span, four, count, k0, k1, (aq_case_t){type, false, AQ_QUICK_OFFSET}, sums, total);
    else if (way == AQ_STEPS_F16)
        aq_columns_t(tile, span, four, count, k0, k1, (aq_case_t){type, false, AQ_STEPS_F16}, sums, total);
    else
        aq_columns_t(tile, span, four, count, k0, k1, (aq_case_t){type, false, AQ_STEPS_BF16}, sums, total);
}

AQ_INLINE void aq_span_of(aq_span_t *span, const aq_scaled_stream_tile *tile, aq_weight_type type, int64_t k0)
{
    span->k0 = k0;
    span->k1 = tile->k - k0 < AQ_STREAM_T_SPAN ? tile->k : k0 + AQ_STREAM_T_SPAN;
    span->x = tile->x + k0;
    for (int64_t k = k0; k < span->k1; k += AQ_LANES_T)
        span->at[(k - k0) / AQ_LANES_T] = aq_along(tile->weight, k) >> (type == AQ_S4);
    if (type == AQ_S4 && tile->rows == 1) {
        for (int64_t k = k0; k < span->k1; k += AQ_LANES_T)
            aq_lanes_store(span->in_order + (k - k0), aq_lanes_in_order(aq_lanes_load(tile->x + k)));
        span->x = span->in_order;
    }
}

/* The whole tile. */
AQ_INLINE void aq_scaled_stream_t(const aq_scaled_stream_tile *tile, aq_weight_type type)
{
    _Alignas(64) float sums[AQ_STREAM_T_ROWS * 16 * AQ_STREAM_T_COLUMNS];
    const aq_weight *weight = tile->weight;
    const int half_bytes = type == AQ_S4;
    aq_four_t four = {0};
    aq_span_t span;
    aq_store_t store;
    four.offset_present = tile->scaled->offset != NULL;
    four.ahead = (AQ_STREAM_T_AHEAD * weight->stride_n) >> half_bytes;
    for (int64_t begin = 0; begin < tile->k; begin += AQ_STREAM_T_SPAN) {
        aq_span_of(&span, tile, type, begin);
        for (int64_t j = 0; j < tile->n; j += AQ_STREAM_T_COLUMNS) {
            int64_t count = tile->n - j < AQ_STREAM_T_COLUMNS ? tile->n - j : AQ_STREAM_T_COLUMNS,
                    n = tile->n0 + j;
            for (int64_t c = 0; c < AQ_STREAM_T_COLUMNS; c++) {
                int64_t column = weight->first + (n + (c < count ? c : count - 1)) * weight->stride_n;
                four.at[c] = weight->data + (column >> half_bytes);
            }
            for (int64_t k0 = begin; k0 < span.k1; k0 += AQ_CHUNK_T) {
                int64_t k1 = span.k1 - k0 < AQ_CHUNK_T ? span.k1 : k0 + AQ_CHUNK_T;
                if (tile->scaled->group < tile->k)
                    aq_prepare_groups_t(&store, &four, tile->scaled, type, n, count, k0, k1);
                else if (k0 == begin)
                    aq_prepare_columns_t(&store, &four, tile, type, j);
                aq_any_case_t(tile, &span, &four, count, k0, k1, type, store.way, sums, tile->sum + j);
            }
        }
    }
}

#endif
