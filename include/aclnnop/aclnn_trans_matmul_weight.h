/* SPDX-License-Identifier: Apache-2.0 */
/* aclnn_trans_matmul_weight.h - turns a weight into the FRACTAL_NZ layout where it lies, and says how much
 * room that takes. Source: companions page 2.4.
 *
 * FRACTAL_NZ of a matrix of R rows and C columns is the array [ceil(C/c0), ceil(R/16), 16, c0], padded with
 * zeros: element (r, c) is at (((c / c0) * ceil(R/16) + r / 16) * 16 + r % 16) * c0 + c % c0, and matrices of
 * a batch lie behind each other. c0 is 16 for FLOAT16 and BF16, 32 for INT8 and UINT8. */
#ifndef ACLNNOP_ACLNN_TRANS_MATMUL_WEIGHT_H
#define ACLNNOP_ACLNN_TRANS_MATMUL_WEIGHT_H

/* Relative, so that the header is found by any of the include roots DIR, DIR/aclnn and DIR/aclnnop alone. */
#include "../aclnn/aclnn_base.h"
#include "aclnn_util.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Elements that a FLOAT16 weight takes as FRACTAL_NZ; as aclnnCalculateMatmulWeightSizeV2 for that type.
 *
 * @param shape as there.
 * @param size as there.
 * @return as there.
 *
 * Source: companions page 2.4. */
ACLNN_API aclnnStatus aclnnCalculateMatmulWeightSize(const aclIntArray *shape, uint64_t *size);

/** Elements that a weight takes as FRACTAL_NZ: the product of the dims, the second to last rounded up to a
 * multiple of 16, the last of 16 (FLOAT16, BF16) or 32 (any other type). For a weight that is a transposed
 * view, ask with the shape that lies in memory.
 *
 * Safe from any thread; needs no current context.
 *
 * @param shape 2 to 6 dims, all > 0; not null; stays the caller's.
 * @param dtype type of the elements.
 * @param size out, not null: number of elements, not of bytes.
 * @return checked in this order: 161001 a pointer is null; 161002 the number of dims, a dim, or a product
 * that does not fit 64 bits; else 0. The output is written only on 0.
 *
 * Source: companions page 2.4. */
ACLNN_API aclnnStatus aclnnCalculateMatmulWeightSizeV2(const aclIntArray *shape, aclDataType dtype,
                                                       uint64_t *size);

/** Phase 1: checks a weight, plans its change from ND to FRACTAL_NZ, and changes the tensor: its format
 * becomes FRACTAL_NZ and its storage shape [..., ceil(C/c0), ceil(R/16), 16, c0]. View shape and strides
 * stay. The data changes in phase 2; the tensor is of no use to others between the phases.
 *
 * A transposed view, (k,n) with strides (1,k), is stored as the (n,k) matrix that lies in memory; its strides
 * go on to say so.
 *
 * Safe from any thread, but no other thread may use this tensor meanwhile. Needs no current context.
 *
 * @param mmWeightRef in and out, not null. FLOAT16, BF16, INT8 or UINT8; ND; rank 2 to 6; contiguous, or with
 * the last two dims transposed. Its data must have room for aclnnCalculateMatmulWeightSizeV2 elements.
 * @param workspaceSize out, not null: bytes of device memory that phase 2 wants: those of the weight.
 * @param executor out, not null: for one phase 2.
 * @return checked in this order: 561000 an ANTIQUANT_* variable is invalid; 161001 a pointer is null; 161002
 * the type, the format, the rank, a negative dim or too large a size, the strides; 561101 or 561103 no
 * memory; else 0. An empty tensor gives 0 and workspace 0 and keeps its format. Outputs and tensor change
 * only on 0.
 *
 * Source: companions page 2.4. */
ACLNN_API aclnnStatus aclnnTransMatmulWeightGetWorkspaceSize(aclTensor *mmWeightRef, uint64_t *workspaceSize,
                                                             aclOpExecutor **executor);

/** Phase 2: queues the move on a stream and returns. The data address is read now. Each run takes the data
 * for ND, so it is for one run on each weight.
 *
 * Safe from any thread, one executor in one thread at a time. A null stream needs a current context.
 *
 * @param workspace device memory of @p workspaceSize bytes; ignored when the size is 0: the library then
 * brings its own.
 * @param workspaceSize as phase 1 told, or 0.
 * @param executor from phase 1; consumed, also on error, unless made repeatable.
 * @param stream where to queue; null = default stream of the current context.
 * @return 0; 161001 @p executor is null, a tensor with elements has no data, or there is a workspaceSize but
 * no workspace; 161002 workspaceSize is neither 0 nor enough; 561000 not a live executor of this operator;
 * 107002 null stream without a current context; 107003 stream of another context; 107017 stream destroyed;
 * 207001 no memory; 207005 no worker thread.
 *
 * Source: companions page 2.4, runtime page 4.6. */
ACLNN_API aclnnStatus aclnnTransMatmulWeight(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                                             aclrtStream stream);

#ifdef __cplusplus
}
#endif
#endif
