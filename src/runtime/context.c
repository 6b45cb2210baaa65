/* SPDX-License-Identifier: Apache-2.0 */
/* context.c - decides when a context begins and ends and which one is a thread's. Knows streams only as
 * something that ends with a context.
 *
 * Locking: none of its own; the set of live handles locks itself. Nothing is called with that lock held but
 * adding a reference. */
#include "runtime/context.h"

#include <stdio.h>

#include "base/handles.h"
#include "base/memory.h"
#include "runtime/device.h"
#include "runtime/fork.h"
#include "runtime/queue.h"
#include "runtime/refuse.h"
#include "runtime/thread.h"

static aq_handle_set live = AQ_HANDLE_SET_INITIALIZER;

void aq_context_retain(aq_context *context)
{
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
}

void aq_context_release(aq_context *context)
{
    if (!context || atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1)
        return;
    aq_stream_release(context->default_stream);
    aq_free(context);
}

void aq_contexts_forget_all(void)
{
    aq_handles_forget_all(&live);
}

aq_context *aq_context_create(const char *function, int32_t device, bool primary)
{
    aq_fork_watch();
    aq_context *context = aq_calloc(1, sizeof *context);
    if (!context) {
        aq_error(207001, "%s: out of memory for a context", function);
        return NULL;
    }
    atomic_init(&context->references, 1);
    atomic_init(&context->ended, false);
    context->device = device;
    context->primary = primary;
    context->default_stream = aq_queue_create(function, context, true);
    if (!context->default_stream) {
        aq_context_release(context);
        return NULL;
    }
    if (!aq_handles_add(&live, context)) {
        aq_context_release(context);
        aq_error(207001, "%s: out of memory for a context", function);
        return NULL;
    }
    aq_streams_enlist(context->default_stream);
    return context;
}

void aq_context_end(aq_context *context)
{
    aq_handles_remove(&live, context);
    atomic_store(&context->ended, true);
    aq_streams_end(context);
    aq_context_release(context);
}

aq_context *aq_context_current(void)
{
    aq_context *context = aq_thread_context();
    if (context && atomic_load(&context->ended)) {
        aq_thread_set_context(NULL);
        context = NULL;
    }
    return context;
}

bool aq_context_is_current(void)
{
    return aq_context_current() != NULL;
}

int aq_context_check(const char *function, const char *argument, aq_context *context)
{
    const aq_context *current = aq_context_current();
    if (current == context)
        return 0;
    if (!current)
        return atomic_load(&context->ended) ? aq_runtime_refuse_no_context(function) : 0;
    char actual[64];
    snprintf(actual, sizeof actual, "one of another context, on device %d", (int)context->device);
    return aq_refuse(107003, &(aq_refusal){.function = function,
                                           .argument = argument,
                                           .rule = "must belong to the calling thread's current context",
                                           .actual = actual,
                                           .nearest = "call aclrtSetCurrentContext before",
                                           .page = AQ_RUNTIME_PAGE});
}

static void retain(void *context)
{
    aq_context_retain(context);
}

static int find(const char *function, aclrtContext handle, aq_context **context)
{
    if (!handle)
        return aq_runtime_refuse_null(function, "context");
    if (!aq_handles_take(&live, handle, retain))
        return aq_refuse(107017,
                         &(aq_refusal){.function = function,
                                       .argument = "context",
                                       .rule = "must be a live context",
                                       .actual = "destroyed already, made before a fork, or never a context",
                                       .page = AQ_RUNTIME_PAGE});
    *context = handle;
    return 0;
}

aclError aclrtCreateContext(aclrtContext *context, int32_t deviceId)
{
    static const char function[] = "aclrtCreateContext";
    if (!context)
        return aq_runtime_refuse_null(function, "context");
    int status = aq_device_check(function, "deviceId", deviceId);
    if (status)
        return status;
    aq_context *created = aq_context_create(function, deviceId, false);
    if (!created)
        return 207001;
    aq_context_retain(created);
    status = aq_thread_set_context(created);
    if (status)
        aq_context_end(created);
    else
        *context = created;
    return status;
}

aclError aclrtDestroyContext(aclrtContext context)
{
    static const char function[] = "aclrtDestroyContext";
    aq_context *found = NULL;
    int status = find(function, context, &found);
    if (status)
        return status;
    if (found->primary)
        status = aq_refuse(100000, &(aq_refusal){.function = function,
                                                 .argument = "context",
                                                 .rule = "must have been made by aclrtCreateContext",
                                                 .actual = "the primary context of a device",
                                                 .nearest = "aclrtResetDevice ends it",
                                                 .page = AQ_RUNTIME_PAGE});
    else if (!aq_handles_remove(&live, context))
        status = aq_error(107017, "%s: context is being destroyed by another thread", function);
    else
        aq_context_end(found);
    aq_context_release(found);
    return status;
}

aclError aclrtSetCurrentContext(aclrtContext context)
{
    aq_context *found = NULL;
    int status = find("aclrtSetCurrentContext", context, &found);
    return status ? status : aq_thread_set_context(found);
}

aclError aclrtGetCurrentContext(aclrtContext *context)
{
    static const char function[] = "aclrtGetCurrentContext";
    if (!context)
        return aq_runtime_refuse_null(function, "context");
    aq_context *current = aq_context_current();
    if (!current)
        return aq_runtime_refuse_no_context(function);
    *context = current;
    return 0;
}

static int check_option(const char *function, aclSysParamOpt opt)
{
    if ((unsigned)opt <= ACL_OPT_ENABLE_KERNEL_EARLY_START)
        return 0;
    char actual[16];
    snprintf(actual, sizeof actual, "%d", (int)opt);
    return aq_refuse(100000, &(aq_refusal){.function = function,
                                           .argument = "opt",
                                           .rule = "must be a value of aclSysParamOpt, 0 to 3",
                                           .actual = actual,
                                           .nearest = "ACL_OPT_DETERMINISTIC (0)",
                                           .page = AQ_RUNTIME_PAGE});
}

/* Results never depend on scheduling, there are no debug kernels, memory is coherent and kernels do not
 * overlap within a stream: there is nothing to keep. */
aclError aclrtCtxSetSysParamOpt(aclSysParamOpt opt, int64_t value)
{
    static const char function[] = "aclrtCtxSetSysParamOpt";
    (void)value;
    int status = check_option(function, opt);
    if (!status && !aq_context_is_current())
        status = aq_runtime_refuse_no_context(function);
    return status;
}

aclError aclrtSetSysParamOpt(aclSysParamOpt opt, int64_t value)
{
    (void)value;
    return check_option("aclrtSetSysParamOpt", opt);
}
