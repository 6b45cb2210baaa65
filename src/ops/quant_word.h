/* SPDX-License-Identifier: Apache-2.0 */
/* quant_word.h - the layout of a quantisation word (companions page 2.1): bits 31..0 the scale's pattern,
 * 45..37 the offset, 46 set where there is a scale. How scale and offset are rounded is the versions' own. */
#ifndef AQ_OPS_QUANT_WORD_H
#define AQ_OPS_QUANT_WORD_H

#include <math.h>
#include <stdint.h>

#define AQ_QUANT_HAS_SCALE (UINT64_C(1) << 46)

/* The offset's nine bits. Clamped first, since not every float fits an integer; NaN counts as 0. rounded is
 * roundf or rintf. */
static inline uint64_t aq_quant_offset_bits(float offset, float (*rounded)(float))
{
    if (isnan(offset))
        return 0;
    int whole = (int)rounded(fminf(fmaxf(offset, -256.0f), 255.0f));
    return ((uint64_t)whole & 0x1FF) << 37;
}

#endif
