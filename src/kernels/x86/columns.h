/* SPDX-License-Identifier: Apache-2.0 */
/* columns.h - the fixpipe parameters of a block of columns, prepared once for all k of a slice, and the
 * choice between the two ways to round a weight to fp16. Plain C, for both x86 levels; knows no tile.
 *
 * Quick way, when every column of the block allows it: the exact product p = T * scale is rounded to 11 bits
 * by r = (p + 8192 p) - 8192 p, and T becomes a float by its place in the mantissa of 1.5 * 2^23. Exact while
 * T has 13 bits, the scale 11, and every p other than 0 is a normal fp16. Where there are no offsets, T needs
 * no sum: the conversion makes it a float, and p + 8192 p is one product. The sign of a zero weight is lost,
 * which no sum shows (but for the sign of a zero). Other blocks go through the fp16 conversion instructions.
 */
#ifndef AQ_KERNELS_X86_COLUMNS_H
#define AQ_KERNELS_X86_COLUMNS_H

#include "base/float16.h"
#include "kernels/kernel.h"

enum { AQ_BLOCK_COLUMNS = 4096 };

/* 1.5 * 2^23 as a float and its bits: bits + T is the float 1.5 * 2^23 + T while |T| < 2^22. */
#define AQ_MAGIC      12582912.0f
#define AQ_MAGIC_BITS 0x4B400000
/* Keeps the sum p + c in the binade where a float's last bit is fp16's last bit of p: 2^(24 - 11). */
#define AQ_ROUND_STEP 8192.0f

typedef enum aq_fixpipe_way {
    AQ_FIXPIPE_CONVERT, /* offset and scale as given */
    AQ_FIXPIPE_QUICK, /* offset = offset + AQ_MAGIC_BITS, scale = 8192 scale, shift = -AQ_MAGIC * 8192 scale,
                         all exact, so that fma(float of (w + offset), scale, shift) = 8192 p */
    AQ_FIXPIPE_PLAIN  /* no offsets: scale = 8192 scale, shift = 8193 scale, exact in 24 bits */
} aq_fixpipe_way;

typedef struct aq_prepared {
    aq_fixpipe_way way;
    _Alignas(64) int32_t offset[AQ_BLOCK_COLUMNS];
    float scale[AQ_BLOCK_COLUMNS], shift[AQ_BLOCK_COLUMNS];
} aq_prepared;

/* T = w + offset has 13 bits, the scale 11 significant ones (page 1.2's M1 leaves 11), |T * scale| is 0 or
 * within [2^-14, 65504]. False for a NaN or infinite scale. */
static inline bool aq_column_is_quick(int32_t offset, float scale)
{
    float magnitude = scale < 0 ? -scale : scale;
    bool short_scale = (aq_f32_bits(scale) & 0x1FFFu) == 0;
    bool short_sum = offset >= -8063 && offset <= 8063; /* 8191 - 128 */
    float reach = (float)(short_sum ? offset < 0 ? 128 - offset : 128 + offset : 0);
    bool in_range = magnitude == 0 || (magnitude >= 0x1p-14f && magnitude * reach <= 65504.0f);
    return (int)short_scale & (int)short_sum & (int)in_range;
}

/* Prepares columns first .. first + n - 1 (n <= AQ_BLOCK_COLUMNS); up to the next multiple of 64 the weight
 * becomes 0 where the weight byte is 0. plain: whether the kernel has that way. */
static inline void aq_prepare_columns(aq_prepared *prepared, const aq_columns *columns, int64_t first,
                                      int64_t n, bool plain)
{
    const int32_t *offset = columns->offset + first;
    const float *scale = columns->scale + first;
    bool quick = true;
    int32_t any = 0;
    for (int64_t j = 0; j < n; j++) {
        quick &= aq_column_is_quick(offset[j], scale[j]);
        any |= offset[j];
    }
    prepared->way = !quick ? AQ_FIXPIPE_CONVERT : plain && any == 0 ? AQ_FIXPIPE_PLAIN : AQ_FIXPIPE_QUICK;
    const int32_t magic = prepared->way == AQ_FIXPIPE_QUICK ? AQ_MAGIC_BITS : 0;
    const float step = quick ? AQ_ROUND_STEP : 1.0f;
    const float shift = prepared->way == AQ_FIXPIPE_PLAIN ? step + 1 : -AQ_MAGIC * step;
    for (int64_t j = 0; j < n; j++) {
        prepared->offset[j] = offset[j] + magic;
        prepared->scale[j] = scale[j] * step;
        prepared->shift[j] = scale[j] * shift;
    }
    for (int64_t j = n; j < (n + 63) / 64 * 64; j++) {
        prepared->offset[j] = magic;
        prepared->scale[j] = 0;
        prepared->shift[j] = 0;
    }
}

#endif
