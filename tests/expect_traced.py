# SPDX-License-Identifier: Apache-2.0
"""expect_traced.py FILE PROGRAM: with ANTIQUANT_GUARD=1 and ANTIQUANT_TRACE the program ends well and prints what
the file says, and the trace is one that viewers open and that has an operator in it."""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main():
    expected, program = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trace.json")
        done = subprocess.run([program], env={**os.environ, "ANTIQUANT_GUARD": "1", "ANTIQUANT_TRACE": str(path)},
                              capture_output=True, text=True, timeout=300, check=False)
        if (done.returncode, done.stdout, done.stderr) != (0, Path(expected).read_text(), ""):
            sys.exit(f"{program} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        events = json.loads(path.read_text())["traceEvents"]
    if not any(event["ph"] == "X" and event["cat"] == "op" for event in events):
        sys.exit(f"no operator among {len(events)} events")


main()
