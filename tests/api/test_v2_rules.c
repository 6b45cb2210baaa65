/* SPDX-License-Identifier: Apache-2.0 */
/* Every check of operators page 3.3, one change away from a legal call, on each profile that has it: status,
 * the check that is named, the argument, the text. And the order: of two broken rules the earlier one speaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "support/v2_case.h"

enum { P310 = 1, A2 = 2, A3 = 4, P950 = 8, ANY = 16, ALL = 31, A23 = A2 | A3, QUANT = A23 | ANY };

/* m = 4, k = 128, n = 64: fits every rule. */
static v2_case base(const char *profile)
{
    return v2_plain(profile, 4, 128, 64);
}

#define CHANGE(name) static void name(v2_case *c)
#define X            (c->t[V2_X])
#define W            (c->t[V2_W])
#define S            (c->t[V2_S])
#define O            (c->t[V2_O])
#define QS           (c->t[V2_QS])
#define QO           (c->t[V2_QO])
#define B            (c->t[V2_B])
#define Y            (c->t[V2_Y])

/* ---- modes, from which some changes start ---- */

CHANGE(bf16)
{
    X.dtype = S.dtype = Y.dtype = ACL_BF16;
}

CHANGE(turned_weight)
{
    W = v2_turned(W);
}

CHANGE(grouped)
{
    c->group = 32;
    S = v2_2(S.dtype, 4, 64);
}

CHANGE(int8_y)
{
    QS = v2_1(ACL_UINT64, 64);
    Y.dtype = ACL_INT8;
}

CHANGE(fixpipe)
{
    turned_weight(c);
    S.dtype = ACL_UINT64;
}

/* On 950 by the Nz entry point. */
CHANGE(nz)
{
    W.format = ACL_FORMAT_FRACTAL_NZ;
    if (strcmp(c->profile, "950") == 0)
        c->op = AQ_OPERATOR_NZ;
    if (strcmp(c->profile, "310p") == 0) {
        W = v2_2(ACL_INT8, 64, 128);
        W.format = ACL_FORMAT_FRACTAL_NZ;
    }
}

CHANGE(nz_int4)
{
    nz(c);
    W.dtype = ACL_INT4;
}

CHANGE(nz_int4_grouped)
{
    nz_int4(c);
    c->group = 64;
    S = v2_2(ACL_FLOAT16, 2, 64);
}

CHANGE(mx)
{
    W.dtype = ACL_FLOAT4_E2M1;
    c->group = 32;
    S = v2_2(ACL_FLOAT8_E8M0, 4, 64);
}

CHANGE(fp8)
{
    W.dtype = ACL_FLOAT8_E4M3FN;
}

