/* SPDX-License-Identifier: Apache-2.0 */
/* planes_stream_t.c - one row times weights whose columns run along k, AVX2, without a panel. Lanes run
 * across k; eight columns are walked together, as many runs of memory as the hardware follows at its best,
 * and summed over their lanes together at the end of each segment. */
#include <string.h>

#include "kernels/x86/avx2/planes_stream.h"

enum {
    /* Bytes of a column of int8 to bring near: what the hardware would fetch a little too late. Columns of
     * int4 are half as long, and bringing the next eight columns as memory lies was better. */
    AHEAD = 512
};

typedef struct along_k {
    const aq_planes_stream *stream;
    const char *digits; /* as a column's bytes want them, a piece after the other */
    int64_t blocks;     /* with one that k does not fill */
} along_k;

AQ_INLINE __m256i load(const void *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

AQ_INLINE void store(char *to, __m256i value)
{
    _mm256_store_si256((__m256i *)(void *)to, value);
}

/* ---- digits ---- */

/* The digits of a piece of weights: of 8 bits high and low, each of its even and of its odd k; of 4 bits the
 * three or two planes of bytes, likewise. */
AQ_INLINE int64_t piece_digits(aq_weight_type type, bool exact)
{
    return 2 * AQ_PIECE * (exact + (type == AQ_S4 ? 2 : 1));
}

AQ_INLINE void split_words(const int16_t *from, char *to)
{
    const __m256i a = aq_load_words(from), b = aq_load_words(from + 16), even = _mm256_set1_epi32(0xFFFF);
    store(to, _mm256_permute4x64_epi64(
                  _mm256_packus_epi32(_mm256_and_si256(a, even), _mm256_and_si256(b, even)), 0xD8));
    store(to + AQ_PIECE, _mm256_permute4x64_epi64(
                             _mm256_packus_epi32(_mm256_srli_epi32(a, 16), _mm256_srli_epi32(b, 16)), 0xD8));
}

AQ_INLINE void split_bytes(__m256i a, __m256i b, char *to)
{
    const __m256i even = _mm256_set1_epi16(0x00FF);
    store(to, _mm256_permute4x64_epi64(
                  _mm256_packus_epi16(_mm256_and_si256(a, even), _mm256_and_si256(b, even)), 0xD8));
    store(to + AQ_PIECE, _mm256_permute4x64_epi64(
                             _mm256_packus_epi16(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8)), 0xD8));
}

AQ_INLINE void order_digits(const along_k *job, aq_weight_type type, bool exact)
{
    char *to = (char *)job->stream->room;
    for (int64_t block = 0; block < job->blocks; block++) {
        aq_ordered_block ordered;
        aq_order_block(job->stream, block, type, exact, &ordered);
        if (type == AQ_S8)
            for (int64_t k = 0; k < AQ_BLOCK; k += AQ_PIECE)
                for (int plane = 0; plane < 1 + exact; plane++, to += 2 * AQ_PIECE)
                    split_words((plane == 0 ? ordered.high : ordered.low) + k, to);
        else
            for (int64_t k = 0; k < AQ_BLOCK; k += 2 * AQ_PIECE)
                for (int plane = 0; plane < 2 + exact; plane++, to += 2 * AQ_PIECE)
                    split_bytes(aq_plane_bytes(&ordered, k, plane),
                                aq_plane_bytes(&ordered, k + AQ_PIECE, plane), to);
    }
}

/* ---- products ---- */

AQ_INLINE const __m256i *vectors_at(const char *digits)
{
    return (const __m256i *)(const void *)digits;
}

/* So many pieces of a column of int8 to sums in lanes. */
AQ_INLINE void sum_bytes(const char *at, const char *digits, int pieces, bool exact, __m256i *high,
                         __m256i *low)
{
    const __m256i unsign = _mm256_set1_epi8((char)0x80), first = _mm256_set1_epi16(0x00FF);
    __m256i h = _mm256_undefined_si256(), l = h;
#pragma GCC unroll 4
    for (int i = 0; i < pieces; i++) {
        const __m256i *d = vectors_at(digits + i * piece_digits(AQ_S8, exact));
        const __m256i both = _mm256_xor_si256(load(at + i * AQ_PIECE), unsign),
                      even = _mm256_and_si256(both, first), odd = _mm256_srli_epi16(both, 8);
        AQ_ADD_WORDS(h, even, "m", d[0], i == 0)
        AQ_ADD_WORDS(h, odd, "m", d[1], false)
        if (exact) {
            AQ_ADD_WORDS(l, even, "m", d[2], i == 0)
            AQ_ADD_WORDS(l, odd, "m", d[3], false)
        }
    }
    *high = h;
    *low = l;
}

