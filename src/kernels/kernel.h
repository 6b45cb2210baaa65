/* SPDX-License-Identifier: Apache-2.0 */
/* kernel.h - the contract between the loops (matmul/run.c) and the kernels. A kernel computes one tile; it
 * knows nothing of tensors, threads or files, never allocates, locks or fails, and reads no byte that its
 * arguments do not name.
 *
 * Numerics (page 5, mode npu). The fp32 sum over k runs in chunks, and a chunk in one of two orders:
 *   P  chunks of 256 k. In a chunk: acc = 0; for k rising: acc = fma(x_k, w_k, acc).
 *   T  chunks of 1024 k. In a chunk 16 partial sums p[l] = 0; for i rising: p[l] = fma(x_16i+l, w_16i+l,
 * p[l]); then p[l] += p[l+8] for l < 8, += p[l+4] for l < 4, += p[l+2] for l < 2, p[0] += p[1]. The total
 * starts as the first chunk's sum; later chunks' sums are added in order. k positions that a kernel pads are
 * x = +0, w = +0: they change no sum (but for the sign of a zero). Every kernel gives exactly these bits. */
#ifndef AQ_KERNELS_KERNEL_H
#define AQ_KERNELS_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/cpu.h"

enum {
    AQ_CHUNK_P = 256,
    AQ_CHUNK_T = 1024,
    AQ_LANES_T = 16,
    AQ_MAX_MR = 32, /* largest row tile of any kernel */
    AQ_MAX_NR = 64
};

typedef enum aq_order { AQ_ORDER_P, AQ_ORDER_T } aq_order;

/* The 16-bit type of x, which weights are rounded to. */
typedef enum aq_half { AQ_F16, AQ_BF16 } aq_half;

/* How a stored weight becomes the fp32 value (holding a 16-bit float) that is multiplied. */
typedef enum aq_recipe {
    AQ_RECIPE_FIXPIPE,  /* operator page 1.2: H((float)sat32(w + offset) * scale) */
    AQ_RECIPE_COMPOSED, /* operator page 1.2: R16(R16(R16((w + shift) * factor) + add) * mul), steps optional
                         */
    AQ_RECIPE_SCALED /* successors page 3.4: R(R(w + offset) * scale), R to the type of x, by groups of k */
} aq_recipe;

/* What the weight's elements are. Those of 4 bits lie two in a byte, the even one in the low nibble. */
typedef enum aq_weight_type { AQ_S8, AQ_S4, AQ_F8E4M3, AQ_HIF8, AQ_F4E2M1 } aq_weight_type;

/* Parameters of a slice of columns, one entry a column, already broadcast. */
typedef struct aq_columns {
    aq_recipe recipe;
    /* fixpipe: both present. |offset| <= AQ_OFFSET_LIMIT unless the caller uses the generic packer */
    const int32_t *offset;
    const float *scale;
    /* composed: add and mul hold fp16 values; null = step absent */
    bool shift_present, factor_present;
    float shift, factor; /* antiquantOffset, antiquantScale: fp32, the same for every column */
    const float *add, *mul;
} aq_columns;

/* Beyond this an int8 weight plus the offset could leave int32, and the addition must saturate. */
#define AQ_OFFSET_LIMIT (INT32_MAX - 128)

/* The stored weight of one matrix, as a logical (k,n) array: element (k,n) is number
 * first + k * stride_k + n * stride_n from data, strides in elements. Order T iff stride_k == 1 and stride_n
 * != 1. FRACTAL_NZ, block > 0: the axis of stride 1 (k in order T, else n) is cut into blocks of so many
 * elements that lie block_stride apart; an index i along it counts as i / block * block_stride + i % block.
 */
typedef struct aq_weight {
    const int8_t *data;
    int64_t stride_k, stride_n;
    aq_weight_type type;
    int64_t first; /* 0 for AQ_S8 outside FRACTAL_NZ and packed panels (docs/PACKING.md) */
    int64_t block, block_stride;
} aq_weight;

/* Parameters of AQ_RECIPE_SCALED as they are stored: those of (k,n) are at scale[k / group * scale_group +
 * n * scale_n], strides in elements. */
typedef struct aq_scaled {
    aq_half half;  /* what R rounds to, and the type of scale and offset */
    int64_t group; /* k of a group, >= 1; at least k where there is one group */
    bool e8m0;     /* scale holds bytes, powers of two */
    const void *scale;
    int64_t scale_group, scale_n;
    const uint16_t *offset; /* null: no first rounding either */
    int64_t offset_group, offset_n;
} aq_scaled;

/* ---- stream kernels: few rows, the weight is read once, straight from where it is stored ---- */

/* sum[r * sum_stride + j] = the whole sum over k (all chunks, without bias) for r < rows and j < n. */
typedef struct aq_stream_tile {
    aq_weight weight; /* at the slice's first column. P: stride_n == 1; T: stride_k == 1 */
    const float *x;   /* rows of k values, row r at x + r * x_stride; readable and +0 up to round_up(k, 16) */
    int64_t x_stride; /* >= round_up(k, 16) */
    aq_columns columns; /* at the slice's first column; only AQ_RECIPE_FIXPIPE is asked for */
    float *sum;
    int64_t sum_stride; /* >= n */
    int64_t rows, n, k; /* 1 <= rows <= mr; n, k >= 1 */
} aq_stream_tile;

