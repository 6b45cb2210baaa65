/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_panel.h - dequantises a panel of AQ_RECIPE_SCALED for a gemm kernel: int8 and int4, orders P and T,
 * plain and FRACTAL_NZ, by groups. The stored weights are first brought to int8, 16 columns side by side;
 * what follows is the same for all. Written once for both x86 levels: include the folder's lanes.h and a
 * function aq_transpose_64(in, out) first (16 columns of 64 k, rows of 64 bytes, to 64 k of 16 columns). */
#ifndef AQ_KERNELS_X86_SCALED_PANEL_H
#define AQ_KERNELS_X86_SCALED_PANEL_H

#include "kernels/x86/scaled_weights.h"

enum {
    AQ_SCALED_PART = 64,       /* k of a step */
    AQ_SCALED_PARTS_AHEAD = 2, /* from a prefetch to its use in order T: 1 us */
    AQ_SCALED_AHEAD = 48       /* k rows from a prefetch to its use: a row is in a page of its own */
};

/* Parameters of a panel's columns for one group. */
typedef struct aq_scaled_columns {
    _Alignas(64) float scale[AQ_MAX_NR];
    float more[AQ_MAX_NR], offset[AQ_MAX_NR];
    aq_way way;
    bool offset_present;
} aq_scaled_columns;

AQ_INLINE void aq_prepare_panel(aq_scaled_columns *columns, const aq_scaled_panel_job *job, int64_t k,
                                int64_t nr)
{
    const aq_scaled *scaled = job->scaled;
    for (int64_t j = job->n / 8 * 8; j < nr; j++)
        columns->scale[j] = columns->more[j] = columns->offset[j] = 0.0f;
    columns->way = aq_prepare_scaled(columns->scale, columns->more, columns->offset, scaled,
                                     job->weight->type, (job->k0 + k) / scaled->group, job->n0, job->n);
    columns->offset_present = scaled->offset != NULL;
}

AQ_INLINE aq_params aq_params_of_panel(const aq_scaled_columns *columns, int64_t vector)
{
    return (aq_params){aq_lanes_load(columns->scale + vector * 16),
                       aq_lanes_load(columns->more + vector * 16),
                       aq_lanes_load(columns->offset + vector * 16)};
}

/* ---- order P ---- */

/* count columns of a row, which lie together at element `at`, in a row of bytes that may be read to its 16th
 * column; the rest of the 16 becomes 0. */
AQ_INLINE const int8_t *aq_copy_across(const aq_weight *weight, int64_t at, int64_t count, int8_t *copy)
{
    memset(copy, 0, 16);
    if (weight->type == AQ_S8)
        return memcpy(copy, weight->data + at, (size_t)count);
    memcpy(copy, weight->data + (at >> 1), (size_t)(count + 1) / 2);
    if (count % 2)
        copy[count / 2] &= 15;
    return copy;
}

/* 16 weights from their bytes. The lanes of int4 come in another order, in which its parameters are, too. */
AQ_INLINE aq_lanes aq_weights_across(const int8_t *from, aq_params params, bool offset_present,
                                     aq_table values, aq_weight_type type, aq_way way)
{
    if (type == AQ_S8)
        return aq_scaled_weights(aq_lanes_from_bytes(from), params, offset_present, way);
    aq_lanes w = aq_lanes_of_nibbles(values, from);
    return aq_lanes_natural(aq_scaled_weights(w, params, offset_present, way));
}

AQ_INLINE aq_params aq_params_across(const aq_scaled_columns *columns, int64_t vector, aq_weight_type type)
{
    aq_params params = aq_params_of_panel(columns, vector);
    if (type == AQ_S8)
        return params;
    return (aq_params){aq_lanes_in_order(params.scale), aq_lanes_in_order(params.more),
                       aq_lanes_in_order(params.offset)};
}

