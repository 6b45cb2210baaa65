/* SPDX-License-Identifier: Apache-2.0 */
/* life.cpp - a C++11 program as they are written: owners with destructors, threads, and a static owner that
 * releases its stream and memory when main has returned and everything is finalized. */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "acl/acl.h"
#include "aclnn/acl_meta.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul.h"

namespace
{

void check(int status, const char *what)
{
    if (status == 0)
        return;
    const char *text = aclGetRecentErrMsg();
    throw std::runtime_error(std::string(what) + " gave " + std::to_string(status) + "\n" +
                             (text ? text : ""));
}

/* Destructors cannot throw: what fails there is told by the exit status. */
void check_end(int status, const char *what)
{
    if (status == 0)
        return;
    std::fprintf(stderr, "%s gave %d\n", what, status);
    std::_Exit(3);
}

class Memory
{
  public:
    explicit Memory(std::size_t bytes)
    {
        check(aclrtMalloc(&address_, bytes, ACL_MEM_MALLOC_HUGE_FIRST), "aclrtMalloc");
    }
    ~Memory() { check_end(aclrtFree(address_), "aclrtFree"); }
    Memory(const Memory &) = delete;
    Memory &operator=(const Memory &) = delete;
    void *get() const { return address_; }

  private:
    void *address_ = nullptr;
};

class Stream
{
  public:
    Stream() { check(aclrtCreateStream(&handle_), "aclrtCreateStream"); }
    ~Stream() { check_end(aclrtDestroyStream(handle_), "aclrtDestroyStream"); }
    Stream(const Stream &) = delete;
    Stream &operator=(const Stream &) = delete;
    aclrtStream get() const { return handle_; }

  private:
    aclrtStream handle_ = nullptr;
};

struct Kept { /* lives as long as the process */
    std::unique_ptr<Stream> stream;
    std::unique_ptr<Memory> memory;
};
Kept kept;

using Tensor = std::unique_ptr<aclTensor, aclnnStatus (*)(const aclTensor *)>;

Tensor matrix(aclDataType dtype, std::vector<int64_t> shape, void *data)
{
    return Tensor(aclCreateTensor(shape.data(), shape.size(), dtype, nullptr, 0, ACL_FORMAT_ND, shape.data(),
                                  shape.size(), data),
                  aclDestroyTensor);
}

/* y = ones(65, k) @ (w * 0.5), w of ones: k / 2 everywhere. */
void multiply(int64_t k)
{
    const int64_t m = 65, n = 40;
    check(aclrtSetDevice(0), "aclrtSetDevice");
    {
        Stream stream;
        std::vector<aclFloat16> x(m * k, aclFloatToFloat16(1.0f)), scale(n, aclFloatToFloat16(0.5f)),
            y(m * n);
        std::vector<int8_t> w(k * n, 1);
        Memory device(x.size() * sizeof x[0]);
        check(aclrtMemcpy(device.get(), x.size() * 2, x.data(), x.size() * 2, ACL_MEMCPY_HOST_TO_DEVICE),
              "aclrtMemcpy");
        Tensor x1 = matrix(ACL_FLOAT16, {m, k}, device.get()), x2 = matrix(ACL_INT8, {k, n}, w.data()),
               mul = matrix(ACL_FLOAT16, {1, n}, scale.data()), out = matrix(ACL_FLOAT16, {m, n}, y.data());
        uint64_t size = 0;
        aclOpExecutor *executor = nullptr;
        check(aclnnWeightQuantBatchMatmulGetWorkspaceSize(x1.get(), x2.get(), nullptr, nullptr, nullptr,
                                                          nullptr, mul.get(), nullptr, false, false, 1.0f,
                                                          0.0f, out.get(), &size, &executor),
              "phase 1");
        {
            Memory workspace(size);
            check(aclnnWeightQuantBatchMatmul(workspace.get(), size, executor, stream.get()), "phase 2");
        } /* released while it is used */
        check(aclrtSynchronizeStream(stream.get()), "aclrtSynchronizeStream");
        for (aclFloat16 value : y)
            if (aclFloat16ToFloat(value) != static_cast<float>(k) / 2)
                throw std::runtime_error("wrong value");
    }
    check(aclrtResetDevice(0), "aclrtResetDevice");
}

void report(void *called)
{
    *static_cast<bool *>(called) = true;
}

/* A callback, run by a thread of the program's own. */
void call_back()
{
    check(aclrtSetDevice(0), "aclrtSetDevice");
    aclrtContext context = nullptr;
    bool called = false;
    check(aclrtGetCurrentContext(&context), "aclrtGetCurrentContext");
    std::thread runner([context] {
        check(aclrtSetCurrentContext(context), "aclrtSetCurrentContext");
        while (aclrtProcessReport(100) != 0)
            std::this_thread::yield();
    });
    uint64_t id = static_cast<uint64_t>(runner.native_handle());
    Stream stream;
    check(aclrtSubscribeReport(id, stream.get()), "aclrtSubscribeReport");
    check(aclrtLaunchCallback(report, &called, ACL_CALLBACK_BLOCK, stream.get()), "aclrtLaunchCallback");
    check(aclrtSynchronizeStream(stream.get()), "aclrtSynchronizeStream");
    runner.join();
    check(called ? 0 : 1, "the callback");
    check(aclrtUnSubscribeReport(id, stream.get()), "aclrtUnSubscribeReport");
}

} // namespace

int main()
{
    try {
        check(aclInit(nullptr), "aclInit");
        check(aclrtSetDevice(0), "aclrtSetDevice");
        kept.stream.reset(new Stream);
        kept.memory.reset(new Memory(1000));
        std::vector<std::thread> threads;
        for (int64_t k = 1; k <= 4; k++)
            threads.emplace_back(multiply, k * 50);
        for (std::thread &thread : threads)
            thread.join();
        call_back();
        check(aclrtResetDevice(0), "aclrtResetDevice");
        check(aclrtResetDevice(0), "aclrtResetDevice");
        check(aclFinalize(), "aclFinalize");
    } catch (const std::exception &error) {
        std::printf("%s\n", error.what());
        return 1;
    }
    return 0; /* kept ends after this */
}
