/* SPDX-License-Identifier: Apache-2.0 */
/* parallel.h - one intra-operator thread pool for the whole process, shared by all streams. Made at the first
 * parallel loop. A loop that finds the pool busy waits for its turn; loops never nest. The child
 * of a fork gets a pool of its own. */
#ifndef AQ_PARALLEL_PARALLEL_H
#define AQ_PARALLEL_PARALLEL_H

#include <stddef.h>

/* Runs one index; thread is in [0, threads of the loop) and no two indices run at once with the same thread.
 */
typedef void (*aq_parallel_body)(void *context, size_t thread, size_t index);

/* ANTIQUANT_THREADS, else the usable CPUs; >= 1. Workspaces are sized for this many threads. */
int aq_parallel_threads(void);

/* Calls body(context, thread, i) once for each i in [0, count), on at most max_threads threads (the caller is
 * one of them), and returns when all are done. Writes made by the caller before are seen by every body;
 * writes of the bodies are seen by the caller after. Runs everything in the caller when max_threads is 1 or
 * the pool cannot be made. */
void aq_parallel_for(int max_threads, size_t count, aq_parallel_body body, void *context);

#endif
