/* SPDX-License-Identifier: Apache-2.0 */
/* Every code of the 8-bit and 4-bit floats, against an independent reading of the formats. */
#include "base/float8.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/float8.h"

static void same(int code, float got, double expected)
{
    if (isnan(expected) ? !isnan(got) : (double)got != expected || !signbit(got) != !signbit(expected))
        fail_msg("code 0x%02x is %a, expected %a", (unsigned)code, (double)got, expected);
}

static void test_all_codes(void **state)
{
    (void)state;
    for (int code = 0; code < 256; code++) {
        same(code, aq_f8e4m3_to_f32((uint8_t)code), f8e4m3_value((uint8_t)code));
        same(code, aq_hif8_to_f32((uint8_t)code), hif8_value((uint8_t)code));
        same(code, aq_e8m0_to_f32((uint8_t)code), code == 255 ? NAN : ldexp(1.0, code - 127));
    }
    for (int code = 0; code < 16; code++)
        same(code, aq_f4e2m1_to_f32((uint8_t)code), f4e2m1_value((uint8_t)code));
}

/* Values that the formats' own papers name. */
static void test_landmarks(void **state)
{
    (void)state;
    same(0x7E, aq_f8e4m3_to_f32(0x7E), 448.0);
    same(0x01, aq_f8e4m3_to_f32(0x01), 0x1p-9);
    same(0x7F, aq_f8e4m3_to_f32(0x7F), NAN);
    same(0x6E, aq_hif8_to_f32(0x6E), 32768.0);
    same(0x6F, aq_hif8_to_f32(0x6F), INFINITY);
    same(0xEF, aq_hif8_to_f32(0xEF), -INFINITY);
    same(0x80, aq_hif8_to_f32(0x80), NAN);
    same(0x01, aq_hif8_to_f32(0x01), 0x1p-22);
    same(0x08, aq_hif8_to_f32(0x08), 1.0);
    same(0x07, aq_f4e2m1_to_f32(7), 6.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_codes), cmocka_unit_test(test_landmarks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
