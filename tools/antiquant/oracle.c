/* SPDX-License-Identifier: Apache-2.0 */
/* oracle.c - the fp64 answer and its bound, written to be obviously right. A weight is a function of (int8
 * value, column) alone, so each column gets a table of 256 weights by the recipe of its path; then eight
 * columns at a time go through plain fp64 sums. Knows nothing of kernels, threads or the library. */
#include "oracle.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum {
    LANES = 8,         /* columns summed at once */
    LAST_FIXPIPE = 64, /* operator page 1.2: m <= 64 takes the fixpipe path */
    P_CHUNK = 256,     /* numerics page 5 */
    T_CHUNK = 1024,
    T_LANES = 16,
    T_TREE = 4 /* additions of the tree over 16 lanes */
};

uint16_t aq_cli_half(double value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double size = fabs(value);
    if (isnan(value)) {
        return 0x7E00;
    }
    if (size >= 65520.0) { /* half way from 65504 to the next value there would be */
        return sign | 0x7C00;
    }
    if (size < 0x1p-14) { /* subnormal: a whole number of 2^-24; 1024 of them are the first normal number */
        return sign | (uint16_t)rint(size * 0x1p24);
    }
    int exponent;
    double fraction = frexp(size, &exponent);              /* in [0.5, 1) */
    int significand = (int)rint(fraction * 2048.0) - 1024; /* 0..1024; 1024 carries into the exponent */
    return sign | (uint16_t)(((exponent - 1 + 15) << 10) + significand);
}

double aq_cli_half_value(uint16_t bits)
{
    int exponent = (bits >> 10) & 31, significand = bits & 1023;
    double size = exponent == 31  ? (significand != 0 ? NAN : INFINITY)
                  : exponent == 0 ? significand * 0x1p-24
                                  : 0.0;
    if (exponent > 0 && exponent < 31) { /* the same number as an fp32 pattern: bias 127 for 15 */
        uint32_t pattern = (uint32_t)(exponent + 112) << 23 | (uint32_t)significand << 13;
        float value;
        memcpy(&value, &pattern, sizeof value);
        size = value;
    }
    return (bits & 0x8000) != 0 ? -size : size;
}

int64_t aq_cli_chain(int64_t k, bool transposed, bool bias, char *order)
{
    /* T when the stride of k is 1 and that of n is not: stored (n,k), unless k is 1, when both strides are 1.
     */
    bool along_k = transposed && k != 1;
    *order = along_k ? 'T' : 'P';
    if (k == 0) {
        return 0;
    }
    int64_t chunk = along_k ? T_CHUNK : P_CHUNK, first = k < chunk ? k : chunk;
    int64_t inside = along_k ? (first + T_LANES - 1) / T_LANES + T_TREE : first;
    return inside + (k + chunk - 1) / chunk - 1 + (bias ? 1 : 0);
}

/* Operator page 1.2, fixpipe path, steps 1 and 2, for an identity matrix D. */
static double fixpipe_weight(int value, int32_t offset, float scale)
{
    int64_t sum = (int64_t)value + offset;
    int32_t t = (int32_t)(sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : sum);
    uint32_t pattern;
    memcpy(&pattern, &scale, sizeof pattern);
    pattern &= UINT32_C(0xFFFFE000);
    memcpy(&scale, &pattern, sizeof scale);
    float product = (float)t * scale;
    double rounded = aq_cli_half_value(aq_cli_half(product));
    return isinf(rounded) ? copysign(65504.0, rounded) : rounded;
}

/* Operator page 1.2, composed path, steps 1 to 6. */
static double composed_weight(int value, const aq_cli_weight *weight, int64_t column)
{
    float w = (float)value;
    if (!(fabsf(weight->antiquant_offset) <= FLT_EPSILON)) {
        w = w + weight->antiquant_offset;
    }
    if (!(fabsf(weight->antiquant_scale - 1.0f) <= FLT_EPSILON)) {
        w = w * weight->antiquant_scale;
    }
    double h = aq_cli_half_value(aq_cli_half(w));
    if (weight->add != NULL) {
        h = aq_cli_half_value(aq_cli_half(h + aq_cli_half_value(aq_cli_half(weight->add[column]))));
    }
    return aq_cli_half_value(aq_cli_half(h * aq_cli_half_value(aq_cli_half(weight->mul[column]))));
}

/* Columns first .. first+LANES-1 as [k][LANES] doubles; columns beyond n are 0. plain: take these values
 * instead. */
