/* SPDX-License-Identifier: Apache-2.0 */
/* thread.c - decides which execution error is a thread's last one: that of the newest failed task among those
 * the thread itself queued, whichever worker found it, until aclrtGetLastError takes it. A worker knows the
 * queueing thread by its number only, so a thread may end before its tasks do.
 *
 * Locking: one mutex over the list of threads and the errors in it; taken when a thread first uses the
 * runtime, when it ends, when a task fails and when somebody asks. Nothing else is locked or called under it.
 */
#include "runtime/thread.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "acl/acl_rt.h"
#include "base/status.h"
#include "runtime/fork.h"
#include "runtime/refuse.h"

typedef struct aq_thread {
    uint64_t number; /* 0: not in the list */
    aq_context *context;
    int status;
    char text[AQ_ERROR_TEXT_SIZE];
    struct aq_thread *previous, *next;
} aq_thread;

static _Thread_local aq_thread self;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static aq_thread *threads;
static uint64_t last_number;

static pthread_key_t end_of_thread;
static bool end_of_thread_is_told;

/* Runs in the ending thread, before its thread-local storage goes. */
static void forget(void *ending)
{
    aq_thread *thread = ending;
    pthread_mutex_lock(&lock);
    if (thread->previous)
        thread->previous->next = thread->next;
    else
        threads = thread->next;
    if (thread->next)
        thread->next->previous = thread->previous;
    pthread_mutex_unlock(&lock);
    aq_context *context = thread->context;
    *thread = (aq_thread){.number = 0};
    aq_context_release(context);
}

static void make_key(void)
{
    end_of_thread_is_told = pthread_key_create(&end_of_thread, forget) == 0;
}

uint64_t aq_thread_number(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (self.number)
        return self.number;
    pthread_once(&once, make_key);
    if (!end_of_thread_is_told || pthread_setspecific(end_of_thread, &self) != 0)
        return 0;
    pthread_mutex_lock(&lock);
    self.number = ++last_number;
    self.next = threads;
    if (threads)
        threads->previous = &self;
    threads = &self;
    pthread_mutex_unlock(&lock);
    return self.number;
}

aq_context *aq_thread_context(void)
{
    return self.context;
}

int aq_thread_set_context(aq_context *context)
{
    if (context && !aq_thread_number()) {
        aq_context_release(context);
        return aq_error(207001, "no room to keep a current context for one more thread");
    }
    aq_context *before = self.context;
    self.context = context;
    aq_context_release(before);
    return 0;
}

void aq_thread_report(uint64_t number, int status, const char *text)
{
    pthread_mutex_lock(&lock);
    aq_thread *thread = threads;
    while (thread && thread->number != number)
        thread = thread->next;
    if (thread) {
        thread->status = status;
        snprintf(thread->text, sizeof thread->text, "%s", text);
    }
    pthread_mutex_unlock(&lock);
}

void aq_threads_lock(void)
{
    pthread_mutex_lock(&lock);
}

void aq_threads_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

/* The other threads in the list are gone, and their memory with them. */
void aq_threads_forget_all(void)
{
    threads = NULL;
    self = (aq_thread){.number = 0};
    if (end_of_thread_is_told)
        pthread_setspecific(end_of_thread, NULL);
}

static aclError last_error(const char *function, aclrtLastErrLevel level, bool take)
{
    if (level != ACL_RT_THREAD_LEVEL) {
        char actual[16];
        snprintf(actual, sizeof actual, "%d", (int)level);
        return aq_refuse(100000, &(aq_refusal){.function = function,
                                               .argument = "level",
                                               .rule = "must be ACL_RT_THREAD_LEVEL",
                                               .actual = actual,
                                               .nearest = "ACL_RT_THREAD_LEVEL (0)",
                                               .page = AQ_RUNTIME_PAGE});
    }
    char text[AQ_ERROR_TEXT_SIZE];
    pthread_mutex_lock(&lock);
    int status = self.status;
    if (status)
        memcpy(text, self.text, sizeof text);
    if (take)
        self.status = 0;
    pthread_mutex_unlock(&lock);
    if (status)
        aq_set_error(text);
    return status;
}

aclError aclrtPeekAtLastError(aclrtLastErrLevel level)
{
    return last_error("aclrtPeekAtLastError", level, false);
}

aclError aclrtGetLastError(aclrtLastErrLevel level)
{
    return last_error("aclrtGetLastError", level, true);
}
