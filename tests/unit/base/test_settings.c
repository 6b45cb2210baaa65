/* SPDX-License-Identifier: Apache-2.0 */
/* Each variable of runtime page 4.8: unset, empty, valid at both ends, invalid. The environment is read once
 * per process, so every case is a process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl_rt.h"
#include "base/settings.h"
#include "support/child.h"

/* What survives the child: strings are copied. */
typedef struct seen {
    aq_settings settings;
    bool has_cpu, has_kernel, has_trace, same_again;
    char cpu[256], kernel[256], trace[8192];
} seen;

static void look(void *result)
{
    seen *out = result;
    const aq_settings *settings = aq_settings_get();
    /* later changes must not matter */
    setenv("ANTIQUANT_CPU", "changed", 1);
    setenv("ANTIQUANT_KERNEL", "changed", 1);
    setenv("ANTIQUANT_THREADS", "999", 1);
    out->same_again = aq_settings_get() == settings;
    out->settings = *settings;
    out->has_cpu = settings->cpu != NULL;
    out->has_kernel = settings->kernel != NULL;
    out->has_trace = settings->trace != NULL;
    snprintf(out->trace, sizeof out->trace, "%s", settings->trace ? settings->trace : "");
    snprintf(out->cpu, sizeof out->cpu, "%s", settings->cpu ? settings->cpu : "");
    snprintf(out->kernel, sizeof out->kernel, "%s", settings->kernel ? settings->kernel : "");
}

static seen with(const char *const *variables)
{
    seen result;
    assert_int_equal(in_child(variables, look, &result, sizeof result), 0);
    assert_true(result.same_again);
    return result;
}

#define WITH(...) with((const char *const[]){__VA_ARGS__, NULL})

static void assert_defaults(const seen *s)
{
    assert_false(s->has_cpu);
    assert_false(s->has_kernel);
    assert_int_equal(s->settings.threads, 0);
    assert_int_equal(s->settings.numerics, AQ_NUMERICS_NPU);
    assert_int_equal(s->settings.chip, AQ_CHIP_A2);
    assert_false(s->settings.device_status);
    assert_int_equal(s->settings.devices, 1);
    assert_false(s->settings.synchronous);
    assert_false(s->settings.guard);
    assert_int_equal(s->settings.verbose, 0);
    assert_int_equal(s->settings.stream_rows, -1);
    assert_false(s->has_trace);
}

static void test_unset_and_empty(void **state)
{
    (void)state;
    seen unset = with((const char *const[]){NULL});
    assert_defaults(&unset);
    assert_string_equal(unset.settings.invalid, "");
    seen empty = WITH("ANTIQUANT_CPU=", "ANTIQUANT_KERNEL=", "ANTIQUANT_THREADS=", "ANTIQUANT_NUMERICS=",
                      "ANTIQUANT_PROFILE=", "ANTIQUANT_STATUS=", "ANTIQUANT_DEVICES=", "ANTIQUANT_SYNC=",
                      "ANTIQUANT_VERBOSE=", "ANTIQUANT_GUARD=", "ANTIQUANT_TRACE=", "ANTIQUANT_STREAM_ROWS=");
    assert_defaults(&empty);
    assert_string_equal(empty.settings.invalid, "");
}

