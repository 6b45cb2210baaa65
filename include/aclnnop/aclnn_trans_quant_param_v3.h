/* SPDX-License-Identifier: Apache-2.0 */
/* aclnn_trans_quant_param_v3.h - aclnnTransQuantParamV2 with a choice of how scales are shortened. Source:
 * companions page 2.1. */
#ifndef ACLNNOP_ACLNN_TRANS_QUANT_PARAM_V3_H
#define ACLNNOP_ACLNN_TRANS_QUANT_PARAM_V3_H

/* Relative, so that the header is found by any of the include roots DIR, DIR/aclnn and DIR/aclnnop alone. */
#include "../aclnn/aclnn_base.h"
#include "aclnn_util.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Phase 1: checks the tensors and plans the words. Reads no data.
 *
 * The words are those of aclnnTransQuantParamV2, but for the scale's pattern when @p roundMode is 1: rounded
 * to 10 bits of mantissa, nearest even, where the carry may reach infinity; zeros and subnormals become zero
 * with their sign; infinities and NaNs are cut off.
 *
 * As there, an @p out of type INT64 becomes UINT64 on success; no other thread may use the tensor meanwhile.
 * Safe from any thread; needs no current context.
 *
 * @param scale FLOAT, format ND, shape (t) or (1,n), not empty, any strides; not null.
 * @param offset likewise; null when there are none.
 * @param roundMode 0: the low 13 bits of a scale are cleared. 1: it is rounded.
 * @param out output, UINT64 or INT64, format ND, rank 0 to 8, any strides; not null.
 * @param workspaceSize out, not null: bytes of device memory that phase 2 wants: 0.
 * @param executor out, not null: for one phase 2 (see aclSetAclOpExecutorRepeatable for more).
 * @return checked in this order: 561000 an ANTIQUANT_* variable is invalid; 161001 scale, out, workspaceSize
 * or executor is null; 161002 a type, a format, a shape, different numbers of scales and offsets of which
 * none is 1, a roundMode other than 0 and 1, or an out with fewer elements than words; 561101 no memory; else
 * 0. The outputs are written only on 0. The tensors stay the caller's and may be destroyed before phase 2.
 *
 * Source: companions page 2.1. */
ACLNN_API aclnnStatus aclnnTransQuantParamV3GetWorkspaceSize(const aclTensor *scale, const aclTensor *offset,
                                                             int64_t roundMode, const aclTensor *out,
                                                             uint64_t *workspaceSize,
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
ACLNN_API aclnnStatus aclnnTransQuantParamV3(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                                             aclrtStream stream);

#ifdef __cplusplus
}
#endif
#endif
