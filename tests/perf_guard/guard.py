#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""guard.py WHAT BUILD_DIR COMPILER [CASE...]: kernels stay as good as they were, without a clock.

  counts     instructions that callgrind counts in the cases of guarded.txt, against recorded values
  loops      instructions and stack traffic of the hot loops of guarded.txt, as objdump shows them
  --record   both, written to recorded/COMPILER.json
  --show     every loop that multiplies and accumulates; with CASEs, in these files (x86/avx2/gemm.c) only

COMPILER is name and major version ("gcc-12"); without it, that of the recorded values of the only compiler there is.
Exit code 77, and a line that says why, where there is nothing to compare with or no tool to look with."""
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import loops

HERE = Path(__file__).resolve().parent
SLACK = 0.03
SKIP = 77


class Skip(Exception):
    """There is nothing to compare with; says why."""


# ---- the list ----

def guarded():
    """The lines of guarded.txt as lists of words: counts, loops."""
    lines = [line.split("#")[0].split() for line in (HERE / "guarded.txt").read_text().splitlines()]
    for line in filter(None, lines):
        if line[0] not in ("count", "loop") or len(line) < 4:
            sys.exit(f"guarded.txt: not a line of the list: {' '.join(line)}")
    return [line[1:] for line in lines if line and line[0] == "count"], \
        [line[1:] for line in lines if line and line[0] == "loop"]


def need(tool):
    if shutil.which(tool) is None:
        raise Skip(f"{tool} is not installed")


# ---- counts ----

def valgrind(arguments, level, mode):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANTIQUANT_")}
    environment.update(ANTIQUANT_CPU=level, ANTIQUANT_NUMERICS=mode, ANTIQUANT_SYNC="1", ANTIQUANT_THREADS="1",
                       ASCEND_GLOBAL_LOG_LEVEL="4")
    return subprocess.run(["valgrind", *arguments], env=environment, capture_output=True, text=True, check=False)


def supported(driver, level):
    """Whether the library runs at that level under valgrind, which hides what it does not know."""
    return valgrind(["--tool=none", "-q", driver, "phase1 v1"], level, "npu").returncode == 0


def count_together(driver, level, mode, cases):
    """Instructions of each of the cases, which one process runs: callgrind dumps after each."""
    with tempfile.TemporaryDirectory(prefix="perf-guard-") as folder:
        out = Path(folder) / "out"
        done = valgrind(["--tool=callgrind", "--toggle-collect=aq_measured", "--dump-after=aq_measured",
                         f"--callgrind-out-file={out}", driver, *cases], level, mode)
        dumps = sorted(Path(folder).glob("out.*"), key=lambda path: int(path.suffix[1:]))
        if done.returncode != 0 or len(dumps) < len(cases):
            sys.exit(f"{level} {mode}: valgrind ended with {done.returncode}\n{done.stderr[-4000:]}")
        return [total(dump) for dump in dumps[:len(cases)]]


def total(dump):
    for line in dump.read_text().splitlines():
        if line.startswith(("summary:", "totals:")):
            return int(line.split()[1])
    sys.exit(f"{dump}: no summary in it")


def count(build, cases):
    """{line: instructions}; lines whose level this CPU does not have are left out, and told."""
    need("valgrind")
    driver, found = build / "tests/perf_guard", {}
    for level, mode in sorted({(case[0], case[1]) for case in cases}):
        if not supported(driver, level):
            print(f"skipped: {level}, which this CPU does not have")
            continue
        lines = [" ".join(case) for case in cases if (case[0], case[1]) == (level, mode)]
        found.update(zip(lines, count_together(driver, level, mode, [line.split(" ", 2)[2] for line in lines])))
    if not found:
        raise Skip("none of the levels of guarded.txt runs here")
    return found


def judge_counts(build, cases, recorded):
    for line, instructions in count(build, cases).items():
        if line not in recorded:
            yield f"{line}: not recorded"
            continue
        change = instructions / recorded[line] - 1
        if change > SLACK:
            yield f"{line}: {instructions} instructions, recorded {recorded[line]}: {change:+.1%}"
        elif change < -SLACK:
            print(f"better: {line}: {instructions} instructions, recorded {recorded[line]}: {change:+.1%}")


# ---- loops ----

def compiled(build, name):
    path = build / f"CMakeFiles/aq_objects.dir/src/kernels/{name}.o"
    if not path.is_file():
        sys.exit(f"{path} is not there: is {name} a source of src/kernels?")
    return path


def loops_of(build, name, function):
    """Innermost loops of a function and of what the compiler split off it."""
    found = {n: lines for n, lines in loops.functions(compiled(build, name)).items()
             if n == function or n.startswith(function + ".")}
    if not found:
        sys.exit(f"{name} has no function {function}")
    return [loop for lines in found.values() for loop in loops.innermost(lines)]


def shape_of(found):
    return ", ".join(f"{loop.macs} MACs in {loop.instructions} instructions"
                     f"{f', {len(loop.stack)} on the stack' if loop.stack else ''}" for loop in found) or "none"


def hot_loops(build, lines):
    """{"FILE FUNCTION MACS": (allowed stack uses, loops)}."""
    found = {}
    for name, function, *wanted in lines:
        all_of_it = loops_of(build, name, function)
        for word in wanted:
            macs, _, stack = word.partition(":")
            found[f"{name} {function} {macs}"] = (
                int(stack or 0), [loop for loop in all_of_it if loop.macs == int(macs)], all_of_it)
    return found


def judge_loops(build, lines, recorded):
    for line, (allowed, found, all_of_it) in hot_loops(build, lines).items():
        if not found:
            yield f"{line}: no loop with so many multiply-accumulates; there are: {shape_of(all_of_it)}"
            continue
        for loop in found:
            if len(loop.stack) > allowed:
                yield (f"{line}: {len(loop.stack)} uses of the stack in a loop of {loop.instructions} instructions, "
                       f"{allowed} allowed:\n" + "\n".join(f"    {a:x}: {n} {o}" for a, n, o in loop.stack))
        now, then = sorted(loop.instructions for loop in found), recorded.get(line)
        if then is None:
            yield f"{line}: not recorded"
        elif len(now) != len(then):
            yield f"{line}: {len(now)} loops of {now} instructions, recorded {len(then)} of {then}"
        else:
            for ours, theirs in zip(now, then):
                if ours > theirs * (1 + SLACK):
                    yield (f"{line}: a loop of {ours} instructions, recorded {theirs}: "
                           f"{ours / theirs - 1:+.1%}")


def show(build, names):
    root = build / "CMakeFiles/aq_objects.dir/src/kernels"
    for path in sorted(root.rglob("*.o")):
        name = path.relative_to(root).as_posix()[:-2]
        if names and name not in names:
            continue
        for function, lines in loops.functions(path).items():
            if found := loops.innermost(lines):
                print(f"{name} {function}: {shape_of(found)}")


# ---- all of it ----

def recorded_path(compiler):
    known = sorted(path.stem for path in (HERE / "recorded").glob("*.json"))
    if compiler is None:
        return HERE / f"recorded/{known[0] if known else 'gcc-12'}.json"
    return HERE / f"recorded/{compiler}.json"


def record(build, path):
    cases, lines = guarded()
    need("objdump")
    values = {"counts": count(build, cases),
              "loops": {line: sorted(loop.instructions for loop in found)
                        for line, (_, found, _) in hot_loops(build, lines).items()}}
    path.parent.mkdir(exist_ok=True)
    lists = [f' {json.dumps(key)}: {{\n' + ",\n".join(f"  {json.dumps(line)}: {json.dumps(value)}"
                                                      for line, value in part.items()) + "\n }"
             for key, part in values.items()]
    path.write_text("{\n" + ",\n".join(lists) + "\n}\n")  # a line for a line of the list, for readable changes
    print(f"{path}: {len(values['counts'])} counts, {len(values['loops'])} kinds of loops")


def judge(what, build, path):
    if not path.is_file():
        raise Skip(f"no values are recorded for {path.stem}")
    cases, lines = guarded()
    recorded = json.loads(path.read_text())
    if what == "counts":
        return list(judge_counts(build, cases, recorded["counts"]))
    need("objdump")
    return list(judge_loops(build, lines, recorded["loops"]))


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("counts", "loops", "--record", "--show"):
        sys.exit(__doc__)
    what, build, rest = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    try:
        if platform.machine() not in ("x86_64", "AMD64"):
            raise Skip("this is for x86-64")
        if what == "--show":
            show(build, rest)
            return 0
        path = recorded_path(rest[0] if rest else None)
        if what == "--record":
            record(build, path)
            return 0
        faults = judge(what, build, path)
    except Skip as reason:
        print(f"skipped: {reason}")
        return SKIP
    print("\n".join(faults) if faults else f"{what}: as recorded in {path.name}")
    if faults:
        print(f"If this is meant: {shlex.quote(str(Path(__file__)))} --record {shlex.quote(str(build))} {path.stem}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
