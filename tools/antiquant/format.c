/* SPDX-License-Identifier: Apache-2.0 */
/* format.c - parses how a weight is quantised and for whom. Which combinations make sense is the command's to
 * say. */
#include "format.h"

#include <string.h>

#include "cli.h"

enum { KEY_OP = 512, KEY_WEIGHT, KEY_GROUP, KEY_X, KEY_ASYMMETRIC };

static const struct argp_option options[] = {
    {"op", KEY_OP, "OP", 0, "v1 (default of verify), v2 (default of lint) or v3: the version of the operator",
     0},
    {"weight", KEY_WEIGHT, "TYPE", 0, "int8 (default) or int4; int4 needs v2 or v3", 0},
    {"group", KEY_GROUP, "G", 0,
     "values along k that share a scale, a multiple of 32; 0 (default): all of them; needs v2 or v3", 0},
    {"x", KEY_X, "TYPE", 0, "fp16 (default) or bf16, the type of activations and scales; bf16 needs v2 or v3",
     0},
    {"asymmetric", KEY_ASYMMETRIC, NULL, 0, "with offsets, as AWQ and GPTQ have them; needs v2 or v3", 0},
    {0},
};

/* 1 for the second word, 0 for the first, else a usage error. */
static bool second_word(struct argp_state *state, const char *option, const char *arg, const char *first,
                        const char *second)
{
    if (strcmp(arg, first) != 0 && strcmp(arg, second) != 0) {
        argp_error(state, "%s must be %s or %s, got '%s'", option, first, second, arg);
    }
    return strcmp(arg, second) == 0;
}

static error_t parse_format(int key, char *arg, struct argp_state *state)
{
    aq_cli_format *format = state->input;
    switch (key) {
    case KEY_OP:
        if (strcmp(arg, "v1") != 0 && strcmp(arg, "v2") != 0 && strcmp(arg, "v3") != 0) {
            argp_error(state, "--op must be v1, v2 or v3, got '%s'", arg);
        }
        format->op = arg[1] == '1' ? AQ_CLI_V1 : arg[1] == '2' ? AQ_CLI_V2 : AQ_CLI_V3;
        return 0;
    case KEY_WEIGHT:
        format->int4 = second_word(state, "--weight", arg, "int8", "int4");
        return 0;
    case KEY_GROUP:
        format->group = aq_cli_option(state, "--group", arg, 0, INT32_MAX);
        return 0;
    case KEY_X:
        format->bf16 = second_word(state, "--x", arg, "fp16", "bf16");
        return 0;
    case KEY_ASYMMETRIC:
        format->asymmetric = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp aq_cli_format_argp = {options, parse_format, NULL, NULL, NULL, NULL, NULL};
