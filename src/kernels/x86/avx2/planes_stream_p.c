/* SPDX-License-Identifier: Apache-2.0 */
/* planes_stream_p.c - one row times weights whose rows run along n, AVX2, without a panel. A band of k of the
 * whole slice is walked before the next, so that memory is read nearly in its own order, and the next band is
 * brought near meanwhile; integer sums of a segment wait in between. In FRACTAL_NZ few blocks are walked
 * together. */
#include <string.h>

#include "kernels/x86/avx2/planes_stream.h"

enum {
    BAND = 16, /* k: as many products of 4 bits and a byte as a sum of 16 bits holds, two in each step */
    PAIRS = BAND / 2,
    PLANES = 3,
    TILES_OF_NZ = 8 /* walked together, each in a run of memory of its own */
};

/* Some k of all tiles. */
typedef struct aq_band aq_band;

typedef void sum_tile(const aq_band *band, const char *rows, int64_t stride, __m256i *sums, uintptr_t ahead,
                      char *copy);

struct aq_band {
    const aq_planes_stream *stream;
    int64_t stride;                /* bytes from row to row */
    const int16_t *high, *low;     /* digits in the order of k */
    const __m256i *planes[PLANES]; /* int4: a pair's digits of a plane everywhere, pair by pair */
    const aq_digits_tail *tail;
    float *acc;
    int64_t k;       /* that exist */
    int64_t group;   /* of scales */
    int64_t segment; /* of the block */
    bool last;       /* of the segment */
    sum_tile *sum, *sum_and_copy;
};

/* A tile is a piece of each row: 32 columns of int8, 64 of int4. Its sums are units of eight columns, which
 * lie as unpacking leaves them: units 2i and 2i + 1 hold the even and the odd ones of the same 16 columns, of
 * which the second eight are half a tile further. The sums of low follow those of high. */
AQ_INLINE int64_t tile_columns(aq_weight_type type)
{
    return AQ_PIECE * (type == AQ_S4 ? 2 : 1);
}

AQ_INLINE int64_t tile_units(aq_weight_type type)
{
    return tile_columns(type) / AQ_EIGHT;
}

