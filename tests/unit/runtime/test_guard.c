/* SPDX-License-Identifier: Apache-2.0 */
/* test_guard.c - ANTIQUANT_GUARD=1: every access a caller may make works, the first one outside ends the
 * process with a message of the block and the distance. Each case is a process of its own, whose stderr is
 * read. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "runtime/device_memory.h"
#include "support/child.h"
#include "support/message.h"
#include "support/sanitizer.h"

static const char *const guarded[] = {"ANTIQUANT_GUARD=1", NULL};

typedef struct tale {
    char text[4096]; /* what the child wrote to stderr */
    int status;      /* how it ended */
} tale;

static int (*current)(void);
static FILE *errors;

/* In the child: what it writes goes to the file; a line number that is not 0 is the check that failed. */
static void tell(void *result)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    signal(SIGSEGV, SIG_DFL); /* cmocka's own handler would go on with the tests */
    signal(SIGABRT, SIG_DFL);
    dup2(fileno(errors), STDERR_FILENO);
    *(int *)result = aclrtSetDevice(0) == 0 ? current() : -1;
}

static tale tale_of(int (*story)(void))
{
    tale seen = {.status = 0};
    int line = 0;
    errors = tmpfile();
    assert_non_null(errors);
    current = story;
    seen.status = in_child(guarded, tell, &line, sizeof line);
    if (line)
        fail_msg("the check in line %d failed", line);
    rewind(errors);
    seen.text[fread(seen.text, 1, sizeof seen.text - 1, errors)] = '\0';
    fclose(errors);
    return seen;
}

static bool ended_by_fault(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void assert_fault(int (*story)(void), const char *words)
{
    tale seen = tale_of(story);
    if (!ended_by_fault(seen.status) || !strstr(seen.text, words) ||
        strncmp(seen.text, "antiquant: ANTIQUANT_GUARD: access to 0x", 40) != 0)
        fail_msg("status %d, no \"%s\" in: %s", seen.status, words, seen.text);
}

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return __LINE__;                                                                                 \
    } while (0)

static volatile char *block_of(size_t size)
{
    void *block = NULL;
    return aclrtMalloc(&block, size, ACL_MEM_MALLOC_HUGE_FIRST) == 0 ? block : NULL;
}

/* ---- Faults ---- */

static int write_beyond(void)
{
    volatile char *block = block_of(100); /* 160 usable, 32 of which the alignment leaves */
    CHECK(block);
    block[159] = 1;
    block[192] = 1;
    return __LINE__;
}

static int read_beyond(void)
{
    volatile char *block = block_of(32); /* 64 usable: nothing between them and the fault */
    CHECK(block);
    CHECK(block[63] == 0);
    return block[64] + __LINE__;
}

static int write_before(void)
{
    volatile char *block = block_of(4096);
    CHECK(block);
    block[-4096] = 1;
    return __LINE__;
}

static int write_freed(void)
{
    volatile char *block = block_of(1000);
    CHECK(block);
    CHECK(aclrtFree((void *)(uintptr_t)block) == 0);
    block[7] = 1;
    return __LINE__;
}

static int host_beyond(void)
{
    void *block = NULL;
    CHECK(aclrtMallocHost(&block, 64) == 0);
    memset(block, 1, 64);
    ((volatile char *)block)[64 + 9] = 1;
    return __LINE__;
}

static int align32_beyond(void)
{
    void *block = NULL;
    CHECK(aclrtMallocAlign32(&block, 1, ACL_MEM_MALLOC_HUGE_FIRST) == 0); /* 32, and 32 of the alignment */
    ((volatile char *)block)[31] = 1;
    ((volatile char *)block)[64] = 1;
    return __LINE__;
}

/* The library itself is caught too: a copy of more bytes than there are, in the stream's worker. */
static int copy_beyond(void)
{
    void *from = NULL, *to = NULL;
    CHECK(aclrtMalloc(&from, 32, ACL_MEM_MALLOC_HUGE_FIRST) == 0);
    CHECK(aclrtMalloc(&to, 4096, ACL_MEM_MALLOC_HUGE_FIRST) == 0);
    CHECK(aclrtMemcpyAsync(to, 4096, from, 4096, ACL_MEMCPY_DEVICE_TO_DEVICE, NULL) == 0);
    aclrtSynchronizeStream(NULL);
    return __LINE__;
}

