/* SPDX-License-Identifier: Apache-2.0 */
/* planes.h - the contract of the integer kernels of modes exact and fast (numerics page 5). A row of x is cut
 * into blocks of 128 k; in a block x = s * v with one s and integers v, which are cut into digits and
 * multiplied with the stored integer weights exactly. Arithmetic, the same to the bit on every level:
 *
 *   mode exact  s is the power of two for which the largest |v| lies in [2^22, 2^23), or twice that where it
 *               would pass 0x7F7F7F; v = x / s to the nearest; v = 256 * high + low, low in -128 .. 127
 *   mode fast   s = most / 32639, most the largest |x|; v = x * (32639 / most) to the nearest; v = high
 *   segment     the block, or 64 or 32 k of it where the groups of scales are multiples of no more
 *   H, L        sum over the segment of high * weight and low * weight, exact integers
 *   f           exact: fma((float)H, 256, (float)L); fast: (float)H
 *   X           s * (float)(sum of v over the segment)
 *
 * With one scale a column acc = fma(f, s, acc), block after block; at the end acc * scale, then, where there
 * is a zero term, fma(sum of X in order, zero, that). With scales by groups of k acc = fma(f * s, scale,
 * acc), then fma(X, zero, acc), segment after segment. scale and zero make the weight: w = weight * scale +
 * zero. Every operation written here is rounded once, to fp32; nothing else is. */
#ifndef AQ_KERNELS_PLANES_H
#define AQ_KERNELS_PLANES_H

#include <string.h>

#include "kernels/kernel.h"

enum {
    AQ_BLOCK = 128,      /* k of a block: numerics page 5 */
    AQ_SEGMENTS = 4,     /* most segments of a block */
    AQ_DIGIT_ROWS = 4,   /* rows that become digits at once; of a tile, but for kernels of many rows */
    AQ_LINE_BYTES = 64,  /* a panel is one cache line of weights wide: 64 columns, or 128 of 4 bits */
    AQ_PANEL_MOST = 128, /* columns of the widest panel */
    AQ_PANEL_BYTES = 2 * AQ_BLOCK * AQ_PANEL_MOST /* of any kernel's panel of one block */
};

/* Digits and panels may lie otherwise in each; the results are the same. */
typedef enum aq_digits_form {
    AQ_FAST,
    AQ_EXACT,
    AQ_EXACT_QUARTERS, /* aq_planes.quarters: weights of 4 bits in segments of 32 k, many rows */
    AQ_FORMS
} aq_digits_form;

/* What follows the digits of a tile of rows in a block, [segment][row]. This one is for tiles of
 * AQ_DIGIT_ROWS; every tail begins with X and s of its rows (aq_tail_x_sums, aq_tail_scales). */
typedef struct aq_digits_tail {
    float x_sum[AQ_SEGMENTS][AQ_DIGIT_ROWS];           /* X */
    float scale[AQ_DIGIT_ROWS];                        /* s */
    int32_t correction[AQ_SEGMENTS][3][AQ_DIGIT_ROWS]; /* the kernel's own: what its sums need */
    float pad[12];
} aq_digits_tail;

/* Rows of x as digits: `rows` of a tile from its row `first` on, a multiple of AQ_DIGIT_ROWS; the others up
 * to AQ_DIGIT_ROWS become zero. One block after the other, each in aq_planes.digit_bytes and a tail. */
typedef struct aq_digits_job {
    const float *x;   /* rows of k values, +0 up to k rounded up to AQ_BLOCK */
    int64_t x_stride; /* floats from row to row */
    int64_t first, rows, blocks;
    int segments; /* of a block */
    bool exact;
    aq_digits_form form;
    aq_weight_type type;
    char *digits;             /* of the tile */
    bool fits[AQ_DIGIT_ROWS]; /* out: false where a row has infinity, NaN or too large a spread of blocks */
} aq_digits_job;

/* Lines of memory to bring near while at work, in runs of equal length: advances as they are asked for. */
typedef struct aq_ahead {
    uintptr_t at;
    uintptr_t stride;    /* bytes from the beginning of a run to the next */
    int64_t run, in_run; /* lines of a run; done of the present one */
    int64_t lines;       /* left */
} aq_ahead;

/* Weights of one block, from (k0, n0) on, as the kernel multiplies them. */
typedef struct aq_integers_job {
    const aq_weight *weight; /* the whole matrix, AQ_S8 or AQ_S4 */
    int64_t k0, n0;
    int64_t k, n; /* of the block and the panel: 1 <= k <= 128, 1 <= n <= columns of a panel; with
                     aq_planes.many_panels any n, panel after panel */
    void *panel;
    aq_ahead *ahead; /* null: nothing to bring */
    aq_digits_form form;
} aq_integers_job;

