/* SPDX-License-Identifier: Apache-2.0 */
/* aclnn_convert_weight_to_int4_pack.h - packs 4-bit weights that come one to a word. Source: companions page
 * 2.3. */
#ifndef ACLNNOP_ACLNN_CONVERT_WEIGHT_TO_INT4_PACK_H
#define ACLNNOP_ACLNN_CONVERT_WEIGHT_TO_INT4_PACK_H

/* Relative, so that the header is found by any of the include roots DIR, DIR/aclnn and DIR/aclnnop alone. */
#include "../aclnn/aclnn_base.h"
#include "aclnn_util.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Phase 1: checks the tensors and packs them, before it returns. Work that a stream still has queued on the
 * tensors' data must be waited for before.
 *
 * Of each word the low 4 bits are kept. Packing runs along the last dim: element e of a row is in byte e / 2,
 * the even one in the low nibble, which is also bits 4i..4i+3 of a word that holds eight.
 *
 * Safe from any thread; needs no current context. No other thread may use the two tensors' data meanwhile.
 *
 * @param weight INT32, one value to a word; ND or another plain format, rank 2 or 3, any strides; not null,
 * with data unless it is empty.
 * @param weightInt4Pack output, not null, with data unless it is empty. INT4: weight's shape, whose last dim
 * is even; or INT32: weight's shape with the last dim divided by 8. ND or another plain format: contiguous,
 * with an even offset. FRACTAL_NZ: padding is zeroed; an INT4 pack whose strides mark a transpose holds the
 * transposed matrix; c0 is the storage's last dim where all storage dims fit and it is 16, 32 or 64 (INT4) or
 * 2 or 8 (INT32), else 64 or 8.
 * @param workspaceSize not looked at; may be null.
 * @param executor not looked at; may be null. There is none to destroy.
 * @return checked in this order: 561000 an ANTIQUANT_* variable is invalid; 161001 weight or weightInt4Pack
 * is null; 161002 a type, a format, a rank, a shape, a layout; 0 for an empty weight; 161001 one of them has
 * no data; else 0. On an error nothing is written.
 *
 * Source: companions page 2.3. */
ACLNN_API aclnnStatus aclnnConvertWeightToINT4PackGetWorkspaceSize(const aclTensor *weight,
                                                                   aclTensor *weightInt4Pack,
                                                                   uint64_t *workspaceSize,
                                                                   aclOpExecutor **executor);

/** Phase 2: nothing is left to do.
 *
 * @param workspace ignored.
 * @param workspaceSize ignored.
 * @param executor ignored; any value.
 * @param stream ignored; any value.
 * @return 0.
 *
 * Source: companions page 2.3. */
ACLNN_API aclnnStatus aclnnConvertWeightToINT4Pack(void *workspace, uint64_t workspaceSize,
                                                   aclOpExecutor *executor, aclrtStream stream);

#ifdef __cplusplus
}
#endif
#endif
