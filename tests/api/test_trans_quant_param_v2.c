/* SPDX-License-Identifier: Apache-2.0 */
/* aclnnTransQuantParamV2 and V3 (companions page 2.1): the page's vectors, every bit of a word against plain
 * double arithmetic, broadcast both ways, strides, and the INT64 that becomes UINT64. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aclnnop/aclnn_trans_quant_param_v2.h"
#include "aclnnop/aclnn_trans_quant_param_v3.h"
#include "support/cast.h"
#include "support/phases.h"
#include "support/v1.h"

enum { V2, V3_CUT, V3_ROUND, VERSIONS };

static int run(int version, const aclTensor *scale, const aclTensor *offset, aclTensor *out)
{
    phase_reset();
    int status = version == V2 ? aclnnTransQuantParamV2GetWorkspaceSize(scale, offset, out, &phase_size,
                                                                        &phase_executor)
                               : aclnnTransQuantParamV3GetWorkspaceSize(scale, offset, version == V3_ROUND,
                                                                        out, &phase_size, &phase_executor);
    if (status != 0)
        return status;
    assert_int_equal(phase_size, 0);
    return phase2(version == V2 ? aclnnTransQuantParamV2 : aclnnTransQuantParamV3, 0);
}

/* count words of dense vectors; offsets may be null. The arrays end where their heap block ends. */
static void words_of(int version, int64_t scales, const float *scale, int64_t offsets, const float *offset,
                     uint64_t *words)
{
    int64_t count = scales > offsets ? scales : offsets;
    aclTensor *t[3] = {cast_tensor(ACL_FLOAT, (void *)scale, 1, &scales, NULL, 0), NULL,
                       cast_tensor(ACL_UINT64, words, 1, &count, NULL, 0)};
    if (offset)
        t[1] = cast_tensor(ACL_FLOAT, (void *)offset, 1, &offsets, NULL, 0);
    assert_int_equal(run(version, t[0], t[1], t[2]), 0);
    for (int i = 0; i < 3; i++)
        aclDestroyTensor(t[i]);
}

static uint64_t word_of(int version, float scale, const float *offset)
{
    uint64_t word = 0;
    words_of(version, 1, &scale, offset ? 1 : 0, offset, &word);
    return word;
}

static void vectors(void **state)
{
    (void)state;
    const uint64_t expected[3] = {70507248484352, 70644687437824, 70782126391296};
    for (int version = V2; version < VERSIONS; version++)
        for (int i = 0; i < 3; i++) {
            float offset = (float)(i + 1);
            assert_int_equal(word_of(version, 1.0f, &offset), expected[i]);
        }
    for (int version = V2; version <= V3_CUT; version++) {
        assert_int_equal(word_of(version, 1.1f, NULL), 70369810366464);
        assert_int_equal(word_of(version, 3.3f, NULL), 70369823367168);
    }
    assert_int_equal(word_of(V3_ROUND, 3.3f, NULL), 70369823375360);
    float two;
    const uint32_t below_two = 0x3fffffff;
    memcpy(&two, &below_two, sizeof two);
    assert_int_equal(word_of(V3_ROUND, two, NULL), v1_word(2.0f));
}

static int offset_of(uint64_t word)
{
    int bits = (int)(word >> 37 & 0x1FF);
    return bits < 256 ? bits : bits - 512;
}

static void offsets(void **state)
{
    (void)state;
    static const struct {
        float offset;
        int expected;
    } rows[] = {{0.5f, 0},
                {2.5f, 2},
                {-0.5f, 0},
                {254.5f, 254},
                {255.5f, 255},
                {-255.5f, -256},
                {-256.5f, -256},
                {1.5f, 2},
                {-1.5f, -2},
                {-2.5f, -2},
                {1e30f, 255},
                {-1e30f, -256},
                {INFINITY, 255},
                {-INFINITY, -256},
                {NAN, 0},
                {-NAN, 0},
                {0.50000006f, 1},
                {0.49999997f, 0},
                {-0.0f, 0},
                {2147483648.0f, 255},
                {-4294967296.0f, -256}};
    for (int version = V2; version < VERSIONS; version++)
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            uint64_t word = word_of(version, 1.0f, &rows[i].offset);
            assert_int_equal(offset_of(word), rows[i].expected);
            assert_int_equal(word & ~(UINT64_C(0x1FF) << 37), UINT64_C(1) << 46 | 0x3F800000u);
        }
    enum { COUNT = 2201 };
    float *offset = malloc(COUNT * sizeof *offset), one = 1.0f;
    uint64_t *words = malloc(COUNT * sizeof *words);
    for (int i = 0; i < COUNT; i++)
        offset[i] = (float)(i - 1100) / 4;
    words_of(V2, 1, &one, COUNT, offset, words); /* one scale for all */
    for (int i = 0; i < COUNT; i++) {            /* half to even, in quarters */
        int quarters = i - 1100, whole = (quarters + 4000) / 4 - 1000, rest = quarters - 4 * whole;
        int expected = rest > 2 || (rest == 2 && whole % 2 != 0) ? whole + 1 : whole;
        expected = expected > 255 ? 255 : expected < -256 ? -256 : expected;
        assert_int_equal(offset_of(words[i]), expected);
    }
    free(words);
    free(offset);
}

