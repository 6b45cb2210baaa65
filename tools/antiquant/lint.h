/* SPDX-License-Identifier: Apache-2.0 */
/* lint.h - what the parts of `antiquant lint` share: which calls are asked about, and what is done with the
 * answers. */
#ifndef AQ_CLI_LINT_H
#define AQ_CLI_LINT_H

#include <jansson.h>

#include "antiquant.h"
#include "checkpoint.h"
#include "weights.h"

enum { AQ_CLI_PROFILES = 5, AQ_CLI_MOST_DEGREES = 16 };

/* The part of a layer that one of `degree` ranks has. */
typedef enum aq_cli_split { AQ_CLI_WHOLE, AQ_CLI_COLUMN, AQ_CLI_ROW } aq_cli_split;

typedef struct aq_cli_shard {
    int64_t degree, n, k;
    aq_cli_split split;
} aq_cli_shard;

/* Answers so far for one degree and split. */
typedef struct aq_cli_tally {
    int64_t shards, legal[AQ_CLI_PROFILES];
} aq_cli_tally;

typedef struct aq_cli_lint {
    const char *profiles[AQ_CLI_PROFILES];
    int profile_count;
    int64_t degrees[AQ_CLI_MOST_DEGREES]; /* checkpoints only, like the three below */
    int degree_count;
    int64_t rows;
    aq_cli_format format;
    aq_cli_tally tallies[AQ_CLI_MOST_DEGREES][AQ_CLI_ROW + 1];
    json_t *results;        /* null when nobody wants them */
    int64_t asked, refused; /* calls times profiles */
} aq_cli_lint;

/* Asks the table of rules about a call on each profile, prints and collects the answers. name: hostile text.
 * shard: null, else what the call is of; then only refusals are printed. broken: null, else the rule of
 * tensor parallelism that the shard breaks, and no table is asked. tally may be null. False, with a message,
 * when there is no answer. */
bool aq_cli_lint_call(aq_cli_lint *lint, const aq_call *call, const char *name, const aq_cli_shard *shard,
                      const aq_verdict *broken, aq_cli_tally *tally);

/* The table of legal layers. */
void aq_cli_lint_tallies(const aq_cli_lint *lint);

/* Writes the answers to path; takes over lint->results. False, with a message, when that fails. */
bool aq_cli_lint_json(aq_cli_lint *lint, const char *input, const char *path);

/* All calls of a JSON file (docs/LINT.md), taken as hostile. False, with a message, when it is not valid. */
bool aq_cli_lint_file(aq_cli_lint *lint, const char *path);

/* All shards of all linear layers. False, with a message, when there is no answer. */
bool aq_cli_lint_checkpoint(aq_cli_lint *lint, const aq_cli_checkpoint *checkpoint);

#endif
