/* SPDX-License-Identifier: Apache-2.0 */
/* scaling_variants.h - a multiplication of planes for each kind of scaling, number of planes and of segments,
 * all constants where it is inlined, and the choice among them. Written once for the VNNI and the AMX kernel:
 * define AQ_MULTIPLY first, a function of a tile, planes, segments and by. */
#ifndef AQ_KERNELS_X86_VNNI_SCALING_VARIANTS_H
#define AQ_KERNELS_X86_VNNI_SCALING_VARIANTS_H

#include "kernels/x86/vnni/vnni.h"

AQ_INLINE void by_segments(const aq_planes_tile *tile, int planes, aq_scaling by)
{
    if (tile->segments == 1)
        AQ_MULTIPLY(tile, planes, 1, by);
    else if (tile->segments == 2)
        AQ_MULTIPLY(tile, planes, 2, by);
    else
        AQ_MULTIPLY(tile, planes, AQ_SEGMENTS, by);
}

/* Apart, so that compilers see functions of a size they can allocate registers in. */
static __attribute__((noinline)) void exact_by_columns(const aq_planes_tile *tile)
{
    AQ_MULTIPLY(tile, 3, 1, AQ_BY_COLUMNS);
}

static __attribute__((noinline)) void fast_by_columns(const aq_planes_tile *tile)
{
    AQ_MULTIPLY(tile, 2, 1, AQ_BY_COLUMNS);
}

static __attribute__((noinline)) void exact_by_groups(const aq_planes_tile *tile)
{
    by_segments(tile, 3, AQ_BY_GROUPS);
}

static __attribute__((noinline)) void fast_by_groups(const aq_planes_tile *tile)
{
    by_segments(tile, 2, AQ_BY_GROUPS);
}

static __attribute__((noinline)) void exact_with_zero(const aq_planes_tile *tile)
{
    by_segments(tile, 3, AQ_BY_GROUPS_WITH_ZERO);
}

static __attribute__((noinline)) void fast_with_zero(const aq_planes_tile *tile)
{
    by_segments(tile, 2, AQ_BY_GROUPS_WITH_ZERO);
}

AQ_INLINE void multiply_by_scaling(const aq_planes_tile *tile)
{
    if (tile->scale == NULL)
        (tile->exact ? exact_by_columns : fast_by_columns)(tile);
    else if (tile->zero == NULL)
        (tile->exact ? exact_by_groups : fast_by_groups)(tile);
    else
        (tile->exact ? exact_with_zero : fast_with_zero)(tile);
}

#endif
