/* SPDX-License-Identifier: Apache-2.0 */
/* sum_planes.c - a slice of columns times the digits of a block of rows: block after block of k, panel after
 * panel, and which lines of the weight are brought meanwhile. */
#include <string.h>

#include "base/checked.h"
#include "matmul/run_planes.h"

enum {
    FEW_TILES = 2,      /* of rows: see packing_brings */
    FEW_TILES_T = 8,    /* likewise in order T, for kernels that take all rows: AVX2, 16 rows of int8 */
    BLOCKS_AHEAD_T = 4, /* see blocks_ahead */
    PANEL_LINES = 128   /* of memory that a panel of one block is packed from */
};

/* Blocks of k that are brought at a time. In order T columns come in runs of so many: shorter ones, such as
 * one line of each of 128 columns, are half as quick, since no prefetcher sees where they lead. */
static int64_t blocks_ahead(const aq_plan *plan)
{
    if (plan->blocks_together > 0)
        return plan->blocks_together;
    const aq_planes *planes = plan->planes->planes;
    const bool runs = plan->order == AQ_ORDER_T && plan->problem.weight_block == 0;
    return runs && (!planes->all_rows || planes->tile_rows > AQ_DIGIT_ROWS) ? BLOCKS_AHEAD_T : 1;
}

/* What is read after so many blocks from (k, column .. column + n - 1) of a slice on: the same columns of as
 * many more; in order T, after the last, the next panel's first. */
static aq_ahead ahead_of(const aq_matrix_run *run, int64_t k, int64_t column, int64_t n)
{
    const aq_plan *plan = run->plan;
    const aq_weight around = aq_weight_around(run, column), *weight = &around;
    const int per_byte = weight->type == AQ_S4 ? 2 : 1;
    const bool order_t = plan->order == AQ_ORDER_T;
    int64_t length = blocks_ahead(plan) * AQ_BLOCK;
    k += length;
    if (order_t && k >= plan->problem.k && plan->blocks_together == 0) {
        k = 0;
        column += n;
    }
    if (k >= plan->problem.k || column >= plan->problem.n)
        return (aq_ahead){.lines = 0};
    length = aq_min_i64(length, aq_round_up(plan->problem.k - k, AQ_BLOCK));
    int64_t inner = order_t ? weight->stride_n : weight->stride_k, runs = order_t ? n : length,
            run_length = order_t ? length : n;
    int64_t at = weight->first + k * weight->stride_k + column * weight->stride_n;
    if (weight->block > 0) { /* FRACTAL_NZ: a block is one run of its rows */
        int64_t along = order_t ? k : column, across = order_t ? column : k;
        at = weight->first + along / weight->block * weight->block_stride + across * inner;
        runs = aq_ceil_div(run_length, weight->block);
        run_length = weight->block * (order_t ? n : length);
        inner = weight->block_stride;
    }
    if (inner == run_length) { /* a packed panel is one run, too */
        run_length *= runs;
        runs = 1;
    }
    int64_t lines = aq_ceil_div(run_length / per_byte, AQ_LINE_BYTES);
    return (aq_ahead){.at = (uintptr_t)weight->data + (uintptr_t)(at / per_byte),
                      .stride = (uintptr_t)(inner / per_byte),
                      .run = aq_max_i64(lines, 1),
                      .lines = runs * aq_max_i64(lines, 1)};
}

/* k of the block, and columns of the panel at column n0, that exist. */
static int64_t k_of(const aq_matrix_run *run, int64_t k0)
{
    return aq_min_i64(AQ_BLOCK, run->plan->problem.k - k0);
}

static int64_t columns_of(const aq_matrix_run *run, int64_t n0)
{
    const aq_problem *problem = &run->plan->problem;
    return aq_min_i64(aq_panel_columns(problem->weight_type), problem->n - n0);
}

