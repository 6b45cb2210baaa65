/* SPDX-License-Identifier: Apache-2.0 */
/* stream_p.c - one row times weights whose rows run along n, AVX-512 VNNI, without a panel. Some k rows of
 * the whole slice are walked before the next, so that memory is read nearly in its own order, and the next
 * such band is brought to L2 meanwhile; integer sums that a band does not finish wait in memory. */
#include "kernels/x86/vnni/lines.h"

enum {
    BAND_ROWS = 32, /* side by side */
    PLANES = 3,
    /* A weight that the second-level cache may hold, in rows of which a page holds two and more, is taken a
     * block at a time, so that no sums wait: 1024 x 1024 hot 1.2 to 1.3 times as quick, from memory 0.94 to
     * 0.98. */
    SMALL_WEIGHT = 1 << 20,
    SMALL_ROW = AQ_PAGE_BYTES / 2 - 1,
    FEW_PANELS = 4 /* of a slice, a packed one's one among them, for which digits stay as they are */
};

typedef struct band {
    const aq_planes_stream *stream;
    aq_lines lines;        /* at the band's first k and the panel's first column */
    int64_t k;             /* rows of the band, none beyond the matrix */
    const int32_t *digits; /* [quad][plane], digit_step apart */
    int64_t digit_step;
    const aq_digits_tail *tail;
    int segment;
    bool first, last; /* of the segment */
    const float *scale, *zero;
} band;

/* Sums by name, as in multiply.c: s<plane><vector>. */
#define FOR_VECTORS(DO, p) DO(p, 0) DO(p, 1) DO(p, 2) DO(p, 3) DO(p, 4) DO(p, 5) DO(p, 6) DO(p, 7)
#define FOR_ALL(DO)        FOR_VECTORS(DO, 0) FOR_VECTORS(DO, 1) FOR_VECTORS(DO, 2)

AQ_INLINE void add_to_total(const band *b, __m512 f, int vector, float *acc, bool grouped)
{
    __m512 scale = _mm512_set1_ps(b->tail->scale[0]);
    if (b->stream->block_step > 0) {
        _mm512_store_ps(acc + vector * 16, _mm512_mul_ps(f, scale));
        return;
    }
    __m512 total = _mm512_load_ps(acc + vector * 16);
    if (!grouped) {
        total = _mm512_fmadd_ps(f, scale, total);
    } else {
        total = _mm512_fmadd_ps(_mm512_mul_ps(f, scale), _mm512_load_ps(b->scale + vector * 16), total);
        if (b->stream->zero)
            total = _mm512_fmadd_ps(_mm512_set1_ps(b->tail->x_sum[b->segment][0]),
                                    _mm512_load_ps(b->zero + vector * 16), total);
    }
    _mm512_store_ps(acc + vector * 16, total);
}

/* The band's part of one panel. bytes: of its columns. full: 64, and rows by fours. brings: lines ahead for
 * each four. joined: 1 if the planes of high wait as one sum, so that those of a wide slice stay in the
 * first-level cache; where the next band wants them at once that only takes time: 0. Long by what its macros
 * stand for. NOLINTNEXTLINE(readability-function-size) */
