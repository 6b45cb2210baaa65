# SPDX-License-Identifier: Apache-2.0
"""The command under ANTIQUANT_TRACE and ANTIQUANT_VERBOSE: the trace is read back with Python's own JSON and held
against the format, event by event."""
import json
import unittest
from collections import defaultdict

import support

KEYS = {"X": {"dur", "cat"}, "s": {"cat", "id"}, "f": {"cat", "id", "bp"}, "C": {"args"}, "M": {"args"}}


class Trace(support.CommandTest):
    def traced(self, *arguments, **env):
        path = self.path("trace.json")
        out, err = self.call(*arguments, env={"ANTIQUANT_TRACE": str(path), **env})
        self.assertEqual(err if "ANTIQUANT_VERBOSE" not in env else "", "")
        self.assertIn("kept", out)
        trace = json.loads(path.read_text())
        self.assertEqual(set(trace), {"displayTimeUnit", "traceEvents"})
        self.assertIn(trace["displayTimeUnit"], ("ns", "ms"))
        return trace["traceEvents"]

    def check_events(self, events):
        for event in events:
            self.assertLessEqual({"ph", "ts", "pid", "tid", "name"} | KEYS[event["ph"]], set(event), event)
            self.assertGreaterEqual(event["ts"], 0, event)
            self.assertIsInstance(event["pid"], int)
            self.assertIsInstance(event["tid"], int)
            self.assertIsInstance(event["name"], str)

    def check_tracks(self, events):
        """On each track spans end in the order of the file and nest, which is what makes a picture of them."""
        named = {(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name"}
        processes = {e["pid"] for e in events if e["name"] == "process_name"}
        tracks = defaultdict(list)
        for event in events:
            if event["ph"] == "X":
                tracks[event["pid"], event["tid"]].append((round(event["ts"] * 1000), round(event["dur"] * 1000)))
        self.assertLessEqual(set(tracks), named)
        self.assertLessEqual({pid for pid, _ in tracks}, processes)
        for spans in tracks.values():
            ends = [begin + length for begin, length in spans]
            self.assertEqual(ends, sorted(ends))
            open_until = []
            for begin, length in sorted(spans, key=lambda span: (span[0], -span[1])):
                while open_until and open_until[-1] <= begin:
                    open_until.pop()
                if open_until:
                    self.assertLessEqual(begin + length, open_until[-1])
                open_until.append(begin + length)

    def check_arrows(self, events):
        left = {(e["cat"], e["id"]): e for e in events if e["ph"] == "s"}
        arrived = {(e["cat"], e["id"]): e for e in events if e["ph"] == "f"}
        self.assertEqual(len(left) + len(arrived), sum(e["ph"] in "sf" for e in events))
        self.assertEqual(set(left), set(arrived))
        for key, event in left.items():
            self.assertLessEqual(event["ts"], arrived[key]["ts"])
        return len(left)

    def check(self, events):
        self.check_events(events)
        self.check_tracks(events)
        self.assertGreater(self.check_arrows(events), 0)

    def ops(self, events, name="aclnnWeightQuantBatchMatmul"):
        return [e for e in events if e["ph"] == "X" and e["cat"] == "op" and e["name"] == name]

    def test_few_rows(self):
        events = self.traced("run", "-m", 3, "-k", 256, "-n", 192)
        self.check(events)
        ops = self.ops(events)
        self.assertEqual(len(ops), 5)
        for op in ops:
            told = op["args"]
            self.assertEqual(told["shape"], "m=3 k=256 n=192")
            self.assertEqual(told["path"], "fixpipe")
            self.assertEqual(told["bytes"], 256 * 192)
            self.assertAlmostEqual(told["GB/s"], 256 * 192 / (op["dur"] * 1000), delta=0.0051)
            self.assertAlmostEqual(told["GFLOP/s"], 2 * 3 * 256 * 192 / (op["dur"] * 1000), delta=0.0051)
        self.assertTrue(self.ops(events, "aclnnCast"))

    def test_many_rows(self):
        events = self.traced("run", "-m", 200, "-k", 300, "-n", 500, "--repeat", 2)
        self.check(events)
        kernels = {e["name"] for e in events if e.get("cat") == "kernel"}
        self.assertEqual(kernels, {op["args"]["kernel"] for op in self.ops(events)})
        self.assertEqual({op["args"]["path"] for op in self.ops(events)}, {"composed"})
        copies = [e for e in events if e.get("cat") == "copy"]
        self.assertIn(300 * 500, [e["args"]["bytes"] for e in copies])

    def test_in_one_thread(self):
        self.check(self.traced("run", "-m", 2, "-k", 64, "-n", 64, ANTIQUANT_SYNC="1"))

    def test_with_verbose(self):
        """Both at once, and stderr has a line a run and nothing else."""
        path = self.path("t.json")
        _, err = self.call("run", "-m", 2, "-k", 64, "-n", 64, "--repeat", 3,
                           env={"ANTIQUANT_TRACE": str(path), "ANTIQUANT_VERBOSE": "1"})
        lines = err.splitlines()
        self.assertEqual([line for line in lines if not line.startswith("antiquant: aclnn")], [])
        self.assertEqual(sum("aclnnWeightQuantBatchMatmul m=2 k=64 n=64 " in line for line in lines), 3)
        self.check(json.loads(path.read_text())["traceEvents"])

    def test_where_it_cannot_be_written(self):
        for path in ("/nowhere/t.json", str(self.folder)):
            self.refused("run", "-m", 1, "-k", 8, "-n", 8, env={"ANTIQUANT_TRACE": path},
                         names=["ANTIQUANT_TRACE", path, "the path of a file that can be written"])


if __name__ == "__main__":
    support.main()
