/* SPDX-License-Identifier: Apache-2.0 */
/* profiles.h - what the chips differ in, for aclnnWeightQuantBatchMatmulV2, V3 and Nz (operators
 * pages 3.1, 3.2 and 3.5), as data. The rules and docs/SUPPORT.md read this table; nothing else knows a chip.
 */
#ifndef AQ_OPS_PROFILES_H
#define AQ_OPS_PROFILES_H

#include <stdbool.h>
#include <stdint.h>

#include "acl/acl_base.h"
#include "base/chip.h"

/* Sets of data types, one bit a number; those that no set may hold are not in it. */
typedef uint64_t aq_dtype_set;
#define AQ_DTYPE_BIT(dtype) (UINT64_C(1) << (dtype))

static inline bool aq_dtype_in(aclDataType dtype, aq_dtype_set set)
{
    return (int)dtype >= 0 && (int)dtype < 64 && (set >> (int)dtype & 1) != 0;
}

/* "FLOAT16, BF16" into text. Returns text. */
char *aq_dtype_set_text(aq_dtype_set set, char *text, unsigned size);

typedef enum aq_v2_operator {
    AQ_OPERATOR_V2,
    AQ_OPERATOR_V3,
    AQ_OPERATOR_NZ,
    AQ_OPERATORS_V2
} aq_v2_operator;

/* Formats of the weight, a set for each entry point; 0: the chip has no such entry point. */
enum { AQ_WEIGHT_ND = 1, AQ_WEIGHT_NZ = 2, AQ_WEIGHT_NZ_C0_2 = 4 };

/* Weights that the limits tell apart: what is stored and how. */
typedef enum aq_weight_kind {
    AQ_INTEGER_ND, /* INT8, INT4, INT32 */
    AQ_INT8_NZ,
    AQ_INT4_NZ,   /* INT4, INT32 */
    AQ_FLOAT_ND,  /* FP8_E4M3FN, HIFLOAT8, FP4_E2M1, FLOAT */
    AQ_FLOAT4_NZ, /* FP4_E2M1, FLOAT */
    AQ_WEIGHT_KINDS
} aq_weight_kind;

#define AQ_MAX_GROUPS 4 /* of a list of group sizes */

/* Limits of a weight in FRACTAL_NZ. Zeroed: none. */
typedef struct aq_nz_limits {
    bool no_tensor, no_channel, no_group; /* granularities that antiquantScale may not have */
    bool no_quant;                        /* no quantScale */
    bool plain;                           /* the weight must not be transposed */
    bool channel_transposed;              /* per channel, the weight must be transposed */
    bool group_plain;                     /* per group, neither x nor weight may be transposed */
    int groups[AQ_MAX_GROUPS]; /* legal group sizes, 0-terminated when fewer; none: any that the profile takes
                                */
    bool whole_groups;         /* per group, k must be a multiple of the group size */
    int64_t group_n_step;      /* per group, n must be a multiple of it; 0: no limit */
    int64_t most_k, least_n, most_n; /* 0: no limit */
} aq_nz_limits;

typedef struct aq_profile {
    aq_chip chip;
    const char *name;
    unsigned weight_formats[AQ_OPERATORS_V2];
    bool nz_is_n_k;                /* an NZ weight has the view (n,k) and always counts as transposed */
    bool quantises;                /* quantScale and quantOffset may be given; else 161001 */
    aq_dtype_set x, weight, scale; /* UINT8 is a scale in place of E8M0 for FLOAT weights only */
    aq_dtype_set bias_of_fp16, bias_of_bf16[AQ_WEIGHT_KINDS]; /* by the dtype of x */
    uint64_t most_rank, most_bias_rank; /* of x, weight and y, from 2; of bias, from 1 */
    bool x_contiguous;                  /* x may not be transposed */
    bool y_strided;                     /* y may be */
    bool scale_like_weight;             /* a scale of rank 2 is transposed exactly when the weight is */
    int64_t most_k, most_n, most_m, most_transposed_m; /* INT64_MAX: no limit */
    int64_t most_grouped_mk;                           /* m * k, with a group size */
    bool any_group;                   /* any group size >= 1; else multiples of 32 in [32, k-1] */
    bool odd_nibbles;                 /* 4-bit weights may have an odd inner axis */
    int64_t int4_c0;                  /* elements in a row of an NZ block where the storage does not say so */
    aq_nz_limits nz[AQ_WEIGHT_KINDS]; /* of the three NZ kinds */
} aq_profile;

/* Never null. */
const aq_profile *aq_profile_of(aq_chip chip);

#endif
