/* SPDX-License-Identifier: Apache-2.0 */
/* guard_internal.h - what guard.c writes about its blocks and the signal handler of guard_report.c reads, at
 * any moment and without a lock. */
#ifndef AQ_RUNTIME_GUARD_INTERNAL_H
#define AQ_RUNTIME_GUARD_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A block and its surroundings. Everything the handler reads is atomic; map is written last and cleared
 * first. */
struct aq_guard {
    _Atomic uintptr_t map;   /* first inaccessible byte; 0: no block */
    atomic_size_t map_bytes; /* with the inaccessible bytes on both sides */
    _Atomic uintptr_t begin; /* what the caller may use */
    atomic_size_t usable, asked;
    const char *_Atomic function;
    atomic_bool freed;
    struct aq_guard *next; /* guard.c's, under its lock: in the list of unused records or of freed blocks */
};

#define AQ_GUARDS_OF_A_CHUNK 256

/* Records are made in chunks that stay for ever. */
typedef struct aq_guard_chunk {
    struct aq_guard records[AQ_GUARDS_OF_A_CHUNK];
    struct aq_guard_chunk *next; /* older */
} aq_guard_chunk;

extern aq_guard_chunk *_Atomic aq_guard_newest_chunk;

/* Installs the handler. Called once. */
void aq_guard_report_faults(void);

#endif
