# SPDX-License-Identifier: Apache-2.0
"""antiquant run: results against an oracle written here, both paths, all layouts, and what is printed."""
import random

import support
from support import half, masked, single


class Problem:
    """Operands with small random values, and the fp16 weights that each path must work with."""

    def __init__(self, m, k, n, seed, offset=True, bias=True):
        source = random.Random(seed)
        self.m, self.k, self.n = m, k, n
        self.x = [[half(source.gauss(0, 1)) for _ in range(k)] for _ in range(m)]
        self.q = [[source.randint(-128, 127) for _ in range(n)] for _ in range(k)]
        self.scale = [single(source.uniform(0.001, 0.02)) for _ in range(n)]
        self.offset = [float(source.randint(-9, 9)) for _ in range(n)] if offset else None
        self.bias = [single(source.gauss(0, 1)) for _ in range(n)] if bias else None
        self.antiquant_scale, self.antiquant_offset = 1.0, 0.0

    def weights(self):
        """Column by column; the recipes of both paths, by operator page 1.2."""
        add = self.offset or [0.0] * self.n
        columns = []
        for j in range(self.n):
            if self.m <= 64:
                shift = add[j] / self.antiquant_scale + self.antiquant_offset
                shift = int(abs(shift) + 0.5) * (1 if shift > 0 else -1)
                scale = masked(single(self.antiquant_scale * self.scale[j]))
                columns.append([half(single((self.q[i][j] + shift) * scale)) for i in range(self.k)])
            else:
                scale, more = half(self.scale[j]), half(add[j])
                first = [half(single(single(self.q[i][j] + self.antiquant_offset) * self.antiquant_scale))
                         for i in range(self.k)]
                columns.append([half(half(value + more) * scale) for value in first])
        return columns

    def files(self, test, transpose_x1, transpose_x2, x_type="<f2"):
        x = [list(row) for row in zip(*self.x)] if transpose_x1 else self.x
        q = [list(row) for row in zip(*self.q)] if transpose_x2 else self.q
        given = [("x", x_type, (len(x), len(x[0])), sum(x, [])), ("weight", "|i1", (len(q), len(q[0])), sum(q, [])),
                 ("scale", "<f4", (self.n,), self.scale), ("offset", "<f4", (self.n, 1), self.offset),
                 ("bias", "<f4", (1, self.n), self.bias)]
        arguments = ["--transpose-x1"] * transpose_x1 + ["--transpose-x2"] * transpose_x2
        arguments += ["--antiquant-scale", self.antiquant_scale, "--antiquant-offset", self.antiquant_offset]
        for name, descr, shape, values in given:
            if values is not None:
                arguments += ["--" + name, test.path(name + ".npy", support.npy(descr, shape, values))]
        return arguments

    def check(self, test, values, transpose_x2):
        weights, bias = self.weights(), self.bias or [0.0] * self.n
        bias = bias if self.m <= 64 else [half(value) for value in bias]
        longest = support.chain(self.k, transpose_x2 and self.k > 1, self.bias is not None)
        for i in range(self.m):
            for j in range(self.n):
                low, high = support.allowed(self.x[i], weights[j], bias[j], longest)
                test.assertTrue(low <= values[i * self.n + j] <= high, (i, j, values[i * self.n + j], low, high))


