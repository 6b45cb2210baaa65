/* SPDX-License-Identifier: Apache-2.0 */
/* bench_planes.c - --bench of the integer kernels: a tile of digits, a panel, a product of a few rows or of
 * many, one row without a panel. Says nothing of right or wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/checker.h"
#include "kernels/planes.h"
#include "kernels/planes_oracle.h"

enum { BENCH_N = 4096, BENCH_K = 4096, BLOCKS = BENCH_K / AQ_BLOCK, MOST_ROWS = 256, GROUP = 128 };

typedef struct planes_bench {
    const aq_planes *planes;
    aq_digits_job digits;
    aq_integers_job integers;
    aq_planes_tile tile;
    aq_planes_stream stream;
    int64_t tiles, tile_bytes;
} planes_bench;

static void call_digits(void *argument)
{
    planes_bench *bench = argument;
    bench->planes->make_digits(&bench->digits);
}

static void call_pack(void *argument)
{
    const planes_bench *bench = argument;
    bench->planes->pack_panel(&bench->integers);
}

/* One panel under many rows, as in a blocked product. */
static void call_multiply(void *argument)
{
    const planes_bench *bench = argument;
    aq_planes_tile tile = bench->tile;
    if (bench->planes->enter != NULL) {
        bench->planes->enter(tile.tile_rows, tile.segments, AQ_EXACT);
        bench->planes->multiply(&tile);
        bench->planes->leave();
        return;
    }
    for (int64_t i = 0; i < bench->tiles; i++) {
        tile.digits = bench->tile.digits + i * bench->tile_bytes;
        tile.acc = bench->tile.acc + i * AQ_DIGIT_ROWS * tile.acc_stride;
        bench->planes->multiply(&tile);
    }
}

static void call_stream(void *argument)
{
    const planes_bench *bench = argument;
    bench->planes->stream(&bench->stream);
}

static void *aligned(int64_t bytes)
{
    void *memory = aligned_alloc(64, (size_t)bytes);
    if (memory == NULL) {
        fprintf(stderr, "kernel_checker: out of memory\n");
        exit(2);
    }
    memset(memory, 1, (size_t)bytes);
    return memory;
}

static void bench_stream(const aq_kernel *kernel, planes_bench *bench, aq_kernel_query *query,
                         const char *words)
{
    char shape[64];
    double weights = (double)BENCH_N * BENCH_K;
    if (bench->planes->stream == NULL || bench->planes->stream_declines(query) != NULL)
        return;
    snprintf(shape, sizeof shape, "%s row n %d k %d%s", words, BENCH_N, BENCH_K,
             query->group != 0 ? " groups" : "");
    ck_print_time(kernel->name, shape, ck_time_call(call_stream, bench),
                  query->type == AQ_S4 ? weights / 2 : weights, 2 * weights);
}

