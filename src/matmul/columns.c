/* SPDX-License-Identifier: Apache-2.0 */
/* columns.c - reads the parameters of one matrix and judges whether the kernels can take them. */
#include "matmul/columns.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/float16.h"
#include "cpu/cpu.h"
#include "kernels/ends.h"

/* Halves to fp32: n of them, or one for all. */
static void widen(const void *from, int64_t stride, int64_t n, aq_half half, float *to)
{
    const aq_ends *ends = aq_ends_for(aq_cpu_level_in_use());
    const int64_t read = stride == 0 ? aq_min_i64(n, 1) : n;
    const aq_widen_job job = {.x = from, .stride = stride, .k = read, .padded = read, .row = to};
    (half == AQ_F16 ? ends->widen : ends->widen_bf16)(&job);
    for (int64_t j = read; j < n; j++)
        to[j] = to[0];
}

/* Low 32 bits of a quantisation word, less the 13 mantissa bits the fixpipe unit ignores (operator page 1.2).
 */
static float word_scale(uint64_t word)
{
    return aq_f32_from_bits((uint32_t)word & 0xFFFFE000u);
}

/* Reads a run of a vector: columns [column, column + count) lie at from + at, from + at + stride, ... */
typedef void (*run_reader)(const void *from, void *to, int64_t column, int64_t count, int64_t at,
                           int64_t stride);

/* Calls read for each innermost run of the vector, in row-major order of its dims, until n columns are read.
 */
static void read_vector(const aq_vector_layout *layout, int64_t n, run_reader read, const void *from,
                        void *to)
{
    if (layout->single || layout->rank == 0) {
        read(from, to, 0, n, 0, 0);
        return;
    }
    int last = layout->rank - 1;
    int64_t index[AQ_VECTOR_RANK] = {0}, at = 0;
    for (int64_t column = 0; column < n; column += layout->dims[last]) {
        read(from, to, column, layout->dims[last], at, layout->strides[last]);
        for (int d = last - 1; d >= 0; d--) {
            at += layout->strides[d];
            if (++index[d] < layout->dims[d])
                break;
            at -= layout->strides[d] * layout->dims[d];
            index[d] = 0;
        }
    }
}

static void read_offsets(const void *from, void *to, int64_t column, int64_t count, int64_t at,
                         int64_t stride)
{
    const int32_t *offset = (const int32_t *)from + at;
    int32_t *columns = (int32_t *)to + column;
    for (int64_t j = 0; j < count; j++)
        columns[j] = offset[j * stride];
}

static void read_scales(const void *from, void *to, int64_t column, int64_t count, int64_t at, int64_t stride)
{
    const uint64_t *word = (const uint64_t *)from + at;
    float *columns = (float *)to + column;
    for (int64_t j = 0; j < count; j++)
        columns[j] = word_scale(word[j * stride]);
}

static void read_f32(const void *from, void *to, int64_t column, int64_t count, int64_t at, int64_t stride)
{
    const float *bias = (const float *)from + at;
    float *columns = (float *)to + column;
    for (int64_t j = 0; j < count; j++)
        columns[j] = bias[j * stride];
}

static void read_f16(const void *from, void *to, int64_t column, int64_t count, int64_t at, int64_t stride)
{
    widen((const uint16_t *)from + at, stride, count, AQ_F16, (float *)to + column);
}

static void read_bf16(const void *from, void *to, int64_t column, int64_t count, int64_t at, int64_t stride)
{
    widen((const uint16_t *)from + at, stride, count, AQ_BF16, (float *)to + column);
}

/* Bits 45..37 of a quantisation word, a 9-bit two's complement (companions page 2.1). */
static void read_word_offsets(const void *from, void *to, int64_t column, int64_t count, int64_t at,
                              int64_t stride)
{
    const uint64_t *word = (const uint64_t *)from + at;
    int32_t *columns = (int32_t *)to + column;
    for (int64_t j = 0; j < count; j++) {
        int32_t bits = (int32_t)(word[j * stride] >> 37 & 0x1FF);
        columns[j] = (bits ^ 0x100) - 0x100;
    }
}