static void test_valid(void **state)
{
    (void)state;
    seen s = WITH("ANTIQUANT_CPU=avx2", "ANTIQUANT_KERNEL=gemv_x", "ANTIQUANT_THREADS=1024",
                  "ANTIQUANT_NUMERICS=npu", "ANTIQUANT_STATUS=device", "ANTIQUANT_DEVICES=64",
                  "ANTIQUANT_SYNC=1", "ANTIQUANT_VERBOSE=2", "ANTIQUANT_GUARD=1", "ANTIQUANT_STREAM_ROWS=0");
    assert_string_equal(s.cpu, "avx2");
    assert_string_equal(s.kernel, "gemv_x");
    assert_int_equal(s.settings.threads, 1024);
    assert_true(s.settings.device_status);
    assert_int_equal(s.settings.devices, 64);
    assert_int_equal(s.settings.stream_rows, 0);
    assert_true(s.settings.synchronous);
    assert_true(s.settings.guard);
    assert_int_equal(s.settings.verbose, 2);
    assert_string_equal(s.settings.invalid, "");
    s = WITH("ANTIQUANT_CPU=best", "ANTIQUANT_THREADS=1", "ANTIQUANT_STATUS=documented",
             "ANTIQUANT_DEVICES=1", "ANTIQUANT_SYNC=0", "ANTIQUANT_VERBOSE=0", "ANTIQUANT_NUMERICS=fast");
    assert_false(s.has_cpu);
    assert_int_equal(s.settings.numerics, AQ_NUMERICS_FAST);
    assert_int_equal(s.settings.threads, 1);
    assert_string_equal(s.settings.invalid, "");
}

/* Names as ANTIQUANT_PROFILE takes them, and what aclrtGetSocName says: operators page 3.1. */
static void look_at_chip(void *result)
{
    snprintf(result, 64, "%d %s", (int)aq_settings_get()->chip, aclrtGetSocName());
}

static void test_profiles(void **state)
{
    (void)state;
    static const struct {
        const char *variable;
        aq_chip chip;
        const char *soc;
    } cases[] = {
        {"ANTIQUANT_PROFILE=", AQ_CHIP_A2, "Ascend910B3"},
        {"ANTIQUANT_PROFILE=a2", AQ_CHIP_A2, "Ascend910B3"},
        {"ANTIQUANT_PROFILE=310p", AQ_CHIP_310P, "Ascend310P3"},
        {"ANTIQUANT_PROFILE=a3", AQ_CHIP_A3, "Ascend910_9392"},
        {"ANTIQUANT_PROFILE=950", AQ_CHIP_950, "Ascend950"},
        {"ANTIQUANT_PROFILE=any", AQ_CHIP_ANY, "Ascend910B3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char seen_text[64], expected[64];
        const char *const variables[] = {cases[i].variable, NULL};
        assert_int_equal(in_child(variables, look_at_chip, seen_text, sizeof seen_text), 0);
        snprintf(expected, sizeof expected, "%d %s", (int)cases[i].chip, cases[i].soc);
        assert_string_equal(seen_text, expected);
    }
}

/* Names are not judged here, whatever they are. */
static void test_unknown_names_are_kept(void **state)
{
    (void)state;
    seen s = WITH("ANTIQUANT_CPU=z80", "ANTIQUANT_KERNEL=nonsense");
    assert_string_equal(s.cpu, "z80");
    assert_string_equal(s.kernel, "nonsense");
    assert_string_equal(s.settings.invalid, "");
    char variable[400] = "ANTIQUANT_KERNEL=";
    memset(variable + 17, 'k', 300);
    s = WITH(variable);
    assert_int_equal(strspn(s.kernel, "k"), 127);
}

static void test_invalid(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"ANTIQUANT_THREADS=0",
         "ANTIQUANT_THREADS=\"0\" is not valid; valid values: a whole number from 1 to 1024"},
        {"ANTIQUANT_THREADS=1025",
         "ANTIQUANT_THREADS=\"1025\" is not valid; valid values: a whole number from 1 to 1024"},
        {"ANTIQUANT_THREADS=-1",
         "ANTIQUANT_THREADS=\"-1\" is not valid; valid values: a whole number from 1 to 1024"},
        {"ANTIQUANT_THREADS=4x",
         "ANTIQUANT_THREADS=\"4x\" is not valid; valid values: a whole number from 1 to 1024"},
        {"ANTIQUANT_THREADS= 4",
         "ANTIQUANT_THREADS=\" 4\" is not valid; valid values: a whole number from 1 to 1024"},
        {"ANTIQUANT_THREADS=4294967297",
         "ANTIQUANT_THREADS=\"4294967297\" is not valid; valid values: a whole number from 1 to 1024"},
        {"ANTIQUANT_STREAM_ROWS=1000001",
         "ANTIQUANT_STREAM_ROWS=\"1000001\" is not valid; valid values: a whole number from 0 to 1000000"},
        {"ANTIQUANT_NUMERICS=NPU", "ANTIQUANT_NUMERICS=\"NPU\" is not valid; valid values: npu, exact, fast"},
        {"ANTIQUANT_PROFILE=A2",
         "ANTIQUANT_PROFILE=\"A2\" is not valid; valid values: a2, 310p, a3, 950, any"},
        {"ANTIQUANT_STATUS=dev", "ANTIQUANT_STATUS=\"dev\" is not valid; valid values: documented, device"},
        {"ANTIQUANT_DEVICES=65",
         "ANTIQUANT_DEVICES=\"65\" is not valid; valid values: a whole number from 1 to 64"},
        {"ANTIQUANT_DEVICES=0",
         "ANTIQUANT_DEVICES=\"0\" is not valid; valid values: a whole number from 1 to 64"},
        {"ANTIQUANT_SYNC=2", "ANTIQUANT_SYNC=\"2\" is not valid; valid values: 0, 1"},
        {"ANTIQUANT_SYNC=true", "ANTIQUANT_SYNC=\"true\" is not valid; valid values: 0, 1"},
        {"ANTIQUANT_GUARD=yes", "ANTIQUANT_GUARD=\"yes\" is not valid; valid values: 0, 1"},
        {"ANTIQUANT_VERBOSE=3", "ANTIQUANT_VERBOSE=\"3\" is not valid; valid values: 0, 1, 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        seen s = WITH(cases[i][0]);
        assert_string_equal(s.settings.invalid, cases[i][1]);
        assert_defaults(&s);
    }
}

