/* SPDX-License-Identifier: Apache-2.0 */
/* guard.h - memory in which a kernel cannot go astray unseen, and a call that survives its crash.
 *
 * An array is placed as rows of bytes, flush against an inaccessible page:
 *   LEFT            |guard|row gap row gap row              ...     |guard|
 *   RIGHT           |guard|     ...              row gap row gap row|guard|
 *   ISLANDS_LEFT    |guard|row    |guard|row    |guard|row    |guard|
 *   ISLANDS_RIGHT   |guard|    row|guard|    row|guard|    row|guard|
 * Everything around and between the rows is poisoned, and must be so after the call. */
#ifndef AQ_TESTS_KERNELS_GUARD_H
#define AQ_TESTS_KERNELS_GUARD_H

#include <stdbool.h>
#include <stdint.h>

typedef enum ck_layout { CK_LEFT, CK_RIGHT, CK_ISLANDS_LEFT, CK_ISLANDS_RIGHT, CK_LAYOUTS } ck_layout;

const char *ck_layout_name(ck_layout layout);

/* One arena for each array that a kernel's arguments name. */
typedef enum ck_array {
    CK_X,
    CK_WEIGHT,
    CK_OFFSET,
    CK_SCALE,
    CK_ADD,
    CK_MUL,
    CK_DIAGONAL,
    CK_PACKED,
    CK_PANEL,
    CK_PANEL_GENERIC,
    CK_SUM,
    CK_ARRAYS
} ck_array;

typedef struct ck_rows {
    unsigned char *base;
    int64_t stride; /* bytes from row to row */
    int64_t rows, row_bytes;
} ck_rows;

/* Places rows of row_bytes with at least gap bytes between them, row starts multiples of alignment, and
 * poisons all. Islands that do not fit (rows > 64, row_bytes > a page) become the flush layout of the same
 * side. */
ck_rows ck_place(ck_array array, ck_layout layout, int64_t rows, int64_t row_bytes, int64_t gap,
                 int64_t alignment);

/* Remembers the rows' bytes. */
void ck_remember(ck_array array);

/* After the call. Each reports through ck_fail what it found. */
void ck_expect_unchanged(ck_array array, const char *name);     /* rows as remembered, poison around them */
void ck_expect_poison_around(ck_array array, const char *name); /* the rows were the call's to write */

/* Runs call(argument). A crash is reported through ck_fail, and false. */
bool ck_survives(void (*call)(void *), void *argument);

/* false in a sanitizer build: there the sanitizer's report ends the program. */
bool ck_catches_crashes(void);
void ck_guard_start(void);

#endif
