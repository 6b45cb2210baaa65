/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's floating-point environment (rounding, traps; flushed subnormals on x86) changes no result,
 * whether a stream's worker, the pool or, with ANTIQUANT_SYNC=1, the caller's own thread computes. */
#include <fenv.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "aclnnop/aclnn_cast.h"
#include "aclnnop/aclnn_trans_quant_param.h"
#include "support/child.h"
#include "support/v1.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

enum { M = 70, K = 600, N = 200, CASTS = 5 };

typedef struct results {
    int failed;
    uint16_t composed[M * N], fixpipe[5 * N];
    double widened[CASTS];
    float narrowed[CASTS];
    uint64_t words[16];
} results;

static uint16_t x[M * K], add[N];
static int8_t w[K * N], diagonal[1024];
static int32_t offset[N];
static uint64_t scale[N];

static int cast(aclDataType from, const void *source, aclDataType to, void *target)
{
    aclTensor *self = v1_tensor(from, (void *)source, 1, (int64_t)CASTS),
              *out = v1_tensor(to, target, 1, (int64_t)CASTS);
    uint64_t size;
    aclOpExecutor *executor;
    int status = aclnnCastGetWorkspaceSize(self, to, out, &size, &executor);
    if (status == 0)
        status = aclnnCast(NULL, 0, executor, NULL);
    aclDestroyTensor(self);
    aclDestroyTensor(out);
    return status != 0 ? status : aclrtSynchronizeStream(NULL);
}

static int multiply(int64_t m, uint16_t *out)
{
    v1_call call = {.scale = 0.37f, .offset = 1.3f};
    call.t[V1_X1] = v1_tensor(ACL_FLOAT16, x, 2, m, (int64_t)K);
    call.t[V1_X2] = v1_tensor(ACL_INT8, w, 2, (int64_t)K, (int64_t)N);
    call.t[V1_DIAGONAL] = v1_tensor(ACL_INT8, diagonal, 2, (int64_t)32, (int64_t)32);
    call.t[V1_OFFSET] = v1_tensor(ACL_INT32, offset, 1, (int64_t)N);
    call.t[V1_SCALE] = v1_tensor(ACL_UINT64, scale, 1, (int64_t)N);
    call.t[V1_ADD] = v1_tensor(ACL_FLOAT16, add, 1, (int64_t)N);
    call.t[V1_OUT] = v1_tensor(ACL_FLOAT16, out, 2, m, (int64_t)N);
    int status = v1_run(&call);
    v1_destroy(&call);
    return status;
}

static void compute(results *r)
{
    static const float tiny[CASTS] = {1e-40f, -1e-44f, 1.5f, 0x1.fffffep-127f, NAN};
    static const double wide[CASTS] = {0x1.0000001p0, -0x1.0000001p0, 0x1.ffffffp-130, 1e-45, NAN};
    static const float params[3] = {1.0f, 2.5f, NAN};
    uint64_t seed = 31, *words = NULL, count = 0;
    for (int i = 0; i < M * K; i++)
        x[i] = v1_random_half(&seed);
    x[5] = 0x7E00; /* a NaN: no trap */
    for (int i = 0; i < K * N; i++)
        w[i] = (int8_t)v1_random(&seed);
    for (int i = 0; i < 32; i++)
        diagonal[i * 33] = 1;
    for (int j = 0; j < N; j++) {
        add[j] = v1_random_half(&seed);
        scale[j] = v1_word((float)(1 + v1_random(&seed) % 900) * 0x1p-16f);
    }
    r->failed = aclrtSetDevice(0);
    r->failed |= multiply(M, r->composed) | multiply(5, r->fixpipe);
    r->failed |=
        cast(ACL_FLOAT, tiny, ACL_DOUBLE, r->widened) | cast(ACL_DOUBLE, wide, ACL_FLOAT, r->narrowed);
    r->failed |= aclnnTransQuantParam(params, 3, params, 3, &words, &count);
    memcpy(r->words, words, sizeof r->words);
    free(words);
}

static void plainly(void *result)
{
    compute(result);
}

static void rounding_up(void *result)
{
    fesetround(FE_UPWARD);
    compute(result);
    if (fegetround() != FE_UPWARD)
        ((results *)result)->failed = 1; /* the caller's environment is the caller's */
}

static void trapping(void *result)
{
    feclearexcept(FE_ALL_EXCEPT);
    feenableexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW);
    compute(result);
}

#if defined(__x86_64__)
static void flushing(void *result)
{
    _mm_setcsr(_mm_getcsr() | 0x8040u); /* FTZ and DAZ, as -ffast-math programs start */
    compute(result);
}
#endif

static void test_environments(void **state)
{
    (void)state;
    static void (*const bodies[])(void *) = {
        plainly,
        rounding_up,
        trapping,
#if defined(__x86_64__)
        flushing
#endif
    };
    static const char *const settings[] = {"ANTIQUANT_SYNC=0", "ANTIQUANT_SYNC=1"};
    static results expected, got;
    const char *variables[] = {"ANTIQUANT_THREADS=2", NULL, NULL};
    assert_int_equal(in_child(variables, plainly, &expected, sizeof expected), 0);
    assert_int_equal(expected.failed, 0);
    assert_true(expected.widened[0] == (double)1e-40f);
    for (size_t b = 0; b < sizeof bodies / sizeof bodies[0]; b++)
        for (int s = 0; s < 2; s++) {
            variables[1] = settings[s];
            if (in_child(variables, bodies[b], &got, sizeof got) != 0 || got.failed)
                fail_msg("environment %d with %s ends the process or fails", (int)b, settings[s]);
            if (memcmp(&got, &expected, sizeof got) != 0)
                fail_msg("environment %d with %s changes results", (int)b, settings[s]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_environments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
