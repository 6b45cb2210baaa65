/* SPDX-License-Identifier: Apache-2.0 */
/* aclnn_trans_quant_param.h - packs scales and offsets into the 64-bit words that operators take as deqScale.
 * A plain host function: no stream, no executor. Source: companions page 2.1. */
#ifndef ACLNNOP_ACLNN_TRANS_QUANT_PARAM_H
#define ACLNNOP_ACLNN_TRANS_QUANT_PARAM_H

/* Relative, so that the header is found by any of the include roots DIR, DIR/aclnn and DIR/aclnnop alone. */
#include "../aclnn/aclnn_base.h"
#include "aclnn_util.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Makes one quantisation word per scale.
 *
 * Bits 31..0 of a word are the fp32 pattern of its scale, unmasked; bits 45..37 its offset, rounded half away
 * from zero and clamped to [-256, 255] (NaN counts as 0); bit 46 is set in entries that have a scale; the
 * rest is 0. Nothing is broadcast: word i takes scale i and offset i, and past the end of either array its
 * bits stay 0.
 *
 * The words count max(scaleSize, offsetSize), padded with zero words to a multiple of 16; only 1 stays 1. A
 * tensor over them is declared with the shape that is meant, (n), not with the padded count.
 *
 * Safe from any thread; needs no current context.
 *
 * @param scaleArray @p scaleSize fp32 values in host memory, not null; stays the caller's.
 * @param scaleSize number of scales, > 0.
 * @param offsetArray @p offsetSize fp32 values in host memory; null when there are none; stays the caller's.
 * @param offsetSize number of offsets; 0 exactly when @p offsetArray is null.
 * @param quantParam out, not null: the words, host memory, which the caller releases by free().
 * @param quantParamSize out, not null: number of words, padding included.
 * @return checked in this order: 161002 @p offsetArray given with size 0; 161002 it is null with a size;
 * 161002 for @p scaleArray null or its size 0; 161001 @p quantParam or @p quantParamSize null; 561103 no
 * memory; else 0. The outputs are written only on 0.
 *
 * Source: companions page 2.1. */
ACLNN_API aclnnStatus aclnnTransQuantParam(const float *scaleArray, uint64_t scaleSize,
                                           const float *offsetArray, uint64_t offsetSize,
                                           uint64_t **quantParam, uint64_t *quantParamSize);

#ifdef __cplusplus
}
#endif
#endif
