"""Class probabilities along the record of a station, at the same instants whatever stretch is asked for.

Windows start at whole multiples of the step since 1970-01-01, and a probability stands at the centre of its window. So
two day files give what one record over midnight gives, and stretches join without a seam. Samples are prepared as for
training (`tremorlab.waveform.prepare`), in chunks, so that memory does not grow with the length of the record.

A window that holds a sample which is not known has no probabilities: they are NaN, masked in the stream, and a `Span`
says why. The same holds where a component was recorded as one value throughout the window, or more slowly than the
network listens. A change of rate, a filled gap or a step of the clock that loses no samples leaves the probabilities in
place and is named among the flags.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

import numpy as np
from obspy import Stream, Trace, UTCDateTime

from tremorlab.detect.engine import About, Detector
from tremorlab.errors import ModelError, WaveformError
from tremorlab.waveform.prepare import Flag, prepare, reach_s
from tremorlab.waveform.quality import runs
from tremorlab.waveform.sources import Source

#: Windows that are prepared and evaluated at a time.
CHUNK = 512

#: Flags that say why samples are not known. "spike" is among them: the samples of a long one are gone.
_MISSING = ("gap", "missing_component", "non_finite", "overlap", "spike", "unreadable", "unusable")

#: Reasons that a span names before it counts the others.
_NAMED = 3

_DAY_S = 86_400


@dataclass(frozen=True)
class Span:
    """A run of windows without probabilities.

    Attributes
    ----------
    start, end : obspy.UTCDateTime
        Centres of the first and the last of them.
    windows : int
    reason : str
        What was found, in which channel, from when to when.
    """

    start: UTCDateTime
    end: UTCDateTime
    windows: int
    reason: str


@dataclass(frozen=True, eq=False)
class Annotation:
    """Probabilities of the classes at one station.

    Attributes
    ----------
    station : str
        NET.STA.LOC.
    name : str
        Of the network that gave them.
    classes : tuple of str
    start : obspy.UTCDateTime
        Centre of the first window.
    step_s, window_s : float
        Seconds between windows, and length of a window.
    probabilities : numpy.ndarray of float32, (windows, classes)
        NaN where they are not known.
    spans : list of Span
        Why they are not, in order of time.
    flags : list of tremorlab.waveform.prepare.Flag
        Everything that was found in the record.
    """

    station: str
    name: str
    classes: tuple[str, ...]
    start: UTCDateTime
    step_s: float
    window_s: float
    probabilities: np.ndarray
    spans: list[Span]
    flags: list[Flag]

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.probabilities)

    def time(self, window: int) -> UTCDateTime:
        """Centre of a window."""
        return UTCDateTime(ns=self.start.ns + round(window * self.step_s * 1e9))

    @property
    def known(self) -> np.ndarray:
        """Bool, (windows,): there are probabilities."""
        return np.isfinite(self.probabilities[:, 0]) if len(self) else np.zeros(0, bool)

    @property
    def stream(self) -> Stream:
        """One trace a class, named after network and class, masked where probabilities are not known."""
        network, station, location = self.station.split(".")
        traces = []
        for number, label in enumerate(self.classes):
            values = np.ascontiguousarray(self.probabilities[:, number])
            header = {
                "network": network, "station": station, "location": location, "channel": f"{self.name}_{label}",
                "starttime": self.start, "delta": self.step_s,
            }  # fmt: skip
            traces.append(Trace(values if self.known.all() else np.ma.masked_invalid(values), header))
        return Stream(traces)


def annotate(
    source: Source, seed_id: str, start: UTCDateTime, end: UTCDateTime, detector: Detector, *, step_s: float = 10.24
) -> Annotation:
    """Evaluate a network along the record of a station.

    Parameters
    ----------
    source
        Where the record is; it is asked for half a window more than the stretch on either side.
    seed_id
        NET.STA.LOC.CHA with ``?`` or ``*`` for the components; those of the network are taken by their codes.
    start, end
        Windows whose centres are in [start, end), UTC.
    detector
        The exported network.
    step_s
        Seconds between windows, a whole number of samples. Multiples of the exported step (10.24 s) cost the same or
        less, a half of it twice as much.

    Returns
    -------
    Annotation

    Raises
    ------
    ModelError
        The step is not a whole number of samples, or the network was trained on ground motion and not on counts.
    WaveformError
        There is no window: the stretch is shorter than a step, or ends before it starts.
    DataMissingError
        The source has no data at all.

    Notes
    -----
    What cannot be read or prepared makes a span without probabilities; it does not raise.
    """
    grid = Grid(detector.about, step_s)
    first, stop = grid.first(start), grid.first(end)
    if first >= stop:
        raise WaveformError(
            f"{seed_id}, {start} to {end}", f"holds no window of {grid.step_s:g} s step", "Ask for a longer stretch"
        )
    answers, known, flags, station = [], [], [], ""
    for chunk in _chunks(source, seed_id, grid, first, stop):
        known.append(_all_known(chunk.valid, grid))
        answers.append(_answers(detector, chunk.data, known[-1], grid))
        flags += chunk.flags
        station = station or chunk.station
    answers, known, flags = np.concatenate(answers), np.concatenate(known), _merged(flags)
    begins = grid.time(grid.begin(first)).ns + np.rint(np.arange(stop - first) * grid.step_s * 1e9).astype("int64")
    ends = begins + (grid.time(grid.begin(first) + detector.about.samples).ns - begins[0])
    for flag in flags:
        if flag.kind == "constant":  # all of the window
            known &= (begins < flag.start.ns) | (ends > flag.end.ns)
        elif flag.kind == "slow":  # any of it
            known &= (ends <= flag.start.ns) | (begins >= flag.end.ns)
    answers[~known] = np.nan
    about = detector.about
    annotation = Annotation(
        station or seed_id.rpartition(".")[0].replace("--", ""), about.name, tuple(about.classes),
        grid.centre(first), grid.step_s, grid.window_s, answers, [], flags,
    )  # fmt: skip
    return replace(annotation, spans=list(_spans(annotation, known, begins, ends)))


class Grid:
    """Times and samples of windows, counted from 1970.

    Parameters
    ----------
    about
        The exported network.
    step_s
        Seconds between windows.

    Raises
    ------
    ModelError
        The step is not a whole number of samples, or the network was trained on ground motion and not on counts.
    """

    def __init__(self, about: About, step_s: float):
        self.about, self.rate = about, Fraction(str(about.preparation.sampling_rate_hz))
        samples = Fraction(str(step_s)) * self.rate
        if samples.denominator != 1 or samples < 1:
            raise ModelError(
                f"step of {step_s:g} s",
                f"is not a whole number of samples at {float(self.rate):g} Hz",
                f"Give a multiple of {float(1 / self.rate):g} s, best of {about.step_samples / float(self.rate):g} s",
            )
        if about.preparation.output != "counts":
            raise ModelError(
                f"network {about.name}",
                f"reads {about.preparation.output}: removing the response takes the whole record at once",
                "Train on counts; the networks divide by the maximum, and the unit is no matter",
            )
        self.step = int(samples)
        self.step_s, self.window_s = float(samples / self.rate), float(about.window_samples / self.rate)

    def time(self, sample: int | Fraction) -> UTCDateTime:
        """Time of a sample of the prepared record."""
        return UTCDateTime(ns=round(sample * 10**9 / self.rate))

    def first(self, time: UTCDateTime) -> int:
        """Number of the first window whose centre is not before a time."""
        sample = Fraction(UTCDateTime(time).ns, 10**9) * self.rate
        return ceil((sample - Fraction(self.about.window_samples, 2)) / self.step)

    def centre(self, window: int) -> UTCDateTime:
        """Time of the middle of a window."""
        return self.time(window * self.step + Fraction(self.about.window_samples, 2))

    def begin(self, window: int) -> int:
        """First sample of a window, its margin included."""
        return window * self.step - self.about.margin_samples


@dataclass(frozen=True, eq=False)
class _Chunk:
    data: np.ndarray
    valid: np.ndarray
    flags: list[Flag]
    station: str


def _chunks(source, seed_id, grid, first, stop) -> Iterator[_Chunk]:
    """Prepared record of so many windows at a time; what two chunks have in common is prepared once."""
    about = grid.about
    data, valid = np.zeros((len(about.components), 0), "f4"), np.zeros(0, bool)
    for window in range(first, stop, CHUNK):
        begin, last = grid.begin(window), min(window + CHUNK, stop) - 1
        made = begin + data.shape[1]
        new = _piece(source, seed_id, grid, made, grid.begin(last) + about.samples)
        data, valid = np.concatenate([data, new.data], axis=1), np.concatenate([valid, new.valid])
        yield replace(new, data=data, valid=valid)
        kept = grid.begin(last + 1) - begin
        data, valid = data[:, kept:], valid[kept:]


def _piece(source, seed_id, grid, begin, stop):
    """Prepared samples begin .. stop - 1, zero and not valid where the record cannot be had."""
    about, start, end = grid.about, grid.time(begin), grid.time(stop)
    reach = reach_s(about.preparation)
    stream, flags = _read(source, seed_id, start - reach, end + reach)
    for trace in stream:
        if trace.stats.sampling_rate < about.preparation.sampling_rate_hz and trace.id[-1] in about.components:
            detail = f"recorded at {trace.stats.sampling_rate:g} Hz, less than the network's {float(grid.rate):g} Hz"
            flags.append(Flag("slow", trace.id, trace.stats.starttime, trace.stats.endtime, detail))
    data, valid, found = _prepared(stream, grid, begin, stop)
    station = stream[0].id.rpartition(".")[0] if stream else ""
    return _Chunk(data, valid, flags + found, station)


def _read(source, seed_id, start, end):
    """What can be read of a stretch; damage stays with the UTC day that it concerns."""
    try:
        return source.get(seed_id, start, end), []
    except WaveformError as error:
        midnight = UTCDateTime(end.date)
        if midnight > start:
            before, found = _read(source, seed_id, start, midnight - 1e-3)
            after, more = _read(source, seed_id, midnight, end)
            return before + after, found + more
        return Stream(), [Flag("unreadable", seed_id, start, end, str(error))]


def _prepared(stream, grid, begin, stop):
    """Prepare a stretch; where that cannot be done, its halves, down to the length of a window."""
    about, start, end = grid.about, grid.time(begin), grid.time(stop)
    try:
        record = prepare(stream, start, end, components=about.components, settings=about.preparation)
        return record.data, record.valid, record.flags
    except WaveformError as error:
        if stop - begin > about.samples:
            middle = (begin + stop) // 2
            left, right = (_prepared(stream, grid, *half) for half in ((begin, middle), (middle, stop)))
            return np.concatenate([left[0], right[0]], axis=1), np.concatenate([left[1], right[1]]), left[2] + right[2]
        count = stop - begin
        flag = Flag("unusable", stream[0].id if stream else about.components, start, end, str(error))
        return np.zeros((len(about.components), count), "f4"), np.zeros(count, bool), [flag]


def _answers(detector, data, known, grid):
    """Probabilities of the windows of a chunk, from the first known one to the last."""
    answers = np.full((len(known), len(detector.about.classes)), np.nan, "f4")
    some = np.flatnonzero(known)
    if len(some):
        first, last = int(some[0]), int(some[-1])
        part = data[:, first * grid.step : last * grid.step + detector.about.samples]
        answers[first : last + 1] = detector.record(part, grid.step)
    return answers


def _all_known(valid, grid):
    """For every window of a chunk, whether all of its samples are valid."""
    lost = np.concatenate([[0], np.cumsum(~valid)])
    samples = grid.about.samples
    return lost[samples :: grid.step] == lost[: len(lost) - samples : grid.step]


def _merged(flags):
    """Flags of one kind and component that touch each other as one, as if the record had been looked at as a whole."""
    merged: list[Flag] = []
    missing = ("gap", "missing_component")

    def group(flag):
        return "missing" if flag.kind in missing else flag.kind, flag.seed_id[-1]

    for flag in sorted(flags, key=lambda flag: (*group(flag), flag.start, -flag.end.ns)):
        last = merged[-1] if merged else None
        if last and group(last) == group(flag) and flag.start <= last.end:
            longer = flag if flag.end - flag.start > last.end - last.start else last
            named = max(last.seed_id, flag.seed_id, key=len)
            kind = "gap" if "gap" in (last.kind, flag.kind) else last.kind
            merged[-1] = replace(
                longer, kind=kind, seed_id=named, start=min(last.start, flag.start), end=max(last.end, flag.end)
            )
        else:
            merged.append(flag)
    return sorted(merged, key=lambda flag: (flag.start, flag.seed_id, flag.kind))


def _spans(annotation, known, begins, ends):
    causes = [flag for flag in annotation.flags if flag.kind in (*_MISSING, "constant", "slow")]
    for first, stop in zip(*runs(~known), strict=True):
        own = [flag for flag in causes if flag.start.ns < ends[stop - 1] and flag.end.ns > begins[first]]
        texts = [
            f"{flag.kind} in {flag.seed_id}, {flag.start} to {flag.end}"
            + (f": {flag.detail}" if flag.kind in ("unreadable", "unusable") else "")
            for flag in own[:_NAMED]
        ]
        more = f" and {len(own) - _NAMED} more" if len(own) > _NAMED else ""
        reason = "; ".join(texts) + more
        yield Span(annotation.time(int(first)), annotation.time(int(stop) - 1), int(stop - first), reason)
