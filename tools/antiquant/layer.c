/* SPDX-License-Identifier: Apache-2.0 */
/* layer.c - reads one layer, quantises it, runs it for each m and asks the oracle. Prints no result. */
#include "layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "quantise.h"

/* After this long no repetition of a run is started: a slow level (ANTIQUANT_CPU=scalar) would take minutes.
 */
static const double repeat_budget = 0.02;

/* Host memory of one layer. Outputs of all runs are kept: the oracle judges them together. */
typedef struct aq_cli_buffers {
    int64_t k; /* of the layer as it is run */
    float *plain, *scale, *offset, *bias, *deq_scale, *gain_and_shift;
    int32_t *deq_offset;
    int8_t *q;
    uint16_t *x;
    uint16_t *out[AQ_CLI_MOST_ROWS];
} aq_cli_buffers;

/* The chips take int4 weights with even k only (successors page 3.2): one more k, of zeros, changes nothing.
 */
static int64_t run_k(const aq_cli_linear *layer, const aq_cli_format *format)
{
    return layer->k + (format->int4 ? layer->k % 2 : 0);
}

/* A layer that is no larger than one group is quantised per channel: the operators take groups below k only.
 */
static aq_cli_format layer_format(const aq_cli_linear *layer, const aq_cli_trial *trial)
{
    aq_cli_format format = trial->format;
    format.group = format.group < layer->k ? format.group : 0;
    return format;
}

static bool allocate(const aq_cli_linear *layer, const aq_cli_trial *trial, int64_t most_rows,
                     aq_cli_buffers *b)
{
    aq_cli_format format = layer_format(layer, trial);
    int64_t n = layer->n, k = run_k(layer, &format), cells = 0, scales = n * aq_cli_groups(&format, k);
    b->k = k;
    if (!aq_cli_multiply(most_rows, k, &cells) || !aq_cli_multiply(most_rows, n, &cells)) {
        aq_cli_error("%lld rows of %lld or %lld values are too many", (long long)most_rows, (long long)k,
                     (long long)n);
        return false;
    }
    bool good = (b->plain = aq_cli_alloc(n * k, sizeof(float), "a weight")) != NULL &&
                (b->q = aq_cli_alloc(n * k, 1, "a quantised weight")) != NULL &&
                (b->scale = aq_cli_alloc(scales, sizeof(float), "scales")) != NULL &&
                (b->offset = aq_cli_alloc(scales, sizeof(float), "offsets")) != NULL &&
                (b->bias = aq_cli_alloc(n, sizeof(float), "a bias")) != NULL &&
                (b->deq_scale = aq_cli_alloc(n, sizeof(float), "scales")) != NULL &&
                (b->deq_offset = aq_cli_alloc(n, sizeof(int32_t), "offsets")) != NULL &&
                (b->gain_and_shift = aq_cli_alloc(2 * k, sizeof(float), "activations")) != NULL &&
                (b->x = aq_cli_alloc(most_rows * k, sizeof(uint16_t), "activations")) != NULL;
    for (int i = 0; good && i < trial->row_count; i++) {
        good = (b->out[i] = aq_cli_alloc(trial->rows[i] * n, sizeof(uint16_t), "a result")) != NULL;
    }
    return good;
}

static void release(aq_cli_buffers *b)
{
    void *memory[] = {b->plain,          b->scale,      b->offset, b->bias, b->deq_scale,
                      b->gain_and_shift, b->deq_offset, b->q,      b->x};
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) {
        free(memory[i]);
    }
    for (int i = 0; i < AQ_CLI_MOST_ROWS; i++) {
        free(b->out[i]);
    }
}

/* (n,k) values to rows of b->k, the rest 0. */
static void widen(const aq_cli_linear *layer, const aq_cli_buffers *b)
{
    for (int64_t row = layer->n; b->k > layer->k && row-- > 0;) {
        memmove(b->plain + row * b->k, b->plain + row * layer->k, (size_t)layer->k * sizeof(float));
        b->plain[row * b->k + layer->k] = 0.0f;
    }
}

static bool quantise(const aq_cli_buffers *b, int64_t n, const aq_cli_format *format, const char *what)
{
    if (format->op != AQ_CLI_V1) {
        return aq_cli_quantise_groups(b->plain, b->k, n, format, what, b->q, b->scale, b->offset);
    }
    if (!aq_cli_quantise(b->plain, b->k, n, true, what, b->q, b->scale)) {
        return false;
    }
    aq_cli_fold(b->scale, NULL, 1.0f, 0.0f, n, b->deq_offset, b->deq_scale);
    return true;
}

