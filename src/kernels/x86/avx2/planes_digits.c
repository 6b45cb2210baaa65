/* SPDX-License-Identifier: Apache-2.0 */
/* planes_digits.c - rows of x to the digits of the AVX2 integer kernel, four rows at once. Knows no weights.
 */
#include "kernels/x86/avx2/planes.h"
#include "kernels/x86/madd_multiply.h"

/* A block of a row, as aq_block_digits has it. low is written in mode exact only. */
typedef struct row_digits {
    _Alignas(32) int16_t high[AQ_BLOCK];
    int16_t low[AQ_BLOCK];
} row_digits;

/* The bits of the largest |x|; those of a NaN are greater than any number's. */
static uint32_t greatest(const float *x)
{
    const __m256i magnitude = _mm256_set1_epi32(0x7FFFFFFF);
    __m256i most = _mm256_setzero_si256();
    for (int i = 0; i < AQ_BLOCK; i += 8) {
        __m256i bits = _mm256_loadu_si256((const __m256i *)(const void *)(x + i));
        most = _mm256_max_epu32(most, _mm256_and_si256(bits, magnitude));
    }
    __m128i four = _mm_max_epu32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
    four = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0x4E));
    four = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0xB1));
    return (uint32_t)_mm_cvtsi128_si32(four);
}

/* 32-bit integers a, then b, to 16 bits. */
AQ_INLINE void store_words(int16_t *to, __m256i a, __m256i b)
{
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xD8);
    _mm256_store_si256((__m256i *)(void *)to, words);
}

/* Sixteen k; returns the sums of v, eight apart. */
AQ_INLINE __m256i cut(const float *x, __m256 inverse, bool exact, int16_t *high, int16_t *low)
{
    __m256i a = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x), inverse)),
            b = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 8), inverse));
    if (!exact) {
        store_words(high, a, b);
        return _mm256_add_epi32(a, b);
    }
    const __m256i half = _mm256_set1_epi32(128);
    __m256i c = _mm256_srai_epi32(_mm256_add_epi32(a, half), 8),
            d = _mm256_srai_epi32(_mm256_add_epi32(b, half), 8);
    store_words(high, c, d);
    store_words(low, _mm256_sub_epi32(a, _mm256_slli_epi32(c, 8)),
                _mm256_sub_epi32(b, _mm256_slli_epi32(d, 8)));
    return _mm256_add_epi32(a, b);
}

/* The same numbers as aq_make_block and aq_sum_segments (kernels/digits.h) for row r of a tile; false: the
 * block does not fit, its digits are zero. */
AQ_INLINE bool make_block(const float *x, bool exact, int segments, row_digits *row, aq_digits_tail *tail,
                          int r)
{
    const aq_block_scale chosen = aq_choose_scale(greatest(x), exact);
    tail->scale[r] = chosen.scale;
    if (!chosen.fits) {
        memset(row, 0, sizeof *row);
        for (int s = 0; s < segments; s++)
            tail->x_sum[s][r] = 0.0f;
        return false;
    }
    const __m256 inverse = _mm256_set1_ps(chosen.inverse);
    __m256i quarter[AQ_SEGMENTS];
#pragma GCC unroll 4
    for (int q = 0; q < AQ_SEGMENTS; q++) {
        const int k = q * (AQ_BLOCK / AQ_SEGMENTS);
        quarter[q] = _mm256_add_epi32(cut(x + k, inverse, exact, row->high + k, row->low + k),
                                      cut(x + k + 16, inverse, exact, row->high + k + 16, row->low + k + 16));
    }
    __m256i sums = _mm256_hadd_epi32(_mm256_hadd_epi32(quarter[0], quarter[1]),
                                     _mm256_hadd_epi32(quarter[2], quarter[3]));
    _Alignas(16) int32_t sum[AQ_SEGMENTS];
    _mm_store_si128((__m128i *)(void *)sum,
                    _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1)));
    const int quarters = AQ_SEGMENTS / segments;
    for (int s = 0; s < segments; s++) {
        int32_t all = 0;
        for (int q = 0; q < quarters; q++)
            all += sum[s * quarters + q];
        tail->x_sum[s][r] = chosen.scale * (float)all;
    }
    return true;
}

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

static void make_low(const row_digits digits[AQ_DIGIT_ROWS], const aq_digits_job *job, char *out,
                     aq_digits_tail *tail)
{
    low_row row[AQ_DIGIT_ROWS];
    const int16_t *low[AQ_DIGIT_ROWS];
    for (int r = 0; r < AQ_DIGIT_ROWS; r++) {
        low[r] = digits[r].low;
        find_low(low[r], job->type, &row[r]);
    }
    if (list_low(row, job->segments, (aq_few_pairs *)(void *)out, tail)) {
        tail->correction[0][AQ_LAYOUT][0] = AQ_LAYOUT_FEW;
        return;
    }
    interleave(low, job->type, (int16_t *)(void *)out);
}

AQ_INLINE void make_tile(aq_digits_job *job, bool exact)
{
    const int64_t bytes = AQ_MADD_DIGITS * (exact ? 2 : 1);
    row_digits digits[AQ_DIGIT_ROWS];
    const int16_t *high[AQ_DIGIT_ROWS];
    memset(digits, 0, sizeof digits);
    for (int r = 0; r < AQ_DIGIT_ROWS; r++) {
        job->fits[r] = true;
        high[r] = digits[r].high;
    }
    for (int64_t b = 0; b < job->blocks; b++) {
        char *at = job->digits + b * (bytes + (int64_t)sizeof(aq_digits_tail));
        aq_digits_tail *tail = (aq_digits_tail *)(void *)(at + bytes);
        memset(tail, 0, sizeof *tail);
        for (int r = 0; r < (int)job->rows; r++)
            job->fits[r] &= make_block(job->x + r * job->x_stride + b * AQ_BLOCK, exact, job->segments,
                                       &digits[r], tail, r);
        tail->correction[0][AQ_LAYOUT][0] = AQ_LAYOUT_PLANES;
        interleave(high, job->type, (int16_t *)(void *)at);
        if (exact)
            make_low(digits, job, at + AQ_MADD_DIGITS, tail);
    }
}

void aq_avx2_make_digits(aq_digits_job *job)
{
    if (job->rows == 1) /* the stream may read it */
        aq_make_madd_digits(job);
    else if (job->exact)
        make_tile(job, true);
    else
        make_tile(job, false);
}
