"""What a folder of waveforms holds, told from headers: channels, spans, sampling rates, gaps.

No sample is read, so that a year of day files is surveyed in seconds. What only samples tell (clipping, dead channels,
spikes, damage inside a file) is found when windows are cut.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import inf
from pathlib import Path

import numpy as np
import pandas as pd
from obspy import UTCDateTime

from tremorlab import paths
from tremorlab.errors import WaveformError
from tremorlab.study import FDSNService, HinetService, SDSArchive, Study
from tremorlab.waveform import files, sources
from tremorlab.waveform.collections import SUFFIXES, Collection

#: Files that lie beside waveforms and are none.
_OTHER = {".csv", ".xml", ".toml", ".txt", ".md", ".json", ".pdf", ".png", ".py", ".ipynb", ".html", ".log", ".gz.part"}

#: Day files of an SDS archive below its root.
_SDS = "[0-9][0-9][0-9][0-9]/*/*/*.D/*.D.[0-9][0-9][0-9][0-9].[0-9][0-9][0-9]"

#: Times that nanoseconds since 1970 can hold, with room to add to them; others are damage.
_FIRST, _LAST = UTCDateTime(1700, 1, 1), UTCDateTime(2200, 1, 1)

#: Columns of a table of segments; times in nanoseconds since 1970, the end that of the last sample.
_COLUMNS = {"seed_id": "str", "start_ns": "int64", "end_ns": "int64", "rate_hz": "float64", "file": "str"}


@dataclass(frozen=True, eq=False)
class Records:
    """What was found.

    Attributes
    ----------
    kind : str
        "sds", "files" or "collection" (short records with a table, as SeisBench has them).
    files : list of pathlib.Path
        Those that can be read.
    segments : pandas.DataFrame
        seed_id, start_ns, end_ns, rate_hz, file of each unbroken stretch, as the headers tell.
    unreadable : dict
        File -> why it cannot be read.
    """

    kind: str
    files: list[Path]
    segments: pd.DataFrame
    unreadable: dict[str, str]

    def channels(self) -> pd.DataFrame:
        """One row a channel.

        Returns
        -------
        pandas.DataFrame
            Index seed_id; first and last (UTC), hours of record, rate_hz (text, several where it changes), gaps
            (longer than a sample) and longest_gap_s.
        """
        rows = {}
        for seed_id, own in self.segments.groupby("seed_id"):
            starts, ends = joined(own, 1.5 / own["rate_hz"].min())
            apart = (starts[1:] - ends[:-1]) / 1e9
            rows[seed_id] = {
                "first": pd.Timestamp(int(starts[0]), tz="UTC"),
                "last": pd.Timestamp(int(ends[-1]), tz="UTC"),
                "hours": float((ends - starts).sum() / 3.6e12),
                "rate_hz": ", ".join(f"{rate:g}" for rate in sorted(own["rate_hz"].unique())),
                "gaps": len(apart),
                "longest_gap_s": float(apart.max()) if len(apart) else 0.0,
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("seed_id")

    def matching(self, pattern: str) -> pd.DataFrame:
        """Segments of the channels that a SEED id with wildcards stands for."""
        ids = [name for name in self.segments["seed_id"].unique() if fnmatchcase(name, pattern)]
        return self.segments[self.segments["seed_id"].isin(ids)]


def joined(segments: pd.DataFrame, gap_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends (ns) of the stretches that segments cover, where gaps up to ``gap_s`` do not count."""
    order = np.argsort(segments["start_ns"].to_numpy(), kind="stable")
    starts, ends = segments["start_ns"].to_numpy()[order], segments["end_ns"].to_numpy()[order]
    latest = np.maximum.accumulate(ends)
    begins = np.r_[True, starts[1:] > latest[:-1] + round(gap_s * 1e9)]
    first = np.flatnonzero(begins)
    return starts[first], latest[np.r_[first[1:] - 1, len(latest) - 1]]


