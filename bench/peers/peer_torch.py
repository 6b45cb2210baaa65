# SPDX-License-Identifier: Apache-2.0
"""PyTorch's weight-only kernels, _weight_int8pack_mm and _weight_int4pack_mm_for_cpu, called through the C interface of
libtorch_cpu.so: the Python package would need gigabytes of GPU libraries to be loaded. x, scales and y in bf16, the
only type for which these kernels have vector code; fp16 and fp32 run a plain loop and take ten times as long or more."""
import ctypes
import sys
from ctypes import byref, c_char, c_int32, c_int64, c_uint64, c_void_p
from pathlib import Path

import numpy as np

from data import aligned
from peer import NotAvailable, Once, Peer, Runner, folder, why_missing

BLOCK_OF_CHANNEL = 128  # the largest group but 256 that the 4-bit kernel takes
INNER_TILES = 2
NEEDED = (("nvidia-cuda-runtime", "libcudart"), ("nvidia-cuda-cupti", "libcupti"))  # linked by it, never called here


def to_bf16(array):
    """The bits, rounded to nearest even."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    return (bits + 0x7FFF + (bits >> 16 & 1) >> 16).astype(np.uint16)


def from_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


class Library(Once):
    def __init__(self):
        where = folder() / "torch" / "lib"
        if not (where / "libtorch_cpu.so").exists():
            raise NotAvailable(why_missing("torch"))
        for package, name in NEEDED:
            found = [path for entry in sys.path for path in Path(entry).glob(f"nvidia/*/lib/{name}.so.*")]
            if not found:
                raise NotAvailable(why_missing(package))
            ctypes.CDLL(str(found[0]), ctypes.RTLD_GLOBAL)
        for name in ("libgomp.so.1", "libc10.so"):
            ctypes.CDLL(str(where / name), ctypes.RTLD_GLOBAL)
        self.c = ctypes.CDLL(str(where / "libtorch_cpu.so"))
        self.version = (where / "package").read_text().split()[1]
        self.bf16, self.int8, self.int32 = (getattr(self.c, f"aoti_torch_dtype_{name}")() for name in
                                            ("bfloat16", "int8", "int32"))

    def must(self, status):
        if status:
            raise RuntimeError("libtorch_cpu.so refused the call (its message is on standard error)")

    def tensor(self, array, dtype):
        """A view of a contiguous array, which must live as long."""
        handle, count = c_void_p(), array.ndim
        sizes = c_int64 * count
        strides = [step // array.itemsize for step in array.strides]
        self.must(self.c.aoti_torch_create_tensor_from_blob(
            c_void_p(array.ctypes.data), c_int64(count), sizes(*array.shape), sizes(*strides), c_int64(0),
            c_int32(dtype), c_int32(self.c.aoti_torch_device_type_cpu()), c_int32(0), byref(handle)))
        return handle

    def another(self, handle):
        """A second handle of the same tensor, for a call that takes handles away."""
        more = c_void_p()
        self.must(self.c.aoti_torch_new_tensor_handle(handle, byref(more)))
        return more.value

    def values(self, handle, rows, columns):
        address = c_void_p()
        self.must(self.c.aoti_torch_get_data_ptr(handle, byref(address)))
        return from_bf16(np.frombuffer((c_char * (rows * columns * 2)).from_address(address.value), np.uint16)
                         .reshape(rows, columns))

    def delete(self, handle):
        self.c.aoti_torch_delete_tensor_object(handle)


class Held:
    """What a runner's calls share: tensors, the arrays below them, y of the last call."""

    def __init__(self, library):
        self.library, self.tensors, self.arrays, self.y = library, [], [], c_void_p()

    def tensor(self, array, dtype):
        self.arrays.append(aligned(array))  # its vector code takes for granted that rows of x are aligned
        self.tensors.append(self.library.tensor(self.arrays[-1], dtype))
        return self.tensors[-1]

    def new_y(self, handle):
        if self.y:
            self.library.delete(self.y)
        self.y = handle

    def __del__(self):
        for handle in [*self.tensors, self.y]:
            if handle:
                self.library.delete(handle)


class Torch(Peer):
    who, keeps_x, x, storage = "PyTorch weight-only bf16", "bf16", "bf16", "packed"

    def __init__(self, threads):
        super().__init__(threads)
        self.library = Library.get()
        self.version = self.library.version

    def supports(self, case):
        return None if case.weight.bits == 4 or not case.weight.group else "PyTorch has groups for 4 bit only"

    def prepare(self, case, numbers):
        held = Held(self.library)
        x = held.tensor(to_bf16(numbers.x(case.m)), self.library.bf16)
        maker, note = (self._eight, None) if case.weight.bits == 8 else (
            self._four, None if case.weight.group else f"a scale for each {BLOCK_OF_CHANNEL} of k, equal in a channel")
        calls = maker(case, numbers, held, x)
        runner = Runner(calls, lambda: self.library.values(held.y, case.m, case.weight.n), note=note)
        runner.keep = held
        return runner

    def _eight(self, case, numbers, held, x):
        self.storage = "transposed"
        library, multiply = self.library, self.library.c.aoti_torch_cpu__weight_int8pack_mm
        scale = held.tensor(to_bf16(numbers.scale[0]), library.bf16)
        calls = []
        for _ in range(case.copies()):
            w = held.tensor(numbers.rows, library.int8)

            def call(w=w):
                y = c_void_p()
                library.must(multiply(x, w, scale, byref(y)))
                held.new_y(y)
            calls.append(call)
        return calls

    def _four(self, case, numbers, held, x):
        self.storage = "packed"
        library, dispatch = self.library, self.library.c.aoti_torch_call_dispatcher
        group = case.weight.group or BLOCK_OF_CHANNEL
        scales = numbers.scales_of_blocks(group)
        pairs = np.zeros((*scales.shape, 2), np.float32)  # scale and zero point; 8 is subtracted without being told
        pairs[..., 0] = scales
        parameters = held.tensor(to_bf16(pairs), library.bf16)
        unsigned = numbers.rows.astype(np.int32) + 8
        wide = held.tensor(unsigned, library.int32)
        calls = []
        for _ in range(case.copies()):
            stack = (c_uint64 * 2)(library.another(wide), INNER_TILES)
            library.must(dispatch(b"aten::_convert_weight_to_int4pack_for_cpu", b"", stack))
            held.tensors.append(c_void_p(stack[0]))

            def call(w=held.tensors[-1]):
                stack = (c_uint64 * 4)(library.another(x), library.another(w), group, library.another(parameters))
                library.must(dispatch(b"aten::_weight_int4pack_mm_for_cpu", b"", stack))
                held.new_y(c_void_p(stack[0]))
            calls.append(call)
        return calls


def participants(threads):
    return [(Torch.who, lambda: Torch(threads))]
