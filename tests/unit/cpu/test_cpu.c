/* SPDX-License-Identifier: Apache-2.0 */
/* CPU levels against what /proc/cpuinfo says, the override, the affinity mask. The machine is looked at once
 * per process, so every look is a process. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "cpu/cpu.h"
#include "support/child.h"

typedef struct seen {
    bool supported[AQ_CPU_LEVELS], possible[AQ_CPU_LEVELS];
    aq_cpu_level best, in_use;
    char invalid[512];
    int cpus;
    size_t l1d_bytes, l2_bytes;
} seen;

static void look(void *result)
{
    seen *out = result;
    for (int i = 0; i < AQ_CPU_LEVELS; i++) {
        out->possible[i] = aq_cpu_level_possible((aq_cpu_level)i);
        out->supported[i] = aq_cpu_level_supported((aq_cpu_level)i);
        if (out->supported[i])
            out->best = (aq_cpu_level)i;
    }
    out->in_use = aq_cpu_level_in_use();
    snprintf(out->invalid, sizeof out->invalid, "%s", aq_cpu_invalid());
    out->cpus = aq_cpu_count();
    out->l1d_bytes = aq_cpu_l1d_bytes();
    out->l2_bytes = aq_cpu_l2_bytes();
}

static void look_on_one_cpu(void *result)
{
    cpu_set_t mask;
    sched_getaffinity(0, sizeof mask, &mask);
    int first = 0;
    while (!CPU_ISSET(first, &mask))
        first++;
    CPU_ZERO(&mask);
    CPU_SET(first, &mask);
    sched_setaffinity(0, sizeof mask, &mask);
    look(result);
}

static seen with(const char *variable)
{
    seen result;
    const char *const variables[] = {variable, NULL};
    assert_int_equal(in_child(variables, look, &result, sizeof result), 0);
    return result;
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(aq_cpu_level_name(AQ_CPU_SCALAR), "scalar");
#if defined(__x86_64__)
    assert_int_equal(AQ_CPU_LEVELS, 6);
    assert_string_equal(aq_cpu_level_name(AQ_CPU_AVX2), "avx2");
    assert_string_equal(aq_cpu_level_name(AQ_CPU_AVXVNNI), "avxvnni");
    assert_string_equal(aq_cpu_level_name(AQ_CPU_AVX512), "avx512");
    assert_string_equal(aq_cpu_level_name(AQ_CPU_VNNI), "avx512vnni");
    assert_string_equal(aq_cpu_level_name(AQ_CPU_AMX), "amx");
    assert_string_equal(aq_cpu_level_instructions(AQ_CPU_AVX2), "AVX2, FMA, F16C");
#endif
    for (int i = 0; i < AQ_CPU_LEVELS; i++)
        assert_true(strlen(aq_cpu_level_instructions((aq_cpu_level)i)) > 0);
}

#if defined(__x86_64__)
/* The kernel lists only what it lets programs use. */
static bool kernel_lists(const char *const *flags)
{
    static char line[16384];
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file)
        skip();
    bool found = false;
    while (!found && fgets(line, sizeof line, file))
        found = strncmp(line, "flags", 5) == 0;
    fclose(file);
    if (!found)
        skip();
    line[strcspn(line, "\n")] = ' ';
    for (; *flags; flags++) {
        char word[32];
        snprintf(word, sizeof word, " %s ", *flags);
        if (!strstr(line, word))
            return false;
    }
    return true;
}
#endif

static void test_supported_as_the_system_says(void **state)
{
    (void)state;
    seen s = with("ANTIQUANT_CPU=");
    assert_true(s.supported[AQ_CPU_SCALAR]);
#if defined(__x86_64__)
    bool avx2 = kernel_lists((const char *const[]){"avx2", "fma", "f16c", NULL});
    bool avx512 = kernel_lists((const char *const[]){"avx512f", "avx512bw", "avx512dq", "avx512vl", NULL});
    assert_int_equal(s.supported[AQ_CPU_AVX2], avx2);
    assert_int_equal(s.supported[AQ_CPU_AVX512], avx2 && avx512);
    bool avxvnni = kernel_lists((const char *const[]){"avx_vnni", NULL});
    assert_int_equal(s.supported[AQ_CPU_AVXVNNI], avx2 && avxvnni);
    bool vnni = kernel_lists((const char *const[]){"avx512_vnni", NULL});
    assert_int_equal(s.supported[AQ_CPU_VNNI], avx2 && avx512 && vnni);
    bool amx = kernel_lists((const char *const[]){"amx_tile", "amx_int8", NULL});
    assert_int_equal(s.possible[AQ_CPU_AMX], avx2 && avx512 && vnni && amx);
    for (int i = 0; i < AQ_CPU_LEVELS; i++)
        assert_true(i == AQ_CPU_AMX ? s.possible[i] || !s.supported[i] : s.possible[i] == s.supported[i]);
#endif
}

#if defined(__x86_64__)
typedef struct tiles {
    bool possible, supported, granted;
    aq_cpu_level in_use;
} tiles;

static bool tiles_granted(void)
{
    enum { GET_PERMISSION = 0x1022 /* ARCH_GET_XCOMP_PERM */, TILE_DATA = 18 };
    uint64_t states = 0;
    return syscall(SYS_arch_prctl, GET_PERMISSION, &states) == 0 && (states >> TILE_DATA & 1);
}

