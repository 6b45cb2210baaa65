/* SPDX-License-Identifier: Apache-2.0 */
/* planes_multiply.h - digits of any number of rows times a panel. Half of a panel of 128 columns at a time,
 * so that it stays in the first-level cache while all rows pass by. Knows no stored weights. Compiled for
 * AVX2 and for AVX-VNNI, by a planes_multiply.c each, which names the function: AQ_MULTIPLY. */
#ifndef AQ_KERNELS_X86_AVX2_PLANES_MULTIPLY_H
#define AQ_KERNELS_X86_AVX2_PLANES_MULTIPLY_H

#include "kernels/x86/avx2/planes.h"
#include "kernels/x86/madd_multiply.h"

enum {
    HALF = AQ_PANEL_MOST / 2,  /* columns that all rows pass by at once */
    GROUP = 2 * AQ_MADD_LANES, /* columns of a tile of products */
    GROUP_BYTES = 2 * AQ_PAIRS * AQ_GROUP_WORDS,
    GROUPS = HALF / GROUP
};

/* What joins a sum on its way to acc. */
typedef enum sum_way { BY_COLUMNS, BY_GROUPS, BY_GROUPS_WITH_ZERO } sum_way;

/* The sums of low digits, as they join those of high. */
typedef struct low_sums {
    _Alignas(64) float of[AQ_SEGMENTS][AQ_DIGIT_ROWS][HALF];
} low_sums;

/* A tile of rows times half a panel. */
typedef struct half_tile {
    const char *panel;     /* of the half */
    const int16_t *digits; /* of the tile */
    const aq_digits_tail *tail;
    int64_t segments, pairs; /* of the block; of a segment */
    float *acc;
    int64_t acc_stride;
    const float *scale, *zero; /* looked at as `way` says */
    int64_t columns;           /* from segment to segment of them */
    low_sums *low;
    aq_ahead *ahead; /* or null */
    int64_t lines;   /* of it, for each group of columns: more at once wait for each other */
} half_tile;

/* One list of pairs times eight vectors of columns. */
#define EACH_VECTOR(X)    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define DECLARE_VECTOR(v) aq_ints sum##v = aq_ints_zero();
#define ADD_VECTOR(v)                                                                                        \
    sum##v = aq_ints_madd(                                                                                   \
        sum##v, aq_ints_load((const int16_t *)(const void *)(at + (v) / 2 * GROUP_BYTES + (v) % 2 * 32)),    \
        both);                                                                                               \
    AQ_INTS_IN_REGISTER(sum##v);
#define STORE_VECTOR(v) aq_floats_store(to + (v)*AQ_MADD_LANES, aq_floats_of(sum##v));

static __attribute__((noinline)) void multiply_few(const char *panel, const aq_few_pairs *few, int64_t first,
                                                   int64_t end, float *to)
{
    EACH_VECTOR(DECLARE_VECTOR)
    for (int64_t i = first; i < end; i += AQ_PAIRS_TOGETHER) {
#pragma GCC unroll 2
        for (int64_t j = 0; j < AQ_PAIRS_TOGETHER; j++) {
            const char *at = panel + few->place[i + j];
            aq_ints both = _mm256_set1_epi32(few->digits[i + j]);
            AQ_INTS_IN_REGISTER(both);
            EACH_VECTOR(ADD_VECTOR)
        }
    }
    EACH_VECTOR(STORE_VECTOR)
}

AQ_INLINE const int16_t *group_of(const half_tile *half, int64_t group)
{
    return (const int16_t *)(const void *)(half->panel + group * GROUP_BYTES);
}

/* All low digits of so many rows times a group of columns. */
AQ_INLINE void multiply_low(const half_tile *half, int64_t group, int rows)
{
    const int64_t segments = half->segments, pairs = half->pairs;
    const int16_t *panel = group_of(half, group), *digits = half->digits + AQ_PLANE_WORDS;
    float *to = half->low->of[0][0] + group * GROUP;
    for (int64_t segment = 0; segment < segments; segment++, to += AQ_DIGIT_ROWS * HALF) {
        aq_ints sums[2 * AQ_STREAMS];
        aq_multiply_segment(panel, digits, pairs, rows, sums);
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) {
            aq_floats_store(to + r * HALF, aq_floats_of(sums[2 * r]));
            aq_floats_store(to + r * HALF + AQ_MADD_LANES, aq_floats_of(sums[2 * r + 1]));
        }
        panel += pairs * AQ_GROUP_WORDS;
        digits += pairs * AQ_DIGIT_WORDS;
    }
}

/* The sums of a vector of columns to one row of acc. */
AQ_INLINE void add_sums(float *acc, aq_ints high, const float *low, const float *s, const float *x_sum,
                        const float *scale, const float *zero, bool exact, sum_way way)
{
    aq_floats f = aq_floats_of(high);
    if (exact)
        f = aq_floats_fma(f, aq_floats_all(256.0f), aq_floats_load(low));
    if (way == BY_COLUMNS) {
        aq_floats_store(acc, aq_floats_fma(f, aq_floats_all(*s), aq_floats_load(acc)));
        return;
    }
    f = aq_floats_mul(f, aq_floats_all(*s));
    aq_floats sum = aq_floats_fma(f, aq_floats_load(scale), aq_floats_load(acc));
    if (way == BY_GROUPS_WITH_ZERO)
        sum = aq_floats_fma(aq_floats_all(*x_sum), aq_floats_load(zero), sum);
    aq_floats_store(acc, sum);
}

