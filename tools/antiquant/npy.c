/* SPDX-License-Identifier: Apache-2.0 */
/* npy.c - a .npy file is a magic, a version, a length, a Python dictionary as text and the data. The
 * dictionary is read by a small strict parser: three keys, each once, in any order, nothing else. */
#include "npy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "oracle.h"
#include "output.h"

enum { LONGEST_HEADER = 65536 }; /* as much as version 1.0 can say; 118 bytes are usual */

static const struct {
    const char *descr, *name;
    size_t size;
    aq_cli_npy_type type;
} types[] = {
    {"<f2", "float16", 2, AQ_CLI_NPY_F2}, {"<f4", "float32", 4, AQ_CLI_NPY_F4},
    {"<f8", "float64", 8, AQ_CLI_NPY_F8}, {"|i1", "int8", 1, AQ_CLI_NPY_I1},
    {"<i1", "int8", 1, AQ_CLI_NPY_I1},
};

/* The dictionary while it is read. */
typedef struct aq_cli_npy_header {
    const char *at, *end;
    size_t size; /* of an element; 0 until descr has been read */
    bool fortran, has_fortran, has_shape;
    aq_cli_npy *array;
    const char *wrong; /* the rule that was broken */
} aq_cli_npy_header;

const char *aq_cli_npy_type_name(aq_cli_npy_type type)
{
    return types[type].name;
}

static bool broken(aq_cli_npy_header *header, const char *rule)
{
    if (header->wrong == NULL) {
        header->wrong = rule;
    }
    return false;
}

/* The next character that is no blank, not taken; 0 at the end. */
static char peek(aq_cli_npy_header *header)
{
    while (header->at < header->end && strchr(" \t\n", *header->at) != NULL && *header->at != '\0') {
        header->at++;
    }
    return header->at < header->end ? *header->at : '\0';
}

static bool take(aq_cli_npy_header *header, char wanted)
{
    if (peek(header) != wanted) {
        return broken(header,
                      "the header must be a dictionary {'descr': ..., 'fortran_order': ..., 'shape': (...)}");
    }
    header->at++;
    return true;
}

/* A quoted string of at most 31 characters without escapes. */
static bool take_string(aq_cli_npy_header *header, char text[32])
{
    char quote = peek(header);
    if (quote != '\'' && quote != '"') {
        return broken(header, "the header must have quoted keys, and descr must be a string");
    }
    const char *start = ++header->at;
    while (header->at < header->end && *header->at != quote) {
        header->at++;
    }
    size_t length = (size_t)(header->at - start);
    if (header->at == header->end || length > 31) {
        return broken(header, "a string of the header must end within 31 characters");
    }
    memcpy(text, start, length);
    text[length] = '\0';
    header->at++;
    return true;
}

static bool take_type(aq_cli_npy_header *header)
{
    char text[32];
    if (header->size != 0 || !take_string(header, text)) {
        return broken(header, "descr must be there once");
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(text, types[i].descr) == 0) {
            header->size = types[i].size;
            header->array->type = types[i].type;
            return true;
        }
    }
    return broken(header, "descr must be one of <f2, <f4, <f8 and |i1 (little-endian)");
}

static bool take_order(aq_cli_npy_header *header)
{
    static const char *const words[] = {"False", "True"};
    peek(header);
    for (int i = 0; i < 2 && !header->has_fortran; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(header->end - header->at) > length && memcmp(header->at, words[i], length) == 0) {
            header->at += length;
            header->fortran = i == 1;
            header->has_fortran = true;
            return true;
        }
    }
    return broken(header, "fortran_order must be there once, True or False");
}

