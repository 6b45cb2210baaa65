/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors from their creation to their end: what is copied, what is handed out, what is refused, and that
 * neither a lack of memory nor a stale pointer does harm. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aclnn/acl_meta.h"
#include "base/memory.h"
#include "base/status.h"
#include "tensor/tensor.h"

static char data[64];

static aclTensor *make_2x3(void)
{
    const int64_t dims[] = {2, 3}, strides[] = {7, 2}, storage[] = {40};
    return aclCreateTensor(dims, 2, ACL_INT8, strides, 5, ACL_FORMAT_NCL, storage, 1, data);
}

typedef aclnnStatus (*get_dims)(const aclTensor *tensor, int64_t **dims, uint64_t *num);

static void assert_dims(get_dims get, const aclTensor *tensor, const int64_t *expected, uint64_t count)
{
    int64_t *dims = NULL;
    uint64_t num = 99;
    assert_int_equal(get(tensor, &dims, &num), 0);
    assert_int_equal(num, count);
    assert_non_null(dims);
    assert_memory_equal(dims, expected, count * sizeof *dims);
    free(dims);
}

/* make_2x3 as it was made. */
static void assert_2x3(const aclTensor *tensor)
{
    int64_t offset = 0;
    aclFormat format = ACL_FORMAT_UNDEFINED;
    aclDataType dtype = ACL_DT_UNDEFINED;
    void *addr = NULL;
    assert_dims(aclGetViewShape, tensor, (const int64_t[]){2, 3}, 2);
    assert_dims(aclGetViewStrides, tensor, (const int64_t[]){7, 2}, 2);
    assert_dims(aclGetStorageShape, tensor, (const int64_t[]){40}, 1);
    assert_int_equal(aclGetViewOffset(tensor, &offset), 0);
    assert_int_equal(aclGetFormat(tensor, &format), 0);
    assert_int_equal(aclGetDataType(tensor, &dtype), 0);
    assert_int_equal(aclGetRawTensorAddr(tensor, &addr), 0);
    assert_int_equal(offset, 5);
    assert_int_equal(format, ACL_FORMAT_NCL);
    assert_int_equal(dtype, ACL_INT8);
    assert_ptr_equal(addr, data);
}

static void test_what_was_given(void **state)
{
    (void)state;
    aclTensor *tensor = make_2x3();
    assert_non_null(tensor);
    assert_2x3(tensor);
    assert_int_equal(aclDestroyTensor(tensor), 0);
}

static void test_contiguous_strides(void **state)
{
    (void)state;
    static const struct {
        uint64_t rank;
        int64_t dims[5], strides[5];
    } cases[] = {{1, {9}, {1}},
                 {2, {4, 6}, {6, 1}},
                 {4, {2, 3, 4, 5}, {60, 20, 5, 1}},
                 {3, {5, 1, 7}, {7, 7, 1}},
                 {3, {INT64_MAX, INT64_MAX, 4}, {INT64_MAX, 4, 1}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        aclTensor *tensor =
            aclCreateTensor(cases[i].dims, cases[i].rank, ACL_FLOAT, NULL, 0, ACL_FORMAT_ND, NULL, 0, NULL);
        assert_non_null(tensor);
        assert_dims(aclGetViewStrides, tensor, cases[i].strides, cases[i].rank);
        assert_int_equal(aclDestroyTensor(tensor), 0);
    }
}

/* Nothing but null with a count is refused: rank 0 and 9, negative dims, unknown types, null data are kept.
 */
static void test_nothing_else_is_checked(void **state)
{
    (void)state;
    aclTensor *tensor = aclCreateTensor(NULL, 0, (aclDataType)77, NULL, -4, (aclFormat)-9, NULL, 0, NULL);
    assert_non_null(tensor);
    assert_dims(aclGetViewShape, tensor, NULL, 0);
    assert_dims(aclGetViewStrides, tensor, NULL, 0);
    assert_dims(aclGetStorageShape, tensor, NULL, 0);
    aclDataType dtype;
    assert_int_equal(aclGetDataType(tensor, &dtype), 0);
    assert_int_equal(dtype, 77);
    assert_int_equal(aclDestroyTensor(tensor), 0);
    const int64_t dims[] = {1, -2, 3, 0, INT64_MIN, 6, 7, 8, 9};
    tensor = aclCreateTensor(dims, 9, ACL_INT4, NULL, 1, ACL_FORMAT_ND, dims, 9, NULL);
    assert_non_null(tensor);
    assert_dims(aclGetViewShape, tensor, dims, 9);
    assert_dims(aclGetStorageShape, tensor, dims, 9);
    assert_int_equal(aclDestroyTensor(tensor), 0);
}

static void assert_message(const char *part)
{
    const char *text = aq_take_error();
    assert_non_null(text);
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
}

static void test_refused_creation(void **state)
{
    (void)state;
    const int64_t dims[] = {2, 3};
    assert_null(aclCreateTensor(NULL, 1, ACL_INT8, NULL, 0, ACL_FORMAT_ND, dims, 2, data));
    assert_message("aclCreateTensor: viewDims refused, status 161001");
    assert_null(aclCreateTensor(dims, 2, ACL_INT8, NULL, 0, ACL_FORMAT_ND, NULL, 1, data));
    assert_message("aclCreateTensor: storageDims refused, status 161001");
    static const uint64_t hostile[] = {
        65537,          UINT64_C(1) << 32, UINT64_C(1) << 60, UINT64_C(1) << 61, UINT64_C(1) << 63,
        UINT64_MAX / 3, UINT64_MAX};
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        assert_null(aclCreateTensor(dims, hostile[i], ACL_INT8, NULL, 0, ACL_FORMAT_ND, dims, 2, data));
        assert_message("viewDimsNum");
        assert_null(aclCreateTensor(dims, 2, ACL_INT8, dims, 0, ACL_FORMAT_ND, dims, hostile[i], data));
        assert_message("storageDimsNum");
    }
}

