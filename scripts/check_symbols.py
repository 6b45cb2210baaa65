#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_symbols.py LIB_DIR: every library exports exactly what packaging/exports.txt lists, as seen by nm -D, and
the public headers declare the same."""
import subprocess
import sys
from pathlib import Path

import exports


def exported(path):
    out = subprocess.run(["nm", "-D", "--defined-only", path], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1]: line.split()[-2] for line in out.splitlines()}


def main():
    libraries = exports.read()
    listed, declared = set(libraries["antiquant"]), set(exports.declared("**/*.h"))
    errors = [f"{s} is listed in packaging/exports.txt, but no public header declares it" for s in listed - declared]
    errors += [f"{s} is declared in a public header, but not listed" for s in declared - listed]
    for library, symbols in libraries.items():
        path = Path(sys.argv[1]) / f"lib{library}.so"
        if not path.is_file() or path.is_symlink():
            errors.append(f"{path}: not a regular file")
            continue
        found = exported(path)
        errors += [f"{path.name}: {s} is listed, but no source defines it" for s in symbols if s not in found]
        errors += [f"{path.name}: {s} is exported, but not listed" for s in sorted(set(found) - set(symbols))]
        errors += [f"{path.name}: {s} is not a function ({k})" for s, k in found.items() if k != "T"]
    print("\n".join(sorted(errors)) if errors else "all libraries export exactly their list")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main() if len(sys.argv) == 2 else __doc__)
