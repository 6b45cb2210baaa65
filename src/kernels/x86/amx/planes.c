/* SPDX-License-Identifier: Apache-2.0 */
/* planes.c - the AMX kernel of modes exact and fast, as the table knows it. */
#include "kernels/x86/amx/amx.h"

static const char *declines(const aq_kernel_query *query)
{
    if (query->m < 2)
        return "takes two rows or more";
    return aq_planes_decline(query);
}

static const aq_planes planes = {.tile_rows = AQ_TILE_ROWS,
                                 .digit_bytes = {2 * AQ_PLANE_TILES, 3 * AQ_PLANE_TILES},
                                 .tail_bytes = sizeof(aq_amx_tail),
                                 .all_rows = true,
                                 .many_panels = true,
                                 .make_digits = aq_amx_make_digits,
                                 .pack_panel = aq_amx_pack_panel,
                                 .multiply = aq_amx_multiply,
                                 .enter = aq_amx_enter,
                                 .leave = aq_amx_leave,
                                 .group_scales = aq_vnni_group_scales,
                                 .finish = aq_vnni_finish};

const aq_kernel aq_planes_amx = {
    .name = "planes_f16_s8s4_16x64_amx",
    .level = AQ_CPU_AMX,
    .role = AQ_ROLE_PLANES,
    .mr = AQ_TILE_ROWS,
    .nr = AQ_PANEL_MOST,
    .declines = declines,
    .planes = &planes,
};
