/* SPDX-License-Identifier: Apache-2.0 */
/* int4.h - two 4-bit elements to a byte (companions page 2.3): element e of an array is in byte e / 2, even
 * ones in the low nibble; e may be negative, in a view that runs backwards. ACL_INT4 arrays and words that
 * hold eight elements are the same bytes. */
#ifndef AQ_TENSOR_INT4_H
#define AQ_TENSOR_INT4_H

#include <stdint.h>

/* Bits of element e, 0..15. */
static inline unsigned aq_int4_bits(const void *array, int64_t e)
{
    unsigned byte = ((const uint8_t *)array)[e >> 1];
    return (e & 1) == 0 ? byte & 0xFu : byte >> 4;
}

/* Element e as the number that it is, -8..7. */
static inline int aq_int4_get(const void *array, int64_t e)
{
    return (int)(aq_int4_bits(array, e) ^ 8u) - 8;
}

/* Keeps the low 4 bits of value and the byte's other element. Two threads must not set elements of one byte.
 */
static inline void aq_int4_set(void *array, int64_t e, unsigned value)
{
    uint8_t *byte = (uint8_t *)array + (e >> 1);
    unsigned low = value & 0xFu;
    *byte = (uint8_t)((e & 1) == 0 ? (*byte & 0xF0u) | low : (*byte & 0x0Fu) | low << 4);
}

#endif
