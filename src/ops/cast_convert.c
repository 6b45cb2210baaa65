/* SPDX-License-Identifier: Apache-2.0 */
/* cast_convert.c - the rules of companions page 2.2 as one list of types: a load for each, and a store for
 * each from each of the five middle types. No rounding happens in a load and one in a store. */
#include "ops/cast_convert.h"

#include <math.h>
#include <stddef.h>

#include "base/float16.h"

/* The middle types are int32, int64, uint64, fp32 and fp64, called as the members of a block. */
typedef enum middle { MIDDLE_i32, MIDDLE_i64, MIDDLE_u64, MIDDLE_f32, MIDDLE_f64, MIDDLES } middle;

/* X(type, member of a block, middle type, value of element v in the middle type) */
#define TYPES(X)                                                                                             \
    X(FLOAT16, u16, f32, aq_f16_to_f32(v))                                                                   \
    X(FLOAT, f32, f32, v)                                                                                    \
    X(DOUBLE, f64, f64, v)                                                                                   \
    X(BF16, u16, f32, aq_bf16_to_f32(v))                                                                     \
    X(INT8, i8, i32, v)                                                                                      \
    X(UINT8, u8, i32, v)                                                                                     \
    X(INT16, i16, i32, v)                                                                                    \
    X(UINT16, u16, i32, v)                                                                                   \
    X(INT32, i32, i32, v)                                                                                    \
    X(UINT32, u32, i64, v)                                                                                   \
    X(INT64, i64, i64, v)                                                                                    \
    X(UINT64, u64, u64, v)                                                                                   \
    X(BOOL, u8, i32, v != 0)

const char aq_cast_type_names[] =
    "FLOAT16, FLOAT, DOUBLE, BF16, INT8, UINT8, INT16, UINT16, INT32, UINT32, INT64, UINT64, BOOL";

/* ---- to floats ---- */

/* v rounded to fp32 "to odd": an inexact result takes the neighbour whose last bit is 1. As fp32 has at least
 * two bits more than fp16 and bf16 wherever those have any, subnormals included, rounding the result to one
 * of them is rounding v to it once. */
static inline float odd_f32(double v)
{
    float nearest = (float)v;
    if ((double)nearest == v || isnan(v))
        return nearest;
    uint32_t bits = aq_f32_bits(nearest);
    if (fabs((double)nearest) > fabs(v)) /* back to the neighbour nearer to zero; from inf to the largest */
        bits--;
    return aq_f32_from_bits(bits | 1u);
}

/* The same for 64 bits in fp64, which has 53: the lowest 11 become one sticky bit above them. */
static inline double odd_f64(uint64_t v)
{
    return (double)(v >> 53 == 0 ? v : (v & ~UINT64_C(0x7FF)) | (uint64_t)((v & 0x7FFu) != 0) << 11);
}

static inline uint16_t bf16_of_u64(uint64_t v)
{
    return aq_f32_to_bf16(odd_f32(odd_f64(v)));
}

static inline uint16_t bf16_of_i64(int64_t v)
{
    return v < 0 ? bf16_of_u64(-(uint64_t)v) | 0x8000u : bf16_of_u64((uint64_t)v);
}

static inline uint16_t bf16_of_i32(int32_t v)
{
    return aq_f32_to_bf16(odd_f32(v));
}

/* An integer is exact in fp32 below 2^24, and above 65520 all are infinity: fp32 rounds nothing that fp16
 * would round again. */
#define f16_of_i32(v) aq_f32_to_f16((float)(v))
#define f16_of_i64(v) aq_f32_to_f16((float)(v))
#define f16_of_u64(v) aq_f32_to_f16((float)(v))

#define f16_of_f32(v)  aq_f32_to_f16(v)
#define f16_of_f64(v)  aq_f32_to_f16(odd_f32(v))
#define bf16_of_f32(v) aq_f32_to_bf16(v)
#define bf16_of_f64(v) aq_f32_to_bf16(odd_f32(v))

/* ---- from floats to integers: toward zero, saturating, NaN gives 0 ---- */

static inline int32_t trunc_i32(double v)
{
    if (isnan(v))
        return 0;
    return v >= 0x1p31 ? INT32_MAX : v <= -0x1p31 ? INT32_MIN : (int32_t)v;
}

static inline uint32_t trunc_u32(double v)
{
    if (!(v > 0))
        return 0;
    return v >= 0x1p32 ? UINT32_MAX : (uint32_t)v;
}

