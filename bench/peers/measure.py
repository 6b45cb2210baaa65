# SPDX-License-Identifier: Apache-2.0
"""The child of run.py: one process, one thread count. For each case everyone who can takes turns, round after round, so
that what else happens on the machine hits all of them. Knows participants by peer.py's interface only."""
import gc
import importlib
import sys
import time
import traceback

import records
from peer import NotAvailable

PEERS = ("peer_onnxruntime", "peer_openvino", "peer_xnnpack", "peer_torch", "peer_openblas", "peer_ggml")
ABSENT = {  # what was looked for and is not here; the packages of the others are in requirements.txt
    "oneDNN by itself": "its current package is built for SYCL and finds no CPU device here; the last one for threads is of "
                        "2023 and cannot multiply floats by whole numbers yet. OpenVINO carries it",
    "LiteRT": "its package hides XNNPACK's functions; its own layers quantise activations to 8 bit, as XNNPACK qd8",
    "PyTorch weight-only fp16 and fp32": "plain loops without vector code: ten times as long as bf16 or more",
}
# Beyond this error a result is wrong, not rounded: the worst seen is well below half of it.
WRONG = {"16 bit": 2e-3, "32 bit": 1e-4, "bf16": 2e-2, "8 bit": 5e-2}
PAUSE = 0.001  # seconds
LONGEST_PAUSE = 0.05  # seconds
LONG = 0.005  # seconds: a run longer than this is timed once a turn, a shorter one RUNS times
RUNS = 3
VERY_LONG = 0.1  # seconds: a run longer than this needs none before it, and two copies are enough to check
FEWEST_ROUNDS, MOST_ROUNDS = 3, 60
TOO_SLOW = 20  # who takes so many times as long as the quickest leaves after FEWEST_ROUNDS


class Report:
    """What has been found so far, kept in a file at each step: a peer may take the whole process with it."""

    def __init__(self, path):
        self.path, self.machine, self.now, self.done = path, None, None, []
        self.records = []
        self.not_available = [{"who": who, "reason": reason} for who, reason in ABSENT.items()]
        self.declined, self.failures = [], []  # cases that a peer does not have; whatever else went wrong

    def doing(self, who, case=None):
        """Notes who is at work (None: everyone in turns), for run.py to name if this process does not live to tell."""
        self.now = {"who": who, "case": str(case) if case else None}
        self.save()

    def document(self):
        return {"schema": 1, "machine": self.machine, "limits": [], "records": self.records,
                "not_available": self.not_available, "declined": self.declined, "failures": self.failures,
                "now": self.now, "done": self.done}

    def save(self):
        records.write(self.path, self.document())

    def add(self, key, who, reason):
        entry = {"who": who, "reason": " ".join(str(reason).split()) or type(reason).__name__}
        if entry not in getattr(self, key):
            getattr(self, key).append(entry)
            print(f"  {key.replace('_', ' ')}: {who}: {entry['reason']}", file=sys.stderr)

    def failed(self, who, error, case=None):
        if isinstance(error, NotAvailable):
            self.add("declined" if case else "not_available", who + (f", {kind_of(case)}" if case else ""), error)
        else:
            traceback.print_exception(error, file=sys.stderr)
            self.add("failures", who + (f", {case}" if case else ""), f"{type(error).__name__}: {error}")


def assemble(threads, storages, only, without, report):
    """Everyone who can be had, ours first. only: words, one of which a peer's name must have; without: whole names."""
    found, factories = [], []
    for module in ("ours", *PEERS):
        try:
            arguments = (threads, storages) if module == "ours" else (threads,)
            factories += importlib.import_module(module).participants(*arguments)
        except Exception as error:  # whatever a package throws is that package's failure  # noqa: BLE001
            report.failed(module, error)
    for who, factory in factories:
        if only and not who.startswith("antiquant") and not any(word.lower() in who.lower() for word in only):
            continue
        if who in without:
            continue
        report.doing(who)
        try:
            found.append(factory())
        except Exception as error:  # noqa: BLE001
            report.failed(who, error)
    return found


def settle():
    """Waits until this process's other threads are idle: the pool of the one who has just run may go on looking for
    work for some milliseconds, which is its way to be quick and not the next one's burden."""
    end = time.perf_counter() + LONGEST_PAUSE
    while time.perf_counter() < end:
        used = time.process_time()
        time.sleep(PAUSE)
        if time.process_time() - used < PAUSE / 4:
            return


