/* SPDX-License-Identifier: Apache-2.0 */
/* check_scaled.c - pack_scaled of gemm kernels and the generic packer beside it: whole matrices panel by
 * panel, all weights under many scales and offsets, rows of bf16. */
#include <stdlib.h>
#include <string.h>

#include "kernels/checker.h"
#include "kernels/scaled.h"

typedef struct scaled_call {
    const aq_kernel *kernel;
    aq_scaled_panel_job job;
    aq_generic_panel_job generic;
    aq_rows_job rows;
} scaled_call;

static void call_pack_scaled(void *argument)
{
    const scaled_call *call = argument;
    call->kernel->pack_scaled(&call->job);
}

static void call_generic(void *argument)
{
    const scaled_call *call = argument;
    aq_pack_panel_generic(&call->generic);
}

static void call_pack_rows(void *argument)
{
    const scaled_call *call = argument;
    call->kernel->pack_rows(&call->rows);
}

static bool right_panel(const ck_scaled *p, const aq_scaled_panel_job *job, const float *panel, int64_t nr,
                        const char *who)
{
    for (int64_t i = 0; i < job->steps; i++) /* k, then padding */
        for (int64_t j = 0; j < nr; j++) {
            float got = panel[ck_position(p->order == AQ_ORDER_T, job->steps, i) * nr + j];
            bool padding = i >= job->k || j >= job->n;
            float expected = padding ? 0.0f : p->expected[(job->k0 + i) * p->n + job->n0 + j];
            uint32_t bits;
            memcpy(&bits, &got, sizeof bits);
            if (padding ? bits == 0 : ck_same(got, expected))
                continue;
            ck_fail("%s: weight (%lld,%lld) is %a, not %a", who, (long long)(job->k0 + i),
                    (long long)(job->n0 + j), (double)got, (double)expected);
            return false;
        }
    return true;
}

static bool run_panel(const ck_scaled *p, const aq_kernel *kernel, scaled_call *call, ck_layout layout)
{
    int64_t nr = kernel->nr;
    aq_parameters full = {.recipe = AQ_RECIPE_SCALED, .scaled = *call->job.scaled};
    call->job.panel = (float *)(void *)ck_place(CK_PANEL, layout, 1, call->job.steps * nr * 4, 0, 64).base;
    float *other =
        (float *)(void *)ck_place(CK_PANEL_GENERIC, layout, 1, call->job.steps * nr * 4, 0, 64).base;
    call->generic = (aq_generic_panel_job){.order = p->order,
                                           .weight = call->job.weight,
                                           .parameters = &full,
                                           .k_total = p->k,
                                           .k0 = call->job.k0,
                                           .n0 = call->job.n0,
                                           .k = call->job.k,
                                           .n = call->job.n,
                                           .steps = call->job.steps,
                                           .nr = nr,
                                           .panel = other};
    bool right = ck_survives(call_pack_scaled, call) &&
                 right_panel(p, &call->job, call->job.panel, nr, "pack_scaled") &&
                 ck_survives(call_generic, call) &&
                 right_panel(p, &call->job, other, nr, "the generic packer");
    ck_expect_poison_around(CK_PANEL, "panel");
    ck_expect_poison_around(CK_PANEL_GENERIC, "the generic packer's panel");
    return right;
}

/* Every panel of the matrix. */
static void run_panels(const ck_scaled *p, const aq_kernel *kernel, ck_layout layout)
{
    aq_weight weight;
    aq_scaled scaled;
    ck_scaled_place(p, layout, &weight, &scaled);
    scaled_call call = {.kernel = kernel, .job = {.order = p->order, .weight = &weight, .scaled = &scaled}};
    int64_t chunk = aq_chunk_length(p->order);
    for (int64_t k0 = 0; k0 < p->k; k0 += chunk)
        for (int64_t n0 = 0; n0 < p->n; n0 += kernel->nr) {
            call.job.k0 = k0;
            call.job.n0 = n0;
            call.job.k = p->k - k0 < chunk ? p->k - k0 : chunk;
            call.job.n = p->n - n0 < kernel->nr ? p->n - n0 : kernel->nr;
            call.job.steps = aq_packed_steps(p->order, call.job.k);
            if (!run_panel(p, kernel, &call, layout))
                return;
        }
    ck_scaled_expect_unchanged(p);
}

static void check_panels(const aq_kernel *kernel, ck_scaled p)
{
    aq_kernel_query query = ck_scaled_query(&p, 128);
    if (kernel->scaled_declines(&query) != NULL)
        return;
    if (!ck_begin("pack_scaled %s", ck_scaled_name(&p)))
        return;
    ck_scaled_make(&p);
    for (int layout = 0; layout < CK_LAYOUTS; layout++) {
        ck_set_layout(ck_layout_name((ck_layout)layout));
        run_panels(&p, kernel, (ck_layout)layout);
    }
    ck_scaled_free(&p);
    ck_end();
}

