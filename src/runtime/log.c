/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - aclAppLog: which lines are written, and where (runtime page 4.7). The variables are read at the
 * first line; the file is made at the first line that goes to it. A line that cannot be written is dropped:
 * logging never fails a program. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "acl/acl_base.h"

#define LINE_SIZE 4096 /* longer lines are cut */
#define PATH_SIZE 1024

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int lowest_level = ACL_ERROR; /* 4: none */
static bool to_stdout;
static char directory[PATH_SIZE]; /* "": nowhere to write */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over the file */
static int file = -1;
static bool file_tried;

static void read_settings(void)
{
    const char *level = getenv("ASCEND_GLOBAL_LOG_LEVEL");
    if (level && level[0] >= '0' && level[0] <= '4' && level[1] == '\0')
        lowest_level = level[0] - '0';
    const char *print = getenv("ASCEND_SLOG_PRINT_TO_STDOUT");
    to_stdout = print && strcmp(print, "1") == 0;
    const char *path = getenv("ASCEND_PROCESS_LOG_PATH");
    const char *home = getenv("HOME");
    int length = 0;
    if (path && *path)
        length = snprintf(directory, sizeof directory, "%s", path);
    else if (home && *home)
        length = snprintf(directory, sizeof directory, "%s/ascend/log", home);
    if (length < 0 || (size_t)length >= sizeof directory)
        directory[0] = '\0';
}

/* directory and those above it. */
static void make_directory(void)
{
    char path[PATH_SIZE];
    size_t length = strlen(directory);
    for (size_t i = 1; i <= length; i++) {
        if (directory[i] != '/' && directory[i] != '\0')
            continue;
        memcpy(path, directory, i);
        path[i] = '\0';
        mkdir(path, 0755); /* there already, or the open below fails */
    }
}

/* Needs the lock. */
static void open_file(const struct timespec *now, const struct tm *date)
{
    char path[PATH_SIZE + 64], when[32];
    file_tried = true;
    if (directory[0] == '\0')
        return;
    make_directory();
    strftime(when, sizeof when, "%Y%m%d%H%M%S", date);
    snprintf(path, sizeof path, "%s/plog-%ld_%s%03ld.log", directory, (long)getpid(), when,
             now->tv_nsec / 1000000);
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

static void write_file(const char *line, size_t length, const struct timespec *now, const struct tm *date)
{
    pthread_mutex_lock(&lock);
    if (!file_tried)
        open_file(now, date);
    while (file >= 0 && length > 0) {
        ssize_t written = write(file, line, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        line += written;
        length -= (size_t)written;
    }
    pthread_mutex_unlock(&lock);
}

/* The length of text after snprintf or vsnprintf said wanted. */
static size_t fitted(int wanted, size_t room)
{
    if (wanted < 0)
        return 0;
    return (size_t)wanted < room ? (size_t)wanted : room - 1;
}

void aclAppLog(aclLogLevel logLevel, const char *func, const char *source, uint32_t line, const char *fmt,
               ...)
{
    static const char *const names[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
    pthread_once(&once, read_settings);
    if (!fmt || (unsigned)logLevel > ACL_ERROR || (int)logLevel < lowest_level)
        return;
    struct timespec now;
    struct tm date;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &date);

    char text[LINE_SIZE], when[32];
    strftime(when, sizeof when, "%Y-%m-%d-%H:%M:%S", &date);
    size_t room = sizeof text - 1; /* for the end of the line */
    size_t length =
        fitted(snprintf(text, room, "[%s] APP(%ld):%s.%06ld [%s:%u] %s: ", names[logLevel], (long)getpid(),
                        when, now.tv_nsec / 1000, source ? source : "", (unsigned)line, func ? func : ""),
               room);
    va_list arguments;
    va_start(arguments, fmt);
    length += fitted(vsnprintf(text + length, room - length, fmt, arguments), room - length);
    va_end(arguments);
    text[length++] = '\n';

    if (to_stdout) {
        fwrite(text, 1, length, stdout);
        fflush(stdout);
    } else {
        write_file(text, length, &now, &date);
    }
}
