/* SPDX-License-Identifier: Apache-2.0 */
/* bench.c - --bench: one line a kernel and shape, one thread, best of several runs. Says nothing of right or
 * wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernels/checker.h"
#include "kernels/data.h"
#include "kernels/planes_oracle.h"

enum { BENCH_N = 4096, BENCH_K = 4096 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of one call: best of five runs of about 50 ms. */
double ck_time_call(void (*call)(void *), void *argument)
{
    double best = 1e9;
    call(argument);
    for (int run = 0; run < 5; run++) {
        double begin = now(), passed;
        long calls = 0;
        do {
            call(argument);
            calls++;
            passed = now() - begin;
        } while (passed < 0.05);
        if (passed / (double)calls < best)
            best = passed / (double)calls;
    }
    return best;
}

void ck_print_time(const char *name, const char *shape, double seconds, double bytes, double flops)
{
    printf("%-36s %-34s %11.2f us %8.2f GB/s %8.2f GFLOP/s\n", name, shape, seconds * 1e6,
           bytes / seconds * 1e-9, flops / seconds * 1e-9);
}

typedef struct bench_call {
    const aq_kernel *kernel;
    aq_stream_tile stream;
    aq_rows_job rows;
    aq_panel_job panel;
    aq_gemm_tile tile;
    int64_t row_tiles;
} bench_call;

static void call_stream(void *argument)
{
    const bench_call *call = argument;
    call->kernel->stream(&call->stream);
}

static void call_rows(void *argument)
{
    const bench_call *call = argument;
    call->kernel->pack_rows(&call->rows);
}

static void call_panel(void *argument)
{
    const bench_call *call = argument;
    call->kernel->pack_panel(&call->panel);
}

/* One panel under many row tiles, as in a blocked product. */
static void call_tiles(void *argument)
{
    const bench_call *call = argument;
    aq_gemm_tile tile = call->tile;
    for (int64_t i = 0; i < call->row_tiles; i++) {
        tile.packed = call->tile.packed + i * tile.steps * call->kernel->mr;
        tile.sum = call->tile.sum + i * call->kernel->mr * tile.sum_stride;
        call->kernel->gemm(&tile);
    }
}

static void bench_stream(const aq_kernel *kernel, aq_order order, int64_t rows, bench_call *call)
{
    aq_kernel_query query = ck_query(order, rows, BENCH_N, BENCH_K, AQ_RECIPE_FIXPIPE);
    if (ck_declines(kernel, &query))
        return;
    call->stream.weight.stride_k = query.stride_k;
    call->stream.weight.stride_n = query.stride_n;
    call->stream.rows = rows;
    char shape[64];
    snprintf(shape, sizeof shape, "order %s rows %lld n %d k %d", order == AQ_ORDER_P ? "P" : "T",
             (long long)rows, BENCH_N, BENCH_K);
    double bytes = (double)BENCH_N * BENCH_K;
    ck_print_time(kernel->name, shape, ck_time_call(call_stream, call), bytes, 2.0 * bytes * (double)rows);
}