static void test_init(void **state)
{
    (void)state;
    const int64_t dims[] = {4, 5, 6}, storage[] = {9, 9};
    aclTensor *tensor = make_2x3();
    assert_int_equal(aclInitTensor(NULL, dims, 3, ACL_FLOAT, NULL, 1, ACL_FORMAT_ND, dims, 3, NULL), 161001);
    assert_message("aclInitTensor: tensor refused");
    assert_int_equal(aclInitTensor(tensor, NULL, 3, ACL_FLOAT, NULL, 1, ACL_FORMAT_ND, dims, 3, NULL),
                     161001);
    assert_int_equal(aclInitTensor(tensor, dims, 3, ACL_FLOAT, NULL, 1, ACL_FORMAT_ND, NULL, 3, NULL),
                     161001);
    assert_int_equal(
        aclInitTensor(tensor, dims, UINT64_MAX, ACL_FLOAT, NULL, 1, ACL_FORMAT_ND, dims, 3, NULL), 161002);
    assert_2x3(tensor);
    aq_memory_fail_from(1);
    assert_int_equal(aclInitTensor(tensor, dims, 3, ACL_FLOAT, NULL, 1, ACL_FORMAT_ND, dims, 3, NULL),
                     561103);
    aq_memory_fail_from(0);
    assert_2x3(tensor);
    assert_int_equal(aclInitTensor(tensor, dims, 3, ACL_FLOAT, NULL, 1, ACL_FORMAT_ND, storage, 2, data + 3),
                     0);
    assert_dims(aclGetViewShape, tensor, dims, 3);
    assert_dims(aclGetViewStrides, tensor, (const int64_t[]){30, 6, 1}, 3);
    assert_dims(aclGetStorageShape, tensor, storage, 2);
    void *addr = NULL;
    assert_int_equal(aclGetRawTensorAddr(tensor, &addr), 0);
    assert_ptr_equal(addr, data + 3);
    assert_int_equal(aclDestroyTensor(tensor), 0);
}

static void test_null_arguments(void **state)
{
    (void)state;
    static const get_dims getters[] = {aclGetViewShape, aclGetStorageShape, aclGetViewStrides};
    aclTensor *tensor = make_2x3();
    int64_t *dims = (int64_t *)data;
    uint64_t num = 99;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(getters[i](NULL, &dims, &num), 161001);
        assert_int_equal(getters[i](tensor, NULL, &num), 161001);
        assert_int_equal(getters[i](tensor, &dims, NULL), 161001);
        aq_memory_fail_from(1);
        assert_int_equal(getters[i](tensor, &dims, &num), 561103);
        aq_memory_fail_from(0);
    }
    assert_ptr_equal(dims, data);
    assert_int_equal(num, 99);
    int64_t offset = 99;
    aclFormat format = ACL_FORMAT_NC;
    aclDataType dtype = ACL_BOOL;
    void *addr = data + 1;
    assert_int_equal(aclGetViewOffset(NULL, &offset), 161001);
    assert_int_equal(aclGetViewOffset(tensor, NULL), 161001);
    assert_int_equal(aclGetFormat(NULL, &format), 161001);
    assert_int_equal(aclGetFormat(tensor, NULL), 161001);
    assert_int_equal(aclGetDataType(NULL, &dtype), 161001);
    assert_int_equal(aclGetDataType(tensor, NULL), 161001);
    assert_int_equal(aclGetRawTensorAddr(NULL, &addr), 161001);
    assert_int_equal(aclGetRawTensorAddr(tensor, NULL), 161001);
    assert_int_equal(aclSetRawTensorAddr(NULL, addr), 161001);
    assert_int_equal(AclSetRawTensorAddr(NULL, addr), 161001);
    assert_true(offset == 99 && format == ACL_FORMAT_NC && dtype == ACL_BOOL && addr == data + 1);
    assert_2x3(tensor);
    assert_int_equal(aclDestroyTensor(NULL), 0);
    assert_int_equal(aclDestroyTensor(tensor), 0);
}

