/* SPDX-License-Identifier: Apache-2.0 */
/* device_parts.h - what device.c and device_v2.c share. As device.h: false comes with a message. */
#ifndef AQ_CLI_DEVICE_PARTS_H
#define AQ_CLI_DEVICE_PARTS_H

#include <stddef.h>

#include "device.h"

/* Device memory for count elements, filled from host memory unless that is null. */
bool aq_cli_to_device(const void *host, int64_t count, size_t size, void **memory);
void aq_cli_release(void *memory);    /* null is fine */
void aq_cli_destroy(aclTensor *made); /* likewise */

/* Host fp32 to device fp16 or bf16, by aclnnCast. */
bool aq_cli_cast_to_device(aq_cli_device *device, const float *values, int64_t count, aclDataType type,
                           void **halves);

/* Sees to it that the device's workspace holds at least size bytes. Ends the executor when it cannot. */
bool aq_cli_want_workspace(aq_cli_device *device, uint64_t size, aclOpExecutor *executor);

/* The two phases of one call. */
typedef struct aq_cli_phases {
    bool (*first)(const void *call, uint64_t *size, aclOpExecutor **executor);
    bool (*second)(aq_cli_device *device, uint64_t size, aclOpExecutor *executor);
} aq_cli_phases;

/* Runs a call up to `repeat` times, but starts no further run when `budget` seconds have gone by. */
bool aq_cli_repeat(aq_cli_device *device, const aq_cli_phases *phases, const void *call, int64_t repeat,
                   double budget, aq_cli_timing *timing);

/* V2 and V3 (device_v2.c): aq_cli_load and aq_cli_multiplied of device.h for them. */
bool aq_cli_load_v2(aq_cli_device *device, aq_cli_loaded *loaded);
bool aq_cli_multiplied_v2(aq_cli_device *device, const aq_cli_loaded *loaded, int64_t m, const uint16_t *x,
                          int64_t repeat, double budget, uint16_t *out, aq_cli_timing *timing);

#endif
