/* SPDX-License-Identifier: Apache-2.0 */
/* planes_table.h - the AVX2 integer kernel of modes exact and fast as a set of functions: products of 16-bit
 * integers. What is not in this folder's planes_*.c is in kernels/x86/madd_*.h. For AVX2 and AVX-VNNI, which
 * differ in AQ_MULTIPLY, to be defined before. */
#ifndef AQ_KERNELS_X86_AVX2_PLANES_TABLE_H
#define AQ_KERNELS_X86_AVX2_PLANES_TABLE_H

#include "kernels/x86/avx2/planes.h"

#include "kernels/x86/avx2/planes_stream.h"
#include "kernels/x86/madd_columns.h"
#include "kernels/x86/madd_pack.h"

static void pack_panel(const aq_integers_job *job)
{
    aq_pack_madd(job);
}

static const char *stream_declines(const aq_kernel_query *query)
{
    const bool along_k = query->order == AQ_ORDER_T;
    const int64_t piece = AQ_PIECE * (query->type == AQ_S4 ? 2 : 1);
    if (query->block > 0 && (along_k || query->block % piece != 0))
        return "takes FRACTAL_NZ by columns, or in short blocks, through panels only";
    if (query->odd_rows)
        return "takes 4-bit weights whose rows begin at a byte only";
    if (along_k ? query->stride_k != 1 : query->stride_n != 1)
        return "takes weights with n or k contiguous only";
    return NULL;
}

static void stream(const aq_planes_stream *job)
{
    if (aq_weight_order(job->weight) == AQ_ORDER_T)
        aq_avx2_stream_t(job);
    else
        aq_avx2_stream_p(job);
}

static bool stream_in_order(aq_order order)
{
    (void)order;
    return true;
}

static void group_scales(const aq_group_scales *job)
{
    aq_group_scales_madd(job);
}

static bool finish(const aq_finish_job *job)
{
    return aq_finish_madd(job);
}

static const aq_planes planes = {.tile_rows = AQ_DIGIT_ROWS,
                                 .digit_bytes = {AQ_MADD_DIGITS, 2 * AQ_MADD_DIGITS},
                                 .tail_bytes = sizeof(aq_digits_tail),
                                 .cuts_k = true,
                                 .pack_lines = 96,
                                 .all_rows = true,
                                 .make_digits = aq_avx2_make_digits,
                                 .pack_panel = pack_panel,
                                 .multiply = AQ_MULTIPLY,
                                 .stream_declines = stream_declines,
                                 .stream = stream,
                                 .stream_in_order = stream_in_order,
                                 .group_scales = group_scales,
                                 .finish = finish};

#endif
