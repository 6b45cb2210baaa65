# SPDX-License-Identifier: Apache-2.0
"""antiquant as a participant: phase 2 of aclnnWeightQuantBatchMatmulV2 and aclrtSynchronizeStream, through the shared
library's public functions and nothing else. One participant for each mode and storage."""
import ctypes
import os
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_uint64, c_void_p

import numpy as np

from data import pack_nibbles
from peer import NotAvailable, Once, Peer, Runner

FLOAT16, INT8, INT4 = 1, 2, 29  # aclDataType
ND = 2  # aclFormat
HUGE_FIRST = 0  # aclrtMemMallocPolicy


class Library(Once):
    """The library, started once in a process."""

    def __init__(self):
        path = os.environ["ANTIQUANT_LIBRARY"]
        if not os.path.isfile(path):
            raise NotAvailable(f"{path} is not there: run make")
        self.c = ctypes.CDLL(path)
        self.c.aclCreateTensor.restype = c_void_p
        self.c.aclCreateTensor.argtypes = [POINTER(c_int64), c_uint64, c_int, POINTER(c_int64), c_int64, c_int,
                                           POINTER(c_int64), c_uint64, c_void_p]
        self.c.aclnnWeightQuantBatchMatmulV2GetWorkspaceSize.argtypes = [c_void_p] * 7 + [
            c_int, c_void_p, POINTER(c_uint64), POINTER(c_void_p)]
        self.multiply = self.c.aclnnWeightQuantBatchMatmulV2
        self.multiply.argtypes = [c_void_p, c_uint64, c_void_p, c_void_p]
        self.synchronize = self.c.aclrtSynchronizeStream
        self.synchronize.argtypes = [c_void_p]
        self.c.aclSetAclOpExecutorRepeatable.argtypes = [c_void_p]
        self.c.aclDestroyAclOpExecutor.argtypes = [c_void_p]
        self.c.aclDestroyTensor.argtypes = [c_void_p]
        self.c.aclrtMalloc.argtypes = [POINTER(c_void_p), c_size_t, c_int]
        self.c.aclrtFree.argtypes = [c_void_p]
        for name in ("aq_version", "aq_numerics", "aq_settings_error", "aclGetRecentErrMsg"):
            getattr(self.c, name).restype = c_char_p
        try:
            self.set_numerics = self.c.aq_executor_set_numerics
            self.set_numerics.argtypes = [c_void_p, c_char_p, POINTER(c_uint64)]
        except AttributeError:
            self.set_numerics = None
        wrong = self.c.aq_settings_error()
        if wrong:
            raise NotAvailable(wrong.decode())
        self.version = self.c.aq_version().decode()
        self.must(self.c.aclInit(None))
        self.must(self.c.aclrtSetDevice(0))
        self.stream = c_void_p()
        self.must(self.c.aclrtCreateStream(byref(self.stream)))

    def must(self, status):
        if status:
            message = self.c.aclGetRecentErrMsg()
            raise RuntimeError(f"status {status}: {message.decode(errors='replace') if message else 'no message'}")

    def memory(self, nbytes):
        address = c_void_p()
        self.must(self.c.aclrtMalloc(byref(address), max(nbytes, 64), HUGE_FIRST))
        return address.value

    def copy(self, array):
        """The array's bytes in memory of the library's."""
        array = np.ascontiguousarray(array)
        address = self.memory(array.nbytes)
        ctypes.memmove(address, array.ctypes.data, array.nbytes)
        return address

    def tensor(self, dims, dtype, address, strides=None):
        count = len(dims)
        shape = (c_int64 * count)(*dims)
        steps = (c_int64 * count)(*strides) if strides else None
        storage = shape if not strides else (c_int64 * count)(*reversed(dims))
        tensor = self.c.aclCreateTensor(shape, count, dtype, steps, 0, ND, storage, count, address)
        if not tensor:
            self.must(-1)
        return tensor


