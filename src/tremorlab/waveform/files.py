"""Waveform files on this machine: read with damage detected, kept for the next window, cut in time.

obspy says nothing when a miniSEED file ends inside a record, only warns when the checksum of compressed samples does
not hold, and returns the samples all the same. Here both are errors: a wrong sample is worse than a missing one.
"""

import bz2
import glob
import gzip
import lzma
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import obspy
from obspy import Stream, Trace, UTCDateTime
from obspy.clients.filesystem.sds import SDS_FMTSTR
from obspy.io.mseed import InternalMSEEDWarning

from tremorlab.errors import WaveformError
from tremorlab.waveform.collections import SUFFIXES, Collection

#: Files whose samples stay in memory: the three components of a station and day.
KEEP = 3

_DAY_S = 86400

#: A part of a trace is small where it is less than one in so many of its samples.
_SMALL = 4

#: The most that a compressed file may unpack to (bytes): a month of a channel at 100 Hz has less.
_UNPACKED = 2**30


class _Segment(NamedTuple):
    """What a header tells of one continuous trace."""

    seed_id: str
    start: UTCDateTime
    end: UTCDateTime
    samples: int


def read(source: Path | bytes, where: object, headonly: bool = False) -> Stream:
    """Read a waveform file of any format that obspy knows, refusing what is damaged.

    A record without a network code gets ``XX``, as is the custom, so that every trace has a station NET.STA.

    Parameters
    ----------
    source
        Path of the file, or its content.
    where
        Name of the file or the request, for messages.
    headonly
        Leave the samples out.

    Raises
    ------
    WaveformError
        Unknown format, a miniSEED file that ends inside a record, a failed integrity check; an archive of files, or a
        compressed file that unpacks to more than 1 GiB.
        miniSEED protects compressed samples only: a flipped bit in uncompressed samples, or in the time, the rate
        or the encoding of a record's header, is not found.
    """
    if isinstance(source, Path):
        _refuse_archives(source, where)
    # obspy expands wildcards in names, also those meant literally.
    target = BytesIO(source) if isinstance(source, bytes) else glob.escape(str(source))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            stream = obspy.read(target, headonly=headonly)
        except Exception as error:  # every format of obspy raises its own
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise WaveformError(
                where, f"cannot be read as a waveform: {reason}", "Give an undamaged file of a format obspy reads"
            ) from error
    damage = [str(warning.message) for warning in caught if issubclass(warning.category, InternalMSEEDWarning)]
    if damage:
        raise WaveformError(where, f"is damaged: {damage[0]}", "Get the file again, or leave it out")
    records = [trace.stats.mseed for trace in stream if _is_miniseed(trace)]
    if records:
        length = min(record.record_length for record in records)
        if rest := records[0].filesize % length:
            raise WaveformError(
                where,
                f"is cut off: the last record has {rest} bytes of {length}",
                "Get the file again, or leave it out",
            )
    for trace in stream:  # formats older than SEED have no network, and blanks inside a channel
        trace.stats.network = trace.stats.network or "XX"
        trace.stats.channel = trace.stats.channel.replace(" ", "")
    return stream


def _refuse_archives(path: Path, where: object) -> None:
    """obspy unpacks whatever it is given, whole, into memory."""
    if not path.is_file():
        return
    if unpack := {".gz": gzip.open, ".bz2": bz2.open}.get(path.suffix):
        size = 0
        try:
            with unpack(path, "rb") as content:
                while size <= _UNPACKED and (part := content.read(2**20)):
                    size += len(part)
        except (OSError, EOFError, zlib.error) as error:
            raise WaveformError(where, f"cannot be unpacked: {error}", "Get the file again, or leave it out") from error
        if size > _UNPACKED:
            raise WaveformError(where, f"unpacks to more than {_UNPACKED} bytes", "Unpack it, and look at what it is")
    if zipfile.is_zipfile(path) or _is_tar(path):
        raise WaveformError(where, "is an archive", "Unpack it, and give the files that are in it")


