"""Fetch the records of a study into the cache: windows by FDSN into an SDS archive, published files by URL.

One request a channel pattern and day, its windows merged. A request is finished when its day files are in place and the
journal says so; whatever stops the work in between, the next call goes on from there.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pooch
import requests
from obspy import Stream, UTCDateTime
from obspy.clients.filesystem.sds import SDS_FMTSTR
from tqdm import tqdm

from tremorlab import paths
from tremorlab.errors import DataMissingError, StudyError, WaveformError
from tremorlab.study import Study
from tremorlab.waveform.files import check, ordered, read, select
from tremorlab.waveform.sources import COMPLETE, REFUSALS, FDSNSource

#: Name of the list of finished requests in a study's folder of the cache.
JOURNAL = "requests.json"

_DAY_NS = 86_400_000_000_000

#: Times less than a microsecond apart are the same to a service, and to UTCDateTime when it compares them.
_SAME_NS = 1000


class Request(NamedTuple):
    """What is asked for at once: intervals of one channel pattern within one UTC day."""

    seed_id: str
    day: UTCDateTime
    intervals: tuple[tuple[UTCDateTime, UTCDateTime], ...]

    @property
    def lines(self) -> list[tuple[str, UTCDateTime, UTCDateTime]]:
        """The intervals as an FDSN service wants them."""
        return [(self.seed_id, *interval) for interval in self.intervals]


class Summary(NamedTuple):
    """What `fetch` did."""

    requests: int  #: requests that the windows need
    sent: int  #: of these, sent this time; the others were finished before
    bytes: int  #: written this time
    missing: pd.DataFrame  #: intervals without a record: seed_id, start, end, reason

    def __str__(self) -> str:
        lines = [f"{self.requests} requests, {self.sent} sent now, {self.bytes / 1e6:.1f} MB written"]
        lines += [
            f"missing: {seed_id}, {start} to {end}: {reason}" for seed_id, start, end, reason in self.missing.values
        ]
        return "\n".join(lines)


def fetch(study: Study, windows: pd.DataFrame | None = None, progress: bool = True) -> Summary:
    """Fetch what a study needs into ``<cache>/<study name>``; a finished request is never sent again.

    Parameters
    ----------
    study
        `study.fetch` says where from: an FDSN service, URLs with checksums, or both.
    windows
        Table with seed_id, start and end (UTC), as `tremorlab.dataset.windows.plan` makes it; needed for a service.
    progress
        Show a progress bar.

    Returns
    -------
    Summary

    Raises
    ------
    DataMissingError
        The study names neither a service nor URLs; the message carries its instructions.
    WaveformError
        The service fails, a checksum does not hold, the disk is full or read-only. What was finished stays.
    """
    source = study.fetch
    if not source.service and not source.urls:
        raise DataMissingError(
            f"study {study.name}", "its records cannot be fetched by program", source.instructions or "Ask its author"
        )
    folder = paths.cache() / study.name
    with _disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        files = [_download(study, name, folder, progress) for name in source.urls]
        fetched = Summary(len(files), sum(new for new, _ in files), sum(size for _, size in files), _missing([]))
        if not source.service:
            return fetched
        if windows is None:
            raise WaveformError(
                f"study {study.name}",
                "an FDSN service needs to know the windows",
                "Pass the table of dataset.windows.plan",
            )
        by_service = _from_service(study, plan(windows, source.margin_s), folder, progress)
    return Summary(*(a + b for a, b in zip(fetched[:3], by_service[:3], strict=True)), by_service.missing)


def plan(windows: pd.DataFrame, margin_s: float) -> list[Request]:
    """Merge windows, widened by ``margin_s`` on both sides, into one request a channel pattern and UTC day.

    Raises
    ------
    WaveformError
        A column is missing, a time has no zone, or an id is not NET.STA.LOC.CHA.
    """
    for column in ("seed_id", "start", "end"):
        if column not in windows:
            raise WaveformError("table of windows", f"has no column {column!r}", "Use dataset.windows.plan")
    for column in ("start", "end"):
        if not isinstance(windows[column].dtype, pd.DatetimeTZDtype):
            raise WaveformError(f"table of windows, column {column!r}", "has no time zone", "Give times in UTC")
    margin = pd.Timedelta(seconds=margin_s)
    days: dict[tuple[str, int], list[list[int]]] = {}
    rows = zip(windows["seed_id"], windows["start"] - margin, windows["end"] + margin, strict=True)
    for seed_id, start, end in sorted(rows):
        first, last = start.as_unit("ns").value, end.as_unit("ns").value
        seed_id = check(seed_id, UTCDateTime(ns=first), UTCDateTime(ns=last))
        for day in range(first // _DAY_NS, last // _DAY_NS + 1):
            part = [max(first, day * _DAY_NS), min(last, (day + 1) * _DAY_NS)]
            intervals = days.setdefault((seed_id, day), [])
            if intervals and part[0] <= intervals[-1][1] + _SAME_NS:
                intervals[-1][1] = max(part[1], intervals[-1][1])
            else:
                intervals.append(part)
    return [
        Request(
            seed_id,
            UTCDateTime(ns=day * _DAY_NS),
            tuple((UTCDateTime(ns=first), UTCDateTime(ns=last)) for first, last in intervals),
        )
        for (seed_id, day), intervals in sorted(days.items())
    ]


class _Journal:
    """Finished requests and the files they left, with checksums; written anew after every request."""

    def __init__(self, folder: Path):
        self._folder, self._path = folder, folder / JOURNAL
        self.files: dict[str, str] = {}
        self.requests: dict[str, dict] = {}
        if self._path.exists():
            try:
                content = json.loads(self._path.read_text())
                self.files, self.requests = content["files"], content["requests"]
            except (ValueError, KeyError, TypeError) as error:
                raise WaveformError(self._path, "is damaged", f"Remove the folder {folder} and fetch again") from error

    def finished(self, key: str) -> bool:
        """Whether a request is recorded and every file it left is still as it was written."""
        return key in self.requests and all(self.intact(name) for name in self.requests[key]["files"])

    def intact(self, name: str) -> bool:
        path = self._folder / name
        return path.exists() and self.files.get(name) == _checksum(path.read_bytes())

    def save(self) -> None:
        content = json.dumps({"files": self.files, "requests": self.requests}, indent=1)
        _write(self._path, content.encode())


def _from_service(study: Study, requests: list[Request], folder: Path, progress: bool) -> Summary:
    service, journal, size = FDSNSource(study.fetch.service), _Journal(folder), 0
    keys = [_checksum(repr((study.fetch.service, request)).encode()) for request in requests]
    todo = [(key, request) for key, request in zip(keys, requests, strict=True) if not journal.finished(key)]
    if todo:
        (folder / COMPLETE).unlink(missing_ok=True)
    with tqdm(todo, desc=f"fetch {study.name}", unit="request", disable=not progress) as bar:
        for key, request in bar:
            bar.set_postfix_str(f"{request.seed_id} {request.day.date}")
            reason = f"{study.fetch.service} has no record"
            try:
                traces = service.download(request.lines)
            except WaveformError as error:
                if not isinstance(error.__cause__, REFUSALS):
                    raise
                traces, reason = Stream(), error.problem
            written = _store(traces, request, folder, journal)
            size += sum(written.values())
            journal.requests[key] = {
                "files": sorted(written),
                "missing": [
                    (seed_id, str(start), str(end), reason)
                    for seed_id, start, end in request.lines
                    if not select(traces, seed_id, start, end)
                ],
            }
            journal.save()
    (folder / COMPLETE).touch()
    missing = [row for key in keys for row in journal.requests[key]["missing"]]
    return Summary(len(requests), len(todo), size, _missing(missing))


def _store(traces: Stream, request: Request, folder: Path, journal: _Journal) -> dict[str, int]:
    """Write the day file of every channel of an answer, together with what it held before: name -> bytes."""
    # The sample at midnight belongs to the next day.
    traces = traces.slice(request.day, request.day + 86_400 - 1e-6, nearest_sample=False)
    written = {}
    for seed_id in sorted({trace.id for trace in traces}):
        network, station, location, channel = seed_id.split(".")
        name = SDS_FMTSTR.format(
            year=request.day.year, doy=request.day.julday, sds_type="D",
            network=network, station=station, location=location, channel=channel,
        )  # fmt: skip
        day = Stream([trace for trace in traces if trace.id == seed_id])
        if journal.intact(name):
            day += read(folder / name, folder / name)
        # Intervals may share records: what overlaps with equal samples becomes one, nothing else is merged.
        day.merge(method=-1)
        content = _miniseed(ordered(day), f"{seed_id}, {request.day.date}")
        _write(folder / name, content)
        journal.files[name] = _checksum(content)
        written[name] = len(content)
    return written


def _miniseed(stream: Stream, where: str) -> bytes:
    # Steim cannot hold a jump of 2^29 counts, which may lie between two records that are sound each by itself.
    for options in ({}, {"encoding": "INT32"}):
        # Into memory: obspy writes from a C callback, which would lose the error of a full disk.
        content = BytesIO()
        try:
            stream.write(content, format="MSEED", **options)
        except Exception as error:  # obspy has no common class for these
            failure = error
        else:
            return content.getvalue()
    raise WaveformError(where, f"cannot be written as miniSEED: {failure}", "Report it with this message") from failure


def _download(study: Study, name: str, folder: Path, progress: bool) -> tuple[bool, int]:
    """Fetch one file by URL: whether it was new, and its size."""
    # A study may come from a stranger, and names where to write.
    if Path(name).is_absolute() or ".." in Path(name).parts or "\0" in name:
        raise StudyError(
            f"study {study.name}, fetch.urls, {name!r}", "leads out of the folder of what is fetched",
            "Name the file without '..' and not from the root",
        )  # fmt: skip
    url, _, checksum = study.fetch.urls[name].partition(" ")
    if not checksum.startswith("sha256:"):
        raise StudyError(
            f"study {study.name}, fetch.urls, {name!r}", f"{study.fetch.urls[name]!r} has no checksum",
            "Write 'URL sha256:HEX'",
        )  # fmt: skip
    store = pooch.create(folder, base_url="", registry={name: checksum}, urls={name: url}, retry_if_failed=1)
    path = folder / name
    if path.exists() and _checksum(path.read_bytes()) == checksum.removeprefix("sha256:"):
        return False, 0
    try:
        store.fetch(name, progressbar=progress)
    except requests.RequestException as error:
        raise WaveformError(url, f"cannot be fetched: {error}", "Check the connection, then try again") from error
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise WaveformError(
            url, f"is not what the study expects: {reason}", "Compare the checksum with the source's"
        ) from error
    return True, path.stat().st_size


def _missing(rows: list) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["seed_id", "start", "end", "reason"])


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Write a whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WaveformError(
            error.filename or folder, f"cannot be written: {error.strerror}",
            "Free some space or set TREMORLAB_CACHE to another folder; then run the same command again",
        ) from error  # fmt: skip
