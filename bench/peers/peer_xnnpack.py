# SPDX-License-Identifier: Apache-2.0
"""XNNPACK, the shared library of it in executorch's wheel (which exports XNNPACK's own functions), through its subgraph
interface: one fully connected layer. fp32 times whole numbers a channel; fp32 times a weight turned into fp32
beforehand; and x quantised to 8 bit row by row ("qd8"), the only one that takes groups."""
import ctypes
import importlib.util
from ctypes import byref, c_float, c_int, c_int32, c_size_t, c_uint32, c_void_p
from pathlib import Path

import numpy as np

from data import aligned, pack_nibbles
from peer import NotAvailable, Once, Peer, Runner, installed

FP32, FP16, QCINT8, QCINT4, QDINT8, QBINT4 = 1, 2, 6, 8, 9, 12  # enum xnn_datatype
INVALID = 0xFFFFFFFF
INPUT, OUTPUT = 1, 2  # XNN_VALUE_FLAG_EXTERNAL_...
X, Y = 0, 1  # numbers of the external values
YIELD_WORKERS = 0x10  # the pool's threads sleep after a run, instead of looking for work for 1000000 rounds
SCALE_WITHOUT_ROUNDING = FP16


NAMES = {"f32": "XNNPACK f32 x int", "dequantised": "XNNPACK fp32, dequantised weight", "qd8": "XNNPACK qd8 x int"}


class ExternalValue(ctypes.Structure):
    _fields_ = [("id", c_uint32), ("data", c_void_p)]


DIMS = ctypes.POINTER(c_size_t)
SIGNATURES = {
    "xnn_initialize": [c_void_p],
    "xnn_create_subgraph": [c_uint32, c_uint32, c_void_p], "xnn_delete_subgraph": [c_void_p],
    "xnn_define_tensor_value": [c_void_p, c_int, c_size_t, DIMS, c_void_p, c_uint32, c_uint32, c_void_p],
    "xnn_define_channelwise_quantized_tensor_value_v2": [
        c_void_p, c_int, c_int32, c_void_p, c_size_t, c_size_t, DIMS, c_void_p, c_uint32, c_uint32, c_void_p],
    "xnn_define_blockwise_quantized_tensor_value_v2": [
        c_void_p, c_int, c_int32, c_void_p, c_size_t, c_size_t, c_size_t, DIMS, c_void_p, c_uint32, c_uint32, c_int,
        c_void_p],
    "xnn_define_dynamically_quantized_tensor_value": [
        c_void_p, c_int, c_size_t, c_size_t, DIMS, c_uint32, c_uint32, c_void_p],
    "xnn_define_convert": [c_void_p, c_uint32, c_uint32, c_uint32],
    "xnn_define_fully_connected": [c_void_p, c_float, c_float, c_uint32, c_uint32, c_uint32, c_uint32, c_uint32],
    "xnn_create_runtime_v2": [c_void_p, c_void_p, c_uint32, c_void_p],
    "xnn_reshape_runtime": [c_void_p],
    "xnn_setup_runtime_v2": [c_void_p, c_size_t, ctypes.POINTER(ExternalValue)],
    "xnn_invoke_runtime": [c_void_p], "xnn_delete_runtime": [c_void_p],
}
STATUS = ("success", "uninitialized", "invalid parameter", "invalid state", "unsupported parameter",
          "unsupported hardware", "out of memory", "reallocation required", "deprecated")


class Library(Once):
    def __init__(self):
        self.version = f"in executorch {installed('executorch')}"
        where = Path(importlib.util.find_spec("executorch").submodule_search_locations[0]) / "lib"
        threads, self.c = (ctypes.CDLL(str(where / f"libexecutorch_{name}.so")) for name in
                           ("threadpool", "backend_xnnpack"))
        self.create_pool = threads.pthreadpool_create
        self.create_pool.restype, self.create_pool.argtypes = c_void_p, [c_size_t]
        for name, arguments in SIGNATURES.items():
            getattr(self.c, name).argtypes = arguments
        self.must("xnn_initialize", None)
        self._pools = {1: None}

    def must(self, name, *arguments):
        status = getattr(self.c, name)(*arguments)
        if status:
            raise RuntimeError(f"{name}: {STATUS[status] if status < len(STATUS) else status}")

    def pool(self, threads):
        if threads not in self._pools:
            self._pools[threads] = self.create_pool(threads)
        return self._pools[threads]


def dims(*sizes):
    return (c_size_t * len(sizes))(*sizes)


