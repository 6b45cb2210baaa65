# SPDX-License-Identifier: Apache-2.0
"""antiquant bench: shapes files, the JSON it writes, its sums. How fast anything was decides nothing here."""
import json
import math

import support

RECORD = {"who", "version", "keeps_x", "mode", "x", "weight", "granularity", "storage", "offset", "m", "k", "n", "cold",
          "threads", "kernel", "us", "gb_s", "gflop_s", "limit", "share", "share_p10", "share_p90", "error",
          "error_rounding", "us_call", "us_empty", "us_over"}
SPREAD = {"median", "p10", "p90", "runs"}


class MeasureTest(support.CommandTest):
    def bench(self, shapes, *arguments, **more):
        """The JSON of a run of these lines, 1 thread unless said."""
        file, result = self.path("shapes.txt", shapes.encode()), self.path("result.json")
        out, _ = self.call("bench", "--shapes", file, "--seconds", 0.01, "--threads", "1", "--modes", "npu",
                           "--json", result, *arguments, **more)
        found = json.loads(result.read_text())
        self.assertEqual(len(found["records"]), sum("GFLOP/s" not in line and "empty" not in line
                                                    for line in out.splitlines()), out)
        return found

    def test_every_field_is_there_and_adds_up(self):
        found = self.bench("1,5,20 64 96 s8 channel plain f16 hot\n")
        self.assertEqual(set(found), {"schema", "machine", "limits", "records"})
        self.assertEqual(found["schema"], 1)
        self.assertLessEqual({"cpu", "cores", "levels", "caches", "os", "compiler", "library_version", "date", "load",
                              "load_end"}, set(found["machine"]))
        self.assertEqual([limit["threads"] for limit in found["limits"]], [1])
        info = self.path("info.json")
        self.call("info", "--json", info)
        kernels = [kernel["name"] for kernel in json.loads(info.read_text())["kernels"]]
        self.assertTrue(found["limits"][0]["peak_gflops"] > 0 and found["limits"][0]["read_gb_s"] > 0)
        for record, limit in zip(found["records"], ("read", "min(peak, read)", "peak"), strict=True):
            self.assertLessEqual(RECORD, set(record))
            for name in ("us", "us_call", "us_empty", "us_over"):
                self.assertEqual(set(record[name]), SPREAD)
                self.assertLessEqual(record[name]["p10"], record[name]["median"])
                self.assertLessEqual(record[name]["median"], record[name]["p90"])
                self.assertGreaterEqual(record[name]["runs"], 3)
            self.assertEqual(record["limit"], limit)
            self.assertIn(record["kernel"], kernels)
            self.assertEqual("read_gb_s" in record, limit != "peak")
            self.assertEqual("peak_gflops" in record, limit != "read")
            m, us = record["m"], record["us"]["median"]
            self.assertAlmostEqual(record["gflop_s"], 2e-3 * m * 64 * 96 / us, delta=1e-4 * record["gflop_s"])
            bytes_ = 64 * 96 + 2 * 96 + 2 * m * 64 + 2 * m * 96
            self.assertAlmostEqual(record["gb_s"], 1e-3 * bytes_ / us, delta=1e-4 * record["gb_s"])
            self.assertLessEqual(record["share_p10"], record["share"])
            self.assertLessEqual(record["share"], record["share_p90"])

    def test_what_was_asked_is_what_is_run(self):
        found = self.bench("# comment\n\n3 160 64 s4 g32,channel,tensor plain,transposed,nz,packed,packed-transposed f16,bf16 hot offset # mm\n"
                           "2 100 50 s8 tensor transposed f16 hot\n")
        asked = [(3, 160, 64, "s4", granularity, storage, x, True) for granularity in ("group 32", "channel", "tensor")
                 for storage in ("plain", "transposed", "nz", "packed", "packed-transposed") for x in ("f16", "bf16")]
        asked.append((2, 100, 50, "s8", "tensor", "transposed", "f16", False))
        names = ("m", "k", "n", "weight", "granularity", "storage", "x", "offset")
        self.assertEqual([tuple(record[name] for name in names) for record in found["records"]], asked)
        for record in found["records"]:  # wrong weights, scales or offsets would be off by far more
            self.assertLess(record["error"], 5e-3 if record["x"] == "bf16" else 8e-4, record)
            self.assertGreaterEqual(record["error"], 0.8 * record["error_rounding"])
            self.assertTrue(1e-5 < record["error_rounding"] < (3e-3 if record["x"] == "bf16" else 4e-4), record)

    def test_cold_and_threads(self):
        found = self.bench("1 1024 2048 s8 channel plain f16\n", "--threads", "1,2")
        self.assertEqual([limit["threads"] for limit in found["limits"]], [1, 2])
        for record, threads in zip(found["records"], (1, 2), strict=True):
            self.assertEqual((record["cold"], record["threads"], record["us_call"]), (True, threads, None))
            self.assertEqual(record["read_gb_s"], found["limits"][threads - 1]["read_gb_s"])

    def test_modes(self):
        """exact and fast are as good as rounding to fp16 lets them be, npu rounds every weight."""
        found = self.bench("4 96 64 s8 channel plain f16 hot\n", "--modes", "exact,npu,fast")
        self.assertEqual([record["mode"] for record in found["records"]], ["exact", "npu", "fast"])
        for record, near in zip(found["records"], (True, False, True), strict=True):
            self.assertEqual(math.isclose(record["error"], record["error_rounding"], rel_tol=0.1), near, record)

    def test_filter_and_json_on_stdout(self):
        file = self.path("shapes.txt", b"1,2 32 32 s8,s4 channel plain f16 hot\n")
        out, err = self.call("bench", "--shapes", file, "--seconds", 0.01, "--threads", 1, "--filter", "^2 .* s4 ",
                             "--modes", "npu", "--json", "-")
        records = json.loads(out)["records"]
        self.assertEqual([(record["m"], record["weight"]) for record in records], [(2, "s4")])
        self.assertIn("GFLOP/s", err)
        out, _ = self.call("bench", "--shapes", "-", "--seconds", 0.01, "--threads", 1, "--modes", "npu",
                           input="1 32 32 s8 channel plain f16 hot\n")
        self.assertIn("s8 channel", out)


