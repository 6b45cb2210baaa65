/* SPDX-License-Identifier: Apache-2.0 */
/* lists.h - what is behind aclScalar, the arrays and the lists. All but the scalar begin with their size; the
 * values follow. They are immutable. */
#ifndef AQ_TENSOR_LISTS_H
#define AQ_TENSOR_LISTS_H

#include <stdbool.h>
#include <stdint.h>

#include "aclnn/acl_meta.h"

#define AQ_MAX_SCALAR_BYTES 16 /* COMPLEX128 */

struct aclScalar {
    aclDataType dtype;
    _Alignas(8) unsigned char value[AQ_MAX_SCALAR_BYTES]; /* the first aq_dtype_size(dtype) bytes */
};

struct aclIntArray {
    uint64_t size;
    int64_t values[];
};

struct aclFloatArray {
    uint64_t size;
    float values[];
};

struct aclBoolArray {
    uint64_t size;
    bool values[];
};

/* Holds its tensors besides owning them, so that a tensor which was destroyed on its own leaves no dangling
 * pointer. Elements may be null. */
struct aclTensorList {
    uint64_t size;
    aclTensor *tensors[];
};

struct aclScalarList {
    uint64_t size;
    aclScalar *scalars[];
};

/* Whether a pointer from a caller is one of ours and not destroyed; null is not. */
bool aq_int_array_live(const aclIntArray *array);
bool aq_tensor_list_live(const aclTensorList *list);

#endif
