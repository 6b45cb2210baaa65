# SPDX-License-Identifier: Apache-2.0
"""bench/report.py: docs/PERFORMANCE.md is what the recordings give; goals are judged right; pictures are whole."""
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
REPORT = ROOT / "bench/report.py"
PARTS = ("machine", "roofline", "goals", "calls", "peers", "shares")
SVG = "{http://www.w3.org/2000/svg}"


def spread(median):
    return {"median": median, "p10": median * 0.9, "p90": median * 1.1, "runs": 9}


def record(mode="npu", m=1, share=0.5, **more):
    """A measurement of antiquant, int8 per channel, 4096 x 4096, 10 GB/s for a row, 100 GFLOP/s for many."""
    us = 1677.7 if m == 1 else 335.5 * m
    made = {"who": "antiquant", "version": "9.9.9", "keeps_x": "16 bit", "mode": mode, "x": "f16", "weight": "s8",
            "granularity": "channel", "storage": "plain", "offset": False, "m": m, "k": 4096, "n": 4096, "cold": True,
            "threads": 1, "kernel": None, "us": spread(us), "gb_s": 16777.2 / us, "gflop_s": 33554.4 * m / us,
            "limit": "read" if m == 1 else "peak", "share": share, "share_p10": share, "share_p90": share, "error": 3e-4,
            "error_rounding": 2e-4, "us_call": None, "us_empty": None, "us_over": None}
    return {**made, **more}


