/* SPDX-License-Identifier: Apache-2.0 */
/* test_memory.c - blocks: which addresses belong to one, what a pin keeps alive, and what a failing allocator
 * leaves behind. Under the address sanitizer it also shows that usable bytes are usable and that a freed
 * block is released exactly once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "runtime/device_memory.h"
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

/* The only live block: its bytes are its own, its neighbours nobody's. */
static void assert_edges(const char *block, size_t usable, aq_memory_kind kind)
{
    assert_int_equal(aq_memory_kind_of(block), kind);
    assert_int_equal(aq_memory_kind_of(block + usable - 1), kind);
    assert_int_equal(aq_memory_kind_of(block + usable), AQ_MEMORY_FOREIGN);
    assert_int_equal(aq_memory_kind_of(block - 1), AQ_MEMORY_FOREIGN);
}

static void test_sizes_and_alignment(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 130; size++) {
        size_t rounded = (size + 31) / 32 * 32;
        char *block = NULL;
        assert_int_equal(aclrtMalloc((void **)&block, size, ACL_MEM_MALLOC_HUGE_FIRST), 0);
        assert_int_equal((uintptr_t)block % 64, 0);
        memset(block, 1, rounded + 32);
        assert_edges(block, rounded + 32, AQ_MEMORY_DEVICE);
        assert_int_equal(aclrtFree(block), 0);
        assert_int_equal(aclrtMallocAlign32((void **)&block, size, ACL_MEM_MALLOC_NORMAL_ONLY), 0);
        assert_int_equal((uintptr_t)block % 32, 0);
        memset(block, 2, rounded);
        assert_edges(block, rounded, AQ_MEMORY_DEVICE);
        assert_int_equal(aclrtFree(block), 0);
        assert_int_equal(aclrtMallocHost((void **)&block, size), 0);
        memset(block, 3, size);
        assert_edges(block, rounded, AQ_MEMORY_HOST);
        assert_int_equal(aclrtFreeHost(block), 0);
        assert_int_equal(aq_memory_kind_of(block), AQ_MEMORY_FOREIGN);
    }
    assert_int_equal(aq_memory_kind_of(NULL), AQ_MEMORY_FOREIGN);
    assert_int_equal(aq_memory_kind_of(state), AQ_MEMORY_FOREIGN);
}

/* Whether the system was asked for huge pages there ("hg" in /proc/self/smaps); -1: it does not tell. */
static int is_advised(const void *address)
{
    char line[512];
    int advised = -1;
    bool here = false;
    FILE *maps = fopen("/proc/self/smaps", "re");
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long begin, end;
        if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
            here = (uintptr_t)address >= begin && (uintptr_t)address < end;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            advised = strstr(line, " hg") != NULL;
    }
    if (maps)
        fclose(maps);
    return advised;
}

/* Blocks that fill a huge page lie on them, unless the caller wants others. */
static void test_large_blocks(void **state)
{
    (void)state;
    enum { huge = 2 << 20 };
    static const size_t sizes[] = {huge - 96, huge - 32, huge * 3 + 1000};
    for (size_t i = 0; i < 3; i++)
        for (int policy = ACL_MEM_MALLOC_HUGE_FIRST; policy <= ACL_MEM_MALLOC_NORMAL_ONLY_P2P; policy++) {
            bool normal = policy == ACL_MEM_MALLOC_NORMAL_ONLY || policy == ACL_MEM_MALLOC_NORMAL_ONLY_P2P;
            size_t usable = (sizes[i] + 31) / 32 * 32 + 32;
            char *block = NULL;
            assert_int_equal(aclrtMalloc((void **)&block, sizes[i], (aclrtMemMallocPolicy)policy), 0);
            memset(block, policy, usable);
            assert_edges(block, usable, AQ_MEMORY_DEVICE);
            if (!normal && usable >= huge && getenv("ANTIQUANT_GUARD") == NULL) {
                assert_int_equal((uintptr_t)block % huge, 0);
                assert_int_not_equal(is_advised(block), 0);
            }
            assert_int_equal(aclrtFree(block), 0);
        }
}

