/* SPDX-License-Identifier: Apache-2.0 */
/* madd_multiply.h - digits, and their products with a panel, in the layout of madd_layout.h: one pmaddwd for
 * two k of a vector of columns, sums exact in 32 bits. Written once for both x86 levels: include the folder's
 * madd_lanes.h first. Knows no stored weights. */
#ifndef AQ_KERNELS_X86_MADD_MULTIPLY_H
#define AQ_KERNELS_X86_MADD_MULTIPLY_H

#include "kernels/digits.h"
#include "kernels/x86/madd_layout.h"

enum { AQ_MULTIPLY_LINES = 32 /* brought near while a panel is multiplied for the first time */ };

/* ---- digits ---- */

/* A row's plane of a block to its dwords. */
static inline void aq_spread(const int16_t *plane, aq_weight_type type, int16_t *out)
{
    const int64_t apart = type == AQ_S4 ? 4 : 2;
    for (int64_t k = 0; k < AQ_BLOCK; k += 2 * apart)
        for (int64_t i = 0; i < apart; i++, out += AQ_DIGIT_WORDS) {
            out[0] = plane[k + i];
            out[1] = plane[k + i + apart];
        }
}

static inline void aq_make_madd_digits(aq_digits_job *job)
{
    const int64_t bytes = AQ_MADD_DIGITS * (job->exact ? 2 : 1);
    for (int r = 0; r < AQ_DIGIT_ROWS; r++)
        job->fits[r] = true;
    for (int64_t b = 0; b < job->blocks; b++) {
        char *at = job->digits + b * (bytes + (int64_t)sizeof(aq_digits_tail));
        aq_digits_tail *tail = (aq_digits_tail *)(void *)(at + bytes);
        memset(at, 0, (size_t)bytes + sizeof *tail);
        for (int64_t r = 0; r < job->rows; r++) {
            aq_block_digits block;
            aq_make_block(job->x + r * job->x_stride + b * AQ_BLOCK, job->exact, &block);
            job->fits[r] = job->fits[r] && block.fits;
            int16_t *out = (int16_t *)(void *)at;
            if (job->exact) {
                out += r / 2 * (AQ_MADD_DIGITS / 2) + r % 2 * 4;
                aq_spread(block.low, job->type, out + 2);
            } else {
                out += r * 2;
            }
            aq_spread(block.high, job->type, out);
            aq_sum_segments(&block, job->segments, tail, (int)r);
        }
    }
}

/* ---- products ---- */

/* One group's columns of a segment times so many dwords of digits: sums[stream * 2 + vector]. The sums have
 * names instead of an array, which gcc 12 would keep on the stack. */
#define AQ_EACH_STREAM(X)  X(0) X(1) X(2) X(3)
#define AQ_DECLARE_SUMS(s) aq_ints left##s = aq_ints_zero(), right##s = left##s;
#define AQ_ADD_PRODUCTS(s)                                                                                   \
    if (s < streams) {                                                                                       \
        aq_ints both = aq_ints_all(digits + 2 * s);                                                          \
        AQ_INTS_IN_REGISTER(both);                                                                           \
        left##s = aq_ints_madd(left##s, w0, both);                                                           \
        right##s = aq_ints_madd(right##s, w1, both);                                                         \
    }
#define AQ_GIVE_SUMS(s)                                                                                      \
    sums[2 * s] = left##s;                                                                                   \
    sums[2 * s + 1] = right##s;

AQ_INLINE void aq_multiply_segment(const int16_t *panel, const int16_t *digits, int64_t pairs, int streams,
                                   aq_ints sums[2 * AQ_STREAMS])
{
    AQ_EACH_STREAM(AQ_DECLARE_SUMS)
#pragma GCC unroll 2
    for (int64_t p = 0; p < pairs; p++, panel += AQ_GROUP_WORDS, digits += AQ_DIGIT_WORDS) {
        aq_ints w0 = aq_ints_load(panel), w1 = aq_ints_load(panel + AQ_GROUP_WORDS / 2);
        AQ_INTS_IN_REGISTER(w0);
        AQ_INTS_IN_REGISTER(w1);
        AQ_EACH_STREAM(AQ_ADD_PRODUCTS)
    }
    AQ_EACH_STREAM(AQ_GIVE_SUMS)
}

