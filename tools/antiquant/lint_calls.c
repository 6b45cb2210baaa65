/* SPDX-License-Identifier: Apache-2.0 */
/* lint_calls.c - reads a JSON list of calls (docs/LINT.md), taken as hostile: nothing is believed before it
 * is checked, and a key that is not known is an error, so that a typing mistake cannot pass for a null
 * tensor. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acl/acl.h"
#include "cli.h"
#include "lint.h"

enum {
    MOST_BYTES = 64 << 20, /* of a file; a list of some hundred thousand calls */
    MOST_DIMS = 64         /* of a tensor; the table of rules refuses from 9 on */
};

typedef struct aq_cli_word {
    const char *name;
    int value;
} aq_cli_word;

static const aq_cli_word dtypes[] = {{"FLOAT", ACL_FLOAT},
                                     {"FLOAT16", ACL_FLOAT16},
                                     {"BF16", ACL_BF16},
                                     {"DOUBLE", ACL_DOUBLE},
                                     {"INT4", ACL_INT4},
                                     {"INT8", ACL_INT8},
                                     {"INT16", ACL_INT16},
                                     {"INT32", ACL_INT32},
                                     {"INT64", ACL_INT64},
                                     {"UINT8", ACL_UINT8},
                                     {"UINT16", ACL_UINT16},
                                     {"UINT32", ACL_UINT32},
                                     {"UINT64", ACL_UINT64},
                                     {"BOOL", ACL_BOOL},
                                     {"HIFLOAT8", ACL_HIFLOAT8},
                                     {"FLOAT8_E4M3FN", ACL_FLOAT8_E4M3FN},
                                     {"FLOAT8_E5M2", ACL_FLOAT8_E5M2},
                                     {"FLOAT8_E8M0", ACL_FLOAT8_E8M0},
                                     {"FLOAT4_E2M1", ACL_FLOAT4_E2M1},
                                     {NULL, 0}};
static const aq_cli_word formats[] = {{"ND", ACL_FORMAT_ND},
                                      {"NCL", ACL_FORMAT_NCL},
                                      {"NCHW", ACL_FORMAT_NCHW},
                                      {"NHWC", ACL_FORMAT_NHWC},
                                      {"NCDHW", ACL_FORMAT_NCDHW},
                                      {"NDHWC", ACL_FORMAT_NDHWC},
                                      {"FRACTAL_NZ", ACL_FORMAT_FRACTAL_NZ},
                                      {"FRACTAL_NZ_C0_2", ACL_FORMAT_FRACTAL_NZ_C0_2},
                                      {"FRACTAL_NZ_C0_4", ACL_FORMAT_FRACTAL_NZ_C0_4},
                                      {"FRACTAL_NZ_C0_8", ACL_FORMAT_FRACTAL_NZ_C0_8},
                                      {"FRACTAL_NZ_C0_16", ACL_FORMAT_FRACTAL_NZ_C0_16},
                                      {"FRACTAL_NZ_C0_32", ACL_FORMAT_FRACTAL_NZ_C0_32},
                                      {NULL, 0}};
static const char *const tensor_names[AQ_CALL_TENSORS] = {[AQ_CALL_X] = "x",
                                                          [AQ_CALL_WEIGHT] = "weight",
                                                          [AQ_CALL_ANTIQUANT_SCALE] = "antiquantScale",
                                                          [AQ_CALL_ANTIQUANT_OFFSET] = "antiquantOffset",
                                                          [AQ_CALL_QUANT_SCALE] = "quantScale",
                                                          [AQ_CALL_QUANT_OFFSET] = "quantOffset",
                                                          [AQ_CALL_BIAS] = "bias",
                                                          [AQ_CALL_Y] = "y"};

/* The arrays of a tensor, in the order of the numbers below. */
enum { SHAPE, STRIDES, STORAGE, ARRAYS };
static const char *const array_names[ARRAYS] = {"shape", "strides", "storage"};

/* One call on its way from JSON, with the room that its aq_call points into. */
typedef struct aq_cli_parsed {
    const char *path; /* clean */
    size_t index;
    const char *name; /* hostile text, or the next */
    char number[32];
    aq_call call;
    int64_t numbers[AQ_CALL_TENSORS][ARRAYS][MOST_DIMS];
} aq_cli_parsed;

/* "FILE: call 3 ('NAME'): WHERE RULE, found VALUE". Always false. */
static bool refuse(const aq_cli_parsed *parsed, const char *where, const char *rule, const json_t *value)
{
    char found[96], name[96];
    char *text = value != NULL ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    aq_cli_error("%s: call %zu ('%s'): %s %s, found %s", parsed->path, parsed->index,
                 aq_cli_clean(parsed->name, name, sizeof name), where, rule,
                 value == NULL  ? "nothing"
                 : text != NULL ? aq_cli_clean(text, found, sizeof found)
                                : "something unprintable");
    free(text);
    return false;
}