static void test_faults(void **state)
{
    (void)state;
    assert_fault(write_beyond, ", 33 bytes beyond the end of a block of aclrtMalloc: 100 bytes asked for, "
                               "160 bytes usable, at 0x");
    assert_fault(read_beyond, ", 1 byte beyond the end of a block of aclrtMalloc: 32 bytes asked for, 64 b");
    assert_fault(write_before, ", 4096 bytes before the begin of a block of aclrtMalloc: 4096 bytes asked");
    assert_fault(write_freed, ", 7 bytes from the begin of a freed block of aclrtMalloc: 1000 bytes asked");
    assert_fault(host_beyond, ", 10 bytes beyond the end of a block of aclrtMallocHost: 64 bytes asked for");
    assert_fault(align32_beyond, ", 33 bytes beyond the end of a block of aclrtMallocAlign32: 1 byte asked");
    assert_fault(copy_beyond, " beyond the end of a block of aclrtMalloc: 32 bytes asked for, 64 bytes u");
}

/* ---- What is no fault of a block ---- */

static int foreign_fault(void)
{
    CHECK(block_of(1));
    volatile char *nobodys = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(nobodys != MAP_FAILED);
    *nobodys = 1;
    return __LINE__;
}

static void test_foreign_fault(void **state)
{
    (void)state;
    tale seen = tale_of(foreign_fault);
    assert_true(ended_by_fault(seen.status));
    assert_null(strstr(seen.text, "ANTIQUANT_GUARD"));
}

/* The program's handler from before is called, as it would be without the library. */
static void leave_simply(int signal)
{
    static const char words[] = "the program's handler\n";
    _exit(write(STDERR_FILENO, words, sizeof words - 1) > 0 && signal == SIGSEGV ? 77 : 78);
}

static void leave_with_address(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    _exit(info->si_addr != NULL ? 79 : 80);
}

static int simple_handler(void)
{
    signal(SIGSEGV, leave_simply);
    return write_freed();
}

static int handler_with_address(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    action.sa_sigaction = leave_with_address;
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    return write_freed();
}

static void test_handlers_before(void **state)
{
    (void)state;
    tale seen = tale_of(simple_handler);
    assert_true(WIFEXITED(seen.status));
    assert_int_equal(WEXITSTATUS(seen.status), 77);
    const char *message = strstr(seen.text, "a freed block"), *program = strstr(seen.text, "the program's");
    assert_true(message && program && message < program);
    seen = tale_of(handler_with_address);
    assert_true(WIFEXITED(seen.status));
    assert_int_equal(WEXITSTATUS(seen.status), 79);
    assert_non_null(strstr(seen.text, "a freed block"));
}

/* A signal that somebody sent still ends the process, and only once. */
static int sent_signal(void)
{
    CHECK(block_of(1));
    raise(SIGSEGV);
    return __LINE__;
}

static void test_sent_signal(void **state)
{
    (void)state;
    tale seen = tale_of(sent_signal);
    assert_true(ended_by_fault(seen.status));
    assert_null(strstr(seen.text, "ANTIQUANT_GUARD"));
}

/* ---- What works ---- */

static int usable_bytes(void)
{
    for (size_t size = 1; size < 9000; size += size < 200 ? 1 : 97) {
        size_t usable = (size + 31) / 32 * 32;
        char *block = NULL;
        CHECK(aclrtMalloc((void **)&block, size, ACL_MEM_MALLOC_HUGE_FIRST) == 0);
        CHECK((uintptr_t)block % 64 == 0);
        memset(block, 1, usable + 32);
        CHECK(aq_memory_kind_of(block + usable + 31) == AQ_MEMORY_DEVICE);
        CHECK(aq_memory_kind_of(block + usable + 32) == AQ_MEMORY_FOREIGN);
        CHECK(aclrtFree(block + 1) == 207002);
        CHECK(aclrtFree(block) == 0);
        CHECK(aclrtFree(block) == 207002);
        CHECK(aclrtMallocHost((void **)&block, size) == 0);
        memset(block, 2, usable);
        CHECK(aclrtFreeHost(block) == 0);
    }
    return 0;
}

