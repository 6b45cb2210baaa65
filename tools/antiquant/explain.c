/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c - `antiquant explain`: what the library would do with a multiplication, and how close to the
 * limits of this machine that should come. Nothing is multiplied; the limits are measured unless given. */
#include <argp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl_base.h"
#include "antiquant.h"
#include "bench_probe.h"
#include "cli.h"
#include "output.h"

enum {
    KEY_OP = 256,
    KEY_WEIGHT,
    KEY_GROUP,
    KEY_X,
    KEY_ASYMMETRIC,
    KEY_STORAGE,
    KEY_NUMERICS,
    KEY_PROFILE,
    KEY_READ,
    KEY_PEAK,
    KEY_JSON
};

typedef struct aq_cli_explain_options {
    aq_matmul call;
    const char *json;
} aq_cli_explain_options;

static const struct argp_option options[] = {
    {"op", KEY_OP, "OP", 0, "v1, v2 (default), v3 or nz: the version of the operator", 1},
    {"weight", KEY_WEIGHT, "TYPE", 0, "int8 (default), int4, fp8, hif8 or fp4", 1},
    {"group", KEY_GROUP, "G", 0, "values along k that share a scale; 0 (default): all of them", 1},
    {"x", KEY_X, "TYPE", 0, "fp16 (default) or bf16, the type of activations and scales", 1},
    {"asymmetric", KEY_ASYMMETRIC, NULL, 0, "with offsets", 1},
    {"storage", KEY_STORAGE, "S", 0,
     "of the weight: plain (default, (k,n) row by row), transposed, nz, nz-transposed, packed or "
     "packed-transposed (by aq_pack_weight)",
     1},
    {"numerics", KEY_NUMERICS, "MODE", 0, "default: the mode of ANTIQUANT_NUMERICS", 2},
    {"profile", KEY_PROFILE, "P", 0, "the chip whose limits hold; default: the one of ANTIQUANT_PROFILE", 2},
    {"read", KEY_READ, "GB/S", 0, "bytes that the threads can read from memory; default: measured", 3},
    {"peak", KEY_PEAK, "GFLOP/S", 0, "fp32 multiply-adds that they can do, two each; default: measured", 3},
    {"json", KEY_JSON, "FILE", 0, "write all of it to FILE as JSON too", 4},
    {0},
};

/* A word of the command line and what it is to the library. */
typedef struct choice {
    const char *word, *name;
    int number;
} choice;

static const choice ops[] = {
    {"v1", "V1", 0}, {"v2", "V2", 0}, {"v3", "V3", 0}, {"nz", "Nz", 0}, {NULL, NULL, 0}};
static const choice weights[] = {{"int8", "INT8", ACL_INT8},
                                 {"int4", "INT4", ACL_INT4},
                                 {"fp8", "FLOAT8_E4M3FN", ACL_FLOAT8_E4M3FN},
                                 {"hif8", "HIFLOAT8", ACL_HIFLOAT8},
                                 {"fp4", "FLOAT4_E2M1", ACL_FLOAT4_E2M1},
                                 {NULL, NULL, 0}};
static const choice halves[] = {
    {"fp16", "FLOAT16", ACL_FLOAT16}, {"bf16", "BF16", ACL_BF16}, {NULL, NULL, 0}};

static const choice *choose(struct argp_state *state, const char *option, const choice *from, const char *arg)
{
    char words[64] = "";
    for (const choice *one = from; one->word != NULL; one++) {
        if (strcmp(one->word, arg) == 0) {
            return one;
        }
        size_t length = strlen(words);
        snprintf(words + length, sizeof words - length, "%s%s", length > 0 ? ", " : "", one->word);
    }
    argp_error(state, "%s must be one of %s, got '%s'", option, words, arg);
    return from;
}

static const char *name_of(const choice *from, int number)
{
    while (from->word != NULL && from->number != number) {
        from++;
    }
    return from->name;
}

static double rate(struct argp_state *state, const char *option, const char *arg)
{
    char *end = NULL;
    double value = strtod(arg, &end);
    if (end == arg || *end != '\0' || !isfinite(value) || value <= 0) {
        argp_error(state, "%s must be a finite number above 0, got '%s'", option, arg);
    }
    return value;
}

