"""Windows of continuous records that nobody has labelled, drawn at random times; of twins, with what they hold.

A window of a twin is of a class if it holds enough of an event of that class that rises over the noise, and no such
event of another kind. Where events of two kinds meet, or one is too faint or too short in the window to say, it is
"unclear": whoever is asked for a label cannot give one, and has spent the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from obspy import UTCDateTime
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from tremorlab import study as studies
from tremorlab.classify.training import NOISE
from tremorlab.errors import DatasetError
from tremorlab.study import Preparation, Study
from tremorlab.twin.keep import kept
from tremorlab.twin.scenario import Scenario
from tremorlab.waveform.prepare import prepare, reach_s
from tremorlab.waveform.sources import Source, open_source

#: What a window is called that no class can be told of.
UNCLEAR = "unclear"

#: An event counts that lasts this long in the window, or lies in it by half (s).
_LEAST_S = 10.0

#: Signal-to-noise ratios (dB, 2-8 Hz) above which an event is seen, and below which nobody would see it.
_SEEN_DB, _UNSEEN_DB = 3.0, -5.0

_DAY_S = 86_400


class TwinRecord(BaseModel):
    """The record of a simulated network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["twin"] = "twin"
    scenario: Scenario


class StudyRecord(BaseModel):
    """A stretch of the records of a study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["study"] = "study"
    study: str
    start: str = Field(description="UTC")
    days: PositiveInt = 1


Record = Annotated[TwinRecord | StudyRecord, Field(discriminator="kind")]


def opened(record: Record) -> tuple[Study, Source, UTCDateTime, int]:
    """Study, source, start and days of a record.

    Raises
    ------
    DataMissingError
        The recordings are not on this machine.
    """
    if record.kind == "twin":
        study = studies.load(kept(record.scenario, workers=1))
        return study, open_source(study), record.scenario.begin, record.scenario.days
    study = studies.load(record.study)
    source, start = open_source(study), UTCDateTime(record.start)
    source.get(study.stations[0], start, start + 60)
    return study, source, start, record.days


def drawn(
    record: Record,
    preparation: Preparation,
    components: str,
    count: int,
    samples: int,
    seed: int,
    share: tuple[float, float] = (0.0, 1.0),
) -> tuple[np.ndarray, pd.DataFrame]:
    """Windows at random times, as many of each day and station as of every other.

    Parameters
    ----------
    record
        Where from.
    preparation, components
        As `tremorlab.waveform.prepare.prepare` takes them.
    count
        Windows altogether.
    samples
        Of each.
    seed
        Of the times.
    share
        Part of the days that is drawn from, whole days.

    Returns
    -------
    numpy.ndarray of float32, (windows, components, samples)
    pandas.DataFrame
        station (NET.STA), start and end (ns since 1970) of each window.

    Raises
    ------
    DatasetError
        No window of a day is whole, at any station.
    """
    study, source, begin, days = opened(record)
    rng = np.random.default_rng(seed)
    chosen = range(*(round(edge * days) for edge in share))
    stretches = [(station, begin + _DAY_S * day) for day in chosen for station in study.stations]
    counts = np.diff(np.linspace(0, count, len(stretches) + 1).round().astype(int))
    parts, rows = [], []
    for (station, start), number in zip(stretches, counts, strict=True):
        data, valid = _prepared(source, station, start, preparation, components)
        for first in _whole(valid, samples, number, rng):
            parts.append(data[:, first : first + samples])
            at = start.ns + round(first / preparation.sampling_rate_hz * 1e9)
            rows.append(
                (".".join(station.split(".")[:2]), at, at + round(samples / preparation.sampling_rate_hz * 1e9))
            )
    if not parts:
        raise DatasetError(
            f"record of {study.name}", f"has no whole window of {samples} samples", "Take another stretch"
        )
    return np.stack(parts).astype("f4"), pd.DataFrame(rows, columns=["station", "start", "end"])


def labels(record: TwinRecord, windows: pd.DataFrame, classes: tuple[str, ...]) -> np.ndarray:
    """What each window of a twin holds: a class, "noise" or `UNCLEAR`.

    Parameters
    ----------
    record
        The twin.
    windows
        station, start and end, as `drawn` gives them.
    classes
        That may be told; events of other kinds are unclear.
    """
    truth = pd.read_csv(kept(record.scenario, workers=1).parent / "truth.csv", keep_default_na=False)
    truth = truth[truth["event"] >= 0]
    events = {
        station: (
            *(
                pd.to_datetime(own[name], utc=True).dt.as_unit("ns").astype("int64").to_numpy()
                for name in ("onset", "end")
            ),
            pd.to_numeric(own["snr_db"]).to_numpy(),
            own["event_class"].to_numpy(),
        )
        for station, own in truth.groupby("station")
    }
    return np.array([_label(row, events.get(row.station), classes) for row in windows.itertuples()])


def _label(window, events, classes):
    if events is None:
        return NOISE
    onset, end, snr_db, kinds = events
    inside_s = (np.minimum(end, window.end) - np.maximum(onset, window.start)) / 1e9
    enough = inside_s >= np.minimum(_LEAST_S, (end - onset) / 2e9)
    seen = set(kinds[enough & (inside_s > 0) & (snr_db >= _SEEN_DB)])
    doubtful = (inside_s > 0) & (snr_db >= _UNSEEN_DB)
    if not doubtful.any():
        return NOISE
    return seen.pop() if len(seen) == 1 and seen <= set(classes) else UNCLEAR


def _prepared(source, station, start, preparation, components):
    """A day of a station, prepared, and which samples are known."""
    reach = reach_s(preparation)
    stream = source.get(station, start - reach, start + _DAY_S + reach)
    made = prepare(stream, start, start + _DAY_S, components=components, settings=preparation)
    return made.data, made.valid


def _whole(valid, samples, count, rng) -> Iterator[int]:
    """First samples of so many windows without an unknown sample, at random."""
    lost = np.concatenate([[0], np.cumsum(~valid)])
    possible = np.flatnonzero(lost[samples:] == lost[:-samples])
    if len(possible):
        yield from np.sort(rng.choice(possible, count))
