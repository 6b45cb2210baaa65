# SPDX-License-Identifier: Apache-2.0
"""What every participant has. A module of a peer imports its package inside its constructor or later, so that a missing
package is that peer's failure and nobody else's."""
import importlib.metadata
import json
import os
from pathlib import Path


class NotAvailable(Exception):
    """This participant cannot run here; the text says why, for people."""


class Once:
    """A library that is loaded once in a process, at the first get()."""
    _only = None

    @classmethod
    def get(cls):
        cls._only = cls._only or cls()
        return cls._only


class Peer:
    """One way to multiply. who, version, keeps_x, mode, x and storage go into the records."""
    who = ""
    version = ""
    keeps_x = ""  # "16 bit", "32 bit", "bf16", "8 bit": what activations are kept in until they are multiplied
    mode = None
    x = "f32"
    storage = "packed"

    def __init__(self, threads):
        """Raises NotAvailable, or whatever its package raises."""
        self.threads = threads

    def supports(self, case):
        """None, or why not."""
        return None

    def prepare(self, case, numbers):
        """A Runner of the case; numbers as data.Numbers."""
        raise NotImplementedError

    def describe(self, runner):
        """What records.record wants to know."""
        return {"who": self.who, "version": self.version, "keeps_x": self.keeps_x, "mode": self.mode, "x": self.x,
                "storage": self.storage, "hot": runner.hot, "note": runner.note}


class Runner:
    """A case made ready: calls[i]() multiplies by the i-th copy of the weight; result() is the last call's y, (m,n)."""

    def __init__(self, calls, result, hot=False, note=None):
        self.calls = calls
        self.result = result
        self.hot = hot  # the copies could not be made, though the case wants them
        self.note = note
        self._next = 0

    def run(self):
        call = self.calls[self._next]
        self._next = (self._next + 1) % len(self.calls)
        call()


def installed(package):
    """The version of a package; NotAvailable with the reason that setup.py left, when it is not here."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise NotAvailable(why_missing(package)) from None


def folder():
    """build/peers, where setup.py works."""
    return Path(os.environ.get("ANTIQUANT_PEERS", Path(__file__).resolve().parents[2] / "build" / "peers"))


def why_missing(package):
    state = folder() / "state.json"
    entry = json.loads(state.read_text()).get(package, {}) if state.is_file() else {}
    return entry.get("reason") or f"{package} is not installed: run make bench-peers"
