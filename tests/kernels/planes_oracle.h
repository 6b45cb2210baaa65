/* SPDX-License-Identifier: Apache-2.0 */
/* planes_oracle.h - problems of modes exact and fast: rows of x, where integer weights lie, and what every
 * sum must be. The arithmetic is that of src/kernels/planes.h, written out once more with 64-bit integers and
 * one element at a time; the bound is that of numerics page 5. */
#ifndef AQ_TESTS_KERNELS_PLANES_ORACLE_H
#define AQ_TESTS_KERNELS_PLANES_ORACLE_H

#include "kernels/scaled.h"

typedef enum ck_planes_x {
    CK_PX_PLAIN,     /* about a normal activation */
    CK_PX_OUTLIERS,  /* the same with a few much greater ones */
    CK_PX_WIDE,      /* any finite fp16 */
    CK_PX_SUBNORMAL, /* fp16 subnormals */
    CK_PX_LARGEST,   /* +-65504: digits of one size */
    CK_PX_LIMIT,     /* a block's greatest is about where its integer would pass the mode's limit */
    CK_PX_TIES,      /* half way between two integers */
    CK_PX_RANGE,     /* greatest exponents of blocks about the last that integers take */
    CK_PX_SPECIAL,   /* a few inf, NaN, -0 */
    CK_PX_ZEROS,     /* most blocks are zero */
    CK_PX_KINDS
} ck_planes_x;

enum { CK_BLOCK = 128, CK_DEEPEST = 16 /* blocks */ };

void ck_planes_fill_x(float *x, int64_t count, ck_planes_x kind);

/* Weights that touch neither the edge nor the order of a plain matrix: elements anywhere, steps along both
 * axes, reversed, beginning in the middle of a byte. */
aq_weight ck_planes_place_anyhow(const ck_scaled *problem, ck_layout layout);

typedef struct ck_planes {
    bool exact;
    int segments; /* 0: one scale a column, else segments of a block, a scale each */
    int64_t n, k, group;
    const int8_t *w;    /* [k][n] */
    const float *scale; /* [n] or [groups][n] */
    const float *zero;  /* likewise, or null */
} ck_planes;

/* One row of x cut into integers. */
typedef struct ck_digits {
    bool fits;
    int64_t v[CK_DEEPEST * CK_BLOCK];
    float scale[CK_DEEPEST]; /* of a block; 0 where it has nothing but zeros */
    double most[CK_DEEPEST]; /* its greatest |x| */
} ck_digits;

void ck_planes_cut(const float *x, int64_t k, bool exact, ck_digits *digits);

/* X of planes.h: the values from `begin` on, `count` of them, that lie in k. */
float ck_planes_x_sum(const ck_digits *digits, int64_t k, int64_t begin, int64_t count);

/* x: the row that digits were cut from. Meaningless unless it fits. */
ck_sum ck_planes_element(const ck_planes *problem, const float *x, const ck_digits *digits, int64_t column);

/* A problem for a kernel and what must come of it. */
typedef struct ck_planes_case {
    const aq_kernel *kernel;
    ck_scaled p;
    bool exact, anyhow; /* anyhow: ck_planes_place_anyhow */
    bool lone;          /* sums without a scale */
    int64_t rows;
    ck_planes_x x_kind;
    ck_w_kind w_kind;
    /* made */
    bool by_groups;
    int segments;
    float *x, *scale, *zero; /* scale, zero: [n] or [groups][n] */
    ck_digits *digits;       /* [rows] */
    ck_sum *expected;        /* [rows][n] */
} ck_planes_case;

/* planes_run.c: in one memory layout. */
void ck_planes_run(const ck_planes_case *c, ck_layout layout);

/* bench_planes.c */
void ck_bench_planes(const aq_kernel *kernel);

/* check_planes.c */
void ck_check_planes(const aq_kernel *kernel);

#endif
