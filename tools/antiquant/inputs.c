/* SPDX-License-Identifier: Apache-2.0 */
/* inputs.c - settles the sizes of one multiplication, then fills its operands: what a file gives comes from
 * the file, the rest is random. A weight of floats is quantised here. */
#include "inputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "npy.h"
#include "quantise.h"

/* *size becomes found, unless the caller or a file said another number before. */
static bool settle(int64_t *size, int64_t found, char letter, const char *where)
{
    if (found < 1) {
        aq_cli_error("%s: %c must be at least 1, got %lld", where, letter, (long long)found);
        return false;
    }
    if (*size != 0 && *size != found) {
        aq_cli_error("%s: %c is %lld here, but was given as %lld", where, letter, (long long)found,
                     (long long)*size);
        return false;
    }
    *size = found;
    return true;
}

/* Reads a matrix whose rows and columns are the sizes named by the two letters. */
static bool read_matrix(const char *path, char row_letter, int64_t *rows, char column_letter,
                        int64_t *columns, aq_cli_npy *array)
{
    char clean[160];
    aq_cli_clean(path, clean, sizeof clean);
    if (!aq_cli_npy_read(path, array)) {
        return false;
    }
    if (array->rank != 2) {
        aq_cli_error("%s: must have 2 dimensions (%c,%c), got %d", clean, row_letter, column_letter,
                     array->rank);
        return false;
    }
    return settle(rows, array->shape[0], row_letter, clean) &&
           settle(columns, array->shape[1], column_letter, clean);
}

/* One float per column from a file of n values, or of one for all columns. */
static bool read_columns(const char *path, int64_t n, float **values)
{
    aq_cli_npy array;
    char clean[160];
    aq_cli_clean(path, clean, sizeof clean);
    if (!aq_cli_npy_read(path, &array)) {
        return false;
    }
    bool good = array.type != AQ_CLI_NPY_I1 && (array.elements == n || array.elements == 1);
    float *read = good ? aq_cli_npy_floats(&array) : NULL;
    if (!good) {
        aq_cli_error("%s: must have n = %lld float values, or 1, got %lld of %s", clean, (long long)n,
                     (long long)array.elements, aq_cli_npy_type_name(array.type));
    }
    if (read != NULL && array.elements == 1 && n > 1) {
        float one = read[0];
        free(read);
        read = aq_cli_alloc(n, sizeof *read, "the columns");
        for (int64_t i = 0; read != NULL && i < n; i++) {
            read[i] = one;
        }
    }
    *values = read;
    free(array.data);
    return read != NULL;
}

static bool halves_of(const aq_cli_npy *array, aq_cli_device *device, uint16_t *x)
{
    if (array->type == AQ_CLI_NPY_F2) {
        memcpy(x, array->data, (size_t)array->elements * sizeof *x);
        return true;
    }
    if (!aq_cli_device_cast(device, array->data, array->elements, x)) {
        return false;
    }
    const float *values = array->data;
    for (int64_t i = 0; i < array->elements; i++) { /* NaN stays some NaN, every other value has one answer */
        if (isnan(values[i]) ? !isnan(aq_cli_half_value(x[i])) : x[i] != aq_cli_half(values[i])) {
            aq_cli_error("aclnnCast turned %.9g into 0x%04x, nearest even is 0x%04x", (double)values[i], x[i],
                         aq_cli_half(values[i]));
            return false;
        }
    }
    return true;
}

static bool make_x(const aq_cli_request *request, aq_cli_device *device, const aq_cli_npy *file,
                   aq_cli_inputs *inputs)
{
    int64_t k = inputs->weight.k, cells;
    if (!aq_cli_multiply(inputs->m, k, &cells)) {
        cells = INT64_MAX; /* refused by the next line */
    }
    if ((inputs->x = aq_cli_alloc(cells, sizeof *inputs->x, "x1")) == NULL) {
        return false;
    }
    if (request->x != NULL) {
        return halves_of(file, device, inputs->x);
    }
    aq_cli_random random = aq_cli_random_start((uint64_t)request->seed, "x");
    for (int64_t i = 0; i < cells; i++) {
        inputs->x[i] = aq_cli_half(aq_cli_random_normal(&random));
    }
    return true;
}

/* A random weight with a scale, an offset and a bias per column. The scales make the outputs of the order
 * of 1. */
static bool random_weight(const aq_cli_request *request, aq_cli_inputs *inputs)
{
    const aq_cli_weight *weight = &inputs->weight;
    aq_cli_random random = aq_cli_random_start((uint64_t)request->seed, "weight");
    for (int64_t i = 0; i < weight->k * weight->n; i++) {
        inputs->q[i] = (int8_t)(int)(aq_cli_random_bits(&random) % 255 - 127);
    }
    inputs->add = aq_cli_alloc(weight->n, sizeof(float), "offsets");
    inputs->bias = aq_cli_alloc(weight->n, sizeof(float), "the bias");
    if (inputs->add == NULL || inputs->bias == NULL) {
        return false;
    }
    /* 73.6: the standard deviation of -127..127. */
    double usual = 1.0 / (73.6 * sqrt((double)weight->k) * fabs(request->antiquant_scale));
    for (int64_t i = 0; i < weight->n; i++) {
        inputs->mul[i] = (float)(usual * (0.5 + aq_cli_random_uniform(&random)));
        inputs->add[i] = (float)((int)(aq_cli_random_bits(&random) % 9) - 4);
        inputs->bias[i] = (float)(0.1 * aq_cli_random_normal(&random));
    }
    return true;
}

