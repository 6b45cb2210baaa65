/* SPDX-License-Identifier: Apache-2.0 */
/* gemm_scaled.c - the panels of AQ_RECIPE_SCALED for the AVX-512 gemm kernel. */
#include "kernels/x86/avx512/gemm.h"
#include "kernels/x86/avx512/lanes.h"
#include "kernels/x86/avx512/transpose.h"
#include "kernels/x86/scaled_panel.h"

void aq_gemm512_pack_scaled(const aq_scaled_panel_job *job)
{
    aq_pack_scaled_x86(job, AQ_GEMM512_NR);
}

const char *aq_gemm512_scaled_declines(const aq_kernel_query *query)
{
    return aq_scaled_declines(query, AQ_LANES_T);
}
