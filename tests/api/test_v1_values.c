/* SPDX-License-Identifier: Apache-2.0 */
/* Values of V1, bit for bit, over shapes, storages, strides, broadcasts and batches. Every buffer ends with
 * its last element, so that a read past it is seen by the address sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/half.h"
#include "support/v1.h"

/* How a logical matrix is stored. */
typedef enum storage {
    PLAIN,           /* row-major */
    FLAGGED,         /* stored transposed, the transpose flag set */
    TRANSPOSED_VIEW, /* stored transposed, seen through strides (1, rows) */
    PADDED,          /* row-major, rows apart */
    GAPPED,          /* every other column */
    REVERSED,        /* negative row stride */
    STORAGES
} storage;

static const char *const storage_names[STORAGES] = {"plain",  "flagged", "transposed view",
                                                    "padded", "gapped",  "reversed"};

typedef struct stored {
    void *buffer;
    aclTensor *tensor;
    int64_t row, column, offset; /* strides of the logical matrix */
} stored;

static aclTensor *matrix_tensor(storage how, aclDataType dtype, stored *s, int64_t rows, int64_t columns)
{
    int64_t dims[2] = {rows, columns}, strides[2] = {s->row, s->column};
    if (how == FLAGGED) {
        dims[0] = columns;
        dims[1] = rows;
        strides[0] = s->column;
        strides[1] = s->row;
    }
    return v1_strided(dtype, s->buffer, 2, dims, how == PLAIN ? NULL : strides, s->offset);
}

