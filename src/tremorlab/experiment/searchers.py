"""Who searches records: the networks that come with the compendium, exported, and STA/LTA with a random forest.

What a system makes of a station is kept apart from the rule that decides, so that many rules can be tried at the price
of one evaluation.

The networks are those of `tremorlab.experiment.published`, with their temperature inside. The classical detector
(`tremorlab.detect.triggers`) is given the random forest that is the rival of the networks, trained on the same windows.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from obspy import UTCDateTime
from pydantic import BaseModel, ConfigDict, Field
from sklearn.base import ClassifierMixin

from tremorlab.classify import rivals
from tremorlab.classify.calibration import calibrated
from tremorlab.classify.model_card import Score, describe, publish
from tremorlab.dataset.features import features
from tremorlab.dataset.spectra import margin_samples
from tremorlab.detect.continuous import Annotation, annotate
from tremorlab.detect.engine import Detector
from tremorlab.detect.export import export
from tremorlab.detect.matching import Matched
from tremorlab.detect.triggers import Onsets, onsets
from tremorlab.experiment import published, trained
from tremorlab.experiment.trained import Experiment
from tremorlab.experiment.twin_windows import TwinWindows
from tremorlab.study import Study
from tremorlab.waveform.prepare import prepare, reach_s
from tremorlab.waveform.sources import Source

#: Name of the classical detector among the systems.
RIVAL = "STA/LTA + forest"

#: Name of the mean of the probabilities of all networks.
BOTH = "both networks"

#: Columns of times that tables in files have in seconds, in double precision.
_TIMES, _SECONDS = ("onset", "end"), ("onset_s", "end_s")


#: What the card of a network wants that is exported and thrown away.
_NO_SCORE = Score(value=0, low=0, high=0)


class Searchers(BaseModel):
    """Which networks, and on what the forest of the classical detector is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    networks: dict[str, Experiment] = Field(min_length=1, description="name -> network; its first training")
    forest: TwinWindows = Field(description="windows on which the forest is trained")
    step_s: float = Field(10.24, gt=0, description="between the windows of the networks")

    @property
    def names(self) -> tuple[str, ...]:
        """All systems, the classical one last; several networks together are one more."""
        return (*self.networks, *([BOTH] if len(self.networks) > 1 else []), RIVAL)


@dataclass(frozen=True, eq=False)
class Systems:
    """Networks and the classical detector, ready to run.

    Attributes
    ----------
    study : tremorlab.study.Study
        How records are prepared, and the classes.
    detectors : dict
        Name -> exported network.
    forest : estimator
    step_s : float
    """

    study: Study
    detectors: dict[str, Detector]
    forest: ClassifierMixin
    step_s: float


def systems(asked: Searchers, workers: int | None = None) -> Systems:
    """Open or train what searches; ``workers`` as for `tremorlab.experiment.trained.runs`."""
    return _systems(asked.model_dump_json(), workers)


@lru_cache(maxsize=1)  # recorded days are searched by the systems of a month
def _systems(text: str, workers: int | None) -> Systems:
    asked = Searchers.model_validate_json(text)
    parts = trained._windows(asked.forest)  # those that the networks were trained on: cut once
    with tempfile.TemporaryDirectory() as folder:
        detectors = {
            name: Detector(_exported(experiment, parts.study, Path(folder), workers))
            for name, experiment in asked.networks.items()
        }
    margin, window = margin_samples(parts.study.running_spectrum), parts.study.window.samples
    inside = parts.train.examples.waveforms[:, :, margin : margin + window]
    table = features(inside, parts.study.preparation.sampling_rate_hz)
    forest = rivals.estimators(0)["forest"].fit(table, parts.train.examples.labels)
    return Systems(parts.study, detectors, forest, asked.step_s)


def _exported(experiment: Experiment, study: Study, folder: Path, workers: int | None) -> Path:
    """The first training of an experiment, calibrated, as `tremorlab.experiment.published.put` has it."""
    one = experiment.model_copy(update={"seeds": experiment.seeds[:1]})
    run = trained.runs(one, workers=workers)[0]
    heat = published.temperature(trained.result(experiment, workers=workers), 0)
    about = {"name": experiment.name, "title": experiment.name, "data": experiment.windows.scenario.setting}
    untold = {"split": "", "scores": {"none": _NO_SCORE}, "recall": {}, "limits": published.LIMITS}
    card = describe(run, study, **about, **untold, temperature=heat)
    return export(publish(folder / experiment.name, calibrated(run.model(), heat), card))


