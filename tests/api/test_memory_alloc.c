/* SPDX-License-Identifier: Apache-2.0 */
/* test_memory_alloc.c - allocation through the public functions: each row of runtime page 4.5 that concerns
 * it, every null, frees without a context and after the end, and aclrtGetMemInfo against the system. */
#include <pthread.h>
#include <stdio.h>
#include <sys/sysinfo.h>

#include "support/message.h"

static int set_device(void **state)
{
    (void)state;
    return aclrtSetDevice(0);
}

static int reset_device(void **state)
{
    (void)state;
    return aclrtResetDevice(0);
}

static void test_policies(void **state)
{
    (void)state;
    for (int policy = ACL_MEM_MALLOC_HUGE_FIRST; policy <= ACL_MEM_MALLOC_NORMAL_ONLY_P2P; policy++) {
        void *pointer = NULL;
        assert_int_equal(aclrtMalloc(&pointer, 1, (aclrtMemMallocPolicy)policy), 0);
        assert_non_null(pointer);
        assert_int_equal(aclrtFree(pointer), 0);
    }
    void *pointer = NULL;
    assert_refused(aclrtMalloc(&pointer, 1, (aclrtMemMallocPolicy)6), 100000, "policy");
    assert_refused(aclrtMallocAlign32(&pointer, 1, (aclrtMemMallocPolicy)-1), 100000, "policy");
    assert_null(pointer);
}

static void test_null_and_zero(void **state)
{
    void *pointer = state;
    assert_refused(aclrtMalloc(NULL, 1, ACL_MEM_MALLOC_HUGE_FIRST), 100000, "devPtr");
    assert_refused(aclrtMallocAlign32(NULL, 1, ACL_MEM_MALLOC_HUGE_FIRST), 100000, "devPtr");
    assert_refused(aclrtMallocHost(NULL, 1), 100000, "hostPtr");
    assert_refused(aclrtMalloc(&pointer, 0, ACL_MEM_MALLOC_HUGE_FIRST), 100000, "size");
    assert_refused(aclrtMallocAlign32(&pointer, 0, ACL_MEM_MALLOC_HUGE_FIRST), 100000, "size");
    assert_refused(aclrtMallocHost(&pointer, 0), 100000, "size");
    assert_refused(aclrtFree(NULL), 100000, "devPtr");
    assert_refused(aclrtFreeHost(NULL), 100000, "hostPtr");
    assert_ptr_equal(pointer, state);
}

static void test_wrong_frees(void **state)
{
    char *device = NULL, *host = NULL;
    assert_int_equal(aclrtMalloc((void **)&device, 64, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    assert_int_equal(aclrtMallocHost((void **)&host, 64), 0);
    assert_refused(aclrtFree(state), 207002, "never handed out");
    assert_refused(aclrtFreeHost(state), 207002, "never handed out");
    assert_refused(aclrtFree((void *)(uintptr_t)1), 207002, "never handed out");
    assert_refused(aclrtFree((void *)UINTPTR_MAX), 207002, "never handed out");
    assert_refused(aclrtFree(device + 32), 207002, "start");
    assert_refused(aclrtFree(host), 207002, "aclrtMallocHost");
    assert_refused(aclrtFreeHost(device), 207002, "aclrtMalloc");
    memset(device, 0, 64);
    memset(host, 0, 64);
    assert_int_equal(aclrtFree(device), 0);
    assert_int_equal(aclrtFreeHost(host), 0);
    assert_refused(aclrtFree(device), 207002, "freed already");
    assert_refused(aclrtFreeHost(host), 207002, "freed already");
}

/* In a thread that has no context; pointers to free come in from outside. */
static void *without_context(void *arguments)
{
    void **blocks = arguments, *pointer = NULL;
    size_t available = 0, total = 0;
    if (aclrtMalloc(&pointer, 1, ACL_MEM_MALLOC_HUGE_FIRST) != 107002)
        return "aclrtMalloc";
    if (!strstr(aclGetRecentErrMsg(), "aclrtSetDevice"))
        return "message";
    if (aclrtMallocAlign32(&pointer, 1, ACL_MEM_MALLOC_HUGE_FIRST) != 107002)
        return "aclrtMallocAlign32";
    if (aclrtMallocHost(&pointer, 1) != 107002)
        return "aclrtMallocHost";
    if (aclrtMalloc(&pointer, 0, ACL_MEM_MALLOC_HUGE_FIRST) != 100000)
        return "size 0 comes first";
    if (aclrtGetMemInfo(ACL_HBM_MEM, &available, &total) != 107002)
        return "aclrtGetMemInfo";
    if (aclrtFree(blocks[0]) != 0 || aclrtFreeHost(blocks[1]) != 0)
        return "free";
    return pointer || available || total ? "outputs" : NULL;
}

static void test_no_context(void **state)
{
    (void)state;
    void *blocks[2], *problem = NULL;
    assert_int_equal(aclrtMalloc(&blocks[0], 1, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    assert_int_equal(aclrtMallocHost(&blocks[1], 1), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, without_context, blocks), 0);
    pthread_join(thread, &problem);
    if (problem)
        fail_msg("%s", (const char *)problem);
}

static void test_frees_after_the_end(void **state)
{
    (void)state;
    void *device = NULL, *host = NULL;
    assert_int_equal(aclInit(NULL), 0);
    assert_int_equal(aclrtMalloc(&device, 100, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    assert_int_equal(aclrtMallocHost(&host, 100), 0);
    assert_int_equal(aclrtResetDevice(0), 0);
    assert_int_equal(aclFinalize(), 0);
    memset(device, 1, 100);
    assert_int_equal(aclrtFree(device), 0);
    assert_int_equal(aclrtFreeHost(host), 0);
    assert_refused(aclrtMalloc(&device, 1, ACL_MEM_MALLOC_HUGE_FIRST), 107002, "context");
    assert_int_equal(aclrtSetDevice(0), 0);
}

static void test_memory_info(void **state)
{
    (void)state;
    struct sysinfo machine;
    assert_int_equal(sysinfo(&machine), 0);
    uint64_t physical = (uint64_t)machine.totalram * machine.mem_unit;
    for (int attr = ACL_DDR_MEM; attr <= ACL_HBM_MEM_NORMAL; attr++) {
        size_t available = 0, total = 0;
        assert_int_equal(aclrtGetMemInfo((aclrtMemAttr)attr, &available, &total), 0);
        assert_true(total > 0 && total <= physical);
        assert_true(available > 0 && available <= total);
    }
    size_t available = 1, total = 2;
    assert_refused(aclrtGetMemInfo(ACL_HBM_MEM, NULL, &total), 100000, "free");
    assert_refused(aclrtGetMemInfo(ACL_HBM_MEM, &available, NULL), 100000, "total");
    assert_refused(aclrtGetMemInfo((aclrtMemAttr)6, &available, &total), 100000, "attr");
    assert_int_equal(available, 1);
    assert_int_equal(total, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policies),    cmocka_unit_test(test_null_and_zero),
        cmocka_unit_test(test_wrong_frees), cmocka_unit_test(test_no_context),
        cmocka_unit_test(test_memory_info), cmocka_unit_test(test_frees_after_the_end),
    };
    return cmocka_run_group_tests(tests, set_device, reset_device);
}
