/* SPDX-License-Identifier: Apache-2.0 */
/* test_process.c - the init count in every order of calls, configuration files, versions, and what is only
 * there to be linked. The count belongs to the process, so each story is told in a child; CHECK ends it with
 * the line that failed. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "aclnn/aclnn_base.h"
#include "support/child.h"
#include "support/message.h"

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return __LINE__;                                                                                 \
    } while (0)

static int (*current)(void);

static void tell(void *result)
{
    *(int *)result = current();
}

static void assert_story(int (*tale)(void))
{
    static const char *const no_variables[] = {NULL};
    int line = -1;
    current = tale;
    assert_int_equal(in_child(no_variables, tell, &line, sizeof line), 0);
    if (line)
        fail_msg("the check in line %d failed", line);
}

static int first_finalize(void)
{
    uint64_t left = 9;
    CHECK(aclFinalizeReference(&left) == 100037 && left == 9);
    CHECK(aclFinalize() == 0); /* the very first succeeds without an init */
    CHECK(aclFinalize() == 100037);
    CHECK(strstr(aclGetRecentErrMsg(), "aclInit"));
    CHECK(aclInit(NULL) == 0);
    CHECK(aclFinalize() == 0);
    CHECK(aclFinalize() == 100037);
    return 0;
}

static int counting(void)
{
    uint64_t left = 9;
    CHECK(aclInit(NULL) == 0);
    CHECK(aclInit("") == 100002);
    CHECK(strstr(aclGetRecentErrMsg(), "count is now 2"));
    CHECK(aclInit("/nowhere/at/all") == 100002); /* not even looked at */
    CHECK(aclFinalizeReference(NULL) == 100000);
    CHECK(aclFinalizeReference(&left) == 0 && left == 2);
    CHECK(aclFinalizeReference(&left) == 0 && left == 1);
    CHECK(aclInit(NULL) == 100002);
    CHECK(aclFinalizeReference(&left) == 0 && left == 1);
    CHECK(aclFinalizeReference(&left) == 0 && left == 0);
    CHECK(aclFinalizeReference(&left) == 100037);
    CHECK(aclFinalize() == 100037);
    CHECK(aclInit("") == 0);
    CHECK(aclInit("") == 100002);
    CHECK(aclFinalize() == 0); /* to 0 at once */
    CHECK(aclFinalizeReference(&left) == 100037);
    CHECK(aclInit("") == 0);
    return 0;
}

static int objects_without_init(void)
{
    void *pointer = NULL;
    CHECK(aclrtSetDevice(0) == 0);
    CHECK(aclrtMalloc(&pointer, 10, ACL_MEM_MALLOC_HUGE_FIRST) == 0);
    CHECK(aclInit(NULL) == 0 && aclFinalize() == 0);
    CHECK(aclrtMemset(pointer, 10, 1, 10) == 0);
    CHECK(aclrtFree(pointer) == 0);
    CHECK(aclrtResetDevice(0) == 0);
    return 0;
}

/* aclInit with a file of this text; the status. */
static int init_with(const char *text)
{
    char path[] = "/tmp/aq_test_process_XXXXXX";
    int file = mkstemp(path);
    if (file < 0 || write(file, text, strlen(text)) != (ssize_t)strlen(text))
        return -1;
    close(file);
    int status = aclInit(path);
    unlink(path);
    return status;
}

static int configurations(void)
{
    CHECK(init_with("") == 100006);
    CHECK(strstr(aclGetRecentErrMsg(), "configPath"));
    CHECK(init_with(" \n") == 100006);
    CHECK(init_with("{\"dump\": }") == 100006);
    CHECK(strstr(aclGetRecentErrMsg(), "byte 9"));
    CHECK(init_with("dump: 1") == 100006);
    CHECK(init_with("{} trailing") == 100006);
    CHECK(aclInit("/nowhere/at/all.json") == 100003);
    CHECK(strstr(aclGetRecentErrMsg(), "No such file"));
    CHECK(aclInit("/tmp") == 100003); /* a directory opens, but cannot be read */
    CHECK(strstr(aclGetRecentErrMsg(), "irectory"));
    CHECK(aclInit("/dev/null") == 100006);
    CHECK(aclInit("/dev/zero") == 100006); /* endless */
    /* none of them counted */
    CHECK(init_with("{\"dump\": {\"dump_list\": []}}\n") == 0);
    CHECK(aclFinalize() == 0);
    CHECK(init_with("{}") == 0);
    return 0;
}

