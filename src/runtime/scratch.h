/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.h - the workspace of tasks whose caller brought none. Tasks of one stream run one after the other,
 * so all that wait in it share one piece of memory, however many they are; it goes with the last of them. */
#ifndef AQ_RUNTIME_SCRATCH_H
#define AQ_RUNTIME_SCRATCH_H

#include <stddef.h>

#include "acl/acl_rt.h"

typedef struct aq_scratch aq_scratch;

/* At least bytes (> 0) of memory, aligned to 64, for one task that will be queued on the stream behind handle
 * and no other. 0 and *scratch; 207001; the codes of aq_stream_find. */
int aq_scratch_take(const char *function, aclrtStream handle, size_t bytes, aq_scratch **scratch);
void *aq_scratch_memory(const aq_scratch *scratch);
/* When the task is finished; null is fine. */
void aq_scratch_release(aq_scratch *scratch);

#endif
