/* SPDX-License-Identifier: Apache-2.0 */
/* multiply.c - tiles of digits times panels of a few blocks, AMX.
 *
 * A step is a tile of rows times 32 columns of a block or segment: an output of 16 columns for each of two
 * registers, plane after plane. The planes' sums leave the tile registers through memory, the only way there
 * is, and become fp32 there: a register's sums are stored when it is wanted again, so that no store waits for
 * a product, and a step's planes are joined while the next step's products run. Both products into a register
 * follow each other, then the joins, then the other register: 36 ns an output, exact, against 42 with both
 * registers first.
 *
 * What costs is lines that come from the second-level cache. So the sums in fp32 of a few tiles of rows stay
 * in the first-level cache for all blocks. Of many rows, digits and panels, which are wanted once or twice
 * each, are loaded with the hint not to keep them there. */
#include "kernels/x86/amx/amx.h"

enum {
    PLANE_SUMS = AQ_TILE_ROWS * 16, /* of an output */
    STEP_VECTORS = 2,
    STEP_SUMS = STEP_VECTORS * 3 * PLANE_SUMS,
    TILES_TOGETHER = 4, /* tiles of rows whose sums stay near */
    /* Tiles of rows with which loads get the hint: 512 rows of 4096 x 4096 are 5 % quicker with it, 128 the
     * same, 16 to 64 of a plain weight 3 to 16 % slower. */
    TILES_HINTED = 16
};

/* What ldtilecfg reads. */
typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_config;

/* Tile registers. A block takes 0 and 1 for sums, 2 and 3 for the first and the second 64 k of digits, 4 and
 * 5 for those of the weights of 16 columns, 6 and 7 of the next 16. A segment has one product where a block
 * has two, 2, 4 and 6, and so has 3 and 5 for sums, too. */
void aq_amx_enter(int64_t tile_rows, int segments, aq_digits_form form)
{
    const bool quarters = segments == AQ_SEGMENTS && form != AQ_EXACT_QUARTERS;
    tile_config config = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        const bool weights = i == 4 || i >= 6 || (i == 5 && segments == 1);
        config.row_bytes[i] = i == 2 && quarters ? 32 : 64;
        config.rows[i] = (uint8_t)(!weights ? tile_rows : quarters ? 8 : 16);
    }
    __asm__ volatile("" : : "r"(&config) : "memory"); /* gcc takes it that 8 bytes are read */
    _tile_loadconfig(&config);
}

void aq_amx_leave(void)
{
    _tile_release();
}

/* A step whose sums are on their way. */
typedef struct output {
    int64_t rows; /* 0: none */
    float *acc;
    const float *step, *x_sum; /* of the rows */
    const float *scale, *zero; /* of the columns */
} output;

/* How sums are joined; constants where this is inlined. */
typedef struct joining {
    int64_t stride;
    int planes;
    aq_scaling by;
    bool full;       /* all tiles have 16 rows */
    bool hinted;     /* digits and panels are not kept in the first-level cache */
    bool quarters;   /* AQ_EXACT_QUARTERS: planes is 2 */
    aq_ahead *ahead; /* or null */
    int64_t lines;   /* of it with each plane */
} joining;

/* Rows from .. end - 1 of a step, added to their totals. What columns have is loaded once: a load for each
 * row takes groups of 32 a quarter longer. */
