/* SPDX-License-Identifier: Apache-2.0 */
/* Types and formats against the lists of runtime page 4.4, and numbers that are none; the not-IEEE scalar
 * conversions of companions page 2.2 against arithmetic in double. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl_base.h"
#include "tensor/dtype.h"

static void test_dtypes(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *name;
        size_t size;
    } types[] = {
        {-1, "UNDEFINED", 0},   {0, "FLOAT", 4},        {1, "FLOAT16", 2},        {2, "INT8", 1},
        {3, "INT32", 4},        {4, "UINT8", 1},        {6, "INT16", 2},          {7, "UINT16", 2},
        {8, "UINT32", 4},       {9, "INT64", 8},        {10, "UINT64", 8},        {11, "DOUBLE", 8},
        {12, "BOOL", 1},        {13, "STRING", 0},      {16, "COMPLEX64", 8},     {17, "COMPLEX128", 16},
        {27, "BF16", 2},        {29, "INT4", 1},        {30, "UINT1", 1},         {33, "COMPLEX32", 4},
        {34, "HIFLOAT8", 1},    {35, "FLOAT8_E5M2", 1}, {36, "FLOAT8_E4M3FN", 1}, {37, "FLOAT8_E8M0", 1},
        {38, "FLOAT6_E3M2", 1}, {39, "FLOAT6_E2M3", 1}, {40, "FLOAT4_E2M1", 1},   {41, "FLOAT4_E1M2", 1}};
    size_t known = 0;
    for (int number = -3; number < 100; number++) {
        const char *name = "unknown";
        size_t size = 0;
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            if (types[i].number == number) {
                name = types[i].name;
                size = types[i].size;
                known++;
            }
        }
        assert_string_equal(aq_dtype_name((aclDataType)number), name);
        assert_int_equal(aq_dtype_size((aclDataType)number), size);
        assert_int_equal(aclDataTypeSize((aclDataType)number), size);
    }
    assert_int_equal(known, sizeof types / sizeof types[0]);
    static const int wild[] = {INT32_MAX, INT32_MIN, 65536, -65536};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(aq_dtype_name((aclDataType)wild[i]), "unknown");
        assert_int_equal(aclDataTypeSize((aclDataType)wild[i]), 0);
    }
}

static void test_formats(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *name;
        bool is_private;
    } formats[] = {{-1, "UNDEFINED", false},
                   {0, "NCHW", false},
                   {1, "NHWC", false},
                   {2, "ND", false},
                   {3, "NC1HWC0", true},
                   {4, "FRACTAL_Z", true},
                   {12, "NC1HWC0_C04", true},
                   {16, "HWCN", false},
                   {27, "NDHWC", false},
                   {29, "FRACTAL_NZ", true},
                   {30, "NCDHW", false},
                   {32, "NDC1HWC0", true},
                   {33, "FRACTAL_Z_3D", true},
                   {35, "NC", false},
                   {47, "NCL", false},
                   {50, "FRACTAL_NZ_C0_16", true},
                   {51, "FRACTAL_NZ_C0_32", true},
                   {52, "FRACTAL_NZ_C0_2", true},
                   {53, "FRACTAL_NZ_C0_4", true},
                   {54, "FRACTAL_NZ_C0_8", true}};
    for (int number = -3; number < 100; number++) {
        const char *name = "unknown";
        bool is_private = true;
        for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
            if (formats[i].number == number) {
                name = formats[i].name;
                is_private = formats[i].is_private;
            }
        }
        assert_string_equal(aq_format_name((aclFormat)number), name);
        assert_int_equal(aq_format_is_private((aclFormat)number), is_private);
    }
    assert_string_equal(aq_format_name((aclFormat)INT32_MAX), "unknown");
    assert_true(aq_format_is_private((aclFormat)INT32_MIN));
}

/* Exponent 31 is one more power of two. */
static void test_every_half(void **state)
{
    (void)state;
    for (uint32_t half = 0; half < 65536; half++) {
        int fraction = half & 0x3FF, exponent = half >> 10 & 31;
        double value = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
        float wide = aclFloat16ToFloat((aclFloat16)half);
        assert_true(fabs((double)wide) == value);
        assert_int_equal(signbit(wide) != 0, half >> 15);
        assert_int_equal(aclFloatToFloat16(wide), exponent == 31 ? (half & 0x8000) | 0x7BFF : half);
    }
    assert_true(aclFloat16ToFloat(0x7C00) == 65536.0f);
    assert_true(aclFloat16ToFloat(0xFC00) == -65536.0f);
    assert_true(aclFloat16ToFloat(0x7E00) == 98304.0f);
}

static void test_to_half(void **state)
{
    (void)state;
    static const struct {
        float value;
        uint16_t half;
    } cases[] = {{0.0f, 0x0000},       {-0.0f, 0x8000},    {1.0f, 0x3C00},       {0x1.002p0f, 0x3C00},
                 {0x1.006p0f, 0x3C02}, {65504.0f, 0x7BFF}, {65519.0f, 0x7BFF},   {65520.0f, 0x7BFF},
                 {-65520.0f, 0xFBFF},  {1e30f, 0x7BFF},    {INFINITY, 0x7BFF},   {-INFINITY, 0xFBFF},
                 {0x1p-24f, 0x0001},   {0x1p-25f, 0x0000}, {0x1.8p-25f, 0x0001}, {0x1.FFCp-15f, 0x0400},
                 {1e-30f, 0x0000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(aclFloatToFloat16(cases[i].value), cases[i].half);
    static const uint32_t nans[] = {0x7FC00000, 0x7F800001, 0xFFC00000, 0xFFFFFFFF};
    for (size_t i = 0; i < 4; i++) {
        float nan;
        memcpy(&nan, &nans[i], sizeof nan);
        assert_int_equal(aclFloatToFloat16(nan), nans[i] >> 31 ? 0xFBFF : 0x7BFF);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_every_half),
        cmocka_unit_test(test_to_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
