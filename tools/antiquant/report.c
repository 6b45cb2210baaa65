/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - results as text and as JSON. Decides nothing: what is broken was found by the oracle. The table
 * fits 80 columns, 98 with digests; each layer is one group under its name. */
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "output.h"

void aq_cli_summary_add(aq_cli_summary *summary, const aq_cli_trial *trial, const aq_cli_layer_result *result)
{
    summary->layers++;
    summary->broken_layers += !result->rows_agree;
    for (int i = 0; i < trial->row_count; i++) {
        const aq_cli_run_result *run = &result->runs[i];
        summary->runs++;
        summary->broken_runs += run->check.broken > 0;
        if (summary->worst_layer == NULL || run->check.share > summary->worst_share) {
            summary->worst_share = run->check.share;
            summary->worst_layer = result->layer->weight->name;
            summary->worst_m = run->check.m;
        }
        summary->worst_quantisation = fmax(summary->worst_quantisation, run->check.quantisation);
        for (int part = 0; part < 4; part++) {
            uint16_t bits = (uint16_t)(run->digest >> 16 * part);
            summary->digest = aq_cli_digest(summary->digest, &bits, 1);
        }
    }
}

bool aq_cli_summary_good(const aq_cli_summary *summary)
{
    return summary->broken_runs == 0 && summary->broken_layers == 0;
}

static const char *level_in_use(void)
{
    aq_cpu_level_info level;
    for (size_t i = 0; i < aq_cpu_level_count(); i++) {
        if (aq_cpu_level_get(i, &level) == 0 && level.in_use) {
            return level.name;
        }
    }
    return "unknown";
}

static const char *operator_name(const aq_cli_format *format)
{
    static const char *const names[] = {[AQ_CLI_V1] = "v1", [AQ_CLI_V2] = "v2", [AQ_CLI_V3] = "v3"};
    return names[format->op];
}

void aq_cli_report_head(const char *path, const aq_cli_checkpoint *checkpoint, const aq_cli_trial *trial,
                        bool digests)
{
    char name[68], scales[48] = "per output channel";
    const aq_cli_format *format = &trial->format;
    if (format->group > 0) {
        snprintf(scales, sizeof scales, "in groups of %lld", (long long)format->group);
    }
    printf("checkpoint  %s\n", aq_cli_clean(path, name, sizeof name));
    printf("layers      %zu linear of %zu tensors; %s %s%s\n", checkpoint->layer_count,
           checkpoint->tensor_count, format->int4 ? "int4" : "int8", scales,
           format->asymmetric ? ", with offsets" : "");
    if (format->op != AQ_CLI_V1) {
        printf("operator    %s, x %s\n", operator_name(format), format->bf16 ? "bf16" : "fp16");
    }
    printf("antiquant   %s, %s, level %s, %d thread%s, numerics %s\n", aq_version(), aq_cpu_model(),
           level_in_use(), aq_thread_count(), aq_thread_count() == 1 ? "" : "s", aq_numerics());
    printf("columns     bound: error over what numerics allows; error: against fp64 of the\n"
           "            same weights; quant: against the unquantised layer (both relative)\n\n");
    printf("%8s  %-8s %7s %9s %9s %11s %8s %9s%s\n", "m", "path", "bound", "error", "quant", "us", "GB/s",
           "GFLOP/s", digests ? "  digest" : "");
}

static double weight_values(const aq_cli_layer_result *result)
{
    return (double)result->layer->n * (double)result->layer->k;
}

static double weight_bytes(const aq_cli_trial *trial, const aq_cli_layer_result *result)
{
    return weight_values(result) * (trial->format.int4 ? 0.5 : 1.0);
}

void aq_cli_report_layer(const aq_cli_trial *trial, const aq_cli_layer_result *result, bool digests)
{
    char name[52];
    const aq_cli_linear *layer = result->layer;
    aq_cli_clean(layer->weight->name, name, sizeof name);
    printf("%s  %lld x %lld %s%s\n", name, (long long)layer->n, (long long)layer->k,
           layer->weight->dtype->name, layer->bias != NULL ? " + bias" : "");
    for (int i = 0; i < trial->row_count; i++) {
        const aq_cli_run_result *run = &result->runs[i];
        const aq_cli_check *check = &run->check;
        double seconds = run->timing.phase2;
        printf("%8lld  %-8s %7.3f %9.2e %9.2e %11.1f %8.2f %9.2f", (long long)check->m, run->plan.path,
               check->share, check->relative, check->quantisation, 1e6 * seconds,
               1e-9 * weight_bytes(trial, result) / seconds,
               2e-9 * weight_values(result) * (double)check->m / seconds);
        if (digests) {
            printf("  %016llx", (unsigned long long)run->digest);
        }
        puts(check->broken > 0 ? "  BROKEN" : "");
        if (check->broken > 0) {
            aq_cli_error(
                "%s, m = %lld: %lld elements break the bound, the first at row %lld, column %lld: %g, "
                "allowed %g to %g",
                name, (long long)check->m, (long long)check->broken, (long long)check->bad_row,
                (long long)check->bad_column, check->bad_value, check->bad_low, check->bad_high);
        }
    }
    if (!result->rows_agree) {
        aq_cli_error(
            "%s: row %lld differs between m = %lld and m = %lld; a row must not depend on the others", name,
            (long long)result->differing_row, (long long)result->differing_m[0],
            (long long)result->differing_m[1]);
    }
}

