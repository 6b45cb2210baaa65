/* SPDX-License-Identifier: Apache-2.0 */
/* support_tables.c - prints docs/SUPPORT.md from the tables that the library decides by: ops/profiles.c and
 * ops/rules_v2.c. A test compares the two; after a change of the tables run this program into the file. */
#include <stdio.h>
#include <string.h>

#include "ops/matmul_v2.h"

static const char *formats_of(unsigned set)
{
    static const char *const names[] = {"no such entry point",
                                        "ND",
                                        "FRACTAL_NZ",
                                        "ND, FRACTAL_NZ",
                                        "",
                                        "",
                                        "FRACTAL_NZ, FRACTAL_NZ_C0_2",
                                        "ND, FRACTAL_NZ, FRACTAL_NZ_C0_2"};
    return names[set & 7];
}

/* "1 to 65535". Static buffer. */
static const char *up_to(int64_t limit)
{
    static char text[32];
    if (limit == INT64_MAX)
        return "1 or more";
    snprintf(text, sizeof text, "1 to %lld", (long long)limit);
    return text;
}

#define EACH(p) for (const aq_profile *p, *const *at_ = columns; (p = *at_) != NULL; at_++)

static const aq_profile *columns[AQ_CHIPS + 1];

static void row(const char *title, void (*cell)(const aq_profile *))
{
    printf("| %s |", title);
    EACH(p)
    {
        putchar(' ');
        cell(p);
        printf(" |");
    }
    putchar('\n');
}

static void dtypes(aq_dtype_set set)
{
    char text[200];
    printf("%s", set == 0 ? "none" : aq_dtype_set_text(set, text, sizeof text));
}

static void soc(const aq_profile *p)
{
    printf("%s", aq_chip_soc(p->chip));
}
static void by_v2(const aq_profile *p)
{
    printf("%s", formats_of(p->weight_formats[AQ_OPERATOR_V2]));
}
static void by_v3(const aq_profile *p)
{
    printf("%s", formats_of(p->weight_formats[AQ_OPERATOR_V3]));
}
static void by_nz(const aq_profile *p)
{
    printf("%s", formats_of(p->weight_formats[AQ_OPERATOR_NZ]));
}
static void nz_view(const aq_profile *p)
{
    printf("%s", p->nz_is_n_k ? "(n,k)" : "(k,n)");
}
static void x_types(const aq_profile *p)
{
    dtypes(p->x);
}
static void weight_types(const aq_profile *p)
{
    dtypes(p->weight);
}
static void scale_types(const aq_profile *p)
{
    dtypes(p->scale);
}
static void ranks(const aq_profile *p)
{
    printf(p->most_rank == 2 ? "2" : "2 to %d", (int)p->most_rank);
}
static void x_layout(const aq_profile *p)
{
    printf("contiguous%s", p->x_contiguous ? "" : " or transposed");
}
static void y_layout(const aq_profile *p)
{
    printf("%s", p->y_strided ? "any strides" : "contiguous");
}
static void quantised(const aq_profile *p)
{
    printf("%s", p->quantises ? "yes" : "no: 161001");
}
static void limit_k(const aq_profile *p)
{
    printf("%s", up_to(p->most_k));
}
static void limit_n(const aq_profile *p)
{
    printf("%s", up_to(p->most_n));
}
static void limit_m(const aq_profile *p)
{
    printf("%s", up_to(p->most_m));
}
static void limit_turned(const aq_profile *p)
{
    printf("%s", up_to(p->most_transposed_m));
}
static void limit_mk(const aq_profile *p)
{
    printf("%s", up_to(p->most_grouped_mk));
}
static void even(const aq_profile *p)
{
    printf("%s", p->odd_nibbles ? "any" : "even");
}
static void groups(const aq_profile *p)
{
    printf("%s", p->any_group ? "0 or more" : "0, multiples of 32 below k");
}
static void scale_layout(const aq_profile *p)
{
    printf("any strides with a transposed weight%s", p->scale_like_weight ? ", 2-D transposed like it" : "");
}
static void bias_rank(const aq_profile *p)
{
    printf("1 to %d", (int)p->most_bias_rank);
}
static void bias_fp16(const aq_profile *p)
{
    dtypes(p->bias_of_fp16);
}

static aq_weight_kind kind;
static void bias_bf16(const aq_profile *p)
{
    bool float_weight = kind == AQ_FLOAT_ND || kind == AQ_FLOAT4_NZ;
    bool has_bf16 = aq_dtype_in(ACL_BF16, p->x), has_float = aq_dtype_in(ACL_FLOAT4_E2M1, p->weight);
    if (!has_bf16 || (float_weight && !has_float) ||
        (kind == AQ_INT4_NZ && !aq_dtype_in(ACL_INT4, p->weight)))
        printf("-");
    else
        dtypes(p->bias_of_bf16[kind]);
}

static const char *separator(bool *first)
{
    const char *text = *first ? "" : "; ";
    *first = false;
    return text;
}