static bool take_shape(aq_cli_npy_header *header)
{
    aq_cli_npy *array = header->array;
    array->elements = array->shape[0] = array->shape[1] = 1;
    if (header->has_shape) {
        return broken(header, "shape must be there once");
    }
    header->has_shape = true;
    if (!take(header, '(')) {
        return false;
    }
    for (array->rank = 0; peek(header) != ')'; array->rank++) {
        int64_t length = 0;
        const char *start = header->at;
        for (; header->at < header->end && *header->at >= '0' && *header->at <= '9'; header->at++) {
            if (!aq_cli_multiply(length, 10, &length) || length > INT64_MAX - 9) {
                return broken(header, "a dimension must fit 63 bits");
            }
            length += *header->at - '0';
        }
        if (header->at == start || array->rank == 2) {
            return broken(header, "shape must be a tuple of at most 2 integers >= 0");
        }
        array->shape[array->rank] = length;
        if (!aq_cli_multiply(array->elements, length, &array->elements)) {
            return broken(header, "the number of elements must fit 63 bits");
        }
        if (peek(header) != ')' && !take(header, ',')) {
            return false;
        }
    }
    return take(header, ')');
}

static bool take_dictionary(aq_cli_npy_header *header)
{
    if (!take(header, '{')) {
        return false;
    }
    while (peek(header) != '}') {
        char key[32];
        if (!take_string(header, key) || !take(header, ':')) {
            return false;
        }
        bool good = strcmp(key, "descr") == 0           ? take_type(header)
                    : strcmp(key, "fortran_order") == 0 ? take_order(header)
                    : strcmp(key, "shape") == 0
                        ? take_shape(header)
                        : broken(header, "the header may only have the keys descr, fortran_order and shape");
        if (!good || (peek(header) != '}' && !take(header, ','))) {
            return false;
        }
    }
    header->at++;
    if (peek(header) != '\0' || header->at != header->end) {
        return broken(header, "nothing may follow the header's dictionary");
    }
    return (header->size != 0 && header->has_fortran && header->has_shape) ||
           broken(header, "the header must have descr, fortran_order and shape");
}

/* The text of the header, with room for a final zero, or null; release with free(). */
static char *read_text(FILE *file, const char *path, size_t *length)
{
    unsigned char lead[12] = {0};
    bool good = fread(lead, 1, 8, file) == 8 && memcmp(lead, "\x93NUMPY", 6) == 0;
    size_t width = lead[6] == 1 ? 2 : 4; /* of the header's length */
    if (!good) {
        aq_cli_error("%s: not a .npy file: it must start with \\x93NUMPY and a version", path);
        return NULL;
    }
    if (lead[6] < 1 || lead[6] > 3 || lead[7] != 0) {
        aq_cli_error("%s: the version must be 1.0, 2.0 or 3.0, got %d.%d", path, lead[6], lead[7]);
        return NULL;
    }
    good = fread(lead + 8, 1, width, file) == width;
    *length = (size_t)lead[8] | (size_t)lead[9] << 8 | (size_t)lead[10] << 16 | (size_t)lead[11] << 24;
    if (!good || *length > LONGEST_HEADER) {
        aq_cli_error("%s: the header must be at most %d bytes long, the file says %zu", path, LONGEST_HEADER,
                     *length);
        return NULL;
    }
    char *text = aq_cli_alloc((int64_t)*length + 1, 1, "the header");
    if (text != NULL && fread(text, 1, *length, file) != *length) {
        aq_cli_error("%s: the file ends within its header of %zu bytes", path, *length);
        free(text);
        text = NULL;
    }
    return text;
}

