/* SPDX-License-Identifier: Apache-2.0 */
/* explain_matmul.c - aq_explain_matmul: a multiplication in a few words becomes the call that a program would
 * make, and goes through the rules and the plan of phase 1. Decides nothing about it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "aclnn/aclnn_base.h"
#include "antiquant.h"
#include "matmul/describe.h"
#include "ops/matmul_v1.h"
#include "ops/matmul_v2.h"

#define FUNCTION "aq_explain_matmul"
#define PAGE     "antiquant.h"

static const char stem[] = "aclnnWeightQuantBatchMatmul";

typedef struct described_call {
    const aq_matmul *asked;
    bool v1;
    aq_v2_operator op;
    aq_chip chip;
    aq_numerics_mode numerics;
    bool transposed, nz, packed;
} described_call;

/* ---- words ---- */

static int refuse_word(const char *argument, const char *actual, const char *valid)
{
    char shown[AQ_SHOWN_VALUE + 4];
    aq_finding finding = {.argument = argument};
    aq_say_rule(&finding, "must be one of %s", valid);
    aq_say_actual(&finding, "\"%s\"", aq_settings_shown(actual, shown));
    return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, FUNCTION, PAGE, &finding);
}

/* Index in words, or count. */
static size_t index_of(const char *word, const char *const words[], size_t count)
{
    size_t i = 0;
    while (i < count && strcmp(word, words[i]) != 0)
        i++;
    return i;
}

static int read_op(described_call *call)
{
    static const char *const suffixes[] = {"V2", "V3", "Nz", "", "V1"};
    const char *name = call->asked->op;
    bool whole = strncmp(name, stem, sizeof stem - 1) == 0;
    size_t index = index_of(whole ? name + sizeof stem - 1 : name, suffixes, 5);
    if (index == 5 || (!whole && *name == '\0') || (whole && index == 4))
        return refuse_word("call->op", name, "V1, V2, V3, Nz, or the operator's whole name");
    call->v1 = index >= AQ_OPERATORS_V2;
    call->op = call->v1 ? AQ_OPERATOR_V2 : (aq_v2_operator)index;
    return 0;
}

static int read_words(described_call *call)
{
    static const char *const storages[] = {"plain",         "transposed", "nz",
                                           "nz-transposed", "packed",     "packed-transposed"};
    const aq_matmul *asked = call->asked;
    const aq_settings *settings = aq_settings_get();
    call->chip = settings->chip;
    call->numerics = settings->numerics;
    if (asked->profile != NULL && !aq_chip_of(asked->profile, &call->chip))
        return refuse_word("call->profile", asked->profile, aq_chip_names);
    if (asked->numerics != NULL && !aq_numerics_of(asked->numerics, &call->numerics))
        return refuse_word("call->numerics", asked->numerics, AQ_NUMERICS_NAMES);
    size_t storage = asked->storage != NULL ? index_of(asked->storage, storages, 6) : 0;
    if (storage == 6)
        return refuse_word("call->storage", asked->storage,
                           "plain, transposed, nz, nz-transposed, packed, packed-transposed");
    call->transposed = storage % 2 == 1;
    call->nz = storage / 2 == 1;
    call->packed = storage / 2 == 2;
    return read_op(call);
}

/* ---- numbers ---- */

static int refuse_number(const char *argument, const char *rule, double actual)
{
    aq_finding finding = {.argument = argument};
    aq_say_rule(&finding, "%s", rule);
    aq_say_actual(&finding, "%g", actual);
    aq_say_nearest(&finding, "0");
    return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, FUNCTION, PAGE, &finding);
}

static int check_numbers(const described_call *call)
{
    const aq_matmul *asked = call->asked;
    if (asked->m < 1 || asked->k < 1 || asked->n < 1) {
        aq_finding finding = {.argument = "call->m, k, n"};
        aq_say_rule(&finding, "each must be at least 1");
        aq_say_actual(&finding, "%lld, %lld, %lld", (long long)asked->m, (long long)asked->k,
                      (long long)asked->n);
        aq_say_nearest(&finding, "1");
        return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, FUNCTION, PAGE, &finding);
    }
    const struct {
        const char *name;
        double value;
    } limits[] = {
        {"call->read", asked->read}, {"call->peak", asked->peak}, {"call->level_peak", asked->level_peak}};
    for (int i = 0; i < 3; i++)
        if (!(limits[i].value >= 0) || isinf(limits[i].value))
            return refuse_number(limits[i].name, "must be a finite number that is not negative",
                                 limits[i].value);
    if (call->v1 && asked->group_size != 0)
        return refuse_number("call->group_size", "V1 of the operator has no groups",
                             (double)asked->group_size);
    return 0;
}

