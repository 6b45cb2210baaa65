/* SPDX-License-Identifier: Apache-2.0 */
/* test_memory_copy.c - copies and fills through the public functions: every kind, areas that overlap, each
 * row of runtime page 4.5, the order of the checks, and a null in every place. */
#include <pthread.h>
#include <stdio.h>

#include "support/message.h"

enum { SIZE = 256 };
static unsigned char *device, *other, *host;

static int set_up(void **state)
{
    (void)state;
    if (aclrtSetDevice(0) != 0)
        return -1;
    if (aclrtMalloc((void **)&device, SIZE, ACL_MEM_MALLOC_HUGE_FIRST) != 0 ||
        aclrtMalloc((void **)&other, SIZE, ACL_MEM_MALLOC_HUGE_FIRST) != 0)
        return -1;
    return aclrtMallocHost((void **)&host, SIZE);
}

static int tear_down(void **state)
{
    (void)state;
    int status = aclrtFree(device) | aclrtFree(other) | aclrtFreeHost(host);
    return aclrtResetDevice(0) | status;
}

static void fill(unsigned char *bytes, unsigned first)
{
    for (unsigned i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)(first + i);
}

static void test_kinds(void **state)
{
    (void)state;
    unsigned char pageable[SIZE];
    for (unsigned kind = 0; kind <= 5; kind++) {
        fill(pageable, kind);
        memset(device, 0xEE, SIZE);
        assert_int_equal(aclrtMemcpy(device, SIZE, pageable, SIZE - 1, (aclrtMemcpyKind)kind), 0);
        assert_memory_equal(device, pageable, SIZE - 1);
        assert_int_equal(device[SIZE - 1], 0xEE);
    }
    for (unsigned kind = 1; kind <= 5; kind++) {
        fill(host, kind + 100);
        memset(device, 0xEE, SIZE);
        assert_int_equal(aclrtMemcpyAsync(device, SIZE, host, SIZE - 1, (aclrtMemcpyKind)kind, NULL), 0);
        assert_int_equal(aclrtSynchronizeStream(NULL), 0);
        assert_memory_equal(device, host, SIZE - 1);
        assert_int_equal(device[SIZE - 1], 0xEE);
    }
    for (unsigned kind = 6; kind <= 8; kind++) {
        assert_refused(aclrtMemcpy(device, SIZE, host, 1, (aclrtMemcpyKind)kind), 100000, "kind");
        assert_refused(aclrtMemcpyAsync(device, SIZE, host, 1, (aclrtMemcpyKind)kind, NULL), 100000, "kind");
    }
    assert_refused(aclrtMemcpy(device, SIZE, host, 1, (aclrtMemcpyKind)-1), 100000, "actual: -1");
}

static void test_overlap(void **state)
{
    (void)state;
    unsigned char expected[SIZE];
    fill(expected, 0);
    for (int direction = 0; direction < 2; direction++) {
        size_t to = direction ? 0 : 10, from = direction ? 10 : 0;
        fill(device, 0);
        assert_int_equal(aclrtMemcpy(device + to, SIZE - to, device + from, SIZE - 10, ACL_MEMCPY_DEFAULT),
                         0);
        assert_memory_equal(device + to, expected + from, SIZE - 10);
        fill(device, 0);
        assert_int_equal(aclrtMemcpyAsync(device + to, SIZE - to, device + from, SIZE - 10,
                                          ACL_MEMCPY_DEVICE_TO_DEVICE, NULL),
                         0);
        assert_int_equal(aclrtSynchronizeStream(NULL), 0);
        assert_memory_equal(device + to, expected + from, SIZE - 10);
    }
}

static void test_fill(void **state)
{
    (void)state;
    memset(device, 0, SIZE);
    assert_int_equal(aclrtMemset(device + 1, SIZE - 1, 0x1A5, SIZE - 2), 0);
    assert_int_equal(device[0], 0);
    for (int i = 1; i < SIZE - 1; i++)
        assert_int_equal(device[i], 0xA5);
    assert_int_equal(device[SIZE - 1], 0);
    assert_int_equal(aclrtMemsetAsync(device, SIZE, -1, SIZE, NULL), 0);
    assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    for (int i = 0; i < SIZE; i++)
        assert_int_equal(device[i], 0xFF);
    assert_int_equal(aclrtMemset(device, SIZE, 0, 0), 0);
    assert_int_equal(aclrtMemsetAsync(device, SIZE, 0, 0, NULL), 0);
    assert_int_equal(aclrtSynchronizeStream(NULL), 0);
    assert_int_equal(device[0], 0xFF);
    unsigned char pageable[4] = {0};
    assert_int_equal(aclrtMemsetAsync(pageable, 4, 9, 4, NULL), 0);
    assert_int_equal(pageable[3], 9); /* without a synchronise */
}

/* What is read back into pageable memory is there on return, after everything queued before. */
static void test_read_back_without_synchronise(void **state)
{
    (void)state;
    unsigned char pageable[SIZE] = {0};
    assert_int_equal(aclrtMemsetAsync(other, SIZE, 0x33, SIZE, NULL), 0);
    assert_int_equal(aclrtMemcpyAsync(device, SIZE, other, SIZE, ACL_MEMCPY_DEVICE_TO_DEVICE, NULL), 0);
    assert_int_equal(aclrtMemcpyAsync(pageable, SIZE, device, SIZE, ACL_MEMCPY_DEVICE_TO_HOST, NULL), 0);
    for (int i = 0; i < SIZE; i++)
        assert_int_equal(pageable[i], 0x33);
}

