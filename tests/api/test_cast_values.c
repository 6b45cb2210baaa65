/* SPDX-License-Identifier: Apache-2.0 */
/* Every ordered pair of the 13 types of aclnnCast, element by element, against integer arithmetic
 * (support/cast.h): all values of the 8- and 16-bit types; of the wider ones every place where a rule of some
 * target changes its mind, and random bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "support/cast.h"
#include "support/v1.h"

enum { RANDOM = 50000, ROOM = 600000 };

/* What is cast: bits of a type. */
static struct {
    const cast_type *type;
    size_t count;
    uint64_t bits[ROOM];
} values;

static uint64_t self[ROOM], out[ROOM];
static uint64_t seed;

static void add(uint64_t bits)
{
    assert_true(values.count < ROOM);
    int unused = 64 - values.type->bits;
    values.bits[values.count++] = bits << unused >> unused;
}

/* value and its neighbours, for integers of both signs. */
static void add_around(uint64_t value)
{
    for (int d = -2; d <= 2; d++) {
        add(value + (uint64_t)d);
        add(0 - value + (uint64_t)d);
    }
}

/* Powers of two, and next to them the numbers halfway between two floats of p significant bits: the tie to
 * an even and the tie to an odd one. */
static void add_integers(void)
{
    static const int precisions[] = {8, 11, 24, 53};
    for (int k = 0; k < 64; k++) {
        uint64_t power = UINT64_C(1) << k;
        add_around(power);
        for (size_t p = 0; p < 4; p++) {
            if (k < precisions[p])
                continue;
            uint64_t unit = power >> (precisions[p] - 1), half = unit / 2;
            add_around(power + half);
            add_around(power + unit + half);
            add_around(power + (power - unit) + half); /* rounds up to the next power */
        }
    }
    add_around(65504);
    add_around(65520); /* the least that is infinite in fp16 */
}

/* A float of the source type with the given exponent and, below the leading 1, the top bits of fraction. */
static void add_float(bool negative, int exponent, uint64_t fraction, int offset)
{
    const cast_type *type = values.type;
    int most = (1 << type->exponent) - 1, field = exponent + most / 2;
    if (field < 0 || field > most)
        return;
    uint64_t bits = ((uint64_t)field << type->fraction) + (fraction >> (64 - type->fraction));
    add(((uint64_t)negative << (type->bits - 1)) + bits + (uint64_t)(int64_t)offset);
}

/* For each exponent the numbers and the halves between numbers of a float with p significant bits, at, above
 * and below: p bits at random, all zeros and all ones. Subnormals of a narrower target have fewer bits, so p
 * goes down to 1. */
static void add_floats(void)
{
    for (int exponent = -1100; exponent <= 1100; exponent++) {
        if (exponent < -160 && exponent > -1000)
            continue;
        for (int p = 1; p <= 54; p = p < 26 ? p + 1 : p + 28) {
            uint64_t last = UINT64_C(1) << (64 - p);
            uint64_t patterns[] = {0, last, 0 - last, v1_random(&seed) & (0 - last)};
            for (size_t i = 0; i < 4; i++)
                for (int offset = -1; offset <= 1; offset++)
                    add_float(v1_random(&seed) & 1u, exponent, patterns[i], offset);
        }
        if (exponent > 160 && exponent < 1000)
            exponent = 1000;
    }
}

/* Each number of a 16-bit float in the source type, and the halfway points behind it, exactly and next to. */
static void add_all_of(const cast_type *narrow)
{
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        uint64_t wide = cast_answer(narrow, bits, values.type); /* exact: the source is wider */
        uint64_t next = cast_answer(narrow, bits + 1, values.type);
        add(wide);
        if ((bits & 0x7FFF) >= (uint32_t)((1 << narrow->exponent) - 1) << narrow->fraction)
            continue;
        add(wide / 2 + next / 2 + (wide & next & 1u) - 1 + bits % 3);
    }
}

