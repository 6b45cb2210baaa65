/* SPDX-License-Identifier: Apache-2.0 */
/* check_generic.c - what only the generic packer takes: any strides, any offset, a diagonal matrix that mixes
 * rows, add and mul that vary over k. */
#include <stdlib.h>

#include "kernels/checker.h"
#include "kernels/data.h"

static const int32_t saturating_offsets[] = {INT32_MAX,     INT32_MIN,          INT32_MAX - 1,
                                             INT32_MIN + 1, INT32_MAX - 500000, INT32_MIN + 500000};
enum { OFFSETS = sizeof saturating_offsets / sizeof saturating_offsets[0] };

static void call_packer(void *argument)
{
    aq_pack_panel_generic(argument);
}

typedef struct generic_case {
    aq_order order;
    int64_t n, k, nr; /* the whole matrix; the panel's width */
    int64_t k0, n0;   /* where the panel begins */
    int mode;         /* 0 no diagonal, 1 the identity, 2 a random one; 3.. composed with strided add, mul */
    bool turned;      /* outer and inner change places: neither order's dense stride */
    int8_t *stored, *diagonal;
    ck_parameters p;
} generic_case;

static float expected_generic(const generic_case *c, int64_t k, int64_t n)
{
    if (c->p.recipe == AQ_RECIPE_COMPOSED) {
        const uint16_t *add = &c->p.add[c->mode % 2 ? k : n], *mul = &c->p.mul[c->mode % 2 ? n : k];
        ck_composed with = {&c->p.shift, &c->p.factor, add, mul};
        return ck_composed_weight(c->stored[k * c->n + n], with);
    }
    int64_t mixed = 0; /* row k of (the block repeated down the diagonal) times column n */
    for (int64_t j = 0; j < c->k; j++)
        if (c->mode == 0 ? j == k : j / 32 == k / 32)
            mixed += (c->mode == 0 ? 1 : c->diagonal[k % 32 * 32 + j % 32]) * c->stored[j * c->n + n];
    return ck_fixpipe_weight(mixed, c->p.offset[n], c->p.scale[n]);
}

static void place_generic(generic_case *c, ck_layout layout, aq_weight *weight, aq_parameters *full)
{
    bool k_outer = (c->order == AQ_ORDER_P) != c->turned;
    int64_t outer = k_outer ? c->k : c->n, inner = k_outer ? c->n : c->k, step = c->turned ? 2 : 1;
    ck_rows rows = ck_place(CK_WEIGHT, layout, outer, (inner - 1) * step + 1, ck_random_below(9), 1);
    *weight = (aq_weight){.data = (const int8_t *)rows.base,
                          .stride_k = k_outer ? rows.stride : step,
                          .stride_n = k_outer ? step : rows.stride};
    for (int64_t k = 0; k < c->k; k++)
        for (int64_t n = 0; n < c->n; n++)
            ((int8_t *)rows.base)[k * weight->stride_k + n * weight->stride_n] = c->stored[k * c->n + n];
    ck_remember(CK_WEIGHT);
    *full = ck_generic_parameters(&c->p);
    if (c->mode % 2 == 1) { /* add varies over k, mul over n; else the other way round */
        full->add_stride_k = 1;
        full->add_stride_n = 0;
    } else {
        full->mul_stride_k = 1;
        full->mul_stride_n = 0;
    }
    if (c->mode != 1 && c->mode != 2)
        return;
    bool columns_first = layout % 2 == 1;
    ck_rows diagonal = ck_place(CK_DIAGONAL, layout, 32, 32, 5, 1);
    full->diagonal = (const int8_t *)diagonal.base;
    full->diagonal_stride_i = columns_first ? 1 : diagonal.stride;
    full->diagonal_stride_j = columns_first ? diagonal.stride : 1;
    for (int64_t i = 0; i < 32; i++)
        for (int64_t j = 0; j < 32; j++)
            ((int8_t *)diagonal.base)[i * full->diagonal_stride_i + j * full->diagonal_stride_j] =
                c->diagonal[i * 32 + j];
    ck_remember(CK_DIAGONAL);
}

