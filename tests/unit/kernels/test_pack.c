/* SPDX-License-Identifier: Apache-2.0 */
/* test_pack.c - the generic packers on numbers that can be checked by hand: the weights of the published
 * sample (operator page 1.4), the ends of each rounding step, the picture of docs/KERNELS.md. The kernel
 * checker does the rest. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kernels/ref/pack.h"

enum { ONE = 0x3C00, TWO = 0x4000, ZERO = 0, INFINITE = 0x7C00 }; /* fp16 */

/* The dequantised value of one stored weight, by the fixpipe recipe. */
static float fixpipe(int8_t stored, int32_t offset, float scale)
{
    aq_weight weight = {.data = &stored, .stride_k = 1, .stride_n = 1};
    aq_parameters parameters = {.recipe = AQ_RECIPE_FIXPIPE, .offset = &offset, .scale = &scale};
    return aq_weight_value(&weight, &parameters, 1, 0, 0);
}

static float composed(int8_t stored, const float *shift, const float *factor, uint16_t add)
{
    aq_weight weight = {.data = &stored, .stride_k = 1, .stride_n = 1};
    aq_parameters parameters = {.recipe = AQ_RECIPE_COMPOSED, .add = &add};
    parameters.shift_present = shift != NULL;
    parameters.factor_present = factor != NULL;
    parameters.shift = shift != NULL ? *shift : NAN;
    parameters.factor = factor != NULL ? *factor : NAN;
    return aq_weight_value(&weight, &parameters, 1, 0, 0);
}

static void expect(float got, float expected)
{
    if (got != expected)
        print_error("%a is not %a\n", (double)got, (double)expected);
    assert_true(got == expected);
}

static void test_published_sample(void **state)
{
    (void)state;
    const int8_t stored[16] = {0, 0, -128, 63, 0, 0, -128, 63, 0, 0, -128, 63, 0, 0, -128, 63};
    const float expected[4] = {2, 2, -127, 63};
    const uint16_t add[4] = {ONE, ONE, ONE, ZERO}, mul[4] = {TWO, TWO, ONE, ONE};
    const int32_t offset[4] = {1, 1, 1, 0};
    const float scale[4] = {2, 2, 1, 1};
    aq_weight weight = {.data = stored, .stride_k = 4, .stride_n = 1};
    aq_parameters by_steps = {
        .recipe = AQ_RECIPE_COMPOSED, .add = add, .mul = mul, .add_stride_n = 1, .mul_stride_n = 1};
    aq_parameters by_fixpipe = {.recipe = AQ_RECIPE_FIXPIPE, .offset = offset, .scale = scale};
    for (int64_t k = 0; k < 4; k++)
        for (int64_t n = 0; n < 4; n++) {
            expect(aq_weight_value(&weight, &by_steps, 4, k, n), expected[n]);
            expect(aq_weight_value(&weight, &by_fixpipe, 4, k, n), expected[n]);
        }
}

static void test_fixpipe_ends(void **state)
{
    (void)state;
    expect(fixpipe(127, INT32_MAX, 0x1p-31f), 1); /* the int32 sum saturates, to 2^31 as fp32 */
    expect(fixpipe(-128, INT32_MIN, 0x1p-31f), -1);
    expect(fixpipe(-128, INT32_MAX, 0x1p-31f), 1); /* 2147483519 is 2^31 in fp32 and in fp16 */
    expect(fixpipe(127, 0, 512), 65024);
    expect(fixpipe(127, 0, 516), 65504); /* 65532: H saturates */
    expect(fixpipe(-128, 0, INFINITY), -65504);
    assert_true(isnan(fixpipe(0, 0, INFINITY)));
    assert_true(isnan(fixpipe(1, 0, NAN)));
    expect(fixpipe(1, 2048, 1), 2048); /* 2049 and 2051 tie: to even */
    expect(fixpipe(3, 2048, 1), 2052);
    expect(fixpipe(1, 0, 0x1p-25f), 0); /* half of the least fp16 subnormal: to even */
    expect(fixpipe(3, 0, 0x1p-25f), 0x1p-23f);
}

