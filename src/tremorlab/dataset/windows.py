"""Cut labelled windows out of continuous records.

`plan` says which windows a catalogue asks for; `station_days` reads the records and cuts them, one station and
one UTC day after the other, so that memory does not grow with the catalogue; `cut` gathers all of them in one array.

Window starts are moved to the nearest sample of the study's grid (k samples after 0 h UTC of the day of the
start; at most 20 ms at 25 Hz), so that one preparation of a stretch of record serves all windows in it. The
onset after the *moved* start is recorded, so nothing is lost by it.

A day that many windows fall on is read once and as a whole; on other days each window, or cluster of windows
that overlap, is sought and read by itself. In both cases only the stretches that windows need are prepared.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
from obspy import UTCDateTime
from tqdm import tqdm

from tremorlab.catalog.table import validate
from tremorlab.dataset.spectra import margin_samples
from tremorlab.errors import DatasetError, WaveformError
from tremorlab.study import Study
from tremorlab.waveform.prepare import prepare, reach_s
from tremorlab.waveform.sources import Source

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
_TIME = "datetime64[ns, UTC]"
_SKIPPED = ("window_id", "reason")
_FLAGS = ("window_id", "kind", "seed_id", "start", "end", "detail")

#: From this many windows a station-day is read as a whole: a day costs about as much to decode as this many seeks.
DENSE = 30

#: Flags that say why samples are not valid; those of other kinds leave the samples usable.
_MISSING = ("gap", "missing_component", "non_finite")


@dataclass(frozen=True)
class Cut:
    """Windows that could be cut, and what became of the others.

    Attributes
    ----------
    waveforms : float32 (windows, components, samples), with `spectra.margin_samples` more at both ends
    windows : the rows of the plan that were cut, in the order of `waveforms`
    skipped : window_id and reason of those that were not
    flags : window_id, kind, seed_id, start, end and detail of what was found in the windows that were cut
    """

    waveforms: np.ndarray
    windows: pd.DataFrame
    skipped: pd.DataFrame
    flags: pd.DataFrame


def plan(catalog: pd.DataFrame, study: Study) -> pd.DataFrame:
    """List the windows that a catalogue asks for: every event at every station that it holds for.

    A short event, or one of unknown end, gets one window that starts ``study.window.onset_s`` before the onset.
    An event longer than the window is covered from its onset by windows end to end that lie wholly inside
    (to within one sample), if ``study.window.tile``. So is a span of noise; it gets none when it is too short.

    Parameters
    ----------
    catalog
        Events in the schema of `tremorlab.catalog.table`.
    study
        Says which classes and stations take part, and where windows lie.

    Returns
    -------
    pandas.DataFrame
        Columns as in `COLUMNS`. ``attrs["left_out"]`` counts the events without any window by reason.

    Raises
    ------
    CatalogError
        The catalogue breaks the schema.
    DatasetError
        An event names no station, and the study names one by wildcards only.
    """
    rows, left_out = [], Counter()
    for event in validate(catalog, f"catalogue of study {study.name}").itertuples():
        event_class = study.class_of(event.event_class)
        if event_class is None:
            left_out[f"class {event.event_class} is not in the study"] += 1
            continue
        channels = _channels(event, study)
        starts, onset_s = _starts(event, study)
        if not channels:
            left_out[f"station {event.station} is not in the study"] += 1
        elif not starts:
            left_out["noise of unknown end, or shorter than a window"] += 1
        for name, station, seed_id in channels:
            for tile, start in enumerate(starts):
                window_id = f"{event.event_id}_{name}_{tile:03d}"
                row = (window_id, event.event_id, event_class, station, seed_id, start, pd.NaT, onset_s)
                rows.append((*row, event.source, event.reliability))
    windows = pd.DataFrame(rows, columns=list(COLUMNS))
    windows["start"] = pd.to_datetime(windows["start"], utc=True)
    times = {"start": _TIME, "end": _TIME, "onset_s": "float64"}
    windows = _on_grid(windows, study).astype({name: times.get(name, "str") for name in COLUMNS})
    windows.attrs["left_out"] = dict(left_out)
    return windows


def cut(plan: pd.DataFrame, source: Source, study: Study, *, progress: bool = False) -> Cut:
    """Cut all windows of a plan into one array; rows keep the order of the plan.

    The array is made for all rows at once: 50 kB for a window of three components. For more windows than memory
    holds, go through `station_days`, or use `tremorlab.dataset.store.build`.

    Parameters
    ----------
    plan
        From `plan`, or a selection of its rows.
    source
        Where the records are.
    study
        The study that the plan was made for.
    progress
        Show a bar that counts station-days.

    Returns
    -------
    Cut
        A window with a sample that is not valid (gap, end of record, missing component), a component that is
        constant, or a record that cannot be read is in ``skipped`` with the reason.

    Raises
    ------
    DatasetError
        The plan lacks columns, repeats a window, or was made for another length of window.
    DataMissingError
        The source has no data at all.
    """
    plan = _checked(plan, study)
    waveforms = np.empty((len(plan), *_shape(study)), np.float32)
    kept = np.zeros(len(plan), bool)
    skipped, flags = [], []
    for station_day, windows in _station_days(plan, progress):
        kept[windows.index], *report = _fill(waveforms, windows.index, windows, station_day, source, study)
        skipped += report[0]
        flags += report[1]
    for i, row in enumerate(np.flatnonzero(kept)):  # in place: a copy would double the memory
        if i != row:
            waveforms[i] = waveforms[row]
    order = dict(zip(plan["window_id"], plan.index, strict=True))
    for rows in (skipped, flags):
        rows.sort(key=lambda row: order[row[0]])
    return Cut(
        waveforms[: kept.sum()], plan[kept].reset_index(drop=True), _frame(skipped, _SKIPPED), _frame(flags, _FLAGS)
    )


def station_days(plan: pd.DataFrame, source: Source, study: Study, *, progress: bool = False) -> Iterator[Cut]:
    """Cut the windows of a plan, one station and one UTC day (of the window start) at a time.

    Parameters and errors are those of `cut`. The index of ``windows`` in each part counts the rows of the plan.
    """
    plan = _checked(plan, study)
    for station_day, windows in _station_days(plan, progress):
        waveforms = np.empty((len(windows), *_shape(study)), np.float32)
        kept, skipped, flags = _fill(waveforms, range(len(windows)), windows, station_day, source, study)
        yield Cut(
            waveforms if kept.all() else waveforms[kept],
            windows[kept],
            _frame(skipped, _SKIPPED),
            _frame(flags, _FLAGS),
        )


def _shape(study):
    return len(study.components), study.window.samples + 2 * margin_samples(study.running_spectrum)


def _station_days(plan, progress):
    days = plan.groupby(["seed_id", plan["start"].dt.floor("D")], sort=True)
    return tqdm(days, desc="station-days", unit="day", disable=not progress)


def _fill(waveforms, rows, windows, station_day, source, study):
    """Cut the windows of a station-day into ``rows`` of an array; say which were kept, and report."""
    seed_id, midnight = station_day
    rate, samples = study.preparation.sampling_rate_hz, _shape(study)[1]
    reach_ns = round(reach_s(study.preparation) * 1e9)
    first = np.rint((windows["start"].astype("int64").to_numpy() - midnight.value) * (rate / 1e9)).astype(int)
    first -= margin_samples(study.running_spectrum)
    begin = midnight.value + np.rint(first * (1e9 / rate)).astype("int64")
    end = midnight.value + np.rint((first + samples) * (1e9 / rate)).astype("int64")
    ids = windows["window_id"].to_numpy()
    reasons, flags = {}, []

    def read(members):
        start, stop = UTCDateTime(ns=int(begin[members].min())), UTCDateTime(ns=int(end[members].max()))
        stream = source.get(seed_id, start - reach_ns / 1e9, stop + reach_ns / 1e9)
        if not stream:
            raise WaveformError(f"{seed_id}, {start} to {stop}", "no record", "Compare with what the source holds")
        return stream

    day = None
    for members in _stretches(first, samples, gap=int(2 * reach_ns * rate / 1e9)):
        try:
            if len(windows) >= DENSE:
                day = stream = day or read(np.arange(len(windows)))
            else:
                stream = read(members)
            record = prepare(
                stream,
                UTCDateTime(ns=int(begin[members[0]])),
                UTCDateTime(ns=int(end[members[-1]])),
                components=study.components,
                settings=study.preparation,
            )
        except WaveformError as error:
            reasons |= dict.fromkeys(members, str(error))
            continue
        times = np.array([(flag.start.ns, flag.end.ns) for flag in record.flags]).reshape(-1, 2)
        for i in members:
            part = slice(first[i] - first[members[0]], first[i] - first[members[0]] + samples)
            near = np.flatnonzero((times[:, 0] <= end[i] + reach_ns) & (times[:, 1] >= begin[i] - reach_ns))
            found = [record.flags[k] for k in near]
            reason = _invalid(record.valid[part], found) or _constant(stream, begin[i], end[i], found)
            if reason:
                reasons[i] = reason
                continue
            waveforms[rows[i]] = record.data[:, part]
            flags += [
                (ids[i], f.kind, f.seed_id, _timestamp(f.start), _timestamp(f.end), f.detail)
                for f in found
                if f.start.ns <= end[i] and f.end.ns >= begin[i]
            ]
    kept = np.array([i not in reasons for i in range(len(windows))])
    return kept, [(ids[i], reasons[i]) for i in sorted(reasons)], flags


def _stretches(first, samples, gap):
    """Positions of windows, sorted by first sample and parted where more than ``gap`` samples lie between two."""
    order = np.argsort(first, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(first[order]) > samples + gap) + 1)


def _invalid(valid, flags):
    """Say why samples of a window are not valid, or nothing."""
    if valid.all():
        return ""
    causes = [f"{f.kind} in {f.seed_id}, {f.start} to {f.end}" for f in flags if f.kind in _MISSING]
    more = f" and {len(causes) - 3} more" if len(causes) > 3 else ""
    invalid = np.count_nonzero(~valid)
    return f"{invalid} of {len(valid)} samples are not valid: {'; '.join(causes[:3]) or 'no record'}{more}"


def _constant(stream, begin_ns, end_ns, flags):
    """Say which component of a window was recorded as one value (dead channel or padding), or nothing.

    Flags name stretches with constant values in them; whether all samples are equal, the record itself says.
    """
    for flag in flags:
        if flag.kind == "constant" and flag.start.ns <= begin_ns and flag.end.ns >= end_ns:
            begin, end = UTCDateTime(ns=int(begin_ns)), UTCDateTime(ns=int(end_ns))
            samples = np.concatenate([tr.data for tr in stream.select(id=flag.seed_id).slice(begin, end)])
            if np.ptp(samples) == 0:
                return f"{flag.seed_id} is constant ({samples[0]:g})"
    return ""


def _channels(event, study):
    """Name for the window id, NET.STA and SEED pattern of each channel group that an event is cut from."""
    found = []
    for pattern in study.stations:
        network, station, rest = pattern.split(".", 2)
        if event.station:
            if not fnmatchcase(event.station, f"{network}.{station}"):
                continue
            network, station = event.station.split(".")
        elif set(network + station) & set("*?["):
            raise DatasetError(
                f"study {study.name}, station {pattern}",
                f"event {event.event_id} holds for all stations, and wildcards do not say which these are",
                "List the stations one by one, or name the station in the catalogue",
            )
        found.append((f"{network}.{station}", f"{network}.{station}.{rest}"))
    often = Counter(station for station, _ in found)  # e.g. short-period and broadband sensor of one station
    return [(station if often[station] == 1 else seed_id, station, seed_id) for station, seed_id in found]


def _starts(event, study):
    """Nominal starts of the windows of an event, and the onset in seconds after the start."""
    length = _length(study)
    noise = event.event_class == "noise"
    if not noise and not (study.window.tile and event.end - event.onset > length):
        return [event.onset - pd.Timedelta(study.window.onset_s, "s")], study.window.onset_s
    if pd.isna(event.end):
        return [], np.nan
    sample = pd.Timedelta(1 / study.preparation.sampling_rate_hz, "s")
    tiles = (event.end - event.onset + sample) // length
    return [event.onset + k * length for k in range(tiles if study.window.tile else min(tiles, 1))], np.nan


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


def _checked(plan, study):
    """Return the plan with rows counted from 0 and starts on the grid, or say what is wrong with it."""
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


def _timestamp(time):
    return pd.Timestamp(time.ns, tz="UTC")


def _frame(rows, columns):
    types = {name: _TIME if name in ("start", "end") else "str" for name in columns}
    return pd.DataFrame(rows, columns=list(columns)).astype(types)
