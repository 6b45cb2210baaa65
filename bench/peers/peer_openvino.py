# SPDX-License-Identifier: Apache-2.0
"""OpenVINO's CPU plugin, which carries oneDNN: whole numbers, converted and scaled in the graph, which the plugin keeps
as they are and unpacks in the multiplication. Three settings: fp32, bf16 (its own choice on a CPU that has it), and
activations quantised by groups of 32 (its default where it deems it worthwhile)."""
import numpy as np

from data import aligned, pack_nibbles
from peer import NotAvailable, Peer, Runner, installed

SETTINGS = {  # name: keeps_x, precision, size of the groups in which x is quantised
    "f32": ("32 bit", "f32", 0),
    "bf16": ("bf16", "bf16", 0),
    "dynamic quantisation": ("8 bit", "f32", 32),
}


class OpenVino(Peer):
    def __init__(self, threads, setting):
        super().__init__(threads)
        self.version = installed("openvino")
        import openvino
        self.who = f"OpenVINO {setting}"
        self.keeps_x, self.precision, self.group = SETTINGS[setting]
        self.core = openvino.Core()
        able = self.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if self.precision == "bf16" and "BF16" not in able:
            raise NotAvailable("this CPU has no bf16 instructions")

    def _model(self, case, q, scale):
        """q: (n,k), int8 or packed to nibbles; scale: (n, groups or 1). A weight of its own in each model."""
        import openvino
        from openvino import opset13 as op
        weight = case.weight
        shape = [weight.n, weight.k]
        if weight.group:
            shape = [weight.n, weight.scale_rows, weight.group]
            scale = scale.reshape(weight.n, weight.scale_rows, 1)
        if weight.bits == 4:
            constant = op.constant(openvino.Tensor(q, shape, openvino.Type.i4), shared_memory=False)
        else:
            constant = op.constant(q.reshape(shape), dtype=np.int8)
        scaled = op.multiply(op.convert(constant, "f16"), op.constant(scale, dtype=np.float16))
        if weight.group:
            scaled = op.reshape(scaled, op.constant(np.array([weight.n, weight.k], np.int64)), False)
        x = op.parameter([case.m, weight.k], np.float32, name="x")
        return openvino.Model([op.matmul(x, op.convert(scaled, "f32"), False, True)], [x], "peer")

    def prepare(self, case, numbers):
        import openvino
        settings = {"INFERENCE_NUM_THREADS": self.threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
                    "INFERENCE_PRECISION_HINT": self.precision, "DYNAMIC_QUANTIZATION_GROUP_SIZE": self.group}
        x = aligned(numbers.x(case.m).astype(np.float32))
        y = aligned(np.zeros((case.m, case.weight.n), np.float32))
        q = pack_nibbles(numbers.rows) if case.weight.bits == 4 else numbers.rows
        scale = np.ascontiguousarray(numbers.scale.T)
        calls = []
        for _ in range(case.copies()):
            compiled = self.core.compile_model(self._model(case, q, scale), "CPU", settings)
            request = compiled.create_infer_request()
            request.set_input_tensor(openvino.Tensor(x, shared_memory=True))
            request.set_output_tensor(openvino.Tensor(y, shared_memory=True))
            calls.append(request.infer)
        runner = Runner(calls, lambda: y)
        runner.keep = x  # the requests look at it, but do not own it
        return runner


def participants(threads):
    return [(f"OpenVINO {setting}", lambda setting=setting: OpenVino(threads, setting)) for setting in SETTINGS]
