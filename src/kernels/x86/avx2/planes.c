/* SPDX-License-Identifier: Apache-2.0 */
/* planes.c - the integer kernels of modes exact and fast, AVX2, as the table knows them. */
#define AQ_MULTIPLY aq_avx2_multiply
#include "kernels/x86/avx2/planes_table.h"

const aq_kernel aq_planes_avx2 = {
    .name = "planes_f16_s8s4_4x64_avx2",
    .level = AQ_CPU_AVX2,
    .role = AQ_ROLE_PLANES,
    .mr = AQ_DIGIT_ROWS,
    .nr = AQ_PANEL_MOST,
    .declines = aq_planes_decline,
    .planes = &planes,
};