def _is_tar(path):
    try:
        with tarfile.open(path) as archive:
            return archive.next() is not None  # zeros are a tar archive of nothing, and a damaged record
    except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, ValueError):
        return False


def check(seed_id: str, start: UTCDateTime, end: UTCDateTime) -> str:
    """Check a request and return its SEED id with an empty location written as an empty text.

    Raises
    ------
    WaveformError
        The id is not NET.STA.LOC.CHA, or the window ends before it starts.
    """
    codes = seed_id.split(".")
    if len(codes) != 4:
        raise WaveformError(seed_id, "is not NET.STA.LOC.CHA", "Write four codes and three dots; * and ? are wildcards")
    if end < start:
        raise WaveformError(seed_id, f"window ends at {end}, before its start {start}", "Swap the two times")
    return ".".join("" if code == "--" else code for code in codes)


def ordered(traces: Iterable[Trace]) -> Stream:
    """Put traces into a stream by id, start and length, so that the order never depends on the process."""
    return Stream(sorted(traces, key=lambda tr: (tr.id, tr.stats.starttime.ns, tr.stats.npts)))


def select(traces: Iterable[Trace], seed_id: str, start: UTCDateTime, end: UTCDateTime) -> Stream:
    """Cut [start, end] out of the traces that match ``seed_id``; ends are rounded to the nearest sample.

    The samples are read-only: ``Stream.copy`` gives samples that may be changed. Most of a trace is a view of what
    is kept in memory, since a copy would take as long as half the decoding; a small part is a copy, since a view would
    keep the whole in memory for as long as it is needed.
    """
    pieces = []
    for trace in traces:
        if fnmatchcase(trace.id, seed_id) and trace.stats.endtime >= start and trace.stats.starttime <= end:
            piece = trace.slice(start, end)
            if piece.stats.npts:
                piece.data = piece.data.copy() if _SMALL * piece.stats.npts < trace.stats.npts else piece.data.view()
                piece.data.flags.writeable = False
                pieces.append(piece)
    return ordered(pieces)


class _Shelf:
    """Files opened so far: the headers of all, the samples of the last ``KEEP``; a changed file is read again."""

    def __init__(self):
        self._headers: dict[tuple, list[_Segment]] = {}
        self._samples: dict[tuple, Stream] = {}

    def headers(self, path: Path) -> list[_Segment]:
        return self._headers_of(self._state(path))

    def cut(self, path: Path, seed_id: str, start: UTCDateTime, end: UTCDateTime, *, likely: bool = False) -> Stream:
        """Samples of a stretch; a file that is likely to have some is read at once, without a look at its headers."""
        state = self._state(path)
        if likely and state not in self._headers:
            self._headers[state] = _segments(self._samples_of(state))
        headers = self._headers_of(state)
        hits = [
            number
            for number, found in enumerate(headers)
            if fnmatchcase(found.seed_id, seed_id) and found.end >= start and found.start <= end
        ]
        if not hits:
            return Stream()
        stream = self._samples_of(state)
        return select((stream[number] for number in hits), seed_id, start, end)

    def _samples_of(self, state: tuple) -> Stream:
        # Taken out and put back, the files stay in the order of their last use.
        stream = self._samples.pop(state, None)
        while len(self._samples) >= KEEP:  # before the next is read: never is there room for more
            del self._samples[next(iter(self._samples))]
        self._samples[state] = stream = stream or self._read(state)
        return stream

    def _headers_of(self, state: tuple) -> list[_Segment]:
        if state not in self._headers:
            path = state[0]
            stream = read(path, path, headonly=True)
            if not _is_miniseed(stream[0]):  # the headers of some formats are wrong without the samples
                stream = read(path, path)
            self._headers[state] = _segments(stream)
        return self._headers[state]

    def _read(self, state: tuple) -> Stream:
        stream = read(state[0], state[0])
        if _segments(stream) != self._headers.get(state, _segments(stream)):
            raise WaveformError(
                state[0], "is damaged: its headers and its samples disagree", "Get the file again, or leave it out"
            )
        return stream

    @staticmethod
    def _state(path: Path) -> tuple:
        try:
            found = path.stat()
        except OSError as error:
            raise WaveformError(path, f"cannot be opened: {error.strerror}", "Check the name of the file") from error
        if not path.is_file():
            raise WaveformError(path, "is not a file", "Name the files in it, or use an SDS archive")
        if found.st_size == 0:
            raise WaveformError(path, "is empty (0 bytes)", "Get the file again, or leave it out")
        return path, found.st_mtime_ns, found.st_size


