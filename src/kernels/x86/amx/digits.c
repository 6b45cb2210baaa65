/* SPDX-License-Identifier: Apache-2.0 */
/* digits.c - rows of x and weights as AMX takes them. */
#include "kernels/x86/amx/amx.h"
#include "kernels/x86/vnni/panel.h"
#include "kernels/x86/vnni/row_planes.h"

AQ_INLINE void lay_row(const aq_row_planes *row, int planes, int64_t r, char *digits)
{
    char *to = digits + r * 64;
    for (int p = 0; p < planes; p++, to += AQ_PLANE_TILES) {
        _mm512_store_si512(to, _mm512_load_si512(row->plane[p]));
        _mm512_store_si512(to + AQ_TILE_BYTES, _mm512_load_si512(row->plane[p] + 64));
    }
}

AQ_INLINE void make_digits(aq_digits_job *job, bool exact)
{
    const int planes = aq_plane_count(exact);
    const int64_t digit_bytes = planes * AQ_PLANE_TILES, bytes = digit_bytes + (int64_t)sizeof(aq_amx_tail);
    const float unit = job->type == AQ_S4 ? 0.0625f : 1.0f;
    aq_row_planes row;
    for (int64_t i = 0; i < AQ_DIGIT_ROWS; i++) {
        const int64_t r = job->first + i;
        job->fits[i] = true;
        memset(&row, 0, sizeof row);
        for (int64_t b = 0; b < job->blocks; b++) {
            char *at = job->digits + b * bytes;
            aq_amx_tail *tail = (aq_amx_tail *)(void *)(at + digit_bytes);
            if (i < job->rows &&
                !aq_make_planes(job->x + i * job->x_stride + b * AQ_BLOCK, exact, job->segments, &row))
                job->fits[i] = false;
            lay_row(&row, planes, r, at);
            for (int s = 0; s < job->segments; s++)
                tail->x_sum[s][r] = aq_planes_x_sum(&row, exact, s);
            tail->scale[r] = row.scale;
            tail->step[r] = row.scale * unit;
        }
    }
}

void aq_amx_make_digits(aq_digits_job *job)
{
    if (job->exact)
        make_digits(job, true);
    else
        make_digits(job, false);
}

void aq_amx_pack_panel(const aq_integers_job *job)
{
    aq_pack_panels(job, AQ_BYTES_SIGNED);
}
