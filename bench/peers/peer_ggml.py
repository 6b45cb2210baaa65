# SPDX-License-Identifier: Apache-2.0
"""ggml's CPU backend, built for this machine from llama-cpp-python's source package, through its public C interface.
Q8_0 and Q4_0 are blocks of 32 along k with an fp16 scale; ours fit unchanged. Each block of 32 of x is quantised to 8 bit.
F16, on weights turned into fp16 beforehand, rounds x to fp16: the only one here that keeps 16 bits."""
import ctypes
from ctypes import POINTER, Structure, c_bool, c_char_p, c_int, c_int64, c_size_t, c_void_p

import numpy as np

from peer import NotAvailable, Once, Peer, Runner, folder, why_missing

BLOCK = 32
F32, F16, Q4_0, Q8_0 = 0, 1, 2, 8  # enum ggml_type
OBJECTS = 1 << 20  # bytes for a context's tensors and graph, whose data lie elsewhere


class InitParams(Structure):
    _fields_ = [("mem_size", c_size_t), ("mem_buffer", c_void_p), ("no_alloc", c_bool)]


SIGNATURES = {
    "ggml_init": (c_void_p, [InitParams]), "ggml_free": (None, [c_void_p]),
    "ggml_new_tensor_2d": (c_void_p, [c_void_p, c_int, c_int64, c_int64]),
    "ggml_mul_mat": (c_void_p, [c_void_p, c_void_p, c_void_p]), "ggml_new_graph": (c_void_p, [c_void_p]),
    "ggml_build_forward_expand": (None, [c_void_p, c_void_p]),
    "ggml_nbytes": (c_size_t, [c_void_p]), "ggml_version": (c_char_p, []),
    "ggml_backend_cpu_init": (c_void_p, []), "ggml_backend_cpu_set_n_threads": (None, [c_void_p, c_int]),
    "ggml_backend_get_device": (c_void_p, [c_void_p]), "ggml_backend_dev_backend_reg": (c_void_p, [c_void_p]),
    "ggml_backend_reg_get_proc_address": (c_void_p, [c_void_p, c_char_p]),
    "ggml_backend_get_default_buffer_type": (c_void_p, [c_void_p]), "ggml_backend_buft_name": (c_char_p, [c_void_p]),
    "ggml_backend_alloc_ctx_tensors_from_buft": (c_void_p, [c_void_p, c_void_p]),
    "ggml_backend_buffer_free": (None, [c_void_p]),
    "ggml_backend_tensor_set": (None, [c_void_p, c_void_p, c_size_t, c_size_t]),
    "ggml_backend_tensor_get": (None, [c_void_p, c_void_p, c_size_t, c_size_t]),
    "ggml_backend_supports_op": (c_bool, [c_void_p, c_void_p]),
    "ggml_backend_graph_compute": (c_int, [c_void_p, c_void_p]),
}


class Library(Once):
    def __init__(self):
        where = folder() / "ggml" / "lib"
        if not (where / "libggml-cpu.so").exists():
            raise NotAvailable(why_missing("llama-cpp-python"))
        base = ctypes.CDLL(str(where / "libggml-base.so"), ctypes.RTLD_GLOBAL)
        cpu = ctypes.CDLL(str(where / "libggml-cpu.so"))
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(cpu if name.startswith("ggml_backend_cpu") else base, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)
        self.version = f"{self.ggml_version().decode()} ({(where / 'package').read_text().strip()})"
        self.backend = self.ggml_backend_cpu_init()
        self.plain = self.ggml_backend_get_default_buffer_type(self.backend)
        self.repacked = self._repacked()

    def _repacked(self):
        """The buffer type that lays weights out anew for the CPU's instructions, or None."""
        device = self.ggml_backend_get_device(self.backend)
        address = self.ggml_backend_reg_get_proc_address(self.ggml_backend_dev_backend_reg(device),
                                                         b"ggml_backend_dev_get_extra_bufts")
        if not address:
            return None
        types = ctypes.CFUNCTYPE(POINTER(c_void_p), c_void_p)(address)(device)
        i = 0
        while types and types[i]:
            if b"REPACK" in self.ggml_backend_buft_name(types[i]):
                return types[i]
            i += 1
        return None


