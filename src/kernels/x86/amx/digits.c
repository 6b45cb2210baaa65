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

/* 16 v as bytes of 16 a + b, each 16 bytes. */
AQ_INLINE void lay_twelve_bits(__m512i v, char *a, char *b)
{
    _mm_store_si128((__m128i *)(void *)a, _mm512_cvtepi32_epi8(_mm512_srai_epi32(v, 4)));
    _mm_store_si128((__m128i *)(void *)b, _mm512_cvtepi32_epi8(_mm512_and_si512(v, _mm512_set1_epi32(15))));
}

/* AQ_EXACT_QUARTERS. */
AQ_INLINE void lay_quarters(const aq_row_planes *row, int64_t r, char *digits)
{
    for (int i = 0; i < AQ_BLOCK / 16; i++) {
        __m512i v[3];
#pragma GCC unroll 3
        for (int p = 0; p < 3; p++)
            v[p] =
                _mm512_cvtepi8_epi32(_mm_load_si128((const __m128i *)(const void *)(row->plane[p] + i * 16)));
        const __m512i all = _mm512_add_epi32(
                          _mm512_add_epi32(_mm512_slli_epi32(v[0], 16), _mm512_slli_epi32(v[1], 8)), v[2]),
                      high = _mm512_srai_epi32(_mm512_add_epi32(all, _mm512_set1_epi32(2048)), 12),
                      low = _mm512_sub_epi32(all, _mm512_slli_epi32(high, 12));
        char *to = digits + i / 2 * AQ_TILE_BYTES + r * 64 + i % 2 * 16;
        lay_twelve_bits(high, to, to + 32);
        lay_twelve_bits(low, to + AQ_QUARTER_TILES, to + AQ_QUARTER_TILES + 32);
    }
}

AQ_INLINE void make_digits(aq_digits_job *job, bool exact, bool quarters)
{
    const int planes = aq_plane_count(exact);
    const int64_t digit_bytes = quarters ? 2 * AQ_QUARTER_TILES : planes * AQ_PLANE_TILES,
                  bytes = digit_bytes + (int64_t)sizeof(aq_amx_tail);
    const float unit = job->type == AQ_S4 && !quarters ? 0.0625f : 1.0f;
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
            if (quarters)
                lay_quarters(&row, r, at);
            else
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
    if (job->form == AQ_EXACT_QUARTERS)
        make_digits(job, true, true);
    else if (job->exact)
        make_digits(job, true, false);
    else
        make_digits(job, false, false);
}

/* A panel as others are, in its first half or before it, to one of AQ_EXACT_QUARTERS: from the end on, since
 * nothing moves towards the beginning. */
static void double_panel(const char *from, char *to)
{
    enum { QUAD_BYTES = AQ_PANEL_MOST * 4, QUARTER = AQ_QUADS / AQ_SEGMENTS };
    const __m512i sign = _mm512_set1_epi8(8), nibble = _mm512_set1_epi8(15);
    for (int quad = AQ_QUADS - 1; quad >= 0; quad--)
        for (int at = QUAD_BYTES - 64; at >= 0; at -= 64) {
            char *out = to + (quad / QUARTER * 2 * QUARTER + quad % QUARTER) * QUAD_BYTES + at;
            const __m512i sixteen = _mm512_load_si512(from + quad * QUAD_BYTES + at),
                          bits = _mm512_and_si512(_mm512_srli_epi16(sixteen, 4), nibble);
            _mm512_store_si512(out, sixteen);
            _mm512_store_si512(out + QUARTER * QUAD_BYTES,
                               _mm512_sub_epi8(_mm512_xor_si512(bits, sign), sign));
        }
}

void aq_amx_pack_panel(const aq_integers_job *job)
{
    aq_pack_panels(job, AQ_BYTES_SIGNED);
    if (job->form != AQ_EXACT_QUARTERS)
        return;
    const int64_t bytes = AQ_BLOCK * AQ_PANEL_MOST;
    for (int64_t p = (job->n - 1) / AQ_PANEL_MOST; p >= 0; p--)
        double_panel((const char *)job->panel + p * bytes, (char *)job->panel + 2 * p * bytes);
}