static bool is_identity(const int8_t *diagonal, int64_t row, int64_t column)
{
    for (int i = 0; i < 32; i++)
        for (int j = 0; j < 32; j++)
            if (diagonal[i * row + j * column] != (i == j))
                return false;
    return true;
}

static bool offsets_fit(const int32_t *offset, int64_t n)
{
    int32_t least = 0, most = 0;
    for (int64_t j = 0; j < n; j++) {
        least = offset[j] < least ? offset[j] : least;
        most = offset[j] > most ? offset[j] : most;
    }
    return least >= -AQ_OFFSET_LIMIT && most <= AQ_OFFSET_LIMIT;
}

static void read_fixpipe(const aq_plan *plan, const aq_operands *operands, int32_t *offset, float *scale,
                         aq_column_data *data)
{
    const aq_problem *problem = &plan->problem;
    if (problem->deq_offset.present)
        read_vector(&problem->deq_offset, problem->n, read_offsets, operands->deq_offset, offset);
    else
        memset(offset, 0, (size_t)problem->n * sizeof *offset);
    read_vector(&problem->deq_scale, problem->n, read_scales, operands->deq_scale, scale);
    data->columns.offset = data->parameters.offset = offset;
    data->columns.scale = data->parameters.scale = scale;
    bool identity = !problem->diagonal_present ||
                    is_identity(operands->diagonal, problem->diagonal_row, problem->diagonal_column);
    if (!identity) {
        data->parameters.diagonal = operands->diagonal;
        data->parameters.diagonal_stride_i = problem->diagonal_row;
        data->parameters.diagonal_stride_j = problem->diagonal_column;
    }
    data->generic = !identity || !offsets_fit(offset, problem->n);
}

static void read_composed(const aq_plan *plan, const aq_operands *operands, float *add, float *mul,
                          aq_column_data *data)
{
    const aq_problem *problem = &plan->problem;
    /* as the device decides them: an absolute epsilon, and NaN counts as present */
    bool shift = !(fabsf(problem->shift) <= FLT_EPSILON),
         factor = !(fabsf(problem->factor - 1.0f) <= FLT_EPSILON);
    data->columns.shift_present = data->parameters.shift_present = shift;
    data->columns.factor_present = data->parameters.factor_present = factor;
    data->columns.shift = data->parameters.shift = problem->shift;
    data->columns.factor = data->parameters.factor = problem->factor;
    if (problem->add_present) {
        widen(operands->add, problem->add.column, problem->n, AQ_F16, add);
        data->columns.add = add;
        data->parameters.add = operands->add;
        data->parameters.add_stride_k = problem->add.row;
        data->parameters.add_stride_n = problem->add.column;
    }
    if (problem->mul_present) {
        widen(operands->mul, problem->mul.column, problem->n, AQ_F16, mul);
        data->columns.mul = mul;
        data->parameters.mul = operands->mul;
        data->parameters.mul_stride_k = problem->mul.row;
        data->parameters.mul_stride_n = problem->mul.column;
    }
}

static void read_scaled(const aq_plan *plan, const aq_operands *operands, aq_column_data *data)
{
    data->parameters.scaled = plan->problem.scaled;
    data->parameters.scaled.scale = operands->scale;
    data->parameters.scaled.offset = plan->problem.scaled_offset_present ? operands->offset : NULL;
}

/* The same parameters as one factor and one term a column, in fp32, for the integer kernels: nothing on the
 * way is rounded but the two results. */

static void affine_of_fixpipe(const aq_plan *plan, float *zeros, aq_column_data *data)
{
    const aq_columns *columns = &data->columns;
    data->scale = columns->scale;
    if (!plan->problem.deq_offset.present)
        return;
    for (int64_t j = 0; j < plan->problem.n; j++)
        zeros[j] = (float)((double)columns->offset[j] * (double)columns->scale[j]);
    data->zero = zeros;
}

