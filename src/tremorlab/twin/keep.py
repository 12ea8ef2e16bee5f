"""Twins kept in the cache, so that pages which ask for the same twin simulate it once.

A twin is looked up by a hash over its scenario and over the sources of `tremorlab.twin`: a change to either gives
another folder. What is there is never changed and never removed, neither twins of older sources nor the hidden
``.part`` folder of a run that was killed; the folder may be emptied by hand at any time.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

from tremorlab import paths
from tremorlab.errors import ParameterError
from tremorlab.twin.archive import simulate
from tremorlab.twin.scenario import Scenario


def kept(scenario: Scenario, *, workers: int = 2, progress: bool = False) -> Path:
    """Study file of a twin, simulated unless it is in the cache.

    Of processes that ask at the same time one simulates and the others wait for it. Where the system has no file locks
    each simulates, the first to finish puts its folder in place, whole, and the others use it.

    Parameters
    ----------
    scenario
        What to simulate.
    workers, progress
        As `tremorlab.twin.archive.simulate` takes them, where the twin has to be made.

    Returns
    -------
    pathlib.Path
        ``twins/SETTING-HASH/study.toml`` below `tremorlab.paths.derived`, for `tremorlab.study.load`.

    Raises
    ------
    ParameterError
        The cache cannot be written to, something else is in the twin's place, or the number of workers is not
        positive.
    """
    folder = paths.derived() / "twins" / f"{scenario.setting}-{_hash(scenario)}"
    study = folder / "study.toml"
    if study.is_file():
        return study
    with _alone(folder):
        if not study.is_file():
            _simulate(scenario, study, workers, progress)
    return study


def _simulate(scenario, study, workers, progress):
    try:
        simulate(scenario, study.parent, workers=workers, progress=progress)
    except ParameterError:
        if not study.is_file():  # else another process was faster
            raise


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; the system lets go of it when its process ends, however that ends."""
    if fcntl is None:
        yield
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f".{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise ParameterError(folder, f"cannot be made: {error.strerror}", "Name a folder you may write to") from error


def _hash(scenario: Scenario) -> str:
    digest = hashlib.sha256(scenario.model_dump_json().encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:12]