/* Many more than are kept after their end: addresses and memory come back. */
static int many_blocks(void)
{
    for (int i = 0; i < 20000; i++) {
        void *block = NULL;
        CHECK(aclrtMalloc(&block, 5000, ACL_MEM_MALLOC_HUGE_FIRST) == 0);
        memset(block, 1, 5000);
        CHECK(aclrtFree(block) == 0);
    }
    static void *blocks[700]; /* several chunks of records */
    for (size_t i = 0; i < 700; i++)
        CHECK(aclrtMalloc(&blocks[i], i + 1, ACL_MEM_MALLOC_HUGE_FIRST) == 0);
    for (size_t i = 0; i < 700; i++)
        CHECK(aclrtFree(blocks[i]) == 0);
    return 0;
}

/* the thread sanitizer ends the process when its own mappings fail */
enum { MOST_BLOCKS = UNDER_THREAD_SANITIZER ? 10000 : 70000 };

/* More live blocks than the system has mappings for: out of memory, and all can be freed and made again. */
static int more_than_mappings(void)
{
    static void *blocks[MOST_BLOCKS];
    for (int round = 0; round < 2; round++) {
        int count = 0, status = 0;
        while (count < MOST_BLOCKS &&
               (status = aclrtMalloc(&blocks[count], 64, ACL_MEM_MALLOC_HUGE_FIRST)) == 0)
            *(char *)blocks[count++] = 1;
        CHECK(status == 0 || status == 207001);
        CHECK(count > 5000);
        while (count > 0)
            CHECK(aclrtFree(blocks[--count]) == 0);
    }
    return 0;
}

/* Freed while work uses it: accessible until the work is done. */
static int pinned_block(void)
{
    char *block = NULL;
    CHECK(aclrtMalloc((void **)&block, 100, ACL_MEM_MALLOC_HUGE_FIRST) == 0);
    aq_block *pin = aq_block_pin(block + 99);
    CHECK(pin);
    CHECK(aclrtFree(block) == 0);
    memset(block, 3, 100);
    aq_block_unpin(pin);
    return 0;
}

static int failing_allocations(void)
{
    void *pointer = NULL;
    CHECK(aclrtMalloc(&pointer, SIZE_MAX, ACL_MEM_MALLOC_HUGE_FIRST) == 207001);
    CHECK(aclrtMalloc(&pointer, SIZE_MAX - 300000, ACL_MEM_MALLOC_HUGE_FIRST) == 207001);
    CHECK(aclrtMalloc(&pointer, (size_t)1 << 62, ACL_MEM_MALLOC_HUGE_FIRST) == 207001);
    int n = 0;
    for (int status = 207001; status; n++) {
        aq_memory_fail_from((uint64_t)n + 1);
        status = aclrtMalloc(&pointer, 1000, ACL_MEM_MALLOC_HUGE_FIRST);
        aq_memory_fail_from(0);
        CHECK(status == 0 || (status == 207001 && !pointer));
    }
    CHECK(n > 2);
    CHECK(aclrtFree(pointer) == 0);
    return 0;
}

static void test_what_works(void **state)
{
    (void)state;
    static int (*const stories[])(void) = {usable_bytes, many_blocks, more_than_mappings, pinned_block,
                                           failing_allocations};
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        tale seen = tale_of(stories[i]);
        if (seen.status != 0 || strstr(seen.text, "ANTIQUANT_GUARD"))
            fail_msg("story %zu: status %d, %s", i, seen.status, seen.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),          cmocka_unit_test(test_foreign_fault),
        cmocka_unit_test(test_handlers_before), cmocka_unit_test(test_sent_signal),
        cmocka_unit_test(test_what_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
