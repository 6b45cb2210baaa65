/* SPDX-License-Identifier: Apache-2.0 */
/* FRACTAL_NZ's geometry against the formula of companions page 2.4; which c0 a storage has; the transposes
 * that strides mark; nibbles; and changing a tensor's storage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aclnn/acl_meta.h"
#include "base/memory.h"
#include "support/child.h"
#include "support/nz.h"
#include "tensor/fractal_nz.h"
#include "tensor/int4.h"

static aclTensor *tensor_of(aclDataType dtype, uint64_t rank, const int64_t *dims, const int64_t *strides,
                            uint64_t storage_rank, const int64_t *storage)
{
    aclTensor *tensor =
        aclCreateTensor(dims, rank, dtype, strides, 0, ACL_FORMAT_FRACTAL_NZ, storage, storage_rank, NULL);
    assert_non_null(tensor);
    return tensor;
}

static aq_view view_of(uint64_t rank, const int64_t *dims, const int64_t *strides)
{
    aclTensor *tensor = tensor_of(ACL_INT8, rank, dims, strides, 0, NULL);
    aq_view view;
    aq_view_of(tensor, &view);
    aclDestroyTensor(tensor);
    return view;
}

static void c0_of_types(void **state)
{
    (void)state;
    for (int dtype = -3; dtype < 50; dtype++) {
        int64_t expected = 0;
        switch (dtype) {
        case ACL_INT4:
            expected = 64;
            break;
        case ACL_INT8:
        case ACL_UINT8:
        case ACL_BOOL:
        case ACL_HIFLOAT8:
        case ACL_FLOAT8_E5M2:
        case ACL_FLOAT8_E4M3FN:
        case ACL_FLOAT8_E8M0:
            expected = 32;
            break;
        case ACL_FLOAT16:
        case ACL_BF16:
        case ACL_INT16:
        case ACL_UINT16:
            expected = 16;
            break;
        case ACL_FLOAT:
        case ACL_INT32:
        case ACL_UINT32:
        case ACL_COMPLEX32:
            expected = 8;
            break;
        case ACL_DOUBLE:
        case ACL_INT64:
        case ACL_UINT64:
        case ACL_COMPLEX64:
            expected = 4;
            break;
        case ACL_COMPLEX128:
            expected = 2;
            break;
        default:
            break;
        }
        assert_int_equal(aq_nz_c0((aclDataType)dtype), expected);
        for (int64_t c0 = -1; c0 <= 130; c0++) {
            bool may = (dtype == ACL_INT8 && c0 == 32) ||
                       (dtype == ACL_INT4 && (c0 == 16 || c0 == 32 || c0 == 64)) ||
                       (dtype == ACL_INT32 && (c0 == 2 || c0 == 8));
            assert_int_equal(aq_nz_c0_may_be((aclDataType)dtype, c0), may);
        }
    }
}

static void c0s_of_this_process(void *result)
{
    int64_t *c0 = result;
    static const aclDataType dtypes[] = {ACL_INT4, ACL_FLOAT4_E2M1, ACL_INT32, ACL_FLOAT, ACL_INT8, ACL_BF16};
    for (int i = 0; i < 6; i++)
        c0[i] = aq_nz_c0(dtypes[i]);
}

static void c0_of_profiles(void **state)
{
    (void)state;
    static const char *const profiles[] = {"310p", "a2", "a3", "950", "any"};
    static const int64_t of_950[6] = {16, 16, 2, 2, 32, 16}, of_others[6] = {64, 0, 8, 8, 32, 16};
    for (int p = 0; p < 5; p++) {
        char variable[40] = "ANTIQUANT_PROFILE=";
        const char *const variables[] = {strcat(variable, profiles[p]), NULL};
        int64_t c0[6] = {0};
        assert_int_equal(in_child(variables, c0s_of_this_process, c0, sizeof c0), 0);
        assert_memory_equal(c0, strcmp(profiles[p], "950") == 0 ? of_950 : of_others, sizeof c0);
    }
}

static void addresses(void **state)
{
    (void)state;
    static const int64_t c0s[] = {2, 8, 16, 32, 64}, sizes[] = {1, 2, 15, 16, 17, 31, 33, 64, 100};
    for (size_t i = 0; i < 5; i++)
        for (size_t r = 0; r < 9; r++)
            for (size_t c = 0; c < 9; c++) {
                const int64_t dims[4] = {3, 2, sizes[r], sizes[c]}, c0 = c0s[i];
                aq_view view = view_of(4, dims, NULL);
                aq_nz nz;
                assert_true(aq_nz_make(&view, c0, &nz));
                assert_int_equal(nz.rows, sizes[r]);
                assert_int_equal(nz.columns, sizes[c]);
                assert_int_equal(nz.batches, 6);
                assert_int_equal(nz.c0, c0);
                assert_false(nz.transposed);
                assert_int_equal(nz.batch_stride, nz_size(sizes[r], sizes[c], c0));
                assert_int_equal(aq_nz_elements(&nz), 6 * nz_size(sizes[r], sizes[c], c0));
                for (int64_t row = 0; row < nz.rows; row++)
                    for (int64_t column = 0; column < nz.columns; column++)
                        assert_int_equal(aq_nz_address(&nz, row, column),
                                         nz_offset(row, column, sizes[r], c0));
                int64_t storage[8];
                assert_int_equal(aq_nz_storage_dims(&view, &nz, storage), 6);
                const int64_t expected[6] = {3, 2, (sizes[c] + c0 - 1) / c0, (sizes[r] + 15) / 16, 16, c0};
                assert_memory_equal(storage, expected, sizeof expected);
            }
}

static void transposes(void **state)
{
    (void)state;
    static const struct {
        uint64_t rank;
        int64_t dims[6], strides[6];
        bool transposed, contiguous;
    } rows[] = {
        {2, {3, 4}, {4, 1}, false, true},
        {2, {3, 4}, {1, 3}, true, false},
        {2, {3, 4}, {1, 4}, false, false},
        {2, {3, 4}, {5, 1}, false, false},
        {2, {3, 4}, {0, 1}, false, false},
        {2, {1, 1}, {1, 1}, false, true},
        {2, {1, 1}, {7, 9}, false, true},
        {2, {3, 1}, {1, 3}, true, true}, /* a column: dims of 1 may have any stride */
        {2, {3, 1}, {1, 1}, false, true},
        {2, {1, 4}, {1, 1}, true, true},
        {2, {1, 4}, {4, 1}, false, true},
        {2, {1, 4}, {1, 2}, false, false},
        {3, {2, 3, 4}, {12, 4, 1}, false, true},
        {3, {2, 3, 4}, {12, 1, 3}, true, false},
        {3, {2, 3, 4}, {24, 1, 3}, false, false},
        {3, {1, 3, 4}, {99, 1, 3}, true, false},
        {4, {5, 2, 3, 4}, {24, 12, 1, 3}, true, false},
        {4, {5, 2, 3, 4}, {12, 60, 1, 3}, false, false},
        {6, {2, 2, 2, 2, 3, 4}, {96, 48, 24, 12, 1, 3}, true, false},
        {1, {4}, {1}, false, true},
        {1, {4}, {2}, false, false},
        {2, {0, 4}, {7, 7}, false, true},
        {2, {INT64_MAX, INT64_MAX}, {1, INT64_MAX}, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        aq_view view = view_of(rows[i].rank, rows[i].dims, rows[i].strides);
        assert_int_equal(aq_view_transposed(&view), rows[i].transposed);
        assert_int_equal(aq_view_contiguous(&view), rows[i].contiguous);
        aq_nz nz;
        if (rows[i].rank < 2 || rows[i].dims[1] == INT64_MAX)
            continue;
        assert_true(aq_nz_make(&view, 16, &nz));
        assert_int_equal(nz.transposed, rows[i].transposed);
        assert_int_equal(nz.rows, rows[i].dims[rows[i].rank - (rows[i].transposed ? 1 : 2)]);
        assert_int_equal(nz.columns, rows[i].dims[rows[i].rank - (rows[i].transposed ? 2 : 1)]);
    }
    const int64_t seven[7] = {1, 1, 1, 1, 1, 2, 3}, strides[7] = {6, 6, 6, 6, 6, 1, 2};
    aq_view view = view_of(7, seven, strides);
    assert_false(aq_view_transposed(&view));
    assert_false(aq_view_contiguous(&view));
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        uint64_t rank;
        int64_t dims[9];
    } rows[] = {
        {0, {0}},
        {1, {5}},
        {7, {1, 1, 1, 1, 1, 1, 1}},
        {9, {1, 1, 1, 1, 1, 1, 1, 1, 1}},
        {2, {-1, 4}},
        {2, {4, -1}},
        {3, {-2, 4, 4}},
        {2, {INT64_MAX, 4}},
        {2, {4, INT64_MAX}},
        {2, {INT64_C(1) << 30, INT64_C(1) << 30}}, /* 2^60 elements of up to 16 bytes */
        {3, {INT64_C(1) << 40, 1, INT64_C(1) << 20}},
        {4, {INT64_MAX, 2, 1, 1}},
    };
    aq_nz nz;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        aclTensor *tensor = tensor_of(ACL_INT8, rows[i].rank, rows[i].dims, NULL, 0, NULL);
        aq_view view;
        aq_view_of(tensor, &view);
        assert_false(aq_nz_make(&view, 32, &nz));
        assert_false(aq_nz_of(tensor, &view, &nz));
        assert_int_equal(aq_nz_stored_c0(tensor, &view), 0);
        aclDestroyTensor(tensor);
    }
    const int64_t dims[2] = {16, 32}, none[2] = {0, 32};
    aq_view view = view_of(2, dims, NULL);
    view.offset = INT64_MAX / 16;
    assert_false(aq_nz_make(&view, 32, &nz));
    view.offset = INT64_MIN;
    assert_false(aq_nz_make(&view, 32, &nz));
    view.dtype = ACL_STRING;
    view.offset = 0;
    aclTensor *tensor = tensor_of(ACL_STRING, 2, dims, NULL, 0, NULL);
    assert_false(aq_nz_of(tensor, &view, &nz));
    aclDestroyTensor(tensor);
    view = view_of(2, none, NULL);
    assert_true(aq_nz_make(&view, 32, &nz));
    assert_int_equal(aq_nz_elements(&nz), 0);
}

