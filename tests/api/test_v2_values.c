/* SPDX-License-Identifier: Apache-2.0 */
/* Values of V2, V3 and Nz, bit for bit, over the rows of successors pages 3.1 and 3.2: types, granularities,
 * storages, bias, INT8 output, quantisation words for scales. Profile a2 here; the others in
 * test_v2_profiles.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/v2_run.h"

static void test_plain_and_transposed(void **state)
{
    (void)state;
    static const int64_t ms[] = {1, 3, 16, 65}, ks[] = {2, 32, 66, 300, 1100}, ns[] = {2, 16, 34, 70};
    uint64_t seed = 777001;
    for (size_t i = 0; i < 4 * 5 * 4; i++) {
        v2_spec spec = {.m = ms[i % 4], .k = ks[i / 4 % 5], .n = ns[i / 20]};
        for (int v = 0; v < 16; v++) {
            spec.bf16 = v & 1;
            spec.offset = v & 2;
            spec.bias = i % 2;
            spec.weight = v & 4 ? V2_INT4 : V2_INT8;
            spec.storage = v & 8 ? V2_TRANSPOSED : V2_PLAIN;
            v2_try(&spec, &seed);
        }
    }
}

static void test_packed_words(void **state)
{
    (void)state;
    uint64_t seed = 777002;
    for (int v = 0; v < 16; v++) {
        v2_spec spec = {.m = 2 + v, .k = v & 1 ? 72 : 40, .n = v & 1 ? 40 : 64, .weight = V2_INT32};
        spec.storage = v & 2 ? V2_TRANSPOSED : V2_PLAIN;
        spec.group = v & 4 ? 32 : 0;
        spec.offset = v & 8;
        v2_try(&spec, &seed);
    }
}

static void test_groups(void **state)
{
    (void)state;
    static const int64_t ks[] = {64, 96, 100, 300, 1030}, groups[] = {32, 64, 96, 256};
    uint64_t seed = 777003;
    for (size_t i = 0; i < 5 * 4; i++) {
        v2_spec spec = {.k = ks[i % 5], .group = groups[i / 5]};
        if (spec.group >= spec.k)
            continue;
        for (int v = 0; v < 24; v++) {
            spec.m = v % 3 == 0 ? 1 : v % 3 == 1 ? 7 : 70;
            spec.n = v % 5 == 0 ? 18 : 66;
            spec.bf16 = v & 1;
            spec.offset = v & 2;
            spec.weight = v & 4 ? V2_INT4 : V2_INT8;
            spec.storage = v & 8 ? V2_TRANSPOSED : V2_PLAIN;
            spec.scale_transposed = spec.storage == V2_TRANSPOSED && v % 3 != 0;
            v2_try(&spec, &seed);
        }
    }
}

static void test_granularity(void **state)
{
    (void)state;
    uint64_t seed = 777004;
    for (int v = 0; v < 16; v++) {
        v2_spec spec = {.m = v & 1 ? 5 : 80,
                        .k = 66,
                        .n = 36,
                        .offset = v & 2,
                        .per_tensor = v & 4,
                        .scale_rank_2 = v & 8};
        spec.bias = v % 3 == 0;
        v2_try(&spec, &seed);
        spec.storage = V2_TRANSPOSED;
        spec.bf16 = true;
        v2_try(&spec, &seed);
    }
}

/* A2: per channel an NZ INT4 weight is transposed, per group it is not, g is 64 or 128; INT8 goes either way.
 */
static void test_nz(void **state)
{
    (void)state;
    uint64_t seed = 777005;
    for (int v = 0; v < 16; v++) {
        v2_spec spec = {.m = v & 1 ? 2 : 70, .k = v & 2 ? 128 : 256, .n = v & 4 ? 64 : 192, .bf16 = v & 8};
        spec.offset = v % 3 == 0;
        spec.storage = V2_NZ;
        spec.weight = V2_INT8;
        v2_try(&spec, &seed);
        spec.storage = V2_NZ_TRANSPOSED;
        v2_try(&spec, &seed);
        spec.weight = V2_INT4;
        v2_try(&spec, &seed);
        spec.storage = V2_NZ;
        spec.group = 64;
        v2_try(&spec, &seed);
    }
    /* ragged: the last block is padded */
    v2_spec ragged = {.m = 9, .k = 50, .n = 70, .storage = V2_NZ};
    v2_try(&ragged, &seed);
    ragged.storage = V2_NZ_TRANSPOSED;
    v2_try(&ragged, &seed);
}

