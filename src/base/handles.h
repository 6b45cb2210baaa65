/* SPDX-License-Identifier: Apache-2.0 */
/* handles.h - sets of live handles. A handle that comes in from a caller is looked up here before it is
 * dereferenced, so that a foreign, stale or already destroyed pointer is an error and never a crash.
 *
 * Locking: one mutex per set, held only inside these functions. */
#ifndef AQ_BASE_HANDLES_H
#define AQ_BASE_HANDLES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct aq_handle_set {
    pthread_mutex_t lock;
    const void **slots; /* open addressing, capacity a power of two; null = free */
    size_t capacity;
    size_t used;  /* live and removed slots */
    size_t count; /* live */
} aq_handle_set;

#define AQ_HANDLE_SET_INITIALIZER                                                                            \
    {                                                                                                        \
        PTHREAD_MUTEX_INITIALIZER, NULL, 0, 0, 0                                                             \
    }

/* false: out of memory, nothing changed. */
bool aq_handles_add(aq_handle_set *set, const void *handle);
bool aq_handles_contain(aq_handle_set *set, const void *handle);

/* Looks handle up and, while the set is still locked, calls take(handle) (which usually adds a reference), so
 * that no other thread can destroy it in between. false: not in the set. */
bool aq_handles_take(aq_handle_set *set, const void *handle, void (*take)(void *handle));

/* In the child of a fork: the set is as new, whatever another thread was doing with it. What it held, and its
 * own table, are not freed. */
void aq_handles_forget_all(aq_handle_set *set);

/* false: was not in the set. Exactly one of several concurrent callers gets true. */
bool aq_handles_remove(aq_handle_set *set, const void *handle);

#endif
