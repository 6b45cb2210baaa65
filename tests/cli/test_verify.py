# SPDX-License-Identifier: Apache-2.0
"""antiquant verify on small checkpoints: which layers, what is printed, what the JSON holds, exit code 1."""
import json
import os
import pty
import shutil
import subprocess

import support
from support import SMALL_LAYERS


class VerifyTest(support.CommandTest):
    def setUp(self):
        super().setUp()
        self.model = self.path("model.safetensors", support.safetensors(support.small_model(), {"format": "pt"}))

    def verify(self, *arguments, code=0, **more):
        """Stdout, and the JSON."""
        path = self.path("out.json")
        out, _ = self.call("verify", "--json", path, *arguments, code=code, **more)
        return out, json.loads(path.read_text())

    def names(self, *arguments):
        return [layer["name"] for layer in self.verify("--rows", "1", *arguments)[1]["layers"]]


class LayerTest(VerifyTest):
    def test_rule(self):
        self.assertEqual(self.names(self.model), SMALL_LAYERS)

    def test_names_that_are_not_linear(self):
        names = ["a.wte.weight", "wpe.weight", "shared.weight", "x.relative_attention_bias.weight", "EmbedIn.weight",
                 "q_norm.weight", "linear.weights", "weight", ".weight2"]
        tensors = {name: support.matrix("F32", 2, 3, 1) for name in names}
        tensors["shared_expert.weight"] = tensors["wte_like.weight"] = support.matrix("F32", 2, 3, 1)
        path = self.path("other.safetensors", support.safetensors(tensors))
        self.assertEqual(self.names(path), ["shared_expert.weight", "wte_like.weight"])

    def test_choice(self):
        self.assertEqual(self.names("--layers", "*.dense.weight", "--layers", "wte*", self.model),
                         ["encoder.layer.2.dense.weight", "wte.weight"])
        self.assertEqual(self.names("--all", self.model),
                         ["embeddings.word_embeddings.weight", *SMALL_LAYERS, "wte.weight"])
        for glob in ("nothing*", "*LayerNorm*", "*position_ids"):
            self.refused("verify", "--layers", glob, self.model, names=["none of the 10 tensors", "asked for"])
        plain = self.path("plain.safetensors", support.safetensors({"a": support.vector("F32", 3, 1)}))
        self.refused("verify", plain, names=["plain.safetensors", "none of the 1 tensors", "--layers", "--all"])

    def test_folder_and_shards(self):
        whole = self.verify("--rows", "1,65", self.model)[1]
        folder = self.verify("--rows", "1,65", self.folder)[1]
        self.model.unlink()
        model, where = support.small_model(), {}
        names = sorted(model)
        for shard, part in (("model-00001-of-00002.safetensors", names[0::2]),
                            ("model-00002-of-00002.safetensors", names[1::2])):
            self.path(shard, support.safetensors({name: model[name] for name in part}))
            where.update({name: shard for name in part})
        index = {"metadata": {"total_size": 1}, "weight_map": where}
        path = self.path("model.safetensors.index.json", json.dumps(index).encode())
        for result in (folder, self.verify("--rows", "1,65", self.folder)[1], self.verify("--rows", "1,65", path)[1]):
            self.assertEqual(result["summary"]["digest"], whole["summary"]["digest"])
            self.assertEqual([layer["bias"] for layer in result["layers"]], [True, False, True, False])


