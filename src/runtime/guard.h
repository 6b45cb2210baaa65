/* SPDX-License-Identifier: Apache-2.0 */
/* guard.h - ANTIQUANT_GUARD=1: blocks between inaccessible pages, so that an access outside a block faults at
 * once, with a message of whose block and how far outside. Knows nothing of kinds of memory and pins. */
#ifndef AQ_RUNTIME_GUARD_H
#define AQ_RUNTIME_GUARD_H

#include <stddef.h>

typedef struct aq_guard aq_guard;

/* A block of zeroed pages. It is aligned to 64 bytes and ends as close to the inaccessible bytes behind it as
 * that allows: at once when usable is a multiple of 64, else 32 bytes before (usable is a multiple of 32).
 * Before it lie up to a page of bytes that no fault protects, then inaccessible ones. function and asked are
 * for the message: "aclrtMalloc", and the bytes it was asked for. Null: out of memory. The first call
 * installs the handler of guard_report.c. */
aq_guard *aq_guard_make(const char *function, size_t asked, size_t usable);

void *aq_guard_address(const aq_guard *guard);

/* The block becomes inaccessible and its memory goes back; its addresses are kept from use for a while, so
 * that a late access faults too. */
void aq_guard_end(aq_guard *guard);

#endif
