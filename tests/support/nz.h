/* SPDX-License-Identifier: Apache-2.0 */
/* nz.h - for tests: FRACTAL_NZ by the formula of companions page 2.4, element by element, on arrays of
 * elements that are read and written one at a time. Uses nothing of src/. */
#ifndef AQ_TESTS_NZ_H
#define AQ_TESTS_NZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Of (r, c) in the storage of one matrix with rows rows. */
static inline int64_t nz_offset(int64_t r, int64_t c, int64_t rows, int64_t c0)
{
    return (((c / c0) * ((rows + 15) / 16) + r / 16) * 16 + r % 16) * c0 + c % c0;
}

/* Elements of one matrix's storage. */
static inline int64_t nz_size(int64_t rows, int64_t columns, int64_t c0)
{
    return (columns + c0 - 1) / c0 * ((rows + 15) / 16) * 16 * c0;
}

/* bits: of an element, 4 (two to a byte, the even one low) or a multiple of 8. */
static inline size_t nz_bytes(int64_t elements, int bits)
{
    return ((size_t)elements * (size_t)bits + 7) / 8;
}

static inline void nz_copy(void *to, int64_t to_index, const void *from, int64_t from_index, int bits)
{
    if (bits == 4) {
        unsigned char *target = (unsigned char *)to + to_index / 2;
        int value = ((const unsigned char *)from)[from_index / 2] >> (from_index % 2 ? 4 : 0) & 15;
        *target = (unsigned char)(to_index % 2 ? (*target & 15) | value << 4 : (*target & 240) | value);
    } else {
        memcpy((char *)to + to_index * (bits / 8), (const char *)from + from_index * (bits / 8),
               (size_t)bits / 8);
    }
}

/* The storage of batches dense matrices, in memory that the caller frees. */
static inline void *nz_of(const void *dense, int64_t batches, int64_t rows, int64_t columns, int64_t c0,
                          int bits)
{
    int64_t size = nz_size(rows, columns, c0);
    void *storage = calloc(nz_bytes(batches * size, bits) + 1, 1);
    for (int64_t b = 0; b < batches; b++)
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = 0; c < columns; c++)
                nz_copy(storage, b * size + nz_offset(r, c, rows, c0), dense, (b * rows + r) * columns + c,
                        bits);
    return storage;
}

#endif