static bool file_weight(const aq_cli_request *request, const aq_cli_npy *file, aq_cli_inputs *inputs)
{
    const aq_cli_weight *weight = &inputs->weight;
    char clean[160];
    aq_cli_clean(request->weight, clean, sizeof clean);
    if (file->type == AQ_CLI_NPY_I1) {
        if (request->scale == NULL) {
            aq_cli_error("%s: an int8 weight needs --scale FILE", clean);
            return false;
        }
        memcpy(inputs->q, file->data, (size_t)file->elements);
        return true;
    }
    if (request->scale != NULL || request->offset != NULL || request->antiquant_scale != 1.0 ||
        request->antiquant_offset != 0.0) {
        aq_cli_error("%s: a weight of %s is quantised here; --scale, --offset, --antiquant-scale and "
                     "--antiquant-offset go with an int8 weight only",
                     clean, aq_cli_npy_type_name(file->type));
        return false;
    }
    inputs->plain = aq_cli_npy_floats(file);
    return inputs->plain != NULL && aq_cli_quantise(inputs->plain, weight->k, weight->n, weight->transposed,
                                                    clean, inputs->q, inputs->mul);
}

static bool make_weight(const aq_cli_request *request, const aq_cli_npy *file, aq_cli_inputs *inputs)
{
    aq_cli_weight *weight = &inputs->weight;
    int64_t cells;
    if (!aq_cli_multiply(weight->k, weight->n, &cells)) {
        cells = INT64_MAX;
    }
    inputs->q = aq_cli_alloc(cells, 1, "the weight");
    inputs->mul = inputs->q != NULL ? aq_cli_alloc(weight->n, sizeof(float), "scales") : NULL;
    inputs->deq_scale = inputs->mul != NULL ? aq_cli_alloc(weight->n, sizeof(float), "scales") : NULL;
    inputs->deq_offset = inputs->mul != NULL ? aq_cli_alloc(weight->n, sizeof(int32_t), "offsets") : NULL;
    if (inputs->deq_scale == NULL || inputs->deq_offset == NULL ||
        !(request->weight != NULL ? file_weight(request, file, inputs) : random_weight(request, inputs))) {
        return false;
    }
    const struct {
        const char *path;
        float **values;
    } columns[] = {
        {request->scale, &inputs->mul}, {request->offset, &inputs->add}, {request->bias, &inputs->bias}};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        float *values = NULL;
        if (columns[i].path != NULL) {
            if (!read_columns(columns[i].path, weight->n, &values)) {
                return false;
            }
            free(*columns[i].values);
            *columns[i].values = values;
        }
    }
    weight->antiquant_scale = (float)request->antiquant_scale;
    weight->antiquant_offset = (float)request->antiquant_offset;
    aq_cli_fold(inputs->mul, inputs->add, weight->antiquant_scale, weight->antiquant_offset, weight->n,
                inputs->deq_offset, inputs->deq_scale);
    weight->numerics = aq_cli_mode();
    weight->q = inputs->q;
    weight->mul = inputs->mul;
    weight->add = inputs->add;
    weight->bias = inputs->bias;
    weight->deq_offset = inputs->deq_offset;
    weight->deq_scale = inputs->deq_scale;
    return true;
}

static bool sizes_known(const aq_cli_inputs *inputs)
{
    int64_t cells;
    if (inputs->m == 0 || inputs->weight.k == 0 || inputs->weight.n == 0) {
        aq_cli_error("m, k and n must be known: give -m, -k and -n, or --x and --weight");
        return false;
    }
    if (!aq_cli_multiply(inputs->m, inputs->weight.k, &cells) ||
        !aq_cli_multiply(cells, inputs->weight.n, &cells)) {
        aq_cli_error("m * k * n must fit 63 bits, got %lld * %lld * %lld", (long long)inputs->m,
                     (long long)inputs->weight.k, (long long)inputs->weight.n);
        return false;
    }
    return true;
}

static bool x_type_fits(const char *path, const aq_cli_npy *array)
{
    if (array->type == AQ_CLI_NPY_F2 || array->type == AQ_CLI_NPY_F4) {
        return true;
    }
    char clean[160];
    aq_cli_error("%s: x must be float16 or float32, got %s", aq_cli_clean(path, clean, sizeof clean),
                 aq_cli_npy_type_name(array->type));
    return false;
}

bool aq_cli_inputs_make(const aq_cli_request *request, aq_cli_device *device, aq_cli_inputs *inputs)
{
    aq_cli_npy x = {0}, weight = {0};
    int64_t *m = &inputs->m, *k = &inputs->weight.k, *n = &inputs->weight.n;
    bool tx1 = request->transpose_x1, tx2 = request->transpose_x2;
    *m = request->m;
    *k = request->k;
    *n = request->n;
    inputs->weight.transposed = tx2;
    bool good =
        (request->x == NULL ||
         (read_matrix(request->x, tx1 ? 'k' : 'm', tx1 ? k : m, tx1 ? 'm' : 'k', tx1 ? m : k, &x) &&
          x_type_fits(request->x, &x))) &&
        (request->weight == NULL ||
         read_matrix(request->weight, tx2 ? 'n' : 'k', tx2 ? n : k, tx2 ? 'k' : 'n', tx2 ? k : n, &weight)) &&
        sizes_known(inputs) && make_weight(request, &weight, inputs) && make_x(request, device, &x, inputs);
    free(x.data);
    free(weight.data);
    return good;
}

void aq_cli_inputs_free(aq_cli_inputs *inputs)
{
    free(inputs->x);
    free(inputs->q);
    free(inputs->plain);
    free(inputs->mul);
    free(inputs->add);
    free(inputs->bias);
    free(inputs->deq_scale);
    free(inputs->deq_offset);
    memset(inputs, 0, sizeof *inputs);
}
