/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - what `antiquant verify` shows: a table on stdout, the same as JSON, and the sum of it all. */
#ifndef AQ_CLI_REPORT_H
#define AQ_CLI_REPORT_H

#include <jansson.h>

#include "layer.h"

/* Over all layers so far. Zero before the first, but with digest = AQ_CLI_DIGEST_START. */
typedef struct aq_cli_summary {
    int64_t layers, runs, broken_runs, broken_layers; /* broken_layers: rows that depend on the batch */
    double worst_share;
    const char *worst_layer; /* hostile text; null before the first run */
    int64_t worst_m;
    double worst_quantisation;
    uint64_t digest; /* FNV-1a over the digests of the runs, in order */
    double seconds;
} aq_cli_summary;

void aq_cli_summary_add(aq_cli_summary *summary, const aq_cli_trial *trial,
                        const aq_cli_layer_result *result);
bool aq_cli_summary_good(const aq_cli_summary *summary);

void aq_cli_report_head(const char *path, const aq_cli_checkpoint *checkpoint, const aq_cli_trial *trial,
                        bool digests);
/* Also says on stderr what broke a rule. */
void aq_cli_report_layer(const aq_cli_trial *trial, const aq_cli_layer_result *result, bool digests);
void aq_cli_report_summary(const aq_cli_summary *summary, bool digests);

/* New references, or null when out of memory. */
json_t *aq_cli_report_layer_json(const aq_cli_trial *trial, const aq_cli_layer_result *result);
/* Takes over `layers`. */
json_t *aq_cli_report_json(const char *path, const aq_cli_trial *trial, const aq_cli_summary *summary,
                           json_t *layers);

#endif
