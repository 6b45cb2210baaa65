# SPDX-License-Identifier: Apache-2.0
"""life.py: the life of a program in Python, through ctypes and nothing else, in the orders that scripts have: by the
book, with objects that the interpreter collects when everything has been finalized, and in threads."""
import ctypes as c
import struct
import sys
import threading

acl = c.CDLL("libascendcl.so")
base = c.CDLL("libnnopbase.so")
ops = c.CDLL("libopapi.so")
acl.aclGetRecentErrMsg.restype = c.c_char_p
base.aclCreateTensor.restype = c.c_void_p
FLOAT16, INT8, ND = 1, 2, 2
M, N, K = 65, 2, 3


def check(status, what, expected=0):
    if status != expected:
        raise RuntimeError(f"{what} gave {status}: {(acl.aclGetRecentErrMsg() or b'').decode()}")


def halves(*values):
    return struct.pack(f"{len(values)}e", *values)


class Memory:
    """Device memory that goes when Python likes, also after aclFinalize."""

    def __init__(self, size, content=None):
        self.address, self.size = c.c_void_p(), size
        check(acl.aclrtMalloc(c.byref(self.address), c.c_size_t(size), 0), "aclrtMalloc")
        if content:
            check(acl.aclrtMemcpy(self.address, c.c_size_t(size), content, c.c_size_t(len(content)), 1), "aclrtMemcpy")

    def read(self):
        content = c.create_string_buffer(self.size)
        check(acl.aclrtMemcpy(content, c.c_size_t(self.size), self.address, c.c_size_t(self.size), 2), "aclrtMemcpy")
        return content.raw

    def __del__(self):
        if self.address:
            check(acl.aclrtFree(self.address), "aclrtFree")


class Handle:
    def __init__(self, create, destroy):
        self.value, self.destroy = c.c_void_p(), destroy
        check(create(c.byref(self.value)), create.__name__)

    def __del__(self):
        check(self.destroy(self.value), self.destroy.__name__)


class Tensor:
    def __init__(self, dtype, shape, memory):
        dims = (c.c_int64 * len(shape))(*shape)
        rank = c.c_uint64(len(shape))
        self.pointer = c.c_void_p(base.aclCreateTensor(dims, rank, dtype, None, c.c_int64(0), ND, dims, rank,
                                                       memory.address))

    def __del__(self):
        check(base.aclDestroyTensor(self.pointer), "aclDestroyTensor")


class Work:
    """y = x @ (w * scale), x of ones: columns of (1 + 3 + 5) / 2 and (2 + 4 + 6) / 4."""

    def __init__(self):
        self.stream = Handle(acl.aclrtCreateStream, acl.aclrtDestroyStream)
        self.event = Handle(acl.aclrtCreateEvent, acl.aclrtDestroyEvent)
        self.x = Memory(M * K * 2, halves(*[1] * (M * K)))
        self.w = Memory(K * N, bytes([1, 2, 3, 4, 5, 6]))
        self.scale = Memory(N * 2, halves(0.5, 0.25))
        self.y = Memory(M * N * 2)
        self.tensors = [Tensor(FLOAT16, (M, K), self.x), Tensor(INT8, (K, N), self.w),
                        Tensor(FLOAT16, (1, N), self.scale), Tensor(FLOAT16, (M, N), self.y)]

    def queue(self):
        x, w, scale, y = (t.pointer for t in self.tensors)
        size, executor = c.c_uint64(), c.c_void_p()
        check(ops.aclnnWeightQuantBatchMatmulGetWorkspaceSize(
            x, w, None, None, None, None, scale, None, c.c_bool(False), c.c_bool(False), c.c_float(1), c.c_float(0), y,
            c.byref(size), c.byref(executor)), "phase 1")
        workspace = Memory(size.value) if size.value else None
        check(ops.aclnnWeightQuantBatchMatmul(workspace and workspace.address, size, executor, self.stream.value),
              "phase 2")
        check(acl.aclrtRecordEvent(self.event.value, self.stream.value), "aclrtRecordEvent")

    def look(self):
        check(acl.aclrtSynchronizeEvent(self.event.value), "aclrtSynchronizeEvent")
        if self.y.read() != halves(*[4.5, 3] * M):
            raise RuntimeError("y is wrong")


def by_the_book():
    check(acl.aclInit(None), "aclInit")
    check(acl.aclrtSetDevice(0), "aclrtSetDevice")
    work = Work()
    work.queue()
    work.look()
    del work
    check(acl.aclrtResetDevice(0), "aclrtResetDevice")
    check(acl.aclFinalize(), "aclFinalize")


def collected_after_finalize():
    check(acl.aclInit(b""), "aclInit")
    check(acl.aclrtSetDevice(0), "aclrtSetDevice")
    work = Work()
    for _ in range(3):
        work.queue()
    work.look()
    check(acl.aclrtResetDevice(0), "aclrtResetDevice")
    check(acl.aclFinalize(), "aclFinalize")
    check(acl.aclFinalize(), "a second aclFinalize", 100037)
    return work  # collected by the caller


def in_a_thread(errors):
    try:
        check(acl.aclrtSetDevice(0), "aclrtSetDevice")
        work = Work()
        work.queue()
        work.look()
        check(acl.aclrtResetDevice(0), "aclrtResetDevice")
        del work
    except RuntimeError as error:
        errors.append(error)


def main():
    # What __del__ raises is only printed; it shall fail the script.
    errors = []
    sys.unraisablehook = lambda what: errors.append(what.exc_value)
    for _ in range(3):
        by_the_book()
        collected_after_finalize()
        threads = [threading.Thread(target=in_a_thread, args=(errors,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    check(acl.aclrtSynchronizeStream(None), "without a device", 107002)
    assert b"aclrtSetDevice" in acl.aclGetRecentErrMsg()
    print(*errors, sep="\n")
    return 1 if errors else 0


if __name__ == "__main__":
    code = main()
    keep = collected_after_finalize()  # until the interpreter ends
    sys.exit(code)