AQ_INLINE void panel_of_band(const band *b, const char *at, int64_t bytes, bool full, aq_weight_type type,
                             int planes, bool grouped, int joined, int brings, aq_ahead *ahead,
                             int32_t *waiting, float *acc)
{
    const int vectors = type == AQ_S4 ? 8 : 4;
    const int32_t *digits = b->digits;
    const int64_t digit_step = b->digit_step;
    /* of high to its second plane, which is not shifted where the two are joined */
    const int32_t correction[PLANES] = {0, b->tail->correction[b->segment][AQ_OF_HIGH][0],
                                        b->tail->correction[b->segment][AQ_OF_LOW][0]};
    aq_ahead mine = *ahead;
#define START(p, v)                                                                                          \
    __m512i s##p##v = p >= planes || v >= vectors ? _mm512_setzero_si512()                                   \
                      : b->first                  ? _mm512_set1_epi32(correction[p] * (type != AQ_S4 ? 1     \
                                                                                       : v < 4       ? 17    \
                                                                                                     : 16))        \
                      : p < joined                ? _mm512_setzero_si512()                                   \
                                   : _mm512_load_si512(waiting + ((p - joined) * vectors + v) * 16);
    FOR_ALL(START)
    for (int64_t k = 0; k < b->k; k += 4, digits += planes * digit_step) {
        __m512i row[4], quad[4];
        aq_bring(&mine, brings);
        if (full) {
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++, at += b->lines.outer_bytes)
                row[i] = aq_unsigned(aq_load_line(&b->lines, at, AQ_LINE_BYTES, true), type);
        } else {
            for (int i = 0; i < 4; i++, at += b->lines.outer_bytes)
                row[i] = k + i < b->k ? aq_unsigned(aq_load_line(&b->lines, at, bytes, false), type)
                                      : _mm512_setzero_si512();
        }
        aq_make_quads(row, quad);
        const __m512i d0 = _mm512_set1_epi32(digits[0]), d1 = _mm512_set1_epi32(digits[digit_step]),
                      d2 = _mm512_set1_epi32(digits[(planes - 1) * digit_step]);
#define MULTIPLY(w, v)                                                                                       \
    {                                                                                                        \
        const __m512i weights = w;                                                                           \
        AQ_ADD_PRODUCTS(s0##v, weights, d0);                                                                 \
        AQ_ADD_PRODUCTS(s1##v, weights, d1);                                                                 \
        if (planes > 2)                                                                                      \
            AQ_ADD_PRODUCTS(s2##v, weights, d2);                                                             \
    }
        if (type == AQ_S4) {
            /* both nibbles, then 16 times the high one: half the work of taking them apart */
            MULTIPLY(quad[0], 0)
            MULTIPLY(aq_sixteen_high(quad[0]), 4)
            MULTIPLY(quad[1], 1)
            MULTIPLY(aq_sixteen_high(quad[1]), 5)
            MULTIPLY(quad[2], 2)
            MULTIPLY(aq_sixteen_high(quad[2]), 6)
            MULTIPLY(quad[3], 3)
            MULTIPLY(aq_sixteen_high(quad[3]), 7)
        } else {
            MULTIPLY(quad[0], 0)
            MULTIPLY(quad[1], 1)
            MULTIPLY(quad[2], 2)
            MULTIPLY(quad[3], 3)
        }
    }
    *ahead = mine;
    if (!b->last) {
#define JOIN(unused, v) s1##v = _mm512_add_epi32(_mm512_slli_epi32(s0##v, 8), s1##v);
#define WAIT(p, v)                                                                                           \
    if (p >= joined && p < planes && v < vectors)                                                            \
        _mm512_store_si512(waiting + ((p - joined) * vectors + v) * 16, s##p##v);
        if (joined) {
            FOR_VECTORS(JOIN, 0)
        }
        FOR_ALL(WAIT)
        return;
    }
#define APART(p, low, high)                                                                                  \
    if (type == AQ_S4 && p < planes) {                                                                       \
        s##p##low = _mm512_sub_epi32(s##p##low, s##p##high);                                                 \
        s##p##high = _mm512_srai_epi32(s##p##high, 4);                                                       \
    }
#define APART_PLANE(p) APART(p, 0, 4) APART(p, 1, 5) APART(p, 2, 6) APART(p, 3, 7)
    APART_PLANE(0)
    APART_PLANE(1)
    APART_PLANE(2)
#define ADD(unused, v)                                                                                       \
    if (v < vectors)                                                                                         \
        add_to_total(b, aq_join_planes(s0##v, s1##v, s2##v, planes), v, acc, grouped);
    FOR_VECTORS(ADD, 0)
#undef START
#undef MULTIPLY
#undef JOIN
#undef WAIT
#undef APART
#undef APART_PLANE
#undef ADD
}

/* Which rows of k make a band: every `apart`-th of k0 .. k0 + k - 1, from the odd-th on. */
typedef struct rows_of_band {
    int64_t k0, k, apart, odd;
} rows_of_band;

AQ_INLINE rows_of_band rows_after(const rows_of_band *rows)
{
    rows_of_band next = *rows;
    next.odd = rows->odd + 1 < rows->apart ? rows->odd + 1 : 0;
    next.k0 += next.odd == 0 ? rows->k : 0;
    return next;
}

/* Of those that lie below k. */
AQ_INLINE int64_t count_rows(const rows_of_band *rows, int64_t k)
{
    const int64_t left = k - rows->k0 < rows->k ? k - rows->k0 : rows->k;
    return (left - rows->odd + rows->apart - 1) / rows->apart;
}

/* A band of a slice whose rows are in one piece. */
AQ_INLINE aq_ahead ahead_of_slice(const aq_planes_stream *stream, const rows_of_band *rows,
                                  int64_t slice_bytes)
{
    const int64_t run = (slice_bytes + AQ_LINE_BYTES - 1) / AQ_LINE_BYTES;
    const aq_lines lines = aq_lines_at(stream->weight, false, stream->n0, rows->k0 + rows->odd);
    return (aq_ahead){.at = (uintptr_t)lines.data,
                      .stride = (uintptr_t)(lines.outer_bytes * rows->apart),
                      .run = run,
                      .lines = rows->k0 < stream->k ? run * count_rows(rows, stream->k) : 0};
}

/* The next band of one panel in FRACTAL_NZ: the rows of a block follow each other. */
AQ_INLINE aq_ahead ahead_of_panel(const aq_lines *next, int64_t rows, int64_t band_k)
{
    return (aq_ahead){.at = (uintptr_t)next->data,
                      .stride = (uintptr_t)next->half_bytes,
                      .run = band_k / 2,
                      .lines = rows < band_k || next->whole ? 0 : band_k};
}

/* Digits of the one row side by side, in the order in which bands take rows. */
AQ_INLINE const int32_t *order_digits(const aq_planes_stream *stream, int64_t apart, aq_weight_type type,
                                      int planes)
{
    const int64_t columns = aq_panel_columns(type), blocks = (stream->k + AQ_BLOCK - 1) / AQ_BLOCK,
                  block_bytes = aq_vnni_digits(planes == 3) + (int64_t)sizeof(aq_digits_tail);
    const __m128i even_then_odd = _mm_setr_epi8(0, 2, 4, 6, 1, 3, 5, 7, -1, -1, -1, -1, -1, -1, -1, -1);
    int32_t *ordered = stream->room + (stream->n + columns - 1) / columns * columns * PLANES, *to = ordered;
    for (int64_t b = 0; b < blocks; b++, to += AQ_QUADS * planes) {
        const int32_t *from = (const int32_t *)(const void *)(stream->digits + b * block_bytes);
        for (int q = 0; q < AQ_QUADS; q += 2)
            for (int p = 0; p < planes; p++) {
                const int32_t first = from[(q * planes + p) * AQ_DIGIT_ROWS],
                              second = from[((q + 1) * planes + p) * AQ_DIGIT_ROWS];
                if (apart == 1) {
                    to[q * planes + p] = first;
                    to[(q + 1) * planes + p] = second;
                } else {
                    const int at = q / (BAND_ROWS / 2) * (BAND_ROWS / 2) + q % (BAND_ROWS / 2) / 2;
                    __m128i both = _mm_shuffle_epi8(_mm_set_epi32(0, 0, second, first), even_then_odd);
                    to[at * planes + p] = _mm_cvtsi128_si32(both);
                    to[(at + BAND_ROWS / 4) * planes + p] = _mm_extract_epi32(both, 1);
                }
            }
    }
    return ordered;
}

/* A band's rows of the panel that begins at column j of the slice; lines: from there and row k0 on. digits:
 * null for those of the stream as they are. */
AQ_INLINE void panel_in_band(const aq_planes_stream *stream, const aq_lines *lines, const int32_t *digits,
                             const rows_of_band *rows, int64_t j, aq_weight_type type, int planes,
                             bool grouped, int joined, int brings, aq_ahead *ahead)
{
    const int64_t columns = aq_panel_columns(type), length = AQ_BLOCK / stream->segments,
                  step = rows->k < length ? rows->k : length, left = stream->n - j,
                  bytes = type == AQ_S4 ? (left + 1) / 2 : left,
                  block_bytes = aq_vnni_digits(planes == 3) + (int64_t)sizeof(aq_digits_tail);
    const char *block = stream->digits + rows->k0 / AQ_BLOCK * block_bytes;
    float *acc = aq_stream_acc(stream, rows->k0 / AQ_BLOCK) + j;
    _Alignas(64) float scale[AQ_PANEL_MOST], zero[AQ_PANEL_MOST];
    for (int64_t at = 0; at < rows->k && rows->k0 + at < stream->k; at += step) {
        const int64_t k0 = rows->k0 + at, in_block = k0 % AQ_BLOCK;
        const rows_of_band some = {.k0 = k0, .k = step, .apart = rows->apart, .odd = rows->odd};
        band b = {
            .stream = stream,
            .lines = *lines,
            .k = count_rows(&some, stream->k),
            .digits = digits != NULL
                          ? digits + (k0 / 4 + rows->odd * (BAND_ROWS / 4)) * planes
                          : (const int32_t *)(const void *)block + in_block / 4 * planes * AQ_DIGIT_ROWS,
            .digit_step = digits != NULL ? 1 : AQ_DIGIT_ROWS,
            .tail = aq_tail_of(block, planes == 3),
            .segment = (int)(in_block / length),
            .first = k0 % length == 0 && rows->odd == 0,
            .last = ((k0 + step) % length == 0 || k0 + step >= stream->k) && rows->odd + 1 == rows->apart,
            .scale = scale,
            .zero = zero};
        b.lines.outer_bytes *= rows->apart;
        if (grouped && b.last)
            aq_vnni_group_scales(&(aq_group_scales){.scaled = stream->scaled,
                                                    .type = type,
                                                    .k0 = k0 / length * length,
                                                    .k = length,
                                                    .n0 = stream->n0 + j,
                                                    .n = left < columns ? left : columns,
                                                    .segments = 1,
                                                    .scale = scale,
                                                    .zero = stream->zero ? zero : NULL});
        const char *from = lines->data + (at + rows->odd) * lines->outer_bytes;
        if (bytes >= AQ_LINE_BYTES && b.k % 4 == 0)
            panel_of_band(&b, from, bytes, true, type, planes, grouped, joined, brings, ahead,
                          stream->room + j * PLANES, acc);
        else
            panel_of_band(&b, from, bytes, false, type, planes, grouped, joined, brings, ahead,
                          stream->room + j * PLANES, acc);
    }
}

/* FRACTAL_NZ: columns of a panel are near along k, so one panel after the other. */
AQ_INLINE void stream_blocks(const aq_planes_stream *stream, aq_weight_type type, int planes, bool grouped)
{
    const int64_t columns = aq_panel_columns(type), band_k = type == AQ_S4 ? AQ_BLOCK : BAND_ROWS;
    const int32_t *digits = order_digits(stream, 1, type, planes);
    for (int64_t j = 0; j < stream->n; j += columns)
        for (int64_t k0 = 0; k0 < stream->k; k0 += band_k) {
            const rows_of_band rows = {.k0 = k0, .k = band_k, .apart = 1};
            const aq_lines lines = aq_lines_at(stream->weight, false, stream->n0 + j, k0),
                           next = aq_lines_at(stream->weight, false, stream->n0 + j, k0 + band_k);
            aq_ahead ahead = ahead_of_panel(&next, stream->k - k0 - band_k, band_k);
            panel_in_band(stream, &lines, digits, &rows, j, type, planes, grouped, 0, 4, &ahead);
        }
}

/* The rows of a band, at most a segment's, of all panels: what they share is found out once. digits as for
 * panel_in_band. */
AQ_INLINE void band_of_rows(const aq_planes_stream *stream, const int32_t *digits, const rows_of_band *rows,
                            aq_weight_type type, int planes, bool grouped, int brings, aq_ahead *ahead)
{
    const int64_t columns = aq_panel_columns(type), length = AQ_BLOCK / stream->segments,
                  in_block = rows->k0 % AQ_BLOCK, bytes = type == AQ_S4 ? (stream->n + 1) / 2 : stream->n,
                  block_bytes = aq_vnni_digits(planes == 3) + (int64_t)sizeof(aq_digits_tail);
    const char *block = stream->digits + rows->k0 / AQ_BLOCK * block_bytes;
    const aq_lines lines = aq_lines_at(stream->weight, false, stream->n0, rows->k0 + rows->odd);
    _Alignas(64) float scale[AQ_PANEL_MOST], zero[AQ_PANEL_MOST];
    band b = {.stream = stream,
              .lines = lines,
              .k = count_rows(rows, stream->k),
              .digits = digits != NULL
                            ? digits + (rows->k0 / 4 + rows->odd * (BAND_ROWS / 4)) * planes
                            : (const int32_t *)(const void *)block + in_block / 4 * planes * AQ_DIGIT_ROWS,
              .digit_step = digits != NULL ? 1 : AQ_DIGIT_ROWS,
              .tail = aq_tail_of(block, planes == 3),
              .segment = (int)(in_block / length),
              .first = rows->k0 % length == 0 && rows->odd == 0,
              .last = ((rows->k0 + rows->k) % length == 0 || rows->k0 + rows->k >= stream->k) &&
                      rows->odd + 1 == rows->apart,
              .scale = scale,
              .zero = zero};
    b.lines.outer_bytes *= rows->apart;
    b.lines.whole = true;
    float *acc = aq_stream_acc(stream, rows->k0 / AQ_BLOCK);
    int32_t *waiting = stream->room;
    const char *from = lines.data;
    for (int64_t j = 0, left = bytes; left > 0; j += columns, left -= AQ_LINE_BYTES, from += AQ_LINE_BYTES,
                 acc += columns, waiting += columns * PLANES) {
        if (grouped && b.last)
            aq_vnni_group_scales(&(aq_group_scales){.scaled = stream->scaled,
                                                    .type = type,
                                                    .k0 = rows->k0 / length * length,
                                                    .k = length,
                                                    .n0 = stream->n0 + j,
                                                    .n = stream->n - j < columns ? stream->n - j : columns,
                                                    .segments = 1,
                                                    .scale = scale,
                                                    .zero = stream->zero ? zero : NULL});
        if (left >= AQ_LINE_BYTES && b.k % 4 == 0)
            panel_of_band(&b, from, left, true, type, planes, grouped, 1, brings, ahead, waiting, acc);
        else
            panel_of_band(&b, from, left, false, type, planes, grouped, 1, brings, ahead, waiting, acc);
    }
}

/* As pages ask for (lines.h), where a segment is long enough for that. No more than 32 pages are followed; a
 * packed panel is one run as it is. */
AQ_INLINE void stream_rows(const aq_planes_stream *stream, aq_weight_type type, int planes, bool grouped)
{
    const int64_t row_bytes = aq_lines_at(stream->weight, false, 0, 0).outer_bytes,
                  bytes = type == AQ_S4 ? (stream->n + 1) / 2 : stream->n;
    const bool blocks = row_bytes == AQ_LINE_BYTES ||
                        (row_bytes > 0 && row_bytes <= SMALL_ROW && row_bytes * stream->k <= SMALL_WEIGHT);
    const int64_t apart = !blocks && row_bytes > AQ_LINE_BYTES && row_bytes < AQ_PAGE_BYTES &&
                                  AQ_BLOCK / stream->segments >= 2 * BAND_ROWS
                              ? 2
                              : 1;
    const int brings = row_bytes <= 0 || row_bytes * apart >= AQ_PAGE_BYTES ? 2 : 4;
    const bool worth_it = apart > 1 || stream->n > FEW_PANELS * aq_panel_columns(type);
    const int32_t *digits = worth_it ? order_digits(stream, apart, type, planes) : NULL;
    rows_of_band next, rows = {.k0 = 0, .k = blocks ? AQ_BLOCK : BAND_ROWS * apart, .apart = apart};
    for (; rows.k0 < stream->k; rows = next) {
        next = rows_after(&rows);
        aq_ahead ahead = ahead_of_slice(stream, &next, bytes);
        if (rows.k <= AQ_BLOCK / stream->segments) {
            band_of_rows(stream, digits, &rows, type, planes, grouped, brings, &ahead);
            continue;
        }
        for (int64_t j = 0; j < stream->n; j += aq_panel_columns(type)) {
            const aq_lines lines = aq_lines_at(stream->weight, false, stream->n0 + j, rows.k0);
            panel_in_band(stream, &lines, digits, &rows, j, type, planes, grouped, 1, brings, &ahead);
        }
    }
}

AQ_INLINE void stream_of(const aq_planes_stream *stream, aq_weight_type type, int planes, bool grouped)
{
    if (stream->block_step == 0)
        aq_clear_acc(stream);
    if (stream->weight->block > 0)
        stream_blocks(stream, type, planes, grouped);
    else
        stream_rows(stream, type, planes, grouped);
}

void aq_vnni_stream_p(const aq_planes_stream *stream)
{
    const bool grouped = stream->scaled != NULL;
    if (stream->weight->type == AQ_S8) {
        if (stream->exact)
            stream_of(stream, AQ_S8, 3, grouped);
        else
            stream_of(stream, AQ_S8, 2, grouped);
    } else {
        if (stream->exact)
            stream_of(stream, AQ_S4, 3, grouped);
        else
            stream_of(stream, AQ_S4, 2, grouped);
    }
}
