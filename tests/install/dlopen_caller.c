/* SPDX-License-Identifier: Apache-2.0 */
/* dlopen_caller LIBRARY [SYMBOL...]: every symbol is reachable through the handle of LIBRARY (libopapi.so);
 * the functions are the real ones; and all library names share one state. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "acl/acl.h"
#include "aclnn/acl_meta.h"
#include "aclnnop/aclnn_cast.h"

static int failures;

static void expect(int ok, const char *what)
{
    if (!ok) {
        printf("failed: %s\n", what);
        failures++;
    }
}

static void *find(void *library, const char *symbol)
{
    void *address = dlsym(library, symbol);
    if (!address) {
        printf("failed: %s\n", dlerror());
        exit(1);
    }
    return address;
}

#define FIND(library, function)                                                                              \
    __typeof__(&function) p_##function = (__typeof__(&function))find(library, #function)

/* A cast of two floats with functions of one handle only. */
static void run_cast(void *library)
{
    FIND(library, aclrtMalloc);
    FIND(library, aclrtMemcpy);
    FIND(library, aclCreateTensor);
    FIND(library, aclnnCastGetWorkspaceSize);
    FIND(library, aclnnCast);
    FIND(library, aclrtSynchronizeDevice);
    FIND(library, aclDestroyTensor);
    FIND(library, aclrtFree);
    const float in[2] = {1.0f, -2.0f};
    uint16_t out[2] = {0, 0};
    const int64_t shape[1] = {2};
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    void *from = NULL, *to = NULL;

    expect(p_aclrtMalloc(&from, sizeof(in), ACL_MEM_MALLOC_NORMAL_ONLY) == 0, "aclrtMalloc");
    expect(p_aclrtMalloc(&to, sizeof(out), ACL_MEM_MALLOC_NORMAL_ONLY) == 0, "aclrtMalloc");
    expect(p_aclrtMemcpy(from, sizeof(in), in, sizeof(in), ACL_MEMCPY_HOST_TO_DEVICE) == 0, "aclrtMemcpy");
    aclTensor *self = p_aclCreateTensor(shape, 1, ACL_FLOAT, NULL, 0, ACL_FORMAT_ND, shape, 1, from);
    aclTensor *result = p_aclCreateTensor(shape, 1, ACL_FLOAT16, NULL, 0, ACL_FORMAT_ND, shape, 1, to);
    expect(self && result, "aclCreateTensor");
    expect(p_aclnnCastGetWorkspaceSize(self, ACL_FLOAT16, result, &size, &executor) == 0, "cast, phase 1");
    expect(p_aclnnCast(NULL, 0, executor, NULL) == 0, "cast, phase 2");
    expect(p_aclrtSynchronizeDevice() == 0, "aclrtSynchronizeDevice");
    expect(p_aclrtMemcpy(out, sizeof(out), to, sizeof(out), ACL_MEMCPY_DEVICE_TO_HOST) == 0, "aclrtMemcpy");
    expect(out[0] == 0x3C00 && out[1] == 0xC000, "1 and -2 in fp16");
    expect(p_aclDestroyTensor(self) == 0 && p_aclDestroyTensor(result) == 0, "aclDestroyTensor");
    expect(p_aclrtFree(from) == 0 && p_aclrtFree(to) == 0, "aclrtFree");
}

int main(int argc, char **argv)
{
    static const char *const others[] = {"libascendcl.so", "libacl_rt.so", "libantiquant.so"};
    void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library) {
        printf("failed: %s\n", dlerror());
        return 1;
    }
    for (int i = 2; i < argc; i++) {
        find(library, argv[i]);
    }

    /* One state: the device set through one name is current through the others. */
    FIND(library, aclrtSetDevice);
    FIND(library, aclrtGetDevice);
    FIND(library, aclrtResetDevice);
    int32_t device = -1;
    expect(p_aclrtGetDevice(&device) != 0, "no device before aclrtSetDevice");
    expect(p_aclrtSetDevice(0) == 0, "aclrtSetDevice");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        void *other = dlopen(others[i], RTLD_LAZY | RTLD_LOCAL);
        if (!other) { /* not on the library path: then only the names that are loaded */
            other = dlopen(others[i], RTLD_LAZY | RTLD_NOLOAD);
        }
        if (other) {
            __typeof__(&aclrtGetDevice) get = (__typeof__(&aclrtGetDevice))find(other, "aclrtGetDevice");
            device = -1;
            expect(get(&device) == 0 && device == 0, others[i]);
        }
    }
    run_cast(library);
    expect(p_aclrtResetDevice(0) == 0, "aclrtResetDevice");
    expect(dlclose(library) == 0, "dlclose");
    printf("%d symbols found, %d failures\n", argc - 2, failures);
    return failures != 0;
}