static bool prepare(const aq_cli_linear *layer, const aq_cli_trial *trial, int64_t most_rows,
                    aq_cli_buffers *b, aq_cli_weight *weight)
{
    char name[96], what[640];
    aq_cli_format format = layer_format(layer, trial);
    snprintf(what, sizeof what, "%s: tensor '%s'", layer->file->path,
             aq_cli_clean(layer->weight->name, name, sizeof name));
    if (!aq_cli_safetensors_read(layer->file, layer->weight, b->plain) ||
        (layer->bias != NULL && !aq_cli_safetensors_read(layer->bias_file, layer->bias, b->bias))) {
        return false;
    }
    widen(layer, b);
    if (!quantise(b, layer->n, &format, what)) {
        return false;
    }
    for (int64_t i = 0; i < layer->n; i++) {
        if (!(b->bias[i] - b->bias[i] == 0.0f)) { /* NaN and inf */
            aq_cli_error("%s: value %lld of its bias is %g; it must be finite", what, (long long)i,
                         (double)b->bias[i]);
            return false;
        }
    }
    aq_cli_random random = aq_cli_random_start((uint64_t)trial->seed, layer->weight->name);
    aq_cli_activations(&random, format.bf16, most_rows, layer->k, b->k, b->gain_and_shift, b->x);
    *weight = (aq_cli_weight){.k = b->k,
                              .n = layer->n,
                              .format = format,
                              .numerics = aq_cli_mode(),
                              .transposed = true,
                              .antiquant_scale = 1.0f,
                              .q = b->q,
                              .mul = b->scale,
                              .add = format.asymmetric ? b->offset : NULL,
                              .bias = layer->bias != NULL ? b->bias : NULL,
                              .deq_offset = b->deq_offset,
                              .deq_scale = b->deq_scale};
    return true;
}

/* Numerics page 5: row i alone equals row i of a batch. The two paths differ, they round the bias otherwise.
 */
static void compare_rows(const aq_cli_trial *trial, const aq_cli_buffers *b, aq_cli_layer_result *result)
{
    int64_t n = result->layer->n;
    result->rows_agree = true;
    for (int i = 0; i < trial->row_count; i++) {
        for (int j = i + 1; j < trial->row_count; j++) {
            int64_t least = trial->rows[i] < trial->rows[j] ? trial->rows[i] : trial->rows[j];
            bool same_path = strcmp(result->runs[i].plan.path, result->runs[j].plan.path) == 0;
            for (int64_t row = 0; same_path && result->rows_agree && row < least; row++) {
                if (memcmp(b->out[i] + row * n, b->out[j] + row * n, (size_t)n * sizeof(uint16_t)) != 0) {
                    result->rows_agree = false;
                    result->differing_m[0] = trial->rows[i];
                    result->differing_m[1] = trial->rows[j];
                    result->differing_row = row;
                }
            }
        }
    }
}

/* What the report says of how one run was done. */
static bool explain(const aq_cli_weight *weight, int64_t m, aq_explanation *plan)
{
    if (weight->format.op == AQ_CLI_V1) {
        return aq_cli_acl(aq_explain(m, weight->k, weight->n, true, plan), "aq_explain");
    }
    char order;
    aq_cli_chain(weight, &order);
    *plan = (aq_explanation){.path = weight->format.op == AQ_CLI_V2 ? "V2" : "V3",
                             .order = order == 'T' ? "T" : "P"};
    return true;
}

static bool run_all(aq_cli_device *device, const aq_cli_weight *weight, const aq_cli_trial *trial,
                    const aq_cli_buffers *b, aq_cli_layer_result *result)
{
    aq_cli_loaded loaded = {0};
    bool good = aq_cli_load(device, weight, &loaded);
    for (int i = 0; good && i < trial->row_count; i++) {
        aq_cli_run_result *run = &result->runs[i];
        int64_t m = trial->rows[i];
        good = explain(weight, m, &run->plan) &&
               aq_cli_multiplied(device, &loaded, m, b->x, false, trial->repeat, repeat_budget, b->out[i],
                                 &run->timing);
        run->digest = good ? aq_cli_digest(AQ_CLI_DIGEST_START, b->out[i], m * weight->n) : 0;
    }
    aq_cli_unload(&loaded);
    return good;
}

static bool judge_all(const aq_cli_weight *weight, const aq_cli_trial *trial, const aq_cli_buffers *b,
                      aq_cli_layer_result *result)
{
    aq_cli_check checks[AQ_CLI_MOST_ROWS] = {{0}};
    for (int i = 0; i < trial->row_count; i++) {
        checks[i].m = trial->rows[i];
        checks[i].out = b->out[i];
    }
    aq_cli_rows rows = {b->x, weight->k, 1};
    if (!aq_cli_oracle(weight, rows, b->plain, 1, checks, trial->row_count)) {
        return false;
    }
    for (int i = 0; i < trial->row_count; i++) {
        result->runs[i].check = checks[i];
        result->runs[i].check.out = NULL;
    }
    return true;
}

bool aq_cli_try_layer(aq_cli_device *device, const aq_cli_linear *layer, const aq_cli_trial *trial,
                      aq_cli_layer_result *result)
{
    aq_cli_buffers buffers = {0};
    aq_cli_weight weight;
    int64_t most_rows = 0;
    for (int i = 0; i < trial->row_count; i++) {
        most_rows = trial->rows[i] > most_rows ? trial->rows[i] : most_rows;
    }
    memset(result, 0, sizeof *result);
    result->layer = layer;
    result->group = layer_format(layer, trial).group;
    bool good =
        allocate(layer, trial, most_rows, &buffers) && prepare(layer, trial, most_rows, &buffers, &weight) &&
        run_all(device, &weight, trial, &buffers, result) && judge_all(&weight, trial, &buffers, result);
    if (good) {
        compare_rows(trial, &buffers, result);
    }
    release(&buffers);
    return good;
}
