/* SPDX-License-Identifier: Apache-2.0 */
/* madd_stream.h - one row times weights that are widened in registers instead of in a panel, with AVX2
 * instructions: for AVX-512, since AVX2 has its own (avx2/planes_stream_*.c). Order P walks 32 k of the whole
 * slice before the next 32, so that memory is read nearly in its own order; sums of a longer segment wait in
 * memory. Blocks beyond k, and in order P panels beyond n, go through a panel. */
#ifndef AQ_KERNELS_X86_MADD_STREAM_H
#define AQ_KERNELS_X86_MADD_STREAM_H

#include "kernels/x86/madd_columns.h"
#include "kernels/x86/madd_multiply.h"
#include "kernels/x86/madd_pack.h"

enum {
    AQ_BAND = AQ_BLOCK / AQ_SEGMENTS, /* k walked at once in order P */
    AQ_BAND_PAIRS = AQ_BAND / 2,
    AQ_STRIP = 4 * AQ_UNIT, /* columns summed at once in order P */
    AQ_BLOCKS_AHEAD = 2     /* brought near in order T: some 16 KiB of a panel's columns */
};

/* Parameters of a panel's columns by groups, as aq_planes_tile has them. */
typedef struct aq_madd_groups {
    _Alignas(64) float scale[AQ_SEGMENTS * AQ_PANEL_MOST];
    float zero[AQ_SEGMENTS * AQ_PANEL_MOST];
} aq_madd_groups;

static inline const char *aq_madd_stream_declines(const aq_kernel_query *query)
{
    if (query->block > 0)
        return "takes FRACTAL_NZ through panels only";
    if (query->odd_rows)
        return "takes 4-bit weights whose rows begin at a byte only";
    if (query->stride_k != 1 && query->stride_n != 1)
        return "takes weights with n or k contiguous only";
    return NULL;
}

AQ_INLINE const char *aq_digits_of_block(const aq_planes_stream *job, int64_t block)
{
    return job->digits + block * (AQ_MADD_DIGITS * (job->exact ? 2 : 1) + (int64_t)sizeof(aq_digits_tail));
}

AQ_INLINE const aq_digits_tail *aq_tail_of_block(const aq_planes_stream *job, int64_t block)
{
    const char *digits = aq_digits_of_block(job, block);
    return (const aq_digits_tail *)(const void *)(digits + AQ_MADD_DIGITS * (job->exact ? 2 : 1));
}

/* Those of the columns j on of the slice for so many segments from k0 on. */
static inline void aq_stream_groups(const aq_planes_stream *job, int64_t k0, int64_t k, int64_t j,
                                    int segments, aq_madd_groups *groups)
{
    const int64_t columns = aq_panel_columns(job->weight->type);
    aq_group_scales_madd(&(aq_group_scales){.scaled = job->scaled,
                                            .type = job->weight->type,
                                            .k0 = k0,
                                            .k = k,
                                            .n0 = job->n0 + j,
                                            .n = job->n - j < columns ? job->n - j : columns,
                                            .segments = segments,
                                            .scale = groups->scale,
                                            .zero = job->zero ? groups->zero : NULL});
}

static __attribute__((noinline)) void aq_stream_by_panel(const aq_planes_stream *job, int64_t block,
                                                         int64_t j)
{
    _Alignas(64) int16_t panel[AQ_PANEL_BYTES / sizeof(int16_t)];
    aq_madd_groups groups;
    const int64_t columns = aq_panel_columns(job->weight->type), k0 = block * AQ_BLOCK,
                  k = job->k - k0 < AQ_BLOCK ? job->k - k0 : AQ_BLOCK;
    aq_pack_madd(&(aq_integers_job){.weight = job->weight,
                                    .k0 = k0,
                                    .n0 = job->n0 + j,
                                    .k = k,
                                    .n = job->n - j < columns ? job->n - j : columns,
                                    .panel = panel});
    if (job->scaled != NULL)
        aq_stream_groups(job, k0, k, j, job->segments, &groups);
    aq_multiply_madd(&(aq_planes_tile){.digits = aq_digits_of_block(job, block),
                                       .panel = panel,
                                       .acc = aq_stream_acc(job, block) + j,
                                       .acc_stride = columns,
                                       .rows = 1,
                                       .columns = columns,
                                       .segments = job->segments,
                                       .exact = job->exact,
                                       .scale = job->scaled != NULL ? groups.scale : NULL,
                                       .zero = job->zero ? groups.zero : NULL});
}

