/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars, arrays and lists: what they keep, what they own, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "aclnn/acl_meta.h"
#include "base/memory.h"
#include "base/status.h"
#include "tensor/lists.h"
#include "tensor/tensor.h"

/* The kinds by name, with their values as void pointers: one table for what all have in common. */
typedef struct kind {
    const char *type;
    size_t element;
    void *(*create)(const void *value, uint64_t size);
    int (*destroy)(const void *object);
    int (*get_size)(const void *object, uint64_t *size);
} kind;

#define KIND(Type, element)                                                                                  \
    static void *create_##Type(const void *value, uint64_t size)                                             \
    {                                                                                                        \
        return aclCreate##Type(value, size);                                                                 \
    }                                                                                                        \
    static int destroy_##Type(const void *object)                                                            \
    {                                                                                                        \
        return aclDestroy##Type(object);                                                                     \
    }                                                                                                        \
    static int get_size_##Type(const void *object, uint64_t *size)                                           \
    {                                                                                                        \
        return aclGet##Type##Size(object, size);                                                             \
    }                                                                                                        \
    static const kind kind_##Type = {"acl" #Type, element, create_##Type, destroy_##Type, get_size_##Type};

KIND(IntArray, 8)
KIND(FloatArray, 4)
KIND(BoolArray, 1)
KIND(TensorList, sizeof(void *))
KIND(ScalarList, sizeof(void *))

static const kind *const kinds[] = {&kind_IntArray, &kind_FloatArray, &kind_BoolArray, &kind_TensorList,
                                    &kind_ScalarList};
#define KINDS (sizeof kinds / sizeof kinds[0])

static const uint64_t zeros[8]; /* null pointers, false, 0, 0.0 */

static aclTensor *make_tensor(void)
{
    const int64_t dims[] = {2, 3};
    return aclCreateTensor(dims, 2, ACL_INT8, NULL, 0, ACL_FORMAT_ND, dims, 2, NULL);
}

static void assert_message(const char *part)
{
    const char *text = aq_take_error();
    assert_non_null(text);
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
}

static void test_every_allocation_fails_once(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        uint64_t n = 1;
        void *object = NULL;
        while (!object) {
            aq_memory_fail_from(n++);
            object = kinds[k]->create(zeros, 3);
            aq_memory_fail_from(0);
            if (!object)
                assert_message("out of memory");
        }
        assert_int_equal(n, 4); /* the object and, for the first of a kind, the set of live ones failed */
        assert_int_equal(kinds[k]->destroy(object), 0);
    }
    double value = 1.5;
    for (uint64_t n = 1; n <= 2; n++) {
        aq_memory_fail_from(n);
        assert_null(aclCreateScalar(&value, ACL_DOUBLE));
        aq_memory_fail_from(0);
        assert_message("out of memory");
    }
}

static void test_all_kinds(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        uint64_t size = 99;
        assert_null(kinds[k]->create(NULL, 1));
        assert_message("value refused, status 161001");
        assert_null(kinds[k]->create(zeros, UINT64_MAX));
        assert_message("size refused, status 161002");
        assert_null(kinds[k]->create(zeros, UINT64_C(1) << 60));
        assert_null(kinds[k]->create(zeros, (UINT64_C(1) << 61) + 1));
        assert_int_equal(kinds[k]->destroy(NULL), 0);
        void *empty = kinds[k]->create(NULL, 0), *three = kinds[k]->create(zeros, 3);
        assert_non_null(empty);
        assert_non_null(three);
        assert_int_equal(kinds[k]->get_size(NULL, &size), 161001);
        assert_int_equal(kinds[k]->get_size(three, NULL), 161001);
        assert_int_equal(size, 99);
        assert_int_equal(kinds[k]->get_size(three, &size), 0);
        assert_int_equal(size, 3);
        assert_int_equal(kinds[k]->get_size(empty, &size), 0);
        assert_int_equal(size, 0);
        for (size_t other = 0; other < KINDS; other++) {
            if (other == k)
                continue;
            assert_int_equal(kinds[other]->destroy(three), 161002);
            assert_message(kinds[other]->type);
            assert_int_equal(kinds[other]->get_size(three, &size), 161002);
        }
        assert_int_equal(kinds[k]->destroy(three), 0);
        assert_int_equal(kinds[k]->destroy(three), 161002);
        assert_int_equal(kinds[k]->get_size(three, &size), 161002);
        assert_int_equal(kinds[k]->destroy(empty), 0);
    }
}

