/* SPDX-License-Identifier: Apache-2.0 */
/* quantise.c - the data that goes into a run: quantised weights, folded parameters, random numbers. */
#include "quantise.h"

#include <math.h>

#include "cli.h"
#include "oracle.h"

/* The largest |w| of a channel, or false with a message. */
static bool channel_size(const float *w, int64_t k, int64_t stride, int64_t channel, const char *what,
                         float *size)
{
    *size = 0.0f;
    for (int64_t i = 0; i < k; i++) {
        float value = w[i * stride];
        if (!(fabsf(value) <= 65504.0f)) { /* so written for the sake of NaN */
            aq_cli_error("%s: value %lld of output channel %lld is %g; a weight must be finite and within "
                         "-65504..65504, the range of fp16",
                         what, (long long)i, (long long)channel, (double)value);
            return false;
        }
        *size = fmaxf(*size, fabsf(value));
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
        float size;
        if (!channel_size(from, k, along_k, column, what, &size)) {
            return false;
        }
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

void aq_cli_activations(aq_cli_random *random, int64_t rows, int64_t k, float *gain_and_shift, uint16_t *x)
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
            x[row * k + i] = aq_cli_half((double)gain[i] * aq_cli_random_normal(random) + (double)shift[i]);
        }
    }
}
