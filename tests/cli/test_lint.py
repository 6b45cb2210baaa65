# SPDX-License-Identifier: Apache-2.0
"""antiquant lint: lists of calls and checkpoints, what is refused where and why, hostile lists."""
import json
import re
from pathlib import Path

import support

PROFILES = ["310p", "a2", "a3", "950", "any"]


def tensor(dtype, *shape, **more):
    return {"dtype": dtype, "shape": list(shape), **more}


def call(m=4, k=256, n=64, **more):
    """V2, fp16 x, int8 weight per channel: legal on every profile."""
    return {"op": "V2", "x": tensor("FLOAT16", m, k), "weight": tensor("INT8", k, n),
            "antiquantScale": tensor("FLOAT16", n), "y": tensor("FLOAT16", m, n), **more}


class LintTest(support.CommandTest):
    def lint(self, *arguments, code=0):
        """Stdout, and the JSON."""
        path = self.path("out.json")
        out, err = self.call("lint", "--json", path, *arguments, code=code)
        self.assertEqual(err, "")
        found = json.loads(path.read_text())
        answers = [answer["legal"] for result in found["results"] for answer in result["answers"]]
        self.assertEqual((found["summary"]["asked"], found["summary"]["refused"]), (len(answers), answers.count(False)))
        self.assertEqual(code, 0 if all(answers) else 1)
        return out, found

    def calls(self, *calls):
        return self.path("calls.json", json.dumps(calls).encode())

    def refusals(self, found, index=0):
        return {answer["profile"]: answer for answer in found["results"][index]["answers"] if not answer["legal"]}


class CallsTest(LintTest):
    def test_legal(self):
        out, found = self.lint(self.calls(call()))
        self.assertIn("call 1 (V2)\n    310p a2 a3 950 any: legal\n", out)
        self.assertEqual(found["profiles"], PROFILES)
        self.assertEqual(found["summary"], {"asked": 5, "refused": 0, "result": "legal"})

    def test_one_profile(self):
        _, found = self.lint("--profile", "a2", "--profile", "950", "--profile", "a2", self.calls(call()))
        self.assertEqual(found["profiles"], ["a2", "950"])

    def test_refused(self):
        """Rules of page 3.1 and 3.3 that differ between profiles."""
        wide = call(n=65536)
        _, found = self.lint(self.calls(
            {**call(name="bf16"), "x": tensor("BF16", 4, 256), "antiquantScale": tensor("BF16", 64),
             "y": tensor("BF16", 4, 64)},
            {**wide, "name": "wide"}, {**call(n=63, name="odd"), "weight": tensor("INT4", 256, 63)},
            call(name="nz", op="aclnnWeightQuantBatchMatmulNz"), call(name="null", x=None),
            call(name="precise", op="V3", innerPrecise=2), call(name="ignored", innerPrecise=2)), code=1)
        statuses = {result["name"]: {answer["profile"]: answer.get("status", 0) for answer in result["answers"]}
                    for result in found["results"]}
        self.assertEqual(statuses, {
            "bf16": dict(zip(PROFILES, [161002, 0, 0, 0, 0])),
            "wide": dict(zip(PROFILES, [0, 161002, 161002, 0, 0])),
            "odd": dict(zip(PROFILES, [161002, 161002, 161002, 161002, 0])),
            "nz": dict(zip(PROFILES, [361001, 361001, 361001, 161002, 161002])),
            "null": dict.fromkeys(PROFILES, 161001), "precise": dict.fromkeys(PROFILES, 161002),
            "ignored": dict.fromkeys(PROFILES, 0)})
        odd = self.refusals(found, 2)["a2"]
        self.assertEqual((odd["argument"], odd["actual"], odd["nearest"]), ("weight", "n = 63", "n = 64"))
        self.assertIn("even", odd["rule"])
        self.assertIn("3.3", odd["check"])
        limit = self.refusals(found, 1)["a2"]
        self.assertIn("65535", limit["nearest"])

    def test_all_that_a_tensor_has(self):
        """A transposed weight lets the scale have any strides; a contiguous one does not. FRACTAL_NZ has no strides."""
        turned = call(antiquantGroupSize=32, antiquantScale=tensor("FLOAT16", 8, 64, strides=[1, 8]))
        plain = dict(turned)
        turned["weight"] = tensor("ACL_INT8", 256, 64, strides=[1, 256], format="ACL_FORMAT_ND", storage=[256 * 64])
        _, found = self.lint("--profile", "a2", self.calls(turned, plain, call(
            weight=tensor("INT8", 256, 64, format="FRACTAL_NZ", storage=[2, 16, 16, 32]))), code=1)
        self.assertEqual([self.refusals(found, i).get("a2", {}).get("argument") for i in range(3)],
                         [None, "antiquantScale", None])

    def test_text_says_it_all(self):
        path = self.calls(call(name="a \x1b[31m name"), call(antiquantGroupSize=33, antiquantScale=tensor(
            "FLOAT16", 8, 64)))
        out, found = self.lint(path, code=1)
        self.assertIn("a \\x1b[31m name (V2)", out)
        self.assertEqual(found["results"][0]["name"], "a \x1b[31m name")
        refused = self.refusals(found, 1)["a3"]
        for part in ("argument", "rule", "actual", "nearest", "check"):
            self.assertIn(refused[part], out)
        self.assertTrue(out.endswith("    any: legal\nresult: 4 of 10 answers are refusals\n"), out)

    def test_documented_example(self):
        text = (Path(__file__).resolve().parents[2] / "docs" / "LINT.md").read_text()
        example = re.search(r"```json\n(.*?)```", text, re.S)[1]
        out, _ = self.lint("--profile", "a2", self.path("example.json", example.encode()))
        self.assertIn("q_proj (V2)\n    a2: legal\n", out)