/* One block of n columns to panels that lie one after the other. ahead: or null. */
static void pack_block(const aq_matrix_run *run, int64_t column, int64_t n, int64_t block, char *panels,
                       aq_ahead *ahead)
{
    const aq_weight weight = aq_weight_around(run, column);
    run->plan->planes->planes->pack_panel(&(aq_integers_job){.weight = &weight,
                                                             .k0 = block * AQ_BLOCK,
                                                             .n0 = column,
                                                             .k = k_of(run, block * AQ_BLOCK),
                                                             .n = n,
                                                             .form = aq_plan_form(run->plan),
                                                             .panel = panels,
                                                             .ahead = ahead});
}

static int64_t panel_bytes_of(const aq_plan *plan)
{
    return aq_block_panel_bytes(plan->problem.weight_type, aq_plan_form(plan));
}

/* Who brings the next lines: with few rows packing brings some of them, while memory is what it waits for
 * anyway; else the products do, evenly, so that nothing waits. */
static bool packing_brings(const aq_matrix_run *run)
{
    const aq_plan *plan = run->plan;
    const bool all_rows = plan->planes->planes->all_rows;
    const int64_t tiles = aq_ceil_div(run->rows, AQ_DIGIT_ROWS);
    if (plan->packs_slices)
        return false;
    return tiles <= (!all_rows ? 1 : plan->order == AQ_ORDER_T ? FEW_TILES_T : FEW_TILES);
}

/* Of the next lines, those that each call of multiply brings. Of a slice that was packed before the
 * prefetchers bring some by themselves. */
static int lines_of(const aq_matrix_run *run, int64_t calls)
{
    const aq_plan *plan = run->plan;
    if (packing_brings(run))
        return PANEL_LINES - plan->planes->planes->pack_lines;
    return (int)aq_min_i64(plan->packs_slices ? PANEL_LINES / 2 : PANEL_LINES,
                           aq_ceil_div(PANEL_LINES, calls));
}

/* The scales of a few blocks, one after the other. */
static aq_planes_scales scales_of_blocks(const aq_matrix_run *run, size_t thread, int64_t block,
                                         int64_t blocks, int64_t n0, bool in_order)
{
    const aq_plan *plan = run->plan;
    const aq_scaled *scaled = &run->data.parameters.scaled;
    const aq_weight_type type = plan->problem.weight_type;
    const int64_t floats = aq_panel_columns(type) * AQ_SEGMENTS;
    if (!plan->by_groups)
        return (aq_planes_scales){.scale = NULL};
    float *scale = aq_scratch_floats(run, thread, plan->workspace.scratch_scale),
          *zero = scaled->offset != NULL ? scale + blocks * floats : NULL;
    for (int64_t b = 0; b < blocks; b++)
        plan->planes->planes->group_scales(
            &(aq_group_scales){.scaled = scaled,
                               .type = type,
                               .k0 = (block + b) * AQ_BLOCK,
                               .k = k_of(run, (block + b) * AQ_BLOCK),
                               .n0 = n0,
                               .n = columns_of(run, n0),
                               .segments = plan->segments,
                               .in_order = in_order,
                               .scale = scale + b * floats,
                               .zero = zero != NULL ? zero + b * floats : NULL});
    return (aq_planes_scales){.scale = scale, .zero = zero};
}

aq_planes_scales aq_planes_group_scales(const aq_matrix_run *run, size_t thread, int64_t block, int64_t n0,
                                        bool in_order)
{
    return scales_of_blocks(run, thread, block, 1, n0, in_order);
}

static const char *digits_of(const aq_matrix_run *run, size_t thread, int64_t row, int64_t block)
{
    const aq_plan *plan = run->plan;
    return aq_planes_digits(run, thread, row / plan->tile_rows) +
           block * aq_digits_bytes(plan->planes->planes, aq_plan_form(plan));
}

