/* SPDX-License-Identifier: Apache-2.0 */
/* aclnnCast over strides, offsets, ranks and sizes of both sides, in place, on streams. The expected address
 * of an element is data + (offset + sum of index * stride) * size, added up index by index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "base/memory.h"
#include "support/cast.h"
#include "support/v1.h"

enum { MOST = 1 << 18 };

static unsigned char self_bytes[MOST * 8], out_bytes[MOST * 8], expected_bytes[MOST * 8];
static uint64_t seed = 20240607;

/* A strided array; contiguous when contiguous is set, else with these strides. */
typedef struct side {
    bool contiguous;
    int64_t strides[8], offset;
} side;

typedef struct layout {
    const char *what;
    int rank;
    int64_t dims[8];
    side self, out;
} layout;

#define DENSE                                                                                                \
    {                                                                                                        \
        true, {0}, 0                                                                                         \
    }

static const layout layouts[] = {
    {"scalar", 0, {0}, DENSE, DENSE},
    {"scalar with offsets", 0, {0}, {true, {0}, 5}, {true, {0}, 3}},
    {"one", 1, {1}, DENSE, DENSE},
    {"block - 1", 1, {127}, DENSE, DENSE},
    {"block", 1, {128}, DENSE, DENSE},
    {"block + 1", 1, {129}, DENSE, DENSE},
    {"transposed self", 2, {33, 50}, {false, {1, 33}, 0}, DENSE},
    {"transposed out", 2, {33, 50}, DENSE, {false, {1, 33}, 0}},
    {"both transposed", 2, {33, 50}, {false, {1, 33}, 7}, {false, {1, 33}, 9}},
    {"padded rows", 2, {20, 13}, {false, {17, 1}, 2}, {false, {14, 1}, 1}},
    {"every third, every second", 1, {500}, {false, {3}, 1}, {false, {2}, 1}},
    {"backwards self", 1, {300}, {false, {-1}, 299}, DENSE},
    {"backwards out", 2, {7, 30}, DENSE, {false, {-30, -1}, 209}},
    {"both backwards", 2, {7, 30}, {false, {30, -1}, 29}, {false, {-40, 1}, 240}},
    {"broadcast rows", 2, {40, 9}, {false, {0, 1}, 0}, DENSE},
    {"broadcast columns", 2, {9, 40}, {false, {1, 0}, 0}, DENSE},
    {"broadcast all", 3, {4, 5, 30}, {false, {0, 0, 0}, 11}, DENSE},
    {"dims of 1 with any stride", 4, {1, 6, 1, 40}, {false, {-9, 40, 1000000, 1}, 0}, DENSE},
    {"narrow rows", 3, {30, 40, 2}, {false, {2, 60, 1}, 0}, {false, {90, 2, 1}, 0}},
    {"permuted", 3, {5, 6, 7}, {false, {1, 35, 5}, 0}, {false, {6, 1, 30}, 0}},
    {"rank 8", 8, {2, 3, 2, 1, 3, 2, 2, 3}, DENSE, DENSE},
    {"rank 8 reversed",
     8,
     {2, 3, 2, 1, 3, 2, 2, 3},
     {false, {1, 2, 6, 12, 12, 36, 72, 144}, 4},
     {false, {-216, 72, -36, 5, 12, 6, 3, 1}, 300}},
    {"out broadcast rows", 2, {30, 9}, DENSE, {false, {0, 1}, 0}},
    {"two threads' worth, out broadcast", 2, {2000, 90}, DENSE, {false, {0, 1}, 0}},
    {"two threads' worth", 2, {3, 60000}, DENSE, DENSE},
    {"two threads' worth, transposed", 2, {300, 601}, {false, {1, 300}, 3}, DENSE},
    {"two threads' worth, out transposed", 2, {300, 601}, DENSE, {false, {1, 300}, 3}},
};

static int64_t count_of(const layout *l)
{
    int64_t count = 1;
    for (int d = 0; d < l->rank; d++)
        count *= l->dims[d];
    return count;
}

/* Position, in elements from data, of the element that comes at `number` in row-major order. */
static size_t position(const layout *l, const side *s, int64_t number)
{
    int64_t at = s->offset, dense = 1;
    for (int d = l->rank - 1; d >= 0; d--) {
        at += number % l->dims[d] * (s->contiguous ? dense : s->strides[d]);
        number /= l->dims[d];
        dense *= l->dims[d];
    }
    assert_in_range(at, 0, MOST - 1);
    return (size_t)at;
}