AQ_INLINE void join_rows(const output *out, const int32_t *sums, joining how, int64_t from, int64_t end)
{
    const __m512 none = _mm512_setzero_ps();
    const bool by_groups = how.by != AQ_BY_COLUMNS, with_zero = how.by == AQ_BY_GROUPS_WITH_ZERO;
    const __m512 scale[STEP_VECTORS] = {by_groups ? _mm512_load_ps(out->scale) : none,
                                        by_groups ? _mm512_load_ps(out->scale + 16) : none},
                 zero[STEP_VECTORS] = {with_zero ? _mm512_load_ps(out->zero) : none,
                                       with_zero ? _mm512_load_ps(out->zero + 16) : none};
    float *acc = out->acc + from * how.stride;
#pragma GCC unroll 4
    for (int64_t r = from; r < end; r++, acc += how.stride) {
        const __m512 step = _mm512_set1_ps(out->step[r]),
                     x_sum = with_zero ? _mm512_set1_ps(out->x_sum[r]) : none;
#pragma GCC unroll 2
        for (int v = 0; v < STEP_VECTORS; v++) {
            const int32_t *row = sums + r * 16 + v * 3 * PLANE_SUMS;
            const __m512i third =
                how.planes == 3 ? _mm512_load_si512(row + 2 * PLANE_SUMS) : _mm512_setzero_si512();
            const __m512i first = _mm512_load_si512(row), second = _mm512_load_si512(row + PLANE_SUMS);
            const __m512 f = how.quarters
                                 ? _mm512_fmadd_ps(_mm512_cvtepi32_ps(first), _mm512_set1_ps(4096.0f),
                                                   _mm512_cvtepi32_ps(second))
                                 : aq_join_planes(first, second, third, how.planes);
            __m512 total = _mm512_load_ps(acc + v * 16);
            if (by_groups)
                total = _mm512_fmadd_ps(_mm512_mul_ps(f, step), scale[v], total);
            else
                total = _mm512_fmadd_ps(f, step, total);
            if (with_zero)
                total = _mm512_fmadd_ps(x_sum, zero[v], total);
            _mm512_store_ps(acc + v * 16, total);
        }
    }
}

/* Of twice as many parts as there are planes, one. */
AQ_INLINE void join_part(const output *out, const int32_t *sums, joining how, int part)
{
    const int parts = 2 * how.planes;
    const int64_t from = part * AQ_TILE_ROWS / parts, end = (part + 1) * AQ_TILE_ROWS / parts;
    if (how.full) {
        if (out->rows > 0)
            join_rows(out, sums, how, from, end);
    } else if (from < out->rows) {
        int64_t stop = end < out->rows ? end : out->rows;
        __asm__("" : "+r"(stop)); /* else compilers write down every row of every part, with a jump each */
        join_rows(out, sums, how, from, stop);
    }
}

/* Register numbers are constants from here on: the instructions have them in them. */
#define LOAD(number, from, stride, hinted)                                                                   \
    do {                                                                                                     \
        if (hinted)                                                                                          \
            _tile_stream_loadd(number, from, stride);                                                        \
        else                                                                                                 \
            _tile_loadd(number, from, stride);                                                               \
    } while (0)

/* The first register's part of a plane; `sums` gets what it holds. */
AQ_INLINE void first_products(const char *digits, int segments, int32_t *sums, bool hinted)
{
    _tile_stored(0, sums, 64);
    _tile_zero(0);
    LOAD(2, digits, 64, hinted);
    _tile_dpbssd(0, 2, 4);
    if (segments == 1) {
        LOAD(3, digits + AQ_TILE_BYTES, 64, hinted);
        _tile_dpbssd(0, 3, 5);
    }
}

/* The second's, of the same digits. */
AQ_INLINE void second_products(int segments, int32_t *sums)
{
    _tile_stored(1, sums, 64);
    _tile_zero(1);
    _tile_dpbssd(1, 2, 6);
    if (segments == 1)
        _tile_dpbssd(1, 3, 7);
}

AQ_INLINE void load_weights(const char *panel, int64_t quad_bytes, int segments, bool hinted)
{
    LOAD(4, panel, quad_bytes, hinted);
    LOAD(6, panel + 64, quad_bytes, hinted);
    if (segments == 1) {
        LOAD(5, panel + 16 * quad_bytes, quad_bytes, hinted);
        LOAD(7, panel + 16 * quad_bytes + 64, quad_bytes, hinted);
    }
}

/* The last two steps, and where their sums go, or are. */
typedef struct steps {
    output before, done;
    int32_t *now, *other;
} steps;

