/* SPDX-License-Identifier: Apache-2.0 */
/* gemm_scaled.c - the panels of AQ_RECIPE_SCALED for the AVX2 gemm kernel. */
#include "kernels/x86/avx2/gemm.h"
#include "kernels/x86/avx2/lanes.h"
#include "kernels/x86/avx2/transpose.h"
#include "kernels/x86/scaled_panel.h"

void aq_gemm256_pack_scaled(const aq_scaled_panel_job *job)
{
    aq_pack_scaled_x86(job, AQ_GEMM256_NR);
}

const char *aq_gemm256_scaled_declines(const aq_kernel_query *query)
{
    return aq_scaled_declines(query, AQ_LANES_T);
}
