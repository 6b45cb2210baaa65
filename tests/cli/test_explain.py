# SPDX-License-Identifier: Apache-2.0
"""antiquant explain: its text, its JSON, the measured limits, and what it refuses."""
import json
import re

import support

LIMITS = ("--read", 20, "--peak", 100)


class TextTest(support.CommandTest):
    def test_all_of_it(self):
        """Scalar, one thread, given limits: nothing in it depends on the machine but which kernels there are."""
        out, err = self.call("explain", *LIMITS, 300, 70, 512,
                             env={"ANTIQUANT_CPU": "scalar", "ANTIQUANT_THREADS": "1"})
        lines = out.splitlines()
        weight, parameters, x, y = 512 * 70, 70 * 2, 300 * 512 * 2, 300 * 70 * 2
        total, flops = weight + parameters + x + y, 2 * 300 * 70 * 512
        self.assertEqual(err, "")
        self.assertEqual(lines[:3], [
            "call     V2, m 300, n 70, k 512; x FLOAT16, weight INT8, per channel, plain",
            "path     scaled, numerics npu, order P",
            "kernel   gemm_f16_s8_4x16_scalar (gemm, scalar), 1 thread"])
        self.assertEqual(lines[3], "tiles    4 x 16; 5 tasks of 300 x 16; packs 300 rows at a time; chunks of 256 k")
        self.assertEqual(lines[4], "panels   by the generic packer: the kernel has no packer of its own")
        self.assertTrue(lines[5].startswith(
            f"bytes    weight {weight}, parameters {parameters}, x {x}, y {y}: {total}; workspace "))
        self.assertEqual(lines[6], f"work     {flops} FLOP, {flops / total:.2f} for each byte")
        self.assertEqual(lines[7], "limits   read 20.0 GB/s (given), peak 100.0 GFLOP/s (given)")
        reading, arithmetic = total / 20e3, flops / 100e3
        self.assertEqual(lines[8], f"roof     {max(reading, arithmetic):.1f} us: reading takes {reading:.1f}, "
                                   f"arithmetic {arithmetic:.1f}")
        self.assertEqual(lines[9], "expected not known: the reference kernel is for checking, not for speed")
        for line in lines[10:]:
            self.assertRegex(line, r"^not      \w+: needs \w+")

    def test_every_option_arrives(self):
        out, _ = self.call("explain", *LIMITS, "--op", "v3", "--weight", "int4", "--group", 64, "--x", "bf16",
                           "--asymmetric", "--storage", "transposed", "--numerics", "exact", "--profile", "any",
                           8, 130, 256)
        self.assertIn("call     V3, m 8, n 130, k 256; x BF16, weight INT4, group 64, offsets, transposed\n", out)
        self.assertIn("path     scaled, numerics exact, order T\n", out)
        self.assertIn(f"bytes    weight {256 * 130 // 2}, parameters {4 * 130 * 2 * 2}, x {8 * 256 * 2}, "
                      f"y {8 * 130 * 2}: ", out)
        out, _ = self.call("explain", *LIMITS, "--op", "v1", 64, 40, 32)
        self.assertIn("path     fixpipe, ", out)
        self.assertIn("path     composed, ", self.call("explain", *LIMITS, "--op", "v1", 65, 40, 32)[0])
        self.call("explain", *LIMITS, "--op", "nz", "--storage", "nz", "--profile", "950", 2, 64, 64)

    def test_share_of_the_roof(self):
        for level in self.levels():
            out, _ = self.call("explain", *LIMITS, 1, 4096, 4096, env={"ANTIQUANT_CPU": level})
            if level == "scalar":
                continue
            roof = float(re.search(r"^roof     ([0-9.]+) us", out, re.M)[1])
            model = re.search(r"^expected ([0-9.]+) of the roof, ([0-9.]+) us", out, re.M)
            share, expected = map(float, model.groups())
            self.assertTrue(0 < share <= 1 and abs(share - roof / expected) <= 0.0051, out)

    def test_limits_are_measured(self):
        out, _ = self.call("explain", 1, 4096, 4096)
        read, peak = re.search(r"^limits   read ([0-9.]+) GB/s \(measured\), peak ([0-9.]+) GFLOP/s \(measured\)$", out,
                               re.M).groups()
        self.assertTrue(float(read) > 0 and float(peak) > 0)
        self.assertIn("read 7.0 GB/s (given), peak ", self.call("explain", "--read", 7, 1, 64, 64)[0])


class JsonTest(support.CommandTest):
    def test_agrees_with_the_text(self):
        path = self.path("explain.json")
        out, _ = self.call("explain", *LIMITS, "--json", path, "--weight", "int4", 100, 4096, 256)
        told = json.loads(path.read_text())
        self.assertEqual((told["op"], told["m"], told["n"], told["k"], told["weight"], told["group"], told["storage"]),
                         ("V2", 100, 4096, 256, "INT4", 0, "plain"))
        self.assertIn(f"kernel   {told['kernel']} ({told['role']}, {told['level']}), {told['threads']} thread", out)
        tiles = told["tiles"]
        self.assertIn(f"tiles    {tiles['tile'][0]} x {tiles['tile'][1]}; {tiles['tasks']} task", out)
        self.assertEqual(told["bytes"]["weight"], 4096 * 256 // 2)
        self.assertEqual(told["flops"], 2.0 * 100 * 4096 * 256)
        self.assertEqual(told["roof"]["read_gb_s"], 20)
        self.assertIn(f"roof     {told['roof']['roof_us']:.1f} us", out)
        self.assertEqual([f"not      {one['kernel']}: {one['reason']}" for one in told["not"]],
                         [line for line in out.splitlines() if line.startswith("not ")])

    def test_reference_has_no_share(self):
        path = self.path("explain.json")
        self.call("explain", *LIMITS, "--json", path, 1, 64, 64, env={"ANTIQUANT_CPU": "scalar"})
        told = json.loads(path.read_text())
        self.assertIsNone(told["roof"]["share"])
        self.assertIsNone(told["roof"]["expected_us"])


class RefusalTest(support.CommandTest):
    def test_usage(self):
        self.refused("explain", names=["M N K"])
        self.refused("explain", 1, 2, names=["M N K"])
        self.refused("explain", 1, 2, 3, 4, names=["M N K"])
        for sizes in ((0, 1, 1), (1, "x", 1), (1, 1, 1.5), (1, 1, "99999999999999999999")):
            self.refused("explain", *sizes, names=["integer from 1"])
        for option, value in (("--op", "v4"), ("--weight", "int2"), ("--x", "fp32"), ("--group", "many"),
                              ("--read", "0"), ("--read", "fast"), ("--peak", "inf"), ("--peak", "-1")):
            self.refused("explain", option, value, 1, 64, 64, names=[option, value])
        for option, value, valid in (("--storage", "NZ", "nz-transposed"), ("--numerics", "wild", "exact"),
                                     ("--profile", "a4", "310p")):
            self.refused("explain", option, value, 1, 64, 64, names=[value, valid])
        self.refused("explain", "--json", self.path("none") / "x.json", 1, 64, 64, names=["x.json"])

    def test_what_phase_1_refuses(self):
        for option, names in (("--weight=int4", ["weight", "n = 64", "n = 63"]), ("--weight=fp8", ["weight", "INT8"]),
                              ("--group=48", ["antiquantGroupSize"])):
            self.refused("explain", option, 4, 63, 256, names=[*names, "161002"])
        self.refused("explain", "--op", "v1", "--x", "bf16", 4, 63, 256, names=["x1", "BF16", "161002"])


if __name__ == "__main__":
    support.main()
