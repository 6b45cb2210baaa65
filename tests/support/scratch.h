/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.h - a directory of a test's own, for what the library writes to files and streams. */
#ifndef AQ_TESTS_SCRATCH_H
#define AQ_TESTS_SCRATCH_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch[64]; /* the directory */

/* Path of a file in it; good until the eighth call after. */
static inline const char *scratch_path(const char *name)
{
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

/* For cmocka: set-up and tear-down of one test. */
static inline int scratch_make(void **state)
{
    (void)state;
    snprintf(scratch, sizeof scratch, "/tmp/aq_test_XXXXXX");
    return mkdtemp(scratch) ? 0 : -1;
}

/* Calls visit with the name of each file; returns how many there are, -1 when there is no such directory. */
static inline int scratch_each(const char *directory, void (*visit)(const char *name))
{
    int count = 0;
    DIR *opened = opendir(directory);
    if (!opened)
        return -1;
    for (struct dirent *entry; (entry = readdir(opened));) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        if (visit)
            visit(entry->d_name);
    }
    closedir(opened);
    return count;
}

static inline void scratch_remove_file(const char *name)
{
    unlink(scratch_path(name));
}

static inline int scratch_remove(void **state)
{
    (void)state;
    scratch_each(scratch, scratch_remove_file);
    return rmdir(scratch);
}

/* The whole file, ended by a zero byte, for the caller to free; null when it cannot be read. */
static inline char *scratch_read(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *text = NULL;
    size_t length = 0, got;
    do {
        char *grown = realloc(text, length + 65537);
        if (!grown)
            abort();
        text = grown;
        got = fread(text + length, 1, 65536, file);
        length += got;
    } while (got > 0);
    text[length] = '\0';
    fclose(file);
    return text;
}

#endif
