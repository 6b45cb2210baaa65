# SPDX-License-Identifier: Apache-2.0
"""The .npy reader: what it takes, and hostile files, each refused with a message that says why."""
import struct

import support

HEAD = "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }"


class GoodTest(support.CommandTest):
    def result(self, data):
        x, result = self.path("x.npy", data), self.path("y.npy")
        weight = self.path("w.npy", support.npy("|i1", (3, 3), [1, 0, 0, 0, 1, 0, 0, 0, 1]))
        scale = self.path("s.npy", support.npy("<f4", (), [1.0]))
        self.call("run", "--x", x, "--weight", weight, "--scale", scale, "--out", result)
        return support.read_npy_halves(result)

    def test_versions_orders_and_spellings(self):
        values = [1.0, 2.0, 3.0, -4.0, 0.5, 65504.0]
        wanted = ((2, 3), tuple(values))
        for version in ((1, 0), (2, 0), (3, 0)):
            self.assertEqual(self.result(support.npy("<f2", (2, 3), values, version=version)), wanted)
        by_column = [values[0], values[3], values[1], values[4], values[2], values[5]]
        self.assertEqual(self.result(support.npy("<f2", (2, 3), by_column, fortran=True)), wanted)
        self.assertEqual(self.result(support.npy("<f4", (2, 3), by_column, fortran=True)), wanted)
        for header in ("{'shape': (2, 3), 'descr': '<f2', 'fortran_order': False}",
                       '{"descr":"<f2","fortran_order":False,"shape":(2,3,)}',
                       "{ 'fortran_order' : False , 'descr' : '<f2' , 'shape' : ( 2 , 3 ) , }   "):
            self.assertEqual(self.result(support.npy("<f2", (2, 3), values, header=header)), wanted)

    def test_output_can_be_read_again(self):
        first, second = self.path("a.npy"), self.path("b.npy")
        self.call("run", "-m", 4, "-k", 8, "-n", 3, "--out", first)
        identity = self.path("w.npy", support.npy("|i1", (3, 3), [1, 0, 0, 0, 1, 0, 0, 0, 1]))
        one = self.path("s.npy", support.npy("<f4", (1,), [1.0]))
        self.call("run", "--x", first, "--weight", identity, "--scale", one, "--out", second)
        self.assertEqual(support.read_npy_halves(second), support.read_npy_halves(first))


class HostileTest(support.CommandTest):
    def refuse(self, data, *names):
        path = self.path("x.npy", data)
        err = self.refused("run", "--x", path, "-n", 1, names=["x.npy", *names])
        self.assertTrue(err.startswith("antiquant: ") and err.count("\n") == 1, err)

    def test_not_an_array_file(self):
        for data in (b"", b"\x93", b"\x93NUMP\x01\x00", b"PK\x03\x04" + bytes(60)):
            self.refuse(data, "not a .npy file")
        for version in ((0, 0), (4, 0), (1, 1), (255, 255)):
            self.refuse(support.npy("<f2", (2, 3), [0.0] * 6, version=version), f"{version[0]}.{version[1]}")

    def test_lengths(self):
        good = support.npy("<f2", (2, 3), [0.0] * 6)
        for cut in (9, 10, 50):
            self.refuse(good[:cut], "header")
        self.refuse(good[:-1], "6 elements of 2 bytes", "11 bytes")
        self.refuse(good + b"\x00", "6 elements of 2 bytes", "13 bytes")
        self.refuse(b"\x93NUMPY\x02\x00" + struct.pack("<I", 0xFFFFFFFF) + bytes(100), "4294967295")
        self.refuse(b"\x93NUMPY\x01\x00" + struct.pack("<H", 0), "got ")

    def test_headers(self):
        def spoiled(old, new):
            return support.npy("<f2", (2, 3), [0.0] * 6, header=HEAD.replace(old, new))

        for old, new, rule in (
                ("'<f2'", "'>f2'", "descr must be one of"), ("'<f2'", "'<i8'", "descr must be one of"),
                ("'<f2'", "[('a', '<f2')]", "descr must be a string"), ("'<f2'", "'|O'", "descr must be one of"),
                ("'<f2'", "'<f2" + "2" * 31 + "'", "within 31 characters"), ("'<f2'", "'<f2", "descr must be one of"), ("'descr'", "descr", "quoted keys"),
                ("False", "false", "fortran_order"), ("False", "0", "fortran_order"), ("False", "Falsehood", "dictionary"),
                ("(2, 3)", "[2, 3]", "dictionary"), ("(2, 3)", "(2, 3, 1)", "at most 2"), ("(2, 3)", "(-2, 3)", ">= 0"),
                ("(2, 3)", "(2.0, 3)", "dictionary"), ("(2, 3)", "(2 3)", "dictionary"), ("(2, 3)", "(2,, 3)", ">= 0"),
                ("(2, 3)", "(99999999999999999999, 0)", "63 bits"),
                ("(2, 3)", "(4611686018427387904, 4)", "63 bits"), ("(2, 3)", "(2, 3", ">= 0"),
                ("}", "'extra': 1}", "only have the keys"), ("}", "'descr': '<f2'}", "once"),
                ("}", "'shape': (2, 3)}", "once"), ("}", "'fortran_order': False}", "once"),
                ("'shape': (2, 3), ", "", "must have descr, fortran_order and shape"), ("}", "", "quoted"),
                ("}", "} {", "may follow"), ("}", "}\x00", "may follow"), ("{", "", "dictionary"),
                (HEAD, "__import__('os').system('true')", "dictionary")):
            with self.subTest(new=new):
                self.refuse(spoiled(old, new), rule)

    def test_control_characters_are_not_printed(self):
        self.refuse(support.npy("<f2", (2, 3), [0.0] * 6, header="\x1b[31m\x07" + HEAD), "\\x1b[31m\\x07")

    def test_shapes_that_do_not_fit(self):
        self.refuse(support.npy("<f2", (6,), [0.0] * 6), "2 dimensions (m,k), got 1")
        self.refuse(support.npy("<f2", (), [0.0]), "2 dimensions (m,k), got 0")
        self.refuse(support.npy("<f2", (0, 3), []), "m must be at least 1")
        self.refuse(support.npy("<f2", (3, 0), []), "k must be at least 1")

    def test_no_such_file(self):
        missing = self.path("none.npy")
        self.refused("run", "--x", missing, "-n", 1, names=["none.npy", "No such file"])
        self.refused("run", "--x", self.folder, "-n", 1, names=["not a regular file"])


if __name__ == "__main__":
    support.main()
