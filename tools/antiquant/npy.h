/* SPDX-License-Identifier: Apache-2.0 */
/* npy.h - NumPy's array files, versions 1.0 to 3.0, little-endian, of rank 0 to 2; taken as hostile. */
#ifndef AQ_CLI_NPY_H
#define AQ_CLI_NPY_H

#include <stdbool.h>
#include <stdint.h>

typedef enum aq_cli_npy_type {
    AQ_CLI_NPY_F2, /* '<f2', fp16 */
    AQ_CLI_NPY_F4, /* '<f4', fp32 */
    AQ_CLI_NPY_F8, /* '<f8', fp64 */
    AQ_CLI_NPY_I1  /* '|i1', int8 */
} aq_cli_npy_type;

typedef struct aq_cli_npy {
    aq_cli_npy_type type;
    int rank;
    int64_t shape[2]; /* 1 where there is no dimension */
    int64_t elements;
    void *data; /* C order, also when the file is in Fortran order; release with free() */
} aq_cli_npy;

/* False, with a message that names file, rule and what was found. */
bool aq_cli_npy_read(const char *path, aq_cli_npy *array);

/* The values as fp32, or null with a message; release with free(). Only for the float types. */
float *aq_cli_npy_floats(const aq_cli_npy *array);

/* For people: "float16". */
const char *aq_cli_npy_type_name(aq_cli_npy_type type);

/* Writes (rows,columns) halves as version 1.0, whole or not at all (output.h). */
bool aq_cli_npy_write_halves(const char *path, int64_t rows, int64_t columns, const uint16_t *values);

#endif
