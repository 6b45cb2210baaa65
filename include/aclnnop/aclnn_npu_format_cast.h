/* SPDX-License-Identifier: Apache-2.0 */
/* aclnn_npu_format_cast.h - copies a tensor from ND to FRACTAL_NZ or back. Source: companions page 2.4.
 *
 * FRACTAL_NZ of a matrix of R rows and C columns is the array [ceil(C/c0), ceil(R/16), 16, c0], padded with
 * zeros: element (r, c) is at (((c / c0) * ceil(R/16) + r / 16) * 16 + r % 16) * c0 + c % c0, and matrices of
 * a batch lie behind each other. c0 is 32 bytes of elements: 16 for FLOAT16, 32 for INT8, 64 for INT4. */
#ifndef ACLNNOP_ACLNN_NPU_FORMAT_CAST_H
#define ACLNNOP_ACLNN_NPU_FORMAT_CAST_H

/* Relative, so that the header is found by any of the include roots DIR, DIR/aclnn and DIR/aclnnop alone. */
#include "../aclnn/aclnn_base.h"
#include "aclnn_util.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The storage shape and format of the result of a cast, to make its tensor with: view shape that of
 * @p srcTensor, this format, this storage shape.
 *
 * Safe from any thread; needs no current context.
 *
 * @param srcTensor what shall be cast, not null: elements of whole bytes or INT4, ND (or another plain
 * format) or FRACTAL_NZ, rank 2 to 6. Its data is not read.
 * @param dstFormat ACL_FORMAT_FRACTAL_NZ, or ACL_FORMAT_ND for a source in FRACTAL_NZ.
 * @param additionalDtype the type whose 32 bytes make c0; -1 = that of @p srcTensor.
 * @param dstShape out, not null: the dims, which the caller releases by free(): [..., ceil(C/c0), ceil(R/16),
 * 16, c0], or those of @p srcTensor for ND.
 * @param dstShapeSize out, not null: their number.
 * @param actualFormat out, not null: @p dstFormat.
 * @return checked in this order: 161001 a pointer is null; 161002 srcTensor's type, format or rank,
 * dstFormat, additionalDtype, a negative dim or too large a size; 561103 no memory; else 0. The outputs are
 * written only on 0.
 *
 * Source: companions page 2.4. */
ACLNN_API aclnnStatus aclnnNpuFormatCastCalculateSizeAndFormat(const aclTensor *srcTensor,
                                                               const int dstFormat, int additionalDtype,
                                                               int64_t **dstShape, uint64_t *dstShapeSize,
                                                               int *actualFormat);

/** Phase 1: checks a cast between ND and FRACTAL_NZ and plans it. Reads no data.
 *
 * Element by element the two views hold the same. On the side in FRACTAL_NZ strides only mark a transpose: a
 * view (k,n) with strides (1,k) is stored as the (n,k) matrix. Its storage shape says what c0 is; it must be
 * that of the formula, with c0 a power of 2 from 2 to 64. A storage shape that has not two dims more than the
 * view (a plain length, for one) says nothing: then c0 is that of the type.
 *
 * Safe from any thread; needs no current context.
 *
 * @param srcTensor input, not null: elements of whole bytes or INT4, rank 2 to 6; ND (or another plain
 * format, any strides) or FRACTAL_NZ.
 * @param dstTensor output, not null: the same type and view shape, of the other format; must not overlap
 * @p srcTensor. FRACTAL_NZ: padding is zeroed. ND: any strides.
 * @param workspaceSize out, not null: bytes of device memory that phase 2 wants: 0.
 * @param executor out, not null: for one phase 2 (see aclSetAclOpExecutorRepeatable for more).
 * @return checked in this order: 561000 an ANTIQUANT_* variable is invalid; 161001 a pointer is null; 161002
 * types, formats, rank, shapes, storage shape or size, strides that lead too far, an odd INT4 offset of the
 * FRACTAL_NZ side; 561101 no memory; else 0, also for empty tensors. The outputs are written only on 0. The
 * tensors stay the caller's and may be destroyed before phase 2.
 *
 * Source: companions page 2.4. */
ACLNN_API aclnnStatus aclnnNpuFormatCastGetWorkspaceSize(const aclTensor *srcTensor, aclTensor *dstTensor,
                                                         uint64_t *workspaceSize, aclOpExecutor **executor);

/** Phase 2: queues the cast on a stream and returns. The data addresses are read now.
 *
 * Safe from any thread, one executor in one thread at a time. A null stream needs a current context.
 *
 * @param workspace device memory of @p workspaceSize bytes; ignored when the size is 0.
 * @param workspaceSize as phase 1 told.
 * @param executor from phase 1; consumed, also on error, unless made repeatable.
 * @param stream where to queue; null = default stream of the current context.
 * @return 0; 161001 @p executor is null, a tensor with elements has no data, or there is a workspaceSize but
 * no workspace; 561000 not a live executor of this operator; 107002 null stream without a current context;
 * 107003 stream of another context; 107017 stream destroyed; 207001 no memory; 207005 no worker thread.
 *
 * Source: companions page 2.4, runtime page 4.6. */
ACLNN_API aclnnStatus aclnnNpuFormatCast(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                                         aclrtStream stream);

#ifdef __cplusplus
}
#endif
#endif
