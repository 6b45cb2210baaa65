/* SPDX-License-Identifier: Apache-2.0 */
/* few_rows.h - up to how many rows the stream kernels of x86 are asked for. Knows row counts and the CPU's
 * level. */
#ifndef AQ_KERNELS_X86_FEW_ROWS_H
#define AQ_KERNELS_X86_FEW_ROWS_H

#include "base/settings.h"
#include "kernels/kernel.h"

/* Beyond, the AVX-512 gemm kernel is quicker than any stream kernel, AVX2's too: from 24 rows on, measured in
 * both orders, for int8 and int4, with one group and with many. */
enum { AQ_FEW_ROWS_AVX512 = 16 };

/* Null, or why a stream kernel does not take m rows; most: beyond, the gemm kernel of its own level is
 * quicker. ANTIQUANT_STREAM_ROWS overrides both. */
static inline const char *aq_too_many_rows(int64_t m, int64_t most)
{
    const int setting = aq_settings_get()->stream_rows;
    if (setting >= 0)
        return m <= setting ? NULL : "ANTIQUANT_STREAM_ROWS allows fewer rows";
    if (m <= most && (m <= AQ_FEW_ROWS_AVX512 || aq_cpu_level_in_use() < AQ_CPU_AVX512))
        return NULL;
    return "a gemm kernel is quicker with so many rows";
}

#endif