class Xnnpack(Peer):
    def __init__(self, threads, kind):
        super().__init__(threads)
        self.library = Library.get()
        self.version = self.library.version
        self.kind = kind
        self.who = NAMES[kind]
        self.keeps_x = "8 bit" if kind == "qd8" else "32 bit"

    def supports(self, case):
        if self.kind == "f32" and case.weight.group:
            return "XNNPACK multiplies fp32 by whole numbers with a scale a channel only"
        if self.kind == "qd8" and case.weight.group and case.weight.bits == 8:
            return "XNNPACK has groups for 4 bit only"
        return None

    def _weight(self, graph, numbers):
        """Defines the weight (n,k): its number in the graph, and the arrays it lies in until it has been packed."""
        weight, library, out = numbers.weight, self.library, c_uint32()
        shape = dims(weight.n, weight.k)
        if self.kind == "dequantised":
            data = np.ascontiguousarray(numbers.dequantised(np.float32).T)
            library.must("xnn_define_tensor_value", graph, FP32, 2, shape, data.ctypes.data, INVALID, 0, byref(out))
            return out, [data]
        q = pack_nibbles(numbers.rows + 8) if weight.bits == 4 else numbers.rows
        if weight.group:
            scale = np.ascontiguousarray(numbers.scale.T)
            library.must("xnn_define_blockwise_quantized_tensor_value_v2", graph, QBINT4, 8, scale.ctypes.data, 2, 0,
                         weight.group, shape, q.ctypes.data, INVALID, 0, SCALE_WITHOUT_ROUNDING, byref(out))
        else:
            scale = numbers.scale[0].astype(np.float32)
            library.must("xnn_define_channelwise_quantized_tensor_value_v2", graph,
                         QCINT8 if weight.bits == 8 else QCINT4, 0 if weight.bits == 8 else 8, scale.ctypes.data, 2, 0,
                         shape, q.ctypes.data, INVALID, 0, byref(out))
        return out, [q, scale]

    def _graph(self, case, numbers):
        library, graph = self.library, c_void_p()
        library.must("xnn_create_subgraph", 2, 0, byref(graph))
        x, y, quantised = c_uint32(), c_uint32(), c_uint32()
        shape = dims(case.m, case.weight.k)
        library.must("xnn_define_tensor_value", graph, FP32, 2, shape, None, X, INPUT, byref(x))
        library.must("xnn_define_tensor_value", graph, FP32, 2, dims(case.m, case.weight.n), None, Y, OUTPUT, byref(y))
        if self.kind == "qd8":
            library.must("xnn_define_dynamically_quantized_tensor_value", graph, QDINT8, 2, 1, shape, INVALID, 0,
                         byref(quantised))
            library.must("xnn_define_convert", graph, x, quantised, 0)
            x = quantised
        w, arrays = self._weight(graph, numbers)
        library.must("xnn_define_fully_connected", graph, float("-inf"), float("inf"), x, w, INVALID, y, 0)
        return graph, arrays

    def prepare(self, case, numbers):
        library = self.library
        graph, arrays = self._graph(case, numbers)
        x = numbers.x(case.m).astype(np.float32)
        x = aligned(np.concatenate([x.ravel(), np.zeros(64, np.float32)]))  # it may read a little beyond the end
        y = aligned(np.zeros((case.m, case.weight.n), np.float32))
        values = (ExternalValue * 2)(ExternalValue(X, x.ctypes.data), ExternalValue(Y, y.ctypes.data))
        invoke, keep, calls = library.c.xnn_invoke_runtime, Runtimes(library, (x, arrays)), []
        size = case.weight.k * case.weight.n * 4 if self.kind == "dequantised" else None
        for _ in range(case.copies(size)):
            runtime = c_void_p()
            library.must("xnn_create_runtime_v2", graph, library.pool(self.threads), YIELD_WORKERS, byref(runtime))
            keep.add(runtime)
            library.must("xnn_reshape_runtime", runtime)
            library.must("xnn_setup_runtime_v2", runtime, 2, values)

            def call(runtime=runtime):
                status = invoke(runtime)
                if status:
                    raise RuntimeError(f"xnn_invoke_runtime: {STATUS[status]}")
            calls.append(call)
        library.must("xnn_delete_subgraph", graph)
        runner = Runner(calls, lambda: y)
        runner.keep = keep
        return runner


class Runtimes:
    def __init__(self, library, arrays):
        self.library, self.arrays, self.all = library, arrays, []

    def add(self, runtime):
        self.all.append(runtime)

    def __del__(self):
        for runtime in self.all:
            self.library.c.xnn_delete_runtime(runtime)


def participants(threads):
    return [(name, lambda kind=kind: Xnnpack(threads, kind)) for kind, name in NAMES.items()]
