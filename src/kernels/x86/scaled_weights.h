/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_weights.h - sixteen stored weights of AQ_RECIPE_SCALED to their values; scaled.h explains the two
 * ways. Include the folder's lanes.h first. */
#ifndef AQ_KERNELS_X86_SCALED_WEIGHTS_H
#define AQ_KERNELS_X86_SCALED_WEIGHTS_H

#include "kernels/x86/scaled.h"

/* w: the stored integers. offset_present: of the slow ways. 1 / step is exact. */
AQ_INLINE aq_lanes aq_scaled_weights(aq_lanes w, aq_lanes scale, aq_lanes shift, bool offset_present,
                                     aq_lanes inverse_step, aq_way way)
{
    if (way == AQ_QUICK) {
        aq_lanes c = aq_lanes_fma(w, scale, shift);
        return aq_lanes_sub(aq_lanes_fma(c, inverse_step, c), c);
    }
    aq_half half = way == AQ_STEPS_F16 ? AQ_F16 : AQ_BF16;
    if (offset_present)
        w = aq_lanes_round(aq_lanes_add(w, shift), half);
    return aq_lanes_round(aq_lanes_mul(w, scale), half);
}

/* The values of the 16 nibbles, as they are stored. */
AQ_INLINE aq_lanes aq_nibble_values(void)
{
    static const float values[16] = {0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1};
    return aq_lanes_load(values);
}

#endif
