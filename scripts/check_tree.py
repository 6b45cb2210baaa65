#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that no compiler checks: licence line, file size, leftovers, ends of files."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACES = ["src", "include", "tools", "tests", "examples", "bench", "cmake", "scripts", "packaging", "docs", ".ci"]
SOURCE = re.compile(r"\.(c|h|inc|py|sh|cmake)$|CMakeLists\.txt$|Makefile$|\.ci/run$")
BINARY = re.compile(r"\.(npy|png|safetensors|pyc)$")
LEFTOVER = re.compile(r"/(home|root|work|Users)/\w|\b(TO" r"DO|FIX" r"ME|XX" r"X)\b|^\s*#\s*if\s+0\b")
LONGEST = 500  # lines of a .c or .h; public headers and tests may need more


def faults(path):
    name = path.relative_to(ROOT).as_posix()
    data = path.read_bytes()
    text = data.decode("utf-8", errors="replace")
    lines = text.splitlines()
    if SOURCE.search(name) and not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:2]):
        yield f"{name}:1: no SPDX-License-Identifier line"
    if data and not data.endswith(b"\n") or data.endswith(b"\n\n"):
        yield f"{name}:{len(lines)}: does not end with one newline"
    for number, line in enumerate(lines, 1):
        if match := LEFTOVER.search(line):
            yield f"{name}:{number}: {match[0].strip()!r} has no place here"
        if line != line.rstrip() or "\r" in line or "\ufffd" in line:
            yield f"{name}:{number}: trailing blank, carriage return or broken UTF-8"
    if re.match(r"(src|tools|examples|bench)/.*\.[ch]$", name) and len(lines) > LONGEST:
        yield f"{name}: {len(lines)} lines; more than {LONGEST} are too many to know"


def main():
    files = [p for p in ROOT.iterdir() if p.is_file()] + [p for d in PLACES for p in (ROOT / d).rglob("*")]
    files = [p for p in files if p.is_file() and not BINARY.search(p.name) and p.name != ".git"]
    found = [fault for path in sorted(files) for fault in faults(path)]
    print("\n".join(found) if found else f"{len(files)} files keep the house rules")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