static void storage_decides(void **state)
{
    (void)state;
    static const int64_t transpose[2] = {1, 40};
    static const struct {
        aclDataType dtype;
        uint64_t storage_rank;
        int64_t storage[5];
        bool transposed;
        int64_t stored, c0;
    } rows[] = {
        /* view (40, 100) */
        {ACL_INT4, 4, {7, 3, 16, 16}, false, 16, 16},
        {ACL_INT4, 4, {4, 3, 16, 32}, false, 32, 32},
        {ACL_INT4, 4, {2, 3, 16, 64}, false, 64, 64},
        {ACL_INT4, 4, {13, 3, 16, 8}, false, 8, 64}, /* fits, but is none of INT4's */
        {ACL_INT4, 4, {6, 3, 16, 16}, false, 0, 64},
        {ACL_INT4, 4, {7, 2, 16, 16}, false, 0, 64},
        {ACL_INT4, 4, {7, 3, 8, 16}, false, 0, 64},
        {ACL_INT4, 4, {7, 3, 16, 0}, false, 0, 64},
        {ACL_INT4, 4, {7, 3, 16, -16}, false, 0, 64},
        {ACL_INT4, 5, {1, 7, 3, 16, 16}, false, 0, 64},
        {ACL_INT4, 1, {4000}, false, 0, 64},
        {ACL_INT4, 0, {0}, false, 0, 64},
        {ACL_INT4, 4, {3, 7, 16, 16}, true, 16, 16}, /* of the (100, 40) matrix */
        {ACL_INT4, 4, {7, 3, 16, 16}, true, 0, 64},
        {ACL_INT8, 4, {4, 3, 16, 32}, false, 32, 32},
        {ACL_INT8, 4, {7, 3, 16, 16}, false, 16, 32},
        {ACL_INT32, 4, {50, 3, 16, 2}, false, 2, 2},
        {ACL_INT32, 4, {13, 3, 16, 8}, false, 8, 8},
        {ACL_INT32, 4, {7, 3, 16, 16}, false, 16, 8},
        {ACL_FLOAT16, 4, {4, 3, 16, 32}, false, 32, 16},
        {ACL_BF16, 4, {7, 3, 16, 16}, false, 16, 16},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const int64_t dims[2] = {40, 100};
        aclTensor *tensor = tensor_of(rows[i].dtype, 2, dims, rows[i].transposed ? transpose : NULL,
                                      rows[i].storage_rank, rows[i].storage);
        aq_view view;
        aq_nz nz;
        aq_view_of(tensor, &view);
        assert_int_equal(aq_nz_stored_c0(tensor, &view), rows[i].stored);
        assert_true(aq_nz_of(tensor, &view, &nz));
        assert_int_equal(nz.c0, rows[i].c0);
        assert_int_equal(nz.transposed, rows[i].transposed);
        aclDestroyTensor(tensor);
    }
}

