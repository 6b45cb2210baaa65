# SPDX-License-Identifier: Apache-2.0
"""antiquant info, --help, --version, usage errors, settings, and stdout that cannot be written."""
import json
import subprocess

import support


class InfoTest(support.CommandTest):
    def test_text_has_every_part(self):
        out, err = self.call("info")
        for word in ("antiquant  ", "CPU  ", "threads  ", "numerics   npu", "settings   valid", "CPU levels", "scalar",
                     "kernels, best first", "in use", "usable"):
            self.assertIn(word, out)
        self.assertEqual(err, "")

    def test_json_agrees_with_text(self):
        path = self.path("info.json")
        out, _ = self.call("info", "--json", path)
        info = json.loads(path.read_text())
        self.assertIn(f"antiquant  {info['version']}\n", out)
        self.assertIn(f"threads    {info['threads']}\n", out)
        self.assertIsNone(info["settings_error"])
        self.assertEqual(info["levels"][0]["name"], "scalar")
        self.assertEqual(sum(level["in_use"] for level in info["levels"]), 1)
        self.assertTrue(any(kernel["declines"] is None for kernel in info["kernels"]))
        for kernel in info["kernels"]:
            self.assertIn(kernel["name"], out)

    def test_lower_level_makes_kernels_decline(self):
        path = self.path("info.json")
        self.call("info", "--json", path, env={"ANTIQUANT_CPU": "scalar"})
        for kernel in json.loads(path.read_text())["kernels"]:
            self.assertEqual(kernel["declines"] is None, kernel["level"] == "scalar", kernel)

    def test_threads_follow_the_variable(self):
        self.assertIn("threads    1\n", self.call("info", env={"ANTIQUANT_THREADS": "1"})[0])


class SettingsTest(support.CommandTest):
    def test_each_command_refuses_a_wrong_setting(self):
        model = self.path("model.safetensors", support.safetensors(support.small_model()))
        for command in (["explain", 1, 1, 1], ["info"], ["lint", model], ["run", "-m", 1, "-k", 1, "-n", 1],
                        ["verify", model]):
            err = self.refused(*command, env={"ANTIQUANT_CPU": "z80"}, names=["ANTIQUANT_CPU", "z80", "scalar"])
            self.assertTrue(err.startswith("antiquant: "), err)
        for name, value in (("ANTIQUANT_THREADS", "none"), ("ANTIQUANT_KERNEL", "magic"),
                            ("ANTIQUANT_STATUS", "maybe"), ("ANTIQUANT_NUMERICS", "wild")):
            self.refused("run", "-m", 1, "-k", 1, "-n", 1, env={name: value}, names=[name, value])

    def test_info_still_informs(self):
        out, _ = self.call("info", env={"ANTIQUANT_CPU": "z80"}, code=2)
        self.assertIn("kernels, best first", out)
        self.assertIn("NOT VALID", out)

    def test_exact_has_a_bound_of_its_own(self):
        for m in (2, 70):
            out, _ = self.call("run", "-m", m, "-k", 300, "-n", 9, "--antiquant-scale", 0.7, "--antiquant-offset", 2,
                               env={"ANTIQUANT_NUMERICS": "exact"})
            self.assertIn("of the allowed (2^-22 + 2^-24 * (258 + 2)) * B: kept", out)


class UsageTest(support.CommandTest):
    def test_help_and_version(self):
        for command in ([], ["bench"], ["explain"], ["info"], ["lint"], ["run"], ["verify"]):
            out, err = self.call(*command, "--help")
            self.assertIn("Usage: antiquant", out)
            self.assertEqual(err, "")
            self.assertLessEqual(max(map(len, out.splitlines())), 110)
        version = self.call("--version")[0]
        self.assertRegex(version, r"^antiquant \d+\.\d+\.\d+\n$")
        self.assertEqual(self.call("run", "--version")[0], version)

    def test_usage_errors(self):
        self.assertIn("Usage: antiquant", self.call(code=2)[1])
        self.refused("dance", names=["dance", "bench", "explain", "info", "lint", "run", "verify"])
        self.refused("info", "more", names=["antiquant info --help"])
        self.refused("run", "--nonsense", names=["nonsense"])
        self.refused("verify", names=["CHECKPOINT"])
        self.refused("verify", "a", "b", names=["antiquant verify --help"])
        for option, value in (("-m", "0"), ("-k", "x"), ("-n", "-3"), ("--repeat", "0"), ("--repeat", "1001"),
                              ("--seed", "1.5"), ("-m", "99999999999999999999"), ("--antiquant-scale", "0"),
                              ("--antiquant-scale", "nan"), ("--antiquant-offset", "many")):
            self.refused("run", option, value, names=[option, value])
        for rows in ("", "1,", "0", "a", "1,2,-3", "1;2", ",".join(["1"] * 33), "2000000"):
            self.refused("verify", "--rows", rows, "x", names=["--rows"])

    def test_full_stdout(self):
        for arguments in (["info"], ["--help"], ["run", "--help"], ["--version"]):
            with open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run([support.COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True,
                                      check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("antiquant: standard output: cannot write: No space left on device", done.stderr)


if __name__ == "__main__":
    support.main()
