/* SPDX-License-Identifier: Apache-2.0 */
/* test_trace.c - the file of ANTIQUANT_TRACE: whole after every write, whatever ends the process; where it
 * cannot be written; what a second process and a forked child do. What the library draws is tests/api's. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/json_check.h"
#include "base/settings.h"
#include "base/trace.h"
#include "support/child.h"
#include "support/scratch.h"

static void must(bool good)
{
    if (!good)
        abort();
}

static const aq_track track = {.process = 1000, .thread = 7};

/* A process that traces to the file t in the scratch directory; its wait status. */
static int traced(void (*body)(void *result))
{
    char variable[128], unused;
    snprintf(variable, sizeof variable, "ANTIQUANT_TRACE=%s", scratch_path("t"));
    return in_child((const char *const[]){variable, NULL}, body, &unused, 1);
}

/* The file, which must be JSON, to be freed. */
static char *read_whole(const char *name)
{
    size_t offset;
    FILE *file = fopen(scratch_path(name), "r");
    assert_non_null(file);
    bool valid = aq_json_check(file, &offset);
    fclose(file);
    if (!valid)
        fail_msg("%s is no JSON from byte %zu on", name, offset);
    return scratch_read(scratch_path(name));
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        count++;
    return count;
}

static void span(const char *name)
{
    int64_t now = aq_trace_time();
    aq_trace_span(track, "test", name, now, now + 1500, NULL);
}

/* ---- bodies ---- */

static void write_each_kind(void *unused)
{
    (void)unused;
    aq_json members = {.length = 0};
    aq_json_count(&members, "bytes", 64);
    int64_t now = aq_trace_begin();
    must(now > 0);
    aq_trace_name_process(1000, "de\"vice\n");
    aq_trace_name_track(track, "stream");
    aq_trace_span(track, "test", "span", now, now + 1234567, &members);
    aq_trace_arrow(track, false, "test", 77, now);
    aq_trace_arrow(track, true, "test", 77, now + 5);
    aq_trace_count(track, "counted", now, -3);
    aq_trace_end("test", "mine", now, NULL);
    aq_trace_end("test", "never began", 0, NULL);
    must(aq_trace_track().process == getpid());
    must(aq_trace_enter(track).process == 0);
    must(aq_trace_track().process == 1000 && aq_trace_track().thread == 7);
    must(aq_trace_enter((aq_track){0, 0}).process == 1000);
    aq_trace_flush(false);
}

static void die_after_a_flush(void *unused)
{
    (void)unused;
    span("before");
    aq_trace_flush(false);
    span("after");
    raise(SIGKILL);
}

static void write_much(void *unused)
{
    (void)unused;
    for (int i = 0; i < 5000; i++)
        span("many"); /* more than the buffer holds; no flush is asked for */
    _exit(0);
}

static void leave_through_exit(void *unused)
{
    (void)unused;
    span("last");
    exit(0);
}

static void *write_spans(void *name)
{
    for (int i = 0; i < 500; i++)
        span(name);
    return NULL;
}

static void write_in_threads(void *unused)
{
    (void)unused;
    static char names[8][16];
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
        snprintf(names[i], sizeof names[i], "thread %d", i);
        must(pthread_create(&threads[i], NULL, write_spans, names[i]) == 0);
    }
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    aq_trace_flush(false);
}

static void fork_and_trace(void *unused)
{
    (void)unused;
    span("waiting in the buffer");
    pid_t child = fork();
    if (child == 0) {
        must(!aq_trace_on());
        span("child");
        aq_trace_flush(false);
        exit(0);
    }
    int status;
    must(waitpid(child, &status, 0) == child && status == 0);
    span("parent");
    aq_trace_flush(false);
}

