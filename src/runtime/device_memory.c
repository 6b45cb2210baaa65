/* SPDX-License-Identifier: Apache-2.0 */
/* device_memory.c - decides where blocks lie, which address belongs to which block, and when a freed block is
 * really released. Must not know who pins a block or why.
 *
 * Locking: one mutex over the tree of live blocks and the pins of every block. It is held for a search and
 * never while memory is allocated for or released by a caller. */
#include "runtime/device_memory.h"

#include <pthread.h>
#include <search.h>
#include <stdint.h>
#include <stdio.h>

#include "acl/acl_rt.h"
#include "base/checked.h"
#include "base/memory.h"
#include "base/settings.h"
#include "runtime/context.h"
#include "runtime/fork.h"
#include "runtime/guard.h"
#include "runtime/refuse.h"

#define ALIGNMENT  64 /* runtime page 4.5 */
#define SIZE_STEP  32 /* usable sizes are multiples of this, runtime page 4.5 */
#define SPARE_ROOM 32 /* what aclrtMalloc adds, runtime page 4.5 */

struct aq_block {
    uintptr_t begin, end; /* what the caller may use */
    aq_guard *guard;      /* with ANTIQUANT_GUARD=1, else null */
    aq_memory_kind kind;
    size_t pins;
    bool freed; /* no longer in the tree; released by the last unpin */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *live; /* tree of tsearch, ordered by address; blocks never overlap */

/* Two ranges that overlap count as equal, so a range of one byte finds the block around it. */
static int compare(const void *left, const void *right)
{
    const aq_block *a = left, *b = right;
    if (a->end <= b->begin)
        return -1;
    return a->begin >= b->end ? 1 : 0;
}

/* Needs the lock. */
static aq_block *find(const void *address)
{
    aq_block byte = {.begin = (uintptr_t)address, .end = (uintptr_t)address + 1};
    aq_block *const *node = address ? tfind(&byte, &live, compare) : NULL;
    return node ? *node : NULL;
}

static void release(aq_block *block)
{
    if (block->guard)
        aq_guard_end(block->guard);
    else
        aq_free((void *)block->begin);
    aq_free(block);
}

aq_block *aq_block_pin(const void *address)
{
    pthread_mutex_lock(&lock);
    aq_block *block = find(address);
    if (block)
        block->pins++;
    pthread_mutex_unlock(&lock);
    return block;
}

void aq_block_unpin(aq_block *block)
{
    if (!block)
        return;
    pthread_mutex_lock(&lock);
    bool last = --block->pins == 0 && block->freed;
    pthread_mutex_unlock(&lock);
    if (last)
        release(block);
}

aq_memory_kind aq_memory_kind_of(const void *address)
{
    pthread_mutex_lock(&lock);
    const aq_block *block = find(address);
    aq_memory_kind kind = block ? block->kind : AQ_MEMORY_FOREIGN;
    pthread_mutex_unlock(&lock);
    return kind;
}

/* What an allocation asks for. */
typedef struct aq_wanted {
    const char *function; /* the public one, for messages */
    aq_memory_kind kind;
    size_t size;
    size_t spare; /* what the function adds */
    bool huge;    /* huge pages where there are some */
} aq_wanted;

static void *memory_of(const aq_wanted *wanted, size_t usable)
{
    return wanted->huge ? aq_huge_malloc(ALIGNMENT, usable) : aq_aligned_malloc(ALIGNMENT, usable);
}

/* A block of usable bytes that is in the tree; null when out of memory. */
static aq_block *new_block(const aq_wanted *wanted, size_t usable)
{
    aq_block *block = aq_malloc(sizeof *block);
    if (!block)
        return NULL;
    bool guarded = aq_settings_get()->guard;
    aq_guard *guard = guarded ? aq_guard_make(wanted->function, wanted->size, usable) : NULL;
    void *memory = guard ? aq_guard_address(guard) : guarded ? NULL : memory_of(wanted, usable);
    if (!memory) {
        aq_free(block);
        return NULL;
    }
    uintptr_t begin = (uintptr_t)memory;
    *block = (aq_block){.begin = begin, .end = begin + usable, .guard = guard, .kind = wanted->kind};
    pthread_mutex_lock(&lock);
    bool added = tsearch(block, &live, compare) != NULL;
    pthread_mutex_unlock(&lock);
    if (added)
        return block;
    release(block);
    return NULL;
}

static int allocate(const aq_wanted *wanted, void **out)
{
    const char *function = wanted->function;
    if (!out)
        return aq_runtime_refuse_null(function, wanted->kind == AQ_MEMORY_DEVICE ? "devPtr" : "hostPtr");
    if (wanted->size == 0)
        return aq_refuse(100000, &(aq_refusal){.function = function,
                                               .argument = "size",
                                               .rule = "must be > 0",
                                               .actual = "0",
                                               .nearest = "1",
                                               .page = AQ_RUNTIME_PAGE});
    if (!aq_context_is_current())
        return aq_runtime_refuse_no_context(function);
    size_t usable = 0;
    aq_block *block = NULL;
    if (aq_add_size(wanted->size, SIZE_STEP - 1 + wanted->spare, &usable))
        block = new_block(wanted, usable / SIZE_STEP * SIZE_STEP);
    if (!block)
        return aq_error(207001, "%s: out of memory for %zu bytes", function, wanted->size);
    *out = (void *)block->begin;
    return 0;
}

static int allocate_device(const char *function, void **out, size_t size, aclrtMemMallocPolicy policy,
                           size_t spare)
{
    if ((unsigned)policy > ACL_MEM_MALLOC_NORMAL_ONLY_P2P) {
        char actual[16];
        snprintf(actual, sizeof actual, "%d", (int)policy);
        return aq_refuse(100000, &(aq_refusal){.function = function,
                                               .argument = "policy",
                                               .rule = "must be a value of aclrtMemMallocPolicy, 0 to 5",
                                               .actual = actual,
                                               .nearest = "ACL_MEM_MALLOC_HUGE_FIRST (0)",
                                               .page = AQ_RUNTIME_PAGE});
    }
    bool normal = policy == ACL_MEM_MALLOC_NORMAL_ONLY || policy == ACL_MEM_MALLOC_NORMAL_ONLY_P2P;
    return allocate(
        &(aq_wanted){
            .function = function, .kind = AQ_MEMORY_DEVICE, .size = size, .spare = spare, .huge = !normal},
        out);
}

static const char *free_problem(const aq_block *block, const void *address, aq_memory_kind kind)
{
    if (!block)
        return "not in a live block: never handed out, or freed already";
    if (block->kind != kind)
        return kind == AQ_MEMORY_DEVICE ? "host memory of aclrtMallocHost" : "device memory of aclrtMalloc";
    return block->begin == (uintptr_t)address ? NULL : "inside a block, not at its start";
}

static int deallocate(const char *function, aq_memory_kind kind, void *address)
{
    bool device = kind == AQ_MEMORY_DEVICE;
    const char *argument = device ? "devPtr" : "hostPtr";
    if (!address)
        return aq_runtime_refuse_null(function, argument);
    pthread_mutex_lock(&lock);
    aq_block *block = find(address);
    const char *problem = free_problem(block, address, kind);
    bool unused = false;
    if (!problem) {
        tdelete(block, &live, compare);
        block->freed = true;
        unused = block->pins == 0;
    }
    pthread_mutex_unlock(&lock);
    if (problem)
        return aq_refuse(207002, &(aq_refusal){.function = function,
                                               .argument = argument,
                                               .rule = device ? "must come from aclrtMalloc, be the start of "
                                                                "its block and be freed once"
                                                              : "must come from aclrtMallocHost, be the "
                                                                "start of its block and be freed once",
                                               .actual = problem,
                                               .page = AQ_RUNTIME_PAGE});
    if (unused)
        release(block);
    return 0;
}

void aq_blocks_lock(void)
{
    pthread_mutex_lock(&lock);
}

void aq_blocks_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

aclError aclrtMalloc(void **devPtr, size_t size, aclrtMemMallocPolicy policy)
{
    return allocate_device("aclrtMalloc", devPtr, size, policy, SPARE_ROOM);
}

aclError aclrtMallocAlign32(void **devPtr, size_t size, aclrtMemMallocPolicy policy)
{
    return allocate_device("aclrtMallocAlign32", devPtr, size, policy, 0);
}

aclError aclrtFree(void *devPtr)
{
    return deallocate("aclrtFree", AQ_MEMORY_DEVICE, devPtr);
}

aclError aclrtMallocHost(void **hostPtr, size_t size)
{
    return allocate(&(aq_wanted){.function = "aclrtMallocHost", .kind = AQ_MEMORY_HOST, .size = size},
                    hostPtr);
}

aclError aclrtFreeHost(void *hostPtr)
{
    return deallocate("aclrtFreeHost", AQ_MEMORY_HOST, hostPtr);
}
