# SPDX-License-Identifier: Apache-2.0
"""What bench/peers does without any package: which cases there are, who takes turns and who is left out, how a peer's
failure is told, and what becomes of times. Argument: the folder bench/peers."""
import contextlib
import io
import json
import sys
import tempfile
import types
import unittest
from pathlib import Path

sys.path.insert(0, sys.argv.pop(1))
import cases  # noqa: E402
import measure  # noqa: E402
import peer  # noqa: E402
import records  # noqa: E402
import run  # noqa: E402
import setup  # noqa: E402

EIGHT, FOUR = cases.Weight("s8", 0, 512, 256), cases.Weight("s4", 32, 512, 256)


class CasesTest(unittest.TestCase):
    def test_every_combination_once_and_weights_stay_together(self):
        listed = cases.case_list(2, (1, 16), (("s8", 0), ("s4", 32)), ((4096, 4096), (4096, 11008)))
        self.assertEqual(len(set(listed)), 8)
        weights = [case.weight for case in listed]
        self.assertEqual(sum(a != b for a, b in zip(weights, weights[1:])), 3)
        self.assertEqual({case.threads for case in listed}, {2})
        self.assertEqual(str(listed[0]), "1 x 4096 x 4096 s8 channel")

    def test_bytes(self):
        self.assertEqual(EIGHT.nbytes, 512 * 256 + 256 * 2)
        self.assertEqual(FOUR.nbytes, 512 * 128 + 16 * 256 * 2)
        self.assertEqual(cases.Case(3, FOUR, 1).nbytes(4, 4), FOUR.nbytes + 3 * (512 + 256) * 4)

    def test_copies_of_one_row_fill_more_than_the_caches(self):
        one, many = cases.Case(1, FOUR, 1), cases.Case(4, FOUR, 1)
        self.assertGreater(one.copies() * FOUR.nbytes, cases.COLD_BYTES)
        self.assertLessEqual((one.copies() - 1) * FOUR.nbytes, cases.COLD_BYTES)
        self.assertEqual(one.copies(64 << 20), 5)
        self.assertEqual((many.copies(), many.cold, one.cold), (1, False, True))

    def test_words(self):
        self.assertEqual(cases.parse_shape("4096x11008"), (4096, 11008))
        self.assertEqual([cases.parse_weight(word) for word in ("s8", "s4:128")], [("s8", 0), ("s4", 128)])
        for word in ("4096", "x", "100x4096", "4096x4095", "-128x128", "128x128"):
            with self.assertRaises(ValueError, msg=word):
                cases.parse_shape(word)
        for word in ("s16", "s4:33", "s4:x", "f8"):
            with self.assertRaises(ValueError, msg=word):
                cases.parse_weight(word)


def description(**more):
    return {"who": "one", "version": "1", "keeps_x": "32 bit", "mode": None, "x": "f32", "storage": "packed", **more}


