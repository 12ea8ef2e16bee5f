"""Recordings searched as they came: networks that have seen nothing but a twin, and the classical detector.

Rules are those that were chosen for a simulated month. Catalogues of recordings are not complete, so a detection
without an entry is unconfirmed, not false; only hours that somebody has looked through and found empty count against
it.

Answers are probabilities and amplitudes every few seconds and tables of events, not records: they may come with the
compendium, and only computing them needs recordings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from obspy import UTCDateTime
from pydantic import BaseModel, ConfigDict, Field

from tremorlab import study as studies
from tremorlab.catalog.sources import of_study
from tremorlab.classify.training import NOISE
from tremorlab.classify.transfer import CLASSES
from tremorlab.detect.matching import match
from tremorlab.experiment import searchers, store
from tremorlab.experiment.records import Month, searched
from tremorlab.experiment.rules import decide, table_of
from tremorlab.study import Study
from tremorlab.waveform.sources import open_source

MODULES = ("tremorlab.experiment.recorded_days",)

#: Seconds by which a catalogued event keeps an hour from being empty.
_CODA_S = 600.0


class Stretch(BaseModel):
    """A stretch of the records of a study, at all of its stations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str
    start: str = Field(description="UTC, as 2009-03-20T17:20:00Z")
    hours: float = Field(gt=0)

    @property
    def begin(self) -> UTCDateTime:
        """Start as a time."""
        return UTCDateTime(self.start)


class Days(BaseModel):
    """Who searches, by which rules, and what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_]+$", description="names the file; does not count")
    month: Month = Field(description="whose searchers and rules are taken")
    stretches: tuple[Stretch, ...] = Field(min_length=1)


@dataclass(frozen=True, eq=False)
class Found:
    """What each system found in recordings.

    Attributes
    ----------
    classes, systems : tuple of str
    events : pandas.DataFrame
        One row a catalogued event and station: study, station, event_id, catalogued (class), sought (class of the
        networks, or ""), onset_s after the start of the stretch, recorded, and for each system ``SYSTEM state`` and
        ``SYSTEM given`` as `tremorlab.experiment.records.Searched` has them.
    alarms : pandas.DataFrame
        One row a detection: study, station, system, event_class, onset_s, end_s, probability, state, touches.
    stations : pandas.DataFrame
        study, station, start, hours (of record with probabilities).
    strips : dict
        Study -> arrays at its first station: amplitude (steps,) and probabilities (steps, classes) of each network.
    answer : store.Answer
    """

    classes: tuple[str, ...]
    systems: tuple[str, ...]
    events: pd.DataFrame
    alarms: pd.DataFrame
    stations: pd.DataFrame
    strips: dict[str, dict[str, np.ndarray]]
    answer: store.Answer


def recorded_days(asked: Days, *, again: bool = False, shipped: bool = True, workers: int | None = None) -> Found:
    """Search recordings; parameters as for `tremorlab.experiment.trained.result`.

    Raises
    ------
    DataMissingError
        The answer is not kept, and recordings are not on this machine.
    """
    found = store.answer(asked, lambda: _compute(asked, workers), modules=MODULES, again=again, shipped=shipped)
    texts = (tuple(found.arrays[name].tolist()) for name in ("classes", "systems"))
    tables = searchers.tables_of(found.arrays)
    frames = [pd.DataFrame(tables[name]) for name in ("events", "alarms", "stations")]
    return Found(*texts, *frames, {stretch.study: tables[stretch.study] for stretch in asked.stretches}, found)


def empty_hours(found: Found, study: str, first_hour: int, last_hour: int) -> tuple[pd.DataFrame, int]:
    """Detections in the hours of a night in which nothing is catalogued.

    Parameters
    ----------
    found
        Result.
    study
        Of one stretch that starts at midnight UTC and holds the night in one or two pieces.
    first_hour, last_hour
        UTC hours of the night, the last one outside; a night over midnight has the larger first.

    Returns
    -------
    alarms : pandas.DataFrame
        Rows of `Found.alarms` whose onset is in such an hour.
    hours : int
        Number of these hours: none of them, and no ten minutes before, holds the onset of a catalogued event.
    """
    over = first_hour > last_hour
    night = [h for h in range(24) if (h >= first_hour or h < last_hour) if over or first_hour <= h < last_hour]
    onset = found.events.loc[found.events["study"] == study, "onset_s"].to_numpy()
    empty = [h for h in night if not ((onset >= 3600 * h - _CODA_S) & (onset < 3600 * (h + 1))).any()]
    own = found.alarms[found.alarms["study"] == study]
    return own[(own["onset_s"] // 3600).isin(empty)], len(empty)


def _compute(asked: Days, workers: int | None) -> dict[str, np.ndarray]:
    sources = [(stretch, *_opened(stretch)) for stretch in asked.stretches]  # missing recordings are said at once
    rules = searched(asked.month, workers=workers).rules.alone
    using = searchers.systems(asked.month.searchers, workers)
    classes = list(using.study.classes)
    events, alarms, stations, strips = [], [], [], {}
    for stretch, study, source in sources:
        start, end = stretch.begin, stretch.begin + 3600 * stretch.hours
        begin = pd.Timestamp(start.ns, tz="UTC")
        for number, seed_id in enumerate(study.stations):
            heard = searchers.hear(source, seed_id, start, end, using)
            code = ".".join(seed_id.split(".")[:2])
            own = _catalogue(study, code, start, end, classes)
            where = {"study": stretch.study, "station": code}
            for name, chosen in rules.items():
                decided = table_of(decide(heard, name, chosen))
                matched = match(decided, own, asked.month.criterion.tolerance_s)
                own = own.merge(searchers.states(matched, name), on="event_id", validate="1:1")
                alarms.append(searchers.alarms(matched, begin).assign(system=name, **where))
            events.append(searchers.after(own, begin).assign(recorded=heard.at(own["onset"]), **where))
            stations.append(where | {"start": stretch.start, "hours": heard.hours})
            if not number:
                strip = searchers.strip(heard, source, seed_id, start, end, using.study)
                strips |= {f"{stretch.study}|{name}": values for name, values in strip.items()}
    made = {"classes": np.array(classes), "systems": np.array(list(rules))}
    tables = {"events": pd.concat(events), "alarms": pd.concat(alarms), "stations": pd.DataFrame(stations)}
    return made | searchers.arrays_of(tables) | strips


def _opened(stretch: Stretch):
    study = studies.load(stretch.study)
    source = open_source(study)
    source.get(study.stations[0], stretch.begin, stretch.begin + 60)
    return study, source


def _catalogue(study: Study, station: str, start: UTCDateTime, end: UTCDateTime, classes: list[str]) -> pd.DataFrame:
    """Catalogued events of a station, those of our classes under our names."""
    catalog = of_study(study)
    low, high = (pd.Timestamp(time.ns, tz="UTC") for time in (start, end))
    here = (catalog["station"] == station) | (catalog["station"] == "")
    rows = catalog[here & (catalog["event_class"] != NOISE) & (catalog["onset"] >= low) & (catalog["onset"] < high)]
    shared = {own: gathered for gathered, names in CLASSES.items() for own in names}
    ours = {shared[name]: name for name in classes if name in shared}
    sought = rows["event_class"].map(shared).map(ours).fillna("")
    table = rows[["event_id", "onset", "end"]].assign(catalogued=rows["event_class"], sought=sought)
    return table.assign(event_class=sought.where(sought != "", rows["event_class"])).reset_index(drop=True)