/* Adds one block: acc[r * acc_stride + c] for r < rows and the panel's columns, c in the panel's own order.
 */
typedef struct aq_planes_tile {
    const char *digits; /* of this tile and block */
    const void *panel;
    float *acc;
    int64_t acc_stride; /* a multiple of 16; acc is 64-byte aligned */
    int64_t rows;       /* 1 .. aq_planes.tile_rows; with aq_planes.all_rows, any number */
    int64_t columns;    /* of the panel, all of them: 64 or 128 */
    int segments;
    bool exact;
    aq_digits_form form;
    const float *scale;    /* by groups: [segment][columns], in the panel's order; else null */
    const float *zero;     /* likewise, or null */
    aq_ahead *ahead;       /* or null */
    int lines;             /* of it to bring in this call */
    int64_t digits_stride; /* aq_planes.all_rows: bytes to the next tile's digits */
    int64_t tile_rows;     /* aq_planes.all_rows: of each tile but the last, at most aq_planes.tile_rows */
    int64_t blocks;       /* aq_planes.many_blocks: of k; their digits, and AQ_SEGMENTS of scales each, follow
                             each other */
    int64_t panel_stride; /* aq_planes.many_blocks: bytes to the next block's panel */
    /* what the next call takes, to be brought to the first-level cache; or null */
    const char *next_digits;
    const float *next_acc;
} aq_planes_tile;

/* One row times columns n0 .. n0 + n - 1, all of k, without a panel: acc as above, written whole; in the
 * panels' order, or by columns where aq_planes.stream_in_order says so. With block_step, and without groups
 * then, blocks are not added up: f * s of each is in acc, so many floats after that of the one before. */
typedef struct aq_planes_stream {
    const aq_weight *weight;
    const aq_scaled *scaled; /* scales by groups; else null */
    bool zero;               /* by groups, with offsets */
    int64_t n0, n, k;        /* n0 a multiple of a panel's columns */
    const char *digits;
    float *acc;
    int64_t block_step; /* 0, or n rounded up to panels or more */
    int segments;
    bool exact;
    int32_t *room; /* 3 * n rounded up to panels, and 2 * k rounded up to blocks: sums and digits */
} aq_planes_stream;

static inline float *aq_stream_acc(const aq_planes_stream *stream, int64_t block)
{
    return stream->acc + block * stream->block_step;
}

/* Scales by groups for the columns n0 .. n0 + n - 1 and the segments of the block at k0; +0 beyond n. */
typedef struct aq_group_scales {
    const aq_scaled *scaled; /* of the whole matrix; 16-bit scales */
    aq_weight_type type;
    int64_t k0, k, n0, n; /* segments from k on are not looked up */
    int segments;
    bool in_order; /* by columns; else in the panel's order */
    float *scale;  /* [segment][columns of a panel], 64-byte aligned */
    float *zero;   /* likewise; null: the weights have no offsets */
} aq_group_scales;

/* acc of a row and a panel to column order, with the scale of a column. */
typedef struct aq_finish_job {
    aq_weight_type type;
    const float *acc;
    const float *scale; /* n of them, and n of zero; null: acc is the sum */
    const float *zero;  /* null: no zero term */
    float x_total;      /* the sum of X over all blocks */
    bool in_order;      /* acc is, by columns: a stream's */
    int64_t n;
    float *out; /* a whole panel, 64-byte aligned; beyond n anything finite or not */
} aq_finish_job;

