/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - which lines are logged, how a line looks, and the file it goes to. The variables are read at the
 * first line; the file is made at the first line that goes to it, in a forked child at the child's first. A
 * line that cannot be written is dropped: logging never fails a program. A program that is refused for ever
 * does not fill the disk: after some megabytes a new file begins, and the one before the last goes.
 *
 * Locking: one mutex over the file, held while a line is written. Nothing else is locked under it. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 1024

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int lowest_level = AQ_LOG_ERROR; /* 4: none */
static bool to_stdout;
static char directory[PATH_SIZE]; /* "": nowhere to write */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int file = -1;
static pid_t file_of;                 /* the process that has tried to open it; 0: none */
static size_t file_bytes;             /* written to it */
static char names[2][PATH_SIZE + 96]; /* of the file, and of the one before it */

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

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
    pthread_atfork(before_fork, after_fork, after_fork);
}

/* ---- Where ---- */

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

/* The file, and its name as names[0]. */
static void open_file(const struct timespec *now, const struct tm *date)
{
    char when[32];
    file = -1;
    file_bytes = 0;
    if (directory[0] == '\0')
        return;
    make_directory();
    strftime(when, sizeof when, "%Y%m%d%H%M%S", date);
    snprintf(names[0], sizeof names[0], "%s/plog-%ld_%s%03ld.log", directory, (long)getpid(), when,
             now->tv_nsec / 1000000);
    file = open(names[0], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
}

/* A process keeps its last two files. */
static void change_file(const struct timespec *now, const struct tm *date)
{
    close(file);
    if (names[1][0])
        unlink(names[1]);
    memcpy(names[1], names[0], sizeof names[1]);
    open_file(now, date);
    if (strcmp(names[0], names[1]) == 0) /* within one millisecond: it goes on */
        names[1][0] = '\0';
}

/* Needs the lock. -1: nowhere. */
static int file_for_line(const struct timespec *now, const struct tm *date)
{
    pid_t process = getpid();
    if (file_of != process) {
        if (file >= 0)
            close(file); /* the parent's, by the name */
        names[1][0] = '\0';
        open_file(now, date);
        file_of = process;
    } else if (file >= 0 && file_bytes >= AQ_LOG_FILE) {
        change_file(now, date);
    }
    return file;
}

static void write_line(const char *line, size_t length, const struct timespec *now, const struct tm *date)
{
    if (to_stdout) {
        fwrite(line, 1, length, stdout);
        fflush(stdout);
        return;
    }
    pthread_mutex_lock(&lock);
    int target = file_for_line(now, date);
    while (target >= 0 && length > 0) {
        ssize_t written = write(target, line, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        file_bytes += (size_t)written;
        line += written;
        length -= (size_t)written;
    }
    pthread_mutex_unlock(&lock);
}

/* ---- What ---- */

/* A line under construction; one byte stays free for its end. */
typedef struct log_line {
    char text[AQ_LOG_LINE];
    size_t length;
} log_line;

__attribute__((format(printf, 2, 0))) static void append(log_line *line, const char *format,
                                                         va_list arguments)
{
    size_t room = sizeof line->text - 1 - line->length;
    int wanted = vsnprintf(line->text + line->length, room, format, arguments);
    if (wanted < 0)
        return;
    if ((size_t)wanted < room) {
        line->length += (size_t)wanted;
        return;
    }
    line->length += room - 1;
    memcpy(line->text + line->length - 3, "...", 3);
}

__attribute__((format(printf, 2, 3))) static void append_all(log_line *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    append(line, format, arguments);
    va_end(arguments);
}

/* One record, one line, whatever texts of callers are in it: a line end and the blanks after it become "; ",
 * at the end nothing; other control characters, which could play tricks on a terminal, '?'. */
static void flatten(const log_line *line, log_line *flat)
{
    const char *from = line->text, *stop = line->text + line->length;
    flat->length = 0;
    size_t most = sizeof flat->text - 1;
    while (from < stop && flat->length < most) {
        char c = *from++;
        bool ends = c == '\n' || c == '\r';
        while (ends && from < stop && (*from == ' ' || *from == '\t' || *from == '\n' || *from == '\r'))
            from++;
        if (ends && from == stop)
            break;
        if (ends)
            flat->text[flat->length++] = ';';
        if (flat->length == most)
            break;
        bool control = ((unsigned char)c < ' ' && c != '\t') || c == 127;
        flat->text[flat->length++] = ends ? ' ' : control ? '?' : c;
    }
    if (flat->length == most)
        memcpy(flat->text + most - 3, "...", 3);
}

/* "[ERROR] ANTIQUANT(1234,1240):2026-01-31-12:00:00.000000 " */
static void begin(log_line *line, aq_log_level level, const char *module, const struct timespec *now,
                  const struct tm *date)
{
    static const char *const levels[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
    char when[32];
    strftime(when, sizeof when, "%Y-%m-%d-%H:%M:%S", date);
    line->length = 0;
    append_all(line, "[%s] %s(%ld,%ld):%s.%06ld ", levels[level], module, (long)getpid(),
               (long)syscall(SYS_gettid), when, now->tv_nsec / 1000);
}

static void end(const log_line *line, const struct timespec *now, const struct tm *date)
{
    log_line flat;
    flatten(line, &flat);
    flat.text[flat.length++] = '\n';
    write_line(flat.text, flat.length, now, date);
}

bool aq_log_wants(aq_log_level level)
{
    pthread_once(&once, read_settings);
    return (unsigned)level <= AQ_LOG_ERROR && (int)level >= lowest_level;
}

static void tell_time(struct timespec *now, struct tm *date)
{
    clock_gettime(CLOCK_REALTIME, now);
    localtime_r(&now->tv_sec, date);
}

void aq_log(aq_log_level level, const char *format, ...)
{
    if (!aq_log_wants(level))
        return;
    int error = errno;
    struct timespec now;
    struct tm date;
    log_line line;
    tell_time(&now, &date);
    begin(&line, level, "ANTIQUANT", &now, &date);
    va_list arguments;
    va_start(arguments, format);
    append(&line, format, arguments);
    va_end(arguments);
    end(&line, &now, &date);
    errno = error;
}

void aq_log_program(aq_log_level level, const char *function, const char *source, uint32_t number,
                    const char *format, va_list arguments)
{
    if (!format || !aq_log_wants(level))
        return;
    int error = errno;
    struct timespec now;
    struct tm date;
    log_line line;
    tell_time(&now, &date);
    begin(&line, level, "APP", &now, &date);
    append_all(&line, "[%s:%u] %s: ", source ? source : "", (unsigned)number, function ? function : "");
    append(&line, format, arguments);
    end(&line, &now, &date);
    errno = error;
}
