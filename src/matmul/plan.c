/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - which order, which kernels, how the work is cut. Looks at shapes, strides and the machine, never
 * at data; nothing after it decides again, but for what only the data can say (run.c names those two cases).
 */
#include "matmul/plan.h"

#include <stdio.h>
#include <string.h>

#include "aclnn/aclnn_base.h"
#include "base/checked.h"
#include "base/settings.h"
#include "base/status.h"
#include "base/trace.h"
#include "cpu/cpu.h"
#include "kernels/planes.h"
#include "kernels/registry.h"
#include "parallel/parallel.h"

enum {
    /* Multiply-adds for which a thread is worth calling: one that looks comes within 1 us, one that is woken
     * costs the caller about 5 us and may find nothing left; one thread does this many in about 2 us. */
    THREAD_WORK = 1 << 16,
    /* Columns of a stream task: wide enough that each row of it is a run the prefetchers follow (one row of
     * x, n = 4096 and 11008: 6 to 20 % quicker with 2048 than with 512; plain int8 and int4 17 % quicker
     * again with 4096, where a page is a row), narrow enough that the sums of a tile's rows stay in the
     * first-level cache or a share of the second. Blocks of FRACTAL_NZ are as many runs: 16 side by side are
     * quicker than 64 by 18 % (int8, one row). */
    SLICE_LEAST = 512,
    SLICE_MOST = 2048,
    SLICE_MOST_PLAIN = 4096,
    SLICE_SUMS_SHARE = 32,
    SLICE_BLOCKS = 16,
    /* Rows of x a multiple of 1 KiB apart fall into few sets of the first-level cache: 16 rows in order T
     * were 0.65 of peak so and are 0.76 (int4), 0.61 and 0.69 (int8). Floats. */
    ROW_STRIDE_BAD = 256,
    TASKS_PER_THREAD = 4, /* slack for threads that run at different speeds */
    /* Parts of k cost little, since chunks are summed apart anyway, and shall come out even. */
    K_PARTS_PER_THREAD = 16,
    ROW_PARTS_PER_THREAD = 2, /* likewise, but each begins with what nobody has brought */
    /* Rows whose sums (rows x nr floats) one task keeps in the second-level cache; the weight is dequantised
     * once for each block of so many rows, so the dequantisation is below 1 % of the arithmetic. */
    ROWS_BLOCK = 512,
    /* Panels of a task where each row of the weight, at least so many bytes from the next, is in a page of
     * its own, which is then walked to once for all of them: dequantising 4096 x 4096 takes 5 to 6 ms with
     * one and 4 with four, where 512 rows come between two walks 12 and 5. Their sums may take a share of the
     * second-level cache. */
    ROW_BYTES_FAR = 2048,
    PANELS_MOST = 4,
    PANELS_SUMS_SHARE = 4,
    /* Planes: rows of a block, whose digits of 128 k stay in the second-level cache; the share of that cache
     * which the sums of a task (rows x slice floats) may take; columns of a task, which with 128 k are what
     * is brought ahead. */
    PLANES_ROWS = 256,
    PLANES_SUMS_SHARE = 8,
    PLANES_SLICE = 1024,
    PLANES_STREAM_SLICE = 4096,
    /* In order P whole rows where they fit: one row of x, n = 11008, 0.86 of a read instead of 0.69. */
    PLANES_LONG_SLICE = 16384,
    K_ROWS = 64, /* planes: most rows of which sums of single blocks are kept, 32 KiB a block */
    /* Few rows wait for memory, which is quickest in long runs: wide slices, of which the panels of a block
     * take such a share of the second-level cache, and what is brought ahead the same. */
    PLANES_FEW_ROWS = 16,
    PLANES_PANELS_SHARE = 4,
    /* Planes, kernels of large tiles, see cut_chunks: shares of the second-level cache that the sums of a
     * task and the digits of a few blocks may take. */
    CHUNK_SUMS_SHARE = 4,
    CHUNK_DIGITS_SHARE = 4,
    CHUNK_BLOCKS = 8,
    TILES_PER_PART = 4 /* rows of a task: at least so many tiles for each dequantised panel */
};

const char *aq_settings_problem(void)
{
    if (aq_settings_get()->invalid[0] != '\0')
        return aq_settings_get()->invalid;
    if (aq_cpu_invalid()[0] != '\0')
        return aq_cpu_invalid();
    if (aq_kernel_setting_invalid()[0] != '\0')
        return aq_kernel_setting_invalid();
    return aq_trace_invalid();
}