/* A row that the panel does not fill: its columns, and nothing beyond them, dequantised one by one. */
AQ_INLINE void aq_pack_edge(const aq_scaled_panel_job *job, const int64_t *at, int64_t offset,
                            const aq_params *params, bool offset_present, int64_t vectors,
                            aq_weight_type type, aq_way way, float *panel)
{
    const aq_table values = aq_table_of(aq_nibble_values());
    int8_t copy[16];
    for (int64_t v = 0; v < vectors; v++) {
        int64_t left = job->n - v * 16;
        const int8_t *from = aq_copy_across(job->weight, left > 0 ? at[v] + offset : 0,
                                            left < 0    ? 0
                                            : left > 16 ? 16
                                                        : left,
                                            copy);
        aq_lanes_store(panel + v * 16, aq_weights_across(from, params[v], offset_present, values, type, way));
    }
}

/* k rows k .. k + rows - 1 of the chunk, of one group. A row of the panel is a cache line of the weight or
 * less, in a page of its own: prefetched far ahead. */
AQ_INLINE void aq_pack_across(const aq_scaled_panel_job *job, const aq_scaled_columns *columns, int64_t k,
                              int64_t rows, int64_t nr, aq_weight_type type, aq_way way)
{
    enum { MOST = AQ_MAX_NR / 16 };
    const aq_weight *weight = job->weight;
    const int half_bytes = type == AQ_S4;
    const int64_t stride = weight->stride_k >> half_bytes, vectors = nr / 16;
    const aq_table values = aq_table_of(aq_nibble_values());
    const bool offset_present = columns->offset_present;
    int64_t at[MOST];
    const int8_t *from[MOST];
    aq_params params[MOST];
#pragma GCC unroll 4
    for (int64_t v = 0; v < vectors; v++) {
        at[v] = weight->first + (job->k0 + k) * weight->stride_k + aq_along(weight, job->n0 + v * 16);
        from[v] = weight->data + (at[v] >> half_bytes);
        params[v] = aq_params_across(columns, v, type);
    }
    float *panel = job->panel + k * nr;
    if (job->n < nr) {
        for (int64_t i = 0; i < rows; i++, panel += nr)
            aq_pack_edge(job, at, i * weight->stride_k, params, offset_present, vectors, type, way, panel);
        return;
    }
    const uintptr_t ahead = AQ_SCALED_AHEAD * (uintptr_t)stride;
    const bool two_lines = type == AQ_S8 && weight->block > 0; /* of FRACTAL_NZ, 32 columns each */
    for (int64_t i = 0; i < rows; i++, panel += nr) {
        _mm_prefetch((const void *)((uintptr_t)from[0] + ahead), _MM_HINT_T1);
        if (two_lines)
            _mm_prefetch((const void *)((uintptr_t)from[vectors - 1] + ahead), _MM_HINT_T1);
#pragma GCC unroll 4
        for (int64_t v = 0; v < vectors; v++) {
            aq_lanes_store(panel + v * 16,
                           aq_weights_across(from[v], params[v], offset_present, values, type, way));
            from[v] += stride;
        }
    }
}

AQ_INLINE void aq_pack_scaled_p(const aq_scaled_panel_job *job, int64_t nr, aq_weight_type type)
{
    aq_scaled_columns columns;
    const int64_t group = job->scaled->group;
    int64_t end;
    for (int64_t k = 0; k < job->k; k = end) {
        int64_t left = group - (job->k0 + k) % group;
        end = job->k - k <= left ? job->k : k + left;
        aq_prepare_panel(&columns, job, k, nr);
        if (columns.way == AQ_QUICK)
            aq_pack_across(job, &columns, k, end - k, nr, type, AQ_QUICK);
        else if (columns.way == AQ_QUICK_OFFSET)
            aq_pack_across(job, &columns, k, end - k, nr, type, AQ_QUICK_OFFSET);
        else if (columns.way == AQ_STEPS_F16)
            aq_pack_across(job, &columns, k, end - k, nr, type, AQ_STEPS_F16);
        else
            aq_pack_across(job, &columns, k, end - k, nr, type, AQ_STEPS_BF16);
    }
}

/* ---- order T ---- */

/* count k, which lie together at element `at`, to int8; up to `room` (a multiple of 16) the rest becomes 0.
 */
