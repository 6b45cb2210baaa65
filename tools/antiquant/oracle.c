/* SPDX-License-Identifier: Apache-2.0 */
/* oracle.c - the fp64 answer and its bound, written to be obviously right. A weight is a function of (stored
 * value, column, group) alone, so each is made once by its recipe; then eight columns at a time go through
 * plain fp64 sums. Knows nothing of kernels, threads or the library. */
#include "oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum {
    LANES = 8,     /* columns summed at once */
    BLOCK = 128,   /* of k, in modes `exact` and `fast`: numerics page 5 */
    P_CHUNK = 256, /* numerics page 5 */
    T_CHUNK = 1024,
    T_LANES = 16,
    T_TREE = 4 /* additions of the tree over 16 lanes */
};

/* fp32 fma in order P or T. */
static int64_t fma_chain(int64_t k, bool along_k)
{
    if (k == 0) {
        return 0;
    }
    int64_t chunk = along_k ? T_CHUNK : P_CHUNK, first = k < chunk ? k : chunk;
    int64_t inside = along_k ? (first + T_LANES - 1) / T_LANES + T_TREE : first;
    return inside + (k + chunk - 1) / chunk - 1;
}

/* Modes `exact` and `fast`: sums of integers are exact; one fp32 addition joins the two digits of `exact`,
 * one for each block adds it; the term of the offsets comes last. With groups a block is cut where one may
 * end, at multiples of 64 or 32, and both products of a piece are added. */
static int64_t integer_chain(const aq_cli_weight *weight)
{
    int64_t group = weight->format.group, digits = weight->numerics == AQ_CLI_EXACT ? 1 : 0;
    bool v1 = weight->format.op == AQ_CLI_V1;
    bool zero = weight->add != NULL || (v1 && weight->antiquant_offset != 0.0f);
    if (group == 0 || group >= weight->k) {
        /* V1 has a term of its own for offsets that are all 0 */
        return (weight->k + BLOCK - 1) / BLOCK + digits + (zero || v1 ? 1 : 0);
    }
    int64_t piece = group % BLOCK == 0 ? BLOCK : group % (BLOCK / 2) == 0 ? BLOCK / 2 : BLOCK / 4;
    int64_t pieces = (weight->k + BLOCK - 1) / BLOCK * (BLOCK / piece);
    return pieces * (zero ? 2 : 1) + digits;
}

/* Integers do not serve fixpipe offsets whose sum with a weight may leave int32. */
static bool integers_serve(const aq_cli_weight *weight)
{
    bool serve = weight->numerics != AQ_CLI_NPU;
    for (int64_t i = 0; serve && weight->format.op == AQ_CLI_V1 && i < weight->n; i++) {
        serve = weight->deq_offset[i] <= INT32_MAX - 128 && weight->deq_offset[i] >= -(INT32_MAX - 128);
    }
    return serve;
}

int64_t aq_cli_chain(const aq_cli_weight *weight, char *order)
{
    int64_t k = weight->k;
    /* T when the stride of k is 1 and that of n is not: stored (n,k), unless k is 1, when both strides are 1.
     */
    bool along_k = weight->transposed && k != 1;
    *order = along_k ? 'T' : 'P';
    return (integers_serve(weight) ? integer_chain(weight) : fma_chain(k, along_k)) +
           (weight->bias != NULL ? 1 : 0);
}

/* The sums behind the relative errors of one check. */
typedef struct aq_cli_totals {
    double error2, exact2;       /* out against the fp64 sum of the same weights */
    double plain_error2, plain2; /* out against the unquantised layer */
} aq_cli_totals;

/* One oracle call: what all panels share. */
typedef struct aq_cli_pass {
    const aq_cli_weight *weight;
    const float *plain;
    const double *x;             /* (rows,k) */
    double *x_most;              /* (rows,blocks): max |x| of each block */
    double *panel, *plain_panel; /* [k][LANES] */
    double *block_size;          /* [blocks][LANES]: sum of (|q| + |offset|) * |scale| over a block */
    bool fixpipe;
    int64_t rows, row_step, chain, blocks;
    aq_cli_check *checks;
    aq_cli_totals *totals;
    int count;
} aq_cli_pass;

/* One column as lane `lane` of the panel. */
static void fill_column(const aq_cli_pass *pass, int64_t column, int64_t lane)
{
    const aq_cli_weight *weight = pass->weight;
    int64_t along_k = weight->transposed ? 1 : weight->n,
            start = column * (weight->transposed ? weight->k : 1);
    int64_t group = weight->format.group > 0 ? weight->format.group : weight->k;
    double values[256], sizes[256];
    bool known[256] = {false};
    for (int64_t i = 0; i < weight->k; i++) {
        if (i % group == 0) {
            memset(known, 0, sizeof known);
        }
        int code = weight->q[start + i * along_k] + 128;
        if (!known[code]) {
            known[code] = true;
            values[code] =
                aq_cli_weight_value(weight, pass->fixpipe, code - 128, column, i / group, &sizes[code]);
        }
        pass->panel[i * LANES + lane] = values[code];
        pass->block_size[i / BLOCK * LANES + lane] += sizes[code];
        if (pass->plain != NULL) {
            pass->plain_panel[i * LANES + lane] = pass->plain[start + i * along_k];
        }
    }
}

