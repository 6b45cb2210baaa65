/* SPDX-License-Identifier: Apache-2.0 */
/* aclnn_weight_quant_batch_matmul_v3.h - aclnnWeightQuantBatchMatmulV2 (aclnn_weight_quant_batch_matmul_v2.h,
 * which has the formula) with one more argument, innerPrecise. Source: operators page 3.
 *
 * Which tensors are legal depends on the profile, the chip whose limits are in force: ANTIQUANT_PROFILE = a2
 * (the default), 310p, a3, 950, any. docs/SUPPORT.md has the table; aq_explain_call of antiquant.h answers
 * for one call. */
#ifndef ACLNNOP_ACLNN_WEIGHT_QUANT_BATCH_MATMUL_V3_H
#define ACLNNOP_ACLNN_WEIGHT_QUANT_BATCH_MATMUL_V3_H

/* Relative, so that the header is found by any of the include roots DIR, DIR/aclnn and DIR/aclnnop alone. */
#include "../aclnn/aclnn_base.h"
#include "aclnn_util.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Phase 1: checks the arguments in the order of operators page 3.3, chooses a kernel. Reads no data: data
 * pointers may still be null.
 *
 * Tensors stay the caller's, who may destroy them before phase 2. Storage dims are not looked at, but for the
 * block size of a FRACTAL_NZ weight. Safe from any thread; needs no current context.
 *
 * @param x FLOAT16 or BF16 (m,k), contiguous or transposed; not null. Rank 2; 2 to 6 on 310p and any.
 * @param weight INT8, INT4 or INT32 (eight int4 along the inner axis in memory) (k,n), contiguous or
 * transposed, ND or FRACTAL_NZ; not null. The inner axis of a 4-bit weight is even. INT32 has the view
 * (k,n/8), or (k/8,n) with strides (1,k/8). 310p: INT8 only; in FRACTAL_NZ its view is (n,k). 950: ND only,
 * also FLOAT8_E4M3FN, HIFLOAT8, FLOAT4_E2M1, FLOAT (eight fp4).
 * @param antiquantScale x's dtype; not null. Per tensor (1) or (1,1), per channel (n) or (1,n), per group
 * (ceil(k/antiquantGroupSize),n). Any strides when weight is transposed, else contiguous. FLOAT8_E8M0 with
 * FP4 weights. UINT64 or INT64, words of aclnnTransQuantParamV2, for the fixpipe mode: x FLOAT16, not
 * transposed; weight INT8, ND, transposed; per channel; k and n multiples of 64; m <= 96.
 * @param antiquantOffsetOptional antiquantScale's dtype and shape (INT32 in the fixpipe mode); may be null.
 * Must be null for float weights.
 * @param quantScaleOptional UINT64 or INT64, (1), (n) or (1,n): y is INT8; may be null. Must be null on 310p,
 * 950.
 * @param quantOffsetOptional quantScaleOptional's shape; may be null. Its data is never read: the offset is
 * in the words of quantScaleOptional. Must be null on 310p, 950 and without quantScaleOptional.
 * @param biasOptional (n) or (1,n); null or of length 0: none. FLOAT16 with FLOAT16 x, FLOAT with BF16 x; 950
 * takes BF16 too.
 * @param antiquantGroupSize 0, or a multiple of 32 from 32 to k - 1; 32 with FLOAT8_E8M0 scales.
 * @param innerPrecise 0 or 1. 1 allows less precision; it computes the same as 0 here.
 * @param y x's dtype, or INT8 exactly when quantScaleOptional is given; (m,n), contiguous; not null.
 * @param workspaceSize out, not null: bytes of device memory that phase 2 wants.
 * @param executor out, not null: for one phase 2 (see aclSetAclOpExecutorRepeatable for more).
 * @return 0, or the first of these that holds; the outputs are then untouched:
 *     561000 an ANTIQUANT_* variable is invalid; 161001 x, weight, antiquantScale, y, workspaceSize or
 * executor is null, or on 310p and 950 quantScaleOptional or quantOffsetOptional is not; 161002 anything else
 * above does not hold, or a tensor is empty; 561101 no memory.
 *
 * Source: operators pages 3.1 to 3.3. */
ACLNN_API aclnnStatus aclnnWeightQuantBatchMatmulV3GetWorkspaceSize(
    const aclTensor *x, const aclTensor *weight, const aclTensor *antiquantScale,
    const aclTensor *antiquantOffsetOptional, const aclTensor *quantScaleOptional,
    const aclTensor *quantOffsetOptional, const aclTensor *biasOptional, int antiquantGroupSize,
    int innerPrecise, const aclTensor *y, uint64_t *workspaceSize, aclOpExecutor **executor);

/** Phase 2: queues the multiplication on a stream and returns. The data addresses are read now.
 *
 * Safe from any thread, one executor in one thread at a time. A null stream needs a current context.
 *
 * @param workspace device memory of @p workspaceSize bytes, released by the caller, at once if it likes;
 * ignored when the size is 0.
 * @param workspaceSize as phase 1 told.
 * @param executor from phase 1; consumed, also on error, unless made repeatable.
 * @param stream where to queue; null = default stream of the current context.
 * @return 0; 161001 @p executor is null, a tensor that is used has no data, or there is a workspaceSize but
 * no workspace; 161002 workspaceSize is neither 0 nor enough; 561000 not a live executor of this operator;
 * 107002 null stream without a current context; 107003 stream of another context; 107017 stream destroyed;
 * 207001 no memory; 207005 no worker thread.
 *
 * Source: operators page 3.3, runtime page 4.6. */
ACLNN_API aclnnStatus aclnnWeightQuantBatchMatmulV3(void *workspace, uint64_t workspaceSize,
                                                    aclOpExecutor *executor, aclrtStream stream);

#ifdef __cplusplus
}
#endif
#endif