def run_of(records, levels=("scalar",)):
    machine = {"cpu": "A <fast> CPU", "cores": 2, "levels": list(levels), "caches": [32768, 1048576, 0], "os": "An OS",
               "compiler": "cc 1", "library_version": "9.9.9", "date": "2020-01-02T03:04:05Z", "load": 0.25}
    limits = [{"threads": 1, "peak_gflops": 120.0, "read_gb_s": 20.0}, {"threads": 2, "peak_gflops": 240.0, "read_gb_s": 30.0}]
    return {"schema": 1, "machine": machine, "limits": limits, "records": records}


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="antiquant-report-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.document = self.folder / "P.md"
        self.document.write_text("mine\n" + "".join(f"<!-- begin {name} -->\n<!-- end {name} -->\n" for name in PARTS))

    def report(self, *arguments, code=0):
        done = subprocess.run([sys.executable, str(REPORT), "--results", str(self.folder), "--document",
                               str(self.document), "--images", str(self.folder / "img"), *arguments], text=True,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def made(self, limits=None, peers=None):
        """Writes the recordings and runs the report; the document, by parts."""
        for name, records in (("limits", limits), ("peers", peers)):
            if records:
                self.put_away(name, run_of(records))
        self.report()
        return self.parts()

    def put_away(self, name, run):
        """Files a recording as `bench/report.py --file` does."""
        recording = self.folder / "new.json"
        recording.write_text(json.dumps(run))
        place = self.folder / run["machine"]["levels"][-1] / f"{name}.json"
        self.assertEqual(self.report("--file", str(recording)), f"{place}\n")
        self.assertEqual(place.read_text(), recording.read_text())
        del run["machine"]["levels"]
        recording.write_text(json.dumps(run))
        self.assertIn("say --level", self.report("--file", str(recording), code=1))
        self.assertEqual(self.report("--file", str(recording), "--level", "avx512"),
                         f"{self.folder / 'avx512' / name}.json\n")
        shutil.rmtree(self.folder / "avx512")
        recording.unlink()

    def parts(self):
        text = self.document.read_text()
        self.assertTrue(text.startswith("mine\n"))
        return {name: text.split(f"<!-- begin {name} -->\n")[1].split(f"<!-- end {name} -->")[0] for name in PARTS}

    def test_the_repository_is_what_its_recordings_give(self):
        done = subprocess.run([sys.executable, str(REPORT), "--check"], text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_nothing_recorded(self):
        self.assertEqual({text for text in self.made().values()}, {"Not recorded yet.\n"})
        self.report("--check")

    def test_same_bytes_again_and_stale_files_are_found(self):
        records = [record(), record(m=16, share=0.8), record("exact", 16, 1.1)]
        self.made(records)
        files = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        self.report("--check")
        self.report()
        self.assertEqual(files, {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()})
        self.document.write_text(self.document.read_text().replace("0.80", "0.99"))
        self.assertIn("P.md is not what", self.report("--check", code=1))
        self.report()
        (self.folder / "img/old.svg").write_text("<svg/>")
        self.assertIn("old.svg", self.report("--check", code=1))

    def test_goals(self):
        """Floors of bench/goals.txt: npu 1 row int8 0.60, 16 rows 0.65; exact 16 rows 1.00; 2 threads 0.95 of 1."""
        met = self.made([record(share=0.60), record("exact", 16, 1.04), record("exact", 16, 1.0, threads=2)])["goals"]
        self.assertIn("| npu | 1 | int8, channel, cold | ≥ 0.60 of read | ✓ 0.60 | – |", met)
        self.assertIn("| exact | 16 | int8, int4, channel | ≥ 1.00 of peak | ✓ 1.04 | ✓ 1.00 |", met)
        self.assertIn("≥ 0.95 of the share on 1 | – | ✓ 0.96 |", met)
        self.assertNotIn("fast", met)
        missed = self.made([record(share=0.599), record(share=0.7, storage="nz"), record("exact", 16, 1.04),
                            record("exact", 16, 0.9, threads=2)])["goals"]
        self.assertIn("**0.60 to 0.70**, 1 of 2 miss; worst 4096×4096 int8, channel, plain |", missed)
        self.assertIn("≥ 0.95 of the share on 1 | – | **0.87**; worst", missed)

    def test_two_machines_stand_beside_each_other(self):
        self.put_away("limits", run_of([record(share=0.61)]))
        self.put_away("limits", run_of([record(share=0.5), record(m=16, share=0.7)], ("scalar", "avx2")))
        self.report()
        parts = self.parts()
        self.assertIn("| mode | rows | weight | goal | avx2, 1 thread | scalar, 1 thread |", parts["goals"])
        self.assertIn("≥ 0.60 of read | **0.50**; worst 4096×4096 int8, channel, plain | ✓ 0.61 |", parts["goals"])
        self.assertIn("≥ 0.65 of peak | ✓ 0.70 | – |", parts["goals"])
        for part in ("machine", "roofline", "shares", "calls"):
            self.assertLess(parts[part].index("**avx2**\n"), parts[part].index("**scalar**\n"))
        self.assertIn("(img/scalar-roofline-1.svg)", parts["roofline"])
        self.assertEqual(sorted(path.name for path in (self.folder / "img").iterdir()),
                         ["avx2-roofline-1.svg", "scalar-roofline-1.svg"])

    def test_whole_calls(self):
        calls = {"us_call": spread(40.0), "us_empty": spread(8.0)}
        hot = record(k=1024, n=1024, cold=False, threads=2, us_over=spread(30.0), **calls)
        made = self.made([hot])
        self.assertIn("| 1024×1024 | int8, channel | plain | npu | 2 | 40.0 | 8.0 | 30.0 (27.0 to 33.0) |", made["calls"])
        self.assertIn("≤ an empty round trip + 30 µs | ✓ 30 |", made["goals"])
        over = self.made([{**hot, "us_over": spread(31.0)}])["goals"]
        self.assertIn("**31**; worst 1024×1024", over)

    def test_peers(self):
        others = [record(None, m, who="Other & <Co>", keeps_x="32 bit", error=1e-6, us=spread(300.0), limit=None,
                         ratio_to_ours={"exact": 1.25, "fast": 2.5}) for m in (1, 16)]
        others += [record(None, m, who="Eight", keeps_x="8 bit", error=5e-3, us=spread(100.0), limit=None) for m in (1, 16)]
        text = self.made(peers=[record("exact"), record("exact", 16), *others])["peers"]
        rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| ") and "rows" not in line]
        self.assertEqual([[cell.strip() for cell in row] for row in rows],
                         [["Other & <Co>", "32 bit"], ["**antiquant exact (plain)**", "16 bit"], ["Eight", "**8 bit**"]])
        self.assertIn("| 300 · 10.0 GB/s · 1.25× | 300 · 100 GFLOP/s · 1.25× | 1.0e-06 |", text)
        picture = xml.etree.ElementTree.parse(self.folder / "img/peers-s8-channel.svg")
        words = [element.text for element in picture.iter(SVG + "text")]
        for word in ("Other & <Co>", "antiquant exact", "1 row, GB/s", "16 rows, GFLOP/s", "5e-03"):
            self.assertIn(word, words)
        self.assertLess(words.index("Other & <Co>"), words.index("activations quantised to 8 bit: another contract"))
        self.assertGreater(words.index("Eight"), words.index("activations quantised to 8 bit: another contract"))

    def test_roofline(self):
        made = self.made([record(m=m, share=0.5) for m in (1, 16, 128)])
        self.assertIn("![", made["roofline"])
        picture = xml.etree.ElementTree.parse(self.folder / "img/roofline-1.svg")
        dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in picture.iter(SVG + "circle")][-3:]
        self.assertEqual(dots, sorted(dots))  # more rows are further right
        self.assertGreater(dots[0][1], dots[1][1])  # and quicker is higher
        self.assertAlmostEqual(dots[1][1], dots[2][1], delta=0.2)
        text = self.document.read_text()
        self.assertIn("L1d 32 KiB, L2 1 MiB; An OS; cc 1; antiquant 9.9.9. 2020-01-02T03:04:05Z", text)


if __name__ == "__main__":
    unittest.main(verbosity=1)
