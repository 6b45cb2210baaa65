/* SPDX-License-Identifier: Apache-2.0 */
/* multiply.c - up to 4 rows of digits times a panel of one block, AVX-512 VNNI: 2 vectors of columns at a
 * time, or 4 where there are few rows, so that enough sums are under way to hide vpdpbusd's latency. */
#include "kernels/x86/vnni/vnni.h"

/* Of what is brought ahead. */
#define LINES_AT_ONCE(rows) ((rows) > 2 ? 1 : 2)

/* Sums by name: s<row><plane><vector>. gcc 12 keeps an array of them on the stack. What a tile does not have
 * is cut away, since rows, planes and vectors are constants where this is inlined. */
#define FOR_VECTORS(DO, r, p) DO(r, p, 0) DO(r, p, 1) DO(r, p, 2) DO(r, p, 3)
#define FOR_PLANES(DO, r)     FOR_VECTORS(DO, r, 0) FOR_VECTORS(DO, r, 1) FOR_VECTORS(DO, r, 2)
#define FOR_ALL(DO)           FOR_PLANES(DO, 0) FOR_PLANES(DO, 1) FOR_PLANES(DO, 2) FOR_PLANES(DO, 3)
#define FOR_DIGITS(DO)                                                                                       \
    DO(0, 0)                                                                                                 \
    DO(0, 1) DO(0, 2) DO(1, 0) DO(1, 1) DO(1, 2) DO(2, 0) DO(2, 1) DO(2, 2) DO(3, 0) DO(3, 1) DO(3, 2)
#define FOR_TOTALS(DO)                                                                                       \
    DO(0, 0)                                                                                                 \
    DO(0, 1)                                                                                                 \
    DO(0, 2)                                                                                                 \
    DO(0, 3)                                                                                                 \
    DO(1, 0)                                                                                                 \
    DO(1, 1) DO(1, 2) DO(1, 3) DO(2, 0) DO(2, 1) DO(2, 2) DO(2, 3) DO(3, 0) DO(3, 1) DO(3, 2) DO(3, 3)

/* Adds f of one row and vector to its total. */
AQ_INLINE void add_to_total(const aq_planes_tile *tile, const aq_digits_tail *tail, __m512 f, int s, int row,
                            int64_t vector, aq_scaling by)
{
    float *acc = tile->acc + row * tile->acc_stride + vector * 16;
    __m512 scale = _mm512_set1_ps(tail->scale[row]), total = _mm512_load_ps(acc);
    if (by == AQ_BY_COLUMNS) {
        total = _mm512_fmadd_ps(f, scale, total);
    } else {
        const int64_t at = s * tile->columns + vector * 16;
        total = _mm512_fmadd_ps(_mm512_mul_ps(f, scale), _mm512_load_ps(tile->scale + at), total);
        if (by == AQ_BY_GROUPS_WITH_ZERO)
            total =
                _mm512_fmadd_ps(_mm512_set1_ps(tail->x_sum[s][row]), _mm512_load_ps(tile->zero + at), total);
    }
    _mm512_store_ps(acc, total);
}

/* One segment of a few vectors of columns from the panel's vector v0 on. Long by what its macros stand for.
 * NOLINTNEXTLINE(readability-function-size) */