/* ---- changes, one a line ---- */
/* clang-format off */
CHANGE(entry_nz) { c->op = AQ_OPERATOR_NZ; }
CHANGE(null_x) { X.given = false; }
CHANGE(null_w) { W.given = false; }
CHANGE(null_s) { S.given = false; }
CHANGE(null_y) { Y.given = false; }
CHANGE(null_size) { c->no_workspace = true; }
CHANGE(null_executor) { c->no_executor = true; }
CHANGE(null_all) { X.given = W.given = S.given = Y.given = false; c->no_workspace = true; }
CHANGE(quant_scale) { QS = v2_1(ACL_UINT64, 64); }
CHANGE(quant_offset) { QO = v2_1(ACL_FLOAT, 64); }
CHANGE(weight_z) { W.format = ACL_FORMAT_FRACTAL_Z; }
CHANGE(weight_c0_16) { W.format = ACL_FORMAT_FRACTAL_NZ_C0_16; }
CHANGE(weight_c0_2) { W.format = ACL_FORMAT_FRACTAL_NZ_C0_2; }
CHANGE(weight_nz) { W.format = ACL_FORMAT_FRACTAL_NZ; }
CHANGE(inner_2) { c->op = AQ_OPERATOR_V3; c->inner = 2; }
CHANGE(inner_m1) { c->op = AQ_OPERATOR_V3; c->inner = -1; }
CHANGE(negative) { B = v2_1(ACL_FLOAT16, -1); }
CHANGE(too_large) { X = v2_2(ACL_FLOAT16, INT64_C(1) << 40, INT64_C(1) << 40); }
CHANGE(x_strided) { X.strides[0] = 129; }
CHANGE(x_stride_0) { X.strides[0] = 0; }
CHANGE(w_strided) { W.strides[0] = 65; }
CHANGE(w_turned_strided) { turned_weight(c); W.strides[1] = 129; }
CHANGE(s_strided) { S.strides[0] = 2; }
CHANGE(s_turned) { grouped(c); S = v2_turned(S); }
CHANGE(o_strided) { O = S; O.strides[0] = 2; }
CHANGE(y_turned) { Y = v2_turned(Y); }
CHANGE(qs_strided) { int8_y(c); QS.strides[0] = 2; }
CHANGE(qo_strided) { int8_y(c); QO = v2_1(ACL_FLOAT, 64); QO.strides[0] = 2; }
CHANGE(b_strided) { B = v2_1(ACL_FLOAT16, 64); B.strides[0] = 2; }
CHANGE(packed_3) { W = v2_3(ACL_INT32, 1, 128, 8); }
CHANGE(packed_1) { W = v2_1(ACL_INT32, 128); }
CHANGE(packed_float) { W = v2_3(ACL_FLOAT, 1, 128, 8); }
CHANGE(x_float) { X.dtype = ACL_FLOAT; }
CHANGE(x_bf16) { X.dtype = ACL_BF16; }
CHANGE(w_uint8) { W.dtype = ACL_UINT8; }
CHANGE(w_int4) { W.dtype = ACL_INT4; }
CHANGE(w_fp8) { W.dtype = ACL_FLOAT8_E4M3FN; }
CHANGE(s_float) { S.dtype = ACL_FLOAT; }
CHANGE(s_uint64) { S.dtype = ACL_UINT64; }
CHANGE(s_uint8) { S.dtype = ACL_UINT8; }
CHANGE(s_e8m0) { S.dtype = ACL_FLOAT8_E8M0; }
CHANGE(y_float) { Y.dtype = ACL_FLOAT; }
CHANGE(y_bf16) { Y.dtype = ACL_BF16; }
CHANGE(y_int8_alone) { Y.dtype = ACL_INT8; }
CHANGE(quant_fp16_y) { int8_y(c); Y.dtype = ACL_FLOAT16; }
CHANGE(nz_fp8) { nz(c); W.dtype = ACL_FLOAT8_E4M3FN; }
CHANGE(nz_hifloat8) { nz(c); W.dtype = ACL_HIFLOAT8; }
CHANGE(x_rank_1) { X = v2_1(ACL_FLOAT16, 128); }
CHANGE(x_rank_3) { X = v2_3(ACL_FLOAT16, 1, 4, 128); }
CHANGE(x_rank_7) { X = v2_dims(ACL_FLOAT16, 7, (const int64_t[]){1, 1, 1, 1, 1, 4, 128}); }
CHANGE(x_rank_9) { X = v2_dims(ACL_FLOAT16, 9, (const int64_t[]){1, 1, 1, 1, 1, 1, 1, 4, 128}); }
CHANGE(w_rank_1) { W = v2_1(ACL_INT8, 64); }
CHANGE(w_rank_3) { W = v2_3(ACL_INT8, 1, 128, 64); }
CHANGE(y_rank_0) { Y = v2_dims(ACL_FLOAT16, 0, NULL); }
CHANGE(y_rank_3) { Y = v2_3(ACL_FLOAT16, 1, 4, 64); }
CHANGE(int32_offset) { O = v2_1(ACL_INT32, 64); }
CHANGE(fix_bf16) { fixpipe(c); X.dtype = Y.dtype = ACL_BF16; }
CHANGE(fix_int4) { fixpipe(c); W.dtype = ACL_INT4; }
CHANGE(fix_offset) { fixpipe(c); O = v2_1(ACL_FLOAT16, 64); }
CHANGE(fix_int8_y) { fixpipe(c); int8_y(c); }
CHANGE(s_bf16) { S.dtype = ACL_BF16; }
CHANGE(o_float) { O = v2_1(ACL_FLOAT, 64); }
CHANGE(fp4_nd_fp16) { W.dtype = ACL_FLOAT4_E2M1; c->group = 32; S = v2_2(ACL_FLOAT16, 4, 64); }
CHANGE(b_float) { B = v2_1(ACL_FLOAT, 64); }
CHANGE(b_int32) { B = v2_1(ACL_INT32, 64); }
CHANGE(b_fp16_bf16) { bf16(c); B = v2_1(ACL_FLOAT16, 64); }
CHANGE(b_bf16_bf16) { bf16(c); B = v2_1(ACL_BF16, 64); }
CHANGE(b_bf16_nz) { nz(c); bf16(c); B = v2_1(ACL_BF16, 64); }
CHANGE(b_float_fp8) { bf16(c); fp8(c); B = v2_1(ACL_FLOAT, 64); }
CHANGE(x_nz) { X.format = ACL_FORMAT_FRACTAL_NZ; }
CHANGE(b_nz) { B = v2_with_format(v2_1(ACL_FLOAT16, 64), ACL_FORMAT_FRACTAL_NZ); }
CHANGE(s_nchw) { S.format = ACL_FORMAT_NCHW; }
CHANGE(o_nhwc) { O = v2_with_format(S, ACL_FORMAT_NHWC); }
CHANGE(qs_ncl) { int8_y(c); QS.format = ACL_FORMAT_NCL; }
CHANGE(qo_nz) { int8_y(c); QO = v2_with_format(v2_1(ACL_FLOAT, 64), ACL_FORMAT_FRACTAL_NZ); }
CHANGE(qo_nchw) { int8_y(c); QO = v2_with_format(v2_1(ACL_FLOAT, 64), ACL_FORMAT_NCHW); }
CHANGE(y_nz) { Y.format = ACL_FORMAT_FRACTAL_NZ; }
CHANGE(s_rank_0) { S = v2_dims(ACL_FLOAT16, 0, NULL); }
CHANGE(s_rank_3) { S = v2_3(ACL_FLOAT16, 1, 1, 64); }
CHANGE(o_rank_3) { O = v2_3(ACL_FLOAT16, 1, 1, 64); }
CHANGE(qs_rank_3) { int8_y(c); QS = v2_3(ACL_UINT64, 1, 1, 64); }
CHANGE(qo_rank_0) { int8_y(c); QO = v2_dims(ACL_FLOAT, 0, NULL); }
CHANGE(b_rank_0) { B = v2_dims(ACL_FLOAT16, 0, NULL); }
CHANGE(b_rank_3) { B = v2_3(ACL_FLOAT16, 1, 1, 64); }
CHANGE(b_rank_7) { B = v2_dims(ACL_FLOAT16, 7, (const int64_t[]){1, 1, 1, 1, 1, 1, 64}); }
CHANGE(qs_float) { int8_y(c); QS.dtype = ACL_FLOAT; }
CHANGE(k_differs) { X = v2_2(ACL_FLOAT16, 4, 129); }
CHANGE(k_packed) { W = v2_2t(ACL_INT32, 15, 64); }
CHANGE(k_nz_310) { nz(c); W = v2_with_format(v2_2(ACL_INT8, 128, 64), ACL_FORMAT_FRACTAL_NZ); }
CHANGE(m_0) { X = v2_2(ACL_FLOAT16, 0, 128); Y = v2_2(ACL_FLOAT16, 0, 64); }
CHANGE(k_0) { X = v2_2(ACL_FLOAT16, 4, 0); W = v2_2(ACL_INT8, 0, 64); }
CHANGE(n_0) { W = v2_2(ACL_INT8, 128, 0); S = v2_1(ACL_FLOAT16, 0); Y = v2_2(ACL_FLOAT16, 4, 0); }
CHANGE(batch_0) { X = v2_3(ACL_FLOAT16, 0, 4, 128); Y = v2_3(ACL_FLOAT16, 0, 4, 64); }
CHANGE(k_65536) { *c = v2_plain(c->profile, 1, 65536, 8); }
CHANGE(n_65536) { *c = v2_plain(c->profile, 1, 8, 65536); }
CHANGE(n_packed_65536) { *c = v2_plain(c->profile, 1, 8, 65536); W = v2_2(ACL_INT32, 8, 8192); }
CHANGE(m_2_31) { *c = v2_plain(c->profile, INT64_C(2147483648), 8, 8); }
CHANGE(m_65536_turned) { *c = v2_plain(c->profile, 65536, 8, 8); X = v2_turned(X); }
CHANGE(mk_512000001) { *c = v2_plain(c->profile, 4000001, 128, 64); grouped(c); }
CHANGE(n_odd) { *c = v2_plain(c->profile, 4, 128, 63); W.dtype = ACL_INT4; }
CHANGE(k_odd) { *c = v2_plain(c->profile, 4, 127, 64); W.dtype = ACL_INT4; W = v2_turned(W); }
CHANGE(fp4_n_odd) { *c = v2_plain(c->profile, 4, 128, 63); W.dtype = ACL_FLOAT4_E2M1; S = v2_2(ACL_FLOAT8_E8M0, 4, 63); c->group = 32; }
CHANGE(y_m) { Y = v2_2(ACL_FLOAT16, 5, 64); }
CHANGE(y_n) { Y = v2_2(ACL_FLOAT16, 4, 65); }
CHANGE(y_batch) { Y = v2_3(ACL_FLOAT16, 1, 4, 64); }
CHANGE(w_batch) { X = v2_3(ACL_FLOAT16, 2, 4, 128); W = v2_3(ACL_INT8, 3, 128, 64); Y = v2_3(ACL_FLOAT16, 2, 4, 64); }
CHANGE(y_batch_small) { W = v2_3(ACL_INT8, 3, 128, 64); Y = v2_3(ACL_FLOAT16, 1, 4, 64); }
CHANGE(group_m1) { c->group = -1; }
CHANGE(group_33) { c->group = 33; }
CHANGE(group_16) { c->group = 16; }
CHANGE(group_k) { c->group = 128; S = v2_2(ACL_FLOAT16, 1, 64); }
CHANGE(s_wrong) { S = v2_1(ACL_FLOAT16, 63); }
CHANGE(s_n_1) { S = v2_2(ACL_FLOAT16, 64, 1); }
CHANGE(s_1_n_nz) { nz(c); S = v2_2(ACL_FLOAT16, 1, 64); }
CHANGE(s_group_1d) { grouped(c); S = v2_1(ACL_FLOAT16, 64); }
CHANGE(s_group_few) { grouped(c); S = v2_2(ACL_FLOAT16, 3, 64); }
CHANGE(s_group_nz) { nz(c); grouped(c); }
CHANGE(s_group_none) { S = v2_2(ACL_FLOAT16, 4, 64); }
CHANGE(o_1) { O = v2_1(ACL_FLOAT16, 1); }
CHANGE(o_1_n) { O = v2_2(ACL_FLOAT16, 1, 64); }
CHANGE(s_plain_turned) { turned_weight(c); grouped(c); }
CHANGE(mx_64) { mx(c); c->group = 64; S = v2_2(ACL_FLOAT8_E8M0, 2, 64); }
CHANGE(mx_0) { mx(c); c->group = 0; S = v2_1(ACL_FLOAT8_E8M0, 64); }
CHANGE(mx_offset) { mx(c); O = S; }
CHANGE(fp8_offset) { fp8(c); O = S; }
CHANGE(fp8_tensor) { fp8(c); S = v2_1(ACL_FLOAT16, 1); }
CHANGE(fp8_group) { fp8(c); grouped(c); }
CHANGE(qs_1_1) { int8_y(c); QS = v2_2(ACL_UINT64, 1, 1); }
CHANGE(qs_63) { int8_y(c); QS = v2_1(ACL_INT64, 63); }
CHANGE(qo_1) { int8_y(c); QO = v2_1(ACL_FLOAT, 1); }
CHANGE(b_1) { B = v2_1(ACL_FLOAT16, 1); }
CHANGE(b_n_1) { B = v2_2(ACL_FLOAT16, 64, 1); }
CHANGE(b_2_n) { B = v2_2(ACL_FLOAT16, 2, 64); }
CHANGE(nz4_plain_channel) { nz_int4(c); }
CHANGE(nz4_tensor) { nz_int4(c); S = v2_1(ACL_FLOAT16, 1); }
CHANGE(nz4_packed_tensor) { nz(c); W = v2_with_format(v2_2t(ACL_INT32, 16, 64), ACL_FORMAT_FRACTAL_NZ); S = v2_1(ACL_FLOAT16, 1); }
CHANGE(nz4_quant) { nz_int4(c); W = v2_turned(W); int8_y(c); }
CHANGE(nz4_group_turned) { nz_int4_grouped(c); W = v2_turned(W); }
CHANGE(nz4_group_x) { nz_int4_grouped(c); X = v2_turned(X); }
CHANGE(nz4_group_32) { nz_int4(c); grouped(c); }
CHANGE(nz4_group_k) { *c = v2_plain(c->profile, 4, 96, 64); nz_int4_grouped(c); }
CHANGE(nz4_group_n) { *c = v2_plain(c->profile, 4, 128, 32); nz_int4_grouped(c); S = v2_2(ACL_FLOAT16, 2, 32); }
CHANGE(nz8_tensor) { nz(c); S = v2_1(ACL_FLOAT16, 1); }
CHANGE(nz8_group) { nz(c); grouped(c); }
CHANGE(nz8_k) { *c = v2_plain(c->profile, 4, 65536, 64); nz(c); }
CHANGE(nz8_n) { *c = v2_plain(c->profile, 4, 128, 65536); nz(c); }
CHANGE(nz8_n_1) { *c = v2_plain(c->profile, 4, 128, 1); nz(c); }
CHANGE(nz4_turned) { nz_int4(c); W = v2_turned(W); }
CHANGE(nz_fp4_96) { *c = v2_plain(c->profile, 4, 256, 64); nz(c); W.dtype = ACL_FLOAT4_E2M1; c->group = 96; S = v2_2(ACL_FLOAT16, 3, 64); }
CHANGE(nz_fp4_channel) { nz(c); W.dtype = ACL_FLOAT4_E2M1; }
CHANGE(x_turned) { X = v2_turned(X); }
CHANGE(fix_plain) { fixpipe(c); W = v2_2(ACL_INT8, 128, 64); }
CHANGE(fix_nz) { fixpipe(c); nz(c); }
CHANGE(fix_x_turned) { fixpipe(c); x_turned(c); }
CHANGE(fix_tensor) { fixpipe(c); S = v2_1(ACL_INT64, 1); }
CHANGE(fix_group) { fixpipe(c); grouped(c); }
CHANGE(fix_k) { *c = v2_plain(c->profile, 4, 96, 64); fixpipe(c); }
CHANGE(fix_n) { *c = v2_plain(c->profile, 4, 64, 96); fixpipe(c); }
CHANGE(fix_m) { *c = v2_plain(c->profile, 97, 64, 64); fixpipe(c); }
/* clang-format on */

