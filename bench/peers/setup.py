#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""setup.py FOLDER: makes FOLDER/venv and installs the packages of requirements.txt into it, by name and version. One
that cannot be had is reported and left out; FOLDER/state.json has every package's fate. Does nothing when all is there."""
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)\s+#\s*(?P<how>wheel|files|ggml|pick)\s*(?P<files>.*)")
# ggml alone, of all that the source package brings, for the instructions of this machine.
GGML_OPTIONS = ("-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=ON", "-DGGML_NATIVE=ON", "-DLLAMA_BUILD_TESTS=OFF",
                "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_TOOLS=OFF", "-DLLAMA_BUILD_SERVER=OFF",
                "-DLLAMA_BUILD_COMMON=OFF", "-DLLAMA_CURL=OFF")


def requirements():
    lines = [line.strip() for line in (HERE / "requirements.txt").read_text().splitlines()]
    found = []
    for line in lines:
        if line and not line.startswith("#"):
            match = LINE.fullmatch(line)
            if not match:
                sys.exit(f"requirements.txt: cannot read {line!r}")
            found.append(match.groupdict())
    return found


class Failed(Exception):
    """The last words of a command that failed."""


def call(log, *command):
    with log.open("a") as out:
        print("+", *command, file=out, flush=True)
        start = out.tell()
        status = subprocess.run(list(map(str, command)), stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    if status:
        with log.open(errors="replace") as text:
            text.seek(start)
            said = [line.strip() for line in text if line.strip() and not line.startswith("[notice]")]
        errors = [line for line in said if "error" in line.lower()] or said
        raise Failed((errors or [f"status {status}"])[-1][:300])


def pip(log, folder, *arguments):
    call(log, folder / "venv/bin/python", "-m", "pip", "--disable-pip-version-check", *arguments)


def build_ggml(log, folder, package):
    """The shared libraries of ggml from the source package to FOLDER/ggml/lib."""
    target = folder / "ggml"
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        pip(log, folder, "download", "--no-deps", "--no-binary", package["name"], "-d", scratch,
            f"{package['name']}=={package['version']}")
        archive, = Path(scratch).glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            tar.extractall(scratch, **safely)
        source, = Path(scratch).glob("*/vendor/llama.cpp")
        call(log, "cmake", "-G", "Ninja", "-S", source, "-B", f"{scratch}/build", *GGML_OPTIONS)
        call(log, "cmake", "--build", f"{scratch}/build", "--target", "ggml-cpu")
        (target / "lib").mkdir(parents=True)
        for library in Path(scratch, "build/bin").glob("libggml-*.so*"):
            shutil.copy2(library, target / "lib" / library.name, follow_symlinks=False)
    (target / "lib/package").write_text(f"{package['name']} {package['version']}\n")


def pick(log, folder, package):
    """The named libraries out of a wheel to FOLDER/NAME/lib."""
    target = folder / package["name"] / "lib"
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        pip(log, folder, "download", "--no-deps", "--no-cache-dir", "--only-binary", ":all:", "-d", scratch,
            f"{package['name']}=={package['version']}")
        archive, = Path(scratch).glob("*.whl")
        target.mkdir(parents=True)
        with zipfile.ZipFile(archive) as wheel:
            for name in wheel.namelist():
                if re.search(rf"/lib/({'|'.join(package['files'].split())})\.so[.0-9]*$", name):
                    with wheel.open(name) as source, (target / Path(name).name).open("wb") as library:
                        shutil.copyfileobj(source, library)
    (target / "package").write_text(f"{package['name']} {package['version']}\n")


def install(log, folder, package):
    what = f"{package['name']}=={package['version']}"
    if package["how"] == "ggml":
        build_ggml(log, folder, package)
    elif package["how"] == "pick":
        pick(log, folder, package)
    elif package["how"] == "files":
        pip(log, folder, "install", "--no-deps", "--only-binary", ":all:", what)
    else:
        pip(log, folder, "install", "--only-binary", ":all:", what)


def main():
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    log, state_file = folder / "setup.log", folder / "state.json"
    state = json.loads(state_file.read_text()) if state_file.is_file() and (folder / "venv").is_dir() else {}
    if not (folder / "venv/bin/python").exists():
        venv.create(folder / "venv", with_pip=True, clear=True)
    for package in requirements():
        known = state.get(package["name"], {})
        if known.get("version") == package["version"] and not known["reason"]:
            continue
        print(f"{package['name']} {package['version']}", end=" ", flush=True)
        try:
            install(log, folder, package)
            reason = None
        except (Failed, OSError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
            reason = f"{package['name']} {package['version']} could not be installed: {error or type(error).__name__}"
        print(f"could not be installed (see {log})" if reason else "installed")
        state[package["name"]] = {"version": package["version"], "reason": reason}
        state_file.write_text(json.dumps(state, indent=1) + "\n")
    if state.get("numpy", {}).get("reason"):
        sys.exit(state["numpy"]["reason"] + "\nNothing can be measured without numpy.")


if __name__ == "__main__":
    main()