/* The tile of row r and the panel of the p-th column on: what does not depend on who brings what. */
static aq_planes_tile tile_of(const aq_matrix_run *run, size_t thread, int64_t p, int64_t r, int64_t block,
                              const char *panel, const aq_planes_scales *by_groups)
{
    const aq_plan *plan = run->plan;
    const int64_t columns = aq_panel_columns(plan->problem.weight_type);
    return (aq_planes_tile){.digits = digits_of(run, thread, r, block),
                            .digits_stride = plan->workspace.digits_bytes,
                            .tile_rows = plan->tile_rows,
                            .blocks = 1,
                            .panel = panel,
                            .acc = aq_planes_sums(run, thread, p, r),
                            .acc_stride = columns,
                            .rows = run->rows - r,
                            .columns = columns,
                            .segments = plan->segments,
                            .exact = aq_plan_exact(plan),
                            .form = aq_plan_form(plan),
                            .scale = by_groups->scale,
                            .zero = by_groups->zero};
}

/* One panel of one block times all rows of the block of rows. */
static void multiply_panel(const aq_matrix_run *run, size_t thread, int64_t column, int64_t p, int64_t block,
                           aq_ahead *ahead)
{
    const aq_plan *plan = run->plan;
    const aq_planes *planes = plan->planes->planes;
    const int64_t columns = aq_panel_columns(plan->problem.weight_type), n0 = column + p;
    const bool packed = plan->packs_slices, few = packing_brings(run);
    char *panel = aq_scratch_of(run, thread) + (packed ? p / columns * panel_bytes_of(plan) : 0);
    if (!packed)
        pack_block(run, n0, columns_of(run, n0), block, panel, few ? ahead : NULL);
    const aq_planes_scales by_groups = aq_planes_group_scales(run, thread, block, n0, false);
    const int64_t at_once = planes->all_rows ? run->rows : plan->tile_rows,
                  calls = aq_ceil_div(run->rows, at_once);
    for (int64_t r = 0; r < run->rows; r += at_once) {
        const int64_t next = r + at_once < run->rows ? r + at_once : 0;
        aq_planes_tile tile = tile_of(run, thread, p, r, block, panel, &by_groups);
        tile.rows = aq_min_i64(at_once, tile.rows);
        tile.ahead = !few || r == 0 ? ahead : NULL;
        tile.lines = lines_of(run, calls);
        tile.next_digits = digits_of(run, thread, next, block);
        tile.next_acc = aq_planes_sums(run, thread, p, next);
        planes->multiply(&tile);
    }
}

/* Panels of a few blocks times all rows. panel: the first block's, the others panel_stride bytes apart. */
static void multiply_blocks(const aq_matrix_run *run, size_t thread, int64_t column, int64_t p, int64_t block,
                            int64_t blocks, const char *panel, int64_t panel_stride, aq_ahead *ahead,
                            int64_t lines)
{
    const aq_planes_scales by_groups = scales_of_blocks(run, thread, block, blocks, column + p, false);
    aq_planes_tile tile = tile_of(run, thread, p, 0, block, panel, &by_groups);
    tile.blocks = blocks;
    tile.panel_stride = panel_stride;
    tile.ahead = ahead;
    tile.lines = (int)lines;
    run->plan->planes->planes->multiply(&tile);
}

/* A chunk of blocks of k for all panels of the slice, which are packed panel by panel. */
static void sum_chunk_by_panels(const aq_matrix_run *run, size_t thread, int64_t column, int64_t n,
                                int64_t block, int64_t blocks)
{
    const aq_plan *plan = run->plan;
    const int64_t columns = aq_panel_columns(plan->problem.weight_type), panel_bytes = panel_bytes_of(plan);
    char *panel = aq_scratch_of(run, thread);
    for (int64_t p = 0; p < n; p += columns) {
        /* the next is the next panel's, or the first's of the next chunk */
        const bool last = p + columns >= n;
        const int64_t next = last ? 0 : p + columns, before = last ? block : block - plan->blocks_together;
        aq_ahead ahead = ahead_of(run, before * AQ_BLOCK, column + next, aq_min_i64(columns, n - next));
        for (int64_t b = 0; b < blocks; b++)
            pack_block(run, column + p, columns_of(run, column + p), block + b, panel + b * panel_bytes,
                       NULL);
        multiply_blocks(run, thread, column, p, block, blocks, panel, panel_bytes, &ahead, ahead.lines);
    }
}

