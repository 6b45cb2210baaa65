/* SPDX-License-Identifier: Apache-2.0 */
/* aclnnTransQuantParam (companions page 2.1): the page's vectors, every bit of a word against plain double
 * arithmetic, padding, order of checks, outputs and memory on errors. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aclnnop/aclnn_trans_quant_param.h"
#include "base/memory.h"
#include "support/message.h"
#include "support/v1.h"

static uint64_t word_of(float scale, float offset)
{
    uint64_t *words = NULL, count = 0;
    assert_int_equal(aclnnTransQuantParam(&scale, 1, &offset, 1, &words, &count), 0);
    assert_int_equal(count, 1);
    uint64_t word = words[0];
    free(words);
    return word;
}

static void vectors(void **state)
{
    (void)state;
    float scale = 1.1f;
    uint64_t *words = NULL, count = 0;
    assert_int_equal(aclnnTransQuantParam(&scale, 1, NULL, 0, &words, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(words[0], 70369810369741);
    free(words);
    assert_int_equal(word_of(1.0f, 1.0f), 70507248484352);
    assert_int_equal(word_of(1.0f, 2.0f), 70644687437824);
    assert_int_equal(word_of(1.0f, 3.0f), 70782126391296);
}

/* Bits 45..37 as the number that they are. */
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
    } rows[] = {
        {0.0f, 0},
        {-0.0f, 0},
        {0.5f, 1},
        {2.5f, 3},
        {-0.5f, -1},
        {254.5f, 255},
        {0.49999997f, 0},
        {-0.49999997f, 0},
        {-2.5f, -3},
        {254.49f, 254},
        {255.0f, 255},
        {255.5f, 255},
        {256.0f, 255},
        {1e30f, 255},
        {INFINITY, 255},
        {-255.5f, -256},
        {-256.0f, -256},
        {-256.5f, -256},
        {-257.0f, -256},
        {-1e30f, -256},
        {-INFINITY, -256},
        {NAN, 0},
        {-NAN, 0},
        {2147483648.0f, 255},
        {-4294967296.0f, -256},
        {1e-45f, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t word = word_of(1.0f, rows[i].offset);
        assert_int_equal(offset_of(word), rows[i].expected);
        assert_int_equal(word & ~(UINT64_C(0x1FF) << 37), UINT64_C(1) << 46 | 0x3F800000u);
    }
    for (int quarter = -1100; quarter <= 1100;
         quarter++) { /* half away from zero, without any rounding function */
        int whole = quarter / 4, rest = abs(quarter % 4);
        int expected = rest >= 2 ? whole + (quarter < 0 ? -1 : 1) : whole;
        expected = expected > 255 ? 255 : expected < -256 ? -256 : expected;
        assert_int_equal(offset_of(word_of(1.0f, (float)quarter / 4)), expected);
    }
}

/* All 32 bits of the scale, whatever they are. */
static void scales(void **state)
{
    (void)state;
    static const uint32_t patterns[] = {0,          1,          0x80000000, 0x7F800000,
                                        0xFF800000, 0x7FC00000, 0x7F800001, 0xFFFFFFFF,
                                        0x3F8CCCCD, 0x00001FFF, 0x3FFFFFFF, 0x40533333};
    enum { COUNT = sizeof patterns / sizeof patterns[0] };
    float values[COUNT], zeros[COUNT] = {0};
    memcpy(values, patterns, sizeof patterns);
    uint64_t *words = NULL, count = 0;
    assert_int_equal(aclnnTransQuantParam(values, COUNT, zeros, COUNT, &words, &count), 0);
    assert_int_equal(count, 16);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(words[i], UINT64_C(1) << 46 | patterns[i]);
    for (size_t i = COUNT; i < 16; i++)
        assert_int_equal(words[i], 0);
    free(words);
}

/* The arrays end where the heap block ends, so that a sanitizer sees a read too far. */
static float *array_of(uint64_t size, float first)
{
    float *array = size > 0 ? malloc(size * sizeof *array) : NULL;
    for (uint64_t i = 0; i < size; i++)
        array[i] = first + (float)i;
    return array;
}

