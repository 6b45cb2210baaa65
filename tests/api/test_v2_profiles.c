/* SPDX-License-Identifier: Apache-2.0 */
/* Values of V2, V3 and Nz on the profiles 310p, 950 and any (successors pages 3.1, 3.5), each in a process of
 * its own, since ANTIQUANT_PROFILE is read once; and the same bits for any number of threads and CPU level.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/child.h"
#include "support/sanitizer.h"
#include "support/v1.h"
#include "support/v2_run.h"

/* With the thread sanitizer fewer: api_stress has the threads, here the kernels only take longer. */
enum { CALLS = UNDER_THREAD_SANITIZER ? 400 : 4000 };

/* A failed assertion outside cmocka's runner ends the child, and run_on sees that. */

static void body_310p(void *result)
{
    uint64_t seed = 310001;
    v2_setup(NULL);
    for (int v = 0; v < 12; v++) {
        v2_spec spec = {.m = v % 3 == 0 ? 96 : 5, .k = 50, .n = 34, .offset = v & 1, .bias = v & 2};
        spec.storage = v % 3 == 0 ? V2_PLAIN : v % 3 == 1 ? V2_TRANSPOSED : V2_NZ_TRANSPOSED;
        spec.nz_is_n_k = spec.storage == V2_NZ_TRANSPOSED;
        v2_try(&spec, &seed);
        spec.x_batch = v & 4 ? 1 : 3; /* x (1,m,k), weight (3,k,n) and the like */
        spec.weight_batch = v & 4 ? 3 : v & 8 ? 1 : 3;
        v2_try(&spec, &seed);
    }
    *(int *)result = 1;
}

static void body_950(void *result)
{
    uint64_t seed = 950001;
    v2_setup(NULL);
    for (int v = 0; v < 16; v++) {
        v2_spec spec = {.m = v & 1 ? 3 : 66, .k = 96, .n = 32, .bf16 = v & 2, .bias = v & 4};
        spec.storage = v & 8 ? V2_TRANSPOSED : V2_PLAIN;
        spec.scale_rank_2 = true;
        spec.scale_transposed = v & 8;
        spec.bias_float = spec.bf16; /* the float weights take a bias of x's type only */
        spec.weight = V2_F8E4M3;
        v2_try(&spec, &seed);
        spec.weight = V2_HIF8;
        v2_try(&spec, &seed);
        spec.weight = V2_F4E2M1;
        spec.mx = true;
        spec.group = 32;
        spec.weight_offset = v & 1 ? 3 : 0;
        v2_try(&spec, &seed);
        spec.weight_offset = 0;
        spec.weight = V2_F4_FLOAT;
        v2_try(&spec, &seed);
    }
    for (int v = 0; v < 8;
         v++) { /* the Nz entry point: INT8 per channel, INT4, FP4 with MX or 16-bit scales */
        v2_spec spec = {
            .op = V2_OP_NZ, .m = v & 1 ? 2 : 70, .k = 128, .n = 64, .bf16 = v & 2, .storage = V2_NZ};
        v2_try(&spec, &seed);
        spec.weight = V2_INT4;
        spec.c0 = 16;
        spec.offset = v & 4;
        spec.group = 64;
        v2_try(&spec, &seed);
        spec.weight = V2_F4E2M1;
        spec.offset = false;
        v2_try(&spec, &seed);
        spec.group = 32;
        spec.mx = true;
        v2_try(&spec, &seed);
    }
    *(int *)result = 1;
}

static void body_any(void *result)
{
    uint64_t seed = 999001;
    v2_setup(NULL);
    for (int v = 0; v < 32; v++) { /* any group, odd axes, NZ either way, per-tensor NZ, any bias */
        v2_spec spec = {.m = v & 1 ? 4 : 67, .k = 45, .n = 21, .bf16 = v & 2, .offset = v & 4, .bias = true};
        spec.group = v & 8 ? 7 : 0;
        spec.weight = v & 16 ? V2_INT4 : V2_INT8;
        spec.storage = (v2_storage)(v % 4);
        spec.per_tensor = v % 5 == 0 && spec.group == 0;
        spec.bias_float = v % 3 == 0;
        spec.int8_out = v % 7 == 0;
        v2_try(&spec, &seed);
    }
    for (int v = 0; v < 4; v++) { /* batches, and more columns than a2 takes */
        v2_spec spec = {.m = 3, .k = 20, .n = 18, .x_batch = v & 1 ? 4 : 1, .weight_batch = v & 2 ? 4 : 1};
        v2_try(&spec, &seed);
    }
    v2_spec wide = {.m = 1, .k = 4, .n = 70000, .weight = V2_INT4};
    v2_try(&wide, &seed);
    *(int *)result = 1;
}

