/* SPDX-License-Identifier: Apache-2.0 */
/* test_json_write.c - values as JSON text: digits, quoting, what does not fit, and no locale in it. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_check.h"
#include "base/json_write.h"

static bool is_object(const char *members)
{
    char text[2048];
    size_t offset;
    int length = snprintf(text, sizeof text, "{%s}", members);
    FILE *file = fmemopen(text, (size_t)length, "r");
    assert_non_null(file);
    bool valid = aq_json_check(file, &offset);
    fclose(file);
    return valid;
}

static void test_decimals(void **state)
{
    (void)state;
    static const struct {
        double value;
        int digits;
        const char *text;
    } cases[] = {
        {0, 0, "0"},
        {0, 3, "0.000"},
        {1.5, 0, "2"},
        {-1.25, 2, "-1.25"},
        {0.0049, 2, "0.00"},
        {0.005001, 2, "0.01"},
        {-0.004, 2, "0.00"},
        {12345.6789, 3, "12345.679"},
        {999.9996, 3, "1000.000"},
        {8.9e12, 3, "8900000000000.000"},
        {1e13, 3, "0"},
        {1e300, 0, "0"},
        {INFINITY, 2, "0"},
        {-INFINITY, 2, "0"},
        {NAN, 2, "0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[AQ_DECIMAL_TEXT];
        assert_string_equal(aq_decimal_text(cases[i].value, cases[i].digits, text), cases[i].text);
    }
    /* with a locale whose point is a comma, if there is one here */
    setlocale(LC_ALL, "de_DE.UTF-8");
    char text[AQ_DECIMAL_TEXT];
    assert_string_equal(aq_decimal_text(0.5, 1, text), "0.5");
    setlocale(LC_ALL, "C");
}

static void test_quotes(void **state)
{
    (void)state;
    char text[64];
    assert_int_equal(aq_json_quote("", text, sizeof text), 2);
    assert_string_equal(text, "\"\"");
    assert_int_equal(aq_json_quote("a\"b\\c\n\t\x7f\x80\xff", text, sizeof text), 14);
    assert_string_equal(text, "\"a\\\"b\\\\c?????\"");
    for (size_t size = 3; size < 12; size++) {
        memset(text, '#', sizeof text);
        size_t length = aq_json_quote("\\\\\\\\\\\\", text, size);
        assert_true(length < size && strlen(text) == length && text[size] == '#');
        assert_int_equal(length % 2, 0); /* no half of a pair */
        char member[80];
        snprintf(member, sizeof member, "\"k\":%s", text);
        assert_true(is_object(member));
    }
}

static void test_members(void **state)
{
    (void)state;
    aq_json json = {.length = 0};
    aq_json_text(&json, "absent", NULL);
    assert_int_equal(json.length, 0);
    aq_json_text(&json, "text", "a\"b");
    aq_json_count(&json, "count", INT64_MIN);
    aq_json_decimal(&json, "GB/s", 1.239, 2);
    assert_string_equal(json.text, "\"text\":\"a\\\"b\",\"count\":-9223372036854775808,\"GB/s\":1.24");
    assert_int_equal(json.length, strlen(json.text));
}

/* However much is added, what is there is an object, and the last that fitted is whole. */
static void test_full(void **state)
{
    (void)state;
    aq_json json = {.length = 0};
    char key[32];
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "key%d", i);
        if (i % 3)
            aq_json_count(&json, key, i);
        else
            aq_json_text(&json, key, "some text that takes room");
        assert_true(json.length < sizeof json.text);
        assert_int_equal(strlen(json.text), json.length);
        assert_true(is_object(json.text));
    }
    assert_true(json.length > sizeof json.text - 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
