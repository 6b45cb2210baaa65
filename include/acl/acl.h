/* SPDX-License-Identifier: Apache-2.0 */
/* acl.h - the one header of the runtime that programs include: it brings in acl_base.h and acl_rt.h, and
 * declares the start and end of a process's use of the runtime, the version, and the text of the last error.
 *
 * Functions of this header may be called from any thread and need no current context.
 * Source: runtime pages 4.2, 4.3 and 4.5. */
#ifndef ACL_ACL_H
#define ACL_ACL_H

#include "acl_base.h"
#include "acl_rt.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Starts the process's use of the runtime and raises its init count by one.
 *
 * Objects of the runtime work without it; call it because portable programs do.
 *
 * @param configPath path of a JSON file with settings; null or "" for none. The string stays the caller's.
 * @return 0; 100002 the runtime is initialised already (the count has risen all the same); 100003 the file
 * cannot be read; 100006 the file is empty or not JSON.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclInit(const char *configPath);

/** Ends the process's use of the runtime: the init count becomes 0, whatever it was.
 *
 * Memory, streams, events, tensors and scalars outlive it; releasing them afterwards still returns 0.
 *
 * @return 0; 100037 there was no aclInit since the last aclFinalize (the very first call of a process
 * succeeds).
 *
 * Source: runtime pages 4.2 and 4.5. */
ACL_FUNC_VISIBILITY aclError aclFinalize(void);

/** Lowers the init count by one and tells what is left.
 *
 * @param refCount out: the count that remains; never null; caller-owned.
 * @return 0; 100000 @p refCount is null; 100037 the count is 0 already.
 *
 * Source: runtime page 4.5. */
ACL_FUNC_VISIBILITY aclError aclFinalizeReference(uint64_t *refCount);

/** Version of the AscendCL interface that this library speaks: 1.13.0. (Its own version: antiquant.h.)
 *
 * @param majorVersion out, never null.
 * @param minorVersion out, never null.
 * @param patchVersion out, never null.
 * @return 0; 100000 a parameter is null.
 *
 * Source: runtime page 4.3. */
ACL_FUNC_VISIBILITY aclError aclrtGetVersion(int32_t *majorVersion, int32_t *minorVersion,
                                             int32_t *patchVersion);

/** Explains the calling thread's last failure, once: a second call gives null until something fails again.
 *
 * The first line begins with "EZ1001: " for arguments of an operator, "EZ9999: " for inner errors and
 * "EE1001: " for the runtime. Indented lines follow: which argument, the rule, the actual value, the nearest
 * legal value and the page of the documentation.
 *
 * @return the text, or null when none is pending. It belongs to the library, must not be freed, and is valid
 * until the thread's next call into it. Other threads' failures are not seen.
 *
 * Source: runtime page 4.6. */
ACL_FUNC_VISIBILITY const char *aclGetRecentErrMsg(void);

#ifdef __cplusplus
}
#endif
#endif