static bool read_word(const aq_cli_parsed *parsed, const char *where, const aq_cli_word *words,
                      const char *prefix, const json_t *value, int *word)
{
    const char *text = json_string_value(value);
    size_t length = strlen(prefix);
    text = text != NULL && strncmp(text, prefix, length) == 0 ? text + length : text;
    for (const aq_cli_word *known = words; text != NULL && known->name != NULL; known++) {
        if (strcmp(text, known->name) == 0) {
            *word = known->value;
            return true;
        }
    }
    char rule[480] = "must be one of";
    for (const aq_cli_word *known = words; known->name != NULL; known++) {
        size_t at = strlen(rule);
        snprintf(rule + at, sizeof rule - at, "%s %s", known == words ? "" : ",", known->name);
    }
    return refuse(parsed, where, rule, value);
}

static bool read_integers(const aq_cli_parsed *parsed, const char *where, const json_t *array,
                          int64_t *numbers, size_t *count)
{
    char rule[80];
    size_t i;
    const json_t *value;
    snprintf(rule, sizeof rule, "must be an array of at most %d integers", MOST_DIMS);
    if (!json_is_array(array) || json_array_size(array) > MOST_DIMS) {
        return refuse(parsed, where, rule, array);
    }
    json_array_foreach(array, i, value)
    {
        if (!json_is_integer(value)) {
            return refuse(parsed, where, rule, value);
        }
        numbers[i] = json_integer_value(value);
    }
    *count = json_array_size(array);
    return true;
}

static bool read_tensor_field(aq_cli_parsed *parsed, int index, const char *key, const json_t *field,
                              size_t counts[ARRAYS])
{
    aq_call_tensor *tensor = &parsed->call.tensors[index];
    char where[64];
    for (int array = 0; array < ARRAYS; array++) {
        if (strcmp(key, array_names[array]) == 0) {
            snprintf(where, sizeof where, "%s.%s", tensor_names[index], array_names[array]);
            return read_integers(parsed, where, field, parsed->numbers[index][array], &counts[array]);
        }
    }
    snprintf(where, sizeof where, "%s.%s", tensor_names[index], key);
    if (strcmp(key, "dtype") == 0) {
        return read_word(parsed, where, dtypes, "ACL_", field, &tensor->dtype);
    }
    if (strcmp(key, "format") == 0) {
        return read_word(parsed, where, formats, "ACL_FORMAT_", field, &tensor->format);
    }
    json_t *unknown = json_string(key);
    refuse(parsed, tensor_names[index], "has dtype, shape, strides, format and storage only", unknown);
    json_decref(unknown);
    return false;
}

static bool needed(const aq_cli_parsed *parsed, int index, const json_t *object, const char *key)
{
    char where[64];
    snprintf(where, sizeof where, "%s.%s", tensor_names[index], key);
    return json_object_get(object, key) != NULL || refuse(parsed, where, "must be given", NULL);
}

static bool read_tensor(aq_cli_parsed *parsed, int index, json_t *value)
{
    aq_call_tensor *tensor = &parsed->call.tensors[index];
    const char *key;
    json_t *field;
    char where[64];
    size_t counts[ARRAYS] = {0};
    if (json_is_null(value)) {
        return true;
    }
    if (!json_is_object(value)) {
        return refuse(parsed, tensor_names[index], "must be an object or null", value);
    }
    *tensor = (aq_call_tensor){.given = true, .dtype = ACL_DT_UNDEFINED, .format = ACL_FORMAT_ND};
    json_object_foreach(value, key, field)
    {
        if (!read_tensor_field(parsed, index, key, field, counts)) {
            return false;
        }
    }
    if (!needed(parsed, index, value, "shape") || !needed(parsed, index, value, "dtype")) {
        return false;
    }
    const json_t *strides = json_object_get(value, "strides");
    if (strides != NULL && counts[STRIDES] != counts[SHAPE]) {
        snprintf(where, sizeof where, "%s.strides", tensor_names[index]);
        return refuse(parsed, where, "must have a stride for each dim", strides);
    }
    tensor->rank = counts[SHAPE];
    tensor->dims = parsed->numbers[index][SHAPE];
    tensor->strides = strides != NULL ? parsed->numbers[index][STRIDES] : NULL;
    tensor->storage_rank = counts[STORAGE];
    tensor->storage_dims = counts[STORAGE] > 0 ? parsed->numbers[index][STORAGE] : NULL;
    return true;
}

