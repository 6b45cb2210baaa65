/* SPDX-License-Identifier: Apache-2.0 */
/* scaled.h - problems of AQ_RECIPE_SCALED: what is stored, where it lies, what every weight must become. The
 * arithmetic and the addresses of successors pages 3.1 and 3.4 are written out here once more, in fp64. */
#ifndef AQ_TESTS_KERNELS_SCALED_H
#define AQ_TESTS_KERNELS_SCALED_H

#include "kernels/data.h"

typedef enum ck_s_kind {
    CK_S_PLAIN,     /* weights about 1; whole offsets */
    CK_S_FRACTIONS, /* offsets with as many digits as they have room for */
    CK_S_BORDER,    /* scales and offsets at the ends of what a short cut may take */
    CK_S_WIDE,      /* any finite scale and offset: subnormals, overflow */
    CK_S_SPECIAL,   /* inf, NaN, zeros among plain ones */
    CK_S_KINDS
} ck_s_kind;

/* How the parameters of (group, column) lie. */
typedef enum ck_s_view { CK_S_ROWS, CK_S_COLUMNS, CK_S_STEPPED, CK_S_TENSOR, CK_S_VIEWS } ck_s_view;

typedef struct ck_scaled {
    aq_order order;
    aq_weight_type type; /* AQ_S8 or AQ_S4 */
    aq_half half;
    int64_t n, k, group, block; /* block 0: plain */
    bool offset_present;
    ck_s_kind kind;
    ck_s_view view;
    ck_view rows; /* plain weights */
    /* made */
    int64_t groups;
    int8_t *stored;           /* [k][n] */
    uint16_t *scale, *offset; /* [groups][n] */
    float *expected;          /* [k][n] */
} ck_scaled;

double ck_half_value(uint16_t bits, aq_half half);
double ck_round_half(double value, aq_half half);

/* R(R(w + offset) * scale); offset null: one rounding. Successors page 3.4. */
float ck_scaled_weight(int stored, uint16_t scale, const uint16_t *offset, aq_half half);

uint16_t ck_random_scale(ck_s_kind kind, aq_half half, aq_weight_type type);
uint16_t ck_random_offset(ck_s_kind kind, aq_half half, aq_weight_type type);

/* Fills in what is made, from the case's random numbers; ck_scaled_expect again after a change by hand. */
void ck_scaled_make(ck_scaled *problem);
void ck_scaled_expect(ck_scaled *problem);
void ck_scaled_free(ck_scaled *problem);

/* Into the guard arenas. */
void ck_scaled_place(const ck_scaled *problem, ck_layout layout, aq_weight *weight, aq_scaled *scaled);
void ck_scaled_expect_unchanged(const ck_scaled *problem);

aq_kernel_query ck_scaled_query(const ck_scaled *problem, int64_t m);
const char *ck_scaled_name(const ck_scaled *problem); /* in words; valid until the next call */

/* check_scaled.c, check_scaled_stream.c */
void ck_check_scaled_panels(const aq_kernel *kernel);
void ck_check_scaled_stream(const aq_kernel *kernel);

#endif
