/* SPDX-License-Identifier: Apache-2.0 */
/* digits.c - the two ends of the VNNI kernels: rows of x as digits, scales by groups, sums to columns. */
#include "kernels/digits.h"

#include "base/float16.h"
#include "kernels/x86/vnni/vnni.h"

/* One plane of one row: quad i goes to out[i * step]. */
static int32_t lay_plane(const int8_t *plane, int32_t *out, int64_t step)
{
    int32_t sum = 0;
    for (int i = 0; i < AQ_QUADS; i++) {
        int32_t quad;
        memcpy(&quad, plane + 4 * i, sizeof quad);
        out[i * step] = quad;
    }
    for (int i = 0; i < AQ_BLOCK; i++)
        sum += plane[i];
    return sum;
}

static void correct(const int8_t *plane, int segments, int32_t bias, int p, int row, aq_digits_tail *tail)
{
    const int length = AQ_BLOCK / segments;
    for (int s = 0; s < segments; s++) {
        int32_t sum = 0;
        for (int i = 0; i < length; i++)
            sum += plane[s * length + i];
        tail->correction[s][p][row] = -bias * sum;
    }
}

static void lay_row(const aq_block_digits *block, const aq_digits_job *job, int row, char *at,
                    aq_digits_tail *tail)
{
    int8_t plane[3][AQ_BLOCK];
    const int planes = aq_plane_count(job->exact);
    for (int i = 0; i < AQ_BLOCK; i++) {
        plane[0][i] = (int8_t)((block->high[i] + 128) >> 8);
        plane[1][i] = (int8_t)block->high[i];
        plane[2][i] = (int8_t)block->low[i];
    }
    for (int p = 0; p < planes; p++) {
        lay_plane(plane[p], (int32_t *)(void *)at + p * AQ_DIGIT_ROWS + row, (int64_t)planes * AQ_DIGIT_ROWS);
        correct(plane[p], job->segments, job->type == AQ_S4 ? 8 : 128, p, row, tail);
    }
}

void aq_vnni_make_digits(aq_digits_job *job)
{
    const int64_t bytes = aq_vnni_digits(job->exact) + (int64_t)sizeof(aq_digits_tail);
    for (int r = 0; r < AQ_DIGIT_ROWS; r++)
        job->fits[r] = true;
    for (int64_t b = 0; b < job->blocks; b++) {
        char *at = job->digits + b * bytes;
        aq_digits_tail *tail = (aq_digits_tail *)(void *)(at + aq_vnni_digits(job->exact));
        if (job->rows < AQ_DIGIT_ROWS)
            memset(at, 0, (size_t)bytes);
        for (int64_t r = 0; r < job->rows; r++) {
            aq_block_digits block;
            aq_make_block(job->x + r * job->x_stride + b * AQ_BLOCK, job->exact, &block);
            job->fits[r] = job->fits[r] && block.fits;
            lay_row(&block, job, (int)r, at, tail);
            aq_sum_segments(&block, job->segments, tail, (int)r);
        }
    }
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

/* n 16-bit numbers, stride apart, to floats; +0 up to the next multiple of 16. */
AQ_INLINE void widen(const uint16_t *from, int64_t stride, int64_t n, aq_half half, float *out)
{
    for (int64_t j = 0; j < n; j += 16) {
        __m256i bits;
        __mmask16 lanes = n - j >= 16 ? (__mmask16)0xFFFF : (__mmask16)((1u << (n - j)) - 1u);
        if (stride == 1) {
            bits = _mm256_maskz_loadu_epi16(lanes, from + j);
        } else {
            _Alignas(32) uint16_t some[16] = {0};
            for (int64_t i = 0; i < 16 && j + i < n; i++)
                some[i] = from[(j + i) * stride];
            bits = _mm256_load_si256((const __m256i *)(const void *)some);
        }
        __m512 wide = half == AQ_F16
                          ? _mm512_cvtph_ps(bits)
                          : _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
        _mm512_store_ps(out + j, wide);
    }
}

void aq_vnni_group_scales(const aq_group_scales *job)
{
    const aq_scaled *scaled = job->scaled;
    const int64_t columns = aq_panel_columns(job->type), length = AQ_BLOCK / job->segments;
    const int64_t used = job->in_order ? (job->n + 15) / 16 * 16 : columns;
    _Alignas(64) float scale[AQ_PANEL_MOST], zero[AQ_PANEL_MOST];
    for (int64_t s = 0; s < job->segments; s++) {
        int64_t n = s * length < job->k ? job->n : 0, group = (job->k0 + s * length) / scaled->group;
        if (n < used)
            memset(scale, 0, (size_t)used * sizeof *scale);
        if (n > 0)
            widen((const uint16_t *)scaled->scale + group * scaled->scale_group + job->n0 * scaled->scale_n,
                  scaled->scale_n, n, scaled->half, scale);
        if (job->in_order)
            memcpy(job->scale + s * columns, scale, (size_t)used * sizeof *scale);
        else
            to_panel(job->type, scale, job->scale + s * columns);
        if (job->zero == NULL)
            continue;
        if (n < used)
            memset(zero, 0, (size_t)used * sizeof *zero);
        if (n > 0)
            widen(scaled->offset + group * scaled->offset_group + job->n0 * scaled->offset_n,
                  scaled->offset_n, n, scaled->half, zero);
        for (int64_t j = 0; j < used; j += 16)
            _mm512_store_ps(zero + j, _mm512_mul_ps(_mm512_load_ps(zero + j), _mm512_load_ps(scale + j)));
        if (job->in_order)
            memcpy(job->zero + s * columns, zero, (size_t)used * sizeof *zero);
        else
            to_panel(job->type, zero, job->zero + s * columns);
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