static void test_composed_steps(void **state)
{
    (void)state;
    const float half = 0.5f, large = 1024, third = 1 / 3.0f;
    expect(composed(2, NULL, NULL, ONE), 3);
    expect(composed(2, &half, &large, ZERO), 2560);
    expect(composed(127, NULL, &large, ZERO), INFINITY); /* R16 overflows, no saturation here */
    assert_true(isnan(composed(-128, NULL, &large, INFINITE)));
    expect(composed(1, NULL, &third, ZERO), 1365 * 0x1p-12f); /* 1/3 in 11 bits */
    expect(composed(1, NULL, &third, ONE), 1365 * 0x1p-10f);  /* 1365.25 steps of 2^-10 */
}

static void test_diagonal(void **state)
{
    (void)state;
    int8_t stored[40], ones[32 * 32], shift[32 * 32] = {0};
    for (int i = 0; i < 40; i++)
        stored[i] = (int8_t)(i + 1);
    for (int i = 0; i < 32 * 32; i++)
        ones[i] = 1;
    for (int i = 0; i < 31; i++)
        shift[i * 32 + i + 1] = 1; /* row i takes the weight of k + 1; row 31 takes nothing */
    const int32_t offset = 0;
    const float scale = 1;
    aq_weight weight = {.data = stored, .stride_k = 1, .stride_n = 1};
    aq_parameters parameters = {
        .recipe = AQ_RECIPE_FIXPIPE, .offset = &offset, .scale = &scale, .diagonal = ones};
    parameters.diagonal_stride_i = 32;
    parameters.diagonal_stride_j = 1;
    expect(aq_weight_value(&weight, &parameters, 40, 5, 0), 528); /* 1 + ... + 32 */
    expect(aq_weight_value(&weight, &parameters, 40, 39, 0),
           292); /* 33 + ... + 40: beyond k counts as zero */
    parameters.diagonal = shift;
    expect(aq_weight_value(&weight, &parameters, 40, 5, 0), 7);
    expect(aq_weight_value(&weight, &parameters, 40, 31, 0), 0);
    expect(aq_weight_value(&weight, &parameters, 40, 38, 0), 40);
    expect(aq_weight_value(&weight, &parameters, 40, 39, 0), 0);
    parameters.diagonal_stride_i = 1; /* the transpose: row i takes the weight of k - 1 */
    parameters.diagonal_stride_j = 32;
    expect(aq_weight_value(&weight, &parameters, 40, 5, 0), 5);
}

static void test_positions_of_order_t(void **state)
{
    (void)state;
    enum { K = 40, STEPS = 48, MR = 2 };
    uint16_t x[K];
    for (int k = 0; k < K; k++)
        x[k] = (uint16_t)k; /* as bits: the k-th least fp16 subnormal */
    _Alignas(64) float packed[STEPS * MR];
    aq_rows_job job = {
        .order = AQ_ORDER_T, .x = x, .stride_k = 1, .rows = 1, .k = K, .steps = STEPS, .packed = packed};
    aq_pack_rows_generic(&job, MR);
    const int expected[12] = {0, 16, 32, 8, 24, -1, 4, 20, 36, 12, 28, -1}; /* -1: padding */
    for (int p = 0; p < 12; p++) {
        expect(packed[p * MR], expected[p] < 0 ? 0 : (float)expected[p] * 0x1p-24f);
        expect(packed[p * MR + 1], 0); /* row 1 does not exist */
    }
    expect(packed[45 * MR], 15 * 0x1p-24f); /* the last lane is lane 15 */
    expect(packed[46 * MR], 31 * 0x1p-24f);
    expect(packed[47 * MR], 0);
    assert_int_equal(aq_packed_steps(AQ_ORDER_T, K), STEPS);
    assert_int_equal(aq_packed_steps(AQ_ORDER_P, K), K);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_sample),     cmocka_unit_test(test_fixpipe_ends),
        cmocka_unit_test(test_composed_steps),       cmocka_unit_test(test_diagonal),
        cmocka_unit_test(test_positions_of_order_t),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