/* Of int4. A word sums at most eight products of 15 * 128. */
AQ_INLINE void sum_nibbles(const char *at, const char *digits, int pieces, bool exact, __m256i *high,
                           __m256i *low)
{
    const __m256i unsign = _mm256_set1_epi8((char)0x88), nibble = _mm256_set1_epi8(15),
                  steps = _mm256_set1_epi16(256), ones = _mm256_set1_epi16(1);
    __m256i first = _mm256_undefined_si256(), second = first, third = first;
#pragma GCC unroll 2
    for (int i = 0; i < pieces; i++) {
        const __m256i *d = vectors_at(digits + i * piece_digits(AQ_S4, exact));
        const __m256i both = _mm256_xor_si256(load(at + i * AQ_PIECE), unsign),
                      even = _mm256_and_si256(both, nibble),
                      odd = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
        AQ_ADD_BYTES(first, even, d[0], i == 0)
        AQ_ADD_BYTES(first, odd, d[1], false)
        AQ_ADD_BYTES(second, even, d[2], i == 0)
        AQ_ADD_BYTES(second, odd, d[3], false)
        if (exact) {
            AQ_ADD_BYTES(third, even, d[4], i == 0)
            AQ_ADD_BYTES(third, odd, d[5], false)
        }
    }
    *high = _mm256_add_epi32(_mm256_madd_epi16(first, steps), _mm256_madd_epi16(second, ones));
    *low = exact ? _mm256_madd_epi16(third, ones) : third;
}

/* ---- sums over lanes ---- */

AQ_INLINE __m256i fold_pairs(__m256i a, __m256i b)
{
    return _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
}

/* In each half the sums over that half of four columns. */
AQ_INLINE __m256i fold_halves(const __m256i v[4])
{
    const __m256i ab = fold_pairs(v[0], v[1]), cd = fold_pairs(v[2], v[3]);
    return _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
}

/* Of eight columns: all lanes of a column; or each half, which is a segment, for itself. */
AQ_INLINE void fold(const __m256i v[AQ_EIGHT], bool by_halves, __m256i out[2])
{
    const __m256i left = fold_halves(v), right = fold_halves(v + 4);
    const __m256i first = _mm256_permute2x128_si256(left, right, 0x20),
                  second = _mm256_permute2x128_si256(left, right, 0x31);
    out[0] = by_halves ? first : _mm256_add_epi32(first, second);
    out[1] = second;
}

/* ---- eight columns ---- */

typedef struct eight_columns {
    int64_t j, n; /* number of the first in the slice; of those that exist */
    const char *from;
    int64_t offset[AQ_EIGHT]; /* bytes from there to a column */
    aq_ahead ahead;           /* int4: the next eight */
    int64_t next;             /* int8: bytes to what to bring near of each */
    __m256 acc, scale[AQ_EIGHT], zero[AQ_EIGHT];
} eight_columns;

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

/* Parameters of eight segments, of which `count` are of k, by columns. */
static inline void get_parameters(const aq_scaled *scaled, const uint16_t *from, int64_t stride_group,
                                  int64_t stride_n, int64_t k0, int64_t length, int64_t count, int64_t n,
                                  __m256 out[AQ_EIGHT])
{
    if (stride_group == 1 && scaled->group == length && count >= AQ_EIGHT && n >= AQ_EIGHT) {
#pragma GCC unroll 8
        for (int c = 0; c < AQ_EIGHT; c++)
            out[c] = aq_eight_halves(from + c * stride_n + k0 / length, 1, AQ_EIGHT, scaled->half);
        transpose(out);
        return;
    }
    for (int64_t i = 0; i < AQ_EIGHT; i++)
        out[i] = i < count ? aq_eight_halves(from + (k0 + i * length) / scaled->group * stride_group,
                                             stride_n, n, scaled->half)
                           : _mm256_setzero_ps();
}

/* Those of the segments from k0 on. */
static __attribute__((noinline)) void get_scales(const aq_planes_stream *stream, int64_t k0,
                                                 eight_columns *columns)
{
    const aq_scaled *scaled = stream->scaled;
    const int64_t length = AQ_BLOCK / stream->segments, count = (stream->k - k0 + length - 1) / length,
                  column = stream->n0 + columns->j;
    get_parameters(scaled, (const uint16_t *)scaled->scale + column * scaled->scale_n, scaled->scale_group,
                   scaled->scale_n, k0, length, count, columns->n, columns->scale);
    if (!stream->zero)
        return;
    get_parameters(scaled, scaled->offset + column * scaled->offset_n, scaled->offset_group, scaled->offset_n,
                   k0, length, count, columns->n, columns->zero);
    for (int i = 0; i < AQ_EIGHT; i++)
        columns->zero[i] = _mm256_mul_ps(columns->zero[i], columns->scale[i]);
}