static void bench_gemm(const aq_kernel *kernel, aq_order order, bench_call *call)
{
    int64_t k = aq_chunk_length(order), mr = kernel->mr, nr = kernel->nr;
    char shape[64];
    const char *letter = order == AQ_ORDER_P ? "P" : "T";
    call->tile.order = call->rows.order = call->panel.order = order;
    call->tile.steps = call->rows.steps = call->panel.steps = call->rows.k = call->panel.k = k;
    call->rows.stride_m = BENCH_K;
    call->rows.stride_k = 1;
    call->rows.rows = mr;
    call->panel.weight.stride_k = order == AQ_ORDER_P ? BENCH_N : 1;
    call->panel.weight.stride_n = order == AQ_ORDER_P ? 1 : BENCH_K;
    call->panel.n = nr;
    call->row_tiles = 16;
    int64_t m = call->row_tiles * mr;
    snprintf(shape, sizeof shape, "order %s m %lld n %lld k %lld", letter, (long long)m, (long long)nr,
             (long long)k);
    double products = (double)(m * nr * k);
    ck_print_time(kernel->name, shape, ck_time_call(call_tiles, call), (double)((m + nr) * k * 4),
                  2 * products);
    snprintf(shape, sizeof shape, "pack_rows %s m %lld k %lld", letter, (long long)mr, (long long)k);
    ck_print_time(kernel->name, shape, ck_time_call(call_rows, call), (double)(mr * k * 2), 0);
    snprintf(shape, sizeof shape, "pack_panel %s fixpipe n %lld k %lld", letter, (long long)nr, (long long)k);
    call->panel.columns.recipe = AQ_RECIPE_FIXPIPE;
    ck_print_time(kernel->name, shape, ck_time_call(call_panel, call), (double)(nr * k), 0);
    snprintf(shape, sizeof shape, "pack_panel %s composed n %lld k %lld", letter, (long long)nr,
             (long long)k);
    call->panel.columns.recipe = AQ_RECIPE_COMPOSED;
    ck_print_time(kernel->name, shape, ck_time_call(call_panel, call), (double)(nr * k), 0);
}

void ck_bench(const aq_kernel *kernel)
{
    if (kernel->role == AQ_ROLE_PLANES) {
        ck_bench_planes(kernel);
        return;
    }
    ck_random_start(ck.seed);
    bench_call call = {.kernel = kernel};
    /* The arenas would be too small; aligned_alloc sizes are multiples of 64. */
    int8_t *weight = aligned_alloc(64, (size_t)BENCH_N * BENCH_K);
    float *floats = aligned_alloc(64, sizeof(float) * BENCH_K * 2048);
    uint16_t *x = ck_alloc(BENCH_K * AQ_MAX_MR, sizeof *x);
    float *columns = ck_alloc(BENCH_N, sizeof *columns);
    int32_t *offset = ck_alloc(BENCH_N, sizeof *offset);
    if (weight == NULL || floats == NULL) {
        fprintf(stderr, "kernel_checker: out of memory\n");
        exit(2);
    }
    ck_fill_weight(weight, (int64_t)BENCH_N * BENCH_K, CK_W_RANDOM);
    ck_fill_x(x, BENCH_K * AQ_MAX_MR, CK_X_PLAIN);
    for (int64_t i = 0; i < BENCH_K * 2048; i++)
        floats[i] = 0.5f;
    for (int64_t i = 0; i < BENCH_N; i++)
        columns[i] = 0x1p-7f;
    aq_columns parameters = {.offset = offset,
                             .scale = columns,
                             .factor = 0.01f,
                             .factor_present = true,
                             .add = columns,
                             .mul = columns};
    aq_weight stored = {.data = weight};
    call.stream = (aq_stream_tile){.weight = stored,
                                   .x = floats,
                                   .x_stride = BENCH_K,
                                   .columns = parameters,
                                   .sum = floats + BENCH_K * 1024,
                                   .sum_stride = BENCH_N,
                                   .n = BENCH_N,
                                   .k = BENCH_K};
    call.rows = (aq_rows_job){.x = x, .packed = floats};
    call.panel = (aq_panel_job){.weight = stored, .columns = parameters, .panel = floats + BENCH_K * 512};
    call.tile = (aq_gemm_tile){.packed = floats,
                               .panel = floats + BENCH_K * 512,
                               .sum = floats + BENCH_K * 1024,
                               .sum_stride = AQ_MAX_NR,
                               .first = true,
                               .rows = kernel->mr,
                               .columns = kernel->nr};
    for (int order = AQ_ORDER_P; order <= AQ_ORDER_T; order++) {
        if (kernel->role == AQ_ROLE_GEMM)
            bench_gemm(kernel, (aq_order)order, &call);
        for (int rows = 1; kernel->role == AQ_ROLE_STREAM && rows <= kernel->mr; rows *= 2)
            bench_stream(kernel, (aq_order)order, rows, &call);
    }
    free(weight);
    free(floats);
    free(x);
    free(columns);
    free(offset);
}
