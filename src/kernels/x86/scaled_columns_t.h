/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_columns_t.h - what the loops of scaled_stream_t.h walk: four columns of the weight in one chunk of
 * k, and their parameters. Written once for both x86 levels: include the folder's lanes.h first and define
 * AQ_STREAM_T_SPAN, k of a span, and AQ_STREAM_T_COPIES, how often a span of int4 holds each x. */
#ifndef AQ_KERNELS_X86_SCALED_COLUMNS_T_H
#define AQ_KERNELS_X86_SCALED_COLUMNS_T_H

#include "kernels/weight.h"
#include "kernels/x86/scaled_weights.h"

enum {
    AQ_STREAM_T_ROWS = 16,
    AQ_STREAM_T_COLUMNS = 4,
    AQ_STREAM_T_AHEAD = 8, /* columns from a prefetch to its use: 0.5 to 1 us for one row */
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
    _Alignas(64) float in_order[AQ_STREAM_T_SPAN * AQ_STREAM_T_COPIES];
} aq_span_t;

/* Four columns, every `apart`-th from column j of the slice on, in one chunk: where they begin, and their
 * parameters, [column][group], a column's `groups` apart. */
typedef struct aq_four_t {
    int64_t j, apart, count; /* count of them exist, the others are the last again */
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

/* A place in the groups of a chunk: the group's number, and the k that are left of it, from there on. */
typedef struct aq_place_t {
    int64_t group, left;
} aq_place_t;

AQ_INLINE aq_place_t aq_place_of(const aq_scaled *scaled, int64_t k0)
{
    return (aq_place_t){0, scaled->group - k0 % scaled->group};
}

/* Column c of four in the slice. */
AQ_INLINE int64_t aq_column_t(const aq_four_t *four, int64_t c)
{
    return four->j + (c < four->count ? c : four->count - 1) * four->apart;
}

/* The i-th four. Prefetchers follow one run a page: of columns that share one every second comes first (one
 * row of int4, k = 4096: 12 % quicker). Blocks of FRACTAL_NZ are one run. */
AQ_INLINE void aq_place_four_t(aq_four_t *four, const aq_scaled_stream_tile *tile, int64_t i,
                               aq_weight_type type)
{
    enum { PAIR = 2 * AQ_STREAM_T_COLUMNS };
    const aq_weight *weight = tile->weight;
    const int half_bytes = type == AQ_S4;
    const int64_t bytes = weight->stride_n >> half_bytes, j = i * AQ_STREAM_T_COLUMNS, pair = j / PAIR * PAIR,
                  left = tile->n - j;
    const bool share = weight->block == 0 && bytes > 0 && bytes < AQ_PAGE_BYTES && tile->n - pair >= PAIR;
    four->j = share ? pair + i % 2 : j;
    four->apart = share ? 2 : 1;
    four->count = left < AQ_STREAM_T_COLUMNS ? left : AQ_STREAM_T_COLUMNS;
    for (int64_t c = 0; c < AQ_STREAM_T_COLUMNS; c++) {
        const int64_t column = tile->n0 + aq_column_t(four, c);
        four->at[c] = weight->data + ((weight->first + column * weight->stride_n) >> half_bytes);
    }
}

/* All groups that k0 .. k1 - 1 meet, for four columns. */
AQ_INLINE void aq_prepare_groups_t(aq_store_t *store, aq_four_t *four, const aq_scaled_stream_tile *tile,
                                   aq_weight_type type, int64_t k0, int64_t k1)
{
    const aq_scaled *scaled = tile->scaled;
    const int64_t first = k0 / scaled->group, groups = (k1 - 1) / scaled->group - first + 1;
    four->groups = (groups + 7) / 8 * 8;
    if (scaled->scale_group == 1) /* a column's groups lie together, in lines of their own */
        for (int64_t c = 0; c < AQ_STREAM_T_COLUMNS; c++) {
            int64_t next = tile->n0 + four->j + AQ_STREAM_T_AHEAD + c * four->apart;
            const uintptr_t scale = (uintptr_t)scaled->scale, offset = (uintptr_t)scaled->offset;
            _mm_prefetch((const void *)(scale + 2 * (uintptr_t)(first + next * scaled->scale_n)),
                         _MM_HINT_T0);
            if (scaled->offset != NULL)
                _mm_prefetch((const void *)(offset + 2 * (uintptr_t)(first + next * scaled->offset_n)),
                             _MM_HINT_T0);
        }
    for (int64_t c = 0; c < AQ_STREAM_T_COLUMNS; c++)
        aq_read_parameters(store->scale + c * four->groups, store->offset + c * four->groups, scaled, first,
                           tile->n0 + aq_column_t(four, c), groups, true);
    four->scale = store->scale;
    four->more = store->more;
    four->offset = store->offset;
    store->way = aq_choose_way(store->scale, store->more, store->offset, AQ_STREAM_T_COLUMNS * four->groups,
                               type, scaled);
}

/* One group: they are prepared with their neighbours where four's first column is the first of these; 0 where
 * the slice has ended. */
AQ_INLINE void aq_prepare_columns_t(aq_store_t *store, aq_four_t *four, const aq_scaled_stream_tile *tile,
                                    aq_weight_type type)
{
    const int64_t j = four->j, at = j % AQ_STREAM_T_MOST,
                  n = tile->n - j < AQ_STREAM_T_MOST ? tile->n - j : AQ_STREAM_T_MOST;
    if (at == 0) {
        store->way = aq_prepare_scaled(store->scale, store->more, store->offset, tile->scaled, type, 0,
                                       tile->n0 + j, n);
        for (int64_t i = n; i < (n + 3) / 4 * 4; i++)
            store->more[i] = 0.0f;
    }
    four->groups = four->apart;
    four->scale = store->scale + at;
    four->more = store->more + at;
    four->offset = store->offset + at;
}

/* The parameters of a column and group, in the folder's own form. */
typedef struct aq_own_t aq_own_t;

/* 16 weights at a byte of a column. int4: in the order of aq_lanes_in_order. */
AQ_INLINE aq_lanes aq_weights_t(const aq_four_t *four, const aq_own_t *own, const int8_t *at, aq_case_t with);

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
AQ_INLINE void aq_prefetch_two_t(const aq_four_t *four, int c, int64_t at)
{
    const uintptr_t ahead = (uintptr_t)(four->ahead + at);
    _mm_prefetch((const void *)((uintptr_t)four->at[c] + ahead), _MM_HINT_T1);
    _mm_prefetch((const void *)((uintptr_t)four->at[c + 1] + ahead), _MM_HINT_T1);
}

AQ_INLINE void aq_prefetch_t(const aq_four_t *four, int64_t at)
{
#pragma GCC unroll 4
    for (int c = 0; c < AQ_STREAM_T_COLUMNS; c++)
        _mm_prefetch((const void *)((uintptr_t)four->at[c] + (uintptr_t)(four->ahead + at)), _MM_HINT_T1);
}

#endif
