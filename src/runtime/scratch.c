/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.c - decides when tasks of a stream can share memory: when the stream's piece is large enough. Else
 * a larger one takes its place, and the tasks that wait already keep theirs. Knows no task.
 *
 * Locking: the stream's mutex over its piece and the counts. Nothing is allocated or freed under it. */
#include "runtime/scratch.h"

#include "base/memory.h"
#include "runtime/queue.h"

#define ALIGNMENT 64 /* of a workspace */

struct aq_scratch {
    aq_stream *stream; /* counted */
    size_t tasks;
    size_t bytes;
    void *memory;
};

/* The stream's piece, counted once more; null when it has none that is large enough. */
static aq_scratch *share(aq_stream *stream, size_t bytes)
{
    pthread_mutex_lock(&stream->lock);
    aq_scratch *scratch = stream->scratch;
    if (scratch && scratch->bytes < bytes)
        scratch = NULL;
    if (scratch)
        scratch->tasks++;
    pthread_mutex_unlock(&stream->lock);
    return scratch;
}

static aq_scratch *make(aq_stream *stream, size_t bytes)
{
    aq_scratch *scratch = aq_malloc(sizeof *scratch);
    void *memory = scratch ? aq_huge_malloc(ALIGNMENT, bytes) : NULL;
    if (!memory) {
        aq_free(scratch);
        return NULL;
    }
    *scratch = (aq_scratch){.stream = stream, .tasks = 1, .bytes = bytes, .memory = memory};
    aq_stream_retain(stream);
    pthread_mutex_lock(&stream->lock);
    stream->scratch = scratch;
    pthread_mutex_unlock(&stream->lock);
    return scratch;
}

int aq_scratch_take(const char *function, aclrtStream handle, size_t bytes, aq_scratch **scratch)
{
    aq_stream *stream = NULL;
    int status = aq_stream_find(function, handle, &stream);
    if (status)
        return status;
    aq_scratch *taken = share(stream, bytes);
    if (!taken)
        taken = make(stream, bytes);
    aq_stream_release(stream);
    if (!taken)
        return aq_error(207001, "%s: out of memory for a workspace of %zu bytes", function, bytes);
    *scratch = taken;
    return 0;
}

void *aq_scratch_memory(const aq_scratch *scratch)
{
    return scratch->memory;
}

void aq_scratch_release(aq_scratch *scratch)
{
    if (!scratch)
        return;
    aq_stream *stream = scratch->stream;
    pthread_mutex_lock(&stream->lock);
    bool last = --scratch->tasks == 0;
    if (last && stream->scratch == scratch)
        stream->scratch = NULL;
    pthread_mutex_unlock(&stream->lock);
    if (!last)
        return;
    aq_free(scratch->memory);
    aq_free(scratch);
    aq_stream_release(stream);
}
