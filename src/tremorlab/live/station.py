"""How far one station has got: which windows are due, which events are over, what must be remembered.

A window is final once the record within reach of it is there, or given up; then it is what an archive run gives. It is
early once its own samples are there: the preparation does not yet know what follows, so that its probabilities may
still change a little. Only final windows make events.

An event is over when no later window can change it: its run of windows has ended, nothing that follows can be joined to
it, and the record that it is measured in (`tremorlab.detect.measure`) has been received. All of this follows from the
number of final windows and their probabilities, never from the time of arrival: whoever starts again from what is kept
comes to the same events.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil, floor, inf

import numpy as np
from obspy import Stream, UTCDateTime

from tremorlab.detect.continuous import Annotation, Grid, annotate
from tremorlab.detect.engine import Detector
from tremorlab.detect.events import Detection, Rule, detections
from tremorlab.detect.measure import AROUND_S
from tremorlab.errors import ParameterError
from tremorlab.live.ring import Ring
from tremorlab.waveform.prepare import reach_s
from tremorlab.waveform.resample import Kernel
from tremorlab.waveform.sources import Source

# Times of windows are whole steps apart but for rounding.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Codes:
    """Which channels of which station.

    Attributes
    ----------
    station : str
        NET.STA.LOC.
    channels : str
        Channel codes, with ? and *.
    """

    station: str
    channels: str

    @classmethod
    def parse(cls, text: str) -> "Codes":
        """Read NET.STA.LOC.CHA, of which only the last may have wildcards; ``--`` is an empty location.

        Raises
        ------
        ParameterError
            It is something else.
        """
        codes = text.split(".")
        if len(codes) != 4 or not (codes[0] and codes[1] and codes[3]) or any(c in "".join(codes[:3]) for c in "*?["):
            raise ParameterError(
                f"station {text!r}", "is not NET.STA.LOC.CHA, with wildcards in CHA alone", "Write XX.AAA..HH?"
            )
        return cls(f"{codes[0]}.{codes[1]}.{codes[2].replace('--', '')}", codes[3])

    def __str__(self) -> str:
        return f"{self.station}.{self.channels}"


class Since:
    """A source that forgets what was before a time.

    Parameters
    ----------
    source
        Where the record is.
    earliest
        Nothing before is given.
    """

    def __init__(self, source: Source, earliest: UTCDateTime):
        self._source, self._earliest = source, earliest

    def get(self, seed_id: str, start: UTCDateTime, end: UTCDateTime) -> Stream:
        """All segments that touch [start, end]; see `tremorlab.waveform.sources.Source`."""
        start = max(start, self._earliest)
        return self._source.get(seed_id, start, end) if start <= end else Stream()


class Station:
    """One station: its record in memory, its final windows, its events that are not over.

    Parameters
    ----------
    codes
        Which channels.
    detector, grid
        The exported network and its windows.
    rule
        When probabilities make an event.
    window
        Number of the next window to be evaluated.
    past
        Probabilities of the final windows just before that may still make an event, (windows, classes).
    found
        Events at this station that were found already, as `known` names them.
    last
        Number of the first window that is not wanted.
    extra_s
        Seconds of record, beyond `tremorlab.detect.measure.AROUND_S`, that an event is measured in.
    ring_s
        Longest record that is remembered for measuring a long event.
    """

    def __init__(
        self, codes: Codes, detector: Detector, grid: Grid, rule: Rule, window: int,
        past: np.ndarray | None = None, found: Iterable[tuple[str, int]] = (), *,
        last: float = inf, extra_s: float = 0.0, ring_s: float = 3600.0,
    ):  # fmt: skip
        self.codes, self.window, self.last = codes, window, last
        self._detector, self._grid, self._rule, self._ring_s = detector, grid, rule, ring_s
        self._values = np.zeros((0, len(detector.about.classes)), "f4") if past is None else past
        self._known, self._early = set(found), window
        self._around_s = AROUND_S + extra_s
        self._reach_s = reach_s(detector.about.preparation)
        self.over = False
        _, _, self._held = self._sorted()
        self.ring = Ring(codes.station, detector.about.components, self.since)

    @property
    def settled(self) -> int:
        """First window that may still make an event."""
        return self.window - len(self._values)

    @property
    def since(self) -> UTCDateTime:
        """Time from which the record is needed."""
        bound = self._bound(self.window)
        return max(min([bound, *self._held]) - self._around_s, bound - self._ring_s) - self._reach_s - 1

    @property
    def complete(self) -> bool:
        """All windows that are wanted are final, and the record in which their events are measured is there."""
        if self.window < self.last:
            return False
        heard = self._bound(self.window) + 2 * self._grid.window_s + self._around_s + self._reach_s
        return self.ring.frontier_ns >= heard.ns

    @property
    def horizon_ns(self) -> float:
        """Events that are found later begin after this."""
        if self.over:
            return inf
        return (min([self._bound(self.window), *self._held]) - self._around_s - 1).ns

    def evaluate(self) -> Annotation | None:
        """Evaluate the final windows that are due."""
        return self._evaluate(self._stop(self._reach_s))

    def foresee(self) -> Annotation | None:
        """Evaluate windows whose own samples are there, before they are final."""
        if not self.ring.rates_hz:
            return None
        rate = self._detector.about.preparation.sampling_rate_hz
        stop = self._stop(max(Kernel(rate_hz, rate).reach_s for rate_hz in self.ring.rates_hz))
        if stop <= self._early:
            return None
        annotation, self._early = self._annotate(self._early, stop), stop
        return annotation

    def finish(self) -> Annotation | None:
        """Evaluate all windows that are wanted with the record that there is, and take open events for ended."""
        self.over = True
        return self._evaluate(self.last)

    def settle(self) -> list[Detection]:
        """Events that are over, each of them once; forgets the windows that no event needs any more."""
        found, waiting, self._held = self._sorted()
        fresh = [each for each in found if _key(each) not in self._known]
        self._known |= {_key(each) for each in fresh}
        self._drop([*found, *waiting])
        return sorted(fresh, key=lambda each: (each.onset, each.event_class))

    def heard(self, detection: Detection) -> Since:
        """The record in which an event is measured: always the same, however much is in memory."""
        return Since(self.ring, detection.end + self._around_s + self._reach_s - self._ring_s)

    def _evaluate(self, stop):
        if stop <= self.window:
            return None
        annotation = self._annotate(self.window, stop)
        self._values = np.concatenate([self._values, annotation.probabilities])
        self.window, self._early = stop, max(stop, self._early)
        return annotation

    def _annotate(self, first, stop):
        # Times are rounded to nanoseconds, up or down.
        first, stop = (UTCDateTime(ns=self._grid.centre(window).ns - 1) for window in (first, stop))
        return annotate(self.ring, str(self.codes), first, stop, self._detector, step_s=self._grid.step_s)

    def _annotation(self):
        about = self._detector.about
        return Annotation(
            self.codes.station, about.name, tuple(about.classes), self._grid.centre(self.settled),
            self._grid.step_s, self._grid.window_s, self._values, [], [],
        )  # fmt: skip

    def _stop(self, reach_s):
        """Number of the first window that needs record beyond the frontier."""
        about = self._detector.about
        sample = floor((self.ring.frontier_ns / 1e9 - reach_s) * about.preparation.sampling_rate_hz)
        return min(self.last, (sample - self._grid.begin(0) - about.samples) // self._grid.step + 1)

    def _bound(self, window):
        """An event that a window begins has its onset here or later."""
        return self._grid.centre(window) - self._grid.window_s / 2

    def _sorted(self):
        """Events that are over, events that are not, and the earliest onsets of what is not over."""
        annotation, limit, found, waiting, held = self._annotation(), self._bound(self.window), [], [], []
        high = np.nan_to_num(self._values) >= np.float32(self._rule.off)
        for label, own in zip(annotation.classes, high.T, strict=True):
            if label in self._rule.background:
                continue
            run = len(own) if self.over else _open(own)
            bound = self._bound(self.settled + run)
            if run < len(own):
                held.append(bound)
            until_there = replace(annotation, probabilities=annotation.probabilities[:run])
            for detection in detections(until_there, self._rule):
                if detection.event_class != label:
                    continue
                alone = detection.end + self._rule.join_s < bound
                if self.over or (alone and detection.end + self._around_s + self._grid.step_s < limit):
                    found.append(detection)
                else:
                    waiting.append(detection)
        return found, waiting, [*held, *(detection.onset for detection in waiting)]

    def _drop(self, events):
        """Forget windows up to where no event is cut in two that is not over, or was joined of several runs."""
        half_s = self._grid.window_s / 2
        cut = min([self._bound(self.window), *self._held]) - half_s
        # The windows of an event are within half a window of it.
        while across := [each for each in events if each.onset - half_s < cut <= each.end + half_s]:
            cut = min(each.onset for each in across) - half_s
        count = ceil((cut - self._grid.centre(self.settled)) / self._grid.step_s - _ROUNDING)
        self._values = self._values[max(0, count) :]


def known(event_class: str, onset_ns: int) -> tuple[str, int]:
    """What tells the events of a station apart: class and onset to the millisecond."""
    return event_class, round(onset_ns / 1e6)


def _key(detection):
    return known(detection.event_class, detection.onset.ns)


def _open(high):
    """Index of the first window of the run that reaches the last one; their number where none does."""
    low = np.flatnonzero(~high)
    return int(low[-1]) + 1 if len(low) else 0
