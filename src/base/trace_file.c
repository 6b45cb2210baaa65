/* SPDX-License-Identifier: Apache-2.0 */
/* trace_file.c - when events are written and how the file stays whole: each write begins at the closing
 * bytes of the one before, adds the new events, and closes the list again. So whatever ends the process, the
 * file can be opened. Events wait in one buffer of fixed size. */
#include "base/trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_SIZE = 1 << 16, PATH_SIZE = 4096 + 16 };

static const char opening[] = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[";
static const char closing[] = "\n]}\n";
#define CLOSING_LENGTH (sizeof closing - 1)

static int file = -1;
static char buffer[BUFFER_SIZE + CLOSING_LENGTH];
static size_t waiting; /* bytes in the buffer */
static off_t end;      /* of the events in the file, where the closing bytes are */
static bool has_events, broken;

/* -1: errno says why, 0 when it is no regular file. */
static int open_regular(const char *path)
{
    struct stat about;
    int opened = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
    if (opened < 0)
        return -1;
    if (fstat(opened, &about) == 0 && S_ISREG(about.st_mode))
        return opened;
    close(opened);
    errno = 0;
    return -1;
}

const char *aq_trace_file_open(const char *path)
{
    char other[PATH_SIZE];
    file = open_regular(path);
    if (file >= 0 && flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(file);
        snprintf(other, sizeof other, "%s.%ld", path, (long)getpid());
        file = open_regular(other);
    }
    if (file < 0)
        return errno ? strerror(errno) : "not a regular file";
    waiting = sizeof opening - 1;
    memcpy(buffer, opening, waiting);
    end = 0;
    has_events = broken = false;
    if (ftruncate(file, 0) == 0 && aq_trace_file_flush())
        return NULL;
    const char *why = strerror(errno);
    aq_trace_file_abandon();
    return why;
}

/* Puts the file back to what it was before a write that failed half-way. */
static void mend(void)
{
    int error = errno;
    broken = true;
    if (pwrite(file, closing, CLOSING_LENGTH, end) == (ssize_t)CLOSING_LENGTH &&
        ftruncate(file, end + (off_t)CLOSING_LENGTH) != 0)
        error = errno; /* nothing more can be done */
    errno = error;
}

bool aq_trace_file_flush(void)
{
    if (file < 0 || broken)
        return false;
    if (waiting == 0)
        return true;
    memcpy(buffer + waiting, closing, CLOSING_LENGTH);
    size_t length = waiting + CLOSING_LENGTH, done = 0;
    while (done < length) {
        ssize_t written = pwrite(file, buffer + done, length - done, end + (off_t)done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            mend();
            return false;
        }
        done += (size_t)written;
    }
    end += (off_t)waiting;
    waiting = 0;
    return true;
}

void aq_trace_file_add(const char *event, size_t length)
{
    if (waiting + length + 2 > BUFFER_SIZE && !aq_trace_file_flush())
        return;
    if (length + 2 > BUFFER_SIZE)
        return;
    if (has_events)
        buffer[waiting++] = ',';
    has_events = true;
    buffer[waiting++] = '\n';
    memcpy(buffer + waiting, event, length);
    waiting += length;
}

void aq_trace_file_abandon(void)
{
    if (file >= 0)
        close(file);
    file = -1;
    waiting = 0;
}
