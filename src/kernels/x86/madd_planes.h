/* SPDX-License-Identifier: Apache-2.0 */
/* madd_planes.h - the integer kernels by products of 16-bit integers as the table wants them, where one row
 * goes through madd_stream.h: included after a level's madd_lanes.h, and compiled for its instructions. */
#ifndef AQ_KERNELS_X86_MADD_PLANES_H
#define AQ_KERNELS_X86_MADD_PLANES_H

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

static const aq_planes planes = {.tile_rows = AQ_DIGIT_ROWS,
                                 .digit_bytes = {AQ_MADD_DIGITS, 2 * AQ_MADD_DIGITS},
                                 .tail_bytes = sizeof(aq_digits_tail),
                                 .cuts_k = true,
                                 .pack_lines = 64,
                                 .make_digits = make_digits,
                                 .pack_panel = pack_panel,
                                 .multiply = multiply,
                                 .stream_declines = aq_madd_stream_declines,
                                 .stream = stream,
                                 .stream_in_order = stream_in_order,
                                 .group_scales = group_scales,
                                 .finish = finish};

#endif
