/* SPDX-License-Identifier: Apache-2.0 */
/* test_log.c - the library's own lines in the log (runtime page 4.7): which there are at each level, how they
 * look, and that whoever is refused never notices where they go. The variables are read once a process, so
 * each case is a child; the parent looks at what is there. */
#include <errno.h>
#include <pthread.h>

#include "base/log.h"
#include "support/child.h"
#include "support/message.h"
#include "support/scratch.h"
#include "support/tasks.h"
#include "support/toy_op.h"

/* ---- a case: a body in a process of its own, and the one file it leaves ---- */

static char last_name[256];

static void note_name(const char *name)
{
    snprintf(last_name, sizeof last_name, "%s", name);
}

/* The text of the log, to be freed; null when no file was made. level: "0".."4", null for the default. */
static char *logged(const char *level, void (*body)(void *result))
{
    char directory[96], chosen[64], unused;
    snprintf(directory, sizeof directory, "ASCEND_PROCESS_LOG_PATH=%s", scratch);
    snprintf(chosen, sizeof chosen, "ASCEND_GLOBAL_LOG_LEVEL=%s", level ? level : "");
    const char *const variables[] = {directory, chosen, NULL};
    assert_int_equal(in_child(variables, body, &unused, 1), 0);
    int files = scratch_each(scratch, note_name);
    assert_in_range(files, 0, 1);
    return files ? scratch_read(scratch_path(last_name)) : NULL;
}

static void must(bool good)
{
    if (!good)
        abort(); /* the child's wait status tells the parent */
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        count++;
    return count;
}

/* ---- bodies ---- */

static void use_everything(void *unused)
{
    (void)unused;
    static int32_t x[TOY_LENGTH], y[TOY_LENGTH];
    aclrtStream stream;
    uint64_t size;
    aclOpExecutor *executor;
    must(aclInit(NULL) == 0 && aclrtSetDevice(0) == 0 && aclrtCreateStream(&stream) == 0);
    toy call = {.x = toy_tensor(x, 0), .y = toy_tensor(y, 0)};
    must(toy_prepare(&call, &size, &executor) == 0 && toy_run(executor, stream) == 0);
    must(aclrtSynchronizeStream(stream) == 0 && aclrtDestroyStream(stream) == 0);
    must(aclDestroyTensor(call.x) == 0 && aclDestroyTensor(call.y) == 0);
    must(aclrtResetDevice(0) == 0 && aclFinalize() == 0);
}

static void be_refused(void *unused)
{
    (void)unused;
    errno = 1234;
    must(aclrtFree(NULL) == 100000);
    must(errno == 1234);
    const char *message = aclGetRecentErrMsg();
    must(message && strstr(message, "\n    argument: ") != NULL);
}

static void fail_in_a_stream(void *unused)
{
    (void)unused;
    must(aclrtSetDevice(0) == 0);
    must(test_queue_failure(NULL, 507015, "the kernel broke") == 0);
    must(aclrtSynchronizeStream(NULL) == 507015);
    must(aclrtGetLastError(ACL_RT_THREAD_LEVEL) == 507015); /* told again, not logged again */
}

static void run_out_of_time(void *unused)
{
    (void)unused;
    aclrtStream stream;
    must(aclrtSetDevice(0) == 0 && aclrtCreateStream(&stream) == 0);
    must(aclrtSubscribeReport((uint64_t)pthread_self(), stream) == 0);
    must(aclrtProcessReport(1) == 507012);
}

/* Formats in what a caller hands over, escape sequences, and texts that look like lines of the log. */
static void be_hostile(void *unused)
{
    (void)unused;
    aclAppLog(ACL_ERROR, "%s%n", "%n%n\n[ERROR] forged", 1, "%s", "a %s %n\n[ERROR] forged\033[2J\r\n\n");
    aclAppLog(ACL_ERROR, "f", "file.c", 2, "%s", "\n");
    must(aclInit("/nowhere/%s%n\n[ERROR] forged") == 100003);
}

