/* SPDX-License-Identifier: Apache-2.0 */
/* madd_pack.h - stored int8 and int4 weights of one block to the 16-bit panel of madd_layout.h, AVX2
 * instructions for both x86 levels. Rows (order P) and columns (order T) of whole panels are read where they
 * are; at edges, and where FRACTAL_NZ blocks are short, copied together first; what does not begin at bytes
 * or is not contiguous goes element by element. Knows no digits. */
#ifndef AQ_KERNELS_X86_MADD_PACK_H
#define AQ_KERNELS_X86_MADD_PACK_H

#include <immintrin.h>

#include "kernels/weight.h"
#include "kernels/x86/madd_layout.h"

enum {
    AQ_ROW_PIECE = 32,    /* bytes of a row that are one load; two make a panel's row */
    AQ_COLUMN_PIECE = 16, /* bytes of a column that are one load */
    AQ_COLUMN_PIECES = AQ_BLOCK / AQ_COLUMN_PIECE,
    AQ_GATHERED = AQ_BLOCK * AQ_LINE_BYTES /* bytes of a panel's weights as stored */
};

/* The panel's weights: bytes from piece to piece along the contiguous axis are known only by pointers. */
typedef struct aq_pieces {
    const char *piece[AQ_COLUMN_PIECES];
    int64_t stride; /* bytes from row to row (P), column to column (T) */
} aq_pieces;

AQ_INLINE __m256i aq_load_piece(const char *from)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

AQ_INLINE void aq_store_unit(int16_t *panel, int64_t unit, int64_t pair, __m256i dwords)
{
    _mm256_store_si256((__m256i *)(void *)aq_unit_at(panel, unit, pair), dwords);
}

/* 96 lines over the 64 steps that both ways of packing a panel take. */
AQ_INLINE void aq_bring_step(const aq_integers_job *job, int64_t step)
{
    if (job->ahead != NULL && step % 8 % 3 == 1)
        aq_bring(job->ahead, 4);
}

/* The bytes or nibbles of each word, the lowest to unit and pair, the next unit_step and pair_step further.
 */
AQ_INLINE void aq_expand_words(int16_t *panel, int64_t unit, int64_t pair, int64_t unit_step,
                               int64_t pair_step, __m256i words, aq_weight_type type)
{
#ifdef AQ_WIDENS_WORDS /* the folder has its own way */
    const int count = type == AQ_S4 ? 4 : 2;
    __m256i wide[4];
    aq_widen_words(words, type == AQ_S4, wide);
#pragma GCC unroll 4
    for (int i = 0; i < count; i++, unit += unit_step, pair += pair_step)
        aq_store_unit(panel, unit, pair, wide[i]);
#else
    const int bits = type == AQ_S4 ? 4 : 8;
#pragma GCC unroll 4
    for (int up = 16 - bits; up >= 0; up -= bits, unit += unit_step, pair += pair_step)
        aq_store_unit(panel, unit, pair, _mm256_srai_epi16(_mm256_slli_epi16(words, up), 16 - bits));
#endif
}

/* ---- order P ---- */

/* Words of the two rows of a pair of k side by side: dwords of two columns (four of int4) each. */
AQ_INLINE void aq_pack_rows(const aq_integers_job *job, const aq_pieces *from, aq_weight_type type)
{
    const int64_t per_word = type == AQ_S4 ? 4 : 2, stride = from->stride;
    for (int64_t pair = 0; pair < AQ_PAIRS; pair++) {
        const int64_t k = pair / per_word * per_word * 2 + pair % per_word;
        aq_bring_step(job, pair);
#pragma GCC unroll 2
        for (int64_t half = 0; half < 2; half++) {
            const char *row = from->piece[half] + k * stride;
            const int64_t unit = half * 2 * per_word;
            __m256i a = aq_load_piece(row), b = aq_load_piece(row + per_word * stride);
            aq_expand_words(job->panel, unit, pair, 1, 0, _mm256_unpacklo_epi16(a, b), type);
            aq_expand_words(job->panel, unit + per_word, pair, 1, 0, _mm256_unpackhi_epi16(a, b), type);
        }
    }
}