class RecordsTest(unittest.TestCase):
    def test_quantiles(self):
        self.assertEqual(records.median([3, 1, 2]), 2)
        self.assertEqual(records.median([4, 1, 2, 3]), 2.5)
        self.assertEqual(records.quantile(list(range(11)), 0.1), 1)
        self.assertEqual(records.quantile([7], 0.9), 7)

    def test_ratios_are_of_the_same_round(self):
        ours = {0: [10.0], 1: [100.0], 2: [10.0]}  # the machine was busy in round 1
        self.assertEqual(records.round_ratios({0: [20.0], 1: [200.0, 190.0, 210.0]}, ours), 2)
        self.assertIsNone(records.round_ratios({5: [1.0]}, ours))

    def test_record(self):
        case = cases.Case(1, EIGHT, 2)
        line = records.record(case, description(), {0: [2.0, 4.0], 1: [3.0]}, 1e-6, {"npu": {0: [6.0], 1: [6.0]}})
        self.assertEqual(line["us"], {"median": 3.0, "p10": 2.2, "p90": 3.8, "runs": 3})
        self.assertAlmostEqual(line["gflop_s"], 2 * 512 * 256 / 3.0 / 1e3)
        self.assertAlmostEqual(line["gb_s"], (512 * 256 + 512 + (512 + 256) * 4) / 3.0 / 1e3)
        self.assertEqual(line["ratio_to_ours"], {"npu": 0.5})
        self.assertEqual([line[name] for name in ("cold", "granularity", "mode", "kernel")], [True, "channel", None, None])
        self.assertNotIn("note", line)
        line = records.record(case, description(hot=True, note="why"), {0: [1.0]}, 0.0, {})
        self.assertEqual((line["cold"], line["note"]), (False, "why"))

    def test_names_of_the_schema(self):
        line = records.record(cases.Case(4, FOUR, 1), description(), {0: [1.0]}, 0.0, {})
        self.assertEqual(set(line), set("who version keeps_x mode x weight granularity storage m k n cold threads kernel us "
                                        "gb_s gflop_s ratio_to_ours error".split()))
        self.assertEqual(set(records.machine("1")),
                         set("cpu cores levels os compiler library_version date load".split()))

    def test_written_whole_and_no_nan(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "new" / "a.json"
            records.write(path, {"schema": 1})
            self.assertEqual(json.loads(path.read_text()), {"schema": 1})
            with self.assertRaises(ValueError):
                records.write(path, {"error": float("nan")})
            self.assertEqual(json.loads(path.read_text()), {"schema": 1})

    def document(self, *lines):
        return {"schema": 1, "machine": {"cpu": "x"}, "limits": [], "records": list(lines), "failures": [],
                "declined": [], "not_available": [{"who": "absent", "reason": "no such thing"}]}

    def test_merge_names_what_is_missing_once(self):
        merged = records.merge([self.document({"a": 1}), self.document({"a": 2})])
        self.assertEqual(merged["records"], [{"a": 1}, {"a": 2}])
        self.assertEqual(merged["not_available"], [{"who": "absent", "reason": "no such thing"}])
        self.assertEqual(set(merged), set("schema machine limits records not_available declined failures".split()))

    def test_table_keeps_8_bit_activations_apart(self):
        case, ours = cases.Case(1, EIGHT, 1), {"npu": {0: [4.0]}}
        lines = [records.record(case, description(**names), {0: [time]}, 1e-4, ours) for names, time in (
            ({"who": "rounds", "keeps_x": "8 bit"}, 1.0), ({"who": "slow"}, 8.0), ({"who": "us", "mode": "npu"}, 4.0))]
        text = records.table(self.document(*lines))
        places = [text.index(word) for word in ("16 or 32 bit", "us npu", "slow", "quantised to 8 bit", "rounds",
                                                "absent: no such thing")]
        self.assertEqual(places, sorted(places))
        self.assertIn("| 2.00  |", text)
        self.assertIn("1 x 512 x 256, s8 channel, 1 thread, cold", text)


class Fake(peer.Peer):
    """Its k-th call takes no time; what it multiplies is not looked at."""
    keeps_x = "32 bit"

    def __init__(self, who, raises=None, declines=None, mode=None):
        super().__init__(1)
        self.who, self.raises, self.declines, self.mode, self.ran = who, raises, declines, mode, []

    def supports(self, case):
        return self.declines

    def prepare(self, case, numbers):
        if self.raises:
            raise self.raises
        return peer.Runner([lambda i=i: self.ran.append(i) for i in range(case.copies())], lambda: self.who)


class Oracle:
    """Finds fault with the results of one."""

    def __init__(self, wrong=()):
        self.wrong = wrong

    def error(self, m, y):
        return 0.5 if y in self.wrong else 1e-6


class TurnsTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.report = measure.Report(Path(scratch.name) / "r.json")
        self.case = cases.Case(1, cases.Weight("s8", 0, 4096, 16384), 1)
        for name, value in (("FEWEST_ROUNDS", 2), ("MOST_ROUNDS", 4), ("LONGEST_PAUSE", 0)):
            self.addCleanup(setattr, measure, name, getattr(measure, name))
            setattr(measure, name, value)

    def measure(self, peers, oracle=None):
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            measure.measure(self.case, peers, oracle or Oracle(), 0, self.report)
        return said.getvalue()

    def reasons(self, key):
        return {entry["who"]: entry["reason"] for entry in getattr(self.report, key)}

    def test_copies_are_taken_in_turn(self):
        one = Fake("one")
        self.measure([one, Fake("two")])
        self.assertEqual(self.case.copies(), 4)
        self.assertEqual(one.ran, [i % 4 for i in range(len(one.ran))])
        self.assertEqual({line["who"]: line["us"]["runs"] for line in self.report.records},
                         {"one": 2 * measure.RUNS, "two": 2 * measure.RUNS})
        self.assertEqual(len(one.ran), 4 + 2 * (measure.RUNS + 1))

    def test_failures_are_named_and_cost_only_their_own_peer(self):
        peers = [Fake("breaks", raises=ValueError("no such option")), Fake("good"), Fake("lies"),
                 Fake("absent", raises=peer.NotAvailable("not here")), Fake("picky", declines="rather not")]
        said = self.measure(peers, Oracle(wrong=("lies",)))
        self.assertEqual([line["who"] for line in self.report.records], ["good"])
        failures = self.reasons("failures")
        self.assertEqual(failures[f"breaks, {self.case}"], "ValueError: no such option")
        self.assertIn("wrong result: relative error 0.5", failures[f"lies, {self.case}"])
        self.assertEqual(len(failures), 2)
        self.assertEqual(self.reasons("declined"),
                         {"absent, s8 channel": "not here", "picky, s8 channel": "rather not"})
        self.assertIn("no such option", said)

    def test_ratios_are_to_each_mode_of_ours(self):
        self.measure([Fake("antiquant", mode="npu"), Fake("antiquant", mode="exact"), Fake("peer")])
        for line in self.report.records:
            self.assertEqual(set(line["ratio_to_ours"]), {"npu", "exact"})
        self.assertEqual(self.report.records[0]["ratio_to_ours"]["npu"], 1.0)

    def test_who_is_much_slower_leaves(self):
        slow, quick = (measure.Turn(Fake(name), peer.Runner([lambda: None], lambda: 0)) for name in ("slow", "quick"))
        slow.take = lambda number: slow.rounds.update({number: [2100.0]})
        quick.take = lambda number: quick.rounds.update({number: [100.0]})
        measure.take_turns([slow, quick], 60)
        self.assertEqual((len(slow.rounds), len(quick.rounds)), (2, 4))

    def test_the_file_tells_who_was_at_work(self):
        self.report.doing("one", self.case)
        left = json.loads(self.report.path.read_text())
        self.assertEqual(left["now"], {"who": "one", "case": str(self.case)})


class ProcessesTest(unittest.TestCase):
    def go(self, *ends):
        """ends: what the processes leave, one after the other. Returns documents, status, how they were called."""
        called, left = [], iter(ends)

        def spawn(options, threads, seconds, path, without, done):
            called.append((list(without), list(done)))
            now, done, status = next(left)
            return {"now": now, "done": done, "failures": []}, status
        with contextlib.redirect_stderr(io.StringIO()):
            documents, status = run.measure_threads(types.SimpleNamespace(without=[]), 1, 60, None, spawn)
        return documents, status, called

    def test_all_is_well(self):
        documents, status, called = self.go((None, ["a", "b"], 0))
        self.assertEqual((len(documents), status, called), (1, 0, [([], [])]))

    def test_goes_on_without_the_peer_that_crashed(self):
        documents, status, called = self.go(({"who": "p", "case": "b"}, ["a"], -11), (None, ["b"], 0))
        self.assertEqual((status, called[1]), (0, (["p"], ["a"])))
        self.assertEqual(documents[0]["failures"][0]["who"], "p")
        self.assertIn("-11", documents[0]["failures"][0]["reason"])

    def test_goes_on_without_the_case_when_all_were_at_work(self):
        _, status, called = self.go(({"who": None, "case": "b"}, ["a"], -9), (None, ["c"], 0))
        self.assertEqual((status, called[1]), (0, ([], ["a", "b"])))

    def test_ends_when_it_was_of_no_use(self):
        documents, status, _ = self.go(({"who": "p", "case": "b"}, [], -11), ({"who": "p", "case": "b"}, [], -11))
        self.assertEqual((len(documents), status), (2, -11))


class RequirementsTest(unittest.TestCase):
    def test_every_line_is_a_name_and_a_version(self):
        found = {line["name"]: line for line in setup.requirements()}
        self.assertLessEqual({"numpy", "onnxruntime", "openvino", "llama-cpp-python"}, set(found))
        self.assertEqual(found["llama-cpp-python"]["how"], "ggml")
        self.assertIn("libtorch_cpu", found["torch"]["files"])


if __name__ == "__main__":
    unittest.main(verbosity=1)
