/* SPDX-License-Identifier: Apache-2.0 */
/* cast_convert.h - one block of elements from any type of aclnnCast to any other: a load into the middle type
 * that holds every value of the source exactly, then a store with the one rounding of companions page 2.2.
 * Knows nothing of tensors; every element of a block is converted, so unused ones must hold something. */
#ifndef AQ_OPS_CAST_CONVERT_H
#define AQ_OPS_CAST_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

#include "acl/acl_base.h"

/* Elements of a block: a constant, so that compilers turn the loops into vector code; large enough to make
 * the calls cheap, small enough that three blocks stay in the first-level cache. */
#define AQ_CAST_BLOCK 128

typedef union aq_cast_block {
    int8_t i8[AQ_CAST_BLOCK];
    uint8_t u8[AQ_CAST_BLOCK];
    int16_t i16[AQ_CAST_BLOCK];
    uint16_t u16[AQ_CAST_BLOCK]; /* fp16 and bf16 too */
    int32_t i32[AQ_CAST_BLOCK];
    uint32_t u32[AQ_CAST_BLOCK];
    int64_t i64[AQ_CAST_BLOCK];
    uint64_t u64[AQ_CAST_BLOCK];
    float f32[AQ_CAST_BLOCK];
    double f64[AQ_CAST_BLOCK];
} aq_cast_block;

typedef void (*aq_cast_step)(const aq_cast_block *restrict from, aq_cast_block *restrict to);

typedef struct aq_cast_steps {
    aq_cast_step load, store; /* both null: the bits are the result */
} aq_cast_steps;

/* The types, in words for messages. */
extern const char aq_cast_type_names[];

bool aq_cast_supports(aclDataType dtype);

/* Of two supported types. */
aq_cast_steps aq_cast_steps_of(aclDataType from, aclDataType to);

#endif
