/* SPDX-License-Identifier: Apache-2.0 */
/* madd_columns.h - between the order of columns in madd_layout.h and their own: scales by groups on the way
 * in, sums on the way out. F16C and AVX for both x86 levels. Knows no weights. */
#ifndef AQ_KERNELS_X86_MADD_COLUMNS_H
#define AQ_KERNELS_X86_MADD_COLUMNS_H

#include <immintrin.h>

#include "kernels/x86/madd_layout.h"
#include "kernels/x86/scaled.h"

/* Sixteen columns in their own order to the four fours of the panel's. */
AQ_INLINE void aq_order_run(__m128 v[4], aq_weight_type type)
{
    if (type == AQ_S4) {
        _MM_TRANSPOSE4_PS(v[0], v[1], v[2], v[3]);
        return;
    }
    for (int i = 0; i < 4; i += 2) {
        __m128 even = _mm_shuffle_ps(v[i], v[i + 1], 0x88);
        v[i + 1] = _mm_shuffle_ps(v[i], v[i + 1], 0xDD);
        v[i] = even;
    }
}

/* And back. */
AQ_INLINE void aq_restore_run(__m128 v[4], aq_weight_type type)
{
    if (type == AQ_S4) {
        _MM_TRANSPOSE4_PS(v[0], v[1], v[2], v[3]);
        return;
    }
    for (int i = 0; i < 4; i += 2) {
        __m128 low = _mm_unpacklo_ps(v[i], v[i + 1]);
        v[i + 1] = _mm_unpackhi_ps(v[i], v[i + 1]);
        v[i] = low;
    }
}

/* A run of columns to its places in the panel's order, or as it is. */
AQ_INLINE void aq_place_run(const float run[AQ_RUN], aq_weight_type type, bool in_order, float *to)
{
    const int64_t apart = in_order ? 4 : AQ_UNIT;
    __m128 v[4];
    for (int i = 0; i < 4; i++)
        v[i] = _mm_loadu_ps(run + 4 * i);
    if (!in_order)
        aq_order_run(v, type);
    for (int i = 0; i < 4; i++)
        _mm_store_ps(to + apart * i, v[i]);
}

static inline void aq_group_scales_madd(const aq_group_scales *job)
{
    const aq_scaled *scaled = job->scaled;
    const int64_t columns = aq_panel_columns(job->type), length = AQ_BLOCK / job->segments;
    for (int64_t segment = 0; segment < job->segments; segment++) {
        const int64_t group = (job->k0 + segment * length) / scaled->group;
        for (int64_t first = 0; first < columns; first += AQ_RUN) {
            const int64_t left = segment * length < job->k ? job->n - first : 0, column = job->n0 + first,
                          count = left < AQ_RUN ? left : AQ_RUN;
            const int64_t to =
                segment * columns + (job->in_order ? first : aq_run_position(job->type, first / AQ_RUN));
            float scale[AQ_RUN] = {0}, offset[AQ_RUN] = {0};
            if (count > 0)
                aq_halves_to_floats(scale,
                                    (const uint16_t *)scaled->scale + group * scaled->scale_group +
                                        column * scaled->scale_n,
                                    scaled->scale_n, count, scaled->half);
            aq_place_run(scale, job->type, job->in_order, job->scale + to);
            if (job->zero == NULL)
                continue;
            if (count > 0)
                aq_halves_to_floats(offset,
                                    scaled->offset + group * scaled->offset_group + column * scaled->offset_n,
                                    scaled->offset_n, count, scaled->half);
            for (int i = 0; i < AQ_RUN; i++)
                offset[i] = offset[i] * scale[i];
            aq_place_run(offset, job->type, job->in_order, job->zero + to);
        }
    }
}

/* The columns first .. first + 15 of a finished row; false: one that exists is not finite. */
AQ_INLINE bool aq_finish_run(const aq_finish_job *job, int64_t first)
{
    const int64_t count = job->n - first;
    const int64_t apart = job->in_order ? 4 : AQ_UNIT;
    const float *from = job->acc + (job->in_order ? first : aq_run_position(job->type, first / AQ_RUN));
    float scale[AQ_RUN] = {0}, zero[AQ_RUN] = {0};
    const size_t bytes = (size_t)(count < AQ_RUN ? count : AQ_RUN) * sizeof(float);
    const __m128 x_total = _mm_set1_ps(job->x_total);
    __m128 v[4];
    if (job->scale != NULL)
        memcpy(scale, job->scale + first, bytes);
    if (job->zero != NULL)
        memcpy(zero, job->zero + first, bytes);
    for (int i = 0; i < 4; i++)
        v[i] = _mm_load_ps(from + apart * i);
    if (!job->in_order)
        aq_restore_run(v, job->type);
    bool finite = true;
    for (int i = 0; i < 4; i++) {
        if (job->scale != NULL)
            v[i] = _mm_mul_ps(v[i], _mm_loadu_ps(scale + 4 * i));
        if (job->zero != NULL)
            v[i] = _mm_fmadd_ps(x_total, _mm_loadu_ps(zero + 4 * i), v[i]);
        _mm_store_ps(job->out + first + 4 * i, v[i]);
        __m128 nothing = _mm_sub_ps(v[i], v[i]); /* NaN unless finite */
        int not_finite = _mm_movemask_ps(_mm_cmpunord_ps(nothing, nothing));
        if (count < AQ_RUN)
            not_finite &= count <= 4 * i ? 0 : (1 << (count - 4 * i)) - 1;
        finite &= not_finite == 0;
    }
    return finite;
}

static inline bool aq_finish_madd(const aq_finish_job *job)
{
    bool finite = true;
    for (int64_t first = 0; first < job->n; first += AQ_RUN)
        finite &= aq_finish_run(job, first);
    return finite;
}

#endif