static void nibbles(void **state)
{
    (void)state;
    unsigned char bytes[8], expected[8];
    memset(bytes, 0xA5, sizeof bytes);
    memset(expected, 0xA5, sizeof expected);
    for (int e = 0; e < 16; e++) { /* the neighbour stays */
        aq_int4_set(bytes, e, 0xFFFFFFF0u | (unsigned)e);
        expected[e / 2] =
            (unsigned char)(e % 2 == 0 ? (expected[e / 2] & 0xF0) | e : (expected[e / 2] & 0x0F) | e << 4);
        assert_memory_equal(bytes, expected, sizeof bytes);
        assert_int_equal(aq_int4_bits(bytes, e), e);
        assert_int_equal(aq_int4_get(bytes, e), e < 8 ? e : e - 16);
    }
    assert_int_equal(bytes[0], 0x10);
    assert_int_equal(bytes[7], 0xFE);
    for (int e = -8; e < 8; e++) /* from the middle, backwards too */
        assert_int_equal(aq_int4_bits(bytes + 4, e), e + 8);
    aq_int4_set(bytes + 4, -1, 0);
    assert_int_equal(bytes[3], 0x06);
}

static void set_storage(void **state)
{
    (void)state;
    const int64_t dims[2] = {40, 100}, strides[2] = {1, 40}, one[1] = {4000}, blocks[4] = {3, 7, 16, 16};
    aclTensor *tensor =
        aclCreateTensor(dims, 2, ACL_INT4, strides, 6, ACL_FORMAT_ND, one, 1, (void *)(uintptr_t)4096);
    assert_non_null(tensor);
    aq_memory_fail_from(1);
    assert_false(aq_tensor_set_storage(tensor, ACL_FORMAT_FRACTAL_NZ, blocks, 4));
    aq_memory_fail_from(0);
    assert_int_equal(tensor->format, ACL_FORMAT_ND);
    assert_int_equal(tensor->storage_rank, 1);
    assert_int_equal(tensor->storage_dims[0], 4000);
    assert_true(aq_tensor_set_storage(tensor, ACL_FORMAT_FRACTAL_NZ, blocks, 4));
    assert_int_equal(tensor->format, ACL_FORMAT_FRACTAL_NZ);
    assert_int_equal(tensor->storage_rank, 4);
    assert_memory_equal(tensor->storage_dims, blocks, sizeof blocks);
    assert_int_equal(tensor->view_rank, 2);
    assert_memory_equal(tensor->view_dims, dims, sizeof dims);
    assert_memory_equal(tensor->strides, strides, sizeof strides);
    assert_int_equal(tensor->offset, 6);
    assert_int_equal(tensor->dtype, ACL_INT4);
    aq_tensor_set_dtype(tensor, ACL_INT32);
    assert_int_equal(tensor->dtype, ACL_INT32);
    aclDestroyTensor(tensor);
}

int main(void)
{
    /* First the one that forks before this process has read its settings. */
    const struct CMUnitTest tests[] = {cmocka_unit_test(c0_of_profiles), cmocka_unit_test(c0_of_types),
                                       cmocka_unit_test(addresses),      cmocka_unit_test(transposes),
                                       cmocka_unit_test(refusals),       cmocka_unit_test(storage_decides),
                                       cmocka_unit_test(nibbles),        cmocka_unit_test(set_storage)};
    return cmocka_run_group_tests_name("fractal_nz", tests, NULL, NULL);
}