class Context:
    """Tensors that live and die together."""

    def __init__(self, library):
        self.library, self.buffer = library, None
        self.address = library.ggml_init(InitParams(OBJECTS, None, True))

    def tensor(self, kind, columns, rows):
        return self.library.ggml_new_tensor_2d(self.address, kind, columns, rows)

    def allocate(self, buffer_type):
        self.buffer = self.library.ggml_backend_alloc_ctx_tensors_from_buft(self.address, buffer_type)
        if not self.buffer:
            raise MemoryError("ggml could not allocate a buffer")

    def __del__(self):
        if self.buffer:
            self.library.ggml_backend_buffer_free(self.buffer)
        self.library.ggml_free(self.address)


def blocks(numbers, kind):
    """The weight's bytes in one of ggml's types, (n,k)."""
    weight = numbers.weight
    if kind == F16:
        return np.ascontiguousarray(numbers.dequantised(np.float32).T.astype(np.float16)).view(np.uint8)
    d = np.ascontiguousarray(numbers.scales_of_blocks(BLOCK).T).view(np.uint8).reshape(weight.n, -1, 2)
    q = numbers.rows.reshape(weight.n, -1, BLOCK)
    if kind == Q8_0:
        return np.concatenate([d, q.view(np.uint8)], axis=2)
    unsigned = (q + 8).astype(np.uint8)
    return np.concatenate([d, unsigned[..., :BLOCK // 2] | unsigned[..., BLOCK // 2:] << 4], axis=2)


class Ggml(Peer):
    def __init__(self, threads, kind, name, bits, repack=False):
        super().__init__(threads)
        self.library = Library.get()
        self.version = self.library.version
        self.kind, self.bits, self.repack = kind, bits, repack
        self.who = f"ggml {name}"
        self.keeps_x = "16 bit" if kind == F16 else "8 bit"
        self.storage = "packed" if repack else "transposed"
        if repack and not self.library.repacked:
            raise NotAvailable("this build has no repacking buffer")

    def supports(self, case):
        return None if case.weight.bits in self.bits else f"{self.who} has no {case.weight.bits} bits"

    def prepare(self, case, numbers):
        library, weight = self.library, case.weight
        library.ggml_backend_cpu_set_n_threads(library.backend, self.threads)
        stored = np.ascontiguousarray(blocks(numbers, self.kind))
        x_array = numbers.x(case.m).astype(np.float32)
        head = Context(library)
        x = head.tensor(F32, weight.k, case.m)
        head.allocate(library.plain)
        library.ggml_backend_tensor_set(x, x_array.ctypes.data, 0, x_array.nbytes)
        keep, calls, last = [head], [], [None]
        for _ in range(case.copies(stored.nbytes)):
            made, call = self._copy(stored, weight, x, last)
            keep += made
            calls.append(call)

        def result():
            array = np.empty((case.m, weight.n), np.float32)
            library.ggml_backend_tensor_get(last[0], array.ctypes.data, 0, array.nbytes)
            return array
        runner = Runner(calls, result, note="a scale for each 32 of k, equal in a group or channel"
                        if self.kind != F16 and weight.group != BLOCK else None)
        runner.keep = keep
        return runner

    def _copy(self, stored, weight, x, last):
        library = self.library
        of_weight, of_result = Context(library), Context(library)
        w = of_weight.tensor(self.kind, weight.k, weight.n)
        if library.ggml_nbytes(w) != stored.nbytes:
            raise ValueError(f"ggml wants {library.ggml_nbytes(w)} bytes of weight, not {stored.nbytes}")
        of_weight.allocate(library.repacked if self.repack else library.plain)
        y = library.ggml_mul_mat(of_result.address, w, x)
        if not library.ggml_backend_supports_op(library.backend, y):
            raise NotAvailable("ggml does not multiply by such a weight, laid out like that")
        library.ggml_backend_tensor_set(w, stored.ctypes.data, 0, stored.nbytes)
        graph = library.ggml_new_graph(of_result.address)
        library.ggml_build_forward_expand(graph, y)
        of_result.allocate(library.plain)

        def call():
            last[0] = y
            status = library.ggml_backend_graph_compute(library.backend, graph)
            if status:
                raise RuntimeError(f"ggml_backend_graph_compute: {status}")
        return [of_weight, of_result], call


def participants(threads):
    return [(f"ggml {name}", lambda arguments=(kind, name, *more): Ggml(threads, *arguments)) for kind, name, *more in (
        (Q8_0, "Q8_0", (8,)), (Q8_0, "Q8_0, repacked", (8,), True), (Q4_0, "Q4_0", (4,)),
        (Q4_0, "Q4_0, repacked", (4,), True), (F16, "F16, dequantised weight", (4, 8)))]
