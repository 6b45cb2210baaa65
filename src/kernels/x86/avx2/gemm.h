/* SPDX-License-Identifier: Apache-2.0 */
/* gemm.h - what the files of the AVX2 gemm kernel share: the tile and the panel packers. */
#ifndef AQ_KERNELS_X86_AVX2_GEMM_H
#define AQ_KERNELS_X86_AVX2_GEMM_H

#include "kernels/kernel.h"

/* 12 of 16 registers hold sums: two for the panel, one for the broadcast, one spare. */
enum { AQ_GEMM256_MR = 6, AQ_GEMM256_NR = 64 };

void aq_gemm256_pack_panel(const aq_panel_job *job);
void aq_gemm256_pack_scaled(const aq_scaled_panel_job *job);
const char *aq_gemm256_scaled_declines(const aq_kernel_query *query);

#endif
