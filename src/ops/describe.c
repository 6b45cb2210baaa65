/* SPDX-License-Identifier: Apache-2.0 */
/* describe.c - how a multiplication is told. It tells what was planned; that the data sent a run another way
 * (matmul/run.c) is seen in the trace, where the kernel has a span of its own. */
#include "ops/describe.h"

#include <inttypes.h>
#include <stdio.h>

#include "kernels/registry.h"

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

static double bytes_of(aq_weight_type type)
{
    return type == AQ_S4 || type == AQ_F4E2M1 ? 0.5 : 1;
}

/* The number of matrices, and the batch dims in front of the shape. */
static double describe_batch(const aq_problem *problem, aq_description *description)
{
    double matrices = 1;
    size_t size = sizeof description->shape, length = 0;
    for (int d = 0; d < problem->batch_rank; d++) {
        matrices *= (double)problem->batch_dims[d];
        length += (size_t)snprintf(description->shape + length, size - length, "%s%" PRId64,
                                   d == 0 ? "batch=" : "x", problem->batch_dims[d]);
    }
    snprintf(description->shape + length, size - length, "%sm=%" PRId64 " k=%" PRId64 " n=%" PRId64,
             length > 0 ? " " : "", problem->m, problem->k, problem->n);
    return matrices;
}

/* Rates are for people: sizes beyond 2^62 are told as that. */
static int64_t whole(double count)
{
    return count < 0x1p62 ? (int64_t)count : INT64_C(1) << 62;
}

static const char *path_name(aq_recipe recipe)
{
    static const char *const names[] = {
        [AQ_RECIPE_FIXPIPE] = "fixpipe", [AQ_RECIPE_COMPOSED] = "composed", [AQ_RECIPE_SCALED] = "scaled"};
    return names[recipe];
}

void aq_describe_matmul(const void *frozen, aq_description *description)
{
    const aq_plan *plan = frozen;
    const aq_problem *problem = &plan->problem;
    const aq_kernel *kernel = plan->planes != NULL   ? plan->planes
                              : plan->stream != NULL ? plan->stream
                                                     : plan->gemm;
    double matrices = describe_batch(problem, description);
    double m = (double)problem->m, n = (double)problem->n, k = (double)problem->k;
    snprintf(description->dtypes, sizeof description->dtypes, "%s,%s,%s",
             problem->half == AQ_F16 ? "FLOAT16" : "BF16", weight_name(problem->weight_type),
             number_name(problem->out_type));
    description->path = path_name(problem->recipe);
    description->kernel = kernel->name;
    description->isa = aq_cpu_level_name(kernel->level);
    description->order = plan->order == AQ_ORDER_P ? "P" : "T";
    description->threads = plan->threads;
    description->bytes = whole(matrices * n * k * bytes_of(problem->weight_type));
    description->flops = whole(matrices * 2 * m * n * k);
}

void aq_why_not_matmul(const void *frozen, char *text, size_t size)
{
    const aq_plan *plan = frozen;
    aq_kernel_query query = aq_plan_query(&plan->problem, plan->order);
    query.exact = plan->exact;
    if (plan->planes != NULL) {
        aq_kernel_why_not(AQ_ROLE_PLANES, &query, plan->planes, text, size);
        return;
    }
    aq_kernel_why_not(AQ_ROLE_STREAM, &query, plan->stream, text, size);
    if (plan->stream == NULL)
        aq_kernel_why_not(AQ_ROLE_GEMM, &query, plan->gemm, text, size);
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
