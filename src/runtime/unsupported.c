/* SPDX-License-Identifier: Apache-2.0 */
/* unsupported.c - functions that exist to be linked and found by name: virtual memory and graph capture
 * answer 207000 (runtime page 4.3), the pools of large workspaces do nothing because there are none. */
#include "acl/acl_rt.h"
#include "aclnn/aclnn_base.h"
#include "base/status.h"

static int refuse(const char *function, const char *feature, const char *instead)
{
    return aq_refuse(207000, &(aq_refusal){.function = function,
                                           .rule = "this library runs on the host CPU",
                                           .actual = feature,
                                           .nearest = instead,
                                           .page = "runtime page 4.3"});
}

static int refuse_virtual_memory(const char *function)
{
    return refuse(function, "virtual device memory is not there", "aclrtMalloc and aclrtFree");
}

static int refuse_capture(const char *function)
{
    return refuse(function, "graph capture is not there", "phase 2 of each operator, on a stream");
}

aclError aclrtReserveMemAddress(void **virPtr, size_t size, size_t alignment, void *expectPtr, uint64_t flags)
{
    (void)virPtr, (void)size, (void)alignment, (void)expectPtr, (void)flags;
    return refuse_virtual_memory("aclrtReserveMemAddress");
}

aclError aclrtReleaseMemAddress(void *virPtr)
{
    (void)virPtr;
    return refuse_virtual_memory("aclrtReleaseMemAddress");
}

aclError aclrtMallocPhysical(aclrtDrvMemHandle *handle, size_t size, const aclrtPhysicalMemProp *prop,
                             uint64_t flags)
{
    (void)handle, (void)size, (void)prop, (void)flags;
    return refuse_virtual_memory("aclrtMallocPhysical");
}

aclError aclrtFreePhysical(aclrtDrvMemHandle handle)
{
    (void)handle;
    return refuse_virtual_memory("aclrtFreePhysical");
}

aclError aclrtMapMem(void *virPtr, size_t size, size_t offset, aclrtDrvMemHandle handle, uint64_t flags)
{
    (void)virPtr, (void)size, (void)offset, (void)handle, (void)flags;
    return refuse_virtual_memory("aclrtMapMem");
}

aclError aclrtUnmapMem(void *virPtr)
{
    (void)virPtr;
    return refuse_virtual_memory("aclrtUnmapMem");
}

aclError aclrtMemGetAllocationGranularity(aclrtPhysicalMemProp *prop, aclrtMemGranularityOptions option,
                                          size_t *granularity) /* NOLINT: the interface has it so */
{
    (void)prop, (void)option, (void)granularity;
    return refuse_virtual_memory("aclrtMemGetAllocationGranularity");
}

aclError aclmdlRICaptureBegin(aclrtStream stream, aclmdlRICaptureMode mode)
{
    (void)stream, (void)mode;
    return refuse_capture("aclmdlRICaptureBegin");
}

aclError aclmdlRICaptureEnd(aclrtStream stream, aclmdlRI *modelRI)
{
    (void)stream, (void)modelRI;
    return refuse_capture("aclmdlRICaptureEnd");
}

aclError aclmdlRIExecuteAsync(aclmdlRI modelRI, aclrtStream stream)
{
    (void)modelRI, (void)stream;
    return refuse_capture("aclmdlRIExecuteAsync");
}

aclError aclmdlRIDestroy(aclmdlRI modelRI)
{
    (void)modelRI;
    return refuse_capture("aclmdlRIDestroy");
}

int InitHugeMemThreadLocal(void *arg, bool sync)
{
    (void)arg, (void)sync;
    return 0;
}

void UnInitHugeMemThreadLocal(void *arg, bool sync)
{
    (void)arg, (void)sync;
}

void ReleaseHugeMem(void *arg, bool sync)
{
    (void)arg, (void)sync;
}
