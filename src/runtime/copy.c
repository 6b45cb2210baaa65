/* SPDX-License-Identifier: Apache-2.0 */
/* copy.c - decides whether a copy or fill is allowed and whether it happens now, in its stream, or after
 * waiting for the stream. Must not know how streams run their tasks. All memory is the host's, so the copy
 * itself is always memmove (areas that overlap are not forbidden here). */
#include <stdio.h>
#include <string.h>

#include "acl/acl_rt.h"
#include "base/memory.h"
#include "runtime/context.h"
#include "runtime/description.h"
#include "runtime/device_memory.h"
#include "runtime/refuse.h"
#include "runtime/spans.h"
#include "runtime/stream.h"

/* One copy, or one fill when src is null. */
typedef struct transfer {
    void *dst;
    const void *src;
    size_t count;
    int value;
} transfer;

typedef struct transfer_task {
    aq_task head;
    transfer what;
    aq_block *pins[2]; /* null: nothing of ours */
} transfer_task;

static void perform(const transfer *what)
{
    if (what->src)
        memmove(what->dst, what->src, what->count);
    else
        memset(what->dst, what->value, what->count);
}

/* In the caller. */
static void perform_here(const char *function, const transfer *what)
{
    int64_t from = aq_trace_begin();
    perform(what);
    aq_span_copied(function, (int64_t)what->count, from);
}

static int run(aq_task *head)
{
    perform(&((transfer_task *)head)->what);
    return 0;
}

static void describe(const aq_task *head, int64_t ns, aq_json *members)
{
    int64_t count = (int64_t)((const transfer_task *)head)->what.count;
    aq_json_count(members, "bytes", count);
    aq_json_decimal(members, "GB/s", aq_gigabytes_per_second(count, ns), 2);
}

static void finish(aq_task *head)
{
    transfer_task *task = (transfer_task *)head;
    aq_block_unpin(task->pins[0]);
    aq_block_unpin(task->pins[1]);
    aq_free(task);
}

static int enqueue(const char *function, const transfer *what, aclrtStream stream)
{
    transfer_task *task = aq_malloc(sizeof *task);
    if (!task)
        return aq_error(207001, "%s: out of memory for the task", function);
    *task = (transfer_task){.head = {.name = function,
                                     .run = run,
                                     .finish = finish,
                                     .category = "copy",
                                     .by_anyone = true,
                                     .describe = describe},
                            .what = *what};
    task->pins[0] = aq_block_pin(what->dst);
    task->pins[1] = aq_block_pin(what->src);
    return aq_stream_submit(function, stream, &task->head);
}

/* Pageable memory: nothing keeps it alive and unchanged for a task, so the caller waits (runtime page 4.5).
 */
static int wait_and_perform(const char *function, const transfer *what, aclrtStream stream)
{
    int status = aq_stream_synchronize(function, stream);
    if (!status)
        perform_here(function, what);
    return status;
}

static int refuse_kind(const char *function, aclrtMemcpyKind kind)
{
    char actual[16];
    snprintf(actual, sizeof actual, "%d", (int)kind);
    return aq_refuse(100000, &(aq_refusal){.function = function,
                                           .argument = "kind",
                                           .rule = "must be a value of aclrtMemcpyKind, 0 to 5",
                                           .actual = actual,
                                           .nearest = "ACL_MEMCPY_DEFAULT (4)",
                                           .page = AQ_RUNTIME_PAGE});
}

/* The last checks, which copies and fills share; room_name is what the caller calls the room. */
static int check_room_and_context(const char *function, const char *room_name, size_t room, size_t count)
{
    if (count > room) {
        char rule[48], actual[32], nearest[32];
        snprintf(rule, sizeof rule, "must be at most %s, %zu", room_name, room);
        snprintf(actual, sizeof actual, "%zu", count);
        snprintf(nearest, sizeof nearest, "%zu", room);
        return aq_refuse(107000, &(aq_refusal){.function = function,
                                               .argument = "count",
                                               .rule = rule,
                                               .actual = actual,
                                               .nearest = nearest,
                                               .page = AQ_RUNTIME_PAGE});
    }
    return aq_context_is_current() ? 0 : aq_runtime_refuse_no_context(function);
}

static int check_copy(const char *function, const void *dst, size_t destMax, const void *src, size_t count,
                      aclrtMemcpyKind kind)
{
    if (!dst || !src)
        return aq_runtime_refuse_null(function, dst ? "src" : "dst");
    if ((unsigned)kind > ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE)
        return refuse_kind(function, kind);
    return check_room_and_context(function, "destMax", destMax, count);
}

static int check_fill(const char *function, const void *devPtr, size_t maxCount, size_t count)
{
    if (!devPtr)
        return aq_runtime_refuse_null(function, "devPtr");
    return check_room_and_context(function, "maxCount", maxCount, count);
}

aclError aclrtMemcpy(void *dst, size_t destMax, const void *src, size_t count, aclrtMemcpyKind kind)
{
    if (count == 0)
        return 0;
    int status = check_copy("aclrtMemcpy", dst, destMax, src, count, kind);
    if (!status)
        perform_here("aclrtMemcpy", &(transfer){.dst = dst, .src = src, .count = count});
    return status;
}

aclError aclrtMemcpyAsync(void *dst, size_t destMax, const void *src, size_t count, aclrtMemcpyKind kind,
                          aclrtStream stream)
{
    static const char function[] = "aclrtMemcpyAsync";
    if (count == 0)
        return 0;
    int status = check_copy(function, dst, destMax, src, count, kind);
    if (status)
        return status;
    aq_memory_kind to = aq_memory_kind_of(dst), from = aq_memory_kind_of(src);
    bool between_hosts = to != AQ_MEMORY_DEVICE && from != AQ_MEMORY_DEVICE;
    if (kind == ACL_MEMCPY_HOST_TO_HOST || (kind == ACL_MEMCPY_DEFAULT && between_hosts))
        return aq_refuse(207000, &(aq_refusal){.function = function,
                                               .argument = "kind",
                                               .rule = "must have device memory on at least one side",
                                               .actual = "host to host",
                                               .nearest = "aclrtMemcpy",
                                               .page = AQ_RUNTIME_PAGE});
    transfer what = {.dst = dst, .src = src, .count = count};
    /* by way of a buffer: the caller may reuse the source at once, as with pageable memory */
    bool wait =
        to == AQ_MEMORY_FOREIGN || from == AQ_MEMORY_FOREIGN || kind == ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE;
    return wait ? wait_and_perform(function, &what, stream) : enqueue(function, &what, stream);
}

aclError aclrtMemset(void *devPtr, size_t maxCount, int32_t value, size_t count)
{
    int status = check_fill("aclrtMemset", devPtr, maxCount, count);
    if (!status)
        perform_here("aclrtMemset", &(transfer){.dst = devPtr, .count = count, .value = value});
    return status;
}

aclError aclrtMemsetAsync(void *devPtr, size_t maxCount, int32_t value, size_t count, aclrtStream stream)
{
    static const char function[] = "aclrtMemsetAsync";
    int status = check_fill(function, devPtr, maxCount, count);
    if (status)
        return status;
    transfer what = {.dst = devPtr, .count = count, .value = value};
    bool wait = aq_memory_kind_of(devPtr) == AQ_MEMORY_FOREIGN;
    return wait ? wait_and_perform(function, &what, stream) : enqueue(function, &what, stream);
}
