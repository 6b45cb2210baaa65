#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recorded runs to docs/PERFORMANCE.md and pictures: fills what is between `<!-- begin NAME -->` and
`<!-- end NAME -->`, and writes docs/img/*.svg. The same recordings give the same bytes. Measures nothing.

  bench/report.py [--check] [--results DIR] [--document FILE] [--images DIR]
  bench/report.py --file RECORDING [--level LEVEL]   only puts it where it belongs below DIR, and prints where

DIR (default: bench/results) has a folder for each kind of machine, named by the best CPU level it has:
LEVEL/limits.json is a run of `antiquant bench`, LEVEL/peers.json one of bench/peers; a part whose recording is missing
says so. With --check nothing is written: exit 1 when a file is not what it should be.
"""
import argparse
import fnmatch
import json
import re
import shutil
import sys
from pathlib import Path

import report_pictures as pictures

ROOT = Path(__file__).resolve().parent.parent
MODES = ("npu", "exact", "fast", "a8")
LEVELS = ("amx", "avx512vnni", "avx512", "avxvnni", "avx2", "scalar")
STORAGES = ("plain", "transposed", "nz", "packed", "packed-transposed")
TRUE_A16 = ("16 bit", "32 bit", "bf16")


# ---- records ----

def load(path):
    """A recorded run, or None when there is none."""
    if not path.is_file():
        return None
    found = json.loads(path.read_text())
    if found.get("schema") != 1:
        sys.exit(f"{path}: schema {found.get('schema')}, this report knows 1")
    return found


def ordered(values, order):
    """Known values in their order, unknown ones after them."""
    return sorted(set(values), key=lambda value: (order.index(value) if value in order else len(order), str(value)))


def modes_of(records):
    return ordered((record["mode"] for record in records if record["mode"]), MODES)


def threads_of(records):
    return sorted({record["threads"] for record in records})


def matrix(record):
    return f"{record['k']}×{record['n']}"


def weight(record):
    return f"{'int8' if record['weight'] == 's8' else 'int4'}, {record['granularity']}" \
        + (", offsets" if record.get("offset") else "")


# ---- text ----

def table(head, rows, right=()):
    """Markdown; columns named in right hold numbers."""
    lines = ["| " + " | ".join(head) + " |",
             "|" + "|".join("---:" if name in right else "---" for name in head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def us(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def details(title, text):
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def machine_text(run, what):
    """What it was measured on, and when."""
    described = run["machine"]
    caches = [size for size in described.get("caches") or [] if size]
    names = ("L1d", "L2", "L3")
    facts = [f"{described['cpu']}, {described['cores']} cores"]
    if described.get("levels"):
        facts.append("levels " + ", ".join(described["levels"]))
    if caches:
        facts.append(", ".join(f"{name} {size >> 20} MiB" if size >= 1 << 20 else f"{name} {size >> 10} KiB"
                               for name, size in zip(names, caches)))
    facts += [described["os"], described.get("compiler"), f"antiquant {described['library_version']}"]
    loads = [described[name] for name in ("load", "load_end") if described.get(name) is not None]
    load_text = f"; load average {' to '.join(f'{value:.1f}' for value in loads)}" if loads else ""
    return f"{what}: " + "; ".join(fact for fact in facts if fact) + f". {described['date']}{load_text}."


def limits_text(run):
    rows = [[str(limit["threads"]), f"{limit['peak_gflops']:.0f}", f"{limit['read_gb_s']:.1f}"]
            for limit in run["limits"]]
    head = ["threads", "peak: fp32 multiply-add, GFLOP/s", "read: cold memory, GB/s"]
    return table(head, rows, right=head)


# ---- goals ----

def goals(path):
    """[(kind, mode, rows, weight, granularity, x, storage, state, value)], the fields in between as written."""
    found = []
    for line in path.read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            found.append((*words[:-1], float(words[-1])))
    return found


def matches(goal, record):
    short = record["granularity"].replace("group ", "g")
    fields = (record["mode"], str(record["m"]), record["weight"], short, record["x"], record["storage"],
              "cold" if record["cold"] else "hot")
    return all(any(fnmatch.fnmatch(field, word) for word in words.split(","))
               for words, field in zip(goal[1:-1], fields))


def identity(record, *without):
    names = ("mode", "x", "weight", "granularity", "storage", "offset", "m", "k", "n", "cold", "threads")
    return tuple(record.get(name) for name in names if name not in without)


def values_of(goal, records):
    """{threads: [(value, record)]}: what the goal is about, as measured."""
    found = {}
    fitting = [record for record in records if matches(goal, record)]
    if goal[0] == "scaling":
        single = {identity(record, "threads"): record for record in fitting if record["threads"] == 1}
        for record in fitting:
            base = single.get(identity(record, "threads"))
            if record["threads"] > 1 and base:
                found.setdefault(record["threads"], []).append((record["share"] / base["share"], record))
        return found
    for record in fitting:
        if goal[0] == "share":
            found.setdefault(record["threads"], []).append((record["share"], record))
        elif record["threads"] == 2 and record.get("us_over"):
            found.setdefault(2, []).append((record["us_over"]["median"], record))
    return found


def goal_words(goal, limit):
    kind, mode, rows, kinds, granularity, x, storage, state, value = goal
    words = [kinds.replace("s8", "int8").replace("s4", "int4") if kinds != "*" else "int8, int4"]
    words += [part for part in (granularity if granularity != "*" else "", storage if storage != "*" else "",
                                state if state != "*" else "") if part]
    if x not in ("*", "f16"):
        words.append("x " + x.replace(",", ", "))
    bound = {"share": f"≥ {value:.2f} of {limit}", "scaling": f"≥ {value:.2f} of the share on 1",
             "over": f"≤ an empty round trip + {value:.0f} µs"}[kind]
    return [mode, rows.replace(",", ", "), ", ".join(words), bound]


def goal_cell(goal, measured):
    """Worst to best, and where the worst is when it misses."""
    if not measured:
        return "–"
    low = goal[0] != "over"
    best_last = sorted(measured, key=lambda pair: pair[0], reverse=not low)
    worst, where = best_last[0]
    best = best_last[-1][0]
    pattern = ".2f" if low else ".0f"
    text = f"{worst:{pattern}}" + (f" to {best:{pattern}}" if len(measured) > 1 else "")
    if (worst >= goal[-1]) if low else (worst <= goal[-1]):
        return "✓ " + text
    missed = sum((value < goal[-1]) if low else (value > goal[-1]) for value, _ in measured)
    part = f", {missed} of {len(measured)} miss" if len(measured) > 1 else ""
    return f"**{text}**{part}; worst {matrix(where)} {weight(where)}, {where['storage']}"


def goals_text(runs, path):
    """A row a goal; a column for each number of threads of each machine."""
    ours = {level: [record for record in run["records"] if record["who"] == "antiquant"] for level, run in runs.items()}
    columns = [(level, count) for level, records in ours.items() for count in threads_of(records)]
    rows = []
    for goal in goals(path):
        measured = {level: values_of(goal, records) for level, records in ours.items()}
        found = [pair for by_threads in measured.values() for pairs in by_threads.values() for pair in pairs]
        if found:
            rows.append(goal_words(goal, found[0][1]["limit"])
                        + [goal_cell(goal, measured[level].get(count)) for level, count in columns])
    head = ["mode", "rows", "weight", "goal",
            *[(f"{level}, " if len(runs) > 1 else "") + f"{count} thread{'s' * (count > 1)}" for level, count in columns]]
    return table(head, rows) if rows else "None of the goals was measured."


# ---- everything ----

def cell(records, storage, threads):
    for record in records:
        if record["storage"] == storage and record["threads"] == threads:
            rate = f"{record['gb_s']:.1f}" if record["limit"] == "read" else f"{record['gflop_s']:.0f}"
            return f"{us(record['us']['median'])} · {rate} · **{record['share']:.2f}**"
    return ""


def mode_table(records):
    storages = ordered((record["storage"] for record in records), STORAGES)
    threads = threads_of(records)
    groups = {}
    for record in records:
        groups.setdefault(identity(record, "storage", "threads"), []).append(record)
    rows = []
    for lines in groups.values():
        first = lines[0]
        rows.append([matrix(first) + ("" if first["cold"] else " hot"), weight(first), first["x"], str(first["m"]),
                     *[cell(lines, storage, count) for storage in storages for count in threads],
                     f"{max(line['error'] for line in lines):.1e} ({first['error_rounding']:.1e})"])
    columns = [f"{storage}, {count}" for storage in storages for count in threads]
    head = ["k×n", "weight", "x", "rows", *columns, "error"]
    return table(head, rows, right=head[4:])


def shares_text(run):
    records = [record for record in run["records"] if record["who"] == "antiquant"]
    parts = []
    for mode in modes_of(records):
        lines = [record for record in records if record["mode"] == mode]
        parts.append(details(f"<b>{mode}</b>: all {len(lines)} measurements", mode_table(lines)))
    return "\n\n".join(parts)


def calls_text(run):
    rows = []
    for record in run["records"]:
        if record.get("us_call") and record["m"] == 1:
            rows.append([matrix(record), weight(record), record["storage"], record["mode"], str(record["threads"]),
                         *[us(record[name]["median"]) for name in ("us_call", "us_empty")],
                         f"{us(record['us_over']['median'])} ({us(record['us_over']['p10'])} to "
                         f"{us(record['us_over']['p90'])})"])
    head = ["k×n", "weight", "storage", "mode", "threads", "whole call, µs", "empty, µs", "more, µs (tenths)"]
    return table(head, rows, right=head[4:]) if rows else "Not measured."


# ---- peers ----

def label(record):
    name = record["who"] + (f" {record['mode']}" if record["mode"] else "")
    storage = record["storage"] if record["who"] == "antiquant" else ""
    return name + (f" ({storage})" if storage else "")


def rate(record):
    return f"{record['gb_s']:.1f} GB/s" if record["m"] <= 2 else f"{record['gflop_s']:.0f} GFLOP/s"


def ratio(record, mode):
    """How many times as long as ours in that mode, from the same rounds."""
    value = (record.get("ratio_to_ours") or {}).get(mode)
    return f" · {value:.2f}×" if value is not None and record["who"] != "antiquant" else ""


def peer_case(records, title):
    """Those that keep activations in 16 or 32 bit, then the others; a column for each number of rows."""
    rows_of = sorted({record["m"] for record in records})
    people = {}
    for record in records:
        person = (record["keeps_x"] not in TRUE_A16, label(record), record["keeps_x"])
        people.setdefault(person, {})[record["m"]] = record

    def first(item):  # the others last, the quickest for the fewest rows first
        by_rows = item[1]
        return item[0][0], next(by_rows[m]["us"]["median"] for m in rows_of if m in by_rows)

    lines = []
    for (eight, name, keeps), by_rows in sorted(people.items(), key=first):
        bold = "**" if name.startswith("antiquant") else ""
        cells = []
        for m in rows_of:
            record = by_rows.get(m)
            mode = "fast" if eight else "exact"
            cells.append(f"{us(record['us']['median'])} · {rate(record)}{ratio(record, mode)}" if record else "")
        errors = [record["error"] for record in by_rows.values() if record["error"] is not None]
        lines.append([f"{bold}{name}{bold}", keeps if not eight else f"**{keeps}**", *cells,
                      f"{max(errors):.1e}" if errors else "–"])
    head = ["", "activations kept in", *[f"{m} row{'s' * (m > 1)}, µs" for m in rows_of], "error"]
    return f"{title}\n\n" + table(head, lines, right=head[2:])


def peer_cases(run):
    """{(threads, k, n, weight, granularity): records}, in the order of the run."""
    cases = {}
    for record in run["records"]:
        key = (record["threads"], record["k"], record["n"], record["weight"], record["granularity"])
        cases.setdefault(key, []).append(record)
    return cases


def peers_text(run, images):
    parts = [f"![peers, {name}](img/{name}.svg)" for name in images]
    for (threads, k, n, kind, granularity), records in peer_cases(run).items():
        title = f"{'int8' if kind == 's8' else 'int4'} {granularity}, {k}×{n}, {threads} thread{'s' * (threads > 1)}"
        caption = (f"{title}. Time · rate · how many times as long as ours in the same rounds: as `exact`, or as "
                   "`fast` for those that keep activations in 8 bit, which is another contract: see the errors.")
        parts.append(details(f"<b>{title}</b>", peer_case(records, caption)))
    for words, key in (("Could not be had", "not_available"), ("Failed", "failures")):
        named = [f"{entry['who']} ({entry['reason']})" for entry in run.get(key, [])]
        if named:
            parts.append(f"{words}: " + "; ".join(named) + ".")
    return "\n\n".join(parts)


# ---- putting it together ----

def recordings(results, name):
    """{level: run}, the best level first."""
    runs = {path.parent.name: load(path) for path in results.glob(f"*/{name}.json")}
    return {level: runs[level] for level in ordered(runs, LEVELS)}