AQ_INLINE void aq_fetch_along(const aq_weight *weight, int64_t at, int64_t count, int64_t room, int8_t *out)
{
    if (weight->type == AQ_S8) {
        if (count < room)
            memset(out, 0, (size_t)room);
        memcpy(out, weight->data + at, (size_t)count);
        return;
    }
    if (count == AQ_SCALED_PART) {
        const __m128i *from = (const __m128i *)(const void *)(weight->data + (at >> 1));
        aq_expand_nibbles(_mm_loadu_si128(from), out);
        aq_expand_nibbles(_mm_loadu_si128(from + 1), out + 32);
        return;
    }
    int8_t bytes[AQ_SCALED_PART / 2] = {0}, expanded[AQ_SCALED_PART];
    memcpy(bytes, weight->data + (at >> 1), (size_t)(count + 1) / 2);
    for (int64_t i = 0; i < AQ_SCALED_PART; i += 32)
        aq_expand_nibbles(_mm_loadu_si128((const __m128i *)(const void *)(bytes + i / 2)), expanded + i);
    if (count % 2)
        expanded[count] = 0;
    memcpy(out, expanded, (size_t)room);
}

/* Brings to L2 what 16 columns from n on hold some parts after k: they are more streams than the hardware
 * follows. */
AQ_INLINE void aq_prefetch_columns(const aq_scaled_panel_job *job, int64_t n, int64_t k)
{
    const aq_weight *weight = job->weight;
    const int64_t ahead = job->k0 + k + AQ_SCALED_PARTS_AHEAD * AQ_SCALED_PART;
    const int64_t pieces = weight->block > 0 && weight->block < AQ_SCALED_PART ? 2 : 1;
    for (int64_t piece = 0; piece < pieces; piece++) {
        int64_t at = weight->first + (job->n0 + n) * weight->stride_n +
                     aq_along(weight, ahead + piece * (AQ_SCALED_PART / 2));
        for (int64_t j = 0; j < 16; j++, at += weight->stride_n)
            _mm_prefetch((const void *)((uintptr_t)weight->data + (uintptr_t)(at >> (weight->type == AQ_S4))),
                         _MM_HINT_T1);
    }
}

/* 64 k from k on, of which count exist, of 16 columns from n on, to in[column of 16][64]. */
AQ_INLINE void aq_fetch_columns(const aq_scaled_panel_job *job, int64_t n, int64_t k, int64_t count,
                                int8_t *in)
{
    const aq_weight *weight = job->weight;
    const int64_t k1 = job->k0 + k;
    const bool whole = count == AQ_SCALED_PART && weight->block % AQ_SCALED_PART == 0 &&
                       (weight->block == 0 || k1 % AQ_SCALED_PART == 0);
    const bool halves = count == AQ_SCALED_PART && weight->block == AQ_SCALED_PART / 2 &&
                        weight->type == AQ_S8 && k1 % weight->block == 0;
    const int64_t at = aq_along(weight, k1);
    for (int64_t j = 0; j < 16; j++, in += AQ_SCALED_PART) {
        if (n + j >= job->n) {
            memset(in, 0, AQ_SCALED_PART);
            continue;
        }
        int64_t column = weight->first + (job->n0 + n + j) * weight->stride_n;
        if (whole) {
            aq_fetch_along(weight, column + at, AQ_SCALED_PART, AQ_SCALED_PART, in);
            continue;
        }
        if (halves) { /* int8's usual block */
            const int8_t *from = weight->data + column + at;
            memcpy(in, from, AQ_SCALED_PART / 2);
            memcpy(in + AQ_SCALED_PART / 2, from + weight->block_stride, AQ_SCALED_PART / 2);
            continue;
        }
        for (int64_t i = 0; i < AQ_SCALED_PART; i += 16) {
            int64_t some = count - i < 0 ? 0 : count - i > 16 ? 16 : count - i;
            int64_t piece = some > 0 ? column + aq_along(weight, k1 + i) : 0;
            aq_fetch_along(weight, piece, some, 16, in + i);
        }
    }
}

/* blocks times 16 k from k on, transposed in `rows`; count of them exist, all but in a last block. They go to
 * 16 chains of packed positions, one after the other: the chains are a multiple of 4 KiB apart, and 16 lines
 * of one cache set would not stay. */
