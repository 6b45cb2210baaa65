/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of V2, V3 and Nz that must be taken: every legal row of operators pages 3.1, 3.2 and 3.5 at its ends,
 * the exact layouts of the callers of page 3.6, and what the library makes of them: sizes, orientation,
 * strides, groups, geometry of blocks. */
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

#define MAKE(name)     static void name(v2_case *c)
#define PLAIN(m, k, n) (*c = v2_plain(c->profile, m, k, n))
#define X              (c->t[V2_X])
#define W              (c->t[V2_W])
#define S              (c->t[V2_S])
#define O              (c->t[V2_O])
#define QS             (c->t[V2_QS])
#define QO             (c->t[V2_QO])
#define B              (c->t[V2_B])
#define Y              (c->t[V2_Y])
#define NZ(tensor)     v2_with_format(tensor, ACL_FORMAT_FRACTAL_NZ)
#define ND_OR_NZ_OP()  (c->op = strcmp(c->profile, "950") == 0 ? AQ_OPERATOR_NZ : AQ_OPERATOR_V2)

static void with_type(v2_case *c, aclDataType dtype)
{
    X.dtype = S.dtype = Y.dtype = dtype;
}

/* clang-format off */
MAKE(same) { (void)c; }
MAKE(v3_0) { c->op = AQ_OPERATOR_V3; c->inner = 0; }
MAKE(v3_1) { c->op = AQ_OPERATOR_V3; c->inner = 1; }
MAKE(bf16) { with_type(c, ACL_BF16); }
MAKE(x_turned) { X = v2_turned(X); }
MAKE(w_turned) { W = v2_turned(W); }
MAKE(int4) { W.dtype = ACL_INT4; }
MAKE(int4_turned) { W = v2_2t(ACL_INT4, 128, 64); }
MAKE(int4_odd_outer) { PLAIN(4, 127, 64); W.dtype = ACL_INT4; }
MAKE(int4_odd_turned) { PLAIN(4, 128, 63); W = v2_2t(ACL_INT4, 128, 63); }
MAKE(packed) { W = v2_2(ACL_INT32, 128, 8); }
MAKE(packed_turned) { W = v2_2t(ACL_INT32, 16, 64); }
MAKE(packed_one) { PLAIN(4, 8, 1); W = v2_2(ACL_INT32, 1, 1); }
MAKE(packed_k_8) { PLAIN(4, 8, 3); W = v2_2t(ACL_INT32, 1, 3); }
MAKE(packed_k_1) { PLAIN(4, 1, 24); W = v2_2(ACL_INT32, 1, 3); }
MAKE(tensor_1) { S = v2_1(ACL_FLOAT16, 1); }
MAKE(tensor_1_1) { S = v2_2(ACL_FLOAT16, 1, 1); }
MAKE(channel_1_n) { S = v2_2(ACL_FLOAT16, 1, 64); }
MAKE(offset) { O = S; }
MAKE(offset_1_n) { channel_1_n(c); O = S; }
MAKE(group_32) { c->group = 32; S = v2_2(ACL_FLOAT16, 4, 64); O = S; }
MAKE(group_96) { c->group = 96; S = v2_2(ACL_FLOAT16, 2, 64); }
MAKE(group_short) { PLAIN(4, 127, 64); c->group = 64; S = v2_2(ACL_FLOAT16, 2, 64); }
MAKE(group_k_1) { PLAIN(4, 33, 64); c->group = 32; S = v2_2(ACL_FLOAT16, 2, 64); }
MAKE(group_turned) { w_turned(c); group_32(c); S = v2_turned(S); O = v2_turned(O); }
MAKE(scale_any_strides) { w_turned(c); c->group = 32; S = v2_2(ACL_FLOAT16, 4, 64); S.strides[0] = 7; S.strides[1] = 100; O = v2_2(ACL_FLOAT16, 4, 64); }
MAKE(scale_strided_1d) { w_turned(c); S.strides[0] = 0; }
MAKE(bias) { B = v2_1(ACL_FLOAT16, 64); }
MAKE(bias_1_n) { B = v2_2(ACL_FLOAT16, 1, 64); }
MAKE(bias_none) { B = v2_1(ACL_DOUBLE, 0); B.format = ACL_FORMAT_FRACTAL_NZ; }
MAKE(bias_rank_6) { B = v2_dims(ACL_FLOAT16, 6, (const int64_t[]){1, 1, 1, 1, 1, 64}); }
MAKE(bias_bf16_float) { bf16(c); B = v2_1(ACL_FLOAT, 64); }
MAKE(bias_bf16_bf16) { bf16(c); B = v2_1(ACL_BF16, 64); }
MAKE(bias_fp16_float) { B = v2_1(ACL_FLOAT, 64); }
MAKE(bias_fp16_bf16) { B = v2_1(ACL_BF16, 64); }
MAKE(bias_fp8_bf16) { bias_bf16_bf16(c); W.dtype = ACL_HIFLOAT8; }
MAKE(bias_nz8_float) { bias_bf16_float(c); W = NZ(W); ND_OR_NZ_OP(); }
MAKE(int8_y) { QS = v2_1(ACL_UINT64, 64); Y.dtype = ACL_INT8; }
MAKE(int8_y_1) { int8_y(c); QS = v2_1(ACL_INT64, 1); QO = v2_1(ACL_FLOAT, 1); }
MAKE(int8_y_1_n) { int8_y(c); QS = v2_2(ACL_UINT64, 1, 64); QO = v2_2(ACL_DOUBLE, 1, 64); }
MAKE(int8_y_n_1) { PLAIN(4, 128, 1); int8_y(c); QS = v2_2(ACL_UINT64, 1, 1); }
MAKE(int8_y_bf16_nz8) { bf16(c); W = NZ(W); int8_y(c); }
MAKE(fixpipe) { PLAIN(96, 64, 128); w_turned(c); S.dtype = ACL_UINT64; O = v2_1(ACL_INT32, 128); B = v2_1(ACL_FLOAT16, 128); }
MAKE(fixpipe_int64) { PLAIN(1, 128, 64); w_turned(c); S = v2_2(ACL_INT64, 1, 64); }
MAKE(k_65535) { PLAIN(1, 65535, 8); }
MAKE(n_65535) { PLAIN(1, 8, 65535); }
MAKE(m_most) { PLAIN(2147483647, 8, 8); }
MAKE(m_65535_turned) { PLAIN(65535, 8, 8); x_turned(c); }
MAKE(ones) { PLAIN(1, 1, 1); }
MAKE(k_over) { PLAIN(1, 65536, 8); }
MAKE(n_over) { PLAIN(1, 8, 70000); }
MAKE(m_over_turned) { PLAIN(65536, 8, 8); x_turned(c); }
MAKE(mk_most) { PLAIN(4000000, 128, 64); c->group = 32; S = v2_2(ACL_FLOAT16, 4, 64); }
MAKE(mk_over) { PLAIN(4000001, 128, 64); }
MAKE(formats) { X.format = ACL_FORMAT_NCHW; W.format = ACL_FORMAT_NHWC; B = v2_with_format(v2_1(ACL_FLOAT16, 64), ACL_FORMAT_NCL); Y.format = ACL_FORMAT_NCL; }
MAKE(storage) { W.storage_rank = 4; W.storage[0] = 7; W.storage[1] = 0; W.storage[2] = -1; W.storage[3] = 3; X.storage_rank = 1; X.storage[0] = 5; }
MAKE(batch) { X = v2_3(ACL_FLOAT16, 1, 96, 128); W = v2_3(ACL_INT8, 3, 128, 64); Y = v2_3(ACL_FLOAT16, 3, 96, 64); }
MAKE(batch_of_x) { X = v2_3(ACL_FLOAT16, 5, 4, 128); Y = v2_3(ACL_FLOAT16, 5, 4, 64); }
MAKE(batch_6) { X = v2_dims(ACL_FLOAT16, 6, (const int64_t[]){2, 1, 1, 3, 4, 128}); W = v2_turned(v2_dims(ACL_INT8, 5, (const int64_t[]){4, 1, 1, 128, 64})); W.strides[0] = 8192; W.strides[1] = 3; Y = v2_dims(ACL_FLOAT16, 6, (const int64_t[]){2, 4, 1, 3, 4, 64}); }
MAKE(nz_310) { W = NZ(v2_2(ACL_INT8, 64, 128)); O = S; }
MAKE(nz_310_strides) { nz_310(c); O.given = false; W = v2_turned(W); S = v2_2(ACL_FLOAT16, 64, 1); S.strides[0] = 3; }
MAKE(nz_310_group) { nz_310(c); c->group = 32; S = v2_2(ACL_FLOAT16, 64, 4); O = S; }
MAKE(nz_8) { W = NZ(W); ND_OR_NZ_OP(); }
MAKE(nz_8_turned) { nz_8(c); W = v2_turned(W); }
MAKE(nz_8_any_strides) { nz_8(c); W.strides[0] = 999; }
MAKE(nz_8_tensor) { W = NZ(W); S = v2_1(ACL_FLOAT16, 1); }
MAKE(nz_8_group) { W = NZ(W); group_32(c); }
MAKE(nz_8_n_2) { PLAIN(4, 65535, 2); nz_8(c); }
MAKE(nz_4) { W = NZ(v2_2t(ACL_INT4, 128, 64)); }
MAKE(nz_4_packed) { W = NZ(v2_2t(ACL_INT32, 16, 64)); O = S; }
MAKE(nz_4_group) { W = NZ(v2_2(ACL_INT4, 128, 64)); c->group = 64; S = v2_2(ACL_FLOAT16, 2, 64); O = S; ND_OR_NZ_OP(); }
MAKE(nz_4_group_128) { PLAIN(4, 256, 64); W = NZ(v2_2(ACL_INT32, 256, 8)); c->group = 128; S = v2_2(ACL_FLOAT16, 2, 64); ND_OR_NZ_OP(); }
MAKE(nz_4_950) { W = NZ(v2_2(ACL_INT4, 128, 64)); c->op = AQ_OPERATOR_NZ; S = v2_1(ACL_FLOAT16, 1); }
MAKE(nz_4_c0_2) { nz_4_950(c); W.format = ACL_FORMAT_FRACTAL_NZ_C0_2; bf16(c); B = v2_1(ACL_FLOAT, 64); }
MAKE(nz_op_8) { W = NZ(W); c->op = AQ_OPERATOR_NZ; }
MAKE(fp8) { W.dtype = ACL_FLOAT8_E4M3FN; S = v2_2(ACL_FLOAT16, 1, 64); }
MAKE(hifloat8) { W = v2_2t(ACL_HIFLOAT8, 128, 64); bf16(c); }
MAKE(mx) { W.dtype = ACL_FLOAT4_E2M1; c->group = 32; S = v2_2(ACL_FLOAT8_E8M0, 4, 64); }
MAKE(mx_turned) { mx(c); W = v2_turned(W); S = v2_turned(S); }
MAKE(mx_packed) { mx(c); W = v2_2(ACL_FLOAT, 128, 8); S.dtype = ACL_UINT8; }
MAKE(mx_packed_turned) { mx(c); W = v2_2t(ACL_FLOAT, 16, 64); S = v2_turned(S); }
MAKE(mx_nz) { mx(c); W = NZ(W); c->op = AQ_OPERATOR_NZ; }
MAKE(mx_nz_packed) { mx_packed(c); W.format = ACL_FORMAT_FRACTAL_NZ_C0_2; c->op = AQ_OPERATOR_NZ; }
MAKE(fp4_nz_256) { PLAIN(4, 512, 64); W = NZ(v2_2(ACL_FLOAT4_E2M1, 512, 64)); c->op = AQ_OPERATOR_NZ; c->group = 256; S = v2_2(ACL_FLOAT16, 2, 64); }
MAKE(any_group_k) { c->group = 128; S = v2_2(ACL_FLOAT16, 1, 64); }
MAKE(any_group_more) { c->group = 1000; S = v2_2(ACL_FLOAT16, 1, 64); }
MAKE(any_group_3) { c->group = 3; S = v2_2(ACL_FLOAT16, 43, 64); }
MAKE(any_odd) { PLAIN(4, 127, 63); W.dtype = ACL_INT4; }
MAKE(any_odd_turned) { PLAIN(4, 127, 63); W = v2_2t(ACL_INT4, 127, 63); }
MAKE(any_nz_4_plain) { W = NZ(v2_2(ACL_INT4, 128, 64)); }
MAKE(any_nz_4_turned_group) { W = NZ(v2_2t(ACL_INT4, 128, 64)); c->group = 32; S = v2_2(ACL_FLOAT16, 4, 64); x_turned(c); }
MAKE(any_nz_4_int8_y) { nz_4(c); int8_y(c); S = v2_1(ACL_FLOAT16, 1); }
MAKE(any_y_strided) { Y.strides[0] = 100; Y.strides[1] = 1; }
MAKE(any_y_turned) { Y = v2_turned(Y); }
MAKE(any_int4_batch) { batch(c); W.dtype = ACL_INT4; group_32(c); }