static void fill(const cast_type *type)
{
    values.type = type;
    values.count = 0;
    if (type->bits <= 16) {
        for (uint64_t bits = 0; bits < UINT64_C(1) << type->bits; bits++)
            add(bits);
        return;
    }
    for (int i = 0; i < RANDOM; i++)
        add(v1_random(&seed));
    add_integers(); /* as bits of floats: both zeros, infinities and their neighbours, among others */
    if (type->exponent == 0)
        return;
    add_floats();
    add_all_of(cast_type_of(ACL_FLOAT16));
    add_all_of(cast_type_of(ACL_BF16));
    for (int i = 0; i < RANDOM; i++) /* random numbers within the range of integers */
        add_float(v1_random(&seed) & 1u, (int)(v1_random(&seed) % 70) - 2, v1_random(&seed), 0);
}

static void check_pair(const cast_type *to)
{
    const cast_type *from = values.type;
    int64_t count = (int64_t)values.count;
    memset(out, 0xA5, sizeof out);
    aclTensor *source = cast_tensor(from->dtype, self, 1, &count, NULL, 0);
    aclTensor *target = cast_tensor(to->dtype, out, 1, &count, NULL, 0);
    assert_int_equal(cast_run(source, target, to->dtype, NULL), 0);
    aclDestroyTensor(source);
    aclDestroyTensor(target);
    for (size_t i = 0; i < values.count; i++) {
        uint64_t expected = cast_answer(from, values.bits[i], to), got = cast_get(out, to, i);
        if (!cast_same(to, expected, got))
            fail_msg("%s 0x%llx to %s: 0x%llx, not 0x%llx (element %zu, seed %llu)", from->name,
                     (unsigned long long)values.bits[i], to->name, (unsigned long long)got,
                     (unsigned long long)expected, i, (unsigned long long)seed);
    }
    assert_int_equal(cast_get(out, cast_type_of(ACL_UINT8), values.count * (size_t)to->bits / 8), 0xA5);
}

static void every_pair(void **state)
{
    (void)state;
    seed = (uint64_t)time(NULL) * 2654435761u | 1u;
    printf("seed %llu\n", (unsigned long long)seed);
    for (int from = 0; from < CAST_TYPES; from++) {
        fill(&cast_types[from]);
        for (size_t i = 0; i < values.count; i++)
            cast_set(self, values.type, i, values.bits[i]);
        for (int to = 0; to < CAST_TYPES; to++)
            check_pair(&cast_types[to]);
    }
}

