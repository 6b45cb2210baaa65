#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every public function is called by some test: prints those of packaging/exports.txt that no test calls."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACES = ["unit", "api", "support", "install"]  # tests/headers mentions all of them, and calls none
CALL = re.compile(r"\b([A-Za-z_]\w*)\b")


def main():
    exports = re.findall(r"^\w+ (\w+)$", (ROOT / "packaging/exports.txt").read_text(), re.M)
    sources = [p for place in PLACES for p in (ROOT / "tests" / place).rglob("*") if p.suffix in (".c", ".cpp", ".py")]
    mentioned = set()
    for path in sources:
        text = re.sub(r"/\*.*?\*/|//[^\n]*|\"(\\.|[^\"\\\n])*\"", "", path.read_text(), flags=re.S)
        mentioned.update(CALL.findall(text))
    missing = sorted(set(exports) - mentioned)
    for name in missing:
        print(f"no test calls {name}")
    if not missing:
        print(f"{len(set(exports))} functions, each called by a test")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
