/* SPDX-License-Identifier: Apache-2.0 */
/* Views: the copy, the number of elements, the text, the address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "aclnn/acl_meta.h"
#include "tensor/tensor.h"

static aq_view view_of(const int64_t *dims, uint64_t rank, aclDataType dtype, int64_t offset)
{
    aq_view view;
    memset(&view, 0x5A, sizeof view);
    aclTensor *tensor = aclCreateTensor(dims, rank, dtype, NULL, offset, ACL_FORMAT_ND, NULL, 0, NULL);
    assert_non_null(tensor);
    aq_view_of(tensor, &view);
    assert_int_equal(aclDestroyTensor(tensor), 0);
    return view;
}

#define VIEW(...)                                                                                            \
    view_of((const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t),        \
            ACL_FLOAT16, 0)

static void test_copy(void **state)
{
    (void)state;
    const int64_t dims[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    aq_view view = view_of(dims, 8, ACL_INT8, 11);
    assert_int_equal(view.rank, 8);
    assert_int_equal(view.dtype, ACL_INT8);
    assert_int_equal(view.format, ACL_FORMAT_ND);
    assert_int_equal(view.offset, 11);
    assert_memory_equal(view.dims, dims, sizeof view.dims);
    assert_int_equal(view.strides[7], 1);
    assert_int_equal(view.strides[0], 40320); /* 8! */
    view = view_of(dims, 9, ACL_INT8, 0);
    assert_int_equal(view.rank, 9);
    view = view_of(NULL, 0, ACL_INT8, 0);
    assert_int_equal(view.rank, 0);
}

static void test_elements(void **state)
{
    (void)state;
    int64_t count = -7;
    aq_view view = VIEW(3, 4, 5);
    assert_true(aq_view_elements(&view, &count));
    assert_int_equal(count, 60);
    view = view_of(NULL, 0, ACL_INT8, 0);
    assert_true(aq_view_elements(&view, &count));
    assert_int_equal(count, 1);
    view = VIEW(INT64_MAX, 1, 1);
    assert_true(aq_view_elements(&view, &count));
    assert_int_equal(count, INT64_MAX);
    view = VIEW(INT64_MAX, INT64_MAX, 0);
    assert_true(aq_view_elements(&view, &count));
    assert_int_equal(count, 0);
    view = VIEW(0);
    assert_true(aq_view_elements(&view, &count));
    assert_int_equal(count, 0);

    count = -7;
    view = VIEW(3, -1);
    assert_false(aq_view_elements(&view, &count));
    view = VIEW(-3, -1);
    assert_false(aq_view_elements(&view, &count));
    view = VIEW(0, -1);
    assert_false(aq_view_elements(&view, &count));
    view = VIEW(INT64_C(1) << 32, INT64_C(1) << 31);
    assert_false(aq_view_elements(&view, &count));
    view = VIEW(1, 1, 1, 1, 1, 1, 1, 1, 1);
    assert_false(aq_view_elements(&view, &count));
    assert_int_equal(count, -7);
}

static void test_shape_text(void **state)
{
    (void)state;
    char text[32];
    aq_view view = VIEW(3, 4);
    assert_ptr_equal(aq_view_shape_text(&view, text, sizeof text), text);
    assert_string_equal(text, "(3,4)");
    view = VIEW(-5);
    assert_string_equal(aq_view_shape_text(&view, text, sizeof text), "(-5)");
    view = view_of(NULL, 0, ACL_INT8, 0);
    assert_string_equal(aq_view_shape_text(&view, text, sizeof text), "()");
    view = VIEW(1, 1, 1, 1, 1, 1, 1, 1, 1);
    assert_string_equal(aq_view_shape_text(&view, text, sizeof text), "rank 9");
    view = VIEW(10, 20, 30, 40);
    assert_string_equal(aq_view_shape_text(&view, text, 14), "(10,20,30,40)"); /* just fits */
    assert_string_equal(aq_view_shape_text(&view, text, 13), "(10,20,30...");
    view = VIEW(INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN);
    assert_string_equal(aq_view_shape_text(&view, text, 8), "(-92...");
    char whole[200];
    aq_view_shape_text(&view, whole, sizeof whole);
    assert_int_equal(strlen(whole), 8 * 20 + 7 + 2);
}

static void test_address(void **state)
{
    (void)state;
    static char data[256];
    static const struct {
        aclDataType dtype;
        int64_t offset, bytes;
    } cases[] = {{ACL_INT8, 5, 5},        {ACL_FLOAT16, 5, 10},  {ACL_DOUBLE, 3, 24},
                 {ACL_COMPLEX128, 2, 32}, {ACL_INT4, 6, 3},      {ACL_INT4, 7, 3},
                 {ACL_FLOAT16, 0, 0},     {ACL_FLOAT16, -4, -8}, {ACL_INT4, -2, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        aq_view view = view_of(NULL, 0, cases[i].dtype, cases[i].offset);
        assert_ptr_equal(aq_view_address(&view, data + 64), data + 64 + cases[i].bytes);
    }
    aq_view wild = view_of(NULL, 0, ACL_DOUBLE, INT64_MAX); /* must only not be undefined */
    (void)aq_view_address(&wild, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_shape_text),
        cmocka_unit_test(test_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
