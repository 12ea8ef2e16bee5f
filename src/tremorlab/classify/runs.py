"""A training run on disk: what it depends on, its checkpoints, its result.

A run's folder is named after a hash of everything that its result depends on: network, training, classes, seed,
windows, labels, this code and the version of Keras. Whoever asks for the same run again gets the kept one.

    spectrum_7_3fa0c1d2e4b5/
        run.json       written last: the run is finished
        model.keras    network of the best epoch
        history.csv    one row an epoch
        logs/          for TensorBoard
        epoch_0012/    while it runs: last checkpoint (model.keras with its optimiser, best.keras, history.csv)

A checkpoint is written under another name and renamed, so that there is a whole one at any moment.
"""

import json
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import pandas as pd

from tremorlab import __version__, fingerprint
from tremorlab.errors import ModelError

#: One row an epoch.
HISTORY = {
    "epoch": "int64",
    "loss": "float64",
    "validation_loss": "float64",
    "validation_balanced_accuracy": "float64",
}


@dataclass(frozen=True, eq=False)
class Run:
    """One training run.

    Attributes
    ----------
    folder : pathlib.Path
    depends : dict
        What the result depends on.
    history : pandas.DataFrame
        epoch, loss, validation_loss, validation_balanced_accuracy of the epochs that are finished.
    finished : bool
    """

    folder: Path
    depends: dict
    history: pd.DataFrame
    finished: bool

    @property
    def name(self) -> str:
        """Kind of the network and seed."""
        return f"{self.depends['network']['kind']}, seed {self.depends['seed']}"

    @property
    def best_epoch(self) -> int:
        """Epoch whose network is kept: the first of highest validation balanced accuracy."""
        return int(self.history["epoch"][self.history["validation_balanced_accuracy"].argmax()])

    @property
    def checkpoint(self) -> Path | None:
        """Folder of the last finished epoch, or None."""
        return max(self.folder.glob("epoch_????"), default=None)

    def model(self) -> keras.Model:
        """Open the network of the best epoch.

        Raises
        ------
        ModelError
            The run is not finished, or its file is damaged.
        """
        if not self.finished:
            raise ModelError(self.folder, "is not finished", "Train on; it goes on where it stopped")
        return load(self.folder / "model.keras")

    def keep(self, model: keras.Model, history: pd.DataFrame) -> "Run":
        """Write the checkpoint of an epoch, then remove the one before."""
        before = self.checkpoint
        run = replace(self, history=history)
        epoch = len(history) - 1
        with tempfile.TemporaryDirectory(prefix=".checkpoint_", dir=self.folder) as scratch:
            new = Path(scratch) / "new"
            new.mkdir()
            model.save(new / "model.keras")
            is_best = run.best_epoch == epoch
            shutil.copyfile(new / "model.keras" if is_best else before / "best.keras", new / "best.keras")
            history.to_csv(new / "history.csv", index=False)
            new.rename(self.folder / f"epoch_{epoch:04d}")
        if before:
            shutil.rmtree(before)
        _replace(self.folder / "history.csv", history.to_csv(index=False))
        return run


def load(path: str | Path) -> keras.Model:
    """Open a saved network without running code that the file may hold.

    Raises
    ------
    ModelError
        It is missing, damaged, or wants code of its own.
    """
    try:
        return keras.models.load_model(path, safe_mode=True)
    except Exception as error:  # Keras raises whatever its parts raise
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(path, f"cannot be opened as a network: {first}", "Train again, or fetch it again") from error


def begin(folder, network, training, windows, classes, seed) -> Run:
    """Open the run of these arguments: new, interrupted or finished; see `tremorlab.classify.training.train`."""
    depends = {
        "network": network.model_dump(mode="json"),
        "training": training.model_dump(mode="json"),
        "classes": classes,
        "seed": seed,
        "windows": [fingerprint.of_arrays(part.waveforms, part.labels) for part in windows],
        "code": fingerprint.of_settings(fingerprint.of_code("tremorlab.classify.training")),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
    }
    key = fingerprint.of_settings(depends)[:12]
    run = Run(Path(folder) / f"{network.kind}_{seed}_{key}", depends, _history(), False)
    run.folder.mkdir(parents=True, exist_ok=True)
    if (run.folder / "run.json").exists():
        return open_run(run.folder)
    for left in run.folder.glob(".checkpoint_*"):
        shutil.rmtree(left, ignore_errors=True)
    if not run.checkpoint:
        return run
    history = _read_history(run.checkpoint)
    for older in run.folder.glob("epoch_????"):
        if older != run.checkpoint:
            shutil.rmtree(older)
    return replace(run, history=history)


def finish(run: Run, model: keras.Model) -> Run:
    """Write the network of the best epoch and the record of the run, then remove the checkpoint."""
    model.save(run.folder / ".model.keras")
    (run.folder / ".model.keras").rename(run.folder / "model.keras")
    _replace(run.folder / "history.csv", run.history.to_csv(index=False))
    record = {"depends": run.depends, "best_epoch": run.best_epoch, "version": __version__}
    _replace(run.folder / "run.json", json.dumps(record, indent=2))
    shutil.rmtree(run.checkpoint)
    return replace(run, finished=True)


def open_run(folder: str | Path) -> Run:
    """Open a finished run.

    Raises
    ------
    ModelError
        There is none, or its record or history is damaged.
    """
    folder = Path(folder)
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return Run(folder, record["depends"], _read_history(folder), True)
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(
            folder, f"is no finished training run: {error}", "Remove the folder, and train again"
        ) from error


def _history():
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in HISTORY.items()})


def _read_history(folder):
    text = pd.read_csv(folder / "history.csv", dtype=str)  # Python's own conversion gives back every digit
    return text[list(HISTORY)].map(float).astype(HISTORY)


def _replace(path, text):
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(text, encoding="utf-8")
    scratch.rename(path)
