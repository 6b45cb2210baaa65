/* SPDX-License-Identifier: Apache-2.0 */
/* bench_shapes.c - reads shapes files. A line is a product of lists: each field is one word or several with
 * commas between. Knows what words mean, not what the operator takes. */
#include "bench_shapes.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { FIELDS = 7, WORD = 64, MOST_SHAPES = 100000, SHOWN = 80 };

static const int64_t largest = INT64_C(1) << 31; /* of m, k and n: products stay far from 64 bits */

static const char *const storages[] = {"plain", "transposed", "nz", "packed", "packed-transposed"};

const char *aq_bench_storage_name(aq_bench_storage storage)
{
    return storages[storage];
}

const char *aq_bench_granularity(const aq_bench_shape *shape, char words[AQ_BENCH_WORDS])
{
    if (shape->group > 0) {
        snprintf(words, AQ_BENCH_WORDS, "group %lld", (long long)shape->group);
        return words;
    }
    return strcpy(words, shape->group == AQ_BENCH_TENSOR ? "tensor" : "channel");
}

const char *aq_bench_describe(const aq_bench_shape *shape, char text[AQ_BENCH_DESCRIPTION])
{
    char words[AQ_BENCH_WORDS];
    aq_bench_granularity(shape, words);
    if (shape->group > 0) {
        snprintf(words, sizeof words, "g%lld", (long long)shape->group);
    }
    snprintf(text, AQ_BENCH_DESCRIPTION, "%lld %lld %lld %s %s %s %s %s%s", (long long)shape->m,
             (long long)shape->k, (long long)shape->n, shape->int4 ? "s4" : "s8", words,
             storages[shape->storage], shape->bf16 ? "bf16" : "f16", shape->cold ? "cold" : "hot",
             shape->offset ? " offset" : "");
    return text;
}

int64_t aq_bench_groups(const aq_bench_shape *shape)
{
    return shape->group > 0 ? (shape->k + shape->group - 1) / shape->group : 1;
}

/* Where a word stands, for messages. */
typedef struct aq_bench_place {
    const char *name;
    int line;
} aq_bench_place;

static bool wrong(const aq_bench_place *place, const char *word, const char *field, const char *valid)
{
    char shown[SHOWN];
    aq_cli_error("%s:%d: %s must be %s, got '%s'", place->name, place->line, field, valid,
                 aq_cli_clean(word, shown, sizeof shown));
    return false;
}

static bool size_of(const aq_bench_place *place, const char *word, const char *field, int64_t *size)
{
    return aq_cli_parse_count(word, 1, largest, size) ||
           wrong(place, word, field, "a whole number from 1 to 2147483648");
}

static bool one_of(const aq_bench_place *place, const char *word, const char *field, const char *valid,
                   const char *const *words, int count, int *found)
{
    for (*found = 0; *found < count; ++*found) {
        if (strcmp(word, words[*found]) == 0) {
            return true;
        }
    }
    return wrong(place, word, field, valid);
}

static bool granularity_of(const aq_bench_place *place, const char *word, int64_t *group)
{
    if (strcmp(word, "tensor") == 0 || strcmp(word, "channel") == 0) {
        *group = word[0] == 't' ? AQ_BENCH_TENSOR : AQ_BENCH_CHANNEL;
        return true;
    }
    return (word[0] == 'g' && aq_cli_parse_count(word + 1, 1, INT32_MAX, group)) ||
           wrong(place, word, "granularity", "tensor, channel or gN, N values along k that share a scale");
}

/* Of the words of one combination. */
static bool shape_of(const aq_bench_place *place, char words[FIELDS][WORD], aq_bench_shape *shape)
{
    static const char *const weights[] = {"s8", "s4"}, *const types[] = {"f16", "bf16"};
    int weight, storage, type;
    bool good = size_of(place, words[0], "m", &shape->m) && size_of(place, words[1], "k", &shape->k) &&
                size_of(place, words[2], "n", &shape->n) &&
                one_of(place, words[3], "weight", "s8 or s4", weights, 2, &weight) &&
                granularity_of(place, words[4], &shape->group) &&
                one_of(place, words[5], "storage", "plain, transposed, nz, packed or packed-transposed",
                       storages, AQ_BENCH_STORAGES, &storage) &&
                one_of(place, words[6], "x", "f16 or bf16", types, 2, &type);
    if (good) {
        shape->int4 = weight == 1;
        shape->storage = (aq_bench_storage)storage;
        shape->bf16 = type == 1;
    }
    return good;
}