def renamed(level, several, images):
    """Pictures of one machine of several have its level in their names."""
    return {f"{level}-{name}" if several else name: picture for name, picture in images.items()}


def by_machine(runs, text):
    """text(level, run) of each machine, under its level where there are several."""
    return "\n\n".join((f"**{level}**\n\n" if len(runs) > 1 else "") + text(level, run) for level, run in runs.items())


def made(results, goal_file):
    """{NAME: text} for the document, {file name: text} of pictures."""
    limits, peers = recordings(results, "limits"), recordings(results, "peers")
    roofs = {level: renamed(level, len(limits) > 1, pictures.rooflines(run)) for level, run in limits.items()}
    bars = {level: renamed(level, len(peers) > 1, pictures.peer_bars(run)) for level, run in peers.items()}
    texts = dict.fromkeys(("machine", "roofline", "goals", "shares", "calls", "peers"), "Not recorded yet.")
    if limits:
        texts["machine"] = by_machine(limits, lambda _, run: machine_text(run, "Measured on") + "\n\n" + limits_text(run))
        texts["roofline"] = by_machine(
            limits, lambda level, _: "\n\n".join(f"![roofline](img/{name}.svg)" for name in roofs[level]))
        texts["goals"] = goals_text(limits, goal_file)
        texts["shares"] = by_machine(limits, lambda _, run: shares_text(run))
        texts["calls"] = by_machine(limits, lambda _, run: calls_text(run))
    if peers:
        texts["peers"] = by_machine(
            peers, lambda level, run: machine_text(run, "One run of all") + "\n\n" + peers_text(run, bars[level]))
    images = {name: picture for parts in (*roofs.values(), *bars.values()) for name, picture in parts.items()}
    return texts, images