static inline int64_t trunc_i64(double v)
{
    if (isnan(v))
        return 0;
    return v >= 0x1p63 ? INT64_MAX : v <= -0x1p63 ? INT64_MIN : (int64_t)v;
}

static inline uint64_t trunc_u64(double v)
{
    if (!(v > 0))
        return 0;
    return v >= 0x1p64 ? UINT64_MAX : (uint64_t)v;
}

/* ---- the functions ---- */

#define LOOP(name, from_member, to_member, value)                                                            \
    static void name(const aq_cast_block *restrict from, aq_cast_block *restrict to)                         \
    {                                                                                                        \
        for (int i = 0; i < AQ_CAST_BLOCK; i++) {                                                            \
            const __typeof__(from->from_member[0]) v = from->from_member[i];                                 \
            to->to_member[i] = value;                                                                        \
        }                                                                                                    \
    }

#define LOAD(type, member, middle, value) LOOP(load_##type, member, middle, value)
TYPES(LOAD)

/* Stores to the types whose rule is the same for every middle type. Integers keep their low bits. */
#define COMMON_STORES(middle)                                                                                \
    LOOP(middle##_to_FLOAT16, middle, u16, f16_of_##middle(v))                                               \
    LOOP(middle##_to_BF16, middle, u16, bf16_of_##middle(v))                                                 \
    LOOP(middle##_to_FLOAT, middle, f32, (float)v)                                                           \
    LOOP(middle##_to_DOUBLE, middle, f64, (double)v)                                                         \
    LOOP(middle##_to_BOOL, middle, u8, v != 0)
#define INTEGER_STORES(middle)                                                                               \
    COMMON_STORES(middle)                                                                                    \
    LOOP(middle##_to_INT8, middle, i8, (int8_t)v)                                                            \
    LOOP(middle##_to_UINT8, middle, u8, (uint8_t)v)                                                          \
    LOOP(middle##_to_INT16, middle, i16, (int16_t)v)                                                         \
    LOOP(middle##_to_UINT16, middle, u16, (uint16_t)v)                                                       \
    LOOP(middle##_to_INT32, middle, i32, (int32_t)v)                                                         \
    LOOP(middle##_to_UINT32, middle, u32, (uint32_t)v)                                                       \
    LOOP(middle##_to_INT64, middle, i64, (int64_t)v)                                                         \
    LOOP(middle##_to_UINT64, middle, u64, (uint64_t)v)
#define FLOAT_STORES(middle)                                                                                 \
    COMMON_STORES(middle)                                                                                    \
    LOOP(middle##_to_INT8, middle, i8, (int8_t)trunc_i32(v))                                                 \
    LOOP(middle##_to_UINT8, middle, u8, (uint8_t)trunc_i32(v))                                               \
    LOOP(middle##_to_INT16, middle, i16, (int16_t)trunc_i32(v))                                              \
    LOOP(middle##_to_UINT16, middle, u16, (uint16_t)trunc_i32(v))                                            \
    LOOP(middle##_to_INT32, middle, i32, trunc_i32(v))                                                       \
    LOOP(middle##_to_UINT32, middle, u32, trunc_u32(v))                                                      \
    LOOP(middle##_to_INT64, middle, i64, trunc_i64(v))                                                       \
    LOOP(middle##_to_UINT64, middle, u64, trunc_u64(v))

INTEGER_STORES(i32)
INTEGER_STORES(i64)
INTEGER_STORES(u64)
FLOAT_STORES(f32)
FLOAT_STORES(f64)

/* ---- the table ---- */

/* Indexed by the number of the type; holes are types that are not supported. */
static const struct {
    middle middle;
    aq_cast_step load, stores[MIDDLES];
} types[] = {
#define ROW(type, member, middle, value)                                                                     \
    [ACL_##type] = {MIDDLE_##middle,                                                                         \
                    load_##type,                                                                             \
                    {i32_to_##type, i64_to_##type, u64_to_##type, f32_to_##type, f64_to_##type}},
    TYPES(ROW)
#undef ROW
};

bool aq_cast_supports(aclDataType dtype)
{
    return (int)dtype >= 0 && (size_t)dtype < sizeof types / sizeof types[0] && types[dtype].load != NULL;
}

aq_cast_steps aq_cast_steps_of(aclDataType from, aclDataType to)
{
    if (from == to && from != ACL_BOOL) /* a BOOL may come in as any byte, and leaves as 0 or 1 */
        return (aq_cast_steps){NULL, NULL};
    return (aq_cast_steps){types[from].load, types[to].stores[types[from].middle]};
}