/* ---- page 3.6 ---- */
MAKE(llama_q8_0) { PLAIN(7, 256, 48); W = v2_2t(ACL_INT8, 256, 48); c->group = 32; S = v2_2t(ACL_FLOAT16, 8, 48); W.offset = 256 * 48; }
MAKE(llama_q4_0) { llama_q8_0(c); W.dtype = ACL_INT4; }
MAKE(llama_k_32) { PLAIN(1, 32, 48); W = v2_2t(ACL_INT8, 32, 48); S = v2_2t(ACL_FLOAT16, 1, 48); }
MAKE(llama_split) { PLAIN(1, 64, 65535); W = v2_2t(ACL_INT4, 64, 65535); c->group = 32; S = v2_2t(ACL_FLOAT16, 2, 65535); }
MAKE(torch_npu) { c->op = AQ_OPERATOR_V3; c->inner = 1; W = v2_turned(W); O = S; }
MAKE(torch_npu_rank_3) { c->op = AQ_OPERATOR_V3; c->inner = 1; batch(c); X.format = W.format = Y.format = ACL_FORMAT_NCL; }
MAKE(vllm_w8a16) { PLAIN(3, 512, 96); bf16(c); W = v2_2t(ACL_INT8, 512, 96); S = v2_1(ACL_BF16, 96); O = v2_1(ACL_BF16, 96); }
MAKE(awq) { PLAIN(2, 512, 128); bf16(c); W = v2_2(ACL_INT32, 512, 16); c->group = 128; S = v2_2(ACL_BF16, 4, 128); O = v2_2(ACL_BF16, 4, 128); B = v2_1(ACL_FLOAT, 128); }
MAKE(gptq_int4) { awq(c); W = v2_2(ACL_INT4, 512, 128); }
/* clang-format on */