static error_t parse_size(struct argp_state *state, aq_matmul *call, const char *arg)
{
    static const char *const names[] = {"M", "N", "K"};
    int64_t *const sizes[] = {&call->m, &call->n, &call->k};
    if (state->arg_num > 2) {
        argp_error(state, "too many arguments: M N K are three");
        return EINVAL;
    }
    *sizes[state->arg_num] = aq_cli_option(state, names[state->arg_num], arg, 1, INT64_MAX);
    return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    aq_cli_explain_options *explain = state->input;
    aq_matmul *call = &explain->call;
    switch (key) {
    case KEY_OP:
        call->op = choose(state, "--op", ops, arg)->name;
        break;
    case KEY_WEIGHT:
        call->weight_dtype = choose(state, "--weight", weights, arg)->number;
        break;
    case KEY_GROUP:
        call->group_size = (int)aq_cli_option(state, "--group", arg, 0, INT32_MAX);
        break;
    case KEY_X:
        call->x_dtype = choose(state, "--x", halves, arg)->number;
        break;
    case KEY_ASYMMETRIC:
        call->offset = true;
        break;
    case KEY_STORAGE:
        call->storage = arg;
        break;
    case KEY_NUMERICS:
        call->numerics = arg;
        break;
    case KEY_PROFILE:
        call->profile = arg;
        break;
    case KEY_READ:
        call->read = rate(state, "--read", arg);
        break;
    case KEY_PEAK:
        call->peak = rate(state, "--peak", arg);
        break;
    case KEY_JSON:
        explain->json = arg;
        break;
    case ARGP_KEY_ARG:
        return parse_size(state, call, arg);
    case ARGP_KEY_END:
        if (state->arg_num < 3) {
            argp_error(state, "M N K are missing: rows, columns, length of the sums");
        }
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* The best of a few: what disturbs a probe makes it slower, never quicker. */
static double peak_of(aq_bench_probe *probe, const char *level)
{
    enum { ROUNDS = 5 };
    const double seconds = 1e-3;
    double best = 0.0;
    for (int round = 0; round < ROUNDS; round++) {
        double rate = 1e-9 * aq_bench_probe_multiply(probe, level, seconds);
        best = rate > best ? rate : best;
    }
    return best;
}

/* Fills in the limits that no option gave. */
static bool measure(aq_matmul *call, const aq_matmul_explanation *plan, bool *read_given, bool *peak_given)
{
    *read_given = call->read > 0;
    *peak_given = call->peak > 0;
    if (*read_given && *peak_given) {
        return true;
    }
    aq_bench_probe *probe = aq_bench_probe_start(plan->threads);
    if (probe == NULL) {
        return false;
    }
    if (!*read_given) {
        const char *level;
        call->read = 1e-9 * aq_bench_probe_cold(probe, &level);
    }
    if (!*peak_given) {
        call->peak = peak_of(probe, NULL);
        call->level_peak = peak_of(probe, plan->level);
    }
    aq_bench_probe_stop(probe);
    return true;
}

static void print_lines(const char *label, const char *lines)
{
    for (const char *line = lines; *line; line = strchr(line, '\n') + 1) {
        printf("%s%.*s\n", label, (int)strcspn(line, "\n"), line);
    }
}

static void print_plan(const aq_matmul *call, const aq_matmul_explanation *plan)
{
    char scales[48] = "per channel";
    if (call->group_size > 0) {
        snprintf(scales, sizeof scales, "group %d", call->group_size);
    }
    printf("call     %s, m %lld, n %lld, k %lld; x %s, weight %s, %s%s, %s\n", call->op, (long long)call->m,
           (long long)call->n, (long long)call->k, name_of(halves, call->x_dtype),
           name_of(weights, call->weight_dtype), scales, call->offset ? ", offsets" : "",
           call->storage != NULL ? call->storage : "plain");
    printf("path     %s, numerics %s, order %s\n", plan->path, plan->numerics, plan->order);
    printf("kernel   %s (%s, %s), %d thread%s\n", plan->kernel, plan->role, plan->level, plan->threads,
           plan->threads == 1 ? "" : "s");
    print_lines("", plan->lines);
}

static void print_roof(const aq_matmul *call, const aq_matmul_explanation *plan, bool read_given,
                       bool peak_given)
{
    printf("limits   read %.1f GB/s (%s), peak %.1f GFLOP/s (%s)\n", call->read,
           read_given ? "given" : "measured", call->peak, peak_given ? "given" : "measured");
    printf("roof     %.1f us: reading takes %.1f, arithmetic %.1f\n", plan->roof_us, plan->read_us,
           plan->peak_us);
    if (plan->share > 0) {
        printf("expected %.2f of the roof, %.1f us, by a simple model of the kernel\n", plan->share,
               plan->expected_us);
    } else {
        puts("expected not known: the reference kernel is for checking, not for speed");
    }
}

static json_t *json_of(const aq_matmul *call, const aq_matmul_explanation *plan)
{
    json_t *why = json_array();
    for (const char *line = plan->why; *line; line = strchr(line, '\n') + 1) {
        size_t name = strcspn(line, ":"), all = strcspn(line, "\n");
        json_array_append_new(
            why, json_pack("{s:s%, s:s%}", "kernel", line, name, "reason", line + name + 2, all - name - 2));
    }
    json_t *sizes = json_pack("{s:I, s:I, s:I, s:I, s:I}", "weight", (json_int_t)plan->weight_bytes,
                              "parameters", (json_int_t)plan->parameter_bytes, "x", (json_int_t)plan->x_bytes,
                              "y", (json_int_t)plan->y_bytes, "workspace", (json_int_t)plan->workspace_bytes);
    json_t *tiles =
        json_pack("{s:[i,i], s:[I,I], s:I, s:I, s:I, s:s?}", "tile", plan->tile_rows, plan->tile_columns,
                  "task", (json_int_t)plan->task_rows, (json_int_t)plan->task_columns, "tasks",
                  (json_int_t)plan->tasks, "packed_rows", (json_int_t)plan->packed_rows, "chunk",
                  (json_int_t)plan->chunk, "generic_panel", plan->panel);
    json_t *roof =
        json_pack("{s:f, s:f, s:f, s:f, s:f, s:o, s:o}", "read_gb_s", call->read, "peak_gflop_s", call->peak,
                  "read_us", plan->read_us, "peak_us", plan->peak_us, "roof_us", plan->roof_us, "expected_us",
                  aq_cli_json_number(plan->share > 0 ? plan->expected_us : NAN), "share",
                  aq_cli_json_number(plan->share > 0 ? plan->share : NAN));
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:i, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, "
                     "s:f, s:o, s:o, s:o, s:o}",
                     "antiquant", aq_version(), "op", call->op, "m", (json_int_t)call->m, "n",
                     (json_int_t)call->n, "k", (json_int_t)call->k, "x", name_of(halves, call->x_dtype),
                     "weight", name_of(weights, call->weight_dtype), "group", call->group_size, "offset",
                     call->offset, "storage", call->storage != NULL ? call->storage : "plain", "path",
                     plan->path, "numerics", plan->numerics, "order", plan->order, "kernel", plan->kernel,
                     "role", plan->role, "level", plan->level, "threads", plan->threads, "flops", plan->flops,
                     "tiles", tiles, "bytes", sizes, "roof", roof, "not", why);
}

int aq_cli_explain(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "M N K",
        "Says what the library would do for y (M,N) = x (M,K) times weight (K,N): the kernel, why each "
        "better one declines, tiles, bytes, and the share of this machine's roof that it should reach."
        "\vNothing is multiplied: rules and plan of phase 1 are asked. The roof is the least time of a run "
        "that finds its operands in memory and multiplies in fp32: the longer of all bytes at the read "
        "limit and all multiply-adds at the peak. Both limits are measured now, with the threads of the "
        "plan, in about a fifth of a second. Exit code 2 on bad input and for a call that phase 1 would "
        "refuse.",
        NULL,
        NULL,
        NULL};
    aq_cli_explain_options explain = {.call = {.op = "V2", .x_dtype = ACL_FLOAT16, .weight_dtype = ACL_INT8}};
    aq_matmul *call = &explain.call;
    error_t error = argp_parse(&argp, argc, argv, 0, NULL, &explain);
    if (error != 0) {
        aq_cli_error("options: %s", strerror(error));
        return AQ_CLI_BAD;
    }
    aq_matmul_explanation plan;
    bool read_given, peak_given;
    if (!aq_cli_settings_valid() || (explain.json != NULL && !aq_cli_output_possible(explain.json)) ||
        !aq_cli_acl(aq_explain_matmul(call, &plan), "aq_explain_matmul") ||
        !measure(call, &plan, &read_given, &peak_given) ||
        !aq_cli_acl(aq_explain_matmul(call, &plan), "aq_explain_matmul")) {
        return AQ_CLI_BAD;
    }
    print_plan(call, &plan);
    print_roof(call, &plan, read_given, peak_given);
    print_lines("not      ", plan.why);
    if (explain.json == NULL) {
        return AQ_CLI_OK;
    }
    json_t *all = json_of(call, &plan);
    bool good = aq_cli_output_json(explain.json, all);
    json_decref(all);
    return good ? AQ_CLI_OK : AQ_CLI_BAD;
}