def _is_miniseed(trace: Trace) -> bool:
    # Other formats may leave a note of that name without the length of a record.
    return "record_length" in trace.stats.get("mseed", {})


def _segments(stream: Stream) -> list[_Segment]:
    return [_Segment(tr.id, tr.stats.starttime, tr.stats.endtime, tr.stats.npts) for tr in stream]


class FileSource:
    """Records in named files: miniSEED, SAC and whatever else obspy reads; HDF5 and npz collections with their CSV.

    Parameters
    ----------
    files
        Paths. The headers of all are read at once, the samples of a file when a window first needs them; the
        samples of the last three files stay in memory, so that a day of windows costs one read.

    Notes
    -----
    As always in obspy, the times of a segment count from its first sample at the nominal rate. A clock that runs 5 ppm
    off (AV.RSO in 2009) puts samples 85 ms wrong after 2.5 hours; a service that sends single records does not.

    Raises
    ------
    WaveformError
        A file is missing, empty, cut off, damaged or no waveform; the message names it.
    """

    def __init__(self, files: Iterable[str | Path]):
        self._files = [Path(file) for file in files]
        if not self._files:
            raise WaveformError("list of waveform files", "is empty", "Name at least one file")
        self._shelf = _Shelf()
        self._collections = {}
        for path in self._files:
            if path.suffix in SUFFIXES:
                self._collections[path] = Collection(path)
            else:
                self._shelf.headers(path)

    def get(self, seed_id: str, start: UTCDateTime, end: UTCDateTime) -> Stream:
        """All segments that touch [start, end]; see `tremorlab.waveform.sources.Source`."""
        seed_id = check(seed_id, start, end)
        traces = []
        for path in self._files:
            reader = self._collections.get(path)
            if reader is None:
                traces += self._shelf.cut(path, seed_id, start, end)
            else:
                traces += select(reader.read(seed_id, start, end), seed_id, start, end)
        return ordered(traces)


class SDSSource:
    """A SeisComP Data Structure archive: one miniSEED file a channel and day below ``root``.

    Raises
    ------
    WaveformError
        ``root`` is not a folder; or, from `get`, a day file is empty, cut off or damaged.
    """

    def __init__(self, root: str | Path):
        self._root = Path(root)
        if not self._root.is_dir():
            raise WaveformError(self._root, "is not a folder", "Give the top folder of an SDS archive")
        self._shelf = _Shelf()

    def get(self, seed_id: str, start: UTCDateTime, end: UTCDateTime) -> Stream:
        """All segments that touch [start, end]; see `tremorlab.waveform.sources.Source`."""
        seed_id = check(seed_id, start, end)
        codes = dict(zip(("network", "station", "location", "channel"), seed_id.split("."), strict=True))
        traces = []
        # A day file may run over midnight by a record: the days before and after are looked at, too.
        day = UTCDateTime(start.date) - _DAY_S
        while day <= end + _DAY_S:
            name = SDS_FMTSTR.format(year=day.year, doy=day.julday, sds_type="D", **codes)
            outside = day + _DAY_S <= start or day > end
            for path in sorted(self._root.glob(name)):
                try:
                    traces += self._shelf.cut(path, seed_id, start, end, likely=not outside)
                except WaveformError:
                    if not outside:  # damage to another day's file is no matter of this one's
                        raise
            day += _DAY_S
        return ordered(traces)
