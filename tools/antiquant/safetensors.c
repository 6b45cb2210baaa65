/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors.c - reads by pread, not mmap: a file that shrinks while it is read is then a message and not a
 * signal. The rules are those of the format: no duplicate names, each tensor's bytes follow the one before,
 * nothing is left over. */
#include "safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "oracle.h"

static const aq_cli_dtype dtypes[] = {
    {"F32", 32, true},     {"F16", 16, true},     {"BF16", 16, true},    {"F64", 64, false},
    {"I64", 64, false},    {"U64", 64, false},    {"I32", 32, false},    {"U32", 32, false},
    {"I16", 16, false},    {"U16", 16, false},    {"I8", 8, false},      {"U8", 8, false},
    {"BOOL", 8, false},    {"F8_E4M3", 8, false}, {"F8_E5M2", 8, false}, {"F8_E8M0", 8, false},
    {"F6_E2M3", 6, false}, {"F6_E3M2", 6, false}, {"F4", 4, false},      {"C64", 64, false},
};

/* The format's own limit. */
static const uint64_t longest_header = 100000000;

/* Reads exactly size bytes at an offset, or says what is wrong. */
static bool read_at(int file, const char *path, uint64_t offset, void *to, uint64_t size)
{
    char *at = to;
    while (size > 0) {
        ssize_t got = pread(file, at, size < (1u << 30) ? (size_t)size : (size_t)1 << 30, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            aq_cli_error("%s: cannot read %llu bytes at offset %llu: %s", path, (unsigned long long)size,
                         (unsigned long long)offset, got < 0 ? strerror(errno) : "the file ends before");
            return false;
        }
        at += got;
        offset += (uint64_t)got;
        size -= (uint64_t)got;
    }
    return true;
}

static bool open_file(const char *path, aq_cli_safetensors *opened, uint64_t *file_size)
{
    struct stat status;
    opened->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (opened->file < 0 || fstat(opened->file, &status) != 0) {
        aq_cli_error("%s: cannot open the file: %s", opened->path, strerror(errno));
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        aq_cli_error("%s: not a regular file", opened->path);
        return false;
    }
    *file_size = (uint64_t)status.st_size;
    return true;
}

static json_t *parse_header(const char *path, const char *text, size_t size)
{
    json_error_t error;
    if (text[0] != '{') {
        aq_cli_error("%s: the header must be a JSON object and start with '{', it starts with byte 0x%02x",
                     path, (unsigned char)text[0]);
        return NULL;
    }
    json_t *header = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (header == NULL) {
        char what[160];
        aq_cli_error("%s: the header is not valid JSON: %s (byte %d of the header)", path,
                     aq_cli_clean(error.text, what, sizeof what), error.position);
    }
    return header; /* an object, since it starts with '{' */
}

/* The header as JSON, its length checked. Fills data_start and data_size. Null with a message. */
static json_t *load_header(aq_cli_safetensors *opened, uint64_t file_size)
{
    unsigned char raw[8];
    if (file_size < sizeof raw) {
        aq_cli_error("%s: a safetensors file starts with 8 bytes of header length, this file has %llu",
                     opened->path, (unsigned long long)file_size);
        return NULL;
    }
    if (!read_at(opened->file, opened->path, 0, raw, sizeof raw)) {
        return NULL;
    }
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--) {
        length = length << 8 | raw[i];
    }
    if (length > longest_header) {
        aq_cli_error("%s: the header length must be at most %llu bytes, the file says %llu", opened->path,
                     (unsigned long long)longest_header, (unsigned long long)length);
        return NULL;
    }
    if (file_size - sizeof raw < 2) {
        aq_cli_error(
            "%s: the file must hold 8 bytes of header length and a header of at least 2; it has %llu bytes",
            opened->path, (unsigned long long)file_size);
        return NULL;
    }
    if (length < 2 || length > file_size - sizeof raw) {
        aq_cli_error("%s: the header length must be 2 to %llu, the bytes that follow it; the file says %llu",
                     opened->path, (unsigned long long)(file_size - sizeof raw), (unsigned long long)length);
        return NULL;
    }
    opened->data_start = sizeof raw + length;
    opened->data_size = file_size - opened->data_start;
    char *text = aq_cli_alloc((int64_t)length, 1, "the header");
    json_t *header = NULL;
    if (text != NULL && read_at(opened->file, opened->path, sizeof raw, text, length)) {
        header = parse_header(opened->path, text, (size_t)length);
    }
    free(text);
    return header;
}

