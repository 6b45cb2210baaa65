/* SPDX-License-Identifier: Apache-2.0 */
/* planes.c - the AMX kernel of modes exact and fast, as the table knows it. */
#include "kernels/x86/amx/amx.h"

/* An output costs about as much for 2 rows as for 8: 4096 x 4096 int8, exact, cold, one thread, ms with 2, 4,
 * 8 and 16 rows here and with VNNI: order P 3.3, 3.2, 3.4, 3.7 and 2.8, 3.0, 3.6, 5.0; order
 * T 1.9, 1.8, 2.0, 2.5 and 2.4, 2.8, 3.4, 4.4. */
static const char *declines(const aq_kernel_query *query)
{
    enum { LEAST_ROWS_P = 5, LEAST_ROWS_T = 2 };
    if (query->m < (query->order == AQ_ORDER_P ? LEAST_ROWS_P : LEAST_ROWS_T))
        return "takes five rows or more, of transposed weights two";
    return aq_planes_decline(query);
}

static const aq_planes planes = {.tile_rows = AQ_TILE_ROWS,
                                 .digit_bytes = {2 * AQ_PLANE_TILES, 3 * AQ_PLANE_TILES},
                                 .tail_bytes = sizeof(aq_amx_tail),
                                 .pack_lines = 64,
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
