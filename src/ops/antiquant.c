/* SPDX-License-Identifier: Apache-2.0 */
/* antiquant.c - the functions of antiquant.h: read-only views of the version, the machine, the table of
 * kernels and the plan. */
#include "antiquant.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "aclnn/aclnn_base.h"
#include "base/settings.h"
#include "base/status.h"
#include "cpu/cpu.h"
#include "kernels/registry.h"
#include "matmul/describe.h"
#include "matmul/plan.h"
#include "ops/finding.h"
#include "ops/matmul_v1.h"
#include "parallel/parallel.h"
#include "runtime/executor.h"

#define AQ_TEXT_OF(number) #number
#define AQ_TEXT(number)    AQ_TEXT_OF(number)

const char *aq_version(void)
{
    return AQ_TEXT(AQ_VERSION_MAJOR) "." AQ_TEXT(AQ_VERSION_MINOR) "." AQ_TEXT(AQ_VERSION_PATCH);
}

const char *aq_settings_error(void)
{
    return aq_settings_problem();
}

const char *aq_numerics(void)
{
    return aq_numerics_name(aq_settings_get()->numerics);
}

int aq_thread_count(void)
{
    return aq_parallel_threads();
}

static char cpu_model[128];

/* "model name : AMD EPYC" on x86; aarch64 has no such line. */
static void read_cpu_model(void)
{
#if defined(__x86_64__)
    snprintf(cpu_model, sizeof cpu_model, "x86-64");
#elif defined(__aarch64__)
    snprintf(cpu_model, sizeof cpu_model, "aarch64");
#else
    snprintf(cpu_model, sizeof cpu_model, "unknown");
#endif
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (file == NULL)
        return;
    char line[256];
    while (fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL)
            continue;
        char *end = colon + strlen(colon);
        while (end > colon + 1 && isspace((unsigned char)end[-1]))
            *--end = '\0';
        snprintf(cpu_model, sizeof cpu_model, "%s", colon + 1 + strspn(colon + 1, " \t"));
        break;
    }
    fclose(file);
}

const char *aq_cpu_model(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_cpu_model);
    return cpu_model;
}

static int check_index(const char *function, size_t index, size_t count, const void *info)
{
    if (info == NULL)
        return aq_refuse_null_argument(ACLNN_ERR_PARAM_NULLPTR, function, "info", "antiquant.h");
    if (index < count)
        return 0;
    aq_finding finding = {.argument = "index"};
    aq_say_rule(&finding, "must be below %zu", count);
    aq_say_actual(&finding, "%zu", index);
    aq_say_nearest(&finding, "%zu", count - 1);
    return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, function, "antiquant.h", &finding);
}

size_t aq_cpu_level_count(void)
{
    return AQ_CPU_LEVELS;
}

int aq_cpu_level_get(size_t index, aq_cpu_level_info *info)
{
    int status = check_index("aq_cpu_level_get", index, AQ_CPU_LEVELS, info);
    if (status != 0)
        return status;
    aq_cpu_level level = (aq_cpu_level)index;
    *info = (aq_cpu_level_info){.name = aq_cpu_level_name(level),
                                .instructions = aq_cpu_level_instructions(level),
                                .supported = aq_cpu_level_supported(level),
                                .in_use = level == aq_cpu_level_in_use()};
    return 0;
}

size_t aq_kernel_count(void)
{
    return aq_kernel_table_size();
}

int aq_kernel_get(size_t index, aq_kernel_info *info)
{
    int status = check_index("aq_kernel_get", index, aq_kernel_table_size(), info);
    if (status != 0)
        return status;
    const aq_kernel *kernel = aq_kernel_at(index);
    *info = (aq_kernel_info){.name = kernel->name,
                             .level = aq_cpu_level_name(kernel->level),
                             .role = aq_role_name(kernel->role),
                             .declines = aq_kernel_unusable(kernel)};
    return 0;
}

int aq_explain(int64_t m, int64_t k, int64_t n, bool transpose_x2, aq_explanation *explanation)
{
    if (explanation == NULL)
        return aq_refuse_null_argument(ACLNN_ERR_PARAM_NULLPTR, "aq_explain", "explanation", "antiquant.h");
    if (m < 1 || k < 1 || n < 1) {
        aq_finding finding = {.argument = "m, k, n"};
        aq_say_rule(&finding, "each must be at least 1");
        aq_say_actual(&finding, "%lld, %lld, %lld", (long long)m, (long long)k, (long long)n);
        return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, "aq_explain", "antiquant.h", &finding);
    }
    aq_problem problem;
    memset(&problem, 0, sizeof problem);
    problem.recipe = m <= AQ_V1_FIXPIPE_MOST_M ? AQ_RECIPE_FIXPIPE : AQ_RECIPE_COMPOSED;
    problem.m = m;
    problem.n = n;
    problem.k = k;
    problem.x = (aq_matrix_layout){.row = k, .column = 1};
    problem.weight = (aq_matrix_layout){.row = transpose_x2 ? 1 : n, .column = transpose_x2 ? k : 1};
    problem.out = (aq_matrix_layout){.row = n, .column = 1};
    aq_plan plan;
    int status = aq_plan_make("aq_explain", &problem, aq_settings_get()->numerics, &plan);
    if (status != 0)
        return status;

    const aq_kernel *chosen = plan.stream != NULL ? plan.stream : plan.gemm;
    *explanation = (aq_explanation){.path = problem.recipe == AQ_RECIPE_FIXPIPE ? "fixpipe" : "composed",
                                    .kernel = chosen->name,
                                    .order = plan.order == AQ_ORDER_P ? "P" : "T",
                                    .threads = plan.threads};
    aq_plan_why_not(&plan, explanation->why, sizeof explanation->why);
    return 0;
}

int aq_executor_set_numerics(struct aclOpExecutor *executor, const char *mode, uint64_t *workspace_size)
{
    static const char function[] = "aq_executor_set_numerics";
    aq_numerics_mode numerics;
    if (mode == NULL)
        return aq_refuse_null_argument(ACLNN_ERR_PARAM_NULLPTR, function, "mode", "antiquant.h");
    if (workspace_size == NULL)
        return aq_refuse_null_argument(ACLNN_ERR_PARAM_NULLPTR, function, "workspace_size", "antiquant.h");
    if (!aq_numerics_of(mode, &numerics)) {
        char shown[AQ_SHOWN_VALUE + 4];
        return aq_refuse(ACLNN_ERR_PARAM_INVALID, &(aq_refusal){.function = function,
                                                                .argument = "mode",
                                                                .rule = "must name a numerics mode",
                                                                .actual = aq_settings_shown(mode, shown),
                                                                .nearest = AQ_NUMERICS_NAMES,
                                                                .page = "numerics page 5"});
    }
    return aq_executor_replan(function, executor, (int)numerics, workspace_size);
}
