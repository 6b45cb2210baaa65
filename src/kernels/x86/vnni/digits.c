/* SPDX-License-Identifier: Apache-2.0 */
/* digits.c - the two ends of the VNNI kernels: rows of x as digits, scales by groups, sums to columns. */
#include "kernels/x86/scaled.h"
#include "kernels/x86/vnni/row_planes.h"

/* Quads of four rows, side by side. */
AQ_INLINE void lay_digits(const aq_row_planes row[AQ_DIGIT_ROWS], int planes, char *out)
{
    for (int p = 0; p < planes; p++)
        for (int i = 0; i < AQ_BLOCK / 16; i++) {
            __m128i r0 = _mm_load_si128((const __m128i *)(const void *)(row[0].plane[p] + i * 16)),
                    r1 = _mm_load_si128((const __m128i *)(const void *)(row[1].plane[p] + i * 16)),
                    r2 = _mm_load_si128((const __m128i *)(const void *)(row[2].plane[p] + i * 16)),
                    r3 = _mm_load_si128((const __m128i *)(const void *)(row[3].plane[p] + i * 16));
            __m128i low01 = _mm_unpacklo_epi32(r0, r1), high01 = _mm_unpackhi_epi32(r0, r1),
                    low23 = _mm_unpacklo_epi32(r2, r3), high23 = _mm_unpackhi_epi32(r2, r3);
            __m128i *to = (__m128i *)(void *)(out + (i * 4 * planes + p) * AQ_QUAD_DIGITS);
            _mm_store_si128(to, _mm_unpacklo_epi64(low01, low23));
            _mm_store_si128(to + planes, _mm_unpackhi_epi64(low01, low23));
            _mm_store_si128(to + 2 * planes, _mm_unpacklo_epi64(high01, high23));
            _mm_store_si128(to + 3 * planes, _mm_unpackhi_epi64(high01, high23));
        }
}

/* A bit for each quad that is not zero. */
AQ_INLINE uint32_t quads_with_any(const int8_t *plane)
{
    const __m512i first = _mm512_load_si512(plane), second = _mm512_load_si512(plane + 64);
    return (uint32_t)_mm512_test_epi32_mask(first, first) | (uint32_t)_mm512_test_epi32_mask(second, second)
                                                                << 16;
}

AQ_INLINE void lay_tail(const aq_row_planes row[AQ_DIGIT_ROWS], bool exact, int segments, int32_t bias,
                        aq_digits_tail *tail)
{
    memset(tail, 0, sizeof *tail);
    const int length = AQ_QUADS / segments;
    for (int r = 0; r < AQ_DIGIT_ROWS; r++) {
        const uint32_t quads = exact ? quads_with_any(row[r].plane[2]) : 0;
        for (int s = 0; s < segments; s++) {
            tail->correction[s][AQ_OF_HIGH][r] = -bias * (row[r].sum[0][s] * 256 + row[r].sum[1][s]);
            if (exact) {
                tail->correction[s][AQ_LOW_QUADS][r] =
                    (int32_t)(quads >> s * length & UINT32_MAX >> (AQ_QUADS - length));
                tail->correction[s][AQ_OF_LOW][r] = -bias * row[r].sum[2][s];
            }
            tail->x_sum[s][r] = aq_planes_x_sum(&row[r], exact, s);
        }
        tail->scale[r] = row[r].scale;
    }
}

AQ_INLINE void make_digits(aq_digits_job *job, bool exact)
{
    const int64_t bytes = aq_vnni_digits(exact) + (int64_t)sizeof(aq_digits_tail);
    aq_row_planes row[AQ_DIGIT_ROWS];
    memset(row, 0, sizeof row);
    for (int r = 0; r < AQ_DIGIT_ROWS; r++)
        job->fits[r] = true;
    for (int64_t b = 0; b < job->blocks; b++) {
        char *at = job->digits + b * bytes;
        for (int64_t r = 0; r < job->rows; r++)
            if (!aq_make_planes(job->x + r * job->x_stride + b * AQ_BLOCK, exact, job->segments, &row[r]))
                job->fits[r] = false;
        lay_digits(row, aq_plane_count(exact), at);
        lay_tail(row, exact, job->segments, job->type == AQ_S4 ? 8 : 128,
                 (aq_digits_tail *)(void *)(at + aq_vnni_digits(exact)));
    }
}

void aq_vnni_make_digits(aq_digits_job *job)
{
    if (job->exact)
        make_digits(job, true);
    else
        make_digits(job, false);
}

