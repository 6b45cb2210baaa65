/* SPDX-License-Identifier: Apache-2.0 */
/* describe.c - how a multiplication is told. It tells what was planned; that the data sent a run another way
 * (matmul/run.c) is seen in the trace, where the kernel has a span of its own. */
#include "ops/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "matmul/describe.h"

static const char *weight_name(aq_weight_type type)
{
    static const char *const names[] = {[AQ_S8] = "INT8",
                                        [AQ_S4] = "INT4",
                                        [AQ_F8E4M3] = "FLOAT8_E4M3FN",
                                        [AQ_HIF8] = "HIFLOAT8",
                                        [AQ_F4E2M1] = "FLOAT4_E2M1"};
    return names[type];
}

static const char *number_name(aq_number number)
{
    static const char *const names[] = {[AQ_NUMBER_F16] = "FLOAT16",
                                        [AQ_NUMBER_BF16] = "BF16",
                                        [AQ_NUMBER_F32] = "FLOAT",
                                        [AQ_NUMBER_S8] = "INT8"};
    return names[number];
}

/* The batch dims in front of the shape. */
static void describe_shape(const aq_problem *problem, aq_description *description)
{
    size_t size = sizeof description->shape, length = 0;
    for (int d = 0; d < problem->batch_rank; d++)
        length += (size_t)snprintf(description->shape + length, size - length, "%s%" PRId64,
                                   d == 0 ? "batch=" : "x", problem->batch_dims[d]);
    snprintf(description->shape + length, size - length, "%sm=%" PRId64 " k=%" PRId64 " n=%" PRId64,
             length > 0 ? " " : "", problem->m, problem->k, problem->n);
}

void aq_describe_matmul(const void *frozen, aq_description *description)
{
    const aq_plan *plan = frozen;
    const aq_problem *problem = &plan->problem;
    aq_plan_description told;
    aq_plan_describe(plan, &told);
    describe_shape(problem, description);
    snprintf(description->dtypes, sizeof description->dtypes, "%s,%s,%s",
             problem->half == AQ_F16 ? "FLOAT16" : "BF16", weight_name(problem->weight_type),
             number_name(problem->out_type));
    description->path = told.path;
    description->kernel = told.kernel;
    description->isa = told.level;
    description->order = told.order;
    description->threads = told.threads;
    description->bytes = aq_plan_whole(told.weight_bytes);
    description->flops = aq_plan_whole(told.flops);
}

void aq_details_matmul(const void *frozen, char *text, size_t size)
{
    char why[AQ_DETAILS_SIZE], *rest = why;
    aq_plan_description told;
    aq_plan_describe(frozen, &told);
    aq_plan_lines(&told, text, size);
    aq_plan_why_not(frozen, why, sizeof why);
    size_t length = strlen(text);
    for (const char *line = strsep(&rest, "\n"); line != NULL && *line; line = strsep(&rest, "\n")) {
        size_t wanted = (size_t)snprintf(text + length, size - length, "not %s\n", line);
        if (wanted >= size - length)
            break;
        length += wanted;
    }
    text[length] = '\0'; /* whole lines */
}

int aq_replan_matmul(const char *function, void *frozen, int numerics, uint64_t *workspace_bytes)
{
    aq_plan *plan = frozen, made;
    int status = aq_plan_make(function, &plan->problem, (aq_numerics_mode)numerics, &made);
    if (status != 0)
        return status;
    *plan = made;
    *workspace_bytes = (uint64_t)made.workspace.total;
    return 0;
}
