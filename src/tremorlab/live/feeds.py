"""Where packets come from: an archive played back here, a SeedLink server in `tremorlab.live.seedlink`."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Protocol

from obspy import Trace, UTCDateTime

from tremorlab.errors import DataMissingError, ParameterError, WaveformError
from tremorlab.live.station import Codes
from tremorlab.waveform.sources import Source

#: Seconds of record in a packet at finite speed, and as fast as possible.
PACKET_S, SLICE_S = 1.0, 61.44


@dataclass(frozen=True)
class Batch:
    """What arrived since the last one.

    Attributes
    ----------
    traces : sequence of obspy.Trace
        Packets in the order of their arrival.
    arrived : float
        Time of arrival of the first of them, seconds since 1970.
    clock_ns : int or None
        Record of this time should have arrived wherever it is going to arrive without delay; None while nothing can be
        said, as after a new connection.
    last : bool
        Nothing follows.
    """

    traces: Sequence[Trace]
    arrived: float
    clock_ns: int | None
    last: bool = False


class Feed(Protocol):
    """Gives packets of several stations as they come."""

    name: str

    def batches(self, since: Mapping[Codes, UTCDateTime]) -> Iterator[Batch]:
        """Packets from the times on that each station needs; begins anew with each call."""

    def now(self) -> UTCDateTime:
        """Present time of the record."""

    def state(self) -> str:
        """One line about the connection."""

    def need(self, station: str, since: UTCDateTime) -> None:
        """Say from when on a station's record has to be sent again after a loss of connection."""


class Replay:
    """An archive played back.

    Parameters
    ----------
    source
        Any source of records.
    start, end
        The stretch to play.
    speed
        Times real time; 0 or infinity for as fast as possible.

    Raises
    ------
    ParameterError
        The stretch is empty, or the speed negative.
    """

    def __init__(self, source: Source, start: UTCDateTime, end: UTCDateTime, speed: float = 1.0):
        if end <= start:
            raise ParameterError(f"replay from {start} to {end}", "ends before it starts", "Swap the two times")
        if not speed >= 0:
            raise ParameterError(f"speed {speed:g}", "is negative", "Give times real time, 0 for as fast as possible")
        self.start, self.end, self._source = start, end, source
        self._speed = speed or inf
        self.name = f"replay {start} to {end}"
        self._clock, self._began = start, None

    def batches(self, since: Mapping[Codes, UTCDateTime]) -> Iterator[Batch]:
        """Packets in order of time; those before the start, or before the first kill, at once.

        Raises
        ------
        DataMissingError
            A station has no record at all in the stretch.
        """
        for codes, first in since.items():
            self._check(codes, first)
        position = min(since.values())
        length_s = SLICE_S if self._speed == inf else PACKET_S
        self._clock = max(self.start, *(first for first in since.values()))
        began, origin = time.time(), self._clock
        self._began = began, origin
        while position < self.end:
            # What was played already is not played in time again.
            past = position < origin - length_s
            stop = min(position + (SLICE_S if past else length_s), self.end)
            due = began + max(0.0, stop - origin) / self._speed
            time.sleep(max(0.0, due - time.time()))
            traces = [trace for codes in since for trace in self._cut(codes, position, stop)]
            if self._speed == inf:
                self._clock = stop
            yield Batch(traces, max(due, began) if self._speed < inf else time.time(), stop.ns)
            position = stop
        yield Batch([], time.time(), self.end.ns, last=True)

    def now(self) -> UTCDateTime:
        """Present time of the record."""
        if self._speed == inf or self._began is None:
            return self._clock
        began, origin = self._began
        return origin + (time.time() - began) * self._speed

    def state(self) -> str:
        """One line about the connection."""
        return f"playing {self.now().strftime('%Y-%m-%d %H:%M:%S')}"

    def need(self, station: str, since: UTCDateTime) -> None:
        """Nothing is ever lost."""

    def _cut(self, codes, start, stop):
        """Samples in [start, stop), or the record that cannot be read left out: it becomes a gap."""
        try:
            found = self._source.get(str(codes), start, stop)
        except WaveformError:
            return
        for trace in found:
            # Ends are rounded to the nearest sample; one that both slices have is given once.
            if trace.stats.endtime + trace.stats.delta / 2 > stop:
                trace = trace.slice(endtime=trace.stats.endtime - trace.stats.delta)
            if trace is not None and trace.stats.npts:
                yield trace

    def _check(self, codes, first):
        try:
            there = any(
                self._source.get(str(codes), UTCDateTime(t), min(UTCDateTime(t + 3600), self.end))
                for t in range(int(min(first, self.start).timestamp), int(self.end.timestamp) + 1, 3600)
            )
        except WaveformError:
            there = True  # damage is a matter of its stretch
        if not there:
            raise DataMissingError(
                f"station {codes}",
                f"has no record in {self.name.removeprefix('replay ')}",
                "Give a station and times of the archive",
            )
