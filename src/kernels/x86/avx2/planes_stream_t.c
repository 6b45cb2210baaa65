/* SPDX-License-Identifier: Apache-2.0 */
/* planes_stream_t.c - one row times weights whose columns run along k, AVX2, without a panel. A column is
 * read from its beginning to its end, as memory lies; lanes run across k. Eight segments of it are summed
 * over their lanes together. Their numbers wait until eight columns are there: then they are added up, a lane
 * a column. */
#include <string.h>

#include "kernels/x86/avx2/planes_stream.h"

enum {
    SEGMENTS_AT_ONCE = 8,
    AHEAD = 2048 /* bytes: at 20 GB/s, the time that a line of memory takes to come */
};

typedef struct along_k {
    const aq_planes_stream *stream;
    const char *digits;   /* as a column's bytes want them, a piece after the other */
    int64_t blocks;       /* with one that k does not fill */
    int64_t length;       /* k of a segment */
    int64_t segments;     /* of a column */
    int64_t stride;       /* the same up to a multiple of SEGMENTS_AT_ONCE */
    int32_t *more[2];     /* high, low, segment by segment: what making weights unsigned added to the sums */
    float *scale, *x_sum; /* likewise */
    float *waiting;       /* [column of eight][stride] */
} along_k;

/* The digits of a piece of weights: of 8 bits high and low, each of its even and of its odd k; of 4 bits the
 * three or two planes of bytes, likewise. */
AQ_INLINE int64_t piece_digits(aq_weight_type type, bool exact)
{
    const int64_t planes = exact + (type == AQ_S4 ? 2 : 1);
    return planes * 2 * AQ_PIECE;
}

AQ_INLINE void store(char *to, __m256i value)
{
    _mm256_store_si256((__m256i *)(void *)to, value);
}

static void order_digits(const along_k *job, char *to, aq_weight_type type, bool exact)
{
    const aq_planes_stream *stream = job->stream;
    const int segments = stream->segments;
    for (int64_t block = 0; block < job->blocks; block++) {
        const aq_digits_tail *tail = aq_stream_tail(stream, block);
        aq_ordered_block ordered;
        aq_order_block(stream, block, type, exact, &ordered);
        if (type == AQ_S8)
            for (int64_t k = 0; k < AQ_BLOCK; k += AQ_PIECE)
                for (int plane = 0; plane <= exact; plane++, to += 2 * AQ_PIECE) {
                    const int16_t *from = (plane == 0 ? ordered.high : ordered.low) + k;
                    const __m256i a = aq_load_words(from), b = aq_load_words(from + 16),
                                  first = _mm256_set1_epi32(0xFFFF);
                    const __m256i even =
                        _mm256_packus_epi32(_mm256_and_si256(a, first), _mm256_and_si256(b, first));
                    const __m256i odd =
                        _mm256_packus_epi32(_mm256_srli_epi32(a, 16), _mm256_srli_epi32(b, 16));
                    store(to, _mm256_permute4x64_epi64(even, 0xD8));
                    store(to + AQ_PIECE, _mm256_permute4x64_epi64(odd, 0xD8));
                }
        else
            for (int64_t k = 0; k < AQ_BLOCK; k += 2 * AQ_PIECE)
                for (int plane = 0; plane < 2 + exact; plane++, to += 2 * AQ_PIECE) {
                    const __m256i a = aq_plane_bytes(&ordered, k, plane),
                                  b = aq_plane_bytes(&ordered, k + AQ_PIECE, plane);
                    const __m256i even = _mm256_packs_epi16(_mm256_srai_epi16(_mm256_slli_epi16(a, 8), 8),
                                                            _mm256_srai_epi16(_mm256_slli_epi16(b, 8), 8));
                    const __m256i odd = _mm256_packs_epi16(_mm256_srai_epi16(a, 8), _mm256_srai_epi16(b, 8));
                    store(to, _mm256_permute4x64_epi64(even, 0xD8));
                    store(to + AQ_PIECE, _mm256_permute4x64_epi64(odd, 0xD8));
                }
        for (int s = 0; s < segments; s++) {
            const int64_t at = block * segments + s;
            for (int plane = 0; plane < 2; plane++)
                job->more[plane][at] = tail->correction[s][plane][0] * (type == AQ_S4 ? 8 : 128);
            job->scale[at] = tail->scale[0];
            job->x_sum[at] = tail->x_sum[s][0];
        }
    }
}

/* ---- sums over lanes ---- */

AQ_INLINE __m256i fold_pairs(__m256i a, __m256i b)
{
    return _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
}

