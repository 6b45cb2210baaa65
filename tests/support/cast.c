/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"

const cast_type cast_types[CAST_TYPES] = {
    {ACL_FLOAT16, "FLOAT16", 16, 10, 5, true}, {ACL_FLOAT, "FLOAT", 32, 23, 8, true},
    {ACL_DOUBLE, "DOUBLE", 64, 52, 11, true},  {ACL_BF16, "BF16", 16, 7, 8, true},
    {ACL_INT8, "INT8", 8, 0, 0, true},         {ACL_UINT8, "UINT8", 8, 0, 0, false},
    {ACL_INT16, "INT16", 16, 0, 0, true},      {ACL_UINT16, "UINT16", 16, 0, 0, false},
    {ACL_INT32, "INT32", 32, 0, 0, true},      {ACL_UINT32, "UINT32", 32, 0, 0, false},
    {ACL_INT64, "INT64", 64, 0, 0, true},      {ACL_UINT64, "UINT64", 64, 0, 0, false},
    {ACL_BOOL, "BOOL", 8, 0, 0, false},
};

const cast_type *cast_type_of(aclDataType dtype)
{
    for (int t = 0; t < CAST_TYPES; t++)
        if (cast_types[t].dtype == dtype)
            return &cast_types[t];
    return NULL;
}

/* (-1)^negative * magnitude * 2^scale, exactly. */
typedef struct number {
    bool nan, infinite, negative;
    uint64_t magnitude;
    int scale;
} number;

static uint64_t low_bits(uint64_t value, int count)
{
    return count == 64 ? value : value & ((UINT64_C(1) << count) - 1);
}

static int bias_of(const cast_type *type)
{
    return (1 << (type->exponent - 1)) - 1;
}

static number decode(const cast_type *type, uint64_t bits)
{
    bool top = bits >> (type->bits - 1) & 1u;
    number n = {.negative = top && type->is_signed};
    if (type->dtype == ACL_BOOL) {
        n.magnitude = bits != 0;
    } else if (type->exponent == 0) {
        n.magnitude = n.negative ? low_bits(0 - bits, type->bits) : bits;
    } else {
        uint64_t fraction = low_bits(bits, type->fraction);
        int field = (int)low_bits(bits >> type->fraction, type->exponent), most = (1 << type->exponent) - 1;
        n.nan = field == most && fraction != 0;
        n.infinite = field == most && fraction == 0;
        n.magnitude = field == 0 ? fraction : fraction | UINT64_C(1) << type->fraction;
        n.scale = (field == 0 ? 1 : field) - bias_of(type) - type->fraction;
    }
    return n;
}

/* The units of 2^unit in n, rounded to nearest even. */
static uint64_t round_to_units(number n, int unit)
{
    int drop = unit - n.scale;
    if (drop <= 0)
        return n.magnitude << -drop; /* of a magnitude that fits: unit was chosen so */
    if (drop > 64)
        return 0; /* less than half a unit */
    uint64_t units = drop == 64 ? 0 : n.magnitude >> drop;
    uint64_t rest = low_bits(n.magnitude, drop), half = UINT64_C(1) << (drop - 1);
    return units + (rest > half || (rest == half && (units & 1u)));
}

static uint64_t encode_float(const cast_type *type, number n)
{
    uint64_t sign = (uint64_t)n.negative << (type->bits - 1);
    uint64_t infinity = low_bits(UINT64_MAX, type->exponent) << type->fraction;
    if (n.nan)
        return sign | infinity | UINT64_C(1) << (type->fraction - 1);
    if (n.infinite)
        return sign | infinity;
    if (n.magnitude == 0)
        return sign;
    int lowest = 1 - bias_of(type);                             /* exponent of subnormals */
    int exponent = n.scale + 63 - __builtin_clzll(n.magnitude); /* of the value */
    exponent = exponent < lowest ? lowest : exponent;
    if (exponent > bias_of(type))
        return sign | infinity;
    uint64_t units = round_to_units(n, exponent - type->fraction);
    /* Normal: the leading 1 of units adds 1 to the field. Subnormal: there is none. Carries do what they
     * should: into the exponent, and from the largest exponent to infinity. */
    return sign | (((uint64_t)(exponent - lowest) << type->fraction) + units);
}

/* Of a number below 2^64. */
static uint64_t whole_part(number n)
{
    if (n.scale >= 0)
        return n.magnitude << n.scale;
    return n.scale <= -64 ? 0 : n.magnitude >> -n.scale;
}

/* Toward zero, saturating, NaN 0: to 32 and 64 bits. */
static uint64_t saturate(number n, int bits, bool is_signed)
{
    if (n.nan || (n.negative && !is_signed))
        return 0;
    uint64_t most =
        is_signed ? (UINT64_C(1) << (bits - 1)) - (n.negative ? 0 : 1) : low_bits(UINT64_MAX, bits);
    bool beyond = n.infinite || (n.magnitude != 0 && n.scale + 63 - __builtin_clzll(n.magnitude) > 63);
    uint64_t magnitude = beyond ? most : n.magnitude == 0 ? 0 : whole_part(n);
    magnitude = magnitude > most ? most : magnitude;
    return n.negative ? 0 - magnitude : magnitude;
}

uint64_t cast_answer(const cast_type *from, uint64_t bits, const cast_type *to)
{
    number n = decode(from, bits);
    if (to->dtype == ACL_BOOL)
        return n.nan || n.infinite || n.magnitude != 0;
    if (from == to)
        return bits;
    if (to->exponent > 0)
        return encode_float(to, n);
    uint64_t value = n.negative ? 0 - n.magnitude : n.magnitude;
    if (from->exponent > 0)
        value = to->bits < 32 ? saturate(n, 32, true) : saturate(n, to->bits, to->is_signed);
    return low_bits(value, to->bits);
}

bool cast_same(const cast_type *type, uint64_t a, uint64_t b)
{
    if (a == b)
        return true;
    if (type->exponent == 0)
        return false;
    number x = decode(type, a), y = decode(type, b);
    return x.nan && y.nan && x.negative == y.negative;
}

uint64_t cast_get(const void *array, const cast_type *type, size_t index)
{
    uint64_t bits = 0; /* little-endian, as all machines of this project */
    memcpy(&bits, (const char *)array + index * (size_t)type->bits / 8, (size_t)type->bits / 8);
    return bits;
}

void cast_set(void *array, const cast_type *type, size_t index, uint64_t bits)
{
    memcpy((char *)array + index * (size_t)type->bits / 8, &bits, (size_t)type->bits / 8);
}

aclTensor *cast_tensor(aclDataType dtype, void *data, int rank, const int64_t *dims, const int64_t *strides,
                       int64_t offset)
{
    return aclCreateTensor(dims, (uint64_t)rank, dtype, strides, offset, ACL_FORMAT_ND, dims, (uint64_t)rank,
                           data);
}

int cast_run(const aclTensor *self, aclTensor *out, aclDataType dtype, aclrtStream stream)
{
    uint64_t size = 77;
    aclOpExecutor *executor = NULL;
    int status = aclnnCastGetWorkspaceSize(self, dtype, out, &size, &executor);
    if (status != 0)
        return status;
    assert_int_equal(size, 0);
    assert_non_null(executor);
    status = aclnnCast(NULL, 0, executor, stream);
    return status != 0 ? status : aclrtSynchronizeStream(stream);
}
