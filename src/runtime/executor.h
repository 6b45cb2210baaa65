/* SPDX-License-Identifier: Apache-2.0 */
/* executor.h - between the phases: an aclOpExecutor freezes what phase 1 decided (the plan), holds the
 * tensors whose addresses phase 2 reads, and turns into a task on a stream. Knows nothing of any operator.
 *
 * An operator's files call aq_executor_create at the end of phase 1 and aq_executor_run as phase 2. */
#ifndef AQ_RUNTIME_EXECUTOR_H
#define AQ_RUNTIME_EXECUTOR_H

#include <stddef.h>
#include <stdint.h>

#include "acl/acl_rt.h"
#include "aclnn/acl_meta.h"
#include "runtime/description.h"

#define AQ_MAX_TENSORS 16

typedef struct aq_op {
    const char *name;                /* phase 2's name: "aclnnCast" */
    const char *const *tensor_names; /* as the caller named them, inputs then outputs, for messages */
    /* Runs in the stream's worker. addresses[i]: first element of tensor i's view (data + offset), null when
     * the tensor is absent or its data is null and it is not used. workspace: 64-byte aligned,
     * workspace_bytes of the spec, null when that is 0. Returns 0, or a status after aq_error. */
    int (*run)(const void *plan, void *const addresses[AQ_MAX_TENSORS], void *workspace);
    /* Both may be null; called only when somebody wants to know. The first fills in what the plan is; the
     * second writes what else there is to tell, such as why a better kernel was not taken, as whole lines,
     * "" for none. */
    void (*describe)(const void *plan, aq_description *description);
    void (*details)(const void *plan, char *text, size_t size);
    /* Makes the plan again for another numerics mode (an aq_numerics_mode); null: the operator has none.
     * Writes the plan and *workspace_bytes only on success. */
    int (*replan)(const char *function, void *plan, int numerics, uint64_t *workspace_bytes);
} aq_op;

typedef struct aq_executor_spec {
    const aq_op *op;
    const void *plan; /* copied */
    size_t plan_size;
    const aclTensor
        *tensors[AQ_MAX_TENSORS]; /* prototype order, inputs then outputs; null = absent; retained */
    size_t inputs, outputs;
    uint32_t used; /* bit i: tensor i has elements and is read or written, so it needs data in phase 2 */
    uint64_t workspace_bytes; /* what run needs, counted from a 64-byte boundary */
} aq_executor_spec;

/* Writes *workspaceSize (workspace_bytes plus room to align it; 0 stays 0) and *executor, only on success.
 * 0, or 561101 out of memory. */
int aq_executor_create(const aq_executor_spec *spec, uint64_t *workspaceSize, aclOpExecutor **executor);

/* Plans again for another numerics mode. Writes *workspaceSize as aq_executor_create does, only on success.
 * 0; 161001 executor null; 561000 not live; 161002 an operator without modes; what replan returns. */
int aq_executor_replan(const char *function, aclOpExecutor *executor, int numerics, uint64_t *workspaceSize);

/* Phase 2 (operator page 1.3, runtime page 4.6). Consumes the executor, also on error, unless it is
 * repeatable or another operator's. Data addresses are read now; blocks of ours among them are pinned until
 * the task is done. 0; 161001 executor null, a used tensor without data, or workspaceSize > 0 with workspace
 * null; 161002 a workspaceSize that is neither 0 nor enough; 561000 not a live executor, or another
 * operator's; 207001 out of memory; and the codes of aq_stream_submit. workspaceSize 0 where some is needed:
 * the library brings its own. */
int aq_executor_run(const aq_op *op, void *workspace, uint64_t workspaceSize, aclOpExecutor *executor,
                    aclrtStream stream);

#endif
