/* SPDX-License-Identifier: Apache-2.0 */
/* profiles.c - the table of chips: operators page 3.1 for the columns, 3.2 for NZ weights of A2, 3.5 for any.
 */
#include "ops/profiles.h"

#include <stdio.h>

#include "tensor/dtype.h"

#define FP16  AQ_DTYPE_BIT(ACL_FLOAT16)
#define BF16  AQ_DTYPE_BIT(ACL_BF16)
#define FP32  AQ_DTYPE_BIT(ACL_FLOAT)
#define INT8  AQ_DTYPE_BIT(ACL_INT8)
#define WORDS (AQ_DTYPE_BIT(ACL_UINT64) | AQ_DTYPE_BIT(ACL_INT64))

#define INTEGERS (INT8 | AQ_DTYPE_BIT(ACL_INT4) | AQ_DTYPE_BIT(ACL_INT32))
/* FLOAT is eight fp4 to a word. */
#define FLOATS                                                                                               \
    (AQ_DTYPE_BIT(ACL_FLOAT8_E4M3FN) | AQ_DTYPE_BIT(ACL_HIFLOAT8) | AQ_DTYPE_BIT(ACL_FLOAT4_E2M1) | FP32)
#define MX_SCALES (AQ_DTYPE_BIT(ACL_FLOAT8_E8M0) | AQ_DTYPE_BIT(ACL_UINT8))

#define UNLIMITED  INT64_MAX
#define INT32_MOST INT64_C(2147483647)

/* A2 and A3 differ in name only. */
#define A2_LIMITS                                                                                            \
    .weight_formats = {AQ_WEIGHT_ND | AQ_WEIGHT_NZ, AQ_WEIGHT_ND | AQ_WEIGHT_NZ, 0}, .quantises = true,      \
    .x = FP16 | BF16, .weight = INTEGERS, .scale = FP16 | BF16 | WORDS, .bias_of_fp16 = FP16,                \
    .bias_of_bf16 = {FP32, FP32, FP32, FP32, FP32}, .most_rank = 2, .most_bias_rank = 2, .most_k = 65535,    \
    .most_n = 65535, .most_m = INT32_MOST, .most_transposed_m = 65535, .most_grouped_mk = UNLIMITED,         \
    .int4_c0 = 64,                                                                                           \
    .nz[AQ_INT4_NZ] = {.no_tensor = true,                                                                    \
                       .no_quant = true,                                                                     \
                       .channel_transposed = true,                                                           \
                       .group_plain = true,                                                                  \
                       .groups = {64, 128},                                                                  \
                       .whole_groups = true,                                                                 \
                       .group_n_step = 64}

static const aq_profile profiles[AQ_CHIPS] = {
    [AQ_CHIP_A2] = {.chip = AQ_CHIP_A2, .name = "a2", A2_LIMITS},
    [AQ_CHIP_A3] = {.chip = AQ_CHIP_A3, .name = "a3", A2_LIMITS},
    [AQ_CHIP_310P] =
        {
            .chip = AQ_CHIP_310P,
            .name = "310p",
            .weight_formats = {AQ_WEIGHT_ND | AQ_WEIGHT_NZ, AQ_WEIGHT_ND | AQ_WEIGHT_NZ, 0},
            .nz_is_n_k = true,
            .x = FP16,
            .weight = INT8,
            .scale = FP16,
            .bias_of_fp16 = FP16,
            .most_rank = 6,
            .most_bias_rank = 6,
            .most_k = UNLIMITED,
            .most_n = UNLIMITED,
            .most_m = UNLIMITED,
            .most_transposed_m = UNLIMITED,
            .most_grouped_mk = 512000000,
        },
    [AQ_CHIP_950] =
        {
            .chip = AQ_CHIP_950,
            .name = "950",
            .weight_formats = {AQ_WEIGHT_ND, AQ_WEIGHT_ND, AQ_WEIGHT_NZ | AQ_WEIGHT_NZ_C0_2},
            .x = FP16 | BF16,
            .weight = INTEGERS | FLOATS,
            .scale = FP16 | BF16 | MX_SCALES,
            .bias_of_fp16 = FP16,
            /* The page is silent on INT4 in NZ with bf16: as INT4 in ND. */
            .bias_of_bf16 = {BF16 | FP32, FP32, BF16 | FP32, BF16, BF16},
            .most_rank = 2,
            .most_bias_rank = 2,
            .x_contiguous = true,
            .scale_like_weight = true,
            .most_k = UNLIMITED,
            .most_n = UNLIMITED,
            .most_m = UNLIMITED,
            .most_transposed_m = UNLIMITED,
            .most_grouped_mk = UNLIMITED,
            .int4_c0 = 16,
            .nz[AQ_INT8_NZ] =
                {.no_tensor = true, .no_group = true, .most_k = 65535, .least_n = 2, .most_n = 65535},
            .nz[AQ_INT4_NZ] = {.plain = true},
            .nz[AQ_FLOAT4_NZ] = {.no_tensor = true, .no_channel = true, .groups = {32, 64, 128, 256}},
        },
    /* Lifts what 3.5 lists and nothing else: rules of the 950's float weights are the types' own. */
    [AQ_CHIP_ANY] =
        {
            .chip = AQ_CHIP_ANY,
            .name = "any",
            .weight_formats = {AQ_WEIGHT_ND | AQ_WEIGHT_NZ | AQ_WEIGHT_NZ_C0_2,
                               AQ_WEIGHT_ND | AQ_WEIGHT_NZ | AQ_WEIGHT_NZ_C0_2,
                               AQ_WEIGHT_NZ | AQ_WEIGHT_NZ_C0_2},
            .quantises = true,
            .x = FP16 | BF16,
            .weight = INTEGERS | FLOATS,
            .scale = FP16 | BF16 | WORDS | MX_SCALES,
            .bias_of_fp16 = FP16 | BF16 | FP32,
            .bias_of_bf16 = {BF16 | FP32, BF16 | FP32, BF16 | FP32, BF16 | FP32, BF16 | FP32},
            .most_rank = 6,
            .most_bias_rank = 6,
            .y_strided = true,
            .most_k = UNLIMITED,
            .most_n = UNLIMITED,
            .most_m = UNLIMITED,
            .most_transposed_m = UNLIMITED,
            .most_grouped_mk = UNLIMITED,
            .any_group = true,
            .odd_nibbles = true,
            .int4_c0 = 64,
        },
};

const aq_profile *aq_profile_of(aq_chip chip)
{
    return &profiles[chip];
}

char *aq_dtype_set_text(aq_dtype_set set, char *text, unsigned size)
{
    unsigned length = 0;
    text[0] = '\0';
    for (int dtype = 0; dtype < 64 && length < size; dtype++)
        if (aq_dtype_in((aclDataType)dtype, set))
            length += (unsigned)snprintf(text + length, size - length, "%s%s", length > 0 ? ", " : "",
                                         aq_dtype_name((aclDataType)dtype));
    return text;
}
