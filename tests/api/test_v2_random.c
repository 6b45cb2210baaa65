/* SPDX-License-Identifier: Apache-2.0 */
/* Random calls of V2, V3 and Nz: the library's verdict is the model's, in status and in the check that is
 * named. AQ_TEST_SEED repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "support/child.h"
#include "support/v2_model.h"
#include "support/v2_random.h"

enum { CALLS = 240000, PUBLIC_CALLS = 20000 };

static uint64_t seed = 20260;

/* Of ": name" at the end of the page of a rule or of a message. */
static bool ends_with_check(const char *text, const char *check)
{
    const char *colon = text == NULL ? NULL : strrchr(text, ':');
    return colon != NULL && strlen(colon) > 2 && strcmp(colon + 2, check) == 0;
}

static void check_once(const v2_case *c, unsigned *reached, unsigned *legal)
{
    const char *check;
    int expected = v2_model(c, &check);
    aq_v2_call call;
    int status = v2_verdict(c, &call);
    const char *message = aclGetRecentErrMsg();
    if (status != expected)
        fail_msg("status %d, the model says %d (%s)\n%s\n%s", status, expected, check, v2_text(c),
                 message ? message : "");
    if (status == 0) {
        assert_null(message);
        (*legal)++;
        return;
    }
    if (!ends_with_check(message, check))
        fail_msg("the model says \"%s\"\n%s\n%s", check, v2_text(c), message ? message : "");
    assert_non_null(strstr(message, "\n    rule: "));
    assert_non_null(strstr(message, "\n    actual: "));
    for (size_t i = 0; i < aq_v2_rule_count(); i++)
        reached[i] += ends_with_check(aq_v2_rule_at(i)->page, check);
}

static void test_verdicts(void **state)
{
    (void)state;
    unsigned reached[64] = {0}, legal = 0;
    uint64_t random = seed;
    assert_true(aq_v2_rule_count() <= sizeof reached / sizeof reached[0]);
    for (int i = 0; i < CALLS; i++) {
        v2_case c = v2_random(&random);
        check_once(&c, reached, &legal);
    }
    print_message("%u of %d legal\n", legal, (int)CALLS);
    assert_true(legal > CALLS / 10);
    for (size_t i = 0; i < aq_v2_rule_count(); i++) {
        print_message("%8u %s\n", reached[i], aq_v2_rule_at(i)->page);
        assert_true(reached[i] > 0); /* else the calls are not random enough */
    }
}

/* ---- the entry points themselves, on each profile ---- */

typedef struct outcome {
    char fault[4096];
    unsigned legal;
} outcome;

static const char *profile;

static double operations(const v2_case *c)
{
    const v2_tensor *x = &c->t[V2_X], *y = &c->t[V2_Y];
    double product = (double)x->dims[x->rank - 1];
    for (int d = 0; d < y->rank; d++)
        product *= (double)y->dims[d];
    return product;
}

/* What phase 1 of an entry point does with c. "" or what is wrong. */
static const char *fault_of(const v2_case *c, unsigned *legal)
{
    const char *check;
    int expected = v2_model(c, &check);
    aclTensor *tensors[V2_TENSORS];
    v2_make(c, tensors);
    uint64_t size = 4711;
    aclOpExecutor *executor = (aclOpExecutor *)&size;
    int status = v2_phase1(c, tensors, c->no_workspace ? NULL : &size, c->no_executor ? NULL : &executor);
    v2_unmake(tensors);
    if (status != 0 && (size != 4711 || executor != (aclOpExecutor *)&size))
        return "an output was written";
    if (expected != 0) {
        const char *message = aclGetRecentErrMsg();
        return status != expected                 ? "wrong status"
               : !ends_with_check(message, check) ? (message ? message : "no message")
                                                  : "";
    }
    (*legal)++;
    if (status == 0 &&
        (aclSetAclOpExecutorRepeatable(executor) != 0 || aclDestroyAclOpExecutor(executor) != 0))
        return "no executor";
    /* Not on the page: work that no count of operations fits. */
    return status == 0 || (status == 161002 && operations(c) > 9e18) ? "" : "legal, and refused";
}

static void call_entry_points(void *result)
{
    outcome *out = result;
    uint64_t random = seed + 1;
    for (int i = 0; i < PUBLIC_CALLS; i++) {
        v2_case c = v2_random(&random);
        c.profile = profile;
        const char *fault = fault_of(&c, &out->legal);
        if (*fault == '\0')
            continue;
        snprintf(out->fault, sizeof out->fault, "%s: %s", fault, v2_text(&c));
        return;
    }
}

static void test_entry_points(void **state)
{
    (void)state;
    for (int p = 0; v2_profiles[p] != NULL; p++) {
        outcome out;
        char variable[64];
        profile = v2_profiles[p];
        snprintf(variable, sizeof variable, "ANTIQUANT_PROFILE=%s", profile);
        assert_int_equal(in_child((const char *const[]){variable, NULL}, call_entry_points, &out, sizeof out),
                         0);
        assert_string_equal(out.fault, "");
        assert_true(out.legal > PUBLIC_CALLS / 50);
    }
}

int main(void)
{
    if (getenv("AQ_TEST_SEED") != NULL)
        seed = strtoull(getenv("AQ_TEST_SEED"), NULL, 10);
    print_message("AQ_TEST_SEED=%llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry_points), /* first: children read the environment, which is read once */
        cmocka_unit_test(test_verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
