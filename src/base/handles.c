/* SPDX-License-Identifier: Apache-2.0 */
/* handles.c - a hash set of pointers with linear probing. Knows nothing of what the pointers point to and
 * never dereferences one. The table stays allocated when the set becomes empty: sets live as long as the
 * process. */
#include "base/handles.h"

#include <stdint.h>

#include "base/memory.h"

#define FIRST_CAPACITY 64

/* A slot whose handle was removed; searches go on past it. Its address is nobody's handle. */
static const char removed_mark;
#define REMOVED ((const void *)&removed_mark)

/* Fibonacci hashing: 2^64 divided by the golden ratio, the upper bits of the product; malloc's pointers
 * differ in the middle bits only. */
static size_t first_slot(const aq_handle_set *set, const void *handle)
{
    uint64_t product = (uint64_t)(uintptr_t)handle * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(product >> 32) & (set->capacity - 1);
}

/* The slot that holds handle, else null. */
static const void **find(const aq_handle_set *set, const void *handle)
{
    if (set->count == 0 || !handle)
        return NULL;
    for (size_t i = first_slot(set, handle); set->slots[i]; i = (i + 1) & (set->capacity - 1))
        if (set->slots[i] == handle)
            return &set->slots[i];
    return NULL;
}

/* Needs a free slot. */
static void insert(aq_handle_set *set, const void *handle)
{
    size_t i = first_slot(set, handle);
    while (set->slots[i])
        i = (i + 1) & (set->capacity - 1);
    set->slots[i] = handle;
    set->used++;
    set->count++;
}

/* Makes room for one more: at most 3/4 of the slots are ever used, so that searches end and are short. */
static bool reserve(aq_handle_set *set)
{
    if (set->capacity > 0 && set->used + 1 <= set->capacity / 4 * 3)
        return true;
    size_t capacity = FIRST_CAPACITY;
    while (capacity / 2 < set->count + 1)
        capacity *= 2;
    const void **slots = aq_calloc(capacity, sizeof *slots);
    if (!slots)
        return false;
    const void **old = set->slots;
    size_t old_capacity = set->capacity;
    set->slots = slots;
    set->capacity = capacity;
    set->used = set->count = 0;
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i] && old[i] != REMOVED)
            insert(set, old[i]);
    aq_free(old);
    return true;
}

bool aq_handles_add(aq_handle_set *set, const void *handle)
{
    if (!handle)
        return false;
    pthread_mutex_lock(&set->lock);
    bool there = find(set, handle) != NULL;
    bool added = there || reserve(set);
    if (added && !there)
        insert(set, handle);
    pthread_mutex_unlock(&set->lock);
    return added;
}

bool aq_handles_contain(aq_handle_set *set, const void *handle)
{
    return aq_handles_take(set, handle, NULL);
}

bool aq_handles_take(aq_handle_set *set, const void *handle, void (*take)(void *handle))
{
    pthread_mutex_lock(&set->lock);
    bool found = find(set, handle) != NULL;
    if (found && take)
        take((void *)(uintptr_t)handle);
    pthread_mutex_unlock(&set->lock);
    return found;
}

void aq_handles_forget_all(aq_handle_set *set)
{
    *set = (aq_handle_set)AQ_HANDLE_SET_INITIALIZER;
}

bool aq_handles_remove(aq_handle_set *set, const void *handle)
{
    pthread_mutex_lock(&set->lock);
    const void **slot = find(set, handle);
    if (slot) {
        size_t next = ((size_t)(slot - set->slots) + 1) & (set->capacity - 1);
        bool last_of_its_run = set->slots[next] == NULL;
        *slot = last_of_its_run ? NULL : REMOVED;
        set->used -= last_of_its_run;
        set->count--;
    }
    pthread_mutex_unlock(&set->lock);
    return slot != NULL;
}
