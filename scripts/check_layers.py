#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A room of src/ includes only itself and rooms to its left; tools and examples include public headers only."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RANK = {"base": 0, "cpu": 1, "tensor": 1, "parallel": 2, "kernels": 3, "matmul": 4, "runtime": 5, "ops": 6}
PUBLIC = re.compile(r"(acl|aclnn|aclnnop)/|antiquant\.h$")


def fault(path, include):
    """Why path (relative to ROOT) may not include it, or None."""
    place, room, other = path.parts[0], path.parts[1], include.split("/")[0]
    if PUBLIC.match(include):
        return None
    if place != "src":
        return None if (ROOT / path.parent / include).is_file() else f"{place} sees public headers only"
    if other not in RANK:
        return "neither a public header nor room/file.h"
    return None if other == room or RANK[other] < RANK[room] else f"{other} is not to the left of {room}"


def main():
    faults = []
    for path in sorted(p for top in ("src", "tools", "examples") for p in (ROOT / top).rglob("*.[chi]*")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            if match and (why := fault(path.relative_to(ROOT), match[1])):
                faults.append(f'{path.relative_to(ROOT)}:{number}: "{match[1]}": {why}')
    print("\n".join(faults) if faults else "includes go from right to left only")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
