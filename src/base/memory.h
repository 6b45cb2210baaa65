/* SPDX-License-Identifier: Apache-2.0 */
/* memory.h - the only allocator calls of the library, so that tests can make the n-th allocation fail. */
#ifndef AQ_BASE_MEMORY_H
#define AQ_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* As malloc, calloc, aligned_alloc (size need not be a multiple of alignment) and free; null when out of
 * memory. Memory that a caller releases with free() may come from aq_malloc. */
void *aq_malloc(size_t size);
void *aq_calloc(size_t count, size_t size);
void *aq_aligned_malloc(size_t alignment, size_t size);
void aq_free(void *pointer);

/* As aq_aligned_malloc. A block that fills a huge page lies on huge pages where the system has some to give;
 * what is left of it lies on others. */
void *aq_huge_malloc(size_t alignment, size_t size);

/* Whole pages of inaccessible addresses with no memory behind them, for mprotect, mmap and munmap; null when
 * there are none. */
void *aq_reserve_addresses(size_t bytes);

/* Tests only: the n-th allocation from now on (1 = the next) and all after it fail; 0 = none fails. Returns
 * what is left of the call before: more than 1 when nothing has failed since. */
uint64_t aq_memory_fail_from(uint64_t n);

#endif
