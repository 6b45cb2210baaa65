/* SPDX-License-Identifier: Apache-2.0 */
/* aclnn_trans_quant_param_v2.h - packs scales and offsets, both in tensors, into the 64-bit words that
 * operators take as deqScale or quantScale. Source: companions page 2.1. */
#ifndef ACLNNOP_ACLNN_TRANS_QUANT_PARAM_V2_H
#define ACLNNOP_ACLNN_TRANS_QUANT_PARAM_V2_H

/* Relative, so that the header is found by any of the include roots DIR, DIR/aclnn and DIR/aclnnop alone. */
#include "../aclnn/aclnn_base.h"
#include "aclnn_util.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Phase 1: checks the tensors and plans the words. Reads no data.
 *
 * Bits 31..0 of a word are the fp32 pattern of its scale with the low 13 bits cleared; bits 45..37 its
 * offset, rounded half to even and clamped to [-256, 255] (NaN counts as 0); bit 46 is set; the rest is 0.
 * One scale serves all offsets, and one offset all scales. There are max(scales, offsets) words, without
 * padding; they go to the first elements of @p out, in the order of its view; later elements are left as they
 * are.
 *
 * An @p out of type INT64 becomes UINT64: phase 1 changes the tensor, on success only, so that it can be
 * passed on as a deqScale. No other thread may use the tensor meanwhile.
 *
 * Safe from any thread; needs no current context.
 *
 * @param scale FLOAT, format ND, shape (t) or (1,n), not empty, any strides; not null.
 * @param offset likewise; null when there are none.
 * @param out output, UINT64 or INT64, format ND, rank 0 to 8, any strides; not null.
 * @param workspaceSize out, not null: bytes of device memory that phase 2 wants: 0.
 * @param executor out, not null: for one phase 2 (see aclSetAclOpExecutorRepeatable for more).
 * @return checked in this order: 561000 an ANTIQUANT_* variable is invalid; 161001 scale, out, workspaceSize
 * or executor is null; 161002 a type, a format, a shape, different numbers of scales and offsets of which
 * none is 1, or an out with fewer elements than words; 561101 no memory; else 0. The outputs are written only
 * on 0. The tensors stay the caller's and may be destroyed before phase 2.
 *
 * Source: companions page 2.1. */
ACLNN_API aclnnStatus aclnnTransQuantParamV2GetWorkspaceSize(const aclTensor *scale, const aclTensor *offset,
                                                             const aclTensor *out, uint64_t *workspaceSize,
                                                             aclOpExecutor **executor);

/** Phase 2: queues the work on a stream and returns. The data addresses are read now.
 *
 * Safe from any thread, one executor in one thread at a time. A null stream needs a current context.
 *
 * @param workspace device memory of @p workspaceSize bytes; ignored when the size is 0.
 * @param workspaceSize as phase 1 told.
 * @param executor from phase 1; consumed, also on error, unless made repeatable.
 * @param stream where to queue; null = default stream of the current context.
 * @return 0; 161001 @p executor is null, a tensor has no data, or there is a workspaceSize but no workspace;
 * 561000 not a live executor of this operator; 107002 null stream without a current context; 107003 stream of
 * another context; 107017 stream destroyed; 207001 no memory; 207005 no worker thread.
 *
 * Source: companions page 2.1, runtime page 4.6. */
ACLNN_API aclnnStatus aclnnTransQuantParamV2(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                                             aclrtStream stream);

#ifdef __cplusplus
}
#endif
#endif