def survey(place: str | Path) -> Records:
    """Look through a folder (an SDS archive, or files in any order and depth), or at one file.

    Raises
    ------
    WaveformError
        There is no such place, or nothing in it can be read as a waveform; names the first file and its fault.
    """
    place = Path(place).expanduser()
    if not place.exists():
        raise WaveformError(place, "no such file or folder", "Give the folder that holds the waveforms")
    archive = sorted(place.glob(_SDS)) if place.is_dir() else []
    if archive:
        return _read(archive, "sds", place)
    found = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    found = [path for path in found if path.suffix.lower() not in _OTHER and not path.name.startswith(".")]
    kind = "collection" if found and all(path.suffix in SUFFIXES for path in found) else "files"
    return _read(found, kind, place)


def at_service(study: Study) -> bool:
    """Whether the records of a study are asked of a service, so that there are no files to look through."""
    return isinstance(study.waveforms, FDSNService | HinetService)


def of_study(study: Study) -> Records:
    """Survey the records of a study, of the channels it names.

    Raises
    ------
    DataMissingError
        They are not on this machine; names the command that fetches them.
    WaveformError
        None of them can be read.
    """
    sources.open_source(study)  # says what is missing, and where it was looked for
    waveforms, cache = study.waveforms, paths.cache() / study.name
    names = [waveforms.root] if isinstance(waveforms, SDSArchive) else waveforms.files
    places = [sources._find(name, cache) for name in names]  # as `open_source` looks for them
    if not all(places):
        return _read(_day_files(cache, study.stations), "sds", cache)
    if isinstance(waveforms, SDSArchive):
        return _read(_day_files(places[0], study.stations), "sds", places[0])
    kind = "collection" if all(path.suffix in SUFFIXES for path in places) else "files"
    return _read(places, kind, places[0].parent)


def _day_files(root: Path, stations: Iterable[str]) -> list[Path]:
    """Day files of the channels named; the last letter of a channel is a component."""
    wanted = [station[:-1] + "?" for station in stations]
    return [p for p in sorted(root.glob(_SDS)) if any(fnmatchcase(".".join(p.name.split(".")[:4]), w) for w in wanted)]


def _read(found: list[Path], kind: str, place: Path) -> Records:
    rows, readable, unreadable = [], [], {}
    for path in found:
        try:
            rows += _segments(path)
            readable.append(path)
        except WaveformError as error:
            unreadable[str(path)] = error.problem
    if not rows:
        first = next(iter(unreadable.items()), None)
        problem = f"{len(found)} files, none is a waveform" + (f"; {first[0]} {first[1]}" if first else "")
        raise WaveformError(place, problem, "Give a folder of miniSEED, SAC or another format that obspy reads")
    return Records(kind, readable, pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS), unreadable)


def _segments(path: Path) -> Iterator[tuple]:
    if path.suffix in SUFFIXES:
        table = Collection(path).table
        return [
            (f"{row.network}.{row.station}.{row.location}.{code}", row.start.value, row.end.value,
             row.sampling_rate_hz, str(path))
            for row in table.itertuples() for code in row.channels.split()
        ]  # fmt: skip
    if path.stat().st_size == 0:
        raise WaveformError(path, "is empty (0 bytes)", "Get the file again, or leave it out")
    stream = files.read(path, path, headonly=True)
    for trace in stream:
        start, end, rate = trace.stats.starttime, trace.stats.endtime, trace.stats.sampling_rate
        if not (0 < rate < inf and _FIRST <= start <= end <= _LAST):
            problem = f"has a trace {trace.id} from {_told(start)} to {_told(end)} at {rate:g} Hz"
            raise WaveformError(path, problem, "Times of records are within 1700 to 2200: correct it, or leave it out")
    return [
        (trace.id, trace.stats.starttime.ns, trace.stats.endtime.ns, trace.stats.sampling_rate, str(path))
        for trace in stream
    ]


def _told(time: UTCDateTime) -> str:
    try:
        return str(time)
    except ValueError:  # before the year 1, of which Python knows no date
        return f"{time.ns / 1e9:g} s after 1970"
