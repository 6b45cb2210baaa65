/* SPDX-License-Identifier: Apache-2.0 */
/* madd_multiply.h - digits, and their products with a panel, in the layout of madd_layout.h: one pmaddwd for
 * two k of a vector of columns, sums exact in 32 bits. Written once for both x86 levels: include the folder's
 * madd_lanes.h first. Knows no stored weights. */
#ifndef AQ_KERNELS_X86_MADD_MULTIPLY_H
#define AQ_KERNELS_X86_MADD_MULTIPLY_H

#include "kernels/digits.h"
#include "kernels/x86/madd_layout.h"

enum {
    AQ_PAIRS_AT_ONCE = 4,  /* of k, unrolled: the shortest segment has 16 */
    AQ_MULTIPLY_LINES = 32 /* brought near while a panel is multiplied for the first time */
};

/* ---- digits ---- */

/* A row's plane of a block to its dwords. */
AQ_INLINE void aq_spread(const int16_t *plane, aq_weight_type type, int16_t *out)
{
    const __m128i places = type == AQ_S4
                               ? _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15)
                               : _mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
    for (int64_t k = 0; k < AQ_BLOCK; k += 8, out += 4 * AQ_DIGIT_WORDS) {
        __m128i words = _mm_loadu_si128((const __m128i *)(const void *)(plane + k));
        __m128i pairs = _mm_shuffle_epi8(words, places);
        const int32_t pair[4] = {_mm_cvtsi128_si32(pairs), _mm_extract_epi32(pairs, 1),
                                 _mm_extract_epi32(pairs, 2), _mm_extract_epi32(pairs, 3)};
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            memcpy(out + i * AQ_DIGIT_WORDS, &pair[i], sizeof pair[i]);
    }
}

/* The sums of the digits of a row's planes, where the streams look for them. */
static inline void aq_sum_digits(const aq_block_digits *block, int segments, bool exact, int64_t row,
                                 aq_digits_tail *tail)
{
    const int length = AQ_BLOCK / segments;
    for (int s = 0; s < segments; s++) {
        int32_t high = 0, low = 0;
        for (int i = s * length; i < (s + 1) * length; i++) {
            high += block->high[i];
            low += block->low[i];
        }
        tail->correction[s][0][row] = high;
        tail->correction[s][1][row] = exact ? low : 0;
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
        if (job->rows < AQ_DIGIT_ROWS)
            memset(at, 0, (size_t)bytes);
        memset(tail, 0, sizeof *tail);
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
            aq_sum_digits(&block, job->segments, job->exact, r, tail);
        }
    }
}

/* ---- products ---- */

/* One group's columns of a segment times so many dwords of digits: sums[stream * 2 + vector]. The sums have
 * names instead of an array, which gcc 12 would keep on the stack, and are pinned after each step: it would
 * add up the products of several steps first and run out of registers. */