typedef struct row {
    const char *name;
    void (*make)(v2_case *c);
    int profiles;
} row;

#define ROW(make, profiles)                                                                                  \
    {                                                                                                        \
#make, make, profiles                                                                                \
    }

static const row rows[] = {
    ROW(same, ALL),
    ROW(v3_0, ALL),
    ROW(v3_1, ALL),
    ROW(bf16, A23 | P950 | ANY),
    ROW(x_turned, P310 | A23 | ANY),
    ROW(w_turned, ALL),
    ROW(int4, A23 | P950 | ANY),
    ROW(int4_turned, A23 | P950 | ANY),
    ROW(int4_odd_outer, A23 | P950 | ANY),
    ROW(int4_odd_turned, A23 | P950 | ANY),
    ROW(packed, A23 | P950 | ANY),
    ROW(packed_turned, A23 | P950 | ANY),
    ROW(packed_one, A23 | P950 | ANY),
    ROW(packed_k_8, A23 | P950 | ANY),
    ROW(packed_k_1, A23 | P950 | ANY),
    ROW(tensor_1, ALL),
    ROW(tensor_1_1, ALL),
    ROW(channel_1_n, ALL),
    ROW(offset, ALL),
    ROW(offset_1_n, ALL),
    ROW(group_32, ALL),
    ROW(group_96, ALL),
    ROW(group_short, ALL),
    ROW(group_k_1, ALL),
    ROW(group_turned, ALL),
    ROW(scale_any_strides, P310 | A23 | ANY),
    ROW(scale_strided_1d, ALL),
    ROW(bias, ALL),
    ROW(bias_1_n, ALL),
    ROW(bias_none, ALL),
    ROW(bias_rank_6, P310 | ANY),
    ROW(bias_bf16_float, A23 | P950 | ANY),
    ROW(bias_bf16_bf16, P950 | ANY),
    ROW(bias_fp16_float, ANY),
    ROW(bias_fp16_bf16, ANY),
    ROW(bias_fp8_bf16, P950 | ANY),
    ROW(bias_nz8_float, A23 | P950 | ANY),
    ROW(int8_y, QUANT),
    ROW(int8_y_1, QUANT),
    ROW(int8_y_1_n, QUANT),
    ROW(int8_y_n_1, QUANT),
    ROW(int8_y_bf16_nz8, QUANT),
    ROW(fixpipe, QUANT),
    ROW(fixpipe_int64, QUANT),
    ROW(k_65535, ALL),
    ROW(n_65535, ALL),
    ROW(m_most, ALL),
    ROW(m_65535_turned, P310 | A23 | ANY),
    ROW(ones, ALL),
    ROW(k_over, P310 | P950 | ANY),
    ROW(n_over, P310 | P950 | ANY),
    ROW(m_over_turned, P310 | ANY),
    ROW(mk_most, ALL),
    ROW(mk_over, ALL),
    ROW(formats, ALL),
    ROW(storage, ALL),
    ROW(batch, P310 | ANY),
    ROW(batch_of_x, P310 | ANY),
    ROW(batch_6, P310 | ANY),
    ROW(nz_310, P310),
    ROW(nz_310_strides, P310),
    ROW(nz_310_group, P310),
    ROW(nz_8, A23 | P950 | ANY),
    ROW(nz_8_turned, A23 | P950 | ANY),
    ROW(nz_8_any_strides, A23 | P950 | ANY),
    ROW(nz_8_tensor, A23 | ANY),
    ROW(nz_8_group, A23 | ANY),
    ROW(nz_8_n_2, A23 | P950 | ANY),
    ROW(nz_4, A23 | ANY),
    ROW(nz_4_packed, A23 | ANY),
    ROW(nz_4_group, A23 | P950 | ANY),
    ROW(nz_4_group_128, A23 | P950 | ANY),
    ROW(nz_4_950, P950 | ANY),
    ROW(nz_4_c0_2, P950 | ANY),
    ROW(nz_op_8, P950 | ANY),
    ROW(fp8, P950 | ANY),
    ROW(hifloat8, P950 | ANY),
    ROW(mx, P950 | ANY),
    ROW(mx_turned, P950 | ANY),
    ROW(mx_packed, P950 | ANY),
    ROW(mx_packed_turned, P950 | ANY),
    ROW(mx_nz, P950 | ANY),
    ROW(mx_nz_packed, P950 | ANY),
    ROW(fp4_nz_256, P950 | ANY),
    ROW(any_group_k, ANY),
    ROW(any_group_more, ANY),
    ROW(any_group_3, ANY),
    ROW(any_odd, ANY),
    ROW(any_odd_turned, ANY),
    ROW(any_nz_4_plain, ANY),
    ROW(any_nz_4_turned_group, ANY),
    ROW(any_nz_4_int8_y, ANY),
    ROW(any_y_strided, ANY),
    ROW(any_y_turned, ANY),
    ROW(any_int4_batch, ANY),
    ROW(llama_q8_0, ALL),
    ROW(llama_q4_0, A23 | P950 | ANY),
    ROW(llama_k_32, ALL),
    ROW(llama_split, A23 | P950 | ANY),
    ROW(torch_npu, ALL),
    ROW(torch_npu_rank_3, P310 | ANY),
    ROW(vllm_w8a16, A23 | P950 | ANY),
    ROW(awq, A23 | P950 | ANY),
    ROW(gptq_int4, A23 | P950 | ANY),
};

