/* SPDX-License-Identifier: Apache-2.0 */
/* lint.c - `antiquant lint`: which calls of V2, V3 and Nz would be refused, and why. Options and the exit
 * code; runs nothing. */
#include "lint.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "format.h"
#include "output.h"

enum {
    KEY_PROFILE = 256,
    KEY_TP,
    KEY_ROWS,
    KEY_LAYERS,
    KEY_ALL,
    KEY_JSON,
    MOST_GLOBS = 64,
    MOST_DEGREE = 1 << 20
};

static const char *const all_profiles[AQ_CLI_PROFILES] = {"310p", "a2", "a3", "950", "any"};

typedef struct aq_cli_lint_options {
    const char *path, *json;
    const char *globs[MOST_GLOBS];
    aq_cli_choice choice;
    bool about_checkpoint; /* an option was given that has a meaning for checkpoints only */
    aq_cli_lint lint;
} aq_cli_lint_options;

static const struct argp_option options[] = {
    {"profile", KEY_PROFILE, "P", 0, "310p, a2, a3, 950 or any; repeatable, default all of them", 1},
    {"json", KEY_JSON, "FILE", 0, "write the answers to FILE, whole or not at all", 1},
    {"tp", KEY_TP, "D,D,...", 0, "checkpoints: tensor-parallel degrees, default 1", 2},
    {"rows", KEY_ROWS, "M", 0, "checkpoints: rows of x, default 1", 2},
    {"layers", KEY_LAYERS, "GLOB", 0, "checkpoints: as for verify; repeatable", 2},
    {"all", KEY_ALL, NULL, 0, "checkpoints: as for verify", 2},
    {0},
};

static const char doc[] =
    "Says which calls of aclnnWeightQuantBatchMatmulV2, V3 and Nz phase 1 would refuse, on each profile, by "
    "which rule, and what the nearest legal value is. Nothing is run.\v"
    "INPUT is a JSON list of calls (a name that ends with .json; docs/LINT.md has the format), or a "
    "safetensors "
    "checkpoint as verify takes it. Of a checkpoint each linear layer is asked about, whole and cut for each "
    "tensor-parallel degree: column parallel splits n, row parallel splits k, and a shard must hold whole "
    "groups.\n\n"
    "Exit code: 0 all legal, 1 some refused, 2 bad input, usage or environment.";

static void parse_degrees(struct argp_state *state, const char *list, aq_cli_lint *lint)
{
    char word[24];
    lint->degree_count = 0;
    for (const char *at = list;; at++) {
        size_t length = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word), at);
        if (lint->degree_count == AQ_CLI_MOST_DEGREES ||
            !aq_cli_parse_count(word, 1, MOST_DEGREE, &lint->degrees[lint->degree_count])) {
            argp_error(state, "--tp must be 1 to %d integers from 1 to %d, parted by commas, got '%s'",
                       AQ_CLI_MOST_DEGREES, MOST_DEGREE, list);
            return;
        }
        lint->degree_count++;
        at += length;
        if (*at == '\0') {
            return;
        }
    }
}

static void parse_profile(struct argp_state *state, const char *arg, aq_cli_lint *lint)
{
    for (int i = 0; i < lint->profile_count; i++) {
        if (strcmp(arg, lint->profiles[i]) == 0) {
            return;
        }
    }
    for (int i = 0; i < AQ_CLI_PROFILES; i++) {
        if (strcmp(arg, all_profiles[i]) == 0) {
            lint->profiles[lint->profile_count++] = all_profiles[i];
            return;
        }
    }
    argp_error(state, "--profile must be 310p, a2, a3, 950 or any, got '%s'", arg);
}

static bool is_list(const char *path)
{
    static const char end[] = ".json", index[] = ".index.json";
    size_t length = strlen(path);
    return length >= sizeof end - 1 && strcmp(path + length - (sizeof end - 1), end) == 0 &&
           !(length >= sizeof index - 1 && strcmp(path + length - (sizeof index - 1), index) == 0);
}

