/* SPDX-License-Identifier: Apache-2.0 */
/* The allocator: what each function promises, sizes that cannot be, and the failure switch. Also the checked
 * arithmetic that sizes are made with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/checked.h"
#include "base/memory.h"

static void test_blocks(void **state)
{
    (void)state;
    char *block = aq_malloc(100);
    assert_non_null(block);
    memset(block, 1, 100);
    aq_free(block);
    unsigned char *zeroed = aq_calloc(7, 13);
    for (int i = 0; i < 7 * 13; i++)
        assert_int_equal(zeroed[i], 0);
    aq_free(zeroed);
    aq_free(NULL);
}

static void test_zero_bytes_are_not_out_of_memory(void **state)
{
    (void)state;
    void *blocks[] = {aq_malloc(0), aq_calloc(0, 8), aq_calloc(8, 0), aq_aligned_malloc(64, 0)};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        assert_non_null(blocks[i]);
        aq_free(blocks[i]);
    }
}

static void test_alignment(void **state)
{
    (void)state;
    for (size_t alignment = 1; alignment <= 8192; alignment *= 2) {
        for (size_t size = 1; size < 300; size += 37) {
            char *block = aq_aligned_malloc(alignment, size);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % alignment, 0);
            memset(block, 1, size);
            aq_free(block);
        }
    }
}

static void test_impossible_sizes(void **state)
{
    (void)state;
    assert_null(aq_malloc(SIZE_MAX));
    assert_null(aq_malloc((size_t)PTRDIFF_MAX + 1));
    assert_null(aq_calloc(SIZE_MAX / 2, 3)); /* wraps to a small number */
    assert_null(aq_calloc((size_t)1 << 63, 2));
    assert_null(aq_aligned_malloc(64, SIZE_MAX - 3));
}

static void test_failing_from_the_nth(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 6; n++) {
        aq_memory_fail_from(n);
        void *blocks[9];
        for (int i = 0; i < 9; i += 3) {
            blocks[i] = aq_malloc(8);
            blocks[i + 1] = aq_calloc(1, 8);
            blocks[i + 2] = aq_aligned_malloc(64, 8);
        }
        aq_memory_fail_from(0);
        for (uint64_t i = 0; i < 9; i++) {
            assert_int_equal(blocks[i] != NULL, i + 1 < n);
            aq_free(blocks[i]);
        }
    }
    void *block = aq_malloc(8);
    assert_non_null(block);
    aq_free(block);
}

static void test_checked_arithmetic(void **state)
{
    (void)state;
    int64_t i64;
    size_t size;
    assert_true(aq_mul_i64(INT64_C(3037000499), INT64_C(3037000499), &i64));
    assert_int_equal(i64, INT64_C(9223372030926249001));
    assert_false(aq_mul_i64(INT64_C(3037000500), INT64_C(3037000500), &i64));
    assert_false(aq_mul_i64(INT64_MIN, -1, &i64));
    assert_true(aq_add_i64(INT64_MAX - 1, 1, &i64));
    assert_int_equal(i64, INT64_MAX);
    assert_false(aq_add_i64(INT64_MAX, 1, &i64));
    assert_false(aq_add_i64(INT64_MIN, -1, &i64));
    assert_true(aq_mul_size(SIZE_MAX / 5, 5, &size));
    assert_false(aq_mul_size(SIZE_MAX / 5 + 1, 5, &size));
    assert_true(aq_add_size(SIZE_MAX - 7, 7, &size));
    assert_false(aq_add_size(SIZE_MAX - 7, 8, &size));
    assert_int_equal(aq_round_up(1, 64), 64);
    assert_int_equal(aq_round_up(64, 64), 64);
    assert_int_equal(aq_round_up(65, 64), 128);
    assert_int_equal(aq_ceil_div(1, 16), 1);
    assert_int_equal(aq_ceil_div(32, 16), 2);
    assert_int_equal(aq_ceil_div(33, 16), 3);
    assert_int_equal(aq_min_i64(-3, 2), -3);
    assert_int_equal(aq_max_i64(-3, 2), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_zero_bytes_are_not_out_of_memory),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_impossible_sizes),
        cmocka_unit_test(test_failing_from_the_nth),
        cmocka_unit_test(test_checked_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