typedef struct row {
    void (*change)(v2_case *c);
    int profiles;
    int status;
    const char *check, *argument, *text; /* text: in the actual value, the rule or the nearest legal value */
} row;

static const row rows[] = {
    {entry_nz, P310 | A23, 361001, "entry point", "aclnnWeightQuantBatchMatmulNz", "does not exist"},
    {null_x, ALL, 161001, "null", "x", "null"},
    {null_w, ALL, 161001, "null", "weight", "null"},
    {null_s, ALL, 161001, "null", "antiquantScale", "null"},
    {null_y, ALL, 161001, "null", "y", "null"},
    {null_size, ALL, 161001, "null", "workspaceSize", "null"},
    {null_executor, ALL, 161001, "null", "executor", "null"},
    {null_all, ALL, 161001, "null", "x", "null"},
    {quant_scale, P310 | P950, 161001, "no quantisation", "quantScaleOptional", "must be null"},
    {quant_offset, P310 | P950, 161001, "no quantisation", "quantOffsetOptional", "must be null"},
    {weight_z, ALL, 161002, "weight format", "weight", "FRACTAL_Z (4)"},
    {weight_c0_16, ALL, 161002, "weight format", "weight", "FRACTAL_NZ_C0_16"},
    {weight_c0_2, P310 | A23 | P950, 161002, "weight format", "weight", "FRACTAL_NZ_C0_2 (52)"},
    {weight_nz, P950, 161002, "weight format", "weight", "nearest legal: ACL_FORMAT_ND"},
    {entry_nz, P950 | ANY, 161002, "weight format", "weight", "nearest legal: ACL_FORMAT_FRACTAL_NZ"},
    {inner_2, ALL, 161002, "innerPrecise", "innerPrecise", "nearest legal: 1"},
    {inner_m1, ALL, 161002, "innerPrecise", "innerPrecise", "actual: -1"},
    {negative, ALL, 161002, "size", "biasOptional", "(-1)"},
    {too_large, ALL, 161002, "size", "x", "product"},
    {x_strided, ALL, 161002, "layout", "x", "strides (128,1)"},
    {x_stride_0, ALL, 161002, "layout", "x", "strides (0,1)"},
    {w_strided, ALL, 161002, "layout", "weight", "strides (65,1)"},
    {w_turned_strided, ALL, 161002, "layout", "weight", "strides (1,129)"},
    {s_strided, ALL, 161002, "layout", "antiquantScale", "not transposed"},
    {s_turned, ALL, 161002, "layout", "antiquantScale", "strides (1,4)"},
    {o_strided, ALL, 161002, "layout", "antiquantOffsetOptional", "strides (2)"},
    {y_turned, P310 | A23 | P950, 161002, "layout", "y", "strides (64,1)"},
    {qs_strided, QUANT, 161002, "layout", "quantScaleOptional", "contiguous"},
    {qo_strided, QUANT, 161002, "layout", "quantOffsetOptional", "contiguous"},
    {b_strided, ALL, 161002, "layout", "biasOptional", "contiguous"},
    {packed_3, ALL, 161002, "packed rank", "weight", "rank 3"},
    {packed_1, ALL, 161002, "packed rank", "weight", "rank 1"},
    {packed_float, P950 | ANY, 161002, "packed rank", "weight", "rank 3"},
    {x_float, ALL, 161002, "dtype", "x", "FLOAT (0)"},
    {x_bf16, P310, 161002, "dtype", "x", "BF16 (27)"},
    {w_uint8, ALL, 161002, "dtype", "weight", "UINT8 (4)"},
    {w_int4, P310, 161002, "dtype", "weight", "INT4 (29)"},
    {w_fp8, P310 | A23, 161002, "dtype", "weight", "FLOAT8_E4M3FN"},
    {s_float, ALL, 161002, "dtype", "antiquantScale", "FLOAT (0)"},
    {s_uint64, P310 | P950, 161002, "dtype", "antiquantScale", "UINT64 (10)"},
    {s_uint8, ALL, 161002, "dtype", "antiquantScale", "UINT8 (4)"},
    {s_bf16, P310, 161002, "dtype", "antiquantScale", "BF16 (27)"},
    {s_e8m0, P310 | A23, 161002, "dtype", "antiquantScale", "FLOAT8_E8M0"},
    {y_float, ALL, 161002, "dtype", "y", "FLOAT (0)"},
    {y_bf16, ALL, 161002, "dtype", "y", "BF16 (27)"},
    {y_int8_alone, P310 | P950, 161002, "dtype", "y", "INT8 (2)"},
    {y_int8_alone, QUANT, 161002, "INT8 y", "y", "quantScale is null"},
    {quant_fp16_y, QUANT, 161002, "INT8 y", "y", "nearest legal: INT8"},
    {nz_fp8, P950 | ANY, 161002, "NZ dtype", "weight", "FLOAT8_E4M3FN"},
    {nz_hifloat8, P950 | ANY, 161002, "NZ dtype", "weight", "HIFLOAT8"},
    {x_rank_1, ALL, 161002, "rank", "x", "rank 1"},
    {x_rank_3, A23 | P950, 161002, "rank", "x", "nearest legal: rank 2"},
    {x_rank_7, P310 | ANY, 161002, "rank", "x", "nearest legal: rank 6"},
    {x_rank_9, ALL, 161002, "rank", "x", "actual: rank 9"},
    {w_rank_1, ALL, 161002, "rank", "weight", "rank 1"},
    {w_rank_3, A23 | P950, 161002, "rank", "weight", "rank 3"},
    {y_rank_0, ALL, 161002, "rank", "y", "rank 0"},
    {y_rank_3, A23 | P950, 161002, "rank", "y", "rank 3"},
    {int32_offset, ALL, 161002, "INT32 offset", "antiquantOffsetOptional", "INT32 (3)"},
    {fix_bf16, QUANT, 161002, "fixpipe dtype", "x", "BF16"},
    {fix_int4, QUANT, 161002, "fixpipe dtype", "weight", "INT4"},
    {fix_offset, QUANT, 161002, "fixpipe dtype", "antiquantOffsetOptional", "nearest legal: INT32"},
    {fix_int8_y, QUANT, 161002, "fixpipe dtype", "y", "INT8"},
    {s_bf16, A23 | P950 | ANY, 161002, "scale dtype", "antiquantScale", "nearest legal: FLOAT16"},
    {s_e8m0, P950 | ANY, 161002, "scale dtype", "antiquantScale", "FLOAT8_E8M0"},
    {o_float, ALL, 161002, "scale dtype", "antiquantOffsetOptional", "nearest legal: FLOAT16"},
    {fp4_nd_fp16, P950 | ANY, 161002, "scale dtype", "antiquantScale", "nearest legal: FLOAT8_E8M0"},
    {b_float, P310 | A23 | P950, 161002, "bias dtype", "biasOptional", "nearest legal: FLOAT16"},
    {b_int32, ALL, 161002, "bias dtype", "biasOptional", "INT32"},
    {b_fp16_bf16, A23 | P950 | ANY, 161002, "bias dtype", "biasOptional", "FLOAT16 (1)"},
    {b_bf16_bf16, A23, 161002, "bias dtype", "biasOptional", "nearest legal: FLOAT\n"},
    {b_bf16_nz, A23 | P950, 161002, "bias dtype", "biasOptional", "nearest legal: FLOAT\n"},
    {b_float_fp8, P950, 161002, "bias dtype", "biasOptional", "nearest legal: BF16\n"},
    {x_nz, ALL, 161002, "format", "x", "FRACTAL_NZ (29)"},
    {b_nz, ALL, 161002, "format", "biasOptional", "FRACTAL_NZ"},
    {s_nchw, ALL, 161002, "format", "antiquantScale", "NCHW"},
    {o_nhwc, ALL, 161002, "format", "antiquantOffsetOptional", "NHWC"},
    {qs_ncl, QUANT, 161002, "format", "quantScaleOptional", "NCL"},
    {qo_nz, QUANT, 161002, "format", "quantOffsetOptional", "FRACTAL_NZ"},
    {qo_nchw, QUANT, 161002, "format", "quantOffsetOptional", "NCHW"},
    {y_nz, ALL, 161002, "format", "y", "FRACTAL_NZ"},
    {s_rank_0, ALL, 161002, "parameter rank", "antiquantScale", "rank 0"},
    {s_rank_3, ALL, 161002, "parameter rank", "antiquantScale", "rank 3"},
    {o_rank_3, ALL, 161002, "parameter rank", "antiquantOffsetOptional", "rank 3"},
    {qs_rank_3, QUANT, 161002, "parameter rank", "quantScaleOptional", "rank 3"},
    {qo_rank_0, QUANT, 161002, "parameter rank", "quantOffsetOptional", "rank 0"},
    {b_rank_0, ALL, 161002, "parameter rank", "biasOptional", "rank 0"},
    {b_rank_3, A23 | P950, 161002, "parameter rank", "biasOptional", "rank 3"},
    {b_rank_7, P310 | ANY, 161002, "parameter rank", "biasOptional", "rank 7"},
    {quant_offset, QUANT, 161002, "quantScale", "quantOffsetOptional", "quantScaleOptional is null"},
    {qs_float, QUANT, 161002, "quantScale", "quantScaleOptional", "FLOAT (0)"},
    {k_differs, ALL, 161002, "k", "x, weight", "k = 129 in x, 128 in weight"},
    {k_packed, A23 | P950 | ANY, 161002, "k", "x, weight", "128 in x, 120 in weight"},
    {k_nz_310, P310, 161002, "k", "x, weight", "128 in x, 64 in weight"},
    {m_0, ALL, 161002, "empty", "x", "(0,128)"},
    {k_0, ALL, 161002, "empty", "x", "(4,0)"},
    {n_0, ALL, 161002, "empty", "weight", "(128,0)"},
    {batch_0, P310 | ANY, 161002, "empty", "x", "(0,4,128)"},
    {k_65536, A23, 161002, "limit", "weight", "nearest legal: k = 65535"},
    {n_65536, A23, 161002, "limit", "weight", "nearest legal: n = 65535"},
    {n_packed_65536, A23, 161002, "limit", "weight", "n = 65536"},
    {m_2_31, A23, 161002, "limit", "x", "nearest legal: m = 2147483647"},
    {m_65536_turned, A23, 161002, "limit", "x", "m must be at most 65535 when x is transposed"},
    {mk_512000001, P310, 161002, "limit", "x", "m * k must be at most 512000000"},
    {n_odd, A23 | P950, 161002, "even axis", "weight", "nearest legal: n = 64"},
    {k_odd, A23 | P950, 161002, "even axis", "weight", "nearest legal: k = 128"},
    {fp4_n_odd, P950, 161002, "even axis", "weight", "n = 63"},
    {y_m, ALL, 161002, "y shape", "y", "nearest legal: shape (4,64)"},
    {y_n, ALL, 161002, "y shape", "y", "shape (4,65)"},
    {y_batch, P310 | ANY, 161002, "batch", "y", "nearest legal: shape (4,64)"},
    {w_batch, P310 | ANY, 161002, "batch", "weight", "nearest legal: shape (2,128,64)"},
    {y_batch_small, P310 | ANY, 161002, "batch", "y", "nearest legal: shape (3,4,64)"},
    {group_m1, ALL, 161002, "group size", "antiquantGroupSize", "nearest legal: 0"},
    {group_33, P310 | A23 | P950, 161002, "group size", "antiquantGroupSize", "nearest legal: 64"},
    {group_16, P310 | A23 | P950, 161002, "group size", "antiquantGroupSize", "nearest legal: 32"},
    {group_k, P310 | A23 | P950, 161002, "group size", "antiquantGroupSize", "nearest legal: 96"},
    {s_wrong, ALL, 161002, "scale shape", "antiquantScale", "nearest legal: shape (64)"},
    {s_n_1, ALL, 161002, "scale shape", "antiquantScale", "(64,1)"},
    {s_1_n_nz, P310, 161002, "scale shape", "antiquantScale", "(1,64)"},
    {s_group_1d, ALL, 161002, "scale shape", "antiquantScale", "nearest legal: shape (4,64)"},
    {s_group_few, ALL, 161002, "scale shape", "antiquantScale", "(3,64)"},
    {s_group_nz, P310, 161002, "scale shape", "antiquantScale", "nearest legal: shape (64,4)"},
    {s_group_none, ALL, 161002, "scale shape", "antiquantScale", "antiquantGroupSize is 0"},
    {o_1, ALL, 161002, "offset shape", "antiquantOffsetOptional", "nearest legal: shape (64)"},
    {o_1_n, ALL, 161002, "offset shape", "antiquantOffsetOptional", "(1,64)"},
    {s_plain_turned, P950, 161002, "scale layout", "antiquantScale", "nearest legal: strides (1,4)"},
    {mx_64, P950 | ANY, 161002, "float weight", "antiquantGroupSize", "nearest legal: 32"},
    {mx_0, P950 | ANY, 161002, "float weight", "antiquantGroupSize", "actual: 0"},
    {mx_offset, P950 | ANY, 161002, "float weight", "antiquantOffsetOptional", "must be null"},
    {fp8_offset, P950 | ANY, 161002, "float weight", "antiquantOffsetOptional", "must be null"},
    {fp8_tensor, P950 | ANY, 161002, "float weight", "antiquantScale", "per tensor"},
    {fp8_group, P950 | ANY, 161002, "float weight", "antiquantScale", "per group"},
    {qs_1_1, QUANT, 161002, "quant shape", "quantScaleOptional", "(1,1)"},
    {qs_63, QUANT, 161002, "quant shape", "quantScaleOptional", "nearest legal: shape (64)"},
    {qo_1, QUANT, 161002, "quant shape", "quantOffsetOptional", "nearest legal: shape (64)"},
    {b_1, ALL, 161002, "bias shape", "biasOptional", "nearest legal: shape (64)"},
    {b_n_1, ALL, 161002, "bias shape", "biasOptional", "(64,1)"},
    {b_2_n, ALL, 161002, "bias shape", "biasOptional", "(2,64)"},
    {nz4_plain_channel, A23, 161002, "NZ", "weight", "nearest legal: transposed"},
    {nz4_tensor, A23, 161002, "NZ", "antiquantScale", "per tensor"},
    {nz4_packed_tensor, A23, 161002, "NZ", "antiquantScale", "INT32"},
    {nz4_quant, A23, 161002, "NZ", "quantScaleOptional", "must be null"},
    {nz4_group_turned, A23, 161002, "NZ", "weight", "nearest legal: not transposed"},
    {nz4_group_x, A23, 161002, "NZ", "x", "nearest legal: not transposed"},
    {nz4_group_32, A23, 161002, "NZ", "antiquantGroupSize", "nearest legal: 64"},
    {nz4_group_k, A23, 161002, "NZ", "antiquantGroupSize", "divide k"},
    {nz4_group_n, A23, 161002, "NZ", "weight", "nearest legal: n = 64"},
    {nz8_tensor, P950, 161002, "NZ", "antiquantScale", "nearest legal: per channel"},
    {nz8_group, P950, 161002, "NZ", "antiquantScale", "per group"},
    {nz8_k, P950, 161002, "NZ", "weight", "k must be at most 65535"},
    {nz8_n, P950, 161002, "NZ", "weight", "n must be at most 65535"},
    {nz8_n_1, P950, 161002, "NZ", "weight", "nearest legal: n = 2"},
    {nz4_turned, P950, 161002, "NZ", "weight", "must not be transposed"},
    {nz_fp4_96, P950, 161002, "NZ", "antiquantGroupSize", "32, 64, 128 or 256"},
    {nz_fp4_channel, P950, 161002, "NZ", "antiquantScale", "nearest legal: per group"},
    {x_turned, P950, 161002, "x contiguous", "x", "strides (128,1)"},
    {fix_plain, QUANT, 161002, "fixpipe limits", "antiquantScale", "weight not transposed"},
    {fix_nz, QUANT, 161002, "fixpipe limits", "antiquantScale", "FRACTAL_NZ"},
    {fix_x_turned, QUANT, 161002, "fixpipe limits", "antiquantScale", "x transposed"},
    {fix_tensor, QUANT, 161002, "fixpipe limits", "antiquantScale", "per tensor"},
    {fix_group, QUANT, 161002, "fixpipe limits", "antiquantScale", "per group"},
    {fix_k, QUANT, 161002, "fixpipe limits", "antiquantScale", "k = 128"},
    {fix_n, QUANT, 161002, "fixpipe limits", "antiquantScale", "n = 128"},
    {fix_m, QUANT, 161002, "fixpipe limits", "antiquantScale", "m = 96"},
};