static v2_case made(void (*make)(v2_case *c), const char *profile)
{
    v2_case c = v2_plain(profile, 4, 128, 64);
    make(&c);
    return c;
}

/* On each of its profiles a row is taken; on each other one it is refused, so that no row is on too few. */
static void test_legal_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int p = 0; v2_profiles[p] != NULL; p++) {
            v2_case c = made(rows[i].make, v2_profiles[p]);
            aq_v2_call call;
            bool legal = v2_verdict(&c, &call) == 0;
            const char *message = aclGetRecentErrMsg();
            if (legal != ((rows[i].profiles >> p & 1) != 0))
                fail_msg("%s, %s: %s\n%s", rows[i].name, v2_profiles[p], message ? message : "accepted",
                         v2_text(&c));
        }
}

static aq_v2_call checked(void (*make)(v2_case *c), const char *profile)
{
    v2_case c = made(make, profile);
    aq_v2_call call;
    if (v2_verdict(&c, &call) != 0)
        fail_msg("%s", aclGetRecentErrMsg());
    return call;
}

typedef struct derived {
    void (*make)(v2_case *c);
    const char *profile;
    int64_t m, k, n;
    bool x_transposed, weight_transposed;
    aclDataType dtype;
    aq_v2_granularity granularity;
    int64_t groups, scale_group, scale_n; /* strides */
} derived;

