/* SPDX-License-Identifier: Apache-2.0 */
/* quantise.c - the data that goes into a run: quantised weights, folded parameters, random numbers. */
#include "quantise.h"

#include <math.h>

#include "cli.h"
#include "number.h"

/* The least and the greatest of 0 and the values first .. last-1 of a channel, or false with a message. */
static bool channel_range(const float *w, int64_t first, int64_t last, int64_t stride, int64_t channel,
                          const char *what, float *least, float *greatest)
{
    *least = *greatest = 0.0f;
    for (int64_t i = first; i < last; i++) {
        float value = w[i * stride];
        if (!(fabsf(value) <= 65504.0f)) { /* so written for the sake of NaN */
            aq_cli_error("%s: value %lld of output channel %lld is %g; a weight must be finite and within "
                         "-65504..65504, the range of fp16",
                         what, (long long)i, (long long)channel, (double)value);
            return false;
        }
        *least = fminf(*least, value);
        *greatest = fmaxf(*greatest, value);
    }
    return true;
}

bool aq_cli_quantise(const float *w, int64_t k, int64_t n, bool transposed, const char *what, int8_t *q,
                     float *scale)
{
    int64_t along_k = transposed ? 1 : n, along_n = transposed ? k : 1;
    for (int64_t column = 0; column < n; column++) {
        const float *from = w + column * along_n;
        int8_t *to = q + column * along_n;
        float least, greatest;
        if (!channel_range(from, 0, k, along_k, column, what, &least, &greatest)) {
            return false;
        }
        float size = fmaxf(-least, greatest);
        double s = size == 0.0f ? 1.0 : aq_cli_half_value(aq_cli_half(size / 127.0));
        s = s == 0.0 ? 0x1p-24 : s; /* the smallest fp16 number */
        scale[column] = (float)s;
        for (int64_t i = 0; i < k; i++) {
            double value = rint(from[i * along_k] / s);
            to[i * along_k] = (int8_t)(value > 127.0 ? 127.0 : value < -127.0 ? -127.0 : value);
        }
    }
    return true;
}

/* width in steps of the quantisation, as a scale that 16 bits hold and that is not 0. */
static double group_scale(double width, double steps, bool bf16)
{
    double scale = width == 0.0 ? 1.0 : aq_cli_round_16(bf16, width / steps);
    return scale == 0.0 ? aq_cli_of_16(bf16, 1) : scale;
}

static double clamped(double value, double least, double greatest)
{
    return value < least ? least : value > greatest ? greatest : value;
}

bool aq_cli_quantise_groups(const float *w, int64_t k, int64_t n, const aq_cli_format *format,
                            const char *what, int8_t *q, float *scale, float *offset)
{
    int64_t groups = aq_cli_groups(format, k), length = format->group > 0 ? format->group : k;
    double half = format->int4 ? 8.0 : 128.0;
    for (int64_t at = 0; at < n * groups; at++) {
        int64_t column = at / groups, first = at % groups * length;
        int64_t last = first + length < k ? first + length : k;
        float least, greatest;
        if (!channel_range(w + column * k, first, last, 1, column, what, &least, &greatest)) {
            return false;
        }
        double width = format->asymmetric ? (double)greatest - least : fmax(-(double)least, (double)greatest);
        double s = group_scale(width, format->asymmetric ? 2 * half - 1 : half - 1, format->bf16);
        double zero = format->asymmetric ? clamped(rint(-least / s), 0.0, 2 * half - 1) : half;
        scale[at] = (float)s;
        if (offset != NULL) {
            offset[at] = (float)(half - zero);
        }
        for (int64_t i = first; i < last; i++) {
            double code = rint(w[column * k + i] / s) + zero - half;
            q[column * k + i] = (int8_t)clamped(code, format->asymmetric ? -half : 1 - half, half - 1);
        }
    }
    return true;
}

void aq_cli_fold(const float *mul, const float *add, float antiquant_scale, float antiquant_offset, int64_t n,
                 int32_t *deq_offset, float *deq_scale)
{
    for (int64_t i = 0; i < n; i++) {
        double offset = round((double)((add != NULL ? add[i] : 0.0f) / antiquant_scale + antiquant_offset));
        deq_offset[i] = isnan(offset)         ? 0
                        : offset >= INT32_MAX ? INT32_MAX
                        : offset <= INT32_MIN ? INT32_MIN
                                              : (int32_t)offset;
        deq_scale[i] = antiquant_scale * mul[i];
    }
}

aq_cli_random aq_cli_random_start(uint64_t seed, const char *name)
{
    uint64_t state = AQ_CLI_DIGEST_START ^ seed * UINT64_C(0x9e3779b97f4a7c15);
    for (const char *c = name; *c != '\0'; c++) {
        state = (state ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    }
    return (aq_cli_random){state};
}

/* splitmix64: a counter stepped by 2^64 over the golden ratio, then a mixing of its bits. */
uint64_t aq_cli_random_bits(aq_cli_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

double aq_cli_random_uniform(aq_cli_random *random)
{
    return (double)(aq_cli_random_bits(random) >> 11) * 0x1p-53;
}

double aq_cli_random_normal(aq_cli_random *random)
{
    /* Twelve 16-bit numbers out of three words: an exact integer sum, hence no libm and no rounding to
     * differ. */
    int64_t sum = 0;
    for (int word = 0; word < 3; word++) {
        uint64_t bits = aq_cli_random_bits(random);
        for (int part = 0; part < 4; part++) {
            sum += (int64_t)(bits >> 16 * part & 0xFFFF);
        }
    }
    return (double)(sum - 6 * 65535) * 0x1p-16;
}

void aq_cli_activations(aq_cli_random *random, bool bf16, int64_t rows, int64_t k, int64_t stride,
                        float *gain_and_shift, uint16_t *x)
{
    float *gain = gain_and_shift, *shift = gain_and_shift + k;
    for (int64_t i = 0; i < k; i++) {
        gain[i] = (float)(0.5 + aq_cli_random_uniform(random));
        shift[i] = (float)(0.2 * aq_cli_random_uniform(random) - 0.1);
    }
    for (int64_t outlier = 0; outlier < (k + 255) / 256; outlier++) {
        gain[aq_cli_random_bits(random) % (uint64_t)k] *= 20.0f;
    }
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t i = 0; i < k; i++) {
            double value = (double)gain[i] * aq_cli_random_normal(random) + (double)shift[i];
            x[row * stride + i] = aq_cli_to_16(bf16, value);
        }
    }
}