/* One mode, type and order. */
static void bench_layout(const aq_kernel *kernel, planes_bench *bench, bool exact, aq_weight *weight,
                         bool order_t, const aq_scaled *scaled)
{
    const int64_t columns = aq_panel_columns(weight->type),
                  tile_bytes = aq_digits_bytes(bench->planes, exact ? AQ_EXACT : AQ_FAST),
                  most = bench->planes->tile_rows;
    char words[32], shape[64];
    snprintf(words, sizeof words, "%s %s %s", exact ? "exact" : "fast",
             weight->type == AQ_S4 ? "int4" : "int8", order_t ? "T" : "P");
    weight->stride_k = order_t ? 1 : BENCH_N;
    weight->stride_n = order_t ? BENCH_K : 1;
    bench->digits.exact = bench->tile.exact = bench->stream.exact = exact;
    bench->digits.type = weight->type;
    bench->digits.rows = AQ_DIGIT_ROWS;
    bench->digits.segments = bench->tile.segments = bench->stream.segments = 1;
    bench->tile.columns = bench->tile.acc_stride = bench->integers.n = columns;
    bench->tile_bytes = tile_bytes;
    snprintf(shape, sizeof shape, "%s digits rows 4 k %d", words, BENCH_K);
    if (!order_t)
        ck_print_time(kernel->name, shape, ck_time_call(call_digits, bench), 4.0 * 4 * BENCH_K, 0);
    for (int64_t i = 0; i < MOST_ROWS / AQ_DIGIT_ROWS; i++) /* a block of each tile of rows */
        memmove((char *)bench->digits.digits + i * tile_bytes, bench->digits.digits, (size_t)tile_bytes);
    snprintf(shape, sizeof shape, "%s pack n %lld k 128", words, (long long)columns);
    ck_print_time(kernel->name, shape, ck_time_call(call_pack, bench),
                  (double)(columns * AQ_BLOCK) / (weight->type == AQ_S4 ? 2 : 1), 0);
    for (int64_t rows = 1; rows <= MOST_ROWS && !order_t; rows = rows == 4    ? 16
                                                                 : rows == 16 ? MOST_ROWS
                                                                              : rows + 1) {
        bench->tiles = (rows + AQ_DIGIT_ROWS - 1) / AQ_DIGIT_ROWS;
        bench->tile.rows = rows < AQ_DIGIT_ROWS ? rows : AQ_DIGIT_ROWS;
        if (most > AQ_DIGIT_ROWS) { /* takes all tiles itself */
            bench->tile.rows = rows;
            bench->tile.tile_rows = rows < most ? rows : most;
            bench->tile.digits_stride = tile_bytes;
            bench->tile.blocks = 1;
        }
        snprintf(shape, sizeof shape, "%s multiply rows %lld n %lld k 128", words, (long long)rows,
                 (long long)columns);
        double products = (double)(rows * columns * AQ_BLOCK);
        ck_print_time(kernel->name, shape, ck_time_call(call_multiply, bench), (double)(columns * AQ_BLOCK),
                      2 * products);
    }
    bench->digits.rows = 1;
    call_digits(bench);
    aq_kernel_query query =
        ck_query(order_t ? AQ_ORDER_T : AQ_ORDER_P, 1, BENCH_N, BENCH_K, AQ_RECIPE_SCALED);
    query.exact = true;
    query.type = weight->type;
    bench->stream.scaled = NULL;
    bench_stream(kernel, bench, &query, words);
    query.group = GROUP;
    bench->stream.scaled = scaled;
    bench_stream(kernel, bench, &query, words);
}

void ck_bench_planes(const aq_kernel *kernel)
{
    const aq_planes *planes = kernel->planes;
    const int64_t digit_bytes = aq_digits_bytes(planes, AQ_EXACT) * (BLOCKS + MOST_ROWS);
    aq_weight weight = {.data = aligned((int64_t)BENCH_N * BENCH_K)};
    float *x = aligned(4 * 4 * BENCH_K), *acc = aligned(4 * MOST_ROWS * AQ_PANEL_MOST);
    uint16_t *scales = aligned(2 * BENCH_N * (BENCH_K / GROUP));
    ck_random_start(ck.seed);
    ck_planes_fill_x(x, 4 * BENCH_K, CK_PX_PLAIN);
    ck_fill_weight((int8_t *)(uintptr_t)weight.data, (int64_t)BENCH_N * BENCH_K, CK_W_RANDOM);
    const aq_scaled scaled = {
        .half = AQ_F16, .group = GROUP, .scale = scales, .scale_group = BENCH_N, .scale_n = 1};
    planes_bench bench = {
        .planes = planes,
        .digits = {.x = x, .x_stride = BENCH_K, .blocks = BLOCKS, .digits = aligned(digit_bytes)},
        .integers = {.weight = &weight, .k = AQ_BLOCK, .panel = aligned(AQ_PANEL_BYTES)},
        .stream = {.weight = &weight,
                   .n = BENCH_N,
                   .k = BENCH_K,
                   .acc = aligned(4 * BENCH_N),
                   .room = aligned(4 * 3 * (BENCH_N + BENCH_K))}};
    bench.tile = (aq_planes_tile){.digits = bench.digits.digits, .panel = bench.integers.panel, .acc = acc};
    bench.stream.digits = bench.digits.digits;
    for (int i = 0; i < 8; i++) {
        weight.type = i / 2 % 2 ? AQ_S4 : AQ_S8;
        bench_layout(kernel, &bench, i < 4, &weight, i % 2 == 1, &scaled);
    }
    free((void *)(uintptr_t)weight.data);
    free(x);
    free(acc);
    free(scales);
    free(bench.digits.digits);
    free(bench.integers.panel);
    free(bench.stream.acc);
    free(bench.stream.room);
}