static stored store(storage how, aclDataType dtype, size_t size, const void *logical, int64_t rows,
                    int64_t columns)
{
    stored s = {.row = columns, .column = 1, .offset = 0};
    if (how == FLAGGED || how == TRANSPOSED_VIEW)
        s = (stored){.row = 1, .column = rows};
    else if (how == PADDED)
        s = (stored){.row = columns + 5, .column = 1, .offset = 3};
    else if (how == GAPPED)
        s = (stored){.row = columns * 2, .column = 2};
    else if (how == REVERSED)
        s = (stored){.row = -columns, .column = 1, .offset = (rows - 1) * columns};
    int64_t last = s.offset + (s.row > 0 ? (rows - 1) * s.row : 0) + (columns - 1) * s.column;
    s.buffer = malloc((size_t)(last + 1) * size);
    memset(s.buffer, 0x77, (size_t)(last + 1) * size);
    for (int64_t r = 0; logical != NULL && r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            memcpy((char *)s.buffer + (size_t)(s.offset + r * s.row + c * s.column) * size,
                   (const char *)logical + (size_t)(r * columns + c) * size, size);
    s.tensor = matrix_tensor(how, dtype, &s, rows, columns);
    return s;
}

/* A random problem; everything is n-sized or k x n. */
static void fill_problem(v1_logical *p, int64_t m, int64_t k, int64_t n, uint64_t *seed)
{
    uint16_t *x = malloc((size_t)(m * k) * 2), *add = malloc((size_t)(k * n) * 2),
             *mul = malloc((size_t)(k * n) * 2);
    int8_t *w = malloc((size_t)(k * n));
    int32_t *off = malloc((size_t)n * 4);
    uint64_t *deq = malloc((size_t)n * 8);
    float *bias = malloc((size_t)n * 4);
    for (int64_t i = 0; i < m * k; i++)
        x[i] = v1_random_half(seed);
    for (int64_t i = 0; i < k * n; i++)
        w[i] = (int8_t)v1_random(seed);
    for (int64_t j = 0; j < n; j++) {
        off[j] = (int32_t)(v1_random(seed) % 41) - 20;
        deq[j] = v1_word((float)(1 + v1_random(seed) % 1000) * 0x1p-15f) | (v1_random(seed) & 0x1FFF);
        bias[j] = (float)(int64_t)(v1_random(seed) % 2001 - 1000) * 0x1.3p-9f;
        for (int64_t i = 0; i < k; i++) { /* per column; other broadcasts are tested by themselves */
            add[i * n + j] = i == 0 ? v1_random_half(seed) : add[j];
            mul[i * n + j] = i == 0 ? v1_random_half(seed) : mul[j];
        }
    }
    *p = (v1_logical){.m = m,
                      .n = n,
                      .k = k,
                      .fixpipe = m <= 64,
                      .x = x,
                      .w = w,
                      .off = off,
                      .deq = deq,
                      .scale = 0.37f,
                      .offset = -3.25f,
                      .add = add,
                      .mul = mul,
                      .bias = bias};
}

static void free_problem(v1_logical *p)
{
    free((void *)p->x), free((void *)p->w), free((void *)p->off), free((void *)p->deq);
    free((void *)p->add), free((void *)p->mul), free((void *)p->bias);
}

static int8_t identity[32 * 32];

/* Runs p with its operands stored as told and compares `checked` elements of every row. */
static void run_and_compare(v1_logical *p, storage sx, storage sw, storage so)
{
    stored x = store(sx, ACL_FLOAT16, 2, p->x, p->m, p->k), w = store(sw, ACL_INT8, 1, p->w, p->k, p->n);
    stored out = store(so, ACL_FLOAT16, 2, NULL, p->m, p->n);
    int64_t n = p->n;
    p->order_t = w.row == 1 && w.column != 1;
    v1_call call = {.t = {[V1_X1] = x.tensor, [V1_X2] = w.tensor, [V1_OUT] = out.tensor},
                    .transpose_x1 = sx == FLAGGED,
                    .transpose_x2 = sw == FLAGGED,
                    .scale = p->scale,
                    .offset = p->offset};
    if (p->fixpipe) {
        call.t[V1_DIAGONAL] =
            v1_tensor(ACL_INT8, p->d ? (void *)p->d : identity, 2, (int64_t)32, (int64_t)32);
        call.t[V1_OFFSET] = v1_tensor(ACL_INT32, (void *)p->off, 2, n, (int64_t)1);
        call.t[V1_SCALE] = v1_tensor(ACL_UINT64, (void *)p->deq, 1, n);
    }
    int64_t one = 1;
    if (!p->fixpipe && p->add != NULL)
        call.t[V1_ADD] = sw == FLAGGED ? v1_tensor(ACL_FLOAT16, (void *)p->add, 2, n, one)
                                       : v1_tensor(ACL_FLOAT16, (void *)p->add, 1, n);
    if (!p->fixpipe && p->mul != NULL)
        call.t[V1_MUL] = sw == FLAGGED ? v1_tensor(ACL_FLOAT16, (void *)p->mul, 2, n, one)
                                       : v1_tensor(ACL_FLOAT16, (void *)p->mul, 2, one, n);
    if (p->bias != NULL)
        call.t[V1_BIAS] = v1_tensor(ACL_FLOAT, (void *)p->bias, 1, n);
    assert_int_equal(v1_run(&call), 0);

    int64_t step = p->m * p->n * p->k > 2000000 ? 7 : 1; /* keeps the plain loops affordable */
    for (int64_t i = 0; i < p->m; i++) {
        for (int64_t j = i % step; j < p->n; j += step) {
            uint16_t got = ((uint16_t *)out.buffer)[out.offset + i * out.row + j * out.column];
            uint16_t expected = v1_answer(p, i, j);
            if (!half_same(got, expected))
                fail_msg("m %d k %d n %d, x %s, weight %s, out %s: element (%d,%d) is %.9g, expected %.9g",
                         (int)p->m, (int)p->k, (int)p->n, storage_names[sx], storage_names[sw],
                         storage_names[so], (int)i, (int)j, half_value(got), half_value(expected));
        }
    }
    v1_destroy(&call);
    free(x.buffer), free(w.buffer), free(out.buffer);
}

static void test_shapes(void **state)
{
    (void)state;
    static const int64_t ms[] = {1, 2, 3, 5, 8, 17, 64, 65, 100},
                         ks[] = {1, 15, 16, 17, 255, 256, 257, 1023, 1100},
                         ns[] = {1, 2, 15, 16, 17, 63, 65, 130};
    uint64_t seed = 20240001;
    for (size_t a = 0; a < sizeof ms / sizeof ms[0]; a++)
        for (size_t b = 0; b < sizeof ks / sizeof ks[0]; b++)
            for (size_t c = 0; c < sizeof ns / sizeof ns[0]; c++) {
                if (ms[a] * ks[b] * ns[c] > 900000 && (a + b + c) % 3)
                    continue; /* a third of the large ones */
                v1_logical p;
                fill_problem(&p, ms[a], ks[b], ns[c], &seed);
                run_and_compare(&p, PLAIN, PLAIN, PLAIN);
                run_and_compare(&p, PLAIN, FLAGGED, PLAIN);
                free_problem(&p);
            }
}

static void test_storages(void **state)
{
    (void)state;
    static const int64_t ms[] = {1, 4, 20, 70};
    uint64_t seed = 20240002;
    for (size_t a = 0; a < sizeof ms / sizeof ms[0]; a++)
        for (int i = 0; i < STORAGES * STORAGES; i++) {
            v1_logical p;
            fill_problem(&p, ms[a], 67, 35, &seed);
            run_and_compare(&p, (storage)(i / STORAGES), (storage)(i % STORAGES),
                            (storage)(i % 2   ? PADDED
                                      : i % 3 ? GAPPED
                                              : PLAIN));
            free_problem(&p);
        }
}

/* A strided out is written where its elements are and nowhere else. */
static void test_out_gaps_untouched(void **state)
{
    (void)state;
    uint64_t seed = 7;
    v1_logical p;
    fill_problem(&p, 66, 20, 19, &seed);
    stored out = store(PADDED, ACL_FLOAT16, 2, NULL, p.m, p.n);
    v1_call call = {.t = {[V1_X1] = v1_tensor(ACL_FLOAT16, (void *)p.x, 2, p.m, p.k),
                          [V1_X2] = v1_tensor(ACL_INT8, (void *)p.w, 2, p.k, p.n),
                          [V1_OUT] = out.tensor},
                    .scale = 1.0f};
    assert_int_equal(v1_run(&call), 0);
    for (int64_t i = 0; i + 1 < p.m; i++)
        for (int64_t j = p.n; j < out.row; j++)
            assert_int_equal(((uint16_t *)out.buffer)[out.offset + i * out.row + j], 0x7777);
    for (int64_t j = 0; j < out.offset; j++)
        assert_int_equal(((uint16_t *)out.buffer)[j], 0x7777);
    v1_destroy(&call);
    free(out.buffer);
    free_problem(&p);
}

static void test_optional_steps(void **state)
{
    (void)state;
    uint64_t seed = 20240003;
    for (int mask = 0; mask < 32; mask++) {
        v1_logical p;
        fill_problem(&p, mask % 2 ? 65 : 9, 40, 33, &seed);
        void *add = (void *)p.add, *mul = (void *)p.mul, *bias = (void *)p.bias;
        p.add = mask & 1 ? add : NULL;
        p.mul = mask & 2 ? mul : NULL;
        p.bias = mask & 4 ? bias : NULL;
        p.scale = mask & 8 ? 1.0f + 0x1p-23f : 0.731f; /* within FLT_EPSILON of 1: skipped */
        p.offset = mask & 16 ? 0x1p-23f : 11.5f;
        run_and_compare(&p, PLAIN, mask % 3 ? PLAIN : FLAGGED, PLAIN);
        p.add = add, p.mul = mul, p.bias = bias;
        free_problem(&p);
    }
}

/* Offsets near the limits of int32 saturate, scales at the limits of fp16 and fp32, NaN stays NaN. */
static void test_extreme_parameters(void **state)
{
    (void)state;
    static const int32_t offsets[] = {INT32_MAX, INT32_MIN, INT32_MAX - 100, 0, 16777217, -8191, 100000, 1};
    static const uint32_t scales[] = {0x7F800000, 0x7FC00000, 0x00000000, 0x80000000, 0x33800000, 0x477FE000,
                                      0x7F7FE000, 0x00802000, 0x387FE000, 0xB3C00000, 0x3F802000};
    uint64_t seed = 20240004;
    for (int64_t m = 1; m <= 12; m += 11)
        for (int flagged = 0; flagged < 2; flagged++)
            for (int wide = 0; wide < 2; wide++) { /* with and without the offsets that need saturation */
                v1_logical p;
                fill_problem(&p, m, 37, 88, &seed);
                for (int j = 0; j < 88; j++) {
                    ((int32_t *)p.off)[j] = offsets[wide ? j % 8 : 3 + j % 5];
                    ((uint64_t *)p.deq)[j] = (v1_random(&seed) & 0xFFFF800000001FFFull) | scales[j / 8];
                }
                run_and_compare(&p, PLAIN, flagged ? FLAGGED : PLAIN, PLAIN);
                free_problem(&p);
            }
}

static void test_special_x(void **state)
{
    (void)state;
    static const uint16_t specials[] = {0x7C00, 0xFC00, 0x7E00, 0x0001, 0x8001,
                                        0x03FF, 0x7BFF, 0xFBFF, 0x8000};
    uint64_t seed = 20240005;
    for (int64_t m = 9; m <= 70; m += 61)
        for (int flagged = 0; flagged < 2; flagged++) {
            v1_logical p;
            fill_problem(&p, m, 50, 40, &seed);
            for (int i = 0; i < 9; i++)
                ((uint16_t *)p.x)[i * 50 + 3 + i] = specials[i];
            run_and_compare(&p, PLAIN, flagged ? FLAGGED : PLAIN, PLAIN);
            free_problem(&p);
        }
}

static void test_other_diagonal(void **state)
{
    (void)state;
    uint64_t seed = 20240006;
    for (int64_t k = 20; k <= 300; k += 70)
        for (int flagged = 0; flagged < 2; flagged++) {
            int8_t d[32 * 32];
            for (int i = 0; i < 32 * 32; i++)
                d[i] = (int8_t)(v1_random(&seed) % 5 == 0 ? v1_random(&seed) : i % 33 == 0);
            v1_logical p;
            fill_problem(&p, 3, k, 21, &seed);
            p.d = d;
            run_and_compare(&p, PLAIN, flagged ? FLAGGED : PLAIN, PLAIN);
            free_problem(&p);
        }
}

/* addOffset and mulScale in every shape that checks 6 to 8 let through. */
static void test_parameter_broadcasts(void **state)
{
    (void)state;
    enum { M = 66, K = 23, N = 18 };
    static const struct {
        int64_t rank, dims[3];
    } plain[] = {{0, {0}}, {1, {1}}, {1, {N}}, {2, {1, 1}}, {2, {1, N}}, {2, {K, 1}}, {2, {K, N}}};
    static const struct {
        int64_t rank, dims[3];
    } flagged[] = {{0, {0}}, {1, {1}}, {2, {1, 1}}, {2, {N, 1}}, {2, {1, K}}, {2, {N, K}}};
    uint64_t seed = 20240007;
    for (int t = 0; t < 2; t++)
        for (size_t s = 0; s < (t ? 6 : 7); s++) {
            v1_logical p;
            fill_problem(&p, M, K, N, &seed);
            int64_t rank = t ? flagged[s].rank : plain[s].rank;
            const int64_t *dims = t ? flagged[s].dims : plain[s].dims;
            int64_t rows = rank == 2 ? dims[0] : 1, columns = rank == 0 ? 1 : dims[rank - 1];
            uint16_t add[K * N], mul[K * N];
            for (int64_t i = 0; i < rows * columns; i++) {
                add[i] = v1_random_half(&seed);
                mul[i] = v1_random_half(&seed);
            }
            for (int64_t k = 0; k < K; k++)
                for (int64_t n = 0; n < N; n++) {
                    int64_t r = t ? n : k, c = t ? k : n;
                    int64_t at = (rows == 1 ? 0 : r) * columns + (columns == 1 ? 0 : c);
                    ((uint16_t *)p.add)[k * N + n] = add[at];
                    ((uint16_t *)p.mul)[k * N + n] = mul[at];
                }
            stored w = store(t ? FLAGGED : PLAIN, ACL_INT8, 1, p.w, K, N);
            uint16_t out[M * N];
            p.order_t = t;
            v1_call call = {
                .t = {[V1_X1] = v1_tensor(ACL_FLOAT16, (void *)p.x, 2, (int64_t)M, (int64_t)K),
                      [V1_X2] = w.tensor,
                      [V1_ADD] = v1_strided(ACL_FLOAT16, add, (int)rank, dims, NULL, 0),
                      [V1_MUL] = v1_strided(ACL_FLOAT16, mul, (int)rank, dims, NULL, 0),
                      [V1_BIAS] = v1_tensor(ACL_FLOAT, (void *)p.bias, 3, (int64_t)1, (int64_t)N, (int64_t)1),
                      [V1_OUT] = v1_tensor(ACL_FLOAT16, out, 2, (int64_t)M, (int64_t)N)},
                .transpose_x2 = t,
                .scale = p.scale,
                .offset = p.offset};
            assert_int_equal(v1_run(&call), 0);
            for (int64_t i = 0; i < M * N; i++)
                assert_true(half_same(out[i], v1_answer(&p, i / N, i % N)));
            v1_destroy(&call);
            free(w.buffer);
            free_problem(&p);
        }
}

/* Strided and single-element deqOffset, deqScale, bias. */
static void test_vectors(void **state)
{
    (void)state;
    enum { M = 5, K = 30, N = 12 };
    uint64_t seed = 20240008;
    for (int single = 0; single < 2; single++) {
        v1_logical p;
        fill_problem(&p, M, K, N, &seed);
        int32_t off[N * 3];
        uint64_t deq[N * 3];
        float bias[N * 3];
        for (int j = 0; j < N; j++) {
            ((int32_t *)p.off)[j] = off[j * 3] = single ? -7 : p.off[j];
            ((uint64_t *)p.deq)[j] = deq[j * 3] = single ? v1_word(0.01f) : p.deq[j];
            ((float *)p.bias)[j] = bias[j * 3] = single ? 0.1f : p.bias[j];
        }
        /* (3,4,1) over every third element: n elements in row-major order */
        static const int64_t dims[3] = {3, 4, 1}, strides[3] = {12, 3, 1}, one[2] = {1, 1};
        const int64_t *d = single ? one : dims, *s = single ? NULL : strides;
        int rank = single ? 2 : 3;
        uint16_t out[M * N];
        v1_call call = {.t = {[V1_X1] = v1_tensor(ACL_FLOAT16, (void *)p.x, 2, (int64_t)M, (int64_t)K),
                              [V1_X2] = v1_tensor(ACL_INT8, (void *)p.w, 2, (int64_t)K, (int64_t)N),
                              [V1_DIAGONAL] = v1_tensor(ACL_INT8, identity, 2, (int64_t)32, (int64_t)32),
                              [V1_OFFSET] = v1_strided(ACL_INT32, off, rank, d, s, 0),
                              [V1_SCALE] = v1_strided(ACL_UINT64, deq, rank, d, s, 0),
                              [V1_BIAS] = v1_strided(ACL_FLOAT, bias, rank, d, s, 0),
                              [V1_OUT] = v1_tensor(ACL_FLOAT16, out, 2, (int64_t)M, (int64_t)N)}};
        assert_int_equal(v1_run(&call), 0);
        for (int64_t i = 0; i < M * N; i++)
            assert_true(half_same(out[i], v1_answer(&p, i / N, i % N)));
        v1_destroy(&call);
        free_problem(&p);
    }
}

/* Rank 4: x1 (2,3,m,k), x2 (3,k,n) or (2,1,k,n) or (k,n). */
static void test_batches(void **state)
{
    (void)state;
    static const int64_t ms[] = {2, 65};
    uint64_t seed = 20240009;
    for (int c = 0; c < 6; c++) {
        int64_t m = ms[c % 2], k = 33, n = 17, batch2 = c / 2 == 0 ? 3 : c / 2 == 1 ? 2 : 1;
        v1_logical p[6];
        uint16_t *x = malloc((size_t)(6 * m * k) * 2), *out = malloc((size_t)(6 * m * n) * 2);
        int8_t *w = malloc((size_t)(batch2 * k * n));
        for (int b = 0; b < 6; b++) {
            fill_problem(&p[b], m, k, n, &seed);
            memcpy(x + b * m * k, p[b].x, (size_t)(m * k) * 2);
        }
        for (int b = 0; b < 6; b++) {
            int at = c / 2 == 0 ? b % 3 : c / 2 == 1 ? b / 3 : 0;
            memcpy((void *)p[b].w, p[at == b ? b : at].w, (size_t)(k * n));
            memcpy(w + at * k * n, p[b].w, (size_t)(k * n));
        }
        aclTensor *x2 = c / 2 == 0   ? v1_tensor(ACL_INT8, w, 3, (int64_t)3, k, n)
                        : c / 2 == 1 ? v1_tensor(ACL_INT8, w, 4, (int64_t)2, (int64_t)1, k, n)
                                     : v1_tensor(ACL_INT8, w, 2, k, n);
        v1_call call = {.t = {[V1_X1] = v1_tensor(ACL_FLOAT16, x, 4, (int64_t)2, (int64_t)3, m, k),
                              [V1_X2] = x2,
                              [V1_DIAGONAL] = v1_tensor(ACL_INT8, identity, 2, (int64_t)32, (int64_t)32),
                              [V1_OFFSET] = v1_tensor(ACL_INT32, (void *)p[0].off, 1, n),
                              [V1_SCALE] = v1_tensor(ACL_UINT64, (void *)p[0].deq, 1, n),
                              [V1_ADD] = v1_tensor(ACL_FLOAT16, (void *)p[0].add, 1, n),
                              [V1_OUT] = v1_tensor(ACL_FLOAT16, out, 4, (int64_t)2, (int64_t)3, m, n)},
                        .scale = p[0].scale,
                        .offset = p[0].offset};
        assert_int_equal(v1_run(&call), 0);
        for (int b = 0; b < 6; b++) {
            v1_logical q = p[b];
            q.off = p[0].off, q.deq = p[0].deq, q.add = p[0].add, q.mul = NULL, q.bias = NULL;
            for (int64_t i = 0; i < m * n; i++)
                assert_true(half_same(out[b * m * n + i], v1_answer(&q, i / n, i % n)));
        }
        v1_destroy(&call);
        for (int b = 0; b < 6; b++)
            free_problem(&p[b]);
        free(x), free(w), free(out);
    }
}

/* k = 0: the bias, rounded, or 0, on both paths. */
static void test_empty_sum(void **state)
{
    (void)state;
    for (int64_t m = 3; m <= 70; m += 67)
        for (int biased = 0; biased < 2; biased++) {
            float bias[5] = {1.0f, -0.1f, 70000.0f, 1e-6f, 0.0f};
            uint16_t out[70 * 5];
            memset(out, 0x77, sizeof out);
            v1_call call = {.t = {[V1_X1] = v1_tensor(ACL_FLOAT16, NULL, 2, m, (int64_t)0),
                                  [V1_X2] = v1_tensor(ACL_INT8, NULL, 2, (int64_t)0, (int64_t)5),
                                  [V1_DIAGONAL] = v1_tensor(ACL_INT8, NULL, 2, (int64_t)32, (int64_t)32),
                                  [V1_OFFSET] = v1_tensor(ACL_INT32, NULL, 1, (int64_t)5),
                                  [V1_SCALE] = v1_tensor(ACL_UINT64, NULL, 1, (int64_t)5),
                                  [V1_BIAS] = biased ? v1_tensor(ACL_FLOAT, bias, 1, (int64_t)5) : NULL,
                                  [V1_OUT] = v1_tensor(ACL_FLOAT16, out, 2, m, (int64_t)5)}};
            assert_int_equal(v1_run(&call), 0);
            for (int64_t i = 0; i < m * 5; i++)
                assert_int_equal(out[i] & 0x7FFF, biased ? half_bits(half_round(bias[i % 5])) & 0x7FFF : 0);
            v1_destroy(&call);
        }
}

static int setup(void **state)
{
    for (int i = 0; i < 32; i++)
        identity[i * 33] = 1;
    return v1_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_storages),
        cmocka_unit_test(test_out_gaps_untouched),
        cmocka_unit_test(test_optional_steps),
        cmocka_unit_test(test_extreme_parameters),
        cmocka_unit_test(test_special_x),
        cmocka_unit_test(test_other_diagonal),
        cmocka_unit_test(test_parameter_broadcasts),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_empty_sum),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