/* The fp32 pattern with 10 bits of mantissa, by arithmetic on doubles. */
static uint32_t expected_scale(uint32_t bits, bool rounded)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value)) /* cut off: a NaN without high payload bits becomes infinite */
        return bits / 8192 * 8192;
    if (rounded && fabsf(value) < 0x1p-126f)
        return signbit(value) ? 0x80000000u : 0;
    int exponent;
    double mantissa = frexp(fabs((double)value), &exponent); /* 0.5 <= mantissa < 1 */
    double units = mantissa * 2048;                          /* eleven bits before the point */
    if (!rounded && fabsf(value) < 0x1p-126f)                /* subnormals: units of the last kept bit */
        units = fabs((double)value) * 0x1p136, exponent = -125;
    double whole = floor(units), rest = units - whole;
    if (rounded && (rest > 0.5 || (rest == 0.5 && fmod(whole, 2) == 1)))
        whole += 1;
    float result = (float)copysign(ldexp(whole, exponent - 11), (double)value);
    uint32_t pattern;
    memcpy(&pattern, &result, sizeof pattern);
    return pattern;
}

static void scales(void **state)
{
    (void)state;
    static const uint32_t special[] = {0,          1,          0x1FFF,     0x2000,     0x3000,     0x007FFFFF,
                                       0x00800000, 0x00801000, 0x80000000, 0x80000001, 0x80003000, 0x7F7FFFFF,
                                       0x7F7FF000, 0x7F7FEFFF, 0xFF7FF000, 0x7F800000, 0xFF800000, 0x7F800001,
                                       0x7FC00000, 0xFFFFFFFF, 0x3F801000, 0x3F803000, 0x3F800FFF, 0x3F801001,
                                       0x3FFFFFFF, 0x3F8CCCCD};
    enum { SPECIAL = sizeof special / sizeof special[0], COUNT = 40000 };
    float *scale = malloc(COUNT * sizeof *scale);
    uint64_t *words = malloc(COUNT * sizeof *words), seed = 77;
    for (size_t i = 0; i < COUNT; i++) {
        uint64_t random = v1_random(&seed);
        uint32_t bits = i < SPECIAL ? special[i] : (uint32_t)random;
        if (i >= SPECIAL && i % 3 == 0) /* near a tie */
            bits = (bits & 0xFFFFE000u) | (0xFFEu + (uint32_t)(random >> 40) % 5);
        memcpy(&scale[i], &bits, sizeof bits);
    }
    for (int version = V2; version < VERSIONS; version++) {
        words_of(version, COUNT, scale, 0, NULL, words);
        for (size_t i = 0; i < COUNT; i++) {
            uint32_t bits;
            memcpy(&bits, &scale[i], sizeof bits);
            assert_int_equal(words[i], UINT64_C(1) << 46 | expected_scale(bits, version == V3_ROUND));
        }
    }
    free(words);
    free(scale);
}

static uint64_t simple_word(float scale, int offset) /* a scale of few bits */
{
    return v1_word(scale) | (uint64_t)(offset & 0x1FF) << 37;
}

