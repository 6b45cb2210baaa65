/* SPDX-License-Identifier: Apache-2.0 */
/* amx.h - the AMX kernel's layout of digits, and which tile register holds what.
 *
 * A tile register has 16 rows of 64 bytes. tdpbssd multiplies 16 rows of digits by 64 k with 64 k of 16
 * columns, both signed bytes, in 16 cycles. The panel is the VNNI kernel's (vnni.h), but of signed bytes, 4
 * bits times 16: no correction is due, and where sums come out 16 times too great, s / 16 makes them right
 * without another rounding.
 *
 *   digits  [plane][half of 64 k][16 rows][64 bytes], then the tail. Planes: the two of high, then low.
 *
 * Mode exact, 4 bits, segments of 32 k (AQ_EXACT_QUARTERS): half of a product would be empty. So weights lie
 * there twice, times 16 and as they are, and a product is that of 12 bits of x, 16 a + b: two planes with
 * v = 4096 U + V. All sums are below 2^24, H and L too, so f is the same: the exact sum rounded once.
 *
 *   digits  [U, V][segment][16 rows][32 bytes of a, 32 of b], a = U >> 4, b = U & 15
 *   panel   [segment][8 quads of 16 times the weights, 8 of the weights] */
#ifndef AQ_KERNELS_X86_AMX_AMX_H
#define AQ_KERNELS_X86_AMX_AMX_H

#if !defined(__AMX_INT8__) && !defined(__AMXINT8__) /* the second is older clang's */
#error "compile this folder with -mamx-tile -mamx-int8 and the flags of the VNNI folder"
#endif

#include "kernels/x86/vnni/vnni.h"

enum {
    AQ_TILE_ROWS = 16,
    AQ_TILE_BYTES = AQ_TILE_ROWS * 64,
    AQ_PLANE_TILES = 2 * AQ_TILE_BYTES,            /* of a plane of a block: both halves */
    AQ_QUARTER_TILES = AQ_SEGMENTS * AQ_TILE_BYTES /* likewise of AQ_EXACT_QUARTERS */
};

typedef struct aq_amx_tail {
    float x_sum[AQ_SEGMENTS][AQ_TILE_ROWS]; /* X */
    float scale[AQ_TILE_ROWS];              /* s */
    float step[AQ_TILE_ROWS];               /* what sums are multiplied by: s, or s / 16 */
} aq_amx_tail;

void aq_amx_make_digits(aq_digits_job *job);
void aq_amx_pack_panel(const aq_integers_job *job);
void aq_amx_multiply(const aq_planes_tile *tile);
void aq_amx_enter(int64_t tile_rows, int segments, aq_digits_form form);
void aq_amx_leave(void);

#endif