class ReportTest(VerifyTest):
    def test_json(self):
        out, found = self.verify("--digest", self.model)
        self.assertEqual((found["rows"], found["numerics"], found["seed"]), ([1, 16, 64, 65, 256], "npu", 1))
        self.assertEqual(found["checkpoint"], str(self.model))
        summary = found["summary"]
        self.assertEqual((summary["layers"], summary["runs"], summary["broken_runs"], summary["result"]), (4, 20, 0, "ok"))
        digests, worst = b"", 0.0
        for layer in found["layers"]:
            dtype, shape, _ = support.small_model()[layer["name"]]
            self.assertEqual((layer["n"], layer["k"], layer["dtype"], layer["rows_agree"]), (*shape, dtype, True))
            for m, run in zip(found["rows"], layer["runs"], strict=True):
                self.assertEqual((run["m"], run["path"]), (m, "fixpipe" if m <= 64 else "composed"))
                self.assertEqual(run["order"], "T" if layer["k"] > 1 else "P")
                self.assertTrue(run["within_bound"] and 0 <= run["share_of_bound"] <= 1)
                # An fp16 result is off by half a unit in the last place at most: 2^-11 of its size.
                self.assertLess(run["relative_error"], 2.0 ** -11)
                if layer["k"] > 1:
                    self.assertTrue(1e-4 < run["quantisation_error"] < 0.05, run)
                self.assertGreater(run["us"], 0)
                self.assertIn(run["digest"], out)
                digests += bytes.fromhex(run["digest"])[::-1]
                worst = max(worst, run["share_of_bound"])
        self.assertEqual(summary["worst_share_of_bound"], worst)
        self.assertEqual(summary["digest"], f"{support.fnv1a(digests):016x}")
        self.assertIn(f"digest: {summary['digest']} over all runs\n", out)

    def test_table(self):
        out, err = self.call("verify", self.model)
        self.assertEqual(err, "")
        self.assertLessEqual(max(map(len, out.splitlines())), 100)
        self.assertIn("4 linear of 10 tensors", out)
        self.assertIn("encoder.layer.2.out.weight  24 x 40 BF16\n", out)
        self.assertIn("encoder.layer.10.query.weight  17 x 24 F32 + bias\n", out)
        self.assertEqual(out.count("fixpipe"), 12)
        self.assertEqual(out.count("composed"), 8)
        self.assertIn("4 layers, 20 runs", out)
        self.assertTrue(out.endswith("result: every run is within the bound\n"))

    def test_long_names_are_shortened(self):
        name = "prefix." * 40 + "the.end.weight"
        path = self.path("long.safetensors", support.safetensors({name: support.matrix("F32", 2, 3, 1)}))
        out, found = self.verify("--rows", "1", path)
        self.assertLessEqual(max(map(len, out.splitlines())), 110)
        self.assertIn("the.end.weight  2 x 3 F32", out)
        self.assertEqual(found["layers"][0]["name"], name)

    def test_rows_and_seed(self):
        first = self.verify("--rows", "3,70,3", self.model)[1]
        runs = first["layers"][0]["runs"]
        self.assertEqual([run["m"] for run in runs], [3, 70, 3])
        self.assertEqual(runs[0]["digest"], runs[2]["digest"])
        other = self.verify("--rows", "3,70,3", "--seed", "2", self.model)[1]
        self.assertNotEqual(first["summary"]["digest"], other["summary"]["digest"])
        alone = self.verify("--rows", "70", "--layers", SMALL_LAYERS[0], self.model)[1]
        self.assertEqual(alone["layers"][0]["runs"][0]["digest"], runs[1]["digest"])

    def test_bits_do_not_depend_on_threads_or_level(self):
        settings = [{"ANTIQUANT_THREADS": "1"}, {"ANTIQUANT_THREADS": "2"}]
        settings += [{"ANTIQUANT_CPU": level} for level in self.levels()]
        digests = {self.verify(self.model, env=env)[1]["summary"]["digest"] for env in settings}
        self.assertEqual(len(digests), 1)

    def test_progress_only_on_a_terminal(self):
        master, terminal = pty.openpty()
        self.addCleanup(os.close, master)
        self.call("verify", "--rows", "1", self.model, capture_output=False, stdout=subprocess.DEVNULL, stderr=terminal)
        os.close(terminal)
        shown = ""
        while True: # comes in pieces, then an error: nobody has the terminal open
            try:
                shown += os.read(master, 65536).decode()
            except OSError:
                break
        self.assertIn("[4/4] lm_head.weight", shown)
        self.assertTrue(shown.endswith("\r\x1b[K"), repr(shown))


SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
/* Copies from the device come back with bits flipped in the first element. */
int aclrtMemcpy(void *to, size_t room, const void *from, size_t size, int kind)
{
    int (*real)(void *, size_t, const void *, size_t, int) =
        (int (*)(void *, size_t, const void *, size_t, int))dlsym(RTLD_NEXT, "aclrtMemcpy");
    int status = real(to, room, from, size, kind);
    if (kind == 2 && size == (size_t)atoi(getenv("SHIM_SIZE"))) {
        *(uint16_t *)to ^= (uint16_t)atoi(getenv("SHIM_BITS"));
    }
    return status;
}
"""


class BrokenTest(VerifyTest):
    """A library that answers wrongly, made by a shim before it, must be caught."""

    def setUp(self):
        super().setUp()
        compiler = shutil.which(os.environ.get("CC", "cc"))
        if compiler is None:
            self.skipTest("no C compiler for the shim that spoils results")
        source, self.shim = self.path("shim.c", SHIM.encode()), self.path("shim.so")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", self.shim, source, "-ldl"], check=True)
        self.model = self.path("one.safetensors", support.safetensors({"one.weight": support.matrix("F32", 6, 96, 1)}))

    def spoiled(self, bits, size):
        return {"LD_PRELOAD": str(self.shim), "SHIM_BITS": str(bits), "SHIM_SIZE": str(size),
                **support.sanitizers("verify_asan_link_order=0")}

    def test_wrong_in_the_last_bits(self):
        out, found = self.verify(self.model, code=1, env=self.spoiled(4, 16 * 6 * 2))
        self.assertIn("result: BROKEN, 1 runs outside the bound", out)
        self.assertEqual(out.count("BROKEN"), 2)
        summary = found["summary"]
        self.assertEqual((summary["result"], summary["broken_runs"], summary["worst_m"]), ("broken", 1, 16))
        self.assertEqual([run["within_bound"] for run in found["layers"][0]["runs"]], [True, False, True, True, True])
        self.assertGreater(summary["worst_share_of_bound"], 1)
        err = self.call("verify", self.model, code=1, env=self.spoiled(4, 16 * 6 * 2))[1]
        self.assertIn("antiquant: one.weight, m = 16: 1 elements break the bound, the first at row 0, column 0", err)
        self.assertIn("antiquant: one.weight: row 0 differs between m = 1 and m = 16", err)

    def test_not_a_number(self):
        found = self.verify(self.model, code=1, env=self.spoiled(0x7FFF, 256 * 6 * 2))[1]
        self.assertEqual(found["summary"]["broken_runs"], 1)

    def test_harmless_shim(self):
        self.verify(self.model, code=0, env=self.spoiled(0, 16 * 6 * 2))

    def test_run_is_checked_too(self):
        out, err = self.call("run", "-m", 2, "-k", 96, "-n", 3, code=1, env=self.spoiled(8, 2 * 3 * 2))
        self.assertIn("BROKEN", out)
        self.assertIn("1 elements break the bound, the first at row 0, column 0", err)


if __name__ == "__main__":
    support.main()