@dataclass(frozen=True, eq=False)
class Heard:
    """What the systems make of a station before any rule: by name, `Annotation` of a network, `Onsets` of the rival."""

    station: str
    by: dict[str, Annotation | Onsets]

    @property
    def known(self) -> Annotation:
        """Any of the annotations: they differ in nothing but their probabilities."""
        return next(each for each in self.by.values() if isinstance(each, Annotation))

    @property
    def hours(self) -> float:
        """Hours of record that were evaluated."""
        return float(self.known.known.sum() * self.known.step_s / 3600)

    @property
    def code(self) -> str:
        """NET.STA."""
        return ".".join(self.station.split(".")[:2])

    def at(self, times: pd.Series) -> np.ndarray:
        """Whether the window nearest to each time has probabilities."""
        known = self.known
        after_s = (times - pd.Timestamp(known.start.ns, tz="UTC")).dt.total_seconds()
        return known.known[np.clip(np.rint(after_s / known.step_s).astype(int), 0, len(known) - 1)]


def hear(source: Source, seed_id: str, start: UTCDateTime, end: UTCDateTime, using: Systems) -> Heard:
    """Run all systems along the record of a station."""
    by = {
        name: annotate(source, seed_id, start, end, detector, step_s=using.step_s)
        for name, detector in using.detectors.items()
    }
    if len(by) > 1:
        by[BOTH] = together(list(by.values()))
    by[RIVAL] = onsets(source, seed_id, start, end, using.forest, using.study)
    return Heard(next(iter(by.values())).station, by)


def together(annotations: list[Annotation]) -> Annotation:
    """Mean of the probabilities of networks for the same windows."""
    mean = np.mean([each.probabilities for each in annotations], axis=0)
    return replace(annotations[0], name=BOTH, probabilities=mean)


def strip(heard: Heard, source: Source, seed_id: str, start: UTCDateTime, end: UTCDateTime, study: Study) -> dict:
    """Amplitude (largest sample) in each step, and probabilities of the networks, from ``start`` to ``end``.

    Returns
    -------
    dict
        ``amplitude``, float32 (steps,), not a number where nothing was recorded; for each network float16
        (steps, classes).
    """
    known = heard.known
    first = max(0, int(np.ceil(round((start - known.start) / known.step_s, 6))))
    stop = min(len(known), int(np.ceil(round((end - known.start) / known.step_s, 6))))
    begin, settings = known.time(first) - known.step_s / 2, study.preparation
    finish, reach = begin + (stop - first) * known.step_s, reach_s(settings)
    stream = source.get(seed_id, begin - reach, finish + reach)
    made = prepare(stream, begin, finish, components=study.components, settings=settings)
    loud = np.where(made.valid, np.abs(made.data).max(axis=0), np.nan)
    length = round(known.step_s * made.sampling_rate_hz)
    loud = loud[: len(loud) // length * length].reshape(-1, length)
    shares = {n: a.probabilities[first:stop].astype("f2") for n, a in heard.by.items() if isinstance(a, Annotation)}
    return {"amplitude": loud.max(axis=1).astype("f4"), **shares}


def states(matched: Matched, system: str) -> pd.DataFrame:
    """What a system made of each catalogued event: event_id, and SYSTEM state, given and error_s (of the onset)."""
    rows = matched.catalogue
    error_s = matched.pairs.set_index("event")["onset_error_s"].reindex(rows["event_id"]).to_numpy()
    given = rows["event_class"].where(rows["state"] != "alone", rows["other_class"])
    own = {"state": rows["state"], "given": given, "error_s": error_s}
    return pd.DataFrame({"event_id": rows["event_id"]} | {f"{system} {name}": values for name, values in own.items()})


def alarms(matched: Matched, begin: pd.Timestamp) -> pd.DataFrame:
    """Detections: event_class, onset_s and end_s after ``begin``, probability, state, touches (another class)."""
    rows = after(matched.detections, begin).rename(columns={"other_class": "touches"})
    return rows[["event_class", "onset_s", "end_s", "probability", "state", "touches"]]


def after(rows: pd.DataFrame, begin: pd.Timestamp) -> pd.DataFrame:
    """Rows with onset_s and end_s, seconds after ``begin``."""
    return rows.assign(**{f"{name}_s": (rows[name] - begin).dt.total_seconds() for name in ("onset", "end")})


def arrays_of(tables: dict[str, pd.DataFrame]) -> dict[str, np.ndarray]:
    """Columns of tables as arrays TABLE|COLUMN, without times, which are there in seconds."""
    return {f"{n}|{name}": _small(rows[name]) for n, rows in tables.items() for name in rows if name not in _TIMES}


def tables_of(arrays: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Table -> column -> array, of arrays TABLE|COLUMN; those of other names are left out."""
    tables: dict[str, dict[str, np.ndarray]] = {}
    for name, values in arrays.items():
        table, found, column = name.partition("|")
        if found:
            tables.setdefault(table, {})[column] = values
    return tables


def _small(values: pd.Series) -> np.ndarray:
    if values.dtype.kind == "f":
        return values.to_numpy("f8" if values.name in _SECONDS else "f4")
    if values.dtype.kind in "iu":
        return values.to_numpy("i4")
    return values.to_numpy(bool) if values.dtype.kind == "b" else values.fillna("").to_numpy(str)
