# SPDX-License-Identifier: Apache-2.0
"""OpenBLAS, the one in numpy's wheel: sgemm and sgemv on a weight that was turned into fp32 beforehand, four or eight
times the bytes. What one has without a kernel for quantised weights."""
import numpy as np

from data import aligned
from peer import NotAvailable, Peer, Runner


class OpenBlas(Peer):
    who, keeps_x = "OpenBLAS fp32, dequantised weight", "32 bit"

    def __init__(self, threads):
        super().__init__(threads)
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        if "openblas" not in blas["name"]:
            raise NotAvailable(f"this numpy uses {blas['name']}")
        self.version = f"{blas['version']} (numpy {np.__version__})"
        self.storage = "plain"

    def prepare(self, case, numbers):
        x = aligned(numbers.x(case.m).astype(np.float32))
        w = numbers.dequantised(np.float32)
        y = aligned(np.zeros((case.m, case.weight.n), np.float32))
        copies = [aligned(w) for _ in range(case.copies(w.nbytes))]
        return Runner([lambda w=w: np.matmul(x, w, out=y) for w in copies], lambda: y)


def participants(threads):
    return [(OpenBlas.who, lambda: OpenBlas(threads))]
