/* SPDX-License-Identifier: Apache-2.0 */
/* madd_layout.h - where the integer kernels that multiply 16-bit integers (pmaddwd) keep weights, digits and
 * columns. Written once for both x86 levels: include the folder's madd_lanes.h first.
 *
 * A dword is a column's weights of two k as 16-bit integers, of k and k + 2 for int8 and of k and k + 4 for
 * int4: a shift each takes them out of a dword of four or eight weights. Eight columns are a unit; units lie
 * side by side in groups of two vectors:
 *
 *   panel [group][pair of k][unit of the group][column of the unit][2]
 *
 * Columns are in the order in which unpacking rows of weights leaves them, in runs of 16. Digits are
 *
 *   mode fast   [pair of k][row][2], four rows
 *   mode exact  [rows 0, 1 and rows 2, 3][pair of k][row][high, low][2]
 *
 * so that in both modes four dwords are multiplied with the same weights. */
#ifndef AQ_KERNELS_X86_MADD_LAYOUT_H
#define AQ_KERNELS_X86_MADD_LAYOUT_H

#include <string.h>

#include "kernels/planes.h"

enum {
    AQ_PAIRS = AQ_BLOCK / 2,
    AQ_UNIT = 8,                                   /* columns */
    AQ_STREAMS = 4,                                /* dwords of digits multiplied together */
    AQ_GROUP_UNITS = 2 * AQ_MADD_LANES / AQ_UNIT,  /* of two vectors */
    AQ_GROUP_WORDS = AQ_GROUP_UNITS * AQ_UNIT * 2, /* 16-bit integers of a group and a pair of k */
    AQ_DIGIT_WORDS = AQ_STREAMS * 2,               /* of a pair of k */
    AQ_MADD_DIGITS = AQ_PAIRS * AQ_STREAMS * 4,    /* bytes of four dwords' digits of a block */
    AQ_RUN = 16                                    /* columns */
};

/* Pair of k, and which of the two. */
static inline int64_t aq_pair_of(aq_weight_type type, int64_t k)
{
    return type == AQ_S4 ? k / 8 * 4 + k % 4 : k / 4 * 2 + k % 2;
}

static inline int64_t aq_place_in_pair(aq_weight_type type, int64_t k)
{
    return type == AQ_S4 ? k / 4 % 2 : k / 2 % 2;
}

static inline int16_t *aq_unit_at(int16_t *panel, int64_t unit, int64_t pair)
{
    return panel + (unit / AQ_GROUP_UNITS * AQ_PAIRS + pair) * AQ_GROUP_WORDS +
           unit % AQ_GROUP_UNITS * AQ_UNIT * 2;
}

/* Position of the first of the columns 16 * run on. They are four fours, 8 positions apart: of int8 the even
 * and odd ones of eight neighbours, then of the next eight; of int4 every fourth. */
static inline int64_t aq_run_position(aq_weight_type type, int64_t run)
{
    return type == AQ_S4 ? run / 4 * 64 + run % 2 * 32 + run / 2 % 2 * 4 : run / 2 * 32 + run % 2 * 4;
}

static inline int64_t aq_position_of(aq_weight_type type, int64_t column)
{
    int64_t first = aq_run_position(type, column / AQ_RUN), i = column % AQ_RUN;
    return type == AQ_S4 ? first + i % 4 * 8 + i / 4 : first + (i / 8 * 2 + i % 2) * 8 + i / 2 % 4;
}

/* And back. */
static inline int64_t aq_column_at(aq_weight_type type, int64_t position)
{
    int64_t four = position / 8 % 4, second = position / 4 % 2, i = position % 4;
    if (type == AQ_S4)
        return position / 64 * 64 + position / 32 % 2 * 16 + second * 32 + i * 4 + four;
    return position / 32 * 32 + second * 16 + four / 2 * 8 + i * 2 + four % 2;
}

#endif
