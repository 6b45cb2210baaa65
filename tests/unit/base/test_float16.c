/* SPDX-License-Identifier: Apache-2.0 */
/* fp16 and bf16 against arithmetic in double: every narrow value, every boundary between two of them, and
 * random bits. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/float16.h"

/* A binary format: bits of the fraction, exponent of the smallest normal number, the largest finite value. */
typedef struct narrow {
    int fraction_bits, min_exponent;
    double largest;
    uint16_t infinity, quiet;
} narrow;

static const narrow fp16 = {10, -14, 65504.0, 0x7C00, 0x7E00};
static const narrow bf16 = {7, -126, 0x1.FEp127, 0x7F80, 0x7FC0};

/* The value of non-negative finite bits. */
static double value_of(const narrow *format, uint16_t bits)
{
    int fraction = bits & ((1 << format->fraction_bits) - 1);
    int exponent = bits >> format->fraction_bits;
    if (exponent == 0)
        return ldexp(fraction, format->min_exponent - format->fraction_bits);
    return ldexp(fraction + (1 << format->fraction_bits),
                 exponent - 1 + format->min_exponent - format->fraction_bits);
}

/* Nearest even, from the definition: the value in units of the last place, which a double holds exactly, made
 * an integer by rint. */
static uint16_t nearest(const narrow *format, float value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double magnitude = fabs((double)value);
    if (isnan(value))
        return sign | format->quiet;
    if (isinf(value))
        return sign | format->infinity;
    int exponent;
    frexp(magnitude, &exponent);
    exponent--;
    if (exponent < format->min_exponent || magnitude == 0)
        exponent = format->min_exponent;
    double units = rint(ldexp(magnitude, format->fraction_bits - exponent));
    if (ldexp(units, exponent - format->fraction_bits) > format->largest)
        return sign | format->infinity;
    int base = (exponent - format->min_exponent) << format->fraction_bits;
    return (uint16_t)(sign | (base + (int)units));
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Fails with both patterns shown. */
static void check_both(float value)
{
    uint16_t expected16 = nearest(&fp16, value), expected_b = nearest(&bf16, value);
    uint16_t actual16 = aq_f32_to_f16(value), actual_b = aq_f32_to_bf16(value);
    if (actual16 != expected16 || actual_b != expected_b)
        fail_msg("%a: fp16 %04x, expected %04x; bf16 %04x, expected %04x", (double)value, actual16,
                 expected16, actual_b, expected_b);
}

static void test_oracle_by_hand(void **state)
{
    (void)state;
    assert_int_equal(nearest(&fp16, 1.0f), 0x3C00);
    assert_int_equal(nearest(&fp16, -2.0f), 0xC000);
    assert_int_equal(nearest(&fp16, 65519.996f), 0x7BFF);
    assert_int_equal(nearest(&fp16, 65520.0f), 0x7C00);
    assert_int_equal(nearest(&fp16, 0x1p-24f), 0x0001);
    assert_int_equal(nearest(&fp16, 0x1p-25f), 0x0000);
    assert_int_equal(nearest(&fp16, 0x1.002p0f), 0x3C00); /* half a unit above 1: to even */
    assert_int_equal(nearest(&fp16, 0x1.006p0f), 0x3C02);
    assert_int_equal(nearest(&bf16, 1.0f), 0x3F80);
    assert_int_equal(nearest(&bf16, FLT_MAX), 0x7F80);
}

static void test_every_half_widens(void **state)
{
    (void)state;
    for (uint32_t half = 0; half < 65536; half++) {
        float wide = aq_f16_to_f32((uint16_t)half), wide_b = aq_bf16_to_f32((uint16_t)half);
        uint16_t magnitude = half & 0x7FFF;
        assert_int_equal(signbit(wide) != 0, half >> 15);
        assert_int_equal(signbit(wide_b) != 0, half >> 15);
        if (magnitude > fp16.infinity)
            assert_true(isnan(wide));
        else if (magnitude == fp16.infinity)
            assert_true(isinf(wide));
        else
            assert_true(fabs((double)wide) == value_of(&fp16, magnitude));
        if (magnitude > bf16.infinity)
            assert_true(isnan(wide_b));
        else if (magnitude == bf16.infinity)
            assert_true(isinf(wide_b));
        else
            assert_true(fabs((double)wide_b) == value_of(&bf16, magnitude));
    }
}

static void test_every_half_comes_back(void **state)
{
    (void)state;
    for (uint32_t half = 0; half < 65536; half++) {
        bool nan16 = (half & 0x7FFF) > fp16.infinity, nan_b = (half & 0x7FFF) > bf16.infinity;
        uint16_t quiet16 = (uint16_t)((half & 0x8000) | fp16.quiet);
        uint16_t quiet_b = (uint16_t)((half & 0x8000) | bf16.quiet);
        assert_int_equal(aq_f32_to_f16(aq_f16_to_f32((uint16_t)half)), nan16 ? quiet16 : half);
        assert_int_equal(aq_f32_to_bf16(aq_bf16_to_f32((uint16_t)half)), nan_b ? quiet_b : half);
    }
}

/* Midpoints between neighbours and the floats next to them; the last is between the largest and infinity. */
static void check_boundaries(const narrow *format)
{
    for (uint16_t bits = 0; bits < format->infinity; bits++) {
        double low = value_of(format, bits);
        double high =
            value_of(format, (uint16_t)(bits + 1)); /* bits + 1 may be infinity: reads as 2^k, as it should */
        float middle = (float)(low + (high - low) / 2);
        assert_true((double)middle == low + (high - low) / 2); /* exact in fp32 */
        for (int32_t step = -2; step <= 2; step++) {
            uint32_t near = bits_of(middle);
            if (step < 0 && near < 2)
                continue;
            check_both(float_of(near + (uint32_t)step));
            check_both(-float_of(near + (uint32_t)step));
        }
        check_both((float)low);
        check_both(nextafterf((float)low, INFINITY));
        check_both(nextafterf((float)low, -INFINITY));
    }
}

static void test_boundaries(void **state)
{
    (void)state;
    check_boundaries(&fp16);
    check_boundaries(&bf16);
}

static void test_random_bits(void **state)
{
    (void)state;
    uint64_t random = 42;
    for (int i = 0; i < 4000000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint32_t bits = (uint32_t)(random >> 32);
        if ((bits & 0x7F800000) == 0x7F800000)
            continue; /* NaN and inf: test_special; a signalling NaN would change on the way */
        check_both(float_of(bits));
        /* every exponent that fp16 has, and some around */
        check_both(float_of((bits & 0x807FFFFF) | (uint32_t)(100 + (random & 63)) << 23));
    }
}

static void test_special(void **state)
{
    (void)state;
    static const uint32_t nans[] = {0x7FC00000, 0xFFC00000, 0x7F800001, 0xFF800001,
                                    0x7FFFFFFF, 0xFFFFFFFF, 0x7F801000};
    for (size_t i = 0; i < sizeof nans / sizeof nans[0]; i++) {
        uint16_t sign = nans[i] >> 16 & 0x8000;
        assert_int_equal(aq_f32_to_f16(float_of(nans[i])), sign | 0x7E00);
        assert_int_equal(aq_f32_to_bf16(float_of(nans[i])), sign | 0x7FC0);
    }
    check_both(INFINITY);
    check_both(-INFINITY);
    check_both(0.0f);
    check_both(-0.0f);
    check_both(FLT_MAX);
    check_both(-FLT_MAX);
    check_both(FLT_TRUE_MIN);
}

static void test_rounding_helpers(void **state)
{
    (void)state;
    assert_true(aq_round_f16(0x1.002p0f) == 1.0f);
    assert_true(aq_round_f16(0x1.006p0f) == 0x1.008p0f);
    assert_true(aq_round_f16(65520.0f) == INFINITY);
    assert_true(aq_round_f16_saturating(65520.0f) == 65504.0f);
    assert_true(aq_round_f16_saturating(-INFINITY) == -65504.0f);
    assert_true(aq_round_f16_saturating(1e30f) == 65504.0f);
    assert_true(aq_round_f16_saturating(-65503.0f) == -65504.0f);
    assert_true(aq_round_f16_saturating(0x1p-25f) == 0.0f);
    assert_true(isnan(aq_round_f16_saturating(NAN)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oracle_by_hand),        cmocka_unit_test(test_every_half_widens),
        cmocka_unit_test(test_every_half_comes_back), cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_random_bits),           cmocka_unit_test(test_special),
        cmocka_unit_test(test_rounding_helpers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
