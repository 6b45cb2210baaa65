/* SPDX-License-Identifier: Apache-2.0 */
/* describe.c - what a plan means: names, tiles, bytes and a simple model of its work. It tells what was
 * planned; that the data sent a run another way (matmul/run.c) is seen in the trace. */
#include "matmul/describe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "kernels/planes.h"
#include "kernels/registry.h"

/* ---- bytes ---- */

static double matrices_of(const aq_problem *problem)
{
    double matrices = 1;
    for (int d = 0; d < problem->batch_rank; d++)
        matrices *= (double)problem->batch_dims[d];
    return matrices;
}

static double weight_bytes(const aq_problem *problem)
{
    bool half_bytes = problem->weight_type == AQ_S4 || problem->weight_type == AQ_F4E2M1;
    return (double)problem->n * (double)problem->k * (half_bytes ? 0.5 : 1);
}

static double vector_bytes(const aq_vector_layout *vector, double n, double size)
{
    return !vector->present ? 0 : vector->single ? size : n * size;
}

/* A parameter of the composed recipe: fp16, with a stride of 0 where it is broadcast. */
static double matrix_bytes(const aq_problem *problem, const aq_matrix_layout *layout, bool present)
{
    double rows = layout->row != 0 ? (double)problem->k : 1;
    double columns = layout->column != 0 ? (double)problem->n : 1;
    return present ? 2 * rows * columns : 0;
}

static double scaled_bytes(const aq_problem *problem)
{
    const aq_scaled *scaled = &problem->scaled;
    double groups = (double)aq_ceil_div(problem->k, aq_max_i64(scaled->group, 1)), n = (double)problem->n;
    double scales = (scaled->scale_group != 0 ? groups : 1) * (scaled->scale_n != 0 ? n : 1);
    double offsets = (scaled->offset_group != 0 ? groups : 1) * (scaled->offset_n != 0 ? n : 1);
    return scales * (scaled->e8m0 ? 1 : 2) + (problem->scaled_offset_present ? 2 * offsets : 0);
}

static double parameter_bytes(const aq_problem *problem)
{
    double n = (double)problem->n;
    double bytes = vector_bytes(&problem->bias, n, problem->bias_type == AQ_NUMBER_F32 ? 4 : 2) +
                   vector_bytes(&problem->quant_scale, n, 8);
    switch (problem->recipe) {
    case AQ_RECIPE_FIXPIPE:
        return bytes + vector_bytes(&problem->deq_offset, n, 4) + vector_bytes(&problem->deq_scale, n, 8) +
               (problem->diagonal_present ? 32 * 32 : 0);
    case AQ_RECIPE_COMPOSED:
        return bytes + matrix_bytes(problem, &problem->add, problem->add_present) +
               matrix_bytes(problem, &problem->mul, problem->mul_present);
    default:
        return bytes + scaled_bytes(problem);
    }
}

/* ---- work ---- */

/* What a kernel spends, in multiply-adds of one fp32 lane: on each product, and on making each weight once.
 * Nominal: fitted to times of one thread for 1 to 512 rows of 4096 x 4096 on a core with AVX-512 at half
 * width (docs/PERFORMANCE.md). For a reader who wonders whether a time is far off; nothing is chosen by it.
 */
typedef struct work_cost {
    double product, weight;
} work_cost;

/* Integer products: of a fused multiply-add's time, by the instructions of the level. */
static work_cost cost_of_planes(const aq_plan *plan)
{
    switch (plan->planes->level) {
#if defined(__x86_64__)
    case AQ_CPU_AMX: /* 16 times the products of VNNI; nearly all is joining the planes and making weights */
        return (work_cost){aq_plan_exact(plan) ? 0.15 : 0.1, 3};
    case AQ_CPU_VNNI: /* four products an instruction and lane, for three planes or two */
        return (work_cost){aq_plan_exact(plan) ? 0.81 : 0.54, 3};
    case AQ_CPU_AVXVNNI: /* vpdpwssd, for two pieces or one */
        return (work_cost){aq_plan_exact(plan) ? 1.2 : 0.6, 6};
    case AQ_CPU_AVX512: /* vpmaddwd and vpaddd, for two pieces or one */
    case AQ_CPU_AVX2:
        return (work_cost){aq_plan_exact(plan) ? 2.2 : 1.1, 6};
#endif
    default:
        return (work_cost){1, 1};
    }
}

