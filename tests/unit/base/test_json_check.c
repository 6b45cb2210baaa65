/* SPDX-License-Identifier: Apache-2.0 */
/* test_json_check.c - texts of RFC 8259 that are JSON, and texts that nearly are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_check.h"

static bool check(const char *text, size_t *offset)
{
    FILE *file = *text ? fmemopen((void *)(uintptr_t)text, strlen(text), "r") : fopen("/dev/null", "r");
    assert_non_null(file);
    bool valid = aq_json_check(file, offset);
    fclose(file);
    return valid;
}

static void test_valid(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        " { } ",
        "0",
        "-0",
        "1.5e+10",
        "-12.25E-3",
        "1E5",
        "\"\"",
        "true",
        "false",
        "null",
        "\r\n\t [1, 2,3 ,{\"a\":[]}]\n",
        "{\"a\":1,\"a\":2}",
        "{\"dump\":{\"dump_path\":\"./x\"}}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83d\\ude00\"",
        "\"gr\xc3\xbc\xc3\x9f\"",
        "[[[[[[[[[[]]]]]]]]]]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t offset;
        if (!check(texts[i], &offset))
            fail_msg("refused at byte %zu: %s", offset, texts[i]);
        assert_int_equal(offset, strlen(texts[i]));
    }
}

static void test_invalid(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset; /* of the first byte that is wrong */
    } cases[] = {
        {"", 0},
        {"   ", 3},
        {"{", 1},
        {"}", 0},
        {"{}x", 2},
        {"[1,]", 3},
        {"[,1]", 1},
        {"[1 2]", 3},
        {"{\"a\"}", 4},
        {"{\"a\":}", 5},
        {"{\"a\":1,}", 7},
        {"{a:1}", 1},
        {"{1:1}", 1},
        {"'a'", 0},
        {"01", 1},
        {"-", 1},
        {"+1", 0},
        {".5", 0},
        {"1.", 2},
        {"1e", 2},
        {"1e+", 3},
        {"0x10", 1},
        {"tru", 3},
        {"True", 0},
        {"nul", 3},
        {"NaN", 0},
        {"\"a", 2},
        {"\"\\x\"", 2},
        {"\"\\u12g4\"", 5},
        {"\"a\nb\"", 2},
        {"[\"\\u123\"]", 7},
        {"{} {}", 3},
        {"// c\n{}", 0},
        {"[}", 1},
        {"\xef\xbb\xbf{}", 0},
        {"\"\\", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t offset;
        if (check(cases[i].text, &offset))
            fail_msg("accepted: %s", cases[i].text);
        if (offset != cases[i].offset)
            fail_msg("wrong at byte %zu, not %zu: %s", cases[i].offset, offset, cases[i].text);
    }
}

static void test_zero_bytes(void **state)
{
    (void)state;
    static const char text[] = "\"a\0b\"";
    FILE *file = fmemopen((void *)(uintptr_t)text, sizeof text - 1, "r");
    assert_non_null(file);
    size_t offset;
    assert_false(aq_json_check(file, &offset));
    fclose(file);
    assert_int_equal(offset, 2);
}

/* Nesting to the limit is fine, one more is not, and a million deep must not overflow the stack. */
static void test_depth(void **state)
{
    (void)state;
    static const size_t depths[] = {AQ_JSON_MAX_DEPTH, AQ_JSON_MAX_DEPTH + 1, 1000000};
    for (size_t i = 0; i < 3; i++) {
        size_t depth = depths[i], offset;
        char *text = malloc(2 * depth + 1);
        assert_non_null(text);
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';
        assert_int_equal(check(text, &offset), depth <= AQ_JSON_MAX_DEPTH);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_zero_bytes),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
