/* SPDX-License-Identifier: Apache-2.0 */
/* test_process_log.c - which lines of aclAppLog are written and where (runtime page 4.7). The variables are
 * read once a process, so each case is a child with its own directory; the parent looks at what is there. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "support/child.h"
#include "support/message.h"

typedef struct output {
    int files;       /* in the log directory; -1: it does not exist */
    char name[256];  /* of the last one */
    char text[8192]; /* its contents */
    char printed[8192];
} output;

static char home[64]; /* of the case */

static void read_into(char *text, size_t size, const char *path)
{
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(text, 1, size - 1, file) : 0;
    text[length] = '\0';
    if (file)
        fclose(file);
}

static void write_lines(void *unused)
{
    char printed[96];
    (void)unused;
    snprintf(printed, sizeof printed, "%s/stdout", home);
    if (!freopen(printed, "w", stdout))
        return;
    aclAppLog(ACL_DEBUG, "f", "file.c", 1, "debug %d", 1);
    aclAppLog(ACL_INFO, "f", "file.c", 2, "info");
    aclAppLog(ACL_WARNING, "f", "file.c", 3, "warning");
    aclAppLog(ACL_ERROR, "compute", "file.c", 4, "error %s %d%%", "text", 5);
    aclAppLog(ACL_ERROR, NULL, NULL, 5, "nameless");
    aclAppLog(ACL_ERROR, "f", "file.c", 6, NULL);
    aclAppLog((aclLogLevel)4, "f", "file.c", 7, "unknown level");
    aclAppLog((aclLogLevel)-1, "f", "file.c", 8, "unknown level");
    fclose(stdout);
}

/* Removes what it finds below home; the log directory is home/log, or home/ascend/log. */
static output run_case(const char *logs, const char *const *variables)
{
    static output seen;
    char path[PATH_MAX], unused;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(in_child(variables, write_lines, &unused, 1), 0);
    snprintf(path, sizeof path, "%s/stdout", home);
    read_into(seen.printed, sizeof seen.printed, path);
    unlink(path);
    DIR *directory = opendir(logs);
    seen.files = directory ? 0 : -1;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (entry->d_name[0] == '.')
            continue;
        seen.files++;
        snprintf(seen.name, sizeof seen.name, "%s", entry->d_name);
        snprintf(path, sizeof path, "%s/%s", logs, entry->d_name);
        read_into(seen.text, sizeof seen.text, path);
        unlink(path);
    }
    if (directory)
        closedir(directory);
    return seen;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(home, sizeof home, "/tmp/aq_test_log_XXXXXX");
    if (!mkdtemp(home))
        return -1;
    unsetenv("ASCEND_GLOBAL_LOG_LEVEL");
    unsetenv("ASCEND_SLOG_PRINT_TO_STDOUT");
    unsetenv("ASCEND_PROCESS_LOG_PATH");
    return setenv("HOME", home, 1);
}

static int tear_down(void **state)
{
    (void)state;
    char path[128];
    static const char *const below[] = {"a/b", "a", "ascend/log", "ascend", ""};
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        snprintf(path, sizeof path, "%s/%s", home, below[i]);
        rmdir(path);
    }
    return access(home, F_OK) == 0 ? -1 : 0; /* nothing else was left behind */
}

static void test_default(void **state)
{
    (void)state;
    char logs[96], process[32];
    snprintf(logs, sizeof logs, "%s/ascend/log", home);
    output seen = run_case(logs, (const char *const[]){NULL});
    assert_int_equal(seen.files, 1);
    assert_memory_equal(seen.name, "plog-", 5);
    assert_int_equal(strspn(seen.name + 5, "0123456789_"), strlen(seen.name) - 5 - 4);
    assert_string_equal(seen.name + strlen(seen.name) - 4, ".log");
    snprintf(process, sizeof process, "APP(%.*s,", (int)strcspn(seen.name + 5, "_"), seen.name + 5);
    assert_non_null(strstr(seen.text, process));
    assert_memory_equal(seen.text, "[ERROR] ", 8);
    assert_non_null(strstr(seen.text, "[file.c:4] compute: error text 5%\n"));
    assert_non_null(strstr(seen.text, "nameless\n"));
    assert_null(strstr(seen.text, "warning"));
    assert_null(strstr(seen.text, "unknown"));
    assert_string_equal(seen.printed, "");
}

static void test_levels_and_path(void **state)
{
    (void)state;
    static const char *const words[] = {"debug 1\n", "info\n", "warning\n", "error text", ""};
    for (int level = 0; level <= 4; level++) {
        char logs[96], path[160], chosen[64];
        snprintf(logs, sizeof logs, "%s/a/b", home);
        snprintf(path, sizeof path, "ASCEND_PROCESS_LOG_PATH=%s", logs);
        snprintf(chosen, sizeof chosen, "ASCEND_GLOBAL_LOG_LEVEL=%d", level);
        output seen = run_case(logs, (const char *const[]){path, chosen, NULL});
        if (level == 4) { /* made by the levels before; now nobody writes a file */
            assert_int_equal(seen.files, 0);
            break;
        }
        assert_int_equal(seen.files, 1);
        for (int i = 0; i < 4; i++)
            assert_int_equal(strstr(seen.text, words[i]) != NULL, i >= level);
    }
}

static void test_nothing_to_write(void **state)
{
    (void)state;
    char logs[96];
    snprintf(logs, sizeof logs, "%s/ascend", home);
    output seen = run_case(logs, (const char *const[]){"ASCEND_GLOBAL_LOG_LEVEL=4", NULL});
    assert_int_equal(seen.files, -1);
}

static void test_standard_output(void **state)
{
    (void)state;
    char logs[96];
    snprintf(logs, sizeof logs, "%s/ascend", home);
    output seen = run_case(
        logs, (const char *const[]){"ASCEND_SLOG_PRINT_TO_STDOUT=1", "ASCEND_GLOBAL_LOG_LEVEL=2", NULL});
    assert_int_equal(seen.files, -1);
    assert_non_null(strstr(seen.printed, "[WARNING] "));
    assert_non_null(strstr(seen.printed, "[file.c:4] compute: error text 5%\n"));
    assert_null(strstr(seen.printed, "info"));
}

/* A directory that cannot be made, and a level that is none: no lines, no crash; the default level. */
static void test_nowhere_to_write(void **state)
{
    (void)state;
    output seen = run_case("/proc/nowhere", (const char *const[]){"ASCEND_PROCESS_LOG_PATH=/proc/nowhere",
                                                                  "ASCEND_GLOBAL_LOG_LEVEL=loud", NULL});
    assert_int_equal(seen.files, -1);
    assert_string_equal(seen.printed, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_levels_and_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_to_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_standard_output, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nowhere_to_write, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