static void test_values_are_copied(void **state)
{
    (void)state;
    int64_t ints[] = {INT64_MIN, -1, 7};
    float floats[] = {1.5f, -0.0f};
    bool bools[] = {true, false, true};
    aclIntArray *int_array = aclCreateIntArray(ints, 3);
    aclFloatArray *float_array = aclCreateFloatArray(floats, 2);
    aclBoolArray *bool_array = aclCreateBoolArray(bools, 3);
    memset(ints, 9, sizeof ints);
    memset(floats, 9, sizeof floats);
    memset(bools, 0, sizeof bools);
    assert_memory_equal(int_array->values, ((const int64_t[]){INT64_MIN, -1, 7}), 24);
    assert_memory_equal(float_array->values, ((const float[]){1.5f, -0.0f}), 8);
    assert_memory_equal(bool_array->values, ((const bool[]){true, false, true}), 3);
    assert_true(aq_int_array_live(int_array));
    assert_int_equal(aclDestroyIntArray(int_array), 0);
    assert_false(aq_int_array_live(int_array));
    assert_false(aq_int_array_live(NULL));
    assert_int_equal(aclDestroyFloatArray(float_array), 0);
    assert_int_equal(aclDestroyBoolArray(bool_array), 0);
}

static void test_scalars(void **state)
{
    (void)state;
    double pair[2] = {1.25, -3.5};
    aclScalar *scalar = aclCreateScalar(pair, ACL_COMPLEX128);
    assert_non_null(scalar);
    assert_int_equal(scalar->dtype, ACL_COMPLEX128);
    pair[0] = 0;
    assert_memory_equal(scalar->value, ((const double[]){1.25, -3.5}), 16);
    assert_int_equal(aclDestroyScalar(scalar), 0);
    assert_int_equal(aclDestroyScalar(scalar), 161002);
    assert_int_equal(aclDestroyScalar(NULL), 0);
    uint16_t half = 0x3C00;
    scalar = aclCreateScalar(&half, ACL_FLOAT16); /* reads 2 bytes only: a checker sees more */
    assert_memory_equal(scalar->value, &half, 2);
    assert_int_equal(aclDestroyScalar(scalar), 0);
    assert_null(aclCreateScalar(NULL, ACL_FLOAT));
    assert_message("value refused, status 161001");
    assert_null(aclCreateScalar(pair, ACL_STRING));
    assert_message("STRING (13)");
    assert_null(aclCreateScalar(pair, (aclDataType)1000));
    assert_message("unknown (1000)");
}

static void test_tensor_list_owns(void **state)
{
    (void)state;
    const aclTensor *tensors[4] = {make_tensor(), NULL, make_tensor(), NULL};
    tensors[3] = tensors[0];
    aclTensorList *list = aclCreateTensorList(tensors, 4);
    assert_non_null(list);
    assert_true(aq_tensor_list_live(list));
    assert_ptr_equal(list->tensors[2], tensors[2]);
    assert_int_equal(aclDestroyTensorList(list), 0);
    assert_false(aq_tensor_list_live(list));
    assert_int_equal(aclDestroyTensor(tensors[0]), 161002);
    assert_int_equal(aclDestroyTensor(tensors[2]), 161002);
}

/* An element may be ended on its own, or be held by somebody else: neither is freed twice or too early, and a
 * tensor made later is not taken for it. */
static void test_tensor_list_and_other_holders(void **state)
{
    (void)state;
    aclTensor *ended = make_tensor(), *held = make_tensor();
    aclTensorList *list = aclCreateTensorList((const aclTensor *const[]){ended, held}, 2);
    assert_int_equal(aclDestroyTensor(ended), 0);
    aclTensor *newer = make_tensor();
    assert_ptr_not_equal(newer, ended);
    assert_true(aq_tensor_acquire(held));
    assert_int_equal(aclDestroyTensorList(list), 0);
    aq_view view;
    aq_view_of(held, &view);
    assert_int_equal(view.dims[1], 3);
    aq_tensor_release(held);
    assert_int_equal(aclDestroyTensor(newer), 0);
}

static void test_list_of_strangers(void **state)
{
    (void)state;
    aclTensor *tensor = make_tensor(), *gone = make_tensor();
    assert_int_equal(aclDestroyTensor(gone), 0);
    assert_null(aclCreateTensorList((const aclTensor *const[]){tensor, gone}, 2));
    assert_message("must be a live aclTensor");
    assert_int_equal(aclDestroyTensor(tensor), 0); /* was not taken over */
    assert_null(aclCreateScalarList((const aclScalar *const[]){(const aclScalar *)(const void *)zeros}, 1));
    assert_message("must be a live aclScalar");
}

static void test_scalar_list_owns(void **state)
{
    (void)state;
    float value = 2.5f;
    const aclScalar *scalars[4] = {aclCreateScalar(&value, ACL_FLOAT), NULL,
                                   aclCreateScalar(&value, ACL_FLOAT), NULL};
    scalars[3] = scalars[2];
    aclScalarList *list = aclCreateScalarList(scalars, 4);
    assert_non_null(list);
    assert_int_equal(aclDestroyScalarList(list), 0);
    assert_int_equal(aclDestroyScalar(scalars[0]), 161002);
    assert_int_equal(aclDestroyScalar(scalars[2]), 161002);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_fails_once), /* first: the sets have no tables yet */
        cmocka_unit_test(test_all_kinds),
        cmocka_unit_test(test_values_are_copied),
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_tensor_list_owns),
        cmocka_unit_test(test_tensor_list_and_other_holders),
        cmocka_unit_test(test_list_of_strangers),
        cmocka_unit_test(test_scalar_list_owns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
