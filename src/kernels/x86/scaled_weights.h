/* SPDX-License-Identifier: Apache-2.0 */
/* scaled_weights.h - sixteen stored weights of AQ_RECIPE_SCALED to their values; scaled.h explains the two
 * ways. Include the folder's lanes.h first. */
#ifndef AQ_KERNELS_X86_SCALED_WEIGHTS_H
#define AQ_KERNELS_X86_SCALED_WEIGHTS_H

#include "kernels/x86/scaled.h"

/* What sixteen weights need, from the arrays of aq_choose_way. */
typedef struct aq_params {
    aq_lanes scale, shift;
    aq_words offset; /* AQ_FORM_BYTES, quick */
} aq_params;

AQ_INLINE aq_params aq_params_of(aq_lanes scale, aq_lanes shift, aq_form form, aq_way way)
{
    aq_params params = {scale, shift, aq_lanes_as_words(shift)};
    if (form == AQ_FORM_BYTES && way == AQ_QUICK)
        params.shift = aq_lanes_mul(scale, aq_lanes_all(-AQ_MAGIC));
    return params;
}

/* What is the same for all weights. */
typedef struct aq_common {
    aq_lanes inverse_step;
    bool offset_present;
} aq_common;

AQ_INLINE aq_common aq_common_of(const aq_scaled *scaled)
{
    return (aq_common){aq_lanes_all(1 / aq_limits_of(scaled->half).step), scaled->offset != NULL};
}

/* w: quick, what is multiplied by step * scale before shift is added; else the stored integers. */
AQ_INLINE aq_lanes aq_scaled_weights(aq_lanes w, aq_params params, aq_common common, aq_way way)
{
    if (way == AQ_QUICK) {
        aq_lanes c = aq_lanes_fma(w, params.scale, params.shift);
        return aq_lanes_sub(aq_lanes_fma(c, common.inverse_step, c), c);
    }
    aq_half half = way == AQ_STEPS_F16 ? AQ_F16 : AQ_BF16;
    if (common.offset_present)
        w = aq_lanes_round(aq_lanes_add(w, params.shift), half);
    return aq_lanes_round(aq_lanes_mul(w, params.scale), half);
}

/* The weights of 16 int8. */
AQ_INLINE aq_lanes aq_weights_of_bytes(const int8_t *from, aq_params params, aq_common common, aq_way way)
{
    aq_lanes w = way == AQ_QUICK ? aq_words_as_lanes(aq_words_add(aq_words_from_bytes(from), params.offset))
                                 : aq_lanes_from_bytes(from);
    return aq_scaled_weights(w, params, common, way);
}

/* The values of the 16 nibbles, as they are stored. */
AQ_INLINE aq_lanes aq_nibble_values(void)
{
    static const float values[16] = {0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1};
    return aq_lanes_load(values);
}

#endif
