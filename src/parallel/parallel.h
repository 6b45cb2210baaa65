/* SPDX-License-Identifier: Apache-2.0 */
/* parallel.h - loops whose indices several threads run: the caller, threads that wait for something, and one
 * pool for the whole process, made when a loop first misses threads. A loop that finds another one running
 * waits for its turn; loops never nest. The child of a fork gets a pool of its own. */
#ifndef AQ_PARALLEL_PARALLEL_H
#define AQ_PARALLEL_PARALLEL_H

#include <stdbool.h>
#include <stddef.h>

/* Runs one index; thread is in [0, threads of the loop) and no two indices run at once with the same thread.
 */
typedef void (*aq_parallel_body)(void *context, size_t thread, size_t index);

/* ANTIQUANT_THREADS, else the usable CPUs; >= 1. Workspaces are sized for this many threads. */
int aq_parallel_threads(void);

/* Calls body(context, thread, i) once for each i in [0, count), on at most max_threads threads (the caller is
 * one of them), and returns when all are done. Writes made by the caller before are seen by every body;
 * writes of the bodies are seen by the caller after. Runs everything in the caller when max_threads is 1 or
 * no other thread comes in time. */
void aq_parallel_for(int max_threads, size_t count, aq_parallel_body body, void *context);

/* For a thread that would go to sleep: takes part in parallel loops until done(context), or until there was
 * nothing to take part in for about as long as waking a thread takes. What done said last. done must be cheap
 * and must not wait; the float environment must be the default one. yields: it is in no hurry, so other
 * threads that wait for its CPU go first. */
bool aq_parallel_look(bool (*done)(void *context), void *context, bool yields);

/* So many more threads, or fewer, are on their way to work or to aq_parallel_look: loops wake none of the
 * pool in their place. */
void aq_parallel_expect(int threads);

#endif