/* The products of a step. Stores the step before's last plane; joins what is left of the one before that,
 * then the first parts of the step before. */
AQ_INLINE void multiply_step(const char *digits, int segments, const steps *at, joining how)
{
    const int last = how.planes - 1;
#pragma GCC unroll 3
    for (int p = 0; p < how.planes; p++, digits += AQ_PLANE_TILES) {
        int32_t *to = p == 0 ? at->other + last * PLANE_SUMS : at->now + (p - 1) * PLANE_SUMS;
        const output *joined = p == 0 ? &at->done : &at->before;
        const int32_t *sums = p == 0 ? at->now : at->other;
        const int part = 2 * (p == 0 ? last : p - 1);
        if (how.ahead != NULL)
            aq_bring(how.ahead, how.lines);
        first_products(digits, segments, to, how.hinted);
        join_part(joined, sums, how, part);
        second_products(segments, to + 3 * PLANE_SUMS);
        join_part(joined, sums, how, part + 1);
    }
}

/* A step of a segment where there are two planes, which has a register for each output: a step's sums are
 * stored in the next one, and joined in the one after that. */
AQ_INLINE void multiply_segment(const char *digits, const steps *at, joining how)
{
    const int64_t plane_bytes = how.quarters ? AQ_QUARTER_TILES : AQ_PLANE_TILES;
    int32_t *to = at->other;
#define PLANE(p, first, second)                                                                              \
    if (how.ahead != NULL)                                                                                   \
        aq_bring(how.ahead, how.lines);                                                                      \
    _tile_stored(first, to + (p)*PLANE_SUMS, 64);                                                            \
    _tile_zero(first);                                                                                       \
    LOAD(2, digits + (p)*plane_bytes, 64, how.hinted);                                                       \
    _tile_dpbssd(first, 2, 4);                                                                               \
    join_part(&at->done, at->now, how, 2 * (p));                                                             \
    _tile_stored(second, to + ((p) + 3) * PLANE_SUMS, 64);                                                   \
    _tile_zero(second);                                                                                      \
    _tile_dpbssd(second, 2, 6);                                                                              \
    join_part(&at->done, at->now, how, 2 * (p) + 1);
    PLANE(0, 0, 1)
    PLANE(1, 3, 5)
#undef PLANE
}

AQ_INLINE void join_all(const output *out, const int32_t *sums, joining how)
{
    if (out->rows > 0)
        join_rows(out, sums, how, 0, out->rows);
}

/* What is under way. */
AQ_INLINE void end_segments(const steps *at, joining how)
{
    _tile_stored(0, at->other, 64);
    _tile_stored(1, at->other + 3 * PLANE_SUMS, 64);
    _tile_stored(3, at->other + PLANE_SUMS, 64);
    _tile_stored(5, at->other + 4 * PLANE_SUMS, 64);
    join_all(&at->done, at->now, how);
    join_all(&at->before, at->other, how);
}

AQ_INLINE void end_steps(const steps *at, joining how)
{
    const int last = how.planes - 1;
    _tile_stored(0, at->other + last * PLANE_SUMS, 64);
    _tile_stored(1, at->other + (last + 3) * PLANE_SUMS, 64);
    join_part(&at->done, at->now, how, 2 * last);
    join_part(&at->done, at->now, how, 2 * last + 1);
    join_all(&at->before, at->other, how);
}