static void write_long_lines(void *unused)
{
    (void)unused;
    static char text[10000];
    memset(text, 'x', sizeof text - 1);
    aclAppLog(ACL_ERROR, "f", "file.c", 1, "%s", text);
    memset(text, '\n', sizeof text - 1);
    aclAppLog(ACL_ERROR, "f", "file.c", 2, "%send", text);
    aclAppLog(ACL_ERROR, "f", "file.c", 3, "short");
}

enum { THREADS = 8, LINES = 100, WIDTH = 3000 };

static void *write_lines(void *argument)
{
    char text[WIDTH + 1];
    memset(text, *(const char *)argument, WIDTH);
    text[WIDTH] = '\0';
    for (int i = 0; i < LINES; i++)
        aclAppLog(ACL_ERROR, "f", "file.c", 1, "<%s>", text);
    return NULL;
}

static void write_in_threads(void *unused)
{
    (void)unused;
    pthread_t threads[THREADS];
    char letters[] = "abcdefgh";
    for (int i = 0; i < THREADS; i++)
        must(pthread_create(&threads[i], NULL, write_lines, &letters[i]) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void log_and_fork(void *unused)
{
    (void)unused;
    aclAppLog(ACL_ERROR, "f", "file.c", 1, "before");
    pid_t child = fork();
    if (child == 0) {
        aclAppLog(ACL_ERROR, "f", "file.c", 2, "child");
        _exit(0);
    }
    int status;
    must(waitpid(child, &status, 0) == child && status == 0);
    aclAppLog(ACL_ERROR, "f", "file.c", 3, "after");
}

/* Three files' worth of lines. */
static void fill_the_disk(void *unused)
{
    (void)unused;
    char text[4001];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 3 * AQ_LOG_FILE / 4000; i++)
        aclAppLog(ACL_ERROR, "f", "file.c", (uint32_t)i, "%s", text);
}

/* ---- tests ---- */

static void test_nothing_to_say(void **state)
{
    (void)state;
    assert_null(logged(NULL, use_everything));
    assert_null(logged("3", use_everything));
    assert_null(logged("4", be_refused));
}

static void test_information(void **state)
{
    (void)state;
    char *text = logged("1", use_everything);
    assert_non_null(text);
    static const char *const lines[] = {
        "aclInit\n",         "aclrtCreateStream: stream 2 made on device 0\n", "aclnnToy: phase 1: ",
        "aclnnToy: phase 2", "aclrtDestroyStream: stream 2 ended\n",           "aclFinalize\n",
    };
    const char *at = text;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const char *found = strstr(at, lines[i]);
        if (!found)
            fail_msg("no \"%s\" behind the line before it in: %s", lines[i], text);
        at = found;
    }
    assert_int_equal(count_of(text, "[INFO] ANTIQUANT("), count_of(text, "\n"));
    free(text);
    scratch_each(scratch, scratch_remove_file);
    assert_null(logged("2", use_everything));
}

static void test_a_refusal_is_one_line(void **state)
{
    (void)state;
    char *text = logged(NULL, be_refused);
    assert_non_null(text);
    assert_int_equal(count_of(text, "\n"), 1);
    assert_memory_equal(text, "[ERROR] ANTIQUANT(", 18);
    assert_non_null(strstr(text, " EE1001: aclrtFree: "));
    assert_non_null(strstr(text, "; argument: "));
    assert_non_null(strstr(text, "; see: runtime page 4.5\n"));
    free(text);
}

static void test_a_failed_task(void **state)
{
    (void)state;
    char *text = logged(NULL, fail_in_a_stream);
    assert_non_null(text);
    assert_non_null(strstr(text, "task failed, status 507015: EE1001: the kernel broke; task: failure, "));
    assert_int_equal(count_of(text, "task failed"), 1);
    free(text);
}

static void test_time_is_up_is_a_warning(void **state)
{
    (void)state;
    assert_null(logged("3", run_out_of_time));
    char *text = logged("2", run_out_of_time);
    assert_non_null(text);
    assert_memory_equal(text, "[WARNING] ANTIQUANT(", 20);
    assert_int_equal(count_of(text, "\n"), 1);
    free(text);
}

