/* SPDX-License-Identifier: Apache-2.0 */
/* bench_data.c - sizes as in language models: x normal, weights spread evenly over their range, scales such
 * that weights are some hundredths. The same numbers in every run. */
#include "bench_data.h"

#include <math.h>
#include <stdlib.h>

#include "cli.h"
#include "number.h"

enum { MOST_SAMPLES = 64 }; /* rows, and columns, of which the exact answer is worked out */

/* xorshift64*, Marsaglia's generator with Vigna's multiplier. */
static uint64_t next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}

static double uniform(uint64_t *state) /* in (0, 1) */
{
    return ((double)(next(state) >> 11) + 0.5) * 0x1p-53;
}

static double normal(uint64_t *state)
{
    double radius = sqrt(-2.0 * log(uniform(state)));
    return radius * cos(6.283185307179586 * uniform(state));
}

static void fill_weight(int8_t *q, int64_t count, bool int4)
{
    uint64_t state = 0x9E3779B97F4A7C15, bits = 0;
    for (int64_t i = 0; i < count; i++) {
        bits = i % 8 == 0 ? next(&state) : bits >> 8;
        int value = int4 ? (int)(bits & 15) - 8 : (int)(bits & 255) - 128;
        q[i] = (int8_t)(value == -128 ? -127 : value);
    }
}

bool aq_bench_data_make(const aq_bench_shape *shape, aq_bench_data *data)
{
    uint64_t state = 1;
    double unit = shape->int4 ? 0.01 : 0.001; /* the largest weight is about 0.1 */
    int64_t weights = shape->k * shape->n;
    data->scales = shape->group == AQ_BENCH_TENSOR ? 1 : shape->n * aq_bench_groups(shape);
    data->q = aq_cli_alloc(weights, sizeof *data->q, "a weight");
    data->scale = aq_cli_alloc(data->scales, sizeof *data->scale, "scales");
    data->x = aq_cli_alloc(shape->m * shape->k, sizeof *data->x, "x");
    if (data->q == NULL || data->scale == NULL || data->x == NULL) {
        return false;
    }
    fill_weight(data->q, weights, shape->int4);
    for (int64_t i = 0; i < data->scales; i++) {
        data->scale[i] = aq_cli_to_16(shape->bf16, unit * (0.5 + uniform(&state)));
    }
    for (int64_t i = 0; i < shape->m * shape->k; i++) {
        data->x[i] = aq_cli_to_16(shape->bf16, normal(&state));
    }
    if (!shape->offset) {
        return true;
    }
    data->offset = aq_cli_alloc(data->scales, sizeof *data->offset, "offsets");
    for (int64_t i = 0; data->offset != NULL && i < data->scales; i++) {
        data->offset[i] = aq_cli_to_16(shape->bf16, floor(9.0 * uniform(&state)) - 4.0);
    }
    return data->offset != NULL;
}

void aq_bench_data_free(aq_bench_data *data)
{
    free(data->q);
    free(data->scale);
    free(data->offset);
    free(data->x);
    *data = (aq_bench_data){0};
}

/* Column `column` of the weight that stands for the stored one, as it is without rounding. */
static void weight_column(const aq_bench_shape *shape, const aq_bench_data *data, int64_t column, double *w)
{
    bool turned = aq_bench_turned(shape);
    int64_t groups = aq_bench_groups(shape);
    for (int64_t i = 0; i < shape->k; i++) {
        int64_t group = shape->group > 0 ? i / shape->group : 0;
        int64_t at = turned ? column * groups + group : group * shape->n + column;
        at = shape->group == AQ_BENCH_TENSOR ? 0 : at;
        double q = data->q[turned ? column * shape->k + i : i * shape->n + column];
        double offset = data->offset != NULL ? aq_cli_of_16(shape->bf16, data->offset[at]) : 0.0;
        w[i] = (q + offset) * aq_cli_of_16(shape->bf16, data->scale[at]);
    }
}

static void work_out(const aq_bench_shape *shape, const aq_bench_data *data, double *x, double *w,
                     aq_bench_sample *sample)
{
    int64_t k = shape->k;
    for (int64_t i = 0; i < sample->rows; i++) {
        for (int64_t j = 0; j < k; j++) {
            x[i * k + j] = aq_cli_of_16(shape->bf16, data->x[i * sample->row_step * k + j]);
        }
    }
    for (int64_t c = 0; c < sample->columns; c++) {
        weight_column(shape, data, c * sample->column_step, w);
        for (int64_t i = 0; i < sample->rows; i++) {
            double sum = 0.0;
            for (int64_t j = 0; j < k; j++) {
                sum += x[i * k + j] * w[j];
            }
            sample->exact[i * sample->columns + c] = sum;
        }
    }
}

aq_bench_sample *aq_bench_sample_make(const aq_bench_shape *shape, const aq_bench_data *data)
{
    aq_bench_sample *sample = aq_cli_alloc(1, sizeof *sample, "a sample of the answer");
    if (sample == NULL) {
        return NULL;
    }
    sample->rows = shape->m < MOST_SAMPLES ? shape->m : MOST_SAMPLES;
    sample->columns = shape->n < MOST_SAMPLES ? shape->n : MOST_SAMPLES;
    sample->row_step = shape->m / sample->rows;
    sample->column_step = shape->n / sample->columns;
    sample->exact = aq_cli_alloc(sample->rows * sample->columns, sizeof(double), "a sample of the answer");
    double *x = aq_cli_alloc(sample->rows * shape->k, sizeof *x, "the oracle");
    double *w = aq_cli_alloc(shape->k, sizeof *w, "the oracle");
    bool good = sample->exact != NULL && x != NULL && w != NULL;
    if (good) {
        work_out(shape, data, x, w, sample);
    } else {
        aq_bench_sample_free(sample);
    }
    free(x);
    free(w);
    return good ? sample : NULL;
}

void aq_bench_sample_free(aq_bench_sample *sample)
{
    if (sample != NULL) {
        free(sample->exact);
        free(sample);
    }
}
