/* SPDX-License-Identifier: Apache-2.0 */
/* data.h - what the cases compute with: random numbers of the case, and kinds of data from plain to hostile.
 */
#ifndef AQ_TESTS_KERNELS_DATA_H
#define AQ_TESTS_KERNELS_DATA_H

#include "kernels/guard.h"
#include "kernels/kernel.h"
#include "kernels/oracle.h"
#include "kernels/ref/pack.h"

void ck_random_start(uint64_t seed);
uint64_t ck_random(void);
int64_t ck_random_below(int64_t limit);
uint64_t ck_mix(uint64_t a, uint64_t b);

/* malloc that ends the program instead of failing. */
void *ck_alloc(int64_t count, int64_t size);

typedef enum ck_x_kind {
    CK_X_PLAIN,     /* about a normal activation */
    CK_X_WIDE,      /* any finite fp16 */
    CK_X_SUBNORMAL, /* fp16 subnormals */
    CK_X_LARGEST,   /* +-65504 */
    CK_X_SPECIAL,   /* a few inf, NaN, -0 among plain ones */
    CK_X_KINDS
} ck_x_kind;

typedef enum ck_w_kind { CK_W_RANDOM, CK_W_LOWEST, CK_W_HIGHEST, CK_W_KINDS } ck_w_kind;

typedef enum ck_c_kind {
    CK_C_PLAIN,  /* weights about 1, 11-bit scales as operator page 1.2's M1 leaves them */
    CK_C_FULL,   /* the same with 24-bit scales */
    CK_C_BORDER, /* 11-bit scales; sums at 13 bits and weights at the ends of fp16's normal range, or beyond
                  */
    CK_C_ZERO,   /* scale 0, mul 0 */
    CK_C_SUBNORMAL, /* fp16 subnormal weights */
    CK_C_LARGE,     /* many weights saturate */
    CK_C_LIMIT,     /* offsets at +-AQ_OFFSET_LIMIT and around fp32's 2^24 */
    CK_C_SPECIAL,   /* inf, NaN, -0, subnormal scales */
    CK_C_KINDS
} ck_c_kind;

/* The 11 upper significant bits, as operator page 1.2's M1 leaves them. */
float ck_eleven_bits(float value);

void ck_fill_x(uint16_t *x, int64_t count, ck_x_kind kind);
void ck_fill_weight(int8_t *weight, int64_t count, ck_w_kind kind);

/* Parameters of n columns, with every step's array made; which steps are present is up to the case. */
typedef struct ck_parameters {
    aq_recipe recipe;
    bool shift_present, factor_present, add_present, mul_present;
    int64_t n;
    int32_t *offset;
    float *scale;
    float shift, factor;
    uint16_t *add, *mul; /* fp16 */
} ck_parameters;

/* recipes 0 .. CK_RECIPES - 1: fixpipe, then the composed ones with each subset of the four steps. */
enum { CK_RECIPES = 17 };
void ck_make_parameters(ck_parameters *parameters, int recipe, int64_t n, ck_c_kind kind);
void ck_free_parameters(ck_parameters *parameters);
const char *ck_recipe_name(int recipe);

/* The weight that the parameters make of one stored value, by the oracle. */
float ck_expected_weight(const ck_parameters *parameters, int8_t stored, int64_t column);

/* The parameters as a kernel gets them, placed in the guard arenas; and that the arenas are as they were. */
aq_columns ck_place_columns(const ck_parameters *parameters, ck_layout layout);
aq_columns ck_columns_from(aq_columns columns, int64_t n0);
void ck_expect_columns_unchanged(const ck_parameters *parameters);

/* The same parameters for the library's generic packer. */
aq_parameters ck_generic_parameters(const ck_parameters *parameters);

/* |sum - exact| within the bound, or both the same infinity or NaN; reports through ck_fail. */
void ck_expect_bound(float sum, const ck_sum *expected);

/* How a logical array's outer dimension lies in memory; the inner one has stride 1. */
typedef enum ck_view { CK_DENSE, CK_GAPPED, CK_REVERSED, CK_REPEATED, CK_VIEWS } ck_view;

/* Makes logical (k,n) weights, as stored[k * n_total + n]; all equal along the outer dimension if repeated.
 */
void ck_make_weight(int8_t *stored, aq_order order, int64_t n, int64_t k, ck_w_kind kind, ck_view view);
aq_weight ck_place_weight(const int8_t *stored, aq_order order, int64_t n, int64_t k, ck_view view,
                          ck_layout layout);

#endif