static void test_address(void **state)
{
    (void)state;
    aclTensor *tensor = make_2x3();
    void *addr = NULL;
    assert_int_equal(aclSetRawTensorAddr(tensor, data + 8), 0);
    assert_int_equal(aclGetRawTensorAddr(tensor, &addr), 0);
    assert_ptr_equal(addr, data + 8);
    assert_int_equal(AclSetRawTensorAddr(tensor, NULL), 0);
    assert_int_equal(aclGetRawTensorAddr(tensor, &addr), 0);
    assert_null(addr);
    assert_int_equal(aclDestroyTensor(tensor), 0);
}

/* Every pointer that is no live tensor is an error and is not looked at. */
static void test_strangers(void **state)
{
    (void)state;
    aclTensor *gone = make_2x3();
    assert_int_equal(aclDestroyTensor(gone), 0);
    aclIntArray *array = aclCreateIntArray(NULL, 0);
    aclTensor *strangers[] = {gone, (aclTensor *)(void *)array, (aclTensor *)(void *)data,
                              (aclTensor *)(uintptr_t)1};
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        int64_t *dims, offset;
        uint64_t num;
        void *addr;
        assert_int_equal(aclDestroyTensor(strangers[i]), 161002);
        assert_message("must be a live aclTensor");
        assert_int_equal(aclGetViewShape(strangers[i], &dims, &num), 161002);
        assert_int_equal(aclGetViewOffset(strangers[i], &offset), 161002);
        assert_int_equal(aclGetRawTensorAddr(strangers[i], &addr), 161002);
        assert_int_equal(aclSetRawTensorAddr(strangers[i], data), 161002);
        assert_int_equal(
            aclInitTensor(strangers[i], NULL, 0, ACL_INT8, NULL, 0, ACL_FORMAT_ND, NULL, 0, NULL), 161002);
        assert_false(aq_tensor_acquire(strangers[i]));
        assert_false(aq_tensor_end(strangers[i]));
    }
    assert_false(aq_tensor_acquire(NULL));
    assert_int_equal(aclDestroyIntArray(array), 0);
}

/* A holder keeps the description readable after its end; a leak checker sees that it then goes. */
static void test_holders(void **state)
{
    (void)state;
    aclTensor *tensor = make_2x3();
    assert_true(aq_tensor_acquire(tensor));
    aq_tensor_retain(tensor);
    assert_int_equal(aclDestroyTensor(tensor), 0);
    assert_int_equal(aclDestroyTensor(tensor), 161002);
    aq_view view;
    aq_view_of(tensor, &view);
    assert_int_equal(view.dims[1], 3);
    aq_tensor_release(tensor);
    aq_view_of(tensor, &view);
    assert_int_equal(view.strides[0], 7);
    aq_tensor_release(tensor);
}

static void test_every_allocation_fails_once(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        aq_memory_fail_from(n);
        aclTensor *tensor = make_2x3();
        aq_memory_fail_from(0);
        if (tensor) {
            assert_true(n > 2); /* the tensor, its numbers */
            assert_int_equal(aclDestroyTensor(tensor), 0);
            return;
        }
        assert_string_equal(aq_take_error(), "EZ9999: aclCreateTensor: out of memory");
    }
}

/* Many live at once, so that the set of live tensors grows under lack of memory too. */
static void test_many(void **state)
{
    (void)state;
    static aclTensor *tensors[3000];
    size_t refused = 0;
    for (size_t i = 0; i < 3000; i++) {
        aq_memory_fail_from(i % 7 == 0 ? 3 : 0); /* the set's turn, when it must grow just now */
        tensors[i] = make_2x3();
        aq_memory_fail_from(0);
        if (!tensors[i]) {
            refused++;
            tensors[i] = make_2x3();
        }
        assert_non_null(tensors[i]);
    }
    assert_true(refused < 10);
    for (size_t i = 0; i < 3000; i++)
        assert_int_equal(aclDestroyTensor(tensors[i]), 0);
}

static atomic_int destroyed;

static void *live_and_let_die(void *shared)
{
    for (int i = 0; i < 2000; i++) {
        aclTensor *own = make_2x3();
        void *addr;
        if (!own || aclGetRawTensorAddr(shared, &addr) == 161001 || aclDestroyTensor(own) != 0)
            return NULL;
    }
    if (aclDestroyTensor(shared) == 0)
        atomic_fetch_add(&destroyed, 1);
    return shared;
}

static void test_threads(void **state)
{
    (void)state;
    aclTensor *shared = make_2x3();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, live_and_let_die, shared), 0);
    for (int i = 0; i < 4; i++) {
        void *done = NULL;
        assert_int_equal(pthread_join(threads[i], &done), 0);
        assert_non_null(done);
    }
    assert_int_equal(atomic_load(&destroyed), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_fails_once), /* first: the set has no table yet */
        cmocka_unit_test(test_what_was_given),
        cmocka_unit_test(test_contiguous_strides),
        cmocka_unit_test(test_nothing_else_is_checked),
        cmocka_unit_test(test_refused_creation),
        cmocka_unit_test(test_init),
        cmocka_unit_test(test_null_arguments),
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_holders),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