int aq_settings_check(const char *function)
{
    const char *problem = aq_settings_problem();
    return problem == NULL ? 0 : aq_error(ACLNN_ERR_INNER, "%s: %s", function, problem);
}

aq_order aq_plan_order(const aq_problem *problem)
{
    return problem->weight.row == 1 && problem->weight.column != 1 ? AQ_ORDER_T : AQ_ORDER_P;
}

/* Whether a run of 4-bit weights along the axis of stride 1 may begin in the middle of a byte. */
static bool has_odd_rows(const aq_problem *problem, aq_order order)
{
    if (problem->weight_type != AQ_S4 && problem->weight_type != AQ_F4E2M1)
        return false;
    const aq_matrix_layout *weight = &problem->weight;
    int64_t bits = problem->weight_first | problem->weight_block | problem->weight_block_stride |
                   problem->weight_panel | problem->weight_panel_stride |
                   (order == AQ_ORDER_P ? weight->row : weight->column);
    for (int d = 0; d < problem->batch_rank; d++)
        bits |= weight->batch[d];
    return bits & 1;
}

aq_kernel_query aq_plan_query(const aq_problem *problem, aq_order order)
{
    aq_kernel_query query = {.m = problem->m,
                             .n = problem->n,
                             .k = problem->k,
                             .order = order,
                             .recipe = problem->recipe,
                             .stride_k = problem->weight.row,
                             .stride_n = problem->weight.column,
                             .half = problem->half,
                             .type = problem->weight_type,
                             .block = problem->weight_block,
                             .group = problem->scaled.group < problem->k ? problem->scaled.group : 0,
                             .odd_rows = has_odd_rows(problem, order)};
    if (problem->n == 1 && order == AQ_ORDER_P)
        query.stride_n = 1; /* one column is contiguous whatever its stride */
    return query;
}

/* The kernels' own packers and the stream kernels take dense columns (P) or dense k (T: by definition), and
 * parameters that are the same for all k. */
static bool needs_generic_panel(const aq_problem *problem, const aq_kernel_query *query,
                                const aq_kernel *gemm)
{
    if (problem->recipe == AQ_RECIPE_SCALED)
        return gemm->pack_scaled == NULL || gemm->scaled_declines(query) != NULL;
    bool varies_with_k =
        (problem->add_present && problem->add.row != 0) || (problem->mul_present && problem->mul.row != 0);
    return (query->order == AQ_ORDER_P && query->stride_n != 1) || (varies_with_k && problem->k > 1);
}

/* A part of k begins where its parameters are those of another matrix: with a group, or within one. */
static bool may_begin_at(int64_t chunk, const aq_kernel_query *query)
{
    return (query->group == 0 || chunk % query->group == 0 || query->group % chunk == 0) &&
           (query->block == 0 || chunk % query->block == 0);
}

/* Few columns leave threads idle: then several tasks share the k of a slice, each a run of whole chunks. */
static void cut_k(aq_plan *plan, const aq_kernel_query *query, int64_t chunk)
{
    const int64_t slices = aq_ceil_div(plan->problem.n, plan->slice),
                  chunks = aq_ceil_div(plan->problem.k, chunk);
    if (slices >= plan->threads || chunks < 2 || !may_begin_at(chunk, query))
        return;
    int64_t parts = aq_min_i64(chunks, aq_ceil_div((int64_t)plan->threads * K_PARTS_PER_THREAD, slices));
    plan->part_k = aq_ceil_div(chunks, parts) * chunk;
    plan->k_parts = aq_ceil_div(plan->problem.k, plan->part_k);
}

static int64_t widest_slice(const aq_plan *plan)
{
    const bool across = plan->order == AQ_ORDER_P, nz = plan->problem.weight_block > 0;
    int64_t rows = aq_max_i64(1, aq_min_i64(plan->problem.m, plan->stream->mr)),
            sums = (int64_t)aq_cpu_l1d_bytes(),
            most = !across ? SLICE_MOST
                   : nz    ? SLICE_BLOCKS * plan->problem.weight_block
                           : SLICE_MOST_PLAIN;
    if (across)
        sums = aq_max_i64(sums, (int64_t)aq_cpu_l2_bytes() / SLICE_SUMS_SHARE);
    return aq_max_i64(SLICE_LEAST, aq_min_i64(most, sums / (int64_t)sizeof(float) / rows));
}

