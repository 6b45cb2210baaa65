/* SPDX-License-Identifier: Apache-2.0 */
/* device_memory.h - the blocks that aclrtMalloc and aclrtMallocHost hand out, and how queued work keeps them
 * alive: a block that is freed while pinned is released by the last unpin, so aclrtFree never waits. */
#ifndef AQ_RUNTIME_DEVICE_MEMORY_H
#define AQ_RUNTIME_DEVICE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

typedef struct aq_block aq_block;

/* Pins the block that contains address, if it is one of ours and not freed; null otherwise (a caller's own
 * memory, which nobody pins). Thread-safe, no allocation. */
aq_block *aq_block_pin(const void *address);
/* null is fine. */
void aq_block_unpin(aq_block *block);

/* What a copy must know of an address: handed out by aclrtMalloc, by aclrtMallocHost, or neither. */
typedef enum aq_memory_kind { AQ_MEMORY_FOREIGN, AQ_MEMORY_DEVICE, AQ_MEMORY_HOST } aq_memory_kind;
aq_memory_kind aq_memory_kind_of(const void *address);

#endif
