#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads packaging/exports.txt and writes what the linker needs from it.

exports.py map             the core's version script
exports.py stubs LIBRARY   C source of a filter library
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Functions that hand out a pointer; all others return a status.
POINTER = re.compile(r"aclCreate|aclGetRecentErrMsg$|aclrtGetSocName$")


def declared(pattern):
    """Public functions of the headers that match pattern, below include/."""
    text = "".join(path.read_text() for path in sorted((ROOT / "include").glob(pattern)))
    return re.findall(r"^(?:AQ_API|ACL_FUNC_VISIBILITY|ACLNN_API) [^;()]*?(\w+)\(", text, re.M)


def read():
    """{library: [symbol, ...]}; the core is called "antiquant"."""
    libraries = {"antiquant": []}
    for line in (ROOT / "packaging/exports.txt").read_text().splitlines():
        words = line.split("#")[0].split()
        if len(words) > 1 and words[1] == "=":
            libraries[words[0]] = list(libraries[words[2]]) if len(words) > 2 else []
        elif words:
            libraries.setdefault(words[0], []).append(words[1])
    own = set(declared("antiquant.h"))
    libraries["antiquant"] = sorted(own.union(*libraries.values()))
    return libraries


def main():
    libraries = read()
    if sys.argv[1:] == ["map"]:
        print("{\nglobal:\n" + "".join(f"    {s};\n" for s in libraries["antiquant"]) + "local:\n    *;\n};")
    elif len(sys.argv) == 3 and sys.argv[1] == "stubs":
        print(f"/* Names of lib{sys.argv[2]}.so. The loader takes the functions from libantiquant.so (DT_FILTER); a\n"
              " * body here runs only under a loader that does not know filters, and says so: ACL_ERROR_FAILURE. */\n"
              "#pragma GCC visibility push(default)\ntypedef int aq_not_empty;")
        for s in libraries[sys.argv[2]]:
            kind, value = ("void *", 0) if POINTER.match(s) else ("int ", 500001)
            print(f"{kind}{s}(void);\n{kind}{s}(void)\n{{\n    return {value};\n}}")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
