# SPDX-License-Identifier: Apache-2.0
"""The numbers of a case and what the right answer is. Everyone gets the same weights and the same x; the oracle works
in fp64 on weights that are not rounded and knows nothing of how anyone computes."""
import numpy as np

ROWS_AT_ONCE = 128  # of the answer: most cases need no more


class Numbers:
    """q: (k,n) whole numbers as int8; scale: (groups or 1, n) fp16; both from a fixed seed."""

    def __init__(self, weight):
        random = np.random.default_rng([weight.k, weight.n, weight.bits, weight.group])
        top = 127 if weight.bits == 8 else 7
        spread = 40.0 if weight.bits == 8 else 2.5  # like a trained weight: most values small, the ends reached
        values = np.rint(random.standard_normal((weight.k, weight.n), dtype=np.float32) * np.float32(spread))
        self.weight = weight
        self.q = np.clip(values, -top - 1, top).astype(np.int8)
        scale = (0.5 + random.random((weight.scale_rows, weight.n))) / (spread * np.sqrt(weight.k))
        self.scale = scale.astype(np.float16)
        self.rows = np.ascontiguousarray(self.q.T)  # (n,k), as most peers have it
        self._dequantised = {}
        self._answer = np.empty((0, weight.n))

    def x(self, m):
        """(m,k) fp16; more rows begin with the same ones."""
        random = np.random.default_rng(self.weight.k)
        return random.standard_normal((m, self.weight.k), dtype=np.float32).astype(np.float16)

    def scales_of_blocks(self, block):
        """(k/block, n) fp16: the same scales, told for blocks of k that may be smaller than their group."""
        group = self.weight.group or self.weight.k
        if group % block:
            raise ValueError(f"blocks of {block} do not fit into groups of {group}")
        return np.repeat(self.scale, group // block, axis=0)

    def dequantised(self, dtype=np.float32):
        """(k,n), each product rounded to dtype (exact in float32 and float64). Not to be written to."""
        if dtype not in self._dequantised:
            self._dequantised[dtype] = self._dequantise(dtype)
        return self._dequantised[dtype]

    def _dequantise(self, dtype):
        group = self.weight.group or self.weight.k
        return self.q.astype(dtype) * np.repeat(self.scale.astype(dtype), group, axis=0)

    def answer(self, m):
        """(m,n) fp64."""
        if len(self._answer) < m:
            self._answer = self.x(max(m, ROWS_AT_ONCE)).astype(np.float64) @ self.dequantised(np.float64)
        return self._answer[:m]

    def error(self, m, y):
        """Relative, in the Frobenius norm. Infinite for a result of another shape or with a nan in it."""
        right = self.answer(m)
        y = np.asarray(y, dtype=np.float64)
        if y.shape != right.shape or not np.all(np.isfinite(y)):
            return float("inf")
        return float(np.linalg.norm(y - right) / np.linalg.norm(right))


def aligned(array):
    """A contiguous copy that begins at a multiple of 64 bytes, as every library's own allocator would have it."""
    raw = np.empty(array.nbytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    copy = raw[start:start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def pack_nibbles(values):
    """(..., 2j) int8 -> (..., j) uint8: two's complement nibbles, the even element low."""
    low, high = values[..., 0::2].astype(np.uint8), values[..., 1::2].astype(np.uint8)
    return (low & 15) | (high & 15) << 4
