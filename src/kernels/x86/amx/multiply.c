/* SPDX-License-Identifier: Apache-2.0 */
/* multiply.c - tiles of digits times a panel of one block, AMX.
 *
 * The planes' sums leave the tile registers through memory, the only way there is, and become fp32 there.
 * While one output (a tile of rows, 16 columns, a segment) is multiplied, the one before is stored and
 * joined: a plane's sums are stored when their register is wanted again, so that no store waits for a
 * product. Sums start as a load of zeros: after tilezero a tdpbssd waits for all before it (60 cycles instead
 * of 16). */
#include "kernels/x86/amx/amx.h"

enum {
    PLANE_SUMS = AQ_TILE_ROWS * 16, /* of an output */
    TILES_TOGETHER = 2 /* tiles of rows whose digits stay in the first-level cache for all columns */
};

/* What ldtilecfg reads. */
typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_config;

/* Tile registers: 0 to 2 are the planes' sums, then come digits, and weights: 6 and 7, with segments of 32 k
 * 4 to 7. */
void aq_amx_enter(int64_t tile_rows, int segments)
{
    const bool short_segments = segments == AQ_SEGMENTS;
    tile_config config = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        const bool weights = i >= (short_segments ? 4 : 6);
        config.row_bytes[i] = short_segments && i == 3 ? 32 : 64;
        config.rows[i] = (uint8_t)(!weights ? tile_rows : short_segments ? 8 : 16);
    }
    __asm__ volatile("" : : "r"(&config) : "memory"); /* gcc takes it that 8 bytes are read */
    _tile_loadconfig(&config);
}

void aq_amx_leave(void)
{
    _tile_release();
}

/* An output whose sums are on their way. */
typedef struct output {
    int64_t rows; /* 0: none */
    float *acc;
    const float *step, *x_sum; /* of the rows */
    const float *scale, *zero; /* of the columns */
} output;

/* How outputs are joined; constants where this is inlined. */
typedef struct joining {
    int64_t stride;
    int planes;
    aq_scaling by;
    aq_ahead *ahead; /* or null */
    int64_t lines;   /* of it with each part */
} joining;

/* Joins the planes of an output's rows from .. end - 1 and adds them to its totals. */
AQ_INLINE void join_rows(const output *out, const int32_t *sums, joining how, int64_t from, int64_t end)
{
    const __m512 none = _mm512_setzero_ps(),
                 scale = how.by == AQ_BY_COLUMNS ? none : _mm512_load_ps(out->scale),
                 zero = how.by == AQ_BY_GROUPS_WITH_ZERO ? _mm512_load_ps(out->zero) : none;
    float *acc = out->acc + from * how.stride;
    for (int64_t r = from; r < end; r++, acc += how.stride) {
        const int32_t *row = sums + r * 16;
        const __m512i third =
            how.planes == 3 ? _mm512_load_si512(row + 2 * PLANE_SUMS) : _mm512_setzero_si512();
        const __m512 f =
            aq_join_planes(_mm512_load_si512(row), _mm512_load_si512(row + PLANE_SUMS), third, how.planes);
        __m512 total = _mm512_load_ps(acc);
        if (how.by == AQ_BY_COLUMNS)
            total = _mm512_fmadd_ps(f, _mm512_set1_ps(out->step[r]), total);
        else
            total = _mm512_fmadd_ps(_mm512_mul_ps(f, _mm512_set1_ps(out->step[r])), scale, total);
        if (how.by == AQ_BY_GROUPS_WITH_ZERO)
            total = _mm512_fmadd_ps(_mm512_set1_ps(out->x_sum[r]), zero, total);
        _mm512_store_ps(acc, total);
    }
}

/* A part of the rows, while a plane of another output is multiplied. */
AQ_INLINE void join_part(const output *out, const int32_t *sums, joining how, int part)
{
    if (how.ahead != NULL)
        aq_bring(how.ahead, how.lines);
    const int64_t each = (out->rows + how.planes - 1) / how.planes, from = part * each;
    if (out->rows > 0)
        join_rows(out, sums, how, from, from + each < out->rows ? from + each : out->rows);
}

static const _Alignas(64) char zeros[64];

/* Stores the sums that a register holds of the output before, and begins new ones. */
#define START(plane)                                                                                         \
    _tile_stored(plane, sums + (plane)*PLANE_SUMS, 64);                                                      \
    _tile_loadd(plane, zeros, 0);

#define ADD(plane, tile_of_digits, tile_of_weights, at)                                                      \
    _tile_loadd(tile_of_digits, digits + (plane)*AQ_PLANE_TILES + (at), 64);                                 \
    _tile_dpbssd(plane, tile_of_digits, tile_of_weights);