/* ---- order T ---- */

AQ_INLINE __m256i aq_load_two(const char *low, const char *high)
{
    __m128i first = _mm_loadu_si128((const __m128i *)(const void *)low);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(first),
                                   _mm_loadu_si128((const __m128i *)(const void *)high), 1);
}

/* 16 bytes each of the eight columns of a unit, at `at` bytes from `from`, to four vectors of dwords. */
AQ_INLINE void aq_transpose_unit(const char *from, const int64_t at[AQ_UNIT], __m256i v[4])
{
    __m256i a = aq_load_two(from + at[0], from + at[4]), b = aq_load_two(from + at[1], from + at[5]),
            c = aq_load_two(from + at[2], from + at[6]), d = aq_load_two(from + at[3], from + at[7]);
    __m256i ab = _mm256_unpacklo_epi32(a, b), cd = _mm256_unpacklo_epi32(c, d);
    v[0] = _mm256_unpacklo_epi64(ab, cd);
    v[1] = _mm256_unpackhi_epi64(ab, cd);
    ab = _mm256_unpackhi_epi32(a, b);
    cd = _mm256_unpackhi_epi32(c, d);
    v[2] = _mm256_unpacklo_epi64(ab, cd);
    v[3] = _mm256_unpackhi_epi64(ab, cd);
}

/* Bytes from a panel's first column, of n, to each of a unit. */
AQ_INLINE void aq_columns_of_unit(aq_weight_type type, int64_t unit, int64_t n, int64_t stride,
                                  int64_t at[AQ_UNIT])
{
    for (int64_t lane = 0; lane < AQ_UNIT; lane++) {
        int64_t column = aq_column_at(type, unit * AQ_UNIT + lane);
        at[lane] = (column < n ? column : n - 1) * stride; /* what the last gives then is not looked at */
    }
}

AQ_INLINE void aq_pack_columns(const aq_integers_job *job, const aq_pieces *from, aq_weight_type type)
{
    const int64_t pieces = type == AQ_S4 ? AQ_COLUMN_PIECES / 2 : AQ_COLUMN_PIECES,
                  pairs = type == AQ_S4 ? 4 : 2;
    for (int64_t unit = 0; unit < AQ_PAIRS / pieces; unit++) {
        int64_t at[AQ_UNIT];
        aq_columns_of_unit(type, unit, job->n, from->stride, at);
        for (int64_t piece = 0; piece < pieces; piece++) {
            __m256i v[4];
            aq_bring_step(job, unit * pieces + piece);
            aq_transpose_unit(from->piece[piece], at, v);
#pragma GCC unroll 4
            for (int64_t i = 0; i < 4; i++)
                aq_expand_words(job->panel, unit, (piece * 4 + i) * pairs, 0, 1, v[i], type);
        }
    }
}

/* ---- where the weights are ---- */

/* Elements of the contiguous axis that lie together from i on. */
static inline int64_t aq_together(const aq_weight *weight, int64_t i, int64_t count)
{
    int64_t in_block = weight->block > 0 ? weight->block - i % weight->block : count;
    return in_block < count ? in_block : count;
}

static inline const char *aq_byte_of(const aq_weight *weight, int64_t k, int64_t n)
{
    return (const char *)weight->data + aq_weight_index(weight, k, n) / (weight->type == AQ_S4 ? 2 : 1);
}

