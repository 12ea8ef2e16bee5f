"""The process that reads: a crash of native code or an endless loop ends it, and not the run."""

import contextlib
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from tests.fuzz.guard import watched
from tests.fuzz.mutate import mutant
from tests.fuzz.targets import ALL, TEXTS, Target

#: Memory beyond what the packages and the valid files take (bytes).
MEMORY = 2**30


def damage(target: Target, seeds: Path, folder: Path, seed: int, case: int) -> Path:
    """Write a case into a folder: the valid files, one of which is damaged; returns that one."""
    rng = np.random.default_rng([seed, case, *target.name.encode()])
    name = target.damaged[rng.integers(len(target.damaged))]
    shutil.copytree(seeds / target.name, folder, dirs_exist_ok=True)
    path = folder / name
    path.write_bytes(mutant(path.read_bytes(), rng, path.suffix in TEXTS))
    return path


def judge(target: Target, folder: Path) -> tuple[str, str]:
    """Read a case: accepted, refused (with a typed error), untyped, memory, or wrote; and what happened."""
    from tremorlab.errors import TremorlabError

    with watched(folder) as found:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                target.read(folder)
            outcome = "accepted", ""
        except TremorlabError as error:
            complete = error.where and error.problem and error.remedy
            outcome = ("refused", str(error)) if complete else ("untyped", f"an error that says too little: {error}")
        except MemoryError:
            outcome = "memory", traceback.format_exc()
        except Exception:
            outcome = "untyped", traceback.format_exc()
    return ("wrote", "; ".join(found)) if found else outcome


def serve(connection: Connection, name: str, seeds: Path, scratch: Path, seed: int) -> None:
    """Judge the cases whose numbers come, until None comes."""
    sys.dont_write_bytecode = True
    target = ALL[name]
    with open(os.devnull, "w") as nowhere:  # libraries in C complain about damage on the terminal
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    for attempt in range(2):  # packages are imported, and threads started, by the first valid files
        folder = scratch / f"valid{attempt}"
        shutil.copytree(seeds / name, folder)
        tempfile.tempdir = str(folder)
        kind, said = judge(target, folder)
        if kind != "accepted" and (attempt or kind != "wrote"):  # obspy asks git for its version when it is imported
            connection.send((kind, said, 0.0, 0))
            return
    _limit(MEMORY)
    before = _peak()
    connection.send(("accepted", "", 0.0, 0))
    while (case := connection.recv()) is not None:
        folder = scratch / "case"
        folder.mkdir()
        damage(target, seeds, folder, seed, case)
        tempfile.tempdir = str(folder)  # what is unpacked on the way is no output
        began = time.process_time()
        kind, said = judge(target, folder)
        connection.send((kind, said, time.process_time() - began, _peak() - before))
        shutil.rmtree(folder)


def _limit(more):
    """Let this process ask for so many bytes more than it has; where the system knows no such limit, not at all."""
    with contextlib.suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, hard))


def _peak():
    """Largest resident memory so far, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
