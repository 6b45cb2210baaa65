/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_panel.h - dequantises a panel of AQ_RECIPE_SCALED for a gemm kernel: int8 and int4, orders P and T,
 * plain and FRACTAL_NZ, by groups. The stored weights are first brought to int8, 16 columns side by side;
 * what follows is the same for all. Written once for both x86 levels: include the folder's lanes.h and a
 * function aq_transpose_64(in, out) first (16 columns of 64 k, rows of 64 bytes, to 64 k of 16 columns). */
#ifndef AQ_KERNELS_X86_SCALED_PANEL_H
#define AQ_KERNELS_X86_SCALED_PANEL_H

#include "kernels/x86/scaled_weights.h"

enum {
    AQ_SCALED_PART = 64, /* k of a step */
    AQ_SCALED_AHEAD = 48 /* k rows from a prefetch to its use: a row is in a page of its own */
};

/* Parameters of a panel's columns for one group. */
typedef struct aq_scaled_columns {
    _Alignas(64) float scale[AQ_MAX_NR];
    float shift[AQ_MAX_NR];
    aq_way way;
    bool offset_present;
    float inverse_step;
} aq_scaled_columns;

AQ_INLINE void aq_prepare_panel(aq_scaled_columns *columns, const aq_scaled_panel_job *job, int64_t k,
                                int64_t nr)
{
    const aq_scaled *scaled = job->scaled;
    for (int64_t j = job->n / 8 * 8; j < nr; j++)
        columns->scale[j] = columns->shift[j] = 0.0f;
    columns->way = aq_prepare_scaled(columns->scale, columns->shift, scaled, job->weight->type,
                                     (job->k0 + k) / scaled->group, job->n0, job->n);
    columns->offset_present = scaled->offset != NULL;
    columns->inverse_step = 1 / aq_limits_of(scaled->half).step;
}

/* rows times 16 weights, a row in `in` every in_stride bytes, in `panel` every panel_stride floats. */
AQ_INLINE void aq_dequantise_rows(const aq_scaled_columns *columns, int64_t vector, const int8_t *in,
                                  int64_t in_stride, int64_t rows, float *panel, int64_t panel_stride,
                                  aq_way way)
{
    const aq_lanes scale = aq_lanes_load(columns->scale + vector * 16);
    const aq_lanes shift = aq_lanes_load(columns->shift + vector * 16);
    const aq_lanes inverse = aq_lanes_all(columns->inverse_step);
    const bool offset_present = columns->offset_present;
    for (int64_t i = 0; i < rows; i++, in += in_stride, panel += panel_stride)
        aq_lanes_store(
            panel, aq_scaled_weights(aq_lanes_from_bytes(in), scale, shift, offset_present, inverse, way));
}

static inline void aq_dequantise(const aq_scaled_columns *columns, int64_t vector, const int8_t *in,
                                 int64_t in_stride, int64_t rows, float *panel, int64_t panel_stride)
{
    if (columns->way == AQ_QUICK)
        aq_dequantise_rows(columns, vector, in, in_stride, rows, panel, panel_stride, AQ_QUICK);
    else if (columns->way == AQ_STEPS_F16)
        aq_dequantise_rows(columns, vector, in, in_stride, rows, panel, panel_stride, AQ_STEPS_F16);
    else
        aq_dequantise_rows(columns, vector, in, in_stride, rows, panel, panel_stride, AQ_STEPS_BF16);
}

/* ---- order P ---- */

/* count columns of a row, which lie together at element `at`, to int8; the rest of 16 becomes 0. */
AQ_INLINE void aq_fetch_across(const aq_weight *weight, int64_t at, int64_t count, int8_t *out)
{
    int8_t bytes[16] = {0}, expanded[32];
    if (weight->type == AQ_S8) {
        if (count >= 16)
            memcpy(out, weight->data + at, 16);
        else
            memcpy(memset(out, 0, 16), weight->data + at, (size_t)count);
        return;
    }
    if (count >= 16)
        memcpy(bytes, weight->data + (at >> 1), 8);
    else
        memcpy(bytes, weight->data + (at >> 1), (size_t)(count + 1) / 2);
    aq_expand_nibbles(_mm_loadu_si128((const __m128i *)(const void *)bytes), expanded);
    if (count < 16)
        memset(expanded + count, 0, (size_t)(16 - count));
    memcpy(out, expanded, 16);
}