static void test_int8_output(void **state)
{
    (void)state;
    uint64_t seed = 777006;
    for (int v = 0; v < 16; v++) {
        v2_spec spec = {.m = v & 1 ? 1 : 66,
                        .k = 90,
                        .n = 30,
                        .int8_out = true,
                        .bf16 = v & 2,
                        .offset = v & 4,
                        .bias = v & 8};
        spec.weight = v % 3 ? V2_INT8 : V2_INT4;
        v2_try(&spec, &seed);
    }
}

/* UINT64 scales: x FP16, weight INT8 transposed, k and n multiples of 64, m <= 96. */
static void test_words_for_scales(void **state)
{
    (void)state;
    uint64_t seed = 777007;
    for (int v = 0; v < 8; v++) {
        v2_spec spec = {.m = v & 1 ? 3 : 96,
                        .k = 128,
                        .n = v & 2 ? 64 : 192,
                        .storage = V2_TRANSPOSED,
                        .offset = v & 4,
                        .fixpipe = true,
                        .bias = v % 3 == 0};
        v2_try(&spec, &seed);
    }
}

/* Views that begin inside their storage: offsets count elements, nibbles of INT4. */
static void test_weight_offsets(void **state)
{
    (void)state;
    uint64_t seed = 777011;
    for (int v = 0; v < 16; v++) {
        v2_spec spec = {.m = v & 1 ? 3 : 66, .k = 66, .n = 34, .weight_offset = v & 2 ? 1 : 8};
        spec.weight = v & 4 ? V2_INT4 : V2_INT8;
        spec.storage = v & 8 ? V2_TRANSPOSED : V2_PLAIN;
        v2_try(&spec, &seed);
    }
}

static void test_v3(void **state)
{
    (void)state;
    uint64_t seed = 777008;
    for (int precise = 0; precise < 2; precise++) {
        v2_spec spec = {.m = 4,
                        .k = 64,
                        .n = 32,
                        .op = V2_OP_V3,
                        .inner_precise = precise,
                        .group = 32,
                        .weight = V2_INT4};
        v2_try(&spec, &seed);
    }
}

static void test_transposed_x(void **state)
{
    (void)state;
    uint64_t seed = 777009;
    for (int v = 0; v < 8; v++) {
        v2_spec spec = {.m = v & 1 ? 6 : 100,
                        .k = 70,
                        .n = 48,
                        .x_transposed = true,
                        .bf16 = v & 2,
                        .weight = v & 4 ? V2_INT4 : V2_INT8};
        v2_try(&spec, &seed);
    }
}

static void test_specials(void **state)
{
    (void)state;
    uint64_t seed = 777010;
    for (int v = 0; v < 16; v++) {
        v2_spec spec = {.m = v & 1 ? 20 : 70,
                        .k = 50,
                        .n = 40,
                        .specials = true,
                        .bf16 = v & 2,
                        .offset = v & 4,
                        .weight = v & 8 ? V2_INT4 : V2_INT8};
        v2_try(&spec, &seed);
        spec.storage = V2_TRANSPOSED;
        v2_try(&spec, &seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_and_transposed),
        cmocka_unit_test(test_packed_words),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_granularity),
        cmocka_unit_test(test_nz),
        cmocka_unit_test(test_int8_output),
        cmocka_unit_test(test_words_for_scales),
        cmocka_unit_test(test_v3),
        cmocka_unit_test(test_weight_offsets),
        cmocka_unit_test(test_transposed_x),
        cmocka_unit_test(test_specials),
    };
    return cmocka_run_group_tests(tests, v2_setup, NULL);
}
