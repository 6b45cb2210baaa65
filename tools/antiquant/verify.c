/* SPDX-License-Identifier: Apache-2.0 */
/* verify.c - `antiquant verify`: every linear layer of a checkpoint through the operator, each result held
 * against the fp64 oracle. Options, the loop over layers, the exit code. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "format.h"
#include "layer.h"
#include "output.h"
#include "report.h"

enum {
    KEY_LAYERS = 256,
    KEY_ALL,
    KEY_ROWS,
    KEY_SEED,
    KEY_JSON,
    KEY_DIGEST,
    MOST_GLOBS = 64,
    MOST_M = 1 << 20
};

typedef struct aq_cli_verify_options {
    const char *path, *json;
    const char *globs[MOST_GLOBS];
    aq_cli_choice choice;
    aq_cli_trial trial;
    bool digests;
} aq_cli_verify_options;

static const struct argp_option options[] = {
    {"layers", KEY_LAYERS, "GLOB", 0,
     "2-D float tensors whose name matches, instead of the rule below; repeatable", 1},
    {"all", KEY_ALL, NULL, 0, "all 2-D float tensors, instead of the rule below", 1},
    {"rows", KEY_ROWS, "M,M,...", 0, "numbers of rows to run; default 1,16,64,65,256", 1},
    {"seed", KEY_SEED, "S", 0, "of the activations; default 1", 1},
    {"repeat", 'r', "R", 0,
     "runs, of which the median time is shown, fewer for slow ones; 1 to 1000, default 5", 1},
    {"json", KEY_JSON, "FILE", 0, "write the results to FILE, whole or not at all", 3},
    {"digest", KEY_DIGEST, NULL, 0, "print FNV-1a (64 bits) of the bytes of each result, and of all of them",
     3},
    {0},
};

static const char doc[] =
    "Quantises each linear layer of a safetensors CHECKPOINT (to int8 per output channel unless told "
    "otherwise), "
    "runs aclnnWeightQuantBatchMatmul, V2 or V3 on it and compares the results with sums in fp64 of the same "
    "weights.\v"
    "CHECKPOINT is a file, a *.index.json, or a folder with model.safetensors or "
    "model.safetensors.index.json.\n\n"
    "Layers: 2-D tensors NAME.weight of F32, F16 or BF16, with NAME.bias where there is one. Left out are "
    "those "
    "with a part of the name, between dots, that contains \"embed\" or \"norm\" or is wte, wpe, shared or "
    "relative_attention_bias.\n\n"
    "Weights: symmetric, scale = largest magnitude / 127 (int4: / 7), rounded to the type of x; "
    "--asymmetric: 256 "
    "(16) steps from the least to the greatest value; --group: layers with k <= G have one group. V2 and V3 "
    "see the weight, stored [n,k], as (k,n) with "
    "strides (1,k); n goes in slices of 65535. Activations: normal, as behind a "
    "LayerNorm, with a gain from 0.5 to 1.5 and a small shift per channel, and 20 times the gain in one "
    "channel "
    "of 256; the same rows for every number of rows.\n\n"
    "Bound: the smallest error before the final rounding that explains the output, over what the numerics "
    "contract "
    "allows: 2^-24 (C + 2) (sum of |x w| + |bias|), C = longest chain of additions; ANTIQUANT_NUMERICS=exact "
    "and fast have weights that are not rounded and bounds of their own. A row must also come out "
    "the "
    "same in every batch of its path.\n\n"
    "Exit code: 0 all kept, 1 a bound is broken, 2 bad input, usage or environment.";

static void parse_rows(struct argp_state *state, const char *list, aq_cli_trial *trial)
{
    char word[24];
    trial->row_count = 0;
    for (const char *at = list;; at++) {
        size_t length = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word), at);
        if (trial->row_count == AQ_CLI_MOST_ROWS ||
            !aq_cli_parse_count(word, 1, MOST_M, &trial->rows[trial->row_count])) {
            argp_error(state, "--rows must be 1 to %d integers from 1 to %d, parted by commas, got '%s'",
                       AQ_CLI_MOST_ROWS, MOST_M, list);
            return;
        }
        trial->row_count++;
        at += length;
        if (*at == '\0') {
            return;
        }
    }
}

static void check_format(struct argp_state *state, const aq_cli_format *format)
{
    if (format->op == AQ_CLI_V1 &&
        (format->int4 || format->bf16 || format->asymmetric || format->group != 0)) {
        argp_error(state, "%s needs --op v2 or --op v3",
                   format->int4         ? "--weight int4"
                   : format->bf16       ? "--x bf16"
                   : format->group != 0 ? "--group"
                                        : "--asymmetric");
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    aq_cli_verify_options *verify = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &verify->trial.format;
        break;
    case KEY_LAYERS:
        if (verify->choice.glob_count == MOST_GLOBS) {
            argp_error(state, "--layers may be given at most %d times", MOST_GLOBS);
        } else {
            verify->globs[verify->choice.glob_count++] = arg;
        }
        break;
    case KEY_ALL:
        verify->choice.all = true;
        break;
    case KEY_ROWS:
        parse_rows(state, arg, &verify->trial);
        break;
    case KEY_SEED:
        verify->trial.seed = aq_cli_option(state, "--seed", arg, 0, INT64_MAX);
        break;
    case 'r':
        verify->trial.repeat = aq_cli_option(state, "--repeat", arg, 1, 1000);
        break;
    case KEY_JSON:
        verify->json = arg;
        break;
    case KEY_DIGEST:
        verify->digests = true;
        break;
    case ARGP_KEY_ARG:
        if (verify->path != NULL) {
            return ARGP_ERR_UNKNOWN;
        }
        verify->path = arg;
        break;
    case ARGP_KEY_END:
        if (verify->path == NULL) {
            argp_error(state, "which CHECKPOINT?");
        }
        check_format(state, &verify->trial.format);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* All layers. False, with a message, when one could not be judged. `layers` takes their JSON, unless null. */
