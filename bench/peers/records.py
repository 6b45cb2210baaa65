# SPDX-License-Identifier: Apache-2.0
"""Times to records, records to JSON (the schema of bench/README.md) and to a table. Plain Python; measures nothing."""
import json
import math
import os
import platform
from datetime import datetime, timezone
from pathlib import Path

MODES = ("npu", "exact", "fast")
TRUE_A16 = ("16 bit", "32 bit", "bf16")  # what keeps_x may say of a peer that does not quantise activations


def quantile(values, share):
    """Linear between neighbours, as most programs do it."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def median(values):
    return quantile(values, 0.5)


def round_ratios(rounds, ours):
    """The median over rounds of (a peer's time / ours), both medians of the same round; None without a common round.
    Both arguments: {round: [times]}."""
    ratios = [median(rounds[i]) / median(ours[i]) for i in rounds if ours.get(i) and rounds[i]]
    return median(ratios) if ratios else None


def record(case, description, rounds, error, ours):
    """One line of the results. description: who, version, keeps_x, mode, x, storage, and a note if there is one;
    rounds: {round: [us]}; ours: {mode: rounds}."""
    times = [time for all_times in rounds.values() for time in all_times]
    middle = median(times)
    element = {"f16": 2, "bf16": 2, "f32": 4}[description["x"]]
    line = {
        "who": description["who"], "version": description["version"], "keeps_x": description["keeps_x"],
        "mode": description["mode"], "x": description["x"], "weight": case.weight.kind,
        "granularity": case.weight.granularity, "storage": description["storage"],
        "m": case.m, "k": case.weight.k, "n": case.weight.n, "cold": case.cold and not description.get("hot"),
        "threads": case.threads, "kernel": None,
        "us": {"median": middle, "p10": quantile(times, 0.1), "p90": quantile(times, 0.9), "runs": len(times)},
        "gb_s": case.nbytes(element, element) / middle / 1e3,
        "gflop_s": case.flop / middle / 1e3,
        "ratio_to_ours": {mode: round_ratios(rounds, times_of) for mode, times_of in ours.items()},
        "error": error,
    }
    if description.get("note"):
        line["note"] = description["note"]
    return line


def machine(library_version=None):
    """This machine, in the words of bench/README.md."""
    cpu = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text(errors="replace").splitlines()
                 if line.startswith("model name")]
        cpu = names[0] if names else cpu
    release = Path("/etc/os-release")
    system = dict(line.split("=", 1) for line in release.read_text().splitlines() if "=" in line) \
        if release.is_file() else {}
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "levels": [],
            "os": system.get("PRETTY_NAME", platform.system()).strip('"') + ", Linux " + platform.release(),
            "compiler": None, "library_version": library_version,
            "date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "load": os.getloadavg()[0]}


def merge(documents):
    """The documents of several processes of one run as one: the first one's machine, everyone's records. Peers that are
    missing in all of them for the same reason are named once."""
    merged = {"schema": 1, "machine": documents[0]["machine"], "limits": [], "records": [], "not_available": [],
              "declined": [], "failures": []}
    for document in documents:
        merged["records"] += document["records"]
        for key in ("not_available", "declined", "failures"):
            merged[key] += [entry for entry in document[key] if entry not in merged[key]]
    return merged


def write(path, document):
    """Whole or not at all: a reader never sees half a file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    partial.replace(path)


# ---- the table ----

def _cell(value, pattern):
    return "-" if value is None else format(value, pattern)


def _rows(records, modes):
    for line in sorted(records, key=lambda line: line["us"]["median"]):
        name = line["who"] + (f" {line['mode']}" if line["mode"] else "")
        yield [name, line["keeps_x"], line["storage"], f"{line['us']['median']:.0f}",
               f"{line['us']['p10']:.0f}..{line['us']['p90']:.0f}", str(line["us"]["runs"]), f"{line['gb_s']:.1f}",
               f"{line['gflop_s']:.0f}",
               *[_cell(line["ratio_to_ours"].get(mode), ".2f") for mode in modes], _cell(line["error"], ".1e")]


def _aligned(rows):
    widths = [max(map(len, column)) for column in zip(*rows)]
    head, *body = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    return [head, "|" + "|".join("-" * (width + 2) for width in widths) + "|", *body]


def table(document):
    """Text: for each case those that keep x in 16 or 32 bit, then those that quantise it to 8 bit, fastest first. A
    ratio is the time over ours in that mode: above 1, antiquant is the faster one."""
    cases = {}
    for line in document["records"]:
        key = (line["threads"], line["k"], line["n"], line["weight"], line["granularity"], line["m"], line["cold"])
        cases.setdefault(key[:-1], []).append(line)
    modes = [mode for mode in MODES if any(mode in line["ratio_to_ours"] for line in document["records"])]
    head = ["who", "keeps x in", "storage", "us", "p10..p90", "runs", "GB/s", "GFLOP/s",
            *[f"/ {mode}" for mode in modes], "error"]
    out = []
    for (threads, k, n, weight, granularity, m), lines in cases.items():
        out += ["", f"{m} x {k} x {n}, {weight} {granularity}, {threads} thread{'s' * (threads > 1)}"
                    f"{', cold' if any(line['cold'] for line in lines) else ''}"]
        exact = [line for line in lines if line["keeps_x"] in TRUE_A16]
        eight = [line for line in lines if line["keeps_x"] not in TRUE_A16]
        for title, part in (("activations in 16 or 32 bit", exact), ("activations quantised to 8 bit", eight)):
            if part:
                out += ["", title, "", *_aligned([head, *_rows(part, modes)])]
        out += [f"  {line['who']}: {line['note']}" for line in lines if line.get("note")]
    for title, key in (("Not available", "not_available"), ("Not for every case", "declined"), ("Failed", "failures")):
        if document[key]:
            out += ["", f"{title}:", *[f"  {entry['who']}: {entry['reason']}" for entry in document[key]]]
    return "\n".join(out[1:] if out and not out[0] else out) + "\n"
