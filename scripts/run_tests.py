#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run_tests.py BUILD_DIR JOBS [CTEST_ARGUMENT...]: runs ctest and closes with "N passed, N failed[, N skipped]"."""
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def main():
    report = Path(sys.argv[1]).resolve() / "test-results.xml"
    report.unlink(missing_ok=True)
    status = subprocess.run(["ctest", "--test-dir", sys.argv[1], "--parallel", sys.argv[2], "--output-on-failure",
                             "--no-tests=error", "--output-junit", report, *sys.argv[3:]], check=False).returncode
    counts = ElementTree.parse(report).getroot().attrib if report.is_file() else {}
    total, failed = int(counts.get("tests", 0)), int(counts.get("failures", 0))
    skipped = int(counts.get("skipped", 0)) + int(counts.get("disabled", 0))
    print(f"{total - failed - skipped} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return status


if __name__ == "__main__":
    sys.exit(main())
