/* SPDX-License-Identifier: Apache-2.0 */
/* multiply.c - up to 4 rows of digits times a panel of one block, AVX-512 VNNI, in one of two ways.
 *
 * Plane by plane: four rows and vectors of columns, so that 16 products load four vectors of weights and four
 * quads of digits. The planes of high share their sums, which are shifted in between. Low digits come first,
 * of each row only the quads that have any, and wait in memory.
 *
 * Together: all planes, two vectors of columns, where many low digits are not zero or segments are short;
 * four vectors where rows are few, so that enough sums are under way to hide vpdpbusd's latency. */
#include "kernels/x86/vnni/vnni.h"

enum {
    VECTORS = 4, /* plane by plane */
    LOW = 2,     /* the plane of low digits */
    /* Quads of four rows of a block in which a low digit is not zero, of 128: beyond, planes together are
     * quicker. */
    FEW_QUADS = 64
};

/* Sums by name: gcc 12 keeps an array of them on the stack. What a tile does not have is cut away, since
 * rows, planes and vectors are constants where this is inlined. */
#define FOR_VECTORS(DO, ...) DO(__VA_ARGS__, 0) DO(__VA_ARGS__, 1) DO(__VA_ARGS__, 2) DO(__VA_ARGS__, 3)
#define FOR_ROWS(DO)         DO(0) DO(1) DO(2) DO(3)
#define FOR_TOTALS(DO)       FOR_VECTORS(DO, 0) FOR_VECTORS(DO, 1) FOR_VECTORS(DO, 2) FOR_VECTORS(DO, 3)
#define FOR_DIGITS(DO)                                                                                       \
    DO(0, 0)                                                                                                 \
    DO(0, 1) DO(0, 2) DO(1, 0) DO(1, 1) DO(1, 2) DO(2, 0) DO(2, 1) DO(2, 2) DO(3, 0) DO(3, 1) DO(3, 2)
#define FOR_PLANES(DO, r) FOR_VECTORS(DO, r, 0) FOR_VECTORS(DO, r, 1) FOR_VECTORS(DO, r, 2)
#define FOR_ALL(DO)       FOR_PLANES(DO, 0) FOR_PLANES(DO, 1) FOR_PLANES(DO, 2) FOR_PLANES(DO, 3)

/* What is brought meanwhile. In each step a look at it costs 6 %, so some quads are multiplied between two;
 * many lines in a row would wait for each other, and what else is loaded for them. */
typedef struct brings {
    aq_ahead *ahead;
    int lines;                    /* of it after each quads_between, and for each row of low; 0: none */
    const char *next, *next_then; /* what the next call takes, a line a quad; plane by plane in two parts */
} brings;

AQ_INLINE int quads_between(int rows)
{
    return rows > 2 ? 8 : 2;
}

/* One segment of some vectors of columns, from the vector v0 of the panel on. */
typedef struct part {
    const aq_planes_tile *tile;
    int64_t v0;
    const char *panel;
    int64_t quad_bytes;    /* of the panel */
    const int32_t *digits; /* [quad][plane][row] */
    const aq_digits_tail *tail;
    int segment;
    brings by;
} part;

/* Adds f of one row and vector to its total. */
AQ_INLINE void add_to_total(const part *of, __m512 f, int row, int vector, aq_scaling scaling)
{
    const aq_planes_tile *tile = of->tile;
    float *acc = tile->acc + row * tile->acc_stride + (of->v0 + vector) * 16;
    __m512 scale = _mm512_set1_ps(of->tail->scale[row]), total = _mm512_load_ps(acc);
    if (scaling == AQ_BY_COLUMNS) {
        total = _mm512_fmadd_ps(f, scale, total);
    } else {
        const int64_t at = of->segment * tile->columns + (of->v0 + vector) * 16;
        total = _mm512_fmadd_ps(_mm512_mul_ps(f, scale), _mm512_load_ps(tile->scale + at), total);
        if (scaling == AQ_BY_GROUPS_WITH_ZERO)
            total = _mm512_fmadd_ps(_mm512_set1_ps(of->tail->x_sum[of->segment][row]),
                                    _mm512_load_ps(tile->zero + at), total);
    }
    _mm512_store_ps(acc, total);
}

