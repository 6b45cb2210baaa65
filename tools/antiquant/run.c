/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - `antiquant run`: one multiplication from the command line, timed and held against the fp64 oracle.
 */
#include <argp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "antiquant.h"
#include "cli.h"
#include "inputs.h"
#include "npy.h"
#include "output.h"

enum {
    KEY_TX1 = 256,
    KEY_TX2,
    KEY_X,
    KEY_WEIGHT,
    KEY_SCALE,
    KEY_OFFSET,
    KEY_BIAS,
    KEY_AS,
    KEY_AO,
    KEY_SEED,
    KEY_DIGEST
};

typedef struct aq_cli_run_options {
    aq_cli_request request;
    int64_t repeat;
    const char *out;
    bool digest;
} aq_cli_run_options;

static const struct argp_option options[] = {
    {NULL, 'm', "M", 0, "rows of the result", 1},
    {NULL, 'k', "K", 0, "length of the sums", 1},
    {NULL, 'n', "N", 0, "columns of the result (output channels)", 1},
    {"transpose-x1", KEY_TX1, NULL, 0, "x is stored (k,m) instead of (m,k)", 1},
    {"transpose-x2", KEY_TX2, NULL, 0, "the weight is stored (n,k) instead of (k,n)", 1},
    {"x", KEY_X, "FILE", 0, "float16 or float32; float32 goes through aclnnCast", 2},
    {"weight", KEY_WEIGHT, "FILE", 0,
     "int8, with --scale; or floats, which are quantised to int8 per output channel, symmetric", 2},
    {"scale", KEY_SCALE, "FILE", 0, "n floats, or 1: weight = ((int8 + AO) * AS + offset) * scale", 2},
    {"offset", KEY_OFFSET, "FILE", 0,
     "n floats, or 1; the fixpipe path rounds offset / AS + AO to an integer", 2},
    {"bias", KEY_BIAS, "FILE", 0, "n floats, or 1", 2},
    {"antiquant-scale", KEY_AS, "AS", 0, "the operator's antiquantScale; default 1", 2},
    {"antiquant-offset", KEY_AO, "AO", 0, "the operator's antiquantOffset; default 0", 2},
    {"out", 'o', "FILE", 0, "write the result, float16 (m,n)", 3},
    {"seed", KEY_SEED, "S", 0, "of the random numbers for what no file gives; default 1", 3},
    {"repeat", 'r', "R", 0, "runs, of which the median time is shown; 1 to 1000, default 5", 3},
    {"digest", KEY_DIGEST, NULL, 0, "print FNV-1a (64 bits) of the result's bytes", 3},
    {0},
};

