/* SPDX-License-Identifier: Apache-2.0 */
/* planes.h - digits of the AVX2 integer kernel, between the files that write and that multiply them. Panels,
 * digits of mode fast and those of a single row are as kernels/x86/madd_layout.h says. In mode exact a tile
 * of two rows and more has
 *
 *   [pair of k][row][2]   high, as in mode fast
 *   then low: the same again, or aq_few_pairs
 *
 * x of 11 or 8 bits that is within 2^-4 of the largest of its block leaves nothing to low: of numbers spread
 * like a bell one pair of k in eight has any. So only these are kept and multiplied, unless they are many. */
#ifndef AQ_KERNELS_X86_AVX2_PLANES_H
#define AQ_KERNELS_X86_AVX2_PLANES_H

#include "kernels/x86/avx2/madd_lanes.h"
#include "kernels/x86/madd_layout.h"

enum {
    AQ_PLANE_WORDS = AQ_MADD_DIGITS / 2, /* 16-bit integers of four rows' digits of a block */
    AQ_FEW_PAIRS = 160,                  /* beyond 170 they take more bytes than all would */
    AQ_PAIRS_TOGETHER = 2                /* lists are filled up to a multiple, with zeros */
};

/* Pairs of low digits that are not both zero, a list for each segment and row of a tile, and where the pair
 * of k begins in a group of the panel, in bytes. */
typedef struct aq_few_pairs {
    int32_t digits[AQ_FEW_PAIRS];
    uint16_t place[AQ_FEW_PAIRS];
    char pad[AQ_MADD_DIGITS - AQ_FEW_PAIRS * 6];
} aq_few_pairs;

/* What aq_digits_tail.correction holds for a tile: the lists' bounds, and in AQ_LAYOUT, of segment and row 0,
 * how the digits lie. */
enum { AQ_LIST_FIRST, AQ_LIST_END, AQ_LAYOUT };
enum { AQ_LAYOUT_MADD, AQ_LAYOUT_PLANES, AQ_LAYOUT_FEW };

void aq_avx2_make_digits(aq_digits_job *job);
void aq_avx2_multiply(const aq_planes_tile *tile);
void aq_avxvnni_multiply(const aq_planes_tile *tile); /* the AVX-VNNI folder's */

#endif