/* A random call that profile any takes; m in 1..80, k in 1..200, n in 1..100. */
static v2_spec random_spec(uint64_t *seed)
{
    uint64_t r = v1_random(seed), flags = v1_random(seed);
    v2_spec spec = {
        .m = 1 + (int64_t)(r % 80), .k = 1 + (int64_t)(r >> 8) % 200, .n = 1 + (int64_t)(r >> 20) % 100};
    spec.weight = (v2_weight_type)(r >> 32) % 3;
    if (spec.weight == V2_INT32) { /* whole words along the inner axis */
        spec.k = (spec.k + 7) / 8 * 8;
        spec.n = (spec.n + 7) / 8 * 8;
    }
    spec.storage = (v2_storage)((r >> 36) % (spec.weight == V2_INT32 ? 2 : 4));
    spec.group = flags & 1 ? 1 + (int64_t)(r >> 40) % 70 : 0;
    spec.bf16 = flags & 2;
    spec.offset = flags & 4;
    spec.bias = flags & 8;
    spec.bias_float = flags & 16;
    spec.int8_out = flags & 32 && flags & 64;
    spec.per_tensor = flags & 128 && flags & 256 && spec.group == 0;
    spec.scale_rank_2 = flags & 512;
    bool turned = spec.storage == V2_TRANSPOSED || spec.storage == V2_NZ_TRANSPOSED;
    spec.scale_transposed = turned && spec.group > 0 && flags & 1024;
    spec.x_transposed = flags & 2048;
    spec.specials = flags & 4096 && flags & 8192 && flags & 16384;
    spec.op = (v2_op)((r >> 50) % 2);
    return spec;
}

static void body_random(void *result)
{
    uint64_t seed = 424242;
    v2_setup(NULL);
    for (int i = 0; i < CALLS; i++) {
        v2_spec spec = random_spec(&seed);
        v2_try(&spec, &seed);
    }
    *(int *)result = 1;
}

/* The same in modes exact and fast, most groups such that integers take them. */
static void body_numerics(void *result)
{
    uint64_t seed = 535353;
    v2_setup(NULL);
    for (int i = 0; i < CALLS; i++) {
        v2_spec spec = random_spec(&seed);
        uint64_t r = v1_random(&seed);
        spec.numerics = r & 1 ? "exact" : "fast";
        spec.m = r & 2 ? 1 + spec.m % 5 : spec.m;
        spec.k = r & 4 ? 3 * spec.k : spec.k;
        if (spec.group > 0 && r & 24)
            spec.group = 32 * (1 + (int64_t)(r >> 8) % 9);
        if (r >> 16 & 1 && spec.weight != V2_INT32 && !spec.x_transposed && spec.storage < V2_NZ &&
            !spec.int8_out) {
            spec.x_batch = r & 32 ? 3 : 1;
            spec.weight_batch = r & 64 && spec.group == 0 ? 3 : 1;
        }
        v2_try(&spec, &seed);
    }
    for (int v = 0; v < 8; v++) { /* floats are no integers, and quantisation words for scales are */
        v2_spec spec = {.m = v & 1 ? 3 : 66, .k = 128, .n = 64, .numerics = v & 2 ? "exact" : "fast"};
        spec.storage = V2_TRANSPOSED;
        spec.bias = v & 4;
        spec.weight = V2_F8E4M3;
        spec.scale_rank_2 = true;
        v2_try(&spec, &seed);
        spec.weight = V2_INT8;
        spec.scale_rank_2 = false;
        spec.fixpipe = true;
        spec.offset = v & 4;
        v2_try(&spec, &seed);
    }
    *(int *)result = 1;
}

static void run_on(const char *profile, const char *other, void (*body)(void *result))
{
    char variable[64];
    int done = 0;
    snprintf(variable, sizeof variable, "ANTIQUANT_PROFILE=%s", profile);
    const char *variables[] = {variable, other, NULL};
    assert_int_equal(in_child(variables, body, &done, sizeof done), 0);
    assert_int_equal(done, 1);
}

static void test_310p(void **state)
{
    (void)state;
    run_on("310p", NULL, body_310p);
}

static void test_950(void **state)
{
    (void)state;
    run_on("950", NULL, body_950);
}

static void test_any(void **state)
{
    (void)state;
    run_on("any", NULL, body_any);
    run_on("any", "ANTIQUANT_THREADS=1", body_any);
    run_on("any", "ANTIQUANT_CPU=scalar", body_any);
}

static void test_random(void **state)
{
    (void)state;
    run_on("any", NULL, body_random);
}

static void test_numerics(void **state)
{
    (void)state;
    run_on("any", NULL, body_numerics);
    run_on("any", "ANTIQUANT_CPU=scalar", body_numerics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_310p),   cmocka_unit_test(test_950),      cmocka_unit_test(test_any),
        cmocka_unit_test(test_random), cmocka_unit_test(test_numerics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