static int operators_base(void)
{
    CHECK(aclnnFinalize() == 0);
    CHECK(aclnnInit(NULL) == 0);
    CHECK(aclnnInit("/nowhere/at/all") == 0);
    CHECK(aclnnFinalize() == 0);
    CHECK(aclnnFinalize() == 0);
    CHECK(InitHugeMemThreadLocal(NULL, true) == 0);
    UnInitHugeMemThreadLocal(NULL, false);
    ReleaseHugeMem(NULL, false);
    CHECK(aclFinalize() == 0); /* untouched by the above */
    return 0;
}

static void test_first_finalize(void **state)
{
    (void)state;
    assert_story(first_finalize);
}

static void test_counting(void **state)
{
    (void)state;
    assert_story(counting);
}

static void test_objects_without_init(void **state)
{
    (void)state;
    assert_story(objects_without_init);
}

static void test_configurations(void **state)
{
    (void)state;
    assert_story(configurations);
}

static void test_operators_base(void **state)
{
    (void)state;
    assert_story(operators_base);
}

static void test_versions(void **state)
{
    (void)state;
    int32_t major = -1, minor = -1, patch = -1;
    assert_refused(aclrtGetVersion(NULL, &minor, &patch), 100000, "majorVersion");
    assert_refused(aclrtGetVersion(&major, NULL, &patch), 100000, "minorVersion");
    assert_refused(aclrtGetVersion(&major, &minor, NULL), 100000, "patchVersion");
    assert_int_equal(major + minor + patch, -3);
    assert_int_equal(aclrtGetVersion(&major, &minor, &patch), 0);
    assert_int_equal(major, 1);
    assert_int_equal(minor, 13);
    assert_int_equal(patch, 0);
    assert_string_equal(aclrtGetSocName(), "Ascend910B3");
}

/* The text of an error is handed out once, in the form of runtime page 4.6. */
static void test_error_text(void **state)
{
    (void)state;
    assert_int_equal(aclrtFree(NULL), 100000);
    assert_int_equal(aclrtGetVersion(NULL, NULL, NULL), 100000); /* replaces it */
    const char *text = aclGetRecentErrMsg();
    assert_non_null(text);
    assert_memory_equal(text, "EE1001: ", 8);
    assert_non_null(strstr(text, "aclrtGetVersion"));
    assert_non_null(strstr(text, "\n    rule: must not be null"));
    assert_non_null(strstr(text, "runtime page 4.5"));
    assert_null(aclGetRecentErrMsg());
}

static void test_absent_features(void **state)
{
    void *pointer = state;
    size_t granularity = 77;
    assert_refused(aclrtReserveMemAddress(&pointer, 1, 0, NULL, 0), 207000, "aclrtReserveMemAddress");
    assert_refused(aclrtReleaseMemAddress(pointer), 207000, "aclrtReleaseMemAddress");
    assert_refused(aclrtMallocPhysical(&pointer, 1, NULL, 0), 207000, "aclrtMallocPhysical");
    assert_refused(aclrtFreePhysical(pointer), 207000, "aclrtFreePhysical");
    assert_refused(aclrtMapMem(pointer, 1, 0, pointer, 0), 207000, "aclrtMapMem");
    assert_refused(aclrtUnmapMem(pointer), 207000, "aclrtUnmapMem");
    assert_refused(aclrtMemGetAllocationGranularity(NULL, ACL_RT_MEM_ALLOC_GRANULARITY_MINIMUM, &granularity),
                   207000, "aclrtMemGetAllocationGranularity");
    assert_refused(aclmdlRICaptureBegin(NULL, ACL_MODEL_RI_CAPTURE_MODE_GLOBAL), 207000, "CaptureBegin");
    assert_refused(aclmdlRICaptureEnd(NULL, &pointer), 207000, "CaptureEnd");
    assert_refused(aclmdlRIExecuteAsync(pointer, NULL), 207000, "ExecuteAsync");
    assert_refused(aclmdlRIDestroy(pointer), 207000, "aclmdlRIDestroy");
    assert_ptr_equal(pointer, state);
    assert_int_equal(granularity, 77);
    /* nulls are not looked at either */
    assert_refused(aclrtReserveMemAddress(NULL, 0, 0, NULL, 0), 207000, "virtual");
    assert_refused(aclrtMallocPhysical(NULL, 0, NULL, 0), 207000, "virtual");
    assert_refused(aclmdlRICaptureEnd(NULL, NULL), 207000, "capture");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_finalize),       cmocka_unit_test(test_counting),
        cmocka_unit_test(test_objects_without_init), cmocka_unit_test(test_configurations),
        cmocka_unit_test(test_operators_base),       cmocka_unit_test(test_versions),
        cmocka_unit_test(test_error_text),           cmocka_unit_test(test_absent_features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
