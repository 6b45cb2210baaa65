/* SPDX-License-Identifier: Apache-2.0 */
/* aclnn_weight_quant_batch_matmul.h - out = op(x1) @ op(dequantised x2) + bias, with x1 in fp16 and x2 in
 * int8. op() is the transpose when its flag is set. First version of the interface. Source: operator
 * pages 1.1 to 1.6.
 *
 * m, k and n are those of the logical product (m,k) x (k,n). The number of rows alone chooses between two
 * paths, which dequantise by different arguments and round differently:
 *
 * m <= 64, the fixpipe path:  w = fp16((x2 + deqOffset) * deqScale), saturated to +-65504; bias is added as
 * fp32. m > 64, the composed path:  w = fp16(fp16(fp16((x2 + antiquantOffset) * antiquantScale) + addOffset)
 * * mulScale), where each step is left out when it would change nothing; bias is rounded to fp16.
 *
 * The sum runs in fp32, in a fixed order (numerics page 5), and is rounded once to fp16. A path does not look
 * at the other path's arguments: they may be null, or of any type and shape. */
#ifndef ACLNNOP_ACLNN_WEIGHT_QUANT_BATCH_MATMUL_H
#define ACLNNOP_ACLNN_WEIGHT_QUANT_BATCH_MATMUL_H

/* Relative, so that the header is found by any of the include roots DIR, DIR/aclnn and DIR/aclnnop alone. */
#include "../aclnn/aclnn_base.h"
#include "aclnn_util.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Phase 1: checks the arguments, chooses a path and a kernel. Reads no data.
 *
 * Every tensor may be strided and stays the caller's, who may destroy it before phase 2. Plain formats only.
 * Tensors may overlap. "A parameter shape" below is 1, n, (1,1), (1,n) or (n,1); with transposeX2 on the
 * composed path a column's value must lie along dimension -2, so (n) is refused there and (n,1) is right.
 *
 * Safe from any thread; needs no current context.
 *
 * @param x1 FLOAT16 (m,k), or (k,m) with @p transposeX1; not null. Rank 2 to 8, batch dims those of @p out.
 * @param x2 INT8 (k,n), or (n,k) with @p transposeX2; not null. Rank 2 to 8, batch dims broadcast to those of
 * @p out.
 * @param diagonalMatrix INT8 (32,32), the identity. m <= 64: not null. Else ignored.
 * @param deqOffset INT32, a parameter shape, added to x2. m <= 64: not null. Else ignored.
 * @param deqScale UINT64, a parameter shape, words of aclnnTransQuantParam of which the upper 19 bits of the
 * fp32 count. m <= 64: not null. Else ignored.
 * @param addOffset FLOAT16, a parameter shape that broadcasts onto x2 as stored; may be null. m > 64 only.
 * @param mulScale FLOAT16, as @p addOffset; may be null. m > 64 only.
 * @param bias FLOAT (n), or one element; may be null.
 * @param transposeX1 x1 is stored (k,m).
 * @param transposeX2 x2 is stored (n,k).
 * @param antiquantScale factor; within FLT_EPSILON of 1 it is left out. m > 64 only.
 * @param antiquantOffset summand; within FLT_EPSILON of 0 it is left out. m > 64 only.
 * @param out FLOAT16 (m,n), batch dims before it; not null.
 * @param workspaceSize out, not null: bytes of device memory that phase 2 wants.
 * @param executor out, not null: for one phase 2 (see aclSetAclOpExecutorRepeatable for more).
 * @return 0, or the first of these that holds; the outputs are then untouched:
 *     561000 an ANTIQUANT_* variable is invalid;
 *     161001 x1, x2, out, workspaceSize or executor is null, or with m <= 64 diagonalMatrix, deqOffset or
 * deqScale (with ANTIQUANT_STATUS=device 161002 for the tensors); 161002 format FRACTAL_*, NC1HWC0* or
 * NDC1HWC0; a dtype other than above; rank of x1 or x2 outside 2 to 8; a parameter whose shape is none of the
 * above; diagonalMatrix not (32,32); bias neither n nor 1 elements; k of x1 and x2 differ; out is not (m,n);
 * batch dims that do not fit; sizes beyond 64 bits; 561103 addOffset or mulScale would enlarge x2; 561101 no
 * memory. Only tensors that the active path uses are checked. An empty out succeeds and nothing is done; k =
 * 0 gives 0 or the bias rounded to fp16.
 *
 * Source: operator pages 1.1 to 1.3. */
ACLNN_API aclnnStatus aclnnWeightQuantBatchMatmulGetWorkspaceSize(
    const aclTensor *x1, const aclTensor *x2, const aclTensor *diagonalMatrix, const aclTensor *deqOffset,
    const aclTensor *deqScale, const aclTensor *addOffset, const aclTensor *mulScale, const aclTensor *bias,
    bool transposeX1, bool transposeX2, float antiquantScale, float antiquantOffset, aclTensor *out,
    uint64_t *workspaceSize, aclOpExecutor **executor);

/** Phase 2: queues the multiplication on a stream and returns. The data addresses are read now.
 *
 * Safe from any thread, one executor in one thread at a time. A null stream needs a current context.
 *
 * @param workspace device memory of @p workspaceSize bytes, released by the caller, at once if it likes;
 * ignored when the size is 0.
 * @param workspaceSize as phase 1 told.
 * @param executor from phase 1; consumed, also on error, unless made repeatable.
 * @param stream where to queue; null = default stream of the current context.
 * @return 0; 161001 @p executor is null, a tensor that is used and has elements has no data, or there is a
 *     workspaceSize but no workspace; 161002 workspaceSize is neither 0 nor enough; 561000 not a live
 * executor of this operator; 107002 null stream without a current context; 107003 stream of another context;
 * 107017 stream destroyed; 207001 no memory; 207005 no worker thread.
 *
 * Source: operator page 1.3, runtime page 4.6. */
ACLNN_API aclnnStatus aclnnWeightQuantBatchMatmul(void *workspace, uint64_t workspaceSize,
                                                  aclOpExecutor *executor, const aclrtStream stream);

#ifdef __cplusplus
}
#endif
#endif
