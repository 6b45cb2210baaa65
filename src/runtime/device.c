/* SPDX-License-Identifier: Apache-2.0 */
/* device.c - decides how many devices the host plays, and keeps the primary context of each with the count of
 * its aclrtSetDevice. Knows nothing of what happens in a context.
 *
 * Locking: one mutex over the table of devices. A context is created under it (so that two threads cannot
 * both create one) and ended outside. Under it: the locks of context.c and stream.c. */
#include "runtime/device.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl_rt.h"
#include "base/settings.h"
#include "runtime/context.h"
#include "runtime/fork.h"
#include "runtime/refuse.h"
#include "runtime/thread.h"

#define MAX_DEVICES 64 /* of ANTIQUANT_DEVICES */

typedef struct aq_device {
    aq_context *primary; /* null while uses is 0 */
    uint64_t uses;
} aq_device;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static aq_device devices[MAX_DEVICES];
static uint32_t device_count;

/* ASCEND_RT_VISIBLE_DEVICES lists the devices that a process sees, "0,2": it calls them 0, 1, ... An entry
 * that is no device, or there twice, ends the list. All devices are alike, so only their number matters. */
static uint32_t visible(const char *list, uint32_t present)
{
    uint64_t seen = 0;
    uint32_t count = 0;
    for (;;) {
        char *end;
        unsigned long id = strtoul(list, &end, 10);
        if (end == list || *list == '-' || id >= present || seen >> id & 1)
            return count;
        seen |= UINT64_C(1) << id;
        count++;
        if (*end != ',')
            return count;
        list = end + 1;
    }
}

static void count_devices(void)
{
    uint32_t present = aq_settings_get()->devices;
    if (present > MAX_DEVICES)
        present = MAX_DEVICES;
    const char *list = getenv("ASCEND_RT_VISIBLE_DEVICES");
    device_count = list && *list ? visible(list, present) : present;
}

uint32_t aq_device_count(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, count_devices);
    return device_count;
}

void aq_devices_forget_all(void)
{
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    memset(devices, 0, sizeof devices);
}

int aq_device_check(const char *function, const char *argument, int32_t device)
{
    uint32_t count = aq_device_count();
    if (device >= 0 && (uint32_t)device < count)
        return 0;
    char rule[80], actual[16], nearest[16];
    if (count > 0)
        snprintf(rule, sizeof rule, "must be a device, 0 to %u", count - 1);
    else
        snprintf(rule, sizeof rule, "must be a device; ASCEND_RT_VISIBLE_DEVICES hides all");
    snprintf(actual, sizeof actual, "%d", (int)device);
    snprintf(nearest, sizeof nearest, "%u", device < 0 || count == 0 ? 0 : count - 1);
    return aq_refuse(107001, &(aq_refusal){.function = function,
                                           .argument = argument,
                                           .rule = rule,
                                           .actual = actual,
                                           .nearest = count > 0 ? nearest : NULL,
                                           .page = AQ_RUNTIME_PAGE});
}

aclError aclrtSetDevice(int32_t deviceId)
{
    static const char function[] = "aclrtSetDevice";
    int status = aq_device_check(function, "deviceId", deviceId);
    if (status)
        return status;
    aq_device *device = &devices[deviceId];
    pthread_mutex_lock(&lock);
    if (!device->primary)
        device->primary = aq_context_create(function, deviceId, true);
    aq_context *primary = device->primary;
    if (primary) {
        device->uses++;
        aq_context_retain(primary);
    }
    pthread_mutex_unlock(&lock);
    if (!primary)
        return 207001;
    status = aq_thread_set_context(primary);
    if (status)
        aclrtResetDevice(deviceId);
    return status;
}

aclError aclrtResetDevice(int32_t deviceId)
{
    static const char function[] = "aclrtResetDevice";
    int status = aq_device_check(function, "deviceId", deviceId);
    if (status)
        return status;
    aq_device *device = &devices[deviceId];
    aq_context *ended = NULL;
    pthread_mutex_lock(&lock);
    bool set = device->uses > 0;
    if (set && --device->uses == 0) {
        ended = device->primary;
        device->primary = NULL;
    }
    pthread_mutex_unlock(&lock);
    if (!set)
        return aq_refuse(507007, &(aq_refusal){.function = function,
                                               .argument = "deviceId",
                                               .rule = "each aclrtSetDevice is taken back once",
                                               .actual = "no aclrtSetDevice of this device is left",
                                               .page = AQ_RUNTIME_PAGE});
    if (ended)
        aq_context_end(ended);
    return 0;
}

aclError aclrtGetDevice(int32_t *deviceId)
{
    static const char function[] = "aclrtGetDevice";
    if (!deviceId)
        return aq_runtime_refuse_null(function, "deviceId");
    const aq_context *context = aq_context_current();
    if (!context)
        return aq_runtime_refuse_no_context(function);
    *deviceId = context->device;
    return 0;
}

aclError aclrtGetDeviceCount(uint32_t *count)
{
    if (!count)
        return aq_runtime_refuse_null("aclrtGetDeviceCount", "count");
    *count = aq_device_count();
    return 0;
}

aclError aclrtGetRunMode(aclrtRunMode *runMode)
{
    if (!runMode)
        return aq_runtime_refuse_null("aclrtGetRunMode", "runMode");
    *runMode = ACL_HOST;
    return 0;
}

static int refuse_same_device(const char *function, int32_t device)
{
    char actual[32];
    snprintf(actual, sizeof actual, "both are %d", (int)device);
    return aq_refuse(100000, &(aq_refusal){.function = function,
                                           .argument = "peerDeviceId",
                                           .rule = "must be another device",
                                           .actual = actual,
                                           .page = AQ_RUNTIME_PAGE});
}

aclError aclrtDeviceCanAccessPeer(int32_t *canAccessPeer, int32_t deviceId, int32_t peerDeviceId)
{
    static const char function[] = "aclrtDeviceCanAccessPeer";
    if (!canAccessPeer)
        return aq_runtime_refuse_null(function, "canAccessPeer");
    if (deviceId == peerDeviceId)
        return refuse_same_device(function, deviceId);
    int status = aq_device_check(function, "deviceId", deviceId);
    if (!status)
        status = aq_device_check(function, "peerDeviceId", peerDeviceId);
    if (!status)
        *canAccessPeer = 1;
    return status;
}

aclError aclrtDeviceEnablePeerAccess(int32_t peerDeviceId, uint32_t flags)
{
    static const char function[] = "aclrtDeviceEnablePeerAccess";
    char actual[16];
    snprintf(actual, sizeof actual, "%u", (unsigned)flags);
    if (flags)
        return aq_refuse(100000, &(aq_refusal){.function = function,
                                               .argument = "flags",
                                               .rule = "is reserved and must be 0",
                                               .actual = actual,
                                               .nearest = "0",
                                               .page = AQ_RUNTIME_PAGE});
    int status = aq_device_check(function, "peerDeviceId", peerDeviceId);
    if (status)
        return status;
    const aq_context *context = aq_context_current();
    if (!context)
        return aq_runtime_refuse_no_context(function);
    return context->device == peerDeviceId ? refuse_same_device(function, peerDeviceId) : 0;
}
