/* SPDX-License-Identifier: Apache-2.0 */
/* cast.h - for tests of aclnnCast: both phases in one call, and what one element should become by companions
 * page 2.2, in integer arithmetic alone: no float conversion of the compiler, the processor or src/. */
#ifndef AQ_TESTS_CAST_H
#define AQ_TESTS_CAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aclnnop/aclnn_cast.h"

typedef struct cast_type {
    aclDataType dtype;
    const char *name;
    int bits;               /* of an element: 8, 16, 32 or 64 */
    int fraction, exponent; /* bits of a float's fields; 0 for integers */
    bool is_signed;         /* integers */
} cast_type;

enum { CAST_TYPES = 13 };
extern const cast_type cast_types[CAST_TYPES];
const cast_type *cast_type_of(aclDataType dtype);

/* Both may be any bits of the type; those of a NaN are one of many, see cast_same. */
uint64_t cast_answer(const cast_type *from, uint64_t bits, const cast_type *to);

/* Equal bits, or two NaNs with the same sign. */
bool cast_same(const cast_type *type, uint64_t a, uint64_t b);

/* Element number index of a dense array. */
uint64_t cast_get(const void *array, const cast_type *type, size_t index);
void cast_set(void *array, const cast_type *type, size_t index, uint64_t bits);

/* dims and strides (null: row-major) and the rest as aclCreateTensor takes them. */
aclTensor *cast_tensor(aclDataType dtype, void *data, int rank, const int64_t *dims, const int64_t *strides,
                       int64_t offset);

/* Both phases on stream without a workspace (asserts that none is wanted), and synchronise. The first status
 * that is not 0, else 0. */
int cast_run(const aclTensor *self, aclTensor *out, aclDataType dtype, aclrtStream stream);

#endif
