/* SPDX-License-Identifier: Apache-2.0 */
/* weights.h - a quantised weight and what the operators make of it: the recipes of operator page 1.2 (V1) and
 * successors page 3.4 (V2, V3). Calls nothing of the library. */
#ifndef AQ_CLI_WEIGHTS_H
#define AQ_CLI_WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum aq_cli_operator { AQ_CLI_V1, AQ_CLI_V2, AQ_CLI_V3 } aq_cli_operator;

/* ANTIQUANT_NUMERICS. */
typedef enum aq_cli_numerics { AQ_CLI_NPU, AQ_CLI_EXACT, AQ_CLI_FAST } aq_cli_numerics;

/* How a weight is quantised and for whom. Zeroed: V1, int8 per output channel, fp16. */
typedef struct aq_cli_format {
    aq_cli_operator op;
    bool int4;       /* else int8 */
    bool bf16;       /* x, scales, offsets and results; else fp16 */
    bool asymmetric; /* with offsets */
    int64_t group;   /* values along k with a scale of their own, the last group may be short; 0: all of k */
} aq_cli_format;

/* What an operator is given for one weight. Arrays belong to the caller; n values each unless noted. */
typedef struct aq_cli_weight {
    int64_t k, n;
    aq_cli_format format;
    aq_cli_numerics numerics;
    bool transposed;        /* q is stored (n,k), else (k,n); V2 and V3: always */
    float antiquant_scale;  /* V1, of the whole tensor; composed path */
    float antiquant_offset; /* likewise */
    const int8_t *q;        /* k * n values, one a byte also for int4 */
    const float *mul;       /* scales, rounded to fp16 for mulScale. V2 and V3: (n, groups), 16-bit values */
    const float *add;       /* offsets, rounded to fp16 for addOffset; null: none. V2 and V3: as mul */
    const float *bias;      /* null: none */
    const int32_t *deq_offset; /* V1, fixpipe path: round(add / antiquant_scale + antiquant_offset) */
    const float *deq_scale;    /* V1, fixpipe path: antiquant_scale * mul, before its word is made */
} aq_cli_weight;

/* Scales along k: 1, or ceil(k / group). */
int64_t aq_cli_groups(const aq_cli_format *format, int64_t k);

/* V1 with m <= 64 takes the fixpipe path. */
bool aq_cli_fixpipe(const aq_cli_weight *weight, int64_t m);

/* The weight that stands for q = value in this column and group. *size: (|q| + |offset|) * |scale|, of which
 * the bounds of modes `exact` and `fast` are made. */
double aq_cli_weight_value(const aq_cli_weight *weight, bool fixpipe, int value, int64_t column,
                           int64_t group, double *size);

/* The bias as it is added, 0 without one. */
double aq_cli_bias_value(const aq_cli_weight *weight, bool fixpipe, int64_t column);

#endif