/* Columns 16 * vector on, k rows k .. k + rows - 1 of the chunk, of one group. */
AQ_INLINE void aq_pack_across(const aq_scaled_panel_job *job, const aq_scaled_columns *columns,
                              int64_t vector, int64_t k, int64_t rows, int64_t nr)
{
    _Alignas(64) int8_t fetched[AQ_SCALED_PART * 16];
    const aq_weight *weight = job->weight;
    const int64_t count = job->n - vector * 16, stride = weight->stride_k;
    const int64_t at = weight->first + aq_along(weight, job->n0 + vector * 16) + (job->k0 + k) * stride;
    const int shift = weight->type == AQ_S4;
    const uintptr_t ahead = (uintptr_t)weight->data + (uintptr_t)((at + AQ_SCALED_AHEAD * stride) >> shift);
    float *panel = job->panel + k * nr + vector * 16;
    for (int64_t i = 0; i < rows; i++)
        _mm_prefetch((const void *)(ahead + (uintptr_t)((i * stride) >> shift)), _MM_HINT_T1);
    if (weight->type == AQ_S8 && count >= 16) {
        aq_dequantise(columns, vector, weight->data + at, stride, rows, panel, nr);
        return;
    }
    for (int64_t i = 0; i < rows; i++)
        aq_fetch_across(weight, at + i * stride, count, fetched + i * 16);
    aq_dequantise(columns, vector, fetched, 16, rows, panel, nr);
}

