/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors.h - one safetensors file, taken as hostile: everything its header says is checked before
 * anything is believed. Layout: u64 little-endian header length, JSON {name: {dtype, shape, data_offsets}},
 * data. */
#ifndef AQ_CLI_SAFETENSORS_H
#define AQ_CLI_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct aq_cli_dtype {
    const char *name;
    unsigned bits;    /* per element */
    bool convertible; /* to fp32, by aq_cli_safetensors_read */
} aq_cli_dtype;

typedef struct aq_cli_tensor {
    char *name; /* hostile text */
    const aq_cli_dtype *dtype;
    size_t rank;
    int64_t shape[2];    /* the first two dimensions; 1 where there is none */
    int64_t elements;    /* of all dimensions */
    uint64_t begin, end; /* of its bytes, from the start of the data */
} aq_cli_tensor;

typedef struct aq_cli_safetensors {
    char *path;
    int file;
    uint64_t data_start, data_size;
    size_t count;
    aq_cli_tensor *tensors; /* sorted by name */
} aq_cli_safetensors;

/* Opens and checks. False, with a message that names file, tensor, rule and what was found; *opened is then
 * zero. */
bool aq_cli_safetensors_open(const char *path, aq_cli_safetensors *opened);
void aq_cli_safetensors_close(aq_cli_safetensors *opened);

/* Null when there is none of this name. */
const aq_cli_tensor *aq_cli_safetensors_find(const aq_cli_safetensors *opened, const char *name);

/* The tensor's values as fp32: F32 as is, F16 and BF16 exactly. values has room for tensor->elements. */
bool aq_cli_safetensors_read(const aq_cli_safetensors *opened, const aq_cli_tensor *tensor, float *values);

#endif