/* ---- the call of V1 ---- */

static aq_view vector_of(aclDataType dtype, int64_t length)
{
    return (aq_view){.dtype = dtype, .format = ACL_FORMAT_ND, .rank = 1, .dims = {length}, .strides = {1}};
}

static aq_view matrix_of(int dtype, int64_t rows, int64_t columns)
{
    return (aq_view){.dtype = (aclDataType)dtype,
                     .format = ACL_FORMAT_ND,
                     .rank = 2,
                     .dims = {rows, columns},
                     .strides = {columns, 1}};
}

/* View (rows, columns) of the row-major (columns, rows). */
static aq_view turned(int dtype, int64_t rows, int64_t columns)
{
    aq_view view = matrix_of(dtype, rows, columns);
    view.strides[0] = 1;
    view.strides[1] = rows;
    return view;
}

static aclFormat format_of(const described_call *described, int packed)
{
    if (described->packed)
        return (aclFormat)packed;
    return described->nz ? ACL_FORMAT_FRACTAL_NZ : ACL_FORMAT_ND;
}

static void give_v1(aq_v1_call *call, int tensor, aq_view view)
{
    call->present[tensor] = true;
    call->view[tensor] = view;
}

static int problem_of_v1(const described_call *described, aq_problem *problem)
{
    const aq_matmul *asked = described->asked;
    int64_t m = asked->m, k = asked->k, n = asked->n;
    bool turn = described->transposed;
    aq_v1_call call;
    memset(&call, 0, sizeof call);
    call.rows = m;
    call.transpose_x2 = turn;
    call.antiquant_scale = 1;
    give_v1(&call, AQ_V1_X1, matrix_of(asked->x_dtype, m, k));
    give_v1(&call, AQ_V1_X2, matrix_of(asked->weight_dtype, turn ? n : k, turn ? k : n));
    call.view[AQ_V1_X2].format = format_of(described, turn ? AQ_FORMAT_PACKED_TRANSPOSED : AQ_FORMAT_PACKED);
    give_v1(&call, AQ_V1_OUT, matrix_of(asked->x_dtype, m, n));
    if (m <= AQ_V1_FIXPIPE_MOST_M) {
        give_v1(&call, AQ_V1_DIAGONAL, matrix_of(ACL_INT8, 32, 32));
        give_v1(&call, AQ_V1_DEQ_OFFSET, vector_of(ACL_INT32, n));
        give_v1(&call, AQ_V1_DEQ_SCALE, vector_of(ACL_UINT64, n));
    } else {
        aq_view column = turn ? matrix_of(ACL_FLOAT16, n, 1) : vector_of(ACL_FLOAT16, n);
        give_v1(&call, AQ_V1_MUL_SCALE, column);
        if (asked->offset)
            give_v1(&call, AQ_V1_ADD_OFFSET, column);
    }
    int status = aq_v1_check(FUNCTION, &call, true, true);
    if (status == 0)
        aq_v1_problem(&call, problem);
    return status;
}

/* ---- the call of V2, V3 and Nz ---- */

static void give_v2(aq_v2_call *call, int tensor, aq_view view)
{
    call->present[tensor] = true;
    call->view[tensor] = view;
}

static aq_view weight_of(const described_call *described, const aq_profile *profile)
{
    const aq_matmul *asked = described->asked;
    bool n_k = described->nz && profile->nz_is_n_k; /* always the stored matrix (n,k), row-major */
    aq_view view = n_k                     ? matrix_of(asked->weight_dtype, asked->n, asked->k)
                   : described->transposed ? turned(asked->weight_dtype, asked->k, asked->n)
                                           : matrix_of(asked->weight_dtype, asked->k, asked->n);
    view.format = format_of(described, AQ_FORMAT_PACKED);
    return view;
}

/* FLOAT4 outside FRACTAL_NZ has no scales but powers of two (operators page 3.1). */
static aq_view scale_of(const described_call *described, const aq_profile *profile)
{
    const aq_matmul *asked = described->asked;
    int dtype = asked->weight_dtype == ACL_FLOAT4_E2M1 && !described->nz ? ACL_FLOAT8_E8M0 : asked->x_dtype;
    if (asked->group_size <= 0)
        return vector_of((aclDataType)dtype, asked->n);
    int64_t groups = (asked->k - 1) / asked->group_size + 1;
    if (described->nz && profile->nz_is_n_k)
        return matrix_of(dtype, asked->n, groups);
    return described->transposed ? turned(dtype, groups, asked->n) : matrix_of(dtype, groups, asked->n);
}

