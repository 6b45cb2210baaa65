/* SPDX-License-Identifier: Apache-2.0 */
/* few_rows.h - up to how many rows the stream kernels of x86 are asked for. Knows row counts only. */
#ifndef AQ_KERNELS_X86_FEW_ROWS_H
#define AQ_KERNELS_X86_FEW_ROWS_H

#include "base/settings.h"
#include "kernels/kernel.h"

/* Beyond, the AVX-512 gemm kernel is quicker: from 24 rows on, measured in both orders, for int8 and int4,
 * with one group and with many. The scaled kernel of order P takes 32 rows at a time, and is then the quicker
 * one by a fifth to a third (8.0 to 9.5 ms against 11, 4096 x 4096). No stream kernel of AVX2 takes more
 * than 16. */
enum { AQ_FEW_ROWS_AVX512 = 16, AQ_FEW_ROWS_P_AVX512 = 32 };

/* Null, or why a stream kernel does not take m rows; most: beyond, the gemm kernel of its own level is
 * quicker. ANTIQUANT_STREAM_ROWS overrides both. */
static inline const char *aq_too_many_rows(int64_t m, int64_t most)
{
    const int setting = aq_settings_get()->stream_rows;
    if (setting >= 0)
        return m <= setting ? NULL : "ANTIQUANT_STREAM_ROWS allows fewer rows";
    if (m <= most)
        return NULL;
    return "a gemm kernel is quicker with so many rows";
}

#endif