/* "FILE: tensor 'NAME': " before a rule and what was found. Always false. */
static bool refuse(const char *path, const char *name, const char *rule, const char *found)
{
    char clean[96], what[96];
    aq_cli_error("%s: tensor '%s': %s, got %s", path, aq_cli_clean(name, clean, sizeof clean), rule,
                 aq_cli_clean(found, what, sizeof what));
    return false;
}

/* A JSON value as the text of a message; release with free(). */
static char *shown(const json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    return text != NULL ? text : strdup(value == NULL ? "nothing" : "something unprintable");
}

static bool refuse_value(const char *path, const char *name, const char *rule, const json_t *value)
{
    char *text = shown(value);
    refuse(path, name, rule, text != NULL ? text : "?");
    free(text);
    return false;
}

static bool read_dtype(const char *path, const json_t *entry, aq_cli_tensor *tensor)
{
    const json_t *value = json_object_get(entry, "dtype");
    const char *name = json_string_value(value);
    for (size_t i = 0; name != NULL && i < sizeof dtypes / sizeof dtypes[0]; i++) {
        if (strcmp(name, dtypes[i].name) == 0) {
            tensor->dtype = &dtypes[i];
            return true;
        }
    }
    return refuse_value(path, tensor->name,
                        "dtype must be a string that names a type of the format (F32, F16, BF16, "
                        "I8, ...)",
                        value);
}

static bool read_shape(const char *path, const json_t *entry, aq_cli_tensor *tensor)
{
    const json_t *shape = json_object_get(entry, "shape"), *dimension;
    size_t i;
    if (!json_is_array(shape)) {
        return refuse_value(path, tensor->name, "shape must be an array", shape);
    }
    tensor->rank = json_array_size(shape);
    tensor->elements = tensor->shape[0] = tensor->shape[1] = 1;
    json_array_foreach(shape, i, dimension)
    {
        json_int_t length = json_integer_value(dimension);
        if (!json_is_integer(dimension) || length < 0) {
            return refuse_value(path, tensor->name, "each dimension must be an integer >= 0", dimension);
        }
        if (i < 2) {
            tensor->shape[i] = length;
        }
        if (!aq_cli_multiply(tensor->elements, length, &tensor->elements)) {
            return refuse_value(path, tensor->name, "the number of elements must fit 63 bits", shape);
        }
    }
    return true;
}

static bool read_offsets(const char *path, const json_t *entry, uint64_t data_size, aq_cli_tensor *tensor)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end)) {
        return refuse_value(path, tensor->name, "data_offsets must be two integers", offsets);
    }
    json_int_t from = json_integer_value(begin), to = json_integer_value(end);
    if (from < 0 || to < from || (uint64_t)to > data_size) {
        char rule[96];
        snprintf(rule, sizeof rule, "data_offsets must rise within the %llu bytes of data",
                 (unsigned long long)data_size);
        return refuse_value(path, tensor->name, rule, offsets);
    }
    int64_t bits;
    if (!aq_cli_multiply(tensor->elements, tensor->dtype->bits, &bits) || bits % 8 != 0 ||
        bits / 8 != to - from) {
        char rule[96];
        snprintf(rule, sizeof rule, "%lld elements of %s need %.0f bytes", (long long)tensor->elements,
                 tensor->dtype->name, (double)tensor->elements / 8 * tensor->dtype->bits);
        return refuse_value(path, tensor->name, rule, offsets);
    }
    tensor->begin = (uint64_t)from;
    tensor->end = (uint64_t)to;
    return true;
}

static bool metadata_valid(const char *path, const json_t *metadata)
{
    const char *key;
    json_t *value;
    if (!json_is_object(metadata)) {
        return refuse_value(path, "__metadata__", "must be an object of strings", metadata);
    }
    json_object_foreach((json_t *)metadata, key, value)
    {
        if (!json_is_string(value)) {
            return refuse_value(path, "__metadata__", "must be an object of strings", value);
        }
    }
    return true;
}

static bool read_entries(aq_cli_safetensors *opened, json_t *header)
{
    const char *name;
    json_t *entry;
    json_object_foreach(header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0) {
            if (!metadata_valid(opened->path, entry)) {
                return false;
            }
            continue;
        }
        aq_cli_tensor *tensor = &opened->tensors[opened->count];
        if ((tensor->name = strdup(name)) == NULL) {
            aq_cli_error("%s: out of memory for a tensor's name", opened->path);
            return false;
        }
        opened->count++;
        if (!json_is_object(entry)) {
            return refuse_value(opened->path, name, "must be an object", entry);
        }
        if (!read_dtype(opened->path, entry, tensor) || !read_shape(opened->path, entry, tensor) ||
            !read_offsets(opened->path, entry, opened->data_size, tensor)) {
            return false;
        }
    }
    return true;
}

