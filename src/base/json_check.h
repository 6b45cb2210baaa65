/* SPDX-License-Identifier: Apache-2.0 */
/* json_check.h - is a file JSON? Only yes or no: nothing of the contents is kept. */
#ifndef AQ_BASE_JSON_CHECK_H
#define AQ_BASE_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define AQ_JSON_MAX_DEPTH 128 /* arrays and objects inside one another; keeps the stack small */

/* Reads file to its end or to the first byte that cannot belong to one JSON value (RFC 8259, any kind of
 * value; bytes from 0x80 on are taken as they are). *offset: bytes that were fine. A read error counts as the
 * end: callers look at ferror. Allocates nothing. */
bool aq_json_check(FILE *file, size_t *offset);

#endif