AQ_INLINE void aq_pack_scaled_p(const aq_scaled_panel_job *job, int64_t nr)
{
    aq_scaled_columns columns;
    const int64_t group = job->scaled->group;
    int64_t rows;
    for (int64_t k = 0; k < job->k; k += rows) {
        int64_t in_group = (job->k0 + k) % group;
        if (k == 0 || in_group == 0)
            aq_prepare_panel(&columns, job, k, nr);
        rows = job->k - k < AQ_SCALED_PART ? job->k - k : AQ_SCALED_PART;
        if (rows > group - in_group)
            rows = group - in_group;
        for (int64_t vector = 0; vector < nr / 16; vector++) {
            if (vector * 16 < job->n)
                aq_pack_across(job, &columns, vector, k, rows, nr);
            else
                for (int64_t i = 0; i < rows; i++)
                    memset(job->panel + (k + i) * nr + vector * 16, 0, 16 * sizeof(float));
        }
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
    int8_t bytes[AQ_SCALED_PART / 2] = {0}, expanded[AQ_SCALED_PART];
    memcpy(bytes, weight->data + (at >> 1), (size_t)(count + 1) / 2);
    for (int64_t i = 0; i < AQ_SCALED_PART; i += 32)
        aq_expand_nibbles(_mm_loadu_si128((const __m128i *)(const void *)(bytes + i / 2)), expanded + i);
    if (count % 2)
        expanded[count] = 0;
    memcpy(out, expanded, (size_t)room);
}

/* 64 k from k on, of which count exist, of 16 columns from n on, to in[column of 16][64]. */
AQ_INLINE void aq_fetch_columns(const aq_scaled_panel_job *job, int64_t n, int64_t k, int64_t count,
                                int8_t *in)
{
    const aq_weight *weight = job->weight;
    const bool whole = count == AQ_SCALED_PART && weight->block % AQ_SCALED_PART == 0 &&
                       (weight->block == 0 || (job->k0 + k) % AQ_SCALED_PART == 0);
    for (int64_t j = 0; j < 16; j++, in += AQ_SCALED_PART) {
        if (n + j >= job->n) {
            memset(in, 0, AQ_SCALED_PART);
            continue;
        }
        int64_t column = weight->first + (job->n0 + n + j) * weight->stride_n;
        if (whole) {
            aq_fetch_along(weight, column + aq_along(weight, job->k0 + k), AQ_SCALED_PART, AQ_SCALED_PART,
                           in);
            continue;
        }
        for (int64_t i = 0; i < AQ_SCALED_PART; i += 16) {
            int64_t some = count - i < 0 ? 0 : count - i > 16 ? 16 : count - i;
            int64_t at = some > 0 ? column + aq_along(weight, job->k0 + k + i) : 0;
            aq_fetch_along(weight, at, some, 16, in + i);
        }
    }
}

/* The 16 k from k on, transposed in `rows`; count of them exist. They go to 16 chains of packed positions. */
AQ_INLINE void aq_dequantise_sixteen(const aq_scaled_panel_job *job, const aq_scaled_columns *columns,
                                     int64_t vector, int64_t k, int64_t count, const int8_t *rows, int64_t nr,
                                     aq_way way)
{
    const int64_t in_lane = job->steps / AQ_LANES_T;
    float *panel = job->panel + k / AQ_LANES_T * nr + vector * 16;
    const aq_lanes scale = aq_lanes_load(columns->scale + vector * 16);
    const aq_lanes shift = aq_lanes_load(columns->shift + vector * 16);
    const aq_lanes inverse = aq_lanes_all(columns->inverse_step);
    const bool offset_present = columns->offset_present;
    for (int64_t i = 0; i < AQ_LANES_T; i++) {
        aq_lanes w = aq_lanes_all(0.0f);
        if (i < count)
            w = aq_scaled_weights(aq_lanes_from_bytes(rows + i * 16), scale, shift, offset_present, inverse,
                                  way);
        aq_lanes_store(panel + aq_lane_order[i] * in_lane * nr, w);
    }
}

/* Of each column 64 k are fetched at once: columns are often multiples of 4 KiB apart, and 16 lines of one
 * cache set would not stay until the next 16 k. */
AQ_INLINE void aq_pack_scaled_t(const aq_scaled_panel_job *job, int64_t nr)
{
    _Alignas(64) int8_t in[16 * AQ_SCALED_PART], out[AQ_SCALED_PART * AQ_MAX_NR];
    aq_scaled_columns columns;
    for (int64_t part = 0; part < job->steps; part += AQ_SCALED_PART) {
        int64_t count = job->k - part < AQ_SCALED_PART ? job->k - part : AQ_SCALED_PART;
        for (int64_t vector = 0; vector < nr / 16; vector++) {
            aq_fetch_columns(job, vector * 16, part, count, in);
            aq_transpose_64(in, out + vector * 16 * AQ_SCALED_PART);
        }
        for (int64_t k = part; k < part + count; k += AQ_LANES_T) {
            if (k == 0 || (job->k0 + k) % job->scaled->group == 0)
                aq_prepare_panel(&columns, job, k, nr);
            for (int64_t vector = 0; vector < nr / 16; vector++) {
                const int8_t *rows = out + vector * 16 * AQ_SCALED_PART + (k - part) * 16;
                int64_t some = job->k - k < AQ_LANES_T ? job->k - k : AQ_LANES_T;
                if (columns.way == AQ_QUICK)
                    aq_dequantise_sixteen(job, &columns, vector, k, some, rows, nr, AQ_QUICK);
                else if (columns.way == AQ_STEPS_F16)
                    aq_dequantise_sixteen(job, &columns, vector, k, some, rows, nr, AQ_STEPS_F16);
                else
                    aq_dequantise_sixteen(job, &columns, vector, k, some, rows, nr, AQ_STEPS_BF16);
            }
        }
    }
}

AQ_INLINE void aq_pack_scaled_x86(const aq_scaled_panel_job *job, int64_t nr)
{
    if (job->order == AQ_ORDER_P)
        aq_pack_scaled_p(job, nr);
    else
        aq_pack_scaled_t(job, nr);
}

#endif