typedef struct aq_planes {
    int tile_rows;             /* most rows of a tile of digits: AQ_DIGIT_ROWS or a multiple of it */
    int digit_bytes[AQ_FORMS]; /* of a tile's block without its tail */
    int tail_bytes;            /* of the tail */
    bool cuts_k;   /* where n is short tasks may share k (matmul/run_planes_k.c): sums are multiplied by
                      s of the tail alone, and a call for a single block costs no more than others */
    bool all_rows; /* multiply takes one tile of rows after the other */
    bool quarters; /* it has AQ_EXACT_QUARTERS, whose panels are two bytes an element, where others are one */
    bool many_blocks; /* multiply takes a few blocks of k at once, and all_rows */
    int pack_lines;   /* what pack_panel brings of `ahead`, of the 128 lines that a panel is made from */
    bool many_panels; /* pack_panel takes columns of many panels, in the order of memory */
    void (*make_digits)(aq_digits_job *job);
    void (*pack_panel)(const aq_integers_job *job);
    void (*multiply)(const aq_planes_tile *tile);
    /* null, or called before a thread's first multiply of a task and after its last: a register state that
     * costs to set up. tile_rows and segments as in aq_planes_tile. */
    void (*enter)(int64_t tile_rows, int segments, aq_digits_form form);
    void (*leave)(void);
    /* null, or one row; stream_declines: null when it takes it, else why not, static text */
    const char *(*stream_declines)(const aq_kernel_query *query);
    void (*stream)(const aq_planes_stream *stream);
    bool (*stream_in_order)(aq_order order);
    void (*group_scales)(const aq_group_scales *job);
    /* false: something in out is not finite */
    bool (*finish)(const aq_finish_job *job);
} aq_planes;

/* What every kernel of the role asks for. */
static inline const char *aq_planes_decline(const aq_kernel_query *query)
{
    if (!query->exact)
        return "modes exact and fast only";
    if (query->type != AQ_S8 && query->type != AQ_S4)
        return "takes integer weights only";
    if (query->group % (AQ_BLOCK / AQ_SEGMENTS) != 0)
        return "takes groups of multiples of 32 only";
    return NULL;
}

static inline int64_t aq_panel_columns(aq_weight_type type)
{
    return type == AQ_S4 ? AQ_PANEL_MOST : AQ_PANEL_MOST / 2;
}

/* Zeroes all that acc is. */
static inline void aq_clear_acc(const aq_planes_stream *stream)
{
    const int64_t columns = aq_panel_columns(stream->weight->type),
                  room = (stream->n + columns - 1) / columns * columns,
                  apart = stream->block_step > 0 ? (stream->k + AQ_BLOCK - 1) / AQ_BLOCK : 1;
    for (int64_t block = 0; block < apart; block++)
        memset(aq_stream_acc(stream, block), 0, (size_t)room * sizeof *stream->acc);
}

/* many: rows, enough to be worth AQ_EXACT_QUARTERS. */
static inline aq_digits_form aq_form_of(const aq_planes *planes, bool exact, aq_weight_type type,
                                        int segments, bool many)
{
    if (!exact)
        return AQ_FAST;
    return planes->quarters && many && type == AQ_S4 && segments == AQ_SEGMENTS ? AQ_EXACT_QUARTERS
                                                                                : AQ_EXACT;
}

/* Bytes of a tile's block with its tail. */
static inline int64_t aq_digits_bytes(const aq_planes *planes, aq_digits_form form)
{
    return planes->digit_bytes[form] + planes->tail_bytes;
}

/* Of a block's panel, where panels follow each other (aq_planes.many_panels, many_blocks). */
static inline int64_t aq_block_panel_bytes(aq_weight_type type, aq_digits_form form)
{
    return AQ_BLOCK * aq_panel_columns(type) * (form == AQ_EXACT_QUARTERS ? 2 : 1);
}

/* Of a tail: X of a segment's rows, and s of the rows. */
static inline const float *aq_tail_x_sums(const aq_planes *planes, const char *tail, int segment)
{
    return (const float *)(const void *)tail + (int64_t)segment * planes->tile_rows;
}

static inline float *aq_tail_scales(const aq_planes *planes, char *tail)
{
    return (float *)(void *)tail + (int64_t)AQ_SEGMENTS * planes->tile_rows;
}

static inline __attribute__((always_inline)) void aq_bring(aq_ahead *ahead, int64_t lines)
{
    if (ahead->lines < lines)
        return; /* the last few come by themselves */
    ahead->lines -= lines;
    if (ahead->run - ahead->in_run >= lines) {
        for (int64_t i = 0; i < lines; i++)
            __builtin_prefetch((const void *)(ahead->at + (uintptr_t)(i * AQ_LINE_BYTES)), 0, 2);
        ahead->at += (uintptr_t)(lines * AQ_LINE_BYTES);
        ahead->in_run += lines;
    } else {
        for (int64_t i = 0; i < lines; i++) {
            if (ahead->in_run == ahead->run) {
                ahead->in_run = 0;
                ahead->at += ahead->stride - (uintptr_t)(ahead->run * AQ_LINE_BYTES);
            }
            __builtin_prefetch((const void *)ahead->at, 0, 2);
            ahead->at += AQ_LINE_BYTES;
            ahead->in_run++;
        }
    }
}

#endif
