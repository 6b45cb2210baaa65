/* SPDX-License-Identifier: Apache-2.0 */
/* planes.c - the AMX kernel of modes exact and fast, as the table knows it. */
#include "kernels/x86/amx/amx.h"

/* An output costs about as much for 2 rows as for 8. 4096 x 4096, exact, cold, one thread, ms with VNNI and
 * here for 4, 5 or 6, 8 and 16 rows: order T int8 1.65 1.57, 1.89 1.65, 2.15 1.71, 3.23 1.89;
 * int4 1.35 1.25, 1.62 1.39, 1.84 1.38, 3.06 1.52; order P int8 (5 rows) 2.28 2.06, 2.69 2.10; groups of 32,
 * 4 rows: 2.28 2.98. */
static const char *declines(const aq_kernel_query *query)
{
    enum { LEAST_ROWS = 5 };
    if (query->m < LEAST_ROWS)
        return "takes five rows or more";
    return aq_planes_decline(query);
}

static const aq_planes planes = {
    .tile_rows = AQ_TILE_ROWS,
    .digit_bytes = {2 * AQ_PLANE_TILES, 3 * AQ_PLANE_TILES, 2 * AQ_QUARTER_TILES},
    .tail_bytes = sizeof(aq_amx_tail),
    .pack_lines = 64,
    .all_rows = true,
    .many_panels = true,
    .many_blocks = true,
    .quarters = true,
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
