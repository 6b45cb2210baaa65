/* SPDX-License-Identifier: Apache-2.0 */
/* planes_multiply.c - digits times a panel, AVX2. */
#define AQ_MULTIPLY aq_avx2_multiply
#include "kernels/x86/avx2/planes_multiply.h"
