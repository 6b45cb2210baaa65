/* SPDX-License-Identifier: Apache-2.0 */
/* fork.h - what fork() leaves of the runtime in the child. The child has the forking thread only: no worker
 * will ever run what is queued, so contexts, streams, events and subscriptions made before are dead there,
 * and the child sets its device again. Blocks of memory, tensors and executors are copies and stay good. */
#ifndef AQ_RUNTIME_FORK_H
#define AQ_RUNTIME_FORK_H

/* From the first call on, forks are looked after. Called before the first context is made. */
void aq_fork_watch(void);

/* ---- Each room's part, in the files that own the state ---- */

/* Taken before a fork and given back on both sides: the locks that workers take while they run tasks. The
 * program's own threads hold others; a program that forks while these are inside the library must not go on
 * to use it in the child (that is what POSIX says of every library). */
void aq_blocks_lock(void);
void aq_blocks_unlock(void);
void aq_callbacks_lock(void);
void aq_callbacks_unlock(void);
void aq_threads_lock(void);
void aq_threads_unlock(void);
void aq_guards_lock(void);
void aq_guards_unlock(void);

/* In the child: forget what was made before. What is forgotten is not freed, a worker may have been at it. */
void aq_threads_forget_all(void);
void aq_devices_forget_all(void);
void aq_contexts_forget_all(void);
void aq_streams_forget_all(void);
void aq_events_forget_all(void);
void aq_callbacks_forget_all(void);

#endif
