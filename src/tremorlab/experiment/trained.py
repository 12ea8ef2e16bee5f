"""An experiment: a classifier trained from several seeds on windows of a twin, and what it says of the test windows.

    windows = TwinWindows(scenario=configure(setting="nankai", days=12, stations=3, rate_hz=50))
    ask = Experiment(name="nankai_1d", windows=windows, classifier=WaveformNetwork(), seeds=(0, 1, 2, 3, 4))
    found = result(ask)          # read from a file where there is one, else trained, which takes minutes
    found.predicted              # (seeds, windows): class given to each test window
    found.truth, found.table     # class of each test window as catalogued; event, station, true class, snr_db, ...
    found.origin, found.changed  # "shipped", "kept" or "computed"; modules changed since a shipped result

The name only names the file: two experiments that ask the same have one answer. ``result(ask, again=True)`` trains
whatever there is. `tremorlab.experiment.store` says where answers are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field
from sklearn.metrics import balanced_accuracy_score

from tremorlab import paths
from tremorlab.classify import rivals
from tremorlab.classify.networks import FusedNetwork, SpectrumNetwork, WaveformNetwork
from tremorlab.classify.runs import Run
from tremorlab.classify.seeds import train_seeds
from tremorlab.classify.training import Training, probabilities
from tremorlab.dataset.features import features
from tremorlab.dataset.spectra import margin_samples
from tremorlab.experiment import store
from tremorlab.experiment.twin_windows import Divided, Part, TwinWindows, divided

#: Where the code begins that a result depends on.
MODULES = ("tremorlab.experiment.trained",)

#: Columns of the test table that are kept with a result.
_TEXTS = ("event_id", "event_class", "station", "true_class")
_NUMBERS = ("onset_s", "snr_db", "distance_km", "hidden")


class Rival(BaseModel):
    """A classifier that is no network, from `tremorlab.classify.rivals`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["majority", "threshold", "forest"]


Classifier = Annotated[WaveformNetwork | SpectrumNetwork | FusedNetwork | Rival, Field(discriminator="kind")]


