/* SPDX-License-Identifier: Apache-2.0 */
/* planes_multiply.c - digits times a panel, AVX-VNNI: madd_lanes.h of the AVX2 folder then adds up products
 * of 16-bit integers in one instruction. */
#if !defined(__AVXVNNI__)
#error "compile this folder with -mavxvnni -mavx2 -mfma -mf16c"
#endif

#define AQ_MULTIPLY aq_avxvnni_multiply
#include "kernels/x86/avx2/planes_multiply.h"