static work_cost cost_of(const aq_plan *plan)
{
    if (plan->planes != NULL)
        return cost_of_planes(plan);
    static const work_cost stream = {1.2, 4}, gemm = {1.1, 28}, generic = {1.1, 300};
    return plan->stream != NULL ? stream : plan->generic_panel ? generic : gemm;
}

/* Whose name is told. */
static const aq_kernel *kernel_of(const aq_plan *plan)
{
    if (plan->planes != NULL)
        return plan->planes;
    return plan->stream != NULL ? plan->stream : plan->gemm;
}

/* The reference kernel, at the level of every CPU, is for checking: no figure. */
static double slots_of(const aq_plan *plan)
{
    const aq_problem *problem = &plan->problem;
    const aq_kernel *kernel = kernel_of(plan);
    if (kernel->level == AQ_CPU_SCALAR || problem->k == 0)
        return 0;
    work_cost cost = cost_of(plan);
    double weights = (double)problem->n * (double)problem->k, rows = (double)problem->m, passes;
    if (plan->planes != NULL) {
        passes = (double)aq_ceil_div(problem->m, plan->rows_block);
    } else if (plan->stream != NULL) {
        passes = (double)aq_ceil_div(problem->m, plan->stream->mr);
    } else {
        int64_t whole = problem->m / plan->rows_block, rest = problem->m % plan->rows_block;
        passes = (double)whole * (double)aq_ceil_div(plan->rows_block, plan->rows_part) +
                 (double)aq_ceil_div(rest, plan->rows_part);
        rows = (double)aq_ceil_div(problem->m, plan->gemm->mr) * plan->gemm->mr; /* whole tiles */
    }
    return weights * (rows * cost.product + passes * cost.weight);
}

double aq_plan_seconds(double bytes, double slots, double read, double lanes)
{
    double memory = bytes / read, arithmetic = slots / lanes;
    return memory > arithmetic ? memory : arithmetic;
}

/* ---- all of it ---- */

static const char *panel_reason(const aq_plan *plan)
{
    const aq_problem *problem = &plan->problem;
    if (plan->planes != NULL || plan->stream != NULL || !plan->generic_panel)
        return NULL;
    if (aq_plan_unrounded(plan))
        return "weights are not rounded, and are not integers with one scale a column or group";
    if (problem->recipe != AQ_RECIPE_SCALED)
        return "columns lie apart, or parameters vary along k";
    aq_kernel_query query = aq_plan_query(problem, plan->order);
    const char *why = plan->gemm->pack_scaled != NULL ? plan->gemm->scaled_declines(&query) : NULL;
    return why != NULL ? why : "the kernel has no packer of its own";
}

static void describe_tiles(const aq_plan *plan, aq_plan_description *description)
{
    const aq_kernel *kernel = kernel_of(plan);
    int64_t m = plan->problem.m, n = plan->problem.n;
    description->tile_rows = kernel->mr;
    description->tile_columns = kernel->nr;
    description->chunk = plan->planes != NULL ? AQ_BLOCK : aq_chunk_length(plan->order);
    if (plan->planes != NULL) {
        description->tile_columns = (int)aq_panel_columns(plan->problem.weight_type);
        description->block_rows = plan->planes_stream ? 0 : aq_min_i64(plan->rows_block, m);
        description->task_rows = aq_min_i64(plan->rows_block, m);
        description->task_columns = aq_min_i64(plan->slice, n);
        description->task_k = plan->k_parts > 1 ? plan->part_k : 0;
        description->tasks = aq_ceil_div(n, plan->slice) * plan->k_parts;
        return;
    }
    if (plan->stream != NULL) {
        description->task_rows = m;
        description->task_columns = aq_min_i64(plan->slice, n);
        description->task_k = plan->k_parts > 1 ? plan->part_k : 0;
        description->tasks = aq_ceil_div(n, plan->slice) * plan->k_parts;
        return;
    }
    description->block_rows = aq_min_i64(plan->rows_block, m);
    description->task_rows = aq_min_i64(plan->rows_part, m);
    description->task_columns = aq_min_i64(kernel->nr * plan->panels_part, n);
    description->tasks = aq_ceil_div(n, kernel->nr * plan->panels_part) *
                         aq_ceil_div(description->block_rows, plan->rows_part);
}

