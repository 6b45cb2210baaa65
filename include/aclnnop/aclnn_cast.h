/* SPDX-License-Identifier: Apache-2.0 */
/* aclnn_cast.h - converts a tensor to another element type. Source: companions page 2.2. */
#ifndef ACLNNOP_ACLNN_CAST_H
#define ACLNNOP_ACLNN_CAST_H

/* Relative, so that the header is found by any of the include roots DIR, DIR/aclnn and DIR/aclnnop alone. */
#include "../aclnn/aclnn_base.h"
#include "aclnn_util.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Phase 1: checks a cast and plans it. Reads no data.
 *
 * Types, any to any: FLOAT16, FLOAT, DOUBLE, BF16, INT8, UINT8, INT16, UINT16, INT32, UINT32, INT64, UINT64,
 * BOOL.
 * - To FLOAT16 and BF16, and from integers to any float: nearest even, subnormals kept, overflow gives
 * infinity, one rounding. To a wider float: exact.
 * - From floats to INT32, UINT32, INT64, UINT64: toward zero, saturating, NaN gives 0. To the 8- and 16-bit
 * integers: to INT32 in that way, then the low bits.
 * - Between integers: the low bits, or sign or zero extended.
 * - From BOOL: 0 or 1, any byte but 0 counting as 1. To BOOL: value != 0 (NaN gives 1).
 * - A NaN stays one of the same sign. Of equal types, all but BOOL, the bits are kept.
 *
 * self and out may be the same array when their element sizes and strides are equal; with any other overlap
 * the values in out are undefined. Elements of out that share memory keep the last value in row-major order.
 *
 * Safe from any thread; needs no current context.
 *
 * @param self input, not null; one of the types above, rank 0 to 8, any strides.
 * @param dtype the type to cast to; that of @p out.
 * @param out output, not null; the same shape, any strides.
 * @param workspaceSize out, not null: bytes of device memory that phase 2 wants.
 * @param executor out, not null: for one phase 2 (see aclSetAclOpExecutorRepeatable for more).
 * @return checked in this order: 561000 an ANTIQUANT_* variable is invalid; 161001 self, out, workspaceSize
 * or executor is null; 161002 self's type or @p dtype is none of the above, a rank is over 8, the shapes
 * differ, a format is blocked (FRACTAL_*, NC1HWC0*, NDC1HWC0), or the number of elements does not fit 64
 * bits; 0 with workspace 0 for an empty tensor; 561103 @p dtype is not out's type; 161002 an element is
 * further from the data than 64 bits of bytes; 561101 no memory; else 0. 161002 also for a tensor that was
 * destroyed. The outputs are written only on 0. The tensors stay the caller's and may be destroyed before
 * phase 2.
 *
 * Source: companions page 2.2. */
ACLNN_API aclnnStatus aclnnCastGetWorkspaceSize(const aclTensor *self, const aclDataType dtype,
                                                aclTensor *out, uint64_t *workspaceSize,
                                                aclOpExecutor **executor);

/** Phase 2: queues the cast on a stream and returns. The data addresses are read now.
 *
 * Safe from any thread, one executor in one thread at a time. A null stream needs a current context.
 *
 * @param workspace device memory of @p workspaceSize bytes, released by the caller, at once if it likes;
 * ignored when the size is 0.
 * @param workspaceSize as phase 1 told.
 * @param executor from phase 1; consumed, also on error, unless made repeatable.
 * @param stream where to queue; null = default stream of the current context.
 * @return 0; 161001 @p executor is null, a tensor with elements has no data, or there is a workspaceSize but
 * no workspace; 161002 workspaceSize is neither 0 nor enough; 561000 not a live executor of this operator;
 * 107002 null stream without a current context; 107003 stream of another context; 107017 stream destroyed;
 * 207001 no memory; 207005 no worker thread.
 *
 * Source: companions page 2.2, runtime page 4.6. */
ACLNN_API aclnnStatus aclnnCast(void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                                aclrtStream stream);

#ifdef __cplusplus
}
#endif
#endif
