/* SPDX-License-Identifier: Apache-2.0 */
/* fork.c - decides in which order the runtime's files prepare for a fork and forget in the child. Knows none
 * of their state. */
#include "runtime/fork.h"

#include <pthread.h>

/* None of these locks is taken while another of them is held, so any order is safe. */
static void before(void)
{
    aq_callbacks_lock();
    aq_threads_lock();
    aq_blocks_lock();
    aq_guards_lock();
}

static void unlock_all(void)
{
    aq_guards_unlock();
    aq_blocks_unlock();
    aq_threads_unlock();
    aq_callbacks_unlock();
}

static void in_child(void)
{
    unlock_all();
    aq_threads_forget_all();
    aq_devices_forget_all();
    aq_contexts_forget_all();
    aq_streams_forget_all();
    aq_events_forget_all();
    aq_callbacks_forget_all();
}

/* Without memory for it a child of this process finds its streams dead the hard way; nothing else suffers. */
static void watch(void)
{
    (void)pthread_atfork(before, unlock_all, in_child);
}

void aq_fork_watch(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch);
}
