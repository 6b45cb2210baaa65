/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_weights.h - sixteen stored weights of AQ_RECIPE_SCALED to their values; scaled.h explains the two
 * ways. Include the folder's lanes.h first. */
#ifndef AQ_KERNELS_X86_SCALED_WEIGHTS_H
#define AQ_KERNELS_X86_SCALED_WEIGHTS_H

#include "kernels/x86/scaled.h"

/* What sixteen weights need, from the arrays of aq_choose_way. */
typedef struct aq_params {
    aq_lanes scale, more, offset;
} aq_params;

/* w: the stored integers. offset_present is asked where steps are rounded. */
AQ_INLINE aq_lanes aq_scaled_weights(aq_lanes w, aq_params params, bool offset_present, aq_way way)
{
    if (aq_is_quick(way)) {
        if (way == AQ_QUICK_OFFSET)
            w = aq_lanes_add(w, params.offset);
        return aq_lanes_fnma(w, params.scale, aq_lanes_mul(w, params.more));
    }
    aq_half half = way == AQ_STEPS_F16 ? AQ_F16 : AQ_BF16;
    if (offset_present)
        w = aq_lanes_round(aq_lanes_add(w, params.offset), half);
    return aq_lanes_round(aq_lanes_mul(w, params.scale), half);
}

/* The values of the 16 nibbles, as they are stored. */
AQ_INLINE aq_lanes aq_nibble_values(void)
{
    static const float values[16] = {0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1};
    return aq_lanes_load(values);
}

#endif