static void check_shapes(const aq_kernel *kernel, ck_scaled p)
{
    const int64_t nr = kernel->nr, chunk = aq_chunk_length(p.order);
    const int64_t columns[] = {1, 2, 7, 15, 16, 17, nr - 1, nr, nr + 1, 2 * nr + 5, 70};
    const int64_t depths[] = {1,  2,  15, 16,  17,  31,        33,    63,
                              64, 65, 97, 129, 160, chunk - 1, chunk, chunk + 33};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        for (size_t j = 0; j < sizeof depths / sizeof depths[0]; j++) {
            if (depths[j] > 200 && i % 4 != 0)
                continue;
            static const int64_t groups[] = {0, 16, 32, 48, 64, 128, 512};
            p.n = columns[i];
            p.k = depths[j];
            int64_t group = groups[ck.number % 7];
            p.group = group == 0 ? p.k + ck.number % 3 : group;
            p.offset_present = ck.number % 2 == 1;
            p.kind = (ck_s_kind)(ck.number / 2 % CK_S_KINDS);
            p.view = (ck_s_view)(ck.number / 3 % CK_S_VIEWS);
            p.rows = (ck_view)(ck.number / 5 % CK_VIEWS);
            check_panels(kernel, p);
        }
}

/* Every weight of the type in a column of its own parameters. */
static void check_all_weights(const aq_kernel *kernel, ck_scaled p)
{
    p.n = kernel->nr;
    p.k = 256;
    p.group = 256;
    for (int kind = 0; kind < CK_S_KINDS; kind++)
        for (int round = 0; round < 8; round++) {
            p.kind = (ck_s_kind)kind;
            p.offset_present = round % 2 == 1;
            if (!ck_begin("all weights %s", ck_scaled_name(&p)))
                continue;
            ck_scaled_make(&p);
            for (int64_t i = 0; i < p.k * p.n; i++)
                p.stored[i] = (int8_t)(p.type == AQ_S8 ? i / p.n - 128 : i / p.n % 16 - 8);
            for (int again = 0; again < 8 && !ck.case_failed; again++) {
                for (int64_t j = 0; j < p.n; j++) {
                    p.scale[j] = ck_random_scale(p.kind, p.half, p.type);
                    p.offset[j] = ck_random_offset(p.kind, p.half, p.type);
                }
                ck_scaled_expect(&p);
                run_panels(&p, kernel, CK_RIGHT);
            }
            ck_scaled_free(&p);
            ck_end();
        }
}

/* All 65536 numbers of bf16 through pack_rows, along k and along m. */
static void check_rows_bf16(const aq_kernel *kernel, aq_order order, bool along_m, int64_t k)
{
    if (!ck_begin("pack_rows of every bf16, order %s, k %lld%s", order == AQ_ORDER_P ? "P" : "T",
                  (long long)k, along_m ? ", along m" : ""))
        return;
    int64_t mr = kernel->mr, steps = aq_packed_steps(order, k);
    for (int64_t begin = 0; begin < 65536 && !ck.case_failed; begin += mr * k) {
        uint16_t *x = (uint16_t *)(void *)ck_place(CK_X, CK_RIGHT, 1, mr * k * 2, 0, 2).base;
        for (int64_t i = 0; i < mr * k; i++)
            x[i] = (uint16_t)(begin + i);
        ck_remember(CK_X);
        float *packed = (float *)(void *)ck_place(CK_PACKED, CK_LEFT, 1, steps * mr * 4, 0, 64).base;
        scaled_call call = {.kernel = kernel,
                            .rows = {.order = order,
                                     .x = x,
                                     .stride_m = along_m ? 1 : k,
                                     .stride_k = along_m ? mr : 1,
                                     .rows = mr,
                                     .k = k,
                                     .steps = steps,
                                     .packed = packed,
                                     .half = AQ_BF16}};
        if (!ck_survives(call_pack_rows, &call))
            break;
        for (int64_t i = 0; i < steps * mr; i++) {
            int64_t r = i % mr, at = i / mr;
            uint16_t bits = at < k ? x[along_m ? at * mr + r : r * k + at] : 0;
            float got = packed[ck_position(order == AQ_ORDER_T, steps, at) * mr + r];
            if (!ck_same(got, (float)ck_half_value(bits, AQ_BF16)))
                ck_fail("(%lld,%lld) of 0x%04x is %a", (long long)r, (long long)at, bits, (double)got);
        }
        ck_expect_unchanged(CK_X, "x");
        ck_expect_poison_around(CK_PACKED, "packed rows");
    }
    ck_end();
}

void ck_check_scaled_panels(const aq_kernel *kernel)
{
    for (int o = AQ_ORDER_P; o <= AQ_ORDER_T; o++) {
        aq_order order = (aq_order)o;
        for (int along_m = 0; along_m < 2; along_m++) {
            check_rows_bf16(kernel, order, along_m != 0, 256);
            check_rows_bf16(kernel, order, along_m != 0, 61);
        }
        for (int i = 0; kernel->pack_scaled != NULL && i < 4; i++) {
            ck_scaled p = {.order = order, .type = i % 2 ? AQ_S4 : AQ_S8, .half = i / 2 ? AQ_BF16 : AQ_F16};
            for (p.block = 0; p.block <= 64; p.block += p.block == 0 ? 16 : p.block)
                check_shapes(kernel, p);
            p.block = 0;
            check_all_weights(kernel, p);
        }
    }
}
