# SPDX-License-Identifier: Apache-2.0
"""antiquant verify with the successors: every weight type, group and x type, both numerics modes, and that a wrong
result is caught in each."""
import os
import shutil
import subprocess

import support
from support import SMALL_LAYERS
from test_verify import SHIM, VerifyTest as Base

FORMATS = [["--op", op, "--weight", weight, "--group", group, "--x", x, *more]
           for op, group in (("v2", 0), ("v2", 32), ("v3", 64))
           for weight in ("int8", "int4") for x in ("fp16", "bf16") for more in ([], ["--asymmetric"])]


def groups_model():
    """k with a short last group, k odd, k within one group, n = 1, a channel of zeros, a bias."""
    n, k, values = 5, 104, support.matrix("F32", 5, 104, 4)[2]
    values[2 * k:3 * k] = [0.0] * k
    values[3 * k:4 * k] = [abs(value) for value in values[3 * k:4 * k]]  # one-sided: what offsets are for
    return {"short.weight": ("F32", (n, k), values), "short.bias": support.vector("F16", n, 2),
            "odd.weight": support.matrix("BF16", 6, 77, 3), "small.weight": support.matrix("F16", 1, 20, 5)}


class FormatTest(support.CommandTest):
    verify = Base.verify

    def setUp(self):
        super().setUp()
        self.model = self.path("model.safetensors", support.safetensors(groups_model()))

    def test_all(self):
        digests = {}
        for arguments in FORMATS:
            with self.subTest(arguments):
                _, found = self.verify("--rows", "1,3,70", *arguments, self.model)
                self.assertEqual(found["summary"]["result"], "ok")
                given = dict(zip(arguments[0:8:2], arguments[1:8:2]))
                self.assertEqual((found["op"], found["weight"], found["group"], found["x"], found["asymmetric"]),
                                 (*given.values(), "--asymmetric" in arguments))
                for layer in found["layers"]:
                    self.assertEqual(layer["group"], given["--group"] if layer["k"] > given["--group"] else 0)
                    self.assertEqual([(run["path"], run["order"]) for run in layer["runs"]],
                                     [(given["--op"].upper(), "T")] * 3)
                    for run in layer["runs"]:
                        # An ulp is 2^-10 or 2^-7 of the value, an error half of that.
                        self.assertLess(run["relative_error"], 2.0 ** (-11 if given["--x"] == "fp16" else -8))
                        self.assertTrue(0.0001 < run["quantisation_error"] < 0.4, run)
                digests[" ".join(map(str, arguments))] = found["summary"]["digest"]
        self.assertEqual(len(set(digests.values())), len(FORMATS), digests)

    def quantisation(self, *arguments):
        _, found = self.verify("--rows", "40", "--layers", "short.weight", "--op", "v2", *arguments, self.model)
        return found["layers"][0]["runs"][0]["quantisation_error"]

    def test_finer_is_better(self):
        channel = self.quantisation("--weight", "int4")
        self.assertLess(self.quantisation("--weight", "int4", "--group", 32), channel)
        self.assertLess(self.quantisation("--weight", "int4", "--asymmetric"), channel)
        self.assertLess(self.quantisation("--weight", "int8"), channel / 8)

    def test_versions_agree(self):
        digests = {self.verify("--op", op, "--weight", "int4", "--group", 32, "--asymmetric", self.model, env=env)[1]
                   ["summary"]["digest"]
                   for op in ("v2", "v3") for env in ({"ANTIQUANT_THREADS": "1"}, {"ANTIQUANT_CPU": "scalar"}, {})}
        self.assertEqual(len(digests), 1)

    def test_head(self):
        out, _ = self.verify("--rows", "1", "--op", "v3", "--weight", "int4", "--group", 32, "--asymmetric", "--x", "bf16",
                             self.model)
        self.assertIn("3 linear of 4 tensors; int4 in groups of 32, with offsets\n", out)
        self.assertIn("operator    v3, x bf16\n", out)

    def test_exact_and_fast(self):
        for arguments in ([], *FORMATS[::5]):
            found = {mode: self.verify("--rows", "1,70", *arguments, self.model, env={"ANTIQUANT_NUMERICS": mode})[1]
                     for mode in ("npu", "exact", "fast")}
            for mode, result in found.items():
                self.assertEqual((result["numerics"], result["summary"]["result"]), (mode, "ok"))
            self.assertEqual(len({result["summary"]["digest"] for result in found.values()}), 3)

    def test_profiles(self):
        arguments = ["verify", "--rows", "1", "--op", "v2", self.model]
        for profile in ("310p", "a3", "950", "any"):
            self.call(*arguments, env={"ANTIQUANT_PROFILE": profile})
        err = self.call(*arguments, "--x", "bf16", env={"ANTIQUANT_PROFILE": "310p"}, code=2)[1]
        self.assertIn("argument: x", err)

    def test_more_columns_than_a_chip_takes(self):
        n = 65540
        path = self.path("wide.safetensors", support.safetensors({"wide.weight": support.matrix("F16", n, 2, 1)}))
        for weight in ("int8", "int4"):
            _, found = self.verify("--rows", "1,2", "--op", "v2", "--weight", weight, path)
            self.assertEqual((found["layers"][0]["n"], found["summary"]["result"]), (n, "ok"))

    def test_bad_options(self):
        for wrong, names in ((["--op", "v4"], ["--op", "v1, v2 or v3", "v4"]),
                             (["--op", "v2", "--weight", "int5"], ["--weight", "int8 or int4", "int5"]),
                             (["--op", "v2", "--x", "fp32"], ["--x", "fp16 or bf16", "fp32"]),
                             (["--op", "v2", "--group", "-1"], ["--group", "-1"]),
                             (["--weight", "int4"], ["--weight int4 needs --op v2"]),
                             (["--x", "bf16"], ["--x bf16 needs --op v2"]),
                             (["--group", "32"], ["--group needs --op v2"]),
                             (["--asymmetric"], ["--asymmetric needs --op v2"])):
            self.refused("verify", *wrong, self.model, names=names)
        err = self.call("verify", "--op", "v2", "--group", 33, self.model, code=2)[1]
        self.assertIn("antiquantGroupSize", err)

    def test_small_model(self):
        path = self.path("small.safetensors", support.safetensors(support.small_model()))
        for arguments in FORMATS[1:16:4]:
            _, found = self.verify("--rows", "1,65", *arguments, path)
            self.assertEqual([layer["name"] for layer in found["layers"]], SMALL_LAYERS)


class BrokenTest(support.CommandTest):
    verify = Base.verify

    def test_wrong_results_are_caught(self):
        compiler = shutil.which(os.environ.get("CC", "cc"))
        if compiler is None:
            self.skipTest("no C compiler for the shim that spoils results")
        source, shim = self.path("shim.c", SHIM.encode()), self.path("shim.so")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
        model = self.path("one.safetensors", support.safetensors({"one.weight": support.matrix("F32", 6, 96, 1)}))
        for arguments in FORMATS[::5]:
            for bits, code in ((0, 0), (4, 1), (0x7FFF, 1)):
                env = {"LD_PRELOAD": str(shim), "SHIM_BITS": str(bits), "SHIM_SIZE": str(16 * 6 * 2),
                       **support.sanitizers("verify_asan_link_order=0")}
                found = self.verify("--rows", "1,16", *arguments, model, code=code, env=env)[1]
                self.assertEqual(found["summary"]["broken_runs"], code)


if __name__ == "__main__":
    support.main()