/* (t) and (1,n), 1 to n both ways, over strides on all sides and more elements in out than words. */
static void shapes_and_strides(void **state)
{
    (void)state;
    static const int64_t counts[] = {1, 2, 255, 256, 257, 600};
    for (size_t s = 0; s < 6; s++)
        for (size_t o = 0; o < 6; o++) {
            int64_t scales = counts[s], offsets = counts[o];
            if (scales > 1 && offsets > 1 && scales != offsets)
                continue;
            int64_t words = scales > offsets ? scales : offsets;
            float *scale = malloc((size_t)(3 * scales + 2) * sizeof *scale);
            float *offset = malloc((size_t)(2 * offsets) * sizeof *offset);
            uint64_t *out = malloc((size_t)(4 * words + 4) * sizeof *out);
            for (int64_t i = 0; i < 3 * scales + 2; i++)
                scale[i] = NAN;
            for (int64_t i = 0; i < scales; i++)
                scale[2 + 3 * i] = (float)(i + 1);
            for (int64_t i = 0; i < offsets; i++) { /* backwards */
                offset[2 * (offsets - 1 - i)] = (float)(i % 256);
                offset[2 * (offsets - 1 - i) + 1] = NAN;
            }
            memset(out, 0xEE, (size_t)(4 * words + 4) * sizeof *out);
            const int64_t scale_dims[2] = {1, scales}, scale_strides[2] = {77, 3};
            const int64_t offset_strides[1] = {-2};
            const int64_t out_dims[2] = {words + 1, 2}, out_strides[2] = {2, 1};
            aclTensor *t[3] = {cast_tensor(ACL_FLOAT, scale, 2, scale_dims, scale_strides, 2),
                               cast_tensor(ACL_FLOAT, offset, 1, &offsets, offset_strides, 2 * (offsets - 1)),
                               cast_tensor(ACL_INT64, out, 2, out_dims, out_strides, 1)};
            assert_int_equal(run(s % 2 ? V2 : V3_ROUND, t[0], t[1], t[2]), 0);
            for (int64_t i = 0; i < 4 * words + 4; i++) {
                uint64_t expected = UINT64_C(0xEEEEEEEEEEEEEEEE);
                int64_t word = i - 1;
                if (word >= 0 && word < words)
                    expected = simple_word((float)(scales == 1 ? 1 : word + 1),
                                           (int)((offsets == 1 ? 0 : word) % 256));
                assert_int_equal(out[i], expected);
            }
            for (int i = 0; i < 3; i++)
                aclDestroyTensor(t[i]);
            free(scale);
            free(offset);
            free(out);
        }
}

static void int64_becomes_uint64(void **state)
{
    (void)state;
    float value = 1.5f;
    uint64_t word = 0;
    const int64_t one = 1;
    for (int version = V2; version < VERSIONS; version++) {
        aclTensor *scale = cast_tensor(ACL_FLOAT, &value, 1, &one, NULL, 0);
        aclTensor *out = cast_tensor(ACL_INT64, &word, 1, &one, NULL, 0);
        aclDataType dtype;
        assert_int_equal(run(version, scale, NULL, out), 0);
        assert_int_equal(aclGetDataType(out, &dtype), 0);
        assert_int_equal(dtype, ACL_UINT64);
        assert_int_equal(word, v1_word(1.5f));
        assert_int_equal(run(version, scale, NULL, out), 0); /* and again */
        aclDestroyTensor(scale);
        aclDestroyTensor(out);
    }
}

/* Tensors destroyed between the phases; a repeatable executor with other addresses. */
static void executors(void **state)
{
    (void)state;
    float values[2] = {1.0f, 2.0f}, offset = 3.0f;
    uint64_t words[2] = {0, 0};
    const int64_t one = 1;
    aclTensor *t[3] = {cast_tensor(ACL_FLOAT, &values[0], 1, &one, NULL, 0),
                       cast_tensor(ACL_FLOAT, &offset, 1, &one, NULL, 0),
                       cast_tensor(ACL_UINT64, &words[0], 1, &one, NULL, 0)};
    phase_reset();
    assert_int_equal(
        aclnnTransQuantParamV3GetWorkspaceSize(t[0], t[1], 0, t[2], &phase_size, &phase_executor), 0);
    assert_int_equal(aclSetAclOpExecutorRepeatable(phase_executor), 0);
    for (int i = 0; i < 3; i++)
        aclDestroyTensor(t[i]);
    assert_int_equal(phase2(aclnnTransQuantParamV3, 0), 0);
    assert_int_equal(aclSetInputTensorAddr(phase_executor, 0, t[0], &values[1]), 0);
    assert_int_equal(aclSetOutputTensorAddr(phase_executor, 0, t[2], &words[1]), 0);
    assert_int_equal(phase2(aclnnTransQuantParamV3, 0), 0);
    assert_int_equal(words[0], simple_word(1.0f, 3));
    assert_int_equal(words[1], simple_word(2.0f, 3));
    assert_int_equal(aclDestroyAclOpExecutor(phase_executor), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors),
                                       cmocka_unit_test(offsets),
                                       cmocka_unit_test(scales),
                                       cmocka_unit_test(shapes_and_strides),
                                       cmocka_unit_test(int64_becomes_uint64),
                                       cmocka_unit_test(executors)};
    return cmocka_run_group_tests_name("trans_quant_param_v2", tests, v1_setup, NULL);
}
