# SPDX-License-Identifier: Apache-2.0
"""What is measured: shapes, weights, thread counts. Plain Python; knows nothing of peers, numbers or time."""
from dataclasses import dataclass

COLD_BYTES = 256 << 20  # more than this is cycled through, so that no cache holds a weight until its next turn


@dataclass(frozen=True)
class Weight:
    """A weight (k,n) of whole numbers with fp16 scales and no offsets. group 0: one scale a column."""
    kind: str  # "s8" or "s4"
    group: int
    k: int
    n: int

    @property
    def granularity(self):
        return f"group {self.group}" if self.group else "channel"

    @property
    def bits(self):
        return {"s8": 8, "s4": 4}[self.kind]

    @property
    def scale_rows(self):
        return -(-self.k // self.group) if self.group else 1

    @property
    def nbytes(self):
        """Bytes of the numbers and of their scales."""
        return self.k * self.n * self.bits // 8 + self.scale_rows * self.n * 2


@dataclass(frozen=True)
class Case:
    """x (m,k) times a weight. cold: runs take turns through `copies` copies of it."""
    m: int
    weight: Weight
    threads: int

    @property
    def cold(self):
        return self.m == 1

    @property
    def flop(self):
        return 2 * self.m * self.weight.k * self.weight.n

    def copies(self, nbytes=None):
        """How many copies of a weight that takes nbytes (default: its packed size) a participant cycles through."""
        return COLD_BYTES // (nbytes or self.weight.nbytes) + 1 if self.cold else 1

    def nbytes(self, x_bytes=2, y_bytes=2):
        """What has to be moved at least: weight, scales, x and y, each once."""
        return self.weight.nbytes + self.m * (self.weight.k * x_bytes + self.weight.n * y_bytes)

    def __str__(self):
        return f"{self.m} x {self.weight.k} x {self.weight.n} {self.weight.kind} {self.weight.granularity}"


ROWS = (1, 4, 16, 64, 128)
WEIGHTS = (("s8", 0), ("s4", 0), ("s4", 128), ("s4", 32))
SHAPES = ((4096, 4096),)
QUICK_ROWS = (1, 16, 128)
QUICK_WEIGHTS = (("s8", 0), ("s4", 32))
THREADS, QUICK_THREADS = (1, 2), (2,)


def parse_shape(text):
    """"4096x11008" -> (4096, 11008): k, n. Both are multiples of 128, which every participant can take."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise ValueError(f"{text!r} is not KxN, as in 4096x11008")
    k, n = map(int, parts)
    if k < 256 or n < 128 or k % 128 or n % 128:
        raise ValueError(f"{text}: k and n must be multiples of 128, k at least 256")
    return k, n


def parse_weight(text):
    """"s8" -> ("s8", 0); "s4:128" -> ("s4", 128)."""
    kind, _, group = text.partition(":")
    if kind not in ("s8", "s4") or group and (not group.isdigit() or int(group) not in (32, 64, 128)):
        raise ValueError(f"{text!r} is not s8, s4, or one of them with a group: s4:32, s4:64, s4:128")
    return kind, int(group or 0)


def case_list(threads, rows=ROWS, weights=WEIGHTS, shapes=SHAPES):
    """All cases of one thread count, those that share a weight next to each other."""
    return [Case(m, Weight(kind, group, k, n), threads)
            for k, n in shapes for kind, group in weights for m in rows]