def put_away(recording, results, level):
    """To LEVEL/limits.json or, with peers in it, LEVEL/peers.json."""
    run = load(recording)
    if run is None:
        sys.exit(f"{recording}: no such file")
    level = level or (run["machine"].get("levels") or [None])[-1]
    if level not in LEVELS:
        sys.exit(f"{recording}: the recording does not name the machine's CPU levels; say --level, one of "
                 + ", ".join(LEVELS))
    name = "limits" if all(record["who"] == "antiquant" for record in run["records"]) else "peers"
    place = results / level / f"{name}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(recording, place)
    print(place)


def filled(text, parts):
    for name, part in parts.items():
        text = re.sub(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)",
                      lambda match, part=part: match[1] + part + "\n" + match[2], text, flags=re.S)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    parser.add_argument("--results", type=Path, default=ROOT / "bench/results")
    parser.add_argument("--document", type=Path, default=ROOT / "docs/PERFORMANCE.md")
    parser.add_argument("--images", type=Path, default=ROOT / "docs/img")
    parser.add_argument("--file", type=Path, metavar="RECORDING", help="put it where it belongs below DIR, and end")
    parser.add_argument("--level", help="with --file: the machine's best CPU level, where the recording has none")
    given = parser.parse_args()
    if given.file:
        put_away(given.file, given.results, given.level)
        return 0
    texts, images = made(given.results, ROOT / "bench/goals.txt")
    files = {given.images / f"{name}.svg": text for name, text in images.items()}
    files[given.document] = filled(given.document.read_text(), texts)
    stale = [path for path, text in files.items() if not path.is_file() or path.read_text() != text]
    unknown = [path for path in sorted(given.images.glob("*.svg")) if path not in files]
    if given.check:
        for path in stale + unknown:
            print(f"{path} is not what {given.results} gives: run bench/report.py")
        return 1 if stale or unknown else 0
    given.images.mkdir(parents=True, exist_ok=True)
    for path in stale:
        path.write_text(files[path])
    for path in unknown:
        print(f"{path} is of no recording any more: remove it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