class ResultTest(support.CommandTest):
    def run_problem(self, problem, transpose_x1=False, transpose_x2=False, **more):
        result = self.path("y.npy")
        out, err = self.call("run", *problem.files(self, transpose_x1, transpose_x2, **more), "--out", result)
        self.assertEqual(err, "")
        shape, values = support.read_npy_halves(result)
        self.assertEqual(shape, (problem.m, problem.n))
        problem.check(self, values, transpose_x2)
        self.assertIn("kept", out)
        return out

    def test_both_paths_in_every_layout(self):
        for m, path in ((5, "fixpipe"), (70, "composed")):
            for layout in range(4):
                out = self.run_problem(Problem(m, 37, 9, layout), layout % 2 == 1, layout >= 2)
                self.assertIn(f"path     {path}\n", out)
                self.assertIn(f"shape    m {m}, k 37, n 9; weight stored ({'n,k' if layout >= 2 else 'k,n'})", out)
                self.assertIn(f"order {'T' if layout >= 2 else 'P'}", out)

    def test_more_than_one_chunk(self):
        # Order P: 256 in the first chunk, 2 more chunks, bias. T: 64 in a lane, 4 in the tree, 2 more chunks, bias.
        self.assertIn("(259 + 2)", self.run_problem(Problem(2, 600, 3, 5)))
        self.assertIn("(71 + 2)", self.run_problem(Problem(2, 2500, 2, 6), transpose_x2=True))

    def test_smallest(self):
        for transposed in (False, True):
            self.run_problem(Problem(1, 1, 1, 7), transposed, transposed)

    def test_without_offset_and_bias(self):
        for m in (3, 66):
            self.run_problem(Problem(m, 20, 6, 8, offset=False, bias=False))

    def test_scalars_are_folded_with_a_plus(self):
        for m in (4, 65):
            problem = Problem(m, 16, 5, 9)
            problem.antiquant_scale, problem.antiquant_offset = 0.5, 3.0
            problem.offset = [half(value / 2) for value in problem.offset]
            self.run_problem(problem, transpose_x2=True)

    def test_float32_x_is_cast(self):
        problem = Problem(3, 8, 4, 10)
        problem.x = [[single(value * 1.0001) for value in row] for row in problem.x]
        arguments = problem.files(self, False, False, x_type="<f4")
        problem.x = [[half(value) for value in row] for row in problem.x]
        result = self.path("y.npy")
        self.call("run", *arguments, "--out", result)
        problem.check(self, support.read_npy_halves(result)[1], False)

    def test_published_sample(self):
        for m in (32, 128):
            result = self.path("y.npy")
            self.call("run", "--x", self.path("x.npy", support.npy("<f4", (m, 4), [1.0] * 4 * m)),
                      "--weight", self.path("w.npy", support.npy("|i1", (4, 4), [0, 0, -128, 63] * 4)),
                      "--offset", self.path("o.npy", support.npy("<f4", (4,), [1.0, 1.0, 1.0, 0.0])),
                      "--scale", self.path("s.npy", support.npy("<f4", (4,), [2.0, 2.0, 1.0, 1.0])), "--out", result)
            self.assertEqual(support.read_npy_halves(result), ((m, 4), (8.0, 8.0, -508.0, 252.0) * m))

    def test_specials_in_x(self):
        for m in (2, 65):
            result = self.path("y.npy")
            x = [float("inf"), 1.0, float("nan"), 1.0] + [65504.0, 65504.0] * (m - 2)
            self.call("run", "--x", self.path("x.npy", support.npy("<f2", (m, 2), x)),
                      "--weight", self.path("w.npy", support.npy("|i1", (2, 1), [2, 3])),
                      "--scale", self.path("s.npy", support.npy("<f4", (1,), [1.0])), "--out", result)
            bits = [support.half_bits(value) & 0x7FFF for value in support.read_npy_halves(result)[1]]
            self.assertEqual(bits[:2], [0x7C00, 0x7E00])
            self.assertEqual(set(bits[2:]) - {0x7C00}, set())


class QuantiseTest(support.CommandTest):
    def test_float_weight(self):
        for descr, m in (("<f4", 3), ("<f2", 66), ("<f8", 3)):
            source = random.Random(m)
            n, k = 6, 24
            rows = [[half(source.gauss(0, 0.05 * (j + 1))) for _ in range(k)] for j in range(n)]
            rows[2] = [0.0] * k
            problem = Problem(m, k, n, 11, offset=False, bias=False)
            problem.scale = [half(max(map(abs, row)) / 127) if any(row) else 1.0 for row in rows]
            problem.q = [[round(rows[j][i] / problem.scale[j]) for j in range(n)] for i in range(k)]
            result = self.path("y.npy")
            out, _ = self.call("run", "--x", self.path("x.npy", support.npy("<f2", (m, k), sum(problem.x, []))),
                               "--weight", self.path("w.npy", support.npy(descr, (n, k), sum(rows, []))),
                               "--transpose-x2", "--out", result)
            values = support.read_npy_halves(result)[1]
            problem.check(self, values, True)
            exact = [sum(a * b for a, b in zip(x, row)) for x in problem.x for row in rows]
            error = sum((a - b) ** 2 for a, b in zip(values, exact)) ** 0.5 / sum(b * b for b in exact) ** 0.5
            self.assertIn(f"quantise relative error {error:.3g} (Frobenius)", out)

    def test_weights_that_cannot_be(self):
        for value in (float("nan"), float("inf"), 70000.0):
            weight = self.path("w.npy", support.npy("<f4", (2, 2), [1.0, 2.0, value, 3.0]))
            self.refused("run", "-m", 1, "--weight", weight, names=["w.npy", "value 1 of output channel 0"])