static void check_row(const row *r, size_t number, const char *profile)
{
    v2_case c = base(profile);
    aq_v2_call call;
    assert_int_equal(v2_verdict(&c, &call), 0);
    r->change(&c);
    int status = v2_verdict(&c, &call);
    const char *message = aclGetRecentErrMsg();
    if (message == NULL)
        fail_msg("row %d, %s: accepted\n%s", (int)number, profile, v2_text(&c));
    char check[64], argument[80];
    snprintf(check, sizeof check, ": %s", r->check);
    snprintf(argument, sizeof argument, "\n    argument: %s\n", r->argument);
    size_t length = strlen(message), tail = strlen(check);
    if (status != r->status || length < tail || strcmp(message + length - tail, check) != 0 ||
        strstr(message, argument) == NULL || strstr(message, r->text) == NULL)
        fail_msg("row %d, %s: expected %d, \"%s\", %s, \"%s\"; status %d\n%s\n%s", (int)number, profile,
                 r->status, r->check, r->argument, r->text, status, message, v2_text(&c));
}

static void test_every_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int p = 0; v2_profiles[p] != NULL; p++)
            if (rows[i].profiles >> p & 1)
                check_row(&rows[i], i, v2_profiles[p]);
}

/* No rule of the table is without a row above. */
static void test_no_rule_is_left_out(void **state)
{
    (void)state;
    for (size_t r = 0; r < aq_v2_rule_count(); r++) {
        const char *name = strrchr(aq_v2_rule_at(r)->page, ':') + 2;
        size_t found = 0;
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            found += strcmp(rows[i].check, name) == 0;
        if (found == 0)
            fail_msg("no row reaches \"%s\"", name);
    }
}

