/* SPDX-License-Identifier: Apache-2.0 */
/* test_registry.c - the table of kernels and the choice from it. The environment is read once a process, so
 * each setting is tried in a child; the child answers 0 or the line whose check failed. The parent asks the
 * registry nothing that depends on the environment. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernels/registry.h"

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return __LINE__;                                                                                 \
    } while (0)

static const aq_kernel_query queries[] = {
    {.m = 1, .n = 384, .k = 384, .order = AQ_ORDER_P, .stride_k = 384, .stride_n = 1},
    {.m = 1, .n = 384, .k = 384, .order = AQ_ORDER_T, .stride_k = 1, .stride_n = 384},
    {.m = 64, .n = 17, .k = 31, .order = AQ_ORDER_P, .stride_k = 40, .stride_n = 3},
    {.m = 65,
     .n = 1,
     .k = 1,
     .order = AQ_ORDER_P,
     .recipe = AQ_RECIPE_COMPOSED,
     .stride_k = 1,
     .stride_n = 1},
    {.m = 256, .n = 384, .k = 1536, .order = AQ_ORDER_T, .recipe = AQ_RECIPE_COMPOSED, .stride_k = 1},
    {.m = 1, .n = 384, .k = 384, .order = AQ_ORDER_T, .stride_k = 1, .stride_n = 384, .exact = true},
    {.m = 9,
     .n = 100,
     .k = 256,
     .order = AQ_ORDER_P,
     .recipe = AQ_RECIPE_SCALED,
     .stride_k = 100,
     .stride_n = 1,
     .half = AQ_BF16,
     .type = AQ_S4,
     .group = 32,
     .exact = true},
    {.m = 9,
     .n = 100,
     .k = 256,
     .order = AQ_ORDER_P,
     .recipe = AQ_RECIPE_SCALED,
     .stride_k = 100,
     .stride_n = 1,
     .type = AQ_F8E4M3,
     .exact = true},
};
enum { QUERIES = sizeof queries / sizeof queries[0] };

/* The last of a role: no stream kernel need be there, the others have one for any CPU. */
static const aq_kernel *reference_of(aq_role role)
{
    const aq_kernel *last = NULL;
    for (size_t i = 0; i < aq_kernel_table_size(); i++)
        if (aq_kernel_at(i)->role == role)
            last = aq_kernel_at(i);
    return last;
}

static const aq_kernel *reference(void)
{
    return reference_of(AQ_ROLE_GEMM);
}

/* Runs the scenario in a child with the two variables as given; returns what it returns. */
static int in_child(int (*scenario)(void), const char *cpu, const char *kernel)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        unsetenv("ANTIQUANT_CPU");
        unsetenv("ANTIQUANT_KERNEL");
        if (cpu != NULL)
            setenv("ANTIQUANT_CPU", cpu, 1);
        if (kernel != NULL)
            setenv("ANTIQUANT_KERNEL", kernel, 1);
        int answer = scenario();
        _exit(write(ends[1], &answer, sizeof answer) == (ssize_t)sizeof answer ? 0 : 1);
    }
    close(ends[1]);
    int line = -1, status = -1;
    ssize_t got = read(ends[0], &line, sizeof line);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(got, sizeof line);
    return line;
}

/* role_xtype_weighttype_MRxNR_isa, as kernel.h says; x16: fp16 and bf16, c: per channel, g: per channel and
 * group; a weight type may be followed by the order, p or t. */
static void check_name(const aq_kernel *kernel)
{
    const char *const roles[] = {
        [AQ_ROLE_STREAM] = "stream_", [AQ_ROLE_GEMM] = "gemm_", [AQ_ROLE_PLANES] = "planes_"};
    const char *weights[] = {"f16_s8_",    "f16_s8c_",   "f16_s8c_p_", "f16_s8c_t_", "x16_s8g_p_",
                             "x16_s8g_t_", "x16_s4g_p_", "x16_s4g_t_", "f16_s8s4_"};
    int columns =
        kernel->role == AQ_ROLE_PLANES ? kernel->nr / 2 : kernel->nr; /* of bytes; of nibbles twice */
    char expected[128];
    bool found = false;
    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
        snprintf(expected, sizeof expected, "%s%s%dx%d_%s", roles[kernel->role], weights[i], kernel->mr,
                 columns, aq_cpu_level_name(kernel->level));
        found = found || strcmp(kernel->name, expected) == 0;
    }
    if (!found)
        print_error("%s does not name its role, types, tile and level\n", kernel->name);
    assert_true(found);
}

