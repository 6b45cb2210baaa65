/* SPDX-License-Identifier: Apache-2.0 */
/* stream_scaled_p.c - the stream kernels of AQ_RECIPE_SCALED with n contiguous (order P), AVX2. */
#include "kernels/x86/avx2/scaled_row_p.h"
#include "kernels/x86/few_rows.h"

#define AQ_STREAM_P_VECTORS 1
#define AQ_STREAM_P_DEPTH   4
#include "kernels/x86/scaled_stream_p.h"

enum { MOST_M = 16 /* beyond, the gemm kernel is quicker */ };

static void stream_s8(const aq_scaled_stream_tile *tile)
{
    aq_scaled_stream_p(tile, AQ_S8);
}

static const char *declines_s8(const aq_kernel_query *query)
{
    const char *why = aq_scaled_declines(query, 32);
    if (why != NULL)
        return why;
    if (query->type != AQ_S8)
        return "takes int8 weights only";
    if (query->order != AQ_ORDER_P)
        return "takes weights with n contiguous only";
    return aq_too_many_rows(query->m, MOST_M);
}

const aq_kernel aq_stream_s8g_p_avx2 = {
    .name = "stream_x16_s8g_p_16x64_avx2",
    .level = AQ_CPU_AVX2,
    .role = AQ_ROLE_STREAM,
    .mr = MOST_M,
    .nr = 64,
    .declines = declines_s8,
    .stream_scaled = stream_s8,
};

static void stream_s4(const aq_scaled_stream_tile *tile)
{
    aq_scaled_stream_p(tile, AQ_S4);
}

static const char *declines_s4(const aq_kernel_query *query)
{
    const char *why = aq_scaled_declines(query, 64);
    if (why != NULL)
        return why;
    if (query->type != AQ_S4)
        return "takes int4 weights only";
    if (query->order != AQ_ORDER_P)
        return "takes weights with n contiguous only";
    return aq_too_many_rows(query->m, MOST_M);
}

const aq_kernel aq_stream_s4g_p_avx2 = {
    .name = "stream_x16_s4g_p_16x128_avx2",
    .level = AQ_CPU_AVX2,
    .role = AQ_ROLE_STREAM,
    .mr = MOST_M,
    .nr = 128,
    .declines = declines_s4,
    .stream_scaled = stream_s4,
};