static aclTensor *tensor_of(const layout *l, const side *s, aclDataType dtype, void *data)
{
    return cast_tensor(dtype, data, l->rank, l->dims, s->contiguous ? NULL : s->strides, s->offset);
}

/* Whole buffers are compared: what no element of out covers must stay. */
static void check_layout(const layout *l, const cast_type *from, const cast_type *to)
{
    size_t bytes = (size_t)MOST * (size_t)to->bits / 8;
    memset(out_bytes, 0xA5, bytes);
    memset(expected_bytes, 0xA5, bytes);
    for (int64_t i = 0; i < count_of(l); i++) { /* where elements of out share memory, the last stays */
        uint64_t bits = cast_get(self_bytes, from, position(l, &l->self, i));
        cast_set(expected_bytes, to, position(l, &l->out, i), cast_answer(from, bits, to));
    }
    aclTensor *self = tensor_of(l, &l->self, from->dtype, self_bytes);
    aclTensor *out = tensor_of(l, &l->out, to->dtype, out_bytes);
    assert_int_equal(cast_run(self, out, to->dtype, NULL), 0);
    if (memcmp(out_bytes, expected_bytes, bytes) != 0)
        fail_msg("%s, %s to %s", l->what, from->name, to->name);
    aclDestroyTensor(self);
    aclDestroyTensor(out);
}

/* Types of each pair of element sizes, and values without NaNs, whose bits may be any NaN's. */
static void every_layout(void **state)
{
    (void)state;
    static const aclDataType types[] = {ACL_INT8, ACL_FLOAT16, ACL_INT32, ACL_UINT64, ACL_BOOL};
    for (size_t from = 0; from < 5; from++) {
        for (size_t i = 0; i < sizeof self_bytes; i++) /* no exponent of all ones */
            self_bytes[i] = (unsigned char)(v1_random(&seed) & 0xBF);
        for (size_t to = 0; to < 5; to++)
            for (size_t l = 0; l < sizeof layouts / sizeof layouts[0]; l++)
                check_layout(&layouts[l], cast_type_of(types[from]), cast_type_of(types[to]));
    }
}

/* Data and elements at addresses that are no multiples of the element size. */
static void unaligned(void **state)
{
    (void)state;
    int64_t count = 200;
    for (size_t shift = 1; shift < 8; shift++) {
        double in[200], back[200];
        for (int i = 0; i < 200; i++)
            in[i] = i - 100;
        memcpy(self_bytes + shift, in, sizeof in);
        aclTensor *self = cast_tensor(ACL_DOUBLE, self_bytes + shift, 1, &count, NULL, 0);
        aclTensor *out = cast_tensor(ACL_INT64, out_bytes + shift, 1, &count, NULL, 0);
        assert_int_equal(cast_run(self, out, ACL_INT64, NULL), 0);
        for (size_t i = 0; i < 200; i++) {
            int64_t value;
            memcpy(&value, out_bytes + shift + 8 * i, 8);
            back[i] = (double)value;
        }
        assert_memory_equal(in, back, sizeof in);
        aclDestroyTensor(self);
        aclDestroyTensor(out);
    }
}

/* Same array, same element size; small, and large enough for threads. */
static void in_place(void **state)
{
    (void)state;
    static const aclDataType pairs[][2] = {{ACL_FLOAT16, ACL_BF16}, {ACL_FLOAT, ACL_INT32},
                                           {ACL_INT8, ACL_BOOL},    {ACL_DOUBLE, ACL_UINT64},
                                           {ACL_FLOAT, ACL_FLOAT},  {ACL_BOOL, ACL_BOOL}};
    for (size_t p = 0; p < sizeof pairs / sizeof pairs[0]; p++)
        for (int64_t count = 100; count < MOST; count *= 2000) {
            const cast_type *from = cast_type_of(pairs[p][0]), *to = cast_type_of(pairs[p][1]);
            for (size_t i = 0; i < (size_t)count * 8; i++)
                self_bytes[i] = (unsigned char)(v1_random(&seed) & 0xBF);
            for (size_t i = 0; i < (size_t)count; i++)
                cast_set(expected_bytes, to, i, cast_answer(from, cast_get(self_bytes, from, i), to));
            aclTensor *self = cast_tensor(from->dtype, self_bytes, 1, &count, NULL, 0);
            aclTensor *out = cast_tensor(to->dtype, self_bytes, 1, &count, NULL, 0);
            assert_int_equal(cast_run(self, out, to->dtype, NULL), 0);
            assert_memory_equal(self_bytes, expected_bytes, (size_t)count * (size_t)to->bits / 8);
            aclDestroyTensor(self);
            aclDestroyTensor(out);
        }
}