static void test_hostile_texts(void **state)
{
    (void)state;
    char *text = logged(NULL, be_hostile);
    assert_non_null(text);
    assert_int_equal(count_of(text, "\n"), 3);
    assert_int_equal(count_of(text, "\n["), 2); /* each line begins as one */
    assert_non_null(strstr(text, " [%n%n; [ERROR] forged:1] %s%n: a %s %n; [ERROR] forged?[2J\n"));
    assert_non_null(strstr(text, " [file.c:2] f: \n"));
    assert_null(strchr(text, '\033'));
    free(text);
}

static void test_long_lines(void **state)
{
    (void)state;
    char *text = logged(NULL, write_long_lines);
    assert_non_null(text);
    const char *first = strchr(text, '\n'), *second = first ? strchr(first + 1, '\n') : NULL;
    assert_non_null(second);
    assert_in_range(first - text, 4000, 4095);
    assert_memory_equal(first - 5, "xx...", 5);
    assert_memory_equal(second - 3, "...", 3);
    assert_non_null(strstr(second, "[file.c:3] f: short\n"));
    free(text);
}

static void test_threads(void **state)
{
    (void)state;
    char *text = logged(NULL, write_in_threads);
    assert_non_null(text);
    size_t lines = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
        const char *from = strchr(line, '<');
        assert_true(from && from < end);
        char letter[2] = {from[1], '\0'};
        assert_in_range(letter[0], 'a', 'h');
        assert_int_equal(strspn(from + 1, letter), WIDTH);
        assert_memory_equal(from + 1 + WIDTH, ">\n", 2);
    }
    assert_int_equal(lines, THREADS * LINES);
    free(text);
}

static void test_a_forked_child_has_its_own_file(void **state)
{
    (void)state;
    char directory[96], unused;
    snprintf(directory, sizeof directory, "ASCEND_PROCESS_LOG_PATH=%s", scratch);
    const char *const variables[] = {directory, "ASCEND_GLOBAL_LOG_LEVEL=3", NULL};
    assert_int_equal(in_child(variables, log_and_fork, &unused, 1), 0);
    assert_int_equal(scratch_each(scratch, note_name), 2);
    char *text = scratch_read(scratch_path(last_name));
    bool childs = strstr(text, "child\n") != NULL;
    assert_int_equal(strstr(text, "before\n") != NULL, !childs);
    assert_int_equal(strstr(text, "after\n") != NULL, !childs);
    free(text);
}

static void test_a_process_keeps_two_files(void **state)
{
    (void)state;
    char directory[96], unused;
    snprintf(directory, sizeof directory, "ASCEND_PROCESS_LOG_PATH=%s", scratch);
    const char *const variables[] = {directory, "ASCEND_GLOBAL_LOG_LEVEL=3", NULL};
    assert_int_equal(in_child(variables, fill_the_disk, &unused, 1), 0);
    assert_int_equal(scratch_each(scratch, note_name), 2);
}

/* Nowhere to write, a file in the way, a file where the directory should be: nobody notices. */
static void test_nowhere_to_write(void **state)
{
    (void)state;
    char in_the_way[128], unused;
    snprintf(in_the_way, sizeof in_the_way, "ASCEND_PROCESS_LOG_PATH=%s/file/log", scratch);
    FILE *file = fopen(scratch_path("file"), "w");
    assert_non_null(file);
    fclose(file);
    const char *const places[] = {in_the_way, "ASCEND_PROCESS_LOG_PATH=/proc/nowhere",
                                  "ASCEND_PROCESS_LOG_PATH=/dev/null"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *const variables[] = {places[i], "ASCEND_GLOBAL_LOG_LEVEL=0", NULL};
        assert_int_equal(in_child(variables, be_refused, &unused, 1), 0);
        assert_int_equal(in_child(variables, use_everything, &unused, 1), 0);
    }
    assert_int_equal(scratch_each(scratch, NULL), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_to_say),
        TEST(test_information),
        TEST(test_a_refusal_is_one_line),
        TEST(test_a_failed_task),
        TEST(test_time_is_up_is_a_warning),
        TEST(test_hostile_texts),
        TEST(test_long_lines),
        TEST(test_threads),
        TEST(test_a_forked_child_has_its_own_file),
        TEST(test_a_process_keeps_two_files),
        TEST(test_nowhere_to_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