/* In each half the sums over that half of four vectors. */
AQ_INLINE __m256i fold_halves(const __m256i v[4])
{
    __m256i ab = fold_pairs(v[0], v[1]), cd = fold_pairs(v[2], v[3]);
    return _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
}

/* Of eight vectors; or of four whose halves are a segment each. */
AQ_INLINE __m256i fold(const __m256i v[SEGMENTS_AT_ONCE], bool by_halves)
{
    const __m256i first = fold_halves(v);
    if (by_halves)
        return _mm256_permutevar8x32_epi32(first, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    const __m256i second = fold_halves(v + 4);
    return _mm256_add_epi32(_mm256_permute2x128_si256(first, second, 0x21),
                            _mm256_blend_epi32(first, second, 0xF0));
}

/* ---- products ---- */

AQ_INLINE __m256i load(const void *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

/* So many pieces of int8 to sums in lanes. */
AQ_INLINE void sum_bytes(const char *at, const char *digits, int pieces, bool exact, __m256i *high,
                         __m256i *low)
{
    const __m256i unsign = _mm256_set1_epi8((char)0x80), first = _mm256_set1_epi16(0x00FF);
    __m256i h = _mm256_setzero_si256(), l = h;
#pragma GCC unroll 4
    for (int i = 0; i < pieces; i++, at += AQ_PIECE, digits += piece_digits(AQ_S8, exact)) {
        const __m256i *d = (const __m256i *)(const void *)digits;
        const __m256i both = _mm256_xor_si256(load(at), unsign), even = _mm256_and_si256(both, first),
                      odd = _mm256_srli_epi16(both, 8);
        AQ_ADD_WORDS(h, even, d[0])
        AQ_ADD_WORDS(h, odd, d[1])
        if (exact) {
            AQ_ADD_WORDS(l, even, d[2])
            AQ_ADD_WORDS(l, odd, d[3])
        }
    }
    *high = h;
    *low = l;
}

/* Of int4. A word sums at most eight products of 15 * 128. */
AQ_INLINE void sum_nibbles(const char *at, const char *digits, int pieces, bool exact, __m256i *high,
                           __m256i *low)
{
    const __m256i unsign = _mm256_set1_epi8((char)0x88), nibble = _mm256_set1_epi8(15);
    __m256i first = _mm256_setzero_si256(), second = first, third = first;
#pragma GCC unroll 2
    for (int i = 0; i < pieces; i++, at += AQ_PIECE, digits += piece_digits(AQ_S4, exact)) {
        const __m256i *d = (const __m256i *)(const void *)digits;
        const __m256i both = _mm256_xor_si256(load(at), unsign), even = _mm256_and_si256(both, nibble),
                      odd = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
        AQ_ADD_BYTES(first, even, d[0])
        AQ_ADD_BYTES(first, odd, d[1])
        AQ_ADD_BYTES(second, even, d[2])
        AQ_ADD_BYTES(second, odd, d[3])
        if (exact) {
            AQ_ADD_BYTES(third, even, d[4])
            AQ_ADD_BYTES(third, odd, d[5])
        }
    }
    *high = _mm256_add_epi32(_mm256_madd_epi16(first, _mm256_set1_epi16(256)),
                             _mm256_madd_epi16(second, _mm256_set1_epi16(1)));
    *low = _mm256_madd_epi16(third, _mm256_set1_epi16(1));
}

/* Up to eight segments, from number `segment` of the column on, whose weights begin at `at`: f of planes.h,
 * with groups times s, to eight floats. ahead: of the bytes to bring near meanwhile. */
AQ_INLINE void sum_segments(const along_k *job, const char *at, int64_t segment, int64_t count,
                            uintptr_t ahead, float *to, aq_weight_type type, int pieces, bool by_halves,
                            bool exact)
{
    __m256i high[SEGMENTS_AT_ONCE], low[SEGMENTS_AT_ONCE];
    const int64_t step = pieces * AQ_PIECE, digits_step = pieces * piece_digits(type, exact),
                  vectors = by_halves ? count / 2 : count;
    const char *digits = job->digits + (by_halves ? segment / 2 : segment) * digits_step;
    for (int64_t i = vectors; i < SEGMENTS_AT_ONCE / (by_halves ? 2 : 1); i++)
        high[i] = low[i] = _mm256_setzero_si256();
    for (int64_t i = 0; i < vectors; i++, at += step, digits += digits_step, ahead += (uintptr_t)step) {
        for (int64_t line = 0; line < step; line += AQ_LINE_BYTES)
            __builtin_prefetch((const void *)(ahead + (uintptr_t)line), 0, 3);
        if (type == AQ_S8)
            sum_bytes(at, digits, pieces, exact, &high[i], &low[i]);
        else
            sum_nibbles(at, digits, pieces, exact, &high[i], &low[i]);
    }
    __m256 f = _mm256_cvtepi32_ps(_mm256_sub_epi32(fold(high, by_halves), load(job->more[0] + segment)));
    if (exact)
        f = _mm256_fmadd_ps(
            f, _mm256_set1_ps(256.0f),
            _mm256_cvtepi32_ps(_mm256_sub_epi32(fold(low, by_halves), load(job->more[1] + segment))));
    if (job->stream->scaled != NULL)
        f = _mm256_mul_ps(f, _mm256_loadu_ps(job->scale + segment));
    _mm256_storeu_ps(to, f);
}

/* A column's segments to waiting, and a few floats beyond it. next: bytes to the column after it. */
AQ_INLINE void sum_column(const along_k *job, const char *column, int64_t next, float *waiting,
                          aq_weight_type type, int pieces, bool by_halves, bool exact)
{
    const int64_t per_byte = type == AQ_S4 ? 2 : 1, k = job->stream->k, in_block = job->stream->segments,
                  whole = k / AQ_BLOCK * in_block, segment_bytes = job->length / per_byte,
                  bytes = (k + per_byte - 1) / per_byte;
    for (int64_t i = 0; i < whole; i += SEGMENTS_AT_ONCE) {
        const int64_t at = i * segment_bytes, far = at + AHEAD < bytes ? AHEAD : AHEAD + next - bytes;
        sum_segments(job, column + at, i, whole - i < SEGMENTS_AT_ONCE ? whole - i : SEGMENTS_AT_ONCE,
                     (uintptr_t)column + (uintptr_t)(at + far), waiting + i, type, pieces, by_halves, exact);
    }
    if (whole < job->segments) {
        _Alignas(32) char last[AQ_BLOCK] = {0};
        const int64_t at = whole * segment_bytes;
        memcpy(last, column + at, (size_t)(bytes - at));
        sum_segments(job, last, whole, in_block, (uintptr_t)column + (uintptr_t)next, waiting + whole, type,
                     pieces, by_halves, exact);
    }
}

/* ---- eight columns ---- */

AQ_INLINE void transpose(__m256 v[AQ_EIGHT])
{
    __m256 a[AQ_EIGHT], b[AQ_EIGHT];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4)
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++) {
            b[i + 2 * j] = _mm256_shuffle_ps(a[i + j], a[i + 2 + j], 0x44);
            b[i + 2 * j + 1] = _mm256_shuffle_ps(a[i + j], a[i + 2 + j], 0xEE);
        }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        v[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
        v[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
    }
}

/* Parameters of eight segments, of which `count` are of k, and of n of eight columns: [segment][column]. */
static inline void get_parameters(const along_k *job, const uint16_t *from, int64_t stride_group,
                                  int64_t stride_n, int64_t segment, int64_t count, int64_t n,
                                  __m256 out[AQ_EIGHT])
{
    const aq_scaled *scaled = job->stream->scaled;
    if (stride_group == 1 && scaled->group == job->length && count >= AQ_EIGHT && n >= AQ_EIGHT) {
#pragma GCC unroll 8
        for (int c = 0; c < AQ_EIGHT; c++)
            out[c] = aq_eight_halves(from + c * stride_n + segment, 1, AQ_EIGHT, scaled->half);
        transpose(out);
        return;
    }
    for (int64_t i = 0; i < AQ_EIGHT; i++)
        out[i] = i >= count
                     ? _mm256_setzero_ps()
                     : aq_eight_halves(from + (segment + i) * job->length / scaled->group * stride_group,
                                       stride_n, n, scaled->half);
}

/* The sums of columns j on, of which n exist, from what waits. */
static void add_up(const along_k *job, int64_t j, int64_t n)
{
    const aq_planes_stream *stream = job->stream;
    const aq_scaled *scaled = stream->scaled;
    const int64_t column = stream->n0 + j, in_k = (stream->k + job->length - 1) / job->length;
    __m256 acc = _mm256_setzero_ps();
    for (int64_t i = 0; i < job->segments; i += SEGMENTS_AT_ONCE) {
        const int64_t count = job->segments - i < AQ_EIGHT ? job->segments - i : AQ_EIGHT;
        __m256 f[AQ_EIGHT], scale[AQ_EIGHT], zero[AQ_EIGHT];
#pragma GCC unroll 8
        for (int64_t c = 0; c < AQ_EIGHT; c++)
            f[c] = _mm256_load_ps(job->waiting + (c < n ? c : n - 1) * job->stride + i);
        transpose(f);
        if (scaled == NULL) {
            for (int64_t t = 0; t < count; t++)
                acc = _mm256_fmadd_ps(f[t], _mm256_set1_ps(job->scale[i + t]), acc);
            continue;
        }
        get_parameters(job, (const uint16_t *)scaled->scale + column * scaled->scale_n, scaled->scale_group,
                       scaled->scale_n, i, in_k - i, n, scale);
        if (stream->zero)
            get_parameters(job, scaled->offset + column * scaled->offset_n, scaled->offset_group,
                           scaled->offset_n, i, in_k - i, n, zero);
        for (int64_t t = 0; t < count; t++) {
            acc = _mm256_fmadd_ps(f[t], scale[t], acc);
            if (stream->zero)
                acc =
                    _mm256_fmadd_ps(_mm256_set1_ps(job->x_sum[i + t]), _mm256_mul_ps(zero[t], scale[t]), acc);
        }
    }
    _mm256_store_ps(stream->acc + j, acc);
}

AQ_INLINE void stream_of(along_k *job, aq_weight_type type, int pieces, bool by_halves, bool exact)
{
    const aq_planes_stream *stream = job->stream;
    const int64_t per_byte = type == AQ_S4 ? 2 : 1, stride = stream->weight->stride_n / per_byte;
    const char *column = (const char *)stream->weight->data +
                         (stream->weight->first + stream->n0 * stream->weight->stride_n) / per_byte;
    for (int64_t j = 0; j < stream->n; j += AQ_EIGHT) {
        const int64_t n = stream->n - j < AQ_EIGHT ? stream->n - j : AQ_EIGHT;
        for (int64_t c = 0; c < n; c++, column += stride)
            sum_column(job, column, stride, job->waiting + c * job->stride, type, pieces, by_halves, exact);
        add_up(job, j, n);
    }
}

/* The parts of room, and what is the same for all columns. */
AQ_INLINE void prepare(along_k *job, aq_weight_type type, bool exact)
{
    const aq_planes_stream *stream = job->stream;
    char *digits = (char *)stream->room;
    const int64_t pieces = job->blocks * AQ_BLOCK / (type == AQ_S4 ? 2 : 1) / AQ_PIECE;
    int32_t *room = (int32_t *)(void *)(digits + pieces * piece_digits(type, exact));
    job->digits = digits;
    job->more[0] = room;
    job->more[1] = room + job->stride;
    job->scale = (float *)(room + 2 * job->stride);
    job->x_sum = job->scale + job->stride;
    job->waiting = job->x_sum + job->stride;
    order_digits(job, digits, type, exact);
}

AQ_INLINE void stream_type(along_k *job, aq_weight_type type, bool exact)
{
    const int segments = job->stream->segments;
    prepare(job, type, exact);
    if (type == AQ_S4) {
        if (segments == 1)
            stream_of(job, type, 2, false, exact);
        else
            stream_of(job, type, 1, segments > 2, exact);
    } else if (segments == 1) {
        stream_of(job, type, 4, false, exact);
    } else if (segments == 2) {
        stream_of(job, type, 2, false, exact);
    } else {
        stream_of(job, type, 1, false, exact);
    }
}

void aq_avx2_stream_t(const aq_planes_stream *stream)
{
    const int64_t columns = aq_panel_columns(stream->weight->type),
                  blocks = (stream->k + AQ_BLOCK - 1) / AQ_BLOCK, segments = blocks * stream->segments;
    along_k job = {.stream = stream,
                   .blocks = blocks,
                   .length = AQ_BLOCK / stream->segments,
                   .segments = segments,
                   .stride = (segments + SEGMENTS_AT_ONCE - 1) / SEGMENTS_AT_ONCE * SEGMENTS_AT_ONCE};
    memset(stream->acc, 0, (size_t)((stream->n + columns - 1) / columns * columns) * sizeof *stream->acc);
    if (stream->weight->type == AQ_S4) {
        if (stream->exact)
            stream_type(&job, AQ_S4, true);
        else
            stream_type(&job, AQ_S4, false);
    } else if (stream->exact) {
        stream_type(&job, AQ_S8, true);
    } else {
        stream_type(&job, AQ_S8, false);
    }
}