/* Likewise, packed block by block, as memory lies. */
static void sum_chunk_by_rows(const aq_matrix_run *run, size_t thread, int64_t column, int64_t n,
                              int64_t block, int64_t blocks)
{
    const aq_plan *plan = run->plan;
    const int64_t columns = aq_panel_columns(plan->problem.weight_type), panels = aq_ceil_div(n, columns),
                  panel_bytes = panel_bytes_of(plan), block_bytes = panels * panel_bytes;
    char *panel = aq_scratch_of(run, thread);
    aq_ahead ahead = ahead_of(run, block * AQ_BLOCK, column, n);
    const int64_t lines = aq_ceil_div(ahead.lines, panels);
    for (int64_t b = 0; b < blocks; b++)
        pack_block(run, column, n, block + b, panel + b * block_bytes, NULL);
    for (int64_t p = 0; p < n; p += columns)
        multiply_blocks(run, thread, column, p, block, blocks, panel + p / columns * panel_bytes, block_bytes,
                        &ahead, lines);
}

/* A few blocks of k at a time, for which it goes from panel to panel (plan.h). */
static void sum_by_chunks(const aq_matrix_run *run, size_t thread, int64_t column, int64_t n)
{
    const aq_plan *plan = run->plan;
    const int64_t blocks = plan->row_stride / AQ_BLOCK;
    for (int64_t b = 0; b < blocks; b += plan->blocks_together) {
        const int64_t some = aq_min_i64(plan->blocks_together, blocks - b);
        (plan->packs_slices ? sum_chunk_by_rows : sum_chunk_by_panels)(run, thread, column, n, b, some);
    }
}

void aq_planes_sum_slice(const aq_matrix_run *run, size_t thread, int64_t column, int64_t n)
{
    const aq_plan *plan = run->plan;
    const int64_t columns = aq_panel_columns(plan->problem.weight_type), blocks = plan->row_stride / AQ_BLOCK;
    float *acc = aq_scratch_floats(run, thread, plan->workspace.scratch_sums);
    if (plan->planes_stream) {
        const aq_weight weight = aq_weight_around(run, column);
        plan->planes->planes->stream(&(aq_planes_stream){
            .weight = &weight,
            .scaled = plan->by_groups ? &run->data.parameters.scaled : NULL,
            .zero = plan->by_groups && run->data.parameters.scaled.offset != NULL,
            .n0 = column,
            .n = n,
            .k = plan->problem.k,
            .digits = aq_planes_digits(run, thread, 0),
            .acc = acc,
            .block_step = plan->k_parts > 1 ? plan->slice : 0,
            .segments = plan->segments,
            .exact = aq_plan_exact(plan),
            .room = (int32_t *)(void *)aq_scratch_floats(run, thread, plan->workspace.scratch_ints)});
        return;
    }
    memset(acc, 0, (size_t)(plan->rows_block * plan->slice) * sizeof *acc);
    const aq_planes *planes = plan->planes->planes;
    if (planes->enter != NULL)
        planes->enter(plan->tile_rows, plan->segments, aq_plan_form(plan));
    if (plan->blocks_together > 0) {
        sum_by_chunks(run, thread, column, n);
    } else if (plan->order == AQ_ORDER_T) {
        aq_ahead ahead = {.lines = 0};
        for (int64_t p = 0; p < n; p += columns)
            for (int64_t b = 0; b < blocks; b++) {
                if (b % blocks_ahead(plan) == 0)
                    ahead = ahead_of(run, b * AQ_BLOCK, column + p, aq_min_i64(columns, n - p));
                multiply_panel(run, thread, column, p, b, &ahead);
            }
    } else {
        for (int64_t b = 0; b < blocks; b++) {
            aq_ahead ahead = ahead_of(run, b * AQ_BLOCK, column, n);
            if (plan->packs_slices)
                pack_block(run, column, n, b, aq_scratch_of(run, thread), NULL);
            for (int64_t p = 0; p < n; p += columns)
                multiply_panel(run, thread, column, p, b, &ahead);
        }
    }
    if (planes->leave != NULL)
        planes->leave();
}
