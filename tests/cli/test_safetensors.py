# SPDX-License-Identifier: Apache-2.0
"""The safetensors reader: hostile files, each refused with one message that names file, tensor, rule and value."""
import json
import os
import struct

import support
from support import raw_safetensors


def entry(begin, end, shape=(1, 2), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


class FileTest(support.CommandTest):
    def refuse(self, data, *names):
        path = self.path("bad.safetensors", data)
        err = self.refused("verify", path, names=["bad.safetensors", *names])
        self.assertTrue(err.startswith("antiquant: ") and err.count("\n") == 1, err)

    def accept(self, data):
        out, _ = self.call("verify", "--rows", "1", self.path("good.safetensors", data))
        self.assertIn("result: every run is within the bound", out)


class LengthTest(FileTest):
    def test_too_short(self):
        self.refuse(b"", "8 bytes of header length", "has 0")
        self.refuse(b"1234567", "has 7")
        self.refuse(struct.pack("<Q", 0), "8 bytes of header length and a header", "has 8 bytes")
        self.refuse(struct.pack("<Q", 1) + b"{", "has 9 bytes")

    def test_header_beyond_the_file(self):
        good = support.safetensors({"a.weight": support.matrix("F32", 2, 3, 1)})
        self.refuse(struct.pack("<Q", len(good) - 7) + good[8:], f"2 to {len(good) - 8}", f"says {len(good) - 7}")
        self.refuse(struct.pack("<Q", 100000001) + good[8:], "at most 100000000", "100000001")
        self.refuse(struct.pack("<Q", 2 ** 64 - 1) + good[8:], "at most 100000000", "18446744073709551615")
        self.refuse(struct.pack("<Q", 2 ** 63) + good[8:], "at most 100000000", "9223372036854775808")

    def test_truncated_anywhere(self):
        good = support.safetensors({"a.weight": support.matrix("F32", 2, 3, 1), "b": support.vector("F16", 3, 2)})
        for length in range(0, len(good), 7):
            self.refuse(good[:length])
        self.refuse(good + b"\x00", "must cover all of the data", "30 of 31")

    def test_no_file(self):
        self.refused("verify", self.path("none.safetensors"), names=["none.safetensors", "No such file"])
        self.refused("verify", "/dev/null", names=["not a regular file"])
        self.refused("verify", self.folder, names=["neither model.safetensors nor model.safetensors.index.json"])
        os.mkfifo(self.path("pipe"))
        self.refused("verify", self.path("pipe"), names=["not a regular file"])


class JsonTest(FileTest):
    def test_not_an_object(self):
        self.refuse(raw_safetensors(b"[]", b""), "must be a JSON object", "0x5b")
        self.refuse(raw_safetensors(b"\x00\x00", b""), "0x00")
        self.refuse(raw_safetensors(b"  {}", b""), "0x20")
        for text in (b"{]", b"{\"a\"", b"{\"a\": }", b"{\"a\": 1} x", b"{\"\\u0000\": 1}", b"{\"\xff\": 1}",
                     b"{\"a\": " + b"[" * 100000, b"{\"a\": 99999999999999999999}"):
            self.refuse(raw_safetensors(text, b""), "not valid JSON")

    def test_duplicates(self):
        one = json.dumps(entry(0, 8))
        self.refuse(raw_safetensors(f'{{"a.weight": {one}, "a.weight": {one}}}'.encode(), bytes(8)), "duplicate")
        twice = '{"a.weight": {"dtype": "F32", "dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}}'
        self.refuse(raw_safetensors(twice.encode(), bytes(8)), "duplicate")

    def test_entries(self):
        for value, rule, found in (
                (7, "must be an object", "7"), (None, "must be an object", "null"), ([], "must be an object", "[]"),
                ({}, "dtype must be a string", "nothing"), ({"dtype": "F32"}, "shape must be an array", "nothing"),
                ({"dtype": 3}, "dtype must be a string", "3"),
                ({**entry(0, 8), "dtype": "F31"}, "names a type of the format", "F31"),
                ({**entry(0, 8), "dtype": "f32"}, "names a type of the format", "f32"),
                ({**entry(0, 8), "shape": "1,2"}, "shape must be an array", "1,2"),
                ({**entry(0, 8), "shape": [1, -2]}, "integer >= 0", "-2"),
                ({**entry(0, 8), "shape": [1, 2.0]}, "integer >= 0", "2.0"),
                ({**entry(0, 8), "shape": [1, "2"]}, "integer >= 0", '"2"'),
                ({**entry(0, 8), "shape": [1, True]}, "integer >= 0", "true"),
                ({**entry(0, 8), "shape": [2 ** 32, 2 ** 32]}, "63 bits", "4294967296"),
                ({**entry(0, 8), "shape": [2 ** 61, 2]}, "elements of F32", "[0,8]"),
                ({**entry(0, 8), "shape": [1, 3]}, "3 elements of F32 need 12 bytes", "[0,8]"),
                ({**entry(0, 8), "shape": []}, "1 elements of F32 need 4 bytes", "[0,8]"),
                ({**entry(0, 8), "data_offsets": None}, "two integers", "null"),
                ({**entry(0, 8), "data_offsets": [0]}, "two integers", "[0]"),
                ({**entry(0, 8), "data_offsets": [0, 8, 8]}, "two integers", "[0,8,8]"),
                ({**entry(0, 8), "data_offsets": [0.0, 8.0]}, "two integers", "[0.0,8.0]"),
                ({**entry(0, 8), "data_offsets": [0, 9]}, "within the 8 bytes of data", "[0,9]"),
                ({**entry(0, 8), "data_offsets": [8, 0]}, "must rise", "[8,0]"),
                ({**entry(0, 8), "data_offsets": [-8, 0]}, "must rise", "[-8,0]"),
                ({**entry(0, 8), "data_offsets": [0, 2 ** 63 - 1]}, "within the 8 bytes", str(2 ** 63 - 1))):
            with self.subTest(value=value):
                self.refuse(raw_safetensors({"a.weight": value}, bytes(8)), "tensor 'a.weight'", rule, found)

    def test_metadata(self):
        for value in ([], "text", {"format": 3}, {"format": {}}):
            self.refuse(raw_safetensors({"__metadata__": value, "a.weight": entry(0, 8)}, bytes(8)), "__metadata__")


class LayoutTest(FileTest):
    def test_overlap_and_holes(self):
        self.refuse(raw_safetensors({"a.weight": entry(0, 8), "b.weight": entry(4, 12)}, bytes(12)), "b.weight",
                    "overlap", "[4,12]")
        self.refuse(raw_safetensors({"a.weight": entry(0, 8), "b.weight": entry(0, 8)}, bytes(8)), "overlap")
        self.refuse(raw_safetensors({"a.weight": entry(0, 8), "b.weight": entry(12, 20)}, bytes(20)), "b.weight",
                    "hole", "at 8", "[12,20]")
        self.refuse(raw_safetensors({"a.weight": entry(8, 16)}, bytes(16)), "hole", "at 0")
        self.refuse(raw_safetensors({"a.weight": entry(0, 8)}, bytes(16)), "must cover all", "8 of 16")
        self.refuse(raw_safetensors({}, bytes(1)), "must cover all", "0 of 1")

    def test_what_the_format_allows(self):
        self.accept(raw_safetensors({"b.weight": entry(8, 16), "a.weight": entry(0, 8), "__metadata__": {"x": "y"},
                                     "empty": entry(8, 8, (0, 5)), "one": entry(16, 20, ())}, bytes(20)))
        self.accept(raw_safetensors(json.dumps({"a.weight": entry(0, 8)}).encode() + b" " * 9, bytes(8)))
        self.accept(raw_safetensors({"a.weight": {**entry(0, 8), "more": 1}}, bytes(8)))

    def test_names_are_shown_clean(self):
        name = "\x1b[2J\u202e\u00e9\n" + "x" * 3000
        path = self.path("bad.safetensors", raw_safetensors({name: 1}, b""))
        err = self.refused("verify", path, names=["\\x1b[2J\\xe2\\x80\\xae\\xc3", "...", "must be an object"])
        self.assertTrue(err.isascii() and len(err) < 400 and err.count("\n") == 1, err)
        good = support.safetensors({"\x1b[2Jlayer.weight": support.matrix("F32", 2, 3, 1)})
        out, _ = self.call("verify", "--rows", "1", self.path("good.safetensors", good))
        self.assertIn("\\x1b[2Jlayer.weight", out)
        self.assertNotIn("\x1b", out)


class ValueTest(FileTest):
    def test_weights_that_are_no_numbers(self):
        for dtype in ("F32", "F16", "BF16"):
            for value, shown in ((float("nan"), "nan"), (float("-inf"), "-inf")):
                values = [0.5] * 6
                values[4] = value
                self.refuse(support.safetensors({"a.weight": (dtype, (2, 3), values)}), "a.weight",
                            "value 1 of output channel 1", shown, "must be finite")
        self.refuse(support.safetensors({"a.weight": ("F32", (1, 2), [1.0, 65505.0])}), "65505", "range of fp16")

    def test_bias_that_does_not_fit(self):
        weight = support.matrix("F32", 2, 3, 1)
        for bias in (("F32", (3,), [0.0] * 3), ("F32", (2, 1), [0.0] * 2), ("I64", (2,), [0, 0])):
            self.refuse(support.safetensors({"a.weight": weight, "a.bias": bias}), "a.bias", "2 outputs")
        self.refuse(support.safetensors({"a.weight": weight, "a.bias": ("F32", (2,), [0.0, float("nan")])}),
                    "value 1 of its bias", "nan")


class IndexTest(support.CommandTest):
    def refuse(self, index, *names):
        text = index if isinstance(index, bytes) else json.dumps(index).encode()
        path = self.path("model.safetensors.index.json", text)
        self.refused("verify", path, names=["model.safetensors.index.json", *names])

    def test_hostile_index(self):
        self.path("one.safetensors", support.safetensors({"a.weight": support.matrix("F32", 2, 3, 1)}))
        self.refuse(b"", "not valid JSON")
        self.refuse(b"{", "not valid JSON")
        for index in ([], {}, {"weight_map": []}, {"weight_map": {}}):
            self.refuse(index, "weight_map")
        self.refuse({"weight_map": {"a.weight": 1}}, "a.weight", "name of a file")
        for name in ("../one.safetensors", "/etc/passwd", "", ".", "..", "sub/one.safetensors"):
            self.refuse({"weight_map": {"a.weight": name}}, "may only name files beside it", f"'{name}'")
        self.refuse({"weight_map": {"a.weight": "one.safetensors", "b.weight": "one.safetensors"}}, "b.weight",
                    "no such tensor")
        self.refuse({"weight_map": {str(i): f"{i}.safetensors" for i in range(1001)}}, "at most 1000", "1001")
        twice = b'{"weight_map": {"a.weight": "one.safetensors", "a.weight": "one.safetensors"}}'
        self.refuse(twice, "duplicate")
        missing = self.path("model.safetensors.index.json", b'{"weight_map": {"a.weight": "two.safetensors"}}')
        self.refused("verify", missing, names=["two.safetensors", "No such file"])

    def test_tensor_in_two_files(self):
        for name in ("one", "two"):
            self.path(f"{name}.safetensors", support.safetensors({"a.weight": support.matrix("F32", 2, 3, 1),
                                                                  name: support.vector("F32", 2, 1)}))
        self.refuse({"weight_map": {"a.weight": "one.safetensors", "one": "one.safetensors", "two": "two.safetensors"}},
                    "names 3 tensors", "hold 4")


if __name__ == "__main__":
    support.main()