/* A unit's sums of a segment to acc; scale and zero are the unit's. */
AQ_INLINE void aq_add_unit(const aq_planes_stream *job, const aq_digits_tail *tail, int64_t segment,
                           float *at, const float *scale, const float *zero, __m256i high, __m256i low,
                           bool exact)
{
    __m256 acc = _mm256_load_ps(at), s = _mm256_set1_ps(tail->scale[0]), f = _mm256_cvtepi32_ps(high);
    if (exact)
        f = _mm256_fmadd_ps(f, _mm256_set1_ps(256.0f), _mm256_cvtepi32_ps(low));
    if (job->scaled == NULL) {
        _mm256_store_ps(at, _mm256_fmadd_ps(f, s, acc));
        return;
    }
    acc = _mm256_fmadd_ps(_mm256_mul_ps(f, s), _mm256_load_ps(scale), acc);
    if (job->zero)
        acc = _mm256_fmadd_ps(_mm256_set1_ps(tail->x_sum[segment][0]), _mm256_load_ps(zero), acc);
    _mm256_store_ps(at, acc);
}

/* The digits of row 0 and a pair of k, high or low, in every lane. */
AQ_INLINE __m256i aq_digits_all(const int16_t *digits)
{
    int32_t both;
    memcpy(&both, digits, sizeof both);
    return _mm256_set1_epi32(both);
}

AQ_INLINE __m256i aq_widened(__m256i words, int up, int bits)
{
    return _mm256_srai_epi16(_mm256_slli_epi16(words, up), 16 - bits);
}

/* ---- order P ---- */

/* What the panels of a band share. */
typedef struct aq_madd_band {
    int64_t stride;         /* bytes from row to row */
    int64_t segment, k0, k; /* that it lies in: of the block; first k; k */
    bool first, last;       /* of the segment */
    const int16_t *digits;
    const aq_digits_tail *tail;
    float *acc;
} aq_madd_band;

/* Sums of four units as they wait for the next band, [high, low][unit]. An integer that a word holds above
 * others is taken out by one shift; the word as it is counts as 2^bits times what is above its lowest integer
 * plus that integer, all modulo 2^32, so that the sums can be taken apart when a segment is complete. Its
 * lowest integers are made unsigned by one xor for all, which adds 2^(bits - 1) to each. */
#define AQ_EACH_UNIT(X) X(0) X(1) X(2) X(3)
#define AQ_LOAD_SUMS(v)                                                                                      \
    __m256i high##v = first ? _mm256_setzero_si256() : waiting[v],                                           \
            low##v = first || !exact ? _mm256_setzero_si256() : waiting[4 + v];