/* The sums of a vector of columns, from column `column` of the panel on, to one row of acc. */
AQ_INLINE void aq_add_sums(const aq_planes_tile *tile, const aq_digits_tail *tail, int64_t segment,
                           int64_t row, int64_t column, aq_ints high, aq_ints low)
{
    float *at = tile->acc + row * tile->acc_stride + column;
    const int64_t parameter = segment * tile->columns + column;
    const aq_floats s = aq_floats_all(tail->scale[row]);
    aq_floats acc = aq_floats_load(at), f = aq_floats_of(high);
    if (tile->exact)
        f = aq_floats_fma(f, aq_floats_all(256.0f), aq_floats_of(low));
    if (tile->scale == NULL) {
        aq_floats_store(at, aq_floats_fma(f, s, acc));
        return;
    }
    acc = aq_floats_fma(aq_floats_mul(f, s), aq_floats_load(tile->scale + parameter), acc);
    if (tile->zero != NULL)
        acc = aq_floats_fma(aq_floats_all(tail->x_sum[segment][row]), aq_floats_load(tile->zero + parameter),
                            acc);
    aq_floats_store(at, acc);
}

/* Rows first_row .. first_row + rows - 1, which are the given streams of digits, times a group of columns. */
AQ_INLINE void aq_multiply_group(const aq_planes_tile *tile, const char *digits, const aq_digits_tail *tail,
                                 int64_t group, int64_t first_row, int64_t rows, int streams, bool exact)
{
    const int64_t pairs = AQ_PAIRS / tile->segments;
    const int16_t *panel = (const int16_t *)tile->panel + group * AQ_PAIRS * AQ_GROUP_WORDS;
    const int16_t *words = (const int16_t *)(const void *)digits;
    for (int64_t segment = 0; segment < tile->segments; segment++) {
        aq_ints sums[2 * AQ_STREAMS];
        aq_multiply_segment(panel + segment * pairs * AQ_GROUP_WORDS,
                            words + segment * pairs * AQ_DIGIT_WORDS, pairs, streams, sums);
#pragma GCC unroll 4
        for (int64_t r = 0; r < AQ_DIGIT_ROWS; r++)
            if (r < rows && r < (exact ? streams / 2 : streams))
#pragma GCC unroll 2
                for (int64_t vector = 0; vector < 2; vector++) {
                    int64_t at = (exact ? 4 * r : 2 * r) + vector;
                    aq_add_sums(tile, tail, segment, first_row + r, (group * 2 + vector) * AQ_MADD_LANES,
                                sums[at], exact ? sums[at + 2] : sums[at]);
                }
    }
}

AQ_INLINE void aq_multiply_tile(const aq_planes_tile *tile, int streams, bool exact)
{
    const int64_t groups = tile->columns / (2 * AQ_MADD_LANES), rows_at_once = exact ? 2 : AQ_DIGIT_ROWS;
    const aq_digits_tail *tail =
        (const aq_digits_tail *)(const void *)(tile->digits + AQ_MADD_DIGITS * (exact ? 2 : 1));
    for (int64_t group = 0; group < groups; group++) {
        if (tile->ahead != NULL)
            aq_bring(tile->ahead, AQ_MULTIPLY_LINES / groups);
        for (int64_t row = 0; row < tile->rows; row += rows_at_once)
            aq_multiply_group(tile, tile->digits + row / 2 * AQ_MADD_DIGITS, tail, group, row,
                              tile->rows - row, streams, exact);
    }
}

static inline void aq_multiply_madd(const aq_planes_tile *tile)
{
    if (tile->exact) {
        if (tile->rows == 1)
            aq_multiply_tile(tile, 2, true);
        else
            aq_multiply_tile(tile, 4, true);
    } else if (tile->rows == 1) {
        aq_multiply_tile(tile, 1, false);
    } else if (tile->rows == 2) {
        aq_multiply_tile(tile, 2, false);
    } else {
        aq_multiply_tile(tile, 4, false);
    }
}

#endif
