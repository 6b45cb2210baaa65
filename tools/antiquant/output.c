/* SPDX-License-Identifier: Apache-2.0 */
/* output.c - atomic files: temporary file beside the target, fsync, rename. A link is followed first, so that
 * the file behind it is replaced and not the link. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static bool failed(const char *path, const char *what)
{
    int error = errno;
    char name[160];
    aq_cli_error("%s: cannot %s: %s", aq_cli_clean(path, name, sizeof name), what, strerror(error));
    return false;
}

static bool write_all(int file, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t done = write(file, data, size);
        if (done < 0 && errno != EINTR) {
            return false;
        }
        if (done > 0) {
            data += done;
            size -= (size_t)done;
        }
    }
    return true;
}

/* True when path names something that a rename must not replace. */
static bool is_special(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

/* The name of the file behind path (links followed), plus a template for mkstemp beside it. Null when out of
 * memory or when the name leads nowhere; errno tells. Release both with free(). */
static char *temporary_name(const char *path, char **target)
{
    char *name = NULL;
    *target = realpath(path, NULL);
    if (*target == NULL && errno == ENOENT) {
        *target = strdup(path);
    }
    if (*target != NULL && asprintf(&name, "%s.tmp-XXXXXX", *target) < 0) {
        name = NULL;
        errno = ENOMEM;
    }
    if (name == NULL) {
        free(*target);
        *target = NULL;
    }
    return name;
}

/* As a plain open() would create it; mkstemp makes files that only the owner can read. */
static bool usual_mode(int file)
{
    mode_t mask = umask(0);
    umask(mask);
    return fchmod(file, 0666 & ~mask) == 0;
}

/* The rename is on disk only when the folder is. Some file systems cannot sync a folder: no error then. */
static void sync_folder(const char *target)
{
    char *copy = strdup(target);
    if (copy != NULL) {
        int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder >= 0) {
            (void)!fsync(folder);
            close(folder);
        }
        free(copy);
    }
}

bool aq_cli_output_possible(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        if (S_ISDIR(status.st_mode)) {
            errno = EISDIR;
            return failed(path, "write");
        }
        return access(path, W_OK) == 0 || failed(path, "write");
    }
    char *target = NULL, *name = temporary_name(path, &target);
    int file = name != NULL ? mkstemp(name) : -1;
    bool good = file >= 0 || failed(path, "create the file");
    if (file >= 0) {
        close(file);
        unlink(name);
    }
    free(name);
    free(target);
    return good;
}

static bool write_special(const char *path, const void *head, size_t head_size, const void *data,
                          size_t data_size)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) {
        return failed(path, "open");
    }
    bool good =
        (write_all(file, head, head_size) && write_all(file, data, data_size)) || failed(path, "write");
    if (close(file) != 0 && good) {
        good = failed(path, "write");
    }
    return good;
}

bool aq_cli_output_write(const char *path, const void *head, size_t head_size, const void *data,
                         size_t data_size)
{
    if (is_special(path)) {
        return write_special(path, head, head_size, data, data_size);
    }
    char *target = NULL, *name = temporary_name(path, &target);
    int file = name != NULL ? mkstemp(name) : -1;
    if (file < 0) {
        failed(path, "create the file");
        free(name);
        free(target);
        return false;
    }
    bool good = (write_all(file, head, head_size) && write_all(file, data, data_size) && usual_mode(file) &&
                 fsync(file) == 0) ||
                failed(path, "write");
    if (close(file) != 0 && good) {
        good = failed(path, "write");
    }
    if (good && rename(name, target) != 0) {
        good = failed(path, "replace the file");
    }
    if (good) {
        sync_folder(target);
    } else {
        unlink(name);
    }
    free(name);
    free(target);
    return good;
}

bool aq_cli_output_json(const char *path, const json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    if (text == NULL) {
        aq_cli_error("%s: out of memory for the JSON text", path);
        return false;
    }
    bool good = aq_cli_output_write(path, text, strlen(text), "\n", 1);
    free(text);
    return good;
}

json_t *aq_cli_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}