#define AQ_ADD_UNIT_PRODUCTS(v)                                                                              \
    {                                                                                                        \
        const __m256i w =                                                                                    \
            type == AQ_S4 ? _mm256_srai_epi16(lo, 4 * v) : _mm256_srai_epi16(v < 2 ? lo : hi, v % 2 * 8);    \
        high##v = _mm256_add_epi32(high##v, _mm256_madd_epi16(w, d));                                        \
        AQ_STAYS(high##v);                                                                                   \
        if (exact) {                                                                                         \
            low##v = _mm256_add_epi32(low##v, _mm256_madd_epi16(w, e));                                      \
            AQ_STAYS(low##v);                                                                                \
        }                                                                                                    \
    }
#define AQ_STORE_SUMS(v)                                                                                     \
    waiting[v] = high##v;                                                                                    \
    waiting[4 + v] = low##v;
/* As in madd_multiply.h: no adding up of products beforehand. */
#define AQ_STAYS(sum) __asm__("" : "+x"(sum))

/* A band of a strip: 32 columns of int8, or of 64 of int4 those in the second fours of words. */
AQ_INLINE void aq_add_strip(const aq_madd_band *band, const char *rows, bool second, aq_weight_type type,
                            bool exact, bool first, aq_ahead *ahead, __m256i waiting[8])
{
    const int64_t per_word = type == AQ_S4 ? 4 : 2, stride = band->stride;
    const __m256i unsign = _mm256_set1_epi16(type == AQ_S4 ? 0x0888 : 0x0080);
    const int16_t *digits = band->digits;
    AQ_EACH_UNIT(AQ_LOAD_SUMS)
    for (int64_t k = 0; k < AQ_BAND; k += 2 * per_word, rows += per_word * stride) {
        if (!second)
            aq_bring(ahead, type == AQ_S4 ? 4 : 2);
#pragma GCC unroll 4
        for (int64_t i = 0; i < per_word; i++, rows += stride, digits += AQ_DIGIT_WORDS) {
            const __m256i a = aq_load_piece(rows), b = aq_load_piece(rows + per_word * stride),
                          d = aq_digits_all(digits), e = aq_digits_all(digits + 2);
            const __m256i hi = _mm256_xor_si256(_mm256_unpackhi_epi16(a, b), unsign),
                          lo = second ? hi : _mm256_xor_si256(_mm256_unpacklo_epi16(a, b), unsign);
            AQ_EACH_UNIT(AQ_ADD_UNIT_PRODUCTS)
        }
    }
    AQ_EACH_UNIT(AQ_STORE_SUMS)
}

/* The integers' own sums; digits: the segment's sum of the plane's digits. */
AQ_INLINE void aq_take_apart(__m256i sums[4], int32_t digits, aq_weight_type type)
{
    const int bits = type == AQ_S4 ? 4 : 8;
    const __m256i added = _mm256_set1_epi32((int32_t)((uint32_t)digits << (bits - 1)));
#pragma GCC unroll 3
    for (int v = 0; v < 3; v++)
        if (type == AQ_S4 || v != 1)
            sums[v] =
                _mm256_sub_epi32(sums[v], _mm256_add_epi32(_mm256_slli_epi32(sums[v + 1], bits), added));
}

/* A band of a whole panel at columns j of the slice. */
AQ_INLINE void aq_stream_band(const aq_planes_stream *job, const aq_madd_band *band, const char *rows,
                              int64_t j, aq_weight_type type, bool exact, aq_ahead *ahead)
{
    aq_madd_groups groups;
    if (band->last && job->scaled != NULL)
        aq_stream_groups(job, band->k0, band->k, j, 1, &groups);
    for (int64_t at = 0, strip = 0; at < aq_panel_columns(type); at += AQ_STRIP, strip++) {
        __m256i *waiting = (__m256i *)(void *)(job->room + 2 * (j + at));
        const char *piece = rows + (type == AQ_S4 ? strip / 2 : strip) * AQ_ROW_PIECE;
        if (type == AQ_S4 && strip % 2 == 1)
            aq_add_strip(band, piece, true, type, exact, band->first, ahead, waiting);
        else
            aq_add_strip(band, piece, false, type, exact, band->first, ahead, waiting);
        if (!band->last)
            continue;
        aq_take_apart(waiting, band->tail->correction[band->segment][0][0], type);
        if (exact)
            aq_take_apart(waiting + 4, band->tail->correction[band->segment][1][0], type);
        for (int64_t unit = 0; unit < AQ_STRIP / AQ_UNIT; unit++) {
            const int64_t column = at + unit * AQ_UNIT;
            aq_add_unit(job, band->tail, band->segment, band->acc + j + column, groups.scale + column,
                        groups.zero + column, waiting[unit], waiting[4 + unit], exact);
        }
    }
}

/* The lines of the band after the one at k, of so many bytes a row. */
AQ_INLINE aq_ahead aq_next_band(const aq_planes_stream *job, const char *rows, int64_t stride, int64_t k,
                                int64_t bytes)
{
    const int64_t left = job->k - k - AQ_BAND, run = bytes / AQ_LINE_BYTES;
    return (aq_ahead){.at = (uintptr_t)rows + (uintptr_t)(AQ_BAND * stride),
                      .stride = (uintptr_t)stride,
                      .run = run,
                      .lines = run * (left < AQ_BAND ? left : AQ_BAND)};
}

AQ_INLINE void aq_stream_rows(const aq_planes_stream *job, aq_weight_type type, bool exact)
{
    const int64_t per_byte = type == AQ_S4 ? 2 : 1, columns = aq_panel_columns(type),
                  whole = job->n / columns * columns, stride = job->weight->stride_k / per_byte,
                  length = AQ_BLOCK / job->segments;
    for (int64_t block = 0; block * AQ_BLOCK < job->k; block++) {
        const bool full = whole > 0 && job->k - block * AQ_BLOCK >= AQ_BLOCK;
        for (int64_t in_block = 0; full && in_block < AQ_BLOCK; in_block += AQ_BAND) {
            const int64_t k = block * AQ_BLOCK + in_block, segment = in_block / length;
            const char *rows = aq_byte_of(job->weight, k, job->n0);
            const int16_t *digits = (const int16_t *)(const void *)aq_digits_of_block(job, block);
            const aq_madd_band band = {.stride = stride,
                                       .segment = segment,
                                       .k0 = block * AQ_BLOCK + segment * length,
                                       .k = length,
                                       .first = in_block % length == 0,
                                       .last = (in_block + AQ_BAND) % length == 0,
                                       .digits = digits + in_block / 2 * AQ_DIGIT_WORDS,
                                       .tail = aq_tail_of_block(job, block),
                                       .acc = aq_stream_acc(job, block)};
            aq_ahead ahead = aq_next_band(job, rows, stride, k, whole / per_byte);
            for (int64_t j = 0; j < whole; j += columns)
                aq_stream_band(job, &band, rows + j / per_byte, j, type, exact, &ahead);
        }
        for (int64_t j = full ? whole : 0; j < job->n; j += columns)
            aq_stream_by_panel(job, block, j);
    }
}

/* ---- order T ---- */

/* One block of a unit's columns, which lie `at` bytes from `from`; acc, scale and zero are the unit's. */
AQ_INLINE void aq_stream_unit(const aq_planes_stream *job, int64_t block, const char *from,
                              const int64_t at[AQ_UNIT], float *acc, const float *scale, const float *zero,
                              aq_weight_type type, bool exact)
{
    const int bits = type == AQ_S4 ? 4 : 8;
    const int64_t pieces = AQ_BLOCK * bits / 8 / AQ_COLUMN_PIECE, in_segment = pieces / job->segments;
    const int16_t *digits = (const int16_t *)(const void *)aq_digits_of_block(job, block);
    const aq_digits_tail *tail = aq_tail_of_block(job, block);
    for (int64_t segment = 0; segment < job->segments; segment++) {
        __m256i high = _mm256_setzero_si256(), low = high;
        for (int64_t piece = 0; piece < in_segment; piece++, from += AQ_COLUMN_PIECE) {
            __m256i v[4];
            aq_transpose_unit(from, at, v);
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++)
#pragma GCC unroll 4
                for (int up = 16 - bits; up >= 0; up -= bits, digits += AQ_DIGIT_WORDS) {
                    const __m256i w = aq_widened(v[i], up, bits);
                    high = _mm256_add_epi32(high, _mm256_madd_epi16(w, aq_digits_all(digits)));
                    AQ_STAYS(high);
                    if (!exact)
                        continue;
                    low = _mm256_add_epi32(low, _mm256_madd_epi16(w, aq_digits_all(digits + 2)));
                    AQ_STAYS(low);
                }
        }
        const int64_t parameter = segment * aq_panel_columns(type);
        aq_add_unit(job, tail, segment, acc, scale + parameter, zero + parameter, high, low, exact);
    }
}

AQ_INLINE void aq_stream_columns(const aq_planes_stream *job, aq_weight_type type, bool exact)
{
    const int64_t per_byte = type == AQ_S4 ? 2 : 1, columns = aq_panel_columns(type),
                  stride = job->weight->stride_n / per_byte, block_bytes = AQ_BLOCK / per_byte,
                  blocks = job->k / AQ_BLOCK;
    aq_madd_groups groups;
    for (int64_t j = 0; j < job->n; j += columns) {
        for (int64_t b = 0; b < blocks; b++) {
            const char *from = aq_byte_of(job->weight, b * AQ_BLOCK, job->n0 + j);
            const int64_t ahead = b + AQ_BLOCKS_AHEAD < blocks
                                      ? AQ_BLOCKS_AHEAD * block_bytes
                                      : columns * stride - (blocks - AQ_BLOCKS_AHEAD) * block_bytes;
            if (job->scaled != NULL)
                aq_stream_groups(job, b * AQ_BLOCK, AQ_BLOCK, j, job->segments, &groups);
            for (int64_t unit = 0; unit < columns / AQ_UNIT; unit++) {
                const int64_t position = unit * AQ_UNIT;
                int64_t at[AQ_UNIT];
                aq_columns_of_unit(type, unit, job->n - j, stride, at);
                for (int lane = 0; lane < AQ_UNIT; lane++)
                    for (int64_t line = 0; line < block_bytes; line += AQ_LINE_BYTES)
                        __builtin_prefetch(
                            (const void *)((uintptr_t)from + (uintptr_t)(at[lane] + ahead + line)), 0, 2);
                aq_stream_unit(job, b, from, at, aq_stream_acc(job, b) + j + position,
                               groups.scale + position, groups.zero + position, type, exact);
            }
        }
        if (job->k % AQ_BLOCK > 0)
            aq_stream_by_panel(job, blocks, j);
    }
}

static inline void aq_stream_madd(const aq_planes_stream *job)
{
    const bool along_k = aq_weight_order(job->weight) == AQ_ORDER_T;
    aq_clear_acc(job);
#define AQ_STREAM(type, exact)                                                                               \
    if (along_k)                                                                                             \
        aq_stream_columns(job, type, exact);                                                                 \
    else                                                                                                     \
        aq_stream_rows(job, type, exact);
    if (job->weight->type == AQ_S4) {
        if (job->exact) {
            AQ_STREAM(AQ_S4, true)
        } else {
            AQ_STREAM(AQ_S4, false)
        }
    } else if (job->exact) {
        AQ_STREAM(AQ_S8, true)
    } else {
        AQ_STREAM(AQ_S8, false)
    }
#undef AQ_STREAM
}

#endif