/* Tiles first .. end - 1 times 32 columns of a segment of a block. */
AQ_INLINE void multiply_columns(const aq_planes_tile *tile, int64_t first, int64_t end, int64_t b, int s,
                                int64_t v, int segments, steps *at, joining how)
{
    const int64_t quad_bytes = tile->columns * 4,
                  digit_bytes = how.quarters ? 2 * AQ_QUARTER_TILES : how.planes * AQ_PLANE_TILES,
                  from = b * (digit_bytes + (int64_t)sizeof(aq_amx_tail)),
                  scales = (b * AQ_SEGMENTS + s) * tile->columns + v * 16;
    const int quads = AQ_QUADS / segments * (how.quarters ? 2 : 1);
    int64_t of_segment = s * AQ_TILE_BYTES; /* from a block's digits on */
    if (segments == AQ_SEGMENTS && !how.quarters)
        of_segment = s / 2 * AQ_TILE_BYTES + s % 2 * 32;
    load_weights((const char *)tile->panel + b * tile->panel_stride + s * quads * quad_bytes + v * 64,
                 quad_bytes, segments, how.hinted);
    for (int64_t t = first; t < end; t++) {
        const char *digits = tile->digits + t * tile->digits_stride + from;
        const aq_amx_tail *tail = (const aq_amx_tail *)(const void *)(digits + digit_bytes);
        const int64_t row = t * tile->tile_rows, left = tile->rows - row;
        if (segments > 1 && how.planes == 2)
            multiply_segment(digits + of_segment, at, how);
        else
            multiply_step(digits + of_segment, segments, at, how);
        at->done = at->before;
        at->before = (output){.rows = left < tile->tile_rows ? left : tile->tile_rows,
                              .acc = tile->acc + row * tile->acc_stride + v * 16,
                              .step = tail->step,
                              .x_sum = tail->x_sum[s]};
        if (how.by != AQ_BY_COLUMNS)
            at->before.scale = tile->scale + scales;
        if (how.by == AQ_BY_GROUPS_WITH_ZERO)
            at->before.zero = tile->zero + scales;
        int32_t *now = at->now;
        at->now = at->other;
        at->other = now;
    }
}

AQ_INLINE void multiply_rows(const aq_planes_tile *tile, int planes, int segments, aq_scaling by, bool full,
                             bool quarters)
{
    _Alignas(64) int32_t sums[2][STEP_SUMS];
    const int64_t vectors = tile->columns / 16, tiles = (tile->rows + tile->tile_rows - 1) / tile->tile_rows,
                  groups = (tiles + TILES_TOGETHER - 1) / TILES_TOGETHER,
                  together = (tiles + groups - 1) / groups,
                  parts = tiles * vectors / STEP_VECTORS * segments * planes * tile->blocks;
    const joining how = {.stride = tile->acc_stride,
                         .planes = planes,
                         .by = by,
                         .full = full,
                         .hinted = tiles > TILES_HINTED,
                         .quarters = quarters,
                         .ahead = tile->ahead,
                         .lines = (tile->lines + parts - 1) / parts};
    steps at = {.before = {.rows = 0}, .done = {.rows = 0}, .now = sums[0], .other = sums[1]};
    for (int64_t first = 0; first < tiles; first += together) {
        const int64_t end = first + together < tiles ? first + together : tiles;
        for (int64_t b = 0; b < tile->blocks; b++)
            for (int s = 0; s < segments; s++)
                for (int64_t v = 0; v < vectors; v += STEP_VECTORS)
                    multiply_columns(tile, first, end, b, s, v, segments, &at, how);
    }
    if (segments > 1 && planes == 2)
        end_segments(&at, how);
    else
        end_steps(&at, how);
}

AQ_INLINE void multiply_form(const aq_planes_tile *tile, int planes, int segments, aq_scaling by,
                             bool quarters)
{
    if (tile->rows % AQ_TILE_ROWS == 0 && tile->tile_rows == AQ_TILE_ROWS)
        multiply_rows(tile, planes, segments, by, true, quarters);
    else
        multiply_rows(tile, planes, segments, by, false, quarters);
}

AQ_INLINE void multiply(const aq_planes_tile *tile, int planes, int segments, aq_scaling by)
{
    if (planes == 3 && segments == AQ_SEGMENTS && tile->form == AQ_EXACT_QUARTERS)
        multiply_form(tile, 2, segments, by, true);
    else
        multiply_form(tile, planes, segments, by, false);
}

#define AQ_MULTIPLY multiply
#include "kernels/x86/vnni/scaling_variants.h"

void aq_amx_multiply(const aq_planes_tile *tile)
{
    multiply_by_scaling(tile);
}
