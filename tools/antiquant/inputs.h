/* SPDX-License-Identifier: Apache-2.0 */
/* inputs.h - what `antiquant run` multiplies: read from .npy files, or made up from a seed. */
#ifndef AQ_CLI_INPUTS_H
#define AQ_CLI_INPUTS_H

#include "device.h"
#include "oracle.h"

/* As asked for on the command line. Sizes are 0, names null, where nothing was said. */
typedef struct aq_cli_request {
    int64_t m, k, n;
    bool transpose_x1, transpose_x2;
    double antiquant_scale, antiquant_offset;
    int64_t seed;
    const char *x, *weight, *scale, *offset, *bias;
} aq_cli_request;

typedef struct aq_cli_inputs {
    int64_t m;
    aq_cli_weight weight; /* with sizes; its arrays are those below */
    uint16_t *x;          /* (m,k), or (k,m) with transpose_x1 */
    int8_t *q;
    float *plain; /* the weight before it was quantised; null when it came as int8 */
    float *mul, *add, *bias, *deq_scale;
    int32_t *deq_offset;
} aq_cli_inputs;

/* Zero *inputs before; free them after, also on failure. Casts x on the device. */
bool aq_cli_inputs_make(const aq_cli_request *request, aq_cli_device *device, aq_cli_inputs *inputs);
void aq_cli_inputs_free(aq_cli_inputs *inputs);

#endif