/* ---- plane by plane ---- */

/* s<row><vector> */
typedef struct sums {
    __m512i s00, s01, s02, s03, s10, s11, s12, s13, s20, s21, s22, s23, s30, s31, s32, s33;
} sums;

AQ_INLINE void add_plane(sums *sum, const part *of, int planes, int plane, int quads, const char *next)
{
    const int32_t *digits = of->digits + plane * AQ_DIGIT_ROWS;
    const char *panel = of->panel;
    const int64_t quad_bytes = of->quad_bytes;
    for (int first = 0; first < quads; first += quads_between(AQ_DIGIT_ROWS)) {
        if (of->by.lines > 0)
            aq_bring(of->by.ahead, of->by.lines);
        for (int quad = 0; quad < quads_between(AQ_DIGIT_ROWS); quad++) {
            __builtin_prefetch(next, 0, 3);
            const __m512i w0 = _mm512_load_si512(panel), w1 = _mm512_load_si512(panel + 64),
                          w2 = _mm512_load_si512(panel + 128), w3 = _mm512_load_si512(panel + 192);
#define MULTIPLY(r)                                                                                          \
    {                                                                                                        \
        const __m512i d = _mm512_set1_epi32(digits[r]);                                                      \
        AQ_ADD_PRODUCTS(sum->s##r##0, w0, d);                                                                \
        AQ_ADD_PRODUCTS(sum->s##r##1, w1, d);                                                                \
        AQ_ADD_PRODUCTS(sum->s##r##2, w2, d);                                                                \
        AQ_ADD_PRODUCTS(sum->s##r##3, w3, d);                                                                \
    }
            FOR_ROWS(MULTIPLY)
#undef MULTIPLY
            panel += quad_bytes;
            digits += planes * AQ_DIGIT_ROWS;
            next += AQ_LINE_BYTES;
        }
    }
}

/* L of planes.h of one row, of the quads that have a bit. Two at a time hide the latency. */
AQ_INLINE void sum_low(const part *of, int row, uint32_t quads, float *low)
{
    const int32_t *digits = of->digits + LOW * AQ_DIGIT_ROWS + row;
    const int quad_digits = (LOW + 1) * AQ_DIGIT_ROWS;
    const __m512i zero = _mm512_setzero_si512();
    __m512i a0 = zero, a1 = zero, a2 = zero, a3 = zero, b0 = zero, b1 = zero, b2 = zero, b3 = zero;
    if (__builtin_popcount(quads) & 1)
        quads |= quads + 1; /* one that is zero makes them even */
    while (quads != 0) {
        const int first = __builtin_ctz(quads);
        quads &= quads - 1;
        const int second = __builtin_ctz(quads);
        quads &= quads - 1;
        const char *p = of->panel + first * of->quad_bytes, *q = of->panel + second * of->quad_bytes;
        const __m512i d = _mm512_set1_epi32(digits[first * quad_digits]),
                      e = _mm512_set1_epi32(digits[second * quad_digits]);
#define MULTIPLY(v)                                                                                          \
    AQ_ADD_PRODUCTS(a##v, _mm512_load_si512(p + (v)*64), d);                                                 \
    AQ_ADD_PRODUCTS(b##v, _mm512_load_si512(q + (v)*64), e);
        FOR_ROWS(MULTIPLY)
#undef MULTIPLY
    }
    const __m512i correction = _mm512_set1_epi32(of->tail->correction[of->segment][AQ_OF_LOW][row]);
#define STORE(v)                                                                                             \
    _mm512_store_ps(low + (v)*16,                                                                            \
                    _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_add_epi32(a##v, b##v), correction)));
    FOR_ROWS(STORE)
#undef STORE
}

AQ_INLINE void plane_by_plane(const part *of, int planes, int quads, aq_scaling scaling)
{
    const int32_t *correction = of->tail->correction[of->segment][AQ_OF_HIGH];
    _Alignas(64) float low[AQ_DIGIT_ROWS * VECTORS * 16];
    if (planes > LOW)
        for (int r = 0; r < AQ_DIGIT_ROWS; r++) {
            if (of->by.lines > 0)
                aq_bring(of->by.ahead, of->by.lines);
            sum_low(of, r, (uint32_t)of->tail->correction[of->segment][AQ_LOW_QUADS][r],
                    low + (int64_t)r * VECTORS * 16);
        }
    const __m512i zero = _mm512_setzero_si512();
    sums sum = {zero, zero, zero, zero, zero, zero, zero, zero,
                zero, zero, zero, zero, zero, zero, zero, zero};
    add_plane(&sum, of, planes, 0, quads, of->by.next);
#define SHIFT(r, v) sum.s##r##v = _mm512_slli_epi32(sum.s##r##v, 8);
    FOR_TOTALS(SHIFT)
#undef SHIFT
    add_plane(&sum, of, planes, 1, quads, of->by.next_then);
#define ADD(r, v)                                                                                            \
    {                                                                                                        \
        __m512 f = _mm512_cvtepi32_ps(_mm512_add_epi32(sum.s##r##v, _mm512_set1_epi32(correction[r])));      \
        if (planes > LOW)                                                                                    \
            f = _mm512_fmadd_ps(f, _mm512_set1_ps(256.0f), _mm512_load_ps(low + ((r)*VECTORS + (v)) * 16));  \
        add_to_total(of, f, r, v, scaling);                                                                  \
    }
    FOR_TOTALS(ADD)
#undef ADD
}

/* ---- together ---- */

/* Long by what its macros stand for. NOLINTNEXTLINE(readability-function-size) */
AQ_INLINE void together(const part *of, int rows, int vectors, int planes, int quads, aq_scaling scaling)
{
    const int32_t(*correction)[AQ_DIGIT_ROWS] = of->tail->correction[of->segment], *digits = of->digits;
    const char *panel = of->panel, *next = of->by.next;
    const int64_t quad_bytes = of->quad_bytes;
#define START(r, p, v)                                                                                       \
    __m512i s##r##p##v = r < rows && p > 0 && p < planes && v < vectors                                      \
                             ? _mm512_set1_epi32(correction[p == LOW ? AQ_OF_LOW : AQ_OF_HIGH][r])           \
                             : _mm512_setzero_si512();
    FOR_ALL(START)
    for (int first = 0; first < quads; first += quads_between(rows)) {
        if (of->by.lines > 0)
            aq_bring(of->by.ahead, of->by.lines);
        for (int quad = 0; quad < quads_between(rows); quad++) {
            __builtin_prefetch(next, 0, 3);
            const __m512i none = _mm512_setzero_si512();
            const __m512i w0 = _mm512_load_si512(panel), w1 = _mm512_load_si512(panel + 64),
                          w2 = vectors > 2 ? _mm512_load_si512(panel + 128) : none,
                          w3 = vectors > 2 ? _mm512_load_si512(panel + 192) : none;
#define MULTIPLY(r, p)                                                                                       \
    if (r < rows && p < planes) {                                                                            \
        const __m512i d = _mm512_set1_epi32(digits[p * AQ_DIGIT_ROWS + r]);                                  \
        AQ_ADD_PRODUCTS(s##r##p##0, w0, d);                                                                  \
        AQ_ADD_PRODUCTS(s##r##p##1, w1, d);                                                                  \
        if (vectors > 2) {                                                                                   \
            AQ_ADD_PRODUCTS(s##r##p##2, w2, d);                                                              \
            AQ_ADD_PRODUCTS(s##r##p##3, w3, d);                                                              \
        }                                                                                                    \
    }
            FOR_DIGITS(MULTIPLY)
#undef MULTIPLY
            panel += quad_bytes;
            digits += planes * AQ_DIGIT_ROWS;
            next += AQ_LINE_BYTES;
        }
    }
#define ADD(r, v)                                                                                            \
    if (r < rows && v < vectors)                                                                             \
        add_to_total(of, aq_join_planes(s##r##0##v, s##r##1##v, s##r##2##v, planes), r, v, scaling);
    FOR_TOTALS(ADD)
#undef START
#undef ADD
}

/* ---- a tile ---- */

AQ_INLINE void rows_of(const aq_planes_tile *tile, bool by_planes, int rows, int planes, int segments,
                       aq_scaling scaling)
{
    const int vectors = by_planes ? VECTORS : rows > 2 ? 2 : 4, quads = AQ_QUADS / segments;
    const int64_t parts = tile->columns / 16 / vectors,
                  times = parts * ((by_planes ? LOW : 1) * AQ_QUADS / quads_between(rows) +
                                   (by_planes && planes > LOW ? AQ_DIGIT_ROWS : 0));
    part of = {.tile = tile,
               .quad_bytes = tile->columns * 4,
               .tail = aq_tail_of(tile->digits, planes > LOW),
               .by = {.ahead = tile->ahead,
                      .lines = tile->ahead != NULL ? (int)((tile->lines + times - 1) / times) : 0}};
    for (of.v0 = 0; of.v0 < tile->columns / 16; of.v0 += vectors) {
        of.panel = (const char *)tile->panel + of.v0 * 64;
        of.digits = (const int32_t *)(const void *)tile->digits;
        /* 2 KiB each: the digits of a block and its tail, four rows of acc; else what is there already */
        const char *acc =
                       of.v0 == (by_planes ? 0 : vectors) ? (const char *)(const void *)tile->next_acc : NULL,
                   *next = of.v0 == 0  ? tile->next_digits
                           : by_planes ? NULL
                                       : acc;
        of.by.next = next != NULL ? next : tile->panel;
        of.by.next_then = acc != NULL ? acc : tile->panel;
        for (of.segment = 0; of.segment < segments; of.segment++) {
            if (by_planes)
                plane_by_plane(&of, planes, quads, scaling);
            else
                together(&of, rows, vectors, planes, quads, scaling);
            of.panel += quads * of.quad_bytes;
            of.digits += (int64_t)quads * planes * AQ_DIGIT_ROWS;
            of.by.next += (int64_t)quads * AQ_LINE_BYTES;
            of.by.next_then += (int64_t)quads * AQ_LINE_BYTES;
        }
    }
}

/* Whether low digits are few. */
AQ_INLINE bool low_is_few(const aq_planes_tile *tile)
{
    const int32_t *quads = aq_tail_of(tile->digits, true)->correction[0][AQ_LOW_QUADS];
    int count = 0;
#pragma GCC unroll 4
    for (int r = 0; r < AQ_DIGIT_ROWS; r++)
        count += __builtin_popcount((uint32_t)quads[r]);
    return count <= FEW_QUADS;
}

AQ_INLINE void by_rows(const aq_planes_tile *tile, int planes, int segments, aq_scaling by)
{
    switch (tile->rows) {
    case 1:
        rows_of(tile, false, 1, planes, segments, by);
        break;
    case 2:
        rows_of(tile, false, 2, planes, segments, by);
        break;
    case 3:
        rows_of(tile, false, 3, planes, segments, by);
        break;
    default:
        if (planes <= LOW || (segments == 1 && low_is_few(tile)))
            rows_of(tile, true, 4, planes, segments, by);
        else
            rows_of(tile, false, 4, planes, segments, by);
    }
}

#define AQ_MULTIPLY by_rows
#include "kernels/x86/vnni/scaling_variants.h"

void aq_vnni_multiply(const aq_planes_tile *tile)
{
    multiply_by_scaling(tile);
}