class RefusalTest(support.CommandTest):
    def refuse(self, line, *names):
        file = self.path("shapes.txt", b"# first\n" + line.encode() + b"\n")
        self.refused("bench", "--shapes", file, "--threads", 1, names=["shapes.txt:2:", *names])

    def test_shapes(self):
        self.refuse("1 2 3 s8 channel plain", "m k n weight granularity storage x", "got 6 words")
        self.refuse("0 2 3 s8 channel plain f16", "m must be", "'0'")
        self.refuse("1 2 x s8 channel plain f16", "n must be", "'x'")
        self.refuse("1 99999999999999999999 3 s8 channel plain f16", "k must be")
        self.refuse("1,,2 4 4 s8 channel plain f16", "m must be", "''")
        self.refuse("1 2 3 s5 channel plain f16", "weight must be s8 or s4", "'s5'")
        self.refuse("1 2 3 s8 group plain f16", "granularity must be", "'group'")
        self.refuse("1 2 3 s8 g0 plain f16", "granularity must be", "'g0'")
        self.refuse("1 2 3 s8 channel upside-down f16", "storage must be")
        self.refuse("1 2 3 s8 channel plain f64", "x must be f16 or bf16")
        self.refuse("1 2 3 s8 channel plain f16 warm", "cold, hot or offset", "'warm'")
        self.refuse("1 2 3 s8 channel plain f16\x1b[31m", "\\x1b")

    def test_what_the_operator_refuses(self):
        large = "2147483648 2147483648 2147483648 s8 channel plain f16 hot"
        file = self.path("shapes.txt", f"1 64 64 s8 channel plain f16 hot\n{large}\n".encode())
        self.refused("bench", "--shapes", file, "--threads", 1, "--seconds", 0.01,
                     names=["aclnnWeightQuantBatchMatmulV2GetWorkspaceSize", "161002", large])

    def test_nothing_is_measured_with_settings_that_are_not_valid(self):
        self.refused("bench", "--threads", 1, env={"ANTIQUANT_CPU": "z80"}, names=["ANTIQUANT_CPU"])

    def test_options(self):
        for option, value in (("--threads", "0"), ("--threads", "1,"), ("--threads", "many"), ("--modes", "turbo"),
                              ("--seconds", "0"), ("--seconds", "nan"), ("--filter", "(")):
            self.refused("bench", option, value, names=[option])
        self.refused("bench", "--filter", "nothing", names=["no shape matches --filter"])
        self.refused("bench", "--shapes", self.path("none.txt"), names=["none.txt", "cannot open"])
        self.refused("bench", "--shapes", self.path("empty.txt", b"# none\n"), names=["no shape"])
        self.refused("bench", "--json", self.folder / "no" / "such.json", names=["such.json"])
        self.refused("bench", "more", names=["antiquant bench --help"])


if __name__ == "__main__":
    support.main()
