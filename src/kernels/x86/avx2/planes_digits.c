/* SPDX-License-Identifier: Apache-2.0 */
/* planes_digits.c - rows of x to the digits of the AVX2 integer kernel, four rows at once. Knows no weights. */
#include "kernels/x86/avx2/planes.h"
#include "kernels/x86/madd_multiply.h"

/* Eight k of a plane to four pairs. */
AQ_INLINE __m128i pairs_of(const int16_t *plane, aq_weight_type type)
{
    const __m128i places = type == AQ_S4
                               ? _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15)
                               : _mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)plane), places);
}

/* A plane of each of four rows to [pair of k][row][2]. */
static void interleave(const int16_t *const plane[AQ_DIGIT_ROWS], aq_weight_type type, int16_t *out)
{
    __m128i *to = (__m128i *)(void *)out;
    for (int64_t k = 0; k < AQ_BLOCK; k += 8, to += 4) {
        __m128i a = pairs_of(plane[0] + k, type), b = pairs_of(plane[1] + k, type),
                c = pairs_of(plane[2] + k, type), d = pairs_of(plane[3] + k, type);
        __m128i ab = _mm_unpacklo_epi32(a, b), cd = _mm_unpacklo_epi32(c, d);
        _mm_store_si128(to, _mm_unpacklo_epi64(ab, cd));
        _mm_store_si128(to + 1, _mm_unpackhi_epi64(ab, cd));
        ab = _mm_unpackhi_epi32(a, b);
        cd = _mm_unpackhi_epi32(c, d);
        _mm_store_si128(to + 2, _mm_unpacklo_epi64(ab, cd));
        _mm_store_si128(to + 3, _mm_unpackhi_epi64(ab, cd));
    }
}

/* A row's low digits by pairs; a bit for each pair that is not zero. */
typedef struct low_row {
    _Alignas(16) int32_t pair[AQ_PAIRS];
    uint64_t some;
} low_row;

static void find_low(const int16_t *low, aq_weight_type type, low_row *row)
{
    row->some = 0;
    for (int k = 0; k < AQ_BLOCK; k += 8) {
        __m128i pairs = pairs_of(low + k, type);
        _mm_store_si128((__m128i *)(void *)(row->pair + k / 2), pairs);
        __m128i none = _mm_cmpeq_epi32(pairs, _mm_setzero_si128());
        unsigned some = (unsigned)_mm_movemask_ps(_mm_castsi128_ps(none)) ^ 15u;
        row->some |= (uint64_t)some << (k / 2);
    }
}

/* The lists of a tile; false: there are too many pairs. */
static bool list_low(const low_row row[AQ_DIGIT_ROWS], int segments, aq_few_pairs *few, aq_digits_tail *tail)
{
    const int length = AQ_PAIRS / segments;
    int count = segments * AQ_DIGIT_ROWS * (AQ_PAIRS_TOGETHER - 1);
    for (int r = 0; r < AQ_DIGIT_ROWS; r++)
        count += __builtin_popcountll(row[r].some);
    if (count > AQ_FEW_PAIRS)
        return false;
    count = 0;
    for (int s = 0; s < segments; s++)
        for (int r = 0; r < AQ_DIGIT_ROWS; r++) {
            uint64_t some = row[r].some >> (s * length);
            some = length < AQ_PAIRS ? some & ((UINT64_C(1) << length) - 1) : some;
            tail->correction[s][AQ_LIST_FIRST][r] = count;
            for (; some != 0; some &= some - 1, count++) {
                int pair = s * length + __builtin_ctzll(some);
                few->digits[count] = row[r].pair[pair];
                few->place[count] = (uint16_t)(pair * AQ_GROUP_WORDS * 2);
            }
            for (; count % AQ_PAIRS_TOGETHER != 0; count++) {
                few->digits[count] = 0;
                few->place[count] = 0;
            }
            tail->correction[s][AQ_LIST_END][r] = count;
        }
    return true;
}

static void make_low(const aq_block_digits block[AQ_DIGIT_ROWS], const aq_digits_job *job, char *out,
                     aq_digits_tail *tail)
{
    low_row row[AQ_DIGIT_ROWS];
    const int16_t *low[AQ_DIGIT_ROWS];
    for (int r = 0; r < AQ_DIGIT_ROWS; r++) {
        low[r] = block[r].low;
        find_low(low[r], job->type, &row[r]);
    }
    if (list_low(row, job->segments, (aq_few_pairs *)(void *)out, tail)) {
        tail->correction[0][AQ_LAYOUT][0] = AQ_LAYOUT_FEW;
        return;
    }
    interleave(low, job->type, (int16_t *)(void *)out);
}

void aq_avx2_make_digits(aq_digits_job *job)
{
    if (job->rows == 1) { /* the stream may read it */
        aq_make_madd_digits(job);
        return;
    }
    const int64_t bytes = AQ_MADD_DIGITS * (job->exact ? 2 : 1);
    aq_block_digits block[AQ_DIGIT_ROWS];
    const int16_t *high[AQ_DIGIT_ROWS];
    memset(block, 0, sizeof block);
    for (int r = 0; r < AQ_DIGIT_ROWS; r++) {
        job->fits[r] = true;
        high[r] = block[r].high;
    }
    for (int64_t b = 0; b < job->blocks; b++) {
        char *at = job->digits + b * (bytes + (int64_t)sizeof(aq_digits_tail));
        aq_digits_tail *tail = (aq_digits_tail *)(void *)(at + bytes);
        memset(tail, 0, sizeof *tail);
        for (int64_t r = 0; r < job->rows; r++) {
            aq_make_block(job->x + r * job->x_stride + b * AQ_BLOCK, job->exact, &block[r]);
            job->fits[r] = job->fits[r] && block[r].fits;
            aq_sum_segments(&block[r], job->segments, tail, (int)r);
        }
        tail->correction[0][AQ_LAYOUT][0] = AQ_LAYOUT_PLANES;
        interleave(high, job->type, (int16_t *)(void *)at);
        if (job->exact)
            make_low(block, job, at + AQ_MADD_DIGITS, tail);
    }
}
