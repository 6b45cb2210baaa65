/* SPDX-License-Identifier: Apache-2.0 */
/* digits.h - a row of x as integers and a scale, block by block, in plain C that every level compiles for
 * its own instructions. Knows the numbers (planes.h), no kernel's layout. */
#ifndef AQ_KERNELS_DIGITS_H
#define AQ_KERNELS_DIGITS_H

#include <string.h>

#include "base/float8.h"
#include "kernels/planes.h"

/* One block of one row. v = 256 * high + low in mode exact, v = high in mode fast (low means nothing). */
typedef struct aq_block_digits {
    int32_t v[AQ_BLOCK];
    int16_t high[AQ_BLOCK], low[AQ_BLOCK];
    float scale;
    bool fits;
} aq_block_digits;

enum {
    /* Exponents of a block's largest |x| between which no step over- or underflows, whatever fp16 scale
     * follows: only bfloat16 reaches beyond. */
    AQ_LEAST_EXPONENT = -80,
    AQ_MOST_EXPONENT = 80
};

/* |value| <= 2^23 to the nearest integer, ties to even. No branch, so that compilers vectorize it. */
static inline int32_t aq_nearest(float value)
{
    const float step = __builtin_copysignf(0x1p23f, value);
    return (int32_t)((value + step) - step);
}

/* s of a block. */
typedef struct aq_block_scale {
    float scale, inverse; /* inverse: 0 where the block does not fit */
    bool fits;
} aq_block_scale;

/* most: the bits of the block's largest |x|; of a NaN, the greatest. */
static inline aq_block_scale aq_choose_scale(uint32_t most, bool exact)
{
    int exponent = (int)(most >> 23) - 127;
    bool fits = most == 0 || (exponent >= AQ_LEAST_EXPONENT && exponent <= AQ_MOST_EXPONENT);
    if (most == 0 || !fits)
        return (aq_block_scale){.scale = 1.0f, .inverse = 0.0f, .fits = fits};
    const float largest = aq_f32_from_bits(most);
    if (!exact) /* all of the 15 bits: a power of two wastes up to one of them */
        return (aq_block_scale){.scale = largest / 32639.0f, .inverse = 32639.0f / largest, .fits = true};
    /* the largest |v| lies in [2^22, 2^23), unless that passes the limit */
    int shift = 22 - exponent;
    if (largest * aq_power_of_two(shift) > 8355711.0f)
        shift--;
    return (aq_block_scale){
        .scale = aq_power_of_two(-shift), .inverse = aq_power_of_two(shift), .fits = true};
}

/* x: AQ_BLOCK values. */
static inline void aq_make_block(const float *x, bool exact, aq_block_digits *block)
{
    uint32_t most = 0;
    for (int i = 0; i < AQ_BLOCK; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0x7FFFFFFFu;
        most = bits > most ? bits : most;
    }
    const aq_block_scale chosen = aq_choose_scale(most, exact);
    const float inverse = chosen.inverse;
    block->fits = chosen.fits;
    block->scale = chosen.scale;
    if (!block->fits) {
        memset(block->v, 0, sizeof block->v);
        memset(block->high, 0, sizeof block->high);
        memset(block->low, 0, sizeof block->low);
        return;
    }
    for (int i = 0; i < AQ_BLOCK; i++)
        block->v[i] = aq_nearest(x[i] * inverse);
    for (int i = 0; i < AQ_BLOCK; i++) {
        int32_t high = exact ? (block->v[i] + 128) >> 8 : block->v[i];
        block->high[i] = (int16_t)high;
        block->low[i] = (int16_t)(block->v[i] - high * 256);
    }
}

/* x_sum of the tail for row r of a tile. */
static inline void aq_sum_segments(const aq_block_digits *block, int segments, aq_digits_tail *tail, int row)
{
    const int length = AQ_BLOCK / segments;
    for (int s = 0; s < segments; s++) {
        int32_t sum = 0;
        for (int i = 0; i < length; i++)
            sum += block->v[s * length + i];
        tail->x_sum[s][row] = block->scale * (float)sum;
    }
    tail->scale[row] = block->scale;
}

#endif
