"""Windows of a twin for training, validation and test, cut from its archive by its catalogue as recorded ones would be.

Labels are the catalogue's, with all that is wrong with them. What really happened stands beside them in the table and
is for judging results only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tremorlab import study as studies
from tremorlab.catalog import splits
from tremorlab.catalog.sources import of_study
from tremorlab.classify.training import NOISE, Examples
from tremorlab.dataset.windows import cut, plan
from tremorlab.errors import DatasetError
from tremorlab.twin.keep import kept
from tremorlab.twin.scenario import Scenario
from tremorlab.waveform.sources import open_source

PARTS = ("train", "validation", "test")

#: Between two periods, so that no window and no coda reaches from one into the next (s).
_APART_S = 600


class TwinWindows(BaseModel):
    """Which twin, and how its windows are cut and divided."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenario: Scenario
    split: Literal["period", "event", "station", "random"] = Field(
        "period",
        description="period: one span of time after the other; event: whole events; station: the last station is the "
        "test, the events of the others are divided; random: single windows",
    )
    shares: tuple[float, float, float] = Field((0.45, 0.15, 0.4), description="of training, validation and test")
    onset: Literal["fixed", "anywhere"] = Field("anywhere", description="where onsets lie in a window")
    draws: int = Field(
        1, ge=1, description="times that each training event is cut, its onset drawn anew; of a split by period only"
    )
    most: dict[str, int] = Field({}, description="class -> most windows to train on, whole events drawn at random")
    seed: int = Field(1, ge=0, description="seed of the division and of what is left out")

    @model_validator(mode="after")
    def _drawn(self):
        if self.draws > 1 and (self.onset, self.split) != ("anywhere", "period"):
            raise ValueError(f"draws = {self.draws} wants onsets anywhere and a split by period")
        return self

    def periods(self) -> dict[str, list[tuple]]:
        """Part -> its span of time, ten minutes from the next."""
        bounds = np.cumsum([0, *self.shares]) / sum(self.shares) * self.scenario.duration_s
        begin = self.scenario.begin
        return {
            name: [(begin + float(low), begin + float(high) - _APART_S)]
            for name, low, high in zip(PARTS, bounds[:-1], bounds[1:], strict=True)
        }


@dataclass(frozen=True, eq=False)
class Part:
    """Windows of training, validation or test.

    Attributes
    ----------
    examples : Examples
        Waveforms (windows, components, samples), m/s or counts as the study says, and classes counted from 0.
    table : pandas.DataFrame
        One row a window: event_id, event_class (as catalogued), station, onset_s; and from the truth of the twin
        true_class, snr_db (2-8 Hz), distance_km and hidden (events in a noise window).
    """

    examples: Examples
    table: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Divided:
    """All windows of a twin, by part; classes in the order in which they are counted."""

    classes: tuple[str, ...]
    study: studies.Study
    train: Part
    validation: Part
    test: Part


def divided(settings: TwinWindows, *, workers: int = 1) -> Divided:
    """Simulate the twin unless it is kept, cut its windows and divide them.

    Raises
    ------
    DatasetError
        A class has no window in a part.
    """
    file = kept(settings.scenario, workers=workers)
    study = studies.load(file)
    study = study.model_copy(update={"window": study.window.model_copy(update={"onset": settings.onset})})
    truth = pd.read_csv(file.parent / "truth.csv")
    waveforms, table = _cut(study, truth)
    split = divide(table, settings)
    trained = set(table["event_id"][(split == "train") & (table["event_class"] != NOISE)])
    for draw in range(1, settings.draws):
        more, rows = _cut(study.model_copy(update={"seed": study.seed + draw}), truth, trained)
        own = (divide(rows, settings) == "train").to_numpy()
        waveforms = np.concatenate([waveforms, more[own]])
        table = pd.concat([table, rows[own]], ignore_index=True)
    split = split.reindex(table.index, fill_value="train")
    classes = tuple(study.classes)
    parts = []
    for name in PARTS:
        chosen = (split == name).to_numpy()
        if name == "train" and settings.most:
            chosen &= _fewer(table, chosen, settings)
        labels = table["event_class"][chosen].map(classes.index).to_numpy(int)
        for absent in sorted(set(range(len(classes))) - set(labels)):
            raise DatasetError(
                f"{name} windows of {study.name}", f"hold no {classes[absent]}", "Simulate a longer twin"
            )
        parts.append(Part(Examples(waveforms[chosen], labels), table[chosen].reset_index(drop=True)))
    return Divided(classes, study, *parts)


def _cut(study, truth, events=None):
    """Windows of a twin's study, of some events or all, with the truth about them."""
    wanted = plan(of_study(study), study)
    if events is not None:
        wanted = wanted[wanted["event_id"].isin(events)]
    found = cut(wanted, open_source(study), study)
    return found.waveforms, with_truth(found.windows, truth)


def divide(table: pd.DataFrame, settings: TwinWindows) -> pd.Series:
    """Part of every window, "" for none; ``table`` has event_id, event_class, station, start and end."""
    shares = dict(zip(PARTS, settings.shares, strict=True))
    if settings.split == "period":
        return splits.by_period(table, settings.periods())
    if settings.split == "random":
        return splits.at_random(table, shares, settings.seed)
    if settings.split == "event":
        return splits.by_event(table, shares, settings.seed)
    last = settings.scenario.geometry.stations[-1]
    there = (table["station"] == f"{last.network}.{last.station}").to_numpy()
    known = settings.shares[0] + settings.shares[1]
    part = splits.by_event(
        table[~there], {"train": settings.shares[0] / known, "validation": settings.shares[1] / known}, settings.seed
    )
    return part.astype(str).reindex(table.index, fill_value="test")


def with_truth(windows: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Set true_class, snr_db, distance_km and hidden of the twin's truth beside windows of its catalogue."""
    truth = truth.dropna(subset="catalogue_id").drop_duplicates(["catalogue_id", "station"])
    truth = truth.rename(columns={"event_class": "true_class", "catalogue_id": "event_id"})
    told = truth[["event_id", "station", "true_class", "snr_db", "distance_km", "hidden"]]
    return windows.merge(told, "left", ["event_id", "station"], validate="m:1")


def _fewer(table: pd.DataFrame, chosen: np.ndarray, settings: TwinWindows) -> np.ndarray:
    """Which windows stay: events in random order until a class has as many windows as it may have."""
    stay = np.ones(len(table), bool)
    rng = np.random.default_rng(settings.seed)
    for name, most in sorted(settings.most.items()):
        rows = np.flatnonzero(chosen & (table["event_class"] == name).to_numpy())
        events, member = np.unique(table["event_id"].to_numpy()[rows], return_inverse=True)
        order = np.argsort(rng.permutation(len(events))[member], kind="stable")
        stay[rows[order[most:]]] = False
    return stay
