"""The same training from several seeds, side by side."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tremorlab import scale
from tremorlab.classify.networks import Network
from tremorlab.classify.runs import Run
from tremorlab.classify.training import Examples, Training, train


@dataclass(frozen=True)
class _Task:
    network: Network
    training: Training
    classes: Sequence[str]
    seed: int
    folder: Path
    windows: Path


def train_seeds(
    network: Network,
    training: Training,
    fit: Examples,
    validation: Examples,
    classes: Sequence[str],
    *,
    seeds: Sequence[int],
    folder: str | Path,
    scheduler: str = "",
    workers: int | None = None,
    progress: bool = False,
) -> list[Run]:
    """Train a network once from each seed; runs that are finished are opened and not trained again.

    Parameters
    ----------
    network, training, fit, validation, classes, folder
        As for `tremorlab.classify.training.train`. Windows go to the processes through files in ``folder``, which
        other machines of a cluster need to see under the same name.
    seeds
        One run each.
    scheduler, workers, progress
        As for `tremorlab.scale.each`.

    Raises
    ------
    ModelError, DatasetError
        As `tremorlab.classify.training.train`.
    ParameterError
        The scheduler does not answer.
    """
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".windows_", dir=folder) as scratch:
        for name, examples in (("fit", fit), ("validation", validation)):
            np.save(Path(scratch) / f"{name}.npy", examples.waveforms)
            np.save(Path(scratch) / f"{name}_labels.npy", examples.labels)
        tasks = [_Task(network, training, list(classes), seed, folder, Path(scratch)) for seed in seeds]
        return scale.each(_train, tasks, scheduler=scheduler, workers=workers, progress=progress)


def _train(task):
    parts = [
        Examples(np.load(task.windows / f"{name}.npy", mmap_mode="r"), np.load(task.windows / f"{name}_labels.npy"))
        for name in ("fit", "validation")
    ]
    return train(task.network, task.training, *parts, task.classes, seed=task.seed, folder=task.folder)
