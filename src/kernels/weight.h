/* SPDX-License-Identifier: Apache-2.0 */
/* weight.h - one element of a stored weight, in plain C. Knows addresses and types, no parameters. */
#ifndef AQ_KERNELS_WEIGHT_H
#define AQ_KERNELS_WEIGHT_H

#include "base/float8.h"
#include "kernels/kernel.h"

/* Prefetchers follow one run a page, so rows or columns that share one are not taken side by side, every
 * second first. Where each has its own, half of the lines are left to the prefetchers: one that is asked for
 * holds a fill buffer of the first-level cache until memory answers. */
enum { AQ_PAGE_BYTES = 4096 };

static inline bool aq_weight_is_4_bit(aq_weight_type type)
{
    return type == AQ_S4 || type == AQ_F4E2M1;
}

/* Order T iff stride_k == 1 and stride_n != 1 (numerics page 5). */
static inline aq_order aq_weight_order(const aq_weight *weight)
{
    return weight->stride_k == 1 && weight->stride_n != 1 ? AQ_ORDER_T : AQ_ORDER_P;
}

/* Number of element (k,n), counted from data. */
static inline int64_t aq_weight_index(const aq_weight *weight, int64_t k, int64_t n)
{
    if (weight->block > 0) { /* FRACTAL_NZ: the axis of stride 1 lies in blocks */
        int64_t *inner = aq_weight_order(weight) == AQ_ORDER_T ? &k : &n;
        int64_t blocks = *inner / weight->block;
        *inner %= weight->block;
        return weight->first + blocks * weight->block_stride + k * weight->stride_k + n * weight->stride_n;
    }
    return weight->first + k * weight->stride_k + n * weight->stride_n;
}

/* The stored bits: a byte, or a nibble in 0..15. */
static inline uint8_t aq_weight_code(const aq_weight *weight, int64_t k, int64_t n)
{
    int64_t index = aq_weight_index(weight, k, n);
    if (!aq_weight_is_4_bit(weight->type))
        return (uint8_t)weight->data[index];
    /* index >> 1 and & 1 round down: right for negative indices, too */
    return (uint8_t)weight->data[index >> 1] >> ((index & 1) * 4) & 15;
}

/* AQ_S8 and AQ_S4. */
static inline int32_t aq_weight_integer(const aq_weight *weight, int64_t k, int64_t n)
{
    uint8_t code = aq_weight_code(weight, k, n);
    return weight->type == AQ_S8 ? (int8_t)code : (code ^ 8) - 8;
}

/* Any type, exactly. */
static inline float aq_weight_number(const aq_weight *weight, int64_t k, int64_t n)
{
    switch (weight->type) {
    case AQ_F8E4M3:
        return aq_f8e4m3_to_f32(aq_weight_code(weight, k, n));
    case AQ_HIF8:
        return aq_hif8_to_f32(aq_weight_code(weight, k, n));
    case AQ_F4E2M1:
        return aq_f4e2m1_to_f32(aq_weight_code(weight, k, n));
    default:
        return (float)aq_weight_integer(weight, k, n);
    }
}

#endif
