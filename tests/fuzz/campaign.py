"""A run over many cases: workers that may die, a clock, a table, and every offending input kept."""

import multiprocessing
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.targets import ALL, Target
from tests.fuzz.worker import damage, serve

#: Longest time that a case may take, of the processor; where nothing is computed, so many times as much on the clock,
#: since others may be at work on the machine.
LIMIT_S, BUSY = 5.0, 3

#: Longest start of a worker with all its packages (seconds).
START_S = 180.0

#: How a process is made. Threads of TensorFlow do not survive a fork.
START = "spawn"

#: Outcomes that are faults of ours.
FAULTS = ("untyped", "memory", "wrote", "hang", "crash")


@dataclass
class Tally:
    """What became of the cases of one target.

    Attributes
    ----------
    counts : collections.Counter
        Outcome -> cases: accepted, refused, or one of `FAULTS`.
    slowest_s : float
    memory : int
        Most bytes beyond what the valid files take.
    faults : list of (int, str, str)
        Case, outcome, what happened.
    """

    name: str
    counts: Counter = field(default_factory=Counter)
    slowest_s: float = 0.0
    memory: int = 0
    faults: list[tuple[int, str, str]] = field(default_factory=list)


class Worker:
    """One process for one target; started again when it has died or was stopped."""

    def __init__(self, target: Target, seeds: Path, scratch: Path, seed: int):
        self._target, self._seeds, self._scratch, self._seed = target, seeds, scratch, seed
        self._process = None

    def case(self, number: int) -> tuple[str, str, float, int]:
        """Outcome, what happened, processor seconds, bytes; a hang is tried again: a busy machine looks the same."""
        answer = self._ask(number)
        return self._ask(number) if answer[0] == "hang" else answer

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._connection.close()
            self._process = None

    def _ask(self, number):
        if self._process is None:
            self._start()
        try:
            self._connection.send(number)
            if not self._connection.poll(BUSY * LIMIT_S):
                self.close()
                return "hang", f"no answer within {BUSY * LIMIT_S:g} s", BUSY * LIMIT_S, 0
            kind, said, seconds, memory = self._connection.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            code = self._process.exitcode
            self.close()
            return "crash", f"the process ended with {code}", 0.0, 0
        return ("hang", f"{seconds:.1f} s", seconds, memory) if seconds > LIMIT_S else (kind, said, seconds, memory)

    def _start(self):
        scratch = Path(tempfile.mkdtemp(dir=self._scratch))
        context = multiprocessing.get_context(START)
        self._connection, theirs = context.Pipe()
        arguments = (theirs, self._target.name, self._seeds, scratch, self._seed)
        self._process = context.Process(target=serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        kind, said = "hang", f"no answer within {START_S:g} s"
        try:
            if self._connection.poll(START_S):
                kind, said, *_ = self._connection.recv()
        except EOFError:
            kind, said = "crash", "the process ended"
        if kind != "accepted":
            self.close()
            raise RuntimeError(f"{self._target.name}, the valid files: {kind}, {said}")


def shares(cases: int, targets: Iterable[Target]) -> dict[str, int]:
    """Divide cases over targets; each gets one at least."""
    targets = list(targets)
    whole = sum(target.share for target in targets)
    return {target.name: max(1, round(cases * target.share / whole)) for target in targets}


def make_seeds(folder: Path, targets: Iterable[Target]) -> Path:
    """Write the valid files of targets, one folder each."""
    for target in targets:
        (folder / target.name).mkdir(parents=True)
        target.make(folder / target.name)
    return folder


def run(target: Target, numbers: Iterable[int], seeds: Path, scratch: Path, seed: int) -> Tally:
    """Judge cases of one target."""
    tally, worker = Tally(target.name), Worker(target, seeds, scratch, seed)
    try:
        for number in numbers:
            kind, said, seconds, memory = worker.case(number)
            tally.counts[kind] += 1
            tally.slowest_s, tally.memory = max(tally.slowest_s, seconds), max(tally.memory, memory)
            if kind in FAULTS:
                tally.faults.append((number, kind, said))
    finally:
        worker.close()
    return tally


def keep(tally: Tally, seeds: Path, seed: int, folder: Path) -> Iterator[Path]:
    """Write the files of every fault, and what happened, so that it can be looked at and tried again."""
    for number, kind, said in tally.faults:
        place = folder / f"{tally.name}-{seed}-{number}"
        shutil.rmtree(place, ignore_errors=True)
        (place / "files").mkdir(parents=True)
        path = damage(ALL[tally.name], seeds, place / "files", seed, number)
        again = f"python -m tests.fuzz --seed {seed} --target {tally.name} --case {number}"
        (place / "WHAT.txt").write_text(f"{kind}: {path.name} is damaged\ntry again: {again}\n\n{said}\n")
        yield place
