/* SPDX-License-Identifier: Apache-2.0 */
/* The thread's error text: its form (runtime page 4.6), that it is handed out once, and that nothing which is
 * too long does harm. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"

static void test_full_refusal(void **state)
{
    (void)state;
    aq_refusal refusal = {
        "aclnnCastGetWorkspaceSize", "x1", "dtype must be FLOAT16", "INT8", "FLOAT16", "page 1.3"};
    assert_int_equal(aq_refuse(161002, &refusal), 161002);
    const char *text = aq_take_error();
    assert_string_equal(text, "EZ1001: aclnnCastGetWorkspaceSize: x1 refused, status 161002\n"
                              "    argument: x1\n"
                              "    rule: dtype must be FLOAT16\n"
                              "    actual: INT8\n"
                              "    nearest legal: FLOAT16\n"
                              "    see: page 1.3");
    assert_null(aq_take_error());
}

static void test_missing_lines_are_left_out(void **state)
{
    (void)state;
    aq_refuse(107000, &(aq_refusal){.function = "aclrtMemcpy", .rule = "count <= destMax", .actual = ""});
    assert_string_equal(aq_take_error(),
                        "EE1001: aclrtMemcpy: refused, status 107000\n    rule: count <= destMax");
    aq_refuse(161001, &(aq_refusal){0});
    assert_string_equal(aq_take_error(), "EZ1001: refused, status 161001");
}

/* The ranges of runtime page 4.4. */
static void test_code_by_status(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *code;
    } cases[] = {{161001, "EZ1001"}, {161002, "EZ1001"}, {100000, "EE1001"}, {100037, "EE1001"},
                 {107000, "EE1001"}, {107021, "EE1001"}, {200000, "EE1001"}, {207005, "EE1001"},
                 {300000, "EE1001"}, {500000, "EE1001"}, {507047, "EE1001"}, {361001, "EZ9999"},
                 {561000, "EZ9999"}, {561103, "EZ9999"}, {-1, "EZ9999"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "%s: got 7 of 8", cases[i].code);
        assert_int_equal(aq_error(cases[i].status, "got %d of %s", 7, "8"), cases[i].status);
        assert_string_equal(aq_take_error(), expected);
    }
}

static void test_last_one_wins_and_set_is_verbatim(void **state)
{
    (void)state;
    aq_error(100000, "first");
    aq_error(100000, "second");
    assert_string_equal(aq_take_error(), "EE1001: second");
    aq_set_error("as is %d");
    assert_string_equal(aq_take_error(), "as is %d");
    aq_set_error("something");
    aq_set_error("");
    assert_null(aq_take_error());
    aq_set_error("something");
    aq_set_error(NULL);
    assert_null(aq_take_error());
}

static void test_peek_does_not_take(void **state)
{
    (void)state;
    char text[16] = "untouched";
    aq_take_error();
    aq_peek_error(text, sizeof text);
    assert_string_equal(text, "");
    aq_set_error("0123456789abcdefghij");
    aq_peek_error(text, sizeof text);
    assert_string_equal(text, "0123456789abcde");
    aq_peek_error(text, 1);
    assert_string_equal(text, "");
    aq_peek_error(NULL, 5);
    strcpy(text, "untouched");
    aq_peek_error(text, 0);
    assert_string_equal(text, "untouched");
    assert_string_equal(aq_take_error(), "0123456789abcdefghij");
    aq_peek_error(text, sizeof text);
    assert_string_equal(text, "");
}

static void test_long_texts_are_cut(void **state)
{
    (void)state;
    static char longer[3 * AQ_ERROR_TEXT_SIZE];
    memset(longer, 'x', sizeof longer - 1);
    aq_error(561000, "%s", longer);
    assert_int_equal(strlen(aq_take_error()), AQ_ERROR_TEXT_SIZE - 1);
    aq_refuse(161002, &(aq_refusal){longer, longer, longer, longer, longer, longer});
    assert_int_equal(strlen(aq_take_error()), AQ_ERROR_TEXT_SIZE - 1);
    aq_set_error(longer);
    assert_int_equal(strlen(aq_take_error()), AQ_ERROR_TEXT_SIZE - 1);
    /* exactly full, and one below: nothing is lost */
    for (size_t length = AQ_ERROR_TEXT_SIZE - 2; length < AQ_ERROR_TEXT_SIZE; length++) {
        longer[length] = '\0';
        aq_set_error(longer);
        assert_string_equal(aq_take_error(), longer);
        longer[length] = 'x';
    }
}

/* A caller may build the next message from the one it was just given. */
static void test_pending_text_as_argument(void **state)
{
    (void)state;
    aq_set_error("inner");
    const char *text = aq_take_error();
    aq_error(561000, "<%s>", text);
    assert_string_equal(text, "EZ9999: <inner>");
    aq_refuse(161002, &(aq_refusal){.function = "f", .actual = text});
    assert_string_equal(text, "EZ1001: f: refused, status 161002\n    actual: EZ9999: <inner>");
    aq_set_error(text + 8);
    assert_string_equal(text, "f: refused, status 161002\n    actual: EZ9999: <inner>");
    aq_take_error();
}

static void *other_thread(void *argument)
{
    (void)argument;
    void *had_one = (void *)aq_take_error();
    aq_error(100000, "of the other thread");
    return had_one;
}

static void test_threads_have_their_own(void **state)
{
    (void)state;
    aq_error(100000, "of this thread");
    pthread_t thread;
    void *had_one = state;
    assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
    assert_int_equal(pthread_join(thread, &had_one), 0);
    assert_null(had_one);
    assert_string_equal(aq_take_error(), "EE1001: of this thread");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_refusal),
        cmocka_unit_test(test_missing_lines_are_left_out),
        cmocka_unit_test(test_code_by_status),
        cmocka_unit_test(test_last_one_wins_and_set_is_verbatim),
        cmocka_unit_test(test_peek_does_not_take),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_pending_text_as_argument),
        cmocka_unit_test(test_threads_have_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
