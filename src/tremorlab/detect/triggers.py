"""The classical detector: STA/LTA finds onsets, and a classifier of features gives each a class.

Onsets are those of obspy's `classic_sta_lta` and `trigger_onset` on the prepared record, the same that the networks
read. The window around an onset is described by `tremorlab.dataset.features`, and any scikit-learn estimator with
`predict_proba` says what it is. What comes out are detections like those of a network, so that votes of stations,
files and scores are the same from there on.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from obspy import UTCDateTime
from obspy.signal.trigger import classic_sta_lta, trigger_onset
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sklearn.base import ClassifierMixin

from tremorlab.dataset.features import features
from tremorlab.detect.events import Detection, joined
from tremorlab.errors import ParameterError, WaveformError
from tremorlab.study import Study
from tremorlab.waveform.prepare import prepare, reach_s
from tremorlab.waveform.quality import runs
from tremorlab.waveform.sources import Source

_CHUNK_S = 86_400.0


class Trigger(BaseModel):
    """When the ratio of a short to a long average makes an onset, and an onset an event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sta_s: float = Field(1.0, gt=0, description="length of the short average, seconds")
    lta_s: float = Field(30.0, gt=0, description="length of the long average, seconds")
    on: float = Field(3.0, gt=0, description="ratio from which an onset begins")
    off: float = Field(1.5, gt=0, description="ratio below which it ends")
    before_s: float = Field(40.0, ge=0, description="of the window that is classified, before the onset")
    peak: float = Field(3.0, gt=0, description="ratio that an onset must reach to count; not below on")
    probability: float = Field(0.5, gt=0, le=1, description="of the most probable class, that makes an event")
    join_s: float = Field(0.0, ge=0, description="events of a class at a station this near each other are one")
    background: tuple[str, ...] = Field(("noise",), description="classes that are no events")

    @model_validator(mode="after")
    def _ordered(self):
        if not self.off <= self.on <= self.peak:
            raise ValueError(f"off = {self.off:g}, on = {self.on:g}, peak = {self.peak:g} are not in ascending order")
        if self.sta_s >= self.lta_s:
            raise ValueError(f"sta_s = {self.sta_s:g} is not below lta_s = {self.lta_s:g}")
        return self


@dataclass(frozen=True, eq=False)
class Onsets:
    """Onsets at one station, and what the classifier makes of each.

    Attributes
    ----------
    station : str
        NET.STA.LOC.
    classes : tuple of str
        Of the columns of ``probabilities``.
    onset, end : list of obspy.UTCDateTime
    ratio : numpy.ndarray (onsets,)
        Highest ratio of the averages.
    probabilities : numpy.ndarray (onsets, classes)
    """

    station: str
    classes: tuple[str, ...]
    onset: list[UTCDateTime]
    end: list[UTCDateTime]
    ratio: np.ndarray
    probabilities: np.ndarray


def onsets(
    source: Source,
    seed_id: str,
    start: UTCDateTime,
    end: UTCDateTime,
    estimator: ClassifierMixin,
    study: Study,
    trigger: Trigger | None = None,
) -> Onsets:
    """Find onsets in the record of a station and classify the windows around them.

    Parameters
    ----------
    source
        Where the record is; it is asked for a window more than the stretch on either side.
    seed_id
        NET.STA.LOC.CHA with ``?`` or ``*`` for the components.
    start, end
        Onsets in [start, end), UTC.
    estimator
        Fitted to `tremorlab.dataset.features` of windows of the study, with labels counted in the order of its
        classes.
    study
        Its classes, components, preparation and window are used.
    trigger
        Averages and thresholds; ``peak`` and ``probability`` count in `detections` only.

    Raises
    ------
    ParameterError
        The estimator has another number of classes than the study.
    DataMissingError
        The source has no data at all.

    Notes
    -----
    An onset whose window holds a sample that is not known is left out; so is a stretch that cannot be prepared.
    """
    trigger, classes = trigger or Trigger(), tuple(study.classes)
    if len(estimator.classes_) != len(classes):
        raise ParameterError(
            "estimator",
            f"knows {len(estimator.classes_)} classes, the study {len(classes)}",
            "Fit it on windows of the study",
        )
    begin, stop, ratio, shares, station = [], [], [], [np.empty((0, len(classes)))], ""
    for record in _records(source, seed_id, UTCDateTime(start), UTCDateTime(end), study, trigger):
        station, windows = station or record.station, []
        for first, last, highest in _triggered(record, trigger):
            window = record.window(first)
            if window is not None and record.begin <= record.time(first) < record.end:
                begin.append(record.time(first))
                stop.append(record.time(last))
                ratio.append(highest)
                windows.append(window)
        if windows:
            shares.append(estimator.predict_proba(features(np.array(windows), record.rate)))
    station = station or seed_id.rpartition(".")[0].replace("--", "")
    return Onsets(station, classes, begin, stop, np.array(ratio), np.concatenate(shares))


