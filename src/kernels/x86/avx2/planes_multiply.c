/* SPDX-License-Identifier: Apache-2.0 */
/* planes_multiply.c - digits of any number of rows times a panel, AVX2. Half of a panel of 128 columns at a
 * time, so that it stays in the first-level cache while all rows pass by. Knows no stored weights. */
#include "kernels/x86/avx2/planes.h"
#include "kernels/x86/madd_multiply.h"

enum {
    HALF = AQ_PANEL_MOST / 2,      /* columns that all rows pass by at once */
    GROUP = 2 * AQ_MADD_LANES,     /* columns of a tile of products */
    GROUP_BYTES = 2 * AQ_PAIRS * AQ_GROUP_WORDS,
    GROUPS = HALF / GROUP
};

/* The sums of low digits, as they join those of high. */
typedef struct low_sums {
    _Alignas(64) float of[AQ_SEGMENTS][AQ_DIGIT_ROWS][HALF];
} low_sums;

/* A tile of rows times half a panel. */
typedef struct half_tile {
    const aq_planes_tile *tile;
    const char *panel;     /* of the half */
    const int16_t *digits; /* of the tile */
    const aq_digits_tail *tail;
    float *acc;
    const float *scale, *zero; /* or null */
    const low_sums *low;       /* null in mode fast */
} half_tile;

/* One list of pairs times eight vectors of columns. */
#define EACH_VECTOR(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define DECLARE_VECTOR(v) aq_ints sum##v = aq_ints_zero();
#define ADD_VECTOR(v)                                                                                        \
    sum##v = aq_ints_madd(                                                                                   \
        sum##v, aq_ints_load((const int16_t *)(const void *)(at + (v) / 2 * GROUP_BYTES + (v) % 2 * 32)), \
        both);                                                                                               \
    AQ_INTS_IN_REGISTER(sum##v);
#define STORE_VECTOR(v) aq_floats_store(to + (v) * AQ_MADD_LANES, aq_floats_of(sum##v));

static void multiply_few(const char *panel, const aq_few_pairs *few, int64_t first, int64_t end, float *to)
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
AQ_INLINE void multiply_low(const half_tile *half, int64_t group, int rows, low_sums *low)
{
    const int64_t segments = half->tile->segments, pairs = AQ_PAIRS / segments;
    const int16_t *panel = group_of(half, group), *digits = half->digits + AQ_PLANE_WORDS;
    for (int64_t segment = 0; segment < segments; segment++) {
        aq_ints sums[2 * AQ_STREAMS];
        aq_multiply_segment(panel, digits, pairs, rows, sums);
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
            for (int v = 0; v < 2; v++)
                aq_floats_store(&low->of[segment][r][group * GROUP + v * AQ_MADD_LANES],
                                aq_floats_of(sums[2 * r + v]));
        panel += pairs * AQ_GROUP_WORDS;
        digits += pairs * AQ_DIGIT_WORDS;
    }
}

/* The sums of a vector of columns to one row of acc. */
AQ_INLINE void add_sums(const half_tile *half, int64_t segment, int64_t row, int64_t column, aq_ints high)
{
    float *at = half->acc + row * half->tile->acc_stride + column;
    const int64_t parameter = segment * half->tile->columns + column;
    const aq_floats s = aq_floats_all(half->tail->scale[row]);
    aq_floats acc = aq_floats_load(at), f = aq_floats_of(high);
    if (half->low != NULL)
        f = aq_floats_fma(f, aq_floats_all(256.0f), aq_floats_load(&half->low->of[segment][row][column]));
    if (half->scale == NULL) {
        aq_floats_store(at, aq_floats_fma(f, s, acc));
        return;
    }
    acc = aq_floats_fma(aq_floats_mul(f, s), aq_floats_load(half->scale + parameter), acc);
    if (half->zero != NULL)
        acc = aq_floats_fma(aq_floats_all(half->tail->x_sum[segment][row]),
                            aq_floats_load(half->zero + parameter), acc);
    aq_floats_store(at, acc);
}

/* High digits of so many rows times a group of columns, and all that follows. */
AQ_INLINE void multiply_high(const half_tile *half, int64_t group, int rows)
{
    const int64_t segments = half->tile->segments, pairs = AQ_PAIRS / segments, column = group * GROUP;
    const int16_t *panel = group_of(half, group), *digits = half->digits;
    for (int64_t segment = 0; segment < segments; segment++) {
        aq_ints sums[2 * AQ_STREAMS];
        aq_multiply_segment(panel, digits, pairs, rows, sums);
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) {
            add_sums(half, segment, r, column, sums[2 * r]);
            add_sums(half, segment, r, column + AQ_MADD_LANES, sums[2 * r + 1]);
        }
        panel += pairs * AQ_GROUP_WORDS;
        digits += pairs * AQ_DIGIT_WORDS;
    }
}

