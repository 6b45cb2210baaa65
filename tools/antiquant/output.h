/* SPDX-License-Identifier: Apache-2.0 */
/* output.h - result files: whole or not at all. */
#ifndef AQ_CLI_OUTPUT_H
#define AQ_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* True when a file can be made at path: says so before the work is done whose result it shall hold. */
bool aq_cli_output_possible(const char *path);

/* Writes head, then data, to a new file beside path, syncs it and renames it to path. On failure path is what
 * it was and nothing is left beside it. What exists and is no regular file (a device, a pipe) is written to
 * directly. */
bool aq_cli_output_write(const char *path, const void *head, size_t head_size, const void *data,
                         size_t data_size);

/* The same for a JSON value, indented, with a newline at the end. */
bool aq_cli_output_json(const char *path, const json_t *value);

/* A number as JSON; null for what JSON cannot hold (inf, NaN). */
json_t *aq_cli_json_number(double value);

#endif