/* The system lets the file grow to 20000 bytes only. */
static void fill_the_disk(void *unused)
{
    (void)unused;
    struct rlimit limit = {.rlim_cur = 20000, .rlim_max = 20000};
    signal(SIGXFSZ, SIG_IGN);
    must(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    for (int i = 0; i < 1000; i++) {
        span("filling");
        if (i == 50)
            aq_trace_flush(false);
    }
    aq_trace_flush(false);
    must(!aq_trace_on());
    must(aq_trace_invalid() == NULL); /* it could be written once; calls go on as before */
}

static void ask_whether_valid(void *result)
{
    const char *why = aq_trace_invalid();
    snprintf(result, 512, "%s|%d", why ? why : "", aq_trace_on());
}

static void hold_the_file_while_another_traces(void *unused)
{
    write_each_kind(unused);
    /* a program that this one starts: nothing of this process is known to it but the variables */
    pid_t other = fork();
    if (other == 0) {
        execl("/proc/self/exe", "test_trace", "trace", (char *)NULL);
        _exit(1);
    }
    int status;
    must(waitpid(other, &status, 0) == other && status == 0);
    span("still here");
    aq_trace_flush(false);
}

/* ---- tests ---- */

static void test_each_kind(void **state)
{
    (void)state;
    assert_int_equal(traced(write_each_kind), 0);
    char *text = read_whole("t");
    assert_memory_equal(text, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{", 41);
    static const char *const parts[] = {
        "{\"ph\":\"M\",\"pid\":1000,\"tid\":0,\"name\":\"process_name\",\"ts\":0,\"args\":{\"name\":"
        "\"de\\\"vice?\"}}",
        "{\"ph\":\"M\",\"pid\":1000,\"tid\":7,\"name\":\"thread_name\",\"ts\":0,\"args\":{\"name\":"
        "\"stream\"}}",
        "\"dur\":1234.567,\"cat\":\"test\",\"args\":{\"bytes\":64}}",
        "{\"ph\":\"s\",\"pid\":1000,\"tid\":7,\"name\":\"test\",\"ts\":",
        ",\"cat\":\"test\",\"id\":77,\"bp\":\"e\"}",
        "{\"ph\":\"C\",\"pid\":1000,\"tid\":7,\"name\":\"counted\",\"ts\":",
        "\"args\":{\"value\":-3}}",
        "\"name\":\"mine\"",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (!strstr(text, parts[i]))
            fail_msg("no %s in %s", parts[i], text);
    assert_null(strstr(text, "never began"));
    free(text);
}

static void test_whole_after_any_end(void **state)
{
    (void)state;
    assert_int_equal(traced(die_after_a_flush), SIGKILL);
    char *text = read_whole("t");
    assert_int_equal(count_of(text, "before"), 1);
    assert_int_equal(count_of(text, "after"), 0);
    free(text);
    assert_int_equal(traced(write_much), 0);
    text = read_whole("t");
    assert_in_range(count_of(text, "many"), 4000, 5000); /* all but the last bufferful */
    free(text);
    assert_int_equal(traced(leave_through_exit), 0);
    text = read_whole("t"); /* what was there before is gone */
    assert_int_equal(count_of(text, "many"), 0);
    assert_int_equal(count_of(text, "last"), 1);
    free(text);
}

static void test_threads(void **state)
{
    (void)state;
    assert_int_equal(traced(write_in_threads), 0);
    char *text = read_whole("t");
    for (int i = 0; i < 8; i++) {
        char name[32];
        snprintf(name, sizeof name, "\"thread %d\"", i);
        assert_int_equal(count_of(text, name), 500);
    }
    free(text);
}

static void test_a_forked_child_traces_nothing(void **state)
{
    (void)state;
    assert_int_equal(traced(fork_and_trace), 0);
    char *text = read_whole("t");
    assert_int_equal(count_of(text, "waiting in the buffer"), 1);
    assert_int_equal(count_of(text, "parent"), 1);
    assert_int_equal(count_of(text, "child"), 0);
    assert_int_equal(scratch_each(scratch, NULL), 1);
    free(text);
}

static void test_a_full_disk(void **state)
{
    (void)state;
    assert_int_equal(traced(fill_the_disk), 0);
    char *text = read_whole("t");
    assert_int_equal(count_of(text, "filling"), 51);
    free(text);
}

static char last_name[256];

static void note_other(const char *name)
{
    if (strcmp(name, "t") != 0)
        snprintf(last_name, sizeof last_name, "%s", name);
}

static void test_two_processes(void **state)
{
    (void)state;
    assert_int_equal(traced(hold_the_file_while_another_traces), 0);
    assert_int_equal(scratch_each(scratch, note_other), 2);
    assert_memory_equal(last_name, "t.", 2);
    assert_int_equal(strspn(last_name + 2, "0123456789"), strlen(last_name + 2));
    char *text = read_whole("t"), *other = read_whole(last_name);
    assert_int_equal(count_of(text, "still here"), 1);
    assert_int_equal(count_of(text, "other process"), 0);
    assert_int_equal(count_of(other, "other process"), 1);
    free(text);
    free(other);
}

static void test_where_it_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *variable, *expected;
    } cases[] = {
        {"ANTIQUANT_TRACE=", "|0"},
        {"ANTIQUANT_TRACE=/nowhere/t.json", "ANTIQUANT_TRACE=\"/nowhere/t.json\" is not valid: No such file "
                                            "or directory; valid values: the path of "
                                            "a file that can be written|0"},
        {"ANTIQUANT_TRACE=/tmp", "ANTIQUANT_TRACE=\"/tmp\" is not valid: Is a directory; valid values: the "
                                 "path of a file that can be "
                                 "written|0"},
        {"ANTIQUANT_TRACE=/dev/null", "ANTIQUANT_TRACE=\"/dev/null\" is not valid: not a regular file; valid "
                                      "values: the path of a file that "
                                      "can be written|0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char seen[512];
        assert_int_equal(
            in_child((const char *const[]){cases[i].variable, NULL}, ask_whether_valid, seen, sizeof seen),
            0);
        assert_string_equal(seen, cases[i].expected);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_make, scratch_remove)

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "trace") == 0) { /* test_two_processes */
        span("other process");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        TEST(test_each_kind),
        TEST(test_whole_after_any_end),
        TEST(test_threads),
        TEST(test_a_forked_child_traces_nothing),
        TEST(test_a_full_disk),
        TEST(test_two_processes),
        TEST(test_where_it_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