static int problem_of_v2(const described_call *described, aq_problem *problem)
{
    const aq_matmul *asked = described->asked;
    aq_v2_call call;
    memset(&call, 0, sizeof call);
    call.op = described->op;
    call.profile = aq_profile_of(described->chip);
    call.group_size = asked->group_size;
    call.has_workspace_size = call.has_executor = true;
    give_v2(&call, AQ_V2_X, matrix_of(asked->x_dtype, asked->m, asked->k));
    give_v2(&call, AQ_V2_WEIGHT, weight_of(described, call.profile));
    give_v2(&call, AQ_V2_SCALE, scale_of(described, call.profile));
    if (asked->offset)
        give_v2(&call, AQ_V2_OFFSET, call.view[AQ_V2_SCALE]);
    give_v2(&call, AQ_V2_Y, matrix_of(asked->x_dtype, asked->m, asked->n));
    int status = aq_v2_check(FUNCTION, &call);
    if (status == 0)
        aq_v2_problem(&call, problem);
    return status;
}

/* ---- the answer ---- */

/* The roofline, and the model of the kernel under it. Limits that are 0 leave what needs them 0. */
static void tell_times(const aq_matmul *asked, const aq_plan_description *plan, double bytes,
                       aq_matmul_explanation *answer)
{
    double level_peak = asked->level_peak > 0 ? asked->level_peak : asked->peak;
    if (asked->read > 0)
        answer->read_us = bytes / (asked->read * 1e3); /* 1 GB/s is 1000 bytes a microsecond */
    if (asked->peak > 0)
        answer->peak_us = plan->flops / (asked->peak * 1e3);
    if (answer->read_us > 0 && answer->peak_us > 0)
        answer->roof_us = fmax(answer->read_us, answer->peak_us);
    if (answer->roof_us > 0 && plan->slots > 0) {
        answer->expected_us =
            1e6 * aq_plan_seconds(bytes, plan->slots, asked->read * 1e9, level_peak / 2 * 1e9);
        answer->share = answer->roof_us / answer->expected_us;
    }
}

static void tell(const aq_matmul *asked, const aq_plan *plan, aq_matmul_explanation *answer)
{
    aq_plan_description told;
    aq_plan_describe(plan, &told);
    double bytes = told.weight_bytes + told.parameter_bytes + told.x_bytes + told.y_bytes;
    *answer = (aq_matmul_explanation){.path = told.path,
                                      .numerics = told.numerics,
                                      .kernel = told.kernel,
                                      .level = told.level,
                                      .role = told.role,
                                      .order = told.order,
                                      .threads = told.threads,
                                      .tile_rows = told.tile_rows,
                                      .tile_columns = told.tile_columns,
                                      .chunk = told.chunk,
                                      .packed_rows = told.block_rows,
                                      .task_rows = told.task_rows,
                                      .task_columns = told.task_columns,
                                      .tasks = told.tasks,
                                      .panel = told.panel,
                                      .weight_bytes = aq_plan_whole(told.weight_bytes),
                                      .parameter_bytes = aq_plan_whole(told.parameter_bytes),
                                      .x_bytes = aq_plan_whole(told.x_bytes),
                                      .y_bytes = aq_plan_whole(told.y_bytes),
                                      .workspace_bytes = told.workspace_bytes,
                                      .flops = told.flops,
                                      .intensity = told.flops / bytes};
    tell_times(asked, &told, bytes, answer);
    aq_plan_lines(&told, answer->lines, sizeof answer->lines);
    aq_plan_why_not(plan, answer->why, sizeof answer->why);
}

int aq_explain_matmul(const aq_matmul *call, aq_matmul_explanation *explanation)
{
    if (call == NULL || call->op == NULL || explanation == NULL)
        return aq_refuse_null_argument(ACLNN_ERR_PARAM_NULLPTR, FUNCTION,
                                       call == NULL       ? "call"
                                       : call->op == NULL ? "call->op"
                                                          : "explanation",
                                       PAGE);
    int status = aq_settings_check(FUNCTION);
    if (status != 0)
        return status;
    described_call described = {.asked = call};
    aq_problem problem;
    aq_plan plan;
    status = read_words(&described);
    if (status == 0)
        status = check_numbers(&described);
    if (status == 0)
        status = described.v1 ? problem_of_v1(&described, &problem) : problem_of_v2(&described, &problem);
    if (status == 0)
        status = aq_plan_make(FUNCTION, &problem, described.numerics, &plan);
    if (status == 0)
        tell(call, &plan, explanation);
    return status;
}