void aq_cli_report_summary(const aq_cli_summary *summary, bool digests)
{
    char name[52];
    printf("\n%lld layers, %lld runs in %.1f s\n", (long long)summary->layers, (long long)summary->runs,
           summary->seconds);
    printf("worst:  %.3f of the bound, %s, m = %lld\n", summary->worst_share,
           aq_cli_clean(summary->worst_layer != NULL ? summary->worst_layer : "-", name, sizeof name),
           (long long)summary->worst_m);
    if (digests) {
        printf("digest: %016llx over all runs\n", (unsigned long long)summary->digest);
    }
    if (aq_cli_summary_good(summary)) {
        puts("result: every run is within the bound");
    } else {
        printf("result: BROKEN, %lld runs outside the bound, %lld layers whose rows depend on the batch\n",
               (long long)summary->broken_runs, (long long)summary->broken_layers);
    }
}

static json_t *digest_json(uint64_t digest)
{
    char text[20];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)digest);
    return json_string(text);
}

static json_t *run_json(const aq_cli_trial *trial, const aq_cli_layer_result *result,
                        const aq_cli_run_result *run)
{
    const aq_cli_check *check = &run->check;
    double seconds = run->timing.phase2;
    return json_pack(
        "{s:I, s:s, s:s?, s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "m",
        (json_int_t)check->m, "path", run->plan.path, "kernel", run->plan.kernel, "order", run->plan.order,
        "threads", run->plan.threads > 0 ? json_integer(run->plan.threads) : json_null(), "within_bound",
        check->broken == 0, "share_of_bound", aq_cli_json_number(check->share), "max_error",
        aq_cli_json_number(check->max_error), "relative_error", aq_cli_json_number(check->relative),
        "quantisation_error", aq_cli_json_number(check->quantisation), "phase1_us",
        aq_cli_json_number(1e6 * run->timing.phase1), "us", aq_cli_json_number(1e6 * seconds), "gb_per_s",
        aq_cli_json_number(1e-9 * weight_bytes(trial, result) / seconds), "gflop_per_s",
        aq_cli_json_number(2e-9 * weight_values(result) * (double)check->m / seconds), "repeats",
        (json_int_t)run->timing.runs, "digest", digest_json(run->digest));
}

json_t *aq_cli_report_layer_json(const aq_cli_trial *trial, const aq_cli_layer_result *result)
{
    const aq_cli_linear *layer = result->layer;
    json_t *runs = json_array();
    for (int i = 0; i < trial->row_count; i++) {
        json_array_append_new(runs, run_json(trial, result, &result->runs[i]));
    }
    if (json_array_size(runs) != (size_t)trial->row_count) {
        json_decref(runs);
        return NULL;
    }
    return json_pack("{s:s, s:I, s:I, s:s, s:b, s:I, s:b, s:o}", "name", layer->weight->name, "n",
                     (json_int_t)layer->n, "k", (json_int_t)layer->k, "dtype", layer->weight->dtype->name,
                     "bias", layer->bias != NULL, "group", (json_int_t)result->group, "rows_agree",
                     result->rows_agree, "runs", runs);
}

json_t *aq_cli_report_json(const char *path, const aq_cli_trial *trial, const aq_cli_summary *summary,
                           json_t *layers)
{
    char clean[512];
    json_t *rows = json_array();
    for (int i = 0; i < trial->row_count; i++) {
        json_array_append_new(rows, json_integer(trial->rows[i]));
    }
    json_t *sum = json_pack(
        "{s:I, s:I, s:I, s:I, s:o, s:s?, s:I, s:o, s:o, s:f, s:s}", "layers", (json_int_t)summary->layers,
        "runs", (json_int_t)summary->runs, "broken_runs", (json_int_t)summary->broken_runs,
        "layers_with_differing_rows", (json_int_t)summary->broken_layers, "worst_share_of_bound",
        aq_cli_json_number(summary->worst_share), "worst_layer", summary->worst_layer, "worst_m",
        (json_int_t)summary->worst_m, "worst_quantisation_error",
        aq_cli_json_number(summary->worst_quantisation), "digest", digest_json(summary->digest), "seconds",
        summary->seconds, "result", aq_cli_summary_good(summary) ? "ok" : "broken");
    const aq_cli_format *format = &trial->format;
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:I, s:b, s:s, s:I, s:o, s:o, s:o}",
                     "antiquant", aq_version(), "checkpoint", aq_cli_clean(path, clean, sizeof clean), "cpu",
                     aq_cpu_model(), "level", level_in_use(), "threads", aq_thread_count(), "numerics",
                     aq_numerics(), "op", operator_name(format), "weight", format->int4 ? "int4" : "int8",
                     "group", (json_int_t)format->group, "asymmetric", format->asymmetric, "x",
                     format->bf16 ? "bf16" : "fp16", "seed", (json_int_t)trial->seed, "rows", rows, "layers",
                     layers, "summary", sum);
}
