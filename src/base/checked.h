/* SPDX-License-Identifier: Apache-2.0 */
/* checked.h - arithmetic on sizes that says when it overflows. Results are written even on overflow
 * (wrapped); callers look at the returned flag first. */
#ifndef AQ_BASE_CHECKED_H
#define AQ_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* true: fits. */
static inline bool aq_mul_i64(int64_t a, int64_t b, int64_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

static inline bool aq_add_i64(int64_t a, int64_t b, int64_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

static inline bool aq_mul_size(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

static inline bool aq_add_size(size_t a, size_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

/* value rounded up to a multiple of step, both > 0 and far from the limits of int64. */
static inline int64_t aq_round_up(int64_t value, int64_t step)
{
    return (value + step - 1) / step * step;
}

static inline int64_t aq_ceil_div(int64_t value, int64_t step)
{
    return (value + step - 1) / step;
}

static inline int64_t aq_min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t aq_max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