class Experiment(BaseModel):
    """What is trained, on what, how, and how often."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_]+$", description="names the file; does not count")
    windows: TwinWindows
    test: TwinWindows | None = Field(None, description="whose test windows are classified; by default those of windows")
    classifier: Classifier
    training: Training = Field(Training(), description="of networks")
    seeds: tuple[int, ...] = Field((0, 1, 2, 3, 4), min_length=1, description="one training each")


@dataclass(frozen=True, eq=False)
class Result:
    """What the trainings of an experiment say of the test windows.

    Attributes
    ----------
    experiment : Experiment
    classes : tuple of str
        Of the columns of ``probabilities``.
    test_classes : tuple of str
        Of ``truth``: other names where the test is another setting's.
    truth : int (windows,)
        Class of each test window as catalogued.
    table : pandas.DataFrame
        event_id, event_class, station, true_class, onset_s, snr_db, distance_km, hidden of each test window.
    probabilities : float32 (seeds, windows, classes)
    validation_truth, validation_probabilities
        The same for the validation windows.
    history : pandas.DataFrame
        seed, epoch, loss, validation_loss, validation_balanced_accuracy; empty for rivals.
    trained_on : dict
        Class -> windows of the training.
    origin, changed
        As `tremorlab.experiment.store.Answer` has them.
    """

    experiment: Experiment
    classes: tuple[str, ...]
    test_classes: tuple[str, ...]
    truth: np.ndarray
    table: pd.DataFrame
    probabilities: np.ndarray
    validation_truth: np.ndarray
    validation_probabilities: np.ndarray
    history: pd.DataFrame
    trained_on: dict[str, int]
    origin: str
    changed: tuple[str, ...]

    @cached_property
    def predicted(self) -> np.ndarray:
        """Most probable class, (seeds, windows)."""
        return self.probabilities.argmax(axis=2)

    @cached_property
    def balanced_accuracy(self) -> np.ndarray:
        """Of each seed on the test windows, against the catalogue."""
        return np.array([balanced_accuracy_score(self.truth, each) for each in self.predicted])


def result(
    experiment: Experiment,
    *,
    again: bool = False,
    shipped: bool = True,
    workers: int | None = None,
    progress: bool = False,
) -> Result:
    """Find the result of an experiment, or train and keep it.

    Parameters
    ----------
    experiment
        What is asked.
    again, shipped
        As for `tremorlab.experiment.store.answer`.
    workers, progress
        As for `tremorlab.classify.seeds.train_seeds`.

    Raises
    ------
    DatasetError
        A part has no window of a class.
    ModelError
        A file with a result is damaged.
    """
    found = store.answer(
        experiment, lambda: _compute(experiment, workers, progress), modules=MODULES, again=again, shipped=shipped
    )
    arrays = found.arrays
    columns = {name: arrays[f"table_{name}"] for name in (*_TEXTS, *_NUMBERS)}
    history = {name.removeprefix("history_"): arrays[name] for name in arrays if name.startswith("history_")}
    classes = tuple(arrays["classes"].tolist())
    return Result(
        experiment,
        classes,
        tuple(arrays["test_classes"].tolist()),
        arrays["truth"].astype(int),
        pd.DataFrame(columns),
        arrays["probabilities"].astype("f4"),
        arrays["validation_truth"].astype(int),
        arrays["validation_probabilities"].astype("f4"),
        pd.DataFrame(history),
        dict(zip(classes, arrays["trained_on"].tolist(), strict=True)),
        found.origin,
        found.changed,
    )


def runs(experiment: Experiment, *, workers: int | None = None, progress: bool = False) -> list[Run]:
    """Trainings of a network, one a seed: opened where they are finished, else trained."""
    parts = _windows(experiment.windows)
    return train_seeds(
        experiment.classifier,
        experiment.training,
        parts.train.examples,
        parts.validation.examples,
        parts.classes,
        seeds=experiment.seeds,
        folder=paths.derived() / "runs",
        workers=workers,
        progress=progress,
    )


def _compute(experiment: Experiment, workers: int | None, progress: bool) -> dict[str, np.ndarray]:
    own = _windows(experiment.windows)
    other = own if experiment.test is None else _windows(experiment.test)
    if isinstance(experiment.classifier, Rival):
        found = [_rival(experiment.classifier.kind, seed, own, other.test) for seed in experiment.seeds]
        history = pd.DataFrame()
    else:
        trained = runs(experiment, workers=workers, progress=progress)
        found = [_classified(run, own.validation, other.test) for run in trained]
        history = pd.concat([run.history.assign(seed=run.depends["seed"]) for run in trained])
    validation, test = (np.stack(parts).astype("f2") for parts in zip(*found, strict=True))
    table = other.test.table
    return {
        "classes": np.array(own.classes),
        "test_classes": np.array(other.classes),
        "truth": other.test.examples.labels.astype("i1"),
        "probabilities": test,
        "validation_truth": own.validation.examples.labels.astype("i1"),
        "validation_probabilities": validation,
        "trained_on": np.bincount(own.train.examples.labels, minlength=len(own.classes)),
        **{f"table_{name}": table[name].fillna("").to_numpy(str) for name in _TEXTS},
        **{f"table_{name}": table[name].to_numpy("f4") for name in _NUMBERS},
        **{f"history_{name}": history[name].to_numpy() for name in history},
    }


def _windows(settings: TwinWindows) -> Divided:
    return _kept_windows(settings.model_dump_json())


@lru_cache(maxsize=2)  # the networks of a comparison are trained one after the other on the same windows
def _kept_windows(text: str) -> Divided:
    return divided(TwinWindows.model_validate_json(text))


def _classified(run: Run, *parts: Part) -> list[np.ndarray]:
    model = run.model()
    return [probabilities(model, part.examples.waveforms) for part in parts]


def _rival(kind: str, seed: int, own: Divided, test: Part) -> list[np.ndarray]:
    train, validation, other = (_features(part, own) for part in (own.train, own.validation, test))
    labels = own.train.examples.labels
    estimator = rivals.estimators(seed)[kind].fit(train, labels)
    if hasattr(estimator, "predict_proba"):
        return [estimator.predict_proba(table) for table in (validation, other)]
    return [np.eye(len(own.classes))[estimator.predict(table)] for table in (validation, other)]


def _features(part: Part, own: Divided) -> pd.DataFrame:
    margin = margin_samples(own.study.running_spectrum)
    inside = part.examples.waveforms[:, :, margin : margin + own.study.window.samples]
    return features(inside, own.study.preparation.sampling_rate_hz)
