/* SPDX-License-Identifier: Apache-2.0 */
/* layer.h - one linear layer of a checkpoint through an operator, and what came of it. */
#ifndef AQ_CLI_LAYER_H
#define AQ_CLI_LAYER_H

#include "antiquant.h"
#include "checkpoint.h"
#include "device.h"
#include "oracle.h"

enum { AQ_CLI_MOST_ROWS = 32 /* values of --rows */ };

/* What is done with each layer. */
typedef struct aq_cli_trial {
    int64_t rows[AQ_CLI_MOST_ROWS]; /* the values of m */
    int row_count;
    int64_t seed, repeat;
    aq_cli_format format;
} aq_cli_trial;

typedef struct aq_cli_run_result {
    aq_explanation plan; /* path, kernel, order, threads; V2 and V3: the operator as path, and the order */
    aq_cli_timing timing;
    aq_cli_check check; /* its `out` is not valid any more */
    uint64_t digest;
} aq_cli_run_result;

typedef struct aq_cli_layer_result {
    const aq_cli_linear *layer;
    aq_cli_run_result runs[AQ_CLI_MOST_ROWS];
    int64_t group;   /* that this layer was quantised with: 0 when it is no larger than one group */
    bool rows_agree; /* row i came out the same, bit for bit, in all runs of the same path that have it */
    int64_t differing_m[2], differing_row; /* when not */
} aq_cli_layer_result;

/* Quantises the layer, runs it with each number of rows on the same seeded activations and checks the
 * results. False, with a message, when something failed before there was a result to judge. */
bool aq_cli_try_layer(aq_cli_device *device, const aq_cli_linear *layer, const aq_cli_trial *trial,
                      aq_cli_layer_result *result);

#endif