static void fill_panel(const aq_cli_weight *weight, const float *plain, bool fixpipe, int64_t first,
                       double *panel)
{
    int64_t along_k = weight->transposed ? 1 : weight->n, along_n = weight->transposed ? weight->k : 1;
    for (int64_t lane = 0; lane < LANES; lane++) {
        int64_t column = first + lane, start = column * along_n;
        double table[256] = {0.0};
        if (column >= weight->n) {
            for (int64_t i = 0; i < weight->k; i++) {
                panel[i * LANES + lane] = 0.0;
            }
            continue;
        }
        for (int value = -128; plain == NULL && value < 128; value++) {
            table[value + 128] =
                fixpipe ? fixpipe_weight(value, weight->deq_offset[column], weight->deq_scale[column])
                        : composed_weight(value, weight, column);
        }
        for (int64_t i = 0; i < weight->k; i++) {
            int64_t at = start + i * along_k;
            panel[i * LANES + lane] = plain != NULL ? (double)plain[at] : table[weight->q[at] + 128];
        }
    }
}

/* Two doubles side by side: left to itself the compiler turns the lanes below into something four times
 * slower. */
typedef double aq_cli_pair __attribute__((vector_size(16)));
typedef int64_t aq_cli_pair_bits __attribute__((vector_size(16)));

/* sum: of x * w over k for each lane; size: of |x * w|. panel is aligned to 16 bytes. */
static void sum_panel(const double *x, const double *panel, int64_t k, double *sum, double *size)
{
    const aq_cli_pair_bits no_sign = {INT64_MAX, INT64_MAX};
    aq_cli_pair s[LANES / 2] = {{0.0}}, t[LANES / 2] = {{0.0}};
    for (int64_t i = 0; i < k; i++) {
        const aq_cli_pair *w = (const aq_cli_pair *)(const void *)(panel + i * LANES);
#pragma GCC unroll 4
        for (int pair = 0; pair < LANES / 2; pair++) {
            aq_cli_pair product = x[i] * w[pair]; /* exact: 11 by 11 bits */
            s[pair] += product;
            t[pair] += (aq_cli_pair)((aq_cli_pair_bits)product & no_sign);
        }
    }
    memcpy(sum, s, sizeof s);
    memcpy(size, t, sizeof t);
}

/* How far `exact` is from the reals that round to `bits`: 0 when it is one of them. */
static double distance(uint16_t bits, double exact)
{
    uint16_t magnitude = bits & 0x7FFF;
    double mirrored = (bits & 0x8000) != 0 ? -exact : exact, value = aq_cli_half_value(magnitude);
    double below = magnitude == 0 ? -0x1p-24 : aq_cli_half_value((uint16_t)(magnitude - 1));
    double above = magnitude >= 0x7BFF ? 65536.0 : aq_cli_half_value((uint16_t)(magnitude + 1));
    double low = magnitude == 0x7C00 ? 65520.0 : (below + value) / 2;
    double high = magnitude == 0x7C00 ? INFINITY : (value + above) / 2;
    return mirrored < low ? low - mirrored : mirrored > high ? mirrored - high : 0.0;
}

static void note_broken(aq_cli_check *check, int64_t row, int64_t column, double value, double low,
                        double high)
{
    if (check->broken++ == 0) {
        check->bad_row = row;
        check->bad_column = column;
        check->bad_value = value;
        check->bad_low = low;
        check->bad_high = high;
    }
}

/* The sums behind the relative errors of one check. */
typedef struct aq_cli_totals {
    double error2, exact2;       /* out against the fp64 sum of the same weights */
    double plain_error2, plain2; /* out against the unquantised layer */
} aq_cli_totals;

/* exact: the fp64 sum with its bias. bound: the allowed error before the final rounding. */
static void judge(aq_cli_check *check, aq_cli_totals *totals, int64_t row, int64_t column, uint16_t bits,
                  double exact, double bound)
{
    double value = aq_cli_half_value(bits);
    if (!isfinite(
            exact)) { /* numerics page 5: inf stays inf, NaN is stored as 0x7E00; no order changes that */
        if (bits != aq_cli_half(exact)) {
            check->share = INFINITY;
            note_broken(check, row, column, value, exact, exact);
        }
        return;
    }
    double low = aq_cli_half_value(aq_cli_half(exact - bound));
    double high = aq_cli_half_value(aq_cli_half(exact + bound));
    double away = isnan(value) ? INFINITY : distance(bits, exact);
    check->share = fmax(check->share, away == 0.0 ? 0.0 : away / bound);
    if (!(value >= low && value <= high)) { /* so written for the sake of NaN */
        note_broken(check, row, column, value, low, high);
    }
    double error = value - exact;
    if (!isinf(value) || !isinf(high - low)) {
        check->max_error = isnan(value) ? INFINITY : fmax(check->max_error, fabs(error));
        totals->error2 += error * error;
        totals->exact2 += exact * exact;
    }
}

/* One oracle call: what all panels share. */
typedef struct aq_cli_pass {
    const aq_cli_weight *weight;
    const float *plain;
    const double *x; /* (rows,k) */
    double *panel, *plain_panel;
    bool fixpipe;
    int64_t rows, row_step, chain;
    aq_cli_check *checks;
    aq_cli_totals *totals;
    int count;
} aq_cli_pass;