AQ_INLINE void aq_dequantise_blocks(const aq_scaled_panel_job *job, const aq_scaled_columns *columns,
                                    int64_t vector, int64_t k, int blocks, int64_t count, const int8_t *rows,
                                    int64_t nr, aq_way way)
{
    const int64_t in_lane = job->steps / AQ_LANES_T;
    float *panel = job->panel + k / AQ_LANES_T * nr + vector * 16;
    const aq_params params = aq_params_of_panel(columns, vector);
    for (int64_t i = 0; i < AQ_LANES_T; i++) {
        float *chain = panel + aq_lane_order[i] * in_lane * nr;
#pragma GCC unroll 4
        for (int block = 0; block < blocks; block++) {
            aq_lanes w = aq_lanes_all(0.0f);
            if (blocks > 1 || i < count)
                w = aq_scaled_weights(aq_lanes_from_bytes(rows + (block * 16 + i) * 16), params,
                                      columns->offset_present, way);
            aq_lanes_store(chain + block * nr, w);
        }
    }
}

AQ_INLINE void aq_dequantise_t(const aq_scaled_panel_job *job, const aq_scaled_columns *columns,
                               int64_t vector, int64_t k, int blocks, int64_t count, const int8_t *rows,
                               int64_t nr)
{
    if (columns->way == AQ_QUICK)
        aq_dequantise_blocks(job, columns, vector, k, blocks, count, rows, nr, AQ_QUICK);
    else if (columns->way == AQ_QUICK_OFFSET)
        aq_dequantise_blocks(job, columns, vector, k, blocks, count, rows, nr, AQ_QUICK_OFFSET);
    else if (columns->way == AQ_STEPS_F16)
        aq_dequantise_blocks(job, columns, vector, k, blocks, count, rows, nr, AQ_STEPS_F16);
    else
        aq_dequantise_blocks(job, columns, vector, k, blocks, count, rows, nr, AQ_STEPS_BF16);
}

/* Of each column 64 k are fetched at once: columns are often multiples of 4 KiB apart, too. */
AQ_INLINE void aq_pack_scaled_t(const aq_scaled_panel_job *job, int64_t nr)
{
    _Alignas(64) int8_t in[16 * AQ_SCALED_PART], out[AQ_SCALED_PART * AQ_MAX_NR];
    aq_scaled_columns columns;
    const int64_t group = job->scaled->group;
    for (int64_t part = 0; part < job->steps; part += AQ_SCALED_PART) {
        int64_t count = job->k - part < AQ_SCALED_PART ? job->k - part : AQ_SCALED_PART;
        for (int64_t vector = 0; vector < nr / 16; vector++) {
            aq_prefetch_columns(job, vector * 16, part);
            aq_fetch_columns(job, vector * 16, part, count, in);
            aq_transpose_64(in, out + vector * 16 * AQ_SCALED_PART);
        }
        int64_t end;
        for (int64_t k = part; k < part + count; k = end) {
            const int64_t in_group = (job->k0 + k) % group, rest = part + count - k;
            const int64_t room = group - in_group < rest ? group - in_group : rest;
            const int blocks = room >= 64 ? 4 : room >= 32 ? 2 : 1;
            end = k + blocks * AQ_LANES_T;
            if (k == 0 || in_group == 0)
                aq_prepare_panel(&columns, job, k, nr);
            for (int64_t vector = 0; vector < nr / 16; vector++) {
                const int8_t *rows = out + vector * 16 * AQ_SCALED_PART + (k - part) * 16;
                if (blocks == 4)
                    aq_dequantise_t(job, &columns, vector, k, 4, rest, rows, nr);
                else if (blocks == 2)
                    aq_dequantise_t(job, &columns, vector, k, 2, rest, rows, nr);
                else
                    aq_dequantise_t(job, &columns, vector, k, 1, rest, rows, nr);
            }
        }
    }
}

AQ_INLINE void aq_pack_scaled_x86(const aq_scaled_panel_job *job, int64_t nr)
{
    if (job->order == AQ_ORDER_P && job->weight->type == AQ_S8)
        aq_pack_scaled_p(job, nr, AQ_S8);
    else if (job->order == AQ_ORDER_P)
        aq_pack_scaled_p(job, nr, AQ_S4);
    else
        aq_pack_scaled_t(job, nr);
}

#endif