AQ_INLINE __m256i load(const void *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

AQ_INLINE __m256i pair_everywhere(const int16_t *digits)
{
    int32_t both;
    memcpy(&both, digits, sizeof both);
    return _mm256_set1_epi32(both);
}

/* Two rows' following pieces, of the same lines of memory, where they stay near: rows that are a power of two
 * apart throw each other out of the first-level cache. */
AQ_INLINE void copy_pieces(const char *rows, int64_t stride, char *copy, int pair)
{
    if (copy == NULL)
        return;
    __m256i *to = (__m256i *)(void *)copy + 2 * pair;
    to[0] = load(rows + AQ_PIECE);
    to[1] = load(rows + stride + AQ_PIECE);
}

/* ---- int8 ---- */

/* Words of two rows side by side, of two columns each: one shift takes out the upper one; the word as it is
 * counts as 256 times the upper one plus the lower one, all modulo 2^32, so that sums can be taken apart when
 * a segment is complete. The lower ones are made unsigned, which adds 128 to each. */
#define EACH_UNIT(X)  X(0) X(1) X(2) X(3)
#define START_UNIT(v) __m256i high##v = sums[v], low##v = exact ? sums[4 + v] : high##v;
#define ADD_UNIT(v, words)                                                                                   \
    {                                                                                                        \
        const __m256i w = words;                                                                             \
        AQ_ADD_WORDS(high##v, w, "x", d, false)                                                              \
        if (exact) {                                                                                         \
            AQ_ADD_WORDS(low##v, w, "x", e, false)                                                           \
        }                                                                                                    \
    }
#define KEEP_UNIT(v)                                                                                         \
    sums[v] = high##v;                                                                                       \
    if (exact)                                                                                               \
        sums[4 + v] = low##v;

AQ_INLINE void sum_bytes(const aq_band *band, const char *rows, int64_t stride, __m256i *sums,
                         uintptr_t ahead, char *copy, bool exact)
{
    const __m256i unsign = _mm256_set1_epi16(0x0080);
    const int16_t *high = band->high, *low = band->low;
    EACH_UNIT(START_UNIT)
#pragma GCC unroll 8
    for (int i = 0; i < PAIRS; i++, rows += 2 * stride) {
        copy_pieces(rows, stride, copy, i);
        if (exact) /* otherwise as quick as what the hardware brings, and asking only slows it */
            __builtin_prefetch((const void *)(ahead + (uintptr_t)(2 * i * band->stride)), 0, 2);
        const __m256i a = _mm256_xor_si256(load(rows), unsign),
                      b = _mm256_xor_si256(load(rows + stride), unsign);
        const __m256i d = pair_everywhere(high + 2 * i), e = exact ? pair_everywhere(low + 2 * i) : d;
        const __m256i left = _mm256_unpacklo_epi16(a, b), right = _mm256_unpackhi_epi16(a, b);
        ADD_UNIT(0, left)
        ADD_UNIT(1, _mm256_srai_epi16(left, 8))
        ADD_UNIT(2, right)
        ADD_UNIT(3, _mm256_srai_epi16(right, 8))
    }
    EACH_UNIT(KEEP_UNIT)
}

/* ---- int4 ---- */

/* Bytes of two rows side by side, of two columns each, as unsigned nibbles times bytes of digits: sums of 16
 * bits, which a band does not overflow. */
#define EACH_QUARTER(X) X(0) X(1) X(2) X(3)
#define START_QUARTER(v)                                                                                     \
    __m256i first##v = _mm256_undefined_si256(), second##v = first##v, third##v = first##v;
#define ADD_QUARTER(v, nibbles)                                                                              \
    {                                                                                                        \
        const __m256i w = _mm256_and_si256(nibbles, nibble);                                                 \
        AQ_ADD_BYTES(first##v, w, first[i], i == 0)                                                          \
        AQ_ADD_BYTES(second##v, w, second[i], i == 0)                                                        \
        if (exact) {                                                                                         \
            AQ_ADD_BYTES(third##v, w, third[i], i == 0)                                                      \
        }                                                                                                    \
    }
/* Quarter v, of the low (0, 1) or high (2, 3) half of bytes, low or high nibbles, to two units. */
#define KEEP_QUARTER(v)                                                                                      \
    keep_unit(sums, v / 2 * 4 + v % 2, _mm256_unpacklo_epi16(second##v, first##v),                           \
              _mm256_unpacklo_epi16(third##v, third##v), exact);                                             \
    keep_unit(sums, v / 2 * 4 + 2 + v % 2, _mm256_unpackhi_epi16(second##v, first##v),                       \
              _mm256_unpackhi_epi16(third##v, third##v), exact);

AQ_INLINE void keep_unit(__m256i *sums, int unit, __m256i high, __m256i low, bool exact)
{
    high = _mm256_madd_epi16(high, _mm256_set1_epi32(256 << 16 | 1));
    sums[unit] = _mm256_add_epi32(high, sums[unit]);
    if (exact) {
        low = _mm256_srai_epi32(low, 16);
        sums[tile_units(AQ_S4) + unit] = _mm256_add_epi32(low, sums[tile_units(AQ_S4) + unit]);
    }
}

AQ_INLINE void sum_nibbles(const aq_band *band, const char *rows, int64_t stride, __m256i *sums,
                           uintptr_t ahead, char *copy, bool exact)
{
    const __m256i unsign = _mm256_set1_epi8((char)0x88), nibble = _mm256_set1_epi8(15);
    const __m256i *first = band->planes[0], *second = band->planes[1], *third = band->planes[2];
    EACH_QUARTER(START_QUARTER)
#pragma GCC unroll 8
    for (int i = 0; i < PAIRS; i++, rows += 2 * stride) {
        copy_pieces(rows, stride, copy, i);
        __builtin_prefetch((const void *)(ahead + (uintptr_t)(2 * i * band->stride)), 0, 2);
        const __m256i a = _mm256_xor_si256(load(rows), unsign),
                      b = _mm256_xor_si256(load(rows + stride), unsign);
        const __m256i left = _mm256_unpacklo_epi8(a, b), right = _mm256_unpackhi_epi8(a, b);
        ADD_QUARTER(0, left)
        ADD_QUARTER(1, _mm256_srli_epi16(left, 4))
        ADD_QUARTER(2, right)
        ADD_QUARTER(3, _mm256_srli_epi16(right, 4))
    }
    EACH_QUARTER(KEEP_QUARTER)
}

/* Functions of their own, so that sums stay in registers. */
#define TILE_SUM(name, of, copy, exact)                                                                      \
    static __attribute__((noinline)) void name(const aq_band *band, const char *rows, int64_t stride,        \
                                               __m256i *sums, uintptr_t ahead, char *at)                     \
    {                                                                                                        \
        (void)at;                                                                                            \
        of(band, rows, stride, sums, ahead, copy, exact);                                                    \
    }
TILE_SUM(exact_bytes, sum_bytes, NULL, true)
TILE_SUM(exact_bytes_copy, sum_bytes, at, true)
TILE_SUM(fast_bytes, sum_bytes, NULL, false)
TILE_SUM(fast_bytes_copy, sum_bytes, at, false)
TILE_SUM(exact_nibbles, sum_nibbles, NULL, true)
TILE_SUM(exact_nibbles_copy, sum_nibbles, at, true)
TILE_SUM(fast_nibbles, sum_nibbles, NULL, false)
TILE_SUM(fast_nibbles_copy, sum_nibbles, at, false)

static sum_tile *choose_sum(aq_weight_type type, bool exact, bool copy)
{
    static sum_tile *const sums[2][2][2] = {
        {{fast_bytes, fast_bytes_copy}, {exact_bytes, exact_bytes_copy}},
        {{fast_nibbles, fast_nibbles_copy}, {exact_nibbles, exact_nibbles_copy}}};
    return sums[type == AQ_S4][exact][copy];
}

/* ---- a complete segment ---- */

/* The integers' own sums of units 2i and 2i + 1. digits: the sum of the plane's in the segment. */
AQ_INLINE void take_apart(__m256i *even, __m256i *odd, int32_t digits, aq_weight_type type)
{
    const __m256i added = _mm256_set1_epi32(digits * (type == AQ_S4 ? 8 : 128));
    if (type == AQ_S4)
        *odd = _mm256_sub_epi32(*odd, added);
    else
        *even = _mm256_sub_epi32(*even, _mm256_slli_epi32(*odd, 8));
    *even = _mm256_sub_epi32(*even, added);
}

/* f of planes.h to eight columns from number j of the slice on. */
AQ_INLINE void add_eight(const aq_band *band, int64_t j, __m256 f)
{
    const aq_planes_stream *stream = band->stream;
    const aq_scaled *scaled = stream->scaled;
    float *at = band->acc + j;
    const __m256 s = _mm256_set1_ps(band->tail->scale[0]);
    __m256 acc = _mm256_load_ps(at);
    if (scaled == NULL) {
        _mm256_store_ps(at, _mm256_fmadd_ps(f, s, acc));
        return;
    }
    const int64_t group = band->group, column = stream->n0 + j, n = stream->n - j;
    const __m256 scale = aq_eight_halves((const uint16_t *)scaled->scale + group * scaled->scale_group +
                                             column * scaled->scale_n,
                                         scaled->scale_n, n, scaled->half);
    acc = _mm256_fmadd_ps(_mm256_mul_ps(f, s), scale, acc);
    if (stream->zero) {
        const __m256 offset =
            aq_eight_halves(scaled->offset + group * scaled->offset_group + column * scaled->offset_n,
                            scaled->offset_n, n, scaled->half);
        acc = _mm256_fmadd_ps(_mm256_set1_ps(band->tail->x_sum[band->segment][0]),
                              _mm256_mul_ps(offset, scale), acc);
    }
    _mm256_store_ps(at, acc);
}

static void add_tile(const aq_band *band, int64_t j, const __m256i *sums, aq_weight_type type, bool exact)
{
    const int32_t(*digits)[AQ_DIGIT_ROWS] = band->tail->correction[band->segment];
    for (int64_t unit = 0; unit < tile_columns(type) / AQ_EIGHT; unit += 2, j += AQ_EIGHT) {
        __m256i even = sums[unit], odd = sums[unit + 1];
        take_apart(&even, &odd, digits[0][0], type);
        __m256 f0 = _mm256_cvtepi32_ps(even), f1 = _mm256_cvtepi32_ps(odd);
        if (exact) {
            const __m256 steps = _mm256_set1_ps(256.0f);
            even = sums[tile_units(type) + unit];
            odd = sums[tile_units(type) + unit + 1];
            take_apart(&even, &odd, digits[1][0], type);
            f0 = _mm256_fmadd_ps(f0, steps, _mm256_cvtepi32_ps(even));
            f1 = _mm256_fmadd_ps(f1, steps, _mm256_cvtepi32_ps(odd));
        }
        const __m256 low = _mm256_unpacklo_ps(f0, f1), high = _mm256_unpackhi_ps(f0, f1);
        add_eight(band, j, _mm256_permute2f128_ps(low, high, 0x20));
        add_eight(band, j + tile_columns(type) / 2, _mm256_permute2f128_ps(low, high, 0x31));
    }
}

/* ---- bands ---- */

/* A band of the tile at column j of the slice, whose rows begin at `rows`, and with `two` of the next. */
AQ_INLINE void stream_tile(const aq_band *band, const char *rows, int64_t j, __m256i *sums, bool two,
                           aq_weight_type type, bool exact)
{
    _Alignas(32) char copy[BAND * AQ_PIECE];
    const int64_t left = band->stream->n - j, vectors = tile_units(type) * (1 + exact);
    const uintptr_t ahead = (uintptr_t)rows + (uintptr_t)(BAND * band->stride);
    if (two) {
        band->sum_and_copy(band, rows, band->stride, sums, ahead, copy);
        band->sum(band, copy, AQ_PIECE, sums + vectors, ahead + (uintptr_t)band->stride, NULL);
    } else if (left >= tile_columns(type) && band->k == BAND) {
        band->sum(band, rows, band->stride, sums, ahead, NULL);
    } else { /* what exists, and zeros */
        const int64_t columns = left < tile_columns(type) ? left : tile_columns(type);
        memset(copy, 0, sizeof copy);
        for (int64_t k = 0; k < band->k; k++)
            memcpy(copy + k * AQ_PIECE, rows + k * band->stride,
                   (size_t)(type == AQ_S4 ? (columns + 1) / 2 : columns));
        band->sum(band, copy, AQ_PIECE, sums, ahead, NULL);
    }
    if (!band->last)
        return;
    for (int64_t tile = 0; tile <= two; tile++)
        add_tile(band, j + tile * tile_columns(type), sums + tile * vectors, type, exact);
}

/* Digits of the band's k, in_block k into the block, for pairs of nibbles. */
AQ_INLINE void spread_planes(const aq_ordered_block *ordered, int64_t in_block, bool exact,
                             __m256i planes[PLANES][PAIRS])
{
    for (int p = 0; p < 2 + exact; p++) {
        _Alignas(32) int16_t pairs[AQ_PIECE / 2];
        _mm256_store_si256((__m256i *)(void *)pairs,
                           aq_plane_bytes(ordered, in_block / AQ_PIECE * AQ_PIECE, p));
        for (int64_t i = 0; i < PAIRS; i++)
            planes[p][i] = _mm256_set1_epi16(pairs[in_block % AQ_PIECE / 2 + i]);
    }
}

/* So many tiles from column j of the slice on; all of k. */
AQ_INLINE void stream_tiles(const aq_planes_stream *stream, int64_t j, int64_t count, aq_weight_type type,
                            bool exact)
{
    const aq_weight *weight = stream->weight;
    const int64_t per_byte = type == AQ_S4 ? 2 : 1, length = AQ_BLOCK / stream->segments,
                  stride = weight->stride_k / per_byte, block = weight->block,
                  vectors = tile_units(type) * (1 + exact);
    __m256i *sums = (__m256i *)(void *)stream->room;
    const char *first = (const char *)weight->data + (weight->first + stream->n0 + j) / per_byte,
               *blocks[TILES_OF_NZ] = {NULL};
    for (int64_t tile = 0; block > 0 && tile < count; tile++) {
        const int64_t n = stream->n0 + j + tile * tile_columns(type);
        blocks[tile] = (const char *)weight->data +
                       (weight->first + n / block * weight->block_stride + n % block) / per_byte;
    }
    aq_ordered_block ordered;
    __m256i planes[PLANES][PAIRS];
    for (int64_t k = 0; k < (stream->k + BAND - 1) / BAND * BAND; k += BAND) {
        const int64_t in_block = k % AQ_BLOCK;
        if (in_block == 0)
            aq_order_block(stream, k / AQ_BLOCK, type, exact, &ordered);
        if (type == AQ_S4)
            spread_planes(&ordered, in_block, exact, planes);
        const aq_band band = {.stream = stream,
                              .stride = stride,
                              .high = ordered.high + in_block,
                              .low = ordered.low + in_block,
                              .planes = {planes[0], planes[1], planes[2]},
                              .tail = aq_stream_tail(stream, k / AQ_BLOCK),
                              .acc = aq_stream_acc(stream, k / AQ_BLOCK),
                              .group = stream->scaled != NULL ? k / stream->scaled->group : 0,
                              .k = stream->k - k < BAND ? stream->k - k : BAND,
                              .segment = in_block / length,
                              .sum = choose_sum(type, exact, false),
                              .sum_and_copy = choose_sum(type, exact, true),
                              .last = (k + BAND) % length == 0 || k + BAND >= stream->k};
        if (k % length == 0)
            memset(sums, 0, (size_t)(count * vectors) * sizeof *sums);
        for (int64_t tile = 0, step; tile < count; tile += step) {
            const int64_t column = j + tile * tile_columns(type);
            const char *rows = (block > 0 ? blocks[tile] : first + tile * AQ_PIECE) + k * stride;
            const bool two = block == 0 && band.k == BAND && stream->n - column >= 2 * tile_columns(type);
            step = two ? 2 : 1;
            stream_tile(&band, rows, column, sums + tile * vectors, two, type, exact);
        }
    }
}

AQ_INLINE void stream_of(const aq_planes_stream *stream, aq_weight_type type, bool exact)
{
    const int64_t tiles = (stream->n + tile_columns(type) - 1) / tile_columns(type),
                  together = stream->weight->block > 0 ? TILES_OF_NZ : tiles;
    for (int64_t tile = 0; tile < tiles; tile += together)
        stream_tiles(stream, tile * tile_columns(type), tiles - tile < together ? tiles - tile : together,
                     type, exact);
}

void aq_avx2_stream_p(const aq_planes_stream *stream)
{
    aq_clear_acc(stream);
    if (stream->weight->type == AQ_S4) {
        if (stream->exact)
            stream_of(stream, AQ_S4, true);
        else
            stream_of(stream, AQ_S4, false);
    } else if (stream->exact) {
        stream_of(stream, AQ_S8, true);
    } else {
        stream_of(stream, AQ_S8, false);
    }
}