static void use_level(void *result)
{
    tiles *out = result;
    out->in_use = aq_cpu_level_in_use();
    out->possible = aq_cpu_level_possible(AQ_CPU_AMX);
    out->granted = tiles_granted();
    out->supported = aq_cpu_level_supported(AQ_CPU_AMX);
}

/* Too small for a signal frame with tiles, as programs have them that know AVX-512 at most. */
static void use_level_on_small_stack(void *result)
{
    static char stack[8192];
    if (sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL) == 0)
        use_level(result);
}

/* The system is asked where the level may come into use, and nowhere else. */
static void test_tiles_are_asked_for(void **state)
{
    (void)state;
    tiles t;
    const char *const lower[] = {"ANTIQUANT_CPU=avx2", NULL}, *const best[] = {NULL};
    assert_int_equal(in_child(lower, use_level, &t, sizeof t), 0);
    assert_false(t.granted);
    assert_int_equal(in_child(best, use_level, &t, sizeof t), 0);
    assert_int_equal(t.granted, t.supported);
    assert_int_equal(t.in_use == AQ_CPU_AMX, t.supported);
    if (!t.supported)
        skip();
    assert_int_equal(in_child(best, use_level_on_small_stack, &t, sizeof t), 0);
    assert_true(t.possible);
    assert_false(t.supported);
    assert_false(t.granted);
    assert_int_equal(t.in_use, AQ_CPU_VNNI);
}
#endif

static void test_best_is_the_default(void **state)
{
    (void)state;
    const char *const values[] = {"ANTIQUANT_CPU=", "ANTIQUANT_CPU=best"};
    for (size_t i = 0; i < 2; i++) {
        seen s = with(values[i]);
        assert_int_equal(s.in_use, s.best);
        assert_string_equal(s.invalid, "");
    }
}

static void test_override(void **state)
{
    (void)state;
    for (int i = 0; i < AQ_CPU_LEVELS; i++) {
        char variable[64], wanted[64];
        snprintf(variable, sizeof variable, "ANTIQUANT_CPU=%s", aq_cpu_level_name((aq_cpu_level)i));
        seen s = with(variable);
        if (s.supported[i]) {
            assert_int_equal(s.in_use, i);
            assert_string_equal(s.invalid, "");
        } else {
            assert_int_equal(s.in_use, s.best);
            snprintf(wanted, sizeof wanted, "%s (not on this CPU)", aq_cpu_level_name((aq_cpu_level)i));
            assert_non_null(strstr(s.invalid, wanted));
        }
    }
}

static void test_unknown_level(void **state)
{
    (void)state;
    seen s = with("ANTIQUANT_CPU=z80");
    assert_int_equal(s.in_use, s.best);
    const char *start = "ANTIQUANT_CPU=\"z80\" is not valid; valid values: best, scalar";
    assert_memory_equal(s.invalid, start, strlen(start));
    for (int i = 0; i < AQ_CPU_LEVELS; i++)
        assert_non_null(strstr(s.invalid, aq_cpu_level_name((aq_cpu_level)i)));
    s = with("ANTIQUANT_CPU=AVX2");
    assert_non_null(strstr(s.invalid, "\"AVX2\" is not valid"));
    s = with("ANTIQUANT_CPU=\"\n\x80zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz");
    assert_non_null(strstr(s.invalid, "=\"???zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz...\" is"));
}

static void test_affinity(void **state)
{
    (void)state;
    cpu_set_t mask;
    assert_int_equal(sched_getaffinity(0, sizeof mask, &mask), 0);
    seen s = with("ANTIQUANT_CPU=");
    assert_int_equal(s.cpus, CPU_COUNT(&mask));
    const char *const none[] = {NULL};
    assert_int_equal(in_child(none, look_on_one_cpu, &s, sizeof s), 0);
    assert_int_equal(s.cpus, 1);
}

/* On each CPU of the mask in turn; the mask of the first look counts. */
static void visit_all(void *result)
{
    cpu_set_t mask, one;
    sched_getaffinity(0, sizeof mask, &mask);
    bool right = aq_cpu_rank() >= 0 && aq_cpu_rank() < aq_cpu_count();
    for (int cpu = 0, rank = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &mask))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        right = right && sched_setaffinity(0, sizeof one, &one) == 0 && aq_cpu_rank() == rank++;
    }
    *(bool *)result = right;
}

static void test_rank(void **state)
{
    (void)state;
    bool right = false;
    const char *const none[] = {NULL};
    assert_int_equal(in_child(none, visit_all, &right, sizeof right), 0);
    assert_true(right);
}

static void test_caches_are_plausible(void **state)
{
    (void)state;
    seen s = with("ANTIQUANT_CPU=");
    assert_in_range(s.l1d_bytes, 4 << 10, 1 << 20);
    assert_in_range(s.l2_bytes, 64 << 10, 1 << 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_supported_as_the_system_says),
#if defined(__x86_64__)
        cmocka_unit_test(test_tiles_are_asked_for),
#endif
        cmocka_unit_test(test_best_is_the_default),
        cmocka_unit_test(test_override),
        cmocka_unit_test(test_unknown_level),
        cmocka_unit_test(test_affinity),
        cmocka_unit_test(test_rank),
        cmocka_unit_test(test_caches_are_plausible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
