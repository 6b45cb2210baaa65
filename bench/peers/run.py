#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times antiquant and its peers in turns and writes JSON and a table. One child process for each thread count, because
most libraries fix theirs when they are loaded."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cases
import records

ROOT = Path(__file__).resolve().parents[2]
THREAD_VARIABLES = ("ANTIQUANT_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows and weights; three minutes at most")
    parser.add_argument("--threads", type=int, nargs="+", help="one process each (default 1 2, with --quick 2)")
    parser.add_argument("--rows", type=int, nargs="+")
    parser.add_argument("--shape", type=cases.parse_shape, nargs="+", default=list(cases.SHAPES), metavar="KxN")
    parser.add_argument("--weight", type=cases.parse_weight, nargs="+", metavar="KIND[:GROUP]")
    parser.add_argument("--storage", nargs="+", choices=("plain", "transposed"), help="ours; ratios are of the first")
    parser.add_argument("--only", nargs="+", help="peers whose name has one of these words")
    parser.add_argument("--seconds", type=float, help="of turns for each case (default 6, with --quick 2)")
    parser.add_argument("--limit", type=float, help="seconds for all of it: no case is begun later")
    parser.add_argument("--library", type=Path, default=ROOT / "build/release/lib64/libantiquant.so")
    parser.add_argument("--json", type=Path, default=ROOT / "build/peers/peers.json")
    parser.add_argument("--without", nargs="+", default=[], help="peers to leave out, by their whole names")
    parser.add_argument("--child", type=float, help=argparse.SUPPRESS)  # seconds; this process measures
    parser.add_argument("--done", nargs="+", default=[], help=argparse.SUPPRESS)  # cases that are
    options = parser.parse_args()
    options.threads = options.threads or list(cases.QUICK_THREADS if options.quick else cases.THREADS)
    options.rows = options.rows or list(cases.QUICK_ROWS if options.quick else cases.ROWS)
    options.weight = options.weight or list(cases.QUICK_WEIGHTS if options.quick else cases.WEIGHTS)
    options.storage = options.storage or (["plain"] if options.quick else ["plain", "transposed"])
    options.seconds = options.seconds or (2 if options.quick else 6)
    options.limit = options.limit or (150 if options.quick else 800)
    return options


def child(options):
    """All cases of one thread count; writes the document."""
    import measure
    listed = cases.case_list(options.threads[0], options.rows, options.weight, options.shape)
    measure.run([case for case in listed if str(case) not in options.done], options.storage, options.only,
                options.without, options.seconds, time.monotonic() + options.child, options.json)


def spawn(options, threads, seconds, path, without, done):
    """Runs a child. Returns its document and exit status; the document is None when it did not come so far."""
    environment = os.environ | {name: str(threads) for name in THREAD_VARIABLES}
    environment.setdefault("OPENBLAS_THREAD_TIMEOUT", "20")  # 2^20 cycles of looking for work after a run, not 2^26
    environment["ANTIQUANT_LIBRARY"] = str(options.library.resolve())
    lists = {"--rows": options.rows, "--storage": options.storage, "--shape": [f"{k}x{n}" for k, n in options.shape],
             "--weight": [f"{kind}:{group}" if group else kind for kind, group in options.weight],
             "--only": options.only, "--without": without, "--done": done}
    command = [sys.executable, __file__, "--child", str(seconds), "--threads", str(threads), "--json", str(path),
               "--seconds", str(options.seconds)]
    for name, values in lists.items():
        command += [name, *map(str, values)] if values else []
    path.unlink(missing_ok=True)
    status = subprocess.run(command, env=environment, check=False).returncode
    return (json.loads(path.read_text()) if path.is_file() else None), status


def measure_threads(options, threads, seconds, path, spawn=spawn):
    """The documents of one thread count, and the last exit status. There is more than one document when a peer took its
    process with it: the next process goes on without that peer, or without that case when all were taking turns."""
    documents, without, done, end = [], list(options.without), [], time.monotonic() + seconds
    while True:
        document, status = spawn(options, threads, end - time.monotonic(), path, without, done)
        if not document:
            return documents, status
        documents.append(document)
        done += document["done"]
        now = document["now"]
        if not status or not now:
            return documents, status
        who, case = now["who"], now["case"]
        if who in without or not who and case in done:  # that was of no use
            return documents, status
        reason = f"took the process with it (exit status {status}), {case or 'at its start'}, {threads} threads"
        document["failures"].append({"who": who or "someone in turn", "reason": reason})
        print(f"{who or 'someone in turn'}: {reason}", file=sys.stderr)
        (without if who else done).append(who or case)


def main():
    options = arguments()
    if options.child is not None:
        return child(options)
    documents, started, broken = [], time.monotonic(), False
    with tempfile.TemporaryDirectory() as scratch:
        for i, threads in enumerate(options.threads):
            left = options.limit - (time.monotonic() - started)
            found, status = measure_threads(options, threads, left / (len(options.threads) - i),
                                            Path(scratch) / "child.json")
            documents += found
            broken |= status != 0
            if status:
                print(f"the process with {threads} threads ended with {status}", file=sys.stderr)
    if not documents:
        return 1
    merged = records.merge(documents)
    records.write(options.json, merged)
    text = records.table(merged)
    print(text + f"\nwritten: {options.json}")
    return 1 if broken or not merged["records"] else 0


if __name__ == "__main__":
    sys.exit(main())
