/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.c - finds the files of a checkpoint and the linear layers in them. Names of files and tensors
 * come from the files: hostile text. */
#include "checkpoint.h"

#include <errno.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli.h"

/* True when the name part (length characters) belongs to a layer that looks values up or scales them. */
static bool part_not_linear(const char *part, size_t length)
{
    static const char *const whole[] = {"wte", "wpe", "shared", "relative_attention_bias"};
    static const char *const inside[] = {"embed", "norm"};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        if (strlen(whole[i]) == length && strncasecmp(part, whole[i], length) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        size_t word = strlen(inside[i]);
        for (size_t at = 0; at + word <= length; at++) {
            if (strncasecmp(part + at, inside[i], word) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool named_linear(const char *name)
{
    static const char suffix[] = ".weight";
    size_t length = strlen(name);
    if (length < sizeof suffix || strcmp(name + length - (sizeof suffix - 1), suffix) != 0) {
        return false;
    }
    for (const char *part = name;;) {
        size_t part_length = strcspn(part, ".");
        if (part_not_linear(part, part_length)) {
            return false;
        }
        if (part[part_length] == '\0') {
            return true;
        }
        part += part_length + 1;
    }
}

static bool chosen(const aq_cli_choice *choice, const aq_cli_tensor *tensor)
{
    if (tensor->rank != 2 || !tensor->dtype->convertible || tensor->elements == 0) {
        return false;
    }
    if (choice->all) {
        return true;
    }
    if (choice->glob_count == 0) {
        return named_linear(tensor->name);
    }
    for (size_t i = 0; i < choice->glob_count; i++) {
        if (fnmatch(choice->globs[i], tensor->name, 0) == 0) {
            return true;
        }
    }
    return false;
}

/* The tensor of this name in any file. */
static const aq_cli_tensor *find(const aq_cli_checkpoint *opened, const char *name,
                                 const aq_cli_safetensors **file)
{
    const aq_cli_tensor *found = NULL;
    for (size_t i = 0; found == NULL && i < opened->file_count; i++) {
        found = aq_cli_safetensors_find(&opened->files[i], name);
        *file = &opened->files[i];
    }
    return found;
}

/* NAME.bias for NAME.weight, when the checkpoint has it. */
static bool find_bias(const aq_cli_checkpoint *opened, aq_cli_linear *layer)
{
    const char *name = layer->weight->name;
    size_t length = strlen(name), stem = length >= 7 ? length - 7 : 0;
    if (length < 7 || strcmp(name + stem, ".weight") != 0) {
        return true;
    }
    char *bias = aq_cli_alloc((int64_t)length + 1, 1, "a name");
    if (bias == NULL) {
        return false;
    }
    memcpy(bias, name, stem);
    memcpy(bias + stem, ".bias", sizeof ".bias");
    layer->bias = find(opened, bias, &layer->bias_file);
    free(bias);
    if (layer->bias != NULL &&
        (layer->bias->rank != 1 || layer->bias->elements != layer->n || !layer->bias->dtype->convertible)) {
        char clean[96];
        aq_cli_error(
            "%s: tensor '%s': the bias of a layer with %lld outputs must be 1-D F32, F16 or BF16 of that "
            "size, got rank %zu, %lld elements, %s",
            layer->bias_file->path, aq_cli_clean(layer->bias->name, clean, sizeof clean), (long long)layer->n,
            layer->bias->rank, (long long)layer->bias->elements, layer->bias->dtype->name);
        return false;
    }
    return true;
}

static int by_layer_name(const void *a, const void *b)
{
    return strverscmp(((const aq_cli_linear *)a)->weight->name, ((const aq_cli_linear *)b)->weight->name);
}

static bool choose_layers(const char *path, const aq_cli_choice *choice, aq_cli_checkpoint *opened)
{
    for (size_t i = 0; i < opened->file_count; i++) {
        opened->tensor_count += opened->files[i].count;
    }
    opened->layers = aq_cli_alloc((int64_t)opened->tensor_count, sizeof *opened->layers, "the layers");
    for (size_t f = 0; opened->layers != NULL && f < opened->file_count; f++) {
        const aq_cli_safetensors *file = &opened->files[f];
        for (size_t i = 0; i < file->count; i++) {
            const aq_cli_tensor *tensor = &file->tensors[i];
            if (chosen(choice, tensor)) {
                aq_cli_linear *layer = &opened->layers[opened->layer_count++];
                *layer = (aq_cli_linear){
                    .file = file, .weight = tensor, .n = tensor->shape[0], .k = tensor->shape[1]};
                if (!find_bias(opened, layer)) {
                    return false;
                }
            }
        }
    }
    if (opened->layers != NULL && opened->layer_count == 0) {
        char clean[160];
        aq_cli_error("%s: none of the %zu tensors is %s; --layers GLOB or --all choose others",
                     aq_cli_clean(path, clean, sizeof clean), opened->tensor_count,
                     choice->all || choice->glob_count > 0
                         ? "a 2-D tensor of F32, F16 or BF16 that was asked for"
                         : "the weight of a linear layer (a 2-D tensor NAME.weight of F32, F16 or BF16)");
        return false;
    }
    if (opened->layers != NULL) {
        qsort(opened->layers, opened->layer_count, sizeof *opened->layers, by_layer_name);
    }
    return opened->layers != NULL;
}

/* Opens folder/name, unless it is open. -1 with a message; else the index in files, which has room. */
static int64_t open_shard(const char *index, const char *name, aq_cli_checkpoint *opened)
{
    for (size_t i = 0; i < opened->file_count; i++) {
        if (strcmp(opened->file_names[i], name) == 0) {
            return (int64_t)i;
        }
    }
    char clean[96], clean_index[160];
    if (name[0] == '\0' || strchr(name, '/') != NULL || strcmp(name, "..") == 0 || strcmp(name, ".") == 0) {
        aq_cli_error("%s: weight_map may only name files beside it, got '%s'",
                     aq_cli_clean(index, clean_index, sizeof clean_index),
                     aq_cli_clean(name, clean, sizeof clean));
        return -1;
    }
    const char *slash = strrchr(index, '/');
    int folder = slash != NULL ? (int)(slash - index) + 1 : 0;
    char *path = NULL;
    if (asprintf(&path, "%.*s%s", folder, index, name) < 0) {
        aq_cli_error("out of memory for a path");
        return -1;
    }
    size_t at = opened->file_count;
    bool good = (opened->file_names[at] = strdup(name)) != NULL;
    good = good && aq_cli_safetensors_open(path, &opened->files[at]);
    if (!good) {
        free(opened->file_names[at]);
        opened->file_names[at] = NULL;
    }
    free(path);
    opened->file_count += good;
    return good ? (int64_t)at : -1;
}

static bool make_room(aq_cli_checkpoint *opened, size_t files)
{
    opened->files = aq_cli_alloc((int64_t)files, sizeof *opened->files, "the files");
    opened->file_names = aq_cli_alloc((int64_t)files, sizeof *opened->file_names, "the names of the files");
    return opened->files != NULL && opened->file_names != NULL;
}

/* Each tensor of the index must be in the file that the index names, and the files hold no other. */
static bool read_map(const char *index, json_t *map, aq_cli_checkpoint *opened)
{
    const char *name;
    json_t *file;
    char clean_index[160], clean[96];
    aq_cli_clean(index, clean_index, sizeof clean_index);
    json_object_foreach(map, name, file)
    {
        aq_cli_clean(name, clean, sizeof clean);
        if (!json_is_string(file)) {
            aq_cli_error("%s: weight_map['%s'] must be the name of a file", clean_index, clean);
            return false;
        }
        int64_t at = open_shard(index, json_string_value(file), opened);
        if (at < 0) {
            return false;
        }
        if (aq_cli_safetensors_find(&opened->files[at], name) == NULL) {
            aq_cli_error("%s: weight_map says that '%s' is in %s, but that file has no such tensor",
                         clean_index, clean, opened->files[at].path);
            return false;
        }
    }
    size_t found = 0;
    for (size_t i = 0; i < opened->file_count; i++) {
        found += opened->files[i].count;
    }
    if (found != json_object_size(map)) {
        aq_cli_error("%s: weight_map names %zu tensors, but its files hold %zu", clean_index,
                     json_object_size(map), found);
        return false;
    }
    return true;
}

/* More shards than this are no model but an attack on the number of open files. */
enum { MOST_SHARDS = 1000 };

static bool count_shards(const char *index, json_t *map, size_t *count)
{
    json_t *names = json_object(), *file;
    const char *name;
    json_object_foreach(map, name, file)
    {
        if (json_is_string(file)) {
            json_object_set_new(names, json_string_value(file), json_true());
        }
    }
    *count = json_object_size(names);
    json_decref(names);
    if (*count > MOST_SHARDS) {
        char clean[160];
        aq_cli_error("%s: weight_map must name at most %d files, it names %zu",
                     aq_cli_clean(index, clean, sizeof clean), MOST_SHARDS, *count);
        return false;
    }
    return true;
}

static bool open_index(const char *index, aq_cli_checkpoint *opened)
{
    json_error_t error;
    char clean[160], what[160];
    aq_cli_clean(index, clean, sizeof clean);
    json_t *root = json_load_file(index, JSON_REJECT_DUPLICATES, &error);
    json_t *map = json_object_get(root, "weight_map");
    size_t shards = 0;
    bool good = false;
    if (root == NULL) {
        aq_cli_error("%s: not valid JSON: %s (line %d)", clean, aq_cli_clean(error.text, what, sizeof what),
                     error.line);
    } else if (!json_is_object(map) || json_object_size(map) == 0) {
        aq_cli_error("%s: needs an object weight_map {tensor: file} with at least one tensor", clean);
    } else {
        good = count_shards(index, map, &shards) && make_room(opened, shards) && read_map(index, map, opened);
    }
    json_decref(root);
    return good;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* The file to open for path, which may be a folder. Null with a message; release with free(). */
static char *checkpoint_file(const char *path)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json"};
    struct stat status;
    char clean[160], *file = NULL;
    if (stat(path, &status) != 0) {
        aq_cli_error("%s: cannot open the checkpoint: %s", aq_cli_clean(path, clean, sizeof clean),
                     strerror(errno));
        return NULL;
    }
    if (!S_ISDIR(status.st_mode)) {
        return strdup(path);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (asprintf(&file, "%s/%s", path, names[i]) < 0) {
            aq_cli_error("out of memory for a path");
            return NULL;
        }
        if (stat(file, &status) == 0) {
            return file;
        }
        free(file);
    }
    aq_cli_error("%s: the folder has neither %s nor %s", aq_cli_clean(path, clean, sizeof clean), names[0],
                 names[1]);
    return NULL;
}

bool aq_cli_checkpoint_open(const char *path, const aq_cli_choice *choice, aq_cli_checkpoint *opened)
{
    memset(opened, 0, sizeof *opened);
    char *file = checkpoint_file(path);
    bool good = false;
    if (file != NULL && ends_with(file, ".index.json")) {
        good = open_index(file, opened);
    } else if (file != NULL && make_room(opened, 1)) {
        good = aq_cli_safetensors_open(file, &opened->files[0]);
        opened->file_count = good;
    }
    free(file);
    good = good && choose_layers(path, choice, opened);
    if (!good) {
        aq_cli_checkpoint_close(opened);
    }
    return good;
}

void aq_cli_checkpoint_close(aq_cli_checkpoint *opened)
{
    for (size_t i = 0; i < opened->file_count; i++) {
        aq_cli_safetensors_close(&opened->files[i]);
        free(opened->file_names[i]);
    }
    free(opened->files);
    free(opened->file_names);
    free(opened->layers);
    memset(opened, 0, sizeof *opened);
}
