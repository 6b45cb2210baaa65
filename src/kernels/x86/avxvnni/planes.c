/* SPDX-License-Identifier: Apache-2.0 */
/* planes.c - the integer kernels of the AVX2 folder with AVX-VNNI, which adds up products of 16-bit integers
 * in one instruction. */
#if !defined(__AVXVNNI__)
#error "compile this folder with -mavxvnni -mavx2 -mfma -mf16c"
#endif

#include "kernels/x86/avx2/madd_lanes.h"
#include "kernels/x86/madd_planes.h"

const aq_kernel aq_planes_avxvnni = {
    .name = "planes_f16_s8s4_4x64_avxvnni",
    .level = AQ_CPU_AVXVNNI,
    .role = AQ_ROLE_PLANES,
    .mr = AQ_DIGIT_ROWS,
    .nr = AQ_PANEL_MOST,
    .declines = aq_planes_decline,
    .planes = &planes,
};
