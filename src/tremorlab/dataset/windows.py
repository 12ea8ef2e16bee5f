"""Cut labelled windows out of continuous records.

`plan` says which windows a catalogue asks for; `station_days` reads the records and cuts them, one station and
one UTC day after the other, so that memory does not grow with the catalogue; `cut` gathers all of them in one array.

A day that many windows fall on is read once and as a whole; on other days each window, or cluster of windows,
is sought and read by itself. In both cases only the stretches that windows need are prepared.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from obspy import UTCDateTime
from tqdm import tqdm

from tremorlab.dataset.planning import COLUMNS, TIME, check, plan
from tremorlab.dataset.spectra import margin_samples
from tremorlab.errors import WaveformError
from tremorlab.study import Study
from tremorlab.waveform.prepare import prepare, reach_s
from tremorlab.waveform.sources import Source

__all__ = ["COLUMNS", "Cut", "cut", "plan", "station_days"]

#: From this many windows a station-day is read as a whole: a day costs about as much to decode as this many seeks.
DENSE = 30

#: Windows with less unused record than this (seconds) between them are prepared in one go: a call costs as much.
_JOIN_S = 600.0

#: Windows that start in the same stretch of this many seconds are prepared in one go: what is prepared at once should
#: stay in the processor's cache.
_TOGETHER_S = 7200

#: Flags that say why samples are not valid; those of other kinds leave the samples usable.
_MISSING = ("gap", "missing_component", "non_finite")

_SKIPPED = ("window_id", "reason")
_FLAGS = ("window_id", "kind", "seed_id", "start", "end", "detail")
_DAY_NS = 86_400 * 10**9


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
    plan = check(plan, study)
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
    plan = check(plan, study)
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
    needs = _Needs(windows, station_day, study)
    ids = windows["window_id"].to_numpy()
    reasons, flags = {}, []
    for members, stream, record in _records(needs, source, study):
        if isinstance(record, WaveformError):
            reasons |= dict.fromkeys(members, str(record))
            continue
        times = np.array([(flag.start.ns, flag.end.ns) for flag in record.flags]).reshape(-1, 2)
        for i in members:
            begin, end = needs.begin[i], needs.end[i]
            part = slice(*(needs.samples[i] - needs.samples[members[0], 0]))
            near = (times[:, 0] <= end + needs.reach_ns) & (times[:, 1] >= begin - needs.reach_ns)
            found = [record.flags[k] for k in np.flatnonzero(near)]
            if reason := _invalid(record.valid[part], found) or _constant(stream, begin, end, found):
                reasons[i] = reason
                continue
            waveforms[rows[i]] = record.data[:, part]
            flags += [
                (
                    ids[i],
                    f.kind,
                    f.seed_id,
                    pd.Timestamp(f.start.ns, tz="UTC"),
                    pd.Timestamp(f.end.ns, tz="UTC"),
                    f.detail,
                )
                for f in found
                if f.start.ns <= end and f.end.ns >= begin
            ]
    kept = np.array([i not in reasons for i in range(len(windows))])
    return kept, [(ids[i], reasons[i]) for i in sorted(reasons)], flags


class _Needs:
    """What record the windows of a station-day need: samples after midnight, and times in nanoseconds since 1970."""

    def __init__(self, windows, station_day, study):
        self.seed_id, midnight = station_day
        self.reach_ns = round(reach_s(study.preparation) * 1e9)
        rate, margin = study.preparation.sampling_rate_hz, margin_samples(study.running_spectrum)
        first = np.rint((windows["start"].astype("int64").to_numpy() - midnight.value) * (rate / 1e9)).astype(int)
        self.samples = np.stack([first - margin, first + study.window.samples + margin], axis=1)
        self.begin, self.end = (midnight.value + np.rint(self.samples * (1e9 / rate)).astype("int64")).T
        # -1, 0, 1: the record reaches into the day before, into none, into the day after.
        self.side = np.where(self.begin - self.reach_ns < midnight.value, -1, 0)
        self.side[self.end + self.reach_ns > midnight.value + _DAY_NS] = 1

    def span(self, members):
        """Start and end of the record of some windows, without the reach of the filters."""
        return UTCDateTime(ns=int(self.begin[members].min())), UTCDateTime(ns=int(self.end[members].max()))

    def stretches(self, members):
        """Windows in order of time, parted into what is prepared in one go."""
        members = members[np.argsort(self.begin[members], kind="stable")]
        unused_s = (self.begin[members[1:]] - self.end[members[:-1]] - 2 * self.reach_ns) / 1e9
        later = np.diff(self.begin[members] // (_TOGETHER_S * 10**9)) > 0
        return np.split(members, np.flatnonzero((unused_s > _JOIN_S) | later) + 1)


def _records(needs, source, study):
    """Read and prepare what is needed: positions of windows, their stream, and their prepared record or an error.

    Whatever fails for many windows is tried again for fewer, so that damage stays with those it concerns.
    """
    everything = np.arange(len(needs.begin))
    to_read = [everything] if len(everything) >= DENSE else needs.stretches(everything)
    while to_read:
        members = to_read.pop(0)
        try:
            stream = _read(needs, members, source)
        except WaveformError as error:
            sides = [members[needs.side[members] == side] for side in np.unique(needs.side[members])]
            if len(sides) > 1:
                to_read += sides
            else:
                yield members, None, error
            continue
        to_prepare = needs.stretches(members)
        while to_prepare:
            members = to_prepare.pop(0)
            try:
                start, end = needs.span(members)
                record = prepare(stream, start, end, components=study.components, settings=study.preparation)
            except WaveformError as error:
                if len(members) > 1:
                    to_prepare += list(members[:, np.newaxis])
                    continue
                record = error
            yield members, stream, record


def _read(needs, members, source):
    start, end = needs.span(members)
    reach = needs.reach_ns / 1e9
    stream = source.get(needs.seed_id, start - reach, end + reach)
    if not stream:
        raise WaveformError(f"{needs.seed_id}, {start} to {end}", "no record", "Compare with what the source holds")
    return stream


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
            samples = np.ma.concatenate([tr.data for tr in stream.select(id=flag.seed_id).slice(begin, end)])
            if samples.min() == samples.max():
                return f"{flag.seed_id} is constant ({samples.min():g})"
    return ""


def _frame(rows, columns):
    types = {name: TIME if name in ("start", "end") else "str" for name in columns}
    return pd.DataFrame(rows, columns=list(columns)).astype(types)
