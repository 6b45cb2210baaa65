# SPDX-License-Identifier: Apache-2.0
"""The oracle of bench/peers against sums written out in Python's own numbers, and what a weight's bytes are. Needs
numpy, of the system or of `make bench-peers`; skips without it. Argument: the folder bench/peers."""
import math
import sys
import unittest
from pathlib import Path

sys.path.insert(0, sys.argv.pop(1))
VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"
sys.path.append(str(Path(sys.path[0]).parents[1] / "build/peers/venv/lib" / VERSION / "site-packages"))
try:
    import numpy as np
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)
import cases  # noqa: E402
import data  # noqa: E402
import peer_ggml  # noqa: E402


class NumbersTest(unittest.TestCase):
    def weights(self):
        return [cases.Weight(kind, group, 256, 128) for kind, group in (("s8", 0), ("s4", 0), ("s4", 32), ("s4", 128))]

    def test_oracle_is_the_plain_sum(self):
        for weight in self.weights():
            numbers, m = data.Numbers(weight), 3
            x, answer = numbers.x(m), numbers.answer(m)
            for row, column in ((0, 0), (2, 127), (1, 64)):
                group = weight.group or weight.k
                terms = [float(x[row, k]) * int(numbers.q[k, column]) * float(numbers.scale[k // group, column])
                         for k in range(weight.k)]
                self.assertAlmostEqual(answer[row, column], math.fsum(terms), delta=1e-12 * sum(map(abs, terms)))

    def test_values_use_the_whole_range(self):
        for weight in self.weights():
            q = data.Numbers(weight).q
            self.assertEqual(q.dtype, np.int8)
            self.assertEqual((q.min(), q.max()) if weight.bits == 4 else (q.min() < -100, q.max() > 100),
                             (-8, 7) if weight.bits == 4 else (True, True))

    def test_error(self):
        numbers = data.Numbers(self.weights()[0])
        answer = numbers.answer(2)
        self.assertEqual(numbers.error(2, answer), 0)
        self.assertAlmostEqual(numbers.error(2, answer * 1.25), 0.25)
        self.assertEqual(numbers.error(2, answer[:1]), math.inf)
        broken = answer.copy()
        broken[1, 5] = math.nan
        self.assertEqual(numbers.error(2, broken), math.inf)

    def test_scales_of_smaller_blocks(self):
        numbers = data.Numbers(cases.Weight("s4", 128, 256, 128))
        scales = numbers.scales_of_blocks(32)
        self.assertEqual(scales.shape, (8, 128))
        self.assertTrue((scales[3] == numbers.scale[0]).all() and (scales[4] == numbers.scale[1]).all())
        with self.assertRaises(ValueError):
            data.Numbers(cases.Weight("s4", 32, 256, 128)).scales_of_blocks(128)

    def test_nibbles(self):
        packed = data.pack_nibbles(np.array([[1, -1, -8, 7]], np.int8))
        self.assertEqual(packed.tolist(), [[0xF1, 0x78]])

    def test_aligned(self):
        for count in (1, 3, 1000):
            copy = data.aligned(np.arange(count, dtype=np.float32))
            self.assertEqual(copy.ctypes.data % 64, 0)
            self.assertEqual(copy.tolist(), list(range(count)))

    def test_blocks_of_ggml(self):
        numbers = data.Numbers(cases.Weight("s4", 32, 256, 128))
        stored = peer_ggml.blocks(numbers, peer_ggml.Q4_0)
        self.assertEqual(stored.shape, (128, 8, 18))
        column, block = 77, 5  # d, then values j and j + 16 of the block in one byte
        self.assertEqual(stored[column, block, :2].view(np.float16)[0], numbers.scale[block, column])
        for j in range(16):
            low, high = (int(numbers.q[32 * block + j + more, column]) + 8 for more in (0, 16))
            self.assertEqual(int(stored[column, block, 2 + j]), low | high << 4)


if __name__ == "__main__":
    unittest.main(verbosity=1)