static void test_pins(void **state)
{
    char *block = NULL;
    assert_int_equal(aclrtMalloc((void **)&block, 100, ACL_MEM_MALLOC_HUGE_FIRST), 0);
    memset(block, 7, 100);
    aq_block *first = aq_block_pin(block), *second = aq_block_pin(block + 99);
    assert_non_null(first);
    assert_ptr_equal(first, second);
    assert_int_equal(aclrtFree(block), 0);
    /* freed for the caller, still there for the holders */
    assert_int_equal(aq_memory_kind_of(block), AQ_MEMORY_FOREIGN);
    assert_null(aq_block_pin(block));
    assert_refused(aclrtFree(block), 207002, "freed already");
    assert_int_equal(block[99], 7);
    aq_block_unpin(first);
    assert_int_equal(block[0], 7);
    aq_block_unpin(second);
    assert_refused(aclrtFree(block), 207002, "devPtr");

    assert_null(aq_block_pin(NULL));
    assert_null(aq_block_pin(state));
    aq_block_unpin(NULL);
}

/* A pin that ends before the free changes nothing. */
static void test_unpinned_before_free(void **state)
{
    (void)state;
    void *block = NULL;
    assert_int_equal(aclrtMallocHost(&block, 1), 0);
    aq_block_unpin(aq_block_pin(block));
    assert_int_equal(aq_memory_kind_of(block), AQ_MEMORY_HOST);
    assert_int_equal(aclrtFreeHost(block), 0);
}

/* Many blocks at once, freed in another order: each is found by its own bytes only. */
static void test_many(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static char *blocks[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(aclrtMallocAlign32((void **)&blocks[i], 32 + 32 * (i % 7), ACL_MEM_MALLOC_HUGE_ONLY),
                         0);
    for (size_t i = 0; i < COUNT; i++) {
        aq_block *at_start = aq_block_pin(blocks[i]), *at_end = aq_block_pin(blocks[i] + 31 + 32 * (i % 7));
        aq_block *next = aq_block_pin(blocks[(i + 1) % COUNT]);
        assert_non_null(at_start);
        assert_ptr_equal(at_start, at_end);
        assert_ptr_not_equal(at_start, next);
        aq_block_unpin(at_start);
        aq_block_unpin(at_end);
        aq_block_unpin(next);
    }
    for (size_t i = 0; i < COUNT; i++) /* 377 and 1000 have no common divisor */
        assert_int_equal(aclrtFree(blocks[i * 377 % COUNT]), 0);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    void *pointer = state;
    assert_refused(aclrtMalloc(&pointer, SIZE_MAX, ACL_MEM_MALLOC_HUGE_FIRST), 207001, "aclrtMalloc");
    assert_refused(aclrtMalloc(&pointer, SIZE_MAX - 62, ACL_MEM_MALLOC_HUGE_FIRST), 207001, "aclrtMalloc");
    assert_refused(aclrtMallocHost(&pointer, SIZE_MAX), 207001, "aclrtMallocHost");
    assert_ptr_equal(pointer, state);
    uint64_t n = 0;
    for (int status = 207001; status; n++) {
        aq_memory_fail_from(n + 1);
        status = aclrtMalloc(&pointer, 1000, ACL_MEM_MALLOC_HUGE_FIRST);
        aq_memory_fail_from(0);
        if (status)
            assert_int_equal(status, 207001);
    }
    assert_true(n > 1);
    assert_int_equal(aclrtFree(pointer), 0);
}

/* Allocates, pins, frees and unpins; blocks of other threads must not get in the way. */
static void *churn(void *seed)
{
    uint32_t random = *(const uint32_t *)seed;
    for (int step = 0; step < 2000; step++) {
        random = random * 1664525u + 1013904223u; /* Numerical Recipes' generator */
        size_t size = 1 + (random >> 8) % 5000;
        unsigned char *block = NULL;
        if (aclrtMalloc((void **)&block, size, ACL_MEM_MALLOC_HUGE_FIRST) != 0)
            return "malloc";
        memset(block, (int)(random >> 24), size);
        aq_block *pin = aq_block_pin(block + size - 1);
        if (!pin || aclrtFree(block) != 0)
            return "pin or free";
        if (block[0] != random >> 24 || block[size - 1] != random >> 24)
            return "contents";
        aq_block_unpin(pin);
    }
    return NULL;
}

static void *churn_with_context(void *seed)
{
    if (aclrtSetDevice(0) != 0)
        return "set device";
    void *problem = churn(seed);
    return aclrtResetDevice(0) == 0 ? problem : "reset device";
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    uint32_t seeds[4] = {1, 2, 3, 4};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn_with_context, &seeds[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *problem = NULL;
        pthread_join(threads[i], &problem);
        if (problem)
            fail_msg("thread %d: %s", i, (const char *)problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_and_alignment),
        cmocka_unit_test(test_large_blocks),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_unpinned_before_free),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, set_device, reset_device);
}