AQ_INLINE void segment(const aq_planes_tile *tile, int64_t v0, int s, int rows, int vectors, int planes,
                       int quads, aq_scaling by, aq_ahead *ahead, int pause, const char *next)
{
    const aq_digits_tail *tail = aq_tail_of(tile->digits, planes == 3);
    const int64_t quad_bytes = tile->columns * 4;
    const char *panel = (const char *)tile->panel + s * quads * quad_bytes + v0 * 64;
    const int32_t *digits =
        (const int32_t *)(const void *)tile->digits + (int64_t)s * quads * planes * AQ_DIGIT_ROWS;
#define START(r, p, v)                                                                                       \
    __m512i s##r##p##v = r < rows && p < planes && v < vectors                                               \
                             ? _mm512_set1_epi32(tail->correction[s][p][r])                                  \
                             : _mm512_setzero_si512();
    FOR_ALL(START)
    for (int quad = 0; quad < quads; quad++, panel += quad_bytes, digits += planes * AQ_DIGIT_ROWS) {
        if (ahead != NULL && (quad & pause) == 0)
            aq_bring(ahead, LINES_AT_ONCE(rows));
        __builtin_prefetch(next + quad * AQ_LINE_BYTES, 0, 3);
        const __m512i none = _mm512_setzero_si512();
        const __m512i w0 = _mm512_load_si512(panel), w1 = vectors > 1 ? _mm512_load_si512(panel + 64) : none,
                      w2 = vectors > 2 ? _mm512_load_si512(panel + 128) : none,
                      w3 = vectors > 3 ? _mm512_load_si512(panel + 192) : none;
#define MULTIPLY(r, p)                                                                                       \
    if (r < rows && p < planes) {                                                                            \
        const __m512i d = _mm512_set1_epi32(digits[p * AQ_DIGIT_ROWS + r]);                                  \
        AQ_ADD_PRODUCTS(s##r##p##0, w0, d);                                                                  \
        if (vectors > 1)                                                                                     \
            AQ_ADD_PRODUCTS(s##r##p##1, w1, d);                                                              \
        if (vectors > 2)                                                                                     \
            AQ_ADD_PRODUCTS(s##r##p##2, w2, d);                                                              \
        if (vectors > 3)                                                                                     \
            AQ_ADD_PRODUCTS(s##r##p##3, w3, d);                                                              \
    }
        FOR_DIGITS(MULTIPLY)
    }
#define ADD(r, v)                                                                                            \
    if (r < rows && v < vectors)                                                                             \
        add_to_total(tile, tail, aq_join_planes(s##r##0##v, s##r##1##v, s##r##2##v, planes), s, r, v0 + v,   \
                     by);
    FOR_TOTALS(ADD)
#undef START
#undef MULTIPLY
#undef ADD
}

AQ_INLINE void rows_of(const aq_planes_tile *tile, int rows, int planes, int segments, aq_scaling by)
{
    const int vectors = rows > 2 ? 2 : 4;
    /* many lines in a row would wait for each other, and what else is loaded for them */
    const int64_t quads = tile->columns / 16 / vectors * AQ_QUADS;
    aq_ahead *ahead = tile->lines > 0 ? tile->ahead : NULL;
    int pause = 0; /* quads without any, a power of two less 1 */
    while (ahead != NULL && tile->lines * (pause + 1) * 2 <= quads * LINES_AT_ONCE(rows))
        pause = pause * 2 + 1;
    for (int64_t v = 0; v < tile->columns / 16; v += vectors) {
        /* 2 KiB each: the digits of a block and its tail, four rows of sums; else what is there already */
        const char *next = v == 0         ? tile->next_digits
                           : v == vectors ? (const char *)(const void *)tile->next_acc
                                          : NULL;
        next = next != NULL ? next : (const char *)tile->panel;
        for (int s = 0; s < segments; s++)
            segment(tile, v, s, rows, vectors, planes, AQ_QUADS / segments, by, ahead, pause,
                    next + s * (AQ_QUADS / segments) * AQ_LINE_BYTES);
    }
}

AQ_INLINE void by_rows(const aq_planes_tile *tile, int planes, int segments, aq_scaling by)
{
    switch (tile->rows) {
    case 1:
        rows_of(tile, 1, planes, segments, by);
        break;
    case 2:
        rows_of(tile, 2, planes, segments, by);
        break;
    case 3:
        rows_of(tile, 3, planes, segments, by);
        break;
    default:
        rows_of(tile, 4, planes, segments, by);
    }
}

#define AQ_MULTIPLY by_rows
#include "kernels/x86/vnni/scaling_variants.h"

void aq_vnni_multiply(const aq_planes_tile *tile)
{
    multiply_by_scaling(tile);
}