/* Neither transposed nor FRACTAL_NZ nor packed: memory is in rows of all columns. */
static bool has_plain_rows(const aq_plan *plan)
{
    return plan->order == AQ_ORDER_P && plan->problem.weight_block == 0 && plan->problem.weight_panel == 0;
}

/* Not what the second-level caches of the threads may hold since the last time. */
static bool comes_from_memory(const aq_plan *plan)
{
    return plan->problem.k > (int64_t)aq_cpu_l2_bytes() * plan->threads / aq_max_i64(plan->problem.n, 1);
}

/* Rows of a plain weight that comes from memory are read in runs as long as can be: 4096 x 4096 int8, one row
 * on two threads, 1.27 ms with four slices a thread and 0.75 with one. What the caches hold is soon done, and
 * better shared. */
static int64_t slices_of_stream(const aq_plan *plan, int64_t most)
{
    if (plan->threads == 1)
        return 1;
    if (has_plain_rows(plan) && comes_from_memory(plan))
        return aq_round_up(aq_ceil_div(plan->problem.n, most), plan->threads);
    return (int64_t)plan->threads * TASKS_PER_THREAD;
}

static void cut_stream(aq_plan *plan, const aq_kernel_query *query)
{
    int64_t n = plan->problem.n, nr = plan->stream->nr, most = widest_slice(plan);
    const int64_t tasks = slices_of_stream(plan, most);
    int64_t slice = aq_round_up(aq_ceil_div(n, tasks), nr);
    plan->slice = aq_max_i64(nr, aq_min_i64(slice, most / nr * nr));
    if (plan->problem.weight_panel > 0) /* no kernel sees two panels; its columns are multiples of nr */
        plan->slice = plan->problem.weight_panel;
    cut_k(plan, query, aq_chunk_length(plan->order));
    plan->row_stride = aq_round_up(plan->part_k, AQ_LANES_T);
    if (plan->row_stride % ROW_STRIDE_BAD == 0)
        plan->row_stride += ROW_STRIDE_BAD / 2;
}

static int64_t panels_of_task(const aq_plan *plan, int64_t panels)
{
    const aq_problem *problem = &plan->problem;
    const bool nibbles = problem->weight_type == AQ_S4 || problem->weight_type == AQ_F4E2M1;
    if (plan->order != AQ_ORDER_P || problem->weight_block > 0 || problem->weight_panel > 0 ||
        problem->weight.row / (nibbles ? 2 : 1) < ROW_BYTES_FAR)
        return 1;
    const int64_t sums = (int64_t)(aq_cpu_l2_bytes() / PANELS_SUMS_SHARE / sizeof(float)),
                  fit = sums / aq_max_i64(1, plan->rows_part * plan->gemm->nr),
                  even = plan->threads == 1 ? panels : panels / ((int64_t)plan->threads * TASKS_PER_THREAD);
    return aq_max_i64(1, aq_min_i64(PANELS_MOST, aq_min_i64(fit, even)));
}

static void cut_gemm(aq_plan *plan)
{
    int64_t mr = plan->gemm->mr, nr = plan->gemm->nr;
    /* blocks of equal height: a last one of few rows would dequantise the whole weight for them */
    int64_t blocks = aq_ceil_div(plan->problem.m, aq_round_up(ROWS_BLOCK, mr));
    plan->rows_block = aq_round_up(aq_ceil_div(plan->problem.m, aq_max_i64(blocks, 1)), mr);
    plan->rows_part = plan->rows_block;
    int64_t panels = aq_ceil_div(plan->problem.n, nr), wanted = (int64_t)plan->threads * 2;
    if (plan->threads > 1 && panels < wanted) {
        int64_t part = aq_round_up(aq_ceil_div(plan->rows_block * panels, wanted), mr);
        plan->rows_part = aq_min_i64(plan->rows_block, aq_max_i64(part, TILES_PER_PART * mr));
    }
    plan->panels_part = panels_of_task(plan, panels);
}

/* Integers serve integer weights whose parameters are the same for all k of a column or of a group. */
static bool takes_planes(const aq_problem *problem)
{
    bool varies_with_k =
        (problem->add_present && problem->add.row != 0) || (problem->mul_present && problem->mul.row != 0);
    return !(varies_with_k && problem->k > 1) && !problem->scaled.e8m0;
}

/* How a block of k is cut: by what the groups are multiples of. */
static int segments_of(int64_t group)
{
    if (group % AQ_BLOCK == 0)
        return 1;
    return group % (AQ_BLOCK / 2) == 0 ? 2 : AQ_SEGMENTS;
}

