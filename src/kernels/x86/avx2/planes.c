/* SPDX-License-Identifier: Apache-2.0 */
/* planes.c - the AVX2 integer kernel of modes exact and fast, as the table knows it: products of 16-bit
 * integers. What is not in this folder's planes_*.c is in kernels/x86/madd_*.h, compiled here for AVX2. */
#include "kernels/x86/avx2/planes.h"
#include "kernels/x86/madd_stream.h"

static void pack_panel(const aq_integers_job *job)
{
    aq_pack_madd(job);
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
                                 .all_rows = true,
                                 .make_digits = aq_avx2_make_digits,
                                 .pack_panel = pack_panel,
                                 .multiply = aq_avx2_multiply,
                                 .stream_declines = aq_madd_stream_declines,
                                 .stream = stream,
                                 .stream_in_order = stream_in_order,
                                 .group_scales = group_scales,
                                 .finish = finish};

const aq_kernel aq_planes_avx2 = {
    .name = "planes_f16_s8s4_4x64_avx2",
    .level = AQ_CPU_AVX2,
    .role = AQ_ROLE_PLANES,
    .mr = AQ_DIGIT_ROWS,
    .nr = AQ_PANEL_MOST,
    .declines = aq_planes_decline,
    .planes = &planes,
};
