/* SPDX-License-Identifier: Apache-2.0 */
/* planes.c - the integer kernels by products of 16-bit integers, AVX-512. What they do is in
 * kernels/x86/madd_*.h; here they are compiled for their instructions. */
#include "kernels/x86/avx512/madd_lanes.h"
#include "kernels/x86/madd_stream.h"

static void make_digits(aq_digits_job *job)
{
    aq_make_madd_digits(job);
}

static void pack_panel(const aq_integers_job *job)
{
    aq_pack_madd(job);
}

static void multiply(const aq_planes_tile *tile)
{
    aq_multiply_madd(tile);
}

static void stream(const aq_planes_stream *job)
{
    aq_stream_madd(job);
}

static bool stream_in_order(aq_order order)
{
    (void)order;
    return false;
}

static void group_scales(const aq_group_scales *job)
{
    aq_group_scales_madd(job);
}

static bool finish(const aq_finish_job *job)
{
    return aq_finish_madd(job);
}

static const aq_planes planes = {.digit_bytes = {AQ_MADD_DIGITS, 2 * AQ_MADD_DIGITS},
                                 .make_digits = make_digits,
                                 .pack_panel = pack_panel,
                                 .multiply = multiply,
                                 .stream_declines = aq_madd_stream_declines,
                                 .stream = stream,
                                 .stream_in_order = stream_in_order,
                                 .group_scales = group_scales,
                                 .finish = finish};

const aq_kernel aq_planes_avx512 = {
    .name = "planes_f16_s8s4_4x64_avx512",
    .level = AQ_CPU_AVX512,
    .role = AQ_ROLE_PLANES,
    .mr = AQ_DIGIT_ROWS,
    .nr = AQ_PANEL_MOST,
    .declines = aq_planes_decline,
    .planes = &planes,
};
