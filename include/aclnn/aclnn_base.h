/* SPDX-License-Identifier: Apache-2.0 */
/* aclnn_base.h - the base that every operator's header builds on: the runtime, the objects of acl_meta.h, and
 * the start and end of a process's use of operators.
 *
 * Functions of this header may be called from any thread and need no current context.
 * Source: runtime page 4.3. */
#ifndef ACLNN_ACLNN_BASE_H
#define ACLNN_ACLNN_BASE_H

#include "../acl/acl.h"
#include "acl_meta.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Starts the process's use of operators. There is nothing to start here; call it because portable programs
 * do.
 *
 * @param configPath not looked at; may be null. The string stays the caller's.
 * @return 0, also when called again.
 *
 * Source: runtime page 4.3. */
ACL_FUNC_VISIBILITY aclnnStatus aclnnInit(const char *configPath);

/** Ends the process's use of operators. Executors and tensors outlive it.
 *
 * @return 0, also without aclnnInit.
 *
 * Source: runtime page 4.3. */
ACL_FUNC_VISIBILITY aclnnStatus aclnnFinalize(void);

/* A device's pool of large workspaces. There is none here: the functions exist because callers look them up
 * by name, and do nothing. Source: runtime page 4.3. */

/** Prepares the calling thread's pool: nothing. @param arg ignored. @param sync ignored. @return 0. */
ACL_FUNC_VISIBILITY int InitHugeMemThreadLocal(void *arg, bool sync);

/** Ends the calling thread's pool: nothing. @param arg ignored. @param sync ignored. */
ACL_FUNC_VISIBILITY void UnInitHugeMemThreadLocal(void *arg, bool sync);

/** Releases what the pool holds: nothing. @param arg ignored. @param sync ignored. */
ACL_FUNC_VISIBILITY void ReleaseHugeMem(void *arg, bool sync);

#ifdef __cplusplus
}
#endif
#endif
