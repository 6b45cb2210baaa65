/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_lines_p.h - what the loops of scaled_stream_p.h walk: a line of 64 bytes of the weight, and the
 * parameters of its columns. Written once for both x86 levels: include the folder's lanes.h first.
 *
 * A line of int8 is 4 vectors of 16 columns. One of int4 is 8 vectors: the i-th nibbles of its 16 words, so
 * that lane d of vector i is column 8d + i; parameters and sums of a line lie in that order. */
#ifndef AQ_KERNELS_X86_SCALED_LINES_P_H
#define AQ_KERNELS_X86_SCALED_LINES_P_H

#include "kernels/x86/rows.h"
#include "kernels/x86/scaled_weights.h"

enum {
    AQ_STREAM_P_GROUP = 32,   /* k rows that a line is followed down; divides the chunk */
    AQ_STREAM_P_AHEAD_S8 = 4, /* lines from the prefetch to the use: about 0.5 us for one row */
    AQ_STREAM_P_AHEAD_S4 = 2,
    AQ_STREAM_P_MOST = 4096,     /* columns whose parameters are prepared at a time */
    AQ_STREAM_P_SUMS = 16 * 1024 /* floats of the chunk's sums: 64 KiB of stack, in L2 */
};

/* Columns first .. first + n - 1 of the slice, with their parameters for one group. */
typedef struct aq_block_p {
    _Alignas(64) float scale[AQ_STREAM_P_MOST];
    float more[AQ_STREAM_P_MOST], offset[AQ_STREAM_P_MOST];
    int64_t first, n;
    aq_way way;
    bool offset_present;
} aq_block_p;

/* Where a line lies: two halves of 32 bytes, and what leads to the same of the next k. */
typedef struct aq_line_p {
    const int8_t *low, *high;
    int64_t stride;
    uintptr_t ahead_low, ahead_high; /* prefetched */
    int64_t ahead_stride;
} aq_line_p;

AQ_INLINE int64_t aq_line_columns(aq_weight_type type)
{
    return type == AQ_S4 ? 128 : 64;
}

/* 128 floats, [16][8] to [8][16] or back. */
AQ_INLINE void aq_turn_line(float *line, bool back)
{
    __m256 low[8], high[8];
    for (int i = 0; i < 8; i++) {
        low[i] = _mm256_loadu_ps(back ? line + i * 16 : line + i * 8);
        high[i] = _mm256_loadu_ps(back ? line + i * 16 + 8 : line + 64 + i * 8);
    }
    aq_transpose_8x8(low);
    aq_transpose_8x8(high);
    for (int i = 0; i < 8; i++) {
        _mm256_storeu_ps(back ? line + i * 8 : line + i * 16, low[i]);
        _mm256_storeu_ps(back ? line + 64 + i * 8 : line + i * 16 + 8, high[i]);
    }
}

AQ_INLINE void aq_prepare_block(aq_block_p *block, const aq_scaled_stream_tile *tile, int64_t group,
                                aq_weight_type type)
{
    const int64_t line = aq_line_columns(type);
    for (int64_t j = block->n / 8 * 8; j < (block->n + line - 1) / line * line; j++)
        block->scale[j] = block->more[j] = block->offset[j] = 0.0f;
    block->way = aq_prepare_scaled(block->scale, block->more, block->offset, tile->scaled, type, group,
                                   tile->n0 + block->first, block->n);
    for (int64_t j = 0; type == AQ_S4 && j < block->n; j += line) {
        aq_turn_line(block->scale + j, false);
        aq_turn_line(block->more + j, false);
        if (block->offset_present)
            aq_turn_line(block->offset + j, false);
    }
}

/* The parameters of vector v of the line of columns j. */
AQ_INLINE aq_params aq_params_p(const aq_block_p *block, int64_t j, int v)
{
    return (aq_params){aq_lanes_load(block->scale + j + v * 16), aq_lanes_load(block->more + j + v * 16),
                       aq_lanes_load(block->offset + j + v * 16)};
}

/* The weights of vector v of a line. */
AQ_INLINE aq_lanes aq_weights_p(const int8_t *low, const int8_t *high, int v, aq_table values,
                                aq_params params, bool offset_present, aq_weight_type type, aq_way way,
                                bool plain)
{
    aq_lanes w;
    if (type == AQ_S8) {
        w = aq_lanes_from_bytes(plain || v < 2 ? low + v * 16 : high + (v - 2) * 16);
    } else {
        aq_words words = plain ? aq_words_load_line(low) : aq_words_load(low, high);
        w = aq_lanes_of_nibble(values, words, v);
    }
    return aq_scaled_weights(w, params, offset_present, way);
}

#endif