void aq_plan_describe(const aq_plan *plan, aq_plan_description *description)
{
    static const char *const paths[] = {
        [AQ_RECIPE_FIXPIPE] = "fixpipe", [AQ_RECIPE_COMPOSED] = "composed", [AQ_RECIPE_SCALED] = "scaled"};
    const aq_problem *problem = &plan->problem;
    const aq_kernel *kernel = kernel_of(plan);
    double m = (double)problem->m, n = (double)problem->n, k = (double)problem->k;
    memset(description, 0, sizeof *description);
    description->path = paths[problem->recipe];
    description->numerics = aq_numerics_name(plan->numerics);
    description->order = plan->order == AQ_ORDER_P ? "P" : "T";
    description->kernel = kernel->name;
    description->level = aq_cpu_level_name(kernel->level);
    description->role = aq_role_name(kernel->role);
    description->threads = plan->threads;
    describe_tiles(plan, description);
    description->panel = panel_reason(plan);
    double matrices = matrices_of(problem);
    description->weight_bytes = matrices * weight_bytes(problem);
    description->parameter_bytes = matrices * parameter_bytes(problem);
    description->x_bytes = matrices * m * k * 2;
    description->y_bytes = matrices * m * n * (problem->out_type == AQ_NUMBER_S8 ? 1 : 2);
    description->workspace_bytes = plan->workspace.total;
    description->flops = matrices * 2 * m * n * k;
    description->slots = matrices * slots_of(plan);
}

/* ---- lines ---- */

__attribute__((format(printf, 3, 4))) static void add(char *text, size_t size, const char *format, ...)
{
    size_t length = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(text + length, size - length, format, arguments);
    va_end(arguments);
    if (wanted < 0 || (size_t)wanted >= size - length)
        text[length] = '\0'; /* no half lines */
}

void aq_plan_lines(const aq_plan_description *description, char *text, size_t size)
{
    const aq_plan_description *d = description;
    double bytes = d->weight_bytes + d->parameter_bytes + d->x_bytes + d->y_bytes;
    text[0] = '\0';
    char packed[48] = "", part[40] = "";
    if (d->task_k > 0)
        snprintf(part, sizeof part, " and %" PRId64 " of k", d->task_k);
    if (d->block_rows > 0)
        snprintf(packed, sizeof packed, "; packs %" PRId64 " rows at a time", d->block_rows);
    add(text, size,
        "tiles    %d x %d; %" PRId64 " task%s of %" PRId64 " x %" PRId64 "%s%s; chunks of %" PRId64 " k\n",
        d->tile_rows, d->tile_columns, d->tasks, d->tasks == 1 ? "" : "s", d->task_rows, d->task_columns,
        part, packed, d->chunk);
    if (d->panel != NULL)
        add(text, size, "panels   by the generic packer: %s\n", d->panel);
    add(text, size, "bytes    weight %.0f, parameters %.0f, x %.0f, y %.0f: %.0f; workspace %" PRId64 "\n",
        d->weight_bytes, d->parameter_bytes, d->x_bytes, d->y_bytes, bytes, d->workspace_bytes);
    add(text, size, "work     %.0f FLOP, %.2f for each byte\n", d->flops, d->flops / bytes);
}

/* Where no kernel streams although one would take the query: the plan did not ask. */
static const char *not_asked(const aq_plan *plan)
{
    if (aq_plan_unrounded(plan))
        return "rounds weights, and the mode does not";
    return "takes no columns that lie apart and no parameters that vary along k";
}

void aq_plan_why_not(const aq_plan *plan, char *text, size_t size)
{
    aq_kernel_query query = aq_plan_query(&plan->problem, plan->order);
    query.exact = aq_plan_unrounded(plan);
    text[0] = '\0';
    if (plan->planes != NULL) {
        aq_kernel_why_not(AQ_ROLE_PLANES, &query, plan->planes, "", text, size);
        return;
    }
    aq_kernel_why_not(AQ_ROLE_STREAM, &query, plan->stream, not_asked(plan), text, size);
    if (plan->stream == NULL)
        aq_kernel_why_not(AQ_ROLE_GEMM, &query, plan->gemm, "", text, size); /* all were asked */
}
