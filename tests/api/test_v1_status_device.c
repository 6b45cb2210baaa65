/* SPDX-License-Identifier: Apache-2.0 */
/* ANTIQUANT_STATUS=device: V1's null checks answer as the shipped library does (operator page 1.3, note). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "support/v1.h"

static uint64_t words[1024];

static v1_call legal_call(int64_t m)
{
    int64_t k = 4, n = 3, d = 32;
    return (v1_call){.t = {[V1_X1] = v1_tensor(ACL_FLOAT16, words, 2, m, k),
                           [V1_X2] = v1_tensor(ACL_INT8, words, 2, k, n),
                           [V1_DIAGONAL] = v1_tensor(ACL_INT8, words, 2, d, d),
                           [V1_OFFSET] = v1_tensor(ACL_INT32, words, 1, n),
                           [V1_SCALE] = v1_tensor(ACL_UINT64, words, 1, n),
                           [V1_ADD] = v1_tensor(ACL_FLOAT16, words, 1, n),
                           [V1_OUT] = v1_tensor(ACL_FLOAT16, words, 2, m, n)},
                     .scale = 1.0f};
}

static void test_nulls(void **state)
{
    (void)state;
    static const int required[] = {V1_X1, V1_X2, V1_DIAGONAL, V1_OFFSET, V1_SCALE, V1_OUT};
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        v1_call call = legal_call(2);
        aclDestroyTensor(call.t[required[i]]);
        call.t[required[i]] = NULL;
        uint64_t size;
        aclOpExecutor *executor;
        assert_int_equal(v1_phase1(&call, &size, &executor), 161002);
        assert_non_null(strstr(aclGetRecentErrMsg(), "null"));
        v1_destroy(&call);
    }
}

/* Null out-parameters, check 8 and phase 2 stay. */
static void test_what_stays(void **state)
{
    (void)state;
    v1_call call = legal_call(70);
    uint64_t size;
    aclOpExecutor *executor;
    assert_int_equal(v1_phase1(&call, NULL, &executor), 161001);
    assert_int_equal(v1_phase1(&call, &size, NULL), 161001);
    aclDestroyTensor(call.t[V1_ADD]);
    call.t[V1_ADD] = v1_tensor(ACL_FLOAT16, words, 2, (int64_t)3, (int64_t)1);
    assert_int_equal(v1_phase1(&call, &size, &executor), 561103);
    assert_int_equal(aclnnWeightQuantBatchMatmul(NULL, 0, NULL, NULL), 161001);
    v1_destroy(&call);
}

int main(void)
{
    setenv("ANTIQUANT_STATUS", "device", 1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nulls), cmocka_unit_test(test_what_stays)};
    return cmocka_run_group_tests(tests, v1_setup, NULL);
}