/* Lane q of row[l] becomes lane l of row[q]. */
AQ_INLINE void transpose_lanes(__m512 row[4])
{
    __m512 a = _mm512_shuffle_f32x4(row[0], row[1], 0x88), b = _mm512_shuffle_f32x4(row[2], row[3], 0x88),
           c = _mm512_shuffle_f32x4(row[0], row[1], 0xDD), d = _mm512_shuffle_f32x4(row[2], row[3], 0xDD);
    row[0] = _mm512_shuffle_f32x4(a, b, 0x88);
    row[2] = _mm512_shuffle_f32x4(a, b, 0xDD);
    row[1] = _mm512_shuffle_f32x4(c, d, 0x88);
    row[3] = _mm512_shuffle_f32x4(c, d, 0xDD);
}

/* A line of 64 or 128 floats by columns to the panel's order, and back. Of 4 bits, 16 columns hold the even
 * and the odd columns of two vectors of each kind, four at a time. */
AQ_INLINE void to_panel(aq_weight_type type, const float *in, float *out)
{
    const __m512i apart = _mm512_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15);
    const int halves = type == AQ_S4 ? 2 : 1;
    for (int half = 0; half < halves; half++) {
        __m512 row[4];
#pragma GCC unroll 4
        for (int lane = 0; lane < 4; lane++) {
            row[lane] = _mm512_load_ps(in + lane * 16 * halves + half * 16);
            if (type == AQ_S4)
                row[lane] = _mm512_permutexvar_ps(apart, row[lane]);
        }
        transpose_lanes(row);
        if (type == AQ_S8) {
#pragma GCC unroll 4
            for (int q = 0; q < 4; q++)
                _mm512_store_ps(out + q * 16, row[q]);
        } else {
            _mm512_store_ps(out + half * 32, row[0]);
            _mm512_store_ps(out + 64 + half * 32, row[1]);
            _mm512_store_ps(out + half * 32 + 16, row[2]);
            _mm512_store_ps(out + 64 + half * 32 + 16, row[3]);
        }
    }
}

AQ_INLINE void from_panel(aq_weight_type type, const float *in, float *out)
{
    const __m512i together = _mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
    const int halves = type == AQ_S4 ? 2 : 1;
    for (int half = 0; half < halves; half++) {
        __m512 row[4];
        if (type == AQ_S8) {
#pragma GCC unroll 4
            for (int q = 0; q < 4; q++)
                row[q] = _mm512_load_ps(in + q * 16);
        } else {
            row[0] = _mm512_load_ps(in + half * 32);
            row[1] = _mm512_load_ps(in + 64 + half * 32);
            row[2] = _mm512_load_ps(in + half * 32 + 16);
            row[3] = _mm512_load_ps(in + 64 + half * 32 + 16);
        }
        transpose_lanes(row);
#pragma GCC unroll 4
        for (int lane = 0; lane < 4; lane++)
            _mm512_store_ps(out + lane * 16 * halves + half * 16,
                            type == AQ_S4 ? _mm512_permutexvar_ps(together, row[lane]) : row[lane]);
    }
}

/* One segment's line of floats to where the job wants it, of which the first `used` columns count. */
AQ_INLINE void place_line(const aq_group_scales *job, const float *line, int64_t used, float *to)
{
    if (job->in_order)
        memcpy(to, line, (size_t)used * sizeof *to);
    else
        to_panel(job->type, line, to);
}

/* Scales or offsets of a segment's columns, one after the other. */
typedef float lines_of_segments[AQ_SEGMENTS][AQ_PANEL_MOST];