class HostileTest(LintTest):
    def refused_text(self, text, *names):
        self.refused("lint", self.path("calls.json", text.encode()), names=["calls.json", *names])

    def test_not_a_list(self):
        for text, names in (("", ["not valid JSON"]), ("[", ["not valid JSON"]), ("{}", ["array"]), ("[]", ["array"]),
                            ("[1]", ["call 1", "must be an object", "found 1"]), ("[" * 100000, ["not valid JSON"]),
                            ("[null]", ["must be an object"]), ('[{"op":"V2","op":"V3"}]', ["duplicate"]),
                            ("[\x00]", ["not valid JSON"]), ('[{"name":"\\u0000"}]', ["not valid JSON"]),
                            ("[{}]", ["op", "must be given"]), ("[NaN]", ["not valid JSON"])):
            with self.subTest(text[:40]):
                self.refused_text(text, *names)

    def test_wrong_values(self):
        x = tensor("FLOAT16", 4, 256)
        for more, names in (({"op": "V1"}, ["op", "V2, V3, Nz", '"V1"']), ({"op": 2}, ["op", "found 2"]),
                            ({"weigth": x}, ["weight", "weigth"]), ({"x": 7}, ["x must be an object or null", "7"]),
                            ({"x": {**x, "dtype": "FLOAT17"}}, ["x.dtype", "FLOAT16", "FLOAT17"]),
                            ({"x": {**x, "format": "NZ"}}, ["x.format", "FRACTAL_NZ", "NZ"]),
                            ({"x": {**x, "dims": [1]}}, ["x has dtype", "dims"]),
                            ({"x": {"dtype": "FLOAT16"}}, ["x.shape must be given"]),
                            ({"x": {"shape": [1]}}, ["x.dtype must be given"]),
                            ({"x": {**x, "shape": [1.5]}}, ["x.shape", "integers", "1.5"]),
                            ({"x": {**x, "shape": ["\x1b"]}}, ["x.shape"]), ({"x": {**x, "shape": 4}}, ["x.shape"]),
                            ({"x": {**x, "shape": [1] * 65}}, ["x.shape", "at most 64"]),
                            ({"x": {**x, "strides": [1]}}, ["x.strides", "each dim"]),
                            ({"x": {**x, "storage": None}}, ["x.storage", "null"]),
                            ({"antiquantGroupSize": 2 ** 31}, ["antiquantGroupSize", "32 bits"]),
                            ({"antiquantGroupSize": "32"}, ["antiquantGroupSize", '"32"']),
                            ({"innerPrecise": 0.5}, ["innerPrecise", "0.5"]), ({"name": 3}, ["name", "string"])):
            with self.subTest(more):
                self.refused("lint", self.calls(call(), call(**more)), names=["calls.json", "call 2", *names])

    def test_absurd_numbers_are_answered(self):
        most, least = 2 ** 63 - 1, -2 ** 63
        absurd = [call(x=tensor("FLOAT16", a, b, **more)) for a in (most, least, 0, -1) for b in (most, least, 1)
                  for more in ({}, {"strides": [most, least]}, {"strides": [0, 0]})]
        absurd += [call(weight=tensor("INT8", *[1] * rank)) for rank in (0, 1, 7, 8, 9, 64)]
        absurd += [call(antiquantGroupSize=size) for size in (-2 ** 31, 2 ** 31 - 1)]
        absurd += [call(weight=tensor("INT8", 256, 64, format="FRACTAL_NZ", storage=[most] * rank))
                   for rank in (1, 4, 9, 64)]
        _, found = self.lint(self.calls(*absurd), code=1)
        for result in found["results"][:-4]:
            self.assertFalse(any(answer["legal"] for answer in result["answers"]), result)
        self.refused("lint", self.path("big.json", b'[{"op":"V2","innerPrecise":99999999999999999999}]'),
                     names=["not valid JSON"])

    def test_files(self):
        self.refused("lint", self.folder / "missing.json", names=["missing.json", "No such file"])
        (self.folder / "folder.json").mkdir()
        self.refused("lint", self.folder / "folder.json", names=["not a regular file"])
        with open(self.folder / "huge.json", "wb") as file:
            file.truncate((64 << 20) + 1)
        self.refused("lint", self.folder / "huge.json", names=["67108864"])
        self.refused("lint", "--json", self.folder / "no" / "out.json", self.calls(call()), names=["out.json"])
        self.refused("lint", "/dev/full.safetensors", names=["/dev/full"])

    def test_nothing_half_written(self):
        out = self.path("result.json", b"before")
        self.refused("lint", "--json", out, self.calls(call(), {}), names=["op"])
        self.assertEqual(out.read_bytes(), b"before")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["calls.json", "result.json"])