static void test_what_is_derived(void **state)
{
    (void)state;
    static const derived table[] = {
        {same, "a2", 4, 128, 64, false, false, ACL_INT8, AQ_PER_CHANNEL, 1, 0, 1},
        {x_turned, "a2", 4, 128, 64, true, false, ACL_INT8, AQ_PER_CHANNEL, 1, 0, 1},
        {w_turned, "a2", 4, 128, 64, false, true, ACL_INT8, AQ_PER_CHANNEL, 1, 0, 1},
        {packed, "a2", 4, 128, 64, false, false, ACL_INT4, AQ_PER_CHANNEL, 1, 0, 1},
        {packed_turned, "a2", 4, 128, 64, false, true, ACL_INT4, AQ_PER_CHANNEL, 1, 0, 1},
        {packed_one, "a2", 4, 8, 1, false, true, ACL_INT4, AQ_PER_CHANNEL, 1, 0, 0},
        {packed_k_8, "a2", 4, 8, 3, false, true, ACL_INT4, AQ_PER_CHANNEL, 1, 0, 1},
        {packed_k_1, "a2", 4, 1, 24, false, false, ACL_INT4, AQ_PER_CHANNEL, 1, 0, 1},
        {tensor_1, "a2", 4, 128, 64, false, false, ACL_INT8, AQ_PER_TENSOR, 1, 0, 0},
        {tensor_1_1, "a3", 4, 128, 64, false, false, ACL_INT8, AQ_PER_TENSOR, 1, 0, 0},
        {channel_1_n, "950", 4, 128, 64, false, false, ACL_INT8, AQ_PER_CHANNEL, 1, 0, 1},
        {group_32, "a2", 4, 128, 64, false, false, ACL_INT8, AQ_PER_GROUP, 4, 64, 1},
        {group_short, "310p", 4, 127, 64, false, false, ACL_INT8, AQ_PER_GROUP, 2, 64, 1},
        {group_turned, "a2", 4, 128, 64, false, true, ACL_INT8, AQ_PER_GROUP, 4, 1, 4},
        {scale_any_strides, "a2", 4, 128, 64, false, true, ACL_INT8, AQ_PER_GROUP, 4, 7, 100},
        {scale_strided_1d, "a2", 4, 128, 64, false, true, ACL_INT8, AQ_PER_CHANNEL, 1, 0, 0},
        {nz_310, "310p", 4, 128, 64, false, true, ACL_INT8, AQ_PER_CHANNEL, 1, 0, 1},
        {nz_310_strides, "310p", 4, 128, 64, false, true, ACL_INT8, AQ_PER_CHANNEL, 1, 0, 3},
        {nz_310_group, "310p", 4, 128, 64, false, true, ACL_INT8, AQ_PER_GROUP, 4, 1, 4},
        {nz_4_packed, "a2", 4, 128, 64, false, true, ACL_INT4, AQ_PER_CHANNEL, 1, 0, 1},
        {mx_packed, "950", 4, 128, 64, false, false, ACL_FLOAT4_E2M1, AQ_PER_GROUP, 4, 64, 1},
        {mx_turned, "any", 4, 128, 64, false, true, ACL_FLOAT4_E2M1, AQ_PER_GROUP, 4, 1, 4},
        {any_group_3, "any", 4, 128, 64, false, false, ACL_INT8, AQ_PER_GROUP, 43, 64, 1},
        {any_group_more, "any", 4, 128, 64, false, false, ACL_INT8, AQ_PER_GROUP, 1, 0, 1},
        {batch_6, "any", 4, 128, 64, false, true, ACL_INT8, AQ_PER_CHANNEL, 1, 0, 1},
        {llama_q4_0, "a2", 7, 256, 48, false, true, ACL_INT4, AQ_PER_GROUP, 8, 1, 8},
        {llama_k_32, "a2", 1, 32, 48, false, true, ACL_INT8, AQ_PER_CHANNEL, 1, 0, 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const derived *d = &table[i];
        aq_v2_call call = checked(d->make, d->profile);
        bool right = call.m == d->m && call.k == d->k && call.n == d->n &&
                     call.x_transposed == d->x_transposed && call.weight_transposed == d->weight_transposed &&
                     call.weight_dtype == d->dtype && call.granularity == d->granularity &&
                     call.groups == d->groups && call.scale_strides[0] == d->scale_group &&
                     call.scale_strides[1] == d->scale_n;
        if (!call.weight_is_nz)
            right = right && call.weight_strides[0] == (d->weight_transposed ? 1 : d->n) &&
                    call.weight_strides[1] == (d->weight_transposed ? d->k : 1);
        if (!right)
            fail_msg("row %d: m %lld k %lld n %lld, transposed %d %d, dtype %d, %d, groups %lld, strides "
                     "%lld %lld",
                     (int)i, (long long)call.m, (long long)call.k, (long long)call.n, call.x_transposed,
                     call.weight_transposed, (int)call.weight_dtype, (int)call.granularity,
                     (long long)call.groups, (long long)call.scale_strides[0],
                     (long long)call.scale_strides[1]);
    }
    aq_v2_call call = checked(scale_any_strides, "a2");
    assert_int_equal(call.offset_strides[0], 64);
    assert_int_equal(call.offset_strides[1], 1);
    assert_true(checked(fixpipe, "a2").fixpipe);
    assert_false(checked(same, "a2").fixpipe);
    assert_true(checked(mx, "950").mx);
    assert_false(checked(fp4_nz_256, "950").mx);
    assert_false(checked(bias_none, "a2").present[AQ_V2_BIAS]);
    /* quantOffset's data is never read */
    assert_int_equal(aq_v2_used(&(aq_v2_call){.present = {true, true, true, false, true, true, true, true}}),
                     1 << AQ_V2_X | 1 << AQ_V2_WEIGHT | 1 << AQ_V2_SCALE | 1 << AQ_V2_QUANT_SCALE |
                         1 << AQ_V2_BIAS | 1 << AQ_V2_Y);
}

/* Of the stored matrix, in elements (companions page 2.4). */
typedef struct blocks {
    void (*make)(v2_case *c);
    const char *profile;
    int storage_rank;
    int64_t storage[4];
    int64_t rows, columns, c0;
    bool transposed;
} blocks;

static void test_blocks(void **state)
{
    (void)state;
    static const blocks table[] = {
        {nz_8, "a2", 0, {0}, 128, 64, 32, false},
        {nz_8_turned, "a2", 0, {0}, 64, 128, 32, true},
        {nz_8, "a2", 4, {2, 8, 16, 32}, 128, 64, 32, false},
        {nz_8, "a2", 4, {4, 8, 16, 16}, 128, 64, 32, false}, /* 16 is none of int8's */
        {nz_310, "310p", 0, {0}, 64, 128, 32, true},
        {nz_310_strides, "310p", 4, {4, 4, 16, 32}, 64, 128, 32, true},
        {nz_4, "a2", 0, {0}, 64, 128, 64, true},
        {nz_4, "a2", 4, {8, 4, 16, 16}, 64, 128, 16, true},
        {nz_4, "a2", 4, {4, 4, 16, 32}, 64, 128, 32, true},
        {nz_4, "a2", 4, {4, 5, 16, 32}, 64, 128, 64, true}, /* not what the formula gives */
        {nz_4, "a2", 4, {4, 4, 8, 32}, 64, 128, 64, true},  /* nor is this */
        {nz_4, "a2", 4, {16, 4, 16, 8}, 64, 128, 64, true}, /* 8 is none of int4's */
        {nz_4_packed, "a2", 0, {0}, 64, 128, 64, true},
        {nz_4_packed, "a2", 4, {8, 4, 16, 2}, 64, 128, 16, true},
        {nz_4_packed, "a2", 4, {2, 4, 16, 8}, 64, 128, 64, true},
        {nz_4_packed, "a2", 4, {4, 4, 16, 4}, 64, 128, 64, true}, /* 4 words are none */
        {nz_4_group_128, "a2", 4, {4, 16, 16, 2}, 256, 64, 16, false},
        {nz_4_group, "950", 0, {0}, 128, 64, 16, false},
        {nz_4_group, "950", 4, {1, 8, 16, 64}, 128, 64, 64, false},
        {nz_4_group_128, "950", 0, {0}, 256, 64, 16, false},
        {nz_4_group, "any", 0, {0}, 128, 64, 64, false},
        {nz_4_c0_2, "950", 0, {0}, 128, 64, 16, false},
        {nz_4_c0_2, "any", 0, {0}, 128, 64, 16, false},
        {nz_op_8, "950", 0, {0}, 128, 64, 32, false},
        {mx_nz, "950", 0, {0}, 128, 64, 16, false},
        {mx_nz, "any", 4, {1, 8, 16, 64}, 128, 64, 16, false}, /* fp4 has the table only */
        {mx_nz_packed, "950", 0, {0}, 128, 64, 16, false},
        {mx_nz_packed, "any", 0, {0}, 128, 64, 16, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const blocks *b = &table[i];
        v2_case c = made(b->make, b->profile);
        c.t[V2_W].storage_rank = b->storage_rank;
        memcpy(c.t[V2_W].storage, b->storage, sizeof b->storage);
        aq_v2_call call;
        assert_int_equal(v2_verdict(&c, &call), 0);
        const aq_nz *nz = &call.weight_nz;
        int64_t padded = (b->rows + 15) / 16 * 16;
        if (!call.weight_is_nz || nz->rows != b->rows || nz->columns != b->columns || nz->c0 != b->c0 ||
            nz->transposed != b->transposed || nz->block_stride != padded * b->c0 || nz->batches != 1 ||
            nz->batch_stride != (b->columns + b->c0 - 1) / b->c0 * padded * b->c0)
            fail_msg("row %d: %lld x %lld, c0 %lld, transposed %d", (int)i, (long long)nz->rows,
                     (long long)nz->columns, (long long)nz->c0, nz->transposed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_legal_rows),
        cmocka_unit_test(test_what_is_derived),
        cmocka_unit_test(test_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