/* Of the tiles that a block of rows is cut into, all as high as the highest must be: a tile costs what all of
 * its rows cost. More than one begins with a group of rows that become digits at once. */
static int64_t rows_of_tile(int64_t block, int64_t m, int64_t most)
{
    int64_t tiles = aq_ceil_div(block, most);
    return tiles == 1 && most > AQ_DIGIT_ROWS ? m : aq_round_up(aq_ceil_div(block, tiles), AQ_DIGIT_ROWS);
}

/* A kernel of large tiles is done with a block so soon that its digits and sums must come from near. Where
 * the digits of all k pass half of the second-level cache, a task gets several panels and does a few blocks
 * of k for one after the other: the sums of a panel's rows stay in the first-level cache for these blocks,
 * the blocks' digits in the second for all panels. Plain rows are packed a block at a time: with more of them
 * 128 rows of 4096 x 4096 take 5 to 15 % longer, as they come from memory. */
static bool cut_chunks(aq_plan *plan, bool plain_rows)
{
    const aq_planes *planes = plan->planes->planes;
    const int64_t near = (int64_t)aq_cpu_l2_bytes(), blocks = aq_ceil_div(plan->problem.k, AQ_BLOCK),
                  block_bytes = aq_ceil_div(plan->rows_block, plan->tile_rows) *
                                aq_digits_bytes(planes, aq_plan_form(plan));
    if (!planes->many_blocks || plan->problem.m <= PLANES_FEW_ROWS || blocks == 0 ||
        (!plain_rows && block_bytes * blocks <= near / 2))
        return false;
    const int64_t most = plain_rows ? 1 : aq_min_i64(CHUNK_BLOCKS, near / CHUNK_DIGITS_SHARE / block_bytes),
                  chunks = aq_ceil_div(blocks, aq_max_i64(1, most));
    plan->blocks_together = aq_ceil_div(blocks, chunks);
    return true;
}

/* Threads that read different columns of a plain weight share the pages of its rows, and what the prefetchers
 * of one bring beyond its part is the other's. So one row that comes from memory is read in whole rows: a
 * thread has some of k. 4096 x 4096 on two threads, a row of int8 being a page: 640 us instead of 740, int4
 * 380 instead of 436. What the caches hold is quicker without the second loop, which adds the parts up. */
static bool reads_whole_rows(const aq_plan *plan, const aq_kernel_query *query)
{
    return plan->planes_stream && has_plain_rows(plan) && plan->threads > 1 && comes_from_memory(plan) &&
           may_begin_at(AQ_BLOCK, query);
}

static void cut_k_of_rows(aq_plan *plan, int64_t columns)
{
    const int64_t n = plan->problem.n, blocks = aq_ceil_div(plan->problem.k, AQ_BLOCK),
                  slices = aq_max_i64(aq_ceil_div(n, PLANES_LONG_SLICE), aq_ceil_div(plan->threads, blocks)),
                  parts = aq_ceil_div((int64_t)plan->threads * ROW_PARTS_PER_THREAD, slices);
    plan->slice = aq_round_up(aq_ceil_div(n, slices), columns);
    plan->part_k = aq_ceil_div(blocks, aq_min_i64(parts, blocks)) * AQ_BLOCK;
    plan->k_parts = aq_ceil_div(plan->problem.k, plan->part_k);
}