static void judge_row(const aq_cli_pass *pass, int64_t row, int64_t first, const double *sum,
                      const double *size, const double *plain_sum)
{
    const aq_cli_weight *weight = pass->weight;
    int64_t last = first + LANES < weight->n ? first + LANES : weight->n;
    for (int64_t column = first; column < last; column++) {
        double bias = weight->bias == NULL ? 0.0 : weight->bias[column];
        double used = pass->fixpipe ? bias : aq_cli_half_value(aq_cli_half(bias)); /* page 1.2, composed 7 */
        double exact = sum[column - first] + used;
        double bound = 0x1p-24 * (double)(pass->chain + 2) * (size[column - first] + fabs(used));
        for (int i = 0; i < pass->count; i++) {
            aq_cli_check *check = &pass->checks[i];
            if ((check->m <= LAST_FIXPIPE) != pass->fixpipe || row >= check->m) {
                continue;
            }
            uint16_t bits = check->out[row * weight->n + column];
            judge(check, &pass->totals[i], row, column, bits, exact, bound);
            if (plain_sum != NULL) {
                double y = plain_sum[column - first] + bias, error = aq_cli_half_value(bits) - y;
                pass->totals[i].plain_error2 += error * error;
                pass->totals[i].plain2 += y * y;
            }
        }
    }
}

static void run_pass(const aq_cli_pass *pass)
{
    int64_t k = pass->weight->k;
    double sum[LANES], size[LANES], plain_sum[LANES], unused[LANES];
    for (int64_t first = 0; first < pass->weight->n; first += LANES) {
        fill_panel(pass->weight, NULL, pass->fixpipe, first, pass->panel);
        if (pass->plain != NULL) {
            fill_panel(pass->weight, pass->plain, pass->fixpipe, first, pass->plain_panel);
        }
        for (int64_t row = 0; row < pass->rows; row += pass->row_step) {
            sum_panel(pass->x + row * k, pass->panel, k, sum, size);
            if (pass->plain != NULL) {
                sum_panel(pass->x + row * k, pass->plain_panel, k, plain_sum, unused);
            }
            judge_row(pass, row, first, sum, size, pass->plain != NULL ? plain_sum : NULL);
        }
    }
}

static double ratio(double error2, double value2)
{
    return error2 == 0.0 ? 0.0 : sqrt(error2) / sqrt(value2);
}

static void run_both(aq_cli_pass *pass)
{
    for (int path = 0; path < 2; path++) {
        pass->fixpipe = path == 0;
        pass->rows = 0;
        for (int i = 0; i < pass->count; i++) {
            int64_t m = pass->checks[i].m;
            pass->rows = (m <= LAST_FIXPIPE) == pass->fixpipe && m > pass->rows ? m : pass->rows;
        }
        if (pass->rows > 0) {
            run_pass(pass);
        }
    }
    for (int i = 0; i < pass->count; i++) {
        const aq_cli_totals *totals = &pass->totals[i];
        pass->checks[i].relative = ratio(totals->error2, totals->exact2);
        pass->checks[i].quantisation =
            pass->plain != NULL ? ratio(totals->plain_error2, totals->plain2) : NAN;
    }
}

bool aq_cli_oracle(const aq_cli_weight *weight, aq_cli_rows rows, const float *plain, int64_t row_step,
                   aq_cli_check *checks, int count)
{
    int64_t most = 0, cells = 0, k = weight->k;
    char order;
    for (int i = 0; i < count; i++) {
        most = checks[i].m > most ? checks[i].m : most;
        checks[i].share = checks[i].max_error = 0.0;
        checks[i].broken = 0;
    }
    if (!aq_cli_multiply(most, k, &cells)) {
        cells = INT64_MAX;
    }
    double *x = aq_cli_alloc(cells, sizeof *x, "the rows of the oracle");
    double *panel = aq_cli_alloc(2 * LANES * k, sizeof *panel, "the oracle's columns");
    aq_cli_totals *totals = aq_cli_alloc(count, sizeof *totals, "the oracle's sums");
    bool good = x != NULL && panel != NULL && totals != NULL;
    if (good) {
        for (int64_t row = 0; row < most; row++) {
            for (int64_t i = 0; i < k; i++) {
                x[row * k + i] = aq_cli_half_value(rows.x[row * rows.row_stride + i * rows.column_stride]);
            }
        }
        aq_cli_pass pass = {.weight = weight,
                            .plain = plain,
                            .x = x,
                            .panel = panel,
                            .plain_panel = panel + LANES * k,
                            .row_step = row_step,
                            .chain = aq_cli_chain(k, weight->transposed, weight->bias != NULL, &order),
                            .checks = checks,
                            .totals = totals,
                            .count = count};
        run_both(&pass);
    }
    free(totals);
    free(panel);
    free(x);
    return good;
}

uint64_t aq_cli_digest(uint64_t digest, const uint16_t *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        digest = (digest ^ (values[i] & 0xFF)) * UINT64_C(0x100000001b3);
        digest = (digest ^ (values[i] >> 8)) * UINT64_C(0x100000001b3);
    }
    return digest;
}
