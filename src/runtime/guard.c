/* SPDX-License-Identifier: Apache-2.0 */
/* guard.c - decides where guarded blocks lie among inaccessible bytes, and how long the addresses of freed
 * ones are kept from use. What a fault says is guard_report.c's.
 *
 * Locking: one mutex over the records that are unused and the list of freed blocks. */
#include "runtime/guard.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/memory.h"
#include "runtime/fork.h"
#include "runtime/guard_internal.h"

#define ALIGNMENT 64

/* Inaccessible bytes on each side, a multiple of every page size in use: an index that is wrong by a row of a
 * matrix is caught too. They are addresses only, not memory. */
#define BESIDE ((size_t)64 << 10)

/* Freed blocks whose addresses are kept: each costs the kernel an entry of a list that is limited to 65530
 * by default, and the bytes are a part of the 2^47 that a process has. */
#define KEPT_BLOCKS 1024
#define KEPT_BYTES  ((uint64_t)1 << 40)

aq_guard_chunk *_Atomic aq_guard_newest_chunk;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static aq_guard *unused;
static aq_guard *oldest_freed, *newest_freed;
static size_t freed_blocks;
static uint64_t freed_bytes;

/* A record without a block; null when out of memory. Needs the lock. */
static aq_guard *take_record(void)
{
    if (!unused) {
        aq_guard_chunk *chunk = aq_calloc(1, sizeof *chunk);
        if (!chunk)
            return NULL;
        for (size_t i = 0; i < AQ_GUARDS_OF_A_CHUNK; i++) {
            chunk->records[i].next = unused;
            unused = &chunk->records[i];
        }
        chunk->next = atomic_load(&aq_guard_newest_chunk);
        atomic_store(&aq_guard_newest_chunk, chunk);
    }
    aq_guard *record = unused;
    unused = record->next;
    record->next = NULL;
    return record;
}

static void give_record_back(aq_guard *record)
{
    pthread_mutex_lock(&lock);
    record->next = unused;
    unused = record;
    pthread_mutex_unlock(&lock);
}

/* Inaccessible addresses whose middle `data` bytes are then memory; null when out of memory. */
static char *map_between(size_t bytes, size_t data)
{
    char *map = aq_reserve_addresses(bytes);
    if (!map)
        return NULL;
    if (mprotect(map + BESIDE, data, PROT_READ | PROT_WRITE) == 0)
        return map;
    munmap(map, bytes);
    return NULL;
}

aq_guard *aq_guard_make(const char *function, size_t asked, size_t usable)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), data, bytes;
    if (!aq_add_size(usable, page + ALIGNMENT - 2, &data) || !aq_add_size(data, 2 * BESIDE, &bytes))
        return NULL;
    size_t aligned = (usable + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    data = (aligned + page - 1) / page * page;
    bytes = data + 2 * BESIDE;
    pthread_once(&once, aq_guard_report_faults);
    pthread_mutex_lock(&lock);
    aq_guard *record = take_record();
    pthread_mutex_unlock(&lock);
    if (!record)
        return NULL;
    char *map = map_between(bytes, data);
    if (!map) {
        give_record_back(record);
        return NULL;
    }
    atomic_store(&record->map_bytes, bytes);
    atomic_store(&record->begin, (uintptr_t)map + BESIDE + data - aligned);
    atomic_store(&record->usable, usable);
    atomic_store(&record->asked, asked);
    atomic_store(&record->function, function);
    atomic_store(&record->freed, false);
    atomic_store(&record->map, (uintptr_t)map);
    return record;
}

void *aq_guard_address(const aq_guard *guard)
{
    return (void *)atomic_load(&guard->begin);
}

/* Takes the oldest freed block off when too much is kept; null when not. Needs the lock. */
static aq_guard *expired(void)
{
    if (!oldest_freed || (freed_blocks <= KEPT_BLOCKS && freed_bytes <= KEPT_BYTES))
        return NULL;
    aq_guard *record = oldest_freed;
    oldest_freed = record->next;
    if (!oldest_freed)
        newest_freed = NULL;
    freed_blocks--;
    freed_bytes -= atomic_load(&record->map_bytes);
    return record;
}

static void keep(aq_guard *record)
{
    record->next = NULL;
    if (newest_freed)
        newest_freed->next = record;
    else
        oldest_freed = record;
    newest_freed = record;
    freed_blocks++;
    freed_bytes += atomic_load(&record->map_bytes);
}

void aq_guard_end(aq_guard *guard)
{
    size_t bytes = atomic_load(&guard->map_bytes);
    atomic_store(&guard->freed, true);
    /* new pages in the place of the old ones: unlike mprotect it gives the memory back; it can fail only for
     * want of kernel memory, and then the block just stays accessible */
    (void)mmap((void *)atomic_load(&guard->map), bytes, PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    pthread_mutex_lock(&lock);
    keep(guard);
    aq_guard *gone = NULL;
    while ((gone = expired())) {
        munmap((void *)atomic_exchange(&gone->map, 0), atomic_load(&gone->map_bytes));
        gone->next = unused;
        unused = gone;
    }
    pthread_mutex_unlock(&lock);
}

void aq_guards_lock(void)
{
    pthread_mutex_lock(&lock);
}

void aq_guards_unlock(void)
{
    pthread_mutex_unlock(&lock);
}