class Ours(Peer):
    """mode: "npu", "exact", "fast", ...; storage: "plain" (k,n) or "transposed" (n,k)."""
    who, keeps_x, x = "antiquant", "16 bit", "f16"

    def __init__(self, threads, mode, storage):
        super().__init__(threads)
        self.mode, self.storage = mode, storage
        self.library = Library.get()
        self.version = self.library.version
        self._choose = self.library.set_numerics
        if not self._choose and mode != self.library.c.aq_numerics().decode():
            raise NotAvailable("this library has one mode a process, ANTIQUANT_NUMERICS="
                               + self.library.c.aq_numerics().decode())
        if self._choose:
            self._try_mode()

    def _try_mode(self):
        """A mode that the library does not have is not available, rather than a failure of every case."""
        from cases import Case, Weight
        from data import Numbers
        weight = Weight("s8", 0, 256, 128)
        try:
            self.prepare(Case(2, weight, self.threads), Numbers(weight)).run()
        except RuntimeError as error:
            raise NotAvailable(str(error)) from None

    def _stored(self, numbers):
        """The weight's bytes as they lie in memory."""
        q = numbers.q if self.storage == "plain" else numbers.rows
        return q if numbers.weight.bits == 8 else pack_nibbles(q)

    def prepare(self, case, numbers):
        library, weight = self.library, case.weight
        owned = Owned(library)
        x = owned.tensor((case.m, weight.k), FLOAT16, owned.copy(numbers.x(case.m)))
        scale_dims = (weight.scale_rows, weight.n) if weight.group else (weight.n,)
        y_address = owned.memory(case.m * weight.n * 2)
        y = owned.tensor((case.m, weight.n), FLOAT16, y_address)
        stored = self._stored(numbers)
        calls = []
        for _ in range(case.copies()):
            scale = owned.tensor(scale_dims, FLOAT16, owned.copy(numbers.scale))
            strides = None if self.storage == "plain" else (1, weight.k)
            w = owned.tensor((weight.k, weight.n), INT8 if weight.bits == 8 else INT4, owned.copy(stored), strides)
            calls.append(self._call(owned, x, w, scale, weight.group, y))
        view = np.ctypeslib.as_array(ctypes.cast(y_address, POINTER(ctypes.c_uint16)), (case.m, weight.n))
        runner = Runner(calls, lambda: view.view(np.float16))
        runner.owned = owned
        return runner

    def _call(self, owned, x, w, scale, group, y):
        library, size, executor = self.library, c_uint64(), c_void_p()
        library.must(library.c.aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(
            x, w, scale, None, None, None, None, group, y, byref(size), byref(executor)))
        owned.executors.append(executor)
        if self._choose:
            library.must(self._choose(executor, self.mode.encode(), byref(size)))
        library.must(library.c.aclSetAclOpExecutorRepeatable(executor))
        workspace = c_void_p(owned.workspace(size.value))
        multiply, synchronize, stream = library.multiply, library.synchronize, library.stream

        def call():
            status = multiply(workspace, size, executor, stream) or synchronize(stream)
            if status:
                library.must(status)
        return call


class Owned:
    """What a runner holds in the library; given back with it."""

    def __init__(self, library):
        self.library, self.tensors, self.addresses, self.executors = library, [], [], []
        self._workspace, self._workspace_size = None, 0

    def memory(self, nbytes):
        self.addresses.append(self.library.memory(nbytes))
        return self.addresses[-1]

    def copy(self, array):
        self.addresses.append(self.library.copy(array))
        return self.addresses[-1]

    def tensor(self, *arguments):
        self.tensors.append(self.library.tensor(*arguments))
        return self.tensors[-1]

    def workspace(self, nbytes):
        """One for all calls of a runner, which follow one another."""
        if not nbytes:
            return None
        if nbytes > self._workspace_size:
            self._workspace, self._workspace_size = self.memory(nbytes), nbytes
        return self._workspace

    def __del__(self):
        for executor in self.executors:
            self.library.c.aclDestroyAclOpExecutor(executor)
        for tensor in self.tensors:
            self.library.c.aclDestroyTensor(tensor)
        for address in self.addresses:
            self.library.c.aclrtFree(address)


def participants(threads, storages):
    return [(f"antiquant {mode} {storage}", lambda mode=mode, storage=storage: Ours(threads, mode, storage))
            for storage in storages for mode in ("npu", "exact", "fast")]