/* On profile any, whose bits are those of ALL: two changes at once, and the earlier check of the page speaks.
 */
static void test_order(void **state)
{
    (void)state;
    static const struct {
        void (*first)(v2_case *c), (*second)(v2_case *c);
        const char *check;
    } pairs[] = {
        {null_s, weight_z, "null"},
        {weight_z, inner_2, "weight format"},
        {inner_2, x_strided, "innerPrecise"},
        {x_strided, w_uint8, "layout"},
        {b_strided, packed_3, "layout"},
        {packed_3, x_float, "packed rank"},
        {x_float, y_int8_alone, "dtype"},
        {y_int8_alone, x_rank_1, "INT8 y"},
        {x_rank_1, int32_offset, "rank"},
        {int32_offset, b_int32, "INT32 offset"},
        {s_bf16, b_int32, "scale dtype"},
        {b_int32, x_nz, "bias dtype"},
        {x_nz, s_rank_3, "format"},
        {s_rank_3, k_differs, "parameter rank"},
        {quant_offset, k_differs, "quantScale"},
        {k_differs, y_m, "k"},
        {batch_0, k_packed, "k"},
        {y_m, group_m1, "y shape"},
        {y_batch, group_m1, "batch"},
        {group_m1, s_wrong, "group size"},
        {s_wrong, b_1, "scale shape"},
        {o_1, b_1, "offset shape"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        v2_case c = base("any");
        aq_v2_call call;
        pairs[i].first(&c);
        pairs[i].second(&c);
        assert_true(v2_verdict(&c, &call) != 0);
        const char *message = aclGetRecentErrMsg(), *colon = strrchr(message, ':');
        if (strcmp(colon + 2, pairs[i].check) != 0)
            fail_msg("pair %d: expected \"%s\": %s", (int)i, pairs[i].check, message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_check),
        cmocka_unit_test(test_no_rule_is_left_out),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