class CheckpointTest(LintTest):
    def setUp(self):
        super().setUp()
        self.model = self.path("model.safetensors", support.safetensors({
            "a.weight": support.matrix("F32", 48, 192, 1), "a.bias": support.vector("F32", 48, 2),
            "b.weight": support.matrix("F16", 30, 128, 3), "embed.weight": support.matrix("F32", 3, 5, 4)}))

    def answers(self, *arguments, profile="a2", code=1):
        """{(layer, degree, split): (n, k, nearest or True)}"""
        _, found = self.lint("--profile", profile, *arguments, self.model, code=code)
        return {(result["name"][0], result["tp"], result["split"]):
                (result["n"], result["k"], result["answers"][0].get("nearest", True)) for result in found["results"]}

    def test_shards(self):
        self.assertEqual(self.answers("--tp", "1,4"), {
            ("a", 1, "whole"): (48, 192, True), ("b", 1, "whole"): (30, 128, True),
            ("a", 4, "column"): (12, 192, True), ("a", 4, "row"): (48, 48, True),
            ("b", 4, "column"): (7, 128, "n = 32, padded with zeros"), ("b", 4, "row"): (30, 32, True)})

    def test_groups(self):
        found = self.answers("--tp", "2,3,4", "--group", 64, "--weight", "int4")
        self.assertEqual(found["a", 3, "row"], (48, 64, found["a", 3, "row"][2]))
        # 192 / 2 = 96 is no multiple of 64; 32 divides it, and one rank has all.
        self.assertEqual(found["a", 2, "row"], (48, 96, "antiquantGroupSize 32, or a tensor-parallel degree of 1"))
        # 192 / 4 = 48: no multiple of 32 divides it below 48, three ranks have a whole group each
        self.assertEqual(found["a", 4, "row"], (48, 48, "a tensor-parallel degree of 3"))
        # 128 / 3 does not go; 128 / 2 = 64 is a single group, which the operator takes as per channel only.
        self.assertEqual(found["b", 3, "row"], (30, 42, "k = 129, padded with zeros"))
        self.assertEqual(found["b", 2, "column"], (15, 128, True))
        self.assertNotEqual(found["b", 2, "row"][2], True)

    def test_profiles_and_types(self):
        self.answers(code=0)
        for profile in ("a2", "a3", "950", "any"):
            self.answers("--x", "bf16", "--weight", "int4", "--group", 32, "--asymmetric", "--op", "v3", profile=profile,
                         code=0)
        for arguments in (["--x", "bf16"], ["--weight", "int4"]):
            self.assertEqual({answer[2] for answer in self.answers(*arguments, profile="310p").values()},
                             {"FLOAT16" if arguments[0] == "--x" else "INT8"})

    def test_table(self):
        out, _ = self.lint("--tp", "1,4", "--profile", "a2", self.model, code=1)
        self.assertIn("b.weight, column parallel over 4: k 128, n 7\n    a2: weight: n must be a multiple", out)
        self.assertNotIn("a.weight", out)
        rows = [line.split() for line in out.splitlines() if line.startswith("       ")]
        self.assertEqual(rows, [["1", "whole", "2", "2"], ["4", "column", "2", "1"], ["4", "row", "2", "2"]])
        self.assertTrue(out.endswith("result: 1 of 6 answers are refusals\n"), out)

    def test_choice_of_layers(self):
        names = [result["name"] for result in self.lint("--all", self.model)[1]["results"]]
        self.assertEqual(names, ["a.weight", "b.weight", "embed.weight"])
        self.assertEqual(len(self.lint("--layers", "b*", self.folder)[1]["results"]), 1)

    def test_what_lint_says_verify_meets(self):
        """An odd k: the table refuses what phase 1 refuses. verify itself adds a column of zeros to int4."""
        odd = self.path("odd.safetensors", support.safetensors({"o.weight": support.matrix("F32", 4, 33, 1)}))
        _, found = self.lint("--profile", "a2", "--weight", "int4", odd, code=1)
        self.assertIn("k = 34", self.refusals(found)["a2"]["nearest"])

    def test_usage(self):
        for wrong, names in ((["--tp", "0"], ["--tp", "'0'"]), (["--tp", "1,,2"], ["--tp"]),
                             (["--tp", ",".join("1" * 17)], ["--tp", "16"]), (["--profile", "a4"], ["310p", "a4"]),
                             (["--op", "v1"], ["--op must be v2 or v3"]), (["--rows", "0"], ["--rows"]),
                             (["--weight", "int2"], ["int8 or int4"])):
            self.refused("lint", *wrong, self.model, names=names)
        self.refused("lint", names=["INPUT"])
        for option in (["--tp", "2"], ["--weight", "int4"], ["--rows", "3"], ["--all"]):
            self.refused("lint", *option, self.calls(call()), names=["--profile and --json only"])
        self.refused("lint", self.path("bad.safetensors", b"12345678"), names=["bad.safetensors"])


if __name__ == "__main__":
    support.main()
