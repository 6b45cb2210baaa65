/* SPDX-License-Identifier: Apache-2.0 */
/* planes.c - the AVX-512 VNNI kernel of modes exact and fast, as the table knows it. */
#include "kernels/weight.h"
#include "kernels/x86/vnni/vnni.h"

enum {
    DIGITS = AQ_QUADS * AQ_QUAD_DIGITS /* of a plane */
};

static const char *stream_declines(const aq_kernel_query *query)
{
    const bool order_t = query->order == AQ_ORDER_T;
    const int64_t least_block = AQ_LINE_BYTES / 2 * (query->type == AQ_S4 ? 2 : 1);
    if (query->block > 0 && (order_t || query->block % least_block != 0))
        return "takes FRACTAL_NZ by columns, or in short blocks, through panels only";
    if (query->odd_rows)
        return "takes 4-bit weights whose rows begin at a byte only";
    if (order_t ? query->stride_k != 1 : query->stride_n != 1)
        return "takes weights with n or k contiguous only";
    if (order_t && query->type == AQ_S8 && query->group % AQ_BLOCK != 0)
        return "takes 8-bit weights in groups of less than 128 along k through panels only";
    return NULL;
}

static void stream(const aq_planes_stream *job)
{
    if (aq_weight_order(job->weight) == AQ_ORDER_T)
        aq_vnni_stream_t(job);
    else
        aq_vnni_stream_p(job);
}

static bool stream_in_order(aq_order order)
{
    return order == AQ_ORDER_T;
}

static const aq_planes planes = {.tile_rows = AQ_DIGIT_ROWS,
                                 .digit_bytes = {2 * DIGITS, 3 * DIGITS},
                                 .tail_bytes = sizeof(aq_digits_tail),
                                 .cuts_k = true,
                                 .pack_lines = 64,
                                 .many_panels = true,
                                 .make_digits = aq_vnni_make_digits,
                                 .pack_panel = aq_vnni_pack_panel,
                                 .multiply = aq_vnni_multiply,
                                 .stream_declines = stream_declines,
                                 .stream = stream,
                                 .stream_in_order = stream_in_order,
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
