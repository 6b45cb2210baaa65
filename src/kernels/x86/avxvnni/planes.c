/* SPDX-License-Identifier: Apache-2.0 */
/* planes.c - the integer kernels of the AVX2 folder with the products of AVX-VNNI, as the table knows them.
 */
#define AQ_MULTIPLY aq_avxvnni_multiply
#include "kernels/x86/avx2/planes_table.h"

const aq_kernel aq_planes_avxvnni = {
    .name = "planes_f16_s8s4_4x64_avxvnni",
    .level = AQ_CPU_AVXVNNI,
    .role = AQ_ROLE_PLANES,
    .mr = AQ_DIGIT_ROWS,
    .nr = AQ_PANEL_MOST,
    .declines = aq_planes_decline,
    .planes = &planes,
};