static void cut_planes(aq_plan *plan, const aq_kernel_query *query)
{
    const aq_planes *planes = plan->planes->planes;
    const int64_t m = plan->problem.m, columns = aq_panel_columns(plan->problem.weight_type);
    plan->by_groups = query->group != 0;
    plan->segments = segments_of(query->group);
    plan->planes_stream = m == 1 && aq_settings_get()->stream_rows != 0 && planes->stream != NULL &&
                          planes->stream_declines(query) == NULL;
    plan->rows_block = aq_min_i64(aq_round_up(m, AQ_DIGIT_ROWS), PLANES_ROWS);
    plan->tile_rows = rows_of_tile(plan->rows_block, m, planes->tile_rows);
    const bool packed = plan->problem.weight_panel > 0, nz = plan->problem.weight_block > 0;
    const bool plain_rows = has_plain_rows(plan), few = m <= PLANES_FEW_ROWS && planes->many_panels,
               chunks = !plan->planes_stream && cut_chunks(plan, plain_rows);
    /* of few rows panels of 4 bits, twice their weights, are better kept in the first-level cache */
    plan->packs_slices =
        plain_rows && !plan->planes_stream && (chunks || (few && plan->problem.weight_type == AQ_S8));
    const int64_t wide = (int64_t)(aq_cpu_l2_bytes() / PLANES_PANELS_SHARE / AQ_BLOCK) / columns * columns;
    const int share = planes->tile_rows > AQ_DIGIT_ROWS ? CHUNK_SUMS_SHARE : PLANES_SUMS_SHARE;
    const bool whole_rows = plan->order == AQ_ORDER_P && !nz;
    int64_t most = chunks                      ? PLANES_SLICE
                   : packed                    ? columns /* a panel is an array of its own */
                   : plan->planes_stream       ? (whole_rows ? PLANES_LONG_SLICE : PLANES_STREAM_SLICE)
                   : nz                        ? columns /* memory in its own order */
                   : plan->order == AQ_ORDER_T ? columns
                   : few                       ? aq_min_i64(PLANES_STREAM_SLICE, aq_max_i64(columns, wide))
                                               : PLANES_SLICE;
    int64_t sums = (int64_t)(aq_cpu_l2_bytes() / share / sizeof(float)) / plan->rows_block;
    most = aq_min_i64(most, aq_max_i64(columns, sums / columns * columns));
    int64_t tasks = aq_ceil_div(plan->problem.n, most);
    tasks = aq_round_up(tasks, plan->threads);
    plan->slice = aq_min_i64(most, aq_round_up(aq_ceil_div(plan->problem.n, tasks), columns));
    if (planes->cuts_k && plan->segments == 1 && m <= K_ROWS) {
        if (reads_whole_rows(plan, query))
            cut_k_of_rows(plan, columns);
        else
            cut_k(plan, query, AQ_BLOCK);
    }
    plan->row_stride = aq_round_up(plan->part_k, AQ_BLOCK);
    plan->own_digits = plan->k_parts > 1 || (plan->threads > 1 && m <= AQ_DIGIT_ROWS);
}

static int too_large(const char *function, const aq_problem *problem)
{
    char actual[96];
    snprintf(actual, sizeof actual, "m = %lld, n = %lld, k = %lld", (long long)problem->m,
             (long long)problem->n, (long long)problem->k);
    return aq_refuse(ACLNN_ERR_PARAM_INVALID,
                     &(aq_refusal){.function = function,
                                   .argument = problem->recipe == AQ_RECIPE_SCALED ? "x, weight" : "x1, x2",
                                   .rule = "m * n * k and the sizes derived from it must fit 64 bits",
                                   .actual = actual,
                                   .nearest = "m * n * k below 9223372036854775808",
                                   .page = "operator page 1.3"});
}

int aq_plan_make(const char *function, const aq_problem *problem, aq_numerics_mode numerics, aq_plan *plan)
{
    int status = aq_settings_check(function);
    if (status != 0)
        return status;
    memset(plan, 0, sizeof *plan);
    plan->problem = *problem;
    plan->order = aq_plan_order(problem);
    plan->numerics = numerics;
    plan->k_parts = 1;
    plan->part_k = problem->k;

    int64_t work;
    if (!aq_mul_i64(problem->m, problem->n, &work) || !aq_mul_i64(work, aq_max_i64(problem->k, 1), &work) ||
        problem->n > INT64_MAX / 2 || problem->m > INT64_MAX / 2 || problem->k > INT64_MAX / 2)
        return too_large(function, problem);
    plan->threads = (int)aq_max_i64(1, aq_min_i64(work / THREAD_WORK, aq_parallel_threads()));

    aq_kernel_query query = aq_plan_query(problem, plan->order);
    query.exact = aq_plan_unrounded(plan);
    plan->gemm = aq_kernel_choose(AQ_ROLE_GEMM, &query);
    plan->generic_panel = query.exact || needs_generic_panel(problem, &query, plan->gemm);
    bool streams = !query.exact && (problem->recipe == AQ_RECIPE_SCALED || !plan->generic_panel);
    plan->stream = streams ? aq_kernel_choose(AQ_ROLE_STREAM, &query) : NULL;
    if (plan->stream != NULL)
        cut_stream(plan, &query);
    cut_gemm(plan);
    plan->planes = query.exact && takes_planes(problem) ? aq_kernel_choose(AQ_ROLE_PLANES, &query) : NULL;
    if (plan->planes != NULL)
        cut_planes(plan, &query);
    return aq_workspace_lay_out(plan) ? 0 : too_large(function, problem);
}
