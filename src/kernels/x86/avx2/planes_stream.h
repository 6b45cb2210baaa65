/* SPDX-License-Identifier: Apache-2.0 */
/* planes_stream.h - what one row times weights without a panel shares between weights whose rows run along n
 * (planes_stream_p.c) and along k (planes_stream_t.c), AVX2. A row's digits lie for four rows in the layout
 * of madd_layout.h; here they are taken out, in the order of k, once for all columns. */
#ifndef AQ_KERNELS_X86_AVX2_PLANES_STREAM_H
#define AQ_KERNELS_X86_AVX2_PLANES_STREAM_H

#include "kernels/weight.h"
#include "kernels/x86/avx2/madd_lanes.h"
#include "kernels/x86/madd_layout.h"
#include "kernels/x86/scaled.h"

enum {
    AQ_PIECE = 32, /* bytes of weights that are one load */
    AQ_EIGHT = 8   /* columns of a vector of sums */
};

void aq_avx2_stream_p(const aq_planes_stream *stream);
void aq_avx2_stream_t(const aq_planes_stream *stream);

/* sum += products of weights and digits, or with `fresh` the products alone. Vector instructions of all
 * kinds, loads and moves too, come four a cycle at most, so digits in memory ("m") are read by the products.
 * Written out: gcc 12 loads digits that are used twice, and copies sums. */
#define AQ_STREAM_PRODUCTS(multiply, add, sum, weights, where, digits, fresh)                                \
    if (fresh) {                                                                                             \
        __asm__(multiply " %2, %1, %0" : "=x"(sum) : "x"(weights), where(digits));                           \
    } else {                                                                                                 \
        __m256i products;                                                                                    \
        __asm__(multiply " %3, %2, %1\n\t" add " %1, %0, %0"                                                 \
                : "+x"(sum), "=&x"(products)                                                                 \
                : "x"(weights), where(digits));                                                              \
    }
#define AQ_ADD_WORDS(sum, weights, where, digits, fresh)                                                     \
    AQ_STREAM_PRODUCTS("vpmaddwd", "vpaddd", sum, weights, where, digits, fresh)
#define AQ_ADD_BYTES(sum, weights, digits, fresh)                                                            \
    AQ_STREAM_PRODUCTS("vpmaddubsw", "vpaddw", sum, weights, "m", digits, fresh)

AQ_INLINE const aq_digits_tail *aq_stream_tail(const aq_planes_stream *stream, int64_t block)
{
    const int64_t bytes = AQ_MADD_DIGITS * (stream->exact ? 2 : 1);
    return (const aq_digits_tail *)(const void *)(stream->digits +
                                                  block * (bytes + (int64_t)sizeof(aq_digits_tail)) + bytes);
}

/* The planes of a block's digits in the order of k, 16 words a vector. */
typedef struct aq_ordered_block {
    _Alignas(32) int16_t high[AQ_BLOCK], low[AQ_BLOCK];
} aq_ordered_block;

AQ_INLINE void aq_order_plane(const int16_t *digits, aq_weight_type type, int16_t *out)
{
    const __m128i places = type == AQ_S4
                               ? _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15)
                               : _mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
    for (int64_t k = 0; k < AQ_BLOCK; k += 8, digits += 4 * AQ_DIGIT_WORDS) {
        int32_t pair[4];
        for (int i = 0; i < 4; i++)
            memcpy(&pair[i], digits + i * AQ_DIGIT_WORDS, sizeof pair[i]);
        const __m128i pairs = _mm_setr_epi32(pair[0], pair[1], pair[2], pair[3]);
        _mm_store_si128((__m128i *)(void *)(out + k), _mm_shuffle_epi8(pairs, places));
    }
}

AQ_INLINE void aq_order_block(const aq_planes_stream *stream, int64_t block, aq_weight_type type, bool exact,
                              aq_ordered_block *ordered)
{
    const char *tail = (const char *)aq_stream_tail(stream, block);
    const int16_t *digits = (const int16_t *)(const void *)(tail - AQ_MADD_DIGITS * (exact ? 2 : 1));
    aq_order_plane(digits, type, ordered->high);
    if (exact)
        aq_order_plane(digits + 2, type, ordered->low);
}

AQ_INLINE __m256i aq_load_words(const int16_t *from)
{
    return _mm256_load_si256((const __m256i *)(const void *)from);
}

/* Bytes of 32 digits of plane p of three, from k on: v = 65536 * first + 256 * second + third. */
AQ_INLINE __m256i aq_plane_bytes(const aq_ordered_block *ordered, int64_t k, int p)
{
    const int16_t *from = p < 2 ? ordered->high : ordered->low;
    __m256i a = aq_load_words(from + k), b = aq_load_words(from + k + 16);
    if (p == 0) {
        const __m256i half = _mm256_set1_epi16(128);
        a = _mm256_srai_epi16(_mm256_add_epi16(a, half), 8);
        b = _mm256_srai_epi16(_mm256_add_epi16(b, half), 8);
    } else {
        a = _mm256_srai_epi16(_mm256_slli_epi16(a, 8), 8);
        b = _mm256_srai_epi16(_mm256_slli_epi16(b, 8), 8);
    }
    return _mm256_permute4x64_epi64(_mm256_packs_epi16(a, b), 0xD8);
}

/* Eight of the parameters of groups from `from` on, of which `count` exist; +0 beyond. */
AQ_INLINE __m256 aq_eight_halves(const uint16_t *from, int64_t stride, int64_t count, aq_half half)
{
    if (stride == 1 && count >= AQ_EIGHT)
        return aq_half_eight(_mm_loadu_si128((const __m128i *)(const void *)from), half);
    _Alignas(16) uint16_t some[AQ_EIGHT] = {0};
    for (int64_t i = 0; i < AQ_EIGHT && i < count; i++)
        some[i] = from[i * stride];
    return aq_half_eight(_mm_load_si128((const __m128i *)(const void *)some), half);
}

#endif
