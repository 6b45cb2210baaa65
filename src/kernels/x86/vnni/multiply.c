/* SPDX-License-Identifier: Apache-2.0 */
/* multiply.c - up to 4 rows of digits times a panel of one block, AVX-512 VNNI: 2 vectors of columns at a
 * time, or 4 where there are few rows, so that enough sums are under way to hide vpdpbusd's latency. */
#include "kernels/x86/vnni/vnni.h"

typedef enum scaling { BY_COLUMNS, BY_GROUPS, BY_GROUPS_WITH_ZERO } scaling;

enum { MOST_ROWS = AQ_DIGIT_ROWS, MOST_VECTORS = 4, PLANES = 3, LINES = 32 /* brought for each panel */ };

/* All quads of one segment. rows, vectors, planes and quads are constants where this is inlined. */
AQ_INLINE void segment(const int32_t *digits, const char *panel, int64_t quad_bytes, int rows, int vectors,
                       int planes, int quads, __m512i sum[MOST_ROWS][PLANES][MOST_VECTORS])
{
    for (int quad = 0; quad < quads; quad++, panel += quad_bytes, digits += planes * AQ_DIGIT_ROWS) {
        __m512i w[MOST_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            w[v] = _mm512_load_si512(panel + v * 64);
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
            for (int p = 0; p < planes; p++) {
                __m512i d = _mm512_set1_epi32(digits[p * AQ_DIGIT_ROWS + r]);
#pragma GCC unroll 4
                for (int v = 0; v < vectors; v++)
                    sum[r][p][v] = _mm512_dpbusd_epi32(sum[r][p][v], w[v], d);
            }
    }
}

/* A few vectors of columns from the panel's vector v0 on. */
AQ_INLINE void columns_of(const aq_planes_tile *tile, int64_t v0, int rows, int vectors, int planes,
                          int segments, scaling by)
{
    const aq_digits_tail *tail = aq_tail_of(tile->digits, planes == 3);
    const int quads = AQ_QUADS / segments;
    const int64_t quad_bytes = tile->columns * 4;
    for (int s = 0; s < segments; s++) {
        __m512i sum[MOST_ROWS][PLANES][MOST_VECTORS];
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
            for (int p = 0; p < planes; p++)
#pragma GCC unroll 4
                for (int v = 0; v < vectors; v++)
                    sum[r][p][v] = _mm512_set1_epi32(tail->correction[s][p][r]);
        segment((const int32_t *)(const void *)tile->digits + (int64_t)s * quads * planes * AQ_DIGIT_ROWS,
                (const char *)tile->panel + s * quads * quad_bytes + v0 * 64, quad_bytes, rows, vectors,
                planes, quads, sum);
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) {
            float *acc = tile->acc + r * tile->acc_stride + v0 * 16;
            __m512 scale = _mm512_set1_ps(tail->scale[r]);
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) {
                __m512 f = aq_join_planes(sum[r][0][v], sum[r][1][v], sum[r][planes - 1][v], planes);
                __m512 total = _mm512_load_ps(acc + v * 16);
                if (by == BY_COLUMNS) {
                    total = _mm512_fmadd_ps(f, scale, total);
                } else {
                    const int64_t at = s * tile->columns + (v0 + v) * 16;
                    total = _mm512_fmadd_ps(_mm512_mul_ps(f, scale), _mm512_load_ps(tile->scale + at), total);
                    if (by == BY_GROUPS_WITH_ZERO)
                        total = _mm512_fmadd_ps(_mm512_set1_ps(tail->x_sum[s][r]),
                                                _mm512_load_ps(tile->zero + at), total);
                }
                _mm512_store_ps(acc + v * 16, total);
            }
        }
    }
}

AQ_INLINE void rows_of(const aq_planes_tile *tile, int rows, int planes, int segments, scaling by)
{
    const int vectors = rows > 2 ? 2 : 4;
    for (int64_t v = 0; v < tile->columns / 16; v += vectors) {
        if (tile->ahead != NULL)
            aq_bring(tile->ahead, LINES * vectors * 16 / tile->columns);
        columns_of(tile, v, rows, vectors, planes, segments, by);
    }
}

AQ_INLINE void by_rows(const aq_planes_tile *tile, int planes, int segments, scaling by)
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

AQ_INLINE void by_segments(const aq_planes_tile *tile, int planes, scaling by)
{
    if (tile->segments == 1)
        by_rows(tile, planes, 1, by);
    else if (tile->segments == 2)
        by_rows(tile, planes, 2, by);
    else
        by_rows(tile, planes, 4, by);
}

/* Apart, so that compilers see functions of a size they can allocate registers in. */
static __attribute__((noinline)) void exact_by_columns(const aq_planes_tile *tile)
{
    by_rows(tile, 3, 1, BY_COLUMNS);
}

static __attribute__((noinline)) void fast_by_columns(const aq_planes_tile *tile)
{
    by_rows(tile, 2, 1, BY_COLUMNS);
}

static __attribute__((noinline)) void exact_by_groups(const aq_planes_tile *tile)
{
    by_segments(tile, 3, BY_GROUPS);
}

static __attribute__((noinline)) void fast_by_groups(const aq_planes_tile *tile)
{
    by_segments(tile, 2, BY_GROUPS);
}

static __attribute__((noinline)) void exact_with_zero(const aq_planes_tile *tile)
{
    by_segments(tile, 3, BY_GROUPS_WITH_ZERO);
}

static __attribute__((noinline)) void fast_with_zero(const aq_planes_tile *tile)
{
    by_segments(tile, 2, BY_GROUPS_WITH_ZERO);
}

void aq_vnni_multiply(const aq_planes_tile *tile)
{
    if (tile->scale == NULL)
        (tile->exact ? exact_by_columns : fast_by_columns)(tile);
    else if (tile->zero == NULL)
        (tile->exact ? exact_by_groups : fast_by_groups)(tile);
    else
        (tile->exact ? exact_with_zero : fast_with_zero)(tile);
}
