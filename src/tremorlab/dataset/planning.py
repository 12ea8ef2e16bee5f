"""Which windows a catalogue asks for, and where they lie.

Window starts are moved to the nearest sample of the study's grid (k samples after 0 h UTC of the day of the
start; at most 20 ms at 25 Hz), so that one preparation of a stretch of record serves all windows in it. The
onset after the *moved* start is recorded, so nothing is lost by it.

Where onsets lie in training windows decides what a network can do later: one that has only seen onsets early in
the window waits, in a continuous record, until the onset has drifted there. ``study.window.onset = "anywhere"``
draws them from the whole window but its last FFT, so that at least one spectrum holds the event.
"""

import zlib
from collections import Counter
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from tremorlab.catalog.table import validate
from tremorlab.errors import DatasetError
from tremorlab.study import Study

#: Column -> meaning; one row a window.
COLUMNS = {
    "window_id": "event, station and number of the tile; the same in every run",
    "event_id": "event of the catalogue",
    "event_class": "class of the study",
    "station": "NET.STA",
    "seed_id": "NET.STA.LOC.CHA, wildcards as in the study",
    "start": "first sample of the window, UTC (margins of the running spectrum not counted)",
    "end": "one sample after the last, UTC",
    "onset_s": "onset in seconds after start; NaN for tiles of long events and for noise",
    "source": "who labelled the event",
    "reliability": "high, medium or low",
}
TIME = "datetime64[ns, UTC]"

#: Characters that make a station code stand for several stations.
_WILD = set("*?[")


def plan(catalog: pd.DataFrame, study: Study) -> pd.DataFrame:
    """List the windows that a catalogue asks for: every event at every station that it holds for.

    A short event, or one of unknown end, gets one window that starts ``study.window.onset_s`` before the onset.
    An event at least as long as the window (to within one sample) is covered from its onset by windows end to end that
    lie wholly inside, if ``study.window.tile``. So is a span of noise; it gets none when it is too short.

    With ``study.window.onset = "anywhere"`` the first window of every event, short or long, has its onset at a place
    drawn for that event and station from ``study.seed``; the windows of a long event follow on it end to end. Noise
    has no onset and is planned as before.

    Parameters
    ----------
    catalog
        Events in the schema of `tremorlab.catalog.table`.
    study
        Says which classes and stations take part, and where windows lie.

    Returns
    -------
    pandas.DataFrame
        Columns as in `COLUMNS`. ``attrs["left_out"]`` counts the events without any window, there where
        the reason says.

    Raises
    ------
    CatalogError
        The catalogue breaks the schema.
    DatasetError
        An event names no station, and the study names one by wildcards only.
    """
    rows, left_out = [], set()
    for event in validate(catalog, f"catalogue of study {study.name}").itertuples():
        event_class = study.class_of(event.event_class)
        if event_class is None:
            left_out.add((f"class {event.event_class} is not in the study", event.event_id))
            continue
        channels = _channels(event, study)
        if not channels:
            left_out.add((f"station {event.station} is not in the study", event.event_id))
        elif not _starts(event, study, ""):
            left_out.add(("noise of unknown end, or shorter than a window", event.event_id))
        for name, station, seed_id in channels:
            for tile, (start, onset_s) in enumerate(_starts(event, study, name)):
                window_id = f"{event.event_id}_{name}_{tile:03d}"
                row = (window_id, event.event_id, event_class, station, seed_id, start, pd.NaT, onset_s)
                rows.append((*row, event.source, event.reliability))
    windows = pd.DataFrame(rows, columns=list(COLUMNS))
    windows["start"] = pd.to_datetime(windows["start"], utc=True)
    times = {"start": TIME, "end": TIME, "onset_s": "float64"}
    windows = _on_grid(windows, study).astype({name: times.get(name, "str") for name in COLUMNS})
    windows.attrs["left_out"] = dict(Counter(reason for reason, _ in sorted(left_out)))
    return windows