/* A path is kept as it is; whether it can be written is not judged here. */
static void test_trace(void **state)
{
    (void)state;
    seen s = WITH("ANTIQUANT_TRACE=/no where/\"t\".json");
    assert_string_equal(s.trace, "/no where/\"t\".json");
    assert_string_equal(s.settings.invalid, "");
    char variable[16 + 4096 + 1] = "ANTIQUANT_TRACE=";
    memset(variable + 16, 'p', 4095);
    s = WITH(variable);
    assert_string_equal(s.trace, variable + 16);
    variable[16 + 4095] = 'p';
    s = WITH(variable);
    assert_defaults(&s);
    assert_non_null(strstr(s.settings.invalid, "the path of a file, at most 4095 bytes long"));
}

static void test_first_complaint_stays_and_others_are_read(void **state)
{
    (void)state;
    seen s = WITH("ANTIQUANT_THREADS=many", "ANTIQUANT_SYNC=5", "ANTIQUANT_VERBOSE=1");
    assert_non_null(strstr(s.settings.invalid, "ANTIQUANT_THREADS=\"many\""));
    assert_null(strstr(s.settings.invalid, "SYNC"));
    assert_int_equal(s.settings.verbose, 1);
}

static void test_hostile_value_is_shown_harmlessly(void **state)
{
    (void)state;
    seen s = WITH("ANTIQUANT_STATUS=a\"b\n\x1b[31m\xff");
    assert_string_equal(s.settings.invalid,
                        "ANTIQUANT_STATUS=\"a?b??[31m?\" is not valid; valid values: documented, device");
    char variable[5000] = "ANTIQUANT_STATUS=";
    memset(variable + strlen(variable), 'd', 4000);
    s = WITH(variable);
    assert_string_equal(s.settings.invalid,
                        "ANTIQUANT_STATUS=\"dddddddddddddddddddddddddddddddddddddddd...\" is not "
                        "valid; valid values: documented, device");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unset_and_empty),
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_unknown_names_are_kept),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_first_complaint_stays_and_others_are_read),
        cmocka_unit_test(test_hostile_value_is_shown_harmlessly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