/* The sums over a segment of the block to acc. */
AQ_INLINE void add_segment(const aq_planes_stream *stream, const aq_digits_tail *tail, int64_t block,
                           int64_t segment, __m256i high, __m256i low, aq_weight_type type, bool exact,
                           eight_columns *columns)
{
    const int32_t unsigned_by = type == AQ_S4 ? 8 : 128;
    const __m256 s = _mm256_set1_ps(tail->scale[0]);
    high = _mm256_sub_epi32(high, _mm256_set1_epi32(tail->correction[segment][0][0] * unsigned_by));
    __m256 f = _mm256_cvtepi32_ps(high);
    if (exact) {
        low = _mm256_sub_epi32(low, _mm256_set1_epi32(tail->correction[segment][1][0] * unsigned_by));
        f = _mm256_fmadd_ps(f, _mm256_set1_ps(256.0f), _mm256_cvtepi32_ps(low));
    }
    if (stream->scaled == NULL) {
        columns->acc = _mm256_fmadd_ps(f, s, columns->acc);
        return;
    }
    const int64_t at = (block * stream->segments + segment) % AQ_EIGHT;
    if (at == 0)
        get_scales(stream, block * AQ_BLOCK + segment * (AQ_BLOCK / stream->segments), columns);
    columns->acc = _mm256_fmadd_ps(_mm256_mul_ps(f, s), columns->scale[at], columns->acc);
    if (stream->zero)
        columns->acc =
            _mm256_fmadd_ps(_mm256_set1_ps(tail->x_sum[segment][0]), columns->zero[at], columns->acc);
}

/* A block whose weights begin at `from`, segments of so many pieces, or of halves of one. */
AQ_INLINE void add_block(const along_k *job, int64_t block, const char *from, int pieces, bool by_halves,
                         aq_weight_type type, bool exact, eight_columns *columns)
{
    const aq_digits_tail *tail = aq_stream_tail(job->stream, block);
    const int64_t bytes = AQ_BLOCK / (type == AQ_S4 ? 2 : 1), step = pieces * AQ_PIECE;
    const char *digits = job->digits + block * (bytes / AQ_PIECE) * piece_digits(type, exact);
    for (int64_t at = 0, segment = 0; at < bytes; at += step, segment += 1 + by_halves) {
        __m256i high[AQ_EIGHT], low[AQ_EIGHT], h[2], l[2];
#pragma GCC unroll 8
        for (int c = 0; c < AQ_EIGHT; c++) {
            const char *column = from + columns->offset[c] + at;
            if (type == AQ_S8)
                for (int64_t line = 0; line < step; line += AQ_LINE_BYTES)
                    __builtin_prefetch((const void *)((uintptr_t)column + (uintptr_t)(columns->next + line)),
                                       0, 3);
            else if (c == 0)
                aq_bring(&columns->ahead, 8 * step / AQ_LINE_BYTES);
            if (type == AQ_S4)
                sum_nibbles(column, digits, pieces, exact, high + c, low + c);
            else
                sum_bytes(column, digits, pieces, exact, high + c, low + c);
        }
        digits += pieces * piece_digits(type, exact);
        fold(high, by_halves, h);
        fold(exact ? low : high, by_halves, l);
        add_segment(job->stream, tail, block, segment, h[0], l[0], type, exact, columns);
        if (by_halves)
            add_segment(job->stream, tail, block, segment + 1, h[1], l[1], type, exact, columns);
    }
    if (job->stream->block_step > 0) {
        _mm256_store_ps(aq_stream_acc(job->stream, block) + columns->j, columns->acc);
        columns->acc = _mm256_setzero_ps();
    }
}

