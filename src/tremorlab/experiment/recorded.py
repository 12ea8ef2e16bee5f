"""From twins to recordings: networks that have seen nothing but a twin, and the same after some recorded windows.

Recorded studies differ in their classes; these are gathered as in `tremorlab.classify.transfer`. When a network is
tuned to recordings, one study at a time is left out, instrument, site, volcano, analyst and all, and the network is
tested on it. Twin windows are mixed in, as many of a class as there are recorded ones of the commonest, so that a class
that was recorded in the left-out study only is not forgotten.

Answers are probabilities, not records: they may come with the compendium, and only computing them needs recordings.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from tremorlab import study as studies
from tremorlab.catalog.sources import of_study
from tremorlab.classify.training import probabilities
from tremorlab.classify.transfer import CLASSES
from tremorlab.dataset.balance import class_weights
from tremorlab.dataset.windows import cut, plan
from tremorlab.errors import ModelError
from tremorlab.experiment import store
from tremorlab.experiment.trained import Experiment, runs
from tremorlab.experiment.twin_windows import divided
from tremorlab.waveform.sources import open_source

MODULES = ("tremorlab.experiment.recorded",)

_BATCH = 32


class Recorded(BaseModel):
    """Networks trained on a twin, and recorded studies whose windows are as long as the twin's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_]+$", description="names the file; does not count")
    experiment: Experiment
    studies: tuple[str, ...] = Field(min_length=2, description="names of studies; one at a time is left out")
    highpass_hz: float = Field(1.0, description="of the recordings, as of the twin")
    epochs: int = Field(20, ge=1, description="of the tuning")
    learning_rate: float = Field(1e-4, gt=0, description="of the tuning")


@dataclass(frozen=True, eq=False)
class Answered:
    """What the networks say of recorded windows.

    Attributes
    ----------
    table : pandas.DataFrame
        study, event_id, event_class (of the study) and shared (gathered class) of each window.
    truth : int (windows,)
        Gathered class, counted in the order of `tremorlab.classify.transfer.CLASSES`.
    twin_only, tuned : float32 (seeds, windows, classes)
        Probabilities of the gathered classes; ``tuned`` by a network that has not seen the study.
    answer : store.Answer
    """

    table: pd.DataFrame
    truth: np.ndarray
    twin_only: np.ndarray
    tuned: np.ndarray
    answer: store.Answer


def recorded(asked: Recorded, *, again: bool = False, shipped: bool = True, workers: int | None = None) -> Answered:
    """Classify recorded windows; parameters as for `tremorlab.experiment.trained.result`.

    Raises
    ------
    DataMissingError
        The answer is not kept, and recordings are not on this machine.
    ModelError
        The classes of a network are not those of the comparison.
    """
    found = store.answer(asked, lambda: _compute(asked, workers), modules=MODULES, again=again, shipped=shipped)
    arrays = found.arrays
    table = pd.DataFrame({name: arrays[name] for name in ("study", "event_id", "event_class", "shared")})
    truth = table["shared"].map(list(CLASSES).index).to_numpy()
    return Answered(table, truth, arrays["twin_only"].astype("f4"), arrays["tuned"].astype("f4"), found)


def columns(classes: tuple[str, ...]) -> list[int]:
    """Which class of a network each gathered class is.

    Raises
    ------
    ModelError
        A gathered class is none, or several, of them.
    """
    found = [[n for n, own in enumerate(classes) if own in gathered] for gathered in CLASSES.values()]
    for name, places in zip(CLASSES, found, strict=True):
        if len(places) != 1:
            raise ModelError("classes", f"{', '.join(classes)} have {len(places)} that are {name}", "Need one")
    return [places[0] for places in found]


def _compute(asked: Recorded, workers: int | None) -> dict[str, np.ndarray]:
    waveforms, table = _windows(asked)
    order = columns(tuple(divided(asked.experiment.windows).classes))
    # Classes of the network, for windows of recorded studies.
    labels = np.array(order)[table["shared"].map(list(CLASSES).index)]
    twin = divided(asked.experiment.windows).train.examples
    twin_only, tuned = [], []
    for run in runs(asked.experiment, workers=workers):
        seed = run.depends["seed"]
        twin_only.append(probabilities(run.model(), waveforms)[:, order])
        each = np.empty_like(twin_only[-1])
        for name in asked.studies:
            out = (table["study"] == name).to_numpy()
            mixed = _mixed(twin, waveforms[~out], labels[~out], np.random.default_rng(seed))
            each[out] = probabilities(_tuned(run.model(), *mixed, asked, seed), waveforms[out])[:, order]
        tuned.append(each)
    texts = {name: table[name].to_numpy(str) for name in ("study", "event_id", "event_class", "shared")}
    return texts | {"twin_only": np.array(twin_only, "f2"), "tuned": np.array(tuned, "f2")}


def _windows(asked: Recorded) -> tuple[np.ndarray, pd.DataFrame]:
    own = {name: gathered for gathered, names in CLASSES.items() for name in names}
    parts = []
    for name in asked.studies:
        study = studies.load(name)
        preparation = study.preparation.model_copy(update={"highpass_hz": asked.highpass_hz})
        study = study.model_copy(update={"preparation": preparation})
        found = cut(plan(of_study(study), study), open_source(study), study)
        kept = found.windows["event_class"].isin(own).to_numpy()
        table = found.windows.loc[kept, ["event_id", "event_class"]]
        shared = table["event_class"].map(own)
        parts.append(
            (found.waveforms[kept], table.assign(study=name, shared=shared, event_id=name + table["event_id"]))
        )
    waveforms, tables = zip(*parts, strict=True)
    return np.concatenate(waveforms), pd.concat(tables, ignore_index=True)


def _mixed(twin, waveforms, labels, rng):
    """Recorded windows, and of each class as many twin windows as there are recorded ones of the commonest."""
    most = np.bincount(labels).max()
    rows = []
    for label in np.unique(twin.labels):
        members = np.flatnonzero(twin.labels == label)
        rows.append(rng.choice(members, min(most, len(members)), replace=False))
    rows = np.concatenate(rows)
    return np.concatenate([waveforms, twin.waveforms[rows]]), np.concatenate([labels, twin.labels[rows]])


def _tuned(model, waveforms, labels, asked, seed):
    """Train a network on, slowly, with weights of the loss against the class counts."""
    keras.utils.set_random_seed(seed)
    model.compile(keras.optimizers.Adam(asked.learning_rate), keras.losses.SparseCategoricalCrossentropy())
    weights = class_weights(labels, model.output_shape[-1])[labels]
    model.fit(waveforms, labels, sample_weight=weights, epochs=asked.epochs, batch_size=_BATCH, verbose=0)
    return model