/* Columns first .. first+LANES-1; those beyond n are 0. */
static void fill_panel(const aq_cli_pass *pass, int64_t first)
{
    size_t cells = (size_t)(pass->weight->k * LANES);
    memset(pass->panel, 0, cells * sizeof *pass->panel);
    memset(pass->plain_panel, 0, cells * sizeof *pass->plain_panel);
    memset(pass->block_size, 0, (size_t)(pass->blocks * LANES) * sizeof *pass->block_size);
    for (int64_t lane = 0; lane < LANES && first + lane < pass->weight->n; lane++) {
        fill_column(pass, first + lane, lane);
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
            aq_cli_pair product = x[i] * w[pair]; /* npu: exact, 11 by 11 bits */
            s[pair] += product;
            t[pair] += (aq_cli_pair)((aq_cli_pair_bits)product & no_sign);
        }
    }
    memcpy(sum, s, sizeof s);
    memcpy(size, t, sizeof t);
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

/* exact: the fp64 sum with its bias. bound: the allowed error before the final rounding. */
static void judge(aq_cli_check *check, aq_cli_totals *totals, bool bf16, int64_t row, int64_t column,
                  uint16_t bits, double exact, double bound)
{
    double value = aq_cli_of_16(bf16, bits);
    if (!isfinite(exact)) { /* numerics page 5: inf stays inf, NaN is stored as one pattern; no order changes
                               that */
        if (bits != aq_cli_to_16(bf16, exact)) {
            check->share = INFINITY;
            note_broken(check, row, column, value, exact, exact);
        }
        return;
    }
    double low = aq_cli_round_16(bf16, exact - bound);
    double high = aq_cli_round_16(bf16, exact + bound);
    double away = isnan(value) ? INFINITY : aq_cli_distance(bf16, bits, exact);
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

/* The allowed error before the final rounding. size: sum of |x * w|. */
static double allowed(const aq_cli_pass *pass, int64_t row, int64_t lane, double size, double bias)
{
    double chain = 0x1p-24 * (double)(pass->chain + 2);
    /* Products of bf16 values can be subnormal in fp32: half a step more for each fma. */
    double least = pass->weight->format.bf16 ? (double)pass->weight->k * 0x1p-150 : 0.0;
    if (pass->weight->numerics == AQ_CLI_NPU) {
        return chain * (size + fabs(bias)) + least;
    }
    double b = fabs(bias);
    for (int64_t block = 0; block < pass->blocks; block++) {
        b += pass->x_most[row * pass->blocks + block] * pass->block_size[block * LANES + lane];
    }
    return ((pass->weight->numerics == AQ_CLI_EXACT ? 0x1p-22 : 0x1p-14) + chain) * b + least;
}

static void judge_row(const aq_cli_pass *pass, int64_t row, int64_t first, const double *sum,
                      const double *size, const double *plain_sum)
{
    const aq_cli_weight *weight = pass->weight;
    bool bf16 = weight->format.bf16;
    int64_t last = first + LANES < weight->n ? first + LANES : weight->n;
    for (int64_t column = first; column < last; column++) {
        int64_t lane = column - first;
        double bias = aq_cli_bias_value(weight, pass->fixpipe, column), exact = sum[lane] + bias;
        double bound = allowed(pass, row, lane, size[lane], bias);
        for (int i = 0; i < pass->count; i++) {
            aq_cli_check *check = &pass->checks[i];
            if (aq_cli_fixpipe(weight, check->m) != pass->fixpipe || row >= check->m) {
                continue;
            }
            uint16_t bits = check->out[row * weight->n + column];
            judge(check, &pass->totals[i], bf16, row, column, bits, exact, bound);
            if (plain_sum != NULL) {
                double y = plain_sum[lane] + (weight->bias == NULL ? 0.0 : weight->bias[column]);
                double error = aq_cli_of_16(bf16, bits) - y;
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
        fill_panel(pass, first);
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
            bool here = aq_cli_fixpipe(pass->weight, m) == pass->fixpipe;
            pass->rows = here && m > pass->rows ? m : pass->rows;
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

/* x in fp64, and the greatest |x| of each block of each row. */
static void widen_rows(aq_cli_rows rows, bool bf16, int64_t k, int64_t count, int64_t blocks, double *x,
                       double *x_most)
{
    for (int64_t row = 0; row < count; row++) {
        for (int64_t i = 0; i < k; i++) {
            double *most = &x_most[row * blocks + i / BLOCK];
            x[row * k + i] = aq_cli_of_16(bf16, rows.x[row * rows.row_stride + i * rows.column_stride]);
            *most = fmax(*most, fabs(x[row * k + i]));
        }
    }
}

bool aq_cli_oracle(const aq_cli_weight *weight, aq_cli_rows rows, const float *plain, int64_t row_step,
                   aq_cli_check *checks, int count)
{
    int64_t most = 0, cells = 0, k = weight->k, blocks = (k + BLOCK - 1) / BLOCK;
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
    double *x_most = aq_cli_alloc(most * blocks, sizeof *x_most, "the rows of the oracle");
    double *panel = aq_cli_alloc((2 * k + blocks) * LANES, sizeof *panel, "the oracle's columns");
    aq_cli_totals *totals = aq_cli_alloc(count, sizeof *totals, "the oracle's sums");
    bool good = x != NULL && x_most != NULL && panel != NULL && totals != NULL;
    if (good) {
        widen_rows(rows, weight->format.bf16, k, most, blocks, x, x_most);
        aq_cli_pass pass = {.weight = weight,
                            .plain = plain,
                            .x = x,
                            .x_most = x_most,
                            .panel = panel,
                            .plain_panel = panel + LANES * k,
                            .block_size = panel + 2 * LANES * k,
                            .blocks = blocks,
                            .row_step = row_step,
                            .chain = aq_cli_chain(weight, &order),
                            .checks = checks,
                            .totals = totals,
                            .count = count};
        run_both(&pass);
    }
    free(totals);
    free(panel);
    free(x_most);
    free(x);
    return good;
}