static bool verify_layers(const aq_cli_verify_options *verify, const aq_cli_checkpoint *checkpoint,
                          aq_cli_device *device, aq_cli_layer_result *result, json_t *layers,
                          aq_cli_summary *summary)
{
    double start = aq_cli_seconds();
    for (size_t i = 0; i < checkpoint->layer_count; i++) {
        char name[48];
        aq_cli_progress("[%zu/%zu] %s", i + 1, checkpoint->layer_count,
                        aq_cli_clean(checkpoint->layers[i].weight->name, name, sizeof name));
        if (!aq_cli_try_layer(device, &checkpoint->layers[i], &verify->trial, result)) {
            return false;
        }
        aq_cli_progress(NULL);
        aq_cli_report_layer(&verify->trial, result, verify->digests);
        fflush(stdout);
        aq_cli_summary_add(summary, &verify->trial, result);
        if (layers != NULL &&
            json_array_append_new(layers, aq_cli_report_layer_json(&verify->trial, result)) != 0) {
            aq_cli_error("out of memory for the JSON of a layer");
            return false;
        }
    }
    summary->seconds = aq_cli_seconds() - start;
    return true;
}

static int verify_checkpoint(const aq_cli_verify_options *verify, const aq_cli_checkpoint *checkpoint)
{
    aq_cli_device device = {0};
    aq_cli_summary summary = {.digest = AQ_CLI_DIGEST_START};
    aq_cli_layer_result *result = aq_cli_alloc(1, sizeof *result, "the results of a layer");
    json_t *layers = verify->json != NULL ? json_array() : NULL;
    int code = AQ_CLI_BAD;
    if (result != NULL && aq_cli_device_open(&device)) {
        aq_cli_report_head(verify->path, checkpoint, &verify->trial, verify->digests);
        if (verify_layers(verify, checkpoint, &device, result, layers, &summary)) {
            aq_cli_report_summary(&summary, verify->digests);
            code = aq_cli_summary_good(&summary) ? AQ_CLI_OK : AQ_CLI_BROKEN;
        }
    }
    aq_cli_progress(NULL);
    aq_cli_device_close(&device);
    if (code != AQ_CLI_BAD && layers != NULL) {
        json_t *all = aq_cli_report_json(verify->path, &verify->trial, &summary, layers);
        layers = NULL;
        code = aq_cli_output_json(verify->json, all) ? code : AQ_CLI_BAD;
        json_decref(all);
    }
    json_decref(layers);
    free(result);
    return code;
}

int aq_cli_verify(int argc, char **argv)
{
    static const struct argp_child children[] = {{&aq_cli_format_argp, 0, NULL, 2}, {0}};
    static const struct argp argp = {options, parse, "CHECKPOINT", doc, children, NULL, NULL};
    aq_cli_verify_options verify = {
        .trial = {.rows = {1, 16, 64, 65, 256}, .row_count = 5, .seed = 1, .repeat = 5}};
    error_t error = argp_parse(&argp, argc, argv, 0, NULL, &verify);
    if (error != 0) {
        aq_cli_error("options: %s", strerror(error));
        return AQ_CLI_BAD;
    }
    verify.choice.globs = verify.globs;
    if (!aq_cli_settings_valid() || (verify.json != NULL && !aq_cli_output_possible(verify.json))) {
        return AQ_CLI_BAD;
    }
    aq_cli_checkpoint checkpoint;
    if (!aq_cli_checkpoint_open(verify.path, &verify.choice, &checkpoint)) {
        return AQ_CLI_BAD;
    }
    int code = verify_checkpoint(&verify, &checkpoint);
    aq_cli_checkpoint_close(&checkpoint);
    return code;
}
