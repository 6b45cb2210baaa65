/* SPDX-License-Identifier: Apache-2.0 */
#include "support/caller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/half.h"
#include "support/v1.h"

static void *room(int64_t count, size_t size)
{
    void *memory = calloc((size_t)count + 1, size);
    assert_non_null(memory);
    return memory;
}

static uint16_t bits_of(bool bf16, double value)
{
    return bf16 ? bfloat_bits(bfloat_round(value)) : half_bits(half_round(value));
}

static double value_of(bool bf16, uint16_t bits)
{
    return bf16 ? bfloat_value(bits) : half_value(bits);
}

/* In [-1, 1). */
static double uniform(uint64_t *seed)
{
    return (double)(int64_t)(v1_random(seed) % 65536) / 32768.0 - 1.0;
}

static uint16_t *random_bits(bool bf16, int64_t count, double middle, double spread, uint64_t *seed,
                             double *exact)
{
    uint16_t *bits = room(count, sizeof *bits);
    for (int64_t i = 0; i < count; i++) {
        bits[i] = bits_of(bf16, middle + spread * uniform(seed));
        exact[i] = value_of(bf16, bits[i]);
    }
    return bits;
}

static void make_offset(caller_model *model, uint64_t *seed)
{
    const caller_sizes *s = &model->sizes;
    int64_t count = model->groups * s->n;
    double *exact = room(count, sizeof *exact);
    model->offset = room(count, sizeof *model->offset);
    for (int64_t i = 0; i < count; i++) {
        exact[i] = (s->int4 ? 8 : 128) - (double)(v1_random(seed) % (s->int4 ? 16 : 256));
        model->offset[i] = bits_of(s->bf16, exact[i]);
    }
    model->logical.offset = exact;
}

static void make_ends(caller_model *model, uint64_t *seed)
{
    const caller_sizes *s = &model->sizes;
    double *bias = s->bias ? room(s->n, sizeof *bias) : NULL;
    model->bias = s->bias ? room(s->n, sizeof *model->bias) : NULL;
    for (int64_t j = 0; j < s->n && s->bias; j++) {
        bias[j] = half_round(uniform(seed));
        model->bias[j] = (float)bias[j];
    }
    model->logical.bias = bias;
    model->quant_scale = s->quantised ? room(s->n, sizeof *model->quant_scale) : NULL;
    model->words = s->quantised ? room(s->n, sizeof *model->words) : NULL;
    for (int64_t j = 0; j < s->n && s->quantised; j++) {
        model->quant_scale[j] = (float)(4.0 + uniform(seed));
        uint32_t pattern;
        memcpy(&pattern, &model->quant_scale[j], sizeof pattern);
        model->words[j] = (pattern & 0xFFFFE000u) | UINT64_C(1) << 46; /* companions page 2.1 */
    }
    model->logical.words = model->words;
}

void caller_make(caller_model *model, const caller_sizes *sizes, uint64_t *seed)
{
    memset(model, 0, sizeof *model);
    model->sizes = *sizes;
    const caller_sizes *s = &model->sizes;
    int64_t group = s->group > 0 ? s->group : s->k, cells = s->k * s->n;
    model->groups = (s->k + group - 1) / group;
    double *x = room(s->m * s->k, sizeof *x), *scale = room(model->groups * s->n, sizeof *scale);
    double *w = room(cells, sizeof *w), *weights = room(cells, sizeof *weights);
    model->x = random_bits(s->bf16, s->m * s->k, 0.0, 1.0, seed, x);
    model->scale = random_bits(s->bf16, model->groups * s->n, 0.01, 0.005, seed, scale);
    model->w = room(cells, 1);
    for (int64_t i = 0; i < cells; i++) {
        model->w[i] = (int8_t)((int)(v1_random(seed) >> 20 & (s->int4 ? 15 : 255)) - (s->int4 ? 8 : 128));
        w[i] = model->w[i];
    }
    model->logical = (v2_logical){.m = s->m,
                                  .n = s->n,
                                  .k = s->k,
                                  .group = group,
                                  .bf16 = s->bf16,
                                  .order_t = s->transposed && s->k != 1,
                                  .x = x,
                                  .w = w,
                                  .scale = scale};
    if (s->zeros)
        make_offset(model, seed);
    make_ends(model, seed);
    for (int64_t i = 0; i < cells; i++)
        weights[i] = v2_weight(&model->logical, i / s->n, i % s->n);
    model->logical.weights = weights;
}

void caller_free(caller_model *model)
{
    const v2_logical *l = &model->logical;
    const void *memory[] = {l->x,          l->w,       l->scale,    l->offset,
                            l->bias,       l->weights, model->x,    model->scale,
                            model->offset, model->w,   model->bias, model->quant_scale,
                            model->words};
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++)
        free((void *)(uintptr_t)memory[i]);
    memset(model, 0, sizeof *model);
}

void caller_expect(const caller_model *model, const void *y, int64_t first, int64_t columns)
{
    for (int64_t i = 0; i < model->sizes.m * columns; i++) {
        int64_t row = i / columns, column = first + i % columns;
        int got = model->sizes.quantised ? ((const int8_t *)y)[i] : ((const uint16_t *)y)[i];
        int expected = v2_answer(&model->logical, row, column);
        if (!v2_same(&model->logical, got, expected))
            fail_msg("element (%d,%d) is 0x%04x, expected 0x%04x", (int)row, (int)column, got, expected);
    }
}

void *caller_device(const void *host, size_t bytes)
{
    void *memory = NULL;
    assert_int_equal(aclrtMalloc(&memory, bytes, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    assert_int_equal(aclrtMemcpy(memory, bytes, host, bytes, ACL_MEMCPY_HOST_TO_DEVICE), 0);
    return memory;
}

aclTensor *caller_tensor(aclDataType dtype, aclFormat format, void *data, int rank, const int64_t *dims,
                         const int64_t *strides, int64_t offset)
{
    int64_t dense[8], length = offset + 1, step = 1;
    for (int d = rank - 1; d >= 0; d--) {
        dense[d] = step;
        step *= dims[d];
    }
    strides = strides != NULL ? strides : dense;
    for (int d = 0; d < rank; d++)
        length += (dims[d] - 1) * strides[d];
    aclTensor *tensor =
        aclCreateTensor(dims, (uint64_t)rank, dtype, strides, offset, format, &length, 1, data);
    assert_non_null(tensor);
    return tensor;
}

void caller_nibbles(const int8_t *values, int64_t count, uint8_t *packed)
{
    for (int64_t i = 0; i < count; i++) {
        int shift = i % 2 * 4;
        packed[i / 2] = (uint8_t)((packed[i / 2] & ~(15 << shift)) | (values[i] & 15) << shift);
    }
}