/* A finite float; 0 only when that is allowed. */
static double real(struct argp_state *state, const char *what, const char *arg, bool zero)
{
    char *end = NULL;
    double value = strtod(arg, &end);
    if (end == arg || *end != '\0' || !isfinite((float)value) || (!zero && (float)value == 0.0f)) {
        argp_error(state, "%s must be a finite number%s, got '%s'", what, zero ? "" : " other than 0", arg);
    }
    return value;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    aq_cli_run_options *run = state->input;
    aq_cli_request *request = &run->request;
    switch (key) {
    case 'm':
        request->m = aq_cli_option(state, "-m", arg, 1, INT64_MAX);
        break;
    case 'k':
        request->k = aq_cli_option(state, "-k", arg, 1, INT64_MAX);
        break;
    case 'n':
        request->n = aq_cli_option(state, "-n", arg, 1, INT64_MAX);
        break;
    case KEY_TX1:
        request->transpose_x1 = true;
        break;
    case KEY_TX2:
        request->transpose_x2 = true;
        break;
    case KEY_X:
        request->x = arg;
        break;
    case KEY_WEIGHT:
        request->weight = arg;
        break;
    case KEY_SCALE:
        request->scale = arg;
        break;
    case KEY_OFFSET:
        request->offset = arg;
        break;
    case KEY_BIAS:
        request->bias = arg;
        break;
    case KEY_AS:
        request->antiquant_scale = real(state, "--antiquant-scale", arg, false);
        break;
    case KEY_AO:
        request->antiquant_offset = real(state, "--antiquant-offset", arg, true);
        break;
    case 'o':
        run->out = arg;
        break;
    case KEY_SEED:
        request->seed = aq_cli_option(state, "--seed", arg, 0, INT64_MAX);
        break;
    case 'r':
        run->repeat = aq_cli_option(state, "--repeat", arg, 1, 1000);
        break;
    case KEY_DIGEST:
        run->digest = true;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* Rows apart that the oracle looks at: all, unless that were more than about ten seconds of work. */
static int64_t oracle_step(const aq_cli_inputs *inputs)
{
    const double most = 2e10;
    double work = (double)inputs->m * (double)inputs->weight.k * (double)inputs->weight.n;
    int64_t step = (int64_t)ceil(work / most);
    return step < 1 ? 1 : step;
}

static void print_run(const aq_cli_inputs *inputs, const aq_explanation *plan, const aq_cli_timing *timing)
{
    double weight_bytes = (double)inputs->weight.k * (double)inputs->weight.n;
    printf("shape    m %lld, k %lld, n %lld; weight stored (%s)%s%s\n", (long long)inputs->m,
           (long long)inputs->weight.k, (long long)inputs->weight.n,
           inputs->weight.transposed ? "n,k" : "k,n", inputs->weight.add != NULL ? ", offset" : "",
           inputs->weight.bias != NULL ? ", bias" : "");
    printf("path     %s\n", plan->path);
    printf("kernel   %s, order %s, %d thread%s\n", plan->kernel, plan->order, plan->threads,
           plan->threads == 1 ? "" : "s");
    printf("time     phase 1 %.1f us, phase 2 with synchronise %.1f us (median of %lld)\n",
           1e6 * timing->phase1, 1e6 * timing->phase2, (long long)timing->runs);
    printf("rate     %.2f GB/s of weight, %.2f GFLOP/s\n", 1e-9 * weight_bytes / timing->phase2,
           2e-9 * (double)inputs->m * weight_bytes / timing->phase2);
}

/* Compares with the oracle and prints what it finds. The exit code. */
static int check(const aq_cli_inputs *inputs, bool transpose_x1, const uint16_t *out)
{
    int64_t m = inputs->m, k = inputs->weight.k, step = oracle_step(inputs);
    aq_cli_rows rows = {inputs->x, transpose_x1 ? 1 : k, transpose_x1 ? m : 1};
    aq_cli_check found = {.m = m, .out = out};
    char order;
    int64_t chain = aq_cli_chain(&inputs->weight, &order);
    if (!aq_cli_oracle(&inputs->weight, rows, inputs->plain, step, &found, 1)) {
        return AQ_CLI_BAD;
    }
    printf("error    max %.3g, relative %.3g (Frobenius), against fp64 of the same weights\n",
           found.max_error, found.relative);
    if (inputs->plain != NULL) {
        printf("quantise relative error %.3g (Frobenius), against fp64 of the weight as it was given\n",
               found.quantisation);
    }
    if (step > 1) {
        printf("checked  every %lldth row\n", (long long)step);
    }
    static const char *const of_x[] = {
        [AQ_CLI_NPU] = "", [AQ_CLI_EXACT] = "(2^-22 + ", [AQ_CLI_FAST] = "(2^-14 + "};
    bool npu = inputs->weight.numerics == AQ_CLI_NPU; /* B: docs/NUMERICS.md */
    printf("bound    %.3f of the allowed %s2^-24 * (%lld + 2)%s * %s: %s\n", found.share,
           of_x[inputs->weight.numerics], (long long)chain, npu ? "" : ")", npu ? "sum of |x * w|" : "B",
           found.broken == 0 ? "kept" : "BROKEN");
    if (found.broken > 0) {
        aq_cli_error(
            "%lld elements break the bound, the first at row %lld, column %lld: %g, allowed %g to %g",
            (long long)found.broken, (long long)found.bad_row, (long long)found.bad_column, found.bad_value,
            found.bad_low, found.bad_high);
        return AQ_CLI_BROKEN;
    }
    return AQ_CLI_OK;
}

static int multiply(const aq_cli_run_options *run, aq_cli_device *device, aq_cli_inputs *inputs)
{
    if (!aq_cli_inputs_make(&run->request, device, inputs)) {
        return AQ_CLI_BAD;
    }
    aq_explanation plan;
    aq_cli_timing timing;
    aq_cli_loaded loaded = {0};
    int64_t m = inputs->m, n = inputs->weight.n;
    int status = aq_explain(m, inputs->weight.k, n, inputs->weight.transposed, &plan);
    uint16_t *out = status == 0 ? aq_cli_alloc(m * n, sizeof *out, "the result") : NULL;
    bool tx1 = run->request.transpose_x1;
    bool good = aq_cli_acl(status, "aq_explain") && out != NULL &&
                aq_cli_load(device, &inputs->weight, &loaded) &&
                aq_cli_multiplied(device, &loaded, m, inputs->x, tx1, run->repeat, INFINITY, out, &timing);
    int code = AQ_CLI_BAD;
    if (good) {
        print_run(inputs, &plan, &timing);
        code = check(inputs, tx1, out);
        if (run->digest) {
            printf("digest   %016llx\n", (unsigned long long)aq_cli_digest(AQ_CLI_DIGEST_START, out, m * n));
        }
        if (run->out != NULL && !aq_cli_npy_write_halves(run->out, m, n, out)) {
            code = AQ_CLI_BAD;
        }
    }
    aq_cli_unload(&loaded);
    free(out);
    return code;
}

int aq_cli_run(int argc, char **argv)
{
    static const struct argp argp = {options,
                                     parse,
                                     NULL,
                                     "Runs aclnnWeightQuantBatchMatmul once for op(x) times op(weight) plus "
                                     "bias, through its two phases, and "
                                     "compares the result with sums in fp64 of the same weights.\v"
                                     "Files are NumPy's .npy. Sizes come from the files or from -m, -k and "
                                     "-n; what no file gives is random: x "
                                     "normal, an int8 weight with a scale, an offset and a bias for each "
                                     "output channel. Exit code 1 when an "
                                     "element is outside the bound of the numerics contract, 2 on bad input.",
                                     NULL,
                                     NULL,
                                     NULL};
    aq_cli_run_options run = {.request = {.antiquant_scale = 1.0, .seed = 1}, .repeat = 5};
    error_t error = argp_parse(&argp, argc, argv, 0, NULL, &run);
    if (error != 0) {
        aq_cli_error("options: %s", strerror(error));
        return AQ_CLI_BAD;
    }
    if (!aq_cli_settings_valid() || (run.out != NULL && !aq_cli_output_possible(run.out))) {
        return AQ_CLI_BAD;
    }
    aq_cli_device device = {0};
    aq_cli_inputs inputs = {0};
    int code = aq_cli_device_open(&device) ? multiply(&run, &device, &inputs) : AQ_CLI_BAD;
    aq_cli_inputs_free(&inputs);
    aq_cli_device_close(&device);
    return code;
}