class RandomTest(support.CommandTest):
    def digest(self, *arguments, **more):
        out, _ = self.call("run", "-k", 300, "-n", 70, "--digest", "--repeat", 1, *arguments, **more)
        return out.rsplit("digest", 1)[1].strip()

    def test_digest_depends_on_the_seed_alone(self):
        for m in (1, 20, 65):
            digests = {self.digest("-m", m, env=env) for env in [{"ANTIQUANT_THREADS": "1"}, {"ANTIQUANT_THREADS": "2"}]
                       + [{"ANTIQUANT_CPU": level} for level in self.levels()]}
            self.assertEqual(len(digests), 1, digests)
            self.assertNotIn(self.digest("-m", m, "--seed", 2), digests)

    def test_digest_is_fnv1a_of_the_file(self):
        result = self.path("y.npy")
        digest = self.digest("-m", 3, "--out", result)
        self.assertEqual(digest, f"{support.fnv1a(result.read_bytes()[128:]):016x}")

    def test_kernel_can_be_chosen(self):
        out, _ = self.call("run", "-m", 70, "-k", 40, "-n", 40, env={"ANTIQUANT_CPU": "scalar"})
        self.assertIn("scalar, order P", out)


class RefusalTest(support.CommandTest):
    def test_sizes_must_be_known_and_agree(self):
        x = self.path("x.npy", support.npy("<f2", (2, 3), [0.0] * 6))
        weight = self.path("w.npy", support.npy("|i1", (4, 5), [0] * 20))
        scale = self.path("s.npy", support.npy("<f4", (5,), [1.0] * 5))
        self.refused("run", names=["-m, -k and -n"])
        self.refused("run", "-m", 1, "-k", 2, names=["-m, -k and -n"])
        self.refused("run", "--x", x, "--weight", weight, "--scale", scale, names=["w.npy", "k is 4", "given as 3"])
        self.refused("run", "--x", x, "-m", 7, "-n", 1, names=["x.npy", "m is 2", "given as 7"])
        self.refused("run", "-m", 1, "--weight", weight, names=["w.npy", "--scale"])
        self.refused("run", "-m", 1 << 40, "-k", 1 << 20, "-n", 1 << 20, names=["must fit 63 bits"])
        self.refused("run", "-m", 1 << 62, "-k", 1, "-n", 1, names=["out of memory"])

    def test_columns_must_fit(self):
        wrong = self.path("s.npy", support.npy("<f4", (3,), [1.0] * 3))
        ints = self.path("i.npy", support.npy("|i1", (5,), [1] * 5))
        for option in ("--scale", "--offset", "--bias"):
            self.refused("run", "-m", 1, "-k", 2, "-n", 5, option, wrong, names=["s.npy", "n = 5", "3 of float32"])
            self.refused("run", "-m", 1, "-k", 2, "-n", 5, option, ints, names=["i.npy", "5 of int8"])

    def test_types_must_fit(self):
        ints = self.path("x.npy", support.npy("|i1", (2, 3), [1] * 6))
        wide = self.path("d.npy", support.npy("<f8", (2, 3), [1.0] * 6))
        floats = self.path("w.npy", support.npy("<f4", (3, 2), [1.0] * 6))
        scale = self.path("s.npy", support.npy("<f4", (2,), [1.0] * 2))
        self.refused("run", "--x", ints, "-n", 1, names=["x.npy", "float16 or float32", "int8"])
        self.refused("run", "--x", wide, "-n", 1, names=["d.npy", "float64"])
        self.refused("run", "-m", 1, "--weight", floats, "--scale", scale, names=["w.npy", "int8 weight only"])
        self.refused("run", "-m", 1, "--weight", floats, "--antiquant-scale", 2, names=["int8 weight only"])


if __name__ == "__main__":
    support.main()
