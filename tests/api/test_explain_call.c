/* SPDX-License-Identifier: Apache-2.0 */
/* aq_explain_call: what phase 1 says of the same call, on any profile, and what it refuses itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "antiquant.h"
#include "support/child.h"
#include "support/message.h"
#include "support/v2_random.h"

enum { CALLS = 30000 };

static const char *const names[] = {"aclnnWeightQuantBatchMatmulV2", "V3", "Nz"};

static aq_call described(const v2_case *c)
{
    aq_call call = {.op = names[c->op],
                    .profile = c->profile,
                    .antiquant_group_size = c->group,
                    .inner_precise = c->inner};
    for (int i = 0; i < V2_TENSORS; i++) {
        const v2_tensor *t = &c->t[i];
        call.tensors[i] = (aq_call_tensor){.given = t->given,
                                           .dtype = (int)t->dtype,
                                           .format = (int)t->format,
                                           .rank = (size_t)t->rank,
                                           .dims = t->rank > 0 ? t->dims : NULL,
                                           .strides = t->strides,
                                           .storage_rank = (size_t)t->storage_rank,
                                           .storage_dims = t->storage_rank > 0 ? t->storage : NULL};
    }
    return call;
}

/* The text of phase 1 with another name in it. */
static void test_agrees_with_the_rules(void **state)
{
    (void)state;
    uint64_t random = 7;
    for (int i = 0; i < CALLS; i++) {
        v2_case c = v2_random(&random);
        c.no_workspace = c.no_executor = false;
        aq_call call = described(&c);
        aq_verdict verdict;
        (void)aclGetRecentErrMsg();
        assert_int_equal(aq_explain_call(&call, &verdict), 0);
        assert_null(aclGetRecentErrMsg());
        aq_v2_call checked;
        assert_int_equal(verdict.status, v2_verdict(&c, &checked));
        const char *message = aclGetRecentErrMsg();
        assert_int_equal(verdict.status == 0, verdict.message[0] == '\0');
        if (verdict.status == 0)
            continue;
        const char *ours = strstr(verdict.message, "GetWorkspaceSize: "), *theirs = strstr(message, "test: ");
        assert_non_null(ours);
        assert_string_equal(ours + strlen("GetWorkspaceSize: "), theirs + strlen("test: "));
        assert_non_null(strstr(message, verdict.argument));
        assert_non_null(strstr(message, verdict.rule));
        assert_non_null(strstr(message, verdict.actual));
        assert_non_null(strstr(message, verdict.nearest));
        assert_non_null(strstr(message, verdict.check));
    }
}

static void test_one_verdict(void **state)
{
    (void)state;
    v2_case c = v2_plain("a2", 4, 128, 63);
    c.t[V2_W].dtype = ACL_INT4;
    aq_call call = described(&c);
    for (int i = 0; i < AQ_CALL_TENSORS; i++)
        call.tensors[i].strides = NULL;
    aq_verdict verdict;
    assert_int_equal(aq_explain_call(&call, &verdict), 0);
    assert_int_equal(verdict.status, 161002);
    assert_string_equal(verdict.argument, "weight");
    assert_string_equal(verdict.actual, "n = 63");
    assert_string_equal(verdict.nearest, "n = 64");
    assert_string_equal(verdict.check, "operators page 3.3, check 4: even axis");
    assert_int_equal(strncmp(verdict.message, "EZ1001: aclnnWeightQuantBatchMatmulV2GetWorkspaceSize: ", 55),
                     0);
    call.profile = "any";
    assert_int_equal(aq_explain_call(&call, &verdict), 0);
    assert_int_equal(verdict.status, 0);
    assert_string_equal(verdict.message, "");
    call.profile = "310p";
    assert_int_equal(aq_explain_call(&call, &verdict), 0);
    assert_string_equal(verdict.check, "operators page 3.3, check 4: dtype");
    call.op = "Nz";
    assert_int_equal(aq_explain_call(&call, &verdict), 0);
    assert_int_equal(verdict.status, 361001);
}

static void test_misuse(void **state)
{
    (void)state;
    v2_case c = v2_plain("a2", 4, 128, 64);
    aq_call call = described(&c), broken = call;
    aq_verdict verdict = {.status = 77};
    assert_refused(aq_explain_call(NULL, &verdict), 161001, "call");
    assert_refused(aq_explain_call(&call, NULL), 161001, "verdict");
    broken.op = NULL;
    assert_refused(aq_explain_call(&broken, &verdict), 161001, "call->op");
    broken.op = "aclnnWeightQuantBatchMatmul";
    assert_refused(aq_explain_call(&broken, &verdict), 161002, "V2, V3, Nz");
    broken = call;
    broken.profile = "a4";
    assert_refused(aq_explain_call(&broken, &verdict), 161002, "a2, 310p, a3, 950, any");
    broken = call;
    broken.tensors[AQ_CALL_X].dims = NULL;
    assert_refused(aq_explain_call(&broken, &verdict), 161001, "dims");
    assert_int_equal(verdict.status, 77);
}

/* Without a profile the process's counts. */
static void explain_default(void *result)
{
    v2_case c = v2_plain("a2", 1, 65536, 8);
    aq_call call = described(&c);
    aq_verdict verdict;
    call.profile = NULL;
    int status = aq_explain_call(&call, &verdict);
    *(int *)result = status != 0 ? status : verdict.status;
}

static void test_default_profile(void **state)
{
    (void)state;
    int status;
    assert_int_equal(in_child((const char *const[]){NULL}, explain_default, &status, sizeof status), 0);
    assert_int_equal(status, 161002);
    assert_int_equal(in_child((const char *const[]){"ANTIQUANT_PROFILE=950", NULL}, explain_default, &status,
                              sizeof status),
                     0);
    assert_int_equal(status, 0);
    assert_int_equal(in_child((const char *const[]){"ANTIQUANT_PROFILE=951", NULL}, explain_default, &status,
                              sizeof status),
                     0);
    assert_int_equal(status, 561000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_profile), /* first: children read the environment, which is read once */
        cmocka_unit_test(test_agrees_with_the_rules),
        cmocka_unit_test(test_one_verdict),
        cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
