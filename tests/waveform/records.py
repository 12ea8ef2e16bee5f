"""Recorded ground motion that comes inside the obspy package, cut the way that the tests need it."""

import re
from pathlib import Path

import numpy as np
import obspy
from obspy import Stream, UTCDateTime

from tremorlab import paths

#: Start of the records made here: ten minutes before a midnight.
START = UTCDateTime("2011-02-15T23:50:00")


def station(seconds: float = 1200.0, start: UTCDateTime = START) -> Stream:
    """An hour of a broadband station (CA.STS2, 200 Hz), every fourth sample of it, as int32 counts at 50 Hz."""
    trace = obspy.read(paths.OBSPY / "signal/tests/data/ref_STS2")[0]
    trace.data = trace.data[::4].astype(np.int32)
    trace.stats.sampling_rate = 50.0
    trace.stats.update({"starttime": start, "network": "CA", "station": "STS2", "location": "", "channel": "EHZ"})
    trace.stats.pop("mseed", None)
    return Stream([trace.slice(start, start + seconds - 0.02).copy()])


def broken(seconds: float = 1200.0) -> Stream:
    """Two channels with a gap of 30 s, an overlap of 5 s and a segment that starts between two samples."""
    whole = station(seconds)[0]
    north = whole.copy()
    north.stats.channel, north.data = "EHN", north.data[::-1].copy()
    pieces = Stream()
    for trace in (whole, north):
        pieces += trace.slice(START, START + 200)
        pieces += trace.slice(START + 230, START + 705)
        pieces += trace.slice(START + 700, START + 900)
        late = trace.slice(START + 901, START + seconds)
        late.stats.starttime += 0.0073
        pieces += late
    return pieces


def write(stream: Stream, path: Path, **options) -> Path:
    """Write miniSEED (STEIM2, 512-byte records unless told otherwise) and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream.write(path, format="MSEED", **({"reclen": 512, "encoding": "STEIM2"} | options))
    return path


def same(left: Stream, right: Stream) -> bool:
    """Whether two streams hold the same codes, times, rates and samples in the same order."""
    return len(left) == len(right) and all(
        a.id == b.id
        and a.stats.starttime == b.stats.starttime
        and a.stats.sampling_rate == b.stats.sampling_rate
        and a.data.dtype == b.data.dtype
        and np.array_equal(a.data, b.data)
        for a, b in zip(left, right, strict=True)
    )


def expected(stream: Stream, seed_id: str, start: UTCDateTime, end: UTCDateTime) -> Stream:
    """What a source has to give, by obspy alone: selected, trimmed, sorted.

    Trace by trace: `Stream.trim` puts every trace on the grid of the first one, whichever that is.
    """
    pattern = re.compile(re.escape(seed_id).replace(r"\*", ".*").replace(r"\?", "."))
    kept = [trace.copy().trim(start, end) for trace in stream if pattern.fullmatch(trace.id)]
    kept = [trace for trace in kept if trace.stats.npts]
    return Stream(sorted(kept, key=lambda tr: (tr.id, tr.stats.starttime.ns, tr.stats.npts)))