/* Reads the data and turns Fortran order into C order. The file must end with the last element. */
static bool read_data(FILE *file, const char *path, const aq_cli_npy_header *header)
{
    aq_cli_npy *array = header->array;
    int64_t bytes = 0, at = (int64_t)ftello(file);
    fseeko(file, 0, SEEK_END);
    int64_t left = (int64_t)ftello(file) - at;
    fseeko(file, at, SEEK_SET);
    if (!aq_cli_multiply(array->elements, (int64_t)header->size, &bytes) || bytes != left) {
        aq_cli_error("%s: %lld elements of %zu bytes must follow the header, the file has %lld bytes there",
                     path, (long long)array->elements, header->size, (long long)left);
        return false;
    }
    char *data = aq_cli_alloc(bytes, 1, "the array"), *turned = NULL;
    if (data == NULL || fread(data, 1, (size_t)bytes, file) != (size_t)bytes) {
        if (data != NULL) {
            aq_cli_error("%s: cannot read the data", path);
        }
        free(data);
        return false;
    }
    if (header->fortran && array->rank == 2 &&
        (turned = aq_cli_alloc(bytes, 1, "the array in C order")) != NULL) {
        int64_t rows = array->shape[0], columns = array->shape[1];
        for (int64_t i = 0; i < array->elements; i++) {
            memcpy(turned + (size_t)i * header->size,
                   data + (size_t)(i % columns * rows + i / columns) * header->size, header->size);
        }
    }
    bool good = !header->fortran || array->rank != 2 || turned != NULL;
    array->data = turned != NULL ? turned : data;
    free(turned != NULL ? data : NULL);
    if (!good) {
        free(array->data);
        array->data = NULL;
    }
    return good;
}

bool aq_cli_npy_read(const char *path, aq_cli_npy *array)
{
    char clean[160];
    size_t length = 0;
    aq_cli_clean(path, clean, sizeof clean);
    memset(array, 0, sizeof *array);
    struct stat status;
    bool there = stat(path, &status) == 0;
    if (there && !S_ISREG(status.st_mode)) {
        aq_cli_error("%s: not a regular file", clean);
        return false;
    }
    FILE *file = there ? fopen(path, "rb") : NULL;
    if (file == NULL) {
        aq_cli_error("%s: cannot open the file: %s", clean, strerror(errno));
        return false;
    }
    char *text = read_text(file, clean, &length);
    bool good = text != NULL;
    if (good) {
        aq_cli_npy_header header = {.at = text, .end = text + length, .array = array};
        good = take_dictionary(&header);
        if (!good) {
            char shown[96];
            while (length > 0 && strchr(" \n", text[length - 1]) != NULL) {
                length--; /* blanks and a newline at its end */
            }
            text[length] = '\0';
            aq_cli_error("%s: %s, got %s", clean, header.wrong, aq_cli_clean(text, shown, sizeof shown));
        }
        good = good && read_data(file, clean, &header);
    }
    free(text);
    fclose(file);
    return good;
}

float *aq_cli_npy_floats(const aq_cli_npy *array)
{
    float *values = aq_cli_alloc(array->elements, sizeof *values, "an array");
    for (int64_t i = 0; values != NULL && i < array->elements; i++) {
        if (array->type == AQ_CLI_NPY_F2) {
            uint16_t half;
            memcpy(&half, (const char *)array->data + 2 * i, sizeof half);
            values[i] = (float)aq_cli_half_value(half);
        } else if (array->type == AQ_CLI_NPY_F4) {
            memcpy(&values[i], (const char *)array->data + 4 * i, sizeof values[i]);
        } else if (array->type == AQ_CLI_NPY_F8) {
            double wide;
            memcpy(&wide, (const char *)array->data + 8 * i, sizeof wide);
            values[i] = (float)wide;
        }
    }
    return values;
}

bool aq_cli_npy_write_halves(const char *path, int64_t rows, int64_t columns, const uint16_t *values)
{
    enum { HEAD = 128 }; /* data starts at a multiple of 64, as the format asks */
    char head[HEAD + 1];
    memcpy(head, "\x93NUMPY\x01\x00", 8);
    head[8] = HEAD - 10;
    head[9] = 0;
    int length =
        snprintf(head + 10, HEAD - 10, "{'descr': '<f2', 'fortran_order': False, 'shape': (%lld, %lld), }",
                 (long long)rows, (long long)columns);
    memset(head + 10 + length, ' ', (size_t)(HEAD - 11 - length));
    head[HEAD - 1] = '\n';
    return aq_cli_output_write(path, head, HEAD, values, (size_t)(rows * columns) * sizeof *values);
}