def check(plan: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return a plan with rows counted from 0, times in UTC and starts on the grid.

    Raises
    ------
    DatasetError
        Columns are missing, times have no zone, a window occurs twice or has another length than the study's.
    """
    remedy = "Make the plan with tremorlab.dataset.windows.plan and the same study"
    if missing := [name for name in COLUMNS if name not in plan.columns]:
        raise DatasetError("plan", f"column(s) {', '.join(missing)} missing", remedy)
    for name in ("start", "end"):
        if not isinstance(plan[name].dtype, pd.DatetimeTZDtype):
            raise DatasetError("plan", f"column {name!r} is {plan[name].dtype}, not a time in UTC", remedy)
    plan = plan.reset_index(drop=True)
    length_s = (plan["end"] - plan["start"]).dt.total_seconds()
    for row in plan.index[~np.isclose(length_s, study.window_s, atol=1e-3)]:
        raise DatasetError(
            f"plan, window {plan['window_id'][row]}",
            f"is {length_s[row]:g} s long, and a window of study {study.name} is {study.window_s:g} s",
            remedy,
        )
    for row in plan.index[plan["window_id"].duplicated()]:
        raise DatasetError("plan", f"window {plan['window_id'][row]} occurs twice", "Leave one of them out")
    plan[["start", "end"]] = plan[["start", "end"]].apply(lambda times: times.dt.tz_convert("UTC"))
    return _on_grid(plan, study)


def _channels(event, study):
    """Name for the window id, NET.STA and SEED pattern of each channel group that an event is cut from."""
    found = []
    for pattern in study.stations:
        network, code, rest = pattern.split(".", 2)
        station = f"{network}.{code}"
        if event.station and not set(event.station) & _WILD:
            if not fnmatchcase(event.station, station):
                continue
            station = event.station
        elif set(station) & _WILD:
            raise DatasetError(
                f"study {study.name}, station {pattern}",
                f"event {event.event_id} holds for all stations, and wildcards do not say which these are",
                "List the stations one by one, or name the station in the catalogue",
            )
        elif event.station and not fnmatchcase(station, event.station):
            continue
        found.append((station, f"{station}.{rest}"))
    often = Counter(station for station, _ in found)  # e.g. short-period and broadband sensor of one station
    return [(station if often[station] == 1 else seed_id, station, seed_id) for station, seed_id in found]


def _starts(event, study, station):
    """Nominal starts of the windows of an event at a station, each with the onset in seconds after it."""
    length = _length(study)
    noise = event.event_class == "noise"
    before_s = 0.0 if noise or study.window.onset == "fixed" else _drawn_onset_s(event.event_id, station, study)
    first = event.onset - pd.Timedelta(round(before_s * 1e9), "ns")
    sample = pd.Timedelta(1 / study.preparation.sampling_rate_hz, "s")
    tiles = 0 if pd.isna(event.end) else (event.end - first + sample) // length
    if not study.window.tile:
        tiles = min(tiles, int(noise))
    if study.window.onset == "anywhere" and not noise:
        return [(first + k * length, np.nan if k else before_s) for k in range(max(tiles, 1))]
    if not noise and not tiles:
        return [(event.onset - pd.Timedelta(study.window.onset_s, "s"), study.window.onset_s)]
    return [(first + k * length, np.nan) for k in range(tiles)]


def _drawn_onset_s(event_id, station, study):
    """Drawn for each event and station from their names, so that a plan of part of a catalogue is part of the plan."""
    latest_s = study.window_s - study.running_spectrum.fft_samples / study.preparation.sampling_rate_hz
    rng = np.random.default_rng([study.seed, zlib.crc32(f"{event_id}_{station}".encode())])
    return rng.uniform(0, latest_s)


def _length(study):
    return pd.Timedelta(round(study.window.samples * 1e9 / study.preparation.sampling_rate_hz), "ns")


def _on_grid(windows, study):
    """Move starts to the nearest sample after midnight, and onset_s and end with them."""
    rate = study.preparation.sampling_rate_hz
    start = windows["start"].dt.as_unit("ns")
    midnight = start.dt.floor("D")
    sample = np.rint((start - midnight).astype("int64") * (rate / 1e9))
    moved = midnight + pd.to_timedelta(np.rint(sample / rate * 1e9).astype("int64"), unit="ns")
    onset_s = windows["onset_s"] - (moved - start).dt.total_seconds()
    return windows.assign(start=moved, end=moved + _length(study), onset_s=onset_s)