/* What is read next comes near while a group is multiplied: a share of the next tile's digits, and as many
 * lines of the weight as the caller wants spread over the call. */
AQ_INLINE void bring(const half_tile *half, int64_t group, const char *next, int64_t lines)
{
    const int64_t share = AQ_MADD_DIGITS / GROUPS;
    if (half->tile->ahead != NULL)
        aq_bring(half->tile->ahead, lines);
    if (next == NULL)
        return;
    next += group * share;
    for (int64_t at = 0; at < share; at += AQ_LINE_BYTES) {
        _mm_prefetch(next + at, _MM_HINT_T0);
        if (half->low != NULL)
            _mm_prefetch(next + AQ_MADD_DIGITS + at, _MM_HINT_T0);
    }
}

AQ_INLINE void multiply_rows(const half_tile *half, int rows, low_sums *low, const char *next, int64_t lines)
{
    const bool all = half->low != NULL && half->tail->correction[0][AQ_LAYOUT][0] == AQ_LAYOUT_PLANES;
    for (int64_t group = 0; group < GROUPS; group++) {
        bring(half, group, next, lines);
        if (all)
            multiply_low(half, group, rows, low);
        multiply_high(half, group, rows);
    }
}

static void multiply_half(const half_tile *half, int64_t rows, low_sums *low, const char *next, int64_t lines)
{
    const aq_digits_tail *tail = half->tail;
    if (half->low != NULL && tail->correction[0][AQ_LAYOUT][0] == AQ_LAYOUT_FEW)
        for (int64_t segment = 0; segment < half->tile->segments; segment++)
            for (int64_t r = 0; r < rows; r++)
                multiply_few(half->panel, (const aq_few_pairs *)(const void *)(half->digits + AQ_PLANE_WORDS),
                             tail->correction[segment][AQ_LIST_FIRST][r],
                             tail->correction[segment][AQ_LIST_END][r], low->of[segment][r]);
    if (rows == 1)
        multiply_rows(half, 1, low, next, lines);
    else if (rows == 2)
        multiply_rows(half, 2, low, next, lines);
    else if (rows == 3)
        multiply_rows(half, 3, low, next, lines);
    else
        multiply_rows(half, 4, low, next, lines);
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

void aq_avx2_multiply(const aq_planes_tile *tile)
{
    const int64_t plane_bytes = AQ_MADD_DIGITS * (tile->exact ? 2 : 1),
                  tiles = (tile->rows + AQ_DIGIT_ROWS - 1) / AQ_DIGIT_ROWS,
                  works = tiles * (tile->columns / GROUP), lines = (tile->lines + works - 1) / works;
    low_sums low;
    for (int64_t column = 0; column < tile->columns; column += HALF)
        for (int64_t row = 0; row < tile->rows; row += AQ_DIGIT_ROWS) {
            const char *digits = tile->digits + row / AQ_DIGIT_ROWS * tile->digits_stride;
            const half_tile half = {.tile = tile,
                                    .panel = (const char *)tile->panel + column / GROUP * GROUP_BYTES,
                                    .digits = (const int16_t *)(const void *)digits,
                                    .tail = (const aq_digits_tail *)(const void *)(digits + plane_bytes),
                                    .acc = tile->acc + row * tile->acc_stride + column,
                                    .scale = tile->scale != NULL ? tile->scale + column : NULL,
                                    .zero = tile->zero != NULL ? tile->zero + column : NULL,
                                    .low = tile->exact ? &low : NULL};
            const int64_t left = tile->rows - row;
            if (half.tail->correction[0][AQ_LAYOUT][0] != AQ_LAYOUT_MADD)
                multiply_half(&half, left < AQ_DIGIT_ROWS ? left : AQ_DIGIT_ROWS, &low,
                              left > AQ_DIGIT_ROWS ? digits + tile->digits_stride : NULL, lines);
            else if (column == 0)
                multiply_one(tile, row, digits);
        }
}