/* A plane of a block, or of a segment. */
#define BLOCK(plane)     START(plane) ADD(plane, 4, 6, 0) ADD(plane, 5, 7, AQ_TILE_BYTES)
#define FIRST(plane)     START(plane) ADD(plane, 4, 6, 0)
#define SECOND(plane)    START(plane) ADD(plane, 5, 7, AQ_TILE_BYTES)
#define QUARTER_0(plane) START(plane) ADD(plane, 3, 4, 0)
#define QUARTER_1(plane) START(plane) ADD(plane, 3, 5, 32)
#define QUARTER_2(plane) START(plane) ADD(plane, 3, 6, AQ_TILE_BYTES)
#define QUARTER_3(plane) START(plane) ADD(plane, 3, 7, AQ_TILE_BYTES + 32)

#define PLANES(PLANE)                                                                                        \
    do {                                                                                                     \
        PLANE(0)                                                                                             \
        join_part(done, done_sums, how, 0);                                                                  \
        PLANE(1)                                                                                             \
        join_part(done, done_sums, how, 1);                                                                  \
        if (how.planes == 3) {                                                                               \
            PLANE(2)                                                                                         \
            join_part(done, done_sums, how, 2);                                                              \
        }                                                                                                    \
    } while (0)

/* One output's products. Puts what the registers held of the one before into sums, and joins the one before
 * that, whose sums have arrived. */
AQ_INLINE void multiply_segment(const char *digits, int32_t *sums, const output *done,
                                const int32_t *done_sums, joining how, int s, int segments)
{
    if (segments == 1)
        PLANES(BLOCK);
    else if (segments == 2 && s == 0)
        PLANES(FIRST);
    else if (segments == 2)
        PLANES(SECOND);
    else if (s == 0)
        PLANES(QUARTER_0);
    else if (s == 1)
        PLANES(QUARTER_1);
    else if (s == 2)
        PLANES(QUARTER_2);
    else
        PLANES(QUARTER_3);
}

/* Of 16 columns. */
AQ_INLINE void load_weights(const char *panel, int64_t quad_bytes, int segments)
{
    if (segments == AQ_SEGMENTS) {
        _tile_loadd(4, panel, quad_bytes);
        _tile_loadd(5, panel + 8 * quad_bytes, quad_bytes);
        _tile_loadd(6, panel + 16 * quad_bytes, quad_bytes);
        _tile_loadd(7, panel + 24 * quad_bytes, quad_bytes);
    } else {
        _tile_loadd(6, panel, quad_bytes);
        _tile_loadd(7, panel + 16 * quad_bytes, quad_bytes);
    }
}

AQ_INLINE void multiply(const aq_planes_tile *tile, int planes, int segments, aq_scaling by)
{
    _Alignas(64) int32_t sums[2][3 * PLANE_SUMS];
    const int64_t quad_bytes = tile->columns * 4, vectors = tile->columns / 16,
                  tiles = (tile->rows + tile->tile_rows - 1) / tile->tile_rows,
                  parts = tiles * vectors * segments * planes;
    const joining how = {.stride = tile->acc_stride,
                         .planes = planes,
                         .by = by,
                         .ahead = tile->ahead,
                         .lines = (tile->lines + parts - 1) / parts};
    output before = {.rows = 0}, done = before; /* the one before, and the one before that */
    int turn = 0;
    for (int64_t first = 0; first < tiles; first += TILES_TOGETHER) {
        const int64_t end = first + TILES_TOGETHER < tiles ? first + TILES_TOGETHER : tiles;
        for (int64_t v = 0; v < vectors; v++) {
            load_weights((const char *)tile->panel + v * 64, quad_bytes, segments);
            for (int64_t t = first; t < end; t++) {
                const char *digits = tile->digits + t * tile->digits_stride;
                const aq_amx_tail *tail =
                    (const aq_amx_tail *)(const void *)(digits + planes * AQ_PLANE_TILES);
                const int64_t row = t * tile->tile_rows, left = tile->rows - row;
#pragma GCC unroll 4
                for (int s = 0; s < segments; s++, turn ^= 1) {
                    multiply_segment(digits, sums[turn], &done, sums[turn ^ 1], how, s, segments);
                    done = before;
                    before = (output){.rows = left < tile->tile_rows ? left : tile->tile_rows,
                                      .acc = tile->acc + row * tile->acc_stride + v * 16,
                                      .step = tail->step,
                                      .x_sum = tail->x_sum[s]};
                    if (by != AQ_BY_COLUMNS)
                        before.scale = tile->scale + s * tile->columns + v * 16;
                    if (by == AQ_BY_GROUPS_WITH_ZERO)
                        before.zero = tile->zero + s * tile->columns + v * 16;
                }
            }
        }
    }
    _tile_stored(0, sums[turn], 64);
    _tile_stored(1, sums[turn] + PLANE_SUMS, 64);
    _tile_stored(2, sums[turn] + 2 * PLANE_SUMS, 64);
    if (done.rows > 0)
        join_rows(&done, sums[turn ^ 1], how, 0, done.rows);
    join_rows(&before, sums[turn], how, 0, before.rows);
}

#define AQ_MULTIPLY multiply
#include "kernels/x86/vnni/scaling_variants.h"

void aq_amx_multiply(const aq_planes_tile *tile)
{
    multiply_by_scaling(tile);
}