/* The same for AQ_RECIPE_SCALED. */
typedef struct aq_scaled_stream_tile {
    const aq_weight *weight; /* the whole matrix */
    const aq_scaled *scaled; /* likewise */
    int64_t n0;              /* first column of the slice, a multiple of nr */
    const float *x;          /* as above */
    int64_t x_stride;
    float *sum;
    int64_t sum_stride;
    int64_t rows, n, k;
} aq_scaled_stream_tile;

/* ---- gemm kernels: many rows, a panel of the weight is dequantised once for all of them ----
 *
 * One chunk of k at a time. `steps` is the number of k positions of a packed chunk: the chunk's k for P; for
 * T the chunk's k rounded up to a multiple of 16, and the positions are permuted lane by lane: position l' *
 * (steps / 16)
 * + i holds k = 16i + aq_lane_order[l'], so that a lane's chain is a run of consecutive positions and the
 * lanes come in the order in which the tree can add them up as a binary counter. */
static const uint8_t aq_lane_order[AQ_LANES_T] = {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15};

/* panel[p * nr + j] = the dequantised weight at packed position p, column j; +0 for padded k and for j >= n.
 */
typedef struct aq_panel_job {
    aq_order order;
    aq_weight weight; /* at the chunk's first k and the panel's first column */
    aq_columns columns;
    int64_t k, n;  /* of the chunk and the panel, without padding: k <= chunk, 1 <= n <= nr */
    int64_t steps; /* packed positions */
    float *panel;  /* steps * nr floats, 64-byte aligned */
} aq_panel_job;

/* The same for AQ_RECIPE_SCALED. */
typedef struct aq_scaled_panel_job {
    aq_order order;
    const aq_weight *weight; /* the whole matrix */
    const aq_scaled *scaled; /* likewise */
    int64_t k0, n0;          /* the chunk's first k; the panel's first column, a multiple of nr */
    int64_t k, n, steps;
    float *panel;
} aq_scaled_panel_job;

/* packed[p * mr + r] = (float)x[r, k at packed position p]; +0 for padded k and for r >= rows. One chunk. */
typedef struct aq_rows_job {
    aq_order order;
    const uint16_t *x; /* element (r, k) at x[r * stride_m + k * stride_k], at the chunk's first k */
    int64_t stride_m, stride_k;
    int64_t rows, k; /* 1 <= rows <= mr; k <= chunk */
    int64_t steps;
    float *packed; /* steps * mr floats, 64-byte aligned */
    aq_half half;  /* of x */
} aq_rows_job;

/* For each of the mr x nr elements: s = the chunk's sum in `order`; sum = first ? s : sum + s. */
typedef struct aq_gemm_tile {
    aq_order order;
    const float *packed; /* mr rows, from aq_rows_job */
    const float *panel;  /* nr columns, from aq_panel_job */
    int64_t steps;
    float *sum;         /* mr rows of nr floats, 64-byte aligned rows */
    int64_t sum_stride; /* floats from row to row, a multiple of 16 */
    bool first;
    int64_t rows, columns; /* that exist, 1 .. mr and 1 .. nr; nobody reads the sums of the others */
} aq_gemm_tile;

typedef enum aq_role { AQ_ROLE_STREAM, AQ_ROLE_GEMM, AQ_ROLE_PLANES } aq_role;

/* What a kernel may look at to decline: the shape and layout, never the data. */
typedef struct aq_kernel_query {
    int64_t m, n, k;
    aq_order order;
    aq_recipe recipe;
    int64_t stride_k, stride_n; /* of the weight */
    aq_half half;
    aq_weight_type type;
    int64_t block; /* > 0: FRACTAL_NZ */
    int64_t group; /* k of a group of scales; 0: all */
    bool odd_rows; /* 4 bits: rows along the axis of stride 1 may begin in the middle of a byte */
    bool exact;    /* modes exact and fast: weights are not rounded */
} aq_kernel_query;

typedef struct aq_kernel {
    const char *name; /* role_xtype_weighttype_tile_isa, for example "stream_f16_s8c_1x64_avx512" */
    aq_cpu_level level;
    aq_role role;
    int mr, nr; /* stream: most rows of a tile; columns a slice should be a multiple of. gemm: the tile */
    /* null: takes it; else the reason it does not, static text */
    const char *(*declines)(const aq_kernel_query *query);
    /* stream */
    void (*stream)(const aq_stream_tile *tile);
    void (*stream_scaled)(const aq_scaled_stream_tile *tile);
    /* gemm. pack_panel takes P with stride_n == 1 and T with stride_k == 1, columns as above; every other
     * layout goes through aq_pack_panel_generic (kernels/ref/pack.h) */
    void (*pack_rows)(const aq_rows_job *job);
    void (*pack_panel)(const aq_panel_job *job);
    /* null, or the reason is not: aq_pack_panel_generic takes it */
    const char *(*scaled_declines)(const aq_kernel_query *query);
    void (*pack_scaled)(const aq_scaled_panel_job *job);
    void (*gemm)(const aq_gemm_tile *tile);
    /* planes */
    const struct aq_planes *planes;
} aq_kernel;

/* Packed positions of a chunk of k values. */
static inline int64_t aq_packed_steps(aq_order order, int64_t k)
{
    return order == AQ_ORDER_P ? k : (k + AQ_LANES_T - 1) / AQ_LANES_T * AQ_LANES_T;
}

static inline int64_t aq_chunk_length(aq_order order)
{
    return order == AQ_ORDER_P ? AQ_CHUNK_P : AQ_CHUNK_T;
}

#endif