static void test_table(void **state)
{
    (void)state;
    int last_level[3] = {AQ_CPU_LEVELS, AQ_CPU_LEVELS, AQ_CPU_LEVELS};
    for (size_t i = 0; i < aq_kernel_table_size(); i++) {
        const aq_kernel *kernel = aq_kernel_at(i);
        check_name(kernel);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(kernel->name, aq_kernel_at(j)->name);
        assert_in_range(kernel->mr, 1, AQ_MAX_MR);
        bool gemm = kernel->role == AQ_ROLE_GEMM;
        assert_in_range(kernel->nr, 1, gemm ? AQ_MAX_NR : 2 * AQ_MAX_NR);
        assert_true((kernel->stream != NULL || kernel->stream_scaled != NULL) ==
                    (kernel->role == AQ_ROLE_STREAM));
        assert_true((kernel->pack_rows != NULL && kernel->pack_panel != NULL && kernel->gemm != NULL) ==
                    gemm);
        assert_true((kernel->planes != NULL) == (kernel->role == AQ_ROLE_PLANES));
        assert_true((int)kernel->level <= last_level[kernel->role]); /* best first */
        last_level[kernel->role] = (int)kernel->level;
    }
    assert_ptr_equal(reference(), aq_kernel_at(aq_kernel_table_size() - 1));
    assert_int_equal(reference()->level, AQ_CPU_SCALAR);
    assert_int_equal(reference_of(AQ_ROLE_PLANES)->level, AQ_CPU_SCALAR);
}

/* The choice is the first of the role that is usable and does not decline, for every query. */
static int choice_follows_the_table(void)
{
    for (int q = 0; q < QUERIES; q++)
        for (int role = AQ_ROLE_STREAM; role <= AQ_ROLE_PLANES; role++) {
            const aq_kernel *chosen = aq_kernel_choose((aq_role)role, &queries[q]);
            bool integers = queries[q].exact && queries[q].type <= AQ_S4;
            CHECK(chosen != NULL || role == AQ_ROLE_STREAM || (role == AQ_ROLE_PLANES && !integers));
            CHECK(chosen == NULL || role != AQ_ROLE_PLANES || integers);
            CHECK(chosen == NULL || (int)chosen->role == role);
            size_t i = 0;
            for (; i < aq_kernel_table_size() && aq_kernel_at(i) != chosen; i++) {
                const aq_kernel *better = aq_kernel_at(i);
                CHECK((int)better->role != role || aq_kernel_unusable(better) != NULL ||
                      (better->declines != NULL && better->declines(&queries[q]) != NULL));
            }
            CHECK(chosen == NULL || aq_kernel_unusable(chosen) == NULL);
            CHECK(chosen == NULL || chosen->declines == NULL || chosen->declines(&queries[q]) == NULL);
        }
    return 0;
}

static int without_settings(void)
{
    CHECK(*aq_kernel_setting_invalid() == '\0');
    for (size_t i = 0; i < aq_kernel_table_size(); i++) {
        const aq_kernel *kernel = aq_kernel_at(i);
        const char *why = aq_kernel_unusable(kernel);
        CHECK((why == NULL) == aq_cpu_level_supported(kernel->level));
        CHECK(why == NULL || strstr(why, "which this CPU does not have") != NULL);
    }
    return choice_follows_the_table();
}

static int at_scalar(void)
{
    CHECK(*aq_kernel_setting_invalid() == '\0');
    char text[2048] = "before\n";
    for (int q = 0; q < QUERIES; q++) {
        CHECK(aq_kernel_choose(AQ_ROLE_STREAM, &queries[q]) == NULL);
        CHECK(aq_kernel_choose(AQ_ROLE_GEMM, &queries[q]) == reference());
        const aq_kernel *planes = aq_kernel_choose(AQ_ROLE_PLANES, &queries[q]);
        CHECK(planes == NULL || planes == reference_of(AQ_ROLE_PLANES));
    }
    aq_kernel_why_not(AQ_ROLE_GEMM, &queries[0], reference(), "not asked", text, sizeof text);
    CHECK(strncmp(text, "before\n", 7) == 0);
    CHECK(strstr(text, reference()->name) == NULL);
    for (size_t i = 0; i < aq_kernel_table_size(); i++) {
        const aq_kernel *kernel = aq_kernel_at(i);
        const char *why = aq_kernel_unusable(kernel);
        CHECK((why == NULL) == (kernel->level == AQ_CPU_SCALAR));
        if (why != NULL && aq_cpu_level_supported(kernel->level))
            CHECK(strstr(why, "ANTIQUANT_CPU is scalar") && strstr(why, aq_cpu_level_name(kernel->level)));
        bool listed = strstr(text, kernel->name) != NULL;
        CHECK(listed == (kernel->role == AQ_ROLE_GEMM && kernel != reference()));
    }
    return choice_follows_the_table();
}

/* Only whole lines: a text that has room for the first one and a byte less, and so on. */
static int truncated_text(void)
{
    char all[2048] = "", text[2048];
    aq_kernel_why_not(AQ_ROLE_GEMM, &queries[0], reference(), "not asked", all, sizeof all);
    const char *end = strchr(all, '\n');
    bool others = false;
    for (size_t i = 0; i < aq_kernel_table_size(); i++)
        others = others || (aq_kernel_at(i)->role == AQ_ROLE_GEMM && aq_kernel_at(i) != reference());
    CHECK((end != NULL) == others);
    size_t first = end != NULL ? (size_t)(end + 1 - all) : 0;
    for (size_t size = first; end != NULL && size <= first + 1; size++) {
        text[0] = '\0';
        aq_kernel_why_not(AQ_ROLE_GEMM, &queries[0], reference(), "not asked", text, size);
        CHECK(strlen(text) == (size > first ? first : 0));
    }
    memset(text, 'x', sizeof text); /* not terminated: nothing can be appended */
    aq_kernel_why_not(AQ_ROLE_GEMM, &queries[0], reference(), "not asked", text, sizeof text);
    CHECK(text[sizeof text - 1] == 'x');
    aq_kernel_why_not(AQ_ROLE_GEMM, &queries[0], reference(), "not asked", text, 0);
    return 0;
}