static void test_nulls_and_counts(void **state)
{
    (void)state;
    assert_refused(aclrtMemcpy(NULL, 1, host, 1, ACL_MEMCPY_DEFAULT), 100000, "dst");
    assert_refused(aclrtMemcpy(device, 1, NULL, 1, ACL_MEMCPY_DEFAULT), 100000, "src");
    assert_refused(aclrtMemcpyAsync(NULL, 1, host, 1, ACL_MEMCPY_DEFAULT, NULL), 100000, "dst");
    assert_refused(aclrtMemcpyAsync(device, 1, NULL, 1, ACL_MEMCPY_DEFAULT, NULL), 100000, "src");
    assert_refused(aclrtMemset(NULL, 1, 0, 1), 100000, "devPtr");
    assert_refused(aclrtMemsetAsync(NULL, 1, 0, 1, NULL), 100000, "devPtr");
    assert_refused(aclrtMemcpy(device, 7, host, 8, ACL_MEMCPY_DEFAULT), 107000, "nearest legal: 7");
    assert_refused(aclrtMemcpyAsync(device, 7, host, 8, ACL_MEMCPY_DEFAULT, NULL), 107000, "destMax");
    assert_refused(aclrtMemset(device, 7, 0, 8), 107000, "maxCount");
    assert_refused(aclrtMemsetAsync(device, 0, 0, 1, NULL), 107000, "count");
    /* count 0 comes before everything */
    assert_int_equal(aclrtMemcpy(NULL, 0, NULL, 0, (aclrtMemcpyKind)9), 0);
    assert_int_equal(aclrtMemcpyAsync(NULL, 0, NULL, 0, (aclrtMemcpyKind)9, NULL), 0);
}

static void test_host_to_host(void **state)
{
    unsigned char from[4] = {1, 2, 3, 4}, to[4] = {0};
    (void)state;
    assert_refused(aclrtMemcpyAsync(to, 4, from, 4, ACL_MEMCPY_HOST_TO_HOST, NULL), 207000, "aclrtMemcpy");
    assert_refused(aclrtMemcpyAsync(to, 4, from, 4, ACL_MEMCPY_DEFAULT, NULL), 207000, "host to host");
    assert_refused(aclrtMemcpyAsync(to, 4, host, 4, ACL_MEMCPY_DEFAULT, NULL), 207000, "host to host");
    assert_int_equal(to[0], 0);
    assert_int_equal(aclrtMemcpy(to, 4, from, 4, ACL_MEMCPY_HOST_TO_HOST), 0);
    assert_memory_equal(to, from, 4);
}

/* The order null, kind, destMax, context, each call breaking that rule and all later ones. */
static void *without_context(void *unused)
{
    (void)unused;
    if (aclrtMemcpy(NULL, 0, host, 1, (aclrtMemcpyKind)9) != 100000)
        return "null first";
    if (!strstr(aclGetRecentErrMsg(), "dst"))
        return "null first, by its name";
    if (aclrtMemcpy(device, 0, host, 1, (aclrtMemcpyKind)9) != 100000)
        return "then kind";
    if (!strstr(aclGetRecentErrMsg(), "kind"))
        return "then kind, by its name";
    if (aclrtMemcpy(device, 0, host, 1, ACL_MEMCPY_DEFAULT) != 107000)
        return "then destMax";
    if (aclrtMemcpy(device, 1, host, 1, ACL_MEMCPY_DEFAULT) != 107002)
        return "then the context";
    if (aclrtMemcpyAsync(device, 1, host, 1, ACL_MEMCPY_DEFAULT, NULL) != 107002)
        return "async: context";
    if (aclrtMemset(device, 1, 0, 1) != 107002 || aclrtMemsetAsync(device, 1, 0, 1, NULL) != 107002)
        return "fill: context";
    if (aclrtMemset(device, 0, 0, 1) != 107000)
        return "fill: count before context";
    return aclrtMemcpy(device, 1, host, 0, ACL_MEMCPY_DEFAULT) ? "count 0 needs no context" : NULL;
}

static void test_order_of_checks(void **state)
{
    (void)state;
    pthread_t thread;
    void *problem = NULL;
    assert_int_equal(pthread_create(&thread, NULL, without_context, NULL), 0);
    pthread_join(thread, &problem);
    if (problem)
        fail_msg("%s", (const char *)problem);
}

static void test_bad_streams(void **state)
{
    unsigned char pageable[1] = {0};
    aclrtStream stream = NULL;
    assert_int_equal(aclrtCreateStream(&stream), 0);
    assert_int_equal(aclrtDestroyStream(stream), 0);
    aclrtStream bad[] = {stream, (aclrtStream)state};
    for (size_t i = 0; i < 2; i++) {
        assert_refused(aclrtMemcpyAsync(device, 1, host, 1, ACL_MEMCPY_DEFAULT, bad[i]), 107017,
                       "MemcpyAsync");
        assert_refused(aclrtMemcpyAsync(device, 1, pageable, 1, ACL_MEMCPY_DEFAULT, bad[i]), 107017,
                       "MemcpyAsync");
        assert_refused(aclrtMemsetAsync(device, 1, 0, 1, bad[i]), 107017, "MemsetAsync");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_read_back_without_synchronise),
        cmocka_unit_test(test_nulls_and_counts),
        cmocka_unit_test(test_host_to_host),
        cmocka_unit_test(test_order_of_checks),
        cmocka_unit_test(test_bad_streams),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
