"""Twins kept in the cache, so that pages which ask for the same twin simulate it once.

A twin is looked up by a hash over its scenario and over the sources of `tremorlab.twin`: a change to either gives
another folder. What is there is never changed and never removed, neither twins of older sources nor the hidden
``.part`` folder of a run that was killed; the folder ``twins`` of the cache may be emptied by hand at any time.
"""

import hashlib
from pathlib import Path

from tremorlab import paths
from tremorlab.errors import ParameterError
from tremorlab.twin.archive import simulate
from tremorlab.twin.scenario import Scenario


def kept(scenario: Scenario, *, workers: int = 2, progress: bool = False) -> Path:
    """Study file of a twin, simulated unless it is in the cache.

    Processes that ask at the same time may both simulate; the first to finish puts its folder in place, whole, and the
    others use it.

    Parameters
    ----------
    scenario
        What to simulate.
    workers, progress
        As `tremorlab.twin.archive.simulate` takes them, where the twin has to be made.

    Returns
    -------
    pathlib.Path
        ``twins/SETTING-HASH/study.toml`` below `tremorlab.paths.cache`, for `tremorlab.study.load`.

    Raises
    ------
    ParameterError
        The cache cannot be written to, something else is in the twin's place, or the number of workers is not
        positive.
    """
    folder = paths.cache() / "twins" / f"{scenario.setting}-{_hash(scenario)}"
    study = folder / "study.toml"
    if not study.is_file():
        try:
            simulate(scenario, folder, workers=workers, progress=progress)
        except ParameterError:
            if not study.is_file():  # else another process was faster
                raise
    return study


def _hash(scenario: Scenario) -> str:
    digest = hashlib.sha256(scenario.model_dump_json().encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:12]