/* High digits of so many rows times a group of columns, and all that follows. */
AQ_INLINE void multiply_high(const half_tile *half, int64_t group, int rows, bool exact, sum_way way)
{
    const int64_t segments = half->segments, pairs = half->pairs, column = group * GROUP,
                  acc_stride = half->acc_stride, columns = half->columns;
    const int16_t *panel = group_of(half, group), *digits = half->digits;
    const float *s = half->tail->scale, *x_sum = half->tail->x_sum[0], *scale = half->scale + column,
                *zero = half->zero + column, *low = half->low->of[0][0] + column;
    float *acc = half->acc + column;
    for (int64_t segment = 0; segment < segments; segment++) {
        aq_ints sums[2 * AQ_STREAMS];
        aq_multiply_segment(panel, digits, pairs, rows, sums);
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
            for (int v = 0; v < GROUP; v += AQ_MADD_LANES)
                add_sums(acc + r * acc_stride + v, sums[2 * r + v / AQ_MADD_LANES], low + r * HALF + v, s + r,
                         x_sum + r, scale + v, zero + v, exact, way);
        panel += pairs * AQ_GROUP_WORDS;
        digits += pairs * AQ_DIGIT_WORDS;
        low += AQ_DIGIT_ROWS * HALF;
        x_sum += AQ_DIGIT_ROWS;
        scale += columns;
        zero += columns;
    }
}

AQ_INLINE void multiply_rows(const half_tile *half, int rows, bool exact, sum_way way)
{
    const bool all = exact && half->tail->correction[0][AQ_LAYOUT][0] == AQ_LAYOUT_PLANES;
    for (int64_t group = 0; group < GROUPS; group++) {
        if (half->ahead != NULL)
            aq_bring(half->ahead, half->lines);
        if (all)
            multiply_low(half, group, rows);
        multiply_high(half, group, rows, exact, way);
    }
}

/* Whole tiles are compiled for each way, the others look it up for each sum. */
AQ_INLINE void multiply_half(const half_tile *half, int64_t rows, bool exact, sum_way way)
{
    const aq_digits_tail *tail = half->tail;
    if (exact && tail->correction[0][AQ_LAYOUT][0] == AQ_LAYOUT_FEW)
        for (int64_t segment = 0; segment < half->segments; segment++)
            for (int64_t r = 0; r < rows; r++)
                multiply_few(half->panel, (const aq_few_pairs *)(const void *)(half->digits + AQ_PLANE_WORDS),
                             tail->correction[segment][AQ_LIST_FIRST][r],
                             tail->correction[segment][AQ_LIST_END][r], half->low->of[segment][r]);
    if (rows == 4 && way == BY_COLUMNS)
        multiply_rows(half, 4, exact, BY_COLUMNS);
    else if (rows == 4 && way == BY_GROUPS)
        multiply_rows(half, 4, exact, BY_GROUPS);
    else if (rows == 4)
        multiply_rows(half, 4, exact, BY_GROUPS_WITH_ZERO);
    else if (rows == 3)
        multiply_rows(half, 3, exact, way);
    else if (rows == 2)
        multiply_rows(half, 2, exact, way);
    else
        multiply_rows(half, 1, exact, way);
}

/* A tile of rows whose digits lie as for one row. */
static void multiply_one(const aq_planes_tile *tile, int64_t row, const char *digits)
{
    aq_planes_tile one = *tile;
    one.digits = digits;
    one.acc = tile->acc + row * tile->acc_stride;
    one.rows = tile->rows - row < AQ_DIGIT_ROWS ? tile->rows - row : AQ_DIGIT_ROWS;
    aq_multiply_madd(&one);
}

void AQ_MULTIPLY(const aq_planes_tile *tile)
{
    const bool exact = tile->exact;
    const sum_way way = tile->scale == NULL  ? BY_COLUMNS
                        : tile->zero == NULL ? BY_GROUPS
                                             : BY_GROUPS_WITH_ZERO;
    const int64_t plane_bytes = AQ_MADD_DIGITS * (exact ? 2 : 1),
                  turns = (tile->rows + AQ_DIGIT_ROWS - 1) / AQ_DIGIT_ROWS * tile->columns / GROUP,
                  lines = (tile->lines + turns - 1) / turns;
    low_sums low;
    for (int64_t column = 0; column < tile->columns; column += HALF)
        for (int64_t row = 0; row < tile->rows; row += AQ_DIGIT_ROWS) {
            const char *digits = tile->digits + row / AQ_DIGIT_ROWS * tile->digits_stride;
            const half_tile half = {.panel = (const char *)tile->panel + column / GROUP * GROUP_BYTES,
                                    .digits = (const int16_t *)(const void *)digits,
                                    .tail = (const aq_digits_tail *)(const void *)(digits + plane_bytes),
                                    .segments = tile->segments,
                                    .pairs = AQ_PAIRS / tile->segments,
                                    .acc = tile->acc + row * tile->acc_stride + column,
                                    .acc_stride = tile->acc_stride,
                                    .scale = way != BY_COLUMNS ? tile->scale + column : low.of[0][0],
                                    .zero = way == BY_GROUPS_WITH_ZERO ? tile->zero + column : low.of[0][0],
                                    .columns = way != BY_COLUMNS ? tile->columns : 0,
                                    .low = &low,
                                    .ahead = tile->ahead,
                                    .lines = lines};
            const int64_t rows = tile->rows - row < AQ_DIGIT_ROWS ? tile->rows - row : AQ_DIGIT_ROWS;
            if (half.tail->correction[0][AQ_LAYOUT][0] == AQ_LAYOUT_MADD) {
                if (column == 0)
                    multiply_one(tile, row, digits);
            } else if (exact) {
                multiply_half(&half, rows, true, way);
            } else {
                multiply_half(&half, rows, false, way);
            }
        }
}

#endif