/* The weights that exist copied to rows of 64 bytes (P) or columns of 128 k (T), zeros beyond k. */
static inline void aq_gather(const aq_integers_job *job, bool along_k, char *gathered, aq_pieces *from)
{
    const aq_weight *weight = job->weight;
    const int64_t per_byte = weight->type == AQ_S4 ? 2 : 1;
    const int64_t lines = along_k ? job->n : job->k, length = along_k ? job->k : job->n,
                  inner0 = along_k ? job->k0 : job->n0;
    from->stride = along_k ? AQ_BLOCK / per_byte : AQ_LINE_BYTES;
    memset(gathered, 0, AQ_GATHERED);
    for (int64_t line = 0; line < lines; line++)
        for (int64_t i = 0, run; i < length; i += run) {
            run = aq_together(weight, inner0 + i, length - i);
            const char *at = along_k ? aq_byte_of(weight, inner0 + i, job->n0 + line)
                                     : aq_byte_of(weight, job->k0 + line, inner0 + i);
            memcpy(gathered + line * from->stride + i / per_byte, at,
                   (size_t)((run + per_byte - 1) / per_byte));
        }
    for (int64_t p = 0; p < AQ_COLUMN_PIECES; p++)
        from->piece[p] = gathered + p * (along_k ? AQ_COLUMN_PIECE : AQ_ROW_PIECE);
}

static inline void aq_pack_by_element(const aq_integers_job *job)
{
    const aq_weight_type type = job->weight->type;
    memset(job->panel, 0, (size_t)(AQ_BLOCK * aq_panel_columns(type)) * sizeof(int16_t));
    for (int64_t k = 0; k < job->k; k++)
        for (int64_t j = 0; j < job->n; j++) {
            int64_t position = aq_position_of(type, j);
            int16_t *unit = aq_unit_at(job->panel, position / AQ_UNIT, aq_pair_of(type, k));
            unit[position % AQ_UNIT * 2 + aq_place_in_pair(type, k)] =
                (int16_t)aq_weight_integer(job->weight, job->k0 + k, job->n0 + j);
        }
}

/* Whether a piece of so many elements never crosses the end of a FRACTAL_NZ block. */
static inline bool aq_pieces_are_whole(const aq_weight *weight, int64_t elements)
{
    return weight->block % elements == 0;
}

static inline void aq_pack_madd(const aq_integers_job *job)
{
    _Alignas(64) char gathered[AQ_GATHERED];
    const aq_weight *weight = job->weight;
    const bool nibbles = weight->type == AQ_S4;
    const int64_t per_byte = nibbles ? 2 : 1;
    const bool along_k = aq_weight_order(weight) == AQ_ORDER_T;
    const int64_t across = along_k ? weight->stride_n : weight->stride_k;
    const bool odd = nibbles && ((weight->first | across | weight->block | weight->block_stride) & 1);
    if (odd || (!along_k && weight->stride_n != 1)) {
        aq_pack_by_element(job);
        return;
    }
    aq_pieces from = {.stride = across / per_byte};
    if (along_k) {
        if (job->k < AQ_BLOCK || !aq_pieces_are_whole(weight, AQ_COLUMN_PIECE * per_byte))
            aq_gather(job, true, gathered, &from);
        else
            for (int64_t p = 0; p < AQ_COLUMN_PIECES / per_byte; p++)
                from.piece[p] = aq_byte_of(weight, job->k0 + p * AQ_COLUMN_PIECE * per_byte, job->n0);
        if (nibbles)
            aq_pack_columns(job, &from, AQ_S4);
        else
            aq_pack_columns(job, &from, AQ_S8);
        return;
    }
    if (job->k < AQ_BLOCK || job->n < aq_panel_columns(weight->type) ||
        !aq_pieces_are_whole(weight, AQ_ROW_PIECE * per_byte))
        aq_gather(job, false, gathered, &from);
    else
        for (int64_t p = 0; p < 2; p++)
            from.piece[p] = aq_byte_of(weight, job->k0, job->n0 + p * AQ_ROW_PIECE * per_byte);
    if (nibbles)
        aq_pack_rows(job, &from, AQ_S4);
    else
        aq_pack_rows(job, &from, AQ_S8);
}

#endif