def detections(found: Onsets, trigger: Trigger) -> list[Detection]:
    """Events among the onsets of a station, in order; ``on`` and ``off`` count no more: onsets were found by them."""
    events: dict[str, list[Detection]] = {}
    for row in np.flatnonzero(found.ratio >= trigger.peak):
        best = int(found.probabilities[row].argmax())
        label, probability = found.classes[best], float(found.probabilities[row, best])
        if label not in trigger.background and probability >= trigger.probability:
            onset, end = found.onset[row], found.end[row]
            events.setdefault(label, []).append(Detection(found.station, label, onset, end, onset, probability))
    together = [event for own in events.values() for event in joined(own, trigger.join_s)]
    return sorted(together, key=lambda detection: (detection.onset, detection.event_class))


@dataclass(frozen=True, eq=False)
class _Record:
    station: str
    data: np.ndarray
    valid: np.ndarray
    start: UTCDateTime
    rate: float
    samples: int
    before: int
    begin: UTCDateTime
    end: UTCDateTime

    def time(self, sample: int) -> UTCDateTime:
        return UTCDateTime(ns=self.start.ns + round(sample / self.rate * 1e9))

    def window(self, onset: int) -> np.ndarray | None:
        """Samples around an onset; None where one of them is not known, or nothing but one value was recorded."""
        piece = slice(onset - self.before, onset - self.before + self.samples)
        inside = piece.start >= 0 and piece.stop <= self.data.shape[1] and self.valid[piece].all()
        return self.data[:, piece] if inside and (np.ptp(self.data[:, piece], axis=1) > 0).all() else None


def _records(source, seed_id, start, end, study, trigger) -> Iterator[_Record]:
    """Prepared record of a day at a time, with so much more on either side that onsets do not depend on the cut."""
    beside = study.window_s + trigger.lta_s
    while start < end:
        stop = min(start + _CHUNK_S, end)
        yield from _prepared(source, seed_id, start, stop, beside, study, trigger)
        start = stop


def _prepared(source, seed_id, start, end, beside, study, trigger):
    """One stretch; where it cannot be prepared, its halves, down to the length of a window."""
    settings = study.preparation
    reach, low, high = reach_s(settings), start - beside, end + beside
    try:
        stream = source.get(seed_id, low - reach, high + reach)
        made = prepare(stream, low, high, components=study.components, settings=settings)
    except WaveformError:
        if end - start > study.window_s:
            middle = start + (end - start) / 2
            yield from _prepared(source, seed_id, start, middle, beside, study, trigger)
            yield from _prepared(source, seed_id, middle, end, beside, study, trigger)
        return
    station = stream[0].id.rpartition(".")[0] if stream else ""
    before = round(trigger.before_s * made.sampling_rate_hz)
    data, valid, rate = made.data, made.valid, made.sampling_rate_hz
    yield _Record(station, data, valid, made.start, rate, study.window.samples, before, start, end)


def _triggered(record, trigger) -> Iterator[tuple[int, int, float]]:
    """First and last sample and highest ratio of each onset; the averages begin anew after a gap."""
    short, long = round(trigger.sta_s * record.rate), round(trigger.lta_s * record.rate)
    for first, stop in zip(*runs(record.valid), strict=True):
        if stop - first <= long:
            continue
        ratio = ratios(record.data[:, first:stop], short, long)
        for on, off in np.atleast_2d(trigger_onset(ratio, trigger.on, trigger.off)).astype(int).reshape(-1, 2):
            yield int(first + on), int(first + off), float(ratio[on : off + 1].max())


def ratios(data: ArrayLike, short: int, long: int) -> np.ndarray:
    """Largest STA/LTA of the components, (samples,); ``data`` is (components, samples), lengths are in samples."""
    return np.max([classic_sta_lta(np.asarray(row, float), short, long) for row in data], axis=0)
