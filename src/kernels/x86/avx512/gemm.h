/* SPDX-License-Identifier: Apache-2.0 */
/* gemm.h - what the files of the AVX-512 gemm kernel share: the tile and the panel packers. */
#ifndef AQ_KERNELS_X86_AVX512_GEMM_H
#define AQ_KERNELS_X86_AVX512_GEMM_H

#include "kernels/kernel.h"

/* 16 sums in registers; two loads of the panel and eight broadcasts a step stay below one load an fma. */
enum { AQ_GEMM512_MR = 8, AQ_GEMM512_NR = 64 };

void aq_gemm512_pack_panel(const aq_panel_job *job);
void aq_gemm512_pack_scaled(const aq_scaled_panel_job *job);
const char *aq_gemm512_scaled_declines(const aq_kernel_query *query);

#endif