static void nz_limits(const aq_profile *p)
{
    const aq_nz_limits *l = &p->nz[kind];
    bool first = true;
    if (!aq_dtype_in(kind == AQ_INT8_NZ   ? ACL_INT8
                     : kind == AQ_INT4_NZ ? ACL_INT4
                                          : ACL_FLOAT4_E2M1,
                     p->weight)) {
        printf("-");
        return;
    }
    if (l->no_tensor)
        printf("%snot per tensor", separator(&first));
    if (l->no_channel)
        printf("%snot per channel", separator(&first));
    if (l->no_group)
        printf("%snot per group", separator(&first));
    if (l->no_quant)
        printf("%sno quantScale", separator(&first));
    if (l->plain)
        printf("%snot transposed", separator(&first));
    if (l->channel_transposed)
        printf("%sper channel: transposed", separator(&first));
    if (l->group_plain)
        printf("%sper group: neither x nor weight transposed", separator(&first));
    for (int i = 0; i < AQ_MAX_GROUPS && l->groups[i] != 0; i++)
        printf("%s%d", i > 0 ? ", " : first ? "group size " : "; group size ", l->groups[i]);
    first = first && l->groups[0] == 0;
    if (l->whole_groups)
        printf("%sthat divides k", " ");
    if (l->group_n_step > 0)
        printf("%sper group: n a multiple of %lld", separator(&first), (long long)l->group_n_step);
    if (l->most_k > 0)
        printf("%sk %s", separator(&first), up_to(l->most_k));
    if (l->most_n > 0)
        printf("%sn %lld to %lld", separator(&first), (long long)l->least_n, (long long)l->most_n);
    if (first)
        printf("none");
}

static void heads(const char *corner)
{
    printf("| %s |", corner);
    EACH(p)
    printf(" %s |", p->name);
    printf("\n|---|");
    EACH(p)
    printf("---|");
    putchar('\n');
}

static void profiles(void)
{
    heads("ANTIQUANT_PROFILE");
    row("aclrtGetSocName", soc);
    row("weight of V2", by_v2);
    row("weight of V3", by_v3);
    row("weight of Nz", by_nz);
    row("view of an NZ weight", nz_view);
    row("x, and y without quantScale", x_types);
    row("weight", weight_types);
    row("antiquantScale", scale_types);
    row("rank of x, weight, y", ranks);
    row("x", x_layout);
    row("y", y_layout);
    row("antiquantScale, antiquantOffset", scale_layout);
    row("INT8 y, quantScale, quantOffset", quantised);
    row("k", limit_k);
    row("n", limit_n);
    row("m", limit_m);
    row("m, x transposed", limit_turned);
    row("m * k, with a group size", limit_mk);
    row("inner axis of 4-bit weights", even);
    row("antiquantGroupSize", groups);
    row("rank of bias", bias_rank);
    row("bias, x FLOAT16", bias_fp16);
    static const struct {
        aq_weight_kind kind;
        const char *bias, *limits;
    } kinds[] = {{AQ_INTEGER_ND, "bias, x BF16, integer weight in ND", NULL},
                 {AQ_INT8_NZ, "bias, x BF16, INT8 in NZ", "INT8"},
                 {AQ_INT4_NZ, "bias, x BF16, INT4, INT32 in NZ", "INT4, INT32"},
                 {AQ_FLOAT_ND, "bias, x BF16, float weight in ND", NULL},
                 {AQ_FLOAT4_NZ, "bias, x BF16, FLOAT4_E2M1, FLOAT in NZ", "FLOAT4_E2M1, FLOAT"}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        kind = kinds[i].kind;
        row(kinds[i].bias, bias_bf16);
    }
    printf("\nLimits of weights in FRACTAL_NZ:\n\n");
    heads("weight");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        kind = kinds[i].kind;
        if (kinds[i].limits != NULL)
            row(kinds[i].limits, nz_limits);
    }
}

int main(void)
{
    static const aq_chip order[AQ_CHIPS] = {AQ_CHIP_310P, AQ_CHIP_A2, AQ_CHIP_A3, AQ_CHIP_950, AQ_CHIP_ANY};
    for (int i = 0; i < AQ_CHIPS; i++)
        columns[i] = aq_profile_of(order[i]);
    printf("# What aclnnWeightQuantBatchMatmulV2, V3 and Nz take\n\n"
           "Generated by tests/docs/support_tables.c from the tables that the library decides by.\n\n"
           "A profile is the set of limits of one chip. `a2` is the default; `ANTIQUANT_PROFILE` chooses "
           "another.\n"
           "`any` lifts what is a chip's limit and not the operator's. INT32 is eight INT4, FLOAT as a "
           "weight eight\n"
           "FLOAT4_E2M1; UINT8 scales pass for FLOAT8_E8M0 with FLOAT weights only. `aq_explain_call` of\n"
           "`antiquant.h` asks these tables about one call.\n\n");
    profiles();
    printf("\nThe checks, in the order in which they decide status and message:\n\n"
           "| check | status | what must hold |\n|---|---|---|\n");
    for (size_t i = 0; i < aq_v2_rule_count(); i++) {
        const aq_v2_rule *rule = aq_v2_rule_at(i);
        printf("| %s | %d | %s |\n", rule->page + strlen("operators page "), rule->status, rule->says);
    }
    return 0;
}
