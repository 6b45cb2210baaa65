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
    cases = list(ElementTree.parse(report).getroot().iter("testcase")) if report.is_file() else []
    passed = sum(case.get("status") == "run" for case in cases)
    # A test that says itself that it skips; one that could not be started has failed.
    skipped = sum(case.find("skipped[@message]") is not None and case.find("skipped").get("message").startswith("SKIP_")
                  for case in cases)
    print(f"{passed} passed, {len(cases) - passed - skipped} failed" + (f", {skipped} skipped" if skipped else ""))
    return status


if __name__ == "__main__":
    sys.exit(main())
