/* SPDX-License-Identifier: Apache-2.0 */
/* vnni.h - what the AVX-512 VNNI kernels share: their layouts of digits and panels.
 *
 * Weights lie as unsigned bytes, stored + 128 or, of 4 bits, + 8: vpdpbusd's unsigned operand. What that adds
 * is taken back by where the sums start (aq_digits_tail.correction).
 *
 *   digits  [32 quads of k][plane][4 rows], each 4 signed bytes of k. Planes: the two of high, then low.
 *   panel   [32 quads of k][vector][16 columns], each 4 bytes of k: what unpacking rows of 64 bytes gives.
 *           8 bits: vector q, lane L, dword i is column 16 L + 4 q + i.
 *           4 bits: vector 4 p + q, lane L, dword i is column 32 L + 8 q + 2 i + p. */
#ifndef AQ_KERNELS_X86_VNNI_VNNI_H
#define AQ_KERNELS_X86_VNNI_VNNI_H

#if !defined(__AVX512VNNI__) || !defined(__AVX512BW__) || !defined(__AVX512VL__) || !defined(__AVX512DQ__)
#error "compile this folder with -mavx512vnni -mavx512f -mavx512bw -mavx512vl -mavx512dq"
#endif

#include <immintrin.h>

#include "kernels/planes.h"

#ifndef AQ_INLINE
#define AQ_INLINE static inline __attribute__((always_inline))
#endif

enum { AQ_QUADS = AQ_BLOCK / 4, AQ_QUAD_DIGITS = AQ_DIGIT_ROWS * 4 /* bytes of a plane's quad */ };

/* What aq_digits_tail.correction holds for a segment and row: what is added to H and to L for the weights'
 * being unsigned, and in mode exact a bit for each quad of which a low digit is not zero. x of 11 or 8 bits
 * that is within 2^-4 of the largest of its block leaves nothing to low: of numbers spread like a bell two
 * quads in three have none. */
enum { AQ_OF_HIGH, AQ_LOW_QUADS, AQ_OF_LOW };

/* Where the scales of weights come in (planes.h). */
typedef enum aq_scaling { AQ_BY_COLUMNS, AQ_BY_GROUPS, AQ_BY_GROUPS_WITH_ZERO } aq_scaling;

AQ_INLINE int aq_plane_count(bool exact)
{
    return exact ? 3 : 2;
}

/* Bytes of a tile's digits of one block. */
AQ_INLINE int64_t aq_vnni_digits(bool exact)
{
    return (int64_t)AQ_QUADS * aq_plane_count(exact) * AQ_QUAD_DIGITS;
}

AQ_INLINE const aq_digits_tail *aq_tail_of(const char *digits, bool exact)
{
    return (const aq_digits_tail *)(const void *)(digits + aq_vnni_digits(exact));
}

/* sum += the four products of unsigned weights and signed digits in each lane. Written as it is: gcc 12
 * copies every sum to the stack around the intrinsic. */
#define AQ_ADD_PRODUCTS(sum, weights, digits)                                                                \
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(weights), "v"(digits))

/* f of planes.h from the sums of the planes; planes is a constant where this is inlined. */
AQ_INLINE __m512 aq_join_planes(__m512i first, __m512i second, __m512i third, int planes)
{
    __m512 high = _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_slli_epi32(first, 8), second));
    return planes == 2 ? high : _mm512_fmadd_ps(high, _mm512_set1_ps(256.0f), _mm512_cvtepi32_ps(third));
}

/* The bytes below count, all 64 beyond. */
AQ_INLINE __mmask64 aq_bytes512(int64_t count)
{
    return count >= 64 ? ~(__mmask64)0 : count <= 0 ? 0 : ((__mmask64)1 << count) - 1;
}

void aq_vnni_make_digits(aq_digits_job *job);
void aq_vnni_group_scales(const aq_group_scales *job);
bool aq_vnni_finish(const aq_finish_job *job);
void aq_vnni_pack_panel(const aq_integers_job *job);
void aq_vnni_multiply(const aq_planes_tile *tile);
void aq_vnni_stream_p(const aq_planes_stream *stream);
void aq_vnni_stream_t(const aq_planes_stream *stream);

#endif