static void run_generic(generic_case *c, ck_layout layout)
{
    aq_weight weight;
    aq_parameters full;
    place_generic(c, layout, &weight, &full);
    int64_t chunk = aq_chunk_length(c->order), k = c->k - c->k0 < chunk ? c->k - c->k0 : chunk;
    int64_t n = c->n - c->n0 < c->nr ? c->n - c->n0 : c->nr, steps = aq_packed_steps(c->order, k);
    float *panel = (float *)(void *)ck_place(CK_PANEL, layout, 1, steps * c->nr * 4, 0, 64).base;
    aq_generic_panel_job job = {c->order, &weight, &full, c->k, c->k0, c->n0, k, n, steps, c->nr, panel};
    if (!ck_survives(call_packer, &job))
        return;
    for (int64_t i = 0; i < steps; i++)
        for (int64_t j = 0; j < c->nr; j++) {
            float got = panel[ck_position(c->order == AQ_ORDER_T, steps, i) * c->nr + j];
            float expected = i < k && j < n ? expected_generic(c, c->k0 + i, c->n0 + j) : 0;
            if (!ck_same(got, expected)) {
                ck_fail("element (%lld,%lld) of the panel is %a, not %a", (long long)i, (long long)j,
                        (double)got, (double)expected);
                return;
            }
        }
    ck_expect_poison_around(CK_PANEL, "panel");
    ck_expect_unchanged(CK_WEIGHT, "weight");
    if (full.diagonal != NULL)
        ck_expect_unchanged(CK_DIAGONAL, "diagonal");
}

static void check_generic(generic_case c)
{
    if (!ck_begin("panel order %s n %lld k %lld nr %lld from (%lld,%lld) mode %d%s",
                  c.order == AQ_ORDER_P ? "P" : "T", (long long)c.n, (long long)c.k, (long long)c.nr,
                  (long long)c.k0, (long long)c.n0, c.mode, c.turned ? " turned" : ""))
        return;
    ck_make_parameters(&c.p, c.mode < 3 ? 0 : CK_RECIPES - 1, c.n > c.k ? c.n : c.k,
                       (ck_c_kind)(ck.number % CK_C_KINDS));
    for (int64_t j = 0; j < c.n && ck.number % 2; j++)
        c.p.offset[j] = saturating_offsets[ck_random_below(OFFSETS)];
    c.stored = ck_alloc(c.k * c.n, 1);
    c.diagonal = ck_alloc(32 * 32, 1);
    ck_fill_weight(c.stored, c.k * c.n, ck.number % 7 ? CK_W_RANDOM : CK_W_LOWEST);
    if (c.mode == 2)
        ck_fill_weight(c.diagonal, 32 * 32, ck.number % 5 ? CK_W_RANDOM : CK_W_LOWEST);
    for (int i = 0; i < 32 && c.mode == 1; i++)
        c.diagonal[i * 33] = 1;
    for (int layout = 0; layout < CK_LAYOUTS; layout++) {
        ck_set_layout(ck_layout_name((ck_layout)layout));
        run_generic(&c, (ck_layout)layout);
    }
    free(c.stored);
    free(c.diagonal);
    ck_free_parameters(&c.p);
    ck_end();
}

void ck_check_generic(void)
{
    static const int64_t depths[] = {1, 31, 32, 33, 63, 65, 100, 300, 1030};
    static const int64_t widths[] = {1, 7, 16, 48, 64};
    enum { DEPTHS = sizeof depths / sizeof depths[0], WIDTHS = sizeof widths / sizeof widths[0], MODES = 5 };
    for (int i = 0; i < DEPTHS * WIDTHS * MODES * 4; i++) {
        generic_case c = {
            .order = i % 2 ? AQ_ORDER_T : AQ_ORDER_P, .turned = i / 2 % 2 == 1, .mode = i / 4 % MODES};
        int depth = i / 4 / MODES % DEPTHS, width = i / 4 / MODES / DEPTHS;
        int64_t chunk = aq_chunk_length(c.order);
        c.k = depths[depth];
        c.nr = widths[width];
        c.n = c.nr + (depth + width) % 3 * 5;
        c.n0 = (depth + width) % 3 == 2 ? c.nr : 0;
        c.k0 = c.k > chunk ? chunk : 0;
        check_generic(c);
    }
}
