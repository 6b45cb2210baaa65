/* SPDX-License-Identifier: Apache-2.0 */
/* device.h - the operators as a caller of CANN runs it: device, stream, memory, tensors, two phases.
 * Functions that return bool have printed which call failed, and why, when they return false. */
#ifndef AQ_CLI_DEVICE_H
#define AQ_CLI_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "acl/acl.h"
#include "aclnn/aclnn_base.h"
#include "oracle.h"

typedef struct aq_cli_device {
    bool initialised, set;
    aclrtStream stream;
    void *workspace; /* grows to what the runs want */
    uint64_t workspace_size;
} aq_cli_device;

/* Zero the struct before; close after, also when open failed. */
bool aq_cli_device_open(aq_cli_device *device);
void aq_cli_device_close(aq_cli_device *device);

/* fp32 to fp16 by aclnnCast, host memory to host memory. */
bool aq_cli_device_cast(aq_cli_device *device, const float *values, int64_t count, uint16_t *halves);

/* A weight on the device, with the parameters of both paths. Zero the struct before; unload after. */
typedef struct aq_cli_loaded {
    const aq_cli_weight *weight;
    void *x2, *diagonal, *deq_offset, *deq_scale, *add_offset, *mul_scale, *bias; /* device memory */
} aq_cli_loaded;

/* V1: deqScale is made by aclnnTransQuantParam, addOffset and mulScale by aclnnCast. V2, V3 (device_v2.c):
 * scales, offsets and bias by aclnnCast, int4 packed. weight has to stay. */
bool aq_cli_load(aq_cli_device *device, const aq_cli_weight *weight, aq_cli_loaded *loaded);
void aq_cli_unload(aq_cli_loaded *loaded);

typedef struct aq_cli_timing {
    int64_t runs;
    double phase1, phase2; /* medians in seconds; phase 2 includes the synchronise */
} aq_cli_timing;

/* Runs x1 (m,k), or (k,m) with transpose_x1 (V1 only), against the weight, and stores (m,n) values in out.
 * Runs up to `repeat` times, but starts no further run when `budget` seconds have gone by. The output is
 * filled with NaN before, so that an element nobody writes is seen. */
bool aq_cli_multiplied(aq_cli_device *device, const aq_cli_loaded *loaded, int64_t m, const uint16_t *x1,
                       bool transpose_x1, int64_t repeat, double budget, uint16_t *out,
                       aq_cli_timing *timing);

#endif
