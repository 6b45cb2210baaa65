/* SPDX-License-Identifier: Apache-2.0 */
/* planes.c - the integer kernels by products of 16-bit integers, AVX-512. What they do is in
 * kernels/x86/madd_*.h; here they are compiled for their instructions. */
#include "kernels/x86/avx512/madd_lanes.h"
#include "kernels/x86/madd_planes.h"

const aq_kernel aq_planes_avx512 = {
    .name = "planes_f16_s8s4_4x64_avx512",
    .level = AQ_CPU_AVX512,
    .role = AQ_ROLE_PLANES,
    .mr = AQ_DIGIT_ROWS,
    .nr = AQ_PANEL_MOST,
    .declines = aq_planes_decline,
    .planes = &planes,
};
