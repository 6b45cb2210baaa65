# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command share: calling it, making .npy and safetensors files out of nothing but struct, and
an oracle of their own for fp16 weights. Not a test itself."""
import json
import math
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COMMAND = ""


def main():
    """Each test file ends with this: test_x.py PATH_OF_ANTIQUANT [unittest arguments]."""
    global COMMAND
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} PATH_OF_ANTIQUANT [TEST...]")
    COMMAND = os.path.abspath(sys.argv.pop(1))
    unittest.main(module="__main__", verbosity=1)


class CommandTest(unittest.TestCase):
    """A test with a scratch folder of its own."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="antiquant-cli-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name, data=None):
        path = self.folder / name
        if data is not None:
            path.write_bytes(data)
        return path

    def call(self, *arguments, code=0, env=None, **more):
        """Runs the command; checks its exit code. Returns stdout, stderr."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith("ANTIQUANT_")}
        variables.update(env or {})
        done = subprocess.run([COMMAND, *map(str, arguments)], env=variables, text=True, errors="replace",
                              timeout=300, check=False, **{"capture_output": True, **more})
        self.assertEqual(done.returncode, code, f"{arguments}\nstdout: {done.stdout}\nstderr: {done.stderr}")
        return done.stdout, done.stderr

    def refused(self, *arguments, names, code=2, **more):
        """The command must refuse with one message that has each of these words, and print no result."""
        out, err = self.call(*arguments, code=code, **more)
        for name in names:
            self.assertIn(name, err)
        self.assertTrue(err.startswith("antiquant"), err)
        self.assertNotIn("result:", out)
        return err

    def levels(self):
        """The CPU levels that this machine supports."""
        path = self.path("info.json")
        self.call("info", "--json", path)
        return [level["name"] for level in json.loads(path.read_text())["levels"] if level["supported"]]


def sanitizers(option):
    """Variables that give every sanitizer one more option, whichever of them the command was built with."""
    names = ("ASAN_OPTIONS", "TSAN_OPTIONS")
    return {name: ":".join(filter(None, [os.environ.get(name), option])) for name in names}


# ---- numbers ----

def half_bits(value):
    """Nearest even; overflow gives inf. The rounding is Python's own."""
    try:
        return struct.unpack("<H", struct.pack("<e", value))[0]
    except OverflowError:
        return 0x7C00 if value > 0 else 0xFC00


def half(value):
    return struct.unpack("<e", struct.pack("<H", half_bits(value)))[0]


def single(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def masked(value):
    """An fp32 with the low 13 bits cleared: what a quantisation word keeps of its scale."""
    bits = struct.unpack("<I", struct.pack("<f", value))[0] & 0xFFFFE000
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def halves(count, seed, size=1.0):
    source = random.Random(seed)
    return [half(source.gauss(0.0, size)) for _ in range(count)]


def fnv1a(data, digest=0xCBF29CE484222325):
    for byte in data:
        digest = (digest ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return digest


def chain(k, along_k, bias):
    """The longest chain of fp32 additions: along_k is order T (weight stored (n,k)), else P."""
    size = 1024 if along_k else 256
    first = min(k, size)
    inside = -(-first // 16) + 4 if along_k else first
    return inside + (-(-k // size) - 1) + (1 if bias else 0)


def allowed(x_row, w_column, bias, longest):
    """The least and greatest fp16 result for one element: exact sum, plus and minus the bound, rounded."""
    exact = math.fsum([a * b for a, b in zip(x_row, w_column)] + [bias])
    size = math.fsum([abs(a * b) for a, b in zip(x_row, w_column)] + [abs(bias)])
    bound = 2.0 ** -24 * (longest + 2) * size
    return half(exact - bound), half(exact + bound)


# ---- .npy ----

NPY = {"<f2": "e", "<f4": "f", "<f8": "d", "|i1": "b"}


def npy(descr, shape, values, version=(1, 0), fortran=False, header=None):
    text = header if header is not None else (
        f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': ({', '.join(map(str, shape))}"
        f"{',' if len(shape) == 1 else ''}), }}")
    text = text.encode("utf-8")
    width = 2 if version[0] == 1 else 4
    text += b" " * (-(10 + width - 2 + len(text) + 1) % 64) + b"\n"
    data = struct.pack(f"<{len(values)}{NPY[descr]}", *values)
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if width == 2 else "<I", len(text)) + text + data


def read_npy_halves(path):
    """Of a file that the command wrote: shape, values."""
    data = Path(path).read_bytes()
    length = struct.unpack_from("<H", data, 8)[0]
    assert data[:8] == b"\x93NUMPY\x01\x00" and (10 + length) % 64 == 0 and data[9 + length] == 10
    head = data[10:10 + length].decode("ascii").strip()
    assert head.startswith("{'descr': '<f2', 'fortran_order': False, 'shape': (") and head.endswith("), }"), head
    shape = tuple(int(part) for part in head.split("(")[1].split(")")[0].split(","))
    values = struct.unpack(f"<{shape[0] * shape[1]}e", data[10 + length:])
    return shape, values


# ---- safetensors ----

SIZES = {"F32": 4, "F16": 2, "BF16": 2, "F64": 8, "I64": 8, "I8": 1, "U8": 1}


def packed(dtype, values):
    if dtype == "BF16":  # the upper half of an fp32
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    code = {"F32": "f", "F16": "e", "F64": "d", "I64": "q", "I8": "b", "U8": "B"}[dtype]
    return struct.pack(f"<{len(values)}{code}", *values)


def raw_safetensors(header, data):
    """header: bytes of JSON, or what json.dumps takes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode("utf-8")
    return struct.pack("<Q", len(text)) + text + data


def safetensors(tensors, metadata=None):
    """tensors: {name: (dtype, shape, values)}."""
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, shape, values) in tensors.items():
        body = packed(dtype, values)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(body)]}
        data += body
    return raw_safetensors(header, data)


def matrix(dtype, n, k, seed, size=0.05):
    source = random.Random(seed)
    return dtype, (n, k), [source.gauss(0.0, size) for _ in range(n * k)]


def vector(dtype, n, seed, size=0.1):
    source = random.Random(seed)
    return dtype, (n,), [source.gauss(0.0, size) for _ in range(n)]


def small_model():
    """A little transformer: what is a linear layer in it, and what is not."""
    return {
        "embeddings.word_embeddings.weight": matrix("F32", 30, 24, 1),
        "encoder.layer.10.query.weight": matrix("F32", 17, 24, 2),
        "encoder.layer.10.query.bias": vector("F32", 17, 3),
        "encoder.layer.2.dense.weight": matrix("F16", 40, 24, 4),
        "encoder.layer.2.dense.bias": vector("F16", 40, 5),
        "encoder.layer.2.LayerNorm.weight": vector("F32", 24, 6),
        "encoder.layer.2.out.weight": matrix("BF16", 24, 40, 7),
        "encoder.position_ids": ("I64", (1, 8), list(range(8))),
        "lm_head.weight": matrix("F32", 3, 1, 8),
        "wte.weight": matrix("F32", 5, 24, 9),
    }


SMALL_LAYERS = ["encoder.layer.2.dense.weight", "encoder.layer.2.out.weight", "encoder.layer.10.query.weight",
                "lm_head.weight"]
