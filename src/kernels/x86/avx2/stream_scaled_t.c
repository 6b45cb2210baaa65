/* SPDX-License-Identifier: Apache-2.0 */
/* stream_scaled_t.c - the stream kernels of AQ_RECIPE_SCALED with k contiguous (order T), AVX2. */
#include "kernels/x86/avx2/scaled_row_t.h"
#include "kernels/x86/few_rows.h"

#define AQ_STREAM_T_DEPTH 2
#include "kernels/x86/scaled_stream_t.h"

enum { MOST_M = 10 /* beyond, the gemm kernel is quicker */ };

static void stream_s8(const aq_scaled_stream_tile *tile)
{
    aq_scaled_stream_t(tile, AQ_S8);
}

static const char *declines_s8(const aq_kernel_query *query)
{
    const char *why = aq_scaled_declines(query, 16);
    if (why != NULL)
        return why;
    if (query->type != AQ_S8)
        return "takes int8 weights only";
    if (query->order != AQ_ORDER_T)
        return "takes weights with k contiguous only";
    return aq_too_many_rows(query->m, MOST_M);
}

const aq_kernel aq_stream_s8g_t_avx2 = {
    .name = "stream_x16_s8g_t_16x4_avx2",
    .level = AQ_CPU_AVX2,
    .role = AQ_ROLE_STREAM,
    .mr = AQ_STREAM_T_ROWS,
    .nr = 4,
    .declines = declines_s8,
    .stream_scaled = stream_s8,
};

static void stream_s4(const aq_scaled_stream_tile *tile)
{
    aq_scaled_stream_t(tile, AQ_S4);
}

static const char *declines_s4(const aq_kernel_query *query)
{
    const char *why = aq_scaled_declines(query, 16);
    if (why != NULL)
        return why;
    if (query->type != AQ_S4)
        return "takes int4 weights only";
    if (query->order != AQ_ORDER_T)
        return "takes weights with k contiguous only";
    return aq_too_many_rows(query->m, MOST_M);
}

const aq_kernel aq_stream_s4g_t_avx2 = {
    .name = "stream_x16_s4g_t_16x4_avx2",
    .level = AQ_CPU_AVX2,
    .role = AQ_ROLE_STREAM,
    .mr = AQ_STREAM_T_ROWS,
    .nr = 4,
    .declines = declines_s4,
    .stream_scaled = stream_s4,
};
