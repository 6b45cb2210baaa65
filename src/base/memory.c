/* SPDX-License-Identifier: Apache-2.0 */
/* memory.c - the C allocator behind one failure switch for tests. A request of 0 bytes gets a block of its
 * own, so that null always means out of memory. */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/checked.h"

#define HUGE_PAGE ((size_t)2 << 20) /* x86-64, and aarch64 with pages of 4 KiB */

/* 0: nothing fails; n > 1: n - 1 more allocations succeed; 1: all fail. */
static _Atomic uint64_t countdown;

static bool fails_now(void)
{
    uint64_t left = atomic_load_explicit(&countdown, memory_order_relaxed);
    if (left == 0)
        return false;
    while (left > 1)
        if (atomic_compare_exchange_weak_explicit(&countdown, &left, left - 1, memory_order_relaxed,
                                                  memory_order_relaxed))
            return false;
    return left == 1;
}

/* No object is larger than PTRDIFF_MAX; asked for more, some allocators end the process. */
static bool refused(size_t size)
{
    return size > PTRDIFF_MAX || fails_now();
}

void *aq_malloc(size_t size)
{
    return refused(size) ? NULL : malloc(size ? size : 1);
}

void *aq_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (!aq_mul_size(count, size, &bytes) || refused(bytes))
        return NULL;
    return calloc(1, bytes ? bytes : 1);
}

void *aq_aligned_malloc(size_t alignment, size_t size)
{
    if (refused(size))
        return NULL;
    void *pointer = NULL;
    if (alignment < sizeof(void *))
        alignment = sizeof(void *); /* the least that posix_memalign takes */
    return posix_memalign(&pointer, alignment, size ? size : 1) == 0 ? pointer : NULL;
}

/* Reading 4096 pages of 4 KiB to a weight of 16 MiB costs a walk of the page table at each; 8 huge ones stay
 * in the TLB. The advice may be refused: then the block is as any other. */
void *aq_huge_malloc(size_t alignment, size_t size)
{
    bool fills = size >= HUGE_PAGE;
    void *pointer = aq_aligned_malloc(fills ? HUGE_PAGE : alignment, size);
#if defined(MADV_HUGEPAGE)
    if (pointer && fills)
        (void)madvise(pointer, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return pointer;
}

void aq_free(void *pointer)
{
    free(pointer);
}

void *aq_reserve_addresses(size_t bytes)
{
    if (refused(bytes))
        return NULL;
    void *addresses = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return addresses == MAP_FAILED ? NULL : addresses;
}

uint64_t aq_memory_fail_from(uint64_t n)
{
    return atomic_exchange_explicit(&countdown, n, memory_order_relaxed);
}