static void affine_of_composed(const aq_plan *plan, float *scales, float *zeros, aq_column_data *data)
{
    const aq_columns *columns = &data->columns;
    const double shift = columns->shift_present ? (double)columns->shift : 0.0,
                 factor = columns->factor_present ? (double)columns->factor : 1.0;
    for (int64_t j = 0; j < plan->problem.n; j++) {
        double add = columns->add != NULL ? (double)columns->add[j] : 0.0,
               mul = columns->mul != NULL ? (double)columns->mul[j] : 1.0;
        zeros[j] = (float)((shift * factor + add) * mul);
        scales[j] = (float)(factor * mul);
    }
    data->scale = scales;
    data->zero = columns->shift_present || columns->add != NULL ? zeros : NULL;
}

/* A product of two halves needs no more bits than a double has: in fp32 it is rounded once, too. */
static void affine_of_scaled(const aq_plan *plan, float *scales, float *zeros, aq_column_data *data)
{
    const aq_scaled *scaled = &data->parameters.scaled;
    const int64_t n = plan->problem.n;
    widen(scaled->scale, scaled->scale_n, n, scaled->half, scales);
    data->scale = scales;
    if (scaled->offset == NULL)
        return;
    widen(scaled->offset, scaled->offset_n, n, scaled->half, zeros);
    for (int64_t j = 0; j < n; j++)
        zeros[j] *= scales[j];
    data->zero = zeros;
}

static void make_affine(const aq_plan *plan, float *scales, float *zeros, aq_column_data *data)
{
    if (plan->problem.recipe == AQ_RECIPE_FIXPIPE)
        affine_of_fixpipe(plan, zeros, data);
    else if (plan->problem.recipe == AQ_RECIPE_COMPOSED)
        affine_of_composed(plan, scales, zeros, data);
    else
        affine_of_scaled(plan, scales, zeros, data);
}

static void read_bias(const aq_problem *problem, bool rounded, const aq_operands *operands, float *bias)
{
    static const run_reader readers[] = {
        [AQ_NUMBER_F16] = read_f16, [AQ_NUMBER_BF16] = read_bf16, [AQ_NUMBER_F32] = read_f32};
    read_vector(&problem->bias, problem->n, readers[problem->bias_type], operands->bias, bias);
    for (int64_t j = 0; rounded && j < problem->n; j++)
        bias[j] = aq_round_f16(bias[j]);
}

void aq_columns_read(const aq_plan *plan, const aq_operands *operands, char *workspace, aq_column_data *data)
{
    const aq_problem *problem = &plan->problem;
    void *first = workspace + plan->workspace.first_column,
         *second = workspace + plan->workspace.second_column;
    memset(data, 0, sizeof *data);
    data->columns.recipe = data->parameters.recipe = problem->recipe;
    data->parameters.exact = aq_plan_unrounded(plan);
    if (problem->bias.present) {
        float *bias = (float *)(void *)(workspace + plan->workspace.bias);
        read_bias(problem, problem->round_bias && !aq_plan_unrounded(plan), operands, bias);
        data->bias = bias;
    }
    if (problem->out_type == AQ_NUMBER_S8) {
        float *scale = (float *)(void *)(workspace + plan->workspace.quant);
        int32_t *offset = (int32_t *)(void *)(scale + problem->n);
        read_vector(&problem->quant_scale, problem->n, read_scales, operands->quant_scale, scale);
        read_vector(&problem->quant_scale, problem->n, read_word_offsets, operands->quant_scale, offset);
        data->quant_scale = scale;
        data->quant_offset = offset;
    }
    if (problem->k == 0)
        return; /* no weight: its parameters are not read */
    if (problem->recipe == AQ_RECIPE_SCALED)
        read_scaled(plan, operands, data);
    else if (problem->recipe == AQ_RECIPE_FIXPIPE)
        read_fixpipe(plan, operands, first, second, data);
    else
        read_composed(plan, operands, first, second, data);
    if (plan->planes != NULL && !plan->by_groups && !data->generic)
        make_affine(plan, (float *)(void *)(workspace + plan->workspace.scale),
                    (float *)(void *)(workspace + plan->workspace.zero), data);
}