static void check_sizes(uint64_t scale_size, uint64_t offset_size)
{
    float *scale = array_of(scale_size, 1.0f), *offset = array_of(offset_size, -20.0f);
    uint64_t *words = NULL, count = 0, used = scale_size > offset_size ? scale_size : offset_size;
    uint64_t padded = used;
    while (used > 1 && padded % 16 != 0)
        padded++;
    assert_int_equal(aclnnTransQuantParam(scale, scale_size, offset, offset_size, &words, &count), 0);
    assert_int_equal(count, padded);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t expected = i < scale_size ? v1_word(1.0f + (float)i) : 0;
        if (i < offset_size)
            expected |= (uint64_t)(-20 + (int64_t)i + 512) % 512 << 37;
        assert_int_equal(words[i], expected);
    }
    free(words);
    free(scale);
    free(offset);
}

static void sizes(void **state)
{
    (void)state;
    static const uint64_t tried[] = {0, 1, 2, 15, 16, 17, 31, 32, 33, 200};
    for (size_t s = 1; s < sizeof tried / sizeof tried[0]; s++)
        for (size_t o = 0; o < sizeof tried / sizeof tried[0]; o++)
            check_sizes(tried[s], tried[o]);
}

static void order_of_checks(void **state)
{
    (void)state;
    float value = 1.0f;
    uint64_t *const before = (uint64_t *)&value;
    uint64_t *words = before, count = 4711;
#define REFUSED(status, word, ...) assert_refused(aclnnTransQuantParam(__VA_ARGS__), status, word)
    /* each with all the later faults as well, then alone */
    REFUSED(161002, "argument: offsetSize\n", NULL, 0, &value, 0, NULL, NULL);
    REFUSED(161002, "argument: offsetSize\n", &value, 1, &value, 0, &words, &count);
    REFUSED(161002, "argument: offsetArray\n", NULL, 0, NULL, 3, NULL, NULL);
    REFUSED(161002, "argument: offsetArray\n", &value, 1, NULL, 3, &words, &count);
    REFUSED(161002, "argument: scaleArray\n", NULL, 0, NULL, 0, NULL, NULL);
    REFUSED(161002, "argument: scaleArray\n", NULL, 1, &value, 1, &words, &count);
    REFUSED(161002, "argument: scaleSize\n", &value, 0, &value, 1, NULL, NULL);
    REFUSED(161002, "argument: scaleSize\n", &value, 0, NULL, 0, &words, &count);
    REFUSED(161001, "argument: quantParam\n", &value, 1, NULL, 0, NULL, NULL);
    REFUSED(161001, "argument: quantParam\n", &value, 1, NULL, 0, NULL, &count);
    REFUSED(161001, "argument: quantParamSize\n", &value, 1, NULL, 0, &words, NULL);
    assert_ptr_equal(words, before);
    assert_int_equal(count, 4711);
}

static void out_of_memory(void **state)
{
    (void)state;
    float value = 1.0f;
    uint64_t *const before = (uint64_t *)&value;
    uint64_t *words = before, count = 4711;
    aq_memory_fail_from(1);
    REFUSED(561103, "memory", &value, 1, NULL, 0, &words, &count);
    REFUSED(161001, "quantParamSize", &value, 1, NULL, 0, &words, NULL); /* memory comes last */
    aq_memory_fail_from(0);
    /* Sizes whose padding, or whose bytes, do not fit: refused before an array is read. */
    static const uint64_t huge[] = {UINT64_MAX, UINT64_MAX - 14, UINT64_MAX / 8, UINT64_MAX / 8 - 14,
                                    UINT64_MAX / 16 + 1};
    for (size_t i = 0; i < sizeof huge / sizeof huge[0]; i++) {
        REFUSED(561103, "memory", &value, huge[i], NULL, 0, &words, &count);
        REFUSED(561103, "memory", &value, 1, &value, huge[i], &words, &count);
    }
    assert_ptr_equal(words, before);
    assert_int_equal(count, 4711);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors),         cmocka_unit_test(offsets),
                                       cmocka_unit_test(scales),          cmocka_unit_test(sizes),
                                       cmocka_unit_test(order_of_checks), cmocka_unit_test(out_of_memory)};
    return cmocka_run_group_tests_name("trans_quant_param", tests, NULL, NULL);
}