/* What has to do with one another. */
static void check_options(struct argp_state *state, aq_cli_lint_options *given)
{
    static const aq_cli_format untouched = {.op = AQ_CLI_V2};
    const aq_cli_format *format = &given->lint.format;
    bool formatted = format->op != untouched.op || format->int4 || format->bf16 || format->asymmetric ||
                     format->group != 0;
    if (given->path == NULL) {
        argp_error(state, "which INPUT?");
    } else if (format->op == AQ_CLI_V1) {
        argp_error(state, "--op must be v2 or v3; V1 has other rules");
    } else if (is_list(given->path) && (given->about_checkpoint || formatted)) {
        argp_error(state, "a list of calls takes --profile and --json only; the calls say the rest");
    }
    for (int i = 0; given->lint.profile_count == 0 && i < AQ_CLI_PROFILES; i++) {
        given->lint.profiles[i] = all_profiles[i];
    }
    given->lint.profile_count = given->lint.profile_count > 0 ? given->lint.profile_count : AQ_CLI_PROFILES;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    aq_cli_lint_options *given = state->input;
    given->about_checkpoint |= key == KEY_TP || key == KEY_ROWS || key == KEY_LAYERS || key == KEY_ALL;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &given->lint.format;
        break;
    case KEY_PROFILE:
        parse_profile(state, arg, &given->lint);
        break;
    case KEY_TP:
        parse_degrees(state, arg, &given->lint);
        break;
    case KEY_ROWS:
        given->lint.rows = aq_cli_option(state, "--rows", arg, 1, INT64_MAX);
        break;
    case KEY_LAYERS:
        if (given->choice.glob_count == MOST_GLOBS) {
            argp_error(state, "--layers may be given at most %d times", MOST_GLOBS);
        } else {
            given->globs[given->choice.glob_count++] = arg;
        }
        break;
    case KEY_ALL:
        given->choice.all = true;
        break;
    case KEY_JSON:
        given->json = arg;
        break;
    case ARGP_KEY_ARG:
        if (given->path != NULL) {
            return ARGP_ERR_UNKNOWN;
        }
        given->path = arg;
        break;
    case ARGP_KEY_END:
        check_options(state, given);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static bool ask(aq_cli_lint_options *given)
{
    if (is_list(given->path)) {
        return aq_cli_lint_file(&given->lint, given->path);
    }
    aq_cli_checkpoint checkpoint;
    given->choice.globs = given->globs;
    if (!aq_cli_checkpoint_open(given->path, &given->choice, &checkpoint)) {
        return false;
    }
    bool good = aq_cli_lint_checkpoint(&given->lint, &checkpoint);
    if (good) {
        aq_cli_lint_tallies(&given->lint);
    }
    aq_cli_checkpoint_close(&checkpoint);
    return good;
}

int aq_cli_lint_command(int argc, char **argv)
{
    static const struct argp_child children[] = {{&aq_cli_format_argp, 0, "Checkpoints, as for verify:", 3},
                                                 {0}};
    static const struct argp argp = {options, parse, "INPUT", doc, children, NULL, NULL};
    aq_cli_lint_options given = {
        .lint = {.degrees = {1}, .degree_count = 1, .rows = 1, .format = {.op = AQ_CLI_V2}}};
    error_t error = argp_parse(&argp, argc, argv, 0, NULL, &given);
    if (error != 0) {
        aq_cli_error("options: %s", strerror(error));
        return AQ_CLI_BAD;
    }
    if (!aq_cli_settings_valid() || (given.json != NULL && !aq_cli_output_possible(given.json))) {
        return AQ_CLI_BAD;
    }
    aq_cli_lint *lint = &given.lint;
    lint->results = given.json != NULL ? json_array() : NULL;
    bool good = ask(&given);
    if (good) {
        printf("result: %lld of %lld answers are refusals\n", (long long)lint->refused,
               (long long)lint->asked);
        good = given.json == NULL || aq_cli_lint_json(lint, given.path, given.json);
    }
    json_decref(lint->results);
    return !good ? AQ_CLI_BAD : lint->refused > 0 ? AQ_CLI_BROKEN : AQ_CLI_OK;
}