AQ_INLINE void add_columns(const along_k *job, int pieces, bool by_halves, aq_weight_type type, bool exact,
                           eight_columns *columns)
{
    const int64_t per_byte = type == AQ_S4 ? 2 : 1, block_bytes = AQ_BLOCK / per_byte, k = job->stream->k,
                  whole = k / AQ_BLOCK;
    columns->acc = _mm256_setzero_ps();
    const int64_t bytes = whole * block_bytes, eight = AQ_EIGHT * job->stream->weight->stride_n / per_byte;
    for (int64_t at = 0, block = 0; block < whole; block++, at += block_bytes) {
        columns->next = AHEAD + (at + block_bytes + AHEAD <= bytes ? 0 : eight - bytes);
        add_block(job, block, columns->from + at, pieces, by_halves, type, exact, columns);
    }
    if (whole < job->blocks) { /* what exists, and zeros */
        char last[AQ_EIGHT][AQ_BLOCK] = {0};
        for (int64_t c = 0; c < AQ_EIGHT; c++) {
            memcpy(last[c], columns->from + columns->offset[c] + whole * block_bytes,
                   (size_t)((k - whole * AQ_BLOCK + per_byte - 1) / per_byte));
            columns->offset[c] = c * AQ_BLOCK;
        }
        add_block(job, whole, last[0], pieces, by_halves, type, exact, columns);
    }
    if (job->stream->block_step == 0)
        _mm256_store_ps(job->stream->acc + columns->j, columns->acc);
}

/* Functions of their own, so that sums stay in registers. */
typedef void add_function(const along_k *job, eight_columns *columns);

#define ADD_COLUMNS(name, pieces, by_halves, type, exact)                                                    \
    static __attribute__((noinline)) void name(const along_k *job, eight_columns *columns)                   \
    {                                                                                                        \
        add_columns(job, pieces, by_halves, type, exact, columns);                                           \
    }
ADD_COLUMNS(fast_bytes_1, 4, false, AQ_S8, false)
ADD_COLUMNS(fast_bytes_2, 2, false, AQ_S8, false)
ADD_COLUMNS(fast_bytes_4, 1, false, AQ_S8, false)
ADD_COLUMNS(exact_bytes_1, 4, false, AQ_S8, true)
ADD_COLUMNS(exact_bytes_2, 2, false, AQ_S8, true)
ADD_COLUMNS(exact_bytes_4, 1, false, AQ_S8, true)
ADD_COLUMNS(fast_nibbles_1, 2, false, AQ_S4, false)
ADD_COLUMNS(fast_nibbles_2, 1, false, AQ_S4, false)
ADD_COLUMNS(fast_nibbles_4, 1, true, AQ_S4, false)
ADD_COLUMNS(exact_nibbles_1, 2, false, AQ_S4, true)
ADD_COLUMNS(exact_nibbles_2, 1, false, AQ_S4, true)
ADD_COLUMNS(exact_nibbles_4, 1, true, AQ_S4, true)

static add_function *choose_add(aq_weight_type type, bool exact, int segments)
{
    static add_function *const functions[2][2][3] = {
        {{fast_bytes_1, fast_bytes_2, fast_bytes_4}, {exact_bytes_1, exact_bytes_2, exact_bytes_4}},
        {{fast_nibbles_1, fast_nibbles_2, fast_nibbles_4},
         {exact_nibbles_1, exact_nibbles_2, exact_nibbles_4}}};
    return functions[type == AQ_S4][exact][segments / 2];
}

void aq_avx2_stream_t(const aq_planes_stream *stream)
{
    const aq_weight *weight = stream->weight;
    const int64_t per_byte = weight->type == AQ_S4 ? 2 : 1, stride = weight->stride_n / per_byte,
                  lines = (stream->k / per_byte + AQ_LINE_BYTES - 1) / AQ_LINE_BYTES;
    const char *from =
        (const char *)weight->data + (weight->first + stream->n0 * weight->stride_n) / per_byte;
    const along_k job = {.stream = stream,
                         .digits = (const char *)stream->room,
                         .blocks = (stream->k + AQ_BLOCK - 1) / AQ_BLOCK};
    add_function *add = choose_add(weight->type, stream->exact, stream->segments);
    if (weight->type == AQ_S4)
        order_digits(&job, AQ_S4, stream->exact);
    else
        order_digits(&job, AQ_S8, stream->exact);
    aq_clear_acc(stream);
    for (int64_t j = 0; j < stream->n; j += AQ_EIGHT, from += AQ_EIGHT * stride) {
        const int64_t n = stream->n - j < AQ_EIGHT ? stream->n - j : AQ_EIGHT;
        const int64_t left = stream->n - j - n;
        eight_columns eight = {.j = j,
                               .n = n,
                               .from = from,
                               .ahead = {.at = (uintptr_t)from + (uintptr_t)(AQ_EIGHT * stride),
                                         .stride = (uintptr_t)stride,
                                         .run = lines,
                                         .lines = lines * (left < AQ_EIGHT ? left : AQ_EIGHT)}};
        for (int64_t c = 0; c < AQ_EIGHT; c++)
            eight.offset[c] = (c < n ? c : n - 1) * stride; /* what the last gives again, nobody reads */
        add(&job, &eight);
    }
}