/* Numbers that a person can check, so that the oracle does not stand alone. */
static void known_values(void **state)
{
    (void)state;
    static const struct {
        aclDataType from;
        uint64_t bits;
        aclDataType to;
        uint64_t expected;
    } rows[] = {
        {ACL_FLOAT, 0x477FE000, ACL_FLOAT16, 0x7BFF},            /* 65504 */
        {ACL_FLOAT, 0x477FEFFF, ACL_FLOAT16, 0x7BFF},            /* just below 65520 */
        {ACL_FLOAT, 0x477FF000, ACL_FLOAT16, 0x7C00},            /* 65520: inf */
        {ACL_FLOAT, 0xC77FF000, ACL_FLOAT16, 0xFC00},            /* -65520 */
        {ACL_FLOAT, 0x33000000, ACL_FLOAT16, 0x0000},            /* 2^-25: ties to 0 */
        {ACL_FLOAT, 0x33000001, ACL_FLOAT16, 0x0001},            /* above it: the least subnormal */
        {ACL_FLOAT, 0x3F808000, ACL_BF16, 0x3F80},               /* 1 + 2^-8: ties to 1 */
        {ACL_FLOAT, 0x3F818000, ACL_BF16, 0x3F82},               /* 1 + 3 * 2^-8: ties up */
        {ACL_FLOAT, 0x7F7FFFFF, ACL_BF16, 0x7F80},               /* the largest fp32: inf */
        {ACL_DOUBLE, 0x3FF0020000000001, ACL_FLOAT16, 0x3C01},   /* 1 + 2^-11 and a bit: no tie */
        {ACL_DOUBLE, 0x3FF0020000000000, ACL_FLOAT16, 0x3C00},   /* 1 + 2^-11: tie */
        {ACL_DOUBLE, 0x3FF0100000000001, ACL_BF16, 0x3F81},      /* 1 + 2^-8 and a bit */
        {ACL_INT64, 0x0101000000000001, ACL_BF16, 0x5B81},       /* 257 * 2^48 + 1: one rounding, up */
        {ACL_INT64, 0x0101000000000000, ACL_BF16, 0x5B80},       /* the tie itself */
        {ACL_INT64, 0x4000004000000001, ACL_FLOAT, 0x5E800001},  /* 2^62 + 2^38 + 1 */
        {ACL_UINT64, UINT64_MAX, ACL_FLOAT, 0x5F800000},         /* 2^64 */
        {ACL_UINT64, 0x8000008000000001, ACL_FLOAT, 0x5F000001}, /* likewise, unsigned */
        {ACL_INT64, 0x8000000000000000, ACL_BF16, 0xDF00},       /* -2^63 */
        {ACL_INT32, 65519, ACL_FLOAT16, 0x7BFF},
        {ACL_INT32, 65520, ACL_FLOAT16, 0x7C00},
        {ACL_FLOAT, 0x4F000000, ACL_INT32, 0x7FFFFFFF}, /* 2^31 */
        {ACL_FLOAT, 0xBF800000, ACL_UINT32, 0},         /* -1 */
        {ACL_FLOAT, 0xBF800000, ACL_UINT8, 255},        /* -1, by way of int32 */
        {ACL_FLOAT, 0x43960000, ACL_INT8, 44},          /* 300 = 256 + 44 */
        {ACL_FLOAT, 0x7F800000, ACL_UINT16, 0xFFFF},    /* inf: the low bits of INT32_MAX */
        {ACL_FLOAT, 0xFF800000, ACL_INT16, 0},          /* -inf: those of INT32_MIN */
        {ACL_FLOAT, 0x7FC00000, ACL_INT64, 0},          /* NaN */
        {ACL_FLOAT, 0x7FC00000, ACL_BOOL, 1},
        {ACL_FLOAT, 0x80000000, ACL_BOOL, 0}, /* -0 */
        {ACL_BOOL, 0x80, ACL_BOOL, 1},
        {ACL_BOOL, 2, ACL_FLOAT, 0x3F800000},
        {ACL_INT8, 0x80, ACL_UINT64, 0xFFFFFFFFFFFFFF80},
        {ACL_UINT32, 0xFFFFFFFF, ACL_INT64, 0xFFFFFFFF},
        {ACL_FLOAT, 0x7F800001, ACL_FLOAT, 0x7F800001}, /* the same type: bits stay */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t from = rows[i].bits, to = UINT64_MAX;
        aclTensor *source = cast_tensor(rows[i].from, &from, 0, NULL, NULL, 0);
        aclTensor *target = cast_tensor(rows[i].to, &to, 0, NULL, NULL, 0);
        assert_int_equal(cast_run(source, target, rows[i].to, NULL), 0);
        const cast_type *type = cast_type_of(rows[i].to);
        if (cast_get(&to, type, 0) != rows[i].expected ||
            cast_answer(cast_type_of(rows[i].from), from, type) != rows[i].expected)
            fail_msg("row %zu: 0x%llx", i, (unsigned long long)cast_get(&to, type, 0));
        aclDestroyTensor(source);
        aclDestroyTensor(target);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_values), cmocka_unit_test(every_pair)};
    return cmocka_run_group_tests_name("cast: values", tests, v1_setup, NULL);
}
