/* SPDX-License-Identifier: Apache-2.0 */
/* test_copy.c - asynchronous copies and fills: in stream order, not before their turn, unharmed by frees that
 * come too early, and waiting for pageable memory. A door holds the stream, so nothing depends on time. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

#include "base/memory.h"
#include "runtime/device_memory.h"
#include "support/message.h"
#include "support/tasks.h"

enum { SIZE = 4096 };

typedef struct fixture {
    aclrtStream stream;
    unsigned char *a, *b, *host;
} fixture;

static fixture f;

static int set_up(void **state)
{
    (void)state;
    if (aclrtSetDevice(0) || aclrtCreateStream(&f.stream) ||
        aclrtMalloc((void **)&f.a, SIZE, ACL_MEM_MALLOC_HUGE_FIRST) ||
        aclrtMalloc((void **)&f.b, SIZE, ACL_MEM_MALLOC_HUGE_FIRST) ||
        aclrtMallocHost((void **)&f.host, SIZE))
        return -1;
    memset(f.a, 1, SIZE);
    memset(f.b, 2, SIZE);
    memset(f.host, 3, SIZE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return aclrtDestroyStream(f.stream) | aclrtFree(f.a) | aclrtFree(f.b) | aclrtFreeHost(f.host) |
           aclrtResetDevice(0);
}

static void assert_all(const unsigned char *bytes, unsigned char value)
{
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(bytes[i], value);
}

static void test_order(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    assert_int_equal(test_queue_door(f.stream, &door), 0);
    assert_int_equal(aclrtMemcpyAsync(f.b, SIZE, f.a, SIZE, ACL_MEMCPY_DEVICE_TO_DEVICE, f.stream), 0);
    assert_int_equal(aclrtMemsetAsync(f.a, SIZE, 9, SIZE, f.stream), 0);
    assert_int_equal(aclrtMemcpyAsync(f.host, SIZE, f.a, SIZE, ACL_MEMCPY_DEVICE_TO_HOST, f.stream), 0);
    assert_all(f.a, 1);
    assert_all(f.b, 2);
    assert_all(f.host, 3);
    test_door_open(&door);
    assert_int_equal(aclrtSynchronizeStream(f.stream), 0);
    assert_all(f.a, 9);
    assert_all(f.b, 1);
    assert_all(f.host, 9);
}

/* A synchronous copy waits for no stream, the way the device has it (runtime page 4.2). */
static void test_synchronous_does_not_wait(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    assert_int_equal(test_queue_door(f.stream, &door), 0);
    assert_int_equal(aclrtMemsetAsync(f.a, SIZE, 9, SIZE, f.stream), 0);
    assert_int_equal(aclrtMemcpy(f.b, SIZE, f.a, SIZE, ACL_MEMCPY_DEVICE_TO_DEVICE), 0);
    assert_all(f.b, 1);
    assert_int_equal(aclrtMemset(f.b, SIZE, 5, SIZE), 0);
    assert_all(f.b, 5);
    test_door_open(&door);
    assert_int_equal(aclrtSynchronizeStream(f.stream), 0);
}

static void test_frees_while_queued(void **state)
{
    (void)state;
    test_needs_worker();
    test_door door = TEST_DOOR_INITIALIZER;
    unsigned char *from = NULL, *filled = NULL, *pinned = NULL;
    assert_int_equal(aclrtMalloc((void **)&from, SIZE, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    assert_int_equal(aclrtMalloc((void **)&filled, SIZE, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    assert_int_equal(aclrtMallocHost((void **)&pinned, SIZE), 0);
    memset(from, 7, SIZE);
    memset(pinned, 8, SIZE);
    assert_int_equal(test_queue_door(f.stream, &door), 0);
    assert_int_equal(aclrtMemcpyAsync(f.a, SIZE, from, SIZE, ACL_MEMCPY_DEVICE_TO_DEVICE, f.stream), 0);
    assert_int_equal(aclrtMemcpyAsync(f.b, SIZE, pinned, SIZE, ACL_MEMCPY_HOST_TO_DEVICE, f.stream), 0);
    assert_int_equal(aclrtMemsetAsync(filled, SIZE, 1, SIZE, f.stream), 0);
    assert_int_equal(aclrtFree(from), 0);
    assert_int_equal(aclrtFree(filled), 0);
    assert_int_equal(aclrtFreeHost(pinned), 0);
    assert_refused(aclrtFree(from), 207002, "freed already");
    test_door_open(&door);
    assert_int_equal(aclrtSynchronizeStream(f.stream), 0);
    assert_all(f.a, 7);
    assert_all(f.b, 8);
}

static void *open_when_told(void *argument)
{
    void **both = argument; /* what to wait for, what to open */
    while (sem_wait(both[0]) != 0)
        ;
    test_door_open(both[1]);
    return NULL;
}

/* The copy comes after the queued fill although it is not queued, and the source may be reused at once. */
static void test_pageable_waits(void **state)
{
    (void)state;
    test_needs_worker();
    static const aclrtMemcpyKind kinds[] = {ACL_MEMCPY_HOST_TO_DEVICE, ACL_MEMCPY_DEFAULT,
                                            ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE};
    for (size_t i = 0; i < 4; i++) {
        bool buffered = i == 3; /* this kind promises the same for aclrtMallocHost's memory */
        unsigned char pageable[SIZE], *source = buffered ? f.host : pageable;
        memset(source, 4, SIZE);
        test_door door = TEST_DOOR_INITIALIZER;
        sem_t calling;
        sem_init(&calling, 0, 0);
        void *both[2] = {&calling, &door};
        pthread_t opener;
        assert_int_equal(test_queue_door(f.stream, &door), 0);
        assert_int_equal(aclrtMemsetAsync(f.a, SIZE, 6, SIZE, f.stream), 0);
        assert_int_equal(pthread_create(&opener, NULL, open_when_told, both), 0);
        sem_post(&calling);
        assert_int_equal(aclrtMemcpyAsync(f.a, SIZE, source, SIZE, kinds[i < 3 ? i : 2], f.stream), 0);
        memset(source, 5, SIZE);
        assert_all(f.a, 4);
        pthread_join(opener, NULL);
        assert_int_equal(aclrtSynchronizeStream(f.stream), 0);
        assert_all(f.a, 4);
        sem_destroy(&calling);
    }
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_int_equal(aclrtSynchronizeStream(f.stream), 0);
    int refused = 0;
    for (uint64_t n = 1;; n++) {
        memset(f.b, 2, SIZE);
        aq_memory_fail_from(n);
        int copied = aclrtMemcpyAsync(f.b, SIZE, f.a, SIZE, ACL_MEMCPY_DEVICE_TO_DEVICE, f.stream);
        int filled = copied ? 0 : aclrtMemsetAsync(f.a, SIZE, 9, SIZE, f.stream);
        aq_memory_fail_from(0);
        assert_int_equal(aclrtSynchronizeStream(f.stream), 0);
        assert_all(f.b, copied ? 2 : 1);
        assert_all(f.a, copied || filled ? 1 : 9);
        if (!copied && !filled)
            break;
        assert_true((copied ? copied : filled) == 207001 || (copied ? copied : filled) == 207005);
        refused++;
    }
    assert_true(refused >= 2); /* at least each one's task */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_synchronous_does_not_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_frees_while_queued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pageable_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_out_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