static bool add(const aq_bench_place *place, const aq_bench_shape *shape, const regex_t *filter,
                aq_bench_shapes *shapes)
{
    char text[AQ_BENCH_DESCRIPTION];
    if (filter != NULL && regexec(filter, aq_bench_describe(shape, text), 0, NULL, 0) != 0) {
        return true;
    }
    if (shapes->count == MOST_SHAPES) {
        aq_cli_error("%s:%d: more than %d shapes", place->name, place->line, MOST_SHAPES);
        return false;
    }
    if ((shapes->count & (shapes->count + 1)) == 0 || shapes->all == NULL) { /* full: 0, 1, 3, 7, ... */
        aq_bench_shape *more = realloc(shapes->all, (2 * shapes->count + 1) * sizeof *more);
        if (more == NULL) {
            aq_cli_error("out of memory for %zu shapes", shapes->count);
            return false;
        }
        shapes->all = more;
    }
    shapes->all[shapes->count++] = *shape;
    return true;
}

static int64_t count_words(const char *list)
{
    int64_t count = 1;
    for (; *list != '\0'; list++) {
        count += *list == ',';
    }
    return count;
}

/* Longer words than any valid one are cut. */
static void copy_word(const char *list, int64_t index, char word[WORD])
{
    for (; index > 0; index--) {
        list = strchr(list, ',') + 1;
    }
    snprintf(word, WORD, "%.*s", (int)strcspn(list, ","), list);
}

/* All combinations of the words of lists, the last field's changing fastest. */
static bool combine(const aq_bench_place *place, char *const lists[FIELDS], aq_bench_shape *shape,
                    const regex_t *filter, aq_bench_shapes *shapes)
{
    char words[FIELDS][WORD];
    int64_t combinations = 1;
    for (int i = 0; i < FIELDS; i++) {
        if (!aq_cli_multiply(combinations, count_words(lists[i]), &combinations)) {
            aq_cli_error("%s:%d: too many combinations", place->name, place->line);
            return false;
        }
    }
    for (int64_t combination = 0; combination < combinations; combination++) {
        int64_t rest = combination;
        for (int i = FIELDS - 1; i >= 0; i--) {
            int64_t count = count_words(lists[i]);
            copy_word(lists[i], rest % count, words[i]);
            rest /= count;
        }
        if (!shape_of(place, words, shape) || !add(place, shape, filter, shapes)) {
            return false;
        }
    }
    return true;
}

static bool read_line(const aq_bench_place *place, char *line, const regex_t *filter, aq_bench_shapes *shapes)
{
    static const char blanks[] = " \t\r\n";
    char *fields[FIELDS], *rest = NULL;
    int count = 0;
    aq_bench_shape shape = {.cold = true};
    line[strcspn(line, "#")] = '\0';
    for (char *word = strtok_r(line, blanks, &rest); word != NULL; word = strtok_r(NULL, blanks, &rest)) {
        if (count < FIELDS) {
            fields[count++] = word;
        } else if (strcmp(word, "hot") == 0 || strcmp(word, "cold") == 0) {
            shape.cold = word[0] == 'c';
        } else if (strcmp(word, "offset") == 0) {
            shape.offset = true;
        } else {
            return wrong(place, word, "what follows x", "cold, hot or offset");
        }
    }
    if (count > 0 && count < FIELDS) {
        aq_cli_error("%s:%d: a line is m k n weight granularity storage x [cold|hot] [offset], got %d words",
                     place->name, place->line, count);
        return false;
    }
    return count == 0 || combine(place, fields, &shape, filter, shapes);
}

static bool read_stream(FILE *file, const char *name, const regex_t *filter, aq_bench_shapes *shapes)
{
    char shown[SHOWN];
    aq_bench_place place = {aq_cli_clean(name, shown, sizeof shown), 0};
    char *line = NULL;
    size_t size = 0;
    bool good = true;
    errno = 0;
    while (good && getline(&line, &size, file) >= 0) {
        place.line++;
        good = read_line(&place, line, filter, shapes);
    }
    free(line);
    if (good && ferror(file)) {
        aq_cli_error("%s: cannot read: %s", place.name, strerror(errno));
        return false;
    }
    return good;
}

bool aq_bench_shapes_read(const char *name, const char *text, const char *filter, aq_bench_shapes *shapes)
{
    regex_t pattern;
    int fault = filter != NULL ? regcomp(&pattern, filter, REG_EXTENDED | REG_NOSUB) : 0;
    if (fault != 0) {
        char why[SHOWN], shown[SHOWN];
        regerror(fault, &pattern, why, sizeof why);
        aq_cli_error("--filter '%s': %s", aq_cli_clean(filter, shown, sizeof shown), why);
        return false;
    }
    bool input = text == NULL && strcmp(name, "-") == 0;
    FILE *file = input ? stdin : text != NULL ? fmemopen((void *)text, strlen(text), "r") : fopen(name, "r");
    bool good = file != NULL;
    if (!good) {
        char shown[SHOWN];
        aq_cli_error("%s: cannot open: %s", aq_cli_clean(name, shown, sizeof shown), strerror(errno));
    }
    good = good && read_stream(file, name, filter != NULL ? &pattern : NULL, shapes);
    if (file != NULL && !input) {
        fclose(file);
    }
    if (filter != NULL) {
        regfree(&pattern);
    }
    return good;
}
