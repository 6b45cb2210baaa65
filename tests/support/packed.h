/* SPDX-License-Identifier: Apache-2.0 */
/* packed.h - weights for the tests of aq_pack_weight: tensors over memory of exactly their size. */
#ifndef AQ_TESTS_SUPPORT_PACKED_H
#define AQ_TESTS_SUPPORT_PACKED_H

#include <stdlib.h>

#include "acl/acl.h"
#include "antiquant.h"
#include "support/v1.h"

static inline aclTensor *described(aclDataType dtype, aclFormat format, int rank, const int64_t *dims,
                                   const int64_t *strides, int64_t offset, int storage_rank,
                                   const int64_t *storage, void *data)
{
    return aclCreateTensor(dims, (uint64_t)rank, dtype, strides, offset, format, storage,
                           (uint64_t)storage_rank, data);
}

/* Memory of exactly that size, which a sanitizer watches; filled with something. */
static inline void *block(size_t bytes, uint64_t *seed)
{
    unsigned char *memory = malloc(bytes > 0 ? bytes : 1);
    for (size_t i = 0; i < bytes; i++)
        memory[i] = (unsigned char)v1_random(seed);
    return memory;
}

/* A packed tensor over exact memory, which is *memory; null when it was refused. */
static inline aclTensor *pack(const aclTensor *weight, bool transpose, void **memory)
{
    uint64_t size = 0, seed = 99;
    aclTensor *packed = NULL;
    *memory = NULL;
    if (aq_packed_weight_size(weight, transpose, &size) != 0)
        return NULL;
    *memory = block(size, &seed);
    return aq_pack_weight(weight, transpose, *memory, size, &packed) == 0 ? packed : NULL;
}

#endif
