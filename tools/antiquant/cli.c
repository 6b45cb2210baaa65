/* SPDX-License-Identifier: Apache-2.0 */
/* cli.c - messages, the progress line, checked allocation and number parsing for all sub-commands. */
#include "cli.h"

#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "acl/acl.h"
#include "antiquant.h"

static bool progress_shown;

void aq_cli_progress(const char *format, ...)
{
    if (format == NULL) {
        if (progress_shown) {
            fputs("\r\033[K", stderr);
        }
        progress_shown = false;
        return;
    }
    if (!isatty(STDERR_FILENO)) {
        return;
    }
    va_list args;
    va_start(args, format);
    fputs("\r\033[K", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fflush(stderr);
    progress_shown = true;
}

void aq_cli_error(const char *format, ...)
{
    aq_cli_progress(NULL);
    fflush(stdout); /* so that a terminal shows the message after the lines it is about */
    va_list args;
    va_start(args, format);
    fputs("antiquant: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

bool aq_cli_acl(int status, const char *call)
{
    if (status == 0) {
        return true;
    }
    const char *text = aclGetRecentErrMsg();
    aq_cli_error("%s failed with status %d%s%s", call, status, text != NULL ? ": " : "",
                 text != NULL ? text : "");
    return false;
}

bool aq_cli_settings_valid(void)
{
    const char *text = aq_settings_error();
    if (text != NULL) {
        aq_cli_error("%s", text);
    }
    return text == NULL;
}

aq_cli_numerics aq_cli_mode(void)
{
    const char *name = aq_numerics();
    return strcmp(name, "exact") == 0 ? AQ_CLI_EXACT : strcmp(name, "fast") == 0 ? AQ_CLI_FAST : AQ_CLI_NPU;
}

/* One byte of hostile text as 1 or 4 printable characters. */
static size_t clean_byte(unsigned char byte, char *out)
{
    if (byte >= 0x20 && byte < 0x7F) {
        out[0] = (char)byte;
        return 1;
    }
    static const char digits[] = "0123456789abcdef";
    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[byte >> 4];
    out[3] = digits[byte & 15];
    return 4;
}

const char *aq_cli_clean(const char *text, char *buffer, size_t size)
{
    size_t length = strlen(text), whole = 0;
    char piece[4];
    for (size_t i = 0; i < length && whole < size; i++) {
        whole += clean_byte((unsigned char)text[i], piece);
    }
    /* Too long: a head, three dots, a tail. The tail is the longer part: it tells layers apart. */
    bool fits = whole < size;
    size_t room = size - 1, head = fits ? room : (room - 3) / 3, tail = fits ? 0 : room - 3 - head;
    size_t used = 0, from = length;
    for (size_t i = 0; i < length; i++) {
        size_t step = clean_byte((unsigned char)text[i], piece);
        if (used + step > head) {
            break;
        }
        memcpy(buffer + used, piece, step);
        used += step;
    }
    if (!fits) {
        memcpy(buffer + used, "...", 3);
        used += 3;
        for (size_t held = 0; from > 0; from--) {
            held += clean_byte((unsigned char)text[from - 1], piece);
            if (held > tail) {
                break;
            }
        }
        for (; from < length; from++) {
            size_t step = clean_byte((unsigned char)text[from], piece);
            memcpy(buffer + used, piece, step);
            used += step;
        }
    }
    buffer[used] = '\0';
    return buffer;
}

void *aq_cli_alloc(int64_t count, size_t size, const char *what)
{
    size_t elements = count > 0 ? (size_t)count : 1;
    void *memory = count < 0 || elements > PTRDIFF_MAX / size ? NULL : calloc(elements, size);
    if (memory == NULL) {
        aq_cli_error("out of memory: %lld elements of %zu bytes for %s", (long long)count, size, what);
    }
    return memory;
}

bool aq_cli_parse_count(const char *text, int64_t least, int64_t most, int64_t *value)
{
    char *end = NULL;
    errno = 0;
    long long parsed = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || parsed < least || parsed > most) {
        return false;
    }
    *value = parsed;
    return true;
}

int64_t aq_cli_option(const struct argp_state *state, const char *option, const char *text, int64_t least,
                      int64_t most)
{
    int64_t value = least;
    if (!aq_cli_parse_count(text, least, most, &value)) {
        argp_error(state, "%s must be an integer from %lld to %lld, got '%s'", option, (long long)least,
                   (long long)most, text);
    }
    return value;
}

bool aq_cli_multiply(int64_t a, int64_t b, int64_t *product)
{
    if (b != 0 && a > INT64_MAX / b) {
        return false;
    }
    *product = a * b;
    return true;
}

double aq_cli_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
