/* SPDX-License-Identifier: Apache-2.0 */
/* gemm.h - what the files of the AVX-512 gemm kernel share: the tile and the panel packers. */
#ifndef AQ_KERNELS_X86_AVX512_GEMM_H
#define AQ_KERNELS_X86_AVX512_GEMM_H

#include "kernels/kernel.h"

/* 24 sums in registers; four loads of the panel and six broadcasts a step stay below one load for two fma. */
enum { AQ_GEMM512_MR = 6, AQ_GEMM512_NR = 64 };

void aq_gemm512_pack_panel(const aq_panel_job *job);
void aq_gemm512_pack_scaled(const aq_scaled_panel_job *job);
const char *aq_gemm512_scaled_declines(const aq_kernel_query *query);

#endif