static bool read_int(const aq_cli_parsed *parsed, const char *where, const json_t *value, int *number)
{
    json_int_t whole = json_integer_value(value);
    if (!json_is_integer(value) || whole < INT32_MIN || whole > INT32_MAX) {
        return refuse(parsed, where, "must be an integer of 32 bits", value);
    }
    *number = (int)whole;
    return true;
}

static bool read_op(aq_cli_parsed *parsed, const json_t *value)
{
    static const aq_cli_word ops[] = {{"V2", 0}, {"V3", 1}, {"Nz", 2}, {NULL, 0}};
    int op = 0;
    if (!read_word(parsed, "op", ops, "aclnnWeightQuantBatchMatmul", value, &op)) {
        return false;
    }
    parsed->call.op = ops[op].name;
    return true;
}

static bool read_field(aq_cli_parsed *parsed, const char *key, json_t *value)
{
    for (int i = 0; i < AQ_CALL_TENSORS; i++) {
        if (strcmp(key, tensor_names[i]) == 0) {
            return read_tensor(parsed, i, value);
        }
    }
    if (strcmp(key, "op") == 0) {
        return read_op(parsed, value);
    }
    if (strcmp(key, "antiquantGroupSize") == 0) {
        return read_int(parsed, key, value, &parsed->call.antiquant_group_size);
    }
    if (strcmp(key, "innerPrecise") == 0) {
        return read_int(parsed, key, value, &parsed->call.inner_precise);
    }
    if (strcmp(key, "name") == 0) {
        return json_is_string(value) || refuse(parsed, key, "must be a string", value);
    }
    json_t *unknown = json_string(key);
    refuse(parsed, "a call has name, op, antiquantGroupSize, innerPrecise and the tensors",
           "x, weight, antiquantScale, antiquantOffset, quantScale, quantOffset, bias and y only", unknown);
    json_decref(unknown);
    return false;
}

static bool lint_entry(aq_cli_lint *lint, aq_cli_parsed *parsed, json_t *entry)
{
    const char *key, *name = json_string_value(json_object_get(entry, "name"));
    json_t *value;
    parsed->call = (aq_call){.op = NULL};
    snprintf(parsed->number, sizeof parsed->number, "call %zu", parsed->index);
    parsed->name = name != NULL ? name : parsed->number;
    if (!json_is_object(entry)) {
        return refuse(parsed, "a call", "must be an object", entry);
    }
    json_object_foreach(entry, key, value)
    {
        if (!read_field(parsed, key, value)) {
            return false;
        }
    }
    if (parsed->call.op == NULL) {
        return refuse(parsed, "op", "must be given", NULL);
    }
    return aq_cli_lint_call(lint, &parsed->call, parsed->name, NULL, NULL, NULL);
}

/* The whole file, or null with a message. *size: its bytes. */
static char *read_file(const char *path, const char *clean, size_t *size)
{
    struct stat status;
    char *text = NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 || fstat(file, &status) != 0) {
        aq_cli_error("%s: cannot open the file: %s", clean, strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        aq_cli_error("%s: not a regular file", clean);
    } else if (status.st_size > MOST_BYTES) {
        aq_cli_error("%s: a list of calls must have at most %d bytes, it has %lld", clean, MOST_BYTES,
                     (long long)status.st_size);
    } else {
        text = aq_cli_alloc(status.st_size, 1, "the list of calls");
    }
    *size = 0;
    while (text != NULL && *size < (size_t)status.st_size) {
        ssize_t got = read(file, text + *size, (size_t)status.st_size - *size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            aq_cli_error("%s: cannot read: %s", clean, got < 0 ? strerror(errno) : "the file became shorter");
            free(text);
            text = NULL;
        } else {
            *size += (size_t)got;
        }
    }
    if (file >= 0) {
        close(file);
    }
    return text;
}

bool aq_cli_lint_file(aq_cli_lint *lint, const char *path)
{
    char clean[160], what[160];
    size_t size;
    json_error_t error;
    aq_cli_clean(path, clean, sizeof clean);
    char *text = read_file(path, clean, &size);
    if (text == NULL) {
        return false;
    }
    json_t *list = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    free(text);
    aq_cli_parsed *parsed = aq_cli_alloc(1, sizeof *parsed, "a call");
    bool good = false;
    if (list == NULL) {
        aq_cli_error("%s: not valid JSON: %s (line %d)", clean, aq_cli_clean(error.text, what, sizeof what),
                     error.line);
    } else if (!json_is_array(list) || json_array_size(list) == 0) {
        aq_cli_error("%s: must be an array of at least one call", clean);
    } else if (parsed != NULL) {
        good = true;
        parsed->path = clean;
        for (size_t i = 0; good && i < json_array_size(list); i++) {
            parsed->index = i + 1;
            good = lint_entry(lint, parsed, json_array_get(list, i));
        }
    }
    free(parsed);
    json_decref(list);
    return good;
}
