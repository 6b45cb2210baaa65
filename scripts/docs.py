#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fills the generated parts of the documents, between `<!-- begin NAME -->` and `<!-- end NAME -->`.

  first    examples/first.c
  status   every status the library can answer, from the comments of the public headers
With --check nothing is written: exit 1 when a document is not what it should be.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ["README.md", "docs/ERRORS.md"]
HEADERS = ["include/aclnn/acl_meta.h", "include/acl/acl_base.h", "include/acl/error_codes/rt_error_codes.h"]
CODE = re.compile(r"(?:#define\s+|static const int\s+)(ACL\w+)\s+(?:AQ_MAYBE_UNUSED\s*=\s*)?(\d+);?"
                  r"(?:\s*/\*\*<\s*(.*?)\s*\*/)?")


def first():
    source = (ROOT / "examples/first.c").read_text()
    return "```c\n" + source.split("\n", 1)[1] + "```"  # without the licence line


def status():
    rows = ["| status | name | when |", "|---|---|---|"]
    for header in HEADERS:
        for name, code, when in CODE.findall((ROOT / header).read_text()):
            if when and not when.startswith("never here"):
                rows.append(f"| {code} | {name} | {when} |")
    return "\n".join(rows)


def filled(text):
    for name, make in (("first", first), ("status", status)):
        text = re.sub(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)",
                      lambda match: match[1] + make() + "\n" + match[2], text, flags=re.S)
    return text


def main():
    stale = [name for name in DOCUMENTS if filled((ROOT / name).read_text()) != (ROOT / name).read_text()]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"{name} is stale: run scripts/docs.py")
        return 1 if stale else 0
    for name in stale:
        (ROOT / name).write_text(filled((ROOT / name).read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