static int by_offset(const void *a, const void *b)
{
    const aq_cli_tensor *x = a, *y = b;
    int begins = (x->begin > y->begin) - (x->begin < y->begin);
    return begins != 0 ? begins : (x->end > y->end) - (x->end < y->end);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const aq_cli_tensor *)a)->name, ((const aq_cli_tensor *)b)->name);
}

/* Each tensor begins where the one before ends, and the last ends with the file. */
static bool data_covered(aq_cli_safetensors *opened)
{
    uint64_t at = 0;
    qsort(opened->tensors, opened->count, sizeof *opened->tensors, by_offset);
    for (size_t i = 0; i < opened->count; i++) {
        const aq_cli_tensor *tensor = &opened->tensors[i];
        if (tensor->begin != at) {
            char rule[96], found[96];
            snprintf(rule, sizeof rule, "data_offsets must begin where the tensor before ends, at %llu (%s)",
                     (unsigned long long)at, tensor->begin < at ? "overlap" : "hole");
            snprintf(found, sizeof found, "[%llu,%llu]", (unsigned long long)tensor->begin,
                     (unsigned long long)tensor->end);
            return refuse(opened->path, tensor->name, rule, found);
        }
        at = tensor->end;
    }
    if (at != opened->data_size) {
        aq_cli_error("%s: the tensors must cover all of the data, they end at %llu of %llu bytes",
                     opened->path, (unsigned long long)at, (unsigned long long)opened->data_size);
        return false;
    }
    qsort(opened->tensors, opened->count, sizeof *opened->tensors, by_name);
    return true;
}

bool aq_cli_safetensors_open(const char *path, aq_cli_safetensors *opened)
{
    enum { LONGEST_PATH = 512 };
    uint64_t size = 0;
    memset(opened, 0, sizeof *opened);
    opened->file = -1;
    opened->path = aq_cli_alloc(LONGEST_PATH, 1, "a path");
    json_t *header = NULL;
    if (opened->path != NULL) {
        aq_cli_clean(path, opened->path, LONGEST_PATH);
        header = open_file(path, opened, &size) ? load_header(opened, size) : NULL;
    }
    bool good = false;
    if (header != NULL) {
        opened->tensors =
            aq_cli_alloc((int64_t)json_object_size(header), sizeof *opened->tensors, "the tensors");
        good = opened->tensors != NULL && read_entries(opened, header) && data_covered(opened);
    }
    json_decref(header);
    if (!good) {
        aq_cli_safetensors_close(opened);
    }
    return good;
}

void aq_cli_safetensors_close(aq_cli_safetensors *opened)
{
    for (size_t i = 0; i < opened->count; i++) {
        free(opened->tensors[i].name);
    }
    free(opened->tensors);
    free(opened->path);
    if (opened->file >= 0) {
        close(opened->file);
    }
    memset(opened, 0, sizeof *opened);
    opened->file = -1;
}

const aq_cli_tensor *aq_cli_safetensors_find(const aq_cli_safetensors *opened, const char *name)
{
    aq_cli_tensor key = {.name = (char *)name}; /* compared, never written */
    return opened->count == 0
               ? NULL
               : bsearch(&key, opened->tensors, opened->count, sizeof *opened->tensors, by_name);
}

bool aq_cli_safetensors_read(const aq_cli_safetensors *opened, const aq_cli_tensor *tensor, float *values)
{
    uint64_t size = tensor->end - tensor->begin;
    unsigned char *raw = aq_cli_alloc((int64_t)size, 1, "a tensor");
    bool good =
        raw != NULL && read_at(opened->file, opened->path, opened->data_start + tensor->begin, raw, size);
    bool half = tensor->dtype->name[0] == 'F'; /* of the two types of 16 bits */
    for (int64_t i = 0; good && i < tensor->elements; i++) {
        if (tensor->dtype->bits == 32) {
            const unsigned char *b = raw + 4 * i;
            uint32_t pattern =
                (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
            memcpy(&values[i], &pattern, sizeof pattern);
        } else {
            uint16_t bits = (uint16_t)(raw[2 * i] | raw[2 * i + 1] << 8);
            uint32_t pattern = (uint32_t)bits << 16; /* BF16 is the upper half of an fp32 */
            memcpy(&values[i], &pattern, sizeof pattern);
            values[i] = half ? (float)aq_cli_half_value(bits) : values[i];
        }
    }
    free(raw);
    return good;
}
