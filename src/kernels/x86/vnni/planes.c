/* SPDX-License-Identifier: Apache-2.0 */
/* planes.c - the AVX-512 VNNI kernel of modes exact and fast, as the table knows it. */
#include "kernels/x86/vnni/vnni.h"

enum {
    DIGITS = AQ_QUADS * AQ_QUAD_DIGITS /* of a plane */
};

static const char *stream_declines(const aq_kernel_query *query)
{
    (void)query;
    return "not yet";
}

static const aq_planes planes = {.digit_bytes = {2 * DIGITS, 3 * DIGITS},
                                 .make_digits = aq_vnni_make_digits,
                                 .pack_panel = aq_vnni_pack_panel,
                                 .multiply = aq_vnni_multiply,
                                 .stream_declines = stream_declines,
                                 .group_scales = aq_vnni_group_scales,
                                 .finish = aq_vnni_finish};

const aq_kernel aq_planes_vnni = {
    .name = "planes_f16_s8s4_4x64_avx512vnni",
    .level = AQ_CPU_VNNI,
    .role = AQ_ROLE_PLANES,
    .mr = AQ_DIGIT_ROWS,
    .nr = AQ_PANEL_MOST,
    .declines = aq_planes_decline,
    .planes = &planes,
};