#define AQ_EACH_STREAM(X)  X(0) X(1) X(2) X(3)
#define AQ_DECLARE_SUMS(s) aq_ints left##s = aq_ints_zero(), right##s = left##s;
#define AQ_ADD_PRODUCTS(s)                                                                                   \
    if (s < streams) {                                                                                       \
        aq_ints both = aq_ints_all(digits + 2 * s);                                                          \
        AQ_INTS_IN_REGISTER(both);                                                                           \
        left##s = aq_ints_madd(left##s, w0, both);                                                           \
        right##s = aq_ints_madd(right##s, w1, both);                                                         \
        AQ_INTS_IN_REGISTER(left##s);                                                                        \
        AQ_INTS_IN_REGISTER(right##s);                                                                       \
    }
#define AQ_GIVE_SUMS(s)                                                                                      \
    sums[2 * s] = left##s;                                                                                   \
    sums[2 * s + 1] = right##s;

AQ_INLINE void aq_multiply_segment(const int16_t *panel, const int16_t *digits, int64_t pairs, int streams,
                                   aq_ints sums[2 * AQ_STREAMS])
{
    AQ_EACH_STREAM(AQ_DECLARE_SUMS)
    for (int64_t p = 0; p < pairs; p += AQ_PAIRS_AT_ONCE) {
#pragma GCC unroll 4
        for (int i = 0; i < AQ_PAIRS_AT_ONCE; i++, panel += AQ_GROUP_WORDS, digits += AQ_DIGIT_WORDS) {
            aq_ints w0 = aq_ints_load(panel), w1 = aq_ints_load(panel + AQ_GROUP_WORDS / 2);
            AQ_INTS_IN_REGISTER(w0);
            AQ_INTS_IN_REGISTER(w1);
            AQ_EACH_STREAM(AQ_ADD_PRODUCTS)
        }
    }
    AQ_EACH_STREAM(AQ_GIVE_SUMS)
}

/* Where the sums of a group's columns go: acc at the first of them and of the rows, likewise scale and zero;
 * tail at the first row. */
typedef struct aq_madd_target {
    float *acc;
    int64_t acc_stride;
    const float *scale, *zero; /* or null */
    const float *s, *x_sum;
} aq_madd_target;

/* The sums of a vector of columns to one row of acc. */
AQ_INLINE void aq_add_sums(const aq_madd_target *to, int64_t row, int64_t vector, aq_ints high, aq_ints low,
                           bool exact)
{
    float *at = to->acc + row * to->acc_stride + vector * AQ_MADD_LANES;
    const aq_floats s = aq_floats_all(to->s[row]);
    aq_floats acc = aq_floats_load(at), f = aq_floats_of(high);
    if (exact)
        f = aq_floats_fma(f, aq_floats_all(256.0f), aq_floats_of(low));
    if (to->scale == NULL) {
        aq_floats_store(at, aq_floats_fma(f, s, acc));
        return;
    }
    acc = aq_floats_fma(aq_floats_mul(f, s), aq_floats_load(to->scale + vector * AQ_MADD_LANES), acc);
    if (to->zero != NULL)
        acc = aq_floats_fma(aq_floats_all(to->x_sum[row]), aq_floats_load(to->zero + vector * AQ_MADD_LANES),
                            acc);
    aq_floats_store(at, acc);
}

/* The rows that so many dwords of digits are, from first_row on, times a group of columns. */
AQ_INLINE void aq_multiply_group(const aq_planes_tile *tile, const aq_digits_tail *tail, int64_t group,
                                 int64_t first_row, int streams, bool exact)
{
    const int64_t segments = tile->segments, pairs = AQ_PAIRS / segments, columns = tile->columns,
                  column = group * 2 * AQ_MADD_LANES;
    const int16_t *panel = (const int16_t *)tile->panel + group * AQ_PAIRS * AQ_GROUP_WORDS;
    const int16_t *digits = (const int16_t *)(const void *)(tile->digits + first_row / 2 * AQ_MADD_DIGITS);
    aq_madd_target to = {.acc = tile->acc + first_row * tile->acc_stride + column,
                         .acc_stride = tile->acc_stride,
                         .scale = tile->scale != NULL ? tile->scale + column : NULL,
                         .zero = tile->zero != NULL ? tile->zero + column : NULL,
                         .s = tail->scale + first_row,
                         .x_sum = tail->x_sum[0] + first_row};
    for (int64_t segment = 0; segment < segments; segment++) {
        aq_ints sums[2 * AQ_STREAMS];
        aq_multiply_segment(panel, digits, pairs, streams, sums);
#pragma GCC unroll 4
        for (int64_t r = 0; r < AQ_DIGIT_ROWS; r++) {
            int64_t at = exact ? 4 * r : 2 * r;
            if (at >= 2 * streams)
                continue;
            aq_add_sums(&to, r, 0, sums[at], sums[exact ? at + 2 : at], exact);
            aq_add_sums(&to, r, 1, sums[at + 1], sums[exact ? at + 3 : at + 1], exact);
        }
        panel += pairs * AQ_GROUP_WORDS;
        digits += pairs * AQ_DIGIT_WORDS;
        to.scale = to.scale != NULL ? to.scale + columns : NULL;
        to.zero = to.zero != NULL ? to.zero + columns : NULL;
        to.x_sum += AQ_DIGIT_ROWS;
    }
}

/* All the panel's columns; `streams` of mode fast is the number of rows. */
AQ_INLINE void aq_multiply_tile(const aq_planes_tile *tile, int streams, bool exact)
{
    const int64_t groups = tile->columns / (2 * AQ_MADD_LANES), rows = tile->rows;
    const aq_digits_tail *tail =
        (const aq_digits_tail *)(const void *)(tile->digits + AQ_MADD_DIGITS * (exact ? 2 : 1));
    for (int64_t group = 0; group < groups; group++) {
        if (tile->ahead != NULL)
            aq_bring(tile->ahead, AQ_MULTIPLY_LINES / groups);
        if (!exact) {
            aq_multiply_group(tile, tail, group, 0, streams, false);
            continue;
        }
        for (int64_t row = 0; row + 1 < rows; row += 2)
            aq_multiply_group(tile, tail, group, row, 4, true);
        if (rows % 2 == 1)
            aq_multiply_group(tile, tail, group, rows - 1, 2, true);
    }
}

static inline void aq_multiply_madd(const aq_planes_tile *tile)
{
    if (tile->exact)
        aq_multiply_tile(tile, 0, true);
    else if (tile->rows == 1)
        aq_multiply_tile(tile, 1, false);
    else if (tile->rows == 2)
        aq_multiply_tile(tile, 2, false);
    else if (tile->rows == 3)
        aq_multiply_tile(tile, 3, false);
    else
        aq_multiply_tile(tile, 4, false);
}

#endif