/* Four groups of each of 8 columns, which lie next to each other: a load a column. */
AQ_INLINE void read_four_groups(const uint16_t *from, int64_t stride, aq_half half, lines_of_segments lines,
                                int64_t j)
{
    __m128i pair[4], low[2], high[2];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        pair[i] = _mm_castpd_si128(_mm_loadh_pd(
            _mm_castsi128_pd(_mm_loadl_epi64((const __m128i *)(const void *)(from + i * stride))),
            (const double *)(const void *)(from + (i + 4) * stride)));
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) { /* columns 2 i and 2 i + 1, then those 4 on; dwords are groups */
        low[i] = _mm_unpacklo_epi16(pair[2 * i], pair[2 * i + 1]);
        high[i] = _mm_unpackhi_epi16(pair[2 * i], pair[2 * i + 1]);
    }
    const __m128i a = _mm_unpacklo_epi32(low[0], low[1]), b = _mm_unpacklo_epi32(high[0], high[1]),
                  c = _mm_unpackhi_epi32(low[0], low[1]), d = _mm_unpackhi_epi32(high[0], high[1]);
    _mm256_store_ps(lines[0] + j, aq_half_eight(_mm_unpacklo_epi64(a, b), half));
    _mm256_store_ps(lines[1] + j, aq_half_eight(_mm_unpackhi_epi64(a, b), half));
    _mm256_store_ps(lines[2] + j, aq_half_eight(_mm_unpacklo_epi64(c, d), half));
    _mm256_store_ps(lines[3] + j, aq_half_eight(_mm_unpackhi_epi64(c, d), half));
}

/* from: of the block's first group and the first column. +0 beyond n, and where a segment is beyond k. */
AQ_INLINE void read_segments(const aq_group_scales *job, const uint16_t *from, int64_t group_stride,
                             int64_t stride, int64_t used, lines_of_segments lines)
{
    const int64_t length = AQ_BLOCK / job->segments, group = job->scaled->group;
    int64_t j = 0;
    if (job->segments == AQ_SEGMENTS && group == length && group_stride == 1 && job->k > 3 * length)
        for (; j + 8 <= job->n; j += 8)
            read_four_groups(from + j * stride, stride, job->scaled->half, lines, j);
    if (j < used)
        for (int64_t s = 0; s < job->segments; s++) {
            const int64_t n = s * length < job->k ? job->n : 0,
                          groups = (job->k0 + s * length) / group - job->k0 / group;
            if (n < used)
                memset(lines[s] + j, 0, (size_t)(used - j) * sizeof(float));
            if (n > j)
                aq_halves_to_floats(lines[s] + j, from + groups * group_stride + j * stride, stride, n - j,
                                    job->scaled->half);
        }
}

void aq_vnni_group_scales(const aq_group_scales *job)
{
    const aq_scaled *scaled = job->scaled;
    const int64_t columns = aq_panel_columns(job->type), group = job->k0 / scaled->group;
    const int64_t used = job->in_order ? (job->n + 15) / 16 * 16 : columns;
    _Alignas(64) lines_of_segments scale, zero;
    read_segments(job,
                  (const uint16_t *)scaled->scale + group * scaled->scale_group + job->n0 * scaled->scale_n,
                  scaled->scale_group, scaled->scale_n, used, scale);
    if (job->zero != NULL)
        read_segments(job, scaled->offset + group * scaled->offset_group + job->n0 * scaled->offset_n,
                      scaled->offset_group, scaled->offset_n, used, zero);
    for (int64_t s = 0; s < job->segments; s++) {
        place_line(job, scale[s], used, job->scale + s * columns);
        if (job->zero == NULL)
            continue;
        for (int64_t j = 0; j < used; j += 16)
            _mm512_store_ps(zero[s] + j,
                            _mm512_mul_ps(_mm512_load_ps(zero[s] + j), _mm512_load_ps(scale[s] + j)));
        place_line(job, zero[s], used, job->zero + s * columns);
    }
}

bool aq_vnni_finish(const aq_finish_job *job)
{
    _Alignas(64) float line[AQ_PANEL_MOST];
    const float *sum = job->acc;
    __mmask16 finite = 0xFFFF;
    if (!job->in_order) {
        from_panel(job->type, job->acc, line);
        sum = line;
    }
    for (int64_t j = 0; j < job->n; j += 16) {
        __mmask16 lanes = job->n - j >= 16 ? (__mmask16)0xFFFF : (__mmask16)((1u << (job->n - j)) - 1u);
        __m512 value = _mm512_maskz_loadu_ps(lanes, sum + j);
        if (job->scale != NULL)
            value = _mm512_mul_ps(value, _mm512_maskz_loadu_ps(lanes, job->scale + j));
        if (job->zero != NULL)
            value = _mm512_fmadd_ps(_mm512_set1_ps(job->x_total), _mm512_maskz_loadu_ps(lanes, job->zero + j),
                                    value);
        _mm512_store_ps(job->out + j, value);
        /* x - x is 0 for finite numbers only */
        finite &= _mm512_cmp_ps_mask(_mm512_sub_ps(value, value), _mm512_setzero_ps(), _CMP_EQ_OQ);
    }
    return finite == 0xFFFF;
}