static int with_named_kernel(void)
{
    const char *name = getenv("ANTIQUANT_KERNEL");
    CHECK(*aq_kernel_setting_invalid() == '\0');
    for (size_t i = 0; i < aq_kernel_table_size(); i++) {
        const aq_kernel *kernel = aq_kernel_at(i);
        const char *why = aq_kernel_unusable(kernel);
        if (kernel->level == AQ_CPU_SCALAR || strcmp(kernel->name, name) == 0)
            CHECK(why == NULL);
        else
            CHECK(why != NULL);
        if (why != NULL && aq_cpu_level_supported(kernel->level))
            CHECK(strncmp(why, "ANTIQUANT_KERNEL is ", 20) == 0 && strcmp(why + 20, name) == 0);
    }
    for (int q = 0; q < QUERIES; q++) {
        const aq_kernel *stream = aq_kernel_choose(AQ_ROLE_STREAM, &queries[q]);
        const aq_kernel *gemm = aq_kernel_choose(AQ_ROLE_GEMM, &queries[q]);
        CHECK(stream == NULL || strcmp(stream->name, name) == 0);
        const aq_kernel *planes = aq_kernel_choose(AQ_ROLE_PLANES, &queries[q]);
        CHECK(gemm == reference() || strcmp(gemm->name, name) == 0);
        CHECK(planes == NULL || planes == reference_of(AQ_ROLE_PLANES) || strcmp(planes->name, name) == 0);
    }
    return choice_follows_the_table();
}

static int with_invalid_kernel(void)
{
    const char *text = aq_kernel_setting_invalid();
    CHECK(strstr(text, "ANTIQUANT_KERNEL=\"") == text);
    CHECK(strstr(text, getenv("ANTIQUANT_KERNEL")) != NULL);
    for (size_t i = 0; i < aq_kernel_table_size(); i++)
        CHECK(strstr(text, aq_kernel_at(i)->name) != NULL);
    return choice_follows_the_table();
}

static int with_unprintable_kernel(void)
{
    const char *text = aq_kernel_setting_invalid();
    CHECK(strstr(text, "ANTIQUANT_KERNEL=\"a?b?\" is not valid") == text);
    return 0;
}

static void *ask(void *answer)
{
    *(const char **)answer = aq_kernel_unusable(aq_kernel_at(0));
    return NULL;
}

/* The first question comes from several threads at once: all get the same text. */
static int from_threads(void)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    const char *answers[THREADS];
    for (int t = 0; t < THREADS; t++)
        CHECK(pthread_create(&threads[t], NULL, ask, &answers[t]) == 0);
    for (int t = 0; t < THREADS; t++)
        CHECK(pthread_join(threads[t], NULL) == 0);
    for (int t = 1; t < THREADS; t++)
        CHECK(answers[t] == answers[0]);
    return 0;
}

/* Not a check: which levels this machine has, a bit each. Asked in a child, for the answer reads the
 * environment. */
static int supported_levels(void)
{
    int levels = 0;
    for (int level = 0; level < AQ_CPU_LEVELS; level++)
        if (aq_cpu_level_supported((aq_cpu_level)level))
            levels |= 1 << level;
    return levels;
}

static void test_choice(void **state)
{
    (void)state;
    assert_int_equal(in_child(without_settings, NULL, NULL), 0);
    assert_int_equal(in_child(at_scalar, "scalar", NULL), 0);
    assert_int_equal(in_child(truncated_text, "scalar", NULL), 0);
    assert_int_equal(in_child(from_threads, "scalar", NULL), 0);
    int levels = in_child(supported_levels, NULL, NULL);
    for (int level = 1; level < AQ_CPU_LEVELS; level++) {
        if (!(levels >> level & 1))
            continue;
        assert_int_equal(in_child(choice_follows_the_table, aq_cpu_level_name((aq_cpu_level)level), NULL), 0);
    }
}

static void test_named_kernel(void **state)
{
    (void)state;
    int levels = in_child(supported_levels, NULL, NULL);
    for (size_t i = 0; i < aq_kernel_table_size(); i++) {
        const aq_kernel *kernel = aq_kernel_at(i);
        bool obeyed = levels >> (int)kernel->level & 1;
        assert_int_equal(in_child(obeyed ? with_named_kernel : with_invalid_kernel, NULL, kernel->name), 0);
        if (kernel->level != AQ_CPU_SCALAR) /* the two settings contradict each other */
            assert_int_equal(in_child(with_invalid_kernel, "scalar", kernel->name), 0);
    }
    assert_int_equal(in_child(with_invalid_kernel, NULL, "gemm"), 0);
    assert_int_equal(in_child(with_unprintable_kernel, NULL, "a\nb\""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_named_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