class Turn:
    """A participant in a case."""

    def __init__(self, peer, runner):
        self.peer, self.runner, self.rounds, self.error = peer, runner, {}, None
        self.runs, self.wake = 1, True

    def verify(self, numbers, m):
        """Each copy once (some pack a weight when it is first used), the last with its result checked. Of one that
        takes long two will do."""
        for i in range(len(self.runner.calls)):
            start = time.perf_counter()
            self.runner.run()
            taken = time.perf_counter() - start
            self.runs = 1 if taken > LONG else RUNS
            self.wake = taken < VERY_LONG
            if i and taken > VERY_LONG:
                break
        self.check(numbers, m)

    def check(self, numbers, m):
        self.error = numbers.error(m, self.runner.result())
        if not self.error < WRONG[self.peer.keeps_x]:
            raise ArithmeticError(f"wrong result: relative error {self.error:.2g}")

    def quickest(self):
        return min(time for times in self.rounds.values() for time in times)

    def take(self, number):
        """One run that is not timed, to wake its threads, then the timed ones."""
        if self.wake:
            self.runner.run()
        times = self.rounds[number] = []
        for _ in range(self.runs):
            start = time.perf_counter_ns()
            self.runner.run()
            times.append((time.perf_counter_ns() - start) / 1e3)


def prepare(peers, case, numbers, report):
    turns = []
    for peer in peers:
        report.doing(name_of(peer), case)
        reason = peer.supports(case)
        if reason:
            report.add("declined", f"{name_of(peer)}, {kind_of(case)}", reason)
            continue
        try:
            start = time.perf_counter()
            turn = Turn(peer, peer.prepare(case, numbers))
            turn.verify(numbers, case.m)
            turns.append(turn)
            print(f"    {name_of(peer)}: prepared in {time.perf_counter() - start:.1f} s", file=sys.stderr)
        except Exception as error:  # noqa: BLE001
            report.failed(name_of(peer), error, case)
    return turns


def kind_of(case):
    return f"{case.weight.kind} {case.weight.granularity}"


def name_of(peer):
    return peer.who + (f" {peer.mode} {peer.storage}" if peer.mode else "")


def take_turns(turns, seconds):
    """Rounds until the time is over. The order turns with the rounds: nobody always follows the same one."""
    end = time.perf_counter() + seconds
    number = 0
    while number < MOST_ROUNDS and (number < FEWEST_ROUNDS or time.perf_counter() < end):
        shift = number % len(turns)
        for turn in turns[shift:] + turns[:shift]:
            settle()
            turn.take(number)
        number += 1
        if number == FEWEST_ROUNDS:
            quickest = min(turn.quickest() for turn in turns)
            turns = [turn for turn in turns if turn.quickest() < TOO_SLOW * quickest]


def measure(case, peers, numbers, seconds, report):
    turns = prepare(peers, case, numbers, report)
    if not turns:
        return
    report.doing(None, case)
    gc.disable()
    take_turns(turns, seconds)
    gc.enable()
    ours = {}
    for turn in turns:
        if turn.peer.mode and turn.peer.mode not in ours:  # the first storage is the one that ratios are of
            ours[turn.peer.mode] = turn.rounds
    for turn in turns:
        try:
            turn.check(numbers, case.m)
            report.records.append(records.record(case, turn.peer.describe(turn.runner), turn.rounds, turn.error, ours))
        except Exception as error:  # noqa: BLE001
            report.failed(name_of(turn.peer), error, case)


def run(cases, storages, only, without, seconds, deadline, path):
    """Measures and leaves the document of one process at path. only, without: as in assemble.
    deadline: of time.monotonic(), after which no case is begun."""
    report = Report(path)
    peers = assemble(cases[0].threads, storages, only, without, report)
    report.machine = records.machine(next((peer.version for peer in peers if peer.mode), None))
    import data  # here, so that the rest of this file does without numpy
    numbers = None
    for case in cases:
        if time.monotonic() > deadline:
            report.add("failures", str(case), f"not measured with {case.threads} threads: out of time")
            continue
        if numbers is None or numbers.weight != case.weight:
            numbers = data.Numbers(case.weight)
        start = time.monotonic()
        measure(case, peers, numbers, seconds, report)
        gc.collect()
        report.done.append(str(case))
        print(f"  {case}, {case.threads} threads: {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)
    report.now = None
    report.save()
