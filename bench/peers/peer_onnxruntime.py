# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime's MatMulNBits on the CPU. Accuracy level 0 computes in fp32; level 4 lets it quantise x to 8 bit.
Weights are blocks along k with fp32 scales; ours fit unchanged, a scale a channel as equal scales of all its blocks."""
import numpy as np

from peer import Peer, Runner, installed

BLOCK_OF_CHANNEL = 128


class MatMulNBits(Peer):
    def __init__(self, threads, level):
        super().__init__(threads)
        self.version = installed("onnxruntime")
        installed("onnx")
        self.level = level
        self.who = f"ONNX Runtime MatMulNBits, level {level}"
        self.keeps_x = "8 bit" if level == 4 else "32 bit"

    def _model(self, numbers):
        """The model's bytes: y = MatMulNBits(x, b, scales), zero points in the middle."""
        from onnx import TensorProto, helper, numpy_helper
        weight = numbers.weight
        block = weight.group or BLOCK_OF_CHANNEL
        blocks = weight.k // block
        unsigned = numbers.rows.view(np.uint8) + np.uint8(1 << weight.bits - 1)  # modulo 256
        b = unsigned.reshape(weight.n, blocks, block)
        if weight.bits == 4:
            b = b[..., 0::2] | b[..., 1::2] << 4
        scales = np.ascontiguousarray(numbers.scales_of_blocks(block).T.astype(np.float32))
        node = helper.make_node("MatMulNBits", ["x", "b", "scales"], ["y"], domain="com.microsoft", K=weight.k,
                                N=weight.n, bits=weight.bits, block_size=block, accuracy_level=self.level)
        graph = helper.make_graph(
            [node], "peer", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["m", weight.k])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["m", weight.n])],
            [numpy_helper.from_array(np.ascontiguousarray(b), "b"), numpy_helper.from_array(scales, "scales")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21),
                                                        helper.make_opsetid("com.microsoft", 1)])
        model.ir_version = 10
        return model.SerializeToString()

    def prepare(self, case, numbers):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 3
        options.add_session_config_entry("session.force_spinning_stop", "1")  # idle between runs, not in them
        model = self._model(numbers)
        x = onnxruntime.OrtValue.ortvalue_from_numpy(numbers.x(case.m).astype(np.float32))
        y_array = np.zeros((case.m, case.weight.n), np.float32)
        y = onnxruntime.OrtValue.ortvalue_from_numpy(y_array)
        calls = []
        for _ in range(case.copies()):
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            binding = session.io_binding()
            binding.bind_ortvalue_input("x", x)
            binding.bind_ortvalue_output("y", y)
            calls.append(lambda session=session, binding=binding: session.run_with_iobinding(binding))
        note = f"a scale for each {BLOCK_OF_CHANNEL} of k, equal in a channel" if not case.weight.group else None
        return Runner(calls, y.numpy, note=note)


def participants(threads):
    return [(f"ONNX Runtime MatMulNBits, level {level}", lambda level=level: MatMulNBits(threads, level))
            for level in (0, 4)]