/* A program's way: device memory, a stream, tensors and memory gone right after phase 2; then the executor
 * again with another input. */
static void device_flow(void **state)
{
    (void)state;
    const int64_t dims[2] = {3, 2};
    const float ones[6] = {1, 2, 3, 4, 5, 65519}, twos[6] = {-1, -2, -3, -4, -5, -65520};
    const uint16_t expected[2][6] = {{0x3C00, 0x4000, 0x4200, 0x4400, 0x4500, 0x7BFF},
                                     {0xBC00, 0xC000, 0xC200, 0xC400, 0xC500, 0xFC00}};
    uint16_t got[6];
    float *first, *second;
    void *half;
    aclrtStream stream;
    uint64_t size = 1;
    aclOpExecutor *executor;
    assert_int_equal(aclrtCreateStream(&stream), 0);
    assert_int_equal(aclrtMalloc((void **)&first, sizeof ones, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    assert_int_equal(aclrtMalloc((void **)&second, sizeof twos, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    assert_int_equal(aclrtMalloc(&half, sizeof got, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    assert_int_equal(aclrtMemcpy(first, sizeof ones, ones, sizeof ones, ACL_MEMCPY_HOST_TO_DEVICE), 0);
    assert_int_equal(aclrtMemcpy(second, sizeof twos, twos, sizeof twos, ACL_MEMCPY_HOST_TO_DEVICE), 0);
    aclTensor *self = cast_tensor(ACL_FLOAT, first, 2, dims, NULL, 0);
    aclTensor *out = cast_tensor(ACL_FLOAT16, half, 2, dims, NULL, 0);
    assert_int_equal(aclnnCastGetWorkspaceSize(self, ACL_FLOAT16, out, &size, &executor), 0);
    assert_int_equal(size, 0);
    assert_int_equal(aclSetAclOpExecutorRepeatable(executor), 0);
    for (int run = 0; run < 2; run++) {
        if (run == 1)
            assert_int_equal(aclSetInputTensorAddr(executor, 0, self, second), 0);
        assert_int_equal(aclnnCast(NULL, 0, executor, stream), 0);
        assert_int_equal(aclrtSynchronizeStream(stream), 0);
        assert_int_equal(aclrtMemcpy(got, sizeof got, half, sizeof got, ACL_MEMCPY_DEVICE_TO_HOST), 0);
        assert_memory_equal(got, expected[run], sizeof got);
    }
    assert_int_equal(aclDestroyAclOpExecutor(executor), 0);

    assert_int_equal(aclnnCastGetWorkspaceSize(self, ACL_FLOAT16, out, &size, &executor), 0);
    assert_int_equal(aclDestroyTensor(self), 0); /* between the phases */
    assert_int_equal(aclrtMemset(half, sizeof got, 0, sizeof got), 0);
    assert_int_equal(aclnnCast(NULL, 0, executor, stream), 0);
    assert_int_equal(aclDestroyTensor(out), 0);
    assert_int_equal(aclrtFree(first), 0);
    assert_int_equal(aclrtSynchronizeStream(stream), 0);
    assert_int_equal(aclrtMemcpy(got, sizeof got, half, sizeof got, ACL_MEMCPY_DEVICE_TO_HOST), 0);
    assert_memory_equal(got, expected[0], sizeof got);
    assert_int_equal(aclrtFree(second), 0);
    assert_int_equal(aclrtFree(half), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_layout), cmocka_unit_test(unaligned),
                                       cmocka_unit_test(in_place), cmocka_unit_test(device_flow)};
    return cmocka_run_group_tests_name("cast: strides", tests, v1_setup, NULL);
}
