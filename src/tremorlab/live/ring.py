"""What has lately arrived of one station, whatever the order in which it came.

Packets are kept as they were recorded and handed out as an archive would hand them out: those that continue each other
as one trace, those that overlap side by side. So `tremorlab.detect.continuous.annotate` reads a ring as it reads a
file, and gives the same. A packet that begins within half a sample of the end of the one before continues it, as when
libmseed reads a file; a step of the clock, a hole or another rate begins a new trace.

Each channel has a frontier: the time up to which nothing is waited for any more. It moves over packets without holes,
and over a hole once the hole is older than the line at which waiting ends.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from obspy import Stream, Trace, UTCDateTime

from tremorlab.waveform.files import check, select

# Packets before the one at a time that are looked at for one that reaches further: overlaps are short.
_BACK = 8

# Times of samples are rounded to nanoseconds a few times on the way.
_ROUNDING_NS = 5


@dataclass(frozen=True, eq=False)
class _Packet:
    start_ns: int
    rate_hz: float
    samples: np.ndarray

    @property
    def end_ns(self) -> int:
        """Time of the next sample to be expected."""
        return self.start_ns + round(len(self.samples) * 1e9 / self.rate_hz)

    @property
    def half_ns(self) -> int:
        """Half of a sample."""
        return round(0.5e9 / self.rate_hz)

    def same(self, other: "_Packet") -> bool:
        """The same samples at the same time."""
        near = self.rate_hz == other.rate_hz and abs(self.start_ns - other.start_ns) <= self.half_ns
        return near and np.array_equal(self.samples, other.samples)


class Channel:
    """Packets of one channel in order of time."""

    def __init__(self, frontier_ns: int):
        self.frontier_ns = frontier_ns
        self._packets: list[_Packet] = []

    def add(self, start_ns: int, rate_hz: float, samples: np.ndarray) -> str:
        """Take a packet in; "new", "late" (nobody waits for it any more, it is kept all the same) or "duplicate"."""
        packet, packets = _Packet(start_ns, rate_hz, samples), self._packets
        place = self._place(start_ns + packet.half_ns)
        if any(packet.same(other) for other in packets[max(0, place - _BACK) : place]):
            return "duplicate"
        for other in reversed(packets[max(0, place - _BACK) : place]):
            if other.rate_hz == rate_hz and abs(start_ns - other.end_ns) <= packet.half_ns:
                packet = _Packet(other.end_ns, rate_hz, samples)
                break
        packets.insert(self._place(packet.start_ns), packet)
        return "new" if packet.end_ns > self.frontier_ns else "late"

    def advance(self, given_up_ns: int) -> None:
        """Move the frontier, over holes before ``given_up_ns`` too."""
        reached = max(self.frontier_ns, given_up_ns)
        for packet in self._packets[max(0, self._place(reached) - _BACK) :]:
            if packet.start_ns > reached + packet.half_ns:
                break
            reached = max(reached, packet.end_ns)
        self.frontier_ns = reached

    def forget(self, before_ns: int) -> None:
        """Drop packets that end before a time."""
        self._packets = [packet for packet in self._packets if packet.end_ns > before_ns]

    def pieces(self, start_ns: int, end_ns: int) -> list[_Packet]:
        """Packets that touch a stretch of time, put together where they continue each other."""
        groups: list[list[_Packet]] = []
        for packet in self._packets[: self._place(end_ns)]:
            if packet.end_ns < start_ns:
                continue
            last = groups[-1][-1] if groups else None
            if (
                last
                and (last.rate_hz, last.samples.dtype) == (packet.rate_hz, packet.samples.dtype)
                and abs(packet.start_ns - last.end_ns) <= _ROUNDING_NS
            ):
                groups[-1].append(packet)
            else:
                groups.append([packet])
        return [
            _Packet(group[0].start_ns, group[0].rate_hz, np.concatenate([packet.samples for packet in group]))
            for group in groups
        ]

    @property
    def rate_hz(self) -> float | None:
        """Of the last packet; None without one."""
        return self._packets[-1].rate_hz if self._packets else None

    def _place(self, time_ns):
        """Number of packets that begin at a time or before."""
        return bisect_right(self._packets, time_ns, key=attrgetter("start_ns"))


class Ring:
    """The record of one station as far as it is in memory; a `tremorlab.waveform.sources.Source`.

    Parameters
    ----------
    station
        NET.STA.LOC.
    components
        Last letters of the channels that are waited for.
    frontier
        Time from which the record is wanted.
    """

    def __init__(self, station: str, components: Iterable[str], frontier: UTCDateTime):
        self._station, self._start_ns = station, frontier.ns
        self._channels: dict[str, Channel] = {}
        self._waiting = {letter: Channel(frontier.ns) for letter in components}

    def add(self, trace: Trace) -> str:
        """Take a packet in: "new", "late", "duplicate", or "refused" where its samples are not numbers."""
        data = np.ma.getdata(trace.data)
        if data.dtype.kind not in "iuf" or data.ndim != 1 or not len(data) or trace.stats.sampling_rate <= 0:
            return "refused"
        code = trace.stats.channel
        if code not in self._channels:
            # The first packet of a component tells which instrument it is.
            self._channels[code] = self._waiting.pop(code[-1:], None) or Channel(self._start_ns)
        return self._channels[code].add(trace.stats.starttime.ns, float(trace.stats.sampling_rate), data)

    def advance(self, given_up_ns: int) -> None:
        """Move the frontier of every channel, over holes before ``given_up_ns`` too."""
        for channel in [*self._channels.values(), *self._waiting.values()]:
            channel.advance(given_up_ns)

    def forget(self, before: UTCDateTime) -> None:
        """Drop what ends before a time."""
        for channel in self._channels.values():
            channel.forget(before.ns)

    @property
    def frontier_ns(self) -> int:
        """Time up to which all components are there or given up."""
        return min(channel.frontier_ns for channel in [*self._channels.values(), *self._waiting.values()])

    @property
    def rates_hz(self) -> list[float]:
        """Sampling rates of the last packets."""
        return [channel.rate_hz for channel in self._channels.values() if channel.rate_hz]

    def get(self, seed_id: str, start: UTCDateTime, end: UTCDateTime) -> Stream:
        """All segments that touch [start, end]; see `tremorlab.waveform.sources.Source`."""
        seed_id, traces = check(seed_id, start, end), []
        network, station, location = self._station.split(".")
        codes = {"network": network, "station": station, "location": location}
        for code, channel in self._channels.items():
            for piece in channel.pieces(start.ns - 10**9, end.ns + 10**9):
                header = codes | {"channel": code, "sampling_rate": piece.rate_hz}
                traces.append(Trace(piece.samples, header | {"starttime": UTCDateTime(ns=piece.start_ns)}))
        return select(traces, seed_id, start, end)
